// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {WalletMock} from "../../../contracts/mocks/WalletMock.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {LoyaltyTokenTest} from "./LoyaltyTokenTest.sol";

/// @title What tests of vouchers share: an issuer that signs, a one-time key
abstract contract VouchersTest is LoyaltyTokenTest {
    uint256 internal constant GRANT = 1;

    address internal key;
    uint256 internal secret;

    function setUp() public virtual override {
        super.setUp();
        (key, secret) = makeAddrAndKey("one-time key");
        _grant(GRANT, 1_000, 0, 0);
    }

    // ---------------------------------------------------------------------------------------------- vouchers

    /// @dev 15 points for the customer.
    function _voucher(uint256 index) internal view returns (ILoyaltyToken.Voucher memory) {
        return ILoyaltyToken.Voucher({
            issuer: issuer,
            grantId: GRANT,
            recipient: customer,
            isKey: false,
            amount: 15,
            receiptId: 0,
            deadline: block.timestamp + 1 hours,
            nonce: _nonce(7, 0, index)
        });
    }

    /// @dev Of a copy: whoever changes the voucher afterwards changes another one.
    function _signed(ILoyaltyToken.Voucher memory voucher)
        internal
        view
        returns (ILoyaltyToken.SignedVoucher memory signed)
    {
        signed.voucher = abi.decode(abi.encode(voucher), (ILoyaltyToken.Voucher));
        signed.signature = _sign(issuerKey, _hash(voucher));
    }

    function _signed(uint256 index) internal view returns (ILoyaltyToken.SignedVoucher memory) {
        return _signed(_voucher(index));
    }

    /// @dev 15 points for whom the one-time key names: `to`.
    function _named(uint256 index, address to)
        internal
        view
        returns (ILoyaltyToken.SignedVoucher memory signed)
    {
        ILoyaltyToken.Voucher memory voucher = _voucher(index);
        (voucher.recipient, voucher.isKey) = (key, true);
        signed = _signed(voucher);
        signed.to = to;
        signed.keySignature = _sign(secret, _hashClaim(key, to, _digest(_hash(voucher))));
    }

    function _wallet(address owner) internal returns (address) {
        address[] memory owners = new address[](1);
        owners[0] = owner;
        return address(new WalletMock(owners, 1));
    }

    // ----------------------------------------------------------------------------------------------- submitted

    function _claim(ILoyaltyToken.SignedVoucher memory signed) internal {
        vm.prank(stranger);
        token.claim(signed);
    }

    function _claimBatch(ILoyaltyToken.SignedVoucher[] memory signed) internal returns (uint256) {
        vm.prank(stranger);
        return token.claimBatch(signed);
    }

    function _list(ILoyaltyToken.SignedVoucher memory one)
        internal
        pure
        returns (ILoyaltyToken.SignedVoucher[] memory list)
    {
        list = new ILoyaltyToken.SignedVoucher[](1);
        list[0] = one;
    }

    /// @dev Alone and as a batch, both refused for just that.
    function _assertRefused(ILoyaltyToken.SignedVoucher memory signed, bytes memory reason) internal {
        ILoyaltyToken.SignedVoucher[] memory list = _list(signed);
        vm.startPrank(stranger);
        vm.expectRevert(reason);
        token.claim(signed);
        vm.expectRevert(reason);
        token.claimBatch(list);
        vm.stopPrank();
        assertTrue(token.nonceOpen(signed.voucher.issuer, signed.voucher.nonce), "the nonce is still open");
    }

    /// @dev One that was used or cancelled: refused alone, passed over in a batch.
    function _assertEnded(ILoyaltyToken.SignedVoucher memory signed, bytes memory reason) internal {
        uint256 supply = token.totalSupply();
        vm.expectRevert(reason);
        _claim(signed);
        assertEq(_claimBatch(_list(signed)), 0);
        assertEq(token.totalSupply(), supply);
    }

    function _notSigned() internal view returns (bytes memory) {
        return abi.encodeWithSelector(ILoyaltyToken.NotSignedByIssuer.selector, issuer);
    }

    function _notNamed() internal view returns (bytes memory) {
        return abi.encodeWithSelector(ILoyaltyToken.NotSignedByKey.selector, key);
    }
}
