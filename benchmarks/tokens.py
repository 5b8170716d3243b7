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

# Six decimals, the most that points have, so that amounts take as many bytes of calldata on all sides.
ONE = 10**6
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
    chain: Chain,
    system: System,
    token: Contract,
    origin: str,
    *,
    mint: str = "mint",
    has_batches: bool = True,
    domain: dict[str, object] | None = None,
) -> Iterator[Record]:
    """What a plain ERC-20 costs.

    `mint` names the function (address, amount) by which its owner mints; `has_batches` says whether there is
    `mintBatch` for a list of each; `domain` is the EIP-712 domain of its permits, if it takes any.
    """
    functions = token.functions
    mint_to = functions[mint]
    holder, known = chain.address("holder"), chain.address("known holder")
    for account in (holder, known):
        chain.send(mint_to(account, PLENTY))
    new, existing = "new holder", "existing holders"
    how = f"transfer(address,uint256); {origin}"
    yield system.record(
        "transfer-existing", chain.send(functions.transfer(known, ONE), holder), state=existing, how=how
    )
    yield system.record(
        "transfer-new", chain.send(functions.transfer(chain.address("t"), ONE), holder), state=new, how=how
    )
    how = f"{mint}(address,uint256) by the owner; {origin}"
    yield system.record("mint-existing", chain.send(mint_to(known, ONE)), state=existing, how=how)
    yield system.record("mint-new", chain.send(mint_to(chain.address("m"), ONE)), state=new, how=how)
    if has_batches:
        how = f"mintBatch(address[],uint256[]): {BATCH} in one call, no reference checked; {origin}"
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
