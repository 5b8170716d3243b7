"""`troc up`: a local chain with everything deployed."""

from __future__ import annotations

import signal
from dataclasses import replace
from types import FrameType
from typing import Annotated

import typer

from troc.accounts import open_account
from troc.anvil import DEFAULT_PORT, rpc_of, run_anvil
from troc.chain import Chain
from troc.cli.session import session_of
from troc.deploy import deploy_suite
from troc.errors import NetworkError, WrongChainError
from troc.workshop import tell_brownie

DEPLOYER = "dev:0"


def up(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="Six brands and five customers to play with")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the chain listens")] = DEFAULT_PORT,
    block_time: Annotated[
        int, typer.Option(min=0, help="Seconds between blocks; 0: a block for each transaction")
    ] = 0,
) -> None:
    """Keep a local chain with everything deployed, until Ctrl-C."""
    session = session_of(context)
    if not session.config.is_local:
        raise WrongChainError(f"{session.config.name} is no local chain", "use --network local")
    options = ["--block-time", str(block_time)] if block_time else []
    signal.signal(signal.SIGTERM, _stop)
    try:
        with run_anvil(port, *options) as anvil:
            config = replace(session.config, rpc=rpc_of(port))
            chain = Chain.connect(config)
            manifest = deploy_suite(chain, open_account(DEPLOYER, config), report=session.say)
            brands = []
            if demo:
                from troc.playground import populate

                brands = populate(chain, manifest, report=session.say)
            if port == DEFAULT_PORT:
                # The only one that brownie's network `local` looks at.
                tell_brownie(manifest, config.folder, [brand.address for brand in brands])
            session.result(
                {
                    "rpc": config.rpc,
                    "chain_id": chain.chain_id,
                    "contracts": {name: deployed.address for name, deployed in manifest.contracts.items()},
                }
            )
            if port != DEFAULT_PORT:
                session.say(f"Other commands find it with --rpc {config.rpc}, or TROC_RPC_URL in .env.")
            session.say(f"The chain is at {config.rpc}, with the accounts dev:0 to dev:9. Ctrl-C ends it.")
            anvil.wait()
            raise NetworkError("anvil ended by itself", "start it again")
    except KeyboardInterrupt:
        session.say("The chain has ended; what was on it is gone.")


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
