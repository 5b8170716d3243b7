"""`troc relay`: serve, status."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from troc import words
from troc.cli.acting import troc_of
from troc.cli.session import session_of
from troc.errors import FundsError, InputError, RelayError
from troc.submitting import ask_relay

app = typer.Typer(
    no_args_is_help=True, help="Relays: bring to the chain what customers signed, so that they need no ether."
)

DEFAULT_PORT = 8710


def _wei(text: str, exponent: int, what: str) -> int:
    try:
        wei = Decimal(text) * 10**exponent
    except InvalidOperation:
        wei = Decimal(-1)
    if not wei.is_finite() or wei <= 0 or wei != int(wei):
        raise InputError(f"{what}: {text!r} is no amount", "write it as in 0.05")
    return int(wei)


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Where it listens; keep it local, and put a proxy with TLS in front")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = DEFAULT_PORT,
    brand: Annotated[
        list[str] | None,
        typer.Option(help="Serve only messages about this brand's points; several possible (default: all)"),
    ] = None,
    budget: Annotated[str, typer.Option(help="Ether that it spends a day (UTC)")] = "0.05",
    gas_price: Annotated[str, typer.Option(help="Gwei that it pays for a unit of gas at most")] = "50",
    per_day: Annotated[int, typer.Option(min=1, help="Messages of one signer a day")] = 200,
    waiting: Annotated[int, typer.Option(min=1, help="Messages of one signer that wait at once")] = 50,
    per_ip: Annotated[
        float, typer.Option(min=0, help="Requests a second of one address (0: no limit)")
    ] = 10.0,
    per_signer: Annotated[
        float, typer.Option(min=0, help="Messages a second of one signer, thirty at once (0: no limit)")
    ] = 1.0,
    batch: Annotated[int, typer.Option(min=1, max=500, help="Orders of one transaction at most")] = 150,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy", help="Believe a proxy on this machine who the client is (X-Forwarded-For)"
        ),
    ] = False,
    database: Annotated[
        str, typer.Option("--database", help="Where it keeps what it accepted (default: a file of its own)")
    ] = "",
) -> None:
    """Serve a relay over HTTP, until Ctrl-C. The account pays for what others signed."""
    try:
        from troc.relay.relay import Budget, Limits, Relay, open_relay
        from troc.relay.service import create_app
        from troc.serving.running import serve as serve_app
        from troc.store import chain_folder, sqlite_url
    except ImportError:
        raise InputError(
            "a relay needs FastAPI and uvicorn", "run `pip install '.[relay]'` in the folder of this project"
        ) from None
    session = session_of(context)
    if session.options.submit_with or session.options.relays:
        raise InputError(
            "a relay sends its own transactions",
            f"send ether to {session.address}, and leave --submit-with and --relay away, TROC_RELAY too",
        )
    spends = Budget(_wei(budget, 18, "--budget"), _wei(gas_price, 9, "--gas-price"))
    troc = troc_of(session)
    only = [troc.brand(name) for name in brand or ()]
    if not session.chain.balance(session.address):
        raise FundsError(
            f"{session.address} has no ether, and could accept messages but never submit them",
            "send it some first: an order costs about 25,000 gas in a batch, a redemption about 80,000",
        )
    usual = sqlite_url(chain_folder(session.chain) / f"relay-{session.address}.sqlite")
    relay = Relay(
        troc,
        session.signer,
        open_relay(database or usual),
        spends,
        only=only,
        limits=Limits(per_day, waiting),
        per_ip=per_ip,
        per_signer=per_signer,
        batch=batch,
    )

    def opened() -> None:
        session.result({"address": relay.address, "url": f"http://{host}:{port}"})
        session.say(f"The relay {relay.address} is open at http://{host}:{port} (/docs).")

    serve_app(
        relay.running(),
        lambda: create_app(relay),
        host,
        port,
        opened,
        proxy_headers=behind_proxy,
        limit_concurrency=1000,
        timeout_graceful_shutdown=10,
    )
    session.say("The relay is closed. What it accepted is kept, and goes on when it is opened again.")


@app.command()
def status(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Its address, such as https://relay.example")],
) -> None:
    """Whether a relay takes messages now. What it says is its own word."""
    session = session_of(context)
    try:
        found = ask_relay(url, "/status")
    except RelayError as error:
        raise RelayError(
            f"the relay at {words.shown(url)}: {error.message}", "check its address, or try another relay"
        ) from None
    said = "It takes messages."
    if found.get("open") is not True:
        why, remedy = (words.shown(str(found.get(key) or ""))[:300] for key in ("why", "remedy"))
        said = f"It takes no messages now: {why or 'no reason'}."
        if remedy:
            said += f"\nWhat to do: {remedy}."
    session.result(found, said)
