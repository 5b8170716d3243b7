"""How sales stand, in words, and how buyers have kept their word: exactly one state a sale, and a next step.

All of it is read from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from troc import words
from troc.data.deals import Sale, SaleState, margin, parts
from troc.data.messages import Request
from troc.data.party import Party
from troc.data.words import Buyer, ErasureRecord, PastSale, erasure_record
from troc.errors import TrocError
from troc.messages import ZERO_ADDRESS

ERASE_WITHIN = 30 * words.DAY
"""How long a buyer has to erase after consent was withdrawn: the consent record may leave it less or more,
but only its parties know that record.
"""

_NOT_ASKED = 2**63


class State(StrEnum):
    """Where a sale stands."""

    BOUGHT = "waits for the key"
    OVERDUE = "not delivered in time"
    DELIVERED = "delivered"
    PAYABLE = "to be paid out"
    OWED = "owed to the buyer"
    PAID = "paid"
    RETURNED = "returned"
    CONCEDED = "conceded"
    KEY_WRONG = "returned: the key was wrong"
    CHUNK_WRONG = "returned: the content was wrong"
    WITHDRAWN = "consent withdrawn"
    ERASED = "erased"


@dataclass(frozen=True)
class Standing:
    """How a sale stands for one side. `price` in words; empty where its deal is not known."""

    sale: Sale
    selling: bool
    state: State
    why: str
    next_step: str
    price: str = ""

    def text(self) -> str:
        """For people."""
        who = f"to {self.sale.buyer}" if self.selling else f"from {self.sale.seller}"
        money = f" for {self.price}" if self.price else ""
        return (
            f"{self.sale.name[:14]}  {who}{money}\n"
            f"  State: {self.state} ({self.why}).\n  Next: {self.next_step}."
        )

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        sale = self.sale
        return {
            "sale": sale.name,
            "seller": sale.seller,
            "buyer": sale.buyer,
            "selling": self.selling,
            "state": self.state.name.lower(),
            "why": self.why,
            "next_step": self.next_step,
            "price": self.price,
            "deliver_by": sale.deliver_by,
            "dispute_until": sale.delivered.dispute_until if sale.delivered else None,
            "revoked_at": sale.revoked_at or None,
            "acknowledged_at": sale.acknowledged_at or None,
            "transaction": sale.transaction,
        }


class Standings:
    """Reads how sales stand, as one account sees it."""

    def __init__(self, party: Party) -> None:
        self._party = party

    def all(self) -> list[Standing]:
        """Every sale of the account, those first in which it has to act soonest."""
        view = self._party.mine()
        found = [self._of(sale, view.now) for sale in view.sales.values()]
        return sorted(found, key=lambda each: (not each.sale.is_open, each.sale.deliver_by, each.sale.id))

    def of(self, sale: Sale) -> Standing:
        """One sale."""
        return self._of(sale, self._party.chain.now())

    def _of(self, sale: Sale, now: int) -> Standing:
        selling = sale.seller == self._party.address
        try:
            deal = self._party.deal_of(sale)
            price, window = str(self._party.money_of(deal)), deal.deliver_seconds
        except TrocError:
            price, window = "", words.DAY
        state, why, next_step = standing(sale, selling, now, window)
        return Standing(sale, selling, state, why, next_step, price)

    def record(self, buyer: str) -> ErasureRecord:
        """How a buyer has kept its word towards everybody, from the log (`erasure_record`)."""
        party = self._party
        view = party.sales.view({"buyer": buyer}, ends=True)
        attestors = self._attestors(list(view.sales))
        past = [
            PastSale(
                seller=sale.seller,
                buyer=sale.buyer,
                token=sale.token,
                price=sale.amount,
                paid=sale.state == SaleState.PAID,
                erase_by=sale.revoked_at + ERASE_WITHIN if sale.revoked_at else _NOT_ASKED,
                # What it erased without having to is no proof of what it does when it has to.
                acknowledged_at=sale.acknowledged_at if sale.revoked_at else 0,
                attestor=attestors.get(sale.id, ""),
            )
            for sale in view.sales.values()
        ]
        return erasure_record(buyer, past, view.now)

    def who_buys(self, buyer: str) -> Buyer:
        """A buyer as a person reads it before she signs."""
        brand = self._party.troc.brands.proven_of(buyer)
        return Buyer(
            buyer,
            "" if brand is None else brand.name,
            "" if brand is None else brand.domain,
            self.record(buyer),
        )

    def _attestors(self, sales: Sequence[bytes]) -> dict[bytes, str]:
        """The attestors that the requests of these sales named."""
        party = self._party
        events, since = party.sales.contract.events, party.sales.since
        requests = {
            bytes(log["args"]["saleId"]): bytes(log["args"]["requestId"])
            for part in parts(sales)
            for log in party.chain.logs(events.AnswerTaken(), {"saleId": part}, since)
        }
        named = {}
        for part in parts(sorted(set(requests.values()))):
            for log in party.chain.logs(events.RequestOpened(), {"requestId": part}, since):
                attestor = Request.from_chain(log["args"]["request"]).attestor
                named[bytes(log["args"]["requestId"])] = attestor
        found = {sale: named.get(request, ZERO_ADDRESS) for sale, request in requests.items()}
        return {sale: attestor for sale, attestor in found.items() if attestor != ZERO_ADDRESS}


_ENDED = {
    SaleState.REFUNDED: (State.RETURNED, "the key did not come in time, the buyer has the money back"),
    SaleState.CONCEDED: (State.CONCEDED, "the seller gave the money back, nothing was revealed"),
    SaleState.KEY_WRONG: (State.KEY_WRONG, "the contract judged it, the buyer has the money back"),
    SaleState.CHUNK_WRONG: (State.CHUNK_WRONG, "the contract judged it, the key is public now"),
}


def standing(sale: Sale, selling: bool, now: int, window: int) -> tuple[State, str, str]:
    """State, why, and the next step of one side; `window`: the deal's seconds to deliver."""
    name = sale.name[:14]
    if sale.owed:
        step = "nothing" if selling else f"`troc data refund {name} --to ADDRESS`"
        return State.OWED, "the payment to the buyer failed", step
    if sale.state == SaleState.BOUGHT:
        if now > sale.deliver_by:
            return (
                State.OVERDUE,
                f"the time was over at {words.moment(sale.deliver_by)}",
                "nothing: it is too late" if selling else f"`troc data refund {name}`",
            )
        last = sale.deliver_by - margin(window)
        step = f"`troc data watch` delivers; at the latest at {words.moment(last)}"
        if selling and now > last:
            step = "nothing: it is too late to deliver safely, the buyer gets the money back"
        return (
            State.BOUGHT,
            f"the money is held until {words.moment(sale.deliver_by)}",
            step if selling else "wait, or let `troc data watch` do so",
        )
    if sale.state == SaleState.DELIVERED:
        until = sale.delivered.dispute_until if sale.delivered else 0
        if now <= until:
            step = "wait; `troc data watch` takes the money then" if selling else f"`troc data open {name}`"
            return State.DELIVERED, f"the buyer can object until {words.moment(until)}", step
        step = f"`troc data settle {name}`" if selling else f"`troc data open {name}`"
        return State.PAYABLE, "the time to object is over", step
    if sale.acknowledged_at:
        return (
            State.ERASED,
            f"the buyer states that it erased, {words.moment(sale.acknowledged_at)}",
            "nothing",
        )
    if sale.revoked_at:
        due = words.moment(sale.revoked_at + ERASE_WITHIN)
        step = f"the buyer erases until {due}" if selling else f"erase, and `troc data acknowledge {name}`"
        return State.WITHDRAWN, f"on {words.moment(sale.revoked_at)}", step
    if sale.state in _ENDED:
        state, why = _ENDED[sale.state]
        if sale.state == SaleState.CHUNK_WRONG and selling:
            return state, why, "`troc data watch` ends every offer of this key"
        return state, why, "nothing"
    return (
        State.PAID,
        "the seller has the money",
        f"nothing; `troc data revoke {name}` on any day" if selling else f"`troc data open {name}`",
    )
