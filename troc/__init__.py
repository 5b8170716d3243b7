"""Loyalty points that customers own and trade: the Python client."""

from __future__ import annotations

__version__ = "0.1.0"
