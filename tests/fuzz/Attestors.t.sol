// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Attestors} from "../../contracts/data/Attestors.sol";
import {IAttestors} from "../../interfaces/IAttestors.sol";

contract AttestorsTest is Test {
    Attestors private _attestors = new Attestors();

    function testFuzz_says_who_it_is(address attestor, string calldata name, string calldata domain) public {
        vm.startPrank(attestor);
        if (bytes(name).length == 0 || bytes(name).length > 64) {
            vm.expectRevert(abi.encodeWithSelector(IAttestors.BadAttestorName.selector, name));
            _attestors.nameAttestor(name, domain);
            return;
        }
        if (bytes(domain).length > 253) {
            vm.expectRevert(abi.encodeWithSelector(IAttestors.BadAttestorDomain.selector, domain));
            _attestors.nameAttestor(name, domain);
            return;
        }
        vm.expectEmit(address(_attestors));
        emit IAttestors.AttestorNamed(attestor, name, domain);
        _attestors.nameAttestor(name, domain);
        (string memory named, string memory at) = _attestors.attestorOf(attestor);
        assertEq(named, name);
        assertEq(at, domain);
    }

    function test_lengths_at_their_borders() public {
        string memory longest = string(new bytes(253));
        _attestors.nameAttestor(string(new bytes(64)), longest);
        vm.expectRevert();
        _attestors.nameAttestor(string(new bytes(65)), "");
        vm.expectRevert();
        _attestors.nameAttestor("", "");
        vm.expectRevert();
        _attestors.nameAttestor("a", string.concat(longest, "b"));
        _attestors.nameAttestor("a", "");
        (string memory named, string memory at) = _attestors.attestorOf(address(this));
        assertEq(named, "a");
        assertEq(at, "");
    }

    function testFuzz_revokes_its_own_and_no_other(
        address attestor,
        address stranger,
        uint256[] calldata list
    ) public {
        vm.assume(attestor != stranger);
        if (list.length > 5) list = list[:5];
        vm.expectEmit(address(_attestors));
        emit IAttestors.AttestationsRevoked(attestor, list);
        vm.prank(attestor);
        _attestors.revokeAttestations(list);
        for (uint256 i = 0; i < list.length; ++i) {
            assertTrue(_attestors.isRevoked(attestor, list[i]));
            assertFalse(_attestors.isRevoked(stranger, list[i]));
        }
        // Again, it stays revoked.
        vm.prank(attestor);
        _attestors.revokeAttestations(list);
        for (uint256 i = 0; i < list.length; ++i) {
            assertTrue(_attestors.isRevoked(attestor, list[i]));
        }
    }

    function testFuzz_a_neighbour_is_not_revoked(uint256 index) public {
        uint256[] memory list = new uint256[](1);
        list[0] = index;
        _attestors.revokeAttestations(list);
        unchecked {
            assertFalse(_attestors.isRevoked(address(this), index + 1));
            assertFalse(_attestors.isRevoked(address(this), index ^ 256));
        }
    }
}
