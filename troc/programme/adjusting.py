"""Goodwill and corrections: who may adjust how much, with a second person above a sum.

Both persons sign what they agree to (docs/messages.md, "Messages off the chain"), and the journal keeps it
with their signatures. Limits are an entry of the journal too, and a change of them takes two. Points that
customers hold cannot be taken from them: what is to be corrected downwards reduces a claim that is not paid
out yet, and the rest is a debt, netted against later earnings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from eth_utils.crypto import keccak
from web3.contract import Contract

from troc import words
from troc.accounts import Signer
from troc.chain import Chain
from troc.errors import ContractError, InputError, MemberError, TamperedError
from troc.messages import ZERO_ADDRESS, Address, Bool, Bytes32, Message, Uint256, recover, sign, to_address
from troc.payouts import LOT_MAX
from troc.programme.claims import ClaimRow, Claims
from troc.programme.debts import Debts
from troc.programme.journal import Entry, canonical
from troc.programme.linking import MEMBERS_NAME, link_domain
from troc.programme.members import Members
from troc.programme.vault import BRAND

POLICY, DECIDED, DONE = "adjustment policy", "adjustment", "adjustment done"


@dataclass(frozen=True)
class Adjustment(Message):
    """`agent` agrees that `amount` is added to (or, where `add` is false, owed by) a customer.

    `customer` and `reason` are salted hashes; `ref` serves once.
    """

    contract: ClassVar[str] = MEMBERS_NAME

    agent: Address
    token: Address
    customer: Bytes32
    add: Bool
    amount: Uint256
    reason: Bytes32
    ref: Bytes32


@dataclass(frozen=True)
class AdjustmentPolicy(Message):
    """`agent` agrees to new limits: `policy` is the hash of them, `number` counts them from 1."""

    contract: ClassVar[str] = MEMBERS_NAME

    agent: Address
    token: Address
    policy: Bytes32
    number: Uint256


@dataclass(frozen=True)
class Policy:
    """Who may adjust points (names by address), how much a day (UTC) each, and above which sum it takes two.

    Amounts are smallest units.
    """

    agents: Mapping[str, str]
    per_day: int
    second_above: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "agents", {to_address(who): name for who, name in self.agents.items()})
        if len(self.agents) < 2:
            raise InputError("two pairs of eyes need two persons", "name two agents or more")
        if not 0 <= self.second_above <= LOT_MAX or not 0 < self.per_day <= LOT_MAX:
            raise InputError("these limits make no sense", "write amounts of points")

    def as_json(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "agents": dict(self.agents),
            "per_day": str(self.per_day),
            "second_above": str(self.second_above),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Policy:
        """Read what `as_json` wrote."""
        return cls(dict(data["agents"]), int(data["per_day"]), int(data["second_above"]))

    @property
    def digest(self) -> bytes:
        """What is signed for it."""
        return keccak(canonical(self.as_json()).encode())


@dataclass(frozen=True)
class Asked:
    """What one agent asks another to sign as well, on another machine: `units` above or below zero.

    It names a customer and a reason: its file is for the other agent alone.
    """

    token: str
    who: str
    units: int
    reason: str
    reference: str
    address: str
    signature: str

    @property
    def name(self) -> str:
        """Who asks, as far as it is known here."""
        return self.address

    def write(self, path: Path) -> None:
        """Write it into a new file that nobody else can read."""
        try:
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(json.dumps(vars(self) | {"units": str(self.units)}, indent=2) + "\n")
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror})", "name another file, a new one"
            ) from None

    @classmethod
    def read(cls, path: Path) -> Asked:
        """Read what `write` wrote."""
        try:
            data = json.loads(path.read_text())
            texts = {name: data[name] for name in cls.__dataclass_fields__ if name != "units"}
            if not all(isinstance(text, str) for text in texts.values()):
                raise ValueError
            bytes.fromhex(texts["signature"].removeprefix("0x"))
            return cls(units=int(data["units"]), **texts)
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(
                f"{path} asks for no adjustment", "name a file of `troc brand adjust --ask`"
            ) from None


@dataclass(frozen=True)
class Decision:
    """An adjustment that the journal has: `units` above or below zero. `member`: her number, or `brand` for
    an address that is no member's. `reference` is its receipt id on the chain. `known`: decided before.
    """

    who: str
    member: str
    units: int
    reason: str
    reference: bytes
    entry: Entry
    known: bool


@dataclass(frozen=True)
class Adjusted:
    """What an adjustment did, in smallest units: `issued` on the chain, `claimed` added to her claim,
    `reduced` taken off it, `debt` noted. `known`: all of it was done before.
    """

    issued: int = 0
    claimed: int = 0
    reduced: int = 0
    debt: int = 0
    transaction: str = ""
    known: bool = False


class Adjusting:
    """Adjustments of one brand's points. Days are those of the journal's clock."""

    def __init__(self, members: Members, claims: Claims, debts: Debts, chain_id: int) -> None:
        self._members = members
        self._claims = claims
        self._debts = debts
        self._journal = members.journal
        self._vault = members.vault
        self._token = members.brand.address
        self._domain = link_domain(chain_id, self._token)

    # --------------------------------------------------------------------------------------------- limits

    def policy(self, connection: sa.Connection | None = None) -> Policy | None:
        """The limits in force; None before the first. Every change up to now is checked for its two
        signatures: raises `TamperedError` for one without.
        """
        policy = None
        for number, entry in enumerate(self._journal.entries(kind=POLICY, connection=connection), 1):
            data = entry.data
            new = Policy.from_json(data["policy"])
            signers = {
                self._signer(AdjustmentPolicy(agent, self._token, new.digest, number), signature)
                for agent, signature in data["signatures"].items()
            }
            if len(signers & set((policy or new).agents)) < 2:
                raise TamperedError(
                    f"entry {entry.sequence} of the journal sets limits without two signatures",
                    "compare with a backup; adjust nothing until it is clear",
                )
            policy = new
        return policy

    def set_policy(self, policy: Policy, first: Signer, second: Signer, reason: str) -> Entry:
        """Set new limits. Both signers must be agents of the limits in force, or of the first ones."""
        _two(first, second)
        with self._vault.store.writing() as connection:
            before = self.policy(connection)
            for signer in (first, second):
                if signer.address not in (before or policy).agents:
                    raise InputError(f"{signer.name} is no agent", "have two agents sign the new limits")
            number = 1 + sum(1 for _ in self._journal.entries(kind=POLICY, connection=connection))
            signatures = self._signed(
                (first, second),
                lambda agent: AdjustmentPolicy(agent, self._token, policy.digest, number),
            )
            return self._journal.append(
                *(POLICY, first.address, reason, {"policy": policy.as_json(), "signatures": signatures}),
                connection=connection,
            )

    # ------------------------------------------------------------------------------------------ adjusting

    def decide(
        self,
        who: str,
        units: int,
        reason: str,
        agent: Signer | Asked,
        second: Signer | None = None,
        reference: str = "",
    ) -> Decision:
        """Write an adjustment down, signed; nothing is moved yet (`carry_out`).

        `who` is a card or an address; `agent` signs, or has signed already. The same adjustment on the same
        day is the same one, unless it has a `reference` of its own. Raises `MemberError` beyond the limits.
        """
        _check_sense(units, reason)
        member, customer = self._subject(who)
        with self._vault.store.writing() as connection:
            policy = self.policy(connection)
            if policy is None:
                raise MemberError("nobody may adjust points yet", "set limits with `troc brand limits` first")
            today = words.start_of_day(self._journal.now())
            ref = self._reference(customer, units, reason, agent.address, reference)
            if isinstance(agent, Asked):
                signed = self._message(agent.address, customer, units, reason, ref)
                if self._signer(signed, agent.signature) != agent.address:
                    raise MemberError(
                        f"{agent.address} did not sign this adjustment, or not today",
                        "have it asked for again; the other agent and you need the same members' database",
                    )
            found = next(
                self._journal.entries(kind=DECIDED, reference=ref.hex(), connection=connection), None
            )
            if found is not None:
                return self._again(found, who, member, units, reason, ref, connection)
            used = sum(
                abs(int(entry.data["units"]))
                for entry in self._journal.entries(kind=DECIDED, since=today, connection=connection)
                if entry.actor == agent.address
            )
            self._check(policy, abs(units), used, agent, second)
            signatures = {agent.address: agent.signature} if isinstance(agent, Asked) else {}
            signatures |= self._signed(
                [each for each in (agent, second) if isinstance(each, Signer)],
                lambda agent: self._message(agent, customer, units, reason, ref),
            )
            key = self._members.key_of(member, connection)
            entry = self._journal.append(
                *(DECIDED, agent.address, reason),
                {"units": str(units), "second": second.address if second else ""},
                reference=ref.hex(),
                subject=member,
                key=key,
                sealed={"customer": customer, "signatures": signatures},
                connection=connection,
            )
        return Decision(who, member, units, reason, ref, entry, False)

    def ask(self, who: str, units: int, reason: str, agent: Signer, reference: str = "") -> Asked:
        """Sign an adjustment for another agent to sign as well. Nothing is decided or written down.

        Without a `reference` it is good on the day (UTC) on which it was signed. Raises `MemberError` for
        somebody who is no agent.
        """
        _check_sense(units, reason)
        _, customer = self._subject(who)
        policy = self.policy()
        if policy is None or agent.address not in policy.agents:
            raise MemberError(f"{agent.name} is no agent of {self._members.brand.name}", "have an agent ask")
        ref = self._reference(customer, units, reason, agent.address, reference)
        signed = self._signed([agent], lambda who: self._message(who, customer, units, reason, ref))
        return Asked(self._token, who, units, reason, reference, agent.address, signed[agent.address])

    def countersign(self, asked: Asked, second: Signer) -> Decision:
        """Decide what another agent asked for, with both signatures. Raises as `decide`."""
        if asked.token != self._token:
            raise InputError("this is for points of another brand", "name the brand that it is for")
        return self.decide(asked.who, asked.units, asked.reason, asked, second, asked.reference)

    def carry_out(
        self, decision: Decision, chain: Chain, token: Contract, sender: Signer, grant: int | None = None
    ) -> Adjusted:
        """Do what was decided: as the brand's owner, or out of a grant of the sender's. Cut off and run
        again, it is done once.
        """
        done = self._done(decision)
        if done is not None:
            return done
        if decision.units < 0:
            return self._reduce(decision, sender)
        issuers = [ZERO_ADDRESS, sender.address]
        used = chain.read_many([token.functions.referenceUsed(who, decision.reference) for who in issuers])
        if any(used):
            # It was cut off before it could be noted.
            return self._finish(decision, Adjusted(issued=decision.units), sender)
        address = self._address(decision)
        if address is None:
            return self._claim(decision, sender)
        call = (
            token.functions.mintFor(address, decision.units, decision.reference)
            if grant is None
            else token.functions.issue(grant, address, decision.units, decision.reference)
        )
        try:
            transaction = chain.send(call, sender).transaction
        except ContractError as error:
            if error.name != "ReferenceUsed":
                raise
            transaction = ""
        return self._finish(decision, Adjusted(issued=decision.units, transaction=transaction), sender)

    def check(self, entry: Entry) -> None:
        """Check the signatures of a decided adjustment. Raises `TamperedError` where they are not its
        agents'; entries about somebody who was erased cannot be checked any more.
        """
        key = self._members.key_of(entry.subject)
        if key is None:
            return
        reason, sealed = self._journal.opened(entry, key)
        expected = [entry.actor, entry.data["second"]] if entry.data["second"] else [entry.actor]
        for agent in expected:
            message = self._message(
                agent, sealed["customer"], int(entry.data["units"]), reason, bytes.fromhex(entry.reference)
            )
            if self._signer(message, sealed["signatures"][agent]) != agent:
                raise TamperedError(
                    f"{agent} did not sign entry {entry.sequence} of the journal", "compare with a backup"
                )

    def check_all(self) -> int:
        """`check` every adjustment, and all changes of limits; gives how many adjustments there are."""
        self.policy()
        decided = list(self._journal.entries(kind=DECIDED))
        for entry in decided:
            self.check(entry)
        return len(decided)

    # -------------------------------------------------------------------------------------------- internal

    def _reference(self, customer: str, units: int, reason: str, agent: str, reference: str) -> bytes:
        today = words.start_of_day(self._journal.now())
        parts = [reference] if reference else [customer, str(units), reason, agent, str(today)]
        return self._vault.secret("adjustment", canonical(parts).encode())

    def _subject(self, who: str) -> tuple[str, str]:
        """The member's number (or `BRAND`), and the customer as she is signed for."""
        if who.startswith("0x") and len(who) == 42:
            address = to_address(who)
            found = self._members.find_all(address)
            return (found[0].id if len(found) == 1 else BRAND), address
        member = self._members.find(who)
        return member.id, member.card

    def _address(self, decision: Decision) -> str | None:
        if decision.who.startswith("0x") and len(decision.who) == 42:
            return to_address(decision.who)
        return self._members.find(decision.who).address

    def _signed(self, signers: Sequence[Signer], message: Callable[[str], Message]) -> dict[str, str]:
        """Everybody's signature of a message of their own, by address."""
        return {
            signer.address: "0x" + sign(message(signer.address), self._domain, signer).hex()
            for signer in signers
        }

    def _signer(self, message: Message, signature: str) -> str | None:
        return recover(message, self._domain, bytes.fromhex(signature.removeprefix("0x")))

    def _message(self, agent: str, customer: str, units: int, reason: str, ref: bytes) -> Adjustment:
        return Adjustment(
            agent=agent,
            token=self._token,
            customer=self._vault.secret("customer", customer.encode()),
            add=units > 0,
            amount=abs(units),
            reason=self._vault.secret("reason", reason.encode()),
            ref=ref,
        )

    def _check(
        self, policy: Policy, units: int, used: int, agent: Signer | Asked, second: Signer | None
    ) -> None:
        brand = self._members.brand
        for signer in (agent, second):
            if signer is not None and signer.address not in policy.agents:
                raise MemberError(
                    f"{signer.name} is no agent of {brand.name}",
                    f"agents are {words.listed(policy.agents.values())}",
                )
        if used + units > policy.per_day:
            left = brand.text(max(policy.per_day - used, 0))
            raise MemberError(
                f"{agent.name} may adjust {left} more today",
                "let another agent do it, or wait until tomorrow",
            )
        if units > policy.second_above and second is None:
            raise MemberError(
                f"more than {brand.text(policy.second_above)} takes two", "name another agent with --second"
            )
        if second is not None:
            _two(agent, second)

    def _again(
        self,
        entry: Entry,
        who: str,
        member: str,
        units: int,
        reason: str,
        ref: bytes,
        connection: sa.Connection,
    ) -> Decision:
        if entry.subject != member or int(entry.data["units"]) != units:
            raise MemberError(
                "this reference stands for another adjustment", "give this one a --reference of its own"
            )
        told, _ = self._journal.opened(entry, self._members.key_of(member, connection))
        return Decision(who, member, units, told, ref, entry, True)

    def _done(self, decision: Decision, connection: sa.Connection | None = None) -> Adjusted | None:
        ref = decision.reference.hex()
        entry = next(self._journal.entries(kind=DONE, reference=ref, connection=connection), None)
        if entry is None:
            return None
        data = entry.data
        amounts = {name: int(data[name]) for name in ("issued", "claimed", "reduced", "debt")}
        return Adjusted(**amounts, transaction=data["transaction"], known=True)

    def _claim(self, decision: Decision, sender: Signer) -> Adjusted:
        with self._vault.store.writing() as connection:
            done = self._done(decision, connection)
            if done is not None:
                return done
            expiry = self._members.brand.longest_life(self._claims.now())
            reference = f"adjustment {decision.reference.hex()}"
            card = self._members.find(decision.who).card
            self._claims.add_many([ClaimRow(card, decision.units, expiry, reference)], connection)
            return self._finish(decision, Adjusted(claimed=decision.units), sender, connection)

    def _reduce(self, decision: Decision, sender: Signer) -> Adjusted:
        with self._vault.store.writing() as connection:
            done = self._done(decision, connection)
            if done is not None:
                return done
            reference = f"adjustment {decision.reference.hex()}"
            units = -decision.units
            reduced = (
                0
                if decision.member == BRAND
                else self._claims.reduce(decision.member, units, reference, connection)
            )
            if units > reduced:
                self._debts.record_debt(
                    decision.who, units - reduced, reference, decision.reason, sender.address, connection
                )
            return self._finish(decision, Adjusted(reduced=reduced, debt=units - reduced), sender, connection)

    def _finish(
        self, decision: Decision, done: Adjusted, sender: Signer, connection: sa.Connection | None = None
    ) -> Adjusted:
        if connection is None:
            with self._vault.store.writing() as own:
                return self._done(decision, own) or self._finish(decision, done, sender, own)
        amounts = {name: str(getattr(done, name)) for name in ("issued", "claimed", "reduced", "debt")}
        self._journal.append(
            *(DONE, sender.address, "", {**amounts, "transaction": done.transaction}),
            reference=decision.reference.hex(),
            subject=decision.member,
            key=self._members.key_of(decision.member, connection),
            connection=connection,
        )
        return done


def _check_sense(units: int, reason: str) -> None:
    if not units or abs(units) > LOT_MAX:
        raise InputError(f"an adjustment by {units} units makes no sense", "write +50 or -50")
    if not reason.strip():
        raise InputError("an adjustment needs a reason", "name it with --reason")


def _two(first: Signer | Asked, second: Signer) -> None:
    if first.address == second.address:
        raise InputError(
            f"{first.name} and {second.name} are one and the same", "have another person sign as well"
        )
