"""The index: what happened on a chain, in a database, kept up with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain as chained
from itertools import islice, pairwise
from typing import Any, TypeVar

import sqlalchemy as sa

from troc.artifacts import INBOX
from troc.brands import FOR_EVER
from troc.chain import Chain
from troc.errors import ChainRestartedError, NetworkError, StoreError
from troc.index import tables
from troc.index.attention import CONTRACTS, PAID, Pays, opened, payments
from troc.index.attention_reading import AttentionReading
from troc.index.events import LAUNCHED, Event, Launch, read_event, read_launch, topics
from troc.index.families import (
    EVENT_TABLES,
    EVENTS,
    Calendar,
    Purchase,
    PurchaseKey,
    Span,
    grouped,
    purchase_key,
    rows,
)
from troc.index.ledger import Change, Held, Key, Lots, add, alive, replay
from troc.index.market import FILLED, TOPICS, MarketSpan
from troc.index.market_reading import MarketReading
from troc.index.reading import lots_of_row
from troc.index.source import Header, Log, LotsAt, Source, TooMuchError
from troc.manifest import Manifest
from troc.messages import EXCHANGE_NAME, Domain
from troc.signatures import are_signed_by_contracts
from troc.store import chain_folder, drop_store, open_store, shown_url, sqlite_url
from troc.words import LIFE_EPOCHS, shown

MOST_EVENTS = 50_000
"""A range with more events than this makes the next one shorter, to bound memory."""

_ATTEMPTS = 10
_PROBES = 100
_PER_QUERY = 500
T = TypeVar("T")

Report = Callable[["Step"], None]


class _MovedError(Exception):
    """The chain changed under our hands, or another process wrote first."""


@dataclass(frozen=True)
class Step:
    """What one range of blocks brought."""

    first: int
    last: int
    head: int
    events: int


@dataclass(frozen=True)
class CaughtUp:
    """What one run of `catch_up` did. `undone` is how many blocks were dropped by the chain and undone."""

    block: int
    blocks: int
    events: int
    undone: int
    seconds: float


@dataclass(frozen=True)
class Status:
    """Where an index stands.

    `block`, `hash` and `time` (seconds) tell the last block that is in it, `head` the node's latest, `final`
    the last block that is confirmed as often as the network's config asks. `rows` counts by table, `in_doubt`
    balances now whose lots are not known, `guessed` those of the past.
    """

    database: str
    chain_id: int
    genesis: str
    block: int
    hash: str
    time: int
    head: int
    final: int
    brands: int
    rows: Mapping[str, int]
    in_doubt: int
    guessed: int

    @property
    def behind(self) -> int:
        """Blocks that are not in it yet."""
        return max(0, self.head - self.block)

    def as_json(self) -> dict[str, Any]:
        """For `troc index --json`."""
        return {**asdict(self), "behind": self.behind}


class Index(MarketReading, AttentionReading):
    """The index of one deployment on one chain.

    `url` names a database (none: a file in the chain's folder). Whoever reads calls `catch_up` first.
    Raises `StoreError` where the database holds the index of another chain or deployment, or another version.
    """

    def __init__(self, chain: Chain, manifest: Manifest, url: str | None = None) -> None:
        self._chain = chain
        self._source = Source(chain)
        self._manifest = manifest
        self._brands = manifest.address("Brands")
        self._inbox = manifest.contracts[INBOX].address if INBOX in manifest.contracts else ""
        self._url = url or sqlite_url(chain_folder(chain) / "index.sqlite")
        self._attention = {
            manifest.contracts[name].address: name for name in CONTRACTS if name in manifest.contracts
        }
        self._market = (manifest.address("PointsExchange"), manifest.address("OrderBook"))
        domain = Domain(EXCHANGE_NAME, chain.chain_id, self._market[0])
        super().__init__(open_store(self._url, tables.metadata, tables.PART, tables.VERSION), domain)
        self._said: tuple[bytes, dict[tuple[str, str, bytes], bool]] = (b"", {})
        self._claim()

    @classmethod
    def rebuild(cls, chain: Chain, manifest: Manifest, url: str | None = None) -> Index:
        """Drop an index, of whatever chain or version, and begin anew. Nothing is lost but time."""
        drop_store(url or sqlite_url(chain_folder(chain) / "index.sqlite"), tables.PREFIX, tables.PART)
        return cls(chain, manifest, url)

    # ----------------------------------------------------------------------------------------- catching up

    def catch_up(self, report: Report | None = None) -> CaughtUp:
        """Bring the index to the node's latest block.

        One transaction a range of blocks: stopped anywhere and called again, it goes on where it was. Blocks
        that the chain has dropped are undone first. Several processes can do this at once.
        """
        begun = time.monotonic()
        undone = blocks = events = attempts = 0
        span = self._chain.config.log_range
        touched: list[Key] = []
        tokens: set[str] = set()
        while True:
            try:
                undone += self._go_back()
                start, head = self._reached() + 1, self._source.head()
                if start > head:
                    if self._settle(tokens, touched):
                        continue
                    break
                end = min(start + span - 1, head)
                found, keys = self._take(start, end)
            except TooMuchError:
                if span == 1:
                    raise
                span = max(1, span // 4)
            except sa.exc.DBAPIError as error:
                raise StoreError(
                    f"the index in {shown_url(self._url)} cannot be written ({str(error.orig).strip()})",
                    "mend that and run it again: it goes on where it was",
                ) from None
            except _MovedError:
                attempts += 1
                if attempts == _ATTEMPTS:
                    raise NetworkError(
                        "the chain changes faster than it can be read", "use another node, or try again later"
                    ) from None
                time.sleep(0.05 * attempts)
            else:
                events += found
                blocks += end - start + 1
                tokens |= {token for token, _ in keys}
                touched = (touched + keys)[-_PROBES:]
                if found > MOST_EVENTS:
                    span = max(1, span // 2)
                if report is not None:
                    report(Step(start, end, head, found))
        return CaughtUp(self._reached(), blocks, events, undone, time.monotonic() - begun)

    def status(self) -> Status:
        """Where it stands."""
        head = self._source.head()
        with self.reading() as connection:
            block = self._reached(connection)
            here = connection.execute(
                sa.select(tables.blocks.c.hash, tables.blocks.c.time).where(tables.blocks.c.number == block)
            ).one_or_none()
            count = sa.select(sa.func.count())
            doubtful = sa.not_(tables.lots.c.exact)
            return Status(
                database=shown_url(self._url),
                chain_id=self._chain.chain_id,
                genesis=self._chain.genesis_hash,
                block=block,
                hash="" if here is None else here.hash,
                time=0 if here is None else here.time,
                head=head,
                final=max(0, head - self._chain.config.confirmations + 1),
                brands=connection.scalar(count.select_from(tables.brands)) or 0,
                rows={
                    table.name.removeprefix(tables.PREFIX): connection.scalar(count.select_from(table)) or 0
                    for table in (*EVENT_TABLES, *tables.MARKET_TABLES, tables.lots)
                },
                in_doubt=connection.scalar(
                    count.select_from(tables.lots).where(tables.lots.c.until_block.is_(None), doubtful)
                )
                or 0,
                guessed=connection.scalar(count.select_from(tables.lots).where(doubtful)) or 0,
            )

    def _confirmed(self, rows: Sequence[Any]) -> list[bool]:
        # Anything on the chain may change a wallet's mind, so that an answer counts for its block alone.
        head = self._chain.header()
        at, said = self._said
        if at != head.hash:
            said = {}
            self._said = head.hash, said
        asked = list(dict.fromkeys((row.maker, row.digest, row.signature) for row in rows))
        new = [each for each in asked if each not in said]
        answers = are_signed_by_contracts(
            self._chain,
            [(maker, bytes.fromhex(digest[2:]), signature) for maker, digest, signature in new],
            asker=self.domain.verifying_contract,
            block=head.number,
        )
        said.update(zip(new, answers, strict=True))
        return [said[row.maker, row.digest, row.signature] for row in rows]

    # ---------------------------------------------------------------------------------------- one chain only

    def _claim(self) -> None:
        """Make sure that the database is this deployment's, or nobody's yet."""
        mine: dict[str, Any] = {
            "chain_id": self._chain.chain_id,
            "genesis": self._chain.genesis_hash,
            "brands": self._brands,
            "inbox": self._inbox,
            "first_block": self._manifest.first_block,
        }
        with self.engine.begin() as connection:
            found = connection.execute(sa.select(tables.state)).mappings().one_or_none()
            if found is None:
                connection.execute(tables.state.insert().values(id=1, **mine, block=mine["first_block"] - 1))
                return
        if found["genesis"] != mine["genesis"] or found["chain_id"] != mine["chain_id"]:
            raise StoreError(
                f"{shown_url(self._url)} holds the index of chain {found['chain_id']} that began with"
                f" {found['genesis'][:14]}, and this chain began with {mine['genesis'][:14]}",
                "name another database, or begin this one anew with `troc index --rebuild`",
            )
        if found["brands"] != mine["brands"]:
            raise StoreError(
                f"{shown_url(self._url)} holds the index of the deployment with Brands at {found['brands']},"
                f" and here it is at {mine['brands']}",
                "name another database, or begin this one anew with `troc index --rebuild`",
            )
        if found["inbox"] != mine["inbox"]:
            self._take_up_inbox(int(found["block"]))

    def _take_up_inbox(self, reached: int) -> None:
        """Read again what may hold messages of an inbox that was deployed after the index had begun."""
        if not self._inbox:
            # The record here is older than the one that the index was made with: it says too little.
            return
        before = self._manifest.contracts[INBOX].block - 1
        with suppress(_MovedError), _Writing(self.engine, reached) as connection:
            if before < reached:
                self._undo(connection, before)
            connection.execute(tables.state.update().values(inbox=self._inbox))

    def _reached(self, connection: sa.Connection | None = None) -> int:
        if connection is not None:
            return int(connection.scalar(sa.select(tables.state.c.block)) or 0)
        with self.reading() as opened:
            return self._reached(opened)

    # ------------------------------------------------------------------------------------- dropped blocks

    def _go_back(self) -> int:
        """Undo what the chain has dropped; how many blocks that were."""
        with self.reading() as connection:
            reached = self._reached(connection)
            stored = connection.execute(
                sa.select(tables.blocks.c.number, tables.blocks.c.hash)
                .order_by(tables.blocks.c.number.desc())
                .limit(1)
            ).one_or_none()
            if stored is None or self._stands(stored.number, stored.hash):
                return 0
        ancestor = self._ancestor()
        with _Writing(self.engine, reached) as connection:
            self._undo(connection, ancestor)
        return reached - ancestor

    def _undo(self, connection: sa.Connection, ancestor: int) -> None:
        """Forget everything after a block."""
        for table in (*EVENT_TABLES, *tables.MARKET_TABLES, tables.brands):
            connection.execute(table.delete().where(table.c.block > ancestor))
        connection.execute(tables.blocks.delete().where(tables.blocks.c.number > ancestor))
        for table in (tables.lots, tables.supply):
            connection.execute(table.delete().where(table.c.from_block > ancestor))
            connection.execute(table.update().where(table.c.until_block > ancestor).values(until_block=None))
        connection.execute(tables.state.update().values(block=ancestor))

    def _ancestor(self) -> int:
        """The youngest block of the index that still stands, searched with growing steps: most that the chain
        drops is young.
        """

        def stored(rank: int) -> Any:
            query = sa.select(tables.blocks.c.number, tables.blocks.c.hash)
            with self.reading() as connection:
                return connection.execute(
                    query.order_by(tables.blocks.c.number.desc()).offset(rank).limit(1)
                ).one_or_none()

        def is_below(rank: int) -> bool:
            row = stored(rank)
            return row is None or self._stands(row.number, row.hash)

        # Whatever is below a block that stands stands too.
        dropped, standing = 0, 1
        while not is_below(standing):
            dropped, standing = standing, 2 * standing
        while standing - dropped > 1:
            middle = (dropped + standing) // 2
            if is_below(middle):
                standing = middle
            else:
                dropped = middle
        found = stored(standing)
        if found is None:
            self._check_genesis()
            return self._manifest.first_block - 1
        return int(found.number)

    def _check_genesis(self) -> None:
        """Everything is gone: either a very deep reorganisation, or another chain behind the same address."""
        if not self._stands(0, self._chain.genesis_hash):
            raise ChainRestartedError(
                f"the chain at {self._chain.config.rpc} was started anew while the index was open",
                "run it again: a chain that was started anew has an index of its own",
            )

    def _stands(self, number: int, hash_: str) -> bool:
        (header,) = self._source.headers([number])
        return header is not None and header.hash == hash_

    # ---------------------------------------------------------------------------------------- one range

    def _take(self, start: int, end: int) -> tuple[int, list[Key]]:
        """Read a range of blocks and write what it holds: how many events, and whose balances changed."""
        marks = self._marks(start, end)
        launches = [
            read_launch(log)
            for log in self._source.logs([self._brands], list(topics("Brands", [LAUNCHED])), start, end)
        ]
        calendars = self._calendars() | {
            launch.token: Calendar(launch.origin, launch.epoch_length or FOR_EVER) for launch in launches
        }
        names = topics("LoyaltyToken", EVENTS)
        logs = self._source.logs(list(calendars), list(names), start, end) if calendars else []
        said = {name: topics(name, EVENTS) for name in self._attention.values()}
        others = self._source.logs(
            [*self._market, *self._attention], [*TOPICS, *chained.from_iterable(said.values())], start, end
        )
        market = [log for log in others if log.address in self._market]
        attention = [
            log
            for log in others
            if log.address in self._attention and log.topics[0] in said[self._attention[log.address]]
        ]
        headers = self._headers([*logs, *others], [launch.block for launch in launches], marks[end])
        events = [
            read_event(log, "LoyaltyToken", names[log.topics[0]], headers[log.block].time) for log in logs
        ]
        for log in attention:
            name = self._attention[log.address]
            events.append(read_event(log, name, said[name][log.topics[0]], headers[log.block].time))
        events.sort(key=lambda event: (event.block, event.position))
        span = Span(
            events, calendars, self._purchases(events), list(payments(events, self._campaigns(events)))
        )
        changes = self._changes(span)
        traded = list(self._market_span(market, headers, calendars).rows())
        if self._marks(start, end) != marks:
            raise _MovedError
        with _Writing(self.engine, start - 1) as connection:
            connection.execute(
                tables.blocks.insert(),
                [{"number": each.number, "hash": each.hash, "time": each.time} for each in headers.values()],
            )
            if launches:
                connection.execute(
                    tables.brands.insert(),
                    [_brand_row(launch, headers[launch.block].time) for launch in launches],
                )
            for table, found in grouped(chained(rows(span), traded)).items():
                connection.execute(table.insert(), found)
            self._write_changes(connection, changes)
            connection.execute(tables.state.update().values(block=end))
        return len(events) + len(launches) + len(market), [
            (change.token, change.account) for change in changes
        ]

    def _marks(self, start: int, end: int) -> dict[int, Header]:
        """The blocks at both ends of a range, of which the first must be the one where the index stands."""
        before, last = self._source.headers([max(start - 1, 0), end])
        if before is None or last is None:
            raise _MovedError
        with self.reading() as connection:
            known = connection.scalar(
                sa.select(tables.blocks.c.hash).where(tables.blocks.c.number == start - 1)
            )
        if known not in (None, before.hash):
            raise _MovedError
        return {before.number: before, last.number: last}

    def _headers(self, logs: Sequence[Log], launched: Iterable[int], last: Header) -> dict[int, Header]:
        """The blocks that hold something, and the last of the range."""
        found = {last.number: last}
        ask: set[int] = set(launched) - {last.number}
        for log in logs:
            if log.block not in found:
                if log.time:
                    found[log.block] = Header(log.block, log.block_hash, log.time)
                else:
                    ask.add(log.block)
        for header in self._source.headers(sorted(ask - set(found))):
            if header is None:
                raise _MovedError
            found[header.number] = header
        if any(found[log.block].hash != log.block_hash for log in logs):
            raise _MovedError
        return found

    def _calendars(self) -> dict[str, Calendar]:
        with self.reading() as connection:
            return {
                row.token: Calendar(row.origin, row.epoch_length)
                for row in connection.execute(
                    sa.select(tables.brands.c.token, tables.brands.c.origin, tables.brands.c.epoch_length)
                )
            }

    def _purchases(self, events: Iterable[Event]) -> dict[PurchaseKey, Purchase]:
        """Purchases of earlier ranges that these events are about."""
        wanted: dict[tuple[str, str | None], list[int]] = {}
        for event in events:
            if event.name in ("PendingCancelled", "PendingReleased"):
                token, issuer, number = purchase_key(event)
                wanted.setdefault((token, issuer), []).append(number)
        table = tables.pending
        found: dict[PurchaseKey, Purchase] = {}
        with self.reading() as connection:
            for (token, issuer), numbers in wanted.items():
                same = table.c.issuer.is_(None) if issuer is None else table.c.issuer == issuer
                for part in _parts(numbers):
                    query = sa.select(table.c.number, table.c.customer, table.c.matures_at).where(
                        table.c.token == token, same, table.c.number.in_(part)
                    )
                    for row in connection.execute(query):
                        found[token, issuer, row.number] = Purchase(row.customer, row.matures_at)
        return found

    def _campaigns(self, events: Iterable[Event]) -> dict[str, Pays]:
        """What the campaigns pay of which contacts or codes were paid here."""
        found: dict[str, Pays] = {}
        wanted: set[str] = set()
        for event in events:
            if event.name == "CampaignOpened":
                found[event.args["campaignId"]] = opened(event)
            elif event.name in PAID:
                wanted.add(event.args["campaignId"])
        table = tables.campaigns
        with self.reading() as connection:
            for part in _parts(sorted(wanted - set(found))):
                query = sa.select(table.c.campaign, table.c.token, table.c.fresh, table.c.price)
                for row in connection.execute(query.where(table.c.campaign.in_(part))):
                    found[row.campaign] = Pays(row.token, row.fresh, int(row.price))
        return found

    def _market_span(
        self, logs: Sequence[Log], headers: Mapping[int, Header], tokens: Collection[str]
    ) -> MarketSpan:
        """The market's events, with what is needed to make sense of them."""
        digests = {log.topics[1] for log in logs if log.topics[0] == FILLED}
        times = {number: header.time for number, header in headers.items()}
        source = self._source
        span = MarketSpan(logs, times, self.domain, tokens, {}, {}, source.have_code, source.calls)
        digests |= span.published_digests()
        t = tables.orders
        with self.reading() as connection:
            for part in _parts(sorted(digests)):
                query = sa.select(t.c.digest, t.c.published, t.c.by_key).where(t.c.digest.in_(part))
                for digest, published, by_key in connection.execute(query):
                    span.known[digest] = span.known.get(digest, False) or (published and by_key)
                    span.unsure[digest] = span.unsure.get(digest, 0) + (not by_key)
        return span

    # ---------------------------------------------------------------------------------------- balances

    def _changes(self, span: Span) -> list[Change]:
        movements = span.movements()
        accounts = {
            (movement.token, account)
            for movement in movements
            for account in (movement.sender, movement.recipient)
            if account is not None
        }
        held = self._held(accounts)
        # Replayed three times: to see which transactions are in question, then which balances, so that each
        # kind comes in few requests; then the truth.
        plain: dict[tuple[str, str], bool] = {}
        told: dict[LotsAt, Held | None] = {}

        def guess_plain(token: str, transaction: str) -> bool:
            return plain.setdefault((token, transaction), True)

        def guess_lots(token: str, account: str, block: int, guess: Held) -> Held:
            told[LotsAt(token, account, block)] = None
            return guess

        def is_plain(token: str, transaction: str) -> bool:
            if (token, transaction) not in plain:
                (plain[token, transaction],) = self._source.are_plain([(token, transaction)])
            return plain[token, transaction]

        def read(token: str, account: str, block: int, _: Held) -> Held | None:
            question = LotsAt(token, account, block)
            if question not in told:
                (told[question],) = self._lots([question], span.calendars)
            return told[question]

        changes = replay(held, movements, guess_lots, guess_plain)
        if plain:
            told.clear()
            plain.update(zip(plain, self._source.are_plain(list(plain)), strict=True))
            changes = replay(held, movements, guess_lots, is_plain)
        if told:
            told.update(zip(told, self._lots(list(told), span.calendars), strict=True))
            changes = replay(held, movements, read, is_plain)
        return changes

    def _lots(self, asked: Sequence[LotsAt], calendars: Mapping[str, Calendar]) -> list[Held | None]:
        answers = self._source.lots(asked)
        return [
            None if answer is None else Held(_by_epoch(answer, calendars[each.token]))
            for each, answer in zip(asked, answers, strict=True)
        ]

    def _held(self, accounts: Iterable[Key]) -> dict[Key, Held]:
        """What accounts hold as far as the index goes."""
        wanted: dict[str, list[str]] = {}
        for token, account in sorted(accounts):
            wanted.setdefault(token, []).append(account)
        table = tables.lots
        found: dict[Key, Held] = {}
        with self.reading() as connection:
            for token, group in wanted.items():
                for part in _parts(group):
                    query = sa.select(table).where(
                        table.c.token == token, table.c.account.in_(part), table.c.until_block.is_(None)
                    )
                    for row in connection.execute(query):
                        found[token, row.account] = Held(lots_of_row(row), row.exact)
        return found

    def _write_changes(self, connection: sa.Connection, changes: Sequence[Change]) -> None:
        """Add to the histories of accounts and of supplies."""
        if not changes:
            return
        _extend(
            connection,
            tables.lots,
            [{"token": change.token, "account": change.account} | _lots_row(change) for change in changes],
        )
        supplies = {
            row.token: lots_of_row(row)
            for row in connection.execute(
                sa.select(tables.supply).where(tables.supply.c.until_block.is_(None))
            )
        }
        totals: dict[tuple[str, int], dict[str, Any]] = {}
        for change in changes:
            difference = add(change.after.lots, change.before.lots, -1)
            supplies[change.token] = add(supplies.get(change.token, {}), difference)
            row = Change("", "", change.block, change.now, Held({}), Held(supplies[change.token]))
            totals[change.token, change.block] = {"token": change.token} | _lots_row(row)
        _extend(connection, tables.supply, list(totals.values()))

    def _settle(self, tokens: set[str], touched: list[Key]) -> bool:
        """At the head: ask for balances in doubt, hold each supply against its token's, and some balances
        against what the token says of them. Whether it changed anything.
        """
        reached = self._reached()
        with self.reading() as connection:
            here = connection.execute(
                sa.select(tables.blocks).where(tables.blocks.c.number == reached)
            ).one_or_none()
            doubtful = list(
                connection.scalars(
                    sa.select(tables.lots.c.token)
                    .where(tables.lots.c.until_block.is_(None), sa.not_(tables.lots.c.exact))
                    .distinct()
                )
            )
        if here is None:
            return False
        calendars = self._calendars()
        changed = False
        for token in doubtful:
            changed |= self._correct(token, calendars[token], here.number, here.time, everybody=False)
        for token in sorted(tokens):
            probes = {account for each, account in touched if each == token}
            if self._adds_up(token, calendars[token], here, probes):
                continue
            if not self._stands(here.number, here.hash):
                raise _MovedError
            # Whatever the reason: what the token says counts.
            changed |= self._correct(token, calendars[token], here.number, here.time, everybody=True)
            if not self._adds_up(token, calendars[token], here, probes):
                raise StoreError(
                    f"the index of {token} does not add up to its points at block {here.number}",
                    "build it anew with `troc index --rebuild`",
                )
        tokens.clear()
        touched.clear()
        return changed

    def _adds_up(self, token: str, calendar: Calendar, here: sa.Row[Any], probes: Iterable[str]) -> bool:
        """Whether the supply and the balances of the accounts `probes` are the token's own."""
        now = calendar.epoch_at(here.time)
        liability = self._source.liability(token, here.number)
        with self.reading() as connection:
            row = connection.execute(
                sa.select(tables.supply).where(
                    tables.supply.c.token == token, tables.supply.c.until_block.is_(None)
                )
            ).one_or_none()
        counted = {} if row is None else alive(lots_of_row(row), now)
        if liability is not None and _by_epoch(liability, calendar) != counted:
            return False
        asked = [LotsAt(token, account, here.number) for account in sorted(probes)]
        held = self._held((token, each.account) for each in asked)
        for each, told in zip(asked, self._lots(asked, {token: calendar}), strict=True):
            known = held.get((token, each.account), Held({}))
            if told is not None and known.exact and told.lots != alive(known.lots, now):
                return False
        return True

    def _correct(self, token: str, calendar: Calendar, block: int, time_: int, everybody: bool) -> bool:
        """Write what holders in doubt (or all of them) hold by the token's own word."""
        table = tables.lots
        query = sa.select(table).where(table.c.token == token, table.c.until_block.is_(None))
        if not everybody:
            query = query.where(sa.not_(table.c.exact))
        with self.reading() as connection:
            held = {row.account: Held(lots_of_row(row), row.exact) for row in connection.execute(query)}
        asked = [LotsAt(token, account, block) for account in sorted(held)]
        answers = self._lots(asked, {token: calendar})
        now = calendar.epoch_at(time_)
        changes = [
            Change(token, each.account, block, now, held[each.account], answer)
            for each, answer in zip(asked, answers, strict=True)
            if answer is not None and answer != held[each.account]
        ]
        with _Writing(self.engine, block) as connection:
            if everybody:
                connection.execute(table.update().where(table.c.token == token).values(exact=False))
            self._write_changes(connection, changes)
            if everybody:
                sums: Lots = {}
                for answer in answers:
                    sums = add(sums, {} if answer is None else answer.lots)
                supply = Change("", "", block, now, Held({}), Held(sums))
                _extend(connection, tables.supply, [{"token": token} | _lots_row(supply)])
                connection.execute(
                    table.update()
                    .where(table.c.token == token, table.c.until_block.is_(None))
                    .values(exact=True)
                )
        return bool(changes)


class _Writing:
    """A transaction that begins only if the index still stands where its writer left it."""

    def __init__(self, engine: sa.Engine, reached: int) -> None:
        self._transaction = engine.begin()
        self._reached = reached

    def __enter__(self) -> sa.Connection:
        connection = self._transaction.__enter__()
        found = connection.scalar(sa.select(tables.state.c.block).with_for_update())
        if found != self._reached:
            self._transaction.__exit__(_MovedError, _MovedError(), None)
            raise _MovedError
        return connection

    def __exit__(self, *error: Any) -> None:
        self._transaction.__exit__(*error)


def _by_epoch(answer: Iterable[tuple[int, int]], calendar: Calendar) -> Lots:
    return {
        (expiry - calendar.origin) // calendar.epoch_length - LIFE_EPOCHS: units
        for expiry, units in answer
        if units
    }


def _lots_row(change: Change) -> dict[str, Any]:
    return {
        "from_block": change.block,
        "until_block": None,
        "epoch": change.now,
        **{f"lot{age}": change.after.lots.get(change.now - age, 0) for age in range(LIFE_EPOCHS)},
        "exact": change.after.exact,
    }


def _extend(connection: sa.Connection, table: sa.Table, new: Sequence[dict[str, Any]]) -> None:
    """Add rows to histories: each ends the one before it. Rows of the same block replace each other."""
    owner = [column.name for column in table.primary_key if column.name != "from_block"]
    chains: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in new:
        chains.setdefault(tuple(row[name] for name in owner), []).append(row)
    for chain in chains.values():
        for row, following in pairwise(chain):
            row["until_block"] = following["from_block"]
    firsts = [
        {f"_{name}": chain[0][name] for name in owner} | {"_from": chain[0]["from_block"]}
        for chain in chains.values()
    ]
    mine = [table.c[name] == sa.bindparam(f"_{name}") for name in owner]
    connection.execute(table.delete().where(*mine, table.c.from_block == sa.bindparam("_from")), firsts)
    connection.execute(
        table.update().where(*mine, table.c.until_block.is_(None)).values(until_block=sa.bindparam("_from")),
        firsts,
    )
    connection.execute(table.insert(), list(new))


def _brand_row(launch: Launch, time_: int) -> dict[str, Any]:
    return {
        "block": launch.block,
        "position": launch.position,
        "time": time_,
        "token": launch.token,
        "name": shown(launch.name),
        "symbol": shown(launch.symbol),
        "decimals": launch.decimals,
        "epoch_length": launch.epoch_length or FOR_EVER,
        "origin": launch.origin,
        "owner": launch.owner,
    }


def _parts(items: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, _PER_QUERY)):
        yield part
