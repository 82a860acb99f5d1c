# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is left behind."""
import os

from inside import USER, Wrong, call_yourself, commands, ask, fork, is_listening, listener, shown, sure, trial


@trial("a port forwarder that outlived its rootless container")
def helper(work):
    def forward():
        call_yourself("rootlessport")
        server = listener(5000, "0.0.0.0")
        os.setgid(USER)
        os.setuid(USER)
        return server
    pid = fork(forward)
    sure(lambda: is_listening(5000), "listener")
    report = ask("0.0.0.0:5000")
    if not any(argv[:2] == ["kill", "-TERM"] and argv[-1] == str(pid) for argv in commands(report)):
        raise Wrong(shown(report))
