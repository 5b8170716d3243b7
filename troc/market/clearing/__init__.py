"""Clearing a batch of orders at uniform prices. Pure arithmetic: no chain, no database."""

from troc.market.clearing.batch import Batch, Clearing, Good, Holdings

__all__ = ["Batch", "Clearing", "Good", "Holdings"]
