"""A steady load on one of our services, from a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx
import psutil

from benchmarks.records import BenchmarkError

_CONNECTIONS = 32


@dataclass(frozen=True)
class Request:
    """What is posted."""

    path: str
    body: str


@dataclass(frozen=True)
class Load:
    """What the load generator saw. Latencies in milliseconds, from the moment a request was due."""

    accepted: int
    refused: int
    seconds: float
    p50: float
    p99: float
    worst: float


def generate(
    port: int, requests: Sequence[Request], rate: int, headers: Mapping[str, str] | None = None
) -> Load:
    """Post these, `rate` a second."""
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[Load] = context.Queue()
    arguments = (port, requests, rate, dict(headers or {}), answer)
    generator = context.Process(target=_generate, args=arguments, daemon=True)
    generator.start()
    load = answer.get(timeout=len(requests) / rate * 10 + 60)
    generator.join()
    return load


def _generate(
    port: int,
    requests: Sequence[Request],
    rate: int,
    headers: Mapping[str, str],
    answer: multiprocessing.Queue[Load],
) -> None:
    answer.put(asyncio.run(_load(port, requests, rate, headers)))


async def _load(port: int, requests: Sequence[Request], rate: int, headers: Mapping[str, str]) -> Load:
    """Requests over plain sockets: a client library would take more of the two cores than the service."""
    latencies: list[float] = []
    refused = 0
    queue = iter(enumerate(requests))
    start = time.perf_counter() + 0.5
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def connection() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, request in queue:
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(
                f"POST {request.path} HTTP/1.1\r\nHost: load\r\n{more}Content-Type: application/json\r\n"
                f"Content-Length: {len(request.body)}\r\n\r\n{request.body}".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
            await reader.readexactly(length)
            if head.split(" ", 2)[1] == "200":
                latencies.append((time.perf_counter() - due) * 1000)
            else:
                refused += 1
        writer.close()

    await asyncio.gather(*(connection() for _ in range(_CONNECTIONS)))
    took = time.perf_counter() - start
    latencies.sort()
    at = [latencies[min(len(latencies) - 1, int(len(latencies) * share))] for share in (0.5, 0.99, 1.0)]
    return Load(len(latencies), refused, took, *at)


def troc_in(folder: Path, rpc: str, account: str) -> tuple[list[str], dict[str, str]]:
    """How to run `troc` in a folder that knows the local chain: the command and its environment."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.02\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    return [sys.executable, "-m", "troc", "--rpc", rpc, "--account", account, "--json"], environment


@contextmanager
def serving(
    rpc: str, account: str, folder: Path, arguments: Sequence[str], port: int
) -> Iterator[psutil.Process]:
    """A service of `troc`, started as a user starts it; gives its process."""
    base, environment = troc_in(folder, rpc, account)
    process = subprocess.Popen([*base, *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > give_up:
                    raise BenchmarkError("the service does not start") from None
                time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def report(found: Mapping[str, object], rate: int, p99: float) -> NoReturn:
    """Print what was measured, and end: with 1 where the bar is missed."""
    for name, value in found.items():
        print(f"{name:22} {value:.1f}" if isinstance(value, float) else f"{name:22} {value}")
    met = found["refused"] == 0 and float(str(found["p99"])) < p99
    print("the bar is met" if met else f"the bar is missed: {rate} a second, p99 below {p99:g} ms")
    sys.exit(0 if met else 1)
