"""What a hobbyist gets for 25 lines: poll 21 values, publish them as JSON. The agent is measured beside it."""

import json
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import ModbusTcpClient

modbus_port, mqtt_port = int(sys.argv[1]), int(sys.argv[2])
modbus = ModbusTcpClient("127.0.0.1", port=modbus_port)
broker = mqtt.Client(CallbackAPIVersion.VERSION2)
broker.connect("127.0.0.1", mqtt_port)
broker.loop_start()
while True:
    values: list[int] = []
    for address, count in ((0x3100, 18), (0x331A, 3)):
        reply = modbus.read_input_registers(address, count=count, device_id=1)
        values += reply.registers if not reply.isError() else []
    broker.publish("baseline/values", json.dumps({"at": time.time(), "values": values}), qos=1)  # noqa: TID251
    time.sleep(10)
