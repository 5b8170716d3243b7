// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {CouponMock} from "../../../contracts/mocks/CouponMock.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";

/// @notice An exchange, four brands, six customers with points of every age, and what it takes to sign for them.
/// @dev Digests are computed from docs/messages.md here, never by asking the exchange.
abstract contract ExchangeTest is Test {
    uint8 internal constant POINTS = 0;
    uint8 internal constant ERC20 = 1;
    uint8 internal constant ERC1155 = 2;

    uint256 internal constant QUARTER = 90 days;
    uint256 internal constant ORIGIN = 1_767_225_600;
    uint256 internal constant BIRTH = ORIGIN + 3 * QUARTER;
    /// @dev Of each brand's points, each customer holds this many in each of the four lots.
    uint256 internal constant LOT = 1_000;

    bytes32 internal constant ORDER_TYPE = keccak256(
        "Order(address maker,address giveToken,uint8 giveKind,uint256 giveId,uint256 giveAmount,"
        "address wantToken,uint8 wantKind,uint256 wantId,uint256 wantAmount,uint256 givePointsExpiringBy,"
        "uint256 wantPointsLivingUntil,address onlyTaker,uint256 openUntil,uint256 nonce,bool allowPartial)"
    );
    bytes32 internal constant CANCEL_TYPE =
        keccak256("Cancel(address maker,uint256[] wholeNonces,uint256[] partialNonces)");
    bytes32 internal constant CANCEL_ALL_TYPE =
        keccak256("CancelAll(address maker,uint256[] wholeSeries,uint256[] partialSeries)");
    bytes32 internal constant PERMIT_TYPE =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    PointsExchange internal exchange;
    LoyaltyToken[4] internal brands;
    LoyaltyToken internal acme;
    LoyaltyToken internal beta;
    CashMock internal cash;
    CouponMock internal coupons;

    address internal brand = makeAddr("brand");
    address internal relay = makeAddr("relay");
    address internal stranger = makeAddr("stranger");
    address[6] internal customers;
    mapping(address account => uint256 key) internal keys;
    address internal alice;
    address internal bob;
    address internal carol;

    uint256 private _nextWhole;
    uint256 private _nextPartial;

    function setUp() public virtual {
        vm.warp(ORIGIN);
        exchange = new PointsExchange();
        cash = new CashMock("Euro", "EUR");
        coupons = new CouponMock();
        string[6] memory names = ["alice", "bob", "carol", "dave", "erin", "frank"];
        for (uint256 i = 0; i < 6; ++i) {
            customers[i] = account(names[i]);
        }
        (alice, bob, carol) = (customers[0], customers[1], customers[2]);
        string[4] memory symbols = ["ACME", "BETA", "GAMMA", "DELTA"];
        for (uint256 i = 0; i < 4; ++i) {
            brands[i] = new LoyaltyToken(address(exchange), brand, symbols[i], symbols[i], 0, QUARTER, ORIGIN);
        }
        (acme, beta) = (brands[0], brands[1]);
        for (uint256 epoch = 0; epoch < 4; ++epoch) {
            vm.warp(ORIGIN + epoch * QUARTER);
            for (uint256 i = 0; i < 4; ++i) {
                for (uint256 j = 0; j < 6; ++j) {
                    vm.prank(brand);
                    brands[i].mint(customers[j], LOT);
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ accounts

    function account(string memory name) internal returns (address who) {
        uint256 key;
        (who, key) = makeAddrAndKey(name);
        keys[who] = key;
    }

    /// @notice Gives `who` money and coupons, and lets the exchange move them.
    function fund(address who, uint256 amount) internal {
        cash.mint(who, amount);
        coupons.mint(who, 7, amount);
        vm.startPrank(who);
        cash.approve(address(exchange), type(uint256).max);
        coupons.setApprovalForAll(address(exchange), true);
        vm.stopPrank();
    }

    /// @notice The expiry of the points issued in `epoch`.
    function expiry(uint256 epoch) internal pure returns (uint256) {
        return ORIGIN + (epoch + 4) * QUARTER;
    }

    // -------------------------------------------------------------------------------------------------- orders

    /// @notice An order of points for points, open for a day, with a nonce of its own.
    function points(
        address maker,
        LoyaltyToken give,
        uint256 giveAmount,
        LoyaltyToken want,
        uint256 wantAmount
    ) internal returns (IPointsExchange.Order memory order) {
        order.maker = maker;
        order.giveToken = address(give);
        order.giveAmount = giveAmount;
        order.wantToken = address(want);
        order.wantAmount = wantAmount;
        order.openUntil = block.timestamp + 1 days;
        order.nonce = wholeNonce(0, 0, _nextWhole++ % 224);
    }

    /// @notice The same, in parts.
    function inParts(IPointsExchange.Order memory order) internal returns (IPointsExchange.Order memory) {
        order.allowPartial = true;
        order.nonce = partialNonce(++_nextPartial, 0);
        return order;
    }

    /// @notice The same order, but giving another thing.
    function giving(IPointsExchange.Order memory order, address token, uint8 kind, uint256 id)
        internal
        pure
        returns (IPointsExchange.Order memory)
    {
        (order.giveToken, order.giveKind, order.giveId) = (token, kind, id);
        return order;
    }

    /// @notice The same order, but wanting another thing.
    function wanting(IPointsExchange.Order memory order, address token, uint8 kind, uint256 id)
        internal
        pure
        returns (IPointsExchange.Order memory)
    {
        (order.wantToken, order.wantKind, order.wantId) = (token, kind, id);
        return order;
    }

    function wholeNonce(uint256 lane, uint256 series, uint256 index) internal pure returns (uint256) {
        return lane << 128 | series << 64 | index;
    }

    function partialNonce(uint256 lane, uint256 series) internal pure returns (uint256) {
        return lane << 128 | series << 64;
    }

    function list(IPointsExchange.Order memory a)
        internal
        pure
        returns (IPointsExchange.Order[] memory orders)
    {
        orders = new IPointsExchange.Order[](1);
        orders[0] = a;
    }

    function list(IPointsExchange.Order memory a, IPointsExchange.Order memory b)
        internal
        pure
        returns (IPointsExchange.Order[] memory orders)
    {
        orders = new IPointsExchange.Order[](2);
        (orders[0], orders[1]) = (a, b);
    }

    function list(uint256 a) internal pure returns (uint256[] memory numbers) {
        numbers = new uint256[](1);
        numbers[0] = a;
    }

    function none() internal pure returns (uint256[] memory) {
        return new uint256[](0);
    }

    // ----------------------------------------------------------------------------------------------- transfers

    function moves(uint256 from, uint256 to, uint256 amount)
        internal
        pure
        returns (IPointsExchange.Transfer[] memory transfers)
    {
        transfers = new IPointsExchange.Transfer[](1);
        transfers[0] = IPointsExchange.Transfer(from, to, amount);
    }

    /// @notice 0 gives `there` to 1, 1 gives `back` to 0.
    function swap(uint256 there, uint256 back)
        internal
        pure
        returns (IPointsExchange.Transfer[] memory transfers)
    {
        transfers = new IPointsExchange.Transfer[](2);
        transfers[0] = IPointsExchange.Transfer(0, 1, there);
        transfers[1] = IPointsExchange.Transfer(1, 0, back);
    }

    // ---------------------------------------------------------------------------------------------- signatures

    function domain(string memory name, address verifier) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
    }

    function typed(bytes32 domain_, bytes32 message) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes2(0x1901), domain_, message));
    }

    function digest(IPointsExchange.Order memory order) internal view returns (bytes32) {
        return digestFor(order, address(exchange));
    }

    function digestFor(IPointsExchange.Order memory order, address verifier) internal view returns (bytes32) {
        return typed(domain("Troc Exchange", verifier), keccak256(abi.encode(ORDER_TYPE, order)));
    }

    function signDigest(uint256 key, bytes32 digest_) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest_);
        return abi.encodePacked(r, s, v);
    }

    /// @notice The maker's signature; none if she has no key.
    function sign(IPointsExchange.Order memory order) internal view returns (bytes memory) {
        if (keys[order.maker] == 0) return "";
        return signDigest(keys[order.maker], digest(order));
    }

    function sign(IPointsExchange.Order[] memory orders) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            signatures[i] = sign(orders[i]);
        }
    }

    function signCancel(bytes32 messageType, address maker, uint256[] memory whole, uint256[] memory parts)
        internal
        view
        returns (bytes memory)
    {
        bytes32 message = keccak256(
            abi.encode(
                messageType, maker, keccak256(abi.encodePacked(whole)), keccak256(abi.encodePacked(parts))
            )
        );
        return signDigest(keys[maker], typed(domain("Troc Exchange", address(exchange)), message));
    }

    // ------------------------------------------------------------------------------------------------ settling

    /// @notice Settles as the relay.
    function settle(IPointsExchange.Order[] memory orders, IPointsExchange.Transfer[] memory transfers)
        internal
    {
        settleAs(relay, orders, transfers);
    }

    function settleAs(
        address sender,
        IPointsExchange.Order[] memory orders,
        IPointsExchange.Transfer[] memory transfers
    ) internal {
        bytes[] memory signatures = sign(orders);
        vm.prank(sender);
        exchange.settle(orders, signatures, transfers);
    }

    function takeAs(address sender, IPointsExchange.Order memory order, uint256 amount)
        internal
        returns (uint256)
    {
        bytes memory signature = sign(order);
        vm.prank(sender);
        return exchange.take(order, signature, amount, 0);
    }

    function settleReverts(
        IPointsExchange.Order[] memory orders,
        IPointsExchange.Transfer[] memory transfers,
        bytes memory reason
    ) internal {
        settleAsReverts(relay, orders, transfers, reason);
    }

    function settleAsReverts(
        address sender,
        IPointsExchange.Order[] memory orders,
        IPointsExchange.Transfer[] memory transfers,
        bytes memory reason
    ) internal {
        bytes[] memory signatures = sign(orders);
        vm.prank(sender);
        vm.expectRevert(reason);
        exchange.settle(orders, signatures, transfers);
    }

    function takeAsReverts(
        address sender,
        IPointsExchange.Order memory order,
        uint256 amount,
        bytes memory reason
    ) internal {
        bytes memory signature = sign(order);
        vm.prank(sender);
        vm.expectRevert(reason);
        exchange.take(order, signature, amount, 0);
    }

    /// @notice X1: nothing that was traded stays with the exchange.
    function assertExchangeEmpty() internal view {
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(brands[i].balanceOf(address(exchange)), 0, "the exchange holds points");
        }
        assertEq(cash.balanceOf(address(exchange)), 0, "the exchange holds money");
        assertEq(coupons.balanceOf(address(exchange), 7), 0, "the exchange holds coupons");
        assertEq(address(exchange).balance, 0, "the exchange holds ether");
    }
}
