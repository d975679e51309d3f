"""A site gone wrong, which sends as fast as it can: `python -m tests.system.flooder PORT TOPIC garbage|batches QOS`."""

from __future__ import annotations

import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from protocol import batch
from protocol.batch import Batch, EventRow
from protocol.events import AlarmCleared

UNSENT_MAX = 500


def main(port: int, topic: str, kind: str, qos: int) -> None:
    """Send, and say on stdout how much every second."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="flooder")
    client.max_inflight_messages_set(200)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent, told_s = 0, time.monotonic()  # noqa: TID251  how fast it is is said by the clock on the wall
    unsent: list[mqtt.MQTTMessageInfo] = []
    while True:
        unsent.append(client.publish(topic, _payload(kind, sent), qos=qos))
        sent += 1
        if len(unsent) > UNSENT_MAX:
            unsent.pop(0).wait_for_publish(5)
        if time.monotonic() > told_s + 1:  # noqa: TID251  likewise
            told_s = time.monotonic()  # noqa: TID251  likewise
            sys.stdout.write(f"{sent}\n")


def _payload(kind: str, number: int) -> bytes:
    if kind == "garbage":
        return b"garbage %d" % number
    rows = tuple(EventRow(40 * number + row + 1, 1, row, AlarmCleared("x")) for row in range(40))
    return batch.encode(Batch(1, events=rows))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
