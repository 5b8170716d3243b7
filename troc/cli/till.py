"""`troc till`: serve, status, voucher, token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import requests
import typer

from troc import words
from troc.accounts import read_password
from troc.brands import Brand
from troc.cli.acting import troc_of
from troc.cli.members import desk_of
from troc.cli.session import Session, session_of
from troc.errors import FundsError, InputError, NetworkError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

app = typer.Typer(no_args_is_help=True, help="Tills: issue, redeem and take back points at a cash register.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens by which cash registers are let in.")
app.add_typer(token_app, name="token")

_Brand = Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")]
_Database = Annotated[
    str, typer.Option("--database", help="Where the till keeps its books (default: a file of its own)")
]
_Name = Annotated[str, typer.Argument(help="Such as the number of a cash register")]

DEFAULT_PORT = 8700
_PATIENCE = 30.0
"""Seconds in which a till must answer."""


def _engine(session: Session, brand: Brand, database: str) -> Engine:
    from troc.store import chain_folder, sqlite_url
    from troc.till.till import open_till

    folder = chain_folder(session.chain) / brand.address
    return open_till(database or sqlite_url(folder / f"till-{session.address}.sqlite"))


def _units(text: str, brand: Brand) -> int:
    if text.strip() == "0":
        return 0
    return words.to_units(words.parse_amount(text), brand.decimals, brand.symbol)


@app.command()
def serve(
    context: typer.Context,
    brand: _Brand,
    host: Annotated[
        str, typer.Option(help="Where it listens; keep it local, and put TLS in front")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = DEFAULT_PORT,
    database: _Database = "",
    grant: Annotated[int, typer.Option(help="Number of the account's grant")] = 0,
    risk_each: Annotated[
        str, typer.Option(help="Points of one customer that are taken unseen while the chain is away")
    ] = "0",
    risk_total: Annotated[str, typer.Option(help="The same of all customers")] = "0",
    vouchers: Annotated[str, typer.Option(help="Points of signed vouchers that may be out")] = "0",
    members_password_file: Annotated[
        Path | None,
        typer.Option(help="Know the members' cards, and note debts: file with their passphrase"),
    ] = None,
    members_database: Annotated[
        str, typer.Option(help="URL of the brand's database (default: a file of its own)")
    ] = "",
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Receipts of one transaction at most")] = 256,
) -> None:
    """Serve a till over HTTP, until Ctrl-C. The account has a grant of the brand (`troc brand issuer`)."""
    try:
        from troc.serving.running import serve as serve_app
        from troc.till.service import create_app
    except ImportError:
        raise InputError(
            "a till needs FastAPI and uvicorn", "run `pip install '.[till]'` in the folder of this project"
        ) from None
    from troc.till.desk import Limits
    from troc.till.till import Till

    session = session_of(context)
    if session.options.submit_with:
        raise InputError(
            "a till sends its own transactions",
            f"send ether to {session.address}, and leave --submit-with away",
        )
    troc = troc_of(session)
    found = troc.brand(brand)
    if not session.chain.balance(session.address):
        raise FundsError(
            f"{session.address} has no ether, and could accept receipts but never issue them",
            "send it some first: a receipt costs about 10,000 gas in a batch",
        )
    engine = _engine(session, found, database)
    programme = None
    if members_password_file is not None:
        programme = desk_of(context, brand, members_database, members_password_file).programme
    limits = Limits(*(_units(text, found) for text in (risk_each, risk_total, vouchers)))
    till = Till(
        troc,
        found,
        session.signer,
        engine,
        grant=grant,
        limits=limits,
        cards=programme.members if programme else None,
        debts=programme.debts if programme else None,
        batch_size=batch,
    )

    def opened() -> None:
        session.result({"address": till.address, "brand": found.address, "url": f"http://{host}:{port}"})
        session.say(f"The till {till.address} of {found.title} is open at http://{host}:{port} (/docs).")

    serve_app(till.running(), lambda: create_app(till), host, port, opened)
    session.say("The till is closed. What it accepted is kept, and goes on when it is opened again.")


@app.command()
def status(context: typer.Context, brand: _Brand, database: _Database = "") -> None:
    """How the account's till stands by its own books, open or closed: what waits, what is held and why."""
    from troc.till.desk import status_of

    session = session_of(context)
    found = troc_of(session).brand(brand)
    stands = status_of(_engine(session, found, database))
    books, text = stands["books"], found.text
    lines = [
        f"The till {session.address} of {found.title}, by its books of {words.moment(books['block_time'])}:"
        if books["block_time"]
        else f"The till {session.address} of {found.title} was never open.",
        f"  {text(stands['accepted']['units'])} of {words.count(stands['accepted']['count'], 'receipt')} wait"
        " for their batch.",
        f"  {text(stands['room'])} more can be accepted now; {text(stands['vouchers_out'])} are out as"
        " vouchers.",
        f"  {text(stands['at_risk'])} of redemptions are at risk; {text(stands['debt'])} came back too late.",
        *(
            f"  {words.count(each['count'], each['kind'])} {each['state']}, {text(each['units'])}"
            for each in stands["errands"]
        ),
        *(f"  {each['kind']} {each['subject']} {each['state']}: {each['why']}" for each in stands["held"]),
    ]
    session.result(stands, "\n".join(lines))


@app.command()
def voucher(
    context: typer.Context,
    receipt: Annotated[str, typer.Argument(help="Number of the sale, unique at this till")],
    amount: Annotated[str, typer.Argument(help="Whole points")],
    token_file: Annotated[Path, typer.Option(help="File with a token of the till")],
    to: Annotated[str, typer.Option(help="Her address or card (default: whoever has the code)")] = "",
    good: Annotated[str, typer.Option(help="Until when it can be claimed: 30d or 2027-02-19")] = "30d",
    url: Annotated[str, typer.Option(help="Where the till is open")] = f"http://127.0.0.1:{DEFAULT_PORT}",
) -> None:
    """Have an open till hand out points for a sale as a voucher, once for each receipt."""
    session = session_of(context)
    body = {"receipt": receipt, "amount": amount, "customer": to, "good": good}
    answer = _ask(url, "/voucher", read_password(token_file), body)
    whom = answer["customer"] or "whoever has this code; it is as good as cash"
    session.result(answer, f"A voucher of {answer['amount']} points for {whom}:\n{answer['text']}")


def _ask(url: str, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a request to an open till."""
    if not url.startswith(("http://", "https://")):
        raise InputError(
            f"{url!r} is no address of a till", f"write it as in http://127.0.0.1:{DEFAULT_PORT}"
        )
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = requests.post(url.rstrip("/") + path, json=body, headers=headers, timeout=_PATIENCE)
        found: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise NetworkError(f"no till answers at {url} ({error})", "open it with `troc till serve`") from None
    if not answer.ok:
        message = str(found.get("message", f"{url} answered {answer.status_code}"))
        raise InputError(message, str(found.get("remedy", "check that a till is open there")))
    return found


@token_app.command("add")
def add(context: typer.Context, brand: _Brand, name: _Name, database: _Database = "") -> None:
    """Make a token. It is shown this once."""
    from troc.till import tokens

    session = session_of(context)
    token = tokens.add(_engine(session, troc_of(session).brand(brand), database), name)
    session.result({"name": name, "token": token}, f"The token of {name}, shown this once:\n{token}")


@token_app.command("list")
def list_(context: typer.Context, brand: _Brand, database: _Database = "") -> None:
    """Tokens, and whether they are good."""
    from troc.till import tokens

    session = session_of(context)
    found = tokens.listed(_engine(session, troc_of(session).brand(brand), database))
    session.result(
        {"tokens": [vars(token) for token in found]},
        "\n".join(map(str, found)) or "No tokens yet: make one with `troc till token add BRAND NAME`.",
    )


@token_app.command("revoke")
def revoke(context: typer.Context, brand: _Brand, name: _Name, database: _Database = "") -> None:
    """End a token at once, also in a running service."""
    from troc.till import tokens

    session = session_of(context)
    tokens.revoke(_engine(session, troc_of(session).brand(brand), database), name)
    session.result({"name": name, "revoked": True}, f"The token of {name} is void.")
