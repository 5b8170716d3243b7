"""L1 to L4: the token beside a model in plain Python, over every call that it has and over time.

Each call is made to both. Both must do the same, or refuse it with the same error and the same values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stateful.nonces import Whole, pack_nonce
from tests.stateful.points import DAY, MAX, MOST, ZERO, Points
from tests.stateful.running import try_model
from tests.stateful.world import CHAIN_ID, Refused, World, outcome, person, role
from troc.messages import CancelNonces, Claim, Domain, Permit, Redeem, Send, Voucher, digest

BIRTH = 1_767_225_600
CUSTOMERS = [person(name) for name in ("ann", "ben", "cyd")]
ESCROW = role("escrow")
BRANDS = [role("brand"), role("other brand")]
SIGNERS = [person("till"), person("campaign")]
ISSUERS = [signer.address for signer in SIGNERS]
KEY = person("one-time key")
ADDRESSES = [customer.address for customer in CUSTOMERS]
HOLDERS = [*ADDRESSES, BRANDS[0], ESCROW]
STRANGER = role("stranger")
EXCHANGE = role("exchange")
POCKETS = [bytes(31) + b"\1", bytes(31) + b"\2"]

seldom = st.integers(0, 9).map(lambda n: n == 0)
customers = st.sampled_from(CUSTOMERS)
holders = st.sampled_from(HOLDERS)
spenders = st.sampled_from([*HOLDERS, EXCHANGE, EXCHANGE])
brands = st.sampled_from([0] * 9 + [1])
issuers = st.sampled_from(ISSUERS)
signers = st.sampled_from(SIGNERS)
promisers = st.sampled_from([ZERO, *ISSUERS])
grants = st.integers(0, 1)
epochs_back = st.integers(-1, 5)
# Out of a thousand parts of what there is; the last ones a little more than that, or far too much.
shares = st.one_of(st.integers(0, 1000), st.just(1000), st.sampled_from([1001, 1002]))
amounts = st.one_of(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([MOST, MOST + 1, MAX]))
some = st.integers(1, 300)
bound_lots = st.integers(-1, 5)
few = st.integers(0, 5)
delays = st.sampled_from([0, 0, 1, DAY, 60 * DAY, -1])
# -2: beyond what can be stored.
maturities = st.sampled_from([1, DAY, DAY, 10 * DAY, 60 * DAY, 200 * DAY, 0, -1, -2])
references = st.integers(0, 12).map(lambda n: n.to_bytes(32))


def share_of(share: int, whole: int) -> int:
    """A part of what there is, in thousandths; 1001 and 1002: one more, and far more."""
    if share > 1000:
        return whole + 1 if share == 1001 else 2 * whole + MOST
    return whole * share // 1000


class LoyaltyMachine(RuleBasedStateMachine):
    """The token and the model."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often which call went through, and which error was seen, over all examples."""

    @initialize(length=st.sampled_from([30 * DAY, DAY, 91 * DAY + 1]), age=st.integers(0, 200 * DAY))
    def begin(self, length: int, age: int) -> None:
        self.world = World(BIRTH)
        origin = BIRTH - age
        self.address = self.world.deploy(
            "LoyaltyToken", EXCHANGE, BRANDS[0], "Le Panier", "PANIER", 0, length, origin
        )
        self.points = Points(self.address, EXCHANGE, BRANDS[0], length, origin, lambda: self.world.time)
        self.nonces = Whole()
        self.permits: Counter[str] = Counter()
        self.asked: dict[str, int] = {}
        self.domain = Domain("Le Panier", CHAIN_ID, self.address)
        self.pockets = [self.world.view(self.address, "pocketOf", ESCROW, pocket) for pocket in POCKETS]
        self.everybody = [*HOLDERS, BRANDS[1], *self.pockets]
        self.receivers = [*self.everybody, *ADDRESSES]
        # What lives, or could come back to live, until when: as seen after the call before.
        self.life: Counter[int] = Counter()
        for holder in HOLDERS:
            self.world.call(BRANDS[0], self.address, "mint", holder, 500)
            self.points.issue_all([(holder, 500)])
        for i, (issuer, lock) in enumerate((issuer, lock) for issuer in ISSUERS for lock in (0, 100 * DAY)):
            terms = (issuer, i % 2, 1000, 0 if i < 2 else 100, lock and BIRTH + lock)
            self.world.call(BRANDS[0], self.address, "setGrant", *terms)
            self.points.set_grant(*terms)
        for sender, issuer in ((BRANDS[0], ZERO), *((issuer, issuer) for issuer in ISSUERS)):
            purchases = [(address, 5) for address in ADDRESSES]
            words = [amount << 160 | int(to, 16) for to, amount in purchases]
            batch, matures_at = b"\xff" * 32, BIRTH + DAY
            if sender == issuer:
                self.world.call(sender, self.address, "issuePending", 0, batch, matures_at, words)
                self.points.charge_grant(issuer, 0, 15)
            else:
                self.world.call(sender, self.address, "mintPending", batch, matures_at, words)
            self.points.references.add((issuer, batch))
            self.points.promise(issuer, purchases, matures_at)
        self.life = Counter(self.lots("liability"))

    # ------------------------------------------------------------------------------------------ comparing

    def both(
        self, model: Callable[[], Any], sender: str, function: str, *arguments: Any, losers: Any = ()
    ) -> None:
        """Makes one call to both; `losers` may have less afterwards, nobody else."""
        before = {holder: self.balance(holder) for holder in self.everybody}
        issued = self.points.issued
        expected = outcome(model)
        answer = outcome(lambda: self.world.call(sender, self.address, function, *arguments))
        if isinstance(expected, Refused) or isinstance(answer, Refused):
            assert answer == expected, f"{function}{arguments}: {answer!r}, and by the model {expected!r}"
            self.seen[answer.name] += 1
        else:
            assert expected is None or answer == expected, f"{function}{arguments}: {answer}, not {expected}"
            self.seen[function] += 1
        for holder in self.everybody:
            assert holder in losers or self.balance(holder) >= before[holder], (
                f"L3: {function} took from {holder}"
            )
        self.check_life(self.points.issued - issued)

    def balance(self, holder: str) -> int:
        return int(self.world.view(self.address, "balanceOf", holder))

    def lots(self, function: str, *arguments: Any) -> dict[int, int]:
        """Expiries and amounts, of whatever shows lots."""
        answer = self.world.view(self.address, function, *arguments)
        amounts, expiries = answer[-2:] if function == "redemptionOf" else answer[:2]
        return dict(zip(expiries, amounts, strict=True))

    def check_life(self, issued: int) -> None:
        """L2: for every date, what lives until then or could come back to, only falls, but for issuing."""
        now = Counter(self.lots("liability"))
        for holder, receipt in self.points.receipts:
            now.update(self.lots("redemptionOf", holder, receipt))
        for date in now:
            before = sum(amount for expiry, amount in self.life.items() if expiry >= date)
            after = sum(amount for expiry, amount in now.items() if expiry >= date)
            assert after <= before + issued, (
                f"L2: {after} live until {date}, {before} before, {issued} issued"
            )
        self.life = now

    @invariant()
    def check_all(self) -> None:
        points = self.points
        supply = self.world.view(self.address, "totalSupply")
        for later in range(6):
            with self.world.at(self.world.time + later * points.length):
                total = sum(self.balance(holder) for holder in self.everybody)
                assert self.world.view(self.address, "totalSupply") == total, f"L1: {later} epochs later"
        for holder in self.everybody:
            lots = {expiry: amount for expiry, amount in self.lots("lotsOf", holder).items() if amount}
            assert lots == dict(points.lots(holder)), f"L2: lots of {holder}"
            exchange = self.world.view(self.address, "allowance", holder, EXCHANGE)
            assert exchange == points.allowance(holder, EXCHANGE), "L3: the switch of the exchange"
        for (holder, spender), allowed in points.allowances.items():
            assert self.world.view(self.address, "allowance", holder, spender) == allowed, "L3: an allowance"
        totals = self.world.view(self.address, "totals")
        assert totals == (points.issued, supply, points.redeemed, points.expired), "L4: the totals"
        assert points.issued == supply + points.redeemed + points.expired, (
            "L4: issued = live + redeemed + expired"
        )
        for (issuer, number), grant in points.grants.items():
            figures = (grant.amount, grant.locked_until, grant.cap, points.used_today(grant))
            found = self.world.view(self.address, "grantOf", issuer, number)
            assert (*found[:3], found[3] if grant.cap else figures[3]) == figures, "L3: a grant"
        pending, promised = self.world.view(self.address, "liability")[-2:]
        owed = sum(grant.amount for grant in points.grants.values() if grant.locked_until)
        assert promised == points.promised >= owed, "L3: promised"
        assert pending == points.pending, "L3: pending"
        assert owed + pending + points.supply_of(points.fresh) <= MOST, "L3: promised points do not fit"
        mature = Counter[int]()
        for purchase in points.purchases.values():
            if purchase.matures_at <= points.now:
                mature[points.expiry_at(purchase.matures_at)] += purchase.amount
        # What is told of older ones is seen when they are cancelled or released.
        for (issuer, number), purchase in list(points.purchases.items())[-6:]:
            found = self.world.view(self.address, "pendingOf", issuer, number)
            assert found == (purchase.customer, purchase.amount, purchase.matures_at), "L3: a purchase"
        for expiry, amount in mature.items():
            assert amount + points.supply_of(expiry) <= MOST, "L3: mature points do not fit their lot"

    # ----------------------------------------------------------------------------------------------- time

    @rule(seconds=st.one_of(st.integers(1, 3 * DAY), st.integers(1, 200 * DAY)))
    def wait(self, seconds: int) -> None:
        self.move(seconds)

    @rule(epochs=st.integers(1, 5), early=st.booleans())
    def wait_for_epoch(self, epochs: int, early: bool) -> None:
        """To the first second of an epoch, or the last one before."""
        points = self.points
        self.move((points.origin - self.world.time) % points.length + (epochs - 1) * points.length - early)

    def move(self, seconds: int) -> None:
        self.world.move_to(self.world.time + max(0, seconds))
        self.seen["wait"] += 1

    # --------------------------------------------------------------------------------------------- moving

    def receiver(self, number: int) -> str:
        odd = [ZERO, self.address, EXCHANGE]
        return odd[number] if number < len(odd) else self.receivers[number % len(self.receivers)]

    @rule(holder=holders, to=some, share=shares)
    def transfer(self, holder: str, to: int, share: int) -> None:
        value = share_of(share, self.points.balance(holder))
        who = self.receiver(to)
        self.both(
            lambda: self.points.transfer(holder, who, value), holder, "transfer", who, value, losers={holder}
        )

    def spend(self, holder: str, spender: str, value: int, move: Callable[[], None]) -> Callable[[], None]:
        def model() -> None:
            self.points.check_allowance(holder, spender, value)
            move()
            self.points.use_allowance(holder, spender, value)

        return model

    def losers(self, holder: str, spender: str) -> set[str]:
        """Who authorised the spender before the call."""
        return {holder} if self.points.allowance(holder, spender) else set()

    @rule(holder=holders, spender=spenders, to=some, share=shares)
    def transfer_from(self, holder: str, spender: str, to: int, share: int) -> None:
        who, value = self.receiver(to), share_of(share, self.points.balance(holder))
        model = self.spend(holder, spender, value, lambda: self.points.transfer(holder, who, value))
        losers = self.losers(holder, spender)
        self.both(model, spender, "transferFrom", holder, who, value, losers=losers)

    @rule(holder=holders, spender=spenders, to=some, share=shares, low=bound_lots, high=bound_lots, off=few)
    def transfer_from_within(
        self, holder: str, spender: str, to: int, share: int, low: int, high: int, off: int
    ) -> None:
        who = self.receiver(to)
        at_least, at_most = self.bounds(low, high, off)
        value = share_of(share, self.points.balance(holder, at_least, at_most))
        model = self.spend(
            holder, spender, value, lambda: self.points.transfer_within(holder, who, value, at_least, at_most)
        )
        losers = self.losers(holder, spender)
        self.both(model, spender, "transferFromWithin", holder, who, value, at_least, at_most, losers=losers)

    def bounds(self, low: int, high: int, off: int) -> tuple[int, int]:
        """At a lot's expiry or a second beside it; none for -1."""
        fresh, length = self.points.fresh, self.points.length
        at_least = 0 if low < 0 else fresh - (4 - low) * length - (off % 2)
        at_most = 0 if high < 0 else fresh - (3 - high) * length + (off // 2 - 1)
        return max(0, at_least), max(0, at_most)

    @rule(holder=holders, to=some, back=epochs_back, share=shares)
    def transfer_at_epoch(self, holder: str, to: int, back: int, share: int) -> None:
        epoch, value, who = self.epoch(holder, back, share, to)
        model = lambda: self.points.transfer_at_epoch(epoch, holder, who, value)  # noqa: E731
        self.both(model, holder, "transferAtEpoch", epoch, who, value, losers={holder})

    @rule(holder=holders, spender=spenders, to=some, back=epochs_back, share=shares)
    def transfer_from_at_epoch(self, holder: str, spender: str, to: int, back: int, share: int) -> None:
        epoch, value, who = self.epoch(holder, back, share, to)
        model = self.spend(
            holder, spender, value, lambda: self.points.transfer_at_epoch(epoch, holder, who, value)
        )
        losers = self.losers(holder, spender)
        self.both(model, spender, "transferFromAtEpoch", epoch, holder, who, value, losers=losers)

    def epoch(self, holder: str, back: int, share: int, to: int) -> tuple[int, int, str]:
        points = self.points
        epoch = max(0, (points.now - points.origin) // points.length - back)
        return epoch, share_of(share, points.held[holder, points.expiry_of(epoch)]), self.receiver(to)

    @rule(holder=holders, spender=st.sampled_from([*HOLDERS, ZERO]), value=amounts)
    def approve(self, holder: str, spender: str, value: int) -> None:
        self.both(lambda: self.points.approve(holder, spender, value), holder, "approve", spender, value)

    @rule(holder=holders, value=st.sampled_from([0, MAX, MAX, 1]))
    def switch_exchange(self, holder: str, value: int) -> None:
        self.both(lambda: self.points.approve(holder, EXCHANGE, value), holder, "approve", EXCHANGE, value)

    @rule(
        holder=customers,
        spender=spenders,
        value=st.sampled_from([0, 700, MAX, MAX]),
        delay=delays,
        forged=seldom,
        split=st.booleans(),
    )
    def permit(self, holder: Any, spender: str, value: int, delay: int, forged: bool, split: bool) -> None:
        deadline = self.world.time + delay
        message = Permit(holder.address, spender, value, self.permits[holder.address], deadline)
        signature = (CUSTOMERS[0] if forged else holder).sign(message, self.domain)

        def model() -> None:
            self.check_message(holder.address, deadline, forged)
            self.points.approve(holder.address, spender, value)
            self.permits[holder.address] += 1

        terms = (holder.address, spender, value, deadline)
        if split:
            r, s, v = signature[:32], signature[32:64], signature[64]
            self.both(model, STRANGER, "permit", *terms, v, r, s)
        else:
            self.both(model, STRANGER, "approveFor", *terms, signature)

    def check_message(self, holder: str, deadline: int, forged: bool, nonce: int | None = None) -> None:
        if deadline < self.world.time:
            raise Refused("DeadlinePassed", deadline)
        if nonce is not None:
            self.nonces.check(holder, nonce)
        if forged and holder != CUSTOMERS[0].address:
            raise Refused("NotSignedByHolder", holder)

    def nonce(self, lane: int, index: int, odd: bool) -> int:
        return pack_nonce(lane, 1 if odd and lane else 0, 224 if odd and not lane else index)

    @rule(
        holder=customers,
        to=some,
        share=shares,
        lane=st.integers(0, 1),
        index=st.integers(0, 9),
        odd=seldom,
        delay=delays,
        forged=seldom,
    )
    def send_for(
        self, holder: Any, to: int, share: int, lane: int, index: int, odd: bool, delay: int, forged: bool
    ) -> None:
        value = share_of(share, self.points.balance(holder.address))
        deadline, nonce = self.world.time + delay, self.nonce(lane, index, odd)
        message = Send(holder.address, self.receiver(to), value, deadline, nonce)
        signature = (CUSTOMERS[0] if forged else holder).sign(message, self.domain)

        def model() -> None:
            self.check_message(holder.address, deadline, forged, nonce)
            self.points.transfer(holder.address, message.to, value)
            self.nonces.cancel(holder.address, [nonce])

        self.both(model, STRANGER, "sendFor", message, signature, losers={holder.address})

    @rule(pocket=st.integers(0, 1), to=some, share=shares, low=bound_lots, off=few, stranger=seldom)
    def transfer_from_pocket(
        self, pocket: int, to: int, share: int, low: int, off: int, stranger: bool
    ) -> None:
        at_least, _ = self.bounds(low, -1, off)
        value, who = share_of(share, self.points.balance(self.pockets[pocket], at_least)), self.receiver(to)
        sender = STRANGER if stranger else ESCROW
        source = self.pockets[pocket]
        if stranger:
            source = self.world.view(self.address, "pocketOf", STRANGER, POCKETS[pocket])
        model = lambda: self.points.transfer_within(source, who, value, at_least, 0)  # noqa: E731
        self.both(model, sender, "transferFromPocket", POCKETS[pocket], who, value, at_least, losers={source})

    @rule(holder=holders, pocket=st.integers(0, 1), share=shares)
    def fill_pocket(self, holder: str, pocket: int, share: int) -> None:
        value, to = share_of(share, self.points.balance(holder)), self.pockets[pocket]
        self.both(
            lambda: self.points.transfer(holder, to, value), holder, "transfer", to, value, losers={holder}
        )

    # -------------------------------------------------------------------------------------------- issuing

    def owned(self, sender: str, then: Callable[[], None]) -> Callable[[], None]:
        def model() -> None:
            self.points.check_owner(sender)
            then()

        return model

    def sender(self, wrong: int) -> str:
        return next(brand for brand in BRANDS if brand != self.points.owner) if wrong else self.points.owner

    @rule(wrong=brands, to=some, amount=amounts)
    def mint(self, wrong: int, to: int, amount: int) -> None:
        sender, who = self.sender(wrong), self.receiver(to)
        model = self.owned(sender, lambda: self.points.issue_all([(who, amount)]))
        self.both(model, sender, "mint", who, amount)

    @rule(to=some, more=st.sampled_from([0, 0, 1]))
    def fill_lot(self, to: int, more: int) -> None:
        """All that there is room for, or one more."""
        amount, who, sender = self.points.room() + more, self.receiver(to), self.points.owner
        self.both(lambda: self.points.issue_all([(who, amount)]), sender, "mint", who, amount)

    def referenced(self, issuer: str, reference: bytes, then: Callable[[], None]) -> Callable[[], None]:
        def model() -> None:
            self.points.check_reference(issuer, reference)
            then()
            self.points.references.add((issuer, reference))

        return model

    @rule(wrong=brands, to=some, amount=amounts, reference=references)
    def mint_for(self, wrong: int, to: int, amount: int, reference: bytes) -> None:
        sender, who = self.sender(wrong), self.receiver(to)
        model = self.referenced(ZERO, reference, lambda: self.points.issue_all([(who, amount)]))
        self.both(self.owned(sender, model), sender, "mintFor", who, amount, reference)

    @rule(wrong=brands, parts=st.lists(st.tuples(some, amounts), max_size=5), reference=references)
    def mint_batch(self, wrong: int, parts: list[tuple[int, int]], reference: bytes) -> None:
        sender = self.sender(wrong)
        recipients, words = self.batch(parts)

        def then() -> None:
            self.points.issue_all(recipients)
            if not sum(amount for _, amount in recipients):
                raise Refused("ZeroAmount")

        model = self.referenced(ZERO, reference, then)
        self.both(self.owned(sender, model), sender, "mintBatch", reference, words)

    def batch(self, parts: list[tuple[int, int]]) -> tuple[list[tuple[str, int]], list[int]]:
        """A word has 96 bits for the amount."""
        recipients = [(self.receiver(to), amount % 2**96) for to, amount in parts]
        return recipients, [amount << 160 | int(to, 16) for to, amount in recipients]

    @rule(
        wrong=brands,
        issuer=issuers,
        grant=grants,
        amount=st.one_of(st.integers(0, 2000), st.integers(0, 2000), amounts),
        cap=st.sampled_from([0, 0, 0, 40, 40, 300, MOST + 1]),
        lock=st.sampled_from([None, None, DAY, 40 * DAY, -1, 2**40]),
        raised=st.booleans(),
    )
    def set_grant(
        self, wrong: int, issuer: str, grant: int, amount: int, cap: int, lock: int | None, raised: bool
    ) -> None:
        sender = self.sender(wrong)
        known = self.points.grant(issuer, grant)
        locked = 0 if lock is None else max(0, self.world.time + lock)
        if raised:
            amount, locked, cap = min(amount + known.amount, MAX), max(locked, known.locked_until), known.cap
        model = self.owned(sender, lambda: self.points.set_grant(issuer, grant, amount, cap, locked))
        self.both(model, sender, "setGrant", issuer, grant, amount, cap, locked)

    @rule(issuer=issuers, grant=grants)
    def release_grant(self, issuer: str, grant: int) -> None:
        self.both(lambda: self.points.release_grant(issuer, grant), STRANGER, "releaseGrant", issuer, grant)

    def granted(
        self, issuer: str, number: int, amount: int, then: Callable[[bool], None]
    ) -> Callable[[], None]:
        def model() -> None:
            self.points.check_grant(issuer, number, amount)
            then(self.points.grant(issuer, number).locked_until != 0)
            self.points.charge_grant(issuer, number, amount)

        return model

    @rule(issuer=issuers, grant=grants, to=some, share=shares, reference=references)
    def issue(self, issuer: str, grant: int, to: int, share: int, reference: bytes) -> None:
        who, amount = self.receiver(to), share_of(share, self.points.grant(issuer, grant).amount)

        def then(promised: bool) -> None:
            if any(reference):
                self.points.check_reference(issuer, reference)
            self.points.issue_all([(who, amount)], promised=promised)
            if any(reference):
                self.points.references.add((issuer, reference))

        model = self.granted(issuer, grant, amount, then)
        self.both(model, issuer, "issue", grant, who, amount, reference)

    @rule(
        issuer=issuers,
        grant=grants,
        parts=st.lists(st.tuples(some, st.integers(0, 300)), max_size=4),
        reference=references,
    )
    def issue_batch(self, issuer: str, grant: int, parts: list[tuple[int, int]], reference: bytes) -> None:
        recipients, words = self.batch(parts)
        total = sum(amount for _, amount in recipients)

        def model() -> None:
            self.points.check_reference(issuer, reference)
            # The recipients are looked at before the grant is.
            for to, _ in recipients:
                self.points._check_receiver(to)
            self.granted(
                issuer, grant, total, lambda promised: self.points.issue_all(recipients, promised=promised)
            )()
            self.points.references.add((issuer, reference))

        self.both(model, issuer, "issueBatch", grant, reference, words)

    @rule(
        issuer=issuers,
        grant=grants,
        parts=st.lists(st.tuples(some, st.integers(0, 300)), max_size=4),
    )
    def issue_to(self, issuer: str, grant: int, parts: list[tuple[int, int]]) -> None:
        recipients, words = self.batch(parts)
        total = sum(amount for _, amount in recipients)

        def issue(promised: bool) -> None:
            if not promised:
                raise Refused("IssueWithoutLock", issuer, grant)
            self.points.issue_all(recipients, promised=True)

        def model() -> None:
            for to, _ in recipients:
                self.points._check_receiver(to)
            self.granted(issuer, grant, total, issue)()

        def issue_one(promised: bool) -> None:
            if promised:
                self.points._check_receiver(recipients[0][0])
            issue(promised)

        if len(words) == 1:
            # Its grant is charged before the recipient is looked at.
            self.both(self.granted(issuer, grant, total, issue_one), issuer, "issueOneTo", grant, words[0])
        else:
            self.both(model, issuer, "issueTo", grant, words)

    @rule(
        wrong=brands,
        back=epochs_back,
        parts=st.lists(st.tuples(some, amounts), max_size=3),
        fill=seldom,
        reference=references,
    )
    def mint_at_epoch(
        self, wrong: int, back: int, parts: list[tuple[int, int]], fill: bool, reference: bytes
    ) -> None:
        sender, points = self.sender(wrong), self.points
        epoch = (points.now - points.origin) // points.length - back
        if epoch < 0:
            epoch = MAX
        recipients, words = self.batch(parts)
        if fill and epoch != MAX:
            room = MOST - points.supply_of(points.expiry_of(epoch)) - points.pending
            recipients, words = self.batch([(parts[0][0] if parts else 3, max(0, room))])

        def model() -> None:
            points.check_owner(sender)
            points.check_living(epoch)
            self.referenced(ZERO, reference, lambda: points.issue_at_epoch(epoch, recipients))()

        self.both(model, sender, "mintAtEpoch", reference, epoch, words)

    # ------------------------------------------------------------------------------------------- vouchers

    def voucher(
        self, signer: Any, grant: int, to: str, key: bool, amount: int, receipt: bytes, delay: int, nonce: int
    ) -> Voucher:
        recipient = KEY.address if key else to
        deadline = self.world.time + delay
        return Voucher(signer.address, grant, recipient, key, amount, receipt, deadline, nonce)

    def signed(self, signer: Any, voucher: Voucher, to: str, forged: bool, swapped: bool) -> list[Any]:
        """As the token takes it. `swapped`: the key named somebody else."""
        signature = (CUSTOMERS[0] if forged else signer).sign(voucher, self.domain)
        if not voucher.is_key:
            return [voucher, signature, ZERO, b""]
        named = STRANGER if swapped else to
        claim = Claim(KEY.address, named, digest(voucher, self.domain))
        return [voucher, signature, to, KEY.sign(claim, self.domain)]

    def check_voucher(self, voucher: Voucher, to: str, forged: bool, swapped: bool) -> None:
        """All but the nonce, and the room for it."""
        if voucher.deadline < self.world.time:
            raise Refused("DeadlinePassed", voucher.deadline)
        if forged:
            raise Refused("NotSignedByIssuer", voucher.issuer)
        if voucher.is_key and swapped:
            raise Refused("NotSignedByKey", KEY.address)
        self.points.check_grant(voucher.issuer, voucher.grant_id, voucher.amount)
        if any(voucher.receipt_id):
            self.points.check_reference(voucher.issuer, voucher.receipt_id)
        self.points._check_receiver(to)

    def use_voucher(self, voucher: Voucher) -> None:
        self.points.charge_grant(voucher.issuer, voucher.grant_id, voucher.amount)
        if any(voucher.receipt_id):
            self.points.references.add((voucher.issuer, voucher.receipt_id))
        self.nonces.cancel(voucher.issuer, [voucher.nonce])

    @rule(
        signer=signers,
        grant=grants,
        to=some,
        key=st.booleans(),
        share=shares,
        receipt=references,
        delay=delays,
        lane=st.integers(0, 1),
        index=st.integers(0, 9),
        odd=seldom,
        wrong=st.sampled_from(["", "", "", "", "", "", "forged", "swapped"]),
    )
    def claim(
        self,
        signer: Any,
        grant: int,
        to: int,
        key: bool,
        share: int,
        receipt: bytes,
        delay: int,
        lane: int,
        index: int,
        odd: bool,
        wrong: str,
    ) -> None:
        who, amount = self.receiver(to), share_of(share, self.points.grant(signer.address, grant).amount)
        nonce, terms = self.nonce(lane, index, odd), (wrong == "forged", wrong == "swapped")
        voucher = self.voucher(signer, grant, who, key, amount, receipt, delay, nonce)

        def model() -> None:
            self.nonces.check(signer.address, nonce)
            self.check_voucher(voucher, who, *terms)
            promised = self.points.grant(signer.address, grant).locked_until != 0
            self.points.issue_all([(who, amount)], promised=promised)
            self.use_voucher(voucher)

        self.both(model, STRANGER, "claim", self.signed(signer, voucher, who, *terms))

    @rule(
        parts=st.lists(st.tuples(signers, grants, some, shares, st.integers(0, 9)), min_size=1, max_size=4),
        receipt=references,
        forged=seldom,
    )
    def claim_batch(self, parts: list[tuple[Any, int, int, int, int]], receipt: bytes, forged: bool) -> None:
        """The first has a receipt, and may be forged. At most half of what is granted, so that some fit."""
        batch = []
        for place, (signer, grant, to, share, index) in enumerate(parts):
            amount = share_of(share, self.points.grant(signer.address, grant).amount) // 2
            voucher = self.voucher(
                signer,
                grant,
                self.receiver(to),
                bool(index % 2),
                amount,
                bytes(32) if place else receipt,
                DAY,
                self.nonce(2, index, False),
            )
            batch.append((signer, voucher, self.receiver(to), forged and not place))

        def model() -> int:
            points = self.points
            before = deepcopy((points.grants, points.references, self.nonces.used))
            paid: dict[bool, list[tuple[str, int]]] = {True: [], False: []}
            try:
                for _, voucher, to, wrong in batch:
                    if self.nonces.is_open(voucher.issuer, voucher.nonce):
                        self.check_voucher(voucher, to, wrong, False)
                        locked = points.grant(voucher.issuer, voucher.grant_id).locked_until != 0
                        paid[locked].append((to, voucher.amount))
                        self.use_voucher(voucher)
                # What is promised has its place whatever the others take.
                for locked in (False, True):
                    points.issue_all(paid[locked], promised=locked)
            except Refused:
                points.grants, points.references, self.nonces.used = before
                raise
            self.seen["passed over"] += sum(map(len, paid.values())) < len(batch)
            return sum(map(len, paid.values()))

        signed = [self.signed(signer, voucher, to, wrong, False) for signer, voucher, to, wrong in batch]
        self.both(model, STRANGER, "claimBatch", signed)

    # -------------------------------------------------------------------------------------------- pending

    def maturity(self, delay: int) -> int:
        return 2**40 if delay == -2 else max(0, self.world.time + delay)

    @rule(
        wrong=brands,
        parts=st.lists(st.tuples(some, st.one_of(st.integers(1, 1000), amounts)), max_size=4),
        reference=references,
        delay=maturities,
        fill=seldom,
    )
    def mint_pending(
        self, wrong: int, parts: list[tuple[int, int]], reference: bytes, delay: int, fill: bool
    ) -> None:
        sender, points, matures_at = self.sender(wrong), self.points, self.maturity(delay)
        recipients, words = self.batch(parts)
        if fill:
            recipients, words = self.batch([(3, points.room())])

        def model() -> int:
            points.check_owner(sender)
            points.check_maturity(matures_at)
            self.referenced(ZERO, reference, lambda: points.check_purchases(recipients))()
            return points.promise(ZERO, recipients, matures_at)

        self.both(model, sender, "mintPending", reference, matures_at, words)

    @rule(
        issuer=issuers,
        grant=grants,
        parts=st.lists(st.tuples(some, st.integers(1, 300)), min_size=1, max_size=4),
        reference=references,
        delay=maturities,
    )
    def issue_pending(
        self, issuer: str, grant: int, parts: list[tuple[int, int]], reference: bytes, delay: int
    ) -> None:
        points, matures_at = self.points, self.maturity(delay)
        recipients, words = self.batch(parts)
        total = sum(amount for _, amount in recipients)

        def model() -> int:
            points.check_maturity(matures_at)
            points.check_reference(issuer, reference)
            points.check_purchases(recipients)
            points.check_grant(issuer, grant, total)
            locked = points.grant(issuer, grant).locked_until
            if locked:
                raise Refused("GrantLocked", issuer, grant, locked)
            points.charge_grant(issuer, grant, total)
            points.references.add((issuer, reference))
            return points.promise(issuer, recipients, matures_at)

        self.both(model, issuer, "issuePending", grant, reference, matures_at, words)

    def purchase(self, issuer: str, number: int) -> int:
        """One of the last numbers, or the next one."""
        return max(0, self.points.numbers[issuer] - number % 6)

    @rule(issuer=promisers, number=some, share=shares, other=seldom, owner=st.booleans())
    def cancel_pending(self, issuer: str, number: int, share: int, other: bool, owner: bool) -> None:
        which = self.purchase(issuer, number)
        known = self.points.purchases.get((issuer, which))
        amount = share_of(share, known.amount if known else 0)
        sender = self.points.owner if owner or issuer == ZERO else issuer
        if other:
            sender = next(one for one in [*ISSUERS, BRANDS[1]] if one not in (issuer, self.points.owner))
        model = lambda: self.points.cancel_purchase(sender, issuer, which, amount)  # noqa: E731
        self.both(model, sender, "cancelPending", issuer, which, amount)

    @rule(issuer=promisers, numbers=st.lists(some, max_size=5))
    def release_pending(self, issuer: str, numbers: list[int]) -> None:
        which = [self.purchase(issuer, number) for number in numbers]
        self.release(issuer, which)

    @rule(issuer=promisers)
    def release_all_that_is_mature(self, issuer: str) -> None:
        points = self.points
        self.release(
            issuer,
            [
                number
                for (who, number), purchase in points.purchases.items()
                if who == issuer and purchase.matures_at <= points.now
            ],
        )

    def release(self, issuer: str, numbers: list[int]) -> None:
        points = self.points
        for number in numbers:
            known = points.purchases.get((issuer, number))
            if known and known.matures_at <= points.now:
                late = (points.fresh - points.expiry_at(known.matures_at)) // points.length
                self.seen["released late" if 0 < late < 4 else "lost" if late else "released"] += 1
        model = lambda: points.release_purchases(issuer, numbers)  # noqa: E731
        self.both(model, STRANGER, "releasePending", issuer, numbers)

    # ----------------------------------------------------------------------------------------- redemption

    @rule(holder=holders, share=shares, receipt=references)
    def redeem(self, holder: str, share: int, receipt: bytes) -> None:
        amount = share_of(share, self.points.balance(holder))
        model = lambda: self.points.redeem(holder, amount, receipt)  # noqa: E731
        self.both(model, holder, "redeem", amount, receipt, losers={holder})

    @rule(
        holder=customers,
        share=shares,
        receipt=references,
        agent=st.sampled_from([ZERO, ZERO, STRANGER, ESCROW]),
        lane=st.integers(0, 1),
        index=st.integers(0, 9),
        odd=seldom,
        delay=delays,
        forged=seldom,
    )
    def redeem_for(
        self,
        holder: Any,
        share: int,
        receipt: bytes,
        agent: str,
        lane: int,
        index: int,
        odd: bool,
        delay: int,
        forged: bool,
    ) -> None:
        amount = share_of(share, self.points.balance(holder.address))
        deadline, nonce = self.world.time + delay, self.nonce(lane, index, odd)
        message = Redeem(holder.address, amount, receipt, agent, deadline, nonce)
        signature = (CUSTOMERS[0] if forged else holder).sign(message, self.domain)

        def model() -> None:
            if agent not in (ZERO, STRANGER):
                raise Refused("NotTheAgent", agent, STRANGER)
            self.check_message(holder.address, deadline, forged, nonce)
            self.points.redeem(holder.address, amount, receipt)
            self.nonces.cancel(holder.address, [nonce])

        self.both(model, STRANGER, "redeemFor", message, signature, losers={holder.address})

    @rule(number=some, share=shares, wrong=brands)
    def give_back(self, number: int, share: int, wrong: int) -> None:
        holder, receipt, amount = self.receipt(number, share)
        sender = self.sender(wrong)
        model = self.owned(sender, lambda: self.points.give_back(holder, receipt, amount))
        self.both(model, sender, "giveBack", holder, receipt, amount)

    @rule(number=some, share=shares, issuer=issuers, grant=grants)
    def give_back_from(self, number: int, share: int, issuer: str, grant: int) -> None:
        holder, receipt, amount = self.receipt(number, share)
        model = self.granted(
            issuer,
            grant,
            amount,
            lambda promised: self.points.give_back(holder, receipt, amount, promised=promised),
        )
        self.both(model, issuer, "giveBackFrom", grant, holder, receipt, amount)

    def receipt(self, number: int, share: int) -> tuple[str, bytes, int]:
        """One of the last redemptions, or none."""
        known = list(self.points.receipts)[-6:]
        holder, receipt = known[number % len(known)] if known else (ADDRESSES[0], POCKETS[0])
        return (
            holder,
            receipt,
            share_of(share, sum(part for _, part in self.points.returnable(holder, receipt))),
        )

    # ----------------------------------------------------------------------------------------------- rest

    @rule(
        holder=customers, lane=st.integers(0, 1), indexes=st.lists(st.integers(0, 9), max_size=3), odd=seldom
    )
    def cancel_nonces(self, holder: Any, lane: int, indexes: list[int], odd: bool) -> None:
        nonces = [self.nonce(lane, index, odd) for index in indexes]
        self.both(self.cancelled(holder.address, nonces), holder.address, "cancelNonces", nonces)

    @rule(holder=customers, lane=st.integers(0, 1), index=st.integers(0, 9), odd=seldom, forged=seldom)
    def cancel_nonces_for(self, holder: Any, lane: int, index: int, odd: bool, forged: bool) -> None:
        nonces = [self.nonce(lane, index, odd)]
        message = CancelNonces(holder.address, tuple(nonces))
        signature = (CUSTOMERS[0] if forged else holder).sign(message, self.domain)

        def model() -> None:
            if forged and holder != CUSTOMERS[0]:
                raise Refused("NotSignedByHolder", holder.address)
            self.cancelled(holder.address, nonces)()

        self.both(model, STRANGER, "cancelNoncesFor", holder.address, nonces, signature)

    def cancelled(self, holder: str, nonces: list[int]) -> Callable[[], None]:
        def model() -> None:
            self.nonces.check_cancel(holder, nonces)
            self.nonces.cancel(holder, nonces)

        return model

    @rule(lane=st.integers(0, 1), index=st.integers(0, 9), holder=customers)
    def look_at_nonce(self, lane: int, index: int, holder: Any) -> None:
        nonce = pack_nonce(lane, 0, index)
        is_open = self.world.view(self.address, "nonceOpen", holder.address, nonce)
        assert is_open == self.nonces.is_open(holder.address, nonce)

    @rule()
    def ask_for_ownership(self) -> None:
        next_ = self.sender(1)

        def model() -> None:
            self.asked[next_] = self.world.time + 2 * DAY

        self.both(model, next_, "requestOwnershipHandover")

    @rule(wrong=brands)
    def hand_over(self, wrong: int) -> None:
        sender, next_ = self.sender(wrong), self.sender(1)

        def model() -> None:
            self.points.check_owner(sender)
            if self.asked.get(next_, -1) < self.world.time:
                raise Refused("NoHandoverRequest")
            del self.asked[next_]
            self.points.owner = next_

        self.both(model, sender, "completeOwnershipHandover", next_)

    @rule(function=st.sampled_from(["renounceOwnership", "transferOwnership"]))
    def skip_a_step(self, function: str) -> None:
        def model() -> None:
            raise Refused("HandOverInTwoSteps")

        arguments = [BRANDS[1]] if function == "transferOwnership" else []
        self.both(model, self.points.owner, function, *arguments)


EXPECTED = {
    "transfer",
    "transferFrom",
    "transferFromWithin",
    "transferAtEpoch",
    "transferFromAtEpoch",
    "approve",
    "permit",
    "approveFor",
    "sendFor",
    "transferFromPocket",
    "mint",
    "mintFor",
    "mintBatch",
    "setGrant",
    "releaseGrant",
    "issue",
    "issueBatch",
    "issueTo",
    "issueOneTo",
    "IssueWithoutLock",
    "mintAtEpoch",
    "claim",
    "claimBatch",
    "passed over",
    "mintPending",
    "issuePending",
    "cancelPending",
    "releasePending",
    "released",
    "released late",
    "lost",
    "redeem",
    "redeemFor",
    "giveBack",
    "giveBackFrom",
    "cancelNonces",
    "cancelNoncesFor",
    "requestOwnershipHandover",
    "completeOwnershipHandover",
    "wait",
    "ERC20InsufficientBalance",
    "ERC20InvalidReceiver",
    "ERC20InsufficientAllowance",
    "ERC20InvalidSpender",
    "PointsOutOfBounds",
    "ExchangeSwitchedOff",
    "ExchangeAllOrNothing",
    "NoHeadroom",
    "ZeroAmount",
    "AmountTooLarge",
    "ReferenceMissing",
    "ReferenceUsed",
    "GrantExceeded",
    "DayCapExceeded",
    "GrantLocked",
    "GrantNotLocked",
    "LockOutOfRange",
    "DeadlinePassed",
    "NotSignedByHolder",
    "NotSignedByIssuer",
    "NotSignedByKey",
    "EpochNotLiving",
    "MaturityOutOfRange",
    "NotTheIssuer",
    "PendingExceeded",
    "AlreadyMature",
    "NotMature",
    "NotTheAgent",
    "ReceiptUsed",
    "GiveBackExceeded",
    "ERC7818TransferredExpiredToken",
    "NonceUsed",
    "NonceNotCurrent",
    "NonceIndexTooLarge",
    "Unauthorized",
    "NoHandoverRequest",
    "HandOverInTwoSteps",
}


def test_L1_L2_L3_L4_points_do_what_the_model_says(profile: settings) -> None:  # noqa: N802
    try_model(LoyaltyMachine, profile, EXPECTED, share=2)
