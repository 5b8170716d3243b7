"""What a contract says when it refuses, in words and with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from eth_utils.abi import event_signature_to_log_topic
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from troc.abi import CODEC
from troc.artifacts import NAMES, artifact
from troc.attention.contacts import PAGE, address_of
from troc.errors import ContractError
from troc.words import shown

_TIMES = (
    "deadline",
    "openUntil",
    "lockedUntil",
    "origin",
    "maturesAt",
    "liveUntil",
    "issued",
    "expires",
    "revokedAt",
    "acknowledgedAt",
    "start",
    "end",
    "claimUntil",
    "from",
    "validUntil",
    "effectFrom",
    "expiry",
    "answerBy",
)
_ACCOUNTS = ("account", "claimed")
_KINDS = {0: "points", 1: "an ERC-20", 2: "an ERC-1155"}

_ASK_AGAIN = "look at it again (`troc trade show`) and make a new order"

WORDS: Mapping[str, tuple[str, str]] = {
    # LoyaltyToken, ERC-20
    "ERC20InsufficientBalance": (
        "{sender} has {balance} units of these points and {needed} are needed",
        "take less, or get more first",
    ),
    "ERC20InvalidReceiver": ("{receiver} cannot hold these points", "send them to a customer's address"),
    "ERC20InsufficientAllowance": (
        "{spender} may move {allowance} units and {needed} are needed",
        "let the holder approve more",
    ),
    "ERC20InvalidSpender": ("{spender} cannot be authorised", "name another account"),
    "ERC7818TransferredExpiredToken": (
        "the points of epoch {epoch} have expired",
        "use points that still live",
    ),
    "PointsOutOfBounds": (
        "{within} units live within the dates asked for and {needed} are needed",
        "take less, or allow other dates",
    ),
    "ExchangeSwitchedOff": (
        "{holder} has switched the exchange off for these points",
        "switch it on again first (`troc points exchange on`)",
    ),
    "ExchangeAllOrNothing": (
        "the exchange can be switched on or off, and not authorised for {value} units",
        "use 0 for off and 2^256 - 1 for on",
    ),
    "NoHeadroom": (
        "the brand can still issue {available} units in this epoch and {needed} are needed",
        "issue less, or wait for the next epoch",
    ),
    "ZeroAmount": ("the amount is zero", "name one above zero"),
    "AmountTooLarge": ("the amount {amount} is too large", "stay below 2^56 smallest units"),
    "ReferenceMissing": ("the receipt or batch has no reference", "give it one"),
    "ReferenceUsed": ("points were issued for the reference {ref} before", "nothing is left to do for it"),
    "GrantExceeded": (
        "the issuer {issuer} has {left} units left in grant {id} and {needed} are needed",
        "ask the brand for a larger grant",
    ),
    "DayCapExceeded": (
        "the issuer {issuer} can issue {leftToday} units more today from grant {id} and {needed} are needed",
        "go on tomorrow (UTC), or ask the brand for a higher cap",
    ),
    "GrantLocked": (
        "grant {id} of {issuer} is locked until {lockedUntil}",
        "raise or extend it, wait for that date, or use a grant without a lock",
    ),
    "IssueWithoutLock": (
        "grant {id} of {issuer} has no lock",
        "lock it by setGrant, or issue by a call that takes a reference",
    ),
    "GrantNotLocked": ("grant {id} of {issuer} has no lock", "nothing is to be released"),
    "LockOutOfRange": ("a grant cannot be locked until {lockedUntil}", "choose a date to come"),
    "DeadlinePassed": ("the signed message was good until {deadline}", "sign a new one"),
    "NotSignedByHolder": ("the signature is not that of {holder}", "let the holder sign it"),
    "NotSignedByIssuer": ("the signature is not that of the issuer {issuer}", "ask it for a new voucher"),
    "NotSignedByKey": (
        "the voucher was made out to the key {key}, which did not sign",
        "sign with the key that came with the voucher",
    ),
    "EpochNotLiving": (
        "points of epoch {epoch} have expired or are yet to come (now: {currentEpoch})",
        "issue into this epoch or one of the three before",
    ),
    "MaturityOutOfRange": ("points cannot become the customer's at {maturesAt}", "choose a date to come"),
    "NotTheIssuer": (
        "only the issuer {issuer} or the brand may cancel this purchase, not {sender}",
        "use one of their accounts",
    ),
    "PendingExceeded": (
        "{left} units of purchase {id} are pending and {needed} were to be cancelled",
        "cancel less; nothing is left of a purchase that has ended",
    ),
    "AlreadyMature": (
        "the points of purchase {id} are the customer's since {maturesAt}",
        "ask the customer to redeem them",
    ),
    "NotMature": (
        "the points of purchase {id} can still be cancelled until {maturesAt}",
        "wait for that date",
    ),
    "NotTheAgent": ("only {agent} may submit this redemption, not {sender}", "let that account submit it"),
    "ReceiptUsed": (
        "{holder} has redeemed for the receipt {receiptId} before",
        "ask the brand for a new receipt",
    ),
    "GiveBackExceeded": (
        "{left} units of this redemption can be given back and {needed} were asked for",
        "give back less",
    ),
    "BadEpochLength": (
        "an epoch of {length} seconds is out of range",
        "choose a day or more, or points that never expire",
    ),
    "BadOrigin": ("the first epoch would begin in the future, at {origin}", "choose a date that has passed"),
    "BadDecimals": ("points cannot have {decimals} decimals", "choose 0 to 6"),
    "BadName": ("{name!r} is no name for points", "choose 1 to 64 bytes"),
    "BadSymbol": ("{symbol!r} is no symbol for points", "choose 1 to 16 bytes"),
    "BadOwner": ("{owner} cannot be a brand", "name the account that issues the points"),
    "BadExchangeAddress": ("{exchange} cannot be the exchange", "name the exchange's address"),
    "HandOverInTwoSteps": ("a brand is handed over in two steps", "let the new owner ask first"),
    "Unauthorized": ("only the brand may do this", "use the brand's account"),
    "NewOwnerIsZeroAddress": ("a brand cannot be handed to nobody", "name the new owner"),
    "NoHandoverRequest": ("nobody has asked to take over this brand", "let the new owner ask first"),
    "AlreadyInitialized": ("this is set up already", "nothing is left to do"),
    # Nonces
    "NonceUsed": ("this was used or cancelled before", _ASK_AGAIN),
    "NonceNotCurrent": ("this was cancelled with its whole series", _ASK_AGAIN),
    "NonceIndexTooLarge": (
        "the nonce {nonce} is malformed",
        "sign with a nonce as docs/messages.md lays down",
    ),
    "Overfilled": ("{left} units of this order are left and {needed} were asked for", "take less"),
    # Brands
    "AlreadyLaunched": (
        "these very points were launched before, at {token}",
        "use them, or change a parameter",
    ),
    "UnknownToken": ("{token} was not launched here", "check the address (`troc brand status`)"),
    "NotTheBrand": ("only the brand may do this for {token}, not {sender}", "use the brand's account"),
    "BadDomain": ("{domain!r} is no domain", "name at most 253 bytes, such as example.org"),
    "LaunchFailed": ("the points could not be created", "give the transaction more gas"),
    "NoTokenCode": ("the points' creation code is missing", "deploy again"),
    "NoExchange": ("there is no exchange at {exchange}", "deploy the exchange first"),
    # PointsExchange
    "SignaturesMissing": (
        "{orders} orders came with {signatures} signatures",
        "give one signature for each order",
    ),
    "NoSuchOrder": ("a transfer names the order {index}, which is not there", "number the orders from 0"),
    "AmountOutOfRange": ("the amount {amount} is out of range", "choose 1 to 2^128 - 1 units"),
    "AssetsDiffer": (
        "in transfer {transferIndex} one side gives what the other does not want",
        "pair other orders",
    ),
    "SameParty": ("{account} would trade with itself", "pair orders of different makers"),
    "SameAsset": ("the order gives and wants the same, {token}", "want something else"),
    "UnknownKind": ("there is no kind {kind} of thing to trade", "use 0 points, 1 ERC-20 or 2 ERC-1155"),
    "IdNotZero": ("points and ERC-20 have no id, but {id} was given", "use 0"),
    "BoundNotZero": ("only points have dates, but {bound} was given", "use 0"),
    "OrderExpired": ("the order was open until {openUntil}", "ask its maker for a new one"),
    "OnlyTaker": ("the order is for {onlyTaker} alone, not for {taker}", "let that account take it"),
    "NotSignedByMaker": ("the signature is not that of {maker}", "let the maker sign the order"),
    "NotWhole": (
        "the order gives all of its {giveAmount} units or nothing, and {given} were asked for",
        "take all of it",
    ),
    "BelowPrice": ("an order would give {given} units for only {received}", "meet the price of each order"),
    "ShortDelivery": (
        "{token} delivered {delivered} units instead of {amount}",
        "do not trade it: it takes a fee, or lies",
    ),
    "TransferRefused": ("the points {token} refused to move", "check that they were launched by Brands"),
    "Reentrancy": ("a token called back in the middle of a trade", "do not trade it"),
    "MalformedOrder": ("the order is malformed", "sign it as docs/messages.md lays down"),
    # OrderBook
    "ListsDiffer": (
        "two lists that belong together have {first} and {second} entries",
        "make them equally long",
    ),
    # Attestors
    "BadAttestorName": ("the attestor's name {name} has no or more than 64 bytes", "use 1 to 64 bytes"),
    "BadAttestorDomain": ("the domain {domain} is too long", "use at most 253 characters"),
    # DataMarket
    "NoAttestors": ("there is no contract of attestors at {attestors}", "deploy that first"),
    "NotSignedBy": ("the signature is not that of {account}", "sign anew with that account"),
    "NotTheParty": ("only {party} may do this, and {sender} asked", "use that account, or its signature"),
    "OnlyBuyer": ("the deal is reserved for {onlyBuyer}", "ask the seller for a deal of your own"),
    "MalformedDeal": ("the deal is malformed", "sign it as docs/messages.md lays down"),
    "SelfSale": ("{account} would be seller and buyer at once", "buy from somebody else"),
    "TokenKindUnknown": ("there is no kind {kind} of token", "use 0 for points and 1 for an ERC-20"),
    "PriceOutOfRange": ("the price {price} is too large", "stay below 2^128 smallest units"),
    "CountOutOfRange": ("a manifest cannot have {count} chunks", "use 1 to 2^32 - 1"),
    "TimesOutOfRange": (
        "{deliverSeconds} seconds to deliver and {disputeSeconds} to object are too short or too long",
        "give at least one day and two days, and a year at most",
    ),
    "LiveUntilOutOfRange": (
        "the date {liveUntil}, beyond which the points must live, does not fit",
        "for points a day after both times or later, and as long as the request's budget lives; else 0",
    ),
    "DealExpired": ("the offer or request was open until {openUntil}", "ask for a new one"),
    "PurchaseExpired": ("the signed purchase was good until {deadline}", "sign a new one"),
    "OpenUntilTooFar": ("the request would be open until {openUntil}", "name an earlier date"),
    "DealCancelled": ("{account} has cancelled this", "ask for a new one"),
    "BoughtBefore": ("you have bought this deal before", "look at its state (`troc data status`)"),
    "BadPoint": ("{point} is no point of the curve that can be used", "make a new one-time point"),
    "ArrivalDiffers": (
        "of the price of {price} units {arrived} arrived: {token} takes a fee or pays one",
        "pay in a plain token",
    ),
    "PaymentFailed": ("the token {token} refused to pay {to}", "name another address for the money"),
    "NotOfThisKind": (
        "the token {token} is not of the kind {kind}",
        "pay points as points, and other tokens as ERC-20",
    ),
    "WrongState": ("the sale is in the state {state}, in which this cannot be done", "look at its state"),
    "TooLate": ("the time for this was over at {deadline}", "nothing can be done about it any more"),
    "TooEarly": ("this has to wait until {deadline} is over", "try again after that"),
    "NotWhatWasPosted": (
        "seller, points, key or times are not those of the sale {saleId}",
        "take them from the log of the sale",
    ),
    "WrongScalar": ("the secret number does not belong to the point {pointB}", "take the one of this sale"),
    "KeyIsRight": ("the delivered key is the promised one", "look for a wrong chunk, or let it be"),
    "KeyIsWrong": ("the delivered key is not the promised one", "dispute the key, not a chunk"),
    "NotInManifest": ("chunk {index} is not in the manifest in this form", "take it as it was sold"),
    "ChunkIsRight": ("chunk {index} is what was promised", "look at the others, or let it be"),
    "AlreadyRevoked": ("the consent was withdrawn on {revokedAt}", "nothing is left to do"),
    "AlreadyAcknowledged": ("the erasure was stated on {acknowledgedAt}", "nothing is left to do"),
    "CountsDiffer": (
        "two lists that belong together have {first} and {second} entries",
        "make them equally long",
    ),
    "SubscriptionsNotSupported": (
        "a request for one seller or for periods is not supported yet",
        "leave both empty",
    ),
    "NumberOutOfRange": ("a request cannot ask for {number} answers", "ask for 1 to 2^32 - 1"),
    "OpenedBefore": ("this request was opened before", "give a new one another nonce"),
    "RequestNotOpen": (
        "the request is not open: never opened, closed, or all its answers were taken",
        "look at its state (`troc data status`)",
    ),
    "OtherRequest": (
        "the deal belongs to the request {dealsRequestId}",
        "take it for that request, or buy a deal that belongs to none",
    ),
    "NotAsRequested": (
        "token, price, terms or times of the answer are not what the request asks for",
        "ask for another answer",
    ),
    "AttestationExpected": (
        "the request's attestor is {attestor}: an attestation is missing, or one too many",
        "take it with an attestation where there is an attestor, and without where there is none",
    ),
    "AttestationNotCurrent": (
        "the attestation holds from {issued} to {expires}",
        "ask the attestor for a new one",
    ),
    "AttestationRevoked": ("{attestor} has revoked the attestation", "ask it for a new one"),
    "SubjectTaken": ("an answer of {subject} was taken before", "take those of others"),
    # AttentionRewards
    "NotTheAdmin": (
        "the campaign {campaignId} is run by {admin}, not by {sender}",
        "use its admin's account",
    ),
    "NotOffered": (
        "the campaign {campaignId} was offered to {to}, not to {sender}",
        "let its admin offer it to this account",
    ),
    "CampaignUnknown": ("there is no campaign {campaignId}", "check its id and the network"),
    "CampaignExists": (
        "the campaign {campaignId} was opened before",
        "use it, or open one with another salt",
    ),
    "SignerMissing": ("the campaign has no key that signs", "name the account that signs statements"),
    "BadMode": (
        "a campaign cannot pay {tokenKind} in this way (issued afresh: {fresh})",
        "pay points, issued or out of escrow, or an ERC-20 out of escrow",
    ),
    "RewardOutOfRange": (
        "the price of a contact, {price} smallest units, is out of range",
        "choose one unit or more, below 2^56 of points and 2^96 of an ERC-20",
    ),
    "CampaignTimesOutOfRange": (
        "a campaign cannot run from {start} to {end} with claims until {claimUntil}",
        "let claims go on for 30 days after the end or longer, and end within 3,650 days",
    ),
    "ContactsOutOfRange": (
        "a campaign cannot have {maxContacts} contacts of an account, {perDay} in a day, {codes} codes and"
        " {codesPerAccount} of them for an account",
        "name contacts or codes: at most 65,535 of an account and a day, and fewer than 2^32 codes",
    ),
    "RootDelayOutOfRange": (
        "roots cannot take effect after {rootDelayDays} days",
        "choose one to seven days",
    ),
    "TopicOutOfRange": (
        "there is no topic {topic} or no channel {channel}",
        "use topics 0 to 63 and channels 0 to 15",
    ),
    "NoCredentials": (
        "there is no contract for credentials at {credentials}",
        "deploy that first, or open the campaign for addresses",
    ),
    "NotTheTokenOwner": (
        "only {owner}, the brand of the points {token}, can let a campaign issue them, not {sender}",
        "use the brand's account, or pay out of escrow",
    ),
    "GrantUnfit": (
        "the grant of the campaign {campaignId} is locked until {lockedUntil}, with {capPerDay} units a day",
        "lock it until the end of the claims or longer, and set no cap",
    ),
    "BudgetTooSmall": (
        "the budget holds {left} contacts and {needed} are needed",
        "fund more, or ask for less",
    ),
    "BudgetTooLarge": ("{contacts} contacts more are too many for a budget", "stay below 2^56 in all"),
    "NotInEscrow": (
        "the campaign {campaignId} issues its points: nothing of it is in escrow",
        "raise its grant in the token, or release what is left of it after the claims",
    ),
    "NotFresh": (
        "the campaign {campaignId} pays out of escrow and has no grant",
        "ask for a refund after the claims",
    ),
    "ClaimsOver": (
        "claims of this campaign ended on {claimUntil}",
        "nothing can be claimed any more",
    ),
    "ClaimsOpen": ("claims of this campaign go on until {claimUntil}", "close it after that"),
    "ZeroContacts": ("that would be no contacts at all", "name one or more"),
    "NoSuchAccount": (
        "{account} cannot have contacts in this campaign",
        "name an address; or a pseudonym where the campaign asks for credentials",
    ),
    "ContactOutOfRange": (
        "an account can have {maxContacts} contacts in this campaign, numbered from 0, and {contacts} of page"
        " {page} is none of them",
        "ask the brand for a statement of the campaign's contacts",
    ),
    "ContactAfterEnd": (
        "contact {contact} would count from {from} on, and the campaign ended on {end}",
        "claim earlier contacts; this one can never be paid",
    ),
    "ContactTooEarly": ("contact {contact} counts from {from} on", "claim it after that"),
    "NothingNew": (
        "{account} has been paid for all of these contacts",
        "nothing is left to do for them",
    ),
    "NotFree": (
        "{free} contacts of the budget are not reserved for others and {needed} are needed",
        "claim fewer; or ask the brand to fund more",
    ),
    "NotSignedByCampaign": (
        "the signature is not that of the campaign's key {signer}",
        "ask the brand for a new statement or ticket",
    ),
    "NotSignedByTicketKey": (
        "the one-time key {key} of the ticket did not name who is paid",
        "sign with the key that came with the ticket",
    ),
    "TicketExpired": ("the ticket was good until {validUntil}", "ask the brand for a new one"),
    "CampaignNotStarted": ("the campaign starts on {start}", "claim codes from then on"),
    "NoSuchCode": ("the campaign has {codes} codes, numbered from 0, and no code {index}", "check the code"),
    "NoSuchBatch": (
        "the campaign has {codes} codes, 1,000 to a batch, and no batch {batch}",
        "number the batches from 0",
    ),
    "CodesInert": (
        "the codes of batch {batch} are not active yet",
        "ask the brand to activate them",
    ),
    "CodeTaken": ("the code {index} was claimed before", "nothing can be claimed with it any more"),
    "CodesOfAccountTaken": (
        "{account} has claimed {codesPerAccount} codes, all that an account may have",
        "give the others to somebody else",
    ),
    "CodesOfDayTaken": (
        "{account} has claimed {perDay} codes today, all that a day allows",
        "go on tomorrow: days begin at the hour at which the campaign started",
    ),
    "RootMissing": ("there is no root", "build one from the statements first"),
    "RootKnown": ("the root {root} was appended before", "nothing is left to do"),
    "RootUnknown": ("{root} is no root of this campaign", "ask the brand for a new proof"),
    "RootTooLate": (
        "the root would take effect on {effectFrom}, and claims end on {claimUntil}",
        "hand out statements instead",
    ),
    "RootNotInEffect": ("the root {root} takes effect on {effectFrom}", "claim after that"),
    "RootInEffect": (
        "the root {root} has been in effect since {effectFrom}",
        "nothing can be taken back of it any more",
    ),
    "CredentialRefused": (
        "{credentials} names nobody for {account}",
        "ask the attestor for a new credential",
    ),
    "NotOfCampaignKind": (
        "the token {token} cannot be paid as {tokenKind}",
        "pay points as points, and other tokens as ERC-20",
    ),
    "EscrowArrivalDiffers": (
        "of {amount} units {arrived} arrived: {token} takes a fee or pays one",
        "pay in a plain token",
    ),
    "RewardFailed": ("the token {token} refused to pay {to}", "look whether that address can hold it"),
    "TooLittleGas": (
        "a batch of statements has {left} gas left and needs {needed}",
        "give it more gas, or claim fewer at once",
    ),
    # AttestorCredentials
    "NoAttestor": ("credentials need an attestor", "name the account that signs them"),
    "CredentialTooShort": ("a credential of {length} bytes is cut off", "ask the attestor for a new one"),
    "CredentialExpired": ("the credential was good until {expiry}", "ask the attestor for a new one"),
    "CredentialOfNobody": (
        "the credential of the pseudonym {pseudonym} names no account",
        "ask the attestor for a new one",
    ),
    "CredentialNotSigned": (
        "the credential is not signed by the attestor {attestor}",
        "ask that attestor for a new one",
    ),
    # Inbox
    "NoPaymentToken": ("there is no contract at {token}", "name the ERC-20 that deposits are paid in"),
    "PaymentTokenExpires": (
        "the units of {token} expire: no inbox can be paid in them",
        "name a plain ERC-20",
    ),
    "PolicyOutOfRange": (
        "an inbox cannot ask for {floor} units, {perWeek} messages a week and {answerDays} days to answer",
        "ask for less than 2^96 units, at most 255 messages, 64 topics and 16 channels, and 1 to 255 days",
    ),
    "InboxOff": ("{recipient} takes no messages", "ask whether the inbox can be switched on"),
    "SenderBlocked": ("{recipient} takes no messages from {sender}", "respect it"),
    "DepositOutOfRange": ("a deposit of {deposit} units is too large", "stay below 2^96 smallest units"),
    "PlaceNotFree": (
        "another message of {sender} waits in place {place}, or there is no such place",
        "choose another place",
    ),
    "BelowFloor": (
        "{deposit} units are too little: the recipient asks for {floor} or more",
        "deposit that much",
    ),
    "TopicNotAdmitted": (
        "{recipient} takes no messages on topic {topic}",
        "choose a topic that is admitted",
    ),
    "ChannelNotAdmitted": (
        "{recipient} takes no messages by channel {channel}",
        "choose a channel that is admitted",
    ),
    "WeekFull": (
        "{perWeek} messages have reached {recipient} this week, and no more are wanted",
        "send it after Thursday, 00:00 UTC",
    ),
    "AnswerTakesLonger": (
        "the recipient takes {answerDays} days to answer and you would wait {mostDays}",
        "wait longer",
    ),
    "DepositDiffers": (
        "of the deposit of {deposit} units {arrived} arrived: the token takes a fee or pays one",
        "use an inbox with a plain token",
    ),
    "MessageNotOpen": (
        "no message {messageId} waits: it was never sent, or has been answered or reclaimed",
        "nothing is left to do for it",
    ),
    "AnswerTooLate": ("the message could be answered until {answerBy}", "the deposit returns to its sender"),
    "ReclaimTooEarly": ("the message can still be answered until {answerBy}", "reclaim it after that"),
    "NotTheRecipient": (
        "the message is for {recipient}, not for {caller}",
        "use the recipient's account, or its signature",
    ),
    "NotSignedByRecipient": ("the signature is not that of {recipient}", "let that account sign it"),
    "InboxDeadlinePassed": ("what was signed for the inbox was good until {deadline}", "sign it anew"),
}
"""By the name of the custom error: what is wrong, and what to do. Amounts are in smallest units."""

_PANICS = {
    0x01: "an assertion failed",
    0x11: "a number overflowed",
    0x12: "a division by zero",
    0x32: "an index out of range",
}


@cache
def _errors() -> Mapping[bytes, tuple[str, Sequence[str], Sequence[str]]]:
    """Name, types and names of the values of every custom error of ours, by selector."""
    found = {}
    for contract in NAMES:
        for entry in artifact(contract).abi:
            if entry["type"] != "error":
                continue
            types = [value["type"] for value in entry["inputs"]]
            names = [value["name"] for value in entry["inputs"]]
            selector = event_signature_to_log_topic(f"{entry['name']}({','.join(types)})")[:4]
            found[selector] = (entry["name"], types, names)
    return found


def _told(name: str, value: Any) -> Any:
    if isinstance(value, bytes) and name in _ACCOUNTS and (address := address_of(value)):
        return address
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return shown(value)
    if name in _TIMES and isinstance(value, int):
        try:
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC"
        except (OverflowError, ValueError, OSError):
            return "ever"
    if name == "tokenKind":
        return _KINDS.get(value, f"the unknown kind {value}")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value


def _highest(page: int, contacts: int) -> str:
    """The highest contact of a page, in words: the one that is out of range, if one is."""
    return f"contact {PAGE * page + contacts.bit_length() - 1}" if contacts else "no contact"


UNEXPLAINED = "Unknown"
"""The name of a `ContractError` of which nobody says why."""


def explain(data: bytes, fallback: str = "") -> ContractError:
    """What a contract's answer `data` to a refused call means. `fallback` is what the node said of it."""
    selector, rest = bytes(data[:4]), bytes(data[4:])
    try:
        if selector == HexBytes("0x08c379a0"):
            (reason,) = CODEC.decode(["string"], rest)
            reason = shown(reason)
            return ContractError(
                f"a contract refuses: {reason}", "check what was asked of it", "Error", {"reason": reason}
            )
        if selector == HexBytes("0x4e487b71"):
            (code,) = CODEC.decode(["uint256"], rest)
            said = _PANICS.get(code, f"panic {code:#x}")
            return ContractError(
                f"a contract broke off: {said}", "check the amounts", "Panic", {"code": code}
            )
        if selector in _errors():
            name, types, names = _errors()[selector]
            decoded = (
                to_checksum_address(value) if type_ == "address" else value
                for type_, value in zip(types, CODEC.decode(types, rest), strict=True)
            )
            values = dict(zip(names, decoded, strict=True))
            message, remedy = WORDS[name]
            told = {key: _told(key, value) for key, value in values.items()}
            if {"page", "contacts"} <= values.keys():
                told["contacts"] = _highest(int(values["page"]), int(values["contacts"]))
            return ContractError(message.format(**told), remedy, name, values)
    except Exception as error:
        fallback = fallback or f"malformed answer ({error})"
    said = fallback or (f"unknown error 0x{selector.hex()}" if selector else "no reason given")
    return ContractError(
        f"a contract refuses ({said})", "check the address and what was asked of it", UNEXPLAINED, {}
    )
