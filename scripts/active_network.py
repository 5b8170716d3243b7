"""The network that brownie is connected to, as the client sees it. For the other scripts; nothing to run."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import brownie
from brownie._config import CONFIG

from troc.accounts import Signer, open_later
from troc.chain import Chain
from troc.errors import NetworkError, WrongChainError
from troc.network import load_network, setting

DEVELOPER = "dev:0"

_ENOUGH = 10**19


def active_chain() -> Chain:
    """The client's view of brownie's network: `config/<network>.yaml`, `config/local.yaml` for a
    development network.

    The address of the node is brownie's: for the public networks of this project that is `TROC_RPC_URL`,
    unless the user gave brownie another.
    """
    name = brownie.network.show_active()
    if name is None:
        raise NetworkError("brownie is connected to no network", "use `brownie run SCRIPT --network NAME`")
    local = CONFIG.network_type == "development"
    node = str(brownie.web3.provider.endpoint_uri)
    try:
        return Chain.connect(load_network("local" if local else name, node))
    except (NetworkError, WrongChainError) as error:
        if local or node == setting("TROC_RPC_URL"):
            raise
        raise type(error)(
            f"{error.message}, and brownie asks another node than TROC_RPC_URL",
            f"let it ask that one: `brownie networks modify {name} host='$TROC_RPC_URL'`",
        ) from None


def active_signer(chain: Chain, name: str = "") -> Signer:
    """Who acts: `name`, else `TROC_ACCOUNT`, else on a local chain its first development account.

    The passphrase is asked for when something is signed.
    """
    name = name or setting("TROC_ACCOUNT") or (DEVELOPER if chain.config.is_local else "")
    if not name:
        raise NetworkError("no account was named", "set TROC_ACCOUNT in .env")
    file = setting("TROC_PASSWORD_FILE")
    ask = getpass.getpass if sys.stdin.isatty() else None
    signer = open_later(name, chain.config, Path(file).expanduser() if file else None, ask)
    if CONFIG.network_type == "development" and chain.balance(signer.address) < _ENOUGH:
        # Ganache's accounts come from brownie's own words.
        brownie.accounts[0].transfer(signer.address, _ENOUGH)
    return signer
