"""Brands: found, launched, asked how they stand; and the points that they issue.

Only points that `Brands` launched count, since any other token could name any exchange (LOYALTY.md,
"LoyaltyToken").
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from web3.contract import Contract

from troc import words
from troc.accounts import Signer
from troc.chain import Chain, Receipt
from troc.domains import Fetch, fetch_https, is_domain, is_proven, proof_url
from troc.errors import BrandError, ContractError, FundsError, InputError, NetworkError, PointsError
from troc.lookalikes import check_symbol, outline
from troc.messages import ZERO_ADDRESS, Domain, to_address
from troc.payouts import LOT_MAX, Batch, Payout, batches, in_order, read_payouts

MAX_DECIMALS = 6
_NAME_BYTES = 64
_SYMBOL_BYTES = 16

Progress = Callable[[int, int], None]
"""Told how many recipients are done, and of how many."""


@dataclass(frozen=True)
class Brand:
    """A brand and its points.

    `name` and `symbol` are as people read them: what could deceive a terminal is replaced. `owner` is who
    issued at launch. `domain` is what the brand claims; `proven` whether the domain was asked and agrees.
    `epoch_length` and `origin` are in seconds.
    """

    address: str
    name: str
    symbol: str
    decimals: int
    epoch_length: int
    origin: int
    owner: str
    domain: str = ""
    proven: bool = False
    raw_name: str = ""

    @property
    def title(self) -> str:
        """`Le Panier (PANIER)`, and what is known of its domain."""
        if not self.domain:
            return f"{self.name} ({self.symbol})"
        return f"{self.name} ({self.symbol}, {self.domain}{'' if self.proven else ' unproven'})"

    def number(self, units: int) -> str:
        """Smallest units as people read whole points."""
        return words.number(units, self.decimals)

    def text(self, units: int) -> str:
        """`120 PANIER`."""
        return f"{self.number(units)} {self.symbol}"

    def domain_of_messages(self, chain_id: int) -> Domain:
        """The EIP-712 domain of the token."""
        return Domain(self.raw_name, chain_id, self.address)

    @property
    def shortest_life(self) -> int:
        """Seconds that a point lives at least."""
        return (words.LIFE_EPOCHS - 1) * self.epoch_length

    def epoch_at(self, time: int) -> int:
        """The epoch of a time; epoch 0 begins at `origin`."""
        return (time - self.origin) // self.epoch_length

    def expiry_of(self, epoch: int) -> int:
        """When points of an epoch expire."""
        return self.origin + (epoch + words.LIFE_EPOCHS) * self.epoch_length

    def longest_life(self, time: int) -> int:
        """The expiry of points that are earned at `time`."""
        return self.expiry_of(self.epoch_at(time))

    def earned(self, expiry: int) -> str:
        """When points of that expiry were earned: "in spring 2026"."""
        return words.earned(expiry - words.LIFE_EPOCHS * self.epoch_length, self.epoch_length)


@dataclass(frozen=True)
class LaunchPlan:
    """What a brand is about to launch. `epoch_length` is in seconds, 0 for points that never expire."""

    name: str
    symbol: str
    epoch_length: int
    origin: int
    owner: str
    decimals: int = 0
    domain: str = ""

    @property
    def life(self) -> str:
        """From the shortest to the longest life of a point: "9 to 12 months"."""
        return words.life(self.epoch_length)

    def expiry_dates(self, now: int) -> list[tuple[str, str]]:
        """For this epoch and the next three: when the points are earned, and the last day on which they are
        good.
        """
        if self.epoch_length == 0:
            return []
        first = (now - self.origin) // self.epoch_length
        starts = [self.origin + (first + step) * self.epoch_length for step in range(words.LIFE_EPOCHS)]
        return [
            (
                words.earned(start, self.epoch_length),
                words.last_day(start + words.LIFE_EPOCHS * self.epoch_length),
            )
            for start in starts
        ]

    def as_tuple(self) -> tuple[Any, ...]:
        """For `Brands.launch`."""
        return (
            self.owner,
            self.name,
            self.symbol,
            self.decimals,
            self.epoch_length,
            self.origin,
            self.domain,
        )


@dataclass(frozen=True)
class MintReport:
    """What a run of `mint` did. Amounts in smallest units; `before` was paid by earlier runs. `batches` are
    all that are paid now, as they were cut.
    """

    brand: Brand
    recipients: int
    units: int
    recipients_before: int
    units_before: int
    transactions: tuple[str, ...]
    batches: tuple[Batch, ...] = ()


@dataclass(frozen=True)
class Grant:
    """What an issuer may still issue, in smallest units. `locked_until` 0: can be taken back; `per_day` 0:
    no cap.
    """

    amount: int
    locked_until: int
    per_day: int
    used_today: int


@dataclass(frozen=True)
class Redemption:
    """What can come back of points that `holder` spent for a receipt (32 bytes): `lots` by expiry, soonest
    first, in smallest units. What has expired since is not among them.
    """

    holder: str
    receipt: bytes
    lots: tuple[tuple[int, int], ...]

    @property
    def left(self) -> int:
        """Their sum."""
        return sum(units for units, _ in self.lots)


@dataclass(frozen=True)
class Status:
    """How a brand stands. Amounts in smallest units; `owed` by expiry, soonest first."""

    brand: Brand
    owner: str
    issued: int
    live: int
    redeemed: int
    expired: int
    owed: tuple[tuple[int, int], ...]
    pending: int
    promised: int


class Brands:
    """The brands of one deployment.

    `address` is that of the `Brands` contract, `exchange` of the exchange, `since` the block from which on
    logs are read.
    """

    def __init__(
        self, chain: Chain, address: str, exchange: str, since: int = 0, fetch: Fetch = fetch_https
    ) -> None:
        self._chain = chain
        self._contract = chain.contract("Brands", address)
        self._exchange = exchange
        self._fetch = fetch
        self._since = since
        self._next_block = since
        self._found: dict[str, Brand] = {}

    @property
    def chain(self) -> Chain:
        """The chain that they are on."""
        return self._chain

    # -------------------------------------------------------------------------------------------- finding

    def all(self) -> list[Brand]:
        """Every brand, in the order of launch. Reads only what is new since the last time."""
        last = self._chain.block_number()
        if last >= self._next_block:
            launched = list(
                self._chain.logs(self._contract.events.Launched(), from_block=self._next_block, to_block=last)
            )
            for event in launched:
                brand = self._read(event["args"]["token"], event["args"]["launch"])
                self._found[brand.address] = brand
            claims = self._chain.logs(
                self._contract.events.DomainClaimed(), from_block=self._next_block, to_block=last
            )
            for event in claims:
                token, domain = event["args"]["token"], event["args"]["domain"]
                if token in self._found:
                    self._found[token] = replace(self._found[token], domain=words.shown(domain), proven=False)
            self._next_block = last + 1
        return list(self._found.values())

    def by_address(self, address: str) -> Brand | None:
        """The brand whose points have this address; None where `Brands` did not launch them."""
        if address not in self._found:
            self.all()
        return self._found.get(address)

    def find(self, name: str | Brand) -> Brand:
        """The brand of that symbol, proven domain or address.

        Raises `BrandError` for none, for a symbol that two tokens bear, and for a domain that proves none
        of its claims.
        """
        if isinstance(name, Brand):
            return name
        name = name.strip()
        if name.startswith("0x"):
            address = to_address(name)
            brand = self.by_address(address)
            if brand is None:
                raise BrandError(
                    f"{address} are no points that were launched here",
                    "check the address, or see `troc points list --all`",
                )
            return brand
        if "." in name:
            return self._by_domain(name.lower())
        found = [brand for brand in self.all() if _alike(brand.symbol) == _alike(name)]
        if not found:
            raise BrandError(f"there is no brand {name!r}", self._suggestion(name))
        if len(found) > 1:
            addresses = words.listed(brand.address for brand in found)
            raise BrandError(
                f"{len(found)} brands bear the symbol {name}: {addresses}",
                "name one by its address or its proven domain",
            )
        return found[0]

    def _suggestion(self, name: str) -> str:
        """What to do where no brand has that symbol."""
        symbols = {_alike(text): brand.symbol for brand in self.all() for text in (brand.name, brand.symbol)}
        near = get_close_matches(_alike(name), symbols, n=3, cutoff=0.6)
        meant = words.one_of(list(dict.fromkeys(symbols[each] for each in near)))
        asked = f"did you mean {meant}? " if meant else ""
        return f"{asked}see `troc points list --all` for all brands"

    def proven_of(self, account: str) -> Brand | None:
        """The brand with a proven domain that an account owns; None where there is none."""
        for brand in self.all():
            if brand.domain and brand.owner == account:
                found = self.find(brand.address)
                if found.proven:
                    return found
        return None

    def lookalikes(self, brand: Brand) -> list[Brand]:
        """Other brands that an eye could take for this one, by name or symbol, in the order of launch."""
        seen = {outline(brand.name), outline(brand.symbol)}
        return [
            other
            for other in self.all()
            if other.address != brand.address and seen & {outline(other.name), outline(other.symbol)}
        ]

    def prove(self, brand: Brand) -> Brand:
        """The same brand after its domain was asked: `proven` says what it answered."""
        proven = bool(brand.domain) and is_proven(
            brand.domain, self._chain.chain_id, brand.address, self._fetch
        )
        self._found[brand.address] = replace(brand, proven=proven)
        return self._found[brand.address]

    def token(self, brand: Brand) -> Contract:
        """The contract of a brand's points."""
        return self._chain.contract("LoyaltyToken", brand.address)

    def _by_domain(self, domain: str) -> Brand:
        claims = [brand for brand in self.all() if brand.domain.lower() == domain]
        if not claims:
            raise BrandError(
                f"no brand claims the domain {domain}", "check it, or name the brand by symbol or address"
            )
        proven = [brand for brand in map(self.prove, claims) if brand.proven]
        if len(proven) == 1:
            return proven[0]
        if proven:
            addresses = words.listed(brand.address for brand in proven)
            raise BrandError(f"{domain} has several kinds of points: {addresses}", "name one by its address")
        addresses = words.listed(brand.address for brand in claims)
        raise BrandError(
            f"unproven: {addresses} {'claims' if len(claims) == 1 else 'claim'} {domain},"
            f" and {proof_url(domain)} does not say so",
            "name the points by their address if you trust it, or ask the brand to publish that file",
        )

    def _read(self, token: str, launch: Any) -> Brand:
        length = launch["epochLength"] or FOR_EVER
        return Brand(
            address=token,
            name=words.shown(launch["name"]),
            symbol=words.shown(launch["symbol"]),
            decimals=launch["decimals"],
            epoch_length=length,
            origin=launch["origin"],
            owner=launch["owner"],
            domain=words.shown(launch["domain"]),
            raw_name=launch["name"],
        )

    # ------------------------------------------------------------------------------------------ launching

    def plan(
        self,
        name: str,
        symbol: str,
        valid: str = "12 months",
        *,
        owner: str,
        decimals: int = 0,
        domain: str = "",
        starts: str = "",
    ) -> LaunchPlan:
        """Check what a brand wants to launch, and work out its dates.

        `valid` is the longest life of a point in words, `starts` the first day of the first epoch
        (2027-01-01; none: a day before now that makes the dates easy to remember).
        """
        for text, what, most in ((name, "name", _NAME_BYTES), (symbol, "symbol", _SYMBOL_BYTES)):
            if not text.strip() or len(text.encode()) > most:
                raise InputError(f"the {what} {text!r} does not fit", f"choose one of 1 to {most} bytes")
            if words.shown(text) != text:
                raise InputError(f"the {what} {text!r} has characters that cannot be shown", "leave them out")
        check_symbol(symbol)
        if not 0 <= decimals <= MAX_DECIMALS:
            raise InputError(f"points cannot have {decimals} decimals", f"choose 0 to {MAX_DECIMALS}")
        if domain and not is_domain(domain):
            raise InputError(f"{domain!r} is no domain", "write it as in biobox.example, without https://")
        taken = [brand for brand in self.all() if outline(brand.symbol) == outline(symbol)]
        now = self._chain.now()
        epoch_length = words.parse_life(valid)
        origin = words.parse_day(starts) if starts else words.natural_origin(epoch_length, now)
        plan = LaunchPlan(name, symbol, epoch_length, origin, to_address(owner), decimals, domain)
        if taken:
            if taken[0].symbol == symbol:
                said = f"{symbol} is the symbol of {taken[0].address} already"
            else:
                said = f"{symbol} can be mistaken for {taken[0].symbol}, the symbol of {taken[0].address}"
            raise BrandError(said, "choose another symbol")
        if origin > now:
            raise InputError(f"points cannot start on {words.day(origin)}", "choose today or an earlier day")
        return plan

    def launch(self, plan: LaunchPlan, signer: Signer) -> Brand:
        """Launch a brand's points. `signer` pays for it; `plan.owner` is who will issue."""
        receipt = self._chain.send(self._contract.functions.launch(plan.as_tuple()), signer)
        event = receipt.events(self._contract.events.Launched())[0]
        brand = self._read(event["args"]["token"], event["args"]["launch"])
        self._found[brand.address] = brand
        return brand

    def claim_domain(self, brand: Brand, domain: str, signer: Signer) -> Receipt:
        """Claim a domain for a brand, or none with an empty one. Only its owner can."""
        if domain and not is_domain(domain):
            raise InputError(f"{domain!r} is no domain", "write it as in biobox.example, without https://")
        return self._chain.send(self._contract.functions.claimDomain(brand.address, domain), signer)

    # -------------------------------------------------------------------------------------------- issuing

    def read_file(self, brand: Brand, path: Path, receipts: bool = False) -> list[Payout]:
        """Check a file of points to issue as a whole; see `troc.payouts`."""
        return read_payouts(path, brand.decimals, brand.symbol, (brand.address, self._exchange), receipts)

    def mint(
        self,
        brand: Brand,
        payouts: Iterable[Payout],
        signer: Signer,
        *,
        reference: str = "",
        grant: int | None = None,
        progress: Progress | None = None,
    ) -> MintReport:
        """Issue points to many, in batches that fit a block.

        Stopped in the middle and run again with the same payouts and the same `reference`, it pays nobody
        twice: each batch has a reference that the chain refuses the second time. `grant`: issue out of this
        grant of the signer's, else as the brand's owner.
        """
        token = self.token(brand).functions

        def issue(batch: Batch) -> Any:
            if grant is None:
                return token.mintBatch(batch.reference, batch.packed)
            return token.issueBatch(grant, batch.reference, batch.packed)

        todo = _cut(brand, payouts, reference)
        run = _MintRun(self._chain, token, signer, ZERO_ADDRESS if grant is None else signer.address)
        run.pay(todo, issue, progress)
        return run.report(brand)

    def mint_at_epochs(
        self,
        brand: Brand,
        payouts: Mapping[int, Iterable[Payout]],
        signer: Signer,
        *,
        reference: str = "",
        progress: Progress | None = None,
    ) -> MintReport:
        """Issue points into the lots of epochs that still live, as the brand's owner: a programme that moves
        here keeps its dates. `payouts` by epoch. Taken up again as `mint` is.
        """
        token = self.token(brand).functions
        run = _MintRun(self._chain, token, signer, ZERO_ADDRESS)
        todo = {epoch: _cut(brand, payouts[epoch], reference, epoch) for epoch in sorted(payouts)}
        total = sum(len(batch.payouts) for some in todo.values() for batch in some)
        for epoch, some in todo.items():

            def issue(batch: Batch, epoch: int = epoch) -> Any:
                return token.mintAtEpoch(batch.reference, epoch, batch.packed)

            run.pay(some, issue, progress, total)
        return run.report(brand)

    def issued_at_epochs(self, brand: Brand) -> dict[bytes, list[tuple[str, int, int]]]:
        """What was issued into lots of epochs: (address, epoch, smallest units), by the batch's reference."""
        token = self.token(brand)
        found: dict[bytes, list[tuple[str, int, int]]] = {}
        for batch in self._chain.logs(token.events.BatchIssuedAtEpoch(), from_block=self._since):
            block, told = batch["blockNumber"], batch["args"]
            births = [
                event
                for event in self._chain.logs(
                    token.events.Transfer(), {"from": ZERO_ADDRESS}, from_block=block, to_block=block
                )
                if event["transactionHash"] == batch["transactionHash"]
                and event["logIndex"] < batch["logIndex"]
            ]
            # The token tells of each recipient, then of the batch, and of nothing in between.
            found[bytes(told["batchId"])] = [
                (event["args"]["to"], told["epoch"], event["args"]["value"])
                for event in births[len(births) - told["recipients"] :]
            ]
        return found

    def check_mint_at_epochs(
        self, brand: Brand, payouts: Mapping[int, Iterable[Payout]], signer: str, reference: str = ""
    ) -> None:
        """Raise before anything is sent if `signer` cannot issue what is not issued yet."""
        token = self.token(brand).functions
        owner, liability = self._chain.read_many([token.owner(), token.liability()])
        amounts, expiries, pending, promised = liability
        if owner != signer:
            raise BrandError(
                f"only the brand brings points over, and that is {owner}",
                "use --account with the brand's account",
            )
        now = self._chain.now()
        for epoch in payouts:
            todo = _cut(brand, payouts[epoch], reference, epoch)
            used = self._chain.read_many(
                [token.referenceUsed(ZERO_ADDRESS, batch.reference) for batch in todo]
            )
            units = sum(batch.units for batch, done in zip(todo, used, strict=True) if not done)
            expiry = brand.expiry_of(epoch)
            if units and expiry <= now:
                raise BrandError(
                    f"{brand.text(units)} of this import expired on {words.last_day(expiry)}",
                    "take their lines out, and bring the rest over with another --reference",
                )
            # What is pending can come into any of these lots; what is promised only into the youngest.
            room = LOT_MAX - dict(zip(expiries, amounts, strict=True)).get(expiry, 0) - pending
            room -= promised if epoch == brand.epoch_at(now) else 0
            if units > room:
                raise InputError(
                    f"{brand.text(units)} are too many for the lot of {words.last_day(expiry)}",
                    f"bring over {brand.text(max(room, 0))} with that date at most",
                )

    def check_mint(
        self,
        brand: Brand,
        payouts: Iterable[Payout],
        signer: str,
        reference: str = "",
        grant: int | None = None,
    ) -> int:
        """What is not issued yet, in smallest units. Raises before anything is sent if `signer` cannot issue
        it.
        """
        token = self.token(brand).functions
        todo = _cut(brand, payouts, reference)
        issuer = ZERO_ADDRESS if grant is None else signer
        used = self._chain.read_many([token.referenceUsed(issuer, batch.reference) for batch in todo])
        units = sum(batch.units for batch, done in zip(todo, used, strict=True) if not done)
        if grant is None:
            owner, liability = self._chain.read_many([token.owner(), token.liability()])
            if owner != signer:
                raise BrandError(
                    f"only the brand issues {brand.symbol}, and that is {owner}",
                    "use --account with the brand's account, or a grant of yours with --grant",
                )
            room = LOT_MAX - liability[0][-1] - liability[2] - liability[3]
            if units > room:
                raise InputError(
                    f"{brand.text(units)} are too many for now",
                    f"issue {brand.text(max(room, 0))} at most in this season",
                )
            return units
        left = self.grant(brand, signer, grant)
        most = left.amount if not left.per_day else min(left.amount, max(left.per_day - left.used_today, 0))
        if units > most:
            raise BrandError(
                f"{signer} may issue {brand.text(most)} today, not {brand.text(units)}",
                "ask the brand for a larger grant (`troc brand issuer`)",
            )
        return units

    def mint_pending(
        self,
        brand: Brand,
        payouts: Iterable[Payout],
        matures_at: int,
        signer: Signer,
        *,
        reference: str = "",
        grant: int | None = None,
        progress: Progress | None = None,
    ) -> MintReport:
        """Issue points that can be taken back until `matures_at`; see `troc.pending`.

        Taken up again as `mint` is; what an earlier run issued keeps its date.
        """
        token = self.token(brand).functions

        def issue(batch: Batch) -> Any:
            if grant is None:
                return token.mintPending(batch.reference, matures_at, batch.packed)
            return token.issuePending(grant, batch.reference, matures_at, batch.packed)

        todo = _cut(brand, payouts, reference)
        run = _MintRun(self._chain, token, signer, ZERO_ADDRESS if grant is None else signer.address)
        run.pay(todo, issue, progress)
        return run.report(brand)

    def grant(self, brand: Brand, issuer: str, grant: int = 0) -> Grant:
        """What an issuer may still issue."""
        found = self._chain.call(self.token(brand).functions.grantOf(issuer, grant))
        return Grant(*found)

    def set_grant(
        self,
        brand: Brand,
        issuer: str,
        units: int,
        signer: Signer,
        *,
        grant: int = 0,
        per_day: int = 0,
        locked_until: int = 0,
    ) -> Receipt:
        """Set what an issuer may issue from now on; amounts in smallest units, 0 `units` to stop it."""
        call = self.token(brand).functions.setGrant(to_address(issuer), grant, units, per_day, locked_until)
        return self._chain.send(call, signer)

    def release_grant(self, brand: Brand, issuer: str, signer: Signer, grant: int = 0) -> Receipt:
        """Free what a locked grant no longer needs; after its date, end it. Anyone may."""
        return self._chain.send(self.token(brand).functions.releaseGrant(to_address(issuer), grant), signer)

    def ask_for(self, brand: Brand, signer: Signer) -> Receipt:
        """Ask to own a brand's points from now on; its owner has 48 hours to agree (`hand_over`)."""
        return self._chain.send(self.token(brand).functions.requestOwnershipHandover(), signer)

    def hand_over(self, brand: Brand, to: str, signer: Signer) -> Receipt:
        """As the owner, make the account that asked for it the owner: it alone issues from now on."""
        token = self.token(brand).functions
        to = to_address(to, "new owner")
        owner, until = self._chain.read_many([token.owner(), token.ownershipHandoverExpiresAt(to)])
        if owner != signer.address:
            raise BrandError(f"{owner} owns {brand.symbol}, not {signer.address}", "use --account with it")
        if until < self._chain.now():
            raise BrandError(
                f"{to} has not asked for {brand.symbol} within 48 hours",
                f"have it ask first: `troc brand hand-over {brand.symbol} --ask`",
            )
        return self._chain.send(token.completeOwnershipHandover(to), signer)

    def redemption(self, brand: Brand, holder: str, receipt: bytes) -> Redemption:
        """What is left of a redemption, to be given back."""
        exists, amounts, expiries = self._chain.call(
            self.token(brand).functions.redemptionOf(to_address(holder), receipt)
        )
        if not exists:
            raise PointsError(
                f"{holder} redeemed nothing at {brand.symbol} for the receipt 0x{receipt.hex()}",
                "look for the receipt in the customer's statement: `troc points statement`",
            )
        lots = tuple((units, expiry) for units, expiry in zip(amounts, expiries, strict=True) if units)
        return Redemption(to_address(holder), receipt, lots)

    def give_back(
        self, brand: Brand, redemption: Redemption, units: int, signer: Signer, grant: int | None = None
    ) -> Receipt:
        """Give points of a redemption back, in smallest units, those that live longest first, into the lots
        that they came from: as the brand, or out of a grant of the signer's.
        """
        if units > redemption.left:
            raise PointsError(
                f"of this redemption {brand.text(redemption.left)} can come back, not {brand.number(units)}",
                "what has expired since, and what came back before, stays spent",
            )
        token = self.token(brand).functions
        terms = (redemption.holder, redemption.receipt, units)
        call = token.giveBack(*terms) if grant is None else token.giveBackFrom(grant, *terms)
        return self._chain.send(call, signer)

    def status(self, brand: Brand) -> Status:
        """How a brand stands: its books, and what it owes by date."""
        token = self.token(brand).functions
        owner, totals, liability = self._chain.read_many([token.owner(), token.totals(), token.liability()])
        issued, live, redeemed, expired = totals
        amounts, expiries, pending, promised = liability
        return Status(
            brand=brand,
            owner=owner,
            issued=issued,
            live=live,
            redeemed=redeemed,
            expired=expired,
            owed=tuple(zip(amounts, expiries, strict=True)),
            pending=pending,
            promised=promised,
        )


class _MintRun:
    """One run of issuing batches. `token` are the functions of the contract, `issuer` whose references count:
    0 for the brand.
    """

    def __init__(self, chain: Chain, token: Any, signer: Signer, issuer: str) -> None:
        self._chain = chain
        self._token = token
        self._signer = signer
        self._issuer = issuer
        self._sent: list[str] = []
        self._paid: list[Batch] = []
        self._before: list[Batch] = []

    def pay(
        self,
        todo: list[Batch],
        issue: Callable[[Batch], Any],
        progress: Progress | None = None,
        total: int | None = None,
    ) -> None:
        """Issue batches by the call that `issue` makes of each; `total` recipients are those of all calls."""
        self._issue = issue
        self._progress = progress
        self._total = sum(len(batch.payouts) for batch in todo) if total is None else total
        for batch, used in zip(todo, self._used(todo), strict=True):
            self._pay(batch, used)

    def report(self, brand: Brand) -> MintReport:
        """What was done."""
        return MintReport(
            brand=brand,
            recipients=sum(len(batch.payouts) for batch in self._paid),
            units=sum(batch.units for batch in self._paid),
            recipients_before=sum(len(batch.payouts) for batch in self._before),
            units_before=sum(batch.units for batch in self._before),
            transactions=tuple(self._sent),
            batches=(*self._before, *self._paid),
        )

    def _pay(self, batch: Batch, used: bool) -> None:
        if used:
            self._done(self._before, batch)
            return
        halves = batch.halves()
        # Halves are paid from the first recipient on: a batch that was cut before shows in first halves.
        if halves and (self._was_cut(batch) or not self._fits(batch)):
            for half, half_used in zip(halves, self._used(halves), strict=True):
                self._pay(half, half_used)
            return
        try:
            self._sent.append(self._chain.send(self._issue(batch), self._signer).transaction)
        except ContractError as error:
            if error.name != "ReferenceUsed":
                raise
            self._done(self._before, batch)
            return
        self._done(self._paid, batch)

    def _done(self, where: list[Batch], batch: Batch) -> None:
        where.append(batch)
        if self._progress:
            self._progress(sum(len(each.payouts) for each in (*self._before, *self._paid)), self._total)

    def _used(self, some: Iterable[Batch]) -> list[bool]:
        return self._chain.read_many(
            [self._token.referenceUsed(self._issuer, batch.reference) for batch in some]
        )

    def _was_cut(self, batch: Batch) -> bool:
        spine = []
        halves = batch.halves()
        while halves:
            spine.append(halves[0])
            halves = halves[0].halves()
        return any(self._used(spine))

    def _fits(self, batch: Batch) -> bool:
        try:
            gas = self._chain.estimate(self._issue(batch), self._signer.address)
        except ContractError as error:
            if error.name == "ReferenceUsed":
                return True
            raise
        except (FundsError, NetworkError):
            # The node gives up where a call needs more gas than a block or the account has.
            return False
        return gas <= self._budget

    @cached_property
    def _budget(self) -> float:
        return self._chain.batch_gas()


FOR_EVER = 1 << 62
"""The length of an epoch that stands for "never expires", in seconds (LOYALTY.md, "Lots")."""


def _cut(brand: Brand, payouts: Iterable[Payout], reference: str, epoch: int | None = None) -> list[Batch]:
    return batches(in_order(payouts), brand.address, reference, epoch=epoch)


def _alike(symbol: str) -> str:
    """Symbols that a person takes for one are one."""
    return unicodedata.normalize("NFKC", symbol).casefold()
