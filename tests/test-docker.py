#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-docker.py ADDRINUSE

The container behind docker-proxy, as an engine names it: a process with docker-proxy's name and words, and an HTTP
server on /run/docker.sock that answers as dockerd does, or as it should not. In namespaces of its own; 77 without root.
"""
import ctypes, json, os, shutil, signal, socket, subprocess, sys, threading, time

program = os.path.abspath(sys.argv[1])
PROXY = """
import ctypes, os, signal, socket, sys
ctypes.CDLL(None).prctl(15, b"docker-proxy", 0, 0, 0)
os.setuid(int(sys.argv[2]))
words = dict(zip(sys.argv[3::2], sys.argv[4::2]))
family = socket.AF_INET6 if ":" in words["-host-ip"] else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == socket.AF_INET6: s.setsockopt(41, 26, 1)
s.bind((words["-host-ip"], int(sys.argv[1]))); s.listen(); print("x", flush=True)
signal.pause()
"""


def skip(why):
    print("skipped:", why)
    sys.exit(77)


if os.geteuid() != 0:
    skip("root is needed for a /run of its own")
if "INSIDE" not in os.environ:
    if not shutil.which("unshare"):
        skip("no unshare(1)")
    os.environ["INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", sys.executable] + sys.argv)
if subprocess.run("ip link set lo up && mount -t tmpfs none /run", shell=True).returncode:
    skip("no loopback device or no tmpfs")

# Where docker(1) finds its engine is for some tests to say.
for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
    os.environ.pop(name, None)
os.environ["HOME"] = "/run"
failures, checks = 0, 0


def check(name, good, shown):
    global failures, checks
    checks += 1
    if not good:
        failures += 1
        print(f"FAIL {name}\n{shown}")


class Proxy:
    def __init__(self, port, ip="0.0.0.0", to="172.17.0.2", wrap=(), said=None, uid=0):
        self.child = subprocess.Popen([*wrap, sys.executable, "-c", PROXY, str(port), str(uid), "-proto", "tcp", "-host-ip", ip, "-host-port",
                                       str(said or port), "-container-ip", to, "-container-port", "80"], stdout=subprocess.PIPE)
        if self.child.stdout.readline() != b"x\n":
            skip("no fake proxy")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def container(name, port, ip="0.0.0.0", to="172.17.0.2"):
    return {"Id": "69a7f8e5e9ec", "Names": ["/" + name], "State": "running",
            "Ports": [{"IP": ip, "PrivatePort": 80, "PublicPort": port, "Type": "tcp"}],
            "NetworkSettings": {"Networks": {"bridge": {"IPAddress": to, "GlobalIPv6Address": ""}}}}


class Engine:
    """Answers each question with what answer() makes of it."""

    def __init__(self, answer, uid=0):
        self.asked, self.answer = [], answer
        self.socket = socket.socket(socket.AF_UNIX)
        if os.path.exists("/run/docker.sock"):
            os.unlink("/run/docker.sock")
        self.socket.bind("/run/docker.sock")
        os.seteuid(uid)
        self.socket.listen()
        os.seteuid(0)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            question = b""
            while b"\r\n\r\n" not in question and (more := peer.recv(4096)):
                question += more
            self.asked.append(question.decode())
            try:
                self.answer(peer)
            except OSError:
                pass
            peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


def says(*containers):
    body = json.dumps(list(containers)).encode()
    return lambda peer: peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body)


def ask(*words, **environment):
    return subprocess.run([program, *words], capture_output=True, text=True, env={**os.environ, **environment}).stdout


# The engine knows it: the first line, the command, the JSON.
with Proxy(8088), Engine(says(container("other", 8089), container("shop", 8088))) as engine:
    text = ask("8088")
    check("first line", "docker-proxy to 172.17.0.2:80 (pid" in text and "for container shop" in text.split("\n")[0], text)
    check("command", "do        docker stop shop\n" in text, text)
    check("question", len(engine.asked) == 1 and engine.asked[0].startswith(
        "GET /containers/json?filters=%7B%22publish%22%3A%5B%228088%2Ftcp%22%5D%7D HTTP/1.0\r\n"), engine.asked)
    holder = json.loads(ask("--json", "8088"))["conflicts"][0]["holders"][0]
    check("JSON", (holder["label"], holder["container"]) == ("172.17.0.2:80", "shop"), holder)
    engine.asked.clear()
    text = ask("--no-ipc", "8088")
    check("--no-ipc asks nothing", not engine.asked and "shop" not in text and "172.17.0.2:80" in text, text)
    engine.asked.clear()
    text = ask("8090")
    check("a free port asks nothing", not engine.asked, engine.asked)

# Both families are one container's.
with Proxy(8088), Proxy(8088, "::", "172.17.0.2"), \
        Engine(says({**container("shop", 8088), "Ports": container("", 8088)["Ports"] + container("", 8088, "::")["Ports"]})):
    text = ask("8088")
    check("stopped once", text.count("docker stop shop") == 1, text)

# What the engine says is not of this proxy, or no answer. Then no container is named.
def many(peer):
    peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n[")
    while True:
        peer.sendall(b" " * 65536)


answers = {
    "another address in the container's network": says(container("shop", 8088, to="172.17.0.3")),
    "another address of the host": says(container("shop", 8088, ip="127.0.0.1")),
    "two of them": says(container("shop", 8088), container("copy", 8088)),
    "none": says(),
    "a name that is an option": says(container("-f", 8088)),
    "a name with a blank": says(container("a b;reboot", 8088)),
    "an error": lambda peer: peer.sendall(b"HTTP/1.0 500 Internal Server Error\r\n\r\n{\"message\":\"shop\"}"),
    "nothing": lambda peer: None,
    "half an answer": lambda peer: peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps([container("shop", 8088)])[:-1].encode()),
    "noise": lambda peer: peer.sendall(os.urandom(4096)),
    "an endless answer": many,
}
for name, answer in answers.items():
    with Proxy(8088), Engine(answer):
        text = ask("8088")
        check(name, "docker stop" not in text and "for container" not in text and "docker ps --filter publish=8088" in text, text)

# It says nothing at all: the answer comes all the same.
release = threading.Event()
with Proxy(8088):
    with Engine(lambda peer: release.wait(30)):
        text = ask("8088")
        release.set()
    check("silence", "docker ps --filter publish=8088" in text, text)

# A socket that another user made is no engine, nor is one without a listener.
with Proxy(8088):
    with Engine(says(container("shop", 8088)), uid=65534):
        text = ask("8088")
    check("another user's socket", "docker stop" not in text and "shop" not in text, text)
    text = ask("8088")
    check("a stale socket", "docker ps --filter publish=8088" in text, text)

# A process of another user has the name and the words of docker-proxy, or a proxy has those of another port.
with Engine(says(container("shop", 8088))) as engine:
    with Proxy(8088, uid=65534):
        text = ask("8088")
        check("another user's proxy", "shop" not in text and not engine.asked, text)
    with Proxy(8099, said=8088):
        text = ask("8099")
        check("words of another port", "shop" not in text and not engine.asked, text)

# docker(1) asks another engine: its "shop" is another container.
with Proxy(8088), Engine(says(container("shop", 8088))) as engine:
    for words in {"DOCKER_HOST": "ssh://far"}, {"DOCKER_CONTEXT": "far"}:
        check(words, "shop" not in ask("8088", **words), words)
    for directory, words in ("/run/.docker", {}), ("/run/config", {"DOCKER_CONFIG": "/run/config"}):
        os.mkdir(directory)
        for text, named in ('{"auths":{}}', True), ('{"currentContext":"far"}', False), (" " * 99999, False):
            with open(directory + "/config.json", "w") as file:
                file.write(text)
            check(directory + text[:30], ("docker stop shop" in ask("8088", **words)) == named, text[:30])

# A container with an engine of its own: the same addresses, in another network namespace.
with Proxy(8088, wrap=("unshare", "-n")) as proxy, Engine(says(container("shop", 8088))):
    text = ask(f"--netns={proxy.child.pid}", "8088")
    check("another network namespace", "172.17.0.2:80" in text and "shop" not in text, text)

print(f"{checks - failures} of {checks} checks passed")
sys.exit(1 if failures else 0)
