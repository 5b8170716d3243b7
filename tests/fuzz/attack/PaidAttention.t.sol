// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {AttentionTest} from "../AttentionRewards/AttentionTest.sol";
import {PlainToken} from "./OddTokens.sol";

/// @dev Takes a tenth on top of what a contract sends, from the contract.
contract FeeOnSendingToken is PlainToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        if (msg.sender.code.length != 0) _transfer(msg.sender, address(0xFEE), amount / 10);
        return super.transfer(to, amount);
    }
}

/// @notice What campaigns leave to their token, and to their attestor.
contract PaidAttentionTest is AttentionTest {
    /// @dev A limit that docs/AttentionRewards.md names: campaigns in one token share what it takes from the contract.
    function test_a_token_that_takes_a_fee_from_the_sender_takes_it_from_all_campaigns() public {
        FeeOnSendingToken token = new FeeOnSendingToken();
        token.mint(brand, 1_400_000);
        vm.prank(brand);
        token.approve(address(rewards), type(uint256).max);
        IAttentionRewards.Terms memory terms = atOnce(termsInCash());
        terms.token = address(token);
        terms.price = 1_000;
        bytes32 first = open(terms, 20);
        terms.salt = "second";
        bytes32 second = open(terms, 20);
        claim(first, customer, (1 << 20) - 1);
        assertEq(token.balanceOf(customer), 20_000);
        // The second campaign's escrow has paid the first one's fee.
        assertEq(token.balanceOf(address(rewards)), 18_000);
        assertStanding(second, 20, 0, 0);
        // All but the last contacts can still be paid, and none of it is refunded.
        vm.warp(terms.claimUntil + 1);
        vm.prank(brand);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RewardFailed.selector, address(token), brand)
        );
        rewards.refund(second, brand);
    }

    /// @dev Whoever submits chooses among the credentials that are not expired: an older one still pays its address.
    function test_an_older_credential_pays_the_older_address_until_it_expires() public {
        bytes32 campaign = open(asking(atOnce(termsInCash())), 20);
        bytes32 person = keccak256("person");
        IAttentionRewards.Statement memory made = statement(campaign, person, 0, 1);
        bytes memory older = credentialFor(campaign, person, other, START + 1 days);
        bytes memory newer = credentialFor(campaign, person, customer, START + 2 days);
        vm.prank(stranger);
        claimStatement(campaign, made, older);
        assertEq(cash.balanceOf(other), PRICE);
        vm.warp(START + 1 days + 1);
        made = statement(campaign, person, 0, 3);
        vm.expectRevert();
        claimStatement(campaign, made, older);
        claimStatement(campaign, made, newer);
        assertEq(cash.balanceOf(customer), PRICE);
    }

    /// @dev Statements of one set, one account and one campaign serve no other campaign of the same signer.
    function test_a_batch_of_another_campaign_is_not_signed() public {
        bytes32 first = open(atOnce(termsInCash()), 20);
        bytes32 second = open(atOnce(termsFresh()), 20);
        IAttentionRewards.Statement[] memory batch = new IAttentionRewards.Statement[](2);
        batch[0] = statement(first, customer, 1);
        batch[1] = statement(second, customer, 1);
        assertEq(claimStatements(second, batch), 1);
        assertEq(claimStatements(first, batch), 1);
        assertEq(points.balanceOf(customer), PRICE);
        assertEq(cash.balanceOf(customer), PRICE);
    }

    /// @dev Points issued by one batch before a border of epochs and one after it lie in two lots, and add up.
    function test_batches_at_the_border_of_epochs() public {
        IAttentionRewards.Terms memory terms = atOnce(termsFresh());
        terms.claimUntil = START + 3 * EPOCH;
        bytes32 campaign = open(terms, 40);
        enrol(campaign, customer);
        IAttentionRewards.Statement[] memory batch = new IAttentionRewards.Statement[](2);
        batch[0] = statement(campaign, customer, 7);
        batch[1] = statement(campaign, other, 1);
        vm.warp(START + EPOCH - 1);
        claimStatements(campaign, batch);
        vm.warp(START + EPOCH);
        batch[0] = statement(campaign, customer, 31);
        batch[1] = statement(campaign, other, 1);
        assertEq(claimStatements(campaign, batch), 1);
        (uint256[4] memory amounts,) = points.lotsOf(customer);
        assertEq(amounts[2], 3 * PRICE);
        assertEq(amounts[3], 2 * PRICE);
        assertStanding(campaign, 34, 15, 0);
    }

    /// @dev A root that was withdrawn waits anew, and a second campaign's roots are not the first one's.
    function test_a_root_appended_again_waits_again() public {
        bytes32 campaign = open(atOnce(termsInCash()), 20);
        Leaf memory made = leaf(campaign, id(customer), 0, 1);
        vm.startPrank(brand);
        rewards.appendRoot(campaign, made.root);
        vm.warp(START + 1 days - 1);
        rewards.withdrawRoot(campaign, made.root);
        rewards.appendRoot(campaign, made.root);
        vm.stopPrank();
        vm.warp(START + 1 days);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootNotInEffect.selector, made.root, START + 2 days - 1)
        );
        claimRoot(campaign, made);
        vm.warp(START + 2 days - 1);
        claimRoot(campaign, made);
        vm.prank(brand);
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionRewards.RootInEffect.selector, made.root, START + 2 days - 1)
        );
        rewards.withdrawRoot(campaign, made.root);
    }

    /// @dev The code of a key that is delegated (EIP-7702) is never asked.
    function test_code_at_the_signer_does_not_sign() public {
        bytes32 campaign = open(atOnce(termsInCash()), 20);
        vm.etch(signer, address(new YesToAll()).code);
        IAttentionRewards.Statement memory made = statement(campaign, customer, 1);
        claimStatement(campaign, made);
        made = statement(campaign, customer, 2);
        made.signature = IAttentionRewards.Signature(0, 0);
        vm.expectRevert();
        claimStatement(campaign, made);
    }
}

contract YesToAll {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}
