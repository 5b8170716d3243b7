// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test, Vm} from "forge-std/Test.sol";

import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {Brands} from "../../../contracts/loyalty/Brands.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IBrands} from "../../../interfaces/IBrands.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";

/// @dev Two brands, an exchange and some people, at the first second of epoch 100.
abstract contract AttackBase is Test {
    uint256 internal constant LENGTH = 90 days;
    uint256 internal constant MAX_LOT = (1 << 56) - 1;
    uint256 internal constant START = 100 * LENGTH;

    PointsExchange internal exchange;
    Brands internal brands;
    LoyaltyToken internal coffee;
    LoyaltyToken internal books;

    address internal brand = makeAddr("brand");
    address internal stranger = makeAddr("stranger");
    address internal till = makeAddr("till");
    Vm.Wallet internal ann;
    Vm.Wallet internal ben;
    Vm.Wallet internal eve;

    function setUp() public virtual {
        vm.warp(START);
        exchange = new PointsExchange();
        brands = new Brands(address(exchange), type(LoyaltyToken).creationCode);
        vm.startPrank(brand);
        coffee = LoyaltyToken(brands.launch(_launch("Coffee", "CFE")));
        books = LoyaltyToken(brands.launch(_launch("Books", "BKS")));
        vm.stopPrank();
        ann = vm.createWallet("ann");
        ben = vm.createWallet("ben");
        eve = vm.createWallet("eve");
    }

    function _launch(string memory name, string memory symbol) internal view returns (IBrands.Launch memory) {
        return IBrands.Launch({
            owner: brand, name: name, symbol: symbol, decimals: 0, epochLength: LENGTH, origin: 0, domain: ""
        });
    }

    function _mint(LoyaltyToken token, address to, uint256 amount) internal {
        vm.prank(brand);
        token.mint(to, amount);
    }

    function _sign(Vm.Wallet memory signer, bytes32 digest) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signer, digest);
        return abi.encodePacked(r, s, v);
    }

    function _order(address maker, address give, uint256 giveAmount, address want, uint256 wantAmount)
        internal
        view
        returns (IPointsExchange.Order memory order)
    {
        order.maker = maker;
        order.giveToken = give;
        order.giveAmount = giveAmount;
        order.wantToken = want;
        order.wantAmount = wantAmount;
        order.openUntil = block.timestamp;
    }

    function _sign(Vm.Wallet memory signer, IPointsExchange.Order memory order)
        internal
        returns (bytes memory)
    {
        return _sign(signer, exchange.digestOf(order));
    }

    function _word(uint256 amount, address to) internal pure returns (uint256) {
        return (amount << 160) | uint160(to);
    }
}
