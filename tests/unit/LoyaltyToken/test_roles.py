"""Attack 29: every function against every role. A cell is what a call comes to, made by that role.

Nothing is sent: each cell is a call on the same state. The customer has 100 points and has redeemed 10 for
`RECEIPT`; the issuer and the other issuer have a grant 1 without a lock, the campaign one with a lock;
each of them and the brand promised her points that are pending, and the brand some that are mature; the
newcomer has asked for the brand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import brownie
import pytest

from tests.helpers import DAY, MAX_UINT256, ZERO_ADDRESS, batch, now, reverts_with, sign, travel_to

ROLES = ("brand", "issuer", "other issuer", "campaign", "exchange", "customer", "stranger", "newcomer")
ISSUERS = ("issuer", "other issuer", "campaign")
# The exchange has no key.
SIGNERS = tuple(role for role in ROLES if role != "exchange")
LOCK = 1_000_000
RECEIPT = "0x" + "ab" * 32
OTHER = "0x" + "cd" * 32


@dataclass(frozen=True)
class Case:
    """How to call a function, and what each role gets: nothing where it succeeds, else error and values."""

    arguments: Callable[[dict[str, Any]], tuple[Any, ...]]
    outcome: Callable[[dict[str, Any], str], tuple[Any, ...] | None]


def anyone(_: dict[str, Any], __: str) -> None:
    """Succeeds for every role."""


def only(*roles: str, error: str = "Unauthorized") -> Callable[[dict[str, Any], str], tuple[Any, ...] | None]:
    """Succeeds for these roles; the others fail with an error without values."""
    return lambda _, role: None if role in roles else (error,)


def of_grant(amount: int) -> Callable[[dict[str, Any], str], tuple[Any, ...] | None]:
    """Succeeds for those who hold grant 1."""
    return lambda stage, role: None if role in ISSUERS else ("GrantExceeded", stage[role], 1, 0, amount)


def of_locked_grant(amount: int) -> Callable[[dict[str, Any], str], tuple[Any, ...] | None]:
    """Succeeds for those who hold grant 1 with a lock."""

    def outcome(stage: dict[str, Any], role: str) -> tuple[Any, ...] | None:
        if role in ISSUERS and role != "campaign":
            return ("IssueWithoutLock", stage[role], 1)
        return of_grant(amount)(stage, role)

    return outcome


def of_unlocked_grant(amount: int) -> Callable[[dict[str, Any], str], tuple[Any, ...] | None]:
    """Succeeds for those who hold grant 1 without a lock."""

    def outcome(stage: dict[str, Any], role: str) -> tuple[Any, ...] | None:
        if role == "campaign":
            return ("GrantLocked", stage[role], 1, stage["token"].grantOf(stage[role], 1)[1])
        return of_grant(amount)(stage, role)

    return outcome


def only_its_issuer(promised_by: str | None) -> Callable[[dict[str, Any], str], tuple[Any, ...] | None]:
    """Succeeds for who promised it, and for the brand."""
    return lambda stage, role: (
        None
        if role in (promised_by, "brand")
        else ("NotTheIssuer", stage[promised_by] if promised_by else ZERO_ADDRESS, stage[role])
    )


def out_of_balance(amount: int) -> Callable[[dict[str, Any], str], tuple[Any, ...] | None]:
    """Succeeds for the customer, who has points."""
    return lambda stage, role: (
        None if role == "customer" else ("ERC20InsufficientBalance", stage[role], 0, amount)
    )


def out_of_allowance(amount: int) -> Callable[[dict[str, Any], str], tuple[Any, ...] | None]:
    """Succeeds for the exchange, which the customer has not switched off."""
    return lambda stage, role: (
        None if role == "exchange" else ("ERC20InsufficientAllowance", stage[role], 0, amount)
    )


def signed(kind: str, **fields: Any) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """A message of the customer's and her signature."""

    def arguments(stage: dict[str, Any]) -> tuple[Any, ...]:
        message = {"holder": stage["customer"].address, **fields}
        if kind == "Send":
            message = {"holder": message.pop("holder"), "to": stage["receiver"].address, **fields}
        elif "agent" in message:
            message["agent"] = stage[message["agent"]].address
        signature = sign(stage["customer"], stage["token"], kind, message)
        if kind == "CancelNonces":
            return (*message.values(), signature)
        return tuple(message.values()), signature

    return arguments


def voucher_of(stage: dict[str, Any], signer: str = "issuer", **fields: Any) -> tuple[Any, ...]:
    """A voucher of the issuer's, as `claim` takes it."""
    voucher = {
        "issuer": stage["issuer"].address,
        "grantId": 1,
        "recipient": stage["receiver"].address,
        "isKey": False,
        "amount": 5,
        "receiptId": OTHER,
        "deadline": MAX_UINT256,
        "nonce": 0,
    } | fields
    return tuple(voucher.values()), sign(stage[signer], stage["token"], "Voucher", voucher), ZERO_ADDRESS, b""


def signed_permit(stage: dict[str, Any]) -> tuple[Any, ...]:
    message = {
        "owner": stage["customer"].address,
        "spender": stage["receiver"].address,
        "value": 5,
        "nonce": 0,
        "deadline": MAX_UINT256,
    }
    signature = sign(stage["customer"], stage["token"], "Permit", message)
    words = (message["owner"], message["spender"], message["value"], message["deadline"])
    return (*words, signature[64], signature[:32], signature[32:64])


def signed_approval(stage: dict[str, Any]) -> tuple[Any, ...]:
    account, spender, value, deadline, v, r, s = signed_permit(stage)
    return account, spender, value, deadline, r + s + bytes([v])


def from_own_pocket(stage: dict[str, Any], role: str) -> tuple[Any, ...]:
    return ("ERC20InsufficientBalance", stage["token"].pocketOf(stage[role], OTHER), 0, 5)


def only_the_agent(stage: dict[str, Any], role: str) -> tuple[Any, ...] | None:
    return None if role == "issuer" else ("NotTheAgent", stage["issuer"], stage[role])


def one_of_two(arguments: Callable[[dict[str, Any]], tuple[Any, ...]]) -> Case:
    """A step that nobody may skip, the owner included."""
    return Case(arguments, lambda _, role: ("HandOverInTwoSteps",))


def to_receiver(*more: Any) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    return lambda stage: (stage["receiver"], *more)


def from_customer(*more: Any) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    return lambda stage: (stage["customer"], stage["receiver"], *more)


MATRIX = {
    # what the brand may do
    "mint": Case(to_receiver(5), only("brand")),
    "mintFor": Case(to_receiver(5, OTHER), only("brand")),
    "mintBatch": Case(lambda stage: (OTHER, batch([(stage["receiver"], 5)])), only("brand")),
    "mintAtEpoch": Case(lambda stage: (OTHER, 0, batch([(stage["receiver"], 5)])), only("brand")),
    "mintPending": Case(lambda stage: (OTHER, now() + DAY, batch([(stage["receiver"], 5)])), only("brand")),
    "setGrant": Case(lambda stage: (stage["stranger"], 1, 5, 0, 0), only("brand")),
    "giveBack": Case(lambda stage: (stage["customer"], RECEIPT, 5), only("brand")),
    "completeOwnershipHandover": Case(lambda stage: (stage["newcomer"],), only("brand")),
    # what nobody may do
    "transferOwnership": one_of_two(to_receiver()),
    "renounceOwnership": one_of_two(lambda _: ()),
    # what issuers may do
    "issue": Case(lambda stage: (1, stage["receiver"], 5, OTHER), of_grant(5)),
    "issueTo": Case(lambda stage: (1, batch([(stage["receiver"], 5)])), of_locked_grant(5)),
    "issueOneTo": Case(lambda stage: (1, batch([(stage["receiver"], 5)])[0]), of_locked_grant(5)),
    "issueBatch": Case(lambda stage: (1, OTHER, batch([(stage["receiver"], 5)])), of_grant(5)),
    "issuePending": Case(
        lambda stage: (1, OTHER, now() + DAY, batch([(stage["receiver"], 5)])), of_unlocked_grant(5)
    ),
    "giveBackFrom": Case(lambda stage: (1, stage["customer"], RECEIPT, 5), of_grant(5)),
    "cancelPending": Case(lambda stage: (stage["issuer"], 0, 5), only_its_issuer("issuer")),
    # what a holder may do
    "transfer": Case(to_receiver(5), out_of_balance(5)),
    "transferAtEpoch": Case(lambda stage: (0, stage["receiver"], 5), out_of_balance(5)),
    "redeem": Case(lambda _: (5, OTHER), out_of_balance(5)),
    "transferFromPocket": Case(lambda stage: (OTHER, stage["receiver"], 5, 0), from_own_pocket),
    # what the exchange may do
    "transferFrom": Case(from_customer(5), out_of_allowance(5)),
    "transferFromWithin": Case(from_customer(5, 0, 0), out_of_allowance(5)),
    "transferFromAtEpoch": Case(
        lambda stage: (0, stage["customer"], stage["receiver"], 5), out_of_allowance(5)
    ),
    # what anyone may do: for herself
    "approve": Case(to_receiver(5), anyone),
    "cancelNonces": Case(lambda _: ([7],), anyone),
    "requestOwnershipHandover": Case(lambda _: (), anyone),
    "cancelOwnershipHandover": Case(lambda _: (), anyone),
    # with a signature
    "permit": Case(signed_permit, anyone),
    "approveFor": Case(signed_approval, anyone),
    "sendFor": Case(signed("Send", amount=5, deadline=MAX_UINT256, nonce=0), anyone),
    "redeemFor": Case(
        signed("Redeem", amount=5, receiptId=OTHER, agent="issuer", deadline=MAX_UINT256, nonce=0),
        only_the_agent,
    ),
    "cancelNoncesFor": Case(signed("CancelNonces", nonces=[7]), anyone),
    "claim": Case(lambda stage: (voucher_of(stage),), anyone),
    "claimBatch": Case(lambda stage: ([voucher_of(stage)],), anyone),
    # for everyone's sake
    "releasePending": Case(lambda _: (ZERO_ADDRESS, [0]), anyone),
    "releaseGrant": Case(lambda stage: (stage["campaign"], 1), anyone),
}


@pytest.fixture(autouse=True)
def isolation(module_isolation: None) -> None:
    """Calls alone: nothing to undo between tests."""


@pytest.fixture(scope="module")
def stage(
    create_account: Any, token: Any, exchange: Any, brand: Any, issuer: Any, customer: Any, stranger: Any
) -> dict[str, Any]:
    """The roles, and the state that this file's first lines tell of."""
    roles = {
        "brand": brand,
        "issuer": issuer,
        "other issuer": create_account("other issuer"),
        "campaign": create_account("campaign"),
        "exchange": exchange,
        "customer": customer,
        "stranger": stranger,
        "newcomer": create_account("newcomer"),
        "receiver": create_account("receiver"),
        "token": token,
    }
    token.mint(customer, 110, {"from": brand})
    token.redeem(10, RECEIPT, {"from": customer})
    token.setGrant(issuer, 1, 50, 0, 0, {"from": brand})
    token.setGrant(roles["other issuer"], 1, 50, 0, 0, {"from": brand})
    token.setGrant(roles["campaign"], 1, 50, 0, 0, {"from": brand})
    soon, later, words = now() + 100, now() + 100 * DAY, batch([(customer, 20)])
    token.mintPending(bytes([1] * 32), soon, words, {"from": brand})
    token.mintPending(bytes([2] * 32), later, words, {"from": brand})
    for role in ISSUERS:
        token.issuePending(1, bytes([3] * 32), later, words, {"from": roles[role]})
    token.setGrant(roles["campaign"], 1, 50, 0, now() + LOCK, {"from": brand})
    travel_to(soon)
    token.requestOwnershipHandover({"from": roles["newcomer"]})
    return roles


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("function", MATRIX)
def test_cell(stage: dict[str, Any], function: str, role: str) -> None:
    case = MATRIX[function]
    call = getattr(stage["token"], function)
    arguments, sender = case.arguments(stage), {"from": stage[role].address}
    outcome = case.outcome(stage, role)
    if outcome is None:
        call.call(*arguments, sender)
    else:
        with reverts_with(*outcome):
            call.call(*arguments, sender)


def test_the_matrix_is_whole(token: Any) -> None:
    functions = {
        entry["name"]
        for entry in brownie.LoyaltyToken.abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert functions == set(MATRIX)


def test_the_owner_cannot_lower_the_campaigns_grant(stage: dict[str, Any]) -> None:
    token, campaign = stage["token"], stage["campaign"]
    until = token.grantOf(campaign, 1)[1]
    for grant in ((49, 0, until), (50, 0, until - 1), (50, 1, until), (0, 0, 0)):
        with reverts_with("GrantLocked", campaign, 1, until):
            token.setGrant.call(campaign, 1, *grant, {"from": stage["brand"].address})


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("promised_by", [None, *ISSUERS])
def test_pending_points_are_cancelled_by_who_promised_them_and_by_the_brand(
    stage: dict[str, Any], promised_by: str | None, role: str
) -> None:
    token, sender = stage["token"], {"from": stage[role].address}
    # The brand's first purchase is mature.
    purchase = (stage[promised_by], 0) if promised_by else (ZERO_ADDRESS, 1)
    refusal = only_its_issuer(promised_by)(stage, role)
    if refusal is None:
        token.cancelPending.call(*purchase, 20, sender)
    else:
        with reverts_with(*refusal):
            token.cancelPending.call(*purchase, 20, sender)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_cancels_what_is_mature_or_releases_what_is_not(stage: dict[str, Any], role: str) -> None:
    token, sender = stage["token"], {"from": stage[role].address}
    refusal = only_its_issuer(None)(stage, role)
    mature = token.pendingOf(ZERO_ADDRESS, 0)[2]
    with reverts_with(*(refusal or ("AlreadyMature", ZERO_ADDRESS, 0, mature))):
        token.cancelPending.call(ZERO_ADDRESS, 0, 1, sender)
    for issuer, purchase in ((ZERO_ADDRESS, 1), *((stage[one], 0) for one in ISSUERS)):
        with reverts_with("NotMature", issuer, purchase, token.pendingOf(issuer, purchase)[2]):
            token.releasePending.call(issuer, [purchase], sender)


@pytest.mark.parametrize("role", sorted(set(SIGNERS) - {"issuer"}))
def test_a_voucher_is_signed_by_its_issuer_alone(stage: dict[str, Any], role: str) -> None:
    """Whoever holds grants, or is the brand, and submits it."""
    signed, sender = voucher_of(stage, signer=role), {"from": stage[role].address}
    for call, argument in ((stage["token"].claim, signed), (stage["token"].claimBatch, [signed])):
        with reverts_with("NotSignedByIssuer", stage["issuer"]):
            call.call(argument, sender)


@pytest.mark.parametrize("role", SIGNERS)
def test_a_voucher_is_charged_to_the_grant_of_who_signed_it(stage: dict[str, Any], role: str) -> None:
    signed = voucher_of(stage, signer=role, issuer=stage[role].address)
    for call, argument in ((stage["token"].claim, signed), (stage["token"].claimBatch, [signed])):
        refusal = of_grant(5)(stage, role)
        if refusal is None:
            call.call(argument, {"from": stage["stranger"].address})
        else:
            with reverts_with(*refusal):
                call.call(argument, {"from": stage["stranger"].address})
