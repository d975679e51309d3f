"""The tables of programmes and communes, and where each site stands."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert, select

from hub.access.audit import Act
from hub.access.places import slug
from hub.access.roles import Level, Place, Scope
from hub.io import access_tables as a
from hub.io import tables as t
from hub.io.audit import write
from hub.io.ledger import SqlLedger


class PlaceTables:
    """The part of an `AccessStore` that knows where sites stand."""

    _ledger: SqlLedger

    def places(self) -> Mapping[Scope, Place]:
        """See `PlaceStore.places`."""
        with self._ledger.reading() as connection:
            programmes = connection.execute(select(a.programmes.c.programme)).scalars()
            found = {Scope(Level.PROGRAMME, programme): Place(programme) for programme in programmes}
            communes = connection.execute(select(a.communes.c.commune, a.communes.c.programme))
            found |= {Scope(Level.COMMUNE, commune): Place(programme, commune) for commune, programme in communes}
            joined = t.sites.join(a.communes, t.sites.c.commune == a.communes.c.commune)
            query = select(t.sites.c.site, a.communes.c.commune, a.communes.c.programme).select_from(joined)
            for site, commune, programme in connection.execute(query):
                found[Scope(Level.SITE, site)] = Place(programme, commune, site)
        return found

    def names(self) -> Mapping[Scope, str]:
        """See `PlaceStore.names`."""
        of = {
            Level.PROGRAMME: select(a.programmes.c.programme, a.programmes.c.name),
            Level.COMMUNE: select(a.communes.c.commune, a.communes.c.name),
            Level.SITE: select(t.sites.c.site, t.sites.c.name),
        }
        with self._ledger.reading() as connection:
            return {
                Scope(level, key): str(name) for level, query in of.items() for key, name in connection.execute(query)
            }

    def add_programme(self, name: str, act: Act) -> str:
        """Add a programme, or give it this name; returns its slug."""
        with self._ledger.begin() as transaction:
            programme = slug(name)
            mine = a.programmes.c.programme == programme
            if not transaction.connection.execute(a.programmes.update().where(mine).values(name=name)).rowcount:
                transaction.connection.execute(insert(a.programmes).values(programme=programme, name=name))
            write(transaction.connection, act)
        return programme
