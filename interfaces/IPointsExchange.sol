// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Trades between wallets, by signed orders
/// @notice Anyone settles orders that fit together: two, a ring, a batch. What is traded goes straight from maker to maker.
/// The exchange has no owner and no fee, and never holds anything.
/// @dev Assumptions about tokens. Kind 0 is a `LoyaltyToken` and moves exactly or reverts; whoever signs an order for
/// something else as kind 0 trusts that token. Kinds 1 and 2 are measured at each transfer: a token that delivers less
/// than it was told to makes the settlement revert. Not supported: rebasing tokens; tokens that take more from the giver
/// than the amount (the maker who gives them bears it); tokens that deliver less than the amount and call the giver
/// while they move.
/// @dev Warning: a maker can make a settlement fail by moving her points first, and anyone by filling a part of a partial
/// order first. It concerns that settlement alone.
interface IPointsExchange {
    // ---------------------------------------------------------------------------------------------- types

    /// @notice What a maker signs. Amounts are below 2^128, in smallest units.
    /// @param maker Who signs.
    /// @param giveToken What she gives.
    /// @param giveKind 0 points, 1 ERC-20, 2 ERC-1155.
    /// @param giveId The id of an ERC-1155, else 0.
    /// @param giveAmount At most what she gives; all of it unless `allowPartial`.
    /// @param wantToken What she wants.
    /// @param wantKind As `giveKind`.
    /// @param wantId As `giveId`.
    /// @param wantAmount At least what she wants for `giveAmount`.
    /// @param givePointsExpiringBy She gives only points that expire at or before this time; 0: any. 0 for kinds 1, 2.
    /// @param wantPointsLivingUntil She takes only points that live beyond this time. 0 for kinds 1, 2.
    /// @param onlyTaker The only account that may give to her and receive from her, unless it sends the settlement itself;
    /// 0: anyone.
    /// @param openUntil The last second at which the order may be settled.
    /// @param nonce See docs/messages.md.
    /// @param allowPartial Whether parts of it may be settled.
    struct Order {
        address maker;
        address giveToken;
        uint8 giveKind;
        uint256 giveId;
        uint256 giveAmount;
        address wantToken;
        uint8 wantKind;
        uint256 wantId;
        uint256 wantAmount;
        uint256 givePointsExpiringBy;
        uint256 wantPointsLivingUntil;
        address onlyTaker;
        uint256 openUntil;
        uint256 nonce;
        bool allowPartial;
    }

    /// @notice One move of a settlement.
    /// @param from Index of the order whose maker gives; the number of orders stands for the sender.
    /// @param to Index of the order whose maker receives; the number of orders stands for the sender.
    /// @param amount Smallest units of what `from` gives and `to` wants.
    struct Transfer {
        uint256 from;
        uint256 to;
        uint256 amount;
    }

    /// @notice An EIP-2612 permit for the exchange, tried before a settlement and ignored when it fails.
    struct Permit {
        address token;
        address owner;
        uint256 value;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    // --------------------------------------------------------------------------------------------- events

    /// @notice An order took part in a settlement.
    /// @param digest The EIP-712 digest that the maker signed.
    /// @param given What she gave in this settlement.
    /// @param received What she received for it.
    event OrderFilled(bytes32 indexed digest, address indexed maker, uint256 given, uint256 received);

    /// @notice Orders with these nonces will never be settled (again).
    event OrdersCancelled(address indexed maker, uint256[] wholeNonces, uint256[] partialNonces);

    /// @notice Orders of these series, and of every earlier one in the same lanes, will never be settled (again).
    event SeriesCancelled(address indexed maker, uint256[] wholeSeries, uint256[] partialSeries);

    // --------------------------------------------------------------------------------------------- errors

    /// @notice Thrown when the lists of orders and signatures differ in length.
    error SignaturesMissing(uint256 orders, uint256 signatures);

    /// @notice Thrown when a transfer names an order that is not there.
    error NoSuchOrder(uint256 index);

    /// @notice Thrown when a word of an order is too large for its type.
    error MalformedOrder();

    /// @notice Thrown when an amount is zero or not below 2^128.
    error AmountOutOfRange(uint256 amount);

    /// @notice Thrown when what one side gives is not what the other wants.
    error AssetsDiffer(uint256 transferIndex);

    /// @notice Thrown when both ends of a transfer are one account.
    error SameParty(address account);

    /// @notice Thrown when an order gives and wants the same thing.
    error SameAsset(address token);

    /// @notice Thrown when a kind is not 0, 1 or 2.
    error UnknownKind(uint256 kind);

    /// @notice Thrown when points or an ERC-20 come with an id.
    error IdNotZero(uint256 id);

    /// @notice Thrown when an ERC-20 or ERC-1155 comes with a bound on expiry.
    error BoundNotZero(uint256 bound);

    /// @notice Thrown when an order is too late.
    error OrderExpired(uint256 openUntil);

    /// @notice Thrown when an order is reserved for somebody else.
    error OnlyTaker(address onlyTaker, address taker);

    /// @notice Thrown when a signature is not the maker's.
    error NotSignedByMaker(address maker, bytes32 digest);

    /// @notice Thrown when an all-or-nothing order would give more or less than all.
    error NotWhole(bytes32 digest, uint256 given, uint256 giveAmount);

    /// @notice Thrown when a maker would receive less than her price.
    error BelowPrice(bytes32 digest, uint256 given, uint256 received);

    /// @notice Thrown when a token delivered less than it was told to.
    error ShortDelivery(address token, address to, uint256 delivered, uint256 amount);

    /// @notice Thrown when a token that is given as points does not answer as points do, or has no code.
    error TransferRefused(address token);

    // ------------------------------------------------------------------------------------------ settlement

    /// @notice Settles orders by a list of direct transfers. Anyone.
    /// @param orders Orders; an order may stand there more than once if it allows parts.
    /// @param signatures The makers' signatures, in the same order.
    /// @param transfers Moves in the order in which they are made.
    /// @dev Everything is checked and written before the first token is called.
    /// @dev Warning: a sender who receives points here has no bound on their life. Whoever trades for herself uses `take`,
    /// or lists an order of her own.
    function settle(Order[] calldata orders, bytes[] calldata signatures, Transfer[] calldata transfers)
        external;

    /// @notice `settle` after trying permits.
    function settleWithPermits(
        Permit[] calldata permits,
        Order[] calldata orders,
        bytes[] calldata signatures,
        Transfer[] calldata transfers
    ) external;

    /// @notice Takes one order: the sender is the other side.
    /// @param amount What the maker gives.
    /// @param livingUntil The sender takes only points that live beyond this time; 0: any.
    /// @return paid What the sender pays: her price for `amount`, rounded up.
    function take(Order calldata order, bytes calldata signature, uint256 amount, uint256 livingUntil)
        external
        returns (uint256 paid);

    /// @notice `take` after trying permits.
    function takeWithPermits(
        Permit[] calldata permits,
        Order calldata order,
        bytes calldata signature,
        uint256 amount,
        uint256 livingUntil
    ) external returns (uint256 paid);

    // ---------------------------------------------------------------------------------------- cancellation

    /// @notice Ends orders of the sender's by their nonces. Nonces that ended before are passed over.
    function cancel(uint256[] calldata wholeNonces, uint256[] calldata partialNonces) external;

    /// @notice `cancel` by the maker's signature. Anyone.
    function cancelFor(
        address maker,
        uint256[] calldata wholeNonces,
        uint256[] calldata partialNonces,
        bytes calldata signature
    ) external;

    /// @notice Ends whole series of the sender's: in each lane the series named and every earlier one.
    /// @param wholeSeries Nonces with index 0.
    /// @param partialSeries Nonces with index 0.
    function cancelAll(uint256[] calldata wholeSeries, uint256[] calldata partialSeries) external;

    /// @notice `cancelAll` by the maker's signature. Anyone.
    function cancelAllFor(
        address maker,
        uint256[] calldata wholeSeries,
        uint256[] calldata partialSeries,
        bytes calldata signature
    ) external;

    // -------------------------------------------------------------------------------------------------- views

    /// @notice The EIP-712 digest of an order.
    function digestOf(Order calldata order) external view returns (bytes32);

    /// @notice What an order can still give as far as its nonce says; 0 once it is filled or cancelled.
    function remainingOf(Order calldata order) external view returns (uint256);

    /// @notice The stored word of a lane of whole orders: `series:32 | used bits:224`.
    function wholeWordOf(address maker, uint256 lane) external view returns (uint256);

    /// @notice The stored word of a lane of partial orders: `series:64 | filled:128`; filled is
    /// 2^128 - 1 once the order was cancelled.
    function partialWordOf(address maker, uint256 lane) external view returns (uint256);

    /// @notice The EIP-712 domain of the exchange on this chain.
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
