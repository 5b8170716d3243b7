"""tools/slither.py lets nothing pass that has no reason, and keeps no reason without a finding."""

from __future__ import annotations

from tools import slither
from tools.slither import Finding

KNOWN = {Finding(detector, place, "") for detector, place in slither.FINDINGS}


def test_accepts_what_has_a_reason() -> None:
    assert slither.judge(KNOWN) == []
    assert slither.judge(KNOWN | {Finding("timestamp", "LoyaltyToken.permit", "")}) == []


def test_reports_what_has_none() -> None:
    (line,) = slither.judge(KNOWN | {Finding("arbitrary-send-eth", "Brands.launch", "sends ether")})
    assert (
        line
        == "arbitrary-send-eth at Brands.launch: mend it, or say why not in tools/slither.py\nsends ether"
    )


def test_a_reason_holds_for_one_place() -> None:
    assert len(slither.judge(KNOWN | {Finding("incorrect-equality", "LoyaltyToken.transfer", "")})) == 1


def test_reports_a_reason_without_a_finding() -> None:
    gone = next(iter(sorted(KNOWN)))
    assert slither.judge(KNOWN - {gone}) == [
        f"{gone.detector} at {gone.place} is gone: take it out of tools/slither.py"
    ]


def test_names_the_place() -> None:
    contract = {"type": "contract", "name": "ILoyaltyToken"}
    function = {"type": "function", "name": "cancelNonces", "type_specific_fields": {"parent": contract}}
    variable = {"type": "variable", "name": "nonces", "type_specific_fields": {"parent": function}}
    report = {
        "results": {
            "detectors": [
                {"check": "shadowing-local", "elements": [variable], "description": "shadows"},
                {"check": "pragma", "elements": [], "description": "differ"},
            ]
        }
    }
    assert slither.read_report(report) == {
        Finding("shadowing-local", "ILoyaltyToken.cancelNonces.nonces", "shadows"),
        Finding("pragma", "", "differ"),
    }
