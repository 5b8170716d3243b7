// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DataMarket} from "../../../contracts/data/DataMarket.sol";
import {LoyaltyToken} from "../../../contracts/loyalty/LoyaltyToken.sol";
import {CashMock} from "../../../contracts/mocks/CashMock.sol";
import {IDataMarket} from "../../../interfaces/IDataMarket.sol";
import {DataHandler} from "./DataHandler.sol";

/// @notice The twin: between valid calls, others by anybody, about any sale, in any state, at any time, by any hand, and
/// spoiled. What is accepted must be what the books allow: D2.
contract DataGarbageHandler is DataHandler {
    constructor(DataMarket market_, CashMock cash_, LoyaltyToken points_)
        DataHandler(market_, cash_, points_)
    {}

    /// @inheritdoc DataHandler
    function selectors() external pure override returns (bytes4[] memory list) {
        list = _selectors(4);
        list[12] = this.meddle.selector;
        list[13] = this.meddleAlso.selector;
        list[14] = this.rebuy.selector;
        list[15] = this.meddleWithRequest.selector;
    }

    function meddle(uint256 seed) external counted {
        _meddle(seed);
    }

    /// @dev Half of the calls are to be hostile.
    function meddleAlso(uint256 seed) external counted {
        _meddle(seed);
    }

    /// @dev A deal that was bought is never bought again by the same buyer.
    function rebuy(uint256 seed) external counted {
        if (_sales.length == 0) return;
        Entry memory entry = _sales[seed % _sales.length];
        bytes memory signature = _sign(entry.deal.seller, entry.digest);
        vm.warp(entry.deal.openUntil);
        vm.prank(entry.buyer);
        try market.buy(entry.deal, signature, entry.posted.pointB) {
            _break(1, "a deal was bought twice");
        } catch {
            ++refused;
            ++done[msg.sig];
        }
        vm.warp(time);
    }

    /// @dev Somebody else closes a request that is open, or takes for its buyer.
    function meddleWithRequest(uint256 seed) external counted {
        if (_asked.length == 0) return;
        Asked storage asked = _asked[seed % _asked.length];
        address sender = _anybody(seed);
        uint256 left = market.leftOf(asked.id);
        vm.prank(sender);
        bool closed;
        if (seed % 2 == 0) {
            try market.closeRequestTo(asked.request, sender) {
                closed = true;
            } catch {
                ++refused;
            }
            if (closed && sender != asked.request.buyer) _break(1, "a stranger closed a request");
        } else {
            try market.closeRequest(asked.request) {
                closed = true;
            } catch {
                ++refused;
            }
            if (closed && sender != asked.request.buyer && time <= asked.request.openUntil) {
                _break(1, "a stranger closed a request in time");
            }
        }
        if (!closed) return;
        if (asked.request.tokenKind == 1) _escrow -= asked.request.price * left;
        _closed(asked);
        ++done[msg.sig];
    }

    function _meddle(uint256 seed) private {
        if (_sales.length == 0) return;
        uint256 index = _mostlyOpen(seed);
        Entry memory entry = _sales[index];
        uint256 call = _dice(seed, "call") % 9;
        // Most calls are not spoiled: only the sender, the state and the time are what they are.
        uint256 spoil = _dice(seed, "spoil") % 10;
        address sender = _sender(entry, seed);
        bool spoiled = _spoil(entry, spoil, seed);
        if (!_accepted(entry, call, spoil, sender, seed)) {
            ++refused;
            return;
        }
        ++done[msg.sig];
        // A delivery does not bring the deal.
        if (spoiled && call != 8) _break(2, "a call was accepted that was changed after it was signed");
        if (spoil == 5 && (call == 6 || call == 7)) _break(2, "a stranger's signature was accepted");
        if (spoil == 6 && (call == 4 || call == 5)) _break(2, "a dispute was won without the scalar");
        _judge(index, call, sender, market.saleOf(entry.id).state);
    }

    function _sender(Entry memory entry, uint256 seed) private view returns (address) {
        uint256 who = _dice(seed, "who") % 3;
        return who == 0 ? entry.buyer : who == 1 ? entry.deal.seller : _anybody(seed);
    }

    function _accepted(Entry memory entry, uint256 call, uint256 spoil, address sender, uint256 seed)
        private
        returns (bool accepted)
    {
        bytes memory signature = _signature(entry, call, spoil == 5);
        bytes memory data = _data(entry, call, sender, signature, spoil, seed);
        vm.prank(sender);
        (accepted,) = address(market).call(data);
    }

    function _mostlyOpen(uint256 seed) private view returns (uint256 index) {
        uint256 start = _dice(seed, "sale");
        for (uint256 i = 0; i < _sales.length; ++i) {
            index = (start + i) % _sales.length;
            if (seed % 4 == 0 || _isOpen(_sales[index].state)) break;
        }
    }

    /// @dev Changes a word of what the call names; says whether it then cannot be about this sale.
    function _spoil(Entry memory entry, uint256 spoil, uint256 seed) private pure returns (bool) {
        bytes32 bit = bytes32(uint256(1) << (_dice(seed, "bit") % 256));
        if (spoil == 7) entry.deal.manifestRoot ^= bit;
        else if (spoil == 8) entry.deal.price ^= uint256(bit);
        else if (spoil == 9) entry.deal.keyCommit ^= bit;
        else return false;
        return true;
    }

    function _signature(Entry memory entry, uint256 call, bool strangers)
        private
        view
        returns (bytes memory)
    {
        address seller = entry.deal.seller;
        if (call == 6) {
            address signer = strangers ? seller : entry.buyer;
            return _sign(
                signer,
                _typed(
                    keccak256(
                        abi.encode(keccak256("Settle(address buyer,bytes32 saleId)"), entry.buyer, entry.id)
                    )
                )
            );
        }
        address who = strangers ? entry.buyer : seller;
        return _sign(
            who,
            _typed(
                keccak256(abi.encode(keccak256("Concede(address seller,bytes32 saleId)"), seller, entry.id))
            )
        );
    }

    function _data(
        Entry memory entry,
        uint256 call,
        address sender,
        bytes memory signature,
        uint256 spoil,
        uint256 seed
    ) private view returns (bytes memory) {
        uint256 scalar = _pool[entry.b].scalar;
        if (spoil == 6) scalar = addmod(scalar, 1 + seed % (ORDER - 1), ORDER);
        if (call == 0) return abi.encodeCall(market.refund, (entry.deal, entry.buyer));
        if (call == 1) return abi.encodeCall(market.settle, (entry.deal, entry.buyer));
        if (call == 2) return abi.encodeCall(market.settleTo, (entry.deal, entry.buyer, sender));
        if (call == 3) return abi.encodeCall(market.concede, (entry.deal, entry.buyer));
        if (call == 4) {
            return abi.encodeCall(market.disputeKey, (entry.deal, entry.buyer, entry.posted, scalar));
        }
        if (call == 5) {
            return abi.encodeCall(
                market.disputeChunk, (entry.deal, entry.buyer, entry.posted, scalar, _chunk(entry))
            );
        }
        if (call == 6) return abi.encodeCall(market.settleFor, (entry.deal, entry.buyer, signature));
        if (call == 7) return abi.encodeCall(market.concedeFor, (entry.deal, entry.buyer, signature));
        // A delivery out of turn: what was posted before, or nothing.
        return
            abi.encodeCall(
                market.deliver, (entry.id, entry.deal.disputeSeconds, entry.posted, _pool[entry.e].y)
            );
    }

    /// @dev Whether the books allow that this sender moved the sale there now.
    function _judge(uint256 index, uint256 call, address sender, IDataMarket.SaleState now_) private {
        Entry storage entry = _sales[index];
        IDataMarket.SaleState was = entry.state;
        bool over = time > entry.deadline;
        if (was == IDataMarket.SaleState.Bought) {
            if (now_ != IDataMarket.SaleState.Refunded || !over) {
                _break(2, "a sale that waits for its key was moved before its time");
            }
        } else if (was == IDataMarket.SaleState.Delivered) {
            if (now_ == IDataMarket.SaleState.Paid) {
                if (!over && sender != entry.buyer && call != 6) _break(2, "the seller was paid too early");
            } else if (now_ == IDataMarket.SaleState.Conceded) {
                if (sender != entry.deal.seller && call != 7) _break(2, "somebody else conceded");
            } else if (now_ == IDataMarket.SaleState.KeyWrong) {
                if (over || entry.goods != Goods.WrongKey) _break(2, "a seller lost who must not");
            } else if (now_ == IDataMarket.SaleState.ChunkWrong) {
                if (over || entry.goods != Goods.WrongChunk) _break(2, "a seller lost who must not");
            } else {
                _break(2, "a delivered sale went astray");
            }
        } else {
            _break(1, "a sale ended twice");
        }
        if (call == 2) {
            address payee = now_ == IDataMarket.SaleState.Paid ? entry.deal.seller : entry.buyer;
            if (sender != payee) _break(1, "a stranger named where the money goes");
        }
        _booked(index, now_);
    }
}
