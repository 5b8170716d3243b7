// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "solady/auth/Ownable.sol";

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @notice Points of a programme that moves here go into lots that still live, and keep their dates.
contract AtEpochTest is LoyaltyTokenTest {
    function setUp() public override {
        super.setUp();
        _enter(10);
    }

    function _mintAt(bytes32 batchId, uint256 epoch, address to, uint256 amount) private {
        vm.prank(brand);
        token.mintAtEpoch(batchId, epoch, _one(_word(to, amount)));
    }

    function _two(uint256 first, uint256 second) private pure returns (uint256[] memory words) {
        words = new uint256[](2);
        (words[0], words[1]) = (first, second);
    }

    function _expectNoHeadroom(uint256 available, uint256 needed) private {
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NoHeadroom.selector, available, needed));
    }

    function test_goes_into_the_lot_of_its_epoch_and_tells() public {
        for (uint256 age = 0; age < 4; ++age) {
            vm.expectEmit(address(token));
            emit ILoyaltyToken.Transfer(address(0), customer, 10 + age);
            vm.expectEmit(address(token));
            emit ILoyaltyToken.Transfer(address(0), buyer, 100);
            vm.expectEmit(address(token));
            emit ILoyaltyToken.BatchIssuedAtEpoch(bytes32(age + 1), 10 - age, 2, 110 + age);
            vm.prank(brand);
            token.mintAtEpoch(bytes32(age + 1), 10 - age, _two(_word(customer, 10 + age), _word(buyer, 100)));
            assertTrue(token.referenceUsed(address(0), bytes32(age + 1)));
        }
        _assertLots(customer, 13, 12, 11, 10);
        _assertLots(buyer, 100, 100, 100, 100);
        _assertTotals(446, 446, 0, 0);
        _enter(11);
        _assertLots(customer, 12, 11, 10, 0);
        _assertTotals(446, 333, 0, 113);
        _enter(13);
        _assertLots(customer, 10, 0, 0, 0);
        _enter(14);
        _assertTotals(446, 0, 0, 446);
    }

    function test_revertWhen_epoch_expired_or_has_not_begun() public {
        uint256[] memory words = _one(_word(customer, 1));
        uint256[6] memory refused = [uint256(0), 5, 6, 11, 12, MAX];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.prank(brand);
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.EpochNotLiving.selector, refused[i], 10));
            token.mintAtEpoch("batch", refused[i], words);
        }
        _enter(11);
        vm.warp(block.timestamp - 1);
        _mintAt("a", 7, customer, 1);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.EpochNotLiving.selector, 7, 11));
        _mintAt("b", 7, customer, 1);
    }

    function test_first_epochs() public {
        vm.warp(ORIGIN);
        _mintAt("a", 0, customer, 1);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.EpochNotLiving.selector, MAX, 0));
        _mintAt("b", MAX, customer, 1);
        _enter(3);
        _mintAt("b", 0, customer, 2);
        _assertLots(customer, 3, 0, 0, 0);
    }

    function test_revertWhen_somebody_else_mints() public {
        _grant(1, 1_000, 0, 0);
        vm.prank(issuer);
        vm.expectRevert(Ownable.Unauthorized.selector);
        token.mintAtEpoch("batch", 9, _one(_word(customer, 1)));
    }

    function test_reference_counts_once() public {
        _mintAt("batch", 9, customer, 1);
        bytes memory used =
            abi.encodeWithSelector(ILoyaltyToken.ReferenceUsed.selector, address(0), bytes32("batch"));
        vm.expectRevert(used);
        _mintAt("batch", 9, customer, 1);
        vm.expectRevert(used);
        _mintAt("batch", 8, customer, 1);
        vm.prank(brand);
        vm.expectRevert(used);
        token.mintBatch("batch", _one(_word(customer, 1)));
        vm.expectRevert(ILoyaltyToken.ReferenceMissing.selector);
        _mintAt(0, 9, customer, 1);
    }

    function test_revertWhen_nothing_is_minted() public {
        vm.startPrank(brand);
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        token.mintAtEpoch("batch", 9, new uint256[](0));
        vm.expectRevert(ILoyaltyToken.ZeroAmount.selector);
        token.mintAtEpoch("batch", 9, _two(_word(customer, 0), _word(buyer, 0)));
        token.mintAtEpoch("batch", 9, _two(_word(customer, 0), _word(buyer, 1)));
        vm.stopPrank();
    }

    function test_revertWhen_receiver_is_zero_token_or_exchange() public {
        address[3] memory refused = [address(0), address(token), exchange];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.ERC20InvalidReceiver.selector, refused[i]));
            _mintAt("batch", 9, refused[i], 1);
        }
    }

    function test_a_full_lot_neither_spills_nor_borrows() public {
        for (uint256 age = 0; age < 4; ++age) {
            _mintAt(bytes32(age + 1), 10 - age, age % 2 == 0 ? customer : buyer, LANE);
        }
        _assertLots(customer, 0, LANE, 0, LANE);
        _assertLots(buyer, LANE, 0, LANE, 0);
        for (uint256 age = 1; age < 4; ++age) {
            _expectNoHeadroom(LANE, LANE + 1);
            _mintAt("batch", 10 - age, customer, 1);
        }
        _expectNoHeadroom(0, 1);
        _mintAt("batch", 10, customer, 1);
        assertEq(token.totalSupply(), 4 * LANE);
    }

    function testFuzz_revertWhen_a_batch_is_more_than_a_lot(uint96 first, uint96 second, uint256 age) public {
        second = uint96(bound(second, 0, 2 ** 96 - 1));
        first = uint96(bound(first, second > LANE ? 0 : LANE - second + 1, 2 ** 96 - 1));
        vm.prank(brand);
        _expectNoHeadroom(LANE, uint256(first) + second);
        token.mintAtEpoch("batch", 10 - age % 4, _two(_word(customer, first), _word(customer, second)));
        assertEq(token.balanceOf(customer), 0);
    }

    function test_lot_of_now_keeps_the_room_of_all_promises() public {
        _grant(1, 100, 0, block.timestamp);
        vm.prank(brand);
        token.mintPending("pending", block.timestamp + 1, _one(_word(buyer, 10)));
        _expectNoHeadroom(LANE - 110, LANE - 109);
        _mintAt("batch", 10, customer, LANE - 109);
        _mintAt("batch", 10, customer, LANE - 110);
    }

    /// @dev What matured in an older epoch may be released into its lot at any time, and needs its room there.
    function test_older_lots_keep_the_room_of_what_is_pending_and_of_no_grant() public {
        vm.prank(brand);
        token.mintPending("pending", block.timestamp + 1, _one(_word(buyer, 10)));
        _grant(1, 100, 0, block.timestamp + 200 days);
        _enter(12);
        _mintAt("first", 10, customer, 5);
        _expectNoHeadroom(LANE, LANE + 1);
        _mintAt("batch", 10, customer, LANE - 14);
        _mintAt("batch", 10, customer, LANE - 15);
        token.releasePending(address(0), _one(0));
        (uint256[4] memory supply,,,) = token.liability();
        assertEq(supply[1], LANE);
        // Then its room is free, in the lots beside it.
        _mintAt("other", 11, customer, LANE);
    }

    function test_a_give_back_leaves_the_room_of_what_is_pending() public {
        _mint(customer, 20);
        _redeem(customer, 20, "receipt");
        vm.prank(brand);
        token.mintPending("pending", block.timestamp + 1, _one(_word(buyer, 10)));
        _enter(11);
        _mintAt("batch", 10, stranger, LANE - 29);
        vm.startPrank(brand);
        _expectNoHeadroom(LANE, LANE + 1);
        token.giveBack(customer, "receipt", 20);
        token.giveBack(customer, "receipt", 19);
        vm.stopPrank();
        token.releasePending(address(0), _one(0));
        (uint256[4] memory supply,,,) = token.liability();
        assertEq(supply[2], LANE);
    }

    /// @dev Against four plain numbers for each of two accounts, any amounts, over any time.
    function testFuzz_agrees_with_plain_lots(uint56[12] memory amounts, uint8[12] memory how) public {
        for (uint256 i = 0; i < 12; ++i) {
            uint256 epoch = token.currentEpoch() - how[i] % 4;
            address to = how[i] & 4 == 0 ? customer : buyer;
            uint256 amount = how[i] & 8 == 0 ? amounts[i] % 1_000 : amounts[i];
            uint256 held = _plain[customer][epoch] + _plain[buyer][epoch];
            bool fits = held + amount <= LANE && amount != 0;
            vm.prank(brand);
            (bool done,) = address(token)
                .call(abi.encodeCall(token.mintAtEpoch, (bytes32(i + 1), epoch, _one(_word(to, amount)))));
            assertEq(done, fits);
            if (done) _plain[to][epoch] += amount;
            if (how[i] & 16 != 0) vm.warp(block.timestamp + uint256(how[i] >> 5) * LENGTH / 2);
            for (uint256 age = 0; age < 4; ++age) {
                epoch = token.currentEpoch() - age;
                assertEq(token.balanceOfAtEpoch(epoch, customer), _plain[customer][epoch]);
                assertEq(token.balanceOfAtEpoch(epoch, buyer), _plain[buyer][epoch]);
            }
            assertEq(token.totalSupply(), token.balanceOf(customer) + token.balanceOf(buyer));
        }
    }

    mapping(address holder => mapping(uint256 epoch => uint256)) private _plain;
}
