"""brownie on a node of its own, without what only live networks, its console and `--update` need.

A transaction costs brownie a dozen requests, two threads and a snapshot, the end of a test another dozen
requests, and a transaction that fails a trace with the whole memory at each step. Here a transaction asks for
its nonce, its hash, itself and its receipt, and one that failed for what it returned.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from brownie import web3
from brownie.network import account, contract, state, transaction
from urllib3 import HTTPConnectionPool
from web3.exceptions import TransactionNotFound

_RECEIPT_SECONDS = 5.0
_UNNEEDED = ("gas_price_strategy", "ens_name_to_address", "validation")


class _AtOnce:
    """In place of a thread for which its caller waits."""

    def __init__(self, target: Callable[..., Any], args: tuple[Any, ...] = (), **_: Any) -> None:
        self.start = lambda: target(*args)

    def join(self) -> None:
        """It has ended."""


def _request(method: str, *params: Any) -> Any:
    answer = web3.provider.make_request(method, list(params))
    assert "error" not in answer, f"{method}{params}: {answer['error']}"
    return answer["result"]


def _post(endpoint: str) -> Callable[[str, bytes], bytes]:
    """Straight to the node: requests looks for a proxy and a password in each of them."""
    to = urlsplit(endpoint)
    pool = HTTPConnectionPool(to.hostname or "", to.port, maxsize=4)

    def post(method: str, body: bytes) -> bytes:
        return pool.urlopen("POST", "/", body=body, headers={"Content-Type": "application/json"}).data

    return post


def _await_confirmation(self: Any, block_number: int | None = None, required_confs: int = 1) -> None:
    """The node counts a transaction before it knows its receipt, for a large block some milliseconds long;
    brownie takes one that it finds in that time for dropped.
    """
    give_up = time.monotonic() + _RECEIPT_SECONDS
    while True:
        try:
            receipt = web3.eth.get_transaction_receipt(self.txid)
            break
        except TransactionNotFound:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.005)
    self._set_from_receipt(receipt)
    self._confirmed.set()


def _get_trace(self: Any, whole: Callable[[Any], None] = transaction.TransactionReceipt._get_trace) -> None:
    """Of a transaction that failed what it returned; the whole trace where that is nothing, or refused."""
    if self.status == 0 and self._revert_msg is None and self._raw_trace is None:
        answer = web3.provider.make_request(
            "debug_traceTransaction",
            [self.txid, {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}],
        )
        if (output := answer.get("result", {}).get("output", "0x")) != "0x":
            self._reverted_return_value(output)
            return
    whole(self)


def _raise_if_reverted(
    self: Any,
    exc: Any,
    look: Callable[[Any, Any], None] = transaction.TransactionReceipt._raise_if_reverted,
) -> None:
    """The error says what is wrong; only where there is none, the line of source that failed tells more."""
    if self.status == 0 and self.revert_msg:
        raise exc._with_attr(revert_msg=self.revert_msg)
    look(self, exc)


def _revert_chain(self: Any, snapshot: int | str) -> int | str:
    assert _request("evm_revert", snapshot) is True, f"the node has lost snapshot {snapshot}"
    self._time_offset = self._snapshot_time_offsets[snapshot]
    again: int | str = self._take_snapshot()
    state._notify_registry(web3.eth.block_number)
    return again


def _revert_contracts(self: Any, height: int) -> None:
    """Those deployed later are gone. brownie asks the node for the code of all, here of those that another
    contract deployed.
    """

    def is_gone(one: Any) -> bool:
        return one.tx.block_number > height if one.tx else not web3.eth.get_code(one.address)

    for gone in [one for one in self._contracts if is_gone(one)]:
        self.remove(gone)
        gone._reverted = True


@contextmanager
def brownie_made_quick() -> Iterator[None]:
    # `brownie.network.rpc` as an attribute is the object of that name, which hides the module.
    rpc: Any = sys.modules["brownie.network.rpc"]

    def stack() -> list[SimpleNamespace]:
        """For each snapshot brownie looks at its whole call stack, source lines and all."""
        frame = sys._getframe(1)
        return [SimpleNamespace(frame=frame), SimpleNamespace(frame=frame.f_back)]

    threads = SimpleNamespace(Thread=_AtOnce, Event=transaction.threading.Event, Lock=account.threading.Lock)
    receipt = transaction.TransactionReceipt
    with ExitStack() as changed:
        for owner, name, value in (
            (rpc, "inspect", SimpleNamespace(stack=stack)),
            # For each revert it collects garbage, of all that the tests before have left.
            (state, "gc", SimpleNamespace(collect=lambda: 0)),
            (transaction, "threading", threads),
            (account, "threading", threads),
            (web3.provider, "_make_request", _post(web3.provider.endpoint_uri)),
            (receipt, "_await_confirmation", _await_confirmation),
            (receipt, "_get_trace", _get_trace),
            (receipt, "_raise_if_reverted", _raise_if_reverted),
            (state.Chain, "_add_to_undo_buffer", lambda *_: None),
            (state.Chain, "_revert", _revert_chain),
            (contract.ContractContainer, "_revert", _revert_contracts),
        ):
            changed.enter_context(patch.object(owner, name, value))
        for name in _UNNEEDED:
            web3.middleware_onion.remove(name)
        yield
