// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Brands} from "../../../contracts/loyalty/Brands.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {IBrands} from "../../../interfaces/IBrands.sol";
import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {AttackBase} from "./AttackBase.sol";

contract LaunchesAttack is AttackBase {
    /// @dev Every error of a launch has a name, also when the birth itself runs out of gas.
    function test_a_launch_that_runs_out_of_gas_says_so() public {
        IBrands.Launch memory params = _launch("Tea", "TEA");
        bool unnamed;
        uint256 at;
        for (uint256 gas_ = 400_000; gas_ < 4_500_000; gas_ += 50_000) {
            uint256 before = vm.snapshotState();
            (bool ok, bytes memory reason) =
                address(brands).call{gas: gas_}(abi.encodeCall(brands.launch, (params)));
            if (!ok && reason.length == 0 && gas_ > 3_000_000) (unnamed, at) = (true, gas_);
            vm.revertToState(before);
        }
        emit log_named_uint("gas", at);
        assertFalse(unnamed, "fails without a reason");
    }

    /// @dev Whoever launches names any owner and any domain: neither has agreed.
    function test_nobody_is_made_a_brand_or_given_a_domain_unasked() public {
        IBrands.Launch memory params = _launch("Real Brand", "REAL");
        params.domain = "brand.example";
        vm.prank(eve.addr);
        address token = brands.launch(params);
        assertEq(LoyaltyToken(token).owner(), brand);
        assertEq(brands.domainOf(token), "", "a domain that the owner never claimed");
    }

    /// @dev A strict reader of UTF-8 stops at the event of such a launch; a terminal obeys the other.
    function test_names_are_text_that_can_be_read() public {
        IBrands.Launch memory params = _launch(string(abi.encodePacked(bytes1(0xff))), "TEA");
        (bool broken,) = address(brands).call(abi.encodeCall(brands.launch, (params)));
        params = _launch(string(abi.encodePacked(bytes1(0x1b), "[2JCoffee")), "TEA");
        (bool escaping,) = address(brands).call(abi.encodeCall(brands.launch, (params)));
        assertFalse(broken || escaping);
    }

    // ------------------------------------------------------------------------------------------- defences

    function test_an_address_depends_on_launcher_and_every_word(uint256 which) public view {
        IBrands.Launch memory a = _launch("Tea", "TEA");
        address at = brands.addressOf(brand, a);
        IBrands.Launch memory b = _launch("Tea", "TEA");
        which %= 8;
        if (which == 0) b.owner = eve.addr;
        if (which == 1) b.name = "Tea ";
        if (which == 2) b.symbol = "TEA ";
        if (which == 3) b.decimals = 1;
        if (which == 4) b.epochLength += 1;
        if (which == 5) b.origin = 1;
        if (which == 6) b.domain = "tea.example";
        assertNotEq(brands.addressOf(which == 7 ? eve.addr : brand, b), at);
    }

    function test_a_launch_cannot_be_raced_or_blocked() public {
        IBrands.Launch memory params = _launch("Tea", "TEA");
        address at = brands.addressOf(brand, params);
        vm.deal(at, 1 ether);
        vm.prank(eve.addr);
        address other = brands.launch(params);
        assertNotEq(other, at);
        vm.prank(brand);
        assertEq(brands.launch(params), at);
        vm.prank(brand);
        vm.expectRevert(abi.encodeWithSelector(IBrands.AlreadyLaunched.selector, at));
        brands.launch(params);
    }

    function test_a_failed_birth_is_no_token(uint256 gas_) public {
        gas_ = bound(gas_, 100_000, 4_200_000);
        IBrands.Launch memory params = _launch("Tea", "TEA");
        address at = brands.addressOf(address(this), params);
        (bool ok,) = address(brands).call{gas: gas_}(abi.encodeCall(brands.launch, (params)));
        assertEq(ok, brands.isToken(at));
        assertEq(ok, at.code.length != 0);
    }

    function test_what_brands_accepts_is_a_loyalty_token_of_its_exchange() public view {
        assertEq(coffee.exchange(), address(exchange));
        LoyaltyToken twin = coffee;
        assertEq(address(twin).codehash == address(books).codehash, false, "immutables differ");
        assertEq(address(coffee).code.length, address(books).code.length);
    }

    function test_no_contract_outgrows_the_limit() public view {
        assertLe(address(coffee).code.length, 23_500);
        assertLe(address(exchange).code.length, 23_500);
        assertLe(address(brands).code.length, 23_500);
        assertLe(brands.tokenCode().code.length, 24_576);
    }

    function test_only_the_owner_of_a_token_claims_a_domain() public {
        vm.expectRevert(abi.encodeWithSelector(IBrands.NotTheBrand.selector, address(coffee), address(this)));
        brands.claimDomain(address(coffee), "x.example");
        vm.expectRevert(abi.encodeWithSelector(IBrands.UnknownToken.selector, address(this)));
        brands.claimDomain(address(this), "x.example");
    }
}
