"""Points as the documents describe them, in plain Python: who has how many, and until when each lives.

No bits, and no epochs but in one place: the definition of when a point that is issued now will expire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.stateful.world import Refused

MOST = 2**56 - 1
"""The most that a lot of the supply holds."""
MAX = 2**256 - 1
DAY = 86_400
ZERO = "0x" + "00" * 20

Taken = list[tuple[int, int]]
"""Expiries and amounts."""


@dataclass
class Grant:
    amount: int = 0
    cap: int = 0
    locked_until: int = 0
    day: int = 0
    used: int = 0
    promised: int = 0


@dataclass(frozen=True)
class Purchase:
    """Points that somebody will have, unless they are cancelled before."""

    customer: str
    amount: int
    matures_at: int


@dataclass
class Points:
    """One brand's points. Methods raise `Refused` as the token does, and then change nothing."""

    address: str
    exchange: str
    owner: str
    length: int
    origin: int
    clock: Callable[[], int]
    held: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By holder and expiry; what has expired stays there and does not count."""
    issued: int = 0
    redeemed: int = 0
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    switched_off: set[str] = field(default_factory=set)
    grants: dict[tuple[str, int], Grant] = field(default_factory=dict)
    references: set[tuple[str, bytes]] = field(default_factory=set)
    receipts: dict[tuple[str, bytes], Counter[int]] = field(default_factory=dict)
    purchases: dict[tuple[str, int], Purchase] = field(default_factory=dict)
    """By issuer and number; those that ended are left out."""
    numbers: Counter[str] = field(default_factory=Counter)
    """The next number of each issuer."""

    # ---------------------------------------------------------------------------------------------- time

    @property
    def now(self) -> int:
        return self.clock()

    def expiry_of(self, epoch: int) -> int:
        """The definition: points live through their epoch and the next three."""
        return self.origin + (epoch + 4) * self.length

    @property
    def fresh(self) -> int:
        """The expiry of what is issued now."""
        return self.expiry_at(self.now)

    # --------------------------------------------------------------------------------------------- views

    def lots(self, holder: str, at_least: int = 0, at_most: int = 0) -> Taken:
        """What a holder has alive within bounds, soonest expiry first."""
        return sorted(
            (expiry, amount)
            for (who, expiry), amount in self.held.items()
            if who == holder
            and amount
            and expiry > max(self.now, at_least)
            and (at_most == 0 or expiry <= at_most)
        )

    def balance(self, holder: str, at_least: int = 0, at_most: int = 0) -> int:
        return sum(amount for _, amount in self.lots(holder, at_least, at_most))

    def supply_of(self, expiry: int) -> int:
        return sum(amount for (_, when), amount in self.held.items() if when == expiry and when > self.now)

    @property
    def supply(self) -> int:
        return sum(amount for (_, when), amount in self.held.items() if when > self.now)

    @property
    def expired(self) -> int:
        return sum(amount for (_, when), amount in self.held.items() if when <= self.now)

    @property
    def promised(self) -> int:
        return sum(grant.promised for grant in self.grants.values())

    @property
    def pending(self) -> int:
        return sum(purchase.amount for purchase in self.purchases.values())

    def room(self, *, promised: bool = False) -> int:
        """What can still be issued in this epoch."""
        reserved = 0 if promised else self.promised + self.pending
        return max(0, MOST - self.supply_of(self.fresh) - reserved)

    def expiry_at(self, moment: int) -> int:
        """The expiry of what is issued at a moment."""
        return self.expiry_of((moment - self.origin) // self.length)

    def allowance(self, holder: str, spender: str) -> int:
        if spender == self.exchange:
            return 0 if holder in self.switched_off else MAX
        return self.allowances.get((holder, spender), 0)

    # -------------------------------------------------------------------------------------------- moving

    def _check_receiver(self, to: str) -> None:
        if to in (ZERO, self.address, self.exchange):
            raise Refused("ERC20InvalidReceiver", to)

    def _oldest(self, holder: str, value: int, at_least: int = 0, at_most: int = 0) -> Taken:
        taken = []
        for expiry, amount in self.lots(holder, at_least, at_most):
            taken.append((expiry, min(amount, value)))
            value -= taken[-1][1]
        return taken

    def _give(self, holder: str, to: str, taken: Taken) -> None:
        for expiry, amount in taken:
            self.held[holder, expiry] -= amount
            self.held[to, expiry] += amount

    def transfer(self, holder: str, to: str, value: int) -> None:
        balance = self.balance(holder)
        if balance < value:
            raise Refused("ERC20InsufficientBalance", holder, balance, value)
        self._check_receiver(to)
        self._give(holder, to, self._oldest(holder, value))

    def transfer_within(self, holder: str, to: str, value: int, at_least: int, at_most: int) -> None:
        if at_least == at_most == 0:
            return self.transfer(holder, to, value)
        within = self.balance(holder, at_least, at_most)
        if within < value:
            raise Refused("PointsOutOfBounds", holder, within, value, at_least, at_most)
        self._check_receiver(to)
        self._give(holder, to, self._oldest(holder, value, at_least, at_most))
        return None

    def transfer_at_epoch(self, epoch: int, holder: str, to: str, value: int) -> None:
        expiry = self.expiry_of(epoch)
        if expiry <= self.now:
            raise Refused("ERC7818TransferredExpiredToken", holder, epoch)
        if self.held[holder, expiry] < value:
            raise Refused("ERC20InsufficientBalance", holder, self.held[holder, expiry], value)
        self._check_receiver(to)
        self._give(holder, to, [(expiry, value)])

    def check_allowance(self, holder: str, spender: str, value: int) -> None:
        allowed = self.allowance(holder, spender)
        if spender == self.exchange:
            if not allowed:
                raise Refused("ExchangeSwitchedOff", holder)
        elif allowed < value:
            raise Refused("ERC20InsufficientAllowance", spender, allowed, value)

    def use_allowance(self, holder: str, spender: str, value: int) -> None:
        """After the move: nothing is used up if that is refused."""
        allowed = self.allowance(holder, spender)
        if spender != self.exchange and allowed != MAX:
            self.allowances[holder, spender] = allowed - value

    def approve(self, holder: str, spender: str, value: int) -> None:
        if spender == ZERO:
            raise Refused("ERC20InvalidSpender", spender)
        if spender != self.exchange:
            self.allowances[holder, spender] = value
        elif value == 0:
            self.switched_off.add(holder)
        elif value == MAX:
            self.switched_off.discard(holder)
        else:
            raise Refused("ExchangeAllOrNothing", value)

    # ------------------------------------------------------------------------------------------- issuing

    def check_owner(self, sender: str) -> None:
        if sender != self.owner:
            raise Refused("Unauthorized")

    def check_reference(self, issuer: str, reference: bytes) -> None:
        if not any(reference):
            raise Refused("ReferenceMissing")
        if (issuer, reference) in self.references:
            raise Refused("ReferenceUsed", issuer, reference)

    def issue_all(self, recipients: list[tuple[str, int]], *, promised: bool = False) -> None:
        for to, _ in recipients:
            self._check_receiver(to)
        total = sum(amount for _, amount in recipients)
        room = self.room(promised=promised)
        if total > room:
            raise Refused("NoHeadroom", room, total)
        for to, amount in recipients:
            self.held[to, self.fresh] += amount
        self.issued += total

    def issue_at_epoch(self, epoch: int, recipients: list[tuple[str, int]]) -> None:
        for to, _ in recipients:
            self._check_receiver(to)
        total, expiry = sum(amount for _, amount in recipients), self.expiry_of(epoch)
        if total == 0:
            raise Refused("ZeroAmount")
        if total > MOST:
            raise Refused("NoHeadroom", MOST, total)
        self._check_lots([(expiry, total)])
        for to, amount in recipients:
            self.held[to, expiry] += amount
        self.issued += total

    def check_living(self, epoch: int) -> None:
        now = (self.now - self.origin) // self.length
        if not now - 4 < epoch <= now:
            raise Refused("EpochNotLiving", epoch, now)

    def _check_lots(self, given: Taken, *, promised: bool = False) -> None:
        """Each lot that it enters has room for it, beside what is pending; else the fullest is the reason."""
        fresh = dict(given).get(self.fresh, 0)
        if fresh > self.room(promised=promised):
            raise Refused("NoHeadroom", self.room(promised=promised), fresh)
        older = [
            self.supply_of(expiry) + part + self.pending
            for expiry, part in given
            if part and expiry != self.fresh
        ]
        if max(older, default=0) > MOST:
            raise Refused("NoHeadroom", MOST, max(older))

    # ------------------------------------------------------------------------------------------- pending

    def check_maturity(self, matures_at: int) -> None:
        if not self.now < matures_at < 2**40:
            raise Refused("MaturityOutOfRange", matures_at)

    def check_purchases(self, purchases: list[tuple[str, int]]) -> None:
        """One after the other: the first that is wrong is the reason."""
        total = 0
        for customer, amount in purchases:
            self._check_receiver(customer)
            if amount == 0:
                raise Refused("ZeroAmount")
            total += amount
            if total > MOST:
                raise Refused("NoHeadroom", MOST, total)
        if not total:
            raise Refused("ZeroAmount")
        reserved, room = self.promised + self.pending + total, MOST - self.supply_of(self.fresh)
        if reserved > room:
            raise Refused("NoHeadroom", room, reserved)

    def promise(self, issuer: str, purchases: list[tuple[str, int]], matures_at: int) -> int:
        """The number of the first."""
        first = self.numbers[issuer]
        for number, (customer, amount) in enumerate(purchases, first):
            self.purchases[issuer, number] = Purchase(customer, amount, matures_at)
        self.numbers[issuer] += len(purchases)
        return first

    def cancel_purchase(self, sender: str, issuer: str, number: int, amount: int) -> None:
        if sender not in (issuer, self.owner):
            raise Refused("NotTheIssuer", issuer, sender)
        if amount == 0:
            raise Refused("ZeroAmount")
        purchase = self.purchases.get((issuer, number))
        if purchase is None or amount > purchase.amount:
            raise Refused("PendingExceeded", issuer, number, purchase.amount if purchase else 0, amount)
        if self.now >= purchase.matures_at:
            raise Refused("AlreadyMature", issuer, number, purchase.matures_at)
        self.purchases[issuer, number] = replace(purchase, amount=purchase.amount - amount)
        if amount == purchase.amount:
            del self.purchases[issuer, number]

    def release_purchases(self, issuer: str, numbers: list[int]) -> None:
        """Never refused for want of room: that is what a promise is."""
        ready = {
            number: self.purchases[issuer, number] for number in numbers if (issuer, number) in self.purchases
        }
        for number, purchase in ready.items():
            if self.now < purchase.matures_at:
                raise Refused("NotMature", issuer, number, purchase.matures_at)
        for number, purchase in ready.items():
            del self.purchases[issuer, number]
            expiry = self.expiry_at(purchase.matures_at)
            if expiry > self.now:
                self.held[purchase.customer, expiry] += purchase.amount
                self.issued += purchase.amount

    # -------------------------------------------------------------------------------------------- grants

    def grant(self, issuer: str, number: int) -> Grant:
        return self.grants.setdefault((issuer, number), Grant())

    def used_today(self, grant: Grant) -> int:
        return grant.used if grant.day == self.now // DAY else 0

    def check_grant(self, issuer: str, number: int, amount: int) -> None:
        grant = self.grant(issuer, number)
        if amount == 0:
            raise Refused("ZeroAmount")
        if amount > grant.amount:
            raise Refused("GrantExceeded", issuer, number, grant.amount, amount)
        left = max(0, grant.cap - self.used_today(grant))
        if grant.cap and amount > left:
            raise Refused("DayCapExceeded", issuer, number, left, amount)

    def charge_grant(self, issuer: str, number: int, amount: int) -> None:
        grant = self.grant(issuer, number)
        grant.amount -= amount
        if grant.cap:
            grant.day, grant.used = self.now // DAY, self.used_today(grant) + amount

    def set_grant(self, issuer: str, number: int, amount: int, cap: int, locked_until: int) -> None:
        grant = self.grant(issuer, number)
        for figure in (amount, cap):
            if figure > MOST:
                raise Refused("AmountTooLarge", figure)
        if locked_until and not self.now <= locked_until < 2**40:
            raise Refused("LockOutOfRange", locked_until)
        if grant.locked_until >= self.now:
            lower_cap = cap != 0 and (grant.cap == 0 or cap < grant.cap)
            if amount < grant.amount or locked_until < grant.locked_until or lower_cap:
                raise Refused("GrantLocked", issuer, number, grant.locked_until)
        reserved = grant.amount if grant.locked_until else 0
        others = self.promised - grant.promised + self.pending
        room = MOST - self.supply_of(self.fresh)
        if locked_until and amount > reserved and others + amount > room:
            raise Refused("NoHeadroom", room, others + amount)
        grant.promised = amount if locked_until else 0
        grant.amount, grant.cap, grant.locked_until = amount, cap, locked_until

    def release_grant(self, issuer: str, number: int) -> None:
        grant = self.grant(issuer, number)
        if not grant.locked_until:
            raise Refused("GrantNotLocked", issuer, number)
        if grant.locked_until < self.now:
            grant.amount = grant.locked_until = 0
        grant.promised = grant.amount

    # ---------------------------------------------------------------------------------------- redemption

    def redeem(self, holder: str, amount: int, receipt: bytes) -> None:
        if amount == 0:
            raise Refused("ZeroAmount")
        if not any(receipt):
            raise Refused("ReferenceMissing")
        if (holder, receipt) in self.receipts:
            raise Refused("ReceiptUsed", holder, receipt)
        balance = self.balance(holder)
        if balance < amount:
            raise Refused("ERC20InsufficientBalance", holder, balance, amount)
        taken = self._oldest(holder, amount)
        for expiry, part in taken:
            self.held[holder, expiry] -= part
        self.receipts[holder, receipt] = Counter(dict(taken))
        self.redeemed += amount

    def returnable(self, holder: str, receipt: bytes) -> Taken:
        """What could come back of a redemption, the longest life first."""
        lots = self.receipts.get((holder, receipt), Counter())
        return sorted(
            ((expiry, part) for expiry, part in lots.items() if expiry > self.now and part), reverse=True
        )

    def give_back(self, holder: str, receipt: bytes, amount: int, *, promised: bool = False) -> None:
        if amount == 0:
            raise Refused("ZeroAmount")
        parts = self.returnable(holder, receipt)
        left = sum(part for _, part in parts)
        if left < amount:
            raise Refused("GiveBackExceeded", holder, receipt, left, amount)
        given, rest = [], amount
        for expiry, part in parts:
            given.append((expiry, min(part, rest)))
            rest -= given[-1][1]
        self._check_lots(given, promised=promised)
        for expiry, part in given:
            self.receipts[holder, receipt][expiry] -= part
            self.held[holder, expiry] += part
        self.redeemed -= amount
