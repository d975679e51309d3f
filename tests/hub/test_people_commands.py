"""The commands for people, programmes and the record, as an operator types them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.__main__ import main
from hub.io.access import SqlAccess
from hub.io.ledger import SqlLedger
from hub.people.signing import sign_in
from tests.hub.builders import NOON_MS, TestHub
from tests.hub.door import SECRET, door_of
from tests.hub.test_settings import SITE_YAML


class Shell:
    """Runs `kayasol-hub` over one ledger and keeps what it prints."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.ledger = f"sqlite:///{directory}/ledger.db"
        self._config = directory / "hub.yaml"
        self._config.write_text(f"database: {self.ledger}\nweb: {{public_url: 'https://hub.example'}}\n", "utf-8")
        self._capsys = capsys
        (directory / "secret").write_text(f"{SECRET}\n", "utf-8")
        self.secret = ["--secret-file", str(directory / "secret")]

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command; returns what it printed."""
        assert main(["--config", str(self._config), *arguments]) == code
        printed = self._capsys.readouterr()
        return printed.out if code == 0 else printed.out + printed.err


@pytest.fixture
def shell(hub: TestHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Give a shell on a hub with one site."""
    hub.ledger.close()
    return Shell(tmp_path, capsys)


def test_an_operator_lets_people_in(shell: Shell) -> None:
    """Adds one whose secret is known, invites another by link, lists them, and closes an account."""
    boss = ["--role", "administrator", "--in", "hub"]
    assert "may sign in as administrator of hub" in shell.run("user", "add", "Awa S.", *boss, *shell.secret)
    link = shell.run("user", "invite", "--role", "association", "--in", "site:ecole-a")
    assert re.match(r"https://hub\.example/invitation/\S{43}\nvalid once, for two weeks", link)
    assert shell.run("user", "list") == "Awa S.: administrator of hub\n"
    assert "/invitation/" in shell.run("user", "reset", "awa s")
    assert "is closed" in shell.run("user", "close", "Awa S.")
    assert shell.run("user", "list") == ""


def test_an_operator_makes_a_token(shell: Shell) -> None:
    """For somebody who has the role, and for no role that they lack."""
    shell.run("user", "add", "Issa", "--role", "technician", "--in", "commune:kaya", *shell.secret)
    assert shell.run("user", "token", "Issa", "--role", "technician", "--in", "commune:kaya").startswith("kayasol_")
    refused = shell.run("user", "token", "Issa", "--role", "administrator", "--in", "hub", code=2)
    assert "do not have the role administrator of hub" in refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["user", "invite", "--role", "commune", "--in", "kaya"], "say hub, programme:SLUG, commune:SLUG or site:ID"),
        (["user", "invite", "--role", "commune", "--in", "hub"], "the role commune is given in a commune, not in hub"),
        (["user", "invite", "--role", "commune", "--in", "commune:boromo"], "there is no commune 'boromo' here"),
        (["user", "reset", "Nobody"], "nobody is called 'Nobody'; kayasol-hub user list shows who is"),
    ],
)
def test_what_cannot_be_is_said(shell: Shell, arguments: list[str], said: str) -> None:
    """In a sentence that names what would do."""
    assert said in shell.run(*arguments, code=2)


def test_a_weak_secret_is_not_taken_from_a_file_either(shell: Shell, tmp_path: Path) -> None:
    """The rule is the same for an operator."""
    (tmp_path / "secret").write_text("123456", "utf-8")
    boss = ["--role", "administrator", "--in", "hub"]
    assert "digits are not enough" in shell.run("user", "add", "Awa S.", *boss, *shell.secret, code=2)
    assert "cannot be read" in shell.run("user", "add", "A B", *boss, "--secret-file", f"{tmp_path}/no", code=2)


def test_the_record_shows_what_was_changed_or_cut_off(shell: Shell) -> None:
    """All lines, then one that somebody edited, then an end that was cut off."""
    shell.run("user", "add", "Awa S.", "--role", "administrator", "--in", "hub", *shell.secret)
    told = shell.run("audit", "verify")
    (kept,) = re.findall(r"[0-9a-f]{64}", told)
    assert "all 2 lines are as they were written" in told
    assert "Awa S.: joined" in shell.run("audit", "show")
    shell.run("programme", "add", "Jumelage")
    assert shell.run("audit", "verify", "--sum", kept).startswith("all 3 lines")
    ledger = SqlLedger(shell.ledger)
    with ledger.begin() as transaction:
        transaction.connection.exec_driver_sql("DELETE FROM audit WHERE number > 1")
    assert "the end was cut off" in shell.run("audit", "verify", "--sum", kept, code=1)
    with ledger.begin() as transaction:
        transaction.connection.exec_driver_sql("UPDATE audit SET actor = 'Nobody'")
    assert "line 1 is not what was written" in shell.run("audit", "verify", code=1)
    ledger.close()


def test_a_new_commune_says_where_it_belongs(shell: Shell, tmp_path: Path) -> None:
    """Once there are two programmes; the commune of a site that is known keeps its own."""
    for name, commune in (("a", "Kaya"), ("b", "Boromo")):
        text = SITE_YAML.replace("ecole-b", f"ecole-{name}{name}").replace("Kaya", commune)
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    shell.run("programme", "add", "Jumelage de l'Ouest")
    shell.run("site", "add", f"{tmp_path}/a.yaml")
    refused = shell.run("site", "add", f"{tmp_path}/b.yaml", code=2)
    assert "say to which programme it belongs (--programme jumelage-de-l-ouest|programme)" in refused
    unknown = shell.run("site", "add", f"{tmp_path}/b.yaml", "--programme", "nord", code=2)
    assert "there is no programme 'nord'" in unknown
    shell.run("site", "add", f"{tmp_path}/b.yaml", "--programme", "jumelage-de-l-ouest")
    other = shell.run("site", "add", f"{tmp_path}/b.yaml", "--programme", "programme", code=2)
    assert "belongs to the programme jumelage-de-l-ouest" in other


def test_many_guesses_at_one_moment_count_each(hub: TestHub) -> None:
    """The counter goes up before a secret is looked at, in a transaction of its own."""
    store, door = SqlAccess(hub.ledger), door_of(hub.ledger)
    for failures in range(3):
        assert store.attempt("awas", NOON_MS).failures == failures
    with pytest.raises(Exception, match="do not belong together"):
        sign_in(door, "Awa S.", "wrong", "test", NOON_MS)
    assert store.attempt("awas", NOON_MS).failures == 4
