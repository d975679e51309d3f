"""A hub with three sites on a port of the loopback, and one browser for all tests."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, sync_playwright

from hub.api.app import create_app
from hub.ingest.turn import Counters
from hub.io.series import EmbeddedSeries
from tests.hub.door import ADMINISTRATOR, add_person, context_of, cookie
from tests.pages import seed

CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
PHONE: ViewportSize = {"width": 360, "height": 740}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}


@dataclass
class Visit:
    """A page in the browser, and what went wrong while it loaded."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        """Go to a page of the hub."""
        self.page.goto(self.base + path)
        return self.page


class Visitors:
    """Opens pages in contexts of their own, and closes them."""

    def __init__(self, browser: Browser, base: str, cookies: Mapping[str, str]) -> None:
        self._browser = browser
        self._base = base
        self._cookies = cookies

    def open(
        self, *, viewport: ViewportSize = PHONE, scheme: Literal["light", "dark"] = "light", scripts: bool = True
    ) -> Visit:
        """Open an empty page."""
        context = self._browser.new_context(viewport=viewport, color_scheme=scheme, java_script_enabled=scripts)
        context.set_default_timeout(10_000)
        for name, value in self._cookies.items():
            context.add_cookies([{"name": name, "value": value, "url": self._base}])
        visit = Visit(context.new_page(), self._base)

        def on_console(message: ConsoleMessage) -> None:
            visit.complaints.append(message.text)

        def on_failure(request: Request) -> None:
            visit.complaints.append(f"{request.url}: {request.failure}")

        visit.page.on("console", on_console)
        visit.page.on("requestfailed", on_failure)
        return visit

    def close(self) -> None:
        """Close every context that was opened."""
        for context in self._browser.contexts:
            context.close()


@dataclass(frozen=True)
class Served:
    """The address of the pages, and the cookies of somebody who may see them all."""

    base: str
    cookies: Mapping[str, str]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the pages as the hub does."""
    ledger = seed.fill(tmp_path_factory.mktemp("pages") / "ledger.db")
    context = context_of(ledger, EmbeddedSeries(ledger), seed.NOW_MS)
    reader = add_person(context.door, "Awa S.", ADMINISTRATOR, seed.NOW_MS)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(context, Counters()), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="pages")
    thread.start()
    yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", cookie(reader))
    server.should_exit = True
    thread.join()
    listener.close()
    ledger.close()


@pytest.fixture(scope="session")
def base(served: Served) -> str:
    """Give the address of the pages."""
    return served.base


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium, or the one that came with the driver."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def visitors(browser: Browser, served: Served) -> Iterator[Visitors]:
    """Let a test open pages."""
    visitors = Visitors(browser, served.base, served.cookies)
    yield visitors
    visitors.close()
