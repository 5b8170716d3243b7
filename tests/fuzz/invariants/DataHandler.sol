// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {Vm} from "forge-std/Vm.sol";

import {DataMarket} from "../../../contracts/data/DataMarket.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {IDataMarket} from "../../../interfaces/IDataMarket.sol";

/// @notice Everything that can happen to sales and requests, each call made valid: none may revert. The books beside it
/// know each sale's terms, what was delivered and when, and so who must get its price.
contract DataHandler is CommonBase {
    /// @dev What a seller delivered: the promised key to the promised chunk, another key, or a key to another chunk.
    enum Goods {
        Right,
        WrongKey,
        WrongChunk
    }

    struct Point {
        uint256 scalar;
        bytes32 x;
        uint256 y;
    }

    struct Entry {
        IDataMarket.Deal deal;
        address buyer;
        bytes32 digest;
        bytes32 id;
        uint256 b;
        uint256 e;
        IDataMarket.Sealed posted;
        Goods goods;
        IDataMarket.SaleState state;
        uint256 deadline;
        bool revoked;
        bool acknowledged;
    }

    struct Asked {
        IDataMarket.Request request;
        bytes32 id;
        uint256 left;
        /// @dev Left, or taken and still waiting.
        uint256 shares;
    }

    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 private constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 internal constant PEOPLE = 5;
    uint256 private constant POOL = 6;
    bytes32 private constant DEAL_TYPE = keccak256(
        "Deal(address seller,address buyer,address token,uint8 tokenKind,uint256 price,bytes32 manifestRoot,"
        "uint256 count,bytes32 keyCommit,bytes32 termsHash,uint256 deliverSeconds,uint256 disputeSeconds,"
        "uint256 liveUntil,uint256 openUntil,bytes32 requestId,uint256 nonce)"
    );
    bytes32 private constant REQUEST_TYPE = keccak256(
        "Request(address buyer,address token,uint8 tokenKind,uint256 price,uint256 number,bytes32 termsHash,"
        "bytes32 schema,address attestor,address seller,uint256 periodSeconds,uint256 maxDeliverSeconds,"
        "uint256 maxDisputeSeconds,uint256 openUntil,uint256 nonce)"
    );

    DataMarket public immutable market;
    CashMock public immutable cash;
    LoyaltyToken public immutable points;

    /// @notice The time of this world.
    uint256 public time;
    /// @notice What was found wrong first, by the number of the invariant.
    mapping(uint256 invariant => string) public broken;
    /// @notice How often anything was called.
    uint256 public calls;
    /// @notice How often each function did what it is for.
    mapping(bytes4 selector => uint256) public done;
    /// @notice How often the market refused.
    uint256 public refused;

    Entry[] internal _sales;
    Asked[] internal _asked;
    mapping(bytes32 requestId => uint256 index) private _indexOf;
    address[PEOPLE] internal _people;
    Point[POOL] internal _pool;
    /// @dev Keys, scalars and shared secrets: words that the two parties of a sale alone know.
    mapping(bytes32 word => bool) private _isSecret;
    /// @dev Of all open sales and requests in cash.
    uint256 internal _escrow;
    uint256 private _count;

    constructor(DataMarket market_, CashMock cash_, LoyaltyToken points_) {
        (market, cash, points, time) = (market_, cash_, points_, block.timestamp);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _people[i] = vm.addr(_key(i));
            vm.startPrank(_people[i]);
            cash.approve(address(market), type(uint256).max);
            points.approve(address(market), type(uint256).max);
            vm.stopPrank();
        }
        for (uint256 i = 0; i < POOL; ++i) {
            Vm.Wallet memory wallet = vm.createWallet(uint256(keccak256(abi.encode("point", i))) % ORDER);
            bool even = wallet.publicKeyY % 2 == 0;
            _pool[i] = Point({
                scalar: even ? wallet.privateKey : ORDER - wallet.privateKey,
                x: bytes32(wallet.publicKeyX),
                y: even ? wallet.publicKeyY : FIELD - wallet.publicKeyY
            });
            _isSecret[bytes32(wallet.privateKey)] = _isSecret[bytes32(ORDER - wallet.privateKey)] = true;
        }
    }

    modifier counted() {
        ++calls;
        vm.warp(time);
        vm.recordLogs();
        vm.record();
        _;
        _search();
    }

    /// @notice What forge may call.
    function selectors() external pure virtual returns (bytes4[] memory list) {
        return _selectors(0);
    }

    function _selectors(uint256 more) internal pure returns (bytes4[] memory list) {
        list = new bytes4[](12 + more);
        list[0] = this.passTime.selector;
        list[1] = this.buy.selector;
        list[2] = this.buyAlso.selector;
        list[3] = this.deliver.selector;
        list[4] = this.settle.selector;
        list[5] = this.refund.selector;
        list[6] = this.concede.selector;
        list[7] = this.dispute.selector;
        list[8] = this.openRequest.selector;
        list[9] = this.take.selector;
        list[10] = this.closeRequest.selector;
        list[11] = this.state.selector;
    }

    // -------------------------------------------------------------------------------------------------- calls

    /// @dev Often to the very second of some deadline, or one beside it.
    function passTime(uint256 seed) external counted {
        uint256 how = seed % 4;
        if (_sales.length != 0 && how > 1) {
            uint256 deadline = _sales[_dice(seed, "sale") % _sales.length].deadline;
            if (deadline > time) time = deadline - 1 + _dice(seed, "beside") % 3;
        } else {
            time += 1 + _dice(seed, "seconds") % (how == 0 ? 1 hours : 2 days);
        }
        ++done[msg.sig];
    }

    function buy(uint256 seed) external counted {
        _buy(seed);
        ++done[msg.sig];
    }

    /// @dev Twice, since all else needs sales.
    function buyAlso(uint256 seed) external counted {
        _buy(seed);
        ++done[msg.sig];
    }

    function deliver(uint256 seed) external counted {
        (bool found, uint256 index) = _find(seed, IDataMarket.SaleState.Bought, false);
        if (!found) return;
        _prepareDelivery(_sales[index], seed);
        Entry memory entry = _sales[index];
        bytes memory signature = _signDelivery(entry);
        if (seed % 2 == 0) {
            vm.prank(entry.deal.seller);
            market.deliver(entry.id, entry.deal.disputeSeconds, entry.posted, _pool[entry.e].y);
        } else {
            market.deliverFor(
                entry.id,
                entry.deal.seller,
                entry.deal.disputeSeconds,
                entry.posted,
                _pool[entry.e].y,
                signature
            );
        }
        _booked(index, IDataMarket.SaleState.Delivered);
        ++done[msg.sig];
    }

    /// @dev The buyer at once, by himself or by his word, or anybody once the time is over.
    function settle(uint256 seed) external counted {
        bool late = seed % 3 == 2;
        (bool found, uint256 index) = _find(seed, IDataMarket.SaleState.Delivered, late);
        if (!found) return;
        Entry memory entry = _sales[index];
        uint256 before = _held(entry, entry.deal.seller);
        uint256 amount = _alive(entry, true);
        if (seed % 3 == 1) {
            bytes memory word = _signAbout("Settle(address buyer,bytes32 saleId)", entry.buyer, entry.id);
            market.settleFor(entry.deal, entry.buyer, word);
        } else if (late && seed % 2 == 0) {
            vm.prank(entry.deal.seller);
            market.settleTo(entry.deal, entry.buyer, entry.deal.seller);
        } else {
            vm.prank(late ? _anybody(seed) : entry.buyer);
            market.settle(entry.deal, entry.buyer);
        }
        _paid(index, IDataMarket.SaleState.Paid, entry.deal.seller, before, amount);
    }

    function refund(uint256 seed) external counted {
        (bool found, uint256 index) = _find(seed, IDataMarket.SaleState.Bought, true);
        if (!found) return;
        Entry memory entry = _sales[index];
        uint256 before = _held(entry, entry.buyer);
        uint256 amount = _alive(entry, false);
        vm.prank(seed % 2 == 0 ? _anybody(seed) : entry.buyer);
        if (seed % 2 == 0) market.refund(entry.deal, entry.buyer);
        else market.settleTo(entry.deal, entry.buyer, entry.buyer);
        _paid(index, IDataMarket.SaleState.Refunded, entry.buyer, before, amount);
    }

    function concede(uint256 seed) external counted {
        (bool found, uint256 index) = _find(seed, IDataMarket.SaleState.Delivered, seed % 2 == 0);
        if (!found) return;
        Entry memory entry = _sales[index];
        uint256 before = _held(entry, entry.buyer);
        uint256 amount = _alive(entry, false);
        vm.prank(entry.deal.seller);
        market.concede(entry.deal, entry.buyer);
        _paid(index, IDataMarket.SaleState.Conceded, entry.buyer, before, amount);
    }

    /// @dev D2: who did not get what was promised, and objects in time, wins. Who did, loses.
    function dispute(uint256 seed) external counted {
        (bool found, uint256 index) = _find(seed, IDataMarket.SaleState.Delivered, false);
        if (!found) return;
        Entry memory entry = _sales[index];
        uint256 before = _held(entry, entry.buyer);
        IDataMarket.Chunk memory chunk = _chunk(entry);
        vm.prank(_anybody(seed));
        if (entry.goods == Goods.Right) {
            try market.disputeKey(entry.deal, entry.buyer, entry.posted, _pool[entry.b].scalar) {
                _break(2, "a right key lost a dispute");
            } catch {}
            try market.disputeChunk(entry.deal, entry.buyer, entry.posted, _pool[entry.b].scalar, chunk) {
                _break(2, "a right chunk lost a dispute");
            } catch {}
            ++done[msg.sig];
        } else if (entry.goods == Goods.WrongKey) {
            market.disputeKey(entry.deal, entry.buyer, entry.posted, _pool[entry.b].scalar);
            _paid(index, IDataMarket.SaleState.KeyWrong, entry.buyer, before, entry.deal.price);
        } else {
            market.disputeChunk(entry.deal, entry.buyer, entry.posted, _pool[entry.b].scalar, chunk);
            _paid(index, IDataMarket.SaleState.ChunkWrong, entry.buyer, before, entry.deal.price);
        }
    }

    function openRequest(uint256 seed) external counted {
        IDataMarket.Request memory request;
        request.buyer = _anybody(seed);
        bool inPoints = seed % 2 == 0;
        request.token = inPoints ? address(points) : address(cash);
        request.tokenKind = inPoints ? 0 : 1;
        request.price = _dice(seed, "price") % 1_000;
        request.number = 1 + _dice(seed, "number") % 4;
        request.termsHash = "terms";
        request.maxDeliverSeconds = 2 days;
        request.maxDisputeSeconds = 3 days;
        request.openUntil = time + _dice(seed, "open") % 3 days;
        request.nonce = ++_count << 128;
        _fund(request.token, request.buyer, request.price * request.number);
        vm.prank(request.buyer);
        bytes32 id = market.openRequest(request);
        _indexOf[id] = _asked.length;
        _asked.push(Asked(request, id, request.number, request.number));
        if (!inPoints) _escrow += request.price * request.number;
        ++done[msg.sig];
    }

    function take(uint256 seed) external counted {
        (bool found, uint256 index) = _findRequest(seed, false);
        if (!found) return;
        Asked storage asked = _asked[index];
        Entry memory entry = _entry(seed, asked.request.buyer);
        entry.deal.token = asked.request.token;
        entry.deal.tokenKind = asked.request.tokenKind;
        entry.deal.price = asked.request.price;
        entry.deal.requestId = asked.id;
        entry.deal.liveUntil = market.liveUntilOf(asked.request);
        _identify(entry);
        bytes memory signature = _sign(entry.deal.seller, entry.digest);
        vm.prank(entry.buyer);
        market.take(asked.request, entry.deal, signature, entry.posted.pointB);
        --asked.left;
        _add(entry);
        ++done[msg.sig];
    }

    function closeRequest(uint256 seed) external counted {
        (bool found, uint256 index) = _findRequest(seed, seed % 2 == 0);
        if (!found) return;
        Asked storage asked = _asked[index];
        IDataMarket.Request memory request = asked.request;
        uint256 amount = request.price * asked.left;
        if (request.tokenKind == 0 && time > market.liveUntilOf(request)) {
            amount = _least(amount, _heldFor(asked.id) * asked.left / asked.shares);
        }
        uint256 before = CashMock(request.token).balanceOf(request.buyer);
        vm.prank(time > request.openUntil ? _anybody(seed) : request.buyer);
        market.closeRequest(request);
        if (CashMock(request.token).balanceOf(request.buyer) != before + amount) {
            _break(1, "the rest of a budget did not return");
        }
        if (request.tokenKind == 1) _escrow -= amount;
        _closed(asked);
        ++done[msg.sig];
    }

    /// @dev Consent and erasure are stated whenever there is a sale, and move no money.
    function state(uint256 seed) external counted {
        if (_sales.length == 0) return;
        Entry storage entry = _sales[seed % _sales.length];
        if (!entry.revoked) {
            vm.prank(entry.deal.seller);
            market.revoke(entry.digest, entry.buyer);
            entry.revoked = true;
        }
        if (!entry.acknowledged) {
            vm.prank(entry.buyer);
            market.acknowledge(entry.digest, entry.deal.seller);
            entry.acknowledged = true;
        }
        ++done[msg.sig];
    }

    // ------------------------------------------------------------------------------------------------ checks

    /// @notice D1: each sale stands where the books say, and escrow and pockets hold exactly what is open.
    function checkAll() external {
        vm.warp(time);
        if (cash.balanceOf(address(market)) != _escrow) {
            _break(1, "the escrow is not the sum of what is open");
        }
        if (points.balanceOf(address(market)) != 0) _break(1, "the market itself holds points");
        for (uint256 i = 0; i < _sales.length; ++i) {
            _checkSale(_sales[i]);
        }
        for (uint256 i = 0; i < _asked.length; ++i) {
            _checkRequest(_asked[i]);
        }
    }

    /// @dev D3: the market never writes or logs a secret, not even when a dispute has shown it in its calldata.
    function _search() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            for (uint256 j = 0; j < logs[i].topics.length; ++j) {
                _searchWord(logs[i].topics[j]);
            }
            bytes memory data = logs[i].data;
            for (uint256 j = 32; j <= data.length; j += 32) {
                bytes32 word;
                assembly ("memory-safe") {
                    word := mload(add(data, j))
                }
                _searchWord(word);
            }
        }
        (, bytes32[] memory written) = vm.accesses(address(market));
        for (uint256 i = 0; i < written.length; ++i) {
            _searchWord(vm.load(address(market), written[i]));
        }
    }

    function _searchWord(bytes32 word) private {
        if (_isSecret[word]) _break(3, "a secret of a sale can be read");
    }

    function _checkRequest(Asked storage asked) private {
        if (market.leftOf(asked.id) != asked.left) _break(1, "a request has more or less left");
        if (asked.request.tokenKind != 0) return;
        uint256 whole = asked.request.price * asked.shares;
        uint256 held = _heldFor(asked.id);
        if (held > whole) _break(1, "a request's pocket holds points of nobody");
        if (held < whole && time <= market.liveUntilOf(asked.request)) {
            _break(1, "a request's pocket does not hold what is left and its sales");
        }
    }

    function _checkSale(Entry storage entry) internal {
        IDataMarket.Sale memory kept = market.saleOf(entry.id);
        if (kept.state != entry.state) _break(1, "a sale stands elsewhere");
        if (kept.owed) _break(1, "a price is owed that could be paid");
        if (entry.revoked != (kept.revokedAt != 0)) _break(1, "a withdrawal is not kept");
        if (entry.acknowledged != (kept.acknowledgedAt != 0)) _break(1, "an erasure is not kept");
        if (entry.deal.tokenKind != 0) return;
        uint256 held = _heldFor(entry.id);
        bool open = _isOpen(entry.state) && entry.deal.requestId == 0;
        if (!open && held != 0) _break(1, "a pocket holds points of a sale that ended");
        if (open && time <= entry.deal.liveUntil && held != entry.deal.price) {
            _break(1, "a pocket does not hold its price");
        }
    }

    // -------------------------------------------------------------------------------------------- preparing

    function _buy(uint256 seed) private {
        Entry memory entry = _entry(seed, _anybody(seed));
        bool inPoints = seed % 2 == 0;
        entry.deal.token = inPoints ? address(points) : address(cash);
        entry.deal.tokenKind = inPoints ? 0 : 1;
        entry.deal.price = _dice(seed, "price") % 1_000;
        entry.deal.liveUntil = inPoints ? _least(entry.deal) : 0;
        _identify(entry);
        _fund(entry.deal.token, entry.buyer, entry.deal.price);
        bytes memory signature = _sign(entry.deal.seller, entry.digest);
        if (seed % 3 == 0) {
            bytes32 kind = keccak256(
                "Buy(address buyer,bytes32 dealDigest,bytes32 content,bytes32 pointB,uint256 deadline)"
            );
            bytes32 hash =
                keccak256(abi.encode(kind, entry.buyer, entry.digest, bytes32(0), entry.posted.pointB, time));
            bytes memory word = _sign(entry.buyer, _typed(hash));
            market.buyFor(entry.deal, signature, entry.buyer, entry.posted.pointB, time, word);
        } else {
            vm.prank(entry.buyer);
            market.buy(entry.deal, signature, entry.posted.pointB);
        }
        if (!inPoints) _escrow += entry.deal.price;
        _add(entry);
    }

    /// @dev A sale of one chunk; whether the seller will keep her word is decided now, as the manifest must say it.
    function _entry(uint256 seed, address buyer) private returns (Entry memory entry) {
        entry.buyer = buyer;
        uint256 who = _dice(seed, "seller") % PEOPLE;
        if (_people[who] == buyer) who = (who + 1) % PEOPLE;
        entry.deal.seller = _people[who];
        entry.goods = Goods(_dice(seed, "goods") % 3);
        entry.b = _dice(seed, "b") % POOL;
        entry.e = _dice(seed, "e") % POOL;
        entry.posted.pointB = _pool[entry.b].x;
        entry.deal.nonce = ++_count << 128;
        entry.deal.count = 1;
        entry.deal.keyCommit = keccak256(bytes.concat(keccak256("troc.key.v1"), _keyOf(entry)));
        _isSecret[_keyOf(entry)] = true;
        IDataMarket.Chunk memory chunk = _chunk(entry);
        entry.deal.manifestRoot =
            keccak256(abi.encodePacked(hex"00", uint32(0), chunk.plainLeaf, keccak256(chunk.ciphertext)));
        entry.deal.termsHash = "terms";
        entry.deal.deliverSeconds = 1 days + _dice(seed, "deliver") % 1 days;
        entry.deal.disputeSeconds = 2 days + _dice(seed, "dispute") % 1 days;
        entry.deal.openUntil = time;
        if (seed % 4 == 0) entry.deal.buyer = buyer;
    }

    function _identify(Entry memory entry) private view {
        entry.digest = _typed(keccak256(abi.encode(DEAL_TYPE, entry.deal)));
        entry.id = keccak256(abi.encode(entry.digest, entry.deal.seller, entry.buyer));
    }

    function _prepareDelivery(Entry storage entry, uint256) private {
        bytes32 key = entry.goods == Goods.WrongKey ? bytes32("wrong") : _keyOf(entry);
        address shared = vm.addr(mulmod(_pool[entry.b].scalar, _pool[entry.e].scalar, ORDER));
        _isSecret[bytes32(uint256(uint160(shared)))] = _isSecret[keccak256(abi.encode(entry.id, shared))] =
        true;
        entry.posted.pointE = _pool[entry.e].x;
        entry.posted.wrapped = key ^ keccak256(abi.encode(entry.id, shared));
    }

    function _keyOf(Entry memory entry) internal pure returns (bytes32) {
        return keccak256(abi.encode("key", entry.deal.nonce));
    }

    /// @dev The only chunk: of zeros, sealed; where the seller cheats, the manifest promises ones.
    function _chunk(Entry memory entry) internal pure returns (IDataMarket.Chunk memory chunk) {
        bytes32 stream = keccak256(abi.encodePacked(_keyOf(entry), uint32(0), uint32(0)));
        chunk.ciphertext = abi.encode(stream);
        uint256 promised = entry.goods == Goods.WrongChunk ? 1 : 0;
        chunk.plainLeaf = keccak256(bytes.concat(hex"02", bytes32(promised)));
        chunk.proof = new bytes32[](0);
    }

    function _least(IDataMarket.Deal memory deal) private view returns (uint256) {
        return time + deal.deliverSeconds + deal.disputeSeconds + 1 days;
    }

    function _fund(address token, address who, uint256 amount) private {
        // The handler is the brand.
        if (amount != 0) CashMock(token).mint(who, amount);
    }

    // -------------------------------------------------------------------------------------------------- books

    function _add(Entry memory entry) private {
        entry.state = IDataMarket.SaleState.Bought;
        entry.deadline = time + entry.deal.deliverSeconds;
        _sales.push(entry);
        _checkSale(_sales[_sales.length - 1]);
    }

    function _booked(uint256 index, IDataMarket.SaleState to) internal {
        Entry storage entry = _sales[index];
        if (to == IDataMarket.SaleState.Delivered) entry.deadline = time + entry.deal.disputeSeconds;
        else if (_isOpen(entry.state)) _left(entry);
        entry.state = to;
        _checkSale(entry);
    }

    /// @dev An open sale has ended: its price is in escrow no longer.
    function _left(Entry storage entry) private {
        if (entry.deal.tokenKind == 1) _escrow -= entry.deal.price;
        if (entry.deal.requestId != 0) --_asked[_indexOf[entry.deal.requestId]].shares;
    }

    function _closed(Asked storage asked) internal {
        asked.shares -= asked.left;
        asked.left = 0;
    }

    function _paid(
        uint256 index,
        IDataMarket.SaleState outcome,
        address payee,
        uint256 before,
        uint256 amount
    ) private {
        if (_held(_sales[index], payee) != before + amount) {
            _break(1, "a payment is not what was due");
        }
        _booked(index, outcome);
        ++done[msg.sig];
    }

    function _held(Entry memory entry, address who) internal view returns (uint256) {
        return CashMock(entry.deal.token).balanceOf(who);
    }

    /// @dev What is left of the price if nobody called in time.
    /// @param up What expired is rounded for the seller alone.
    function _alive(Entry memory entry, bool up) internal view returns (uint256) {
        if (entry.deal.tokenKind == 1 || time <= entry.deal.liveUntil) return entry.deal.price;
        bytes32 asked = entry.deal.requestId;
        if (asked == 0) return _heldFor(entry.id);
        uint256 shares = _asked[_indexOf[asked]].shares;
        return _least(entry.deal.price, (_heldFor(asked) + (up ? shares - 1 : 0)) / shares);
    }

    function _heldFor(bytes32 id) private view returns (uint256) {
        return points.balanceOf(points.pocketOf(address(market), id));
    }

    function _least(uint256 one, uint256 other) private pure returns (uint256) {
        return one < other ? one : other;
    }

    function _isOpen(IDataMarket.SaleState at) internal pure returns (bool) {
        return at == IDataMarket.SaleState.Bought || at == IDataMarket.SaleState.Delivered;
    }

    /// @dev A sale in a state, before or after its deadline.
    function _find(uint256 seed, IDataMarket.SaleState at, bool late) private view returns (bool, uint256) {
        uint256 start = _dice(seed, "find");
        for (uint256 i = 0; i < _sales.length; ++i) {
            uint256 index = (start + i) % _sales.length;
            Entry storage entry = _sales[index];
            if (entry.state == at && (time > entry.deadline) == late) return (true, index);
        }
        return (false, 0);
    }

    function _findRequest(uint256 seed, bool late) private view returns (bool, uint256) {
        uint256 start = _dice(seed, "find");
        for (uint256 i = 0; i < _asked.length; ++i) {
            uint256 index = (start + i) % _asked.length;
            if (_asked[index].left != 0 && (time > _asked[index].request.openUntil) == late) {
                return (true, index);
            }
        }
        return (false, 0);
    }

    function _break(uint256 invariant, string memory words) internal {
        if (bytes(broken[invariant]).length == 0) broken[invariant] = words;
    }

    // ------------------------------------------------------------------------------------------------ signing

    function _key(uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("person", index)));
    }

    function _anybody(uint256 seed) internal view returns (address) {
        return _people[_dice(seed, "anybody") % PEOPLE];
    }

    function _dice(uint256 seed, string memory what) internal pure returns (uint256) {
        // Halved, so that an index can be added.
        return uint256(keccak256(abi.encode(seed, what))) >> 1;
    }

    function _sign(address who, bytes32 digest) internal view returns (bytes memory) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (_people[i] != who) continue;
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(i), digest);
            return abi.encodePacked(r, s, v);
        }
        return "";
    }

    function _signAbout(string memory words, address who, bytes32 id) internal view returns (bytes memory) {
        return _sign(who, _typed(keccak256(abi.encode(keccak256(bytes(words)), who, id))));
    }

    function _signDelivery(Entry memory entry) internal view returns (bytes memory) {
        bytes32 kind =
            keccak256("Deliver(address seller,bytes32 saleId,bytes32 pointB,bytes32 pointE,bytes32 wrapped)");
        return _sign(
            entry.deal.seller, _typed(keccak256(abi.encode(kind, entry.deal.seller, entry.id, entry.posted)))
        );
    }

    function _typed(bytes32 hash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", market.DOMAIN_SEPARATOR(), hash));
    }
}
