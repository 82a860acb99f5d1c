# SPDX-License-Identifier: LGPL-2.1-or-later
"""Much of something, and odd surroundings."""
import fcntl
import os
import pathlib
import re
import resource

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
        raise Wrong(f"{found[1]} system calls for 95,000 descriptors of somebody else's")
    report = ask(ADDRESS)
    if not report["conflicts"][0]["holders"]:
        raise Wrong("the holder was not found")


@trial("NLCB and NLDBG in the environment")
def libnl(work):
    fork(lambda: listener(PORT))
    sure(lambda: is_listening(PORT), "listener")
    plain = addrinuse(ADDRESS)
    for environment in {"NLCB": "debug"}, {"NLCB": "verbose"}, {"NLDBG": "9"}, {"NLCB": "debug", "NLDBG": "4"}:
        if addrinuse(ADDRESS, env=environment) != plain:
            raise Wrong(f"{environment}: {addrinuse(ADDRESS, env=environment)[1][:500]}")


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
