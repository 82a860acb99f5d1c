# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cgroup's name below what was delegated to a user is that user's word."""
import os
import pathlib

from inside import LIBC, USER, Cannot, Wrong, ask, fork, is_listening, listener, shown, sure, trial

PORT = 18080
ID = "0123456789abcdef" * 4
DELEGATED = f"user.slice/user-{USER}.slice/user@{USER}.service"
STOPPERS = ("lxc-stop", "machinectl", "snap", "crictl", "docker", "podman", "nerdctl", "kubectl", "systemctl", "virsh", "nomad", "ecs")
CLONE_NEWCGROUP = 0x02000000
TREES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")


def own_tree():
    """A cgroup to be the root of a cgroup namespace, in each hierarchy that names a service; the folders."""
    made = []
    for tree in TREES:
        folder = pathlib.Path(f"{tree}/addrinuse-attack-{os.getpid()}-{os.stat('/proc/self/ns/pid').st_ino}")
        if not os.path.exists(f"{tree}/cgroup.procs"):
            continue
        try:
            folder.mkdir()
            (folder / "cgroup.procs").write_text("0")
        except OSError as error:
            leave(made)
            raise Cannot(f"no cgroup can be made: {error}") from None
        made.append(folder)
    if not made:
        raise Cannot("no cgroup hierarchy")
    return made


def leave(folders):
    for folder in folders:
        try:
            (folder.parent / "cgroup.procs").write_text("0")
            for inner, _, _ in os.walk(folder, topdown=False):
                for pid in pathlib.Path(f"{inner}/cgroup.procs").read_text().split():
                    (folder.parent / "cgroup.procs").write_text(pid)
                os.rmdir(inner)
        except OSError:
            pass


def below(folders, name):
    def enter():
        for folder in folders:
            inner = folder / name
            inner.mkdir(parents=True, exist_ok=True)
            at = folder
            for part in pathlib.Path(name).parts:
                at = at / part
                if at != folder / "user.slice" and at.name != f"user-{USER}.slice":
                    os.chown(at, USER, USER)
            (inner / "cgroup.procs").write_text("0")
        os.setgid(USER)
        os.setuid(USER)
        return listener(PORT)
    return fork(enter)


def must_not_be_believed(name):
    folders = own_tree()
    try:
        if LIBC.unshare(CLONE_NEWCGROUP):
            raise Cannot("no cgroup namespace")
        below(folders, name)
        sure(lambda: is_listening(PORT), "listener")
        report = ask(f"127.0.0.1:{PORT}")
        for action in report["actions"]:
            argv = action["argv"] or [""]
            as_that_user = any(str(USER) in word for word in argv)
            if argv[0] in STOPPERS and not as_that_user:
                raise Wrong(f"root is given {argv} for a name of uid {USER}")
            if action["kind"] in ("stop-unit", "stop-container") and action["sufficient"] == "yes":
                raise Wrong(f"sufficient on the word of uid {USER}: {shown(report)}")
    finally:
        leave(folders)


NAMES = ["lxc.payload.victim", "app.slice/machine-victim.scope", "app.slice/snap.lxd.daemon.service",
         f"cri-containerd-{ID}.scope",
         f"docker-{ID}.scope", f"kubepods/{ID}", f"libpod-{ID}.scope", "app.slice/nginx.service", "lxc/victim", f"ecs/{ID}",
         "machine.slice/machine-qemu\\x2d1\\x2dvictim.scope", f"system.slice/docker-{ID}.scope", "system.slice/ssh.service"]


def add(name):
    @trial(f"a user's cgroup is called {name.replace(ID, 'ID')}")
    def called(work):
        must_not_be_believed(f"{DELEGATED}/{name}")


for each in NAMES:
    add(each)


@trial("a cgroup that was given to a user outside of any service manager is called lxc.payload.victim")
def given(work):
    must_not_be_believed("team/lxc.payload.victim")
