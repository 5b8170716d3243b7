"""The grocer's own programme: members, earning rules, a return, a voucher."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from troc import words
from troc.accounts import open_account
from troc.claims import State
from troc.demo.receipts import GROCER, RULES, data_folder, transactions
from troc.demo.stage import Stage
from troc.demo.telling import Teller
from troc.errors import TrocError
from troc.messages import sign
from troc.pending import Purchase
from troc.programme.addresses import share
from troc.programme.earning import Earned, earn
from troc.programme.linking import link_domain
from troc.programme.members import NewMember
from troc.programme.moving import keep_earned
from troc.programme.programme import Programme
from troc.programme.rules import Rules, read_rules
from troc.programme.vault import Vault, open_brand_store
from troc.store import sqlite_url

if TYPE_CHECKING:
    import pandas as pd

SYMBOL = GROCER.symbol
FIRST_DAY, LAST_DAY, END = "2017-04-01", "2017-04-07", "2017-04-08"
"""The week that the rules are used for; the end is the first day after it."""

_LINKED = 20
_RETURN_TIME = "14d"
_TILL = "dev:8"
_TILL_A_DAY = 200
_VOUCHER = 25


@dataclass(frozen=True)
class Week:
    """A week at the grocer's: the lines of its receipts, of members and nobody else."""

    lines: pd.DataFrame
    cards: Sequence[str]

    @property
    def receipts(self) -> int:
        """How many receipts."""
        return int(self.lines["basket_id"].nunique())


@dataclass(frozen=True)
class Basket:
    """A real basket, and the dearest of its lines, which comes back. Points in smallest units."""

    household: int
    receipt: int
    units: int
    units_without: int
    returned_cents: int


class GrocersProgramme:
    """The grocer as an operator. `issued` counts what it issued beyond the first three months' receipts."""

    def __init__(self, stage: Stage, teller: Teller, she: int) -> None:
        self._stage = stage
        self._teller = teller
        self._she = she
        self._brand = stage.brands[SYMBOL]
        self._rules: Rules = read_rules(RULES)
        self.issued = 0

    def run(self, folder: Path) -> None:
        """A week of the programme: members, rules, claims, a return, a voucher. `folder` is for its files."""
        week = read_week()
        store = open_brand_store(self._stage.chain, self._brand, sqlite_url(folder / "brand.sqlite"))
        vault = Vault.create(store, secrets.token_hex(16))
        programme = Programme.over(vault, self._stage.chain)
        basket = self._choose_basket(week, folder)
        rest = week.lines[week.lines["basket_id"] != basket.receipt]
        self._members(programme, week)
        self._earn(programme, self._worth(rest, folder))
        self._claim(programme)
        self._return(basket)
        self._voucher()
        head = programme.journal.verify()
        self._teller.check(
            f"the grocer's journal of {words.count(head.sequence, 'entry', 'entries')} is whole, by its chain"
            " of hashes",
            head.sequence > 0,
        )

    def release(self) -> None:
        """Anyone releases what nobody returned."""
        stage, teller = self._stage, self._teller
        brand = self._brand
        due = stage.client.purchases.at(brand)
        refused = self._try_to_cancel(due)
        teller.check(
            f"the time to return is over; the grocer tries to take the points back all the same: {refused}",
            bool(refused),
        )
        before = {each.customer: stage.client.balance(brand, each.customer).total for each in due}
        done = stage.submitter().release_pending(brand)
        got = sum(stage.client.balance(brand, who).total - was for who, was in before.items())
        self.issued += done.units
        teller.check(
            f"somebody who has nothing to do with it releases them: {brand.text(done.units)} are the"
            f" customer's, {done.released[0].until}",
            got == done.units == sum(each.units for each in due) > 0,
        )

    # -------------------------------------------------------------------------------------------- members

    def _members(self, programme: Programme, week: Week) -> None:
        stage, teller = self._stage, self._teller
        count = programme.members.add_many([NewMember(card) for card in week.cards], "the grocer")
        linked = [self._she, *(one for one in stage.households if one != self._she)]
        # One at least links later.
        linked = [one for one in linked if str(one) in set(week.cards)][:-1][:_LINKED]
        for household in linked:
            self._link(programme, household)
        teller.say(
            f"{count:,} households that came from 1 to 7 April are members, by card number, in an encrypted"
            f" database of the grocer's own. {len(linked)} of them let their card feed their address, by a"
            f" signature. Nothing of it is on the chain."
        )
        addresses = [address for address in programme.members.addresses_of(week.cards) if address]
        teller.check(
            f"addresses that the cards feed: {len(addresses)}",
            set(addresses) == {stage.households[one].address for one in linked},
        )
        raw = b"".join(file.read_bytes() for file in self._stage.folder.glob("brand.sqlite*")).lower()
        seen = sum(address[2:].lower().encode() in raw for address in addresses)
        teller.check(
            f"addresses that can be read in the {words.count(len(raw) // 1024, 'kilobyte')} of that database"
            f" without its passphrase: {seen}",
            bool(raw) and not seen,
        )

    def _link(self, programme: Programme, household: int) -> None:
        stage = self._stage
        holder = stage.households[household]
        message = programme.members.link_message(
            str(household), holder.address, stage.chain.now() + words.DAY
        )
        signature = sign(message, link_domain(stage.chain.chain_id, self._brand.address), holder)
        programme.members.link(stage.chain, str(household), message, signature, "the grocer")

    # -------------------------------------------------------------------------------------------- earning

    def _earn(self, programme: Programme, earned: Earned) -> None:
        stage, teller, brand = self._stage, self._teller, self._brand
        teller.say(
            f"Their {words.count(earned.baskets, 'receipt')} of {words.count(earned.lines, 'line')} go"
            " through the grocer's new rules, a file of a page:"
        )
        teller.table(
            ("rule", "points", "receipts"),
            [(rule.name, earned.points(rule.units), f"{rule.baskets:,}") for rule in earned.by_rule],
        )
        kept_out = sum(out.lines for out in earned.excluded)
        cap = earned.basket_cap
        teller.say(
            f"{words.count(kept_out, 'line')} of fuel, gifts and coupons earn nothing, the cap of a receipt"
            f" takes {earned.points(cap.units)} points, rounding {earned.points(earned.rounding)}:"
            f" {earned.points(earned.units)} in all."
        )
        shares = share(earned.members, programme.members)
        payouts = {address: str(units) for address, units in shares.issued.items()}
        report = stage.brand(SYMBOL).mint(brand, payouts, reference=f"{FIRST_DAY} to {END}")
        self.issued += report.units
        kept = keep_earned(
            programme, shares.unclaimed, brand.longest_life(stage.chain.now()), f"{FIRST_DAY} to {END}"
        )
        waiting = programme.claims.total()
        teller.check(
            f"{brand.text(report.units)} issued to {words.count(report.recipients, 'address', 'addresses')},"
            f" {brand.text(waiting)} kept as claims of {words.count(kept, 'card')} without one: together what"
            " the rules gave",
            report.units + waiting == earned.units,
        )

    def _claim(self, programme: Programme) -> None:
        stage, teller, brand = self._stage, self._teller, self._brand
        cards = {str(one): one for one in stage.households}
        # The vault lists members by numbers that its key makes, another way each time.
        late = min(
            cards[member.card]
            for member in programme.members.all()
            if member.card in cards and member.address is None and programme.claims.of(member.card)
        )
        owed = sum(units for units, _ in programme.claims.of(str(late)))
        before = stage.client.balance(brand, stage.households[late].address).total
        self._link(programme, late)
        token = stage.client.brands.token(brand)
        report = programme.claims.pay(stage.chain, token, stage.owners[SYMBOL])
        self.issued += report.units
        got = stage.client.balance(brand, stage.households[late].address).total - before
        teller.check(
            f"household {late} links her card a little later: the {brand.text(owed)} that waited are hers",
            got == owed == report.units > 0,
        )

    # ------------------------------------------------------------------------------------- returns, vouchers

    def _return(self, basket: Basket) -> None:
        stage, teller, brand = self._stage, self._teller, self._brand
        customer = stage.households[basket.household].address
        owner = stage.brand(SYMBOL)
        before = stage.client.balance(brand, customer).total
        report = owner.issue_pending(
            brand, {customer: str(basket.units)}, _RETURN_TIME, reference=str(basket.receipt)
        )
        back = basket.units - basket.units_without
        owner.return_pending(brand, report.ids[0], back)
        left = stage.client.purchases.find(brand, report.ids[0])
        teller.say(
            f"Household {basket.household} bought a basket worth {brand.text(basket.units)}, which can be"
            f" returned for 14 days; so long its points are pending. She brings one thing back, for"
            f" {basket.returned_cents / 100:,.2f} dollars."
        )
        teller.check(
            f"{brand.number(back)} come off, {brand.number(left.units)} stay hers from"
            f" {words.day(left.matures_at)} on; her balance is what it was",
            left.units == basket.units_without and stage.client.balance(brand, customer).total == before,
        )

    def _try_to_cancel(self, due: Sequence[Purchase]) -> str:
        """What the grocer is told that cancels what is mature; nothing if it is let."""
        token = self._stage.client.brands.token(self._brand).functions
        call = token.cancelPending(due[0].issuer, due[0].id, due[0].units)
        try:
            self._stage.chain.send(call, self._stage.owners[SYMBOL])
        except TrocError as error:
            return error.message
        return ""

    def _voucher(self) -> None:
        stage, teller, brand = self._stage, self._teller, self._brand
        till = open_account(_TILL, stage.chain.config)
        stage.brand(SYMBOL).brands.set_grant(
            brand, till.address, _TILL_A_DAY, stage.owners[SYMBOL], per_day=_TILL_A_DAY
        )
        text = stage.client.as_account(till).sign_voucher(f"{_VOUCHER} {SYMBOL}", receipt="4711").to_text()
        teller.say(
            f"Somebody new buys at till 3. It prints {_VOUCHER} points on the receipt, as a code of"
            f" {len(text)} letters that it signed: {text[:32]}… She makes an account, scans the code, and"
            " the key in it names her account by a signature."
        )
        guest = stage.guest
        claimed = stage.client.as_account(guest, submit_with=stage.relay).claim(text)
        self.issued += sum(each.units for each in claimed.paid)
        holding = stage.client.balance(brand, guest.address)
        teller.check(
            f"she has {brand.text(holding.total)} and {stage.chain.balance(guest.address)} ether",
            holding.total == _VOUCHER and stage.chain.balance(guest.address) == 0,
        )
        again = stage.client.check_vouchers(text)[0]
        why = again.why.replace(guest.address, "her")
        teller.check(f"the same code once more: {why}", again.state is State.PAID)

    # ------------------------------------------------------------------------------------- what receipts earn

    def _worth(self, lines: pd.DataFrame, folder: Path) -> Earned:
        """What lines earn by the rules."""
        file = folder / "receipts.parquet"
        lines.to_parquet(file, index=False)
        return earn(self._rules, file, tables={"products": data_folder() / "products.parquet"})

    def _choose_basket(self, week: Week, folder: Path) -> Basket:
        """The dearest basket of the last day that somebody with an account bought, and its dearest line."""
        lines = week.lines
        ours = lines[
            lines["household_id"].isin(list(self._stage.households))
            & (lines["transaction_timestamp"] >= LAST_DAY)
        ]
        sums: dict[int, float] = ours.groupby("basket_id")["sales_value"].sum().to_dict()  # type: ignore[assignment]
        receipt = max(sums, key=lambda number: (sums[number], number))
        basket = ours[ours["basket_id"] == receipt].reset_index(drop=True)
        dearest = int(basket["sales_value"].to_numpy().argmax())
        household = int(basket["household_id"].iloc[0])
        return Basket(
            household=household,
            receipt=receipt,
            units=self._worth(basket, folder).units,
            units_without=self._worth(basket.drop(index=dearest), folder).units,
            returned_cents=round(float(basket["sales_value"].iloc[dearest]) * 100),
        )


def read_week() -> Week:
    """The week's receipts, from the grocer's data."""
    lines = transactions(words.parse_day(END), words.parse_day(FIRST_DAY)).to_pandas()
    return Week(lines, [str(number) for number in sorted(lines["household_id"].unique().tolist())])
