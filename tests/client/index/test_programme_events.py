"""Vouchers, purchases that can be returned, and import: their events, their lots, their states."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.client.index.test_events import BATCH, RECEIPT, call, hexed, word
from tests.client.trade.conftest import DAY, World
from troc.accounts import Signer
from troc.brands import Brand
from troc.index import Index, Pending
from troc.messages import pack_nonce

_VOUCHER = {
    "issuer": "address",
    "grantId": "uint256",
    "recipient": "address",
    "isKey": "bool",
    "amount": "uint256",
    "receiptId": "bytes32",
    "deadline": "uint256",
    "nonce": "uint256",
}


def voucher(world: World, brand: Brand, till: Signer, to: str, units: int, nonce: int) -> tuple[object, ...]:
    """A signed voucher to an address, in the form of the contract."""
    values = dict(
        zip(
            _VOUCHER,
            (till.address, 0, to, False, units, RECEIPT, world.chain.now() + DAY, nonce),
            strict=True,
        )
    )
    domain = brand.domain_of_messages(world.chain.chain_id)
    message = encode_typed_data(
        {"name": domain.name, "version": "1", "chainId": domain.chain_id, "verifyingContract": brand.address},
        {"Voucher": [{"name": name, "type": kind} for name, kind in _VOUCHER.items()]},
        values,
    )
    signature = till.sign_message(message)
    return tuple(values.values()), signature, "0x" + "00" * 20, b""


def states(found: Sequence[Pending]) -> list[tuple[str, int, int]]:
    """What is left of purchases, and how they stand."""
    return [(pending.state, pending.left, pending.released) for pending in found]


def test_a_voucher(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    brand = world.everyone.brand("ACME")
    account = Account.from_key(b"till".ljust(32, b"."))
    till = Signer("till", account.address, account)
    call(world, brand, "setGrant", till.address, 0, 100, 0, 0)
    nonce = pack_nonce(3)
    call(world, brand, "claim", voucher(world, brand, till, world.bob.address, 30, nonce))
    agree(brand)
    issue = index.issues(brand)[-1]
    assert (issue.kind, issue.issuer, issue.reference) == ("voucher", till.address, hexed(RECEIPT))
    assert (issue.nonce, issue.recipient, issue.units) == (nonce, world.bob.address, 30)


def test_points_brought_into_older_lots(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    world.pass_days(3 * 92)
    brand = world.everyone.brand("ACME")
    now = brand.epoch_at(world.chain.now())
    ann, bob = world.ann.address, world.bob.address
    call(world, brand, "mintAtEpoch", BATCH, now - 2, [word(ann, 5), word(bob, 6)])
    agree(brand)
    issues = index.issues(brand)[-2:]
    assert [(issue.kind, issue.recipient, issue.units) for issue in issues] == [
        ("imported", ann, 5),
        ("imported", bob, 6),
    ]
    assert {issue.expiry for issue in issues} == {
        brand.longest_life(world.chain.now()) - 2 * brand.epoch_length
    }
    assert {issue.reference for issue in issues} == {hexed(BATCH)}


def test_purchases_from_issue_to_release(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    brand = world.everyone.brand("ACME")
    ann, bob = world.ann.address, world.bob.address
    nobody = "0x" + "00" * 20
    matures_at = world.chain.now() + 30 * DAY
    recipients = [word(ann, 10), word(bob, 20), word(ann, 30), word(ann, 40)]
    call(world, brand, "mintPending", BATCH, matures_at, recipients)
    till = world.relay_signer
    call(world, brand, "setGrant", till.address, 0, 100, 0, 0)
    call(world, brand, "issuePending", 0, BATCH, matures_at + 5 * DAY, [word(bob, 50)], signer=till)
    call(world, brand, "cancelPending", nobody, 2, 12)
    call(world, brand, "cancelPending", nobody, 1, 20)
    agree(brand)
    found = index.pending(brand)
    assert [(each.issuer, each.number, each.customer, each.units, each.cancelled) for each in found] == [
        (None, 0, ann, 10, 0),
        (None, 1, bob, 20, 20),
        (None, 2, ann, 30, 12),
        (None, 3, ann, 40, 0),
        (till.address, 0, bob, 50, 0),
    ]
    assert {each.reference for each in found} == {hexed(BATCH)}
    waiting = ("waiting", 10, 0), ("cancelled", 0, 0), ("waiting", 18, 0), ("waiting", 40, 0)
    assert states(found) == [*waiting, ("waiting", 50, 0)]
    assert sum(each.left for each in found) == world.everyone.status(brand).pending == 118
    before = world.chain.now()
    world.pass_until(matures_at)
    agree(brand)
    assert [state for state, _, _ in states(index.pending(brand, customer=ann))] == ["due"] * 3
    # Released two epochs later, into the lot of their maturity; in another range than they were issued.
    world.pass_days(2 * brand.epoch_length / DAY)
    index.catch_up()
    call(world, brand, "releasePending", nobody, [0, 1, 2])
    agree(brand)
    assert [(issue.kind, issue.units, issue.expiry) for issue in index.issues(brand)[-2:]] == [
        ("released", 10, brand.longest_life(matures_at)),
        ("released", 18, brand.longest_life(matures_at)),
    ]
    assert states(index.pending(brand)) == [
        ("released", 0, 10),
        ("cancelled", 0, 0),
        ("released", 0, 18),
        ("due", 40, 0),
        ("due", 50, 0),
    ]
    world.pass_days(5 * brand.epoch_length / DAY)
    call(world, brand, "releasePending", nobody, [3])
    agree(brand)
    assert states(index.pending(brand))[3] == ("lapsed", 0, 0)
    # As it was then.
    assert states(index.pending(brand, before)) == [*waiting, ("waiting", 50, 0)]


def test_issued_and_released_in_one_range(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    brand = world.everyone.brand("ACME")
    nobody = "0x" + "00" * 20
    call(world, brand, "mintPending", BATCH, world.chain.now() + DAY, [word(world.ann.address, 10)] * 3)
    world.pass_days(100)
    call(world, brand, "releasePending", nobody, [0, 1, 2])
    agree(brand)
    assert [state for state, _, _ in states(index.pending(brand))] == ["released"] * 3
