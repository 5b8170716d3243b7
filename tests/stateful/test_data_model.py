"""D1 to D3: the market for data beside a model in plain Python, among parties of whom any may be hostile.

Each call is made to both. Both must do the same, or refuse it with the same error and the same values. Two
sellers, two buyers and a stranger send what they signed, what others signed, and what nobody did. All that
they published is searched in the end for what belongs to the two parties of a sale alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.sealing import ORDER, Point, commit_to, make_content, point_of, shared, stream, wrap
from tests.stateful.data import ERC20, MAX, POINTS, DataMarket, Message, Sale, State, digest, sale_id_of
from tests.stateful.points import DAY, Points
from tests.stateful.running import try_model
from tests.stateful.world import CHAIN_ID, Refused, World, outcome, person, role
from troc.messages import pack_nonce

BIRTH = 1_767_225_600
BRAND, NOBODY, ELSEWHERE = role("brand"), "0x" + "00" * 20, role("elsewhere")
PEOPLE = {person(name).address: person(name) for name in ("ann", "ben", "cyd", "dan", "eve")}
ADDRESSES = list(PEOPLE)
SELLERS, BUYERS = ADDRESSES[:2], ADDRESSES[2:4]
TERMS = b"\x7e" * 32

seldom = st.integers(0, 9).map(lambda n: n == 0)
sellers, buyers = st.sampled_from(SELLERS), st.sampled_from(BUYERS)
anyone = st.sampled_from(ADDRESSES)
some = st.integers(0, 200)
# Somebody of the sale, mostly the one whose turn it is.
acting = st.sampled_from(["right", "right", "right", "right", "other side", "stranger"])
offers = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([POINTS, ERC20]),
        "price": st.sampled_from([0, 1, 50, 50, 50, 99]),
        "wrong": st.sampled_from([[], [], [1]]),
        "reserved": st.sampled_from([None, None, None, "buyer", "other"]),
        "times": st.sampled_from([(DAY, 2 * DAY)] * 5 + [(3 * DAY, 4 * DAY), (DAY - 1, 2 * DAY)]),
        "spare": st.sampled_from([DAY, DAY, 10 * DAY, 0, -1, 80 * DAY, 200 * DAY, 200 * DAY]),
        "open": st.sampled_from([DAY] * 8 + [0, -1]),
        "nonce": st.integers(0, 3).map(lambda lane: pack_nonce(lane, 0, 7)),
        "signed": st.sampled_from(["well"] * 8 + ["other key", "other chain"]),
    }
)

fitting = offers.map(
    lambda how: how | {"reserved": None, "times": (DAY, 2 * DAY), "spare": DAY, "open": DAY, "signed": "well"}
)

# Half of what answers a request has one fault at most, so that each of them is met in a few examples.
one_fault = st.sampled_from([{}, {}, {"times": (3 * DAY, 4 * DAY)}, {"spare": -1}])
answers = st.one_of(offers, st.builds(lambda how, fault: how | fault, fitting, one_fault))


class DataMachine(RuleBasedStateMachine):
    """The market, cash and points, and the model."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often which call went through, which error was seen, what a dispute opened, over all examples."""

    @initialize()
    def begin(self) -> None:
        self.world = World(BIRTH)
        exchange = self.world.deploy("PointsExchange")
        points = self.world.deploy("LoyaltyToken", exchange, BRAND, "Le Panier", "PANIER", 0, 30 * DAY, BIRTH)
        self.cash = self.world.deploy("CashMock", "Euro", "EUR")
        self.address = self.world.deploy("DataMarket", self.world.deploy("Attestors"))
        clock = lambda: self.world.time  # noqa: E731
        self.model = DataMarket(
            self.address,
            clock,
            Points(points, exchange, BRAND, 30 * DAY, BIRTH, clock),
            lambda of: str(self.world.view(points, "pocketOf", self.address, of)),
        )
        self.pockets: dict[bytes, str] = {}
        self.offered: list[tuple[Sale, bool, bytes]] = []
        self.requests: list[tuple[Message, bytes]] = []
        self.minted = 0
        self.secrets: list[tuple[bytes, str, bytes]] = []
        self.disputed: set[bytes] = set()
        self.number = 0
        for who in ADDRESSES:
            for token in (self.cash, points):
                self.world.call(who, token, "approve", self.address, MAX)

    # ------------------------------------------------------------------------------------------ comparing

    def both(self, model: Callable[[], Any], sender: str, function: str, *arguments: Any) -> bool:
        """Makes one call to both; returns whether it went through."""
        expected = outcome(model)
        answer = outcome(lambda: self.world.call(sender, self.address, function, *arguments))
        if isinstance(expected, Refused) or isinstance(answer, Refused):
            assert answer == expected, f"{function}{arguments}: {answer!r}, and by the model {expected!r}"
            self.seen[answer.name] += 1
            return False
        self.seen[function] += 1
        return True

    @invariant()
    def check_all(self) -> None:
        model, points = self.model, self.model.points
        for who in [*ADDRESSES, ELSEWHERE, self.address]:
            assert self.world.view(self.cash, "balanceOf", who) == model.cash[who], f"cash of {who}"
        escrow = sum(sale.deal["price"] for sale in self.open_sales(ERC20)) + sum(
            request["price"] * model.left.get(request_id, 0)
            for request, request_id in self.requests
            if request["tokenKind"] == ERC20
        )
        assert model.cash[self.address] == escrow, "D1: the market holds exactly its open sales and requests"
        for who in [*ADDRESSES, ELSEWHERE]:
            assert self.world.view(points.address, "balanceOf", who) == points.balance(who), "points"
        for sale in model.sales.values():
            told = self.world.view(self.address, "saleOf", sale.id)
            assert told == (sale.state, sale.deadline, False, sale.revoked_at, sale.acknowledged_at)
            if sale.deal["tokenKind"] == POINTS:
                self.check_pocket(sale)
            self.check_verdict(sale)
        for request, request_id in self.requests:
            if request["tokenKind"] == POINTS:
                self.check_request(request, request_id)

    def open_sales(self, kind: int) -> list[Sale]:
        return [
            sale
            for sale in self.model.sales.values()
            if sale.deal["tokenKind"] == kind and sale.state in (State.BOUGHT, State.DELIVERED)
        ]

    def check_pocket(self, sale: Sale) -> None:
        points = self.model.points
        pocket = self.model.pocket_of(sale.id)
        held = self.world.view(points.address, "balanceOf", pocket)
        assert held == points.balance(pocket)
        if sale.state > State.DELIVERED or sale.deal["requestId"] != bytes(32):
            assert held == 0, "D1: the pocket of a sale that ended, or was paid before, is empty"
        elif self.world.time <= sale.deal["liveUntil"]:
            assert held == sale.deal["price"], "D1: a pocket holds exactly its sale"

    def check_request(self, request: Message, request_id: bytes) -> None:
        pocket = self.model.pocket_of(request_id)
        held = self.world.view(self.model.points.address, "balanceOf", pocket)
        assert held == self.model.points.balance(pocket)
        waiting = [sale for sale in self.open_sales(POINTS) if sale.deal["requestId"] == request_id]
        whole = request["price"] * (self.model.left[request_id] + len(waiting))
        if self.world.time <= self.model.live_until(request):
            assert held == whole, "D1: a request's pocket holds what is left and its open sales"
        else:
            assert held <= whole, "D1: nothing stays in a request's pocket"

    @staticmethod
    def check_verdict(sale: Sale) -> None:
        """D2, by what both sides really did, whatever the model said."""
        assert len(sale.outcomes) == (sale.state > State.DELIVERED), "D1: exactly one is paid"
        if sale.state == State.KEY_WRONG:
            assert sale.key != sale.content.key, "D2: who delivered the key is paid"
        if sale.state == State.CHUNK_WRONG:
            assert sale.content.wrong, "D2: who delivered the content is paid"
        if sale.state in (State.PAID, State.CONCEDED):
            assert sale.posted, "D2: who delivered nothing is not paid"
        if sale.state == State.REFUNDED:
            assert not sale.posted, "D2: who delivered in time is not refunded away"

    # ------------------------------------------------------------------------------------------- publishing

    def keep_secret(self, sale: Sale, what: str, *words: bytes) -> None:
        self.secrets += [(sale.content.key, what, word) for word in words]

    def keep_content(self, sale: Sale) -> None:
        content = sale.content
        self.keep_secret(sale, "the key", content.key)
        self.keep_secret(sale, "a leaf", *content.plain_leaves)
        for index, cipher in enumerate(content.ciphers):
            chunk = stream(content.key, index, cipher)
            self.keep_secret(sale, "content", chunk[:32], chunk[32:])

    def keep_scalar(self, sale: Sale, what: str, point: Point) -> None:
        """Of the two scalars of a point with this x either opens what was sealed to it."""
        scalars = (point.scalar, ORDER - point.scalar)
        self.keep_secret(sale, what, *(scalar.to_bytes(32) for scalar in scalars))

    def teardown(self) -> None:
        """D3, over all calldata, also of what was refused, and all logs. Who disputes shows his scalar, and
        with it everything of his sale; the search finds it there.
        """
        published = b"\0".join(self.world.published) if hasattr(self, "world") else b""
        for key, what, secret in self.secrets if published else ():
            found = secret in published
            assert not found or key in self.disputed, f"D3: {what} of a sale that nobody disputed is public"
            self.seen["opened by a dispute"] += found

    # --------------------------------------------------------------------------------------- time and money

    @rule(seconds=st.one_of(st.integers(1, 2 * DAY), st.integers(1, 30 * DAY)), twice=seldom)
    def wait(self, seconds: int, twice: bool) -> None:
        self.world.move_to(self.world.time + (seconds if twice else seconds // 4))

    @rule(number=some, late=st.sampled_from([0, 0, 1, 1]))
    def wait_for_a_deadline(self, number: int, late: int) -> None:
        """The last second of some sale, or the first after it."""
        sales = [sale for sale in self.model.sales.values() if sale.deadline]
        if sales:
            deadline = sales[number % len(sales)].deadline + late
            self.world.move_to(max(self.world.time, deadline))

    def fund(self, who: str, kind: int, amount: int) -> None:
        if amount == 0:
            return
        if kind == ERC20:
            self.world.call(BRAND, self.cash, "mint", who, amount)
            self.model.cash[who] += amount
        else:
            self.world.call(BRAND, self.model.points.address, "mint", who, amount)
            self.model.points.issue_all([(who, amount)])

    # --------------------------------------------------------------------------------------------- offering

    def offer(
        self, seller: str, buyer: str, how: Any, request: tuple[Message, bytes] | None = None
    ) -> tuple[Sale, bool, bytes]:
        """A deal, whether its seller signed it for this market, and that signature."""
        self.number += 1
        asked, request_id = request or ({}, bytes(32))
        kind = asked.get("tokenKind", how["kind"])
        times = how["times"]
        live = self.world.time + sum(times) + DAY + how["spare"]
        if asked:
            live = self.model.live_until(asked) - (how["spare"] < 0)
        reserved = {None: NOBODY, "buyer": buyer, "other": next(b for b in BUYERS if b != buyer)}
        content = make_content([64, 40], f"content {self.number}", how["wrong"])
        deal: Message = {
            "seller": seller,
            "buyer": reserved[how["reserved"]],
            "token": self.cash if kind == ERC20 else self.model.points.address,
            "tokenKind": kind,
            "price": asked.get("price", how["price"]),
            "manifestRoot": content.root,
            "count": content.count,
            "keyCommit": b"",
            "termsHash": TERMS,
            "deliverSeconds": times[0],
            "disputeSeconds": times[1],
            "liveUntil": 0 if kind == ERC20 else live,
            "openUntil": self.world.time + how["open"],
            "requestId": request_id,
            "nonce": how["nonce"],
        }
        deal["keyCommit"] = commit_to(content.key)
        deal_digest = digest(self.address, "Deal", deal)
        signed = {"well": deal_digest, "other key": deal_digest}.get(
            how["signed"], digest(self.address, "Deal", deal, CHAIN_ID + 1)
        )
        signer = ELSE_SIGNER if how["signed"] == "other key" else PEOPLE[seller]
        sale = Sale(
            deal=deal,
            content=content,
            digest=deal_digest,
            id=sale_id_of(deal_digest, seller, buyer),
            buyer=buyer,
            b=point_of(f"b {self.number}"),
        )
        self.keep_content(sale)
        return sale, how["signed"] == "well", signer.sign_digest(signed)

    @rule(seller=sellers, buyer=buyers, how=offers, again=st.integers(0, 3), own=seldom)
    def buy(self, seller: str, buyer: str, how: Any, again: int, own: bool) -> None:
        """A new offer, or one that was bought before, perhaps by the other buyer."""
        sale, good, signature = self.offer(buyer if own else seller, buyer, how)
        if again == 0 and self.offered:
            old, good, signature = self.offered[len(self.offered) // 2]
            sale = replace(sale, deal=old.deal, content=old.content, digest=old.digest)
            sale.id = sale_id_of(old.digest, old.seller, buyer)
        self.fund(buyer, sale.deal["tokenKind"], sale.deal["price"])
        self.keep_scalar(sale, "the buyer's scalar", sale.b)
        self.both(lambda: self.model.buy(buyer, sale, good), buyer, "buy", sale.terms, signature, sale.b.x)
        self.offered.append((sale, good, signature))

    @rule(
        seller=sellers,
        buyer=buyers,
        sender=anyone,
        how=offers,
        late=seldom,
        forged=seldom,
        swapped=seldom,
    )
    def buy_for(
        self, seller: str, buyer: str, sender: str, how: Any, late: bool, forged: bool, swapped: bool
    ) -> None:
        """A bid; whoever sends it may forge it, or put in a point of his own."""
        sale, good, signature = self.offer(seller, buyer, how)
        self.fund(buyer, sale.deal["tokenKind"], sale.deal["price"])
        deadline = self.world.time - late
        message = {
            "buyer": buyer,
            "dealDigest": sale.digest,
            "content": bytes(32),
            "pointB": sale.b.x,
            "deadline": deadline,
        }
        bid = PEOPLE[sender if forged else buyer].sign_digest(digest(self.address, "Buy", message))
        if swapped:
            sale.b = point_of(f"of a relay {self.number}")
        self.keep_scalar(sale, "the buyer's scalar", sale.b)
        asked = digest(self.address, "Buy", message | {"pointB": sale.b.x})
        bidden = not swapped and (not forged or sender == buyer)
        self.both(
            lambda: self.model.buy_for(sender, sale, good, deadline, asked, bidden),
            sender,
            "buyFor",
            sale.terms,
            signature,
            buyer,
            sale.b.x,
            deadline,
            bid,
        )

    # --------------------------------------------------------------------------------------------- the sale

    def pick(self, number: int, *states: State) -> Sale | None:
        """Mostly one in one of these states, if there is any; and mostly a late one."""
        sales = list(self.model.sales.values())
        if number % 4:
            sales = [sale for sale in sales if sale.state in states] or sales
        return sales[-1 - number % min(len(sales), 5)] if sales else None

    @rule(seller=sellers, buyer=buyers, how=fitting, right=st.integers(0, 2))
    def sell(self, seller: str, buyer: str, how: Any, right: int) -> None:
        """A purchase and a delivery in one go, of the key or of something else."""
        sale, good, signature = self.offer(seller, buyer, how)
        self.fund(buyer, sale.deal["tokenKind"], sale.deal["price"])
        self.keep_scalar(sale, "the buyer's scalar", sale.b)
        terms = (sale.terms, signature, sale.b.x)
        if self.both(lambda: self.model.buy(buyer, sale, good), buyer, "buy", *terms):
            self.hand_over(sale, seller, bool(right), False, False)

    @staticmethod
    def sender(sale: Sale, turn: str, who: str) -> str:
        other = sale.buyer if turn == "seller" else sale.seller
        mine = sale.seller if turn == "seller" else sale.buyer
        return {"right": mine, "other side": other, "stranger": ADDRESSES[4]}[who]

    @rule(number=some, who=acting, right=st.integers(0, 3), other=seldom, by_signature=st.booleans())
    def deliver(self, number: int, who: str, right: int, other: bool, by_signature: bool) -> None:
        sale = self.pick(number, State.BOUGHT)
        if sale is not None:
            self.hand_over(sale, self.sender(sale, "seller", who), bool(right), other, by_signature)

    def hand_over(self, sale: Sale, seller: str, right: bool, other: bool, by_signature: bool) -> None:
        self.number += 1
        e = point_of(f"e {self.number}")
        key = sale.content.key if right else e.x
        b = point_of("another").x if other else sale.b.x
        posted = (b, e.x, wrap(key, sale.id, e.scalar, b))
        self.keep_scalar(sale, "the seller's scalar", e)
        self.keep_secret(sale, "the shared secret", shared(e.scalar, b))
        seconds = sale.deal["disputeSeconds"]
        model = lambda: self.model.deliver(seller, sale, seconds, posted, key)  # noqa: E731
        if not by_signature:
            self.both(model, seller, "deliver", sale.id, seconds, posted, e.y)
            return
        names = dict(zip(("pointB", "pointE", "wrapped"), posted, strict=True))
        asked = digest(self.address, "Deliver", {"seller": seller, "saleId": sale.id, **names})
        signature = PEOPLE[seller].sign_digest(asked)
        rest = (seconds, posted, e.y, signature)
        self.both(model, ADDRESSES[4], "deliverFor", sale.id, seller, *rest)

    @rule(number=some, sender=anyone)
    def refund(self, number: int, sender: str) -> None:
        if sale := self.pick(number, State.BOUGHT):
            self.both(lambda: self.model.refund(sale), sender, "refund", sale.terms, sale.buyer)

    @rule(number=some, who=acting)
    def concede(self, number: int, who: str) -> None:
        if sale := self.pick(number, State.DELIVERED):
            sender = self.sender(sale, "seller", who)
            self.both(lambda: self.model.concede(sender, sale), sender, "concede", sale.terms, sale.buyer)

    @rule(number=some, sender=anyone, edited=seldom, guessed=seldom)
    def dispute_key(self, number: int, sender: str, edited: bool, guessed: bool) -> None:
        """Of a right key too: a hostile buyer tries."""
        if sale := self.pick(number, State.DELIVERED):
            posted, scalar = self.evidence(sale, edited, guessed)
            self.both(
                lambda: self.model.dispute_key(sale, posted, scalar),
                sender,
                "disputeKey",
                sale.terms,
                sale.buyer,
                posted,
                scalar,
            )

    @rule(
        number=some,
        sender=anyone,
        index=st.sampled_from([0, 1, 1, 1]),
        flaw=st.sampled_from([None] * 4 + ["index", "leaf", "cipher", "proof"]),
        guessed=seldom,
    )
    def dispute_chunk(self, number: int, sender: str, index: int, flaw: str | None, guessed: bool) -> None:
        """Mostly of a sale in which a chunk is wrong and there is time, if there is one."""
        wronged = [
            sale
            for sale in self.model.sales.values()
            if sale.state == State.DELIVERED and sale.content.wrong and sale.key_is_right
            if self.world.time <= sale.deadline
        ]
        if sale := wronged[-1] if wronged and number % 4 else self.pick(number, State.DELIVERED):
            posted, scalar = self.evidence(sale, False, guessed)
            at, leaf, cipher, proof = sale.content.chunk(index)
            chunk = {
                "index": (at + 2, leaf, cipher, proof),
                "leaf": (at, bytes(32), cipher, proof),
                "cipher": (at, leaf, cipher + b"\0", proof),
                "proof": (at, leaf, cipher, [*proof, bytes(32)]),
            }.get(flaw or "", (at, leaf, cipher, proof))
            wrong = index in sale.content.wrong
            self.both(
                lambda: self.model.dispute_chunk(sale, posted, scalar, chunk[0], flaw is None, wrong),
                sender,
                "disputeChunk",
                sale.terms,
                sale.buyer,
                posted,
                scalar,
                chunk,
            )

    def evidence(self, sale: Sale, edited: bool, guessed: bool) -> tuple[tuple[bytes, bytes, bytes], int]:
        self.disputed.add(sale.content.key)
        posted = sale.posted or (sale.b.x, sale.b.x, bytes(32))
        if edited:
            posted = (*posted[:2], bytes(32))
        return posted, sale.b.scalar + guessed

    @rule(number=some, who=acting, by_signature=st.booleans())
    def settle(self, number: int, who: str, by_signature: bool) -> None:
        """By signature anybody sends the buyer's word; a forged one counts for nothing."""
        sale = self.pick(number, State.DELIVERED)
        if sale is None:
            return
        sender = self.sender(sale, "buyer", who)
        if not by_signature:
            self.both(lambda: self.model.settle(sender, sale), sender, "settle", sale.terms, sale.buyer)
            return
        asked = digest(self.address, "Settle", {"buyer": sale.buyer, "saleId": sale.id})

        def model() -> None:
            if sender != sale.buyer:
                raise Refused("NotSignedBy", sale.buyer, asked)
            self.model.settle(sender, sale)

        signature = PEOPLE[sender].sign_digest(asked)
        self.both(model, ADDRESSES[4], "settleFor", sale.terms, sale.buyer, signature)

    @rule(number=some, sender=st.sampled_from([None, None, None, *ADDRESSES]), over=st.booleans())
    def settle_to(self, number: int, sender: str | None, over: bool) -> None:
        """By who is due, or by somebody else; and often when the time is just over."""
        sale = self.pick(number, State.DELIVERED, State.BOUGHT)
        if sale is None:
            return
        if over and sale.deadline:
            self.world.move_to(max(self.world.time, sale.deadline + 1))
        payee = sale.seller if sale.state == State.DELIVERED else sale.buyer
        by = sender or payee
        self.both(
            lambda: self.model.settle_to(by, sale, ELSEWHERE),
            by,
            "settleTo",
            sale.terms,
            sale.buyer,
            ELSEWHERE,
        )

    @rule(number=some, who=acting, erased=st.booleans())
    def state(self, number: int, who: str, erased: bool) -> None:
        """Consent withdrawn, or data erased; and once more, which changes nothing."""
        sale = self.pick(number)
        if sale is None:
            return
        sender = self.sender(sale, "buyer" if erased else "seller", who)
        if erased:
            own = sale_id_of(sale.digest, sale.seller, sender)
            model, arguments = self.model.acknowledge, ("acknowledge", sale.digest, sale.seller)
        else:
            own = sale_id_of(sale.digest, sender, sale.buyer)
            model, arguments = self.model.revoke, ("revoke", sale.digest, sale.buyer)
        for _ in range(2):
            self.both(lambda: model(sender, sale, own), sender, *arguments)

    @rule(who=anyone, lane=st.integers(0, 3))
    def cancel(self, who: str, lane: int) -> None:
        nonces = [pack_nonce(lane, 0, 7)]
        self.both(lambda: self.model.nonces.cancel(who, nonces), who, "cancel", nonces)

    # --------------------------------------------------------------------------------------------- requests

    @rule(
        buyer=buyers,
        kind=st.sampled_from([POINTS, ERC20]),
        days=st.sampled_from([0, 3, 20, 90]),
        number=st.integers(1, 3),
        other=seldom,
    )
    def open_request(self, buyer: str, kind: int, days: int, number: int, other: bool) -> None:
        self.number += 1
        request: Message = {
            "buyer": buyer,
            "token": self.cash if kind == ERC20 else self.model.points.address,
            "tokenKind": kind,
            "price": 30,
            "number": number,
            "termsHash": TERMS,
            "schema": bytes(32),
            "attestor": NOBODY,
            "seller": NOBODY,
            "periodSeconds": 0,
            "maxDeliverSeconds": DAY,
            "maxDisputeSeconds": 2 * DAY,
            "openUntil": self.world.time + days * DAY,
            "nonce": self.number << 128,
        }
        self.fund(buyer, kind, 30 * number)
        request_id = digest(self.address, "Request", request)
        sender = SELLERS[0] if other else buyer
        words = tuple(request.values())
        if self.both(lambda: self.model.open(sender, request, request_id), sender, "openRequest", words):
            self.requests.append((request, request_id))

    @rule(number=some, seller=sellers, how=answers, other=seldom, elsewhere=seldom)
    def take(self, number: int, seller: str, how: Any, other: bool, elsewhere: bool) -> None:
        if not self.requests:
            return
        request, request_id = self.requests[-1 - number % min(len(self.requests), 3)]
        buyer = request["buyer"]
        sale, good, signature = self.offer(seller, buyer, how, (request, request_id))
        if elsewhere:
            request, request_id = self.requests[0]
        sender = seller if other else request["buyer"]
        sale.buyer = request["buyer"]
        sale.id = sale_id_of(sale.digest, seller, sale.buyer)
        self.keep_scalar(sale, "the buyer's scalar", sale.b)
        self.both(
            lambda: self.model.take(sender, request, request_id, sale, good),
            sender,
            "take",
            tuple(request.values()),
            sale.terms,
            signature,
            sale.b.x,
        )

    @rule(number=some, sender=st.sampled_from([None, None, *ADDRESSES]), named=st.booleans())
    def close(self, number: int, sender: str | None, named: bool) -> None:
        if not self.requests:
            return
        request, request_id = self.requests[number % len(self.requests)]
        sender, words = sender or request["buyer"], tuple(request.values())
        to = ELSEWHERE if named else None
        function, more = ("closeRequestTo", (ELSEWHERE,)) if named else ("closeRequest", ())
        self.both(lambda: self.model.close(sender, request, request_id, to), sender, function, words, *more)


ELSE_SIGNER = person("nobody of these")
EXPECTED = {
    "buy",
    "buyFor",
    "deliver",
    "deliverFor",
    "refund",
    "concede",
    "disputeKey",
    "disputeChunk",
    "settle",
    "settleFor",
    "settleTo",
    "revoke",
    "acknowledge",
    "cancel",
    "openRequest",
    "take",
    "closeRequest",
    "closeRequestTo",
    "WrongState",
    "TooLate",
    "TooEarly",
    "NotTheParty",
    "NotWhatWasPosted",
    "NotSignedBy",
    "DealCancelled",
    "DealExpired",
    "PurchaseExpired",
    "BoughtBefore",
    "OnlyBuyer",
    "SelfSale",
    "TimesOutOfRange",
    "LiveUntilOutOfRange",
    "PointsOutOfBounds",
    "WrongScalar",
    "KeyIsRight",
    "KeyIsWrong",
    "NotInManifest",
    "ChunkIsRight",
    "AlreadyRevoked",
    "AlreadyAcknowledged",
    "RequestNotOpen",
    "NotAsRequested",
    "opened by a dispute",
}


def test_D1_D2_D3_the_market_does_what_the_model_says(profile: settings) -> None:  # noqa: N802
    try_model(DataMachine, profile, EXPECTED, share=0.4)
