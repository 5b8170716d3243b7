"""Errors: one line with a remedy, an exit code each."""

from __future__ import annotations

from troc import errors
from troc.errors import InputError, TrocError
from troc.reverts import explain


def all_errors() -> list[type[TrocError]]:
    """Every class of troc/errors.py."""
    found = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, TrocError)
    ]
    assert len(found) > 10
    return found


def test_each_class_has_an_exit_code_of_its_own() -> None:
    codes = [error.exit_code for error in all_errors()]
    assert len(set(codes)) == len(codes)
    # 0 is success, 2 a wrong command line, 126 and above the shell's.
    assert all(code == 1 or 2 < code < 126 for code in codes)


def test_an_error_is_one_line_whatever_it_is_made_of() -> None:
    error = InputError("a\nwrong\tthing", "mend\n it")
    assert str(error) == "a wrong thing: mend it"
    assert error.as_json() == {
        "error": "InputError",
        "message": "a wrong thing",
        "remedy": "mend it",
        "exit_code": InputError.exit_code,
    }


def test_what_a_contract_says_is_one_line() -> None:
    assert "\n" not in str(explain(b"", "first\nsecond"))
