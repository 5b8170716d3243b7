// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test, Vm} from "forge-std/Test.sol";

import {Attestors} from "../../../contracts/data/Attestors.sol";
import {DataMarket} from "../../../contracts/data/DataMarket.sol";
import {PointsExchange} from "../../../contracts/exchange/PointsExchange.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {IDataMarket} from "../../../interfaces/IDataMarket.sol";

/// @notice A market, people with money in cash and points, sealed content, and what it takes to sign and to seal.
/// @dev Digests, hashes and keys are made from docs/messages.md here, never by asking the market.
abstract contract DataMarketTest is Test {
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 internal constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant EPOCH = 30 days;
    uint256 internal constant PRICE = 50;
    uint256 internal constant FUNDS = 100_000;
    uint8 internal constant POINTS = 0;
    uint8 internal constant ERC20 = 1;

    bytes32 internal constant DEAL_TYPE = keccak256(
        "Deal(address seller,address buyer,address token,uint8 tokenKind,uint256 price,bytes32 manifestRoot,"
        "uint256 count,bytes32 keyCommit,bytes32 termsHash,uint256 deliverSeconds,uint256 disputeSeconds,"
        "uint256 liveUntil,uint256 openUntil,bytes32 requestId,uint256 nonce)"
    );
    bytes32 internal constant REQUEST_TYPE = keccak256(
        "Request(address buyer,address token,uint8 tokenKind,uint256 price,uint256 number,bytes32 termsHash,"
        "bytes32 schema,address attestor,address seller,uint256 periodSeconds,uint256 maxDeliverSeconds,"
        "uint256 maxDisputeSeconds,uint256 openUntil,uint256 nonce)"
    );
    string internal constant CONTENT_TYPE = "Content(bytes32 plainRoot,uint256 count)";
    string internal constant ATTESTATION_TYPE =
        "Attestation(address attestor,address subject,bytes32 schema,uint256 issued,uint256 expires,uint256 index,Content content)Content(bytes32 plainRoot,uint256 count)";

    /// @dev A file of chunks, sealed; the tree as a heap: its root is node 1.
    struct Content {
        bytes32 key;
        uint256 count;
        bytes[] chunks;
        bytes[] ciphers;
        bytes32[] plainLeaves;
        bytes32[] nodes;
    }

    /// @dev A sale with all secrets of both sides.
    struct Sold {
        IDataMarket.Deal deal;
        bytes signature;
        bytes32 digest;
        bytes32 saleId;
        address buyer;
        uint256 b;
        uint256 yOfE;
        IDataMarket.Sealed posted;
    }

    Attestors internal attestors;
    DataMarket internal market;
    CashMock internal cash;
    LoyaltyToken internal points;

    address internal brand = makeAddr("brand");
    address internal relay = makeAddr("relay");
    address internal stranger = makeAddr("stranger");
    mapping(address account => uint256 key) internal keys;
    address internal seller;
    address internal other;
    address internal buyer;
    address internal rival;
    address internal attestor;

    uint256 private _nextNonce;
    uint256 private _nextScalar;

    function setUp() public virtual {
        vm.warp(START);
        attestors = new Attestors();
        market = new DataMarket(address(attestors));
        cash = new CashMock("Cash", "CASH");
        PointsExchange exchange = new PointsExchange();
        points = new LoyaltyToken(address(exchange), brand, "Points", "PTS", 0, EPOCH, START - 40 * EPOCH);
        (seller, other) = (account("seller"), account("other seller"));
        (buyer, rival, attestor) = (account("buyer"), account("rival"), account("attestor"));
        address[4] memory people = [seller, other, buyer, rival];
        for (uint256 i = 0; i < 4; ++i) {
            cash.mint(people[i], FUNDS);
            vm.prank(brand);
            points.mint(people[i], FUNDS);
            vm.startPrank(people[i]);
            cash.approve(address(market), type(uint256).max);
            points.approve(address(market), type(uint256).max);
            vm.stopPrank();
        }
    }

    function account(string memory name) internal returns (address who) {
        uint256 key = uint256(keccak256(bytes(name)));
        who = vm.addr(key);
        keys[who] = key;
        vm.label(who, name);
    }

    // ----------------------------------------------------------------------------------------------- content

    /// @dev A file of `count` chunks of `size` bytes.
    function content(uint256 count, uint256 size, bytes32 seed) internal pure returns (Content memory file) {
        file.key = keccak256(abi.encode("key", seed));
        file.count = count;
        file.chunks = new bytes[](count);
        file.ciphers = new bytes[](count);
        file.plainLeaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            file.chunks[i] = bytesOf(size, keccak256(abi.encode("chunk", seed, i)));
            file.ciphers[i] = applyStream(file.key, i, file.chunks[i]);
            file.plainLeaves[i] = keccak256(bytes.concat(hex"02", file.chunks[i]));
        }
        grow(file);
    }

    /// @dev Computes the tree anew.
    function grow(Content memory file) internal pure {
        uint256 width = 1;
        while (width < file.count) width *= 2;
        file.nodes = new bytes32[](2 * width);
        for (uint256 i = 0; i < file.count; ++i) {
            file.nodes[width + i] = keccak256(
                abi.encodePacked(hex"00", uint32(i), file.plainLeaves[i], keccak256(file.ciphers[i]))
            );
        }
        for (uint256 i = width - 1; i > 0; --i) {
            file.nodes[i] = keccak256(abi.encodePacked(hex"01", file.nodes[2 * i], file.nodes[2 * i + 1]));
        }
    }

    function proofOf(Content memory file, uint256 index) internal pure returns (bytes32[] memory proof) {
        uint256 width = file.nodes.length / 2;
        uint256 depth = 0;
        while (1 << depth < width) ++depth;
        proof = new bytes32[](depth);
        uint256 node = width + index;
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = file.nodes[node ^ 1];
            node /= 2;
        }
    }

    function chunkOf(Content memory file, uint256 index) internal pure returns (IDataMarket.Chunk memory) {
        return IDataMarket.Chunk({
            index: index,
            plainLeaf: file.plainLeaves[index],
            ciphertext: file.ciphers[index],
            proof: proofOf(file, index)
        });
    }

    function applyStream(bytes32 key, uint256 index, bytes memory data)
        internal
        pure
        returns (bytes memory out)
    {
        out = new bytes(data.length);
        for (uint256 i = 0; i < data.length; ++i) {
            bytes32 block_ = keccak256(abi.encodePacked(key, uint32(index), uint32(i / 32 * 32)));
            out[i] = data[i] ^ block_[i % 32];
        }
    }

    function bytesOf(uint256 size, bytes32 seed) internal pure returns (bytes memory out) {
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            out[i] = keccak256(abi.encode(seed, i / 32))[i % 32];
        }
    }

    function commitTo(bytes32 key) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256("troc.key.v1"), key));
    }

    // ------------------------------------------------------------------------------------------------ points

    /// @dev The scalar that gives an even y, and that point.
    function pointOf(uint256 scalar) internal returns (uint256 even, bytes32 x, uint256 y) {
        scalar = scalar % ORDER;
        Vm.Wallet memory wallet = vm.createWallet(scalar);
        if (wallet.publicKeyY % 2 == 0) return (scalar, bytes32(wallet.publicKeyX), wallet.publicKeyY);
        return (ORDER - scalar, bytes32(wallet.publicKeyX), FIELD - wallet.publicKeyY);
    }

    function wrap(bytes32 saleId, uint256 b, uint256 e, bytes32 key) internal pure returns (bytes32) {
        address shared = vm.addr(mulmod(b, e, ORDER));
        return key ^ keccak256(bytes.concat(saleId, bytes32(uint256(uint160(shared)))));
    }

    function scalar_() internal returns (uint256) {
        return uint256(keccak256(abi.encode("scalar", ++_nextScalar))) % (ORDER - 1) + 1;
    }

    // -------------------------------------------------------------------------------------- deals and sales

    /// @dev An open offer of the seller's, in cash.
    function dealFor(Content memory file) internal returns (IDataMarket.Deal memory deal) {
        deal.seller = seller;
        deal.token = address(cash);
        deal.tokenKind = ERC20;
        deal.price = PRICE;
        deal.manifestRoot = file.nodes[1];
        deal.count = file.count;
        deal.keyCommit = commitTo(file.key);
        deal.termsHash = keccak256("terms");
        deal.deliverSeconds = 1 days;
        deal.disputeSeconds = 2 days;
        deal.openUntil = block.timestamp + 1 hours;
        deal.nonce = ++_nextNonce << 128;
    }

    function inPoints(IDataMarket.Deal memory deal) internal view returns (IDataMarket.Deal memory) {
        deal.token = address(points);
        deal.tokenKind = POINTS;
        deal.liveUntil = block.timestamp + deal.deliverSeconds + deal.disputeSeconds + 1 days;
        return deal;
    }

    /// @dev What both sides need for a deal that a buyer takes: points, the seller's signature, a sealed key.
    function prepared(IDataMarket.Deal memory deal, address who, bytes32 key)
        internal
        returns (Sold memory sold)
    {
        sold.deal = deal;
        sold.buyer = who;
        sold.digest = digestOf(deal);
        sold.signature = signDigest(deal.seller, sold.digest);
        sold.saleId = idOf(sold.digest, deal.seller, who);
        (sold.b, sold.posted.pointB,) = pointOf(scalar_());
        seal(sold, scalar_(), key);
    }

    function seal(Sold memory sold, uint256 e, bytes32 key) internal {
        (e, sold.posted.pointE, sold.yOfE) = pointOf(e);
        sold.posted.wrapped = wrap(sold.saleId, sold.b, e, key);
    }

    function sale(IDataMarket.Deal memory deal, bytes32 key) internal returns (Sold memory) {
        return prepared(deal, buyer, key);
    }

    function buy(Sold memory sold) internal {
        vm.prank(sold.buyer);
        market.buy(sold.deal, sold.signature, sold.posted.pointB);
    }

    function deliver(Sold memory sold) internal {
        vm.prank(sold.deal.seller);
        market.deliver(sold.saleId, sold.deal.disputeSeconds, sold.posted, sold.yOfE);
    }

    function disputeKey(Sold memory sold) internal {
        vm.prank(sold.buyer);
        market.disputeKey(sold.deal, sold.buyer, sold.posted, sold.b);
    }

    function disputeChunk(Sold memory sold, IDataMarket.Chunk memory chunk) internal {
        vm.prank(sold.buyer);
        market.disputeChunk(sold.deal, sold.buyer, sold.posted, sold.b, chunk);
    }

    function settle(Sold memory sold) internal {
        vm.prank(sold.buyer);
        market.settle(sold.deal, sold.buyer);
    }

    /// @dev A sale of one chunk that was bought and delivered as it should.
    function delivered() internal returns (Sold memory sold) {
        Content memory file = content(1, 64, "file");
        sold = sale(dealFor(file), file.key);
        buy(sold);
        deliver(sold);
    }

    function bought() internal returns (Sold memory sold) {
        Content memory file = content(1, 64, "file");
        sold = sale(dealFor(file), file.key);
        buy(sold);
    }

    function idOf(bytes32 digest, address seller_, address buyer_) internal pure returns (bytes32) {
        return keccak256(abi.encode(digest, seller_, buyer_));
    }

    // ---------------------------------------------------------------------------------------------- requests

    /// @dev A request of the buyer's for three answers in cash, without an attestor.
    function requestFor(uint256 number) internal returns (IDataMarket.Request memory request) {
        request.buyer = buyer;
        request.token = address(cash);
        request.tokenKind = ERC20;
        request.price = PRICE;
        request.number = number;
        request.termsHash = keccak256("terms");
        request.schema = keccak256("schema");
        request.maxDeliverSeconds = 1 days;
        request.maxDisputeSeconds = 2 days;
        request.openUntil = block.timestamp + 7 days;
        request.nonce = ++_nextNonce << 128;
    }

    function inPoints(IDataMarket.Request memory request) internal view returns (IDataMarket.Request memory) {
        request.token = address(points);
        request.tokenKind = POINTS;
        return request;
    }

    function open(IDataMarket.Request memory request) internal returns (bytes32) {
        vm.prank(request.buyer);
        return market.openRequest(request);
    }

    /// @dev An answer of a seller's.
    function answerTo(IDataMarket.Request memory request, address who) internal returns (Sold memory sold) {
        Content memory file = content(1, 64, keccak256(abi.encode("answer", who)));
        IDataMarket.Deal memory deal = dealFor(file);
        deal.seller = who;
        deal.token = request.token;
        deal.tokenKind = request.tokenKind;
        deal.liveUntil = market.liveUntilOf(request);
        deal.price = request.price;
        deal.requestId = requestIdOf(request);
        sold = prepared(deal, request.buyer, file.key);
    }

    function take(IDataMarket.Request memory request, Sold memory sold) internal {
        vm.prank(request.buyer);
        market.take(request, sold.deal, sold.signature, sold.posted.pointB);
    }

    function attest(IDataMarket.Request memory request, address subject, uint256 index)
        internal
        view
        returns (IDataMarket.Attestation memory attestation)
    {
        bytes32 plainRoot = keccak256(abi.encode("plain root", subject));
        attestation.contentHash = keccak256(abi.encode(keccak256(bytes(CONTENT_TYPE)), plainRoot, 1));
        attestation.issued = block.timestamp - 1 days;
        attestation.expires = block.timestamp + 365 days;
        attestation.index = index;
        attestation.signature = signAttestation(request, subject, attestation);
    }

    function signAttestation(
        IDataMarket.Request memory request,
        address subject,
        IDataMarket.Attestation memory attestation
    ) internal view returns (bytes memory) {
        return signStruct(
            attestor,
            keccak256(
                abi.encode(
                    keccak256(bytes(ATTESTATION_TYPE)),
                    request.attestor,
                    subject,
                    request.schema,
                    attestation.issued,
                    attestation.expires,
                    attestation.index,
                    attestation.contentHash
                )
            )
        );
    }

    function takeAttested(
        IDataMarket.Request memory request,
        Sold memory sold,
        IDataMarket.Attestation memory attestation
    ) internal {
        vm.prank(request.buyer);
        market.takeAttested(request, sold.deal, sold.signature, sold.posted.pointB, attestation);
    }

    function answer(Sold memory sold) internal pure returns (IDataMarket.Answer memory item) {
        item.deal = sold.deal;
        item.signature = sold.signature;
        item.pointB = sold.posted.pointB;
    }

    // --------------------------------------------------------------------------------------------- signatures

    function domain(address verifier) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Troc Data Market"),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
    }

    function typed(bytes32 hash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain(address(market)), hash));
    }

    function digestOf(IDataMarket.Deal memory deal) internal view returns (bytes32) {
        return typed(keccak256(abi.encode(DEAL_TYPE, deal)));
    }

    function requestIdOf(IDataMarket.Request memory request) internal view returns (bytes32) {
        return typed(keccak256(abi.encode(REQUEST_TYPE, request)));
    }

    function signDigest(address who, bytes32 digest) internal view returns (bytes memory) {
        if (keys[who] == 0) return "";
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[who], digest);
        return abi.encodePacked(r, s, v);
    }

    function signStruct(address who, bytes32 hash) internal view returns (bytes memory) {
        return signDigest(who, typed(hash));
    }

    function signBuy(Sold memory sold, uint256 deadline) internal view returns (bytes memory) {
        return signBuyOf(sold, 0, deadline);
    }

    /// @param attested The content of the attestation that an answer comes with.
    function signBuyOf(Sold memory sold, bytes32 attested, uint256 deadline)
        internal
        view
        returns (bytes memory)
    {
        bytes32 kind = keccak256(
            "Buy(address buyer,bytes32 dealDigest,bytes32 content,bytes32 pointB,uint256 deadline)"
        );
        return signStruct(
            sold.buyer,
            keccak256(abi.encode(kind, sold.buyer, sold.digest, attested, sold.posted.pointB, deadline))
        );
    }

    function signDeliver(Sold memory sold) internal view returns (bytes memory) {
        bytes32 kind =
            keccak256("Deliver(address seller,bytes32 saleId,bytes32 pointB,bytes32 pointE,bytes32 wrapped)");
        return
            signStruct(
                sold.deal.seller, keccak256(abi.encode(kind, sold.deal.seller, sold.saleId, sold.posted))
            );
    }

    /// @dev A message of its signer and the sale alone.
    function signAbout(string memory words, address who, bytes32 saleId)
        internal
        view
        returns (bytes memory)
    {
        return signStruct(who, keccak256(abi.encode(keccak256(bytes(words)), who, saleId)));
    }

    function signTo(string memory words, address who, bytes32 id, address to)
        internal
        view
        returns (bytes memory)
    {
        return signStruct(who, keccak256(abi.encode(keccak256(bytes(words)), who, id, to)));
    }

    function signList(string memory words, address who, uint256[] memory numbers)
        internal
        view
        returns (bytes memory)
    {
        bytes32 hash =
            keccak256(abi.encode(keccak256(bytes(words)), who, keccak256(abi.encodePacked(numbers))));
        return signStruct(who, hash);
    }

    function list(uint256 number) internal pure returns (uint256[] memory numbers) {
        numbers = new uint256[](1);
        numbers[0] = number;
    }

    // --------------------------------------------------------------------------------------------- assertions

    function stateOf(Sold memory sold) internal view returns (IDataMarket.SaleState) {
        return market.saleOf(sold.saleId).state;
    }

    function assertState(Sold memory sold, IDataMarket.SaleState state) internal view {
        assertEq(uint8(stateOf(sold)), uint8(state), "state");
    }

    function wrongState(Sold memory sold, IDataMarket.SaleState state) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDataMarket.WrongState.selector, sold.saleId, state);
    }

    function notSigned(address who, bytes32 digest) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDataMarket.NotSignedBy.selector, who, digest);
    }
}
