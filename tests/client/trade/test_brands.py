"""`troc.brands`: finding, proving, launching, how they stand."""

from __future__ import annotations

import json

import pytest
from eth_abi.abi import encode
from eth_utils.abi import event_signature_to_log_topic
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from tests.client.trade.conftest import DAY, START, World
from troc.accounts import open_account
from troc.brands import Brands
from troc.chain import Chain
from troc.errors import BrandError, ContractError, InputError
from troc.manifest import Manifest


def proof(world: World, token: str) -> bytes:
    return json.dumps({"points": [{"chainId": world.chain.chain_id, "token": token}]}).encode()


def test_finds_by_symbol_in_any_case_and_by_address(world: World) -> None:
    acme = world.everyone.brand("ACME")
    assert acme.name == "Acme Hardware"
    assert world.everyone.brand("acme") == acme
    assert world.everyone.brand(acme.address.lower()) == acme
    assert [brand.symbol for brand in world.everyone.brands.all()] == ["ACME", "BETA", "GAMMA"]


def test_reads_only_what_is_new(world: World) -> None:
    world.everyone.brands.all()
    world.brand.launch("Delta", "DELTA")
    assert world.everyone.brand("DELTA").name == "Delta"


def test_refuses_what_was_not_launched_here(world: World) -> None:
    with pytest.raises(BrandError, match="there is no brand 'NONE'"):
        world.everyone.brand("NONE")
    stranger = world.ann.address
    with pytest.raises(BrandError, match=f"{stranger} are no points that were launched here"):
        world.everyone.brand(stranger)


def test_refuses_a_symbol_that_two_tokens_bear(world: World) -> None:
    acme = world.everyone.brand("ACME")
    plan = world.brand.plan_launch("Acme Software", "OTHER")
    double = world.brand.brands.launch(plan.__class__(**{**vars(plan), "symbol": "acme"}), world.owner_signer)
    with pytest.raises(BrandError) as caught:
        world.everyone.brand("ACME")
    assert acme.address in str(caught.value)
    assert double.address in str(caught.value)
    assert world.everyone.brand(double.address).name == "Acme Software"


@pytest.mark.parametrize(
    "symbol",
    [
        "\uff21CME",  # a full-width A
        "ACM\N{CYRILLIC CAPITAL LETTER IE}",
        "acme",
        "ACME\N{COMBINING ACUTE ACCENT}",
    ],
)
def test_a_symbol_is_made_of_plain_capitals_and_digits(world: World, symbol: str) -> None:
    with pytest.raises(InputError, match="use the capital letters A to Z and digits alone"):
        world.brand.plan_launch("Acme", symbol)


@pytest.mark.parametrize(("symbol", "like"), [("4CME", "ACME"), ("8ETA", "BETA"), ("G4MM4", "GAMMA")])
def test_a_symbol_that_can_be_mistaken_is_refused(world: World, symbol: str, like: str) -> None:
    with pytest.raises(BrandError, match=f"{symbol} can be mistaken for {like}, the symbol of 0x"):
        world.brand.plan_launch("New", symbol)


def test_brands_that_look_alike_are_known(world: World) -> None:
    acme = world.everyone.brand("ACME")
    assert world.everyone.brands.lookalikes(acme) == []
    plan = world.brand.plan_launch("New", "NEW")
    for name, symbol in (
        ("Acm\N{CYRILLIC SMALL LETTER IE} Hardware", "X"),
        ("Y", "A\N{CYRILLIC CAPITAL LETTER ES}ME"),
    ):
        twin = plan.__class__(**{**vars(plan), "name": name, "symbol": symbol})
        found = world.brand.brands.launch(twin, world.owner_signer)
        assert acme in world.everyone.brands.lookalikes(found)
    assert [brand.symbol for brand in world.everyone.brands.lookalikes(acme)] == [
        "X",
        "A\N{CYRILLIC CAPITAL LETTER ES}ME",
    ]


@pytest.mark.parametrize(
    ("name", "meant"), [("ACNE", "ACME"), ("Acme Hardware", "ACME"), ("beta book", "BETA")]
)
def test_a_name_that_is_nearly_one_is_answered(world: World, name: str, meant: str) -> None:
    with pytest.raises(BrandError, match=f"did you mean {meant}\\?"):
        world.everyone.brand(name)


def test_a_claimed_domain_is_unproven_until_the_domain_agrees(world: World) -> None:
    brand = world.brand.launch("Coop", "COOP", domain="coop.example")
    assert world.everyone.brand("COOP").title == "Coop (COOP, coop.example unproven)"
    with pytest.raises(BrandError, match="unproven"):
        world.everyone.brand("coop.example")
    world.pages["https://coop.example/.well-known/troc.json"] = proof(world, brand.address)
    assert world.everyone.brand("coop.example").address == brand.address
    assert world.everyone.brand("COOP").title == "Coop (COOP, coop.example)"


def test_a_claim_that_changes_has_to_be_proven_again(world: World) -> None:
    brand = world.brand.launch("Coop", "COOP", domain="coop.example")
    world.pages["https://coop.example/.well-known/troc.json"] = proof(world, brand.address)
    assert world.everyone.brand("coop.example").proven
    world.brand.brands.claim_domain(brand, "other.example", world.owner_signer)
    assert not world.everyone.brand("COOP").proven
    with pytest.raises(BrandError, match="no brand claims"):
        world.everyone.brand("coop.example")


def test_only_the_proven_claim_of_a_domain_counts(world: World) -> None:
    world.brand.launch("Fake Coop", "FAKE", domain="coop.example")
    real = world.brand.launch("Coop", "COOP", domain="coop.example")
    world.pages["https://coop.example/.well-known/troc.json"] = proof(world, real.address)
    assert world.everyone.brand("coop.example").address == real.address


def test_names_cannot_deceive_a_terminal(world: World) -> None:
    plan = world.brand.plan_launch("Good", "GOOD")
    evil = {**vars(plan), "name": "Evil\n\x1b[2JState: open\u202e", "symbol": "E\tV"}
    brand = world.brand.brands.launch(plan.__class__(**evil), world.owner_signer)
    found = world.everyone.brand(brand.address)
    assert found.name == "Evil\ufffd\ufffd[2JState: open\ufffd"
    assert found.symbol == "E\ufffdV"
    # The true name is what signatures depend on.
    world.brand.mint(found, {world.ann.address: 5})
    world.ann.send(f"5 {found.address}", world.bob.address)
    assert world.units(world.bob, found.address) == 5


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"name": ""}, "name '' does not fit"),
        ({"name": "x" * 65}, "does not fit"),
        ({"symbol": "ABCDEFGHIJKLMNOPQ"}, "does not fit"),
        ({"symbol": "A B"}, "taken for something else"),
        ({"symbol": "a.example"}, "taken for something else"),
        ({"symbol": "0xAB"}, "taken for something else"),
        ({"name": "a\nb"}, "cannot be shown"),
        ({"decimals": 7}, "7 decimals"),
        ({"domain": "https://a.example"}, "is no domain"),
        ({"valid": "a while"}, "no life of points"),
        ({"starts": "2099-01-01"}, "cannot start on 1 January 2099"),
    ],
)
def test_plan_refuses(world: World, options: dict[str, object], complaint: str) -> None:
    arguments = {"name": "New", "symbol": "NEW", **options}
    with pytest.raises(InputError, match=complaint):
        world.brand.plan_launch(**arguments)  # type: ignore[arg-type]


def test_the_dates_of_a_plan_are_those_of_the_token(world: World) -> None:
    plan = world.brand.plan_launch("New", "NEW", "60 days", starts="2026-01-05")
    brand = world.brand.brands.launch(plan, world.owner_signer)
    world.brand.mint(brand, {world.ann.address: 5})
    (lot,) = [lot for lot in world.ann.balance("NEW").lots if lot.units]
    assert plan.life == "45 to 60 days"
    assert lot.expiry == brand.longest_life(world.chain.now())
    shown = dict(plan.expiry_dates(world.chain.now()))
    line = world.ann.balance("NEW").text()[0]
    earned, good_until = next(iter(shown.items()))
    assert line == f"5 until {good_until}, earned {earned}"


def test_points_that_never_expire(world: World) -> None:
    brand = world.brand.launch("Ever", "EVER", "never")
    world.brand.mint(brand, {world.ann.address: 5})
    world.pass_days(3650)
    assert world.ann.balance("EVER").text() == ["5 for ever"]


def test_launch_with_another_owner(world: World) -> None:
    brand = world.relay.launch("Coop", "COOP", owner=world.ann.address)
    assert world.everyone.status(brand).owner == world.ann.address
    with pytest.raises(BrandError, match="only the brand issues COOP"):
        world.relay.mint(brand, {world.bob.address: 5})


def test_launch_the_same_twice_is_refused_by_the_chain(world: World) -> None:
    plan = world.brand.plan_launch("Coop", "COOP")
    world.brand.brands.launch(plan, world.owner_signer)
    with pytest.raises(ContractError) as caught:
        world.brand.brands.launch(plan, world.owner_signer)
    assert caught.value.name == "AlreadyLaunched"


def test_status_balances_over_a_season(world: World) -> None:
    world.ann.redeem("100 ACME", b"\x01" * 32)
    before = world.everyone.status("ACME")
    assert (before.issued, before.live, before.redeemed, before.expired) == (400, 300, 100, 0)
    assert [units for units, _ in before.owed] == [0, 0, 0, 300]
    world.pass_days(4 * 92)
    after = world.everyone.status("ACME")
    assert (after.issued, after.live, after.redeemed, after.expired) == (400, 0, 100, 300)


def test_grants(world: World) -> None:
    acme = world.brand.brand("ACME")
    world.brand.brands.set_grant(acme, world.relay.address, 100, world.owner_signer, grant=3, per_day=40)
    with pytest.raises(BrandError, match="may issue 40 ACME today, not 41"):
        world.relay.mint(acme, {world.bob.address: 41}, grant=3)
    world.relay.mint(acme, {world.bob.address: 40}, grant=3)
    left = world.brand.brands.grant(acme, world.relay.address, 3)
    assert (left.amount, left.per_day, left.used_today, left.locked_until) == (60, 40, 40, 0)
    world.pass_days(1)
    with pytest.raises(BrandError, match="may issue 40 ACME today"):
        world.relay.mint(acme, {world.cem.address: 61}, grant=3)
    with pytest.raises(BrandError, match="only the brand issues"):
        world.relay.mint(acme, {world.cem.address: 1})


def test_reads_logs_in_ranges(world: World) -> None:
    narrow = type(world.chain)(
        world.chain.web3, world.chain.config.__class__(**{**vars(world.chain.config), "log_range": 2})
    )
    brands = Brands(narrow, world.manifest.address("Brands"), world.manifest.address("PointsExchange"))
    assert [brand.symbol for brand in brands.all()] == ["ACME", "BETA", "GAMMA"]


BROKEN_NAME, BROKEN_SYMBOL, BROKEN_DOMAIN = b"\xff\xfe\x1b[2J", b"\xc3(", b"\x80.example"


def launch_bytes(chain: Chain, manifest: Manifest, name: bytes, symbol: bytes, domain: bytes = b"") -> str:
    """Launch points whose name, symbol and domain are any bytes, as a contract can. Returns their address."""
    owner = open_account("dev:0", chain.config)
    signature = event_signature_to_log_topic("launch((address,string,string,uint8,uint256,uint256,string))")
    # The ABI codes bytes as it codes a string.
    parameters = (owner.address, name, symbol, 0, 90 * DAY, START - DAY, domain)
    words = encode(["(address,bytes,bytes,uint8,uint256,uint256,bytes)"], [parameters])
    to = to_checksum_address(manifest.address("Brands"))
    receipt = chain.send({"to": to, "data": HexBytes(signature[:4] + words)}, owner)
    brands = chain.contract("Brands", to)
    return str(receipt.events(brands.events.Launched())[0]["args"]["token"])


def test_a_name_that_is_no_text_hides_no_other_brand(world: World) -> None:
    token = launch_bytes(world.chain, world.manifest, BROKEN_NAME, BROKEN_SYMBOL, BROKEN_DOMAIN)
    after = world.brand.launch("Delta", "DELTA")
    everyone = world.everyone
    assert [brand.address for brand in everyone.brands.all()[3:]] == [token, after.address]
    assert everyone.brand("ACME").name == "Acme Hardware"
    assert everyone.brand("DELTA") == after
    broken = everyone.brand(token)
    assert broken.title == "\ufffd\ufffd\ufffd[2J (\ufffd(, \ufffd.example unproven)"
    assert broken.raw_name.encode(errors="surrogateescape") == BROKEN_NAME
    # The contract's own answer too, and all that people see can be written to any terminal.
    answer = world.chain.call(everyone.brands.token(broken).functions.name())
    assert answer == broken.raw_name
    broken.title.encode()
    assert everyone.brands.status(broken).owner == world.owner_signer.address


def test_points_with_a_name_that_is_no_text_can_be_issued_and_sent_but_not_by_signature(world: World) -> None:
    token = launch_bytes(world.chain, world.manifest, BROKEN_NAME, BROKEN_SYMBOL)
    world.brand.mint(token, {world.ann.address: 5, world.relay_signer.address: 7})
    assert world.ann.balance(token).total == 5
    world.relay.send(f"3 {token}", world.bob.address)
    assert world.bob.balance(token).total == 3
    with pytest.raises(InputError, match=f"the points at {token} bear a name that is not text"):
        world.ann.send(f"1 {token}", world.bob.address)


def test_a_launch_that_is_refused_says_why_whatever_its_name(world: World) -> None:
    with pytest.raises(ContractError) as caught:
        launch_bytes(world.chain, world.manifest, b"\xff" * 65, b"X")
    assert caught.value.name == "BadName"
    assert "\n" not in str(caught.value)
    str(caught.value).encode()
