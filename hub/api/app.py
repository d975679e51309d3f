"""The web application: API, pages and operations over one context. It reads, and asks for live views; no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

from hub import VERSION
from hub.api import enrolments, live, loss, operations, problems, series, sites
from hub.context import Context
from hub.guard import refuse_unguarded
from hub.ingest.turn import Counters
from hub.pages import account as account_pages
from hub.pages import audit as audit_pages
from hub.pages import door as door_pages
from hub.pages import live as live_pages
from hub.pages import loss as loss_pages
from hub.pages import people as people_pages
from hub.pages import site as site_pages
from hub.pages import static
from hub.web_limits import WebLimits

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_YEAR_S = 31_536_000
ABOUT = """
Measurements, charging sessions and the account of every row of off-grid solar sites.

Every point of a series carries its completeness (observed over expected time) and the quality of its date
(`synced`, `reconstructed` or `unknown`). What is unknown is absent or null, never zero. Lists are JSON, or CSV with
`format=csv` or `Accept: text/csv`. Errors are RFC 9457 problem details.
"""


API = (
    sites.router, live.router, series.router, loss.router, enrolments.router, operations.router,
)  # fmt: skip
PAGES = tuple(
    pages.router
    for pages in (site_pages, live_pages, loss_pages, door_pages, account_pages, people_pages, audit_pages, static)
)


def create_app(context: Context, counters: Counters) -> FastAPI:
    """Build the application; it opens nothing by itself."""
    app = FastAPI(
        title="Kayasol",
        version=VERSION,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.context = context
    app.add_middleware(GZipMiddleware, minimum_size=400)
    problems.install(app)
    for router in (*API, *PAGES, operations.metrics_route(operations.HubCollector(counters, context))):
        refuse_unguarded(router)
        app.include_router(router)

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if context.secure:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR_S}")
        return response

    app.add_middleware(WebLimits, now_ms=context.now_ms)
    return app
