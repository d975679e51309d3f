"""A bad mobile link of a test's own: the site in one network namespace, its hub in another, a wire between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.crash.enclosure import Enclosure

HUB = "10.77.0.1"
_SITE = "10.77.0.2"


@dataclass(frozen=True)
class MobileLink:
    """The wire between a site and its hub, as slow as GPRS; it can lose packets, break, and fall silent."""

    site: Enclosure
    hub: Enclosure

    def lose(self, share: float) -> None:
        """Lose this share of the packets, in each direction by itself; 1 is a silence that nobody is told of."""
        for end in (self.site, self.hub):
            end.run("iptables", "-F", "INPUT")
            if share >= 1:
                end.run("iptables", "-A", "INPUT", "-i", "wire", "-j", "DROP")
            elif share:
                chance = ["-m", "statistic", "--mode", "random", "--probability", share]
                end.run("iptables", "-A", "INPUT", "-i", "wire", *chance, "-j", "DROP")

    def up(self, *, up: bool) -> None:
        """Plug the site's end in or out."""
        self.site.run("ip", "link", "set", "wire", "up" if up else "down")

    def sent_bytes(self) -> tuple[int, int]:
        """Count what the site, and what the hub, has put on the wire, headers included."""
        return _sent(self.site), _sent(self.hub)


@contextmanager
def mobile_link(rate: str = "20kbit") -> Iterator[MobileLink]:
    """Make both ends and the wire; all of it goes with the namespaces."""
    with Enclosure(["net"]) as site, Enclosure(["net"], inside=site) as hub:
        site.run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", hub.pid)
        for end, address in ((site, _SITE), (hub, HUB)):
            end.run("ip", "link", "set", "lo", "up")
            end.run("ip", "address", "add", f"{address}/30", "dev", "wire")
            end.run("ip", "link", "set", "wire", "up")
            end.run("tc", "qdisc", "add", "dev", "wire", "root", "tbf", "rate", rate, "burst", 3000, "latency", "3s")
        yield MobileLink(site, hub)


def _sent(end: Enclosure) -> int:
    (line,) = (line for line in end.run("cat", "/proc/net/dev").splitlines() if "wire:" in line)
    return int(line.split(":")[1].split()[8])
