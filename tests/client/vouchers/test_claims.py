"""Vouchers on a chain: paid once, to whom they say, out of the grant; and each state told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from tests.client.core.conftest import rpc_call
from tests.client.trade.conftest import World, poor
from troc.accounts import Signer
from troc.chain import Chain
from troc.claims import State, VoucherStanding
from troc.client import Troc
from troc.errors import BrandError, ContractError, InputError, VoucherError, WrongChainError
from troc.messages import ZERO_ADDRESS, Claim, digest, sign
from troc.points import receipt_id
from troc.vouchers import Draft, Nonces, SignedVoucher, receipt_salt, sign_vouchers


@pytest.fixture
def till(world: World) -> Troc:
    """An issuer without ether that may issue 1,000 ACME."""
    till = world.customer("till")
    world.brand.brands.set_grant(world.brand.brand("ACME"), till.address, 1_000, world.owner_signer)
    return till


def set_grant(world: World, till: Troc, units: int, per_day: int = 0) -> None:
    world.brand.brands.set_grant(
        world.brand.brand("ACME"), till.address, units, world.owner_signer, per_day=per_day
    )


def state(world: World, voucher: SignedVoucher) -> VoucherStanding:
    (standing,) = world.everyone.check_vouchers(voucher)
    return standing


def call(world: World, signed: SignedVoucher, to: str = ZERO_ADDRESS, key_signature: bytes = b"") -> None:
    """Submit a voucher past every check of the client."""
    token = world.everyone.brands.token(world.everyone.brand("ACME"))
    argument = (signed.voucher.as_tuple(), signed.signature, to, key_signature)
    world.chain.send(token.functions.claim(argument), world.relay_signer)


# --------------------------------------------------------------------------------------------------- claiming


def test_a_voucher_to_a_customer_is_paid_once_to_her_whoever_submits_it(world: World, till: Troc) -> None:
    voucher = till.sign_voucher("50 ACME", world.bob.address)
    assert state(world, voucher).state is State.CLAIMABLE
    report = world.relay.claim(voucher.to_text())
    assert [(each.paid_to, each.units) for each in report.paid] == [(world.bob.address, 50)]
    assert world.units(world.bob, "ACME") == 50
    again = world.relay.claim(voucher)
    assert not again.transactions
    assert again.failed == ()
    assert again.passed[0].state is State.PAID
    with pytest.raises(ContractError, match="used or cancelled"):
        call(world, voucher)
    assert world.units(world.bob, "ACME") == 50


def test_a_customer_without_ether_claims_by_a_link_and_her_key_is_not_needed(
    world: World, till: Troc
) -> None:
    link = till.sign_voucher("50 ACME").to_link("https://acme.example/claim")

    def locked() -> Signer:
        raise AssertionError("nobody needs to open the account")

    dora = Troc(world.chain, world.manifest, poor("dora").address, locked, lambda: world.relay_signer)
    report = dora.claim(link)
    assert [each.paid_to for each in report.paid] == [poor("dora").address]
    assert world.everyone.balance("ACME", poor("dora").address).total == 50
    assert world.everyone.brands.grant(world.everyone.brand("ACME"), till.address).amount == 950


def test_the_recipient_of_a_one_time_key_cannot_be_swapped_on_the_way(world: World, till: Troc) -> None:
    voucher, other = (till.sign_voucher("50 ACME") for _ in range(2))
    domain = world.everyone.brand("ACME").domain_of_messages(world.chain.chain_id)
    for_bob = voucher.named_to(world.bob.address, domain)
    with pytest.raises(ContractError) as caught:
        call(world, voucher, world.cem.address, for_bob)
    assert caught.value.name == "NotSignedByKey"
    with pytest.raises(ContractError):
        call(world, voucher, world.bob.address, other.named_to(world.bob.address, domain))
    with pytest.raises(ContractError):
        call(world, other, world.bob.address, for_bob)
    # A thief has a key of his own, and not this one.
    thief = poor("thief")
    forged = sign(Claim(thief.address, thief.address, digest(voucher.voucher, domain)), domain, thief)
    with pytest.raises(ContractError):
        call(world, voucher, thief.address, forged)
    call(world, voucher, world.bob.address, for_bob)
    assert world.units(world.bob, "ACME") == 50


def test_many_are_claimed_in_one_transaction_and_those_of_two_brands_too(world: World, till: Troc) -> None:
    brand = world.everyone.brand("BETA")
    world.brand.brands.set_grant(brand, till.address, 1_000, world.owner_signer)
    vouchers = till.sign_vouchers("ACME", till.draft_vouchers("ACME", 2, count=5))
    vouchers += till.sign_vouchers(brand, till.draft_vouchers(brand, "1.50"))
    vouchers += till.sign_vouchers("ACME", till.draft_vouchers("ACME", {world.bob.address: 3}))
    report = world.cem.claim(*vouchers, vouchers[0])
    assert len(report.paid) == 7
    assert len(report.transactions) == 2
    assert (world.units(world.cem, "ACME"), world.units(world.cem, "BETA")) == (10, 150)
    assert world.units(world.bob, "ACME") == 3


def test_a_small_block_gets_smaller_batches_and_a_second_run_pays_nothing(world: World, till: Troc) -> None:
    vouchers = till.sign_vouchers("ACME", till.draft_vouchers("ACME", 2, count=30))
    rpc_call(world.chain, "evm_setBlockGasLimit", hex(400_000))
    rpc_call(world.chain, "evm_mine")
    seen: list[tuple[int, int]] = []
    world.cem.claim(*vouchers[:10])
    report = world.cem.claim(*vouchers, progress=lambda *step: seen.append(step))
    assert len(report.transactions) > 1
    assert (len(report.paid), len(report.passed)) == (20, 10)
    assert {each.state for each in report.passed} == {State.PAID}
    assert seen[-1] == (20, 20)
    assert world.units(world.cem, "ACME") == 60
    assert not world.cem.claim(*vouchers).transactions


def test_a_run_that_is_killed_is_taken_up_again(
    world: World, till: Troc, monkeypatch: pytest.MonkeyPatch
) -> None:
    vouchers = till.sign_vouchers("ACME", till.draft_vouchers("ACME", 2, count=30))
    rpc_call(world.chain, "evm_setBlockGasLimit", hex(400_000))
    rpc_call(world.chain, "evm_mine")
    send = Chain.send

    def killed(chain: Chain, *arguments: Any, **options: Any) -> Any:
        send(chain, *arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Chain, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            world.cem.claim(*vouchers)
    paid = world.units(world.cem, "ACME") // 2
    assert 0 < paid < 30
    report = world.cem.claim(*vouchers)
    assert (len(report.paid), len(report.passed), report.failed) == (30 - paid, paid, ())
    assert world.units(world.cem, "ACME") == 60


def test_a_voucher_that_somebody_else_submits_first_does_not_stop_the_others(
    world: World, till: Troc
) -> None:
    vouchers = till.sign_vouchers("ACME", till.draft_vouchers("ACME", 2, count=4))
    looked_at = world.cem.check_vouchers(*vouchers)
    world.bob.claim(vouchers[1])
    till.cancel_vouchers(vouchers[2])
    report = world.cem.claim_checked(looked_at)
    assert len(report.paid) == 2
    assert [(each.state, each.paid_to) for each in report.passed] == [
        (State.PAID, world.bob.address),
        (State.CANCELLED, ""),
    ]


def test_one_that_the_chain_refuses_does_not_stop_the_others(world: World, till: Troc) -> None:
    vouchers = till.sign_vouchers("ACME", till.draft_vouchers("ACME", 300, count=2))
    looked_at = world.cem.check_vouchers(*vouchers)
    set_grant(world, till, 300)
    report = world.cem.claim_checked(looked_at)
    assert (len(report.paid), [each.state for each in report.failed]) == (1, [State.EXHAUSTED])
    assert world.units(world.cem, "ACME") == 300


def test_two_vouchers_with_one_nonce_are_one_payment(world: World, till: Troc) -> None:
    drafts = till.draft_vouchers("ACME", 2)
    first, second = (till.sign_vouchers("ACME", drafts, receipt="basket 7")[0] for _ in range(2))
    assert first != second
    report = world.cem.claim(first, second)
    assert (len(report.paid), len(report.failed)) == (1, 0)
    assert world.units(world.cem, "ACME") == 2


def test_the_same_receipt_is_paid_once_however_it_was_signed(world: World, till: Troc) -> None:
    domain = world.everyone.brand("ACME").domain_of_messages(world.chain.chain_id)
    receipt = receipt_id("basket 7", receipt_salt(till.signer, domain))
    usual = till.sign_voucher("2 ACME", receipt="basket 7")
    assert usual.voucher.receipt_id == receipt
    elsewhere = sign_vouchers(
        [Draft(2, receipt_id=receipt)], domain, till.signer, deadline=usual.voucher.deadline
    )[0]
    world.cem.claim(usual)
    assert state(world, elsewhere).state is State.RECEIPT_PAID
    with pytest.raises(ContractError) as caught:
        call(world, elsewhere, world.cem.address, elsewhere.named_to(world.cem.address, domain))
    assert caught.value.name == "ReferenceUsed"
    assert world.units(world.cem, "ACME") == 2


def test_many_for_one_receipt_have_receipts_of_their_own(world: World, till: Troc) -> None:
    vouchers = till.sign_vouchers("ACME", till.draft_vouchers("ACME", 2, count=3), receipt="May")
    assert len({each.voucher.receipt_id for each in vouchers}) == 3
    assert len(world.cem.claim(*vouchers).paid) == 3


# ----------------------------------------------------------------------------------------------------- states


def test_cancelled(world: World, till: Troc) -> None:
    voucher, other = (till.sign_voucher("50 ACME", world.bob.address) for _ in range(2))
    assert len(till.cancel_vouchers(voucher)) == 1
    assert state(world, voucher).state is State.CANCELLED
    with pytest.raises(ContractError, match="used or cancelled"):
        call(world, voucher)
    world.relay.claim(other)
    assert till.cancel_vouchers(voucher, other) == []
    third = till.sign_voucher("50 ACME", world.bob.address)
    with pytest.raises(VoucherError, match=f"only {till.address}, who signed the voucher"):
        world.bob.cancel_vouchers(third)


def test_expired_at_the_second(world: World, till: Troc) -> None:
    voucher = till.sign_voucher("50 ACME", world.bob.address, valid="1d")
    world.pass_until(voucher.voucher.deadline)
    assert state(world, voucher).state is State.CLAIMABLE
    world.pass_until(voucher.voucher.deadline + 1)
    standing = state(world, voucher)
    assert standing.state is State.EXPIRED
    assert standing.why == "it could be claimed until 22 November 2026"
    with pytest.raises(ContractError, match="was good until"):
        call(world, voucher)


def test_stopped_and_used_up_are_two_things(world: World, till: Troc) -> None:
    voucher = till.sign_voucher("600 ACME", world.bob.address)
    world.relay.claim(till.sign_voucher("500 ACME", world.ann.address))
    standing = state(world, voucher)
    assert (standing.state, standing.why) == (State.EXHAUSTED, "its issuer can pay 500 ACME and no more")
    with pytest.raises(ContractError) as caught:
        call(world, voucher)
    assert caught.value.name == "GrantExceeded"
    set_grant(world, till, 0)
    standing = state(world, voucher)
    assert standing.state is State.STOPPED
    assert standing.next_step == "ask the brand for the points, and show it this voucher"
    set_grant(world, till, 600)
    assert state(world, voucher).state is State.CLAIMABLE


def test_a_grant_that_was_used_to_the_end_is_used_up(world: World, till: Troc) -> None:
    first, second = (till.sign_voucher("1000 ACME", world.bob.address) for _ in range(2))
    world.relay.claim(first)
    assert state(world, second).state is State.EXHAUSTED


def test_what_a_grant_can_pay_goes_to_the_first(world: World, till: Troc) -> None:
    vouchers = [till.sign_voucher(f"{units} ACME", world.bob.address) for units in (600, 500, 400)]
    standings = world.everyone.check_vouchers(*vouchers)
    assert [each.state for each in standings] == [State.CLAIMABLE, State.EXHAUSTED, State.CLAIMABLE]
    report = world.relay.claim(*vouchers)
    assert [each.units for each in report.paid] == [600, 400]


def test_a_cap_of_the_day(world: World, till: Troc) -> None:
    set_grant(world, till, 1_000, per_day=100)
    first, second = (till.sign_voucher("80 ACME", world.bob.address) for _ in range(2))
    report = world.relay.claim(first, second)
    assert len(report.paid) == 1
    assert (report.failed[0].state, report.failed[0].next_step) == (State.TODAY, "claim it tomorrow (UTC)")
    world.pass_days(1)
    assert len(world.relay.claim(first, second).paid) == 1
    with pytest.raises(VoucherError, match="a voucher of 101 could never be paid"):
        till.sign_vouchers("ACME", till.draft_vouchers("ACME", 101))


def test_a_season_without_room(world: World, till: Troc) -> None:
    voucher = till.sign_voucher("50 ACME", world.bob.address)
    room = 2**56 - 1 - sum(units for units, _ in world.everyone.status("ACME").owed)
    world.brand.mint("ACME", {world.cem.address: room - 40})
    standing = state(world, voucher)
    assert (standing.state, standing.next_step) == (State.NO_ROOM, "claim it in the next one")
    with pytest.raises(ContractError) as caught:
        call(world, voucher)
    assert caught.value.name == "NoHeadroom"
    world.pass_days(100)
    assert len(world.relay.claim(till.sign_voucher("50 ACME", world.bob.address)).paid) == 1


def test_forged(world: World, till: Troc) -> None:
    voucher = till.sign_voucher("50 ACME", world.bob.address)
    dearer = replace(voucher, voucher=replace(voucher.voucher, amount=51))
    upper = _upper_half(voucher)
    for forged in (dearer, replace(voucher, signature=b""), upper):
        assert state(world, forged).state is State.FORGED
        with pytest.raises(ContractError) as caught:
            call(world, forged)
        assert caught.value.name == "NotSignedByIssuer"


def _upper_half(voucher: SignedVoucher) -> SignedVoucher:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    r, s, v = voucher.signature[:32], int.from_bytes(voucher.signature[32:64]), voucher.signature[64]
    return replace(voucher, signature=r + (order - s).to_bytes(32) + bytes([55 - v]))


def test_another_token_and_another_chain(world: World, till: Troc) -> None:
    voucher = till.sign_voucher("50 ACME", world.bob.address)
    beta = world.everyone.brand("BETA")
    world.brand.brands.set_grant(beta, till.address, 1_000, world.owner_signer)
    moved = replace(voucher, token=beta.address)
    assert state(world, moved).state is State.FORGED
    with pytest.raises(WrongChainError, match="is for chain 1, and this is chain 31337"):
        world.everyone.check_vouchers(replace(voucher, chain_id=1))
    with pytest.raises(BrandError, match="no points that were launched here"):
        world.everyone.check_vouchers(replace(voucher, token=world.bob.address))
    elsewhere = world.everyone.brand("ACME").domain_of_messages(1)
    other = sign_vouchers(
        [Draft(50, world.bob.address)], elsewhere, till.signer, deadline=voucher.voucher.deadline
    )[0]
    assert state(world, replace(other, chain_id=world.chain.chain_id)).state is State.FORGED


# ---------------------------------------------------------------------------------------------------- signing


def test_nothing_is_signed_that_the_grant_cannot_pay(world: World, till: Troc) -> None:
    with pytest.raises(VoucherError, match=r"can pay 1,000 ACME, not 1,002: .*--amount"):
        till.sign_vouchers("ACME", till.draft_vouchers("ACME", 501, count=2))
    with pytest.raises(VoucherError, match="can pay 0 ACME"):
        world.ann.sign_voucher("1 ACME")
    for nobody in (ZERO_ADDRESS, world.everyone.brand("ACME").address):
        with pytest.raises(InputError, match="cannot hold ACME"):
            till.sign_voucher("1 ACME", nobody)
    with pytest.raises(InputError, match="vouchers are out of range"):
        till.draft_vouchers("ACME", 1, count=0)
    with pytest.raises(InputError, match="one customer needs one voucher"):
        till.draft_vouchers("ACME", 1, world.bob.address, 2)


def test_a_voucher_to_a_customer_goes_to_nobody_else(world: World, till: Troc) -> None:
    voucher = till.sign_voucher("50 ACME", world.bob.address)
    with pytest.raises(InputError, match=f"is made out to {world.bob.address}, not to"):
        world.cem.claim(voucher, to=world.cem.address)
    with pytest.raises(InputError, match="key of this voucher is missing"):
        world.cem.claim(till.sign_voucher("50 ACME").public())


def test_a_till_signs_without_a_chain(world: World, till: Troc) -> None:
    brand = world.everyone.brand("ACME")
    nonces = Nonces()
    vouchers = [
        sign_vouchers(
            [Draft(5, world.bob.address)],
            brand.domain_of_messages(world.chain.chain_id),
            till.signer,
            deadline=world.chain.now() + 3_600,
            nonces=nonces,
        )[0]
        for _ in range(3)
    ]
    assert len({each.voucher.nonce >> 128 for each in vouchers}) == 1
    assert len(world.relay.claim(*vouchers).paid) == 3


def test_keys_are_fresh_each_time(till: Troc) -> None:
    drafts = till.draft_vouchers("ACME", 1, count=3)
    keys = [each.secret for _ in range(2) for each in till.sign_vouchers("ACME", drafts)]
    assert len(set(keys)) == 6
    assert all(Account.from_key(key) for key in keys)
