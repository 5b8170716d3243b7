"""1inch limit order protocol v4: the cheapest order book among the peers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.chain import Chain, System, typed
from benchmarks.compile import PEERS, Settings, compile_contract
from benchmarks.order_book import order_book_records
from benchmarks.packages import version
from benchmarks.records import Record
from benchmarks.tokens import Trade, fund, tokens

_PACKAGE = "@1inch/limit-order-protocol-contract"
_ORDER = {
    "Order": typed(
        "uint256 salt",
        "address maker",
        "address receiver",
        "address makerAsset",
        "address takerAsset",
        "uint256 makingAmount",
        "uint256 takingAmount",
        "uint256 makerTraits",
    )
}
_ZERO = "0x" + "00" * 20
_NO_PARTIAL_FILLS = 1 << 255
_ALLOW_MULTIPLE_FILLS = 1 << 254
_EXPIRY, _NONCE = 80, 120
# The amount that the taker names is in units of what the maker gives.
_BY_MAKING_AMOUNT = 1 << 255


@dataclass(frozen=True)
class OneInch:
    """The deployed protocol."""

    chain: Chain
    protocol: Contract

    @property
    def spender(self) -> ChecksumAddress:
        """Whom the tokens are approved to."""
        return self.protocol.address

    def take(self, maker: LocalAccount, taker: LocalAccount, trade: Trade, number: int) -> ContractFunction:
        """An all-or-nothing order, which uses a bit of the maker's word of nonces."""
        return self.fill(maker, trade, _NO_PARTIAL_FILLS | number << _NONCE, 1)

    def fill(self, maker: LocalAccount, trade: Trade, traits: int, parts: int) -> ContractFunction:
        """The call that fills one part of `parts` of an order."""
        order = {
            "salt": 1,
            "maker": maker.address,
            "receiver": _ZERO,
            "makerAsset": trade.give.address,
            "takerAsset": trade.want.address,
            "makingAmount": trade.give_amount * parts,
            "takingAmount": trade.want_amount * parts,
            "makerTraits": traits | self.chain.now + 3600 << _EXPIRY,
        }
        domain = {
            "name": "1inch Limit Order Protocol",
            "version": "4",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.protocol.address,
        }
        signature = self.chain.sign(maker, domain, _ORDER, order)
        words = [int(value, 16) if isinstance(value, str) else value for value in order.values()]
        limit = _BY_MAKING_AMOUNT | trade.want_amount
        return self.protocol.functions.fillOrder(
            tuple(words), signature.r, signature.vs, trade.give_amount, limit
        )


def measure(chain: Chain) -> Iterator[Record]:
    """Orders taken whole, and in parts."""
    # Its own settings and libraries: solc as the package pins it, and what it depends on, not newer ones.
    settings = Settings(via_ir=True, packages=(PEERS / _PACKAGE / "node_modules", PEERS))
    artifact = compile_contract(
        f"{_PACKAGE}/contracts/LimitOrderProtocol.sol", "LimitOrderProtocol", settings
    )
    book = OneInch(chain, chain.deploy(artifact, chain.address("weth")))
    system = System("1inch", version(_PACKAGE))
    with chain.undone():
        yield from order_book_records(chain, system, book, f"fillOrder; {artifact.origin}")

    give, want = tokens(chain, 2)
    trade = Trade(give, want)
    maker, taker = chain.account("maker"), chain.account("taker")
    fund(chain, [maker, taker], [trade.give, trade.want], book.spender)
    # The very same order is filled twice.
    call = book.fill(maker, trade, _ALLOW_MULTIPLE_FILLS, 5)
    first = chain.send(call, taker.address)
    again = chain.send(call, taker.address)
    how = f"fillOrder with a fifth of the order; {artifact.origin}"
    yield system.record(
        "take-partial-first", first, state="existing holders, first fill of the order", how=how, per="order"
    )
    yield system.record(
        "take-partial", again, state="existing holders, second fill of the order", how=how, per="order"
    )
