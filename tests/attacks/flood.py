# SPDX-License-Identifier: LGPL-2.1-or-later
"""Much of something, and odd surroundings."""
import fcntl
import json
import os
import pathlib
import re
import resource
import subprocess

from inside import (NOBODY, Cannot, Wrong, addrinuse, ask, call_yourself, fork, is_listening, listener, need, sure, trial)

PORT = 18080
ADDRESS = f"127.0.0.1:{PORT}"


@trial("few processes of one user, with many descriptors each")
def descriptors(work):
    """Counted, not timed: how many system calls does a question of root's take?"""
    need("strace")
    fork(lambda: listener(PORT))
    sure(lambda: is_listening(PORT), "listener")

    def flood():
        resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
        os.setuid(NOBODY)
        null = os.open("/dev/null", os.O_RDONLY)
        for _ in range(19000):
            fcntl.fcntl(null, fcntl.F_DUPFD, 3)
        return null
    for _ in range(5):
        fork(flood)
    status, said = addrinuse(ADDRESS, before=["strace", "-f", "-qq", "-c", "-o", "calls"])
    found = re.search(r"^100\.00.*?(\d+)\s+(?:\d+\s+)?total$", pathlib.Path("calls").read_text(), re.M)
    if not found:
        raise Cannot(f"strace counted nothing: {pathlib.Path('calls').read_text()}")
    if status != 1:
        raise Wrong(f"status {status}: {said}")
    if int(found[1]) > 30000:
        raise Wrong(f"{found[1]} system calls for 95,000 descriptors of another user")
    report = ask(ADDRESS)
    if not report["conflicts"][0]["holders"]:
        raise Wrong("the holder was not found")


@trial("NLCB in the environment")
def libnl_callbacks(work):
    fork(lambda: listener(PORT))
    sure(lambda: is_listening(PORT), "listener")
    for value in "debug", "verbose":
        status, said = addrinuse("-q", ADDRESS, env={"NLCB": value})
        if status != 1 or said:
            raise Wrong(f"NLCB={value}: status {status}, {said[:500]}")


@trial("NLDBG in the environment")
def libnl_debug(work):
    """What libnl's constructors write before anything of ours runs is no answer, and must not look like one."""
    fork(lambda: listener(PORT))
    sure(lambda: is_listening(PORT), "listener")
    done = subprocess.run(["addrinuse", "--json", ADDRESS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env={**os.environ, "NLDBG": "9"}, timeout=60)
    if done.returncode != 1 or json.loads(done.stdout)["verdict"] != "in-use":
        raise Wrong(f"status {done.returncode}: {done.stdout}")


@trial("a holder whose name is terminal sequences and forged lines")
def names(work):
    def odd():
        call_yourself("\x1b[2J\nfree\u202e")
        return listener(PORT)
    fork(odd)
    sure(lambda: is_listening(PORT), "listener")
    for words in ([ADDRESS], ["-v", "--cmdline", ADDRESS], ["--json", ADDRESS]):
        said = addrinuse(*words)[1]
        if any(not (character == "\n" or " " <= character <= "~") for character in said) or "\nfree" in said:
            raise Wrong(repr(said))
