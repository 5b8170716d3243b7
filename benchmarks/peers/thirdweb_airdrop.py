"""thirdweb Airdrop: claimed under a root, or sent to a list that the brand signed."""

from __future__ import annotations

from collections.abc import Iterator

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract

from benchmarks.chain import MAX_UINT256, Chain, System, typed
from benchmarks.packages import published, version
from benchmarks.peers.thirdweb import PACKAGE, clone_of
from benchmarks.proofs import DEPTH, under_root
from benchmarks.records import Record
from benchmarks.tokens import ONE, PLENTY, tokens

_LIST = 300
_TYPES = {
    "AirdropRequestERC20": typed(
        "bytes32 uid", "address tokenAddress", "uint256 expirationTimestamp", "AirdropContentERC20[] contents"
    ),
    "AirdropContentERC20": typed("address recipient", "uint256 amount"),
}


def measure(chain: Chain) -> Iterator[Record]:
    """Tokens come out of the brand's account, which has approved the contract."""
    artifact = published(PACKAGE, "abi/Airdrop.json")
    system, brand = System("thirdweb", version(PACKAGE)), chain.account("brand")
    airdrop = chain.at(artifact, chain.deploy_code(clone_of(chain.deploy(artifact).address)))
    chain.send(airdrop.functions.initialize(brand.address, ""))
    (token,) = tokens(chain, 1)
    chain.send(token.functions.mint(brand.address, PLENTY))
    chain.send(token.functions.approve(airdrop.address, MAX_UINT256), brand.address)
    origin = f"Airdrop behind an ERC-1167 proxy; {artifact.origin}"
    with chain.undone():
        yield from _roots(chain, system, airdrop, token, brand, origin)
    with chain.undone():
        yield from _lists(chain, system, airdrop, token, brand, origin)


def _roots(
    chain: Chain, system: System, airdrop: Contract, token: Contract, brand: LocalAccount, origin: str
) -> Iterator[Record]:
    functions = airdrop.functions
    known = chain.address("known customer")
    chain.send(token.functions.mint(known, ONE))
    how = f"claimERC20 by a relay, {DEPTH} words of proof; {origin}"
    for operation, customer, state in (
        ("root-first", chain.address("new customer"), "new holder, her claim under this root"),
        ("root-later", known, "existing holder, her claim under this root"),
    ):
        leaf = Web3.keccak(bytes.fromhex(customer[2:]) + ONE.to_bytes(32, "big"))
        root, proof = under_root(bytes(leaf), customer)
        chain.send(functions.setMerkleRoot(token.address, root, True), brand.address)
        call = functions.claimERC20(token.address, customer, ONE, proof)
        yield system.record(operation, chain.send(call, chain.address("relay")), state=state, how=how)


def _lists(
    chain: Chain, system: System, airdrop: Contract, token: Contract, brand: LocalAccount, origin: str
) -> Iterator[Record]:
    customers = [one.address for one in chain.accounts("customer", _LIST)]
    domain = {
        "name": "Airdrop",
        "version": "1",
        "chainId": chain.chain_id,
        "verifyingContract": airdrop.address,
    }
    how = f"airdropERC20WithSignature: {_LIST} by a relay, one signature of the brand's for all; {origin}"
    for operation, state in (
        ("statement-batch-new", "new holders"),
        ("statement-batch", "existing holders"),
    ):
        request = {
            "uid": bytes(chain.w3.keccak(text=operation)),
            "tokenAddress": token.address,
            "expirationTimestamp": chain.now + 3600,
            "contents": [{"recipient": one, "amount": ONE} for one in customers],
        }
        signature = chain.sign(brand, domain, _TYPES, request)
        contents = [(one, ONE) for one in customers]
        call = airdrop.functions.airdropERC20WithSignature(
            (request["uid"], token.address, request["expirationTimestamp"], contents), signature.packed
        )
        cost = chain.send(call, chain.address("relay"))
        yield system.record(operation, cost, state=state, how=how, per="customer", count=_LIST)
