"""The story of one household among others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from troc import words
from troc.chain import Receipt
from troc.client import Troc
from troc.demo.attempts import try_all
from troc.demo.books import close_books
from troc.demo.cast import FEWEST, choose_cast
from troc.demo.paying import PaidAttention
from troc.demo.programme import GrocersProgramme
from troc.demo.receipts import (
    CENTS_OF_A_STEP,
    GROCER,
    HOUSEHOLDS,
    MANUFACTURERS,
    PROGRAMMES,
    Receipts,
    read_receipts,
)
from troc.demo.selling import BUYER, DataMarket
from troc.demo.stage import PACE, Stage, open_stage
from troc.demo.telling import Teller
from troc.errors import InputError, OrderError
from troc.points import Holding, receipt_id
from troc.trade import Quote

MARKET_DAY = words.parse_day("2017-04-08") + 10 * words.HOUR
"""A Saturday morning, when the first quarter's points are there."""

SEASON_LATER = words.parse_day("2017-07-01") + 12 * words.HOUR

_CROWD_BATCH = 30
_CROWD_BATCHES = 4
_CROWD_AMOUNT = 20
_REDEEMED = 500

NEXT_COMMANDS = (
    (".venv/bin/troc up --demo", "a chain of your own with six brands and five customers; leave it running"),
    (
        ".venv/bin/troc points list --account dev:1",
        "in a second terminal: what one of the customers has, and until when",
    ),
    (
        '.venv/bin/troc trade order "22 PANIER" "20 BIOBOX" --account dev:1',
        "her trade in words: read it, then say yes",
    ),
)


@dataclass(frozen=True)
class Deal:
    """One settlement that was done: how many orders it filled, and its gas."""

    kind: str
    orders: int
    gas: int


def run(households: int = HOUSEHOLDS, teller: Teller | None = None) -> None:
    """Tell the story with that many households. Raises `ChecksFailedError` at the end if a check failed."""
    begun = time.monotonic()
    teller = teller or Teller()
    if households < FEWEST:
        raise InputError(f"{households} households are too few for the story", f"ask for {FEWEST} or more")
    receipts = read_receipts(households)
    with open_stage(receipts) as stage:
        _Story(stage, receipts, teller).tell()
    teller.say(
        f"\nEverything above was done in {time.monotonic() - begun:.0f} seconds. Three commands to try next:"
    )
    for command, what in NEXT_COMMANDS:
        teller.say(f"\n  {command}\n      {what}")
    teller.end()


class _Story:
    def __init__(self, stage: Stage, receipts: Receipts, teller: Teller) -> None:
        self._stage = stage
        self._receipts = receipts
        self._teller = teller
        self._deals: list[Deal] = []
        self._cast = choose_cast(receipts)
        self._her = stage.household(self._cast.she)
        self._programme = GrocersProgramme(stage, teller, self._cast.she)
        self._issued_for_data = 0
        self._issued_for_attention: dict[str, int] = {}

    def tell(self) -> None:
        """Tell all of it."""
        self._chapter("Six brands", self._brands)
        self._chapter("Three months of receipts become points", self._earn)
        self._chapter(f"Household {self._cast.she} looks at her points", self._look)
        self._stage.move_to(MARKET_DAY)
        self._chapter("She trades with one signature, and without ether", self._trade)
        self._chapter("A swap among three, of whom no two match", self._swap)
        self._chapter("Others trade too", self._crowd)
        self._chapter("She spends points at the grocer's, without ether", self._redeem)
        self._chapter("The grocer runs its programme", self._run_programme)
        self._chapter("The brand tries to take points back", self._attack)
        self._chapter("Households sell what they bought, as data", self._sell_data)
        self._chapter("A season passes, and nobody does anything", self._season)
        self._chapter("What could be returned is the customer's now", self._programme.release)
        self._chapter("Brands pay households for their attention", self._pay_attention)
        self._chapter("What each brand owes, by date", self._owed)
        self._chapter("The books are closed", self._books)

    def _chapter(self, title: str, tell: Callable[[], None]) -> None:
        self._teller.chapter(title)
        tell()

    # -------------------------------------------------------------------------------------------- chapters

    def _brands(self) -> None:
        receipts, stage = self._receipts, self._stage
        self._teller.say(
            f"A real grocer's data, of 2017: {receipts.all_households:,} households bought something in its"
            f" first three months. {len(receipts.households)} that buy from all six brands are our customers:"
            f" {receipts.receipts:,} receipts with {receipts.lines:,} lines, {receipts.cents / 100:,.2f}"
            " dollars."
        )
        self._teller.say(
            "The brands are the grocer and the five manufacturers that sell most. The data gives them numbers"
            " and no names: all names of brands here are made up."
        )
        self._teller.table(
            ("brand", "points", "sells", "for 10 cents", "points live", "January's until"),
            [
                (
                    programme.name,
                    programme.symbol,
                    programme.sells,
                    words.count(programme.rate, "point"),
                    words.life(brand.epoch_length),
                    words.last_day(brand.longest_life(receipts.months[0].closes)),
                )
                for programme, brand in ((each, stage.brands[each.symbol]) for each in PROGRAMMES)
            ],
            left=3,
        )
        self._teller.say(
            "The grocer rewards a whole receipt, a manufacturer its own products on it; less than"
            f" {CENTS_OF_A_STEP} cents of a receipt earn nothing. The chain is one of our own on this"
            f" machine: it starts on {words.day(stage.chain.time_of(0))} and has a block every {PACE} seconds"
            " of the story's time."
        )

    def _earn(self) -> None:
        chain = self._stage.chain
        rows = []
        transactions = 0
        for month in self._receipts.months:
            reports = self._stage.mint(month)
            transactions += sum(len(report.transactions) for report in reports)
            gas = sum(
                receipt.gas_used
                for report in reports
                for receipt in map(chain.receipt, report.transactions)
                if receipt is not None
            )
            paid = sum(report.recipients for report in reports)
            rows.append(
                (
                    words.day(month.closes).rsplit(" ", 1)[0],
                    *(report.brand.number(report.units) for report in reports),
                    f"{paid:,}",
                    f"{gas // paid:,}",
                )
            )
        self._teller.table(("issued", *self._stage.brands, "payments", "gas each"), rows)
        self._teller.say(
            f"Each of the {transactions} transactions pays many customers, and carries one reference made of"
            " the salted hashes of all its receipts: no basket and no receipt number is on the chain, and the"
            " same batch a second time would be refused."
        )
        for brand in self._stage.brands.values():
            earned, issued = self._receipts.issued(brand.symbol), self._stage.client.status(brand).issued
            if earned != issued:
                self._teller.check(f"{brand.symbol}: {earned:,} earned by receipts, {issued:,} issued", False)

    def _look(self) -> None:
        self._holdings(self._her.holdings())
        ether = self._stage.chain.balance(self._her.address)
        self._teller.say(
            f"They are hers: they lie at {self._her.address}, and only her key moves them. She has {ether}"
            " ether, and will not need any."
        )

    def _trade(self) -> None:
        stage, cast = self._stage, self._cast
        hers, partners = cast.hers, cast.partners
        partner = stage.household(partners.household)
        before = self._amounts(self._her)
        ether = stage.chain.balance(self._her.address)
        self._teller.say(
            f"She gives {hers.give}, of which she has plenty, for {hers.want}. She reads, and signs once:"
        )
        offer = self._her.trade(give=hers.give, want=hers.want)
        self._teller.say(f'  "{self._her.terms(offer.order.order)}"')
        self._teller.say(
            f"Somebody else publishes it for her. Household {partners.household} wants the opposite, finds"
            " her order, and signs:"
        )
        plan = partner.plan_trade(partners.give, partners.want, live="3 weeks")
        taken = partner.carry_out(plan)
        if isinstance(plan, Quote):
            self._teller.say(f'  "{plan.text()}"')
        self._done("two who match", 2, stage.chain.receipt(taken.transaction))
        self._changes(before, self._amounts(self._her))
        after = stage.chain.balance(self._her.address)
        self._teller.check(f"her ether before: {ether}, after: {after}", ether == after == 0)
        sent = stage.chain.transaction_count(self._her.address)
        self._teller.check(f"transactions that she sent: {sent}; somebody else submitted hers", sent == 0)
        self._teller.check("it was her order that was taken", taken.took and taken.order == offer.order)

    def _swap(self) -> None:
        stage, cast = self._stage, self._cast
        signed = []
        for wish in cast.ring:
            customer = stage.household(wish.household)
            signed.append(customer.sign(customer.draft(wish.give, wish.want, live="3 weeks")))
            self._teller.say(f"  Household {wish.household} gives {wish.give} and wants {wish.want}.")
        submitter = stage.submitter()
        misfits = 0
        for pair in ((0, 1), (1, 2), (2, 0)):
            try:
                submitter.plan_settlement([signed[place] for place in pair])
            except OrderError:
                misfits += 1
        self._teller.check("no two of the three orders fit together", misfits == 3)
        before = self._amounts(self._her)
        receipt = submitter.settle(signed)
        self._done("a swap among three", 3, receipt)
        self._teller.say("All three at once, straight from customer to customer, in one transaction:")
        self._changes(before, self._amounts(self._her))
        states = [str(submitter.show(order).state) for order in signed]
        self._teller.check(f"the three orders are {words.listed(states)}", set(states) == {"filled"})

    def _crowd(self) -> None:
        stage, symbols = self._stage, [programme.symbol for programme in MANUFACTURERS]
        others = list(self._cast.others)
        step = len(symbols)
        size = min(_CROWD_BATCH, len(others) // step * step)
        batches = min(_CROWD_BATCHES, len(others) // size)
        for start in range(0, batches * size, size):
            signed = []
            for place, household in enumerate(others[start : start + size]):
                customer = stage.household(household)
                give, want = (f"{_CROWD_AMOUNT} {symbols[(place + next_) % step]}" for next_ in (0, 1))
                signed.append(customer.sign(customer.draft(give, want, live="3 weeks")))
            self._done(f"a batch of {size}", size, stage.submitter().settle(signed))
        self._teller.say(
            f"{batches * size} other households give {_CROWD_AMOUNT} points of one manufacturer for"
            f" {_CROWD_AMOUNT} of another, each for the first time. Their orders are settled {size} at once:"
            f" {words.count(batches, 'transaction')}."
        )

    def _redeem(self) -> None:
        stage, symbol = self._stage, GROCER.symbol
        before = self._amounts(self._her)
        receipt = receipt_id("a basket of 8 April 2017", stage.salts[symbol])
        done = self._her.redeem(f"{_REDEEMED} {symbol}", receipt)
        self._teller.say(
            f"{_REDEEMED} {symbol} for a basket, by a signature that names the till which may submit it, and"
            f" nobody else. The receipt is a salted hash. {done.gas_used:,} gas, paid by the till."
        )
        self._changes(before, self._amounts(self._her))
        ether = stage.chain.balance(self._her.address)
        self._teller.check(f"her ether: {ether}", ether == 0)

    def _run_programme(self) -> None:
        self._programme.run(self._stage.folder)

    def _attack(self) -> None:
        brand = self._stage.brands[GROCER.symbol]
        before = self._her.balance(brand)
        self._teller.say(
            f"{brand.name} wants the {brand.text(before.total)} of household {self._cast.she} back. With its"
            " key, which issues these points, it tries to"
        )
        owner = self._stage.owners[brand.symbol].address
        for refusal in try_all(self._stage, brand.symbol, self._cast.she):
            answer = refusal.answer.replace(owner, "the brand").replace(
                self._her.address, f"household {self._cast.she}"
            )
            self._teller.check(f"{refusal.attempt.what}: {answer}", refusal.holds)
        after = self._her.balance(brand)
        self._teller.check(
            f"she still has {brand.text(after.total)}, with the same dates, and may trade them",
            before == after,
        )

    def _sell_data(self) -> None:
        market = DataMarket(self._stage, self._teller, self._cast.she)
        market.run()
        self._issued_for_data = market.issued

    def _pay_attention(self) -> None:
        attention = PaidAttention(self._stage, self._teller)
        attention.run()
        self._issued_for_attention = attention.issued

    def _season(self) -> None:
        stage = self._stage
        before = [stage.client.status(brand) for brand in stage.brands.values()]
        hers = self._amounts(self._her)
        block, start = stage.chain.block_number(), stage.chain.now()
        stage.move_to(SEASON_LATER)
        self._teller.say(
            f"From {words.day(start)} to {words.day(stage.chain.now())}. The one new block is empty: it only"
            " tells the time."
        )
        after = [stage.client.status(brand) for brand in stage.brands.values()]
        her_now = self._amounts(self._her)
        rows = []
        for was, now in zip(before, after, strict=True):
            brand = was.brand
            due = sum(units for units, expiry in was.owed if expiry <= stage.chain.now())
            dates = [
                words.last_day(expiry) for units, expiry in was.owed if units and expiry <= stage.chain.now()
            ]
            rows.append(
                (
                    brand.symbol,
                    *map(brand.number, (was.live, now.live, was.live - now.live)),
                    " → ".join(brand.number(amounts.get(brand.symbol, 0)) for amounts in (hers, her_now)),
                    words.listed(dates) or "-",
                )
            )
            if not was.live - now.live == due == now.expired - was.expired:
                self._teller.check(f"{brand.symbol}: {due:,} were due to expire", False)
        self._teller.table(("points", "supply", "then", "expired", "hers", "last days that passed"), rows)
        blocks, sent = stage.chain.block_number() - block, stage.chain.transactions_since(block)
        self._teller.check(
            f"transactions in this time: {sent}; new blocks: {blocks}", (sent, blocks) == (0, 1)
        )
        expired = sum(was.live - now.live for was, now in zip(before, after, strict=True))
        self._teller.check(f"{expired:,} points expired, and nobody paid for that", expired > 0)

    def _owed(self) -> None:
        statuses = [self._stage.client.status(brand) for brand in self._stage.brands.values()]
        rows = [
            (brand.name, brand.number(units), words.last_day(expiry), brand.earned(expiry))
            for status, brand in ((status, status.brand) for status in statuses)
            for units, expiry in status.owed
            if units
        ]
        nothing = [(status.brand.name, "0", "-", "-") for status in statuses if not status.live]
        self._teller.table(("brand", "owes", "until", "for points earned"), rows + nothing)

    def _books(self) -> None:
        more = Counter(self._issued_for_attention)
        more.update({GROCER.symbol: self._programme.issued, BUYER: self._issued_for_data})
        audits = close_books(self._stage, self._receipts, self._teller, more)
        self._teller.say("\nFor those who run the brands:")
        self._teller.table(
            ("points", "earned", "changed hands", "redeemed", "expired", "still owed"),
            [
                (
                    audit.brand.symbol,
                    *map(
                        audit.brand.number,
                        (audit.issued, audit.moved, audit.redeemed, audit.expired, audit.live),
                    ),
                )
                for audit in audits
            ],
        )
        kinds = dict.fromkeys(deal.kind for deal in self._deals)
        rows = []
        for kind in kinds:
            deals = [deal for deal in self._deals if deal.kind == kind]
            orders, gas = sum(deal.orders for deal in deals), sum(deal.gas for deal in deals)
            rows.append((kind, str(len(deals)), str(orders), f"{gas // orders:,}"))
        orders, gas = sum(deal.orders for deal in self._deals), sum(deal.gas for deal in self._deals)
        rows.append(("all trades", str(len(self._deals)), str(orders), f"{gas // orders:,}"))
        self._teller.say("")
        self._teller.table(("trades", "transactions", "orders", "gas an order"), rows)

    # ---------------------------------------------------------------------------------------------- helpers

    def _done(self, kind: str, orders: int, receipt: Receipt | None) -> None:
        assert receipt is not None
        self._deals.append(Deal(kind, orders, receipt.gas_used))

    def _amounts(self, customer: Troc) -> dict[str, int]:
        return {holding.brand.symbol: holding.total for holding in customer.holdings()}

    def _changes(self, before: dict[str, int], after: dict[str, int]) -> None:
        changes = []
        for symbol, brand in self._stage.brands.items():
            was, now = before.get(symbol, 0), after.get(symbol, 0)
            if was != now:
                changes.append(f"{brand.number(was)} → {brand.number(now)} {symbol}")
        self._teller.say(f"  Hers: {', '.join(changes)}")

    def _holdings(self, holdings: Sequence[Holding]) -> None:
        rows = []
        for holding in holdings:
            brand = holding.brand
            for place, lot in enumerate(lot for lot in holding.lots if lot.units):
                total = brand.number(holding.total) if place == 0 else ""
                name = brand.name if place == 0 else ""
                rows.append(
                    (
                        name,
                        total,
                        brand.number(lot.units),
                        words.last_day(lot.expiry),
                        brand.earned(lot.expiry),
                    )
                )
        self._teller.table(("brand", "points", "of these", "good until", "earned"), rows)
