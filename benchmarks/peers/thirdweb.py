"""thirdweb LoyaltyPoints, behind the minimal proxy that its factory deploys."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chain import Chain, System, typed
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.tokens import ONE, token_records

PACKAGE = "@thirdweb-dev/contracts"
_ZERO = "0x" + "00" * 20
_NATIVE = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
_REQUEST = {
    "MintRequest": typed(
        "address to",
        "address primarySaleRecipient",
        "uint256 quantity",
        "uint256 price",
        "address currency",
        "uint128 validityStartTimestamp",
        "uint128 validityEndTimestamp",
        "bytes32 uid",
    )
}


def clone_of(address: str) -> str:
    """Creation code of an ERC-1167 minimal proxy."""
    runtime = f"363d3d373d3d3d363d73{address.removeprefix('0x').lower()}5af43d82803e903d91602b57fd5bf3"
    return f"0x3d602d80600a3d3981f3{runtime}"


def measure(chain: Chain) -> Iterator[Record]:
    """Transfers and mints, and points given by the brand's signature (a voucher)."""
    artifact = published(PACKAGE, "abi/LoyaltyPoints.json")
    brand, forwarder = chain.account("brand"), chain.address("forwarder")
    token = chain.at(artifact, chain.deploy_code(clone_of(chain.deploy(artifact).address)))
    admin = chain.deployer
    chain.send(token.functions.initialize(admin, "Points", "PTS", "", [forwarder], admin, 0, admin))
    # Transfers are restricted until this role is given to everybody.
    role = chain.w3.keccak(text="TRANSFER_ROLE")
    chain.send(token.functions.grantRole(role, _ZERO))
    chain.send(token.functions.grantRole(chain.w3.keccak(text="MINTER_ROLE"), brand.address))
    system = System("thirdweb", version(PACKAGE))
    origin = f"LoyaltyPoints behind an ERC-1167 proxy, transfers opened to all; {artifact.origin}"
    yield from token_records(chain, system, token, origin, mint="mintTo", has_batches=False)

    domain = {
        "name": "Points",
        "version": "1",
        "chainId": chain.chain_id,
        "verifyingContract": token.address,
    }
    for operation, state, receiver in (
        ("voucher-existing", "existing holder", chain.address("known holder")),
        ("voucher-new", "new holder", chain.address("v")),
    ):
        request = {
            "to": receiver,
            "primarySaleRecipient": admin,
            "quantity": ONE,
            "price": 0,
            "currency": _NATIVE,
            "validityStartTimestamp": 0,
            "validityEndTimestamp": chain.now + 3600,
            "uid": chain.w3.keccak(text=operation),
        }
        signature = chain.sign(brand, domain, _REQUEST, request)
        cost = chain.send(token.functions.mintWithSignature(tuple(request.values()), signature.packed))
        yield system.record(operation, cost, state=state, how=f"mintWithSignature, free of charge; {origin}")
