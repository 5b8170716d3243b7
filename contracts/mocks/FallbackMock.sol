// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A contract that accepts every call and answers each the same
contract FallbackMock {
    bytes private _answer;

    /// @param answer What it answers to everything.
    constructor(bytes memory answer) {
        _answer = answer;
    }

    fallback(bytes calldata) external payable returns (bytes memory) {
        return _answer;
    }

    receive() external payable {}
}
