"""Accounts: keystore files that brownie shares, and development accounts."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from tests.client.core.conftest import quick
from troc import accounts
from troc.accounts import Signer, Stored
from troc.errors import AccountError, InputError
from troc.network import NetworkConfig

PASSWORD = "correct horse"
KEY = "0x" + "42" * 32


@pytest.fixture(autouse=True)
def fast_keystores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keystore is slow to open on purpose; not in most of these tests."""
    slow = Account.encrypt
    monkeypatch.setattr(
        "eth_account.signers.local.LocalAccount.encrypt",
        lambda self, password: slow(self.key, password, kdf="pbkdf2", iterations=2),
    )


@pytest.fixture
def config(tmp_path: Path) -> NetworkConfig:
    return quick("http://localhost", tmp_path)


@pytest.fixture
def stored(home: Path) -> Stored:
    return accounts.import_key("customer", KEY, PASSWORD)


def test_the_development_accounts_are_anvil_s(config: NetworkConfig) -> None:
    assert accounts.address_of("dev:0") == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert accounts.open_account("dev:9", config).address == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
    with pytest.raises(AccountError, match="no development account dev:10: use dev:0 to dev:9"):
        accounts.open_account("dev:10", config)


def test_development_accounts_are_refused_on_a_chain_that_is_not_local(config: NetworkConfig) -> None:
    with pytest.raises(AccountError, match="everybody has the key of dev:0"):
        accounts.open_account("dev:0", replace(config, name="sepolia", chain_id=11155111))


def test_roles_stand_for_development_accounts_until_an_account_has_the_name(
    config: NetworkConfig, home: Path
) -> None:
    assert accounts.address_of("customer", config) == accounts.address_of("dev:1")
    assert accounts.open_account("brand", config).address == accounts.address_of("dev:0")
    own = accounts.import_key("customer", KEY, PASSWORD)
    assert accounts.address_of("customer", config) == own.address != accounts.address_of("dev:1")


def test_roles_mean_nothing_on_a_chain_that_is_not_local(config: NetworkConfig, home: Path) -> None:
    with pytest.raises(AccountError, match="there is no account 'customer'"):
        accounts.open_account("customer", replace(config, name="sepolia", chain_id=11155111))


def test_a_backup_is_24_words_and_gives_the_same_account_again(home: Path) -> None:
    words = accounts.new_mnemonic()
    assert len(words.split()) == 24
    assert words != accounts.new_mnemonic()
    first = accounts.create("first", words, PASSWORD)
    second = accounts.create("second", "  " + words.replace(" ", "\n "), PASSWORD)
    assert first.address == second.address
    expected = Account.from_mnemonic(words, account_path="m/44'/60'/0'/0/0").address
    assert first.address == expected


def test_a_keystore_holds_no_key_and_only_its_owner_reads_it(stored: Stored) -> None:
    text = stored.path.read_text()
    assert KEY[2:] not in text
    data = json.loads(text)
    assert data["version"] == 3
    assert data["crypto"]["cipher"] == "aes-128-ctr"
    assert stat.S_IMODE(stored.path.stat().st_mode) == 0o600
    assert [path.name for path in stored.path.parent.iterdir()] == ["customer.json"]


def test_a_keystore_is_made_slow_to_open(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(home))
    stored = accounts.import_key("customer", KEY, PASSWORD)
    crypto = json.loads(stored.path.read_text())["crypto"]
    assert crypto["kdf"] == "scrypt"
    assert crypto["kdfparams"]["n"] >= 2**17


def test_opens_with_a_passphrase_typed_or_from_a_file(
    stored: Stored, config: NetworkConfig, tmp_path: Path
) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    assert accounts.open_account("customer", config, ask=ask).address == stored.address
    assert asked == ["Passphrase of customer: "]
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    assert accounts.open_account("customer", config, file).address == stored.address


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o644, True), (0o604, True)])
def test_warns_of_a_passphrase_file_that_others_can_read(
    mode: int,
    warned: bool,
    stored: Stored,
    config: NetworkConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    file.chmod(mode)
    assert accounts.open_account("customer", config, file).address == stored.address
    line = f"troc: others can read the passphrase file {file}: run `chmod 600 {file}`\n"
    assert capsys.readouterr().err == (line if warned else "")


def test_nothing_is_sent_to_a_key_that_everybody_has(config: NetworkConfig) -> None:
    public = replace(config, name="sepolia", chain_id=11155111)
    assert accounts.public_address_of("dev:2", config) == accounts.address_of("dev:2", config)
    with pytest.raises(AccountError, match="everybody has the key of dev:2"):
        accounts.public_address_of("dev:2", public)


def test_a_passphrase_is_asked_for_once_and_late(stored: Stored, config: NetworkConfig) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    signer = accounts.open_later("customer", config, ask=ask)
    assert (signer.address, asked) == (stored.address, [])
    message = encode_defunct(text="hello")
    signature = signer.sign_message(message)
    assert signature == signer.sign_message(message)
    assert Account.recover_message(message, signature=signature) == stored.address
    assert asked == ["Passphrase of customer: "]


def test_refuses_a_wrong_passphrase(stored: Stored, config: NetworkConfig) -> None:
    with pytest.raises(AccountError, match="not the passphrase of customer") as caught:
        accounts.open_account("customer", config, ask=lambda prompt: "wrong one")
    assert "wrong one" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), ("", "is empty"), ("\nx", "is empty")]
)
def test_refuses_a_passphrase_file_without_one(
    content: str | None, said: str, stored: Stored, config: NetworkConfig, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    with pytest.raises(AccountError, match=said):
        accounts.open_account("customer", config, file)


def test_asks_nobody_where_nobody_is(stored: Stored, config: NetworkConfig) -> None:
    with pytest.raises(AccountError, match="--password-file"):
        accounts.open_account("customer", config)


def test_says_which_accounts_there_are(stored: Stored, config: NetworkConfig) -> None:
    with pytest.raises(
        AccountError, match=r"no account 'custmer' \(there: customer, brand, buyer, dev:0 to dev:9\)"
    ):
        accounts.open_account("custmer", config)
    assert accounts.list_accounts() == [stored]
    assert accounts.address_of("customer") == stored.address


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "x" * 65, "a b", "dev:0", "x\n"])
def test_refuses_a_name_that_is_no_file_name(name: str, home: Path) -> None:
    with pytest.raises(InputError, match="is no name for an account"):
        accounts.import_key(name, KEY, PASSWORD)


def test_refuses_a_name_that_is_taken(stored: Stored) -> None:
    before = stored.path.read_text()
    for make in (
        lambda: accounts.import_key("customer", KEY, PASSWORD),
        lambda: accounts.create("customer", accounts.new_mnemonic(), PASSWORD),
        lambda: accounts.import_keystore("customer", stored.path, PASSWORD),
        lambda: accounts.check_free("customer"),
    ):
        with pytest.raises(InputError, match="is an account 'customer' already"):
            make()
    assert stored.path.read_text() == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: accounts.import_key("x", "42" * 31 + "zz", PASSWORD),
        lambda: accounts.import_key("x", "42" * 40, PASSWORD),
        lambda: accounts.create("x", "secret " * 24, PASSWORD),
        lambda: accounts.create("x", accounts.new_mnemonic() + " zoo", PASSWORD),
    ],
)
def test_refuses_what_is_no_key_and_does_not_repeat_it(make: Callable[[], Stored], home: Path) -> None:
    with pytest.raises(InputError) as caught:
        make()
    for secret in ("42", "secret", "zoo"):
        assert secret not in str(caught.value)
    # Nor does a traceback show what the library said.
    assert caught.value.__suppress_context__


def test_an_empty_passphrase_is_refused(home: Path) -> None:
    with pytest.raises(InputError, match="protects nothing"):
        accounts.import_key("x", KEY, "")


def test_export_and_import_carry_an_account_to_another_machine(
    stored: Stored, config: NetworkConfig, tmp_path: Path
) -> None:
    file = accounts.export("customer", tmp_path)
    assert file == tmp_path / "customer.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="is there already"):
        accounts.export("customer", file)
    with pytest.raises(AccountError, match="not the passphrase"):
        accounts.import_keystore("copy", file, "wrong one")
    copy = accounts.import_keystore("copy", file, PASSWORD)
    assert copy.address == stored.address
    assert accounts.open_account("copy", config, ask=lambda prompt: PASSWORD).address == stored.address


def test_imports_a_keystore_that_another_wallet_wrote(
    stored: Stored, config: NetworkConfig, tmp_path: Path
) -> None:
    data = json.loads(stored.path.read_text())
    data["Crypto"] = data.pop("crypto")
    del data["address"]
    file = tmp_path / "UTC--2026"
    file.write_text(json.dumps(data))
    assert accounts.import_keystore("other", file, PASSWORD).address == stored.address
    assert accounts.address_of("other") == stored.address


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 2, "crypto": {}}', '{"version": 3}', "\xff"]
)
def test_refuses_what_is_no_keystore(content: str, tmp_path: Path, home: Path) -> None:
    file = tmp_path / "file"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(AccountError, match=r"no V3 keystore|cannot be read"):
        accounts.import_keystore("x", file, PASSWORD)


def test_a_signer_never_shows_its_key(stored: Stored, config: NetworkConfig) -> None:
    signer = accounts.open_account("customer", config, ask=lambda prompt: PASSWORD)
    assert isinstance(signer, Signer)
    for shown in (repr(signer), str(signer), f"{signer}", repr([signer]), repr(signer._account)):
        assert KEY[2:10] not in shown


def test_brownie_opens_the_same_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(home))
    stored = accounts.import_key("customer", KEY, PASSWORD)
    script = (
        "from brownie import accounts; print(accounts.load('customer', password='correct horse').address)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=home, check=False
    )
    assert done.stdout.split()[-1:] == [stored.address], done.stderr
