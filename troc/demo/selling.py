"""Households sell what they bought: an honest sale, a wrong key, a forged record, a key that never comes, a
request with many answers, and consent that is withdrawn.

Everybody uses the client as it is. Who cheats has another program for the one step in which he does.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import uvicorn
from fastapi import FastAPI

from troc import words
from troc.accounts import Signer
from troc.anvil import free_port
from troc.data import chunks, cipher, sealed
from troc.data.acts import Context
from troc.data.attesting import Attested, Ledger, Opened, attest, missing_rows
from troc.data.buyer import Buyer
from troc.data.chunks import Content
from troc.data.client import Data
from troc.data.consent import Terms
from troc.data.deals import Sale, SaleState, SignedDeal
from troc.data.facts import ATTESTATION, TERMS
from troc.data.manifest import Manifest
from troc.data.messages import MARKET, Deal, Deliver
from troc.data.party import Drop
from troc.data.requests import ANSWER
from troc.data.serving import Link, create_app
from troc.data.standing import State
from troc.data.vault import Shelf, Vault
from troc.data.words import ON_BUY, Proposal, before_selling, contents, record_words
from troc.demo.published import Secrets, find_published
from troc.demo.receipts import GROCER, DairyRows, read_dairy
from troc.demo.stage import Stage
from troc.demo.telling import Teller

BUYER = "MEADOW"
"""The brand that buys, and pays in its own points: it sells cheese."""

SCHEMA = "grocer.dairy.v1"
SOLD = ("day", "item", "quantity", "paid", "household_size")
"""Of the grocer's columns; shop and receipt number are not sold."""

FIRST_DAY, END = "2017-03-01", "2017-04-01"
PRICE = 500
ANSWERS = 20
WANTED = 25
"""Answers that are asked for: some more than there will be."""

_MONTH = "March 2017"
_SCRYPT = 12
"""The vaults are gone with the stage, and their passphrases are random."""

_PATIENCE = words.DAY
_DELIVER, _DISPUTE = "3d", "7d"
_TERMS = {
    "controller": {
        "name": "Meadow Kitchen",
        "address": "1 Churn Lane, Springfield",
        "contact": "privacy@meadow-kitchen.example",
        "country": "FR",
    },
    "purpose": "commercial research",
    "why": "Find out which cheeses and yoghurts households buy together.",
    "data": ["purchases", "household"],
    "retention_days": 90,
    "erase_days": 14,
    "recipients": [],
    "storage": ["FR"],
    "notice": "https://meadow-kitchen.example/privacy",
    "authority": "CNIL",
}


class ForgersVault(Vault):
    """A vault that seals something else than what was attested, under the leaves that were."""

    def seal_other(self, record: bytes, pieces: Mapping[int, bytes]) -> Manifest:
        """Seal the sold columns of a record with other pieces at some places of it."""
        true = self.record(record)
        data = tuple(pieces.get(place, piece) for place, piece in enumerate(true.pieces))
        false = chunks.Record(true.layout, true.secret, data)
        return self._seal(false, true.plain_leaves(), SCHEMA, true.places(SOLD), list(SOLD), {})


@dataclass(frozen=True)
class Seller:
    """A household with its vault, the copy that is for sale, and the link behind which it lies."""

    household: int
    signer: Signer
    vault: Vault
    data: Data
    copy: Manifest
    link: str
    attested: Attested | None = None


@dataclass(frozen=True)
class Players:
    """Who does what."""

    honest: int
    wrong_key: int
    forger: int
    silent: int
    answering: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """Their households."""
        return self.honest, self.wrong_key, self.forger, self.silent, *self.answering


@dataclass(frozen=True)
class Ended:
    """How one of the six cases ended; `as_it_should`: whether that is how it must."""

    case: str
    state: State
    as_it_should: bool


class DataMarket:
    """The chapter. `since`: its first block; `ended`: how each case ended; `secrets`: what must not be
    published; `issued`: what the buyer issued to pay with, in smallest units.
    """

    def __init__(self, stage: Stage, teller: Teller, she: int) -> None:
        self._stage = stage
        self._teller = teller
        self.since = stage.chain.block_number() + 1
        self._rows: DairyRows = read_dairy(
            words.parse_day(FIRST_DAY), words.parse_day(END), list(stage.households)
        )
        self.players = choose_players(list(self._rows), she)
        self.sellers: dict[int, Seller] = {}
        self._folder = stage.folder / "data"
        self._notes = Drop(str(self._folder / "notes"))
        self._answers = Drop(str(self._folder / "answers"))
        buyer = stage.owners[BUYER]
        self._buyer = self._market(stage.brand(BUYER).data, "buyer")
        self._terms = Terms.draft(_TERMS, stage.chain.chain_id, buyer.address, stage.chain.now())
        self.ended: list[Ended] = []
        self.issued = 0
        self.secrets: list[Secrets] = []

    @property
    def buyer(self) -> Buyer:
        """The buyer's side."""
        return self._buyer.buyer

    def run(self) -> None:
        """Tell it."""
        self._prepare_money()
        with self._open_vaults():
            self._attest()
            self._publish_request()
            sales = {
                "an honest sale": self._sell_honestly(),
                "a wrong key": self._sell_with_a_wrong_key(),
                "a forged record": self._sell_a_forgery(),
                "a key that never comes": self._sell_and_be_silent(),
            }
            taken = self._take_answers()
            self._object()
            self._wait_for_the_key()
            self._close_request(len(taken))
            withdrawn = self._withdraw(taken[0])
        self._tell_ends(sales, taken, withdrawn)
        self._money(len(taken))
        self._what_can_be_seen()

    # --------------------------------------------------------------------------------------- preparing

    def _prepare_money(self) -> None:
        stage, teller = self._stage, self._teller
        brand = stage.brands[BUYER]
        whole = PRICE * (WANTED + 4)
        issued = stage.brand(BUYER).mint(
            brand, {stage.owners[BUYER].address: whole}, reference="to pay for data"
        )
        self.issued = issued.units
        grocer = stage.brands[GROCER.symbol].name
        teller.say(
            f"{brand.name} would like to know which cheeses and yoghurts households buy together. {grocer}"
            f" has it all, but it is about people: so {brand.name} asks them, and pays them, {PRICE}"
            f" {brand.symbol} each. Each keeps a copy of her own rows of {_MONTH} in a vault of her own,"
            " encrypted: day, item, quantity, what she paid, how many live in her household, shop, receipt."
            " Shop and receipt she does not sell."
        )

    @contextmanager
    def _open_vaults(self) -> Iterator[None]:
        """Fill each seller's vault, and serve them."""
        stage = self._stage
        vaults: dict[int, Vault] = {}
        for household in self.players.all:
            kind = ForgersVault if household == self.players.forger else Vault
            folder = self._folder / f"vault-{household}"
            vault = kind.create(folder, secrets.token_hex(16), work=_SCRYPT)
            vaults[household] = vault
        with serve_all(vaults) as url:
            for household, vault in vaults.items():
                rows = Content.of_rows(self._rows[household], f"{household}.json")
                copy = vault.add(rows, SCHEMA, SOLD, tell=True)
                if isinstance(vault, ForgersVault):
                    copy = vault.seal_other(copy.plain_root, self._forged_pieces(household))
                token = vault.grant(copy.root, stage.owners[BUYER].address, 365 * words.DAY)
                self.sellers[household] = Seller(
                    household=household,
                    signer=stage.households[household],
                    vault=vault,
                    data=self._market(stage.household(household).data.using(vault), str(household)),
                    copy=copy,
                    link=Link.of(f"{url}/{household}", copy.root, token).text,
                )
                self.secrets.append(Secrets.of(f"household {household}", vault, copy))
            yield

    def _market(self, data: Data, name: str) -> Data:
        folder = self._folder / f"desk-{name}"
        folder.mkdir(parents=True)
        return data.using(folder=folder / "bought", database=f"sqlite:///{folder / 'deals.sqlite'}")

    def _forged_pieces(self, household: int) -> dict[int, bytes]:
        """She pretends to have bought a hundred of each on the first day."""
        rows = [{**self._rows[household][0], "quantity": 100}, *self._rows[household][1:]]
        false = chunks.lay_out(Content.of_rows(rows), bytes(32))
        return dict(enumerate(false.pieces))

    def _attest(self) -> None:
        """The grocer compares each record with its own rows, and signs for those that are the same."""
        stage, teller, grocer = self._stage, self._teller, self._stage.owners[GROCER.symbol]
        own = [
            {**row, "holder": stage.households[household].address}
            for household, rows in self._rows.items()
            for row in rows
        ]
        opened = [
            Opened.of(each.vault.record(each.copy.plain_root), each.signer.address, SCHEMA)
            for each in self.sellers.values()
        ]
        missing = sum(len(missing_rows(each, own, "holder")) for each in opened)
        now = stage.chain.now()
        signed = attest(
            opened,
            grocer,
            stage.chain.chain_id,
            stage.client.manifest.address(MARKET),
            now,
            now + 365 * words.DAY,
            Ledger(self._folder / "attested.jsonl"),
        )
        for each, attested in zip(list(self.sellers.values()), signed, strict=True):
            self.sellers[each.household] = replace(each, attested=attested)
        brand = stage.brands[GROCER.symbol]
        total = sum(len(each.rows) for each in opened)
        teller.check(
            f"{brand.name} compares {words.count(len(opened), 'record')} of {words.count(total, 'row')} with"
            f" its own books, finds {missing} that it does not have, and vouches for them by signatures",
            missing == 0 and total == sum(len(self._rows[one]) for one in self.players.all),
        )
        # A record that says more than the grocer knows.
        forger = self.sellers[self.players.forger]
        rows = [{**row, "quantity": 100} for row in self._rows[forger.household]]
        false = Opened.of(
            chunks.lay_out(Content.of_rows(rows), secrets.token_bytes(32)), forger.signer.address, SCHEMA
        )
        refused = len(missing_rows(false, own, "holder"))
        teller.check(
            f"household {forger.household} also shows a record in which she bought a hundred of each:"
            f" {words.count(refused, 'row')} of it are not in {brand.name}'s books, so nobody vouches for it",
            refused == len([row for row in self._rows[forger.household] if row["quantity"] != 100]) > 0,
        )

    # ------------------------------------------------------------------------------------------ selling

    def _sell_honestly(self) -> Sale:
        teller, seller = self._teller, self.sellers[self.players.honest]
        offer = self._offer(seller)
        teller.say(f"Household {seller.household} offers hers. She reads, and signs once:")
        for line in self._words(seller, offer.deal, ON_BUY).splitlines():
            teller.say(f"  {line}")
        sale = self._buy(seller, offer)
        before = self._points(seller)
        seller.data.seller.step(self._notes)
        self.buyer.step(self._notes, _PATIENCE)
        opened = self._buyer.open(sale.id)
        wanted = [{name: row[name] for name in SOLD} for row in self._rows[seller.household]]
        teller.check(
            f"the buyer has the key, {words.count(len(opened.rows), 'row')} are in plain, and are the"
            " grocer's to the letter",
            [dict(row) for row in opened.rows] == wanted,
        )
        paid = self._points(seller) - before
        ether = self._stage.chain.balance(seller.signer.address)
        teller.check(
            f"she is paid {paid} {BUYER}; her ether before and after: {ether}", paid == PRICE and not ether
        )
        return sale

    def _sell_with_a_wrong_key(self) -> Sale:
        """Her program seals some other key to the buyer's point, and signs that."""
        seller = self.sellers[self.players.wrong_key]
        offer = self._offer(seller)
        sale = self._buy(seller, offer)
        party, chain = seller.data.seller, self._stage.chain
        market = party.sales.address
        point = sealed.seller_point(secrets.token_bytes(32), chain.chain_id, market, sale.id, sale.point_b)
        wrapped = sealed.wrap(cipher.new_key(), sale.id, point, sale.point_b)
        posted = (sale.point_b, point.x, wrapped)
        function = party.call("deliver", sale.id, offer.deal.dispute_seconds, posted, sealed.even_y(point.x))
        message = Deliver(party.address, sale.id, *posted)
        party.do(function, message, Context(deal=offer.deal, buyer=sale.buyer))
        self._teller.say(f"Household {seller.household} sells too, and hands over a wrong key.")
        return sale

    def _sell_a_forgery(self) -> Sale:
        seller = self.sellers[self.players.forger]
        offer = self._offer(seller)
        sale = self._buy(seller, offer)
        seller.data.seller.step(self._notes)
        self._teller.say(
            f"Household {seller.household} hands over the right key of a forged copy: sealed is a row that"
            " she made up, under the hash of the one that was vouched for. Without the key nobody can tell."
        )
        return sale

    def _sell_and_be_silent(self) -> Sale:
        seller = self.sellers[self.players.silent]
        sale = self._buy(seller, self._offer(seller))
        self._teller.say(f"Household {seller.household} sells, and is never heard of again.")
        return sale

    def _offer(self, seller: Seller) -> SignedDeal:
        """An offer to the buyer, signed; with the terms and the grocer's word."""
        assert seller.attested is not None
        return seller.data.offer(
            seller.copy,
            f"{PRICE} {BUYER}",
            to=self.buyer.address,
            source=seller.link,
            terms=self._terms,
            papers={ATTESTATION: seller.attested.as_json()},
            deliver=_DELIVER,
            dispute=_DISPUTE,
        )

    def _buy(self, seller: Seller, offer: SignedDeal) -> Sale:
        """As the offer's text came to him; fetched and checked before he pays."""
        party = self.buyer
        read = replace(party.read(offer.to_text()), papers=offer.papers)
        return party.buy(read)

    def _words(self, seller: Seller, deal: Deal, money: str) -> str:
        return before_selling(
            Proposal(
                what=contents(seller.copy, "dairy row"),
                buyer=replace(
                    self._buyer.standings.who_buys(self.buyer.address), name=self._terms.buyer_name
                ),
                price=str(seller.data.seller.money_of(deal)),
                money=money,
                terms=self._terms,
                deliver_seconds=deal.deliver_seconds,
                dispute_seconds=deal.dispute_seconds,
                open_until=deal.open_until,
                attestor=self._stage.brands[GROCER.symbol].name,
            )
        )

    # ----------------------------------------------------------------------------------------- a request

    def _publish_request(self) -> None:
        requests, stage = self._buyer.requests, self._stage
        drafted = requests.draft(
            self.buyer.money(f"{PRICE} {BUYER}"),
            WANTED,
            schema=SCHEMA,
            attestor=stage.owners[GROCER.symbol].address,
            terms_hash=self._terms.hash,
            deliver=_DELIVER,
            dispute=_DISPUTE,
        )
        self._request = requests.open(drafted)
        self._teller.say(
            f"{stage.brands[BUYER].name} asks in public: up to {WANTED} households, dairy purchases and"
            f" household size, {PRICE} {BUYER} each, {PRICE * WANTED:,} {BUYER} held; each vouched for by"
            f" {stage.brands[GROCER.symbol].name}, and each household once."
        )

    def _take_answers(self) -> list[Sale]:
        for household in self.players.answering:
            self._answer(self.sellers[household])
        self._buyer.requests.step(self._answers)
        found = self._buyer.requests.find(self._request)
        sellers = {self.sellers[one].signer.address: self.sellers[one] for one in self.players.answering}
        by_seller = {sale.seller: sale for sale in self.buyer.mine().sales.values()}
        # In the order of the players: what numbers the sales have is chance.
        sales = [by_seller[seller] for seller in sellers if seller in by_seller]
        transactions = {sale.transaction for sale in sales}
        self._teller.check(
            f"{words.count(len(sales), 'household')} answer by signatures that wait off the chain; all are"
            f" fetched, checked, and taken in {words.count(len(transactions), 'transaction')};"
            f" {found.left} of {WANTED} are left",
            len(sales) == len(self.players.answering) == WANTED - found.left and len(transactions) == 1,
        )
        for sale in sales:
            sellers[sale.seller].data.seller.step(self._notes)
        self.buyer.step(self._notes, _PATIENCE)
        bought = self.buyer.mine().sales
        right = sum(
            len(self.buyer.open(bought[sale.id]).rows) == len(self._rows[sellers[sale.seller].household])
            for sale in sales
            if bought[sale.id].state == SaleState.PAID
        )
        self._teller.check(
            f"{right} keys come, open what was promised, and are paid for", right == len(sales)
        )
        return sales

    def _answer(self, seller: Seller) -> None:
        requests = seller.data.requests
        found = requests.find(self._request)
        drafted = requests.draft_answer(found, seller.copy)
        signed = requests.sign_answer(
            found, drafted, seller.copy, seller.link, seller.attested, {TERMS: dict(self._terms.document)}
        )
        self._answers.put(f"{signed.id[2:]}{ANSWER}", signed.to_json())

    def _close_request(self, taken: int) -> None:
        party, brand = self.buyer, self._stage.brands[BUYER]
        before = self._stage.client.balance(brand, party.address).total
        self._buyer.requests.close(self._buyer.requests.find(self._request))
        back = self._stage.client.balance(brand, party.address).total - before
        self._teller.check(
            f"the request is closed: {back:,} {BUYER} that nobody earned come back",
            back == PRICE * (WANTED - taken),
        )

    # ----------------------------------------------------------------------------------------- afterwards

    def _object(self) -> None:
        stage, teller = self._stage, self._teller
        asked = [self.sellers[one].signer.address for one in (self.players.wrong_key, self.players.forger)]
        teller.say(
            f"{stage.brands[BUYER].name}'s client opened what came, found two that are wrong, and asked both"
            " sellers for the money before it proves anything to the contract. Neither answers for a day."
        )
        stage.move_to(stage.chain.now() + _PATIENCE + words.HOUR)
        done = [each for each in self.buyer.step(self._notes, _PATIENCE) if each.what == "disputed"]
        sold = self.buyer.mine().sales
        teller.check(
            "the contract is shown a wrong key and a row that is not the one that was promised, and gives the"
            f" money back: {len(done)} of 2",
            sorted(sold[each.about].seller for each in done) == sorted(asked),
        )
        forger = self.sellers[self.players.forger]
        ended = [each for each in forger.data.seller.step(self._notes) if each.what == "cancelled"]
        teller.check(
            "the key of the forged copy is public now, so every offer of it has ended", len(ended) == 1
        )

    def _wait_for_the_key(self) -> None:
        stage = self._stage
        stage.move_to(stage.chain.now() + 2 * words.DAY)
        done = [each for each in self.buyer.step(self._notes, _PATIENCE) if each.what == "refunded"]
        self._teller.check(
            "the three days for the silent seller are over: the buyer takes his money back"
            f" ({words.count(len(done), 'sale')})",
            len(done) == 1,
        )

    def _withdraw(self, sale: Sale) -> Sale:
        stage, teller = self._stage, self._teller
        seller = next(each for each in self.sellers.values() if each.signer.address == sale.seller)
        name = stage.brands[BUYER].name
        seller.data.revoke(sale.id)
        told = [each for each in self.buyer.step(self._notes) if each.what == "consent withdrawn"]
        kept = list((self.buyer.folder).glob(f"{seller.copy.root.hex()}.*"))
        self._buyer.acknowledge(sale.id)
        left = list((self.buyer.folder).glob(f"{seller.copy.root.hex()}.*"))
        receipt = seller.vault.erase(seller.copy.root, seller.signer)
        teller.check(
            f"household {seller.household} changes her mind: one signature, no ether, no reason. {name}'s"
            f" client is told, deletes {len(kept)} files of hers, and states that it erased. What she was"
            " paid stays hers",
            len(told) == 1 and len(kept) == 2 and not left and self._points(seller) >= PRICE,
        )
        teller.check(
            "she destroys her sealed copy and its key too, and has that signed",
            receipt.is_signed and not seller.vault.roots(),
        )
        record = self._buyer.standings.record(self.buyer.address)
        teller.check(
            f"what anybody reads about {name} from now on: it {record_words(record)}",
            (record.in_time.sellers, record.late.sellers, record.never.sellers) == (1, 0, 0),
        )
        return sale

    # ------------------------------------------------------------------------------------------- the end

    def _tell_ends(self, sales: Mapping[str, Sale], taken: Sequence[Sale], withdrawn: Sale) -> None:
        expected = {
            "an honest sale": State.PAID,
            "a wrong key": State.KEY_WRONG,
            "a forged record": State.CHUNK_WRONG,
            "a key that never comes": State.RETURNED,
        }
        states = {each.sale.id: each.state for each in self._buyer.status()}
        for case, sale in sales.items():
            state = states[sale.id]
            self.ended.append(Ended(case, state, state is expected[case]))
        others = {states[sale.id] for sale in taken if sale.id != withdrawn.id}
        self.ended.append(
            Ended(f"a request with {words.count(len(taken), 'answer')}", min(others), others == {State.PAID})
        )
        state = states[withdrawn.id]
        self.ended.append(Ended("a withdrawal of consent", state, state is State.ERASED))
        for each in self.ended:
            self._teller.check(f"{each.case}: {each.state}", each.as_it_should)

    def _money(self, taken: int) -> None:
        stage, brand = self._stage, self._stage.brands[BUYER]
        left = stage.client.balance(brand, self.buyer.address).total
        market = stage.client.balance(brand, self.buyer.sales.address).total
        open_ = [
            sale for sale in self.buyer.mine().sales.values() if sale.is_open or sale.state < SaleState.PAID
        ]
        self._teller.check(
            f"{stage.brands[BUYER].name} had {brand.number(self.issued)} {BUYER} and has"
            f" {brand.number(left)}: it paid for {1 + taken} records, and for nothing else; nothing is in"
            " escrow any more",
            self.issued - left == PRICE * (1 + taken) and not market and not open_,
        )

    def _what_can_be_seen(self) -> None:
        found = find_published(self._stage.chain, self.since, self.sales(), self.secrets)
        forger = self.players.forger
        looked = sum(len(each.values) for each in self.secrets)
        # The dispute shows the hash of the one piece that it is about.
        shown = f"household {forger}: the plain leaf"
        others = [what for what in found.values if not what.startswith(shown)]
        self._teller.check(
            f"in {found.size:,} bytes of calldata and logs of all this, what is there of {looked:,} rows,"
            f" items, receipts, salts, hashes and keys: {words.listed(others) or 'nothing'}",
            not others,
        )
        self._teller.check(
            f"whose key can be worked out from it, as a dispute shows it: {words.listed(found.keys)}, who"
            " forged; of the others none",
            found.keys == (f"household {forger}",),
        )

    def sales(self) -> list[Sale]:
        """Every sale of the chapter, as it stands."""
        return list(self.buyer.mine().sales.values())

    def _points(self, seller: Seller) -> int:
        return self._stage.client.balance(self._stage.brands[BUYER], seller.signer.address).total


def choose_players(households: Sequence[int], she: int) -> Players:
    """Players among households that have rows: she sells honestly, if she has."""
    ordered = [one for one in households if one == she] + [one for one in households if one != she]
    honest, wrong_key, forger, silent, *others = ordered
    return Players(honest, wrong_key, forger, silent, tuple(others[:ANSWERS]))


@contextmanager
def serve_all(vaults: Mapping[int, Shelf]) -> Iterator[str]:
    """The services of all vaults, behind one address of this machine: each under its household's number."""
    app = FastAPI(openapi_url=None)
    for household, shelf in vaults.items():
        app.mount(f"/{household}", create_app(shelf))
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
