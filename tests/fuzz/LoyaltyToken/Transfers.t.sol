// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Plain transfers: the oldest points first, to anyone but three addresses, and flags stay as they are.
contract TransfersTest is LoyaltyTokenTest {
    function _transfer(address from, address to, uint256 value) private {
        vm.prank(from);
        assertTrue(token.transfer(to, value));
    }

    function test_takes_the_oldest_lots_first() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        _transfer(customer, buyer, 5);
        _assertLots(customer, 5, 20, 30, 40);
        _assertLots(buyer, 5, 0, 0, 0);
        _transfer(customer, buyer, 30);
        _assertLots(customer, 0, 0, 25, 40);
        _assertLots(buyer, 10, 20, 5, 0);
        _transfer(customer, buyer, 65);
        _assertLots(customer, 0, 0, 0, 0);
        _assertLots(buyer, 10, 20, 30, 40);
    }

    function test_emits_Transfer() public {
        _mint(customer, 10);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(customer, buyer, 10);
        _transfer(customer, buyer, 10);
    }

    function test_zero_succeeds_and_is_told() public {
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(customer, buyer, 0);
        _transfer(customer, buyer, 0);
        _assertLots(buyer, 0, 0, 0, 0);
    }

    function test_revertWhen_holder_has_one_too_few() public {
        _fill(customer, [uint256(10), 20, 30, 40]);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 100, 101)
        );
        vm.prank(customer);
        token.transfer(buyer, 101);
        _transfer(customer, buyer, 100);
    }

    function test_revertWhen_value_is_beyond_any_lot() public {
        _mint(customer, LANE);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, LANE, MAX)
        );
        vm.prank(customer);
        token.transfer(buyer, MAX);
    }

    function test_revertWhen_receiver_is_zero_token_or_exchange() public {
        _mint(customer, 10);
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 value = 0; value <= 10; value += 10) {
                vm.expectRevert(
                    abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i])
                );
                vm.prank(customer);
                token.transfer(refused[i], value);
            }
        }
    }

    /// @notice Points are worth nothing from the first second of their expiry on, and everything before.
    function test_moves_points_in_their_last_second_and_not_after() public {
        _mint(customer, 10);
        uint256 expiry = token.expiryOf(0);
        assertEq(expiry, ORIGIN + 4 * LENGTH);
        vm.warp(expiry - 1);
        _assertLots(customer, 10, 0, 0, 0);
        _transfer(customer, buyer, 4);
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(expiry + late);
            _assertLots(customer, 0, 0, 0, 0);
            _assertLots(buyer, 0, 0, 0, 0);
            vm.expectRevert(
                abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 0, 1)
            );
            vm.prank(customer);
            token.transfer(buyer, 1);
        }
    }

    /// @notice Hole: a balance read after it was written. Sending to oneself neither makes nor loses points.
    function testFuzz_transfer_to_oneself_changes_nothing(uint56[4] memory seeds, uint256 value, uint8 gap)
        public
    {
        uint256[4] memory amounts = [uint256(seeds[0]), seeds[1], seeds[2], seeds[3]];
        _fill(customer, amounts);
        _enter(3 + gap % 6);
        uint256[4] memory before = _lots(customer);
        value = bound(value, 0, token.balanceOf(customer));
        _transfer(customer, customer, value);
        _assertSame(_lots(customer), before, "lots");
        vm.prank(customer);
        token.approve(customer, MAX);
        vm.prank(customer);
        token.transferFrom(customer, customer, value);
        vm.prank(customer);
        token.transferFromWithin(customer, customer, value, 1, MAX);
        _assertSame(_lots(customer), before, "lots");
        assertEq(token.totalSupply(), token.balanceOf(customer));
    }

    function test_transfer_to_oneself_of_everything_and_one_more() public {
        _fill(customer, [uint256(1), 2, 3, 4]);
        _transfer(customer, customer, 10);
        _assertLots(customer, 1, 2, 3, 4);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, customer, 10, 11)
        );
        vm.prank(customer);
        token.transfer(customer, 11);
    }

    /// @notice L1, L2: lots move whole, whatever the ages of the two words that are written.
    function testFuzz_moves_lots_between_words_of_different_ages(
        uint56[4] memory held,
        uint56[4] memory had,
        uint256 value,
        uint8 wait,
        uint8 wait2
    ) public {
        uint256[4] memory mine;
        uint256[4] memory hers;
        for (uint256 i = 0; i < 4; ++i) {
            // Together they fit the supply's lane.
            (mine[i], hers[i]) = (held[i] / 2, had[i] / 2);
            _enter(i);
            if (mine[i] != 0) _mint(customer, mine[i]);
            if (hers[i] != 0) _mint(buyer, hers[i]);
        }
        _enter(3 + wait % 3);
        // Writes the one word now and the other later.
        _transfer(customer, customer, 0);
        _enter(3 + wait % 3 + wait2 % 3);
        mine = _lots(customer);
        hers = _lots(buyer);
        value = bound(value, 0, token.balanceOf(customer));
        _transfer(customer, buyer, value);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 taken = value < mine[i] ? value : mine[i];
            value -= taken;
            mine[i] -= taken;
            hers[i] += taken;
        }
        _assertSame(_lots(customer), mine, "sender");
        _assertSame(_lots(buyer), hers, "recipient");
        assertEq(token.totalSupply(), token.balanceOf(customer) + token.balanceOf(buyer), "L1");
    }

    /// @notice Attack 24: dust cannot make a holder's transfers dear: a balance is one word, however often it was paid.
    function test_dust_does_not_make_transfers_dearer() public {
        address victim = makeAddr("victim");
        for (uint256 epoch = 0; epoch < 4; ++epoch) {
            _enter(epoch);
            _mint(customer, 1000);
            for (uint256 i = 0; i < 1000; ++i) {
                _mint(victim, 1);
            }
        }
        _assertSame(_lots(victim), _lots(customer), "lots");
        uint256 plain = _cost(customer, makeAddr("first"), 3500);
        uint256 dusty = _cost(victim, makeAddr("second"), 3500);
        assertEq(dusty, plain);
        assertLt(dusty, 100_000);
    }

    function _cost(address from, address to, uint256 value) private returns (uint256 gas) {
        // Warms what is read, so that both are measured alike.
        vm.prank(from);
        token.transfer(to, 0);
        vm.prank(from);
        gas = gasleft();
        token.transfer(to, value);
        gas -= gasleft();
    }

    // --------------------------------------------------------------------------------------------- pockets

    function test_pocket_lies_where_only_its_holder_can_reach() public {
        address pocket = token.pocketOf(stranger, "deal 1");
        assertTrue(pocket != token.pocketOf(stranger, "deal 2"));
        assertTrue(pocket != token.pocketOf(buyer, "deal 1"));
        _fill(pocket, [uint256(1), 2, 3, 4]);
        vm.expectEmit(address(token));
        emit ILoyaltyToken.Transfer(pocket, customer, 4);
        vm.prank(stranger);
        token.transferFromPocket("deal 1", customer, 4, 0);
        _assertLots(customer, 1, 2, 1, 0);
        _assertLots(pocket, 0, 0, 2, 4);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILoyaltyToken.ERC20InsufficientBalance.selector, token.pocketOf(buyer, "deal 1"), 0, 1
            )
        );
        vm.prank(buyer);
        token.transferFromPocket("deal 1", buyer, 1, 0);
    }

    /// @notice Attack 26: what waits in a pocket ages there as anywhere.
    function test_points_age_in_a_pocket() public {
        address pocket = token.pocketOf(stranger, "deal 1");
        _mint(customer, 10);
        _transfer(customer, pocket, 10);
        _enter(3);
        vm.prank(stranger);
        token.transferFromPocket("deal 1", customer, 4, 0);
        _assertLots(customer, 4, 0, 0, 0);
        _enter(4);
        assertEq(token.balanceOf(pocket), 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InsufficientBalance.selector, pocket, 0, 6));
        vm.prank(stranger);
        token.transferFromPocket("deal 1", customer, 6, 0);
    }

    /// @notice Attack 26: a pocket pays with points that live as long as was asked for, never with others beside them.
    function test_pocket_pays_with_points_that_live_beyond_a_bound() public {
        address pocket = token.pocketOf(stranger, "deal 1");
        _fill(pocket, [uint256(10), 20, 30, 40]);
        uint256 expiry = token.expiryOf(1);
        vm.expectRevert(
            abi.encodeWithSelector(ILoyaltyToken.PointsOutOfBounds.selector, pocket, 70, 71, expiry, 0)
        );
        vm.prank(stranger);
        token.transferFromPocket("deal 1", buyer, 71, expiry);
        vm.prank(stranger);
        token.transferFromPocket("deal 1", buyer, 15, expiry - 1);
        _assertLots(buyer, 0, 15, 0, 0);
        vm.prank(stranger);
        token.transferFromPocket("deal 1", buyer, 70, expiry);
        _assertLots(pocket, 10, 5, 0, 0);
    }

    function test_revertWhen_pocket_pays_zero_token_or_exchange() public {
        _mint(token.pocketOf(stranger, "deal 1"), 10);
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            vm.prank(stranger);
            token.transferFromPocket("deal 1", refused[i], 1, 0);
        }
    }

    /// @notice Attack 15: holder and id of a pocket do not run into each other.
    function testFuzz_pockets_do_not_collide(address a, bytes32 idA, address b, bytes32 idB) public view {
        vm.assume(a != b || idA != idB);
        assertTrue(token.pocketOf(a, idA) != token.pocketOf(b, idB));
    }
}
