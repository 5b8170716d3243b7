"""Letters of the inbox as files, and what topics and channels are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from troc.attention import topics
from troc.attention.letters import LARGEST, Letter, content_of, is_letter, read_letter
from troc.attention.messages import inbox_domain
from troc.errors import InputError

DOMAIN = inbox_domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
ANN, BRAND = "0x" + "11" * 20, "0x" + "22" * 20


def letter(data: bytes = b"Try our bread", **more: Any) -> Letter:
    return Letter(DOMAIN, ANN, BRAND, data, **more)


@pytest.mark.parametrize("data", [b"", b"bread", "Käse \u202e".encode(), bytes(range(256)), b"\xff"])
@pytest.mark.parametrize("message", [b"", bytes([7] * 32)])
def test_a_file_gives_back_what_was_written(tmp_path: Path, data: bytes, message: bytes) -> None:
    written = letter(data, message_id=message)
    path = written.write(tmp_path / "letter.json")
    assert path.stat().st_mode & 0o077 == 0
    assert is_letter(path)
    assert read_letter(path, DOMAIN) == written
    assert written.hash == keccak(written.salt + data)
    with pytest.raises(InputError, match="is there already"):
        written.write(path)


def test_no_two_letters_have_one_hash() -> None:
    assert letter().salt != letter().salt
    assert letter().hash != letter().hash


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"salt": "0x12"},
        {"salt": None},
        {"troc": "slip"},
        {"troc": "answer"},
        {"data": "AA=="},
        {"text": None},
        {"text": None, "data": "no base64!"},
        {"text": "\ud800"},
        {"sender": "0x12"},
        {"chainId": 1},
        {"inbox": ANN},
    ],
)
def test_refuses_a_file_that_is_malformed_or_for_another_inbox(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    data = {key: value for key, value in (letter().to_json() | change).items() if value is not None}
    path = tmp_path / "letter.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        read_letter(path, DOMAIN)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000])
def test_refuses_a_file_that_is_no_letter(tmp_path: Path, text: str) -> None:
    path = tmp_path / "letter.json"
    path.write_text(text)
    assert not is_letter(path)
    with pytest.raises(InputError, match=r"is no letter|cannot be read"):
        read_letter(path, DOMAIN)


def test_a_letter_has_its_largest_size() -> None:
    letter(bytes(LARGEST))
    with pytest.raises(InputError, match="too large"):
        letter(bytes(LARGEST + 1))


def test_what_a_letter_says_is_a_file_s_or_the_text_itself(tmp_path: Path) -> None:
    file = tmp_path / "bread.txt"
    file.write_bytes(b"\x00\xff")
    assert content_of(str(file)) == b"\x00\xff"
    assert content_of("Try our bread") == b"Try our bread"
    assert content_of("x" * 10_000) == b"x" * 10_000


def test_topics_and_channels_have_names_and_numbers() -> None:
    assert topics.topic("food") == topics.topic("8") == topics.topic("topic 8") == 8
    assert topics.topics("food, 20,40") == 1 << 8 | 1 << 20 | 1 << 40
    assert topics.topics("all") == 2**64 - 1
    assert topics.channels("all") == 2**16 - 1
    assert topics.topic_names(1 << 8 | 1 << 40) == ["food", "topic 40"]
    assert topics.topic_names(2**64 - 1) == topics.channel_names(2**16 - 1) == ["all"]
    assert [topics.topic(topics.topic_name(number)) for number in range(64)] == list(range(64))
    assert [topics.channel(topics.channel_name(number)) for number in range(16)] == list(range(16))
    for wrong in ("breads", "64", "-1", "", "8.0", "0008"):
        with pytest.raises(InputError, match="is no topic"):
            topics.topic(wrong)
    with pytest.raises(InputError, match="is no channel"):
        topics.channels("email,16")
