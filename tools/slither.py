"""Static analysis by slither, against the list of findings that are as they should be, each with its reason.

Part of `make slither`; runs in the workshop's Python and calls slither in `.venv-analysis`. Ends with 1 where
slither finds something that is not listed here, or no longer finds what is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# Whole detectors that do not apply here.
DETECTORS = {
    "timestamp": "points expire and orders end at a second; a validator can shift it by a few of them",
    "assembly": "each block says why it is there; forge and pytest reach every line of them",
    "calls-loop": "a settlement is a list of transfers: who submits it chooses it, and a refusal undoes it",
    "solc-version": "interfaces allow the compilers of other projects; ours is 0.8.30 exactly",
    "naming-convention": "DOMAIN_SEPARATOR is named by EIP-2612, EPOCH_TYPE by ERC-7818",
}

# Single findings: detector and function (or variable), and why it is right.
_OWN_WORDS = "compares words that this contract alone writes, or what it read of them: no gift shifts them"
_PERIODS = "compares two numbers of days or weeks, which nobody can shift"
FINDINGS = {
    ("reentrancy-balance", "PointsExchange._moveMeasured"): (
        "measuring the balance around the transfer is the point; a guard keeps others out meanwhile"
    ),
    ("arbitrary-send-erc20", "Escrow.collect"): (
        "each caller takes from who sent the transaction, or signed that very payment"
    ),
    ("cyclomatic-complexity", "AttentionRewards._check"): "a list of checks, one after another",
    ("dead-code", "AttentionRewards._takeRoom"): "called by the pointer that `_room` gives",
    ("divide-before-multiply", "AttentionRewards._fromOf"): "whole days, so the rest is meant to be lost",
    ("divide-before-multiply", "AttentionRewards._issueCommon"): (
        "counts bits: divides a word of ones by 17 and 255 without a rest"
    ),
    ("incorrect-shift", "AttentionRewards._claimTicket"): "the bit of a contact: what is shifted is 1",
    ("uninitialized-local", "DataMarket._alive.alive"): "a sum, which begins with 0",
    ("write-after-write", "AttentionRewards._none.credential"): "its offset and its length",
    ("shadowing-local", "IInbox.answer.answer"): "a parameter",
    ("shadowing-local", "IInbox.answerFor.answer"): "a parameter",
    ("shadowing-local", "ILoyaltyToken.cancelNonces.nonces"): "a parameter; the function is EIP-2612's",
    ("shadowing-local", "ILoyaltyToken.cancelNoncesFor.nonces"): "a parameter; the function is EIP-2612's",
    ("incorrect-equality", "AttentionRewards._countCode"): _PERIODS,
    ("incorrect-equality", "AttentionRewards.codesOf"): _PERIODS,
    ("incorrect-equality", "Inbox._arrived"): _PERIODS,
    ("incorrect-equality", "LoyaltyToken._spendGrant"): _PERIODS,
    ("incorrect-equality", "LoyaltyToken.grantOf"): _PERIODS,
    **{
        ("incorrect-equality", place): _OWN_WORDS
        for place in (
            "AttentionRewards._issueCommon",
            "AttentionRewards._issueStatements",
            "AttentionRewards._numberOf",
            "AttentionRewards._pay",
            "AttentionRewards._refuseCode",
            "AttentionRewards._tryIssue",
            "AttentionRewards._tryStatement",
            "AttentionRewards.withdrawRoot",
            "DataMarket._acknowledgeMany",
            "DataMarket._revoke",
            "DataMarket._writeAcknowledged",
            "Inbox.isOpen",
            "Inbox.policyOf",
            "LoyaltyToken._raiseSupplyLanes",
            "LoyaltyToken._setPromised",
        )
    },
}


@dataclass(frozen=True, order=True)
class Finding:
    """What slither found: by which detector, and at which function or variable, with its contract."""

    detector: str
    place: str
    text: str


def place_of(element: dict[str, Any]) -> str:
    """`Contract.function` or `Contract.function.variable`."""
    parts = [str(element["name"])]
    parent = element.get("type_specific_fields", {}).get("parent")
    while parent and parent["type"] in ("function", "contract", "struct"):
        parts.insert(0, str(parent["name"]))
        parent = parent.get("type_specific_fields", {}).get("parent")
    return ".".join(parts)


def read_report(report: dict[str, Any]) -> set[Finding]:
    """The findings in slither's own report."""
    return {
        Finding(
            found["check"], place_of(found["elements"][0]) if found["elements"] else "", found["description"]
        )
        for found in report["results"].get("detectors", [])
    }


def judge(findings: set[Finding]) -> list[str]:
    """What is wrong: findings without a reason, and reasons without a finding. Empty when all is well."""
    open_findings = [
        f"{finding.detector} at {finding.place}: mend it, or say why not in tools/slither.py\n{finding.text}"
        for finding in sorted(findings)
        if finding.detector not in DETECTORS and (finding.detector, finding.place) not in FINDINGS
    ]
    places = {(finding.detector, finding.place) for finding in findings}
    stale = [
        f"{detector} at {place} is gone: take it out of tools/slither.py" for detector, place in FINDINGS
    ]
    return open_findings + [line for line, key in zip(stale, FINDINGS, strict=True) if key not in places]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        result = subprocess.run(
            [ROOT / ".venv-analysis" / "bin" / "slither", ".", "--json", path],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        report = (
            json.loads(path.read_text()) if path.is_file() else {"success": False, "error": result.stdout}
        )
    if not report["success"]:
        print(f"slither: could not run\n{report['error']}", file=sys.stderr)
        return 1
    findings = read_report(report)
    wrong = judge(findings)
    print("\n".join(wrong) if wrong else f"slither: {len(findings)} findings, each with its reason")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
