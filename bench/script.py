"""What most tutorials teach: build a dict, json.dumps, publish, sleep.

usage: script.py PORT INTERVAL QOS

This is what sensor-agent is measured against, so it is written the plain way
on purpose: nothing in it is made slow, and nothing clever is done.
"""

import json
import random
import sys
import time
from datetime import datetime, timezone

import paho.mqtt.client as mqtt

port, interval, qos = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
seq = 0


def on_message(client, userdata, message):
    global interval
    interval = float(message.payload)


client = mqtt.Client("bench-script")
client.on_message = on_message
client.connect("127.0.0.1", port)
client.subscribe("iot/topic/interval")
client.loop_start()
while True:
    seq += 1
    reading = {
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "device": "bench",
        "light": random.randint(0, 1023),
        "temp": round(random.uniform(18, 26), 2),
        "humi": round(random.uniform(40, 60), 2),
        "pressure": round(random.uniform(990, 1030), 2),
        "gas": random.randint(10000, 90000),
        "seq": seq,
    }
    client.publish("iot/sensor/value", json.dumps(reading), qos=qos)
    time.sleep(interval)
