"""`troc attention collect`, `earned`, `claim`, `reconcile`: what a customer was given, what it is worth,
taking it, and comparing it with the brand's book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.acting import agreed, progress_bar, troc_of
from troc.cli.attention import app
from troc.cli.session import Session, session_of
from troc.errors import CampaignError, ChecksFailedError, InputError

if TYPE_CHECKING:
    from troc.attention.claiming import Assessed, Why
    from troc.attention.earning import ClaimReport, Collected, Earned, Earnings, Step
    from troc.attention.reconciling import Reconciled
    from troc.client import Troc

_Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Texts, links, one-time keys, files of slips, leaves or a root, pictures of QR codes, folders",
    ),
]
_For = Annotated[
    str,
    typer.Option("--for", help="Whose slips they are, such as your contract wallet (default: your account)"),
]
_SHOWN = 20
_WEI = 10**18


@app.command()
def collect(context: typer.Context, sources: _Sources, owner: _For = "") -> None:
    """Put statements and tickets into your book, each checked against the chain. Nothing is sent."""
    session = session_of(context)
    found = _earnings(session, troc_of(session), owner).collect(sources)
    refused = [each.error for each in found if each.error is not None]
    session.result(
        {"collected": [_collected_form(each) for each in found], "refused": len(refused)},
        _collected(found),
    )
    if refused and len(found) == 1:
        raise InputError(refused[0].message, refused[0].remedy)
    if refused:
        raise InputError(
            f"{words.count(len(refused), 'thing was', 'things were')} not kept, of {len(found):,}:"
            f" {refused[0].message}",
            f"{refused[0].remedy}; the rest is in your book",
        )


def _earnings(session: Session, troc: Troc, owner: str) -> Earnings:
    from troc.attention.earning import Earnings

    return Earnings(troc, owner=session.address_of(owner, "--for")) if owner else troc.earnings


def _collected(found: Sequence[Collected]) -> str:
    lines = [
        f"{'refused' if each.refused else each.addition}: {each.what or each.place}"
        + (f" ({each.why})" if each.why else "")
        for each in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN:,} more")
    return "\n".join(lines) or "There was nothing in it."


def _collected_form(each: Collected) -> dict[str, Any]:
    return {
        "place": each.place,
        "what": each.what,
        "result": "refused" if each.refused else str(each.addition),
        "why": each.why,
        "campaign": "0x" + each.campaign.hex() if each.campaign else None,
    }


# ---------------------------------------------------------------------------------------------------- earned


@app.command()
def earned(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="How its id begins")] = "",
    owner: _For = "",
) -> None:
    """Say what you earned by campaign: what can be claimed, what opens later, what was claimed, and why."""
    session = session_of(context)
    troc = troc_of(session)
    earnings = _earnings(session, troc, owner)
    found = _earned(troc, earnings, campaign)
    waiting = earnings.book.waiting_keys()
    lines = [line for each in found for line in _earned_lines(each)]
    if waiting:
        lines.append(f"{words.count(len(waiting), 'one-time key waits', 'one-time keys wait')} for a ticket.")
    session.result(
        {"earned": [earned_form(each) for each in found], "waiting_keys": len(waiting)},
        "\n".join(lines) or "You have no slips yet: put them into your book with `troc attention collect`.",
    )


def _earned(troc: Troc, earnings: Earnings, campaign: str) -> list[Earned]:
    return earnings.earned(troc.attention.find(campaign).id if campaign else None)


def _earned_lines(each: Earned) -> list[str]:
    from troc.attention.claiming import State

    assessed, campaign = each.assessed, each.campaign
    never = (State.LOST, State.EXPIRED)
    good = [state for state in State if state not in never]
    head = (
        f"{campaign.symbol}, campaign {campaign.short}: {_counted(assessed, *good)} earned, worth"
        f" {each.worth(*good)}. "
        + ("Yours are reserved." if assessed.enrolled else "Nothing is reserved for you: first come.")
    )
    if not assessed.count(*good):
        head = f"{campaign.symbol}, campaign {campaign.short}: nothing earned that counts."
    lines = [head]
    for state in State:
        for why, contacts, codes in _grouped(assessed, state):
            number = len(contacts) + len(codes)
            what = ", ".join(
                part for part in (_numbered("contact", contacts), _numbered("code", codes)) if part
            )
            lines.append(f"  {state}: {what}, {campaign.worth(number)}: {why.why}")
    return lines + [f"  {note}" for note in assessed.notes]


def _grouped(assessed: Assessed, state: Any) -> list[tuple[Why, list[int], list[int]]]:
    """The contacts and codes of a state, by the reason."""
    found: dict[Why, tuple[list[int], list[int]]] = {}
    for place, several in enumerate((assessed.contacts, assessed.codes)):
        for number, why in several.items():
            if why.state is state:
                found.setdefault(why, ([], []))[place].append(number)
    return [(why, *both) for why, both in found.items()]


def _counted(assessed: Assessed, *states: Any) -> str:
    contacts, codes = len(assessed.numbers(*states)), len(assessed.indexes(*states))
    parts = [words.count(contacts, "contact")] if contacts or not codes else []
    return words.listed(parts + ([words.count(codes, "code")] if codes else []))


def _numbered(noun: str, numbers: Sequence[int]) -> str:
    """ "contacts 0 to 4 and 7"."""
    if not numbers:
        return ""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    texts = [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in spans[:_SHOWN]]
    if len(spans) > _SHOWN:
        texts.append("others")
    return f"{noun if len(numbers) == 1 else noun + 's'} {words.listed(texts)}"


def earned_form(each: Earned) -> dict[str, Any]:
    """What an account has earned in a campaign, for programs."""
    from troc.attention.claiming import State

    assessed = each.assessed
    return {
        "campaign": each.campaign.name,
        "account": "0x" + assessed.account.hex(),
        "reserved": assessed.enrolled,
        "claim_until": each.campaign.terms.claim_until,
        "price": each.campaign.price.as_json(),
        "worth": {str(state): each.worth(state).as_json() for state in State},
        "contacts": _why_forms(assessed.contacts),
        "codes": _why_forms(assessed.codes),
        "notes": list(assessed.notes),
    }


def _why_forms(found: Mapping[int, Why]) -> list[dict[str, Any]]:
    return [
        {"number": number, "state": str(why.state), "why": why.why, "opens": why.opens}
        for number, why in found.items()
    ]


# ----------------------------------------------------------------------------------------------------- claim


@app.command()
def claim(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CAMPAIGN|SLIP]...", help="How a campaign's id begins, or a slip to claim alone"
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that can be claimed now")] = False,
    ether: Annotated[
        str,
        typer.Option(help="What one whole point is worth in ether, to be told where gas costs more"),
    ] = "",
    owner: _For = "",
) -> None:
    """Claim what you earned, the cheapest way. Any account can pay for it, and any relay: it comes to you."""
    session = session_of(context)
    troc = troc_of(session)
    if everything == bool(what):
        raise InputError("nothing says what to claim", "name a campaign or a slip, or use --all")
    rate = _rate(ether)
    earnings = _earnings(session, troc, owner)
    found = earnings.earned() if everything else _named(troc, earnings, what or [])
    steps = earnings.plan(found)
    data = {"claims": [_step_form(each) for each in steps], "earned": [earned_form(each) for each in found]}
    if not steps:
        raise CampaignError(_nothing(found), "see `troc attention earned` for each, and what it waits for")
    text = _before(session, troc, steps, rate)
    if not agreed(session, text, data, "Claim?"):
        return
    with progress_bar(session, "Claiming", len(steps)) as step:
        report = earnings.claim(steps, step)
    session.result(_report_form(report), _after(report, bool(session.relays)))
    if report.refused:
        first = report.refused[0]
        raise CampaignError(
            f"not paid: {first.what} of {first.campaign.short} ({first.why})"
            + (f", and {len(report.refused) - 1:,} more" if len(report.refused) > 1 else ""),
            first.remedy,
        )


def _named(troc: Troc, earnings: Earnings, what: Sequence[str]) -> list[Earned]:
    """What was named: campaigns whole, and slips by themselves, which go into the book first."""
    from troc.attention.collection import is_source, read_source, source_of

    found: list[Earned] = []
    for each in what:
        if not is_source(each):
            found += _earned(troc, earnings, each)
            continue
        for got in earnings.collect([each]):
            if got.error is not None:
                raise got.error
        items = [item for _, item in read_source(each, earnings.accounts())]
        found += earnings.earned_by([slip for item in items if (slip := source_of(item)) is not None])
    return found


def _rate(text: str) -> Decimal | None:
    return words.parse_amount(text) if text else None


def _nothing(found: Iterable[Earned]) -> str:
    from troc.attention.claiming import State

    reasons = [
        why
        for each in found
        for why in (*each.assessed.contacts.values(), *each.assessed.codes.values())
        if why.state is not State.CLAIMED
    ]
    if not reasons:
        return "nothing is left to claim"
    soonest = min(reasons, key=lambda why: (why.opens is None, why.opens or 0))
    return f"nothing can be claimed now ({soonest.why})"


def _before(session: Session, troc: Troc, steps: Sequence[Step], rate: Decimal | None) -> str:
    """What she reads before anything is sent: what comes in, and what it costs."""
    price = troc.chain.gas_price()
    lines = []
    for step in steps:
        head = f"{step.earned.campaign.short}: {_claims(step)}, worth {step.worth}"
        if step.refusal is not None:
            lines.append(f"{head}: refused, {step.refusal.message}.")
            continue
        cost = f"{step.gas:,} gas, {_ether(step.gas * price)} ether"
        lines.append(f"{head}; " + (f"a relay pays {step.gas:,} gas." if session.relays else f"{cost}."))
        if rate is not None and not session.relays:
            worth = rate * step.worth.units / 10**step.worth.decimals
            if worth < Decimal(step.gas * price) / _WEI:
                lines.append(
                    f"  The gas costs more than the {worth:f} ether that this is worth: wait until more can"
                    " be claimed at once, or use a relay (--relay)."
                )
    for earned in {id(step.earned): step.earned for step in steps}.values():
        lines += [f"  {note}" for note in earned.assessed.notes]
    return "\n".join(lines)


def _claims(step: Step) -> str:
    from troc.attention.earning import described_act

    if len(step.acts) > 1:
        return f"{words.count(len(step.acts), 'statement')} of {words.count(step.contacts, 'new contact')}"
    return described_act(step.acts[0])


def _ether(wei: int) -> str:
    return f"{Decimal(wei) / _WEI:.8f}".rstrip("0").rstrip(".") or "0"


def _after(report: ClaimReport, relayed: bool) -> str:
    if not report.paid:
        lines = ["Nothing was claimed."]
    else:
        number = words.count(sum(report.paid.values()), "contact")
        lines = [f"Claimed {number}, worth {words.listed(map(str, report.worth()))}."]
        by = "a relay paid" if relayed else f"it cost {_ether(report.fee)} ether"
        lines.append(f"{report.gas:,} gas; {by}.")
    lines += [
        f"Not paid: {each.what} of {each.campaign.short}: {each.why}: {each.remedy}"
        for each in report.refused
    ]
    return "\n".join(lines)


def _step_form(step: Step) -> dict[str, Any]:
    from troc.attention.earning import described_act

    return {
        "campaign": step.earned.campaign.name,
        "claims": [described_act(act) for act in step.acts],
        "contacts": step.contacts,
        "worth": step.worth.as_json(),
        "gas": step.gas,
        "refused": None if step.refusal is None else step.refusal.as_json(),
    }


def _report_form(report: ClaimReport) -> dict[str, Any]:
    return {
        "sent": bool(report.transactions),
        "paid": [
            {"campaign": campaign.name, "contacts": contacts, "worth": campaign.worth(contacts).as_json()}
            for campaign, contacts in report.paid.items()
        ],
        "refused": [
            {"campaign": each.campaign.name, "what": each.what, "why": each.why, "remedy": each.remedy}
            for each in report.refused
        ],
        "transactions": report.transactions,
        "gas": report.gas,
        "fee": str(report.fee),
    }


# ------------------------------------------------------------------------------------------------- reconcile


@app.command()
def reconcile(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="How its id begins")],
    brand: Annotated[
        list[str],
        typer.Option(
            "--brand", metavar="SOURCE", help="The brand's book: files of slips, of a root, folders"
        ),
    ],
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", metavar="SOURCE", help="The customer's (default: your own book)"),
    ] = None,
    owner: _For = "",
) -> None:
    """Put the brand's book, the customer's and the chain side by side, with the proof of what differs."""
    from troc.attention.reconciling import told

    session = session_of(context)
    troc = troc_of(session)
    found = _earnings(session, troc, owner).reconcile(troc.attention.find(campaign), brand, customer)
    session.result(reconciled_form(found), "\n".join(told(found)))
    if not found.is_equal:
        parts = [words.count(len(found.differing), "contact differs", "contacts differ")]
        if found.frauds:
            parts.append(words.count(len(found.frauds), "number has two keys", "numbers have two keys"))
        raise ChecksFailedError(
            f"the books are not equal: {words.listed(parts)}",
            "show the other side the proofs above: the campaign's key signed them",
        )


def reconciled_form(found: Reconciled) -> dict[str, Any]:
    """What came of a comparison, for programs."""
    from troc.attention.reconciling import spelled

    return {
        "equal": found.is_equal,
        "agreed": found.agreed,
        "paid": found.paid,
        "differing": [
            {
                "account": "0x" + each.place.account.hex(),
                "code" if each.place.is_code else "contact": each.place.number,
                "difference": str(each.difference),
                "paid": each.paid,
                "proof": None if each.proof is None else spelled(each.proof),
            }
            for each in found.differing
        ],
        "frauds": [[spelled(each) for each in pair] for pair in found.frauds],
    }
