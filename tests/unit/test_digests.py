"""Attack 5: what the contracts take for signed is what wallets sign. 1,000 random messages of each kind, each
digest computed by eth-account from docs/messages.md, and never by a contract's own function alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import brownie
import pytest
from brownie import web3
from eth_account.messages import SignableMessage, encode_typed_data
from web3 import Web3

from tests.helpers import LANE, MAX_UINT256, domain_name, message_types, now, sign, types_of
from tests.orders import digest_of, words

MANY = 1_000
TYPES = message_types()


@pytest.fixture
def chance() -> random.Random:
    return random.Random("troc digests")


def anything(chance: random.Random, kind: str) -> Any:
    """A random value of a Solidity type: often small, often the largest, else any."""
    if kind.endswith("[]"):
        return [anything(chance, kind[:-2]) for _ in range(chance.choice((0, 1, 2, 5)))]
    if kind in TYPES:
        return message(chance, kind)
    if kind == "bool":
        return chance.random() < 0.5
    if kind == "address":
        return Web3.to_checksum_address(chance.randbytes(20))
    if kind == "bytes32":
        return chance.randbytes(32)
    bits = int(kind.removeprefix("uint"))
    return chance.choice(
        (chance.randrange(3), 2**bits - 1, chance.getrandbits(bits), chance.getrandbits(bits))
    )


def message(chance: random.Random, kind: str, **fields: Any) -> dict[str, Any]:
    drawn = {field["name"]: anything(chance, field["type"]) for field in TYPES[kind]}
    assert fields.keys() <= drawn.keys()
    return drawn | fields


def call_all(
    contract: Any, calls: list[str], sender: dict[str, str] | None = None
) -> list[tuple[bool, bytes]]:
    """Whether each call succeeds, and what it answers or reverts with; in batches, as there are thousands."""
    outcomes = []
    for start in range(0, len(calls), 100):
        batch = [
            ("eth_call", [{"to": contract.address, "data": data} | (sender or {}), "latest"])
            for data in calls[start : start + 100]
        ]
        for answer in web3.provider.make_batch_request(batch):
            if "result" in answer:
                outcomes.append((True, bytes.fromhex(answer["result"][2:])))
            else:
                data = answer["error"]["data"]
                data = data if isinstance(data, str) else data["result"]
                outcomes.append((False, bytes.fromhex(data[2:])))
    assert len(outcomes) == len(calls)
    return outcomes


@cache
def wallet_for(contract: Any, kind: str) -> Callable[[dict[str, Any]], SignableMessage]:
    """What a wallet makes of a message for this contract; the contract is asked for its name alone."""
    domain = {
        "name": domain_name(contract),
        "version": "1",
        "chainId": web3.eth.chain_id,
        "verifyingContract": contract.address,
    }
    return lambda drawn: encode_typed_data(domain, types_of(kind), drawn)


def digests(contract: Any, kind: str, messages: list[dict[str, Any]]) -> list[bytes]:
    wallet = wallet_for(contract, kind)
    return [digest_of(wallet(drawn)) for drawn in messages]


def selector(signature: str) -> bytes:
    return bytes(Web3.keccak(text=signature)[:4])


def test_orders(exchange: Any, chance: random.Random) -> None:
    orders = [message(chance, "Order") for _ in range(MANY)]
    answers = call_all(exchange, [exchange.digestOf.encode_input(words(order)) for order in orders])
    assert answers == [(True, digest) for digest in digests(exchange, "Order", orders)]


@pytest.mark.parametrize(("kind", "function"), [("Cancel", "cancelFor"), ("CancelAll", "cancelAllFor")])
def test_cancellations(exchange: Any, chance: random.Random, kind: str, function: str) -> None:
    """Without a signature they are refused, with the digest that should have been signed."""
    messages = [message(chance, kind) for _ in range(MANY)]
    encode = getattr(exchange, function).encode_input
    answers = call_all(exchange, [encode(*drawn.values(), b"") for drawn in messages])
    refusal = selector("NotSignedByMaker(address,bytes32)")
    assert answers == [
        (False, refusal + bytes(12) + bytes.fromhex(drawn["maker"][2:]) + digest)
        for drawn, digest in zip(messages, digests(exchange, kind, messages), strict=True)
    ]


@pytest.fixture(scope="module")
def holder(create_token: Callable[..., Any], deployer: Any) -> Any:
    """A wallet that takes the digest itself for a signature, and nothing else."""
    return brownie.DigestMock.deploy({"from": deployer})


@pytest.fixture(scope="module")
def rich(token: Any, holder: Any, brand: Any) -> Any:
    """The token, of which the holder has as many as there can be."""
    token.mint(holder, LANE, {"from": brand})
    return token


def drawn_by(holder: Any, chance: random.Random, kind: str) -> dict[str, Any]:
    """A message that is good but for its signature."""
    good = {
        "holder": holder.address,
        "nonce": chance.getrandbits(128) << 128 | chance.randrange(224),
        "amount": chance.randrange(1, LANE + 1),
        "deadline": chance.choice((2**40, chance.getrandbits(255) + 2**40, MAX_UINT256)),
        "agent": brownie.ZERO_ADDRESS,
    }
    fields = {field["name"] for field in TYPES[kind]}
    return message(chance, kind, **{name: value for name, value in good.items() if name in fields})


@pytest.mark.parametrize(("kind", "function"), [("Send", "sendFor"), ("Redeem", "redeemFor")])
def test_messages_of_a_token(rich: Any, holder: Any, chance: random.Random, kind: str, function: str) -> None:
    messages = [drawn_by(holder, chance, kind) for _ in range(MANY)]
    signed = list(zip(messages, digests(rich, kind, messages), strict=True))
    encode = getattr(rich, function).encode_input
    good = [encode(tuple(drawn.values()), digest) for drawn, digest in signed]
    assert call_all(rich, good) == [(True, b"")] * MANY
    refusal = selector("NotSignedByHolder(address)") + bytes(12) + bytes.fromhex(holder.address[2:])
    wrong = [encode(tuple(drawn.values()), bytes(Web3.keccak(digest))) for drawn, digest in signed[:100]]
    assert call_all(rich, wrong) == [(False, refusal)] * 100


@pytest.fixture(scope="module")
def spending(create_token: Callable[..., Any], holder: Any, brand: Any) -> Any:
    """A token that issues what the wallet signs, out of three large grants."""
    token = create_token()
    for grant in range(3):
        token.setGrant(holder, grant, LANE, 0, 0, {"from": brand})
    return token


def voucher_of(holder: Any, chance: random.Random, **fields: Any) -> dict[str, Any]:
    """A voucher that is good but for its signature, or for a grant that the wallet does not have."""
    good = drawn_by(holder, chance, "Voucher") | {"issuer": holder.address}
    return good | {"grantId": chance.choice((good["grantId"], chance.randrange(3)))} | fields


def refusal_of(name: str, types: str, *values: int) -> tuple[bool, bytes]:
    return False, selector(f"{name}({types})") + b"".join(value.to_bytes(32, "big") for value in values)


def test_vouchers(spending: Any, holder: Any, chance: random.Random) -> None:
    """What is signed is told from what is not by what is looked at next: the key, then the grant."""
    messages = [voucher_of(holder, chance) for _ in range(MANY)]
    signed = list(zip(messages, digests(spending, "Voucher", messages), strict=True))
    encode, wallet = spending.claim.encode_input, int(holder.address, 16)

    def expected(drawn: dict[str, Any]) -> tuple[bool, bytes]:
        if drawn["isKey"]:
            return refusal_of("NotSignedByKey", "address", int(drawn["recipient"], 16))
        if drawn["grantId"] < 3:
            return True, b""
        needed = (wallet, drawn["grantId"], 0, drawn["amount"])
        return refusal_of("GrantExceeded", "address,uint256,uint256,uint256", *needed)

    good = [encode((tuple(drawn.values()), digest, brownie.ZERO_ADDRESS, b"")) for drawn, digest in signed]
    answers = call_all(spending, good)
    assert answers == [expected(drawn) for drawn, _ in signed]
    assert min(sum(done for done, _ in answers), sum(not done for done, _ in answers)) > MANY // 10
    wrong = [
        encode((tuple(drawn.values()), bytes(Web3.keccak(digest)), brownie.ZERO_ADDRESS, b""))
        for drawn, digest in signed[:100]
    ]
    assert call_all(spending, wrong) == [refusal_of("NotSignedByIssuer", "address", wallet)] * 100


def test_claims(spending: Any, holder: Any, deployer: Any, chance: random.Random) -> None:
    """The one-time key is such a wallet too."""
    key = brownie.DigestMock.deploy({"from": deployer})
    vouchers = [
        voucher_of(holder, chance, isKey=True, recipient=key.address, grantId=chance.randrange(3))
        for _ in range(MANY)
    ]
    promised = digests(spending, "Voucher", vouchers)
    claims = [message(chance, "Claim", key=key.address, voucher=voucher) for voucher in promised]
    signed = list(zip(vouchers, promised, claims, digests(spending, "Claim", claims), strict=True))
    encode = spending.claim.encode_input
    good = [
        encode((tuple(drawn.values()), voucher, claim["to"], digest))
        for drawn, voucher, claim, digest in signed
    ]
    assert call_all(spending, good) == [(True, b"")] * MANY
    wrong = [
        encode((tuple(drawn.values()), voucher, claim["to"], bytes(Web3.keccak(digest))))
        for drawn, voucher, claim, digest in signed[:100]
    ]
    refusal = refusal_of("NotSignedByKey", "address", int(key.address, 16))
    assert call_all(spending, wrong) == [refusal] * 100


def test_cancelled_nonces_of_a_token(rich: Any, holder: Any, chance: random.Random) -> None:
    """Nonces of series that have begun, which are those that can be cancelled."""
    messages = []
    for _ in range(MANY):
        nonces = [chance.getrandbits(128) << 128 | chance.randrange(224) for _ in range(chance.randrange(4))]
        messages.append({"holder": holder.address, "nonces": nonces})
    signed = list(zip(messages, digests(rich, "CancelNonces", messages), strict=True))
    encode = rich.cancelNoncesFor.encode_input
    good = [encode(*drawn.values(), digest) for drawn, digest in signed]
    assert call_all(rich, good) == [(True, b"")] * MANY
    wrong = [encode(*drawn.values(), bytes(Web3.keccak(digest))) for drawn, digest in signed[:100]]
    assert not any(done for done, _ in call_all(rich, wrong))


def test_permits(rich: Any, chance: random.Random) -> None:
    """A permit's signature is split in three words, so it needs a key; its nonce counts up from 0."""
    calls, wrong = [], []
    wallet, latest = wallet_for(rich, "Permit"), now()
    for _ in range(MANY):
        owner = web3.eth.account.from_key(chance.randbytes(32))
        drawn = message(
            chance, "Permit", owner=owner.address, nonce=0, deadline=latest + chance.getrandbits(100) + 1_000
        )
        signed = owner.sign_message(wallet(drawn))
        head = (drawn["owner"], drawn["spender"], drawn["value"], drawn["deadline"], signed.v)
        r, s = (number.to_bytes(32, "big") for number in (signed.r, signed.s))
        calls.append(rich.permit.encode_input(*head, r, s))
        wrong.append(rich.permit.encode_input(*head, s, r))
    assert call_all(rich, calls) == [(True, b"")] * MANY
    assert not any(done for done, _ in call_all(rich, wrong[:100]))


def test_permits_one_after_the_other(rich: Any, customer: Any, stranger: Any) -> None:
    for nonce in range(10):
        permit = {
            "owner": customer.address,
            "spender": stranger.address,
            "value": nonce,
            "nonce": nonce,
            "deadline": MAX_UINT256,
        }
        signature = sign(customer, rich, "Permit", permit)
        r, s, v = signature[:32], signature[32:64], signature[64]
        rich.permit(customer, stranger, nonce, MAX_UINT256, v, r, s, {"from": stranger})
        assert (rich.nonces(customer), rich.allowance(customer, stranger)) == (nonce + 1, nonce)
