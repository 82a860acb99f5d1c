# SPDX-License-Identifier: LGPL-2.1-or-later
import importlib.util

from .setup import Setup, configure

PREFORK = """
import os, socket, time
server = socket.create_server(("127.0.0.1", PORT))
for worker in range(2):
    if os.fork() == 0:
        time.sleep(1000)
time.sleep(1000)
"""
APPLICATION = "def app(environ, start):\n    start('200 OK', [])\n    return [b'here']\n"


class HttpServer(Setup):
    name = "python -m http.server"
    program = "python3"

    def start(self, stage):
        stage.spawn(["/usr/bin/python3", "-m", "http.server", stage.port, "--bind", "127.0.0.1"])


class Prefork(HttpServer):
    """No process catches SIGTERM: it goes to all."""
    name = "python that forked"
    n_holders = 3

    def start(self, stage):
        stage.spawn(["/usr/bin/python3", configure(stage, PREFORK, "server.py")])

    def master(self, stage):
        return set(stage.holders())


class Gunicorn(HttpServer):
    name = "gunicorn"
    n_holders = 3
    has_orphans = True

    def missing(self):
        return None if importlib.util.find_spec("gunicorn") else "gunicorn"

    def start(self, stage):
        configure(stage, APPLICATION, "application.py")
        stage.spawn(["/usr/bin/python3", "-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{stage.port}", "application:app"])


SETUPS = [HttpServer(), Prefork(), Gunicorn()]
