# SPDX-License-Identifier: LGPL-2.1-or-later
"""Numbers, addresses and sysctls of another namespace."""
import os
import pathlib
import subprocess

from inside import (USER, addrinuse, apply, ask, attempt, commands, fork, is_listening, listener, lives, shown, spawn,
                    sure, trial, Cannot, Wrong)

PORT = 18080
ADDRESS = f"127.0.0.1:{PORT}"


def foreign_numbers(work, question, check):
    """The asker is in a pid namespace of its own, /proc is not: ten innocent processes have low numbers there."""
    fork(lambda: listener(PORT))
    sure(lambda: is_listening(PORT), "listener")
    script = f"""
i=0; while [ $i -lt 12 ]; do sleep 1000 & i=$((i + 1)); done
{question} >said 2>&1
echo $? >>said
for p in $(jobs -p); do kill -0 $p 2>/dev/null || echo "innocent $p" >>harm; done
jobs -l | grep -v Running >>harm
kill $(jobs -p)
"""
    subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script], timeout=100, stdin=subprocess.DEVNULL)
    said = (work / "said").read_text(errors="replace")
    harm = (work / "harm").read_text() if (work / "harm").exists() else ""
    if harm.strip():
        raise Wrong(f"{harm}: {said}")
    check(said)


@trial("/proc is of another pid namespace: --apply")
def another_proc(work):
    foreign_numbers(work, f"addrinuse -q --apply --yes {ADDRESS}", lambda said: None)


@trial("/proc is of another pid namespace: no command has one of its numbers")
def another_proc_asked(work):
    def check(said):
        import json
        report = json.loads(said.splitlines()[0])
        if any(argv[0] == "kill" for argv in commands(report)) or any(action["processes"] for action in report["actions"]):
            raise Wrong(shown(report))
        if any(action["signal"] and action["sufficient"] == "yes" for action in report["actions"]):
            raise Wrong(shown(report))
    foreign_numbers(work, f"addrinuse --json {ADDRESS}", check)


@trial("/proc is of a pid namespace further in")
def inner_proc(work):
    """A descendant's /proc, mounted where ours was: its numbers are others than ours."""
    script = f"""
mount -t proc proc {work}/inner
exec sleep 1000
"""
    (work / "inner").mkdir()
    fork(lambda: listener(PORT))
    sure(lambda: is_listening(PORT), "listener")
    attempt("mount", "--make-shared", "-t", "tmpfs", "tmpfs", str(work / "inner"))
    subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script], stdin=subprocess.DEVNULL)
    sure(lambda: (work / "inner/1").exists(), "inner /proc")
    done = subprocess.run(["unshare", "--mount", "sh", "-c",
                           f"mount --bind {work}/inner /proc && addrinuse --json {ADDRESS}"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60)
    if '"kill"' in done.stdout:
        raise Wrong(done.stdout)


def addresses():
    return attempt("ip", "-o", "address", "show")


def other_namespace():
    pid = spawn(["unshare", "--net", "sh", "-c", "ip link set lo up; exec sleep 1000"])
    own = os.readlink("/proc/self/ns/net")
    sure(lambda: os.readlink(f"/proc/{pid}/ns/net") != own and pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "namespace")
    return pid


def unchanged(question):
    before = addresses(), pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(), \
        pathlib.Path("/proc/sys/net/ipv4/ip_nonlocal_bind").read_text()
    said = question()
    after = addresses(), pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(), \
        pathlib.Path("/proc/sys/net/ipv4/ip_nonlocal_bind").read_text()
    if before != after:
        raise Wrong(f"the asker's own network was changed: {after}; {said}")


@trial("--netns: an address that is missing there is not added here")
def address_there(work):
    pid = other_namespace()
    unchanged(lambda: apply(f"--netns={pid}", "203.0.113.9:80"))
    unchanged(lambda: apply(f"--netns=/proc/{pid}/ns/net", "[2001:db8::9]:80"))


@trial("--netns: a privileged port there is not opened here")
def port_there(work):
    pid = other_namespace()
    unchanged(lambda: apply("--uid=1000", f"--netns={pid}", "127.0.0.1:81"))
    unchanged(lambda: apply("--uid=1000", f"--netns={pid}", "--apply=1", "127.0.0.1:81"))


@trial("--netns: each command that changes the network enters the namespace")
def commands_there(work):
    pid = other_namespace()
    for words in (["203.0.113.9:80"], ["--uid=1000", "127.0.0.1:81"], ["[2001:db8::9]:80"]):
        for argv in commands(ask(f"--netns={pid}", *words)):
            if argv[0] in ("ip", "sysctl"):
                raise Wrong(f"acts here, not there: {argv}")


@trial("the same port is held here and there: who holds it here is left alone")
def holder_there(work):
    pid = other_namespace()
    mine = fork(lambda: listener(PORT))
    spawn(["nsenter", f"--net=/proc/{pid}/ns/net", "/usr/bin/python3", "-m", "http.server", PORT, "--bind", "127.0.0.1"])

    def held():
        return addrinuse("-q", f"--netns={pid}", ADDRESS)[0] == 1
    sure(held, "listener there")
    said = apply("--reuseaddr", f"--netns={pid}", ADDRESS)
    if not lives(mine):
        raise Wrong(f"the holder of the asker's own namespace was ended: {said}")


@trial("an address that is missing here is not added by default")
def address_here(work):
    for address in "203.0.113.9:80", "[2001:db8::9]:80", "0.0.0.1:80", "224.0.0.1:80":
        unchanged(lambda: apply(address))


@trial("a privileged port is not opened to all users by default")
def privilege_here(work):
    unchanged(lambda: apply("--uid=1000", "127.0.0.1:81"))


@trial("--netns of a FIFO, a file, a socket and a process that is none does not hang")
def fifo(work):
    os.mkfifo("fifo")
    (work / "file").write_text("x")
    import socket
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket")
    for name in "fifo", "file", "socket", "/dev/tty", "/", "999999":
        try:
            status, said = addrinuse(f"--netns={work / name if name[0] not in '/9' else name}", "80", timeout=20)
        except subprocess.TimeoutExpired:
            raise Wrong(f"hangs with {name}") from None
        if status != 2:
            raise Wrong(f"status {status} with {name}: {said}")


@trial("root of a user namespace is not told to become root")
def root_of_its_own(work):
    fork(lambda: listener(PORT))
    sure(lambda: is_listening(PORT), "listener")
    status, said = addrinuse(ADDRESS, uid=USER, before=["unshare", "--user", "--map-root-user"])
    if status not in (1, 3):
        raise Cannot(f"status {status}: {said}")
    # It is root already: what it lacks, only root of the host has.
    if "sudo" in said or "needs root" in said or "as root" in said.replace("as root of the host", "").replace("from the host, as root", ""):
        raise Wrong(said)
