"""`load_network`: files of config/, and the settings of .env."""

from __future__ import annotations

from pathlib import Path

import pytest

from troc.errors import InputError
from troc.network import BrandConfig, load_network, load_settings

ROOT = Path(__file__).resolve().parents[3]
BRAND = """chain_id: 5
rpc: http://a
brands: [{name: A, symbol: B, owner: C, epoch_seconds: 1, origin: 1}]"""
CONFIGS = sorted(path.stem for path in (ROOT / "config").glob("*.yaml"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder to stand in, with a config of its own."""
    folder = tmp_path / "project"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "local.yaml").write_text("chain_id: local\nrpc: http://localhost:1\n")
    monkeypatch.chdir(folder)
    return folder


def write(project: Path, name: str, text: str) -> None:
    (project / "config" / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_of_ours_can_be_read(name: str) -> None:
    config = load_network(name, "http://localhost:1")
    assert config.name == name
    assert config.is_local == (name == "local")
    # Whatever carries value asks first.
    assert config.live == (name != "local")
    assert config.folder == ROOT


def test_local_is_what_nobody_names() -> None:
    config = load_network()
    assert (config.name, config.rpc, config.chain_id) == ("local", "http://127.0.0.1:8545", "local")


def test_a_project_s_own_config_comes_first(project: Path) -> None:
    (project / "deep").mkdir()
    config = load_network("local")
    assert config.rpc == "http://localhost:1"
    assert config.folder == project


def test_the_environment_names_network_and_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROC_NETWORK", "sepolia")
    monkeypatch.setenv("TROC_RPC_URL", "https://node.example/key")
    assert load_network().name == "sepolia"
    assert load_network().rpc == "https://node.example/key"
    # The node of one network is not asked for another one.
    assert load_network("local").rpc == "http://127.0.0.1:8545"
    assert load_network("sepolia", "http://localhost:9").rpc == "http://localhost:9"


def test_reads_dotenv_of_the_folder_but_the_environment_comes_first(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text("TROC_RPC_URL=http://localhost:2\n")
    monkeypatch.delenv("TROC_RPC_URL")
    monkeypatch.delenv("TROC_NETWORK")
    load_settings.cache_clear()
    assert load_network().rpc == "http://localhost:2"
    monkeypatch.setenv("TROC_RPC_URL", "http://localhost:3")
    load_settings.cache_clear()
    assert load_network().rpc == "http://localhost:3"
    load_settings.cache_clear()


def test_reads_brands(project: Path) -> None:
    write(
        project,
        "x",
        "chain_id: 5\nrpc: http://a\nbrands:\n- {name: Le Panier, symbol: PANIER, owner: '0x01',"
        " epoch_seconds: 7776000, origin: 1700000000, domain: panier.example}\n",
    )
    assert load_network("x").brands == (
        BrandConfig("Le Panier", "PANIER", "0x01", 7776000, 1700000000, 0, "panier.example"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chain_id: 5", "no node is known for the network 'x'"),
        ("chain_id: 5\nrpc: ftp://a", "is no address of a node"),
        ("chain_id: five\nrpc: http://a", "chain_id must be a number or local"),
        ("chain_id: true\nrpc: http://a", "chain_id must be a number or local"),
        ("chain_id: -5\nrpc: http://a", "chain_id must be a number or local"),
        ("rpc: http://a", "chain_id must be a number or local"),
        ("chain_id: 5\nrpc: http://a\nlvie: true", "unknown setting 'lvie'"),
        ("chain_id: 5\nrpc: http://a\nlive: 1", "live must be true or false"),
        ("chain_id: 5\nrpc: http://a\nconfirmations: 0", "confirmations must be a whole number above 0"),
        ("chain_id: 5\nrpc: http://a\nlog_range: 1.5", "log_range must be a whole number above 0"),
        ("chain_id: 5\nrpc: http://a\nbrands: [1]", "a brand needs name"),
        ("chain_id: 5\nrpc: http://a\nbrands: [{name: A}]", "a brand lacks symbol"),
        ("chain_id: 5\nrpc: http://a\nbrands: [{nme: A}]", "unknown setting 'nme' of a brand"),
        (
            BRAND.replace("C", "0x01"),
            "owner of a brand must be text",
        ),
        (
            BRAND.replace("epoch_seconds: 1", "epoch_seconds: x"),
            "epoch_seconds of a brand must be a whole number",
        ),
        ("- 1", "holds no settings"),
        ("a: [", "cannot be read"),
    ],
)
def test_refuses_a_config_that_makes_no_sense(text: str, said: str, project: Path) -> None:
    write(project, "x", text)
    with pytest.raises(InputError, match=said) as caught:
        load_network("x")
    assert "\n" not in str(caught.value)


def test_says_which_networks_there_are(project: Path) -> None:
    with pytest.raises(InputError, match=r"no network 'spolia': use one of .*local.*sepolia"):
        load_network("spolia")
