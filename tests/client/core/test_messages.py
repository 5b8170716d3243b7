"""Signed messages: as docs/messages.md has them, as the contracts hash them, as files hold them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from troc.accounts import Signer
from troc.artifacts import artifact
from troc.attention.messages import MESSAGES as ATTENTION_MESSAGES
from troc.chain import Chain
from troc.data.attesting import Attestation, Disclosure
from troc.data.messages import MESSAGES as DATA_MESSAGES
from troc.data.receipts import Receipt as PaperReceipt
from troc.errors import ContractError, InputError
from troc.messages import (
    EXCHANGE_NAME,
    UINT256_MAX,
    ZERO_ADDRESS,
    Cancel,
    CancelAll,
    CancelNonces,
    Claim,
    Domain,
    Message,
    Order,
    Permit,
    Redeem,
    Send,
    Voucher,
    digest,
    pack_batch_word,
    pack_nonce,
    recover,
    sign,
    to_address,
    typed,
    unpack_batch_word,
    unpack_nonce,
)
from troc.programme.adjusting import Adjustment, AdjustmentPolicy
from troc.programme.linking import LinkCard

ROOT = Path(__file__).resolve().parents[3]
MESSAGES: tuple[type[Message], ...] = (
    Order,
    Cancel,
    CancelAll,
    Permit,
    Send,
    Redeem,
    CancelNonces,
    Voucher,
    Claim,
)
# Between a brand and its people, off the chain.
MESSAGES += (LinkCard, Adjustment, AdjustmentPolicy)
MESSAGES += DATA_MESSAGES
MESSAGES += ATTENTION_MESSAGES
MESSAGES += (Disclosure, PaperReceipt)
# Its content is a struct of its own; tests/client/data/test_attesting.py makes them.
PAGE: tuple[type[Message], ...] = (*MESSAGES, Attestation)
HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2

chance = random.Random(20260101)


def random_value(type_: str) -> Any:
    """Any value of a type, its bounds among them."""
    if type_ == "address":
        return chance.choice([ZERO_ADDRESS, "0x" + chance.randbytes(20).hex()])
    if type_ == "bool":
        return chance.random() < 0.5
    if type_ == "bytes32":
        return chance.randbytes(32)
    if type_.endswith("[]"):
        return [random_value(type_[:-2]) for _ in range(chance.randrange(4))]
    bits = int(type_.removeprefix("uint"))
    return chance.choice([0, 2**bits - 1, chance.randrange(2**bits)])


def random_message(kind: type[Message]) -> Message:
    """Any message of a kind."""
    return kind(*[random_value(entry["type"]) for entry in kind.types()[kind.__name__]])


def order_of(maker: str, **changes: Any) -> Order:
    """A plain order."""
    values: dict[str, Any] = {
        "maker": maker,
        "give_token": "0x" + "11" * 20,
        "give_kind": 0,
        "give_id": 0,
        "give_amount": 120,
        "want_token": "0x" + "22" * 20,
        "want_kind": 0,
        "want_id": 0,
        "want_amount": 90,
        "give_points_expiring_by": 1_900_000_000,
        "want_points_living_until": 1_850_000_000,
        "only_taker": ZERO_ADDRESS,
        "open_until": 1_800_000_000,
        "nonce": 7,
        "allow_partial": True,
    }
    return Order(**values | changes)


@pytest.fixture
def exchange(chain: Chain, deployer: Signer) -> Any:
    """An exchange."""
    found = artifact("PointsExchange")
    creation = chain.web3.eth.contract(abi=found.abi, bytecode=found.bytecode).constructor()
    receipt = chain.send(creation, deployer)
    assert receipt.contract is not None
    return chain.contract("PointsExchange", receipt.contract)


@pytest.fixture
def domain(exchange: Any, chain: Chain) -> Domain:
    """Its domain."""
    return Domain(EXCHANGE_NAME, chain.chain_id, exchange.address)


@pytest.mark.parametrize("kind", MESSAGES)
def test_the_type_is_that_of_the_page(kind: type[Message]) -> None:
    lines = (ROOT / "docs" / "messages.md").read_text().splitlines()
    assert kind.type_string() in lines


def test_the_page_has_no_message_more() -> None:
    text = (ROOT / "docs" / "messages.md").read_text()
    block = [line for line in text.splitlines() if line.endswith(")") and line.split("(")[0].isalpha()]
    assert sorted(set(block)) == sorted(kind.type_string() for kind in PAGE)


def test_the_contract_hashes_orders_alike(chain: Chain, exchange: Any, domain: Domain) -> None:
    orders = [random_message(Order) for _ in range(200)]
    theirs = chain.read_many([exchange.functions.digestOf(order.as_tuple()) for order in orders])
    assert [bytes(answer) for answer in theirs] == [digest(order, domain) for order in orders]
    assert len(set(theirs)) == 200


@pytest.mark.parametrize("kind", MESSAGES)
def test_hashes_as_wallets_do(kind: type[Message]) -> None:
    """The digest, which we make ourselves, is that of eth-account's typed data."""
    domain = Domain("Café Olé", 137, "0x" + "aB" * 20)
    for _ in range(5):
        message = random_message(kind)
        parts = typed(message, domain)
        assert digest(message, domain) == keccak(b"\x19" + parts.version + parts.header + parts.body)


def test_the_contract_s_domain_is_ours(chain: Chain, exchange: Any, domain: Domain) -> None:
    _, name, version, chain_id, contract, _, _ = chain.call(exchange.functions.eip712Domain())
    assert Domain(name, chain_id, contract, version) == domain


def test_the_contract_accepts_our_signature_and_no_other(
    chain: Chain, exchange: Any, domain: Domain, deployer: Signer, stranger: Signer
) -> None:
    message = Cancel(deployer.address, (pack_nonce(3),), (pack_nonce(4),))
    signature = sign(message, domain, deployer)
    for false in (
        Domain(EXCHANGE_NAME, chain.chain_id + 1, exchange.address),
        Domain(EXCHANGE_NAME, chain.chain_id, stranger.address),
        Domain("Troc exchange", chain.chain_id, exchange.address),
        Domain(EXCHANGE_NAME, chain.chain_id, exchange.address, "2"),
    ):
        with pytest.raises(ContractError, match="signature is not that of"):
            chain.send(
                exchange.functions.cancelFor(*message.as_tuple(), sign(message, false, deployer)), stranger
            )
    receipt = chain.send(exchange.functions.cancelFor(*message.as_tuple(), signature), stranger)
    (event,) = receipt.events(exchange.events.OrdersCancelled())
    assert event["args"]["maker"] == deployer.address
    assert chain.call(exchange.functions.wholeWordOf(deployer.address, 3)) == 1


def test_signs_for_nobody_else(domain: Domain, deployer: Signer, stranger: Signer) -> None:
    with pytest.raises(InputError, match="cannot sign for"):
        sign(order_of(stranger.address), domain, deployer)


@pytest.mark.parametrize("kind", MESSAGES)
def test_recovers_who_signed(kind: type[Message], domain: Domain, deployer: Signer) -> None:
    for _ in range(20):
        message = random_message(kind)
        first = next(iter(message.to_json()))
        mine = kind.from_json(message.to_json() | {first: deployer.address})
        signature = sign(mine, domain, deployer)
        assert len(signature) == 65
        assert recover(mine, domain, signature) == deployer.address
        assert recover(mine, Domain("x", 1, ZERO_ADDRESS), signature) != deployer.address


def test_recovers_the_short_form_and_refuses_the_malleable_one(domain: Domain, deployer: Signer) -> None:
    order_n = 2 * HALF_ORDER + 1
    for number in range(20):
        message = order_of(deployer.address, nonce=number)
        signature = sign(message, domain, deployer)
        r, s, v = signature[:32], int.from_bytes(signature[32:64]), signature[64]
        assert s <= HALF_ORDER
        short = r + (s | (v - 27) << 255).to_bytes(32)
        assert recover(message, domain, short) == deployer.address
        twin = r + (order_n - s).to_bytes(32) + bytes([55 - v])
        assert recover(message, domain, twin) is None
        assert recover(message, domain, r + s.to_bytes(32) + bytes([v - 27])) is None
    # The library itself would take the twin: the refusal is ours.
    assert Account.recover_message is not None


@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"\x00" * 65, b"\x1b" * 65, b"\xff" * 66])
def test_nobody_made_a_malformed_signature(signature: bytes, domain: Domain, deployer: Signer) -> None:
    assert recover(order_of(deployer.address), domain, signature) != deployer.address


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_file_gives_back_what_was_written(kind: type[Message]) -> None:
    for _ in range(50):
        message = random_message(kind)
        assert kind.from_json(json.loads(json.dumps(message.to_json()))) == message
        assert kind.from_chain(message.as_tuple()) == message
        assert kind.from_chain(message.values()) == message


def test_a_number_beyond_javascript_s_survives_a_file() -> None:
    message = order_of(ZERO_ADDRESS, nonce=UINT256_MAX)
    assert message.to_json()["nonce"] == str(UINT256_MAX)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nonce": None}, "the field nonce is missing"),
        ({"price": "1"}, "unknown field 'price'"),
        ({"nonce": "0x10"}, "Order.nonce: '0x10' is no whole number"),
        ({"nonce": "007"}, "Order.nonce: '007' is no whole number"),
        ({"nonce": "-1"}, "Order.nonce: '-1' is no whole number"),
        ({"nonce": 1.0}, "Order.nonce: 1.0 is no whole number"),
        ({"nonce": True}, "Order.nonce: True is no whole number"),
        ({"nonce": str(2**256)}, r"from 0 to 2\^256 - 1"),
        ({"giveKind": "256"}, r"Order.giveKind: 256 is no whole number from 0 to 2\^8 - 1"),
        ({"allowPartial": "true"}, "neither true nor false"),
        ({"allowPartial": 1}, "neither true nor false"),
        ({"maker": "0x12"}, "is no address"),
        ({"maker": 12}, "is no address"),
        ({"maker": "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"}, "wrong checksum"),
    ],
)
def test_refuses_a_file_that_is_malformed(change: dict[str, Any], said: str) -> None:
    data = {
        key: value for key, value in (order_of(ZERO_ADDRESS).to_json() | change).items() if value is not None
    }
    with pytest.raises(InputError, match=said) as caught:
        Order.from_json(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_refuses_a_file_that_is_no_message(data: Any) -> None:
    with pytest.raises(InputError, match="is no message"):
        Order.from_json(data)


def test_refuses_bytes_and_lists_that_are_malformed() -> None:
    redeem = Redeem(ZERO_ADDRESS, 1, b"\x01" * 32, ZERO_ADDRESS, 1, 1).to_json()
    for wrong in ("0x01", "01" * 32, None, 5):
        with pytest.raises(InputError, match="receiptId"):
            Redeem.from_json(redeem | {"receiptId": wrong})
    cancel = Cancel(ZERO_ADDRESS, (1,), ()).to_json()
    for wrong_list in ("1", 1, {"0": 1}, ["x"]):
        with pytest.raises(InputError, match="wholeNonces"):
            Cancel.from_json(cancel | {"wholeNonces": wrong_list})


def test_messages_are_frozen_and_compare_by_value() -> None:
    first, second = order_of("0x" + "ab" * 20), order_of("0x" + "AB" * 20)
    assert first == second
    assert hash(first) == hash(second)
    with pytest.raises(AttributeError):
        first.nonce = 8  # type: ignore[misc]


def test_packs_nonces_as_the_page_says() -> None:
    assert pack_nonce(1, 2, 3) == (1 << 128) + (2 << 64) + 3
    assert unpack_nonce(pack_nonce(2**128 - 1, 2**64 - 1, 2**64 - 1)) == (2**128 - 1, 2**64 - 1, 2**64 - 1)
    for parts in ((-1, 0, 0), (2**128, 0, 0), (0, 2**64, 0), (0, 0, 2**64)):
        with pytest.raises(InputError, match="does not fit"):
            pack_nonce(*parts)


def test_packs_batch_words_as_the_page_says() -> None:
    address = to_address("0x" + "ab" * 20)
    assert pack_batch_word(address, 5) == (5 << 160) + int("ab" * 20, 16)
    assert unpack_batch_word(pack_batch_word(address, 2**56 - 1)) == (address, 2**56 - 1)
    for amount in (0, -1, 2**56):
        with pytest.raises(InputError, match="does not fit"):
            pack_batch_word(address, amount)
