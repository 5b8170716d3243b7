// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "solady/utils/EIP712.sol";
import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";
import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IInbox} from "../../interfaces/IInbox.sol";
import {Escrow} from "../libraries/Escrow.sol";
import {Nonces} from "../libraries/Nonces.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title A paid inbox
/// @dev A recipient is one word: `number:40 | on:1 | week:15 | count:8 | perWeek:8 | topics:64 | channels:16 | answerDays:8 |
/// floor:96`. `count` messages arrived in `week`; `number` tells equal messages apart.
/// @dev A message that waits is one word too, its id, in a place of its sender's: all else is in the id, and none comes
/// twice. It becomes `_ENDED` before money moves, not 0: the next message there costs its sender 17,100 gas less.
/// @dev Only what comes in is measured, so only that is guarded: what a hook lets out meanwhile makes the arrival differ.
contract Inbox is EIP712, ReentrancyGuard, IInbox {
    using Nonces for Nonces.Whole;

    struct Place {
        uint256 messageId;
    }

    uint256 private constant _ANSWER_DAYS_SHIFT = 96;
    uint256 private constant _CHANNELS_SHIFT = 104;
    uint256 private constant _TOPICS_SHIFT = 120;
    uint256 private constant _PER_WEEK_SHIFT = 184;
    uint256 private constant _COUNT_SHIFT = 192;
    uint256 private constant _WEEK_SHIFT = 200;
    uint256 private constant _ON_SHIFT = 215;
    uint256 private constant _NUMBER_SHIFT = 216;

    uint256 private constant _TOPICS = 64;
    uint256 private constant _CHANNELS = 16;
    /// @dev Number, week and count: what a new policy leaves as it is.
    uint256 private constant _KEPT = ~((1 << _COUNT_SHIFT) - 1) ^ (1 << _ON_SHIFT);
    /// @dev One more message: number and count.
    uint256 private constant _ONE_MORE = (1 << _NUMBER_SHIFT) | (1 << _COUNT_SHIFT);
    uint256 private constant _WEEK_AND_COUNT = ((1 << 23) - 1) << _COUNT_SHIFT;
    // Where the parts of a message's terms begin.
    uint256 private constant _TOPIC = 96;
    uint256 private constant _CHANNEL = 104;
    uint256 private constant _ANSWER_BY = 112;
    uint256 private constant _PLACE = 152;

    /// @dev Of a place: a message was there, and none waits.
    uint256 private constant _ENDED = 1;

    bytes32 private constant _POLICY_TYPE = keccak256(
        "SetPolicy(address recipient,bool on,uint256 floor,uint256 perWeek,uint256 topics,uint256 channels,uint256 answerDays,uint256 deadline,uint256 nonce)"
    );
    bytes32 private constant _WELCOME_TYPE = keccak256(
        "SetWelcome(address recipient,address sender,uint8 welcome,uint256 deadline,uint256 nonce)"
    );
    bytes32 private constant _CANCEL_TYPE =
        keccak256("CancelInboxNonces(address recipient,uint256[] nonces)");
    bytes32 private constant _ANSWER_TYPE =
        keccak256("AnswerMessage(address recipient,bytes32 messageId,bytes32 answer)");

    /// @inheritdoc IInbox
    address public immutable token;

    mapping(address recipient => uint256 word) private _recipients;
    mapping(address recipient => mapping(address sender => Welcome)) private _welcomes;
    mapping(address sender => mapping(uint256 number => Place)) private _places;
    Nonces.Whole private _nonces;

    /// @param token_ What deposits are paid in.
    constructor(address token_) {
        if (token_.code.length == 0) revert NoPaymentToken(token_);
        if (Escrow.expires(token_)) revert PaymentTokenExpires(token_);
        token = token_;
    }

    // -------------------------------------------------------------------------------------------- the policy

    /// @inheritdoc IInbox
    function setPolicy(Policy calldata policy) external {
        _setPolicy(msg.sender, policy);
    }

    /// @inheritdoc IInbox
    function setPolicyFor(
        address recipient,
        Policy calldata policy,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) external {
        bytes32 hash = keccak256(abi.encode(_POLICY_TYPE, recipient, policy, deadline, nonce));
        _useSigned(recipient, hash, deadline, nonce, signature);
        _setPolicy(recipient, policy);
    }

    /// @inheritdoc IInbox
    function setWelcome(address sender, Welcome welcome) external {
        _setWelcome(msg.sender, sender, welcome);
    }

    /// @inheritdoc IInbox
    function setWelcomeFor(
        address recipient,
        address sender,
        Welcome welcome,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) external {
        bytes32 hash = keccak256(abi.encode(_WELCOME_TYPE, recipient, sender, welcome, deadline, nonce));
        _useSigned(recipient, hash, deadline, nonce, signature);
        _setWelcome(recipient, sender, welcome);
    }

    /// @inheritdoc IInbox
    function cancelNonces(uint256[] calldata nonces) external {
        _cancel(msg.sender, nonces);
    }

    /// @inheritdoc IInbox
    function cancelNoncesFor(address recipient, uint256[] calldata nonces, bytes calldata signature)
        external
    {
        bytes32 hash = keccak256(abi.encode(_CANCEL_TYPE, recipient, keccak256(abi.encodePacked(nonces))));
        _checkSigned(recipient, hash, signature);
        _cancel(recipient, nonces);
    }

    // ---------------------------------------------------------------------------------------------- messages

    /// @inheritdoc IInbox
    function send(
        address recipient,
        uint256 deposit,
        uint256 topic,
        uint256 channel,
        uint256 mostDays,
        uint256 place,
        bytes32 content
    ) external nonReentrant returns (bytes32 messageId) {
        uint256 word = _recipients[recipient];
        _checkAdmitted(recipient, word, deposit, topic, channel);
        uint256 answerDays = uint8(word >> _ANSWER_DAYS_SHIFT);
        if (answerDays > mostDays) revert AnswerTakesLonger(answerDays, mostDays);
        _recipients[recipient] = _counted(recipient, word);
        // Each part is in its range, and no chain's clock will reach 2^40 seconds.
        uint256 terms = deposit | topic << _TOPIC | channel << _CHANNEL
            | (block.timestamp + answerDays * 1 days) << _ANSWER_BY | place << _PLACE | word >> _NUMBER_SHIFT
            << _NUMBER_SHIFT;
        messageId = _idOf(recipient, msg.sender, terms, content);
        Place storage kept = _places[msg.sender][place];
        if (place > type(uint64).max || kept.messageId > _ENDED) revert PlaceNotFree(msg.sender, place);
        kept.messageId = uint256(messageId);
        emit MessageSent(messageId, recipient, msg.sender, terms, content);
        if (deposit == 0) return messageId;
        _collect(deposit);
        SafeTransferLib.safeTransfer(token, recipient, _tenthOf(deposit));
    }

    /// @inheritdoc IInbox
    function answer(Message calldata message, bytes32 answer_) external {
        if (msg.sender != message.recipient) revert NotTheRecipient(message.recipient, msg.sender);
        _answer(msg.sender, message, messageIdOf(message), answer_);
    }

    /// @inheritdoc IInbox
    function answerFor(Message calldata message, bytes32 answer_, bytes calldata signature) external {
        address recipient = message.recipient;
        bytes32 messageId = _idOf(recipient, message.sender, message.terms, message.content);
        bytes32 hash =
            EfficientHashLib.hash(_ANSWER_TYPE, bytes32(uint256(uint160(recipient))), messageId, answer_);
        _checkSigned(recipient, hash, signature);
        _answer(recipient, message, messageId, answer_);
    }

    /// @inheritdoc IInbox
    function reclaim(Message calldata message) external {
        bytes32 messageId = messageIdOf(message);
        (Place storage place, uint256 answerBy, uint256 amount) = _opened(message, messageId);
        if (block.timestamp <= answerBy) revert ReclaimTooEarly(messageId, answerBy);
        place.messageId = _ENDED;
        address sender = message.sender;
        emit MessageReclaimed(messageId, sender, amount);
        _pay(sender, amount);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IInbox
    function policyOf(address recipient)
        external
        view
        returns (Policy memory policy, uint256 arrived, uint256 number)
    {
        uint256 word = _recipients[recipient];
        policy = Policy({
            on: uint8(word >> _ON_SHIFT) & 1 == 1,
            floor: uint96(word),
            perWeek: uint8(word >> _PER_WEEK_SHIFT),
            topics: uint64(word >> _TOPICS_SHIFT),
            channels: uint16(word >> _CHANNELS_SHIFT),
            answerDays: uint8(word >> _ANSWER_DAYS_SHIFT)
        });
        arrived = _arrived(word);
        number = word >> _NUMBER_SHIFT;
    }

    /// @inheritdoc IInbox
    function welcomeOf(address recipient, address sender) external view returns (Welcome) {
        return _welcomes[recipient][sender];
    }

    /// @inheritdoc IInbox
    function termsOf(uint256 terms) external pure returns (Terms memory) {
        return Terms({
            deposit: uint96(terms),
            topic: uint8(terms >> _TOPIC),
            channel: uint8(terms >> _CHANNEL),
            answerBy: uint40(terms >> _ANSWER_BY),
            place: uint64(terms >> _PLACE),
            number: terms >> _NUMBER_SHIFT
        });
    }

    /// @inheritdoc IInbox
    function waitingAt(address sender, uint256 place) external view returns (bytes32 messageId) {
        uint256 word = _places[sender][place].messageId;
        return word > _ENDED ? bytes32(word) : bytes32(0);
    }

    /// @inheritdoc IInbox
    function isOpen(Message calldata message) external view returns (bool) {
        return _placeOf(message).messageId == uint256(messageIdOf(message));
    }

    /// @inheritdoc IInbox
    function nonceOpen(address recipient, uint256 nonce) external view returns (bool) {
        return _nonces.isOpen(recipient, nonce);
    }

    /// @inheritdoc IInbox
    function messageIdOf(Message calldata message) public pure returns (bytes32) {
        return _idOf(message.recipient, message.sender, message.terms, message.content);
    }

    // ----------------------------------------------------------------------------------------------- internal

    function _setPolicy(address recipient, Policy calldata policy) private {
        if (
            policy.floor > type(uint96).max || policy.perWeek > type(uint8).max
                || policy.topics > type(uint64).max || policy.channels > type(uint16).max
                || policy.answerDays == 0 || policy.answerDays > type(uint8).max
        ) {
            revert PolicyOutOfRange(
                policy.floor, policy.perWeek, policy.topics, policy.channels, policy.answerDays
            );
        }
        _recipients[recipient] = (_recipients[recipient] & _KEPT) | policy.floor
            | (policy.answerDays << _ANSWER_DAYS_SHIFT) | (policy.channels << _CHANNELS_SHIFT)
            | (policy.topics << _TOPICS_SHIFT) | (policy.perWeek << _PER_WEEK_SHIFT)
            | (policy.on ? 1 << _ON_SHIFT : 0);
        emit PolicySet(
            recipient,
            policy.on,
            policy.floor,
            policy.perWeek,
            policy.topics,
            policy.channels,
            policy.answerDays
        );
    }

    function _setWelcome(address recipient, address sender, Welcome welcome) private {
        _welcomes[recipient][sender] = welcome;
        emit WelcomeSet(recipient, sender, welcome);
    }

    function _cancel(address recipient, uint256[] calldata nonces) private {
        _nonces.cancel(recipient, nonces);
        emit InboxNoncesCancelled(recipient, nonces);
    }

    function _checkAdmitted(address recipient, uint256 word, uint256 deposit, uint256 topic, uint256 channel)
        private
        view
    {
        if (word & (1 << _ON_SHIFT) == 0) revert InboxOff(recipient);
        if (deposit > type(uint96).max) revert DepositOutOfRange(deposit);
        if (topic >= _TOPICS || word & (1 << (_TOPICS_SHIFT + topic)) == 0) {
            revert TopicNotAdmitted(recipient, topic);
        }
        if (channel >= _CHANNELS || word & (1 << (_CHANNELS_SHIFT + channel)) == 0) {
            revert ChannelNotAdmitted(recipient, channel);
        }
        Welcome welcome = _welcomes[recipient][msg.sender];
        if (welcome == Welcome.Blocked) revert SenderBlocked(recipient, msg.sender);
        if (welcome == Welcome.Paid && deposit < uint96(word)) revert BelowFloor(deposit, uint96(word));
    }

    /// @dev The recipient's word with one message more.
    function _counted(address recipient, uint256 word) private view returns (uint256) {
        uint256 perWeek = uint8(word >> _PER_WEEK_SHIFT);
        uint256 arrived = _arrived(word);
        if (arrived >= perWeek) revert WeekFull(recipient, perWeek);
        // count < perWeek < 2^8, and nobody sends 2^40 messages: no field runs into the next.
        unchecked {
            return (word & ~_WEEK_AND_COUNT | _week() << _WEEK_SHIFT | arrived << _COUNT_SHIFT) + _ONE_MORE;
        }
    }

    function _arrived(uint256 word) private view returns (uint256) {
        return uint256(uint16(word >> _WEEK_SHIFT) & 0x7fff) == _week() ? uint8(word >> _COUNT_SHIFT) : 0;
    }

    function _week() private view returns (uint256) {
        return (block.timestamp / 7 days) & 0x7fff;
    }

    function _answer(address recipient, Message calldata message, bytes32 messageId, bytes32 answer_)
        private
    {
        (Place storage place, uint256 answerBy, uint256 amount) = _opened(message, messageId);
        if (block.timestamp > answerBy) revert AnswerTooLate(messageId, answerBy);
        place.messageId = _ENDED;
        emit MessageAnswered(messageId, recipient, answer_, amount);
        _pay(recipient, amount);
    }

    /// @return place Where the message waits.
    /// @return answerBy The last second at which it can be answered.
    /// @return amount What is left of its deposit.
    function _opened(Message calldata message, bytes32 messageId)
        private
        view
        returns (Place storage place, uint256 answerBy, uint256 amount)
    {
        place = _placeOf(message);
        if (place.messageId != uint256(messageId)) revert MessageNotOpen(messageId);
        uint256 terms = message.terms;
        answerBy = uint40(terms >> _ANSWER_BY);
        // A tenth, rounded up, of a whole deposit.
        unchecked {
            amount = uint96(terms) - _tenthOf(uint96(terms));
        }
    }

    function _placeOf(Message calldata message) private view returns (Place storage) {
        return _places[message.sender][uint64(message.terms >> _PLACE)];
    }

    function _idOf(address recipient, address sender, uint256 terms, bytes32 content)
        private
        pure
        returns (bytes32)
    {
        return EfficientHashLib.hash(
            uint256(uint160(recipient)), uint256(uint160(sender)), terms, uint256(content)
        );
    }

    /// @dev Rounded up: the sender chose the deposit.
    function _tenthOf(uint256 deposit) private pure returns (uint256) {
        // A deposit is below 2^96.
        unchecked {
            return (deposit + 9) / 10;
        }
    }

    function _collect(uint256 amount) private {
        uint256 arrived = Escrow.collect(token, msg.sender, amount);
        if (arrived != amount) revert DepositDiffers(arrived, amount);
    }

    function _pay(address to, uint256 amount) private {
        if (amount != 0) SafeTransferLib.safeTransfer(token, to, amount);
    }

    function _useSigned(
        address recipient,
        bytes32 hash,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) private {
        if (block.timestamp > deadline) revert InboxDeadlinePassed(deadline);
        _checkSigned(recipient, hash, signature);
        _nonces.use(recipient, nonce);
    }

    /// @param hash The EIP-712 struct hash of the message.
    function _checkSigned(address recipient, bytes32 hash, bytes calldata signature) private view {
        bytes32 digest = _hashTypedData(hash);
        if (!Signatures.isValid(recipient, digest, signature)) {
            revert NotSignedByRecipient(recipient, digest);
        }
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Troc Inbox", "1");
    }
}
