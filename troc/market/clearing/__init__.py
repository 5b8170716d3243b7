"""Clearing a batch of orders at uniform prices. Pure arithmetic: no chain, no database."""

from troc.market.clearing.batch import Batch, Clearing, Good, Holdings
from troc.market.clearing.execution import check_execution
from troc.market.clearing.solver import clear

__all__ = ["Batch", "Clearing", "Good", "Holdings", "check_execution", "clear"]
