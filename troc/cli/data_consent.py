"""`troc data terms`, `receipt`, `ask`, `attest`, `trust`, `prove`: consent, receipts, who vouches."""

from __future__ import annotations

import csv
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.acting import agreed, troc_of
from troc.cli.data import app
from troc.cli.data_vault import VaultPasswordFile, need_data, open_vault
from troc.cli.session import Session, session_of
from troc.errors import DealError, InputError
from troc.messages import ZERO_ADDRESS, Domain, Message

if TYPE_CHECKING:
    from troc.data.attesting import Ledger, Opened
    from troc.data.receipts import SaleFacts, Signed

_NAME_MAX = 64
"""Bytes of an attestor's name, as the contract takes it."""

_Fields = Annotated[str, typer.Option(help="Which fields, as in income,household_size")]
_Where = Annotated[list[str] | None, typer.Option(help="Only rows with this value, as in day=2026-03-04")]


def _now(session: Session) -> int:
    return max(session.chain.now(), int(time.time())) if not session.config.is_local else session.chain.now()


# --------------------------------------------------------------------------------------------------- terms


@app.command()
def terms(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A short file of terms (YAML), or terms that came (JSON)")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the whole of them into this new file")
    ] = None,
    open_offer: Annotated[
        bool, typer.Option("--open", help="For an offer of your own to whoever buys: they name no buyer")
    ] = False,
) -> None:
    """Make terms of a sale from a short file, or check terms that came. They are kept under their hash."""
    need_data()
    from troc.data.consent import Terms, keep_terms
    from troc.data.facts import terms_folder

    session = session_of(context)
    if file.suffix.lower() == ".json":
        found = Terms.read(_text(file))
    else:
        buyer = ZERO_ADDRESS if open_offer else session.address
        found = Terms.from_yaml(file, session.chain.chain_id, buyer, _now(session), creator=session.address)
    written = ""
    if not session.options.dry_run:
        keep_terms(terms_folder(), found)
        if out is not None:
            _write_new(out, found.text + "\n")
            written = f"They are in {out}."
    who = found.buyer_name if found.names_buyer else "whoever buys"
    lines = [
        f"Terms 0x{found.hash.hex()}",
        f"For {words.shown(who)}: {found.purpose}. {words.shown(found.why)}",
        f"Kinds of data: {words.listed(found.kinds)}.",
        f"Kept {words.count(found.retention_days, 'day')}; erased within"
        f" {words.count(found.erase_days, 'day')} of a withdrawal.",
    ]
    if found.outside_eea:
        lines.append(f"They let the data go to {words.listed(found.outside_eea)}, outside the EEA.")
    lines += [written] if written else []
    session.result(
        {"hash": "0x" + found.hash.hex(), "buyer": found.buyer, "terms": dict(found.document)},
        "\n".join(lines),
    )


# ------------------------------------------------------------------------------------------------ receipts


@app.command()
def receipt(
    context: typer.Context,
    sale: Annotated[
        str, typer.Argument(help="The sale, or an offer, by its number (`troc data status`)")
    ] = "",
    step: Annotated[str, typer.Option(help="offered, sold, delivered, paid, ... (default: the last)")] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Write it into this new file: .pdf, .txt or .json (default: show it)"
        ),
    ] = None,
    check: Annotated[Path | None, typer.Option(help="Check a receipt that came, instead")] = None,
) -> None:
    """Write a signed receipt of a sale, for people: what was sold, to whom, for what, and what happened."""
    need_data()
    from troc.data.receipts import as_text, check_file, sign_receipt, write

    session = session_of(context)
    if check is not None:
        signed = check_file(check, lambda *what: _is_signed(session, *what))
        _told(session, signed, f"{as_text(signed).split('-----')[0].rstrip()}\n\nThe signature is genuine.")
        return
    if not sale:
        raise InputError("it is not said of what", "name a sale, or a file with --check")
    facts = _facts(session, sale)
    signed = sign_receipt(facts, session.signer, _now(session), step)
    if out is not None:
        write(signed, out)
        session.result(
            signed.as_json() | {"file": str(out)}, f"A receipt that it was {signed.step} is in {out}."
        )
        return
    _told(session, signed, as_text(signed).rstrip())


def _told(session: Session, signed: Signed, text: str) -> None:
    session.result(signed.as_json() | {"step": signed.step, "signed_by": signed.receipt.account}, text)


def _facts(session: Session, name: str) -> SaleFacts:
    from troc.data.facts import facts_of_offer, facts_of_sale
    from troc.domains import fetch_https

    data = troc_of(session).data
    try:
        return facts_of_sale(data.buyer, data.buyer.find(name), fetch_https)
    except DealError as error:
        try:
            offer = data.buyer.read(name)
        except DealError:
            raise error from None
        return facts_of_offer(data.buyer, offer, _now(session), fetch_https)


def _is_signed(session: Session, message: Message, domain: Domain, signature: bytes) -> bool:
    """A key's signature needs no chain; a contract wallet is asked on its own."""
    from troc.data.receipts import is_signed_by_key
    from troc.signatures import is_signed

    if is_signed_by_key(message, domain, signature):
        return True
    return session.chain.chain_id == domain.chain_id and is_signed(session.chain, message, domain, signature)


# ----------------------------------------------------------------------------------------------- attesting


@app.command()
def ask(
    context: typer.Context,
    copy: Annotated[
        str, typer.Argument(metavar="COPY", help="A sealed copy of the record (`troc data list`)")
    ],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, for the attestor alone")],
    schema: Annotated[str, typer.Option(help="What it is (default: as the copy says)")] = "",
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Open a record for an attestor, who compares it with what it knows and signs. Whoever has the file can
    read it.
    """
    from troc.data.attesting import Opened as OpenedRecord

    session = session_of(context)
    vault = open_vault(session, vault_password_file)
    note = vault.note(vault.find(copy))
    named = schema or note.schema
    if not named:
        raise InputError("it is not said what the record is", "name it with --schema")
    opened = OpenedRecord.of(vault.record(note.record), session.address, named)
    data = {"plain_root": "0x" + opened.plain_root.hex(), "schema": named, "file": str(out)}
    if not agreed(session, f"The whole record goes into {out}, readable.", data, "Write it?"):
        return
    _write_new(out, json.dumps(opened.as_json()))
    session.result(data, f"Written. Hand {out} to the attestor alone, and delete it afterwards.")


@app.command()
def attest(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files of `troc data ask`, or folders of them")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the attestations")] = Path(
        "attestations"
    ),
    good: Annotated[str, typer.Option(help="How long they count: 365d, 2027-12-31")] = "365d",
    against: Annotated[
        Path | None, typer.Option(help="Your own rows (.csv): each row asked must be one of them")
    ] = None,
    holder: Annotated[
        str, typer.Option(help="The column of your rows that says whose each is, by address")
    ] = "",
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Sign without comparing with rows of yours")
    ] = False,
    revoke: Annotated[
        list[str] | None,
        typer.Option(help="Revoke instead: a number, or the address of whom it was given to"),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Your ledger of numbers (default: beside the vault)")
    ] = None,
    name: Annotated[str, typer.Option(help="Say instead, on the chain, what you are called")] = "",
    domain: Annotated[
        str, typer.Option(help="With --name: your domain; its /.well-known/troc.json lists your account")
    ] = "",
) -> None:
    """Vouch for records of your customers, many in one go; revoke what you attested; or say who you are."""
    need_data()
    from troc.data.attesting import Ledger
    from troc.data.facts import home

    session = session_of(context)
    if name or domain:
        _say_who(session, name, domain)
        return
    kept = Ledger(ledger or home() / f"attested-{session.address.lower()}.jsonl")
    if revoke:
        _revoke(session, kept, revoke)
        return
    opened = _opened(files or ())
    if against is None and not unseen:
        raise InputError(
            "nothing says that these records are true", "name your own rows with --against, or say --unseen"
        )
    if against is not None:
        _compare(opened, against, holder)
    _attest(session, opened, kept, out, good)


def _attest(session: Session, opened: Sequence[Opened], ledger: Ledger, out: Path, good: str) -> None:
    from troc.data.attesting import attest as sign_all
    from troc.data.messages import MARKET

    now = session.chain.now()
    expires = words.parse_until(good, now)
    what = f"You vouch for {words.count(len(opened), 'record')}, until {words.moment(expires)}."
    if not agreed(session, what, {"records": len(opened), "expires": expires}, "Sign?"):
        return
    market = session.manifest.address(MARKET)
    signed = sign_all(opened, session.signer, session.chain.chain_id, market, now, expires, ledger)
    out.mkdir(parents=True, exist_ok=True)
    for one in signed:
        index = one.attestation.index
        _write_new(
            out / f"{one.attestation.subject}-{index}.json", json.dumps(one.as_json(), indent=2) + "\n"
        )
    session.result(
        {"attested": [one.as_json() for one in signed], "folder": str(out)},
        f"{words.count(len(signed), 'attestation')} in {out}: hand each to whom its name says.",
    )


def _opened(files: Sequence[Path]) -> list[Opened]:
    from troc.data.attesting import Opened as OpenedRecord

    paths = [each for file in files for each in (sorted(file.glob("*.json")) if file.is_dir() else [file])]
    if not paths:
        raise InputError("there is nothing to attest", "name files of `troc data ask`, or a folder of them")
    found = []
    for path in paths:
        text = _text(path)
        try:
            found.append(OpenedRecord.from_json(json.loads(text)))
        except ValueError:
            raise InputError(f"{path} is no opened record", "name a file of `troc data ask`") from None
        except InputError as error:
            raise InputError(f"{path}: {error.message}", error.remedy) from None
    return found


def _compare(opened: Sequence[Opened], path: Path, holder: str) -> None:
    from troc.data.attesting import missing_rows

    try:
        with path.open(newline="", encoding="utf-8") as file:
            own: list[Mapping[str, Any]] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError(
            f"{path} cannot be read as a table", "name a .csv file with a line of names"
        ) from None
    if holder and own and holder not in own[0]:
        raise InputError(f"{path} has no column {holder!r}", f"name one of {', '.join(own[0])}")
    for one in opened:
        if not one.rows:
            raise InputError(
                f"the record of {one.subject} is no table", "attest it with --unseen, if you know it"
            )
        missing = missing_rows(one, own, holder)
        if missing:
            first = words.shown(json.dumps(missing[0]))[:200]
            raise InputError(
                f"{path} lacks {words.count(len(missing), 'row')} of the record of {one.subject},"
                f" the first: {first}",
                "do not attest it; nothing was signed",
            )


def _revoke(session: Session, ledger: Ledger, names: Sequence[str]) -> None:
    indices: list[int] = []
    for name in names:
        found = ledger.indices_of(name) if name.startswith("0x") else [int(name)] if name.isdigit() else []
        if not found:
            raise InputError(
                f"{name} stands for nothing that you attested", "name a number of your ledger, or an address"
            )
        indices += found
    indices = sorted(set(indices))
    text = f"Attestations {words.listed(map(str, indices))} count no longer. What was taken stays taken."
    if not agreed(session, text, {"indices": indices}, "Revoke?"):
        return
    contract = session.chain.contract("Attestors", session.manifest.address("Attestors"))
    sent = session.chain.send(contract.functions.revokeAttestations(indices), session.signer)
    session.result({"indices": indices, "transaction": sent.transaction}, "Revoked.")


def _say_who(session: Session, name: str, domain: str) -> None:
    from troc.domains import fetch_https, is_account_proven, is_domain, proof_url

    if not 1 <= len(name.encode()) <= _NAME_MAX:
        raise InputError(
            f"a name has 1 to {_NAME_MAX} bytes, this one {len(name.encode())}", "say it with --name"
        )
    if domain and not is_domain(domain):
        raise InputError(f"{words.shown(domain)!r} is no domain", "write it as in panier.example")
    text = f"Everybody reads that {session.address} calls itself {words.shown(name)}"
    text += f", of {domain}." if domain else "."
    if domain and not is_account_proven(domain, session.chain.chain_id, session.address, fetch_https):
        text += f" Until {proof_url(domain)} lists the account, the domain counts as unproven."
    if not agreed(session, text, {"name": name, "domain": domain}, "Say so?"):
        return
    contract = session.chain.contract("Attestors", session.manifest.address("Attestors"))
    sent = session.chain.send(contract.functions.nameAttestor(name, domain), session.signer)
    session.result({"name": name, "domain": domain, "transaction": sent.transaction}, "Said.")


def _is_revoked(session: Session, attestor: str, index: int) -> bool:
    contract = session.chain.contract("Attestors", session.manifest.address("Attestors"))
    return bool(session.chain.call(contract.functions.isRevoked(attestor, index)))


# --------------------------------------------------------------------------------------------------- trust


@app.command()
def trust(
    context: typer.Context,
    attestor: Annotated[str, typer.Argument(help="An attestor's address (default: show the list)")] = "",
    domain: Annotated[
        str,
        typer.Option(
            help="Its domain, which is asked whether the address is its own (default: what it claims)"
        ),
    ] = "",
    name: Annotated[str, typer.Option(help="What you call it (default: what it calls itself)")] = "",
    schema: Annotated[
        list[str] | None, typer.Option("--for", help="Only for this (default: everything)")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Trust it no longer")] = False,
) -> None:
    """Whom you trust to vouch for what you buy: your own list."""
    need_data()
    from troc.data.attesting import trusted
    from troc.data.facts import attestor_says, trust_list
    from troc.domains import fetch_https, is_account_proven

    session = session_of(context)
    known = trust_list()
    if not attestor:
        entries = list(known.entries().values())
        lines = [
            f"{entry.address}  {entry.title}, for {words.listed(entry.schemas) or 'everything'}"
            for entry in entries
        ]
        session.result(
            {"trusted": [vars(entry) | {"schemas": list(entry.schemas)} for entry in entries]},
            "\n".join(lines) or "You trust nobody yet.",
        )
        return
    address = session.address_of(attestor, "attestor")
    if remove:
        known.remove(address)
        session.result({"removed": address}, f"{address} is trusted no longer.")
        return
    chain_id, unproven = session.chain.chain_id, ""
    called, claimed = attestor_says(session.chain, session.manifest, address)
    if claimed and not domain:
        if is_account_proven(claimed, chain_id, address, fetch_https):
            domain = claimed
        else:
            unproven = f" It claims {words.shown(claimed)}, which does not say so."
    entry = trusted(address, name or called, domain, chain_id, int(time.time()), fetch_https, schema or ())
    if not agreed(
        session,
        f"{address}: {entry.title}.{unproven}",
        vars(entry) | {"schemas": list(entry.schemas)},
        "Trust it?",
    ):
        return
    known.add(entry)
    session.result(vars(entry) | {"schemas": list(entry.schemas)}, "On the list.")


# -------------------------------------------------------------------------------------------------- proofs


@app.command()
def prove(
    context: typer.Context,
    copy: Annotated[str, typer.Argument(metavar="[COPY]", help="A sealed copy of the record")] = "",
    out: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A new file for the proof")] = None,
    fields: _Fields = "",
    where: _Where = None,
    attested: Annotated[Path | None, typer.Option(help="The attestation of the record")] = None,
    challenge: Annotated[
        str, typer.Option(help="What the other side gave you to sign; or gave it, with --check")
    ] = "",
    check: Annotated[Path | None, typer.Option(help="Check a proof that came, instead")] = None,
    schema: Annotated[str, typer.Option(help="What it must be about, with --check")] = "",
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Prove single fields of an attested record, and nothing else; or check such a proof. Without anything:
    a fresh challenge.
    """
    need_data()
    from troc.data.attesting import Attested, Proof, Shown, check_shown, show

    session = session_of(context)
    asked = _challenge(challenge)
    if check is not None:
        if not schema:
            raise InputError("it is not said what the proof must be about", "name it with --schema")
        shown = Shown.read(check)
        rows = check_shown(
            shown,
            schema,
            session.chain.now(),
            lambda *what: _is_revoked(session, *what),
            asked,
            lambda *what: _is_signed(session, *what),
        )
        _proven(session, shown, rows, bool(asked))
        return
    if not copy:
        fresh = "0x" + secrets.token_hex(32)
        session.result({"challenge": fresh}, f"Let the subject sign {fresh}: it serves once.")
        return
    if out is None or attested is None or not fields:
        raise InputError("a proof needs more", "name COPY, FILE, --fields and --attested")
    vault = open_vault(session, vault_password_file)
    record = vault.record(vault.note(vault.find(copy)).record)
    conditions = dict(each.split("=", 1) for each in where or () if "=" in each)
    proof = Proof.of(record, [each.strip() for each in fields.split(",")], conditions)
    found = json.dumps(list(proof.rows), ensure_ascii=False)
    if not agreed(
        session, f"You show {words.shown(found)}, and nothing else.", {"rows": list(proof.rows)}, "Show it?"
    ):
        return
    signer = session.signer if asked else None
    shown = show(proof, Attested.read(attested), signer, asked, session.chain.now() + words.HOUR)
    _write_new(out, json.dumps(shown.as_json()) + "\n")
    session.result({"file": str(out), "rows": list(proof.rows)}, f"The proof is in {out}.")


def _proven(session: Session, shown: Any, rows: Sequence[Mapping[str, Any]], fresh: bool) -> None:
    from troc.data.facts import trust_list

    one = shown.attested.attestation
    entry = trust_list().entries().get(one.attestor)
    who = entry.title if entry is not None else f"{one.attestor}, who is not on your list"
    lines = [words.shown(json.dumps(row, ensure_ascii=False)) for row in rows]
    lines.append(f"Attested by {who}; of {one.subject}.")
    if not fresh:
        lines.append("Nobody signed a challenge: whoever sent this need not be the subject.")
    session.result(
        {"rows": list(rows), "attestor": one.attestor, "trusted": entry is not None, "subject": one.subject},
        "\n".join(lines),
    )


def _challenge(text: str) -> bytes:
    if not text:
        return b""
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 32:
        raise InputError("a challenge has 32 bytes", "copy it again; `troc data prove` makes one")
    return found


# --------------------------------------------------------------------------------------------------- files


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", "check its name") from None
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read", "check its name and rights") from None


def _write_new(path: Path, text: str) -> None:
    """A new file that nobody else can read."""
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text, encoding="utf-8")
    except FileExistsError:
        raise InputError(f"{path} is there already", "choose another name") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "choose another place") from None
