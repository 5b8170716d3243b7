"""Events decoded, and why points came into being.

The contracts' ABI says which events there are: one that this version of them does not have is not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode
from web3 import Web3

from troc.artifacts import artifact
from troc.index.source import Log, checksummed, type_of
from troc.messages import ZERO_ADDRESS

Decode = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Event:
    """An event of one of our contracts, at the address `token`. `time` in seconds."""

    token: str
    name: str
    args: Mapping[str, Any]
    block: int
    time: int
    position: int
    transaction: str

    def place(self) -> dict[str, Any]:
        """The columns that every table of events has."""
        return {
            "block": self.block,
            "position": self.position,
            "time": self.time,
            "transaction": self.transaction,
        }

    def row(self) -> dict[str, Any]:
        """The same, and the token: of events of points."""
        return self.place() | {"token": self.token}


@dataclass(frozen=True)
class _Shape:
    name: str
    indexed: tuple[tuple[str, Decode], ...]
    data: tuple[tuple[str, Decode], ...]
    nested: tuple[Mapping[str, Any], ...] = ()
    """What is in the data where that is no mere row of words: then `data` is empty."""

    def read(self, log: Log) -> dict[str, Any]:
        found = {
            name: decode_(topic[2:])
            for (name, decode_), topic in zip(self.indexed, log.topics[1:], strict=True)
        }
        for index, (name, decode_) in enumerate(self.data):
            found[name] = decode_(log.data[2 + 64 * index : 66 + 64 * index])
        if self.nested:
            values = decode([*map(type_of, self.nested)], bytes.fromhex(log.data[2:]))
            found |= {
                part["name"]: _plain(part, value) for part, value in zip(self.nested, values, strict=True)
            }
        return found


def _plain(part: Mapping[str, Any], value: Any) -> Any:
    """A decoded value in the form in which words are told; structs by the names of their fields."""
    kind = part["type"]
    if kind.endswith("[]"):
        return [_plain({**part, "type": kind[:-2]}, each) for each in value]
    if kind == "tuple":
        return {
            field["name"]: _plain(field, each) for field, each in zip(part["components"], value, strict=True)
        }
    if kind == "address":
        return checksummed(value)
    return "0x" + value.hex() if kind == "bytes32" else value


def _is_word(part: Mapping[str, Any]) -> bool:
    return not part["type"].endswith("]") and part["type"] != "tuple"


def _decoder(kind: str) -> Decode:
    if kind == "address":
        return lambda word: checksummed("0x" + word[24:])
    if kind == "bytes32":
        return lambda word: "0x" + word
    if kind == "bool":
        return lambda word: int(word, 16) != 0
    if kind.startswith("uint") and not kind.endswith("]"):
        return lambda word: int(word, 16)
    raise ValueError(f"events with {kind} have no columns")


@cache
def _topics(contract: str) -> dict[str, str]:
    """The first topic of each event of a contract, by the event's name."""
    return {
        entry["name"]: "0x"
        + bytes(Web3.keccak(text=f"{entry['name']}({','.join(map(type_of, entry['inputs']))})")).hex()
        for entry in artifact(contract).abi
        if entry["type"] == "event"
    }


@cache
def _shape(contract: str, name: str) -> _Shape:
    (entry,) = (each for each in artifact(contract).abi if each["type"] == "event" and each["name"] == name)
    topics_ = [part for part in entry["inputs"] if part["indexed"]]
    data = [part for part in entry["inputs"] if not part["indexed"]]
    nested = () if all(map(_is_word, data)) else tuple(data)
    return _Shape(name, _decoders(topics_), () if nested else _decoders(data), nested)


def _decoders(parts: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, Decode], ...]:
    return tuple((part["name"], _decoder(part["type"])) for part in parts)


def topics(contract: str, names: Sequence[str]) -> dict[str, str]:
    """First topics, with their names, of those events that the contract has."""
    known = _topics(contract)
    return {known[name]: name for name in names if name in known}


def read_event(log: Log, contract: str, name: str, time: int) -> Event:
    """Decode a log."""
    args = _shape(contract, name).read(log)
    return Event(log.address, name, args, log.block, time, log.position, log.transaction)


@dataclass(frozen=True)
class Launch:
    """A brand's birth. Texts may hold lone surrogates, for bytes that are no text (`troc.abi`)."""

    token: str
    owner: str
    name: str
    symbol: str
    decimals: int
    epoch_length: int
    origin: int
    block: int
    position: int


LAUNCHED = "Launched"
_LAUNCH = "(address,bytes,bytes,uint8,uint256,uint256,bytes)"


def read_launch(log: Log) -> Launch:
    """Decode `Brands.Launched`. A text can hold any bytes: nobody's launch may stop the reading."""
    (launch,) = decode([_LAUNCH], bytes.fromhex(log.data[2:]), strict=False)
    owner, name, symbol, decimals, epoch_length, origin, _ = launch
    return Launch(
        token=checksummed("0x" + log.topics[1][-40:]),
        owner=checksummed(owner),
        name=name.decode(errors="surrogateescape"),
        symbol=symbol.decode(errors="surrogateescape"),
        decimals=decimals,
        epoch_length=epoch_length,
        origin=origin,
        block=log.block,
        position=log.position,
    )


# ------------------------------------------------------------------------------------------------ why points


OWN, GRANT, BATCH, VOUCHER, RELEASED, IMPORTED = "own", "grant", "batch", "voucher", "released", "imported"
ATTENTION = "attention"
"""Kinds of issues: by the brand itself one by one, by an issuer out of a grant, in a batch of either, by a
voucher, by the maturity of a purchase, into the lot of an older epoch, by a campaign for contacts or a code.
"""
GIVEN_BACK = "given back"

_ANNOUNCED = {"IssuedFor": GRANT, "VoucherClaimed": VOUCHER, "PendingReleased": RELEASED}
_SUMMED = {"BatchIssued": BATCH, "BatchIssuedAtEpoch": IMPORTED}


@dataclass(frozen=True, slots=True)
class Payment:
    """What a campaign paid out of its grant in one go: fresh points of `token`."""

    rewards: str
    campaign: str
    token: str
    transaction: str
    payee: str
    units: int


@dataclass(frozen=True, slots=True)
class Birth:
    """A `Transfer` from nobody, and the event that explains it (none: `mint`), or the campaign that paid."""

    transfer: Event
    kind: str
    cause: Event | None = None
    payment: Payment | None = None

    @property
    def issuer(self) -> str | None:
        """Who issued; None: the brand itself."""
        if self.payment is not None:
            return self.payment.rewards
        issuer = None if self.cause is None else self.cause.args.get("issuer")
        return None if issuer == ZERO_ADDRESS else issuer

    @property
    def nonce(self) -> int | None:
        """The nonce of the voucher that was claimed."""
        return None if self.cause is None else self.cause.args.get("nonce")

    @property
    def reference(self) -> str | None:
        """The receipt's or batch's reference, if there is one, or the campaign."""
        if self.payment is not None:
            return self.payment.campaign
        if self.cause is None:
            return None
        found = self.cause.args.get("receiptId") or self.cause.args.get("batchId")
        return None if found is None or int(found, 16) == 0 else str(found)


def births(events: Sequence[Event], payments: Iterable[Payment] = ()) -> list[Birth]:
    """Every birth of points, explained by the order in which the token logs.

    A single issue is announced right before its `Transfer`, a give-back told right after it, a batch summed
    up after as many `Transfer`s as it has recipients. Nothing can come between, since the token calls nobody.
    What a campaign issues carries no reason of its own: each of its `payments` is one birth of that amount
    for that payee in that transaction.
    """
    found: dict[tuple[int, int], Birth] = {}
    latest: dict[tuple[str, str], list[tuple[int, int]]] = {}
    announced: dict[tuple[str, str], Event] = {}
    for event in events:
        place = event.token, event.transaction
        if event.name == "Transfer":
            if event.args["from"] == ZERO_ADDRESS:
                cause = announced.pop(place, None)
                kind = OWN if cause is None else _ANNOUNCED[cause.name]
                if kind == GRANT and cause is not None and cause.args["issuer"] == ZERO_ADDRESS:
                    kind = OWN
                found[event.block, event.position] = Birth(event, kind, cause)
                latest.setdefault(place, []).append((event.block, event.position))
        elif event.name == "PendingReleased" and event.args["amount"] == 0:
            continue
        elif event.name in _ANNOUNCED:
            announced[place] = event
        elif event.name in _SUMMED:
            recipients = event.args["recipients"]
            for key in latest.get(place, [])[-recipients:] if recipients else []:
                found[key] = Birth(found[key].transfer, _SUMMED[event.name], event)
        elif event.name == "GivenBack":
            key = latest[place][-1]
            found[key] = Birth(found[key].transfer, GIVEN_BACK, event)
    unexplained: dict[tuple[str, str, str, int], list[Payment]] = {}
    for payment in payments:
        told = payment.token, payment.transaction, payment.payee, payment.units
        unexplained.setdefault(told, []).append(payment)
    for key, birth in found.items() if unexplained else ():
        event = birth.transfer
        waiting = unexplained.get((event.token, event.transaction, event.args["to"], event.args["value"]))
        # A mint is announced by nothing, and what a contract issues in its own name says so.
        if waiting and (birth.cause is None or (birth.kind == GRANT and birth.issuer == waiting[0].rewards)):
            found[key] = Birth(event, ATTENTION, birth.cause, waiting.pop(0))
    return [birth for birth in found.values() if birth.transfer.args["value"]]
