"""Lets brownie know what is deployed, so that its console has `PointsExchange[-1]`.

brownie keeps a record for each contract and live network in `build/deployments/<chain id>/`, which it reads
when it connects. It counts the local chain at 8545 as live, as it did not start it. Only files are written
here: the client needs no brownie.
"""

from __future__ import annotations

import json
from pathlib import Path

from troc.artifacts import NAMES, artifact
from troc.manifest import Manifest, write_text


def tell_brownie(manifest: Manifest, project: Path) -> None:
    """Write brownie's records for the contracts of a manifest; does nothing outside a brownie project.

    Records of our contracts at other addresses of the same chain id are removed where the chain is local:
    they were on a chain that is no more.
    """
    if not (project / "brownie-config.yaml").is_file():
        return
    folder = project / "build" / "deployments" / str(manifest.chain_id)
    if manifest.rpc:
        for path in folder.glob("0x*.json"):
            if json.loads(path.read_text()).get("contractName") in NAMES:
                path.unlink()
    wanted = [(name, deployed.address) for name, deployed in manifest.contracts.items()]
    wanted += [("LoyaltyToken", launched.address) for launched in manifest.brands.values()]
    for name, address in wanted:
        record = {"contractName": name, "abi": list(artifact(name).abi)}
        write_text(folder / f"{address}.json", json.dumps(record) + "\n")
