"""1inch limit order protocol v4: the cheapest order book among the peers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.chain import MAX_UINT256, Chain, Signature, System, typed
from benchmarks.compile import PEERS, Settings, compile_contract
from benchmarks.order_book import order_book_records
from benchmarks.packages import version
from benchmarks.records import Record
from benchmarks.tokens import ONE, PERMIT, Trade, fund, tokens

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
_HAS_EXTENSION = 1 << 249
_EXPIRY, _NONCE = 80, 120
# The amount that the taker names is in units of what the maker gives.
_BY_MAKING_AMOUNT = 1 << 255
_EXTENSION_LENGTH = 224
_LOW_160_BITS = (1 << 160) - 1
# An extension begins with where each of its parts ends; the permit is the sixth of eight.
_PERMIT_PART, _PARTS = 5, 8


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
        order, signature = self._signed(maker, trade, traits, parts, salt=1)
        limit = _BY_MAKING_AMOUNT | trade.want_amount
        fill = self.protocol.functions.fillOrder
        return fill(order, signature.r, signature.vs, trade.give_amount, limit)

    def take_with_permit(self, maker: LocalAccount, trade: Trade) -> ContractFunction:
        """As `take`, with a permit of the maker's for the exchange in the order's extension."""
        domain = {
            "name": "Points",
            "version": "1",
            "chainId": self.chain.chain_id,
            "verifyingContract": trade.give.address,
        }
        permit = {
            "owner": maker.address,
            "spender": self.spender,
            "value": MAX_UINT256,
            "nonce": 0,
            "deadline": MAX_UINT256,
        }
        allowed = self.chain.sign(maker, domain, PERMIT, permit)
        # The compact form: value, then the deadline plus one in four bytes, r, and v with s.
        form = MAX_UINT256.to_bytes(32, "big") + bytes(4) + allowed.compact
        part = bytes.fromhex(trade.give.address[2:]) + form
        ends = sum(len(part) << 32 * index for index in range(_PERMIT_PART, _PARTS))
        extension = ends.to_bytes(32, "big") + part
        salt = int.from_bytes(self.chain.w3.keccak(extension), "big") & _LOW_160_BITS
        order, signature = self._signed(maker, trade, _NO_PARTIAL_FILLS | _HAS_EXTENSION, 1, salt)
        traits = _BY_MAKING_AMOUNT | len(extension) << _EXTENSION_LENGTH | trade.want_amount
        fill = self.protocol.functions.fillOrderArgs
        return fill(order, signature.r, signature.vs, trade.give_amount, traits, extension)

    def _signed(
        self, maker: LocalAccount, trade: Trade, traits: int, parts: int, salt: int
    ) -> tuple[tuple[int, ...], Signature]:
        order = {
            "salt": salt,
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
        return tuple(int(str(value), 0) for value in order.values()), signature


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
    customer = chain.account("customer who signs")
    chain.send(give.functions.mint(customer.address, 100 * ONE))
    cost = chain.send(book.take_with_permit(customer, trade), taker.address)
    yield system.record(
        "first-trade-no-ether",
        cost,
        state="she signs a permit and an order: new holder of what she gets, first nonce word; "
        "the taker traded before",
        how=f"fillOrderArgs with her permit for all her tokens; {artifact.origin}",
        per="customer",
    )
    yield system.record(
        "take-partial", again, state="existing holders, second fill of the order", how=how, per="order"
    )
