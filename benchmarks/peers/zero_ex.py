"""0x v4: its three kinds of order behind its proxy, and an order that both sides signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.chain import Chain, Signature, System, typed
from benchmarks.compile import Artifact
from benchmarks.order_book import order_book_records
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.tokens import Trade, fund, tokens

_PACKAGE = "@0x/contracts-zero-ex"
_ZERO = "0x" + "00" * 20
_NO_POOL = b"\0" * 32
_EIP712_SIGNATURE = 2
_ASSETS = ("address makerToken", "address takerToken", "uint128 makerAmount", "uint128 takerAmount")
_TYPES = {
    "OtcOrder": typed(
        *_ASSETS, "address maker", "address taker", "address txOrigin", "uint256 expiryAndNonce"
    ),
    "RfqOrder": typed(
        *_ASSETS,
        "address maker",
        "address taker",
        "address txOrigin",
        "bytes32 pool",
        "uint64 expiry",
        "uint256 salt",
    ),
    "LimitOrder": typed(
        *_ASSETS,
        "uint128 takerTokenFeeAmount",
        "address maker",
        "address taker",
        "address sender",
        "address feeRecipient",
        "bytes32 pool",
        "uint64 expiry",
        "uint256 salt",
    ),
}


@dataclass(frozen=True)
class ZeroEx:
    """The deployed proxy, and which of its kinds of order is meant."""

    chain: Chain
    proxy: Contract
    kind: str

    @property
    def spender(self) -> ChecksumAddress:
        """Whom the tokens are approved to."""
        return self.proxy.address

    def take(self, maker: LocalAccount, taker: LocalAccount, trade: Trade, number: int) -> ContractFunction:
        """The call that takes a whole order of this kind."""
        return self.fill(maker, taker, trade, number, 1)

    def fill(
        self, maker: LocalAccount, taker: LocalAccount, trade: Trade, number: int, parts: int
    ) -> ContractFunction:
        """The call that fills one part of `parts` of an order."""
        order = self.order(maker, taker.address, taker.address, trade, number, parts)
        signature = self.signed(maker, order)
        return self.proxy.functions[f"fill{self.kind}"](tuple(order.values()), signature, trade.want_amount)

    def order(
        self, maker: LocalAccount, taker: str, origin: str, trade: Trade, number: int, parts: int = 1
    ) -> dict[str, Any]:
        """An order's fields in order; `origin` is who may send the transaction."""
        expiry = self.chain.now + 3600
        # An OTC nonce must grow and must not be zero.
        special = {
            "takerToken": trade.want.address,
            "makerToken": trade.give.address,
            "makerAmount": trade.give_amount * parts,
            "takerAmount": trade.want_amount * parts,
            "takerTokenFeeAmount": 0,
            "maker": maker.address,
            "taker": _ZERO if self.kind == "LimitOrder" else taker,
            "sender": _ZERO,
            "feeRecipient": _ZERO,
            "txOrigin": origin,
            "pool": _NO_POOL,
            "expiry": expiry,
            "salt": number,
            "expiryAndNonce": expiry << 192 | number + 1,
        }
        return {entry["name"]: special[entry["name"]] for entry in _TYPES[self.kind]}

    def signed(self, signer: LocalAccount, order: dict[str, Any]) -> tuple[int, int, bytes, bytes]:
        """The signature in the shape of 0x."""
        domain = {
            "name": "ZeroEx",
            "version": "1.0.0",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.proxy.address,
        }
        signature: Signature = self.chain.sign(signer, domain, {self.kind: _TYPES[self.kind]}, order)
        return (_EIP712_SIGNATURE, signature.v, signature.r, signature.s)


def _artifact(name: str) -> Artifact:
    return published(_PACKAGE, f"lib/generated-artifacts/{name}.json")


def _deploy(chain: Chain) -> Contract:
    """The proxy with the features for native and OTC orders, without a protocol fee."""
    owner = chain.deployer
    migration = chain.deploy(_artifact("InitialMigration"), owner)
    proxy = chain.deploy(_artifact("ZeroEx"), migration.address)
    basics = (
        chain.deploy(_artifact("SimpleFunctionRegistryFeature")).address,
        chain.deploy(_artifact("OwnableFeature")).address,
    )
    chain.send(migration.functions.initializeZeroEx(owner, proxy.address, basics))
    ownable = chain.at(_artifact("IOwnableFeature"), proxy.address)
    weth, staking = chain.address("weth"), chain.address("staking")
    controller = chain.deploy(_artifact("FeeCollectorController"), weth, staking)
    features = (
        chain.deploy(_artifact("NativeOrdersFeature"), proxy.address, weth, staking, controller.address, 0),
        chain.deploy(_artifact("OtcOrdersFeature"), proxy.address, weth),
    )
    for feature in features:
        start = feature.functions.migrate()._encode_transaction_data()
        chain.send(ownable.functions.migrate(feature.address, start, owner))
    return chain.at(_artifact("IZeroEx"), proxy.address)


def measure(chain: Chain) -> Iterator[Record]:
    """Orders of three kinds, whole and in parts, and one that maker and taker both signed."""
    proxy = _deploy(chain)
    origin = f"protocol fee 0; {_artifact('ZeroEx').origin}"
    number = version(_PACKAGE)
    for kind in ("OtcOrder", "RfqOrder", "LimitOrder"):
        book = ZeroEx(chain, proxy, kind)
        system = System("0x-" + kind.removesuffix("Order").lower(), number)
        with chain.undone():
            how = f"fill{kind}; {origin}"
            yield from order_book_records(chain, system, book, how, nonce_words=kind == "OtcOrder")
        with chain.undone():
            yield from (_cosigned if kind == "OtcOrder" else _partial)(chain, system, book, origin)


def _partial(chain: Chain, system: System, book: ZeroEx, origin: str) -> Iterator[Record]:
    give, want = tokens(chain, 2)
    trade = Trade(give, want)
    maker, taker = chain.account("maker"), chain.account("taker")
    fund(chain, [maker, taker], [trade.give, trade.want], book.spender)
    call = book.fill(maker, taker, trade, 0, 5)
    how = f"fill{book.kind} with a fifth of the order; {origin}"
    for operation, state in (("take-partial-first", "first"), ("take-partial", "second")):
        cost = chain.send(call, taker.address)
        state = f"existing holders, {state} fill of the order"
        yield system.record(operation, cost, state=state, how=how, per="order")


def _cosigned(chain: Chain, system: System, book: ZeroEx, origin: str) -> Iterator[Record]:
    give, want = tokens(chain, 2)
    trade = Trade(give, want)
    maker, taker, relay = chain.account("maker"), chain.account("taker"), chain.address("relay")
    fund(chain, [maker, taker], [trade.give, trade.want], book.spender)
    how = f"fillTakerSignedOtcOrder by a third party: both signed one and the same order; {origin}"
    for index, operation in enumerate(("relayed-pair-first", "relayed-pair")):
        order = book.order(maker, taker.address, relay, trade, index)
        signatures = book.signed(maker, order), book.signed(taker, order)
        cost = chain.send(
            book.proxy.functions.fillTakerSignedOtcOrder(tuple(order.values()), *signatures), relay
        )
        state = f"existing holders, nonce of the relay {'in use' if index else 'is the first'}"
        yield system.record(operation, cost, state=state, how=how, per="customer", count=2)
