"""The market for data on one chain a file: a seller with a vault, buyers, points and an ERC-20."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.conftest import home, quick, rpc_call
from tests.client.core.mocks import deploy_mock
from tests.client.trade.conftest import DAY, START, poor
from troc.accounts import Signer, open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.artifacts import artifact
from troc.chain import Chain
from troc.client import Troc
from troc.data import cipher
from troc.data.chunks import Content, lay_out
from troc.data.client import Data
from troc.data.deals import Sale, SignedDeal
from troc.data.manifest import Manifest, seal
from troc.deploy import deploy_suite
from troc.errors import NetworkError
from troc.manifest import Manifest as Deployment

__all__ = ["home"]

HOUR = 3_600
ROWS = [{"day": f"2026-11-{day:02d}", "item": "milk", "price": day / 10} for day in range(1, 21)]


@dataclass
class Copies:
    """Sealed copies with their keys, in memory: what a vault gives a seller, and what it serves a buyer."""

    manifests: dict[bytes, Manifest] = field(default_factory=dict)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)
    fetched: list[bytes] = field(default_factory=list)

    def add(self, content: Content, schema: str = "dairy", places: Any = None) -> Manifest:
        """Seal a record under a fresh key."""
        key = cipher.new_key()
        manifest, blob = seal(lay_out(content, cipher.new_key()), key, schema, places, None)
        self.manifests[manifest.root], self.blobs[manifest.root] = manifest, blob
        self.keys[manifest.root] = key
        return manifest

    def key(self, root: bytes) -> bytes:
        """The key of a copy."""
        return self.keys[root]

    def blob(self, root: bytes) -> bytes:
        """Its ciphertexts."""
        return self.blobs[root]

    def manifest(self, root: bytes) -> Manifest:
        """Its manifest."""
        return self.manifests[root]

    def fetch(self, signed: SignedDeal) -> tuple[Manifest, bytes]:
        """As a buyer gets it over the network: through JSON."""
        root = signed.deal.manifest_root
        if root not in self.manifests:
            raise NetworkError("the seller's vault does not answer", "try again in a while")
        self.fetched.append(root)
        return Manifest.from_json(json.loads(json.dumps(self.manifests[root].to_json()))), self.blobs[root]


@dataclass
class Market:
    """Points MILK without decimals, cash CASH with 18. Ann sells, Dai and Eve buy with both; nobody but the
    relay and the brand has ether; Fox has some.
    """

    chain: Chain
    deployment: Deployment
    cash: str
    folder: Path
    copies: Copies = field(default_factory=Copies)

    def __post_init__(self) -> None:
        config = self.chain.config
        self.payer = open_account("dev:9", config)
        self.everyone = Troc(self.chain, self.deployment)
        self.brand = self.everyone.as_account(open_account("dev:0", config))
        self.ann, self.dai, self.eve = (self.party(name) for name in ("ann", "dai", "eve"))
        self.fox = self.party(open_account("dev:5", config))

    def troc(self, who: str | Signer) -> Troc:
        """Somebody: without ether where a name is given."""
        if isinstance(who, Signer):
            return self.everyone.as_account(who)
        return self.everyone.as_account(poor(who), submit_with=self.payer)

    def party(self, who: str | Signer, **options: Any) -> Data:
        """Somebody's side of the market."""
        name = who if isinstance(who, str) else who.name.replace(":", "")
        places: dict[str, Any] = {
            "folder": self.folder / name,
            "database": f"sqlite:///{self.folder / name}.sqlite",
        }
        return self.troc(who).data.using(self.copies, self.copies.fetch, **places | options)

    def copy(self, rows: Any = ROWS) -> Manifest:
        """A sealed table."""
        return self.copies.add(Content.of_rows(rows))

    def balance(self, data: Data, token: str = "MILK") -> int:  # noqa: S107
        """What somebody has, in smallest units."""
        if token == "MILK":
            return self.everyone.balance("MILK", data.seller.address).total
        functions = self.chain.contract("LoyaltyToken", self.cash).functions
        return int(self.chain.call(functions.balanceOf(data.seller.address)))

    def now(self) -> int:
        """The chain's time."""
        return self.chain.now()

    def pass_to(self, time: int) -> None:
        """Let time pass: the next block has this timestamp, and is made."""
        rpc_call(self.chain, "evm_setNextBlockTimestamp", time)
        rpc_call(self.chain, "evm_mine")

    def next_at(self, time: int) -> None:
        """The next transaction's block has this timestamp."""
        rpc_call(self.chain, "evm_setNextBlockTimestamp", time)

    def sale(self, id_: bytes) -> Sale:
        """A sale as it stands."""
        found = self.ann.seller.sales.sale(id_)
        assert found is not None
        return found

    def sold(self, price: str = "50 MILK", **options: Any) -> tuple[SignedDeal, Sale]:
        """A copy that Ann offered and Dai bought."""
        offer = self.ann.offer(self.copy(), price, **options)
        return offer, self.dai.buy(offer)

    def delivered(self, price: str = "50 MILK", **options: Any) -> tuple[SignedDeal, Sale]:
        """The same, delivered."""
        offer, sale = self.sold(price, **options)
        self.ann.deliver(sale.id)
        return offer, self.sale(sale.id)

    def wrong_key(self, **options: Any) -> tuple[SignedDeal, Sale]:
        """A sale in which Ann delivers another key."""
        offer, sale = self.sold(**options)
        root = offer.deal.manifest_root
        deliver_anything(self.ann, sale, offer, cipher.new_key())
        assert root in self.copies.keys
        return offer, self.sale(sale.id)

    def forged(self) -> tuple[SignedDeal, Sale]:
        """A sale of a copy in which one chunk is not what its manifest commits to."""
        manifest = self.copy()
        return self.forge(manifest, 7)

    def forge(self, manifest: Manifest, index: int) -> tuple[SignedDeal, Sale]:
        """Let one chunk of a copy be junk, with hashes that fit it; sold and delivered."""
        from eth_utils.crypto import keccak

        from troc.data import tree
        from troc.data.manifest import leaves

        parts = manifest.split(self.copies.blobs.pop(manifest.root))
        key = self.copies.keys.pop(manifest.root)
        parts[index] = bytes(len(parts[index]))
        hashes = tuple(map(keccak, parts))
        forged = replace(
            manifest, cipher_hashes=hashes, root=tree.root_of(leaves(manifest.plain_leaves, hashes))
        )
        self.copies.manifests[forged.root] = forged
        self.copies.blobs[forged.root], self.copies.keys[forged.root] = b"".join(parts), key
        offer = self.ann.offer(forged, "50 MILK")
        sale = self.dai.buy(offer)
        self.ann.deliver(sale.id)
        return offer, self.sale(sale.id)


def deliver_anything(data: Data, sale: Sale, offer: SignedDeal, key: bytes) -> None:
    """Deliver a key that the seller's own program would refuse to deliver."""
    from troc.data import sealed
    from troc.data.acts import Context
    from troc.data.messages import Deliver

    seller = data.seller
    point = seller._answer_point(sale)
    wrapped = sealed.wrap(key, sale.id, point, sale.point_b)
    posted = (sale.point_b, point.x, wrapped)
    function = seller.call("deliver", sale.id, offer.deal.dispute_seconds, posted, sealed.even_y(point.x))
    seller.do(function, Deliver(seller.address, sale.id, *posted), Context(offer.deal, buyer=sale.buyer))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Deployment, str]]:
    """A chain with the suite, points, cash, and what the parties have."""
    port = free_port()
    with run_anvil(port, "--timestamp", str(START)):
        chain = Chain.connect(quick(rpc_of(port), tmp_path_factory.mktemp("deployed")))
        owner = open_account("dev:0", chain.config)
        deployment = deploy_suite(chain, owner)
        brand = Troc(chain, deployment).as_account(owner)
        brand.launch("Le Panier", "MILK", "12 months")
        cash = deploy_mock(chain, owner, "CashMock", "Cash", "CASH")
        fox = open_account("dev:5", chain.config)
        buyers = [poor("dai").address, poor("eve").address, fox.address]
        brand.mint("MILK", dict.fromkeys(buyers, 10_000))
        for buyer in buyers:
            chain.send(cash.functions.mint(buyer, 1_000 * 10**18), owner)
        assert artifact("DataMarket").abi
        yield chain, deployment, cash.address


@pytest.fixture
def market(deployed: tuple[Chain, Deployment, str], home: Path, tmp_path: Path) -> Iterator[Market]:
    """The deployed chain as it was; what a test does to it is undone."""
    chain, deployment, cash = deployed
    snapshot = rpc_call(chain, "evm_snapshot")
    yield Market(chain, deployment, cash, tmp_path)
    rpc_call(chain, "evm_revert", snapshot)


__all__ += ["DAY", "HOUR", "ROWS"]
