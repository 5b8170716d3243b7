"""send: a message that is paid for, or does not arrive; what it costs to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers import DAY, MAX_UINT256, next_block_at, now, reverts_with
from tests.unit.Inbox.conftest import (
    BLOCKED,
    CHANNEL,
    DAYS,
    DEPOSIT,
    FLOOR,
    FREE,
    HELD,
    LETTER,
    PER_WEEK,
    POLICY,
    REPLY,
    REST,
    TENTH,
    TOPIC,
    id_of,
    terms_of,
)

WEEK = 7 * DAY


@pytest.fixture(scope="module")
def try_send(inbox: Any, brand: Any, customer: Any) -> Callable[..., Any]:
    def send(**fields: int) -> Any:
        usual = {"deposit": FLOOR, "topic": TOPIC, "channel": CHANNEL, "days": DAYS, "place": 0}
        assert fields.keys() <= usual.keys()
        return inbox.send(customer, *(usual | fields).values(), LETTER, {"from": brand})

    return send


def test_pays_a_tenth_and_keeps_the_rest(
    inbox: Any, cash: Any, brand: Any, customer: Any, try_send: Any
) -> None:
    then = now() + 100
    message = (customer.address, brand.address, terms_of(DEPOSIT, then + DAYS * DAY, 8), LETTER)
    next_block_at(then)
    events = try_send(deposit=DEPOSIT, place=8).events
    assert [event["amount"] for event in events["Transfer"]] == [DEPOSIT, TENTH]
    assert dict(events["MessageSent"]) == {
        "messageId": "0x" + id_of(message).hex(),
        "recipient": customer,
        "sender": brand,
        "terms": message[2],
        "content": "0x" + LETTER.hex(),
    }
    balances = [cash.balanceOf(account) for account in (brand, customer, inbox)]
    assert balances == [HELD - DEPOSIT, TENTH, REST]
    assert inbox.isOpen(message)
    assert inbox.messageIdOf(message) == inbox.waitingAt(brand, 8) == "0x" + id_of(message).hex()
    assert inbox.termsOf(message[2]) == (DEPOSIT, TOPIC, CHANNEL, then + DAYS * DAY, 8, 0)
    assert inbox.policyOf(customer) == (POLICY, 1, 1)


def test_reverts_when_her_inbox_is_off(inbox: Any, customer: Any, try_send: Any) -> None:
    inbox.setPolicy((False, *POLICY[1:]), {"from": customer})
    with reverts_with("InboxOff", customer):
        try_send()


def test_reverts_for_somebody_who_never_asked(inbox: Any, brand: Any, stranger: Any) -> None:
    with reverts_with("InboxOff", stranger):
        inbox.send(stranger, FLOOR, TOPIC, CHANNEL, DAYS, 0, LETTER, {"from": brand})


def test_reverts_when_she_blocked_the_sender(inbox: Any, customer: Any, brand: Any, try_send: Any) -> None:
    inbox.setWelcome(brand, BLOCKED, {"from": customer})
    with reverts_with("SenderBlocked", customer, brand):
        try_send(deposit=HELD)


@pytest.mark.parametrize("deposit", [0, FLOOR - 1])
def test_reverts_below_the_floor(try_send: Any, deposit: int) -> None:
    with reverts_with("BelowFloor", deposit, FLOOR):
        try_send(deposit=deposit)
    try_send(deposit=FLOOR)


@pytest.mark.parametrize("deposit", [2**96, MAX_UINT256])
def test_reverts_with_more_than_fits(try_send: Any, deposit: int) -> None:
    with reverts_with("DepositOutOfRange", deposit):
        try_send(deposit=deposit)


@pytest.mark.parametrize("topic", [TOPIC - 1, TOPIC + 1, 63, 64, MAX_UINT256])
def test_reverts_with_another_topic(customer: Any, try_send: Any, topic: int) -> None:
    with reverts_with("TopicNotAdmitted", customer, topic):
        try_send(topic=topic)


@pytest.mark.parametrize("channel", [CHANNEL - 1, CHANNEL + 1, 15, 16, MAX_UINT256])
def test_reverts_with_another_channel(customer: Any, try_send: Any, channel: int) -> None:
    with reverts_with("ChannelNotAdmitted", customer, channel):
        try_send(channel=channel)


def test_reverts_when_she_takes_longer(try_send: Any) -> None:
    with reverts_with("AnswerTakesLonger", DAYS, DAYS - 1):
        try_send(days=DAYS - 1)


def test_reverts_above_the_week_s_number(inbox: Any, customer: Any, try_send: Any) -> None:
    border = (now() // WEEK + 1) * WEEK
    for place in range(PER_WEEK):
        next_block_at(border + place)
        try_send(place=place)
    next_block_at(border + WEEK - 1)
    with reverts_with("WeekFull", customer, PER_WEEK):
        try_send(place=9)
    next_block_at(border + WEEK)
    try_send(place=9)
    assert inbox.policyOf(customer)[1:] == (1, PER_WEEK + 1)


def test_a_free_sender_counts_all_the_same(
    inbox: Any, cash: Any, customer: Any, brand: Any, try_send: Any
) -> None:
    inbox.setWelcome(brand, FREE, {"from": customer})
    cash.approve(inbox, 0, {"from": brand})
    next_block_at((now() // WEEK + 1) * WEEK)
    for place in range(PER_WEEK):
        assert "Transfer" not in try_send(deposit=0, place=place).events
    with reverts_with("WeekFull", customer, PER_WEEK):
        try_send(deposit=0, place=9)


def test_reverts_where_a_message_waits(brand: Any, try_send: Any) -> None:
    try_send(place=2**64 - 1)
    for place in (2**64 - 1, 2**64, MAX_UINT256):
        with reverts_with("PlaceNotFree", brand, place):
            try_send(place=place)


def test_reverts_without_money(inbox: Any, cash: Any, brand: Any, try_send: Any) -> None:
    cash.approve(inbox, FLOOR - 1, {"from": brand})
    with reverts_with("TransferFromFailed"):
        try_send()


def test_costs_no_more_than_80_000(inbox: Any, customer: Any, send: Any, try_send: Any) -> None:
    """The usual message: her week has begun, others wait, and its place was used before."""
    next_block_at((now() // WEEK + 1) * WEEK)
    send(place=1)
    inbox.answer(send(), REPLY, {"from": customer})
    assert try_send(deposit=DEPOSIT).gas_used <= 80_000
