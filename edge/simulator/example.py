"""The plainest text that a regular expression takes, so that a simulated nameplate is recognised. Pure.

It knows letters, classes, escapes, groups, alternatives and repetitions: what the probes of device profiles are made
of. Of alternatives it takes the first, of classes the first character, of repetitions as few as are allowed.
"""

from __future__ import annotations

import re

_ESCAPES = {"d": "1", "w": "A", "s": " ", "b": "", "A": "", "Z": ""}
_MARKS = "^$"
_ANY = "A"
_REPEATED = re.compile(r"\{(\d+)(,\d*)?\}")


def example(expression: str) -> str:
    """Give a text that the expression matches whole; raises `ValueError` when it cannot think of one."""
    text, rest = _alternatives(expression)
    if rest or re.fullmatch(expression, text) is None:
        raise ValueError(f"no example of {expression!r} comes to mind")
    return text


def _alternatives(rest: str) -> tuple[str, str]:
    """Read alternatives up to the end or a closing bracket; give the first one's text and what is left."""
    first, rest = _sequence(rest)
    while rest.startswith("|"):
        _, rest = _sequence(rest[1:])
    return first, rest


def _sequence(rest: str) -> tuple[str, str]:
    text = ""
    while rest and rest[0] not in "|)":
        atom, rest = _atom(rest)
        least, rest = _least(rest)
        text += atom * least
    return text, rest


def _atom(rest: str) -> tuple[str, str]:
    """Read one letter, class or group."""
    match rest[0]:
        case "\\":
            return _ESCAPES.get(rest[1:2], rest[1:2]), rest[2:]
        case "[":
            return _class(rest)
        case "(":
            inner = re.sub(r"^\((\?(:|P<\w+>))?", "", rest)
            text, rest = _alternatives(inner)
            return text, rest[1:]
        case ".":
            return _ANY, rest[1:]
        case mark if mark in _MARKS:
            return "", rest[1:]
        case letter:
            return letter, rest[1:]


def _class(rest: str) -> tuple[str, str]:
    """Read a class of characters; its own first one, or for an excluding class any printable one that it takes."""
    end = rest.index("]", 2 if rest[1] != "^" else 3)
    whole = re.compile(rest[: end + 1])
    own = [] if rest[1] == "^" else [letter for letter in rest[1:end] if whole.fullmatch(letter)]
    anything = [chr(code) for code in range(0x20, 0x7F) if whole.fullmatch(chr(code))]
    return (own or anything or [""])[0], rest[end + 1 :]


def _least(rest: str) -> tuple[int, str]:
    """Read how often something is repeated at the least."""
    counted = _REPEATED.match(rest)
    if counted is not None:
        least, rest = int(counted[1]), rest[counted.end() :]
    elif rest[:1] in ("*", "?") and rest:
        least, rest = 0, rest[1:]
    else:
        least, rest = 1, rest.removeprefix("+")
    return least, rest.removeprefix("?")
