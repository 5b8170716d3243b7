"""Points with lots: moved, issued, redeemed, and expired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.contract import Contract

from benchmarks.chain import Chain, Cost, System
from benchmarks.ours.suite import EPOCH, NOBODY, Suite, contract, deploy, system
from benchmarks.records import BenchmarkError, Record
from benchmarks.tokens import BATCH, ONE, token_records

VOUCHERS = 100


def measure(chain: Chain) -> Iterator[Record]:
    """What the plain tokens can do, under the same keys, and what they cannot."""
    suite, ours = deploy(chain), system()
    origin = contract("loyalty/LoyaltyToken").origin
    launched = chain.send(suite.launch("NEW"))
    yield ours.record(
        "launch-brand",
        launched,
        state="a brand of that name does not exist yet",
        how=f"Brands.launch; {origin}",
    )
    token = suite.token("ACME")
    domain = {"name": "Points of ACME", "version": "1", "chainId": chain.chain_id}
    domain |= {"verifyingContract": token.address}
    with chain.undone():
        yield from token_records(
            chain, ours, token, f"holder has one lot; {origin}", has_batches=False, domain=domain
        )
    for part in (_batches, _ageing, _issuing, _acts, _vouchers, _pending):
        with chain.undone():
            yield from part(suite, ours, token, origin)


def _batches(suite: Suite, ours: System, token: Contract, origin: str) -> Iterator[Record]:
    chain = suite.chain
    words = [_word(one.address) for one in chain.accounts("batch", BATCH)]
    how = f"mintBatch(bytes32,uint256[]): {BATCH} by the brand in one call, batch id refused twice; {origin}"
    for operation, state in (
        ("mint-batch-new", "new holders, new batch id"),
        ("mint-batch-existing", "existing holders, new batch id"),
    ):
        cost = chain.send(token.functions.mintBatch(chain.w3.keccak(text=operation), words))
        yield ours.record(operation, cost, state=state, how=how, per="recipient", count=BATCH)


def _ageing(suite: Suite, ours: System, token: Contract, origin: str) -> Iterator[Record]:
    chain = suite.chain
    functions = token.functions
    holder, known = chain.address("saver"), chain.address("known")
    chain.send(functions.mint(known, ONE))
    for epoch in range(4):
        if epoch:
            chain.advance(EPOCH)
        chain.send(functions.mint(holder, 10 * ONE))
    amounts, _ = functions.lotsOf(holder).call()
    if amounts != [10 * ONE] * 4:
        raise BenchmarkError(f"the holder should have four equal lots, but has {amounts}")
    how = f"transfer(address,uint256); {origin}"
    with chain.undone():
        cost = chain.send(functions.transfer(known, 35 * ONE), holder)
        state = (
            "existing holders; the sender's four lots came in four epochs, the receiver's word is three old"
        )
        yield ours.record("transfer-four-lots", cost, state=state, how=how)
    with chain.undone():
        cost = chain.send(functions.transfer(chain.address("t"), 35 * ONE), holder)
        state = "new holder; the sender's four lots came in four epochs"
        yield ours.record("transfer-four-lots-new", cost, state=state, how=how)
    with chain.undone():
        chain.advance(EPOCH)
        cost = chain.send(functions.transfer(known, 25 * ONE), holder)
        state = (
            "existing holders; an epoch has begun since the sender's word was written, three lots are left"
        )
        yield ours.record("transfer-three-lots-aged", cost, state=state, how=how)
    chain.advance(5 * EPOCH)
    left = functions.balanceOf(holder).call(), functions.totalSupply().call()
    if left != (0, 0):
        raise BenchmarkError(f"all points should have expired, but balance and supply are {left}")
    state = "four lots of one holder, and all other points of the brand"
    how = f"no transaction: balanceOf and totalSupply are 0 after five epochs; {origin}"
    yield ours.record("expiry", Cost(0, 0), state=state, how=how)


def _issuing(suite: Suite, ours: System, token: Contract, origin: str) -> Iterator[Record]:
    chain = suite.chain
    functions = token.functions
    known, till = chain.address("known"), chain.address("till")
    chain.send(functions.mint(known, ONE))
    for grant in (0, 1):
        locked = chain.now + EPOCH if grant else 0
        chain.send(functions.setGrant(till, grant, 1_000_000 * ONE, 100_000 * ONE, locked))
        chain.send(functions.issue(grant, known, ONE, chain.w3.keccak(text=f"first {grant}")), till)
    state = "existing holder, new receipt id"
    cost = chain.send(functions.mintFor(known, ONE, chain.w3.keccak(text="receipt")))
    yield ours.record(
        "mint-for-receipt", cost, state=state, how=f"mintFor by the brand, receipt refused twice; {origin}"
    )
    for operation, grant, kind in (("issue", 0, "without a lock"), ("issue-locked", 1, "with a lock")):
        cost = chain.send(functions.issue(grant, known, ONE, chain.w3.keccak(text=operation)), till)
        how = f"issue by an issuer out of a grant {kind}, with a cap a day; {origin}"
        yield ours.record(operation, cost, state=f"{state}, grant used today", how=how)


def _acts(suite: Suite, ours: System, token: Contract, origin: str) -> Iterator[Record]:
    chain = suite.chain
    functions = token.functions
    holder, known = chain.account("signing holder"), chain.address("known")
    for account in (holder.address, known):
        chain.send(functions.mint(account, 100 * ONE))
    receipts = iter(chain.w3.keccak(text=f"redemption {index}") for index in range(9))
    cost = chain.send(functions.redeem(ONE, next(receipts)), holder.address)
    yield ours.record("redeem", cost, state="existing holder, new receipt id", how=f"redeem; {origin}")
    for nonce, (suffix, state) in enumerate((("-first", "first nonce word"), ("", "nonce word in use"))):
        send = {
            "holder": holder.address,
            "to": known,
            "amount": ONE,
            "deadline": chain.now + 3600,
            "nonce": 2 * nonce,
        }
        with chain.undone():
            if nonce:
                chain.send(functions.cancelNonces([9]), holder.address)
            signature = suite.sign_message(holder, token, "Send", send)
            cost = chain.send(functions.sendFor(tuple(send.values()), signature.packed), known)
            how = f"sendFor: given away by a signature, sent by somebody else; {origin}"
            yield ours.record(f"send-signed{suffix}", cost, state=f"existing holders, {state}", how=how)
            redeem = {
                "holder": holder.address,
                "amount": ONE,
                "receiptId": next(receipts),
                "agent": NOBODY,
                "deadline": chain.now + 3600,
                "nonce": 2 * nonce + 1,
            }
        with chain.undone():
            if nonce:
                chain.send(functions.cancelNonces([9]), holder.address)
            signature = suite.sign_message(holder, token, "Redeem", redeem)
            cost = chain.send(functions.redeemFor(tuple(redeem.values()), signature.packed), known)
            how = f"redeemFor: redeemed by a signature, sent by somebody else; {origin}"
            state = f"existing holder, new receipt id, {state}"
            yield ours.record(f"redeem-signed{suffix}", cost, state=state, how=how)


@dataclass(frozen=True)
class _Vouchers:
    """What one till signs."""

    suite: Suite
    token: Contract
    till: LocalAccount

    def signed(
        self, recipient: str, nonce: int, receipt: bytes = bytes(32), key: LocalAccount | None = None
    ) -> Any:
        """A voucher in the form that the contract takes; with `key`, made out to it."""
        chain = self.suite.chain
        voucher = {
            "issuer": self.till.address,
            "grantId": 0,
            "recipient": key.address if key else recipient,
            "isKey": key is not None,
            "amount": ONE,
            "receiptId": receipt,
            "deadline": chain.now + 3600,
            "nonce": nonce,
        }
        signature = self.suite.sign_message(self.till, self.token, "Voucher", voucher)
        if key is None:
            return tuple(voucher.values()), signature.packed, NOBODY, b""
        claim = {"key": key.address, "to": recipient, "voucher": signature.digest}
        named = self.suite.sign_message(key, self.token, "Claim", claim)
        return tuple(voucher.values()), signature.packed, recipient, named.packed


def _vouchers(suite: Suite, ours: System, token: Contract, origin: str) -> Iterator[Record]:
    chain = suite.chain
    functions = token.functions
    till, known, anyone = chain.account("signing till"), chain.address("known"), chain.address("anyone")
    vouchers = _Vouchers(suite, token, till)
    chain.send(functions.mint(known, ONE))
    chain.send(functions.setGrant(till.address, 0, 1_000_000 * ONE, 0, 0))
    lane = chain.account("lane").key[:16] + bytes(16)
    nonce = int.from_bytes(lane)
    how = f"claim by somebody else, of a voucher that a till signed against its grant; {origin}"
    with chain.undone():
        cost = chain.send(functions.claim(vouchers.signed(known, nonce)), anyone)
        yield ours.record("voucher-existing-first", cost, state="existing holder, first nonce word", how=how)
    chain.send(functions.claim(vouchers.signed(known, nonce)), anyone)
    for operation, to, state in (
        ("voucher-existing", known, "existing holder, nonce word in use"),
        ("voucher-new", chain.address("v"), "new holder, nonce word in use"),
    ):
        with chain.undone():
            cost = chain.send(functions.claim(vouchers.signed(to, nonce + 1)), anyone)
            yield ours.record(operation, cost, state=state, how=how)
    with chain.undone():
        receipt = chain.w3.keccak(text="voucher")
        cost = chain.send(functions.claim(vouchers.signed(known, nonce + 1, receipt)), anyone)
        state = "existing holder, nonce word in use, new receipt id"
        yield ours.record("voucher-receipt", cost, state=state, how=how)
    with chain.undone():
        key = chain.account("one-time key")
        cost = chain.send(functions.claim(vouchers.signed(chain.address("v"), nonce + 1, key=key)), anyone)
        state = "new holder, nonce word in use"
        how = f"claim of a voucher made out to a one-time key, which names the recipient; {origin}"
        yield ours.record("voucher-key-new", cost, state=state, how=how)
    holders = chain.accounts("voucher", VOUCHERS)
    chain.send(functions.mintBatch(chain.w3.keccak(text="holders"), [_word(one.address) for one in holders]))
    batch = [vouchers.signed(one.address, nonce + 1 + index) for index, one in enumerate(holders)]
    cost = chain.send(functions.claimBatch(batch), anyone)
    how = f"claimBatch: {VOUCHERS} vouchers in one call; {origin}"
    state = "existing holders, nonce word in use"
    yield ours.record("voucher-batch", cost, state=state, how=how, per="recipient", count=VOUCHERS)


def _pending(suite: Suite, ours: System, token: Contract, origin: str) -> Iterator[Record]:
    chain = suite.chain
    functions = token.functions
    till, anyone = chain.address("till"), chain.address("anyone")
    holders = [_word(one.address) for one in chain.accounts("buyer", VOUCHERS)]
    chain.send(functions.mintBatch(chain.w3.keccak(text="buyers"), holders))
    chain.send(functions.setGrant(till, 0, 1_000_000 * ONE, 0, 0))
    matures = chain.now + 30 * 86_400
    chain.send(functions.issuePending(0, chain.w3.keccak(text="before"), matures, holders[:1]), till)
    batch = chain.w3.keccak(text="purchases")
    cost = chain.send(functions.issuePending(0, batch, matures, holders), till)
    how = f"issuePending: {VOUCHERS} purchases in one call, out of a grant; {origin}"
    yield ours.record("pending-issue", cost, state="new batch id", how=how, per="recipient", count=VOUCHERS)
    with chain.undone():
        cost = chain.send(functions.cancelPending(till, 7, ONE), till)
        yield ours.record("pending-cancel", cost, state="whole", how=f"cancelPending by its issuer; {origin}")
    chain.advance(31 * 86_400)
    ids = list(range(1, VOUCHERS + 1))
    cost = chain.send(functions.releasePending(till, ids), anyone)
    how = f"releasePending: {VOUCHERS} purchases in one call, by anyone; {origin}"
    state = "existing holders"
    yield ours.record("pending-release", cost, state=state, how=how, per="recipient", count=VOUCHERS)


def _word(address: str) -> int:
    return ONE << 160 | int(address, 16)
