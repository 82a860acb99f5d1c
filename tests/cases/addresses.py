# SPDX-License-Identifier: LGPL-2.1-or-later
"""EADDRNOTAVAIL, EACCES, EINVAL: what people ran into, and what would not have helped them."""
import errno
import os
import pathlib
import socket
import struct
import subprocess

import addrinuse as library
from inside import LIBC, addrinuse, apply, ask, attempt, commands, shown, sure, trial, until, Cannot, Wrong


def veth():
    attempt("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb")
    for name in "va", "vb":
        attempt("ip", "link", "set", name, "up")


def addresses_of(device):
    return attempt("ip", "-o", "address", "show", "dev", device)


def adds_address(report):
    return [argv for argv in commands(report) if "address" in argv or "addr" in argv]


def try_commands(report):
    """Each command that is said to be enough has to be carried out without an error."""
    for action in report["actions"]:
        if action["argv"] and action["sufficient"] == "yes":
            done = subprocess.run(action["argv"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                raise Wrong(f"{action['argv']}: {done.stdout}")


def said_of(report):
    return " ".join([report["summary"], *(action["text"] for action in report["actions"]), *(gap["text"] for gap in report["gaps"])])


@trial("duplicate address detection failed: another machine has the address")
def dad_failed(work):
    veth()
    attempt("ip", "address", "add", "2001:db8::7/64", "dev", "vb", "nodad")
    attempt("ip", "address", "add", "2001:db8::7/64", "dev", "va")
    sure(lambda: "dadfailed" in addresses_of("va"), "failed detection")
    attempt("ip", "address", "del", "2001:db8::7/64", "dev", "vb")
    report = ask("[2001:db8::7]:53")
    if "uplicate" not in said_of(report) or [argv for argv in adds_address(report) if "lo" in argv]:
        raise Wrong(f"{report['summary']}; {shown(report)}")
    if any(action["kind"] == "wait" and action["sufficient"] == "yes" for action in report["actions"]):
        raise Wrong(f"waiting never ends: {shown(report)}")


def bind6(address, port, kind, device):
    with socket.socket(socket.AF_INET6, kind) as server:
        server.bind((address, port, 0, socket.if_nametoindex(device)))


@trial("duplicate address detection still runs for a link-local address")
def dad_runs(work):
    pathlib.Path("/proc/sys/net/ipv6/conf/default/dad_transmits").write_text("10")
    veth()
    sure(lambda: "tentative" in addresses_of("va"), "tentative address")
    address = addresses_of("va").split(" inet6 ")[1].split("/")[0]
    report = ask(f"[{address}%va]:546/udp")
    if adds_address(report):
        raise Wrong(f"{report['summary']}; {shown(report)}")
    if not any(action["kind"] == "wait" for action in report["actions"]):
        raise Wrong(f"waiting would help: {shown(report)}")


@trial("an address that is tentative on another device than was asked for")
def dad_elsewhere(work):
    veth()
    sure(lambda: "inet6 fe80" in addresses_of("va") and "inet6 fe80" in addresses_of("vb"), "addresses")
    address = addresses_of("va").split(" inet6 ")[1].split("/")[0]
    report = ask(f"[{address}%vb]:546/udp")
    if adds_address(report):
        raise Wrong(shown(report))
    if "va" not in said_of(report):
        raise Wrong(f"va has the address: {said_of(report)}")


def sandboxed(port):
    """What bind() says, and the report, below a Landlock rule against every bind()."""
    rules = struct.pack("=QQ", 0, 1)
    fd = LIBC.syscall(444, rules, len(rules), 0)
    if fd < 0:
        raise Cannot("no Landlock with network rules")
    LIBC.prctl(38, 1, 0, 0, 0)
    if LIBC.syscall(446, fd, 0):
        raise Cannot("Landlock does not restrict us")
    server = socket.socket()
    try:
        server.bind(("0.0.0.0", port))
    except OSError as error:
        return error.errno, library.explain_bind(server, ("0.0.0.0", port), error).raw
    raise Cannot("Landlock forbids nothing")


def no_sysctl(report):
    bad = [argv for argv in commands(report) if argv[0] == "sysctl"]
    if bad or any(action["kind"] == "grant-privilege" and action["sufficient"] == "yes" for action in report["actions"]):
        raise Wrong(f"{report['summary']}; {shown(report)}")


for each in 80, 8081, 65535:
    @trial(f"a policy forbids root to bind port {each}")
    def policy(work, each=each):
        no_sysctl(sandboxed(each)[1])


@trial("EPERM for an unprivileged port")
def eperm(work):
    no_sysctl(library.explain_bind(socket.socket(), ("0.0.0.0", 9000), errno.EPERM).raw)
    no_sysctl(library.explain_bind(socket.socket(socket.AF_INET6), ("::", 9000), errno.EACCES).raw)


def explained(server, address):
    try:
        server.bind(address)
    except OSError as error:
        return library.explain_bind(server, address, error).raw
    raise Cannot(f"{address} can be bound")


@trial("EINVAL for four reasons, which are told apart")
def einval(work):
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    only6 = socket.socket(socket.AF_INET6)
    only6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound_path = socket.socket(socket.AF_UNIX)
    bound_path.bind("first")
    reports = [explained(socket.socket(socket.AF_INET6), ("fe80::1", 8080, 0, 0)), explained(bound, ("127.0.0.1", 8080)),
               explained(only6, ("::ffff:127.0.0.1", 8080)), explained(bound_path, "second")]
    texts = [report["actions"][0]["text"] for report in reports]
    if len(set(texts)) < 3 or "%" not in texts[0] + reports[0]["summary"]:
        raise Wrong(str([(report["summary"], text) for report, text in zip(reports, texts)]))


@trial("a floating address that another machine has now")
def floating(work):
    attempt("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.mkdir("/run/netns")
    attempt("ip", "netns", "add", "client")
    attempt("ip", "link", "add", "vb", "type", "veth", "peer", "name", "va", "netns", "client")
    attempt("ip", "address", "add", "10.0.0.2/24", "dev", "vb")
    attempt("ip", "link", "set", "vb", "up")
    attempt("ip", "-n", "client", "address", "add", "10.0.0.1/24", "dev", "va")
    attempt("ip", "-n", "client", "link", "set", "va", "up")
    attempt("ip", "-n", "client", "link", "set", "lo", "up")

    def answers():
        attempt("ip", "-n", "client", "neigh", "flush", "all")
        attempt("ip", "netns", "exec", "client", "/usr/bin/python3", "-c",
                "import socket; socket.socket(2, 2).sendto(b'x', ('10.0.0.100', 9))")
        return until(lambda: "lladdr" in attempt("ip", "-n", "client", "neigh", "show", "10.0.0.100"), 0.5)
    report = ask("10.0.0.100:80")
    said = apply("10.0.0.100:80")
    if answers():
        raise Wrong(f"this machine answers for the address now: {said}")
    if "nonlocal_bind" not in str(report):
        raise Wrong(f"net.ipv4.ip_nonlocal_bind is not told of: {shown(report)}")
    adding = [number for number, action in enumerate(report["actions"]) if action["argv"] in adds_address(report)]
    if adding and (adding[0] != len(report["actions"]) - 1 or "host-wide" not in report["actions"][adding[0]]["flags"]):
        raise Wrong(f"not last, or not host-wide: {shown(report)}")


@trial("IPv6 is switched off")
def no_ipv6(work):
    for name in "all", "lo":
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    report = ask("[::1]:6379")
    if "disable_ipv6" not in str(report) or adds_address(report):
        raise Wrong(f"{report['summary']}; {shown(report)}")
    try_commands(report)


@trial("the address of one device, asked for on another")
def wrong_device(work):
    veth()
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"vb")
    try_commands(library.explain_bind(server, ("::1", 2626), errno.EADDRNOTAVAIL).raw)


@trial("the wildcard and addresses that no host has are not added")
def not_addresses(work):
    for address in "0.0.0.0", "224.0.0.1", "255.255.255.255", "0.1.2.3":
        report = library.explain_bind(socket.socket(), (address, 9999), errno.EADDRNOTAVAIL).raw
        if adds_address(report):
            raise Wrong(f"{address}: {shown(report)}")
    for address in "::", "ff02::1", "fe80::5":
        report = library.explain_bind(socket.socket(socket.AF_INET6), (address, 9999), errno.EADDRNOTAVAIL).raw
        if adds_address(report):
            raise Wrong(f"{address}: {shown(report)}")


@trial("no memory passes")
def no_memory(work):
    report = library.explain_bind(socket.socket(), ("0.0.0.0", 9999), errno.ENOMEM).raw
    if "never" in report["actions"][0]["text"] or "error 12" in report["summary"]:
        raise Wrong(f"{report['summary']}; {shown(report)}")


@trial("the address that was meant is reported")
def typing_error(work):
    veth()
    attempt("ip", "address", "add", "10.1.2.3/24", "dev", "va")
    report = ask("10.1.2.4:80")
    if "10.1.2.3" not in said_of(report):
        raise Wrong(said_of(report))
