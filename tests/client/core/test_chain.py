"""`Chain`: sending until confirmed, reading, logs, refusals in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from web3.types import TxParams

from tests.client.core.conftest import quick, rpc_call
from tests.client.core.faulty_node import CutError, FaultyNode, Forward, RefusalError, instead, swallow
from troc.accounts import Signer
from troc.anvil import free_port, rpc_of, run_anvil
from troc.artifacts import artifact
from troc.chain import READS_PER_BATCH, Chain, create_address
from troc.errors import ContractError, FundsError, NetworkError, NotDeployedError, PendingError

EPOCH = 90 * 86400


def gift(to: Signer, wei: int = 1) -> TxParams:
    """The plainest transaction."""
    return {"to": to.address, "value": wei}  # type: ignore[typeddict-item]


@pytest.fixture
def token(chain: Chain, deployer: Signer) -> Any:
    """Points of which the deployer is the brand."""
    found = artifact("LoyaltyToken")
    # In its first second Anvil rehearses before the time of its first block.
    birth = chain.now() - 1
    creation = chain.web3.eth.contract(abi=found.abi, bytecode=found.bytecode).constructor(
        to_checksum_address("0x" + "ee" * 20), deployer.address, "Le Panier", "PANIER", 0, EPOCH, birth
    )
    receipt = chain.send(creation, deployer)
    assert receipt.contract is not None
    return chain.contract("LoyaltyToken", receipt.contract)


def sent(chain: Chain, transaction: str) -> Any:
    return chain.web3.eth.get_transaction(transaction)  # type: ignore[arg-type]


def test_sends_and_tells_what_happened(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    before = chain.balance(stranger.address), chain.balance(deployer.address)
    receipt = chain.send(gift(stranger, 5), deployer)
    assert chain.balance(stranger.address) == before[0] + 5
    assert chain.balance(deployer.address) == before[1] - 5 - receipt.fee
    assert (receipt.gas_used, receipt.block, receipt.contract) == (21_000, chain.block_number(), None)
    assert receipt.sender == deployer.address
    assert sent(chain, receipt.transaction)["type"] == 2
    assert sent(chain, receipt.transaction)["chainId"] == chain.chain_id


def test_an_old_chain_gets_the_older_kind_of_transaction(
    tmp_path: Path, deployer: Signer, stranger: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("troc.anvil.HARD_FORK", "berlin")
    with run_anvil(port := free_port()):
        chain = Chain.connect(quick(rpc_of(port), tmp_path))
        assert "baseFeePerGas" not in chain.web3.eth.get_block("latest")
        receipt = chain.send(gift(stranger), deployer)
        assert sent(chain, receipt.transaction)["type"] == 0
        assert chain.gas_price() == chain.web3.eth.gas_price


def test_a_created_contract_is_where_it_was_foretold(chain: Chain, deployer: Signer) -> None:
    # The well-known first contract of Anvil's first account.
    assert create_address(deployer.address, 0) == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    found = artifact("OrderBook")
    creation = chain.web3.eth.contract(abi=found.abi, bytecode=found.bytecode).constructor()
    foretold: list[str | None] = []
    receipt = chain.send(creation, deployer, on_signed=lambda signed: foretold.append(signed.creates))
    assert foretold == [receipt.contract]


def test_a_refusal_costs_nothing(chain: Chain, token: Any, stranger: Signer) -> None:
    before = chain.transaction_count(stranger.address)
    with pytest.raises(ContractError, match="has 0 units of these points and 5 are needed") as caught:
        chain.send(token.functions.transfer(token.functions.owner().call(), 5), stranger)
    assert caught.value.name == "ERC20InsufficientBalance"
    assert caught.value.values == {"sender": stranger.address, "balance": 0, "needed": 5}
    assert chain.transaction_count(stranger.address) == before
    with pytest.raises(ContractError, match="only the brand"):
        chain.estimate(token.functions.mint(stranger.address, 1), stranger.address)
    with pytest.raises(ContractError, match="only the brand"):
        chain.call(token.functions.mint(stranger.address, 1), stranger.address)


def test_a_refusal_inside_a_block_is_explained(
    node: FaultyNode, shaky_chain: Chain, token: Any, stranger: Signer
) -> None:
    through = shaky_chain.contract("LoyaltyToken", token.address)
    transfer = through.functions.transfer(shaky_chain.call(through.functions.owner()), 5)
    # The rehearsal says yes, as if the state had changed just after it.
    node.answers["eth_estimateGas"] = instead(hex(200_000), 1)
    with pytest.raises(ContractError, match="has 0 units of these points and 5 are needed"):
        shaky_chain.send(transfer, stranger)


def test_an_account_without_coins_is_told_so(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    rpc_call(chain, "anvil_setBalance", stranger.address, "0x0")
    with pytest.raises(FundsError, match="--submit-with"):
        chain.send(gift(deployer), stranger)


def test_sends_again_what_was_really_dropped(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    rpc_call(chain, "evm_setAutomine", False)
    dropped: list[str] = []

    def drop_once(params: list[Any], forward: Forward) -> Any:
        if not dropped:
            dropped.append(rpc_call(chain, "anvil_dropTransaction", params[0]))
            rpc_call(chain, "evm_setAutomine", True)
        return forward()

    node.answers["eth_getTransactionReceipt"] = drop_once
    receipt = shaky_chain.send(gift(stranger), deployer)
    assert dropped == [receipt.transaction]
    assert node.requests.count("eth_sendRawTransaction") == 2


def test_waits_for_confirmations(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    polls = 0

    def mine_meanwhile(params: list[Any], forward: Forward) -> Any:
        nonlocal polls
        polls += 1
        result = forward()
        rpc_call(chain, "anvil_mine", "0x1")
        return result

    node.answers["eth_getTransactionReceipt"] = mine_meanwhile
    careful = Chain(shaky_chain.web3, replace(shaky_chain.config, confirmations=4))
    receipt = careful.send(gift(stranger), deployer)
    assert chain.block_number() - receipt.block + 1 == 4
    assert polls == 3


def test_a_receipt_that_goes_away_again_is_not_believed(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    """A block that is replaced by another one takes its transactions with it."""
    gone: list[str] = []

    def reorganise(params: list[Any], forward: Forward) -> Any:
        result = forward()
        if result and not gone:
            rpc_call(chain, "anvil_rollback", 1)
            gone.append(params[0])
        elif result:
            rpc_call(chain, "anvil_mine", "0x1")
        return result

    node.answers["eth_getTransactionReceipt"] = reorganise
    careful = Chain(shaky_chain.web3, replace(shaky_chain.config, confirmations=3))
    receipt = careful.send(gift(stranger, 7), deployer)
    assert gone == [receipt.transaction]
    assert chain.receipt(receipt.transaction) is not None
    assert node.requests.count("eth_sendRawTransaction") == 2


def test_takes_the_next_nonce_when_another_program_was_faster(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    count = chain.transaction_count(deployer.address)
    chain.send(gift(stranger), deployer)
    node.answers["eth_getTransactionCount"] = instead(hex(count), 1)
    receipt = shaky_chain.send(gift(stranger), deployer)
    assert sent(chain, receipt.transaction)["nonce"] == count + 1


def test_says_when_a_transaction_stays_pending(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    rpc_call(chain, "evm_setAutomine", False)
    try:
        impatient = Chain(chain.web3, replace(chain.config, wait_seconds=0.1))
        with pytest.raises(PendingError, match="is not confirmed yet: wait a little and run it again"):
            impatient.send(gift(stranger), deployer)
    finally:
        rpc_call(chain, "evm_setAutomine", True)


def test_a_transaction_that_arrived_although_the_line_broke_is_not_sent_twice(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    before = chain.balance(stranger.address)

    def take_and_break(params: list[Any], forward: Forward) -> Any:
        forward()
        raise CutError

    node.answers["eth_sendRawTransaction"] = take_and_break
    shaky_chain.send(gift(stranger, 7), deployer)
    assert chain.balance(stranger.address) == before + 7


def test_submitting_again_what_is_in_a_block_changes_nothing(
    chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    signed = chain.sign(gift(stranger, 7), deployer)
    before = chain.balance(stranger.address)
    assert chain.submit(signed) == chain.submit(signed)
    assert chain.balance(stranger.address) == before + 7


# ------------------------------------------------------------------------------------------------ reading


def test_reads_many_in_few_requests_and_in_order(
    node: FaultyNode, shaky_chain: Chain, token: Any, chain: Chain
) -> None:
    origin = chain.call(token.functions.origin())
    through = shaky_chain.contract("LoyaltyToken", token.address)
    node.heal()
    answers = shaky_chain.read_many(
        [through.functions.expiryOf(epoch) for epoch in range(2 * READS_PER_BATCH + 1)]
    )
    assert answers == [origin + (epoch + 4) * EPOCH for epoch in range(2 * READS_PER_BATCH + 1)]
    assert node.posts == 3
    assert shaky_chain.read_many([]) == []


def test_reads_one_by_one_where_a_node_refuses_batches(
    node: FaultyNode, shaky_chain: Chain, token: Any
) -> None:
    through = shaky_chain.contract("LoyaltyToken", token.address)
    node.refuses_batches = True
    assert shaky_chain.read_many([through.functions.name(), through.functions.symbol()]) == [
        "Le Panier",
        "PANIER",
    ]


def test_a_refusal_among_many_is_told(chain: Chain, token: Any) -> None:
    with pytest.raises(ContractError, match="only the brand"):
        chain.read_many([token.functions.name(), token.functions.mint(token.address, 1)])


def test_reads_the_past(chain: Chain, token: Any, deployer: Signer, stranger: Signer) -> None:
    block = chain.block_number()
    chain.send(token.functions.mint(stranger.address, 9), deployer)
    balance = token.functions.balanceOf(stranger.address)
    assert (chain.call(balance), chain.call(balance, block=block)) == (9, 0)
    assert chain.read_many([balance], block=block) == [0]


def test_says_where_there_is_no_contract(chain: Chain, stranger: Signer) -> None:
    nothing = chain.contract("LoyaltyToken", stranger.address)
    with pytest.raises(NotDeployedError, match="no such contract"):
        chain.call(nothing.functions.name())
    with pytest.raises(NotDeployedError, match="no such contract"):
        chain.read_many([nothing.functions.name()])


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_reads_logs_in_pieces_that_the_node_bears(
    limit: int,
    node: FaultyNode,
    shaky_chain: Chain,
    token: Any,
    chain: Chain,
    deployer: Signer,
    stranger: Signer,
) -> None:
    for amount in range(1, 6):
        chain.send(token.functions.mint(stranger.address, amount), deployer)
        rpc_call(chain, "anvil_mine", hex(amount))
        chain.send(token.functions.mint(deployer.address, 100), deployer)
    spans: list[int] = []

    def bounded(params: list[Any], forward: Forward) -> Any:
        span = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        if span > limit:
            raise RefusalError("query exceeds max block range")
        spans.append(span)
        return forward()

    node.answers["eth_getLogs"] = bounded
    event = shaky_chain.contract("LoyaltyToken", token.address).events.Transfer()
    found = list(shaky_chain.logs(event, {"to": stranger.address}))
    assert [log["args"]["value"] for log in found] == [1, 2, 3, 4, 5]
    assert sum(spans) == chain.block_number() + 1, "every block once"
    last = found[-1]["blockNumber"]
    assert [log["args"]["value"] for log in shaky_chain.logs(event, {"to": stranger.address}, last)] == [5]
    before = shaky_chain.logs(event, {"to": stranger.address}, 0, last - 1)
    assert [log["args"]["value"] for log in before] == [1, 2, 3, 4]


def test_asks_for_no_more_blocks_at_once_than_the_config_says(
    node: FaultyNode, shaky_chain: Chain, token: Any, chain: Chain
) -> None:
    rpc_call(chain, "anvil_mine", hex(30))
    node.heal()
    narrow = Chain(shaky_chain.web3, replace(shaky_chain.config, log_range=10))
    start = chain.block_number() - 24
    list(narrow.logs(shaky_chain.contract("LoyaltyToken", token.address).events.Transfer(), from_block=start))
    assert node.requests.count("eth_getLogs") == 3


def test_says_when_a_node_gives_no_logs_at_all(node: FaultyNode, shaky_chain: Chain, token: Any) -> None:
    def refuse(params: list[Any], forward: Forward) -> Any:
        raise RefusalError("logs are not kept")

    node.answers["eth_getLogs"] = refuse
    with pytest.raises(NetworkError, match=r"gives no logs \(logs are not kept\)"):
        list(shaky_chain.logs(shaky_chain.contract("LoyaltyToken", token.address).events.Transfer()))


def test_now_is_the_latest_block_s_time(chain: Chain) -> None:
    rpc_call(chain, "evm_setNextBlockTimestamp", chain.now() + 12345)
    expected = chain.now() + 12345
    rpc_call(chain, "anvil_mine", "0x1")
    assert chain.now() == expected


# --------------------------------------------------------------------------------------------- no node


def test_says_when_no_node_answers_and_keeps_its_token_to_itself(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="does not answer: start it") as caught:
        Chain.connect(quick(f"http://user:secret@127.0.0.1:{free_port()}/v3/0123456789abcdef", tmp_path))
    assert "secret" not in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_says_when_a_node_answers_nonsense(node: FaultyNode, shaky_chain: Chain) -> None:
    node.dead_from = 0
    for ask in (shaky_chain.now, shaky_chain.block_number, lambda: shaky_chain.balance("0x" + "11" * 20)):
        with pytest.raises(NetworkError, match="answers nonsense"):
            ask()


def test_a_swallowed_transaction_is_never_reported_as_done(
    node: FaultyNode, shaky_chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    node.answers["eth_sendRawTransaction"] = swallow(1000)
    impatient = Chain(shaky_chain.web3, replace(shaky_chain.config, wait_seconds=0.1))
    with pytest.raises(PendingError):
        impatient.send(gift(stranger), deployer)


def test_facts_are_told_rightly(chain: Chain) -> None:
    assert chain.chain_id == 31337
    assert chain.genesis_hash == "0x" + bytes(chain.web3.eth.get_block(0)["hash"]).hex()
    assert chain.block_gas_limit() == chain.web3.eth.get_block("latest")["gasLimit"]
    assert chain.code("0x" + "11" * 20) == b""


def test_a_call_is_one_request(node: FaultyNode, shaky_chain: Chain, token: Any, stranger: Signer) -> None:
    functions = shaky_chain.contract("LoyaltyToken", token.address).functions
    node.requests.clear()
    assert shaky_chain.call(functions.balanceOf(stranger.address)) == 0
    assert node.requests == ["eth_call"]
    node.requests.clear()
    shaky_chain.estimate(functions.transfer(stranger.address, 0), stranger.address)
    assert node.requests == ["eth_estimateGas"]


def test_an_answer_is_told_as_web3_tells_it(chain: Chain, token: Any, deployer: Signer) -> None:
    for function in (
        token.functions.owner(),
        token.functions.name(),
        token.functions.liability(),
        token.functions.lotsOf(deployer.address),
        token.functions.eip712Domain(),
    ):
        assert chain.call(function) == function.call()
        assert chain.read_many([function, function]) == [function.call()] * 2
    assert chain.call(token.functions.owner()) == deployer.address
