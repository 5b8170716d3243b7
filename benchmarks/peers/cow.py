"""CoW protocol v2: batches at uniform prices, settled by a solver on its list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.chain import Chain, System, typed
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.rings import BATCH_OF_30, BATCH_OF_30_SHAPE, PAIR, RING_OF_THREE, Link
from benchmarks.tokens import ONE, fund, tokens

_PACKAGE = "@cowprotocol/contracts"
_ZERO = "0x" + "00" * 20
_ORDER = {
    "Order": typed(
        "address sellToken",
        "address buyToken",
        "address receiver",
        "uint256 sellAmount",
        "uint256 buyAmount",
        "uint32 validTo",
        "bytes32 appData",
        "uint256 feeAmount",
        "string kind",
        "bool partiallyFillable",
        "string sellTokenBalance",
        "string buyTokenBalance",
    )
}
# Bits of a trade's flags: a sell order, plain token balances, signed by EIP-712; this one allows parts.
_WHOLE, _PARTIAL = 0, 2
_AMOUNT = 4 * ONE


@dataclass(frozen=True)
class Cow:
    """The deployed settlement, the tokens and the makers of a batch."""

    chain: Chain
    settlement: Contract
    relayer: ChecksumAddress

    def settle(
        self, links: Sequence[Link], makers: Sequence[LocalAccount], held: Sequence[Contract], flags: int
    ) -> ContractFunction:
        """The settlement of the orders at a price of one for one; partial orders give a quarter."""
        trades = [self._trade(link, maker, held, flags) for link, maker in zip(links, makers, strict=True)]
        addresses = [token.address for token in held]
        return self.settlement.functions.settle(addresses, [1] * len(held), trades, [[], [], []])

    def _trade(
        self, link: Link, maker: LocalAccount, held: Sequence[Contract], flags: int
    ) -> tuple[Any, ...]:
        order = {
            "sellToken": held[link.give].address,
            "buyToken": held[link.want].address,
            "receiver": _ZERO,
            "sellAmount": _AMOUNT,
            "buyAmount": _AMOUNT,
            "validTo": self.chain.now + 3600,
            "appData": b"\0" * 32,
            "feeAmount": 0,
            "kind": "sell",
            "partiallyFillable": flags == _PARTIAL,
            "sellTokenBalance": "erc20",
            "buyTokenBalance": "erc20",
        }
        domain = {
            "name": "Gnosis Protocol",
            "version": "v2",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.settlement.address,
        }
        signature = self.chain.sign(maker, domain, _ORDER, order)
        executed = _AMOUNT // 4 if flags == _PARTIAL else _AMOUNT
        return (
            link.give,
            link.want,
            _ZERO,
            _AMOUNT,
            _AMOUNT,
            order["validTo"],
            order["appData"],
            0,
            flags,
            executed,
            signature.packed,
        )


def measure(chain: Chain) -> Iterator[Record]:
    """Two orders, a ring and a batch."""
    solver = chain.address("solver")
    solvers = chain.deploy(published(_PACKAGE, "lib/contracts/GPv2AllowListAuthentication.json"))
    chain.send(solvers.functions.initializeManager(chain.deployer))
    chain.send(solvers.functions.addSolver(solver))
    artifact = published(_PACKAGE, "lib/contracts/GPv2Settlement.json")
    settlement = chain.deploy(artifact, solvers.address, chain.address("vault"))
    cow = Cow(chain, settlement, settlement.functions.vaultRelayer().call())
    system = System("cow", version(_PACKAGE))
    for operation, links, shape in (
        ("match-two", PAIR, "two orders"),
        ("ring-of-three", RING_OF_THREE, "a ring of three orders"),
        ("batch-of-30", BATCH_OF_30, f"30 orders over 4 tokens: {BATCH_OF_30_SHAPE}"),
    ):
        with chain.undone():
            makers, held = _prepared(chain, cow, links)
            cost = chain.send(cow.settle(links, makers, held, _WHOLE), solver)
            yield system.record(
                operation,
                cost,
                state="existing holders, each order has a slot of its own, the settlement holds all tokens",
                how=f"settle with {shape} by a listed solver; {artifact.origin}",
                per="order",
                count=len(links),
            )
    makers, held = _prepared(chain, cow, PAIR)
    call = cow.settle(PAIR, makers, held, _PARTIAL)
    for suffix, state in (("-first", "first"), ("", "second")):
        yield system.record(
            f"match-two-partial{suffix}",
            chain.send(call, solver),
            state=f"existing holders, {state} fill of both orders, the settlement holds all tokens",
            how=f"settle with a quarter of two orders by a listed solver; {artifact.origin}",
            per="order",
            count=2,
        )


def _prepared(chain: Chain, cow: Cow, links: Sequence[Link]) -> tuple[list[LocalAccount], list[Contract]]:
    held = tokens(chain, 1 + max(link.give for link in links))
    makers = chain.accounts("maker", len(links))
    fund(chain, makers, held, cow.relayer)
    for token in held:
        # In use the settlement keeps a little of most tokens: without it each batch would pay for new slots.
        chain.send(token.functions.mint(cow.settlement.address, ONE))
    return makers, held
