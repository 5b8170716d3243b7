"""What a till accepts: jobs for the writer, each of which decides and writes down in one transaction.

A receipt is a sale of the till. Sent again with the same content it gets the same answer, with another one
it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.brands import Brand
from troc.errors import InputError
from troc.messages import Redeem
from troc.serving.refusal import RefusalError
from troc.store import reading
from troc.till.tables import errands, issues, redemptions, returns
from troc.till.tokens import holder_of
from troc.till.writer import ForReceipt, Issue, Job, Turn

STORED, SIGNED, DONE, FAILED = "stored", "signed", "done", "failed"
OPEN = (STORED, SIGNED)

ISSUE, PENDING, REDEEM, CANCEL, GIVE_BACK = "issue", "pending", "redeem", "cancel", "give back"
CLAIM, END_VOUCHER, RELEASE = "claim", "end voucher", "release"
OUT, CLAIMED, VOID = "out", "claimed", "void"


@dataclass(frozen=True)
class Limits:
    """What the brand lets a till risk, in smallest units.

    `risk_each` and `risk_total`: signed redemptions of one customer and of all that are accepted unseen,
    while the chain cannot be asked. `vouchers`: signed vouchers that are out.
    """

    risk_each: int = 0
    risk_total: int = 0
    vouchers: int = 0


@dataclass(frozen=True)
class Redemption:
    """Points spent for a receipt, and the errand that takes the signature to the chain."""

    receipt: str
    holder: str
    units: int
    errand: int
    state: str
    transaction: str | None
    why: str | None
    unseen: bool


@dataclass(frozen=True)
class Return:
    """What a return did. Each part in smallest units.

    Points earned on the goods are `dropped` (they were not issued yet), `cancelled` on the chain, or a `debt`
    because it is too late; points spent on them are `given_back`.
    """

    id: str
    receipt: str
    dropped: int
    cancelled: int
    debt: int
    given_back: int
    done: bool
    why: str | None


@dataclass(frozen=True)
class Sale:
    """What the till knows of a receipt."""

    receipt: str
    issue: Issue | None
    issue_state: str
    issue_why: str | None
    transaction: str | None
    left: int
    redemption: Redemption | None
    redemption_left: int


def new_errand(turn: Turn, kind: str, subject: str, units: int, **values: Any) -> int:
    """Write an errand down; gives its id. What it `reserved` stays open until it is done."""
    row: dict[str, Any] = {
        "state": STORED,
        "reserved": 0,
        "matures_at": 0,
        "since": turn.books.block,
    } | values
    found = turn.connection.execute(
        errands.insert().values(kind=kind, subject=subject, units=units, **row).returning(errands.c.id)
    )
    return int(found.scalar_one())


# ---------------------------------------------------------------------------------------------------- issuing


def accept_issue(brand: Brand, token: str, wanted: Issue, voucher_limit: int | None = None) -> Job[Issue]:
    """Accept points for a receipt. With a `voucher_limit`, as a signed voucher that counts against it."""

    def job(turn: Turn) -> Issue:
        name = holder_of(turn, token)
        before = turn.find_issue(wanted.receipt)
        if before is not None:
            asked, got = (
                (issue.customer, issue.units, issue.matures, issue.voucher is None)
                for issue in (wanted, before)
            )
            if asked != got:
                kind = "points" if before.voucher is None else "a voucher"
                raise _differs(
                    wanted.receipt, f"{kind} of {brand.text(before.units)} for {before.customer or 'a code'}"
                )
            return before
        if wanted.matures and wanted.matures_at <= wanted.accepted_at:
            raise InputError(f"{wanted.matures} has passed", "name a date to come, or leave `matures` out")
        if voucher_limit is not None:
            out = vouchers_out(turn)
            if out + wanted.units > voucher_limit:
                raise RefusalError(
                    "voucher_limit",
                    403,
                    f"vouchers of {brand.text(out)} are out, and {brand.number(voucher_limit)} may be",
                    "issue without a voucher, or wait until some are claimed",
                )
        _take_room(turn, brand, wanted.units)
        turn.add_issue(wanted, name, None if wanted.voucher is None else OUT)
        return wanted

    return ForReceipt(wanted.receipt, job)


def vouchers_out(turn: Turn) -> int:
    """Units of vouchers that were handed out and are neither claimed nor void."""
    query = sa.select(sa.func.sum(issues.c.units)).where(issues.c.voucher_state == OUT)
    return int(turn.connection.scalar(query) or 0)


def _take_room(turn: Turn, brand: Brand, units: int) -> None:
    books = turn.books
    if units > books.room:
        by_day = books.cap and books.cap - books.used_today < books.grant_left
        raise RefusalError(
            "day_cap_reached" if by_day else "grant_exhausted",
            403,
            f"the till can issue {brand.text(books.room)} more{' today' if by_day else ''},"
            f" not {brand.number(units)}",
            "go on tomorrow (UTC), or ask the brand for a higher cap (`troc brand issuer`)"
            if by_day
            else "ask the brand for a larger grant (`troc brand issuer`)",
        )
    books.open_units += units


# -------------------------------------------------------------------------------------------------- redeeming


def find_redemption(turn: Turn, receipt: str) -> Redemption | None:
    """The redemption of a receipt, as it stands."""
    row = turn.connection.execute(
        sa.select(
            redemptions.c.receipt,
            redemptions.c.holder,
            redemptions.c.units,
            redemptions.c.errand,
            errands.c.state,
            errands.c.transaction,
            errands.c.why,
            redemptions.c.unseen,
        )
        .join(errands, errands.c.id == redemptions.c.errand)
        .where(redemptions.c.receipt == receipt)
    ).one_or_none()
    return None if row is None else Redemption(*row)


def known_redemption(token: str, receipt: str, message: Redeem) -> Job[Redemption | None]:
    """What was answered to the same request before."""

    def job(turn: Turn) -> Redemption | None:
        holder_of(turn, token)
        found = find_redemption(turn, receipt)
        if found is not None:
            stored = turn.connection.scalar(
                sa.select(redemptions.c.message).where(redemptions.c.receipt == receipt)
            )
            if stored != _text(message):
                if found.state == FAILED:
                    # She may sign again.
                    return None
                raise _differs(receipt, f"another redemption by {found.holder}")
        return found

    return job


def accept_redemption(
    brand: Brand,
    token: str,
    receipt: str,
    message: Redeem,
    signature: bytes,
    *,
    balance: int | None,
    limits: Limits,
    now: int,
) -> Job[Redemption]:
    """Keep a customer's signature. `balance` None: the chain cannot be asked, and the limits of risk hold."""

    def job(turn: Turn) -> Redemption:
        name = holder_of(turn, token)
        before = known_redemption(token, receipt, message)(turn)
        if before is not None:
            return before
        mine, everybodys = risk(turn, message.holder), risk(turn)
        if balance is not None and balance - mine < message.amount:
            raise RefusalError(
                "too_few_points",
                403,
                f"{message.holder} has {brand.text(max(balance - mine, 0))},"
                f" not {brand.number(message.amount)}",
                "take less, or let her pay otherwise",
            )
        if balance is None:
            for at_risk, limit, whose in (
                (mine, limits.risk_each, "of this customer"),
                (everybodys, limits.risk_total, "of all customers"),
            ):
                if at_risk + message.amount > limit:
                    raise RefusalError(
                        "risk_limit",
                        403,
                        f"the chain cannot be asked, and of {brand.text(limit)} {whose} that may be taken"
                        f" unseen {brand.number(max(limit - at_risk, 0))} are left",
                        "take less, or wait until the chain answers",
                    )
        query = sa.select(redemptions.c.receipt).join(errands, errands.c.id == redemptions.c.errand)
        twice = turn.connection.scalar(
            query.where(
                redemptions.c.holder == message.holder,
                redemptions.c.nonce == str(message.nonce),
                errands.c.state != FAILED,
            )
        )
        if twice is not None:
            raise RefusalError(
                "nonce_used",
                409,
                f"this signature has the nonce of the receipt {twice}",
                "let her sign a new draft",
            )
        turn.connection.execute(redemptions.delete().where(redemptions.c.receipt == receipt))
        errand = new_errand(turn, REDEEM, receipt, message.amount)
        turn.connection.execute(
            redemptions.insert().values(
                receipt=receipt,
                holder=message.holder,
                units=message.amount,
                message=_text(message),
                nonce=str(message.nonce),
                signature="0x" + signature.hex(),
                returned=0,
                unseen=balance is None,
                errand=errand,
                token=name,
                accepted_at=now,
            )
        )
        return Redemption(
            receipt, message.holder, message.amount, errand, STORED, None, None, balance is None
        )

    return job


def risk(turn: Turn, holder: str | None = None) -> int:
    """Units of signatures that are kept and not yet final."""
    query = (
        sa.select(sa.func.sum(redemptions.c.units))
        .join(errands, errands.c.id == redemptions.c.errand)
        .where(errands.c.state.in_(OPEN))
    )
    if holder is not None:
        query = query.where(redemptions.c.holder == holder)
    return int(turn.connection.scalar(query) or 0)


def count_redemptions(token: str, holder: str) -> Job[int]:
    """How often a customer redeemed here: her next nonce follows from it."""

    def job(turn: Turn) -> int:
        holder_of(turn, token)
        query = sa.select(sa.func.count()).where(redemptions.c.holder == holder)
        return int(turn.connection.scalar(query) or 0)

    return job


def _text(message: Redeem) -> str:
    return json.dumps(message.to_json(), sort_keys=True)


# -------------------------------------------------------------------------------------------------- returning


def accept_return(
    brand: Brand, token: str, id_: str, receipt: str, earned: int | None, spent: int | None, now: int
) -> Job[Return]:
    """Return goods: take back points earned on them, give back points spent on them.

    `earned` and `spent` in smallest units; both None: everything that is left.
    """
    content = f"{receipt} {earned} {spent}"

    def job(turn: Turn) -> Return:
        name = holder_of(turn, token)
        before = turn.connection.execute(
            sa.select(returns.c.content, returns.c.receipt).where(returns.c.id == id_)
        ).one_or_none()
        if before is not None:
            if before.content != content:
                raise RefusalError(
                    "return_differs",
                    409,
                    f"the return {id_} stands for another one, of the receipt {before.receipt}",
                    "use a new number for a new return",
                )
            return find_return(turn, id_)
        issue, redemption = turn.find_issue(receipt), find_redemption(turn, receipt)
        if issue is None and redemption is None:
            raise unknown(receipt)
        row: dict[str, Any] = dict.fromkeys(("dropped", "cancelled", "debt", "given_back"), 0)
        row |= {"customer": "", "debt_told": False}
        everything = earned is None and spent is None
        acts = _take_back(turn, brand, issue, receipt, None if everything else earned or 0, now, row)
        back = _to_give_back(turn, brand, redemption, receipt, None if everything else spent or 0)
        if back:
            _take_room(turn, brand, back)
        for act in acts:
            act()
        is_voucher = row.pop("voucher", False)
        turn.connection.execute(
            returns.insert().values(
                **row | {"given_back": back},
                id=id_,
                receipt=receipt,
                content=content,
                token=name,
                accepted_at=now,
            )
        )
        if row["cancelled"]:
            new_errand(turn, END_VOUCHER if is_voucher else CANCEL, id_, row["cancelled"])
        if back:
            turn.connection.execute(
                redemptions.update()
                .where(redemptions.c.receipt == receipt)
                .values(returned=redemptions.c.returned + back)
            )
            new_errand(turn, GIVE_BACK, id_, back, reserved=back)
        return find_return(turn, id_)

    return job


def _take_back(
    turn: Turn,
    brand: Brand,
    issue: Issue | None,
    receipt: str,
    wanted: int | None,
    now: int,
    row: dict[str, Any],
) -> list[Callable[[], None]]:
    """Decide what becomes of points earned; the changes follow once the whole return is accepted."""
    if issue is None:
        if wanted:
            raise RefusalError(
                "nothing_earned", 404, f"nothing was earned on the receipt {receipt}", "leave `earned` out"
            )
        return []
    stored = turn.connection.execute(
        sa.select(issues.c.dropped, issues.c.returned, issues.c.errand, issues.c.voucher_state).where(
            issues.c.receipt == receipt
        )
    ).one()
    left = issue.units - stored.dropped - stored.returned
    units = left if wanted is None else wanted
    if units > left:
        raise RefusalError(
            "more_than_left",
            409,
            f"{brand.text(left)} earned on the receipt {receipt} are left, not {brand.number(units)}",
            "take back less",
        )
    if units == 0:
        return []
    if stored.voucher_state == OUT and units < left:
        raise RefusalError(
            "voucher_whole", 409, f"the voucher of {receipt} cannot be cut", "return all of it, or wait"
        )
    row["customer"] = issue.customer
    kind = None
    if stored.errand is not None:
        kind = turn.connection.scalar(sa.select(errands.c.kind).where(errands.c.id == stored.errand))
    if stored.errand is None and stored.voucher_state is None:
        row["dropped"] = units
    elif (kind == PENDING and now < issue.matures_at) or stored.voucher_state == OUT:
        row["cancelled"] = units
        row["voucher"] = stored.voucher_state == OUT
    elif stored.voucher_state == VOID:
        return []
    else:
        row["debt"] = units
    column = issues.c.dropped if row["dropped"] else issues.c.returned

    def act() -> None:
        turn.connection.execute(
            issues.update().where(issues.c.receipt == receipt).values({column: column + units})
        )
        if row["dropped"]:
            turn.books.open_units -= units

    return [act]


def _to_give_back(
    turn: Turn, brand: Brand, redemption: Redemption | None, receipt: str, wanted: int | None
) -> int:
    if redemption is None or redemption.state == FAILED:
        if wanted:
            raise RefusalError(
                "nothing_spent", 404, f"no points were spent on the receipt {receipt}", "leave `spent` out"
            )
        return 0
    returned = turn.connection.scalar(
        sa.select(redemptions.c.returned).where(redemptions.c.receipt == receipt)
    )
    left = redemption.units - int(returned or 0)
    if wanted is not None and wanted > left:
        raise RefusalError(
            "more_than_left",
            409,
            f"{brand.text(left)} spent on the receipt {receipt} are left, not {brand.number(wanted)}",
            "give back less",
        )
    return left if wanted is None else wanted


def find_return(turn: Turn, id_: str) -> Return:
    """A return as it stands."""
    row = turn.connection.execute(sa.select(returns).where(returns.c.id == id_)).one_or_none()
    if row is None:
        raise RefusalError("unknown_return", 404, f"there is no return {id_}", "check its number")
    acts = turn.connection.execute(
        sa.select(errands.c.state, errands.c.why).where(
            errands.c.subject == id_, errands.c.kind.in_((CANCEL, GIVE_BACK, END_VOUCHER))
        )
    ).all()
    return Return(
        id=id_,
        receipt=row.receipt,
        dropped=row.dropped,
        cancelled=row.cancelled,
        debt=row.debt,
        given_back=row.given_back,
        done=all(act.state not in OPEN for act in acts),
        why="; ".join(act.why for act in acts if act.why) or None,
    )


# ---------------------------------------------------------------------------------------------------- looking


def unknown(receipt: str) -> RefusalError:
    """No such receipt."""
    return RefusalError(
        "unknown_receipt", 404, f"this till knows no receipt {receipt}", "check its number, or the till"
    )


def find_sale(token: str, receipt: str) -> Job[Sale]:
    """Everything about one receipt."""

    def job(turn: Turn) -> Sale:
        holder_of(turn, token)
        issue, redemption = turn.find_issue(receipt), find_redemption(turn, receipt)
        if issue is None and redemption is None:
            raise unknown(receipt)
        state, why, transaction, left, spent_left = "", None, None, 0, 0
        if issue is not None:
            row = turn.connection.execute(
                sa.select(issues.c.dropped, issues.c.returned, issues.c.errand, issues.c.voucher_state).where(
                    issues.c.receipt == receipt
                )
            ).one()
            left = issue.units - row.dropped - row.returned
            state = "accepted" if row.voucher_state is None else f"voucher {row.voucher_state}"
            if row.errand is not None and row.voucher_state is None:
                errand = turn.connection.execute(sa.select(errands).where(errands.c.id == row.errand)).one()
                why, transaction = errand.why, errand.transaction
                state = {DONE: "pending" if errand.kind == PENDING else "issued", FAILED: "failed"}.get(
                    errand.state, "on its way"
                )
        if redemption is not None:
            returned = turn.connection.scalar(
                sa.select(redemptions.c.returned).where(redemptions.c.receipt == receipt)
            )
            spent_left = redemption.units - int(returned or 0)
        return Sale(receipt, issue, state, why, transaction, left, redemption, spent_left)

    return job


def status_of(engine: Engine) -> dict[str, Any]:
    """How a till stands by its database, whether it is open or not."""
    with reading(engine) as connection:
        turn = Turn(connection)
        return summary(turn) | {"books": dict(vars(turn.books)), "room": turn.books.room}


def summary(turn: Turn) -> dict[str, Any]:
    """How the till stands: units by state, what is held and why."""
    by_state = turn.connection.execute(
        sa.select(errands.c.kind, errands.c.state, sa.func.count(), sa.func.sum(errands.c.units)).group_by(
            errands.c.kind, errands.c.state
        )
    ).all()
    waiting = turn.connection.execute(
        sa.select(sa.func.count(), sa.func.sum(issues.c.units - issues.c.dropped)).where(
            issues.c.errand.is_(None), issues.c.voucher_state.is_(None), issues.c.units > issues.c.dropped
        )
    ).one()
    held = turn.connection.execute(
        sa.select(errands.c.kind, errands.c.subject, errands.c.units, errands.c.state, errands.c.why)
        .where(errands.c.why.is_not(None), errands.c.state.in_((*OPEN, FAILED)))
        .order_by(errands.c.id)
        .limit(100)
    ).all()
    debt = turn.connection.scalar(sa.select(sa.func.sum(returns.c.debt)))
    return {
        "accepted": {"count": int(waiting[0]), "units": int(waiting[1] or 0)},
        "errands": [
            {"kind": kind, "state": state, "count": int(count), "units": int(units or 0)}
            for kind, state, count, units in by_state
        ],
        "held": [row._asdict() for row in held],
        "vouchers_out": vouchers_out(turn),
        "at_risk": risk(turn),
        "debt": int(debt or 0),
    }


def _differs(receipt: str, before: str) -> RefusalError:
    """The same receipt with another content."""
    return RefusalError(
        "receipt_differs",
        409,
        f"the receipt {receipt} stands for {before}",
        "use a new number for a new sale",
    )
