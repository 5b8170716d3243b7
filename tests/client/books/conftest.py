"""A brand with short seasons, so that a year of its books passes in a test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client.core.command import troc_here
from tests.client.core.conftest import rpc_call
from tests.client.index.test_events import word
from tests.client.trade.conftest import DAY, World, deployed, deployed_chain, home
from troc.accounts import Signer
from troc.brands import Brand
from troc.index import Index
from troc.messages import ZERO_ADDRESS
from troc.points import receipt_id
from troc.programme.books import Books

__all__ = ["DAY", "deployed", "home", "word"]

NOBODY = ZERO_ADDRESS


def receipt(number: object) -> bytes:
    """A reference that differs from every other."""
    return receipt_id(f"receipt {number}", b"s" * 32)


@dataclass
class Programme:
    """A brand whose points live 30 to 40 days, and what happens to it."""

    world: World
    brand: Brand
    index: Index

    @property
    def books(self) -> Books:
        """Its books, up to date."""
        self.index.catch_up()
        return Books(self.world.everyone, self.index, self.brand)

    @property
    def now(self) -> int:
        return self.world.chain.now()

    def call(self, function: str, *arguments: object, signer: Signer | None = None) -> None:
        """Send a call to the token, as the brand unless a signer is named."""
        token = self.world.everyone.brands.token(self.brand)
        call = getattr(token.functions, function)(*arguments)
        self.world.chain.send(call, signer or self.world.owner_signer)


def programme_of(world: World, url: str, name: str = "Le Panier") -> Programme:
    """Launch the brand PAN (two decimals), with points that live 30 to 40 days."""
    brand = world.brand.launch(name, "PAN", "40 days", decimals=2)
    return Programme(world, brand, Index(world.chain, world.manifest, url))


@pytest.fixture
def programme(world: World, tmp_path: Path) -> Programme:
    return programme_of(world, f"sqlite:///{tmp_path / 'index.sqlite'}")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programme]:
    """Two months in which everything happens that can happen to points, told once for a module."""
    folder = tmp_path_factory.mktemp("told")
    with deployed_chain(folder) as (chain, manifest):
        programme = programme_of(World(chain, manifest), f"sqlite:///{folder / 'index.sqlite'}")
        tell(programme)
        programme.index.catch_up()
        programme.index.engine.dispose()
        yield programme


@pytest.fixture
def world(request: pytest.FixtureRequest, home: Path) -> Iterator[World]:
    """The chain as it was deployed, or where the story has been told; what a test does to it is undone."""
    if "story" in request.fixturenames:
        found: World = request.getfixturevalue("told").world
        chain, manifest = found.chain, found.manifest
    else:
        chain, manifest = request.getfixturevalue("deployed")
    snapshot = rpc_call(chain, "evm_snapshot")
    yield World(chain, manifest)
    rpc_call(chain, "evm_revert", snapshot)


@pytest.fixture
def story(world: World, told: Programme, tmp_path: Path) -> Programme:
    """The story, with an index of its own to spoil."""
    file = tmp_path / "index.sqlite"
    shutil.copy(str(told.index.engine.url.database), file)
    return Programme(world, told.brand, Index(world.chain, world.manifest, f"sqlite:///{file}"))


def tell(programme: Programme) -> None:
    """A season of everything; the chain stands about 75 days later than before."""
    world, call = programme.world, programme.call
    ann, bob, cem = (each.address for each in (world.ann, world.bob, world.cem))
    till = world.relay_signer
    call("setGrant", till.address, 0, 1_000_000, 0, 0)
    call("mintBatch", receipt("batch"), [word(ann, 50_000), word(bob, 10_000)])
    call("issue", 0, cem, 3_000, receipt("till"), signer=till)
    matures_at = programme.now + 20 * DAY
    call("mintPending", receipt("goods"), matures_at, [word(ann, 700), word(bob, 800), word(cem, 900)])
    call("cancelPending", NOBODY, 1, 300)
    call("cancelPending", NOBODY, 2, 900)
    world.pass_days(9)
    call("mint", ann, 12_345)
    world.ann.redeem("70 PAN", receipt("first"))
    world.bob.send("5.5 PAN", cem)
    signed = world.relay.sign_voucher("12 PAN", to=cem)
    world.relay.claim(signed)
    world.ann.trade("100 PAN", "80 BETA")
    world.bob.trade("80 BETA", "100 PAN")
    world.pass_days(8)
    call("giveBack", ann, receipt("first"), 2_500)
    world.pass_until(matures_at + 1)
    call("releasePending", NOBODY, [0, 1])
    epoch = programme.brand.epoch_at(programme.now)
    call("mintAtEpoch", receipt("import"), epoch - 2, [word(bob, 4_000)])
    world.bob.redeem("115.5 PAN", receipt("second"))
    world.pass_days(25)
    call("mint", bob, 999)
    world.pass_days(30)


@pytest.fixture
def command(
    world: World, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs `troc` on the world's chain."""
    folder = world.project()

    def run(*arguments: str) -> tuple[int, str, str]:
        return troc_here(*arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    return run
