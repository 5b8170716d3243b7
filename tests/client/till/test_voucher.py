"""`/voucher`: points handed out signed, once for each receipt, within a limit and reserved in the grant."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account

from tests.client.core.faulty_node import FaultyNode
from tests.client.till.conftest import GRANT, Shop, eventually
from tests.client.till.test_redeem import cut, line, mend
from troc.client import Troc
from troc.messages import ZERO_ADDRESS
from troc.till.desk import Limits
from troc.vouchers import SignedVoucher, read_text

__all__ = ["line"]

LIMITS = Limits(vouchers=100)


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """A till that may hand out vouchers of 100 points."""
    return open_shop(limits=LIMITS)


def claim(shop: Shop, signed: SignedVoucher, to: str) -> None:
    """The holder of a code names who gets its points."""
    domain = shop.till.brand.domain_of_messages(shop.world.chain.chain_id)
    token = shop.world.everyone.brands.token(shop.till.brand).functions
    call = token.claim((signed.voucher.as_tuple(), signed.signature, to, signed.named_to(to, domain)))
    shop.world.chain.send(call, shop.world.relay_signer)


def room(shop: Shop) -> int:
    return int(shop.get("/status")["room"])


def standing(shop: Shop, receipt: str) -> str:
    return str(shop.get("/receipt", receipt=receipt)["issue_standing"])


def test_a_code_is_claimed_by_whoever_has_it(shop: Shop) -> None:
    answer = shop.post("/voucher", receipt="v1", amount=30)
    assert room(shop) == GRANT - 30
    signed = read_text(answer["text"])
    assert signed.voucher.is_key
    claim(shop, signed, shop.world.bob.address)
    assert shop.units(shop.world.bob) == 30
    eventually(lambda: standing(shop, "v1") == "voucher claimed")
    status = shop.get("/status")
    assert (status["room"], status["vouchers_out"], status["books"]["open_units"]) == (GRANT - 30, 0, 0)
    # The one-time key is not kept longer than it is needed.
    assert shop.post("/voucher", receipt="v1", amount=30)["text"] == ""


def test_a_voucher_for_a_customer_is_submitted_by_the_till(shop: Shop) -> None:
    bob = shop.world.bob
    shop.post("/voucher", receipt="v1", amount=30, customer=bob.address)
    shop.post("/voucher", receipt="v2", amount=12, customer=bob.address)
    eventually(lambda: standing(shop, "v2") == standing(shop, "v1") == "voucher claimed")
    assert shop.units(bob) == 42
    assert room(shop) == GRANT - 42


def test_one_voucher_a_receipt(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.post("/voucher", receipt="v1", amount=30), range(16)))
    assert all(answer == answers[0] for answer in answers)
    assert shop.refused("/voucher", receipt="v1", amount=31) == (409, "receipt_differs")
    assert shop.refused("/issue", receipt="v1", customer=shop.world.bob.address, amount=30) == (
        409,
        "receipt_differs",
    )
    assert room(shop) == GRANT - 30


def test_a_lost_database_signs_the_same_nonce(shop: Shop, open_shop: Callable[..., Shop]) -> None:
    first = read_text(shop.post("/voucher", receipt="v1", amount=30)["text"]).voucher
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM till_issues")
    second = read_text(shop.post("/voucher", receipt="v1", amount=30)["text"]).voucher
    assert (first.nonce, first.receipt_id) == (second.nonce, second.receipt_id)
    assert first.recipient != second.recipient


def test_no_more_vouchers_are_out_than_the_limit(shop: Shop) -> None:
    shop.post("/voucher", receipt="v1", amount=70)
    assert shop.refused("/voucher", receipt="v2", amount=31) == (403, "voucher_limit")
    # What was refused is not reserved.
    assert room(shop) == GRANT - 70
    shop.post("/voucher", receipt="v2", amount=30)


def test_what_is_out_is_reserved_in_the_grant(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(limits=Limits(vouchers=2 * GRANT))
    shop.post("/voucher", receipt="v1", amount=GRANT - 10)
    bob = shop.world.bob
    assert shop.refused("/issue", receipt="a1", customer=bob.address, amount=11) == (403, "grant_exhausted")
    assert shop.refused("/voucher", receipt="v2", amount=11) == (403, "grant_exhausted")
    shop.issue("a1", bob, 10)
    shop.settle()


def test_a_voucher_that_is_too_late_frees_what_it_reserved(shop: Shop) -> None:
    shop.post("/voucher", receipt="v1", amount=30, good="1d")
    assert room(shop) == GRANT - 30
    shop.world.pass_days(3)
    eventually(lambda: standing(shop, "v1") == "voucher void")
    assert room(shop) == GRANT


def test_a_return_ends_a_voucher(shop: Shop) -> None:
    signed = read_text(shop.post("/voucher", receipt="v1", amount=30)["text"])
    assert shop.refused("/return", id="r1", receipt="v1", earned=10) == (409, "voucher_whole")
    shop.post("/return", id="r1", receipt="v1")
    eventually(lambda: standing(shop, "v1") == "voucher void")
    assert (shop.get("/return", id="r1")["cancelled"], room(shop)) == ("30", GRANT)
    with pytest.raises(Exception, match="used or cancelled"):
        claim(shop, signed, shop.world.bob.address)


def test_a_return_after_the_claim_is_a_debt(shop: Shop) -> None:
    signed = read_text(shop.post("/voucher", receipt="v1", amount=30)["text"])
    claim(shop, signed, shop.world.bob.address)
    shop.post("/return", id="r1", receipt="v1")
    eventually(lambda: shop.get("/return", id="r1")["debt"] == "30")
    assert shop.get("/return", id="r1")["cancelled"] == "0"


def test_vouchers_are_signed_while_the_chain_is_away(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc, limits=LIMITS)
    cut(node, shop)
    shop.post("/voucher", receipt="v1", amount=30, customer=shop.world.bob.address)
    code = read_text(shop.post("/voucher", receipt="v2", amount=20)["text"])
    assert shop.refused("/voucher", receipt="v3", amount=51) == (403, "voucher_limit")
    mend(node, shop)
    claim(shop, code, shop.world.cem.address)
    eventually(lambda: standing(shop, "v1") == standing(shop, "v2") == "voucher claimed")
    assert (shop.units(shop.world.bob), shop.units(shop.world.cem)) == (30, 20)


def test_a_stolen_voucher_for_a_customer_pays_nobody_else(shop: Shop) -> None:
    thief = Account.create().address
    body = shop.post("/voucher", receipt="v1", amount=30, customer=shop.world.bob.address)
    signed = read_text(body["text"])
    assert signed.voucher.recipient == shop.world.bob.address
    eventually(lambda: standing(shop, "v1") == "voucher claimed")
    acme = shop.till.brand
    assert shop.world.everyone.points.holding(acme, thief).total == 0
    assert thief != ZERO_ADDRESS
