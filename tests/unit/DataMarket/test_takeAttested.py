"""takeAttested: the buyer accepts one answer that an attestor vouches for, each subject once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, ZERO_ADDRESS, next_block_at, now, reverts_with
from tests.orders import digest, words
from tests.sales import PRICE, SCHEMA, Sale, State, make_attestation


@pytest.fixture(scope="module")
def request_(opened: Any, attestor: Any) -> dict[str, Any]:
    """An open request for three answers that the attestor vouches for."""
    request: dict[str, Any] = opened(attestor=attestor)
    return request


@pytest.fixture(scope="module")
def take(market: Any, buyer: Any) -> Any:
    def take(request: Any, sale: Sale, attestation: Any, sender: Any = buyer, call: bool = False) -> Any:
        function = market.takeAttested.call if call else market.takeAttested
        return function(words(request), sale.words, sale.signature, sale.b.x, attestation, {"from": sender})

    return take


def test_begins_a_sale(
    market: Any, request_: Any, request_id: Any, answer: Any, attest: Any, take: Any, seller: Any
) -> None:
    sale = answer(request_)
    take(request_, sale, attest())
    assert market.saleOf(sale.id)[0] == State.BOUGHT
    assert market.leftOf(request_id(request_)) == 2
    assert market.subjectTaken(request_id(request_), seller)


def test_is_the_buyers_alone(
    request_: Any, answer: Any, attest: Any, take: Any, buyer: Any, seller: Any, attestor: Any
) -> None:
    for sender in (seller, attestor):
        with reverts_with("NotTheParty", buyer, sender):
            take(request_, answer(request_), attest(), sender)


def test_each_subject_once(
    request_: Any, request_id: Any, answer: Any, attest: Any, take: Any, seller: Any
) -> None:
    """Whatever else she sells and however often she was attested."""
    take(request_, answer(request_), attest())
    with reverts_with("SubjectTaken", request_id(request_), seller):
        take(request_, answer(request_), attest(index=9))


def test_once_in_each_request(
    market: Any,
    request_: Any,
    request_id: Any,
    opened: Any,
    answer: Any,
    attest: Any,
    take: Any,
    attestor: Any,
    seller: Any,
) -> None:
    other = opened(attestor=attestor)
    take(request_, answer(request_), attest())
    assert not market.subjectTaken(request_id(other), seller)
    take(other, answer(other), attest())


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_counts_until_its_last_second(request_: Any, answer: Any, attest: Any, take: Any, late: int) -> None:
    expires = now() + 100
    attestation, sale = attest(expires=expires), answer(request_)
    next_block_at(expires + late)
    if late <= 0:
        take(request_, sale, attestation)
        return
    with reverts_with("AttestationNotCurrent", attestation[1], expires):
        take(request_, sale, attestation)


@pytest.mark.parametrize("early", [-1, 0, 1])
def test_counts_from_the_second_it_was_issued(
    request_: Any, answer: Any, attest: Any, take: Any, early: int
) -> None:
    issued = now() + 100
    attestation, sale = attest(issued=issued), answer(request_)
    next_block_at(issued - early)
    if early <= 0:
        take(request_, sale, attestation)
        return
    with reverts_with("AttestationNotCurrent", issued, attestation[2]):
        take(request_, sale, attestation)


def test_a_revoked_one_does_not_count(
    attestors: Any, request_: Any, answer: Any, attest: Any, take: Any, attestor: Any, stranger: Any
) -> None:
    attestors.revokeAttestations([7], {"from": attestor})
    # Another's revocation is none.
    attestors.revokeAttestations([8], {"from": stranger})
    with reverts_with("AttestationRevoked", attestor, 7):
        take(request_, answer(request_), attest(index=7))
    take(request_, answer(request_), attest(index=8))


def test_revoking_it_later_moves_no_money(
    market: Any,
    attestors: Any,
    request_: Any,
    answer: Any,
    attest: Any,
    take: Any,
    attestor: Any,
    buyer: Any,
    seller: Any,
    cash: Any,
) -> None:
    sale = answer(request_)
    take(request_, sale, attest(index=7))
    attestors.revokeAttestations([7], {"from": attestor})
    market.deliver(*sale.delivery, {"from": seller})
    market.settle(sale.words, buyer, {"from": buyer})
    assert cash.balanceOf(seller) == PRICE


def _asked(market: Any, attestor: Any, subject: Any, **fields: Any) -> bytes:
    return digest(market, "Attestation", make_attestation(attestor, subject, **fields))


def test_is_the_attestors_alone(
    market: Any, request_: Any, answer: Any, attest: Any, take: Any, seller: Any, buyer: Any, attestor: Any
) -> None:
    times = {"issued": now() - DAY, "expires": now() + DAY}
    for signer in (seller, buyer):
        with reverts_with("NotSignedBy", attestor, _asked(market, attestor, seller, **times)):
            take(request_, answer(request_), attest(signer=signer, **times))


def test_is_of_this_subject_schema_and_content(
    market: Any, request_: Any, answer: Any, attest: Any, take: Any, seller: Any, stranger: Any, attestor: Any
) -> None:
    """What was signed about somebody else, about something else, or with another number."""
    times = {"issued": now() - DAY, "expires": now() + DAY}
    refused = reverts_with("NotSignedBy", attestor, _asked(market, attestor, seller, **times))
    for fields in ({"subject": stranger}, {"schema": bytes(32)}, {"attestor": stranger}):
        with refused:
            take(request_, answer(request_), attest(**times | fields), call=True)
    good = attest(**times)
    for place, value in ((0, bytes(32)), (1, times["issued"] - 1), (2, times["expires"] + 1), (3, 1)):
        changed = [*good[:place], value, *good[place + 1 :]]
        with pytest.raises(Exception, match="NotSignedBy"):
            take(request_, answer(request_), changed, call=True)
    take(request_, answer(request_), good)
    assert request_["schema"] == SCHEMA


def test_an_attested_seller_who_is_not_the_deals(
    market: Any, request_: Any, answer: Any, attest: Any, take: Any, stranger: Any, attestor: Any, seller: Any
) -> None:
    """A stranger cannot sell under the attestation of another."""
    times = {"issued": now() - DAY, "expires": now() + DAY}
    sale = answer(request_, seller=stranger)
    with reverts_with("NotSignedBy", attestor, _asked(market, attestor, stranger, **times)):
        take(request_, sale, attest(**times))
    assert sale.deal["seller"] != seller


def test_reverts_on_what_taking_refuses_too(
    market: Any,
    request_: Any,
    request_id: Any,
    answer: Any,
    attest: Any,
    take: Any,
    seller: Any,
    prepare: Any,
) -> None:
    with reverts_with("NotAsRequested", request_id(request_)):
        take(request_, answer(request_, price=PRICE + 1), attest())
    with reverts_with("OtherRequest", request_id(request_), bytes(32)):
        take(request_, prepare(), attest())
    assert not market.subjectTaken(request_id(request_), seller)
    unsigned = answer(request_, signature=b"")
    with reverts_with("NotSignedBy", seller, unsigned.digest):
        take(request_, unsigned, attest())


def test_an_attestor_of_zero_signs_nothing(
    market: Any, opened: Any, answer: Any, attest: Any, take: Any
) -> None:
    request = opened()
    with reverts_with("AttestationExpected", ZERO_ADDRESS):
        take(request, answer(request), attest(attestor=ZERO_ADDRESS))
