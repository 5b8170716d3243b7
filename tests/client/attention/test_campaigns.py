"""A brand's campaigns on the chain: opened, funded, run, closed."""

from __future__ import annotations

from tests.client.attention.cases import BUDGET, PRICE, Attention, attention, deployed, home

__all__ = ["attention", "deployed", "home"]


def test_the_id_is_the_contracts(attention: Attention) -> None:
    rewards = attention.rewards
    terms = attention.terms(salt=bytes(31) + b"\7")
    assert rewards.id_of(terms) == rewards.chain.call(rewards.contract.functions.idOf(terms.as_tuple()))


def test_a_statement_is_paid(attention: Attention) -> None:
    attention.claim(*attention.statements(attention.ann, 0, 2))
    assert attention.points(attention.ann) == 2 * PRICE
    rewards, account = attention.rewards, attention.account(attention.ann)
    assert rewards.word(attention.fresh.id, account) == 0b101
    assert rewards.paid(attention.fresh.id, account).contacts == {0, 2}
    assert rewards.campaign(attention.fresh.id).standing.left == 5_000 - 2
    attention.claim(*attention.statements(attention.ann, 0, campaign=attention.escrow))
    assert rewards.campaign(attention.escrow.id).standing.left == BUDGET - 1


def test_a_ticket_and_a_code_are_paid(attention: Attention) -> None:
    rewards, fresh = attention.rewards, attention.fresh
    ticket, code = attention.ticket(attention.bob, 1), attention.code(1_234)
    account = attention.account(attention.bob)
    call = rewards.ticket_call(ticket, account, attention.bob.address)
    attention.chain.send(call, attention.payer)
    rewards.activate(fresh.id, [1])
    call = rewards.ticket_call(code, account, attention.bob.address)
    attention.chain.send(call, attention.payer)
    paid = rewards.paid(fresh.id, account)
    assert paid.contacts == {1}
    assert paid.codes == {1_234}
    assert rewards.paid_in_all(fresh.id) == (1, 1)
    assert rewards.code_used(fresh.id, 1_234)
    assert rewards.codes_of(fresh.id, account) == (1, 1)
    assert attention.points(attention.bob) == 2 * PRICE


def test_accounts_are_enrolled_once(attention: Attention) -> None:
    rewards, id_ = attention.rewards, attention.fresh.id
    accounts = [attention.account(each) for each in (attention.ann, attention.bob)]
    assert rewards.enrol(id_, accounts[:1])[1] == 1
    receipts, number = rewards.enrol(id_, [*accounts, *accounts])
    assert (len(receipts), number) == (1, 1)
    assert rewards.enrol(id_, accounts) == ([], 0)
    assert rewards.enrolled(id_, accounts[1])
    assert rewards.campaign(id_).standing.reserved == 40
