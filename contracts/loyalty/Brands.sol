// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {IBrands} from "../../interfaces/IBrands.sol";
import {ILoyaltyToken} from "../../interfaces/ILoyaltyToken.sol";

/// @title The birthplace of points
contract Brands is IBrands {
    /// @inheritdoc IBrands
    address public immutable exchange;

    /// @inheritdoc IBrands
    address public immutable tokenCode;

    mapping(address token => address launcher) private _launchers;
    mapping(address token => string domain) private _domains;

    /// @param exchange_ The exchange that every token is born with.
    /// @param creationCode `LoyaltyToken`'s creation code, without arguments.
    constructor(address exchange_, bytes memory creationCode) {
        if (exchange_.code.length == 0) revert NoExchange(exchange_);
        if (creationCode.length == 0) revert NoTokenCode();
        exchange = exchange_;
        tokenCode = SSTORE2.write(creationCode);
    }

    /// @inheritdoc IBrands
    function launch(Launch calldata params) external returns (address token) {
        bytes memory code = _creationCode(params);
        bytes32 salt = _salt(msg.sender, params);
        token = _create2Address(salt, keccak256(code));
        if (_launchers[token] != address(0)) revert AlreadyLaunched(token);
        _launchers[token] = msg.sender;
        if (bytes(params.domain).length != 0) {
            if (params.owner != msg.sender) revert NotTheBrand(token, msg.sender);
            _claim(token, params.domain);
        }
        emit Launched(token, params.owner, msg.sender, params);
        bool born;
        assembly ("memory-safe") {
            born := iszero(iszero(create2(0, add(code, 0x20), mload(code), salt)))
            // The birth of a token says itself what is wrong with a parameter.
            if and(iszero(born), gt(returndatasize(), 0)) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
        if (!born) revert LaunchFailed();
    }

    /// @inheritdoc IBrands
    function claimDomain(address token, string calldata domain) external {
        if (_launchers[token] == address(0)) revert UnknownToken(token);
        if (ILoyaltyToken(token).owner() != msg.sender) revert NotTheBrand(token, msg.sender);
        _claim(token, domain);
    }

    /// @inheritdoc IBrands
    function addressOf(address launcher, Launch calldata params) external view returns (address) {
        return _create2Address(_salt(launcher, params), keccak256(_creationCode(params)));
    }

    /// @inheritdoc IBrands
    function isToken(address token) external view returns (bool) {
        return _launchers[token] != address(0);
    }

    /// @inheritdoc IBrands
    function domainOf(address token) external view returns (string memory) {
        return _domains[token];
    }

    function _claim(address token, string calldata domain) private {
        if (bytes(domain).length > 253) revert BadDomain(domain);
        _domains[token] = domain;
        emit DomainClaimed(token, domain);
    }

    function _creationCode(Launch calldata params) private view returns (bytes memory) {
        return bytes.concat(
            SSTORE2.read(tokenCode),
            abi.encode(
                exchange,
                params.owner,
                params.name,
                params.symbol,
                params.decimals,
                params.epochLength,
                params.origin
            )
        );
    }

    function _salt(address launcher, Launch calldata params) private pure returns (bytes32) {
        return keccak256(abi.encode(launcher, params));
    }

    function _create2Address(bytes32 salt, bytes32 codeHash) private view returns (address) {
        return
            address(
                uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, codeHash))))
            );
    }
}
