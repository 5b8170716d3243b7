// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "solady/utils/EIP712.sol";
import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {ILoyaltyToken} from "../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../interfaces/IPointsExchange.sol";
import {IMultiToken} from "../../interfaces/IMultiToken.sol";
import {Nonces} from "../libraries/Nonces.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title Trades between wallets, by signed orders
/// @dev A settlement has three passes: add up what each order gives and receives; check each order, write its nonce and
/// emit its event; move. Nothing outside (but a contract wallet that is asked for its signature, by a static call) is
/// called before everything is written.
contract PointsExchange is EIP712, ReentrancyGuard, IPointsExchange {
    using Nonces for Nonces.Whole;
    using Nonces for Nonces.Partial;

    uint256 private constant _POINTS = 0;
    uint256 private constant _ERC20 = 1;
    uint256 private constant _ERC1155 = 2;

    bytes32 private constant _ORDER_TYPE = keccak256(
        "Order(address maker,address giveToken,uint8 giveKind,uint256 giveId,uint256 giveAmount,address wantToken,uint8 wantKind,uint256 wantId,uint256 wantAmount,uint256 givePointsExpiringBy,uint256 wantPointsLivingUntil,address onlyTaker,uint256 openUntil,uint256 nonce,bool allowPartial)"
    );
    bytes32 private constant _CANCEL_TYPE =
        keccak256("Cancel(address maker,uint256[] wholeNonces,uint256[] partialNonces)");
    bytes32 private constant _CANCEL_ALL_TYPE =
        keccak256("CancelAll(address maker,uint256[] wholeSeries,uint256[] partialSeries)");

    /// @dev An order's fifteen words as they stand in calldata: read without the compiler's check of each word, which
    /// `_checkTerms` makes once.
    struct Words {
        uint256 maker;
        uint256 giveToken;
        uint256 giveKind;
        uint256 giveId;
        uint256 giveAmount;
        uint256 wantToken;
        uint256 wantKind;
        uint256 wantId;
        uint256 wantAmount;
        uint256 givePointsExpiringBy;
        uint256 wantPointsLivingUntil;
        uint256 onlyTaker;
        uint256 openUntil;
        uint256 nonce;
        uint256 allowPartial;
    }

    Nonces.Whole private _whole;
    Nonces.Partial private _partial;

    // ------------------------------------------------------------------------------------------ settlement

    /// @inheritdoc IPointsExchange
    function settle(Order[] calldata orders, bytes[] calldata signatures, Transfer[] calldata transfers)
        external
    {
        _settle(orders, signatures, transfers);
    }

    /// @inheritdoc IPointsExchange
    function settleWithPermits(
        Permit[] calldata permits,
        Order[] calldata orders,
        bytes[] calldata signatures,
        Transfer[] calldata transfers
    ) external {
        _tryPermits(permits);
        _settle(orders, signatures, transfers);
    }

    /// @inheritdoc IPointsExchange
    function take(Order calldata order, bytes calldata signature, uint256 amount, uint256 livingUntil)
        external
        returns (uint256 paid)
    {
        return _take(order, signature, amount, livingUntil);
    }

    /// @inheritdoc IPointsExchange
    function takeWithPermits(
        Permit[] calldata permits,
        Order calldata order,
        bytes calldata signature,
        uint256 amount,
        uint256 livingUntil
    ) external returns (uint256 paid) {
        _tryPermits(permits);
        return _take(order, signature, amount, livingUntil);
    }

    // ---------------------------------------------------------------------------------------- cancellation

    /// @inheritdoc IPointsExchange
    function cancel(uint256[] calldata wholeNonces, uint256[] calldata partialNonces) external {
        _cancel(msg.sender, wholeNonces, partialNonces);
    }

    /// @inheritdoc IPointsExchange
    function cancelFor(
        address maker,
        uint256[] calldata wholeNonces,
        uint256[] calldata partialNonces,
        bytes calldata signature
    ) external {
        _checkCancellation(_CANCEL_TYPE, maker, wholeNonces, partialNonces, signature);
        _cancel(maker, wholeNonces, partialNonces);
    }

    /// @inheritdoc IPointsExchange
    function cancelAll(uint256[] calldata wholeSeries, uint256[] calldata partialSeries) external {
        _cancelAll(msg.sender, wholeSeries, partialSeries);
    }

    /// @inheritdoc IPointsExchange
    function cancelAllFor(
        address maker,
        uint256[] calldata wholeSeries,
        uint256[] calldata partialSeries,
        bytes calldata signature
    ) external {
        _checkCancellation(_CANCEL_ALL_TYPE, maker, wholeSeries, partialSeries, signature);
        _cancelAll(maker, wholeSeries, partialSeries);
    }

    // -------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IPointsExchange
    function digestOf(Order calldata order) external view returns (bytes32) {
        return _digest(_words(order));
    }

    /// @inheritdoc IPointsExchange
    function remainingOf(Order calldata order) external view returns (uint256) {
        if (order.allowPartial) return _partial.leftOf(order.maker, order.nonce, order.giveAmount);
        return _whole.isOpen(order.maker, order.nonce) ? order.giveAmount : 0;
    }

    /// @inheritdoc IPointsExchange
    function wholeWordOf(address maker, uint256 lane) external view returns (uint256) {
        return _whole.lanes[maker][lane].word;
    }

    /// @inheritdoc IPointsExchange
    function partialWordOf(address maker, uint256 lane) external view returns (uint256) {
        return _partial.lanes[maker][lane].word;
    }

    /// @inheritdoc IPointsExchange
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparator();
    }

    // ------------------------------------------------------------------------------------ internal: settling

    function _settle(Order[] calldata orders, bytes[] calldata signatures, Transfer[] calldata transfers)
        private
    {
        if (orders.length != signatures.length) revert SignaturesMissing(orders.length, signatures.length);
        (uint256[] memory given, uint256[] memory received, bool measured) = _addUp(orders, transfers);
        for (uint256 i = 0; i < orders.length; ++i) {
            Words calldata order = _knownOrder(orders, i);
            _checkTerms(order);
            _fill(order, _use(order, signatures[i], given[i]), given[i], received[i]);
        }
        if (measured) _moveAllGuarded(orders, transfers);
        else _moveAll(orders, transfers);
    }

    function _take(Order calldata order_, bytes calldata signature, uint256 amount, uint256 livingUntil)
        private
        returns (uint256 paid)
    {
        Words calldata order = _words(order_);
        _checkTerms(order);
        _checkSender(order);
        if (amount >> 128 != 0) revert AmountOutOfRange(amount);
        // All below 2^128, by `_checkTerms`; rounded up, in favour of the maker, who did not choose the amount.
        unchecked {
            paid = (amount * order.wantAmount + order.giveAmount - 1) / order.giveAmount;
        }
        bytes32 digest = _use(order, signature, amount);
        emit OrderFilled(digest, _account(order.maker), amount, paid);
        if (order.giveKind | order.wantKind == _POINTS) _swapPoints(order, amount, paid, livingUntil);
        else _swapGuarded(order, amount, paid, livingUntil);
    }

    /// @dev Adds up what each order gives and receives, and checks that both ends of each transfer fit.
    function _addUp(Order[] calldata orders, Transfer[] calldata transfers)
        private
        view
        returns (uint256[] memory given, uint256[] memory received, bool measured)
    {
        given = new uint256[](orders.length);
        received = new uint256[](orders.length);
        for (uint256 i = 0; i < transfers.length; ++i) {
            (uint256 from, uint256 to, uint256 amount) = _transferAt(transfers, i);
            if (amount == 0 || amount >> 128 != 0) revert AmountOutOfRange(amount);
            uint256 kind;
            // Fewer than 2^128 transfers of less than 2^128.
            unchecked {
                if (from == orders.length) {
                    kind = _checkSender(_orderAt(orders, to)).wantKind;
                    received[to] += amount;
                } else if (to == orders.length) {
                    kind = _checkSender(_orderAt(orders, from)).giveKind;
                    given[from] += amount;
                } else {
                    kind = _checkPair(_orderAt(orders, from), _orderAt(orders, to), i);
                    given[from] += amount;
                    received[to] += amount;
                }
            }
            if (kind != _POINTS) measured = true;
        }
    }

    /// @dev Checks that the sender may be the other end of an order.
    function _checkSender(Words calldata order) private view returns (Words calldata) {
        if (order.maker == _sender()) revert SameParty(msg.sender);
        uint256 only = order.onlyTaker;
        if (only != 0 && only != _sender()) revert OnlyTaker(_account(only), msg.sender);
        return order;
    }

    /// @dev Checks that what one order gives is what the other wants, and that each may trade with the other.
    function _checkPair(Words calldata giver, Words calldata taker, uint256 transferIndex)
        private
        view
        returns (uint256 kind)
    {
        kind = giver.giveKind;
        if (giver.giveToken != taker.wantToken || kind != taker.wantKind || giver.giveId != taker.wantId) {
            revert AssetsDiffer(transferIndex);
        }
        if (giver.maker == taker.maker) revert SameParty(_account(giver.maker));
        if (giver.onlyTaker | taker.onlyTaker != 0) {
            _checkTaker(giver.onlyTaker, taker.maker);
            _checkTaker(taker.onlyTaker, giver.maker);
        }
    }

    /// @dev An order for one taker trades with that taker at both ends, or in a settlement that the taker sends.
    function _checkTaker(uint256 only, uint256 other) private view {
        if (only != 0 && only != other && only != _sender()) {
            revert OnlyTaker(_account(only), _account(other));
        }
    }

    /// @dev Checks an order of checked terms with what it gives, and writes its nonce.
    function _use(Words calldata order, bytes calldata signature, uint256 given)
        private
        returns (bytes32 digest)
    {
        if (block.timestamp > order.openUntil) revert OrderExpired(order.openUntil);
        address maker = _account(order.maker);
        digest = _digest(order);
        if (!Signatures.isValid(maker, digest, signature)) revert NotSignedByMaker(maker, digest);
        if (order.allowPartial != 0) {
            if (given == 0) revert AmountOutOfRange(given);
            _partial.use(maker, order.nonce, given, order.giveAmount);
        } else {
            if (given != order.giveAmount) revert NotWhole(digest, given, order.giveAmount);
            _whole.use(maker, order.nonce);
        }
    }

    /// @dev Checks the price of a used order, and emits its event.
    function _fill(Words calldata order, bytes32 digest, uint256 given, uint256 received) private {
        if (received >> 128 != 0) revert AmountOutOfRange(received);
        // All four below 2^128.
        unchecked {
            if (received * order.giveAmount < given * order.wantAmount) {
                revert BelowPrice(digest, given, received);
            }
        }
        emit OrderFilled(digest, _account(order.maker), given, received);
    }

    /// @dev Everything about an order that does not change. Words that are no addresses or booleans are refused, so that a
    /// digest stands for exactly one order.
    function _checkTerms(Words calldata order) private pure {
        uint256 addresses = order.maker | order.giveToken | order.wantToken | order.onlyTaker;
        if (addresses >> 160 | order.allowPartial >> 1 != 0) revert MalformedOrder();
        uint256 giveAmount = order.giveAmount;
        uint256 wantAmount = order.wantAmount;
        if ((giveAmount | wantAmount) >> 128 != 0 || giveAmount == 0 || wantAmount == 0) {
            bool givesWell = giveAmount != 0 && giveAmount >> 128 == 0;
            revert AmountOutOfRange(givesWell ? wantAmount : giveAmount);
        }
        if (order.giveKind | order.wantKind == _POINTS) {
            if (order.giveId | order.wantId != 0) {
                revert IdNotZero(order.giveId != 0 ? order.giveId : order.wantId);
            }
        } else {
            _checkAsset(order.giveKind, order.giveId, order.givePointsExpiringBy);
            _checkAsset(order.wantKind, order.wantId, order.wantPointsLivingUntil);
        }
        if (order.giveToken == order.wantToken && order.giveId == order.wantId) {
            revert SameAsset(_account(order.giveToken));
        }
    }

    function _checkAsset(uint256 kind, uint256 id, uint256 bound) private pure {
        if (kind > _ERC1155) revert UnknownKind(kind);
        if (kind != _ERC1155 && id != 0) revert IdNotZero(id);
        if (kind != _POINTS && bound != 0) revert BoundNotZero(bound);
    }

    /// @dev The guard covers the moves alone: everything is written by then. It keeps a hook of one token from moving
    /// another asset that is being measured.
    function _moveAllGuarded(Order[] calldata orders, Transfer[] calldata transfers) private nonReentrant {
        _moveAll(orders, transfers);
    }

    function _moveAll(Order[] calldata orders, Transfer[] calldata transfers) private {
        for (uint256 i = 0; i < transfers.length; ++i) {
            (uint256 from, uint256 to, uint256 amount) = _transferAt(transfers, i);
            if (from == orders.length) {
                _moveWanted(_knownOrder(orders, to), amount);
            } else if (to == orders.length) {
                _moveGiven(_knownOrder(orders, from), msg.sender, amount, 0);
            } else {
                Words calldata taker = _knownOrder(orders, to);
                _moveGiven(
                    _knownOrder(orders, from), _account(taker.maker), amount, taker.wantPointsLivingUntil
                );
            }
        }
    }

    function _swapGuarded(Words calldata order, uint256 amount, uint256 paid, uint256 livingUntil)
        private
        nonReentrant
    {
        _moveWanted(order, paid);
        _moveGiven(order, msg.sender, amount, livingUntil);
    }

    /// @dev The same without asking for kinds again.
    function _swapPoints(Words calldata order, uint256 amount, uint256 paid, uint256 livingUntil) private {
        address maker = _account(order.maker);
        _movePoints(_account(order.wantToken), msg.sender, maker, paid, order.wantPointsLivingUntil, 0);
        _movePoints(
            _account(order.giveToken), maker, msg.sender, amount, livingUntil, order.givePointsExpiringBy
        );
    }

    /// @dev Moves what an order gives.
    function _moveGiven(Words calldata order, address to, uint256 amount, uint256 livingUntil) private {
        address token = _account(order.giveToken);
        if (order.giveKind == _POINTS) {
            _movePoints(token, _account(order.maker), to, amount, livingUntil, order.givePointsExpiringBy);
        } else {
            if (livingUntil != 0) revert BoundNotZero(livingUntil);
            _moveMeasured(token, order.giveKind, order.giveId, _account(order.maker), to, amount);
        }
    }

    /// @dev Moves what an order wants, from the sender.
    function _moveWanted(Words calldata order, uint256 amount) private {
        address token = _account(order.wantToken);
        if (order.wantKind == _POINTS) {
            _movePoints(token, msg.sender, _account(order.maker), amount, order.wantPointsLivingUntil, 0);
        } else {
            _moveMeasured(token, order.wantKind, order.wantId, msg.sender, _account(order.maker), amount);
        }
    }

    /// @dev `transferFromWithin`, in assembly because it is in every path. Points move exactly or revert. The answer must be
    /// one word, 1: an account without code, or a call that falls into some contract's fallback, is no transfer.
    function _movePoints(
        address token,
        address from,
        address to,
        uint256 amount,
        uint256 atLeast,
        uint256 atMost
    ) private {
        bytes32 selector = ILoyaltyToken.transferFromWithin.selector;
        bool moved;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 0x04), from)
            mstore(add(free, 0x24), to)
            mstore(add(free, 0x44), amount)
            mstore(add(free, 0x64), atLeast)
            mstore(add(free, 0x84), atMost)
            mstore(0x00, 0)
            if iszero(call(gas(), token, 0, free, 0xa4, 0x00, 0x20)) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            moved := and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1))
        }
        if (!moved) revert TransferRefused(token);
    }

    /// @dev Measured around this one transfer: over a whole settlement, something that was the maker's anyway could be
    /// released to her in another token's hook and pass for payment.
    function _moveMeasured(address token, uint256 kind, uint256 id, address from, address to, uint256 amount)
        private
    {
        uint256 held = _balance(token, kind, id, to);
        if (kind == _ERC20) SafeTransferLib.safeTransferFrom(token, from, to, amount);
        else IMultiToken(token).safeTransferFrom(from, to, id, amount, "");
        uint256 holds = _balance(token, kind, id, to);
        uint256 delivered = holds < held ? 0 : holds - held;
        if (delivered < amount) revert ShortDelivery(token, to, delivered, amount);
    }

    function _balance(address token, uint256 kind, uint256 id, address account)
        private
        view
        returns (uint256)
    {
        return kind == _ERC20
            ? IMultiToken(token).balanceOf(account)
            : IMultiToken(token).balanceOf(account, id);
    }

    // ------------------------------------------------------------------------------------- internal: reading

    function _orderAt(Order[] calldata orders, uint256 index) private pure returns (Words calldata) {
        if (index >= orders.length) revert NoSuchOrder(index);
        return _knownOrder(orders, index);
    }

    /// @dev `index` must be below the length: `_addUp` checked every index of the transfers.
    function _knownOrder(Order[] calldata orders, uint256 index) private pure returns (Words calldata order) {
        assembly ("memory-safe") {
            order := add(orders.offset, mul(index, 0x1e0))
        }
    }

    function _words(Order calldata order) private pure returns (Words calldata words) {
        assembly ("memory-safe") {
            words := order
        }
    }

    /// @dev `index` must be below the length.
    function _transferAt(Transfer[] calldata transfers, uint256 index)
        private
        pure
        returns (uint256 from, uint256 to, uint256 amount)
    {
        assembly ("memory-safe") {
            let at := add(transfers.offset, mul(index, 0x60))
            from := calldataload(at)
            to := calldataload(add(at, 0x20))
            amount := calldataload(add(at, 0x40))
        }
    }

    function _account(uint256 word) private pure returns (address) {
        return address(uint160(word));
    }

    function _sender() private view returns (uint256) {
        return uint160(msg.sender);
    }

    // -------------------------------------------------------------------------------------- internal: rest

    /// @dev A permit that fails is passed over: somebody may have submitted it before. No answer is copied.
    function _tryPermits(Permit[] calldata permits) private {
        for (uint256 i = 0; i < permits.length; ++i) {
            Permit calldata permit = permits[i];
            address token = permit.token;
            bytes memory data = abi.encodeCall(
                ILoyaltyToken.permit,
                (permit.owner, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s)
            );
            assembly ("memory-safe") {
                pop(call(gas(), token, 0, add(data, 0x20), mload(data), 0, 0))
            }
        }
    }

    function _cancel(address maker, uint256[] calldata wholeNonces, uint256[] calldata partialNonces)
        private
    {
        _whole.cancel(maker, wholeNonces);
        _partial.cancel(maker, partialNonces);
        emit OrdersCancelled(maker, wholeNonces, partialNonces);
    }

    function _cancelAll(address maker, uint256[] calldata wholeSeries, uint256[] calldata partialSeries)
        private
    {
        _whole.cancelSeries(maker, wholeSeries);
        _partial.cancelSeries(maker, partialSeries);
        emit SeriesCancelled(maker, wholeSeries, partialSeries);
    }

    function _checkCancellation(
        bytes32 messageType,
        address maker,
        uint256[] calldata whole,
        uint256[] calldata parts,
        bytes calldata signature
    ) private view {
        bytes32 digest = _hashTypedData(
            keccak256(
                abi.encode(
                    messageType, maker, keccak256(abi.encodePacked(whole)), keccak256(abi.encodePacked(parts))
                )
            )
        );
        if (!Signatures.isValid(maker, digest, signature)) revert NotSignedByMaker(maker, digest);
    }

    /// @dev An order is 15 words in calldata, just as EIP-712 wants them.
    function _digest(Words calldata order) private view returns (bytes32) {
        bytes32 messageType = _ORDER_TYPE;
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, messageType)
            calldatacopy(add(free, 0x20), order, 0x1e0)
            hash := keccak256(free, 0x200)
        }
        return _hashTypedData(hash);
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Troc Exchange", "1");
    }
}
