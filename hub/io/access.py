"""People and what they carry, over the ledger's tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from hub.access.audit import Act
from hub.access.lockout import FORGOTTEN_MS, Attempts
from hub.access.people import Account, Invitation, SignIn, Token
from hub.access.roles import Grant, Level, Role, Scope
from hub.access.secrets import name_key
from hub.io import access_tables as a
from hub.io.audit import AuditTable, write
from hub.io.ledger import SqlLedger
from hub.io.places import PlaceTables
from hub.io.rows import Row, is_key


class SqlAccess(PlaceTables, AuditTable):
    """An `AccessStore` over a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    def account(self, account: int) -> Account | None:
        """See `PeopleStore.account`."""
        return self._account(a.accounts.c.account == account) if is_key(account) else None

    def account_named(self, name_key: str) -> Account | None:
        """See `PeopleStore.account_named`."""
        return self._account(a.accounts.c.name_key == name_key)

    def accounts(self) -> list[Account]:
        """See `PeopleStore.accounts`."""
        query = select(a.accounts).where(~a.accounts.c.closed).order_by(a.accounts.c.name)
        with self._ledger.reading() as connection:
            return [_account(connection, row) for row in connection.execute(query).all()]

    def set_hash(self, account: int, hash: str, act: Act) -> None:  # noqa: A002  what it is
        """See `PeopleStore.set_hash`."""
        with self._ledger.begin() as transaction:
            _set_hash(transaction.connection, account, hash)
            write(transaction.connection, act)

    def set_grants(self, account: int, grants: Sequence[Grant], act: Act) -> None:
        """See `PeopleStore.set_grants`."""
        with self._ledger.begin() as transaction:
            transaction.connection.execute(delete(a.grants).where(a.grants.c.account == account))
            _add_grants(transaction.connection, account, grants)
            write(transaction.connection, act)

    def close_account(self, account: int, act: Act) -> None:
        """See `PeopleStore.close_account`."""
        with self._ledger.begin() as transaction:
            connection = transaction.connection
            for table in (a.sign_ins, a.tokens, a.grants, a.invitations):
                connection.execute(delete(table).where(table.c.account == account))
            closed = {"closed": True, "hash": None, "name_key": f"#{account}"}  # no name has this key
            connection.execute(update(a.accounts).where(a.accounts.c.account == account).values(closed))
            write(connection, act)

    def attempt(self, name_key: str, now_ms: int) -> Attempts:
        """See `PeopleStore.attempt`."""
        c = a.attempts.c
        with self._ledger.begin() as transaction:
            connection = transaction.connection
            mine = select(c.failures, c.last_ms).where(c.name_key == name_key).with_for_update()
            row = connection.execute(mine).first()
            before = Attempts() if row is None else Attempts(*row)
            if now_ms >= before.open_at_ms():
                after = before.failed(now_ms)
                old = (c.name_key == name_key) | (c.last_ms < now_ms - FORGOTTEN_MS)
                connection.execute(delete(a.attempts).where(old))
                values = {"name_key": name_key, "failures": after.failures, "last_ms": after.last_ms}
                connection.execute(insert(a.attempts).values(values))
        return before

    # What they carry

    def add_sign_in(self, digest: bytes, sign_in: SignIn, act: Act) -> None:
        """See `CarriedStore.add_sign_in`."""
        with self._ledger.begin() as transaction:
            values = {
                "digest": digest, "account": sign_in.account, "made_ms": sign_in.made_ms, "seen_ms": sign_in.seen_ms,
                "device": sign_in.device[:120],
            }  # fmt: skip
            transaction.connection.execute(insert(a.sign_ins).values(values))
            _forget_attempts(transaction.connection, sign_in.account)
            write(transaction.connection, act)

    def sign_in(self, digest: bytes) -> SignIn | None:
        """See `CarriedStore.sign_in`."""
        with self._ledger.reading() as connection:
            row = connection.execute(select(a.sign_ins).where(a.sign_ins.c.digest == digest)).first()
        return None if row is None else _sign_in(row)

    def touch_sign_in(self, digest: bytes, now_ms: int) -> None:
        """See `CarriedStore.touch_sign_in`."""
        with self._ledger.begin() as transaction:
            mine = a.sign_ins.c.digest == digest
            transaction.connection.execute(update(a.sign_ins).where(mine).values(seen_ms=now_ms))

    def end_sign_ins(self, account: int, digest: bytes | None, act: Act) -> None:
        """See `CarriedStore.end_sign_ins`."""
        mine = a.sign_ins.c.account == account
        with self._ledger.begin() as transaction:
            which = mine if digest is None else mine & (a.sign_ins.c.digest == digest)
            transaction.connection.execute(delete(a.sign_ins).where(which))
            write(transaction.connection, act)

    def sign_ins(self, account: int) -> list[SignIn]:
        """See `CarriedStore.sign_ins`."""
        c = a.sign_ins.c
        with self._ledger.reading() as connection:
            rows = connection.execute(select(a.sign_ins).where(c.account == account).order_by(c.seen_ms.desc()))
            return [_sign_in(row) for row in rows]

    def add_invitation(self, digest: bytes, invitation: Invitation, act: Act) -> None:
        """See `CarriedStore.add_invitation`."""
        with self._ledger.begin() as transaction:
            values = {
                "digest": digest, "account": invitation.account, "made_by": invitation.made_by,
                "grants": json.dumps([[g.role, g.scope.level, g.scope.name] for g in invitation.grants]),
                "expires_ms": invitation.expires_ms, "used_ms": invitation.used_ms,
            }  # fmt: skip
            transaction.connection.execute(insert(a.invitations).values(values))
            write(transaction.connection, act)

    def invitation(self, digest: bytes) -> Invitation | None:
        """See `CarriedStore.invitation`."""
        with self._ledger.reading() as connection:
            row = connection.execute(select(a.invitations).where(a.invitations.c.digest == digest)).first()
        return None if row is None else _invitation(row)

    def join(self, digest: bytes, name: str, hash: str, now_ms: int) -> int | None:  # noqa: A002  what it is
        """See `CarriedStore.join`."""
        c = a.invitations.c
        with self._ledger.begin() as transaction:
            connection = transaction.connection
            unused = (c.digest == digest) & c.used_ms.is_(None) & (c.expires_ms > now_ms)
            if not connection.execute(update(a.invitations).where(unused).values(used_ms=now_ms)).rowcount:
                return None
            invitation = _invitation(connection.execute(select(a.invitations).where(c.digest == digest)).one())
            account = invitation.account
            if account is None:
                made = insert(a.accounts).values(name=name, name_key=name_key(name), made_ms=now_ms, closed=False)
                account = int(connection.execute(made.returning(a.accounts.c.account)).scalar_one())
                _add_grants(connection, account, invitation.grants)
            _set_hash(connection, account, hash)
            action = "joined" if invitation.account is None else "chose a new secret"
            write(connection, Act(now_ms, name, action, name, {"invited by": invitation.made_by}))
        return account

    def add_token(self, digest: bytes, token: Token, act: Act) -> None:
        """See `CarriedStore.add_token`."""
        with self._ledger.begin() as transaction:
            values = {
                "digest": digest, "account": token.account, "name": token.name, "made_ms": token.made_ms,
                "role": token.grant.role, "level": token.grant.scope.level, "scope": token.grant.scope.name,
                "expires_ms": token.expires_ms,
            }  # fmt: skip
            transaction.connection.execute(insert(a.tokens).values(values))
            write(transaction.connection, act)

    def token(self, digest: bytes) -> Token | None:
        """See `CarriedStore.token`."""
        with self._ledger.reading() as connection:
            row = connection.execute(select(a.tokens).where(a.tokens.c.digest == digest)).first()
        return None if row is None else _token(row)

    def touch_token(self, token: int, now_ms: int) -> None:
        """See `CarriedStore.touch_token`."""
        with self._ledger.begin() as transaction:
            mine = a.tokens.c.token == token
            transaction.connection.execute(update(a.tokens).where(mine).values(seen_ms=now_ms))

    def tokens(self, account: int) -> list[Token]:
        """See `CarriedStore.tokens`."""
        c = a.tokens.c
        with self._ledger.reading() as connection:
            rows = connection.execute(select(a.tokens).where(c.account == account).order_by(c.token))
            return [_token(row) for row in rows]

    def end_token(self, account: int, token: int, act: Act) -> bool:
        """See `CarriedStore.end_token`."""
        if not is_key(token):
            return False
        mine = (a.tokens.c.account == account) & (a.tokens.c.token == token)
        with self._ledger.begin() as transaction:
            if not transaction.connection.execute(delete(a.tokens).where(mine)).rowcount:
                return False
            write(transaction.connection, act)
        return True

    def _account(self, which: Any) -> Account | None:  # noqa: ANN401  a condition of SQLAlchemy
        with self._ledger.reading() as connection:
            row = connection.execute(select(a.accounts).where(which, ~a.accounts.c.closed)).first()
            return None if row is None else _account(connection, row)


def _account(connection: Connection, row: Row) -> Account:
    mine = select(a.grants).where(a.grants.c.account == row.account).order_by(a.grants.c.role, a.grants.c.scope)
    grants = tuple(_grant(*grant) for _, *grant in connection.execute(mine))
    return Account(row.account, row.name, row.hash, grants, row.made_ms)


def _grant(role: str, level: str, scope: str) -> Grant:
    return Grant(Role(role), Scope(Level(level), scope))


def _add_grants(connection: Connection, account: int, grants: Iterable[Grant]) -> None:
    values = [
        {"account": account, "role": grant.role, "level": grant.scope.level, "scope": grant.scope.name}
        for grant in set(grants)
    ]
    if values:
        connection.execute(insert(a.grants), values)


def _set_hash(connection: Connection, account: int, hash: str) -> None:  # noqa: A002  what it is
    connection.execute(update(a.accounts).where(a.accounts.c.account == account).values(hash=hash))
    connection.execute(delete(a.sign_ins).where(a.sign_ins.c.account == account))
    _forget_attempts(connection, account)


def _forget_attempts(connection: Connection, account: int) -> None:
    key = select(a.accounts.c.name_key).where(a.accounts.c.account == account).scalar_subquery()
    connection.execute(delete(a.attempts).where(a.attempts.c.name_key == key))


def _sign_in(row: Row) -> SignIn:
    return SignIn(row.account, row.made_ms, row.seen_ms, row.device)


def _invitation(row: Row) -> Invitation:
    grants = tuple(_grant(*grant) for grant in json.loads(row.grants))
    return Invitation(grants, row.account, row.made_by, row.expires_ms, row.used_ms)


def _token(row: Row) -> Token:
    grant = _grant(row.role, row.level, row.scope)
    return Token(row.token, row.account, row.name, grant, row.made_ms, row.expires_ms, row.seen_ms)
