"""Which commune a new site joins, and which programme a new commune."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from hub.access.places import DEFAULT_PROGRAMME, slug
from hub.errors import BadRequest
from hub.io import access_tables as a


def commune_of(connection: Connection, name: str, programme: str | None) -> str:
    """Give the slug of a commune, which is added when it is new; one that is known stays in its programme.

    Raises `BadRequest` when it is new and nobody says to which of several programmes it belongs.
    """
    commune = slug(name)
    known = connection.execute(select(a.communes.c.programme).where(a.communes.c.commune == commune)).scalar()
    if known is not None:
        if programme not in (None, known):
            raise BadRequest(f"the commune {name} belongs to the programme {known}, not to {programme}")
        return commune
    connection.execute(
        insert(a.communes).values(commune=commune, name=name, programme=_programme(connection, name, programme))
    )
    return commune


def _programme(connection: Connection, commune: str, wanted: str | None) -> str:
    known = list(connection.execute(select(a.programmes.c.programme).order_by(a.programmes.c.programme)).scalars())
    if wanted is not None:
        if wanted not in known:
            raise BadRequest(f"there is no programme {wanted!r}; add it with: kayasol-hub programme add NAME")
        return wanted
    if len(known) > 1:
        raise BadRequest(
            f"the commune {commune} is new: say to which programme it belongs (--programme {'|'.join(known)})"
        )
    if not known:
        programme, name = DEFAULT_PROGRAMME
        connection.execute(insert(a.programmes).values(programme=programme, name=name))
        known = [programme]
    return str(known[0])
