"""The record of who did what, for the hub's administrators."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hub.access.audit import Entry
from hub.access.roles import Permission
from hub.answers.times import utc
from hub.context import Ctx
from hub.guard import Guarded, Who, needs
from hub.pages.door import ZONE
from hub.pages.html import page

router = APIRouter(route_class=Guarded, include_in_schema=False, default_response_class=HTMLResponse)
SHOWN = 50


@router.get("/journal")
@needs(Permission.AUDIT)
def audit(context: Ctx, caller: Who, avant: int | None = None) -> HTMLResponse:
    """Show the newest lines, or those before a number."""
    entries = context.door.store.audit(SHOWN, avant)
    older = entries[-1].number if len(entries) == SHOWN and entries[-1].number > 1 else None
    return page("audit.html", caller=caller, lines=[_line(entry) for entry in entries], older=older)


def _line(entry: Entry) -> dict[str, object]:
    act = entry.act
    at = utc(act.at_ms).astimezone(ZONE)
    details = ", ".join(f"{name}: {value}" for name, value in sorted(act.details.items()))
    return {
        "number": entry.number,
        "at": f"{at:%d/%m/%Y %H:%M:%S}",
        "actor": act.actor,
        "what": f"{act.action} {act.subject}" if act.subject != act.actor else act.action,
        "details": details,
    }
