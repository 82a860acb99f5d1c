# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup


class Php(Setup):
    name = "php -S"
    program = "php"
    workers = None

    def start(self, stage):
        stage.spawn(["php", "-n", "-S", f"127.0.0.1:{stage.port}"], env={"PHP_CLI_SERVER_WORKERS": self.workers} if self.workers else {})


class Workers(Php):
    """The parent does not catch SIGTERM: it would leave its workers behind."""
    name = "php -S with workers"
    n_holders = 3
    workers = "2"
    has_orphans = True

    def master(self, stage):
        return set(stage.holders())

    def trials(self):
        return ["stop"]


SETUPS = [Php(), Workers()]
