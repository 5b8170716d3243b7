"""Members: encryption, finding, consent, households, export, erasing; on both databases."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.client.members.conftest import BRAND, PASSPHRASE, WORK, store_at
from troc.errors import AccountError, InputError, MemberError, StoreError
from troc.programme.journal import Journal
from troc.programme.members import Members, NewMember
from troc.programme.vault import BrandStore, Vault

ANN = NewMember("4006381333931", "Jung", "gold", {"name": "Annegret Jung", "mail": "ann@example.com"})


def everything(url: str, file: Path) -> bytes:
    """All bytes that a database keeps of its rows: the files, or a dump of every table."""
    if url.startswith("sqlite"):
        return b"".join(path.read_bytes() for path in file.parent.glob("test.sqlite*"))
    engine = store_at(url).engine
    with engine.connect() as connection:
        tables = sa.inspect(engine).get_table_names()
        return b"".join(repr(connection.exec_driver_sql(f"TABLE {table}").all()).encode() for table in tables)


def test_adds_and_finds_by_card_in_any_spacing(members: Members) -> None:
    added = members.add(ANN, "clerk")
    assert members.find("4006 3813 33931") == added
    assert (added.household, added.status, added.details["name"]) == ("Jung", "gold", "Annegret Jung")
    assert added.address is None
    assert members.ids_of(["4006381333931", "1"]) == [added.id, None]
    with pytest.raises(MemberError, match="there is no member with the card 1"):
        members.find("1")


def test_a_doubled_card_adds_nobody(members: Members) -> None:
    members.add(ANN, "clerk")
    with pytest.raises(MemberError, match=r"1 card would be doubled \(4006381333931\): .*nobody was added"):
        members.add_many([NewMember("7"), NewMember("40063813 33931")], "clerk")
    with pytest.raises(MemberError, match="1 card would be doubled"):
        members.add_many([NewMember("8"), NewMember("8")], "clerk")
    assert [member.card for member in members.all()] == ["4006381333931"]


@pytest.mark.parametrize("card", ["", "   ", "x" * 65, "a\x07b"])
def test_refuses_what_is_no_card(members: Members, card: str) -> None:
    with pytest.raises(MemberError, match="is no card number"):
        members.add(NewMember(card), "clerk")


def test_nothing_personal_is_readable_in_the_database(members: Members, url: str, file: Path) -> None:
    members.add(ANN, "clerk")
    members.update(ANN.card, "clerk", status="platinum", details={"phone": "+49 30 901820"})
    members.consent(ANN.card, "newsletter", "signed form 17 of Annegret Jung", "clerk")
    found = everything(url, file)
    assert b"newsletter" in found  # what is looked at holds the rows
    for secret in (
        b"4006381333931",
        b"Annegret",
        b"ann@example.com",
        b"Jung",
        b"901820",
        b"platinum",
        b"form 17",
    ):
        assert secret not in found


def test_update_merges_details_and_changes_the_household(members: Members) -> None:
    members.add(ANN, "clerk")
    members.add(NewMember("77", "Jung"), "clerk")
    assert len(members.household("Jung")) == 2
    changed = members.update(ANN.card, "clerk", household="Alt", details={"mail": "", "phone": "1"})
    assert members.find(ANN.card) == changed
    assert changed.details == {"name": "Annegret Jung", "phone": "1"}
    assert [member.card for member in members.household("Jung")] == ["77"]
    assert members.statuses_of(["77", ANN.card, "none"]) == ["", "gold", None]


def test_the_wrong_passphrase_is_said(vault: Vault, url: str) -> None:
    with pytest.raises(AccountError, match="this is not the passphrase of the members of PANIER"):
        Vault.open(store_at(url), "wrong horse")


def test_a_new_passphrase_opens_the_same_members(members: Members, url: str) -> None:
    members.add(ANN, "clerk")
    members.vault.change_passphrase("battery staple", WORK)
    with pytest.raises(AccountError):
        Vault.open(store_at(url), PASSPHRASE)
    again = Vault.open(store_at(url), "battery staple")
    assert Members(again, Journal(again.store)).find(ANN.card).details["name"] == "Annegret Jung"


def test_a_vault_is_made_once_and_with_a_real_passphrase(store: BrandStore) -> None:
    with pytest.raises(StoreError, match="begin with `troc brand members init PANIER`"):
        Vault.open(store, PASSPHRASE)
    with pytest.raises(InputError, match="too short"):
        Vault.create(store, "short", WORK)
    Vault.create(store, PASSPHRASE, WORK)
    with pytest.raises(StoreError, match="has a passphrase already"):
        Vault.create(store, PASSPHRASE, WORK)


def test_fields_cannot_be_moved_to_another_row(members: Members) -> None:
    """Neither a card to another member, nor one column to another."""
    members.add_many([NewMember("1"), NewMember("2", details={"name": "Bo"})], "clerk")
    engine = members.vault.store.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE members SET profile = card")
    with pytest.raises(StoreError, match=r"the field profile of members .* was altered"):
        members.find("1")


def test_an_altered_byte_of_a_field_is_found(members: Members) -> None:
    members.add(ANN, "clerk")
    engine = members.vault.store.engine
    with engine.begin() as connection:
        sealed = bytes(connection.exec_driver_sql("SELECT profile FROM members").scalar_one())
        altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
        connection.execute(sa.text("UPDATE members SET profile = :altered"), {"altered": altered})
    with pytest.raises(StoreError, match="the field profile of members"):
        members.find(ANN.card)


def test_the_same_text_is_never_sealed_the_same_way(vault: Vault) -> None:
    """Equal nonces under one key would tell what two fields have in common."""
    sealed = {vault.brand_key.seal("members", "1", "card", "4006381333931") for _ in range(100)}
    assert len({one[:12] for one in sealed}) == len({one[12:] for one in sealed}) == 100


def test_keys_are_never_shown(members: Members) -> None:
    shown = repr(members.vault) + repr(members.vault.brand_key)
    assert members.vault._data_key.hex() not in shown
    assert repr(members.vault._data_key) not in shown


def test_consent_is_given_once_and_withdrawn(members: Members) -> None:
    members.add(ANN, "clerk")
    members.consent(ANN.card, "newsletter", "form 17", "clerk")
    with pytest.raises(MemberError, match="agreed to 'newsletter' already"):
        members.consent(ANN.card, "newsletter", "form 18", "clerk")
    assert [member.card for member in members.agreed("newsletter")] == [ANN.card]
    members.withdraw(ANN.card, "newsletter", "by mail", "clerk")
    with pytest.raises(MemberError, match="has not agreed to 'newsletter'"):
        members.withdraw(ANN.card, "newsletter", "by mail", "clerk")
    assert members.agreed("newsletter") == []
    members.consent(ANN.card, "newsletter", "form 19", "clerk")
    told = [
        (c.given_how, c.withdrawn_how, c.withdrawn is None) for c in members.consents(members.find(ANN.card))
    ]
    assert sorted(told) == [("form 17", "by mail", False), ("form 19", "", True)]


def test_export_holds_everything(members: Members) -> None:
    members.add(ANN, "clerk")
    members.consent(ANN.card, "newsletter", "form 17", "clerk")
    told = members.export(ANN.card)
    assert told["member"]["card"] == ANN.card
    assert told["member"]["details"] == dict(ANN.details)
    assert told["consents"][0]["given_how"] == "form 17"
    assert [entry["kind"] for entry in told["journal"]] == ["member added", "consent given"]
    assert told["journal"][1]["reason"] == "form 17"
    json.dumps(told)


def test_erasing_destroys_the_key_and_every_way_to_her(members: Members, url: str, file: Path) -> None:
    added = members.add(ANN, "clerk")
    members.add(NewMember("77", "Jung"), "clerk")
    members.consent(ANN.card, "newsletter", "form 17", "clerk")
    with members.vault.store.engine.connect() as connection:
        row = connection.execute(
            sa.text("SELECT salt, card, card_index, profile FROM members WHERE id = :id"), {"id": added.id}
        ).one()
    assert all(bytes(field) in everything(url, file) or not url.startswith("sqlite") for field in row)
    erased = members.erase(ANN.card, "she asked for it", "clerk")
    assert "the journal keeps its entries" in " ".join(erased.stays)
    found = everything(url, file)
    for field in row:
        assert bytes(field) not in found
        assert repr(bytes(field)).encode() not in found
    with pytest.raises(MemberError):
        members.find(ANN.card)
    assert members.key_of(added.id) is None
    assert [member.card for member in members.household("Jung")] == ["77"]
    # The journal still verifies, and tells nothing of her.
    members.journal.verify()
    (entry, *_) = members.journal.entries(subject=added.id)
    assert members.journal.opened(entry, members.key_of(added.id)) == ("erased", {})
    # Her card can be given to somebody else.
    assert members.add(NewMember(ANN.card), "clerk").id != added.id


def test_another_brands_database_is_refused(vault: Vault, url: str) -> None:
    from dataclasses import replace

    other = store_at(url, replace(BRAND, address="0x" + "Cd" * 20))
    assert Vault.exists(other)
    with pytest.raises(AccountError):
        Vault.open(other, PASSPHRASE)


def test_a_hundred_thousand_members(members: Members) -> None:
    """Added and looked up with one query; the bounds are wide, so that only another order of growth fails."""
    cards = [f"{number:013}" for number in range(100_000)]
    start = time.perf_counter()
    assert members.add_many((NewMember(card, status="blue") for card in cards), "import") == 100_000
    added = time.perf_counter() - start
    start = time.perf_counter()
    assert members.addresses_of(cards) == [None] * 100_000
    looked_up = time.perf_counter() - start
    print(f"added in {added:.1f} s, looked up in {looked_up:.1f} s")
    assert added < 60
    assert looked_up < 20
