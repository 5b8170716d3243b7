// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Paid attention
/// @notice A brand opens a campaign and pays each customer herself for each contact: a film watched, a mail opened, a visit.
/// The contacts of an account are numbered and paid one price each, once, by whichever path she can show: a signed statement,
/// a ticket, or a leaf under a root. What is reserved for her she can take without the brand's leave.
/// @dev An account is 32 bytes: an address, left-padded, or a pseudonym where the campaign asks for a credential. Money goes to
/// the account's address, or to the one that the credential names, whoever submits.
/// @dev Budgets are counted in contacts. `reserved + codesLeft <= left` holds at all times: enrolled accounts and codes are
/// paid out of what is set aside for them, everybody else first come out of the rest.
/// @dev Time: act while now <= claimUntil; expire when now > claimUntil. Day d of a campaign begins at start + 86,400·d.
/// @dev Assumptions about tokens. Fresh points come out of a grant of the campaign's own in a `LoyaltyToken`: its id is the
/// campaign's, it is locked until `claimUntil` or longer and has no cap. Codes come out of another such, whose id is the
/// campaign's with all bits turned. Points in escrow lie in the campaign's own pocket and live beyond `claimUntil`. Of an
/// ERC-20 exactly the amount must arrive. Rebasing tokens are not supported; who takes part trusts the token of the campaign.
/// @dev docs/messages.md fixes digests and hashes.
/// @dev Warning: a bearer ticket is cash for whoever knows its key, from the activation of its batch on.
interface IAttentionRewards {
    // ---------------------------------------------------------------------------------------------- types

    /// @notice What is fixed when a campaign opens. Its id is a hash of this.
    /// @param admin Who opens it.
    /// @param token What a contact is paid in.
    /// @param tokenKind 0 points, 1 ERC-20.
    /// @param fresh Whether points are issued out of the campaign's grant; else they are paid out of escrow.
    /// @param price Of one contact or code, smallest units, 1 to 2^96 - 1; of points below 2^56.
    /// @param signer The key that signs statements and tickets. A contract's word does not count: it could change its mind.
    /// @param start The first second of day 0.
    /// @param end No contact counts whose day begins later.
    /// @param claimUntil The last second of claims: 30 days after `end` or more, at most 3,650 days ahead.
    /// @param maxContacts Of one account, at most 65,535; 0: there are only codes.
    /// @param perDay Contacts, and codes, that count in one day, at most 65,535; 0: no bound.
    /// @param codes How many bearer tickets there are, below 2^32.
    /// @param codesPerAccount How many of them one account may claim, at most 65,535; 0: no bound.
    /// @param rootDelayDays Between the appending of a root and its effect, 1 to 7.
    /// @param credentials Which contract names the account of a pseudonym; 0: accounts are addresses.
    /// @param topic What it is about, below 64.
    /// @param channel By which way contacts come, below 16.
    /// @param termsHash What people read.
    /// @param salt Tells campaigns apart that are otherwise equal.
    struct Terms {
        address admin;
        address token;
        uint8 tokenKind;
        bool fresh;
        uint256 price;
        address signer;
        uint256 start;
        uint256 end;
        uint256 claimUntil;
        uint256 maxContacts;
        uint256 perDay;
        uint256 codes;
        uint256 codesPerAccount;
        uint256 rootDelayDays;
        address credentials;
        uint256 topic;
        uint256 channel;
        bytes32 termsHash;
        bytes32 salt;
    }

    /// @notice How a campaign stands.
    /// @param admin Who runs it; 0: there is no such campaign.
    /// @param nextAdmin To whom it was offered; 0: nobody.
    /// @param left What of the budget is left, in contacts.
    /// @param reserved What enrolled accounts can still claim, in contacts.
    /// @param codesLeft How many codes are not claimed yet; where points are issued, what the grant for codes still pays.
    /// @param free What others can still claim, first come.
    struct Standing {
        address admin;
        address nextAdmin;
        uint256 left;
        uint256 reserved;
        uint256 codesLeft;
        uint256 free;
    }

    /// @notice The rules of a campaign, as they are stored: see `Terms`.
    struct Rules {
        address token;
        uint8 tokenKind;
        bool fresh;
        uint256 price;
        address signer;
        uint256 start;
        uint256 end;
        uint256 claimUntil;
        uint256 maxContacts;
        uint256 perDay;
        uint256 codes;
        uint256 codesPerAccount;
        uint256 rootDelayDays;
        address credentials;
    }

    /// @notice A campaign as a claim calls it. Its id is the hash of these three words: what they say is proven by the id, and a
    /// claim need not read it from storage.
    /// @param reward `price:96 ‖ token:160` from bit 255 down.
    /// @param rule `rootDelayDays:8 ‖ mode:8 ‖ claimUntil:40 ‖ start:40 ‖ signer:160` from bit 255 down; mode 1 fresh points, 2
    /// points out of escrow, 3 an ERC-20.
    /// @param terms The hash of chain id, contract and `Terms`.
    struct Handle {
        uint256 reward;
        uint256 rule;
        bytes32 terms;
    }

    /// @notice A signature of a key, in the compact form (ERC-2098).
    /// @param vs s, and in the highest bit v - 27.
    struct Signature {
        bytes32 r;
        bytes32 vs;
    }

    /// @notice The signer's word that an account had these contacts.
    /// @param account Whose contacts they are.
    /// @param page Contacts 255·page to 255·page + 254.
    /// @param contacts Bit i: contact 255·page + i.
    /// @param signature The signer's, of `Statement`.
    struct Statement {
        bytes32 account;
        uint256 page;
        uint256 contacts;
        Signature signature;
    }

    /// @notice A promise that the signer made beforehand: whoever has its key had the contact.
    /// @param account Whose it is. A code is signed for account 0; who claims it says here whose it shall be.
    /// @param id The contact's number, or the code's index.
    /// @param key The address of a one-time key that only the content reveals.
    /// @param validUntil The last second of its claim.
    /// @param signature The signer's, of `Ticket`.
    struct Ticket {
        bytes32 account;
        uint256 id;
        address key;
        uint256 validUntil;
        Signature signature;
    }

    /// @notice Contacts of an account, as a root has them.
    /// @param account Whose contacts they are.
    /// @param page As in `Statement`.
    /// @param contacts As in `Statement`.
    struct Leaf {
        bytes32 account;
        uint256 page;
        uint256 contacts;
    }

    /// @notice Why a statement of a batch was passed over.
    enum Skip {
        None,
        OutOfRange,
        AfterEnd,
        TooEarly,
        NothingNew,
        NotFree,
        NotSigned,
        NoCredential,
        NoAccount,
        Refused
    }

    // --------------------------------------------------------------------------------------------- events

    /// @notice A campaign opened.
    event CampaignOpened(
        bytes32 indexed campaignId, address indexed token, address indexed admin, Terms terms
    );

    /// @notice The budget in escrow was raised.
    /// @param contacts By how many contacts.
    event CampaignFunded(bytes32 indexed campaignId, address indexed from, uint256 contacts);

    /// @notice The admin offered the campaign to another; 0: to nobody any more.
    event AdminOffered(bytes32 indexed campaignId, address indexed to);

    /// @notice The campaign has another admin.
    event AdminChanged(bytes32 indexed campaignId, address indexed from, address indexed to);

    /// @notice Accounts were enrolled. Some may have been before.
    /// @param reserved How many contacts were set aside for those that were not.
    event AccountsEnrolled(bytes32 indexed campaignId, bytes32[] accounts, uint256 reserved);

    /// @notice Codes of these batches of 1,000 can be claimed. Some may have been active before.
    event CodesActivated(bytes32 indexed campaignId, uint256[] batches);

    /// @notice A root was appended.
    /// @param effectFrom The first second of claims under it.
    event RootAppended(bytes32 indexed campaignId, bytes32 indexed root, uint256 effectFrom);

    /// @notice A root was withdrawn before it took effect.
    event RootWithdrawn(bytes32 indexed campaignId, bytes32 indexed root);

    /// @notice Contacts were paid, at the campaign's price each.
    /// @param contacts Those that had not been paid before, as bits.
    /// @param packed `page:32 ‖ path:8 ‖ payee:160` from bit 199 down; path 0 statement, 1 ticket, 2 root.
    event ContactsPaid(bytes32 indexed campaignId, bytes32 indexed account, uint256 contacts, uint256 packed);

    /// @notice A code was paid.
    /// @param packed `index:32 ‖ payee:160` from bit 191 down.
    event CodePaid(bytes32 indexed campaignId, bytes32 indexed account, uint256 packed);

    /// @notice A statement of a batch was passed over; nothing of it was paid or used up.
    /// @param position Its place in the batch.
    event StatementSkipped(
        bytes32 indexed campaignId, bytes32 indexed account, uint256 position, Skip reason
    );

    /// @notice What was left in escrow went back.
    /// @param amount Smallest units.
    event CampaignRefunded(bytes32 indexed campaignId, address indexed to, uint256 amount);

    /// @notice What was left of a campaign's grants was given up.
    event CampaignReleased(bytes32 indexed campaignId);

    // --------------------------------------------------------------------------------------------- errors

    /// @notice Thrown when somebody else than the admin runs a campaign.
    error NotTheAdmin(bytes32 campaignId, address admin, address sender);

    /// @notice Thrown when an account accepts a campaign that was not offered to it.
    error NotOffered(bytes32 campaignId, address to, address sender);

    /// @notice Thrown when there is no such campaign.
    error CampaignUnknown(bytes32 campaignId);

    /// @notice Thrown when the campaign was opened before.
    error CampaignExists(bytes32 campaignId);

    /// @notice Thrown when a campaign would have no signer.
    error SignerMissing();

    /// @notice Thrown when the token's kind is unknown, or fresh units of an ERC-20 are asked for.
    error BadMode(uint8 tokenKind, bool fresh);

    /// @notice Thrown when the price of a contact is out of range.
    error RewardOutOfRange(uint256 price);

    /// @notice Thrown when the times of a campaign are not in order.
    error CampaignTimesOutOfRange(uint256 start, uint256 end, uint256 claimUntil);

    /// @notice Thrown when there are no contacts and no codes, or too many.
    error ContactsOutOfRange(uint256 maxContacts, uint256 perDay, uint256 codes, uint256 codesPerAccount);

    /// @notice Thrown when the delay of roots is not 1 to 7 days.
    error RootDelayOutOfRange(uint256 rootDelayDays);

    /// @notice Thrown when topic or channel is out of range.
    error TopicOutOfRange(uint256 topic, uint256 channel);

    /// @notice Thrown when no contract is where credentials are to be asked.
    error NoCredentials(address credentials);

    /// @notice Thrown when somebody else than the token's owner opens a campaign that issues points.
    error NotTheTokenOwner(address token, address owner, address sender);

    /// @notice Thrown when the campaign's grant, or that for its codes, is not locked until the claims end, or has a cap.
    error GrantUnfit(bytes32 campaignId, uint256 capPerDay, uint256 lockedUntil);

    /// @notice Thrown when the budget cannot hold what was asked of it. All in contacts.
    error BudgetTooSmall(uint256 left, uint256 needed);

    /// @notice Thrown when the budget would be 2^56 contacts or more.
    error BudgetTooLarge(uint256 contacts);

    /// @notice Thrown when a campaign that issues points is to be funded or refunded: its grants in the token are its budget.
    error NotInEscrow(bytes32 campaignId);

    /// @notice Thrown when a campaign in escrow is to give up a grant.
    error NotFresh(bytes32 campaignId);

    /// @notice Thrown when a claim, or what would allow one, comes after the last second.
    error ClaimsOver(uint256 claimUntil);

    /// @notice Thrown when the rest is asked for while claims can still come.
    error ClaimsOpen(uint256 claimUntil);

    /// @notice Thrown when an amount is zero contacts.
    error ZeroContacts();

    /// @notice Thrown when an account is 0, or no address where the campaign asks for no credential.
    error NoSuchAccount(bytes32 account);

    /// @notice Thrown when a page holds no contacts of the campaign, or a contact's number is too high.
    error ContactOutOfRange(uint256 page, uint256 contacts, uint256 maxContacts);

    /// @notice Thrown when the day of a contact begins after the end.
    error ContactAfterEnd(uint256 contact, uint256 from, uint256 end);

    /// @notice Thrown when the day of a contact has not begun.
    error ContactTooEarly(uint256 contact, uint256 from);

    /// @notice Thrown when all of these contacts were paid before.
    error NothingNew(bytes32 campaignId, bytes32 account);

    /// @notice Thrown when what is not reserved for others does not suffice.
    error NotFree(uint256 free, uint256 needed);

    /// @notice Thrown when the campaign's signer did not sign.
    error NotSignedByCampaign(address signer, bytes32 digest);

    /// @notice Thrown when a ticket's one-time key did not name whom the claim would pay.
    error NotSignedByTicketKey(address key, bytes32 digest);

    /// @notice Thrown when a ticket is claimed after its last second.
    error TicketExpired(uint256 validUntil);

    /// @notice Thrown when codes are claimed before the campaign starts.
    error CampaignNotStarted(uint256 start);

    /// @notice Thrown when there is no code with this index.
    error NoSuchCode(uint256 index, uint256 codes);

    /// @notice Thrown when there is no code in this batch.
    error NoSuchBatch(uint256 batch, uint256 codes);

    /// @notice Thrown when the batch of a code is not active.
    error CodesInert(uint256 batch);

    /// @notice Thrown when a code was paid before.
    error CodeTaken(bytes32 campaignId, uint256 index);

    /// @notice Thrown when an account has had all the codes it may have.
    error CodesOfAccountTaken(bytes32 account, uint256 codesPerAccount);

    /// @notice Thrown when an account has had all the codes it may have in a day.
    error CodesOfDayTaken(bytes32 account, uint256 perDay);

    /// @notice Thrown when a root is 0.
    error RootMissing();

    /// @notice Thrown when a root was appended before.
    error RootKnown(bytes32 campaignId, bytes32 root);

    /// @notice Thrown when a root is not one of the campaign's: where it comes out of a leaf and its proof, one of these is wrong.
    error RootUnknown(bytes32 campaignId, bytes32 root);

    /// @notice Thrown when a root would take effect only after the claims.
    error RootTooLate(uint256 effectFrom, uint256 claimUntil);

    /// @notice Thrown when a root is used before it takes effect.
    error RootNotInEffect(bytes32 root, uint256 effectFrom);

    /// @notice Thrown when a root is withdrawn after it took effect.
    error RootInEffect(bytes32 root, uint256 effectFrom);

    /// @notice Thrown when a credential names nobody.
    error CredentialRefused(address credentials, bytes32 account);

    /// @notice Thrown when a token is not what its kind says.
    error NotOfCampaignKind(address token, uint8 tokenKind);

    /// @notice Thrown when another amount than was sent arrives in escrow.
    error EscrowArrivalDiffers(address token, uint256 arrived, uint256 amount);

    /// @notice Thrown when the token does not pay.
    error RewardFailed(address token, address to);

    /// @notice Thrown when a batch has so little gas that a statement could fail for want of it. Nothing is paid then.
    error TooLittleGas(uint256 left, uint256 needed);

    // ------------------------------------------------------------------------------------------ the brand

    /// @notice Opens a campaign. The sender is its admin; where points are issued, he owns the token, and has set the
    /// grants (issuer this contract, id the campaign's; and where there are codes, its complement) before.
    /// @param budget In contacts, at least the codes. Out of escrow it is collected from the sender; where points are issued,
    /// the grants must hold as much, that for codes all of these.
    function open(Terms calldata terms, uint256 budget) external returns (bytes32 campaignId);

    /// @notice Adds to the budget in escrow. Anyone may; what is left returns to whom the admin names. The budget of a
    /// campaign that issues points is raised by its token's owner, in the token.
    /// @param contacts By how many; price times contacts is collected.
    function fund(bytes32 campaignId, uint256 contacts) external;

    /// @notice Sets aside all contacts that each account can still have. Admin. Those enrolled before are passed over.
    function enrol(bytes32 campaignId, bytes32[] calldata accounts) external;

    /// @notice Makes batches of 1,000 codes claimable, for good. Admin. Those active before are passed over.
    function activate(bytes32 campaignId, uint256[] calldata batches) external;

    /// @notice Appends a root of contacts, which takes effect after the campaign's delay. Admin.
    function appendRoot(bytes32 campaignId, bytes32 root) external;

    /// @notice Withdraws a root before it takes effect. Admin.
    function withdrawRoot(bytes32 campaignId, bytes32 root) external;

    /// @notice Offers the campaign to another admin; 0 takes an offer back. Admin.
    function offerAdmin(bytes32 campaignId, address to) external;

    /// @notice Takes over a campaign that was offered to the sender.
    function acceptAdmin(bytes32 campaignId) external;

    /// @notice Returns what is left in escrow after the claims: all of it, but points that have expired. Admin.
    function refund(bytes32 campaignId, address to) external;

    /// @notice Gives up what is left of the campaign's grants after the claims, and their locks. Anyone.
    /// @dev Each by itself: one that was given up before in the token is left out; one locked for longer goes by a later call.
    function release(bytes32 campaignId) external;

    // --------------------------------------------------------------------------------------- the customer

    /// @notice Pays the contacts of a statement that have not been paid, all of them or none. Anyone may submit.
    function claimStatement(Handle calldata handle, Statement calldata statement) external;

    /// @notice The same where the campaign asks for credentials.
    /// @param credential What `ICredentials` asks for, here and in the other claims; not read where the campaign asks for none.
    function claimStatement(Handle calldata handle, Statement calldata statement, bytes calldata credential)
        external;

    /// @notice Pays many statements. One with nothing new, with a bad signature, or whose payee refuses, is passed over
    /// and named; the others are paid.
    /// @param credentials One for each statement; where the campaign asks for none, an empty list.
    /// @dev Warning: where the gas left could make a statement fail that would otherwise be paid, everything reverts.
    /// @return paid How many were paid.
    function claimStatements(
        Handle calldata handle,
        Statement[] calldata statements,
        bytes[] calldata credentials
    ) external returns (uint256 paid);

    /// @notice Pays the contact of a bound ticket. Anyone may submit.
    /// @param keySignature The one-time key's, of `ClaimTicket`: it names who is paid, the account's address or the one that the
    /// credential names, so that nobody can take it on the way.
    function claimTicket(Handle calldata handle, Ticket calldata ticket, Signature calldata keySignature)
        external;

    /// @notice The same where the campaign asks for credentials.
    function claimTicket(
        Handle calldata handle,
        Ticket calldata ticket,
        Signature calldata keySignature,
        bytes calldata credential
    ) external;

    /// @notice Pays a code to whom its ticket's `account` says. Anyone may submit.
    /// @param keySignature As in `claimTicket`.
    function claimCode(Handle calldata handle, Ticket calldata ticket, Signature calldata keySignature)
        external;

    /// @notice The same where the campaign asks for credentials.
    function claimCode(
        Handle calldata handle,
        Ticket calldata ticket,
        Signature calldata keySignature,
        bytes calldata credential
    ) external;

    /// @notice Pays the contacts of a leaf that have not been paid, all of them or none. Anyone may submit.
    /// @param proof Sister nodes from the leaf up to a root that is in effect.
    function claimRoot(Handle calldata handle, Leaf calldata leaf, bytes32[] calldata proof) external;

    /// @notice The same where the campaign asks for credentials.
    function claimRoot(
        Handle calldata handle,
        Leaf calldata leaf,
        bytes32[] calldata proof,
        bytes calldata credential
    ) external;

    // ---------------------------------------------------------------------------------------------- views

    /// @notice The id that these terms have here: on another chain or in another contract it is another.
    function idOf(Terms calldata terms) external view returns (bytes32 campaignId);

    /// @notice What claims call a campaign by; all zero if there is none.
    function handleOf(bytes32 campaignId) external view returns (Handle memory handle);

    /// @notice How a campaign stands; all zero if there is none.
    function standingOf(bytes32 campaignId) external view returns (Standing memory);

    /// @notice The rules of a campaign; all zero if there is none.
    function rulesOf(bytes32 campaignId) external view returns (Rules memory);

    /// @notice Which contacts of a page were paid, as bits.
    function contactsOf(bytes32 campaignId, bytes32 account, uint256 page) external view returns (uint256);

    /// @notice Whether contacts are reserved for an account.
    function isEnrolled(bytes32 campaignId, bytes32 account) external view returns (bool);

    /// @notice From when a root counts; 0: it is none of the campaign's.
    function rootOf(bytes32 campaignId, bytes32 root) external view returns (uint256 effectFrom);

    /// @notice Whether a batch of codes is active.
    function isActive(bytes32 campaignId, uint256 batch) external view returns (bool);

    /// @notice Whether a code was paid.
    function isTaken(bytes32 campaignId, uint256 index) external view returns (bool);

    /// @notice How many codes an account has claimed, in all and today.
    function codesOf(bytes32 campaignId, bytes32 account) external view returns (uint256 total, uint256 today);
}
