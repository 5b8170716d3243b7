"""Claims of customers without ether, which a relay brings to the chain: it pays, and can change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.client.attention.cases import PRICE, Attention, attention, deploy_cash, deployed, home
from tests.client.relay.conftest import running_relay, serve
from tests.client.trade.conftest import poor
from troc.accounts import open_account
from troc.acts import Act, Part
from troc.attention.acts import Taker
from troc.attention.claiming import State
from troc.attention.messages import ClaimTicket
from troc.attention.slips import Slip
from troc.client import Troc
from troc.messages import KIND_ERC20

__all__ = ["attention", "deployed", "home", "serve"]


@pytest.fixture
def open_(attention: Attention, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a relay; gives its app."""
    with ExitStack() as stack:

        def start(**options: Any) -> Any:
            return stack.enter_context(running_relay(attention.everyone, tmp_path, **options))

        yield start


def steps_of(troc: Troc, *slips: Slip) -> Any:
    """The claims of these slips."""
    troc.earnings.collect(slip.to_text() for slip in slips)
    return troc.earnings.plan(troc.earnings.earned())


def test_all_paths_without_ether(
    attention: Attention, open_: Callable[..., Any], serve: Callable[[Any], str]
) -> None:
    attention.rewards.activate(attention.fresh.id, [0])
    ann = attention.everyone.as_account(poor("ann"), relays=[serve(open_())])
    campaign = attention.open(max_contacts=600, per_day=0, codes=0)
    steps = steps_of(
        ann,
        *attention.statements(ann, 0, 255, campaign=campaign),
        *attention.statements(ann, 0),
        attention.ticket(ann, 1),
        attention.code(7),
    )
    report = ann.earnings.claim(steps)
    assert not report.refused
    assert sum(report.paid.values()) == 5
    assert attention.points(ann) == 5 * PRICE
    assert {attention.chain.receipt(each).sender for each in report.transactions} == {  # type: ignore[union-attr]
        open_account("dev:7", attention.chain.config).address
    }
    # Claimed again from the same plan it pays nothing, and is no error.
    assert not ann.earnings.claim(steps).refused
    assert attention.points(ann) == 5 * PRICE
    assert all(not each.assessed.number for each in ann.earnings.earned())


def test_a_relay_refuses_what_the_contract_would(attention: Attention, open_: Callable[..., Any]) -> None:
    http = TestClient(open_())

    def refused(act: Act, **changes: Any) -> str:
        answer = http.post("/messages", json=act.to_json() | changes)
        assert answer.status_code >= 400, answer.text
        return str(answer.json()["code"])

    (step,) = steps_of(attention.ann, *attention.statements(attention.ann, 0))
    (act,) = step.acts
    forged = replace(act, parts=(Part(act.message, attention.statements(attention.bob, 0)[0].signature),))
    assert refused(forged) == "not_signed"
    early = steps_of(attention.bob, attention.ticket(attention.bob, 1))[0].acts[0]
    assert isinstance(early.context, Taker)
    assert isinstance(early.message, ClaimTicket)
    other = early.context.to_json() | {"account": "0x" + attention.account(attention.ann).hex()}
    assert refused(early, context=other) == "malformed"
    unsigned = early.context.to_json() | {"signature": "0x" + "00" * 65}
    assert refused(early, context=unsigned) == "malformed"
    attention.chain.send(attention.fox.acts.call([act]), attention.fox.signer)
    assert refused(act) == "nothing_new"


def test_a_relay_of_other_points_does_not_serve_the_campaign(
    attention: Attention, open_: Callable[..., Any]
) -> None:
    other = attention.brand.launch("Other", "OTHER", "12 months")
    http = TestClient(open_(only=(other,)))
    (step,) = steps_of(attention.ann, *attention.statements(attention.ann, 0))
    answer = http.post("/messages", json=step.acts[0].to_json())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_served")


def test_a_relay_serves_points_alone(attention: Attention, open_: Callable[..., Any]) -> None:
    cash = deploy_cash(attention.chain, attention.owner, attention.owner.address)
    campaign = attention.open(token=cash, token_kind=KIND_ERC20, fresh=False, codes=0)
    (step,) = steps_of(attention.ann, *attention.statements(attention.ann, 0, campaign=campaign))
    answer = TestClient(open_()).post("/messages", json=step.acts[0].to_json())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_served")
    assert attention.ann.earnings.earned()[0].assessed.numbers(State.CLAIMABLE) == {0}
