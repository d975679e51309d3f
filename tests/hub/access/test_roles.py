"""The table of roles: scopes cover what stands in them, and nobody gives what lies outside their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.access.places import slug
from hub.access.roles import (
    ALLOWED,
    LEVELS,
    Grant,
    Level,
    Permission,
    Place,
    Role,
    Scope,
    covers,
    may,
    may_anywhere,
    may_grant,
    narrowed,
)  # fmt: skip

SITE = Place("sahel", "kaya", "ecole-a")
SCOPES = [Scope(Level.HUB), Scope(Level.PROGRAMME, "sahel"), Scope(Level.COMMUNE, "kaya"), Scope(Level.SITE, "ecole-a")]
OTHERS = [Scope(Level.PROGRAMME, "ouest"), Scope(Level.COMMUNE, "boromo"), Scope(Level.SITE, "ecole-b")]
GRANTS = [Grant(role, scope) for role in Role for scope in (*SCOPES, *OTHERS) if scope.level in LEVELS[role]]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_covers_what_stands_in_it(scope: Scope) -> None:
    """From the whole hub down to the site itself."""
    assert covers(scope, SITE)


@pytest.mark.parametrize("scope", OTHERS)
def test_a_scope_covers_nothing_beside_it(scope: Scope) -> None:
    """Neither another programme, nor another commune, nor another site."""
    assert not covers(scope, SITE)


def test_every_role_is_in_both_tables() -> None:
    """A role that is added somewhere only fails here."""
    assert set(ALLOWED) == set(LEVELS) == set(Role)


def test_a_narrow_scope_covers_no_wider_place() -> None:
    """Whoever looks after one site looks after no commune, and a commune's name is no programme's."""
    assert not covers(Scope(Level.SITE, "ecole-a"), Place("sahel", "kaya"))
    assert not covers(Scope(Level.COMMUNE, "kaya"), Place("sahel"))
    assert not covers(Scope(Level.SITE, ""), Place("sahel", "kaya", "ecole-a"))


def test_only_the_whole_hub_speaks_for_all_programmes() -> None:
    """The record and the counters name sites of every programme."""
    assert may_anywhere([Grant(Role.ADMINISTRATOR, Scope(Level.HUB))], Permission.AUDIT)
    assert not may_anywhere([Grant(Role.ADMINISTRATOR, Scope(Level.PROGRAMME, "sahel"))], Permission.AUDIT)
    assert may_anywhere([Grant(Role.ADMINISTRATOR, Scope(Level.PROGRAMME, "sahel"))], Permission.PEOPLE)


@given(st.lists(st.sampled_from(GRANTS)), st.sampled_from(GRANTS))
def test_nobody_gives_more_than_their_own_scope(held: list[Grant], wanted: Grant) -> None:
    """What is given lies inside the scope of an administrator's grant of one's own; no other role gives anything."""
    places = {
        Scope(Level.PROGRAMME, "sahel"): Place("sahel"),
        Scope(Level.COMMUNE, "kaya"): Place("sahel", "kaya"),
        Scope(Level.SITE, "ecole-a"): SITE,
    }
    place = places.get(wanted.scope)
    if may_grant(held, wanted, place):
        scopes = [grant.scope for grant in held if grant.role is Role.ADMINISTRATOR]
        assert scopes
        assert place is not None or wanted.scope.level is Level.HUB
        assert any(scope.level is Level.HUB or (place is not None and covers(scope, place)) for scope in scopes)


@given(st.lists(st.sampled_from(GRANTS)), st.sampled_from(GRANTS), st.sampled_from(list(Permission)))
def test_a_token_may_nothing_that_its_owner_may_not(held: list[Grant], wanted: Grant, permission: Permission) -> None:
    """It carries one role, there or narrower."""
    if narrowed(held, wanted, SITE if wanted.scope in SCOPES[1:] else None) and may([wanted], permission, SITE):
        assert may(held, permission, SITE)


def test_a_role_is_given_only_as_wide_as_it_may_be() -> None:
    """No association of a whole commune, no commune of the whole hub."""
    boss = [Grant(Role.ADMINISTRATOR, Scope(Level.HUB))]
    assert not may_grant(boss, Grant(Role.ASSOCIATION, Scope(Level.COMMUNE, "kaya")), Place("sahel", "kaya"))
    assert not may_grant(boss, Grant(Role.COMMUNE, Scope(Level.HUB)), None)


@pytest.mark.parametrize(
    ("name", "short"),
    [("Kaya", "kaya"), ("Bobo-Dioulasso", "bobo-dioulasso"), ("Pô (Nahouri)", "po-nahouri"), ("x" * 50, "x" * 32)],
)
def test_a_slug_is_what_the_wire_takes(name: str, short: str) -> None:
    """Small letters, digits and hyphens; another alphabet has its sum."""
    assert slug(name) == short
    assert len(slug("ⵜⴰⵎⴰⵣⵉⵖⵜ")) == 12
