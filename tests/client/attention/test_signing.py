"""The signing service on a real chain: what it signs is paid, and never more than the chain can pay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.client.attention.cases import PRICE, Attention, attention, deployed, home
from tests.client.attention.signing_cases import Desk, OpenDesk, desk, open_desk
from troc import words
from troc.attention.register import TOKENS, Register
from troc.attention.signing import Signing
from troc.attention.slips import Slip, read_text
from troc.errors import InputError

__all__ = ["attention", "deployed", "desk", "home", "open_desk"]


def pay(attention: Attention, slip: Slip, account: bytes, recipient: str) -> None:
    """Claim a ticket or code."""
    attention.chain.send(attention.rewards.ticket_call(slip, account, recipient), attention.payer)


def test_a_statement_is_paid_and_grows(desk: Desk) -> None:
    attention, ann = desk.attention, desk.attention.ann
    first = desk.contact("film 1", ann)
    assert (first["number"], first["account"], first["state"]) == (0, ann.address, "open")
    second = read_text(desk.contact("film 2", ann)["slip"])
    assert second.contacts == {0, 1}
    attention.claim(second)
    assert attention.points(ann) == 2 * PRICE
    third = read_text(desk.contact("film 3", ann)["slip"])
    assert third.contacts == {0, 1, 2}
    assert desk.get("/statements", account=ann.address)["slips"] == [third.to_text()]
    attention.claim(third)
    assert attention.points(ann) == 3 * PRICE
    # The same contact gets its word of now, and its number.
    again = desk.contact("film 1", ann)
    assert (again["number"], again["slip"]) == (0, third.to_text())


def test_a_ticket_goes_ahead_and_its_key_comes_with_the_content(desk: Desk) -> None:
    attention, bob = desk.attention, desk.attention.bob
    answer = desk.post("/tickets", contact="mail 1", account=bob.address, good="10d")
    ahead = read_text(answer["slip"])
    assert not ahead.secret
    assert answer["valid_until"] == ahead.message.valid_until  # type: ignore[union-attr]
    whole = ahead.with_key(bytes.fromhex(answer["key"][2:]))
    assert whole == read_text(answer["whole"])
    pay(attention, whole, attention.account(bob), bob.address)
    assert attention.points(bob) == PRICE
    # Asked again, with another date: the ticket that there is.
    again = desk.post("/tickets", contact="mail 1", account=bob.address, good="20d")
    assert {**again, "state": ""} == {**answer, "state": ""}
    desk.signing.look()
    assert desk.post("/tickets", contact="mail 1", account=bob.address)["state"] == "paid"


def test_a_code_is_paid_once_its_batch_is_active(desk: Desk) -> None:
    attention, bob = desk.attention, desk.attention.bob
    answer = desk.post("/codes", contact="till 1")
    assert (answer["number"], answer["batch"], answer["account"]) == (0, 0, "")
    assert answer["valid_until"] == attention.fresh.terms.claim_until
    attention.rewards.activate(attention.fresh.id, [0])
    pay(attention, read_text(answer["whole"]), attention.account(bob), bob.address)
    assert attention.points(bob) == PRICE


def test_a_printed_batch_is_the_same_each_time(desk: Desk) -> None:
    fresh = desk.attention.fresh
    codes = desk.signing.print_batch(fresh, 2, "20d")
    assert [each.message.id for each in codes] == list(range(2_000, 2_500))  # type: ignore[union-attr]
    assert desk.signing.print_batch(fresh, 2) == codes
    assert desk.post("/codes", contact="till 1")["number"] == 0


def test_what_was_signed_and_could_be_claimed_is_never_more_than_what_is_free(open_desk: OpenDesk) -> None:
    desk = open_desk()
    attention = desk.attention
    campaign = attention.open(4, codes=0, codes_per_account=0, per_day=0)
    desk = open_desk(attention.fresh, campaign)
    its = {"campaign": campaign.name[:20]}
    ann, bob = attention.ann, attention.bob
    slips = [desk.contact(f"a{number}", ann, **its)["slip"] for number in range(3)]
    desk.post("/tickets", contact="b0", account=bob.address, **its)
    assert desk.refused("/contacts", contact="b1", account=bob.address, **its) == (403, "budget")
    # Her claim makes no room: it is what was owed.
    attention.claim(read_text(slips[-1]))
    desk.signing.look()
    status = desk.get("/status", **its)
    assert (status["free"], status["owed"], status["room"], status["budget"]) == (1, 1, 0, 1)
    assert desk.refused("/contacts", contact="b1", account=bob.address, **its) == (403, "budget")
    # The other campaign has its own.
    desk.contact("a0", bob, campaign=attention.fresh.name)
    assert desk.refused("/contacts", contact="b2", account=bob.address) == (404, "campaign_unknown")


def test_enrolled_accounts_have_their_own_and_leave_the_rest_to_others(open_desk: OpenDesk) -> None:
    desk = open_desk()
    attention = desk.attention
    ann, bob = attention.ann, attention.bob
    campaign = attention.open(22, codes=0, codes_per_account=0, per_day=0)
    attention.rewards.enrol(campaign.id, [attention.account(ann)])
    desk = open_desk(campaign)
    for number in range(20):
        slip = desk.contact(f"a{number}", ann)["slip"]
    for number in range(2):
        other = desk.contact(f"b{number}", bob)["slip"]
    assert desk.refused("/contacts", contact="b9", account=bob.address) == (403, "budget")
    assert desk.refused("/contacts", contact="a9!", account=ann.address) == (403, "contacts_used_up")
    attention.claim(read_text(other), read_text(slip))
    assert (attention.points(ann), attention.points(bob)) == (20 * PRICE, 2 * PRICE)
    desk.signing.look()
    assert (desk.get("/status")["owed"], desk.get("/status")["budget"]) == (0, 0)


def test_an_expired_ticket_makes_room_once_the_chain_is_beyond_it(open_desk: OpenDesk) -> None:
    desk = open_desk()
    attention = desk.attention
    campaign = attention.open(1, codes=0, codes_per_account=0, per_day=0)
    desk = open_desk(campaign)
    ann, bob = attention.ann, attention.bob
    until = desk.post("/tickets", contact="m1", account=ann.address, good="1d")["valid_until"]
    attention.pass_to(until)
    desk.signing.look()
    assert desk.refused("/contacts", contact="b1", account=bob.address) == (403, "budget")
    attention.pass_to(until + 1)
    desk.signing.look()
    assert desk.contact("b1", bob)["number"] == 0
    assert desk.get("/status")["contacts"]["ticket"] == {"expired": 1}


def test_each_day_opens_the_next_numbers(desk: Desk) -> None:
    attention, ann = desk.attention, desk.attention.ann
    for number in range(3):
        desk.contact(f"a{number}", ann)
    assert desk.refused("/contacts", contact="a3", account=ann.address) == (403, "day_full")
    attention.pass_days(1)
    desk.signing.look()
    slip = read_text(desk.contact("a3", ann)["slip"])
    attention.claim(slip)
    assert attention.points(ann) == 4 * PRICE


def test_many_at_once_each_by_itself(desk: Desk) -> None:
    ann, bob = desk.attention.ann, desk.attention.bob
    rows = [{"contact": f"a{number}", "account": ann.address} for number in range(4)]
    rows += [{"contact": "b0", "account": bob.address}, {"contact": "a1", "account": bob.address}]
    rows += [{"contact": "c0", "account": "0x12"}]
    found = desk.post("/contacts/many", contacts=rows)["contacts"]
    assert [each["number"] for each in (*found[:3], found[4])] == [0, 1, 2, 0]
    assert [each["why"]["code"] for each in (found[3], *found[5:])] == [
        "day_full",
        "contact_differs",
        "malformed",
    ]
    # Sent again: the same, but for the word, which is the whole one by now.
    again = desk.post("/contacts/many", contacts=rows)["contacts"]
    assert [each.get("number") for each in again] == [each.get("number") for each in found]
    assert again[0]["slip"] == found[2]["slip"]


def test_a_service_goes_on_where_the_last_one_ended(open_desk: OpenDesk) -> None:
    desk = open_desk()
    ann = desk.attention.ann
    answers = [desk.contact("a0", ann), desk.post("/tickets", contact="m0", account=ann.address)]
    desk = open_desk()
    assert [desk.contact("a0", ann), desk.post("/tickets", contact="m0", account=ann.address)] == answers
    assert desk.contact("a1", ann)["number"] == 2


def test_the_chain_may_be_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from troc.attention.signing import Watch
    from troc.errors import NetworkError

    def away(self: Watch) -> None:
        raise NetworkError("the node does not answer", "start it")

    monkeypatch.setattr(Watch, "observe", away)
    assert desk.contact("a0", desk.attention.ann)["number"] == 0


REQUESTS = (
    ("POST", "/contacts"),
    ("POST", "/contacts/many"),
    ("POST", "/tickets"),
    ("POST", "/codes"),
    ("GET", "/statements"),
    ("GET", "/status"),
)


def test_nothing_is_told_or_done_without_a_good_token(desk: Desk) -> None:
    ann = desk.attention.ann.address
    one = {"contact": "a0", "account": ann}
    bodies = {"/codes": {"contact": "c0"}, "/contacts/many": {"contacts": [one]}}
    for method, path in REQUESTS:
        for headers, code in (
            ({}, "token_missing"),
            ({"Authorization": "Bearer troc_attention_guess"}, "token_unknown"),
            ({"Authorization": f"Basic {desk.token}"}, "token_missing"),
        ):
            body = bodies.get(path, one) if method == "POST" else None
            answer = desk.http.request(method, path, json=body, params={"account": ann}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, code), path
    assert desk.signing.register.contacts(desk.attention.fresh.id) == []
    assert {path for _, path in REQUESTS} == set(desk.http.get("/openapi.json").json()["paths"]) - {"/health"}
    TOKENS.revoke(desk.signing.register.engine, "site")
    assert desk.refused("/contacts", **one) == (401, "token_unknown")


def test_malformed(desk: Desk) -> None:
    ann = desk.attention.ann.address
    good = {"contact": "a0", "account": ann}
    for wrong in (
        {"contact": ""},
        {"contact": "a" * 101},
        {"account": "ann"},
        {"account": ann.swapcase()},
        {"account": "0x" + "00" * 20},
        {"account": "0x" + "77" * 32},
        {"at": "now"},
        {"at": 2**40},
        {"more": 1},
    ):
        assert desk.refused("/contacts", **good | wrong) == (422, "malformed"), wrong
    assert desk.refused("/tickets", **good, good="soon") == (422, "malformed")
    assert desk.refused("/tickets", **good, good="2020-01-01") == (422, "malformed")
    assert desk.refused("/contacts", **good, campaign="0x77") == (404, "campaign_unknown")
    assert desk.refused("/contacts/many", contacts=[]) == (422, "malformed")
    rows = [good] * 1_001
    assert desk.refused("/contacts/many", contacts=rows) == (422, "malformed")
    assert desk.refused("/contacts", contact="a" * 600_000, account=ann) == (413, "too_large")
    assert desk.signing.register.contacts(desk.attention.fresh.id) == []


def test_a_body_that_does_not_say_it_is_json(desk: Desk) -> None:
    body = json.dumps({"contact": "a0", "account": desk.attention.ann.address})
    answer = desk.http.post("/contacts", content=body, headers=desk.headers)
    assert answer.status_code == 422
    assert answer.json() == {
        "code": "malformed",
        "message": "the request does not say that its body is JSON",
        "remedy": "send the header `content-type: application/json` with it",
    }
    # What is JSON, and no object, is told as before.
    said = desk.headers | {"content-type": "application/json"}
    assert "header" not in desk.http.post("/contacts", content='"a0"', headers=said).json()["remedy"]


def test_a_refusal_names_an_account_as_people_know_it(desk: Desk) -> None:
    ann, bob = desk.attention.ann, desk.attention.bob
    desk.contact("a0", ann)
    body = {"contact": "a0", "account": bob.address}
    answer = desk.http.post("/contacts", json=body, headers=desk.headers)
    assert answer.status_code == 409
    assert answer.json()["message"] == (
        f"the contact a0 was taken down as a statement of {words.short(ann.address)}"
    )


def test_only_the_campaigns_own_key_signs(attention: Attention, tmp_path: Path) -> None:
    register = Register(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with pytest.raises(InputError, match="is signed by"):
        Signing(attention.rewards, register, attention.payer, [attention.fresh])


def test_everything_that_was_signed(desk: Desk) -> None:
    ann = desk.attention.ann
    desk.contact("a0", ann)
    desk.post("/tickets", contact="m0", account=ann.address)
    desk.post("/codes", contact="c0")
    desk.signing.print_batch(desk.attention.fresh, 2)
    found = desk.signing.everything(desk.attention.fresh)
    assert [each.kind for each in found[:3]] == ["statement", "ticket", "ticket"]
    assert len(found) == 3 + 500
    assert not any(each.secret for each in found)
