"""Orders: made from words, told in words before they are signed, kept in files.

An order is what `docs/messages.md` says; this module decides what a sensible one is, and refuses the
others: blank ones, ones priced at nothing, ones that name no token, ones that stay open for ever. Nothing
here talks to a chain.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from troc import words
from troc.brands import Brand
from troc.errors import InputError, OrderError, PointsError, WrongChainError
from troc.messages import (
    KIND_POINTS,
    WHOLE_INDEXES,
    ZERO_ADDRESS,
    Domain,
    Order,
    digest,
    pack_nonce,
)
from troc.points import Holding

LONGEST_OPEN = 366 * words.DAY
"""An order that stays open longer counts as open for ever, and is neither signed nor taken."""

SHORTEST_ID = 6
"""Hex digits that are enough to name an order, if no other begins with them."""

USUAL_OPEN = "7d"
USUAL_LIFE = 30 * words.DAY
"""How long wanted points live at least, where nobody said otherwise."""

_AMOUNT_BITS = 128
_FORMAT = "troc-order-1"


@dataclass(frozen=True)
class Side:
    """One half of a trade: a brand's points in smallest units."""

    brand: Brand
    units: int

    @property
    def text(self) -> str:
        """`120 Le Panier`."""
        return f"{self.brand.number(self.units)} {self.brand.name}"


@dataclass(frozen=True)
class SignedOrder:
    """An order with its maker's signature, for one exchange on one chain."""

    order: Order
    signature: bytes
    domain: Domain

    @property
    def digest(self) -> bytes:
        """What the maker signed; it names the order for ever (EIP-712)."""
        return digest(self.order, self.domain)

    @property
    def id(self) -> str:
        """The digest in hex."""
        return "0x" + self.digest.hex()

    def to_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "format": _FORMAT,
            "chainId": self.domain.chain_id,
            "exchange": self.domain.verifying_contract,
            "order": self.order.to_json(),
            "signature": "0x" + self.signature.hex(),
        }

    @classmethod
    def from_json(cls, data: Any, domain: Domain) -> Self:
        """Read what `to_json` wrote, for the exchange of `domain`. Raises `WrongChainError` for any other."""
        keys = ("format", "chainId", "exchange", "order", "signature")
        if not isinstance(data, dict) or set(data) != set(keys) or data["format"] != _FORMAT:
            raise InputError(
                "this is no order", f"it needs the fields {', '.join(keys)}; ask for the file again"
            )
        if data["chainId"] != domain.chain_id:
            raise WrongChainError(
                f"the order is for chain {data['chainId']}, and this is chain {domain.chain_id}",
                "choose its network with --network",
            )
        if data["exchange"] != domain.verifying_contract:
            raise WrongChainError(
                f"the order is for the exchange {data['exchange']}, not {domain.verifying_contract}",
                "ask its maker for an order for this exchange",
            )
        try:
            signature = bytes.fromhex(data["signature"].removeprefix("0x"))
        except (AttributeError, ValueError):
            raise InputError(
                "the signature of the order is no hex number", "ask for the file again"
            ) from None
        return cls(Order.from_json(data["order"]), signature, domain)


def write_order(signed: SignedOrder, path: Path) -> Path:
    """Write an order to a new file."""
    try:
        with path.open("x") as file:
            json.dump(signed.to_json(), file, indent=2)
            file.write("\n")
    except FileExistsError:
        raise InputError(f"{path} is there already", "choose another name") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "choose another place") from None
    return path


def read_order(path: Path, domain: Domain) -> SignedOrder:
    """Read an order from a file, for the exchange of `domain`. Whether it is signed rightly is not looked
    at yet.
    """
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as an order ({error})", "check its name, or ask for it again"
        ) from None
    return SignedOrder.from_json(data, domain)


# ----------------------------------------------------------------------------------------------------- making


def make_order(
    maker: str,
    give: Side,
    want: Side,
    holding: Holding,
    *,
    now: int,
    open_until: int,
    live_until: int | None,
    nonce: int,
    allow_partial: bool,
    only_taker: str = ZERO_ADDRESS,
) -> Order:
    """An order of `maker`, who has `holding` of what she gives.

    She gives only points that expire no later than the last she needs today, so that nobody can take her
    fresh points at the price of her old ones. `live_until`: what she gets must live beyond it; None: for
    the usual 30 days, or the shortest life of the brand's new points if that is less.
    """
    check_holding(holding, give)
    order = Order(
        maker=maker,
        give_token=give.brand.address,
        give_kind=KIND_POINTS,
        give_id=0,
        give_amount=give.units,
        want_token=want.brand.address,
        want_kind=KIND_POINTS,
        want_id=0,
        want_amount=want.units,
        give_points_expiring_by=holding.last_needed(give.units).expiry,
        want_points_living_until=usual_life(want.brand, now) if live_until is None else live_until,
        only_taker=only_taker,
        open_until=open_until,
        nonce=nonce,
        allow_partial=allow_partial,
    )
    check_sense(order, now)
    longest = want.brand.longest_life(open_until)
    if order.want_points_living_until >= longest:
        raise OrderError(
            f"no {want.brand.symbol} that can be earned while the order is open lives beyond"
            f" {words.last_day(longest)}",
            f"ask for points that live until {words.last_day(longest - words.DAY)} or earlier",
        )
    return order


def usual_life(brand: Brand, now: int) -> int:
    """Until when wanted points live at least, where nobody said otherwise: the end of a day."""
    return words.end_of_day(now + min(USUAL_LIFE, brand.shortest_life - words.DAY))


def check_holding(holding: Holding, give: Side) -> None:
    """Raise `PointsError` unless all of `give` is there."""
    if holding.total >= give.units:
        return
    brand = give.brand
    if holding.total == 0:
        raise PointsError(
            f"you have no {brand.symbol}", f"earn or buy {brand.number(give.units)} {brand.symbol} first"
        )
    raise PointsError(
        f"you have {brand.number(holding.total)} {brand.symbol}, not {brand.number(give.units)}",
        f"give {brand.number(holding.total)} {brand.symbol} at most",
    )


def check_sense(order: Order, now: int) -> None:
    """Raise `OrderError` for an order that nobody should sign or take, whatever its signature."""
    for amount, verb in ((order.give_amount, "gives"), (order.want_amount, "wants")):
        if not 0 < amount < 1 << _AMOUNT_BITS:
            raise OrderError(
                f"the order {verb} {'nothing' if not amount else 'more than there can be'}", "do not sign it"
            )
    for token, verb in ((order.give_token, "gives"), (order.want_token, "wants")):
        if token == ZERO_ADDRESS:
            raise OrderError(f"the order {verb} points of no brand", "do not sign it")
    if (order.give_token, order.give_id) == (order.want_token, order.want_id):
        raise OrderError("the order gives and wants the same points", "name two brands")
    if order.only_taker == order.maker:
        raise OrderError("the order can be taken by its maker alone", "name another taker, or none")
    if order.open_until < now:
        raise OrderError(f"the order was open until {words.moment(order.open_until)}", "choose a later end")
    if order.open_until > now + LONGEST_OPEN:
        raise OrderError(
            f"the order would stay open until {words.moment(order.open_until)}", "let it end within a year"
        )


def free_whole_nonces(lane_words: Sequence[int], taken: Collection[int], first: int = 0) -> list[int]:
    """Nonces for whole messages that are neither used nor taken by another order, lowest first.

    `lane_words` are the stored words `series:32 ‖ used bits:224` of the lanes from `first` on.
    """
    return [
        nonce
        for lane, word in enumerate(lane_words, first)
        for index in range(WHOLE_INDEXES)
        if not word >> index & 1 and (nonce := pack_nonce(lane, word >> WHOLE_INDEXES, index)) not in taken
    ]


def free_partial_nonces(lane_words: Sequence[int], taken: Collection[int], first: int = 0) -> list[int]:
    """Nonces of lanes from which nothing was filled in their series, and that no other order has taken,
    lowest first.

    `lane_words` are the stored words `series:64 ‖ filled:128` of the lanes from `first` on.
    """
    return [
        nonce
        for lane, word in enumerate(lane_words, first)
        if not word & ((1 << _AMOUNT_BITS) - 1)
        and (nonce := pack_nonce(lane, word >> _AMOUNT_BITS)) not in taken
    ]


# ------------------------------------------------------------------------------------------------------ words


def terms(order: Order, give: Brand, want: Brand, you: bool = True) -> str:
    """An order in words, as its maker reads it before she signs; `you` false: as anyone else reads it."""
    who = ("You give", "you get") if you else ("The maker gives", "and gets")
    at_most = "at most " if order.allow_partial else ""
    parts = [
        f"{who[0]} {at_most}{give.number(order.give_amount)} {give.name}, {_giving(order)}",
        f"{who[1]} at least {want.number(order.want_amount)} {want.name}"
        + (" for all of it" if order.allow_partial else "")
        + f", {good_until(order.want_points_living_until)}",
        f"open until {words.moment(order.open_until)}",
        f"in parts: {'yes, at the same price' if order.allow_partial else 'no'}",
    ]
    if order.only_taker != ZERO_ADDRESS:
        parts.append(f"only with {order.only_taker}")
    return "; ".join(parts)


def _giving(order: Order) -> str:
    """Which points are given. An order without a bound can cost its maker fresh points at the price of old
    ones.
    """
    bound = order.give_points_expiring_by
    if not bound:
        return "whichever the taker chooses, fresh ones too"
    if words.never_expires(bound):
        return "those that expire soonest first"
    return f"those that expire soonest first, none that live beyond {words.last_day(bound)}"


def good_until(bound: int) -> str:
    """How long wanted points live at least."""
    return f"good until at least {words.moment(bound)}" if bound else "however soon they expire"


def price_in_words(order: Order, give: Brand, want: Brand) -> str:
    """`1 Le Panier for 0.75 BioBox`, rounded for reading only."""
    ratio = Fraction(order.want_amount, 10**want.decimals) / Fraction(order.give_amount, 10**give.decimals)
    return f"1 {give.name} for {float(ratio):.4g} {want.name}"


def cost(order: Order, amount: int) -> int:
    """What `amount` of the order costs its taker, in smallest units: rounded up, in favour of the maker."""
    return -(-amount * order.want_amount // order.give_amount)


def affordable(order: Order, payment: int) -> int:
    """The most that can be had from the order for `payment`, both in smallest units."""
    return payment * order.give_amount // order.want_amount
