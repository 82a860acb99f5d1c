# SPDX-License-Identifier: LGPL-2.1-or-later
import socket

from .setup import Setup

VALUE = "what only memory knows until it is saved"


def command(stage, *words):
    with socket.create_connection(("127.0.0.1", stage.port)) as client:
        client.sendall(f"*{len(words)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words))
        return client.recv(1000).decode()


class Redis(Setup):
    name = "redis"
    program = "redis-server"
    stores = True
    daemonize = "no"

    def start(self, stage):
        stage.spawn(["redis-server", "--port", stage.port, "--bind", "127.0.0.1", "--dir", stage.folder,
                     "--save", "3600 1", "--daemonize", self.daemonize])

    def put(self, stage):
        command(stage, "SET", "key", VALUE)

    def lost(self, stage):
        return 0 if VALUE in command(stage, "GET", "key") else len(VALUE)


class Daemonized(Redis):
    name = "redis daemonized"
    daemonize = "yes"


SETUPS = [Redis(), Daemonized()]
