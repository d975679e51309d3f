"""The live view at the hub: asked for in the ledger, sent by the ingest, answered by the site, ended by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from hub.answers.live import GRACE_MS, PATIENCE_MS, LiveState, ask, cost, live_of
from hub.api.app import create_app
from hub.context import Context
from hub.ingest.commands import LOOK_EVERY_MS, STALE_MS, Commands
from hub.ingest.live_values import live_values
from hub.ingest.turn import Counters
from protocol import live
from protocol.control import SiteState, encode_state
from protocol.events import CommandCode
from protocol.live import Live, LiveTable
from protocol.topics import Channel
from tests.hub.builders import ADDRESS, NOON_MS, SCHEMA, SCHEMA_ID, TestHub
from tests.hub.door import ADMINISTRATOR, add_person, cookie, door_of, form

POWER = LiveTable(0, 4, (14320, 1342, None))
LIT = LiveTable(1, 4, (1, 2))


@dataclass
class Watch:
    """A clock that the test turns."""

    now_ms: int = NOON_MS


@pytest.fixture
def watch() -> Watch:
    """Give noon."""
    return Watch()


@pytest.fixture
def client(hub: TestHub, watch: Watch) -> Iterator[TestClient]:
    """Give a browser that follows no redirect by itself."""
    door = door_of(hub.ledger)
    app = create_app(Context(hub.ledger, hub.store, lambda: watch.now_ms, lambda: None, door), Counters())
    whom = add_person(door, "Test", ADMINISTRATOR, NOON_MS)
    with TestClient(app, follow_redirects=False, cookies=cookie(whom)) as client:
        yield client


def commands_of(hub: TestHub) -> Commands:
    """Give what sends commands for all shards."""
    return Commands(hub.ledger, hub.inbox, range(16))


def answered(hub: TestHub, message: Live, at_ms: int) -> None:
    """Have the site answer."""
    hub.send(Channel.LIVE, live.encode_live(message), at_ms=at_ms)


def asked(hub: TestHub, at_ms: int = NOON_MS) -> int:
    """Ask for five minutes and send the command; returns its id."""
    ask(hub.ledger, "ecole-a", 5, at_ms)
    commands_of(hub).step(at_ms)
    return hub.inbox.commands[-1][1].command_id


def test_a_command_goes_to_the_site_once(hub: TestHub) -> None:
    """What the web asked for, the ingest sends to the site's address, and does not repeat."""
    commands = commands_of(hub)
    ask(hub.ledger, "ecole-a", 5, NOON_MS)
    assert [commands.step(NOON_MS + i * LOOK_EVERY_MS) for i in range(3)] == [1, 0, 0]
    ((address, command),) = hub.inbox.commands
    assert (address, command.seconds) == (ADDRESS, 300)


def test_the_ledger_is_not_asked_at_every_turn(hub: TestHub) -> None:
    """Commands are looked for once a second, not at every batch."""
    commands = commands_of(hub)
    commands.step(NOON_MS)
    ask(hub.ledger, "ecole-a", 5, NOON_MS)
    assert commands.step(NOON_MS + LOOK_EVERY_MS - 1) == 0
    assert commands.step(NOON_MS + LOOK_EVERY_MS) == 1


def test_a_command_waits_for_the_broker_but_not_for_ever(hub: TestHub) -> None:
    """While the broker is away a command waits; after a minute nobody watches any more."""
    commands = commands_of(hub)
    hub.inbox.connected = False
    ask(hub.ledger, "ecole-a", 5, NOON_MS)
    assert commands.step(NOON_MS) == 0
    hub.inbox.connected = True
    assert commands.step(NOON_MS + STALE_MS + 1) == 0
    assert commands.step(NOON_MS + STALE_MS - 1) == 0  # looked a moment ago
    assert commands.step(NOON_MS + 2 * STALE_MS) == 0
    assert hub.inbox.commands == []


def test_a_worker_sends_only_to_its_own_shards(hub: TestHub) -> None:
    """Two workers do not both send."""
    ask(hub.ledger, "ecole-a", 5, NOON_MS)
    assert Commands(hub.ledger, hub.inbox, range(3)).step(NOON_MS) == 0
    assert Commands(hub.ledger, hub.inbox, range(3, 6)).step(NOON_MS) == 1


def test_a_ledger_that_refuses_makes_commands_wait(hub: TestHub) -> None:
    """A ledger that cannot be read stops nothing else."""
    commands = commands_of(hub)
    hub.ledger.close()
    hub.ledger.engine = type(hub.ledger)("sqlite:////nowhere/ledger.db").engine
    assert commands.step(NOON_MS) == 0


def test_a_live_view_goes_from_asked_to_live_to_ended(hub: TestHub) -> None:
    """Each state is told, values carry their own moment, and the end says why."""
    assert live_of(hub.ledger, "ecole-a", NOON_MS).state is LiveState.NEVER
    command_id = asked(hub)
    assert live_of(hub.ledger, "ecole-a", NOON_MS).state is LiveState.ASKED
    assert live_of(hub.ledger, "ecole-a", NOON_MS + PATIENCE_MS).state is LiveState.UNANSWERED
    answered(hub, Live(command_id, 298, SCHEMA_ID, (POWER, LIT)), NOON_MS + 5000)
    now = live_of(hub.ledger, "ecole-a", NOON_MS + 9000)
    assert (now.state, now.age_s) == (LiveState.LIVE, 4)
    shown = {value.metric: (value.value, value.at.second) for value in now.values}
    assert shown == {
        "panel_power_w": (143.2, 1), "battery_voltage_v": (13.42, 1), "lit": (1, 1), "slots_occupied": (2, 1),
    }  # fmt: skip
    answered(hub, Live(command_id, 0, code=CommandCode.STOPPED), NOON_MS + 20_000)
    ended = live_of(hub.ledger, "ecole-a", NOON_MS + 21_000)
    assert (ended.state, ended.outcome, len(ended.values)) == (LiveState.ENDED, "stopped", 4)


def test_a_live_view_whose_last_message_was_lost_ends_all_the_same(hub: TestHub) -> None:
    """Nothing is called live long after its announced end."""
    command_id = asked(hub)
    answered(hub, Live(command_id, 10, SCHEMA_ID, (POWER,)), NOON_MS)
    assert live_of(hub.ledger, "ecole-a", NOON_MS + 10_000 + GRACE_MS).state is LiveState.LIVE
    ended = live_of(hub.ledger, "ecole-a", NOON_MS + 10_001 + GRACE_MS)
    assert (ended.state, ended.outcome) == (LiveState.ENDED, None)


def test_an_answer_to_an_older_command_is_not_taken_for_the_present_one(hub: TestHub) -> None:
    """Whoever asks anew does not see what another view left."""
    before = asked(hub)
    answered(hub, Live(before, 298, SCHEMA_ID, (POWER,)), NOON_MS)
    asked(hub, NOON_MS + 60_000)
    answered(hub, Live(before, 200, SCHEMA_ID, (POWER,)), NOON_MS + 61_000)
    now = live_of(hub.ledger, "ecole-a", NOON_MS + 62_000)
    assert (now.state, now.values) == (LiveState.ASKED, [])


def test_live_values_that_fit_no_column_are_left_out() -> None:
    """Another table, another width, an implausible reading, no reading: no value."""
    odd = (LiveTable(9, 0, (1,)), LiveTable(1, 0, (1,)), LiveTable(0, 0, (-(2**50), 1342, None)))
    values = live_values(Live(1, 10, SCHEMA_ID, odd), SCHEMA, NOON_MS)
    assert values == {"controller.battery_voltage_v": (13.42, NOON_MS)}


def test_live_values_of_a_schema_that_is_not_known_still_show_that_the_site_answers(hub: TestHub) -> None:
    """The schema comes with the next batch; meanwhile the view is live, without values."""
    command_id = asked(hub)
    answered(hub, Live(command_id, 298, b"unknown!", (POWER,)), NOON_MS)
    now = live_of(hub.ledger, "ecole-a", NOON_MS)
    assert (now.state, now.values) == (LiveState.LIVE, [])


def test_the_api_asks_and_tells(client: TestClient, hub: TestHub) -> None:
    """POST asks, GET reads; both give the same answer object."""
    response = client.post("/api/v1/sites/ecole-a/live", json={"minutes": 3})
    assert (response.status_code, response.json()["state"]) == (202, "asked")
    assert client.get("/api/v1/sites/ecole-a/live").json() == response.json()
    commands_of(hub).step(NOON_MS)
    assert hub.inbox.commands[0][1].seconds == 180


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/sites/ecole-a/live", {"minutes": 11}, 422),
        ("/api/v1/sites/ecole-a/live", {"minutes": 0}, 422),
        ("/api/v1/sites/nowhere/live", {"minutes": 1}, 404),
    ],
)
def test_the_api_refuses_what_cannot_be(client: TestClient, path: str, body: dict[str, int], status: int) -> None:
    """At most ten minutes, at least one, and only sites that exist."""
    response = client.post(path, json=body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


def test_a_plain_form_asks_and_leads_to_a_page_that_comes_again(client: TestClient, hub: TestHub) -> None:
    """It works without JavaScript; the page refreshes until told to stay, and shows how old the values are."""
    site = client.get("/sites/ecole-a").text
    assert 'action="/sites/ecole-a/direct"' in site
    assert "Voir en direct (jusqu’à" in site
    response = client.post("/sites/ecole-a/direct", data=form(client), headers={"Sec-Fetch-Site": "same-origin"})
    assert (response.status_code, response.headers["location"]) == (303, "/sites/ecole-a/direct")
    page = client.get("/sites/ecole-a/direct")
    assert page.headers["refresh"] == "5"
    commands_of(hub).step(NOON_MS)
    answered(hub, Live(hub.inbox.commands[0][1].command_id, 298, SCHEMA_ID, (POWER, LIT)), NOON_MS)
    page = client.get("/sites/ecole-a/direct")
    assert page.headers["refresh"] == "10"
    for words in (
        "Valeurs reçues il y a 0\u00a0s",
        "143\u00a0W",
        "13,42\u00a0V",
        "allumé",
        "il y a 4\u00a0s",
        "?fixe=1",
    ):
        assert words in page.text
    assert "refresh" not in client.get("/sites/ecole-a/direct?fixe=1").headers


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (CommandCode.DONE, "Le direct est terminé."),
        (CommandCode.REFUSED, "Le site a refusé"),
        (CommandCode.STOPPED, "s’est arrêté"),
    ],
)
def test_the_page_says_why_a_view_ended(client: TestClient, hub: TestHub, code: CommandCode, words: str) -> None:
    """When it is over the page stays still, says why, and offers to ask again."""
    answered(hub, Live(asked(hub), 0, code=code), NOON_MS)
    page = client.get("/sites/ecole-a/direct")
    assert words in page.text
    assert "refresh" not in page.headers
    assert "<form" in page.text


def test_the_page_says_when_a_site_cannot_answer(client: TestClient, hub: TestHub, watch: Watch) -> None:
    """A site that is not connected will not get the command, and the page says so at once."""
    hub.send(Channel.STATE, encode_state(SiteState(online=False, epoch=1)))
    asked(hub)
    assert "n’est pas connecté" in client.get("/sites/ecole-a/direct").text
    watch.now_ms += PATIENCE_MS
    assert "n’a pas répondu" in client.get("/sites/ecole-a/direct").text


def test_a_page_of_another_site_cannot_ask(client: TestClient, hub: TestHub) -> None:
    """A form elsewhere on the web does not spend a site's bytes."""
    response = client.post("/sites/ecole-a/direct", data=form(client), headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert hub.ledger.live("ecole-a") is None


def test_a_live_page_of_no_site_is_explained(client: TestClient) -> None:
    """Both the form and the page say that there is no such site."""
    assert client.post("/sites/nowhere/direct", data=form(client)).status_code == 404
    assert client.get("/sites/nowhere/direct").status_code == 404


def test_the_cost_is_said_before_it_is_asked_for() -> None:
    """Twenty-one values cost at most some 1.5 kB a minute."""
    assert 1000 < cost(21) < 2000
