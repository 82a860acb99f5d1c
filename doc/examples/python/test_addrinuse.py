#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_addrinuse.py LIBRARY_DIRECTORY [UID]: the module beside this file, with a real interpreter, the library that
was built, and sockets in a network namespace of its own. With a UID, as that user."""
import asyncio
import ctypes
import errno
import gc
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

if "AIU_INSIDE" not in os.environ:
    own = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if not shutil.which("ip") or subprocess.run([*own, "true"], stderr=subprocess.DEVNULL).returncode:
        print("skipped: may not make a network namespace")
        sys.exit(77)
    if sys.argv[2:] and os.geteuid():
        print("skipped: only root becomes another user")
        sys.exit(77)
    os.environ.update(AIU_INSIDE="1", LD_LIBRARY_PATH=sys.argv[1], PYTHONDONTWRITEBYTECODE="1")
    # Another user may not be allowed to read what this interpreter imports later.
    python = "/usr/bin/python3" if sys.argv[2:] and os.path.exists("/usr/bin/python3") else sys.executable
    os.execvp(own[0], [*own, "sh", "-c", 'ip link set lo up && exec "$0" "$@"', python, __file__, *sys.argv[2:]])

import addrinuse  # noqa: E402, only now can the library be found


def become(uid):
    """That user, who may not be allowed to read the library. /proc/self stays ours."""
    addrinuse.library()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)      # PR_SET_DUMPABLE


def listener(family=socket.AF_INET, host="127.0.0.1", **options):
    sock = socket.socket(family)
    sock.bind((host, 0))
    sock.listen()
    return sock


def failed_bind(sock, address):
    try:
        sock.bind(address)
    except OSError as error:
        return error
    raise AssertionError(f"{address} was free")


class Questions(unittest.TestCase):
    def test_version(self):
        self.assertRegex(addrinuse.library().aiu_version().decode(), r"^\d+\.\d+\.\d+$")

    def test_free(self):
        report = addrinuse.probe("127.0.0.1", 4242)
        self.assertTrue(report.available)
        self.assertEqual(report.verdict, "available")
        self.assertEqual(report.conflicts, ())
        self.assertIsNone(report.error)
        self.assertEqual((report.retry, report.retry_after), ("now", 0))

    def test_taken_by_ourselves(self):
        with listener() as first, socket.socket() as second:
            address = first.getsockname()
            report = addrinuse.explain_bind(second, address, failed_bind(second, address))
            self.assertEqual((report.verdict, report.error, report.call), ("in-use", "EADDRINUSE", "bind"))
            conflict, = report.conflicts
            self.assertEqual((conflict.state, conflict.reason, conflict.overlap), ("listen", "listening", "exact"))
            self.assertEqual(conflict.local, {"family": "inet", "address": "127.0.0.1", "port": address[1]})
            holder, = conflict.holders
            self.assertEqual((holder.kind, holder.pid), ("self", os.getpid()))
            self.assertIn(first.fileno(), holder.fds)
            self.assertIn(str(address[1]), report.summary)
            self.assertIn("fix-caller", [action.kind for action in report.actions])
            self.assertEqual((report.retry, report.retry_after), ("never", None))
            self.assertEqual(report.raw["schema"], 1)

    def test_print(self):
        """The one-liner: what a program prints in its error path."""
        with listener() as first, socket.socket() as second:
            address = first.getsockname()
            said = str(addrinuse.explain_bind(second, address, failed_bind(second, address)))
            self.assertTrue(said.startswith(f"127.0.0.1:{address[1]}/tcp is in use: this process"), said)
            self.assertIn("close that descriptor", said)
            self.assertFalse(said.endswith("\n"))
        self.assertIn("is free", str(addrinuse.probe("127.0.0.1", 4242)))

    def test_hostile_names(self):
        """A name is what the C text shows: printable ASCII, without a line or a color of its own."""
        with tempfile.TemporaryDirectory() as folder:
            with open("/proc/self/comm", "r+b", buffering=0) as comm:
                old = comm.read()
                comm.write(b"\x1b[31m\n\xff\"x")
            name = os.fsencode(folder) + b"/\xff\n\x1b]0;"
            try:
                for address in (name, os.fsdecode(name), b"\0\xff\n", "\0\udcff\n"):
                    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
                        raw = os.fsencode(address)
                        first.bind(raw)
                        first.listen()
                        report = addrinuse.explain_bind(second, address, failed_bind(second, raw))
                        self.assertEqual(report.verdict, "in-use")
                        self.assertEqual(report.conflicts[0].holders[0].comm, r'\x1b[31m\x0a\xff"x')
                        said = str(report) + report.summary + repr(report.raw)
                        self.assertRegex(said.replace("\n", ""), r"^[ -~]*$")
                        self.assertIn(r"\xff\x0a", said)
                    if raw[0]:
                        os.unlink(raw)
            finally:
                with open("/proc/self/comm", "wb", buffering=0) as comm:
                    comm.write(old.strip())

    def test_families(self):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as first:
            first.bind(("::1", 0))
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as second:
                address = first.getsockname()
                report = addrinuse.explain_bind(second, address, failed_bind(second, address))
                self.assertEqual(report.raw["query"]["protocol"], "udp")
                self.assertEqual(report.verdict, "in-use")
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as first:
            for name in (f"{folder}/s", "\0addrinuse-python"):
                with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
                    first.bind(name)
                    first.listen()
                    report = addrinuse.explain_bind(second, name, failed_bind(second, name))
                    self.assertEqual(report.verdict, "in-use")
                    self.assertEqual(report.conflicts[0].overlap, "unix-path")

    def test_listen(self):
        with socket.socket() as first, socket.socket() as second:
            for sock in (first, second):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            first.bind(("127.0.0.1", 0))
            second.bind(first.getsockname())
            first.listen()
            with self.assertRaises(OSError) as caught:
                second.listen()
            report = addrinuse.explain_listen(second, caught.exception)
            self.assertEqual((report.verdict, report.call), ("in-use", "listen"))

    def test_time_wait(self):
        with listener() as first:
            address = first.getsockname()
            client = socket.create_connection(address)
            server, _ = first.accept()
            server.close()
            client.recv(1)
            client.close()
        report = addrinuse.probe(*address)
        self.assertEqual(report.verdict, "in-use")
        self.assertEqual(report.retry, "after")
        self.assertTrue(0 < report.retry_after <= 61, report.retry_after)

    def test_nonsense(self):
        for question, number in ((lambda: addrinuse.probe("nowhere", 1), errno.EINVAL),
                                 (lambda: addrinuse.probe("::1", 70000), errno.EINVAL),
                                 (lambda: addrinuse.probe("fe80::1%nosuch", 1), errno.ENODEV),
                                 (lambda: addrinuse.probe("127.0.0.1\0", 1), errno.EINVAL),
                                 (lambda: addrinuse.probe("\udcff", 1), errno.EINVAL),
                                 (lambda: addrinuse.explain_listen(closed(), 98), errno.EBADF)):
            with self.assertRaises(OSError) as caught:
                question()
            self.assertEqual(caught.exception.errno, number)

    def test_other_families(self):
        """Numbers instead of addresses."""
        for family, type_, address, text in ((socket.AF_VSOCK, socket.SOCK_STREAM, (-1, 4242), "4242"),
                                             (socket.AF_NETLINK, socket.SOCK_RAW, (4242, 0), "4242")):
            try:
                first, second = socket.socket(family, type_), socket.socket(family, type_)
            except OSError:
                continue        # not in this kernel
            with first, second:
                first.bind(address)
                report = addrinuse.explain_bind(second, address, failed_bind(second, address))
                self.assertEqual(report.verdict, "in-use", report.raw)
                self.assertIn(text, report.summary)
        with self.assertRaises(OSError) as caught:
            addrinuse._sockaddr(socket.AF_PACKET, ("lo", 0))
        self.assertEqual(caught.exception.errno, errno.EAFNOSUPPORT)

    def test_survey(self):
        with listener() as first, socket.socket(type=socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            found = addrinuse.survey()
            mine = {(s.protocol, s.local["port"]): s for s in found.sockets}
            tcp = mine["tcp", first.getsockname()[1]]
            self.assertEqual(tcp.state, "listen")
            self.assertIn(tcp.holders[0].pid, (os.getpid(), None))      # None: the deadline passed
            self.assertIn(("udp", other.getsockname()[1]), mine)
            self.assertRegex(str(found), r"\d+ sockets, \d+ hazards?")
            self.assertEqual(found.raw["schema"], 1)

    def test_hazard(self):
        fields = {"schema": 1, "gaps": [], "plan": [], "unseen_processes": 2, "later": 1, "hazards": [
            {"kind": "orphan", "severity": "warning", "text": "t", "sockets": [1], "fix": None, "later": 1}], "sockets": [
            {"local": {"port": port}, "protocol": "tcp", "state": "listen", "owner": None, "holders": []} for port in (1, 2)]}
        found = addrinuse.Survey.from_json(fields, "text\n")
        self.assertEqual(found.hazards[0].sockets, (found.sockets[1],))
        self.assertEqual((found.unseen_processes, str(found)), (2, "text"))
        with self.assertRaises(ValueError):
            addrinuse.Survey.from_json({**fields, "schema": 2})

    def test_wait(self):
        with listener() as first, socket.socket() as second:
            address = first.getsockname()
            self.assertIs(addrinuse.wait(second, address), False)
        with socket.socket() as second:
            self.assertIs(addrinuse.wait(second, address), True)
            holder = subprocess.Popen([sys.executable, "-c", "import socket, sys\n"
                                       f"s = socket.create_server({address})\nprint(flush=True)\ninput()"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            holder.stdout.readline()
            with self.assertRaises(TimeoutError):
                addrinuse.wait(second, address, timeout=0.1)
            with self.assertRaises(TimeoutError):
                addrinuse.wait(second, address, timeout=0)
            threading.Timer(0.1, holder.communicate, [b"\n"]).start()
            self.assertIs(addrinuse.wait(second, address, timeout=100), True)
            holder.wait()

    def test_raw(self):
        with listener() as first, socket.socket() as second:
            address = first.getsockname()
            error = failed_bind(second, address)
            with addrinuse.raw_explain_bind(second, address, error) as raw:
                self.assertEqual((raw.verdict(), raw.error()), ("in-use", errno.EADDRINUSE))
                self.assertEqual(raw.would_succeed_with(addrinuse.OPTION_REUSEADDR), "no")
                self.assertEqual(raw.summary(), raw.report().summary)
                self.assertIn("holder", raw.text(addrinuse.RENDER_VERBOSE))
                with self.assertRaises(OSError):
                    raw.text(1 << 31)

    def test_fields_of_a_newer_library(self):
        with listener() as first:
            fields = dict(addrinuse.probe(*first.getsockname()).raw)
        fields["later"] = fields["conflicts"][0]["later"] = fields["conflicts"][0]["holders"][0]["later"] = 1
        self.assertEqual(addrinuse.Report.from_json(fields).verdict, "in-use")
        with self.assertRaises(ValueError):
            addrinuse.Report.from_json({**fields, "schema": 2})

    def test_leaves_nothing(self):
        with listener() as first:
            address = first.getsockname()
            addrinuse.probe(*address)
            gc.collect()
            before = sorted(os.listdir("/proc/self/fd"))
            for _ in range(20):
                addrinuse.probe(*address)
            gc.collect()
            self.assertEqual(sorted(os.listdir("/proc/self/fd")), before)


def closed():
    sock = socket.socket()
    sock.close()
    return sock


class Asyncio(unittest.IsolatedAsyncioTestCase):
    async def test_server(self):
        """What a user of asyncio meets: a second server on the port, while the loop goes on."""
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        with self.assertRaises(OSError) as caught:
            await asyncio.start_server(lambda reader, writer: None, *address)
        self.assertEqual(caught.exception.errno, errno.EADDRINUSE)
        with socket.socket() as sock:
            question = asyncio.ensure_future(addrinuse.explain_bind_async(sock, address, caught.exception))
            turns = 0
            while not question.done():
                await asyncio.sleep(0)
                turns += 1
            report = question.result()
        self.assertGreater(turns, 1)
        self.assertEqual(report.verdict, "in-use")
        self.assertEqual(report.conflicts[0].holders[0].pid, os.getpid())
        self.assertTrue((await addrinuse.probe_async("127.0.0.1", 4243)).available)
        self.assertIn(address[1], [s.local["port"] for s in (await addrinuse.survey_async()).sockets])
        server.close()

    async def test_bind_when_free(self):
        holder = subprocess.Popen([sys.executable, "-c", "import socket\ns = socket.create_server(('127.0.0.1', 4244))\n"
                                   "print('ready', flush=True)\ninput()\ns.close()\nprint('closed', flush=True)\ninput()"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"ready\n")
        with socket.socket() as sock:
            with addrinuse.Wait(sock, ("127.0.0.1", 4244)) as wait:
                self.assertIsNone(wait.process())
                self.assertEqual(wait.basis(), "event")
                # None: the deadline passed on a busy machine.
                self.assertIn(wait.report().conflicts[0].holders[0].pid, (holder.pid, None))
                self.assertGreaterEqual(wait.timeout(), 0)
            with self.assertRaises(asyncio.TimeoutError):
                await addrinuse.bind_async(sock, ("127.0.0.1", 4244), timeout=0.1)
            bound = asyncio.ensure_future(addrinuse.bind_async(sock, ("127.0.0.1", 4244)))
            await asyncio.sleep(0.1)
            self.assertFalse(bound.done())
            holder.stdin.write(b"\n")
            holder.stdin.flush()
            await bound
            self.assertEqual(sock.getsockname(), ("127.0.0.1", 4244))
        holder.communicate(b"\n")

    async def test_waiting_cannot_help(self):
        with listener() as first, socket.socket() as second:
            with self.assertRaises(OSError) as caught:
                await addrinuse.bind_async(second, first.getsockname())
            self.assertEqual(caught.exception.errno, errno.EADDRINUSE)
            with addrinuse.Wait(second, first.getsockname()) as wait:
                self.assertIs(wait.process(), False)
                self.assertEqual(wait.basis(), "never")
            self.assertIs(await addrinuse.wait_async(second, first.getsockname()), False)
            with addrinuse.Wait(second, ("127.0.0.1", 4245)) as wait:
                self.assertIs(wait.process(), True)
                self.assertIs(await wait.over(), True)
                self.assertTrue(wait.report().available)
            with self.assertRaises(OSError):
                await addrinuse.bind_async(second, ("192.0.2.1", 1))


if __name__ == "__main__":
    if sys.argv[1:]:
        become(int(sys.argv.pop(1)))
    unittest.main()
