"""What a local chain alone can do: let time pass, and have customers whose keys everybody has."""

from __future__ import annotations

from itertools import pairwise

import pytest

from troc.accounts import Signer, open_account, open_dev_customers
from troc.anvil import move_to, set_pace
from troc.chain import Chain
from troc.errors import AccountError, InputError, NetworkError, WrongChainError


def test_move_to_makes_one_empty_block_at_that_second(chain: Chain) -> None:
    block, later = chain.block_number(), chain.now() + 90 * 86_400 + 7
    move_to(chain, later)
    assert (chain.now(), chain.block_number()) == (later, block + 1)
    assert chain.transactions_since(block) == 0


def test_move_to_goes_forward_only(chain: Chain) -> None:
    with pytest.raises(InputError, match="choose a later time"):
        move_to(chain, chain.now())


def test_set_pace_spaces_blocks_by_the_same_seconds(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    set_pace(chain, 12)
    times = [chain.time_of(chain.send({"to": stranger.address}, deployer, 1).block) for _ in range(3)]
    assert chain.transactions_since(chain.block_number() - 2) == 2
    assert [later - earlier for earlier, later in pairwise(times)] == [12, 12]


def test_the_pace_goes_on_after_a_move(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    set_pace(chain, 12)
    later = chain.now() + 1_000_000
    move_to(chain, later)
    assert chain.time_of(chain.send({"to": stranger.address}, deployer, 1).block) == later + 12


def test_time_is_not_ours_on_a_live_chain(live_chain: Chain) -> None:
    with pytest.raises(WrongChainError, match="sepolia is no local chain"):
        move_to(live_chain, live_chain.now() + 10)
    with pytest.raises(WrongChainError, match="sepolia is no local chain"):
        set_pace(live_chain, 12)


def test_a_node_that_cannot_is_named(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}}
    monkeypatch.setattr(chain.web3.provider, "make_request", lambda method, params: refusal)
    with pytest.raises(NetworkError, match="does not know anvil_setBlockTimestampInterval: use Anvil"):
        set_pace(chain, 12)


def test_dev_customers_are_always_the_same_and_have_no_ether(chain: Chain) -> None:
    customers = open_dev_customers(12, chain.config)
    assert open_dev_customers(3, chain.config) == customers[:3]
    assert len({customer.address for customer in customers}) == 12
    assert not {customer.address for customer in customers} & {
        open_account(f"dev:{index}", chain.config).address for index in range(10)
    }
    assert [chain.balance(customer.address) for customer in customers] == [0] * 12


def test_dev_customers_are_for_local_chains_only(live_chain: Chain) -> None:
    with pytest.raises(AccountError, match="everybody has the keys"):
        open_dev_customers(1, live_chain.config)
