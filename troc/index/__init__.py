"""The index: issues, redemptions, transfers and balances by lot, from the log into a database."""

from troc.index.attention_reading import AttentionPayment, IndexedCampaign, IndexedMessage
from troc.index.index import CaughtUp, Index, Status, Step
from troc.index.market_reading import Fill, IndexedBatch, IndexedOrder
from troc.index.reading import (
    AccountChange,
    Balance,
    GiveBack,
    Issue,
    Pending,
    Redemption,
    Transfer,
)

__all__ = [
    "AccountChange",
    "AttentionPayment",
    "Balance",
    "CaughtUp",
    "Fill",
    "GiveBack",
    "Index",
    "IndexedBatch",
    "IndexedCampaign",
    "IndexedMessage",
    "IndexedOrder",
    "Issue",
    "Pending",
    "Redemption",
    "Status",
    "Step",
    "Transfer",
]
