"""A1 to A3: paid attention beside a model in plain Python, with a hostile brand and hostile customers.

Each call is made to both. Both must do the same, or refuse it with the same error and the same values. The
brand is a customer of its own campaigns, too; a stranger sends what others signed, and what nobody did.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stateful.attention import (
    CASH,
    FRESH,
    PAGE,
    POINTS,
    Account,
    Attention,
    Campaign,
    Statement,
    Ticket,
    codes_grant,
    leaf_hash,
)
from tests.stateful.data import digest, word
from tests.stateful.points import DAY, MAX, ZERO, Points
from tests.stateful.running import try_model
from tests.stateful.world import CHAIN_ID, Person, Refused, World, outcome, person, role

BIRTH = 1_767_225_600
BRAND, SIGNER, ATTESTOR, EVE = (person(name) for name in ("brand", "signer", "attestor", "eve"))
KEY, OTHER_KEY = person("ticket key"), person("other ticket key")
PEOPLE = [*(person(name) for name in ("ann", "ben", "cyd")), BRAND]
ADDRESSES = [one.address for one in (*PEOPLE, EVE)]
ELSEWHERE = role("elsewhere")
KEPT = 4
_ONE_CLAIM = {"claimStatement", "claimTicket", "claimCode", "claimRoot"}
CODES = (0, 1, 2, 3, 999, 1_000, 1_001, 1_002)
_TERMS = (
    "(address,address,uint8,bool,uint256,address,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,address,uint256,uint256,bytes32,bytes32)"
)

seldom = st.integers(0, 5).map(lambda n: n == 0)
some = st.integers(0, 200)
# Four people; then a token, which takes no points, nobody, and what is no address.
whose = st.sampled_from([*range(4)] * 4 + [4, 4, 5, 6])
anyone = st.sampled_from([EVE.address] * 3 + ADDRESSES)
# Who runs a campaign, or somebody else.
acting = st.sampled_from([None] * 7 + [EVE.address, BRAND.address])
signing = st.sampled_from(["well"] * 9 + ["other key", "other campaign", "other chain"])
credentials = st.sampled_from(["good"] * 5 + ["expired", "forged", "short"])
sets = st.one_of(
    st.integers(1, 63),
    st.integers(0, 63),
    st.integers(0, 7).map(lambda n: 1 << n),
    st.sampled_from([1 << 254, 1 << 255, (1 << 255) - 1, 15 << 251, MAX]),
)
pages = st.sampled_from([0] * 12 + [1, 1, 2, 2**16, 2**255])
hows = st.fixed_dictionaries(
    {
        "mode": st.sampled_from([CASH, POINTS, FRESH, FRESH]),
        "price": st.sampled_from([1, 7, 50]),
        "budget": st.sampled_from([0, 3, 9, 20, 60, 60, 400]),
        "most": st.sampled_from([4, 6, 6, 6, 258]),
        "per_day": st.sampled_from([0, 0, 1, 3]),
        "codes": st.sampled_from([0, 0, 4, 4, 1_002]),
        "codes_per_account": st.sampled_from([0, 2, 2]),
        "start": st.sampled_from([0, 0, 0, DAY, DAY, -DAY, -9 * DAY]),
        "days": st.sampled_from([1, 4]),
        "delay": st.sampled_from([1, 1, 7]),
        "asks": st.booleans(),
        "grant": st.sampled_from(["fit"] * 6 + ["none", "cap", "short", "small", "another's"]),
        "active": st.sampled_from([True, True, False]),
        "poor": seldom,
        "again": seldom,
    }
)


@cache
def signature(who: Person, hash_: bytes) -> bytes:
    return who.sign_digest(hash_)


def pair(signature: bytes) -> tuple[bytes, bytes]:
    """As the contract takes it: the two words of its compact form."""
    s = int.from_bytes(signature[32:64]) | (signature[64] - 27) << 255
    return signature[:32], s.to_bytes(32)


class AttentionMachine(RuleBasedStateMachine):
    """The contract, cash, points and credentials, and the model."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often which call went through, and which error was seen, over all examples."""

    sound = False

    @initialize()
    def begin(self) -> None:
        self.world = World(BIRTH)
        exchange = self.world.deploy("PointsExchange")
        token = self.world.deploy(
            "LoyaltyToken", exchange, BRAND.address, "Le Panier", "PANIER", 0, 30 * DAY, BIRTH
        )
        self.cash = self.world.deploy("CashMock", "Euro", "EUR")
        self.address = self.world.deploy("AttentionRewards")
        self.credentials = self.world.deploy("AttestorCredentials", ATTESTOR.address)
        clock = lambda: self.world.time  # noqa: E731
        self.pockets: dict[bytes, str] = {}
        self.model = Attention(
            self.address,
            clock,
            Points(token, exchange, BRAND.address, 30 * DAY, BIRTH, clock),
            self.cash,
            self.pocket,
            allowed=set(ADDRESSES),
        )
        self.leaves: list[tuple[Campaign, bytes, Account, int, int]] = []
        self.claimed: list[tuple[Any, ...]] = []
        self.number = 0
        for who in ADDRESSES:
            for money in (self.cash, token):
                self.world.call(who, money, "approve", self.address, MAX)
            self.model.points.approve(who, self.address, MAX)

    def pocket(self, campaign: bytes) -> str:
        if campaign not in self.pockets:
            token = self.model.points.address
            self.pockets[campaign] = str(self.world.view(token, "pocketOf", self.address, campaign))
        return self.pockets[campaign]

    # ------------------------------------------------------------------------------------------ comparing

    def both(
        self, model: Callable[[], Any], sender: str, function: str, *arguments: Any, on: str | None = None
    ) -> bool:
        """Makes one call to both; returns whether it went through."""
        self.sound = False
        if function in _ONE_CLAIM and arguments[-1] == b"":
            # Without a credential: the other form.
            arguments = arguments[:-1]
        expected = outcome(model)
        answer = outcome(lambda: self.world.call(sender, on or self.address, function, *arguments))
        if isinstance(expected, Refused) or isinstance(answer, Refused):
            assert answer == expected, f"{function}{arguments}: {answer!r}, and by the model {expected!r}"
            self.seen[answer.name] += 1
            self.sound = True
            return False
        if function == "claimStatements":
            assert answer == expected, "another number of a batch was paid"
            self.seen["a batch that pays some"] += 0 < answer < len(arguments[1])
        self.seen[function] += 1
        if function.startswith("claim"):
            self.claimed.append((model, sender, function, *arguments))
        self.sound = True
        return True

    @invariant()
    def check_all(self) -> None:
        model, view = self.model, self.world.view
        self.sound = False
        for who in [*ADDRESSES, ELSEWHERE, self.address]:
            assert view(self.cash, "balanceOf", who) == model.cash[who], f"A1: cash of {who}"
            assert view(model.points.address, "balanceOf", who) == model.points.balance(who), "A1: points"
        escrow = 0
        for campaign in model.campaigns.values():
            left, reserved, codes = model.left(campaign), campaign.reserved, model.codes_left(campaign)
            standing = (campaign.admin, campaign.next_admin, left, reserved, codes, model.free(campaign))
            assert view(self.address, "standingOf", campaign.id) == standing
            if not campaign.ended and self.world.time <= campaign.claim_until:
                assert reserved + codes <= left, "A2: more is promised than there is"
            escrow += left * campaign.price if campaign.mode == CASH else 0
            if campaign.mode == POINTS and self.world.time <= campaign.claim_until:
                held = view(model.points.address, "balanceOf", self.pocket(campaign.id))
                assert held == left * campaign.price, "A3: a pocket holds exactly what is left"
            self.check_accounts(campaign)
        assert model.cash[self.address] == escrow, "A3: the contract holds exactly what is left"
        self.sound = True

    def check_accounts(self, campaign: Campaign) -> None:
        model, view = self.model, self.world.view
        for number in range(4):
            account = self.account(campaign, number)
            had = campaign.had(account)
            for page in range(1 + (campaign.most > PAGE)):
                bits = sum(1 << contact - PAGE * page for contact in had if contact // PAGE == page)
                assert view(self.address, "contactsOf", campaign.id, account, page) == bits, "A1: contacts"
            assert view(self.address, "isEnrolled", campaign.id, account) == (account in campaign.enrolled)
            codes = model.codes_of(campaign, account)
            assert view(self.address, "codesOf", campaign.id, account) == codes

    def teardown(self) -> None:
        """A2: whatever happened, what was reserved is paid in the last second; A3: the last unit returns."""
        if not self.sound:
            return
        for campaign in sorted(self.model.campaigns.values(), key=lambda one: one.claim_until):
            if self.world.time <= campaign.claim_until:
                self.world.move_to(campaign.claim_until)
                self.claim_all_that_is_reserved(campaign)
            self.world.move_to(max(self.world.time, campaign.claim_until + 1))
            self.finish(campaign)
            self.check_all()
        assert self.model.cash[self.address] == 0, "A3: nothing stays behind"

    def claim_all_that_is_reserved(self, campaign: Campaign) -> None:
        model = self.model
        for number in range(4):
            account = self.account(campaign, number)
            if account not in campaign.enrolled:
                continue
            open_ = {
                contact for contact in range(campaign.most) if campaign.day_of(contact) <= campaign.end
            } - campaign.had(account)
            for page in sorted({contact // PAGE for contact in open_}):
                bits = sum(1 << contact - PAGE * page for contact in open_ if contact // PAGE == page)
                statement, words = self.statement(campaign, number, page, bits, "well", "good")
                claim = lambda: model.claim_statement(campaign.id, statement)  # noqa: B023, E731
                kept = self.both(claim, EVE.address, "claimStatement", campaign.handle, *words)
                assert kept, "A2: what is reserved is paid"
        if campaign.codes:
            batches = list(range((campaign.codes - 1) // 1_000 + 1))
            activate = lambda: model.activate(campaign.admin, campaign.id, batches)  # noqa: E731
            self.both(activate, campaign.admin, "activate", campaign.id, batches)
        for index in CODES:
            if index < campaign.codes and index not in campaign.taken:
                ticket, words = self.ticket(campaign, bytes(32), index, 10 + index, "well", "well", "good")
                claim = lambda: model.claim_ticket(campaign.id, ticket)  # noqa: B023, E731
                kept = self.both(claim, EVE.address, "claimCode", campaign.handle, *words)
                assert kept, "A2: codes are reserved"

    def finish(self, campaign: Campaign) -> None:
        id_, admin = campaign.id, campaign.admin
        if campaign.mode == FRESH:
            self.both(lambda: self.model.release(id_), admin, "release", id_)
        else:
            self.both(lambda: self.model.refund(admin, id_, ELSEWHERE), admin, "refund", id_, ELSEWHERE)

    # --------------------------------------------------------------------------------------- time and money

    @rule(seconds=st.one_of(st.integers(1, DAY), st.integers(1, 3 * DAY)))
    def wait(self, seconds: int) -> None:
        self.world.move_to(self.world.time + seconds)

    @rule(number=some, late=st.sampled_from([-1, 0, 0, 1]), which=st.integers(0, 9))
    def wait_for_a_border(self, number: int, late: int, which: int) -> None:
        """A day of some campaign, the effect of a root, or, seldom, the end of the claims."""
        if campaign := self.pick(number):
            borders = [campaign.start + (self.world.time - campaign.start) // DAY * DAY + DAY]
            borders += [effect for effect in campaign.roots.values() if which > 5]
            if which == 0:
                borders = [campaign.claim_until]
            self.world.move_to(max(self.world.time, borders[-1] + late))

    def give(self, who: str, campaign: Campaign, amount: int) -> None:
        if amount <= 0:
            return
        if campaign.mode == CASH:
            self.world.call(BRAND.address, self.cash, "mint", who, amount)
            self.model.cash[who] += amount
        else:
            self.world.call(BRAND.address, self.model.points.address, "mint", who, amount)
            self.model.points.issue_all([(who, amount)])

    # ------------------------------------------------------------------------------------------- the brand

    def pick(self, number: int) -> Campaign | None:
        """Mostly one whose claims are open."""
        campaigns = list(self.model.campaigns.values())
        if number % 6:
            campaigns = [one for one in campaigns if self.world.time <= one.claim_until] or campaigns
        return campaigns[number % len(campaigns)] if campaigns else None

    def terms(self, campaign: Campaign) -> tuple[Any, ...]:
        return (
            campaign.admin,
            self.model.token_of(campaign),
            int(campaign.mode == CASH),
            campaign.mode == FRESH,
            campaign.price,
            campaign.signer,
            campaign.start,
            campaign.end,
            campaign.claim_until,
            campaign.most,
            campaign.per_day,
            campaign.codes,
            campaign.codes_per_account,
            campaign.delay,
            campaign.credentials,
            1,
            2,
            b"\x7e" * 32,
            word(self.number),
        )

    @rule(how=hows, sender=acting, other=seldom)
    def open(self, how: dict[str, Any], sender: str | None, other: bool) -> None:
        """By the brand; or by a stranger for himself or in its name; or one that is open."""
        model = self.model
        if len(model.campaigns) >= KEPT:
            return
        self.number += 1
        start = self.world.time + how["start"]
        admin = EVE.address if other else BRAND.address
        campaign = Campaign(
            handle=(0, 0, b""),
            id=b"",
            mode=how["mode"],
            price=how["price"],
            signer=SIGNER.address,
            start=start,
            end=start + how["days"] * DAY,
            claim_until=start + (how["days"] + 30) * DAY,
            most=how["most"],
            per_day=how["per_day"],
            codes=how["codes"],
            codes_per_account=how["codes_per_account"],
            delay=how["delay"],
            credentials=self.credentials if how["asks"] else ZERO,
            admin=admin,
        )
        terms = self.terms(campaign)
        here = encode(["uint256", "address", _TERMS], [CHAIN_ID, self.address, terms])
        mode = {FRESH: 1, POINTS: 2, CASH: 3}[campaign.mode]
        rule = campaign.delay << 248 | mode << 240 | campaign.claim_until << 200 | campaign.start << 160
        campaign.handle = (
            campaign.price << 160 | int(self.model.token_of(campaign), 16),
            rule | int(campaign.signer, 16),
            bytes(keccak(here)),
        )
        campaign.id = bytes(keccak(encode(["uint256", "uint256", "bytes32"], campaign.handle)))
        budget, by = how["budget"] + how["codes"] * (how["price"] != 50), sender or admin
        if campaign.mode == FRESH:
            self.grant_for(campaign, budget, how["grant"])
        else:
            self.give(by, campaign, budget * campaign.price - how["poor"])
        opened = self.both(lambda: model.open(by, campaign, budget), by, "open", terms, budget)
        if opened and how["active"] and campaign.codes:
            activate = lambda: model.activate(admin, campaign.id, [0])  # noqa: E731
            self.both(activate, admin, "activate", campaign.id, [0])
            # Perhaps before it starts.
            self.claim_ticket(campaign, bytes(32), 0, 0, "well", "well", "good", 10**6)
        if opened and how["again"]:
            self.both(lambda: model.open(by, campaign, 0), by, "open", terms, 0)

    def grant_for(self, campaign: Campaign, budget: int, how: str) -> None:
        if how == "none":
            return
        issuer = EVE.address if how == "another's" else self.address
        for_codes = min(budget, campaign.codes)
        # What is wrong is so with one of the two, where there are codes.
        of_codes = campaign.codes > 0 and budget % 2 == 1
        parts = [(int.from_bytes(campaign.id), budget - for_codes, not of_codes)]
        if campaign.codes:
            parts.append((codes_grant(campaign.id), for_codes, of_codes))
        for number, contacts, wrong in parts:
            amount = max(0, contacts - (wrong and how == "small")) * campaign.price
            cap = int(wrong and how == "cap")
            until = campaign.claim_until - (wrong and how == "short")
            self.set_grant_of(issuer, number, amount, cap, until, BRAND.address)

    def set_grant_of(self, issuer: str, number: int, amount: int, cap: int, until: int, by: str) -> None:
        points = self.model.points

        def model() -> None:
            points.check_owner(by)
            points.set_grant(issuer, number, amount, cap, until)

        arguments = (issuer, number, amount, cap, until)
        self.both(model, by, "setGrant", *arguments, on=points.address)

    @rule(number=some, more=st.sampled_from([5, 30, 30, -1, -10]), cap=seldom, sooner=seldom, by=acting)
    def set_grant(self, number: int, more: int, cap: bool, sooner: bool, by: str | None) -> None:
        """Raises the budget of fresh points; or tries to take it back."""
        campaign = self.pick(number)
        if campaign is None or campaign.mode != FRESH:
            return
        grant = self.model.grant_of(campaign)
        amount = max(0, grant.amount + more * campaign.price)
        until = max(0, grant.locked_until - sooner)
        id_ = int.from_bytes(campaign.id)
        self.set_grant_of(self.address, id_, amount, int(cap), until, by or BRAND.address)

    @rule(number=some, contacts=st.sampled_from([5, 30, 30, 0]), sender=anyone, poor=seldom)
    def fund(self, number: int, contacts: int, sender: str, poor: bool) -> None:
        if campaign := self.pick(number):
            if campaign.mode != FRESH:
                self.give(sender, campaign, contacts * campaign.price - poor)
            model = lambda: self.model.fund(sender, campaign.id, contacts)  # noqa: E731
            self.both(model, sender, "fund", campaign.id, contacts)

    @rule(number=some, who=st.lists(whose, max_size=3), sender=acting)
    def enrol(self, number: int, who: list[int], sender: str | None) -> None:
        if campaign := self.pick(number):
            by = sender or campaign.admin
            accounts = [self.account(campaign, one) for one in who]
            model = lambda: self.model.enrol(by, campaign.id, accounts)  # noqa: E731
            self.both(model, by, "enrol", campaign.id, accounts)

    @rule(number=some, batches=st.lists(st.sampled_from([0, 0, 0, 1, 1, 2]), max_size=2), sender=acting)
    def activate(self, number: int, batches: list[int], sender: str | None) -> None:
        if campaign := self.pick(number):
            by = sender or campaign.admin
            model = lambda: self.model.activate(by, campaign.id, batches)  # noqa: E731
            self.both(model, by, "activate", campaign.id, batches)

    @rule(number=some, to=st.sampled_from([EVE.address, BRAND.address, ZERO]), sender=acting, taken=anyone)
    def hand_over(self, number: int, to: str, sender: str | None, taken: str) -> None:
        if campaign := self.pick(number):
            by, id_ = sender or campaign.admin, campaign.id
            self.both(lambda: self.model.offer_admin(by, id_, to), by, "offerAdmin", id_, to)
            self.both(lambda: self.model.accept_admin(taken, id_), taken, "acceptAdmin", id_)

    @rule(number=some, sender=acting, to_token=seldom, released=st.booleans())
    def end(self, number: int, sender: str | None, to_token: bool, released: bool) -> None:
        if campaign := self.pick(number):
            by, id_ = sender or campaign.admin, campaign.id
            to = self.model.points.address if to_token and campaign.mode == POINTS else ELSEWHERE
            if released:
                self.both(lambda: self.model.release(id_), by, "release", id_)
            else:
                self.both(lambda: self.model.refund(by, id_, to), by, "refund", id_, to)

    # ---------------------------------------------------------------------------------------- the customers

    def account(self, campaign: Campaign, number: int) -> Account:
        """Of one of the people; a pseudonym where credentials are asked."""
        if number in (5, 6):
            return bytes(32) if number == 5 else b"\1" + word(ADDRESSES[0])[1:]
        if campaign.credentials != ZERO:
            return bytes(keccak(text=f"pseudonym {number}"))
        return word(self.address_of(number))

    def address_of(self, number: int) -> str:
        if number < 4:
            return PEOPLE[number].address
        return self.model.points.address if number == 4 else role(f"account {number}")

    def certify(self, campaign: Campaign, number: int, how: str) -> tuple[str | Refused | None, bytes]:
        """Whom a credential names, or why it names nobody; and the credential."""
        if campaign.credentials == ZERO:
            return None, b""
        to = self.address_of(number)
        expiry = self.world.time - 1 if how == "expired" else MAX
        message = {
            "attestor": ATTESTOR.address,
            "campaign": campaign.id,
            "pseudonym": self.account(campaign, number),
            "account": to,
            "expiry": expiry,
        }
        hash_ = digest(self.credentials, "Credential", message, name="Troc Credentials")
        whole = word(to) + word(expiry) + signature(EVE if how == "forged" else ATTESTOR, hash_)
        reasons = {
            "expired": Refused("CredentialExpired", expiry),
            "forged": Refused("CredentialNotSigned", ATTESTOR.address, hash_),
            "short": Refused("CredentialTooShort", 0),
        }
        return reasons.get(how, to), b"" if how == "short" else whole

    def sign(self, kind: str, message: dict[str, Any], how: str) -> tuple[bytes, bytes]:
        """What the campaign's key ought to sign, and what was signed."""
        asked = digest(self.address, kind, message, name="Troc Attention")
        chain, given = CHAIN_ID + (how == "other chain"), message
        if how == "other campaign":
            given = message | {"campaign": b"\1" * 32}
        signed = digest(self.address, kind, given, chain, "Troc Attention")
        return asked, signature(EVE if how == "other key" else SIGNER, signed)

    def statement(
        self, campaign: Campaign, who: int, page: int, contacts: int, signed: str, credential: str
    ) -> tuple[Statement, tuple[Any, ...]]:
        account = self.account(campaign, who)
        asked, given = self.sign(
            "Statement",
            {
                "campaignSigner": campaign.signer,
                "campaign": campaign.id,
                "account": account,
                "page": page,
                "contacts": contacts,
            },
            signed,
        )
        payee, certified = self.certify(campaign, who, credential)
        statement = Statement(account, page, contacts, signed == "well", asked, payee)
        return statement, ((account, page, contacts, pair(given)), certified)

    def batch(self, campaign: Campaign, words: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        """The arguments of a claim of many: credentials only where they are asked."""
        credentials = [] if campaign.credentials == ZERO else [credential for _, credential in words]
        return campaign.handle, [statement for statement, _ in words], credentials

    def some_of(self, campaign: Campaign, page: int, contacts: int, wild: bool) -> int:
        """Those that can be claimed by now; all of them where that is none, or wild."""
        if wild or page > 1:
            return contacts
        known = sum(
            1 << bit
            for bit in range(PAGE)
            if PAGE * page + bit < campaign.most
            and campaign.day_of(PAGE * page + bit) <= min(self.world.time, campaign.end)
        )
        return contacts & known or contacts

    @rule(
        number=some, who=whose, page=pages, contacts=sets, wild=seldom, signed=signing, credential=credentials
    )
    def claim_statement(
        self, number: int, who: int, page: int, contacts: int, wild: bool, signed: str, credential: str
    ) -> None:
        if campaign := self.pick(number):
            contacts = self.some_of(campaign, page, contacts, wild)
            statement, words = self.statement(campaign, who, page, contacts, signed, credential)
            model = lambda: self.model.claim_statement(campaign.id, statement)  # noqa: E731
            self.both(model, EVE.address, "claimStatement", campaign.handle, *words)

    @rule(
        number=some,
        parts=st.lists(st.tuples(whose, pages, sets, seldom, signing, credentials), max_size=5),
        twice=seldom,
    )
    def claim_statements(self, number: int, parts: list[Any], twice: bool) -> None:
        if campaign := self.pick(number):
            made = [
                self.statement(
                    campaign, who, page, self.some_of(campaign, page, contacts, wild), signed, credential
                )
                for who, page, contacts, wild, signed, credential in parts * (1 + twice)
            ]
            statements, words = [one for one, _ in made], [one for _, one in made]
            model = lambda: self.model.claim_statements(campaign.id, statements)  # noqa: E731
            self.both(model, EVE.address, "claimStatements", *self.batch(campaign, words))

    def ticket(
        self,
        campaign: Campaign,
        account: Account,
        number: int,
        taker: int,
        signed: str,
        named: str,
        credential: str,
        valid: int = 10**8,
    ) -> tuple[Ticket, tuple[Any, ...]]:
        until = self.world.time + valid
        message = {
            "campaignSigner": campaign.signer,
            "campaign": campaign.id,
            "account": account,
            "id": number,
            "key": KEY.address,
            "validUntil": until,
        }
        asked, given = self.sign("Ticket", message, signed)
        if any(account) and account != self.account(campaign, taker):
            # Another puts himself in her place.
            signed = "for another"
            asked, _ = self.sign("Ticket", message | {"account": self.account(campaign, taker)}, "well")
        payee, certified = self.certify(campaign, taker, credential)
        to, first = self.address_of(taker), self.address_of(0)
        signed_for = {"thief": EVE.address, "copied": first}.get(named, to)

        def naming(recipient: str) -> bytes:
            message = {"key": KEY.address, "recipient": recipient, "ticket": asked}
            return digest(self.address, "ClaimTicket", message, name="Troc Attention")

        by_key = signature(OTHER_KEY if named == "other key" else KEY, naming(signed_for))
        ticket = Ticket(
            is_code=not any(account),
            number=number,
            key=KEY.address,
            valid_until=until,
            good=signed == "well",
            digest=asked,
            taker=self.account(campaign, taker),
            named=None if named == "other key" else signed_for,
            naming=naming,
            payee=payee,
        )
        words = (ticket.taker, number, KEY.address, until, pair(given))
        return ticket, (words, pair(by_key), certified)

    @rule(
        number=some,
        who=whose,
        taker=st.sampled_from([None] * 3 + [0, 3]),
        contact=st.sampled_from([*range(6)] * 4 + [254, 255, 257, 258, 300, 2**24, MAX]),
        signed=signing,
        named=st.sampled_from(["well"] * 5 + ["other key", "thief", "copied"]),
        credential=credentials,
        valid=st.sampled_from([0, 10**6, 10**6, -1]),
    )
    def claim_bound(
        self,
        number: int,
        who: int,
        taker: int | None,
        contact: int,
        signed: str,
        named: str,
        credential: str,
        valid: int,
    ) -> None:
        """A ticket of hers; or a thief's try with it."""
        if campaign := self.pick(number):
            account, by = self.account(campaign, who), who if taker is None else taker
            if any(account):
                self.claim_ticket(campaign, account, contact, by, signed, named, credential, valid)

    @rule(
        number=some,
        who=st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 6]),
        index=st.sampled_from([0, 1, 2, 3] * 4 + [999, 1_000, 1_001, 1_002]),
        signed=signing,
        named=st.sampled_from(["well"] * 5 + ["other key", "thief", "copied"]),
        credential=credentials,
    )
    def claim_code(self, number: int, who: int, index: int, signed: str, named: str, credential: str) -> None:
        if campaign := self.pick(number):
            self.claim_ticket(campaign, bytes(32), index, who, signed, named, credential, 10**6)

    @rule(who=st.integers(0, 1))
    def hoard_codes(self, who: int) -> None:
        """A whole roll of receipts from the bin."""
        for campaign in self.model.campaigns.values():
            for index in range(min(campaign.codes, 4)):
                self.claim_ticket(campaign, bytes(32), index, who, "well", "well", "good", 10**6)

    def claim_ticket(self, campaign: Campaign, *ticket: Any) -> None:
        made, words = self.ticket(campaign, *ticket)
        model = lambda: self.model.claim_ticket(campaign.id, made)  # noqa: E731
        function = "claimCode" if made.is_code else "claimTicket"
        self.both(model, EVE.address, function, campaign.handle, *words)

    @rule(number=some, who=st.integers(0, 3), day=st.sampled_from([0, 1, 99]), by_ticket=st.booleans())
    def claim_of_a_day(self, number: int, who: int, day: int, by_ticket: bool) -> None:
        """The last contact of today, the first of tomorrow, or one of a day after the end."""
        campaign = self.pick(number)
        if campaign is None or not campaign.per_day:
            return
        today = max(0, (self.world.time - campaign.start) // DAY)
        contact = min(
            (today + day) * campaign.per_day + (campaign.per_day - 1) * (day == 0), campaign.most - 1
        )
        if by_ticket:
            account = self.account(campaign, who)
            self.claim_ticket(campaign, account, contact, who, "well", "well", "good", 10**6)
        else:
            page, bit = divmod(contact, PAGE)
            statement, words = self.statement(campaign, who, page, 1 << bit, "well", "good")
            model = lambda: self.model.claim_statement(campaign.id, statement)  # noqa: E731
            self.both(model, EVE.address, "claimStatement", campaign.handle, *words)

    @rule(number=some, sender=anyone)
    def claim_again(self, number: int, sender: str) -> None:
        """What was paid before, by whoever read it on the chain."""
        if self.claimed:
            model, _, *call = self.claimed[-1 - number % min(len(self.claimed), 8)]
            self.both(model, sender, *call)

    # ------------------------------------------------------------------------------------------------ roots

    @rule(number=some, who=whose, page=pages, contacts=sets, sender=acting, again=seldom)
    def append_root(
        self, number: int, who: int, page: int, contacts: int, sender: str | None, again: bool
    ) -> None:
        if campaign := self.pick(number):
            by, id_ = sender or campaign.admin, campaign.id
            leaf = (self.account(campaign, who), page, self.some_of(campaign, page, contacts, False))
            root = leaf_hash(id_, *leaf)
            for _ in range(1 + again):
                if self.both(lambda: self.model.append_root(by, id_, root), by, "appendRoot", id_, root):
                    self.leaves.append((campaign, root, *leaf))

    @rule(number=some, who=st.integers(0, 4), contacts=sets, more=seldom, credential=credentials)
    def append_and_claim(self, number: int, who: int, contacts: int, more: bool, credential: str) -> None:
        """A root, its delay, and the first claim under it."""
        if campaign := self.pick(number):
            before = len(self.leaves)
            self.append_root(number=number, who=who, page=0, contacts=contacts, sender=None, again=False)
            if len(self.leaves) > before:
                self.world.move_to(max(self.world.time, campaign.roots[self.leaves[-1][1]]))
                self.claim_root(number=0, who=None, more=more, credential=credential)

    @rule(number=some, sender=acting)
    def withdraw_root(self, number: int, sender: str | None) -> None:
        if self.leaves:
            campaign, root, *_ = self.leaves[-1 - number % min(len(self.leaves), 4)]
            by, id_ = sender or campaign.admin, campaign.id
            model = lambda: self.model.withdraw_root(by, id_, root)  # noqa: E731
            self.both(model, by, "withdrawRoot", id_, root)

    @rule(number=some, who=st.sampled_from([None] * 8 + [0, 3]), more=seldom, credential=credentials)
    def claim_root(self, number: int, who: int | None, more: bool, credential: str) -> None:
        """By whoever finds a leaf; or with another account, or more contacts, than were put under it."""
        if not self.leaves:
            return
        campaign, _, account, page, contacts = self.leaves[-1 - number % min(len(self.leaves), 6)]
        owner = next(n for n in range(7) if self.account(campaign, n) == account)
        claimed = owner if who is None else who
        account, contacts = self.account(campaign, claimed), contacts ^ more
        payee, certified = self.certify(campaign, claimed, credential)
        model = lambda: self.model.claim_root(  # noqa: E731
            campaign.id, account, page, contacts, payee
        )
        words: tuple[Any, ...] = ((account, page, contacts), [], certified)
        self.both(model, EVE.address, "claimRoot", campaign.handle, *words)


EXPECTED = {
    "open",
    "fund",
    "setGrant",
    "enrol",
    "activate",
    "appendRoot",
    "withdrawRoot",
    "offerAdmin",
    "acceptAdmin",
    "refund",
    "release",
    "claimStatement",
    "claimStatements",
    "claimTicket",
    "claimCode",
    "claimRoot",
    "a batch that pays some",
    "CampaignExists",
    "NotTheAdmin",
    "NotTheTokenOwner",
    "GrantUnfit",
    "GrantLocked",
    "BudgetTooSmall",
    "CampaignTimesOutOfRange",
    "TransferFromFailed",
    "PointsOutOfBounds",
    "NotInEscrow",
    "NotFresh",
    "ZeroContacts",
    "ClaimsOver",
    "ClaimsOpen",
    "NoSuchAccount",
    "NotFree",
    "NoSuchBatch",
    "RootKnown",
    "RootUnknown",
    "RootNotInEffect",
    "RootInEffect",
    "NotOffered",
    "NotSignedByCampaign",
    "NotSignedByTicketKey",
    "TicketExpired",
    "NothingNew",
    "ContactOutOfRange",
    "ContactAfterEnd",
    "ContactTooEarly",
    "NoSuchCode",
    "CodesInert",
    "CodeTaken",
    "CodesOfAccountTaken",
    "CodesOfDayTaken",
    "CampaignNotStarted",
    "CredentialExpired",
    "CredentialNotSigned",
    "CredentialTooShort",
    "RewardFailed",
}


def test_A1_A2_A3_campaigns_pay_what_the_model_says(profile: settings) -> None:  # noqa: N802
    try_model(AttentionMachine, profile, EXPECTED, share=0.75)


def test_A3_the_last_unit_returns_after_a_thousand_odd_claims() -> None:  # noqa: N802
    """By every path, well made or not; a price that divides nothing."""
    chance = random.Random("a thousand odd claims")
    machine = AttentionMachine()  # type: ignore[no-untyped-call]
    machine.begin()
    usual: dict[str, Any] = {
        "budget": 600,
        "most": 258,
        "per_day": 0,
        "codes": 1_002,
        "codes_per_account": 0,
        "start": 0,
    }
    usual |= {
        "days": 4,
        "delay": 1,
        "grant": "fit",
        "poor": False,
        "again": False,
        "price": 97,
        "active": False,
    }
    for mode in (CASH, POINTS, FRESH):
        machine.open(how=usual | {"mode": mode, "asks": False}, sender=None, other=False)
    for number, campaign in enumerate(machine.model.campaigns.values()):
        machine.activate(number=6 + number, batches=[0, 1], sender=None)
        assert campaign.active == {0, 1}
    AttentionMachine.seen.clear()
    for step in range(1_000):
        number, who = chance.randrange(200), chance.randrange(7)
        signed, credential = chance.choice(["well"] * 9 + ["other key"]), "good"
        contacts, page = (
            chance.getrandbits(255) & chance.getrandbits(255) & chance.getrandbits(255),
            int(step % 5 == 0),
        )
        path = chance.randrange(5)
        if path == 0:
            machine.claim_statement(
                number=number,
                who=who,
                page=page,
                contacts=contacts & chance.getrandbits(255) & chance.getrandbits(255),
                wild=False,
                signed=signed,
                credential=credential,
            )
        elif path == 1:
            parts = [(chance.randrange(7), page, 1 << chance.randrange(255), False, signed, credential)]
            machine.claim_statements(number=number, parts=parts * 2, twice=False)
        elif path == 2:
            machine.claim_bound(
                number=number,
                who=who,
                taker=None,
                contact=chance.randrange(262),
                signed=signed,
                named="well",
                credential=credential,
                valid=10,
            )
        elif path == 3:
            machine.claim_code(
                number=number,
                who=who,
                index=chance.choice(CODES),
                signed=signed,
                named="well",
                credential=credential,
            )
        elif step % 3:
            machine.claim_root(number=number, who=None, more=False, credential=credential)
        else:
            machine.append_root(
                number=number, who=who, page=page, contacts=contacts, sender=None, again=False
            )
            machine.wait(seconds=chance.randrange(DAY // 2))
        if step % 25 == 0:
            machine.check_all()
    assert min(machine.seen[name] for name in ("claimStatement", "claimTicket", "claimRoot")) > 10
    cash = next(one for one in machine.model.campaigns.values() if one.mode == CASH)
    assert 0 < cash.number_paid < cash.funded
    machine.check_all()
    machine.teardown()
    assert machine.model.cash[ELSEWHERE] == (cash.funded - cash.number_paid) * cash.price
    assert machine.world.view(machine.cash, "balanceOf", machine.address) == 0
