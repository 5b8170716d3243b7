"""Consent to a sale of data: the terms whose hash the deal carries, and the record that they become.

The fields are those of ISO/IEC TS 27560:2023 (consent record information structure), written in JSON-LD with
the terms of the Data Privacy Vocabulary 2.1 of the W3C's community group. A document is checked against
`schema/consent.schema.json`, where each field says how to mend it.

*Terms* are everything but the person and what she decided: who buys, for what, how long, for whom. A deal
carries their hash, so that one request has one hash for all who answer it. The *record* of a sale is the
terms, the seller, the deal that she signed, and the events since. Both are for the two parties alone. The
salt in the terms makes the public hash say nothing, even to somebody who guesses all the rest.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import yaml
from eth_utils.crypto import keccak

from troc.data.documents import (
    MOST_BYTES,
    Fault,
    canonical,
    read_json,
    refuse,
    schema_faults,
    schema_of,
    text_faults,
)
from troc.errors import InputError, TamperedError
from troc.files import write_file
from troc.messages import ZERO_ADDRESS, to_address

PURPOSES: Mapping[str, str] = {
    "academic research": "AcademicResearch",
    "advertising": "Advertising",
    "commercial research": "CommercialResearch",
    "direct marketing": "DirectMarketing",
    "fraud prevention": "FraudPreventionAndDetection",
    "improving products": "ImproveExistingProductsAndServices",
    "improving public services": "ImprovePublicServices",
    "marketing": "Marketing",
    "non-commercial research": "NonCommercialResearch",
    "official statistics": "ProvideOfficialStatistics",
    "personal benefits": "PersonalisedBenefits",
    "personalised advertising": "PersonalisedAdvertising",
    "product recommendations": "ProvideProductRecommendations",
    "public benefit": "PublicBenefit",
    "research and development": "ResearchAndDevelopment",
    "scientific research": "ScientificResearch",
    "selling insights": "SellInsightsFromData",
    "targeted advertising": "TargetedAdvertising",
}
"""A purpose in plain words, and the vocabulary's term for it (`https://w3id.org/dpv#...`)."""

KINDS: Mapping[str, str] = {
    "age": "Age",
    "age range": "AgeRange",
    "browsing": "BrowsingBehavior",
    "country": "Country",
    "education": "Education",
    "family": "FamilyStructure",
    "gender": "Gender",
    "health": "Health",
    "household": "Household",
    "income": "Income",
    "income range": "IncomeBracket",
    "interests": "Interest",
    "job": "Job",
    "likes": "Like",
    "location": "Location",
    "marital status": "MaritalStatus",
    "opinions": "Opinion",
    "political opinions": "PoliticalOpinion",
    "postal code": "PostalCode",
    "purchases": "Purchase",
    "race": "Race",
    "religion": "Religion",
    "salary": "Salary",
    "sexual life": "Sexual",
    "shopping habits": "PurchasesAndSpendingHabit",
    "trade union membership": "TradeUnionMembership",
    "travel": "TravelHistory",
    "viewing habits": "TVViewingBehavior",
}
"""A kind of data in plain words, and the vocabulary's term for it (`https://w3id.org/dpv/pd#...`)."""

SPECIAL = frozenset({"Health", "PoliticalOpinion", "Race", "Religion", "Sexual", "TradeUnionMembership"})
"""Kinds that article 9 of the GDPR protects above others."""

EEA = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
        *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
    )
)
"""The countries of the European Economic Area, where the GDPR holds."""

ERASE_DAYS = 30
"""How many days after a withdrawal the data are erased where the terms do not say less."""

REQUESTED, GIVEN, REFUSED, WITHDRAWN, EXPIRED = "requested", "given", "refused", "withdrawn", "expired"

_STATES: Mapping[str, list[str]] = {
    REQUESTED: ["dpv:ConsentRequested"],
    GIVEN: ["dpv:ConsentGiven", "dpv:ExplicitlyExpressedConsent"],
    REFUSED: ["dpv:ConsentRefused"],
    WITHDRAWN: ["dpv:ConsentWithdrawn"],
    EXPIRED: ["dpv:ConsentExpired"],
}
_RIGHTS = [f"eu-gdpr:{right}" for right in ("A7-3", "A15", "A16", "A17", "A18", "A20", "A77")]
_WITHDRAWAL = "One signature, at any time, without a reason and for nothing: `troc data revoke SALE`."
_TAG = keccak(b"troc.terms.v1")
_DAY = 86_400


# ---------------------------------------------------------------------------------------------------- terms


@cache
def context() -> Mapping[str, Any]:
    """What the prefixes of a document stand for (JSON-LD)."""
    found = json.loads(files("troc.data").joinpath("schema", "context.jsonld").read_text())["@context"]
    assert isinstance(found, dict)
    return found


def account_id(chain_id: int, address: str) -> str:
    """An account as the documents name it (CAIP-10)."""
    return f"eip155:{chain_id}:{address}"


def _address(identifier: str) -> str:
    return identifier.rsplit(":", 1)[1]


@dataclass(frozen=True)
class Recipient:
    """Who else gets the data. `role`: `processor` works for the buyer, `third party` on its own account."""

    name: str
    role: str
    contact: str
    country: str


@dataclass(frozen=True)
class Terms:
    """What a buyer may do with data, and what the deal carries the hash of. `text` is canonical JSON.

    Made by `draft` or `read`, which check it. Days are whole days.
    """

    text: str

    @classmethod
    def draft(
        cls,
        fields: Mapping[str, Any],
        chain_id: int,
        buyer: str,
        now: int,
        *,
        creator: str = "",
        salt: bytes | None = None,
    ) -> Self:
        """Terms from the few fields that a brand writes (`schema/terms.schema.json`).

        `buyer` is its account; the zero address where a seller offers to whoever buys, and `creator` then
        is she. `now` in Unix seconds. Raises `InputError` with every fault, its field and its remedy.
        """
        buyer = to_address(buyer, "buyer")
        # Neither too deep nor of kinds that JSON has not.
        canonical(fields)
        refuse(_draft_faults(fields, buyer), "these terms cannot be used")
        salt = secrets.token_bytes(32) if salt is None else salt
        document = _document(fields, chain_id, buyer, to_address(creator or buyer, "creator"), now, salt)
        return cls.read(canonical(document))

    @classmethod
    def from_yaml(cls, path: Path, chain_id: int, buyer: str, now: int, *, creator: str = "") -> Self:
        """The same from a short file."""
        try:
            text = path.read_text(encoding="utf-8")
            if len(text) > MOST_BYTES:
                raise InputError(f"{path} is larger than {MOST_BYTES} bytes", "write a short file")
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
                raise InputError(f"{path} refers from one place to another", "write each field out")
            fields = yaml.safe_load(text)
        except (OSError, UnicodeDecodeError):
            raise InputError(f"{path} cannot be read", "name a file of terms") from None
        except (yaml.YAMLError, RecursionError, ValueError):
            raise InputError(f"{path} is no YAML", "write `field: value`, a line each") from None
        try:
            return cls.draft(fields, chain_id, buyer, now, creator=creator)
        except InputError as error:
            raise InputError(f"{path}: {error.message}", error.remedy) from None

    @classmethod
    def read(cls, text: str) -> Self:
        """Terms that somebody sent. Raises `InputError` with every fault, its field and its remedy."""
        document = read_json(text, "the terms")
        refuse(faults(document), "these terms cannot be relied on")
        if "dpv:hasDataSubject" in document:
            raise InputError("this is the record of a sale, not terms", "name a file of terms")
        return cls(canonical(document))

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The whole of it, in JSON-LD."""
        document = json.loads(self.text)
        assert isinstance(document, dict)
        return document

    @cached_property
    def hash(self) -> bytes:
        """`termsHash` of a deal: keccak256 of a tag and the canonical JSON, salt included."""
        return keccak(_TAG + self.text.encode())

    @property
    def _process(self) -> Mapping[str, Any]:
        process = self.document["dpv:hasProcess"]
        assert isinstance(process, dict)
        return process

    @property
    def _buyer(self) -> Mapping[str, Any]:
        return next(e for e in self.document["dpv:hasEntity"] if e["@type"] == "dpv:DataController")

    @property
    def buyer(self) -> str:
        """The buyer's account; the zero address where it is whoever buys."""
        return to_address(_address(self._process["dpv:hasDataController"]))

    @property
    def names_buyer(self) -> bool:
        """Whether they say who buys."""
        return self.buyer != ZERO_ADDRESS

    @property
    def chain_id(self) -> int:
        """The chain of the accounts."""
        return int(self.document["dct:creator"].split(":")[1])

    @property
    def buyer_name(self) -> str:
        """What the buyer says that it is called."""
        return str(self._buyer["dpv:hasName"])

    @property
    def contact(self) -> str:
        """How to reach it; empty where nobody is named."""
        return str(self._buyer.get("dpv:hasContact", ""))

    @property
    def domain(self) -> str:
        """The domain that it claims."""
        return str(self._buyer.get("troc:domain", ""))

    @property
    def purpose(self) -> str:
        """In plain words: "commercial research"."""
        term = self._process["dpv:hasPurpose"]["skos:broader"].removeprefix("dpv:")
        return next(word for word, name in PURPOSES.items() if name == term)

    @property
    def why(self) -> str:
        """The purpose in the buyer's own sentence."""
        return str(self._process["dpv:hasPurpose"]["skos:prefLabel"])

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of data, in plain words."""
        return tuple(str(kind["skos:prefLabel"]) for kind in self._process["dpv:hasPersonalData"])

    @property
    def is_special(self) -> bool:
        """Whether a kind is of those that the law protects above others."""
        return bool(self._process["dpv:hasLegalBasis"] == "eu-gdpr:A9-2-a")

    @property
    def retention_days(self) -> int:
        """How long the buyer keeps the data."""
        return _days(self._process["dpv:hasStorageCondition"]["dpv:hasDuration"])

    @property
    def erase_days(self) -> int:
        """How soon after a withdrawal it erases them."""
        return _days(self._process["dpv:hasStorageCondition"]["troc:erasure"])

    @property
    def storage(self) -> tuple[str, ...]:
        """The countries where they lie, two capitals each."""
        return tuple(
            place.removeprefix("loc:")
            for place in self._process["dpv:hasStorageCondition"]["dpv:hasLocation"]
        )

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Whoever else gets them."""
        return tuple(
            Recipient(
                str(entity["dpv:hasName"]),
                "processor" if entity["@type"] == "dpv:DataProcessor" else "third party",
                str(entity.get("dpv:hasContact", "")),
                str(entity.get("dpv:hasLocation", "")).removeprefix("loc:"),
            )
            for entity in self.document["dpv:hasEntity"]
            if entity["@type"] != "dpv:DataController"
        )

    @property
    def outside_eea(self) -> tuple[str, ...]:
        """Countries outside the European Economic Area that the data go to."""
        buyer = str(self._buyer.get("dpv:hasLocation", "")).removeprefix("loc:")
        places = {*self.storage, *(recipient.country for recipient in self.recipients), buyer} - {""}
        return tuple(sorted(places - EEA - {"EU"}))

    def erase_by(self, bought_at: int, revoked_at: int = 0) -> int:
        """The last second at which the buyer may still have the data, in Unix seconds."""
        end = bought_at + self.retention_days * _DAY
        return min(end, revoked_at + self.erase_days * _DAY) if revoked_at else end

    def check_deal(self, terms_hash: bytes, buyer: str) -> None:
        """Refuse a deal that carries another hash, or is with somebody else than they name."""
        if terms_hash != self.hash:
            raise TamperedError(
                "these are not the terms of the deal: its hash is of others",
                "ask the other side for the right ones",
            )
        if self.names_buyer and to_address(buyer, "buyer") != self.buyer:
            whom = "whoever buys" if buyer == ZERO_ADDRESS else buyer
            raise TamperedError(
                f"the terms are for {self.buyer}, the deal is for {whom}",
                "sign nothing: a deal for that buyer alone, or terms that name nobody",
            )


def _days(duration: str) -> int:
    return int(duration.removeprefix("P").removesuffix("D"))


def _draft_faults(fields: Any, buyer: str) -> list[Fault]:
    found = schema_faults(fields, "terms.schema.json") + list(text_faults(fields, []))
    if not isinstance(fields, Mapping):
        return found
    purpose, kinds = fields.get("purpose"), fields.get("data")
    if isinstance(purpose, str) and purpose not in PURPOSES:
        found.append(Fault("purpose", f"is {purpose!r}", f"write one of: {', '.join(PURPOSES)}"))
    for number, kind in enumerate(kinds if isinstance(kinds, list) else ()):
        if isinstance(kind, str) and kind not in KINDS:
            found.append(Fault(f"data.{number}", f"is {kind!r}", f"write one of: {', '.join(KINDS)}"))
    if "controller" not in fields and buyer != ZERO_ADDRESS:
        found.append(Fault("controller", "is missing", "say who buys: name, address, contact, country"))
    if "controller" in fields and buyer == ZERO_ADDRESS:
        found.append(
            Fault("controller", "is named in an offer to whoever buys", "leave it out, or sell to it alone")
        )
    if "controller" not in fields and "storage" not in fields:
        found.append(Fault("storage", "is missing", "list the countries in which the data may be kept"))
    return found


def _document(
    fields: Mapping[str, Any], chain_id: int, buyer: str, creator: str, now: int, salt: bytes
) -> dict[str, Any]:
    controller = fields.get("controller")
    entity: dict[str, Any] = {"@id": account_id(chain_id, buyer), "@type": "dpv:DataController"}
    if controller is None:
        entity["dpv:hasName"] = "whoever buys"
    else:
        entity |= {
            "dpv:hasName": controller["name"],
            "dpv:hasAddress": controller["address"],
            "dpv:hasContact": controller["contact"],
            "dpv:hasLocation": f"loc:{controller['country']}",
        }
        if "domain" in controller:
            entity["troc:domain"] = controller["domain"]
        if "officer" in controller:
            entity["dpv:hasDataProtectionOfficer"] = controller["officer"]
    others = [
        {
            "@id": f"urn:troc:party:{number}",
            "@type": "dpv:DataProcessor" if recipient["role"] == "processor" else "dpv:ThirdParty",
            "dpv:hasName": recipient["name"],
            "dpv:hasContact": recipient["contact"],
            "dpv:hasLocation": f"loc:{recipient['country']}",
        }
        | ({"dpv:hasAddress": recipient["address"]} if "address" in recipient else {})
        for number, recipient in enumerate(fields.get("recipients", ()), 1)
    ]
    kinds = [(kind, KINDS[kind]) for kind in fields["data"]]
    special = any(term in SPECIAL for _, term in kinds)
    storage = fields.get("storage") or [controller["country"]]  # type: ignore[index]
    process: dict[str, Any] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@type": "dpv:Purpose",
            "skos:broader": f"dpv:{PURPOSES[fields['purpose']]}",
            "skos:prefLabel": fields["why"],
        },
        "dpv:hasLegalBasis": "eu-gdpr:A9-2-a" if special else "eu-gdpr:A6-1-a",
        "dpv:hasPersonalData": [
            {
                "@type": "dpv:SpecialCategoryPersonalData" if term in SPECIAL else "dpv:PersonalData",
                "skos:broader": f"pd:{term}",
                "skos:prefLabel": kind,
            }
            for kind, term in kinds
        ],
        "dpv:hasProcessing": ["dpv:Store", "dpv:Use", "dpv:Erase"],
        "dpv:hasDataController": entity["@id"],
        "dpv:hasDataSource": "dpv:DataSubjectDataSource",
        "dpv:hasRecipient": [entity["@id"], *(other["@id"] for other in others)],
        "dpv:hasStorageCondition": {
            "@type": ["dpv:StorageLocation", "dpv:StorageDuration"],
            "dpv:hasLocation": [f"loc:{country}" for country in storage],
            "dpv:hasDuration": f"P{fields['retention_days']}D",
            "troc:erasure": f"P{fields.get('erase_days', ERASE_DAYS)}D",
        },
        "dpv:hasConsentControl": {"@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": _WITHDRAWAL},
        "dpv:hasRight": list(_RIGHTS),
    }
    if "authority" in fields:
        process["dpv:hasAuthority"] = fields["authority"]
    if "automated_decisions" in fields:
        process["troc:automatedDecisions"] = fields["automated_decisions"]
    document = {
        "@context": context(),
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": "urn:troc:schema:consent:1",
        "dpv:hasIdentifier": uuid.UUID(bytes=keccak(b"troc.record.id" + salt)[:16], version=4).urn,
        "troc:salt": "0x" + salt.hex(),
        "dct:created": _time(now),
        "dct:creator": account_id(chain_id, creator),
        "dct:language": fields.get("language", "en"),
        "dpv:hasJurisdiction": f"loc:{fields.get('jurisdiction', 'EU')}",
        "dpv:hasEntity": [entity, *others],
        "dpv:hasProcess": process,
    }
    if "notice" in fields:
        document["dpv:hasNotice"] = {"@type": "dpv:ConsentNotice", "dpv:hasIdentifier": fields["notice"]}
    return document


def _time(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str) -> int | None:
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


# ---------------------------------------------------------------------------------- checks beyond the schema


def faults(document: Any) -> list[Fault]:
    """Everything that is wrong with terms, or with the record of a sale: empty where nothing is."""
    found = schema_faults(document, "consent.schema.json") + list(text_faults(document, []))
    # What follows relies on the form.
    return found or sorted(_sense_faults(document), key=lambda fault: fault.field)


def _sense_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    process = document["dpv:hasProcess"]
    if document["@context"] != context():
        yield Fault("@context", "is another one", "copy it from troc/data/schema/context.jsonld")
    if _seconds(document["dct:created"]) is None:
        yield Fault("dct:created", "is no time", "write the time in UTC, as in 2026-11-28T12:00:00Z")
    if not int(document["troc:salt"], 16):
        yield Fault("troc:salt", "is zero", "write 32 random bytes in hex, with 0x")
    yield from _entity_faults(document)
    purpose = process["dpv:hasPurpose"]["skos:broader"].removeprefix("dpv:")
    if purpose not in PURPOSES.values():
        names = ", ".join(f"dpv:{name}" for name in PURPOSES.values())
        yield Fault(
            "dpv:hasProcess.dpv:hasPurpose.skos:broader", f"is dpv:{purpose}", f"write one of: {names}"
        )
    special = False
    for number, kind in enumerate(process["dpv:hasPersonalData"]):
        field = f"dpv:hasProcess.dpv:hasPersonalData.{number}"
        term = kind["skos:broader"].removeprefix("pd:")
        if term not in KINDS.values():
            names = ", ".join(f"pd:{name}" for name in KINDS.values())
            yield Fault(f"{field}.skos:broader", f"is pd:{term}", f"write one of: {names}")
        right = "dpv:SpecialCategoryPersonalData" if term in SPECIAL else "dpv:PersonalData"
        special = special or term in SPECIAL
        if kind["@type"] != right:
            yield Fault(f"{field}.@type", f"is {kind['@type']}", f"write {right}")
    basis = "eu-gdpr:A9-2-a" if special else "eu-gdpr:A6-1-a"
    if process["dpv:hasLegalBasis"] != basis:
        yield Fault(
            "dpv:hasProcess.dpv:hasLegalBasis", f"is {process['dpv:hasLegalBasis']}", f"write {basis}"
        )
    if _days(process["dpv:hasStorageCondition"]["troc:erasure"]) > ERASE_DAYS:
        yield Fault(
            "dpv:hasProcess.dpv:hasStorageCondition.troc:erasure",
            f"is more than {ERASE_DAYS} days",
            f"write P{ERASE_DAYS}D or less",
        )
    is_record = "dpv:hasDataSubject" in document
    if is_record != ("dpv:hasConsentStatus" in process):
        yield Fault(
            "dpv:hasProcess.dpv:hasConsentStatus",
            "is missing" if is_record else "is no field of terms",
            "list what became of the consent" if is_record else "leave it out",
        )
    elif is_record:
        yield from _event_faults(document)


def _entity_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    process, entities = document["dpv:hasProcess"], document["dpv:hasEntity"]
    names = [entity["@id"] for entity in entities]
    chain = document["dct:creator"].split(":")[1]
    for number, entity in enumerate(entities):
        field = f"dpv:hasEntity.{number}"
        is_buyer = entity["@type"] == "dpv:DataController"
        is_open = entity["@id"].endswith(":" + ZERO_ADDRESS)
        if names.count(entity["@id"]) > 1:
            yield Fault(f"{field}.@id", "is there twice", "give each a name of its own")
        if is_buyer != entity["@id"].startswith("eip155:"):
            yield Fault(
                f"{field}.@id",
                f"is {entity['@id']}",
                "name the buyer by its account, others by urn:troc:party:",
            )
        wanted = (
            ("dpv:hasAddress", "dpv:hasContact", "dpv:hasLocation")
            if is_buyer
            else ("dpv:hasContact", "dpv:hasLocation")
        )
        for name in wanted:
            if not is_open and name not in entity:
                yield Fault(
                    f"{field}.{name}",
                    "is missing",
                    schema_of("consent.schema.json")["$defs"]["entity"]["properties"][name]["remedy"],
                )
    if [entity["@type"] for entity in entities].count("dpv:DataController") != 1:
        yield Fault("dpv:hasEntity", "does not name one buyer", "name one dpv:DataController")
    elif process["dpv:hasDataController"] != next(
        e["@id"] for e in entities if e["@type"] == "dpv:DataController"
    ):
        yield Fault(
            "dpv:hasProcess.dpv:hasDataController", "is nobody of dpv:hasEntity", "name the buyer by its @id"
        )
    if set(process["dpv:hasRecipient"]) != set(names):
        yield Fault(
            "dpv:hasProcess.dpv:hasRecipient",
            "does not name all of dpv:hasEntity, and them alone",
            "list each @id once",
        )
    for field, account in _accounts(document):
        try:
            if account.split(":")[1] != chain:
                yield Fault(field, "is on another chain", "name accounts of one chain")
            to_address(_address(account))
        except InputError as error:
            yield Fault(field, "has a wrong checksum", error.remedy)


def _accounts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "dct:creator", document["dct:creator"]
    yield "dpv:hasProcess.dpv:hasDataController", document["dpv:hasProcess"]["dpv:hasDataController"]
    if "dpv:hasDataSubject" in document:
        yield "dpv:hasDataSubject.dpv:hasIdentifier", document["dpv:hasDataSubject"]["dpv:hasIdentifier"]
        yield "troc:market", document["troc:market"]


def _event_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    last = _seconds(document["dct:created"]) or 0
    for number, event in enumerate(document["dpv:hasProcess"]["dpv:hasConsentStatus"]):
        field = f"dpv:hasProcess.dpv:hasConsentStatus.{number}"
        time = _seconds(event["dpv:isIndicatedAtTime"])
        if time is None or time < last:
            yield Fault(
                f"{field}.dpv:isIndicatedAtTime",
                "is before what went before it",
                "list events in order of time",
            )
        last = time or last


# -------------------------------------------------------------------------------------------------- records


@dataclass(frozen=True)
class Event:
    """What somebody did about the consent: one of `REQUESTED`, `GIVEN`, `REFUSED`, `WITHDRAWN`, `EXPIRED`.

    `time` in Unix seconds; `by` is an address; `how` a few words ("signature of the deal").
    """

    state: str
    time: int
    by: str
    how: str


@dataclass(frozen=True)
class Record:
    """The consent record of one sale, whole: for the two parties, and an authority that asks. `text` is
    canonical JSON.
    """

    text: str

    @classmethod
    def of(cls, terms: Terms, market: str, deal: bytes, seller: str, events: Iterable[Event]) -> Self:
        """The terms of a deal with who signed it and what happened since. `deal` is the deal's digest."""
        document = json.loads(terms.text)
        chain_id = terms.chain_id
        document["dpv:hasDataSubject"] = {
            "@type": "dpv:DataSubject",
            "dpv:hasIdentifier": account_id(chain_id, to_address(seller, "seller")),
        }
        document["troc:deal"] = "0x" + deal.hex()
        document["troc:market"] = account_id(chain_id, to_address(market, "market"))
        document["dpv:hasProcess"]["dpv:hasConsentStatus"] = [
            {
                "@type": _STATES[event.state],
                "dpv:isIndicatedAtTime": _time(event.time),
                "dpv:isIndicatedBy": account_id(chain_id, to_address(event.by, "by")),
                "dpv:hasIndicationMethod": event.how,
                "dct:valid": f"P{terms.retention_days}D",
            }
            for event in events
        ]
        return cls.read(canonical(document))

    @classmethod
    def read(cls, text: str) -> Self:
        """A record that somebody sent. Raises `InputError` with every fault, its field and its remedy."""
        document = read_json(text, "the record")
        refuse(faults(document), "this record cannot be relied on")
        if "dpv:hasDataSubject" not in document:
            raise InputError("these are terms, not the record of a sale", "name a file of a record")
        return cls(canonical(document))

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The whole of it, in JSON-LD."""
        document = json.loads(self.text)
        assert isinstance(document, dict)
        return document

    @cached_property
    def terms(self) -> Terms:
        """The terms in it, whose hash the deal carries."""
        document = json.loads(self.text)
        for name in ("dpv:hasDataSubject", "troc:deal", "troc:market"):
            del document[name]
        del document["dpv:hasProcess"]["dpv:hasConsentStatus"]
        return Terms(canonical(document))

    @property
    def seller(self) -> str:
        """Whose data they are."""
        return to_address(_address(self.document["dpv:hasDataSubject"]["dpv:hasIdentifier"]))

    @property
    def deal(self) -> bytes:
        """The digest of the deal that she signed."""
        return bytes.fromhex(self.document["troc:deal"][2:])

    @property
    def state(self) -> str:
        """What the consent is now: the last event's."""
        last = self.document["dpv:hasProcess"]["dpv:hasConsentStatus"][-1]["@type"]
        return next(state for state, types in _STATES.items() if types == last)


# ------------------------------------------------------------------------------------------- keeping them


def keep_terms(folder: Path, terms: Terms) -> Path:
    """Keep terms under their hash, for oneself alone: without their salt the hash says nothing any more."""
    path = folder / f"{terms.hash.hex()}.json"
    if not path.exists():
        write_file(path, terms.text.encode())
    return path


def kept_terms(folder: Path, terms_hash: bytes) -> Terms:
    """The terms with this hash. Raises `InputError` where they are not kept, `TamperedError` where they were
    changed.
    """
    path = folder / f"{terms_hash.hex()}.json"
    try:
        terms = Terms.read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"the terms with the hash 0x{terms_hash.hex()[:8]}… are not kept here",
            "ask the other side for them",
        ) from None
    if terms.hash != terms_hash:
        raise TamperedError(f"{path} holds other terms than its name says", "ask the other side for them")
    return terms
