"""`troc attention root …`: the contacts of many customers under one hash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.acting import agreed, sent_form, troc_of
from troc.cli.attention import app
from troc.cli.attention_campaigns import Named, account_of, root_form, root_line
from troc.cli.session import session_of
from troc.errors import CampaignError, InputError

if TYPE_CHECKING:
    from troc.attention.campaigns import Campaign, Rewards
    from troc.attention.roots import RootFile, Sets

root_app = typer.Typer(no_args_is_help=True, help="Contacts of many customers under one hash.")
app.add_typer(root_app, name="root")

_File = Annotated[Path, typer.Argument(metavar="ROOTFILE", help="A file of `troc attention root build`")]
_MOST_ASKED = 50_000
"""Sets of which the chain is asked one by one what was paid."""


@root_app.command()
def build(
    context: typer.Context,
    campaign: Named,
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with the columns account and contact")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Write the root's file here")],
) -> None:
    """Build a root from the contacts of customers. Nothing is sent."""
    from troc.attention.roots import read_sets, write_root

    session = session_of(context)
    found = troc_of(session).attention.find(campaign)
    if not found.terms.contacts:
        raise CampaignError(f"{found.short} has codes alone", "give the codes instead")
    sets = read_sets(file, found.terms.contacts)
    for account in {row[0] for row in sets.rows()} if not found.terms.asks else ():
        if any(account[:12]):
            raise InputError(
                f"0x{account.hex()} is a pseudonym, and this campaign asks for no credential",
                "name addresses",
            )
    form = {"campaign": found.name, "accounts": sets.account_count, "contacts": sets.total}
    text = (
        f"{words.count(sets.total, 'contact')} of {words.count(sets.account_count, 'account')},"
        f" {found.worth(sets.total)}"
    )
    if session.options.dry_run:
        session.result(form | {"written": False}, f"{text}.\nNothing was written.")
        return
    root = write_root(out, found.id, sets)
    session.result(
        form | {"written": True, "root": "0x" + root.hex(), "file": str(out)},
        f"{text}, are under the root 0x{root.hex()} in {out}. Customers need their proofs from that file.",
    )


@root_app.command()
def append(context: typer.Context, campaign: Named, file: _File) -> None:
    """Append a root to its campaign: what it says can be claimed after the campaign's delay."""
    from troc.attention.roots import RootFile

    session = session_of(context)
    rewards = troc_of(session).attention
    found = rewards.find(campaign)
    with RootFile(file) as opened:
        _check_is_of(opened, found)
        opened.check()
        sets, root = opened.sets(), opened.root
    known = rewards.root_from(found.id, root)
    if known:
        session.result(
            {"campaign": found.name, "root": "0x" + root.hex(), "effect_from": known, "sent": False},
            f"It was appended already, and takes effect {words.moment(known)}.",
        )
        return
    effect_from = rewards.check_root(found)
    lines = [
        f"The root 0x{root.hex()} says {words.count(sets.total, 'contact')} of"
        f" {words.count(sets.account_count, 'account')}. It takes effect {words.moment(effect_from)}; until"
        " then you can withdraw it."
    ]
    numbers = _numbers(rewards, found, sets)
    lines += numbers.pop("words")
    preview = {
        "campaign": found.name,
        "root": "0x" + root.hex(),
        "accounts": sets.account_count,
        "contacts": sets.total,
        "effect_from": effect_from,
        **numbers,
    }
    if agreed(session, "\n".join(lines), preview, "Append it?"):
        receipt = rewards.append_root(found.id, root)
        effect_from = rewards.root_from(found.id, root)
        session.result(
            preview | {"effect_from": effect_from} | sent_form(receipt),
            f"Appended. It takes effect {words.moment(effect_from)}.",
        )


def _check_is_of(file: RootFile, campaign: Campaign) -> None:
    if file.campaign != campaign.id:
        raise InputError(
            f"{file.path.name} is a root of the campaign 0x{file.campaign.hex()[:12]}",
            "build one for this campaign",
        )


def _numbers(rewards: Rewards, campaign: Campaign, sets: Sets) -> dict[str, Any]:
    """What of a root's contacts is new, and whether the campaign can pay it."""
    standing = campaign.standing
    lines, exact = [], len(sets) <= _MOST_ASKED
    if exact:
        unpaid, first_come = rewards.unpaid(campaign, list(sets.rows()))
        lines.append(
            f"{unpaid:,} of them are not paid yet, {campaign.worth(unpaid)}; {unpaid - first_come:,} of these"
            f" are reserved, and for the others {standing.free:,} are free."
        )
    else:
        # Too many to ask for: what was paid may all be among them.
        unpaid = max(sets.total - rewards.paid_in_all(campaign.id)[0], 0)
        first_come = max(unpaid - standing.reserved, 0)
        lines.append(
            f"{unpaid:,} of them or more are not paid yet; {standing.reserved:,} are reserved, and"
            f" {standing.free:,} are free."
        )
    short = max(first_come - standing.free, 0)
    if short:
        lines.append(
            f"Careful: that is {short:,} more than the campaign can pay: who comes last gets nothing. Raise"
            " the budget first (`troc attention campaign fund`)."
        )
    return {"unpaid": unpaid, "first_come": first_come, "exact": exact, "short": short, "words": lines}


@root_app.command()
def withdraw(
    context: typer.Context,
    campaign: Named,
    root: Annotated[str, typer.Argument(help="The root, how it begins, or its file")],
) -> None:
    """Withdraw a root before it takes effect."""
    session = session_of(context)
    rewards = troc_of(session).attention
    found = rewards.find(campaign)
    hash_ = _root(rewards, found, root)
    rewards.check_withdrawal(found, hash_)
    preview = {"campaign": found.name, "root": "0x" + hash_.hex()}
    text = f"Nothing can be claimed under the root 0x{hash_.hex()} then."
    if agreed(session, text, preview, "Withdraw it?"):
        session.result(preview | sent_form(rewards.withdraw_root(found.id, hash_)), "Withdrawn.")


def _root(rewards: Rewards, campaign: Campaign, text: str) -> bytes:
    if not text.startswith("0x"):
        from troc.attention.roots import RootFile

        with RootFile(Path(text)) as file:
            _check_is_of(file, campaign)
            root: bytes = file.root
            return root
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text[2:])
    known = [each for each in rewards.roots(campaign.id) if each.name.startswith(text.lower())]
    if len(known) != 1:
        what = "several roots begin" if known else "no root begins"
        raise CampaignError(f"{what} with {text[:20]}", "look at `troc attention root list`")
    return known[0].root


@root_app.command("list")
def list_(context: typer.Context, campaign: Named) -> None:
    """List the roots of a campaign."""
    session = session_of(context)
    rewards = troc_of(session).attention
    found = rewards.find(campaign)
    now = session.chain.now()
    roots = rewards.roots(found.id)
    session.result(
        {"campaign": found.name, "roots": [root_form(each, now) for each in roots]},
        "\n".join(root_line(each, now) for each in roots) or "There is no root yet.",
    )


@root_app.command()
def proof(
    context: typer.Context,
    file: _File,
    account: Annotated[str, typer.Argument(help="Whose: an address, its name, or a pseudonym")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a file for her, which she collects")
    ] = None,
) -> None:
    """Show what a root says of a customer, with the proof."""
    from troc.attention.contacts import of_page
    from troc.attention.leaves import Leaf, write_leaves
    from troc.attention.roots import RootFile

    session = session_of(context)
    whose = account_of(session, account)
    with RootFile(file) as opened:
        campaign, root = opened.campaign, opened.root
        proofs = [opened.proof_of(whose, page) for page in opened.pages_of(whose)]
    if out is not None:
        leaves = [Leaf(root, campaign, whose, each.page, each.contacts, each.hashes) for each in proofs]
        write_leaves(leaves, troc_of(session).attention.domain, out)
    numbers = sorted(number for each in proofs for number in of_page(each.page, each.contacts))
    shown = ", ".join(map(str, numbers[:20])) + (" …" if len(numbers) > 20 else "")
    session.result(
        {
            "campaign": "0x" + campaign.hex(),
            "root": "0x" + root.hex(),
            "account": "0x" + whose.hex(),
            "contacts": numbers,
            "pages": [
                {
                    "page": each.page,
                    "contacts": hex(each.contacts),
                    "proof": ["0x" + one.hex() for one in each.hashes],
                }
                for each in proofs
            ],
            "file": str(out) if out else None,
        },
        f"{words.count(len(numbers), 'contact')}: {shown}, on {words.count(len(proofs), 'page')} of the root"
        f" 0x{root.hex()}." + (f"\nThe proof is in {out}: give it to her." if out else ""),
    )
