"""Two sets of rules over the same receipts: what changes, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from troc.programme.earning import Earned

_DECILES = 10
_SHOWN = 5


@dataclass(frozen=True)
class RuleChange:
    """A rule before and after, in smallest units before rounding and caps; None where one set lacks it."""

    name: str
    old: Fraction | None
    new: Fraction | None


@dataclass(frozen=True)
class Decile:
    """A tenth of the members, by what they earned under the old rules; 1 earned least."""

    number: int
    members: int
    old: int
    new: int


@dataclass(frozen=True)
class MemberChange:
    """What one member earned before and would earn now, in smallest units."""

    member: str
    old: int
    new: int


@dataclass(frozen=True)
class Difference:
    """What new rules change. Units of old and new rules are brought to the finer of the two."""

    old_units: int
    new_units: int
    decimals: int
    rules: tuple[RuleChange, ...]
    deciles: tuple[Decile, ...]
    winners: tuple[MemberChange, ...]
    losers: tuple[MemberChange, ...]
    gaining: int
    losing: int


def compare(old: Earned, new: Earned) -> Difference:
    """What `new` changes against `old`."""
    decimals = max(old.rules.points_decimals, new.rules.points_decimals)
    before, after = _scaled(old, decimals), _scaled(new, decimals)
    changes = sorted(
        (MemberChange(member, before.get(member, 0), after.get(member, 0)) for member in {*before, *after}),
        key=lambda change: (change.old, change.member),
    )
    by_change = sorted(changes, key=lambda change: (change.old - change.new, change.member))
    return Difference(
        old_units=sum(before.values()),
        new_units=sum(after.values()),
        decimals=decimals,
        rules=_rules(old, new, decimals),
        deciles=_deciles(changes),
        winners=tuple(change for change in by_change[:_SHOWN] if change.new > change.old),
        losers=tuple(change for change in reversed(by_change[-_SHOWN:]) if change.new < change.old),
        gaining=sum(change.new > change.old for change in changes),
        losing=sum(change.new < change.old for change in changes),
    )


def _scaled(earned: Earned, decimals: int) -> Mapping[str, int]:
    factor = 10 ** (decimals - earned.rules.points_decimals)
    return {member: units * factor for member, units in earned.members.items()}


def _rules(old: Earned, new: Earned, decimals: int) -> tuple[RuleChange, ...]:
    before, after = (
        {rule.name: rule.units * 10 ** (decimals - earned.rules.points_decimals) for rule in earned.by_rule}
        for earned in (old, new)
    )
    return tuple(RuleChange(name, before.get(name), after.get(name)) for name in {**before, **after})


def _deciles(changes: list[MemberChange]) -> tuple[Decile, ...]:
    found = []
    for number in range(_DECILES):
        start, end = (len(changes) * edge // _DECILES for edge in (number, number + 1))
        part = changes[start:end]
        if part:
            old, new = sum(each.old for each in part), sum(each.new for each in part)
            found.append(Decile(number + 1, len(part), old, new))
    return tuple(found)
