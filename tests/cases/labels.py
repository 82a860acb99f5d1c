# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which node, which python: real interpreters listen, and are called by what they run."""
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
