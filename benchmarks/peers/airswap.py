"""AirSwap v5: one order, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.chain import Chain, System, typed
from benchmarks.order_book import order_book_records
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.tokens import Trade

_PACKAGE = "@airswap/swap-erc20"
_ORDER = {
    "OrderERC20": typed(
        "uint256 nonce",
        "uint256 expiry",
        "address signerWallet",
        "address signerToken",
        "uint256 signerAmount",
        "uint256 protocolFee",
        "address senderWallet",
        "address senderToken",
        "uint256 senderAmount",
    )
}
_NO_FEE = 0


@dataclass(frozen=True)
class AirSwap:
    """The deployed exchange."""

    chain: Chain
    swap: Contract

    @property
    def spender(self) -> ChecksumAddress:
        """Whom the tokens are approved to."""
        return self.swap.address

    def take(self, maker: LocalAccount, taker: LocalAccount, trade: Trade, number: int) -> ContractFunction:
        """`swap`: without a fee cheaper than `swapLight`, which sends the fee even where it is zero."""
        order = {
            "nonce": number,
            "expiry": self.chain.now + 3600,
            "signerWallet": maker.address,
            "signerToken": trade.give.address,
            "signerAmount": trade.give_amount,
            "protocolFee": _NO_FEE,
            "senderWallet": taker.address,
            "senderToken": trade.want.address,
            "senderAmount": trade.want_amount,
        }
        domain = {
            "name": "SWAP_ERC20",
            "version": "4.3",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.swap.address,
        }
        signature = self.chain.sign(maker, domain, _ORDER, order)
        unsigned = ("protocolFee", "senderWallet")
        values = [value for name, value in order.items() if name not in unsigned]
        return self.swap.functions.swap(taker.address, *values, signature.v, signature.r, signature.s)


def measure(chain: Chain) -> Iterator[Record]:
    """Orders taken whole."""
    artifact = published(_PACKAGE, "build/contracts/SwapERC20.sol/SwapERC20.json")
    wallet = chain.address("fee wallet")
    book = AirSwap(chain, chain.deploy(artifact, _NO_FEE, _NO_FEE, wallet, 10, 100))
    how = f"swap, protocol fee 0, for one named taker; {artifact.origin}"
    yield from order_book_records(chain, System("airswap", version(_PACKAGE)), book, how)
