"""Amounts of what is paid: points of a brand, or of a plain ERC-20."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troc import words
from troc.brands import Brands
from troc.chain import Chain
from troc.errors import BrandError, InputError, TrocError
from troc.messages import KIND_ERC20, KIND_POINTS, to_address

_MOST_DECIMALS = 36


@dataclass(frozen=True)
class Money:
    """A price: points of a brand, or of a plain ERC-20. `units` in smallest units."""

    token: str
    kind: int
    units: int
    decimals: int
    name: str

    def __str__(self) -> str:
        return f"{words.number(self.units, self.decimals)} {self.name}"

    def of(self, units: int) -> Money:
        """Another amount of the same."""
        return Money(self.token, self.kind, units, self.decimals, self.name)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "token": self.token,
            "kind": "points" if self.kind == KIND_POINTS else "erc20",
            "amount": words.number(self.units, self.decimals).replace(",", ""),
            "units": str(self.units),
            "name": self.name,
        }


def parse_money(brands: Brands, text: str) -> Money:
    """What "50 PANIER" means, or "12.5 0x…" for a plain ERC-20 by its address."""
    quantity = words.parse_quantity(text)
    found = token_money(brands, quantity.name)
    # People read a brand's name, and write its symbol.
    called = brands.find(found.token).symbol if found.kind == KIND_POINTS else found.name
    return found.of(words.to_units(quantity.amount, found.decimals, called))


def token_money(brands: Brands, name: str) -> Money:
    """Nothing yet of what is named: a brand by symbol, proven domain or address, or an ERC-20 by address."""
    try:
        brand = brands.find(name)
    except BrandError:
        if not name.startswith("0x"):
            raise
        return plain(brands.chain, to_address(name, "token"))
    return Money(brand.address, KIND_POINTS, 0, brand.decimals, brand.name)


def money_of(brands: Brands, token: str, kind: int, units: int) -> Money:
    """An amount of a token by its address and kind, `units` in smallest units."""
    if kind != KIND_POINTS:
        return plain(brands.chain, token).of(units)
    brand = brands.find(token)
    return Money(token, KIND_POINTS, units, brand.decimals, brand.name)


def plain(chain: Chain, token: str) -> Money:
    """Nothing yet of an ERC-20."""
    functions = chain.contract("LoyaltyToken", token).functions
    try:
        symbol, decimals = chain.read_many([functions.symbol(), functions.decimals()])
    except TrocError:
        raise InputError(f"{token} is no ERC-20 with a symbol", "check its address") from None
    if decimals > _MOST_DECIMALS:
        raise InputError(f"{token} counts {decimals} decimals", "do not take it")
    name = f"{words.shown(symbol)[:20]} ({words.short(token)})"
    return Money(token, KIND_ERC20, 0, decimals, name)
