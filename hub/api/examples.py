"""One example of every answer, for the description of the API; a test holds them against the answers' types."""

from __future__ import annotations

from typing import Any

_MOMENT = {"at": "2026-11-23T09:12:07Z", "quality": "synced", "error_s": 0.1}

SITE: dict[str, Any] = {
    "site": "ecole-exemple",
    "name": "École d'exemple",
    "kind": "school",
    "commune": "Kaya",
    "timezone": "Africa/Ouagadougou",
    "freshness": "current",
    "newest_at": "2026-11-23T10:30:00Z",
    "heard_at": "2026-11-23T10:31:02Z",
    "connected": True,
    "battery_voltage_v": 13.42,
    "soc_pct": 91.0,
    "panel_power_w": 143.2,
    "load_power_w": 21.0,
    "slots": [1, 2, 3, 4, 5, 6, 7, 8],
    "slots_occupied": [2, 5],
    "faults": [{"en": "short circuit at the load", "fr": "court-circuit à la sortie"}],
}
SITES = [SITE]
LATEST = [
    {
        "column": "controller.panel_power_w",
        "metric": "panel_power_w",
        "unit": "W",
        "value": 143.2,
        "decimals": 1,
        "at": "2026-11-23T10:30:00Z",
        "words": [],
    }
]
SERIES = {
    "site": "ecole-exemple",
    "column": "controller.panel_power_w",
    "metric": "panel_power_w",
    "unit": "W",
    "step": "1h",
    "start": "2026-11-23T00:00:00Z",
    "end": "2026-11-24T00:00:00Z",
    "completeness": 0.43,
    "points": [
        {
            "at": "2026-11-23T09:00:00Z",
            "mean": 128.4,
            "min": 61.0,
            "max": 150.2,
            "count": 60,
            "completeness": 1.0,
            "quality": "synced",
            "error_s": 0.4,
        }
    ],
}
SESSIONS = {
    "site": "ecole-exemple",
    "start": "2026-11-23T00:00:00Z",
    "end": "2026-11-24T00:00:00Z",
    "ended": 1,
    "open": 0,
    "to_check": 0,
    "time_unknown": 0,
    "sessions": [
        {
            "id": "2428fca356fee070-8841",
            "slot": 3,
            "start": {**_MOMENT, "at": "2026-11-23T08:02:51Z"},
            "end": _MOMENT,
            "duration_s": 4156,
            "end_reason": "unplugged",
            "to_check": [],
        }
    ],
}
LOSS = {
    "site": "ecole-exemple",
    "received": 44_101,
    "missing": 0,
    "lost": {"disk_full": 120},
    "kept_aside": 0,
    "epochs": [
        {
            "epoch": "2428fca356fee070",
            "highest_seq": 44_221,
            "received": 44_101,
            "missing": 0,
            "missing_ranges": [],
            "lost": {"disk_full": 120},
            "lost_ranges": {"disk_full": [[20_001, 20_120]]},
        }
    ],
}
CLOCK = {
    "site": "ecole-exemple",
    "verdict": "ahead",
    "ahead_h": 3.1,
    "days": 13,
    "judged_by": "controller.panel_voltage_v",
    "tolerance_h": 1.5,
    "place": "site",
    "start": "2026-11-09T00:00:00Z",
    "end": "2026-11-23T00:00:00Z",
    "boots": {"anchored": 61, "bounded": 2, "unknown": 1},
    "rows": {"anchored": 44_060, "bounded": 38, "unknown": 3},
    "sessions_unknown": 1,
    "anchors": {"ntp": 480, "hub": 12},
}


def answer(example: object, *, csv: bool = True) -> dict[int | str, dict[str, Any]]:
    """Describe a successful answer by its example, and as CSV where a route has that form."""
    content: dict[str, Any] = {"application/json": {"example": example}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    return {200: {"content": content, "description": "JSON, or CSV on request" if csv else "JSON"}}
