# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup, configure

PLAIN = "require('http').createServer((q, r) => r.end('here')).listen(PORT, '127.0.0.1')\n"
CLOSING = "const s = require('http').createServer().listen(PORT, '127.0.0.1'); process.on('SIGTERM', () => s.close())\n"
CLUSTER = "const c = require('cluster'); if (c.isPrimary) { c.fork(); c.fork() } else " + PLAIN


class Node(Setup):
    name = "node"
    program = "node"
    script = PLAIN

    def start(self, stage):
        stage.spawn(["node", configure(stage, self.script, "server.js")])


class Closing(Node):
    name = "node that closes on SIGTERM"
    script = CLOSING


class Cluster(Node):
    name = "node cluster"
    script = CLUSTER


class Scripted(Node):
    """As npm does: a shell waits for node, and would not end it."""
    name = "node below a shell"

    def start(self, stage):
        script = configure(stage, self.script, "server.js")
        stage.spawn(["sh", "-c", f"node {script}; exit $?"])


SETUPS = [Node(), Closing(), Cluster(), Scripted()]
