"""Whether a domain says of itself that points are its own.

Anyone can launch points under any name and claim any domain. A claim is proven when the domain itself serves
`https://<domain>/.well-known/troc.json`:

    {"points": [{"chainId": 11155111, "token": "0x…"}]}

Who buys data, or attests them, proves an account in the same file:

    {"accounts": [{"chainId": 11155111, "account": "0x…"}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import requests

from troc.errors import InputError
from troc.messages import to_address

Fetch = Callable[[str], bytes]
"""Gives what an address serves. Raises `OSError` where it serves nothing."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]")
_SECONDS = 10
_LARGEST = 65_536


def is_domain(text: str) -> bool:
    """Whether this is a domain in lower case, in its ASCII form, without address, port or path."""
    return len(text) <= 253 and _DOMAIN.fullmatch(text) is not None


def proof_url(domain: str) -> str:
    """Where a domain names the points that are its own."""
    return f"https://{domain}/.well-known/troc.json"


def fetch_https(url: str) -> bytes:
    """Fetch a small file. Follows no redirect: only the domain itself can speak for it."""
    with requests.get(url, timeout=_SECONDS, allow_redirects=False, stream=True) as response:
        if response.status_code != 200:
            raise OSError(f"answers {response.status_code}")
        content = b""
        for chunk in response.iter_content(8192):
            content += chunk
            if len(content) > _LARGEST:
                raise OSError("answers too much")
        return content


def is_proven(domain: str, chain_id: int, token: str, fetch: Fetch) -> bool:
    """Whether `domain` names this token on this chain. False as well where it cannot be reached."""
    return _lists(domain, chain_id, "points", "token", token, fetch)


def is_account_proven(domain: str, chain_id: int, account: str, fetch: Fetch) -> bool:
    """Whether `domain` names this account on this chain. False as well where it cannot be reached."""
    return _lists(domain, chain_id, "accounts", "account", account, fetch)


def _lists(domain: str, chain_id: int, where: str, what: str, address: str, fetch: Fetch) -> bool:
    if not is_domain(domain):
        return False
    try:
        data = json.loads(fetch(proof_url(domain)))
    except (OSError, ValueError, RecursionError):
        return False
    entries = data.get(where) if isinstance(data, dict) else None
    return isinstance(entries, list) and any(_names(entry, chain_id, what, address) for entry in entries)


def _names(entry: object, chain_id: int, what: str, address: str) -> bool:
    if not isinstance(entry, dict) or entry.get("chainId") != chain_id:
        return False
    try:
        return to_address(entry.get(what)) == address
    except InputError:
        return False
