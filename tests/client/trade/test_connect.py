"""`troc.connect`, in the words of the first page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account

import troc
from tests.client.core.conftest import quick, rpc_call
from tests.client.trade.conftest import START
from troc.accounts import Signer, import_key, open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.deploy import deploy_suite
from troc.errors import AccountError, ChainRestartedError, NetworkError, NotDeployedError
from troc.network import load_settings
from troc.playground import populate

KEY = "0x" + "42" * 32


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, list[str]]]:
    """The chain that `troc up --demo` keeps, the folder with its record, and what it said."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "config").mkdir()
    (folder / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.01\n"
    )
    said: list[str] = []
    with run_anvil(port := free_port(), "--timestamp", str(START)):
        chain = Chain.connect(quick(rpc_of(port), folder))
        populate(chain, deploy_suite(chain, open_account("dev:0", chain.config)), report=said.append)
        yield rpc_of(port), folder, said


@pytest.fixture(autouse=True)
def place(played: tuple[str, Path, list[str]], home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in the project, with its node in the settings; what a test does to the chain is undone."""
    chain = Chain.connect(quick(played[0], played[1]))
    snapshot = rpc_call(chain, "evm_snapshot")
    monkeypatch.chdir(played[1])
    monkeypatch.setenv("TROC_RPC_URL", played[0])
    load_settings.cache_clear()
    yield
    rpc_call(chain, "evm_revert", snapshot)


def test_the_two_lines_of_the_first_page() -> None:
    t = troc.connect("local", account="customer")
    assert t.trade(give="100 ACME", want="80 BETA").took


def test_a_stored_account_trades(home: Path) -> None:
    import_key("customer", KEY, "correct horse")
    password = home / "password"
    password.write_text("correct horse\n")
    dev = troc.connect("local", account="dev:1", submit_with="dev:9")
    dev.send("150 ACME", Account.from_key(KEY).address)
    t = troc.connect("local", account="customer", password_file=password, submit_with="dev:9")
    assert t.trade(give="100 ACME", want="80 BETA").took
    assert t.balance("BETA").total == 80
    assert not t.trade(give="50 ACME", want="80 BETA").took


def test_looks_without_an_account() -> None:
    t = troc.connect()
    assert [brand.symbol for brand in t.brands.all()] == ["ACME", "BETA", "PANIER", "BIOBOX", "LUNE", "TRAIN"]
    with pytest.raises(AccountError, match=r"connect\(\.\.\., account=NAME\)"):
        t.trade("1 ACME", "1 BETA")


def test_an_opened_account() -> None:
    account = Account.from_key(KEY)
    t = troc.connect("local", account=Signer("mine", account.address, account))
    assert t.address == account.address
    assert t.signer.name == "mine"


def test_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NetworkError, match="does not answer"):
        troc.connect("local", rpc=rpc_of(free_port()))
    with pytest.raises(AccountError, match="there is no account 'nobody'"):
        troc.connect("local", account="nobody")
    with run_anvil(port := free_port()):
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "local.yaml").write_text("chain_id: local\nrpc: http://127.0.0.1:1\n")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(NotDeployedError) as caught:
            troc.connect("local", rpc=rpc_of(port))
        assert not isinstance(caught.value, ChainRestartedError)


def test_a_key_is_not_asked_for_until_something_is_signed(home: Path) -> None:
    import_key("customer", KEY, "correct horse")
    t = troc.connect("local", account="customer")
    assert t.address == Account.from_key(KEY).address
    assert t.holdings() == []
    with pytest.raises(AccountError, match="--password-file"):
        _ = t.signer


def test_the_playground_is_six_brands_and_five_customers(played: tuple[str, Path, list[str]]) -> None:
    t = troc.connect()
    assert "dev:1 holds 400 ACME, 250 PANIER and 35 LUNE" in played[2]
    lives = {line.split(": points live ")[0]: line.split(": points live ")[1] for line in played[2][:6]}
    assert lives["Café Lune (LUNE)"] == "45 to 60 days"
    assert lives["Night Train (TRAIN)"] == "for ever"
    for number in range(1, 6):
        assert t.as_account(f"dev:{number}").holdings()


def test_the_line_that_the_playground_proposes_takes_an_order(played: tuple[str, Path, list[str]]) -> None:
    assert played[2][-1] == 'Try: troc trade order "22 PANIER" "20 BIOBOX" --account dev:1'
    t = troc.connect(account="dev:1")
    standings = t.open_orders(give="BIOBOX", want="PANIER")
    assert [standing.left for standing in standings] == [100]
    assert t.trade("22 PANIER", "20 BIOBOX").took
    # What the README trades afterwards is still there: its two orders in a row, and its 80 BioBox.
    assert [standing.left for standing in t.open_orders(give="BETA", want="ACME")] == [120]
    quote = t.quote(give="50 ACME", want="PANIER", live="90d")
    assert str(quote) == quote.text()
    assert "get 88 Le Panier" in quote.text()
    assert t.trade("100 PANIER", "80 BIOBOX").took
