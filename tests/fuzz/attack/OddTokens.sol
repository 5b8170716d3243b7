// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "solady/tokens/ERC20.sol";
import {ERC1155} from "solady/tokens/ERC1155.sol";

contract PlainToken is ERC20 {
    function name() public pure override returns (string memory) {
        return "Plain";
    }

    function symbol() public pure override returns (string memory) {
        return "PLN";
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @dev Takes a tenth on top, from whoever sends.
contract FeeOnTopToken is PlainToken {
    address internal constant COLLECTOR = address(0xFEE);

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        super.transferFrom(from, to, amount);
        _transfer(from, COLLECTOR, amount / 10);
        return true;
    }
}

interface ISends {
    function beforeSending() external;
}

/// @dev Takes half out of what is sent, and tells the sender before it moves anything.
contract HalvingHookToken is PlainToken {
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (from.code.length != 0) ISends(from).beforeSending();
        _transfer(from, address(0xFEE), amount / 2);
        _transfer(from, to, amount - amount / 2);
        return true;
    }
}

/// @dev Owes somebody something, and pays when anyone asks.
contract Claim {
    function release(ERC20 token, address to, uint256 amount) external {
        token.transfer(to, amount);
    }
}

contract Tickets is ERC1155 {
    function uri(uint256) public pure override returns (string memory) {
        return "";
    }

    function mint(address to, uint256 id, uint256 amount) external {
        _mint(to, id, amount, "");
    }
}

/// @dev Says yes to every transfer of points, and calls what it was told to meanwhile.
contract FalsePoints {
    address public target;
    bytes public data;
    bool public succeeded;
    bytes public answer;

    function call(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function transferFromWithin(address, address, uint256, uint256, uint256) external returns (bool) {
        if (target != address(0)) (succeeded, answer) = target.call(data);
        return true;
    }
}
