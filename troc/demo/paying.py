"""Households are paid for their attention, in four of the grocer's real campaigns: a mail by a promise, a
film by statement, a catalogue by one root for all, and a coupon at the till by code. One of the brands stops
signing in the middle.

Everybody uses the client as it is; what brands sign stands in their registers first.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from web3.contract.contract import ContractFunction

from troc import words
from troc.attention.campaigns import Campaign, Rewards, Terms
from troc.attention.contacts import account_of
from troc.attention.earning import Earnings
from troc.attention.register import Register
from troc.attention.roots import Sets, read_sets, write_root
from troc.attention.signing import Signing
from troc.attention.slips import Slip
from troc.demo.mailings import Mailing, read_mailings
from troc.demo.stage import Stage
from troc.demo.telling import Teller
from troc.errors import ContractError
from troc.messages import KIND_POINTS, ZERO_ADDRESS

_CLAIMS = 31 * words.DAY
"""How long claims go on after the end of a campaign."""

_ROOT_DELAY = 1
_MOST_CODES = 1_000
_CODES_OF_ONE = 20


@dataclass(frozen=True)
class Plan:
    """A campaign of the grocer's (its number in the data), the brand that pays for it, and how much a
    contact: points that it issues then, or points that it has put aside.
    """

    number: int
    symbol: str
    price: int
    what: str
    escrow: bool = False


MAIL = Plan(10, "KESTREL", 20, "a mail", escrow=True)
FILM = Plan(11, "BRIGHT", 30, "a film")
CATALOGUE = Plan(12, "MEADOW", 10, "a catalogue")
COUPON = Plan(13, "HARVEST", 50, "a coupon used at the till")
PLANS = (MAIL, FILM, CATALOGUE, COUPON)


@dataclass
class Result:
    """What came of a campaign: contacts or codes that were due, and that were paid; the gas of claims."""

    plan: Plan
    campaign: Campaign
    due: int
    paid: int
    gas: int


class PaidAttention:
    """The chapter. `issued`: what brands issued for it, by symbol, in smallest units; `results`: a campaign
    each.
    """

    def __init__(self, stage: Stage, teller: Teller) -> None:
        self._stage = stage
        self._teller = teller
        self._mailings = {each.number: each for each in read_mailings(list(stage.households))}
        self._books: dict[int, Earnings] = {}
        self.issued: dict[str, int] = {}
        self.results: list[Result] = []

    def run(self) -> None:
        """Tell it, from the first campaign's start to the last one's end."""
        self._teller.say(
            "Four campaigns of the grocer's, with the households that they were really sent to and the"
            " coupons that these really used. A contact is paid to who had it, by the brand itself: no"
            " platform counts or pays."
        )
        self._mail()
        self._film()
        self._catalogue()
        self._coupons()
        self._return_the_rest()
        self._sums()

    # ------------------------------------------------------------------------------------------ campaigns

    def _mail(self) -> None:
        """Tickets, given before the contact; the brand's key is gone after two thirds of them."""
        mailing = self._mailings[MAIL.number]
        accounts = [account_of(self._stage.households[each].address) for each in mailing.households]
        # It pays out of points that exist, as somebody would who is not their brand.
        self._issue(MAIL.symbol, MAIL.price * len(accounts), of="for its campaign")
        campaign = self._open(MAIL, mailing, len(accounts), max_contacts=1)
        self._rewards(MAIL).enrol(campaign.id, accounts)
        promised = mailing.households[: max(1, len(accounts) * 2 // 3)]
        contents: dict[int, tuple[str, str]] = {}
        with self._signing(MAIL, campaign) as signing:
            for household, account in zip(promised, accounts, strict=False):
                taken = signing.promise(campaign, f"mail to {household}", account, good="90d").result()
                slip = signing.ticket(campaign, taken.contact).slip
                contents[household] = (slip.public().to_text(), _key(slip))
        self._teller.say(
            f"{self._name(MAIL)} puts {campaign.worth(len(accounts))} in escrow for a mail to"
            f" {words.count(len(accounts), 'household')}, reserves a contact for each, and signs promises"
            f" that it cannot take back. After {len(promised)} its key is lost: it will never sign again."
        )
        before, gas = self._points(MAIL, promised), 0
        for household, (ticket, key) in contents.items():
            earnings = self._earnings(household)
            waiting = earnings.collect([ticket])
            if household == promised[0]:
                early = earnings.plan(earnings.earned())
                self._teller.check(
                    "who has not opened the mail has not its key, and nothing to claim",
                    not early and not waiting[0].refused,
                )
            earnings.collect([key])
            gas += self._claim(household)
        self._result(MAIL, campaign, len(promised), gas)
        self._teller.check(
            f"all {len(promised)} who were promised something and opened the mail have their"
            f" {campaign.worth(1)}, without {self._name(MAIL)}",
            self._points(MAIL, promised) - before == MAIL.price * len(promised),
        )

    def _film(self) -> None:
        """Statements, given after the contact; all of them are brought in one transaction."""
        mailing = self._mailings[FILM.number]
        self._stage.move_to(mailing.start + 10 * words.HOUR)
        campaign = self._open(FILM, mailing, len(mailing.households), max_contacts=5)
        with self._signing(FILM, campaign) as signing:
            for household in mailing.households:
                account = account_of(self._stage.households[household].address)
                signing.confirm(campaign, f"film seen by {household}", account).result()
            slips = signing.statements(campaign)
        before = self._points(FILM, mailing.households)
        rewards = self._stage.submitter().attention
        receipt = self._stage.chain.send(rewards.statements_call(slips), self._stage.relay)
        self._teller.say(
            f"{self._name(FILM)} signs a statement for each of {words.count(len(slips), 'household')} that"
            f" saw its film, and issues {campaign.price} for it. Somebody brings all of them at once:"
            f" {receipt.gas_used // len(slips):,} gas each."
        )
        self._result(FILM, campaign, len(slips), receipt.gas_used)
        self._teller.check(
            "each has what the statement says",
            self._points(FILM, mailing.households) - before == FILM.price * len(slips),
        )
        again = self._refusal(rewards.statement_call(slips[0]), self._stage.relay.address)
        self._teller.check(f"the same statement a second time: {again}", bool(again))

    def _catalogue(self) -> None:
        """One root for all, which counts after a day."""
        mailing = self._mailings[CATALOGUE.number]
        campaign = self._open(CATALOGUE, mailing, len(mailing.households), max_contacts=1)
        rows = self._stage.folder / "catalogue.csv"
        rows.write_text(
            "account,contact\n"
            + "".join(f"{self._stage.households[each].address},0\n" for each in mailing.households)
        )
        file = self._stage.folder / "catalogue.root"
        sets: Sets = read_sets(rows, campaign.terms.max_contacts)
        root = write_root(file, campaign.id, sets)
        receipt = self._rewards(CATALOGUE).append_root(campaign.id, root)
        self._teller.say(
            f"{self._name(CATALOGUE)} writes one root for"
            f" {words.count(len(mailing.households), 'household')} and their catalogues: {receipt.gas_used:,}"
            " gas, and for a million the same. A day later it counts."
        )
        first = mailing.households[0]
        earnings = self._earnings(first)
        earnings.collect([file])
        self._teller.check("before that it pays nobody", not self._payable(first, campaign))
        self._stage.move_to(self._stage.chain.now() + _ROOT_DELAY * words.DAY)
        before, gas = self._points(CATALOGUE, mailing.households), 0
        for household in mailing.households:
            self._earnings(household).collect([file])
            gas += self._claim(household)
        self._result(CATALOGUE, campaign, len(mailing.households), gas)
        self._teller.check(
            "then each takes what is there for her, with a proof of its own",
            self._points(CATALOGUE, mailing.households) - before == CATALOGUE.price * len(mailing.households),
        )

    def _coupons(self) -> None:
        """Codes on receipts: cash for whoever has one."""
        mailing = self._mailings[COUPON.number]
        self._stage.move_to(mailing.start + 10 * words.HOUR)
        visits = [(each, visit) for each, days in sorted(mailing.visits.items()) for visit in range(days)]
        campaign = self._open(
            COUPON, mailing, _MOST_CODES, max_contacts=0, codes=_MOST_CODES, codes_per_account=_CODES_OF_ONE
        )
        slips: list[Slip] = []
        with self._signing(COUPON, campaign) as signing:
            for household, visit in visits:
                handed = signing.hand_out(campaign, f"receipt {visit} of {household}").result()
                slips.append(signing.ticket(campaign, handed.contact).slip)
        self._teller.say(
            f"{words.count(len(mailing.visits), 'household')} used coupons of {self._name(COUPON)}'s"
            f" campaign, on {words.count(len(visits), 'day')} in all; each time a code worth"
            f" {campaign.price} is printed on the receipt."
        )
        first = visits[0][0]
        self._earnings(first).collect([slips[0].to_text()])
        self._teller.check(
            "codes of a batch that is not activated are worth nothing", not self._payable(first, campaign)
        )
        self._rewards(COUPON).activate(campaign.id, [0])
        households = list(mailing.visits)
        before, gas = self._points(COUPON, households), 0
        for (household, _), slip in zip(visits, slips, strict=True):
            self._earnings(household).collect([slip.to_text()])
        for household in households:
            gas += self._claim(household)
        self._result(COUPON, campaign, len(visits), gas)
        self._teller.check(
            "each code has paid who had it, once",
            self._points(COUPON, households) - before == COUPON.price * len(visits),
        )
        thief = self._stage.client.as_account(self._stage.guest, submit_with=self._stage.relay)
        book = Earnings(thief, f"sqlite:///{self._stage.folder / 'thief.sqlite'}")
        book.collect([slips[0].to_text()])
        self._teller.check(
            "somebody who finds a used receipt gets nothing",
            not book.plan(book.earned()),
        )

    def _return_the_rest(self) -> None:
        """What was reserved and never signed for goes back, after the claims."""
        result = self.results[0]
        campaign, brand = result.campaign, self._stage.brand(MAIL.symbol)
        refund = brand.attention.contract.functions.refund(campaign.id, brand.address)
        early = self._refusal(refund, brand.address)
        self._teller.check(
            f"{self._name(MAIL)} wants its escrow back before the claims end: {early}", bool(early)
        )
        self._stage.move_to(campaign.terms.claim_until + 1)
        before = brand.balance(MAIL.symbol).total
        brand.attention.close(campaign.id)
        back = brand.balance(MAIL.symbol).total - before
        rest = len(self._mailings[MAIL.number].households) - result.paid
        self._teller.check(
            f"after them it gets {self._stage.brands[MAIL.symbol].text(back)} back: all that it had put aside"
            f" for the {rest} to whom it signed nothing",
            back == MAIL.price * rest,
        )

    def _sums(self) -> None:
        rows = [
            (
                f"{words.count(1, each.plan.what.removeprefix('a '))[2:]}, by {self._name(each.plan)}",
                f"{each.due:,}",
                f"{each.paid:,}",
                str(each.campaign.worth(each.paid)),
                f"{each.gas // each.paid:,}",
            )
            for each in self.results
        ]
        self._teller.table(("contacts", "had", "paid", "worth", "gas each"), rows)
        whole = sum(each.due for each in self.results)
        paid = sum(sum(self._rewards(each.plan).paid_in_all(each.campaign.id)) for each in self.results)
        self._teller.check(
            f"A1  {paid:,} contacts are paid of {whole:,} that somebody can prove, none twice", paid == whole
        )
        ether = [self._stage.chain.balance(each.address) for each in self._stage.households.values()]
        self._teller.check(f"ether of all households: {sum(ether)}", not any(ether))

    # -------------------------------------------------------------------------------------------- helpers

    def _open(self, plan: Plan, mailing: Mailing, budget: int, **more: Any) -> Campaign:
        rewards, brand = self._rewards(plan), self._stage.brands[plan.symbol]
        terms = Terms(
            **{
                "admin": self._stage.owners[plan.symbol].address,
                "token": brand.address,
                "token_kind": KIND_POINTS,
                "fresh": not plan.escrow,
                "price": plan.price,
                "signer": self._stage.signers[plan.symbol].address,
                "start": mailing.start,
                "end": mailing.end,
                "claim_until": mailing.end + _CLAIMS,
                "max_contacts": 1,
                "per_day": 0,
                "codes": 0,
                "codes_per_account": 0,
                "root_delay_days": _ROOT_DELAY,
                "credentials": ZERO_ADDRESS,
                "topic": 0,
                "channel": 0,
                "terms_hash": bytes(32),
                "salt": secrets.token_bytes(32),
                **more,
            }
        )
        return rewards.open(terms, budget)

    @contextmanager
    def _signing(self, plan: Plan, campaign: Campaign) -> Iterator[Signing]:
        register = Register(f"sqlite:///{self._stage.folder / f'register-{plan.number}.sqlite'}")
        signer = self._stage.signers[plan.symbol]
        with Signing(self._rewards(plan), register, signer, [campaign]).running() as signing:
            yield signing

    def _rewards(self, plan: Plan) -> Rewards:
        return self._stage.brand(plan.symbol).attention

    def _issue(self, symbol: str, units: int, of: str) -> None:
        owner = self._stage.owners[symbol].address
        self._stage.brand(symbol).mint(symbol, {owner: units}, reference=of)
        self.issued[symbol] = self.issued.get(symbol, 0) + units

    def _earnings(self, household: int) -> Earnings:
        """A household's book, and what it earned."""
        if household not in self._books:
            database = f"sqlite:///{self._stage.folder / f'earned-{household}.sqlite'}"
            self._books[household] = Earnings(self._stage.household(household), database)
        return self._books[household]

    def _claim(self, household: int) -> int:
        """Claim all that a household can; returns the gas."""
        earnings = self._earnings(household)
        report = earnings.claim(earnings.plan(earnings.earned()))
        for each in report.refused:
            self._teller.check(f"household {household}: {each.what}: {each.why}", False)
        return report.gas

    def _payable(self, household: int, campaign: Campaign) -> int:
        earnings = self._earnings(household)
        return sum(step.contacts for step in earnings.plan(earnings.earned(campaign.id)))

    def _refusal(self, call: ContractFunction, by: str) -> str:
        """Why the contract refuses a call; empty where it does not."""
        try:
            self._stage.chain.estimate(call, by)
        except ContractError as error:
            return error.message
        return ""

    def _points(self, plan: Plan, households: Iterable[int]) -> int:
        """What they have of the brand's points, together."""
        client = self._stage.client
        token = client.brands.token(client.brand(plan.symbol)).functions
        addresses = [self._stage.households[each].address for each in households]
        return sum(client.chain.read_many([token.balanceOf(address) for address in addresses]))

    def _result(self, plan: Plan, campaign: Campaign, due: int, gas: int) -> None:
        paid = sum(self._rewards(plan).paid_in_all(campaign.id))
        self.results.append(Result(plan, campaign, due, paid, gas))
        if not plan.escrow:
            self.issued[plan.symbol] = self.issued.get(plan.symbol, 0) + paid * plan.price

    def _name(self, plan: Plan) -> str:
        return self._stage.brands[plan.symbol].name


def _key(slip: Slip) -> str:
    """What the content of a mail reveals."""
    assert slip.secret is not None
    return "0x" + slip.secret.hex()
