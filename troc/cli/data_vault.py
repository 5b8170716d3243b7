"""`troc data add`, `list`, `verify`, `move`, `erase`, `serve`, `backup`, `restore`: the vault."""

from __future__ import annotations
