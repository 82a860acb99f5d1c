# SPDX-License-Identifier: LGPL-2.1-or-later
"""AF_UNIX: paths that are long, spelled in two ways, or not there."""
import ctypes
import errno
import os
import socket
import struct
import subprocess

import addrinuse as library
from inside import LIBC, addrinuse, fork, path_listener, shown, sure, trial, Cannot, Wrong

SOLE = 108      # bytes of sun_path


def raw_bind(fd, path):
    raw = struct.pack("=H", socket.AF_UNIX) + path
    return raw, 0 if LIBC.bind(fd, raw, len(raw)) == 0 else ctypes.get_errno()


@trial("a path of 108 bytes, without a NUL")
def cut_short(work):
    folder = str(work) + "/" + "x" * (90 - len(str(work)))
    os.mkdir(folder)
    path = f"{folder}/".encode().ljust(SOLE, b"y")
    server = socket.socket(socket.AF_UNIX)
    raw, error = raw_bind(server.fileno(), path)
    if error:
        raise Cannot(os.strerror(error))
    server.listen()
    other = socket.socket(socket.AF_UNIX)
    raw, error = raw_bind(other.fileno(), path)
    report = library.RawReport(library.library().aiu_explain_bind(other.fileno(), raw, len(raw), error)).report()
    if any(action.kind == "remove-file" for action in report.actions) or "this process" not in report.summary:
        raise Wrong(report.summary)
    status, said = addrinuse(path.decode())
    if status != 1:
        raise Wrong(f"status {status}: {said}")


@trial("a directory that is not there")
def no_directory(work):
    path = str(work / "missing/mysqld.sock")
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(path)
    except OSError as error:
        report = library.explain_bind(server, path, error).raw
    if "never succeed" in str(report) or str(work / "missing") not in " ".join(action["text"] for action in report["actions"]) + report["summary"]:
        raise Wrong(f"{report['summary']}; {shown(report)}")
    for action in report["actions"]:
        if action["argv"] and action["sufficient"] == "yes":
            subprocess.run(action["argv"], check=True)
            server.bind(path)
            return
    raise Wrong(f"no command is enough: {shown(report)}")


def no_netlink():
    """socket(AF_NETLINK) fails, as RestrictAddressFamilies= makes it."""
    filters = ((0x20, 0, 0, 0), (0x15, 0, 3, 41), (0x20, 0, 0, 16), (0x15, 0, 1, 16), (6, 0, 0, 0x50000 | errno.EAFNOSUPPORT),
               (6, 0, 0, 0x7fff0000))
    code = b"".join(struct.pack("=HBBI", *each) for each in filters)
    buffer = ctypes.create_string_buffer(code, len(code))
    LIBC.prctl(38, 1, 0, 0, 0)
    if LIBC.prctl(22, 2, struct.pack("@HP", len(filters), ctypes.addressof(buffer)), 0, 0):
        os._exit(77)


SPELLINGS = {"the same": "run/app", "through a link": "link/app", "two slashes": "run//app", "with a dot": "run/./app",
             "with two dots": "run/../run/app", "relative": None}


def add_spelling(title, spelling):
    @trial(f"no netlink, and the path is spelled in another way: {title}")
    def spelled(work):
        if os.uname().machine != "x86_64":
            raise Cannot("the filter is for x86_64")
        os.mkdir("run")
        os.symlink("run", "link")
        fork(path_listener, str(work / spelling) if spelling else "run/app")
        sure((work / "run/app").exists, "server")
        done = subprocess.run(["addrinuse", work / "run/app"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              preexec_fn=no_netlink)
        if done.returncode == 77:
            raise Cannot("no seccomp filter")
        if "not a socket" in done.stdout or "rm " in done.stdout or "nobody" in done.stdout or "is free" in done.stdout:
            raise Wrong(done.stdout)


for its_title, its_spelling in SPELLINGS.items():
    add_spelling(its_title, its_spelling)


@trial("listen() on a socket without a name")
def nameless(work):
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.listen()
        except OSError as error:
            summary = library.explain_listen(server, error).summary
        if "\\x00\\x00" in summary:
            raise Wrong(summary)
