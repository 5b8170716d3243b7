"""X1 to X3: the exchange and three brands' points beside a model in plain Python.

Each call is made to both. Both must do the same, or refuse it with the same error and the same values. Orders
are signed by eth-account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stateful.market import MOST_AMOUNT, Market, Signed, Transfer
from tests.stateful.points import DAY, MAX, ZERO, Points
from tests.stateful.running import try_model
from tests.stateful.world import CHAIN_ID, Person, Refused, World, outcome, person, role
from troc.messages import KIND_POINTS, Cancel, CancelAll, Domain, Message, Order, digest, pack_nonce

BIRTH = 1_767_225_600
BRAND = role("brand")
STRANGER = role("stranger")
MAKERS = [person(name) for name in ("ann", "ben", "cyd", "dan")]
ADDRESSES = [maker.address for maker in MAKERS]
LENGTHS = [30 * DAY, 45 * DAY, 10 * DAY]
NAMES = ["Le Panier", "BioBox", "Velo"]
KEPT = 12

seldom = st.integers(0, 9).map(lambda n: n == 0)
tokens = st.integers(0, 2)
people = st.integers(0, 3)
shares = st.sampled_from([1000, 1000, 1000, 500, 500, 333, 333, 1, 0, 1001])
lots = st.integers(-1, 4)
loose = st.sampled_from([-1, -1, -1, 0, 1, 2, 3, 4])
delays = st.sampled_from([0, DAY, 40 * DAY, 40 * DAY, -1])
some = st.integers(1, 500)
flaws = st.sampled_from(
    [None] * 12
    + ["one less", "one more", "drop", "twice", "nothing", "huge", "far", "swap", "edit", "sender", "short"]
)
# What an order is like: mostly one that can be met, else anything.
_meetable: dict[str, Any] = {
    "partial": st.booleans(),
    "more": st.integers(0, 300),
    "cheap": st.integers(0, 1000),
    "ceiling": st.just(-1),
    "floor": loose,
    "reserved": st.sampled_from([None, None, None, None, None, "sender"]),
    "delay": st.sampled_from([0, DAY, 90 * DAY, 90 * DAY, 90 * DAY, 90 * DAY]),
    "lane": st.integers(0, 15),
    "index": st.integers(0, 40),
    "ahead": st.just(0),
    "signed": st.just("well"),
    "odd": st.none(),
    "funded": st.just(True),
}
_anything = {
    **_meetable,
    "ceiling": loose,
    "reserved": st.sampled_from([None, None, None, 0, 1, 2, 3]),
    "delay": st.sampled_from([-1, 40 * DAY, 40 * DAY]),
    "lane": st.integers(0, 1),
    "index": st.sampled_from([*range(8), 223, 224]),
    "ahead": st.sampled_from([0, 0, 0, 1]),
    "signed": st.sampled_from(["well"] * 6 + ["other chain", "other exchange", "other key"]),
    "odd": st.sampled_from([None] * 8 + ["zero", "zero price", "large", "same"]),
    "funded": st.booleans(),
}
terms = st.one_of(
    *[st.fixed_dictionaries(_meetable)] * 4,
    st.fixed_dictionaries(
        {**_meetable, "ceiling": loose, "index": st.integers(0, 3), "lane": st.integers(0, 1)}
    ),
    st.fixed_dictionaries(_anything),
)


class ExchangeMachine(RuleBasedStateMachine):
    """The exchange, three tokens, and the models."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often which call went through, and which error was seen, over all examples."""

    @initialize()
    def begin(self) -> None:
        self.world = World(BIRTH)
        self.address = self.world.deploy("PointsExchange")
        self.tokens = []
        points = {}
        for i, (name, length) in enumerate(zip(NAMES, LENGTHS, strict=True)):
            origin = BIRTH - i * DAY
            address = self.world.deploy(
                "LoyaltyToken", self.address, BRAND, name, name.upper()[:6], 0, length, origin
            )
            points[address] = Points(address, self.address, BRAND, length, origin, lambda: self.world.time)
            self.tokens.append(address)
        self.domain = Domain("Troc Exchange", CHAIN_ID, self.address)
        self.market = Market(self.address, self.domain, points)
        self.orders: list[Signed] = []
        self.over: dict[bytes, str] = {}
        for token in self.tokens:
            for maker in ADDRESSES:
                self.issue(token, maker, 1000)

    # ------------------------------------------------------------------------------------------ comparing

    def both(self, model: Callable[[], Any], sender: str, function: str, *arguments: Any) -> bool:
        """Makes one call to both; returns whether it went through."""
        expected = outcome(model)
        answer = outcome(lambda: self.world.call(sender, self.address, function, *arguments))
        if isinstance(expected, Refused) or isinstance(answer, Refused):
            assert answer == expected, f"{function}{arguments}: {answer!r}, and by the model {expected!r}"
            self.seen[answer.name] += 1
            return False
        if expected is not None:
            assert answer == expected
        self.seen[function] += 1
        return True

    def lots(self, token: str, holder: str) -> Counter[int]:
        amounts, expiries = self.world.view(token, "lotsOf", holder)
        return Counter({expiry: amount for expiry, amount in zip(expiries, amounts, strict=True) if amount})

    @invariant()
    def check_all(self) -> None:
        for token in self.tokens:
            assert self.world.view(token, "balanceOf", self.address) == 0, "X1: the exchange holds points"
            for holder in [*ADDRESSES, STRANGER]:
                lots = dict(self.market.points[token].lots(holder))
                assert self.lots(token, holder) == lots, f"X2: lots of {holder}"
        for signed in self.orders:
            left = self.world.view(self.address, "remainingOf", signed.order)
            assert left == self.market.remaining(signed.order), "X3: what is left of an order"

    def trade(
        self, listed: Sequence[Signed], given: Sequence[int], received: Sequence[int], act: Callable[[], bool]
    ) -> None:
        """Makes a trade, and checks X2 and X3 by what was there before and after, whatever the model said."""
        before = [self.sides(signed.order) for signed in listed]
        if not act():
            return
        for signed, gives, gets, (gave, got) in zip(listed, given, received, before, strict=True):
            order = signed.order
            assert digest(order, self.domain) not in self.over, (
                f"X3: it was {self.over[digest(order, self.domain)]}"
            )
            assert signed.good, "X3: an order moved that its maker did not sign here"
            assert order.open_until >= self.world.time, "X3: an expired order moved"
            assert gets * order.give_amount >= gives * order.want_amount, "X2: below its price"
            assert 0 < gives <= order.give_amount, "X2: too much"
            assert order.allow_partial or gives == order.give_amount, "X2: not all"
            if [other.order.maker for other in listed].count(order.maker) == 1:
                self.check_lots(order, gives, gets, gave, got)
        for signed in listed:
            if self.market.remaining(signed.order) == 0:
                self.over.setdefault(digest(signed.order, self.domain), "filled")

    def sides(self, order: Order) -> tuple[Counter[int], Counter[int]]:
        return self.lots(order.give_token, order.maker), self.lots(order.want_token, order.maker)

    def check_lots(self, order: Order, gives: int, gets: int, gave: Counter[int], got: Counter[int]) -> None:
        left, has = self.sides(order)
        assert (gave - left).total() == gives, "X2: gave something else"
        assert not left - gave, "X2: got back what she gave"
        ceiling = order.give_points_expiring_by or MAX
        assert all(expiry <= ceiling for expiry in gave - left), "X2: gave lots that she did not offer"
        assert (has - got).total() == gets, "X2: received something else"
        assert all(expiry > order.want_points_living_until for expiry in has - got), (
            "X2: got lots that live too short"
        )

    # ------------------------------------------------------------------------------------ time and holdings

    @rule(seconds=st.one_of(st.integers(1, 2 * DAY), st.integers(1, 30 * DAY)))
    def wait(self, seconds: int) -> None:
        self.world.move_to(self.world.time + seconds)

    @rule(token=tokens, maker=people, amount=some)
    def mint(self, token: int, maker: int, amount: int) -> None:
        self.issue(self.tokens[token], ADDRESSES[maker], amount)

    def issue(self, token: str, holder: str, amount: int) -> None:
        self.world.call(BRAND, token, "mint", holder, amount)
        self.market.points[token].issue_all([(holder, amount)])

    @rule(token=tokens, maker=people, to=people, share=st.sampled_from([100, 500]))
    def give_away(self, token: int, maker: int, to: int, share: int) -> None:
        """A maker may always move what she offered."""
        points = self.market.points[self.tokens[token]]
        amount = points.balance(ADDRESSES[maker]) * share // 1000
        self.world.call(ADDRESSES[maker], points.address, "transfer", ADDRESSES[to], amount)
        points.transfer(ADDRESSES[maker], ADDRESSES[to], amount)

    @rule(token=tokens, maker=people, on=st.sampled_from([True, True, False]))
    def switch(self, token: int, maker: int, on: bool) -> None:
        points, value = self.market.points[self.tokens[token]], MAX if on else 0
        self.world.call(ADDRESSES[maker], points.address, "approve", self.address, value)
        points.approve(ADDRESSES[maker], self.address, value)

    # --------------------------------------------------------------------------------------------- orders

    def bound(self, token: str, lot: int) -> int:
        """The expiry of a lot, the soonest first; none for -1."""
        points = self.market.points[token]
        return 0 if lot < 0 else points.fresh - (3 - lot) * points.length

    def order(
        self, maker: int, tokens: tuple[str, str], given: int, received: int, sender: str, how: Any
    ) -> Signed:
        """An order that gives and receives so much at a price that is met, but for what `how` spoils."""
        give, want = tokens
        partial = how["partial"]
        if how["funded"] and self.market.points[give].balance(ADDRESSES[maker]) < given < 10**6:
            self.issue(give, ADDRESSES[maker], given)
        whole = max(given, 1) + (how["more"] if partial else 0)
        price = max(1, received * whole // max(given, 1) * (1000 - how["cheap"] // 4) // 1000)
        lane = how["lane"] + (100 if partial else 0)
        index = (224 if how["index"] == 224 else 0) if partial else how["index"]
        order = Order(
            maker=ADDRESSES[maker],
            give_token=give,
            give_kind=KIND_POINTS,
            give_id=0,
            give_amount={"zero": 0, "large": MOST_AMOUNT + 1}.get(how["odd"], whole),
            want_token=give if how["odd"] == "same" else want,
            want_kind=KIND_POINTS,
            want_id=0,
            want_amount=0 if how["odd"] == "zero price" else price,
            give_points_expiring_by=self.bound(give, how["ceiling"]),
            want_points_living_until=self.bound(want, how["floor"] - 1) if how["floor"] > 0 else 0,
            only_taker=self.reserved(how["reserved"], sender),
            open_until=self.world.time + how["delay"],
            nonce=pack_nonce(lane, self.series(maker, lane, partial) + how["ahead"], index),
            allow_partial=partial,
        )
        return self.sign(MAKERS[maker], order, how["signed"])

    def reserved(self, whom: Any, sender: str) -> str:
        if whom is None:
            return ZERO
        return sender if whom == "sender" else ADDRESSES[whom]

    def series(self, maker: int, lane: int, partial: bool) -> int:
        nonces = self.market.partial if partial else self.market.whole
        return nonces.series[ADDRESSES[maker], lane]

    def sign(self, maker: Person, order: Order, how: str) -> Signed:
        domain = self.domain
        if how == "other chain":
            domain = replace(domain, chain_id=CHAIN_ID + 1)
        elif how == "other exchange":
            domain = replace(domain, verifying_contract=self.tokens[0])
        elif how == "other key":
            maker = next(other for other in MAKERS if other != maker)
        return Signed(order, maker.sign(order, domain), how == "well")

    def keep(self, signed: Signed) -> None:
        self.orders = [*self.orders, signed][-KEPT:]

    @rule(maker=people, pair=st.permutations([0, 1, 2]), given=some, received=some, how=terms)
    def publish(self, maker: int, pair: list[int], given: int, received: int, how: Any) -> None:
        give, want = self.tokens[pair[0]], self.tokens[pair[1]]
        self.keep(self.order(maker, (give, want), given, received, ADDRESSES[maker - 1], how))

    # -------------------------------------------------------------------------------------------- trading

    def part(self, order: Order, share: int) -> int:
        """Thousandths of what is left of an order; all of it if it allows no parts; 1001: one more."""
        left = self.market.remaining(order) or order.give_amount
        if share == 1001:
            return left + 1
        return left if share and not order.allow_partial else left * share // 1000

    @rule(number=some, share=shares, floor=loose, funded=st.sampled_from([True] * 5 + [False]), other=seldom)
    def take(self, number: int, share: int, floor: int, funded: bool, other: bool) -> None:
        if not self.orders:
            return
        signed = self.orders[number % len(self.orders)]
        order = signed.order
        sender = ADDRESSES[ADDRESSES.index(order.maker) - (2 if other else 1)]
        if funded:
            self.issue(order.want_token, sender, min(order.want_amount, 10**9))
            self.issue(order.give_token, order.maker, min(order.give_amount, 10**9))
        amount = self.part(order, share)
        living_until = self.bound(order.give_token, floor)
        arguments = (order, signed.signature, amount, living_until)
        act = lambda: self.both(  # noqa: E731
            lambda: self.market.take(sender, signed, amount, living_until), sender, "take", *arguments
        )
        paid = self.market.price(order, amount) if order.give_amount else 0
        self.trade([signed], [amount], [paid], act)

    @rule(
        data=st.data(),
        size=st.integers(2, 3),
        makers=st.permutations([0, 1, 2, 3]),
        flaw=flaws,
        keep=st.booleans(),
    )
    def settle_ring(self, data: Any, size: int, makers: list[int], flaw: str | None, keep: bool) -> None:
        """Two that match, or a ring of three; each maker gives to the next."""
        sender = STRANGER
        amounts = [data.draw(some) for _ in range(size)]
        listed = []
        for i in range(size):
            pair = (self.tokens[i], self.tokens[(i - 1) % size])
            how = data.draw(terms)
            listed.append(self.order(makers[i], pair, amounts[i], amounts[i - 1], sender, how))
            # What an order that allows no parts gives is what it says.
        transfers = [(i, (i + 1) % size, amounts[i]) for i in range(size)]
        self.settle(sender, listed, transfers, flaw, makers[-1])
        if keep:
            self.keep(listed[0])

    @rule(data=st.data(), number=some, maker=people, share=shares, flaw=flaws, twice=st.booleans())
    def settle_with_kept(
        self, data: Any, number: int, maker: int, share: int, flaw: str | None, twice: bool
    ) -> None:
        """A published order against a new one that fits; an order that allows parts perhaps listed twice."""
        if not self.orders:
            return
        kept = self.orders[number % len(self.orders)]
        order = kept.order
        amount = self.part(order, share)
        paid = self.market.price(order, amount) if order.give_amount else 1
        how = {**data.draw(terms), "odd": None}
        other = self.order(maker, (order.want_token, order.give_token), paid, amount, STRANGER, how)
        if twice and amount > 1:
            half = amount // 2
            first = self.market.price(order, half) if order.give_amount else 1
            rest = max(self.market.price(order, amount - half), 1) if order.give_amount else 1
            listed = [kept, kept, other]
            transfers = [(0, 2, half), (1, 2, amount - half), (2, 0, first), (2, 1, rest)]
        else:
            listed = [kept, other]
            transfers = [(0, 1, amount), (1, 0, paid)]
        self.settle(STRANGER, listed, transfers, flaw, maker)

    @rule(data=st.data(), count=st.integers(1, 4), sender=people)
    def settle_anything(self, data: Any, count: int, sender: int) -> None:
        """Published orders and transfers that may have nothing to do with each other."""
        if not self.orders:
            return
        listed = [self.orders[data.draw(some) % len(self.orders)] for _ in range(count)]
        ends = st.integers(0, count)
        transfers = data.draw(st.lists(st.tuples(ends, ends, st.integers(1, 400)), max_size=4))
        self.settle(ADDRESSES[sender], listed, transfers, None, sender)

    @rule(
        data=st.data(),
        maker=people,
        sender=people,
        pair=st.permutations([0, 1, 2]),
        amount=some,
        paid=some,
        flaw=flaws,
    )
    def settle_alone(
        self, data: Any, maker: int, sender: int, pair: list[int], amount: int, paid: int, flaw: str | None
    ) -> None:
        """One order, and the sender as the other end."""
        tokens = (self.tokens[pair[0]], self.tokens[pair[1]])
        signed = self.order(maker, tokens, amount, paid, ADDRESSES[sender], data.draw(terms))
        self.settle(ADDRESSES[sender], [signed], [(1, 0, paid), (0, 1, amount)], flaw, sender)

    def settle(
        self, sender: str, listed: list[Signed], transfers: list[Transfer], flaw: str | None, somebody: int
    ) -> None:
        sender, listed, transfers = self.spoil(sender, listed, transfers, flaw, somebody)
        signatures = [signed.signature for signed in listed]
        if flaw == "short":
            signatures.pop()
        given, received = [0] * len(listed), [0] * len(listed)
        for start, end, amount in transfers:
            if start < len(listed):
                given[start] += amount
            if end < len(listed):
                received[end] += amount

        def model() -> None:
            if len(signatures) != len(listed):
                raise Refused("SignaturesMissing", len(listed), len(signatures))
            self.market.settle(sender, listed, transfers)

        orders = [signed.order for signed in listed]
        act = lambda: self.both(model, sender, "settle", orders, signatures, transfers)  # noqa: E731
        self.trade(listed, given, received, act)

    def spoil(
        self, sender: str, listed: list[Signed], transfers: list[Transfer], flaw: str | None, somebody: int
    ) -> tuple[str, list[Signed], list[Transfer]]:
        """Whoever sends a settlement can change all but what the makers signed; and try that too."""
        listed, transfers = list(listed), list(transfers)
        if flaw in ("one less", "one more", "nothing", "huge", "far"):
            start, end, amount = transfers[0]
            changed = {
                "one less": max(0, amount - 1),
                "one more": amount + 1,
                "nothing": 0,
                "huge": MOST_AMOUNT + 1,
            }
            transfers[0] = (start, 9 if flaw == "far" else end, changed.get(flaw, amount))
        elif flaw == "drop":
            transfers.pop()
        elif flaw == "twice":
            transfers.append(transfers[0])
        elif flaw == "swap":
            one, other = listed[0], listed[-1]
            good = one.good and one.order == other.order
            listed[0] = replace(one, signature=other.signature, good=good if one is other else False)
            if one is other:
                listed[0] = one
        elif flaw == "edit":
            order = listed[0].order
            edited = replace(
                order, want_amount=max(1, order.want_amount - 1), only_taker=ZERO, open_until=MAX
            )
            listed[0] = Signed(edited, listed[0].signature, good=False)
        elif flaw == "sender":
            sender = ADDRESSES[somebody]
        return sender, listed, transfers

    # ----------------------------------------------------------------------------------------- cancelling

    @rule(number=some, by=people, other=seldom, signed=st.booleans(), both=seldom)
    def cancel(self, number: int, by: int, other: bool, signed: bool, both: bool) -> None:
        if not self.orders:
            return
        order = self.orders[number % len(self.orders)].order
        lists = self.lists(order, order.nonce, both)
        maker = ADDRESSES[by] if other and not signed else order.maker
        message = Cancel(order.maker, *map(tuple, lists))
        if self.end(
            message, maker, ADDRESSES[by] if other else order.maker, lists, signed, self.market.cancel
        ):
            self.note(maker, lists, "cancelled")

    @rule(number=some, by=people, other=seldom, signed=st.booleans(), ahead=seldom)
    def cancel_all(self, number: int, by: int, other: bool, signed: bool, ahead: bool) -> None:
        if not self.orders:
            return
        order = self.orders[number % len(self.orders)].order
        nonce = order.nonce if ahead else order.nonce >> 64 << 64
        lists = self.lists(order, nonce + (ahead << 64), False)
        maker = ADDRESSES[by] if other and not signed else order.maker
        message = CancelAll(order.maker, *map(tuple, lists))
        self.end(
            message, maker, ADDRESSES[by] if other else order.maker, lists, signed, self.market.cancel_all
        )
        for kept in self.orders:
            # Once over, for ever over: a series only rises.
            if self.market.remaining(kept.order) == 0 and kept.order.nonce >> 64 == order.nonce >> 64:
                self.over.setdefault(digest(kept.order, self.domain), "of a series that was ended, or filled")

    @staticmethod
    def lists(order: Order, nonce: int, both: bool) -> tuple[list[int], list[int]]:
        whole = [nonce] if both or not order.allow_partial else []
        parts = [nonce] if both or order.allow_partial else []
        return whole, parts

    def end(
        self,
        message: Message,
        maker: str,
        signer: str,
        lists: tuple[list[int], list[int]],
        signed: bool,
        model: Any,
    ) -> bool:
        function = "cancel" if isinstance(message, Cancel) else "cancelAll"
        if not signed:
            return self.both(lambda: model(maker, *lists), maker, function, *lists)
        signature = next(one for one in MAKERS if one.address == signer).sign(message, self.domain)

        def checked() -> None:
            if signer != maker:
                raise Refused("NotSignedByMaker", maker, digest(message, self.domain))
            model(maker, *lists)

        return self.both(checked, STRANGER, function + "For", maker, *lists, signature)

    def note(self, maker: str, lists: tuple[list[int], list[int]], why: str) -> None:
        for kept in self.orders:
            order = kept.order
            if order.maker == maker and order.nonce in lists[order.allow_partial]:
                self.over.setdefault(digest(order, self.domain), why)


EXPECTED = {
    "take",
    "settle",
    "cancel",
    "cancelFor",
    "cancelAll",
    "cancelAllFor",
    "SignaturesMissing",
    "NoSuchOrder",
    "AmountOutOfRange",
    "AssetsDiffer",
    "SameParty",
    "SameAsset",
    "OrderExpired",
    "OnlyTaker",
    "NotSignedByMaker",
    "NotWhole",
    "BelowPrice",
    "NonceUsed",
    "NonceNotCurrent",
    "NonceIndexTooLarge",
    "Overfilled",
    "PointsOutOfBounds",
    "ERC20InsufficientBalance",
    "ExchangeSwitchedOff",
}


def test_X1_X2_X3_the_exchange_does_what_the_model_says(profile: settings) -> None:  # noqa: N802
    try_model(ExchangeMachine, profile, EXPECTED)
