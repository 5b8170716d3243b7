"""The market for data as the documents describe it, in plain Python: who is paid, and when.

Digests are made from docs/messages.md here, so that neither a wallet's library nor the contract is believed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

from eth_utils.crypto import keccak

from tests.sealing import Content, Point
from tests.stateful.nonces import Whole
from tests.stateful.points import DAY, Points
from tests.stateful.world import CHAIN_ID, ROOT, Refused

POINTS, ERC20 = 0, 1
YEAR = 365 * DAY
MAX = 2**256 - 1
Message = dict[str, Any]


class State(IntEnum):
    NONE = 0
    BOUGHT = 1
    DELIVERED = 2
    PAID = 3
    REFUNDED = 4
    CONCEDED = 5
    KEY_WRONG = 6
    CHUNK_WRONG = 7


# --------------------------------------------------------------------------------------------------- digests


@cache
def _type_of(kind: str) -> bytes:
    page = (ROOT / "docs" / "messages.md").read_text()
    found = re.search(rf"^{kind}\([^()]*\)$", page, re.MULTILINE)
    assert found, f"docs/messages.md has no {kind}"
    return bytes(keccak(text=found.group()))


def word(value: Any) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(32)
    if isinstance(value, str):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    if isinstance(value, list):
        return bytes(keccak(b"".join(map(word, value))))
    return bytes(value)


def digest(
    contract: str, kind: str, message: Message, chain_id: int = CHAIN_ID, name: str = "Troc Data Market"
) -> bytes:
    domain = keccak(
        keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
        + keccak(text=name)
        + keccak(text="1")
        + word(chain_id)
        + word(contract)
    )
    hashed = keccak(_type_of(kind) + b"".join(map(word, message.values())))
    return bytes(keccak(b"\x19\x01" + domain + hashed))


def sale_id_of(deal_digest: bytes, seller: str, buyer: str) -> bytes:
    return bytes(keccak(deal_digest + word(seller) + word(buyer)))


# ---------------------------------------------------------------------------------------------------- market


@dataclass
class Sale:
    """A sale, and what both sides did in it."""

    deal: Message
    content: Content
    digest: bytes
    id: bytes
    buyer: str
    b: Point
    state: State = State.BOUGHT
    deadline: int = 0
    posted: tuple[bytes, bytes, bytes] | None = None
    key: bytes = b""
    """What the buyer unwraps."""
    revoked_at: int = 0
    acknowledged_at: int = 0
    outcomes: list[str] = field(default_factory=list)
    """Whom it paid: one at most, ever."""

    @property
    def seller(self) -> str:
        return str(self.deal["seller"])

    @property
    def terms(self) -> tuple[Any, ...]:
        return tuple(self.deal.values())

    @property
    def key_is_right(self) -> bool:
        return self.key == self.content.key


@dataclass
class DataMarket:
    """Methods raise `Refused` as the market does, and then change nothing."""

    address: str
    clock: Callable[[], int]
    points: Points
    pocket_of: Callable[[bytes], str]
    cash: Counter[str] = field(default_factory=Counter)
    sales: dict[bytes, Sale] = field(default_factory=dict)
    left: dict[bytes, int] = field(default_factory=dict)
    """Of each request that was opened, how many answers can still be taken."""
    shares: Counter[bytes] = field(default_factory=Counter)
    """Of each request, how many answers are left or wait as sales: they bear together what expired."""
    nonces: Whole = field(default_factory=Whole)

    @property
    def now(self) -> int:
        return self.clock()

    # ----------------------------------------------------------------------------------------------- buying

    def buy_for(self, sender: str, sale: Sale, good: bool, deadline: int, asked: bytes, bid: bool) -> None:
        """`good`: the seller signed; `bid`: the buyer did, what is `asked`."""
        if self.now > deadline:
            raise Refused("PurchaseExpired", deadline)
        nonce = sale.deal["nonce"]
        if not self.nonces.is_open(sale.buyer, nonce):
            raise Refused("DealCancelled", sale.buyer, nonce)
        if not bid:
            raise Refused("NotSignedBy", sale.buyer, asked)
        self.buy(sender, sale, good)

    def buy(self, sender: str, sale: Sale, good: bool) -> None:
        deal = sale.deal
        if deal["requestId"] != bytes(32):
            raise Refused("OtherRequest", bytes(32), deal["requestId"])
        self._check_obstacles(sender, sale, good)
        self._check_terms(sale)
        self._collect(sale.buyer, deal, deal["price"], deal["liveUntil"], sale.id)
        self._start(sale)

    def _check_obstacles(self, sender: str, sale: Sale, good: bool) -> None:
        if sale.id in self.sales:
            raise Refused("BoughtBefore", sale.id)
        if self.now > sale.deal["openUntil"]:
            raise Refused("DealExpired", sale.deal["openUntil"])
        if sender == sale.seller:
            return
        if not self.nonces.is_open(sale.seller, sale.deal["nonce"]):
            raise Refused("DealCancelled", sale.seller, sale.deal["nonce"])
        if not good:
            raise Refused("NotSignedBy", sale.seller, sale.digest)

    def _check_terms(self, sale: Sale) -> None:
        deal = sale.deal
        if sale.seller == sale.buyer:
            raise Refused("SelfSale", sale.buyer)
        if int(deal["buyer"], 16) and deal["buyer"] != sale.buyer:
            raise Refused("OnlyBuyer", deal["buyer"], sale.buyer)
        times = (deal["deliverSeconds"], deal["disputeSeconds"])
        if not (DAY <= times[0] <= YEAR and 2 * DAY <= times[1] <= YEAR):
            raise Refused("TimesOutOfRange", *times)
        live, at_least = deal["liveUntil"], self.now + sum(times) + DAY
        at_most = MAX
        if deal["tokenKind"] == ERC20:
            at_least = at_most = 0
        if not at_least <= live <= at_most:
            raise Refused("LiveUntilOutOfRange", live, at_least, at_most)

    def _start(self, sale: Sale) -> None:
        sale.deadline = self.now + sale.deal["deliverSeconds"]
        self.sales[sale.id] = sale

    def _collect(self, payer: str, terms: Message, amount: int, live_until: int, of: bytes) -> None:
        if amount == 0:
            return
        if terms["tokenKind"] == ERC20:
            self.cash[payer] -= amount
            self.cash[self.address] += amount
        else:
            self.points.transfer_within(payer, self.pocket_of(of), amount, live_until, 0)

    # --------------------------------------------------------------------------------------------- the sale

    def state_of(self, sale: Sale) -> State:
        return self.sales[sale.id].state if sale.id in self.sales else State.NONE

    def _need(self, sale: Sale, state: State) -> None:
        if self.state_of(sale) != state:
            raise Refused("WrongState", sale.id, self.state_of(sale))

    def _check_over(self, sale: Sale) -> None:
        if self.now <= sale.deadline:
            raise Refused("TooEarly", sale.id, sale.deadline)

    def _check_running(self, sale: Sale) -> None:
        if self.now > sale.deadline:
            raise Refused("TooLate", sale.id, sale.deadline)

    def deliver(
        self, seller: str, sale: Sale, seconds: int, posted: tuple[bytes, bytes, bytes], key: bytes
    ) -> None:
        self._need(sale, State.BOUGHT)
        self._check_running(sale)
        if (seller, seconds, posted[0]) != (sale.seller, sale.deal["disputeSeconds"], sale.b.x):
            raise Refused("NotWhatWasPosted", sale.id)
        sale.state, sale.posted, sale.key = State.DELIVERED, posted, key
        sale.deadline = self.now + sale.deal["disputeSeconds"]

    def refund(self, sale: Sale) -> None:
        self._need(sale, State.BOUGHT)
        self._check_over(sale)
        self._end(sale, State.REFUNDED, sale.buyer)

    def concede(self, sender: str, sale: Sale) -> None:
        if sender != sale.seller:
            raise Refused("NotTheParty", sale.seller, sender)
        self._need(sale, State.DELIVERED)
        self._end(sale, State.CONCEDED, sale.buyer)

    def _check_dispute(self, sale: Sale, posted: Any, scalar: int) -> None:
        self._need(sale, State.DELIVERED)
        self._check_running(sale)
        if posted != sale.posted:
            raise Refused("NotWhatWasPosted", sale.id)
        if scalar != sale.b.scalar:
            raise Refused("WrongScalar", sale.b.x)

    def dispute_key(self, sale: Sale, posted: Any, scalar: int) -> None:
        self._check_dispute(sale, posted, scalar)
        if sale.key_is_right:
            raise Refused("KeyIsRight", sale.id)
        self._end(sale, State.KEY_WRONG, sale.buyer)

    def dispute_chunk(
        self, sale: Sale, posted: Any, scalar: int, index: int, true: bool, wrong: bool
    ) -> None:
        """`true`: the chunk is in the manifest at this index; `wrong`: it is not what it was told to be."""
        self._check_dispute(sale, posted, scalar)
        if not sale.key_is_right:
            raise Refused("KeyIsWrong", sale.id)
        if not true:
            raise Refused("NotInManifest", index)
        if not wrong:
            raise Refused("ChunkIsRight", index)
        self._end(sale, State.CHUNK_WRONG, sale.buyer)

    def settle(self, sender: str, sale: Sale) -> None:
        self._need(sale, State.DELIVERED)
        if sender != sale.buyer:
            self._check_over(sale)
        self._end(sale, State.PAID, sale.seller)

    def settle_to(self, sender: str, sale: Sale, to: str) -> None:
        payee = sale.seller if self.state_of(sale) == State.DELIVERED else sale.buyer
        if sender != payee:
            raise Refused("NotTheParty", payee, sender)
        if self.state_of(sale) == State.BOUGHT:
            self._check_over(sale)
            self._end(sale, State.REFUNDED, to)
            return
        self._need(sale, State.DELIVERED)
        self._check_over(sale)
        self._end(sale, State.PAID, to)

    def _end(self, sale: Sale, outcome: State, to: str) -> None:
        deal, asked = sale.deal, sale.deal["requestId"]
        if asked == bytes(32):
            self._pay(deal, deal["price"], deal["liveUntil"], sale.id, to)
        else:
            spare = self.shares[asked] - 1 if outcome == State.PAID else 0
            self._pay_share(deal, 1, deal["liveUntil"], asked, to, spare)
        sale.state, sale.deadline = outcome, 0
        sale.outcomes.append(to)

    def _pay_share(
        self, terms: Message, part: int, live_until: int, asked: bytes, to: str, spare: int = 0
    ) -> None:
        shares = self.shares[asked]
        self._pay(terms, terms["price"] * part, live_until, asked, to, part, shares, spare)
        self.shares[asked] -= part

    def _pay(
        self,
        terms: Message,
        amount: int,
        live_until: int,
        of: bytes,
        to: str,
        part: int = 1,
        shares: int = 1,
        spare: int = 0,
    ) -> None:
        """What of it has not expired; of a pocket of many no more than their part, rounded for a seller."""
        if terms["tokenKind"] == ERC20:
            self.cash[self.address] -= amount
            self.cash[to] += amount
            return
        pocket = self.pocket_of(of)
        alive = amount
        if self.now > live_until:
            alive = min(amount, (self.points.balance(pocket, live_until) * part + spare) // shares)
        if alive:
            self.points.transfer_within(pocket, to, alive, live_until, 0)

    # ------------------------------------------------------------------------------------------- statements

    def revoke(self, sender: str, sale: Sale, own: bytes) -> None:
        """`own`: the id of the sale that would be the sender's."""
        if sender != sale.seller or sale.id not in self.sales:
            raise Refused("WrongState", own, State.NONE)
        if sale.revoked_at:
            raise Refused("AlreadyRevoked", sale.id, sale.revoked_at)
        sale.revoked_at = self.now

    def acknowledge(self, sender: str, sale: Sale, own: bytes) -> None:
        if sender != sale.buyer or sale.id not in self.sales:
            raise Refused("WrongState", own, State.NONE)
        if sale.acknowledged_at:
            raise Refused("AlreadyAcknowledged", sale.id, sale.acknowledged_at)
        sale.acknowledged_at = self.now

    # --------------------------------------------------------------------------------------------- requests

    @staticmethod
    def live_until(request: Message) -> int:
        if request["tokenKind"] == ERC20:
            return 0
        times = int(request["maxDeliverSeconds"] + request["maxDisputeSeconds"])
        return int(request["openUntil"]) + times + DAY

    def open(self, sender: str, request: Message, request_id: bytes) -> None:
        if sender != request["buyer"]:
            raise Refused("NotTheParty", request["buyer"], sender)
        if request_id in self.left:
            raise Refused("OpenedBefore", request_id)
        if self.now > request["openUntil"]:
            raise Refused("DealExpired", request["openUntil"])
        budget = request["price"] * request["number"]
        self._collect(request["buyer"], request, budget, self.live_until(request), request_id)
        self.left[request_id] = self.shares[request_id] = request["number"]

    def take(self, sender: str, request: Message, request_id: bytes, sale: Sale, good: bool) -> None:
        if sender != request["buyer"]:
            raise Refused("NotTheParty", request["buyer"], sender)
        if self.now > request["openUntil"]:
            raise Refused("DealExpired", request["openUntil"])
        self._check_obstacles(sender, sale, good)
        deal = sale.deal
        if deal["requestId"] != request_id:
            raise Refused("OtherRequest", request_id, deal["requestId"])
        same = all(deal[name] == request[name] for name in ("token", "tokenKind", "price", "termsHash"))
        if (
            not same
            or deal["deliverSeconds"] > request["maxDeliverSeconds"]
            or deal["disputeSeconds"] > request["maxDisputeSeconds"]
            or deal["liveUntil"] != self.live_until(request)
        ):
            raise Refused("NotAsRequested", request_id)
        if not self.left.get(request_id):
            raise Refused("RequestNotOpen", request_id)
        self._check_terms(sale)
        self.left[request_id] -= 1
        self._start(sale)

    def close(self, sender: str, request: Message, request_id: bytes, to: str | None = None) -> None:
        if sender != request["buyer"] and (to is not None or self.now <= request["openUntil"]):
            raise Refused("NotTheParty", request["buyer"], sender)
        left = self.left.get(request_id)
        if not left:
            raise Refused("RequestNotOpen", request_id)
        self._pay_share(request, left, self.live_until(request), request_id, to or request["buyer"])
        self.left[request_id] = 0
