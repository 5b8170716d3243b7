"""`troc attention campaign`, `enrol`, `activate`, `root`: a brand's campaigns on the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from troc import words
from troc.cli.acting import troc_of
from troc.cli.attention import app
from troc.cli.session import session_of

if TYPE_CHECKING:
    from troc.attention.campaigns import Campaign

campaign_app = typer.Typer(no_args_is_help=True, help="Campaigns: opened, funded, looked at, closed.")
app.add_typer(campaign_app, name="campaign")


@campaign_app.command("list")
def list_(
    context: typer.Context,
    brand: str = typer.Argument("", metavar="[BRAND]", help="Only campaigns that pay these points"),
) -> None:
    """List campaigns."""
    session = session_of(context)
    troc = troc_of(session)
    token = troc.brand(brand).address if brand else None
    found = troc.attention.campaigns(token)
    session.result(
        {"campaigns": [campaign_form(each) for each in found]},
        "\n".join(map(_line, found)) or "There is no campaign.",
    )


def _line(campaign: Campaign) -> str:
    terms, standing = campaign.terms, campaign.standing
    return (
        f"{campaign.short}  {campaign.price} a contact, {standing.left:,} left, contacts until"
        f" {words.moment(terms.end)}, claims until {words.moment(terms.claim_until)}"
    )


def campaign_form(campaign: Campaign) -> dict[str, Any]:
    """A campaign for programs."""
    standing = campaign.standing
    return {
        "campaign": campaign.name,
        "terms": campaign.terms.to_json(),
        "price": campaign.price.as_json(),
        "standing": {
            "admin": standing.admin,
            "next_admin": standing.next_admin,
            "left": standing.left,
            "reserved": standing.reserved,
            "codes_left": standing.codes_left,
            "free": standing.free,
        },
    }
