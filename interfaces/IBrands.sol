// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title The birthplace of points
/// @notice Anyone launches a token; only tokens launched here count as points in client and index, since any other could
/// name any exchange. Brands has no owner and no power over what it launched.
/// @dev Warning: names, symbols and domains are bytes that somebody chose: not checked to be text, and claims. A client
/// shows a domain as proven only after it fetched the proof from that domain itself.
interface IBrands {
    /// @notice What a token is born with.
    /// @param owner The brand: who issues.
    /// @param name 1 to 64 bytes.
    /// @param symbol 1 to 16 bytes.
    /// @param decimals 0 to 6.
    /// @param epochLength Seconds, at least one day; points live this epoch and the next three. 0: for ever.
    /// @param origin The first second of epoch 0, not in the future.
    /// @param domain A domain that the brand claims, at most 253 bytes, or nothing. Only if it launches itself.
    struct Launch {
        address owner;
        string name;
        string symbol;
        uint8 decimals;
        uint256 epochLength;
        uint256 origin;
        string domain;
    }

    /// @notice A token was born.
    event Launched(address indexed token, address indexed owner, address indexed launcher, Launch launch);

    /// @notice A brand claims a domain, or none.
    event DomainClaimed(address indexed token, string domain);

    /// @notice Thrown when this sender has launched a token with these very parameters before.
    error AlreadyLaunched(address token);

    /// @notice Thrown when a token was not launched here.
    error UnknownToken(address token);

    /// @notice Thrown when a birth fails without a reason: there was too little gas.
    error LaunchFailed();

    /// @notice Thrown when somebody but the owner of a token claims a domain for it.
    error NotTheBrand(address token, address sender);

    /// @notice Thrown when a domain has more than 253 bytes.
    error BadDomain(string domain);

    /// @notice Thrown when the creation code is empty.
    error NoTokenCode();

    /// @notice Thrown when the exchange has no code.
    error NoExchange(address exchange);

    /// @notice Launches a token at an address that depends on the sender and on each parameter.
    function launch(Launch calldata params) external returns (address token);

    /// @notice Claims a domain for a token. Only its owner.
    function claimDomain(address token, string calldata domain) external;

    /// @notice The address at which `launcher` would launch this token.
    function addressOf(address launcher, Launch calldata params) external view returns (address);

    /// @notice Whether a token was launched here.
    function isToken(address token) external view returns (bool);

    /// @notice The domain that a token's brand claims.
    function domainOf(address token) external view returns (string memory);

    /// @notice The exchange that all tokens launched here are born with.
    function exchange() external view returns (address);

    /// @notice The contract whose code stores the tokens' creation code.
    function tokenCode() external view returns (address);
}
