"""Every role at every route, in its own scope and in another: nothing more, nothing less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Route

from hub.access.audit import Act
from hub.access.roles import ALLOWED, OF_THE_HUB, Grant, Level, Permission, Role, Scope
from hub.access.secrets import form_key
from hub.api.app import API, PAGES, create_app
from hub.api.operations import HubCollector, metrics_route
from hub.context import Context
from hub.guard import Guarded, refuse_unguarded
from hub.ingest.turn import Counters
from hub.io.access import SqlAccess
from hub.people.caller import NOBODY, Caller
from hub.people.ports import Door
from hub.people.signing import begin, signed_in
from hub.ports import Site
from tests.hub.builders import NOON_MS, TestHub
from tests.hub.door import add_person, context_of

OWN, OTHER, FAR = "ecole-a", "ecole-b", "ecole-c"
"""Two sites of one commune, and one of another programme."""

WHO: dict[str, Grant | None] = {
    "nobody": None,
    "association": Grant(Role.ASSOCIATION, Scope(Level.SITE, OWN)),
    "technician of the commune": Grant(Role.TECHNICIAN, Scope(Level.COMMUNE, "kaya")),
    "technician of the programme": Grant(Role.TECHNICIAN, Scope(Level.PROGRAMME, "programme")),
    "commune": Grant(Role.COMMUNE, Scope(Level.COMMUNE, "kaya")),
    "partner": Grant(Role.PARTNER, Scope(Level.PROGRAMME, "programme")),
    "administrator of the commune": Grant(Role.ADMINISTRATOR, Scope(Level.COMMUNE, "kaya")),
    "administrator of the programme": Grant(Role.ADMINISTRATOR, Scope(Level.PROGRAMME, "programme")),
    "administrator": Grant(Role.ADMINISTRATOR, Scope(Level.HUB)),
}
"""One of each role, at each width it may have."""

SEES = {
    "nobody": set(),
    "association": {OWN},
    "technician of the commune": {OWN, OTHER},
    "technician of the programme": {OWN, OTHER},
    "commune": {OWN, OTHER},
    "partner": set(),
    "administrator of the commune": {OWN, OTHER},
    "administrator of the programme": {OWN, OTHER},
    "administrator": {OWN, OTHER, FAR},
}
"""Written down by hand: which sites each may know of."""


@dataclass
class Place:
    """A hub of two programmes, and somebody of every role."""

    app: FastAPI
    door: Door
    people: dict[str, Caller]

    def signed_in(self, who: str) -> Caller:
        """Sign somebody in anew: some routes sign out."""
        known = self.people[who]
        if known.account is None:
            return NOBODY
        return signed_in(self.door, begin(self.door, known.account, known.name, "test", NOON_MS), NOON_MS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give it."""
    hub = TestHub(tmp_path_factory.mktemp("hub"))
    context = context_of(hub.ledger, hub.store, NOON_MS)
    hub.ledger.add_site(Site(OTHER, "École B", "school", "Kaya", 4, None, None, "Africa/Ouagadougou", (1,)))
    elsewhere = SqlAccess(hub.ledger).add_programme("Ailleurs", Act(NOON_MS, "test", "added", "Ailleurs"))
    hub.ledger.add_site(Site(FAR, "École C", "school", "Boromo", 5, None, None, "Africa/Ouagadougou", (1,)), elsewhere)
    people = {
        name: NOBODY if grant is None else add_person(context.door, name, grant, NOON_MS) for name, grant in WHO.items()
    }
    yield Place(create_app(context, hub.consumer.counters), context.door, people)
    hub.ledger.close()


METRICS = metrics_route(HubCollector(Counters(), cast("Context", None)))
ROUTES = [
    (method, route.path, route.permission)
    for router in (*API, *PAGES, METRICS)
    for route in router.routes
    if isinstance(route, Guarded)
    for method in sorted(route.methods or ())
]
"""Every route with its method and what it declares."""


def test_every_route_is_in_the_matrix(place: Place) -> None:
    """The description of the API, which is public, and what the routers above hold: nothing else is served."""
    served = {(method, path) for path, item in place.app.openapi()["paths"].items() for method in item}
    assert served <= {(method.lower(), path) for method, path, _ in ROUTES}
    assert [route.path for route in place.app.routes if isinstance(route, Route)] == ["/api/v1/openapi.json"]
    assert len(place.app.routes) == 1 + len(API) + len(PAGES) + 1


def nothing() -> None:
    """Answer nothing."""


def test_a_router_without_the_guard_is_refused() -> None:
    """Somebody forgot it: the hub does not start."""
    router = APIRouter()
    router.get("/open")(nothing)
    with pytest.raises(TypeError, match="route_class=Guarded"):
        refuse_unguarded(router)


def test_a_route_that_declares_nothing_cannot_be_made() -> None:
    """The hub does not even start with one."""
    router = APIRouter(route_class=Guarded)
    with pytest.raises(TypeError, match="/open: the route does not say what it needs"):
        router.get("/open")(nothing)


def allowed(who: str, permission: Permission, site: str | None) -> bool:
    """Say what the table of roles says."""
    grant = WHO[who]
    if permission is Permission.PUBLIC:
        return True
    if grant is None or permission not in ALLOWED[grant.role]:
        return False
    if permission in OF_THE_HUB and grant.scope.level is not Level.HUB:
        return False
    return site is None or permission is Permission.SIGNED_IN or site in SEES[who]


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
def test_every_role_at_every_route(place: Place, who: str, method: str, path: str, permission: Permission) -> None:
    """In one's own scope and in another's: let in exactly if the table says so, and else told as little as can be."""
    caller = place.signed_in(who)
    cookies = {} if caller.key is None else {"kayasol": caller.key}
    for site in (OWN, OTHER, FAR, "nowhere") if "{site}" in path else (None,):
        with TestClient(place.app, follow_redirects=False, cookies=cookies, raise_server_exceptions=False) as client:
            url = path.replace("{site}", site or "")
            for name in ("{key}", "{number}", "{name}"):
                url = url.replace(name, "987654")
            data = {"cle": form_key(caller.key or "")}
            answer = client.request(method, url, data=data if method != "GET" else None)
        refused = answer.status_code in (401, 403) or answer.headers.get("location", "").startswith("/connexion?")
        knows = site is None or site in SEES[who]
        if allowed(who, permission, site) and site != "nowhere":
            # What a form lacks is asked for, what a site lacks is said: both come after the guard.
            assert not refused or path in PROVES_ITSELF, (who, method, url, answer.status_code, answer.text[:200])
        elif caller is NOBODY or knows:
            assert refused, (who, method, url, answer.status_code)
        else:
            assert answer.status_code == 404, (who, method, url, answer.status_code)


PROVES_ITSELF = {"/connexion", "/invitation/{key}", "/api/v1/enrolments"}
"""Public routes that let nobody in without a secret, a link or a token."""


@pytest.mark.parametrize("who", WHO)
def test_a_list_has_only_what_its_reader_may_see(place: Place, who: str) -> None:
    """As JSON, as CSV and on the page."""
    caller = place.signed_in(who)
    cookies = {} if caller.key is None else {"kayasol": caller.key}
    with TestClient(place.app, cookies=cookies) as client:
        answer = client.get("/api/v1/sites")
        if caller is not NOBODY and SEES[who]:
            assert {site["site"] for site in answer.json()} == SEES[who]
        told = client.get("/api/v1/sites?format=csv").text + client.get("/").text
    assert {site for site in (OWN, OTHER, FAR) if site in told} == SEES[who]
