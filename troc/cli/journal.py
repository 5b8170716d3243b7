"""`troc brand journal`: entries that nobody can change unseen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from troc import words
from troc.brands import Brand
from troc.cli.acting import agreed, sent_form, troc_of
from troc.cli.members import BrandName, Database, PasswordFile, desk_of, need_store
from troc.cli.session import Session, session_of
from troc.errors import InputError

if TYPE_CHECKING:
    from troc.programme.journal import Journal


class _MonthUnlessTold(TyperGroup):
    """`troc brand journal PANIER --month 2027-02` means `troc brand journal month PANIER 2027-02`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["month", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_MonthUnlessTold,
    no_args_is_help=True,
    help="The journal: append-only, checked, anchored. `troc brand journal BRAND --month 2027-02` writes the"
    " books of a month.",
)


def _journal(session: Session, brand: Brand, database: str) -> Journal:
    need_store()
    from troc.programme.journal import Journal
    from troc.programme.vault import open_brand_store

    return Journal(open_brand_store(session.chain, brand, database))


@app.command()
def head(
    context: typer.Context,
    brand: BrandName,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it into this file")] = None,
    database: Database = "",
) -> None:
    """Show the journal's head. Keep it elsewhere: it shows later that nothing before it was changed."""
    session = session_of(context)
    found = troc_of(session).brand(brand)
    last = _journal(session, found, database).verify()
    if output is not None:
        last.write(output)
    session.result({"sequence": last.sequence, "hash": last.hash}, f"{last.sequence} {last.hash}")


@app.command()
def verify(
    context: typer.Context,
    brand: BrandName,
    head: Annotated[Path | None, typer.Option(help="A head of before, as `head -o` wrote it")] = None,
    anchor: Annotated[str, typer.Option(help="The transaction that anchored a head")] = "",
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Check every entry; names the first that was altered, removed, inserted or moved. With the passphrase of
    the members it checks the signatures of adjustments as well.
    """
    need_store()
    from troc.programme.journal import Head

    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    journal = _journal(session, found, database)
    anchors = [Head.read(head)] if head else []
    if anchor:
        anchors.append(journal.anchored(session.chain, anchor, troc.status(found).owner))
    last = journal.verify()
    for each in anchors:
        last = journal.verify(each)
    text = f"All {last.sequence} entries are as they were written."
    signed = None
    if members_password_file is not None:
        programme = desk_of(context, brand, database, members_password_file).programme
        signed = programme.adjusting.check_all()
        text += f" {words.count(signed, 'adjustment')} and all limits are signed by their agents."
    if not anchors:
        text += " Whether the end was cut shows only against a head of before (--head, --anchor)."
    session.result(
        {"entries": last.sequence, "hash": last.hash, "anchored": [each.sequence for each in anchors]}
        | ({} if signed is None else {"signed": signed}),
        text,
    )


@app.command()
def export(
    context: typer.Context,
    brand: BrandName,
    output: Annotated[Path, typer.Option("--output", "-o", help="A new file, one entry in JSON a line")],
    database: Database = "",
) -> None:
    """Write all entries into a file, as they are stored: what is about a member stays sealed."""
    session = session_of(context)
    found = troc_of(session).brand(brand)
    journal = _journal(session, found, database)
    if output.exists():
        raise InputError(f"{output} is there already", "choose another name")
    last = journal.verify()
    with output.open("w") as file:
        file.writelines(json.dumps(vars(entry), ensure_ascii=False) + "\n" for entry in journal.entries())
    session.result(
        {"file": str(output), "entries": last.sequence}, f"{last.sequence} entries are in {output}."
    )


@app.command()
def anchor(context: typer.Context, brand: BrandName, database: Database = "") -> None:
    """Write the head into the chain, by a transaction of the brand to itself that moves nothing."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    owner = troc.status(found).owner
    if owner != troc.address:
        raise InputError(f"only the brand anchors its journal, and that is {owner}", "use --account with it")
    journal = _journal(session, found, database)
    last = journal.verify()
    data = {"sequence": last.sequence, "hash": last.hash}
    if not agreed(session, f"The head {last.sequence} {last.hash} is anchored.", data, "Send it?"):
        return
    last, receipt = journal.anchor(session.chain, troc.signer)
    session.result(
        {"sequence": last.sequence, "hash": last.hash} | sent_form(receipt),
        f"Anchored by {receipt.transaction}: check with `troc brand journal verify {brand} --anchor"
        f" {receipt.transaction}`.",
    )
