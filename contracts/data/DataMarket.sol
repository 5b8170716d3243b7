// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "solady/utils/EIP712.sol";
import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IAttestors} from "../../interfaces/IAttestors.sol";
import {IDataMarket} from "../../interfaces/IDataMarket.sol";
import {ILoyaltyToken} from "../../interfaces/ILoyaltyToken.sol";
import {ChunkProof} from "../libraries/ChunkProof.sol";
import {Escrow} from "../libraries/Escrow.sol";
import {Nonces} from "../libraries/Nonces.sol";
import {SealedKey} from "../libraries/SealedKey.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title A market for one's own data
/// @dev A sale is one word: `commitment:208 | deadline:40 | state:8`. The commitment is to the seller, `disputeSeconds` and
/// the buyer's point while bought; to that, the seller's point and the wrapped key while delivered; 0 once it ended. Terms,
/// parties and price are in the sale's id, which each call but a delivery computes from the deal that it brings.
/// @dev Each exit writes the sale's end before it moves money. Only what comes in is measured, so only that is guarded: what
/// a hook lets out meanwhile makes the arrival differ.
contract DataMarket is EIP712, ReentrancyGuard, IDataMarket {
    using Nonces for Nonces.Whole;

    uint256 private constant _POINTS = 0;
    uint256 private constant _ERC20 = 1;

    uint256 private constant _MIN_DELIVER = 1 days;
    uint256 private constant _MIN_DISPUTE = 2 days;
    uint256 private constant _MAX_SECONDS = 365 days;
    uint256 private constant _MARGIN = 1 days;
    /// @dev What a seller that is a contract may burn in a batch to say whether it signed.
    uint256 private constant _WALLET_GAS = 300_000;

    // The numbers of `SaleState`.
    uint256 private constant _BOUGHT = 1;
    uint256 private constant _DELIVERED = 2;
    uint256 private constant _PAID = 3;
    uint256 private constant _REFUNDED = 4;
    uint256 private constant _CONCEDED = 5;
    uint256 private constant _KEY_WRONG = 6;
    uint256 private constant _CHUNK_WRONG = 7;

    uint256 private constant _STATE = 0x7f;
    uint256 private constant _OWED = 0x80;
    uint256 private constant _DEADLINE_SHIFT = 8;
    uint256 private constant _COMMITMENT_SHIFT = 48;
    /// @dev Of a request's word: it was opened.
    uint256 private constant _OPENED = 1 << 255;
    uint256 private constant _SHARES_SHIFT = 32;
    uint256 private constant _ACKNOWLEDGED_SHIFT = 40;

    bytes32 private constant _DEAL_TYPE = keccak256(
        "Deal(address seller,address buyer,address token,uint8 tokenKind,uint256 price,bytes32 manifestRoot,uint256 count,bytes32 keyCommit,bytes32 termsHash,uint256 deliverSeconds,uint256 disputeSeconds,uint256 liveUntil,uint256 openUntil,bytes32 requestId,uint256 nonce)"
    );
    bytes32 private constant _BUY_TYPE =
        keccak256("Buy(address buyer,bytes32 dealDigest,bytes32 content,bytes32 pointB,uint256 deadline)");
    bytes32 private constant _DELIVER_TYPE =
        keccak256("Deliver(address seller,bytes32 saleId,bytes32 pointB,bytes32 pointE,bytes32 wrapped)");
    bytes32 private constant _CONCEDE_TYPE = keccak256("Concede(address seller,bytes32 saleId)");
    bytes32 private constant _SETTLE_TYPE = keccak256("Settle(address buyer,bytes32 saleId)");
    bytes32 private constant _SETTLE_TO_TYPE = keccak256("SettleTo(address payee,bytes32 saleId,address to)");
    bytes32 private constant _REVOKE_TYPE = keccak256("Revoke(address seller,bytes32 saleId)");
    bytes32 private constant _ACKNOWLEDGE_TYPE = keccak256("Acknowledge(address buyer,bytes32 saleId)");
    bytes32 private constant _ACKNOWLEDGE_MANY_TYPE =
        keccak256("AcknowledgeMany(address buyer,bytes32[] saleIds)");
    bytes32 private constant _CANCEL_TYPE = keccak256("CancelDeals(address account,uint256[] nonces)");
    bytes32 private constant _CANCEL_SERIES_TYPE =
        keccak256("CancelDealSeries(address account,uint256[] series)");
    bytes32 private constant _REQUEST_TYPE = keccak256(
        "Request(address buyer,address token,uint8 tokenKind,uint256 price,uint256 number,bytes32 termsHash,bytes32 schema,address attestor,address seller,uint256 periodSeconds,uint256 maxDeliverSeconds,uint256 maxDisputeSeconds,uint256 openUntil,uint256 nonce)"
    );
    bytes32 private constant _CLOSE_REQUEST_TYPE =
        keccak256("CloseRequest(address buyer,bytes32 requestId,address to)");
    bytes32 private constant _ATTESTATION_TYPE = keccak256(
        "Attestation(address attestor,address subject,bytes32 schema,uint256 issued,uint256 expires,uint256 index,Content content)Content(bytes32 plainRoot,uint256 count)"
    );

    /// @dev A deal's fifteen words as they stand in calldata: read without the compiler's check of each word, which `_start`
    /// makes once. A deal of other words has no sale.
    struct Terms {
        uint256 seller;
        uint256 buyer;
        uint256 token;
        uint256 tokenKind;
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

    /// @dev What keeps an answer from being taken although sender and seller made no mistake.
    enum Obstacle {
        None,
        Bought,
        Expired,
        Cancelled,
        Unsigned,
        SubjectTaken,
        NotCurrent,
        Revoked,
        NotAttested
    }

    /// @inheritdoc IDataMarket
    address public immutable attestors;

    mapping(bytes32 saleId => uint256 word) private _sales;
    /// @dev `acknowledgedAt:40 | revokedAt:40`.
    mapping(bytes32 saleId => uint256 word) private _statements;
    /// @dev `opened:1 | 0:191 | shares:32 | left:32`: `left` answers can still be taken. Where it pays in points, each that is left
    /// and each sale that waits has one of the `shares` of its pocket.
    mapping(bytes32 requestId => uint256 word) private _requests;
    mapping(bytes32 requestId => mapping(address subject => bool)) private _taken;
    Nonces.Whole private _nonces;

    /// @param attestors_ Where attestors revoke.
    constructor(address attestors_) {
        if (attestors_.code.length == 0) revert NoAttestors(attestors_);
        attestors = attestors_;
    }

    // ------------------------------------------------------------------------------------------------ buying

    /// @inheritdoc IDataMarket
    function buy(Deal calldata deal, bytes calldata dealSignature, bytes32 pointB) external {
        Terms calldata terms = _terms(deal);
        _buy(terms, _dealDigest(terms), dealSignature, msg.sender, pointB);
    }

    /// @inheritdoc IDataMarket
    function buyFor(
        Deal calldata deal,
        bytes calldata dealSignature,
        address buyer,
        bytes32 pointB,
        uint256 deadline,
        bytes calldata buySignature
    ) external {
        Terms calldata terms = _terms(deal);
        bytes32 dealDigest = _dealDigest(terms);
        _checkBuySignature(terms.nonce, dealDigest, 0, buyer, pointB, deadline, buySignature);
        _buy(terms, dealDigest, dealSignature, buyer, pointB);
    }

    // ----------------------------------------------------------------------------------------------- the sale

    /// @inheritdoc IDataMarket
    function deliver(bytes32 saleId, uint256 disputeSeconds, Sealed calldata posted, uint256 evenY) external {
        _deliver(saleId, msg.sender, disputeSeconds, posted, evenY);
    }

    /// @inheritdoc IDataMarket
    function deliverFor(
        bytes32 saleId,
        address seller,
        uint256 disputeSeconds,
        Sealed calldata posted,
        uint256 evenY,
        bytes calldata signature
    ) external {
        bytes32 hash = keccak256(
            abi.encode(_DELIVER_TYPE, seller, saleId, posted.pointB, posted.pointE, posted.wrapped)
        );
        _checkSigned(seller, hash, signature);
        _deliver(saleId, seller, disputeSeconds, posted, evenY);
    }

    /// @inheritdoc IDataMarket
    function refund(Deal calldata deal, address buyer) external {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        uint256 word = _sales[saleId];
        if (!_tryRefund(terms, saleId, word, buyer)) revert WrongState(saleId, _state(word));
    }

    /// @inheritdoc IDataMarket
    function concede(Deal calldata deal, address buyer) external {
        _checkParty(deal.seller);
        _concede(deal, buyer);
    }

    /// @inheritdoc IDataMarket
    function concedeFor(Deal calldata deal, address buyer, bytes calldata signature) external {
        (, bytes32 saleId) = _sale(deal, buyer);
        _checkSigned(deal.seller, keccak256(abi.encode(_CONCEDE_TYPE, deal.seller, saleId)), signature);
        _concede(deal, buyer);
    }

    /// @inheritdoc IDataMarket
    function disputeKey(Deal calldata deal, address buyer, Sealed calldata posted, uint256 scalar) external {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        if (_isRight(terms, _reveal(terms, saleId, posted, scalar))) revert KeyIsRight(saleId);
        _award(terms, saleId, buyer, _KEY_WRONG);
    }

    /// @inheritdoc IDataMarket
    function disputeChunk(
        Deal calldata deal,
        address buyer,
        Sealed calldata posted,
        uint256 scalar,
        Chunk calldata chunk
    ) external {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        bytes32 key = _reveal(terms, saleId, posted, scalar);
        if (!_isRight(terms, key)) revert KeyIsWrong(saleId);
        uint256 index = chunk.index;
        bytes32 leaf = ChunkProof.leafOf(index, chunk.plainLeaf, keccak256(chunk.ciphertext));
        if (!ChunkProof.holds(terms.manifestRoot, terms.count, index, leaf, chunk.proof)) {
            revert NotInManifest(index);
        }
        if (ChunkProof.plainLeafOf(key, index, chunk.ciphertext) == chunk.plainLeaf) {
            revert ChunkIsRight(index);
        }
        _award(terms, saleId, buyer, _CHUNK_WRONG);
    }

    /// @inheritdoc IDataMarket
    function settle(Deal calldata deal, address buyer) external {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        uint256 word = _inState(saleId, _DELIVERED);
        if (msg.sender != buyer) _checkOver(saleId, word);
        _end(terms, saleId, _PAID, _account(terms.seller));
    }

    /// @inheritdoc IDataMarket
    function settleFor(Deal calldata deal, address buyer, bytes calldata signature) external {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        _checkSigned(buyer, keccak256(abi.encode(_SETTLE_TYPE, buyer, saleId)), signature);
        _inState(saleId, _DELIVERED);
        _end(terms, saleId, _PAID, _account(terms.seller));
    }

    /// @inheritdoc IDataMarket
    function settleTo(Deal calldata deal, address buyer, address to) external {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        uint256 word = _sales[saleId];
        _checkParty(_payee(terms, word, buyer));
        _settleTo(terms, saleId, word, to);
    }

    /// @inheritdoc IDataMarket
    function settleToFor(Deal calldata deal, address buyer, address to, bytes calldata signature) external {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        uint256 word = _sales[saleId];
        address payee = _payee(terms, word, buyer);
        _checkSigned(payee, keccak256(abi.encode(_SETTLE_TO_TYPE, payee, saleId, to)), signature);
        _settleTo(terms, saleId, word, to);
    }

    // ------------------------------------------------------------------------------------------ after the sale

    /// @inheritdoc IDataMarket
    function revoke(bytes32 dealDigest, address buyer) external {
        _revoke(saleIdOf(dealDigest, msg.sender, buyer), msg.sender, buyer);
    }

    /// @inheritdoc IDataMarket
    function revokeFor(bytes32 dealDigest, address seller, address buyer, bytes calldata signature) external {
        bytes32 saleId = saleIdOf(dealDigest, seller, buyer);
        _checkSigned(seller, keccak256(abi.encode(_REVOKE_TYPE, seller, saleId)), signature);
        _revoke(saleId, seller, buyer);
    }

    /// @inheritdoc IDataMarket
    function acknowledge(bytes32 dealDigest, address seller) external {
        _acknowledge(saleIdOf(dealDigest, seller, msg.sender), seller, msg.sender);
    }

    /// @inheritdoc IDataMarket
    function acknowledgeFor(bytes32 dealDigest, address seller, address buyer, bytes calldata signature)
        external
    {
        bytes32 saleId = saleIdOf(dealDigest, seller, buyer);
        _checkSigned(buyer, keccak256(abi.encode(_ACKNOWLEDGE_TYPE, buyer, saleId)), signature);
        _acknowledge(saleId, seller, buyer);
    }

    /// @inheritdoc IDataMarket
    function acknowledgeMany(bytes32[] calldata dealDigests, address[] calldata sellers) external {
        _acknowledgeMany(_saleIds(dealDigests, sellers, msg.sender), sellers, msg.sender);
    }

    /// @inheritdoc IDataMarket
    function acknowledgeManyFor(
        bytes32[] calldata dealDigests,
        address[] calldata sellers,
        address buyer,
        bytes calldata signature
    ) external {
        bytes32[] memory saleIds = _saleIds(dealDigests, sellers, buyer);
        bytes32 hash =
            keccak256(abi.encode(_ACKNOWLEDGE_MANY_TYPE, buyer, keccak256(abi.encodePacked(saleIds))));
        _checkSigned(buyer, hash, signature);
        _acknowledgeMany(saleIds, sellers, buyer);
    }

    // ---------------------------------------------------------------------------------------- cancellation

    /// @inheritdoc IDataMarket
    function cancel(uint256[] calldata nonces) external {
        _cancel(msg.sender, nonces);
    }

    /// @inheritdoc IDataMarket
    function cancelFor(address account, uint256[] calldata nonces, bytes calldata signature) external {
        _checkCancellation(_CANCEL_TYPE, account, nonces, signature);
        _cancel(account, nonces);
    }

    /// @inheritdoc IDataMarket
    function cancelAll(uint256[] calldata series) external {
        _cancelAll(msg.sender, series);
    }

    /// @inheritdoc IDataMarket
    function cancelAllFor(address account, uint256[] calldata series, bytes calldata signature) external {
        _checkCancellation(_CANCEL_SERIES_TYPE, account, series, signature);
        _cancelAll(account, series);
    }

    // ---------------------------------------------------------------------------------------------- requests

    /// @inheritdoc IDataMarket
    function openRequest(Request calldata request) external returns (bytes32 requestId) {
        _checkParty(request.buyer);
        requestId = _requestDigest(request);
        _open(request, requestId);
    }

    /// @inheritdoc IDataMarket
    function openRequestFor(Request calldata request, bytes calldata signature)
        external
        returns (bytes32 requestId)
    {
        requestId = _requestDigest(request);
        address buyer = request.buyer;
        if (!Signatures.isValid(buyer, requestId, signature)) revert NotSignedBy(buyer, requestId);
        if (!_nonces.isOpen(buyer, request.nonce)) revert DealCancelled(buyer, request.nonce);
        _open(request, requestId);
    }

    /// @inheritdoc IDataMarket
    function take(Request calldata request, Deal calldata deal, bytes calldata dealSignature, bytes32 pointB)
        external
    {
        _checkParty(request.buyer);
        if (request.attestor != address(0)) revert AttestationExpected(request.attestor);
        bytes32 requestId = _openRequestId(request);
        Terms calldata terms = _terms(deal);
        bytes32 dealDigest = _dealDigest(terms);
        bytes32 saleId = _idOf(dealDigest, terms.seller, msg.sender);
        _refuse(
            _obstacle(terms, dealDigest, saleId, dealSignature, type(uint256).max), terms, dealDigest, saleId
        );
        _take(request, requestId, terms, saleId, pointB);
    }

    /// @inheritdoc IDataMarket
    function takeAttested(
        Request calldata request,
        Deal calldata deal,
        bytes calldata dealSignature,
        bytes32 pointB,
        Attestation calldata attestation
    ) external {
        _checkParty(request.buyer);
        if (request.attestor == address(0)) revert AttestationExpected(address(0));
        bytes32 requestId = _openRequestId(request);
        Terms calldata terms = _terms(deal);
        bytes32 dealDigest = _dealDigest(terms);
        bytes32 saleId = _idOf(dealDigest, terms.seller, msg.sender);
        _refuse(
            _obstacle(terms, dealDigest, saleId, dealSignature, type(uint256).max), terms, dealDigest, saleId
        );
        Obstacle obstacle = _attestationObstacle(request, requestId, deal.seller, attestation);
        _refuseAttestation(obstacle, request, requestId, deal.seller, attestation);
        _taken[requestId][deal.seller] = true;
        _take(request, requestId, terms, saleId, pointB);
    }

    /// @inheritdoc IDataMarket
    function takeMany(Request calldata request, Answer[] calldata answers) external returns (uint256 taken) {
        _checkParty(request.buyer);
        bytes32 requestId = _openRequestId(request);
        for (uint256 i = 0; i < answers.length; ++i) {
            Answer calldata answer = answers[i];
            if (_takeIfOpen(request, requestId, answer, _dealDigest(_terms(answer.deal)))) ++taken;
        }
    }

    /// @inheritdoc IDataMarket
    function takeManyFor(
        Request calldata request,
        Answer[] calldata answers,
        uint256 deadline,
        bytes[] calldata buySignatures
    ) external returns (uint256 taken) {
        if (answers.length != buySignatures.length) {
            revert CountsDiffer(answers.length, buySignatures.length);
        }
        bytes32 requestId = _openRequestId(request);
        for (uint256 i = 0; i < answers.length; ++i) {
            Answer calldata answer = answers[i];
            bytes32 dealDigest = _dealDigest(_terms(answer.deal));
            _checkBuySignature(
                answer.deal.nonce,
                dealDigest,
                request.attestor == address(0) ? bytes32(0) : answer.attestation.contentHash,
                request.buyer,
                answer.pointB,
                deadline,
                buySignatures[i]
            );
            if (_takeIfOpen(request, requestId, answer, dealDigest)) ++taken;
        }
    }

    /// @inheritdoc IDataMarket
    function closeRequest(Request calldata request) external {
        if (block.timestamp <= request.openUntil) _checkParty(request.buyer);
        _close(request, _requestDigest(request), request.buyer);
    }

    /// @inheritdoc IDataMarket
    function closeRequestTo(Request calldata request, address to) external {
        _checkParty(request.buyer);
        _close(request, _requestDigest(request), to);
    }

    /// @inheritdoc IDataMarket
    function closeRequestToFor(Request calldata request, address to, bytes calldata signature) external {
        bytes32 requestId = _requestDigest(request);
        bytes32 hash = keccak256(abi.encode(_CLOSE_REQUEST_TYPE, request.buyer, requestId, to));
        _checkSigned(request.buyer, hash, signature);
        _close(request, requestId, to);
    }

    // -------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IDataMarket
    function digestOf(Deal calldata deal) external view returns (bytes32) {
        return _dealDigest(_terms(deal));
    }

    /// @inheritdoc IDataMarket
    function requestIdOf(Request calldata request) external view returns (bytes32) {
        return _requestDigest(request);
    }

    /// @inheritdoc IDataMarket
    function saleIdOf(bytes32 dealDigest, address seller, address buyer) public pure returns (bytes32) {
        return _idOf(dealDigest, uint160(seller), buyer);
    }

    /// @inheritdoc IDataMarket
    function saleOf(bytes32 saleId) external view returns (Sale memory) {
        uint256 word = _sales[saleId];
        uint256 statements = _statements[saleId];
        return Sale({
            state: _state(word),
            deadline: _deadline(word),
            owed: word & _OWED != 0,
            revokedAt: uint40(statements),
            acknowledgedAt: statements >> _ACKNOWLEDGED_SHIFT
        });
    }

    /// @inheritdoc IDataMarket
    function leftOf(bytes32 requestId) external view returns (uint256) {
        return uint32(_requests[requestId]);
    }

    /// @inheritdoc IDataMarket
    function liveUntilOf(Request calldata request) public pure returns (uint256) {
        if (request.tokenKind == _ERC20) return 0;
        return request.openUntil + request.maxDeliverSeconds + request.maxDisputeSeconds + _MARGIN;
    }

    /// @inheritdoc IDataMarket
    function subjectTaken(bytes32 requestId, address subject) external view returns (bool) {
        return _taken[requestId][subject];
    }

    /// @inheritdoc IDataMarket
    function nonceOpen(address account, uint256 nonce) external view returns (bool) {
        return _nonces.isOpen(account, nonce);
    }

    /// @inheritdoc IDataMarket
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparator();
    }

    // -------------------------------------------------------------------------------------- internal: buying

    function _buy(
        Terms calldata terms,
        bytes32 dealDigest,
        bytes calldata dealSignature,
        address buyer,
        bytes32 pointB
    ) private {
        if (terms.requestId != 0) revert OtherRequest(0, terms.requestId);
        bytes32 saleId = _idOf(dealDigest, terms.seller, buyer);
        _refuse(
            _obstacle(terms, dealDigest, saleId, dealSignature, type(uint256).max), terms, dealDigest, saleId
        );
        _start(terms, saleId, buyer, pointB);
        _collect(_account(terms.token), terms.tokenKind, buyer, saleId, terms.price, terms.liveUntil);
    }

    /// @dev Checks all of a deal that an obstacle is not, writes the sale and emits.
    function _start(Terms calldata terms, bytes32 saleId, address buyer, bytes32 pointB) private {
        address seller = _account(terms.seller);
        {
            uint256 only = terms.buyer;
            if ((terms.seller | only | terms.token) >> 160 != 0) revert MalformedDeal();
            if (seller == buyer) revert SelfSale(buyer);
            if (only != 0 && _account(only) != buyer) revert OnlyBuyer(_account(only), buyer);
        }
        _checkToken(terms.tokenKind, terms.price);
        // 0 is the largest there.
        unchecked {
            if (terms.count - 1 >= type(uint32).max) revert CountOutOfRange(terms.count);
        }
        uint256 disputeSeconds = terms.disputeSeconds;
        uint256 deliverBy = _checkTimes(terms, disputeSeconds);
        if (!SealedKey.isPoint(pointB)) revert BadPoint(pointB);
        _sales[saleId] = _word(_BOUGHT, deliverBy, _commitToBuyer(seller, disputeSeconds, pointB));
        emit Bought(saleId, seller, buyer, pointB);
    }

    function _checkTimes(Terms calldata terms, uint256 disputeSeconds)
        private
        view
        returns (uint256 deliverBy)
    {
        uint256 deliverSeconds = terms.deliverSeconds;
        _checkSeconds(deliverSeconds, disputeSeconds);
        uint256 liveUntil = terms.liveUntil;
        // A block's time and two years and a day.
        unchecked {
            deliverBy = block.timestamp + deliverSeconds;
            if (terms.tokenKind == _ERC20) {
                if (liveUntil != 0) revert LiveUntilOutOfRange(liveUntil, 0, 0);
            } else {
                uint256 atLeast = deliverBy + disputeSeconds + _MARGIN;
                if (liveUntil < atLeast) {
                    revert LiveUntilOutOfRange(liveUntil, atLeast, type(uint256).max);
                }
            }
        }
    }

    function _checkSeconds(uint256 deliverSeconds, uint256 disputeSeconds) private pure {
        // What is below the least becomes very large.
        unchecked {
            if (
                deliverSeconds - _MIN_DELIVER > _MAX_SECONDS - _MIN_DELIVER
                    || disputeSeconds - _MIN_DISPUTE > _MAX_SECONDS - _MIN_DISPUTE
            ) revert TimesOutOfRange(deliverSeconds, disputeSeconds);
        }
    }

    function _checkToken(uint256 kind, uint256 price) private pure {
        if (kind > _ERC20) revert TokenKindUnknown(kind);
        if (price >> 128 != 0) revert PriceOutOfRange(price);
    }

    function _checkBuySignature(
        uint256 nonce,
        bytes32 dealDigest,
        bytes32 content,
        address buyer,
        bytes32 pointB,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        if (block.timestamp > deadline) revert PurchaseExpired(deadline);
        if (!_nonces.isOpen(buyer, nonce)) revert DealCancelled(buyer, nonce);
        bytes32 hash = keccak256(abi.encode(_BUY_TYPE, buyer, dealDigest, content, pointB, deadline));
        _checkSigned(buyer, hash, signature);
    }

    /// @dev What stands against a deal that may not have stood against it a moment ago. A seller who sends agrees by that.
    /// @param limit What a contract gets to say whether it signed.
    function _obstacle(
        Terms calldata terms,
        bytes32 dealDigest,
        bytes32 saleId,
        bytes calldata signature,
        uint256 limit
    ) private view returns (Obstacle) {
        if (_sales[saleId] != 0) return Obstacle.Bought;
        if (block.timestamp > terms.openUntil) return Obstacle.Expired;
        address seller = _account(terms.seller);
        if (msg.sender == seller) return Obstacle.None;
        if (!_nonces.isOpen(seller, terms.nonce)) return Obstacle.Cancelled;
        bool signed = Signatures.isValidWithin(seller, dealDigest, signature, limit);
        return signed ? Obstacle.None : Obstacle.Unsigned;
    }

    function _refuse(Obstacle obstacle, Terms calldata terms, bytes32 dealDigest, bytes32 saleId)
        private
        pure
    {
        if (obstacle == Obstacle.None) return;
        if (obstacle == Obstacle.Bought) revert BoughtBefore(saleId);
        if (obstacle == Obstacle.Expired) revert DealExpired(terms.openUntil);
        if (obstacle == Obstacle.Cancelled) revert DealCancelled(_account(terms.seller), terms.nonce);
        revert NotSignedBy(_account(terms.seller), dealDigest);
    }

    // ------------------------------------------------------------------------------------ internal: the sale

    function _deliver(
        bytes32 saleId,
        address seller,
        uint256 disputeSeconds,
        Sealed calldata posted,
        uint256 evenY
    ) private {
        uint256 word = _inState(saleId, _BOUGHT);
        if (block.timestamp > _deadline(word)) revert TooLate(saleId, _deadline(word));
        uint256 commitment = _commitToBuyer(seller, disputeSeconds, posted.pointB);
        if (word >> _COMMITMENT_SHIFT != commitment) revert NotWhatWasPosted(saleId);
        (bytes32 pointE, bytes32 wrapped) = (posted.pointE, posted.wrapped);
        if (!SealedKey.isPoint(pointE, evenY)) revert BadPoint(pointE);
        // Checked to be a year at most when it was bought.
        unchecked {
            _sales[saleId] = _word(
                _DELIVERED, block.timestamp + disputeSeconds, _commitToSeller(commitment, pointE, wrapped)
            );
        }
        emit Delivered(saleId, pointE, wrapped);
    }

    /// @dev Checks that a delivered sale can be disputed with this scalar, and unwraps its key.
    function _reveal(Terms calldata terms, bytes32 saleId, Sealed calldata posted, uint256 scalar)
        private
        view
        returns (bytes32 key)
    {
        uint256 word = _inState(saleId, _DELIVERED);
        if (block.timestamp > _deadline(word)) revert TooLate(saleId, _deadline(word));
        uint256 commitment = _commitToBuyer(_account(terms.seller), terms.disputeSeconds, posted.pointB);
        if (word >> _COMMITMENT_SHIFT != _commitToSeller(commitment, posted.pointE, posted.wrapped)) {
            revert NotWhatWasPosted(saleId);
        }
        if (!SealedKey.opens(posted.pointB, scalar)) revert WrongScalar(posted.pointB);
        return SealedKey.unwrap(saleId, posted.pointE, scalar, posted.wrapped);
    }

    function _isRight(Terms calldata terms, bytes32 key) private pure returns (bool) {
        return SealedKey.commitment(key) == terms.keyCommit;
    }

    function _concede(Deal calldata deal, address buyer) private {
        (Terms calldata terms, bytes32 saleId) = _sale(deal, buyer);
        _inState(saleId, _DELIVERED);
        _end(terms, saleId, _CONCEDED, buyer);
    }

    /// @dev Ends a sale and pays.
    function _end(Terms calldata terms, bytes32 saleId, uint256 outcome, address to) private {
        _sales[saleId] = outcome;
        (bytes32 pocketId, uint256 amount) = _release(terms, saleId, outcome == _PAID);
        emit SaleEnded(saleId, SaleState(outcome), to, _account(terms.token), amount);
        _send(_account(terms.token), terms.tokenKind, pocketId, to, amount, terms.liveUntil);
    }

    /// @dev Ends a sale for the buyer who won a dispute. The verdict stands even if his payment fails: it is owed then.
    function _award(Terms calldata terms, bytes32 saleId, address buyer, uint256 outcome) private {
        _sales[saleId] = outcome;
        (bytes32 pocketId, uint256 amount) = _release(terms, saleId, false);
        address token = _account(terms.token);
        emit SaleEnded(saleId, SaleState(outcome), buyer, token, amount);
        if (_trySend(token, terms.tokenKind, pocketId, buyer, amount, terms.liveUntil)) return;
        _sales[saleId] = outcome | _OWED;
        if (pocketId == terms.requestId) _requests[pocketId] += 1 << _SHARES_SHIFT;
        emit PaymentRefused(saleId, buyer);
    }

    /// @dev Returns the price, where it is owed or the seller is late; says whether it did.
    function _tryRefund(Terms calldata terms, bytes32 saleId, uint256 word, address to)
        private
        returns (bool)
    {
        if (word & _OWED != 0) {
            _sales[saleId] = word & _STATE;
            (bytes32 pocketId, uint256 amount) = _release(terms, saleId, false);
            address token = _account(terms.token);
            emit PaymentMade(saleId, to, token, amount);
            _send(token, terms.tokenKind, pocketId, to, amount, terms.liveUntil);
            return true;
        }
        if (word & _STATE != _BOUGHT) return false;
        _checkOver(saleId, word);
        _end(terms, saleId, _REFUNDED, to);
        return true;
    }

    function _settleTo(Terms calldata terms, bytes32 saleId, uint256 word, address to) private {
        if (_tryRefund(terms, saleId, word, to)) return;
        _checkOver(saleId, _inState(saleId, _DELIVERED));
        _end(terms, saleId, _PAID, to);
    }

    /// @dev Who is paid if the sale ends by time.
    function _payee(Terms calldata terms, uint256 word, address buyer) private pure returns (address) {
        return word & _STATE == _DELIVERED ? _account(terms.seller) : buyer;
    }

    function _inState(bytes32 saleId, uint256 needed) private view returns (uint256 word) {
        word = _sales[saleId];
        if (word & _STATE != needed) revert WrongState(saleId, _state(word));
    }

    function _checkOver(bytes32 saleId, uint256 word) private view {
        if (block.timestamp <= _deadline(word)) revert TooEarly(saleId, _deadline(word));
    }

    function _sale(Deal calldata deal, address buyer)
        private
        view
        returns (Terms calldata terms, bytes32 saleId)
    {
        terms = _terms(deal);
        saleId = _idOf(_dealDigest(terms), terms.seller, buyer);
    }

    function _idOf(bytes32 dealDigest, uint256 seller, address buyer) private pure returns (bytes32) {
        return _hash(dealDigest, bytes32(seller), bytes32(uint256(uint160(buyer))));
    }

    function _commitToBuyer(address seller, uint256 disputeSeconds, bytes32 pointB)
        private
        pure
        returns (uint256)
    {
        bytes32 hash = _hash(bytes32(uint256(uint160(seller))), bytes32(disputeSeconds), pointB);
        return uint256(hash) >> _COMMITMENT_SHIFT;
    }

    function _commitToSeller(uint256 commitment, bytes32 pointE, bytes32 wrapped)
        private
        pure
        returns (uint256)
    {
        return uint256(_hash(bytes32(commitment), pointE, wrapped)) >> _COMMITMENT_SHIFT;
    }

    /// @dev keccak256 of three words.
    function _hash(bytes32 first, bytes32 second, bytes32 third) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, first)
            mstore(add(free, 0x20), second)
            mstore(add(free, 0x40), third)
            hash := keccak256(free, 0x60)
        }
    }

    function _word(uint256 state, uint256 deadline, uint256 commitment) private pure returns (uint256) {
        return commitment << _COMMITMENT_SHIFT | deadline << _DEADLINE_SHIFT | state;
    }

    function _state(uint256 word) private pure returns (SaleState) {
        return SaleState(word & _STATE);
    }

    function _deadline(uint256 word) private pure returns (uint256) {
        return uint40(word >> _DEADLINE_SHIFT);
    }

    function _account(uint256 word) private pure returns (address) {
        return address(uint160(word));
    }

    function _terms(Deal calldata deal) private pure returns (Terms calldata terms) {
        assembly ("memory-safe") {
            terms := deal
        }
    }

    // ------------------------------------------------------------------------------ internal: after the sale

    function _revoke(bytes32 saleId, address seller, address buyer) private {
        if (_sales[saleId] == 0) revert WrongState(saleId, SaleState.None);
        uint256 word = _statements[saleId];
        if (uint40(word) != 0) revert AlreadyRevoked(saleId, uint40(word));
        _statements[saleId] = word | block.timestamp;
        emit ConsentRevoked(saleId, seller, buyer);
    }

    function _acknowledge(bytes32 saleId, address seller, address buyer) private {
        uint256 before = _statements[saleId] >> _ACKNOWLEDGED_SHIFT;
        if (before != 0) revert AlreadyAcknowledged(saleId, before);
        _writeAcknowledged(saleId, seller, buyer);
    }

    function _acknowledgeMany(bytes32[] memory saleIds, address[] calldata sellers, address buyer) private {
        for (uint256 i = 0; i < saleIds.length; ++i) {
            if (_statements[saleIds[i]] >> _ACKNOWLEDGED_SHIFT == 0) {
                _writeAcknowledged(saleIds[i], sellers[i], buyer);
            }
        }
    }

    function _writeAcknowledged(bytes32 saleId, address seller, address buyer) private {
        if (_sales[saleId] == 0) revert WrongState(saleId, SaleState.None);
        _statements[saleId] |= block.timestamp << _ACKNOWLEDGED_SHIFT;
        emit ErasureAcknowledged(saleId, seller, buyer);
    }

    function _saleIds(bytes32[] calldata dealDigests, address[] calldata sellers, address buyer)
        private
        pure
        returns (bytes32[] memory saleIds)
    {
        if (dealDigests.length != sellers.length) {
            revert CountsDiffer(dealDigests.length, sellers.length);
        }
        saleIds = new bytes32[](sellers.length);
        for (uint256 i = 0; i < sellers.length; ++i) {
            saleIds[i] = saleIdOf(dealDigests[i], sellers[i], buyer);
        }
    }

    // ------------------------------------------------------------------------------------ internal: requests

    function _open(Request calldata request, bytes32 requestId) private {
        if (_requests[requestId] != 0) revert OpenedBefore(requestId);
        if (request.seller != address(0) || request.periodSeconds != 0) {
            revert SubscriptionsNotSupported(request.seller, request.periodSeconds);
        }
        if (block.timestamp > request.openUntil) revert DealExpired(request.openUntil);
        if (request.openUntil > type(uint40).max) revert OpenUntilTooFar(request.openUntil);
        uint256 number = request.number;
        if (number == 0 || number > type(uint32).max) revert NumberOutOfRange(number);
        _checkToken(request.tokenKind, request.price);
        _checkSeconds(request.maxDeliverSeconds, request.maxDisputeSeconds);
        _requests[requestId] = _OPENED | number << _SHARES_SHIFT | number;
        emit RequestOpened(requestId, request.buyer, request);
        _collect(
            request.token,
            request.tokenKind,
            request.buyer,
            requestId,
            request.price * number,
            liveUntilOf(request)
        );
    }

    /// @dev The id of a request at which answers may still be taken as far as time goes.
    function _openRequestId(Request calldata request) private view returns (bytes32) {
        if (block.timestamp > request.openUntil) revert DealExpired(request.openUntil);
        return _requestDigest(request);
    }

    function _takeIfOpen(
        Request calldata request,
        bytes32 requestId,
        Answer calldata answer,
        bytes32 dealDigest
    ) private returns (bool) {
        Terms calldata terms = _terms(answer.deal);
        bytes32 saleId = _idOf(dealDigest, terms.seller, request.buyer);
        if (_obstacle(terms, dealDigest, saleId, answer.signature, _WALLET_GAS) != Obstacle.None) {
            return false;
        }
        if (request.attestor != address(0)) {
            address seller = _account(terms.seller);
            Obstacle obstacle = _attestationObstacle(request, requestId, seller, answer.attestation);
            if (obstacle != Obstacle.None) return false;
            _taken[requestId][seller] = true;
        }
        _take(request, requestId, terms, saleId, answer.pointB);
        return true;
    }

    function _take(
        Request calldata request,
        bytes32 requestId,
        Terms calldata terms,
        bytes32 saleId,
        bytes32 pointB
    ) private {
        if (terms.requestId != requestId) revert OtherRequest(requestId, terms.requestId);
        _checkAnswer(request, requestId, terms);
        uint256 word = _requests[requestId];
        if (uint32(word) == 0) revert RequestNotOpen(requestId);
        // At least one is left, and its share is now the sale's.
        unchecked {
            _requests[requestId] = word - 1;
        }
        emit AnswerTaken(requestId, saleId);
        _start(terms, saleId, request.buyer, pointB);
    }

    function _checkAnswer(Request calldata request, bytes32 requestId, Terms calldata terms) private pure {
        if (
            _account(terms.token) != request.token || terms.tokenKind != request.tokenKind
                || terms.price != request.price || terms.termsHash != request.termsHash
                || terms.liveUntil != liveUntilOf(request) || terms.deliverSeconds > request.maxDeliverSeconds
                || terms.disputeSeconds > request.maxDisputeSeconds
        ) revert NotAsRequested(requestId);
    }

    function _attestationObstacle(
        Request calldata request,
        bytes32 requestId,
        address subject,
        Attestation calldata attestation
    ) private view returns (Obstacle) {
        if (_taken[requestId][subject]) return Obstacle.SubjectTaken;
        if (block.timestamp < attestation.issued || block.timestamp > attestation.expires) {
            return Obstacle.NotCurrent;
        }
        address attestor = request.attestor;
        if (IAttestors(attestors).isRevoked(attestor, attestation.index)) return Obstacle.Revoked;
        bytes32 digest = _attestationDigest(request, subject, attestation);
        bool signed = Signatures.isValid(attestor, digest, attestation.signature);
        return signed ? Obstacle.None : Obstacle.NotAttested;
    }

    function _refuseAttestation(
        Obstacle obstacle,
        Request calldata request,
        bytes32 requestId,
        address subject,
        Attestation calldata attestation
    ) private view {
        if (obstacle == Obstacle.None) return;
        if (obstacle == Obstacle.SubjectTaken) revert SubjectTaken(requestId, subject);
        if (obstacle == Obstacle.NotCurrent) {
            revert AttestationNotCurrent(attestation.issued, attestation.expires);
        }
        if (obstacle == Obstacle.Revoked) revert AttestationRevoked(request.attestor, attestation.index);
        revert NotSignedBy(request.attestor, _attestationDigest(request, subject, attestation));
    }

    function _close(Request calldata request, bytes32 requestId, address to) private {
        uint256 word = _requests[requestId];
        uint256 left = uint32(word);
        if (left == 0) revert RequestNotOpen(requestId);
        // Each that is left has a share.
        unchecked {
            _requests[requestId] = word - (left << _SHARES_SHIFT | left);
        }
        uint256 liveUntil = liveUntilOf(request);
        uint256 amount = request.price * left;
        if (request.tokenKind == _POINTS) {
            amount = _alive(request.token, requestId, amount, left, _shares(word), 0, liveUntil);
        }
        emit RequestClosed(requestId, to, request.token, amount);
        _send(request.token, request.tokenKind, requestId, to, amount, liveUntil);
    }

    // --------------------------------------------------------------------------------------- internal: money

    /// @dev Takes money into escrow: points into the pocket `id`, an ERC-20 measured.
    function _collect(
        address token,
        uint256 kind,
        address from,
        bytes32 id,
        uint256 amount,
        uint256 liveUntil
    ) private {
        if (amount == 0) return;
        if (kind == _ERC20) return _collectMeasured(token, from, amount);
        address pocket = ILoyaltyToken(token).pocketOf(address(this), id);
        bool moved = ILoyaltyToken(token).transferFromWithin(from, pocket, amount, liveUntil, 0);
        if (!moved) revert NotOfThisKind(token, _POINTS);
    }

    function _collectMeasured(address token, address from, uint256 amount) private nonReentrant {
        if (Escrow.expires(token)) revert NotOfThisKind(token, _ERC20);
        uint256 arrived = Escrow.collect(token, from, amount);
        if (arrived != amount) revert ArrivalDiffers(token, arrived, amount);
    }

    /// @dev Takes what a sale is due out of the books of its escrow. The points of an answer wait in its request's pocket.
    /// @param toSeller She did not choose price and number, so what expired is rounded for her.
    function _release(Terms calldata terms, bytes32 saleId, bool toSeller)
        private
        returns (bytes32 pocketId, uint256 amount)
    {
        if (terms.tokenKind == _ERC20) {
            return (saleId, terms.price);
        }
        uint256 shares = 1;
        pocketId = terms.requestId;
        if (pocketId == 0) {
            pocketId = saleId;
        } else {
            uint256 word = _requests[pocketId];
            shares = _shares(word);
            // A sale that waits has one.
            unchecked {
                _requests[pocketId] = word - (1 << _SHARES_SHIFT);
            }
        }
        uint256 spare = toSeller ? shares - 1 : 0;
        amount = _alive(_account(terms.token), pocketId, terms.price, 1, shares, spare, terms.liveUntil);
    }

    /// @dev What of points in escrow has not expired. Nothing of it has until `liveUntil`, however much else was sent. After
    /// that who comes last finds as large a part of his `amount` as who came first.
    /// @param part How many of the `shares` of the pocket the amount is.
    /// @param spare Nothing to round down; all shares but one to round up.
    function _alive(
        address token,
        bytes32 pocketId,
        uint256 amount,
        uint256 part,
        uint256 shares,
        uint256 spare,
        uint256 liveUntil
    ) private view returns (uint256) {
        // What was given for nothing names no token that could be asked.
        if (amount == 0 || block.timestamp <= liveUntil) return amount;
        address pocket = ILoyaltyToken(token).pocketOf(address(this), pocketId);
        (uint256[4] memory amounts, uint256[4] memory expiries) = ILoyaltyToken(token).lotsOf(pocket);
        uint256 alive;
        for (uint256 i = 0; i < 4; ++i) {
            if (expiries[i] > liveUntil) alive += amounts[i];
        }
        alive = (alive * part + spare) / shares;
        return alive < amount ? alive : amount;
    }

    function _shares(uint256 word) private pure returns (uint256) {
        return uint32(word >> _SHARES_SHIFT);
    }

    function _send(address token, uint256 kind, bytes32 id, address to, uint256 amount, uint256 liveUntil)
        private
    {
        if (!_trySend(token, kind, id, to, amount, liveUntil)) revert PaymentFailed(token, to);
    }

    /// @dev Pays out of escrow. At most a word of the answer is copied; no answer, or true, from an account with code is a yes.
    function _trySend(address token, uint256 kind, bytes32 id, address to, uint256 amount, uint256 liveUntil)
        private
        returns (bool sent)
    {
        if (amount == 0) return true;
        bytes32 ofCash = ILoyaltyToken.transfer.selector;
        bytes32 ofPoints = ILoyaltyToken.transferFromPocket.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := 0x44
            switch kind
            case 1 {
                mstore(free, ofCash)
                mstore(add(free, 0x04), to)
                mstore(add(free, 0x24), amount)
            }
            default {
                mstore(free, ofPoints)
                mstore(add(free, 0x04), id)
                mstore(add(free, 0x24), to)
                mstore(add(free, 0x44), amount)
                mstore(add(free, 0x64), liveUntil)
                size := 0x84
            }
            sent := call(gas(), token, 0, free, size, 0x00, 0x20)
            switch returndatasize()
            case 0 { if iszero(extcodesize(token)) { sent := 0 } }
            default { sent := and(sent, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1))) }
        }
    }

    // -------------------------------------------------------------------------------------- internal: signing

    function _checkParty(address party) private view {
        if (msg.sender != party) revert NotTheParty(party, msg.sender);
    }

    /// @param hash The EIP-712 struct hash of the message.
    function _checkSigned(address account, bytes32 hash, bytes calldata signature) private view {
        bytes32 digest = _hashTypedData(hash);
        if (!Signatures.isValid(account, digest, signature)) revert NotSignedBy(account, digest);
    }

    function _cancel(address account, uint256[] calldata nonces) private {
        _nonces.cancel(account, nonces);
        emit DealsCancelled(account, nonces);
    }

    function _cancelAll(address account, uint256[] calldata series) private {
        _nonces.cancelSeries(account, series);
        emit DealSeriesCancelled(account, series);
    }

    function _checkCancellation(
        bytes32 messageType,
        address account,
        uint256[] calldata numbers,
        bytes calldata signature
    ) private view {
        bytes32 hash = keccak256(abi.encode(messageType, account, keccak256(abi.encodePacked(numbers))));
        _checkSigned(account, hash, signature);
    }

    /// @dev A deal is 15 words in calldata, just as EIP-712 wants them.
    function _dealDigest(Terms calldata terms) private view returns (bytes32) {
        bytes32 messageType = _DEAL_TYPE;
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, messageType)
            calldatacopy(add(free, 0x20), terms, 0x1e0)
            hash := keccak256(free, 0x200)
        }
        return _hashTypedData(hash);
    }

    /// @dev The same with 14 words.
    function _requestDigest(Request calldata request) private view returns (bytes32) {
        bytes32 messageType = _REQUEST_TYPE;
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, messageType)
            calldatacopy(add(free, 0x20), request, 0x1c0)
            hash := keccak256(free, 0x1e0)
        }
        return _hashTypedData(hash);
    }

    function _attestationDigest(Request calldata request, address subject, Attestation calldata attestation)
        private
        view
        returns (bytes32)
    {
        return _hashTypedData(
            keccak256(
                abi.encode(
                    _ATTESTATION_TYPE,
                    request.attestor,
                    subject,
                    request.schema,
                    attestation.issued,
                    attestation.expires,
                    attestation.index,
                    attestation.contentHash
                )
            )
        );
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Troc Data Market", "1");
    }
}
