"""Deals: made from words, told in words before they are signed, carried as text or file; and the sales that
came of them, as the chain tells them.

A deal is what `docs/messages.md` says. The same message is an offer (signed by the seller, for one buyer or
for any), an answer to a request, and a bid: filled in by a buyer, with his signed `Buy`, for her to take.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_account.messages import encode_defunct
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types
from eth_utils.crypto import keccak

from troc import words
from troc.abi import CODEC
from troc.accounts import Signer
from troc.chain import Chain
from troc.data.messages import (
    MARKET,
    NO_CONTENT,
    NO_REQUEST,
    Buy,
    Deal,
    market_domain,
    sale_id,
)
from troc.errors import DealError, InputError, NetworkError, WrongChainError
from troc.messages import (
    KIND_ERC20,
    KIND_POINTS,
    WHOLE_INDEXES,
    ZERO_ADDRESS,
    Domain,
    digest,
    pack_nonce,
    sign,
)
from troc.signatures import is_signed
from troc.spelling import Reader, checked, read_file, spell, unchecked, unspell, varint
from troc.vouchers import write_secret

if TYPE_CHECKING:
    from troc.data.manifest import Manifest

SCHEME = "TROC:DEAL/"
"""What a deal's text begins with. Capitals: a QR code holds more of them."""

LEAST_DELIVER, LEAST_DISPUTE = words.DAY, 2 * words.DAY
LONGEST = 365 * words.DAY
MOST_PRICE = 2**128 - 1
LIVE_MARGIN = words.DAY
"""Points in escrow live a day longer than both times of their deal."""

USUAL_OPEN, USUAL_DELIVER, USUAL_DISPUTE = "7d", "3d", "7d"

MARGIN_SHARE, LEAST_MARGIN = 10, words.HOUR
"""Nothing is delivered or disputed in the last tenth of its time, nor in the last hour."""

_FORMAT = "troc-deal-1"
_VERSION = 1
_SIGNED, _HAS_BID, _HAS_BUYER, _HAS_REQUEST = 1, 2, 4, 8
_LARGEST_SIGNATURE = 1_024
_LARGEST_SOURCE = 1_024
_LARGEST_TEXT = 16_384
_LARGEST_FILE = 2**20


def margin(seconds: int) -> int:
    """The last seconds of a time of so many in which nothing is sent that must not come too late."""
    return max(LEAST_MARGIN, seconds // MARGIN_SHARE)


def secret_seed(signer: Signer, domain: Domain, what: str) -> bytes:
    """A secret of an account on one market, 32 bytes: made from a signature that is never shown (RFC 6979:
    the same each time), so there is nothing to keep, or to lose, beside the account.
    """
    text = f"Troc: {what}\nchain {domain.chain_id}\nmarket {domain.verifying_contract}"
    return keccak(signer.sign_message(encode_defunct(text=text)))


def buyer_seed(signer: Signer, domain: Domain) -> bytes:
    """From which a buyer's one-time points come."""
    return secret_seed(signer, domain, "the seed of my one-time points")


def seller_seed(signer: Signer, domain: Domain) -> bytes:
    """From which a seller's answers come."""
    return secret_seed(signer, domain, "the seed of my answers to buyers")


def deal_nonce(commitment: bytes, taken: Sequence[int] = ()) -> int:
    """A nonce for a deal about a key: all deals of one key lie in lanes that follow from its commitment, so
    that one message ends them.
    """
    for attempt in range(WHOLE_INDEXES):
        seed = keccak(b"troc.deal\0" + commitment + attempt.to_bytes(8))
        lane = int.from_bytes(seed[:16])
        free = [nonce for index in range(WHOLE_INDEXES) if (nonce := pack_nonce(lane, 0, index)) not in taken]
        if free:
            # By chance, so that a book that was lost seldom meets what it gave out before.
            return secrets.choice(free)
    raise DealError("there are too many deals about this key", "seal the record anew, under another key")


# ------------------------------------------------------------------------------------------------------
# signed


@dataclass(frozen=True)
class Bid:
    """A buyer's signed purchase, waiting for the seller's word."""

    buy: Buy
    signature: bytes


@dataclass(frozen=True)
class SignedDeal:
    """A deal as it travels. `signature`: the seller's; empty in a bid that she has not signed. `source`:
    where its manifest and sealed copy lie; nobody signs it, for what lies there is checked against the deal.
    `papers`: what else belongs to it (the consent record, an attestation), as JSON; in files alone.
    """

    deal: Deal
    signature: bytes
    domain: Domain
    source: str = ""
    bid: Bid | None = None
    papers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """What names the deal for ever (EIP-712)."""
        return digest(self.deal, self.domain)

    @property
    def id(self) -> str:
        """The digest in hex."""
        return "0x" + self.digest.hex()

    @property
    def kind(self) -> str:
        """`offer`, `bid` or `answer`."""
        if self.deal.request_id != NO_REQUEST:
            return "answer"
        return "offer" if self.signature else "bid"

    def sale_id(self, buyer: str) -> bytes:
        """The sale that it becomes with this buyer."""
        return sale_id(self.digest, self.deal.seller, buyer)

    # -------------------------------------------------------------------------------------------- file

    def to_json(self) -> dict[str, Any]:
        """For a file."""
        data: dict[str, Any] = {
            "format": _FORMAT,
            "chainId": self.domain.chain_id,
            "market": self.domain.verifying_contract,
            "deal": self.deal.to_json(),
            "signature": "0x" + self.signature.hex(),
            "source": self.source,
        }
        if self.bid is not None:
            data["bid"] = {"buy": self.bid.buy.to_json(), "signature": "0x" + self.bid.signature.hex()}
        return data | ({"papers": dict(self.papers)} if self.papers else {})

    @classmethod
    def from_json(cls, data: Any, domain: Domain) -> SignedDeal:
        """Read what `to_json` wrote, for the market of `domain`. Raises `WrongChainError` for any other."""
        keys = {"format", "chainId", "market", "deal", "signature", "source"}
        if not isinstance(data, dict) or not keys <= set(data) <= keys | {"bid", "papers"}:
            raise InputError("this is no deal", f"it needs the fields {', '.join(sorted(keys))}")
        if data["format"] != _FORMAT:
            raise InputError(f"{str(data['format'])[:40]!r} is no format of deals", "use a newer troc")
        _check_market(data["chainId"], data["market"], domain)
        source, papers = data["source"], data.get("papers", {})
        if not isinstance(source, str) or len(source) > _LARGEST_SOURCE or not isinstance(papers, dict):
            raise InputError("the deal's source or papers make no sense", "ask for the file again")
        bid = None
        if "bid" in data:
            if not isinstance(data["bid"], dict) or set(data["bid"]) != {"buy", "signature"}:
                raise InputError("the bid in the deal makes no sense", "ask for the file again")
            bid = Bid(Buy.from_json(data["bid"]["buy"]), _signature(data["bid"]["signature"]))
        found = cls(Deal.from_json(data["deal"]), _signature(data["signature"]), domain, source, bid, papers)
        if bid is not None and bid.buy.deal_digest != found.digest:
            raise InputError("the bid is for another deal", "ask for the file again")
        return found

    # -------------------------------------------------------------------------------------------- text

    def to_text(self) -> str:
        """`TROC:DEAL/…`, in letters that a QR code packs tightly; without the papers."""
        return spell(SCHEME, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The bytes that the text spells, with a checksum at their end (docs/data.md)."""
        deal, source = self.deal, self.source.encode()
        flags = bool(self.signature) * _SIGNED | (self.bid is not None) * _HAS_BID
        flags |= (deal.buyer != ZERO_ADDRESS) * _HAS_BUYER | (deal.request_id != NO_REQUEST) * _HAS_REQUEST
        body = bytes([_VERSION, flags]) + b"".join(
            varint(number)
            for number in (
                self.domain.chain_id,
                deal.token_kind,
                deal.price,
                deal.count,
                deal.deliver_seconds,
                deal.dispute_seconds,
                deal.live_until,
                deal.open_until,
                len(source),
                len(self.signature),
            )
        )
        body += b"".join(
            bytes.fromhex(each[2:]) for each in (self.domain.verifying_contract, deal.seller, deal.token)
        )
        body += bytes.fromhex(deal.buyer[2:]) if flags & _HAS_BUYER else b""
        body += deal.manifest_root + deal.key_commit + deal.terms_hash + deal.nonce.to_bytes(32)
        body += deal.request_id if flags & _HAS_REQUEST else b""
        body += source + self.signature
        if self.bid is not None:
            buy = self.bid.buy
            body += bytes.fromhex(buy.buyer[2:]) + buy.point_b + varint(buy.deadline)
            body += varint(len(self.bid.signature)) + self.bid.signature
        return checked(body)

    @classmethod
    def from_bytes(cls, data: bytes, domain: Domain) -> SignedDeal:
        """Read what `to_bytes` wrote, and nothing else: one deal has one spelling."""
        body = unchecked(data, "deal")
        if body[0] != _VERSION:
            raise InputError(
                f"this deal is of version {body[0]}, which is not known here", "use a newer troc"
            )
        try:
            found = cls._read(Reader(body[1:]), domain)
        except (InputError, IndexError, UnicodeDecodeError):
            found = None
        # Two texts for one deal would let it look like two.
        if found is None or found.to_bytes() != data:
            raise InputError("this deal is malformed", "ask whoever gave it to you for another")
        return found

    @classmethod
    def _read(cls, reader: Reader, domain: Domain) -> SignedDeal:
        flags = reader.take(1)[0]
        chain_id, kind, price, count, deliver, dispute, live, until, length, signed = (
            reader.varint() for _ in range(10)
        )
        market, seller, token = (reader.address() for _ in range(3))
        _check_market(chain_id, market, domain)
        if length > _LARGEST_SOURCE or signed > _LARGEST_SIGNATURE:
            raise IndexError
        buyer = reader.address() if flags & _HAS_BUYER else ZERO_ADDRESS
        root, commit, terms_hash, nonce = (reader.take(32) for _ in range(4))
        request = reader.take(32) if flags & _HAS_REQUEST else NO_REQUEST
        deal = Deal(
            seller, buyer, token, kind, price, root, count, commit, terms_hash,
            deliver, dispute, live, until, request, int.from_bytes(nonce),
        )  # fmt: skip
        source, signature = reader.take(length).decode(), reader.take(signed)
        bid = None
        if flags & _HAS_BID:
            who, point, deadline, size = (
                reader.address(), reader.take(32), reader.varint(), reader.varint(),
            )  # fmt: skip
            if size > _LARGEST_SIGNATURE:
                raise IndexError
            bid = Bid(Buy(who, digest(deal, domain), NO_CONTENT, point, deadline), reader.take(size))
        return cls(deal, signature, domain, source, bid)


def drafted(
    manifest: Manifest,
    *,
    parties: tuple[str, str],
    token: tuple[str, int, int],
    terms_hash: bytes,
    times: tuple[int, int, int],
    live_until: int | None,
    request: bytes,
    nonce: int,
    now: int,
) -> Deal:
    """A checked deal about a sealed copy. `parties`: seller and buyer; `token`: its address, its kind and the
    price in smallest units; `times`: open until, seconds to deliver, seconds to dispute. `live_until` None:
    as soon as may be. Raises `DealError` as `check_deal` does.
    """
    (seller, buyer), (address, kind, price) = parties, token
    open_until, deliver_seconds, dispute_seconds = times
    if live_until is None:
        live_until = sum(times) + LIVE_MARGIN
    deal = Deal(
        seller=seller,
        buyer=buyer,
        token=address,
        token_kind=kind,
        price=price,
        manifest_root=manifest.root,
        count=manifest.count,
        key_commit=manifest.key_commit,
        terms_hash=terms_hash,
        deliver_seconds=deliver_seconds,
        dispute_seconds=dispute_seconds,
        live_until=live_until if kind == KIND_POINTS else 0,
        open_until=open_until,
        request_id=request,
        nonce=nonce,
    )
    check_deal(deal, now)
    return deal


def _check_market(chain_id: Any, market: Any, domain: Domain) -> None:
    if chain_id != domain.chain_id:
        raise WrongChainError(
            f"the deal is for chain {str(chain_id)[:40]}, and this is chain {domain.chain_id}",
            "choose its network with --network",
        )
    if market != domain.verifying_contract:
        raise WrongChainError(
            f"the deal is for the market {str(market)[:42]}, not {domain.verifying_contract}",
            "ask for a deal on this market",
        )


def _signature(text: Any) -> bytes:
    try:
        if not isinstance(text, str) or not text.startswith("0x"):
            raise ValueError
        found = bytes.fromhex(text[2:])
    except ValueError:
        raise InputError("a signature of the deal is no hex number", "ask for the file again") from None
    if len(found) > _LARGEST_SIGNATURE:
        raise InputError(f"a signature of {len(found):,} bytes", f"use at most {_LARGEST_SIGNATURE:,}")
    return found


def is_text(source: str) -> bool:
    """Whether this is meant as a deal's text, and not as the name of a file."""
    return source.strip().upper().startswith(SCHEME)


def read_deal(source: str | Path, domain: Domain) -> SignedDeal:
    """Read a deal from its text or file. Whether it is signed rightly is not looked at yet."""
    if isinstance(source, str) and is_text(source):
        return SignedDeal.from_bytes(unspell(source, SCHEME, "deal", _LARGEST_TEXT), domain)
    path = Path(source)
    text = read_file(source, "deal", "its text or its file", _LARGEST_FILE, ("a deal", "ask for it again"))
    if is_text(text):
        return read_deal(text, domain)
    try:
        return SignedDeal.from_json(json.loads(text), domain)
    except (ValueError, RecursionError):
        raise InputError(f"{path.name} holds no deal", "ask for the file again") from None


def write_deal(signed: SignedDeal, path: Path) -> Path:
    """Write a deal to a new file that only its owner reads: `.txt` as text, else as JSON."""
    text = signed.to_text() if path.suffix.lower() == ".txt" else json.dumps(signed.to_json(), indent=2)
    return write_secret(path, (text + "\n").encode())


# --------------------------------------------------------------------------------------------------- judging


def check_deal(deal: Deal, now: int) -> None:
    """Raise `DealError` for a deal that nobody should sign or buy, whatever its signature."""
    if deal.seller in (deal.buyer, ZERO_ADDRESS):
        raise DealError("seller and buyer of the deal are one", "name another buyer, or none")
    if deal.token_kind not in (KIND_POINTS, KIND_ERC20) or deal.token == ZERO_ADDRESS:
        raise DealError("the deal is paid in no points and no ERC-20", "do not sign it")
    if deal.price > MOST_PRICE:
        raise DealError("the deal asks for more than there can be", "do not sign it")
    if not 0 < deal.count < 2**32:
        raise DealError(f"the deal is about {deal.count} chunks", "do not sign it")
    for seconds, least, what in (
        (deal.deliver_seconds, LEAST_DELIVER, "deliver"),
        (deal.dispute_seconds, LEAST_DISPUTE, "object"),
    ):
        if not least <= seconds <= LONGEST:
            raise DealError(
                f"the deal leaves {seconds / words.DAY:.2f} days to {what}",
                f"use {words.count(least // words.DAY, 'day')} to a year",
            )
    if deal.open_until < now:
        raise DealError(f"the deal was open until {words.moment(deal.open_until)}", "ask for a new one")
    if deal.open_until > now + 366 * words.DAY:
        raise DealError("the deal would stay open for more than a year", "let it end within a year")
    if deal.token_kind == KIND_ERC20 and deal.live_until:
        raise DealError("an ERC-20 does not expire, and the deal says it does", "do not sign it")
    least = now + deal.deliver_seconds + deal.dispute_seconds + LIVE_MARGIN
    if deal.token_kind == KIND_POINTS and deal.live_until < least:
        raise DealError(
            f"its points need live until {words.moment(deal.live_until)} only, and would die in escrow",
            "ask for a new deal",
        )


def check_signed(chain: Chain, signed: SignedDeal) -> None:
    """Raise `DealError` unless the seller signed it, and a bid's buyer his bid."""
    if signed.signature and not is_signed(chain, signed.deal, signed.domain, signed.signature):
        raise DealError(f"{signed.deal.seller} has not signed this deal", "ask the seller for it again")
    if signed.bid is not None:
        buy = signed.bid.buy
        if signed.deal.buyer not in (ZERO_ADDRESS, buy.buyer):
            raise DealError("the bid is not by the buyer that the deal names", "ask for it again")
        if not is_signed(chain, buy, signed.domain, signed.bid.signature):
            raise DealError(f"{buy.buyer} has not signed this bid", "ask the buyer for it again")
    if not signed.signature and signed.bid is None:
        raise DealError("nobody has signed this deal", "ask for it again")


def sign_deal(deal: Deal, domain: Domain, signer: Signer, **more: Any) -> SignedDeal:
    """Sign a deal as its seller; `more` are fields of `SignedDeal`."""
    return SignedDeal(deal, sign(deal, domain, signer), domain, **more)


# -------------------------------------------------------------------------------------------------------
# sales


class SaleState(IntEnum):
    """Where a sale stands on the chain, as the contract counts it."""

    NONE = 0
    BOUGHT = 1
    DELIVERED = 2
    PAID = 3
    REFUNDED = 4
    CONCEDED = 5
    KEY_WRONG = 6
    CHUNK_WRONG = 7


class Delivered(NamedTuple):
    """A delivery as it stands in the log. `dispute_until`: 0 once the sale ended."""

    point_e: bytes
    wrapped: bytes
    dispute_until: int
    block: int


@dataclass(frozen=True)
class Sale:
    """A sale as the chain tells it at one block. `bought_block` is where its purchase lies; `deadline` the
    last second to deliver, or to dispute; 0 once it ended.
    """

    id: bytes
    seller: str
    buyer: str
    point_b: bytes
    deadline: int
    bought_block: int
    transaction: str
    state: SaleState
    owed: bool
    revoked_at: int
    acknowledged_at: int
    delivered: Delivered | None = None
    ended_block: int | None = None
    # What went out at its end, in smallest units.
    amount: int = 0
    token: str = ""

    @property
    def name(self) -> str:
        """Its id in hex."""
        return "0x" + self.id.hex()

    @property
    def deliver_by(self) -> int:
        """The last second for the delivery, while it is awaited; else 0."""
        return self.deadline if self.state == SaleState.BOUGHT else 0

    @property
    def is_open(self) -> bool:
        """Whether its money is still in escrow."""
        return self.state in (SaleState.BOUGHT, SaleState.DELIVERED) or self.owed

    @property
    def key_revealed(self) -> bool:
        """Whether a dispute showed the key of the deal to everybody."""
        return self.state == SaleState.CHUNK_WRONG


class SaleStanding(NamedTuple):
    """What the contract keeps of a sale."""

    state: SaleState
    deadline: int
    owed: bool
    revoked_at: int
    acknowledged_at: int

    @classmethod
    def of(cls, answer: Any) -> SaleStanding:
        """From what web3 makes of the struct."""
        if isinstance(answer, Mapping):
            answer = [answer[name] for name in ("state", "deadline", "owed", "revokedAt", "acknowledgedAt")]
        return cls(SaleState(answer[0]), *answer[1:])


@dataclass(frozen=True)
class View:
    """Sales, all read at the end of one block: its number, hash and time."""

    block: int
    hash: bytes
    now: int
    sales: Mapping[bytes, Sale]


class Sales:
    """The sales of one market, read from the log and the contract; nothing is kept."""

    def __init__(self, chain: Chain, address: str, since: int) -> None:
        self.chain = chain
        self.address = address
        self.since = since
        self.domain = market_domain(chain.chain_id, address)
        self.contract = chain.contract(MARKET, address)

    # ------------------------------------------------------------------------------------------ reading

    def view(
        self,
        filters: Mapping[str, Any] | None,
        since: int | None = None,
        known: Mapping[bytes, int] | None = None,
        ends: bool = False,
    ) -> View:
        """The sales whose purchases fit `filters` (`seller`, `buyer`, `saleId`) from block `since` on, and
        those `known`, by the block in which their purchase was last seen: all at the end of the same block.
        `ends`: look up, too, when and how they ended.
        """
        for _ in range(_ATTEMPTS):
            head = self.chain.header()
            start = self.since if since is None else since
            found = {} if filters is None else self._bought(filters, start, head.number)
            for part in parts([each for each in known or {} if each not in found]):
                blocks = [(known or {})[each] for each in part]
                # A reorganisation may have moved it by a few blocks; further, and it is found anew.
                near = max(self.since, min(blocks) - DEPTH), min(head.number, max(blocks) + DEPTH)
                found |= self._bought({"saleId": part}, *near)
            sales = self._complete(found, head.number, ends)
            # While we read, the chain may have taken another way.
            if self.chain.header(head.number).hash == head.hash:
                return View(head.number, head.hash, head.time, sales)
        raise NetworkError("the chain changes faster than it can be read", "wait a little and run it again")

    def sale(self, id_: bytes) -> Sale | None:
        """One sale; None where nobody bought it."""
        return self.view({"saleId": [id_]}, ends=True).sales.get(id_)

    def _bought(self, filters: Mapping[str, Any], since: int, until: int) -> dict[bytes, Any]:
        event = self.contract.events.Bought()
        return {bytes(log["args"]["saleId"]): log for log in self.chain.logs(event, filters, since, until)}

    def _complete(self, found: Mapping[bytes, Any], block: int, ends_too: bool) -> dict[bytes, Sale]:
        if not found:
            return {}
        ids = list(found)
        states = [
            SaleStanding.of(each)
            for each in self.chain.read_many([self.contract.functions.saleOf(id_) for id_ in ids], block)
        ]
        deadlines = {id_: state.deadline for id_, state in zip(ids, states, strict=True)}
        deliveries: dict[bytes, Delivered] = {}
        ends: dict[bytes, tuple[int, int, str]] = {}
        first = {id_: int(log["blockNumber"]) for id_, log in found.items()}
        kinds = {id_: state.state for id_, state in zip(ids, states, strict=True)}
        late = [id_ for id_ in ids if kinds[id_] == SaleState.DELIVERED or (ends_too and kinds[id_] > 1)]
        for part in parts(late):
            start = min(first[id_] for id_ in part)
            for log in self.chain.logs(self.contract.events.Delivered(), {"saleId": part}, start, block):
                args = log["args"]
                id_ = bytes(args["saleId"])
                deliveries[id_] = Delivered(
                    bytes(args["pointE"]), bytes(args["wrapped"]), deadlines[id_], log["blockNumber"]
                )
        for part in parts([id_ for id_ in ids if ends_too and kinds[id_] >= SaleState.PAID]):
            start = min(first[id_] for id_ in part)
            for log in self.chain.logs(self.contract.events.SaleEnded(), {"saleId": part}, start, block):
                args = log["args"]
                ends[bytes(args["saleId"])] = log["blockNumber"], args["amount"], args["token"]
        sales = {}
        for id_, state in zip(ids, states, strict=True):
            args = found[id_]["args"]
            end = ends.get(id_)
            sales[id_] = Sale(
                id=id_,
                seller=args["seller"],
                buyer=args["buyer"],
                point_b=bytes(args["pointB"]),
                deadline=state.deadline,
                bought_block=found[id_]["blockNumber"],
                transaction="0x" + bytes(found[id_]["transactionHash"]).hex(),
                state=state.state,
                owed=state.owed,
                revoked_at=state.revoked_at,
                acknowledged_at=state.acknowledged_at,
                delivered=deliveries.get(id_),
                ended_block=None if end is None else end[0],
                amount=0 if end is None else end[1],
                token="" if end is None else end[2],
            )
        return sales

    def points_since(self, since: int) -> Iterator[tuple[bytes, bytes]]:
        """Every buyer's point with its sale, from a block on."""
        for log in self.chain.logs(self.contract.events.Bought(), {}, since):
            yield bytes(log["args"]["pointB"]), bytes(log["args"]["saleId"])

    def deal_of(self, sale: Sale) -> Deal | None:
        """The deal of a sale, from the call that bought it; None where another contract made that."""
        sent = self.chain.transaction(sale.transaction)
        for named, deal in self.deals_in(bytes(sent["input"])).items():
            if sale_id(named, deal.seller, sale.buyer) == sale.id:
                return deal
        return None

    def deals_in(self, data: bytes) -> dict[bytes, Deal]:
        """The deals in a call of the market, by their digests."""
        for entry in self.contract.abi:
            if entry["type"] == "function" and data[:4] == function_abi_to_4byte_selector(entry):
                try:
                    values = CODEC.decode(get_abi_input_types(entry), data[4:])
                except Exception:
                    return {}
                return {
                    digest(deal, self.domain): deal
                    for kind, value in zip(entry["inputs"], values, strict=True)
                    for deal in _deals(kind, value)
                }
        return {}

    # ------------------------------------------------------------------------------------------- asking

    def nonce_open(self, account: str, nonce: int) -> bool:
        """Whether what an account signed with this nonce can still be accepted."""
        return bool(self.chain.call(self.contract.functions.nonceOpen(account, nonce)))


DEPTH = 64
"""Blocks beyond which we take the chain not to be reorganised."""

_ATTEMPTS = 5
_PART = 200


def parts(ids: Sequence[bytes]) -> Iterator[list[bytes]]:
    """As many at once as a node takes in one question."""
    for start in range(0, len(ids), _PART):
        yield list(ids[start : start + _PART])


def _deals(kind: Mapping[str, Any], value: Any) -> Iterator[Deal]:
    """Deals inside of a decoded argument."""
    if kind["type"].endswith("[]"):
        for each in value:
            yield from _deals({**kind, "type": kind["type"][:-2]}, each)
        return
    if kind["type"] != "tuple":
        return
    if [part["name"] for part in kind["components"]] == [part["name"] for part in Deal.types()["Deal"]]:
        yield Deal.from_chain(value)
        return
    for part, inner in zip(kind["components"], value, strict=True):
        yield from _deals(part, inner)
