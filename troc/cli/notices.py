"""`troc brand notices`: signed webhooks about what happens to a brand's points."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from troc import words
from troc.cli.acting import troc_of
from troc.cli.members import BrandName, Database, need_store
from troc.cli.session import Session, session_of
from troc.cli.watch import IndexDatabase, parse_every
from troc.errors import NetworkError

if TYPE_CHECKING:
    from troc.programme.notices import Outbox, Sent

app = typer.Typer(no_args_is_help=True, help="Notices: signed webhooks, each until it is received.")


@app.command()
def secret(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new file, that only you can read")],
) -> None:
    """Make the secret that notices are signed with. Give a copy to whoever receives them."""
    need_store()
    from troc.programme.notices import write_secret

    write_secret(file)
    session_of(context).result({"file": str(file)}, f"The secret is in {file}.")


@app.command()
def run(
    context: typer.Context,
    brand: BrandName,
    url: Annotated[list[str], typer.Option(help="Where to send them (https); repeatable")],
    secret_file: Annotated[Path, typer.Option(help="File with the secret, of `troc brand notices secret`")],
    every: Annotated[str, typer.Option(help="Again each 60s, 5m, 1h, until Ctrl-C (default: once)")] = "",
    expiring: Annotated[int, typer.Option(help="Days before points expire to tell so", min=1)] = 30,
    returns: Annotated[int, typer.Option(help="Days before a return is due to tell so", min=1)] = 3,
    attempts: Annotated[int, typer.Option(help="How often to try before giving up", min=1)] = 12,
    database: Database = "",
    index: IndexDatabase = "",
) -> None:
    """Tell what is new: points expiring, balances changed, returns due, points matured, findings of watch.

    The first run begins here: it tells nothing of balances that changed before.
    """
    need_store()
    from troc.index import Index
    from troc.programme.notices import Courier, check_url, read_secret

    session = session_of(context)
    pause = parse_every(every) if every else 0
    urls = list(dict.fromkeys(check_url(each) for each in url))
    courier = Courier(_outbox(session, brand, database), read_secret(secret_file), urls, attempts)
    followed = Index(session.chain, session.manifest, index or None)

    def collect() -> int:
        followed.catch_up()
        return courier.outbox.collect(followed, urls, expiring * words.DAY, returns * words.DAY)

    while pause:
        try:
            collect()
        except NetworkError as error:
            # What is written down is sent all the same.
            session.say(f"troc: {error}")
        courier.start(lambda sent: _tell(session, sent))
        time.sleep(pause)
    new = collect()
    sent = courier.round()
    waiting = len(courier.outbox.deliveries("waiting"))
    lines = [f"{words.count(new, 'new notice')}."] + [_sent(each) for each in sent]
    lines += (
        [f"{words.count(waiting, 'delivery', 'deliveries')} waiting: run it again later."] if waiting else []
    )
    session.result(
        {"new": new, "endpoints": [vars(each) for each in sent], "waiting": waiting}, "\n".join(lines)
    )


@app.command("list")
def list_(
    context: typer.Context,
    brand: BrandName,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up")] = False,
    database: Database = "",
) -> None:
    """Show the notices that were not received yet."""
    session = session_of(context)
    found = _outbox(session, brand, database).deliveries("dead" if dead else "")
    open_ = [each for each in found if each.state != "delivered"]
    lines = [
        f"{each.notice}  {each.event:15}  {each.url}: "
        + (
            f"dead after {words.count(each.attempts, 'attempt')}"
            if each.state == "dead"
            else _next(each.next_at)
        )
        + (f", {each.said}" if each.said else "")
        for each in open_
    ]
    session.result({"notices": [vars(each) for each in open_]}, "\n".join(lines) or "All were received.")


@app.command()
def retry(
    context: typer.Context,
    brand: BrandName,
    notices: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Default: all dead ones")
    ] = None,
    database: Database = "",
) -> None:
    """Let notices that were given up be sent again, by the next run."""
    session = session_of(context)
    again = _outbox(session, brand, database).retry(notices or ())
    session.result({"again": again}, f"{words.count(again, 'delivery', 'deliveries')} will be sent again.")


def _outbox(session: Session, brand: str, database: str) -> Outbox:
    need_store()
    from troc.programme.notices import Outbox
    from troc.programme.vault import open_brand_store

    return Outbox(open_brand_store(session.chain, troc_of(session).brand(brand), database))


def _next(at: float) -> str:
    return f"waits until {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "waits"


def _sent(sent: Sent) -> str:
    text = f"{sent.url}: {sent.delivered:,} received"
    return text + (
        f", then one {'given up' if sent.dead else 'failed'}: it {sent.said}" if sent.failed else ""
    )


def _tell(session: Session, sent: Sent) -> None:
    if sent.delivered or sent.failed:
        session.say(f"{_sent(sent)}.")
