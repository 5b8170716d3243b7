"""Deploy the suite, or find it deployed, and make it known to brownie as `PointsExchange[-1]` and so on.

brownie run deploy                                 on brownie's development network
brownie run deploy --network local                 on the chain that `troc up` keeps
brownie run deploy --network sepolia               on a network of config/, after asking
brownie run deploy main anew --network sepolia     a new suite, beside the one that is recorded
brownie run deploy main yes --network sepolia      without asking
brownie run deploy inbox TOKEN --network sepolia   an inbox paid in that ERC-20, for the suite that is there
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import brownie

from scripts.active_network import active_chain, active_signer
from troc.accounts import Signer
from troc.chain import Chain
from troc.deploy import Confirm, Plan, deploy_inbox, deploy_suite
from troc.errors import InputError, TrocError
from troc.manifest import Manifest, find_manifest

WORDS = ("anew", "yes")


def main(*words: str) -> None:
    """Deploy with the account that TROC_ACCOUNT names; on a local chain with its first development
    account."""

    def deploy(chain: Chain, signer: Signer, confirm: Confirm) -> Manifest:
        return deploy_suite(chain, signer, confirm, "anew" in words, report=print)

    _run(deploy, words, WORDS)


def inbox(token: str = "", *words: str) -> None:
    """Deploy an inbox whose deposits are paid in the ERC-20 `token`, to the suite that is there."""

    def deploy(chain: Chain, signer: Signer, confirm: Confirm) -> Manifest:
        return deploy_inbox(chain, signer, token, confirm, report=print)

    _run(deploy, words, ("yes",))


def _run(
    deploy: Callable[[Chain, Signer, Confirm], Manifest], words: Sequence[str], known: Sequence[str]
) -> None:
    try:
        for word in words:
            if word not in known:
                raise InputError(f"{word!r} means nothing here", f"say nothing, or {' or '.join(known)}")
        chain = active_chain()
        before = find_manifest(chain)
        manifest = deploy(chain, active_signer(chain), (lambda plan: True) if "yes" in words else ask)
    except TrocError as error:
        sys.exit(f"deploy: {error}")
    if manifest == before:
        print("Everything is deployed already: nothing was sent.")
    show(manifest)


def ask(plan: Plan) -> bool:
    """Ask the person at the terminal; nobody there means no."""
    return sys.stdin.isatty() and input(f"{plan} [y/N] ").strip().lower() in ("y", "yes")


def show(manifest: Manifest) -> None:
    """Make what a manifest names known to brownie's console and scripts."""
    (project,) = (
        loaded for loaded in brownie.project.get_loaded_projects() if "PointsExchange" in loaded.dict()
    )
    named = [(name, deployed.address) for name, deployed in manifest.contracts.items()]
    named += [("LoyaltyToken", launched.address) for launched in manifest.brands.values()]
    for name, address in named:
        # brownie may have read a record of it when it connected.
        if address not in [contract.address for contract in project[name]]:
            project[name].at(address)
        print(f"{name}[-1] is {project[name][-1].address}")
