"""The vault: keys that serve once, copies that are whole or not sold, erasing, moving, and the phrase."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.data.vault_cases import (
    BASKETS,
    HOUSEHOLD,
    PASSPHRASE,
    WORK,
    CutError,
    Power,
    fresh_url,
    home,
    signer,
    vault,
)
from troc.accounts import Signer
from troc.data import chunks
from troc.data.chunks import Content, lay_out
from troc.data.manifest import open_record
from troc.data.stores import Store
from troc.data.vault import ErasedError, Receipt, Shelf, Vault
from troc.errors import AccountError, InputError, PendingError, StoreError, TamperedError, TrocError
from troc.files import write_file

__all__ = ["home", "signer", "vault"]


def damage(vault: Shelf, name: str, at: int = 300) -> None:
    data = vault.store.read(name)
    assert data is not None
    vault.store.write(name, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def copy_name(root: bytes, part: str) -> str:
    return f"copies/{root.hex()}.{part}"


# -------------------------------------------------------------------------------------------------- selling


def test_what_was_added_is_opened_by_its_key_and_nothing_else(vault: Vault) -> None:
    manifest = vault.add(BASKETS, "grocer.baskets")
    assert vault.manifest(manifest.root) == manifest
    opened = open_record(manifest, vault.blob(manifest.root), vault.key(manifest.root))
    assert [tuple(row.values()) for row in opened.rows] == list(BASKETS.rows)
    assert vault.verify(manifest.root) == []
    assert "baskets.csv" not in json.dumps(manifest.to_json())
    for name in vault.store.names():
        assert b"DAIRY" not in (vault.store.read(name) or b"")


def test_each_sale_has_a_copy_of_its_own_under_a_key_of_its_own(vault: Vault) -> None:
    whole = vault.add(BASKETS, "grocer.baskets")
    dairy = vault.seal(whole.root, ["week", "sales_value"], {"department": "DAIRY"}, tell=True)
    again = vault.seal(whole.plain_root)
    assert len({vault.key(each.root) for each in (whole, dairy, again)}) == 3
    assert whole.plain_root == dairy.plain_root == again.plain_root
    assert whole.plain_leaves == again.plain_leaves
    assert dairy.schema == "grocer.baskets"
    rows = open_record(dairy, vault.blob(dairy.root), vault.key(dairy.root)).rows
    assert [set(row) for row in rows] == [{"week", "sales_value"}] * 10
    with pytest.raises(TrocError):
        open_record(whole, vault.blob(whole.root), vault.key(again.root))


def test_a_key_is_never_used_twice(vault: Vault, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troc.data.cipher.new_key", lambda: b"k" * 32)
    first = vault.add(HOUSEHOLD)
    with pytest.raises(StoreError, match="used before"):
        vault.add(BASKETS)
    with pytest.raises(StoreError, match="used before"):
        vault.seal(first.root)
    vault.erase(first.root, signer)
    with pytest.raises(StoreError, match="used before"):
        vault.add(HOUSEHOLD)
    assert vault.roots() == []


def test_a_key_that_was_taken_before_a_cut_stays_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    power = Power()
    vault = Vault.create(home / "vault", PASSPHRASE, fresh_url(), WORK, power.opening)
    monkeypatch.setattr("troc.data.cipher.new_key", lambda: b"k" * 32)
    power.left = power.used + 5
    with pytest.raises(CutError):
        vault.add(HOUSEHOLD)
    with pytest.raises(StoreError, match="used before"):
        vault.add(HOUSEHOLD)


def test_the_record_is_shown_as_an_attestor_needs_it(vault: Vault) -> None:
    manifest = vault.add(HOUSEHOLD)
    record = vault.record(manifest.plain_root)
    plain = [chunks.plain_leaf(chunk) for chunk in record.chunks()]
    assert record.layout.root_over(plain) == manifest.plain_root
    assert record.pieces == lay_out(HOUSEHOLD, bytes(32)).pieces


# -------------------------------------------------------------------------------------------------- damage


def test_a_damaged_blob_is_named_and_never_handed_out(vault: Vault) -> None:
    manifest = vault.add(HOUSEHOLD)
    whole = vault.blob(manifest.root)
    damage(vault, copy_name(manifest.root, "blob"), 5 * 256 + 17)
    with pytest.raises(TamperedError, match="chunk 5"):
        vault.blob(manifest.root)
    assert [fault.chunk for fault in vault.verify(manifest.root)] == [5]
    with pytest.raises(TamperedError, match="chunk 5"):
        vault.blob_part(manifest.root, 1000, 1500)
    assert vault.blob_part(manifest.root, 10, 700) == whole[10:700]
    vault.repair(manifest.root)
    assert vault.blob(manifest.root) == whole


def test_a_blob_that_is_gone_is_made_anew(vault: Vault) -> None:
    manifest = vault.add(HOUSEHOLD)
    whole = vault.blob(manifest.root)
    vault.store.delete(copy_name(manifest.root, "blob"))
    assert str(vault.verify(manifest.root)[0]) == "its blob is gone"
    vault.repair(manifest.root)
    assert vault.blob(manifest.root) == whole


@pytest.mark.parametrize("part", ["key", "manifest", "note", "head", "body"])
def test_any_damaged_file_is_found(vault: Vault, part: str) -> None:
    manifest = vault.add(HOUSEHOLD)
    name = copy_name(manifest.root, part)
    if part in ("head", "body"):
        name = f"records/{manifest.plain_root.hex()}.{part}"
    damage(vault, name, 20)
    assert vault.verify(manifest.root)
    assert len(vault.notes()) == 1


@pytest.mark.parametrize("spoiled", [b"{", b"", b'{"record": "0xg0"}', None])
def test_a_damaged_note_is_found_and_mended(vault: Vault, spoiled: bytes | None) -> None:
    manifest = vault.add(HOUSEHOLD)
    name, before = copy_name(manifest.root, "note"), vault.note(manifest.root)
    written = vault.store.read(name)
    assert written is not None
    other = written.replace(manifest.key_commit.hex().encode(), bytes(32).hex().encode())
    vault.store.write(name, other if spoiled is None else spoiled)
    assert any(
        f"{manifest.root.hex()}.note of the vault was altered" in str(f) for f in vault.verify(manifest.root)
    )
    vault.repair(manifest.root)
    assert vault.verify(manifest.root) == []
    assert vault.note(manifest.root) == replace(before, made_at=before.made_at if spoiled is None else 0.0)


def test_what_is_damaged_can_be_erased(vault: Vault, signer: Signer) -> None:
    manifest, whole = vault.add(HOUSEHOLD), vault.add(HOUSEHOLD)
    for part in ("note", "manifest"):
        vault.store.write(copy_name(manifest.root, part), b"{")
    assert vault.roots() == sorted([manifest.root, whole.root])
    assert [note.root for note in vault.notes()] == [whole.root]
    receipt = vault.erase(manifest.root, signer)
    assert receipt.is_signed
    assert not receipt.whole
    assert vault.roots() == [whole.root]
    assert vault.verify(whole.root) == []


def test_the_key_of_another_copy_does_not_pass(vault: Vault) -> None:
    first = vault.add(HOUSEHOLD)
    second = vault.seal(first.root)
    other = vault.store.read(copy_name(second.root, "key"))
    assert other is not None
    vault.store.write(copy_name(first.root, "key"), other)
    with pytest.raises(TamperedError, match="altered"):
        vault.key(first.root)


# ---------------------------------------------------------------------------------------------------- keys


def test_a_wrong_passphrase_opens_nothing(vault: Vault) -> None:
    with pytest.raises(AccountError):
        Vault.open(vault.folder, "a new umbrella")
    vault.change_passphrase("a new umbrella", WORK)
    with pytest.raises(AccountError):
        Vault.open(vault.folder, PASSPHRASE)
    Vault.open(vault.folder, "a new umbrella")
    with pytest.raises(InputError):
        vault.change_passphrase("short")


def test_the_phrase_and_the_files_alone_bring_every_key_back(vault: Vault, tmp_path: Path) -> None:
    first = vault.add(HOUSEHOLD)
    second = vault.add(BASKETS)
    url = vault.place.store
    phrase = "  ".join(vault.phrase.upper().split())
    shutil.rmtree(vault.folder)
    other = Vault.restore(tmp_path / "another machine", phrase, "other words", url, WORK)
    for manifest in (first, second):
        assert open_record(manifest, other.blob(manifest.root), other.key(manifest.root)).rows
    assert other.phrase == vault.phrase
    reopened = Vault.open(tmp_path / "another machine", "other words")
    assert reopened.record(first.plain_root).pieces
    assert reopened.seal(first.root).plain_root == first.plain_root


def test_refuses_a_wrong_phrase(vault: Vault, tmp_path: Path) -> None:
    words = vault.phrase.split()
    other = Vault.create(tmp_path / "other", PASSPHRASE, fresh_url(), WORK)
    for phrase in (" ".join(words[:-1]), " ".join(reversed(words)), "", "word " * 24, other.phrase):
        with pytest.raises(InputError) as caught:
            Vault.restore(tmp_path / "new", phrase, PASSPHRASE, vault.place.store, WORK)
        assert not set(words[:3]) & set(str(caught.value).split())
    assert not (tmp_path / "new").exists()
    with pytest.raises(StoreError, match="another vault here"):
        Vault.restore(other.folder, vault.phrase, PASSPHRASE, vault.place.store, WORK)


def test_nothing_shows_a_key(vault: Vault) -> None:
    manifest = vault.add(HOUSEHOLD)
    key = vault.key(manifest.root).hex()
    secret = vault._keys._secret.hex()
    shown = repr((vault, vault._keys, vault.record(manifest.plain_root), manifest, vault.notes()))
    shown += "".join((vault.folder / name).read_text() for name in ("keystore.json", "place.json"))
    shown += "".join(str(vault.store.read(name)) for name in vault.store.names())
    assert key not in shown
    assert secret not in shown
    assert str(bytes.fromhex(key))[2:-1] not in shown
    assert (vault.folder / "keystore.json").stat().st_mode & 0o077 == 0


def test_one_vault_a_folder(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Vault.create(vault.folder, PASSPHRASE, fresh_url(), WORK)
    with pytest.raises(InputError, match="not empty"):
        Vault.create(tmp_path / "other", PASSPHRASE, vault.place.store, WORK)
    with pytest.raises(StoreError, match="no vault here"):
        Shelf(tmp_path / "nothing")


# -------------------------------------------------------------------------------------------------- erasing


def test_erasing_destroys_key_and_blob_and_signs_it(vault: Vault, signer: Signer) -> None:
    manifest = vault.add(HOUSEHOLD, "grocer.household")
    stays = vault.add(BASKETS)
    receipt = vault.erase(manifest.root, signer)
    assert receipt.is_signed
    assert receipt.account == signer.address
    assert receipt.copies == ((manifest.root, manifest.key_commit),)
    assert receipt.whole
    named = (manifest.root.hex(), manifest.plain_root.hex())
    left = [name for name in vault.store.names() if any(each in name for each in named)]
    assert left == [f"erased/{manifest.root.hex()}"]
    for ask in (vault.key, vault.blob, vault.manifest, vault.note):
        with pytest.raises(ErasedError):
            ask(manifest.root)
    assert vault.receipt(manifest.root) == receipt == vault.erase(manifest.root, signer)
    assert Receipt.from_json(json.loads(json.dumps(receipt.to_json()))) == receipt
    assert vault.verify(stays.root) == []


def test_a_receipt_that_was_changed_is_not_signed(vault: Vault, signer: Signer) -> None:
    receipt = vault.erase(vault.add(HOUSEHOLD).root, signer)
    changes: tuple[dict[str, Any], ...] = (
        {"erased_at": receipt.erased_at + 1},
        {"record": bytes(32)},
        {"whole": False},
        {"copies": ((bytes(32), bytes(32)),)},
        {"account": "0x" + "11" * 20},
        {"signature": b""},
    )
    for change in changes:
        assert not replace(receipt, **change).is_signed


def test_the_record_goes_with_its_last_copy(vault: Vault, signer: Signer) -> None:
    first = vault.add(HOUSEHOLD)
    second = vault.seal(first.root)
    assert not vault.erase(first.root, signer).whole
    assert vault.record(first.plain_root).pieces
    third = vault.seal(second.root)
    receipt = vault.erase(second.root, signer, whole=True)
    assert {root for root, _ in receipt.copies} == {second.root, third.root}
    assert vault.receipt(third.root) == receipt
    with pytest.raises(StoreError):
        vault.record(first.plain_root)


# --------------------------------------------------------------------------------------------------- moving


def test_a_vault_that_was_moved_works_on(vault: Vault, signer: Signer, tmp_path: Path) -> None:
    manifest = vault.add(HOUSEHOLD)
    token = vault.grant(manifest.root, "buyer", 60)
    old = vault.store
    vault.move(str(tmp_path / "files"))
    assert old.names() == []
    assert vault.verify(manifest.root) == []
    assert vault.granted(token) is not None
    reopened = Vault.open(vault.folder, PASSPHRASE)
    more = reopened.seal(manifest.root)
    reopened.move(fresh_url())
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert vault.verify(more.root) == []
    assert vault.erase(manifest.root, signer).is_signed


def test_moves_to_an_empty_place_alone(vault: Vault, tmp_path: Path) -> None:
    other = Vault.create(tmp_path / "other", PASSPHRASE, fresh_url(), WORK)
    with pytest.raises(InputError, match="another vault"):
        vault.move(other.place.store)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        vault.move(str(tmp_path / "letters"))
    with pytest.raises(InputError, match="already"):
        vault.move(vault.place.store)
    assert (tmp_path / "letters" / "one.txt").read_text() == "mine"


@pytest.mark.parametrize("other", ["file://{}", "{}/", "{}/../files", "{}/inside", "file://{}/copies"])
def test_never_moves_into_itself(vault: Vault, tmp_path: Path, other: str) -> None:
    here = tmp_path / "files"
    vault.move(str(here))
    manifest = vault.add(HOUSEHOLD)
    before = files(vault.store)
    with pytest.raises(InputError, match=r"already|not empty"):
        vault.move(other.format(here))
    assert files(vault.store) == before
    assert not vault.place.moving
    assert vault.verify(manifest.root) == []


def test_a_place_that_was_altered_is_brought_back(vault: Vault) -> None:
    manifest, url = vault.add(HOUSEHOLD), vault.place.store
    (vault.folder / "place.json").write_text("{")
    with pytest.raises(StoreError, match="restore"):
        Vault.open(vault.folder, PASSPHRASE)
    assert Vault.restore(vault.folder, vault.phrase, PASSPHRASE, url, WORK).verify(manifest.root) == []
    assert Vault.open(vault.folder, PASSPHRASE).key(manifest.root)


# -------------------------------------------------------------------------------------------------- cut off


def files(place: Store) -> dict[str, bytes | None]:
    """What lies there, but for keys that were taken."""
    return {name: place.read(name) for name in place.names() if not name.startswith("used/")}


def run_until_cut(power: Power, step: int, after: bool, act: object) -> bool:
    """Do it, and let the power go at a step. False where it was over before."""
    assert callable(act)
    power.left, power.after = power.used + step, after
    try:
        act()
    except CutError:
        return True
    finally:
        power.left = -1
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before a write", "after it"])
def test_adding_is_whole_or_nothing_at_every_step(home: Path, after: bool) -> None:
    power = Power()
    vault = Vault.create(home / "vault", PASSPHRASE, fresh_url(), WORK, power.opening)
    kept = vault.add(HOUSEHOLD)
    before = files(vault.store)
    step = 0
    while run_until_cut(power, step, after, lambda: vault.add(BASKETS)):
        shelf = Shelf(vault.folder)
        whole = [root for root in shelf.roots() if root != kept.root]
        with shelf.working():
            pass
        if whole:
            # Cut after the last step: it is there for good.
            assert Vault.open(vault.folder, PASSPHRASE).verify(whole[0]) == []
            assert after
            break
        assert files(shelf.store) == before
        assert vault.verify(kept.root) == []
        step += 1
    assert step >= 8


@pytest.mark.parametrize("after", [False, True], ids=["before a write", "after it"])
def test_erasing_is_finished_once_it_began(home: Path, signer: Signer, after: bool) -> None:
    power = Power()
    vault = Vault.create(home / "vault", PASSPHRASE, fresh_url(), WORK, power.opening)
    step = 0
    while True:
        manifest = vault.add(HOUSEHOLD)
        before = files(vault.store)
        if not run_until_cut(power, step, after, lambda root=manifest.root: vault.erase(root, signer)):
            break
        shelf = Shelf(vault.folder)
        begun = bool(shelf.store.names("intents"))
        assert not begun or shelf.roots() == []
        with shelf.working():
            pass
        receipt = shelf.receipt(manifest.root)
        if receipt is None:
            assert files(shelf.store) == before
            vault.erase(manifest.root, signer)
        else:
            assert receipt.is_signed
        assert not [name for name in shelf.store.names() if name.startswith(("copies", "records", "intents"))]
        step += 1
    assert step >= 7


@pytest.mark.parametrize("after", [False, True], ids=["before a write", "after it"])
def test_a_move_that_was_cut_off_goes_on(
    home: Path, signer: Signer, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    power = Power()
    monkeypatch.setattr(
        "troc.data.vault.write_file", lambda path, data: power.spend(lambda: write_file(path, data))
    )
    vault = Vault.create(home / "vault", PASSPHRASE, fresh_url(), WORK, power.opening)
    kept, goes = vault.add(HOUSEHOLD), vault.add(HOUSEHOLD)
    step = 0
    while True:
        url, old = fresh_url(), vault.store
        before = files(old)
        if not run_until_cut(power, step, after, lambda url=url: vault.move(url)):
            break
        # Whatever was cut off: it works, and nothing is lost.
        assert files(vault.store) == before
        assert vault.verify(kept.root) == []
        if vault.place.store != Store.open(url).url:
            vault.move(url)
        elif vault.place.leaving:
            with vault.working():
                pass
        assert files(vault.store) == before
        assert old.names() == []
        step += 1
    assert step >= 15
    # What is erased while a move is half done is erased in both places.
    url = fresh_url()
    assert run_until_cut(power, 12, after, lambda: vault.move(url))
    assert vault.place.moving
    with pytest.raises(PendingError):
        vault.move(fresh_url())
    vault.erase(goes.root, signer)
    for place in (vault.store, Store.open(url)):
        assert not [name for name in place.names("copies") if goes.root.hex() in name]
    vault.move(vault.place.store)
    assert not vault.place.moving
    assert Store.open(url).names() == []
    assert vault.verify(kept.root) == []


def test_erasing_waits_for_a_place_that_is_away(
    home: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault.create(home / "vault", PASSPHRASE, fresh_url(), WORK)
    manifest = vault.add(HOUSEHOLD)
    old, new = vault.place.store, Store.open(fresh_url()).url
    delete = Store.delete

    def away(store: Store, name: str) -> None:
        if store.url == old:
            raise StoreError("the old place does not answer", "wait")
        delete(store, name)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "delete", away)
        with pytest.raises(StoreError):
            vault.move(new)
        assert (vault.place.store, vault.place.leaving) == (new, old)
        assert vault.verify(manifest.root) == []
        for _ in range(2):
            with pytest.raises(StoreError, match="does not answer"):
                vault.erase(manifest.root, signer)
        assert vault.receipt(manifest.root) is None
        assert vault.roots() == []
        other = vault.add(BASKETS)
    receipt = vault.erase(manifest.root, signer)
    assert receipt.is_signed
    assert Store.open(old).names() == []
    assert vault.verify(other.root) == []


def test_another_one_that_works_on_it_is_waited_for(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troc.data.vault._PATIENCE", 0.2)
    with vault.working(), pytest.raises(StoreError, match="another process"):
        vault.add(Content.of_file(b"x"))
    vault.add(Content.of_file(b"x"))


@pytest.mark.parametrize("after", [False, True], ids=["before a write", "after it"])
def test_beginning_a_vault_can_be_cut_off(home: Path, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    power = Power()
    for module in ("vault", "keys"):
        monkeypatch.setattr(
            f"troc.data.{module}.write_file", lambda path, data: power.spend(lambda: write_file(path, data))
        )
    for step in range(3):
        folder, url = home / f"vault {step}", fresh_url()

        def create(folder: Path = folder, url: str = url) -> Vault:
            return Vault.create(folder, PASSPHRASE, url, WORK, power.opening)

        assert run_until_cut(power, step, after, create)
        begun = (folder / "place.json").exists()
        vault = Vault.open(folder, PASSPHRASE) if begun else create()
        assert vault.verify(vault.add(HOUSEHOLD).root) == []


def test_nobody_puts_other_words_into_a_manifest(vault: Vault) -> None:
    manifest = vault.add(HOUSEHOLD, "grocer.household")
    other = replace(manifest, schema="bank.salary").to_json()
    vault.store.write(copy_name(manifest.root, "manifest"), json.dumps(other).encode())
    with pytest.raises(TamperedError):
        vault.manifest(manifest.root)
    assert vault.verify(manifest.root)


def test_a_place_that_is_gone_for_good_is_given_up(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = vault.add(HOUSEHOLD)
    old, delete = vault.place.store, Store.delete

    def gone(store: Store, name: str) -> None:
        if store.url == old:
            raise StoreError("it is gone", "look for it")
        delete(store, name)

    monkeypatch.setattr(Store, "delete", gone)
    with pytest.raises(StoreError, match="gone"):
        vault.move(fresh_url())
    with pytest.raises(PendingError, match="--forget"):
        vault.move(fresh_url())
    vault.forget()
    vault.move(fresh_url())
    assert vault.verify(manifest.root) == []
    with pytest.raises(InputError):
        vault.forget()
