"""Switches a lamp by the bare number that a stream of format value publishes."""
import sys

import paho.mqtt.client as mqtt


def on_connect(client, userdata, flags, rc):
    client.subscribe("iot/light/value")


def on_message(client, userdata, msg):
    light = int(msg.payload)
    print("lamp %s at %d lx" % ("on" if light < 100 else "off", light), flush=True)


client = mqtt.Client()
client.on_connect = on_connect
client.on_message = on_message
client.connect(sys.argv[1], int(sys.argv[2]), 60)
client.loop_forever()
