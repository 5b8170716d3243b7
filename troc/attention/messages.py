"""What is signed for paid attention, as docs/messages.md lays it down.

A campaign is the 32 bytes of its id. An account is 32 bytes too: an address, left-padded, or a pseudonym.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from troc.messages import Address, Bool, Bytes32, Domain, Message, Uint8, Uint256, Uint256s

REWARDS = "AttentionRewards"
REWARDS_NAME = "Troc Attention"
CREDENTIALS = "AttestorCredentials"
CREDENTIALS_NAME = "Troc Credentials"
INBOX = "Inbox"
INBOX_NAME = "Troc Inbox"


@dataclass(frozen=True)
class Statement(Message):
    """The word that an account had contacts: bit i is contact 255·page + i, and bit 255 stays 0."""

    contract: ClassVar[str] = REWARDS

    campaign_signer: Address
    campaign: Bytes32
    account: Bytes32
    page: Uint256
    contacts: Uint256


@dataclass(frozen=True)
class Ticket(Message):
    """A promise to whoever has the key: the account's contact `id`, or, with account 0, the code `id`."""

    contract: ClassVar[str] = REWARDS

    campaign_signer: Address
    campaign: Bytes32
    account: Bytes32
    id: Uint256
    key: Address
    valid_until: Uint256


@dataclass(frozen=True)
class ClaimTicket(Message):
    """Names who is paid for a ticket; signed by its one-time key. `ticket` is the ticket's digest."""

    contract: ClassVar[str] = REWARDS

    key: Address
    recipient: Address
    ticket: Bytes32


@dataclass(frozen=True)
class Credential(Message):
    """The word that an account is the person's who is known by this pseudonym in this campaign."""

    contract: ClassVar[str] = CREDENTIALS

    attestor: Address
    campaign: Bytes32
    pseudonym: Bytes32
    account: Address
    expiry: Uint256


@dataclass(frozen=True)
class SetPolicy(Message):
    """Says what may reach the recipient: bit i of `topics` and `channels` admits topic and channel i."""

    contract: ClassVar[str] = INBOX

    recipient: Address
    on: Bool
    floor: Uint256
    per_week: Uint256
    topics: Uint256
    channels: Uint256
    answer_days: Uint256
    deadline: Uint256
    nonce: Uint256


@dataclass(frozen=True)
class SetWelcome(Message):
    """Says how the recipient takes one sender: 0 like anybody, 1 free, 2 blocked."""

    contract: ClassVar[str] = INBOX

    recipient: Address
    sender: Address
    welcome: Uint8
    deadline: Uint256
    nonce: Uint256


@dataclass(frozen=True)
class CancelInboxNonces(Message):
    """Ends `SetPolicy` and `SetWelcome` messages that were not used yet."""

    contract: ClassVar[str] = INBOX

    recipient: Address
    nonces: Uint256s


@dataclass(frozen=True)
class AnswerMessage(Message):
    """Answers one message of the inbox, once; `answer` is keccak256 of the answer, 0 for none."""

    contract: ClassVar[str] = INBOX

    recipient: Address
    message_id: Bytes32
    answer: Bytes32


MESSAGES: tuple[type[Message], ...] = (
    Statement,
    Ticket,
    ClaimTicket,
    Credential,
    SetPolicy,
    SetWelcome,
    CancelInboxNonces,
    AnswerMessage,
)


def rewards_domain(chain_id: int, rewards: str) -> Domain:
    """The domain of statements and tickets."""
    return Domain(REWARDS_NAME, chain_id, rewards)


def credentials_domain(chain_id: int, credentials: str) -> Domain:
    """The domain of credentials, of one attestor's contract."""
    return Domain(CREDENTIALS_NAME, chain_id, credentials)


def inbox_domain(chain_id: int, inbox: str) -> Domain:
    """The domain of an inbox's messages."""
    return Domain(INBOX_NAME, chain_id, inbox)
