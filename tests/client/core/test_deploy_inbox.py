"""The inbox, which a deployment has if a token was named for it: at once, later, twice, cut off, refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hexbytes import HexBytes

from tests.client.core.conftest import Agreeable
from tests.client.core.faulty_node import CutError, FaultyNode, Forward, swallow
from tests.client.core.mocks import deploy_mock
from troc.accounts import Signer
from troc.artifacts import INBOX, SUITE, artifact
from troc.chain import Chain
from troc.deploy import deploy_inbox, deploy_suite
from troc.errors import (
    ContractError,
    DeclinedError,
    InputError,
    NetworkError,
    NotDeployedError,
    PendingError,
)
from troc.manifest import load_manifest, manifest_path, read_manifest, verification_folder
from troc.network import parse_network


@pytest.fixture
def cash(chain: Chain, deployer: Signer) -> str:
    """An ERC-20, on the local chain."""
    return deploy_mock(chain, deployer, "CashMock", "Euro", "EUR").address


@pytest.fixture
def dollars(chain: Chain, deployer: Signer) -> str:
    """Another."""
    return deploy_mock(chain, deployer, "CashMock", "Dollar", "USD").address


def token_of(chain: Chain, inbox: str) -> str:
    """What an inbox is paid in."""
    return str(chain.call(chain.contract(INBOX, inbox).functions.token()))


def assert_one_inbox(chain: Chain, deployer: Signer, token: str, before: int) -> None:
    """One inbox for the token was created and recorded."""
    manifest = load_manifest(chain)
    assert list(manifest.contracts) == [*SUITE, INBOX]
    assert manifest.pending is None
    assert manifest.contracts[INBOX].arguments == {"token_": token}
    assert token_of(chain, manifest.address(INBOX)) == token
    assert chain.transaction_count(deployer.address) - before == 1


def test_comes_with_the_suite_where_the_config_names_a_token(live_chain: Chain, deployer: Signer) -> None:
    cash = deploy_mock(live_chain, deployer, "CashMock", "Euro", "EUR").address
    agree = Agreeable()
    config = replace(live_chain.config, inbox_token=cash.lower())
    manifest = deploy_suite(Chain(live_chain.web3, config), deployer, agree)
    assert agree.plans[0].contracts == (*SUITE, INBOX)
    assert list(manifest.contracts) == [*SUITE, INBOX]
    deployed = manifest.contracts[INBOX]
    assert deployed.arguments == {"token_": cash}
    assert token_of(live_chain, deployed.address) == cash
    folder = verification_folder(manifest_path(live_chain))
    form = json.loads((folder / f"{INBOX}.etherscan.json").read_text())
    sent = live_chain.web3.eth.get_transaction(HexBytes(deployed.transaction))["input"]
    assert bytes(sent) == artifact(INBOX).bytecode + bytes.fromhex(form["constructorArguments"])
    assert (folder / f"{INBOX}.sourcify.json").is_file()


def test_comes_later_to_a_suite_that_is_there_and_twice_changes_nothing(
    chain: Chain, deployer: Signer, stranger: Signer, cash: str
) -> None:
    suite = deploy_suite(chain, deployer)
    assert suite.is_complete
    with pytest.raises(NotDeployedError, match="Inbox is not deployed on local: deploy one for its token"):
        suite.address(INBOX)
    lines: list[str] = []
    before = chain.transaction_count(deployer.address)
    manifest = deploy_inbox(chain, deployer, cash, report=lines.append)
    assert lines == [f"Inbox is at {manifest.address(INBOX)}"]
    assert_one_inbox(chain, deployer, cash, before)
    block = chain.block_number()
    assert deploy_inbox(chain, stranger, cash.lower()) == manifest
    assert deploy_suite(chain, deployer) == manifest
    assert chain.block_number() == block


def test_refuses_another_token_than_that_of_the_inbox_that_is_there(
    chain: Chain, deployer: Signer, cash: str, dollars: str
) -> None:
    deploy_suite(chain, deployer)
    manifest = deploy_inbox(chain, deployer, cash)
    block = chain.block_number()
    refused = f"is paid in {cash}, not in {dollars}: name that token"
    with pytest.raises(InputError, match=refused):
        deploy_inbox(chain, deployer, dollars)
    wanting = Chain(chain.web3, replace(chain.config, inbox_token=dollars))
    with pytest.raises(InputError, match=refused):
        deploy_suite(wanting, deployer)
    with pytest.raises(InputError, match="wants an inbox that is paid in"):
        deploy_inbox(wanting, deployer, cash)
    assert chain.block_number() == block
    assert load_manifest(chain) == manifest


def test_refuses_what_no_inbox_can_be_paid_in(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    suite = deploy_suite(chain, deployer)
    for token, error, said in (
        ("EUR", InputError, "token of the inbox: 'EUR' is no address"),
        (stranger.address, ContractError, "there is no contract at"),
    ):
        with pytest.raises(error, match=said):
            deploy_inbox(chain, deployer, token)
    assert load_manifest(chain) == suite


def test_needs_a_suite(chain: Chain, deployer: Signer, cash: str) -> None:
    before = chain.transaction_count(deployer.address)
    with pytest.raises(NotDeployedError, match="nothing is recorded as deployed"):
        deploy_inbox(chain, deployer, cash)
    assert chain.transaction_count(deployer.address) == before


def test_a_live_network_asks_first(live_chain: Chain, deployer: Signer) -> None:
    cash = deploy_mock(live_chain, deployer, "CashMock", "Euro", "EUR").address
    deploy_suite(live_chain, deployer, Agreeable())
    with pytest.raises(DeclinedError):
        deploy_inbox(live_chain, deployer, cash)
    agree = Agreeable()
    balance = live_chain.balance(deployer.address)
    deploy_inbox(live_chain, deployer, cash, agree)
    assert agree.plans[0].contracts == (INBOX,)
    assert 0 < balance - live_chain.balance(deployer.address) <= agree.plans[0].cost


def test_goes_on_when_the_line_goes_dead_after_its_creation_was_taken(
    node: FaultyNode, shaky_chain: Chain, deployer: Signer, cash: str, dollars: str
) -> None:
    deploy_suite(shaky_chain, deployer)
    before = shaky_chain.transaction_count(deployer.address)

    def take_and_die(params: list[Any], forward: Forward) -> Any:
        forward()
        raise CutError(for_good=True)

    node.answers["eth_sendRawTransaction"] = take_and_die
    with pytest.raises(NetworkError):
        deploy_inbox(shaky_chain, deployer, cash)
    node.heal()
    written = read_manifest(manifest_path(shaky_chain))
    assert written is not None
    assert written.pending is not None
    assert written.pending.arguments == {"token_": cash}
    # It is the inbox that was begun, whoever goes on and whatever he asks for.
    with pytest.raises(InputError, match=f"is paid in {cash}, not in {dollars}"):
        deploy_inbox(shaky_chain, deployer, dollars)
    assert_one_inbox(shaky_chain, deployer, cash, before)


def test_the_suite_goes_on_with_an_inbox_that_was_cut_off(
    node: FaultyNode, shaky_chain: Chain, deployer: Signer, cash: str
) -> None:
    deploy_suite(shaky_chain, deployer)
    before = shaky_chain.transaction_count(deployer.address)
    node.answers["eth_sendRawTransaction"] = swallow(1000)
    impatient = Chain(shaky_chain.web3, replace(shaky_chain.config, wait_seconds=0.2))
    with pytest.raises(PendingError):
        deploy_inbox(impatient, deployer, cash)
    node.heal()
    deploy_suite(shaky_chain, deployer)
    assert_one_inbox(shaky_chain, deployer, cash, before)


def test_a_token_that_is_no_text_is_refused_in_the_config(tmp_path: Path) -> None:
    path = tmp_path / "local.yaml"
    text = "chain_id: local\nrpc: http://localhost:1\n"
    path.write_text(text + f"inbox_token: 0x{'11' * 20}\n")
    with pytest.raises(InputError, match="put the address in quotes"):
        parse_network("local", path, tmp_path)
    path.write_text(text + f'inbox_token: "0x{"11" * 20}"\n')
    assert parse_network("local", path, tmp_path).inbox_token == "0x" + "11" * 20
    path.write_text(text)
    assert parse_network("local", path, tmp_path).inbox_token == ""
