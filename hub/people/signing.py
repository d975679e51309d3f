"""Signing in and out. A name that nobody has is treated as one whose secret was wrong, in words and in time."""

from __future__ import annotations

from hub.access.audit import Act
from hub.access.people import SEEN_EVERY_MS, SignIn, limits
from hub.access.secrets import Weakness, digest, name_key, needs_passphrase, normal, weakness
from hub.errors import HubError
from hub.people.caller import NOBODY, Caller, caller_of
from hub.people.ports import Door

_NAME_MOST = 64
_KEY_MOST = 200
"""No key of ours is longer; hashing more would only cost."""


class WrongSecret(HubError):
    """Name and secret do not belong together."""


class MustWait(HubError):
    """Too many wrong secrets; `until_ms` tells when the next is looked at."""

    def __init__(self, until_ms: int) -> None:
        super().__init__("too many wrong secrets: wait, or ask for a new link")
        self.until_ms = until_ms


class WeakSecret(HubError):
    """Too easily guessed; `weakness` tells why."""

    def __init__(self, weakness: Weakness) -> None:
        super().__init__(f"the secret is not taken: {weakness}")
        self.weakness = weakness


def sign_in(door: Door, name: str, secret: str, device: str, now_ms: int) -> str:
    """Sign a person in; returns the key of the cookie. Raises `WrongSecret`, `MustWait` or `RetryLater`."""
    key = name_key(name)[:_NAME_MOST]
    before = door.store.attempt(key, now_ms)
    if now_ms < before.open_at_ms():
        raise MustWait(before.open_at_ms())
    account = door.store.account_named(key)
    if not door.hasher.matches(None if account is None else account.hash, normal(secret)) or account is None:
        until_ms = before.failed(now_ms).open_at_ms()
        raise MustWait(until_ms) if until_ms > now_ms else WrongSecret("name and secret do not belong together")
    return begin(door, account.account, account.name, device, now_ms)


def begin(door: Door, account: int, name: str, device: str, now_ms: int) -> str:
    """Let somebody in who has proved to be themselves; returns the key of the cookie, a new one every time."""
    key = door.new_key()
    act = Act(now_ms, name, "signed in", name, {"device": device[:80]})
    door.store.add_sign_in(digest(key), SignIn(account, now_ms, now_ms, device), act)
    return key


def signed_in(door: Door, key: str, now_ms: int) -> Caller:
    """Tell who carries this cookie; nobody when it has run out or means nothing."""
    if len(key) > _KEY_MOST:
        return NOBODY
    found = door.store.sign_in(digest(key))
    account = None if found is None else door.store.account(found.account)
    if found is None or account is None or not found.holds(limits(account.grants), now_ms):
        return NOBODY
    if now_ms - found.seen_ms >= SEEN_EVERY_MS:
        door.store.touch_sign_in(digest(key), now_ms)
    return caller_of(account, account.grants, door.store.places(), key)


def sign_out(door: Door, caller: Caller, now_ms: int, *, everywhere: bool = False) -> None:
    """End this sign-in, or all of this person."""
    if caller.account is None:
        return
    one = None if everywhere or caller.key is None else digest(caller.key)
    action = "signed out everywhere" if everywhere else "signed out"
    door.store.end_sign_ins(caller.account, one, Act(now_ms, caller.name, action, caller.name))


def hashed_secret(door: Door, name: str, secret: str, *, passphrase: bool) -> str:
    """Hash a secret that somebody chose; raises `WeakSecret` when it is too easily guessed."""
    secret = normal(secret)
    weak = weakness(secret, name, passphrase=passphrase, common=door.common)
    if weak is not None:
        raise WeakSecret(weak)
    return door.hasher.hash(secret)


def change_secret(door: Door, caller: Caller, old: str, new: str, now_ms: int) -> None:
    """Change one's own secret; every sign-in ends. Raises `WrongSecret` or `WeakSecret`."""
    account = None if caller.account is None else door.store.account(caller.account)
    if account is None or not door.hasher.matches(account.hash, normal(old)):
        raise WrongSecret("the present secret is another one")
    hashed = hashed_secret(door, account.name, new, passphrase=needs_passphrase(account.grants))
    door.store.set_hash(account.account, hashed, Act(now_ms, account.name, "changed the secret", account.name))
