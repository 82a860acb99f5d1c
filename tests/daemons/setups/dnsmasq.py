# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup


class Dnsmasq(Setup):
    name = "dnsmasq"
    program = "dnsmasq"

    def start(self, stage):
        stage.spawn(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", f"--port={stage.port}", "--listen-address=127.0.0.1",
                     "--bind-interfaces", "--no-resolv", "--no-hosts", f"--pid-file={stage.folder}/pid", "--user=nobody"])


SETUPS = [Dnsmasq()]
