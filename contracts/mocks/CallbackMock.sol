// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A contract that calls back
/// @notice Makes the calls it was given beforehand each time it is called in any other way: as the hook of a token, as the
/// receiver of an ERC-1155, or as a claim that pays out. It signs whatever it is asked to sign, so it can be a maker.
contract CallbackMock {
    struct Step {
        address target;
        bytes data;
    }

    /// @notice What came of a call.
    struct Outcome {
        bool done;
        bytes answer;
    }

    Step[] private _steps;
    Outcome[] private _outcomes;
    bool private _busy;

    /// @notice Adds a call to make when called back. Anyone.
    function plan(address target, bytes calldata data) external {
        _steps.push(Step(target, data));
    }

    /// @notice Makes a call now, as this contract. Anyone.
    function run(address target, bytes calldata data) external returns (bytes memory answer) {
        bool done;
        (done, answer) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice How many planned calls were made.
    function made() external view returns (uint256) {
        return _outcomes.length;
    }

    /// @notice What came of the planned call number `index`.
    function outcome(uint256 index) external view returns (bool done, bytes memory answer) {
        return (_outcomes[index].done, _outcomes[index].answer);
    }

    /// @notice ERC-1271: signs everything.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }

    /// @notice ERC-1155's receiver.
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        _callBack();
        return this.onERC1155Received.selector;
    }

    /// @dev Once: what it calls may call it again.
    fallback() external {
        _callBack();
    }

    function _callBack() private {
        if (_busy) return;
        _busy = true;
        for (uint256 i = 0; i < _steps.length; ++i) {
            (bool done, bytes memory answer) = _steps[i].target.call(_steps[i].data);
            _outcomes.push(Outcome(done, answer));
        }
        _busy = false;
    }
}
