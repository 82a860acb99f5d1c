# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which node, which python, whose workers: real programs listen, and are called by what they run."""
import os
import pathlib

from inside import Wrong, addrinuse, ask, is_listening, need, spawn, sure, trial

PYTHON = "import socket,sys,time\ns=socket.create_server(('127.0.0.1',int(sys.argv[1])))\ntime.sleep(600)\n"
NODE = "require('net').createServer().listen(+process.argv[2],'127.0.0.1')\n"
PERL = ("use Socket;socket(S,PF_INET,SOCK_STREAM,0);bind(S,sockaddr_in($ARGV[0],inet_aton('127.0.0.1')))or die;"
        "listen(S,5);sleep 600;\n")


def expect(argv, label, words):
    argv = [*argv, "5000", "--password=hunter2"]
    pid = spawn(argv)
    sure(lambda: is_listening(5000), argv[0])
    report = ask("127.0.0.1:5000")
    told = report["conflicts"][0]["holders"][0]["label"]
    text = addrinuse("127.0.0.1:5000")[1]
    if told != label or f": {words} (pid {pid}) listens on" not in text or "hunter2" in text:
        raise Wrong(f"label {told}, wanted {label}: {text}")


def write(work, name, text, mode=0o644):
    path = pathlib.Path(work) / name
    path.write_text(text)
    path.chmod(mode)
    return path


@trial("a script of python's, by its path")
def by_path(work):
    script = write(work, "shop.py", PYTHON)
    expect([need("python3"), "-u", "-W", "ignore", script], "shop.py", "python3 shop.py")
    if f"holder    python3 {script}, pid " not in addrinuse("127.0.0.1:5000")[1]:
        raise Wrong("where the script is")


@trial("a script that names its interpreter itself")
def by_name(work):
    expect([write(work, "shop.py", f"#!{need('python3')}\n{PYTHON}", 0o755)], "shop.py", "shop.py")


@trial("a module of python's")
def module(work):
    os.mkdir(f"{work}/shop")
    write(f"{work}/shop", "__main__.py", PYTHON)
    expect([need("python3"), "-m", "shop"], "shop", "python3 shop")


@trial("python's code on the command line")
def code(work):
    expect([need("python3"), "-c", PYTHON], None, "python3")


@trial("a script of node's")
def node(work):
    expect([need("node"), "--max-old-space-size=64", write(work, "server.js", NODE)], "server.js", "node server.js")


@trial("a script of perl's")
def perl(work):
    expect([need("perl"), "-w", write(work, "server.pl", PERL)], "server.pl", "perl server.pl")


# ------------------------------------------------------ masters with workers

APP = "def app(environ, start):\n    start('200 OK', [])\n    return [b'x']\n"


def crew(argv, workers, label, words):
    """One holder in words: the master, whose end takes its workers along."""
    master = spawn(argv)
    sure(lambda: is_listening(5000), argv[0])
    sure(lambda: len(ask("127.0.0.1:5000")["conflicts"][0]["holders"]) == 1 + workers, "all workers")
    holders = ask("127.0.0.1:5000")["conflicts"][0]["holders"]
    if {h["leader"] for h in holders} != {master} or sum("worker" in h["flags"] for h in holders) != workers:
        raise Wrong(f"leader {master}: {[(h['pid'], h['leader'], h['flags']) for h in holders]}")
    if {h["label"] for h in holders} != {label}:
        raise Wrong(f"label {[h['label'] for h in holders]}, wanted {label}")
    text = addrinuse("127.0.0.1:5000")[1]
    crowd = f"{words} (pid {master} and {workers} worker{'s' if workers > 1 else ''})"
    if f": {crowd} listens on 127.0.0.1:5000\n" not in text or f"pid {master}, and {workers} worker" not in text:
        raise Wrong(f"wanted {crowd}: {text}")


@trial("nginx and its workers")
def nginx(work):
    config = write(work, "nginx.conf", "daemon off; worker_processes 3; pid nginx.pid; error_log stderr; events {}\n"
                   "http { access_log off; server { listen 127.0.0.1:5000; } }\n")
    crew([need("nginx"), "-p", work, "-c", config], 3, None, "nginx")


@trial("gunicorn, by its application")
def gunicorn(work):
    write(work, "shop.py", APP)
    crew([need("gunicorn"), "--chdir", work, "-w", "2", "-b", "127.0.0.1:5000", "shop:app"], 2, "shop:app",
         "gunicorn shop:app")


@trial("redis, whose title is one string")
def redis(work):
    pid = spawn([need("redis-server"), "--port", "5000", "--bind", "127.0.0.1", "--dir", work, "--requirepass", "hunter2"])
    sure(lambda: is_listening(5000), "redis-server")
    text = addrinuse("127.0.0.1:5000")[1]
    if f": redis-server (pid {pid}) listens on 127.0.0.1:5000\n" not in text or "hunter2" in text:
        raise Wrong(text)


@trial("npm start: the script, not npm")
def npm(work):
    write(work, "package.json", '{"scripts": {"start": "node server.js 5000"}}')
    write(work, "server.js", NODE)
    spawn([need("npm"), "--prefix", work, "start"])
    sure(lambda: is_listening(5000), "npm")
    text = addrinuse("127.0.0.1:5000")[1]
    if ": node server.js (pid " not in text:
        raise Wrong(text)
