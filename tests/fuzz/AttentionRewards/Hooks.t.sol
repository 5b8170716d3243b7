// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {CallbackMock} from "../../../contracts/mocks/CallbackMock.sol";
import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {ICredentials} from "../../../interfaces/ICredentials.sol";
import {AttentionTest} from "./AttentionTest.sol";
import {IPlainClaims} from "./PlainClaims.sol";

/// @notice Works if it has much gas, and else says no without using up what it has.
contract Hungry is ICredentials {
    uint256 private constant _NEEDS = 150_000;

    error HungryStill();

    fallback() external {
        if (gasleft() < _NEEDS) revert HungryStill();
    }

    function accountOf(bytes32, bytes32 pseudonym, bytes calldata) external view returns (address) {
        if (gasleft() < _NEEDS) revert HungryStill();
        return address(uint160(uint256(pseudonym)));
    }
}

/// @notice The admin of a campaign, who enrols an account and lets her be paid while another payment of hers is under way;
/// that one then fails.
contract Meddler {
    IAttentionRewards private immutable _REWARDS;
    OddTokenMock private immutable _TOKEN;
    bytes32 private immutable _CAMPAIGN;
    IAttentionRewards.Statement private _statement;
    IAttentionRewards.Handle private _handle;

    constructor(
        IAttentionRewards rewards_,
        OddTokenMock token_,
        bytes32 campaign_,
        IAttentionRewards.Statement memory statement_
    ) {
        (_REWARDS, _TOKEN, _CAMPAIGN) = (rewards_, token_, campaign_);
        (_statement, _handle) = (statement_, rewards_.handleOf(campaign_));
    }

    function accept() external {
        _REWARDS.acceptAdmin(_CAMPAIGN);
    }

    fallback() external {
        _TOKEN.setHook(address(0));
        bytes32[] memory accounts = new bytes32[](1);
        accounts[0] = _statement.account;
        _REWARDS.enrol(_CAMPAIGN, accounts);
        _REWARDS.claimStatement(_handle, _statement, "");
        _TOKEN.behave(OddTokenMock.Oddity.ReturnsFalse);
    }
}

/// @notice Tokens that call back while they move, and batches that are short of gas.
contract HooksTest is AttentionTest {
    OddTokenMock internal token;
    CallbackMock internal hook;

    function setUp() public override {
        super.setUp();
        token = new OddTokenMock();
        hook = new CallbackMock();
        token.mint(brand, 1_000_000);
        token.mint(address(hook), 1_000_000);
        vm.prank(brand);
        token.approve(address(rewards), 1);
        hook.run(address(token), abi.encodeCall(token.approve, (address(rewards), 1)));
    }

    function termsOdd() internal returns (IAttentionRewards.Terms memory terms) {
        terms = atOnce(termsInCash());
        terms.token = address(token);
    }

    function batch(IAttentionRewards.Statement memory one)
        internal
        pure
        returns (IAttentionRewards.Statement[] memory all)
    {
        all = new IAttentionRewards.Statement[](1);
        all[0] = one;
    }

    function test_money_that_goes_out_while_it_comes_in_is_seen() public {
        bytes32 campaign = open(termsOdd(), 10);
        hook.plan(
            address(rewards),
            abi.encodeCall(IPlainClaims.claimStatement, (handles[campaign], statement(campaign, customer, 1)))
        );
        token.setHook(address(hook));
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttentionRewards.EscrowArrivalDiffers.selector, address(token), 4 * PRICE, 5 * PRICE
            )
        );
        vm.prank(brand);
        rewards.fund(campaign, 5);
    }

    function test_one_arrival_is_not_counted_twice() public {
        bytes32 campaign = open(termsOdd(), 10);
        hook.plan(address(rewards), abi.encodeCall(rewards.fund, (campaign, 5)));
        token.setHook(address(hook));
        vm.prank(brand);
        rewards.fund(campaign, 5);
        (bool done, bytes memory answer) = hook.outcome(0);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSignature("Reentrancy()"));
        assertStanding(campaign, 15, 0, 0);
    }

    function test_a_hook_cannot_be_paid_for_the_same_contact() public {
        bytes32 campaign = open(termsOdd(), 10);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 3);
        hook.plan(address(rewards), abi.encodeCall(IPlainClaims.claimStatement, (handles[campaign], made)));
        hook.plan(
            address(rewards), abi.encodeCall(rewards.claimStatements, (handles[campaign], batch(made), none))
        );
        token.setHook(address(hook));
        claimStatement(campaign, made);
        (bool done, bytes memory answer) = hook.outcome(0);
        assertFalse(done);
        assertEq(
            answer, abi.encodeWithSelector(IAttentionRewards.NothingNew.selector, campaign, id(customer))
        );
        (done, answer) = hook.outcome(1);
        assertEq(abi.decode(answer, (uint256)), 0);
        assertEq(token.balanceOf(customer), 2 * PRICE);
        assertStanding(campaign, 8, 0, 0);
    }

    function test_a_code_is_not_paid_to_a_hook_again() public {
        bytes32 campaign = open(withCodes(termsOdd(), 2), 10);
        activate(campaign, 0);
        IAttentionRewards.Ticket memory made = ticket(campaign, 0, 0);
        Taker memory taking = taker(campaign, made, customer);
        bytes memory again = abi.encodeCall(
            IPlainClaims.claimCode, (handles[campaign], taken(made, taking), taking.signature)
        );
        hook.plan(address(rewards), again);
        token.setHook(address(hook));
        claimTicket(campaign, made, taking);
        (bool done,) = hook.outcome(0);
        assertFalse(done);
        assertEq(token.balanceOf(customer), PRICE);
        assertStanding(campaign, 9, 0, 1);
    }

    function test_a_refund_is_not_paid_to_a_hook_again() public {
        bytes32 campaign = open(termsOdd(), 10);
        open(termsOdd(), 10);
        vm.prank(brand);
        rewards.offerAdmin(campaign, address(hook));
        hook.run(address(rewards), abi.encodeCall(rewards.acceptAdmin, (campaign)));
        hook.plan(address(rewards), abi.encodeCall(rewards.refund, (campaign, stranger)));
        token.setHook(address(hook));
        vm.warp(START + 40 days);
        vm.prank(address(hook));
        rewards.refund(campaign, stranger);
        assertEq(token.balanceOf(stranger), 10 * PRICE);
    }

    /// @dev A payment that fails without a revert keeps what its hook did: other contacts, and her enrolment, stay.
    function test_what_a_hook_does_in_a_payment_that_fails_stays() public {
        bytes32 campaign = open(termsOdd(), 30);
        Meddler meddler = new Meddler(rewards, token, campaign, statement(campaign, customer, 12));
        vm.prank(brand);
        rewards.offerAdmin(campaign, address(meddler));
        meddler.accept();
        token.setHook(address(meddler));
        assertEq(claimStatements(campaign, batch(statement(campaign, customer, 3))), 0);
        assertEq(rewards.contactsOf(campaign, id(customer), 0), 12);
        assertTrue(rewards.isEnrolled(campaign, id(customer)));
        assertStanding(campaign, 28, 18, 0);
        assertEq(token.balanceOf(customer), 2 * PRICE);
        assertEq(token.balanceOf(address(rewards)), 28 * PRICE);
    }

    // -------------------------------------------------------------------------------------------------- gas

    /// @dev With any gas, a batch pays all or reverts: nobody can make a statement be passed over by giving little.
    function paysAllOrReverts(bytes32 campaign, IAttentionRewards.Statement[] memory all, bytes[] memory each)
        internal
    {
        bytes4 named = IAttentionRewards.TooLittleGas.selector;
        bool wasNamed = false;
        for (uint256 gas_ = 60_000; gas_ < 2_000_000; gas_ += 3011) {
            try rewards.claimStatements{gas: gas_}(handles[campaign], all, each) returns (uint256 paid) {
                assertEq(paid, all.length, "passed over for want of gas");
                assertTrue(wasNamed);
                return;
            } catch (bytes memory reason) {
                if (bytes4(reason) == named) wasNamed = true;
            }
        }
        fail();
    }

    function test_a_payment_is_not_starved() public {
        bytes32 campaign = open(termsOdd(), 10);
        token.setHook(address(new Hungry()));
        IAttentionRewards.Statement[] memory all = new IAttentionRewards.Statement[](2);
        all[0] = statement(campaign, customer, 1);
        all[1] = statement(campaign, other, 1);
        paysAllOrReverts(campaign, all, none);
    }

    function test_a_credential_is_not_starved() public {
        IAttentionRewards.Terms memory terms = atOnce(termsFresh());
        terms.credentials = address(new Hungry());
        bytes32 campaign = open(terms, 10);
        IAttentionRewards.Statement[] memory all = new IAttentionRewards.Statement[](2);
        all[0] = statement(campaign, customer, 1);
        all[1] = statement(campaign, other, 1);
        // Nor by a long one, that costs its copying.
        bytes[] memory each = new bytes[](2);
        each[1] = new bytes(20_000);
        paysAllOrReverts(campaign, all, each);
    }

    /// @dev Fresh points are issued for all at the end: a batch that runs out of gas anywhere pays nobody.
    function test_fresh_points_are_not_starved() public {
        bytes32 campaign = open(atOnce(termsFresh()), 10);
        IAttentionRewards.Statement[] memory all = new IAttentionRewards.Statement[](2);
        all[0] = statement(campaign, customer, 1);
        all[1] = statement(campaign, other, 1);
        for (uint256 gas_ = 20_000; gas_ < 500_000; gas_ += 101) {
            try rewards.claimStatements{gas: gas_}(handles[campaign], all, none) returns (uint256 paid) {
                assertEq(paid, 2, "passed over for want of gas");
                assertStanding(campaign, 8, 0, 0);
                return;
            } catch {}
        }
        fail();
    }

    function test_one_that_burns_gas_does_not_starve_the_others() public {
        bytes32 campaign = open(termsOdd(), 10);
        token.behave(OddTokenMock.Oddity.BurnsGas);
        IAttentionRewards.Statement[] memory all = new IAttentionRewards.Statement[](3);
        all[0] = statement(campaign, customer, 1);
        all[1] = statement(campaign, other, 1);
        all[2] = statement(campaign, stranger, 1);
        vm.recordLogs();
        assertEq(rewards.claimStatements{gas: 1_200_000}(handles[campaign], all, none), 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            assertNotEq(logs[i].topics[0], IAttentionRewards.ContactsPaid.selector);
        }
        assertStanding(campaign, 10, 0, 0);
        token.behave(OddTokenMock.Oddity.None);
        assertEq(claimStatements(campaign, all), 3);
    }

    /// @dev Odd sums, by every path and in every order: the last unit goes back.
    function testFuzz_the_last_unit_returns(uint256 seed, uint96 price) public {
        IAttentionRewards.Terms memory terms = withCodes(atOnce(termsInCash()), 50);
        terms.price = price == 0 ? 1 : price;
        cash.mint(brand, 200 * terms.price);
        bytes32 campaign = open(terms, 200);
        activate(campaign, 0);
        uint256 paid = 0;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            address who = address(uint160(0x10000 + random % 7));
            if (random % 3 == 0) enrolIfFree(campaign, who);
            try this.step(campaign, who, random >> 8, i) returns (uint256 number) {
                paid += number;
            } catch {}
        }
        vm.warp(terms.claimUntil + 1);
        vm.prank(brand);
        rewards.refund(campaign, other);
        assertEq(cash.balanceOf(other), (200 - paid) * terms.price);
        assertEq(cash.balanceOf(address(rewards)), 0);
    }

    function enrolIfFree(bytes32 campaign, address who) internal {
        if (rewards.standingOf(campaign).free >= 20) enrol(campaign, who);
    }

    /// @dev Returns how many contacts or codes were paid.
    function step(bytes32 campaign, address who, uint256 random, uint256 index)
        external
        returns (uint256 number)
    {
        uint256 left = rewards.standingOf(campaign).left;
        if (random % 4 == 0) claimCode(campaign, index, who);
        else if (random % 4 == 1) claimBound(campaign, random % 20, who);
        else claim(campaign, who, (random >> 16) % (1 << 20));
        return left - rewards.standingOf(campaign).left;
    }
}
