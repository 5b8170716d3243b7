// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IERC7818} from "../../../interfaces/IERC7818.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

contract BirthTest is LoyaltyTokenTest {
    function _birth(string memory name, string memory symbol, uint8 decimals, uint256 length, uint256 origin)
        private
        returns (LoyaltyToken)
    {
        return new LoyaltyToken(exchange, brand, name, symbol, decimals, length, origin);
    }

    function _repeat(uint256 length) private pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "x";
        }
        return string(text);
    }

    function test_stores_what_it_was_born_with() public view {
        assertEq(token.exchange(), exchange);
        assertEq(token.owner(), brand);
        assertEq(token.name(), "Le Panier");
        assertEq(token.symbol(), "PANIER");
        assertEq(token.decimals(), 2);
        assertEq(token.epochLength(), LENGTH);
        assertEq(token.origin(), ORIGIN);
        assertEq(token.currentEpoch(), 0);
        assertEq(token.validityDuration(), 4);
        assertTrue(token.epochType() == IERC7818.EPOCH_TYPE.TIME_BASED);
        assertEq(token.totalSupply(), 0);
        _assertTotals(0, 0, 0, 0);
    }

    function test_revertWhen_exchange_is_zero() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadExchangeAddress.selector, address(0)));
        new LoyaltyToken(address(0), brand, "Le Panier", "PANIER", 2, LENGTH, ORIGIN);
    }

    function test_revertWhen_owner_is_zero() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadOwner.selector, address(0)));
        new LoyaltyToken(exchange, address(0), "Le Panier", "PANIER", 2, LENGTH, ORIGIN);
    }

    function test_name_holds_1_to_64_bytes() public {
        assertEq(_birth("x", "X", 0, LENGTH, ORIGIN).name(), "x");
        assertEq(_birth(_repeat(64), "X", 0, LENGTH, ORIGIN).name(), _repeat(64));
    }

    function test_revertWhen_name_is_empty() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadName.selector, ""));
        _birth("", "X", 0, LENGTH, ORIGIN);
    }

    function test_revertWhen_name_has_65_bytes() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadName.selector, _repeat(65)));
        _birth(_repeat(65), "X", 0, LENGTH, ORIGIN);
    }

    function test_symbol_holds_1_to_16_bytes() public {
        assertEq(_birth("x", "X", 0, LENGTH, ORIGIN).symbol(), "X");
        assertEq(_birth("x", _repeat(16), 0, LENGTH, ORIGIN).symbol(), _repeat(16));
    }

    function test_revertWhen_symbol_is_empty() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadSymbol.selector, ""));
        _birth("x", "", 0, LENGTH, ORIGIN);
    }

    function test_revertWhen_symbol_has_17_bytes() public {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadSymbol.selector, _repeat(17)));
        _birth("x", _repeat(17), 0, LENGTH, ORIGIN);
    }

    function testFuzz_decimals_are_0_to_6(uint8 decimals) public {
        if (decimals > 6) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadDecimals.selector, decimals));
        }
        LoyaltyToken born = _birth("x", "X", decimals, LENGTH, ORIGIN);
        if (decimals <= 6) assertEq(born.decimals(), decimals);
    }

    function test_decimals_at_the_bound() public {
        testFuzz_decimals_are_0_to_6(6);
        testFuzz_decimals_are_0_to_6(7);
    }

    function test_epoch_of_a_day_is_the_shortest() public {
        assertEq(_birth("x", "X", 0, 1 days, ORIGIN).epochLength(), 1 days);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadEpochLength.selector, 1 days - 1));
        _birth("x", "X", 0, 1 days - 1, ORIGIN);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadEpochLength.selector, 1));
        _birth("x", "X", 0, 1, ORIGIN);
    }

    function test_epoch_of_2_to_the_62_seconds_is_the_longest() public {
        assertEq(_birth("x", "X", 0, 2 ** 62, ORIGIN).epochLength(), 2 ** 62);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadEpochLength.selector, 2 ** 62 + 1));
        _birth("x", "X", 0, 2 ** 62 + 1, ORIGIN);
    }

    function test_length_0_stands_for_ever() public {
        LoyaltyToken ever = _birth("x", "X", 0, 0, 0);
        assertEq(ever.epochLength(), 2 ** 62);
        assertEq(ever.expiryOf(0), 2 ** 64);
    }

    function test_origin_may_be_now_but_not_later() public {
        assertEq(_birth("x", "X", 0, LENGTH, block.timestamp).origin(), block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadOrigin.selector, block.timestamp + 1));
        _birth("x", "X", 0, LENGTH, block.timestamp + 1);
    }

    function testFuzz_origin_in_the_past_counts_epochs_from_there(uint256 origin, uint256 length) public {
        origin = bound(origin, 0, block.timestamp);
        length = bound(length, 1 days, 2 ** 62);
        LoyaltyToken born = _birth("x", "X", 0, length, origin);
        assertEq(born.currentEpoch(), (block.timestamp - origin) / length);
    }

    function test_supports_the_interfaces_it_has() public view {
        assertTrue(token.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(token.supportsInterface(0x36372b07), "ERC-20");
        assertTrue(token.supportsInterface(type(IERC7818).interfaceId), "ERC-7818");
    }

    function testFuzz_supports_nothing_else(bytes4 id) public view {
        vm.assume(id != 0x01ffc9a7 && id != 0x36372b07 && id != type(IERC7818).interfaceId);
        assertFalse(token.supportsInterface(id));
        assertFalse(token.supportsInterface(0xffffffff));
    }

    function test_tells_its_domain_by_ERC5267() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifier,,) =
            token.eip712Domain();
        assertEq(fields, hex"0f");
        assertEq(name, "Le Panier");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifier, address(token));
    }

    function test_domain_separator_is_the_standards() public view {
        bytes32 domain = token.DOMAIN_SEPARATOR();
        assertEq(keccak256(abi.encodePacked(hex"1901", domain, bytes32(0))), _digest(0));
    }
}
