// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {Nonces} from "../../../contracts/libraries/Nonces.sol";
import {IBrands} from "../../../interfaces/IBrands.sol";
import {IERC7818} from "../../../interfaces/IERC7818.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {AttackBase} from "./AttackBase.sol";

/// @dev A wallet of two owners: a signature is both of theirs, 130 bytes.
contract TwoOwners {
    address internal immutable first;
    address internal immutable second;

    constructor(address first_, address second_) {
        (first, second) = (first_, second_);
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 130) return 0;
        bool both = _signed(first, digest, signature[:65]) && _signed(second, digest, signature[65:]);
        return both ? bytes4(0x1626ba7e) : bytes4(0);
    }

    function _signed(address who, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        return
            ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64])) == who;
    }
}

/// @dev Answers whatever it is asked with what it was asked, with one, with a megabyte, or never.
contract OddWallet {
    uint256 internal immutable mode;

    constructor(uint256 mode_) {
        mode = mode_;
    }

    fallback() external {
        uint256 how = mode;
        assembly {
            switch how
            case 0 {
                calldatacopy(0, 0, calldatasize())
                return(0, calldatasize())
            }
            case 1 {
                mstore(0, 1)
                return(0, 32)
            }
            case 2 {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
            case 3 {
                mstore(0, or(shl(224, 0x1626ba7e), 1))
                return(0, 0x100000)
            }
            default { invalid() }
        }
    }
}

contract SigningAttack is AttackBase {
    bytes32 internal constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function _permitDigest(LoyaltyToken token, address account, address spender, uint256 value)
        internal
        view
        returns (bytes32)
    {
        bytes32 message = keccak256(
            abi.encode(PERMIT, account, spender, value, token.nonces(account), block.timestamp)
        );
        return keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), message));
    }

    /// @dev "A signature for every act": also for a wallet whose signatures are longer than 65 bytes.
    function test_a_wallet_of_two_owners_can_switch_the_exchange_off_by_signature() public {
        address wallet = address(new TwoOwners(ann.addr, ben.addr));
        bytes32 digest = _permitDigest(coffee, wallet, address(exchange), 0);
        bytes memory one = _sign(ann, digest);
        bytes memory both = abi.encodePacked(one, _sign(ben, digest));
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotSignedByHolder.selector, wallet));
        coffee.approveFor(wallet, address(exchange), 0, block.timestamp, abi.encodePacked(one, one));
        coffee.approveFor(wallet, address(exchange), 0, block.timestamp, both);
        assertEq(coffee.allowance(wallet, address(exchange)), 0);
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotSignedByHolder.selector, wallet));
        coffee.approveFor(wallet, address(exchange), 0, block.timestamp, both);
    }

    // ------------------------------------------------------------------------------------------- defences

    function test_a_wallet_of_two_owners_trades() public {
        TwoOwners wallet = new TwoOwners(ann.addr, ben.addr);
        _mint(coffee, address(wallet), 100);
        _mint(books, eve.addr, 100);
        IPointsExchange.Order memory order =
            _order(address(wallet), address(coffee), 100, address(books), 100);
        bytes32 digest = exchange.digestOf(order);
        bytes memory both = abi.encodePacked(_sign(ann, digest), _sign(ben, digest));
        vm.prank(eve.addr);
        exchange.take(order, both, 100, 0);
        assertEq(coffee.balanceOf(eve.addr), 100);
    }

    function test_odd_wallets_never_signed() public {
        for (uint256 mode = 0; mode < 5; ++mode) {
            address wallet = address(new OddWallet(mode));
            _mint(coffee, wallet, 100);
            _mint(books, eve.addr, 100);
            IPointsExchange.Order memory order = _order(wallet, address(coffee), 100, address(books), 100);
            bytes32 digest = exchange.digestOf(order);
            vm.prank(eve.addr);
            vm.expectRevert(abi.encodeWithSelector(IPointsExchange.NotSignedByMaker.selector, wallet, digest));
            exchange.take{gas: 50_000_000}(order, new bytes(65), 100, 0);
        }
    }

    function test_a_delegated_account_signs_with_its_own_key_and_no_other() public {
        vm.etch(ann.addr, address(new OddWallet(1)).code);
        _mint(coffee, ann.addr, 100);
        _mint(books, eve.addr, 100);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        bytes memory own = _sign(ann, order);
        bytes memory other = _sign(eve, order);
        vm.startPrank(eve.addr);
        vm.expectRevert();
        exchange.take(order, other, 100, 0);
        exchange.take(order, own, 100, 0);
    }

    function test_nobody_signs_for_the_zero_address(bytes calldata signature) public {
        IPointsExchange.Order memory order = _order(address(0), address(coffee), 100, address(books), 100);
        vm.expectRevert();
        exchange.take(order, signature, 100, 0);
    }

    function test_one_signature_in_two_forms_moves_once() public {
        _mint(coffee, ann.addr, 100);
        ILoyaltyToken.Send memory message = ILoyaltyToken.Send(ann.addr, ben.addr, 10, block.timestamp, 5);
        bytes32 digest = keccak256(
            abi.encodePacked(
                "\x19\x01",
                coffee.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256(
                            "Send(address holder,address to,uint256 amount,uint256 deadline,uint256 nonce)"
                        ),
                        message
                    )
                )
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ann, digest);
        bytes32 upper =
            bytes32(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - uint256(s));
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.NotSignedByHolder.selector, ann.addr));
        coffee.sendFor(message, abi.encodePacked(r, upper, v == 27 ? uint8(28) : uint8(27)));
        coffee.sendFor(message, abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255))));
        vm.expectRevert(abi.encodeWithSelector(Nonces.NonceUsed.selector, ann.addr, 5));
        coffee.sendFor(message, abi.encodePacked(r, s, v));
        assertEq(coffee.balanceOf(ben.addr), 10);
    }

    function test_a_permit_sent_before_does_not_stop_the_trade() public {
        _mint(coffee, ann.addr, 100);
        _mint(books, ben.addr, 100);
        vm.prank(ben.addr);
        books.approve(address(exchange), 0);
        bytes32 digest = _permitDigest(books, ben.addr, address(exchange), type(uint256).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ben, digest);
        vm.prank(eve.addr);
        books.permit(ben.addr, address(exchange), type(uint256).max, block.timestamp, v, r, s);
        IPointsExchange.Permit[] memory permits = new IPointsExchange.Permit[](1);
        permits[0] =
            IPointsExchange.Permit(address(books), ben.addr, type(uint256).max, block.timestamp, v, r, s);
        IPointsExchange.Order memory order = _order(ann.addr, address(coffee), 100, address(books), 100);
        bytes memory signature = _sign(ann, order);
        vm.prank(ben.addr);
        exchange.takeWithPermits(permits, order, signature, 100, 0);
        assertEq(books.balanceOf(ann.addr), 100);
    }

    /// @dev A permit is a call to any address by the exchange, which holds power over all points.
    function test_a_permit_cannot_make_the_exchange_do_anything_else(address victim, uint256 value) public {
        vm.assume(victim != address(0));
        _mint(coffee, ann.addr, 100);
        IPointsExchange.Permit[] memory permits = new IPointsExchange.Permit[](3);
        permits[0] = IPointsExchange.Permit(address(coffee), victim, value, block.timestamp, 27, "r", "s");
        permits[1] = IPointsExchange.Permit(address(exchange), victim, value, block.timestamp, 27, "r", "s");
        permits[2] = IPointsExchange.Permit(address(brands), victim, value, block.timestamp, 27, "r", "s");
        vm.recordLogs();
        exchange.settleWithPermits(
            permits, new IPointsExchange.Order[](0), new bytes[](0), new IPointsExchange.Transfer[](0)
        );
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_cancelling_again_cannot_touch_a_later_series() public {
        uint256[] memory none = new uint256[](0);
        uint256[] memory lanes = new uint256[](1);
        lanes[0] = 7 << 128;
        bytes32 digest = keccak256(
            abi.encodePacked(
                "\x19\x01",
                exchange.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256("CancelAll(address maker,uint256[] wholeSeries,uint256[] partialSeries)"),
                        ann.addr,
                        keccak256(abi.encodePacked(lanes)),
                        keccak256(abi.encodePacked(lanes))
                    )
                )
            )
        );
        bytes memory signature = _sign(ann, digest);
        exchange.cancelAllFor(ann.addr, lanes, lanes, signature);
        uint256 whole = exchange.wholeWordOf(ann.addr, 7);
        uint256 parts = exchange.partialWordOf(ann.addr, 7);
        exchange.cancelAllFor(ann.addr, lanes, lanes, signature);
        assertEq(exchange.wholeWordOf(ann.addr, 7), whole);
        assertEq(exchange.partialWordOf(ann.addr, 7), parts);
        vm.expectRevert();
        exchange.cancelAllFor(ann.addr, none, lanes, signature);
        vm.expectRevert();
        exchange.cancelFor(ann.addr, lanes, lanes, signature);
    }

    function test_the_last_series_cannot_be_passed() public {
        bytes32 slot;
        for (uint256 i = 0; i < 4; ++i) {
            bytes32 outer = keccak256(abi.encode(ann.addr, i));
            slot = keccak256(abi.encode(uint256(9), outer));
            vm.store(address(exchange), slot, bytes32(uint256(type(uint32).max) << 224));
            if (exchange.wholeWordOf(ann.addr, 9) != 0) break;
        }
        assertEq(exchange.wholeWordOf(ann.addr, 9) >> 224, type(uint32).max);
        uint256[] memory lanes = new uint256[](1);
        lanes[0] = (9 << 128) | (uint256(type(uint32).max) << 64);
        vm.prank(ann.addr);
        vm.expectRevert();
        exchange.cancelAll(lanes, new uint256[](0));
        assertEq(exchange.wholeWordOf(ann.addr, 9) >> 224, type(uint32).max);
    }

    function test_interfaces_and_domain_are_those_of_the_standards() public {
        assertEq(type(IERC7818).interfaceId, bytes4(0) ^ _xor());
        assertTrue(coffee.supportsInterface(0x01ffc9a7));
        assertTrue(coffee.supportsInterface(0x36372b07));
        assertFalse(coffee.supportsInterface(0xffffffff));
        IBrands.Launch memory params =
            _launch(unicode"a name of exactly sixty-four bytes, which takes two slots of it.", "LONG");
        LoyaltyToken token = LoyaltyToken(brands.launch(params));
        (bytes1 fields, string memory name, string memory version, uint256 chain, address at,,) =
            token.eip712Domain();
        assertEq(fields, bytes1(0x0f));
        assertEq(name, params.name);
        bytes32 separator = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chain,
                at
            )
        );
        assertEq(token.DOMAIN_SEPARATOR(), separator);
        assertEq(at, address(token));
    }

    function _xor() internal pure returns (bytes4) {
        return bytes4(keccak256("balanceOfAtEpoch(uint256,address)")) ^ bytes4(keccak256("currentEpoch()"))
            ^ bytes4(keccak256("epochLength()")) ^ bytes4(keccak256("epochType()"))
            ^ bytes4(keccak256("validityDuration()")) ^ bytes4(keccak256("isEpochExpired(uint256)"))
            ^ bytes4(keccak256("transferAtEpoch(uint256,address,uint256)"))
            ^ bytes4(keccak256("transferFromAtEpoch(uint256,address,address,uint256)"));
    }
}
