"""Who brings a signed act to the chain: an account with ether, or relays that pay for it.

A relay is trusted with nothing: it can leave an act, and change nothing of it. Whether an act took effect is
read from the log, through one's own node; where one relay does not bring it, the next is asked, and at last
the chain itself. That is safe, since each act counts once however often it is submitted.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import requests
from urllib3.exceptions import HTTPError

from troc import words
from troc.accounts import Signer
from troc.acts import Act, Acts
from troc.chain import Chain, Receipt
from troc.errors import ContractError, InputError, RelayError
from troc.messages import ZERO_ADDRESS

_log = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
"""In which a relay must have answered, whole."""
_LARGEST_ANSWER = 64 * 1024
_OVER = ("failed",)
_GONE_AFTER = 3
"""How often in a row a relay that accepted something may fail to say how it stands."""


class Submitter(Protocol):
    """Brings acts to the chain."""

    @property
    def agent(self) -> str:
        """Whom a redemption must name as its agent; the zero address: anyone."""

    @property
    def address(self) -> str:
        """The account from which calls are rehearsed."""

    def submit(self, acts: Sequence[Act]) -> list[Receipt]:
        """Submit acts that can share a call (or a single one); gives the transactions by which they took
        effect, the last one last. Raises `ContractError` where the contract refuses.
        """


class Direct:
    """An account that sends and pays."""

    def __init__(self, chain: Chain, acts: Acts, signer: Signer) -> None:
        self._chain = chain
        self._acts = acts
        self.signer = signer

    @property
    def agent(self) -> str:
        """Itself."""
        return self.signer.address

    @property
    def address(self) -> str:
        """Its own."""
        return self.signer.address

    def submit(self, acts: Sequence[Act]) -> list[Receipt]:
        """Send them in one transaction."""
        return [self._chain.send(self._acts.call(acts), self.signer)]


class Relays:
    """Relays by their URLs, each tried in turn; `fallback` opens the account that pays where all fail, if
    it has ether. `say` is told what happens on the way.
    """

    def __init__(
        self,
        chain: Chain,
        acts: Acts,
        urls: Sequence[str],
        fallback: Callable[[], Signer] | None = None,
        say: Callable[[str], None] = _log.warning,
    ) -> None:
        self._chain = chain
        self._acts = acts
        self.urls = [check_url(url) for url in urls]
        self._fallback = fallback
        self._say = say
        self._accepted = False

    @property
    def agent(self) -> str:
        """Anyone: which relay it will be, nobody knows yet."""
        return ZERO_ADDRESS

    @property
    def address(self) -> str:
        """Nobody's."""
        return ZERO_ADDRESS

    def submit(self, acts: Sequence[Act]) -> list[Receipt]:
        """Bring them to the chain through the first relay that does so, or by the fallback."""
        since = self._chain.block_number()
        done: dict[str, str] = {}
        left = {act.id: act for act in acts}
        reasons: list[str] = []
        self._accepted = False
        for url in self.urls:
            why = self._by_relay(url, left, done, since)
            if not left:
                return self._receipts(done.values())
            reasons.append(f"{_host(url)}: {why}")
            self._say(f"The relay {_host(url)} did not do it: {why}.")
        # What a relay sent may have arrived in the last moment.
        self._look(left, done, since)
        if left:
            signer = self._payer(reasons, list(left.values()), since)
            self._say(f"No relay did it; {signer.address} sends it and pays.")
            done |= dict.fromkeys(left, self._send(list(left.values()), signer, since).transaction)
        return self._receipts(done.values())

    def _send(self, acts: list[Act], signer: Signer, since: int) -> Receipt:
        try:
            return self._chain.send(self._acts.call(acts), signer)
        except ContractError:
            # A relay that was given up may have brought it after all.
            found = self._acts.find(acts[0], since) if len(acts) == 1 else None
            receipt = None if found is None else self._chain.receipt(found)
            if receipt is None:
                raise
            return receipt

    def _by_relay(self, url: str, left: dict[str, Act], done: dict[str, str], since: int) -> str:
        """Moves what took effect from `left` to `done`; says why the rest did not."""
        accepted: set[str] = set()
        why = ""
        for id_, act in left.items():
            try:
                _ask("POST", f"{url}/messages", act.to_json())
                accepted.add(id_)
                self._accepted = True
            except RelayError as error:
                why = why or error.message
        give_up = time.monotonic() + self._chain.config.wait_seconds / 3
        gone = 0
        while accepted:
            self._look({id_: left[id_] for id_ in accepted}, done, since)
            for id_ in accepted & done.keys():
                del left[id_]
            accepted -= done.keys()
            if time.monotonic() > give_up:
                why = why or f"it accepted, and did nothing within {words.count(self._patience, 'second')}"
                break
            for id_ in sorted(accepted):
                # Only to learn earlier that it gave up: that something was done is read from the log.
                failed = self._failed(url, id_)
                if failed:
                    accepted.remove(id_)
                    why = why or failed
                gone = gone + 1 if failed is None else 0
            if gone >= _GONE_AFTER:
                # What it sent before is found in the log all the same, by whoever comes next.
                why = why or "it accepted, and does not answer any more"
                break
            if accepted:
                time.sleep(self._chain.config.poll_seconds)
        return why

    @property
    def _patience(self) -> int:
        return max(1, round(self._chain.config.wait_seconds / 3))

    def _failed(self, url: str, id_: str) -> str | None:
        """Why a relay gave something up; nothing where it did not, and None where it does not say."""
        try:
            found = _ask("GET", f"{url}/messages/{id_}")
        except RelayError:
            return None
        if found.get("state") not in _OVER:
            return ""
        why = found.get("why")
        said = why.get("message") if isinstance(why, dict) else None
        return words.shown(str(said or "it gave up"))[:200]

    def _look(self, acts: dict[str, Act], done: dict[str, str], since: int) -> None:
        for id_, act in list(acts.items()):
            transaction = self._acts.find(act, since)
            if transaction is not None and self._is_confirmed(transaction):
                done[id_] = transaction
                del acts[id_]

    def _is_confirmed(self, transaction: str) -> bool:
        receipt = self._chain.receipt(transaction)
        if receipt is None:
            return False
        return self._chain.block_number() - receipt.block + 1 >= self._chain.config.confirmations

    def _receipts(self, transactions: Any) -> list[Receipt]:
        found = [self._chain.receipt(transaction) for transaction in dict.fromkeys(transactions)]
        return sorted((each for each in found if each is not None), key=lambda receipt: receipt.block)

    def _payer(self, reasons: list[str], acts: list[Act], since: int) -> Signer:
        signer = None if self._fallback is None else self._fallback()
        if signer is None or not self._chain.balance(signer.address):
            if not any(self._acts.find(act, since) for act in acts):
                # Where the contract refuses, that is the reason, and one that a caller may know to mend.
                self._chain.estimate(self._acts.call(acts), self.address)
            remedy = "name another --relay, or let an account with ether (--submit-with) send it"
            if self._accepted:
                remedy = f"what was accepted may still arrive: look before you sign anew; else {remedy}"
            raise RelayError(f"no relay did it ({'; '.join(reasons)})", remedy)
        return signer


def check_url(url: str) -> str:
    """The URL of a relay without a slash at its end."""
    if not url.startswith(("http://", "https://")) or any(letter.isspace() for letter in url):
        raise InputError(f"{url!r} is no address of a relay", "write it as in https://relay.example")
    return url.rstrip("/")


def ask_relay(url: str, path: str) -> dict[str, Any]:
    """What a relay answers to a question (`/status`, `/messages/0x…`). Raises `RelayError`."""
    return _ask("GET", check_url(url) + path)


def _ask(method: str, url: str, body: Any = None) -> dict[str, Any]:
    found: queue.SimpleQueue[tuple[int, bytes] | Exception] = queue.SimpleQueue()

    def fetch() -> None:
        try:
            found.put(_fetch(method, url, body))
        except Exception as error:
            found.put(error)

    # A time-out of the connection starts again with every byte: a relay could hold its customer for days.
    threading.Thread(target=fetch, name="asks a relay", daemon=True).start()
    try:
        answer = found.get(timeout=REQUEST_SECONDS)
        if isinstance(answer, Exception):
            raise answer
        status, content = answer
        data = None if len(content) > _LARGEST_ANSWER else json.loads(content)
    except (requests.RequestException, HTTPError, OSError, queue.Empty):
        raise RelayError("it does not answer", "try another relay") from None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise RelayError("it answers nonsense", "try another relay")
    if status != 200:
        message, remedy = (words.shown(str(data.get(key, "")))[:300] for key in ("message", "remedy"))
        raise RelayError(message or f"it answers {status}", remedy or "try another relay")
    return data


def _fetch(method: str, url: str, body: Any) -> tuple[int, bytes]:
    with requests.request(
        method, url, json=body, timeout=REQUEST_SECONDS, stream=True, allow_redirects=False
    ) as answer:
        return answer.status_code, answer.raw.read(_LARGEST_ANSWER + 1, decode_content=True)


def _host(url: str) -> str:
    return url.split("://", 1)[1].split("/", 1)[0].rsplit("@", 1)[-1]
