"""The brand against its customers: whatever it, its issuers and their friends call, nobody loses a point.

What a customer has is, for every date, the points that live until then and those that are mature and would
live until then once somebody releases them. It falls by time alone, or by what she sent or signed herself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.stateful.points import DAY, MAX, MOST, ZERO
from tests.stateful.running import try_model
from tests.stateful.world import CHAIN_ID, Person, Refused, World, load, outcome, person, role
from troc.messages import (
    CancelNonces,
    Claim,
    Domain,
    Permit,
    Redeem,
    Send,
    Voucher,
    digest,
    pack_nonce,
)

BIRTH = 1_767_225_600
LENGTH = 30 * DAY
CUSTOMERS = [person(name) for name in ("ann", "ben")]
BRANDS = [person("brand"), person("other brand")]
ISSUERS = [person("till"), person("campaign")]
KEY = person("one-time key")
EXCHANGE = role("exchange")
AGAINST = [*BRANDS, BRANDS[0], BRANDS[0], *ISSUERS, person("friend")]
ALL = [*CUSTOMERS, *BRANDS, *ISSUERS]
RECEIPTS = [bytes(31) + bytes([number]) for number in range(1, 5)]

Worth = Counter[tuple[str, int]]
"""By customer and date."""


class Draw:
    """Arguments for a call by `sender`: mostly good ones, for a customer if there can be one."""

    def __init__(self, data: st.DataObject, machine: CustomersMachine, sender: Person) -> None:
        self._data = data
        self.machine = machine
        self.sender = sender

    def one(self, *choices: Any) -> Any:
        return self._data.draw(st.sampled_from(choices))

    @property
    def customer(self) -> str:
        return str(self.one(*CUSTOMERS).address)

    @property
    def anyone(self) -> str:
        return str(self.one(*ALL).address)

    @property
    def holder(self) -> str:
        """A customer, who did not authorise the sender; or the brand, or itself."""
        return str(self.one(*CUSTOMERS, BRANDS[0], self.sender).address)

    @property
    def amount(self) -> int:
        return int(self.one(1, 3, 7, 20, 100))

    @property
    def grant(self) -> int:
        return int(self.one(0, 0, 1))

    @property
    def issuer(self) -> str:
        """Whose purchase it is; the brand's are under the zero address."""
        return str(self.one(ZERO, *(issuer.address for issuer in ISSUERS)))

    @property
    def purchase(self) -> tuple[str, int]:
        """One that has not ended, or any."""
        return self.one(*sorted(self.machine.open), (self.issuer, 0))  # type: ignore[no-any-return]

    @property
    def epoch(self) -> int:
        current = (self.machine.world.time - BIRTH) // LENGTH
        return max(0, current - int(self.one(0, 0, 1, 2, 3, 4)))

    @property
    def receipt(self) -> bytes:
        return bytes(self.one(*RECEIPTS))

    @property
    def fresh(self) -> bytes:
        """A reference that nobody has used."""
        return next(self.machine.references)

    @property
    def nonce(self) -> int:
        return pack_nonce(int(self.one(0, 1)), 0, int(self.one(*range(8))))

    @property
    def until(self) -> int:
        return self.machine.world.time + int(self.one(0, DAY, 100 * DAY))

    @property
    def maturity(self) -> int:
        return self.machine.world.time + int(self.one(1, DAY, 20 * DAY, 70 * DAY))

    @property
    def words(self) -> list[int]:
        return [self.amount << 160 | int(self.customer, 16) for _ in range(self.one(1, 2))]

    @property
    def ids(self) -> list[int]:
        return [int(self.one(*range(8))) for _ in range(self.one(1, 3))]

    def signed(self, message: Any) -> tuple[Any, bytes]:
        return message, self.sender.sign(message, self.machine.domain)

    def permit(self) -> tuple[tuple[Any, ...], bytes]:
        holder, spender, value = self.holder, self.anyone, self.one(0, 50, MAX)
        nonce = self.machine.view("nonces", holder)
        message = Permit(holder, spender, value, nonce, self.until)
        return (holder, spender, value, message.deadline), self.signed(message)[1]

    def split_permit(self) -> tuple[Any, ...]:
        terms, signature = self.permit()
        return (*terms, signature[64], signature[:32], signature[32:64])

    def voucher(self) -> list[Any]:
        """The sender's own; made out to a customer, or to a key that names one."""
        is_key, customer = self.one(False, True), self.customer
        voucher, signature = self.signed(
            Voucher(
                self.sender.address,
                self.grant,
                KEY.address if is_key else customer,
                is_key,
                self.amount,
                self.fresh,
                self.until,
                self.nonce,
            )
        )
        if not is_key:
            return [voucher, signature, ZERO, b""]
        claim = Claim(KEY.address, customer, digest(voucher, self.machine.domain))
        return [voucher, signature, customer, KEY.sign(claim, self.machine.domain)]

    def redemption(self) -> tuple[Any, ...]:
        """One that a customer signed, that one with another amount, or the sender's own for her."""
        given = self.machine.signed_redemptions
        kind = self.one("hers", "altered", "own") if given else "own"
        if kind == "own":
            return self.signed(Redeem(self.holder, self.amount, self.fresh, ZERO, self.until, self.nonce))
        message, signature = self.one(*given)
        if kind == "altered":
            message = Redeem(
                message.holder, message.amount + 1, message.receipt_id, ZERO, message.deadline, message.nonce
            )
        return message, signature

    def cancelled(self) -> tuple[Any, ...]:
        message = CancelNonces(self.holder, (self.nonce,))
        return message.holder, list(message.nonces), self.signed(message)[1]


# Every function that can change something. A new one must be put here, with arguments that could do harm.
CALLS: dict[str, Callable[[Draw], tuple[Any, ...]]] = {
    "transfer": lambda draw: (draw.anyone, draw.amount),
    "transferFrom": lambda draw: (draw.holder, draw.anyone, draw.amount),
    "transferFromWithin": lambda draw: (draw.holder, draw.anyone, draw.amount, 0, draw.one(0, draw.until)),
    "transferAtEpoch": lambda draw: (draw.epoch, draw.anyone, draw.amount),
    "transferFromAtEpoch": lambda draw: (draw.epoch, draw.holder, draw.anyone, draw.amount),
    "transferFromPocket": lambda draw: (RECEIPTS[0], draw.anyone, draw.one(0, 1), 0),
    "approve": lambda draw: (draw.one(draw.anyone, EXCHANGE), draw.one(0, MAX)),
    "permit": lambda draw: draw.split_permit(),
    "approveFor": lambda draw: tuple(part for group in [draw.permit()] for part in (*group[0], group[1])),
    "sendFor": lambda draw: draw.signed(
        Send(draw.holder, draw.sender.address, draw.amount, draw.until, draw.nonce)
    ),
    "redeem": lambda draw: (draw.amount, draw.fresh),
    "redeemFor": lambda draw: draw.redemption(),
    "giveBack": lambda draw: (draw.customer, draw.receipt, draw.amount),
    "giveBackFrom": lambda draw: (draw.grant, draw.customer, draw.receipt, draw.amount),
    "mint": lambda draw: (draw.anyone, draw.one(draw.amount, draw.amount, MOST // 2, draw.machine.room())),
    "mintFor": lambda draw: (draw.anyone, draw.amount, draw.fresh),
    "mintBatch": lambda draw: (draw.fresh, draw.words),
    "mintAtEpoch": lambda draw: (
        draw.fresh,
        draw.epoch,
        draw.one(draw.words, [draw.machine.room() << 160 | int(draw.anyone, 16)]),
    ),
    "issue": lambda draw: (draw.grant, draw.anyone, draw.amount, draw.fresh),
    "issueBatch": lambda draw: (draw.grant, draw.fresh, draw.words),
    "issueTo": lambda draw: (draw.grant, draw.words),
    "issueOneTo": lambda draw: (draw.grant, draw.words[0]),
    "claim": lambda draw: (draw.voucher(),),
    "claimBatch": lambda draw: ([draw.voucher() for _ in range(draw.one(1, 2))],),
    "mintPending": lambda draw: (draw.fresh, draw.maturity, draw.words),
    "issuePending": lambda draw: (draw.grant, draw.fresh, draw.maturity, draw.words),
    "cancelPending": lambda draw: (*draw.purchase, draw.amount),
    "releasePending": lambda draw: (draw.issuer, draw.ids),
    "setGrant": lambda draw: (
        draw.one(*ISSUERS).address,
        draw.grant,
        draw.one(0, 500, MOST // 2),
        draw.one(0, 0, 50),
        draw.one(0, 0, draw.until),
    ),
    "releaseGrant": lambda draw: (draw.one(*ISSUERS).address, draw.grant),
    "cancelNonces": lambda draw: ([draw.nonce],),
    "cancelNoncesFor": lambda draw: draw.cancelled(),
    "requestOwnershipHandover": lambda _: (),
    "cancelOwnershipHandover": lambda _: (),
    "completeOwnershipHandover": lambda draw: (draw.one(*BRANDS).address,),
    "transferOwnership": lambda draw: (draw.anyone,),
    "renounceOwnership": lambda _: (),
}
NEVER = {"transferOwnership", "renounceOwnership"}
# Refusals that show that the harm was tried: by the brand alone what is mature, by anyone what is hers.
TRIED = {
    "AlreadyMature",
    "PendingExceeded",
    "NotTheIssuer",
    "NotMature",
    "GrantLocked",
    "NoHeadroom",
    "ERC20InsufficientAllowance",
    "NotSignedByHolder",
    "NonceUsed",
    "Unauthorized",
    "HandOverInTwoSteps",
}


class CustomersMachine(RuleBasedStateMachine):
    """Two customers who hold points, and everybody else."""

    seen: ClassVar[Counter[str]] = Counter()
    """Which calls went through, and which errors were seen, over all examples."""

    @initialize()
    def begin(self) -> None:
        self.world = World(BIRTH)
        self.address = self.world.deploy(
            "LoyaltyToken", EXCHANGE, BRANDS[0].address, "Le Panier", "PANIER", 0, LENGTH, BIRTH
        )
        self.domain = Domain("Le Panier", CHAIN_ID, self.address)
        self.references: Iterator[bytes] = (number.to_bytes(32) for number in range(1_000, MAX))
        self.signed_redemptions: list[tuple[Redeem, bytes]] = []
        self.open: set[tuple[str, int]] = set()
        self.worth = Worth()
        brand = BRANDS[0].address
        for epoch in range(3):
            self.world.move_to(BIRTH + epoch * LENGTH)
            for person_ in (*CUSTOMERS, *BRANDS):
                self.call(brand, "mint", person_.address, 50)
        for customer in CUSTOMERS:
            for receipt in RECEIPTS[:2]:
                self.call(customer.address, "redeem", 20, receipt)
        for issuer in ISSUERS:
            self.call(brand, "setGrant", issuer.address, 0, 1_000, 0, 0)
            self.call(brand, "setGrant", issuer.address, 1, 500, 0, BIRTH + 120 * DAY)
        for friend in AGAINST:
            self.call(brand, "approve", friend.address, MAX)
        self.call(BRANDS[1].address, "requestOwnershipHandover")
        words = [7 << 160 | int(customer.address, 16) for customer in CUSTOMERS]
        self.call(brand, "mintPending", next(self.references), self.world.time + DAY, words)
        for issuer in ISSUERS:
            terms = (0, next(self.references), self.world.time + DAY, words)
            self.call(issuer.address, "issuePending", *terms)
        self.worth = self.look()

    # ------------------------------------------------------------------------------------------- looking

    def view(self, function: str, *arguments: Any) -> Any:
        return self.world.view(self.address, function, *arguments)

    def call(self, sender: str, function: str, *arguments: Any) -> Any:
        answer = self.world.call(sender, self.address, function, *arguments)
        if function in ("mintPending", "issuePending"):
            issuer = ZERO if function == "mintPending" else sender
            self.open.update((issuer, answer + place) for place in range(len(arguments[-1])))
        return answer

    def room(self) -> int:
        """What fills the lot of this epoch if nothing is promised."""
        return MOST - int(self.view("liability")[0][3])

    def look(self) -> Worth:
        now, found = self.world.time, Worth()
        for customer in CUSTOMERS:
            for amount, expiry in zip(*self.view("lotsOf", customer.address), strict=True):
                found[customer.address, expiry] += amount
        for issuer, number in list(self.open):
            customer, amount, matures_at = self.view("pendingOf", issuer, number)
            if not amount:
                self.open.discard((issuer, number))
            elif matures_at <= now:
                expiry = BIRTH + ((matures_at - BIRTH) // LENGTH + 4) * LENGTH
                if expiry > now:
                    found[customer, expiry] += amount
        return found

    def check(self, what: str, spent: int = 0) -> None:
        """Nobody has less for any date to come, but for what she spent."""
        now, found = self.world.time, self.look()
        lost = {
            (customer, expiry): amount - found[customer, expiry]
            for (customer, expiry), amount in self.worth.items()
            if expiry > now and found[customer, expiry] < amount
        }
        assert sum(lost.values()) <= spent, f"{what}: customers lost {lost}"
        self.worth = found

    # --------------------------------------------------------------------------------------------- rules

    @rule(
        calls=st.lists(
            st.tuples(st.sampled_from(sorted(CALLS)), st.sampled_from(AGAINST)), min_size=1, max_size=8
        ),
        data=st.data(),
    )
    def act(self, calls: list[tuple[str, Person]], data: st.DataObject) -> None:
        for function, sender in calls:
            self.try_(function, sender, CALLS[function](Draw(data, self, sender)))

    @rule(brand=st.sampled_from(BRANDS), age=st.integers(0, 3))
    def fill_a_lot(self, brand: Person, age: int) -> None:
        """Wholly, so that nothing can be released into it; if that is refused, but for what is pending."""
        epoch = (self.world.time - BIRTH) // LENGTH - age
        if epoch < 0:
            return
        amounts, _, pending, promised = self.view("liability")
        room = MOST - amounts[3 - age]
        for amount in (room, room - pending - (0 if age else promised)):
            if amount > 0:
                words = [amount << 160 | int(brand.address, 16)]
                self.try_("mintAtEpoch", brand, (next(self.references), epoch, words))

    @rule(sender=st.sampled_from(AGAINST), part=st.sampled_from([1, 7]), data=st.data())
    def cancel(self, sender: Person, part: int, data: st.DataObject) -> None:
        self.try_("cancelPending", sender, (*Draw(data, self, sender).purchase, part))

    def try_(self, function: str, sender: Person, arguments: tuple[Any, ...]) -> None:
        answer = outcome(lambda: self.call(sender.address, function, *arguments))
        if isinstance(answer, Refused):
            self.seen[answer.name] += 1
            return
        self.seen[function] += 1
        spent = 0
        if function == "redeemFor" and arguments in self.signed_redemptions:
            self.signed_redemptions.remove(arguments)
            self.seen["her own redemption"] += 1
            spent = arguments[0].amount
        self.check(f"{function}{arguments} by {sender.name}", spent)

    @rule(seconds=st.one_of(st.integers(1, 3 * DAY), st.integers(1, 60 * DAY)))
    def wait(self, seconds: int) -> None:
        self.world.move_to(self.world.time + seconds)
        self.check("time")

    @rule(customer=st.sampled_from(CUSTOMERS), to=st.sampled_from(ALL), amount=st.sampled_from([1, 10]))
    def give(self, customer: Person, to: Person, amount: int) -> None:
        """What she does herself counts from there."""
        outcome(lambda: self.call(customer.address, "transfer", to.address, amount))
        self.worth = self.look()

    @rule(customer=st.sampled_from(CUSTOMERS), receipt=st.sampled_from(RECEIPTS))
    def spend(self, customer: Person, receipt: bytes) -> None:
        outcome(lambda: self.call(customer.address, "redeem", 10, receipt))
        self.worth = self.look()

    @rule(customer=st.sampled_from(CUSTOMERS), amount=st.sampled_from([1, 5]), index=st.integers(0, 7))
    def sign(self, customer: Person, amount: int, index: int) -> None:
        """A redemption that anyone can submit, once."""
        deadline, receipt = self.world.time + 10 * DAY, next(self.references)
        message = Redeem(customer.address, amount, receipt, ZERO, deadline, pack_nonce(5, 0, index))
        self.signed_redemptions.append((message, customer.sign(message, self.domain)))

    def teardown(self) -> None:
        """What was counted as hers can be had, by herself."""
        if not hasattr(self, "worth"):
            return
        mature: dict[str, list[int]] = {}
        for issuer, number in sorted(self.open):
            if self.view("pendingOf", issuer, number)[2] <= self.world.time:
                mature.setdefault(issuer, []).append(number)
        for issuer, numbers in mature.items():
            self.call(CUSTOMERS[0].address, "releasePending", issuer, numbers)
            self.seen["released in the end"] += 1
        for customer in CUSTOMERS:
            hers = sum(amount for (who, _), amount in self.worth.items() if who == customer.address)
            assert self.view("balanceOf", customer.address) == hers, "mature points were not released"


def test_every_function_that_changes_something_is_tried() -> None:
    assert load("LoyaltyToken").changing == set(CALLS), "put the new function into CALLS"


def test_nobody_takes_a_customer_s_points(profile: settings) -> None:
    expected = (CALLS.keys() - NEVER) | TRIED | {"her own redemption", "released in the end"}
    try_model(CustomersMachine, profile, expected, share=0.5)
