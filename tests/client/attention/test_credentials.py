"""Credentials: an attestor deploys and issues, a customer collects, a campaign pays her as a pseudonym."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.attention.cases import PRICE, Attention, attention, campaign_signer, deployed, home, run
from troc.accounts import open_account
from troc.attention.credentials import SignedCredential, attestor_file, deploy_attestor, read_credential
from troc.attention.slips import sign_statements, write_slips
from troc.chain import Chain
from troc.errors import ContractError, InputError, NetworkError
from troc.spelling import checked, spell, unspell

__all__ = ["attention", "deployed", "home", "run"]

Cli = Callable[..., Any]
SCHEME = "TROC:CREDENTIAL/"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A passphrase that opens quickly, in a file that a setting names."""
    monkeypatch.setattr("troc.sealing.SCRYPT_WORK", 4)
    (tmp_path / "passphrase").write_text("an old umbrella\n")
    monkeypatch.setenv("TROC_CREDENTIALS_PASSWORD_FILE", str(tmp_path / "passphrase"))
    monkeypatch.setenv("TROC_DATA", str(tmp_path / "data"))


def asking(attention: Attention, **changes: Any) -> SignedCredential:
    """A campaign that asks Fox for credentials, and Fox's for customer 4711."""
    attestor = deploy_attestor(attention.fox, lambda new: "an old umbrella")
    found = attention.open(credentials=attestor.contract, **changes)
    until = found.terms.claim_until
    return attestor.issue("customer 4711", found.id, attention.ann.address, until, attention.fox.signer)


def test_a_pseudonym_is_paid(attention: Attention, run: Cli, tmp_path: Path) -> None:
    customer = open_account("dev:1", attention.chain.config)
    assert not run("attention", "credentials", "deploy", "--dry-run", who="dev:5")["sent"]
    contract = run("attention", "credentials", "deploy", who="dev:5")["contract"]
    again = run("attention", "credentials", "deploy", who="dev:5")
    assert (again["sent"], again["contract"]) == (False, contract)
    campaign = attention.open(credentials=contract)
    text = tmp_path / "credential.txt"
    issue = ("attention", "credentials", "issue", campaign.short, "customer 4711", customer.address)
    issued = run(*issue, "-o", str(text), who="dev:5")
    assert issued["expiry"] == campaign.terms.claim_until
    said = run("attention", "credentials", "check", str(text))
    assert (said["account"], said["pseudonym"]) == (customer.address, issued["pseudonym"])
    pseudonym = bytes.fromhex(issued["pseudonym"][2:])
    run("attention", "enrol", campaign.short, issued["pseudonym"])
    signer, domain = campaign_signer(), attention.rewards.domain
    write_slips(sign_statements(campaign.id, pseudonym, {0, 1}, domain, signer), tmp_path / "slips.json")
    assert not run("attention", "collect", str(text), str(tmp_path / "slips.json"), who="dev:1")["refused"]
    run("attention", "claim", "--all", who="dev:1")
    assert attention.everyone.balance("PANIER", customer.address).total == 2 * PRICE
    refused = run("attention", "collect", str(text), who="dev:9", code=3)
    assert refused == f"this credential is for {customer.address}"


def test_a_file_of_people(attention: Attention, run: Cli, tmp_path: Path) -> None:
    contract = run("attention", "credentials", "deploy", who="dev:5")["contract"]
    campaign = attention.open(credentials=contract)
    ann, bob = attention.ann.address, attention.bob.address
    people, out = tmp_path / "people.csv", tmp_path / "credentials.csv"
    issue = ("attention", "credentials", "issue", campaign.short, str(people))

    def refused(*rows: str, options: tuple[str, ...] = ("-o", str(out)), code: int = 3) -> str:
        people.write_text("\n".join(["person,account", *rows]) + "\n")
        said = str(run(*issue, *options, who="dev:5", code=code))
        assert not out.exists()
        return said

    good = f"4711,{ann}"
    assert refused(good, f" 4711 ,{bob}") == "rows 1 and 2 name one person, '4711'"
    assert refused(good, "4712,bob").startswith("row 2 of people.csv: ")
    assert refused(good, f" ,{bob}") == "a person without a name"
    assert refused(good, options=()) == "credentials of many people go into a file"
    assert refused(good, options=("-o", str(tmp_path / "out.txt"))).startswith("credentials of many")
    people.write_text(f"person,account\n{good}\n=4712,{bob}\n")
    assert not run(*issue, "-o", str(out), "--dry-run", who="dev:5")["sent"]
    assert not out.exists()
    assert run(*issue, "-o", str(out), who="dev:5")["people"] == 2
    assert out.stat().st_mode & 0o077 == 0
    first, second = csv.DictReader(out.open())
    assert (first["person"], second["person"]) == ("4711", "'=4712")
    for row, account in ((first, ann), (second, bob)):
        signed = read_credential(row["credential"])
        signed.check(attention.chain)
        assert (signed.message.account, row["account"]) == (account, account)
        assert "0x" + signed.message.pseudonym.hex() == row["pseudonym"]
        assert signed.message.expiry == campaign.terms.claim_until
    # One by one it is the same word.
    alone = run("attention", "credentials", "issue", campaign.short, "4711", ann, who="dev:5")
    assert alone["text"] == first["credential"]
    assert run(*issue, "-o", str(out), who="dev:5", code=3) == f"{out} is there already"


def test_a_person_has_one_pseudonym_a_campaign(attention: Attention) -> None:
    attestor = deploy_attestor(attention.fox, lambda new: "an old umbrella")
    one, other = attention.fresh.id, attention.escrow.id
    assert attestor.pseudonym("customer 4711", one) == attestor.pseudonym(" customer 4711 ", one)
    assert attestor.pseudonym("Zoë", one) == attestor.pseudonym("Zoe\u0308", one)
    assert attestor.pseudonym("customer 4711", one) != attestor.pseudonym("customer 4711", other)
    assert attestor.pseudonym("customer 4711", one) != attestor.pseudonym("customer 4712", one)
    with pytest.raises(InputError, match="without a name"):
        attestor.pseudonym(" ", one)
    assert attestor._key.hex() not in repr(attestor)


def test_only_what_the_contract_takes_passes(attention: Attention) -> None:
    signed = asking(attention)
    signed.check(attention.chain)
    body = unspell(signed.to_text(), SCHEME, "credential")[:-4]
    with pytest.raises(InputError, match="cut off or altered"):
        read_credential(signed.to_text()[:-3])
    # Another account in the same words, rightly spelt: the attestor has not signed it.
    other = body.replace(bytes.fromhex(attention.ann.address[2:]), bytes.fromhex(attention.bob.address[2:]))
    with pytest.raises(ContractError) as caught:
        read_credential(spell(SCHEME, checked(other))).check(attention.chain)
    assert caught.value.name == "CredentialNotSigned"
    attention.pass_to(signed.message.expiry + 1)
    with pytest.raises(ContractError) as caught:
        signed.check(attention.chain)
    assert caught.value.name == "CredentialExpired"


def test_a_contract_that_says_yes_to_all_is_none_of_an_attestors(attention: Attention) -> None:
    signed = asking(attention)
    body = unspell(signed.to_text(), SCHEME, "credential")[:-4]
    own = bytes.fromhex(signed.domain.verifying_contract[2:])
    other = body.replace(own, bytes.fromhex(attention.rewards.address[2:]))
    with pytest.raises(InputError, match="is no contract of an attestor's"):
        read_credential(spell(SCHEME, checked(other))).check(attention.chain)


def test_a_credential_is_for_campaigns_that_ask_for_it(attention: Attention, run: Cli) -> None:
    run("attention", "credentials", "deploy", who="dev:5")
    issue = ("attention", "credentials", "issue", attention.fresh.short, "4711", attention.ann.address)
    assert "asks for no credential of yours" in run(*issue, who="dev:5", code=25)
    assert "is not on this machine" in run(*issue, who="dev:9", code=17)
    signed = asking(attention, salt=bytes([9] * 32))
    assert "is for" in collected(run, signed.to_text(), who="dev:1")


def collected(run: Cli, text: str, who: str) -> str:
    return str(run("attention", "collect", text, who=who, code=3))


def test_a_wrong_passphrase_opens_nothing(attention: Attention, run: Cli, tmp_path: Path) -> None:
    asking(attention)
    (tmp_path / "passphrase").write_text("a new umbrella")
    issue = ("attention", "credentials", "issue", attention.fresh.short, "4711", attention.ann.address)
    assert run(*issue, who="dev:5", code=8) == "this is not the passphrase of the credentials"


def test_a_deployment_that_was_cut_off_is_taken_up(
    attention: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was sent, and the process died before it saw the receipt: the same key, and no second contract."""

    def dies(*_: Any) -> None:
        raise NetworkError("the node is gone", "wait")

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "receipt", dies)
        with pytest.raises(NetworkError):
            deploy_attestor(attention.fox, lambda new: "an old umbrella")
    path = attestor_file(attention.chain, attention.fox.address)
    kept = json.loads(path.read_text())
    assert path.stat().st_mode & 0o077 == 0
    before = attention.chain.transaction_count(attention.fox.address)
    made = deploy_attestor(attention.fox, lambda new: "an old umbrella")
    assert made.contract == kept["contract"]
    assert attention.chain.transaction_count(attention.fox.address) == before
    assert json.loads(path.read_text()) == kept
