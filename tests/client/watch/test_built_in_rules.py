"""Each rule that comes with the client: what it finds, and what is just not enough, on real transactions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.index.test_events import call, word
from tests.client.trade.conftest import DAY, World, poor
from tests.client.watch.conftest import Look
from troc.accounts import Signer
from troc.brands import Brand
from troc.programme.watch import Round


@pytest.fixture
def acme(world: World) -> Brand:
    return world.everyone.brand("ACME")


@pytest.fixture
def till(world: World, acme: Brand) -> Signer:
    """A till with a grant."""
    call(world, acme, "setGrant", world.relay_signer.address, 0, 1_000_000, 0, 0)
    return world.relay_signer


@pytest.fixture
def batches() -> Iterator[bytes]:
    """References that are all different."""
    return iter(number.to_bytes(32) for number in range(1, 10_000))


def next_morning(world: World, days: int = 1) -> int:
    """Let time pass until 8:00 of a later day (UTC); gives the day's number."""
    day = world.chain.now() // DAY + days
    world.pass_until(day * DAY + 8 * 3600)
    return day


def only(done: Round) -> dict[str, object]:
    """What the only new finding says."""
    (finding,) = done.new
    return {**finding.data, "reason": finding.reason}


def test_an_issuers_spike(world: World, acme: Brand, till: Signer, look: Look) -> None:
    ann = world.ann.address

    def issue(units: int) -> None:
        call(world, acme, "issue", 0, ann, units, bytes(32), signer=till)

    for units in (10, 12, 8, 10, 9, 11):
        next_morning(world)
        issue(units)
    # Six earlier days are too few to say what is usual.
    next_morning(world)
    issue(10)
    issue(30)
    assert not look("issuer-spike").new
    # Seven days with 100 together: three times the usual day is 42 and six sevenths.
    spike = next_morning(world)
    issue(42)
    assert not look("issuer-spike").new
    issue(1)
    found = only(look("issuer-spike"))
    assert (found["issuer"], found["day"], found["units"], found["usual_units"]) == (
        till.address,
        spike,
        43,
        14,
    )
    assert str(found["reason"]).startswith(f"{till.address} issued 43 ACME on ")
    # The same day, told once however it grows.
    issue(50)
    assert not look("issuer-spike").new


def test_a_usual_day_is_of_the_last_28(world: World, acme: Brand, till: Signer, look: Look) -> None:
    for _ in range(7):
        next_morning(world)
        call(world, acme, "issue", 0, world.ann.address, 10, bytes(32), signer=till)
    # 28 days after the first of the seven it still counts, a day later it does not, and six are too few.
    next_morning(world, 23)
    call(world, acme, "issue", 0, world.ann.address, 31, bytes(32), signer=till)
    assert not look("issuer-spike").new


def test_seven_days_within_28(world: World, acme: Brand, till: Signer, look: Look) -> None:
    for _ in range(7):
        next_morning(world)
        call(world, acme, "issue", 0, world.ann.address, 10, bytes(32), signer=till)
    next_morning(world, 22)
    call(world, acme, "issue", 0, world.ann.address, 31, bytes(32), signer=till)
    assert only(look("issuer-spike"))["units"] == 31


def test_points_brought_over_are_no_spike(
    world: World, acme: Brand, look: Look, batches: Iterator[bytes]
) -> None:
    # What the brand issued at the beginning is long ago.
    next_morning(world, 29)
    for _ in range(7):
        next_morning(world)
        call(world, acme, "mint", world.bob.address, 10)
    next_morning(world)
    epoch = acme.epoch_at(world.chain.now())
    call(world, acme, "mintAtEpoch", next(batches), epoch, [word(world.bob.address, 1_000)])
    assert not look("issuer-spike").new
    call(world, acme, "mint", world.bob.address, 31)
    found = only(look("issuer-spike"))
    assert (found["issuer"], found["units"]) == ("", 31)
    assert str(found["reason"]).startswith("the brand issued 31 ACME on ")


def test_redeemed_and_given_back_again_and_again(
    world: World, acme: Brand, look: Look, batches: Iterator[bytes]
) -> None:
    def loop() -> None:
        receipt = next(batches)
        world.ann.redeem("20 ACME", receipt)
        call(world, acme, "giveBack", world.ann.address, receipt, 15)
        # The rest of the same purchase is the same loop.
        call(world, acme, "giveBack", world.ann.address, receipt, 5)

    first = next_morning(world)
    loop()
    loop()
    assert not look("return-loop").new
    # On the fifteenth day the first two no longer count.
    next_morning(world, 14)
    loop()
    assert not look("return-loop").new
    last = next_morning(world, 13)
    loop()
    assert not look("return-loop").new
    loop()
    found = only(look("return-loop"))
    assert last - first == 27
    assert (found["holder"], found["loops"], found["units"], found["day"]) == (world.ann.address, 3, 60, last)
    assert "redeemed and had it given back 3 times within 14 days" in str(found["reason"])
    loop()
    assert not look("return-loop").new


def test_many_accounts_that_feed_one(world: World, acme: Brand, look: Look, batches: Iterator[bytes]) -> None:
    feeders = [world.customer(f"feeder {number}") for number in range(6)]
    one = world.customer("one").address
    next_morning(world, 2)
    call(world, acme, "mintBatch", next(batches), [word(each.address, 30) for each in feeders])
    for each in feeders[:4]:
        each.send("10 ACME", one)
        each.send("5 ACME", one)
    assert not look("many-into-one").new
    # Ann's points are seven days and a half old, so she is no fifth.
    next_morning(world, 6)
    world.brand.mint("ACME", {world.bob.address: 1})
    world.ann.send("7 ACME", one)
    assert not look("many-into-one").new
    feeders[4].send("10 ACME", one)
    found = only(look("many-into-one"))
    assert (found["recipient"], found["accounts"], found["units"]) == (one, 5, 70)
    assert "5 accounts that had points of at most 7 days sent 70 ACME to" in str(found["reason"])
    feeders[5].send("10 ACME", one)
    assert not look("many-into-one").new


def test_feeding_in_more_than_a_week_is_none(
    world: World, acme: Brand, look: Look, batches: Iterator[bytes]
) -> None:
    feeders = [world.customer(f"feeder {number}") for number in range(5)]
    words_ = [word(each.address, 30) for each in feeders]
    one = world.customer("one").address
    next_morning(world)
    call(world, acme, "mintBatch", next(batches), words_)
    for each in feeders[:4]:
        each.send("10 ACME", one)
    next_morning(world, 7)
    call(world, acme, "mintBatch", next(batches), words_)
    feeders[4].send("10 ACME", one)
    assert not look("many-into-one").new


def test_a_clerk_who_earns(
    world: World, acme: Brand, till: Signer, look: Look, batches: Iterator[bytes]
) -> None:
    next_morning(world)
    clerk = poor("clerk").address
    call(world, acme, "issue", 0, world.ann.address, 5, bytes(32), signer=till)
    call(world, acme, "issue", 0, clerk, 6, bytes(32), signer=till)
    assert not look("clerk-earning").new
    assert not look("clerk-earning", [world.bob.address]).new
    found = only(look("clerk-earning", [clerk]))
    assert (found["recipient"], found["issuer"], found["issues"], found["units"]) == (
        clerk,
        till.address,
        1,
        6,
    )
    # To the till's own address, which nobody has to list; and points that can be returned.
    call(world, acme, "issue", 0, till.address, 7, bytes(32), signer=till)
    found = only(look("clerk-earning", [clerk]))
    assert (found["recipient"], found["units"]) == (till.address, 7)
    matures_at = world.chain.now() + 9 * DAY
    call(world, acme, "mintPending", next(batches), matures_at, [word(till.address, 8)])
    found = only(look("clerk-earning", [clerk]))
    assert (found["recipient"], found["issuer"], found["units"]) == (till.address, "", 8)
    assert "by the brand on" in str(found["reason"])


def test_earning_many_times_a_day(
    world: World, acme: Brand, till: Signer, look: Look, batches: Iterator[bytes]
) -> None:
    day = next_morning(world)
    bob = world.bob.address
    for _ in range(4):
        call(world, acme, "issue", 0, bob, 5, bytes(32), signer=till)
    matures_at = world.chain.now() + 9 * DAY
    call(world, acme, "issuePending", 0, next(batches), matures_at, [word(bob, 4)], signer=till)
    call(world, acme, "issue", 0, world.cem.address, 5, bytes(32), signer=till)
    assert not look("velocity").new
    call(world, acme, "issue", 0, bob, 3, bytes(32), signer=till)
    found = only(look("velocity"))
    assert (found["recipient"], found["day"], found["issues"], found["units"]) == (bob, day, 6, 27)
    # Another day, and what matures on it was earned before.
    next_morning(world, 9)
    world.pass_until(matures_at + 60)
    for _ in range(5):
        call(world, acme, "issue", 0, bob, 5, bytes(32), signer=till)
    call(world, acme, "releasePending", till.address, [0])
    assert not look("velocity").new


def test_purchases_returned_one_after_the_other(
    world: World, acme: Brand, look: Look, batches: Iterator[bytes]
) -> None:
    next_morning(world)
    nobody, ann = "0x" + "00" * 20, world.ann.address
    matures_at = world.chain.now() + 90 * DAY
    call(
        world,
        acme,
        "mintPending",
        next(batches),
        matures_at,
        [word(ann, 10)] * 5 + [word(world.bob.address, 9)],
    )
    for number in (0, 1, 5):
        call(world, acme, "cancelPending", nobody, number, 9)
    call(world, acme, "cancelPending", nobody, 0, 1)
    next_morning(world, 27)
    call(world, acme, "cancelPending", nobody, 2, 10)
    assert not look("serial-returns").new
    call(world, acme, "cancelPending", nobody, 3, 10)
    found = only(look("serial-returns"))
    assert (found["customer"], found["returns"], found["units"]) == (ann, 4, 39)
    call(world, acme, "cancelPending", nobody, 4, 10)
    assert not look("serial-returns").new


def test_returns_in_more_than_four_weeks_are_none(
    world: World, acme: Brand, look: Look, batches: Iterator[bytes]
) -> None:
    next_morning(world)
    matures_at = world.chain.now() + 90 * DAY
    call(world, acme, "mintPending", next(batches), matures_at, [word(world.ann.address, 10)] * 4)
    for number in range(4):
        if number == 3:
            next_morning(world, 28)
        call(world, acme, "cancelPending", "0x" + "00" * 20, number, 10)
    assert not look("serial-returns").new
