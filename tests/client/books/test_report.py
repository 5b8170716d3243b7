"""The report: it needs nothing else, says the same twice, and no name in it can do anything."""

from __future__ import annotations

import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

from tests.client.books.conftest import DAY, Programme, programme_of, receipt, tell, word
from tests.client.trade.conftest import World
from troc.programme.books import Period, Value, month
from troc.programme.report import Report, as_html, as_markdown, report_of

VALUE = Value.parse("0.01", "EUR")
HOSTILE = "<script>alert('$x')</script>|[a](http://x.example)"


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def made(programme: Programme, which: str = "2026-12") -> Report:
    return report_of(programme.books, month(which), VALUE)


def test_one_page_that_needs_nothing_and_is_the_same_twice(story: Programme) -> None:
    text = as_html(made(story))
    page = Page(text)
    assert text == as_html(made(story))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 3
    for attributes in images:
        assert str(attributes["src"]).startswith("data:image/png;base64,")
        assert len(attributes["alt"] or "") > 20
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    assert not re.search(r"\s(?:src|href)=\"(?!data:)", text)
    assert not re.search(r"https?://|url\(", text)


def test_markdown_says_the_same(story: Programme, tmp_path: Path) -> None:
    report = made(story)
    text, plots = as_markdown(report, "report")
    assert (text, plots) == as_markdown(made(story), "report")
    page = Page(as_html(report)).text
    for row in re.findall(r"^\| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE):
        assert row[0] in page or row[0] in ("figure", "what", "good")
        assert row[1] in page or row[1] in ("points", "accounts", "this month")
    assert sorted(plots) == sorted(re.findall(r"\]\((\S+\.png)\)", text))
    assert all(image.startswith(b"\x89PNG") for image in plots.values())


def test_a_hostile_name_is_nothing_but_text(world: World, tmp_path: Path) -> None:
    programme = programme_of(world, f"sqlite:///{tmp_path / 'index.sqlite'}", HOSTILE)
    programme.call("mint", world.ann.address, 500)
    report = report_of(programme.books, month("2026-11"), VALUE)
    text = as_html(report)
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE in page.text
    markdown, _ = as_markdown(report, "report")
    title = markdown.splitlines()[0]
    assert "<" not in title
    assert re.search(r"(?<!\\)[\[\]|]", title) is None


def test_what_trading_brought(programme: Programme) -> None:
    """Bob has nothing, gets 100 of Ann's in trade and redeems 60 of them; the rest runs out with him."""
    world, call = programme.world, programme.call
    call("mint", world.ann.address, 40_000)
    world.ann.trade("100 PAN", "80 BETA")
    world.bob.trade("80 BETA", "100 PAN")
    world.bob.redeem("60 PAN", receipt(1))
    world.pass_days(70)
    books = programme.books
    report = report_of(books, Period(books.launched[1], books.now), VALUE)
    found = report.since_launch
    assert (found.units, found.givers, found.takers, found.newcomers) == (10_000, 1, 1, 1)
    assert (found.redeemed, found.visits, found.expired) == (6_000, 1, 4_000)
    # 340 of 400 ran out.
    assert report.breakage.rate == Fraction(34_000, 40_000)
    assert report.lost(found) == 5_100
    assert (report.active.earned, report.active.redeemed, report.active.traded, report.active.all) == (
        1,
        1,
        2,
        2,
    )
    assert report.expired == 34_000


def test_own_points_count_as_redeemed_first(programme: Programme) -> None:
    world, call = programme.world, programme.call
    call("mintBatch", receipt("batch"), [word(world.ann.address, 40_000), word(world.bob.address, 5_000)])
    world.ann.trade("100 PAN", "80 BETA")
    world.bob.trade("80 BETA", "100 PAN")
    world.bob.redeem("60 PAN", receipt(1))
    world.pass_days(1)
    books = programme.books
    found = report_of(books, Period(books.launched[1], books.now), VALUE).since_launch
    assert (found.redeemed, found.visits, found.newcomers) == (1_000, 1, 0)
    call("giveBack", world.bob.address, receipt(1), 1_000)
    books = programme.books
    found = report_of(books, Period(books.launched[1], books.now + 1), VALUE).since_launch
    assert (found.redeemed, found.visits) == (0, 0)


def test_history_ends_in_the_month(programme: Programme) -> None:
    tell(programme)
    programme.world.pass_days(31 * DAY / DAY)
    report = made(programme, "2027-01")
    assert [each.closing for each in report.history][-1] == report.rolled.closing
    assert len(report.history) == 3
