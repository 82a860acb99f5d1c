# SPDX-License-Identifier: LGPL-2.1-or-later
"""The address is free or shared, and somebody may have meant more than was asked."""
import errno
import os
import socket

import addrinuse as library
from inside import USER, Wrong, addrinuse, ask, commands, fork, is_free, is_listening, shown, spawn, sure, trial


def hold(family, kind, address, *options):
    """A socket that stays, in a process of its own, whose pid is returned."""
    def run():
        held = socket.socket(family, kind)
        for option in options:
            held.setsockopt(socket.SOL_SOCKET, option, 1)
        held.bind(address)
        if kind != socket.SOCK_DGRAM:
            held.listen()
        return held
    return fork(run)


def notes_of(*words):
    report = ask(*words)
    if report["verdict"] != "available":
        raise Wrong(report["summary"])
    return [note["text"] for note in report["notes"]]


def expect(notes, *parts):
    if not any(all(part in note for part in parts) for note in notes):
        raise Wrong(f"{parts} in {notes}")


@trial("the other protocol has the port")
def other_protocol(work):
    pid = hold(socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 69))
    for words in ["69"], ["0.0.0.0:69"], ["-v", "127.0.0.1:69"]:
        status, said = addrinuse(*words)
        if "69/udp is in use by" not in said or f"(pid {pid})" not in said or status != 0:
            raise Wrong(said)
    if "69/udp" not in addrinuse("tftp")[1]:
        raise Wrong("a name that only UDP has means TCP")
    pid = hold(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 70))
    expect(notes_of("127.0.0.1:70/udp"), "70/tcp is in use by", f"(pid {pid})")
    if notes_of("127.0.0.2:70/udp"):
        raise Wrong("a socket elsewhere is noted")


@trial("SO_REUSEPORT shares a port with a running program")
def shared_port(work):
    pid = hold(socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 8888), socket.SO_REUSEPORT)
    expect(notes_of("--reuseport", "0.0.0.0:8888"), "shares the port with", f"(pid {pid})", "splits connections")
    hold(socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 8889), socket.SO_REUSEPORT)
    expect(notes_of("--reuseport", "0.0.0.0:8889/udp"), "shares the port with", "splits datagrams")


@trial("a neighbour address has the port")
def neighbour(work):
    pid = hold(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 8081))
    expect(notes_of("127.0.0.2:8081"), "127.0.0.1:8081/tcp is in use by", f"(pid {pid})")


@trial("another kind of AF_UNIX name is in use")
def names(work):
    path = f"{work}/x.sock"
    pid = hold(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + path)
    expect(notes_of(path), "an abstract name, not the file", f"(pid {pid})")
    pid = hold(socket.AF_UNIX, socket.SOCK_STREAM, f"{work}/y.sock")
    expect(notes_of(f"@{work}/y.sock"), "the file, not the abstract name", f"(pid {pid})")
    pid = hold(socket.AF_UNIX, socket.SOCK_DGRAM, "\0kind")
    expect(notes_of("@kind"), "as a datagram socket", f"(pid {pid})")
    pid = hold(socket.AF_UNIX, socket.SOCK_STREAM, b"\0long".ljust(108, b"\0"))
    expect(notes_of("@long"), "other trailing zero bytes", f"(pid {pid})")
    pid = hold(socket.AF_UNIX, socket.SOCK_STREAM, b"\0short")
    expect(notes_of("@short" + 102 * r"\x00"), "other trailing zero bytes", f"(pid {pid})")


@trial("programs that share the port of a group set SO_REUSEADDR")
def groups(work):
    for held, asked in ("0.0.0.0", "224.0.0.251"), ("239.255.255.250", "0.0.0.0"), ("224.0.0.251", "224.0.0.251"):
        pid = hold(socket.AF_INET, socket.SOCK_DGRAM, (held, 5353), socket.SO_REUSEADDR)
        report = library.explain_bind(socket.socket(type=socket.SOCK_DGRAM), (asked, 5353), errno.EADDRINUSE)
        if not any(action.kind == "set-reuseaddr" and action.sufficient == "yes" for action in report.actions):
            raise Wrong(f"{held}, {asked}: {shown(report.raw)}")
        os.kill(pid, 9)
        sure(lambda: not socket_is_held(5353), "end of the holder")


def socket_is_held(port):
    return any(line.split()[1].endswith(f":{port:04X}") for line in open("/proc/net/udp").readlines()[1:])


@trial("an ordinary user's own server is ended first")
def own_server(work):
    code = "import socket, time; s = socket.create_server(('', 3001)); time.sleep(1000)"
    pid = spawn(["/usr/bin/python3", "-c", code], uid=USER)
    sure(lambda: is_listening(3001), "listener")
    report = ask("3001", uid=USER)
    if commands(report)[0][-2:] != ["-TERM", str(pid)]:
        raise Wrong(shown(report))
    status, said = addrinuse("--apply", "--yes", "3001", uid=USER)
    if not is_free(3001):
        raise Wrong(said)
