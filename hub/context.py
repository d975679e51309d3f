"""What every route needs: the stores, and the present moment as a function that tests replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from hub.people.ports import Door
from hub.ports import Ledger, SeriesStore


@dataclass(frozen=True, slots=True)
class Context:
    """The world as routes see it."""

    ledger: Ledger
    store: SeriesStore
    now_ms: Callable[[], int]
    ready: Callable[[], str | None]
    """Why the hub cannot do its work right now, in a sentence; None when it can."""

    door: Door
    public_url: str = ""
    """Where people reach the pages; empty when only known from their requests."""

    @property
    def secure(self) -> bool:
        """Say whether browsers reach the pages over TLS."""
        return self.public_url.startswith("https:")


def _of(request: Request) -> Context:
    return cast("Context", request.app.state.context)


Ctx = Annotated[Context, Depends(_of)]
