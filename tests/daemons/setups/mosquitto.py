# SPDX-License-Identifier: LGPL-2.1-or-later
import socket

from .setup import Setup, configure

CONFIGURATION = """
listener PORT 127.0.0.1
allow_anonymous true
persistence true
persistence_location FOLDER/
user root
"""
VALUE = b"a message that is retained"


def packet(kind, body):
    return bytes([kind, len(body)]) + body


def string(text):
    return len(text).to_bytes(2, "big") + text


class Mosquitto(Setup):
    name = "mosquitto"
    program = "mosquitto"
    stores = True

    def start(self, stage):
        stage.spawn(["mosquitto", "-c", configure(stage, CONFIGURATION)])

    def client(self, stage):
        client = socket.create_connection(("127.0.0.1", stage.port), timeout=20)
        client.sendall(packet(0x10, string(b"MQTT") + b"\x04\x02\x00\x3c" + string(b"trial")))
        client.recv(4)
        return client

    def put(self, stage):
        with self.client(stage) as client:
            client.sendall(packet(0x33, string(b"topic") + b"\x00\x01" + VALUE))    # retained, at least once
            client.recv(4)

    def lost(self, stage):
        said = b""
        with self.client(stage) as client:
            client.sendall(packet(0x82, b"\x00\x01" + string(b"topic") + b"\x00"))
            client.settimeout(5)
            try:
                while VALUE not in said:
                    more = client.recv(1000)
                    if not more:
                        break
                    said += more
            except TimeoutError:
                pass
        return 0 if VALUE in said else len(VALUE)


SETUPS = [Mosquitto()]
