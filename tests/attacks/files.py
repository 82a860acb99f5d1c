# SPDX-License-Identifier: LGPL-2.1-or-later
"""AF_UNIX: what lives is not stale, and what is removed is what was looked at."""
import os
import socket
import subprocess
import time

import addrinuse as library
from inside import (LIBC, NOBODY, addrinuse, apply, ask, attempt, commands, fork, need, path_listener, shown, spawn, sure,
                    trial, Wrong)


def must_not_remove(path, uids=(0,), before=()):
    """No report says that removing it is enough, and --apply does not."""
    identity = os.lstat(path)
    for uid in uids:
        report = ask(path, uid=uid, before=before)
        if any(argv[0] == "rm" for argv in commands(report)) or \
           any(action["kind"] == "remove-file" and action["sufficient"] == "yes" for action in report["actions"]):
            raise Wrong(f"uid {uid}: {report['summary']}; {shown(report)}")
        said = apply(path, uid=uid, before=before)
        try:
            now = os.lstat(path)
        except FileNotFoundError:
            raise Wrong(f"removed: {said}") from None
        if (now.st_dev, now.st_ino) != (identity.st_dev, identity.st_ino):
            raise Wrong(f"replaced: {said}")
    return report


def serve(path, kind=socket.SOCK_STREAM):
    pid = fork(path_listener, path, kind)
    sure(lambda: os.path.exists(path), "socket file")
    return pid


def unshared(path, *flags, kind="STREAM"):
    code = (f"import socket, sys, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_{kind}); s.bind(sys.argv[1]); "
            f"'{kind}' == 'DGRAM' or s.listen(); open(sys.argv[1] + '.up', 'w'); time.sleep(1000)")
    spawn(["unshare", *flags, "/usr/bin/python3", "-c", code, path])
    sure(lambda: os.path.exists(f"{path}.up"), "server")


# A server is held by a process, which may be ended: so the file is looked at through the report, and
# --apply is tried where no process is in sight.

for each in "STREAM", "DGRAM", "SEQPACKET":
    @trial(f"a live {each} server of another network namespace")
    def another_network(work, each=each):
        os.chmod(work, 0o755)
        unshared(work / "live", "--net", kind=each)
        must_not_remove(work / "live", (0, NOBODY))


@trial("a live server of other network, pid and mount namespaces")
def container(work):
    unshared(work / "live", "--net", "--pid", "--fork", "--mount-proc", "--ipc", "--uts")
    must_not_remove(work / "live")


@trial("a live server of another network namespace, whose file was renamed")
def renamed(work):
    unshared(work / "live", "--net")
    os.rename(work / "live", work / "other")
    must_not_remove(work / "other")


@trial("a live server in an overlay that another mount namespace has")
def overlay_elsewhere(work):
    for name in "lower", "upper", "work", "merged":
        os.mkdir(work / name)
    code = (f"import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('{work}/merged/live'); s.listen(); "
            f"open('{work}/merged/live.up', 'w'); time.sleep(1000)")
    spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c",
           f"mount -t overlay none -o lowerdir={work}/lower,upperdir={work}/upper,workdir={work}/work {work}/merged && "
           f"exec /usr/bin/python3 -c \"$1\"", "sh", code])
    sure(lambda: os.path.exists(work / "upper/live.up"), "server")
    must_not_remove(work / "upper/live")


def lives_on(work, path, uids=(0,)):
    """A server in sight under another name: the file is not called stale, no matter which process is named."""
    for uid in uids:
        report = ask(path, uid=uid)
        if any(action["kind"] == "remove-file" for action in report["actions"]):
            raise Wrong(f"uid {uid}: {report['summary']}; {shown(report)}")


@trial("a live server whose file was renamed")
def moved(work):
    serve(work / "a")
    os.rename(work / "a", work / "b")
    lives_on(work, work / "b", (0, NOBODY))


@trial("a live server through a hard link")
def linked(work):
    serve(work / "a")
    os.link(work / "a", work / "b")
    lives_on(work, work / "b", (0, NOBODY))


@trial("a live server through a bind mount")
def mounted(work):
    serve(work / "a")
    (work / "m").mkdir()
    attempt("mount", "--bind", work, work / "m")
    lives_on(work, work / "m/a", (0, NOBODY))


@trial("a live server through a symbolic link to its directory")
def directory_link(work):
    (work / "real").mkdir()
    serve(work / "real/a")
    (work / "link").symlink_to(work / "real")
    lives_on(work, work / "link/a", (0, NOBODY))


@trial("a live server on overlayfs")
def overlay(work):
    for name in "lower", "upper", "work", "merged":
        (work / "layers" / name).mkdir(parents=True) if name == "lower" else (work / "layers" / name).mkdir()
    top = work / "layers"
    attempt("mount", "-t", "tmpfs", "tmpfs", top / "lower")
    (work / "t").mkdir()
    attempt("mount", "-t", "tmpfs", "tmpfs", work / "t")
    for name in "upper", "work":
        (work / "t" / name).mkdir()
    attempt("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={top}/lower,upperdir={work}/t/upper,workdir={work}/t/work",
            top / "merged")
    serve(top / "merged/a")
    lives_on(work, top / "merged/a")


@trial("a live server on btrfs")
def btrfs(work):
    need("mkfs.btrfs")
    attempt("truncate", "-s", "200M", work / "image")
    attempt("mkfs.btrfs", "-q", work / "image")
    (work / "m").mkdir()
    attempt("mount", "-o", "loop", work / "image", work / "m")
    serve(work / "m/a")
    lives_on(work, work / "m/a")


@trial("a socket that is bound and does not listen yet")
def bound_only(work):
    def bind():
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(work / "a"))
        return server
    fork(bind)
    sure((work / "a").exists, "socket file")
    lives_on(work, work / "a", (0, NOBODY))


@trial("a server with a full backlog")
def full(work):
    def crowded():
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(work / "a"))
        server.listen(0)
        clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(str(work / "a"))
        return server, clients
    fork(crowded)
    sure((work / "a").exists, "socket file")
    lives_on(work, work / "a")


@trial("a listener that was inherited by a child only")
def inherited(work):
    def leave():
        server = path_listener(work / "a")
        if os.fork() == 0:
            return server
        os._exit(0)
    try:
        fork(leave)
    except ValueError:
        pass
    sure((work / "a").exists, "socket file")
    lives_on(work, work / "a")


@trial("the asker's own socket, bound twice, is not stale")
def own(work):
    for listening in False, True:
        path = str(work / f"own-{listening}")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            if listening:
                server.listen()
            try:
                server.bind(path)
            except OSError as error:
                report = library.explain_bind(server, path, error)
            if any(action.kind == "remove-file" for action in report.actions):
                raise Wrong(report.summary)
            other = socket.socket(socket.AF_UNIX)
            try:
                other.bind(path)
            except OSError as error:
                report = library.explain_bind(other, path, error)
            if any(action.kind == "remove-file" for action in report.actions):
                raise Wrong(report.summary)


@trial("a file, a directory, a FIFO and links to them are never removed")
def no_sockets(work):
    (work / "file").write_text("precious")
    (work / "directory").mkdir()
    os.mkfifo(work / "fifo")
    (work / "link").symlink_to("file")
    (work / "dangling").symlink_to("nothing")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind("stale")
    (work / "link to stale").symlink_to("stale")
    for name in "file", "directory", "fifo", "link", "dangling":
        must_not_remove(work / name)


@trial("a stale socket file is removed")
def stale(work):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("stale")
    said = apply(work / "stale")
    if os.path.lexists("stale"):
        raise Wrong(f"still there: {said}")


# ------------------------------------------------------ between the look and the removal


def swapped(work, call, swap):
    need("strace")
    (work / "pub").mkdir()
    (work / "etc").mkdir()
    (work / "etc/app").write_text("precious")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("pub/app")
    trace = ["strace", "-f", "-qq", "-o", "trace", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter=2500000:when=1"]
    asker = subprocess.Popen([*trace, "addrinuse", "-q", "--apply", "--yes", str(work / "pub/app")], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1.2)
    check = swap()
    said = asker.communicate(timeout=100)[0]
    check(said)


def link_instead(work):
    os.rename(work / "pub", work / "old")
    (work / "pub").symlink_to("etc")

    def check(said):
        if not (work / "etc/app").exists():
            raise Wrong(f"root removed a file of its own: {said}")
    return check


def directory_instead(work):
    os.rename(work / "pub", work / "old")
    os.rename(work / "etc", work / "pub")

    def check(said):
        if not (work / "pub/app").exists():
            raise Wrong(f"root removed a file of its own: {said}")
    return check


def file_instead(work):
    (work / "new").write_text("precious")
    os.rename(work / "new", work / "pub/app")

    def check(said):
        if not (work / "pub/app").exists():
            raise Wrong(f"root removed what was no socket: {said}")
    return check


def server_instead(work):
    keep = path_listener(work / "new")
    os.rename(work / "new", work / "pub/app")

    def check(said):
        if not (work / "pub/app").exists():
            raise Wrong(f"root removed the file of the server that had started: {said}; {keep}")
    return check


SWAPS = {"the directory becomes a symbolic link": link_instead, "the directory becomes another one": directory_instead,
         "the file becomes one that is precious": file_instead, "a server starts": server_instead}


def add_swap(title, swap, call):
    @trial(f"stale socket file: {title} before {call.split(',')[0]}()")
    def is_swapped(work):
        swapped(work, call, lambda: swap(work))


for its_title, its_swap in SWAPS.items():
    # Around the last call, no user can be kept from replacing the file itself.
    add_swap(its_title, its_swap, "clone,clone3,vfork")
    if its_swap in (link_instead, directory_instead):
        add_swap(its_title, its_swap, "unlinkat,unlink")


@trial("stale socket file: its directory changes all the time")
def restless(work):
    """Somebody exchanges it with a link to a directory of root's, as fast as the machine allows."""
    (work / "etc").mkdir()
    (work / "pub").mkdir()
    (work / "link").symlink_to("etc")
    pair = [os.fsencode(work / name) for name in ("pub", "link")]

    def exchange():
        while LIBC.renameat2(-100, pair[0], -100, pair[1], 2) == 0:
            pass
        return True
    swapper = fork_unready(exchange)
    try:
        end = time.monotonic() + 15     # a removal that is refused is waited for
        for _ in range(25):
            if time.monotonic() > end:
                break
            (work / "etc/app").write_text("precious")
            try:
                with socket.socket(socket.AF_UNIX) as left:
                    left.bind(str(work / "pub/app"))
            except OSError:
                pass        # it was the link just then
            said = apply(work / "pub/app")
            if not (work / "etc/app").exists():
                raise Wrong(f"root removed a file of its own: {said}")
    finally:
        os.kill(swapper, 9)


def fork_unready(function):
    """A child that is not waited for."""
    child = os.fork()
    if child == 0:
        function()
        os._exit(0)
    return child


# ------------------------------------------------------ names that are shell syntax

NAMES = ["$(touch harm)", "`touch harm`", "; touch harm", "a' ; touch harm '", 'a" ; touch harm "', "a\n touch harm", "-rf", "a b",
         "\x1b[2Jfree", "caf\xe9", "$'\\'';touch harm'", "%s%n$(touch harm)", "\\$(touch harm)", "~", "*", "!!", "\u202egnp"]


def pasted(work, shell):
    need(shell)
    for number, name in enumerate(NAMES):
        folder = work / str(number)
        folder.mkdir()
        path = os.path.join(os.fsencode(folder), name.encode("latin-1", "replace") if name == "caf\xe9" else name.encode())
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
        said = subprocess.run(["addrinuse", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60).stdout
        bad = [byte for byte in said if byte != 10 and not 0x20 <= byte <= 0x7e]
        if bad:
            raise Wrong(f"printed bytes {bad} for {name!r}")
        lines = said.decode().splitlines()
        first = next((at for at, line in enumerate(lines) if line.startswith("do ")), None)
        if first is None:
            continue
        command = [lines[first][3:].strip()]
        while command[-1].endswith("\\") and first + 1 < len(lines):
            first += 1
            command.append(lines[first].strip())
        subprocess.run([shell, "-c", "\n".join(command)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60)
        if any((place / "harm").exists() for place in (work, folder)):
            raise Wrong(f"{shell} executed the name {name!r}: {command}")
        if command[0].startswith("rm ") and os.path.lexists(path):
            raise Wrong(f"{shell} reads another name than {name!r}: {command}")


for each in "dash", "bash", "fish":
    @trial(f"names of socket files that are shell syntax, pasted into {each}")
    def names(work, each=each):
        pasted(work, each)
