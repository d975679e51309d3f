"""What a technician can do when a scan finds nothing, most likely first; each cause has its own words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.recognition import Sign
from edge.scan import Searched

_FREE_THE_PORT = (
    "It is most likely the agent. Stop it, scan, and start it again:",
    "  systemctl stop kayasol-edge",
    "  kayasol-edge scan",
    "  systemctl start kayasol-edge",
)
_NO_PORTS = (
    "This machine shows no serial port. Nothing was asked.",
    "1. Plug in the USB adapter, then look whether a name appears: ls -l /dev/serial/by-path/",
    "2. If none appears, look at the last lines of dmesg: a cable of EPEVER's own (XR21B1411) needs a driver of its",
    "   own, and an adapter that draws too much current is cut off. Try another adapter, with an FTDI or CH340 chip.",
    "3. For a converter on the pins of a Raspberry Pi: raspi-config, Interface Options, Serial Port; no login shell,",
    "   but the hardware on. Then restart.",
    "4. For a device or gateway on the network: kayasol-edge scan --host ADDRESS",
)
_SILENT = (
    "Is the device on? A controller needs its battery to answer, and some sleep when the panels are dark.",
    "Swap A and B (D+ and D-). Makers do not agree on the letters, and swapping does no harm.",
    "EPEVER's RJ45 socket: pins 3 and 4 are B, 5 and 6 are A, 7 and 8 are ground. Leave pins 1 and 2 unconnected:",
    "Is it the right adapter? Pull it and see which name goes away: ls -l /dev/serial/by-path/",
    "Is the socket RS-485? RS-232 (most RJ12 sockets of SRNE and Renogy) needs an RS-232 adapter. Victron's VE.Direct",
    "Unplug any Bluetooth or Wi-Fi module from the device: it asks on the same line, or takes the socket for itself.",
    "Is Modbus switched on in the device's menu? Inverters and batteries often want protocol, speed and number set.",
    "Is the number of the device above 16, or the speed unusual? Try everything, which takes long:",
)
_MORE = {
    2: "they carry 5 to 7.5 V and may destroy an adapter.",
    4: "and anything on CAN are not Modbus and cannot be read here.",
    7: "  kayasol-edge scan --thorough",
}
"""What does not fit on the line of a step."""

_NOISE = (
    "Bytes came back, but they make no sense. In this order:",
    "1. Another speed: kayasol-edge scan --thorough tries them all.",
    "2. Two masters: is a logger stick, a display, a Bluetooth module or another computer on the same line? Unplug it.",
    "3. Two devices with the same unit number answer at once: leave one connected, and scan again.",
    "4. A and B swapped, or ground not connected: the line then floats and is read as noise.",
    "5. A cable longer than some ten metres wants a resistor of 120 ohm at each end.",
)
_CLASH = (
    "Two different answers came to one question: two devices have the same unit number, or two computers ask.",
    "1. Leave one device connected, scan, and give the other another number on its own display.",
    "2. Unplug logger sticks, displays and Bluetooth modules that ask on the same line.",
)
_ECHO = (
    "Only our own questions came back: the adapter works and hears itself, but no device answers.",
    "That tells that the adapter is the right one; go on with the steps for a silent line.",
)
_HUNG_UP = (
    "The host takes the call and hangs up. Many gateways serve one client at a time:",
    "1. Is the agent, a phone application or another monitor connected to it? Stop that one.",
    "2. Is the gateway set to Modbus TCP, and not to transparent or RTU over TCP?",
)
_HOST_SILENT = (
    "Is the device behind the gateway on, and the gateway set to the device's speed?",
    "Is the gateway set to translate Modbus TCP to RTU, and not to pass bytes through?",
    "Is Modbus TCP switched on in the device's menu? It often is off when it comes from the factory.",
    "Has the device another unit number? kayasol-edge scan --host ADDRESS --units 1-247",
)


def no_ports() -> list[str]:
    """Say what to do where there is nothing to ask."""
    return list(_NO_PORTS)


def advice(results: Sequence[Searched]) -> Iterator[str]:
    """Say for each place why nothing was found there and what to do; the long list comes once, at the end."""
    silent_ports = silent_hosts = False
    for result in results:
        yield from _told(result)
        yield ""
        quiet = result.unusable is None and result.worst in (Sign.SILENCE, Sign.ECHO)
        silent_ports |= quiet and result.serial
        silent_hosts |= quiet and not result.serial
    if silent_ports:
        yield "What to do when a serial line is silent, most likely first:"
        yield from _numbered(_SILENT, _MORE)
    if silent_hosts:
        yield "What to do when a host answers nothing:"
        yield from _numbered(_HOST_SILENT, {})


def _told(result: Searched) -> Iterator[str]:
    """Say what one place did."""
    match result.unusable:
        case Sign.TAKEN:
            yield f"{result.place}: another program holds it, so nothing was asked."
            yield from _FREE_THE_PORT
        case Sign.DENIED:
            yield f"{result.place}: you may not open it. Run the scan with sudo, or join the group that may:"
            yield "  sudo usermod -aG dialout $USER      (then log out and in again)"
        case Sign.ABSENT:
            yield f"{result.trouble}"
            if result.serial:
                yield "See which ports there are: ls -l /dev/serial/by-path/"
        case _:
            yield from _heard(result)


def _heard(result: Searched) -> Iterator[str]:
    match result.worst:
        case Sign.CLASH:
            lines: tuple[str, ...] = _CLASH
        case Sign.NOISE:
            lines = _NOISE
        case Sign.HUNG_UP:
            lines = _HUNG_UP
        case Sign.ECHO:
            lines = _ECHO
        case _:
            lines = (f"nothing answered to {result.signs.total()} questions.",)
    yield f"{result.place}: {lines[0]}"
    yield from lines[1:]


def _numbered(steps: Sequence[str], more: dict[int, str]) -> Iterator[str]:
    for i, step in enumerate(steps):
        yield f"{i + 1}. {step}"
        if i in more:
            yield f"   {more[i]}"
