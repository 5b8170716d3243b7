"""Instant swaps: what the standing orders give now, and taking it in one settlement.

The taker signs one order, for herself alone to bind: it says what she gives at most and what she gets at
least. Makers on the way trade straight with each other; no points in between ever touch her. What the way
gives beyond her worst price is hers; whoever submits cannot take her below what she signed.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import product

import numpy as np
from eth_abi.abi import decode
from eth_utils.address import to_checksum_address

from troc import words
from troc.book import Entry
from troc.brands import Brand
from troc.client import Troc
from troc.errors import ContractError, InputError, OrderError, PointsError, RelayError, TrocError
from troc.index import Index
from troc.index.market import WORDS, Words
from troc.index.market_reading import IndexedOrder, OpenBook
from troc.market.records import RECORD_TYPE, PricedGood
from troc.market.routes import MOST_ORDERS, Ask, Offers, Routes, Stock, Way
from troc.messages import Order, recover
from troc.orders import USUAL_OPEN, Side, SignedOrder, check_holding, make_order, usual_life
from troc.points import SIGNED_FOR, Holding, Lot
from troc.settlement import Settlement, Transfer
from troc.trade import State

USUAL_SLIPPAGE = "1%"
"""How much worse than quoted a swap may end, where nobody said otherwise."""

DEPTHS = (1, 2, 5)
_TOLERANCE = 1e-6
_ATTEMPTS = 4
_CHECKS = 8
_BATCHES = 20
_FILLS = 50
_FAR_OFF = 20
"""One in so many may a fill be off the price that a batch says: whole units are rounded."""
_NUMBERS = [
    Words._fields.index(name)
    for name in ("give_amount", "want_amount", "give_points_expiring_by", "want_points_living_until")
]
_ONLY_TAKER = Words._fields.index("only_taker")


@dataclass(frozen=True)
class Depth:
    """What `factor` times the amount would give and get, in smallest units: divisible, and rounded against
    the taker; all that is there as a settlement would give it, where one is enough.

    `complete`: so much can be had; else it is all that is there.
    """

    factor: int
    gives: int
    gets: int
    complete: bool


@dataclass(frozen=True)
class BatchPrice:
    """What the last batch that priced both brands, and traded both, paid for one smallest unit of what is
    given, in smallest units of what is wanted, as its solver published it; `time` is when.
    """

    id: str
    time: int
    rate: Fraction


@dataclass(frozen=True)
class SwapQuote:
    """What the standing orders give now. `spend` or `get` is what was asked, the other is 0; amounts in
    smallest units. `way` is None where nothing can be had.

    `entries` are the orders of the way, in its order; `has` is what the taker has to give, None where nobody
    in particular asks. `shorter`: there is no way, but there is one to points that live shorter.
    """

    give: Brand
    want: Brand
    spend: int
    get: int
    live_until: int
    way: Way | None
    entries: tuple[Entry, ...]
    between: tuple[Brand, ...]
    depth: tuple[Depth, ...]
    batch: BatchPrice | None
    orders: int
    has: int | None
    shorter: bool = False

    @property
    def there(self) -> Depth | None:
        """All that is there, where that is less than the largest multiple that was asked."""
        return next((each for each in self.depth if not each.complete), None)

    @property
    def is_complete(self) -> bool:
        """Whether all that was asked can be had."""
        return self.way is not None and self.way.complete

    def price(self, gives: int, gets: int) -> str:
        """`1 Le Panier for 0.75 BioBox`, rounded for reading only."""
        ratio = Fraction(gets, 10**self.want.decimals) / Fraction(gives, 10**self.give.decimals)
        return f"1 {self.give.name} for {float(ratio):.4g} {self.want.name}"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """In words, a line for each thing."""
        if self.way is None:
            what = self.why_none()
            return f"{what[0].upper()}{what[1:]}."
        way = self.way
        lines = [
            f"You give {Side(self.give, way.gives).text} and get {Side(self.want, way.gets).text},"
            f" good until at least {words.moment(self.live_until)}: {self.price(way.gives, way.gets)},"
            f" {self.way_in_words()}."
        ]
        if not way.complete:
            wanted = Side(self.give, self.spend) if self.spend else Side(self.want, self.get)
            lines.append(f"That is not all of the {wanted.text} that you asked for: no more is there now.")
        elif self.spend > way.gives:
            lines.append(f"{Side(self.give, self.spend - way.gives).text} buy nothing more and stay yours.")
        if self.has is not None and self.has < way.gives:
            lines.append(f"You have {Side(self.give, self.has).text}.")
        lines += [
            f"  {each.factor} times as much: {self.price(each.gives, each.gets)}"
            f" ({Side(self.give, each.gives).text} for {Side(self.want, each.gets).text})"
            for each in self.depth
            if each.factor > 1 and each.complete
        ]
        if self.there is not None:
            lines.append(
                f"  All that is there: {Side(self.want, self.there.gets).text}"
                f" for {Side(self.give, self.there.gives).text}."
            )
        lines.append(self.batch_text())
        return "\n".join(lines)

    def why_none(self) -> str:
        """Why there is no way."""
        if not self.shorter:
            return f"no open orders lead from {self.give.name} to {self.want.name} now"
        until = words.moment(self.live_until)
        return f"the {self.want.name} points on offer for {self.give.name} are not good until {until}"

    def way_in_words(self) -> str:
        """ "through 3 orders, by way of Northspring"."""
        through = f"through {words.count(len(self.entries), 'order')}"
        if not self.between:
            return through
        return f"{through}, by way of {words.listed(brand.name for brand in self.between)}"

    def batch_text(self) -> str:
        """What waiting for the next batch would mean."""
        if self.batch is None or self.way is None:
            return (
                "No batch has priced both yet: an order that waits (`troc trade order`) may get more, or"
                " nothing."
            )
        there = int(self.way.gives * self.batch.rate)
        more = there - self.way.gets
        compared = (
            f"{self.want.number(abs(more))} {'more' if more > 0 else 'less'} than now"
            if more
            else "the same as now"
        )
        return (
            f"At the price of the last batch, of {words.moment(self.batch.time)}, it would be"
            f" {Side(self.want, there).text}, {compared}. An order that waits for the next one"
            " (`troc trade order`) gets that batch's price or stays open: nobody knows it yet."
        )


@dataclass(frozen=True)
class Swapped:
    """What became of a swap. `gave` and `got` in smallest units; both 0 where nothing was traded at once.

    `published` is the order that waits for what could not be had at once. `by_others`: somebody else settled
    her order first, at her worst price or better.
    """

    quote: SwapQuote
    order: SignedOrder | None
    transaction: str
    gave: int
    got: int
    published: SignedOrder | None = None
    by_others: bool = False

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """In words."""
        parts = []
        if self.gave:
            parts.append(
                f"Gave {Side(self.quote.give, self.gave).text} and got {Side(self.quote.want, self.got).text}"
            )
        if self.by_others:
            parts.append("Somebody else settled your order, at your worst price or better")
        if self.published is not None:
            parts.append(f"Published the order {self.published.id[:14]} for what could not be had at once")
        return "; ".join(parts)


class _Loaded:
    """The open orders of one block and moment, as routes count them. Quotes share it until the next block."""

    def __init__(self, troc: Troc, index: Index, now: int) -> None:
        book = index.open_book(now)
        launched = {brand.address for brand in troc.brands.all()}
        found = _offers(book)
        sides = zip(found.columns["give"], found.columns["want"], strict=True)
        self.offers = found.chosen(
            [place for place, (give, want) in enumerate(sides) if give in launched and want in launched]
        )
        rows = dict(zip(found.columns["id"], book.rows, strict=True))
        self.found: Callable[[str], IndexedOrder] = lambda id_: book.order_of(rows[id_])
        held = index.holdings(set(self.offers.columns["maker"]), at=now)
        self.stocks: dict[tuple[str, str], Stock] = {
            key: _stock(balance.lots) for key, balance in held.items()
        }
        self.routes = Routes(self.offers, self.stocks)


class _Book:
    """Open orders, corrected by what the chain says now."""

    def __init__(self, troc: Troc, loaded: _Loaded) -> None:
        self._troc = troc
        self.found = loaded.found
        self.stocks = dict(loaded.stocks)
        self.offers = loaded.offers
        self._checked: set[str] = set()
        self._routes: Routes | None = loaded.routes

    @property
    def routes(self) -> Routes:
        """The orders, arranged."""
        if self._routes is None:
            self._routes = Routes(self.offers, self.stocks)
        return self._routes

    def entries(self, way: Way) -> list[Entry]:
        """The orders of a way."""
        orders = [self.found(fill.offer.id) for fill in way.fills]
        return [Entry(order.signed, order.block) for order in orders]

    def leave_out(self, ids: set[str]) -> None:
        """Look at these orders no more."""
        self.offers = self.offers.lowered(dict.fromkeys(ids, 0))
        self._routes = None

    def correct(self, way: Way) -> bool:
        """Ask the chain for the orders of a way; whether anything was other than the index said."""
        asked = [entry for entry in self.entries(way) if entry.id not in self._checked]
        if not asked:
            return False
        self._checked |= {entry.id for entry in asked}
        standings = self._troc.orders.standings(asked)
        lefts: dict[str, int] = {}
        changed = False
        for entry, standing in zip(asked, standings, strict=True):
            key = (entry.order.maker, entry.order.give_token)
            holding = standing.holding
            stock = _stock(holding.lots) if holding.exchange_on else ()
            if stock != self.stocks.get(key, ()):
                self.stocks[key] = stock
                changed = True
            if not standing.state.can_be_taken or not self._is_sound(entry):
                lefts[entry.id] = 0
            elif standing.left < self.found(entry.id).left:
                lefts[entry.id] = standing.left
        if lefts:
            changed = True
            self.offers = self.offers.lowered(lefts)
        if changed:
            self._routes = None
        return changed

    def _is_sound(self, entry: Entry) -> bool:
        # A key's signature was checked when the index took the order in, and holds for ever.
        if self.found(entry.id).by_key:
            return True
        try:
            self._troc.book.check(entry.signed)
        except TrocError:
            return False
        return True


class Market:
    """Swaps on one deployment, for the account that `troc` acts as. `url` names the index's database."""

    def __init__(self, troc: Troc, url: str | None = None) -> None:
        self._troc = troc
        self._index = troc.index if url is None else Index(troc.chain, troc.manifest, url)
        self._loaded: tuple[tuple[int, int], _Loaded] | None = None

    # ---------------------------------------------------------------------------------------- quoting

    def quote(
        self,
        give: str,
        want: str,
        *,
        live: str | None = None,
        most_orders: int = MOST_ORDERS,
        depth: bool = True,
    ) -> SwapQuote:
        """The best way over standing orders. One side has an amount: `quote("120 PANIER", "BIOBOX")` for as
        much as possible, `quote("PANIER", "80 BIOBOX")` for as little as possible.

        `live`: until when the points must be good that are got (none: 30 days).
        """
        return self._quote(*self._sides(give, want), live, most_orders, depth, set(), Fraction(0))[0]

    def _sides(self, give: str, want: str) -> tuple[Side, Side]:
        """Both brands, with 0 units where no amount was named."""
        amounts = [bool(re.search(r"\s", text.strip())) for text in (give, want)]
        if amounts[0] == amounts[1]:
            raise InputError(
                "a swap needs one amount",
                'name what you give ("120 PANIER" BIOBOX) or what you get (PANIER "80 BIOBOX")',
            )
        sides = [
            self._troc.side(text) if has else Side(self._troc.brand(text.strip()), 0)
            for text, has in zip((give, want), amounts, strict=True)
        ]
        if sides[0].brand.address == sides[1].brand.address:
            raise InputError("both sides are points of the same brand", "name two brands")
        for side, has in zip(sides, amounts, strict=True):
            if has and not side.units:
                raise InputError("a swap of nothing", "name an amount above 0")
        return sides[0], sides[1]

    def _quote(
        self,
        give: Side,
        want: Side,
        live: str | None,
        most_orders: int,
        depth: bool,
        left_out: set[str],
        limit: Fraction,
    ) -> tuple[SwapQuote, Holding | None]:
        troc = self._troc
        caught_up = self._index.catch_up()
        now = troc.chain.now()
        until = usual_life(want.brand, now) if live is None else words.parse_until(live, now)
        holding = troc.balance(give.brand) if troc.is_named else None
        # Without points, or without enough of them, fresh ones are taken for granted.
        enough = holding is not None and holding.total >= max(give.units, 1)
        stock = (
            _stock(holding.lots)
            if holding is not None and enough
            else ((give.units or 1 << 120, give.brand.longest_life(now)),)
        )
        ask = Ask(
            give.brand.address,
            want.brand.address,
            stock,
            give.units,
            want.units,
            until,
            troc.address if troc.is_named else "",
            float(limit),
        )
        book = _Book(troc, self._load(now, caught_up.block))
        if left_out:
            book.leave_out(left_out)
        way = None
        for _ in range(_CHECKS):
            way = book.routes.best(ask, most_orders)
            if way is None or not book.correct(way):
                break
        points: list[Depth] = []
        if way is not None and depth:
            free = replace(ask, limit=0.0)
            for factor, found in zip(DEPTHS, book.routes.prices(free, DEPTHS), strict=True):
                if found is None or int(found[0]) <= 0:
                    continue
                spent, got = found
                asked = factor * (ask.spend or ask.get)
                # Less than all, beyond what the linear programme's tolerance explains.
                complete = (spent if ask.spend else got) >= asked * (1 - _TOLERANCE) - 1
                point = Depth(factor, math.ceil(spent - _TOLERANCE), int(got + _TOLERANCE), complete)
                if complete:
                    points.append(point)
                    continue
                whole = way if factor == 1 else book.routes.best(free.times(factor), most_orders)
                if whole is not None and got - whole.gets <= len(whole.fills):
                    point = replace(point, gives=whole.gives, gets=whole.gets)
                points.append(point)
                break
        quote = SwapQuote(
            give=give.brand,
            want=want.brand,
            spend=give.units,
            get=want.units,
            live_until=until,
            way=way,
            entries=tuple(book.entries(way)) if way else (),
            between=tuple(map(troc.brands.find, way.between(want.brand.address))) if way else (),
            depth=tuple(points),
            batch=self._batch_price(give.brand, want.brand, until),
            orders=len(book.offers),
            has=None if holding is None else holding.total,
            shorter=way is None and not limit and self._is_there(book, replace(ask, living_until=now)),
        )
        return quote, holding

    def _load(self, now: int, block: int) -> _Loaded:
        # Every way is checked on the chain before it is told, also after a reorganisation.
        if self._loaded is None or self._loaded[0] != (now, block):
            self._loaded = (now, block), _Loaded(self._troc, self._index, now)
        return self._loaded[1]

    @staticmethod
    def _is_there(book: _Book, ask: Ask) -> bool:
        return book.routes.best(ask) is not None

    def _batch_price(self, give: Brand, want: Brand, live_until: int) -> BatchPrice | None:
        for batch in reversed(self._index.batches(last=_BATCHES)):
            (record,) = decode([RECORD_TYPE], batch.record)
            goods = [PricedGood(*good) for good in record[5]]
            gives = [good for good in goods if good.token.lower() == give.address.lower() and good.price]
            wants = [good for good in goods if good.token.lower() == want.address.lower() and good.price]
            # Her points may be of any age: the plainest good. What she wants must live as long as she says.
            gives.sort(key=lambda good: good.living_until)
            wants.sort(key=lambda good: (good.living_until < live_until, abs(good.living_until - live_until)))
            if not gives or not wants or gives[0].group != wants[0].group:
                continue
            if all(self._traded_at(batch.time, record[2], goods, brand) for brand in (give, want)):
                return BatchPrice(batch.id, batch.time, Fraction(gives[0].price, wants[0].price))
        return None

    def _traded_at(self, since: int, until: int, goods: Sequence[PricedGood], brand: Brand) -> bool:
        """Whether points of a brand were traded at these prices: anybody can publish any, and they mean
        nothing before somebody has paid them.
        """
        of: dict[str, list[PricedGood]] = defaultdict(list)
        for good in goods:
            of[good.token.lower()].append(good)
        for fill in self._index.traded(brand, since, until + 1, _FILLS):
            for give, want in product(of[fill.give.lower()], of[fill.want.lower()]):
                said = Fraction(fill.given * give.price, max(want.price, 1))
                if give.group == want.group and abs(fill.received - said) * _FAR_OFF <= said:
                    return True
        return False

    # --------------------------------------------------------------------------------------- swapping

    def worst(self, quote: SwapQuote, worst: str = USUAL_SLIPPAGE) -> int:
        """The limit in smallest units: the least that she gets for all she spends, or the most that she gives
        for all she gets. `worst` is an amount ("80 BIOBOX") or a share of the quote ("2%").
        """
        brand = quote.want if quote.spend else quote.give
        text = worst.strip()
        if text.endswith("%"):
            try:
                share = Fraction(Decimal(text[:-1].strip()))
            except (ArithmeticError, ValueError):
                raise InputError(f"{worst!r} is no share", 'write it as in "2%"') from None
            if not 0 <= share < 100:
                raise InputError(f"{worst} is out of range", "write a share from 0% to below 100%")
            if quote.way is None:
                wait = f'let it wait as an order (--else-publish --worst "AMOUNT {brand.symbol}")'
                raise OrderError(
                    f"nothing was swapped: {quote.why_none()}",
                    f"name a shorter life (--live), or {wait}" if quote.shorter else wait,
                )
            gives, gets = quote.way.gives, quote.way.gets
            if quote.spend:
                return max(
                    1,
                    _up(
                        gets * (quote.spend if not quote.is_complete else gives) * (100 - share), gives * 100
                    ),
                )
            asked = gives if quote.is_complete else _up(Fraction(gives * quote.get), gets)
            return int(asked * (100 + share) / 100)
        side = self._troc.side(text)
        if side.brand.address != brand.address:
            raise InputError(
                f"the worst price is in {side.brand.symbol}", f"name an amount of {brand.symbol}, or a share"
            )
        if not side.units:
            raise InputError("a worst price of nothing is none", "name an amount above 0")
        return side.units

    def check(self, quote: SwapQuote, limit: int, in_parts: bool = False) -> None:
        """Raise `OrderError` where this quote already says that nothing can be swapped at that limit."""
        # What part there is at the limit, another quote says.
        why = "" if in_parts and quote.way is not None else self._why_not(quote, limit, in_parts)
        if why:
            raise _nothing(quote, why)

    def swap(
        self,
        give: str,
        want: str,
        *,
        live: str | None = None,
        worst: str = USUAL_SLIPPAGE,
        in_parts: bool = False,
        else_publish: bool = False,
        until: str = USUAL_OPEN,
        most_orders: int = MOST_ORDERS,
        quote: SwapQuote | None = None,
    ) -> Swapped:
        """Take the best way in one settlement, at `worst` or better; what was quoted before is `quote`.

        `in_parts`: also a part, at that price. `else_publish`: what cannot be had at once is published as an
        order at the worst price, open for `until`. Raises `OrderError` where it cannot be had and is not to
        be published.
        """
        sides = self._sides(give, want)
        first = quote or self._quote(*sides, live, most_orders, False, set(), Fraction(0))[0]
        limit = self.worst(first, worst)
        nonce: int | None = None
        left_out: set[str] = set()
        why = ""
        for _ in range(_ATTEMPTS):
            rate = self._rate(sides, limit) if in_parts else Fraction(0)
            now, holding = self._quote(*sides, live, most_orders, False, left_out, rate)
            assert holding is not None
            self._check_own(now, sides, limit, holding)
            why = self._why_not(now, limit, in_parts)
            if why:
                break
            assert now.way is not None
            order = self._order(now, limit, holding, nonce)
            nonce = order.nonce
            signed = self._troc.sign(order)
            try:
                receipt = self._troc.settle_signed([*now.entries, Entry(signed)], _settlement(now.way))
            except (ContractError, RelayError) as error:
                if self._troc.orders.standing(Entry(signed)).state is State.FILLED:
                    return self._by_others(now, signed)
                # What the chain tells of the orders does not explain it, if it tells the same again.
                suspects = self._suspects(now, error)
                if isinstance(error, RelayError) and not suspects:
                    raise
                why = error.message
                left_out |= suspects
                continue
            done = Swapped(now, signed, receipt.transaction, now.way.gives, now.way.gets)
            rest = sides[0].units - now.way.gives if sides[0].units else sides[1].units - now.way.gets
            if rest > 0 and not now.way.complete and else_publish:
                return replace(done, published=self._publish(now, limit, rest, until, live))
            return done
        if not else_publish:
            raise _nothing(now, why)
        return Swapped(
            first, None, "", 0, 0, self._publish(first, limit, sides[0].units or sides[1].units, until, live)
        )

    def _by_others(self, quote: SwapQuote, signed: SignedOrder) -> Swapped:
        """What became of her order, from its fill in the log: whoever settled it may have given her more."""
        self._index.catch_up()
        fills = self._index.fills(order=signed.id)
        return Swapped(
            quote,
            signed,
            fills[-1].transaction if fills else "",
            sum(fill.given for fill in fills) or signed.order.give_amount,
            sum(fill.received for fill in fills) or signed.order.want_amount,
            by_others=True,
        )

    def _rate(self, sides: tuple[Side, Side], limit: int) -> Fraction:
        """Her worst price, in units wanted for a unit given."""
        return Fraction(limit, sides[0].units) if sides[0].units else Fraction(sides[1].units, limit)

    def _check_own(self, quote: SwapQuote, sides: tuple[Side, Side], limit: int, holding: Holding) -> None:
        if not holding.exchange_on:
            symbol = quote.give.symbol
            raise PointsError(
                f"you keep {symbol} from the exchange",
                f"switch them on with `troc points exchange on {symbol}`",
            )
        needed = sides[0].units or (quote.way.gives if quote.way else limit)
        check_holding(holding, Side(quote.give, needed))

    def _why_not(self, quote: SwapQuote, limit: int, in_parts: bool) -> str:
        """Why this quote is not to be taken; empty where it is."""
        way = quote.way
        if way is None:
            return f"{quote.why_none()}{' at that price' if in_parts else ''}"
        if not way.complete and not in_parts:
            have = Side(quote.give, way.gives) if quote.spend else Side(quote.want, way.gets)
            return f"only {have.text} can be swapped at once"
        if quote.spend:
            least = _up(Fraction(limit * way.gives), quote.spend)
            if way.gets < least:
                return (
                    f"the open orders give {Side(quote.want, way.gets).text} now,"
                    f" and your worst price is {Side(quote.want, least).text}"
                )
        elif way.gives > limit * way.gets // quote.get:
            return (
                f"the open orders ask {Side(quote.give, way.gives).text} now,"
                f" and your worst price is {Side(quote.give, limit * way.gets // quote.get).text}"
            )
        return ""

    def _order(self, quote: SwapQuote, limit: int, holding: Holding, nonce: int | None) -> Order:
        """Her half: all of it or nothing, and for some minutes. Signed again it has the same nonce, so that
        one of them counts.
        """
        way = quote.way
        assert way is not None
        now = self._troc.chain.now()
        if quote.spend:
            least = max(1, _up(Fraction(limit * way.gives), quote.spend))
        else:
            least = way.gets if way.complete else max(1, _up(Fraction(quote.get * way.gives), limit))
        give, want = Side(quote.give, way.gives), Side(quote.want, min(least, way.gets))
        if nonce is None:
            nonce = self._troc.orders.free_nonce(self._troc.address)
        order = make_order(
            self._troc.address,
            give,
            want,
            holding,
            now=now,
            open_until=now + SIGNED_FOR,
            live_until=quote.live_until,
            nonce=nonce,
            allow_partial=False,
        )
        # Orders on the way can ask for points that are not her oldest.
        return replace(order, give_points_expiring_by=way.give_expiry)

    def _suspects(self, quote: SwapQuote, error: ContractError | RelayError) -> set[str]:
        """Orders that the refusal names, by themselves or by their makers. Where it names none: those of
        contract wallets, which can sign in a rehearsal and not in a block.
        """
        values = error.values.values() if isinstance(error, ContractError) else ()
        named = {str(value) for value in values}
        found = {
            entry.id
            for entry in quote.entries
            if entry.order.maker in named or entry.id in named or entry.signed.digest.hex() in named
        }
        return found or {
            entry.id
            for entry in quote.entries
            if recover(entry.order, entry.signed.domain, entry.signed.signature) != entry.order.maker
        }

    def _publish(self, quote: SwapQuote, limit: int, rest: int, until: str, live: str | None) -> SignedOrder:
        """An order for the rest, at her worst price."""
        if quote.spend:
            give = Side(quote.give, rest)
            want = Side(quote.want, max(1, _up(Fraction(limit * rest), quote.spend)))
        else:
            want = Side(quote.want, rest)
            give = Side(quote.give, max(1, limit * rest // quote.get))
        now = self._troc.chain.now()
        order = self._troc.orders.draft(
            self._troc.address,
            give,
            want,
            open_until=words.parse_until(until, now),
            live_until=None if live is None else words.parse_until(live, now),
            allow_partial=True,
        )
        signed = self._troc.sign(order)
        self._troc.publish(signed)
        return signed


def _nothing(quote: SwapQuote, why: str) -> OrderError:
    first = "name a worse price"
    if quote.way is not None and not quote.is_complete:
        first = "name that amount"
    return OrderError(
        f"nothing was swapped: {why}",
        "name a shorter life (--live), or let it wait (--else-publish)"
        if quote.shorter
        else f"{first}, ask for a part (--in-parts), or let it wait (--else-publish)",
    )


def _up(numerator: Fraction | int, denominator: int) -> int:
    """Divided, rounded up."""
    value = Fraction(numerator) / denominator
    return -(-value.numerator // value.denominator)


def _stock(lots: Sequence[Lot]) -> Stock:
    return tuple((lot.units, lot.expiry) for lot in lots if lot.units)


def _offers(book: OpenBook) -> Offers:
    """Orders as routes count them."""
    rows = book.rows
    if not rows:
        return Offers.of(())
    # A column at once: each look at a row by a name takes a microsecond.
    its = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    # From their bytes as they are: making ten thousand messages of them takes longer than a quote.
    words = np.frombuffer(b"".join(its["data"]), dtype=">u8").reshape(-1, WORDS, 4)
    numbers = [words[:, place, 3].tolist() for place in _NUMBERS]
    only = [""] * len(rows)
    is_odd = words[:, _NUMBERS, :3].any(axis=(1, 2)) | words[:, _ONLY_TAKER].any(axis=1)
    for place in np.flatnonzero(is_odd).tolist():
        exact = Words.of(rows[place].data)
        for column, field in zip(numbers, _NUMBERS, strict=True):
            column[place] = exact[field]
        only[place] = to_checksum_address(exact.only_taker.to_bytes(20)) if exact.only_taker else ""
    gives, wants, expiring_by, living_until = numbers
    return Offers(
        its["digest"],
        its["maker"],
        its["give_token"],
        its["want_token"],
        gives,
        wants,
        book.left,
        expiring_by,
        living_until,
        [not partial for partial in its["partial"]],
        [
            maker + lane + series if partial else None
            for maker, lane, series, partial in zip(
                its["maker"], its["lane"], its["series"], its["partial"], strict=True
            )
        ],
        only,
    )


def _settlement(way: Way) -> Settlement:
    return Settlement(
        tuple(Transfer(move.giver, move.receiver, move.amount) for move in way.moves),
        (*(fill.gives for fill in way.fills), way.gives),
        (*(fill.gets for fill in way.fills), way.gets),
    )
