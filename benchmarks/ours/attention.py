"""Paid attention: contacts claimed by statements, tickets, codes and roots, alone and in a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract

from benchmarks.chain import MAX_UINT256, Chain, Signature, System, typed
from benchmarks.ours.suite import NOBODY, Suite, contract, deploy, system
from benchmarks.proofs import DEPTH, under_root
from benchmarks.records import Record
from benchmarks.tokens import ONE

_DAY = 86_400
_PRICE = ONE // 100
_BATCH = 300
_MANY = 100
_CODES = 2_000
_BUDGET = 1_000_000
_POINTS, _ERC20 = 0, 1
_FRESH_MODE, _POINTS_MODE, _ERC20_MODE = 1, 2, 3

_TERMS = (
    "(address,address,uint8,bool,uint256,address,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,address,uint256,uint256,bytes32,bytes32)"
)
_TYPES = {
    "Statement": typed(
        "address campaignSigner", "bytes32 campaign", "bytes32 account", "uint256 page", "uint256 contacts"
    ),
    "Ticket": typed(
        "address campaignSigner",
        "bytes32 campaign",
        "bytes32 account",
        "uint256 id",
        "address key",
        "uint256 validUntil",
    ),
    "ClaimTicket": typed("address key", "address recipient", "bytes32 ticket"),
}


def _account(holder: str) -> bytes:
    return bytes(12) + bytes.fromhex(holder.removeprefix("0x"))


def _pair(signature: Signature) -> tuple[bytes, bytes]:
    return bytes(signature.r), signature.vs


def _hash(text: str) -> bytes:
    return bytes(Web3.keccak(text=text))


@dataclass(frozen=True)
class _Campaign:
    """A campaign in which others have claimed before."""

    suite: Suite
    rewards: Contract
    handle: tuple[int, int, bytes]
    signer: LocalAccount

    @property
    def chain(self) -> Chain:
        return self.suite.chain

    @cached_property
    def id(self) -> bytes:
        return bytes(Web3.keccak(encode(["uint256", "uint256", "bytes32"], self.handle)))

    def _sign(self, signer: LocalAccount, kind: str, message: dict[str, Any]) -> Signature:
        domain = {
            "name": "Troc Attention",
            "version": "1",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.rewards.address,
        }
        return self.chain.sign(signer, domain, {kind: _TYPES[kind]}, message)

    def statement(self, holder: str, contacts: int) -> tuple[Any, ...]:
        """Contacts of page 0, as the signer puts them into words for a relay."""
        message = {
            "campaignSigner": self.signer.address,
            "campaign": self.id,
            "account": _account(holder),
            "page": 0,
            "contacts": contacts,
        }
        signature = self._sign(self.signer, "Statement", message)
        return _account(holder), 0, contacts, _pair(signature)

    def claim_statement(self, holder: str, contacts: int) -> Any:
        return self.rewards.functions.claimStatement(self.handle, self.statement(holder, contacts))

    def claim_ticket(self, holder: str, number: int, *, bound: bool) -> Any:
        """A ticket for one contact of the holder's, or a code that anybody could have found."""
        key = self.chain.account(f"ticket {number} {bound}")
        message = {
            "campaignSigner": self.signer.address,
            "campaign": self.id,
            "account": _account(holder) if bound else bytes(32),
            "id": number,
            "key": key.address,
            "validUntil": self.chain.now + _DAY,
        }
        signature = self._sign(self.signer, "Ticket", message)
        naming = {"key": key.address, "recipient": holder, "ticket": bytes(signature.digest)}
        named = self._sign(key, "ClaimTicket", naming)
        ticket = (_account(holder), *list(message.values())[3:], _pair(signature))
        claim = self.rewards.functions.claimTicket if bound else self.rewards.functions.claimCode
        return claim(self.handle, ticket, _pair(named))

    def append_root(self, holder: str, contacts: int) -> Any:
        """Append the root of a million leaves, and claim under it."""
        leaf = encode(["bytes32", "bytes32", "uint256", "uint256"], [self.id, _account(holder), 0, contacts])
        node, proof = under_root(bytes(Web3.keccak(Web3.keccak(leaf))), f"{holder} {contacts}")
        self.chain.send(self.rewards.functions.appendRoot(self.id, node))
        return self.rewards.functions.claimRoot(self.handle, (_account(holder), 0, contacts), proof)


def measure(chain: Chain) -> Iterator[Record]:
    """What a claim costs whoever submits it, in the states that a customer goes through."""
    suite, ours = deploy(chain), system()
    origin = contract("attention/AttentionRewards").origin
    rewards = chain.deploy(contract("attention/AttentionRewards"))
    points = suite.token("SEEN")
    cash = chain.deploy(contract("mocks/CashMock"), "Cash", "CASH")
    fresh = _open(suite, rewards, points, fresh=True)
    in_points = _open(suite, rewards, points, fresh=False)
    in_cash = _open(suite, rewards, cash, fresh=False)
    for campaign, token, suffix, paid in (
        (fresh, points, "", "fresh points"),
        (in_points, points, "-points", "points in escrow"),
        (in_cash, cash, "-cash", "a plain ERC-20 in escrow"),
    ):
        with chain.undone():
            yield from _statements(campaign, token, suffix, paid, ours, origin)
    for part in (_enrolled, _batches, _tickets, _roots):
        with chain.undone():
            yield from part(fresh, points, ours, origin)


def _open(suite: Suite, rewards: Contract, token: Contract, *, fresh: bool) -> _Campaign:
    chain = suite.chain
    signer, brand = chain.account("campaign signer"), chain.deployer
    is_points = "epochLength" in {entry.get("name") for entry in token.abi}
    terms = (
        brand,
        token.address,
        _POINTS if is_points else _ERC20,
        fresh,
        _PRICE,
        signer.address,
        chain.now,
        chain.now + 30 * _DAY,
        chain.now + 60 * _DAY,
        255,
        0,
        _CODES,
        10,
        1,
        NOBODY,
        3,
        2,
        _hash("terms"),
        _hash("salt"),
    )
    packed = encode(["uint256", "address", _TERMS], [chain.chain_id, rewards.address, terms])
    mode = (_FRESH_MODE if fresh else _POINTS_MODE) if is_points else _ERC20_MODE
    rule = 1 << 248 | mode << 240 | terms[8] << 200 | terms[6] << 160 | int(signer.address, 16)
    handle = (_PRICE << 160 | int(token.address, 16), rule, bytes(Web3.keccak(packed)))
    campaign = _Campaign(suite, rewards, handle, signer)
    amount = _BUDGET * _PRICE
    if fresh:
        grant = int.from_bytes(campaign.id)
        for_codes = _CODES * _PRICE
        # Codes have a grant of their own.
        for number, part in ((grant, amount - for_codes), (MAX_UINT256 - grant, for_codes)):
            chain.send(token.functions.setGrant(rewards.address, number, part, 0, terms[8]))
    else:
        chain.send(token.functions.mint(brand, 2 * amount))
        chain.send(token.functions.approve(rewards.address, MAX_UINT256))
    chain.send(rewards.functions.open(terms, _BUDGET))
    chain.send(rewards.functions.activate(campaign.id, [0, 1]))
    chain.send(campaign.claim_statement(chain.address("before"), 1))
    chain.send(campaign.claim_ticket(chain.address("before"), 0, bound=False))
    return campaign


def _holder(campaign: _Campaign, token: Contract, label: str) -> ChecksumAddress:
    """Somebody who has some of the token already."""
    holder = campaign.chain.address(label)
    campaign.chain.send(token.functions.mint(holder, ONE))
    return holder


def _statements(
    campaign: _Campaign, token: Contract, suffix: str, paid: str, ours: System, origin: str
) -> Iterator[Record]:
    chain = campaign.chain
    relay, new = chain.address("relay"), chain.address("new customer")
    known = _holder(campaign, token, "known customer")
    how = f"claimStatement of one contact by a relay, {paid}; {origin}"
    for operation, customer, contacts, state in (
        ("statement-first", new, 1, "new holder, her first claim, not enrolled"),
        ("statement-first-holder", known, 1, "existing holder, her first claim, not enrolled"),
        ("statement-later", known, 2, "existing holder, page in use, not enrolled"),
    ):
        cost = chain.send(campaign.claim_statement(customer, contacts), relay)
        yield ours.record(f"{operation}{suffix}", cost, state=state, how=how)


def _enrolled(campaign: _Campaign, token: Contract, ours: System, origin: str) -> Iterator[Record]:
    chain = campaign.chain
    known = _holder(campaign, token, "known customer")
    functions = campaign.rewards.functions
    accounts = [_account(one.address) for one in chain.accounts("enrolled", _BATCH)]
    enrolled = chain.send(functions.enrol(campaign.id, [*accounts, _account(known)]))
    how = f"enrol: {_BATCH + 1} accounts by the brand in one call; {origin}"
    state = "none was enrolled or paid before"
    yield ours.record("attention-enrol", enrolled, state=state, how=how, per="account", count=_BATCH + 1)
    cost = chain.send(campaign.claim_statement(known, 1), chain.address("relay"))
    how = f"claimStatement of one contact by a relay, fresh points; {origin}"
    yield ours.record("statement-enrolled", cost, state="existing holder, enrolled, her first claim", how=how)


def _batches(campaign: _Campaign, token: Contract, ours: System, origin: str) -> Iterator[Record]:
    chain = campaign.chain
    relay = chain.address("relay")
    claim = campaign.rewards.functions.claimStatements
    customers = [one.address for one in chain.accounts("customer", _BATCH)]
    how = f"claimStatements: {_BATCH} in one call by a relay, fresh points; {origin}"
    few, many = 1, (1 << _MANY) - 1
    for operation, contacts, state, per, count in (
        ("statement-batch-new", few, "new holders, their first claims", "customer", _BATCH),
        ("statement-batch", few << 1, "existing holders, pages in use", "customer", _BATCH),
        (
            "statement-batch-contact",
            many << _MANY,
            f"existing holders, pages in use, {_MANY} contacts each",
            "contact",
            _BATCH * _MANY,
        ),
    ):
        signed = [campaign.statement(customer, contacts) for customer in customers]
        cost = chain.send(claim(campaign.handle, signed, []), relay)
        yield ours.record(operation, cost, state=state, how=how, per=per, count=count)


def _tickets(campaign: _Campaign, token: Contract, ours: System, origin: str) -> Iterator[Record]:
    chain = campaign.chain
    relay = chain.address("relay")
    bound = f"claimTicket of one contact by a relay, fresh points; {origin}"
    code = f"claimTicket of a code by a relay, fresh points; {origin}"
    for operation, is_bound, number, how, state in (
        ("ticket-bound-first", True, 3, bound, "new holder, her first claim, not enrolled"),
        ("ticket-bound-later", True, 4, bound, "existing holder, page in use, not enrolled"),
        ("ticket-code-first", False, 5, code, "new holder, her first code, codes beside it taken"),
        ("ticket-code-later", False, 6, code, "existing holder, codes of hers and beside it taken"),
    ):
        customer = chain.address(f"finder {is_bound}")
        cost = chain.send(campaign.claim_ticket(customer, number, bound=is_bound), relay)
        yield ours.record(operation, cost, state=state, how=how)


def _roots(campaign: _Campaign, token: Contract, ours: System, origin: str) -> Iterator[Record]:
    chain = campaign.chain
    relay, customer = chain.address("relay"), chain.address("new customer")
    claims = [campaign.append_root(customer, contacts) for contacts in (1, 3)]
    chain.advance(_DAY)
    how = f"claimRoot of one contact by a relay, {DEPTH} words of proof, fresh points; {origin}"
    for operation, claim, state in (
        ("root-first", claims[0], "new holder, her first claim, not enrolled"),
        ("root-later", claims[1], "existing holder, page in use, not enrolled"),
    ):
        cost = chain.send(claim, relay)
        yield ours.record(operation, cost, state=state, how=how)
