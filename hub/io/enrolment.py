"""The tables of one-time tokens and device keys: filled by the operator and the sites, read for seals."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, insert, select, update

from hub.enrolment import TOKEN_BYTES, admit, issue, token_hash
from hub.enrolment_store import Offer, TokenRecord
from hub.io import tables as t
from hub.seals import Seal

KEYS_MAX = 8
"""The newest keys of a site that are tried for a seal."""

_token, _key = t.enrolment_tokens.c, t.device_keys.c


class _Writing(Protocol):
    @property
    def connection(self) -> Connection:
        """The transaction's connection."""


class EnrolmentTables(ABC):
    """The part of the ledger that speaks of enrolment."""

    @abstractmethod
    def begin(self) -> AbstractContextManager[_Writing]:
        """See `Ledger.begin`."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """Open a connection to read from."""

    def new_token(self, site: str, now_ms: int) -> str:
        """See `EnrolmentStore.new_token`."""
        token, record = issue(site, secrets.token_bytes(TOKEN_BYTES), now_ms)
        with self.begin() as transaction:
            transaction.connection.execute(
                insert(t.enrolment_tokens).values(
                    site=record.site, token_hash=record.token_hash, made_at_ms=record.made_at_ms,
                    expires_at_ms=record.expires_at_ms,
                )
            )  # fmt: skip
        return token

    def withdraw_tokens(self, site: str, now_ms: int) -> int:
        """See `EnrolmentStore.withdraw_tokens`."""
        open_ = (_token.site == site) & _token.key.is_(None) & (_token.expires_at_ms > now_ms)
        with self.begin() as transaction:
            query = update(t.enrolment_tokens).where(open_).values(expires_at_ms=now_ms)
            return transaction.connection.execute(query).rowcount

    def enrol(self, offer: Offer, now_ms: int) -> None:
        """See `EnrolmentStore.enrol`."""
        hashed = token_hash(offer.token)
        with self.begin() as transaction:
            connection = transaction.connection
            query = select(t.enrolment_tokens).where(_token.token_hash == hashed).with_for_update()
            row = connection.execute(query).mappings().first()
            if admit(None if row is None else TokenRecord(**row), offer, now_ms):
                used = {"used_at_ms": now_ms, "key": offer.key}
                connection.execute(update(t.enrolment_tokens).where(_token.token_hash == hashed).values(used))
                _keep(connection, offer, now_ms)

    def device_keys(self, site: str) -> list[bytes]:
        """See `EnrolmentStore.device_keys`."""
        with self.reading() as connection:
            return device_keys(connection, site)


def device_keys(connection: Connection, site: str) -> list[bytes]:
    """See `EnrolmentStore.device_keys`."""
    newest = select(_key.key).where(_key.site == site).order_by(_key.since_ms.desc()).limit(KEYS_MAX)
    return list(connection.execute(newest).scalars())


def _keep(connection: Connection, offer: Offer, now_ms: int) -> None:
    """Keep a key, and have the seals judged again that nobody knew the key of."""
    known = select(_key.key).where(_key.site == offer.site, _key.key == offer.key)
    if connection.execute(known).first() is None:
        connection.execute(insert(t.device_keys).values(site=offer.site, key=offer.key, since_ms=now_ms))
    c = t.tallies.c
    unknown = (c.site == offer.site) & c.verdict.contains(f'"{Seal.NO_KEY}"')
    connection.execute(update(t.tallies).where(unknown).values(verdict=None, look_at_ms=c.received_at_ms))
