// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {Escrow} from "../../contracts/libraries/Escrow.sol";
import {CashMock} from "../../contracts/mocks/CashMock.sol";
import {OddTokenMock} from "../../contracts/mocks/OddTokenMock.sol";
import {IERC7818} from "../../interfaces/IERC7818.sol";

/// @dev Holds what it collects.
contract Holder {
    function collect(address token, address from, uint256 amount) external returns (uint256) {
        return Escrow.collect(token, from, amount);
    }

    function expires(address token) external view returns (bool) {
        return Escrow.expires(token);
    }
}

/// @dev Answers every question with so many bytes of `epochLength`, or not at all.
contract Answering {
    uint256 private immutable _LENGTH;
    bool private immutable _REVERTS;

    constructor(uint256 length, bool reverts) {
        (_LENGTH, _REVERTS) = (length, reverts);
    }

    fallback() external {
        bool asked = msg.sig == IERC7818.epochLength.selector && msg.data.length == 4;
        (uint256 length, bool reverts) = (_LENGTH, _REVERTS || !asked);
        assembly ("memory-safe") {
            if reverts { revert(0x00, length) }
            return(0x00, length)
        }
    }
}

/// @dev Burns whatever it is given.
contract Burning {
    fallback() external {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

contract EscrowTest is Test {
    Holder private _holder;
    OddTokenMock private _odd;
    address private _payer = makeAddr("payer");

    function setUp() public {
        _holder = new Holder();
        _odd = new OddTokenMock();
        vm.prank(_payer);
        _odd.approve(address(_holder), 1);
    }

    // ---------------------------------------------------------------------------------------------- collecting

    function testFuzz_a_plain_token_arrives_whole(uint128 had, uint128 held, uint128 amount) public {
        amount = uint128(bound(amount, 0, had));
        CashMock cash = new CashMock("Cash", "CASH");
        cash.mint(_payer, had);
        cash.mint(address(_holder), held);
        vm.prank(_payer);
        cash.approve(address(_holder), amount);
        assertEq(_holder.collect(address(cash), _payer, amount), amount);
        assertEq(cash.balanceOf(address(_holder)), uint256(held) + amount);
        assertEq(cash.balanceOf(_payer), had - amount);
        assertEq(cash.allowance(_payer, address(_holder)), 0);
    }

    function testFuzz_more_than_is_allowed_reverts(uint128 allowed, uint128 more) public {
        more = uint128(bound(more, 1, type(uint128).max));
        CashMock cash = new CashMock("Cash", "CASH");
        cash.mint(_payer, type(uint256).max);
        vm.prank(_payer);
        cash.approve(address(_holder), allowed);
        vm.expectRevert(SafeTransferLib.TransferFromFailed.selector);
        _holder.collect(address(cash), _payer, uint256(allowed) + more);
    }

    /// What counts is what came, whatever the token says or does.
    function testFuzz_what_arrives_is_what_the_balance_says(uint8 odd, uint112 held, uint112 amount) public {
        amount = uint112(bound(amount, 200, type(uint112).max));
        OddTokenMock.Oddity[5] memory oddities = [
            OddTokenMock.Oddity.TakesFee,
            OddTokenMock.Oddity.DeliversNothing,
            OddTokenMock.Oddity.DeliversTwice,
            OddTokenMock.Oddity.ReturnsNothing,
            OddTokenMock.Oddity.DoublesBalances
        ];
        _odd.mint(_payer, amount);
        _odd.mint(address(_holder), held);
        _odd.behave(oddities[odd % 5]);
        uint256 arrived = _holder.collect(address(_odd), _payer, amount);
        assertEq(arrived, _odd.balanceOf(address(_holder)) - held);
        uint256[5] memory expected = [
            uint256(amount) - amount / 100 - 1,
            0,
            uint256(amount) * 2,
            amount,
            // The shares of `amount` are halved as the balances double.
            uint256(held) + amount / 2 * 2
        ];
        assertEq(arrived, expected[odd % 5]);
    }

    /// Less than before is nothing, and never a number near 2^256.
    function testFuzz_a_balance_that_falls_counts_as_nothing(uint112 held, uint96 amount) public {
        held = uint112(bound(held, 2 * uint256(amount) + 2, type(uint112).max));
        _odd.mint(_payer, 2 * uint256(amount));
        _odd.mint(address(_holder), held);
        _odd.behave(OddTokenMock.Oddity.HalvesBalances);
        assertEq(_holder.collect(address(_odd), _payer, amount), 0);
        assertLt(_odd.balanceOf(address(_holder)), held);
    }

    function test_a_token_that_refuses_reverts() public {
        _odd.mint(_payer, 100);
        OddTokenMock.Oddity[5] memory oddities = [
            OddTokenMock.Oddity.Reverts,
            OddTokenMock.Oddity.RevertsWithMegabyte,
            OddTokenMock.Oddity.BurnsGas,
            OddTokenMock.Oddity.ReturnsFalse,
            OddTokenMock.Oddity.ReturnsTwo
        ];
        for (uint256 i = 0; i < oddities.length; ++i) {
            _odd.behave(oddities[i]);
            vm.expectRevert(SafeTransferLib.TransferFromFailed.selector);
            _holder.collect{gas: 10_000_000}(address(_odd), _payer, 100);
        }
        assertEq(_odd.balanceOf(_payer), 100);
    }

    /// Where there is no token nothing can arrive, and a transfer that nobody refused is none.
    function testFuzz_where_there_is_no_contract_it_reverts(uint160 token, uint256 amount) public {
        address nobody = address(uint160(bound(token, 2 ** 32, type(uint160).max)));
        vm.assume(nobody.code.length == 0);
        vm.expectRevert(SafeTransferLib.TransferFromFailed.selector);
        _holder.collect(nobody, _payer, amount);
    }

    // ------------------------------------------------------------------------------------------------ expiring

    /// A whole word is an answer, whatever it says: a token with epochs of 0 seconds is no plain one.
    function testFuzz_a_token_that_says_its_epochs_expires(uint256 length) public {
        length = bound(length, 0, 4096);
        assertEq(_holder.expires(address(new Answering(length, false))), length > 31);
        assertFalse(_holder.expires(address(new Answering(length, true))));
    }

    function test_plain_tokens_and_accounts_do_not_expire() public {
        assertFalse(_holder.expires(address(new CashMock("Cash", "CASH"))));
        assertFalse(_holder.expires(address(_odd)));
        assertFalse(_holder.expires(_payer));
        assertFalse(_holder.expires(address(0)));
    }

    /// A token that burns what it gets is asked with little, and is none that expires.
    function test_asking_burns_little() public {
        address token = address(new Burning());
        uint256 before = gasleft();
        assertFalse(_holder.expires(token));
        assertLt(before - gasleft(), 60_000);
    }
}
