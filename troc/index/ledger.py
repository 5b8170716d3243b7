"""Balances by lot, worked out from movements.

The log says amounts. Which lots they came from follows from it in all but one case: points are born into a
known lot and redeemed oldest first, and whoever sends everything, or has one lot, leaves no choice. Only a
transfer of a part of several lots can have been bounded (`transferFromWithin`, `transferFromAtEpoch`, the
exchange). The transaction tells it for a plain `transfer`, which is most of them. For what is left, and for a
give-back, the balances of those concerned are read at the end of that block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from troc.words import LIFE_EPOCHS

Lots = dict[int, int]
"""Units by the epoch in which they were earned; no empty ones."""
Key = tuple[str, str]
"""Token and account."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an account holds. `exact`: every lot is known, not guessed."""

    lots: Lots
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Movement:
    """Points born (`sender` None), gone (`recipient` None) or moved. `epoch` is that of points born, None if
    not known; `now` the epoch of the block.
    """

    token: str
    block: int
    now: int
    sender: str | None
    recipient: str | None
    units: int
    transaction: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an account holds from a block on, and what it held before, as aged to then."""

    token: str
    account: str
    block: int
    now: int
    before: Held
    after: Held


Read = Callable[[str, str, int, Held], Held | None]
"""Reads an account's lots of a token at the end of a block, given the guess; None if nobody can tell."""
IsPlain = Callable[[str, str], bool]
"""Whether a transaction does nothing but move points of a token, the oldest first."""


def alive(lots: Mapping[int, int], now: int) -> Lots:
    """What of it lives in the epoch `now`."""
    return {epoch: units for epoch, units in lots.items() if units and epoch > now - LIFE_EPOCHS}


def take_oldest(lots: Mapping[int, int], units: int) -> tuple[Lots, int]:
    """Lots that add up to `units`, the oldest first, and what is missing."""
    taken: Lots = {}
    for epoch in sorted(lots):
        if not units:
            break
        taken[epoch] = min(lots[epoch], units)
        units -= taken[epoch]
    return taken, units


def add(lots: Mapping[int, int], more: Mapping[int, int], sign: int = 1) -> Lots:
    """Sum, or with `sign` -1 difference, lot by lot."""
    found = dict(lots)
    for epoch, units in more.items():
        found[epoch] = found.get(epoch, 0) + sign * units
    return {epoch: units for epoch, units in found.items() if units}


def replay(
    held: Mapping[Key, Held], movements: Iterable[Movement], read: Read, is_plain: IsPlain
) -> list[Change]:
    """What changes, a change for each account and block, oldest first.

    `held` is what everybody concerned held before (nothing where missing), `movements` lie in the order of
    the log.
    """
    state = dict(held)
    changes: list[Change] = []
    for block, group in groupby(movements, key=lambda movement: movement.block):
        before: dict[Key, tuple[int, Held]] = {}
        doubtful: set[Key] = set()
        for movement in group:
            _apply(movement, state, before, doubtful, is_plain)
        for key, (now, old) in before.items():
            new = state[key]
            if key in doubtful or not new.exact:
                told = read(*key, block, new)
                new = state[key] = Held(new.lots, False) if told is None else told
            changes.append(Change(*key, block, now, old, new))
    return changes


def _apply(
    movement: Movement,
    state: dict[Key, Held],
    before: dict[Key, tuple[int, Held]],
    doubtful: set[Key],
    is_plain: IsPlain,
) -> None:
    if movement.sender == movement.recipient:
        return
    source, target = (
        None if account is None else (movement.token, account)
        for account in (movement.sender, movement.recipient)
    )
    for key in (source, target):
        if key is not None:
            held = state.get(key, Held({}))
            state[key] = Held(alive(held.lots, movement.now), held.exact)
            before.setdefault(key, (movement.now, state[key]))
    in_doubt = False
    exact = True
    if source is None:
        epoch = movement.now if movement.epoch is None else movement.epoch
        moved = {epoch: movement.units}
        in_doubt = movement.epoch is None
    else:
        has = state[source]
        moved, missing = take_oldest(has.lots, movement.units)
        chosen = target is not None and len(has.lots) > 1 and movement.units < sum(has.lots.values())
        in_doubt = missing > 0 or source in doubtful
        if chosen and not in_doubt:
            in_doubt = not is_plain(movement.token, movement.transaction)
        exact = has.exact
        state[source] = Held(add(has.lots, moved, -1), has.exact)
        if in_doubt:
            doubtful.add(source)
        if missing:
            moved = add(moved, {movement.now: missing})
    if target is not None:
        has = state[target]
        state[target] = Held(add(has.lots, moved), has.exact and exact)
        if in_doubt:
            doubtful.add(target)
