"""What happened in the simulated villages beside what the hub says of them.

A charge that the Pi saw whole must be in the hub once, with the same slot and the same ends; one that a power cut
interrupted must be there and flagged; one that happened while the Pi had no power cannot be there. Energies must
agree to the resolution of the controller's counters.
"""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from protocol.events import Gap, GapCause

TOLERANCE = timedelta(seconds=2)
"""Rows carry whole seconds, and a slot is sampled a few times a second."""

START_UP = timedelta(seconds=30)
STARTS_TOLD_TRIES, STARTS_TOLD_S = 60, 0.5
"""A site that has just started tells the hub within seconds which numbers it passed over."""

COUNTER_KWH = 0.1
"""A poll interval of full sun, and the counter's own resolution."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the hub is, and a token that sees everything there."""

    base_url: str
    token: str


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, both ways."""

    what: str
    village: float
    hub: float
    agrees: bool


@dataclass(frozen=True, slots=True)
class Span:
    """One occupation of a slot."""

    slot: int
    start: datetime
    end: datetime
    doubtful: bool = False


def compare(hub: Hub, site: str, truth: Mapping[str, Any], start: datetime, outbox: Path) -> list[Line]:
    """Hold the hub's figures against the truth of one village and its outbox, up to the end of its truth."""
    until = datetime.fromisoformat(truth["until"])
    answer = _get(hub, f"/api/v1/sites/{site}/sessions", start=start, end=until)
    stored = [
        Span(s["slot"], _at(s["start"]), _at(s["end"]), doubtful=bool(s["to_check"]))
        for s in answer["sessions"]
        if s["end"] is not None and _at(s["end"]) <= until + TOLERANCE and not _went_live(s, until)
    ]
    off = [(_time(span["start"]), _time(span["end"]) + START_UP) for span in truth["pi_without_power"]]
    charges = [Span(c["slot"], _time(c["start"]), _time(c["end"])) for c in truth["charges"]]
    whole = [charge for charge in charges if not _overlaps(charge, off) and charge.start > start + START_UP]
    cut = [charge for charge in charges if charge not in whole and not _inside(charge, off)]
    plain = [session for session in stored if not session.doubtful]
    matched = spans_agree(whole, plain)
    flagged = [session for session in stored if session.doubtful]
    seen_cut = sum(any(_touches(charge, session) for session in flagged) for charge in cut)
    unexplained = [session for session in flagged if not any(_touches(charge, session) for charge in cut)]
    lines = [
        Line("charges seen whole", len(whole), len(plain), len(whole) == len(plain) == matched),
        Line("  of them with the same slot, start and end", len(whole), matched, matched == len(whole)),
        Line("charges cut by a loss of power, flagged", len(cut), seen_cut, len(cut) == seen_cut),
        Line("charges flagged that no cut explains", 0, len(unexplained), not unexplained),
    ]
    for metric, key in (("generated_total_kwh", "generated_kwh"), ("consumed_total_kwh", "consumed_kwh")):
        counted = _counter(hub, site, metric, start, until)
        lines.append(
            Line(
                f"{key.removesuffix('_kwh')} energy, kWh", truth[key], counted, abs(truth[key] - counted) < COUNTER_KWH
            )
        )
    lines.append(_rows(hub, site, outbox))
    return lines


def table(site: str, lines: Iterable[Line]) -> str:
    """Lay the comparison out for a terminal."""
    rows = [f"{site:<46}{'village':>12}{'hub':>12}"]
    for line in lines:
        decimals = 2 if "kWh" in line.what else 0
        verdict = "" if line.agrees else "   DIFFERS"
        rows.append(f"  {line.what:<44}{line.village:>12.{decimals}f}{line.hub:>12.{decimals}f}{verdict}")
    return "\n".join(rows)


def read_truth(directory: Path) -> dict[str, Any]:
    """Read what a simulated site left of its truth."""
    return dict(json.loads((directory / "truth.json").read_text("utf-8")))


def _rows(hub: Hub, site: str, outbox: Path) -> Line:
    """Hold what the edge committed, less what still waits there, against what the hub received."""
    highest, waiting = _numbered(outbox)
    loss = _get(hub, f"/api/v1/sites/{site}/loss")
    # The site is live: the hub may have got more in between, never less, and nothing twice.
    left = highest - waiting - loss["unused"]  # numbers that a start passed over name no row
    arrived = loss["received"] + sum(loss["lost"].values())
    agrees = left <= arrived == sum(epoch["highest_seq"] for epoch in loss["epochs"]) - loss["unused"]
    return Line("rows that left the outbox, received once", left, arrived, agrees)


def _numbered(outbox: Path) -> tuple[int, int]:
    """Read an outbox's highest number and how many rows wait, once the hub knows what its last start passed over."""
    with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True, isolation_level=None)) as db:
        tries = 0
        while True:
            tries += 1
            db.execute("BEGIN")  # one moment of an outbox that is being written
            (highest,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'rows'").fetchone()
            (waiting,) = db.execute("SELECT count(*) FROM rows").fetchone()
            events = [json.loads(body) for (body,) in db.execute("SELECT body FROM rows WHERE schema_id IS NULL")]
            db.execute("COMMIT")
            untold = any(body[0] == Gap.kind and body[3] == GapCause.UNUSED for body in events)
            if not untold or tries == STARTS_TOLD_TRIES:
                return highest, waiting
            time.sleep(STARTS_TOLD_S)


def _counter(hub: Hub, site: str, metric: str, start: datetime, until: datetime) -> float:
    """Difference a lifetime counter; the village's counters begin at zero."""
    series = _get(hub, f"/api/v1/sites/{site}/series", metric=metric, start=start, end=until, step="1h")
    return float(series["points"][-1]["max"]) if series["points"] else 0.0


def _went_live(session: Mapping[str, Any], until: datetime) -> bool:
    """Say whether it was only cut because the history took too long to deliver for its charges to go on live."""
    return session["end_reason"] == "agent_stopped" and abs(_at(session["end"]) - until) <= TOLERANCE


def spans_agree(charges: Iterable[Span], sessions: Iterable[Span]) -> int:
    """Count the charges that have a session of their own with the same slot, start and end."""
    left = list(sessions)
    matched = 0
    for charge in charges:
        same = next((s for s in left if s.slot == charge.slot and _same(s, charge)), None)
        if same is not None:
            left.remove(same)
            matched += 1
    return matched


def _same(a: Span, b: Span) -> bool:
    return abs(a.start - b.start) <= TOLERANCE and abs(a.end - b.end) <= TOLERANCE


def _touches(a: Span, b: Span) -> bool:
    return a.slot == b.slot and a.start <= b.end + TOLERANCE and b.start <= a.end + TOLERANCE


def _overlaps(charge: Span, spans: Iterable[tuple[datetime, datetime]]) -> bool:
    return any(charge.start < end and start < charge.end for start, end in spans)


def _inside(charge: Span, spans: Iterable[tuple[datetime, datetime]]) -> bool:
    return any(start <= charge.start and charge.end <= end for start, end in spans)


def _at(moment: Mapping[str, Any]) -> datetime:
    return _time(moment["at"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _get(hub: Hub, path: str, **query: object) -> Any:  # noqa: ANN401  JSON
    text = {key: value.isoformat() if isinstance(value, datetime) else str(value) for key, value in query.items()}
    url = f"{hub.base_url}{path}?{urllib.parse.urlencode(text)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {hub.token}"})  # noqa: S310  the demo's own hub
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  likewise
        return json.load(response)
