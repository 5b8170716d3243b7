"""`troc attention credentials …`: an attestor that knows each person once, and a campaign that need not."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.acting import agreed, progress_bar, troc_of
from troc.cli.attention import app
from troc.cli.attention_campaigns import Named
from troc.cli.handing import kind_of
from troc.cli.session import Session, session_of, setting_file
from troc.errors import CampaignError, InputError
from troc.vouchers import write_secret

if TYPE_CHECKING:
    from troc.attention.campaigns import Campaign
    from troc.attention.credentials import Attestor

credentials_app = typer.Typer(
    no_args_is_help=True, help="Whose a pseudonym is, by an attestor who knows each person once."
)
app.add_typer(credentials_app, name="credentials")

_OPTION = "--credentials-password-file"
_PasswordFile = Annotated[
    Path | None,
    typer.Option(
        _OPTION,
        help="File with the passphrase of the pseudonyms' key (default:"
        " TROC_CREDENTIALS_PASSWORD_FILE, else you are asked)",
    ),
]
_WHOSE = "the credentials"


def _file(named: Path | None) -> Path | None:
    return named or setting_file("TROC_CREDENTIALS_PASSWORD_FILE")


@credentials_app.command()
def deploy(context: typer.Context, credentials_password_file: _PasswordFile = None) -> None:
    """Become an attestor: a contract of your own for campaigns to name, and a key for pseudonyms."""
    from troc.attention.credentials import attestor_file, contract_of, deploy_attestor

    session = session_of(context)
    troc = troc_of(session)
    path = attestor_file(session.chain, troc.address)
    known = contract_of(session.chain, troc.address)
    form: dict[str, Any] = {"attestor": troc.address, "contract": known or None, "key": str(path)}
    if known:
        session.result(form | {"sent": False}, f"It is there already: {known}.")
        return
    text = (
        f"You become an attestor: {troc.address} signs whose a pseudonym is, in a contract of yours. The key"
        f" of the pseudonyms lies in {path}, under a passphrase: keep a copy, since without it everybody is"
        " somebody else in campaigns that run."
    )
    if not agreed(session, text, form, "Deploy it?"):
        return

    def passphrase(new: bool) -> str:
        ask = session.new_passphrase if new else session.passphrase
        return ask(_WHOSE, _file(credentials_password_file), _OPTION)

    made = deploy_attestor(troc, passphrase, session.say)
    session.result(
        form | {"contract": made.contract, "sent": True},
        f"Campaigns ask you with --credentials {made.contract}.",
    )


@credentials_app.command()
def issue(
    context: typer.Context,
    campaign: Named,
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON|FILE",
            help="Whatever you know her by, always in the same words; nobody sees it. Or a CSV or Parquet"
            " file with the columns person and account",
        ),
    ],
    account: Annotated[
        str, typer.Argument(metavar="[ACCOUNT]", help="Her address: who is paid", show_default="")
    ] = "",
    until: Annotated[
        str, typer.Option(help="The last day on which it counts (default: that of the claims)")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new file: her text; of many people a .csv")
    ] = None,
    credentials_password_file: _PasswordFile = None,
) -> None:
    """Sign whose a person's pseudonym in a campaign is. Nothing is sent: give her the text."""
    from troc.attention.credentials import open_attestor

    session = session_of(context)
    troc = troc_of(session)
    found = troc.attention.find(campaign)
    receiver = session.address_of(account, "account") if account else ""
    people = [] if account else _people(Path(person), out)
    attestor = open_attestor(
        session.chain, troc.address, lambda: _passphrase(session, credentials_password_file)
    )
    if found.terms.credentials != attestor.contract:
        raise CampaignError(
            f"{found.short} asks for no credential of yours", f"it would have to name {attestor.contract}"
        )
    expiry = words.parse_until(until, session.chain.now()) if until else found.terms.claim_until
    if account:
        _issue_one(session, attestor, found, person, receiver, expiry, out)
    else:
        assert out is not None
        _issue_many(session, attestor, found, people, expiry, out)


def _people(file: Path, out: Path | None) -> list[tuple[str, str]]:
    from troc.attention.roots import read_people

    if out is None or kind_of(out) != "csv":
        raise InputError("credentials of many people go into a file", "name it with -o: credentials.csv")
    if out.exists():
        raise InputError(f"{out} is there already", "choose another name")
    if not file.suffix:
        raise InputError(f"{file} has no account", "name her address after it, or a .csv or .parquet file")
    return read_people(file)


def _issue_one(
    session: Session,
    attestor: Attestor,
    campaign: Campaign,
    person: str,
    account: str,
    expiry: int,
    out: Path | None,
) -> None:
    pseudonym = attestor.pseudonym(person, campaign.id)
    form = {
        "campaign": campaign.name,
        "pseudonym": "0x" + pseudonym.hex(),
        "account": account,
        "expiry": expiry,
    }
    text = (
        f"In {campaign.short} this person is 0x{pseudonym.hex()}, and {account} is paid for her until"
        f" {words.moment(expiry)}."
    )
    if not agreed(session, text, form, "Sign it?"):
        return
    said = attestor.issue(person, campaign.id, account, expiry, session.signer).to_text()
    if out is not None:
        write_secret(out, (said + "\n").encode())
    session.result(
        form | {"text": said, "file": str(out) if out else None},
        f"It is in {out}: give it to her." if out else said,
    )


def _issue_many(
    session: Session,
    attestor: Attestor,
    campaign: Campaign,
    people: list[tuple[str, str]],
    expiry: int,
    out: Path,
) -> None:
    pseudonyms = [attestor.pseudonym(person, campaign.id) for person, _ in people]
    seen: dict[bytes, int] = {}
    for row, pseudonym in enumerate(pseudonyms, 1):
        before = seen.setdefault(pseudonym, row)
        if before != row:
            raise InputError(
                f"rows {before:,} and {row:,} name one person, {people[row - 1][0]!r}",
                "leave one of them out",
            )
    form = {"campaign": campaign.name, "people": len(people), "expiry": expiry, "file": str(out)}
    text = (
        f"In {campaign.short} {words.count(len(people), 'person', 'people')} get a credential each, and are"
        f" paid at their accounts until {words.moment(expiry)}."
    )
    if not agreed(session, text, form, "Sign them?"):
        return
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("person", "account", "pseudonym", "credential"))
    with progress_bar(session, "Signing", len(people)) as step:
        for done, ((person, account), pseudonym) in enumerate(zip(people, pseudonyms, strict=True), 1):
            said = attestor.issue(person, campaign.id, account, expiry, session.signer).to_text()
            writer.writerow((words.cell(person), account, "0x" + pseudonym.hex(), said))
            step(done, len(people))
    write_secret(out, table.getvalue().encode())
    session.result(
        form,
        f"{words.count(len(people), 'credential')} in {out}: give each person hers, and keep the file to"
        " yourself, since it tells whose the pseudonyms are.",
    )


def _passphrase(session: Session, file: Path | None) -> str:
    return session.passphrase(_WHOSE, _file(file), _OPTION)


@credentials_app.command()
def check(
    context: typer.Context,
    credential: Annotated[str, typer.Argument(help="Its text, or a file with it")],
) -> None:
    """Say what a credential is worth: asks the attestor's contract, and whether the campaign asks that."""
    from troc.attention.credentials import read_credential

    session = session_of(context)
    rewards = troc_of(session).attention
    signed = read_credential(credential)
    signed.check(session.chain)
    message = signed.message
    found = rewards.campaign(message.campaign)
    if found.terms.credentials != signed.domain.verifying_contract:
        raise CampaignError(
            f"{found.short} does not ask {signed.domain.verifying_contract}", "use it where it was made for"
        )
    session.result(
        {
            "campaign": found.name,
            "pseudonym": "0x" + message.pseudonym.hex(),
            "account": message.account,
            "expiry": message.expiry,
            "attestor": message.attestor,
            "contract": signed.domain.verifying_contract,
        },
        f"It counts until {words.moment(message.expiry)}: in {found.short}, {message.account} is paid for the"
        f" person 0x{message.pseudonym.hex()}.",
    )
