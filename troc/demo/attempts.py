"""What a brand can try in order to get a customer's points back, and what its own contracts answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from web3.contract.contract import ContractFunction

from troc import words
from troc.demo.stage import Stage
from troc.errors import ContractError
from troc.messages import (
    EXCHANGE_NAME,
    UINT256_MAX,
    ZERO_ADDRESS,
    Domain,
    Message,
    Permit,
    Redeem,
    Send,
    pack_nonce,
    typed,
)


@dataclass(frozen=True)
class Attempt:
    """Something that a brand tries: the call that does it, and the name of the error it must get."""

    what: str
    call: ContractFunction
    expected: str


@dataclass(frozen=True)
class Refusal:
    """What came of an attempt; `error` is None if it was not refused."""

    attempt: Attempt
    error: ContractError | None

    @property
    def holds(self) -> bool:
        """Whether the attempt was refused, and for the right reason."""
        return self.error is not None and self.error.name == self.attempt.expected

    @property
    def answer(self) -> str:
        """What the contract said."""
        return self.error.message if self.error else "done"


def try_all(stage: Stage, symbol: str, household: int) -> list[Refusal]:
    """Let a brand try to take, burn, lock and sell a household's points, by calls to the real contracts."""
    refusals = []
    for attempt in _attempts(stage, symbol, household):
        try:
            stage.chain.send(attempt.call, stage.owners[symbol])
        except ContractError as error:
            refusals.append(Refusal(attempt, error))
        else:
            refusals.append(Refusal(attempt, None))
    return refusals


def _attempts(stage: Stage, symbol: str, household: int) -> Iterator[Attempt]:
    """Every way to lower her balance or to stop her trading, with the best signature a brand can make."""
    client, brand, owner = stage.client, stage.brands[symbol], stage.owners[symbol]
    her = stage.households[household].address
    points = client.balance(brand, her).total
    token = client.brands.token(brand).functions
    exchange = stage.chain.contract("PointsExchange", stage.exchange).functions
    domain = brand.domain_of_messages(stage.chain.chain_id)
    deadline = stage.chain.now() + words.HOUR
    # A number that she has not used: it must be the signature that is refused.
    nonce = pack_nonce(lane=1)

    def forged(message: Message, domain: Domain = domain) -> bytes:
        """The brand's own signature under a message of hers: the client's `sign` would refuse to make it."""
        return owner.sign_message(typed(message, domain))

    yield Attempt(
        "take them out of her account",
        token.transferFrom(her, owner.address, points),
        "ERC20InsufficientAllowance",
    )
    gift = Send(holder=her, to=owner.address, amount=points, deadline=deadline, nonce=nonce)
    yield Attempt(
        "send them back as a gift of hers, signed by the brand",
        token.sendFor(gift.as_tuple(), forged(gift)),
        "NotSignedByHolder",
    )
    burn = Redeem(
        her, points, receipt_id=b"\x01".rjust(32, b"\0"), agent=ZERO_ADDRESS, deadline=deadline, nonce=nonce
    )
    yield Attempt(
        "have them redeemed, signed by the brand",
        token.redeemFor(burn.as_tuple(), forged(burn)),
        "NotSignedByHolder",
    )
    leave = Permit(her, owner.address, UINT256_MAX, stage.chain.call(token.nonces(her)), deadline)
    yield Attempt(
        "give itself leave to move them",
        token.permit(*leave.arguments(forged(leave))),
        "NotSignedByHolder",
    )
    lock = Permit(her, stage.exchange, 0, leave.nonce, deadline)
    yield Attempt(
        "keep her from trading them",
        token.permit(*lock.arguments(forged(lock))),
        "NotSignedByHolder",
    )
    other = next(name for name in stage.brands if name != symbol)
    order = stage.household(household).draft(f"{points} {symbol}", f"1 {other}")
    signature = forged(order, Domain(EXCHANGE_NAME, stage.chain.chain_id, stage.exchange))
    yield Attempt(
        f"sell all of them to itself for 1 {other}, signed by the brand",
        exchange.take(order.as_tuple(), signature, points, 0),
        "NotSignedByMaker",
    )
