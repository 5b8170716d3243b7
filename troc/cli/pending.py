"""`troc brand pending` (issue, list, return, release) and `troc points pending`."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import typer

from troc import words
from troc.cli.acting import agreed, amount_form, progress_bar, sent_form, troc_of
from troc.cli.session import session_of
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS, to_address
from troc.payouts import Payout
from troc.pending import PendingReport, Purchase, PurchaseState
from troc.vouchers import write_secret

app = typer.Typer(
    no_args_is_help=True, help="Purchases that can be returned: their points are pending first."
)

_Brand = Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")]
_Issuer = Annotated[str, typer.Option(help="Who issued them (default: the brand itself)")]


@app.command()
def issue(
    context: typer.Context,
    brand: _Brand,
    file: Annotated[
        Path, typer.Argument(help="CSV or Parquet with the columns address, amount and, if you like, receipt")
    ],
    matures: Annotated[str, typer.Option(help="Until when goods can be returned: 30d or 2027-02-19")],
    reference: Annotated[
        str, typer.Option(help="What these are for, if an equal file was issued before")
    ] = "",
    grant: Annotated[int | None, typer.Option(help="Issue out of this grant of yours")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="New CSV file with the number of each purchase")
    ] = None,
) -> None:
    """Issue points that are the customers' once goods can no longer be returned."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    payouts = troc.read_purchases(found, file)
    matures_at = troc.matures_at(matures)
    if output is not None and (output.exists() or not output.parent.is_dir()):
        raise InputError(f"{output} cannot be a new file", "choose another name")
    troc.purchases.check(found, payouts, matures_at, troc.address, reference=reference, grant=grant)
    total = sum(payout.units for payout in payouts)
    preview = {"purchases": len(payouts), "total": amount_form(found, total), "matures_at": matures_at}
    text = (
        f"{found.text(total)} for {words.count(len(payouts), 'purchase')} that can be returned until"
        f" {words.moment(matures_at - 1)}; after that they are the customers'."
    )
    if not agreed(session, text, preview, "Issue them?"):
        return
    with progress_bar(session, "Issuing", len(payouts)) as step:
        report = troc.purchases.issue(
            found, payouts, matures_at, troc.signer, reference=reference, grant=grant, progress=step
        )
    if output is not None:
        write_secret(output, _table(report).encode())
    mint = report.mint
    said = (
        f"Issued {found.text(mint.units)} for {words.count(mint.recipients, 'purchase')}"
        f" in {words.count(len(mint.transactions), 'transaction')}."
        if mint.transactions
        else "Nothing was left to issue."
    )
    if mint.recipients_before:
        said += (
            f" {words.count(mint.recipients_before, 'purchase')} of {found.text(mint.units_before)} came from"
            " an earlier run of this file; for new ones, give them a --reference of their own."
        )
    if report.ids:
        is_one = len(report.ids) == 1
        said += f" {'Its number is' if is_one else 'Their numbers are'} {_spans(report.ids)}."
    session.result(
        preview
        | {
            "sent": bool(mint.transactions),
            "issued": amount_form(found, mint.units),
            "issued_before": mint.recipients_before,
            "issuer": report.issuer,
            "purchases": [
                {"id": id_, "customer": payout.address, "receipt": payout.receipt}
                | amount_form(found, payout.units)
                for id_, payout in zip(report.ids, report.payouts, strict=True)
            ],
            "transactions": list(mint.transactions),
        },
        said,
    )


@app.command("list")
def list_(
    context: typer.Context,
    brand: _Brand,
    of: Annotated[str, typer.Option("--of", help="Address of one customer")] = "",
) -> None:
    """Every purchase of a brand whose points are pending."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.purchases.at(troc.brand(brand), customer=to_address(of) if of else None)
    lines = [
        f"{_name(each)}: {each.brand.text(each.units)} for {each.customer}, {_when(each)}" for each in found
    ]
    session.result(
        {"purchases": [purchase_form(each) for each in found]}, "\n".join(lines) or "Nothing is pending."
    )


@app.command("return")
def return_(
    context: typer.Context,
    brand: _Brand,
    purchase: Annotated[int, typer.Argument(metavar="NUMBER", help="As `troc brand pending list` shows it")],
    part: Annotated[str, typer.Option(help="Take back only so many whole points of it")] = "",
    issuer: _Issuer = "",
) -> None:
    """Take back the points of goods that were returned, before they are the customer's."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    who = to_address(issuer, "issuer") if issuer else ZERO_ADDRESS
    purchased = troc.purchases.find(found, purchase, who)
    units = (
        words.to_units(words.parse_amount(part), found.decimals, found.symbol) if part else purchased.units
    )
    troc.purchases.check_return(purchased, units)
    preview = purchase_form(purchased) | {"returned": amount_form(found, units)}
    text = f"You take {found.number(units)} of {found.text(purchased.units)} of purchase {purchase} back from"
    if not agreed(session, f"{text} {purchased.customer}.", preview, "Take them back?"):
        return
    receipt = troc.purchases.give_back(purchased, troc.signer, units)
    left = purchased.units - units
    session.result(preview | sent_form(receipt), f"Taken back; {found.text(left)} of it stay pending.")


@app.command()
def release(
    context: typer.Context,
    brand: _Brand,
    of: Annotated[str, typer.Option("--of", help="Only those of this customer")] = "",
) -> None:
    """Give customers what is due. Anyone may."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    pending = troc.purchases.at(found, customer=to_address(of) if of else None)
    due = [each for each in pending if each.state is not PurchaseState.WAITING]
    preview = {"purchases": [purchase_form(each) for each in due]}
    if not due:
        following = f" The next is due on {words.moment(pending[0].matures_at)}." if pending else ""
        session.result(preview | {"sent": False}, f"Nothing is due.{following}")
        return
    total = sum(each.units for each in due if each.state is PurchaseState.DUE)
    text = f"You release {found.text(total)} of {words.count(len(due), 'purchase')}"
    lapsed = [each for each in due if each.state is PurchaseState.LAPSED]
    if lapsed:
        gone = found.text(sum(each.units for each in lapsed))
        text += f"; {gone} of {words.count(len(lapsed), 'of them', 'of them')} have expired and are gone"
    if not agreed(session, f"{text}.", preview, "Release them?"):
        return
    with progress_bar(session, "Releasing", len(due)) as step:
        report = troc.purchases.release(due, troc.sender, step)
    passed = len(due) - len(report.released)
    said = f"Released {found.text(report.units)} of {words.count(len(report.released), 'purchase')}"
    said += f" in {words.count(len(report.transactions), 'transaction')}."
    said += f" {words.count(passed, 'purchase')} had been released in the meantime." if passed else ""
    session.result(
        preview
        | {
            "sent": True,
            "released": amount_form(found, report.units),
            "passed_over": passed,
            "transactions": list(report.transactions),
        },
        said,
    )


def pending(
    context: typer.Context,
    of: Annotated[str, typer.Option("--of", help="Address to look at (default: your account)")] = "",
) -> None:
    """Points that will be yours when goods can no longer be returned, and those that are due."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.pending(to_address(of) if of else None)
    lines = [str(each) for each in found]
    for brand in dict.fromkeys(each.brand for each in found if each.state is PurchaseState.DUE):
        lines.append(f"Get what is due with `troc brand pending release {brand.symbol}`; anyone can.")
    session.result(
        {"purchases": [purchase_form(each) for each in found]}, "\n".join(lines) or "Nothing is pending."
    )


def purchase_form(purchase: Purchase) -> dict[str, Any]:
    """A purchase whose points are pending (times in Unix seconds)."""
    return amount_form(purchase.brand, purchase.units) | {
        "id": purchase.id,
        "issuer": purchase.issuer,
        "customer": purchase.customer,
        "matures_at": purchase.matures_at,
        "expiry": purchase.expiry,
        "state": str(purchase.state),
    }


def _name(purchase: Purchase) -> str:
    issuer = "" if purchase.issuer == ZERO_ADDRESS else f" of {purchase.issuer}"
    return f"Purchase {purchase.id}{issuer}"


def _when(purchase: Purchase) -> str:
    if purchase.state is PurchaseState.WAITING:
        return f"can be returned until {words.moment(purchase.matures_at - 1)}"
    if purchase.state is PurchaseState.DUE:
        return f"due since {words.moment(purchase.matures_at)}"
    return f"expired since {words.day(purchase.expiry)}"


def _spans(ids: tuple[int, ...]) -> str:
    """`0 to 41 and 57`."""
    spans: list[list[int]] = []
    for id_ in sorted(ids):
        if spans and spans[-1][1] == id_ - 1:
            spans[-1][1] = id_
        else:
            spans.append([id_, id_])
    return words.listed(f"{low} to {high}" if high > low else str(low) for low, high in spans)


def _table(report: PendingReport) -> str:
    def row(id_: int, payout: Payout) -> list[str]:
        amount = report.mint.brand.number(payout.units).replace(",", "")
        return [str(id_), payout.address, amount, words.cell(payout.receipt)]

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["purchase", "address", "amount", "receipt"])
    writer.writerows(row(*pair) for pair in zip(report.ids, report.payouts, strict=True))
    return out.getvalue()
