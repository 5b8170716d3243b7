"""How sales stand, in words, and how buyers have kept their word: exactly one state a sale, and a next step.

All of it is read from the log. A buyer's record is weighted: what was sold for nothing does not count, and beside the
number of erasures stand the money and how many different sellers, attested ones among them, it came to. Someone
can trade with himself under many addresses; he cannot make an attestor that you trust vouch for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from troc import words
from troc.data.deals import Sale, SaleState, margin
from troc.data.messages import Request
from troc.data.party import Party
from troc.errors import TrocError
from troc.messages import ZERO_ADDRESS

ERASE_WITHIN = 30 * words.DAY
"""How long a buyer has to erase after consent was withdrawn, where the consent record says nothing else."""


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
            "deal": "0x" + sale.digest.hex(),
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


@dataclass(frozen=True)
class Record:
    """How a buyer has kept its word after consent was withdrawn; paid sales alone, each once.

    `in_time`, `late`, `never`: erasures that it stated within `ERASE_WITHIN` of the withdrawal, later, and not at
    all though the time is over; `due`: still has time. `money`: units by token of the sales behind each. `sellers`,
    `attested`: different sellers, and those whose content a named attestor vouched for.
    """

    buyer: str
    domain: str
    sales: int = 0
    in_time: int = 0
    late: int = 0
    never: int = 0
    due: int = 0
    sellers: int = 0
    attested: int = 0
    money: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def text(self) -> str:
        """In words."""
        who = f"proven domain {self.domain}" if self.domain else "no proven domain"
        if not self.in_time + self.late + self.never:
            kept = "nobody who was paid has withdrawn consent yet, or its time is not over"
        else:
            never = f"never {self.never}" if self.never else "never 0"
            kept = f"it states that it erased in time {times(self.in_time)}, late {times(self.late)}, {never}"
        return (
            f"{who}; {words.count(self.sales, 'paid sale')} from {words.count(self.sellers, 'seller')},"
            f" {self.attested} of them attested; {kept}"
        )

    def as_json(self) -> dict[str, Any]:
        """For programs. Units as text."""
        return {
            "buyer": self.buyer,
            "domain": self.domain,
            "sales": self.sales,
            "in_time": self.in_time,
            "late": self.late,
            "never": self.never,
            "due": self.due,
            "sellers": self.sellers,
            "attested_sellers": self.attested,
            "money": {
                kind: {token: str(units) for token, units in amounts.items()}
                for kind, amounts in self.money.items()
            },
        }


def times(how_many: int) -> str:
    """`1 time`, `41 times`."""
    return words.count(how_many, "time")


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

    def record(self, buyer: str) -> Record:
        """How a buyer has kept its word towards everybody, from the log."""
        party = self._party
        view = party.sales.view({"buyer": buyer}, ends=True)
        paid = [
            sale for sale in view.sales.values() if sale.state == SaleState.PAID and sale.amount and sale.token
        ]
        attested = self._attested(paid)
        counts = {"in_time": 0, "late": 0, "never": 0, "due": 0}
        money: dict[str, dict[str, int]] = {}
        for sale in paid:
            kind = _kept(sale, view.now)
            if kind:
                counts[kind] += 1
                amounts = money.setdefault(kind, {})
                amounts[sale.token] = amounts.get(sale.token, 0) + sale.amount
        return Record(
            buyer,
            self._domain(buyer),
            sales=len(paid),
            sellers=len({sale.seller for sale in paid}),
            attested=len({sale.seller for sale in paid if sale.request_id in attested}),
            money=money,
            **counts,
        )

    def _attested(self, sales: Iterable[Sale]) -> set[bytes]:
        """Which of their requests named an attestor."""
        party = self._party
        ids = sorted({sale.request_id for sale in sales if any(sale.request_id)})
        if not ids:
            return set()
        event = party.sales.contract.events.RequestOpened()
        return {
            bytes(log["args"]["requestId"])
            for log in party.chain.logs(event, {"requestId": ids}, party.sales.since)
            if Request.from_chain(log["args"]["request"]).attestor != ZERO_ADDRESS
        }

    def _domain(self, account: str) -> str:
        """The proven domain of the brand that an account owns; empty where there is none."""
        brands = self._party.troc.brands
        for brand in brands.all():
            if brand.domain and brands.owner(brand) == account:
                found = brands.find(brand.address)
                if found.proven:
                    return found.domain
        return ""


def _kept(sale: Sale, now: int) -> str:
    if not sale.revoked_at:
        return ""
    due = sale.revoked_at + ERASE_WITHIN
    if sale.acknowledged_at:
        return "in_time" if sale.acknowledged_at <= due else "late"
    return "due" if now <= due else "never"


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
        return State.ERASED, f"the buyer states that it erased, {words.moment(sale.acknowledged_at)}", "nothing"
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
