"""The books closed: what receipts, balances and the log say, each counted for itself."""

from __future__ import annotations

from collections.abc import Mapping

from troc import words
from troc.audit import Audit
from troc.demo.receipts import Receipts
from troc.demo.stage import Stage
from troc.demo.telling import Teller


def close_books(
    stage: Stage, receipts: Receipts, teller: Teller, more: Mapping[str, int] | None = None
) -> list[Audit]:
    """Count every brand anew, show the figures, and check the invariants L1, L4 and X1 of the design.

    `more`: by symbol, what was issued beyond the receipts, in smallest units.
    """
    audits = [stage.client.audit(brand) for brand in stage.brands.values()]
    teller.say(
        "Counted anew, without asking the contracts for their totals: earned from the grocer's receipts, live"
        " by adding up the balances of everybody who was ever given points in the log, redeemed from the log,"
        " expired from what everybody held in the last moment before each date. The contracts' totals must be"
        " the same."
    )
    for audit in audits:
        symbol = audit.brand.symbol
        _check(stage, receipts.issued(symbol) + (more or {}).get(symbol, 0), audit, teller)
    ether = stage.chain.balance(stage.exchange)
    moves = sum(audit.exchange_moves for audit in audits)
    balance = sum(audit.exchange_balance for audit in audits)
    teller.check(
        f"X1  the exchange holds {balance} points and {ether} ether, and {moves} moves in the log are from or"
        " to it",
        not (moves or balance or ether),
    )
    return audits


def _check(stage: Stage, earned: int, audit: Audit, teller: Teller) -> None:
    brand = audit.brand
    status = stage.client.status(brand)
    amounts = (earned, audit.live, audit.redeemed, audit.expired)
    said = (status.issued, status.live, status.redeemed, status.expired)
    numbers = [brand.number(amount) for amount in amounts]
    teller.check(
        f"L1  {brand.symbol}: the balances of {words.count(len(audit.holders), 'holder')} add up to"
        f" {numbers[1]}, the supply is {brand.number(status.live)}",
        audit.live == status.live,
    )
    teller.check(
        f"L4  {brand.symbol}: {numbers[0]} earned = {numbers[1]} live + {numbers[2]} redeemed + {numbers[3]}"
        " expired",
        earned == audit.issued == audit.live + audit.redeemed + audit.expired and said == amounts,
    )
