"""What must never stand in the tree: a key, a registry's address, a machine's path, an error's name twice...

    python tools/tree.py

Part of `make lint`. Prints one line for each finding, `file:line: what`, and ends with 1 if there is any.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The only file that may hold the mnemonic and the keys that every local chain starts with.
DEV_ACCOUNTS = "troc/accounts.py"
# Mnemonics have 12 to 24 words of a fixed list, and a checksum.
MNEMONIC_WORDS = (24, 21, 18, 15, 12)
HEX_WORD = re.compile(r"(?<![0-9a-fA-F])(?:0x)?[0-9a-fA-F]{64}(?![0-9a-fA-F])")
KEY_NAME = re.compile(r"priv|secret|signer|wallet|(?<![a-z])(?:s|p)k(?![a-z])|key(?![a-z])", re.IGNORECASE)
# Said of something else than a signing key.
NO_KEY_NAME = re.compile(r"\bprivate (?:constant|immutable)|public.?key|keystore", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:home|root|Users|work|workspace|mnt|srv)/[\w.-]+|\b[A-Z]:\\\w+")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
# One word for one thing: the word that is not used here, and the one that is.
WORDS = {"merchant": "brand", "shopper": "customer", "consumer": "customer", "cheque": "voucher"}
ERROR = re.compile(r"^\s*error\s+(\w+)\s*\(", re.MULTILINE)
PRAGMA = re.compile(r"^pragma solidity (.+);", re.MULTILINE)
TEXT_LIMIT = 2_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that must not be there; `line` counts from 1."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class File:
    """A file of the tree; `path` is relative to the root, with slashes."""

    path: str
    text: str

    def lines(self) -> Iterator[tuple[int, str]]:
        return enumerate(self.text.splitlines(), start=1)

    @property
    def is_lock(self) -> bool:
        return self.path.endswith(".lock") or Path(self.path).name == "package-lock.json"

    @property
    def is_data(self) -> bool:
        """Made by a program: bytecode, digests, figures."""
        return self.is_lock or self.path.endswith((".json", ".csv", ".parquet"))


def read_tree(root: Path = ROOT) -> list[File]:
    """Every text file that is in git or could be added to it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    files = []
    for name in filter(None, listed.split("\0")):
        path = root / name
        if not path.is_file() or path.stat().st_size > TEXT_LIMIT:
            continue
        try:
            files.append(File(name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return files


def find_registries(file: File) -> Iterator[Finding]:
    """A lock file says what, and by its hash which; where from is each machine's own business."""
    if Path(file.path).name == "package-lock.json":
        for path, entry in json.loads(file.text).get("packages", {}).items():
            if "resolved" in entry and not entry.get("link"):
                yield Finding(file.path, 1, f"{path} carries the address that it came from: run `make lock`")
    elif file.path.endswith(".lock"):
        for number, line in file.lines():
            if "://" in line or line.startswith(("--index", "--extra-index", "--find-links", "-i ", "-f ")):
                yield Finding(file.path, number, "carries the address of a registry: run `make lock`")
    elif Path(file.path).name in (".npmrc", "pip.conf", "uv.toml"):
        for number, line in file.lines():
            if "://" in line:
                yield Finding(file.path, number, "names a registry: leave that to each machine")


@cache
def mnemonic_words() -> frozenset[str]:
    from eth_account.hdaccount.mnemonic import Mnemonic
    from eth_account.types import Language

    return frozenset(Mnemonic(Language.ENGLISH).wordlist)


def is_mnemonic(words: list[str]) -> bool:
    """Whether these words are a seed phrase, by their checksum too."""
    from eth_account.hdaccount.mnemonic import Mnemonic
    from eth_account.types import Language

    return bool(Mnemonic(Language.ENGLISH).is_mnemonic_valid(" ".join(words)))


def find_mnemonics(file: File) -> Iterator[Finding]:
    if file.is_lock or file.path == DEV_ACCOUNTS:
        return
    known = mnemonic_words()
    # Across lines too, but not across other words.
    words = [(match.group(), match.start()) for match in re.finditer(r"[A-Za-z]+", file.text)]
    for is_known, group in itertools.groupby(words, key=lambda word: word[0].lower() in known):
        run = list(group)
        if not is_known or len(run) < min(MNEMONIC_WORDS):
            continue
        for first in range(len(run) - min(MNEMONIC_WORDS) + 1):
            for count in MNEMONIC_WORDS:
                phrase = [word.lower() for word, _ in run[first : first + count]]
                if len(phrase) == count and is_mnemonic(phrase):
                    line = file.text.count("\n", 0, run[first][1]) + 1
                    yield Finding(file.path, line, "a seed phrase: keys live in keystores")
                    return


def find_keys(file: File) -> Iterator[Finding]:
    """32 bytes in hexadecimal beside a word that says they sign something; keystores and key files."""
    name = Path(file.path).name
    if name == ".env" or name.endswith((".pem", ".key")):
        yield Finding(file.path, 1, "a file of secrets: delete it and add it to .gitignore")
    if file.path.endswith(".json") and '"ciphertext"' in file.text and '"kdf"' in file.text:
        yield Finding(file.path, 1, "a keystore: keep it in ~/.brownie/accounts")
    if file.is_data or file.path == DEV_ACCOUNTS:
        return
    before = ""
    for number, line in file.lines():
        if HEX_WORD.search(line):
            context = NO_KEY_NAME.sub("", before + " " + HEX_WORD.sub("", line))
            if KEY_NAME.search(context) and "keccak256" not in before + line:
                yield Finding(file.path, number, "looks like a private key: keys live in keystores")
        before = line


def find_machine_paths(file: File) -> Iterator[Finding]:
    if file.is_lock:
        return
    for number, line in file.lines():
        if match := MACHINE_PATH.search(line):
            yield Finding(
                file.path, number, f"{match.group()} is the path of one machine: say it relative to the root"
            )


def find_words(file: File) -> Iterator[Finding]:
    if file.is_data:
        return
    for number, line in file.lines():
        if match := UNFINISHED.search(line):
            yield Finding(file.path, number, f"{match.group()}: finish it, or file an issue")
        if (
            file.path.startswith(("contracts/", "interfaces/", "troc/", "docs/"))
            and file.path != "docs/decisions.md"
        ):
            for word, ours in WORDS.items():
                if re.search(rf"\b{word}s?\b", line, re.IGNORECASE):
                    yield Finding(file.path, number, f"say {ours}, not {word}: one word for one thing")


def find_pragmas(file: File) -> Iterator[Finding]:
    if not file.path.startswith("contracts/") or not file.path.endswith(".sol"):
        return
    pragma = PRAGMA.search(file.text)
    if pragma is None or pragma.group(1) != "0.8.30":
        yield Finding(file.path, 1, "contracts say `pragma solidity 0.8.30;`, exactly")


def find_doubled_errors(files: Iterable[File]) -> Iterator[Finding]:
    """brownie keeps the names of errors in one list for all contracts: each is declared once."""
    seen: dict[str, str] = {}
    for file in files:
        if not file.path.startswith(("contracts/", "interfaces/")) or not file.path.endswith(".sol"):
            continue
        for match in ERROR.finditer(file.text):
            name = match.group(1)
            line = file.text.count("\n", 0, match.start(1)) + 1
            if name in seen:
                yield Finding(file.path, line, f"error {name} is declared in {seen[name]} already")
            seen.setdefault(name, file.path)


FINDERS: tuple[Callable[[File], Iterator[Finding]], ...] = (
    find_registries,
    find_mnemonics,
    find_keys,
    find_machine_paths,
    find_words,
    find_pragmas,
)


def inspect(files: list[File]) -> list[Finding]:
    """All findings, in the order of the files."""
    findings = [finding for file in files for finder in FINDERS for finding in finder(file)]
    return [*findings, *find_doubled_errors(files)]


def main() -> int:
    findings = inspect(read_tree())
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
