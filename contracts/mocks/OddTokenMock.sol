// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A token that misbehaves as it is told
/// @notice Speaks as much of ERC-20, ERC-1155 and `LoyaltyToken` as the exchange uses, with one balance behind all three,
/// so that each oddity can be tried as each kind. Allowances are honest: 0 or everything.
contract OddTokenMock {
    enum Oddity {
        None,
        TakesFee,
        DeliversNothing,
        DeliversWhatIsThere,
        DeliversTwice,
        ReturnsNothing,
        ReturnsFalse,
        ReturnsTwo,
        ReturnsMegabyte,
        Reverts,
        RevertsWithMegabyte,
        BurnsGas,
        HalvesBalances,
        DoublesBalances,
        ReportsFallingBalances,
        ReportsRisingBalances
    }

    uint256 private constant _MEGABYTE = 1 << 20;

    /// @notice What is odd about it now.
    Oddity public oddity;
    /// @notice Who is called before anything moves; nobody if zero.
    address public hook;
    /// @notice How often anybody asked for a transfer or a permit.
    uint256 public calls;

    mapping(address account => uint256 shares) private _shares;
    mapping(address account => mapping(address spender => bool)) private _approved;
    uint256 private _numerator = 1;
    uint256 private _denominator = 1;

    event Transfer(address indexed from, address indexed to, uint256 value);

    error OddRefusal();

    /// @notice Chooses the oddity. Anyone.
    function behave(Oddity oddity_) external {
        oddity = oddity_;
    }

    /// @notice Chooses who is called before anything moves. Anyone.
    function setHook(address hook_) external {
        hook = hook_;
    }

    /// @notice Gives `amount` to `to`. Anyone.
    function mint(address to, uint256 amount) external {
        _shares[to] += amount * _denominator / _numerator;
        emit Transfer(address(0), to, amount);
    }

    /// @notice ERC-20; any value but 0 authorises for everything.
    function approve(address spender, uint256 value) external returns (bool) {
        _approved[msg.sender][spender] = value != 0;
        return true;
    }

    /// @notice ERC-1155.
    function setApprovalForAll(address operator, bool approved) external {
        _approved[msg.sender][operator] = approved;
    }

    /// @notice EIP-2612 in form; believes everybody.
    function permit(address owner, address spender, uint256 value, uint256, uint8, bytes32, bytes32)
        external
    {
        ++calls;
        _callHook();
        _approved[owner][spender] = value != 0;
        _answer();
    }

    /// @notice ERC-20, from the sender.
    function transfer(address to, uint256 value) external {
        _callHook();
        _move(msg.sender, to, value);
        _answer();
    }

    /// @notice ERC-20.
    function transferFrom(address from, address to, uint256 value) external {
        _spend(from, to, value);
        _answer();
    }

    /// @notice ERC-1155; all ids are one.
    function safeTransferFrom(address from, address to, uint256, uint256 value, bytes calldata) external {
        _spend(from, to, value);
        _answer();
    }

    /// @notice As `LoyaltyToken`, without any lots.
    function transferFromWithin(address from, address to, uint256 value, uint256, uint256) external {
        _spend(from, to, value);
        _answer();
    }

    /// @notice ERC-20.
    function balanceOf(address account) public view returns (uint256) {
        if (oddity == Oddity.ReportsFallingBalances) return gasleft();
        if (oddity == Oddity.ReportsRisingBalances) return type(uint256).max - gasleft();
        return _shares[account] * _numerator / _denominator;
    }

    /// @notice ERC-1155; all ids are one.
    function balanceOf(address account, uint256) external view returns (uint256) {
        return balanceOf(account);
    }

    function _spend(address from, address to, uint256 value) private {
        ++calls;
        require(_approved[from][msg.sender], "OddTokenMock: not approved");
        _callHook();
        _move(from, to, value);
    }

    function _callHook() private {
        if (hook == address(0)) return;
        (bool done,) = hook.call("");
        require(done, "OddTokenMock: the hook failed");
    }

    function _move(address from, address to, uint256 value) private {
        Oddity odd = oddity;
        if (odd == Oddity.Reverts) revert OddRefusal();
        if (odd == Oddity.RevertsWithMegabyte) _end(false);
        if (odd == Oddity.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (odd == Oddity.HalvesBalances) _denominator *= 2;
        if (odd == Oddity.DoublesBalances) _numerator *= 2;
        if (odd == Oddity.DeliversNothing || odd == Oddity.ReturnsFalse) return;
        uint256 shares = value * _denominator / _numerator;
        if (odd == Oddity.DeliversWhatIsThere && shares > _shares[from]) shares = _shares[from];
        _shares[from] -= shares;
        if (odd == Oddity.TakesFee) shares -= shares / 100 + 1;
        if (odd == Oddity.DeliversTwice) shares *= 2;
        _shares[to] += shares;
        emit Transfer(from, to, value);
    }

    /// @dev Ends the call with the answer that is due, `true` unless something is odd.
    function _answer() private view {
        uint256 word = 1;
        if (oddity == Oddity.ReturnsFalse) word = 0;
        if (oddity == Oddity.ReturnsTwo) word = 2;
        if (oddity == Oddity.ReturnsMegabyte) _end(true);
        bool silent = oddity == Oddity.ReturnsNothing;
        assembly ("memory-safe") {
            mstore(0x00, word)
            return(0x00, shl(5, iszero(silent)))
        }
    }

    /// @dev Ends the call with a megabyte whose first word is `true`.
    function _end(bool well) private pure {
        uint256 size = _MEGABYTE;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, 1)
            if well { return(free, size) }
            revert(free, size)
        }
    }
}
