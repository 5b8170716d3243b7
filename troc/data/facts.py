"""The facts of a sale for its receipts, from where they lie: log, book of deals, vault, terms."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from troc import words
from troc.chain import Chain
from troc.data.attesting import About, Attested, Trusted, TrustList, doubts
from troc.data.buyer import Buyer
from troc.data.consent import Terms, keep_terms, kept_terms
from troc.data.deals import Sale, SaleState, SignedDeal
from troc.data.manifest import Manifest
from troc.data.messages import Deal
from troc.data.party import Party
from troc.data.receipts import SaleFacts
from troc.data.standing import Standings
from troc.data.vault import Shelf, vault_folder
from troc.data.words import Buyer as Side
from troc.data.words import contents
from troc.domains import Fetch, fetch_https, is_account_proven
from troc.errors import InputError, TrocError
from troc.manifest import Manifest as Deployed
from troc.messages import digest
from troc.signatures import is_signed

TERMS, ATTESTATION = "terms", "attestation"
"""The papers of a deal: its terms as JSON-LD, and what an attestor signed."""

_OUTCOMES = {
    SaleState.PAID: "paid",
    SaleState.REFUNDED: "refunded",
    SaleState.CONCEDED: "conceded",
    SaleState.KEY_WRONG: "key wrong",
    SaleState.CHUNK_WRONG: "chunk wrong",
}


def home() -> Path:
    """Where what belongs to the market for data lies on this machine, beside the vault."""
    return vault_folder().parent


def terms_folder() -> Path:
    """Where terms are kept, under their hashes."""
    return home() / "terms"


def trust_list() -> TrustList:
    """The attestors whom this machine's owner trusts."""
    return TrustList(home() / "trusted.json")


def terms_of(deal: Deal, signed: SignedDeal | None = None, buyer: str = "") -> Terms | None:
    """The terms of a deal, from its papers (kept from then on), else from those that are kept; None where the
    deal has none. `buyer`: who bought, else whom the deal is for. Raises `TrocError` where they are missing,
    or others.
    """
    buyer = buyer or deal.buyer
    if not any(deal.terms_hash):
        return None
    paper = None if signed is None else signed.papers.get(TERMS)
    if paper is None:
        terms = kept_terms(terms_folder(), deal.terms_hash)
        terms.check_deal(deal.terms_hash, buyer)
        return terms
    terms = Terms.read(json.dumps(paper))
    terms.check_deal(deal.terms_hash, buyer)
    keep_terms(terms_folder(), terms)
    return terms


def who_buys(standings: Standings, buyer: str, terms: Terms | None, fetch: Fetch) -> Side:
    """A buyer as a person reads it: by its brand's proven domain, else by what its terms say, the domain only
    where that lists the account.
    """
    found = standings.who_buys(buyer)
    if terms is None or not terms.names_buyer or terms.buyer != buyer:
        return found
    if not found.domain and is_account_proven(terms.domain, terms.chain_id, buyer, fetch):
        found = replace(found, domain=terms.domain)
    return replace(found, name=found.name or terms.buyer_name)


@dataclass(frozen=True)
class Vouched:
    """Who vouches for what a deal sells, as `troc.data.words.Purchase` tells it."""

    attested_by: str = ""
    trusted: bool = False
    doubts: tuple[str, ...] = ()


def attestor_says(chain: Chain, deployed: Deployed, attestor: str) -> tuple[str, str]:
    """The name and the domain that an attestor gave itself in `Attestors`: claims, "" where it gave none."""
    contract = chain.contract("Attestors", deployed.address("Attestors"))
    name, domain = chain.call(contract.functions.attestorOf(attestor))
    return str(name), str(domain)


def who_attests(party: Party, attestor: str, fetch: Fetch = fetch_https) -> str:
    """An attestor in words: as this machine's owner calls it; who is not on the list by address, with what it
    calls itself.
    """
    entry = trust_list().entries().get(attestor)
    if entry is not None:
        return entry.title
    name, domain = attestor_says(party.chain, party.troc.manifest, attestor)
    if not name:
        return attestor
    is_proven = is_account_proven(domain, party.chain.chain_id, attestor, fetch)
    return f"{attestor}, which calls itself {Trusted(attestor, name, domain if is_proven else '').title},"


def who_vouches(party: Party, signed: SignedDeal, manifest: Manifest, fetch: Fetch = fetch_https) -> Vouched:
    """What the attestation beside a deal is worth to this machine's owner, asked on the chain."""
    paper = signed.papers.get(ATTESTATION)
    if paper is None:
        return Vouched()
    attested = Attested.from_json(paper)
    chain = party.chain
    contract = chain.contract("Attestors", party.troc.manifest.address("Attestors"))
    about = About(signed.deal.seller, manifest.schema, manifest.plain_root, manifest.layout.count)
    found = doubts(
        attested,
        about,
        chain.now(),
        lambda attestor, index: bool(chain.call(contract.functions.isRevoked(attestor, index))),
        lambda message, domain, signature: is_signed(chain, message, domain, signature),
    )
    if attested.domain != party.domain:
        found.append("it is for another market")
    attestor = attested.attestation.attestor
    return Vouched(
        who_attests(party, attestor, fetch), trust_list().trusts(attestor, manifest.schema), tuple(found)
    )


def facts_of_sale(party: Buyer, sale: Sale, fetch: Fetch) -> SaleFacts:
    """What there is to say about a sale of this account, on either side."""
    chain = party.chain
    deal = party.deal_of(sale)
    named = digest(deal, party.domain)
    signed = _kept(party, named)
    bought_at = chain.time_of(sale.bought_block)
    delivered = sale.delivered
    delivered_at = chain.time_of(delivered.block) if delivered else 0
    outcome = "" if sale.is_open else _OUTCOMES.get(sale.state, "")
    facts = SaleFacts(
        chain_id=chain.chain_id,
        market=party.domain.verifying_contract,
        sale_id=sale.id,
        deal=named,
        seller=sale.seller,
        buyer=sale.buyer,
        price=str(party.money_of(deal)) if deal.price else "nothing",
        request_id=deal.request_id,
        bought_at=bought_at,
        deliver_by=bought_at + deal.deliver_seconds,
        delivered_at=delivered_at,
        dispute_until=delivered_at + deal.dispute_seconds if delivered else 0,
        ended_at=chain.time_of(sale.ended_block) if sale.ended_block and outcome else 0,
        outcome=outcome if sale.ended_block else "",
        revoked_at=sale.revoked_at,
        acknowledged_at=sale.acknowledged_at,
        erased_at=_erased_at(deal) if sale.seller == party.address else 0,
        **_content(party, deal, signed),
    )
    return _with_terms(facts, deal, signed, fetch)


def facts_of_offer(party: Buyer, signed: SignedDeal, now: int, fetch: Fetch) -> SaleFacts:
    """What there is to say about an offer that stands `now`."""
    deal = signed.deal
    facts = SaleFacts(
        chain_id=party.chain.chain_id,
        market=party.domain.verifying_contract,
        sale_id=bytes(32),
        deal=digest(deal, party.domain),
        seller=deal.seller,
        buyer=deal.buyer,
        price=str(party.money_of(deal)) if deal.price else "nothing",
        request_id=deal.request_id,
        offered_at=now,
        **_content(party, deal, signed),
    )
    return _with_terms(facts, deal, signed, fetch)


def _kept(party: Buyer, deal: bytes) -> SignedDeal | None:
    kept = party.book.deal(deal)
    return None if kept is None else SignedDeal.from_json(kept, party.domain)


def _content(party: Buyer, deal: Deal, signed: SignedDeal | None) -> dict[str, Any]:
    manifest = _manifest(party, deal)
    found: dict[str, Any] = {
        "what": (words.count(deal.count, "sealed piece"),) if manifest is None else contents(manifest),
        "chunks": deal.count,
        "token": deal.token,
        "manifest_root": deal.manifest_root,
        "terms_hash": deal.terms_hash,
    }
    paper = None if signed is None else signed.papers.get(ATTESTATION)
    if paper is not None:
        attestor = Attested.from_json(paper).attestation.attestor
        entry = trust_list().entries().get(attestor)
        found["attestor"] = entry.title if entry is not None else attestor
    return found


def _manifest(party: Buyer, deal: Deal) -> Manifest | None:
    """The seller's own, or what the buyer fetched."""
    try:
        return Shelf(vault_folder()).manifest(deal.manifest_root)
    except TrocError:
        pass
    try:
        path = party.folder / f"{deal.manifest_root.hex()}.json"
        found = Manifest.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TrocError):
        return None
    return found if found.root == deal.manifest_root else None


def _erased_at(deal: Deal) -> int:
    try:
        receipt = Shelf(vault_folder()).receipt(deal.manifest_root)
    except TrocError:
        return 0
    return receipt.erased_at if receipt is not None and receipt.is_signed else 0


def _with_terms(facts: SaleFacts, deal: Deal, signed: SignedDeal | None, fetch: Fetch) -> SaleFacts:
    try:
        terms = terms_of(deal, signed, facts.buyer)
    except InputError:
        # They are not here; the receipt says their hash.
        return facts
    if terms is None:
        return facts
    proven = terms.names_buyer and is_account_proven(terms.domain, facts.chain_id, terms.buyer, fetch)
    return facts.with_terms(terms, terms.domain if proven else "")
