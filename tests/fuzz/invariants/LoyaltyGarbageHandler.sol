// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {LoyaltyHandler} from "./LoyaltyHandler.sol";

/// @notice The same calls with strangers as callers, any number as amount, forbidden recipients, wrong epochs, late and
/// foreign signatures, used nonces and receipts. What the token refuses is counted; what it accepts is booked, and
/// noted where it should have been refused.
contract LoyaltyGarbageHandler is LoyaltyHandler {
    constructor(LoyaltyToken token_) LoyaltyHandler(token_) {}

    function _try(address caller, bytes memory data) internal override returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(token).call(data);
    }

    function _badly(uint256 seed) internal pure override returns (bool) {
        return _dice(seed, "badly") % 3 == 0;
    }

    function _rightful(address who, uint256 seed) internal view override returns (address) {
        return _badly(seed) ? _holder(_dice(seed, "caller")) : who;
    }

    function _amount(uint256 seed, uint256 most) internal view override returns (uint256) {
        uint256 dice = _dice(seed, "amount") % 8;
        if (dice == 0) return seed;
        if (dice == 1) return most + 1;
        if (dice == 2) return uint64(seed);
        return super._amount(seed, most);
    }

    function _issue(uint256 seed, uint256 most) internal view override returns (uint256) {
        uint256 dice = _dice(seed, "issue") % 8;
        if (dice == 0) return most + 1;
        if (dice == 1) return LANE + seed % 3 - 1;
        if (dice == 2) return most * 2;
        return super._issue(seed, most);
    }

    /// @dev Now and then somebody new, as long as the accounts can be counted after each call.
    function _receiver(uint256 seed) internal view override returns (address) {
        uint256 dice = _dice(seed, "receiver") % 16;
        if (dice == 0) return address(0);
        if (dice == 1) return address(token);
        if (dice == 2) return exchange;
        if (dice == 3 && accounts.length < 14) return _anyone(seed);
        return super._receiver(seed);
    }

    function _deadline(uint256 seed) internal view override returns (uint256) {
        uint256 dice = _dice(seed, "deadline") % 8;
        if (dice == 0) return time - 1;
        if (dice == 1) return time;
        return super._deadline(seed);
    }

    function _nonce(address holder, uint256 seed) internal override returns (uint256) {
        uint256 dice = _dice(seed, "nonce") % 8;
        if (dice == 0) return _nonceAt(seed % (_nonces[holder] + 1));
        if (dice == 1) return seed;
        if (dice == 2) return _nonceAt(_nonces[holder]) | 1 << 64;
        return super._nonce(holder, seed);
    }

    /// @dev None, or one of those before, which another issuer may have used, or a redemption.
    function _reference(uint256 seed) internal override returns (bytes32) {
        return _dice(seed, "reference") % 6 == 0 ? bytes32(seed % (_references + 1)) : super._reference(seed);
    }

    function _receipt(uint256 seed) internal override returns (bytes32) {
        return _dice(seed, "receipt") % 6 == 0 ? bytes32(seed % (_references + 1)) : super._receipt(seed);
    }

    function _bounds(uint256 lo, uint256 hi)
        internal
        view
        override
        returns (uint256 atLeast, uint256 atMost)
    {
        uint256 dice = _dice(lo, "bounds") % 8;
        if (dice == 0) return (lo, hi);
        if (dice == 1) return (type(uint256).max, 0);
        return super._bounds(lo, hi);
    }

    function _epochOf(address from, uint256 seed)
        internal
        view
        override
        returns (uint256 epoch, uint256 held)
    {
        uint256 dice = _dice(seed, "epoch") % 8;
        if (dice == 0) return (seed, 1);
        if (dice == 1) return (_epoch() + 1, _lot(from, 0));
        if (dice == 2 && _epoch() > 3) return (_epoch() - 4, _points[from][_epoch() - 4]);
        return super._epochOf(from, seed);
    }

    function _livingEpoch(uint256 seed) internal view override returns (uint256) {
        uint256 dice = _dice(seed, "living") % 8;
        if (dice == 0) return seed;
        if (dice == 1) return _epoch() + 1;
        if (dice == 2 && _epoch() > 3) return _epoch() - 4;
        return super._livingEpoch(seed);
    }

    function _maturity(uint256 seed) internal view override returns (uint256) {
        uint256 dice = _dice(seed, "maturity") % 8;
        if (dice == 0) return seed;
        if (dice == 1) return time - seed % 2;
        if (dice == 2) return time + 1;
        return super._maturity(seed);
    }

    /// @dev By another key, or of another message.
    function _sign(uint256 customer, bytes32 message, uint256 seed)
        internal
        view
        override
        returns (bytes memory)
    {
        if (!_badly(seed)) return super._sign(customer, message, seed);
        if (seed % 2 == 0) return _signWith(_key(customer + 1), message);
        return _signWith(_key(customer), keccak256(abi.encode(message)));
    }

    function _checkMessage(uint256 deadline, uint256 seed) internal override {
        if (_badly(seed)) _break(3, "somebody else's signature was accepted");
        super._checkMessage(deadline, seed);
    }

    function _dice(uint256 seed, string memory what) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }
}
