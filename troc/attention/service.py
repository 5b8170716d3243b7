"""Signing over HTTP: what a shop's site, its mail system and its tills ask for. Times are Unix seconds."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from troc.attention.campaigns import CODES_OF_BATCH, Campaign
from troc.attention.contacts import named
from troc.attention.register import TOKENS, Contact, Taken, Turn
from troc.attention.roots import account_of
from troc.attention.signing import USUAL_VALID, Signed, Signing
from troc.attention.slips import Slip
from troc.errors import TrocError
from troc.serving.answers import answer
from troc.serving.http import ErrorAnswer, bearer, bearer_of, direct, prepare
from troc.serving.refusal import RefusalError

_LARGEST_BODY = 512 * 1024
MOST_AT_ONCE = 1_000
"""Contacts of one request."""

_CampaignName = Annotated[
    StrictStr, Field(description="How its id begins; may be left away where only one is signed here")
]
ContactName = Annotated[
    StrictStr,
    Field(description="The shop's own name for the contact, unique in the campaign", examples=["film 4711"]),
]
_Account = Annotated[StrictStr, Field(description="Her address, or 0x and the 64 hex digits of a pseudonym")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ContactRequest(_Body):
    """A contact that a customer had."""

    contact: ContactName
    account: _Account
    at: Annotated[
        StrictInt | None, Field(description="When she had it, where that was before; it is signed for now")
    ] = None


class OneContactRequest(ContactRequest):
    """The same, of a campaign."""

    campaign: _CampaignName = ""


class ContactsRequest(_Body):
    """Several contacts. Each is taken down, or refused, by itself."""

    contacts: Annotated[list[ContactRequest], Field(min_length=1, max_length=MOST_AT_ONCE)]
    campaign: _CampaignName = ""


class StatementAnswer(_Body):
    """The word of the campaign's key that she had this contact, with those before it."""

    contact: str
    account: str
    number: Annotated[int, Field(description="The account's contact, from 0")]
    state: Annotated[str, Field(description='"open", "paid" or "expired", as the chain last told')]
    slip: Annotated[str, Field(description="TROC:SLIP/…: the statement, for her")]


class Refused(_Body):
    """A contact of several that was refused."""

    contact: str
    why: ErrorAnswer


class ContactsAnswer(_Body):
    """What became of several contacts, in their order."""

    contacts: list[StatementAnswer | Refused]


class TicketRequest(_Body):
    """A contact that a customer is to have."""

    contact: ContactName
    account: _Account
    campaign: _CampaignName = ""
    good: Annotated[
        StrictStr, Field(description="Until when it can be claimed", examples=["30d", "2027-02-19"])
    ] = USUAL_VALID


class TicketAnswer(_Body):
    """A promise. Only the content should reveal `key`: with the slip it is the proof of the contact."""

    contact: str
    account: Annotated[str, Field(description="Empty: whoever has the key")]
    number: Annotated[int, Field(description="The account's contact, or the index of the code")]
    state: str
    opens_at: Annotated[int, Field(description="From when it is paid")]
    valid_until: Annotated[int, Field(description="The last second of its claim")]
    slip: Annotated[str, Field(description="TROC:SLIP/…: the ticket without its key, to be sent ahead")]
    key: Annotated[str, Field(description="The one-time key, 0x and 64 hex digits")]
    whole: Annotated[str, Field(description="TROC:SLIP/…: both together, for a QR code in the content")]


class CodeRequest(_Body):
    """A code for whoever has it."""

    contact: ContactName
    campaign: _CampaignName = ""
    good: Annotated[
        StrictStr, Field(description="Until when it can be claimed; empty: until the claims end")
    ] = ""


class CodeAnswer(TicketAnswer):
    """A code; as good as cash once its batch is active."""

    batch: Annotated[int, Field(description="Must be activated (`troc attention activate`)")]


class StatementsAnswer(_Body):
    """What the campaign's key says of an account: a statement for each 255 contacts."""

    campaign: str
    account: str
    slips: list[str]


_Token = Annotated[str, Depends(bearer("A token of `troc attention token add`"))]


def create_app(signing: Signing) -> FastAPI:
    """The service of a signing that runs."""
    app = FastAPI(
        title="Paid attention",
        summary="Tickets before a contact, statements after it, codes for whoever has them.",
        version="1",
        responses={
            status: {"model": ErrorAnswer, "description": what}
            for status, what in (
                (401, "No good token"),
                (403, "Beyond a limit, the budget or the campaign's time"),
                (404, "Unknown"),
                (409, "Differs from what was taken down before"),
                (413, "Too large"),
                (422, "Malformed"),
                (503, "The database does not answer"),
            )
        },
    )
    prepare(app, "signing service", _LARGEST_BODY)

    def holder(token: str) -> None:
        signing.register.run(lambda turn: _holder(turn, token))

    def take(campaign: Campaign, body: ContactRequest, token: str) -> Future[Taken]:
        account = account_of(body.account)
        return signing.confirm(campaign, body.contact, account, had_at=body.at, token=token)

    # What is answered here is ours: it is not checked against its own form, hundreds of times a second.
    @app.post("/contacts", tags=["contacts"], response_model=StatementAnswer)
    async def contact(body: OneContactRequest, token: _Token) -> Response:
        """Take down a contact that was had, once for each name, and sign the statement of it."""
        campaign = signing.campaign(body.campaign)
        taken = await answer(take(campaign, body, token))
        return _sent(_statement(signing.statement(campaign, taken)))

    direct(app, "/contacts", OneContactRequest, bearer_of, contact)

    @app.post("/contacts/many", tags=["contacts"])
    async def contacts(body: ContactsRequest, token: _Token) -> ContactsAnswer:
        """The same for many; sent again as it was, it gives the same."""
        campaign = signing.campaign(body.campaign)
        futures: list[Future[Taken] | TrocError] = []
        for each in body.contacts:
            try:
                futures.append(take(campaign, each, token))
            except TrocError as error:
                futures.append(error)
        answers: list[StatementAnswer | Refused] = []
        for each, future in zip(body.contacts, futures, strict=True):
            try:
                if isinstance(future, TrocError):
                    raise future
                taken = await answer(future)
            except TrocError as error:
                if isinstance(error, RefusalError) and error.status == 401:
                    raise
                answers.append(Refused(contact=each.contact, why=_why(error)))
                continue
            # Others wait while this is signed.
            await asyncio.sleep(0)
            answers.append(_statement(signing.statement(campaign, taken)))
        return ContactsAnswer(contacts=answers)

    @app.post("/tickets", tags=["contacts"], response_model=TicketAnswer)
    async def ticket(body: TicketRequest, token: _Token) -> Response:
        """Promise an account to be paid for a contact, once for each name."""
        campaign = signing.campaign(body.campaign)
        account = account_of(body.account)
        promised = signing.promise(campaign, body.contact, account, good=body.good, token=token)
        taken = await answer(promised)
        signed = signing.ticket(campaign, taken.contact)
        return _sent(TicketAnswer(**_ticket(campaign, signed)))

    @app.post("/codes", tags=["contacts"])
    async def code(body: CodeRequest, token: _Token) -> CodeAnswer:
        """Hand out a code, once for each name."""
        campaign = signing.campaign(body.campaign)
        handed = signing.hand_out(campaign, body.contact, good=body.good, token=token)
        taken = await answer(handed)
        signed = signing.ticket(campaign, taken.contact)
        return CodeAnswer(**_ticket(campaign, signed), batch=taken.contact.number // CODES_OF_BATCH)

    @app.get("/statements", tags=["contacts"])
    async def statements(
        account: Annotated[str, Query(description="Her address or pseudonym")],
        token: _Token,
        campaign: Annotated[str, Query(description="How its id begins")] = "",
    ) -> StatementsAnswer:
        """What the campaign's key says of an account by now."""
        found = signing.campaign(campaign)
        whose = account_of(account)

        def read() -> list[Slip]:
            holder(token)
            return signing.statements(found, whose)

        slips = await run_in_threadpool(read)
        return StatementsAnswer(
            campaign=found.name, account=named(whose), slips=[each.to_text() for each in slips]
        )

    @app.get("/health", tags=["service"])
    def health() -> dict[str, Any]:
        """Whether the service works (it answers), and whether the chain answers it."""
        return {"open": True, "online": signing.online}

    @app.get("/status", tags=["service"])
    def status(
        token: _Token, campaign: Annotated[str, Query(description="How its id begins")] = ""
    ) -> dict[str, Any]:
        """How a campaign stands, in contacts: what may still be promised, what is owed, what was paid."""
        found = signing.campaign(campaign)
        holder(token)
        return signing.status(found)

    return app


def _sent(form: BaseModel) -> Response:
    return Response(form.model_dump_json(), media_type="application/json")


def _holder(turn: Turn, token: str) -> None:
    TOKENS.holder_of(turn.connection, turn.tokens, token)


def _why(error: TrocError) -> ErrorAnswer:
    code = error.code if isinstance(error, RefusalError) else "malformed"
    return ErrorAnswer(code=code, message=error.message, remedy=error.remedy)


def _statement(signed: Signed) -> StatementAnswer:
    contact: Contact = signed.contact
    return StatementAnswer(
        contact=contact.id,
        account=named(contact.account),
        number=contact.number,
        state=str(contact.state),
        slip=signed.slip.to_text(),
    )


def _ticket(campaign: Campaign, signed: Signed) -> dict[str, Any]:
    contact, slip = signed.contact, signed.slip
    return {
        "contact": contact.id,
        "account": named(contact.account),
        "number": contact.number,
        "state": str(contact.state),
        "opens_at": campaign.terms.start if slip.is_code else campaign.terms.opens_at(contact.number),
        "valid_until": contact.valid_until,
        "slip": slip.public().to_text(),
        "key": "0x" + slip.secret.hex(),
        "whole": slip.to_text(),
    }
