"""`troc data`: one's own records, and the market for them.

The commands lie in files of their own (`data_vault.py`, ...), and register here when they are imported.
"""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Your own data: kept sealed, sold by you, taken back by you.")
