// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test, Vm} from "forge-std/Test.sol";

import {Inbox} from "../../../contracts/attention/Inbox.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {IInbox} from "../../../interfaces/IInbox.sol";

/// @notice An inbox, a customer who lets three messages in a week, and brands that write to her.
/// @dev Terms, ids and digests are made from docs/messages.md here, never by asking the inbox.
abstract contract InboxTest is Test {
    enum Act {
        Policy,
        Welcome,
        Cancel,
        Answer
    }

    /// @dev The first second of a week.
    uint256 internal constant START = 3_000 * 7 days;
    uint256 internal constant FLOOR = 105;
    uint256 internal constant PER_WEEK = 3;
    uint256 internal constant TOPIC = 5;
    uint256 internal constant CHANNEL = 1;
    uint256 internal constant DAYS = 7;
    uint256 internal constant FUNDS = 1 << 100;
    bytes32 internal constant LETTER = keccak256("letter");
    bytes32 internal constant REPLY = keccak256("reply");
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    CashMock internal cash;
    Inbox internal inbox;
    Vm.Wallet internal customer;
    address internal her;
    address internal brand = makeAddr("brand");
    address internal rival = makeAddr("rival");
    address internal relay = makeAddr("relay");

    function setUp() public virtual {
        vm.warp(START);
        cash = new CashMock("Cash", "CASH");
        inbox = new Inbox(address(cash));
        customer = vm.createWallet("customer");
        her = customer.addr;
        fund(address(inbox), brand);
        fund(address(inbox), rival);
        vm.prank(her);
        inbox.setPolicy(usual());
    }

    function fund(address spender, address who) internal {
        cash.mint(who, FUNDS);
        vm.prank(who);
        cash.approve(spender, type(uint256).max);
    }

    function usual() internal pure returns (IInbox.Policy memory) {
        return IInbox.Policy({
            on: true,
            floor: FLOOR,
            perWeek: PER_WEEK,
            topics: 1 << TOPIC,
            channels: 1 << CHANNEL,
            answerDays: DAYS
        });
    }

    function tenth(uint256 deposit) internal pure returns (uint256) {
        return deposit / 10 + (deposit % 10 == 0 ? 0 : 1);
    }

    // ---------------------------------------------------------------------------------------------- messages

    function termsAt(uint256 deposit, uint256 answerBy, uint256 place, uint256 number)
        internal
        pure
        returns (uint256)
    {
        return uint256(
            bytes32(
                abi.encodePacked(
                    uint40(number),
                    uint64(place),
                    uint40(answerBy),
                    uint8(CHANNEL),
                    uint8(TOPIC),
                    uint96(deposit)
                )
            )
        );
    }

    function idOf(IInbox.Message memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(message.recipient, message.sender, message.terms, message.content));
    }

    /// @dev A message with the usual topic, channel and letter; it gets the id that it should.
    function send(address sender, uint256 deposit, uint256 place)
        internal
        returns (IInbox.Message memory message)
    {
        (IInbox.Policy memory policy,, uint256 number) = inbox.policyOf(her);
        uint256 answerBy = block.timestamp + policy.answerDays * 1 days;
        message = IInbox.Message(her, sender, termsAt(deposit, answerBy, place, number), LETTER);
        vm.prank(sender);
        bytes32 messageId = inbox.send(her, deposit, TOPIC, CHANNEL, policy.answerDays, place, LETTER);
        assertEq(messageId, idOf(message));
    }

    function sendRaw(address sender, uint256 deposit, uint256 topic, uint256 channel, uint256 place)
        internal
    {
        vm.prank(sender);
        inbox.send(her, deposit, topic, channel, DAYS, place, LETTER);
    }

    // ---------------------------------------------------------------------------------------------- signing

    function digestFor(address verifier, bytes32 hash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Troc Inbox"),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, hash));
    }

    function sign(Vm.Wallet memory signer, bytes32 digest) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signer, digest);
        return abi.encodePacked(r, s, v);
    }

    function policyHash(address recipient, IInbox.Policy memory policy, uint256 deadline, uint256 nonce)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256(
                    "SetPolicy(address recipient,bool on,uint256 floor,uint256 perWeek,uint256 topics,"
                    "uint256 channels,uint256 answerDays,uint256 deadline,uint256 nonce)"
                ),
                recipient,
                policy.on,
                policy.floor,
                policy.perWeek,
                policy.topics,
                policy.channels,
                policy.answerDays,
                deadline,
                nonce
            )
        );
    }

    function welcomeHash(
        address recipient,
        address sender,
        IInbox.Welcome welcome,
        uint256 deadline,
        uint256 nonce
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "SetWelcome(address recipient,address sender,uint8 welcome,uint256 deadline,uint256 nonce)"
                ),
                recipient,
                sender,
                uint256(welcome),
                deadline,
                nonce
            )
        );
    }

    function cancelHash(address recipient, uint256[] memory nonces) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("CancelInboxNonces(address recipient,uint256[] nonces)"),
                recipient,
                keccak256(abi.encodePacked(nonces))
            )
        );
    }

    function answerHash(address recipient, bytes32 messageId, bytes32 reply) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("AnswerMessage(address recipient,bytes32 messageId,bytes32 answer)"),
                recipient,
                messageId,
                reply
            )
        );
    }

    function one(uint256 value) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = value;
    }
}
