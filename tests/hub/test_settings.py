"""Settings, enrolment and the ledger's migrations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text as sa_text

from firmware_config import ConfigError, board_text
from hub.__main__ import main
from hub.enrol import site_from_yaml
from hub.errors import RetryLater
from hub.ingest.boots import Boot
from hub.io import tables as t
from hub.io.ledger import SqlLedger
from hub.settings import parse
from tests.hub.builders import TestHub

SITE_YAML = """\
site: {id: ecole-b, name: École B, kind: school, commune: Kaya, shard: 5}
devices: {controller: {profile: epever-tracer, connection: {port: /dev/ttyUSB0}}}
kiosk: {board: kiosk-8, slots: [1, 2]}
uplink: {host: hub.example.org}
"""


OLD_ROWS = (
    "INSERT INTO sites VALUES ('ecole-a', 'A', 'school', 'Kaya', 3, NULL, NULL, 'UTC', '[]', 0)",
    "INSERT INTO archive VALUES (1, 'ecole-a', 1, 1000, NULL, NULL, 1, 2, x'')",
    "INSERT INTO anchors VALUES ('ecole-a', 1, 1, 1, 60, 900, 10, 0)",
    "INSERT INTO events VALUES ('ecole-a', 1, 2, 4, 1, 40, NULL, '[]')",
    "INSERT INTO sessions VALUES ('ecole-a', 1, 3, 1, 0, 1, 50, 1, 1, 4, 1, 90, 1, 1, 0)",
    "INSERT INTO sessions VALUES ('ecole-a', 1, 5, 1, 0, 2, 5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "INSERT INTO events VALUES ('ecole-a', 1, 6, 4, 2, 70, NULL, '[]')",
    "INSERT INTO events VALUES ('ecole-a', 1, 7, 4, 3, 9007199254740992, NULL, '[]')",
)


def test_an_empty_file_is_a_hub_on_one_machine() -> None:
    """Every setting has a default that works."""
    settings = parse("", "hub.yaml")
    assert (settings.broker.host, settings.web_port, settings.shards) == ("127.0.0.1", 8080, range(16))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web: {tcp_port: 0}", "hub.yaml line 1: web.tcp_port"),
        ("databse: x", "databse: unknown key; did you mean database?"),
        ("shards: [9, 3]", "the first shard, 9, is above the last, 3"),
    ],
)
def test_a_wrong_setting_is_named(text: str, words: str) -> None:
    """File, line, key and what would be valid."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse(text, "hub.yaml")


def test_a_site_is_read_from_the_file_its_pi_gets() -> None:
    """One file serves both sides."""
    site = site_from_yaml(SITE_YAML, "site.yaml", board_text)
    assert (site.site, site.shard, site.slots, site.timezone) == ("ecole-b", 5, (1, 2), "Africa/Ouagadougou")


def test_an_unknown_time_zone_is_refused() -> None:
    """A day must have a midnight."""
    text = SITE_YAML.replace("shard: 5", "shard: 5, timezone: Africa/Kaya")
    with pytest.raises(ConfigError, match=r"site\.timezone: there is no time zone 'Africa/Kaya'"):
        site_from_yaml(text, "site.yaml", board_text)


@pytest.mark.parametrize("timezone", ["Africa", "America/Argentina", "x" * 300, "../etc/passwd"])
def test_what_is_no_time_zone_but_a_folder_or_no_name_is_refused(timezone: str) -> None:
    """However the system's files fail to give one."""
    text = SITE_YAML.replace("shard: 5", f"shard: 5, timezone: {timezone}")
    with pytest.raises(ConfigError, match=r"site\.timezone: there is no time zone"):
        site_from_yaml(text, "site.yaml", board_text)


def test_enrolling_twice_updates(hub: TestHub) -> None:
    """A corrected file corrects the site, and nothing else."""
    site = site_from_yaml(SITE_YAML, "site.yaml", board_text)
    assert hub.ledger.add_site(site)
    assert not hub.ledger.add_site(site_from_yaml(SITE_YAML.replace("École B", "École C"), "site.yaml", board_text))
    assert {found.site: found.name for found in hub.ledger.sites()}["ecole-b"] == "École C"


def test_the_migrations_make_the_tables_that_the_code_uses(hub: TestHub) -> None:
    """A column added to one and not the other fails here."""
    with hub.ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []


def test_the_boots_of_an_older_ledger_are_known(tmp_path: Path) -> None:
    """A ledger of the first tables learns from them which boots there were, so that they bound what comes."""
    ledger = SqlLedger(f"sqlite:///{tmp_path}/old.db")
    config = Config()
    config.set_main_option("script_location", "hub/io/migrations")
    with ledger.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in OLD_ROWS:
            connection.execute(sa_text(statement))
        connection.commit()
    ledger.migrate()
    with ledger.begin() as transaction:
        found = transaction.boots("ecole-a", 1, 1, 3)
    assert found == [Boot(1, 40, 90, 1000 - 90_000 + 9, anchored=True), Boot(2, 5, 70, 1000 - 70_000 + 7)]
    ledger.close()


def test_migrating_twice_changes_nothing(hub: TestHub) -> None:
    """Every start may migrate."""
    hub.ledger.migrate()


def test_the_ledger_survives_a_power_cut_by_its_pragmas(hub: TestHub) -> None:
    """WAL with full synchronisation, on every connection."""
    with hub.ledger.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_ledger_that_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A missing folder is no traceback."""
    with pytest.raises(RetryLater, match=r"the ledger sqlite:.* cannot be opened"):
        SqlLedger(f"sqlite:///{tmp_path}/no/such/folder/ledger.db").migrate()


@pytest.mark.parametrize(
    "url", ["sqlite", "sqlite://a:b:c/", "sqlitefoo://", "postgresql+nope://x", "sqlite:///x?timeout=soon"]
)
def test_an_address_that_is_none_of_a_ledger_is_said_in_a_sentence(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is named, and nothing is opened."""
    (tmp_path / "hub.yaml").write_text(f'database: "{url}"\n', "utf-8")
    assert main(["--config", str(tmp_path / "hub.yaml"), "migrate"]) == 2
    assert "kayasol-hub: database: " in capsys.readouterr().err


def test_the_command_line_enrols_a_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`site add` prints who is enrolled; a bad file ends with its reason and code 2."""
    config, site = tmp_path / "hub.yaml", tmp_path / "site.yaml"
    config.write_text(f"database: sqlite:///{tmp_path}/ledger.db", "utf-8")
    site.write_text(SITE_YAML, "utf-8")
    assert main(["--config", str(config), "site", "add", str(site)]) == 0
    assert "ecole-b: École B (Kaya) is enrolled, shard 5" in capsys.readouterr().out
    site.write_text(SITE_YAML.replace("kiosk-8", "kiosk-99"), "utf-8")
    assert main(["--config", str(config), "site", "add", str(site)]) == 2
    assert "there is no board 'kiosk-99'" in capsys.readouterr().err
