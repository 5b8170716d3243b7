"""A campaign in the words of whoever opens it: from options or a file to terms, and back into words.

What was agreed is kept before anything is sent, so that a run that was cut off is taken up with the same
terms, dates and all, and no campaign is opened twice.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from eth_utils.crypto import keccak

from troc import words
from troc.attention import topics
from troc.attention.campaigns import LEAST_CLAIM, Campaign, Rewards, Terms
from troc.errors import CampaignError, InputError
from troc.files import write_file
from troc.messages import KIND_POINTS, ZERO_ADDRESS, to_address
from troc.money import parse_money

if TYPE_CHECKING:
    from troc.client import Troc

NO_TERMS = bytes(32)
"""The hash of terms where there is no text of them."""

_FORMAT = "troc-campaign-1"


@dataclass(frozen=True)
class Wanted:
    """A campaign as somebody asks for it.

    `price` of a contact ("5 PANIER"); `budget` in contacts; `start` is a day (2027-02-19), `end` and
    `claim_until` are days or whiles from now (30d): it starts today unless something else is said, and claims
    end 30 days after it. `contacts` an account can have, and `per_day`; `root_delay` in days; `terms` is what
    people read, by its keccak256. `escrow`: paid out of what is put in, else points are issued. `reference`
    tells apart campaigns that are otherwise asked for in the same words.
    """

    price: str = ""
    budget: int = 0
    end: str = ""
    signer: str = ""
    start: str = ""
    claim_until: str = ""
    contacts: int = 0
    per_day: int = 0
    codes: int = 0
    codes_per_account: int = 0
    root_delay: int = 2
    credentials: str = ""
    topic: str = "other"
    channel: str = "other"
    terms: str = ""
    escrow: bool = False
    reference: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not type(field.default):
                raise InputError(
                    f"{field.name}: {value!r} makes no sense", f"write {_LIKE[type(field.default)]}"
                )
            if type(value) is int and value < 0:
                raise InputError(f"{field.name}: {value} is below zero", "write 0 or more")
        for name in ("price", "end", "signer"):
            if not getattr(self, name):
                raise InputError(f"the campaign has no {name}", f"name its {name}")

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Wanted:
        """A YAML or TOML file with these names, `terms` as the name of a text file beside it; `changes` that
        are not None take the place of what it says.
        """
        data = _read_file(path)
        names = {field.name for field in fields(cls)}
        for name in data:
            if name not in names:
                raise InputError(f"{path.name}: unknown key {name!r}", f"use only {', '.join(sorted(names))}")
        found = {name: _as_words(value) for name, value in data.items()}
        if found.get("terms"):
            found["terms"] = hash_of_terms(path.parent / str(found["terms"]))
        return cls(**found | {name: value for name, value in changes.items() if value is not None})


_LIKE: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
        data = tomllib.loads(text) if path.suffix.lower() == ".toml" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        said = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read ({said})", "write it as docs/campaigns.md shows") from None
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise InputError(f"{path} describes no campaign", "write it as docs/campaigns.md shows")
    return {name.replace("-", "_"): value for name, value in data.items()}


def _as_words(value: Any) -> Any:
    """YAML and TOML take days for dates."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def hash_of_terms(path: Path) -> str:
    """The keccak256 of a file that people read, in hex."""
    try:
        return "0x" + keccak(path.read_bytes()).hex()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check its name") from None


def draft(troc: Troc, wanted: Wanted, signer: str) -> Terms:
    """The terms that these words mean now, for the account that acts. `signer`: whose key signs."""
    now = troc.chain.now()
    price = parse_money(troc.brands, wanted.price)
    end = words.parse_until(wanted.end, now)
    terms = Terms(
        admin=troc.address,
        token=price.token,
        token_kind=price.kind,
        fresh=not wanted.escrow,
        price=price.units,
        signer=signer,
        start=words.parse_day(wanted.start) if wanted.start else words.start_of_day(now),
        end=end,
        claim_until=words.parse_until(wanted.claim_until, now)
        if wanted.claim_until
        else words.end_of_day(end + LEAST_CLAIM),
        max_contacts=wanted.contacts,
        per_day=wanted.per_day,
        codes=wanted.codes,
        codes_per_account=wanted.codes_per_account,
        root_delay_days=wanted.root_delay,
        credentials=to_address(wanted.credentials, "credentials") if wanted.credentials else ZERO_ADDRESS,
        topic=topics.topic(wanted.topic),
        channel=topics.channel(wanted.channel),
        terms_hash=bytes.fromhex(wanted.terms[2:]) if wanted.terms else NO_TERMS,
        salt=keccak(wanted.reference.encode()) if wanted.reference else bytes(32),
    )
    terms.check(now)
    return terms


# -------------------------------------------------------------------------------------------------- drafts


@dataclass(frozen=True)
class Draft:
    """What is about to be opened. `opened`: the campaign, where it is open already; `begun`: an earlier run
    agreed to it.
    """

    wanted: Wanted
    terms: Terms
    path: Path
    opened: Campaign | None = None
    begun: bool = False

    def keep(self) -> None:
        """Write down what was agreed, before anything is sent."""
        data = {"format": _FORMAT, "terms": self.terms.to_json(), "wanted": asdict(self.wanted)}
        write_file(self.path, (json.dumps(data, indent=2) + "\n").encode())


def take_up(troc: Troc, wanted: Wanted, signer: str) -> Draft:
    """What these words mean: the terms that an earlier run kept, as long as they are open or could be
    opened; else new ones.
    """
    # Needs SQLAlchemy, which whoever only looks on does without.
    from troc.store import chain_folder

    rewards = troc.attention
    named = json.dumps([rewards.address, troc.address, signer, asdict(wanted)], sort_keys=True)
    path = chain_folder(troc.chain) / "campaigns" / f"{keccak(named.encode()).hex()[:32]}.json"
    kept = _kept(path)
    if kept is not None:
        found = Draft(wanted, kept, path, begun=True)
        try:
            return replace(found, opened=rewards.campaign(rewards.id_of(kept)))
        except CampaignError:
            pass
        try:
            kept.check(troc.chain.now())
        except CampaignError:
            kept = None
        else:
            return found
    terms = draft(troc, wanted, signer)
    try:
        return Draft(wanted, terms, path, opened=rewards.campaign(rewards.id_of(terms)))
    except CampaignError:
        return Draft(wanted, terms, path)


def _kept(path: Path) -> Terms | None:
    if not path.exists():
        return None
    try:
        return Terms.from_json(json.loads(path.read_text())["terms"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{path} was altered", "delete it, and look at `troc attention campaign list` before you go on"
        ) from None


# --------------------------------------------------------------------------------------------------- words


def in_words(rewards: Rewards, terms: Terms) -> list[str]:
    """What terms fix, a line each, for whoever opens the campaign or takes part."""
    price = rewards.price(terms)
    how = "issued when it is claimed" if terms.fresh else "paid out of what was put in"
    lines = [f"A contact pays {price}, {how}."]
    lines.append(
        f"Contacts count from {words.day(terms.start)} to {words.moment(terms.end)}, and can be claimed until"
        f" {words.moment(terms.claim_until)}."
    )
    if terms.max_contacts:
        lines.append(f"An account has {_contacts(terms)}.")
    if terms.codes:
        each = f", {terms.codes_per_account:,} for an account at most" if terms.codes_per_account else ""
        daily = f", {terms.per_day:,} a day" if terms.per_day else ""
        lines.append(
            f"{words.count(terms.codes, 'code')}{each}{daily}; each can be claimed once its batch, one of"
            f" {terms.batches:,}, is activated."
        )
    lines.append(
        f"A root takes effect {words.count(terms.root_delay_days, 'day')} after it is appended."
        if terms.max_contacts
        else "There are codes alone."
    )
    if terms.asks:
        lines.append(f"Accounts are pseudonyms; {terms.credentials} says whose they are.")
    if terms.topic or terms.channel:
        lines.append(
            f"Topic: {topics.topic_name(terms.topic)}; channel: {topics.channel_name(terms.channel)}."
        )
    if terms.terms_hash != NO_TERMS:
        lines.append(f"What people read has the hash 0x{terms.terms_hash.hex()}.")
    lines.append(f"{terms.signer} signs.")
    return lines


def _contacts(terms: Terms) -> str:
    text = f"{words.count(terms.max_contacts, 'contact')} at most"
    if terms.per_day:
        text += f", {terms.per_day:,} a day"
    if terms.contacts < terms.max_contacts:
        text += f"; its days hold {terms.contacts:,} of them, and the others can never be claimed"
    return text


def before_opening(rewards: Rewards, terms: Terms, budget: int) -> list[str]:
    """What whoever opens a campaign reads before: what it costs, what it binds, what it means."""
    price = rewards.price(terms)
    whole = price.of(price.units * budget)
    until = words.moment(terms.claim_until)
    cost = words.count(budget, "contact")
    if terms.codes:
        cost += f", {terms.codes:,} of them for the codes"
    if terms.fresh:
        money = (
            f"Budget: {cost}: {whole}. The points' contract keeps them for this campaign, and you cannot"
            f" lower that until {until}; what is left is then given up."
        )
    else:
        money = (
            f"Budget: {cost}: {whole}, which you put in now. Nobody gets them back before {until}; what is"
            " left then returns to you."
        )
    lines = in_words(rewards, terms)
    lines.insert(0, f"You open the campaign 0x{rewards.id_of(terms).hex()}.")
    lines.insert(1, money)
    lines[-1] = (
        f"{terms.signer} signs, and nobody else ever can: whatever that key signs you owe, up to the budget."
    )
    if terms.start < words.start_of_day(rewards.chain.now()):
        lines.append(
            f"Careful: it starts on {words.day(terms.start)}, which is past"
            + (": the contacts of the days since then can be had at once." if terms.per_day else ".")
        )
    if terms.terms_hash == NO_TERMS:
        lines.append("Careful: there is no text of terms (--terms).")
    if terms.max_contacts and not terms.per_day:
        lines.append("Careful: nothing bounds the contacts of a day (--per-day).")
    if terms.codes and not terms.codes_per_account:
        lines.append("Careful: one account may claim all the codes (--codes-per-account).")
    if terms.max_contacts and budget - terms.codes < terms.max_contacts:
        lines.append("Careful: the budget does not hold all the contacts of a single account.")
    if not terms.fresh and terms.token_kind == KIND_POINTS:
        lines.append(f"Only points of yours that live beyond {until} can be put in.")
    lines.append("None of this can be changed later; the budget can be raised.")
    return lines
