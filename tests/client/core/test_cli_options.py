"""Global options stand anywhere in the line."""

from __future__ import annotations

import pytest

from troc.cli import globals_first


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("account list", "account list"),
        ("account list --json", "--json account list"),
        ("trade show 5 --network sepolia --dry-run", "--network sepolia --dry-run trade show 5"),
        ("trade show --account=me 5", "--account=me trade show 5"),
        ("--json account list --yes", "--json --yes account list"),
        ("account list --network", "--network account list"),
        ("points send -- --json", "points send -- --json"),
        ("points send --note x", "points send --note x"),
    ],
)
def test_moves_them_to_the_front(given: str, expected: str) -> None:
    # An option that lacks its value takes the next word: click then says so.
    assert globals_first(given.split()) == expected.split()


def test_moves_every_global_option_that_there_is() -> None:
    import typer

    from troc.cli import app

    command = typer.main.get_command(app)
    flags = [
        option for parameter in command.params for option in parameter.opts if option not in ("-h", "--help")
    ]
    assert len(flags) > 8
    for flag in flags:
        if flag != "--version":
            assert globals_first(["x", flag, "value"])[0] == flag, flag
