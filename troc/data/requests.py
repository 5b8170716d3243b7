"""Requests: what a buyer looks for with the budget in escrow, answered off the chain by signed deals.

An answer is a deal bound to the request. It travels as a file, or lies in a folder that both sides reach; the
buyer fetches and checks what it is about, and takes one or many, each with a one-time point of its own. What
nobody can fetch is never paid. Where the request names an attestor, each attested subject is taken once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troc import words
from troc.acts import act_of
from troc.chain import Receipt
from troc.data.acts import NO_ATTESTATION, Context
from troc.data.attesting import About, Attested, doubts, schema_hash
from troc.data.buyer import Buyer
from troc.data.deals import LIVE_MARGIN, Sale, SignedDeal, check_deal, check_signed
from troc.data.manifest import Manifest
from troc.data.messages import Buy, CloseRequest, Deal, Request
from troc.data.party import Did, Drop
from troc.data.seller import NO_TERMS, Seller, span
from troc.data.words import Criteria, warnings_of
from troc.errors import DealError, InputError, NetworkError, TrocError
from troc.messages import KIND_POINTS, ZERO_ADDRESS, digest, pack_nonce, sign
from troc.money import Money
from troc.signatures import is_signed

ANSWER = ".answer.json"
"""How the names of answers in a shared folder end."""

MOST_AT_ONCE = 20
"""Answers of one transaction."""

MOST_CHUNKS = 2**17
"""Of an answer: 128 MiB of a file. Anybody may answer, and must not fill the buyer's disk."""

_ATTESTATION = "attestation"


@dataclass(frozen=True)
class Open:
    """A request as the chain tells it: how many answers can still be taken."""

    id: bytes
    request: Request
    left: int
    block: int

    @property
    def name(self) -> str:
        """Its id in hex."""
        return "0x" + self.id.hex()

    def is_open(self, now: int) -> bool:
        """Whether answers can be taken."""
        return self.left > 0 and now <= self.request.open_until

    def state(self, now: int) -> tuple[str, str]:
        """Exactly one state, and the next step of its buyer."""
        if self.is_open(now):
            return "open", f"`troc data take {self.name[:14]}` until {words.moment(self.request.open_until)}"
        if self.left:
            return "over", f"`troc data close {self.name[:14]}`: the rest of the budget comes back"
        return "closed", "nothing"

    def as_json(self, now: int) -> dict[str, Any]:
        """For programs."""
        state, step = self.state(now)
        return {
            "request": self.name,
            "state": state,
            "next_step": step,
            "left": self.left,
            "terms": self.request.to_json(),
        }


@dataclass(frozen=True)
class Judged:
    """An answer that was looked at: `why` it is not taken; empty where it can be."""

    signed: SignedDeal
    why: str
    manifest: Manifest | None = None


class Requests:
    """Requests of one account, and its answers to those of others."""

    def __init__(self, buyer: Buyer, seller: Seller) -> None:
        self._buyer = buyer
        self._seller = seller
        self._sales = buyer.sales
        self._chain = buyer.chain

    # -------------------------------------------------------------------------------------------- opening

    def draft(
        self,
        price: Money,
        number: int,
        *,
        schema: str = "",
        attestor: str = "",
        terms_hash: bytes = NO_TERMS,
        until: str = "14d",
        deliver: str = "3d",
        dispute: str = "7d",
    ) -> Request:
        """A request in the words of `troc data request`, ready to be read and signed. `deliver`, `dispute`:
        the longest times that an answer may ask for.
        """
        if not 0 < number < 2**32:
            raise InputError(f"{number} answers are out of range", "ask for 1 or more")
        if attestor and not schema:
            raise InputError("an attestor vouches for a schema, and none is named", "name it with --schema")
        return Request(
            buyer=self._buyer.address,
            token=price.token,
            token_kind=price.kind,
            price=price.units,
            number=number,
            terms_hash=terms_hash,
            schema=schema_hash(schema) if schema else bytes(32),
            attestor=attestor or ZERO_ADDRESS,
            seller=ZERO_ADDRESS,
            period_seconds=0,
            max_deliver_seconds=span(deliver),
            max_dispute_seconds=span(dispute),
            open_until=words.parse_until(until, self._chain.now()),
            nonce=pack_nonce(secrets.randbits(128), 0, 0),
        )

    def budget(self, request: Request) -> Money:
        """What goes into escrow."""
        price = self._buyer.money_of(request)
        return price.of(request.price * request.number)

    def open(self, request: Request) -> bytes:
        """Open a request: its budget goes into escrow. Gives its id. Run again, it opens once."""
        id_ = digest(request, self._buyer.domain)
        if self.find_open(id_) is None:
            self._buyer.allow(self.budget(request))
            function = self._buyer.call("openRequest", request.as_tuple())
            self._buyer.do(function, request, Context())
        return id_

    # ------------------------------------------------------------------------------------------ looking on

    def find_open(self, id_: bytes) -> Open | None:
        """A request by its id; None where it was never opened."""
        found = self._opened({"requestId": id_})
        return found[0] if found else None

    def mine(self) -> list[Open]:
        """The requests of the account."""
        return self._opened({"buyer": self._buyer.address})

    def all(self) -> list[Open]:
        """Every request that was opened here."""
        return self._opened({})

    def find(self, name: str | bytes) -> Open:
        """A request by its id, or the beginning of it. Raises `DealError`."""
        if isinstance(name, str) and len(name) == 66:
            name = bytes.fromhex(name[2:])
        if isinstance(name, bytes):
            found = self._opened({"requestId": name})
        else:
            found = [each for each in self.all() if each.name.startswith(name.lower())]
        if len(found) != 1:
            what = "several requests begin" if found else "no request begins"
            shown = name if isinstance(name, str) else "0x" + name.hex()
            raise DealError(f"{what} with {shown[:20]}", "look at `troc data requests`")
        return found[0]

    def _opened(self, filters: dict[str, Any]) -> list[Open]:
        event = self._sales.contract.events.RequestOpened()
        logs = list(self._chain.logs(event, filters, self._sales.since))
        asked = [self._sales.contract.functions.leftOf(log["args"]["requestId"]) for log in logs]
        return [
            Open(
                bytes(log["args"]["requestId"]),
                Request.from_chain(log["args"]["request"]),
                int(left),
                log["blockNumber"],
            )
            for log, left in zip(logs, self._chain.read_many(asked), strict=True)
        ]

    # ------------------------------------------------------------------------------------------- answering

    def draft_answer(self, found: Open, manifest: Manifest) -> Deal:
        """An answer to a request, ready to be read and signed: a deal on its terms."""
        request = found.request
        now = self._chain.now()
        if not found.is_open(now):
            raise DealError(f"the request {found.name[:14]} is not open any more", "look for another")
        if request.attestor != ZERO_ADDRESS and schema_hash(manifest.schema) != request.schema:
            raise DealError(
                f"the request asks for something else than {manifest.schema!r}", "answer with another copy"
            )
        price = self._seller.money_of(request)
        deal = self._seller.draft(
            manifest,
            price,
            terms_hash=request.terms_hash,
            buyer=request.buyer,
            request=found.id,
            live_until=self._live_until(request),
        )
        values = {name: getattr(deal, name) for name in Deal._layout()} | {
            "deliver_seconds": request.max_deliver_seconds,
            "dispute_seconds": request.max_dispute_seconds,
            "open_until": request.open_until,
        }
        answer = Deal(**values)
        check_deal(answer, now)
        return answer

    def fill(
        self, found: Open, manifest: Manifest, *, source: str = "", attested: Attested | None = None
    ) -> SignedDeal:
        """Answer a request with a sealed copy of the vault. Refuses an attestation that will not count."""
        answer = self.draft_answer(found, manifest)
        return self.sign_answer(found, answer, manifest, source, attested)

    def sign_answer(
        self,
        found: Open,
        answer: Deal,
        manifest: Manifest,
        source: str = "",
        attested: Attested | None = None,
        papers: Mapping[str, Any] | None = None,
    ) -> SignedDeal:
        """Sign an answer that was drafted. `papers`: what else belongs to it."""
        if (found.request.attestor != ZERO_ADDRESS) != (attested is not None):
            raise DealError(
                "the request wants an attestation"
                if attested is None
                else "the request names no attestor, and an attestation would be lost",
                "ask the attestor for it" if attested is None else "leave it away",
            )
        papers = dict(papers or {})
        if attested is not None:
            if why := self._doubts(found, answer, manifest, attested):
                raise DealError(f"the attestation does not count: {why}", "ask the attestor for another")
            papers[_ATTESTATION] = attested.as_json()
        return self._seller.sign(answer, source, papers)

    def warnings(self, found: Open, criteria: str, kinds: Sequence[str] = ()) -> tuple[str, ...]:
        """What answering says about whoever answers, before anyone reads the data. `criteria`: the words by
        which the buyer told people what he looks for; `kinds`: of data, as his terms name them.
        """
        return warnings_of(Criteria(criteria, tuple(kinds), found.request.number))

    # ---------------------------------------------------------------------------------------------- taking

    def gather(self, found: Open, sources: Iterable[Any] = (), drop: Drop | None = None) -> list[SignedDeal]:
        """Answers to a request from files, texts and a shared folder, each deal once. What is no answer to it
        is passed over in the folder, where anybody may write.
        """
        answers = [self._buyer.read(source) for source in sources]
        for each in answers:
            if each.deal.request_id != found.id:
                raise DealError(f"the deal {each.id[:14]} answers another request", "leave it away")
        if drop is not None:
            for _, data in drop.entries(ANSWER):
                try:
                    answer = SignedDeal.from_json(data, self._buyer.domain)
                except TrocError:
                    continue
                if answer.deal.request_id == found.id:
                    answers.append(answer)
        return list({each.digest: each for each in answers}.values())

    def judge(self, found: Open, answers: Sequence[SignedDeal]) -> list[Judged]:
        """Look at each answer as its buyer must before he takes it: signed, open, as requested, attested
        where that is asked for, its sealed copy there and right. Of several by one attested subject the first
        counts.
        """
        judged, subjects = [], set()
        for answer in answers:
            why, manifest = self._why_not(found, answer)
            subject = answer.deal.seller
            if not why and found.request.attestor != ZERO_ADDRESS and subject in subjects:
                why = "another answer of this subject comes first"
            if not why:
                subjects.add(subject)
            judged.append(Judged(answer, why, manifest))
        return judged

    def _why_not(self, found: Open, signed: SignedDeal) -> tuple[str, Manifest | None]:
        deal, request = signed.deal, found.request
        try:
            check_deal(deal, self._chain.now())
            if deal.request_id != found.id or deal.buyer not in (ZERO_ADDRESS, request.buyer):
                return "it answers somebody else", None
            if (deal.token, deal.token_kind, deal.price, deal.terms_hash) != (
                request.token,
                request.token_kind,
                request.price,
                request.terms_hash,
            ):
                return "its price or terms are not those of the request", None
            if (
                deal.deliver_seconds > request.max_deliver_seconds
                or deal.dispute_seconds > request.max_dispute_seconds
            ):
                return "its times are longer than the request allows", None
            if deal.live_until != self._live_until(request):
                return "it asks for points that live longer, or shorter, than the budget", None
            if deal.count > MOST_CHUNKS:
                return f"it is about {deal.count:,} chunks, and {MOST_CHUNKS:,} are taken unseen", None
            if not signed.signature:
                return "its seller has not signed it", None
            check_signed(self._chain, signed)
            functions = self._sales.contract.functions
            is_open, sale, taken = self._chain.read_many(
                [
                    functions.nonceOpen(deal.seller, deal.nonce),
                    functions.saleOf(signed.sale_id(request.buyer)),
                    functions.subjectTaken(found.id, deal.seller),
                ]
            )
            if not is_open:
                return "its seller has ended it", None
            if (sale["state"] if isinstance(sale, dict) else sale[0]) != 0:
                return "it was taken before", None
            if taken:
                return "an answer of this subject was taken before", None
            manifest = self._buyer.keep_copy(signed)
            if request.attestor != ZERO_ADDRESS:
                attested = attestation_of(signed)
                if attested is None:
                    return "it brings no attestation", None
                if why := self._doubts(found, deal, manifest, attested):
                    return why, None
        except TrocError as error:
            # Whoever answers with what cannot be fetched keeps nobody else from being taken.
            return error.message, None
        return "", manifest

    def _live_until(self, request: Request) -> int:
        if request.token_kind != KIND_POINTS:
            return 0
        return request.open_until + request.max_deliver_seconds + request.max_dispute_seconds + LIVE_MARGIN

    def _doubts(self, found: Open, deal: Deal, manifest: Manifest, attested: Attested) -> str:
        request = found.request
        one = attested.attestation
        if one.attestor != request.attestor or one.schema != request.schema:
            return "it is of another attestor, or about something else than the request"
        if (attested.chain_id, attested.market) != (self._chain.chain_id, self._sales.address):
            return "it is for another market"
        about = About(deal.seller, manifest.schema, manifest.plain_root, manifest.layout.count)
        attestors = self._chain.contract("Attestors", self._buyer.troc.manifest.address("Attestors"))
        why = doubts(
            attested,
            about,
            self._chain.now(),
            lambda who, index: bool(self._chain.call(attestors.functions.isRevoked(who, index))),
            lambda message, domain, signature: is_signed(self._chain, message, domain, signature),
        )
        return words.listed(why)

    def take(self, found: Open, answers: Sequence[SignedDeal]) -> list[Sale]:
        """Take answers that were judged good, each with a one-time point of its own; what was taken by an
        earlier run is passed over. Gives their sales.
        """
        if found.request.buyer != self._buyer.address:
            raise DealError("only who opened a request takes answers", "act as its buyer (--account)")
        for start in range(0, len(answers), MOST_AT_ONCE):
            self._take(found, answers[start : start + MOST_AT_ONCE])
        ids = [signed.sale_id(found.request.buyer) for signed in answers]
        view = self._sales.view({"saleId": ids} if ids else None)
        for sale in view.sales.values():
            self._buyer.note(sale)
        return [view.sales[id_] for id_ in ids if id_ in view.sales]

    def _take(self, found: Open, answers: Sequence[SignedDeal]) -> None:
        buyer, request = self._buyer, found.request
        prepared = []
        for signed in answers:
            buyer.keep(signed, mine=False)
            point, deadline = buyer.point_for(signed.digest)
            attested = attestation_of(signed) if request.attestor != ZERO_ADDRESS else None
            argument = NO_ATTESTATION if attested is None else attested.argument()
            prepared.append((signed, point, deadline, argument))
        submitter = buyer.troc.submitter
        if submitter is not None:
            for signed, point, deadline, argument in prepared:
                buy = Buy(buyer.address, signed.digest, argument[0], point.x, deadline)
                context = Context(signed.deal, signed.signature, buyer.address, request, argument)
                signature = sign(buy, buyer.domain, buyer.troc.signer)
                submitter.submit([act_of(buy, signature, buyer.domain, context)])
            return
        if len(prepared) == 1:
            signed, point, _, argument = prepared[0]
            terms = (request.as_tuple(), signed.deal.as_tuple(), signed.signature, point.x)
            function = (
                buyer.call("take", *terms)
                if request.attestor == ZERO_ADDRESS
                else buyer.call("takeAttested", *terms, argument)
            )
        else:
            many = [
                (signed.deal.as_tuple(), signed.signature, point.x, argument)
                for signed, point, _, argument in prepared
            ]
            function = buyer.call("takeMany", request.as_tuple(), many)
        self._chain.send(function, buyer.troc.signer)

    def close(self, found: Open, to: str = "") -> Receipt:
        """Take back what is left of a request's budget; `to`: another address that gets it."""
        if found.request.buyer != self._buyer.address:
            raise DealError("only who opened a request closes it", "act as its buyer (--account)")
        if not found.left:
            raise DealError(f"nothing is left of the request {found.name[:14]}", "nothing is to be done")
        to = to or self._buyer.address
        terms = found.request.as_tuple()
        function = (
            self._buyer.call("closeRequest", terms)
            if to == self._buyer.address
            else self._buyer.call("closeRequestTo", terms, to)
        )
        message = CloseRequest(self._buyer.address, found.id, to)
        return self._buyer.do(function, message, Context(request=found.request))

    # --------------------------------------------------------------------------------------------- watcher

    def step(self, drop: Drop, most: int | None = None) -> list[Did]:
        """One look at the answers to each open request of the account: what is good is taken, as far as the
        budget goes; what is over is closed.
        """
        done: list[Did] = []
        now = self._chain.now()
        for found in self.mine():
            try:
                if found.left and now > found.request.open_until:
                    receipt = self.close(found)
                    text = f"Closed the request {found.name[:14]}: the rest of its budget is back"
                    done.append(Did("closed", found.id, text, receipt.transaction))
                elif found.left:
                    done += self._take_good(found, drop, most)
            except NetworkError:
                raise
            except TrocError as error:
                done.append(Did("trouble", found.id, str(error)))
        return done

    def _take_good(self, found: Open, drop: Drop, most: int | None) -> list[Did]:
        answers = self.gather(found, drop=drop)
        room = found.left if most is None else min(found.left, most)
        good = [each.signed for each in self.judge(found, answers) if not each.why][:room]
        return [
            Did("taken", sale.id, f"Took the answer of {words.short(sale.seller)}", sale.transaction)
            for sale in (self.take(found, good) if good else [])
        ]


def attestation_of(signed: SignedDeal) -> Attested | None:
    """The attestation that came with a deal."""
    data = signed.papers.get(_ATTESTATION)
    return None if data is None else Attested.from_json(data)
