"""The files of `firmware_config`: whole, sourced, and honest about how sure they are; and the loader they pass."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge import profiles
from edge.profiles import registers_of
from edge.readplan import plan
from firmware_config import ConfigError, board_text, load, profile_names, profile_text

FILES = resources.files("firmware_config")
SCHEMAS = sorted(item.name.removesuffix(".schema.json") for item in FILES.joinpath("schemas").iterdir())
BOARDS = sorted(item.name.removesuffix(".yaml") for item in FILES.joinpath("boards").iterdir())
ROWS = re.findall(r"^\| ([^|]+) \|[^|]+\| ([^|]+) \|$", FILES.joinpath("SOURCES.md").read_text("utf-8"), re.MULTILINE)
SOURCES = {anchor: users.split(", ") for anchor, users in ROWS if anchor != "anchor"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_is_closed(name: str) -> None:
    """Each schema is valid JSON Schema, names itself, and lets no unknown key pass anywhere."""
    schema = json.loads(FILES.joinpath("schemas", f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/{name}.schema.json")
    open_objects = [
        part
        for part in parts_of(schema)
        if part.get("type") == "object" and part.get("additionalProperties") is not False
    ]
    assert open_objects == []


LISTS = ("registers", "settings", "extra")


def parts_of(part: object) -> list[dict[str, object]]:
    """List every mapping in a schema."""
    if isinstance(part, list):
        return [found for item in part for found in parts_of(item)]
    if not isinstance(part, dict):
        return []
    return [part, *(found for item in part.values() for found in parts_of(item))]


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_can_be_used(name: str) -> None:
    """Each profile satisfies its schema, is named like its file, and can be read in requests its device accepts."""
    profile = profiles.parse(load(profile_text(name), "device", name))
    assert profile.name == name
    blocks = plan(registers_of(profile.all), profile.limits)
    assert all(block.count <= profile.limits.count_max for block in blocks)


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_names_where_it_comes_from(name: str) -> None:
    """Every source has its row in SOURCES.md, which names the profile; and as many as the confidence claims."""
    data = load(profile_text(name), "device", name).data
    for source in data["sources"]:
        assert name in SOURCES[source]
    if data["confidence"] != "one source":
        assert len(data["sources"]) >= 2


def test_no_source_is_named_for_nothing() -> None:
    """What SOURCES.md says of a profile, the profile says too."""
    for source, users in SOURCES.items():
        for name in users:
            assert source in load(profile_text(name), "device", name).data["sources"]


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_is_a_table_of_lines(name: str) -> None:
    """One register is one line, its keys in one order, so that two profiles can be compared by eye."""
    data = load(profile_text(name), "device", name).data
    lists = [sheet.get(part, ()) for sheet in (data, *data.get("models", ())) for part in LISTS]
    lines = [line for line in profile_text(name).splitlines() if re.match(r" +- \{metric: \w+, +table:", line)]
    assert len(lines) == sum(map(len, lists))
    pattern = r" +- \{metric: \w+, +table: (coil|discrete|holding|input), +address: (0x[0-9A-F]{4}|\d+), +type: \w+"
    assert all(re.match(pattern, line) for line in lines)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_can_be_used(name: str) -> None:
    """Each board satisfies its schema, is named like its file, and wires each pin once."""
    data = load(board_text(name), "board", name).data
    assert data["board"] == name
    pins = [line["pin"] for line in [*data["slots"].values(), *([data["lights"]] if "lights" in data else [])]]
    assert len(set(pins)) == len(pins)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_leaves_the_buses_alone(name: str) -> None:
    """No input stands on a pin that I2C (2, 3), the console (14, 15) or SPI (7 to 11) uses."""
    data = load(board_text(name), "board", name).data
    pins = {line["pin"] for line in [*data["slots"].values(), *([data["lights"]] if "lights" in data else [])]}
    assert pins.isdisjoint({2, 3, 7, 8, 9, 10, 11, 14, 15})


def test_a_name_that_is_none_is_answered_with_those_there_are() -> None:
    """A misspelt profile or board is no riddle."""
    with pytest.raises(ConfigError, match=r"there is no device profile 'epver'; .*epever-tracer, .*srne-rover"):
        profile_text("epver")
    with pytest.raises(ConfigError, match="there is no board 'kiosk'; there are kiosk-8"):
        board_text("kiosk")


BOARD = "board: b\ntitle: t\nslots: {1: {pin: 5, active: low}}\n"


def complaint(text: str, schema: str = "board") -> str:
    """Load a bad text and give the sentence that comes of it."""
    with pytest.raises(ConfigError) as caught:
        load(text, schema, "b.yaml")
    return str(caught.value)


BAD_YAML = "b.yaml line 1: not valid YAML: "
AN_ALIAS = "repeats another value by *alias; write it out"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "b.yaml line 1: missing board, title, slots"),
        ("- a", "b.yaml line 1: must be a group of keys, not a list"),
        ("board: [1", f"{BAD_YAML}while parsing a flow sequence, expected ',' or ']', but got '<stream end>'"),
        (
            "\tboard: b",
            (
                f"{BAD_YAML}while scanning for the next token, found character '\\t' that cannot start any token"
                "; indent with spaces, not with tabs"
            ),
        ),
        (
            "a: 1\n---\na: 1",
            "b.yaml line 2: not valid YAML: expected a single document in the stream, but found another document",
        ),
        ("[" * 3000, "b.yaml: nested too deeply"),
        (
            "a: !!python/name:os.system",
            f"{BAD_YAML}could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'",
        ),
        (BOARD.replace("title: t", "title: &t t\nlights: *t"), f"b.yaml line 3: lights: {AN_ALIAS}"),
        ("a: &a [*a]", f"b.yaml line 1: a[0]: {AN_ALIAS}"),
        ("? [a]\n: 1", "b.yaml line 1: a key must be a plain word"),
        (
            BOARD.replace("title: t", "title: 2026-13-01"),
            "b.yaml line 2: title: 2026-13-01 cannot be read: month must be in 1..12",
        ),
        (
            BOARD.replace("title: t", "title: !!bool t"),
            "b.yaml line 2: title: t cannot be read: 't'",
        ),
        (BOARD + "!!int x: 1", "b.yaml line 4: x cannot be read: invalid literal for int() with base 10: 'x'"),
        (BOARD.replace("title: t", 'title: "\\ud800"'), "b.yaml line 2: title: holds an escape that is no character"),
        (BOARD.replace("title: t", 'title: "\\0"'), "b.yaml line 2: title: holds an escape that is no character"),
        (BOARD + '"\\udfff": 1', "b.yaml line 4: holds an escape that is no character"),
        (BOARD + 'a: "\\U00110000"', "b.yaml: not valid YAML: chr() arg not in range(0x110000)"),
        (
            BOARD.replace("pin: 5", f"pin: 0x{'f' * 5000}"),
            f"b.yaml line 3: slots.1.pin: 0x{'f' * 58} is too large a number",
        ),
        ("a: " + "1:" * 3000 + "1", f"b.yaml line 1: a: {'1:' * 30} is too large a number"),
        (BOARD + "#" * 70_000, "b.yaml: 70052 characters are too many; a file of ours has at most 65536"),
        (BOARD.replace("t\n", "2026-12-01\n"), "b.yaml line 2: title: must be text, not 2026-12-01; put it in quotes"),
        (BOARD + "<<: {a: 1}", "b.yaml line 4: <<: unknown key; board, title, slots, lights are known here"),
        (BOARD.replace("1:", "01:"), None),
        (BOARD.replace("1:", "100:"), "b.yaml line 3: slots.100: a name here is a number from 1 to 99"),
        (BOARD.replace("pin: 5", "pin: -1"), "b.yaml line 3: slots.1.pin: must be at least 0, not -1"),
        (BOARD.replace("low", "[low]"), "b.yaml line 3: slots.1.active: must be one of low, high, not a list"),
        (
            BOARD.replace("low", "{a: 1}"),
            "b.yaml line 3: slots.1.active: must be one of low, high, not a group of keys",
        ),
    ],
)
def test_only_plain_yaml_is_taken(text: str, expected: str | None) -> None:
    """Whatever else YAML can do is refused in a sentence, with its line."""
    if expected is None:
        assert load(text, "board", "b.yaml").data["slots"] == {"1": {"pin": 5, "active": "low"}}
    else:
        assert complaint(text) == expected


def test_a_byte_that_is_no_text_is_refused() -> None:
    """A damaged file is not guessed at."""
    assert complaint(BOARD + "\x00").startswith("b.yaml: not valid YAML: unacceptable character #x0000")


def test_keys_are_taken_as_written() -> None:
    """YAML's second meanings of `on`, `no` and `1.0` do not reach the names of keys."""
    assert "line 4: on: unknown key" in complaint(BOARD + "on: 1")
    assert "line 4: 1.0: unknown key" in complaint(BOARD + "1.0: 1")


def test_the_line_of_everything_is_known() -> None:
    """A fault found later, by whoever reads the document, is still said with its line."""
    document = load(BOARD, "board", "b.yaml")
    with pytest.raises(ConfigError, match=re.escape("b.yaml line 3: slots.1.pin: in use")):
        document.refuse(("slots", "1", "pin"), "in use")
    with pytest.raises(ConfigError, match=re.escape("b.yaml line 3: slots.9.pin: not there")):
        document.refuse(("slots", "9", "pin"), "not there")
    with pytest.raises(ConfigError, match=re.escape("b.yaml line 1: of no use")):
        document.refuse((), "of no use")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("timeout_s: 1.0", "timeout_s: 0", "bus.timeout_s: must be more than 0, not 0"),
        ("[epever-v25, ", "[E_V25, ", "sources[0]: must be small letters, digits or hyphens, not 'E_V25'"),
        ("{0: 0, 1: 1, 2: 2, 3: 3}", "{x: 0}", "registers[11].map.x: a name here is a whole number"),
        ("bits: [2, 3]", "bits: [1, 2, 3]", "registers[11].bits: may have at most 2 entries"),
        ("bits: [2, 3]", "bits: [2]", "registers[11].bits: needs 2 or more entries"),
    ],
)
def test_every_rule_has_its_words(old: str, new: str, expected: str) -> None:
    """No message of the schema library reaches a technician."""
    text = profile_text("epever-tracer")
    assert text.count(old) >= 1
    assert expected in complaint(text.replace(old, new, 1), "device")


def test_a_rule_without_words_of_ours_speaks_for_itself() -> None:
    """A pattern that only the hub's file has is shown as it is."""
    assert "database: 'mysql://x' does not match '^(sqlite|postgresql)'" in complaint("database: mysql://x", "hub")


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_no_text_is_worse_than_refused(text: str) -> None:
    """Whatever a file holds, it loads or it is refused in a sentence."""
    try:
        load(text, "board", "b.yaml")
    except ConfigError as error:
        assert str(error).startswith("b.yaml")  # noqa: PT017  either outcome is right
