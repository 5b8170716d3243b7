"""How accepted issues come to the chain in batches, when something changes in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.core.faulty_node import FaultyNode
from tests.client.till.conftest import GRANT, Shop, eventually, set_grant
from tests.client.till.test_redeem import cut, line, mend
from tests.client.trade.conftest import World
from troc.accounts import Signer
from troc.chain import Chain, Receipt
from troc.client import Troc
from troc.errors import InputError, NetworkError, StoreError
from troc.messages import to_address
from troc.till.till import Till, open_till

__all__ = ["line"]


def errands(shop: Shop, kind: str) -> int:
    """How many errands of a kind are done."""
    found = shop.get("/status")["errands"]
    return sum(errand["count"] for errand in found if (errand["kind"], errand["state"]) == (kind, "done"))


def test_what_waited_goes_in_one_batch(line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]) -> None:
    node, troc = line
    shop = open_shop(troc)
    cut(node, shop)
    # Before the first answer it had no batch; from the second on they wait together.
    for number in range(40):
        shop.issue(f"a{number}", shop.world.bob, 2)
    mend(node, shop)
    shop.settle()
    assert shop.units(shop.world.bob) == 80
    assert errands(shop, "issue") <= 2


def test_batches_are_cut_to_the_size_of_a_block(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc)
    cut(node, shop)
    customers = [to_address(f"0x{0xBEEF << 100 | number:040x}") for number in range(60)]
    for number, customer in enumerate(customers):
        shop.post("/issue", receipt=f"a{number}", customer=customer, amount=2)
    rpc_call(shop.world.chain, "evm_setBlockGasLimit", hex(1_000_000))
    rpc_call(shop.world.chain, "evm_mine")
    mend(node, shop)
    shop.settle()
    points = shop.world.everyone.points
    holdings = points.holdings([(shop.till.brand, customer) for customer in customers])
    assert {holding.total for holding in holdings} == {2}
    assert errands(shop, "issue") >= 2


def test_a_purchase_that_matures_while_it_waits_is_issued_at_once(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc)
    cut(node, shop)
    shop.issue("a1", shop.world.bob, 9, matures="1d")
    shop.world.pass_days(4)
    mend(node, shop)
    shop.settle()
    assert (shop.units(shop.world.bob), shop.world.everyone.status("ACME").pending) == (9, 0)


def test_a_purchase_that_matures_in_its_batch_is_issued_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Chain.send
    late: list[bool] = []

    def slowly(self: Chain, *arguments: object, **options: object) -> Receipt:
        if not late:
            late.append(True)
            shop.world.pass_days(4)
        return send(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Chain, "send", slowly)
    shop.issue("a1", shop.world.bob, 9, matures="1d")
    shop.settle()
    assert (shop.units(shop.world.bob), shop.world.everyone.status("ACME").pending) == (9, 0)
    assert shop.get("/status")["room"] == GRANT - 9


def test_a_batch_that_somebody_sent_again_is_found_on_the_chain(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Chain.send
    sent: list[Receipt] = []

    def unseen(self: Chain, call: object, signer: object, **options: object) -> Receipt:
        receipt = send(self, call, signer)  # type: ignore[arg-type]
        sent.append(receipt)
        if len(sent) == 1:
            # Neither its signature nor its receipt was written down.
            raise NetworkError("the node does not answer", "start it")
        return receipt

    monkeypatch.setattr(Chain, "send", unseen)
    shop.issue("a1", shop.world.bob, 9, matures="30d")
    shop.settle()
    assert shop.world.everyone.status("ACME").pending == 9
    assert len(sent) == 1
    sale = shop.get("/receipt", receipt="a1")
    assert (sale["issue_standing"], sale["transaction"]) == ("pending", sent[0].transaction)
    shop.post("/return", id="r1", receipt="a1", earned=4)
    eventually(lambda: bool(shop.get("/return", id="r1")["done"]))
    assert shop.world.everyone.status("ACME").pending == 5


def test_a_smaller_grant_holds_what_waits_and_takes_nothing_new(
    world: World, till_signer: Signer, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Chain.send
    stopped: list[bool] = []

    def after_the_stop(self: Chain, call: object, signer: Signer, **options: object) -> Receipt:
        if signer == till_signer and not stopped:
            stopped.append(True)
            set_grant(world, till_signer, 0)
        return send(self, call, signer, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Chain, "send", after_the_stop)
    shop.issue("a1", world.bob, 9)
    eventually(lambda: bool(shop.get("/status")["held"]))
    assert shop.get("/status")["held"][0]["units"] == 9
    eventually(lambda: shop.get("/status")["room"] == 0)
    body = {"receipt": "a2", "customer": world.bob.address, "amount": 1}
    assert shop.refused("/issue", **body) == (403, "grant_exhausted")
    set_grant(world, till_signer, 9)
    shop.settle()
    assert shop.units(world.bob) == 9


def test_a_database_belongs_to_one_till_and_one_service(shop: Shop, url: str, world: World) -> None:
    other = open_till(url)
    till = Till(world.everyone, shop.till.brand, world.relay_signer, other)
    with pytest.raises(StoreError, match="another till service runs"), till.running():
        pass
    other.dispose()


def test_a_database_of_another_account_is_refused(
    open_shop: Callable[..., Shop], url: str, world: World, till_signer: Signer
) -> None:
    engine = open_till(url)
    brand = world.everyone.brand("ACME")
    with Till(world.everyone, brand, till_signer, engine).running():
        pass
    with (
        pytest.raises(InputError, match="of another till"),
        Till(world.everyone, brand, world.relay_signer, engine).running(),
    ):
        pass
    engine.dispose()
