// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";

/// @title What tests of LoyaltyToken share: roles, a token, time in epochs, signatures made without the contract
abstract contract LoyaltyTokenTest is Test {
    uint256 internal constant LANE = 2 ** 56 - 1;
    uint256 internal constant ORIGIN = 1_700_000_000;
    uint256 internal constant LENGTH = 30 days;
    uint256 internal constant MAX = type(uint256).max;

    LoyaltyToken internal token;
    address internal brand = makeAddr("brand");
    address internal exchange = makeAddr("exchange");
    address internal issuer;
    address internal buyer = makeAddr("buyer");
    address internal stranger = makeAddr("stranger");
    address internal customer;
    uint256 internal customerKey;
    uint256 internal issuerKey;

    function setUp() public virtual {
        (customer, customerKey) = makeAddrAndKey("customer");
        (issuer, issuerKey) = makeAddrAndKey("issuer");
        vm.warp(ORIGIN);
        token = _launch(LENGTH);
    }

    function _launch(uint256 length) internal returns (LoyaltyToken) {
        return new LoyaltyToken(exchange, brand, "Le Panier", "PANIER", 2, length, ORIGIN);
    }

    // ------------------------------------------------------------------------------------------------ time

    /// @dev Goes to the first second of an epoch.
    function _enter(uint256 epoch) internal {
        vm.warp(ORIGIN + epoch * LENGTH);
    }

    /// @dev Issues `amounts` to `account`, one an epoch, the oldest first; leaves the time in the last of these epochs.
    function _fill(address account, uint256[4] memory amounts) internal {
        uint256 first = token.currentEpoch();
        for (uint256 i = 0; i < 4; ++i) {
            _enter(first + i);
            if (amounts[i] != 0) _mint(account, amounts[i]);
        }
    }

    // --------------------------------------------------------------------------------------------- actions

    function _mint(address to, uint256 amount) internal {
        vm.prank(brand);
        token.mint(to, amount);
    }

    function _grant(uint256 id, uint256 amount, uint256 cap, uint256 lockedUntil) internal {
        vm.prank(brand);
        token.setGrant(issuer, id, amount, cap, lockedUntil);
    }

    function _issue(uint256 id, address to, uint256 amount) internal {
        vm.prank(issuer);
        token.issue(id, to, amount, 0);
    }

    function _redeem(address holder, uint256 amount, bytes32 receiptId) internal {
        vm.prank(holder);
        token.redeem(amount, receiptId);
    }

    function _word(address to, uint256 amount) internal pure returns (uint256) {
        return amount * 2 ** 160 + uint256(uint160(to));
    }

    function _one(uint256 value) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = value;
    }

    // ------------------------------------------------------------------------------------------------ looks

    function _lots(address account) internal view returns (uint256[4] memory amounts) {
        (amounts,) = token.lotsOf(account);
    }

    function _assertLots(address account, uint256 oldest, uint256 second, uint256 third, uint256 youngest)
        internal
        view
    {
        _assertSame(_lots(account), [oldest, second, third, youngest], "lots");
        assertEq(token.balanceOf(account), oldest + second + third + youngest, "balance");
    }

    function _assertSame(uint256[4] memory got, uint256[4] memory wanted, string memory what) internal pure {
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(got[i], wanted[i], string.concat(what, ", from the oldest: ", vm.toString(i)));
        }
    }

    function _pending() internal view returns (uint256 pending) {
        (,, pending,) = token.liability();
    }

    function _promised() internal view returns (uint256 promised) {
        (,,, promised) = token.liability();
    }

    function _assertTotals(uint256 issued, uint256 live, uint256 redeemed, uint256 expired) internal view {
        (uint256 issued_, uint256 live_, uint256 redeemed_, uint256 expired_) = token.totals();
        assertEq(live_, live, "live");
        assertEq(redeemed_, redeemed, "redeemed");
        assertEq(expired_, expired, "expired");
        assertEq(issued_, issued, "issued");
    }

    // ------------------------------------------------------------------------------------------- signatures

    /// @dev The digest as EIP-712 says, from the words of docs/messages.md, without asking the contract.
    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digestOn(block.chainid, address(token), structHash);
    }

    function _digestOn(uint256 chainId, address verifier, bytes32 structHash)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Le Panier"),
                keccak256("1"),
                chainId,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _hash(ILoyaltyToken.Send memory message) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Send(address holder,address to,uint256 amount,uint256 deadline,uint256 nonce)"),
                message.holder,
                message.to,
                message.amount,
                message.deadline,
                message.nonce
            )
        );
    }

    function _hash(ILoyaltyToken.Redeem memory message) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Redeem(address holder,uint256 amount,bytes32 receiptId,address agent,uint256 deadline,uint256 nonce)"
                ),
                message.holder,
                message.amount,
                message.receiptId,
                message.agent,
                message.deadline,
                message.nonce
            )
        );
    }

    function _hash(ILoyaltyToken.Voucher memory message) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Voucher(address issuer,uint256 grantId,address recipient,bool isKey,uint256 amount,bytes32 receiptId,uint256 deadline,uint256 nonce)"
                ),
                message.issuer,
                message.grantId,
                message.recipient,
                message.isKey,
                message.amount,
                message.receiptId,
                message.deadline,
                message.nonce
            )
        );
    }

    /// @param voucher The digest of the voucher, with the domain.
    function _hashClaim(address key, address to, bytes32 voucher) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(keccak256("Claim(address key,address to,bytes32 voucher)"), key, to, voucher)
            );
    }

    function _hashCancel(address holder, uint256[] memory nonces) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("CancelNonces(address holder,uint256[] nonces)"),
                holder,
                keccak256(abi.encodePacked(nonces))
            )
        );
    }

    function _hashPermit(address account, address spender, uint256 value, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                account,
                spender,
                value,
                nonce,
                deadline
            )
        );
    }

    function _sign(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return _signDigest(key, _digest(structHash));
    }

    function _signDigest(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The other signature of the same message, with s in the upper half of the curve's order.
    function _malleated(bytes memory signature) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 s, uint8 v) = _split(signature);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        return abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    }

    /// @dev The same signature in 64 bytes, by ERC-2098.
    function _compact(bytes memory signature) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 s, uint8 v) = _split(signature);
        return abi.encodePacked(r, bytes32(uint256(s) | (v == 28 ? 1 << 255 : 0)));
    }

    function _split(bytes memory signature) internal pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }

    function _nonce(uint256 lane, uint256 series, uint256 index) internal pure returns (uint256) {
        return lane * 2 ** 128 + series * 2 ** 64 + index;
    }
}
