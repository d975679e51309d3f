"""The events of a site: what happened once, as against what is sampled again and again.

An event is one outbox row, identified like any row by (site, epoch, seq) and stamped with boot number and seconds
since that boot. On the wire its fields stand in the order declared here; fields may be added at the end only, and a
reader fills those it does not get with their defaults and ignores those it does not know.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from enum import IntEnum
from typing import ClassVar, get_args

from protocol import wire
from protocol.errors import Refusal, WireError
from protocol.limits import TEXT_MAX, VALUE_MAX


class Lane(IntEnum):
    """What is shed last stands first: under a byte budget or on a full disk, money outlives everything."""

    MONEY = 0
    ALARM = 1
    NOTE = 2
    SUMMARY = 3
    """The first sample of a table in each hour: with its counters it tells the totals."""

    TELEMETRY = 4


class EndReason(IntEnum):
    """Why a charging session ended."""

    UNPLUGGED = 0
    POWER_LOSS = 1
    AGENT_STOPPED = 2


class AnchorSource(IntEnum):
    """Where the time of an anchor comes from, the most trusted first."""

    NTP = 0
    HUB = 1
    RTC = 2
    CONTROLLER = 3


class GapCause(IntEnum):
    """Why rows will never arrive, or why nothing was sampled."""

    SHED_BUDGET = 0
    DISK_FULL = 1
    REFUSED_BY_HUB = 2
    OUTBOX_DAMAGED = 3
    LOST = 4
    UNUSED = 5
    """Passed over at a start, so that a card that forgot rows cannot give their numbers again."""

    LET_GO = 6
    """Acknowledged once and no longer kept, when the hub turned out to have lost it."""


class CommandCode(IntEnum):
    """What became of a command."""

    DONE = 0
    REFUSED = 1
    STOPPED = 2


@dataclass(frozen=True, slots=True)
class SlotTaken:
    """A phone was plugged in; `found` when it was already there as the agent started."""

    kind: ClassVar[int] = 1
    lane: ClassVar[Lane] = Lane.MONEY
    slot: int
    found: bool = False


@dataclass(frozen=True, slots=True)
class ChargingSession:
    """A charging session that has ended: complete in itself, whatever became of the `SlotTaken` that opened it.

    `taken_seq` is the seq of that opening row and names the session for good. Start and end each carry the boot they
    were seen in, because a power cut may lie between them.
    """

    kind: ClassVar[int] = 2
    lane: ClassVar[Lane] = Lane.MONEY
    slot: int
    taken_seq: int
    start_boot: int
    start_uptime_s: int
    end_boot: int
    end_uptime_s: int
    reason: EndReason
    found: bool = False


@dataclass(frozen=True, slots=True)
class ClockAnchor:
    """At this row's uptime, the time was `utc_ms`, give or take `error_ms`."""

    kind: ClassVar[int] = 3
    lane: ClassVar[Lane] = Lane.NOTE
    utc_ms: int
    error_ms: int
    source: AnchorSource


@dataclass(frozen=True, slots=True)
class AgentStarted:
    """The agent began to watch; what it did not see before is unobserved."""

    kind: ClassVar[int] = 4
    lane: ClassVar[Lane] = Lane.NOTE
    software: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows `first_seq`..`last_seq` of this epoch will not come; the hub need not wait for them.

    One of cause `UNUSED` opens a boot and names the boot before it, 0 when it names none. The order of numbers alone
    does not tell: a card that forgot a boot may number the next one below it.
    """

    kind: ClassVar[int] = 5
    lane: ClassVar[Lane] = Lane.ALARM
    first_seq: int
    last_seq: int
    cause: GapCause
    previous_boot: int = 0


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """Something on site needs attention; `code` names it for machines, `detail` says it for people."""

    kind: ClassVar[int] = 6
    lane: ClassVar[Lane] = Lane.ALARM
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """What `AlarmRaised` with this code reported is over."""

    kind: ClassVar[int] = 7
    lane: ClassVar[Lane] = Lane.ALARM
    code: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows `first_seq`..`last_seq` of this epoch, as the site took them, add up to this; see `protocol.tally`.

    The seals are 0 where the site has no device key; see `protocol.seal`.
    """

    kind: ClassVar[int] = 8
    lane: ClassVar[Lane] = Lane.NOTE
    first_seq: int
    last_seq: int
    samples: int
    taken: int
    ended: int
    charged_s: int
    others: int
    check: int
    events_seal_high: int = 0
    events_seal_low: int = 0
    samples_seal_high: int = 0
    samples_seal_low: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one day cost on the link, all overhead estimated in, by what the bytes carried, against the budget.

    `day` counts UTC days since 1970 and is 0 when no trusted clock told it; `left_bytes` is what may still be spent
    after it, 0 when the site has no budget; `shed_rows` were given up because the budget could not carry them.
    """

    kind: ClassVar[int] = 9
    lane: ClassVar[Lane] = Lane.NOTE
    day: int
    budget_bytes: int
    left_bytes: int
    money_bytes: int
    alarm_bytes: int
    note_bytes: int
    summary_bytes: int
    detail_bytes: int
    schema_bytes: int
    live_bytes: int
    control_bytes: int
    shed_rows: int


@dataclass(frozen=True, slots=True)
class CommandDone:
    """What became of the command `command_id`; `detail` says it for people."""

    kind: ClassVar[int] = 10
    lane: ClassVar[Lane] = Lane.NOTE
    command_id: int
    code: CommandCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event of a kind, or with a word, that a later version defined: kept, counted, not interpreted."""

    kind: int
    values: tuple[object, ...]


Event = (
    SlotTaken
    | ChargingSession
    | ClockAnchor
    | AgentStarted
    | Gap
    | AlarmRaised
    | AlarmCleared
    | Tally
    | Traffic
    | CommandDone
)
_KINDS: dict[int, type[Event]] = {cls.kind: cls for cls in get_args(Event)}
_ALWAYS_SENT: dict[type[Event], int] = {Tally: 8}
"""How many fields are sent in any case, where those after them are left out at the end while they are 0."""

_ENUMS: dict[str, type[IntEnum]] = {
    f"{cls.__name__}.{name}": enum
    for cls, name, enum in (
        (ChargingSession, "reason", EndReason),
        (ClockAnchor, "source", AnchorSource),
        (Gap, "cause", GapCause),
        (CommandDone, "code", CommandCode),
    )
}


def to_wire(event: Event | UnknownEvent) -> list[object]:
    """Lay out an event as kind and field values, in the declared order; a text beyond the limit is cut."""
    if isinstance(event, UnknownEvent):
        return [event.kind, *map(_bare, event.values)]
    values = list(map(_bare, astuple(event)))
    least = _ALWAYS_SENT.get(type(event), len(values))
    while len(values) > least and values[-1] == 0:
        values.pop()
    return [event.kind, *values]


def from_wire(kind: int, values: list[object]) -> Event | UnknownEvent:
    """Rebuild an event; raises `WireError` when a field is missing, out of range or of another type."""
    cls = _KINDS.get(kind)
    if cls is None:
        return UnknownEvent(kind, tuple(_plain(kind, value) for value in values))
    named: dict[str, object] = {}
    for field, value in zip(fields(cls), values, strict=False):
        enum = _ENUMS.get(f"{cls.__name__}.{field.name}")
        if enum is not None and wire.is_integer(value, 0, VALUE_MAX) and value not in list(enum):
            return UnknownEvent(kind, tuple(_plain(kind, item) for item in values))  # a word of a later version
        named[field.name] = _typed(cls.__name__, field.name, str(field.type), value)
    try:
        return cls(**named)  # type: ignore[arg-type]  # checked by _typed against the declared type
    except TypeError as error:
        raise WireError(Refusal.MALFORMED, f"{cls.__name__} has {len(values)} fields: {error}") from error


def _bare(value: object) -> object:
    if isinstance(value, str):
        return value[:TEXT_MAX].encode("utf-8", "replace").decode()  # half a surrogate pair has no bytes on the wire
    return int(value) if isinstance(value, int) else value


def _typed(event: str, name: str, declared: str, value: object) -> object:
    if declared == "str" and isinstance(value, str) and len(value) <= TEXT_MAX:
        return value
    if declared == "bool" and wire.is_integer(value, 0, 1):
        return bool(value)
    if declared not in ("str", "bool") and wire.is_integer(value, 0, VALUE_MAX):
        enum = _ENUMS.get(f"{event}.{name}")
        return value if enum is None else enum(value)
    raise WireError(Refusal.MALFORMED, f"{event}.{name} is not a valid {declared}: {value!r:.40}")


def _plain(kind: int, value: object) -> object:
    if isinstance(value, str) and len(value) <= TEXT_MAX:
        return value
    if wire.is_integer(value, -VALUE_MAX, VALUE_MAX):
        return value
    raise WireError(Refusal.MALFORMED, f"event of unknown kind {kind} holds {value!r:.40}")
