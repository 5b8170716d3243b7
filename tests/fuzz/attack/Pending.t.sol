// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILoyaltyToken} from "../../../interfaces/ILoyaltyToken.sol";
import {AttackBase} from "./AttackBase.sol";

/// @dev The brand against its customers: once points are mature, nothing that the owner or an issuer does keeps them from the
/// customer, and a release never fails, however full the lots are.
contract PendingAttack is AttackBase {
    struct Purchase {
        address issuer;
        uint256 id;
        uint256 left;
        uint256 due;
    }

    Purchase[] private _purchases;
    bytes[] private _acts;
    uint256 private _references;
    address[3] private _issuers;
    address private _owner;

    function setUp() public override {
        super.setUp();
        _issuers = [address(0), till, stranger];
        _owner = brand;
    }

    // --------------------------------------------------------------------------------------------- a machine

    /// @dev Full lots, nearly full ones, exactly what there is room for and one more, and small amounts.
    function _amount(uint256 seed) private view returns (uint256) {
        (uint256[4] memory lots,, uint256 pending, uint256 promised) = coffee.liability();
        uint256 taken = lots[3] + pending + promised;
        uint256 room = taken < MAX_LOT ? MAX_LOT - taken : 0;
        uint256 kind = seed % 8;
        seed >>= 8;
        if (kind == 0) return seed % 1_000;
        if (kind == 1) return seed % (MAX_LOT + 2);
        if (kind == 2) return MAX_LOT - seed % 3;
        if (kind == 3) return room;
        if (kind == 4) return room + 1;
        if (kind == 5) return MAX_LOT - (lots[seed % 3] + pending > MAX_LOT ? 0 : lots[seed % 3] + pending);
        return room / (2 + seed % 6);
    }

    function _words(uint256 amount) private view returns (uint256[] memory words) {
        words = new uint256[](1);
        words[0] = _word(amount, ann.addr);
    }

    function _try(address sender, bytes memory data) private returns (bool done, bytes memory answer) {
        vm.prank(sender);
        return address(coffee).call(data);
    }

    function _act(uint256 seed) private {
        uint256 kind = seed % 14;
        uint256 amount = _amount(seed >> 8);
        address issuer = _issuers[1 + (seed >> 80) % 2];
        bytes32 ref = bytes32(++_references);
        uint256 lock = block.timestamp + (seed >> 96) % (4 * LENGTH);
        if (kind == 0) {
            _try(brand, abi.encodeCall(coffee.mint, (ben.addr, amount)));
        } else if (kind < 3) {
            uint256 epoch = coffee.currentEpoch() - (seed >> 96) % 4;
            _try(brand, abi.encodeCall(coffee.mintAtEpoch, (ref, epoch, _words(amount))));
        } else if (kind < 6) {
            _promise(kind == 5 ? issuer : address(0), ref, 1 + (seed >> 96) % (3 * LENGTH), amount);
        } else if (kind == 6) {
            uint256 until = (seed >> 88) % 2 == 0 ? 0 : lock;
            _try(brand, abi.encodeCall(coffee.setGrant, (issuer, 0, amount, 0, until)));
        } else if (kind == 7) {
            _try(issuer, abi.encodeCall(coffee.issue, (0, ben.addr, amount, 0)));
        } else if (kind == 8) {
            _try(stranger, abi.encodeCall(coffee.releaseGrant, (issuer, 0)));
        } else if (kind == 9) {
            uint256 held = coffee.balanceOf(ben.addr);
            _try(ben.addr, abi.encodeCall(coffee.redeem, (amount % (held + 1), bytes32((seed >> 96) % 4))));
        } else if (kind == 10) {
            bytes32 receipt = bytes32((seed >> 96) % 4);
            (, uint256[4] memory left,) = coffee.redemptionOf(ben.addr, receipt);
            uint256 most = left[0] + left[1] + left[2] + left[3];
            if ((seed >> 120) % 2 == 0) amount = most;
            if ((seed >> 128) % 2 == 0) {
                _try(brand, abi.encodeCall(coffee.giveBack, (ben.addr, receipt, amount)));
            } else {
                _try(issuer, abi.encodeCall(coffee.giveBackFrom, (0, ben.addr, receipt, amount)));
            }
        } else if (kind == 11) {
            _cancel(seed >> 96, amount);
        } else if (kind == 12 && _purchases.length != 0) {
            Purchase storage purchase = _purchases[(seed >> 96) % _purchases.length];
            if (block.timestamp < purchase.due) return;
            _release(purchase.issuer, purchase.id);
            purchase.left = 0;
        } else {
            uint256 left = LENGTH - block.timestamp % LENGTH;
            uint256 how = (seed >> 88) % 4;
            if (how == 0) vm.warp(block.timestamp + left);
            else if (how == 1) vm.warp(block.timestamp + left - 1);
            else vm.warp(block.timestamp + (seed >> 96) % (2 * LENGTH));
        }
    }

    function _promise(address issuer, bytes32 ref, uint256 wait, uint256 amount) private {
        uint256 due = block.timestamp + wait;
        (bool done, bytes memory answer) = issuer == address(0)
            ? _try(brand, abi.encodeCall(coffee.mintPending, (ref, due, _words(amount))))
            : _try(issuer, abi.encodeCall(coffee.issuePending, (0, ref, due, _words(amount))));
        if (done) _purchases.push(Purchase(issuer, abi.decode(answer, (uint256)), amount, due));
    }

    function _cancel(uint256 seed, uint256 amount) private {
        if (_purchases.length == 0) return;
        Purchase storage purchase = _purchases[seed % _purchases.length];
        if (seed % 3 == 0) amount = purchase.left;
        (bool done,) = _try(
            seed % 2 == 0 || purchase.issuer == address(0) ? brand : purchase.issuer,
            abi.encodeCall(coffee.cancelPending, (purchase.issuer, purchase.id, amount))
        );
        if (!done) return;
        assertLt(block.timestamp, purchase.due, "mature points were cancelled");
        purchase.left -= amount;
    }

    function _release(address issuer, uint256 id) private {
        uint256[] memory ids = new uint256[](1);
        ids[0] = id;
        vm.prank(eve.addr);
        coffee.releasePending(issuer, ids);
    }

    /// @dev Each of what is mature by now gives its customer exactly what is left of it, in its lot; then every locked grant
    /// still issues what it holds; and no lot of the supply has run over into the next.
    function _assertAllArrives() private {
        uint256 state = vm.snapshotState();
        uint256 epoch = coffee.currentEpoch();
        uint256[4] memory wanted;
        for (uint256 age = 0; age < 4; ++age) {
            wanted[age] = coffee.balanceOfAtEpoch(epoch - age, ann.addr);
        }
        for (uint256 i = 0; i < _purchases.length; ++i) {
            Purchase storage purchase = _purchases[i];
            if (purchase.due > block.timestamp || purchase.left == 0) continue;
            uint256 age = epoch - purchase.due / LENGTH;
            if (age < 4) wanted[age] += purchase.left;
            _release(purchase.issuer, purchase.id);
        }
        for (uint256 age = 0; age < 4; ++age) {
            assertLe(wanted[age], MAX_LOT, "a lot would run over");
            assertEq(coffee.balanceOfAtEpoch(epoch - age, ann.addr), wanted[age], "what she got");
        }
        for (uint256 i = 1; i < 3; ++i) {
            ILoyaltyToken.Grant memory grant = coffee.grantOf(_issuers[i], 0);
            if (grant.lockedUntil < block.timestamp || grant.amount == 0) continue;
            vm.prank(_issuers[i]);
            coffee.issue(0, eve.addr, grant.amount, 0);
        }
        (uint256[4] memory supply,,,) = coffee.liability();
        for (uint256 age = 0; age < 4; ++age) {
            uint256 sum = coffee.balanceOfAtEpoch(epoch - age, ann.addr);
            sum += coffee.balanceOfAtEpoch(epoch - age, ben.addr);
            sum += coffee.balanceOfAtEpoch(epoch - age, eve.addr);
            assertEq(supply[3 - age], sum, "a lot of the supply is the sum of its holders'");
        }
        vm.revertToStateAndDelete(state);
    }

    function _assertBooks() private view {
        uint256 pending;
        for (uint256 i = 0; i < _purchases.length; ++i) {
            Purchase storage purchase = _purchases[i];
            (address customer, uint256 amount, uint256 due) = coffee.pendingOf(purchase.issuer, purchase.id);
            assertEq(amount, purchase.left, "what is pending changed unasked");
            if (amount != 0) assertTrue(customer == ann.addr && due == purchase.due, "another purchase");
            pending += amount;
        }
        (,, uint256 total, uint256 promised) = coffee.liability();
        assertEq(total, pending, "pending is the sum of the purchases");
        assertLe(total + promised, MAX_LOT, "promises fit a lot");
        uint256 locked;
        for (uint256 i = 1; i < 3; ++i) {
            ILoyaltyToken.Grant memory grant = coffee.grantOf(_issuers[i], 0);
            if (grant.lockedUntil != 0) locked += grant.amount;
        }
        assertGe(promised, locked, "promised is an upper bound");
    }

    /// forge-config: default.fuzz.runs = 128
    /// forge-config: deep.fuzz.runs = 3000
    function testFuzz_a_release_never_fails(uint256 seed) public {
        for (uint256 i = 0; i < 40; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _act(seed);
            _assertBooks();
            _assertAllArrives();
            if (i % 4 != 0) continue;
            // And so at any later time, if nobody does anything in between.
            uint256 now_ = block.timestamp;
            vm.warp(now_ + (seed >> 100) % (5 * LENGTH));
            _assertAllArrives();
            vm.warp(now_);
        }
    }

    /// @dev The brand fills every lot as far as it can, one way after the other, in each epoch until the last.
    function test_lots_filled_to_the_brim_keep_the_room() public {
        _promise(address(0), "a", 1, MAX_LOT / 4);
        _promise(address(0), "b", LENGTH, MAX_LOT / 4);
        vm.prank(brand);
        coffee.setGrant(till, 0, MAX_LOT / 4, 0, block.timestamp + 10 * LENGTH);
        uint256 room = MAX_LOT - 3 * (MAX_LOT / 4);
        _mint(coffee, ben.addr, room);
        for (uint256 epochs = 0; epochs < 4; ++epochs) {
            for (uint256 age = 0; age < 4; ++age) {
                // As much as fits, by halves, down to the last unit.
                for (uint256 part = MAX_LOT; part != 0; part /= 2) {
                    uint256 epoch = coffee.currentEpoch() - age;
                    bytes32 ref = bytes32(++_references);
                    _try(brand, abi.encodeCall(coffee.mintAtEpoch, (ref, epoch, _wordsTo(ben.addr, part))));
                }
            }
            _assertBooks();
            vm.warp(block.timestamp + 1);
            _assertAllArrives();
            vm.warp(block.timestamp + LENGTH - 1);
            _assertAllArrives();
        }
    }

    function _wordsTo(address to, uint256 amount) private pure returns (uint256[] memory words) {
        words = new uint256[](1);
        words[0] = _word(amount, to);
    }

    // ------------------------------------------------------------------------------- every function, every state

    /// @dev Every function of the token that changes anything, as whoever may call it. `seed` chooses amounts.
    function _collect(uint256 seed) private {
        delete _acts;
        uint256[] memory none = new uint256[](1);
        uint256[] memory words = _words(1 + seed % MAX_LOT);
        uint256 due = block.timestamp + 1 + seed % LENGTH;
        bytes memory signature = new bytes(65);
        uint256 amount = seed % 3 == 0 ? MAX_LOT : seed % 3 == 1 ? 100 : 1;
        address to = seed % 2 == 0 ? brand : ann.addr;
        _acts.push(abi.encodeCall(coffee.transfer, (to, 0)));
        _acts.push(abi.encodeCall(coffee.transferFrom, (ann.addr, to, amount)));
        _acts.push(abi.encodeCall(coffee.approve, (brand, amount)));
        _acts.push(abi.encodeCall(coffee.permit, (ann.addr, brand, amount, due, 27, "r", "s")));
        _acts.push(abi.encodeCall(coffee.approveFor, (ann.addr, brand, amount, due, signature)));
        _acts.push(abi.encodeCall(coffee.transferFromWithin, (ann.addr, to, amount, 0, 0)));
        _acts.push(abi.encodeCall(coffee.transferAtEpoch, (coffee.currentEpoch(), to, 0)));
        _acts.push(abi.encodeCall(coffee.transferFromAtEpoch, (coffee.currentEpoch(), ann.addr, to, amount)));
        _acts.push(
            abi.encodeCall(coffee.sendFor, (ILoyaltyToken.Send(ann.addr, to, amount, due, 0), signature))
        );
        _acts.push(abi.encodeCall(coffee.transferFromPocket, (0, to, 0, 0)));
        _acts.push(abi.encodeCall(coffee.mint, (ben.addr, amount)));
        _acts.push(abi.encodeCall(coffee.mintFor, (ben.addr, amount, "mintFor")));
        _acts.push(abi.encodeCall(coffee.mintBatch, ("mintBatch", _wordsTo(ben.addr, amount))));
        for (uint256 age = 0; age < 5; ++age) {
            uint256 epoch = coffee.currentEpoch() - age;
            bytes32 ref = bytes32("mintAtEpoch") | bytes32(age);
            _acts.push(abi.encodeCall(coffee.mintAtEpoch, (ref, epoch, _wordsTo(ben.addr, amount))));
        }
        _acts.push(abi.encodeCall(coffee.issue, (0, ben.addr, amount, "issue")));
        _acts.push(abi.encodeCall(coffee.issueBatch, (0, "issueBatch", _wordsTo(ben.addr, amount))));
        ILoyaltyToken.SignedVoucher[] memory list = new ILoyaltyToken.SignedVoucher[](1);
        list[0] = _voucher(amount, due);
        _acts.push(abi.encodeCall(coffee.claim, (list[0])));
        _acts.push(abi.encodeCall(coffee.claimBatch, (list)));
        for (uint256 i = 0; i < 3; ++i) {
            _acts.push(abi.encodeCall(coffee.setGrant, (_issuers[i], 0, amount, 0, 0)));
            _acts.push(abi.encodeCall(coffee.setGrant, (_issuers[i], 0, 0, 0, 0)));
            _acts.push(abi.encodeCall(coffee.setGrant, (_issuers[i], 1, amount, 1, due)));
            _acts.push(abi.encodeCall(coffee.releaseGrant, (_issuers[i], 0)));
            for (uint256 id = 0; id < 2; ++id) {
                _acts.push(abi.encodeCall(coffee.cancelPending, (_issuers[i], id, 1)));
                _acts.push(abi.encodeCall(coffee.cancelPending, (_issuers[i], id, 50)));
                _acts.push(abi.encodeCall(coffee.cancelPending, (_issuers[i], id, 100)));
                _acts.push(abi.encodeCall(coffee.cancelPending, (_issuers[i], id, 0)));
                _acts.push(abi.encodeCall(coffee.cancelPending, (_issuers[i], id, 2 ** 56 + 100)));
            }
            _acts.push(abi.encodeCall(coffee.cancelPending, (_issuers[i], MAX_LOT, 1)));
        }
        _acts.push(abi.encodeCall(coffee.mintPending, ("mintPending", due, words)));
        _acts.push(abi.encodeCall(coffee.issuePending, (0, "issuePending", due, words)));
        _acts.push(abi.encodeCall(coffee.redeem, (1, "redeem")));
        _acts.push(
            abi.encodeCall(
                coffee.redeemFor,
                (ILoyaltyToken.Redeem(ann.addr, 1, "redeemFor", address(0), due, 1), signature)
            )
        );
        _acts.push(abi.encodeCall(coffee.giveBack, (ben.addr, "receipt", 100)));
        _acts.push(abi.encodeCall(coffee.giveBackFrom, (0, ben.addr, "receipt", 100)));
        _acts.push(abi.encodeCall(coffee.cancelNonces, (none)));
        _acts.push(abi.encodeCall(coffee.cancelNoncesFor, (ann.addr, none, signature)));
        _acts.push(abi.encodeCall(coffee.transferOwnership, (eve.addr)));
        _acts.push(abi.encodeCall(coffee.renounceOwnership, ()));
        _acts.push(abi.encodeCall(coffee.requestOwnershipHandover, ()));
        _acts.push(abi.encodeCall(coffee.cancelOwnershipHandover, ()));
        _acts.push(abi.encodeCall(coffee.completeOwnershipHandover, (till)));
    }

    /// @dev Of the till's, by its own key.
    function _voucher(uint256 amount, uint256 due)
        private
        returns (ILoyaltyToken.SignedVoucher memory signed)
    {
        signed.voucher = ILoyaltyToken.Voucher(till, 0, ben.addr, false, amount, 0, due, 0);
        bytes32 kind = keccak256(
            "Voucher(address issuer,uint256 grantId,address recipient,bool isKey,uint256 amount,bytes32 receiptId,uint256 deadline,uint256 nonce)"
        );
        bytes32 message = keccak256(abi.encode(kind, signed.voucher));
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", coffee.DOMAIN_SEPARATOR(), message));
        signed.signature = _sign(vm.createWallet("till"), digest);
    }

    /// @dev 0: just mature. 1 to 3: so many epochs late. 4: its lot has expired. 5: the lots are as full as can be. 6: the
    /// token has another owner. 7: the issuer's grant is locked. 8: the second of maturity is the last of the epoch.
    function _enterState(uint256 which) private {
        vm.prank(brand);
        coffee.setGrant(till, 0, 1_000, 0, 0);
        vm.prank(brand);
        coffee.setGrant(stranger, 0, 1_000, 0, 0);
        _mint(coffee, ben.addr, 1_000);
        vm.prank(ben.addr);
        coffee.redeem(100, "receipt");
        uint256 wait = which == 8 ? LENGTH - 1 : LENGTH / 2;
        for (uint256 i = 0; i < 3; ++i) {
            _promise(_issuers[i], bytes32(++_references), wait, 100);
        }
        vm.warp(block.timestamp + wait);
        if (which > 0 && which < 5) vm.warp(block.timestamp + which * LENGTH);
        if (which == 5) {
            (uint256[4] memory lots,, uint256 pending,) = coffee.liability();
            _mint(coffee, ben.addr, MAX_LOT - lots[3] - pending);
        }
        if (which == 6) {
            vm.prank(eve.addr);
            coffee.requestOwnershipHandover();
            vm.prank(brand);
            coffee.completeOwnershipHandover(eve.addr);
            _owner = eve.addr;
        }
        if (which == 7) {
            vm.prank(brand);
            coffee.setGrant(till, 0, 1_000, 0, block.timestamp + 10 * LENGTH);
        }
    }

    /// @dev Each alone, from owner, former owner, issuers and a stranger, and then all of them one after the other: what is
    /// mature stays as it was, and arrives whole.
    /// forge-config: default.fuzz.runs = 3
    /// forge-config: deep.fuzz.runs = 200
    function testFuzz_no_function_reaches_mature_points_in_any_state(uint256 seed) public {
        uint256 birth = vm.snapshotState();
        for (uint256 which = 0; which < 9; ++which) {
            _enterState(which);
            address[4] memory senders = [_owner, brand, till, stranger];
            _collect(seed);
            uint256 done;
            uint256 state = vm.snapshotState();
            for (uint256 i = 0; i < _acts.length; ++i) {
                for (uint256 s = 0; s < 4; ++s) {
                    (bool ok,) = _try(senders[s], _acts[i]);
                    _assertUntouched();
                    if (!ok) continue;
                    ++done;
                    _assertAllArrives();
                    vm.revertToState(state);
                }
            }
            assertGt(done, 20, "hardly anything could be done");
            for (uint256 i = 0; i < _acts.length; ++i) {
                _try(senders[uint256(keccak256(abi.encode(seed, i))) % 4], _acts[i]);
                _assertUntouched();
            }
            _assertAllArrives();
            vm.revertToState(birth);
        }
    }

    function _assertUntouched() private view {
        for (uint256 i = 0; i < 3; ++i) {
            (address customer, uint256 amount, uint256 due) =
                coffee.pendingOf(_purchases[i].issuer, _purchases[i].id);
            assertTrue(
                customer == ann.addr && amount == 100 && due == _purchases[i].due, "the brand reached them"
            );
        }
    }

    // -------------------------------------------------------------------------------------------------- races

    /// @dev Both transactions in one block, in either order, at each second around maturity: just one of them works.
    function testFuzz_return_and_release_never_both(uint256 wait, uint256 shift, bool first) public {
        wait = bound(wait, 2, 3 * LENGTH);
        _promise(address(0), "a", wait, 100);
        vm.warp(block.timestamp + wait + shift % 3 - 1);
        bool mature = shift % 3 != 0;
        uint256[] memory ids = new uint256[](1);
        bytes memory cancel = abi.encodeCall(coffee.cancelPending, (address(0), 0, 100));
        bytes memory release = abi.encodeCall(coffee.releasePending, (address(0), ids));
        bool cancelled;
        if (first) (cancelled,) = _try(brand, cancel);
        (bool released,) = _try(eve.addr, release);
        if (!first) (cancelled,) = _try(brand, cancel);
        assertEq(cancelled, !mature);
        // After it was cancelled there is nothing to release, which is passed over.
        assertEq(released, mature || first);
        assertEq(coffee.balanceOf(ann.addr), mature ? 100 : 0);
    }

    /// @dev Whoever sees a release on its way and does it first takes nothing from anybody.
    function test_a_release_that_comes_second_still_works() public {
        uint256[] memory ids = new uint256[](2);
        _promise(address(0), "a", 1, 100);
        _promise(address(0), "b", 1, 20);
        ids[1] = 1;
        vm.warp(block.timestamp + 1);
        _release(address(0), 0);
        coffee.releasePending(address(0), ids);
        assertEq(coffee.balanceOf(ann.addr), 120);
    }

    /// @dev A stolen till's key can promise no more than its grant, and what it promised the brand takes back in time.
    function test_a_stolen_tills_pending_points_are_cancelled_by_the_brand() public {
        vm.prank(brand);
        coffee.setGrant(till, 0, 1_000, 0, 0);
        _promise(till, "a", 1 days, 1_000);
        vm.startPrank(brand);
        coffee.setGrant(till, 0, 0, 0, 0);
        coffee.cancelPending(till, 0, 1_000);
        vm.stopPrank();
        vm.warp(block.timestamp + 1 days);
        _release(till, 0);
        assertEq(coffee.totalSupply(), 0);
    }

    /// @dev An issuer that is no key but the zero address, or that shares ids with another, reaches nobody else's.
    function test_ids_of_different_issuers_are_apart() public {
        vm.startPrank(brand);
        coffee.setGrant(till, 0, 1_000, 0, 0);
        coffee.setGrant(stranger, 0, 1_000, 0, 0);
        vm.stopPrank();
        _promise(address(0), "a", 1 days, 1);
        _promise(till, "a", 1 days, 20);
        _promise(stranger, "a", 1 days, 300);
        vm.prank(till);
        coffee.cancelPending(till, 0, 20);
        vm.warp(block.timestamp + 1 days);
        _release(till, 0);
        assertEq(coffee.balanceOf(ann.addr), 0);
        _release(stranger, 0);
        assertEq(coffee.balanceOf(ann.addr), 300);
        _release(address(0), 0);
        assertEq(coffee.balanceOf(ann.addr), 301);
    }
}
