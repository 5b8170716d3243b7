"""JSON documents that people exchange: one canonical form, and faults told with their field and remedy.

A schema (`schema/*.json`, JSON Schema 2020-12) says beside each field how to mend it, under `remedy`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from troc.errors import InputError

MOST_BYTES = 65_536
"""The largest document that is read."""

_MOST_DEEP = 16
_SAFE = 2**53 - 1
"""Beyond it, programs that read numbers as JavaScript does see another one."""


def canonical(value: Any) -> str:
    """The one way to write a value as JSON (RFC 8785), for texts, whole numbers below 2^53, truth values,
    nothing, lists and mappings. Raises `InputError` for anything else.
    """
    return json.dumps(_ordered(value, 0), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _ordered(value: Any, depth: int) -> Any:
    if depth > _MOST_DEEP:
        raise InputError("this document is nested too deeply", f"nest {_MOST_DEEP} levels at most")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > _SAFE:
            raise InputError(f"{value} is too large for a number in JSON", "write it as text")
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError("this document holds half a character", "write whole characters") from None
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise InputError("this document has a field whose name is no text", "name fields with text")
        names = {_ordered(name, depth) for name in value}
        # The order of the RFC is that of UTF-16.
        return {name: _ordered(value[name], depth + 1) for name in sorted(names, key=_utf16)}
    if isinstance(value, list | tuple):
        return [_ordered(entry, depth + 1) for entry in value]
    raise InputError(f"{value!r} has no one form in JSON", "write whole numbers and text")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def read_json(text: str, what: str) -> Any:
    """Read JSON that somebody else wrote. Raises `InputError` where a field comes twice, or a number is no
    whole one.
    """
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise InputError(f"{what} is larger than {MOST_BYTES} bytes", "leave out what is not asked for")
    try:
        found = json.loads(text, object_pairs_hook=_pairs, parse_float=_no_number, parse_constant=_no_number)
        # Depth, too: what is checked later works field by field, and in them.
        return _ordered(found, 0)
    except InputError as error:
        raise InputError(f"{what}: {error.message}", error.remedy) from None
    except (ValueError, RecursionError):
        raise InputError(f"{what} is no JSON", "copy it again, whole") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputError("a field comes twice", "write each once")
    return found


def _no_number(text: str) -> Any:
    raise InputError(f"{text} is no whole number", "write whole numbers")


# --------------------------------------------------------------------------------------------------- faults


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field of a document, and how to mend it."""

    field: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} {self.what} ({self.remedy})"


def refuse(faults: Sequence[Fault], what: str) -> None:
    """Raise `InputError` with every fault; nothing where there is none."""
    if len(faults) == 1:
        raise InputError(f"{what}: {faults[0].field} {faults[0].what}", faults[0].remedy)
    if faults:
        raise InputError(
            f"{what}: {len(faults)} faults", "; ".join(f"({n}) {fault}" for n, fault in enumerate(faults, 1))
        )


@cache
def schema_of(name: str) -> Mapping[str, Any]:
    """A schema of this package, by the name of its file."""
    schema = json.loads(files("troc.data").joinpath("schema", name).read_text())
    Draft202012Validator.check_schema(schema)
    assert isinstance(schema, dict)
    return schema


def schema_faults(document: Any, name: str) -> list[Fault]:
    """What the schema of this name finds wrong, by field."""
    schema = schema_of(name)
    faults = {
        fault
        for error in Draft202012Validator(schema).iter_errors(document)
        for fault in _told(error, schema)
    }
    return sorted(faults, key=lambda fault: (fault.field, fault.what))


def _told(error: ValidationError, schema: Mapping[str, Any]) -> Iterator[Fault]:
    """A fault for each field: the library tells those that are missing or unknown by their owner."""
    path = [str(part) for part in error.absolute_path]
    owner: Any = error.schema
    values: Any = error.validator_value
    instance: Any = error.instance
    if error.validator in ("required", "dependentRequired"):
        wanted = values
        if error.validator == "dependentRequired":
            wanted = {name for one, names in wanted.items() if one in instance for name in names}
        for name in wanted:
            if name not in instance:
                remedy = owner["properties"][name]["remedy"]
                yield Fault(_field([*path, name]), "is missing", remedy)
    elif error.validator == "additionalProperties":
        for name in instance:
            if name not in owner["properties"]:
                yield Fault(_field([*path, str(name)]), "is no field of it", "leave it out")
    else:
        yield Fault(_field(path), _wrong(error), _remedy(error, schema))


def _field(path: Sequence[str]) -> str:
    return ".".join(path) or "the document"


def _wrong(error: ValidationError) -> str:
    values: Any = error.validator_value
    match error.validator:
        case "type":
            kinds = {
                "string": "text",
                "integer": "a whole number",
                "array": "a list",
                "object": "a group of fields",
            }
            return f"is not {kinds[values]}"
        case "minLength" | "minItems":
            return "is empty"
        case "maxLength" | "maxItems":
            return f"is longer than {error.validator_value}"
        case "uniqueItems":
            return "names something twice"
        case "contains":
            return f"lacks {values['const']}"
    shown = repr(error.instance)
    return f"is {shown if len(shown) < 80 else shown[:80] + '…'}"


def _remedy(error: ValidationError, schema: Mapping[str, Any]) -> str:
    """What the schema says on the way to the fault: the last word counts."""
    at: Any = schema
    found = str(schema["remedy"])
    for step in error.absolute_schema_path:
        # The library's path passes over references.
        if isinstance(at, Mapping) and step not in at and "$ref" in at:
            at = schema["$defs"][at["$ref"].removeprefix("#/$defs/")]
        at = at[step]
        if isinstance(at, Mapping):
            found = at.get("remedy", found)
    return found


def text_faults(value: Any, path: Sequence[str]) -> Iterator[Fault]:
    """Texts that could deceive whoever reads them: line ends, controls, marks of writing direction."""
    if isinstance(value, str):
        if any(
            unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for character in value
        ):
            yield Fault(
                _field(path), "holds a character that cannot be seen", "write it again, in plain letters"
            )
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from text_faults(entry, [*path, str(name)])
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from text_faults(entry, [*path, str(number)])
