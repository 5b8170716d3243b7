"""Strangers' floods, altered messages, wallets that burn gas, and relays that would cheat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from fastapi.testclient import TestClient

from tests.client.relay.conftest import Desk, act, eventually, give_points, mining, order, order_of, send
from tests.client.trade.conftest import World, poor
from troc.accounts import Signer
from troc.acts import Act, Part
from troc.errors import ContractError
from troc.messages import (
    ZERO_ADDRESS,
    Cancel,
    CancelAll,
    CancelNonces,
    Message,
    Permit,
    Redeem,
    Send,
    Voucher,
    pack_nonce,
    sign,
)
from troc.relay import checks
from troc.relay.desk import Limits
from troc.relay.rates import Rate, who_asks
from troc.serving.refusal import RefusalError


def altered(message: Message) -> list[Message]:
    """The message with each of its fields changed, one at a time."""
    found = []
    for name, type_ in message._layout().items():
        value = getattr(message, name)
        if type_ == "address":
            other: Any = "0x" + "ab" * 20
        elif type_ == "bytes32":
            other = bytes(31) + b"\x01" if value != bytes(31) + b"\x01" else bytes(32)
        elif type_ == "bool":
            other = not value
        elif type_.endswith("[]"):
            other = (*value, pack_nonce(9))
        else:
            other = value + 1
        found.append(replace(message, **{name: other}))
    return found


def test_nobody_can_alter_what_was_signed(world: World) -> None:
    """The chain itself refuses a message with any field changed, whatever a relay would do."""
    ann, bob = world.ann, world.bob
    end = world.chain.now() + 3600
    exchange = world.everyone.acts.exchange.verifying_contract
    acme = world.everyone.brand("ACME")
    world.everyone.brands.set_grant(acme, ann.address, 1000, world.owner_signer)
    messages: list[Message] = [
        Send(ann.address, bob.address, 30, end, pack_nonce(0)),
        Redeem(ann.address, 30, b"r" * 32, ZERO_ADDRESS, end, pack_nonce(0)),
        CancelNonces(ann.address, (pack_nonce(0),)),
        Permit(ann.address, exchange, 0, 0, end),
        Voucher(ann.address, 0, bob.address, False, 5, b"v" * 32, end, pack_nonce(1)),
        Cancel(ann.address, (pack_nonce(0),), ()),
        CancelAll(ann.address, (pack_nonce(0),), ()),
    ]
    acts = world.everyone.acts
    for message in messages:
        good = act(world, ann, message)
        world.chain.estimate(acts.call([good]), world.relay.address)
        for other in altered(message):
            if isinstance(other, Permit) and other.nonce:
                # No call carries it: the token counts by itself.
                continue
            bad = Act((Part(other, good.parts[0].signature),), good.domain)
            with pytest.raises(ContractError):
                world.chain.estimate(acts.call([bad]), world.relay.address)


def test_nobody_can_alter_an_order(world: World) -> None:
    made = order(world, world.ann, "100 ACME", "50 BETA")
    answer = order(world, world.bob, "50 BETA", "100 ACME")
    acts = world.everyone.acts
    moves = ((0, 1, 100), (1, 0, 5000))

    def settlement(first: Message) -> Act:
        return Act((Part(first, made.parts[0].signature), *answer.parts), made.domain, moves)

    world.chain.estimate(acts.call([settlement(made.message)]), world.relay.address)
    for other in altered(made.message):
        with pytest.raises(ContractError):
            world.chain.estimate(acts.call([settlement(other)]), world.relay.address)


def test_what_is_refused_and_why(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_FRESH_SECONDS", 0.0)
    world = desk.world
    ann, bob = world.ann, world.bob
    now = world.chain.now()
    good = send(world, ann, bob, 30)
    offer = order(world, ann)

    def forged(found: Act, **changes: Any) -> Act:
        return Act((Part(replace(found.message, **changes), found.parts[0].signature),), found.domain)

    off = act(world, ann, Permit(ann.address, offer.domain.verifying_contract, 0, 0, now + 99))
    assert desk.refused(forged(off, nonce=1)) == (403, "not_signed")
    stranger = "0x" + "ab" * 20
    data = good.to_json()
    refused = {
        "kind": data | {"kind": "Approve"},
        "chain": data | {"chainId": 1},
        "contract": data | {"contract": stranger},
        "wrong contract": data | {"contract": offer.domain.verifying_contract},
        "field": data | {"message": data["message"] | {"more": "1"}},
        "missing": data | {"message": {}},
        "claim": data | {"claim": {"message": {}, "signature": "0x"}},
        "hex": data | {"signature": "0xzz"},
        "long": data | {"signature": "0x" + "11" * 5000},
    }
    codes = {name: desk.refused(body)[1] for name, body in refused.items()}
    assert codes == {
        "kind": "malformed",
        "chain": "refused",
        "contract": "unknown_points",
        "wrong contract": "malformed",
        "field": "malformed",
        "missing": "malformed",
        "claim": "malformed",
        "hex": "malformed",
        "long": "malformed",
    }
    for act_, answer in (
        (forged(good, amount=31), (403, "not_signed")),
        (forged(offer, want_amount=1), (403, "not_signed")),
        (send(world, ann, bob, 30, deadline=now - 1), (409, "deadline_passed")),
        (send(world, ann, bob, 401), (409, "insufficient_balance")),
        (send(world, ann, bob, 30, nonce=pack_nonce(0, 1)), (409, "nonce_not_current")),
        (order(world, ann, open_until=now - 1), (409, "deadline_passed")),
        (order(world, ann, give_amount=401), (409, "points_missing")),
        (order(world, ann, want_token=offer.message.to_json()["giveToken"]), (409, "bad_terms")),
        (order(world, ann, give_token=stranger), (404, "unknown_points")),
        (order(world, ann, give_kind=1), (409, "unknown_points")),
        (
            act(world, ann, Redeem(ann.address, 1, b"r" * 32, bob.address, now + 99, 0)),
            (409, "not_the_agent"),
        ),
        (act(world, ann, CancelNonces(ann.address, ())), (422, "malformed")),
    ):
        assert desk.refused(act_) == answer
    ann.set_exchange("ACME", False)
    assert desk.refused(offer) == (409, "exchange_off")
    assert desk.status()["messages"] == {}


def test_a_settlement_that_could_come_again_is_refused(desk: Desk) -> None:
    """Parts of parts: nobody's order ends with it, so it could be asked for unit by unit."""
    world = desk.world
    made, answer = (
        order(world, who, give, want, allow_partial=True)
        for who, give, want in ((world.ann, "100 ACME", "50 BETA"), (world.bob, "50 BETA", "100 ACME"))
    )
    both = Act((*made.parts, *answer.parts), made.domain, ((0, 1, 2), (1, 0, 100)))
    assert desk.refused(both) == (409, "nobody_to_charge")


def test_a_request_that_never_ends_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troc.serving.http._BODY_SECONDS", 0.05)
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not begun:
            begun.append(True)
            return {"type": "http.request", "body": b"{", "more_body": True}
        await asyncio.sleep(60)
        raise AssertionError("it waits for ever")

    async def send_(message: Any) -> None:
        said.append(message)

    begun: list[bool] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/messages",
        "raw_path": b"/messages",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 9),
    }

    async def ask() -> None:
        await desk.http.app(scope, receive, send_)

    asyncio.run(ask())
    assert said[0]["status"] == 408
    assert json.loads(said[1]["body"])["code"] == "too_slow"


def test_an_order_is_for_whoever_holds_the_points(desk: Desk) -> None:
    """A flood of well-signed orders of strangers costs no ether."""
    world = desk.world
    template = order_of(order(world, world.ann))
    for number in range(100):
        account = Account.from_key((number + 1).to_bytes(32, "big"))
        signer = Signer("stranger", account.address, account)
        message = replace(template, maker=signer.address)
        exchange = world.everyone.acts.exchange
        flood = Act((Part(message, sign(message, exchange, signer)),), exchange)
        assert desk.refused(flood) == (409, "points_missing")
    nobody = world.everyone.as_account(poor("nobody"))
    endings: list[Message] = [
        Cancel(nobody.address, (0,), ()),
        CancelNonces(nobody.address, (0,)),
        CancelAll(nobody.address, (0,), ()),
    ]
    for ending in endings:
        assert desk.refused(act(world, nobody, ending)) == (403, "no_points")
    assert desk.status()["messages"] == {}
    assert world.chain.transaction_count(desk.relay.address) == 0


def test_points_that_went_before_the_order_was_published(desk: Desk) -> None:
    """It is looked once more just before: nothing is spent on it, and its maker learns why."""
    world = desk.world
    sending = desk.relay._sender
    whole, sending._send_waiting = sending._send_waiting, lambda: False  # type: ignore[method-assign]
    offer = order(world, world.ann, "400 ACME", "1 BETA")
    kept = order(world, world.ann, "10 ACME", "1 BETA", nonce=pack_nonce(0, 0, 9))
    desk.post(offer)
    desk.post(kept)
    world.ann.send("30 ACME", world.bob.address)
    sending._send_waiting = whole  # type: ignore[method-assign]
    assert desk.over(offer)["why"]["code"] == "points_missing"
    assert desk.over(kept)["state"] == "done"


def test_caps_of_one_signer(open_desk: Callable[..., Desk], world: World) -> None:
    desk = open_desk(limits=Limits(per_day=5, waiting=3))
    sending = desk.relay._sender
    whole, sending._send_waiting = sending._send_waiting, lambda: False  # type: ignore[method-assign]
    orders = [order(world, world.ann, nonce=pack_nonce(0, 0, index)) for index in range(6)]
    for each in orders[:3]:
        desk.post(each)
    assert desk.refused(orders[3]) == (429, "too_many_waiting")
    # The others are not kept waiting by her.
    desk.post(order(world, world.bob, "1 BETA", "1 ACME"))
    sending._send_waiting = whole  # type: ignore[method-assign]
    for each in orders[:3]:
        desk.over(each)
    for each in orders[3:5]:
        desk.post(each)
    assert desk.refused(orders[5]) == (429, "too_many_today")


def test_what_strangers_bring_uses_up_nobodys_own_messages(
    open_desk: Callable[..., Desk], world: World
) -> None:
    """Vouchers for her and settlements of her order are brought by anyone: she can still end hers."""
    desk = open_desk(limits=Limits(per_day=5, waiting=2), per_signer=0.1)
    sending = desk.relay._sender
    whole, sending._send_waiting = sending._send_waiting, lambda: False  # type: ignore[method-assign]
    made = order(world, world.ann, "100 ACME", "50 BETA")
    answer = order(world, world.bob, "60 BETA", "100 ACME", allow_partial=True, nonce=pack_nonce(5))
    for units in (5000, 5001):
        desk.post(Act((*answer.parts, *made.parts), made.domain, ((1, 0, 100), (0, 1, units))))
    third = Act((*answer.parts, *made.parts), made.domain, ((1, 0, 100), (0, 1, 5002)))
    assert desk.refused(third) in ((429, "too_many_waiting"), (429, "too_fast"))
    ending = act(world, world.ann, Cancel(world.ann.address, (order_of(made).nonce,), ()))
    desk.post(ending)
    sending._send_waiting = whole  # type: ignore[method-assign]
    desk.over(ending)


def test_a_wallet_that_issues_vouchers_bars_nobody_but_itself(desk: Desk) -> None:
    """Vouchers that fail in blocks, each for somebody else: their issuer is barred, and no recipient is."""
    world = desk.world
    faced = wallet(world, TWO_FACED)
    acme = world.everyone.brand("ACME")
    world.everyone.brands.set_grant(acme, faced, 1000, world.owner_signer)
    domain = acme.domain_of_messages(world.chain.chain_id)
    end = world.chain.now() + 3600

    def voucher(index: int, to: str) -> Act:
        message = Voucher(faced, 0, to, False, 5, bytes(32), end, pack_nonce(0, 0, index))
        return Act((Part(message, b"owners"),), domain)

    for index in range(3):
        bad = voucher(index, world.ann.address)
        desk.post(bad)
        assert desk.over(bad)["state"] == "failed"
    assert desk.refused(voucher(3, world.cem.address)) == (429, "barred")
    gift = send(world, world.ann, world.bob, 30)
    desk.post(gift)
    assert desk.over(gift)["state"] == "done"


def test_two_messages_with_one_number(desk: Desk) -> None:
    world = desk.world
    mining(world, False)
    first, second = send(world, world.ann, world.bob, 30), send(world, world.ann, world.cem, 30)
    desk.post(first)
    assert desk.refused(second) == (409, "nonce_taken")
    mining(world, True)
    eventually(lambda: desk.get(first.id)["state"] in ("submitted", "done"))
    world.pass_days(0)
    desk.over(first)
    assert desk.refused(second) == (409, "nonce_used")


def test_a_rate_for_each_address(open_desk: Callable[..., Desk], world: World) -> None:
    desk = open_desk(per_ip=1.0)
    junk = send(world, world.ann, world.bob, 30).to_json() | {"kind": "Nothing"}
    codes = [desk.http.post("/messages", json=junk).json()["code"] for _ in range(12)]
    assert set(codes) == {"malformed", "too_fast"}
    # What is refused counts more than what is not.
    assert codes.index("too_fast") <= 3


def test_a_rate_forgets_whom_it_has_not_seen_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troc.relay.rates._REMEMBERED", 10)
    rate = Rate(0.001, 1, "address")
    for number in range(100):
        rate.take(str(number))
    assert len(rate._buckets) == 10
    with pytest.raises(RefusalError):
        rate.take("99")


def test_a_subscriber_with_many_addresses_counts_once() -> None:
    assert who_asks("2001:db8::1") == who_asks("2001:db8::ffff:1") != who_asks("2001:db8:0:1::1")
    assert who_asks("::ffff:1.2.3.4") == who_asks("1.2.3.4") != who_asks("1.2.3.5")
    assert who_asks("testclient") == "testclient"


def test_text_that_is_none_is_refused(desk: Desk) -> None:
    """Halves of characters, in every place that an answer repeats."""
    good = send(desk.world, desk.world.ann, desk.world.bob, 30).to_json()
    half = "\\ud800"
    for body in (
        good | {"HALF": 1},
        good | {"kind": "HALF"},
        good | {"contract": "HALF"},
        good | {"signature": "0xHALF"},
        good | {"message": good["message"] | {"HALF": "1"}},
        good | {"message": good["message"] | {"amount": "HALF"}},
    ):
        text = json.dumps(body).replace("HALF", half)
        answer = TestClient(desk.http.app, raise_server_exceptions=False).post("/messages", content=text)
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed"), body


def test_brands_that_a_relay_serves(open_desk: Callable[..., Desk], world: World) -> None:
    desk = open_desk(only=[world.everyone.brand("GAMMA")])
    assert desk.refused(send(world, world.ann, world.bob, 30)) == (403, "not_served")
    assert desk.refused(order(world, world.ann)) == (403, "not_served")
    ending = act(world, world.ann, Cancel(world.ann.address, (0,), ()))
    assert desk.refused(ending) == (403, "no_points")
    said = desk.http.post("/messages", json=ending.to_json()).json()["message"]
    assert said == f"{world.ann.address} has no points of GAMMA, which this relay serves"
    offer = order(world, world.ann, "10 ACME", "5 GAMMA")
    desk.post(offer)
    assert desk.over(offer)["state"] == "done"
    # What it published can be ended through it; somebody else's acts of the kind are refused as before.
    nonce = order_of(offer).nonce
    done = act(world, world.ann, Cancel(world.ann.address, (nonce,), ()))
    desk.post(done)
    assert desk.over(done)["state"] == "done"
    assert str(world.everyone.show(offer.id).state) == "cancelled"
    assert desk.refused(act(world, world.bob, Cancel(world.bob.address, (0,), ()))) == (403, "no_points")
    desk.post(act(world, world.cem, Cancel(world.cem.address, (0,), ())))


def test_requests_are_small(desk: Desk) -> None:
    answer = desk.http.post("/messages", content=b"x" * (300 * 1024))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert desk.http.post("/messages", content=b"[" * 100_000).status_code == 422


# ------------------------------------------------------------------------------------------- contract wallets


YES = "7f1626ba7e" + "00" * 28 + "5f5260205ff3"
"""Code that says yes to every signature."""
BURNS = "5b5f56"
"""Code that runs until its gas is gone."""
TWO_FACED = "3a602b57" + YES + "5b602b56"
"""Says yes where gas costs nothing, as in a rehearsal, and burns all of it in a block."""


def wallet(world: World, code: str) -> str:
    """A contract wallet with 100 ACME and such code."""
    address = "0x" + code[:8].ljust(40, "5")
    world.brand.mint("ACME", {address: 100}, reference=code)
    world.set_code(address, "0x" + code)
    return str(to_checksum_address(address))


def gift_of(world: World, holder: str, index: int) -> Act:
    """What a wallet gives, as it signs."""
    end = world.chain.now() + 3600
    message = Send(holder, world.bob.address, 1, end, pack_nonce(0, 0, index))
    domain = world.everyone.brand("ACME").domain_of_messages(world.chain.chain_id)
    return Act((Part(message, b"owners"),), domain)


def offer_of(world: World, holder: str) -> Act:
    """What a wallet offers, as it signs."""
    offer = order(world, world.ann)
    return Act((Part(replace(order_of(offer), maker=holder), b"owners"),), offer.domain)


def test_a_contract_wallet(desk: Desk) -> None:
    world = desk.world
    honest = wallet(world, YES)
    for each in (gift_of(world, honest, 0), offer_of(world, honest)):
        desk.post(each)
        assert desk.over(each)["state"] == "done"


def test_a_wallet_that_burns_gas_is_refused(desk: Desk) -> None:
    world = desk.world
    burns = wallet(world, BURNS)
    assert desk.refused(offer_of(world, burns)) == (403, "not_signed")
    desk.refused(gift_of(world, burns, 0))
    assert desk.status()["messages"] == {}


def test_a_wallet_that_burns_gas_in_blocks_only_is_barred(desk: Desk) -> None:
    """It costs what it was rehearsed for and a fifth more, three times; nobody else is held up."""
    world = desk.world
    faced = wallet(world, TWO_FACED)
    before = world.chain.balance(desk.relay.address)
    for index in range(3):
        gift = gift_of(world, faced, index)
        desk.post(gift)
        failed = desk.over(gift)
        assert failed["state"] == "failed"
        assert failed["transaction"]
    assert desk.refused(gift_of(world, faced, 3)) == (429, "barred")
    spent = before - world.chain.balance(desk.relay.address)
    assert spent < 3 * 150_000 * world.chain.gas_price()
    gift = send(world, world.ann, world.bob, 30)
    desk.post(gift)
    assert desk.over(gift)["state"] == "done"


def test_a_wallet_does_not_spoil_what_others_asked_for(desk: Desk) -> None:
    """An issuer's wallet that lies: its vouchers go alone, and those of others are paid."""
    world = desk.world
    faced = wallet(world, TWO_FACED)
    acme = world.everyone.brand("ACME")
    for issuer in (faced, world.ann.address):
        world.everyone.brands.set_grant(acme, issuer, 1000, world.owner_signer)
    domain = acme.domain_of_messages(world.chain.chain_id)
    honest = world.ann.sign_voucher("20 ACME", world.bob.address)
    bad = replace(honest.voucher, issuer=faced, recipient=world.cem.address)
    acts = [
        Act((Part(bad, b"owners"),), domain),
        Act((Part(honest.voucher, honest.signature),), domain),
    ]
    for each in acts:
        desk.post(each)
    assert [desk.over(each)["state"] for each in acts] == ["failed", "done"]
    assert world.units(world.bob, "ACME") == 20


@pytest.mark.parametrize("brand", ["ACME", "BETA", "GAMMA"])
def test_ends_orders_for_whoever_has_points_of_any_brand(
    desk: Desk, world: World, monkeypatch: pytest.MonkeyPatch, brand: str
) -> None:
    """Of however many: they are asked in questions of so many tokens."""
    monkeypatch.setattr(checks, "_TOKENS_ASKED", 2)
    holder = give_points(world, brand, 1)
    desk.post(act(world, holder, Cancel(holder.address, (0,), ())))


def test_tokens_that_break_are_no_points(world: World) -> None:
    """Nor does one that burns its gas, or fails with an answer, hide the points of another."""
    nobody, breaks, burns, fails = ("0x" + pair * 20 for pair in ("ab", "cd", "de", "ef"))
    world.set_code(breaks, "0xfe")
    world.set_code(burns, "0x5b5f56")
    # Reverts with 1.
    world.set_code(fails, "0x60015f5260205ffd")
    odd = [nobody, breaks, burns, fails]
    acme, beta = (world.everyone.brand(symbol).address for symbol in ("ACME", "BETA"))
    bob = world.bob.address
    for tokens, has in (([], None), (odd, 0), ([*odd, acme], 0), ([*odd, acme, beta, nobody], 1)):
        answers = world.chain.try_many(checks._has_any(bob, tokens))
        assert answers == ([] if has is None else [has.to_bytes(32)])
