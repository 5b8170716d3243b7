// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IERC7818} from "./IERC7818.sol";

/// @title Points of one brand, owned by its customers
/// @notice ERC-20 points that expire by themselves. A balance is four lots, one for each epoch that still lives; what is
/// spent comes out of the oldest. Only the brand issues, and only the holder (or someone she authorised) spends.
/// @dev Amounts are in smallest units and below 2^56 in any lot of the whole supply. Times are Unix seconds.
/// @dev Warning: the exchange named at birth may move the points of whoever has not switched it off; it does so only for
/// orders that their makers signed, or for its own caller. A contract that makes calls on behalf of others must switch
/// it off for itself (`approve(exchange, 0)`), or somebody lets it take an order of her own.
/// @dev Warning: points in a wallet expire although no transaction says so: `Transfer` events alone do not give balances.
interface ILoyaltyToken is IERC7818 {
    // ---------------------------------------------------------------------------------------------- types

    /// @notice The right of an issuer to issue points.
    /// @param amount What is left to issue.
    /// @param lockedUntil Until when the brand cannot lower it, inclusive; 0: not locked.
    /// @param capPerDay What may be issued in one day (UTC); 0: no cap.
    /// @param usedToday What was issued today under this cap.
    struct Grant {
        uint256 amount;
        uint256 lockedUntil;
        uint256 capPerDay;
        uint256 usedToday;
    }

    /// @notice The signed message by which a holder gives points away.
    struct Send {
        address holder;
        address to;
        uint256 amount;
        uint256 deadline;
        uint256 nonce;
    }

    /// @notice The signed message by which a holder spends points at the brand.
    /// @param agent The only account that may submit it; 0: anyone.
    struct Redeem {
        address holder;
        uint256 amount;
        bytes32 receiptId;
        address agent;
        uint256 deadline;
        uint256 nonce;
    }

    /// @notice The signed message by which an issuer pays points to whoever submits it, once.
    /// @param grantId The grant of the issuer's that it is charged to.
    /// @param recipient Who gets the points; with `isKey` a one-time key that names her by its own signature.
    /// @param receiptId A salted hash that the issuer has not used before; 0: none.
    struct Voucher {
        address issuer;
        uint256 grantId;
        address recipient;
        bool isKey;
        uint256 amount;
        bytes32 receiptId;
        uint256 deadline;
        uint256 nonce;
    }

    /// @notice A voucher as it is submitted.
    /// @param signature The issuer's.
    /// @param to Whom the one-time key names; without `isKey` of no meaning.
    /// @param keySignature The one-time key's, of `Claim`; without `isKey` of no meaning.
    struct SignedVoucher {
        Voucher voucher;
        bytes signature;
        address to;
        bytes keySignature;
    }

    // --------------------------------------------------------------------------------------------- events

    /// @notice Points moved, were issued (`from` 0) or were redeemed (`to` 0). Expiry emits nothing.
    event Transfer(address indexed from, address indexed to, uint256 value);

    /// @notice A holder authorised a spender, or switched the exchange on (2^256 - 1) or off (0).
    event Approval(address indexed owner, address indexed spender, uint256 value);

    /// @notice Points were issued for a receipt or another reference of the issuer's, or out of a grant.
    /// @param issuer Who issued; the brand itself as the zero address.
    /// @param receiptId The reference; 0 if an issuer gave none.
    event IssuedFor(address indexed issuer, bytes32 indexed receiptId, address indexed to, uint256 amount);

    /// @notice A batch of points was issued.
    /// @param issuer Who issued; the brand itself as the zero address.
    event BatchIssued(address indexed issuer, bytes32 indexed batchId, uint256 recipients, uint256 amount);

    /// @notice A batch of points was issued into the lot of an epoch that still lives.
    event BatchIssuedAtEpoch(
        bytes32 indexed batchId, uint256 indexed epoch, uint256 recipients, uint256 amount
    );

    /// @notice A voucher was paid.
    /// @param receiptId The reference; 0 if it has none.
    event VoucherClaimed(
        address indexed issuer, uint256 indexed nonce, bytes32 indexed receiptId, address to, uint256 amount
    );

    /// @notice Points of a purchase that can be returned until `maturesAt`.
    /// @param issuer Who issued; the brand itself as the zero address.
    event PendingIssued(
        address indexed issuer,
        uint256 indexed id,
        address indexed customer,
        uint256 amount,
        uint256 maturesAt
    );

    /// @notice A batch of pending points was written, under `recipients` ids from `firstId` on.
    event BatchPending(
        address indexed issuer, bytes32 indexed batchId, uint256 firstId, uint256 recipients, uint256 amount
    );

    /// @notice A purchase was returned, in part or whole, before it matured.
    /// @param amount What was taken off.
    event PendingCancelled(address indexed issuer, uint256 indexed id, uint256 amount);

    /// @notice Pending points became the customer's.
    /// @param amount What she got; 0 if the lot of their maturity has expired.
    event PendingReleased(address indexed issuer, uint256 indexed id, uint256 amount);

    /// @notice A grant was set by the brand; the figures are the new ones.
    event GrantSet(
        address indexed issuer, uint256 indexed id, uint256 amount, uint256 capPerDay, uint256 lockedUntil
    );

    /// @notice A grant gave back what it no longer needs of the headroom.
    /// @param freed By how much `promised` fell.
    event GrantReleased(address indexed issuer, uint256 indexed id, uint256 freed);

    /// @notice A holder spent points at the brand.
    event Redeemed(address indexed holder, bytes32 indexed receiptId, uint256 amount, address indexed agent);

    /// @notice The brand gave redeemed points back, in the lots they came from.
    event GivenBack(address indexed holder, bytes32 indexed receiptId, uint256 amount);

    /// @notice Messages with these nonces will never be accepted.
    event NoncesCancelled(address indexed holder, uint256[] nonces);

    // --------------------------------------------------------------------------------------------- errors

    /// @notice Thrown when a holder has too few points. As in ERC-6093.
    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);

    /// @notice Thrown when the recipient is zero, the token itself, or the exchange. As in ERC-6093.
    error ERC20InvalidReceiver(address receiver);

    /// @notice Thrown when a spender has too small an allowance. As in ERC-6093.
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);

    /// @notice Thrown when the zero address is to be authorised. As in ERC-6093.
    error ERC20InvalidSpender(address spender);

    /// @notice Thrown when too few points expire within the bounds that were asked for.
    error PointsOutOfBounds(address holder, uint256 within, uint256 needed, uint256 atLeast, uint256 atMost);

    /// @notice Thrown when the exchange is to move points of a holder who switched it off.
    error ExchangeSwitchedOff(address holder);

    /// @notice Thrown when the exchange is to be authorised for anything but nothing (0) or everything (2^256 - 1).
    error ExchangeAllOrNothing(uint256 value);

    /// @notice Thrown when a lot of the supply would exceed 2^56 - 1, counting what is promised.
    error NoHeadroom(uint256 available, uint256 needed);

    /// @notice Thrown when nothing is to be issued out of a grant or in a batch, redeemed or given back.
    error ZeroAmount();

    /// @notice Thrown when an amount of a grant does not fit into 56 bits.
    error AmountTooLarge(uint256 amount);

    /// @notice Thrown when the reference of a receipt or batch is zero.
    error ReferenceMissing();

    /// @notice Thrown when the issuer has used this reference before.
    error ReferenceUsed(address issuer, bytes32 ref);

    /// @notice Thrown when an issuer asks for more than its grant holds.
    error GrantExceeded(address issuer, uint256 id, uint256 left, uint256 needed);

    /// @notice Thrown when an issuer asks for more than its grant allows in one day.
    error DayCapExceeded(address issuer, uint256 id, uint256 leftToday, uint256 needed);

    /// @notice Thrown when a locked grant would be lowered, shortened, capped, or spent on points that can be cancelled.
    error GrantLocked(address issuer, uint256 id, uint256 lockedUntil);

    /// @notice Thrown when a grant is to be released that has no lock to run out.
    error GrantNotLocked(address issuer, uint256 id);

    /// @notice Thrown when points are to be issued without a receipt, a batch or an event of their own out of a grant without a
    /// lock.
    error IssueWithoutLock(address issuer, uint256 id);

    /// @notice Thrown when a lock lies in the past or beyond 40 bits.
    error LockOutOfRange(uint256 lockedUntil);

    /// @notice Thrown when a signed message is too late.
    error DeadlinePassed(uint256 deadline);

    /// @notice Thrown when a signature is not the holder's.
    error NotSignedByHolder(address holder);

    /// @notice Thrown when a signature is not that of the voucher's issuer.
    error NotSignedByIssuer(address issuer);

    /// @notice Thrown when a signature is not that of the one-time key to which a voucher was made out.
    error NotSignedByKey(address key);

    /// @notice Thrown when points are to be issued into an epoch that has expired or not begun.
    error EpochNotLiving(uint256 epoch, uint256 currentEpoch);

    /// @notice Thrown when pending points would mature at once, in the past, or beyond 40 bits.
    error MaturityOutOfRange(uint256 maturesAt);

    /// @notice Thrown when somebody else than the issuer or the brand cancels a purchase.
    error NotTheIssuer(address issuer, address sender);

    /// @notice Thrown when more is to be cancelled than is pending; nothing is, of a purchase that ended.
    error PendingExceeded(address issuer, uint256 id, uint256 left, uint256 needed);

    /// @notice Thrown when pending points are to be cancelled that are the customer's by now.
    error AlreadyMature(address issuer, uint256 id, uint256 maturesAt);

    /// @notice Thrown when pending points are to be released that can still be cancelled.
    error NotMature(address issuer, uint256 id, uint256 maturesAt);

    /// @notice Thrown when somebody submits a redemption that names another agent.
    error NotTheAgent(address agent, address sender);

    /// @notice Thrown when a holder has redeemed for this receipt before.
    error ReceiptUsed(address holder, bytes32 receiptId);

    /// @notice Thrown when more is to be given back than is left of a redemption and has not expired.
    error GiveBackExceeded(address holder, bytes32 receiptId, uint256 left, uint256 needed);

    /// @notice Thrown at birth when an epoch is shorter than a day or longer than 2^62 seconds.
    error BadEpochLength(uint256 length);

    /// @notice Thrown at birth when epoch 0 would begin in the future.
    error BadOrigin(uint256 origin);

    /// @notice Thrown at birth when there are more than 6 decimals.
    error BadDecimals(uint256 decimals);

    /// @notice Thrown at birth when the name has no or more than 64 bytes.
    error BadName(string name);

    /// @notice Thrown at birth when the symbol has no or more than 16 bytes.
    error BadSymbol(string symbol);

    /// @notice Thrown at birth when the brand is the zero address.
    error BadOwner(address owner);

    /// @notice Thrown at birth when the exchange is the zero address.
    error BadExchangeAddress(address exchange);

    /// @notice Thrown for the two functions of the ownership library that would skip a step.
    error HandOverInTwoSteps();

    // ----------------------------------------------------------------------------------------- ERC-20, -2612

    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    function decimals() external view returns (uint8);

    /// @notice Points that live now, exactly.
    function totalSupply() external view returns (uint256);

    /// @notice Points of `account` that live now.
    function balanceOf(address account) external view returns (uint256);

    /// @notice What `spender` may move for `account`; for the exchange 2^256 - 1 unless she switched it off.
    function allowance(address account, address spender) external view returns (uint256);

    /// @notice Moves points of the sender, those that expire soonest first.
    function transfer(address to, uint256 value) external returns (bool);

    /// @notice Moves points out of an allowance of the sender, those that expire soonest first.
    function transferFrom(address from, address to, uint256 value) external returns (bool);

    /// @notice Authorises a spender. For the exchange: 0 switches it off, 2^256 - 1 on; nothing else is accepted.
    function approve(address spender, uint256 value) external returns (bool);

    /// @notice `approve` by signature, submitted by anyone. Source: EIP-2612; a contract wallet is asked by ERC-1271.
    function permit(
        address account,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice `permit` with a signature of any form: the way for contract wallets whose signatures are longer.
    /// @param signature The signature of the same `Permit` message.
    function approveFor(
        address account,
        address spender,
        uint256 value,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice The next nonce of `permit` and `approveFor`.
    function nonces(address account) external view returns (uint256);

    /// @notice The EIP-712 domain of this token on this chain.
    function DOMAIN_SEPARATOR() external view returns (bytes32);

    // ----------------------------------------------------------------------------------------- moving points

    /// @notice Moves points whose expiry lies within bounds, those that expire soonest first, out of an allowance.
    /// @param atLeast Only lots with `atLeast < expiry`.
    /// @param atMost Only lots with `expiry <= atMost`; 0: no upper bound.
    function transferFromWithin(address from, address to, uint256 value, uint256 atLeast, uint256 atMost)
        external
        returns (bool);

    /// @notice Moves points as the holder's signed message says. Anyone may submit it.
    function sendFor(Send calldata message, bytes calldata signature) external;

    /// @notice Moves points out of a pocket of the sender's, those that expire soonest first.
    /// @param id The pocket, by the sender's own numbering.
    /// @param atLeast Only lots with `atLeast < expiry`; 0: any.
    /// @dev Warning: anyone can send points into a pocket. A contract that admitted only points which live beyond a time
    /// passes that time here too; else a stranger's dying points would go out first.
    function transferFromPocket(bytes32 id, address to, uint256 value, uint256 atLeast) external;

    // ----------------------------------------------------------------------------------------------- issuing

    /// @notice Issues points of the current epoch. Brand only.
    function mint(address to, uint256 amount) external;

    /// @notice Issues points for a receipt; the same receipt a second time is refused. Brand only.
    /// @param receiptId A salted hash, never the receipt's own number.
    function mintFor(address to, uint256 amount, bytes32 receiptId) external;

    /// @notice Issues points to many; the same batch a second time is refused. Brand only.
    /// @param batchId A reference of the brand's, so that a run that was cut off can be taken up again.
    /// @param words Per recipient `amount << 160 | recipient`.
    /// @dev Warning: references are those of the brand, not of an owner. After a hand-over the new owner cannot use again
    /// what an earlier one used; issuers of grants have references of their own.
    function mintBatch(bytes32 batchId, uint256[] calldata words) external;

    /// @notice Issues points into the lot of an epoch that still lives, so that a programme which moves here keeps its
    /// dates. Brand only. Parameters as for `mintBatch`.
    function mintAtEpoch(bytes32 batchId, uint256 epoch, uint256[] calldata words) external;

    /// @notice Issues points out of a grant of the sender's.
    /// @param receiptId A salted hash that the sender has not used before; 0: none.
    function issue(uint256 grantId, address to, uint256 amount, bytes32 receiptId) external;

    /// @notice Issues points to many out of a grant of the sender's. Parameters as for `mintBatch`.
    function issueBatch(uint256 grantId, bytes32 batchId, uint256[] calldata words) external;

    /// @notice Issues points out of a grant of the sender's that is locked, as cheaply as can be: no reference is used up, and
    /// the `Transfer`s are the only events. For a contract that keeps its own account of what it pays for, and says so.
    /// @param words Per recipient `amount << 160 | recipient`.
    /// @return left What is left of the grant.
    /// @dev Only what is locked: room for it is promised, so that no other issue can make this one fail.
    function issueTo(uint256 grantId, uint256[] calldata words) external returns (uint256 left);

    /// @notice The same to one recipient.
    function issueOneTo(uint256 grantId, uint256 word) external returns (uint256 left);

    /// @notice Pays a voucher. Anyone may submit it.
    /// @dev The issuer ends a voucher before it is paid by its nonce (`cancelNonces`), the brand all of a grant's by the grant.
    function claim(SignedVoucher calldata signed) external;

    /// @notice Pays many vouchers, and passes over those that were paid or ended before.
    /// @return claimed How many it paid.
    function claimBatch(SignedVoucher[] calldata signed) external returns (uint256 claimed);

    /// @notice Sets what an issuer may issue. Brand only. While a grant is locked it can only be raised and extended.
    /// @param amount What may be issued from now on, 0 to stop.
    /// @param capPerDay What may be issued in a day (UTC), 0 for no cap.
    /// @param lockedUntil Until when it cannot be lowered, 0 for not at all.
    /// @dev Warning: a lock is meant for contracts. A key with a locked grant cannot be stopped when it is stolen.
    function setGrant(address issuer, uint256 id, uint256 amount, uint256 capPerDay, uint256 lockedUntil)
        external;

    /// @notice Brings `promised` down to what a locked grant still needs, and ends the grant after its date. Anyone.
    function releaseGrant(address issuer, uint256 id) external;

    // ----------------------------------------------------------------------- purchases that can be returned

    /// @notice Promises points that become the customers' at `maturesAt`, unless they are cancelled before. Brand only.
    /// @param batchId A reference of the brand's, refused the second time.
    /// @param maturesAt The first second at which nobody can cancel and anyone can release.
    /// @param words Per purchase `amount << 160 | customer`.
    /// @return firstId The id of the first purchase; the others follow. Ids count from 0 for each issuer.
    function mintPending(bytes32 batchId, uint256 maturesAt, uint256[] calldata words)
        external
        returns (uint256 firstId);

    /// @notice Promises points as above out of a grant of the sender's, which must not be locked. What is cancelled later
    /// does not come back to the grant.
    function issuePending(uint256 grantId, bytes32 batchId, uint256 maturesAt, uint256[] calldata words)
        external
        returns (uint256 firstId);

    /// @notice Takes back pending points of a purchase that was returned, before they mature. Its issuer or the brand.
    /// @param issuer Who issued them; the brand: the zero address.
    /// @param amount All of them, or for a partial return a part.
    function cancelPending(address issuer, uint256 id, uint256 amount) external;

    /// @notice Turns mature points into the customers' own, in the lot of the epoch in which they matured, whenever it is
    /// done; those whose lot has expired are gone. Passes over ids that ended before. Anyone.
    function releasePending(address issuer, uint256[] calldata ids) external;

    // ------------------------------------------------------------------------------------------- redemption

    /// @notice Spends points of the sender at the brand, once for each receipt.
    /// @param receiptId A salted hash that the brand gave.
    function redeem(uint256 amount, bytes32 receiptId) external;

    /// @notice Spends points as the holder's signed message says.
    function redeemFor(Redeem calldata message, bytes calldata signature) external;

    /// @notice Gives points of a redemption back, those that live longest first, into the lots they came from. What
    /// has expired since stays redeemed. Brand only.
    /// @dev Fails if the brand has filled the very lot again in the meantime: a refund is the brand's will, not a promise.
    function giveBack(address holder, bytes32 receiptId, uint256 amount) external;

    /// @notice Gives points of a redemption back out of a grant of the sender's, which is charged as for an issue. A
    /// promise keeps room in the lot of this epoch alone, as it does for issuing.
    function giveBackFrom(uint256 grantId, address holder, bytes32 receiptId, uint256 amount) external;

    // --------------------------------------------------------------------------------------------- cancelling

    /// @notice Ends messages of the sender's that were not used yet.
    function cancelNonces(uint256[] calldata nonces) external;

    /// @notice Ends messages as the holder's signed message says.
    function cancelNoncesFor(address holder, uint256[] calldata nonces, bytes calldata signature) external;

    // -------------------------------------------------------------------------------------------------- views

    /// @notice The brand. It hands over in two steps: the new owner asks, the old one agrees within 48 hours.
    /// @dev Warning: the functions of the ownership library that ask, agree and take back accept ether, which nobody can
    /// get out again. Send none with them.
    function owner() external view returns (address);

    /// @notice The exchange that may move points for signed orders.
    function exchange() external view returns (address);

    /// @notice The first second of epoch 0.
    function origin() external view returns (uint256);

    /// @notice The first second at which points of `epoch` are no longer valid.
    function expiryOf(uint256 epoch) external view returns (uint256);

    /// @notice The living points of an account by expiry, soonest first.
    /// @return amounts Points of each of the four lots.
    /// @return expiries The first second at which the lot is no longer valid.
    function lotsOf(address account)
        external
        view
        returns (uint256[4] memory amounts, uint256[4] memory expiries);

    /// @notice What the brand owes.
    /// @return amounts Living points by expiry, soonest first.
    /// @return expiries The first second at which the lot is no longer valid.
    /// @return pending Points of purchases that were not released yet.
    /// @return promised At least what locked grants can still issue.
    function liability()
        external
        view
        returns (uint256[4] memory amounts, uint256[4] memory expiries, uint256 pending, uint256 promised);

    /// @notice The books since birth: issued = live + redeemed + expired. Points given back are not redeemed.
    function totals() external view returns (uint256 issued, uint256 live, uint256 redeemed, uint256 expired);

    /// @notice A grant.
    function grantOf(address issuer, uint256 id) external view returns (Grant memory);

    /// @notice A purchase whose points are pending; all 0 if there is none, or no longer.
    function pendingOf(address issuer, uint256 id)
        external
        view
        returns (address customer, uint256 amount, uint256 maturesAt);

    /// @notice Whether an issuer (the brand: the zero address) has used a reference.
    function referenceUsed(address issuer, bytes32 ref) external view returns (bool);

    /// @notice What is left of a redemption, by expiry, soonest first; expired lots show 0.
    /// @return exists Whether the holder ever redeemed for this receipt.
    function redemptionOf(address holder, bytes32 receiptId)
        external
        view
        returns (bool exists, uint256[4] memory amounts, uint256[4] memory expiries);

    /// @notice The address at which a contract's pocket lies. Points sent there can only be moved by that contract.
    function pocketOf(address holder, bytes32 id) external view returns (address);

    /// @notice Whether a message of `holder` with this nonce could still be accepted.
    function nonceOpen(address holder, uint256 nonce) external view returns (bool);
}
