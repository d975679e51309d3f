"""The account of a site's rows: here, missing, lost and why; counts of both sides; time without rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from hub.access.roles import Permission
from hub.answers.loss import LossAnswer, loss
from hub.api import examples
from hub.api.csv import Cell, FormatQuery, csv_response, wants_csv
from hub.api.examples import answer
from hub.api.parameters import SiteName
from hub.api.problems import responses
from hub.context import Ctx
from hub.guard import Guarded, needs

router = APIRouter(route_class=Guarded, prefix="/api/v1/sites/{site}", tags=["loss"])


class Table(StrEnum):
    """A part of the account that can be written as a table."""

    NUMBERS = "numbers"
    TALLIES = "tallies"
    UNOBSERVED = "unobserved"


TableQuery = Annotated[Table, Query(description="which part of the account a CSV gives", examples=["numbers"])]


@router.get("/loss", response_model=LossAnswer, responses={**responses(404, 422, 503), **answer(examples.LOSS)})
@needs(Permission.TECHNICAL)
def loss_of(
    context: Ctx,
    request: Request,
    site: SiteName,
    table: TableQuery = Table.NUMBERS,
    format: FormatQuery = None,  # noqa: A002
) -> LossAnswer | Response:
    """Account for every row of a site: received, missing, lost by cause; compare counts; tell when nothing was seen."""
    account = loss(context.ledger, site)
    if not wants_csv(request, format):
        return account
    header, rows = _TABLES[table]
    return csv_response(f"{site}-loss-{table}", header, rows(account))


def _numbers(account: LossAnswer) -> Iterator[Sequence[Cell]]:
    """Give every row number exactly once: the rows of an epoch add up to its highest number."""
    for epoch in account.epochs:
        yield epoch.epoch, "received", epoch.received
        yield epoch.epoch, "not_yet_arrived", epoch.not_yet_arrived
        yield epoch.epoch, "card_replaced", epoch.card_replaced
        yield epoch.epoch, "unused", epoch.unused
        yield from ((epoch.epoch, cause, count) for cause, count in epoch.lost.items())


def _tallies(account: LossAnswer) -> Iterator[Sequence[Cell]]:
    for found in account.tallies:
        here = found.here
        yield (
            found.epoch, found.at, found.first_seq, found.last_seq, found.comparison, " ".join(found.differs),
            found.there.samples, None if here is None else here.samples,
            found.there.taken, None if here is None else here.taken,
            found.there.ended, None if here is None else here.ended,
            found.there.charged_s, None if here is None else here.charged_s,
            found.there.others, None if here is None else here.others,
            found.lost, found.forgotten, found.awaited,
            None if found.seals is None else found.seals.events,
            None if found.seals is None else found.seals.samples,
        )  # fmt: skip


def _unobserved(account: LossAnswer) -> Iterator[Sequence[Cell]]:
    for pause in account.unobserved.pauses:
        moments = [(moment.at, moment.quality) for moment in (pause.start, pause.powered, pause.end)]
        yield pause.kind, *moments[0], *moments[1], *moments[2], pause.low_s, pause.high_s, pause.absent, None
    for silence in account.unobserved.silences:
        lasted = silence.lasted_s
        yield "device_silent", silence.start, None, None, None, silence.end, None, lasted, lasted, 0, silence.device


_TABLES = {
    Table.NUMBERS: (("epoch", "what", "rows"), _numbers),
    Table.TALLIES: (
        ("epoch", "at", "first_seq", "last_seq", "comparison", "differs", "samples_there", "samples_here",
         "taken_there", "taken_here", "ended_there", "ended_here", "charged_s_there", "charged_s_here",
         "others_there", "others_here", "lost", "forgotten", "awaited",
         "events_seal", "samples_seal"),
        _tallies,
    ),
    Table.UNOBSERVED: (
        ("kind", "start", "start_quality", "powered", "powered_quality", "end", "end_quality", "low_s", "high_s",
         "absent_rows", "device"),
        _unobserved,
    ),
}  # fmt: skip
