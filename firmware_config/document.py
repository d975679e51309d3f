"""YAML held against a JSON Schema, with the line of every key, so that a refusal says where to look.

Sole importer of yaml and jsonschema. Loading touches nothing but the text it is given and our own schemas. Of YAML's
many ways only the plain ones are taken: no aliases, no tags, no number that is none, and 1.0 is not 1.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any, NoReturn

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

Path = tuple[str | int, ...]

_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"^({_LABEL}(\.{_LABEL})*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$"
_PATTERNS = {
    "^[a-z0-9-]{1,32}$": "1 to 32 small letters, digits or hyphens",
    "^[a-z0-9-]{1,23}$": "1 to 23 small letters, digits or hyphens",
    "^[a-z0-9-]+$": "small letters, digits or hyphens",
    "^[1-9][0-9]?$": "a number from 1 to 99",
    "^[0-9]+$": "a whole number",
    "^/": "a path from the root",
    _HOST: "a host name or an address",
}
_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a group of keys",
}
_LIMITS = {
    "minimum": "must be at least {}, not {}",
    "maximum": "must be at most {}, not {}",
    "exclusiveMinimum": "must be more than {}, not {}",
    "minLength": "must not be empty",
    "maxLength": "may have at most {} characters",
    "minItems": "needs {} or more entries",
    "maxItems": "may have at most {} entries",
    "minProperties": "needs {} or more entries",
    "maxProperties": "may have at most {} entries",
    "uniqueItems": "names something twice",
}


TEXT_MAX = 64 * 1024
"""Characters of one file: three times the longest that comes with Kayasol. YAML is slow to read."""


_BITS_MAX = 64
"""Of a whole number; thousands of digits cannot even be told of in a message."""


class ConfigError(Exception):
    """A setting that cannot be used; the message names file, line and key and says what would be valid."""


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration file that satisfies its schema; `data` is plain dictionaries and lists."""

    origin: str
    data: dict[str, Any]
    lines: dict[Path, int]

    def refuse(self, path: Sequence[str | int], complaint: str) -> NoReturn:
        """Raise `ConfigError` for the value at `path`, with its line."""
        raise ConfigError(_sentence(self.origin, self.lines, tuple(path), complaint))


def load(text: str, schema: str, origin: str) -> Document:
    """Read YAML and check it against the schema of that name; raises `ConfigError` listing every fault found."""
    if len(text) > TEXT_MAX:
        raise ConfigError(f"{origin}: {len(text)} characters are too many; a file of ours has at most {TEXT_MAX}")
    try:
        builder = _Builder(yaml.SafeLoader(text), origin)
        data = builder.document()
    except yaml.YAMLError as error:
        raise ConfigError(_not_yaml(origin, error)) from error
    except RecursionError as error:
        raise ConfigError(f"{origin}: nested too deeply") from error
    except (ValueError, OverflowError) as error:  # the library lets an escape like "\U00110000" through to Python
        raise ConfigError(f"{origin}: not valid YAML: {error}") from error
    faults = [fault for top in _validator(schema).iter_errors(data) for fault in _told(top)]
    if faults:
        told = dict.fromkeys(complaint for fault in faults for complaint in _explain(fault))
        from_the_top = sorted(told, key=lambda complaint: _line(builder.lines, complaint[0]))
        raise ConfigError("\n".join(_sentence(origin, builder.lines, *complaint) for complaint in from_the_top))
    return Document(origin, data, builder.lines)


@cache
def _validator(schema: str) -> Draft202012Validator:
    text = resources.files("firmware_config").joinpath("schemas", f"{schema}.schema.json").read_text("utf-8")
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    # jsonschema leaves `extend` without types.
    strict: type[Draft202012Validator] = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]
    return strict(json.loads(text))


class _Builder:
    """Turns the nodes of one YAML document into plain data and notes the line of everything in it."""

    def __init__(self, loader: yaml.SafeLoader, origin: str) -> None:
        self.lines: dict[Path, int] = {}
        self._loader = loader
        self._origin = origin
        self._seen: set[int] = set()

    def document(self) -> Any:  # noqa: ANN401
        """Build the whole; an empty text is an empty mapping, which lacks what it lacks."""
        node = self._loader.get_single_node()
        return {} if node is None else self._build(node, ())

    def _build(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401
        line = self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            raise ConfigError(self._say(line, path, "repeats another value by *alias; write it out"))
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        value = self._scalar(node, line, path)
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(self._say(line, path, f"{node.value} is no number to work with"))
        return value

    def _scalar(self, node: yaml.Node, line: int, path: Path) -> Any:  # noqa: ANN401
        """Read one plain value; a tag like !!bool may claim of a text what it is not, and fails in any way."""
        self._require_characters(node, line, path)
        try:
            value = self._loader.construct_object(node)
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            raise ConfigError(self._say(line, path, f"{node.value:.60} cannot be read: {error}")) from error
        if isinstance(value, int) and value.bit_length() > _BITS_MAX:
            raise ConfigError(self._say(line, path, f"{node.value:.60} is too large a number"))
        return value

    def _require_characters(self, node: yaml.Node, line: int, path: Path) -> None:
        """Refuse half a surrogate pair, and zero, which an escape can write and nothing can store or open."""
        if "\0" in node.value or any("\ud800" <= sign <= "\udfff" for sign in node.value):
            raise ConfigError(self._say(line, path, "holds an escape that is no character"))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(self._say(line, path, "a key must be a plain word"))
            # Keys are taken as written (`on` is no truth value here), numbers by value (0x10 is 16).
            numeric = key_node.tag == "tag:yaml.org,2002:int"
            self._require_characters(key_node, line, path)
            key = str(self._scalar(key_node, line, path)) if numeric else str(key_node.value)
            if key in data:
                raise ConfigError(self._say(line, (*path, key), "stands twice"))
            self.lines[*path, key] = line
            data[key] = self._build(value_node, (*path, key))
        return data

    def _say(self, line: int, path: Path, complaint: str) -> str:
        return _sentence(self._origin, {(): line}, path, complaint)


def _told(fault: ValidationError) -> Iterator[ValidationError]:
    """Pass a fault on; where one of several shapes is clearly meant, pass on what is wrong with that one."""
    branches: dict[object, list[ValidationError]] = {}
    for inner in fault.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    meant = [faults for faults in branches.values() if all(inner.validator != "required" for inner in faults)]
    if fault.validator == "oneOf" and len(meant) == 1:
        yield from meant[0]
    else:
        yield fault


def _explain(fault: ValidationError) -> Iterator[tuple[Path, str]]:
    """Say where a fault is and what would be right."""
    path: Path = tuple(fault.absolute_path)
    schema: Any = fault.schema
    rule: Any = fault.validator_value
    instance: Any = fault.instance
    match fault.validator:
        case "additionalProperties":
            known, patterns = list(schema.get("properties", {})), list(schema.get("patternProperties", {}))
            for key in instance:
                if key not in known and not any(re.search(pattern, key) for pattern in patterns):
                    yield (*path, key), _unknown(key, known, patterns)
        case "required":
            yield path, f"missing {_listed(key for key in rule if key not in instance)}"
        case "oneOf" if "description" in schema:
            yield path, f"must be {schema['description']}"
        case _:
            yield path, _complaint(str(fault.validator), rule, instance) or fault.message


def _complaint(validator: str, rule: Any, instance: Any) -> str | None:  # noqa: ANN401
    if validator == "type":
        quotes = "; put it in quotes" if rule == "string" and not isinstance(instance, dict | list | None) else ""
        return f"must be {_KINDS.get(rule, rule)}, not {_shown(instance)}{quotes}"
    if validator == "enum":
        return f"must be one of {_listed(rule)}, not {_shown(instance)}"
    if validator == "pattern" and rule in _PATTERNS:
        return f"must be {_PATTERNS[rule]}, not {_shown(instance)}"
    return _LIMITS[validator].format(rule, _shown(instance)) if validator in _LIMITS else None


def _unknown(key: str, known: list[str], patterns: list[str]) -> str:
    if not known:
        return f"a name here is {_listed(_PATTERNS.get(pattern, pattern) for pattern in patterns)}"
    close = get_close_matches(key, known, 1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"unknown key; {guess}{_listed(known)} are known here"


def _shown(instance: Any) -> str:  # noqa: ANN401
    match instance:
        case None:
            return "nothing"
        case dict():
            return _KINDS["object"]
        case list():
            return _KINDS["array"]
        case bool():
            return str(instance).lower()
        case str():
            return f"{instance!r:.60}"
        case _:
            return str(instance)


def _line(lines: dict[Path, int], path: Path) -> int:
    """Find the line of a path, or of the nearest thing around it that stands in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _sentence(origin: str, lines: dict[Path, int], path: Path, complaint: str) -> str:
    where = f"{origin} line {_line(lines, path)}"
    return f"{where}: {_dotted(path)}: {complaint}" if path else f"{where}: {complaint}"


def _dotted(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _listed(items: Iterable[object]) -> str:
    return ", ".join(str(item) for item in items)


def _not_yaml(origin: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{origin} line {mark.line + 1}" if mark is not None else origin
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    problem = " ".join(", ".join(part for part in parts if part).split()) or " ".join(str(error).split())
    hint = "; indent with spaces, not with tabs" if "\\t" in problem else ""
    return f"{where}: not valid YAML: {problem}{hint}"
