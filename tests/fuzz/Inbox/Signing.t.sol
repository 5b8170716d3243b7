// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Vm} from "forge-std/Test.sol";

import {Inbox} from "../../../contracts/attention/Inbox.sol";
import {WalletMock} from "../../../contracts/mocks/WalletMock.sol";
import {IInbox} from "../../../interfaces/IInbox.sol";
import {InboxTest} from "./InboxTest.sol";

/// @notice What is done by signature, each act in the same ways: whose it must be, and where it counts.
contract SigningTest is InboxTest {
    uint256 internal constant ACTS = 4;
    IInbox.Message internal message;

    function setUp() public override {
        super.setUp();
        message = send(brand, FLOOR, 0);
    }

    function hashOf(Act act, address recipient) internal view returns (bytes32) {
        if (act == Act.Policy) return policyHash(recipient, usual(), START, 6);
        if (act == Act.Welcome) return welcomeHash(recipient, rival, IInbox.Welcome.Free, START, 7);
        if (act == Act.Cancel) return cancelHash(recipient, one(7));
        return answerHash(recipient, idOf(message), REPLY);
    }

    function callOf(Act act, address recipient, bytes memory signature) internal view returns (bytes memory) {
        if (act == Act.Policy) {
            return abi.encodeCall(IInbox.setPolicyFor, (recipient, usual(), START, 6, signature));
        }
        if (act == Act.Welcome) {
            return abi.encodeCall(
                IInbox.setWelcomeFor, (recipient, rival, IInbox.Welcome.Free, START, 7, signature)
            );
        }
        if (act == Act.Cancel) return abi.encodeCall(IInbox.cancelNoncesFor, (recipient, one(7), signature));
        return abi.encodeCall(IInbox.answerFor, (message, REPLY, signature));
    }

    function assertRefused(Inbox target, bytes memory data) internal {
        vm.prank(relay);
        (bool done, bytes memory why) = address(target).call(data);
        assertFalse(done);
        assertEq(bytes4(why), IInbox.NotSignedByRecipient.selector);
    }

    function assertAccepted(bytes memory data) internal {
        vm.prank(relay);
        (bool done, bytes memory why) = address(inbox).call(data);
        assertTrue(done, vm.toString(why));
    }

    function test_her_signature_counts() public {
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            assertAccepted(callOf(act, her, sign(customer, digestFor(address(inbox), hashOf(act, her)))));
        }
    }

    function test_her_signature_in_64_bytes_counts() public {
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(customer, digestFor(address(inbox), hashOf(act, her)));
            bytes32 vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
            assertAccepted(callOf(act, her, abi.encodePacked(r, vs)));
        }
    }

    /// @dev She is a contract: a wallet for which the customer's key signs.
    function test_a_wallet_signs_by_its_contract() public {
        address[] memory owners = new address[](1);
        owners[0] = customer.addr;
        WalletMock wallet = new WalletMock(owners, 1);
        her = address(wallet);
        vm.prank(her);
        inbox.setPolicy(usual());
        message = send(brand, FLOOR, 1);
        Vm.Wallet memory thief = vm.createWallet("thief");
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            bytes32 digest = wallet.signedHashOf(digestFor(address(inbox), hashOf(act, her)));
            assertRefused(inbox, callOf(act, her, sign(thief, digest)));
            assertAccepted(callOf(act, her, sign(customer, digest)));
        }
    }

    function test_nobody_else_s_signature_counts() public {
        Vm.Wallet memory thief = vm.createWallet("thief");
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            bytes32 digest = digestFor(address(inbox), hashOf(act, her));
            bytes[4] memory signatures = [sign(thief, digest), bytes(""), new bytes(65), new bytes(64)];
            for (uint256 form = 0; form < 4; ++form) {
                vm.expectRevert(abi.encodeWithSelector(IInbox.NotSignedByRecipient.selector, her, digest));
                this.submit(callOf(act, her, signatures[form]));
            }
        }
    }

    function submit(bytes calldata data) external {
        (bool done, bytes memory why) = address(inbox).call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(why, 0x20), mload(why))
            }
        }
    }

    function test_the_other_signature_of_the_curve_is_refused() public {
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(customer, digestFor(address(inbox), hashOf(act, her)));
            bytes32 high = bytes32(ORDER - uint256(s));
            assertRefused(inbox, callOf(act, her, abi.encodePacked(r, high, uint8(55 - v))));
        }
    }

    function test_another_deployment_takes_nothing() public {
        Inbox other = new Inbox(address(cash));
        vm.prank(brand);
        cash.approve(address(other), type(uint256).max);
        vm.prank(her);
        other.setPolicy(usual());
        vm.prank(brand);
        // The message itself is the same there.
        assertEq(other.send(her, FLOOR, TOPIC, CHANNEL, DAYS, 0, LETTER), idOf(message));
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            bytes memory data = callOf(act, her, sign(customer, digestFor(address(inbox), hashOf(act, her))));
            assertRefused(other, data);
            assertAccepted(data);
        }
    }

    function testFuzz_another_chain_takes_nothing(uint256 chain) public {
        uint256 here = block.chainid;
        chain = bound(chain, 1, type(uint64).max - 1);
        vm.assume(chain != here);
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            bytes memory data = callOf(act, her, sign(customer, digestFor(address(inbox), hashOf(act, her))));
            vm.chainId(chain);
            assertRefused(inbox, data);
            vm.chainId(here);
            assertAccepted(data);
        }
    }

    /// @dev The lowest bit of each word is turned: another account, nonce, deadline, field.
    function test_each_word_is_signed() public {
        uint8[4] memory count = [9, 5, 1, 5];
        for (uint256 i = 0; i < ACTS; ++i) {
            Act act = Act(i);
            bytes memory signature = sign(customer, digestFor(address(inbox), hashOf(act, her)));
            for (uint256 word = 0; word < count[i]; ++word) {
                bytes memory data = callOf(act, her, signature);
                data[4 + 32 * word + 31] ^= 0x01;
                assertRefused(inbox, data);
            }
        }
        bytes memory cancel = sign(customer, digestFor(address(inbox), hashOf(Act.Cancel, her)));
        assertRefused(inbox, abi.encodeCall(IInbox.cancelNoncesFor, (her, one(8), cancel)));
        assertRefused(inbox, abi.encodeCall(IInbox.cancelNoncesFor, (her, new uint256[](0), cancel)));
        uint256[] memory more = new uint256[](2);
        (more[0], more[1]) = (7, 8);
        assertRefused(inbox, abi.encodeCall(IInbox.cancelNoncesFor, (her, more, cancel)));
    }
}
