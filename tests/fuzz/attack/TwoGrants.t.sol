// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {AttentionTest} from "../AttentionRewards/AttentionTest.sol";

/// @notice Fresh points of a campaign come out of two grants, one for contacts and one for codes: neither pays for the other, and
/// neither is freed too early or kept for ever.
contract TwoGrantsAttack is AttentionTest {
    uint256 private constant _MOST = 20;

    IAttentionRewards.Terms private _terms;
    address private _heir = makeAddr("who buys the brand");

    function _grantOf(bytes32 grant_) private view returns (ILoyaltyToken.Grant memory) {
        return points.grantOf(address(rewards), uint256(grant_));
    }

    function _giveUp(bytes32 grant_) private {
        vm.prank(stranger);
        points.releaseGrant(address(rewards), uint256(grant_));
    }

    function _promised() private view returns (uint256 promised) {
        (,,, promised) = points.liability();
    }

    /// @dev Anyone may give up one of the two in the token: the other still goes with the campaign.
    function test_one_that_was_given_up_does_not_keep_the_other() public {
        for (uint256 which = 0; which < 2; ++which) {
            IAttentionRewards.Terms memory terms = withCodes(termsFresh(), 2);
            (terms.end, terms.claimUntil) = (block.timestamp + 1 days, block.timestamp + 31 days);
            bytes32 campaign = open(terms, 30);
            vm.warp(terms.claimUntil + 1);
            bytes32 before = which == 0 ? campaign : codesGrant(campaign);
            _giveUp(before);
            rewards.release(campaign);
            assertEq(_grantOf(~before).amount, 0);
            assertEq(_grantOf(~before).lockedUntil, 0);
            assertEq(_promised(), 0);
            vm.expectRevert(
                abi.encodeWithSelector(
                    ILoyaltyToken.GrantNotLocked.selector, address(rewards), uint256(campaign)
                )
            );
            rewards.release(campaign);
        }
    }

    /// @dev The brand locked one for longer: it goes when its own date has come.
    function test_one_that_is_locked_for_longer_goes_later() public {
        for (uint256 which = 0; which < 2; ++which) {
            IAttentionRewards.Terms memory terms = withCodes(termsFresh(), 2);
            (terms.end, terms.claimUntil) = (block.timestamp + 1 days, block.timestamp + 31 days);
            bytes32 campaign = open(terms, 30);
            bytes32 longer = which == 0 ? campaign : codesGrant(campaign);
            uint256 amount = _grantOf(longer).amount;
            grant(longer, amount, terms.claimUntil + 10 days);
            vm.warp(terms.claimUntil + 1);
            rewards.release(campaign);
            assertEq(_promised(), amount, "freed too early");
            assertEq(_grantOf(~longer).lockedUntil, 0);
            vm.warp(terms.claimUntil + 10 days + 1);
            rewards.release(campaign);
            assertEq(_promised(), 0, "never freed");
        }
    }

    /// @dev The contract that holds the grants signs no voucher, whatever stands where its signature would.
    function testFuzz_no_voucher_draws_on_them(bool forCodes, bytes memory signature, bytes32 r, bytes32 s)
        public
    {
        bytes32 campaign = open(withCodes(termsFresh(), 2), 30);
        ILoyaltyToken.SignedVoucher memory signed;
        signed.voucher = ILoyaltyToken.Voucher({
            issuer: address(rewards),
            grantId: uint256(forCodes ? codesGrant(campaign) : campaign),
            recipient: stranger,
            isKey: false,
            amount: 1,
            receiptId: 0,
            deadline: block.timestamp,
            nonce: 0
        });
        bytes[4] memory signatures =
            [bytes(""), signature, abi.encodePacked(r, s), abi.encodePacked(r, s, uint8(27))];
        for (uint256 i = 0; i < signatures.length; ++i) {
            signed.signature = signatures[i];
            vm.expectRevert(
                abi.encodeWithSelector(ILoyaltyToken.NotSignedByIssuer.selector, address(rewards))
            );
            points.claim(signed);
        }
    }

    /// @dev Budgets that are exactly spent, in any order of claims, while whoever owns token and campaign tries what he can.
    /// forge-config: default.fuzz.runs = 100
    function testFuzz_neither_pays_for_the_other(uint256 seed) public {
        IAttentionRewards.Terms memory terms = withCodes(atOnce(termsFresh()), seed % 4);
        terms.maxContacts = terms.codes != 0 && (seed >> 8) % 4 == 0 ? 0 : _MOST;
        uint256 contacts = terms.maxContacts == 0 ? 0 : (seed >> 16) % (2 * _MOST);
        bytes32 campaign = open(terms, contacts + terms.codes);
        if (terms.codes != 0) activate(campaign, 0);
        // Nothing is set aside for who can have nothing.
        if (contacts >= terms.maxContacts) enrol(campaign, customer);
        uint256 kept = contacts >= terms.maxContacts ? terms.maxContacts : 0;
        if (seed >> 255 == 1) _handOver(campaign);
        _terms = terms;
        uint256 hers = _claimAll(campaign, seed, kept, contacts);
        assertEq(points.balanceOf(customer), hers * PRICE, "hers");
        assertEq(points.balanceOf(other), (contacts - hers) * PRICE, "the other's");
        assertEq(points.balanceOf(stranger), terms.codes * PRICE, "the codes'");
        assertStanding(campaign, 0, 0, 0);
        assertEq(_grantOf(campaign).amount + _grantOf(codesGrant(campaign)).amount, 0);
        vm.warp(terms.claimUntil + 1);
        rewards.release(campaign);
        assertEq(_promised(), 0);
    }

    /// @dev All there is to claim, a contact or a code at a time.
    /// @param kept What is set aside for the customer, who is enrolled if it is not 0.
    /// @param left What there is in all, for contacts.
    /// @return hers What she was paid, in contacts.
    function _claimAll(bytes32 campaign, uint256 seed, uint256 kept, uint256 left)
        private
        returns (uint256 hers)
    {
        uint256[3] memory next;
        uint256 free = left - kept;
        while (left != 0 || next[2] < _terms.codes) {
            seed = uint256(keccak256(abi.encode(seed)));
            _try(campaign, seed >> 8, left);
            uint256 which = seed % 3;
            if (which == 2) {
                if (next[2] < _terms.codes) claimCode(campaign, next[2]++, stranger);
                continue;
            }
            address who = which == 0 ? customer : other;
            uint256 contact = 1 << next[which];
            if (next[which] == _terms.maxContacts) continue;
            bool reserved = which == 0 && kept != 0;
            if (!reserved && free == 0) {
                IAttentionRewards.Statement memory made = statement(campaign, who, contact);
                vm.expectRevert(abi.encodeWithSelector(IAttentionRewards.NotFree.selector, 0, 1));
                claimStatement(campaign, made);
                continue;
            }
            claim(campaign, who, contact);
            ++next[which];
            if (which == 0) ++hers;
            if (reserved) --kept;
            else --free;
            --left;
        }
    }

    function _handOver(bytes32 campaign) private {
        vm.prank(_heir);
        points.requestOwnershipHandover();
        vm.startPrank(brand);
        points.completeOwnershipHandover(_heir);
        rewards.offerAdmin(campaign, _heir);
        vm.stopPrank();
        vm.prank(_heir);
        rewards.acceptAdmin(campaign);
    }

    /// @dev Lowers, caps, shortens, unlocks, releases, empties: none of it must do anything.
    function _try(bytes32 campaign, uint256 chance, uint256 left) private {
        bytes32 grant_ = chance % 2 == 0 ? campaign : codesGrant(campaign);
        (address issuer, uint256 number, uint256 amount) =
            (address(rewards), uint256(grant_), _grantOf(grant_).amount);
        uint256 lock = _grantOf(grant_).lockedUntil;
        uint256 which = (chance >> 8) % 6;
        bool done = false;
        vm.startPrank(points.owner());
        if (which == 0 && amount != 0) {
            try points.setGrant(issuer, number, amount - 1, 0, lock) {
                done = true;
            } catch {}
        } else if (which == 1 && lock != 0) {
            try points.setGrant(issuer, number, amount, 1, lock) {
                done = true;
            } catch {}
        } else if (which == 2 && lock != 0) {
            try points.setGrant(issuer, number, amount, 0, lock - 1) {
                done = true;
            } catch {}
        } else if (which == 3 && lock != 0) {
            try points.setGrant(issuer, number, amount, 0, 0) {
                done = true;
            } catch {}
        } else if (which == 4 && lock != 0) {
            points.releaseGrant(issuer, number);
        } else {
            try rewards.release(campaign) {
                done = true;
            } catch {}
        }
        vm.stopPrank();
        assertFalse(done);
        assertEq(_grantOf(grant_).amount, amount);
        assertEq(_grantOf(campaign).amount, left * PRICE, "one paid for the other");
    }
}
