"""What slips are worth to whom they pay: what each contact of a campaign stands for, and the cheapest way to
claim what can be claimed. No chain is asked here: `troc.attention.earning` reads it.

A claim presents a set of contacts of one page, and pays all of its new ones or nothing. So a statement in
which one contact's day has not begun waits as a whole, and one with more new contacts than the budget still
has is worth nothing to somebody for whom nothing is reserved, where a smaller one pays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING

from troc import words
from troc.attention.collection import KeptCredential
from troc.attention.contacts import PAGE, of_page
from troc.attention.leaves import Leaf
from troc.attention.messages import Statement, Ticket
from troc.attention.slips import Slip

if TYPE_CHECKING:
    from troc.attention.campaigns import Terms

CODES_OF_BATCH = 1_000
USUAL_GAS = {"statement": 62_000, "ticket": 66_000, "root": 72_000}
"""Of a claim by each path, to choose between them. What is sent is rehearsed."""
_MOST_TRIED = 10
"""Proofs of one page of which every selection is tried; of more, the largest are taken first."""
_FOR_EVER = 1 << 255


class State(StrEnum):
    """How a contact or code stands. One of these, always."""

    CLAIMABLE = "claimable"
    LATER = "opens later"
    WAITING = "waiting"
    """Something is missing that may come."""
    CLAIMED = "claimed"
    EXPIRED = "expired"
    LOST = "lost"


@dataclass(frozen=True)
class Facts:
    """What the chain says about one account in one campaign, at `now` (Unix seconds).

    `words`: contacts that were paid, by page; `free`: contacts of the budget for those who are not enrolled;
    `roots`: from when each root counts, for those that are the campaign's; `active`: batches of codes;
    `taken`: codes that were paid to anybody, `own` those of them that this account had; `codes_had`: how many
    codes it had, in all and today.
    """

    now: int
    words: Mapping[int, int] = field(default_factory=dict)
    enrolled: bool = False
    free: int = 0
    roots: Mapping[bytes, int] = field(default_factory=dict)
    active: frozenset[int] = frozenset()
    taken: frozenset[int] = frozenset()
    own: frozenset[int] = frozenset()
    codes_had: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Why:
    """How something stands, why, and when that changes by itself (Unix seconds; None: it does not)."""

    state: State
    why: str
    opens: int | None = None


@dataclass(frozen=True)
class Proof:
    """Something to claim contacts of one page with: a statement, a bound ticket or a leaf."""

    source: Slip | Leaf
    page: int
    contacts: int

    @classmethod
    def of(cls, source: Slip | Leaf) -> Proof:
        """What a slip that is no code, or a leaf, proves."""
        if isinstance(source, Leaf):
            return cls(source, source.page, source.contacts)
        message = source.message
        if isinstance(message, Statement):
            return cls(source, message.page, message.contacts)
        page, bit = divmod(message.id, PAGE)
        return cls(source, page, 1 << bit)

    @property
    def path(self) -> str:
        """`statement`, `ticket` or `root`."""
        return "root" if isinstance(self.source, Leaf) else self.source.kind

    @property
    def numbers(self) -> frozenset[int]:
        """Its contacts by number."""
        return of_page(self.page, self.contacts)

    @property
    def last(self) -> int:
        """The contact with the highest number, on which depends when it can be claimed."""
        return PAGE * self.page + self.contacts.bit_length() - 1


@dataclass(frozen=True)
class Assessed:
    """What somebody has of a campaign: each contact and code that she has a proof of, or was paid for, and
    what to claim now. `account`: hers in this campaign.
    """

    account: bytes
    enrolled: bool
    contacts: Mapping[int, Why]
    codes: Mapping[int, Why]
    proofs: tuple[Proof, ...]
    code_slips: tuple[Slip, ...]
    notes: tuple[str, ...] = ()

    def numbers(self, *states: State) -> frozenset[int]:
        """The contacts in these states."""
        return frozenset(number for number, found in self.contacts.items() if found.state in states)

    def indexes(self, *states: State) -> frozenset[int]:
        """The codes in these states."""
        return frozenset(index for index, found in self.codes.items() if found.state in states)

    def count(self, *states: State) -> int:
        """How many contacts and codes are in these states; in any, where none is named."""
        if not states:
            return len(self.contacts) + len(self.codes)
        return len(self.numbers(*states)) + len(self.indexes(*states))

    @property
    def number(self) -> int:
        """How many contacts and codes the claims of now pay."""
        return self.count(State.CLAIMABLE)


# -------------------------------------------------------------------------------------------------- assessing


def assess(
    terms: Terms,
    account: bytes,
    facts: Facts,
    slips: Iterable[Slip] = (),
    leaves: Iterable[Leaf] = (),
    credential: KeptCredential | None = None,
) -> Assessed:
    """What slips and leaves are worth to an account. `credential`: what names her address, where the campaign
    asks for one.
    """
    slips = list(slips)
    proofs = [Proof.of(each) for each in slips if not each.is_code and each.message.account == account]
    proofs += [Proof.of(each) for each in leaves if each.account == account]
    codes = [each for each in slips if each.is_code]
    hindered = {proof: _hindrance(terms, facts, proof, credential) for proof in proofs}
    ready = [proof for proof, found in hindered.items() if found is None]
    chosen, passed = choose(ready, facts)

    contacts = {
        number: Why(State.CLAIMED, "it was paid")
        for page, word in facts.words.items()
        for number in of_page(page, word)
    }
    claimed = {number for proof in chosen for number in proof.numbers}
    for proof in proofs:
        for number in proof.numbers - contacts.keys():
            if number in claimed:
                contacts[number] = Why(State.CLAIMABLE, _until(terms))
    open_ones = {number for proof in proofs for number in proof.numbers} - contacts.keys()
    for number in sorted(open_ones):
        reasons = [found for proof, found in hindered.items() if found and number in proof.numbers]
        reasons += [_no_budget(facts, proof) for proof in passed if number in proof.numbers]
        contacts[number] = min(reasons, key=_hope)

    chosen_codes, stands = _codes(terms, facts, codes, credential)
    return Assessed(
        account,
        facts.enrolled,
        dict(sorted(contacts.items())),
        dict(sorted(stands.items())),
        tuple(chosen),
        tuple(chosen_codes),
        tuple(_notes(terms, facts, proofs, contacts)),
    )


def _until(terms: Terms) -> str:
    return f"it can be claimed until {words.moment(terms.claim_until)}"


def _hope(found: Why) -> tuple[int, int]:
    """What comes soonest comes first, what never comes last."""
    order = (State.CLAIMABLE, State.LATER, State.WAITING, State.LOST, State.EXPIRED, State.CLAIMED)
    return order.index(found.state), found.opens or _FOR_EVER


def _hindrance(terms: Terms, facts: Facts, proof: Proof, credential: KeptCredential | None) -> Why | None:
    """What keeps a proof from being paid, but the budget; None where nothing does."""
    last = proof.last
    if last >= terms.max_contacts:
        return Why(
            State.LOST,
            f"contact {last:,} of the same {_noun(proof)} is none of the campaign's, which has"
            f" {terms.max_contacts:,}",
        )
    opens = terms.opens_at(last)
    if opens > terms.end:
        said = f"the day of contact {last:,} begins after the campaign's end, {words.moment(terms.end)}"
        return Why(State.LOST, said)
    found = _closed(terms, facts, proof.source)
    if found is not None:
        return found
    if terms.asks and (credential is None or credential.expiry < facts.now):
        return _unnamed(credential)
    if opens > facts.now:
        # Contacts of a page are claimed together, so the latest one counts.
        return Why(State.LATER, f"contact {last:,} opens on {words.moment(opens)}", opens)
    return None


def _noun(proof: Proof) -> str:
    return "leaf" if isinstance(proof.source, Leaf) else proof.source.kind


def _unnamed(credential: KeptCredential | None) -> Why:
    if credential is None:
        return Why(State.WAITING, "the campaign asks for a credential: ask its attestor for yours")
    return Why(
        State.WAITING,
        f"your credential was good until {words.moment(credential.expiry)}: ask its attestor for another",
    )


def _closed(terms: Terms, facts: Facts, source: Slip | Leaf) -> Why | None:
    """What keeps any slip or leaf from being paid: dates, keys and roots."""
    if facts.now > terms.claim_until:
        return Why(State.EXPIRED, f"claims ended on {words.moment(terms.claim_until)}")
    if isinstance(source, Leaf):
        effect = facts.roots.get(source.root, 0)
        if not effect:
            said = (
                f"the root 0x{source.root.hex()[:8]}… is not the campaign's: it was withdrawn, or never came"
            )
            return Why(State.WAITING, said)
        if effect > facts.now:
            return Why(State.LATER, f"the root counts from {words.moment(effect)} on", effect)
        return None
    message = source.message
    if not isinstance(message, Ticket):
        return None
    if message.valid_until < facts.now:
        return Why(State.EXPIRED, f"the ticket was good until {words.moment(message.valid_until)}")
    if not source.secret:
        return Why(State.WAITING, "the one-time key is missing: the content reveals it")
    return None


def _no_budget(facts: Facts, proof: Proof) -> Why:
    if not facts.free:
        return Why(State.LOST, "nothing is left of the budget for those for whom nothing is reserved")
    new = (proof.contacts & ~facts.words.get(proof.page, 0)).bit_count()
    return Why(
        State.LOST,
        f"the {_noun(proof)} has {words.count(new, 'new contact')} and only {facts.free:,} are left of the"
        " budget: ask the brand for a smaller one, or to raise the budget",
    )


def _codes(
    terms: Terms, facts: Facts, slips: Sequence[Slip], credential: KeptCredential | None
) -> tuple[list[Slip], dict[int, Why]]:
    """The codes to claim now, and how each stands."""
    total, today = facts.codes_had
    chosen: list[Slip] = []
    found: dict[int, Why] = {index: Why(State.CLAIMED, "it was paid") for index in facts.own}
    for slip in sorted(slips, key=_index):
        index = _index(slip)
        if index in found and found[index].state in (State.CLAIMED, State.CLAIMABLE):
            continue
        why = _code_hindrance(terms, facts, slip, index, credential)
        if why is None and terms.codes_per_account and total >= terms.codes_per_account:
            why = Why(State.LOST, f"you had all {words.count(terms.codes_per_account, 'code')} you may have")
        if why is None and terms.per_day and today >= terms.per_day:
            day = (facts.now - terms.start) // words.DAY + 1
            opens = terms.start + day * words.DAY
            why = Why(
                State.LATER if opens <= terms.claim_until else State.LOST,
                f"you had {words.count(terms.per_day, 'code')} today, which is all of a day",
                opens,
            )
        if why is None:
            chosen.append(slip)
            total, today = total + 1, today + 1
            why = Why(State.CLAIMABLE, _until(terms))
        if index not in found or _hope(why) < _hope(found[index]):
            found[index] = why
    return chosen, found


def _index(slip: Slip) -> int:
    assert isinstance(slip.message, Ticket)
    return slip.message.id


def _code_hindrance(
    terms: Terms, facts: Facts, slip: Slip, index: int, credential: KeptCredential | None
) -> Why | None:
    if index >= terms.codes:
        return Why(State.LOST, f"the campaign has only {words.count(terms.codes, 'code')}")
    if index in facts.taken:
        return Why(State.LOST, "somebody else claimed it before")
    found = _closed(terms, facts, slip)
    if found is not None:
        return found
    if terms.asks and (credential is None or credential.expiry < facts.now):
        return _unnamed(credential)
    if terms.start > facts.now:
        return Why(State.LATER, f"the campaign starts on {words.moment(terms.start)}", terms.start)
    if index // CODES_OF_BATCH not in facts.active:
        return Why(State.WAITING, f"the brand has not activated batch {index // CODES_OF_BATCH:,} yet")
    return None


# --------------------------------------------------------------------------------------------------- choosing


def choose(proofs: Sequence[Proof], facts: Facts) -> tuple[list[Proof], list[Proof]]:
    """The proofs to present, so that all that they can pay is paid with the least gas, and no contact is
    presented alone twice; and those that the budget keeps out.

    Where nothing is reserved, the pages with most contacts come first, as far as the budget goes.
    """
    left = None if facts.enrolled else facts.free
    chosen: list[Proof] = []
    passed: list[Proof] = []
    pages: dict[int, list[Proof]] = {}
    for proof in proofs:
        if proof.contacts & ~facts.words.get(proof.page, 0):
            pages.setdefault(proof.page, []).append(proof)
    for page, several in pages.items():
        had = facts.words.get(page, 0)
        for proof in _cover(several, had) if left is None else _afford(several, had, left):
            chosen.append(proof)
            if left is not None:
                left -= (proof.contacts & ~had).bit_count()
            had |= proof.contacts
        passed += [proof for proof in several if proof.contacts & ~had]
    return chosen, passed


def _gas(proofs: Iterable[Proof]) -> int:
    return sum(USUAL_GAS[proof.path] for proof in proofs)


def _cover(proofs: Sequence[Proof], had: int) -> list[Proof]:
    """The cheapest of these proofs of one page that together have all new contacts of all of them."""
    useful = _undominated(proofs, had)
    wanted = _union(useful) & ~had
    if len(useful) > _MOST_TRIED:
        return _greedy(useful, had, None)
    best: tuple[Proof, ...] = tuple(useful)
    for size in range(1, len(useful)):
        for some in combinations(useful, size):
            if _union(some) & wanted == wanted and _gas(some) < _gas(best):
                best = some
    return sorted(best, key=lambda proof: -(proof.contacts & ~had).bit_count())


def _undominated(proofs: Sequence[Proof], had: int) -> list[Proof]:
    """Without those of which another has all new contacts and costs no more."""
    kept: list[Proof] = []
    for proof in sorted(proofs, key=lambda each: (-(each.contacts & ~had).bit_count(), _gas([each]))):
        new = proof.contacts & ~had
        if not any(new & ~other.contacts == 0 and _gas([other]) <= _gas([proof]) for other in kept):
            kept.append(proof)
    return kept


def _union(proofs: Iterable[Proof]) -> int:
    found = 0
    for proof in proofs:
        found |= proof.contacts
    return found


def _greedy(proofs: Sequence[Proof], had: int, left: int | None) -> list[Proof]:
    """The proof with most new contacts (that fit the budget), then the next."""
    chosen: list[Proof] = []
    while True:
        fitting = [
            (new.bit_count(), -_gas([proof]), -place, proof)
            for place, proof in enumerate(proofs)
            if (new := proof.contacts & ~had) and (left is None or new.bit_count() <= left)
        ]
        if not fitting:
            return chosen
        number, *_, proof = max(fitting)
        chosen.append(proof)
        had |= proof.contacts
        if left is not None:
            left -= number


def _afford(proofs: Sequence[Proof], had: int, left: int) -> list[Proof]:
    """The cheapest way to all of them where the budget has it, else as many contacts as it has."""
    if (_union(proofs) & ~had).bit_count() <= left:
        return _cover(proofs, had)
    return _greedy(proofs, had, left)


# ----------------------------------------------------------------------------------------------- when to wait


def _notes(terms: Terms, facts: Facts, proofs: Sequence[Proof], contacts: Mapping[int, Why]) -> list[str]:
    """What somebody should know before she claims now."""
    claimable = [number for number, found in contacts.items() if found.state is State.CLAIMABLE]
    if not claimable:
        return []
    if not facts.enrolled:
        return [
            f"Nothing is reserved for you: {words.count(facts.free, 'contact')} of the budget are left, first"
            " come. Do not wait."
        ]
    notes = []
    later = sorted(
        (found.opens or 0, number)
        for number, found in contacts.items()
        if found.state is State.LATER and (found.opens or 0) <= terms.claim_until
    )
    pages = {number // PAGE for number in claimable}
    shared = [(opens, number) for opens, number in later if number // PAGE in pages]
    until = words.moment(terms.claim_until)
    if shared:
        notes.append(
            f"{words.count(len(shared), 'more contact opens', 'more contacts open')} by"
            f" {words.moment(shared[-1][0])}: yours are reserved until {until}, and one claim for all costs"
            " the gas once."
        )
    elif facts.now < terms.end and any(proof.path == "statement" for proof in proofs):
        notes.append(
            f"The campaign goes on until {words.moment(terms.end)}. Yours are reserved until {until}: if you"
            " wait for its last statement, one claim pays all, and costs the gas once."
        )
    return notes
