"""`troc brand`, `troc points`, `troc trade`, as a user runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account

from tests.client.core.command import Place, troc, troc_here
from tests.client.core.conftest import quick, rpc_call
from tests.client.trade.conftest import START
from tests.client.trade.test_brands import BROKEN_NAME, BROKEN_SYMBOL, launch_bytes
from troc.accounts import DEV_MNEMONIC, address_of, open_account
from troc.anvil import free_port, move_to, rpc_of, run_anvil
from troc.brands import Brands
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.manifest import load_manifest

GOLDEN = Path(__file__).resolve().parents[1] / "golden"

OWNER, ANN, BOB, CEM, RELAY = "dev:0", "dev:1", "dev:2", "dev:3", "dev:9"
RECEIPT = "0x" + "ab" * 32


@dataclass
class Stage(Place):
    """Where people trade."""

    def order(self, *arguments: str, account: str) -> str:
        """Make an order; gives its id."""
        made = self.json("trade", "order", *arguments, account=account)
        assert not made["took"]
        return str(made["id"])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A chain with two brands, Ann's points of one and Bob's of the other; and the folder with its record."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "config").mkdir()
    (folder / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.01\n"
    )
    with run_anvil(port := free_port(), "--timestamp", str(START)):
        rpc = rpc_of(port)
        chain = Chain.connect(quick(rpc, folder))
        owner = open_account(OWNER, chain.config)
        brand = Troc(chain, deploy_suite(chain, owner)).as_account(owner)
        for name, symbol, holder in (("Le Panier", "PANIER", ANN), ("BioBox", "BIOBOX", BOB)):
            brand.launch(name, symbol)
            brand.mint(symbol, {address_of(holder): 500})
        yield rpc, folder


@pytest.fixture
def stage(
    kept: tuple[str, Path], home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    rpc, folder = kept
    chain = Chain.connect(quick(rpc, folder))
    snapshot = rpc_call(chain, "evm_snapshot")

    def run(*arguments: str) -> tuple[int, str, str]:
        return troc_here(*arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    yield Stage(rpc, folder, run, chain)
    rpc_call(chain, "evm_revert", snapshot)


def golden(name: str, shown: str) -> None:
    """Compare with a file, whatever the addresses and the port."""
    shown = re.sub(r"0x[0-9a-fA-F]{40}", "<address>", shown)
    shown = re.sub(r"http://127\.0\.0\.1:\d+", "<node>", shown)
    assert shown == (GOLDEN / f"{name}.txt").read_text()


# ---------------------------------------------------------------------------------------------------- brand


def test_brand_launch_shows_the_dates_before_it_asks(stage: Stage) -> None:
    line = ("brand", "launch", "Coop", "COOP", "--valid", "12 months")
    shown = stage.troc(*line, "--dry-run", account=CEM)
    assert shown.splitlines()[:3] == [
        "Coop (COOP): points live 9 to 12 months.",
        "  Points earned in autumn 2026 are good until 3 September 2027.",
        "  Points earned in winter 2026/27 are good until 4 December 2027.",
    ]
    assert shown.endswith("Nothing was sent.\n")
    assert "COOP" not in stage.troc("points", "list", "--all")
    launched = stage.json(*line, "--decimals", "2", account=CEM)
    assert (launched["life"], launched["decimals"], launched["owner"]) == (
        "9 to 12 months",
        2,
        address_of(CEM),
    )
    assert f"Coop (COOP)  {launched['token']}" in stage.troc("points", "list", "--all")


def test_nothing_is_sent_where_nobody_can_be_asked(stage: Stage) -> None:
    code, _, err = stage.run("--rpc", stage.rpc, "--account", CEM, "brand", "launch", "Coop", "COOP")
    assert code == 12
    assert err == "troc: there is nobody to ask: run it in a terminal, or use --yes\n"


def test_brand_mint_and_again(stage: Stage) -> None:
    file = stage.folder / "more.csv"
    file.write_text(f"address,amount\n{address_of(CEM)},30\n{address_of(BOB)},12\n")
    shown = stage.troc("brand", "mint", "PANIER", str(file), account=OWNER)
    assert "42 PANIER for 2 customers, good until 3 September 2027." in shown
    assert "Issued 42 PANIER to 2 customers in 1 transaction." in shown
    again = stage.json("brand", "mint", "PANIER", str(file), account=OWNER)
    assert (again["sent"], again["paid"], again["paid_before"]) == (False, 0, 2)
    more = stage.json("brand", "mint", "PANIER", str(file), "--reference", "May", account=OWNER)
    assert (more["sent"], more["paid"]) == (True, 2)


def test_brand_mint_dry_run_checks_everything_and_sends_nothing(stage: Stage) -> None:
    file = stage.folder / "more.csv"
    file.write_text(f"address,amount\n{address_of(CEM)},30\n")
    block = stage.chain.block_number()
    assert stage.json("brand", "mint", "PANIER", str(file), "--dry-run", account=OWNER)["sent"] is False
    code, _, err = stage.tried("brand", "mint", "PANIER", str(file), "--dry-run", account=CEM)
    assert code == 14
    assert "only the brand issues PANIER" in err
    assert stage.chain.block_number() == block


def test_brand_issuer(stage: Stage) -> None:
    who = address_of(CEM)
    stage.troc(
        *("brand", "issuer", "PANIER", who, "--amount", "100", "--per-day", "40", "--locked-until", "30d"),
        account=OWNER,
    )
    shown = stage.troc("brand", "issuer", "PANIER", who)
    assert shown == (f"{who} may still issue 100 PANIER, today 40 of 40; promised until 21 December 2026.\n")
    file = stage.folder / "till.csv"
    file.write_text(f"address,amount\n{address_of(BOB)},40\n")
    stage.troc("brand", "mint", "PANIER", str(file), "--grant", "0", account=CEM)
    assert stage.json("brand", "issuer", "PANIER", who)["amount"]["amount"] == "60"
    assert "Issuers may still issue" in stage.troc("brand", "status", "PANIER")


def test_brand_issuer_release_frees_what_a_locked_grant_no_longer_needs(stage: Stage) -> None:
    who, command = address_of(CEM), ("brand", "issuer", "PANIER", address_of(CEM))
    stage.troc(*command, "--amount", "100", "--locked-until", "1d", account=OWNER)
    file = stage.folder / "till.csv"
    file.write_text(f"address,amount\n{address_of(BOB)},40\n")
    stage.troc("brand", "mint", "PANIER", str(file), "--grant", "0", account=CEM)
    # Anyone may: here somebody who has nothing to do with it.
    told = stage.troc(*command, "--release", account=RELAY)
    assert told.endswith("40 PANIER are promised no longer; 60 still are.\n")
    move_to(stage.chain, stage.chain.now() + 2 * 86_400)
    freed = stage.json(*command, "--release", account=RELAY)
    assert (freed["freed"]["amount"], freed["promised"]["amount"]) == ("60", "0")
    assert "promised until" not in stage.troc(*command)
    code, _, err = stage.tried(*command, "--release", account=RELAY)
    assert (code, f"grant 0 of {who} has no lock: nothing is to be released" in err) == (10, True)
    assert stage.tried(*command, "--release", "--amount", "5", account=OWNER)[0] == 3


def test_brand_gives_back_what_was_spent(stage: Stage) -> None:
    """Into the lots it came from, once, to nobody else, and by the brand alone."""
    reference = stage.json("brand", "receipt", "PANIER", "basket 4711", account=OWNER)["receipt"]
    stage.troc("points", "redeem", "30 PANIER", reference, account=ANN)
    back = ("brand", "give-back", "20 PANIER", address_of(ANN))
    assert "of 30 that still can" in stage.troc(*back, reference, "--dry-run", account=OWNER)
    before = stage.troc("points", "balance", "PANIER", account=ANN)
    told = stage.json(*back, "basket 4711", account=OWNER)
    assert (told["receipt"], told["left"][0]["amount"]) == (reference, "30")
    assert "  490 until 3 September 2027, earned in autumn 2026" in stage.troc(
        "points", "balance", "PANIER", account=ANN
    )
    assert "  470 until 3 September 2027, earned in autumn 2026" in before
    for arguments, account, says in (
        ((*back, reference), OWNER, "of this redemption 10 PANIER can come back, not 20"),
        (("brand", "give-back", "5 PANIER", address_of(BOB), reference), OWNER, "redeemed nothing at PANIER"),
        (("brand", "give-back", "5 PANIER", address_of(ANN), reference), CEM, ""),
        (("brand", "give-back", "5 PANIER", address_of(ANN), reference, "--grant", "0"), CEM, ""),
    ):
        code, _, err = stage.tried(*arguments, account=account)
        assert (code != 0, err.count("\n"), says in err) == (True, 1, True), (arguments, err)
    stage.troc("brand", "issuer", "PANIER", address_of(CEM), "--amount", "7", account=OWNER)
    stage.troc("brand", "give-back", "5 PANIER", address_of(ANN), reference, "--grant", "0", account=CEM)
    assert stage.json("brand", "issuer", "PANIER", address_of(CEM))["amount"]["amount"] == "2"


def test_a_brand_is_handed_over_in_two_steps(stage: Stage) -> None:
    new = address_of(CEM)
    give = ("brand", "hand-over", "PANIER", "--to", new)
    assert stage.tried("brand", "hand-over", "PANIER", account=OWNER)[0] == 3
    assert f"{new} has not asked for PANIER within 48 hours" in stage.tried(*give, account=OWNER)[2]
    asked = stage.troc("brand", "hand-over", "PANIER", "--ask", account=CEM)
    assert f"`troc brand hand-over PANIER --to {new}`" in asked
    assert f"{address_of(OWNER)} owns PANIER, not {address_of(BOB)}" in stage.tried(*give, account=BOB)[2]
    snapshot = rpc_call(stage.chain, "evm_snapshot")
    move_to(stage.chain, stage.chain.now() + 48 * 3_600 + 1)
    assert "has not asked for PANIER" in stage.tried(*give, account=OWNER)[2]
    rpc_call(stage.chain, "evm_revert", snapshot)
    assert "You cannot take that back." in stage.troc(*give, "--dry-run", account=OWNER)
    stage.troc(*give, account=OWNER)
    assert stage.json("brand", "status", "PANIER")["owner"] == new
    file = stage.folder / "points.csv"
    file.write_text(f"address,amount\n{address_of(BOB)},40\n")
    assert stage.tried("brand", "mint", "PANIER", str(file), account=OWNER)[0] != 0
    stage.troc("brand", "mint", "PANIER", str(file), account=CEM)


def test_brand_status_and_domain(stage: Stage) -> None:
    stage.troc("points", "redeem", "20 PANIER", RECEIPT, account=ANN)
    stage.troc("brand", "domain", "PANIER", "panier.invalid", account=OWNER)
    shown = stage.troc("brand", "status", "PANIER")
    assert "Issued 500 = live 480 + redeemed 20 + expired 0." in shown
    assert "  Owes 480 until 3 September 2027." in shown
    assert "Unproven: panier.invalid was asked just now" in shown
    data = stage.json("brand", "status", "PANIER")
    assert (data["issued"], data["live"], data["proven"]) == ("500", "480", False)
    assert [entry["amount"] for entry in data["owed"]] == ["480"]


# --------------------------------------------------------------------------------------------------- points


def test_points_balance_list_send_redeem(stage: Stage) -> None:
    assert stage.troc("points", "balance", "PANIER", account=ANN).splitlines() == [
        "500 Le Panier (PANIER)",
        "  500 until 3 September 2027, earned in autumn 2026",
    ]
    stage.troc("points", "send", "30 PANIER", address_of(CEM), account=ANN)
    sent = stage.json("points", "send", "5 PANIER", address_of(BOB), "--submit-with", RELAY, account=CEM)
    assert stage.chain.receipt(sent["transaction"]).sender == address_of(RELAY)  # type: ignore[union-attr]
    stage.troc("points", "redeem", "20 PANIER", RECEIPT, "--submit-with", RELAY, account=CEM)
    assert stage.troc("points", "list", "--of", address_of(CEM)).startswith("5 Le Panier")
    holdings = stage.json("points", "list", account=BOB)["holdings"]
    assert [(each["symbol"], each["units"]) for each in holdings] == [("PANIER", "5"), ("BIOBOX", "500")]
    assert stage.troc("points", "list", account="dev:7") == "No points yet.\n"


def test_points_dry_run_sends_nothing(stage: Stage) -> None:
    block = stage.chain.block_number()
    for line in (
        ("points", "send", "30 PANIER", address_of(CEM)),
        ("points", "redeem", "30 PANIER", RECEIPT),
        ("points", "exchange", "off", "PANIER"),
        ("trade", "order", "30 PANIER", "20 BIOBOX"),
        ("trade", "cancel", "--all"),
    ):
        assert "Nothing was sent." in stage.troc(*line, "--dry-run", account=ANN)
        assert stage.json(*line, "--dry-run", account=ANN)["sent"] is False
    assert stage.chain.block_number() == block


def test_points_exchange(stage: Stage) -> None:
    stage.troc("points", "exchange", "off", "PANIER", account=ANN)
    assert "kept from the exchange" in stage.troc("points", "balance", "PANIER", account=ANN)
    stage.troc("points", "exchange", "on", "PANIER", "--submit-with", RELAY, account=ANN)
    assert stage.json("points", "balance", "PANIER", account=ANN)["exchange_on"] is True


# ---------------------------------------------------------------------------------------------------- trade


def test_trade_from_order_to_history(stage: Stage) -> None:
    shown = stage.troc(
        *("trade", "order", "120 PANIER", "90 BIOBOX", "--live", "2027-02-19", "--in-parts"), account=ANN
    )
    assert shown.splitlines()[0] == (
        "You give at most 120 Le Panier, those that expire soonest first,"
        " none that live beyond 3 September 2027;"
        " you get at least 90 BioBox for all of it, good until at least 19 February 2027;"
        " open until 28 November 2026; in parts: yes, at the same price."
    )
    (listed,) = stage.json("trade", "book", "--give", "PANIER", "--want", "BIOBOX")["orders"]
    assert stage.json("trade", "book", "--give", "BIOBOX")["orders"] == []
    name = listed["id"][:12]
    assert name in stage.troc("trade", "book")
    shown = stage.troc("trade", "show", name, account=BOB)
    assert "State: open (120 PANIER are there).\nNext: take it with `troc trade accept" in shown
    stage.troc("trade", "accept", name, "--amount", "40", account=BOB)
    assert stage.json("trade", "show", name)["state"] == "partly filled"
    took = stage.json("trade", "order", "60 BIOBOX", "80 PANIER", account=BOB)
    assert (took["took"], took["id"]) == (True, listed["id"])
    assert stage.json("trade", "show", name)["state"] == "filled"
    assert stage.troc("trade", "history", account=ANN).splitlines() == [
        "21 November 2026: gave 40 Le Panier, got 30 BioBox",
        "21 November 2026: gave 80 Le Panier, got 60 BioBox",
    ]
    assert len(stage.json("trade", "history", "--of", address_of(BOB))["trades"]) == 2
    assert stage.troc("trade", "book") == "No open order: make one with `troc trade order`.\n"


def test_trade_by_files_settled_by_somebody_else(stage: Stage) -> None:
    one, two = stage.folder / "one.json", stage.folder / "two.json"
    for file in (one, two):
        file.unlink(missing_ok=True)
    signed = stage.json("trade", "order", "100 PANIER", "80 BIOBOX", "--file", str(one), account=ANN)
    assert signed["sent"] is False
    stage.troc("trade", "order", "80 BIOBOX", "100 PANIER", "--file", str(two), account=BOB)
    assert stage.json("trade", "book")["orders"] == []
    shown = stage.troc("trade", "settle", str(one), str(two), account=RELAY)
    assert "gives 100 Le Panier and gets 80 BioBox" in shown
    assert "Settled 2 orders." in shown
    assert stage.json("trade", "show", str(one))["state"] == "filled"


def test_trade_cancel(stage: Stage) -> None:
    one = stage.order("100 PANIER", "80 BIOBOX", account=ANN)
    two = stage.order("50 PANIER", "80 BIOBOX", account=ANN)
    stage.troc("trade", "cancel", one[:10], "--submit-with", RELAY, account=ANN)
    assert [each["id"] for each in stage.json("trade", "book")["orders"]] == [two]
    stage.troc("trade", "cancel", "--all", account=ANN)
    assert stage.json("trade", "book")["orders"] == []
    for wrong in (("trade", "cancel"), ("trade", "cancel", one, "--all")):
        code, _, err = stage.tried(*wrong, account=ANN)
        assert (code, err) == (3, "troc: it is not clear what to end: name one order, or use --all\n")


def test_trade_order_new_takes_nothing(stage: Stage) -> None:
    stage.order("100 PANIER", "80 BIOBOX", account=ANN)
    stage.order("80 BIOBOX", "100 PANIER", "--new", account=BOB)
    assert len(stage.json("trade", "book")["orders"]) == 2


def test_an_account_from_a_keystore_in_a_process_of_its_own(stage: Stage, home: Path) -> None:
    password = home / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    made = troc(
        *("account", "import", "customer", "--password-file", str(password), "--backup", "--json"),
        home=home,
        cwd=stage.folder,
        stdin=f"{DEV_MNEMONIC}\n",
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["address"] == address_of("dev:0")
    done = troc(
        *(
            "trade",
            "order",
            "10 PANIER",
            "8 BIOBOX",
            "--account",
            "customer",
            "--password-file",
            str(password),
        ),
        *("--rpc", stage.rpc, "--yes"),
        home=home,
        cwd=stage.folder,
    )
    assert done.stderr == "troc: you have no PANIER: earn or buy 10 PANIER first\n"
    assert done.returncode == 13


# ------------------------------------------------------------------------------------- errors, word for word


def test_error_not_enough_points_that_live_long_enough(stage: Stage) -> None:
    rpc_call(stage.chain, "evm_increaseTime", 2 * 92 * 86_400)
    rpc_call(stage.chain, "evm_mine")
    file = stage.folder / "fresh.csv"
    file.write_text(f"address,amount\n{address_of(BOB)},50\n")
    stage.troc("brand", "mint", "BIOBOX", str(file), account=OWNER)
    order = stage.order("120 PANIER", "90 BIOBOX", "--live", "250d", "--in-parts", account=ANN)
    code, _, err = stage.tried("trade", "accept", order, account=BOB)
    assert code == 13
    golden("not_enough_points", err)


def test_error_wrong_chain(stage: Stage) -> None:
    file = stage.folder / "foreign.json"
    file.unlink(missing_ok=True)
    stage.troc("trade", "order", "100 PANIER", "80 BIOBOX", "--file", str(file), account=ANN)
    file.write_text(file.read_text().replace('"chainId": 31337', '"chainId": 11155111'))
    code, _, err = stage.tried("trade", "accept", str(file), account=BOB)
    assert code == 5
    golden("wrong_chain_order", err)
    (stage.folder / "config" / "sepolia.yaml").write_text("chain_id: 11155111\nrpc: http://127.0.0.1:1\n")
    code, _, err = stage.tried("trade", "book", "--network", "sepolia")
    assert code == 5
    golden("wrong_chain", err)


def test_error_wrong_passphrase(stage: Stage, home: Path) -> None:
    folder = home / ".brownie" / "accounts"
    folder.mkdir(parents=True)
    keystore = Account.encrypt(b"B" * 32, "correct horse", kdf="pbkdf2", iterations=2)
    (folder / "customer.json").write_text(json.dumps(keystore))
    (home / "password").write_text("wrong horse\n")
    (home / "password").chmod(0o600)
    code, _, err = stage.tried(
        *("points", "exchange", "off", "PANIER", "--password-file", str(home / "password")),
        account="customer",
    )
    assert code == 8
    golden("wrong_passphrase", err)


def test_error_line_214_doubled(stage: Stage) -> None:
    rows = [f"0x{number:040x},1" for number in range(1, 213)]
    file = stage.folder / "doubled.csv"
    file.write_text("\n".join(["address,amount", *rows, rows[41]]) + "\n")
    code, _, err = stage.tried("brand", "mint", "PANIER", str(file), account=OWNER)
    assert code == 3
    golden("line_214_doubled", err)
    _, _, err = stage.tried("brand", "mint", "PANIER", str(file), "--json", account=OWNER)
    assert json.loads(err)["faults"][0]["line"] == 214


def test_error_unproven_brand(stage: Stage) -> None:
    stage.troc("brand", "launch", "Coop", "COOP", "--domain", "coop.invalid", account=CEM)
    code, _, err = stage.tried("points", "balance", "coop.invalid", account=ANN)
    assert code == 14
    golden("unproven_brand", err)


def test_error_already_cancelled(stage: Stage) -> None:
    order = stage.order("100 PANIER", "80 BIOBOX", account=ANN)
    stage.troc("trade", "cancel", order, account=ANN)
    code, _, err = stage.tried("trade", "cancel", order, account=ANN)
    assert code == 15
    golden("already_cancelled", err)


def test_error_a_symbol_that_two_brands_bear(stage: Stage) -> None:
    chain = stage.chain
    manifest = load_manifest(chain)
    brands = Brands(chain, manifest.address("Brands"), manifest.address("PointsExchange"))
    plan = brands.plan("Other", "OTHER", owner=address_of(CEM))
    twin = plan.__class__(**{**vars(plan), "symbol": "PANIER"})
    brands.launch(twin, open_account(CEM, chain.config))
    code, _, err = stage.tried("points", "balance", "PANIER", account=ANN)
    assert code == 14
    golden("doubled_symbol", err)


def launch_as_is(stage: Stage, name: str, symbol: str, domain: str = "") -> str:
    """Launch points without the client's checks, as anybody can; gives their address."""
    manifest = load_manifest(stage.chain)
    brands = Brands(stage.chain, manifest.address("Brands"), manifest.address("PointsExchange"))
    plan = brands.plan("Other", "OTHER", owner=address_of(CEM))
    plan = plan.__class__(**{**vars(plan), "name": name, "symbol": symbol, "domain": domain})
    return brands.launch(plan, open_account(CEM, stage.chain.config)).address


def test_lookalikes_are_marked_in_lists_and_before_anything_is_agreed_to(stage: Stage) -> None:
    real = stage.json("brand", "status", "PANIER")["token"]
    false = launch_as_is(stage, "Le Panier", "PANI\N{CYRILLIC CAPITAL LETTER IE}R")
    listed = stage.troc("points", "list", "--all")
    assert f"looks like Le Panier (PANIER), {real}: compare the address" in listed
    assert "has CYRILLIC CAPITAL LETTER IE in its symbol" in listed
    (told,) = [each for each in stage.json("points", "list", "--all")["brands"] if each["token"] == false]
    assert told["looks_like"] == [real]
    shown = stage.troc("trade", "order", "80 PANIER", f"10 {false}", "--dry-run", account=ANN)
    assert f"{false}, looks like Le Panier (PANIER), {real}" in shown
    assert "looks like" not in stage.troc("points", "send", "1 BIOBOX", address_of(CEM), account=BOB)


def test_status_says_that_the_domain_was_asked(stage: Stage) -> None:
    token = launch_as_is(stage, "Coop", "COOP", "coop.invalid")
    told = stage.troc("brand", "status", token)
    assert "Unproven: coop.invalid was asked just now; https://coop.invalid/.well-known/troc.json" in told


def test_an_order_tells_what_is_offered_already(stage: Stage) -> None:
    first = stage.order("300 PANIER", "80 BIOBOX", account=ANN)
    shown = stage.troc("trade", "order", "200 PANIER", "70 BIOBOX", "--dry-run", account=ANN)
    assert f"You offer 300 of your 500 PANIER already, in {first[:14]}.\n" in shown
    shown = stage.troc("trade", "order", "201 PANIER", "70 BIOBOX", "--dry-run", account=ANN)
    assert f"already, in {first[:14]}: not all of it can be filled." in shown
    code, _, err = stage.tried("trade", "order", "300 PANIER", "80 BIOBOX", account=ANN)
    assert code != 0
    assert "--new" in err
    assert stage.order("300 PANIER", "80 BIOBOX", "--new", account=ANN) != first


def test_nothing_is_asked_that_cannot_be_done(stage: Stage) -> None:
    """Without --yes a question is an error here, so what was checked first is told first."""

    def told(*arguments: str, account: str) -> str:
        code, out, err = stage.run("--rpc", stage.rpc, "--account", account, *arguments)
        assert "nobody to ask" not in err
        return out if code == 0 else err

    assert "has 500 PANIER, not 3,000" in told("points", "send", "3000 PANIER", CEM, account=ANN)
    assert "has 500 PANIER, not 3,000" in told("points", "redeem", "3000 PANIER", RECEIPT, account=ANN)
    file = stage.folder / "again.csv"
    file.write_text(f"address,amount\n{address_of(CEM)},120\n")
    stage.troc("brand", "mint", "PANIER", str(file), account=OWNER)
    shown = told("brand", "mint", "PANIER", str(file), account=OWNER)
    assert "Nothing was left to issue. 1 customer had 120 PANIER from an earlier run" in shown
    shown = told("points", "send", "3 PANIER", CEM, "--submit-with", "nobody", account=ANN)
    assert "there is no account 'nobody' (there: brand, customer, buyer, dev:0 to dev:9)" in shown


def test_a_cap_a_day_needs_an_amount(stage: Stage) -> None:
    for option, value in (("--per-day", "200"), ("--locked-until", "90d")):
        code, _, err = stage.tried("brand", "issuer", "PANIER", CEM, option, value, account=OWNER)
        assert (code, f"{option} needs --amount" in err) == (3, True)


def test_accounts_are_recipients(stage: Stage) -> None:
    assert f"to {address_of(CEM)}" in stage.troc("points", "send", "3 PANIER", CEM, account=ANN)
    assert "3 Le Panier" in stage.troc("points", "balance", "PANIER", "--of", CEM)
    assert f"{address_of(CEM)} may still issue 0 PANIER" in stage.troc("brand", "issuer", "PANIER", CEM)
    code, _, err = stage.tried("points", "send", "3 PANIER", "nobody", account=ANN)
    assert (code, "write an address (0x and 40 hex digits) or the name of an account" in err) == (3, True)


def test_nobody_was_named(stage: Stage) -> None:
    code, _, err = stage.tried("points", "list")
    assert code == 8
    assert err == (
        "troc: no account was named: use --account NAME, or set TROC_ACCOUNT in .env (on a local chain also"
        " dev:0 to dev:9)\n"
    )


def test_a_receipt_is_salted_and_can_be_redeemed_for(stage: Stage) -> None:
    receipt = stage.troc("brand", "receipt", "PANIER", "basket 4711", account=OWNER).strip()
    assert receipt == stage.troc("brand", "receipt", "PANIER", "basket 4711", account=OWNER).strip()
    others = [
        stage.json("brand", "receipt", *words, account=account)["receipt"]
        for words, account in (
            (("PANIER", "basket 4712"), OWNER),
            (("BIOBOX", "basket 4711"), OWNER),
            (("PANIER", "basket 4711"), CEM),
        )
    ]
    assert len({receipt, *others}) == 4
    stage.troc("points", "redeem", "20 PANIER", receipt, account=ANN)
    code, _, err = stage.tried("points", "redeem", "20 PANIER", receipt, account=ANN)
    assert (code != 0, "before" in err) == (True, True)


def test_launch_says_why_points_live_longer_than_asked(stage: Stage) -> None:
    shown = stage.troc("brand", "launch", "Delta", "DELTA", "--valid", "7 days", "--dry-run", account=OWNER)
    assert "points live 6 to 8 days" in shown
    assert "They expire by seasons of 2 whole days, a quarter of 7 days rounded up" in shown
    shown = stage.troc("brand", "launch", "Delta", "DELTA", "--dry-run", account=OWNER)
    assert "seasons of" not in shown


def test_error_no_ether(stage: Stage) -> None:
    rpc_call(stage.chain, "anvil_setBalance", address_of(ANN), "0x0")
    code, _, err = stage.tried("trade", "order", "100 PANIER", "80 BIOBOX", account=ANN)
    assert code == 9
    golden("no_ether", err)


def test_error_chain_restarted(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.01\n"
    )
    port = free_port()
    with run_anvil(port, "--timestamp", str(START)):
        chain = Chain.connect(quick(rpc_of(port), tmp_path))
        deploy_suite(chain, open_account(OWNER, chain.config))
    with run_anvil(port, "--timestamp", str(START + 60)):
        code, _, err = troc_here(
            "--rpc", rpc_of(port), "trade", "book", capsys=capsys, cwd=tmp_path, monkeypatch=monkeypatch
        )
    assert code == 7
    golden("chain_restarted", err)


def test_a_brand_with_a_name_that_is_no_text_hides_no_other(stage: Stage) -> None:
    token = launch_bytes(stage.chain, load_manifest(stage.chain), BROKEN_NAME, BROKEN_SYMBOL)
    assert "Le Panier" in stage.troc("brand", "status", "PANIER")
    listed = stage.troc("points", "list", "--all")
    assert "PANIER" in listed
    assert "BIOBOX" in listed
    assert "\ufffd(" in listed
    assert "\ufffd(" in stage.troc("brand", "status", token)
    assert stage.json("brand", "status", token)["symbol"] == "\ufffd("
    assert "Le Panier" in stage.troc("trade", "order", "5 PANIER", "5 BIOBOX", account=ANN)
