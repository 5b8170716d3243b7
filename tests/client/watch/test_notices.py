"""What is told, that it arrives whatever happens, and that it can be checked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.index.test_events import call, word
from tests.client.trade.conftest import DAY, World
from tests.client.watch.endpoint import Endpoint, endpoint
from troc.chain import Chain
from troc.errors import AccountError, InputError
from troc.index import Index
from troc.programme import notices
from troc.programme.notices import (
    Courier,
    Outbox,
    Sent,
    check_url,
    read_secret,
    sign_notice,
    verify_notice,
    write_secret,
)
from troc.programme.vault import BrandStore
from troc.programme.watch import Findings, Rule, Watch

SECRET = b"s" * 64
BATCH = b"notices".ljust(32, b"\0")
NOBODY = "0x" + "00" * 20


@dataclass
class Clock:
    """The sender's clock, which a test moves."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(store: BrandStore, clock: Clock) -> Outbox:
    return Outbox(store, clock)


Collect = Callable[..., int]


@pytest.fixture
def collect(index: Index, outbox: Outbox) -> Collect:
    """Catches up and writes down what is to be told."""

    def run(*urls: str, expiring: int = 0, returns: int = 0) -> int:
        index.catch_up()
        return outbox.collect(index, urls, expiring * DAY, returns * DAY)

    return run


def told(received: Endpoint) -> list[dict[str, Any]]:
    """The notices that came, each checked."""
    return [
        verify_notice(SECRET, headers[notices.SIGNATURE], body, now=1_800_000_000, tolerance=10**9)
        for headers, body in received.received
    ]


# ------------------------------------------------------------------------------------------- what is told


def test_balances_that_changed(world: World, store: BrandStore, outbox: Outbox, collect: Collect) -> None:
    acme = store.brand
    with endpoint() as hook:
        # What was before the first run is not told.
        assert collect(hook.url) == 0
        world.ann.send("150 ACME", world.bob.address)
        world.ann.send("5 ACME", world.ann.address)
        call(world, acme, "mintBatch", BATCH, [word(world.bob.address, 7), word(world.bob.address, 8)])
        world.brand.mint("BETA", {world.bob.address: 9})
        assert collect(hook.url) == 3
        assert collect(hook.url) == 0
        assert outbox.deliver(hook.url, SECRET) == Sent(hook.url, 3)
        assert outbox.deliver(hook.url, SECRET) == Sent(hook.url)
        found = {(each["data"]["account"], each["data"]["units"]): each for each in told(hook)}
    assert set(found) == {
        (world.ann.address, "-150"),
        (world.bob.address, "150"),
        (world.bob.address, "15"),
    }
    received = found[world.bob.address, "150"]
    assert received["event"] == "balance.changed"
    assert received["brand"] == {"chain_id": 31337, "token": acme.address, "symbol": "ACME"}
    assert received["data"]["changes"] == {"received": "150"}
    assert received["data"]["balance"] == "150"
    assert found[world.bob.address, "15"]["data"]["balance"] == "165"
    assert found[world.ann.address, "-150"]["data"]["balance"] == "250"
    assert received["data"]["transaction"] == found[world.ann.address, "-150"]["data"]["transaction"]


def test_only_blocks_that_are_confirmed(world: World, store: BrandStore, outbox: Outbox, url: str) -> None:
    patient = Chain.connect(replace(world.chain.config, confirmations=3))
    index = Index(patient, world.manifest, url)

    def collect() -> int:
        index.catch_up()
        return outbox.collect(index, ["http://localhost/"], 0, 0)

    assert collect() == 0
    call(world, store.brand, "mint", world.bob.address, 1)
    for _ in range(2):
        assert collect() == 0
        world.pass_days(1 / 24)
    assert collect() == 1


def test_points_that_expire_once_a_lot(world: World, store: BrandStore, collect: Collect) -> None:
    expiry = world.ann.balance("ACME").lots[-1].expiry
    world.pass_until(expiry - 30 * DAY - 60)
    assert collect("http://localhost/", expiring=30) == 0
    world.pass_until(expiry - 30 * DAY)
    assert collect("http://localhost/", expiring=30) == 1
    world.pass_until(expiry - DAY)
    # Spending some of it makes no second notice, and another lot is another one.
    world.ann.redeem("5 ACME", BATCH)
    world.brand.mint("ACME", {world.ann.address: 11})
    assert collect("http://localhost/", expiring=30) == 2
    outbox = Outbox(store)
    events = [each.event for each in outbox.deliveries()]
    assert sorted(events) == ["balance.changed", "balance.changed", "points.expiring"]
    later = max(lot.expiry for lot in world.ann.balance("ACME").lots if lot.units)
    world.pass_until(later - 30 * DAY)
    collect("http://localhost/", expiring=30)
    events = [each.event for each in outbox.deliveries()]
    assert events.count("points.expiring") == 2


def test_purchases_due_and_matured(world: World, store: BrandStore, outbox: Outbox, collect: Collect) -> None:
    acme, ann, bob = store.brand, world.ann.address, world.bob.address
    matures_at = world.chain.now() + 20 * DAY
    with endpoint() as hook:
        assert collect(hook.url, returns=3) == 0
        call(world, acme, "mintPending", BATCH, matures_at, [word(ann, 10), word(bob, 20), word(ann, 30)])
        call(world, acme, "cancelPending", NOBODY, 0, 4)
        call(world, acme, "cancelPending", NOBODY, 1, 20)
        world.pass_until(matures_at - 3 * DAY - 60)
        assert collect(hook.url, returns=3) == 0
        world.pass_until(matures_at - 3 * DAY)
        assert collect(hook.url, returns=3) == 2
        world.pass_until(matures_at + 60)
        # One of them is released before anybody looks.
        call(world, acme, "releasePending", NOBODY, [2])
        assert collect(hook.url, returns=3) == 2 + 1
        call(world, acme, "releasePending", NOBODY, [0])
        assert collect(hook.url, returns=3) == 1
        outbox.deliver(hook.url, SECRET)
        seen = sorted((each["event"], each["data"]["units"]) for each in told(hook))
    assert seen == [
        ("balance.changed", "30"),
        ("balance.changed", "6"),
        ("pending.matured", "30"),
        ("pending.matured", "6"),
        ("return.due", "30"),
        ("return.due", "6"),
    ]


def test_findings_of_watch(store: BrandStore, index: Index, outbox: Outbox, collect: Collect) -> None:
    rule = Rule.parse(
        "mine",
        "-- severity: low\n-- reason: {recipient} got {units}\n-- key: recipient\n"
        "SELECT recipient, units FROM chain_issues WHERE token = :token",
    )
    findings = Findings(store)
    with endpoint() as hook:
        assert collect(hook.url) == 0
        (found,) = Watch(findings, index, [rule]).run().new
        assert collect(hook.url) == 1
        assert collect(hook.url) == 0
        outbox.deliver(hook.url, SECRET)
        (notice,) = told(hook)
    assert notice["event"] == "watch.finding"
    assert notice["data"]["id"] == found.id
    assert notice["data"]["reason"] == found.reason


# ------------------------------------------------------------------------------------ that it arrives


@pytest.fixture
def one(world: World, store: BrandStore, collect: Collect) -> Callable[..., None]:
    """Writes one notice down for some endpoints."""

    def make(*urls: str) -> None:
        collect(*urls)
        call(world, store.brand, "mint", world.bob.address, 1)
        assert collect(*urls) == 1

    return make


def test_what_fails_is_tried_again_under_the_same_key(
    one: Callable[..., None], outbox: Outbox, clock: Clock
) -> None:
    with endpoint(answers=[500, 404]) as hook:
        one(hook.url)
        pauses = []
        for status in (500, 404):
            assert outbox.deliver(hook.url, SECRET) == Sent(hook.url, 0, 1, 0, f"answers {status}")
            (waiting,) = outbox.deliveries()
            pauses.append(waiting.next_at - clock.now)
            # Not before its time.
            clock.now = waiting.next_at - 0.01
            assert outbox.deliver(hook.url, SECRET) == Sent(hook.url)
            clock.now = waiting.next_at
        assert outbox.deliver(hook.url, SECRET) == Sent(hook.url, 1)
        assert 15 <= pauses[0] <= 30 <= pauses[1] <= 60
        assert len(hook.received) == 3
        assert len(set(hook.keys())) == 1
        assert len({body for _, body in hook.received}) == 1
        # Each attempt is signed at its own time.
        assert len({headers[notices.SIGNATURE] for headers, _ in hook.received}) == 3
        (done,) = outbox.deliveries()
        assert (done.state, done.attempts, done.said) == ("delivered", 3, "")


def test_pauses_grow_up_to_a_limit_and_are_random() -> None:
    for attempt, longest in ((1, 30), (2, 60), (5, 480), (20, notices.LONGEST_PAUSE), (10_000, 21_600)):
        pauses = {notices._pause(attempt) for _ in range(50)}
        assert len(pauses) > 1
        assert longest / 2 <= min(pauses) <= max(pauses) <= longest


def test_given_up_listed_and_sent_again(one: Callable[..., None], outbox: Outbox, clock: Clock) -> None:
    with endpoint(status=503) as hook:
        one(hook.url)
        for attempt in range(1, 4):
            sent = outbox.deliver(hook.url, SECRET, attempts=3)
            assert (sent.failed, sent.dead) == (1, int(attempt == 3))
            clock.now += notices.LONGEST_PAUSE
        assert outbox.deliver(hook.url, SECRET, attempts=3) == Sent(hook.url)
        (dead,) = outbox.deliveries("dead")
        assert (dead.attempts, dead.said, dead.event) == (3, "answers 503", "balance.changed")
        with pytest.raises(InputError, match="is no dead notice"):
            outbox.retry(["f" * 32])
        assert outbox.retry([dead.notice]) == 1
        assert outbox.retry() == 0
        hook.status = 200
        assert outbox.deliver(hook.url, SECRET, attempts=3) == Sent(hook.url, 1)
        assert len(set(hook.keys())) == 1


def test_redirects_are_not_followed(one: Callable[..., None], outbox: Outbox) -> None:
    with endpoint() as other, endpoint(status=307, location=other.url) as hook:
        one(hook.url)
        sent = outbox.deliver(hook.url, SECRET)
        assert sent.said == "redirects (307), which is not followed"
        assert not other.received


def test_a_slow_or_dead_endpoint_keeps_no_other_waiting(
    one: Callable[..., None], outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_READ_SECONDS", 2)
    nothing = "http://127.0.0.1:9/"
    with endpoint(held=True) as slow, endpoint() as good:
        one(slow.url, nothing, good.url)
        courier = Courier(outbox, SECRET, [slow.url, nothing, good.url])
        seen: list[Sent] = []
        courier.start(seen.append)
        assert slow.arrived.wait(10)
        assert good.arrived.wait(10)
        wait_for(lambda: len(seen) == 2)
        # Once more while the slow one is still busy: it gets nothing on top.
        courier.start(seen.append)
        wait_for(lambda: len(seen) == 5)
        said = {sent.url: sent.said for sent in seen if sent.failed}
        assert said[slow.url] == "does not answer in time"
        assert said[nothing].startswith("cannot be reached")
        assert (len(slow.received), len(good.received)) == (1, 1)
        states = {each.url: each.state for each in outbox.deliveries()}
        assert states == {slow.url: "waiting", nothing: "waiting", good.url: "delivered"}


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_that_fails_does_not_keep_back_the_next(
    world: World, store: BrandStore, outbox: Outbox, collect: Collect, clock: Clock
) -> None:
    with endpoint(answers=[500]) as hook:
        collect(hook.url)
        for units in (1, 2):
            call(world, store.brand, "mint", world.bob.address, units)
        assert collect(hook.url) == 2
        assert outbox.deliver(hook.url, SECRET).failed == 1
        assert outbox.deliver(hook.url, SECRET) == Sent(hook.url, 1)
        clock.now += 60
        assert outbox.deliver(hook.url, SECRET) == Sent(hook.url, 1)


def test_two_senders_do_not_send_one_twice(
    one: Callable[..., None], outbox: Outbox, store: BrandStore
) -> None:
    with endpoint(held=True) as hook:
        one(hook.url)
        seen: list[Sent] = []
        Courier(outbox, SECRET, [hook.url]).start(seen.append)
        assert hook.arrived.wait(10)
        assert Outbox(store, outbox.clock).deliver(hook.url, SECRET) == Sent(hook.url)
        hook.go_on.set()
        wait_for(lambda: bool(seen))
        assert seen == [Sent(hook.url, 1)]
        assert len(hook.received) == 1


# ------------------------------------------------------------------------------------ that it can be checked


def test_a_signature_that_others_can_check() -> None:
    # By `printf '1800000000.{}' | openssl dgst -sha256 -hmac secret`.
    code = "bb7079132825ac793cea8c013c1dd24d" + "926b9b02132245b10588d9e5c0df70d7"
    assert sign_notice(b"secret", 1_800_000_000, b"{}") == f"t=1800000000,v1={code}"


@pytest.mark.parametrize(
    ("signature", "body", "now", "said"),
    [
        ("{}", b'{"a":2}', 0, "not signed with this secret"),
        ("t=1800000001,v1=" + "0" * 64, b'{"a":1}', 0, "not signed with this secret"),
        ("t=1800000000", b'{"a":1}', 0, "not signed with this secret"),
        ("", b'{"a":1}', 0, "has no signature"),
        ("t=²,v1=é", b'{"a":1}', 0, "has no signature"),
        ("t=1800000000,v1=é", b'{"a":1}', 0, "not signed with this secret"),
        ("{}", b'{"a":1}', 301, "more than 300 s away"),
        ("{}", b'{"a":1}', -301, "more than 300 s away"),
    ],
)
def test_reverts_when_a_notice_is_not_ours(signature: str, body: bytes, now: int, said: str) -> None:
    good = sign_notice(SECRET, 1_800_000_000, b'{"a":1}')
    for off in (-300, 300):
        assert verify_notice(SECRET, good, b'{"a":1}', now=1_800_000_000 + off) == {"a": 1}
    with pytest.raises(InputError, match=said):
        verify_notice(SECRET, signature.replace("{}", good), body, now=1_800_000_000 + now)


def test_the_secret_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_secret(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(read_secret(file)) == 64
    with pytest.raises(InputError, match="is there already"):
        write_secret(file)
    file.chmod(0o640)
    with pytest.raises(AccountError, match="others can read the secret"):
        read_secret(file)
    file.chmod(0o600)
    file.write_text("short\n")
    with pytest.raises(AccountError, match="is too short"):
        read_secret(file)
    with pytest.raises(AccountError, match="cannot be read"):
        read_secret(tmp_path / "nothing")


@pytest.mark.parametrize("url", ["https://crm.example/hook?a=1", "http://localhost:8000/", "http://[::1]/x"])
def test_addresses(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/",
        "http://localhost.example/",
        "http://localhost@crm.example/",
        "https://jo:secret@crm.example/",
        "ftp://localhost/",
        "crm.example",
        "https://",
        "https://[::1/",
        "https://crm.example:x/",
    ],
)
def test_reverts_when_an_address_is_not_safe(url: str) -> None:
    with pytest.raises(InputError):
        check_url(url)


def test_the_receivers_snippet_of_the_docs() -> None:
    """What docs/watch.md shows runs, and takes and refuses what it should."""
    page = (Path(__file__).parents[3] / "docs" / "watch.md").read_text()
    snippet = page.split("```python\n", 1)[1].split("```", 1)[0]
    space: dict[str, Any] = {}
    exec(snippet, space)  # noqa: S102 - it is ours
    body = json.dumps({"id": "1"}).encode()
    now = int(time.time())
    assert space["is_ours"](SECRET, sign_notice(SECRET, now, body), body)
    assert not space["is_ours"](SECRET, sign_notice(SECRET, now, body), body + b" ")
    assert not space["is_ours"](SECRET, sign_notice(SECRET, now - 400, body), body)
    assert not space["is_ours"](b"other", sign_notice(SECRET, now, body), body)
