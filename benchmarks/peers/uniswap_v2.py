"""Uniswap v2: swaps against a pool through the router."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chain import MAX_UINT256, Chain, System
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.tokens import ONE, fund, tokens

_CORE, _PERIPHERY = "@uniswap/v2-core", "@uniswap/v2-periphery"


def measure(chain: Chain) -> Iterator[Record]:
    """One hop, two hops, and a customer's very first swap."""
    factory = chain.deploy(published(_CORE, "build/UniswapV2Factory.json"), chain.deployer)
    artifact = published(_PERIPHERY, "build/UniswapV2Router02.json")
    router = chain.deploy(artifact, factory.address, chain.address("weth"))
    held = tokens(chain, 3)
    provider, trader = chain.account("provider"), chain.account("trader")
    fund(chain, [provider, trader], held, router.address)
    later = chain.now + 86_400
    for one, other in ((0, 1), (1, 2)):
        chain.send(
            router.functions.addLiquidity(
                held[one].address, held[other].address, 500 * ONE, 500 * ONE, 0, 0, provider.address, later
            ),
            provider.address,
        )
    swap = router.functions.swapExactTokensForTokens
    paths = [[token.address for token in held[:length]] for length in (2, 3)]
    # The second swap is the first that finds the pool's price sums in use.
    for path in (*paths, *paths):
        chain.send(swap(ONE, 1, path, trader.address, later), trader.address)
    number = f"{version(_CORE)}, periphery {version(_PERIPHERY)}"
    system = System("uniswap-v2", number)
    origin = artifact.origin.replace(f"{_PERIPHERY} {version(_PERIPHERY)}", f"{_CORE} and {_PERIPHERY}")
    how = f"swapExactTokensForTokens; {origin}"
    state = "existing holder, pool in use, 12 s since the last swap"
    for operation, path in zip(("swap", "swap-two-hops"), paths, strict=True):
        cost = chain.send(swap(ONE, 1, path, trader.address, later), trader.address)
        yield system.record(operation, cost, state=state, how=how)
    customer = chain.address("customer")
    chain.send(held[0].functions.mint(customer, 100 * ONE))
    cost = chain.send(held[0].functions.approve(router.address, MAX_UINT256), customer)
    cost += chain.send(swap(ONE, 1, paths[0], customer, later), customer)
    yield system.record(
        "first-trade",
        cost,
        state="no approval yet, new holder of what she gets; pool in use",
        how=f"approve by her, then {how}",
        per="customer",
    )
