# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup, configure

CONFIGURATION = """
server.document-root = "FOLDER"
server.bind = "127.0.0.1"
server.port = PORT
server.errorlog = "FOLDER/errors"
server.max-worker = WORKERS
"""


class Lighttpd(Setup):
    name = "lighttpd"
    program = "lighttpd"
    workers = 0

    def start(self, stage):
        stage.spawn(["lighttpd", "-D", "-f", configure(stage, CONFIGURATION.replace("WORKERS", str(self.workers)))])


class Workers(Lighttpd):
    name = "lighttpd with workers"
    n_holders = 3
    workers = 2
    has_orphans = True


SETUPS = [Lighttpd(), Workers()]
