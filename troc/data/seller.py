"""The seller's side: offers, bids taken, keys delivered, and a watcher for when she is away.

The watcher is a function of the log, the book and the vault: killed at any point and started again, it does
the same next step. What must not come too late is not sent late; what is out already is pushed on until
its time is over, since it cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from troc import words
from troc.chain import Receipt
from troc.data import sealed
from troc.data.acts import Context
from troc.data.book import Book
from troc.data.cipher import commitment
from troc.data.deals import (
    USUAL_DELIVER,
    USUAL_DISPUTE,
    USUAL_OPEN,
    Sale,
    SaleState,
    SignedDeal,
    View,
    check_deal,
    check_signed,
    deal_nonce,
    drafted,
    margin,
    seller_seed,
    sign_deal,
)
from troc.data.manifest import Manifest, open_chunk
from troc.data.messages import NO_REQUEST, AskToConcede, Concede, Deal, Deliver, Revoke
from troc.data.party import Did, Drop, Party, told
from troc.errors import (
    ContractError,
    DealError,
    InputError,
    NetworkError,
    PendingError,
    RelayError,
    TrocError,
)
from troc.messages import ZERO_ADDRESS, digest, pack_nonce, sign, unpack_nonce
from troc.money import Money
from troc.signatures import is_signed

if TYPE_CHECKING:
    from troc.client import Troc

NO_TERMS = bytes(32)
ASKING = ".concede.json"
"""How the names of buyers' notes end."""


class Copies(Protocol):
    """Where sealed copies and their keys lie: the vault."""

    def key(self, root: bytes) -> bytes:
        """The key of a copy."""

    def blob(self, root: bytes) -> bytes:
        """The sealed chunks, joined."""

    def manifest(self, root: bytes) -> Manifest:
        """The manifest."""


class Seller(Party):
    """An account that sells out of a vault."""

    def __init__(
        self,
        troc: Troc,
        copies: Copies | None = None,
        book: Book | Callable[[], Book] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(troc, book, clock)
        self._copies = copies

    @property
    def copies(self) -> Copies:
        """The vault."""
        if self._copies is None:
            raise InputError("no vault was opened", "name it with --vault")
        return self._copies

    # -------------------------------------------------------------------------------------------- offers

    def draft(
        self,
        manifest: Manifest,
        price: Money,
        *,
        terms_hash: bytes = NO_TERMS,
        buyer: str = ZERO_ADDRESS,
        until: str = USUAL_OPEN,
        deliver: str = USUAL_DELIVER,
        dispute: str = USUAL_DISPUTE,
        request: bytes = NO_REQUEST,
        live_until: int | None = None,
    ) -> Deal:
        """An offer in the words of `troc data offer`, ready to be read and signed.

        `until`, `deliver`, `dispute` as in "7d"; `terms_hash` of the consent record. Raises `DealError` where
        the key was given away before: every deal about it ended then.
        """
        now = self.chain.now()
        taken = [
            SignedDeal.from_json(each, self.domain).deal.nonce
            for each in self.book.deals(mine=True, commitment=manifest.key_commit)
        ]
        nonce = deal_nonce(manifest.key_commit, taken)
        deal = drafted(
            manifest,
            parties=(self.address, buyer),
            token=(price.token, price.kind, price.units),
            terms_hash=terms_hash,
            times=(words.parse_until(until, now), span(deliver), span(dispute)),
            live_until=live_until,
            request=request,
            nonce=nonce,
            now=now,
        )
        if not self.sales.nonce_open(self.address, nonce):
            raise DealError(
                "the key of this sealed copy was given away, or every deal about it ended",
                "seal the record anew (`troc data add`), and offer that",
            )
        return deal

    def sign(self, deal: Deal, source: str = "", papers: Mapping[str, Any] | None = None) -> SignedDeal:
        """Sign an offer or an answer, and keep it in the book. Refuses one whose key the vault does not have,
        or whose sealed copy is damaged.
        """
        self._check_copy(deal)
        signed = sign_deal(deal, self.domain, self.troc.signer, source=source, papers=papers or {})
        self.keep(signed, mine=True)
        return signed

    def _check_copy(self, deal: Deal) -> None:
        manifest = self.copies.manifest(deal.manifest_root)
        if (manifest.root, manifest.count, manifest.key_commit) != (
            deal.manifest_root,
            deal.count,
            deal.key_commit,
        ):
            raise DealError("the deal is about another sealed copy", "offer the copy that the vault has")
        if commitment(self.copies.key(deal.manifest_root)) != deal.key_commit:
            raise DealError("the vault's key is not the one of this copy", "restore the vault's keys first")
        faults = manifest.check(self.copies.blob(deal.manifest_root))
        if faults:
            raise DealError(f"the sealed copy is damaged ({faults[0]})", "restore it, or seal it anew")

    def accept(self, bid: SignedDeal) -> Receipt:
        """Take a bid: the buyer pays, and she owes him the key."""
        now = self.chain.now()
        check_deal(bid.deal, now)
        if bid.bid is None or bid.deal.seller != self.address:
            raise DealError("this is no bid to you", "ask the buyer for one")
        check_signed(self.chain, bid)
        self._check_copy(bid.deal)
        self.keep(bid, mine=True)
        buy, deal = bid.bid.buy, bid.deal
        signature = bid.bid.signature
        submitter = self.troc.submitter
        if submitter is None:
            function = self.call(
                "buyFor", deal.as_tuple(), b"", buy.buyer, buy.point_b, buy.deadline, signature
            )
            return self.chain.send(function, self.troc.signer)
        from troc.acts import act_of

        agreed = bid.signature or sign(deal, self.domain, self.troc.signer)
        context = Context(deal=deal, deal_signature=agreed, buyer=buy.buyer)
        return submitter.submit([act_of(buy, signature, self.domain, context)])[-1]

    def cancel(self, *deals: SignedDeal) -> Receipt | None:
        """End deals, as far as they are not sold. None where nothing was left to end."""
        return self.cancel_nonces(signed.deal.nonce for signed in deals)

    def cancel_key(self, commit: bytes) -> Receipt | None:
        """End every deal about a key, those too that the book does not know."""
        first = unpack_nonce(deal_nonce(commit))[0]
        lanes = {first} | {
            unpack_nonce(SignedDeal.from_json(each, self.domain).deal.nonce)[0]
            for each in self.book.deals(mine=True, commitment=commit)
        }
        return self.cancel_series(pack_nonce(lane, 0) for lane in sorted(lanes))

    # ------------------------------------------------------------------------------------------ delivering

    def deliver(self, sale: Sale, deal: Deal | None = None) -> Receipt:
        """Deliver the key of a sale. Raises `DealError` where that would be too early, too late or unsafe."""
        deal = deal or self.deal_of(sale)
        head = self.chain.header()
        if sale.state != SaleState.BOUGHT:
            raise DealError(f"the sale {sale.name[:14]} waits for no key", "look at `troc data status`")
        if not self.is_final(sale.bought_block, head.number):
            raise DealError(
                f"the purchase {sale.name[:14]} is not final yet",
                "wait for some blocks: in another order of them it may not be there",
            )
        now = self.now(head.time)
        kept = self.book.answer(sale.id, sale.point_b)
        # What is out cannot be called back; what is not stays in when it could come too late.
        is_out = kept is not None and kept.out_at is not None
        last = sale.deliver_by - (0 if is_out else margin(deal.deliver_seconds))
        if now > last:
            raise DealError(
                f"it is too late to deliver {sale.name[:14]} safely (until {words.moment(last)})",
                "do not send it: the key would be public, and the buyer is refunded",
            )
        if kept is None:
            self._see_points()
            sealed.check_buyer_point(sale.point_b, self.book.was_seen(sale.point_b, sale.id))
            key = self.copies.key(deal.manifest_root)
            if commitment(key) != deal.key_commit:
                raise DealError(
                    "the vault's key is not the one of this sale", "restore the vault's keys first"
                )
            point = self._answer_point(sale)
            wrapped = sealed.wrap(key, sale.id, point, sale.point_b)
            self.book.add_answer(sale.id, sale.point_b, point.x, wrapped)
            kept = self.book.answer(sale.id, sale.point_b)
            assert kept is not None
        posted = (sale.point_b, kept.answer_x, kept.wrapped)
        message = Deliver(self.address, sale.id, *posted)
        y = sealed.even_y(kept.answer_x)
        function = self.call("deliver", sale.id, deal.dispute_seconds, posted, y)
        try:
            return self.do(function, message, Context(deal=deal, buyer=sale.buyer))
        except (PendingError, NetworkError, RelayError):
            self.book.answer_is_out(sale.id, sale.point_b, now)
            raise

    def _answer_point(self, sale: Sale) -> sealed.OneTime:
        seed = seller_seed(self.troc.signer, self.domain)
        return sealed.seller_point(seed, self.chain.chain_id, self.sales.address, sale.id, sale.point_b)

    def _see_points(self) -> None:
        """Bring the book's list of buyers' points up to the present."""
        reached = self.book.reached("points")
        since = self.sales.since
        if reached is not None and self._stands(*reached):
            since = reached[0] + 1
        head = self.chain.header()
        self.book.see_points(list(self.sales.points_since(since)))
        self.book.set_reached(
            "points", max(head.number - 1, 0), self.chain.header(max(head.number - 1, 0)).hash
        )

    # ------------------------------------------------------------------------------------------- afterwards

    def is_wrong(self, sale: Sale, deal: Deal, ask: AskToConcede) -> bool:
        """Whether what she delivered is wrong as the buyer says. Raises `DealError` where she cannot tell."""
        if sale.delivered is None:
            return False
        key = sealed.unwrap(
            sale.delivered.wrapped,
            sale.id,
            # Either secret with the other's point gives the same.
            self._answer_point(sale),
            sale.point_b,
        )
        if commitment(key) != deal.key_commit:
            return True
        if ask.wrong_key:
            return False
        manifest, blob = self.copies.manifest(deal.manifest_root), self.copies.blob(deal.manifest_root)
        if manifest.check(blob):
            raise DealError("her own sealed copy is damaged", "look at it, and concede if the buyer is right")
        if not ask.index < manifest.count:
            return False
        try:
            open_chunk(manifest, ask.index, manifest.split(blob)[ask.index], key)
        except TrocError:
            return True
        return False

    def concede(self, sale: Sale) -> Receipt:
        """Give the money back, and reveal nothing."""
        deal = self.deal_of(sale)
        function = self.call("concede", deal.as_tuple(), sale.buyer)
        return self.do(function, Concede(self.address, sale.id), Context(deal=deal, buyer=sale.buyer))

    def withdraw(self, sale: Sale, to: str = "") -> Receipt:
        """Take the money of a sale after the buyer's time to object; `to`: another address that gets it."""
        return self.collect("settle", sale, to)

    def revoke(self, sale: Sale) -> Receipt:
        """Withdraw consent."""
        deal = self.deal_of(sale)
        function = self.call("revoke", digest(deal, self.domain), sale.buyer)
        return self.do(function, Revoke(self.address, sale.id), Context(deal=deal, buyer=sale.buyer))

    # --------------------------------------------------------------------------------------------- watcher

    def step(self, notes: Drop | None = None) -> list[Did]:
        """One look at everything that she sold, and what follows from it. What fails of one sale keeps no
        other
        from its turn; a node that is away ends the look (`NetworkError`).
        """
        view = self.follow("seller")
        asked = self._asked(notes, view) if notes is not None else {}
        done: list[Did] = []
        for sale in sorted(view.sales.values(), key=lambda each: (each.deliver_by, each.id)):
            try:
                did = self._next(sale, view, asked.get(sale.id))
            except NetworkError:
                raise
            except (TrocError, ContractError) as error:
                did = Did("trouble", sale.id, str(error))
            if did is not None:
                done.append(did)
        done += self._after_revelations(view)
        self.close_ended(view)
        return done

    def _next(self, sale: Sale, view: View, ask: AskToConcede | None) -> Did | None:
        now = self.now(view.now)
        if sale.state == SaleState.BOUGHT:
            if now > sale.deliver_by:
                return self._give_back(sale)
            if not self.is_final(sale.bought_block, view.block):
                return None
            receipt = self.deliver(sale)
            return told("delivered", sale.id, f"Delivered the key of {sale.name[:14]}", receipt)
        if sale.state == SaleState.DELIVERED and sale.delivered is not None:
            if ask is not None and self.is_wrong(sale, self.deal_of(sale), ask):
                receipt = self.concede(sale)
                return told(
                    "conceded", sale.id, f"Conceded {sale.name[:14]}: what was delivered is wrong", receipt
                )
            if view.now > sale.delivered.dispute_until:
                receipt = self.withdraw(sale)
                return told("withdrawn", sale.id, f"Took the money of {sale.name[:14]}", receipt)
        return None

    def _give_back(self, sale: Sale) -> Did:
        """What she did not deliver in time goes back."""
        deal = self.deal_of(sale)
        receipt = self.chain.send(self.call("refund", deal.as_tuple(), sale.buyer), self.troc.sender)
        return told(
            "refunded", sale.id, f"Gave the money of {sale.name[:14]} back: not delivered in time", receipt
        )

    def _after_revelations(self, view: View) -> list[Did]:
        """Once a key is public, whoever buys it is cheated of nothing but his money: every deal about it
        ends.
        """
        done = []
        for sale in view.sales.values():
            if not sale.key_revealed:
                continue
            try:
                commit = self.deal_of(sale).key_commit
                receipt = self.cancel_key(commit)
            except NetworkError:
                raise
            except TrocError as error:
                done.append(Did("trouble", sale.id, str(error)))
                continue
            if receipt is not None:
                done.append(
                    told("cancelled", sale.id, "A key became public: every deal about it ended", receipt)
                )
        return done

    def _asked(self, notes: Drop, view: View) -> dict[bytes, AskToConcede]:
        """Buyers' signed wishes that she concede, by sale."""
        found = {}
        for _, data in notes.entries(ASKING):
            try:
                ask = AskToConcede.from_json(data["message"])
                signature = bytes.fromhex(data["signature"][2:])
            except (TrocError, KeyError, TypeError, ValueError):
                continue
            sale = view.sales.get(ask.sale_id)
            if sale is None or sale.state != SaleState.DELIVERED or sale.buyer != ask.buyer:
                continue
            if is_signed(self.chain, ask, self.domain, signature):
                found[sale.id] = ask
        return found


def span(text: str) -> int:
    """A length of time in seconds: "3d", "48h"."""
    found = words.parse_until(text, 0)
    # Whole days are told to their last second.
    return found + 1 - words.DAY if (found + 1) % words.DAY == 0 else found
