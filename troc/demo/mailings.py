"""The grocer's real campaigns: to whom each was sent, and who came and used one of its coupons.

27 campaigns, sent 6,589 times to households; 2,102 coupons used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troc import words
from troc.demo.receipts import data_folder


@dataclass(frozen=True)
class Mailing:
    """One campaign of the grocer's.

    `kind` is the grocer's word ("Type A" to "Type C"), `start` and `end` are Unix times: the first second of
    its first day, and the last of its last. `households` are those it was sent to, `visits` how often each of
    them used a coupon of it, on another day each.
    """

    number: int
    kind: str
    start: int
    end: int
    households: tuple[int, ...]
    visits: dict[int, int]

    def contacts(self, household: int) -> range:
        """The numbers of its contacts: 0 is the mail, and from 1 on each day on which it used a coupon."""
        return range(1 + self.visits.get(household, 0)) if household in self.households else range(0)


def read_mailings(among: Sequence[int] | None = None) -> tuple[Mailing, ...]:
    """All campaigns in the order of their numbers, with all households, or these alone."""
    folder = data_folder()
    from pyarrow import parquet

    descriptions = parquet.read_table(folder / "campaign_descriptions.parquet").to_pandas()
    sent = parquet.read_table(folder / "campaigns.parquet").to_pandas()
    used = parquet.read_table(folder / "coupon_redemptions.parquet").to_pandas()
    if among is not None:
        sent, used = (table[table["household_id"].isin(among)] for table in (sent, used))
    days = used.groupby(["campaign_id", "household_id"])["redemption_date"].nunique()
    found = []
    for row in descriptions.sort_values("campaign_id").itertuples():
        number = int(row.campaign_id)
        households = tuple(sorted(map(int, sent.loc[sent["campaign_id"] == number, "household_id"])))
        found.append(
            Mailing(
                number,
                str(row.campaign_type),
                words.parse_day(str(row.start_date)[:10]),
                words.parse_day(str(row.end_date)[:10]) + words.DAY - 1,
                households,
                {each: int(days[number, each]) for each in households if (number, each) in days.index},
            )
        )
    return tuple(found)
