"""`troc brand`: launch, mint, issuer, domain."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from troc import words
from troc.brands import Brand
from troc.cli import pending, vouchers
from troc.cli.acting import agreed, amount_form, brand_form, progress_bar, sent_form, troc_of
from troc.cli.session import Session, session_of
from troc.client import Troc
from troc.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Brands: launch points, issue them, see what is owed.")
app.add_typer(vouchers.app, name="voucher")
app.add_typer(pending.app, name="pending")

_Brand = Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")]


@app.command()
def launch(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call the brand")],
    symbol: Annotated[str, typer.Argument(help="Short name of its points")],
    valid: Annotated[
        str, typer.Option(help='How long a point lives at most: "12 months", "60 days", "never"')
    ] = "12 months",
    decimals: Annotated[int, typer.Option(help="Digits after the point, 0 to 6")] = 0,
    domain: Annotated[str, typer.Option(help="The brand's domain, to be proven there")] = "",
    starts: Annotated[str, typer.Option(help="First day of the first season, such as 2026-03-01")] = "",
    owner: Annotated[str, typer.Option(help="Address that will issue (default: your account)")] = "",
) -> None:
    """Launch the points of a brand."""
    session = session_of(context)
    troc = troc_of(session)
    owner = session.address_of(owner, "owner") if owner else troc.address
    options = {"decimals": decimals, "domain": domain, "starts": starts, "owner": owner}
    plan = troc.plan_launch(name, symbol, valid, **options)
    dates = plan.expiry_dates(session.chain.now())
    lines = [f"{name} ({symbol}): points live {plan.life}."]
    lines += [f"  Points earned {earned} are good until {last}." for earned, last in dates]
    lines.append(f"{plan.owner} issues them.")
    if not plan.life.endswith(valid.strip().lower()) and plan.epoch_length:
        season = words.count(plan.epoch_length // words.DAY, "whole day")
        lines.append(
            f"They expire by seasons of {season}, a quarter of {valid} rounded up for the customers;"
            " what is earned last in a season lives shortest."
        )
    preview = {
        "name": name,
        "symbol": symbol,
        "life": plan.life,
        "owner": plan.owner,
        "dates": [{"earned": earned, "good_until": last} for earned, last in dates],
    }
    if not agreed(
        session, "\n".join(lines), preview, "Launch these points? Nothing of this can be changed later"
    ):
        return
    brand = troc.brands.launch(plan, troc.sender)
    session.result(
        preview | brand_form(brand) | {"sent": True}, f"{brand.title} is launched: {brand.address}"
    )


@app.command()
def mint(
    context: typer.Context,
    brand: _Brand,
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with the columns address and amount")],
    reference: Annotated[
        str,
        typer.Option(help='What these points are for, if an equal file was paid before: "bonus May 2027"'),
    ] = "",
    grant: Annotated[int | None, typer.Option(help="Issue out of this grant of yours")] = None,
) -> None:
    """Issue points to many. Stopped and run again, it pays nobody twice."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    payouts = troc.read_payouts(found, file)
    total = sum(payout.units for payout in payouts)
    left = troc.check_mint(found, payouts, reference=reference, grant=grant)
    preview = {"recipients": len(payouts), "total": amount_form(found, total)}
    before = (
        f"{words.count(len(payouts), 'customer')} had {found.text(total)} from an earlier run of this file;"
        " for new points, give them a --reference of their own."
    )
    if left == 0:
        nothing = {"sent": False, "issued": amount_form(found, 0), "paid": 0, "paid_before": len(payouts)}
        session.result(preview | nothing | {"transactions": []}, f"Nothing was left to issue. {before}")
        return
    text = f"{found.text(total)} for {words.count(len(payouts), 'customer')}, {_life_today(found, session)}."
    if left < total:
        text += f" An earlier run of this file issued {found.text(total - left)} of them."
    if not agreed(session, text, preview, "Issue them?"):
        return
    with progress_bar(session, "Issuing", len(payouts)) as step:
        report = troc.mint_payouts(found, payouts, reference=reference, grant=grant, progress=step)
    said = (
        f"Issued {found.text(report.units)} to {words.count(report.recipients, 'customer')}"
        f" in {words.count(len(report.transactions), 'transaction')}."
        if report.transactions
        else "Nothing was left to issue."
    )
    if report.recipients_before:
        said += (
            f" {words.count(report.recipients_before, 'customer')} had {found.text(report.units_before)}"
            " from an earlier run of this file; for new points, give them a --reference of their own."
        )
    session.result(
        preview
        | {
            "sent": bool(report.transactions),
            "issued": amount_form(found, report.units),
            "paid": report.recipients,
            "paid_before": report.recipients_before,
            "transactions": list(report.transactions),
        },
        said,
    )


@app.command()
def issuer(
    context: typer.Context,
    brand: _Brand,
    address: Annotated[str, typer.Argument(help="Who may issue")],
    amount: Annotated[str | None, typer.Option(help="What it may issue from now on; 0 stops it")] = None,
    per_day: Annotated[
        str | None, typer.Option(help="What it may issue in a day (UTC); 0: no cap", show_default="0")
    ] = None,
    locked_until: Annotated[
        str, typer.Option(help="Until when you cannot lower it, for contracts: 2027-02-19 or 90d")
    ] = "",
    grant: Annotated[int, typer.Option(help="Number of the grant")] = 0,
    release: Annotated[
        bool,
        typer.Option("--release", help="Free what a locked grant no longer needs; ends it after its date"),
    ] = False,
) -> None:
    """Show what an issuer may still issue; with --amount, set it."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    address = session.address_of(address, "issuer")
    if release:
        if amount is not None:
            raise InputError("--release and --amount exclude each other", "leave one away")
        _release(session, troc, found, address, grant)
        return
    if amount is None:
        for option, given in (("--per-day", per_day), ("--locked-until", locked_until)):
            if given:
                raise InputError(
                    f"{option} needs --amount", "say also what it may issue in all from now on: --amount 5000"
                )
        _show_grant(session, troc, found, address, grant)
        return
    units, cap = (_units_or_none(text, found) for text in (amount, per_day or "0"))
    lock = words.parse_until(locked_until, session.chain.now()) if locked_until else 0
    text = f"{address} may issue {found.text(units)} from now on"
    text += f", {found.text(cap)} a day at most" if cap else ""
    text += f", and you cannot lower that until {words.moment(lock)}" if lock else ""
    preview = {"issuer": address, "grant": grant, "amount": amount_form(found, units), "locked_until": lock}
    if not agreed(session, text + ".", preview, "Set it?"):
        return
    receipt = troc.brands.set_grant(
        found, address, units, troc.signer, grant=grant, per_day=cap, locked_until=lock
    )
    session.result(preview | sent_form(receipt), "Set.")


@app.command("give-back")
def give_back(
    context: typer.Context,
    points: Annotated[str, typer.Argument(help='Such as "20 PANIER"')],
    holder: Annotated[str, typer.Argument(help="The customer who spent them")],
    receipt: Annotated[
        str, typer.Argument(help="What she spent them for: 0x and 64 hex digits, or what you called it")
    ],
    grant: Annotated[int | None, typer.Option(help="Out of this grant of yours, as an issuer")] = None,
) -> None:
    """Give back points that were spent on goods which came back. They live no longer than before."""
    session = session_of(context)
    troc = troc_of(session)
    side = troc.side(points)
    holder = session.address_of(holder, "customer")
    is_reference = re.fullmatch(r"0x[0-9a-fA-F]{64}", receipt)
    reference = bytes.fromhex(receipt[2:]) if is_reference else troc.receipt(side.brand, receipt)
    found = troc.brands.redemption(side.brand, holder, reference)
    text = f"{side.text} come back to {holder}, of {side.brand.number(found.left)} that still can."
    preview = amount_form(side.brand, side.units) | {
        "holder": holder,
        "receipt": "0x" + reference.hex(),
        "left": [amount_form(side.brand, units) | {"expiry": expiry} for units, expiry in found.lots],
    }
    if side.units <= found.left and not agreed(session, text, preview, "Give them back?"):
        return
    sent = troc.brands.give_back(side.brand, found, side.units, troc.signer, grant)
    session.result(preview | sent_form(sent), f"{side.text} are hers again.")


@app.command()
def receipt(
    context: typer.Context,
    brand: _Brand,
    text: Annotated[str, typer.Argument(help='What you call it: "basket 4711"')],
) -> None:
    """Make the public reference of a receipt, for a customer who redeems: `troc points redeem`."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    reference = "0x" + troc.receipt(found, text).hex()
    session.result({"token": found.address, "receipt": reference}, reference)


@app.command("hand-over")
def hand_over(
    context: typer.Context,
    brand: _Brand,
    to: Annotated[
        str, typer.Option(help="As the owner: make this account the owner, which asked for it")
    ] = "",
    ask: Annotated[
        bool, typer.Option("--ask", help="As the new owner: ask for it first; good for 48 hours")
    ] = False,
) -> None:
    """Hand a brand over: the new owner asks, then the old one agrees. Locked grants bind both."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    if ask == bool(to):
        raise InputError("one step is needed", "write --ask as the new owner, or --to ADDRESS as the old one")
    if ask:
        text = f"You ask {troc.status(found).owner} for {found.title}; it has 48 hours to agree."
        if agreed(session, text, brand_form(found), "Ask for it?"):
            receipt = troc.brands.ask_for(found, troc.signer)
            said = f"Asked. Now its owner: `troc brand hand-over {found.symbol} --to {troc.address}`."
            session.result(brand_form(found) | sent_form(receipt), said)
        return
    to = session.address_of(to, "new owner")
    text = f"From now on {to} owns {found.title}, and alone issues it. You cannot take that back."
    preview = brand_form(found) | {"owner": to}
    if agreed(session, text, preview, "Hand it over?"):
        session.result(preview | sent_form(troc.brands.hand_over(found, to, troc.signer)), "Handed over.")


@app.command()
def domain(
    context: typer.Context,
    brand: _Brand,
    name: Annotated[str, typer.Argument(help="The domain, such as biobox.example")],
) -> None:
    """Claim a domain for points. Serve the proof there first: docs/client.md shows the file."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    preview = {"token": found.address, "domain": name}
    if not agreed(session, f"{found.name} claims {name}.", preview, "Claim it?"):
        return
    receipt = troc.brands.claim_domain(found, name, troc.signer)
    session.result(preview | sent_form(receipt), "Claimed.")


def _life_today(brand: Brand, session: Session) -> str:
    expiry = brand.longest_life(session.chain.now())
    return "good for ever" if words.never_expires(expiry) else f"good until {words.last_day(expiry)}"


def _units_or_none(text: str, brand: Brand) -> int:
    if text.strip() == "0":
        return 0
    return words.to_units(words.parse_amount(text), brand.decimals, brand.symbol)


def _release(session: Session, troc: Troc, brand: Brand, address: str, number: int) -> None:
    before = troc.status(brand).promised
    preview = {"issuer": address, "grant": number}
    text = f"You free what grant {number} of {address} no longer needs. Nothing is taken from anybody."
    if not agreed(session, text, preview, "Free it?"):
        return
    receipt = troc.brands.release_grant(brand, address, troc.signer, number)
    after = troc.status(brand).promised
    freed = {"freed": amount_form(brand, before - after), "promised": amount_form(brand, after)}
    session.result(
        preview | freed | sent_form(receipt),
        f"{brand.text(before - after)} are promised no longer; {brand.number(after)} still are.",
    )


def _show_grant(session: Session, troc: Troc, brand: Brand, address: str, number: int) -> None:
    grant = troc.brands.grant(brand, address, number)
    text = f"{address} may still issue {brand.text(grant.amount)}"
    if grant.per_day:
        left = max(grant.per_day - grant.used_today, 0)
        text += f", today {brand.number(left)} of {brand.number(grant.per_day)}"
    if grant.locked_until:
        text += f"; promised until {words.moment(grant.locked_until)}"
    session.result(
        {
            "issuer": address,
            "grant": number,
            "amount": amount_form(brand, grant.amount),
            "per_day": amount_form(brand, grant.per_day),
            "used_today": amount_form(brand, grant.used_today),
            "locked_until": grant.locked_until,
        },
        text + ".",
    )
