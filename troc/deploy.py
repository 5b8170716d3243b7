"""Putting the suite on a chain, so that it can be cut off at any moment and run again.

Nothing that is deployed has an owner, a set-up step or a right of the deployer: there is nothing to race
and nothing to hand over. A brand's points belong to the owner that the config names, from birth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from eth_typing import HexStr
from eth_utils.crypto import keccak
from web3.contract.contract import ContractConstructor

from troc.accounts import Signer
from troc.artifacts import INBOX, SUITE, artifact
from troc.chain import Chain, Receipt, Signed
from troc.errors import ContractError, DeclinedError, FundsError, InputError, NotDeployedError, PendingError
from troc.manifest import (
    Deployed,
    Launched,
    Manifest,
    Pending,
    find_manifest,
    forgotten,
    is_ours,
    load_manifest,
    manifest_path,
    only_deployer,
    set_aside,
    write_manifest,
)
from troc.messages import to_address
from troc.network import BrandConfig
from troc.verification import write_verification

_POINTS = "LoyaltyToken"

# What a creation costs beyond its bytes, and each byte (Yellow Paper, appendix G).
_BASE_GAS = 250_000
_GAS_PER_CREATION_BYTE = 17
_GAS_PER_STORED_BYTE = 200


@dataclass(frozen=True)
class Plan:
    """What a deployment is about to do. `gas` and `cost` (wei) are upper estimates."""

    network: str
    chain_id: int
    deployer: str
    balance: int
    contracts: tuple[str, ...]
    brands: tuple[str, ...]
    gas: int
    cost: int

    def __str__(self) -> str:
        parts = [", ".join(self.contracts), *(f"the points {symbol}" for symbol in self.brands)]
        return (
            f"Deploy {', '.join(filter(None, parts))} on {self.network} (chain {self.chain_id}) "
            f"from {self.deployer}, for at most {_coins(self.cost)} of its {_coins(self.balance)} coins?"
        )


def _coins(wei: int) -> str:
    return f"{wei / 10**18:.6f}"


Confirm = Callable[[Plan], bool]
Report = Callable[[str], None]


def deploy_suite(
    chain: Chain,
    signer: Signer,
    confirm: Confirm | None = None,
    anew: bool = False,
    report: Report = lambda line: None,
) -> Manifest:
    """Deploy what is not there yet, and launch the brands of the config. Twice changes nothing.

    `confirm` is asked before anything is sent to a live network, which is refused without it. `anew` sets
    the record of an earlier deployment aside and deploys everything again. `report` is told each step in a
    line. Raises `DeclinedError`, `FundsError`, `PendingError` (run it again; or another process deploys here
    at this moment), `InputError` where another build of the contracts is deployed.
    """
    _check_domains(chain, signer)
    token = _payment_token(chain.config.inbox_token) if chain.config.inbox_token else ""
    with only_deployer(chain):
        return _complete(chain, signer, confirm, report, _begin(chain, signer, anew, report), token)


def deploy_inbox(
    chain: Chain,
    signer: Signer,
    token: str,
    confirm: Confirm | None = None,
    report: Report = lambda line: None,
) -> Manifest:
    """Deploy an inbox whose deposits are paid in the ERC-20 `token` to the suite that is there, and launch or
    deploy what its config asks for and is missing. Twice changes nothing.

    Raises what `deploy_suite` does, `NotDeployedError` where there is no suite, and `InputError` where the
    inbox that is there takes another token.
    """
    token, wanted = _payment_token(token), chain.config.inbox_token
    if wanted and _payment_token(wanted) != token:
        raise InputError(
            f"config/{chain.config.name}.yaml wants an inbox that is paid in {wanted}, not in {token}",
            "name that token, or change inbox_token there",
        )
    _check_domains(chain, signer)
    with only_deployer(chain):
        load_manifest(chain)
        return _complete(chain, signer, confirm, report, _begin(chain, signer, False, report), token)


def _payment_token(text: str) -> str:
    return str(to_address(text, "token of the inbox"))


def _complete(
    chain: Chain, signer: Signer, confirm: Confirm | None, report: Report, manifest: Manifest, token: str
) -> Manifest:
    """Deploy and launch what is missing, an inbox for `token` if that is named."""
    _check_token(chain, manifest, token)
    pending = manifest.pending
    wanted: tuple[str, ...] = SUITE
    if pending is not None and pending.name == INBOX:
        # First, since what is signed next takes its place in the record.
        wanted = (INBOX, *SUITE)
    elif token:
        wanted = (*SUITE, INBOX)
    contracts = tuple(name for name in wanted if name not in manifest.contracts)
    brands = tuple(brand for brand in chain.config.brands if brand.symbol not in manifest.brands)
    if contracts or brands:
        plan = _plan(chain, signer, contracts, tuple(brand.symbol for brand in brands))
        if chain.config.live and not (confirm and confirm(plan)):
            raise DeclinedError(
                f"nothing was deployed on {chain.config.name}",
                "agree when you are asked, or say yes beforehand",
            )
        if plan.balance < plan.cost and not manifest.pending:
            raise FundsError(
                f"{signer.address} has {_coins(plan.balance)} coins and may need {_coins(plan.cost)}",
                "send it some",
            )
        for name in contracts:
            manifest = _deploy(chain, signer, manifest, name, token)
            report(f"{name} is at {manifest.address(name)}")
        for brand in brands:
            manifest = _launch(chain, signer, manifest, brand)
            report(f"{brand.name} ({brand.symbol}) is at {manifest.brands[brand.symbol].address}")
    write_verification(manifest_path(chain), manifest)
    _check_token(chain, manifest, token)
    return load_manifest(chain)


def _check_token(chain: Chain, manifest: Manifest, token: str) -> None:
    """Refuse an inbox for `token` where one for another token is deployed; the chain says which."""
    if not token or INBOX not in manifest.contracts:
        return
    inbox = chain.contract(INBOX, manifest.address(INBOX))
    there = str(chain.call(inbox.functions.token()))
    if there != token:
        raise InputError(
            f"the inbox on {chain.config.name} is paid in {there}, not in {token}",
            "name that token, or deploy a new suite beside this one with `brownie run deploy main anew`",
        )


def _check_domains(chain: Chain, signer: Signer) -> None:
    """Refuse, before anything is sent, what `Brands` would refuse at the very end."""
    for brand in chain.config.brands:
        if brand.domain and to_address(brand.owner, f"owner of {brand.symbol}") != signer.address:
            raise InputError(
                f"{signer.address} cannot claim {brand.domain} for {brand.symbol}",
                f"leave the domain out of config/{chain.config.name}.yaml and let the brand claim it itself",
            )


def _restarted(path: Path) -> str:
    return f"the chain was started anew; the record of the old one is now {path.name}"


def _begin(chain: Chain, signer: Signer, anew: bool, report: Report) -> Manifest:
    """The record to go on with: what there is, checked against the chain, or a new one."""
    for path in forgotten(chain):
        report(_restarted(set_aside(path)))
    manifest = find_manifest(chain)
    if manifest is not None and anew:
        # One that came with the package has no file here.
        if manifest_path(chain).is_file():
            report(f"the record of the earlier deployment is now {set_aside(manifest_path(chain)).name}")
        manifest = None
    if manifest is not None and any(
        not chain.code(deployed.address) for deployed in manifest.contracts.values()
    ):
        if not chain.config.is_local:
            raise NotDeployedError(
                f"the node does not know all contracts of {manifest_path(chain).name}",
                "wait until it is synchronised, or use another node",
            )
        report(_restarted(set_aside(manifest_path(chain))))
        manifest = None
    if manifest is not None:
        for name, deployed in manifest.contracts.items():
            if not is_ours(chain, name, deployed.address):
                raise InputError(
                    f"{name} at {deployed.address} is of another build",
                    "use that build, or deploy a new suite with `brownie run deploy main anew`",
                )
        return manifest
    return Manifest(
        network=chain.config.name,
        chain_id=chain.chain_id,
        genesis_hash=chain.genesis_hash,
        deployer=signer.address,
        rpc=chain.config.rpc if chain.config.is_local else "",
    )


def _plan(chain: Chain, signer: Signer, contracts: tuple[str, ...], brands: tuple[str, ...]) -> Plan:
    sizes = [(len(artifact(name).bytecode), len(artifact(name).runtime_bytecode)) for name in contracts]
    token = artifact(_POINTS)
    if "Brands" in contracts:
        sizes.append((len(token.bytecode), len(token.bytecode)))
    sizes += [(len(token.bytecode), len(token.runtime_bytecode))] * len(brands)
    gas = sum(
        _BASE_GAS + _GAS_PER_CREATION_BYTE * created + _GAS_PER_STORED_BYTE * stored
        for created, stored in sizes
    )
    return Plan(
        network=chain.config.name,
        chain_id=chain.chain_id,
        deployer=signer.address,
        balance=chain.balance(signer.address),
        contracts=contracts,
        brands=brands,
        gas=gas,
        cost=gas * chain.gas_price(),
    )


def _arguments(name: str, manifest: Manifest, token: str) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Constructor arguments of a contract, for the chain and for the record; an inbox is paid in `token`."""
    if name == "Brands":
        exchange, code = manifest.address("PointsExchange"), artifact(_POINTS).bytecode
        recorded = {"creationCodeOf": _POINTS, "keccak256": "0x" + keccak(code).hex()}
        return (exchange, code), {"exchange_": exchange, "creationCode": recorded}
    if name == "DataMarket":
        attestors = manifest.address("Attestors")
        return (attestors,), {"attestors_": attestors}
    if name == INBOX:
        return (token,), {"token_": token}
    return (), {}


def _deploy(chain: Chain, signer: Signer, manifest: Manifest, name: str, token: str) -> Manifest:
    """Create one contract, or take up its creation where it was cut off: an inbox then for the token that was
    named first.
    """
    receipt: Receipt | None = None
    pending = manifest.pending
    if pending is not None and pending.name == name:
        token = token or str(pending.arguments.get("token_", ""))
    arguments, recorded = _arguments(name, manifest, token)
    if pending is not None and pending.name == name:
        # Records of earlier versions do not tell the arguments of what is pending.
        pending = replace(pending, arguments=pending.arguments or recorded)
        try:
            return _adopt(chain, manifest, pending, _confirmed(chain, pending))
        except (ContractError, _NeverError):
            # It failed, or another transaction took its place: it can no longer create anything.
            pass

    block = chain.block_number()

    def remember(signed: Signed) -> None:
        nonlocal manifest
        assert signed.creates is not None
        entry = Pending(
            name,
            signed.transaction,
            "0x" + signed.raw.hex(),
            signed.sender,
            signed.nonce,
            signed.creates,
            block,
            recorded,
        )
        manifest = replace(manifest, pending=entry)
        write_manifest(chain, manifest)

    found = artifact(name)
    creation = ContractConstructor(chain.web3, cast(Any, found.abi), cast(HexStr, found.bytecode), *arguments)
    try:
        receipt = chain.send(creation, signer, on_signed=remember)
    except PendingError:
        if manifest.pending is None or not is_ours(chain, name, manifest.pending.creates):
            raise
    assert manifest.pending is not None
    return _adopt(chain, manifest, manifest.pending, receipt)


class _NeverError(Exception):
    """A transaction that can no longer get into a block."""


def _confirmed(chain: Chain, pending: Pending) -> Receipt | None:
    """The receipt of a creation that was cut off; None where the contract is there and its receipt is not."""
    receipt = chain.receipt(pending.transaction)
    if receipt is None and is_ours(chain, pending.name, pending.creates):
        return None
    if receipt is None and chain.transaction_count(pending.sender) > pending.nonce:
        raise _NeverError
    try:
        return chain.submit(pending.signed())
    except PendingError:
        if is_ours(chain, pending.name, pending.creates):
            return None
        if chain.transaction_count(pending.sender) > pending.nonce:
            raise _NeverError from None
        raise


def _adopt(chain: Chain, manifest: Manifest, pending: Pending, receipt: Receipt | None) -> Manifest:
    """Record a contract that is there."""
    code = chain.code(pending.creates)
    if not artifact(pending.name).is_code(code):
        raise PendingError(
            f"the node does not show {pending.name} at {pending.creates} yet",
            "wait a little and run it again",
        )
    deployed = Deployed(
        address=pending.creates,
        arguments=pending.arguments,
        transaction=pending.transaction,
        block=receipt.block if receipt else pending.block,
        code_hash="0x" + keccak(code).hex(),
        compiler=artifact(pending.name).compiler,
    )
    manifest = manifest.with_contract(pending.name, deployed)
    write_manifest(chain, manifest)
    return manifest


def _launch(chain: Chain, signer: Signer, manifest: Manifest, brand: BrandConfig) -> Manifest:
    """Launch a brand's points, or find them launched: their address follows from deployer and parameters."""
    brands = chain.contract("Brands", manifest.address("Brands"))
    owner = to_address(brand.owner, f"owner of {brand.symbol}")
    params = (
        owner,
        brand.name,
        brand.symbol,
        brand.decimals,
        brand.epoch_seconds,
        brand.origin,
        brand.domain,
    )
    token = str(chain.call(brands.functions.addressOf(signer.address, params)))
    transaction, block = "", manifest.contracts["Brands"].block
    if not chain.call(brands.functions.isToken(token)):
        receipt = chain.send(brands.functions.launch(params), signer)
        transaction, block = receipt.transaction, receipt.block
    else:
        for event in chain.logs(brands.events.Launched(), {"token": token}, from_block=block):
            transaction, block = "0x" + bytes(event["transactionHash"]).hex(), int(event["blockNumber"])
    launched = Launched(
        address=token,
        arguments={
            "exchange_": manifest.address("PointsExchange"),
            "owner_": owner,
            "name_": brand.name,
            "symbol_": brand.symbol,
            "decimals_": brand.decimals,
            "epochLength_": brand.epoch_seconds,
            "origin_": brand.origin,
        },
        transaction=transaction,
        block=block,
        code_hash="0x" + keccak(chain.code(token)).hex(),
        compiler=artifact(_POINTS).compiler,
        domain=brand.domain,
    )
    manifest = manifest.with_brand(brand.symbol, launched)
    write_manifest(chain, manifest)
    return manifest
