"""From a view to the bytes of a page: the only importer of the template engine."""

from __future__ import annotations

from http import HTTPStatus

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import dashboards
from hub import VERSION

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(dashboards.TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals.update(version=VERSION, static=dashboards.STATIC_URLS)


def page(template: str, *, status: HTTPStatus = HTTPStatus.OK, **values: object) -> HTMLResponse:
    """Render a page; what it shows is of this moment, so nobody may keep it without asking again."""
    headers = {"Cache-Control": "no-cache"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "30"
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(values), status, headers)
