"""Fixtures of databases: a home of its own for each test."""

from __future__ import annotations

from tests.client.core.conftest import home

__all__ = ["home"]
