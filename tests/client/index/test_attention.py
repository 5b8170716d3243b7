"""Campaigns and the inbox in the index; points that campaigns issue agree with the token to the unit."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.client.attention.cases import BUDGET, DAY, PRICE, Attention, attention, deploy_cash, deployed, home
from tests.client.core.conftest import rpc_call
from tests.client.core.mocks import deploy_mock
from tests.client.index.test_catching_up import content
from troc.accounts import open_account
from troc.artifacts import INBOX
from troc.attention.slips import sign_statements
from troc.deploy import deploy_inbox
from troc.index import Index, tables
from troc.index.events import Event, Payment, births
from troc.manifest import write_manifest
from troc.messages import ZERO_ADDRESS
from troc.programme.books import Books, Period, Value, journal
from troc.programme.statement import statement

__all__ = ["attention", "deployed", "home"]

ROOT = b"\x5a" * 32
POLICY = (True, 100, 3, 1 << 63 | 1 << 5, 1 << 1, 7)
LETTER, REPLY = b"\x11" * 32, b"\x22" * 32


@pytest.fixture
def index(attention: Attention, tmp_path: Path) -> Index:
    """The index of the chain with campaigns, empty."""
    return Index(attention.chain, attention.manifest, f"sqlite:///{tmp_path / 'index.sqlite'}")


def books_of(attention: Attention, index: Index) -> Books:
    """The brand's books, up to date."""
    index.catch_up()
    return Books(attention.everyone, index, attention.everyone.brand("PANIER"))


def period_of(books: Books) -> Period:
    """All there is."""
    return Period(books.launched[1], books.now + 1)


def kinds(attention: Attention, index: Index) -> dict[str, int]:
    """What was issued by kind; the books have held everything against the token, lot by lot."""
    books = books_of(attention, index)
    rolled = books.roll(period_of(books))
    assert rolled.checked
    assert rolled.exact
    return dict(rolled.issued_by)


def pay_each_path(attention: Attention) -> None:
    """A statement of Ann's, a batch of hers and Bob's of which one is passed over, a ticket, a code."""
    rewards, fresh, chain, payer = attention.rewards, attention.fresh, attention.chain, attention.payer
    attention.claim(*attention.statements(attention.ann, 0, 2))
    attention.pass_days(1)
    batch = [
        *attention.statements(attention.ann, 0),
        *attention.statements(attention.ann, 1, 3),
        *attention.statements(attention.bob, 0, 1),
    ]
    chain.send(rewards.statements_call(batch), payer)
    bob = attention.account(attention.bob)
    chain.send(rewards.ticket_call(attention.ticket(attention.bob, 2), bob, attention.bob.address), payer)
    rewards.activate(fresh.id, [1])
    chain.send(rewards.ticket_call(attention.code(1_234), bob, attention.bob.address), payer)


def test_what_a_campaign_issues_is_paid_attention(attention: Attention, index: Index) -> None:
    assert kinds(attention, index) == {"batch": 100_000}
    attention.brand.mint("PANIER", {attention.ann.address: 2 * PRICE}, reference="a gift of the same amount")
    pay_each_path(attention)
    assert kinds(attention, index) == {"batch": 100_000 + 2 * PRICE, "attention": 8 * PRICE}
    brand, id_ = attention.everyone.brand("PANIER"), attention.fresh.name
    found = [issue for issue in index.issues(brand) if issue.kind == "attention"]
    assert {(issue.issuer, issue.reference) for issue in found} == {(attention.rewards.address, id_)}
    ann, bob = attention.ann.address, attention.bob.address
    assert sorted((issue.recipient, issue.units) for issue in found) == sorted(
        [(ann, 10), (ann, 10), (bob, 10), (bob, 5), (bob, 5)]
    )
    accounts = {who.address: "0x" + attention.account(who).hex() for who in (attention.ann, attention.bob)}
    payments = index.payments(id_)
    assert [
        (paid.account, paid.payee, paid.path, set(paid.contacts), paid.code, paid.units) for paid in payments
    ] == [
        (accounts[ann], ann, "statement", {0, 2}, None, 10),
        (accounts[ann], ann, "statement", {1, 3}, None, 10),
        (accounts[bob], bob, "statement", {0, 1}, None, 10),
        (accounts[bob], bob, "ticket", {2}, None, 5),
        (accounts[bob], bob, "code", set(), 1_234, 5),
    ]
    assert [paid.units for paid in index.payments(payee=ann, since=payments[1].time)] == [10]
    assert {campaign.id: campaign.paid for campaign in index.campaigns(brand.address)} == {
        id_: 8,
        attention.escrow.name: 0,
    }
    with index.reading() as connection:
        (passed,) = connection.execute(sa.select(tables.skipped))
    assert (passed.account, passed.place, passed.reason) == (accounts[ann], 0, "nothing new")


def test_statement_and_journal_tell_paid_attention(attention: Attention, index: Index) -> None:
    pay_each_path(attention)
    attention.claim(*attention.statements(attention.ann, 4, campaign=attention.escrow))
    attention.brand.send(f"{PRICE} PANIER", attention.ann.address)
    books = books_of(attention, index)
    told = statement(books, attention.ann.address, period_of(books))
    lines = [(line.kind, line.reason, line.units) for line in told.lines]
    assert lines == [
        ("attention", "paid by Le Panier for attention", 10),
        ("attention", "paid by Le Panier for attention", 10),
        ("attention", "paid by Le Panier for attention", 5),
        ("received", f"received from {attention.owner.address}", 5),
    ]
    value = Value.parse("0.01", "EUR")
    (entry,) = (
        entry
        for entry in journal(books, period_of(books), value).entries
        if entry.figure == "issued for attention"
    )
    assert (entry.units, entry.debit, entry.credit) == (
        8 * PRICE,
        "marketing cost, attention",
        "contract liability (points)",
    )


def test_a_mint_beside_a_payment_keeps_its_kind(attention: Attention, index: Index) -> None:
    """In one block, and for the same customer and amount."""
    (slip,) = attention.statements(attention.ann, 0)
    rpc_call(attention.chain, "evm_setAutomine", False)
    try:
        token = attention.everyone.brands.token(attention.everyone.brand("PANIER")).functions
        for call, signer in (
            (token.mint(attention.ann.address, PRICE), attention.owner),
            (attention.rewards.statement_call(slip), attention.payer),
        ):
            signed = attention.chain.sign(call, signer)
            attention.chain.web3.eth.send_raw_transaction(signed.raw)
        rpc_call(attention.chain, "evm_mine")
    finally:
        rpc_call(attention.chain, "evm_setAutomine", True)
    assert kinds(attention, index) == {"batch": 100_000, "own": PRICE, "attention": PRICE}


def test_only_what_nobody_else_explains_is_a_campaign_s() -> None:
    """In one transaction: a till's issue, a voucher and a batch of the payment's own amount and payee."""
    rewards, till, ann = ("0x" + digit * 40 for digit in "abc")
    places = iter(range(100))

    def event(name: str, **args: object) -> Event:
        return Event("0xtoken", name, args, 1, 1, next(places), "0xtransaction")

    def transfer(units: int = PRICE) -> Event:
        return event("Transfer", **{"from": ZERO_ADDRESS, "to": ann, "value": units})

    told = {"receiptId": "0x" + "00" * 32, "to": ann, "amount": PRICE}
    log = [
        *(event("IssuedFor", issuer=till, **told), transfer()),
        *(event("VoucherClaimed", issuer=rewards, nonce=1, **told), transfer()),
        *(transfer(), event("BatchIssued", issuer=till, batchId="0x" + "11" * 32, recipients=1)),
        transfer(PRICE + 1),
        *(event("IssuedFor", issuer=rewards, **told), transfer()),
        transfer(),
        transfer(),
    ]
    paid = [Payment(rewards, "0xcampaign", "0xtoken", "0xtransaction", ann, PRICE)] * 2
    found = births(log, paid)
    assert [birth.kind for birth in found] == [
        "grant",
        "voucher",
        "batch",
        "own",
        "attention",
        "attention",
        "own",
    ]
    assert [birth.issuer for birth in found[4:]] == [rewards, rewards, None]


def test_what_a_brand_does_with_a_campaign(attention: Attention, index: Index) -> None:
    rewards, escrow = attention.rewards, attention.escrow
    accounts = [attention.account(who) for who in (attention.ann, attention.bob)]
    rewards.enrol(attention.fresh.id, accounts)
    rewards.activate(attention.fresh.id, [2, 0])
    rewards.append_root(escrow.id, ROOT)
    rewards.withdraw_root(escrow.id, ROOT)
    rewards.fund(escrow.id, 7)
    rewards.offer(escrow.id, attention.fox.address)
    attention.fox.attention.accept(escrow.id)
    attention.pass_to(escrow.terms.claim_until + 1)
    rewards.close(attention.fresh.id)
    attention.fox.attention.close(escrow.id, attention.owner.address)
    assert kinds(attention, index) == {"batch": 100_000}
    fox, owner, c = attention.fox.address, attention.owner.address, tables.campaign_changes.c
    with index.reading() as connection:
        found = [
            tuple(row)
            for row in connection.execute(
                sa.select(c.campaign, c.kind, c.account, c.number).order_by(c.block, c.position)
            )
        ]
        effect = connection.scalar(sa.select(c.number).where(c.kind == "root appended"))
        roots = set(connection.scalars(sa.select(c.root).where(c.root.is_not(None))))
        e = tables.enrolments.c
        enrolled = list(connection.scalars(sa.select(e.account).order_by(e.number)))
        batches = list(connection.scalars(sa.select(tables.code_batches.c.batch)))
    fresh_id, escrow_id = attention.fresh.name, escrow.name
    assert found == [
        (escrow_id, "funded", owner, str(BUDGET)),
        (fresh_id, "enrolled", None, "40"),
        (fresh_id, "activated", None, None),
        (escrow_id, "root appended", None, effect),
        (escrow_id, "root withdrawn", None, None),
        (escrow_id, "funded", owner, "7"),
        (escrow_id, "admin offered", fox, None),
        (escrow_id, "admin changed", fox, None),
        (fresh_id, "released", None, None),
        (escrow_id, "refunded", owner, str((BUDGET + 7) * PRICE)),
    ]
    assert roots == {"0x" + ROOT.hex()}
    assert enrolled == ["0x" + account.hex() for account in accounts]
    assert sorted(batches) == [0, 2]
    campaigns = {campaign.id: campaign for campaign in index.campaigns()}
    assert (campaigns[escrow_id].terms, campaigns[escrow_id].admin) == (escrow.terms, fox)
    assert (campaigns[fresh_id].terms, campaigns[fresh_id].admin) == (attention.fresh.terms, owner)


@pytest.mark.parametrize("depth", [1, 3])
def test_payments_that_the_chain_drops_are_undone(
    depth: int, attention: Attention, index: Index, tmp_path: Path
) -> None:
    pay_each_path(attention)
    assert kinds(attention, index) == {"batch": 100_000, "attention": 8 * PRICE}
    rpc_call(attention.chain, "anvil_reorg", depth, [])
    # The code's payment goes; then its activation and the ticket too.
    left = 7 if depth == 1 else 6
    assert kinds(attention, index) == {"batch": 100_000, "attention": left * PRICE}
    assert sum(payment.units for payment in index.payments()) == left * PRICE
    anew = Index(attention.chain, attention.manifest, f"sqlite:///{tmp_path / 'anew.sqlite'}")
    anew.catch_up()
    assert content(anew) == content(index)


def test_a_campaign_of_an_earlier_range_is_known(attention: Attention, index: Index) -> None:
    index.catch_up()
    attention.claim(*attention.statements(attention.ann, 0, 2))
    assert kinds(attention, index) == {"batch": 100_000, "attention": 2 * PRICE}


def test_a_campaign_of_cash_is_kept_with_what_it_paid(attention: Attention, index: Index) -> None:
    cash = deploy_cash(attention.chain, attention.owner, attention.owner.address)
    price = 5 * 10**18
    campaign = attention.open(
        10, token=cash, token_kind=1, fresh=False, price=price, codes=0, codes_per_account=0
    )
    attention.claim(*attention.statements(attention.ann, 0, 1, campaign=campaign))
    index.catch_up()
    (paid,) = index.payments(campaign.name)
    assert (paid.token, paid.units) == (cash, 2 * price)
    assert kinds(attention, index) == {"batch": 100_000}


def test_a_pseudonym_is_no_payee(attention: Attention, index: Index) -> None:
    """Who is paid stands in the log; an account of 32 bytes is kept as it is."""
    account = b"\x07" * 32
    (slip,) = sign_statements(attention.fresh.id, account, [0], attention.rewards.domain, attention.signer)
    attention.chain.send(attention.rewards.statements_call([slip]), attention.payer)
    index.catch_up()
    assert index.payments() == []
    with index.reading() as connection:
        (passed,) = connection.execute(sa.select(tables.skipped))
    assert (passed.account, passed.reason) == ("0x" + account.hex(), "no account")


def test_messages_of_an_inbox_that_came_after_the_index_had_begun(attention: Attention, index: Index) -> None:
    chain, owner, payer, fox = attention.chain, attention.owner, attention.payer, attention.fox
    cash = deploy_mock(chain, owner, "CashMock", "Cash", "CASH")
    write_manifest(chain, attention.manifest)
    manifest = deploy_inbox(chain, owner, cash.address)
    inbox = chain.contract(INBOX, manifest.address(INBOX)).functions
    for call, signer in (
        (cash.functions.mint(payer.address, 10**6), payer),
        (cash.functions.approve(manifest.address(INBOX), 2**256 - 1), payer),
    ):
        chain.send(call, signer)
    account = open_account("dev:5", chain.config)
    chain.send(inbox.setPolicy(POLICY), account)
    chain.send(inbox.setWelcome(owner.address, 2), account)
    chain.send(inbox.cancelNonces([5, 2**200]), account)
    chain.send(inbox.send(fox.address, 1_007, 5, 1, 7, 2**64 - 1, LETTER), payer)
    chain.send(inbox.send(fox.address, 500, 5, 1, 7, 1, LETTER), payer)
    # Whoever follows the chain by the older record passes over all that.
    index.catch_up()
    assert index.messages() == []
    newer = Index(chain, manifest, str(index.engine.url))
    newer.catch_up()
    first, second = newer.messages(recipient=fox.address)
    assert (first.sender, first.deposit, first.topic, first.channel, first.state) == (
        payer.address,
        1_007,
        5,
        1,
        "waiting",
    )
    assert first.content == "0x" + LETTER.hex()
    assert first.answer_by == first.time + 7 * DAY
    message = (first.recipient, first.sender, first.terms, LETTER)
    assert "0x" + bytes(chain.call(inbox.messageIdOf(message))).hex() == first.id
    attention.pass_days(1)
    chain.send(inbox.answer(message, REPLY), account)
    attention.pass_to(second.answer_by + 1)
    newer.catch_up()
    assert [(each.state, each.answer) for each in newer.messages(sender=payer.address)] == [
        ("answered", "0x" + REPLY.hex()),
        ("due", None),
    ]
    chain.send(inbox.reclaim((second.recipient, second.sender, second.terms, LETTER)), payer)
    newer.catch_up()
    assert [each.state for each in newer.messages()] == ["answered", "reclaimed"]
    assert [each.state for each in newer.messages(at=second.time)] == ["waiting", "waiting"]
    with newer.reading() as connection:
        (policy,) = connection.execute(sa.select(tables.inbox_policies))
        (welcome,) = connection.execute(sa.select(tables.inbox_welcomes))
        nonces = list(connection.scalars(sa.select(tables.inbox_nonces.c.nonce)))
        amounts = list(connection.scalars(sa.select(tables.message_ends.c.amount)))
    assert (policy.recipient, policy.on, policy.floor, policy.per_week) == (fox.address, True, "100", 3)
    assert (policy.topics, policy.channels, policy.answer_days) == ("8000000000000020", 2, 7)
    assert (welcome.recipient, welcome.sender, welcome.welcome) == (fox.address, owner.address, "blocked")
    assert nonces == ["5", str(2**200)]
    assert amounts == ["906", "450"]
    # An older record does not undo it.
    Index(chain, attention.manifest, str(index.engine.url)).catch_up()
    assert len(newer.messages()) == 2
