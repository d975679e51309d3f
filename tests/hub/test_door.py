"""The door as people meet it: in and out, invitations, one's own account, looking after others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hub.access.lockout import FREE
from hub.access.roles import Grant, Level, Role, Scope
from hub.api.app import create_app
from hub.context import Context
from hub.people.ports import Door
from tests.hub.builders import NOON_MS, TestHub
from tests.hub.door import ADMINISTRATOR, SECRET, add_person, cookie, door_of, form

KIOSK = Grant(Role.ASSOCIATION, Scope(Level.SITE, "ecole-a"))


@dataclass
class House:
    """A hub with a door, and a clock that the test turns."""

    app: FastAPI
    door: Door
    clock: list[int]
    clients: list[TestClient] = field(default_factory=list)

    def visitor(self, name: str | None = None, grant: Grant = ADMINISTRATOR) -> TestClient:
        """Give a browser, of somebody who is signed in if a name is given."""
        cookies = {} if name is None else cookie(add_person(self.door, name, grant, self.clock[0]))
        client = TestClient(self.app, follow_redirects=False, cookies=cookies)
        self.clients.append(client)
        return client

    def tries(self, client: TestClient, name: str, secret: str, goal: str = "/") -> tuple[int, str]:
        """Open the door and try a secret; returns status, and where it leads or what it says."""
        client.get("/connexion")
        answer = client.post("/connexion", data=form(client, nom=name, code=secret, vers=goal))
        return answer.status_code, answer.headers.get("location", answer.text)


@pytest.fixture
def house(hub: TestHub) -> Iterator[House]:
    """Give it."""
    clock = [NOON_MS]
    door = door_of(hub.ledger)
    context = Context(hub.ledger, hub.store, lambda: clock[0], lambda: None, door)
    house = House(create_app(context, hub.consumer.counters), door, clock)
    yield house
    for client in house.clients:
        client.close()


def test_one_signs_in_and_goes_on_to_where_one_wanted(house: House) -> None:
    """The page that led to the door comes after it; signing out leads back, and the cookie is of no use any more."""
    house.visitor("Awa S.", KIOSK)
    client = house.visitor()
    assert client.get("/sites/ecole-a").headers["location"] == "/connexion?vers=/sites/ecole-a"
    assert house.tries(client, "awa s", SECRET, "/sites/ecole-a") == (303, "/sites/ecole-a")
    kept = client.cookies["kayasol"]
    assert client.get("/sites/ecole-a").status_code == 200
    assert client.post("/deconnexion", data=form(client)).headers["location"] == "/connexion"
    assert "kayasol" not in client.cookies
    client.cookies.set("kayasol", kept)
    assert client.get("/sites/ecole-a").status_code == 303


@pytest.mark.parametrize("goal", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere", "x", "/\r\nx"])
def test_the_door_leads_nowhere_else(house: House, goal: str) -> None:
    """A link that names another place leads home."""
    house.visitor("Awa S.", KIOSK)
    assert house.tries(house.visitor(), "Awa S.", SECRET, goal) == (303, "/")


def test_wrong_secrets_wait_and_unknown_names_alike(house: House) -> None:
    """The answers for a name that nobody has are those for a wrong secret, word for word; then comes a wait."""
    house.visitor("Awa S.", KIOSK)
    client = house.visitor()
    for _ in range(FREE):
        known, unknown = (house.tries(client, name, "wrong") for name in ("Awa S.", "Nobody"))
        assert known[0] == unknown[0] == 403
        assert known[1].replace("Awa S.", "") == unknown[1].replace("Nobody", "")
        assert "ne vont pas ensemble" in known[1]
    status, said = house.tries(client, "Awa S.", "wrong")
    assert status == 429
    assert "Trop d’essais" in said
    assert "demandez un nouveau lien" in said
    assert house.tries(client, "Awa S.", SECRET)[0] == 429
    house.clock[0] += 31_000
    assert house.tries(client, "Awa S.", SECRET) == (303, "/")


def test_a_sign_in_runs_out(house: House) -> None:
    """An administrator's after half a day without use."""
    client = house.visitor("Awa S.")
    house.clock[0] += 11 * 3_600_000
    assert client.get("/compte").status_code == 200
    house.clock[0] += 11 * 3_600_000
    assert client.get("/compte").status_code == 200
    house.clock[0] += 13 * 3_600_000
    assert client.get("/compte").status_code == 303


def test_a_link_lets_somebody_join_once(house: House) -> None:
    """Weak secrets are explained and the link stays good; afterwards it is of no use."""
    boss = house.visitor("Awa S.")
    page = boss.post("/personnes/inviter", data=form(boss, role="association/site/ecole-a")).text
    link = re.search(r"/invitation/\S+?(?=<)", page)
    assert link is not None
    guest = house.visitor()
    assert "site École A" in guest.get(link[0]).text
    for code, said in (("123456", "se devine vite"), ("58291", "Trop court"), (SECRET + "x", "ne sont pas les mêmes")):
        answer = guest.post(link[0], data=form(guest, nom="Issa", code=code, encore=code.rstrip("x")))
        assert (answer.status_code, said in answer.text) == (422, True)
    taken = guest.post(link[0], data=form(guest, nom="awa s", code=SECRET, encore=SECRET))
    assert "porte déjà ce nom" in taken.text
    done = guest.post(link[0], data=form(guest, nom="Issa", code="582913", encore="582913"))
    assert done.headers["location"] == "/"
    assert "École A" in guest.get("/").text
    assert "ne sert plus" in guest.get(link[0]).text
    assert house.tries(house.visitor(), "Issa", "582913") == (303, "/")


def test_a_forgotten_secret_is_chosen_anew(house: House) -> None:
    """The new link keeps name and roles; every sign-in with the old secret ends, and so does a wait."""
    boss, lost = house.visitor("Awa S."), house.visitor("Issa", KIOSK)
    number = next(one.account for one in house.door.store.accounts() if one.name == "Issa")
    for _ in range(FREE + 1):
        house.tries(house.visitor(), "Issa", "wrong")
    link = re.search(r"/invitation/\S+?(?=<)", boss.post(f"/personnes/{number}/lien", data=form(boss)).text)
    assert link is not None
    again = house.visitor()
    assert "<b>Issa</b>" in again.get(link[0]).text
    again.post(link[0], data=form(again, nom="Somebody", code="731946", encore="731946"))
    assert again.get("/compte").status_code == 200
    assert lost.get("/compte").status_code == 303
    assert house.tries(house.visitor(), "Issa", "731946") == (303, "/")


def test_one_looks_after_people_of_the_own_scope_only(house: House) -> None:
    """An administrator of a commune neither sees nor changes one of the hub, nor gives what lies outside."""
    house.visitor("Awa S.")
    local = house.visitor("Issa", Grant(Role.ADMINISTRATOR, Scope(Level.COMMUNE, "kaya")))
    house.visitor("Binta", KIOSK)
    numbers = {one.name: one.account for one in house.door.store.accounts()}
    assert "Awa S." not in local.get("/personnes").text
    assert local.get(f"/personnes/{numbers['Awa S.']}").status_code == 404
    assert local.post(f"/personnes/{numbers['Awa S.']}/lien", data=form(local)).status_code == 404
    wide = form(local, role="administrator/hub/")
    assert local.post("/personnes/inviter", data=wide).status_code == 403
    assert local.post(f"/personnes/{numbers['Binta']}/donner", data=wide).status_code == 403
    given = local.post(f"/personnes/{numbers['Binta']}/donner", data=form(local, role="technician/commune/kaya"))
    assert given.headers["location"] == f"/personnes/{numbers['Binta']}"
    assert "technicien" in local.get(f"/personnes/{numbers['Binta']}").text
    local.post(f"/personnes/{numbers['Binta']}/retirer", data=form(local, role="technician/commune/kaya"))
    assert "technicien" not in local.get(f"/personnes/{numbers['Binta']}").text.split("<select")[0]
    assert local.post(f"/personnes/{numbers['Binta']}/fermer", data=form(local)).headers["location"] == "/personnes"
    assert house.tries(house.visitor(), "Binta", SECRET)[0] == 403


def test_a_token_is_shown_once_and_ends(house: House) -> None:
    """It reads in its owner's name, until its day or until its owner ends it, or loses the role."""
    client = house.visitor("Issa", KIOSK)
    page = client.post(
        "/compte/jetons", data=form(client, titre="tableur", role="association/site/ecole-a", jours="30")
    )
    (token,) = re.findall(r"kayasol_[\w-]+", page.text)
    assert token not in client.get("/compte").text
    program = house.visitor()
    program.headers["Authorization"] = f"Bearer {token}"
    assert program.get("/api/v1/sites/ecole-a").status_code == 200
    assert program.get("/api/v1/sites/ecole-a/loss").status_code == 403
    house.clock[0] += 31 * 86_400_000
    assert program.get("/api/v1/sites/ecole-a").status_code == 401
    house.clock[0] = NOON_MS
    foreign = client.post("/compte/jetons", data=form(client, titre="x", role="technician/commune/kaya", jours="30"))
    assert foreign.status_code == 403
    assert client.post("/compte/jetons/1/fin", data=form(client)).status_code == 303
    assert program.get("/api/v1/sites/ecole-a").status_code == 401
    assert program.get("/api/v1/sites").headers["www-authenticate"] == "Bearer"


def test_one_changes_ones_secret_and_leaves_everywhere(house: House) -> None:
    """Only with the present one; afterwards no phone is signed in."""
    client = house.visitor("Issa", KIOSK)
    elsewhere = house.visitor()
    house.tries(elsewhere, "Issa", SECRET)
    wrong = client.post("/compte/code", data=form(client, ancien="x", code="582913", encore="582913"))
    assert "n’est pas celui-là" in wrong.text
    changed = client.post("/compte/code", data=form(client, ancien=SECRET, code="582913", encore="582913"))
    assert changed.headers["location"] == "/connexion"
    assert elsewhere.get("/compte").status_code == 303
    again = house.visitor()
    house.tries(again, "Issa", "582913")
    again.post("/compte/partout", data=form(again))
    assert house.visitor().get("/compte").status_code == 303


def test_a_form_of_another_page_does_nothing(house: House) -> None:
    """Neither with the key of another sign-in, nor without, nor from another site, nor at the door."""
    client, other = house.visitor("Awa S."), house.visitor("Issa", KIOSK)
    assert client.post("/compte/partout", data={"cle": ""}).status_code == 403
    assert client.post("/compte/partout", data=form(other)).status_code == 403
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}, {"Origin": "http://["}):
        assert client.post("/compte/partout", data=form(client), headers=header).status_code == 403
    assert client.get("/compte").status_code == 200
    assert house.visitor().post("/connexion", data={"nom": "Issa", "code": SECRET, "cle": ""}).status_code == 403
    assert client.post("/compte/partout", data=form(client), headers={"Origin": "http://testserver"}).status_code == 303


@pytest.mark.parametrize("number", [2**63, 2**64, 10**30, -(2**70), 0])
def test_a_number_that_no_row_can_have_names_nobody(house: House, number: int) -> None:
    """It ends in the page that says so, not in a mistake of the hub."""
    client = house.visitor("Awa")
    assert client.get(f"/personnes/{number}").status_code == 404
    assert client.post(f"/personnes/{number}/fermer", data=form(client)).status_code == 404
    assert client.post(f"/compte/jetons/{number}/fin", data=form(client)).status_code == 422


def test_over_tls_the_cookie_belongs_to_this_host(hub: TestHub) -> None:
    """Secure, for this host alone, out of reach of scripts; and browsers stay with TLS."""
    context = Context(hub.ledger, hub.store, lambda: NOON_MS, lambda: None, door_of(hub.ledger), "https://hub.example")
    add_person(context.door, "Issa", KIOSK, NOON_MS)
    with TestClient(
        create_app(context, hub.consumer.counters), base_url="https://hub.example", follow_redirects=False
    ) as client:
        client.get("/connexion")
        answer = client.post("/connexion", data=form(client, nom="Issa", code=SECRET))
        given = answer.headers["set-cookie"]
        assert given.startswith("__Host-kayasol=")
        assert all(word in given for word in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"))
        assert int(client.get("/connexion").headers["strict-transport-security"].split("=")[1]) >= 31_536_000


def test_the_record_names_who_did_what(house: House) -> None:
    """On its page, page by page, without any secret."""
    boss = house.visitor("Awa S.")
    for number in range(30):
        house.visitor(f"Person {number}", KIOSK)
    page = boss.get("/journal").text
    assert "Person 29" in page
    older = re.search(r"/journal\?avant=(\d+)", page)
    assert older is not None
    assert "Awa S." in boss.get("/journal?avant=3").text
    assert SECRET not in page
