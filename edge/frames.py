"""Modbus frames as pure functions: checksum, RTU and TCP framing, requests, and the one reply among whatever is heard.

Nothing here guesses: bytes are a frame when length and checksum say so, and a reply is ours when unit, function and
byte count fit the request. What fits twice with different content fits not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from struct import pack, unpack_from

READ_BITS, READ_WORDS, WRITE_ONE, WRITE_MANY = (1, 2), (3, 4), (5, 6), (15, 16)
READS = READ_BITS + READ_WORDS
EXCEPTION = 0x80
"""The bit that makes a function code an exception."""

_RTU_LEAST = 4
_SHORT_PDU = 5
_MBAP_HEAD = 7


class Framing(StrEnum):
    """How a PDU travels."""

    RTU = "rtu"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a unit; `data` is what a write carries, or all of a function that is not known here."""

    unit: int
    function: int
    address: int = 0
    count: int = 0
    data: bytes = b""
    transaction: int = 0

    @property
    def pdu(self) -> bytes:
        """Give function and data, without unit and checksum."""
        if self.function in READS:
            return pack(">BHH", self.function, self.address, self.count)
        if self.function in WRITE_ONE:
            return pack(">BH", self.function, self.address) + self.data
        if self.function in WRITE_MANY:
            return pack(">BHHB", self.function, self.address, self.count, len(self.data)) + self.data
        return bytes((self.function,)) + self.data

    @property
    def reply_bytes(self) -> int:
        """Say how many bytes of data the reply to a read carries."""
        return -(-self.count // 8) if self.function in READ_BITS else 2 * self.count

    def encode(self, framing: Framing = Framing.RTU) -> bytes:
        """Give the whole frame."""
        if framing is Framing.RTU:
            return rtu_wrap(self.unit, self.pdu)
        return mbap_wrap(self.transaction, self.unit, self.pdu)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a unit answered: an exception code, or values (words; bits as 0 and 1; bytes of an unknown function)."""

    unit: int
    function: int
    values: tuple[int, ...] = ()
    exception: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard after a request: its reply, or in a sentence why there is none."""

    reply: Reply | None = None
    complaint: str = ""


def find_reply(received: bytes, request: Request, *, any_unit: bool = False) -> Heard:
    """Find the one reply to a read among echoes, noise and frames of others; an exact copy of the request is none."""
    echo = request.encode()
    replies: set[Reply] = set()
    echoed, noise, misfit, doubt = False, len(received), "", ""
    for frame in _frames(received, request, any_unit=any_unit):
        noise -= len(frame)
        if frame == echo:
            echoed = True
            continue
        try:
            replies.add(parse_reply(frame, Framing.RTU, request, any_unit=any_unit))
        except ValueError as error:
            misfit = f"{error}: a late reply to another request, or a second master on the line"
            if _asks_alike(frame, request, any_unit=any_unit):
                doubt = "another master asks the same, and the answer may be to its request"
    if len(replies) > 1:
        doubt = "two different answers came: two masters, or two devices with the same unit number"
    if replies and not doubt:
        return Heard(replies.pop())
    senseless = f"{noise} bytes that make no sense: wrong baud rate, two masters, or a missing terminator?"
    only_echo = "only our own request came back: the adapter echoes and the device is silent"
    silence = "silence: is the device on, A and B not swapped, the baud rate right?"
    return Heard(complaint=doubt or misfit or (senseless if noise else only_echo if echoed else silence))


def parse_request(data: bytes, framing: Framing) -> Request:
    """Read a captured request frame; raises `ValueError` with the reason when it is none."""
    transaction, unit, pdu = _unwrap(data, framing, rtu_request_size)
    function = pdu[0]
    if function not in READS + WRITE_ONE + WRITE_MANY:
        return Request(unit, function, data=pdu[1:], transaction=transaction)
    many = function in WRITE_MANY
    if len(pdu) < _SHORT_PDU + many:
        raise ValueError(f"cut off: a request of function {function} has more than {len(pdu)} bytes")
    address, count = unpack_from(">HH", pdu, 1)
    carried = b""
    if function in WRITE_ONE:
        count, carried = 1, pdu[3:5]
    if many:
        carried = pdu[6:]
        wanted = 2 * count if function == WRITE_MANY[1] else -(-count // 8)
        if pdu[5] != wanted:
            raise ValueError(f"the byte count says {pdu[5]}, but {count} values take {wanted}")
    request = Request(unit, function, address, count, carried, transaction)
    if request.pdu != pdu:
        raise ValueError(f"a request of function {function} has {len(request.pdu)} bytes, here are {len(pdu)}")
    return request


def parse_reply(data: bytes, framing: Framing, request: Request, *, any_unit: bool = False) -> Reply:
    """Read the reply frame to a request; raises `ValueError` with the reason when it is none."""
    transaction, unit, pdu = _unwrap(data, framing, rtu_reply_size)
    if unit != request.unit and not any_unit:
        raise ValueError(f"unit {unit} answers, but unit {request.unit} was asked")
    if transaction != request.transaction and framing is Framing.TCP:
        raise ValueError(f"the answer is to transaction {transaction}, not {request.transaction}")
    return read_reply(unit, pdu, request)


def read_reply(unit: int, pdu: bytes, request: Request) -> Reply:
    """Hold a reply's PDU against its request; raises `ValueError` with the reason when it does not fit."""
    function = pdu[0] & ~EXCEPTION
    if function != request.function:
        raise ValueError(f"function {function} answers, but function {request.function} was asked")
    if pdu[0] & EXCEPTION:
        if len(pdu) != 2:  # noqa: PLR2004 - function and code
            raise ValueError(f"an exception has one code, here are {len(pdu) - 1} bytes")
        return Reply(unit, function, exception=pdu[1])
    if function in READS:
        return Reply(unit, function, _values(pdu, request))
    if function in WRITE_ONE + WRITE_MANY:
        if pdu != request.pdu[:_SHORT_PDU]:
            raise ValueError("the answer confirms another write than was asked")
        return Reply(unit, function)
    return Reply(unit, function, tuple(pdu[1:]))


def crc16(data: bytes) -> int:
    """Give the checksum of Modbus RTU (polynomial 0xA001 reflected, start 0xFFFF); it travels low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def rtu_wrap(unit: int, pdu: bytes) -> bytes:
    """Frame a PDU for the serial line: unit, PDU, checksum."""
    frame = bytes((unit,)) + pdu
    return frame + pack("<H", crc16(frame))


def rtu_unwrap(frame: bytes) -> tuple[int, bytes]:
    """Take a whole serial frame apart into unit and PDU; raises `ValueError` when it is cut off or damaged."""
    if len(frame) < _RTU_LEAST:
        raise ValueError(f"cut off: a frame has at least {_RTU_LEAST} bytes, here are {len(frame)}")
    if crc16(frame) != 0:
        right = pack("<H", crc16(frame[:-2])).hex()
        raise ValueError(f"the checksum is wrong: {frame[-2:].hex()}, but these bytes give {right}")
    return frame[0], frame[1:-2]


def rtu_request_size(frame: bytes) -> int | None:
    """Say how many bytes the request that begins here takes; None as long as, or because, that cannot be told."""
    if len(frame) > 1 and frame[1] in READS + WRITE_ONE:
        return 8
    if len(frame) > 6 and frame[1] in WRITE_MANY:  # noqa: PLR2004 - where the byte count stands
        return 9 + frame[6]
    return None


def rtu_reply_size(frame: bytes) -> int | None:
    """Say how many bytes the reply that begins here takes; None as long as, or because, that cannot be told."""
    if len(frame) < 3:  # noqa: PLR2004 - unit, function, byte count
        return None
    if frame[1] & EXCEPTION:
        return 5
    if frame[1] in READS:
        return 5 + frame[2]
    return 8 if frame[1] in WRITE_ONE + WRITE_MANY else None


def mbap_wrap(transaction: int, unit: int, pdu: bytes) -> bytes:
    """Frame a PDU for Modbus TCP."""
    return pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def mbap_unwrap(buffer: bytes) -> tuple[int, int, bytes, int] | None:
    """Take the first TCP frame apart into transaction, unit, PDU and its size in bytes; None while incomplete.

    Raises `ValueError` when the bytes are not Modbus TCP.
    """
    if len(buffer) < _MBAP_HEAD:
        return None
    transaction, protocol, length, unit = unpack_from(">HHHB", buffer)
    if protocol != 0 or not 2 <= length <= 254:  # noqa: PLR2004 - unit and function at least, 253-byte PDU at most
        raise ValueError(f"not Modbus TCP: protocol {protocol}, length {length}")
    size = 6 + length
    if len(buffer) < size:
        return None
    return transaction, unit, bytes(buffer[_MBAP_HEAD:size]), size


def _frames(received: bytes, request: Request, *, any_unit: bool) -> Iterator[bytes]:
    """Find the frames with right checksums, whoever's they are; nothing is looked for inside another's frame."""
    echo = request.encode()
    at = 0
    while at < len(received):
        rest = received[at:]
        if rest.startswith(echo):
            size = len(echo)
        else:
            head = (request.function, request.reply_bytes)
            ours = tuple(rest[1:3]) == head and (any_unit or rest[0] == request.unit)
            if ours and len(rest) < _RTU_LEAST + 1 + request.reply_bytes:
                return  # ours has begun: wait for its end rather than look for something in the middle of it
            size = _size(rest)
        if size:
            yield rest[:size]
        at += size or 1


def _size(rest: bytes) -> int:
    """Count the bytes of the sound reply or request that begins here; 0 when none does."""
    for size in (rtu_reply_size(rest), rtu_request_size(rest)):
        if size is not None and size <= len(rest) and crc16(rest[:size]) == 0:
            return size
    return 0


def _asks_alike(frame: bytes, request: Request, *, any_unit: bool) -> bool:
    """Tell whether this is somebody's request whose reply would look like ours."""
    shape = bytes((request.function,)) + pack(">H", request.count)
    return (
        len(frame) == len(request.encode())
        and frame[1:2] + frame[4:6] == shape
        and (any_unit or frame[0] == request.unit)
    )


def _unwrap(data: bytes, framing: Framing, sized: Callable[[bytes], int | None]) -> tuple[int, int, bytes]:
    """Take one whole frame apart into transaction, unit and PDU."""
    if framing is Framing.TCP:
        frame = mbap_unwrap(data)
        if frame is None:
            raise ValueError(f"cut off: {len(data)} bytes are no whole Modbus TCP frame")
        if frame[3] != len(data):
            raise ValueError(f"the head says {frame[3]} bytes, here are {len(data)}")
        return frame[:3]
    size = sized(data)
    if size is not None and size > len(data):
        raise ValueError(f"cut off: {len(data)} of {size} bytes")
    return 0, *rtu_unwrap(data)


def _values(pdu: bytes, request: Request) -> tuple[int, ...]:
    """Unpack what a read brought."""
    if len(pdu) < 2 or pdu[1] != len(pdu) - 2:  # noqa: PLR2004 - function and byte count
        raise ValueError(f"the byte count does not fit the {len(pdu)} bytes of the answer")
    if pdu[1] != request.reply_bytes:
        raise ValueError(f"{pdu[1]} bytes answer, but {request.count} values take {request.reply_bytes}")
    if request.function in READ_BITS:
        return tuple(pdu[2 + i // 8] >> i % 8 & 1 for i in range(request.count))
    return tuple(unpack_from(f">{request.count}H", pdu, 2))


def _crc_entry(byte: int) -> int:
    """Checksum step of one byte."""
    for _ in range(8):
        byte = (byte >> 1) ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC_TABLE = tuple(_crc_entry(byte) for byte in range(256))
