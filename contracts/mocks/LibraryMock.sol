// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Nonces} from "../libraries/Nonces.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title The libraries of nonces and signatures, each function by itself
contract LibraryMock {
    using Nonces for Nonces.Whole;
    using Nonces for Nonces.Partial;

    Nonces.Whole private _whole;
    Nonces.Partial private _partial;

    function useWhole(address signer, uint256 nonce) external {
        _whole.use(signer, nonce);
    }

    function tryUseWhole(address signer, uint256 nonce) external returns (bool) {
        return _whole.tryUse(signer, nonce);
    }

    function usePartial(address signer, uint256 nonce, uint256 amount, uint256 limit) external {
        _partial.use(signer, nonce, amount, limit);
    }

    function cancelWhole(address signer, uint256[] calldata nonces) external {
        _whole.cancel(signer, nonces);
    }

    function cancelPartial(address signer, uint256[] calldata nonces) external {
        _partial.cancel(signer, nonces);
    }

    function cancelWholeSeries(address signer, uint256[] calldata nonces) external {
        _whole.cancelSeries(signer, nonces);
    }

    function cancelPartialSeries(address signer, uint256[] calldata nonces) external {
        _partial.cancelSeries(signer, nonces);
    }

    /// @notice Puts a word where years of use would have brought it.
    function setWhole(address signer, uint256 lane, uint256 word) external {
        _whole.lanes[signer][lane].word = word;
    }

    /// @notice Puts a word where years of use would have brought it.
    function setPartial(address signer, uint256 lane, uint256 word) external {
        _partial.lanes[signer][lane].word = word;
    }

    function isOpen(address signer, uint256 nonce) external view returns (bool) {
        return _whole.isOpen(signer, nonce);
    }

    function leftOf(address signer, uint256 nonce, uint256 limit) external view returns (uint256) {
        return _partial.leftOf(signer, nonce, limit);
    }

    function wholeWordOf(address signer, uint256 lane) external view returns (uint256) {
        return _whole.lanes[signer][lane].word;
    }

    function partialWordOf(address signer, uint256 lane) external view returns (uint256) {
        return _partial.lanes[signer][lane].word;
    }

    function isSigned(address signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return Signatures.isValid(signer, digest, signature);
    }

    function isSignedInWords(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s)
        external
        view
        returns (bool)
    {
        return Signatures.isValid(signer, digest, v, r, s);
    }
}
