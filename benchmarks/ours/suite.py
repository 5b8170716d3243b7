"""This project's contracts on the chain, and what its wallets sign."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.bars import OURS
from benchmarks.chain import Chain, Signature, System, typed
from benchmarks.compile import ROOT, Artifact, compile_contract, project_settings

# A quarter of a year: points live nine to twelve months.
EPOCH = 90 * 86_400

_ORDER = {
    "Order": typed(
        "address maker",
        "address giveToken",
        "uint8 giveKind",
        "uint256 giveId",
        "uint256 giveAmount",
        "address wantToken",
        "uint8 wantKind",
        "uint256 wantId",
        "uint256 wantAmount",
        "uint256 givePointsExpiringBy",
        "uint256 wantPointsLivingUntil",
        "address onlyTaker",
        "uint256 openUntil",
        "uint256 nonce",
        "bool allowPartial",
    )
}
_TOKEN_MESSAGES = {
    "Send": typed("address holder", "address to", "uint256 amount", "uint256 deadline", "uint256 nonce"),
    "Redeem": typed(
        "address holder",
        "uint256 amount",
        "bytes32 receiptId",
        "address agent",
        "uint256 deadline",
        "uint256 nonce",
    ),
    "Voucher": typed(
        "address issuer",
        "uint256 grantId",
        "address recipient",
        "bool isKey",
        "uint256 amount",
        "bytes32 receiptId",
        "uint256 deadline",
        "uint256 nonce",
    ),
    "Claim": typed("address key", "address to", "bytes32 voucher"),
}
NOBODY = "0x" + "00" * 20
# Whole and partial orders do not share a lane; the first is lane 0, as a wallet would count.
WHOLE_LANE, PARTIAL_LANE = 0, 1 << 128


@dataclass(frozen=True)
class SignedOrder:
    """An order as the exchange takes it."""

    order: tuple[Any, ...]
    signature: bytes


def contract(path: str) -> Artifact:
    """A contract by its path in `contracts/` without the ending, compiled as the project is."""
    return compile_contract(f"contracts/{path}.sol", path.rpartition("/")[2], project_settings())


def system() -> System:
    """This project as a system."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return System(OURS, str(project["version"]))


@dataclass(frozen=True)
class Suite:
    """The deployed contracts."""

    chain: Chain
    exchange: Contract
    brands: Contract
    order_book: Contract

    def launch(self, symbol: str) -> ContractFunction:
        """The call that launches a brand's token; the deployer is the brand."""
        return self.brands.functions.launch(self._launch(symbol))

    def _launch(self, symbol: str) -> tuple[Any, ...]:
        # The first epoch began a year ago, as for a brand that has been at it for a while.
        origin = self.chain.now // EPOCH * EPOCH - 4 * EPOCH
        return (self.chain.deployer, f"Points of {symbol}", symbol, 6, EPOCH, origin, "")

    def token(self, symbol: str) -> Contract:
        """Launch a brand's token and issue some points, so that the supply is not zero."""
        params = self._launch(symbol)
        address = self.brands.functions.addressOf(self.chain.deployer, params).call()
        self.chain.send(self.brands.functions.launch(params))
        token = self.chain.at(contract("loyalty/LoyaltyToken"), address)
        self.chain.send(token.functions.mint(self.chain.address("first customer"), 10**6))
        return token

    def tokens(self, count: int) -> list[Contract]:
        """Tokens of several brands."""
        return [self.token(f"BRAND{index}") for index in range(count)]

    def fund(self, holders: Sequence[LocalAccount], held: Sequence[Contract], amount: int) -> None:
        """Issue points of each brand to each holder. The exchange needs no approval."""
        for token in held:
            for holder in holders:
                self.chain.send(token.functions.mint(holder.address, amount))

    def sign_order(
        self,
        maker: LocalAccount,
        give: Contract,
        give_amount: int,
        want: Contract,
        want_amount: int,
        *,
        nonce: int,
        allow_partial: bool = False,
        only_taker: str = NOBODY,
    ) -> SignedOrder:
        """An order with both bounds, as the client sets them."""
        message = {
            "maker": maker.address,
            "giveToken": give.address,
            "giveKind": 0,
            "giveId": 0,
            "giveAmount": give_amount,
            "wantToken": want.address,
            "wantKind": 0,
            "wantId": 0,
            "wantAmount": want_amount,
            "givePointsExpiringBy": self.expiry(give),
            "wantPointsLivingUntil": self.living_until(),
            "onlyTaker": only_taker,
            "openUntil": self.chain.now + 3600,
            "nonce": nonce,
            "allowPartial": allow_partial,
        }
        signature = self.chain.sign(
            maker, self._domain("Troc Exchange", self.exchange.address), _ORDER, message
        )
        return SignedOrder(tuple(message.values()), signature.packed)

    def sign_message(
        self, holder: LocalAccount, token: Contract, kind: str, message: dict[str, Any]
    ) -> Signature:
        """A message to a token, such as `Send` or `Redeem`."""
        domain = self._domain(token.functions.name().call(), token.address)
        return self.chain.sign(holder, domain, {kind: _TOKEN_MESSAGES[kind]}, message)

    def _domain(self, name: str, address: str) -> dict[str, Any]:
        return {
            "name": name,
            "version": "1",
            "chainId": self.chain.chain_id,
            "verifyingContract": address,
        }

    def expiry(self, token: Contract) -> int:
        """When points issued now expire."""
        return int(token.functions.expiryOf(token.functions.currentEpoch().call()).call())

    def living_until(self) -> int:
        """A date half a year ahead, until which traded points shall live."""
        return self.chain.now + 2 * EPOCH


def deploy(chain: Chain) -> Suite:
    """Deploy exchange, brands and order book."""
    exchange = chain.deploy(contract("exchange/PointsExchange"))
    code = bytes.fromhex(contract("loyalty/LoyaltyToken").bytecode.removeprefix("0x"))
    return Suite(
        chain=chain,
        exchange=exchange,
        brands=chain.deploy(contract("loyalty/Brands"), exchange.address, code),
        order_book=chain.deploy(contract("exchange/OrderBook")),
    )
