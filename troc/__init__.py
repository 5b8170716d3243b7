"""Loyalty points that customers own and trade: the Python client."""

from __future__ import annotations

from troc.client import Troc, connect

__version__ = "0.1.0"
__all__ = ["Troc", "connect"]
