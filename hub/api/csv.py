"""Answers as CSV (RFC 4180): flat rows with a header, UTF-8, times in ISO 8601 with their zone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

Cell = str | int | float | datetime | bool | None


class Format(StrEnum):
    """How an answer is written."""

    JSON = "json"
    CSV = "csv"


FormatQuery = Annotated[Format | None, Query(description="json or csv; without it, the Accept header decides")]


def wants_csv(request: Request, wanted: Format | None) -> bool:
    """Tell which form a request asks for."""
    if wanted is not None:
        return wanted is Format.CSV
    return "text/csv" in request.headers.get("accept", "")


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """Write rows as a download of that name."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return Response(
        buffer.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _text(cell: Cell) -> str | int | float | None:
    if isinstance(cell, datetime):
        return cell.isoformat().replace("+00:00", "Z")
    # A text that a spreadsheet would run as a formula is disarmed with an apostrophe.
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{cell}"
    return cell
