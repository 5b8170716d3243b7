"""A customer's book of slips on a chain: collected, looked at, claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hexbytes import HexBytes
from web3.datastructures import AttributeDict

from tests.client.attention.cases import DAY, PRICE, Attention, attention, deployed, home
from tests.client.trade.conftest import poor
from troc.acts import Act
from troc.attention.acts import pair
from troc.attention.claiming import State
from troc.attention.collection import Addition, Collection
from troc.attention.earning import Earned, Earnings
from troc.attention.leaves import Leaf, write_leaves
from troc.attention.messages import Statement, rewards_domain
from troc.attention.roots import RootFile, Sets, write_root
from troc.attention.slips import Slip, sign_statements, write_slips
from troc.chain import Receipt
from troc.client import Troc
from troc.errors import ContractError

__all__ = ["attention", "deployed", "home"]


def keep(troc: Troc, *slips: Slip) -> None:
    """Put slips into a book, all of which must be taken."""
    found = troc.earnings.collect(slip.to_text() for slip in slips)
    assert not [each.why for each in found if each.refused]


def refusal(troc: Troc, *sources: str) -> str:
    """Why the one thing that these sources hold was not kept."""
    (found,) = troc.earnings.collect(sources)
    assert found.refused
    assert not troc.earnings.book.slips()
    return found.why


def earned(troc: Troc) -> Earned:
    """What somebody earned in the one campaign of her book."""
    (found,) = troc.earnings.earned()
    return found


def claim(troc: Troc) -> int:
    """Claim all; gives how many transactions it took."""
    report = troc.earnings.claim(troc.earnings.plan(troc.earnings.earned()))
    assert not report.refused
    return len(report.transactions)


# ------------------------------------------------------------------------------------------------- collecting


def test_a_book_keeps_every_proof(attention: Attention, tmp_path: Path) -> None:
    small, large = (attention.statements(attention.ann, *contacts)[0] for contacts in ((0,), (0, 1, 2)))
    file = write_slips([small, large, attention.ticket(attention.ann, 1)], tmp_path / "slips.json")
    found = attention.ann.earnings.collect([file, small.to_text(), large.to_link("https://x.example/y")])
    assert [each.addition for each in found] == [Addition.NEW] * 3 + [Addition.KNOWN] * 2
    assert len(attention.ann.earnings.book.slips()) == 3
    again = Earnings(attention.customer("ann")).book
    assert again.slips() == attention.ann.earnings.book.slips()
    path = Path(str(again.engine.url.database))
    assert {each.stat().st_mode & 0o777 for each in path.parent.glob("collection.sqlite*")} == {0o600}


def test_a_ticket_waits_for_its_key_and_a_key_for_its_ticket(attention: Attention) -> None:
    first, second = (attention.ticket(attention.ann, contact) for contact in (0, 1))
    book = attention.ann.earnings
    waits = book.collect([first.public().to_text()])
    assert (waits[0].addition, "one-time key is missing" in waits[0].why) == (Addition.WAITING, True)
    assert earned(attention.ann).assessed.contacts[0].state is State.WAITING
    assert book.collect(["0x" + first.secret.hex()])[0].addition is Addition.COMPLETED

    alone = book.collect(["0x" + second.secret.hex()])
    assert (alone[0].addition, "no ticket" in alone[0].why) == (Addition.WAITING, True)
    assert len(book.book.waiting_keys()) == 1
    assert book.collect([second.public().to_text()])[0].addition is Addition.COMPLETED
    assert book.book.waiting_keys() == []
    # Those of one second are in no order.
    assert sorted(book.book.slips(), key=lambda slip: min(slip.contacts)) == [first, second]
    assert earned(attention.ann).assessed.numbers(State.CLAIMABLE) == {0, 1}


def test_a_guessed_key_opens_nothing(attention: Attention) -> None:
    keep(attention.ann, attention.ticket(attention.ann, 0).public())
    guessed = attention.ticket(attention.ann, 1).secret
    assert attention.ann.earnings.collect(["0x" + guessed.hex()])[0].addition is Addition.WAITING
    assert earned(attention.ann).assessed.contacts[0].state is State.WAITING
    assert not earned(attention.ann).assessed.number


def test_slips_of_elsewhere_are_refused(attention: Attention) -> None:
    ann, domain = attention.account(attention.ann), attention.rewards.domain
    id_, signer = attention.fresh.id, attention.signer
    for foreign, why in (
        (rewards_domain(1, domain.verifying_contract), "for the chain 1"),
        (rewards_domain(domain.chain_id, attention.brand.address), "for the contract"),
    ):
        assert why in refusal(attention.ann, sign_statements(id_, ann, [0], foreign, signer)[0].to_text())
    unknown = sign_statements(bytes([9] * 32), ann, [0], domain, signer)[0]
    assert "there is no campaign" in refusal(attention.ann, unknown.to_text())
    other = poor("another signer")
    forged = sign_statements(id_, ann, [0], domain, other)[0]
    assert "is not the campaign's key" in refusal(attention.ann, forged.to_text())
    for slip in (attention.statements(attention.bob, 0)[0], attention.ticket(attention.bob, 0)):
        assert "not for your account" in refusal(attention.ann, slip.to_text())
    cut = attention.statements(attention.ann, 0)[0].to_text()[:-9]
    assert "cut off or altered" in refusal(attention.ann, cut)


def test_one_bad_slip_leaves_the_others(attention: Attention, tmp_path: Path) -> None:
    good, other = attention.statements(attention.ann, 0)[0], attention.statements(attention.bob, 0)[0]
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "all.txt"
    file.write_text(f"{other.to_text()}\nnonsense!\n{good.to_text()}\n0x{attention.code(1).secret.hex()}\n")
    found = attention.ann.earnings.collect([tmp_path / "mine", tmp_path / "nowhere"])
    assert [each.refused for each in found] == [True, True, False, False, True]
    assert "line 2" in found[1].place
    assert attention.ann.earnings.book.slips() == [good]


def test_qr_pictures_are_read_one_or_a_sheet(attention: Attention, tmp_path: Path) -> None:
    from PIL import Image

    slips = [attention.code(index) for index in (1, 2)]
    images = []
    for number, slip in enumerate(slips):
        path = tmp_path / f"{number}.png"
        path.write_bytes(slip.to_picture("png"))
        images.append(Image.open(path).convert("L"))
    sheet = Image.new("L", (images[0].width * 2 + 40, images[0].height + 40), 255)
    sheet.paste(images[0], (10, 20))
    sheet.paste(images[1], (images[0].width + 30, 20))
    sheet.rotate(7, expand=True, fillcolor=255).save(tmp_path / "sheet.jpg")
    found = attention.ann.earnings.collect([tmp_path / "0.png"])
    assert [each.addition for each in found] == [Addition.NEW]
    found = attention.bob.earnings.collect([tmp_path / "sheet.jpg"])
    assert [each.addition for each in found] == [Addition.NEW] * 2
    assert set(attention.bob.earnings.book.slips()) == set(slips)
    Image.new("L", (200, 200), 255).save(tmp_path / "empty.png")
    (tmp_path / "none.png").write_bytes(b"no picture")
    refused = attention.ann.earnings.collect([tmp_path / "empty.png", tmp_path / "none.png"])
    assert ["no QR code" in refused[0].why, "cannot be read" in refused[1].why] == [True, True]


# --------------------------------------------------------------------------------------------------- claiming


def test_statements_tickets_and_codes_are_claimed_once(attention: Attention) -> None:
    attention.rewards.activate(attention.fresh.id, [0])
    slips = [
        *attention.statements(attention.ann, 0),
        *attention.statements(attention.ann, 0, 1),
        attention.ticket(attention.ann, 1),
        attention.ticket(attention.ann, 2),
        attention.code(7),
    ]
    keep(attention.ann, *slips)
    found = earned(attention.ann)
    assert found.assessed.numbers(State.CLAIMABLE) == {0, 1, 2}
    assert str(found.worth(State.CLAIMABLE)) == f"{4 * PRICE} Le Panier"
    # The larger statement, the ticket that it leaves, and the code.
    assert claim(attention.ann) == 3
    assert attention.points(attention.ann) == 4 * PRICE
    after = earned(attention.ann)
    assert after.assessed.numbers(State.CLAIMED) == {0, 1, 2}
    assert after.assessed.indexes(State.CLAIMED) == {7}
    assert claim(attention.ann) == 0
    assert attention.points(attention.ann) == 4 * PRICE


def test_statements_of_two_pages_are_one_transaction(attention: Attention) -> None:
    campaign = attention.open(max_contacts=600, per_day=0, codes=0)
    keep(attention.ann, *attention.statements(attention.ann, 3, 254, 255, 599, campaign=campaign))
    assert claim(attention.ann) == 1
    assert attention.points(attention.ann) == 4 * PRICE


def test_what_opens_later_waits_and_says_when(attention: Attention) -> None:
    attention.rewards.enrol(attention.fresh.id, [attention.account(attention.ann)])
    keep(
        attention.ann,
        *attention.statements(attention.ann, 0, 1),
        *attention.statements(attention.ann, 0, 1, 5),
    )
    found = earned(attention.ann)
    later = found.assessed.contacts[5]
    opens = attention.fresh.terms.start + DAY
    assert (later.state, later.opens) == (State.LATER, opens)
    assert any("1 more contact opens" in note for note in found.assessed.notes)
    assert claim(attention.ann) == 1
    attention.pass_to(opens)
    assert earned(attention.ann).assessed.numbers(State.CLAIMABLE) == {5}
    assert claim(attention.ann) == 1
    assert attention.points(attention.ann) == 3 * PRICE


def test_a_code_of_an_inert_batch_waits_and_a_taken_one_is_lost(attention: Attention) -> None:
    keep(attention.ann, attention.code(7), attention.code(1_007))
    attention.rewards.activate(attention.fresh.id, [1])
    keep(attention.bob, attention.code(1_007))
    assert claim(attention.bob) == 1
    codes = earned(attention.ann).assessed.codes
    assert codes[7].state is State.WAITING
    assert "batch 0" in codes[7].why
    assert codes[1_007].state is State.LOST
    assert "somebody else" in codes[1_007].why


def test_the_third_code_is_beyond_an_account(attention: Attention) -> None:
    attention.rewards.activate(attention.fresh.id, [0])
    keep(attention.ann, *(attention.code(index) for index in (1, 2, 3)))
    assert claim(attention.ann) == 2
    assert "all 2 codes" in earned(attention.ann).assessed.codes[3].why


def test_what_the_budget_leaves_is_taken_by_the_smaller_statement(attention: Attention) -> None:
    campaign = attention.open(budget=2, codes=0)
    keep(attention.ann, *attention.statements(attention.ann, 0, 1, 2, campaign=campaign))
    lost = earned(attention.ann).assessed.contacts[2]
    assert lost.state is State.LOST
    assert "only 2 are left" in lost.why
    keep(attention.ann, *attention.statements(attention.ann, 0, 1, campaign=campaign))
    assert claim(attention.ann) == 1
    assert attention.points(attention.ann) == 2 * PRICE
    assert "nothing is left" in earned(attention.ann).assessed.contacts[2].why


def test_what_was_reserved_is_claimed_when_nothing_is_left(attention: Attention) -> None:
    campaign = attention.open(budget=22, codes=0)
    attention.rewards.enrol(campaign.id, [attention.account(attention.ann)])
    keep(attention.bob, *attention.statements(attention.bob, 0, 1, campaign=campaign))
    assert claim(attention.bob) == 1
    keep(attention.ann, *attention.statements(attention.ann, 0, 1, 2, campaign=campaign))
    assert earned(attention.ann).assessed.enrolled
    assert claim(attention.ann) == 1
    assert attention.points(attention.ann) == 3 * PRICE


def test_claims_end(attention: Attention) -> None:
    keep(attention.ann, *attention.statements(attention.ann, 0), attention.ticket(attention.ann, 1))
    attention.pass_to(attention.fresh.terms.claim_until + 1)
    found = earned(attention.ann).assessed
    assert found.numbers(State.EXPIRED) == {0, 1}
    assert "claims ended" in found.contacts[0].why


# ------------------------------------------------------------------------------------------------------ roots


def leaves_of(attention: Attention, tmp_path: Path, *contacts: int) -> tuple[Path, Leaf]:
    """The file of a root in which Ann had these contacts, and her leaf."""
    import numpy as np

    both = b"".join(attention.account(each) for each in (attention.ann, attention.bob))
    accounts = np.frombuffer(both, np.uint8).reshape(-1, 32)
    rows = np.array([0] * len(contacts) + [1], np.int64)
    path = tmp_path / f"{len(contacts)}.root"
    write_root(path, attention.fresh.id, Sets.unite(accounts, rows, np.array([*contacts, 0], np.int64)))
    with RootFile(path) as file:
        proof = file.proof_of(attention.account(attention.ann), 0)
        leaf = Leaf(file.root, file.campaign, proof.account, 0, proof.contacts, proof.hashes)
    return path, leaf


def test_a_leaf_is_claimed_when_its_root_counts(attention: Attention, tmp_path: Path) -> None:
    path, leaf = leaves_of(attention, tmp_path, 0, 1)
    (found,) = attention.ann.earnings.collect([path])
    assert "its root is not on the chain" in found.why
    attention.rewards.append_root(attention.fresh.id, leaf.root)
    file = write_leaves([leaf], attention.rewards.domain, tmp_path / "leaf.json")
    assert attention.ann.earnings.collect([file])[0].addition is Addition.KNOWN
    assert earned(attention.ann).assessed.contacts[0].state is State.LATER
    attention.pass_days(2)
    # A statement says less than the leaf, and is left away.
    keep(attention.ann, *attention.statements(attention.ann, 1))
    assert claim(attention.ann) == 1
    assert attention.points(attention.ann) == 2 * PRICE


def test_a_smaller_root_takes_nothing_away(attention: Attention, tmp_path: Path) -> None:
    leaves = [leaves_of(attention, tmp_path, *contacts) for contacts in ((0, 1, 2), (0,))]
    for path, leaf in leaves:
        attention.rewards.append_root(attention.fresh.id, leaf.root)
        attention.ann.earnings.collect([path])
    attention.pass_days(2)
    assert claim(attention.ann) == 1
    assert attention.points(attention.ann) == 3 * PRICE


def test_a_root_withdrawn_in_time_pays_nothing_and_says_so(attention: Attention, tmp_path: Path) -> None:
    path, leaf = leaves_of(attention, tmp_path, 0, 1)
    attention.rewards.append_root(attention.fresh.id, leaf.root)
    attention.ann.earnings.collect([path])
    attention.rewards.withdraw_root(attention.fresh.id, leaf.root)
    attention.pass_days(2)
    found = earned(attention.ann).assessed.contacts[0]
    assert found.state is State.WAITING
    assert "withdrawn" in found.why
    assert claim(attention.ann) == 0


# ---------------------------------------------------------------------------------------------------- attacks


def test_a_copied_ticket_pays_the_same_person(attention: Attention) -> None:
    """What a copier sees in the pool is the call: sent by himself, it pays her; changed, nothing."""
    attention.rewards.activate(attention.fresh.id, [0])
    keep(attention.ann, attention.code(7))
    (step,) = attention.ann.earnings.plan(attention.ann.earnings.earned())
    (act,) = step.acts
    taker = replace(act.known_context, account=attention.account(attention.fox))
    redirected = replace(act, context=taker)
    with pytest.raises(ContractError) as refused:
        attention.chain.send(attention.fox.acts.call([redirected]), attention.fox.signer)
    assert refused.value.name == "NotSignedByTicketKey"
    attention.chain.send(attention.fox.acts.call([act]), attention.fox.signer)
    assert attention.points(attention.ann) == PRICE
    # She comes second, and it is hers all the same.
    report = attention.ann.earnings.claim([step])
    assert (report.refused, report.transactions) == ([], [])
    assert earned(attention.ann).assessed.indexes(State.CLAIMED) == {7}


def test_a_statement_is_worth_nothing_in_another_campaign(attention: Attention) -> None:
    (slip,) = attention.statements(attention.ann, 0)
    assert isinstance(slip.message, Statement)
    moved = slip.message
    call = attention.rewards.contract.functions.claimStatement(
        attention.escrow.terms.handle(attention.chain.chain_id, attention.rewards.address),
        (moved.account, moved.page, moved.contacts, pair(slip.signature)),
        b"",
    )
    with pytest.raises(ContractError) as refused:
        attention.chain.send(call, attention.payer)
    assert refused.value.name == "NotSignedByCampaign"


def test_a_batch_pays_the_others_and_names_the_bad_one(attention: Attention) -> None:
    campaign = attention.open(max_contacts=600, per_day=0, codes=0)
    keep(attention.ann, *attention.statements(attention.ann, 0, 255, 510, campaign=campaign))
    (step,) = attention.ann.earnings.plan(attention.ann.earnings.earned())
    spoiled = replace(step.acts[1], parts=(replace(step.acts[1].parts[0], signature=bytes(65)),))
    report = attention.ann.earnings.claim([replace(step, acts=(step.acts[0], spoiled, step.acts[2]))])
    assert attention.points(attention.ann) == 2 * PRICE
    (refused,) = report.refused
    assert isinstance(spoiled.message, Statement)
    assert f"page {spoiled.message.page}" in refused.what
    assert "did not sign" in refused.why
    # Listed twice in a batch, it is paid once.
    twice = replace(step, acts=(step.acts[1], step.acts[1]))
    assert not attention.ann.earnings.claim([twice]).refused
    assert attention.points(attention.ann) == 3 * PRICE


def test_claims_that_others_made_in_the_transaction_are_theirs(
    attention: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign's token can have a batch claimed while it pays: its log stands among those of her batch."""
    campaign = attention.open(max_contacts=600, per_day=0, codes=0)
    keep(attention.ann, *attention.statements(attention.ann, 0, 255, campaign=campaign))
    (step,) = attention.ann.earnings.plan(attention.ann.earnings.earned())
    spoiled = replace(step.acts[1], parts=(replace(step.acts[1].parts[0], signature=bytes(65)),))
    skipped = attention.ann.attention.contract.events.StatementSkipped()
    kind = type(attention.ann.anyone)
    real = kind.submit

    def submit(self: Any, acts: Sequence[Act]) -> list[Receipt]:
        (receipt,) = real(self, acts)
        (own,) = receipt.events(skipped)
        (log,) = [each for each in receipt.logs if each["logIndex"] == own["logIndex"]]
        beyond = HexBytes((77).to_bytes(32) + bytes(log["data"])[32:])
        topics = [log["topics"][0], HexBytes(b"\1" * 32), log["topics"][2]]
        foreign: list[Any] = [
            AttributeDict({**log, **change}) for change in ({"topics": topics}, {"data": beyond})
        ]
        return [replace(receipt, logs=(*receipt.logs, *foreign))]

    monkeypatch.setattr(kind, "submit", submit)
    report = attention.ann.earnings.claim([replace(step, acts=(step.acts[0], spoiled))])
    (refused,) = report.refused
    assert "did not sign" in refused.why


def test_a_book_elsewhere(attention: Attention, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    (slip,) = attention.statements(attention.ann, 0)
    Earnings(attention.ann, url).collect([slip.to_text()])
    book = Collection.open(attention.chain, attention.ann.address, url)
    assert book.slips() == [slip]
    assert Collection.open(attention.chain, attention.bob.address, url).slips() == []
