# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup, configure

CONFIGURATION = """
global
    maxconn 50
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend here
    bind 127.0.0.1:PORT
    http-request return status 200
"""


class Haproxy(Setup):
    name = "haproxy"
    program = "haproxy"
    word = "USR1"
    mode = "-db"

    def start(self, stage):
        stage.spawn(["haproxy", self.mode, "-f", configure(stage, CONFIGURATION)])


class MasterWorker(Haproxy):
    """The worker alone holds the address, its parent is the one to be told."""
    name = "haproxy master-worker"
    mode = "-W"

    def master(self, stage):
        from inside import parent_of
        return {parent_of(pid) for pid in stage.holders()}


SETUPS = [Haproxy(), MasterWorker()]
