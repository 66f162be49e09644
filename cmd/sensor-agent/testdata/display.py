"""Prints each reading as a line of text, as a display beside the door would."""
import json
import sys

import paho.mqtt.client as mqtt


def on_connect(client, userdata, flags, rc):
    client.subscribe("iot/sensor/value")


def on_message(client, userdata, msg):
    data = json.loads(msg.payload.decode("utf-8"))
    print("%s | %4d lx | %5.1f C | %5.1f %%" % (data['timestamp'], data['light'], data['temp'], data['humi']), flush=True)


client = mqtt.Client()
client.on_connect = on_connect
client.on_message = on_message
client.connect(sys.argv[1], int(sys.argv[2]), 60)
client.loop_forever()
