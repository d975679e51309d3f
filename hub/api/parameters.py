"""What a request may say, described once for every route."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query

SiteName = Annotated[str, Path(description="the site's id, as in its site.yaml", examples=["ecole-exemple"])]
Metric = Annotated[
    str,
    Query(description="a metric, or device.metric where several devices tell it", examples=["panel_power_w"]),
]
Start = Annotated[
    datetime, Query(description="first moment, ISO 8601; without a zone it is UTC", examples=["2026-11-01T00:00:00Z"])
]
End = Annotated[datetime, Query(description="first moment after the period", examples=["2026-11-02T00:00:00Z"])]
Step = Annotated[
    str,
    Query(
        description="auto chooses by the length of the period",
        pattern="^(auto|raw|15m|1h|1d)$",
        examples=["1h"],
    ),
]
