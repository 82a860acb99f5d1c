# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which process is ended, and how: never more harshly than it takes, never another one."""
import array
import os
import pathlib
import pty
import select
import signal
import socket
import subprocess
import time

from inside import (NOBODY, USER, WAIT, addrinuse, apply, ask, fork, is_free, is_listening, killed_by, listener,
                    listening_holders, lives, need, shown, spawn, sure, trial, until, Cannot, Wrong)

PORT = 18080
ADDRESS = f"127.0.0.1:{PORT}"
DATABASE = f"""
import signal, socket, sys, time
def flush(*_):
    time.sleep(DELAY)
    open("flushed", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, flush)
server = socket.create_server(("127.0.0.1", {PORT}))
while True:
    time.sleep(1000)
"""


def must_flush(work, program, uid=0):
    os.chmod(work, 0o777)
    pid = spawn(["/usr/bin/python3", "-c", program], uid=uid)
    sure(lambda: is_listening(PORT), "listener")
    said = apply("--reuseaddr", ADDRESS, uid=uid)
    until(lambda: not lives(pid), 15)
    if killed_by(pid) != 0 or not (work / "flushed").exists():
        raise Wrong(f"ended by signal {killed_by(pid)}, flushed: {(work / 'flushed').exists()}; {said}")


@trial("a server that handles SIGTERM keeps its data")
def handles(work):
    must_flush(work, DATABASE.replace("DELAY", "0"))


@trial("a server that handles SIGTERM keeps its data, asked by its own user")
def handles_own(work):
    must_flush(work, DATABASE.replace("DELAY", "0"), USER)


@trial("a server that takes two seconds to flush is given them")
def slowly(work):
    must_flush(work, DATABASE.replace("DELAY", "2"))


@trial("a server that takes SIGTERM with sigwait() keeps its data")
def waits(work):
    must_flush(work, f"""
import signal, socket
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
server = socket.create_server(("127.0.0.1", {PORT}))
signal.sigwait([signal.SIGTERM])
open("flushed", "w").close()
""")


def must_live(pid, said):
    time.sleep(0.5)
    if not lives(pid):
        raise Wrong(f"pid {pid} was ended by signal {killed_by(pid)}: {said}")


@trial("a server that ignores SIGTERM is not killed by default")
def ignores(work):
    pid = spawn(["/usr/bin/python3", "-c", "import signal; signal.signal(15, signal.SIG_IGN)" + DATABASE.split("signal.signal")[0] +
                 f'\nserver = socket.create_server(("127.0.0.1", {PORT}))\ntime.sleep(1000)'])
    sure(lambda: is_listening(PORT), "listener")
    must_live(pid, apply(ADDRESS))


@trial("a server that answers SIGTERM with nothing is not killed by default")
def deaf(work):
    pid = spawn(["/usr/bin/python3", "-c", "import signal, socket, time\nsignal.signal(15, lambda *_: None)\n"
                 f'server = socket.create_server(("127.0.0.1", {PORT}))\nwhile True: time.sleep(1000)'])
    sure(lambda: is_listening(PORT), "listener")
    must_live(pid, apply(ADDRESS))


@trial("a stopped server is not killed by default")
def stopped(work):
    pid = spawn(["/usr/bin/python3", "-c", DATABASE.replace("DELAY", "0")])
    sure(lambda: is_listening(PORT), "listener")
    os.kill(pid, signal.SIGSTOP)
    must_live(pid, apply(ADDRESS))


@trial("process 1 is never signalled, though it is the parent of a holder of its own kind")
def not_process_one(work):
    fork(lambda: listener(PORT), uid=0)
    sure(lambda: is_listening(PORT), "listener")
    report = ask(ADDRESS)
    if any(process["pid"] == 1 for action in report["actions"] for process in action["processes"]):
        raise Wrong(shown(report))


@trial("a parent of the same program that does something else is left alone")
def not_the_parent(work):
    """As sshd is for a forwarded port of root's: same program, other work."""
    need("socat")
    other = spawn(["socat", f"TCP-LISTEN:{PORT + 1},bind=127.0.0.1,fork,reuseaddr",
                   f"EXEC:socat TCP-LISTEN\\:{PORT}\\,bind=127.0.0.1\\,fork -,nofork"])
    sure(lambda: is_listening(PORT + 1), "outer listener")
    client = socket.create_connection(("127.0.0.1", PORT + 1))
    sure(lambda: is_listening(PORT), "inner listener")
    must_live(other, f"{apply(ADDRESS)} {client}")


# ------------------------------------------------------ a planted descriptor

DAEMON = """
import array, os, socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind("daemon")
os.chmod("daemon", 0o666)
server.listen()
client, _ = server.accept()
kept = client.recvmsg(4, socket.CMSG_SPACE(4))
open("took", "w").close()
time.sleep(1000)
"""


def plant(path, before=(), first=b"l\1\0\1"):
    """Listen, hand the descriptor over, close the own one."""
    mine = listener(PORT)
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    for line in before:
        client.send(line)
        if not line.startswith(b"BEGIN"):
            client.recv(1000)
    time.sleep(0.3)
    client.sendmsg([first], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [mine.fileno()]))])
    mine.close()
    return client


def must_spare(pid):
    sure(lambda: is_listening(PORT), "listener")
    report = ask(ADDRESS)
    holders = [holder for conflict in report["conflicts"] for holder in conflict["holders"]]
    if "handed-over" not in str(holders):
        raise Wrong(f"not told that it was handed over: {holders}")
    bad = [action for action in report["actions"] if action["sufficient"] == "yes" and
           (action["signal"] or action["kind"] in ("stop-unit", "stop-container", "kill", "terminate"))]
    if bad:
        raise Wrong(f"sufficient: {bad}")
    must_live(pid, apply(ADDRESS))


@trial("a user plants a listening descriptor in a daemon of root's")
def planted(work):
    os.chmod(work, 0o777)
    pid = spawn(["/usr/bin/python3", "-c", DAEMON])
    sure(lambda: (work / "daemon").exists() and oct((work / "daemon").stat().st_mode)[-3:] == "666", "daemon")
    fork(plant, "daemon", uid=NOBODY)
    sure(lambda: (work / "took").exists(), "descriptor")
    must_spare(pid)


@trial("a user plants a listening descriptor in a daemon of another user's")
def planted_in_another(work):
    os.chmod(work, 0o777)
    pid = spawn(["/usr/bin/python3", "-c", DAEMON], uid=USER)
    sure(lambda: (work / "daemon").exists() and oct((work / "daemon").stat().st_mode)[-3:] == "666", "daemon")
    fork(plant, "daemon", uid=NOBODY)
    sure(lambda: (work / "took").exists(), "descriptor")
    must_spare(pid)


@trial("a user plants a listening descriptor in dbus-daemon")
def planted_in_dbus(work):
    need("dbus-daemon")
    (work / "bus.conf").write_text(f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={work}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/></policy></busconfig>""")
    pid = spawn(["dbus-daemon", f"--config-file={work}/bus.conf", "--nofork", "--nopidfile"])
    sure(lambda: (work / "bus").exists(), "bus")
    os.chmod(work / "bus", 0o666)
    hello = b"\0AUTH EXTERNAL " + b"65534".hex().encode() + b"\r\n"
    fork(plant, str(work / "bus"), (hello, b"NEGOTIATE_UNIX_FD\r\n", b"BEGIN\r\n"), uid=NOBODY)
    sure(lambda: listening_holders(PORT) == [pid], "planted descriptor")
    must_spare(pid)


# ------------------------------------------------------ the ground that the asker stands on


def on_own_ground(work, before, wrapper):
    """The asker's ancestor holds the port."""
    (work / "ide.py").write_text(f"""
import signal, socket, subprocess, sys
server = socket.create_server(("127.0.0.1", {PORT}))
{before}
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
open("survived", "w").write(done.stdout)
""")
    ide = spawn(["/usr/bin/python3", "ide.py", *wrapper, "addrinuse", "--reuseaddr", "-q", "--apply", "--yes", ADDRESS])
    until(lambda: not lives(ide), 20)
    if not (work / "survived").exists():
        raise Wrong(f"the asker's ancestor was ended by signal {killed_by(ide)}")


@trial("the holder started the asker")
def parent(work):
    on_own_ground(work, "", [])


@trial("the holder started the asker's session")
def session(work):
    on_own_ground(work, "", ["setsid", "sh", "-c", 'nohup "$@"; true', "sh"])


@trial("the holder is five shells up")
def far_up(work):
    shells = ["sh", "-c", '"$@"; true', "sh"]
    on_own_ground(work, "", shells * 5)


@trial("the holder is the asker's ancestor, and handles SIGTERM")
def handling_parent(work):
    on_own_ground(work, "signal.signal(15, lambda *_: sys.exit(1))", ["sh", "-c", '"$@"; true', "sh"])


# ------------------------------------------------------ another process by then

DELAYED = "clone,clone3,vfork,fork,pidfd_open,pidfd_send_signal,kill"


def born_with(number):
    """A process with just that number; None if that cannot be had."""
    for _ in range(200):
        try:
            pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        except OSError as error:
            raise Cannot(f"numbers cannot be chosen: {error}") from None
        child = os.fork()
        if child == 0:
            if os.getpid() == number:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                time.sleep(1000)
            os._exit(0)
        if child == number:
            return child
        os.waitpid(child, 0)
    raise Cannot(f"number {number} was not given")


def recycled(call):
    need("strace")
    holder = os.fork()
    if holder == 0:
        kept = listener(PORT)
        time.sleep(1000 if kept else 0)
    sure(lambda: is_listening(PORT), "listener")
    trace = ["strace", "-f", "-qq", "-o", "trace", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter=2500000"]
    asker = subprocess.Popen([*trace, "addrinuse", "-q", "--apply", "--yes", ADDRESS], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1.2)
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    innocent = born_with(holder)
    said = asker.communicate(timeout=100)[0]
    if os.waitpid(innocent, os.WNOHANG) != (0, 0):
        raise Wrong(f"the innocent process with number {holder} was ended, while {call} was late: {said}")
    os.kill(innocent, signal.SIGKILL)


def add_recycled(call):
    @trial(f"the pid is another process by the time of {call.split(',')[0]}()")
    def is_recycled(work):
        recycled(call)


for each in "clone,clone3,vfork", "pidfd_open", "pidfd_send_signal":
    add_recycled(each)


# ------------------------------------------------------ whose programs are run

@trial("a kill, sv, rm, systemctl in the asker's PATH that another user wrote")
def foreign_path(work):
    folder = work / "bin"
    folder.mkdir()
    for name in "kill", "rm", "sv", "systemctl", "nsenter", "sysctl", "ip", "addrinuse-kill", "sh":
        (folder / name).write_text(f"#!/bin/sh\necho {name} >>{work}/executed\n")
        (folder / name).chmod(0o755)
    os.chown(folder, NOBODY, NOBODY)
    spawn(["/usr/bin/python3", "-m", "http.server", PORT, "--bind", "127.0.0.1"])
    sure(lambda: is_listening(PORT), "listener")
    said = apply("--reuseaddr", ADDRESS, env={"PATH": f"{folder}:{os.environ['PATH']}"})
    if (work / "executed").exists():
        raise Wrong(f"executed: {(work / 'executed').read_text()}; {said}")


@trial("no program kill at all, as in slim images")
def no_kill(work):
    spawn(["/usr/bin/python3", "-m", "http.server", PORT, "--bind", "127.0.0.1"])
    sure(lambda: is_listening(PORT), "listener")
    command = next(f"{folder}/addrinuse" for folder in os.environ["PATH"].split(":") if os.access(f"{folder}/addrinuse", os.X_OK))
    done = subprocess.run([command, "--reuseaddr", "-q", "--apply", "--yes", ADDRESS], env={**os.environ, "PATH": "/nowhere"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    if done.returncode or not is_free(PORT):
        raise Wrong(f"status {done.returncode}: {done.stdout}")


# ------------------------------------------------------ who answered?

@trial("keys that were pressed before the question was asked do not answer it")
def typed_ahead(work):
    pid = spawn(["/usr/bin/python3", "-m", "http.server", PORT, "--bind", "127.0.0.1"])
    sure(lambda: is_listening(PORT), "listener")
    child, terminal = pty.fork()
    if child == 0:
        time.sleep(1)
        os.execvp("addrinuse", ["addrinuse", "-q", "--apply", ADDRESS])
    os.write(terminal, b"y\ny\ny\n")
    end, said = time.monotonic() + WAIT, b""
    while b"[y/N]" not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                said += os.read(terminal, 1000)
            except OSError:
                break
    time.sleep(1)
    alive = lives(pid)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if b"[y/N]" not in said:
        raise Wrong(f"never asked: {said}")
    if not alive:
        raise Wrong(f"ended without an answer: {said}")


@trial("--yes is needed where no terminal is")
def no_terminal(work):
    pid = spawn(["/usr/bin/python3", "-m", "http.server", PORT, "--bind", "127.0.0.1"])
    sure(lambda: is_listening(PORT), "listener")
    must_live(pid, addrinuse("-q", "--apply", ADDRESS))
