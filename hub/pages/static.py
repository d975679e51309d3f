"""The files beside the pages: style sheet and icon."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

import dashboards
from hub.access.roles import Permission
from hub.errors import NotFound
from hub.guard import Guarded, needs

router = APIRouter(route_class=Guarded, include_in_schema=False)
_TYPES = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}


@router.get("/static/{name}")
@needs(Permission.PUBLIC)
def static(name: str) -> Response:
    """Serve one of the static files; the list is fixed when the process starts."""
    path = dashboards.STATIC_FILES.get(name)
    if path is None:
        raise NotFound(f"there is no file {name!r}")
    kind = _TYPES[path.suffix.removeprefix(".")]
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "public, max-age=86400"})
