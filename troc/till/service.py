"""The till over HTTP. Amounts are whole points as text or whole numbers, times Unix seconds."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from troc import words
from troc.messages import Redeem
from troc.serving.answers import answer
from troc.serving.http import ErrorAnswer, bearer, bearer_of, direct, parse_hex, prepare
from troc.till import desk
from troc.till.desk import Redemption, Return, Sale
from troc.till.till import Till
from troc.till.writer import Issue

_MOST_WAIT = 60.0
_LARGEST_BODY = 64 * 1024
"""Bytes: a redemption signed by a wallet of dozens of owners is a tenth of it."""

Amount = Annotated[
    StrictInt | StrictStr,
    Field(description='Whole points, as text ("12.50") or a whole number', examples=["12.50"]),
]
ReceiptNumber = Annotated[
    StrictStr, Field(description="Number of the sale, unique at this till", examples=["2026-11-22/4711"])
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class IssueRequest(_Body):
    """Points earned on a sale."""

    receipt: ReceiptNumber
    customer: Annotated[StrictStr, Field(description="Her address, or her card where the till knows cards")]
    amount: Amount
    matures: Annotated[
        StrictStr,
        Field(
            description="Until when the goods can be returned: the points are pending until then",
            examples=["30d", "2027-02-19"],
        ),
    ] = ""


class IssueAnswer(_Body):
    """Points that are accepted: written down for good, and issued on the chain soon after."""

    receipt: str
    customer: str
    amount: str
    units: str
    matures_at: Annotated[int, Field(description="First second at which they are hers; 0: at once")]
    accepted_at: int


class VoucherRequest(_Body):
    """A voucher for a sale: points that a customer claims herself, or that the till claims for her later."""

    receipt: ReceiptNumber
    amount: Amount
    customer: Annotated[
        StrictStr, Field(description="Her address or card; empty: whoever has the code can claim it")
    ] = ""
    good: Annotated[StrictStr, Field(description="Until when it can be claimed")] = "30d"


class VoucherAnswer(_Body):
    """A voucher. Print `text` as a QR code; with no customer named it is as good as cash."""

    receipt: str
    customer: str
    amount: str
    units: str
    text: Annotated[str, Field(description="TROC:VOUCHER/…; empty once it was claimed or ended")]


class DraftRequest(_Body):
    """A redemption that a customer is to sign."""

    receipt: ReceiptNumber
    customer: Annotated[StrictStr, Field(description="Her address")]
    amount: Amount
    good: Annotated[StrictStr, Field(description="How long her signature is good")] = "1h"


class DraftAnswer(_Body):
    """EIP-712 typed data as a wallet takes it (`eth_signTypedData_v4`), and the message for `/redeem`."""

    receipt: str
    message: dict[str, Any]
    typed_data: dict[str, Any]


class RedeemRequest(_Body):
    """A signed redemption."""

    receipt: ReceiptNumber
    message: Annotated[dict[str, Any], Field(description="The `Redeem` message that she signed")]
    signature: Annotated[StrictStr, Field(description="0x and hex digits")]
    wait: Annotated[float, Field(ge=0, le=_MOST_WAIT, description="Seconds to wait for it to be final")] = 5.0


class RedeemAnswer(_Body):
    """A redemption. `final`: her points are spent on the chain; `at risk`: her signature is kept, and the
    chain may still refuse it; `failed`: it did, and `why`.
    """

    receipt: str
    customer: str
    amount: str
    units: str
    final: bool
    standing: Annotated[str, Field(description='"final", "at risk" or "failed"')]
    transaction: str | None
    why: str | None


class ReturnRequest(_Body):
    """Goods that come back. Without `earned` and `spent`: all of the sale."""

    id: Annotated[StrictStr, Field(description="Number of the return, unique at this till")]
    receipt: ReceiptNumber
    earned: Annotated[
        StrictInt | StrictStr | None, Field(description="Points earned on these goods, to be taken back")
    ] = None
    spent: Annotated[
        StrictInt | StrictStr | None, Field(description="Points spent on these goods, to be given back")
    ] = None


class ReturnAnswer(_Body):
    """What becomes of the points, each in whole points."""

    id: str
    receipt: str
    dropped: Annotated[str, Field(description="Earned, and not issued yet: they never will be")]
    cancelled: Annotated[str, Field(description="Earned and pending: cancelled on the chain")]
    debt: Annotated[str, Field(description="Earned, and hers already: too late, she owes them")]
    given_back: Annotated[str, Field(description="Spent: given back on the chain")]
    done: Annotated[bool, Field(description="Whether the chain has all of it")]
    why: str | None


class LotAnswer(_Body):
    """Points that expire together."""

    amount: str
    expiry: Annotated[int, Field(description="First second at which they are not valid")]


class BalanceAnswer(_Body):
    """What a customer holds, soonest to expire first."""

    customer: str
    amount: str
    units: str
    lots: list[LotAnswer]


class SaleAnswer(_Body):
    """What the till knows of a sale."""

    receipt: str
    issue: IssueAnswer | None
    issue_standing: Annotated[
        str, Field(description='"accepted", "on its way", "issued", "pending", or how its voucher stands')
    ]
    issue_why: str | None
    transaction: str | None
    earned_left: Annotated[str, Field(description="Earned and not returned")]
    redemption: RedeemAnswer | None
    spent_left: Annotated[str, Field(description="Spent and not given back")]


_Token = Annotated[str, Depends(bearer("A token of `troc till token add`"))]


def create_app(till: Till) -> FastAPI:
    """The service of a running till."""
    forms = _Forms(till)
    app = FastAPI(
        title=f"Till of {till.brand.name}",
        summary=f"Issue, redeem and return {till.brand.symbol} at a cash register.",
        version="1",
        responses={
            status: {"model": ErrorAnswer, "description": what}
            for status, what in (
                (401, "No good token"),
                (403, "Beyond a limit, or not signed"),
                (404, "Unknown"),
                (409, "Differs from what was accepted before"),
                (413, "Too large"),
                (422, "Malformed"),
                (503, "The chain or the database does not answer"),
            )
        },
    )
    prepare(app, "till", _LARGEST_BODY)

    # What is answered here is ours: it is not checked against its own form, hundreds of times a second.
    @app.post("/issue", tags=["points"], response_model=IssueAnswer)
    async def issue(body: IssueRequest, token: _Token) -> Response:
        """Accept points for a sale, once for each receipt. Answered when they are on the disk."""
        units = forms.units(body.amount)

        def accept() -> Future[Issue]:
            return till.issue(token, body.receipt, body.customer, units, body.matures)

        # A card is looked up in a database.
        future = accept() if body.customer.startswith("0x") else await run_in_threadpool(accept)
        found = forms.issue(await answer(future))
        return Response(found.model_dump_json(), media_type="application/json")

    direct(app, "/issue", IssueRequest, bearer_of, issue)

    @app.post("/voucher", tags=["points"])
    def voucher(body: VoucherRequest, token: _Token) -> VoucherAnswer:
        """Hand out points for a sale as a signed voucher, once for each receipt, within the till's limit."""
        units = forms.units(body.amount)
        found = till.voucher(token, body.receipt, units, body.customer, body.good)
        return VoucherAnswer(
            receipt=found.receipt,
            customer=found.customer,
            amount=forms.amount(found.units),
            units=str(found.units),
            text=found.voucher or "",
        )

    @app.post("/redeem/draft", tags=["points"])
    def draft(body: DraftRequest, token: _Token) -> DraftAnswer:
        """What a customer signs to spend points on a sale. It works while the chain is away."""
        found = till.draft(token, body.receipt, body.customer, forms.units(body.amount), body.good)
        return DraftAnswer(
            receipt=found.receipt, message=found.message.to_json(), typed_data=till.typed_data(found.message)
        )

    @app.post("/redeem", tags=["points"])
    async def redeem(body: RedeemRequest, token: _Token) -> RedeemAnswer:
        """Spend a customer's points on a sale by her signature. Says whether it is final or at risk."""
        message = Redeem.from_json(body.message)
        signature = parse_hex(body.signature)
        found = await run_in_threadpool(till.redeem, token, body.receipt, message, signature)
        if body.wait and till.online and found.state in desk.OPEN:
            found = await _when_over(till, found, body.wait)
        return forms.redemption(found)

    @app.get("/balance", tags=["points"])
    def balance(
        customer: Annotated[str, Query(description="Her address or card")], token: _Token
    ) -> BalanceAnswer:
        """What a customer holds now, by expiry."""
        holding = till.balance(token, customer)
        return BalanceAnswer(
            customer=customer,
            amount=forms.amount(holding.total),
            units=str(holding.total),
            lots=[
                LotAnswer(amount=forms.amount(lot.units), expiry=lot.expiry)
                for lot in holding.lots
                if lot.units
            ],
        )

    @app.post("/return", tags=["points"])
    def give_return(body: ReturnRequest, token: _Token) -> ReturnAnswer:
        """Take goods back in one step: points earned on them end, points spent on them come back."""
        earned, spent = (
            None if amount is None else forms.units_or_none(amount) for amount in (body.earned, body.spent)
        )
        return forms.returned(till.give_return(token, body.id, body.receipt, earned, spent))

    @app.get("/return", tags=["points"])
    def find_return(
        id_: Annotated[str, Query(alias="id", description="Number of the return")], token: _Token
    ) -> ReturnAnswer:
        """How a return stands."""
        return forms.returned(till.find_return(token, id_))

    @app.get("/receipt", tags=["points"])
    def receipt(
        receipt: Annotated[str, Query(description="Number of the sale")], token: _Token
    ) -> SaleAnswer:
        """What the till knows of a sale."""
        return forms.sale(till.sale(token, receipt))

    @app.get("/health", tags=["till"])
    def health() -> dict[str, Any]:
        """Whether the till works (it answers), and whether the chain answers it."""
        return {"open": True, "online": till.online}

    @app.get("/status", tags=["till"])
    def status(token: _Token) -> dict[str, Any]:
        """How the till stands, in smallest units: what waits, what is held and why, what is left."""
        return till.status(token)

    return app


async def _when_over(till: Till, found: Redemption, seconds: float) -> Redemption:
    over = asyncio.wrap_future(till.when_over(found.errand))
    # It may have been over before we asked.
    now = await run_in_threadpool(till.redemption, found.receipt)
    if now.state not in desk.OPEN:
        over.cancel()
        return now
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over, seconds)
    return await run_in_threadpool(till.redemption, found.receipt)


class _Forms:
    """What is sent and answered, in the brand's whole points."""

    def __init__(self, till: Till) -> None:
        self._brand = till.brand

    def units(self, amount: int | str) -> int:
        return words.to_units(words.parse_amount(str(amount)), self._brand.decimals, self._brand.symbol)

    def units_or_none(self, amount: int | str) -> int:
        return 0 if str(amount).strip() == "0" else self.units(amount)

    def amount(self, units: int) -> str:
        return self._brand.number(units).replace(",", "")

    def issue(self, issue: Issue) -> IssueAnswer:
        return IssueAnswer(
            receipt=issue.receipt,
            customer=issue.customer,
            amount=self.amount(issue.units),
            units=str(issue.units),
            matures_at=issue.matures_at,
            accepted_at=issue.accepted_at,
        )

    def redemption(self, found: Redemption) -> RedeemAnswer:
        standing = {desk.DONE: "final", desk.FAILED: "failed"}.get(found.state, "at risk")
        return RedeemAnswer(
            receipt=found.receipt,
            customer=found.holder,
            amount=self.amount(found.units),
            units=str(found.units),
            final=standing == "final",
            standing=standing,
            transaction=found.transaction if standing == "final" else None,
            why=found.why,
        )

    def returned(self, found: Return) -> ReturnAnswer:
        return ReturnAnswer(
            id=found.id,
            receipt=found.receipt,
            dropped=self.amount(found.dropped),
            cancelled=self.amount(found.cancelled),
            debt=self.amount(found.debt),
            given_back=self.amount(found.given_back),
            done=found.done,
            why=found.why,
        )

    def sale(self, found: Sale) -> SaleAnswer:
        return SaleAnswer(
            receipt=found.receipt,
            issue=None if found.issue is None else self.issue(found.issue),
            issue_standing=found.issue_state,
            issue_why=found.issue_why,
            transaction=found.transaction,
            earned_left=self.amount(found.left),
            redemption=None if found.redemption is None else self.redemption(found.redemption),
            spent_left=self.amount(found.redemption_left),
        )
