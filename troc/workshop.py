"""Lets brownie know what is deployed, so that its console has `PointsExchange[-1]`.

brownie keeps a record for each contract and live network in `build/deployments/<chain id>/`, which it reads
when it connects. It counts the local chain at 8545 as live, as it did not start it. Only files are written
here: the client needs no brownie.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from troc.artifacts import artifact
from troc.manifest import Manifest, write_text


def tell_brownie(manifest: Manifest, project: Path, points: Iterable[str] = ()) -> None:
    """Write brownie's records for the contracts of a manifest, and for other points by their addresses; does
    nothing outside a brownie project.

    On a local chain all other records go: they were of a chain that is no more, and brownie does not start
    where a contract that it remembers is gone.
    """
    if not (project / "brownie-config.yaml").is_file():
        return
    folder = project / "build" / "deployments" / str(manifest.chain_id)
    if manifest.rpc:
        for path in folder.glob("0x*.json"):
            path.unlink()
    wanted = [(name, deployed.address) for name, deployed in manifest.contracts.items()]
    wanted += [("LoyaltyToken", launched.address) for launched in manifest.brands.values()]
    wanted += [("LoyaltyToken", address) for address in points]
    for name, address in wanted:
        record = {"contractName": name, "abi": list(artifact(name).abi)}
        write_text(folder / f"{address}.json", json.dumps(record) + "\n")
