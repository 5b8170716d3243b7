"""A brand's books: what it issued and what it owes, by month and by day, held against the chain to the unit.

Every figure comes from the index, and each is counted a second way: movements against balances, balances of
all accounts against the supply, and both against what the token itself says at that block, where the node
still knows. The first figure that differs stops everything (`ChecksFailedError`).

Money follows the example of a loyalty programme in IFRS 15 (Illustrative Example 52; ASC 606-10-55-353): of
the points of a lot, a share is expected never to be redeemed (breakage). What is expected to be redeemed of
the rest is the contract liability. It is exact until it is rounded, once, to hundredths, halves away from 0.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import sqlalchemy as sa
from web3.contract import Contract

from troc import words
from troc.brands import Brand
from troc.chain import Chain
from troc.client import Troc
from troc.errors import ChecksFailedError, InputError, TrocError
from troc.index import Balance, Index, tables
from troc.index.events import ATTENTION, IMPORTED, RELEASED
from troc.messages import ZERO_ADDRESS
from troc.points import Lot
from troc.programme.claims import KeptMoves
from troc.programme.debts import DebtMoves
from troc.programme.programme import Programme

RATE_TEXT = re.compile(r"0(\.\d{1,6})?|0?\.\d{1,6}", re.ASCII)


@dataclass(frozen=True)
class Period:
    """`since <= time < until`, in Unix seconds; days and months are those of UTC."""

    since: int
    until: int

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise InputError(
                f"{words.day(self.since)} to {words.last_day(self.until)} is no time", "begin before the end"
            )

    @property
    def text(self) -> str:
        """ "1 February 2027 to 28 February 2027"."""
        return f"{words.day(self.since)} to {words.last_day(self.until)}"


def month(text: str) -> Period:
    """The month written as 2027-02."""
    return Period(*words.parse_month(text))


def months(since: int, until: int) -> list[Period]:
    """All months that have a second of a span, whole."""
    found = []
    while since < until:
        found.append(month(words.iso_day(since)[:7]))
        since = found[-1].until
    return found


def days(first: str, last: str) -> Period:
    """From the first second of a day to the last second of another, each written as 2027-02-19."""
    return Period(words.parse_day(first), words.parse_day(last) + words.DAY)


# ---------------------------------------------------------------------------------------------------- figures


@dataclass(frozen=True)
class LotMoves:
    """The points that expire together, over a period, in smallest units. `redeemed` is net of give-backs and
    can be below 0: then more of it was given back. `ever` is what was issued into the lot up to the end.
    """

    expiry: int
    opening: int
    issued: int
    redeemed: int
    expired: int
    closing: int
    ever: int


@dataclass(frozen=True)
class PendingMoves:
    """Points of purchases that can be returned, over a period, in smallest units: they are no points yet.

    opening + issued - cancelled - released - lapsed = closing. `lapsed`: released after their lot expired.
    """

    opening: int
    issued: int
    cancelled: int
    released: int
    lapsed: int
    closing: int


@dataclass(frozen=True)
class Rolled:
    """A brand's points over a period, in smallest units: opening + issued - redeemed + given_back - expired
    = closing, in all and lot by lot.

    `issued_by` names kinds of issues (`troc.index.events`). `traded` went from one customer to another
    through the exchange, `given` otherwise; neither changes what the brand owes. `promised`: what locked
    grants could still issue at the end, None where nobody can tell any more. `block` is the last one of the
    period, `checked` whether the node still had its state, so that the token itself was asked. `exact` is
    false where lots of balances are guessed (docs/index.md). `ended` is false for a period that still runs;
    `period` then ends with the last block.
    """

    brand: Brand
    period: Period
    ended: bool
    block: int
    checked: bool
    exact: bool
    opening: int
    issued_by: tuple[tuple[str, int], ...]
    redeemed: int
    given_back: int
    expired: int
    closing: int
    lots: tuple[LotMoves, ...]
    pending: PendingMoves
    promised: int | None
    traded: int
    given: int

    @property
    def issued(self) -> int:
        """Points of all kinds that came into being."""
        return sum(units for _, units in self.issued_by)


@dataclass(frozen=True)
class Breakage:
    """The share of issued points that is expected never to be redeemed, and where that comes from."""

    rate: Fraction
    reason: str

    @property
    def percent(self) -> str:
        """ "12.5 %"."""
        return f"{cents(self.rate * 100)} %".replace(".00 %", " %")


@dataclass(frozen=True)
class Owed:
    """What a brand owed at a time, in smallest units. `pending` by the day of maturity; `promised` None where
    nobody can tell.
    """

    brand: Brand
    at: int
    lots: tuple[Lot, ...]
    pending: tuple[tuple[int, int], ...]
    promised: int | None
    checked: bool

    @property
    def live(self) -> int:
        """Points that lived."""
        return sum(lot.units for lot in self.lots)

    @property
    def pending_units(self) -> int:
        """Points of purchases that could be returned, or were not released yet."""
        return sum(units for units, _ in self.pending)


@dataclass(frozen=True)
class _Told:
    """What the token says at a block."""

    time: int
    lots: dict[int, int]
    pending: int
    promised: int
    issued: int
    live: int
    redeemed: int
    expired: int


class Books:
    """The books of one brand, over an index that was brought up to date before."""

    def __init__(self, troc: Troc, index: Index, brand: Brand) -> None:
        self.troc = troc
        self._chain = troc.chain
        self.index = index
        self.brand = brand
        self.reached, self.now = index.reached()

    # --------------------------------------------------------------------------------------------- periods

    def cut(self, period: Period) -> tuple[Period, bool]:
        """A period as far as the chain goes, and whether it is over."""
        if period.since > self.now:
            raise InputError(
                f"{period.text} has not begun on the chain, whose last block is of {words.moment(self.now)}",
                "choose an earlier time",
            )
        if period.until <= self.now + 1:
            return period, True
        return Period(period.since, self.now + 1), False

    @cached_property
    def launched(self) -> tuple[int, int]:
        """Block and time of the launch."""
        with self.index.reading() as connection:
            row = connection.execute(
                sa.select(tables.brands.c.block, tables.brands.c.time).where(
                    tables.brands.c.token == self.brand.address
                )
            ).one()
        return row.block, row.time

    def check_launched(self, period: Period) -> None:
        """Raise for a period that ended before the brand was launched."""
        _, launched = self.launched
        if period.until <= launched:
            raise InputError(
                f"{self.brand.title} was launched on {words.day(launched)}, after {period.text}",
                "choose a later time",
            )

    def roll(self, period: Period) -> Rolled:
        """A brand's points over a period. Raises `ChecksFailedError` where anything does not add up."""
        period, ended = self.cut(period)
        since, until = period.since, period.until
        brand, index = self.brand, self.index
        before, after = _by_expiry(index.totals(brand, since - 1)), _by_expiry(index.totals(brand, until - 1))
        kinds: dict[str, int] = defaultdict(int)
        issued: dict[int, int] = defaultdict(int)
        for (kind, expiry), units in index.issued(brand, since, until).items():
            kinds[kind] += units
            issued[expiry] += units
        ever: dict[int, int] = defaultdict(int)
        for (_, expiry), units in index.issued(brand, 0, until).items():
            ever[expiry] += units
        expired = _by_expiry(index.expired(brand, since, until))
        lots = []
        for expiry in sorted({*before, *after, *issued, *expired}):
            parts = [each.get(expiry, 0) for each in (before, issued, expired, after)]
            lots.append(
                LotMoves(
                    expiry=expiry,
                    opening=parts[0],
                    issued=parts[1],
                    redeemed=parts[0] + parts[1] - parts[2] - parts[3],
                    expired=parts[2],
                    closing=parts[3],
                    ever=ever.get(expiry, 0),
                )
            )
        redeemed, given_back = index.redeemed(brand, since, until)
        balances = index.balances(brand, until - 1)
        moved = index.transfers(brand, since, until)
        traded = sum(
            each.units for each in moved if self.is_trade(each.transaction, each.sender, each.recipient)
        )
        block = self.last_block(until)
        told = self._told(block)
        found = Rolled(
            brand=brand,
            period=period,
            ended=ended,
            block=block,
            checked=told is not None,
            exact=not index.guessed(brand),
            opening=sum(before.values()),
            issued_by=tuple(sorted(kinds.items())),
            redeemed=redeemed,
            given_back=given_back,
            expired=sum(expired.values()),
            closing=sum(after.values()),
            lots=tuple(lots),
            pending=self._roll_pending(period),
            promised=None if told is None else told.promised,
            traded=traded,
            given=sum(transfer.units for transfer in moved if transfer.sender != transfer.recipient) - traded,
        )
        self._check_rolled(found)
        self._check_lots(after, until, ever)
        self._check_balances(balances, after, until - 1)
        self._check_accounts(balances, until)
        # What the token says at both ends shows each movement between them.
        self._check_told(told)
        self._check_told(self._told(self.last_block(since)))
        return found

    def _roll_pending(self, period: Period) -> PendingMoves:
        sums = []
        for at in (period.since - 1, period.until - 1):
            found = self.index.pending(self.brand, at)
            sums.append(
                (
                    sum(each.left for each in found),
                    sum(each.units for each in found),
                    sum(each.cancelled for each in found),
                    sum(each.released for each in found),
                    sum(each.units - each.cancelled for each in found if each.state == "lapsed"),
                )
            )
        issued, cancelled, released, lapsed = (sums[1][part] - sums[0][part] for part in range(1, 5))
        return PendingMoves(sums[0][0], issued, cancelled, released, lapsed, sums[1][0])

    # ----------------------------------------------------------------------------------------------- dates

    def owed(self, at: int | None = None) -> Owed:
        """What the brand owed after all blocks up to a time (none: now); for a time to come, what is left if
        nothing happens.
        """
        time = self.now if at is None else at
        lots = self.index.totals(self.brand, time)
        self._check_balances(self.index.balances(self.brand, time), _by_expiry(lots), time)
        pending: dict[int, int] = defaultdict(int)
        for each in self.index.pending(self.brand, time):
            if each.left:
                pending[each.matures_at] += each.left
        told = self._told(self.last_block(time + 1))
        self._check_told(told)
        return Owed(
            brand=self.brand,
            at=time,
            lots=lots,
            pending=tuple((units, matures_at) for matures_at, units in sorted(pending.items())),
            promised=None if told is None else told.promised,
            checked=told is not None,
        )

    def balances(self, at: int) -> list[Balance]:
        """What everybody held after all blocks up to a time, by address; adds up to the supply lot by lot."""
        found = self.index.balances(self.brand, at)
        self._check_balances(found, _by_expiry(self.index.totals(self.brand, at)), at)
        self._check_told(self._told(self.last_block(at + 1)))
        return found

    # ----------------------------------------------------------------------------------------------- trades

    @cached_property
    def fills(self) -> Mapping[str, frozenset[str]]:
        """Transactions of the exchange, with the makers whose orders were filled there."""
        manifest = self.troc.manifest
        exchange = self._chain.contract("PointsExchange", manifest.address("PointsExchange"))
        found: dict[str, set[str]] = defaultdict(set)
        for event in self._chain.logs(
            exchange.events.OrderFilled(), None, manifest.first_block, max(self.reached, 0)
        ):
            found["0x" + bytes(event["transactionHash"]).hex()].add(event["args"]["maker"])
        return {transaction: frozenset(makers) for transaction, makers in found.items()}

    def is_trade(self, transaction: str, one: str, other: str) -> bool:
        """Whether the exchange moved points between two accounts there: every transfer of a settlement has a
        maker on one side.
        """
        return one != other and not self.fills.get(transaction, frozenset()).isdisjoint((one, other))

    # ---------------------------------------------------------------------------------------------- breakage

    def estimate(self, at: int) -> Breakage:
        """Breakage as it showed up to a time: of all points in lots that had run out, the share that nobody
        redeemed. 0 where no lot had run out.
        """
        expired = sum(lot.units for lot in self.index.expired(self.brand, 0, at + 1))
        ever = self.index.issued(self.brand, 0, at + 1)
        issued = sum(units for (_, expiry), units in ever.items() if expiry <= at)
        if not issued:
            return Breakage(
                Fraction(0),
                f"no points had run out by {words.day(at)}, so nothing shows a breakage; all are expected to"
                " be redeemed",
            )
        number = self.brand.number
        return Breakage(
            Fraction(expired, issued),
            f"of {number(issued)} points in lots that had run out by {words.day(at)}, {number(expired)} were"
            " never redeemed; later lots are expected to do the same",
        )

    # ------------------------------------------------------------------------------------------------- checks

    def _check(self, what: str, counted: int, told: int, by: str) -> None:
        if counted != told:
            number = self.brand.number
            raise ChecksFailedError(
                f"{what} of {self.brand.symbol}: the index says {number(counted)}, {by} {number(told)}",
                "build the index anew with `troc index --rebuild`, from an archive node if balances were"
                " guessed; if it stays, trust none of these figures",
            )

    def _check_rolled(self, found: Rolled) -> None:
        moved = found.opening + found.issued - found.redeemed + found.given_back - found.expired
        end = words.moment(found.period.until - 1)
        self._check(f"points live on {end}", found.closing, moved, "opening and movements")
        net = sum(lot.redeemed for lot in found.lots)
        self._check("net redemptions by lot", net, found.redeemed - found.given_back, "their events")
        pending = found.pending
        left = pending.opening + pending.issued - pending.cancelled - pending.released - pending.lapsed
        self._check(f"pending points on {end}", pending.closing, left, "their movements")
        released = dict(found.issued_by).get(RELEASED, 0)
        self._check("points that matured", released, pending.released, "the purchases")

    def _check_lots(self, after: Mapping[int, int], until: int, ever: Mapping[int, int]) -> None:
        """Nothing can be redeemed or expire from a lot beyond what was ever issued into it."""
        gone = _by_expiry(self.index.expired(self.brand, 0, until))
        for expiry in sorted({*after, *gone}):
            there = after.get(expiry, 0) + gone.get(expiry, 0)
            if there > ever.get(expiry, 0):
                what = f"points that are good until {words.good_until(expiry)}"
                self._check(what, there, ever.get(expiry, 0), "issued were only")

    def _check_balances(self, balances: Iterable[Balance], lots: Mapping[int, int], at: int) -> None:
        held: dict[int, int] = defaultdict(int)
        exact = True
        for balance in balances:
            exact &= balance.exact
            for lot in balance.lots:
                held[lot.expiry] += lot.units
        when = words.moment(at)
        self._check(
            f"the balances of all accounts on {when}", sum(held.values()), sum(lots.values()), "the supply is"
        )
        for expiry in sorted({*held, *lots}) if exact else ():
            what = f"balances that are good until {words.good_until(expiry)}, on {when}"
            self._check(what, held.get(expiry, 0), lots.get(expiry, 0), "the supply is")

    def _check_accounts(self, balances: Iterable[Balance], until: int) -> None:
        """Each balance against all that happened to its account; guessed lots expire at guessed dates."""
        if self.index.guessed(self.brand):
            return
        counted = self.index.accounts(self.brand, until)
        held = {balance.account: balance.units for balance in balances}
        for account in sorted({*counted, *held}):
            what = f"the balance of {account} on {words.moment(until - 1)}"
            by = "all that happened to it adds up to"
            self._check(what, held.get(account, 0), counted.get(account, 0), by)

    def _check_told(self, told: _Told | None) -> None:
        """The index against the token, from the launch to a block."""
        if told is None:
            return
        brand, index, by = self.brand, self.index, "the token"
        lots, end = _by_expiry(index.totals(brand, told.time)), told.time + 1
        when = words.moment(told.time)
        for expiry in sorted({*lots, *told.lots}):
            what = f"points on {when} that are good until {words.good_until(expiry)}"
            self._check(what, lots.get(expiry, 0), told.lots.get(expiry, 0), by)
        self._check(f"points live on {when}", sum(lots.values()), told.live, by)
        issued = sum(index.issued(brand, 0, end).values())
        self._check(f"points issued up to {when}", issued, told.issued, by)
        redeemed, given_back = index.redeemed(brand, 0, end)
        self._check(f"points redeemed up to {when}", redeemed - given_back, told.redeemed, by)
        expired = sum(lot.units for lot in index.expired(brand, 0, end))
        self._check(f"points expired up to {when}", expired, told.expired, by)
        pending = sum(each.left for each in index.pending(brand, told.time))
        self._check(f"pending points on {when}", pending, told.pending, by)

    def last_block(self, until: int) -> int:
        """The last block with a time below `until`, as far as the index goes; -1 before the launch."""
        first, launched = self.launched
        if until <= launched:
            return -1
        block = self.reached if until > self.now else min(self.reached, self._chain.block_before(until))
        return max(block, first)

    def _told(self, block: int) -> _Told | None:
        """The token's own word at the end of a block; None before the launch, and where the node has no
        state of then.
        """
        if block < 0:
            return None
        token = self.troc.brands.token(self.brand).functions
        try:
            amounts, expiries, pending, promised = self._chain.call(token.liability(), block=block)
            issued, live, redeemed, expired = self._chain.call(token.totals(), block=block)
        except TrocError:
            # A node that cannot answer at all says so here.
            self._chain.call(token.totals())
            return None
        return _Told(
            time=self._chain.time_of(block),
            lots={expiry: units for units, expiry in zip(amounts, expiries, strict=True) if units},
            pending=pending,
            promised=promised,
            issued=issued,
            live=live,
            redeemed=redeemed,
            expired=expired,
        )


# -------------------------------------------------------------------------------------------------- off chain


@dataclass(frozen=True)
class OffChain:
    """What the brand's own database adds now, in smallest units. `unclaimed` is kept for members without an
    address, by expiry; `debts` is what customers owe.
    """

    unclaimed: int
    by_expiry: tuple[tuple[int, int], ...]
    debts: int


def off_chain(programme: Programme, chain: Chain, token: Contract) -> OffChain:
    """Claims and debts of members now. A payment that has arrived is no claim any more, even if the run that
    sent it was cut off before it noted that. Raises `ChecksFailedError` where claims do not add up.
    """
    told = programme.claims.books()
    left = told.earned - told.reduced - told.given_up - told.paid - told.lapsed
    if left != told.unclaimed:
        raise ChecksFailedError(
            f"claims of members: {told.unclaimed} units are unclaimed, by their entries {left}",
            "check the journal with `troc brand journal verify`",
        )
    lots = {expiry: units for units, expiry in told.by_expiry}
    brand = programme.store.brand
    for payment in programme.claims.prepared():
        expiry = brand.expiry_of(payment.epoch)
        if expiry in lots and chain.call(token.functions.referenceUsed(ZERO_ADDRESS, payment.id)):
            lots[expiry] -= payment.units
    by_expiry = tuple((lots[expiry], expiry) for expiry in sorted(lots) if lots[expiry])
    return OffChain(sum(lots.values()), by_expiry, programme.debts.total())


# ------------------------------------------------------------------------------------------------------ money


@dataclass(frozen=True)
class Value:
    """What a point is worth. `each`: of one whole point, in the currency named."""

    each: Decimal
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Value:
        """Of texts such as "0.01" and "EUR"."""
        each = words.parse_amount(text)
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise InputError(f"{currency!r} is no currency", "write its three letters, as in EUR (ISO 4217)")
        return cls(each, currency)

    def of(self, brand: Brand, units: int | Fraction) -> Fraction:
        """The worth of smallest units, exactly."""
        return Fraction(units) * Fraction(self.each) / Fraction(10**brand.decimals)


def parse_rate(text: str) -> Fraction:
    """A share written as 0.12, from 0 up to, not including, 1."""
    if not RATE_TEXT.fullmatch(text.strip()):
        raise InputError(f"{text!r} is no share", "write a number from 0 to below 1, as in 0.12")
    return Fraction(text.strip())


def cents(amount: Fraction) -> Decimal:
    """An amount rounded to hundredths, halves away from 0."""
    whole, rest = divmod(abs(amount) * 100, 1)
    hundredths = int(whole) + (rest >= Fraction(1, 2))
    return Decimal(-hundredths if amount < 0 else hundredths).scaleb(-2)


@dataclass(frozen=True)
class Entry:
    """A line of the journal. `units` carry their sign, as does `money`: what it adds to the contract
    liability, in hundredths. `full` is the worth of the points without breakage, exactly. `debit` and
    `credit` name accounts; balances have none.
    """

    figure: str
    units: int
    full: Fraction
    money: Decimal
    debit: str = ""
    credit: str = ""


@dataclass(frozen=True)
class Kept:
    """What the brand's own database adds to a period: claims of members without an address, and debts."""

    claims: KeptMoves
    debts: DebtMoves


def kept_of(programme: Programme, books: Books, period: Period) -> Kept:
    """Claims and debts of members over a period. Payments count when they got to the chain."""
    arrived = books.index.arrived(books.brand, IMPORTED, period.until)
    payments = {reference.removeprefix("0x"): told for reference, told in arrived.items()}
    return Kept(
        programme.claims.moves(period.since, period.until, payments),
        programme.debts.moves(period.since, period.until),
    )


@dataclass(frozen=True)
class Journal:
    """A period in money: entries from opening to closing balance, of which all but the last add up to the
    last, in units and in money; so do `kept_entries`, where the members' database was asked.
    `opened` is the breakage assumed for the opening balance and for what happens after it, `closed` for the
    closing balance.
    """

    rolled: Rolled
    value: Value
    opened: Breakage
    closed: Breakage
    entries: tuple[Entry, ...]
    kept: Kept | None = None
    kept_entries: tuple[Entry, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What an auditor asks: assumptions, rounding, what was checked, what is not decided here."""
        rolled, value = self.rolled, self.value
        number = rolled.brand.number
        notes = [
            f"Breakage {self.closed.percent}: {self.closed.reason}.",
            f"A point is worth {value.each} {value.currency}. The contract liability is what is expected to"
            " be redeemed: lot by lot, live points less the breakage of all that was issued into the lot"
            " (IFRS 15 IE267, ASC 606-10-55-353).",
            f"Money is exact until it is rounded to {value.currency} 0.01, halves away from 0; differences"
            " are in the line of the re-estimate.",
            "How a sale's price is split between goods and points by their stand-alone selling prices (IFRS"
            " 15 paragraphs 74 and B42, ASC 606-10-32-31) is left to the accountant: the values here are the"
            " points' side of it.",
            "What is kept for members without an address is a liability of its own, with breakage as above;"
            " what customers owe is netted against what they earn, and no asset."
            if self.kept
            else "What is kept for members without an address, and what customers owe, is not on the chain"
            " and not in these figures; what was kept before and is paid out now stands with what was brought"
            " over: --members tells them apart.",
            f"Points of a programme that was brought over are no revenue: what they are booked against"
            f" ({TAKEN_OVER!r}) is the old programme's liability, or the price of taking it over (IFRS 3).",
            "Points issued for attention belong to no sale: what customers do for them is bought from them,"
            f" and booked as {ATTENTION_COST!r} (IFRS 15 paragraph 71). What campaigns pay out of escrow was"
            " issued before.",
            "Points that customers traded or gave each other change nothing that is owed"
            f" (traded {number(rolled.traded)}, given {number(rolled.given)}).",
        ]
        if self.opened != self.closed:
            notes[0] = (
                f"Breakage {self.opened.percent} for the opening balance and the entries:"
                f" {self.opened.reason}. Breakage {self.closed.percent} for the closing balance:"
                f" {self.closed.reason}. The change is in the line of the re-estimate."
            )
        if rolled.checked:
            notes.append(f"Held against the token itself at block {rolled.block:,}, lot by lot: it agrees.")
        else:
            notes.append(
                "Not held against the token: the node keeps no state of then. An archive node can do it."
            )
        if not rolled.exact:
            notes.append("The lots of some accounts are guessed (docs/index.md); totals are not.")
        if not rolled.ended:
            notes.append(f"The period still runs: figures up to {words.moment(rolled.period.until - 1)}.")
        return tuple(notes)


LIABILITY = "contract liability (points)"
SALES = "revenue, price allocated to points"
TAKEN_OVER = "liability of the programme brought over"
KEPT_LIABILITY = "contract liability (kept for members)"
REDEEMED = "revenue, points redeemed"
ATTENTION_COST = "marketing cost, attention"
BREAKAGE = "revenue, breakage"

KINDS = {
    "own": "issued by the brand",
    "grant": "issued by tills and other issuers",
    "batch": "issued in batches",
    "voucher": "issued by vouchers",
    "released": "issued, purchases that matured",
    "imported": "brought over",
    "attention": "issued for attention",
}


PAID_OUT = "paid out of what was kept"


def journal(
    books: Books,
    period: Period,
    value: Value,
    rate: Fraction | None = None,
    programme: Programme | None = None,
) -> Journal:
    """A period's entries in the terms of IFRS 15 and ASC 606. `rate`: the breakage to assume (none: as it
    showed so far, at each end). `programme` adds what is kept for members, and debts.
    """
    rolled = books.roll(period)
    period = rolled.period
    if rate is None:
        opened, closed = books.estimate(period.since - 1), books.estimate(period.until - 1)
    else:
        opened = closed = Breakage(rate, "as given")
    kept = None if programme is None else kept_of(programme, books, period)
    entries = _entries(rolled, value, opened.rate, closed.rate, kept.claims.paid if kept else 0)
    kept_entries = _kept_entries(rolled.brand, kept.claims, value, opened.rate, closed.rate) if kept else ()
    return Journal(rolled, value, opened, closed, tuple(entries), kept, tuple(kept_entries))


def _entries(
    rolled: Rolled, value: Value, opened: Fraction, closed: Fraction, paid_out: int
) -> Sequence[Entry]:
    brand, lots = rolled.brand, rolled.lots

    def worth(units: int | Fraction) -> Fraction:
        return value.of(brand, units)

    opening = cents(worth(sum(_expected(lot.opening, lot.ever - lot.issued, opened) for lot in lots)))
    closing = cents(worth(sum(_expected(lot.closing, lot.ever, closed) for lot in lots)))
    lapsed = cents(worth(sum(_expected(lot.expired, lot.ever, opened) for lot in lots)))
    found = [Entry("opening balance", rolled.opening, worth(rolled.opening), opening)]
    for kind, total in rolled.issued_by:
        parts = [(KINDS[kind], total, ATTENTION_COST if kind == ATTENTION else SALES)]
        if kind == IMPORTED:
            parts = [(PAID_OUT, paid_out, KEPT_LIABILITY), (KINDS[kind], total - paid_out, TAKEN_OVER)]
        for figure, units, account in parts:
            if units:
                money = cents(worth(units * (1 - opened)))
                found.append(Entry(figure, units, worth(units), money, account, LIABILITY))
    for figure, units, money, accounts in (
        ("redeemed", -rolled.redeemed, cents(worth(-rolled.redeemed)), (LIABILITY, REDEEMED)),
        ("given back", rolled.given_back, cents(worth(rolled.given_back)), (REDEEMED, LIABILITY)),
        ("expired", -rolled.expired, -lapsed, (LIABILITY, BREAKAGE)),
    ):
        found.append(Entry(figure, units, worth(units), money, *accounts))
    rest = closing - sum((entry.money for entry in found), Decimal(0))
    accounts = (LIABILITY, BREAKAGE) if rest < 0 else (BREAKAGE, LIABILITY)
    found.append(Entry("re-estimate and rounding", 0, Fraction(0), rest, *accounts))
    found.append(Entry("closing balance", rolled.closing, worth(rolled.closing), closing))
    return found


def _kept_entries(
    brand: Brand, kept: KeptMoves, value: Value, opened: Fraction, closed: Fraction
) -> Sequence[Entry]:
    def entry(figure: str, units: int, debit: str = "", credit: str = "", rate: Fraction = opened) -> Entry:
        worth = value.of(brand, units)
        return Entry(figure, units, worth, cents(worth * (1 - rate)), debit, credit)

    found = [
        entry("opening balance", kept.opening),
        entry("earned and kept", kept.earned, SALES, KEPT_LIABILITY),
        entry("brought over and kept", kept.imported, TAKEN_OVER, KEPT_LIABILITY),
        entry("corrected downwards", -kept.reduced, KEPT_LIABILITY, SALES),
        entry("given up", -kept.given_up, KEPT_LIABILITY, BREAKAGE),
        entry("lapsed", -kept.lapsed, KEPT_LIABILITY, BREAKAGE),
        entry("paid out to addresses", -kept.paid, KEPT_LIABILITY, LIABILITY),
    ]
    closing = entry("closing balance", kept.closing, rate=closed)
    rest = closing.money - sum((each.money for each in found), Decimal(0))
    accounts = (KEPT_LIABILITY, BREAKAGE) if rest < 0 else (BREAKAGE, KEPT_LIABILITY)
    return [*found, Entry("re-estimate and rounding", 0, Fraction(0), rest, *accounts), closing]


def _expected(live: int, ever: int, rate: Fraction) -> Fraction:
    """What is expected to be redeemed of a lot's living points: all that was issued into it, less breakage,
    less what was redeemed, which is at least none.
    """
    return max(Fraction(0), live - rate * ever)


def _by_expiry(lots: Iterable[Lot]) -> dict[int, int]:
    return {lot.expiry: lot.units for lot in lots if lot.units}
