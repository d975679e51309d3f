"""Enrolment at the hub: a token is swapped for one key, and a refusal tells nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hub.api import examples
from hub.api.app import create_app
from hub.enrolment import VALID_MS, EnrolmentRefused, admit, issue, token_hash
from hub.enrolment_store import Offer
from hub.io import tables as t
from hub.ports import Site
from protocol.seal import KEY_BYTES
from tests.hub.builders import NOON_MS, TestHub
from tests.hub.door import context_of

KEY, OTHER_KEY = b"k" * KEY_BYTES, b"o" * KEY_BYTES
NEIGHBOUR = Site("ecole-b", "École B", "school", "Kaya", 3, None, None, "Africa/Ouagadougou", ())


def test_a_token_admits_one_key_as_often_as_it_comes() -> None:
    """A power cut may keep the site from hearing the answer, so it asks again."""
    token, fresh = issue("ecole-a", b"\0" * 24, NOON_MS)
    offer = Offer("ecole-a", token, KEY)
    assert admit(fresh, offer, NOON_MS)
    _, record = issue("ecole-a", b"\0" * 24, NOON_MS)
    used = type(record)(record.site, record.token_hash, record.made_at_ms, record.expires_at_ms, NOON_MS, KEY)
    assert not admit(used, offer, NOON_MS + 10 * VALID_MS)
    with pytest.raises(EnrolmentRefused):
        admit(used, Offer("ecole-a", token, OTHER_KEY), NOON_MS)


def test_a_token_opens_nothing_else() -> None:
    """Not an unknown one, not another site's, not an old one; each refusal says the same."""
    token, record = issue("ecole-a", b"\0" * 24, NOON_MS)
    said = set()
    for held, site, now_ms in (
        (None, "ecole-a", NOON_MS),
        (record, "ecole-b", NOON_MS),
        (record, "ecole-a", NOON_MS + VALID_MS),
    ):
        with pytest.raises(EnrolmentRefused) as refused:
            admit(held, Offer(site, token, KEY), now_ms)
        said.add(str(refused.value))
    assert len(said) == 1


def test_neither_token_nor_key_is_shown() -> None:
    """What a log prints gives nothing away, and the ledger keeps a hash of the token only."""
    token, record = issue("ecole-a", b"\0" * 24, NOON_MS)
    offer = Offer("ecole-a", token, KEY)
    assert token not in repr(offer) + repr(record)
    assert repr(KEY) not in repr(offer)
    assert record.token_hash == token_hash(token) != token.encode()


def test_each_token_is_new_and_long(hub: TestHub) -> None:
    """Nobody guesses 24 random bytes."""
    tokens = {hub.ledger.new_token("ecole-a", NOON_MS) for _ in range(20)}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {32}


def test_a_withdrawn_token_opens_nothing(hub: TestHub) -> None:
    """A bundle that was lost on the way; one that was used stays used."""
    used, lost = hub.ledger.new_token("ecole-a", NOON_MS), hub.ledger.new_token("ecole-a", NOON_MS)
    hub.ledger.enrol(Offer("ecole-a", used, KEY), NOON_MS)
    assert hub.ledger.withdraw_tokens("ecole-a", NOON_MS) == 1
    assert hub.ledger.withdraw_tokens("ecole-a", NOON_MS) == 0
    with pytest.raises(EnrolmentRefused):
        hub.ledger.enrol(Offer("ecole-a", lost, OTHER_KEY), NOON_MS)
    hub.ledger.enrol(Offer("ecole-a", used, KEY), NOON_MS)
    assert hub.ledger.device_keys("ecole-a") == [KEY]


def test_the_keys_of_earlier_cards_stay_known(hub: TestHub) -> None:
    """The newest first; the same key under another token is the same key."""
    for after_ms, key in enumerate((KEY, OTHER_KEY, KEY)):
        hub.ledger.enrol(Offer("ecole-a", hub.ledger.new_token("ecole-a", NOON_MS), key), NOON_MS + after_ms)
    assert hub.ledger.device_keys("ecole-a") == [OTHER_KEY, KEY]
    assert hub.ledger.device_keys("ecole-b") == []


@pytest.fixture
def client(hub: TestHub) -> Iterator[TestClient]:
    """Give a client that has no account."""
    hub.ledger.add_site(NEIGHBOUR)
    context = context_of(hub.ledger, hub.store, NOON_MS)
    with TestClient(create_app(context, hub.consumer.counters)) as client:
        yield client


def test_a_site_enrols_with_its_token_alone(hub: TestHub, client: TestClient) -> None:
    """Twice is as good as once; the key is there, and the token is nowhere."""
    token = hub.ledger.new_token("ecole-a", NOON_MS)
    offer = {"site": "ecole-a", "token": token, "key": KEY.hex()}
    for _ in range(2):
        answer = client.post("/api/v1/enrolments", json=offer)
        assert (answer.status_code, answer.json()) == (200, {"site": "ecole-a", "enrolled": True})
    assert hub.ledger.device_keys("ecole-a") == [KEY]
    with hub.ledger.reading() as connection:
        (row,) = connection.execute(select(t.enrolment_tokens)).all()
    assert token.encode() not in b"".join(value for value in row if isinstance(value, bytes))


def test_a_refusal_is_the_same_whatever_is_wrong(hub: TestHub, client: TestClient) -> None:
    """Another's token, an invented one, a site that is not there, another key: who guesses learns nothing."""
    token, used = hub.ledger.new_token("ecole-a", NOON_MS), hub.ledger.new_token("ecole-a", NOON_MS)
    hub.ledger.enrol(Offer("ecole-a", used, KEY), NOON_MS)
    offers = [
        {"site": "ecole-b", "token": token, "key": KEY.hex()},
        {"site": "ecole-a", "token": "x" * 32, "key": KEY.hex()},
        {"site": "nowhere", "token": token, "key": KEY.hex()},
        {"site": "ecole-a", "token": used, "key": OTHER_KEY.hex()},
    ]
    answers = [client.post("/api/v1/enrolments", json=offer) for offer in offers]
    assert {(answer.status_code, answer.headers["content-type"]) for answer in answers} == {
        (403, "application/problem+json")
    }
    assert len({answer.content for answer in answers}) == 1
    assert hub.ledger.device_keys("ecole-b") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"site": "École"},
        {"site": "x" * 33},
        {"token": "short"},
        {"token": "x" * 129},
        {"token": 5},
        {"key": "00" * 31},
        {"key": "00" * 33},
        {"key": "ZZ" * 32},
        {"key": KEY.hex() + "\n"},
        {"key": None},
    ],
)
def test_what_is_no_offer_is_refused_in_words(client: TestClient, wrong: dict[str, object]) -> None:
    """A problem names the field, and repeats nothing of what was sent."""
    answer = client.post("/api/v1/enrolments", json={"site": "ecole-a", "token": "x" * 32, "key": KEY.hex(), **wrong})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert next(iter(wrong)) in answer.json()["detail"]
    assert "xxxx" not in answer.text


def test_the_examples_are_an_offer(client: TestClient) -> None:
    """The description of the API shows what would be taken, were the token known."""
    offer = {"site": examples.SITE["site"], "token": examples.TOKEN, "key": examples.KEY}
    assert client.post("/api/v1/enrolments", json=offer).status_code == 403
