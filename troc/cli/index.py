"""`troc index`: what happened on the chain, in a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from troc import words
from troc.cli.session import Session, session_of

if TYPE_CHECKING:
    from troc.index import Index, Step


def index(
    context: typer.Context,
    database: Annotated[
        str, typer.Option(help="URL of the database (default: a file in the folder of the chain)")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Keep it up with the chain, until Ctrl-C")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Drop it and begin anew")] = False,
) -> None:
    """Bring the index up to the chain, and say where it stands. Other commands do so by themselves."""
    # Needs SQLAlchemy, which not everybody has.
    from troc.index import Index

    session = session_of(context)
    make = Index.rebuild if rebuild and not session.options.dry_run else Index
    found = make(session.chain, session.manifest, database or None)
    if not session.options.dry_run:
        found.catch_up(_teller(session))
    _show(session, found)
    while watch:
        time.sleep(session.config.poll_seconds)
        done = found.catch_up()
        if done.undone:
            session.say(f"The chain dropped {words.count(done.undone, 'block')}.")
        if done.blocks:
            session.say(f"Block {done.block:,}: {words.count(done.events, 'event')} more.")


def _teller(session: Session) -> Callable[[Step], None]:
    def tell(step: Step) -> None:
        # One range needs no progress.
        if step.last < step.head:
            session.say(f"Blocks {step.first:,} to {step.last:,} of {step.head:,}: {step.events:,} events.")

    return tell


def _show(session: Session, found: Index) -> None:
    status = found.status()
    lines = [
        f"Up to block {status.block:,} of {status.head:,}, {words.moment(status.time)}.",
        status.database,
        f"{words.count(status.brands, 'brand')}; "
        + ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in status.rows.items() if count)
        + ".",
    ]
    if status.behind:
        lines.append(f"{words.count(status.behind, 'block')} are missing: run it without --dry-run.")
    if status.guessed:
        lines.append(
            f"The lots of {words.count(status.guessed, 'past balance')} are guessed, since the node kept no"
            " state of then; an archive node and --rebuild make them exact."
        )
    session.result(status.as_json(), "\n".join(lines))
