"""A card feeds an address only if the address's holder signed for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.members.test_members import everything
from tests.client.trade.conftest import World, poor
from tests.client.trade.test_book import BREAKS, DIRTY, TRUE, YES
from troc.accounts import Signer
from troc.client import Troc
from troc.errors import InputError, MemberError
from troc.messages import _HALF_ORDER, Domain, sign
from troc.programme.linking import LinkCard, link_domain, read_link, write_link
from troc.programme.members import Member
from troc.programme.programme import Programme


def signed(
    world: World, programme: Programme, card: str, signer: Signer, days: int = 30
) -> tuple[LinkCard, bytes]:
    """What the holder of an address gives back."""
    deadline = world.chain.now() + days * 86_400
    message = programme.members.link_message(card, signer.address, deadline)
    domain = link_domain(world.chain.chain_id, programme.members.brand.address)
    return message, sign(message, domain, signer)


def link(world: World, programme: Programme, card: str, customer: Troc) -> Member:
    message, signature = signed(world, programme, card, customer.signer)
    return programme.members.link(world.chain, card, message, signature, "clerk")


def test_links_finds_and_unlinks(world: World, programme: Programme) -> None:
    members = programme.members
    assert link(world, programme, "1", world.ann).address == world.ann.address
    assert members.find(world.ann.address).card == "1"
    assert members.addresses_of(["2", "1", "none"]) == [None, world.ann.address, None]
    with pytest.raises(MemberError, match="1 feeds an address already"):
        link(world, programme, "1", world.bob)
    assert members.unlink("1", "she asked", "clerk").address is None
    with pytest.raises(MemberError, match="1 feeds no address"):
        members.unlink("1", "again", "clerk")
    with pytest.raises(MemberError, match=f"no card feeds {world.ann.address}"):
        members.find(world.ann.address)


def test_cards_of_a_household_feed_one_address(world: World, programme: Programme) -> None:
    for card in "123":
        link(world, programme, card, world.ann)
    assert [member.card for member in programme.members.find_all(world.ann.address)] == ["1", "2", "3"]
    with pytest.raises(MemberError, match=r"3 cards feed .*: 1, 2 and 3: name one card"):
        programme.members.find(world.ann.address)


def test_a_signature_serves_once(world: World, programme: Programme) -> None:
    """Nobody can link her again with the old signature after she left."""
    message, signature = signed(world, programme, "1", world.ann.signer)
    programme.members.link(world.chain, "1", message, signature, "clerk")
    programme.members.unlink("1", "she asked", "clerk")
    with pytest.raises(MemberError, match="this signature was used before"):
        programme.members.link(world.chain, "1", message, signature, "clerk")
    world.pass_days(1)
    assert link(world, programme, "1", world.ann).address == world.ann.address


def test_refuses_a_signature_for_another_card(world: World, programme: Programme) -> None:
    message, signature = signed(world, programme, "1", world.ann.signer)
    with pytest.raises(MemberError, match="this message is not about the card 2"):
        programme.members.link(world.chain, "2", message, signature, "clerk")


def test_refuses_another_holder_token_chain_and_a_late_one(world: World, programme: Programme) -> None:
    members, token = programme.members, programme.members.brand.address
    message, signature = signed(world, programme, "1", world.ann.signer)
    stolen = replace(message, holder=world.bob.address)
    with pytest.raises(MemberError, match=f"{world.bob.address} did not sign this"):
        members.link(world.chain, "1", stolen, signature, "clerk")
    for domain in (link_domain(1, token), link_domain(world.chain.chain_id, world.bob.address)):
        elsewhere = sign(message, domain, world.ann.signer)
        with pytest.raises(MemberError, match="did not sign this"):
            members.link(world.chain, "1", message, elsewhere, "clerk")
    beta = world.everyone.brand("BETA").address
    with pytest.raises(MemberError, match=f"this message is about {beta}"):
        members.link(world.chain, "1", replace(message, token=beta), signature, "clerk")
    world.pass_until(message.deadline + 1)
    with pytest.raises(MemberError, match="this message was good until"):
        members.link(world.chain, "1", message, signature, "clerk")


def test_refuses_the_upper_half_s(world: World, programme: Programme) -> None:
    message, signature = signed(world, programme, "1", world.ann.signer)
    twin = 2 * _HALF_ORDER + 1 - int.from_bytes(signature[32:64])
    forged = signature[:32] + twin.to_bytes(32) + bytes([55 - signature[64]])
    with pytest.raises(MemberError, match="did not sign this"):
        programme.members.link(world.chain, "1", message, forged, "clerk")


@pytest.mark.parametrize(("code", "counts"), [(YES, True), (TRUE, False), (DIRTY, False), (BREAKS, False)])
def test_a_contract_wallet_signs_by_erc_1271(
    world: World, programme: Programme, code: str, counts: bool
) -> None:
    wallet = poor("wallet").address
    world.set_code(wallet, code)
    message = programme.members.link_message("1", wallet, world.chain.now() + 60)
    arguments: tuple[Any, ...] = (world.chain, "1", message, b"by the owners of a wallet", "clerk")
    if counts:
        assert programme.members.link(*arguments).address == wallet
    else:
        with pytest.raises(MemberError, match="did not sign this"):
            programme.members.link(*arguments)


def test_the_link_is_nowhere_in_the_clear_and_gone_after_erasing(
    world: World, programme: Programme, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "test.sqlite"
    link(world, programme, "1", world.ann)
    found = everything(url, file)
    for form in (world.ann.address, world.ann.address.lower(), world.ann.address[2:]):
        assert form.encode() not in found
    assert bytes.fromhex(world.ann.address[2:]) not in found
    told = programme.members.export("1")
    assert told["member"]["address"] == world.ann.address
    assert told["journal"][-1]["message"]["holder"] == world.ann.address
    erased = programme.members.erase("1", "she asked", "clerk")
    assert f"{world.ann.address} and all it did stay on the chain" in erased.stays[0]
    assert world.units(world.ann, "ACME") == 400
    assert programme.members.find_all(world.ann.address) == []


def test_a_message_goes_into_a_file_and_back(world: World, programme: Programme, tmp_path: Path) -> None:
    message, signature = signed(world, programme, "1", world.ann.signer)
    write_link(tmp_path / "link.json", message, 31337, signature)
    assert read_link(tmp_path / "link.json") == (message, 31337, signature)
    assert "card" in (tmp_path / "link.json").read_text()
    (tmp_path / "wrong.json").write_text("{}")
    with pytest.raises(InputError, match="holds no message about a card"):
        read_link(tmp_path / "wrong.json")


def test_the_message_is_as_documented() -> None:
    assert LinkCard.type_string() == "LinkCard(address holder,bytes32 card,address token,uint256 deadline)"
    assert link_domain(1, "0x" + "11" * 20) == Domain("Troc Members", 1, "0x" + "11" * 20)
