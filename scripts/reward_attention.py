"""Pay customers for their attention: a campaign, and a signed statement for each customer in a file.

brownie run reward_attention                                          an example, on the development network
brownie run reward_attention main ACCOUNT PRICE FILE OUT --network local       PRICE of a contact: "5 ACME"
brownie run reward_attention grocer            a real grocer's year: 27 campaigns, on a chain of their own

ACCOUNT is the brand's stored account (brownie and troc share them), or dev:0 and so on; its key signs for the
campaign too. FILE is CSV or Parquet with a row a contact: `account` (an address) and `contact` (its number,
from 0). OUT is a new file of statements to hand out: each customer claims hers with `troc attention collect`
and `troc attention claim`, or anybody for her. Run again with more rows, it goes on with the same campaign.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.active_network import active_chain, active_signer
from troc import words
from troc.accounts import Signer, address_of
from troc.attention.campaigns import Campaign, Terms
from troc.attention.contacts import of_page
from troc.attention.earning import Earnings
from troc.attention.roots import read_sets
from troc.attention.slips import Slip, sign_statements, write_slips
from troc.chain import Chain
from troc.client import Troc
from troc.demo.telling import Teller
from troc.deploy import deploy_suite
from troc.errors import InputError, TrocError
from troc.manifest import load_manifest
from troc.messages import KIND_POINTS, ZERO_ADDRESS
from troc.money import parse_money

_CLAIM_DAYS = 60
_MOST = 100
"""Contacts of one customer."""


def main(account: str = "", price: str = "", file: str = "", out: str = "") -> None:
    """Open a campaign and sign what a file says; without arguments, an example."""
    try:
        chain = active_chain()
        if not account:
            example(chain)
        elif price and file and out:
            signer = active_signer(chain, account)
            reward(Troc(chain, load_manifest(chain)).as_account(signer), signer, price, Path(file), Path(out))
        else:
            raise InputError(
                "it is not clear who is paid what",
                'use `brownie run reward_attention main ACCOUNT "5 ACME" FILE OUT`',
            )
    except TrocError as error:
        sys.exit(f"reward_attention: {error}")


def grocer() -> None:
    """The grocer's whole year; ends with an exit code if a check fails."""
    # It needs what `pip install '.[demo]'` brings.
    from troc.demo.year import pay_all

    try:
        pay_all(Teller())
    except TrocError as error:
        sys.exit(f"reward_attention: {error}")


def reward(troc: Troc, signer: Signer, price: str, file: Path, out: Path) -> list[Slip]:
    """Open the campaign of this month, or go on with it; sign what the file says, and write it to `out`."""
    if out.exists():
        raise InputError(f"{out} is there already", "choose another name")
    rewards = troc.attention
    sets = read_sets(file, _MOST)
    campaign = _campaign(troc, signer, price, sets.total)
    words_of: dict[bytes, list[int]] = {}
    for account, page, contacts in sets.rows():
        words_of.setdefault(account, []).extend(of_page(page, contacts))
    slips = [
        slip
        for account, numbers in words_of.items()
        for slip in sign_statements(campaign.id, account, numbers, rewards.domain, signer)
    ]
    write_slips(slips, out)
    until = words.day(campaign.terms.claim_until)
    print(f"The campaign {campaign.short} pays {campaign.price} a contact; claims until {until}.")
    print(
        f"Signed {words.count(sets.total, 'contact')} of {words.count(sets.account_count, 'customer')}: {out}"
    )
    return slips


def _campaign(troc: Troc, signer: Signer, price: str, contacts: int) -> Campaign:
    """This month's campaign at this price, with a budget of so many contacts or more."""
    rewards, money = troc.attention, parse_money(troc.brands, price)
    first = datetime.fromtimestamp(troc.chain.now(), UTC).replace(day=1, hour=0, minute=0, second=0)
    start = int(first.timestamp())
    end = int((first + timedelta(days=32)).replace(day=1).timestamp()) - 1
    terms = Terms(
        admin=signer.address,
        token=money.token,
        token_kind=money.kind,
        fresh=money.kind == KIND_POINTS,
        price=money.units,
        signer=signer.address,
        start=start,
        end=end,
        claim_until=end + _CLAIM_DAYS * words.DAY,
        max_contacts=_MOST,
        per_day=0,
        codes=0,
        codes_per_account=0,
        root_delay_days=2,
        credentials=ZERO_ADDRESS,
        topic=0,
        channel=0,
        terms_hash=bytes(32),
        salt=bytes(32),
    )
    campaign = rewards.open(terms, contacts)
    budget = campaign.standing.left + sum(rewards.paid_in_all(campaign.id))
    if budget < contacts:
        rewards.fund(campaign.id, contacts - budget)
    return rewards.campaign(campaign.id)


def example(chain: Chain) -> None:
    """Acme pays Ann for two contacts and Bob for one. The brand's account sends and pays for all of it."""
    owner = active_signer(chain)
    brand = Troc(chain, deploy_suite(chain, owner)).as_account(owner)
    if "ACME" not in {found.symbol for found in brand.brands.all()}:
        brand.launch("Acme Hardware", "ACME", "12 months")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "contacts.csv"
        ann, bob = (address_of(each) for each in ("dev:1", "dev:2"))
        rows = [f"{ann},0", f"{ann},1", f"{bob},0"]
        file.write_text("\n".join(["account,contact", *rows]) + "\n")
        print(file.read_text(), end="")
        reward(brand, owner, "5 ACME", file, folder / "statements.json")
        for who in ("dev:1", "dev:2"):
            customer = brand.as_account(who, submit_with=owner)
            earnings = Earnings(customer, f"sqlite:///{folder / f'{who[-1]}.sqlite'}")
            # Statements of others in the file are told, and left alone.
            earnings.collect([folder / "statements.json"])
            report = earnings.claim(earnings.plan(earnings.earned()))
            paid = words.listed(map(str, report.worth())) or "nothing new"
            print(f"{who} claimed {paid}, and holds {words.listed(customer.balance('ACME').text())}.")
