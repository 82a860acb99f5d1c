#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-audit.py ADDRINUSE

Each hazard is planted alone, in namespaces of its own: it is found, and nothing else. Then it is removed, and nothing
is found. Also the plan, Prometheus, hostile names, ordinary users, many sockets. 77 without root.
"""
import ctypes, json, os, re, resource, shutil, signal, subprocess, sys, tempfile, time

program = os.path.abspath(sys.argv[1])
PYTHON = os.path.realpath("/usr/bin/python3")
WAIT = 30


def skip(why):
    print("skipped:", why)
    sys.exit(77)


if os.geteuid() != 0:
    skip("root is needed for namespaces")
if "INSIDE" not in os.environ:
    if not shutil.which("unshare"):
        skip("no unshare(1)")
    os.environ["INSIDE"] = "1"
    # A shell is process 1: what is adopted by it is an orphan, what this script starts is none.
    os.execvp("unshare", ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", '"$@"; exit $?',
                          "init", sys.executable] + sys.argv)
if subprocess.run("ip link set lo up && ip addr add 10.0.0.5/32 dev lo && mount -t tmpfs none /run", shell=True).returncode:
    skip("no loopback device or no tmpfs")

DIRECTORY = tempfile.mkdtemp(prefix="test-audit-", dir="/run")
os.chmod(DIRECTORY, 0o755)
children, failures, checks = [], [], 0
next_port = 18000


def port():
    global next_port
    next_port += 1
    return next_port


def check(what, got, wanted):
    global checks
    checks += 1
    if got != wanted:
        failures.append(what)
        print(f"FAIL {what}: {got!r}, not {wanted!r}")


class Server:
    """A program that runs this code, and then sleeps."""
    def __init__(self, code, exe=PYTHON, args=(), **more):
        text = "import os, socket, subprocess, sys, time\n" + code + "\nprint('x', flush=True)\ntime.sleep(600)\n"
        self.process = subprocess.Popen([exe, "-c", text, *args], stdout=subprocess.PIPE, start_new_session=True,
                                        preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL), **more)
        if self.process.stdout.readline() != b"x\n":
            raise RuntimeError("a server did not start")
        self.pid = self.process.pid
        children.append(self)

    def end(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdout.close()


def end_all():
    while children:
        children.pop().end()


def sock(address, number, *options, kind="STREAM", listen=True):
    family = "AF_INET6" if ":" in address else "AF_INET"
    return (f"s = socket.socket(socket.{family}, socket.SOCK_{kind})\n"
            + "".join(f"s.setsockopt(socket.SOL_SOCKET, socket.{o}, 1)\n" for o in options)
            + f"s.bind(({address!r}, {number}))\n" + ("s.listen()\n" if listen and kind == "STREAM" else ""))


def other(name="otherd"):
    """Another program: another file with another name."""
    path = f"{DIRECTORY}/{name}"
    if not os.path.exists(path):
        shutil.copy(PYTHON, path)
    return path


def audit(*words, uid=None):
    user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all"] if uid else []
    return subprocess.run([*user, program, *words], capture_output=True, text=True, timeout=WAIT * 4)


def survey(*words, uid=None):
    done = audit("audit", "--json", *words, uid=uid)
    return done.returncode, json.loads(done.stdout)


def kinds(j):
    return sorted({h["kind"] for h in j["hazards"]})


def ports_of(j, hazard):
    return sorted({j["sockets"][i]["local"]["port"] for i in hazard["sockets"]})


def planted(kind, number, severity="warning"):
    status, j = survey()
    check(f"{kind}: found alone", kinds(j), [kind])
    check(f"{kind}: status", status, 1)
    if kinds(j) == [kind]:
        check(f"{kind}: port", ports_of(j, j["hazards"][0]), [number])
        check(f"{kind}: severity", j["hazards"][0]["severity"], severity)
    text = audit("audit").stdout
    check(f"{kind}: in words", f"{severity:10}{kind}: " in text, True)
    return j


def absent(kind):
    end_all()
    status, j = survey()
    check(f"{kind}: gone", (status, kinds(j), j["sockets"]), (0, [], []))


def reserved(text):
    with open("/proc/sys/net/ipv4/ip_local_reserved_ports", "w") as file:
        file.write(text + "\n")


def hazards():
    absent("nothing")
    n = port(); Server(sock("0.0.0.0", n, "SO_REUSEPORT")); Server(sock("127.0.0.1", n, "SO_REUSEPORT"), exe=other())
    planted("silent-overlap", n); absent("silent-overlap")
    n = port(); Server(sock("0.0.0.0", n, "SO_REUSEADDR", kind="DGRAM"))
    Server(sock("127.0.0.1", n, "SO_REUSEADDR", kind="DGRAM"), exe=other())
    planted("silent-overlap", n); absent("silent-overlap")
    n = port(); Server(sock("127.0.0.1", n, "SO_REUSEPORT")); Server(sock("127.0.0.1", n, "SO_REUSEPORT"), exe=other())
    planted("shared-port", n); absent("shared-port")
    n = port(); Server(sock("127.0.0.1", n, "SO_REUSEPORT", kind="DGRAM"))
    Server(sock("127.0.0.1", n, "SO_REUSEPORT", kind="DGRAM"), exe=other())
    j = planted("shared-port", n); absent("shared-port")
    check("options were read", [s["reuseport"] for s in j["sockets"]], ["yes", "yes"])
    n = port(); Server(sock("127.0.0.1", n, listen=False)); planted("bound-only", n); absent("bound-only")
    file = f"{DIRECTORY}/child"
    n = port()
    parent = Server(sock("127.0.0.1", n) + f"if os.fork() == 0:\n    open({file!r}, 'w').write(str(os.getpid()))\n"
                    f"    time.sleep(600)\nwhile not os.path.exists({file!r}) or not open({file!r}).read(): time.sleep(.05)")
    os.kill(parent.pid, signal.SIGKILL); parent.process.wait()
    j = planted("orphan", n)
    check("orphan: its command", j["hazards"][0]["fix"]["argv"], ["kill", open(file).read()])
    absent("orphan")
    n = port(); Server(sock("127.0.0.1", n) + "s.set_inheritable(True)\n"
                       "subprocess.Popen(['sleep', '600'], close_fds=False, stdout=subprocess.DEVNULL)\n")
    check("-q: the same status", audit("audit", "-q").returncode, audit("audit").returncode)
    planted("inherited", n); absent("inherited")
    n = port(); Server(sock("127.0.0.1", n), exe=other("replaced")); os.unlink(other("replaced"))
    planted("deleted-exe", n); absent("deleted-exe")
    Server(sock("0.0.0.0", 6379), exe=other("redis-server")); planted("public-debug", 6379); end_all()
    Server(sock("127.0.0.1", 6379), exe=other("redis-server")); check("public-debug: not public", kinds(survey()[1]), [])
    absent("public-debug")
    reserved("50000-50010")
    Server(sock("127.0.0.1", 40123)); Server(sock("127.0.0.1", 50005)); Server(sock("127.0.0.1", 40124, kind="DGRAM"))
    j = planted("ephemeral-range", 40123)
    check("ephemeral-range: its command", j["hazards"][0]["fix"]["argv"],
          ["sysctl", "-w", "net.ipv4.ip_local_reserved_ports=40123,50000-50010"])
    reserved("40123,50000-50010"); check("ephemeral-range: reserved", kinds(survey()[1]), [])
    absent("ephemeral-range"); reserved("")
    Server("s = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\n")
    check("ephemeral-range: the kernel chose it", (survey()[0], kinds(survey()[1])), (0, []))
    check("ephemeral-range: with -v", [h["severity"] for h in survey("-v")[1]["hazards"]], ["info"])
    end_all()


def no_false_alarm():
    n = port(); Server(sock("127.0.0.1", n)); Server(sock("10.0.0.5", n), exe=other())
    Server(sock("127.0.0.1", n, kind="DGRAM"), exe=other())
    n = port(); Server(sock("127.0.0.1", n, "SO_REUSEPORT")); Server(sock("127.0.0.1", n, "SO_REUSEPORT"))
    Server(sock("0.0.0.0", 5353, "SO_REUSEADDR", kind="DGRAM"))
    Server(sock("0.0.0.0", 5353, "SO_REUSEADDR", kind="DGRAM"), exe=other())
    status, j = survey()
    check("neighbours, workers, mDNS", (status, kinds(j), j["gaps"]), (0, [], []))
    end_all()


def plans():
    n, m = port(), port()
    Server(sock("127.0.0.1", n)); Server(sock("0.0.0.0", m, kind="DGRAM"), exe=other())
    written = audit("audit", "--write-plan")
    owner = os.path.basename(PYTHON)[:15]
    check("write-plan", (written.returncode, written.stdout),
          (0, f"127.0.0.1:{n}/tcp {owner}\n0.0.0.0:{m}/udp otherd\n"))
    path = f"{DIRECTORY}/plan"

    def compare(text):
        with open(path, "w") as file:
            file.write(text)
        status, j = survey(f"--plan={path}")
        return status, [(d["kind"], d["address"], d["planned"], d["owner"]) for d in j["plan"]]
    check("plan: as written", compare(written.stdout), (0, []))
    check("plan: comments and any", compare(f"# mine\n*:{n}/tcp *  # any\n\n\t0.0.0.0:{m}/udp\totherd\r\n"), (0, []))
    check("plan: two owners", compare(f"127.0.0.1:{n}/tcp a\n127.0.0.1:{n}/tcp {owner}\n*:{m}/udp *"), (0, []))
    check("plan: missing", compare(written.stdout + "[::1]:9/tcp x.service\n"),
          (1, [("missing", "[::1]:9/tcp", "x.service", None)]))
    check("plan: unexpected", compare(f"0.0.0.0:{m}/udp otherd\n"), (1, [("unexpected", f"127.0.0.1:{n}/tcp", None, owner)]))
    check("plan: wrong owner", compare(f"127.0.0.1:{n}/tcp x.service\n*:{m}/udp *\n"),
          (1, [("wrong-owner", f"127.0.0.1:{n}/tcp", "x.service", owner)]))
    for bad in ("garbage", "127.0.0.1:99999/tcp x", "127.0.0.1:80/tcp", "127.0.0.1:80/sctp x", "127.0.0.1:80/tcp x y",
                "nonsense:80/tcp x", "127.0.0.1:/tcp x", "[::1:80/tcp x", ":80/tcp x", "127.0.0.1:80tcp x", "/ x", ":/ x"):
        with open(path, "w") as file:
            file.write("# one\n\n" + bad + "\n")
        done = audit("audit", f"--plan={path}")
        check(f"plan: {bad}", (done.returncode, "line 3" in done.stderr), (2, True))
    check("plan: no file", audit("audit", "--plan=/none").returncode, 2)
    with open(path, "wb") as file:
        file.write(b"127.0.0.1:80/tcp x\0y\n")
    check("plan: a zero byte", audit("audit", f"--plan={path}").returncode, 2)
    with open(path, "w") as file:
        file.write(f"127.0.0.1:{n}/tcp x.service\n*:{m}/udp *\n")
    check("plan: who cannot see does not know", survey(f"--plan={path}", uid=1000)[0], 3)
    end_all()


SAMPLE = re.compile(r'(addrinuse_\w+)(\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*\})? -?\d+')


def metrics():
    n = port(); Server(sock("127.0.0.1", n)); Server(sock("127.0.0.1", n + 200, "SO_REUSEPORT", listen=False))
    Server(sock("127.0.0.1", n + 200, "SO_REUSEPORT", listen=False), exe=other('a "b\\c'))
    path = f"{DIRECTORY}/a.prom"
    done = audit("audit", f"--prometheus={path}")
    check("prometheus: status", (done.returncode, done.stdout), (0, ""))
    text = open(path).read()
    lines = text.splitlines()
    check("prometheus: samples", [x for x in lines if not x.startswith("#") and not SAMPLE.fullmatch(x)], [])
    check("prometheus: each once", len(set(lines)), len(lines))
    check("prometheus: a socket", sum(f'port="{n}"' in x for x in lines), 1)
    check("prometheus: hazards", 'addrinuse_hazards{kind="bound-only",severity="warning"} 2' in lines, True)
    check("prometheus: no pid", "pid" in text, False)
    check("prometheus: nothing left", os.listdir(DIRECTORY).count("a.prom"), 1)
    check("prometheus: for all to read", oct(os.stat(path).st_mode & 0o777), "0o644")
    check("prometheus: no directory", audit("audit", "--prometheus=/none/x").returncode, 2)
    if shutil.which("promtool"):
        check("promtool", subprocess.run(["promtool", "check", "metrics"], input=text, text=True).returncode, 0)
    end_all()


def hostile():
    """A name of a process, with everything that a table, JSON and Prometheus have to escape."""
    n = port()
    name = b'\x1b]0;\n"\\ #{}'
    Server(f"import ctypes\nctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)\n" + sock("127.0.0.1", n))
    status, j = survey()
    check("hostile: status", status, 0)
    check("hostile: owner", re.fullmatch(r"[!-~]+", j["sockets"][0]["owner"]) is not None
          and "#" not in j["sockets"][0]["owner"], True)
    for words in ((), ("audit",), ("audit", "--write-plan"), ("audit", "--prometheus"), ("audit", "--json"), ("--json",),
                  ("--width=60",)):
        text = audit(*words).stdout
        check(f"hostile: {words}", (text.endswith("\n"), re.sub(r"[ -~\n]", "", text)), (True, ""))
    path = f"{DIRECTORY}/hostile"
    with open(path, "w") as file:
        file.write(audit("audit", "--write-plan").stdout)
    check("hostile: the plan holds", audit("audit", f"--plan={path}").returncode, 0)
    m = port()
    Server("import ctypes\nctypes.CDLL(None).prctl(15, b'*', 0, 0, 0)\n" + sock("127.0.0.1", m))
    check("hostile: a name is not any owner", f"127.0.0.1:{m}/tcp \\x2a" in audit("audit", "--write-plan").stdout, True)
    check("hostile: one series", sum(f'port="{n}"' in x for x in audit("audit", "--prometheus").stdout.splitlines()), 1)
    end_all()


def overview():
    n = port(); Server(sock("127.0.0.1", n)); Server(sock("0.0.0.0", n + 300, listen=False))
    done = audit()
    check("overview: status", done.returncode, 0)
    line = next((x for x in done.stdout.splitlines() if x.startswith(f"127.0.0.1:{n}/tcp ")), "")
    check("overview: a line", f"python3" in line and f"pid {children[0].pid}" in line, True)
    check("overview: a note", "does not listen" in done.stdout, True)
    check("overview: a total", done.stdout.splitlines()[-1], "2 sockets, 1 hazard")
    check("overview: wrapped", max(map(len, audit("--width=60").stdout.splitlines())) <= 60, True)
    check("overview: as JSON", sorted(json.loads(audit("--json").stdout)), sorted(survey()[1]))
    check("overview: --check asks about an address", audit("--check").returncode, 2)
    check("audit: takes no address", audit("audit", "80").returncode, 2)
    check("audit: an unknown option", audit("audit", "--reuseaddr").returncode, 2)
    end_all()


def namespaces():
    """--scope=host: each namespace once, judged by itself; commands enter it."""
    if subprocess.run("ip netns add blue && ip netns exec blue ip link set lo up", shell=True).returncode:
        print("left out: ip netns")
        return
    n = port()
    enter = "import ctypes\nctypes.CDLL(None).setns(os.open('/run/netns/blue', os.O_RDONLY), 0)\n"
    leave = "import ctypes\nctypes.CDLL(None).unshare(0x40000000)\nsubprocess.run(['ip', 'link', 'set', 'lo', 'up'])\n"
    Server(sock("127.0.0.1", n, "SO_REUSEPORT"))
    Server(enter + sock("127.0.0.1", n, "SO_REUSEPORT") + "t = s\n" + sock("127.0.0.1", 40123), exe=other())
    Server(leave + sock("127.0.0.1", n), exe=other())
    check("scope: without it", (len(survey()[1]["sockets"]), kinds(survey()[1])), (1, []))
    status, j = survey("--scope=host")
    here = str(os.stat("/proc/self/ns/net").st_ino)
    blue = str(os.stat("/run/netns/blue").st_ino)
    away = str(os.stat(f"/proc/{children[2].pid}/ns/net").st_ino)
    check("scope: each once", {(s["netns"], s["netns_path"], s["local"]["port"], s["holders"][0]["pid"])
                               for s in j["sockets"]},
          {(here, None, n, children[0].pid), (blue, "/run/netns/blue", n, children[1].pid),
                  (blue, "/run/netns/blue", 40123, children[1].pid),
                  (away, f"/proc/{children[2].pid}/ns/net", n, children[2].pid)})
    check("scope: each by itself", (status, kinds(j)), (1, ["ephemeral-range"]))
    # These tests run in a pid namespace of their own, as a container does: what is outside cannot be seen.
    check("scope: what is outside", [g["text"].split(":")[0] for g in j["gaps"]],
          ["processes outside of this pid namespace cannot be seen"])
    check("scope: its command", j["hazards"][0]["fix"]["argv"],
          ["nsenter", "--net=/run/netns/blue", "--", "sysctl", "-w", "net.ipv4.ip_local_reserved_ports=40123"])
    check("scope: its words", j["hazards"][0]["text"].startswith("in network namespace blue, 127.0.0.1:40123/tcp "), True)
    subprocess.run(j["hazards"][0]["fix"]["argv"], stdout=subprocess.DEVNULL)
    check("scope: mended", (survey("--scope=host")[0], kinds(survey("--scope=host")[1])), (3, []))
    text = audit("--scope=host").stdout
    check("scope: a column", re.search(rf"(?m)^127.0.0.1:{n}/tcp +blue +", text) is not None, True)
    check("scope: a total", text.splitlines()[-1], "4 sockets in 3 network namespaces, 0 hazards")
    owner = os.path.basename(PYTHON)[:15]
    check("scope: a plan", audit("audit", "--scope=host", "--write-plan").stdout,
          f"127.0.0.1:{n}/tcp otherd\n127.0.0.1:{n}/tcp {owner}\n127.0.0.1:40123/tcp otherd\n")
    check("scope: series", sum(f'port="{n}"' in x for x in audit("audit", "--scope=host", "--prometheus").stdout.splitlines()), 2)
    status, j = survey("--scope=host", uid=1000)
    check("scope: uid 1000", (status, len(j["sockets"]), any("network namespace" in g["text"] for g in j["gaps"])), (3, 1, True))
    check("scope: with an address", audit("--scope=host", "80").returncode, 2)
    check("scope: an unknown one", audit("--scope=world").returncode, 2)
    os.symlink("/dev/zero", "/run/netns/zero"); os.mkfifo("/run/netns/fifo")
    check("scope: no namespaces", len(survey("--scope=host")[1]["sockets"]), 4)
    end_all()
    # Namespaces that come and go while they are looked at.
    churn = Server("if os.fork() == 0:\n    while True:\n        pid = os.fork()\n        if pid == 0:\n            "
                   "import ctypes\n            ctypes.CDLL(None).unshare(0x40000000)\n            "
                   "s = socket.socket(); s.bind(('', 1000)); s.listen(); time.sleep(.01); os._exit(0)\n        os.waitpid(pid, 0)\n")
    Server(sock("127.0.0.1", n))
    for i in range(20):
        status, j = survey("--scope=host")
        check("scope: vanishing", (status in (0, 1, 3), [s["netns"] for s in j["sockets"]].count(here)), (True, 1))
    end_all()
    os.unlink("/run/netns/zero"); os.unlink("/run/netns/fifo"); subprocess.run(["ip", "netns", "del", "blue"])


def names():
    """--unix: AF_UNIX sockets, paths and abstract names, in tables and JSON alone."""
    n = port()
    odd = f"{DIRECTORY}/a\x1b[1m\n#\"".encode() + b"\xff"
    Server(sock("127.0.0.1", n) + "u = socket.socket(socket.AF_UNIX)\nu.bind(%r)\nu.listen()\n"
           "v = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nv.bind(b'\\0audit x')\n"
           "c = socket.socket(socket.AF_UNIX)\nc.connect(%r)\na = u.accept()\nw = socket.socket(socket.AF_UNIX)\nw.bind('')\n"
           % (odd, odd))
    check("unix: not without it", len(survey()[1]["sockets"]), 1)
    status, j = survey("--unix")
    check("unix: status", (status, kinds(j), j["gaps"]), (0, [], []))
    check("unix: behind the others", [s["local"]["family"] for s in j["sockets"]][:2], ["inet", "unix"])
    mine = [s for s in j["sockets"] if s["local"]["family"] == "unix" and s["holders"] and s["holders"][0]["pid"] == children[0].pid]
    check("unix: a listener, not its connections", sorted(s["state"] for s in mine), ["bound", "bound", "listen"])
    text = audit("--unix").stdout
    check("unix: a table", (re.sub(r"[ -~\n]", "", text), "@audit x" in text), ("", True))
    check("unix: no plan", audit("audit", "--unix", "--write-plan").stdout, audit("audit", "--write-plan").stdout)
    check("unix: no series", "unix" in audit("audit", "--unix", "--prometheus").stdout, False)
    check("unix: with an address", audit("--unix", "80").returncode, 2)
    end_all()


def ordinary_user():
    n = port(); Server(sock("127.0.0.1", n))
    status, j = survey(uid=1000)
    check("uid 1000", (status, len(j["sockets"]), j["sockets"][0]["owner"], bool(j["gaps"]), j["unseen_processes"] > 0),
          (3, 1, None, True, True))
    done = audit(uid=1000)
    check("uid 1000: overview", (done.returncode, "not visible, uid 0" in done.stdout, "could not be inspected" in done.stdout),
          (0, True, True))
    end_all()


def many():
    """Not one look-up for each socket: system calls are counted, not time."""
    n = 3000
    hard = max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, hard))
    server = Server(f"many = []\nfor i in range({n}):\n    s = socket.socket(); s.bind(('127.0.0.1', 20000 + i)); s.listen()\n"
                    "    many.append(s)")
    status, j = survey()
    check("many: all with their holder", (status, sum([h["pid"] for h in s["holders"]] == [server.pid] for s in j["sockets"])),
          (0, n))
    if shutil.which("strace"):
        trace = f"{DIRECTORY}/trace"
        subprocess.run(["strace", "-f", "-qq", "-e", "trace=sendto,sendmsg,pidfd_getfd,getsockopt", "-o", trace, program,
                        "audit", "--json"], stdout=subprocess.DEVNULL, timeout=WAIT * 4)
        check("many: few requests", open(trace).read().count("\n") < 60, True)
    end_all()


def very_many():
    """More sockets than a survey keeps: memory is bounded, and what was cut is told. AIU_LONG=1."""
    if os.environ.get("AIU_LONG") != "1":
        return
    code = ("many = []\nfor i in range(2000):\n    s = socket.socket(); s.bind((sys.argv[1], 20000 + i)); s.listen()\n"
            "    many.append(s)")

    def start(first, last):
        for i in range(first, last):
            Server(code, args=[f"127.1.0.{i}"])

    def look():
        with open(f"{DIRECTORY}/out", "w+") as out:
            child = subprocess.Popen([program, "--deadline=0", "audit", "--json"], stdout=out)
            usage = os.wait4(child.pid, 0)[2]
            child.returncode = 0
            out.seek(0)
            return json.load(out), usage.ru_maxrss >> 10
    start(0, 100)
    j, mib = look()
    print(f"200,000 sockets: {mib} MiB")
    check("very many: all, with a holder", (len(j["sockets"]), sum(bool(s["owner"]) for s in j["sockets"]), j["gaps"]),
          (200000, 200000, []))
    check("very many: memory", mib < 800, True)
    start(100, 135)
    j, mib = look()
    print(f"270,000 sockets: {mib} MiB")
    check("very many: cut", (len(j["sockets"]) <= 262144, [g["kind"] for g in j["gaps"]].count("truncated") > 0), (True, True))
    check("very many: memory of more", mib < 1400, True)
    end_all()


for group in (hazards, no_false_alarm, plans, metrics, hostile, overview, namespaces, names, ordinary_user, many, very_many):
    try:
        group()
    finally:
        end_all()
print(f"{checks} checks, {len(failures)} failed")
shutil.rmtree(DIRECTORY, ignore_errors=True)
sys.exit(1 if failures else 0)
