// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC1155 as MultiToken} from "solady/tokens/ERC1155.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {FallbackMock} from "../../../contracts/mocks/FallbackMock.sol";
import {OddTokenMock} from "../../../contracts/mocks/OddTokenMock.sol";
import {IPointsExchange} from "../../../interfaces/IPointsExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// @notice Attack 10: tokens that do not do what they were told, as each kind, given and wanted.
contract PointsExchangeAssetsTest is ExchangeTest {
    OddTokenMock private _odd;

    /// @dev Stands for a revert without data.
    bytes private constant _SILENT = "";

    function setUp() public override {
        super.setUp();
        _odd = new OddTokenMock();
        for (uint256 i = 0; i < 2; ++i) {
            _odd.mint(customers[i], 1_000);
            vm.prank(customers[i]);
            _odd.approve(address(exchange), type(uint256).max);
        }
    }

    /// @dev Alice gives 100 of the odd token for 80 BETA.
    function _given(uint8 kind) private returns (IPointsExchange.Order memory) {
        return giving(points(alice, acme, 100, beta, 80), address(_odd), kind, 0);
    }

    /// @dev Alice wants 100 of the odd token for 80 BETA.
    function _wanted(uint8 kind) private returns (IPointsExchange.Order memory) {
        return wanting(points(alice, beta, 80, acme, 100), address(_odd), kind, 0);
    }

    function _short(address to, uint256 delivered) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(IPointsExchange.ShortDelivery.selector, address(_odd), to, delivered, 100);
    }

    function _notPoints(address token) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IPointsExchange.TransferRefused.selector, token);
    }

    /// @dev By every way there is: taken and settled, given and wanted.
    function _refused(OddTokenMock.Oddity oddity, uint8 kind, bytes memory toBob, bytes memory toAlice)
        private
    {
        _odd.behave(oddity);
        takeAsReverts(bob, _given(kind), 100, toBob);
        takeAsReverts(bob, _wanted(kind), 80, toAlice);
        settleAsReverts(bob, list(_given(kind)), swap(100, 80), toBob);
        settleAsReverts(bob, list(_wanted(kind)), swap(80, 100), toAlice);
        settleReverts(
            list(_given(kind), wanting(points(bob, beta, 80, acme, 100), address(_odd), kind, 0)),
            swap(100, 80),
            toBob
        );
        assertEq(beta.balanceOf(alice) + beta.balanceOf(bob), 8 * LOT);
        assertEq(beta.balanceOf(alice), 4 * LOT);
    }

    function _refused(OddTokenMock.Oddity oddity, uint8 kind, bytes memory reason) private {
        _refused(oddity, kind, reason, reason);
    }

    function _accepted(OddTokenMock.Oddity oddity, uint8 kind) private {
        uint256 snapshot = vm.snapshotState();
        _odd.behave(oddity);
        takeAs(bob, _given(kind), 100);
        takeAs(bob, _wanted(kind), 80);
        settleAs(bob, list(_given(kind)), swap(100, 80));
        settleAs(bob, list(_wanted(kind)), swap(80, 100));
        assertEq(_odd.calls(), 4);
        assertEq(beta.balanceOf(alice), 4 * LOT);
        vm.revertToState(snapshot);
    }

    function _accepted(OddTokenMock.Oddity oddity) private {
        for (uint8 kind = 0; kind < 3; ++kind) {
            _accepted(oddity, kind);
        }
    }

    // -------------------------------------------------------------------------------------------- what it says

    function test_an_honest_token() public {
        _accepted(OddTokenMock.Oddity.None);
    }

    function test_returns_nothing() public {
        _accepted(OddTokenMock.Oddity.ReturnsNothing, ERC20);
        _accepted(OddTokenMock.Oddity.ReturnsNothing, ERC1155);
        _refused(OddTokenMock.Oddity.ReturnsNothing, POINTS, _notPoints(address(_odd)));
    }

    function test_returns_false() public {
        _refused(OddTokenMock.Oddity.ReturnsFalse, POINTS, _notPoints(address(_odd)));
        _refused(
            OddTokenMock.Oddity.ReturnsFalse,
            ERC20,
            abi.encodeWithSelector(SafeTransferLib.TransferFromFailed.selector)
        );
        _refused(OddTokenMock.Oddity.ReturnsFalse, ERC1155, _short(bob, 0), _short(alice, 0));
    }

    function test_returns_neither_true_nor_false() public {
        _refused(OddTokenMock.Oddity.ReturnsTwo, POINTS, _notPoints(address(_odd)));
        _refused(
            OddTokenMock.Oddity.ReturnsTwo,
            ERC20,
            abi.encodeWithSelector(SafeTransferLib.TransferFromFailed.selector)
        );
        _accepted(OddTokenMock.Oddity.ReturnsTwo, ERC1155);
    }

    function test_returns_a_megabyte() public {
        _accepted(OddTokenMock.Oddity.ReturnsMegabyte);
    }

    function test_reverts() public {
        bytes memory refusal = abi.encodeWithSelector(OddTokenMock.OddRefusal.selector);
        _refused(OddTokenMock.Oddity.Reverts, POINTS, refusal);
        _refused(
            OddTokenMock.Oddity.Reverts,
            ERC20,
            abi.encodeWithSelector(SafeTransferLib.TransferFromFailed.selector)
        );
        _refused(OddTokenMock.Oddity.Reverts, ERC1155, refusal);
    }

    function test_reverts_with_a_megabyte() public {
        bytes memory megabyte = new bytes(1 << 20);
        megabyte[31] = 0x01;
        _refused(OddTokenMock.Oddity.RevertsWithMegabyte, POINTS, megabyte);
        _refused(
            OddTokenMock.Oddity.RevertsWithMegabyte,
            ERC20,
            abi.encodeWithSelector(SafeTransferLib.TransferFromFailed.selector)
        );
        _refused(OddTokenMock.Oddity.RevertsWithMegabyte, ERC1155, megabyte);
    }

    function test_burns_all_gas() public {
        _odd.behave(OddTokenMock.Oddity.BurnsGas);
        for (uint8 kind = 0; kind < 3; ++kind) {
            IPointsExchange.Order memory order = _given(kind);
            bytes memory signature = sign(order);
            vm.prank(bob);
            (bool done,) = address(exchange).call{gas: 1_000_000}(
                abi.encodeCall(exchange.take, (order, signature, 100, 0))
            );
            assertFalse(done);
            assertEq(exchange.remainingOf(order), 100);
        }
    }

    // ------------------------------------------------------------------------------------------- what it delivers

    function test_takes_a_fee() public {
        _refused(OddTokenMock.Oddity.TakesFee, ERC20, _short(bob, 98), _short(alice, 98));
        _refused(OddTokenMock.Oddity.TakesFee, ERC1155, _short(bob, 98), _short(alice, 98));
    }

    function test_delivers_nothing() public {
        _refused(OddTokenMock.Oddity.DeliversNothing, ERC20, _short(bob, 0), _short(alice, 0));
        _refused(OddTokenMock.Oddity.DeliversNothing, ERC1155, _short(bob, 0), _short(alice, 0));
    }

    function test_delivers_less_when_there_is_less() public {
        _accepted(OddTokenMock.Oddity.DeliversWhatIsThere);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(customers[i]);
            _odd.transfer(stranger, 901);
        }
        _refused(OddTokenMock.Oddity.DeliversWhatIsThere, ERC20, _short(bob, 99), _short(alice, 99));
        _refused(OddTokenMock.Oddity.DeliversWhatIsThere, ERC1155, _short(bob, 99), _short(alice, 99));
    }

    /// What comes on top does not count: the price was agreed in what was listed.
    function test_delivers_more() public {
        _accepted(OddTokenMock.Oddity.DeliversTwice);
        _odd.behave(OddTokenMock.Oddity.DeliversTwice);
        IPointsExchange.Order memory order = _wanted(ERC20);
        settleAsReverts(
            bob,
            list(order),
            swap(80, 99),
            abi.encodeWithSelector(IPointsExchange.BelowPrice.selector, digest(order), 80, 99)
        );
    }

    function test_halves_everybodys_balance() public {
        // 1,000 before; afterwards half of 1,000, and the 100.
        _refused(OddTokenMock.Oddity.HalvesBalances, ERC20, _short(bob, 0), _short(alice, 0));
        _refused(OddTokenMock.Oddity.HalvesBalances, ERC1155, _short(bob, 0), _short(alice, 0));
    }

    function test_doubles_everybodys_balance() public {
        _accepted(OddTokenMock.Oddity.DoublesBalances);
    }

    // ---------------------------------------------------------------------------------------------- what it lies

    function test_reports_balances_that_fall() public {
        _refused(OddTokenMock.Oddity.ReportsFallingBalances, ERC20, _short(bob, 0), _short(alice, 0));
        _refused(OddTokenMock.Oddity.ReportsFallingBalances, ERC1155, _short(bob, 0), _short(alice, 0));
    }

    /// Nobody can see through a token that lies well; it harms those alone who wanted it.
    function test_reports_balances_that_rise() public {
        _accepted(OddTokenMock.Oddity.ReportsRisingBalances);
    }

    // ------------------------------------------------------------------------------------- what is not a token

    function test_accepts_every_call() public {
        address silent = address(new FallbackMock(""));
        address short = address(new FallbackMock(new bytes(31)));
        address zero = address(new FallbackMock(abi.encode(false)));
        address eager = address(new FallbackMock(abi.encode(true)));
        bytes memory failed = abi.encodeWithSelector(SafeTransferLib.TransferFromFailed.selector);
        bytes4 less = IPointsExchange.ShortDelivery.selector;
        _refusedAs(silent, POINTS, _notPoints(silent));
        _refusedAs(silent, ERC20, _SILENT);
        _refusedAs(silent, ERC1155, _SILENT);
        _refusedAs(short, POINTS, _notPoints(short));
        _refusedAs(short, ERC20, _SILENT);
        _refusedAs(short, ERC1155, _SILENT);
        _refusedAs(zero, POINTS, _notPoints(zero));
        _refusedAs(zero, ERC20, failed);
        _refusedAs(zero, ERC1155, abi.encodeWithSelector(less, zero, bob, 0, 100));
        _refusedAs(eager, ERC20, abi.encodeWithSelector(less, eager, bob, 0, 100));
        _refusedAs(eager, ERC1155, abi.encodeWithSelector(less, eager, bob, 0, 100));
    }

    /// Whoever signs an order for something else as points trusts it: nobody measures.
    function test_passes_for_points() public {
        address eager = address(new FallbackMock(abi.encode(true)));
        takeAs(bob, giving(points(alice, acme, 100, beta, 80), eager, POINTS, 0), 100);
        assertEq(beta.balanceOf(alice), 4 * LOT + 80);
    }

    function _refusedAs(address token, uint8 kind, bytes memory reason) private {
        takeAsReverts(bob, giving(points(alice, acme, 100, beta, 80), token, kind, 0), 100, reason);
    }

    /// Accounts without code, and two precompiles that answer whatever they are asked.
    function test_has_no_code() public {
        address[5] memory nobodies = [address(0), stranger, address(1), address(2), address(4)];
        for (uint256 i = 0; i < 5; ++i) {
            for (uint8 kind = 0; kind < 3; ++kind) {
                bytes memory reason = _SILENT;
                if (kind == POINTS) reason = _notPoints(nobodies[i]);
                // Their answers pass for balances.
                if (kind == ERC20 && i > 2) {
                    reason = abi.encodeWithSelector(SafeTransferLib.TransferFromFailed.selector);
                }
                _refusedAs(nobodies[i], kind, reason);
                takeAsReverts(
                    bob, wanting(points(alice, beta, 80, acme, 100), nobodies[i], kind, 0), 80, reason
                );
            }
        }
    }

    function test_is_the_exchange_itself() public {
        for (uint8 kind = 0; kind < 3; ++kind) {
            takeAsReverts(
                bob, giving(points(alice, acme, 100, beta, 80), address(exchange), kind, 0), 100, _SILENT
            );
        }
    }

    /// Kind 0 is for points: an ERC-20 does not know the call, an ERC-1155 neither, and points are not coupons.
    function test_is_of_another_kind() public {
        fund(alice, 100);
        takeAsReverts(bob, giving(points(alice, acme, 100, beta, 80), address(cash), POINTS, 0), 100, _SILENT);
        takeAsReverts(
            bob, giving(points(alice, acme, 100, beta, 80), address(coupons), POINTS, 0), 100, _SILENT
        );
        takeAsReverts(
            bob, giving(points(alice, acme, 100, beta, 80), address(cash), ERC1155, 0), 100, _SILENT
        );
        takeAsReverts(
            bob, giving(points(alice, acme, 100, beta, 80), address(coupons), ERC20, 0), 100, _SILENT
        );
        takeAsReverts(
            bob, giving(points(alice, acme, 100, beta, 80), address(acme), ERC1155, 0), 100, _SILENT
        );
    }

    /// Points may also go as an ERC-20: without bounds, and measured.
    function test_points_as_an_erc20() public {
        takeAs(bob, giving(points(alice, acme, 100, beta, 80), address(acme), ERC20, 0), 100);
        assertEq(acme.balanceOf(bob), 4 * LOT + 100);
    }

    // ------------------------------------------------------------------------------------------- not authorised

    function test_reverts_when_money_is_not_authorised() public {
        cash.mint(alice, 100);
        coupons.mint(alice, 7, 100);
        takeAsReverts(
            bob,
            giving(points(alice, acme, 100, beta, 80), address(cash), ERC20, 0),
            100,
            abi.encodeWithSelector(SafeTransferLib.TransferFromFailed.selector)
        );
        takeAsReverts(
            bob,
            giving(points(alice, acme, 100, beta, 80), address(coupons), ERC1155, 7),
            100,
            abi.encodeWithSelector(MultiToken.NotOwnerNorApproved.selector)
        );
    }

    /// A contract that cannot receive coupons does not get any, and nothing else moves.
    function test_reverts_when_the_receiver_refuses_coupons() public {
        fund(alice, 100);
        FallbackMock receiver = new FallbackMock("");
        IPointsExchange.Order memory order =
            giving(points(alice, acme, 100, beta, 80), address(coupons), ERC1155, 7);
        vm.prank(bob);
        beta.transfer(address(receiver), 80);
        takeAsReverts(
            address(receiver),
            order,
            100,
            abi.encodeWithSelector(MultiToken.TransferToNonERC1155ReceiverImplementer.selector)
        );
        assertEq(exchange.remainingOf(order), 100);
        fund(bob, 1);
        takeAs(bob, order, 100);
    }
}
