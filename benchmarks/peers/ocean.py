"""Ocean v4: a datatoken bought at a fixed rate, and spent on an order for the data."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.packed import encode_packed
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract

from benchmarks.chain import Chain, Cost, System
from benchmarks.compile import Artifact
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.tokens import ONE, fund, tokens

_PACKAGE = "@oceanprotocol/contracts"
_NOBODY = "0x" + "00" * 20
_PRICE = 50
_WHOLE = 10**18


def measure(chain: Chain) -> Iterator[Record]:
    """A sale as its market makes it: two transactions of the buyer's."""
    (paid_in,) = tokens(chain, 1)
    unused, fees = chain.address("pools"), chain.address("fees")
    router = chain.deploy(_contract("pools/FactoryRouter"), chain.deployer, paid_in.address, unused, fees, [])
    nft, datatoken = (chain.deploy(_contract(f"templates/{name}Template")) for name in ("ERC721", "ERC20"))
    factory = chain.deploy(_contract("ERC721Factory"), nft.address, datatoken.address, router.address)
    exchange = chain.deploy(_contract("pools/fixedRate/FixedRateExchange"), router.address)
    chain.send(router.functions.addFactory(factory.address))
    chain.send(router.functions.addFixedRateContract(exchange.address))
    # No fee, as with all others.
    chain.send(router.functions.updateOPCFee(0, 0, 0, 0))
    sold = _publish(chain, factory, exchange, paid_in)

    (exchange_id,) = exchange.functions.getExchanges().call()
    another, buyer = chain.account("another buyer"), chain.account("buyer")
    fund(chain, [another, buyer, chain.account("seller")], [paid_in], exchange.address)
    costs = [_buy(chain, exchange, exchange_id, sold, who) for who in (another, buyer)]
    origin = _contract("ERC721Factory").origin
    yield System("ocean", version(_PACKAGE)).record(
        "data-sale",
        costs[-1],
        state="plain ERC-20, both known to it, others bought it before; its provider hands over",
        how=f"buyDT and startOrder by the buyer, datatoken behind the proxy of its factory; {origin}",
        per="sale",
    )


def _contract(path: str) -> Artifact:
    return published(_PACKAGE, f"artifacts/contracts/{path}.sol/{path.rpartition('/')[2]}.json")


def _publish(chain: Chain, factory: Contract, exchange: Contract, paid_in: Contract) -> Contract:
    """A datatoken of the seller's, minted by the exchange as it is bought."""
    seller = chain.address("seller")
    chain.send(
        factory.functions.createNftWithErc20WithFixedRate(
            ("Data", "DATA", 1, "", True, seller),
            (1, ["Data", "DATA"], [seller, _NOBODY, _NOBODY, _NOBODY], [1_000 * _WHOLE, 0], []),
            (
                exchange.address,
                [paid_in.address, seller, seller, _NOBODY],
                [6, 18, _PRICE * _WHOLE, 0, 1],
            ),
        ),
        seller,
    )
    (exchange_id,) = exchange.functions.getExchanges().call()
    address = exchange.functions.getExchange(exchange_id).call()[1]
    return chain.at(_contract("templates/ERC20Template"), address)


def _buy(
    chain: Chain, exchange: Contract, exchange_id: bytes, datatoken: Contract, buyer: LocalAccount
) -> Cost:
    call = exchange.functions.buyDT(exchange_id, _WHOLE, _PRICE * ONE, _NOBODY, 0)
    bought = chain.send(call, buyer.address)
    provider = chain.account("provider")
    # The provider signs that it asks for no fee.
    signed = encode_packed(
        ["bytes", "address", "address", "uint256", "uint256"], [b"", provider.address, _NOBODY, 0, 0]
    )
    signature = provider.sign_message(encode_defunct(Web3.keccak(signed)))
    r, s = (number.to_bytes(32, "big") for number in (signature.r, signature.s))
    fee = (provider.address, _NOBODY, 0, signature.v, r, s, 0, b"")
    order = datatoken.functions.startOrder(buyer.address, 0, fee, (_NOBODY, _NOBODY, 0))
    return bought + chain.send(order, buyer.address)
