# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup


class Memcached(Setup):
    name = "memcached"
    program = "memcached"

    def start(self, stage):
        stage.spawn(["memcached", "-l", "127.0.0.1", "-p", stage.port, "-U", "0", "-u", "nobody"])


SETUPS = [Memcached()]
