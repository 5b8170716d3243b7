"""Data sold: bought, delivered, settled, disputed, and taken for a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from coincurve import PrivateKey
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract

from benchmarks.chain import MAX_UINT256, Chain, Cost, System, typed
from benchmarks.ours.suite import NOBODY, Suite, contract, deploy, system
from benchmarks.records import Record
from benchmarks.tokens import ONE

_DAY = 86_400
_PRICE = 50 * ONE
_POINTS, _ERC20 = 0, 1
_DEPTH = 14
_CHUNK = 256
_FIELD = 2**256 - 2**32 - 977
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_DEAL = {
    "Deal": typed(
        "address seller",
        "address buyer",
        "address token",
        "uint8 tokenKind",
        "uint256 price",
        "bytes32 manifestRoot",
        "uint256 count",
        "bytes32 keyCommit",
        "bytes32 termsHash",
        "uint256 deliverSeconds",
        "uint256 disputeSeconds",
        "uint256 liveUntil",
        "uint256 openUntil",
        "bytes32 requestId",
        "uint256 nonce",
    )
}
_ATTESTATION = {
    "Attestation": typed(
        "address attestor",
        "address subject",
        "bytes32 schema",
        "uint256 issued",
        "uint256 expires",
        "uint256 index",
        "Content content",
    ),
    "Content": typed("bytes32 plainRoot", "uint256 count"),
}


def _hash(text: str) -> bytes:
    return bytes(Web3.keccak(text=text))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _xor(first: bytes, second: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


@dataclass(frozen=True)
class _Point:
    """A one-time point of even y, and its scalar."""

    scalar: int
    x: bytes
    y: int

    @classmethod
    def of(cls, label: str) -> _Point:
        key = PrivateKey(_hash(f"benchmark scalar: {label}"))
        x, y = key.public_key.point()
        if y % 2:
            return cls(_ORDER - key.to_int(), _word(x), _FIELD - y)
        return cls(key.to_int(), _word(x), y)

    def shared(self, other: _Point) -> bytes:
        """The address of this scalar times the other point, as a word."""
        product = PrivateKey.from_int(self.scalar * other.scalar % _ORDER).public_key.format(False)
        return bytes(12) + bytes(Web3.keccak(product[1:]))[12:]


@dataclass(frozen=True)
class _Content:
    """A sealed file of which one chunk is looked at: the sister nodes of the rest are made up."""

    key: bytes
    index: int
    plain: bytes
    cipher: bytes
    proof: tuple[bytes, ...]

    @classmethod
    def of(cls, label: str) -> _Content:
        key, index = _hash(f"key of {label}"), 2**_DEPTH // 3
        plain = b"".join(_hash(f"{label} {part}") for part in range(_CHUNK // 32))
        blocks = (
            bytes(Web3.keccak(key + index.to_bytes(4, "big") + offset.to_bytes(4, "big")))
            for offset in range(0, _CHUNK, 32)
        )
        proof = tuple(_hash(f"sister {level} of {label}") for level in range(_DEPTH))
        return cls(key, index, plain, _xor(plain, b"".join(blocks)), proof)

    @property
    def key_commit(self) -> bytes:
        return bytes(Web3.keccak(_hash("troc.key.v1") + self.key))

    def root(self, plain_leaf: bytes) -> bytes:
        node = Web3.keccak(b"\x00" + self.index.to_bytes(4, "big") + plain_leaf + Web3.keccak(self.cipher))
        for level, sister in enumerate(self.proof):
            pair = (sister, node) if self.index >> level & 1 else (node, sister)
            node = Web3.keccak(b"\x01" + pair[0] + pair[1])
        return bytes(node)


@dataclass(frozen=True)
class _Market:
    """The market, what is paid in, and who trades."""

    suite: Suite
    market: Contract
    token: Contract
    kind: int
    seller: LocalAccount
    buyer: LocalAccount

    @property
    def chain(self) -> Chain:
        return self.suite.chain

    def domain(self) -> dict[str, Any]:
        return {
            "name": "Troc Data Market",
            "version": "1",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.market.address,
        }

    def deal(self, content: _Content, label: str, lane: int = 1, **changes: Any) -> _Sale:
        """A deal that the seller signed, as ERC-2098 writes signatures."""
        now = self.chain.now
        message = {
            "seller": self.seller.address,
            "buyer": NOBODY,
            "token": self.token.address,
            "tokenKind": self.kind,
            "price": _PRICE,
            "manifestRoot": content.root(bytes(Web3.keccak(b"\x02" + content.plain))),
            "count": 2**_DEPTH,
            "keyCommit": content.key_commit,
            "termsHash": _hash("terms"),
            "deliverSeconds": 2 * _DAY,
            "disputeSeconds": 3 * _DAY,
            "liveUntil": now + 7 * _DAY if self.kind == _POINTS else 0,
            "openUntil": now + _DAY,
            "requestId": bytes(32),
            "nonce": lane << 128,
        } | changes
        signature = self.chain.sign(self.seller, self.domain(), _DEAL, message)
        digest = bytes(signature.digest)
        parties = bytes(12) + bytes.fromhex(self.seller.address[2:])
        parties += bytes(12) + bytes.fromhex(self.buyer.address[2:])
        sale_id = bytes(Web3.keccak(digest + parties))
        deal = tuple(message.values())
        points = _Point.of(f"b {label}"), _Point.of(f"e {label}")
        return _Sale(self, deal, signature.compact, sale_id, content.key, *points)


@dataclass(frozen=True)
class _Sale:
    """A deal and what both sides post for it."""

    market: _Market
    deal: tuple[Any, ...]
    signature: bytes
    sale_id: bytes
    key: bytes
    b: _Point
    e: _Point

    @property
    def wrapped(self) -> bytes:
        return _xor(self.key, bytes(Web3.keccak(self.sale_id + self.e.shared(self.b))))

    @property
    def posted(self) -> tuple[bytes, bytes, bytes]:
        return self.b.x, self.e.x, self.wrapped

    def _send(self, name: str, sender: LocalAccount, *arguments: Any) -> Cost:
        return self.market.chain.send(self.market.market.functions[name](*arguments), sender.address)

    def buy(self) -> Cost:
        return self._send("buy", self.market.buyer, self.deal, self.signature, self.b.x)

    def deliver(self) -> Cost:
        dispute_seconds = self.deal[10]
        arguments = self.sale_id, dispute_seconds, self.posted, self.e.y
        return self._send("deliver", self.market.seller, *arguments)

    def settle(self) -> Cost:
        return self._send("settle", self.market.buyer, self.deal, self.market.buyer.address)

    def dispute_key(self) -> Cost:
        buyer = self.market.buyer
        return self._send("disputeKey", buyer, self.deal, buyer.address, self.posted, self.b.scalar)

    def dispute_chunk(self, chunk: tuple[Any, ...]) -> Cost:
        buyer = self.market.buyer
        return self._send("disputeChunk", buyer, self.deal, buyer.address, self.posted, self.b.scalar, chunk)


def measure(chain: Chain) -> Iterator[Record]:
    """What a sale costs its two sides together, a dispute or an answer taken the buyer."""
    suite, ours = deploy(chain), system()
    attestors = chain.deploy(contract("data/Attestors"))
    market = chain.deploy(contract("data/DataMarket"), attestors.address)
    parties = chain.account("seller"), chain.account("buyer")
    cash = chain.deploy(contract("mocks/CashMock"), "Cash", "CASH")
    points = suite.token("DATA")
    origin = contract("data/DataMarket").origin
    for token in (cash, points):
        for party in parties:
            chain.send(token.functions.mint(party.address, 1_000 * ONE))
        chain.send(token.functions.approve(market.address, MAX_UINT256), parties[1].address)
    in_cash = _Market(suite, market, cash, _ERC20, *parties)
    in_points = _Market(suite, market, points, _POINTS, *parties)
    # Other sales are open: the market holds some of the token, and its guard was used before.
    for place in (in_cash, in_points):
        place.deal(_Content.of("another"), "another").buy()
    with chain.undone():
        yield from _sales(in_cash, in_points, ours, origin)
    with chain.undone():
        yield from _disputes(in_cash, ours, origin)
    for place, suffix in ((in_cash, ""), (in_points, "-points")):
        with chain.undone():
            yield from _requests(place, suffix, ours, origin)
    with chain.undone():
        yield from _attestations(chain, attestors, ours)


def _sales(in_cash: _Market, in_points: _Market, ours: System, origin: str) -> Iterator[Record]:
    for place, suffix, paid in ((in_cash, "", "plain ERC-20"), (in_points, "-points", "points")):
        sale = place.deal(_Content.of("file"), "sale")
        bought = sale.buy()
        state = f"{paid}, both known to it, other sales open"
        how = f"by the buyer, deal signed by the seller; {origin}"
        yield ours.record(f"data-buy{suffix}", bought, state=state, how=f"buy {how}")
        cost = bought + sale.deliver() + sale.settle()
        yield ours.record(
            f"data-sale{suffix}",
            cost,
            state=state,
            how=f"buy, deliver and settle, each by its party; {origin}",
            per="sale",
        )


def _disputes(place: _Market, ours: System, origin: str) -> Iterator[Record]:
    content = _Content.of("file")
    state = "plain ERC-20, both known to it, other sales open"
    wrong = place.deal(replace(content, key=_hash("another key")), "wrong key", keyCommit=content.key_commit)
    wrong.buy()
    wrong.deliver()
    how = f"disputeKey by the buyer, with the refund; {origin}"
    yield ours.record("data-dispute-key", wrong.dispute_key(), state=state, how=how)
    promised = _hash("what was promised")
    forged = place.deal(content, "forged chunk", manifestRoot=content.root(promised))
    forged.buy()
    forged.deliver()
    chunk = (content.index, promised, content.cipher, list(content.proof))
    how = f"disputeChunk by the buyer, {_CHUNK} bytes at depth {_DEPTH}, with the refund; {origin}"
    yield ours.record("data-dispute-chunk", forged.dispute_chunk(chunk), state=state, how=how)


def _requests(place: _Market, suffix: str, ours: System, origin: str) -> Iterator[Record]:
    chain, market, buyer = place.chain, place.market, place.buyer
    attestor = chain.account("attestor")
    now = chain.now
    for attested in (False, True):
        request = (
            buyer.address,
            place.token.address,
            place.kind,
            _PRICE,
            5,
            _hash("terms"),
            _hash("schema"),
            attestor.address if attested else NOBODY,
            NOBODY,
            0,
            2 * _DAY,
            3 * _DAY,
            now + 7 * _DAY,
            int(attested),
        )
        request_id = market.functions.requestIdOf(request).call()
        opened = chain.send(market.functions.openRequest(request), buyer.address)
        name = "-attested" if attested else ""
        state = "answer signed by the seller, other sales open"
        if not attested:
            how = f"openRequest for 5 answers; {origin}"
            yield ours.record(f"data-request-open{suffix}", opened, state="budget approved", how=how)
        changes = {"requestId": request_id, "liveUntil": market.functions.liveUntilOf(request).call()}
        sale = place.deal(_Content.of("answer"), f"answer{name}", **changes)
        arguments: list[Any] = [request, sale.deal, sale.signature, sale.b.x]
        if attested:
            arguments.append(_attestation(place, attestor))
        call = market.functions["takeAttested" if attested else "take"](*arguments)
        cost = chain.send(call, buyer.address)
        how = f"{call.fn_name} by the buyer; {origin}"
        yield ours.record(f"data-request-take{suffix}{name}", cost, state=state, how=how)
        if not attested:
            cost += sale.deliver() + sale.settle()
            how = f"take, deliver and settle, each by its party; {origin}"
            yield ours.record(f"data-request-sale{suffix}", cost, state=state, how=how, per="sale")


def _attestations(chain: Chain, attestors: Contract, ours: System) -> Iterator[Record]:
    attestor, origin = chain.address("attestor"), contract("data/Attestors").origin
    how = "signed, no transaction: looked at when an answer is taken (data-request-take-attested)"
    yield ours.record("attestation", Cost(0, 0), state="none", how=how)
    how = f"revokeAttestations: one, by its number; {origin}"
    for index, suffix, state in ((7, "-first", "first word"), (8, "", "word in use")):
        cost = chain.send(attestors.functions.revokeAttestations([index]), attestor)
        yield ours.record(f"attestation-revoke{suffix}", cost, state=state, how=how)


def _attestation(place: _Market, attestor: LocalAccount) -> tuple[Any, ...]:
    content = {"plainRoot": _hash("plain root"), "count": 2**_DEPTH}
    times = place.chain.now - _DAY, place.chain.now + 300 * _DAY
    message = {
        "attestor": attestor.address,
        "subject": place.seller.address,
        "schema": _hash("schema"),
        "issued": times[0],
        "expires": times[1],
        "index": 7,
        "content": content,
    }
    signature = place.chain.sign(attestor, place.domain(), _ATTESTATION, message)
    content_type = _hash("Content(bytes32 plainRoot,uint256 count)")
    content_hash = Web3.keccak(content_type + content["plainRoot"] + _word(2**_DEPTH))
    return (bytes(content_hash), *times, 7, signature.compact)
