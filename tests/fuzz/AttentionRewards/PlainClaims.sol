// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAttentionRewards} from "../../../interfaces/IAttentionRewards.sol";

/// @dev The claims that bring no credential, by names of which there are no two.
interface IPlainClaims {
    function claimStatement(IAttentionRewards.Handle calldata, IAttentionRewards.Statement calldata) external;
    function claimTicket(
        IAttentionRewards.Handle calldata,
        IAttentionRewards.Ticket calldata,
        IAttentionRewards.Signature calldata
    ) external;
    function claimCode(
        IAttentionRewards.Handle calldata,
        IAttentionRewards.Ticket calldata,
        IAttentionRewards.Signature calldata
    ) external;
    function claimRoot(IAttentionRewards.Handle calldata, IAttentionRewards.Leaf calldata, bytes32[] calldata)
        external;
}
