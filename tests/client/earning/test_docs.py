"""The page on earning shows the rules that the tests use."""

from __future__ import annotations

import re

from tools.tree import ROOT
from troc.programme.rules import parse_rules, read_rules

DOCS = ROOT / "docs"


def test_the_page_shows_the_example() -> None:
    shown = re.search(r"```yaml\n(.*?)```", (DOCS / "earning.md").read_text(), re.DOTALL)
    assert shown is not None
    path = DOCS / "examples" / "grocer.yaml"
    assert shown[1] == path.read_text().split("\n", 1)[1]
    assert parse_rules(shown[1], folder=path.parent) == read_rules(path)
