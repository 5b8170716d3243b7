"""Members of a programme, off the chain: cards, addresses, consent, households.

A member's card, address, household, status and details are encrypted with a key of her own (`vault`). What
is left in the clear is a random number for her, times, and the purposes of her consents. Erasing her destroys
her key and the keyed hashes by which she was found.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import time
from typing import Any, Protocol

import sqlalchemy as sa

from troc import words
from troc.brands import Brand
from troc.chain import Chain
from troc.errors import MemberError, StoreError
from troc.messages import digest, to_address
from troc.programme.guard import SHELF, Guard
from troc.programme.journal import Journal
from troc.programme.linking import LinkCard, card_hash, link_domain
from troc.programme.vault import BRAND, Key, Vault
from troc.signatures import is_signed
from troc.store import reading

_CARD = 64
_FEW = 500
"""Up to so many cards are looked up one by one; for more, the whole table is read once."""

_tables = sa.MetaData()
_members = sa.Table(
    "members",
    _tables,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("salt", sa.LargeBinary),
    sa.Column("card_index", sa.LargeBinary, unique=True),
    sa.Column("address_index", sa.LargeBinary, index=True),
    sa.Column("household_index", sa.LargeBinary, index=True),
    sa.Column("card", sa.LargeBinary),
    sa.Column("address", sa.LargeBinary),
    sa.Column("profile", sa.LargeBinary),
    sa.Column("joined", sa.BigInteger, nullable=False),
    sa.Column("erased", sa.BigInteger),
    info={SHELF: "id"},
)
_consents = sa.Table(
    "consents",
    _tables,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("member", sa.String(32), nullable=False, index=True),
    sa.Column("purpose", sa.String(100), nullable=False),
    sa.Column("given", sa.BigInteger, nullable=False),
    sa.Column("given_how", sa.LargeBinary, nullable=False),
    sa.Column("withdrawn", sa.BigInteger),
    sa.Column("withdrawn_how", sa.LargeBinary),
    info={SHELF: "member"},
)
_links = sa.Table(
    "used_links", _tables, sa.Column("digest", sa.LargeBinary, primary_key=True), info={SHELF: "digest"}
)
GUARDED = (_members, _consents, _links)
"""Tables in which a change without the passphrase shows."""


@dataclass(frozen=True)
class NewMember:
    """Who is to be added. `household` and `status` are the brand's own words, empty for none."""

    card: str
    household: str = ""
    status: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """One member. `id` is a random number that means nothing elsewhere, `joined` in Unix seconds."""

    id: str
    card: str
    address: str | None
    household: str
    status: str
    details: Mapping[str, str]
    joined: int


@dataclass(frozen=True)
class Consent:
    """That a member agreed to a purpose: when and how, and when and how she withdrew it, if she did."""

    purpose: str
    given: int
    given_how: str
    withdrawn: int | None
    withdrawn_how: str


@dataclass(frozen=True)
class Erased:
    """What erasing somebody did: `gone`, and what `stays`, in words."""

    id: str
    gone: tuple[str, ...]
    stays: tuple[str, ...]


class Holdings(Protocol):
    """A part of the programme that keeps something for members, by their number."""

    def export(self, member: str) -> dict[str, Any]:
        """All that it keeps of one member."""

    def before_erasing(self, member: str, give_up: bool, connection: sa.Connection) -> list[str]:
        """Let go of her; says what stays. Raises `MemberError` where she must be paid first."""


def normal_card(text: str) -> str:
    """A card number as it is kept: without spaces, letters in capitals."""
    card = "".join(text.split()).upper()
    if not 0 < len(card) <= _CARD or not card.isprintable():
        raise MemberError(f"{text!r} is no card number", f"write 1 to {_CARD} digits and letters")
    return card


class Members:
    """The members of one brand. Every act has an entry in the journal, written with it or not at all.

    `clock` gives the time of acts, in Unix seconds. `actor` is who acts, for the journal.
    """

    def __init__(self, vault: Vault, journal: Journal, clock: Callable[[], float] = time) -> None:
        self.vault = vault
        self.journal = journal
        self._clock = clock
        self._holdings: list[Holdings] = []
        vault.store.add(_tables, "members")

    @property
    def brand(self) -> Brand:
        """Whose members they are."""
        return self.vault.store.brand

    def keep(self, holdings: Holdings) -> None:
        """Have another part asked when somebody is exported or erased."""
        self._holdings.append(holdings)

    # -------------------------------------------------------------------------------------------- adding

    def add(self, new: NewMember, actor: str) -> Member:
        """Add one member."""
        (added,) = self._add([new], actor)
        return added

    def add_many(self, new: Iterable[NewMember], actor: str) -> int:
        """Add many members, all or none. Raises `MemberError` with the cards that are doubled."""
        return len(self._add(list(new), actor))

    def _add(self, new: Sequence[NewMember], actor: str) -> list[Member]:
        now = int(self._clock())
        members = [
            Member(
                os.urandom(16).hex(), normal_card(n.card), None, n.household, n.status, dict(n.details), now
            )
            for n in new
        ]
        counts = Counter(member.card for member in members)
        doubled = [card for card, times in counts.items() if times > 1]
        with self.vault.store.writing() as connection:
            taken = self._rows(connection, [m.card for m in members])
            doubled += [m.card for m, row in zip(members, taken, strict=True) if row is not None]
            if doubled:
                raise MemberError(
                    f"{words.count(len(doubled), 'card')} would be doubled ({_some(doubled)})",
                    "leave them out, nobody was added",
                )
            if members:
                self._guard.insert(connection, _members, [self._sealed(member) for member in members])
            if len(members) == 1:
                self._tell(connection, "member added", actor, members[0].id)
            else:
                self.journal.append(
                    "members added", actor, payload={"members": len(members)}, connection=connection
                )
        return members

    def update(
        self,
        card: str,
        actor: str,
        *,
        household: str | None = None,
        status: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Member:
        """Change what is named. `details` are merged; an empty value takes one away."""
        with self.vault.store.writing() as connection:
            member, key = self._get(connection, card)
            merged = {**member.details, **(details or {})}
            changed = replace(
                member,
                household=member.household if household is None else household,
                status=member.status if status is None else status,
                details={name: value for name, value in merged.items() if value},
            )
            self._set(
                connection,
                member.id,
                profile=_profile(key, changed),
                household_index=self._household_index(changed.household),
            )
            self._tell(connection, "member changed", actor, member.id, key)
        return changed

    # -------------------------------------------------------------------------------------------- finding

    def find(self, name: str) -> Member:
        """The member with this card, or the only one that feeds this address."""
        found = self.find_all(name)
        if not found:
            raise _unknown(name)
        if len(found) > 1:
            cards = words.listed(member.card for member in found)
            raise MemberError(f"{words.count(len(found), 'card')} feed {name}: {cards}", "name one card")
        return found[0]

    def find_all(self, name: str) -> list[Member]:
        """Members with this card, or feeding this address."""
        if _is_address(name):
            address = to_address(name)
            found = self._select(_members.c.address_index == self._address_index(address))
            return _said_alike(found, lambda member: member.address == address)
        card = normal_card(name)
        found = self._select(_members.c.card_index == self.vault.blind("card", card))
        return _said_alike(found, lambda member: member.card == card)

    def household(self, name: str) -> list[Member]:
        """Everybody of a household."""
        found = self._select(_members.c.household_index == self._household_index(name)) if name else []
        return _said_alike(found, lambda member: member.household == name)

    def all(self) -> Iterator[Member]:
        """Every member that was not erased, in the order in which they joined."""
        with reading(self.vault.store.engine) as connection:
            self._guard.check(connection, _members)
            query = sa.select(_members).where(_members.c.erased.is_(None))
            query = query.order_by(_members.c.joined, _members.c.id).execution_options(yield_per=1000)
            for row in connection.execute(query).mappings():
                yield self._unsealed(row)

    def ids_of(self, cards: Sequence[str], connection: sa.Connection | None = None) -> list[str | None]:
        """For each card the number of its member, in the same order; None for a card that is unknown."""
        return [
            str(row["id"]) if row else None
            for row in self._rows(connection, [normal_card(card) for card in cards])
        ]

    def addresses_of(self, cards: Sequence[str]) -> list[str | None]:
        """For each card its address, in the same order; None where there is none (or no such card).

        Many cards are looked up with one query.
        """
        return [
            self.vault.key(row["salt"]).unseal("members", row["id"], "address", row["address"])
            if row and row["address"]
            else None
            for row in self._rows(None, [normal_card(card) for card in cards])
        ]

    def statuses_of(self, cards: Sequence[str]) -> list[str | None]:
        """For each card the status of its member, in the same order; None for a card that is unknown."""
        return [
            self._unsealed(row).status if row else None
            for row in self._rows(None, [normal_card(card) for card in cards], everything=True)
        ]

    def key_of(self, number: str, connection: sa.Connection | None = None) -> Key | None:
        """The key of a member (or of `BRAND`); None once she was erased."""
        if number == BRAND:
            return self.vault.brand_key
        query = sa.select(_members.c.salt).where(_members.c.id == number)
        if connection is not None:
            salt = connection.scalar(query)
        else:
            with reading(self.vault.store.engine) as own:
                salt = own.scalar(query)
        return None if salt is None else self.vault.key(salt)

    def addresses_of_ids(self, connection: sa.Connection) -> dict[str, str]:
        """The address of every member that has one, by her number."""
        columns = (_members.c.id, _members.c.salt, _members.c.address)
        self._guard.check(connection, _members)
        query = sa.select(*columns).where(_members.c.address.is_not(None))
        return {
            row.id: self.vault.key(row.salt).unseal("members", row.id, "address", row.address)
            for row in connection.execute(query)
        }

    # ------------------------------------------------------------------------------------------- consent

    def consent(self, card: str, purpose: str, how: str, actor: str) -> Consent:
        """Note that a member agreed to a purpose, and how. Once for each purpose until it is withdrawn."""
        purpose = purpose.strip()
        if not purpose or not how.strip():
            raise MemberError("a consent needs a purpose and how it was given", "name both")
        now = int(self._clock())
        with self.vault.store.writing() as connection:
            member, key = self._get(connection, card)
            if self._open_consent(connection, member.id, purpose) is not None:
                raise MemberError(f"{card} agreed to {purpose!r} already", "nothing is to be done")
            number = os.urandom(16).hex()
            row = {
                "id": number,
                "member": member.id,
                "purpose": purpose,
                "given": now,
                "given_how": key.seal("consents", number, "given_how", how),
            }
            self._guard.insert(connection, _consents, [row])
            self._tell(connection, "consent given", actor, member.id, key, {"purpose": purpose}, how)
        return Consent(purpose, now, how, None, "")

    def withdraw(self, card: str, purpose: str, how: str, actor: str) -> None:
        """Note that a member withdrew a consent, and how."""
        with self.vault.store.writing() as connection:
            member, key = self._get(connection, card)
            number = self._open_consent(connection, member.id, purpose.strip())
            if number is None:
                raise MemberError(f"{card} has not agreed to {purpose!r}", "see `troc brand members find`")
            values = {
                "withdrawn": int(self._clock()),
                "withdrawn_how": key.seal("consents", number, "withdrawn_how", how),
            }
            self._guard.update(connection, _consents, [_consents.c.id == number], values)
            self._tell(connection, "consent withdrawn", actor, member.id, key, {"purpose": purpose}, how)

    def consents(self, member: Member) -> list[Consent]:
        """Every consent of a member, oldest first."""
        with reading(self.vault.store.engine) as connection:
            key = self.key_of(member.id, connection)
            if key is None:
                return []
            self._guard.check(connection, _consents, [member.id])
            query = sa.select(_consents).where(_consents.c.member == member.id)
            return [
                Consent(
                    row.purpose,
                    row.given,
                    key.unseal("consents", row.id, "given_how", row.given_how),
                    row.withdrawn,
                    key.unseal("consents", row.id, "withdrawn_how", row.withdrawn_how)
                    if row.withdrawn_how
                    else "",
                )
                for row in connection.execute(query.order_by(_consents.c.given, _consents.c.id))
            ]

    def agreed(self, purpose: str) -> list[Member]:
        """Everybody whose consent to a purpose stands."""
        standing = sa.select(_consents.c.member).where(
            _consents.c.purpose == purpose, _consents.c.withdrawn.is_(None)
        )
        with reading(self.vault.store.engine) as connection:
            self._guard.check(connection, _consents)
        return self._select(_members.c.id.in_(standing))

    # ------------------------------------------------------------------------------------------- addresses

    def link_message(self, card: str, holder: str, deadline: int) -> LinkCard:
        """What the holder of an address signs, so that a card feeds it. `deadline` in Unix seconds."""
        with reading(self.vault.store.engine) as connection:
            member, salt = self._with_salt(connection, card)
        return LinkCard(
            holder=holder,
            card=card_hash(self.vault.secret("link", salt), member.card),
            token=self.brand.address,
            deadline=deadline,
        )

    def link(self, chain: Chain, card: str, message: LinkCard, signature: bytes, actor: str) -> Member:
        """Let a card feed the address whose holder signed for it. Each signature serves once."""
        domain = link_domain(chain.chain_id, self.brand.address)
        if message.card != self.link_message(card, message.holder, message.deadline).card:
            raise MemberError(
                f"this message is not about the card {card}", "name the card that it was made for"
            )
        if message.token != self.brand.address:
            raise MemberError(f"this message is about {message.token}", "have the right one signed")
        if message.deadline < chain.now():
            raise MemberError(
                f"this message was good until {words.moment(message.deadline)}", "have a new one signed"
            )
        if not is_signed(chain, message, domain, signature):
            raise MemberError(f"{message.holder} did not sign this", "have its holder sign it")
        used = digest(message, domain)
        with self.vault.store.writing() as connection:
            member, key = self._get(connection, card)
            self._guard.check(connection, _links, [used])
            if connection.scalar(sa.select(_links.c.digest).where(_links.c.digest == used)) is not None:
                raise MemberError("this signature was used before", "have a new one signed")
            if member.address is not None:
                raise MemberError(f"{card} feeds an address already", "unlink it first")
            self._guard.insert(connection, _links, [{"digest": used}])
            self._set(
                connection,
                member.id,
                address=key.seal("members", member.id, "address", message.holder),
                address_index=self._address_index(message.holder),
            )
            sealed = {"message": message.to_json(), "signature": "0x" + signature.hex()}
            self._tell(connection, "address linked", actor, member.id, key, sealed=sealed)
        return replace(member, address=message.holder)

    def unlink(self, card: str, reason: str, actor: str) -> Member:
        """Let a card feed no address any more: from now on her points are kept as a claim."""
        with self.vault.store.writing() as connection:
            member, key = self._get(connection, card)
            if member.address is None:
                raise MemberError(f"{card} feeds no address", "nothing is to be done")
            self._set(connection, member.id, address=None, address_index=None)
            self._tell(connection, "address unlinked", actor, member.id, key, reason=reason)
        return replace(member, address=None)

    # ------------------------------------------------------------------------------- her rights over her data

    def export(self, card: str) -> dict[str, Any]:
        """Everything that is known of one member, for her. Times are Unix seconds."""
        member = self.find(card)
        key = self.key_of(member.id)
        entries = []
        for entry in self.journal.entries(subject=member.id):
            reason, sealed = self.journal.opened(entry, key)
            entries.append(
                {
                    "sequence": entry.sequence,
                    "time": entry.time,
                    "kind": entry.kind,
                    "actor": entry.actor,
                    "reason": reason,
                    **entry.data,
                    **sealed,
                }
            )
        found: dict[str, Any] = {
            "points": {"brand": self.brand.name, "token": self.brand.address},
            "member": {**vars(member), "details": dict(member.details)},
            "consents": [vars(consent) for consent in self.consents(member)],
            "journal": entries,
        }
        for holdings in self._holdings:
            found |= holdings.export(member.id)
        return found

    def erase(self, card: str, reason: str, actor: str, *, give_up: bool = False) -> Erased:
        """Erase one member: her fields, her key, and the link from her card to her address.

        Raises `MemberError` while points are kept for her, unless she gives them up. Her row's number stays
        where sums need it, and leads to nobody. Afterwards the database is rewritten (`BrandStore.scrub`).
        """
        with self.vault.store.writing() as connection:
            member, _ = self._get(connection, card)
            stays = [
                f"{member.address} and all it did stay on the chain for all to read; nothing here leads to it"
                if member.address
                else "nothing of her is on the chain under this card"
            ]
            for holdings in self._holdings:
                stays += holdings.before_erasing(member.id, give_up, connection)
            stays.append("the journal keeps its entries about her, which nobody can read or assign any more")
            stays.append("copies that were made of this database: let them run out, or erase her there too")
            self._guard.delete(connection, _consents, [_consents.c.member == member.id])
            empty = ("salt", "card_index", "address_index", "household_index", "card", "address", "profile")
            self._set(connection, member.id, **dict.fromkeys(empty), erased=int(self._clock()))
            self.journal.append(
                *("member erased", actor, reason, {"member": member.id, "gave_up": give_up}),
                subject=BRAND,
                key=self.vault.brand_key,
                connection=connection,
            )
        gone = (
            "her card, household, status and details",
            "her consents",
            "what links her card to an address",
        )
        self.vault.store.scrub()
        return Erased(member.id, gone, tuple(stays))

    # -------------------------------------------------------------------------------------------- internal

    @property
    def _guard(self) -> Guard:
        return self.vault.guard

    def _set(self, connection: sa.Connection, number: str, **values: Any) -> None:
        self._guard.update(connection, _members, [_members.c.id == number], values)

    def _tell(
        self,
        connection: sa.Connection,
        kind: str,
        actor: str,
        number: str,
        key: Key | None = None,
        payload: Mapping[str, Any] | None = None,
        reason: str = "",
        sealed: Mapping[str, Any] | None = None,
    ) -> None:
        self.journal.append(
            *(kind, actor, reason, payload),
            subject=number,
            key=key or self.key_of(number, connection),
            sealed=sealed,
            connection=connection,
        )

    def _rows(
        self, connection: sa.Connection | None, cards: Sequence[str], everything: bool = False
    ) -> list[sa.RowMapping | None]:
        """The row of each card, which is normal already."""
        if connection is None:
            with reading(self.vault.store.engine) as own:
                return self._rows(own, cards, everything)
        wanted = [self.vault.blind("card", card) for card in cards]
        columns = ("id", "salt", "card_index", "card", "address")
        query = sa.select(_members) if everything else sa.select(*(_members.c[name] for name in columns))
        few = set(wanted)
        query = query.where(
            _members.c.card_index.in_(few) if len(few) <= _FEW else _members.c.card_index.is_not(None)
        )
        found = {bytes(row["card_index"]): row for row in connection.execute(query).mappings()}
        met = [row["id"] for index, row in found.items() if index in few]
        self._guard.check(connection, _members, met)
        rows = [found.get(index) for index in wanted]
        for card, row in zip(cards, rows, strict=True):
            # The index is not sealed: exchanged, it would give one member's points to another.
            if row and self.vault.key(row["salt"]).unseal("members", row["id"], "card", row["card"]) != card:
                raise _altered(row["id"])
        return rows

    def _select(self, where: Any) -> list[Member]:
        with reading(self.vault.store.engine) as connection:
            query = sa.select(_members).where(where, _members.c.erased.is_(None))
            rows = connection.execute(query).mappings().all()
            # Unsealing names the field that was changed; the sums see what was put back.
            found = [self._unsealed(row) for row in rows]
            self._guard.check(connection, _members, [row["id"] for row in rows])
        return sorted(found, key=lambda member: (member.joined, member.card))

    def _get(self, connection: sa.Connection, card: str) -> tuple[Member, Key]:
        member, salt = self._with_salt(connection, card)
        return member, self.vault.key(salt)

    def _with_salt(self, connection: sa.Connection, card: str) -> tuple[Member, bytes]:
        (row,) = self._rows(connection, [normal_card(card)], everything=True)
        if row is None:
            raise _unknown(card)
        return self._unsealed(row), row["salt"]

    def _open_consent(self, connection: sa.Connection, number: str, purpose: str) -> str | None:
        self._guard.check(connection, _consents, [number])
        return connection.scalar(
            sa.select(_consents.c.id).where(
                _consents.c.member == number,
                _consents.c.purpose == purpose,
                _consents.c.withdrawn.is_(None),
            )
        )

    def _sealed(self, member: Member) -> dict[str, Any]:
        salt = os.urandom(32)
        key = self.vault.key(salt)
        return {
            "id": member.id,
            "salt": salt,
            "card_index": self.vault.blind("card", member.card),
            "household_index": self._household_index(member.household),
            "card": key.seal("members", member.id, "card", member.card),
            "profile": _profile(key, member),
            "joined": member.joined,
        }

    def _unsealed(self, row: sa.RowMapping) -> Member:
        key, number = self.vault.key(row["salt"]), row["id"]
        profile = json.loads(key.unseal("members", number, "profile", row["profile"]))
        return Member(
            id=number,
            card=key.unseal("members", number, "card", row["card"]),
            address=key.unseal("members", number, "address", row["address"]) if row["address"] else None,
            household=profile["household"],
            status=profile["status"],
            details=profile["details"],
            joined=row["joined"],
        )

    def _address_index(self, address: str) -> bytes:
        return self.vault.blind("address", address)

    def _household_index(self, household: str) -> bytes | None:
        return self.vault.blind("household", household) if household else None


def _profile(key: Key, member: Member) -> bytes:
    data = {"household": member.household, "status": member.status, "details": dict(member.details)}
    return key.seal("members", member.id, "profile", json.dumps(data))


def _said_alike(found: list[Member], alike: Callable[[Member], bool]) -> list[Member]:
    """What was found by a keyed hash, if its sealed fields say the same."""
    for member in found:
        if not alike(member):
            raise _altered(member.id)
    return found


def _altered(number: str) -> StoreError:
    return StoreError(f"what member {number} is found by was altered", "restore the database from a backup")


def _is_address(name: str) -> bool:
    return name.startswith("0x") and len(name) == 42


def _unknown(name: str) -> MemberError:
    return MemberError(
        f"no card feeds {name}" if _is_address(name) else f"there is no member with the card {name}",
        "check it, or add her with `troc brand members add`",
    )


def _some(cards: Sequence[str]) -> str:
    shown = ", ".join(cards[:10])
    return f"{shown} and {len(cards) - 10:,} more" if len(cards) > 10 else shown
