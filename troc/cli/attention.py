"""`troc attention`: paid attention, for the brand that pays and for the customer who is paid.

The commands lie in files of their own (`attention_campaigns.py`, ...), and register here when they are
imported.
"""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Paid attention: campaigns that pay customers for each contact.")
