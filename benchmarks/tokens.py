"""Plain tokens for the peers, holders of them, and the operations that every token has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract

from benchmarks.chain import MAX_UINT256, Chain, System, typed
from benchmarks.compile import Artifact, Settings, compile_contract
from benchmarks.records import Record

# 10^18 is one whole point for an ERC-20 of 18 decimals; what the amounts are hardly matters for the gas.
ONE = 10**18
PLENTY = 1_000_000 * ONE
BATCH = 200

PERMIT = {
    "Permit": typed("address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline")
}


@dataclass(frozen=True)
class Trade:
    """Amounts of two tokens that change hands."""

    give: Contract
    want: Contract
    give_amount: int = 3 * ONE
    want_amount: int = 2 * ONE


def openzeppelin_token() -> Artifact:
    """The plain ERC-20 that all exchanges among the peers trade."""
    # From 5.2 on, what permit needs of OpenZeppelin compiles for no older fork than this.
    settings = Settings(evm_version="cancun")
    return compile_contract("benchmarks/contracts/OpenZeppelinToken.sol", "OpenZeppelinToken", settings)


def tokens(chain: Chain, count: int) -> list[Contract]:
    """Freshly deployed tokens with a supply."""
    deployed = [chain.deploy(openzeppelin_token()) for _ in range(count)]
    for token in deployed:
        chain.send(token.functions.mint(chain.deployer, PLENTY))
    return deployed


def fund(
    chain: Chain, holders: Sequence[LocalAccount], held: Sequence[Contract], spender: ChecksumAddress
) -> None:
    """Give each holder some of each token, and approve the exchange for all of it, once and for ever."""
    for token in held:
        for holder in holders:
            chain.send(token.functions.mint(holder.address, 1_000 * ONE))
            chain.send(token.functions.approve(spender, MAX_UINT256), holder.address)


def token_records(
    chain: Chain, system: System, token: Contract, origin: str, *, domain: dict[str, object] | None = None
) -> Iterator[Record]:
    """What a plain ERC-20 with `mint`, and maybe `mintBatch` and `permit`, costs.

    `domain` is the EIP-712 domain of its permits; without it the token has none.
    """
    functions = token.functions
    known_names = {entry.get("name") for entry in token.abi}
    mint = functions.mint if "mint" in known_names else functions.mintTo
    holder, known = chain.address("holder"), chain.address("known holder")
    for account in (holder, known):
        chain.send(mint(account, PLENTY))
    new, existing = "new holder", "existing holders"
    how = f"transfer(address,uint256); {origin}"
    yield system.record(
        "transfer-existing", chain.send(functions.transfer(known, ONE), holder), state=existing, how=how
    )
    yield system.record(
        "transfer-new", chain.send(functions.transfer(chain.address("t"), ONE), holder), state=new, how=how
    )
    how = f"{mint.fn_name}(address,uint256) by the owner; {origin}"
    yield system.record("mint-existing", chain.send(mint(known, ONE)), state=existing, how=how)
    yield system.record("mint-new", chain.send(mint(chain.address("m"), ONE)), state=new, how=how)
    if "mintBatch" in known_names:
        how = f"mintBatch(address[],uint256[]): {BATCH} by the owner in one call, no reference checked; {origin}"
        call = functions.mintBatch([one.address for one in chain.accounts("batch", BATCH)], [ONE] * BATCH)
        for operation, state in (("mint-batch-new", "new holders"), ("mint-batch-existing", existing)):
            yield system.record(
                operation, chain.send(call), state=state, how=how, per="recipient", count=BATCH
            )
    if domain is not None:
        yield from _permits(chain, system, token, origin, domain)


def _permits(
    chain: Chain, system: System, token: Contract, origin: str, domain: dict[str, object]
) -> Iterator[Record]:
    owner, spender = chain.account("permitting"), chain.address("spender")
    states = (
        ("permit-new", "first nonce, no allowance yet"),
        ("permit-existing", "nonce in use, allowance not zero"),
    )
    for nonce, (operation, state) in enumerate(states):
        message = {
            "owner": owner.address,
            "spender": spender,
            "value": (nonce + 1) * ONE,
            "nonce": nonce,
            "deadline": chain.now + 3600,
        }
        signature = chain.sign(owner, domain, PERMIT, message)
        values = [message[name] for name in ("owner", "spender", "value", "deadline")]
        call = token.functions.permit(*values, signature.v, signature.r, signature.s)
        yield system.record(operation, chain.send(call), state=state, how=f"permit; {origin}")
