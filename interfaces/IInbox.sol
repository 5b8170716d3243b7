// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title A paid inbox
/// @notice Whoever wants to write to somebody deposits at least what she asks for. A tenth is hers at once; the rest is hers
/// when she answers in time, and returns to the sender otherwise. She says what may reach her, how often, and at what price.
/// @dev Messages are not stored: each call brings the message, of which the chain keeps the hash alone, in a place that its
/// sender chose and that serves again when the message has ended. The text never goes on the chain: a message carries the
/// hash of its letter. docs/messages.md fixes digests and packing, docs/Inbox.md tells the rest.
/// @dev Time: act while now <= deadline; expire when now > deadline. A week is floor(now / 7 days), so around its border
/// twice the number of a week can arrive within days.
/// @dev Assumptions about the token, one for each deployment: a plain ERC-20 that neither rebases nor takes a fee; a deposit
/// that arrives short is refused. Points are refused at birth: what waits in one balance would pay old points out for fresh.
/// @dev Warning: a token that can refuse an account (a list of blocked accounts) can keep a sender from writing to her, or
/// her from being paid. Each message stands alone: nobody else's is touched.
interface IInbox {
    // ---------------------------------------------------------------------------------------------- types

    /// @notice What may reach somebody.
    /// @param on Whether anything may. Off until she says so.
    /// @param floor The least deposit, in smallest units of the token, below 2^96.
    /// @param perWeek How many messages may reach her in a week, at most 255; 0: none.
    /// @param topics Bit i: topic i is admitted, 0 to 63.
    /// @param channels Bit i: channel i is admitted, 0 to 15.
    /// @param answerDays How many days she has to answer, 1 to 255.
    struct Policy {
        bool on;
        uint256 floor;
        uint256 perWeek;
        uint256 topics;
        uint256 channels;
        uint256 answerDays;
    }

    /// @notice A message as `MessageSent` tells it. The hash of its four words is its id.
    /// @param recipient Whom it is for.
    /// @param sender Who pays, and gets the rest back if she does not answer in time.
    /// @param terms `number:40 | place:64 | answerBy:40 | channel:8 | topic:8 | deposit:96`, see `Terms`.
    /// @param content keccak256 of the letter.
    struct Message {
        address recipient;
        address sender;
        uint256 terms;
        bytes32 content;
    }

    /// @notice The word `terms` of a message, unpacked.
    /// @param deposit What was paid in, in smallest units.
    /// @param topic What it is about, 0 to 63.
    /// @param channel The way by which its letter reaches her, 0 to 15.
    /// @param answerBy The last second at which she can answer.
    /// @param place Where the chain keeps it, by its sender's own numbering.
    /// @param number Her messages are numbered from 0 on.
    struct Terms {
        uint256 deposit;
        uint256 topic;
        uint256 channel;
        uint256 answerBy;
        uint256 place;
        uint256 number;
    }

    /// @notice How somebody takes a sender: like anybody; without asking for money; not at all.
    enum Welcome {
        Paid,
        Free,
        Blocked
    }

    // --------------------------------------------------------------------------------------------- events

    /// @notice Somebody said what may reach her.
    event PolicySet(
        address indexed recipient,
        bool on,
        uint256 floor,
        uint256 perWeek,
        uint256 topics,
        uint256 channels,
        uint256 answerDays
    );

    /// @notice Somebody said how she takes a sender.
    event WelcomeSet(address indexed recipient, address indexed sender, Welcome welcome);

    /// @notice A message was sent: a tenth of the deposit, rounded up, is hers; the rest waits.
    event MessageSent(
        bytes32 indexed messageId,
        address indexed recipient,
        address indexed sender,
        uint256 terms,
        bytes32 content
    );

    /// @notice She answered in time, and was paid the rest.
    /// @param answer keccak256 of the answer, which is not judged; 0: none.
    event MessageAnswered(
        bytes32 indexed messageId, address indexed recipient, bytes32 answer, uint256 amount
    );

    /// @notice Nobody answered in time, and the rest went back.
    event MessageReclaimed(bytes32 indexed messageId, address indexed sender, uint256 amount);

    /// @notice Messages that the account signed with these nonces count no longer.
    event InboxNoncesCancelled(address indexed recipient, uint256[] nonces);

    // --------------------------------------------------------------------------------------------- errors

    /// @notice Thrown at birth when there is no contract where the token should be.
    error NoPaymentToken(address token);

    /// @notice Thrown at birth when the token's units expire.
    error PaymentTokenExpires(address token);

    /// @notice Thrown when a field of a policy is out of its range.
    error PolicyOutOfRange(
        uint256 floor, uint256 perWeek, uint256 topics, uint256 channels, uint256 answerDays
    );

    /// @notice Thrown when the recipient's inbox is off.
    error InboxOff(address recipient);

    /// @notice Thrown when the recipient has blocked the sender.
    error SenderBlocked(address recipient, address sender);

    /// @notice Thrown when a deposit does not fit into 96 bits.
    error DepositOutOfRange(uint256 deposit);

    /// @notice Thrown when another message of the sender's waits in this place, or there is none of this number.
    error PlaceNotFree(address sender, uint256 place);

    /// @notice Thrown when a deposit is less than the recipient asks for.
    error BelowFloor(uint256 deposit, uint256 floor);

    /// @notice Thrown when the recipient does not admit the topic, or there is none of this number.
    error TopicNotAdmitted(address recipient, uint256 topic);

    /// @notice Thrown when the recipient does not admit the channel, or there is none of this number.
    error ChannelNotAdmitted(address recipient, uint256 channel);

    /// @notice Thrown when as many messages as the recipient wants have reached her this week.
    error WeekFull(address recipient, uint256 perWeek);

    /// @notice Thrown when the recipient takes longer to answer than the sender would wait.
    error AnswerTakesLonger(uint256 answerDays, uint256 mostDays);

    /// @notice Thrown when the token delivered more or less than the deposit.
    error DepositDiffers(uint256 arrived, uint256 deposit);

    /// @notice Thrown when no such message waits: it never was, or was answered or reclaimed before.
    error MessageNotOpen(bytes32 messageId);

    /// @notice Thrown when a message is answered too late.
    error AnswerTooLate(bytes32 messageId, uint256 answerBy);

    /// @notice Thrown when a message is reclaimed that can still be answered.
    error ReclaimTooEarly(bytes32 messageId, uint256 answerBy);

    /// @notice Thrown when somebody answers a message that is not for her.
    error NotTheRecipient(address recipient, address caller);

    /// @notice Thrown when something was not signed by the recipient.
    error NotSignedByRecipient(address recipient, bytes32 digest);

    /// @notice Thrown when a signed message of the inbox is too late.
    error InboxDeadlinePassed(uint256 deadline);

    // -------------------------------------------------------------------------------------------- the policy

    /// @notice Says what may reach the caller. What arrived this week stays counted; messages that wait keep their terms.
    /// Emits `PolicySet`.
    function setPolicy(Policy calldata policy) external;

    /// @notice `setPolicy` by signature (`SetPolicy`), submitted by anyone.
    function setPolicyFor(
        address recipient,
        Policy calldata policy,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) external;

    /// @notice Says how the caller takes a sender. One that is let in free still counts against the week, and needs an
    /// admitted topic and channel. Messages that wait keep their terms. Emits `WelcomeSet`.
    function setWelcome(address sender, Welcome welcome) external;

    /// @notice `setWelcome` by signature (`SetWelcome`), submitted by anyone.
    function setWelcomeFor(
        address recipient,
        address sender,
        Welcome welcome,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) external;

    /// @notice Ends what the caller signed with these nonces. Emits `InboxNoncesCancelled`.
    function cancelNonces(uint256[] calldata nonces) external;

    /// @notice `cancelNonces` by signature (`CancelInboxNonces`), submitted by anyone.
    function cancelNoncesFor(address recipient, uint256[] calldata nonces, bytes calldata signature) external;

    // ---------------------------------------------------------------------------------------------- messages

    /// @notice Sends a message, paid by the caller, who has let the inbox move the deposit. Emits `MessageSent`.
    /// @param recipient Whom it is for.
    /// @param deposit At least her floor, unless she lets the caller in free.
    /// @param topic One that she admits.
    /// @param channel One that she admits.
    /// @param mostDays The longest that the caller would wait for an answer: she may have changed her policy since.
    /// @param place A number of the caller's own choice below 2^64, where none of his messages waits. One that was used
    /// before saves him 17,100 gas.
    /// @param content keccak256 of the letter.
    /// @return messageId The hash of the message.
    function send(
        address recipient,
        uint256 deposit,
        uint256 topic,
        uint256 channel,
        uint256 mostDays,
        uint256 place,
        bytes32 content
    ) external returns (bytes32 messageId);

    /// @notice Answers a message in time; the rest of the deposit is the recipient's, who calls. Emits `MessageAnswered`.
    /// @param answer keccak256 of the answer, which is not judged; 0: none.
    function answer(Message calldata message, bytes32 answer) external;

    /// @notice `answer` by the recipient's signature (`AnswerMessage`), submitted by anyone: she is paid.
    function answerFor(Message calldata message, bytes32 answer, bytes calldata signature) external;

    /// @notice Returns the rest of a deposit to the sender once the time to answer is over. Anyone may call.
    /// Emits `MessageReclaimed`.
    function reclaim(Message calldata message) external;

    // ------------------------------------------------------------------------------------------------- views

    /// @notice What deposits are paid in.
    function token() external view returns (address);

    /// @notice What may reach an account.
    /// @return policy Its policy.
    /// @return arrived How many messages have reached it this week.
    /// @return number How many have ever.
    function policyOf(address recipient)
        external
        view
        returns (Policy memory policy, uint256 arrived, uint256 number);

    /// @notice How an account takes a sender.
    function welcomeOf(address recipient, address sender) external view returns (Welcome);

    /// @notice The id of a message.
    function messageIdOf(Message calldata message) external pure returns (bytes32);

    /// @notice What the word `terms` of a message says.
    function termsOf(uint256 terms) external pure returns (Terms memory);

    /// @notice The message that waits in a place of a sender's: its id, 0 where none does.
    function waitingAt(address sender, uint256 place) external view returns (bytes32 messageId);

    /// @notice Whether a message waits: it was sent, and neither answered nor reclaimed.
    function isOpen(Message calldata message) external view returns (bool);

    /// @notice Whether a nonce can still be used.
    function nonceOpen(address recipient, uint256 nonce) external view returns (bool);
}
