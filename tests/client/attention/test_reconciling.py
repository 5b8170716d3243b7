"""The brand's book, the customer's and the chain side by side: equal, or who can prove what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.attention.cases import Attention, attention, deployed, home
from tests.client.attention.test_cli_claims import Desk
from tests.client.attention.test_earning import claim, earned, keep, leaves_of
from troc.attention.claiming import State
from troc.attention.reconciling import Difference, Reconciled, spelled, told
from troc.attention.slips import Slip, read_text, sign_ticket, write_slips
from troc.errors import InputError

__all__ = ["attention", "deployed", "home"]


def compared(attention: Attention, tmp_path: Path, *brands: Slip) -> Reconciled:
    """Ann's book beside what the brand says it signed."""
    file = write_slips(brands, tmp_path / "brand.json")
    return attention.ann.earnings.reconcile(attention.fresh, [file])


def other_ticket(attention: Attention, account: bytes, number: int) -> Slip:
    """A ticket with another key than that of `Attention.ticket`."""
    until, domain = attention.fresh.terms.claim_until, attention.rewards.domain
    return sign_ticket(attention.fresh.id, account, number, until, bytes([7] * 32), domain, attention.signer)


def test_equal_books_are_equal(attention: Attention, tmp_path: Path) -> None:
    (small,), (large,) = attention.statements(attention.ann, 0), attention.statements(attention.ann, 0, 1)
    ticket = attention.ticket(attention.ann, 2)
    keep(attention.ann, small, large, ticket)
    assert claim(attention.ann) == 2
    # The brand keeps the statement as it stands, tickets without keys, codes that nobody found, and others'.
    others = [attention.code(1).public(), *attention.statements(attention.bob, 0)]
    found = compared(attention, tmp_path, large, ticket.public(), *others)
    assert found.is_equal
    assert (found.agreed, found.paid) == (3, 3)


def test_what_the_brand_forgot_is_proven_by_her_slip(attention: Attention, tmp_path: Path) -> None:
    (small,), (large,) = attention.statements(attention.ann, 0), attention.statements(attention.ann, 0, 1)
    keep(attention.ann, small, large)
    found = compared(attention, tmp_path, small)
    (differing,) = found.differing
    assert (str(differing.place), differing.difference) == ("contact 1", Difference.NOT_IN_BRANDS)
    assert differing.proof == large
    assert any(spelled(large) in line for line in told(found))


def test_what_she_has_not_is_proven_by_the_brands(attention: Attention, tmp_path: Path) -> None:
    (hers,), (more,) = attention.statements(attention.ann, 0), attention.statements(attention.ann, 0, 1)
    keep(attention.ann, hers)
    attention.claim(more)
    (differing,) = compared(attention, tmp_path, more).differing
    assert (differing.difference, differing.paid, differing.proof) == (Difference.NOT_IN_HERS, True, more)


def test_what_was_paid_beside_both_books_is_named(attention: Attention, tmp_path: Path) -> None:
    keep(attention.ann, *attention.statements(attention.ann, 0))
    attention.claim(*attention.statements(attention.ann, 2))
    (differing,) = compared(attention, tmp_path, *attention.statements(attention.ann, 0)).differing
    assert (str(differing.place), differing.difference) == ("contact 2", Difference.PAID_ALONE)
    assert differing.proof is None


def test_a_root_explains_what_it_paid(attention: Attention, tmp_path: Path) -> None:
    path, leaf = leaves_of(attention, tmp_path, 0, 1)
    attention.ann.earnings.collect([path])
    with pytest.raises(InputError, match="is not on the chain"):
        attention.ann.earnings.reconcile(attention.fresh, [path])
    attention.rewards.append_root(attention.fresh.id, leaf.root)
    attention.pass_days(2)
    assert claim(attention.ann) == 1
    found = attention.ann.earnings.reconcile(attention.fresh, [path])
    assert (found.is_equal, found.agreed, found.paid) == (True, 2, 2)


def test_a_code_that_she_was_paid_is_in_both(attention: Attention, tmp_path: Path) -> None:
    attention.rewards.activate(attention.fresh.id, [0])
    code = attention.code(7)
    keep(attention.ann, code)
    assert claim(attention.ann) == 1
    assert compared(attention, tmp_path, code.public(), attention.code(8).public()).is_equal
    (tmp_path / "brand.json").unlink()
    (differing,) = compared(attention, tmp_path, attention.code(8).public()).differing
    assert differing.proof == code
    # The proof is handed on without what is cash.
    assert not read_text(spelled(code)).secret


def test_two_keys_for_one_number_are_a_fraud(attention: Attention, tmp_path: Path) -> None:
    account = attention.account(attention.ann)
    first, second = attention.ticket(attention.ann, 1), other_ticket(attention, account, 1)
    keep(attention.ann, first)
    found = compared(attention, tmp_path, second.public())
    ((one, other),) = found.frauds
    assert {one.public(), other.public()} == {first.public(), second.public()}
    said = "\n".join(told(found))
    assert "two one-time keys for contact 1" in said
    assert spelled(first) in said
    assert spelled(second) in said
    # She can only be paid once, whatever key she has.
    keep(attention.ann, second)
    assert claim(attention.ann) == 1
    assert earned(attention.ann).assessed.numbers(State.CLAIMED) == {1}


def test_slips_of_another_campaign_are_no_book(attention: Attention, tmp_path: Path) -> None:
    foreign = attention.statements(attention.ann, 0, campaign=attention.escrow)
    with pytest.raises(InputError, match="another campaign"):
        compared(attention, tmp_path, *foreign)


def test_by_command(
    attention: Attention,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    desk = Desk(attention, capsys, monkeypatch)
    slips = [desk.statement(0, 1)]
    brand = str(write_slips(slips, tmp_path / "brand.json"))
    desk.ok("collect", brand)
    campaign = attention.fresh.short
    assert desk.says("reconcile", campaign, "--brand", brand).startswith("Equal:")
    hers = str(write_slips([desk.statement(0, 1, 2)], tmp_path / "hers.json"))
    code, out, err = desk.run("reconcile", campaign, "--brand", brand, "--customer", hers)
    assert code == 16
    assert f"{desk.fox.address}: contact 2: signed, and not in the brand's book\n  proof: TROC:SLIP/" in out
    assert "1 contact differs" in err
