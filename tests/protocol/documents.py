"""The documents beside the code, read for the tests that hold them against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import cbor2
import yaml
from cddl_verifier import Validator  # type: ignore[import-untyped]


def _read(name: str) -> str:
    return resources.files("protocol").joinpath(name).read_text("utf-8")


SPEC = _read("SPEC.md")
ASYNCAPI: dict[str, Any] = yaml.safe_load(_read("asyncapi.yaml"))
_CDDL = Validator(_read("batch.cddl"))


def table(*head: str) -> list[tuple[str, ...]]:
    """Find the table of SPEC.md with these column titles; gives its rows without the code marks."""
    lines = iter(SPEC.splitlines())
    for line in lines:
        if _cells(line) == head:
            next(lines)
            return list(_body(lines))
    raise AssertionError(head)


def block(title: str) -> tuple[str, str]:
    """Find the fenced block of this title in SPEC.md; gives what follows the title, and its digits without remarks."""
    found = re.search(rf"^```{title}(.*)\n((?:.*\n)*?)```$", SPEC, re.MULTILINE)
    assert found is not None
    return found[1].strip(), "".join(re.split(r" {3,}", line)[0] for line in found[2].splitlines()).replace(" ", "")


def faults(rule: str, plain: bytes) -> list[object]:
    """List what keeps bytes from being a message of this rule of batch.cddl."""
    result = _CDDL.validate(plain, root_type=rule)
    return [] if result.valid else [*result.errors, "not valid"]


def conforms(rule: str, message: object) -> bool:
    """Say whether a message is laid out as this rule of batch.cddl says."""
    return not faults(rule, cbor2.dumps(message))


def _body(lines: Iterator[str]) -> Iterator[tuple[str, ...]]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield _cells(line)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("`", "") for cell in line.strip("|").split("|"))
