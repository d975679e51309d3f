"""The words at the door: phones by a name that people know."""

from __future__ import annotations

import pytest

from hub.access.roles import Grant, Level, Role, Scope
from hub.pages import door_words


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
         "téléphone Android, Chrome"),
        ("Opera/9.80 (Android; Opera Mini/7.6/191.273; U; fr) Presto/2.12", "téléphone Android, Opera Mini"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "ordinateur Linux, Firefox"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1",
         "iPhone, Safari"),
        ("", "appareil inconnu"),
    ],
)  # fmt: skip
def test_a_phone_has_a_name(agent: str, words: str) -> None:
    """Not what its browser calls itself."""
    assert door_words.device(agent) == words


@pytest.mark.parametrize("scope", [Scope(Level.HUB), Scope(Level.SITE, "ecole-a")])
def test_a_grant_goes_through_a_form(scope: Scope) -> None:
    """What a form carries is what comes back; anything else is refused."""
    grant = Grant(Role.ADMINISTRATOR, scope)
    assert door_words.chosen(door_words.choice(grant)) == grant
    for wrong in ("", "administrator", "boss/hub/", "administrator/planet/x"):
        with pytest.raises(ValueError):  # noqa: PT011  whatever does not split or is no member
            door_words.chosen(wrong)
