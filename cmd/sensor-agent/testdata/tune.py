"""Publishes each line of standard input as a new interval."""
import sys

import paho.mqtt.client as mqtt

client = mqtt.Client()
client.connect(sys.argv[1], int(sys.argv[2]), 60)
client.loop_start()
for line in sys.stdin:
    client.publish("iot/topic/interval", line.strip()).wait_for_publish()
client.disconnect()
