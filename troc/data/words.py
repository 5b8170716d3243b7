"""What a person reads before she sells data, and a buyer before he pays: all of it, in plain words.

Nothing here asks a chain: who calls has looked up what is true, and these are the words for it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from troc import words
from troc.data.chunks import FILE, ROW
from troc.data.consent import KINDS, SPECIAL, Terms
from troc.data.manifest import Manifest
from troc.messages import ZERO_ADDRESS

SMALL_GROUP = 20
"""Where fewer people fit, or fewer answers are asked for, an answer says much about who gave it."""

HELD, ON_ACCEPT, ON_BUY = "held", "on accept", "on buy"
"""Where the money is: in escrow already; paid in when she accepts; paid in when somebody buys."""

Money = Callable[[str, int], str]
"""An amount of a token, by its address and in smallest units, in words: "50 Le Panier"."""


# ------------------------------------------------------------------------------------------- what is sold


def contents(manifest: Manifest, row: str = "row") -> tuple[str, ...]:
    """What a manifest says that it holds: ("212 dairy rows (day, item)", "household size").

    `row`: what a row is called. Fields that are not told are counted in pieces.
    """
    layout = manifest.layout
    if layout.kind == FILE:
        name = layout.labels[0].text
        size = "" if layout.rows is None else f" of {layout.rows:,} bytes"
        return (f"the file {words.shown(name)}{size}" if name else f"a file{size or ', its size not told'}",)
    if layout.kind == ROW:
        if layout.rows is not None:
            return (words.count(layout.rows, row),)
        return (f"{words.count(manifest.count, 'piece')} of {row}s",)
    # Beyond the last row lies padding, where that is told.
    end = layout.count if layout.rows is None else layout.rows * layout.stride
    both = zip(manifest.fields, manifest.places, strict=True)
    inner = [name for name, place in both if place < end]
    named = zip(layout.labels[:-1], layout.widths, strict=True)
    widths = {label.text: width for label, width in named if label.text}
    by_count: dict[int, list[str]] = defaultdict(list)
    for name, pieces in Counter(inner).items():
        if name:
            by_count[pieces // widths[name]].append(words.shown(name))
    found = [
        f"{words.count(number, row)} ({', '.join(names)})"
        for number, names in sorted(by_count.items(), reverse=True)
        if number > 1
    ]
    found += by_count.get(1, [])
    untold = inner.count("")
    if untold:
        found.append(f"{words.count(untold, 'piece')} of fields that are not told")
    return tuple(found)


# ------------------------------------------------------------------------------------------ a buyer's record


@dataclass(frozen=True)
class PastSale:
    """A sale as it counts in a buyer's record. `price` in smallest units of `token`; `attestor` empty where
    nobody vouched; times in Unix seconds, 0 where something has not happened. `erase_by`: the last second at
    which the buyer might have the data.
    """

    seller: str
    buyer: str
    token: str
    price: int
    paid: bool
    erase_by: int
    acknowledged_at: int = 0
    attestor: str = ""


@dataclass(frozen=True)
class Tally:
    """How many attested sellers, each once, and how much was paid to them (smallest units by token)."""

    sellers: int = 0
    money: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ErasureRecord:
    """What a buyer stated about erasing. `apart`: its paid sales by people whom nobody attested."""

    in_time: Tally = Tally()
    late: Tally = Tally()
    never: Tally = Tally()
    not_due: Tally = Tally()
    apart: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was due yet."""
        return not (self.in_time.sellers or self.late.sellers or self.never.sellers)


def erasure_record(buyer: str, sales: Iterable[PastSale], now: int) -> ErasureRecord:
    """A buyer's record from its sales.

    Nobody is to make a record for itself: what counts is paid, to somebody else, whom somebody else than the
    buyer attested. Each such seller counts once, with the worst that happened to her.
    """
    worst: dict[str, int] = {}
    money: dict[str, Counter[str]] = defaultdict(Counter)
    apart = 0
    for sale in sales:
        if sale.buyer != buyer or sale.seller == buyer or not sale.price or not sale.paid:
            continue
        if not sale.attestor or sale.attestor in (buyer, sale.seller):
            apart += 1
            continue
        worst[sale.seller] = max(worst.get(sale.seller, 0), _outcome(sale, now))
        money[sale.seller][sale.token] += sale.price
    tallies = []
    for outcome in range(4):
        sellers = [seller for seller, its in worst.items() if its == outcome]
        total: Counter[str] = Counter()
        for seller in sellers:
            total += money[seller]
        tallies.append(Tally(len(sellers), dict(total)))
    not_due, in_time, late, never = tallies
    return ErasureRecord(in_time, late, never, not_due, apart)


def _outcome(sale: PastSale, now: int) -> int:
    """0 not due yet, 1 in time, 2 late, 3 never: the higher, the worse."""
    if sale.acknowledged_at:
        return 1 if sale.acknowledged_at <= sale.erase_by else 2
    return 3 if now > sale.erase_by else 0


def record_words(record: ErasureRecord) -> str:
    """`states that it erased in time 41 times, late 1, never 0`."""
    if record.is_empty:
        return "never had to erase anything yet"
    times = words.count(record.in_time.sellers, "time")
    late, never = record.late.sellers, record.never.sellers
    return f"states that it erased in time {times}, late {late:,}, never {never:,}"


def record_details(record: ErasureRecord, money: Money) -> str:
    """What stands behind the numbers: the money, and what does not count."""
    parts = [
        f"{what}: {words.count(tally.sellers, 'seller')}, {_sums(tally, money)}"
        for what, tally in (
            ("in time", record.in_time),
            ("late", record.late),
            ("never", record.never),
            ("not due yet", record.not_due),
        )
        if tally.sellers
    ]
    told = "; ".join(parts) + "." if parts else "Nothing counts yet."
    apart = (
        f" {words.count(record.apart, 'paid sale')} by people whom nobody attested"
        f" {'does' if record.apart == 1 else 'do'} not count: anyone could have made them up."
        if record.apart
        else ""
    )
    return (
        f"{told[0].upper()}{told[1:]}{apart} Each attested seller counts once, with the worst that happened"
        " to her; free sales, and the buyer's own, do not count."
    )


def _sums(tally: Tally, money: Money) -> str:
    return words.listed(money(token, units) for token, units in sorted(tally.money.items()))


# ----------------------------------------------------------------------------------------- before she signs


@dataclass(frozen=True)
class Buyer:
    """Who buys. `domain`: one that was asked and agrees, else empty. `record` None: it was not looked up."""

    address: str
    name: str = ""
    domain: str = ""
    record: ErasureRecord | None = None

    @property
    def title(self) -> str:
        """Its name as a sentence has it."""
        return words.shown(self.name) or words.short(self.address)

    @property
    def words(self) -> str:
        """`DairyLab (proven domain dairylab.example; states that it erased ...)`."""
        told = [
            f"proven domain {words.shown(self.domain)}" if self.domain else "no proven domain",
            record_words(self.record) if self.record is not None else "its record is not known",
        ]
        return f"{self.title} ({'; '.join(told)})"


@dataclass(frozen=True)
class Proposal:
    """What she is about to sign: an offer, a bid that she accepts, an answer to a request.

    `what`: from `contents`, or in her own words. `buyer` None: whoever buys. `price`: words ("50 Le Panier"),
    empty where she gives it. `money`: `HELD`, `ON_ACCEPT`, `ON_BUY`. Times: seconds, and Unix seconds.
    `attestor`: who vouches, in words. `warnings`: more that she should know (`warnings_of`).
    """

    what: tuple[str, ...]
    buyer: Buyer | None
    price: str
    money: str
    terms: Terms
    deliver_seconds: int
    dispute_seconds: int
    open_until: int
    attestor: str = ""
    warnings: tuple[str, ...] = ()


_MONEY: Mapping[str, str] = {
    HELD: "already held safely",
    ON_ACCEPT: "held safely from the moment you accept",
    ON_BUY: "held safely from the purchase on",
}


def before_selling(proposal: Proposal) -> str:
    """What a person reads before she signs. A line a fact."""
    terms, buyer = proposal.terms, proposal.buyer
    who = buyer.title if buyer is not None else "the buyer"
    lines = [
        f"You sell {words.listed(map(words.shown, proposal.what))}. Nothing else.",
        f"To {buyer.words}." if buyer is not None else "To whoever buys: you do not know who it will be.",
        f"For {words.shown(proposal.price)}, {_MONEY[proposal.money]}."
        if proposal.price
        else "For nothing: you give it away.",
        f"It may be used for {terms.purpose}: “{_sentence(terms.why)}”",
        _kept(terms, who),
        _others(terms),
    ]
    if proposal.attestor:
        lines.append(f"{words.shown(proposal.attestor)} vouches for it.")
    if proposal.money != HELD:
        lines.append(f"It stands until {words.moment(proposal.open_until)}.")
    lines += [
        f"You hand over the key within {_span(proposal.deliver_seconds)} of the purchase, or the money goes"
        f" back; {who} then has {_span(proposal.dispute_seconds)} to object, and you are paid.",
        "You can withdraw any day: one signature, without a reason and for nothing.",
        f"Know this: a buyer who has read it could keep a copy, and that {who} erased it is its own word;"
        " in a dispute the whole sold file becomes readable to whoever kept the sealed copy;"
        " your address, the price and the times stay public for ever.",
    ]
    lines += _law(terms)
    lines += [f"Careful: {_sentence(warning)}" for warning in proposal.warnings]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    text = words.shown(text)
    return text if text[-1] in ".!?" else text + "."


def _kept(terms: Terms, who: str) -> str:
    return (
        f"{who[0].upper()}{who[1:]} may keep it {words.count(terms.retention_days, 'day')}, and has"
        f" {words.count(terms.erase_days, 'day')} to erase it when you withdraw."
    )


_ROLES = {"processor": "works for the buyer", "third party": "on its own account"}


def _others(terms: Terms) -> str:
    if not terms.recipients:
        return "Nobody else gets it."
    named = [f"{words.shown(one.name)} ({_ROLES[one.role]}, {one.country})" for one in terms.recipients]
    return f"Also given to: {words.listed(named)}."


def _law(terms: Terms) -> list[str]:
    lines = []
    if not terms.names_buyer:
        lines.append(
            "Careful: consent to somebody whom you cannot name may not hold before the law. Better sell to"
            " one named buyer, or answer a request."
        )
    if terms.outside_eea:
        lines.append(
            f"Careful: it goes to {words.listed(terms.outside_eea)}, outside the European Economic"
            " Area, where the GDPR may not protect you."
        )
    if terms.is_special:
        lines.append(
            "Careful: it holds data of a kind that the law protects above others"
            f" ({words.listed(kind for kind in terms.kinds if KINDS.get(kind) in SPECIAL)})."
        )
    return lines


def _span(seconds: int) -> str:
    if seconds % words.DAY == 0:
        return words.count(seconds // words.DAY, "day")
    return words.count(-(-seconds // words.HOUR), "hour")


# ------------------------------------------------------------------------------------------ before he pays


@dataclass(frozen=True)
class Purchase:
    """What a buyer is about to pay for. `attested_by`: words of an attestor (`Trusted.title`), empty where
    nobody vouches; `trusted`: it is on his list; `doubts`: why its word does not count (`attesting.doubts`).
    """

    what: tuple[str, ...]
    seller: str
    pieces: int
    price: str
    terms: Terms
    deliver_seconds: int
    dispute_seconds: int
    attested_by: str = ""
    trusted: bool = False
    doubts: tuple[str, ...] = ()
    checked: bool = False


def before_buying(purchase: Purchase) -> str:
    """What a buyer reads before he pays. A line a fact."""
    terms = purchase.terms
    price = words.shown(purchase.price)
    lines = [
        f"You buy {words.listed(map(words.shown, purchase.what))} from {words.short(purchase.seller)}, in"
        f" {words.count(purchase.pieces, 'sealed piece')}.",
        "The sealed copy is here, and is the one that the seller commits to."
        if purchase.checked
        else "Careful: the sealed copy was not fetched and checked. Do not pay before it was.",
        vouched(purchase.attested_by, purchase.trusted, purchase.doubts),
        f"You pay {price}, held until the seller delivers: within {_span(purchase.deliver_seconds)}, or it"
        " comes back to you."
        if price
        else "You pay nothing.",
        f"You then have {_span(purchase.dispute_seconds)} to object to a wrong key or a wrong piece. Open it"
        " in that time: afterwards nothing can be had back.",
        f"You may use it for {terms.purpose} alone: “{_sentence(terms.why)}”",
        f"You may keep it {words.count(terms.retention_days, 'day')}. The seller can withdraw any day: then"
        f" you erase it within {words.count(terms.erase_days, 'day')}, and say so (`troc data acknowledge`).",
        _others(terms),
        "Know this: the market judges whether the bytes are those that were promised, never whether they are"
        " true; you answer before the law for what you do with them; your address, the price, the times and"
        " your record of erasing stay public for ever.",
    ]
    return "\n".join(lines)


def vouched(attested_by: str, trusted: bool, doubts: Sequence[str]) -> str:
    """Who vouches for what a buyer is about to pay for; as in `Purchase`."""
    if not attested_by:
        return "Careful: nobody vouches for it. If it is made up, you get no money back."
    who = words.shown(attested_by)
    if doubts:
        return f"Careful: what {who} attests does not count here: {words.listed(doubts)}."
    if not trusted:
        return f"Careful: {who} vouches for it, and is not on your list (`troc data trust`)."
    return f"{who} vouches for it, and is on your list."


# ----------------------------------------------------------------------------------- requests that betray


@dataclass(frozen=True)
class Criteria:
    """What a request asks for, as everybody can read it. `kinds`: of data, in plain words. `number`: answers
    wanted.
    """

    text: str
    kinds: tuple[str, ...] = ()
    number: int = 0


_SENSITIVE: Mapping[str, str] = {
    "health": r"diabet|cancer|pregnan|\bhiv\b|depress|disab|allerg|\bill\b|illness|disease|medic|patient|"
    r"addict|alcohol|therap|asthma|fertil|obes",
    "beliefs": r"relig|church|mosque|synagog|muslim|christian|jewish|hindu|buddhis|atheis|halal|kosher",
    "politics": r"politic|voter|voting|\bparty member|trade.?union|activis",
    "sexual life": r"\bsex|\bgay\b|lesbian|\bhomosex|transgender|\bqueer",
    "origin": r"ethnic|\brace\b|migrant|refugee|asylum|nationalit",
    "need": r"\bdebt|insolv|bankrupt|unemploy|welfare|low.income|\bpoor\b|gambl|convict|offender|prison",
    "children": r"\bchild|\bkids?\b|\bminor|\bbaby|\bbabies|toddler|\bteen",
}
_AGES = re.compile("\\b(\\d{1,3})\\s*(?:-|\u2013|to|and)\\s*(\\d{1,3})\\b")
_PLACE = re.compile(r"\b\d{5}\b|\bstreet\b|\bvillage\b|\bneighbou?rhood\b|\bpostal code\b", re.IGNORECASE)
_PARTS = re.compile(r",|;|\band\b|\bwho\b|\bwith\b", re.IGNORECASE)


def warnings_of(criteria: Criteria) -> tuple[str, ...]:
    """What an answer to a request says about whoever gives it, before anyone reads the data.

    An answer that is taken stands on the chain beside the request, for ever. Words are looked for; that none
    is found proves nothing.
    """
    text = criteria.text
    found = []
    for about, pattern in _SENSITIVE.items():
        hit = re.search(rf"\w*(?:{pattern})\w*", text, re.IGNORECASE)
        if hit:
            found.append(f"whoever answers shows everyone that “{words.shown(hit[0])}” fits ({about})")
    special = [kind for kind in criteria.kinds if KINDS.get(kind) in SPECIAL]
    if special:
        found.append(f"the request asks for {words.listed(special)}, which the law protects above others")
    for low, high in ((int(a), int(b)) for a, b in _AGES.findall(text)):
        if low < high <= 120 and high - low <= 10:
            found.append(f"“{low} to {high}” nearly tells the age of whoever answers, or another figure")
    if _PLACE.search(text):
        found.append("it names a small place: few people live there")
    if 0 < criteria.number < SMALL_GROUP:
        found.append(f"only {words.count(criteria.number, 'answer')} are wanted: each stands out")
    if len([part for part in _PARTS.split(text) if part.strip()]) >= 4:
        found.append("each condition narrows the group; all of them together may fit very few")
    if found:
        found.append("answer from an address that was never used for anything else (`troc account new`)")
    return tuple(found)


def linked(sales: int) -> str:
    """What a seller is warned of whose address has sold before, so many times."""
    return (
        f"this address has sold {words.count(sales, 'time')} before, and everybody sees that it is the same"
        " seller: an address of its own for each sale (`troc account new`) keeps them apart"
    )


def is_open(buyer: str) -> bool:
    """Whether a deal is for whoever buys."""
    return buyer == ZERO_ADDRESS
