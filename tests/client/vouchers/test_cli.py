"""`troc brand voucher`, `troc brand pending`, `troc points claim` and `pending`, as a user runs them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.client.core.conftest import home, rpc_call
from tests.client.trade.test_cli import ANN, BOB, CEM, OWNER, RELAY, Stage, golden, kept, stage
from troc.accounts import address_of
from troc.vouchers import read_vouchers

__all__ = ["home", "kept", "stage"]

TILL = "dev:5"


@pytest.fixture
def till(stage: Stage) -> str:
    """An issuer that may issue 1,000 PANIER."""
    stage.troc("brand", "issuer", "PANIER", address_of(TILL), "--amount", "1000", account=OWNER)
    return TILL


def sign(stage: Stage, *arguments: str) -> str:
    """Sign one voucher of 50 PANIER; gives its text."""
    (text,) = stage.json("brand", "voucher", "PANIER", "50", *arguments, account=TILL)["vouchers"]
    return str(text)


def test_a_voucher_is_shown_before_it_is_signed(stage: Stage, till: str) -> None:
    shown = stage.troc("brand", "voucher", "PANIER", "50", "--dry-run", account=till)
    assert shown == (
        "You sign a voucher of 50 PANIER for whoever has its code, to be claimed until 19 February 2027."
        " Nothing is sent.\nNothing was signed.\n"
    )
    shown = stage.troc("brand", "voucher", "PANIER", "50", "--valid", "30d", account=till)
    assert "\nTROC:VOUCHER/" in shown


def test_claim_with_a_link_and_another_account_pays(stage: Stage, till: str) -> None:
    link = sign(stage, "--page", "https://panier.example/claim")
    assert link.startswith("https://panier.example/claim#")
    shown = stage.troc("points", "claim", link, "--check")
    assert shown == ("50 PANIER: it can be claimed until 19 February 2027; claim it (`troc points claim`)\n")
    shown = stage.troc("points", "claim", link, "--submit-with", RELAY, account=CEM)
    assert (
        shown == f"You claim a voucher of 50 PANIER for {address_of(CEM)}.\nClaimed a voucher of 50 PANIER.\n"
    )
    assert "50 Le Panier" in stage.troc("points", "balance", "PANIER", account=CEM)
    assert f"it was paid to {address_of(CEM)}" in stage.troc("points", "claim", link, "--check")
    code, _, err = stage.tried("points", "claim", link, account=BOB)
    assert code == 20
    golden("voucher_paid", err)


def test_dry_run_claims_nothing(stage: Stage, till: str) -> None:
    text = sign(stage)
    asked = stage.json("points", "claim", text, "--dry-run", account=CEM)
    assert (asked["sent"], asked["to"], asked["vouchers"][0]["state"]) == (
        False,
        address_of(CEM),
        "can be claimed",
    )
    assert "key" not in asked["vouchers"][0]
    assert stage.json("points", "claim", text, "--check")["vouchers"][0]["state"] == "can be claimed"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("voucher_cut", lambda text: text[:-9]),
        ("voucher_altered", lambda text: text[:40] + ("B" if text[40] != "B" else "C") + text[41:]),
        ("voucher_no_letter", lambda text: text[:40] + "1" + text[41:]),
        ("voucher_no_file", lambda text: "nothing.json"),
    ],
)
def test_a_broken_voucher_is_told_in_a_line(stage: Stage, till: str, name: str, change: object) -> None:
    code, out, err = stage.tried("points", "claim", change(sign(stage)), account=CEM)  # type: ignore[operator]
    assert (code, out) == (3, "")
    golden(name, err)


def test_cancelled_stopped_and_without_a_grant_are_told(stage: Stage, till: str) -> None:
    text, other = sign(stage), sign(stage)
    shown = stage.troc("brand", "voucher", "cancel", text, account=till)
    assert shown.endswith("Cancelled 1 voucher.\n")
    golden("voucher_cancelled", stage.tried("points", "claim", text, account=CEM)[2])
    golden("voucher_cancelled_before", stage.tried("brand", "voucher", "cancel", text, account=till)[2])
    golden("voucher_not_yours", stage.tried("brand", "voucher", "cancel", other, account=BOB)[2])
    stage.troc("brand", "issuer", "PANIER", address_of(till), "--amount", "0", account=OWNER)
    golden("voucher_stopped", stage.tried("points", "claim", other, account=CEM)[2])
    golden("voucher_no_grant", stage.tried("brand", "voucher", "PANIER", "50", account=till)[2])


def test_many_in_a_folder_with_qr_codes(stage: Stage, till: str, tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    line = ("brand", "voucher", "PANIER", "5", "--key", "--count", "3", "--qr", "-o", str(folder))
    stage.troc(*line, account=till)
    assert sorted(path.name for path in folder.iterdir()) == [
        "0001.png",
        "0002.png",
        "0003.png",
        "issued.json",
        "links.txt",
        "vouchers.json",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert read_vouchers(folder / "vouchers.json") == read_vouchers(folder / "links.txt")
    assert all(not each.secret for each in read_vouchers(folder / "issued.json"))
    code, _, err = stage.tried(*line, account=till)
    assert (code, "is there already" in err) == (3, True)
    shown = stage.troc("brand", "voucher", "cancel", str(folder / "issued.json"), "--dry-run", account=till)
    assert "You cancel 3 vouchers of 15 PANIER" in shown
    report = stage.json("points", "claim", str(folder / "vouchers.json"), account=CEM)
    assert (len(report["paid"]), len(report["transactions"])) == (3, 1)
    again = stage.troc("points", "claim", str(folder / "issued.json"), "--check")
    assert again.count(f"it was paid to {address_of(CEM)}") == 3


def test_some_of_many_cannot_be_claimed(stage: Stage, till: str, tmp_path: Path) -> None:
    path = tmp_path / "all.txt"
    texts = [sign(stage) for _ in range(3)]
    path.write_text("\n".join(texts))
    stage.troc("brand", "voucher", "cancel", texts[1], account=till)
    code, out, err = stage.tried("points", "claim", str(path), account=CEM)
    assert code == 20
    assert "Claimed 2 vouchers of 100 PANIER." in out
    golden("voucher_some", err)


def test_a_file_of_customers_and_one_picture(stage: Stage, till: str, tmp_path: Path) -> None:
    file = tmp_path / "bonus.csv"
    file.write_text(f"address,amount\n{address_of(CEM)},3\n{address_of(BOB)},4\n")
    out = tmp_path / "bonus.json"
    shown = stage.troc("brand", "voucher", "PANIER", str(file), "-o", str(out), account=till)
    assert "You sign 2 vouchers of 7 PANIER in all, each for its customer" in shown
    stage.troc("points", "claim", str(out), account=RELAY)
    assert "3 Le Panier" in stage.troc("points", "balance", "PANIER", account=CEM)
    stage.troc("brand", "voucher", "PANIER", "5", "-o", str(tmp_path / "one.svg"), account=till)
    assert b"<svg" in (tmp_path / "one.svg").read_bytes()
    shown = stage.troc("brand", "voucher", "PANIER", "5", "--qr", account=till)
    assert "█" in shown or "▀" in shown
    for wrong in (
        ["-o", "a.gif"],
        ["--count", "2", "-o", "a.png"],
        ["--qr", "-o", "a.txt"],
        ["-o", "no/a.txt"],
    ):
        assert stage.tried("brand", "voucher", "PANIER", "5", *wrong, account=till)[0] == 3


# ---------------------------------------------------------------------------------------------------- pending


def test_pending_from_the_shop_to_the_customer(stage: Stage, tmp_path: Path) -> None:
    file, numbers = tmp_path / "receipts.csv", tmp_path / "numbers.csv"
    file.write_text(f"address,amount,receipt\n{address_of(CEM)},30,r1\n{address_of(CEM)},12,r2\n")
    line = ("brand", "pending", "issue", "PANIER", str(file), "--matures", "30d")
    shown = stage.troc(*line, "-o", str(numbers), account=OWNER)
    assert shown == (
        "42 PANIER for 2 purchases that can be returned until 21 December 2026; after that they are the"
        " customers'.\nIssued 42 PANIER for 2 purchases in 1 transaction. Their numbers are 0 to 1.\n"
    )
    assert numbers.read_text() == (
        f"purchase,address,amount,receipt\n0,{address_of(CEM)},30,r1\n1,{address_of(CEM)},12,r2\n"
    )
    assert "came from an earlier run of this file" in stage.troc(*line, account=OWNER)
    shown = stage.troc("brand", "pending", "return", "PANIER", "0", "--part", "20", account=OWNER)
    assert shown.endswith("Taken back; 10 PANIER of it stay pending.\n")
    assert (
        f"Purchase 1: 12 PANIER for {address_of(CEM)}, can be returned until 21 December 2026"
        in stage.troc("brand", "pending", "list", "PANIER")
    )
    assert stage.troc("points", "pending", account=CEM) == (
        "10 PANIER of purchase 0, which can be returned until 21 December 2026; then they are yours, good"
        " until 4 December 2027\n"
        "12 PANIER of purchase 1, which can be returned until 21 December 2026; then they are yours, good"
        " until 4 December 2027\n"
    )
    golden("pending_too_much", stage.tried("brand", "pending", "return", "PANIER", "1", "--part", "13")[2])
    shown = stage.troc("brand", "pending", "release", "PANIER", account=RELAY)
    assert shown == "Nothing is due. The next is due on 22 December 2026, 00:00 UTC.\n"


def test_what_is_due_can_be_released_and_not_returned(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "receipts.csv"
    file.write_text(f"address,amount\n{address_of(CEM)},30\n{address_of(ANN)},1\n")
    issued = stage.json("brand", "pending", "issue", "PANIER", str(file), "--matures", "1d", account=OWNER)
    rpc_call(stage.chain, "evm_setNextBlockTimestamp", issued["matures_at"])
    rpc_call(stage.chain, "evm_mine")
    mine = stage.troc("points", "pending", account=CEM)
    assert "yours since 23 November 2026, 00:00 UTC" in mine
    assert "Get what is due with `troc brand pending release PANIER`; anyone can.\n" in mine
    number = str(stage.json("points", "pending", account=CEM)["purchases"][0]["id"])
    code, _, err = stage.tried("brand", "pending", "return", "PANIER", number, account=OWNER)
    assert code == 13
    golden("pending_mature", err.replace(f"purchase {number} ", "purchase <number> "))
    shown = stage.troc("brand", "pending", "release", "PANIER", account=RELAY)
    assert shown.endswith("Released 31 PANIER of 2 purchases in 1 transaction.\n")
    assert stage.troc("points", "pending", account=CEM) == "Nothing is pending.\n"
    assert "30 Le Panier" in stage.troc("points", "balance", "PANIER", account=CEM)
