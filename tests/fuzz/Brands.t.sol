// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {PointsExchange} from "../../contracts/exchange/PointsExchange.sol";
import {Brands} from "../../contracts/loyalty/Brands.sol";
import {LoyaltyToken} from "../../contracts/loyalty/LoyaltyToken.sol";
import {IBrands} from "../../interfaces/IBrands.sol";
import {ILoyaltyToken} from "../../interfaces/ILoyaltyToken.sol";

/// @notice Anyone launches tokens; where a token lies depends on who launches it and with which parameters.
contract BrandsTest is Test {
    Brands private _brands;
    address private _exchange;
    address private _brand = makeAddr("brand");
    address private _launcher = makeAddr("launcher");
    address private _stranger = makeAddr("stranger");

    function setUp() public {
        vm.warp(1_700_000_000);
        _exchange = address(new PointsExchange());
        _brands = new Brands(_exchange, type(LoyaltyToken).creationCode);
    }

    function _params() private view returns (IBrands.Launch memory) {
        return IBrands.Launch({
            owner: _brand,
            name: "Le Panier",
            symbol: "PANIER",
            decimals: 2,
            epochLength: 30 days,
            origin: 1_690_000_000,
            domain: ""
        });
    }

    function _launch(IBrands.Launch memory params) private returns (LoyaltyToken) {
        vm.prank(_launcher);
        return LoyaltyToken(_brands.launch(params));
    }

    // --------------------------------------------------------------------------------------------- birth

    function test_stores_exchange_and_code() public view {
        assertEq(_brands.exchange(), _exchange);
        // Stored behind one byte that makes it uncallable.
        assertEq(_brands.tokenCode().code, bytes.concat(hex"00", type(LoyaltyToken).creationCode));
    }

    function test_revertWhen_exchange_has_no_code() public {
        vm.expectRevert(abi.encodeWithSelector(IBrands.NoExchange.selector, _stranger));
        new Brands(_stranger, type(LoyaltyToken).creationCode);
        vm.expectRevert(abi.encodeWithSelector(IBrands.NoExchange.selector, address(0)));
        new Brands(address(0), type(LoyaltyToken).creationCode);
    }

    function test_revertWhen_token_code_is_empty() public {
        vm.expectRevert(IBrands.NoTokenCode.selector);
        new Brands(_exchange, "");
    }

    // -------------------------------------------------------------------------------------------- launch

    function test_launches_a_token_with_these_parameters() public {
        IBrands.Launch memory params = _params();
        address foretold = _brands.addressOf(_launcher, params);
        assertFalse(_brands.isToken(foretold));
        vm.expectEmit(address(_brands));
        emit IBrands.Launched(foretold, _brand, _launcher, params);
        LoyaltyToken token = _launch(params);
        assertEq(address(token), foretold);
        assertTrue(_brands.isToken(address(token)));
        assertEq(_brands.domainOf(address(token)), "");
        assertEq(token.exchange(), _exchange);
        assertEq(token.owner(), _brand);
        assertEq(token.name(), "Le Panier");
        assertEq(token.symbol(), "PANIER");
        assertEq(token.decimals(), 2);
        assertEq(token.epochLength(), 30 days);
        assertEq(token.origin(), 1_690_000_000);
    }

    function test_who_launches_for_itself_claims_a_domain_with_it() public {
        IBrands.Launch memory params = _params();
        params.domain = "panier.example";
        address foretold = _brands.addressOf(_brand, params);
        vm.expectEmit(address(_brands));
        emit IBrands.DomainClaimed(foretold, "panier.example");
        vm.expectEmit(address(_brands));
        emit IBrands.Launched(foretold, _brand, _brand, params);
        vm.prank(_brand);
        _brands.launch(params);
        assertEq(_brands.domainOf(foretold), "panier.example");
    }

    /// @notice Nobody ties a domain to a brand that never agreed.
    function test_revertWhen_a_domain_is_claimed_for_somebody_else() public {
        IBrands.Launch memory params = _params();
        params.domain = "panier.example";
        address foretold = _brands.addressOf(_launcher, params);
        vm.expectRevert(abi.encodeWithSelector(IBrands.NotTheBrand.selector, foretold, _launcher));
        _launch(params);
        params.domain = "";
        vm.recordLogs();
        assertEq(_brands.domainOf(address(_launch(params))), "");
        // The owner of the token, and the launch: no claim.
        assertEq(vm.getRecordedLogs().length, 2);
    }

    /// @notice A birth that ran out of gas says nothing itself, so Brands does, and remembers nothing of it.
    function test_revertWhen_there_is_too_little_gas() public {
        IBrands.Launch memory params = _params();
        vm.expectRevert(IBrands.LaunchFailed.selector);
        vm.prank(_launcher);
        _brands.launch{gas: 2_000_000}(params);
        assertFalse(_brands.isToken(_brands.addressOf(_launcher, params)));
        _launch(params);
    }

    function test_revertWhen_launched_before() public {
        address token = address(_launch(_params()));
        vm.expectRevert(abi.encodeWithSelector(IBrands.AlreadyLaunched.selector, token));
        _launch(_params());
        vm.prank(_stranger);
        assertTrue(_brands.launch(_params()) != token);
    }

    /// @notice Attack 30: who watches a launch and is faster gets another address, and cannot take the watched one.
    function test_launch_cannot_be_taken_by_somebody_faster() public {
        IBrands.Launch memory params = _params();
        address foretold = _brands.addressOf(_launcher, params);
        vm.prank(_stranger);
        assertTrue(_brands.launch(params) != foretold);
        params.owner = _stranger;
        vm.prank(_stranger);
        assertTrue(_brands.launch(params) != foretold);
        assertEq(address(_launch(_params())), foretold);
    }

    /// @notice Attack 15: each parameter, and where one text ends and the next begins, makes another address.
    function test_address_depends_on_each_parameter() public view {
        IBrands.Launch[] memory many = new IBrands.Launch[](10);
        for (uint256 i = 0; i < 10; ++i) {
            many[i] = _params();
        }
        many[1].owner = _stranger;
        many[2].name = "Le PanierP";
        many[2].symbol = "ANIER";
        many[3].name = "Le Panier ";
        many[4].symbol = "PANIEr";
        many[5].decimals = 3;
        many[6].epochLength = 31 days;
        many[7].origin = 1_690_000_001;
        many[8].symbol = "PANIER";
        many[8].domain = "panier.example";
        many[9].symbol = "PANIERpanier";
        many[9].domain = ".example";
        for (uint256 i = 0; i < 10; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                assertTrue(_brands.addressOf(_launcher, many[i]) != _brands.addressOf(_launcher, many[j]));
            }
            assertTrue(_brands.addressOf(_launcher, many[i]) != _brands.addressOf(_stranger, many[i]));
        }
    }

    function testFuzz_tells_the_address_before(address launcher, IBrands.Launch memory params) public {
        vm.assume(launcher != address(0) && params.owner != address(0));
        vm.assume(bytes(params.name).length != 0 && bytes(params.name).length <= 64);
        vm.assume(bytes(params.symbol).length != 0 && bytes(params.symbol).length <= 16);
        vm.assume(bytes(params.domain).length <= 253);
        if (bytes(params.domain).length != 0) params.owner = launcher;
        params.decimals %= 7;
        params.epochLength = params.epochLength % 2 == 0 ? 0 : bound(params.epochLength, 1 days, 2 ** 62);
        params.origin = bound(params.origin, 0, block.timestamp);
        address foretold = _brands.addressOf(launcher, params);
        vm.prank(launcher);
        assertEq(_brands.launch(params), foretold);
        assertEq(LoyaltyToken(foretold).owner(), params.owner);
    }

    function test_another_Brands_launches_elsewhere() public {
        Brands other = new Brands(_exchange, type(LoyaltyToken).creationCode);
        assertTrue(other.addressOf(_launcher, _params()) != _brands.addressOf(_launcher, _params()));
        assertFalse(other.isToken(address(_launch(_params()))));
    }

    /// @notice What is wrong with a parameter is said by the token's own birth, and nothing is remembered of it.
    function test_revertWhen_a_parameter_is_wrong() public {
        IBrands.Launch[] memory wrong = new IBrands.Launch[](6);
        bytes[] memory said = new bytes[](6);
        for (uint256 i = 0; i < 6; ++i) {
            wrong[i] = _params();
        }
        wrong[0].owner = address(0);
        said[0] = abi.encodeWithSelector(ILoyaltyToken.BadOwner.selector, address(0));
        wrong[1].name = "";
        said[1] = abi.encodeWithSelector(ILoyaltyToken.BadName.selector, "");
        wrong[2].symbol = "SEVENTEEN LETTERS";
        said[2] = abi.encodeWithSelector(ILoyaltyToken.BadSymbol.selector, "SEVENTEEN LETTERS");
        wrong[3].decimals = 7;
        said[3] = abi.encodeWithSelector(ILoyaltyToken.BadDecimals.selector, 7);
        wrong[4].epochLength = 1 days - 1;
        said[4] = abi.encodeWithSelector(ILoyaltyToken.BadEpochLength.selector, 1 days - 1);
        wrong[5].origin = block.timestamp + 1;
        said[5] = abi.encodeWithSelector(ILoyaltyToken.BadOrigin.selector, block.timestamp + 1);
        for (uint256 i = 0; i < 6; ++i) {
            vm.expectRevert(said[i]);
            _launch(wrong[i]);
            assertFalse(_brands.isToken(_brands.addressOf(_launcher, wrong[i])));
        }
        vm.warp(block.timestamp + 1);
        _launch(wrong[5]);
    }

    // ------------------------------------------------------------------------------------------- domains

    function test_owner_claims_a_domain_and_drops_it() public {
        address token = address(_launch(_params()));
        vm.startPrank(_brand);
        vm.expectEmit(address(_brands));
        emit IBrands.DomainClaimed(token, "lepanier.example");
        _brands.claimDomain(token, "lepanier.example");
        assertEq(_brands.domainOf(token), "lepanier.example");
        vm.expectEmit(address(_brands));
        emit IBrands.DomainClaimed(token, "");
        _brands.claimDomain(token, "");
        assertEq(_brands.domainOf(token), "");
        vm.stopPrank();
    }

    function test_domain_holds_253_bytes() public {
        IBrands.Launch memory params = _params();
        vm.startPrank(_brand);
        params.domain = string(new bytes(254));
        vm.expectRevert(abi.encodeWithSelector(IBrands.BadDomain.selector, params.domain));
        _brands.launch(params);
        params.domain = string(new bytes(253));
        address token = _brands.launch(params);
        assertEq(_brands.domainOf(token), params.domain);
        vm.expectRevert(abi.encodeWithSelector(IBrands.BadDomain.selector, string(new bytes(254))));
        _brands.claimDomain(token, string(new bytes(254)));
        _brands.claimDomain(token, string(new bytes(253)));
        vm.stopPrank();
    }

    function test_revertWhen_somebody_else_claims_a_domain() public {
        address token = address(_launch(_params()));
        address[3] memory others = [_launcher, _stranger, token];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IBrands.NotTheBrand.selector, token, others[i]));
            vm.prank(others[i]);
            _brands.claimDomain(token, "x.example");
        }
    }

    function test_the_next_owner_claims_and_the_last_one_cannot() public {
        LoyaltyToken token = _launch(_params());
        vm.prank(_stranger);
        token.requestOwnershipHandover();
        vm.expectRevert(abi.encodeWithSelector(IBrands.NotTheBrand.selector, token, _stranger));
        vm.prank(_stranger);
        _brands.claimDomain(address(token), "x.example");
        vm.prank(_brand);
        token.completeOwnershipHandover(_stranger);
        vm.prank(_stranger);
        _brands.claimDomain(address(token), "x.example");
        vm.expectRevert(abi.encodeWithSelector(IBrands.NotTheBrand.selector, token, _brand));
        vm.prank(_brand);
        _brands.claimDomain(address(token), "y.example");
    }

    /// @notice A token that anyone deployed by herself is none, whatever it says about its owner.
    function test_revertWhen_the_token_was_not_launched_here() public {
        address foreign =
            address(new LoyaltyToken(_exchange, _brand, "Le Panier", "PANIER", 2, 30 days, 1_690_000_000));
        assertFalse(_brands.isToken(foreign));
        assertFalse(_brands.isToken(address(0)));
        vm.expectRevert(abi.encodeWithSelector(IBrands.UnknownToken.selector, foreign));
        vm.prank(_brand);
        _brands.claimDomain(foreign, "x.example");
        vm.expectRevert(abi.encodeWithSelector(IBrands.UnknownToken.selector, address(0)));
        _brands.claimDomain(address(0), "x.example");
        assertEq(_brands.domainOf(foreign), "");
    }
}
