"""The figures as a page for whoever runs a loyalty programme."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from benchmarks.market.parameters import BRAND_BACK, GROCER_BACK, PRICES
from benchmarks.market.study import FAIR, NONE, PAIRS, RINGS, TRADED, Figures
from benchmarks.report import table

_NAMES = {NONE: "no trade", PAIRS: "pairs", RINGS: "greedy rings", FAIR: "fair clearing"}
WIDTH = 120
_MISSING = "none"


def _percent(value: float | None, digits: int = 0) -> str:
    return _MISSING if value is None else f"{value * 100:.{digits}f} %"


def _dollars(value: float | None, digits: int = 2) -> str:
    if value is None:
        return _MISSING
    amount = f"{abs(value):,.{digits}f}"
    return f"{'-' if value < 0 and amount.strip('0.,') else ''}${amount}"


def _times(value: float | None) -> str:
    return _MISSING if value is None else f"{value:.2f} times"


def _more(value: int) -> str:
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{abs(value):,}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from table(header, rows)
    yield ""


def markdown(figures: Figures) -> str:
    """The whole page, from what `study.figures` returns."""
    parts = (_summary, _assumed, _served, _customers, _brands, _gas, _beside, _limits)
    lines = (wrapped for part in parts for line in part(figures) for wrapped in _wrapped(line))
    return "\n".join(lines).rstrip() + "\n"


def _wrapped(line: str) -> list[str]:
    if line.startswith(("|", "#", "![")):
        return [line]
    indent = "  " if line.startswith("- ") else ""
    return wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def _summary(figures: Figures) -> Iterator[str]:
    market, customers = figures["market"], figures["customers"][FAIR]
    fair, pairs, rings = market[FAIR], market[PAIRS], market[RINGS]
    bar, base = figures["bar"], figures["base"]
    small, sized = figures["by_size"][FAIR][-1], figures["by_size"][FAIR]
    bill, dollars = figures["gas"]["bills"][FAIR], figures["gas"]["dollars"][FAIR]
    reached = bar["base"]["value"] is not None and bar["base"]["value"] >= bar["bar"]
    yield "# A year of trade among a grocer's customers"
    yield ""
    yield (
        f"What if {figures['households']:,} real households could swap the points of 20 brands with each "
        "other, once a week? What they bought is real (a grocer's receipts of one year); the points, and "
        "what households do with them, follow rules that are stated below. The year is played four times: "
        "without trade, with order books for pairs, with greedy rings, and with fair clearing (uniform "
        "prices). Written by `make market`; all figures are in [market.json](market.json). Money is what "
        "points take off a receipt."
    )
    yield ""
    yield "## In short"
    yield ""
    yield (
        f"- **Wishes come true more often.** Fair clearing fills {_percent(fair['filled_value'])} of the "
        f"value offered, greedy rings {_percent(rings['filled_value'])}, pairs "
        f"{_percent(pairs['filled_value'])}."
    )
    yield (
        "- **Everybody gets the same price.** In one week and pair, rates lie apart by "
        f"{_percent(pairs['spread'], 1)} with pairs, {_percent(rings['spread'], 1)} with greedy rings and "
        f"{_percent(fair['spread'], 3)} with fair clearing."
    )
    yield (
        "- **The customer gains little in money, and earlier.** A household that trades has "
        f"{_dollars(customers['have_more_each'])} more at the end of the year, which would have expired, "
        f"and has redeemed {_dollars(customers['redeemed_more_each'])} more by then, beside "
        f"{_dollars(customers['redeemed_without_each'])} without trade. {_percent(customers['better'])} "
        f"have more, {_percent(customers['worse'])} have less."
    )
    yield (
        "- **The brands pay for it.** The customers' gain is the brands' lost breakage, to the cent. It "
        f"weighs most on small brands: their breakage falls from {_percent(small['breakage_without'])} to "
        f"{_percent(small['breakage'])} of what they issue, while "
        f"{_percent(customers['households'] / figures['households'])} of the households trade, and they "
        f"honour rewards for {_percent(small['redeemed_more_of_sales'], 2)} of their sales more "
        f"({sized[0]['name']}: {_percent(sized[0]['redeemed_more_of_sales'], 2)})."
    )
    yield (
        f"- **Only a rollup is cheap enough.** A year's trades take {_dollars(dollars['rollup'])} a "
        f"household on a rollup, {_dollars(dollars['mainnet, quiet'])} on a quiet mainnet, "
        f"{_dollars(dollars['mainnet, busy'])} on a busy one, for {bill['orders']:.0f} filled orders."
    )
    yield (
        f"- **Our bar {'is kept' if reached else 'is missed'}.** Fair clearing should trade {bar['bar']} "
        f"times the value of pairs in weeks with at most {bar['orders']:,} orders. With the same orders it "
        f"trades {_times(bar['base']['value'])} over the year, and reaches the bar in "
        f"{bar['base']['reached']} of {bar['base']['weeks']} weeks; the customers' gain over their limits is "
        f"{_times(base['same_orders'][PAIRS]['surplus'])} that of pairs. At the published "
        f"prices nobody could trade more than {_times(bar['base']['most_uniform'])}. {_reached(figures)} "
        "[Below](#beside-the-others)."
        if not reached
        else "- **Our bar is kept.** With the same orders fair clearing trades "
        f"{_times(bar['base']['value'])} the value of "
        f"pairs in weeks with at most {bar['orders']:,} orders; the bar is {bar['bar']}."
    )
    yield (
        "- **Beside greedy rings we win little but the price.** With the same orders "
        f"{_times(base['same_orders'][RINGS]['traded'])} the value, "
        f"{_times(base['same_orders'][RINGS]['surplus'])} the gain over limits, "
        f"{_times(base['same_orders'][RINGS]['filled'])} the number of orders."
    )
    yield ""


def _reached(figures: Figures) -> str:
    """Which runs reach the bar."""
    bar = figures["bar"]["bar"]
    found = [
        f"{row['name']} ({_times(row['same_orders'][PAIRS]['traded'])})"
        for row in figures["variants"]
        if (row["same_orders"][PAIRS]["traded"] or 0) >= bar
    ]
    return f"Runs that reach it: {'; '.join(found)}." if found else "No run reaches it."


def _assumed(figures: Figures) -> Iterator[str]:
    chosen: dict[str, Any] = figures["parameters"]
    low, high = chosen["patience"]
    yield "## What was assumed"
    yield ""
    rows = (
        ("households; part of them that trades", f"{figures['households']:,}; {_percent(chosen['share'])}"),
        ("weeks, a batch each", str(chosen["weeks"])),
        (
            "earning",
            "whole points for every full ten cents of a receipt: manufacturers give "
            f"{_percent(BRAND_BACK)} back on what they made, the grocer {_percent(GROCER_BACK)} on the "
            "whole receipt",
        ),
        (
            "redeeming",
            "in the weeks in which the household really buys the brand, in whole rewards ($1, the grocer "
            "$5), never more than the receipt, the oldest points first; always as soon as there is enough",
        ),
        (
            "expiry",
            "four epochs as in the token: longest life 4, 8 or 12 months, by brand (table below); all "
            "start on day 1",
        ),
        ("memory of purchases: half-life", f"{chosen['memory']:g} weeks"),
        ("price of waiting, median of households", f"{_percent(chosen['waiting'])} of the value a week"),
        (
            "a swap is worth the trouble from",
            f"{_percent(chosen['hurdle'])} gain and {_dollars(chosen['least'])}",
        ),
        ("orders of a household and week, at most", str(chosen["orders"])),
        ("private noise on limits, standard deviation", _percent(chosen["spread"])),
        (
            "an unfilled wish",
            f"is signed again each week with {_percent(1 - chosen['concession'])} less of the gain asked "
            f"for; given up after {low} to {high} weeks, then rests {chosen['rest']}",
        ),
        ("what a household can know of prices", f"those of past trades, half-life {chosen['news']:g} weeks"),
        (
            "life asked for",
            " or ".join(f"{weeks}" for weeks in chosen["lives"])
            + " weeks, three times the expected wait until the next visit, raised to one of these",
        ),
        ("longest greedy ring", str(chosen["ring"])),
        ("seed", str(chosen["seed"])),
    )
    yield from _table(("", "value"), rows)
    yield (
        "**How a household decides.** A point is worth what it takes off a receipt, less for waiting, times "
        "the chance that it is used before it expires. Both follow from how often and for how much the "
        "household bought the brand *so far*: if it holds a reward's worth, it waits for one visit, else "
        "until the rest is earned. So it offers points of brands that it does not buy any more, that are "
        "about to expire or that will not make a reward, the oldest lots only, and wants points that "
        f"complete a reward of a brand that it buys often, up to what it buys in {chosen['horizon']} weeks. "
        "Of all swaps it signs the ones that gain most at the last prices. Its limit is what the points are "
        "worth to it, plus a private part of the gain, plus noise, and never below what they are worth. "
        "Nothing looks ahead; purchases are never changed by points."
    )
    yield ""
    yield (
        "**The three mechanisms** get households that decide by the same rule with the same private draws; "
        "what they hold, and so what they sign, then goes its own way. *Pairs*: an order book for each "
        "pair; orders come in drawn sequence, take the best standing orders at their price, in part if need "
        f"be, and stand for the week. *Greedy rings*: of all rings of two to {chosen['ring']} orders the "
        "one with the best rate first, as far as its smallest order goes, its gain shared evenly; again "
        "until there is none. *Fair clearing*: [`troc.market.clearing`](../troc/market/clearing). All "
        "respect both bounds on lives, all are settled by the exchange's and the token's rules: the oldest "
        "lots within both bounds move, and keep their expiry."
    )
    yield ""


def _served(figures: Figures) -> Iterator[str]:
    market = figures["market"]
    yield "## Wanted and filled"
    yield ""

    def row(label: str, key: str, shown: Any) -> tuple[str, ...]:
        return (label, *(shown(market[name][key]) for name in TRADED))

    yield from _table(
        ("in the year", *(_NAMES[name] for name in TRADED)),
        (
            row("orders signed, each for a week", "orders", lambda value: f"{value:,}"),
            row("filled whole", "filled", _percent),
            row("filled in part", "partly", _percent),
            row("offered, unfilled ones again each week", "offered", lambda value: _dollars(value, 0)),
            row("traded", "traded", lambda value: _dollars(value, 0)),
            row("traded, of what was offered", "filled_value", _percent),
            row("wishes (an order and its repetitions)", "wishes", lambda value: f"{value:,}"),
            row("wishes filled", "wishes_filled", _percent),
            row("wishes given up", "wishes_given_up", _percent),
            row("gain over limits", "surplus", lambda value: _dollars(value, 0)),
            row("rates of a pair and week lie apart", "spread", lambda value: _percent(value, 3)),
            row("the same, equal lives asked and given", "spread_alike", lambda value: _percent(value, 3)),
            row("transfers a filled order", "transfers_an_order", lambda value: f"{value:.2f}"),
        ),
    )
    worst = market[FAIR]["worst_quality"]
    if worst is not None:
        yield (
            "The other wishes were changed before either happened: the household bought, redeemed or "
            "preferred something else. Fair clearing publishes with each batch how much of the possible "
            f"gain at its prices it reached: {_percent(worst, 3)} in the worst week."
        )
        yield ""
    yield "![Part of the offered value and of the orders that were filled, by week](market/filled.png)"
    yield ""
    yield "![How far rates of one pair lie apart within a week](market/rates.png)"
    yield ""


def _customers(figures: Figures) -> Iterator[str]:
    found = figures["customers"]
    one = found[FAIR]
    yield "## The customer's side"
    yield ""

    def row(label: str, key: str, shown: Any = _dollars) -> tuple[str, ...]:
        return (label, *(shown(found[name][key]) for name in TRADED))

    quarters = (
        (
            f"{label} quarter by purchases: more redeemed / more had",
            *(
                f"{_dollars(found[name]['redeemed_more_by_quarter'][n])} / "
                f"{_dollars(found[name]['have_more_by_quarter'][n])}"
                for name in TRADED
            ),
        )
        for n, label in enumerate(("lowest", "second", "third", "highest"))
    )
    yield from _table(
        ("beside a year without trade", *(_NAMES[name] for name in TRADED)),
        (
            row("points saved from expiry, all households", "saved", lambda value: _dollars(value, 0)),
            row("redeemed in the year, more", "redeemed_more", lambda value: _dollars(value, 0)),
            row("still held at the end, more", "left_more", lambda value: _dollars(value, 0)),
            row("more redeemed, a trading household", "redeemed_more_each"),
            row("more redeemed and held, a trading household", "have_more_each"),
            row("the same, median", "have_more_median"),
            row("have more", "better", _percent),
            row("have less", "worse", _percent),
            row("those have less by, on average", "worse_mean"),
            *quarters,
        ),
    )
    yield (
        f"{one['households']:,} households trade; the others' year stays as it was. Points worth "
        f"{_dollars(one['issued'], 0)} were issued to all, and {_dollars(one['expired_without'], 0)} of "
        "them expired without trade. What is redeemed grows by more than what is saved: points that lay "
        "about below a reward were put together. Who has less at the end paid for having it sooner, or gave "
        "points that could have been used after all; nobody got less than the signed limit. Points still "
        "held count in full, though some of them will expire. Large buyers gain most, since they have most "
        "to swap."
    )
    yield ""


def _brands(figures: Figures) -> Iterator[str]:
    rows, sized = figures["by_brand"][FAIR], figures["by_size"][FAIR]
    yield "## The brand's side"
    yield ""
    yield from _table(
        (
            "fair clearing beside no trade",
            "changed hands, of issued",
            "breakage before",
            "after",
            "redeemed more",
            "of sales",
            "rewards brought",
            "rewards gone",
            "customers who redeemed",
        ),
        (
            (
                row["name"],
                _percent(row["changed_hands"]),
                _percent(row["breakage_without"], 1),
                _percent(row["breakage"], 1),
                _dollars(row["redeemed_more"], 0),
                _percent(row["redeemed_more_of_sales"], 2),
                _more(row["rewards_brought"]),
                _more(-row["rewards_gone"]),
                f"{row['redeemers_without']:,} {_more(row['redeemers_more'])}",
            )
            for row in sized
        ),
    )
    yield (
        "*Rewards brought* were redeemed by customers who redeem more of the brand than without trade, "
        "*gone* by those who redeem less; *customers who redeemed* counts a household once a brand. **What "
        "brands gain:** more rewards are redeemed, each on a real visit, by customers who chose the brand "
        "and buy it often. **What they lose:** breakage; and customers who buy seldom swap their points "
        "away, so that fewer different customers redeem. Sales here are the real ones of a year without "
        "trade: whether a reward brings a further visit, these data cannot tell. A brand for which a reward "
        "of $1 brings less than its own cost of that reward in further margin loses by the market, and "
        "measured by sales it costs small brands with short lives most. What decides is the life of "
        "points more than the size of the brand:"
    )
    yield ""
    yield "![Points that expired, by brand](market/breakage.png)"
    yield ""
    yield from _table(
        (
            "brand",
            "life, months",
            "sales",
            "issued",
            "breakage before",
            "after",
            "redeemed before",
            "after",
            "price",
        ),
        (
            (
                row["name"],
                str(row["months"]),
                _dollars(row["sales"], 0),
                _dollars(row["issued"], 0),
                _percent(row["breakage_without"], 1),
                _percent(row["breakage"], 1),
                _dollars(row["redeemed_without"], 0),
                _dollars(row["redeemed"], 0),
                f"{row['price']:.2f}",
            )
            for row in rows
        ),
    )
    yield (
        "*Price*: what a dollar of these points fetched lately at the end, in an average dollar of points. "
        "Brands that many buy each week are dear. The data names manufacturers by numbers; the names here "
        "say what they sell most of. A brewer and a maker of cigarettes, by sales 12th and 14th, are left "
        "out. Points of 12 months begin to expire only at the very end of the year: in later years more of "
        "them would."
    )
    yield ""


def _gas(figures: Figures) -> Iterator[str]:
    gas = figures["gas"]
    measured = gas["measured"]
    yield "## What it costs on a chain"
    yield ""
    yield from _table(
        ("a trading household and year", *(_NAMES[name] for name in TRADED)),
        (
            ("filled orders", *(f"{gas['bills'][name]['orders']:.1f}" for name in TRADED)),
            ("transfers", *(f"{gas['bills'][name]['transfers']:.1f}" for name in TRADED)),
            ("gas", *(f"{gas['bills'][name]['gas']:,.0f}" for name in TRADED)),
            *(
                (price.name, *(_dollars(gas["dollars"][name][price.name]) for name in TRADED))
                for price in PRICES
            ),
        ),
    )
    yield (
        "From the measured figures in [gas.json](gas.json): an order in a batch of 30 takes "
        f"{measured['order']:,} gas (each order that may be filled in part needs a nonce word of its own, "
        f"so all count as first), each further transfer {measured['transfer']:,}, the first points of a "
        f"brand {measured['holder']:,}. A first trade outside any batch would take {measured['alone']:,}. "
        "Not counted: earning and redeeming, which cost the same without trade, and batches smaller than 30."
    )
    yield ""
    yield from _table(
        ("prices assumed", "gas", "a byte of calldata", "ether"),
        (
            (
                price.name,
                f"{price.gwei:g} gwei",
                f"{price.byte_gwei:g} gwei" if price.byte_gwei else "in the gas",
                _dollars(price.ether, 0),
            )
            for price in PRICES
        ),
    )
    each, bill = figures["customers"][FAIR]["have_more_each"], gas["bills"][FAIR]
    if bill["gas"] and each > 0:
        limit = each / (bill["gas"] * 1e-9 * PRICES[0].ether)
        yield (
            f"On mainnet the trades eat up what is saved from expiry ({_dollars(each)} a household) as soon "
            f"as gas costs more than {limit:.2f} gwei."
        )
        yield ""


def _beside(figures: Figures) -> Iterator[str]:
    bar = figures["bar"]
    theirs = figures["orders_of_pairs"]
    base = figures["base"]
    yield "## Beside the others"
    yield ""
    yield (
        "What a mechanism leaves unfilled comes back the next week, so the years as a whole lie closer "
        "together than the mechanisms. Both are told: *same orders* lets each mechanism try the very orders "
        "that fair clearing got that week; *own year* compares what was traded in the two years. A run a "
        "row, each but the first differing in one thing; number of orders and share filled are fair "
        "clearing's (and pairs') own. *The most* is what nobody could exceed with the same orders, beside "
        "what pairs trade: at the prices that were published, and at any rates, another one for each "
        "transfer if need be, as long as every limit and both bounds on lives are kept (linear programmes, "
        "`benchmarks/market/most.py`)."
    )
    yield ""
    yield from _table(
        (
            "run",
            "orders a week",
            "filled, fair",
            "filled, pairs",
            "value / pairs, same orders",
            "the most at our prices",
            "the most at any rates",
            "own year",
            "gain / pairs",
            "orders / pairs",
            "value / rings",
            "gain / rings",
            "orders / rings",
        ),
        (
            (
                row["name"],
                f"{row['orders_a_week']:,.0f}",
                _percent(row["filled_fair"]),
                _percent(row["filled_pairs"]),
                _times(row["same_orders"][PAIRS]["traded"]),
                _times(row["most"]["most_uniform"]),
                _times(row["most"]["most"]),
                _times(row["own_year_value"]),
                _times(row["same_orders"][PAIRS]["surplus"]),
                _times(row["same_orders"][PAIRS]["filled"]),
                _times(row["same_orders"][RINGS]["traded"]),
                _times(row["same_orders"][RINGS]["surplus"]),
                _times(row["same_orders"][RINGS]["filled"]),
            )
            for row in figures["variants"]
        ),
    )
    yield "![Value traded by fair clearing beside the others, by size of the week](market/size.png)"
    yield ""
    yield (
        f"- **The bar** ({bar['bar']} times the value of pairs, weeks with at most {bar['orders']:,} "
        f"orders): {_times(bar['base']['value'])} in the year above (median of weeks "
        f"{_times(bar['base']['median'])}; reached in {bar['base']['reached']} of {bar['base']['weeks']}); "
        f"{_times(bar['all']['value'])} over all runs (median {_times(bar['all']['median'])}; reached in "
        f"{bar['all']['reached']} of {bar['all']['weeks']})."
    )
    yield (
        f"- **What could be reached:** at the published prices at most {_times(bar['base']['most_uniform'])} "
        f"the value of pairs, of which fair clearing trades {_percent(bar['base']['of_most_uniform'], 1)}; "
        f"the bar is within reach at them in {bar['base']['within_reach']} of {bar['base']['weeks']} weeks. "
        f"Who pays every order another rate could trade {_times(bar['base']['most'])}: some give up their "
        "gain so that others, whose limits miss the market, trade too. One price for all does not "
        "take from one to serve the other."
    )
    yield (
        "- On the orders that *pairs* got in their own year, fair clearing would trade "
        f"{_times(theirs['traded'])} the value, with {_times(theirs['surplus'])} the gain and "
        f"{_times(theirs['filled'])} the orders."
    )
    yield (
        f"- **Where we are behind:** in {bar['all']['behind_rings']} of {bar['all']['weeks']} weeks greedy "
        "rings trade more value; in number of orders they are level "
        f"({_times(base['same_orders'][RINGS]['filled'])}). In a market where everybody trades, pairs nearly "
        "do: most swaps have the grocer's points on one side, which everybody collects, and so find their "
        f"opposite. A filled order takes {figures['market'][FAIR]['transfers_an_order']:.2f} transfers, "
        f"with pairs {figures['market'][PAIRS]['transfers_an_order']:.2f}, with rings "
        f"{figures['market'][RINGS]['transfers_an_order']:.2f}; so pairs cost less gas."
    )
    yield ""


def _limits(figures: Figures) -> Iterator[str]:
    yield "## What this does not say"
    yield ""
    yield from (
        "- Households are a rule of thumb, not people: nobody has yet been seen to swap points each week.",
        "- One grocer's customers. Brands that share fewer customers are a thinner market; airlines or cafés "
        "are not in it.",
        "- Rewards bring no further visits here, and prices of goods do not react.",
        "- Nobody speculates, shades a limit on purpose, or runs a desk; no order is all-or-nothing.",
        "- A year from the launch on: it begins without points, so that less expires than in later years.",
        "- Batches settle as solved: nobody moves points in between.",
    )
    yield ""
    yield (
        f"Everything is drawn from the seed {figures['parameters']['seed']}: the same seed gives the same "
        "page (other BLAS libraries may change last digits). A run takes five to six minutes on one core; "
        "`python -m benchmarks.market --quick` a few seconds."
    )
