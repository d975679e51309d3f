"""From a view to the bytes of a page: the only importer of the template engine."""

from __future__ import annotations

from http import HTTPStatus

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import dashboards
from hub import VERSION
from hub.pages.reader import reader_of
from hub.people.caller import NOBODY, Caller

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(dashboards.TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals.update(version=VERSION, static=dashboards.STATIC_URLS)


def page(
    template: str, *, status: HTTPStatus = HTTPStatus.OK, caller: Caller = NOBODY, **values: object
) -> HTMLResponse:
    """Render a page for whoever asked; what it shows is of this moment, and nobody's but theirs."""
    headers = {"Cache-Control": "private, no-cache"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "30"
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(values, reader=reader_of(caller)), status, headers)
