"""What numbers of topics and channels stand for, in the inbox and in campaigns alike.

A topic's number is that of the first tier of the IAB's content taxonomy as OpenRTB numbers it (AdCOM 1.0 and
OpenRTB 2.6, list "Content Categories": IAB1 to IAB23); 0 is anything else. Numbers without a name here can be
agreed between people, and are written as numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from troc import words
from troc.errors import InputError

TOPICS = (
    "other",
    "arts",
    "cars",
    "business",
    "careers",
    "education",
    "family",
    "health",
    "food",
    "hobbies",
    "home",
    "politics",
    "news",
    "finance",
    "society",
    "science",
    "pets",
    "sports",
    "style",
    "technology",
    "travel",
    "property",
    "shopping",
    "religion",
)
CHANNELS = ("other", "email", "sms", "push", "chat", "phone", "post", "web", "store")

TOPIC_COUNT, CHANNEL_COUNT = 64, 16
ALL = "all"


def topic(text: str) -> int:
    """The number of a topic by its name or number."""
    return _number(text, "topic", TOPICS, TOPIC_COUNT)


def channel(text: str) -> int:
    """The number of a channel by its name or number."""
    return _number(text, "channel", CHANNELS, CHANNEL_COUNT)


def topics(text: str) -> int:
    """The bits of several topics: "food,travel,40", or "all"."""
    return _bits(text, "topic", TOPICS, TOPIC_COUNT)


def channels(text: str) -> int:
    """The bits of several channels: "email,push", or "all"."""
    return _bits(text, "channel", CHANNELS, CHANNEL_COUNT)


def topic_name(number: int) -> str:
    """A topic as people read it."""
    return _name(number, "topic", TOPICS)


def channel_name(number: int) -> str:
    """A channel as people read it."""
    return _name(number, "channel", CHANNELS)


def topic_names(bits: int) -> list[str]:
    """The topics that these bits admit, `ALL` for all."""
    return _names(bits, "topic", TOPICS, TOPIC_COUNT)


def channel_names(bits: int) -> list[str]:
    """The channels that these bits admit, `ALL` for all."""
    return _names(bits, "channel", CHANNELS, CHANNEL_COUNT)


def _number(text: str, what: str, names: Sequence[str], count: int) -> int:
    word = text.strip().lower().removeprefix(f"{what} ")
    if word in names:
        return names.index(word)
    if word.isascii() and word.isdigit() and len(word) < 4 and int(word) < count:
        return int(word)
    raise InputError(
        f"{text[:40]!r} is no {what}", f"use {words.one_of(names)}, or a number from 0 to {count - 1}"
    )


def _bits(text: str, what: str, names: Sequence[str], count: int) -> int:
    if text.strip().lower() == ALL:
        return (1 << count) - 1
    return _joined(_number(each, what, names, count) for each in text.split(",") if each.strip())


def _joined(numbers: Iterable[int]) -> int:
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits


def _name(number: int, what: str, names: Sequence[str]) -> str:
    return names[number] if number < len(names) else f"{what} {number}"


def _names(bits: int, what: str, names: Sequence[str], count: int) -> list[str]:
    if bits == (1 << count) - 1:
        return [ALL]
    return [_name(number, what, names) for number in range(count) if bits >> number & 1]
