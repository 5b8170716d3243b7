// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title A market for one's own data
/// @notice A seller signs a deal about sealed chunks that a manifest commits to; a buyer pays into escrow and posts a
/// one-time point; the seller delivers the key, sealed to that point; a wrong key or a wrong chunk is judged here, by
/// arithmetic alone. No owner, no fee, no broker: money goes to the seller or back to the buyer, whoever calls.
/// @dev Deals and requests are not stored: each call brings what it needs. A sale is found by its id, a request by its digest.
/// docs/messages.md fixes every digest, hash and packing; docs/DataMarket.md tells the protocol step by step.
/// @dev Time: act while now <= deadline; expire when now > deadline.
/// @dev Assumptions about tokens. Kind 0 is a `LoyaltyToken`: its points wait in a pocket, the sale's or the request's. Kind 1 is a
/// plain ERC-20: exactly the price must arrive. Rebasing tokens are not supported, and points are refused as kind 1; whoever
/// signs a deal in a token trusts that token for that sale.
/// @dev Warning: a dispute publishes the key, so the whole sold file, to whoever kept the sealed copy. Ask for `concede` first.
/// @dev Warning: a scalar serves one sale. Two sales with one point would be opened by one dispute.
interface IDataMarket {
    // ---------------------------------------------------------------------------------------------- types

    /// @notice Offer, bid and answer to a request: what seller and buyer agree on.
    /// @param seller Who sells and is paid.
    /// @param buyer The only account that may buy; 0: any, each once.
    /// @param token What the price is paid in.
    /// @param tokenKind 0 points, 1 ERC-20.
    /// @param price Smallest units, below 2^128; 0: given for nothing.
    /// @param manifestRoot Root of the sealed chunks.
    /// @param count Number of chunks, 1 to 2^32 - 1.
    /// @param keyCommit keccak256(keccak256("troc.key.v1") ‖ key).
    /// @param termsHash Salted hash of the consent record.
    /// @param deliverSeconds From the purchase on, the seller has so long to deliver; a day to a year.
    /// @param disputeSeconds From the delivery on, the buyer has so long to object; two days to a year.
    /// @param liveUntil Points in escrow live beyond this time: at least a day after both times; in an answer
    /// what `liveUntilOf` its request says. 0 for an ERC-20.
    /// @param openUntil The last second at which it may be bought.
    /// @param requestId The request that this answers; 0: none.
    /// @param nonce A whole nonce (docs/messages.md): never used up, only cancelled.
    struct Deal {
        address seller;
        address buyer;
        address token;
        uint8 tokenKind;
        uint256 price;
        bytes32 manifestRoot;
        uint256 count;
        bytes32 keyCommit;
        bytes32 termsHash;
        uint256 deliverSeconds;
        uint256 disputeSeconds;
        uint256 liveUntil;
        uint256 openUntil;
        bytes32 requestId;
        uint256 nonce;
    }

    /// @notice What a buyer looks for, with the budget for it.
    /// @param buyer Who opens it, takes answers and gets the rest back.
    /// @param token What each answer is paid in.
    /// @param tokenKind 0 points, 1 ERC-20.
    /// @param price Of one answer, smallest units, below 2^128.
    /// @param number How many answers at most, 1 to 2^32 - 1. The budget is price times number.
    /// @param termsHash The consent record that every answer must carry.
    /// @param schema What an attestation must be about.
    /// @param attestor Who must have attested each answer; 0: nobody, and the buyer's own choice is the only filter.
    /// @param seller The one seller of a subscription; 0: any. Not yet supported: must be 0.
    /// @param periodSeconds Between two takes of a subscription; 0: none. Not yet supported: must be 0.
    /// @param maxDeliverSeconds The longest `deliverSeconds` of an answer.
    /// @param maxDisputeSeconds The longest `disputeSeconds` of an answer.
    /// @param openUntil The last second at which an answer may be taken.
    /// @param nonce A whole nonce of the buyer's: tells equal requests apart, and can be cancelled before it is opened.
    struct Request {
        address buyer;
        address token;
        uint8 tokenKind;
        uint256 price;
        uint256 number;
        bytes32 termsHash;
        bytes32 schema;
        address attestor;
        address seller;
        uint256 periodSeconds;
        uint256 maxDeliverSeconds;
        uint256 maxDisputeSeconds;
        uint256 openUntil;
        uint256 nonce;
    }

    /// @notice A sealed key, and the two points that it is sealed with.
    /// @param pointB The buyer's one-time point, x-only, even y.
    /// @param pointE The seller's one-time point, x-only, even y.
    /// @param wrapped The key xor keccak256(saleId ‖ address(b·E) as a word).
    struct Sealed {
        bytes32 pointB;
        bytes32 pointE;
        bytes32 wrapped;
    }

    /// @notice A chunk and its place under the manifest's root.
    /// @param index Below the count.
    /// @param plainLeaf keccak256(0x02 ‖ chunk), as the manifest commits to it.
    /// @param ciphertext The sealed chunk.
    /// @param proof Sister nodes from the leaf up, exactly ceil(log2 count).
    struct Chunk {
        uint256 index;
        bytes32 plainLeaf;
        bytes ciphertext;
        bytes32[] proof;
    }

    /// @notice An attestation as `take` needs it. Attestor and schema are the request's, the subject is the seller.
    /// @param contentHash The EIP-712 struct hash of its `Content`: the root of the plain leaves stays off the chain.
    /// @param issued When it was issued, not in the future.
    /// @param expires The last second at which it counts.
    /// @param index The attestor's number for it, by which it is revoked.
    /// @param signature The attestor's.
    struct Attestation {
        bytes32 contentHash;
        uint256 issued;
        uint256 expires;
        uint256 index;
        bytes signature;
    }

    /// @notice One answer of many.
    /// @param deal The seller's deal, bound to the request.
    /// @param signature Hers.
    /// @param pointB A fresh point for this sale.
    /// @param attestation Read only where the request names an attestor.
    struct Answer {
        Deal deal;
        bytes signature;
        bytes32 pointB;
        Attestation attestation;
    }

    /// @notice Where a sale stands. From `Paid` on it has ended.
    enum SaleState {
        None,
        Bought,
        Delivered,
        Paid,
        Refunded,
        Conceded,
        KeyWrong,
        ChunkWrong
    }

    /// @notice What the chain keeps of a sale.
    /// @param state Where it stands.
    /// @param deadline `deliverBy` while bought, `disputeUntil` while delivered, else 0.
    /// @param owed The buyer won a dispute and his payment failed: `refund` or `settleTo` pays it.
    /// @param revokedAt When the seller withdrew her consent; 0: not.
    /// @param acknowledgedAt When the buyer stated that it erased; 0: not.
    struct Sale {
        SaleState state;
        uint256 deadline;
        bool owed;
        uint256 revokedAt;
        uint256 acknowledgedAt;
    }

    // --------------------------------------------------------------------------------------------- events

    /// @notice A deal was bought, or an answer taken: the money is in escrow, and `deliverSeconds` begin.
    event Bought(bytes32 indexed saleId, address indexed seller, address indexed buyer, bytes32 pointB);

    /// @notice The sale that `Bought` tells of next is an answer to a request.
    event AnswerTaken(bytes32 indexed requestId, bytes32 indexed saleId);

    /// @notice The sealed key was delivered, and `disputeSeconds` begin.
    event Delivered(bytes32 indexed saleId, bytes32 pointE, bytes32 wrapped);

    /// @notice A sale ended.
    /// @param to Who is paid.
    /// @param amount What goes out: the price, but for points that expired because nobody called in time.
    event SaleEnded(
        bytes32 indexed saleId, SaleState outcome, address indexed to, address token, uint256 amount
    );

    /// @notice The buyer won a dispute, but his payment failed: it waits for `refund` or `settleTo`.
    event PaymentRefused(bytes32 indexed saleId, address indexed to);

    /// @notice A payment that was refused before was made.
    event PaymentMade(bytes32 indexed saleId, address indexed to, address token, uint256 amount);

    /// @notice The seller withdrew her consent.
    event ConsentRevoked(bytes32 indexed saleId, address indexed seller, address indexed buyer);

    /// @notice The buyer states that it erased.
    event ErasureAcknowledged(bytes32 indexed saleId, address indexed seller, address indexed buyer);

    /// @notice Deals and requests that the account signed with these nonces count no longer.
    event DealsCancelled(address indexed account, uint256[] nonces);

    /// @notice Deals and requests of these series, and of every earlier one in the same lanes, count no longer.
    event DealSeriesCancelled(address indexed account, uint256[] series);

    /// @notice A request was opened, its budget is in escrow.
    event RequestOpened(bytes32 indexed requestId, address indexed buyer, Request request);

    /// @notice A request was closed; what was left of the budget went to `to`.
    event RequestClosed(bytes32 indexed requestId, address indexed to, address token, uint256 amount);

    // --------------------------------------------------------------------------------------------- errors

    /// @notice Thrown at birth when there is no contract where the attestors should be.
    error NoAttestors(address attestors);

    /// @notice Thrown when a message of the market is not signed by whom it names.
    error NotSignedBy(address account, bytes32 digest);

    /// @notice Thrown when somebody acts who is not the party that may.
    error NotTheParty(address party, address sender);

    /// @notice Thrown when a deal is reserved for another buyer.
    error OnlyBuyer(address onlyBuyer, address buyer);

    /// @notice Thrown when a word of a deal is too large to be an address.
    error MalformedDeal();

    /// @notice Thrown when seller and buyer are one account.
    error SelfSale(address account);

    /// @notice Thrown when a kind is neither 0 (points) nor 1 (ERC-20).
    error TokenKindUnknown(uint256 kind);

    /// @notice Thrown when a price is not below 2^128.
    error PriceOutOfRange(uint256 price);

    /// @notice Thrown when a manifest has no chunk or more than 2^32 - 1.
    error CountOutOfRange(uint256 count);

    /// @notice Thrown when the times of a deal are too short or longer than a year.
    error TimesOutOfRange(uint256 deliverSeconds, uint256 disputeSeconds);

    /// @notice Thrown when `liveUntil` is less than points must live, or set for an ERC-20.
    error LiveUntilOutOfRange(uint256 liveUntil, uint256 atLeast, uint256 atMost);

    /// @notice Thrown when a deal or a request is too late.
    error DealExpired(uint256 openUntil);

    /// @notice Thrown when a signed purchase is too late.
    error PurchaseExpired(uint256 deadline);

    /// @notice Thrown when a signed deal, purchase or request was cancelled.
    error DealCancelled(address account, uint256 nonce);

    /// @notice Thrown when a request would be open beyond 40 bits of seconds.
    error OpenUntilTooFar(uint256 openUntil);

    /// @notice Thrown when this buyer has bought this deal before.
    error BoughtBefore(bytes32 saleId);

    /// @notice Thrown when a point is not the x of a point on the curve, below the order, or its y is wrong.
    error BadPoint(bytes32 point);

    /// @notice Thrown when an ERC-20 delivered more or less than the price.
    error ArrivalDiffers(address token, uint256 arrived, uint256 price);

    /// @notice Thrown when a payment out of escrow fails: `settleTo` or `closeRequestTo` names another address.
    error PaymentFailed(address token, address to);

    /// @notice Thrown when points are offered as a plain ERC-20, or a token of kind 0 does not answer as points do.
    error NotOfThisKind(address token, uint256 kind);

    /// @notice Thrown when a sale is not in the state that the call needs.
    error WrongState(bytes32 saleId, SaleState state);

    /// @notice Thrown when the seller or the buyer acts after the deadline.
    error TooLate(bytes32 saleId, uint256 deadline);

    /// @notice Thrown when something is asked for that waits until the deadline is over.
    error TooEarly(bytes32 saleId, uint256 deadline);

    /// @notice Thrown when seller, points, key or `disputeSeconds` are not those of the sale.
    error NotWhatWasPosted(bytes32 saleId);

    /// @notice Thrown when a scalar does not give the buyer's point.
    error WrongScalar(bytes32 pointB);

    /// @notice Thrown when the delivered key is the one that was committed to.
    error KeyIsRight(bytes32 saleId);

    /// @notice Thrown when a chunk is disputed with a wrong key: `disputeKey` is the way.
    error KeyIsWrong(bytes32 saleId);

    /// @notice Thrown when a chunk is not under the manifest's root at this index.
    error NotInManifest(uint256 index);

    /// @notice Thrown when a chunk decrypts to what was committed to.
    error ChunkIsRight(uint256 index);

    /// @notice Thrown when consent was withdrawn before.
    error AlreadyRevoked(bytes32 saleId, uint256 revokedAt);

    /// @notice Thrown when erasure was stated before.
    error AlreadyAcknowledged(bytes32 saleId, uint256 acknowledgedAt);

    /// @notice Thrown when two lists of one call differ in length.
    error CountsDiffer(uint256 first, uint256 second);

    /// @notice Thrown when a request names a seller or a period: subscriptions are not supported yet.
    error SubscriptionsNotSupported(address seller, uint256 periodSeconds);

    /// @notice Thrown when a request asks for no answer or more than 2^32 - 1.
    error NumberOutOfRange(uint256 number);

    /// @notice Thrown when a request was opened before.
    error OpenedBefore(bytes32 requestId);

    /// @notice Thrown when a request was never opened, is closed, or all its answers were taken.
    error RequestNotOpen(bytes32 requestId);

    /// @notice Thrown when a deal answers another request than the one given, or a request's deal is bought without it.
    error OtherRequest(bytes32 requestId, bytes32 dealsRequestId);

    /// @notice Thrown when a deal's token, price, terms or times are not what the request asks for.
    error NotAsRequested(bytes32 requestId);

    /// @notice Thrown when the request names an attestor and no attestation came, or the other way round.
    error AttestationExpected(address attestor);

    /// @notice Thrown when an attestation is not yet or no longer valid.
    error AttestationNotCurrent(uint256 issued, uint256 expires);

    /// @notice Thrown when the attestor has revoked an attestation.
    error AttestationRevoked(address attestor, uint256 index);

    /// @notice Thrown when an answer of this subject was taken before.
    error SubjectTaken(bytes32 requestId, address subject);

    // ------------------------------------------------------------------------------------------------ buying

    /// @notice Buys a deal for the sender: the price goes into escrow.
    /// @param dealSignature The seller's.
    /// @param pointB The buyer's one-time point, x-only, even y. Warning: never used for another sale.
    /// @dev Emits `Bought`. The deal answers no request, is open and not cancelled; its price arrives exactly.
    function buy(Deal calldata deal, bytes calldata dealSignature, bytes32 pointB) external;

    /// @notice Buys a deal for a buyer who signed `Buy`. Anyone; the seller needs no signature of her own, so this accepts a bid.
    /// @param dealSignature The seller's; not read when the seller sends.
    /// @param deadline The last second at which the purchase may be made, as signed.
    /// @param buySignature The buyer's.
    function buyFor(
        Deal calldata deal,
        bytes calldata dealSignature,
        address buyer,
        bytes32 pointB,
        uint256 deadline,
        bytes calldata buySignature
    ) external;

    // ----------------------------------------------------------------------------------------------- the sale

    /// @notice Delivers the sealed key. Seller only, until `deliverBy`, once.
    /// @param disputeSeconds The deal's.
    /// @param posted The buyer's point as it was posted, the seller's, and the wrapped key.
    /// @param evenY The y of the seller's point: it shows that there is one. Not signed, since the x says it.
    /// @dev Emits `Delivered`. A sender who is not the seller is refused as `NotWhatWasPosted`.
    /// @dev Warning: what is sent is public even if it comes too late. Never send late to try.
    function deliver(bytes32 saleId, uint256 disputeSeconds, Sealed calldata posted, uint256 evenY) external;

    /// @notice `deliver` by the seller's signature. Anyone.
    function deliverFor(
        bytes32 saleId,
        address seller,
        uint256 disputeSeconds,
        Sealed calldata posted,
        uint256 evenY,
        bytes calldata signature
    ) external;

    /// @notice Returns the price of a sale that was not delivered in time, or that is still owed to the buyer. Anyone.
    function refund(Deal calldata deal, address buyer) external;

    /// @notice Returns the price without revealing anything. Seller only, while delivered.
    function concede(Deal calldata deal, address buyer) external;

    /// @notice `concede` by the seller's signature. Anyone.
    function concedeFor(Deal calldata deal, address buyer, bytes calldata signature) external;

    /// @notice Returns the price because the delivered key is not the committed one. Anyone with the scalar, until
    /// `disputeUntil`.
    /// @param scalar b, with b·G the buyer's point of even y.
    /// @dev Warning: publishes what was delivered under this point.
    function disputeKey(Deal calldata deal, address buyer, Sealed calldata posted, uint256 scalar) external;

    /// @notice Returns the price because a chunk is not what the manifest commits to. Anyone with the scalar, until
    /// `disputeUntil`.
    /// @dev Warning: publishes the key of the whole sold file.
    function disputeChunk(
        Deal calldata deal,
        address buyer,
        Sealed calldata posted,
        uint256 scalar,
        Chunk calldata chunk
    ) external;

    /// @notice Pays the seller. The buyer at once, anyone after `disputeUntil`.
    function settle(Deal calldata deal, address buyer) external;

    /// @notice Pays the seller by the buyer's signature. Anyone.
    function settleFor(Deal calldata deal, address buyer, bytes calldata signature) external;

    /// @notice Pays what is due to an address that the payee names: the way out when a payment to itself fails. The seller after
    /// `disputeUntil`; the buyer when `refund` would pay him.
    function settleTo(Deal calldata deal, address buyer, address to) external;

    /// @notice `settleTo` by the payee's signature. Anyone.
    function settleToFor(Deal calldata deal, address buyer, address to, bytes calldata signature) external;

    // ------------------------------------------------------------------------------------------ after the sale

    /// @notice Withdraws the sender's consent, once, in any state.
    function revoke(bytes32 dealDigest, address buyer) external;

    /// @notice `revoke` by the seller's signature. Anyone.
    function revokeFor(bytes32 dealDigest, address seller, address buyer, bytes calldata signature) external;

    /// @notice States that the sender, the buyer, erased.
    function acknowledge(bytes32 dealDigest, address seller) external;

    /// @notice `acknowledge` by the buyer's signature. Anyone.
    function acknowledgeFor(bytes32 dealDigest, address seller, address buyer, bytes calldata signature)
        external;

    /// @notice States that the sender erased what it bought in many sales. Those acknowledged before are passed over.
    function acknowledgeMany(bytes32[] calldata dealDigests, address[] calldata sellers) external;

    /// @notice `acknowledgeMany` by the buyer's signature. Anyone.
    function acknowledgeManyFor(
        bytes32[] calldata dealDigests,
        address[] calldata sellers,
        address buyer,
        bytes calldata signature
    ) external;

    // ---------------------------------------------------------------------------------------- cancellation

    /// @notice Ends deals, purchases and requests that the sender signed, by their nonces. It never touches a sale.
    function cancel(uint256[] calldata nonces) external;

    /// @notice `cancel` by the account's signature. Anyone.
    function cancelFor(address account, uint256[] calldata nonces, bytes calldata signature) external;

    /// @notice Ends whole series of the sender's: in each lane the series named and every earlier one.
    /// @param series Nonces with index 0.
    function cancelAll(uint256[] calldata series) external;

    /// @notice `cancelAll` by the account's signature. Anyone.
    function cancelAllFor(address account, uint256[] calldata series, bytes calldata signature) external;

    // ---------------------------------------------------------------------------------------------- requests

    /// @notice Opens a request of the sender's: price times number goes into escrow.
    /// @return requestId The EIP-712 digest of the request.
    function openRequest(Request calldata request) external returns (bytes32 requestId);

    /// @notice Opens a request as the buyer signed it. Anyone.
    function openRequestFor(Request calldata request, bytes calldata signature)
        external
        returns (bytes32 requestId);

    /// @notice Takes an answer to the sender's request that names no attestor. Its price stays where the budget lies.
    /// @param deal The seller's deal, bound to the request.
    /// @param dealSignature Hers.
    /// @param pointB A fresh point, as in `buy`.
    function take(Request calldata request, Deal calldata deal, bytes calldata dealSignature, bytes32 pointB)
        external;

    /// @notice Takes an answer to the sender's request that names an attestor; each attested subject once.
    function takeAttested(
        Request calldata request,
        Deal calldata deal,
        bytes calldata dealSignature,
        bytes32 pointB,
        Attestation calldata attestation
    ) external;

    /// @notice Takes many answers to the sender's request. Passes over those that ended since the sender looked: sold, cancelled,
    /// expired, no longer signed or attested, or the subject taken.
    /// @return taken How many it took.
    function takeMany(Request calldata request, Answer[] calldata answers) external returns (uint256 taken);

    /// @notice `takeMany` by the buyer's signatures, a `Buy` for each answer. Anyone.
    /// @param deadline The one deadline of all of them.
    function takeManyFor(
        Request calldata request,
        Answer[] calldata answers,
        uint256 deadline,
        bytes[] calldata buySignatures
    ) external returns (uint256 taken);

    /// @notice Returns to the buyer what is left of a request. The buyer at any time, anyone after `openUntil`.
    function closeRequest(Request calldata request) external;

    /// @notice Closes a request, and returns what is left to an address that the buyer names. Buyer only, at any time.
    function closeRequestTo(Request calldata request, address to) external;

    /// @notice `closeRequestTo` by the buyer's signature. Anyone.
    function closeRequestToFor(Request calldata request, address to, bytes calldata signature) external;

    // -------------------------------------------------------------------------------------------------- views

    /// @notice Where attestors revoke.
    function attestors() external view returns (address);

    /// @notice The EIP-712 digest of a deal.
    function digestOf(Deal calldata deal) external view returns (bytes32);

    /// @notice The EIP-712 digest of a request: its id.
    function requestIdOf(Request calldata request) external view returns (bytes32);

    /// @notice keccak256 of dealDigest, seller and buyer, as words.
    function saleIdOf(bytes32 dealDigest, address seller, address buyer) external pure returns (bytes32);

    /// @notice What the chain keeps of a sale.
    function saleOf(bytes32 saleId) external view returns (Sale memory);

    /// @notice How many answers can still be taken: 0 if it was never opened, or no longer is open.
    function leftOf(bytes32 requestId) external view returns (uint256);

    /// @notice Beyond which time the points of a request's budget live, and so those of each answer to it; 0 for an ERC-20. What has
    /// expired after that is borne alike by all answers that are left or wait as sales.
    function liveUntilOf(Request calldata request) external pure returns (uint256);

    /// @notice Whether an answer of an attested subject was taken.
    function subjectTaken(bytes32 requestId, address subject) external view returns (bool);

    /// @notice Whether what an account signed with this nonce can still be accepted.
    function nonceOpen(address account, uint256 nonce) external view returns (bool);

    /// @notice The EIP-712 domain of the market on this chain.
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
