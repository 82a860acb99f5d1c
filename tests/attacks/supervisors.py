# SPDX-License-Identifier: LGPL-2.1-or-later
"""A supervisor's name is what a process calls itself: who may be told what to do with it?"""
import os
import pathlib
import struct
import time

from inside import (NOBODY, USER, apply, ask, call_yourself, commands, fork, is_listening, need, shown, spawn,
                    sufficient, sure, trial, Wrong)

PORT = 18080
SIGNALS = ("kill",)


def pretend(name, folder, environment, uid):
    """A supervisor, by name, of that user, in that folder, and the child of it that listens; pids of both."""
    def child():
        code = f"import socket, time; s = socket.socket(); s.bind(('127.0.0.1', {PORT})); s.listen(); time.sleep(1000)"
        os.chdir(folder)
        if os.fork() == 0:
            os.execve("/usr/bin/python3", ["python3", "-c", code], environment)
        call_yourself(name)

    supervisor = fork(child, uid=uid)
    sure(lambda: is_listening(PORT), "listener")
    return supervisor


def others(report):
    """Commands that are no signal to a process, and do not just ask again as root."""
    return [argv for argv in commands(report) if argv[0] not in SIGNALS and argv[:2] != ["sudo", "addrinuse"]]


def must_not_be_believed(name, folder, environment, uid=NOBODY, asker=0):
    pretend(name, folder, environment, uid)
    report = ask(f"127.0.0.1:{PORT}", uid=asker)
    if others(report):
        raise Wrong(f"told by {name} of uid {uid}: {others(report)}")
    bad = [what for what in sufficient(report) if what[0] in ("sv", "s6-svc", "svc", "supervisorctl", "pm2") or "stop" in str(what)]
    if bad:
        raise Wrong(f"sufficient on the word of {name}: {bad}")


FAKES = {
        "runsv": ("runsv", {}), "s6-supervise": ("s6-supervise", {}), "supervise": ("supervise", {}),
        "supervisord": ("supervisord", {"SUPERVISOR_PROCESS_NAME": "database", "SUPERVISOR_GROUP_NAME": "production"}),
        "supervisord, name all": ("supervisord", {"SUPERVISOR_PROCESS_NAME": "all", "SUPERVISOR_GROUP_NAME": "all"}),
        "supervisord, a whole group": ("supervisord", {"SUPERVISOR_PROCESS_NAME": "*", "SUPERVISOR_GROUP_NAME": "production"}),
        "supervisord, an option": ("supervisord", {"SUPERVISOR_PROCESS_NAME": "-c/x", "SUPERVISOR_GROUP_NAME": "-c/x"}),
        "PM2": ("PM2 v5.3.0: God", {"name": "api"}), "PM2, name all": ("PM2 v5.3.0", {"name": "all"}),
}


def add_fake(title, name, environment):
    @trial(f"fake {title} of nobody, asked by root")
    def by_root(work):
        must_not_be_believed(name, "/", environment)

    @trial(f"fake {title} of nobody, asked by another user")
    def by_user(work):
        must_not_be_believed(name, "/", environment, asker=USER)


for each, (its_name, its_environment) in FAKES.items():
    add_fake(each, its_name, its_environment)


@trial("fake runsv in a root-owned service directory")
def in_a_real_directory(work):
    folder = work / "etc/service/sshd"
    (folder / "supervise").mkdir(parents=True)
    must_not_be_believed("runsv", folder, {})


@trial("fake runsv whose working directory was reached through a symbolic link")
def through_a_link(work):
    (work / "etc/service/sshd/supervise").mkdir(parents=True)
    (work / "link").symlink_to(work / "etc/service/sshd")
    must_not_be_believed("runsv", work / "link", {})


@trial("supervisord of an ordinary user, asked by root")
def honest_but_another_users(work):
    must_not_be_believed("supervisord", "/", {"SUPERVISOR_PROCESS_NAME": "web", "SUPERVISOR_GROUP_NAME": "web"}, uid=USER)


def prepare(folder, target, shape):
    """A service directory of nobody, whose control file leads to a file of root's."""
    supervise = folder / "svc/supervise"
    supervise.mkdir(parents=True)
    real = supervise
    if shape == "directory":
        real = folder / "elsewhere"
        supervise.rmdir()
        real.mkdir()
        supervise.symlink_to(real)
    os.mkfifo(real / "ok")
    hop = target
    if shape == "two links":
        hop = folder / "hop"
        hop.symlink_to(target)
    (real / "control").symlink_to(hop)
    tai = int(time.time()) + 4611686018427387914
    (real / "status").write_bytes(struct.pack(">QI", tai, 0) + struct.pack("<I", 1) + b"\0u\0\1")
    for path in (folder / "svc", real, real / "ok", real / "status"):
        os.chown(path, NOBODY, NOBODY)


def writes_nothing(work, name, program, shape):
    need(program)
    secret = work / "shadow"
    secret.write_text("root:$y$secret:19000:0:99999:7:::\n")
    secret.chmod(0o600)
    prepare(work, secret, shape)

    def keep_open():
        return os.open(work / "svc/supervise/ok", os.O_RDWR)

    fork(keep_open, uid=NOBODY)
    pretend(name, work / "svc", {}, NOBODY)
    before = secret.read_bytes()
    said = apply(f"127.0.0.1:{PORT}", env={"SVWAIT": "1"})
    if secret.read_bytes() != before:
        raise Wrong(f"root wrote into its own file for {name}: {secret.read_bytes()}; {said}")


def add_writer(name, program, shape):
    @trial(f"{name}: control is a symbolic link to a file of root's ({shape})")
    def links(work):
        writes_nothing(work, name, program, shape)


for its_name, its_program in ("runsv", "sv"), ("s6-supervise", "s6-svc"):
    for its_shape in "one link", "two links", "directory":
        add_writer(its_name, its_program, its_shape)


@trial("a runsv that is root's own is believed")
def honest(work):
    need("runsv")
    service = pathlib.Path("/run/service/web")
    service.mkdir(parents=True)
    (service / "run").write_text(f"#!/bin/sh\nexec /usr/bin/python3 -m http.server {PORT} --bind 127.0.0.1\n")
    (service / "run").chmod(0o755)
    spawn(["runsv", service])
    sure(lambda: is_listening(PORT), "listener")
    report = ask(f"127.0.0.1:{PORT}")
    if ["sv", "down", str(service)] not in commands(report):
        raise Wrong(shown(report))


@trial("a user's own supervisord is told what to do by that user")
def own(work):
    pretend("supervisord", "/", {"SUPERVISOR_PROCESS_NAME": "web", "SUPERVISOR_GROUP_NAME": "web"}, USER)
    report = ask(f"127.0.0.1:{PORT}", uid=USER)
    if not any(argv[0] == "supervisorctl" for argv in commands(report)):
        raise Wrong(shown(report))
