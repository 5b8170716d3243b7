"""Bringing a programme over: a file of cards, points and dates becomes lots that keep those dates.

Our own format has the columns `card`, `address` (may be empty), `points` (whole points), `expires` (the last
day on which they are good, 2027-02-19) and `status` (active or inactive). A card can stand several times with
different dates. Each row goes into the lot that expires at its date or, between two, at the next later one,
never earlier. What has no address, or is inactive, is kept as a running claim of its card.

Exports of other systems are read by maps of their columns:

- Talon.One: the CSV of `exportLoyaltyBalances` (by customer) and of `exportLoyaltyCardBalances` (by card), as
  the Management API's reference names their columns, and the CSV in which points are imported there
  (docs.talon.one, "Importing loyalty data"), the only one of the three with dates.
- Salesforce Loyalty Management: the objects `LoyaltyAggrPointExprLedger` (points by date of expiry) and
  `LoyaltyMemberCurrency` (balances) with the fields of `LoyaltyProgramMember` by their relationship names, as
  the Loyalty Management Developer Guide names them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any, Protocol

from eth_utils.crypto import keccak

from troc import words
from troc.accounts import Signer
from troc.brands import Brand, Brands, MintReport, Progress
from troc.errors import ChecksFailedError, InputError
from troc.messages import ZERO_ADDRESS, to_address
from troc.payouts import LOT_MAX, Batch, Fault, FileFaultsError, Payout, batches, in_order

FILE_MAX = 2 * 2**30
"""The largest file that is read, in bytes: tens of millions of rows."""

_LINE_MAX = 65_536
_CARD_MAX = 64
_FAULTS_MAX = 1_000
_NO_DATE = ("", "unlimited", "never")
_ACTIVE = ("", "active")
_STATUSES = (*_ACTIVE, "inactive")


@dataclass(frozen=True)
class Shape:
    """The columns of an export, "" for what it does not have.

    `less` is taken from the points, columns in `zero` must be 0, those in `same` must say the same in every
    row, those in `ignored` are not needed.
    """

    card: str
    points: str
    expires: str = ""
    address: str = ""
    status: str = ""
    less: str = ""
    also_status: str = ""
    zero: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    needed: tuple[str, ...] = field(default=())

    @property
    def known(self) -> tuple[str, ...]:
        """Every column that may be there."""
        used = (self.card, self.points, self.expires, self.address, self.status, self.less, self.also_status)
        return (*filter(None, used), *self.zero, *self.same, *self.ignored)


_TALON_PROGRAMME = ("loyaltyProgramID", "loyaltySubledger")
_TALON_BALANCES = ("expiredBalance", "spentBalance", "currentTier")
_TALON_PENDING = ("pendingBalance", "negativeBalance")
_TALON_POINTS = ("startdate", "reason")
_TALON_SUBLEDGER = ("subledgerid",)
_SALESFORCE = (
    "Id",
    "Name",
    "OwnerId",
    "IsDeleted",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "LastReferencedDate",
    "LastViewedDate",
)
_SALESFORCE_CURRENCY = ("LoyaltyProgramCurrencyId", "LoyaltyProgramCurrency.Name", "CurrencyIsoCode")
_SALESFORCE_LEDGER = (
    "LoyaltyProgramMemberId",
    "HasMixedExprModelSubcurrencies",
    "LoyaltyPgmCrcySubtypeId",
)
_SALESFORCE_BALANCE = (
    "LoyaltyMemberId",
    "BalanceBeforeReset",
    "ExpirablePoints",
    "LastAccrualProcessedDate",
    "LastExpirationProcessRunDate",
    "LastResetDate",
    "NextResetDate",
    "TotalPointsAccrued",
    "TotalPointsExpired",
    "TotalPointsRedeemed",
)

FORMATS: Mapping[str, tuple[Shape, ...]] = {
    "troc": (Shape("card", "points", "expires", "address", "status", needed=("expires",)),),
    "talon-one": (
        Shape(
            "profileIntegrationID",
            "currentBalance",
            zero=_TALON_PENDING,
            same=_TALON_PROGRAMME,
            ignored=_TALON_BALANCES,
        ),
        Shape(
            "cardIdentifier",
            "currentBalance",
            status="cardState",
            zero=_TALON_PENDING,
            same=_TALON_PROGRAMME,
            ignored=_TALON_BALANCES,
        ),
        Shape("customerprofileid", "amount", "expirydate", same=_TALON_SUBLEDGER, ignored=_TALON_POINTS),
        Shape("identifier", "amount", "expirydate", same=_TALON_SUBLEDGER, ignored=_TALON_POINTS),
    ),
    "salesforce": (
        Shape(
            "LoyaltyProgramMember.MembershipNumber",
            "ExpirationPoints",
            "ExpirationDate",
            status="LoyaltyProgramMember.MemberStatus",
            less="RedeemedPoints",
            also_status="PointsStatus",
            same=_SALESFORCE_CURRENCY,
            ignored=_SALESFORCE + _SALESFORCE_LEDGER,
            needed=("ExpirationDate", "RedeemedPoints"),
        ),
        Shape(
            "LoyaltyMember.MembershipNumber",
            "PointsBalance",
            status="LoyaltyMember.MemberStatus",
            same=_SALESFORCE_CURRENCY,
            ignored=_SALESFORCE + _SALESFORCE_BALANCE,
        ),
    ),
}
"""The shapes of each format; that whose `card` stands in the header is meant."""


@dataclass(frozen=True)
class ClaimRow:
    """Points for a card without an address: smallest units, good until `expiry` (Unix seconds, excluded), and
    what they are for, which counts once.
    """

    card: str
    units: int
    expiry: int
    reference: str


class Claims(Protocol):
    """Keeps the points of members without an address, until they have one."""

    def add_many(self, rows: Sequence[Any]) -> int:
        """Add `ClaimRow`s, all or none; gives how many are new: a reference counts once."""


@dataclass(frozen=True)
class Row:
    """A row of a file, and where it goes.

    `good_until` is the first second at which the old programme's points are gone, None if it names no date;
    `expiry` that of the lot, never earlier. `held` says why the points become a claim: "" if they are issued.
    """

    line: int
    card: str
    address: str
    units: int
    good_until: int | None
    epoch: int
    expiry: int
    held: str

    @property
    def kept(self) -> str:
        """What becomes of the date, in words."""
        if words.never_expires(self.expiry):
            return "never expires"
        last = f"good until {words.last_day(self.expiry)}"
        if self.good_until is None:
            return f"{last}, had no date"
        later = (self.expiry - self.good_until) // words.DAY
        return f"{last}, {words.count(later, 'day')} longer" if later else f"{last}, as before"


@dataclass(frozen=True)
class ImportPlan:
    """What an import will do. `rows` are all rows of the file, `units` their sum."""

    brand: Brand
    rows: tuple[Row, ...]
    units: int
    reference: str

    @property
    def issued(self) -> dict[int, list[Payout]]:
        """What is issued, by epoch; the points of one address in one epoch together."""
        sums: dict[int, dict[str, int]] = {}
        for row in self.rows:
            if not row.held and row.units:
                epoch = sums.setdefault(row.epoch, {})
                epoch[row.address] = epoch.get(row.address, 0) + row.units
        return {
            epoch: [Payout(address, units) for address, units in sorted(of.items())]
            for epoch, of in sorted(sums.items())
        }

    @property
    def batches(self) -> list[Batch]:
        """What is issued, in the transactions that it takes (or halves of them)."""
        return [
            batch
            for epoch, payouts in self.issued.items()
            for batch in batches(in_order(payouts), self.brand.address, self.reference, epoch=epoch)
        ]

    @property
    def claims(self) -> list[ClaimRow]:
        """What is kept for cards. A claim's reference depends on its card, its date and the import alone."""
        return [
            ClaimRow(row.card, row.units, row.expiry, self._reference(row))
            for row in self.rows
            if row.held and row.units
        ]

    @property
    def issued_units(self) -> int:
        """The sum of what is issued."""
        return sum(payout.units for of in self.issued.values() for payout in of)

    @property
    def claimed_units(self) -> int:
        """The sum of what is kept as claims."""
        return sum(claim.units for claim in self.claims)

    def check(self) -> None:
        """Raise `ChecksFailedError` unless all that the file holds goes somewhere."""
        if self.issued_units + self.claimed_units != self.units:
            raise ChecksFailedError(
                f"the file has {self.brand.text(self.units)}, the plan"
                f" {self.brand.text(self.issued_units + self.claimed_units)}",
                "nothing was sent; report this as a defect",
            )

    def _reference(self, row: Row) -> str:
        text = "\0".join((self.brand.address, self.reference, row.card, str(row.good_until)))
        return "import-" + keccak(b"troc.import\0" + text.encode()).hex()


# ------------------------------------------------------------------------------------------------- planning


def plan_import(
    path: Path,
    brand: Brand,
    now: int,
    *,
    layout: str = "troc",
    total: Decimal | None = None,
    undated: str = "",
    forbidden: Iterable[str] = (),
    reference: str = "",
) -> ImportPlan:
    """Read a file and work out where each row goes. Nothing is sent.

    `now` in Unix seconds; `total` are the whole points that the file must come to; `undated` the day
    (2027-02-19) until which points without a date are to be good; `forbidden` addresses cannot hold these
    points. Raises `FileFaultsError` with every fault by line (the first thousand).
    """
    if layout not in FORMATS:
        raise InputError(f"there is no format {layout!r}", f"choose {words.one_of(list(FORMATS))}")
    default = words.parse_day(undated) + words.DAY if undated else None
    reader = _Reader(path, brand, now, default, {ZERO_ADDRESS, *forbidden})
    with _opened(path) as file:
        rows = tuple(reader.rows(file, FORMATS[layout]))
    if reader.faults:
        raise FileFaultsError(path, reader.faults)
    if not rows:
        raise InputError(f"{path.name} names no card", "add lines to it")
    units = sum(row.units for row in rows)
    if total is not None and total * 10**brand.decimals != units:
        raise InputError(
            f"{path.name} comes to {brand.text(units)}, not to {total:,f}",
            "find out which is right; nothing was sent",
        )
    plan = ImportPlan(brand, rows, units, reference)
    plan.check()
    return plan


def send_import(
    brands: Brands,
    plan: ImportPlan,
    signer: Signer,
    claims: Claims | None = None,
    progress: Progress | None = None,
) -> MintReport:
    """Issue what has an address and keep the rest as claims.

    Cut off and run again with the same file and reference, it issues nothing twice and forgets nothing.
    Whether another file brought the same points before is asked by `correcting.earlier_imports`.
    Raises before anything is sent if part of the points would have nowhere to go.
    """
    plan.check()
    waiting = plan.claims
    if waiting and claims is None:
        raise InputError(
            f"{plan.brand.text(plan.claimed_units)} are for cards without an address",
            "keep them with the members of the brand, or write them to a file with --unclaimed",
        )
    payouts = plan.issued
    brands.check_mint_at_epochs(plan.brand, payouts, signer.address, plan.reference)
    # Claims first: a row that they refuse is known before points are on the chain for good.
    if waiting and claims is not None:
        claims.add_many(waiting)
    return brands.mint_at_epochs(plan.brand, payouts, signer, reference=plan.reference, progress=progress)


def write_rows(path: Path, plan: ImportPlan) -> None:
    """Write what becomes of each row: line, card, address, points, lot (its last day), and a remark."""
    brand = plan.brand
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("line", "card", "address", "points", "lot", "goes to", "date"))
            for row in plan.rows:
                points = brand.number(row.units).replace(",", "")
                where = f"claim ({row.held})" if row.held else "address"
                last = _last_day(row.expiry)
                writer.writerow((row.line, words.cell(row.card), row.address, points, last, where, row.kept))
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "name another file") from None


def write_claims(path: Path, plan: ImportPlan) -> None:
    """Write what waits for an address: card, points, last day, reference."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("card", "points", "expires", "reference"))
            for claim in plan.claims:
                points = plan.brand.number(claim.units).replace(",", "")
                last = _last_day(claim.expiry)
                writer.writerow((words.cell(claim.card), points, last, words.cell(claim.reference)))
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "name another file") from None


def _last_day(expiry: int) -> str:
    return "never" if words.never_expires(expiry) else words.iso_day(expiry - 1)


# -------------------------------------------------------------------------------------------------- reading


def _opened(path: Path) -> IO[str]:
    if not path.is_file():
        raise InputError(f"there is no file {path}", "check its name")
    if path.stat().st_size > FILE_MAX:
        raise InputError(
            f"{path.name} has more than {FILE_MAX // 2**30} GB",
            "cut it into several files, each with its --total",
        )
    try:
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror})", "check its permissions") from None


def _bounded(file: IO[str]) -> Iterator[str]:
    while line := file.readline(_LINE_MAX):
        if len(line) == _LINE_MAX and not line.endswith("\n"):
            raise csv.Error("a line is too long")
        yield line


class _Reader:
    """Reads rows, and collects what is wrong with them."""

    def __init__(self, path: Path, brand: Brand, now: int, undated: int | None, forbidden: set[str]) -> None:
        self.faults: list[Fault] = []
        self._path = path
        self._brand = brand
        self._now = now
        self._undated = undated
        self._forbidden = forbidden
        self._lines: dict[tuple[str, int | None], int] = {}
        self._addresses: dict[str, tuple[int, str]] = {}
        self._same: dict[str, tuple[int, str]] = {}

    def rows(self, file: IO[str], shapes: Sequence[Shape]) -> Iterator[Row]:
        reader = csv.reader(_bounded(file), strict=True)
        try:
            header = next(reader, None)
            if header is None:
                raise InputError(f"{self._path.name} is empty", "give it a header line")
            shape, places = self._shape([name.strip() for name in header], shapes)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                line = reader.line_num
                if len(cells) != len(header):
                    self._fault(line, f"{words.count(len(cells), 'value')} instead of {len(header)}")
                else:
                    found = {name: cells[place].strip() for name, place in places.items()}
                    yield self._row(line, found, shape)
                if len(self.faults) >= _FAULTS_MAX:
                    return
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise InputError(
                f"{self._path.name} is no CSV file ({error})", "save it as CSV in UTF-8"
            ) from None

    def _shape(self, header: list[str], shapes: Sequence[Shape]) -> tuple[Shape, dict[str, int]]:
        shape = next((each for each in shapes if each.card in header), None)
        if shape is None:
            cards = words.one_of([each.card for each in shapes])
            raise FileFaultsError(self._path, [Fault(1, f"there is no column {cards}")])
        faults = [Fault(1, f"unknown column {name!r}") for name in header if name not in shape.known]
        needed = (shape.points, *shape.needed)
        faults += [Fault(1, f"the column {name!r} is missing") for name in needed if name not in header]
        faults += [
            Fault(1, f"the column {name!r} is doubled")
            for name in sorted(set(header))
            if header.count(name) > 1
        ]
        if faults:
            raise FileFaultsError(self._path, faults)
        return shape, {name: place for place, name in enumerate(header)}

    def _fault(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))

    def _row(self, line: int, cells: Mapping[str, str], shape: Shape) -> Row:
        card = "".join(cells[shape.card].split()).upper()
        if not 0 < len(card) <= _CARD_MAX or not card.isprintable():
            self._fault(line, f"{card[:_CARD_MAX]!r} is no card; write 1 to {_CARD_MAX} digits and letters")
        units = self._units(line, cells, shape)
        good_until = self._good_until(line, cells.get(shape.expires, ""))
        epoch = self._epoch(line, good_until, units)
        address = self._address(line, card, cells.get(shape.address, ""))
        self._refuse_doubled(line, card, good_until)
        for column in shape.same:
            before, other = self._same.setdefault(column, (line, cells.get(column, "")))
            if other != cells.get(column, ""):
                self._fault(
                    line, f"{column} is another one than in line {before}; send each in a file of its own"
                )
        held = "" if address else "no address"
        for column in (shape.status, shape.also_status):
            status = cells.get(column, "").lower()
            if status not in _STATUSES:
                self._fault(line, f"the status {status!r} is neither active nor inactive")
            elif status not in _ACTIVE:
                held = "inactive"
        return Row(line, card, address, units, good_until, epoch, self._brand.expiry_of(epoch), held)

    def _refuse_doubled(self, line: int, card: str, good_until: int | None) -> None:
        before = self._lines.setdefault((card, good_until), line)
        if before != line:
            self._fault(line, f"the card {card} is doubled, it stands in line {before} with the same date")

    def _units(self, line: int, cells: Mapping[str, str], shape: Shape) -> int:
        units = self._amount(line, cells[shape.points], shape.points)
        if shape.less and cells.get(shape.less):
            less = self._amount(line, cells[shape.less], shape.less)
            if less > units:
                self._fault(line, f"{shape.less} is more than {shape.points}")
            units -= less
        for column in shape.zero:
            text = cells.get(column, "")
            if text and self._amount(line, text, column):
                self._fault(line, f"{column} is {text}; settle it in the old programme first")
        return max(units, 0)

    def _amount(self, line: int, text: str, column: str) -> int:
        """Smallest units; 0 is an amount here."""
        try:
            if not Decimal(text):
                return 0
        except InvalidOperation:
            pass
        try:
            units = words.to_units(words.parse_amount(text), self._brand.decimals, self._brand.symbol)
        except InputError as error:
            self._fault(line, f"{column}: {error.message}")
            return 0
        if units > LOT_MAX:
            most = words.number(LOT_MAX, self._brand.decimals)
            self._fault(line, f"{column}: {text} is too large, one row can have {most} at most")
            return 0
        return units

    def _good_until(self, line: int, text: str) -> int | None:
        """The first second at which points of this date are gone."""
        if text.lower() in _NO_DATE:
            return self._undated
        try:
            if len(text) == len("2027-02-19"):
                return words.parse_day(text) + words.DAY
            moment = datetime.fromisoformat(text)
        except (ValueError, InputError):
            self._fault(line, f"{text!r} is no date; write 2027-02-19")
            return self._undated
        if moment.tzinfo is None:
            self._fault(line, f"{text!r} has no zone; write 2027-02-19, or 2027-02-19T23:00:00Z")
            return self._undated
        # A part of a second more is in her favour.
        return -int(-moment.timestamp() // 1)

    def _epoch(self, line: int, good_until: int | None, units: int) -> int:
        """The epoch whose points expire then or, between two, the next."""
        brand, current = self._brand, self._brand.epoch_at(self._now)
        first = max(current - words.LIFE_EPOCHS + 1, 0)
        if good_until is None:
            if units and not words.never_expires(brand.longest_life(self._now)):
                self._fault(line, "no date; say with --undated until when such points are good")
            return current
        if good_until <= self._now:
            if units:
                self._fault(line, f"these points expired on {words.last_day(good_until)}")
            return first
        epoch = -((brand.origin - good_until) // brand.epoch_length) - words.LIFE_EPOCHS
        if epoch > current:
            latest = words.last_day(brand.longest_life(self._now))
            last = words.last_day(good_until)
            self._fault(line, f"good until {last}, but {brand.symbol} of now live until {latest} at most")
            return current
        return max(epoch, first)

    def _address(self, line: int, card: str, text: str) -> str:
        address = ""
        if text:
            try:
                address = to_address(text, "address")
            except InputError as error:
                self._fault(line, error.message.removeprefix("address: "))
            if address in self._forbidden:
                self._fault(line, f"{address} cannot hold {self._brand.symbol}")
        before, other = self._addresses.setdefault(card, (line, address))
        if other != address:
            self._fault(line, f"the card {card} has another address in line {before}")
        return address
