"""`troc brand voucher` (sign, cancel) and `troc points claim`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from troc import words
from troc.brands import Brand
from troc.claims import State, VoucherStanding
from troc.cli.acting import agreed, amount_form, progress_bar, sent_form, troc_of
from troc.cli.handing import check_output, kind_of, write_picture, write_pictures, write_texts
from troc.cli.session import session_of
from troc.client import USUAL_VALID
from troc.errors import InputError, VoucherError
from troc.qr import blocks
from troc.vouchers import Draft, SignedVoucher, write_vouchers

_SHOWN = 20
_TABLES = (".csv", ".parquet", ".pq")


class _SignUnlessTold(TyperGroup):
    """`troc brand voucher PANIER 50` means `troc brand voucher sign PANIER 50`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["sign", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_SignUnlessTold,
    no_args_is_help=True,
    help='Vouchers: points that a customer claims later. `troc brand voucher BRAND "50"` signs one.',
)

_Brand = Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")]
_Sources = Annotated[
    list[str], typer.Argument(metavar="VOUCHER...", help="Texts (TROC:VOUCHER/…), links or files")
]


@app.command()
def sign(
    context: typer.Context,
    brand: _Brand,
    points: Annotated[
        str,
        typer.Argument(
            metavar="POINTS",
            help="Whole points; or a CSV or Parquet file with the columns address and amount",
        ),
    ],
    to: Annotated[str, typer.Option(help="Address of the customer")] = "",
    key: Annotated[
        bool, typer.Option("--key", help="For whoever has the code or link (usual, unless --to says who)")
    ] = False,
    count: Annotated[int, typer.Option(help="How many, each with a code of its own")] = 1,
    grant: Annotated[int, typer.Option(help="Number of the grant that pays them")] = 0,
    receipt: Annotated[str, typer.Option(help="What they are for; signed twice, they are paid once")] = "",
    valid: Annotated[
        str, typer.Option(help="Until when they can be claimed: 90d or 2027-02-19")
    ] = USUAL_VALID,
    page: Annotated[
        str, typer.Option(help="Make links to this page of yours: https://biobox.example/claim")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new file (.json, .txt, .png, .svg), or a new folder"),
    ] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Draw QR codes: here, or in the folder of -o")] = False,
) -> None:
    """Sign vouchers against a grant of yours. Nothing is sent until somebody claims them."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    if key and to:
        raise InputError(
            "--to and --key exclude each other", "name the customer, or let whoever has the code claim it"
        )
    is_file = Path(points).suffix.lower() in _TABLES
    if is_file and (to or key or count != 1):
        raise InputError("the file says whom to pay and what", "leave --to, --key and --count away")
    drafts = troc.draft_vouchers(found, Path(points) if is_file else points, to or None, count)
    check_output(output, len(drafts), qr)
    if page:
        SignedVoucher.check_page(page)
    troc.claims.check_grant(found, drafts, troc.address, grant)
    until = words.parse_until(valid, session.chain.now())
    total = sum(draft.units for draft in drafts)
    preview = {
        "issuer": troc.address,
        "grant": grant,
        "count": len(drafts),
        "total": amount_form(found, total),
        "deadline": until,
    }
    text = _what(found, drafts) + f", to be claimed until {words.moment(until)}. Nothing is sent."
    if session.options.dry_run:
        session.result(preview | {"signed": False}, f"{text}\nNothing was signed.")
        return
    if not agreed(session, text, preview, "Sign?"):
        return
    signed = troc.sign_vouchers(found, drafts, grant=grant, valid=valid, receipt=receipt)
    texts = [each.to_link(page) if page else each.to_text() for each in signed]
    if output is None:
        lines = [line for each in texts for line in ([each, blocks(each)] if qr else [each])]
        session.result(preview | {"signed": True, "vouchers": texts}, "\n".join(lines))
        return
    written = _write(signed, texts, output, qr)
    session.result(
        preview | {"signed": True, "files": [str(path) for path in written]},
        f"Wrote {words.listed(str(path) for path in written[:3])}"
        + (f" and {words.count(len(written) - 3, 'file')} more." if len(written) > 3 else "."),
    )


@app.command()
def cancel(context: typer.Context, vouchers: _Sources) -> None:
    """End vouchers that you signed, as long as nobody claimed them."""
    session = session_of(context)
    troc = troc_of(session)
    standings = troc.check_vouchers(*vouchers)
    open_ones = [each for each in standings if each.state not in (State.PAID, State.CANCELLED)]
    if not open_ones:
        raise VoucherError(
            f"nothing of this can be cancelled any more ({_summary(standings)})", "nothing is left to do"
        )
    text = f"You cancel {_total(open_ones)}: nobody can claim that any more."
    if len(open_ones) < len(standings):
        text += f" {_summary([each for each in standings if each not in open_ones])}."
    preview = {"vouchers": [standing_form(each) for each in standings]}
    if not agreed(session, text, preview, "Cancel?"):
        return
    receipts = troc.claims.cancel(open_ones, troc.signer, troc.submitter)
    session.result(
        {"sent": True, "cancelled": len(open_ones), "transactions": [sent_form(each) for each in receipts]},
        f"Cancelled {words.count(len(open_ones), 'voucher')}.",
    )


def claim(
    context: typer.Context,
    vouchers: _Sources,
    to: Annotated[
        str, typer.Option(help="Who gets what is made out to its bearer (default: your account)")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Only say what they are worth and whether they can be claimed")
    ] = False,
) -> None:
    """Claim vouchers. Any account can pay for it with --submit-with; yours need not have ether."""
    session = session_of(context)
    troc = troc_of(session)
    standings = troc.check_vouchers(*vouchers)
    forms = [standing_form(each) for each in standings]
    ready = [each for each in standings if each.state is State.CLAIMABLE]
    if check:
        session.result({"vouchers": forms}, "\n".join(_lines(standings)))
        return
    if not ready:
        if len(standings) == 1:
            only = standings[0]
            raise VoucherError(f"the voucher of {only.worth} cannot be claimed: {only.why}", only.next_step)
        raise VoucherError(
            f"none of {words.count(len(standings), 'voucher')} can be claimed ({_summary(standings)})",
            "see each with --check",
        )
    bearer = any(each.signed.voucher.is_key for each in ready)
    recipient = (to or troc.address) if bearer else (to or None)
    text = f"You claim {_total(ready)}" + (
        f" for {recipient}." if bearer else " for whom they are made out to."
    )
    if len(ready) < len(standings):
        text += f" Passed over: {_summary([each for each in standings if each not in ready])}."
    if not agreed(session, text, {"to": recipient, "vouchers": forms}, "Claim?"):
        return
    with progress_bar(session, "Claiming", len(ready)) as step:
        report = troc.claim_checked(standings, to=recipient, progress=step)
    said = f"Claimed {_total(list(report.paid))}." if report.paid else "Nothing was claimed."
    if report.passed:
        said += "\n" + "\n".join(_lines(list(report.passed)))
    session.result(
        {
            "sent": bool(report.transactions),
            "paid": [standing_form(each) for each in report.paid],
            "passed": [standing_form(each) for each in report.passed],
            "transactions": list(report.transactions),
        },
        said,
    )
    if report.failed:
        raise VoucherError(
            f"unpaid: {len(report.failed):,} of {words.count(len(standings), 'voucher')}",
            "the lines above say why and what to do; running it again pays nothing twice",
        )


def standing_form(standing: VoucherStanding) -> dict[str, Any]:
    """How a voucher stands; never its one-time key."""
    voucher = standing.signed.voucher
    return amount_form(standing.brand, standing.units) | {
        "state": str(standing.state),
        "why": standing.why,
        "next_step": standing.next_step,
        "paid_to": standing.paid_to,
        "issuer": voucher.issuer,
        "recipient": "" if voucher.is_key else voucher.recipient,
        "deadline": voucher.deadline,
        "nonce": str(voucher.nonce),
    }


def _what(brand: Brand, drafts: list[Draft]) -> str:
    if len(drafts) == 1:
        who = drafts[0].recipient or "whoever has its code"
        return f"You sign a voucher of {brand.text(drafts[0].units)} for {who}"
    total = brand.text(sum(draft.units for draft in drafts))
    whom = "each for its customer" if drafts[0].recipient else "each for whoever has its code"
    return f"You sign {words.count(len(drafts), 'voucher')} of {total} in all, {whom}"


def _total(standings: list[VoucherStanding]) -> str:
    sums: Counter[Brand] = Counter()
    for each in standings:
        sums[each.brand] += each.units
    amounts = words.listed(brand.text(units) for brand, units in sums.items())
    if len(standings) == 1:
        return f"a voucher of {amounts}"
    return f"{words.count(len(standings), 'voucher')} of {amounts}"


def _summary(standings: list[VoucherStanding]) -> str:
    counts = Counter(each.state for each in standings)
    return words.listed(f"{number} {state}" for state, number in counts.items())


def _lines(standings: list[VoucherStanding]) -> list[str]:
    lines = [str(each) for each in standings[:_SHOWN]]
    if len(standings) > _SHOWN:
        lines.append(f"and {len(standings) - _SHOWN:,} more ({_summary(standings)} in all)")
    return lines


def _write(signed: list[SignedVoucher], texts: list[str], output: Path, qr: bool) -> list[Path]:
    kind = kind_of(output)
    if kind == "json":
        return [write_vouchers(signed, output)]
    if kind == "txt":
        return [write_texts(texts, output)]
    if kind:
        return [write_picture(texts[0], output)]
    output.mkdir(mode=0o700)
    written = [
        write_vouchers(signed, output / "vouchers.json"),
        write_vouchers([each.public() for each in signed], output / "issued.json"),
        write_texts(texts, output / "links.txt"),
    ]
    return written + (write_pictures(texts, output) if qr else [])
