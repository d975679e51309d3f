"""The API: stable shapes, problems in words, CSV beside JSON, a description that is true."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from hub.answers.clock import ClockAnswer
from hub.answers.live import LiveAnswer
from hub.answers.loss import LossAnswer
from hub.answers.series import SeriesAnswer
from hub.answers.sessions import SessionsAnswer
from hub.answers.sites import SiteAnswer, Value
from hub.api import examples
from hub.api.app import create_app
from hub.errors import RetryLater
from protocol.events import ChargingSession, EndReason, SlotTaken
from tests.hub.builders import NOON_MS, TestHub, anchor, event, of, samples
from tests.hub.door import ADMINISTRATOR, bearer, context_of

NOW_MS = NOON_MS + 15 * 60_000
PERIOD = {"start": "2026-11-23T12:00:00Z", "end": "2026-11-23T13:00:00Z"}


@pytest.fixture
def client(hub: TestHub) -> Iterator[TestClient]:
    """Give a client of a hub with a quarter of an hour of data."""
    hub.send_batch(
        of(
            anchor(1, 0, NOON_MS),
            samples(2, [60 * minute for minute in range(15)], [100 + minute for minute in range(15)]),
            event(20, SlotTaken(3), uptime_s=300),
            event(21, ChargingSession(1, 19, 1, 10, 1, 610, EndReason.UNPLUGGED), uptime_s=610),
        ),
        NOW_MS,
    )
    context = context_of(hub.ledger, hub.store, NOW_MS)
    app = create_app(context, hub.consumer.counters)
    with TestClient(app, headers=bearer(context.door, ADMINISTRATOR, NOW_MS)) as client:
        yield client


def rows(text: str) -> list[dict[str, str]]:
    """Read a CSV answer."""
    return list(csv.DictReader(io.StringIO(text)))


def test_sites_and_their_newest_values(client: TestClient) -> None:
    """A site says who it is, how fresh it is, and its present state."""
    (site,) = client.get("/api/v1/sites").json()
    assert (site["site"], site["freshness"], site["panel_power_w"], site["slots_occupied"]) == (
        "ecole-a", "current", 114.0, [3],
    )  # fmt: skip
    assert client.get("/api/v1/sites/ecole-a").json() == site
    latest = {value["column"]: value for value in client.get("/api/v1/sites/ecole-a/latest").json()}
    assert latest["controller.panel_power_w"]["unit"] == "W"


def test_a_series_in_json_and_csv_is_the_same(client: TestClient) -> None:
    """Mean, extremes, count, completeness and quality in both forms."""
    query = {"metric": "panel_power_w", "step": "1h", **PERIOD}
    answer = client.get("/api/v1/sites/ecole-a/series", params=query).json()
    point = answer["points"][0]
    assert (point["mean"], point["min"], point["max"], point["count"], point["completeness"]) == (
        107,
        100,
        114,
        15,
        0.25,
    )
    (row,) = rows(client.get("/api/v1/sites/ecole-a/series", params={**query, "format": "csv"}).text)
    assert (row["at"], row["mean"], row["quality"]) == ("2026-11-23T12:00:00Z", "107.0", "synced")


def test_sessions_carry_their_doubts(client: TestClient) -> None:
    """An open charge has no end; counts are apart."""
    answer = client.get("/api/v1/sites/ecole-a/sessions", params=PERIOD).json()
    assert (answer["ended"], answer["open"]) == (1, 1)
    ended = next(session for session in answer["sessions"] if session["end"] is not None)
    assert (ended["slot"], ended["duration_s"], ended["start"]["quality"]) == (1, 600, "synced")


def test_loss_accounts_for_every_row(client: TestClient) -> None:
    """Received, missing and lost rows, by epoch, and flat as CSV."""
    answer = client.get("/api/v1/sites/ecole-a/loss").json()
    assert (answer["received"], answer["missing"], answer["epochs"][0]["missing_ranges"]) == (18, 3, [[17, 19]])
    found = {row["what"]: row["rows"] for row in rows(client.get("/api/v1/sites/ecole-a/loss?format=csv").text)}
    assert found == {"received": "18", "not_yet_arrived": "3", "card_replaced": "0", "unused": "0"}


@pytest.mark.parametrize("path", ["/api/v1/sites", "/api/v1/sites/ecole-a/latest", "/api/v1/sites/ecole-a/loss"])
def test_the_accept_header_asks_for_csv(client: TestClient, path: str) -> None:
    """A spreadsheet needs no query parameter."""
    answer = client.get(path, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert rows(answer.text)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/sites/nowhere", 404, "there is no site 'nowhere'"),
        (
            "/api/v1/sites/ecole-a/series?metric=x&start=2026-11-23T12:00:00Z&end=2026-11-24T12:00:00Z",
            400,
            "no metric 'x'",
        ),
        ("/api/v1/sites/ecole-a/series?metric=soc_pct&start=2026-11-23&end=2026-11-22", 400, "later than start"),
        ("/api/v1/sites/ecole-a/series?metric=soc_pct&start=tuesday&end=2026-11-22", 422, "start:"),
        ("/api/v1/sites/ecole-a/series?start=2026-11-21&end=2026-11-22", 422, "metric: Field required"),
        ("/api/v1/sites/ecole-a/sessions?start=2026-11-23&end=2026-11-22", 400, "later than start"),
        ("/api/v1/nothing", 404, "Not Found"),
    ],
)
def test_an_error_is_a_problem_in_words(client: TestClient, path: str, status: int, words: str) -> None:
    """RFC 9457: status, title, the sentence, and where."""
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert words in answer.json()["detail"]


def test_a_moment_no_calendar_knows_is_refused_in_words(client: TestClient) -> None:
    """Year 1 and year 9999 in odd zones end in a problem, not in a crash."""
    for start, end in (("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"), ("1960-01-01", "1970-01-01")):
        answer = client.get("/api/v1/sites/ecole-a/sessions", params={"start": start, "end": end})
        assert answer.status_code in (200, 400, 422), answer.text


def test_a_ledger_that_is_away_is_said_to_come_back(
    hub: TestHub, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with the reason and when to try again."""

    def away() -> None:
        raise RetryLater("the ledger cannot be read")

    monkeypatch.setattr(hub.ledger, "sites", away)
    answer = client.get("/api/v1/sites")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


def test_the_description_names_every_route_with_examples_and_problems(client: TestClient) -> None:
    """OpenAPI is complete: each answer has a schema and an example, each parameter too, each problem its one form."""
    description = client.get("/api/v1/openapi.json").json()
    assert set(description["paths"]) == {
        "/api/v1/sites", "/api/v1/sites/{site}", "/api/v1/sites/{site}/latest", "/api/v1/sites/{site}/live",
        "/api/v1/sites/{site}/loss", "/api/v1/sites/{site}/clock",
        "/api/v1/sites/{site}/series", "/api/v1/sites/{site}/sessions", "/api/v1/enrolments",
    }  # fmt: skip
    posted = description["paths"].pop("/api/v1/enrolments")["post"]["responses"]
    assert {status: list(told["content"]) for status, told in posted.items()} == {
        "200": ["application/json"], **{key: ["application/problem+json"] for key in ("401", "403", "422", "503")},
    }  # fmt: skip
    for path in description["paths"].values():
        answers = path["get"]["responses"]
        assert {"schema", "example"} <= answers["200"]["content"]["application/json"].keys()
        assert "503" in answers
        for status, told in answers.items():
            assert status == "200" or list(told["content"]) == ["application/problem+json"]
        for parameter in path["get"].get("parameters", []):
            assert parameter["name"] == "format" or parameter["schema"]["examples"], parameter


@pytest.mark.parametrize(
    ("kind", "example"),
    [
        (SiteAnswer, examples.SITE),
        (list[Value], examples.LATEST),
        (SeriesAnswer, examples.SERIES),
        (SessionsAnswer, examples.SESSIONS),
        (LossAnswer, examples.LOSS),
        (ClockAnswer, examples.CLOCK),
        (LiveAnswer, examples.LIVE),
    ],
)
def test_every_example_is_an_answer(kind: type[object], example: object) -> None:
    """An example that no longer fits its type fails here, and none names a field that is not there."""
    adapter = TypeAdapter(kind)
    assert adapter.dump_python(adapter.validate_python(example), mode="json") == example


def test_a_metric_of_a_device_that_is_not_there_is_refused(client: TestClient) -> None:
    """An empty series would look like a device without data."""
    answer = client.get("/api/v1/sites/ecole-a/series", params={"metric": "nosuch.panel_power_w", **PERIOD})
    assert answer.status_code == 400
    assert "it tells controller.panel_power_w" in answer.json()["detail"]


def test_a_mistake_of_the_hub_is_a_problem_too(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is said without its stack; pages get a page."""

    def broken() -> None:
        raise ZeroDivisionError

    context = context_of(hub.ledger, hub.store, NOW_MS)
    headers = bearer(context.door, ADMINISTRATOR, NOW_MS)
    monkeypatch.setattr(hub.ledger, "sites", broken)
    app = create_app(context, hub.consumer.counters)
    with TestClient(app, raise_server_exceptions=False, headers=headers) as client:
        answer = client.get("/api/v1/sites")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "Rien n" in client.get("/").text


def test_operations(hub: TestHub, client: TestClient) -> None:
    """Alive, ready, and counters that Prometheus reads."""
    hub.inbox.overflowed = 3
    hub.consumer.step(NOW_MS)
    assert client.get("/healthz").json()["status"] == "alive"
    assert client.get("/readyz").json() == {"status": "ready"}
    metrics = client.get("/metrics").text
    assert "kayasol_rows_total 18.0" in metrics
    assert "kayasol_overflowed_total 3.0" in metrics
    assert "kayasol_last_commit_age_seconds 0.0" in metrics
    assert 'kayasol_site_age_seconds{site="ecole-a"} 60.0' in metrics


def test_a_hub_that_is_not_ready_says_why(hub: TestHub) -> None:
    """503 with the reason, for a load balancer and its operator."""
    context = context_of(hub.ledger, hub.store, NOW_MS, "the broker is not connected")
    with TestClient(create_app(context, hub.consumer.counters)) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "the broker is not connected")


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    """No script from elsewhere, no framing, no sniffing."""
    for path in ("/", "/api/v1/sites", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
