"""The buyer's side: offers checked and bought, bids, keys unwrapped, records opened, and a watcher.

Everything is checked before it is paid, and the sealed copy kept beside the book, so that nobody can take it
away afterwards. Whether a delivery is right is decided here, with the buyer's secret; that secret goes to no
node before a dispute is meant.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address
from web3.contract.contract import ContractFunction
from web3.types import TxParams

from troc import words
from troc.chain import Receipt
from troc.data import sealed
from troc.data.acts import Context
from troc.data.book import Book
from troc.data.cipher import commitment
from troc.data.deals import (
    DEPTH,
    USUAL_DELIVER,
    USUAL_DISPUTE,
    USUAL_OPEN,
    Bid,
    Sale,
    SaleStanding,
    SaleState,
    SignedDeal,
    buyer_seed,
    check_deal,
    check_signed,
    drafted,
    margin,
)
from troc.data.manifest import Manifest, Opened, WrongChunkError, open_record
from troc.data.messages import (
    NO_CONTENT,
    NO_REQUEST,
    Acknowledge,
    AcknowledgeMany,
    AskToConcede,
    Buy,
    Deal,
    Settle,
    sale_id,
)
from troc.data.party import SIGNED_FOR, Did, Drop, Party, told
from troc.data.seller import ASKING, NO_TERMS, span
from troc.errors import DealError, InputError, NetworkError, TrocError
from troc.files import write_file
from troc.messages import ZERO_ADDRESS, digest, pack_nonce, sign
from troc.money import Money
from troc.store import chain_folder

if TYPE_CHECKING:
    from troc.client import Troc

USUAL_PATIENCE = words.DAY
"""How long a seller has to concede before a wrong delivery is disputed, if the time to object allows it."""

_DISPUTE_GAS = 250_000
_GAS_PER_BYTE = 70
"""Calldata and hashing of a chunk, with room to spare: what is not used is not paid."""

Fetch = Callable[[SignedDeal], tuple[Manifest, bytes]]
"""Brings the manifest and the sealed copy of a deal from where its seller keeps them."""


@dataclass(frozen=True)
class Finding:
    """What was delivered: right, under a wrong `key`, with a wrong `chunk` (its index); or what was sold is
    no record (`content`), which no contract can judge.
    """

    fault: str = ""
    index: int = 0

    @property
    def is_right(self) -> bool:
        """Whether it is what was sold."""
        return not self.fault

    def to_json(self) -> dict[str, Any]:
        """For the book."""
        return {"fault": self.fault, "index": self.index}

    def __str__(self) -> str:
        return {
            "": "it is what was sold",
            "key": "the key is wrong",
            "chunk": f"chunk {self.index} is not what was sold",
            "content": f"chunk {self.index} is what was sold, and is no part of a record",
        }[self.fault]


class Buyer(Party):
    """An account that buys. `fetch` brings sealed copies; `folder` is where they are kept."""

    def __init__(
        self,
        troc: Troc,
        fetch: Fetch | None = None,
        book: Book | Callable[[], Book] | None = None,
        clock: Callable[[], float] | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(troc, book, clock)
        self._fetch = fetch or fetch_from_source
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the sealed copies lie that were bought."""
        return self._folder or chain_folder(self.chain) / "bought"

    # ------------------------------------------------------------------------------------------- checking

    def check(self, signed: SignedDeal) -> Manifest:
        """Check an offer and all that belongs to it; gives its manifest. Nothing is paid for what fails here.

        Raises `DealError` (`TamperedError` of the manifest) with what is wrong. What is right is kept.
        """
        deal, now = signed.deal, self.chain.now()
        check_deal(deal, now)
        if deal.seller == self.address:
            raise DealError("this is your own offer", "let somebody else buy it")
        if deal.buyer not in (ZERO_ADDRESS, self.address):
            raise DealError(f"this offer is for {deal.buyer} alone", "ask the seller for one to you")
        if not signed.signature:
            raise DealError("the seller has not signed this deal", "ask her for an offer")
        check_signed(self.chain, signed)
        if not self.sales.nonce_open(deal.seller, deal.nonce):
            raise DealError("the seller has ended this offer", "ask her for a new one")
        return self.keep_copy(signed)

    def keep_copy(self, signed: SignedDeal) -> Manifest:
        """Fetch, check and keep the sealed copy of a deal; one that is kept already is not fetched."""
        deal = signed.deal
        kept = self._kept_copy(deal)
        if kept is not None:
            return kept[0]
        try:
            manifest, blob = self._fetch(signed)
        except NetworkError as error:
            # A vault that is away is no node that is away: other sales go on.
            raise DealError(error.message, error.remedy) from None
        if (manifest.root, manifest.count, manifest.key_commit) != (
            deal.manifest_root,
            deal.count,
            deal.key_commit,
        ):
            raise DealError("what the seller serves is not what the deal is about", "do not buy it")
        faults = manifest.check(blob)
        if faults:
            raise DealError(f"the sealed copy is damaged ({faults[0]})", "fetch it again, or do not buy it")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The manifest last: where it is, the rest is.
        _write(self._path(deal, "blob"), blob)
        _write(self._path(deal, "json"), json.dumps(manifest.to_json()).encode())
        return manifest

    def _kept_copy(self, deal: Deal) -> tuple[Manifest, bytes] | None:
        try:
            manifest = Manifest.from_json(json.loads(self._path(deal, "json").read_bytes()))
            blob = self._path(deal, "blob").read_bytes()
        except (OSError, ValueError, TrocError):
            return None
        if manifest.root != deal.manifest_root or manifest.check(blob):
            return None
        return manifest, blob

    def _path(self, deal: Deal, ending: str) -> Path:
        return self.folder / f"{deal.manifest_root.hex()}.{ending}"

    # --------------------------------------------------------------------------------------------- buying

    def buy(self, signed: SignedDeal) -> Sale:
        """Buy an offer: the price goes into escrow. Run again after a cut, it buys once."""
        self.check(signed)
        deal = signed.deal
        id_ = signed.sale_id(self.address)
        if (sale := self.sales.sale(id_)) is not None:
            if not sale.is_open:
                raise DealError("you have bought this before", f"look at `troc data status {sale.name[:14]}`")
            return sale
        self.keep(signed, mine=False)
        self.allow(self.money_of(deal))
        point, deadline = self.point_for(signed.digest)
        buy = Buy(self.address, signed.digest, NO_CONTENT, point.x, deadline)
        function = self.call("buy", deal.as_tuple(), signed.signature, point.x)
        self.do(function, buy, Context(deal, signed.signature, self.address))
        return self._bought(id_)

    def _bought(self, id_: bytes) -> Sale:
        sale = self.sales.sale(id_)
        if sale is None:
            raise DealError("the purchase is in no block any more", "run it again")
        self.note(sale)
        return sale

    def point_for(self, deal: bytes) -> tuple[sealed.OneTime, int]:
        """The one-time point of a deal, written down before it is used, and until when a purchase with it is
        signed. A deal and a buyer make one sale, so a point that was written down for it serves again.
        """
        kept = self.book.points(deal)
        counter = kept[-1].counter if kept else 0
        point = self._point(deal, counter)
        if not kept:
            self.book.add_point(deal, counter, point.x)
        elif kept[-1].x != point.x:
            raise DealError("the book is of another account's secrets", "open the book of this account")
        return point, self.chain.now() + SIGNED_FOR

    def _point(self, deal: bytes, counter: int) -> sealed.OneTime:
        seed = buyer_seed(self.troc.signer, self.domain)
        return sealed.buyer_point(seed, self.chain.chain_id, self.sales.address, deal, counter)

    def secret_of(self, sale: Sale) -> sealed.OneTime:
        """The one-time secret of a sale: from the book's counter, or by trying counters where it was lost."""
        named = digest(self.deal_of(sale), self.domain)
        counters = [point.counter for point in self.book.points(named)] or range(_COUNTERS)
        for counter in counters:
            point = self._point(named, counter)
            if point.x == sale.point_b:
                return point
        raise DealError(
            f"the secret of the sale {sale.name[:14]} is not this account's",
            "open the account that bought it",
        )

    # ----------------------------------------------------------------------------------------------- bids

    def draft_bid(
        self,
        manifest: Manifest,
        seller: str,
        price: Money,
        *,
        terms_hash: bytes = NO_TERMS,
        until: str = USUAL_OPEN,
        deliver: str = USUAL_DELIVER,
        dispute: str = USUAL_DISPUTE,
    ) -> Deal:
        """A bid for a sealed copy that was seen, ready to be read and signed."""
        now = self.chain.now()
        return drafted(
            manifest,
            parties=(seller, self.address),
            token=(price.token, price.kind, price.units),
            terms_hash=terms_hash,
            times=(words.parse_until(until, now), span(deliver), span(dispute)),
            live_until=None,
            request=NO_REQUEST,
            # In a lane of its own: a bid is ended by itself.
            nonce=pack_nonce(secrets.randbits(128), 0),
            now=now,
        )

    def sign_bid(self, deal: Deal, source: str = "") -> SignedDeal:
        """Sign a bid and let the market take its price; the seller takes it, or leaves it, until it ends."""
        unsigned = SignedDeal(deal, b"", self.domain, source)
        self.keep_copy(unsigned)
        self.allow(self.money_of(deal))
        point, _ = self.point_for(unsigned.digest)
        buy = Buy(self.address, unsigned.digest, NO_CONTENT, point.x, deal.open_until)
        signed = SignedDeal(
            deal, b"", self.domain, source, Bid(buy, sign(buy, self.domain, self.troc.signer))
        )
        self.keep(signed, mine=True)
        return signed

    # ------------------------------------------------------------------------------------------ afterwards

    def key_of(self, sale: Sale) -> bytes:
        """The key that was delivered, right or wrong."""
        if sale.delivered is None:
            found = self.sales.sale(sale.id)
            if found is None or found.delivered is None:
                raise DealError(
                    f"the key of {sale.name[:14]} was not delivered yet",
                    f"wait until {words.moment(sale.deliver_by)}; then the money comes back",
                )
            sale = found
        assert sale.delivered is not None
        return sealed.unwrap(sale.delivered.wrapped, sale.id, self.secret_of(sale), sale.delivered.point_e)

    def judge(self, sale: Sale) -> Finding:
        """Whether what was delivered is what was sold. Asks nobody, and sends nothing."""
        deal, key = self.deal_of(sale), self.key_of(sale)
        if commitment(key) != deal.key_commit:
            return Finding("key")
        manifest, blob = self._copy(deal)
        try:
            open_record(manifest, blob, key)
        except WrongChunkError as error:
            if error.disputable:
                return Finding("chunk", error.index)
            # Every chunk is what its seller committed to, and what she committed to is no record.
            return Finding("content", error.index)
        return Finding()

    def _copy(self, deal: Deal) -> tuple[Manifest, bytes]:
        kept = self._kept_copy(deal)
        if kept is None:
            known = self.book.deal(digest(deal, self.domain))
            signed = SignedDeal.from_json(known, self.domain) if known else SignedDeal(deal, b"", self.domain)
            self.keep_copy(signed)
            kept = self._kept_copy(deal)
        if kept is None:
            raise DealError("the sealed copy is not kept", "ask the seller for it again")
        return kept

    def open(self, sale: Sale) -> Opened:
        """What was bought, in plain. Raises `TamperedError` for a wrong key or chunk."""
        deal = self.deal_of(sale)
        manifest, blob = self._copy(deal)
        return open_record(manifest, blob, self.key_of(sale))

    def settle(self, sale: Sale) -> Receipt:
        """Say that all is well: the seller is paid at once."""
        deal = self.deal_of(sale)
        function = self.call("settle", deal.as_tuple(), sale.buyer)
        return self.do(function, Settle(self.address, sale.id), Context(deal=deal, buyer=sale.buyer))

    def refund(self, sale: Sale, to: str = "") -> Receipt:
        """Take the money back of a sale that was not delivered in time, or that is owed; `to`: another
        address that gets it.
        """
        return self.collect("refund", sale, to)

    def acknowledge(self, *sales: Sale) -> Receipt:
        """State that one erased what one bought in these sales."""
        if len(sales) == 1:
            deal = self.deal_of(sales[0])
            function = self.call("acknowledge", digest(deal, self.domain), sales[0].seller)
            message = Acknowledge(self.address, sales[0].id)
            return self.do(function, message, Context(deal=deal, buyer=self.address))
        pairs = tuple((digest(self.deal_of(sale), self.domain), sale.seller) for sale in sales)
        function = self.call("acknowledgeMany", [one for one, _ in pairs], [who for _, who in pairs])
        many = AcknowledgeMany(self.address, tuple(sale_id(*pair, self.address) for pair in pairs))
        return self.do(function, many, Context(sales=pairs))

    def erase_copy(self, sale: Sale) -> None:
        """Delete the sealed copy of a sale."""
        deal = self.deal_of(sale)
        for ending in ("json", "blob"):
            self._path(deal, ending).unlink(missing_ok=True)

    # -------------------------------------------------------------------------------------------- disputes

    def ask(self, sale: Sale, finding: Finding, notes: Drop | None) -> dict[str, Any]:
        """The signed wish that the seller concede, put where she looks (`notes`), and given."""
        message = AskToConcede(self.address, sale.id, finding.fault == "key", finding.index)
        signature = sign(message, self.domain, self.troc.signer)
        data = {"message": message.to_json(), "signature": "0x" + signature.hex()}
        if notes is not None:
            notes.put(f"{sale.id.hex()}{ASKING}", data)
        return data

    def dispute(self, sale: Sale, finding: Finding) -> Receipt:
        """Prove to the contract that the delivery is wrong: the money comes back at once.

        This publishes what was delivered. It is sent without a rehearsal, since a rehearsal would show the
        secret as well, and is decided beforehand by the same arithmetic. Whoever has ether can send it.
        """
        if finding.fault not in ("key", "chunk") or sale.delivered is None:
            raise DealError("there is nothing to dispute", "look at `troc data status`")
        # Never on somebody else's word: a false dispute gives the key away for nothing.
        if self.judge(sale) != finding:
            raise DealError("the delivery is not wrong in this way", "look at it again (`troc data open`)")
        now = self.now()
        if now > sale.delivered.dispute_until:
            raise DealError(
                f"the time to object was over at {words.moment(sale.delivered.dispute_until)}",
                "nothing is sent: it would show the key and change nothing",
            )
        deal, secret = self.deal_of(sale), self.secret_of(sale)
        posted = (sale.point_b, sale.delivered.point_e, sale.delivered.wrapped)
        gas = _DISPUTE_GAS
        if finding.fault == "key":
            function = self.call("disputeKey", deal.as_tuple(), sale.buyer, posted, secret.secret)
        else:
            manifest, blob = self._copy(deal)
            part = manifest.split(blob)[finding.index]
            leaf = manifest.plain_leaves[finding.index]
            chunk = (finding.index, leaf, part, manifest.proof(finding.index))
            function = self.call("disputeChunk", deal.as_tuple(), sale.buyer, posted, secret.secret, chunk)
            gas += _GAS_PER_BYTE * len(part)
        return self._send_blind(function, gas)

    def _send_blind(self, function: ContractFunction, gas: int) -> Receipt:
        sender = self.troc.sender
        who = to_checksum_address(sender.address)
        nonce = self.chain.web3.eth.get_transaction_count(who, "pending")
        call: TxParams = {
            "to": to_checksum_address(self.sales.address),
            "data": function._encode_transaction_data(),
        }
        return self.chain.submit(self.chain.sign_as(call, sender, nonce=nonce, gas=gas))

    # --------------------------------------------------------------------------------------------- watcher

    def step(
        self, notes: Drop | None = None, patience: int = USUAL_PATIENCE, settle: bool = True
    ) -> list[Did]:
        """One look at everything that was bought, and what follows from it. `settle`: pay at once what is
        right, else leave it to the end of the time to object.
        """
        view = self.follow("buyer")
        done: list[Did] = []
        for sale in sorted(view.sales.values(), key=lambda each: (each.deliver_by, each.id)):
            try:
                did = self._next(sale, self.now(view.now), view.block, notes, patience, settle)
            except NetworkError:
                raise
            except TrocError as error:
                did = Did("trouble", sale.id, str(error))
            if did is not None:
                done.append(did)
        self.close_ended(view)
        return done + self._withdrawn(view.block)

    def _withdrawn(self, head: int) -> list[Did]:
        """Sales to which consent was withdrawn since the last look: what was bought is to be erased."""
        what = f"withdrawn {self.address}"
        since = self.sales.since
        reached = self.book.reached(what)
        if reached is not None and self._stands(*reached):
            since = reached[0] + 1
        event = self.sales.contract.events.ConsentRevoked()
        ids = [
            bytes(log["args"]["saleId"])
            for log in self.chain.logs(event, {"buyer": self.address}, since, head)
        ]
        asked = [self.sales.contract.functions.saleOf(id_) for id_ in ids]
        left = [
            id_
            for id_, standing in zip(ids, self.chain.read_many(asked), strict=True)
            if not SaleStanding.of(standing).acknowledged_at
        ]
        settled = head - DEPTH
        if settled >= since:
            self.book.set_reached(what, settled, self.chain.header(settled).hash)
        return [
            Did(
                "consent withdrawn",
                id_,
                f"Consent to 0x{id_.hex()[:12]} was withdrawn: erase it, then `troc data acknowledge`",
            )
            for id_ in left
        ]

    def _next(
        self, sale: Sale, now: int, head: int, notes: Drop | None, patience: int, settle: bool
    ) -> Did | None:
        if sale.owed or (sale.state == SaleState.BOUGHT and now > sale.deliver_by):
            receipt = self.refund(sale)
            return told("refunded", sale.id, f"Took the money of {sale.name[:14]} back", receipt)
        if sale.state != SaleState.DELIVERED or sale.delivered is None:
            return None
        if not self.is_final(sale.delivered.block, head):
            return None
        finding = self.judge(sale)
        kept = self.book.sale(sale.id)
        assert kept is not None
        if kept.finding != finding.to_json():
            self.book.set_finding(sale.id, finding.to_json())
        if finding.is_right:
            if not settle or now > sale.delivered.dispute_until:
                return None
            receipt = self.settle(sale)
            return told("settled", sale.id, f"Opened {sale.name[:14]}: {finding}; paid", receipt)
        if finding.fault == "content":
            return Did("trouble", sale.id, f"{sale.name[:14]}: {finding}; ask the seller what it is")
        return self._object(sale, finding, kept.asked_at, now, notes, patience)

    def _object(
        self, sale: Sale, finding: Finding, asked: int | None, now: int, notes: Drop | None, patience: int
    ) -> Did | None:
        assert sale.delivered is not None
        if asked is None and notes is not None:
            self.ask(sale, finding, notes)
            self.book.set_asked(sale.id, now)
            asked = now
            if patience > 0 and now < self._last_wait(sale):
                return Did("asked", sale.id, f"{sale.name[:14]}: {finding}; asked the seller to concede")
        if asked is not None and now < min(asked + patience, self._last_wait(sale)):
            return None
        if now > sale.delivered.dispute_until:
            return Did("trouble", sale.id, f"{sale.name[:14]}: {finding}, and the time to object is over")
        receipt = self.dispute(sale, finding)
        return told("disputed", sale.id, f"{sale.name[:14]}: {finding}; disputed, the money is back", receipt)

    def _last_wait(self, sale: Sale) -> int:
        """Until when a seller may be waited for, so that a dispute still gets into a block."""
        assert sale.delivered is not None
        return sale.delivered.dispute_until - margin(self.deal_of(sale).dispute_seconds)


_COUNTERS = 64


def _write(path: Path, data: bytes) -> None:
    """Write a file whole, and on the disk."""
    try:
        write_file(path, data)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror})", "make room, or check its rights"
        ) from None


def fetch_from_source(signed: SignedDeal) -> tuple[Manifest, bytes]:
    """The sealed copy behind the link that a deal names as its source."""
    # Needs the service's parts, which a buyer with sealed copies in a folder can do without.
    from troc.data.serving import Link, fetch_blob, fetch_manifest

    if not signed.source:
        raise DealError("the deal does not say where its sealed copy lies", "ask the seller for its link")
    link = Link.parse(signed.source)
    manifest = fetch_manifest(link, signed.deal.count)
    return manifest, fetch_blob(link, manifest)
