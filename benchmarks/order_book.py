"""What the peers with signed orders have in common: one order, a maker and a taker, in a few states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract.contract import ContractFunction

from benchmarks.chain import MAX_UINT256, Chain, System
from benchmarks.records import Record
from benchmarks.tokens import ONE, Trade, fund, tokens


class Book(Protocol):
    """A deployed exchange on which a signed order is taken."""

    @property
    def spender(self) -> ChecksumAddress:
        """Whom the tokens are approved to."""

    def take(self, maker: LocalAccount, taker: LocalAccount, trade: Trade, number: int) -> ContractFunction:
        """The call by which `taker` takes the maker's whole order with that number."""


def order_book_records(
    chain: Chain, system: System, book: Book, how: str, *, nonce_words: bool = True
) -> Iterator[Record]:
    """One order taken by the caller, in the states that matter.

    `nonce_words` says whether orders share a word of nonces, which is then in use from the second order on;
    other systems write a slot for each order, and for them there is only that.
    """
    give, want = tokens(chain, 2)
    trade = Trade(give, want)
    maker, taker = chain.account("maker"), chain.account("taker")
    fund(chain, [maker, taker], [give, want], book.spender)
    nonce = "first nonce word" if nonce_words else "each order has a slot of its own"
    first = chain.send(book.take(maker, taker, trade, 0), taker.address)
    again = chain.send(book.take(maker, taker, trade, 1), taker.address)
    state = "existing holders, nonce word in use" if nonce_words else f"existing holders, {nonce}"
    yield system.record("take-order", again, state=state, how=how, per="order")
    if nonce_words:
        yield system.record(
            "take-order-first", first, state=f"existing holders, {nonce}", how=how, per="order"
        )

    # Her cheapest first trade is to take somebody's order, with ether of her own for two transactions.
    customer = chain.account("customer who takes")
    chain.send(want.functions.mint(customer.address, 100 * ONE))
    approve = chain.send(want.functions.approve(book.spender, MAX_UINT256), customer.address)
    cost = approve + chain.send(book.take(maker, customer, trade, 2), customer.address)
    yield system.record(
        "first-trade",
        cost,
        state="she takes: no approval yet, new holder of what she gets; the maker traded before",
        how=f"approve by her, then {how}",
        per="customer",
    )

    customer = chain.account("customer who signs")
    chain.send(give.functions.mint(customer.address, 100 * ONE))
    approve = chain.send(give.functions.approve(book.spender, MAX_UINT256), customer.address)
    cost = approve + chain.send(book.take(customer, taker, trade, 3), taker.address)
    yield system.record(
        "first-trade-signed",
        cost,
        state=f"she signs: no approval yet, new holder of what she gets, {nonce}; the taker traded before",
        how=f"approve by her, then {how}",
        per="customer",
    )
