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
        bool ok;
        uint256 failures;
        for (uint256 gas_ = 4_000_000; gas_ < 6_500_000; gas_ += 50_000) {
            uint256 before = vm.snapshotState();
            bytes memory reason;
            (ok, reason) = address(brands).call{gas: gas_}(abi.encodeCall(brands.launch, (params)));
            if (!ok) {
                ++failures;
                assertEq(reason, abi.encodeWithSelector(IBrands.LaunchFailed.selector));
            }
            vm.revertToState(before);
        }
        assertGt(failures, 0, "the least is too little");
        assertTrue(ok, "the most is enough");
    }

    /// @dev Whoever launches names any owner; a domain is claimed by the owner alone.
    function test_nobody_is_given_a_domain_unasked() public {
        IBrands.Launch memory params = _launch("Real Brand", "REAL");
        params.domain = "brand.example";
        address refused = brands.addressOf(eve.addr, params);
        vm.startPrank(eve.addr);
        vm.expectRevert(abi.encodeWithSelector(IBrands.NotTheBrand.selector, refused, eve.addr));
        brands.launch(params);
        assertFalse(brands.isToken(refused));
        params.domain = "";
        address token = brands.launch(params);
        vm.expectRevert(abi.encodeWithSelector(IBrands.NotTheBrand.selector, token, eve.addr));
        brands.claimDomain(token, "brand.example");
        vm.stopPrank();
        assertEq(LoyaltyToken(token).owner(), brand);
        assertEq(brands.domainOf(token), "", "a domain that the owner never claimed");
    }

    function test_a_brand_that_launches_itself_claims_its_domain_in_the_log() public {
        IBrands.Launch memory params = _launch("Real Brand", "REAL");
        params.domain = "brand.example";
        address token = brands.addressOf(brand, params);
        vm.expectEmit(address(brands));
        emit IBrands.DomainClaimed(token, "brand.example");
        vm.prank(brand);
        brands.launch(params);
        assertEq(brands.domainOf(token), "brand.example");
    }

    /// @dev Names are bytes that somebody chose: no text in UTF-8, or commands to a terminal. They come back as they were
    /// given, in bounds of length, so that a reader takes them as bytes and decides itself what to show.
    function test_names_are_bytes_and_come_back_as_they_were_given() public {
        bytes[2] memory names = [bytes(hex"ff"), bytes(hex"1b5b324a436f66666565")];
        for (uint256 i = 0; i < 2; ++i) {
            IBrands.Launch memory params = _launch(string(names[i]), "TEA");
            address token = brands.launch(params);
            (bool ok, bytes memory answer) = token.staticcall(abi.encodeCall(ILoyaltyToken.name, ()));
            assertTrue(ok);
            assertEq(abi.decode(answer, (bytes)), names[i]);
        }
        IBrands.Launch memory long = _launch(string(new bytes(65)), "TEA");
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadName.selector, long.name));
        brands.launch(long);
        long = _launch("Tea", string(new bytes(17)));
        vm.expectRevert(abi.encodeWithSelector(ILoyaltyToken.BadSymbol.selector, long.symbol));
        brands.launch(long);
        long = _launch("Tea", "TEA");
        long.domain = string(new bytes(254));
        vm.prank(brand);
        vm.expectRevert(abi.encodeWithSelector(IBrands.BadDomain.selector, long.domain));
        brands.launch(long);
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
