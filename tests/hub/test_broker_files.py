"""What the hub tells its broker, line by line. Pure; that real brokers do as told is in tests/security."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hub.broker import mosquitto, nats
from hub.broker.credentials import Credential, Hashes
from hub.broker.door import CHECK, Door, Login, login_of
from protocol.topics import FROM_SITE, TO_SITE, Address, Channel, hub_filters

DAY = date(2026, 11, 29)
HASHES = Hashes("$7$101$c2FsdA==$aGFzaA==", "$2b$04$hash")
HUB = login_of(Credential("hub", None, DAY, HASHES))
SITE = login_of(Credential("ecole-a", 3, DAY, HASHES))
DOOR = Door(
    directory="/etc/kayasol-hub/broker",
    address=None,
    site_port=8883,
    hub_port=8884,
    logins=(HUB, SITE, Login(CHECK, HASHES)),
    connections_max=500,
    queue_bytes=64_000_000,
    store="/var/lib/kayasol-broker",
    pid_file=None,
)

PEM = "/etc/kayasol-hub/broker/broker.pem"
MOSQUITTO = """\
# Written by kayasol-hub: change hub.yaml, then `kayasol-hub broker apply` writes this anew.
per_listener_settings false
allow_anonymous false
password_file /etc/kayasol-hub/broker/passwords
acl_file /etc/kayasol-hub/broker/rules

# What one of them may cost the rest. Mosquitto of Debian 12 holds only MQTT 5 clients to max_keepalive.
max_packet_size 66560
max_keepalive 43200
max_inflight_messages 100
# Delivery rests on the hub's own acks. A queue only saves bytes while the hub restarts, so it is bounded.
max_queued_messages 20000
max_queued_bytes 64000000
persistence true
autosave_interval 60
persistent_client_expiration 14d

# The sites. Each has one connection and one session, its own: a client id is what its user name says.
listener 8883
certfile /etc/kayasol-hub/broker/broker.pem
keyfile /etc/kayasol-hub/broker/broker.pem
tls_version tlsv1.2
max_connections 500
use_username_as_clientid true

# The hub, whose processes may be several.
listener 8884 127.0.0.1
certfile /etc/kayasol-hub/broker/broker.pem
keyfile /etc/kayasol-hub/broker/broker.pem
tls_version tlsv1.2
"""

RULES = """\

user hub
topic write kayasol/1/+/+/ack
topic write kayasol/1/+/+/cmd
topic read kayasol/1/+/+/up
topic read kayasol/1/+/+/schema
topic read kayasol/1/+/+/state
topic read kayasol/1/+/+/live

user ecole-a
topic write kayasol/1/3/ecole-a/up
topic write kayasol/1/3/ecole-a/schema
topic write kayasol/1/3/ecole-a/state
topic write kayasol/1/3/ecole-a/live
topic read kayasol/1/3/ecole-a/ack
topic read kayasol/1/3/ecole-a/cmd
"""

USERS = """\
    {user: "hub", password: "$2b$04$hash", allowed_connection_types: ["MQTT"], permissions: \
{publish: {allow: ["kayasol.1.*.*.ack", "kayasol.1.*.*.cmd"]}, subscribe: {allow: ["kayasol.1.*.*.up", \
"kayasol.1.*.*.schema", "kayasol.1.*.*.state", "kayasol.1.*.*.live"]}}},
    {user: "ecole-a", password: "$2b$04$hash", allowed_connection_types: ["MQTT"], permissions: \
{publish: {allow: ["kayasol.1.3.ecole-a.up", "kayasol.1.3.ecole-a.schema", "kayasol.1.3.ecole-a.state", \
"kayasol.1.3.ecole-a.live"]}, subscribe: {allow: ["kayasol.1.3.ecole-a.ack", "kayasol.1.3.ecole-a.cmd"]}}},
    {user: "hub_check", password: "$2b$04$hash", allowed_connection_types: ["MQTT"], permissions: \
{publish: {deny: [">"]}, subscribe: {deny: [">"]}}}
  ]
"""


def test_a_site_writes_what_the_hub_reads_and_the_other_way_round() -> None:
    """Every channel has one writer and one reader, and a site its own shard alone."""
    own = Address(3, "ecole-a")
    assert set(SITE.write) == {own.topic(channel) for channel in FROM_SITE}
    assert set(SITE.read) == {own.topic(channel) for channel in TO_SITE}
    assert set(FROM_SITE) | set(TO_SITE) == set(Channel)
    assert list(HUB.read) == hub_filters()
    assert {topic.rpartition("/")[2] for topic in HUB.write} == set(TO_SITE)


def test_mosquitto_is_told_everything() -> None:
    """TLS on both ports, nobody without a name, limits, and a part that fits beside Debian's own file."""
    files = mosquitto.files(DOOR)
    assert files["mosquitto.conf"] == MOSQUITTO
    assert files["passwords"] == "".join(f"{name}:{HASHES.mosquitto}\n" for name in ("hub", "ecole-a", CHECK))
    head, _, rules = files["rules"].partition("\n")
    assert (head[0], rules) == ("#", RULES)


def test_mosquitto_listens_where_it_is_told() -> None:
    """An address narrows the sites' port."""
    files = mosquitto.files(replace(DOOR, address="192.0.2.7"))
    assert "listener 8883 192.0.2.7\n" in files["mosquitto.conf"]


def test_nats_server_is_told_everything() -> None:
    """One file; MQTT alone is open to the world and to users, and what opens nothing is denied everything."""
    (text,) = nats.files(replace(DOOR, pid_file="/run/kayasol/broker.pid")).values()
    assert USERS in text
    for line in (
        "host: 127.0.0.1\nport: -1\n",
        'pid_file: "/run/kayasol/broker.pid"\n',
        "max_payload: 66560\n",
        "max_connections: 500\n",
        'store_dir: "/var/lib/kayasol-broker"\n',
        "max_file_store: 64000000\n",
        "sync_interval: always\n",
        'consumer_inactive_threshold: "1h"\n',
        '  host: "0.0.0.0"\n  port: 8883\n',
        f'tls {{ cert_file: "{PEM}", key_file: "{PEM}", min_version: "1.2", timeout: 30 }}\n',
    ):
        assert line in text
    assert "pid_file" not in nats.files(DOOR)["nats.conf"]


def test_a_topic_filter_is_a_subject() -> None:
    """Levels and wildcards map one to one."""
    assert nats.subject("kayasol/1/+/+/up") == "kayasol.1.*.*.up"
