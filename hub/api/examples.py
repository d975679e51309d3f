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
LIVE = {
    "site": "ecole-exemple",
    "name": "École d'exemple",
    "timezone": "Africa/Ouagadougou",
    "connected": True,
    "state": "live",
    "asked_at": "2026-11-23T10:30:00Z",
    "ends_at": "2026-11-23T10:35:02Z",
    "received_at": "2026-11-23T10:30:12Z",
    "age_s": 4,
    "outcome": None,
    "cost_at_most_bytes_a_minute": 1626,
    "values": LATEST,
}
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
_SUMS = {"samples": 2_851, "taken": 31, "ended": 30, "charged_s": 148_210, "others": 29, "check": 3_021_877_451}
LOSS = {
    "site": "ecole-exemple",
    "received": 44_101,
    "missing": 0,
    "not_yet_arrived": 0,
    "card_replaced": 0,
    "unused": 81_337,
    "forgotten": 0,
    "lost": {"disk_full": 120},
    "kept_aside": 1,
    "kept_aside_by": {"malformed": 1},
    "epochs": [
        {
            "epoch": "2428fca356fee070",
            "in_use": True,
            "first_received_at": "2026-11-02T08:15:31Z",
            "last_received_at": "2026-11-23T10:31:02Z",
            "first_row": {**_MOMENT, "at": "2026-11-02T08:00:12Z"},
            "last_row": {**_MOMENT, "at": "2026-11-23T10:30:00Z"},
            "highest_seq": 125_558,
            "received": 44_101,
            "missing": 0,
            "not_yet_arrived": 0,
            "card_replaced": 0,
            "unused": 81_337,
            "forgotten": 0,
            "missing_ranges": [],
            "lost": {"disk_full": 120},
            "lost_ranges": {"disk_full": [[20_001, 20_120]]},
        }
    ],
    "tallies": [
        {
            "epoch": "2428fca356fee070",
            "at": "2026-11-22T18:04:00Z",
            "first_seq": 119_644,
            "last_seq": 122_584,
            "comparison": "agrees",
            "differs": [],
            "there": _SUMS,
            "here": _SUMS,
            "lost": 0,
            "forgotten": 0,
            "awaited": 0,
            "seals": {"events": "agrees", "samples": "rows_lost"},
        }
    ],
    "unobserved": {
        "pauses": [
            {
                "kind": "powered_off",
                "start": {**_MOMENT, "at": "2026-11-21T22:10:00Z"},
                "powered": {**_MOMENT, "at": "2026-11-22T05:40:03Z"},
                "end": {**_MOMENT, "at": "2026-11-22T05:40:31Z"},
                "low_s": 27_030.8,
                "high_s": 27_031.2,
                "absent": 0,
            }
        ],
        "low_s": 27_030.8,
        "high_s": 27_031.2,
        "unknown": 0,
        "silences": [
            {
                "device": "controller",
                "start": "2026-11-20T12:00:00Z",
                "end": "2026-11-20T12:30:00Z",
                "lasted_s": 1_800,
                "over": True,
            }
        ],
    },
    "traffic": {
        "at": "2026-11-23T00:02:00Z",
        "day": "2026-11-22",
        "total_bytes": 70_612,
        "bytes_by_kind": {
            "money": 2_190,
            "alarm": 310,
            "note": 2_260,
            "summary": 1_102,
            "detail": 41_930,
            "schema": 0,
            "live": 5_400,
            "control": 17_420,
        },
        "budget_bytes": 82_000,
        "left_bytes": 311_388,
        "shed_rows": 0,
    },
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
    "anchors": {"ntp": 480, "hub": 12, "controller": 14},
    "controller": {
        "ahead_s": -7_204,
        "read": {"at": "2026-11-22T06:00:10Z", "quality": "synced", "error_s": 0.4},
    },
}


TOKEN = "Yq3vT0bqJYx7mWn2kR8sLd5cHu1pZe4f"  # noqa: S105  an example, and no site's
KEY = "2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfe"


def answer(example: object, *, csv: bool = True) -> dict[int | str, dict[str, Any]]:
    """Describe a successful answer by its example, and as CSV where a route has that form."""
    content: dict[str, Any] = {"application/json": {"example": example}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    return {200: {"content": content, "description": "JSON, or CSV on request" if csv else "JSON"}}
