# SPDX-License-Identifier: LGPL-2.1-or-later
"""A watch in namespaces of a test's own, and programs that fail there. What other programs of this host fail at is not told.

begin() comes first. Where the kernel refuses trampolines, tracefs is mounted in a mount namespace of our own, because the
command mounts nothing.
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time

COMMAND = os.path.abspath(sys.argv[1])
TRACING = "/sys/kernel/tracing"
ORDINARY = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def begin(*options):
    """In namespaces of our own from here on; `options` are further ones of unshare(1)."""
    if os.geteuid() != 0:
        skip("watch needs root")
    if sys.argv[-1] != "inside":
        os.execvp("unshare", ["unshare", "-n", "-m", *options, sys.executable, *sys.argv, "inside"])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if not os.path.exists(TRACING + "/events"):
        subprocess.run(["mount", "-t", "tracefs", "none", TRACING], capture_output=True, check=False)


def fail(what):
    print("FAILED:", what)
    sys.exit(1)


def check(condition, what):
    if not condition:
        fail(what)
    print("ok:", what, flush=True)


def until(condition, seconds=60, alive=lambda: True):
    end_of_wait = time.monotonic() + seconds
    while not condition() and alive() and time.monotonic() < end_of_wait:
        time.sleep(.02)
    return condition()


class Watch:
    """`prefix`: the words before the command. With `port`, all network namespaces are watched: take one of your own."""
    def __init__(self, *arguments, prefix=(), port=None):
        self.lines = []
        filters = [f"--port={port}"] if port else ["--netns=/proc/self/ns/net"]
        self.process = subprocess.Popen([*prefix, COMMAND, "watch", "--json", *filters, *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        self.wait(lambda: self.lines)

    def read(self):
        for line in self.process.stdout:
            self.add(line)

    def add(self, line):
        self.lines.append(json.loads(line))

    def begins(self):
        """Skips where nothing can be watched; returns the first line."""
        if not self.lines:
            self.process.kill()
            error = self.process.stderr.read().decode()
            if "tracefs" in error or "BTF" in error or "not installed" in error:
                skip(error.strip())
            fail(error)
        return self.lines[0]

    def wait(self, condition, seconds=60):
        return until(condition, seconds, lambda: self.process.poll() is None)

    def events(self):
        return [e for e in self.lines if e["event"] == "bind-failed"]

    def failures(self, port):
        return [e for e in self.events() if e["report"]["query"]["port"] == port]

    def failure(self, port, netns=None):
        """The first one, as soon as it is told; of a network namespace."""
        def told():
            return [e for e in self.failures(port) if netns in (None, e["netns"])]
        check(self.wait(told), f"the failure on port {port} is told")
        return told()[0]

    def lost(self):
        return sum(e["count"] for e in self.lines if e["event"] == "lost")

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        status = self.process.wait(60)
        self.thread.join()
        return status


def run(code, *prefix):
    """A program that says when it is ready, by a line, and may stay."""
    program = subprocess.Popen([*prefix, sys.executable, "-c", "import os, socket, sys, time\n" + code],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    program.stdout.readline()
    return program


def end(*some):
    for program in some:
        program.stdin.close()
        program.wait()


STAY = "\nprint(flush=True)\nsys.stdin.read()"
HOLD = "s = socket.socket(); s.bind(('127.0.0.1', %d)); s.listen()" + STAY
TRY = """
t = socket.socket()
for i in range(%d):
    try: t.bind(('127.0.0.1', %d))
    except OSError: pass""" + STAY
BOTH = "s = socket.socket(); s.bind(('127.0.0.1', %d)); s.listen()\nt = socket.socket()\n" \
       "try: t.bind(('127.0.0.1', %d))\nexcept OSError: pass\nos._exit(0)"
