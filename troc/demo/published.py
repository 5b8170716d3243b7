"""What a run has published: calldata and logs, searched for what must not be in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from troc.chain import Chain
from troc.data import chunks, cipher, sealed
from troc.data.deals import Sale
from troc.data.manifest import Manifest
from troc.data.sealed import OneTime
from troc.data.vault import Vault

_SHORTEST = 6
"""Bytes of a value that is looked for by itself: shorter ones turn up by chance."""


@dataclass(frozen=True)
class Secrets:
    """What of one record and its sealed copy belongs to nobody but its parties, by what it is."""

    whose: str
    commitment: bytes
    values: dict[str, bytes] = field(repr=False)

    @classmethod
    def of(cls, whose: str, vault: Vault, copy: Manifest) -> Secrets:
        """Each cell as it is sealed and by itself, the salts, the leaves, the roots, the key."""
        record = vault.record(copy.plain_root)
        values = {
            f"{whose}: the key": vault.key(copy.root),
            f"{whose}: the plain root": copy.plain_root,
            f"{whose}: the record's secret": record.secret,
        }
        for place, (leaf, chunk) in enumerate(zip(record.plain_leaves(), record.chunks(), strict=True)):
            data = chunks.unpack(chunk)
            values[f"{whose}: the salt at {place}"] = chunk[: chunks.SALT]
            values[f"{whose}: the plain leaf at {place}"] = leaf
            if data:
                values[f"{whose}: the piece at {place}"] = data
        for row in chunks.read_rows(record.layout, dict(enumerate(record.pieces))):
            for name, value in row.items():
                if len(text := str(value)) >= _SHORTEST:
                    values[f"{whose}: {name} {text}"] = text.encode()
                if isinstance(value, int) and value >= 2**32:
                    # As a number of the fewest bytes, whatever stands around it.
                    values[f"{whose}: {name} {text} as a number"] = value.to_bytes(
                        (value.bit_length() + 7) // 8
                    )
        return cls(whose, copy.key_commit, values)


@dataclass(frozen=True)
class Found:
    """What was found: `size` bytes were read; `values` by what they are; `keys`: whose could be opened."""

    size: int
    values: tuple[str, ...]
    keys: tuple[str, ...]


def read_published(chain: Chain, since: int) -> list[bytes]:
    """The calldata, and the topics and data of the logs, of every transaction from a block on."""
    found = []
    for number in range(since, chain.block_number() + 1):
        block = chain.web3.eth.get_block(number, True)
        transactions: Any = block["transactions"]
        found += [bytes(transaction["input"]) for transaction in transactions]
    for log in chain.web3.eth.get_logs({"fromBlock": since, "toBlock": "latest"}):
        found.append(b"".join(map(bytes, log["topics"])) + bytes(log["data"]))
    return found


def find_published(chain: Chain, since: int, sales: Iterable[Sale], all_secrets: Sequence[Secrets]) -> Found:
    """Look in all that was published from a block on for secrets, and for what opens a key that was
    delivered: any word of it may be a one-time secret, of either side.
    """
    texts = read_published(chain, since)
    owners = {each.commitment: each.whose for each in all_secrets}
    words = {word for text in texts for word in _words(text)}
    opened = {owners[commit] for word in words if (commit := cipher.commitment(word)) in owners}
    delivered = [sale for sale in sales if sale.delivered is not None]
    for sale, secret in _secrets_among(words, delivered):
        assert sale.delivered is not None
        for point in (sale.delivered.point_e, sale.point_b):
            commit = cipher.commitment(sealed.unwrap(sale.delivered.wrapped, sale.id, secret, point))
            if commit in owners:
                opened.add(owners[commit])
    whole = b"\0".join(texts)
    values = tuple(what for each in all_secrets for what, value in each.values.items() if value in whole)
    return Found(sum(map(len, texts)), values, tuple(sorted(opened)))


def _secrets_among(words: Iterable[bytes], sales: Sequence[Sale]) -> Iterator[tuple[Sale, OneTime]]:
    """The words that are the secret of a point of a sale."""
    posted: dict[bytes, list[Sale]] = {}
    for sale in sales:
        assert sale.delivered is not None
        for x in (sale.point_b, sale.delivered.point_e):
            posted.setdefault(x, []).append(sale)
    for word in words:
        number = int.from_bytes(word)
        if 0 < number < sealed.ORDER:
            # The same point has two secrets, of which it knows the one with the even y.
            point = sealed.one_time(number)
            for sale in posted.get(point.x, ()):
                yield sale, point


def _words(text: bytes) -> Iterator[bytes]:
    """Words of 32 bytes, in calldata behind its selector and in logs from the start."""
    for start in (0, 4):
        for at in range(start, len(text) - 31, 32):
            yield text[at : at + 32]
