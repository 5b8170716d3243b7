"""What can go wrong, told in one line with what to do about it.

Each class has an exit code of its own, so that a program around `troc` can tell the cases apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class TrocError(Exception):
    """Something that a person can put right.

    `message` says what is wrong, `remedy` what to do; `str()` gives both in one line.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = " ".join(message.split())
        self.remedy = " ".join(remedy.split())

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"

    def as_json(self) -> dict[str, Any]:
        """For `--json`: the class, both halves of the line, and the exit code."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class InputError(TrocError):
    """An argument, a file or a setting that makes no sense."""

    exit_code = 3


class NetworkError(TrocError):
    """A node that does not answer, or answers nonsense."""

    exit_code = 4


class WrongChainError(TrocError):
    """The node keeps another chain than the one that was meant."""

    exit_code = 5


class NotDeployedError(TrocError):
    """The contracts are not on this chain."""

    exit_code = 6


class ChainRestartedError(NotDeployedError):
    """A local chain was started anew, and what was deployed on the old one is gone."""

    exit_code = 7


class AccountError(TrocError):
    """An account that is not there, or a passphrase that does not open it."""

    exit_code = 8


class FundsError(TrocError):
    """An account cannot pay for a transaction."""

    exit_code = 9


class ContractError(TrocError):
    """A contract refuses.

    `name` is the name of its custom error (`Error` and `Panic` included), `values` what the error carries
    by name.
    """

    exit_code = 10

    def __init__(self, message: str, remedy: str, name: str, values: Mapping[str, Any]) -> None:
        super().__init__(message, remedy)
        self.name = name
        self.values = dict(values)


class PendingError(TrocError):
    """What is under way and not done: a transaction that is in no block yet, another process at work."""

    exit_code = 11


class DeclinedError(TrocError):
    """A person was asked and said no, or could not be asked."""

    exit_code = 12


class PointsError(TrocError):
    """Too few points, or points that do not live long enough."""

    exit_code = 13


class BrandError(TrocError):
    """A brand that is unknown, ambiguous or unproven."""

    exit_code = 14


class OrderError(TrocError):
    """An order that cannot be signed, taken, settled or cancelled."""

    exit_code = 15


class ChecksFailedError(TrocError):
    """Something that must always hold does not."""

    exit_code = 16


class StoreError(TrocError):
    """A database that cannot be opened, or holds something else."""

    exit_code = 17


class MemberError(TrocError):
    """A member, card or consent that is unknown, doubled or missing."""

    exit_code = 18


class TamperedError(TrocError):
    """A record that must never change did."""

    exit_code = 19


class VoucherError(TrocError):
    """A voucher that cannot be signed, claimed or cancelled."""

    exit_code = 20


class RelayError(TrocError):
    """No relay brought a signed message to the chain, and nobody else could."""

    exit_code = 22


class DealError(TrocError):
    """A deal, a sale or a sealed key that cannot be signed, bought, delivered or decided."""

    exit_code = 24


class CampaignError(TrocError):
    """A campaign of paid attention that is unknown, or cannot be opened, run, paid or closed so."""

    exit_code = 25


class InboxError(TrocError):
    """A message of the inbox that is unwelcome, unknown, or too late to be answered or reclaimed."""

    exit_code = 27
