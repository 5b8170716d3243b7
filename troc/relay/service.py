"""The relay over HTTP. Amounts are smallest units as text, times Unix seconds."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr
from starlette.types import Scope

from troc.acts import KINDS, MOST_ORDERS
from troc.relay.desk import Known
from troc.relay.rates import who_asks
from troc.relay.relay import Relay
from troc.serving.http import ErrorAnswer, direct, prepare

_LARGEST_BODY = 256 * 1024
"""Bytes: a settlement of many orders that wallets of several owners signed."""

Fields = Annotated[
    dict[str, Any],
    Field(
        description="The message by its own names (docs/messages.md): numbers as decimal text, bytes in hex"
    ),
]
Signature = Annotated[
    StrictStr, Field(description="0x and hex digits: 65 or 64 bytes, or what a wallet takes")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignedMessage(_Body):
    """A message and its signature."""

    message: Fields
    signature: Signature


class MessageRequest(_Body):
    """Something signed that anyone may submit."""

    kind: Annotated[StrictStr, Field(description=f"One of {', '.join(KINDS)}", examples=["Order"])]
    chainId: StrictInt  # noqa: N815 (as wallets write it)
    contract: Annotated[
        StrictStr, Field(description="Whose domain was signed: the exchange, or the points' address")
    ]
    message: Fields | None = None
    signature: Signature | None = None
    claim: Annotated[
        SignedMessage | None, Field(description="With a Voucher for a one-time key: its Claim")
    ] = None
    context: Annotated[
        dict[str, Any] | None,
        Field(description="With a message of the market for data: the deal, its buyer, what its call needs"),
    ] = None
    orders: Annotated[
        list[SignedMessage] | None,
        Field(max_length=MOST_ORDERS, description="Of a Settlement: orders that settle each other"),
    ] = None
    transfers: Annotated[
        list[tuple[StrictInt, StrictInt, StrictStr]] | None,
        Field(description="Of a Settlement: giver's place, receiver's place, units"),
    ] = None


class MessageAnswer(_Body):
    """What became of a message."""

    id: Annotated[str, Field(description="The digest that was signed (EIP-712)")]
    kind: str
    signer: Annotated[str, Field(description="To whose account it is put")]
    state: Annotated[
        str,
        Field(
            description='"accepted": written down; "submitted": in a transaction that is sent; "mined": in a'
            ' block; "done": and confirmed; "failed": and `why`. What failed can be sent again'
        ),
    ]
    transaction: str | None
    block: int | None
    resubmitted: Annotated[
        int, Field(description="How often it had to be sent anew: dropped, or out of a block again")
    ]
    accepted_at: int
    why: ErrorAnswer | None


def _admit(relay: Relay, scope: Scope) -> str:
    client = scope["client"]
    ip = who_asks(client[0] if client else "")
    relay.admit(ip)
    return ip


async def _admitted(request: Request) -> str:
    return _admit(request.app.state.relay, request.scope)


_Address = Annotated[str, Depends(_admitted)]


def create_app(relay: Relay) -> FastAPI:
    """The service of a running relay."""
    app = FastAPI(
        title=f"Relay {relay.address}",
        summary="Brings to the chain what customers signed, at its own cost. It can leave a message, and"
        " change nothing of it.",
        version="1",
        responses={
            status: {"model": ErrorAnswer, "description": what}
            for status, what in (
                (403, "Not signed, or not served here"),
                (404, "Unknown"),
                (409, "The chain would refuse it"),
                (413, "Too large"),
                (422, "Malformed"),
                (429, "Too much, too often"),
                (503, "The chain, the database or the budget does not allow it now"),
            )
        },
    )
    prepare(app, "relay", _LARGEST_BODY)

    app.state.relay = relay

    # What is answered here is ours: it is not checked against its own form, hundreds of times a second.
    @app.post("/messages", tags=["messages"], response_model=MessageAnswer)
    async def accept(body: MessageRequest, ip: _Address) -> Response:
        """Accept a signed message, once. Answered when it is on the disk."""
        known = await relay.accept(ip, body.model_dump(exclude_unset=True, mode="json"))
        return Response(_answer(known).model_dump_json(), media_type="application/json")

    direct(app, "/messages", MessageRequest, partial(_admit, relay), accept)

    @app.get("/messages/{id}", tags=["messages"])
    def find(
        ip: _Address,
        id_: Annotated[str, Path(alias="id", pattern="^0x[0-9a-f]{64}$")],
    ) -> MessageAnswer:
        """What became of a message."""
        return _answer(relay.find(id_))

    @app.get("/health", tags=["relay"])
    def health() -> dict[str, Any]:
        """Whether the relay works (it answers), and whether the chain answers it."""
        return {"open": True, "online": relay.online}

    @app.get("/status", tags=["relay"])
    def status(ip: _Address) -> dict[str, Any]:
        """Whether it takes messages, whose, within which limits; what waits and what was spent."""
        return relay.status()

    return app


def _answer(known: Known) -> MessageAnswer:
    why = None
    if known.code is not None:
        why = ErrorAnswer(code=known.code, message=known.why or "", remedy=known.remedy or "")
    return MessageAnswer(
        id=known.id,
        kind=known.kind,
        signer=known.payer,
        state=known.state,
        transaction=known.transaction,
        block=known.block,
        resubmitted=known.resubmitted,
        accepted_at=known.accepted_at,
        why=why,
    )
