"""`troc brand earn`: what receipts earn under a file of rules."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.members import Database, PasswordFile, desk_of
from troc.cli.session import session_of
from troc.errors import InputError

if TYPE_CHECKING:
    from troc.programme.comparing import Difference
    from troc.programme.earning import Earned

_ALL_SHOWN = 12


def earn(
    context: typer.Context,
    rules: Annotated[Path, typer.Argument(help="The rules, in YAML; docs/earning.md explains them")],
    receipts: Annotated[Path, typer.Argument(help="CSV or Parquet, one row for each line of a receipt")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the points, for `troc brand mint`")
    ] = None,
    unclaimed: Annotated[
        Path | None, typer.Option(help="Where to write the points of members without an address")
    ] = None,
    month: Annotated[str, typer.Option(help="Only the baskets of this month: 2027-02")] = "",
    value: Annotated[str, typer.Option(help="Fair value of a whole point in money, such as 0.01")] = "",
    against: Annotated[
        Path | None, typer.Option(help="The rules until now: shows what the new ones change")
    ] = None,
    members: Annotated[
        str, typer.Option(metavar="BRAND", help="Whose members the cards are: their addresses get the points")
    ] = "",
    keep: Annotated[
        str, typer.Option(help='Keep points of members without an address as claims, for "February 2027"')
    ] = "",
    net: Annotated[
        str,
        typer.Option(help='Keep back what members owe, once for "February 2027" (default: what --keep says)'),
    ] = "",
    database: Database = "",
    members_password_file: PasswordFile = None,
    table: Annotated[
        list[str] | None, typer.Option(help="File of a table that the rules name: products=products.parquet")
    ] = None,
) -> None:
    """Work out what receipts earn, and tell why. Sends nothing; `troc brand mint` issues what it writes."""
    from troc.programme.addresses import OwnAddresses, Shares, share, write_points
    from troc.programme.comparing import compare
    from troc.programme.earning import earn as earn_points
    from troc.programme.rules import read_rules

    session = session_of(context)
    if keep and not members:
        raise InputError("claims are kept with the members", "name their brand with --members")
    if net and not members:
        raise InputError("debts stand in the brand's books", "name the brand with --members")
    if output is None and not session.options.dry_run:
        raise InputError("there is nowhere to write the points", "name a file with -o, or use --dry-run")
    worth = _value(value)
    new_rules = read_rules(rules)
    old_rules = read_rules(against) if against else None
    tables = _tables(table or [])
    desk = desk_of(context, members, database, members_password_file) if members else None
    if desk and desk.brand.decimals != new_rules.points_decimals:
        raise InputError(
            f"{desk.brand.symbol} have {desk.brand.decimals} decimals, the rules {new_rules.points_decimals}",
            "set points_decimals in the rules",
        )
    statuses = desk.programme.members if desk else None
    with session.console.status("Reading receipts") as status:

        def progress(lines: int) -> None:
            status.update(f"Reading receipts: {words.count(lines, 'line')}")

        how: dict[str, Any] = {"month": month, "progress": progress, "statuses": statuses}
        earned = earn_points(new_rules, receipts, tables=tables, **how)
        old = None
        if old_rules:
            named = {t.name for t in old_rules.tables}
            old_tables = {name: file for name, file in tables.items() if name in named}
            old = earn_points(old_rules, receipts, tables=old_tables, **how)
    difference = compare(old, earned) if old else None
    lines = _report(earned, worth)
    lines += _difference_report(difference, worth) if difference else []
    owed: Mapping[str, int] = earned.members
    netted: dict[str, int] = {}
    if desk and (net or keep):
        from troc.programme.moving import net_earned

        owed, netted = net_earned(desk.programme, owed, net or keep, dry_run=True)
        if netted:
            lines.append(
                f"{words.count(len(netted), 'member')} owed points: {_sum(earned, netted)} of what they"
                f" earned are kept back, for {net or keep!r}."
            )
    elif desk and (debts := desk.programme.debts.total()):
        lines.append(
            f"Customers owe {desk.brand.text(debts)}, of which nothing is kept back here:"
            ' --net "February 2027" does, once for that name.'
        )
    if desk and keep:
        from troc.programme.moving import without_kept

        due, owed = owed, without_kept(desk.programme, owed, keep)
        if before := len(due) - len(owed):
            lines.append(
                f"{words.count(before, 'member')} had their points kept for {keep!r} before: they are left"
                f" out (`troc brand members pay {desk.brand.symbol}` pays them)."
            )
    shares = share(owed, desk.programme.members if desk else OwnAddresses())
    by_card = not shares.issued and not desk
    written: dict[str, Any] = {}
    decimals = new_rules.points_decimals
    known: Mapping[str, int] = {}
    if not by_card and shares.unclaimed:
        from troc.programme.moving import of_members

        known, unknown = of_members(desk.programme, shares.unclaimed) if desk else (shares.unclaimed, {})
        if known:
            lines.append(
                f"{words.count(len(known), 'member')} without an address: {_sum(earned, known)} points"
                + (" wait for them." if keep else ", in the file of --unclaimed alone.")
            )
        if unknown:
            lines.append(
                f"{words.count(len(unknown), 'card')} of no member: {_sum(earned, unknown)} points, kept"
                f" nowhere but in the file of --unclaimed. `troc brand members add-all {members}"
                " FILE` makes members of them; then run this once more."
            )
        if desk and keep:
            shares = Shares(shares.issued, unknown)
        if shares.unclaimed and not unclaimed and (output or keep):
            raise InputError(
                f"{words.count(len(shares.unclaimed), 'card')} with"
                f" {_sum(earned, shares.unclaimed)} points have no address",
                "say with --unclaimed where to write them",
            )
    if desk and (net or keep) and not session.options.dry_run:
        from troc.programme.moving import keep_earned, net_earned

        if net_earned(desk.programme, earned.members, net or keep)[1] != netted:
            raise InputError("what members owe has changed meanwhile", "run it again")
        if keep and known:
            expiry = desk.brand.longest_life(session.chain.now())
            new = keep_earned(desk.programme, known, expiry, keep)
            lines.append(f"Kept {words.count(new, 'new claim')} with the members of {desk.brand.symbol}.")
    if output:
        name, points = ("card", shares.unclaimed) if by_card else ("address", shares.issued)
        write_points(output, name, points, decimals)
        written = {"output": str(output), "column": name, "rows": len(points)}
        lines.append(f"Wrote {output}: {words.count(len(points), 'row')} of {name} and amount.")
        if unclaimed and not by_card:
            write_points(unclaimed, "card", shares.unclaimed, decimals)
            written |= {"unclaimed": str(unclaimed), "unclaimed_rows": len(shares.unclaimed)}
            lines.append(
                f"Wrote {unclaimed}: {words.count(len(shares.unclaimed), 'row')} of card and amount."
            )
    session.result(
        _form(earned, worth)
        | ({"difference": _difference_form(difference)} if difference else {})
        | ({"netted": {"members": len(netted), "units": str(sum(netted.values()))}} if desk else {})
        | written
        | {"sent": False},
        "\n".join([*lines, "Nothing was sent."]),
    )


def _sum(earned: Earned, points: Mapping[str, int]) -> str:
    return earned.points(sum(points.values()))


def _value(text: str) -> Fraction | None:
    if not text:
        return None
    return Fraction(words.parse_amount(text))


def _tables(named: list[str]) -> dict[str, Path]:
    tables = {}
    for each in named:
        name, equals, file = each.partition("=")
        if not equals or not name or not file:
            raise InputError(f"{each!r} names no table", "write --table products=products.parquet")
        tables[name] = Path(file)
    return tables


# ---------------------------------------------------------------------------------------------- in words


def _report(earned: Earned, value: Fraction | None) -> list[str]:
    rules, points = earned.rules, earned.points
    members = words.count(len(earned.members), "member")
    lines = [
        f"{rules.name}{f', {earned.month}' if earned.month else ''}:"
        f" {points(earned.units)} points for {members},"
        f" from {words.count(earned.baskets, 'basket')} of {words.count(earned.lines, 'line')},"
        f" {rules.money(earned.cents)}.",
        "By rule:",
    ]
    width = max(len(rule.name) for rule in earned.by_rule)
    lines += [
        f"  {rule.name:{width}}  {points(rule.units):>18}  {words.count(rule.baskets, 'basket')}"
        for rule in earned.by_rule
    ]
    each = "a basket" if rules.per == "basket" else "a line"
    lines.append(f"Rounding ({rules.mode} for {each}): {points(-earned.rounding)}.")
    if earned.below_zero.baskets:
        below = earned.below_zero
        lines.append(
            f"{words.count(below.baskets, 'basket')} below zero ({rules.money(below.cents)}) earned nothing;"
            f" {points(below.units)} points of returns were taken from nobody."
        )
    for name, cap, cut in (
        ("a basket", rules.basket_cap, earned.basket_cap),
        ("a member and day", rules.day_cap, earned.day_cap),
    ):
        if cap is not None:
            lines.append(
                f"Cap of {points(cap)} {name}: reached {words.count(cut.times, 'time')},"
                f" {points(cut.units)} points less."
            )
    for out in earned.excluded:
        if out.lines:
            lines.append(
                f"Excluded, {out.name}: {words.count(out.lines, 'line')}, {rules.money(out.cents)},"
                f" {points(out.units)} points less."
            )
    for month in sorted(earned.months)[-_ALL_SHOWN:]:
        lines.append(
            f"  {month}  {points(earned.months[month]):>18}{_cost(earned, earned.months[month], value)}"
        )
    if earned.last_month:
        units = earned.months[earned.last_month]
        lines.append(
            f"The last whole month ({earned.last_month}) would have cost {points(units)} points"
            f"{_cost(earned, units, value)}."
        )
    return lines


def _cost(earned: Earned, units: int, value: Fraction | None) -> str:
    return "" if value is None else f", {_money(earned, earned.cost(units, value))}"


def _money(earned: Earned, amount: Fraction) -> str:
    scaled = amount * 10**earned.rules.currency_decimals
    return earned.rules.money((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator))


def _difference_report(difference: Difference, value: Fraction | None) -> list[str]:
    from troc.programme.earning import points_text

    def points(units: int | Fraction) -> str:
        return points_text(units, difference.decimals)

    def signed(units: int | Fraction) -> str:
        return ("+" if units > 0 else "") + points(units)

    change = difference.new_units - difference.old_units
    lines = [
        f"Against the rules until now: {points(difference.old_units)} → {points(difference.new_units)}"
        f" points ({signed(change)}). {words.count(difference.gaining, 'member')} gain,"
        f" {difference.losing:,} lose.",
        "By rule:",
    ]
    for rule in difference.rules:
        if rule.old == rule.new:
            continue
        before = "new" if rule.old is None else points(rule.old)
        after = "gone" if rule.new is None else points(rule.new)
        lines.append(f"  {rule.name}: {before} → {after} ({signed((rule.new or 0) - (rule.old or 0))})")
    lines.append("By tenth of the members, those who earned least first:")
    lines += [
        f"  {decile.number:>2}  {words.count(decile.members, 'member'):>14}  {points(decile.old)} →"
        f" {points(decile.new)} ({signed(decile.new - decile.old)})"
        for decile in difference.deciles
    ]
    for title, members in (("Gain most", difference.winners), ("Lose most", difference.losers)):
        lines += [f"{title}:"] if members else []
        lines += [
            f"  {each.member}: {points(each.old)} → {points(each.new)} ({signed(each.new - each.old)})"
            for each in members
        ]
    return lines


# ------------------------------------------------------------------------------------------------ in JSON


def _form(earned: Earned, value: Fraction | None) -> dict[str, Any]:
    """Points in smallest units; what can be a fraction of one is written as numerator/denominator."""
    last = earned.months.get(earned.last_month, 0)
    return {
        "rules": earned.rules.name,
        "currency": earned.rules.currency,
        "points_decimals": earned.rules.points_decimals,
        "units": str(earned.units),
        "members": len(earned.members),
        "baskets": earned.baskets,
        "lines": earned.lines,
        "cents": str(earned.cents),
        "by_rule": [
            {"name": rule.name, "units": str(rule.units), "baskets": rule.baskets} for rule in earned.by_rule
        ],
        "rounding": str(earned.rounding),
        "below_zero": {
            "baskets": earned.below_zero.baskets,
            "cents": str(earned.below_zero.cents),
            "units": str(earned.below_zero.units),
        },
        "caps": {
            "basket": {"times": earned.basket_cap.times, "units": str(earned.basket_cap.units)},
            "member_day": {"times": earned.day_cap.times, "units": str(earned.day_cap.units)},
        },
        "excluded": [
            {"name": out.name, "lines": out.lines, "cents": str(out.cents), "units": str(out.units)}
            for out in earned.excluded
        ],
        "months": {month: str(units) for month, units in earned.months.items()},
        "last_month": {"month": earned.last_month, "units": str(last)}
        | ({} if value is None else {"cost": _money(earned, earned.cost(last, value))}),
    }


def _difference_form(difference: Difference) -> Mapping[str, Any]:
    return {
        "points_decimals": difference.decimals,
        "old_units": str(difference.old_units),
        "new_units": str(difference.new_units),
        "gaining": difference.gaining,
        "losing": difference.losing,
        "by_rule": [
            {
                "name": rule.name,
                "old": None if rule.old is None else str(rule.old),
                "new": None if rule.new is None else str(rule.new),
            }
            for rule in difference.rules
        ],
        "deciles": [
            {"decile": each.number, "members": each.members, "old": str(each.old), "new": str(each.new)}
            for each in difference.deciles
        ],
        "winners": [_member_form(each) for each in difference.winners],
        "losers": [_member_form(each) for each in difference.losers],
    }


def _member_form(change: Any) -> dict[str, str]:
    return {"member": change.member, "old": str(change.old), "new": str(change.new)}
