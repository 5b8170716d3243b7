"""A desk: a brand stands behind its own points with signed orders at a buying and a selling price.

Everything that it gives of one brand lies in one lane and series of its nonces, so that all its orders for
those points share one limit, also those that were signed before a crash and those that somebody kept. What
it sold so far is read from the log: there is no file that could be lost. A new order's amount is what the
lane has given so far and what may still be given, so that an order published twice, or an older one beside a
newer, never gives more. Prices and caps that fall end the series first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from eth_utils.crypto import keccak

from troc import words
from troc.brands import Brand
from troc.client import Troc
from troc.errors import InputError, OrderError
from troc.index import Index
from troc.messages import KIND_POINTS, ZERO_ADDRESS, Order, pack_nonce, unpack_nonce
from troc.orders import LONGEST_OPEN, USUAL_LIFE, check_sense

_KEYS = {"open", "live", "caps", "pairs"}
_PAIR_KEYS = ({"buy", "sell"}, {"price", "spread"})
_CAP_KEYS = {"per_day", "in_all"}
_LARGEST_FILE = 1 << 20
_AMOUNTS = 1 << 128


@dataclass(frozen=True)
class Price:
    """One direction: the desk gives `give` and asks `rate` whole points of `want` for a whole point."""

    give: Brand
    want: Brand
    rate: Fraction

    def asks(self, units: int) -> int:
        """What it asks for so many smallest units, rounded up."""
        value: Fraction = units * self.rate * 10**self.want.decimals / 10**self.give.decimals
        return max(1, -(-value.numerator // value.denominator))


@dataclass(frozen=True)
class Cap:
    """The most that is given of one brand, in smallest units, a day of UTC and in all; None: no bound."""

    per_day: int | None = None
    in_all: int | None = None


@dataclass(frozen=True)
class Plan:
    """A checked desk file. `open_seconds`: how long an order stands; `live_seconds`: how long what is bought
    lives at least.
    """

    open_seconds: int
    live_seconds: int
    prices: tuple[Price, ...]
    caps: Mapping[str, Cap]

    def gives(self) -> list[Brand]:
        """The brands that it gives points of."""
        return list({price.give.address: price.give for price in self.prices}.values())


@dataclass(frozen=True)
class Line:
    """What the desk has, gave and still may give of one brand, in smallest units."""

    brand: Brand
    has: int
    given_today: int
    given: int
    offered: int

    def text(self) -> str:
        """In words."""
        number = self.brand.number
        said = (
            f"{self.brand.name}: has {number(self.has)}, gave {number(self.given_today)} today and"
            f" {number(self.given)} in all, offers {number(self.offered)}"
        )
        if not self.has:
            said += (
                "; it has no points to give: get some, or issue some to its own address"
                f" (`troc brand mint {self.brand.symbol} FILE`)"
            )
        return said


@dataclass(frozen=True)
class Round:
    """What one round of the desk did: orders published, orders that went on standing, brands of which all
    older orders were ended. `others` are brands that the file does not name, and of which orders of a desk of
    this account still give.
    """

    published: int
    kept: int
    ended: tuple[Brand, ...]
    lines: tuple[Line, ...]
    others: tuple[Brand, ...] = ()

    def text(self) -> str:
        """In words."""
        parts = [f"{words.count(self.published, 'order')} published, {self.kept} stood already"]
        if self.ended:
            parts.append(f"older orders ended for {words.listed(brand.name for brand in self.ended)}")
        lines = [line.text() for line in self.lines]
        if self.others:
            names = words.listed(brand.name for brand in self.others)
            lines.append(
                f"Orders of a desk still give {names}, of which this file says nothing:"
                " end them with its own file and --withdraw, if that desk is no more"
            )
        return "; ".join(parts) + "".join(f"\n  {line}" for line in lines)


@dataclass
class _Lane:
    """The desk's account of one brand that it gives."""

    series: int
    in_series: int
    today: int = 0
    ever: int = 0
    standing: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))


def read_plan(path: Path, troc: Troc) -> Plan:
    """Read and check a desk file; raises `InputError` with what is wrong."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path} is too large for a desk", "name another file")
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", "check its name") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path} cannot be read ({error})", "mend it; docs/market.md shows the form"
        ) from None
    return make_plan(data, troc)


def make_plan(data: Any, troc: Troc) -> Plan:
    """Check what a desk file says."""
    if not isinstance(data, dict) or not set(data) <= _KEYS or not isinstance(data.get("pairs"), dict):
        raise InputError(
            f"a desk has the settings {', '.join(sorted(_KEYS))}, with pairs of brands",
            "mend it; docs/market.md shows the form",
        )
    prices: list[Price] = []
    for name, terms in data["pairs"].items():
        base_name, slash, quote_name = str(name).partition("/")
        if not slash or not isinstance(terms, dict) or set(terms) not in _PAIR_KEYS:
            raise InputError(
                f"pair {name}: not understood",
                'write "PANIER/BIOBOX: {buy: 0.76, sell: 0.8}" or "{price: 0.78, spread: 4%}"',
            )
        base, quote = troc.brand(base_name.strip()), troc.brand(quote_name.strip())
        if base.address == quote.address:
            raise InputError(f"pair {name}: both are the same brand", "name two brands")
        if "buy" in terms:
            buy, sell = (_number(terms[key], f"pair {name}: {key}") for key in ("buy", "sell"))
        else:
            price = _number(terms["price"], f"pair {name}: price")
            share = _number(str(terms["spread"]).removesuffix("%"), f"pair {name}: spread") / 100
            if share >= 2 or not str(terms["spread"]).endswith("%"):
                raise InputError(f"pair {name}: the spread is no sensible share", 'write it as in "4%"')
            buy, sell = price * (1 - share / 2), price * (1 + share / 2)
        if buy >= sell:
            raise InputError(
                f"pair {name}: the desk would buy at {float(buy):g} and sell at {float(sell):g}",
                "buy for less than you sell for",
            )
        prices += [Price(base, quote, sell), Price(quote, base, 1 / buy)]
    _check_twice(prices)
    _check_cycles(prices)
    caps = _caps(data.get("caps") or {}, troc, prices)
    open_seconds = _span(data.get("open", "2d"), "open")
    if open_seconds > LONGEST_OPEN:
        raise InputError("open: longer than a year", "let orders end within a year")
    live = _span(data["live"], "live") if "live" in data else USUAL_LIFE
    return Plan(open_seconds, live, tuple(prices), caps)


def _number(value: Any, what: str) -> Fraction:
    try:
        number = Fraction(Decimal(str(value).strip()))
    except (InvalidOperation, ValueError, OverflowError):
        number = Fraction(0)
    if isinstance(value, bool) or not 0 < number < 10**12:
        raise InputError(f"{what}: {value!r} is no number above 0", "write it as in 0.78")
    return number


def _span(value: Any, what: str) -> int:
    try:
        return words.parse_until(str(value), 0)
    except InputError:
        raise InputError(f"{what}: {value!r} is no span of time", "write it as in 2d or 12h") from None


def _caps(data: Any, troc: Troc, prices: Sequence[Price]) -> dict[str, Cap]:
    if not isinstance(data, dict):
        raise InputError("caps: not understood", 'write "caps: {PANIER: {per_day: 500, in_all: 5000}}"')
    caps: dict[str, Cap] = {}
    gives = {price.give.address for price in prices}
    for name, terms in data.items():
        brand = troc.brand(str(name))
        if not isinstance(terms, dict) or not set(terms) <= _CAP_KEYS or brand.address not in gives:
            raise InputError(
                f"caps of {name}: not understood, or no points that the desk gives",
                'write "PANIER: {per_day: 500, in_all: 5000}"',
            )
        units = {
            key: words.to_units(words.parse_amount(str(value)), brand.decimals, brand.symbol)
            for key, value in terms.items()
        }
        caps[brand.address] = Cap(units.get("per_day"), units.get("in_all"))
    for price in prices:
        # A desk without a bound is a mistake that empties a brand.
        if caps.get(price.give.address, Cap()) == Cap():
            raise InputError(
                f"there is no cap on the {price.give.symbol} that the desk gives",
                f'write "caps: {{{price.give.symbol}: {{per_day: 500}}}}"',
            )
    return caps


def _check_twice(prices: Sequence[Price]) -> None:
    seen: set[tuple[str, str]] = set()
    for price in prices:
        key = (price.give.address, price.want.address)
        if key in seen:
            raise InputError(
                f"{price.give.symbol} and {price.want.symbol} are priced twice", "leave one pair out"
            )
        seen.add(key)


def _check_cycles(prices: Sequence[Price]) -> None:
    """Refuse prices at which somebody comes home with at least what he left with (Floyd and Warshall on
    exact rates).
    """
    brands = {brand.address: brand for price in prices for brand in (price.give, price.want)}
    # What a taker gets of `give` for a point of `want`.
    best: dict[tuple[str, str], tuple[Fraction, tuple[str, ...]]] = {
        (price.want.address, price.give.address): (1 / price.rate, (price.want.address, price.give.address))
        for price in prices
    }
    for middle in brands:
        for start in brands:
            for end in brands:
                first, second = best.get((start, middle)), best.get((middle, end))
                if first is None or second is None:
                    continue
                rate = first[0] * second[0]
                if (start, end) not in best or rate > best[start, end][0]:
                    best[start, end] = (rate, first[1] + second[1][1:])
                if start == end and rate >= 1:
                    path = " to ".join(brands[address].symbol for address in (*first[1], *second[1][1:]))
                    raise InputError(
                        f"the desk would trade against itself: 1 point from {path} becomes {float(rate):.4g}",
                        "widen the spread of one of these pairs",
                    )


class Desk:
    """A desk of the account that `troc` acts as. `url` names the index's database."""

    def __init__(self, troc: Troc, plan: Plan, url: str | None = None) -> None:
        self._troc = troc
        self._plan = plan
        self._index = troc.index if url is None else Index(troc.chain, troc.manifest, url)

    def renew(self) -> Round:
        """Bring the standing orders to what the file says. Run again, it adds nothing."""
        troc, plan = self._troc, self._plan
        now = troc.chain.now()
        lanes = self._lanes(now)
        ended = []
        orders: list[Order] = []
        lines = []
        kept = 0
        for brand in plan.gives():
            lane = lanes[brand.address]
            may, has = self._may(brand, lane)
            prices = [price for price in plan.prices if price.give.address == brand.address]
            known = {price.want.address: price for price in prices}
            if any(
                self._is_stale(known.get(want), order, lane, may)
                for want, found in lane.standing.items()
                for order in found
            ):
                troc.cancel_series([self._nonce(brand, lane)])
                lane.series, lane.in_series, lane.standing = lane.series + 1, 0, defaultdict(list)
                ended.append(brand)
            for price in prices:
                if may <= 0:
                    continue
                if any(self._is_good(order, lane, may, now) for order in lane.standing[price.want.address]):
                    kept += 1
                else:
                    orders.append(self._order(price, lane, may, now))
            lines.append(Line(brand, has, lane.today, lane.ever, max(may, 0)))
        if orders:
            troc.publish(*[troc.sign(order) for order in orders])
        return Round(len(orders), kept, tuple(ended), tuple(lines), self._others(now))

    def withdraw(self) -> list[Brand]:
        """End every order of the desk for good, published or not; the brands that it stood for."""
        lanes = self._lanes(self._troc.chain.now())
        brands = self._plan.gives()
        self._troc.cancel_series([self._nonce(brand, lanes[brand.address]) for brand in brands])
        return brands

    def report(self) -> list[Line]:
        """What the desk has, gave and offers."""
        now = self._troc.chain.now()
        lanes = self._lanes(now)
        lines = []
        for brand in self._plan.gives():
            lane = lanes[brand.address]
            has = self._troc.balance(brand).total
            standing = [order for found in lane.standing.values() for order in found]
            offered = max((order.give_amount - lane.in_series for order in standing), default=0)
            lines.append(Line(brand, has, lane.today, lane.ever, min(max(offered, 0), has)))
        return lines

    # ---------------------------------------------------------------------------------------- accounts

    def _lanes(self, now: int) -> dict[str, _Lane]:
        self._index.catch_up()
        me = self._troc.address
        lanes = {}
        for brand in self._plan.gives():
            word = self._troc.orders.lane_word(me, lane_of(brand.address))
            lanes[brand.address] = _Lane(word >> 128, word & (_AMOUNTS - 1))
        day = words.start_of_day(now)
        for fill in self._index.fills(maker=me):
            if fill.order is not None and self._is_mine(fill.order.order, lanes):
                lane = lanes[fill.order.give_token]
                lane.ever += fill.given
                lane.today += fill.given if fill.time >= day else 0
        for each in self._index.open_orders(maker=me, at=now):
            order = each.order
            if self._is_mine(order, lanes) and unpack_nonce(order.nonce)[1] == lanes[order.give_token].series:
                lanes[order.give_token].standing[order.want_token].append(order)
        return lanes

    def _others(self, now: int) -> tuple[Brand, ...]:
        """Brands beside those of the file: another desk's of this account, or a pair that was taken out."""
        known = {brand.address for brand in self._plan.gives()}
        tokens = {
            each.order.give_token
            for each in self._index.open_orders(maker=self._troc.address, at=now)
            if each.order.allow_partial
            and each.order.give_token not in known
            and unpack_nonce(each.order.nonce)[0] == lane_of(each.order.give_token)
        }
        return tuple(self._troc.brand(token) for token in sorted(tokens))

    @staticmethod
    def _is_mine(order: Order, lanes: Mapping[str, _Lane]) -> bool:
        return (
            order.allow_partial
            and order.give_token in lanes
            and unpack_nonce(order.nonce)[0] == lane_of(order.give_token)
        )

    def _may(self, brand: Brand, lane: _Lane) -> tuple[int, int]:
        """What may still be given of a brand now, and what is there."""
        holding = self._troc.balance(brand)
        if not holding.exchange_on:
            raise OrderError(
                f"you keep {brand.symbol} from the exchange",
                f"switch them on with `troc points exchange on {brand.symbol}`",
            )
        cap = self._plan.caps[brand.address]
        bounds = [holding.total]
        if cap.per_day is not None:
            bounds.append(cap.per_day - lane.today)
        if cap.in_all is not None:
            bounds.append(cap.in_all - lane.ever)
        return min(bounds), holding.total

    @staticmethod
    def _nonce(brand: Brand, lane: _Lane) -> int:
        return pack_nonce(lane_of(brand.address), lane.series)

    @staticmethod
    def _is_stale(price: Price | None, order: Order, lane: _Lane, may: int) -> bool:
        """Whether an order must not stand any longer: another price, or more than may be given."""
        if price is None or order.want_amount != price.asks(order.give_amount):
            return True
        return order.give_amount - lane.in_series > max(may, 0)

    def _is_good(self, order: Order, lane: _Lane, may: int, now: int) -> bool:
        """Whether an order needs no renewal: as much as may be given, and open for half of its time yet."""
        holding = self._troc.balance(self._troc.brand(order.give_token))
        return (
            order.give_amount - lane.in_series == may
            and order.open_until - now >= self._plan.open_seconds // 2
            and holding.within(0, order.give_points_expiring_by) >= may
        )

    def _order(self, price: Price, lane: _Lane, may: int, now: int) -> Order:
        units = lane.in_series + may
        order = Order(
            maker=self._troc.address,
            give_token=price.give.address,
            give_kind=KIND_POINTS,
            give_id=0,
            give_amount=units,
            want_token=price.want.address,
            want_kind=KIND_POINTS,
            want_id=0,
            want_amount=price.asks(units),
            give_points_expiring_by=self._troc.balance(price.give).last_needed(may).expiry,
            want_points_living_until=words.end_of_day(now + self._plan.live_seconds),
            only_taker=ZERO_ADDRESS,
            open_until=now + self._plan.open_seconds,
            nonce=self._nonce(price.give, lane),
            allow_partial=True,
        )
        check_sense(order, now)
        return order


def lane_of(token: str) -> int:
    """The lane in which a desk's orders lie that give points of this brand: apart from all others."""
    digest: bytes = keccak(b"troc desk" + bytes.fromhex(token[2:]))
    return int.from_bytes(digest[:16])
