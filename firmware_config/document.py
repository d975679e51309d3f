"""YAML held against a JSON Schema, with the line of every key, so that a refusal says where to look.

Sole importer of yaml and jsonschema. Loading touches nothing but the text it is given and our own schemas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NoReturn

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

Path = tuple[str | int, ...]


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
    lines: dict[Path, int] = {}
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = _build(loader, node, (), lines, origin) if node is not None else {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{origin}: not valid YAML: {_one_line(error)}") from error
    faults = sorted(_validator(schema).iter_errors(data), key=lambda fault: list(map(str, fault.absolute_path)))
    if faults:
        raise ConfigError("\n".join(_explain(origin, lines, fault) for fault in faults))
    return Document(origin, data, lines)


@cache
def _validator(schema: str) -> Draft202012Validator:
    text = resources.files("firmware_config").joinpath("schemas", f"{schema}.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _build(loader: yaml.SafeLoader, node: yaml.Node, path: Path, lines: dict[Path, int], origin: str) -> Any:  # noqa: ANN401
    """Turn a node into plain data and note the line of everything below it; a doubled key is refused."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*path, i), lines, origin) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node))
        if key in data:
            line = key_node.start_mark.line + 1
            raise ConfigError(f"{origin} line {line}: key {_dotted((*path, key))} stands twice")
        data[key] = _build(loader, value_node, (*path, key), lines, origin)
        lines[(*path, key)] = key_node.start_mark.line + 1
    return data


def _explain(origin: str, lines: dict[Path, int], fault: ValidationError) -> str:
    path: Path = tuple(fault.absolute_path)
    schema: Any = fault.schema
    rule: Any = fault.validator_value
    instance: Any = fault.instance
    match fault.validator:
        case "additionalProperties" if isinstance(instance, dict):
            known = list(schema.get("properties", {}))
            patterns = list(schema.get("patternProperties", {}))
            unknown = next(key for key in instance if key not in known and not _matches(key, patterns))
            complaint = f"unknown key; known here: {_listed(known or patterns)}"
            return _sentence(origin, lines, (*path, unknown), complaint)
        case "required":
            missing = [key for key in rule if key not in instance]
            return _sentence(origin, lines, path, f"missing key {_listed(missing)}")
        case "enum":
            return _sentence(origin, lines, path, f"{instance!r} is not one of {_listed(rule)}")
        case "oneOf" if "description" in schema:
            return _sentence(origin, lines, path, f"must be {schema['description']}")
        case _:
            return _sentence(origin, lines, path, fault.message)


def _matches(key: str, patterns: list[str]) -> bool:
    return any(re.search(pattern, key) for pattern in patterns)


def _sentence(origin: str, lines: dict[Path, int], path: Path, complaint: str) -> str:
    known = path
    while known and known not in lines:
        known = known[:-1]
    where = f"{origin} line {lines.get(known, 1)}"
    return f"{where}: {_dotted(path)}: {complaint}" if path else f"{where}: {complaint}"


def _dotted(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _listed(items: Iterable[object]) -> str:
    return ", ".join(str(item) for item in items)


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark is not None else ""
    return where + str(getattr(error, "problem", None) or error).replace("\n", " ")
