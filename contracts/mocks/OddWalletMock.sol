// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A contract wallet that answers oddly when it is asked for its signature
contract OddWalletMock {
    enum Answer {
        Yes,
        No,
        True,
        ShortYes,
        DirtyYes,
        Question,
        Nothing,
        YesInMegabyte,
        NoInMegabyte,
        RevertsWithYes,
        BurnsGas,
        CallsBack,
        YesUntilMoved
    }

    uint256 private constant _MEGABYTE = 1 << 20;
    uint256 private constant _YES = 0x1626ba7e << 224;

    /// @notice What it answers now.
    Answer public answer;
    /// @notice Whom it calls while it is asked, or asks for its balance.
    address public target;
    bytes private _data;

    /// @notice Chooses the answer. Anyone.
    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    /// @notice Chooses what it calls while it is asked (`CallsBack`), or whom it asks for its balance, to say yes for as
    /// long as it is not 0 (`YesUntilMoved`). Anyone.
    function setCall(address target_, bytes calldata data) external {
        target = target_;
        _data = data;
    }

    /// @notice Makes a call as the wallet. Anyone.
    function run(address to, bytes calldata data) external returns (bytes memory result) {
        bool done;
        (done, result) = to.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    /// @notice ERC-1271, more or less.
    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        Answer chosen = answer;
        if (chosen == Answer.No) _return(0, 32);
        if (chosen == Answer.True) _return(1, 32);
        if (chosen == Answer.ShortYes) _return(_YES, 4);
        if (chosen == Answer.DirtyYes) _return(_YES | 1, 32);
        if (chosen == Answer.Nothing) _return(0, 0);
        if (chosen == Answer.YesInMegabyte) _return(_YES, _MEGABYTE);
        if (chosen == Answer.NoInMegabyte) _return(0, _MEGABYTE);
        if (chosen == Answer.Question) {
            assembly ("memory-safe") {
                let free := mload(0x40)
                calldatacopy(free, 0, calldatasize())
                return(free, calldatasize())
            }
        }
        if (chosen == Answer.RevertsWithYes) {
            assembly ("memory-safe") {
                mstore(0x00, _YES)
                revert(0x00, 0x20)
            }
        }
        if (chosen == Answer.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (chosen == Answer.CallsBack) {
            (bool done,) = target.call(_data);
            _return(done ? _YES : 0, 32);
        }
        if (chosen == Answer.YesUntilMoved) {
            (, bytes memory held) = target.staticcall(_data);
            _return(abi.decode(held, (uint256)) != 0 ? _YES : 0, 32);
        }
        return 0x1626ba7e;
    }

    function _return(uint256 word, uint256 size) private pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, word)
            return(free, size)
        }
    }
}
