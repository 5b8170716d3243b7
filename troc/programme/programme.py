"""A brand's programme, opened: its members and all that is kept for them, over one database."""

from __future__ import annotations

from dataclasses import dataclass

from troc.brands import Brand
from troc.chain import Chain
from troc.programme import claims as claims_part
from troc.programme import debts as debts_part
from troc.programme import members as members_part
from troc.programme.adjusting import Adjusting
from troc.programme.claims import Claims
from troc.programme.debts import Debts
from troc.programme.journal import Head, Journal
from troc.programme.members import Members
from troc.programme.vault import BrandStore, Vault, open_brand_store
from troc.store import reading

GUARDED = (*members_part.GUARDED, *claims_part.GUARDED, *debts_part.GUARDED)
"""Tables in which a change without the passphrase shows."""


@dataclass(frozen=True)
class Programme:
    """The parts of one brand's programme."""

    store: BrandStore
    journal: Journal
    members: Members
    claims: Claims
    debts: Debts
    adjusting: Adjusting

    @classmethod
    def over(cls, vault: Vault, chain: Chain) -> Programme:
        """All parts over an opened database. Claims and debts have the chain's time, as the books do."""
        journal = Journal(vault.store)
        members = Members(vault, journal)
        claims = Claims(members, chain.now)
        debts = Debts(members, chain.now)
        adjusting = Adjusting(members, claims, debts, chain.chain_id)
        return cls(vault.store, journal, members, claims, debts, adjusting)

    def check(self, anchor: Head | None = None) -> int:
        """Check every row and the journal (against a head of before, where one is known); gives how many rows
        there are. Raises `StoreError` or `TamperedError`.
        """
        self.journal.verify(anchor)
        with reading(self.store.engine) as connection:
            return self.members.vault.guard.check_all(connection, GUARDED)

    def begin_again(self, actor: str) -> None:
        """Take the database as it stands for what it is to say, and note that: for one of an earlier version.

        Raises `TamperedError` where the journal does not follow from itself.
        """
        self.journal.verify()
        with self.store.engine.begin() as connection:
            self.journal.append("sums begun", actor, connection=connection)
            self.members.vault.guard.begin(connection, GUARDED)


def open_programme(chain: Chain, brand: Brand, passphrase: str, database: str = "") -> Programme:
    """Open a brand's programme. `database`: its URL (none: the SQLite file of the brand)."""
    return Programme.over(Vault.open(open_brand_store(chain, brand, database), passphrase), chain)
