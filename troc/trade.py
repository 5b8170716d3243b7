"""Trading: how an order stands, taking, settling, cancelling, and what was traded before.

Whoever signs needs no ether: every act can be submitted by somebody else (`submitter`).
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from troc import words
from troc.abi import words_call
from troc.accounts import Signer
from troc.acts import Act, Part, act_of
from troc.book import Book, Entry
from troc.brands import Brand, Brands
from troc.chain import Chain, Receipt
from troc.errors import NetworkError, OrderError, PointsError
from troc.messages import (
    WHOLE_INDEXES,
    ZERO_ADDRESS,
    Cancel,
    CancelAll,
    Domain,
    Order,
    pack_nonce,
    sign,
    unpack_nonce,
)
from troc.orders import (
    Side,
    SignedOrder,
    affordable,
    check_sense,
    cost,
    free_partial_nonces,
    free_whole_nonces,
    good_until,
    make_order,
    terms,
)
from troc.points import SIGNED_FOR, Holding, Points
from troc.settlement import Leg, Settlement, fit
from troc.submitting import Submitter

if TYPE_CHECKING:
    from troc.index import Index

_PARTIAL_BITS = 128
_ALL_FILLED = (1 << _PARTIAL_BITS) - 1
_LANES_ASKED = 32
_SPARE_LANES = 8
"""Lanes beyond those in use that `cancel_all` ends too: orders that were written to files may lie there."""


class State(StrEnum):
    """How an order stands: exactly one of these."""

    OPEN = "open"
    PARTLY_FILLED = "partly filled"
    SETTLING = "settling"
    SPENT_ELSEWHERE = "points spent elsewhere"
    KEPT_BACK = "kept from the exchange"
    POINTS_EXPIRED = "points expired"
    FILLED = "filled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def can_be_taken(self) -> bool:
        """Whether the order can be settled now."""
        return self in (State.OPEN, State.PARTLY_FILLED)


@dataclass(frozen=True)
class Standing:
    """How an order stands now.

    `holding` is what its maker has of the points that it gives. `filled` is what it has given so far and
    `received` what it got for that, `left` what it can still give now; `why` and `next_step` are for people.
    `above` is by which share of the market's price it asks more than that; negative: less; None: it does not
    stand, or the market says nothing of these points.
    """

    entry: Entry
    give: Brand
    want: Brand
    holding: Holding
    state: State
    filled: int
    left: int
    why: str
    next_step: str
    received: int = 0
    above: Fraction | None = None

    @property
    def order(self) -> Order:
        """The order itself."""
        return self.entry.order

    def terms(self, you: bool = False) -> str:
        """The order in words; `you`: as its maker reads it."""
        return terms(self.order, self.give, self.want, you)


@dataclass(frozen=True)
class Quote:
    """What taking an order would mean for the taker, in smallest units. `gets` are the very points she
    would receive.
    """

    standing: Standing
    amount: int
    payment: int
    gets: Holding
    live_until: int

    def text(self) -> str:
        """In words."""
        give, want = self.standing.give, self.standing.want
        return (
            f"You give {want.number(self.payment)} {want.name}, {_giving(self.standing.order, want)};"
            f" you get {give.number(self.amount)} {give.name}: {words.listed(self.gets.text())}"
        )


@dataclass(frozen=True)
class Trade:
    """A trade of one account that is done: what it gave and what it got, in smallest units. `asked` are its
    published orders, where there were any, each with what it gave.
    """

    time: int
    block: int
    transaction: str
    gave: tuple[Side, ...]
    got: tuple[Side, ...]
    asked: tuple[tuple[Order, int], ...] = ()

    def text(self) -> str:
        """In words, with what was asked where that was less."""
        gave, got = (words.listed(side.text for side in sides) for sides in (self.gave, self.got))
        least = self.least
        more = "" if least is None else f" (asked for {least.brand.number(least.units)})"
        return f"{words.day(self.time)}: gave {gave}, got {got}{more}"

    @property
    def least(self) -> Side | None:
        """What published orders asked for what was given; None where they got just that, or where something
        was given by none.
        """
        if len(self.gave) != 1 or len(self.got) != 1:
            return None
        if sum(units for _, units in self.asked) != self.gave[0].units:
            return None
        least = sum(cost(order, units) for order, units in self.asked)
        return None if least == self.got[0].units else Side(self.got[0].brand, least)


class Trading:
    """Trades on the exchange of one deployment. `exchange` is its EIP-712 domain."""

    def __init__(
        self,
        chain: Chain,
        exchange: Domain,
        brands: Brands,
        points: Points,
        book: Book,
        since: int = 0,
        index: Callable[[], Index | None] = lambda: None,
    ) -> None:
        self._chain = chain
        self._domain = exchange
        self._contract = chain.contract("PointsExchange", exchange.verifying_contract)
        self._brands = brands
        self._points = points
        self._book = book
        self._since = since
        self._index = index

    # --------------------------------------------------------------------------------------------- making

    def draft(
        self,
        maker: str,
        give: Side,
        want: Side,
        *,
        open_until: int,
        live_until: int | None = None,
        allow_partial: bool = False,
        only_taker: str = ZERO_ADDRESS,
        unpublished: bool = False,
    ) -> Order:
        """An order, ready to be read and signed.

        `unpublished`: it will not be seen in the book. Its number is then drawn among the free ones, so that
        two such orders hardly ever exclude each other. Raises `PointsError` where the maker lacks the points
        or keeps them from the exchange.
        """
        holding = self._points.holding(give.brand, maker)
        _check_switch(holding)
        return make_order(
            maker,
            give,
            want,
            holding,
            now=self._chain.now(),
            open_until=open_until,
            live_until=live_until,
            nonce=self._free_nonce(maker, allow_partial, unpublished),
            allow_partial=allow_partial,
            only_taker=only_taker,
        )

    def open_of(self, maker: str, give: Brand) -> list[Standing]:
        """A maker's own open orders that give points of this brand, oldest first."""
        standings = self.standings(self._book.entries(give=give, maker=maker))
        return [standing for standing in standings if standing.state.can_be_taken]

    def sign(self, order: Order, signer: Signer) -> SignedOrder:
        """Sign an order."""
        return SignedOrder(order, sign(order, self._domain, signer), self._domain)

    def free_nonce(self, maker: str) -> int:
        """A free number for an order that is settled whole and not published."""
        return self._free_nonce(maker, partial=False, drawn=True)

    def lane_word(self, maker: str, lane: int) -> int:
        """The stored word of a lane of orders in parts: `series:64 ‖ filled:128`."""
        return self._words(maker, [lane], partial=True)[0]

    def _free_nonce(self, maker: str, partial: bool, drawn: bool = False) -> int:
        taken = self._book.taken_nonces(maker, partial)
        find, step = (free_partial_nonces, _LANES_ASKED) if partial else (free_whole_nonces, 1)
        first = 0
        while not (free := find(self._words(maker, range(first, first + step), partial), taken, first)):
            first += step
        return secrets.choice(free[:_SPARE_LANES] if partial else free) if drawn else free[0]

    def _words(self, maker: str, lanes: Iterable[int], partial: bool) -> list[int]:
        return self._stored([(maker, lane, partial) for lane in lanes])

    def _stored(self, asked: Iterable[tuple[str, int, bool]]) -> list[int]:
        """The stored words of lanes: (maker, lane, of orders in parts)."""
        calls = [
            (
                self._domain.verifying_contract,
                words_call("PointsExchange", "partialWordOf" if partial else "wholeWordOf", maker, lane),
            )
            for maker, lane, partial in asked
        ]
        return [int.from_bytes(answer) for answer in self._chain.call_many(calls)]

    # ----------------------------------------------------------------------------------------- looking at

    def standing(self, entry: Entry, viewer: str = "") -> Standing:
        """How one order stands, beside the market, and why. `viewer` is who asks: the words differ for its
        maker.
        """
        standing = self.standings([entry], viewer)[0]
        return self._explained(standing, standing.order.maker == viewer)

    def standings(self, entries: Sequence[Entry], viewer: str = "") -> list[Standing]:
        """How orders stand, in few requests."""
        now = self._chain.now()
        orders = [entry.order for entry in entries]
        sides = [(self._brand(order.give_token), self._brand(order.want_token)) for order in orders]
        stored = self._stored(
            (order.maker, unpack_nonce(order.nonce)[0], order.allow_partial) for order in orders
        )
        holdings = self._points.holdings(
            [(give, entry.order.maker) for entry, (give, _) in zip(entries, sides, strict=True)]
        )
        # Only an order whose nonce was used can have been filled.
        touched = [
            entry for entry, word in zip(entries, stored, strict=True) if not _is_untouched(entry.order, word)
        ]
        filled = self._filled(touched)
        return [
            self._stand(
                entry, give, want, word, filled.get(entry.signed.digest, (0, 0)), holding, now, viewer
            )
            for entry, (give, want), word, holding in zip(entries, sides, stored, holdings, strict=True)
        ]

    def _stand(
        self,
        entry: Entry,
        give: Brand,
        want: Brand,
        word: int,
        fills: tuple[int, int],
        holding: Holding,
        now: int,
        viewer: str,
    ) -> Standing:
        left = left_by_nonce(entry.order, word)
        here = holding.within(0, entry.order.give_points_expiring_by) if holding.exchange_on else 0
        mine = entry.order.maker == viewer
        filled, received = fills
        state, why = self._judge(entry, want, fills, left, here, holding, now)
        if state.can_be_taken:
            left = min(left, here)
            only = entry.order.only_taker
            if mine:
                step = f"wait for a taker, or end it with `troc trade cancel {entry.name}`"
            elif only in (ZERO_ADDRESS, viewer):
                step = f"take it with `troc trade accept {entry.name}`"
            else:
                step = f"leave it to {only}, for whom alone it is; see `troc trade book` for others"
        elif state is State.FILLED:
            step = "see `troc trade history`"
        elif mine and state is State.KEPT_BACK:
            step = (
                f"switch them on with `troc points exchange on {give.symbol}`, or end it with"
                f" `troc trade cancel {entry.name}`"
            )
        elif mine and state is State.SPENT_ELSEWHERE:
            # Signed is signed: it stands, though nobody can settle it now.
            step = (
                f"end it with `troc trade cancel {entry.name}`; else it can be settled until"
                f" {words.moment(entry.order.open_until)} as soon as you have such points again"
            )
        else:
            step = "make a new one with `troc trade order`" if mine else "see `troc trade book` for others"
        left = left if state.can_be_taken else 0
        return Standing(entry, give, want, holding, state, filled, left, why, step, received)

    def _judge(
        self,
        entry: Entry,
        want: Brand,
        fills: tuple[int, int],
        left: int,
        here: int,
        holding: Holding,
        now: int,
    ) -> tuple[State, str]:
        """The one state of an order, and why. What is final comes before what may change again."""
        order, give = entry.order, holding.brand
        filled, received = fills
        if filled >= order.give_amount:
            got = f"it asked for {want.text(order.want_amount)} and got {want.number(received)}"
            return State.FILLED, f"all {give.text(order.give_amount)} were given; {got}"
        if left == 0:
            return State.CANCELLED, "its maker cancelled it, or filled another in its place"
        if now > order.open_until:
            return State.EXPIRED, f"it was open until {words.moment(order.open_until)}"
        if not holding.exchange_on:
            return State.KEPT_BACK, f"the maker keeps {give.symbol} from the exchange for now"
        least = 1 if order.allow_partial else order.give_amount
        if here < least:
            if here + self._expired_since(entry, holding, now) >= least:
                return State.POINTS_EXPIRED, f"the {give.symbol} that it gives are no longer good"
            return State.SPENT_ELSEWHERE, f"the maker has {give.text(here)} left of those it gives"
        if filled:
            rest = give.number(min(left, here))
            return (
                State.PARTLY_FILLED,
                f"{give.number(filled)} of {give.text(order.give_amount)} were given, {rest} are left",
            )
        return State.OPEN, f"{give.text(min(left, here))} are there"

    def _expired_since(self, entry: Entry, holding: Holding, now: int) -> int:
        """What has expired, of the points that the order gives, since it was published.

        Asks for the balance just before each date that has passed. Where the node keeps no old balances,
        everything counts as expired if the last date of the order has passed, else as spent.
        """
        brand, order = holding.brand, entry.order
        if words.never_expires(brand.longest_life(now)):
            return 0
        published = self._chain.time_of(entry.block) if entry.block is not None else now - brand.epoch_length
        date = brand.origin + brand.epoch_at(now) * brand.epoch_length
        gone = 0
        try:
            while date > published and date >= brand.origin:
                if not order.give_points_expiring_by or date <= order.give_points_expiring_by:
                    before = self._chain.block_before(date)
                    then = self._points.holding(brand, order.maker, before)
                    gone += then.within(date - 1, date)
                date -= brand.epoch_length
        except NetworkError:
            return order.give_amount if 0 < order.give_points_expiring_by <= now else 0
        return gone

    def _filled(self, entries: Sequence[Entry]) -> dict[bytes, tuple[int, int]]:
        """What each of these orders has given and received so far, by digest."""
        if not entries:
            return {}
        index = self._index()
        if index is not None:
            index.catch_up()
            found = index.filled(entry.id for entry in entries)
            return {bytes.fromhex(id_[2:]): (given, got) for id_, (given, got, _) in found.items()}
        filled: dict[bytes, tuple[int, int]] = {}
        digests = [entry.signed.digest for entry in entries]
        for event in self._chain.logs(self._contract.events.OrderFilled(), {"digest": digests}, self._since):
            said = event["args"]
            given, got = filled.get(bytes(said["digest"]), (0, 0))
            filled[bytes(said["digest"])] = given + said["given"], got + said["received"]
        return filled

    # ---------------------------------------------------------------------------------------- explaining

    def _explained(self, standing: Standing, mine: bool) -> Standing:
        """The same, with what the index and the node's pool say of it."""
        if standing.state.can_be_taken:
            settling = self._settling(standing, mine)
            if settling is not None:
                return settling
        index = self._index()
        if index is None:
            return standing
        index.catch_up()
        if standing.state.can_be_taken:
            return self._beside_market(standing, mine, index)
        if standing.state is State.FILLED and mine:
            got = standing.want
            return replace(
                standing,
                why=f"you asked for {got.number(standing.order.want_amount)} {got.name},"
                f" you got {got.number(standing.received)}",
            )
        if standing.state is State.CANCELLED:
            return self._why_cancelled(standing, mine, index)
        if standing.state is State.SPENT_ELSEWHERE:
            return self._where_spent(standing, mine, index)
        return standing

    def _settling(self, standing: Standing, mine: bool) -> Standing | None:
        """The order as it is while a transaction that waits in the node's pool fills it."""
        id_ = standing.entry.signed.digest
        for data in self._chain.pending_calls(self._contract.address):
            # Without the index nobody decodes calldata; its signature names the order well enough.
            if standing.entry.signed.signature in data:
                return replace(
                    standing,
                    state=State.SETTLING,
                    left=0,
                    why="a transaction that is to fill it waits for its block",
                    next_step=f"look again in a minute: `troc trade show 0x{id_.hex()[:12]}`",
                )
        return None

    def _beside_market(self, standing: Standing, mine: bool, index: Index) -> Standing:
        """An order that stands, beside what the market last said of these points."""
        # Needs the index, which not everybody has.
        from troc.market import prices

        give, want, order = standing.give, standing.want, standing.order
        market = prices.reference(index, give, want, standing.left, order.maker)
        if market is None:
            return standing
        above = prices.above(order, market)
        said = market.text(give, want)
        if above > prices.NEAR:
            below = prices.percent(above / (1 + above))
            more = prices.percent(above)
            why = f"{standing.why}; below the market by {below}, since it asks {more} more: {said}"
        elif above < -prices.NEAR:
            less = prices.percent(above)
            why = f"{standing.why}; better than the market, since it asks {less} less: {said}"
        else:
            why = f"{standing.why}; at the market: {said}"
        step = standing.next_step
        if mine and above > prices.NEAR:
            fair = int(market.rate * standing.left)
            sides = f' "{_plain(give, standing.left)}" "{_plain(want, fair)}"' if fair else ""
            step = (
                f"ask for less: end it with `troc trade cancel {standing.entry.name}` and make another with"
                f" `troc trade order{sides}`; or wait"
            )
        return replace(standing, why=why, next_step=step, above=above)

    def _why_cancelled(self, standing: Standing, mine: bool, index: Index) -> Standing:
        order = standing.order
        end = index.ended(order.maker, order.nonce, order.allow_partial)
        who = "you" if mine else "its maker"
        if end is None:
            why = f"{who} filled another order in its place"
        elif end.everything:
            why = f"{who} ended all orders on {words.day(end.time)}"
        else:
            why = f"{who} cancelled it on {words.day(end.time)}"
        if standing.filled:
            give = standing.give
            why += f"; {give.number(standing.filled)} of {give.text(order.give_amount)} were given before"
        return replace(standing, why=why)

    def _where_spent(self, standing: Standing, mine: bool, index: Index) -> Standing:
        """What became of the points since the order was published."""
        if standing.entry.block is None:
            return standing
        give, maker = standing.give, standing.order.maker
        gone = [
            change
            for change in index.changes(give, maker, self._chain.time_of(standing.entry.block))
            if change.units < 0 and change.reason != "expired" and (change.block or 0) >= standing.entry.block
        ]
        traded = {
            fill.transaction
            for fill in index.fills(transactions={change.transaction or "" for change in gone})
        }
        sums: dict[str, int] = defaultdict(int)
        for change in gone:
            verb = change.reason if change.reason == "redeemed" else "given away"
            sums["traded" if change.transaction in traded else verb] -= change.units
        if not sums:
            return standing
        spent = words.listed(f"{give.number(units)} {verb}" for verb, units in sums.items())
        whose = "you have" if mine else "the maker has"
        left = standing.why.split(" has ", 1)[1]
        return replace(standing, why=f"{whose} {left}: since then {spent}")

    def _brand(self, token: str) -> Brand:
        brand = self._brands.by_address(token)
        if brand is None:
            raise OrderError(
                f"the order trades {token}, which are no points that were launched here", "leave it"
            )
        return brand

    # --------------------------------------------------------------------------------------------- taking

    def best(self, taker: str, give: Side, want: Side, live_until: int) -> Quote | None:
        """The cheapest open order that gives at least `want` for at most `give`, in points that live beyond
        `live_until`.

        Of an order that allows parts, just `want` is taken.
        """
        quotes = []
        entries = [
            entry
            for entry in self._book.entries(give=want.brand, want=give.brand)
            if entry.order.maker != taker and entry.order.only_taker in (ZERO_ADDRESS, taker)
        ]
        for standing in self.standings(entries):
            order = standing.order
            amount = want.units if order.allow_partial else order.give_amount
            if not standing.state.can_be_taken or amount < want.units or amount > standing.left:
                continue
            if cost(order, amount) > give.units:
                continue
            try:
                quotes.append(self.quote(standing, taker, amount, live_until))
            except PointsError:
                continue
        return min(quotes, key=lambda quote: (quote.payment * want.units, -quote.amount), default=None)

    def quote(
        self, standing: Standing, taker: str, amount: int | None = None, live_until: int | None = None
    ) -> Quote:
        """What taking `amount` of an order (none: all that is left) would mean for `taker`.

        `live_until`: she takes only points that live beyond it. Without it she is promised the points that
        she is shown: the trade fails if those the maker has by then expire sooner. Raises `OrderError` or
        `PointsError` where it cannot be taken.
        """
        order = standing.order
        self._check_takeable(standing, taker)
        amount = standing.left if amount is None else amount
        if not order.allow_partial and amount != order.give_amount:
            raise OrderError(
                f"this order is settled whole, {standing.give.text(order.give_amount)} or nothing",
                "leave the amount out",
            )
        if not 0 < amount <= standing.left:
            raise OrderError(
                f"{standing.give.text(standing.left)} of this order are left",
                f"take {standing.give.text(standing.left)} at most",
            )
        payment = cost(order, amount)
        self._check_payment(standing, taker, payment)
        maker = self._points.holding(standing.give, order.maker)
        bounds = (live_until or 0, order.give_points_expiring_by)
        within = maker.within(*bounds)
        if within < amount:
            raise PointsError(
                f"the maker has {standing.give.text(within)} that live beyond {words.moment(bounds[0])}, not"
                f" {standing.give.number(amount)}",
                f"take {standing.give.text(within)}"
                if order.allow_partial and within
                else "ask for an earlier date, or leave it",
            )
        gets = _taken(maker, amount, *bounds)
        soonest = next(lot.expiry for lot in gets.lots if lot.units)
        return Quote(standing, amount, payment, gets, soonest - 1 if live_until is None else live_until)

    def _check_takeable(self, standing: Standing, taker: str) -> None:
        order = standing.order
        if not standing.state.can_be_taken:
            raise OrderError(f"this order is {standing.state}, {standing.why}", standing.next_step)
        check_sense(order, self._chain.now())
        if order.maker == taker:
            raise OrderError("this is your own order", "take another's, or end it with `troc trade cancel`")
        if order.only_taker not in (ZERO_ADDRESS, taker):
            raise OrderError(
                f"this order is for {order.only_taker} alone", "see `troc trade book` for others"
            )

    def _check_payment(self, standing: Standing, taker: str, payment: int) -> None:
        order, want = standing.order, standing.want
        holding = self._points.holding(want, taker)
        _check_switch(holding)
        bound = order.want_points_living_until
        living = holding.within(bound)
        if living >= payment:
            return
        less = min(affordable(order, living), standing.left) if order.allow_partial else 0
        remedies = [f"take {standing.give.text(less)} of it with --amount"] if less else []
        remedies.append(f"{want.text(payment - living)} more would do")
        if living == holding.total:
            raise PointsError(
                f"you have {want.text(holding.total)}, and {want.number(payment)} are needed",
                ", or ".join(remedies),
            )
        raise PointsError(
            f"not enough points that live long enough: of your {want.text(holding.total)},"
            f" {want.number(living)} live beyond {words.moment(bound)} as the order asks,"
            f" and {want.number(payment)} are needed",
            ", or ".join(remedies),
        )

    def take(self, quote: Quote, signer: Signer, submitter: Submitter | None = None) -> Receipt:
        """Take an order as quoted. With a `submitter` the taker signs the other half, for its maker alone."""
        standing = quote.standing
        signed = standing.entry.signed
        if submitter is None:
            call = self._contract.functions.take(
                signed.order.as_tuple(), signed.signature, quote.amount, quote.live_until
            )
            return self._chain.send(call, signer)
        living = _living_beyond(
            self._points.holding(standing.want, signer.address), signed.order.want_points_living_until
        )
        other_half = make_order(
            signer.address,
            Side(standing.want, quote.payment),
            Side(standing.give, quote.amount),
            living,
            now=self._chain.now(),
            open_until=self._chain.now() + SIGNED_FOR,
            live_until=quote.live_until,
            nonce=self._free_nonce(signer.address, partial=False),
            allow_partial=False,
            only_taker=signed.order.maker,
        )
        orders = [signed, self.sign(other_half, signer)]
        return self._settle(orders, [(0, 1, quote.amount), (1, 0, quote.payment)], submitter)

    # ------------------------------------------------------------------------------------------- settling

    def plan_settlement(self, entries: Sequence[Entry], sender: str) -> tuple[list[Standing], Settlement]:
        """How these orders stand, and the transfers that settle all of them. Raises `OrderError` where they
        do not fit.
        """
        standings = self.standings(entries)
        for place, standing in enumerate(standings):
            if not standing.state.can_be_taken:
                raise OrderError(
                    f"order {place + 1} is {standing.state}, {standing.why}",
                    "leave it out, or ask its maker for another",
                )
            check_sense(standing.order, self._chain.now())
        holdings = self._points.holdings([(standing.give, standing.order.maker) for standing in standings])
        known = {(holding.account, holding.brand.address): holding for holding in holdings}
        return standings, fit([Leg(each.order, each.left) for each in standings], known, sender)

    def settle(self, entries: Sequence[Entry], settlement: Settlement, submitter: Submitter) -> Receipt:
        """Settle orders as planned. The submitter is no party to it and needs no points."""
        moves = [(move.giver, move.receiver, move.amount) for move in settlement.transfers]
        return self._settle([entry.signed for entry in entries], moves, submitter)

    def _settle(
        self, orders: Sequence[SignedOrder], moves: Sequence[tuple[int, int, int]], submitter: Submitter
    ) -> Receipt:
        parts = tuple(Part(signed.order, signed.signature) for signed in orders)
        return submitter.submit([Act(parts, self._domain, tuple(moves))])[-1]

    # ----------------------------------------------------------------------------------------- cancelling

    def cancel(self, entry: Entry, signer: Signer, submitter: Submitter | None = None) -> Receipt:
        """End an order for good. Raises `OrderError` where it has ended already."""
        order = entry.order
        self.check_cancellable(self.standing(entry, signer.address), signer.address)
        whole, partial = ([], [order.nonce]) if order.allow_partial else ([order.nonce], [])
        functions = self._contract.functions
        if submitter is None:
            return self._chain.send(functions.cancel(whole, partial), signer)
        message = Cancel(signer.address, tuple(whole), tuple(partial))
        return submitter.submit([act_of(message, sign(message, self._domain, signer), self._domain)])[-1]

    @staticmethod
    def check_cancellable(standing: Standing, account: str) -> None:
        """Raise `OrderError` unless this account can end this order."""
        if standing.order.maker != account:
            raise OrderError(
                f"this order is {standing.order.maker}'s", "use --account with its maker's account"
            )
        if standing.state in (State.CANCELLED, State.FILLED, State.EXPIRED):
            raise OrderError(f"this order is already {standing.state}", "nothing is left to do")

    def cancel_all(self, signer: Signer, submitter: Submitter | None = None) -> Receipt:
        """End everything that one has signed so far, published or not, as far as this client numbers
        orders.
        """
        maker = signer.address
        series = self._series_in_use(maker, False), self._series_in_use(maker, True)
        return self.cancel_series(*series, signer, submitter)

    def cancel_series(
        self, whole: Sequence[int], partial: Sequence[int], signer: Signer, submitter: Submitter | None = None
    ) -> Receipt:
        """End every order of these series, each named by a nonce with index 0, published or not."""
        maker = signer.address
        functions = self._contract.functions
        if submitter is None:
            return self._chain.send(functions.cancelAll(whole, partial), signer)
        message = CancelAll(maker, tuple(whole), tuple(partial))
        return submitter.submit([act_of(message, sign(message, self._domain, signer), self._domain)])[-1]

    def _series_in_use(self, maker: str, partial: bool) -> list[int]:
        """The current series of each lane that has been used, and of some more."""
        published = {unpack_nonce(nonce)[0] for nonce in self._book.taken_nonces(maker, partial)}
        highest = max((lane for lane in published if lane < _LANES_ASKED * 8), default=0)
        stored = self._words(maker, range(highest + _LANES_ASKED), partial)
        used = max((lane for lane, word in enumerate(stored) if word), default=0)
        spare = _SPARE_LANES if partial else 0
        lanes = range(max(highest, used) + 1 + spare)
        shift = _PARTIAL_BITS if partial else WHOLE_INDEXES
        stored += self._words(maker, range(len(stored), len(lanes)), partial)
        # Lanes far up, as desks number their orders.
        others = sorted(lane for lane in published if lane >= len(lanes))
        numbered = [
            *zip(lanes, stored, strict=False),
            *zip(others, self._words(maker, others, partial), strict=True),
        ]
        return [pack_nonce(lane, word >> shift) for lane, word in numbered]

    # -------------------------------------------------------------------------------------------- history

    def history(self, account: str) -> list[Trade]:
        """What an account has traded, as maker or taker, oldest first."""
        index = self._index()
        if index is not None:
            index.catch_up()
            return self._indexed_history(index, account)
        filled = {
            event["transactionHash"]
            for event in self._chain.logs(self._contract.events.OrderFilled(), from_block=self._since)
        }
        moved: dict[bytes, list[tuple[Brand, bool, int]]] = defaultdict(list)
        blocks: dict[bytes, int] = {}
        for brand in self._brands.all():
            event = self._brands.token(brand).events.Transfer()
            for outgoing, side in ((True, "from"), (False, "to")):
                for found in self._chain.logs(event, {side: account}, self._since):
                    transaction = found["transactionHash"]
                    if transaction in filled:
                        moved[transaction].append((brand, outgoing, found["args"]["value"]))
                        blocks[transaction] = found["blockNumber"]
        return [
            Trade(
                time=self._chain.time_of(blocks[transaction]),
                block=blocks[transaction],
                transaction="0x" + bytes(transaction).hex(),
                gave=_sum(moves, True),
                got=_sum(moves, False),
            )
            for transaction, moves in sorted(moved.items(), key=lambda item: blocks[item[0]])
        ]

    def _indexed_history(self, index: Index, account: str) -> list[Trade]:
        moved = [
            (change, brand)
            for brand in self._brands.all()
            for change in index.changes(brand, account)
            if change.reason in ("sent", "received")
        ]
        fills = index.fills(transactions={change.transaction or "" for change, _ in moved})
        traded: dict[str, list[tuple[Brand, bool, int]]] = defaultdict(list)
        when = {fill.transaction: (fill.block, fill.position, fill.time) for fill in fills}
        for change, brand in moved:
            if change.transaction in when:
                traded[change.transaction].append((brand, change.units < 0, abs(change.units)))
        asked: dict[str, list[tuple[Order, int]]] = defaultdict(list)
        for fill in fills:
            if fill.maker == account and fill.order is not None and fill.order.published:
                asked[fill.transaction].append((fill.order.order, fill.given))
        return [
            Trade(
                time=when[transaction][2],
                block=when[transaction][0],
                transaction=transaction,
                gave=_sum(moves, True),
                got=_sum(moves, False),
                asked=tuple(asked[transaction]),
            )
            for transaction, moves in sorted(traded.items(), key=lambda item: when[item[0]])
        ]


def _plain(brand: Brand, units: int) -> str:
    """`1200.5 PANIER`, as a command takes it."""
    return brand.text(units).replace(",", "")


def _check_switch(holding: Holding) -> None:
    if not holding.exchange_on:
        symbol = holding.brand.symbol
        raise PointsError(
            f"you keep {symbol} from the exchange", f"switch them on with `troc points exchange on {symbol}`"
        )


def _sum(moves: Iterable[tuple[Brand, bool, int]], outgoing: bool) -> tuple[Side, ...]:
    totals: dict[str, Side] = {}
    for brand, out, units in moves:
        if out == outgoing:
            before = totals[brand.address].units if brand.address in totals else 0
            totals[brand.address] = Side(brand, before + units)
    return tuple(totals.values())


def _giving(order: Order, brand: Brand) -> str:
    bound = order.want_points_living_until
    return (
        f"those that expire soonest first among those {good_until(bound)}"
        if bound
        else "those that expire soonest first"
    )


def _is_untouched(order: Order, word: int) -> bool:
    """Whether nothing in the lane can have come from this order or ended it."""
    if order.allow_partial:
        return word == unpack_nonce(order.nonce)[1] << _PARTIAL_BITS
    _, series, index = unpack_nonce(order.nonce)
    return word >> WHOLE_INDEXES == series and not word >> index & 1


def left_by_nonce(order: Order, word: int) -> int:
    """What is left of an order, as `remainingOf` tells, from the stored word of the lane."""
    _, series, index = unpack_nonce(order.nonce)
    if order.allow_partial:
        if index or word >> _PARTIAL_BITS != series:
            return 0
        return max(order.give_amount - (word & _ALL_FILLED), 0)
    is_open = index < WHOLE_INDEXES and word >> WHOLE_INDEXES == series and not word >> index & 1
    return order.give_amount if is_open else 0


def _living_beyond(holding: Holding, bound: int) -> Holding:
    return replace(holding, lots=tuple(lot for lot in holding.lots if bound < lot.expiry))


def _taken(holding: Holding, units: int, at_least: int, at_most: int) -> Holding:
    """The points that `transferFromWithin` would move."""
    after = holding.without(units, at_least, at_most)
    lots = tuple(
        replace(lot, units=lot.units - left.units) for lot, left in zip(holding.lots, after.lots, strict=True)
    )
    return replace(holding, lots=lots)
