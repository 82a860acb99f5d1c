#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-whose-word.py ADDRINUSE

What a user without privileges can make of root's report by names and descriptors: processes that are
called like supervisors, directories and cgroups of theirs, a descriptor that is planted in somebody
else's process. None of it gives root a command that acts on what that user named, and the honest
set-ups beside each keep theirs. In namespaces of its own; 77 without root.
"""
import array, ctypes, json, os, shutil, signal, socket, subprocess, sys, tempfile, time, traceback

# What may be written by all is not believed, whatever the umask of the caller.
os.umask(0o022)

USER, OTHER = 65534, 1000
libc = ctypes.CDLL(None, use_errno=True)
program = os.path.abspath(sys.argv[1])


def skip(why):
    print("skipped:", why)
    sys.exit(77)


if os.geteuid() != 0:
    skip("root is needed for processes of several users")
with open("/proc/self/uid_map") as uid_map:
    if uid_map.read().split() != ["0", "0", "4294967295"]:
        skip("in a user namespace uids do not tell users apart")
if "INSIDE" not in os.environ:
    if not shutil.which("unshare"):
        skip("no unshare(1)")
    os.environ["INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", sys.executable] + sys.argv)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

top = tempfile.mkdtemp(prefix="aiu-word-")
os.chmod(top, 0o755)
next_port, failures, checks = 8001, 0, 0


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def spawn(body):
    """A child that runs body(ready), and is there for good from the moment that it calls ready()."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        try:
            body(lambda: os.write(w, b"x"))
        except BaseException as error:      # a child must not go on as its parent
            traceback.print_exception(error)
            os._exit(1)
        while True:
            signal.pause()
    os.close(w)
    if os.read(r, 1) != b"x":
        print("a child did not come up")
        sys.exit(1)
    os.close(r)
    return pid


def listen(port):
    s = socket.socket()
    s.bind(("127.0.0.1", port))
    s.listen()
    os.set_inheritable(s.fileno(), True)
    return s


SERVER = """
import os, signal, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); os.write(int(sys.argv[2]), b"x")
while True: signal.pause()
"""


def supervised(name, directory="/", environment={}, supervisor=USER, child=USER):
    """A process of that name whose child listens; the port."""
    global next_port
    port, next_port = next_port, next_port + 1
    r, w = os.pipe()
    os.set_inheritable(w, True)

    def body(ready):
        os.chdir(directory)
        if os.fork() == 0:
            become(child)
            os.execve(python, [python, "-c", SERVER, str(port), str(w)], environment)
        os.close(w)
        become(supervisor)
        libc.prctl(4, 1, 0, 0, 0)       # dumpable, as after execve(2): its user may read its links
        libc.prctl(15, name.encode(), 0, 0, 0)
        if os.read(r, 1) == b"x":
            ready()

    spawn(body)
    return port


def ask(port, uid=0):
    def drop():
        if uid:
            become(uid)

    out = subprocess.run([program, "--json", "--deadline=60000", "127.0.0.1:%d" % port], capture_output=True, text=True,
                         preexec_fn=drop).stdout
    return json.loads(out)


def action(report, kind):
    for a in report["actions"]:
        if a["kind"] == kind:
            return a
    return None


def check(what, good, report):
    global failures, checks
    checks += 1
    if not good:
        failures += 1
        print("FAILED: %s\n    %s" % (what, json.dumps([report["conflicts"], report["actions"]])))


def expect_refused(what, report, kind="stop-unit"):
    a = action(report, kind)
    check(what, a and a["argv"] is None and a["sufficient"] != "yes" and "unconfirmed" in a["flags"], report)
    t = action(report, "terminate")
    check(what + ": the very process may be ended", t and t["argv"], report)


def expect_command(what, report, argv, kind="stop-unit"):
    a = action(report, kind)
    check(what, a and a["argv"] == argv and "unconfirmed" not in a["flags"], report)


# An interpreter in a home directory is not for all.
python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


# ---------------------------------------------------------------- supervisors

def service(name, uid=0, mode=0o755):
    directory = os.path.join(top, name)
    os.mkdir(directory)
    os.mkdir(directory + "/supervise", 0o700)
    for fifo in "control", "ok":
        os.mkfifo(directory + "/supervise/" + fifo, 0o600)
        os.chown(directory + "/supervise/" + fifo, uid, uid)
    os.chown(directory + "/supervise", uid, uid)
    os.chown(directory, uid, uid)
    os.chmod(directory, mode)
    return directory


def supervisors():
    roots, users = service("roots"), service("users", USER)
    for name, argv in ("runsv", ["sv", "down"]), ("s6-supervise", ["s6-svc", "-d"]), ("supervise", ["svc", "-d"]):
        port = supervised(name, users)
        expect_refused("a user's " + name, ask(port))
        expect_command("a user's %s, asked by that user" % name, ask(port, USER), argv + [users])
        expect_refused("a user's %s in root's directory" % name, ask(supervised(name, roots)))
        expect_command("root's " + name, ask(supervised(name, roots, supervisor=0, child=0)), argv + [roots])
        expect_command("root's %s of a service that drops its uid" % name,
                       ask(supervised(name, roots, supervisor=0, child=USER)), argv + [roots])
        expect_refused("root's %s in a user's directory" % name, ask(supervised(name, users, supervisor=0, child=0)))
    environment = {"SUPERVISOR_PROCESS_NAME": "database", "SUPERVISOR_GROUP_NAME": "production"}
    expect_refused("a user's supervisord", ask(supervised("supervisord", environment=environment)))
    expect_refused("root's supervisord, and an environment of a user's",
                   ask(supervised("supervisord", environment=environment, supervisor=0)))
    expect_command("root's supervisord", ask(supervised("supervisord", environment=environment, supervisor=0, child=0)),
                   ["supervisorctl", "stop", "production:database"])
    port = supervised("PM2 v5.3.0", environment={"name": "web"})
    expect_refused("a user's pm2", ask(port))
    expect_command("a user's pm2, asked by that user", ask(port, USER), ["pm2", "stop", "web"])
    expect_refused("a user's pm2, asked by a third user", ask(port, OTHER)) if action(ask(port, OTHER), "stop-unit") else None
    for name, environment in ("PM2 v5.3.0", {"name": "all"}), ("supervisord", {"SUPERVISOR_PROCESS_NAME": "x", "SUPERVISOR_GROUP_NAME": "all"}):
        report = ask(supervised(name, environment=environment, supervisor=0, child=0))
        check("all is no name", not action(report, "stop-unit"), report)


def swapped_directories():
    def after(what, change):
        directory = service(what)
        port = supervised("runsv", directory, supervisor=0, child=0)
        expect_command("before: " + what, ask(port), ["sv", "down", directory])
        change(directory)
        expect_refused(what, ask(port))

    def link(path, to):
        os.rename(path, path + ".away")
        os.symlink(to, path)

    after("control-is-a-link", lambda d: link(d + "/supervise/control", "/etc/shadow"))
    after("ok-is-a-link", lambda d: link(d + "/supervise/ok", "/etc/shadow"))
    after("supervise-is-a-users", lambda d: os.chown(d + "/supervise", USER, USER))
    after("supervise-is-for-all", lambda d: os.chmod(d + "/supervise", 0o777))
    after("the-directory-is-for-a-group", lambda d: (os.chown(d, 0, USER), os.chmod(d, 0o775)))
    after("control-is-a-file", lambda d: (os.unlink(d + "/supervise/control"), open(d + "/supervise/control", "w").close()))


# ---------------------------------------------------------------- descriptors

def handed_over(report):
    return any("handed-over" in h["flags"] for c in report["conflicts"] for h in c["holders"])


def planted():
    """A user's listening socket in another's process, sent over a socket pair."""
    global next_port
    port, next_port = next_port, next_port + 1
    ours, theirs = socket.socketpair()

    def victim(ready):
        become(holder)
        _, data, _, _ = theirs.recvmsg(1, socket.CMSG_SPACE(4))
        ready()

    for holder in 0, OTHER:
        pid = os.fork()
        if pid == 0:
            become(USER)
            s = listen(port)
            ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
            os._exit(0)
        os.waitpid(pid, 0)
        v = spawn(victim)
        report = ask(port)
        a = action(report, "terminate")
        check("planted in uid %d" % holder, handed_over(report) and a and a["sufficient"] != "yes" and
              "unconfirmed" in a["flags"] and "uid %d made the socket" % USER in a["text"], report)
        os.kill(v, signal.SIGKILL)
        os.waitpid(v, 0)


def not_planted():
    global next_port

    def dropped(ready):
        s = listen(next_port)
        become(USER)
        ready()
        signal.pause()

    def workers(ready):
        s = listen(next_port)
        for i in range(2):
            if os.fork() == 0:
                become(USER)
                while True:
                    signal.pause()
        ready()
        signal.pause()

    def own(ready):
        become(USER)
        s = listen(next_port)
        ready()
        signal.pause()

    def real_uid(ready):
        os.setresuid(USER, 0, 0)
        libc.setfsuid(USER)
        s = listen(next_port)
        libc.setfsuid(0)
        ready()
        signal.pause()

    def helper(ready):
        os.seteuid(USER)
        s = listen(next_port)
        os.seteuid(0)
        os.setresuid(OTHER, OTHER, OTHER)
        libc.prctl(15, b"conmon", 0, 0, 0)
        ready()
        signal.pause()

    for body in dropped, workers, own, real_uid, helper:
        spawn(body)
        report = ask(next_port)
        check("not handed over: " + body.__name__, report["conflicts"] and not handed_over(report), report)
        next_port += 1


# ---------------------------------------------------------------- cgroups

def cgroups():
    """Names below a cgroup of a user's, and below one of root's."""
    global next_port
    mount = next((m for m in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if os.path.exists(m + "/cgroup.procs") and
                  os.path.exists(m + "/cgroup.controllers")), None)
    home = mount and "%s/aiu-word-%d" % (mount, os.getpid())
    try:
        os.mkdir(home)
        with open("/proc/self/cgroup") as text:
            lines = text.read().splitlines()
        if any("name=systemd" in line and not line.endswith(":/") for line in lines):
            raise OSError("systemd's own hierarchy would tell first")
    except (OSError, TypeError) as error:
        print("cgroups: left out:", error)
        return
    made, children = [home], []
    try:
        for owner, name in (0, "roots"), (USER, "users"):
            parent = "%s/%s" % (home, name)
            os.mkdir(parent)
            os.chown(parent, owner, owner)
            leaf = parent + "/lxc.payload.victim"
            os.mkdir(leaf)
            made += [parent, leaf]

            def body(ready):
                with open(leaf + "/cgroup.procs", "w") as procs:
                    procs.write("0")
                become(owner)
                s = listen(next_port)
                ready()
                signal.pause()

            children.append(spawn(body))
            report = ask(next_port)
            if owner:
                expect_refused("a container's name below a user's cgroup", report, "stop-container")
            else:
                expect_command("a container's name below root's cgroup", report, ["lxc-stop", "-n", "victim"], "stop-container")
            next_port += 1
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for path in reversed(made):
            for i in range(100):
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(.05)


try:
    supervisors()
    swapped_directories()
    planted()
    not_planted()
    cgroups()
finally:
    shutil.rmtree(top, ignore_errors=True)
print("%d checks, %d failed" % (checks, failures))
sys.exit(1 if failures else 0)
