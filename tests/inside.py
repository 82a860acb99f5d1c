# SPDX-License-Identifier: LGPL-2.1-or-later
"""What runs in namespaces of its own: processes below a process 1 that reaps as init does, questions to
the command and to the library.

inside.py FOLDER TITLE: one trial of FOLDER (attacks or cases), whose functions have `@trial(TITLE)`.
Exit status 0 as it should be, 1 not so, 77 with the reason where this machine cannot tell.
"""
import ctypes
import importlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
WAIT = 30       # seconds that a busy machine may need for anything
NOBODY = 65534
USER = 1000
TRIALS = {}
LIBC = ctypes.CDLL(None, use_errno=True)


class Wrong(Exception):
    """It is not as it should be: harm was done, or a case is not told of as it is."""


class Cannot(Exception):
    """This machine cannot tell."""


def trial(title):
    def remember(function):
        TRIALS[title] = function
        return function
    return remember


def load(folder):
    """The trials of all files of FOLDER."""
    sys.path[:0] = [str(HERE), str(HERE / folder), str(HERE.parent / "doc/examples/python")]
    for file in sorted((HERE / folder).glob("*.py")):
        importlib.import_module(file.stem)
    return TRIALS


def open_trials(folder):
    """What is known and not mended yet: one title a line."""
    try:
        return set((HERE / folder / "open").read_text().splitlines())
    except FileNotFoundError:
        return set()


def until(true, seconds=WAIT):
    """Whether it became true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def sure(true, what):
    """Wait for what the trial itself needs."""
    if not until(true):
        raise Cannot(f"no {what} within {WAIT} s")


def need(program):
    for folder in "/usr/sbin", "/usr/bin", "/sbin", "/bin":
        if os.access(f"{folder}/{program}", os.X_OK):
            return f"{folder}/{program}"
    raise Cannot(f"no {program}")


def attempt(*argv):
    """Run it, or this machine cannot tell."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Cannot(f"{' '.join(map(str, argv))}: {done.stdout.strip()}")
    return done.stdout


# ------------------------------------------------------ processes


def become(uid):
    if uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def spawn(argv, uid=0, gid=None, env=None, cwd=None, log="log"):
    """Start a child of process 1, which leads a session of its own as service managers have it; its pid."""
    there, here = os.pipe()
    child = os.fork()
    if child:
        os.close(here)
        os.waitpid(child, 0)
        with os.fdopen(there) as pid:
            return int(pid.read())
    try:
        os.setsid()
        grandchild = os.fork()
        if grandchild:
            os.write(here, b"%d" % grandchild)
            os._exit(0)
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(cwd or ".")
        become(uid) if gid is None else (os.setgroups([]), os.setgid(gid), os.setuid(uid))
        os.execvpe(str(argv[0]), [str(word) for word in argv], {**os.environ, **(env or {})})
    finally:
        os._exit(127)


def fork(function, *argument, uid=0):
    """A child of process 1 that runs the function, as another user, and then sleeps; its pid."""
    there, here = os.pipe()
    child = os.fork()
    if child:
        os.close(here)
        os.waitpid(child, 0)
        with os.fdopen(there) as pid:
            return int(pid.readline())
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        become(uid)
        kept = function(*argument)
        os.write(here, b"%d\n" % os.getpid())
        os.close(here)
        while kept is not None or True:
            signal.pause()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def statuses():
    """{pid: wait status} of the children of process 1 that have ended."""
    try:
        return {int(pid): int(status) for pid, status in (line.split() for line in pathlib.Path(ENDED).read_text().splitlines())}
    except OSError:
        return {}


def killed_by(pid):
    """The signal that ended it, 0 for an exit, None while it runs."""
    until(lambda: lives(pid) or pid in statuses(), 5)
    status = statuses().get(pid)
    return None if status is None else os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def lives(pid):
    """Whether it runs: neither gone nor a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def parent_of(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


def call_yourself(name):
    LIBC.prctl(15, name.encode(), 0, 0, 0)


# ------------------------------------------------------ sockets


def listener(port, address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen()
    return server


def path_listener(path, kind=socket.SOCK_STREAM):
    server = socket.socket(socket.AF_UNIX, kind)
    server.bind(str(path))
    if kind != socket.SOCK_DGRAM:
        server.listen()
    return server


def listening_inodes(port):
    """Seen without a connection, which would leave a socket behind."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {field[9] for field in lines if field[3] == "0A" and int(field[1].rsplit(":")[-1], 16) == port}


def is_listening(port):
    return bool(listening_inodes(port))


def is_free(port, address="127.0.0.1"):
    try:
        listener(port, address).close()
        return True
    except OSError:
        return False


def listening_holders(port):
    """Who has a descriptor of a socket that listens on the port: looked up here, not by the library."""
    links = {f"socket:[{inode}]" for inode in listening_inodes(port)}
    return sorted(int(entry.name) for entry in pathlib.Path("/proc").iterdir()
                  if entry.name.isdigit() and has_descriptor(entry, links))


def has_descriptor(process, links):
    try:
        return any(os.readlink(fd) in links for fd in (process / "fd").iterdir())
    except OSError:
        return False


# ------------------------------------------------------ questions


def addrinuse(*words, uid=0, env=None, before=(), timeout=100):
    """What the command says to a question, and its exit status."""
    done = subprocess.run([*before, "addrinuse", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, timeout=timeout,
                          preexec_fn=lambda: become(uid))
    return done.returncode, done.stdout.decode(errors="replace")


def ask(*words, **more):
    """The report."""
    status, said = addrinuse("--json", *words, **more)
    try:
        return json.loads(said)
    except ValueError:
        raise Wrong(f"status {status}, no report: {said}") from None


def apply(*words, **more):
    """The default action is carried out."""
    return addrinuse("-q", "--apply", "--yes", *words, **more)


def commands(report):
    """The argv of each action that has one."""
    return [action["argv"] for action in report["actions"] if action["argv"]]


def sufficient(report):
    """The commands that are said to be enough."""
    return [action["argv"] or action["kind"] for action in report["actions"] if action["sufficient"] == "yes"]


def shown(report):
    return "; ".join(f"{action['kind']} {action['argv'] or ''} {action['sufficient']} {action['flags']} {action['text']}"
                     for action in report["actions"]) or "no action"


# ------------------------------------------------------ one trial


def own_world():
    for command in (["ip", "link", "set", "lo", "up"], ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"],
                    ["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm"]):
        subprocess.run(command, check=True)


def perform(function):
    own_world()
    try:
        function(pathlib.Path.cwd())
        return 0
    except Wrong as wrong:
        print(wrong)
        return 1
    except Cannot as reason:
        print(f"skipped: {reason}")
        return 77
    except BaseException:
        traceback.print_exc()
        return 1


ENDED = str(pathlib.Path.cwd() / "ended")


def below_a_reaper(function):
    """Run it beside a process 1 that waits for all processes and notes how each ended; its exit status."""
    child = os.fork()
    if child == 0:
        status = function()
        sys.stdout.flush()
        os._exit(status)
    with open(ENDED, "w") as notes:
        while True:
            pid, status = os.wait()
            if pid == child:
                return os.waitstatus_to_exitcode(status) & 0xff
            print(pid, status, file=notes, flush=True)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.modules["inside"] = sys.modules["__main__"]
    sys.exit(below_a_reaper(lambda: perform(load(sys.argv[1])[sys.argv[2]])))
