"""Clearing a batch of orders at uniform prices. Pure arithmetic: no chain, no database."""

from troc.market.clearing.batch import Batch, Clearing, Good, Holdings
from troc.market.clearing.execution import check_execution
from troc.market.clearing.solver import clear
from troc.market.clearing.splitting import Settlement, Split, split

__all__ = [
    "Batch",
    "Clearing",
    "Good",
    "Holdings",
    "Settlement",
    "Split",
    "check_execution",
    "clear",
    "split",
]
