"""Receipts for people: what a sale of data is, and what has become of it, signed by one of its parties.

A receipt is text or PDF. Both carry what was signed, so that `check` needs nothing but the file: it looks at
the signature, writes the page anew from the signed facts, and compares it to the last byte. The message is in
docs/messages.md, "Messages off the chain".
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

from eth_utils.crypto import keccak

from troc import words
from troc.accounts import Signer
from troc.data.consent import Terms
from troc.data.documents import canonical, read_json
from troc.errors import InputError, TamperedError
from troc.messages import (
    Address,
    Bytes32,
    Domain,
    Message,
    Uint8,
    Uint256,
    recover,
    sign,
    to_address,
)
from troc.pdf import a4, printable

if TYPE_CHECKING:
    from fpdf import FPDF

DATA_NAME = "Troc Data"
"""No contract has this domain: nothing that is signed for it can be used on the chain."""

STEPS = ("offered", "sold", "delivered", "paid", "refunded", "revoked", "acknowledged", "erased")
"""What a receipt can be of; its number is its place here."""

_TIMES = {
    "offered": "offered_at",
    "sold": "bought_at",
    "delivered": "delivered_at",
    "paid": "ended_at",
    "refunded": "ended_at",
    "revoked": "revoked_at",
    "acknowledged": "acknowledged_at",
    "erased": "erased_at",
}

Check = Callable[[Message, Domain, bytes], bool]
"""Whether the signer that a message names signed it (`troc.signatures.is_signed`, on a chain)."""

_TAG = keccak(b"troc.receipt.v1")
_MARK = "-----  what was signed  -----"
_WIDTH = 92
_LABEL = 12
_MOST_BYTES = 4_194_304
_DAY = 86_400


@dataclass(frozen=True)
class Receipt(Message):
    """`account`, a party of the sale, states that `facts` are those of the sale at a step of `STEPS`."""

    contract: ClassVar[str] = DATA_NAME

    account: Address
    sale_id: Bytes32
    step: Uint8
    at: Uint256
    facts: Bytes32
    signed_at: Uint256


def data_domain(chain_id: int, market: str) -> Domain:
    """The domain of papers about sales, off the chain."""
    return Domain(DATA_NAME, chain_id, market)


@dataclass(frozen=True)
class SaleFacts:
    """What there is to say about a sale. Times are Unix seconds, 0 where something has not happened.

    `what` and `price` are words ("212 dairy rows", "50 Le Panier"). `buyer_domain` is a domain that was asked
    and agrees, `attestor` whoever vouched, both empty where there is none. `outcome` is a word of the
    market's: "paid", "refunded", "conceded", "key wrong", "chunk wrong"; empty while it is open.
    """

    chain_id: int
    market: str
    sale_id: bytes
    deal: bytes
    seller: str
    buyer: str
    what: tuple[str, ...]
    chunks: int
    price: str
    token: str
    manifest_root: bytes
    terms_hash: bytes
    buyer_name: str = ""
    buyer_domain: str = ""
    contact: str = ""
    attestor: str = ""
    purpose: str = ""
    why: str = ""
    retention_days: int = 0
    erase_days: int = 0
    recipients: tuple[str, ...] = ()
    request_id: bytes = bytes(32)
    offered_at: int = 0
    bought_at: int = 0
    deliver_by: int = 0
    delivered_at: int = 0
    dispute_until: int = 0
    ended_at: int = 0
    outcome: str = ""
    revoked_at: int = 0
    acknowledged_at: int = 0
    erased_at: int = 0

    def with_terms(self, terms: Terms, domain: str = "") -> SaleFacts:
        """The same, with what the terms say, and the buyer's proven domain. Raises `TamperedError` where they
        are not the deal's.
        """
        terms.check_deal(self.terms_hash, self.buyer)
        return replace(
            self,
            buyer_name=terms.buyer_name if terms.names_buyer else "",
            buyer_domain=domain or self.buyer_domain,
            contact=terms.contact,
            purpose=terms.purpose,
            why=terms.why,
            retention_days=terms.retention_days,
            erase_days=terms.erase_days,
            recipients=tuple(f"{r.name} ({r.role}, {r.country})" for r in terms.recipients),
        )

    def time_of(self, step: str) -> int:
        """When a step happened; 0 where it did not."""
        paid = self.outcome == "paid"
        return {
            "offered": self.offered_at,
            "sold": self.bought_at,
            "delivered": self.delivered_at,
            "paid": self.ended_at if paid else 0,
            "refunded": self.ended_at if self.outcome and not paid else 0,
            "revoked": self.revoked_at,
            "acknowledged": self.acknowledged_at,
            "erased": self.erased_at,
        }[step]

    @property
    def last_step(self) -> str:
        """The latest thing that happened."""
        happened = [(self.time_of(step), number) for number, step in enumerate(STEPS) if self.time_of(step)]
        if not happened:
            raise InputError("nothing has happened in this sale yet", "ask again when it was offered")
        return STEPS[max(happened)[1]]

    def until(self, step: str) -> SaleFacts:
        """What was known when a step happened, and nothing that came later."""
        at = self.time_of(step)
        if not at:
            raise InputError(f"this sale was not {step}", f"ask for what it was: {self.last_step}")
        last = at, STEPS.index(step)
        # Of what one block holds, what can only come later did.
        later = {each for n, each in enumerate(STEPS) if (self.time_of(each), n) > last}
        changes: dict[str, Any] = {_TIMES[each]: 0 for each in later}
        if later & {"paid", "refunded"}:
            changes["outcome"] = ""
        known = replace(self, **changes)
        if not known.bought_at:
            known = replace(known, deliver_by=0)
        if not known.delivered_at:
            known = replace(known, dispute_until=0)
        return known

    @property
    def erase_by(self) -> int:
        """The last second at which the buyer may have the data; 0 where it never got them or no term says."""
        if not self.delivered_at or not self.retention_days:
            return 0
        end = self.bought_at + self.retention_days * _DAY
        return min(end, self.revoked_at + self.erase_days * _DAY) if self.revoked_at else end

    def as_json(self) -> dict[str, Any]:
        """For a file: bytes in hex."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_json(cls, data: Any) -> SaleFacts:
        """Read what `as_json` wrote. Raises `InputError` for anything else."""
        hints = get_type_hints(cls)
        if not isinstance(data, Mapping) or set(data) != set(hints):
            raise InputError("these are not the facts of a sale", "name a file of `troc data receipt`")
        try:
            facts = cls(**{name: _typed(type_, data[name]) for name, type_ in hints.items()})
        except (TypeError, ValueError):
            raise InputError(
                "these are not the facts of a sale", "name a file of `troc data receipt`"
            ) from None
        for name in ("seller", "buyer", "market", "token"):
            to_address(getattr(facts, name), name)
        return facts


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return list(value) if isinstance(value, tuple) else value


def _typed(type_: Any, value: Any) -> Any:
    if type_ is int:
        if type(value) is not int or not 0 <= value < 2**53:
            raise ValueError
        return value
    if type_ is bytes:
        if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-f]{64}", value):
            raise ValueError
        return bytes.fromhex(value[2:])
    if type_ is str:
        if not isinstance(value, str):
            raise ValueError
        return value
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError
    return tuple(value)


# ------------------------------------------------------------------------------------------------- signing


@dataclass(frozen=True)
class Signed:
    """A receipt that somebody signed: the facts, the message, the signature."""

    facts: SaleFacts
    receipt: Receipt
    signature: bytes

    @property
    def step(self) -> str:
        """What it is a receipt of."""
        return STEPS[self.receipt.step]

    @property
    def domain(self) -> Domain:
        """What it was signed for."""
        return data_domain(self.facts.chain_id, self.facts.market)

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "facts": self.facts.as_json(),
            "receipt": self.receipt.to_json(),
            "signature": "0x" + self.signature.hex(),
        }

    @classmethod
    def from_json(cls, data: Any) -> Signed:
        """Read what `as_json` wrote. Raises `InputError` for anything else. Checks no signature."""
        if not isinstance(data, Mapping) or set(data) != {"facts", "receipt", "signature"}:
            raise InputError("this is no receipt", "name a file of `troc data receipt`")
        signature = data["signature"]
        if not isinstance(signature, str) or not re.fullmatch(r"0x([0-9a-f]{2}){1,4096}", signature):
            raise InputError("this receipt carries no signature", "name a file of `troc data receipt`")
        return cls(
            SaleFacts.from_json(data["facts"]),
            Receipt.from_json(data["receipt"]),
            bytes.fromhex(signature[2:]),
        )


def facts_hash(facts: SaleFacts) -> bytes:
    """What is signed for the facts: keccak256 of a tag and their canonical JSON."""
    return keccak(_TAG + canonical(facts.as_json()).encode())


def sign_receipt(facts: SaleFacts, signer: Signer, now: int, step: str = "") -> Signed:
    """A receipt of a step (the last one where none is named), signed by a party of the sale."""
    step = step or facts.last_step
    if step not in STEPS:
        raise InputError(f"{step!r} is no step of a sale", f"name one of {', '.join(STEPS)}")
    if signer.address not in (facts.seller, facts.buyer):
        raise InputError(
            f"{signer.address} is no party of this sale", "sign with the account that sold or bought"
        )
    known = facts.until(step)
    receipt = Receipt(
        account=signer.address,
        sale_id=facts.sale_id,
        step=STEPS.index(step),
        at=facts.time_of(step),
        facts=facts_hash(known),
        signed_at=now,
    )
    return Signed(known, receipt, sign(receipt, data_domain(facts.chain_id, facts.market), signer))


def is_signed_by_key(message: Message, domain: Domain, signature: bytes) -> bool:
    """Whether the key of whom the message names signed it. Contract wallets need a chain."""
    return recover(message, domain, signature) == message.signer


def check_signed(signed: Signed, check: Check = is_signed_by_key) -> None:
    """Raise `TamperedError` unless the receipt is what a party of the sale signed."""
    facts, receipt = signed.facts, signed.receipt
    if receipt.step >= len(STEPS):
        raise TamperedError("this receipt is of no step of a sale", "do not rely on it")
    if receipt.facts != facts_hash(facts) or receipt.sale_id != facts.sale_id:
        raise TamperedError("the facts of this receipt are not those that were signed", "do not rely on it")
    if receipt.account not in (facts.seller, facts.buyer):
        raise TamperedError("whoever signed this receipt is no party of the sale", "do not rely on it")
    if receipt.at != facts.time_of(signed.step) or not receipt.at or facts.until(signed.step) != facts:
        raise TamperedError("this receipt contradicts itself about what happened when", "do not rely on it")
    if not check(receipt, signed.domain, signed.signature):
        raise TamperedError(f"this receipt is not signed by {receipt.account}", "do not rely on it")


# ------------------------------------------------------------------------------------------------- the page


@dataclass(frozen=True)
class Page:
    """What stands on a receipt, before it is text or PDF."""

    title: str
    lead: str
    rows: tuple[tuple[str, str], ...]
    history: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    marks: tuple[tuple[str, str], ...]


def page(signed: Signed) -> Page:
    """The words of a receipt."""
    facts, step = signed.facts, signed.step
    buyer = words.shown(facts.buyer_name) or "the buyer"
    return Page(
        title=f"Receipt: {step}",
        lead=f"{words.moment(signed.receipt.at)}: {_lead(facts, step, buyer)}",
        rows=tuple(_rows(facts)),
        history=tuple(
            (words.moment(facts.time_of(each)), _happened(facts, each, buyer))
            for each in sorted(STEPS, key=facts.time_of)
            if facts.time_of(each)
        ),
        notes=tuple(_notes(signed, buyer)),
        marks=(
            ("sale", "0x" + facts.sale_id.hex()),
            ("deal", "0x" + facts.deal.hex()),
            ("content", "0x" + facts.manifest_root.hex()),
            ("terms", "0x" + facts.terms_hash.hex()),
            ("market", f"{facts.market} on chain {facts.chain_id}"),
            ("signed by", signed.receipt.account),
            ("signed on", words.moment(signed.receipt.signed_at)),
        ),
    )


def _lead(facts: SaleFacts, step: str, buyer: str) -> str:
    what, price = words.listed(words.shown(each) for each in facts.what), words.shown(facts.price)
    match step:
        case "offered":
            return f"{what} offered for {price}. Nothing is sold yet."
        case "sold":
            until = f", by {words.moment(facts.deliver_by)}, or returned then" if facts.deliver_by else ""
            return f"{what} sold to {buyer} for {price}. The money is held until the key is delivered{until}."
        case "delivered":
            return (
                f"the key to {what} was handed over, sealed for {buyer} alone. It has until"
                f" {words.moment(facts.dispute_until)} to object."
            )
        case "paid":
            return f"{price} paid to the seller for {what}."
        case "refunded":
            return f"{price} returned to {buyer}: {_REFUNDED.get(facts.outcome, facts.outcome)}."
        case "revoked":
            until = f" It has to erase them by {words.moment(facts.erase_by)}." if facts.erase_by else ""
            return f"the seller withdrew her consent. From now on {buyer} may not use the data.{until}"
        case "acknowledged":
            return f"{buyer} states that it erased the data. Nobody can check that."
    return f"the seller erased her own copy of {what}, and the key to it."


_REFUNDED: Mapping[str, str] = {
    "refunded": "the key did not come in time",
    "conceded": "the seller gave the money back",
    "key wrong": "the key that came was a wrong one",
    "chunk wrong": "the data were not what was promised",
}


def _happened(facts: SaleFacts, step: str, buyer: str) -> str:
    return {
        "offered": "offered",
        "sold": f"sold, {words.shown(facts.price)} held",
        "delivered": "key delivered",
        "paid": "seller paid",
        "refunded": f"money returned: {_REFUNDED.get(facts.outcome, facts.outcome)}",
        "revoked": "consent withdrawn",
        "acknowledged": f"{buyer} states that it erased",
        "erased": "erased by the seller",
    }[step]


def _rows(facts: SaleFacts) -> list[tuple[str, str]]:
    buyer = ", ".join(
        part
        for part in (
            words.shown(facts.buyer_name),
            words.shown(f"{facts.buyer_domain} (proven)") if facts.buyer_domain else "",
            facts.buyer,
        )
        if part
    )
    rows = [
        (
            "What",
            f"{words.listed(map(words.shown, facts.what))} ({words.count(facts.chunks, 'sealed piece')})",
        ),
        ("Attested by", words.shown(facts.attestor) or "nobody"),
        ("Seller", facts.seller),
        ("Buyer", buyer if facts.bought_at or facts.buyer_name else "whoever buys"),
        ("Price", words.shown(facts.price)),
    ]
    if facts.purpose:
        rows.append(("For", words.shown(f"{facts.purpose}: {facts.why}")))
        rows.append(
            ("Others", words.listed(map(words.shown, facts.recipients)) or "nobody else gets the data")
        )
        rows.append(
            (
                "Kept",
                f"{words.count(facts.retention_days, 'day')} from the sale on, and at most"
                f" {words.count(facts.erase_days, 'day')} after a withdrawal",
            )
        )
    if facts.erase_by:
        rows.append(("Erased by", words.moment(facts.erase_by)))
    if facts.contact:
        rows.append(("Contact", words.shown(facts.contact)))
    return rows


def _notes(signed: Signed, buyer: str) -> list[str]:
    facts = signed.facts
    notes = []
    if facts.bought_at and not facts.revoked_at:
        notes.append(
            "The seller can withdraw her consent on any day, without a reason and for nothing:"
            f" troc data revoke 0x{facts.sale_id.hex()}"
        )
    if facts.delivered_at:
        notes.append(f"Whoever has read data could keep a copy. That {buyer} erased them is its own word.")
    who = "seller" if signed.receipt.account == facts.seller else "buyer"
    notes.append(
        f"Signed by the {who}: it shows what the {who} states. What the chain has of the sale anyone can look"
        " up there; what was sold and for what, only who has this receipt."
    )
    return notes


# ----------------------------------------------------------------------------------------------------- text


def as_text(signed: Signed) -> str:
    """The receipt as text, with what was signed at its end."""
    whole = page(signed)
    lines = [whole.title, "=" * len(whole.title), "", *textwrap.wrap(whole.lead, _WIDTH), ""]
    for label, text in whole.rows:
        lines += _wrapped(label, text)
    lines += ["", "What happened"]
    lines += [f"  {time}  {text}" for time, text in whole.history]
    for note in whole.notes:
        lines += ["", *textwrap.wrap(note, _WIDTH, break_long_words=False)]
    lines.append("")
    lines += [f"{label:{_LABEL}}{text}" for label, text in whole.marks]
    # ASCII, so that no mail program changes it.
    return "\n".join([*lines, "", _MARK, json.dumps(signed.as_json(), separators=(",", ":")), ""])


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{label:{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )


# ------------------------------------------------------------------------------------------------------ PDF


def as_pdf(signed: Signed) -> bytes:
    """The receipt as a PDF of A4 pages, with what was signed attached to it: the same bytes each time."""
    whole = page(signed)
    at = datetime.fromtimestamp(signed.receipt.signed_at, UTC)
    pdf = a4(whole.title, signed.receipt.account, signed.receipt.signed_at)
    pdf.set_margin(20)
    pdf.set_auto_page_break(True, 20)
    pdf.add_page()
    _write(pdf, whole)
    pdf.embed_file(
        bytes=canonical(signed.as_json()).encode(),
        basename="receipt.json",
        desc="What was signed",
        mime_type="application/json",
        creation_date=at,
        modification_date=at,
    )
    return bytes(pdf.output())


def _write(pdf: FPDF, whole: Page) -> None:
    def line(text: str, size: float = 10, style: str = "", height: float = 5.5) -> None:
        pdf.set_font("text", style, size)
        pdf.multi_cell(0, height, printable(pdf, text), align="L", new_x="LMARGIN", new_y="NEXT")

    def row(label: str, text: str, width: float, size: float = 10, height: float = 5.5) -> None:
        pdf.set_font("text", "B", size)
        pdf.cell(width, height, label)
        pdf.set_font("text", "", size)
        pdf.multi_cell(0, height, printable(pdf, text), align="L", new_x="LMARGIN", new_y="NEXT")

    line(whole.title, 18, "B", 10)
    pdf.ln(2)
    line(whole.lead, 11, "", 6)
    pdf.ln(4)
    for label, text in whole.rows:
        row(label, text, 32)
    pdf.ln(4)
    line("What happened", 10, "B")
    for time, text in whole.history:
        row(time, text, 62)
    pdf.ln(4)
    for note in whole.notes:
        line(note, 9, "", 5)
        pdf.ln(1.5)
    pdf.ln(2)
    for label, text in whole.marks:
        row(label, text, 24, 7.5, 4.2)


# ------------------------------------------------------------------------------------------------- checking


def check_file(path: Path, check: Check = is_signed_by_key) -> Signed:
    """What a file of a receipt says, text, PDF or JSON. Raises `TamperedError` where it was not signed as it
    is, `InputError` where it is no receipt.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is too large for a receipt", "name a file of `troc data receipt`")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check its name and rights") from None
    return check_bytes(data, check)


def check_bytes(data: bytes, check: Check = is_signed_by_key) -> Signed:
    """The same for what a file holds."""
    if data.startswith(b"%PDF-"):
        signed = _read(_attached(data))
        check_signed(signed, check)
        if as_pdf(signed) != data:
            raise TamperedError(
                "the signed facts are genuine, but this page may show others: it was changed, or another"
                " version of this program wrote it",
                "have it written anew from what is attached to it",
            )
        return signed
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InputError("this is no receipt", "name a file of `troc data receipt`") from None
    if _MARK not in text:
        signed = _read(text)
        check_signed(signed, check)
        return signed
    signed = _read(text.rpartition(_MARK)[2])
    check_signed(signed, check)
    if as_text(signed).rstrip() != text.rstrip():
        raise TamperedError(
            "the signed facts are genuine, but the text above them is another one", "rely on the facts alone"
        )
    return signed


def _read(text: str) -> Signed:
    return Signed.from_json(read_json(text, "the receipt"))


def _attached(data: bytes) -> str:
    """What is attached to a PDF of ours. Whatever it is, the whole page is compared afterwards."""
    found = re.search(rb"/Type /EmbeddedFile\n>>\nstream\n([^\n]*)\nendstream", data)
    try:
        if found is None:
            raise ValueError
        return found[1].decode()
    except ValueError:
        raise InputError("this PDF is no receipt", "name a file of `troc data receipt`") from None


def write(signed: Signed, path: Path) -> None:
    """Write a receipt into a new file: a PDF where its name ends so, JSON or text otherwise."""
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        data = as_pdf(signed)
    elif suffix == ".json":
        data = (json.dumps(signed.as_json(), indent=2) + "\n").encode()
    else:
        data = as_text(signed).encode()
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise InputError(f"{path} is there already", "choose another name") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "choose another place") from None
