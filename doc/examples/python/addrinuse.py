# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why is the address in use? libaddrinuse for Python: one file, no compiler, only ctypes.

    try:
        sock.bind(address)
    except OSError as error:
        print(addrinuse.explain_bind(sock, address, error), file=sys.stderr)
        raise

and in a coroutine, which must not block:

    except OSError as error:
        report = await addrinuse.explain_bind_async(sock, address, error)

bind_async() binds as soon as it can: it waits while the address is in use, on the kernel's own events, and does
not block either. It raises the OSError of bind() at once where waiting cannot help.

    await addrinuse.bind_async(sock, address, timeout=30)

wait() and wait_async() wait and leave the bind() to the caller. survey() lists every socket that listens, with its
holders and what will go wrong.

explain_bind(), explain_listen() and probe() return a Report: dataclasses made from the library's JSON
(addrinuse-json(5)). print() shows a Report as the command would. What the library cannot see is a Gap in it. Every
string is printable ASCII: other bytes are escaped. An OSError means that the arguments were invalid. RawReport has
the C accessors, for when JSON is too slow.
"""
from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import errno
import ipaddress
import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any, Callable, Dict, Optional, Tuple, Type, TypeVar, Union

OPTION_REUSEADDR, OPTION_REUSEPORT, OPTION_V6ONLY, OPTION_FREEBIND = 1, 2, 4, 8
RENDER_COLOR, RENDER_CMDLINE, RENDER_VERBOSE, RENDER_PRETTY = 1, 2, 4, 8

Error = Union[int, OSError, None]
Json = Dict[str, Any]
T = TypeVar("T")


# ------------------------------------------------------ the report

def _pick(cls: Type[T], fields: Json) -> T:
    """An instance from a JSON object. Unknown fields are ignored: new versions of the library add fields."""
    names = {field.name for field in dataclasses.fields(cls)}
    return cls(**{name: tuple(value) if isinstance(value, list) else value
                  for name, value in fields.items() if name in names})


@dataclasses.dataclass(frozen=True)
class Holder:
    """A process that has the socket open, or the kernel. Strings are escaped: printable ASCII."""
    kind: str
    pid: Optional[int] = None
    uid: Optional[int] = None
    user: Optional[str] = None
    comm: Optional[str] = None
    exe: Optional[str] = None
    cwd: Optional[str] = None
    fds: Tuple[int, ...] = ()
    flags: Tuple[str, ...] = ()
    manager: str = "unknown"
    unit: Optional[str] = None
    socket_unit: Optional[str] = None
    will_return: str = "unknown"
    container: Optional[str] = None
    supervisor: Optional[str] = None
    label: Optional[str] = None
    kernel_user: Optional[str] = None
    kernel_user_name: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Conflict:
    """One socket on the port (or name)."""
    overlap: str
    state: str
    reason: str
    blocking: str
    local: Optional[Json] = None
    peer: Optional[Json] = None
    uid: Optional[int] = None
    device: Optional[str] = None
    reuseaddr: str = "unknown"
    reuseport: str = "unknown"
    v6only: str = "unknown"
    expires_usec: int = 0
    holders: Tuple[Holder, ...] = ()

    @classmethod
    def from_json(cls, fields: Json) -> Conflict:
        return _pick(cls, {**fields, "holders": tuple(_pick(Holder, h) for h in fields["holders"])})


@dataclasses.dataclass(frozen=True)
class Action:
    """What frees the address. `sufficient` is "yes" if it alone is enough, tried out on the facts."""
    kind: str
    text: str
    sufficient: str
    argv: Optional[Tuple[str, ...]] = None
    flags: Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Gap:
    """What could not be seen or decided, and what that would take."""
    kind: str
    text: str
    error: Optional[str] = None
    backend: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Report:
    """The answer. `raw` is the complete JSON, `text` is what the command prints, and str() is that text."""
    verdict: str
    summary: str
    error: Optional[str]
    call: str
    retry: str
    conflicts: Tuple[Conflict, ...]
    neighbours: Tuple[Conflict, ...]
    actions: Tuple[Action, ...]
    gaps: Tuple[Gap, ...]
    raw: Json = dataclasses.field(repr=False)
    text: str = dataclasses.field(default="", repr=False, compare=False)

    @classmethod
    def from_json(cls, fields: Json, text: str = "") -> Report:
        if fields.get("schema") != 1:
            raise ValueError(f"a report of schema {fields.get('schema')}")
        return cls(verdict=fields["verdict"], summary=fields["summary"], error=fields["error"], call=fields["call"],
                   retry=fields["retry"]["class"],
                   conflicts=tuple(map(Conflict.from_json, fields["conflicts"])),
                   neighbours=tuple(map(Conflict.from_json, fields["neighbours"])),
                   actions=tuple(_pick(Action, action) for action in fields["actions"]),
                   gaps=tuple(_pick(Gap, gap) for gap in fields["gaps"]), raw=fields, text=text)

    def __str__(self) -> str:
        return self.text.rstrip("\n") or self.summary

    @property
    def available(self) -> bool:
        """Certainly free at the time of the query."""
        return self.verdict == "available"

    @property
    def retry_after(self) -> Optional[float]:
        """Seconds until waiting alone is enough, 0 if no wait is needed; None if that is not known."""
        usec = self.raw["retry"]["usec"]
        return None if usec is None else float(usec) / 1e6


# ------------------------------------------------------ the survey

@dataclasses.dataclass(frozen=True)
class Socket:
    """A socket that listens, or is bound and not connected."""
    local: Optional[Json]
    protocol: Optional[str]
    state: str
    owner: Optional[str]
    uid: Optional[int] = None
    device: Optional[str] = None
    reuseaddr: str = "unknown"
    reuseport: str = "unknown"
    v6only: str = "unknown"
    holders: Tuple[Holder, ...] = ()

    @classmethod
    def from_json(cls, fields: Json) -> Socket:
        return _pick(cls, {**fields, "holders": tuple(_pick(Holder, h) for h in fields["holders"])})


@dataclasses.dataclass(frozen=True)
class Hazard:
    """What will go wrong; `sockets` are the sockets of the survey that are concerned."""
    kind: str
    severity: str
    text: str
    sockets: Tuple[Socket, ...] = ()
    fix: Optional[Json] = None


@dataclasses.dataclass(frozen=True)
class Survey:
    """Every socket without a peer, and hazards. `raw` is the complete JSON."""
    sockets: Tuple[Socket, ...]
    hazards: Tuple[Hazard, ...]
    gaps: Tuple[Gap, ...]
    unseen_processes: int
    raw: Json = dataclasses.field(repr=False)
    text: str = dataclasses.field(default="", repr=False, compare=False)

    @classmethod
    def from_json(cls, fields: Json, text: str = "") -> Survey:
        if fields.get("schema") != 1:
            raise ValueError(f"a survey of schema {fields.get('schema')}")
        sockets = tuple(map(Socket.from_json, fields["sockets"]))
        hazards = (_pick(Hazard, {**hazard, "sockets": tuple(sockets[i] for i in hazard["sockets"])})
                   for hazard in fields["hazards"])
        return cls(sockets=sockets, hazards=tuple(hazards), gaps=tuple(_pick(Gap, gap) for gap in fields["gaps"]),
                   unseen_processes=fields.get("unseen_processes", 0), raw=fields, text=text)

    def __str__(self) -> str:
        return self.text.rstrip("\n")


# ------------------------------------------------------ the library

_library: Optional[ctypes.CDLL] = None


def library() -> ctypes.CDLL:
    """libaddrinuse.so.0 with the prototypes that this module uses, found like any shared library."""
    global _library
    if _library is None:
        lib = ctypes.CDLL("libaddrinuse.so.0", use_errno=True)
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (
                ("aiu_version", text, []),
                ("aiu_probe", pointer, [text, ctypes.c_uint16]),
                ("aiu_explain_bind", pointer, [ctypes.c_int, text, ctypes.c_uint32, ctypes.c_int]),
                ("aiu_explain_listen", pointer, [ctypes.c_int, ctypes.c_int]),
                ("aiu_query_new", ctypes.c_int, [pointer, ctypes.POINTER(pointer)]),
                ("aiu_query_unref", pointer, [pointer]),
                ("aiu_query_set_fd", ctypes.c_int, [pointer, ctypes.c_int]),
                ("aiu_query_set_address", ctypes.c_int, [pointer, text, ctypes.c_uint32]),
                ("aiu_wait_new", ctypes.c_int, [pointer, ctypes.POINTER(pointer)]),
                ("aiu_wait_unref", pointer, [pointer]),
                ("aiu_wait_get_fd", ctypes.c_int, [pointer]),
                ("aiu_wait_get_timeout_usec", ctypes.c_int, [pointer, ctypes.POINTER(ctypes.c_uint64)]),
                ("aiu_wait_process", ctypes.c_int, [pointer]),
                ("aiu_wait_get_basis", ctypes.c_int, [pointer]),
                ("aiu_wait_basis_to_string", text, [ctypes.c_int]),
                ("aiu_wait_get_report", pointer, [pointer]),
                ("aiu_survey_run", ctypes.c_int, [pointer, ctypes.c_uint32, ctypes.POINTER(pointer)]),
                ("aiu_survey_unref", pointer, [pointer]),
                ("aiu_survey_to_json", ctypes.c_int, [pointer, ctypes.c_uint32, ctypes.POINTER(pointer)]),
                ("aiu_survey_to_text", ctypes.c_int, [pointer, ctypes.c_uint32, ctypes.POINTER(pointer)]),
                ("aiu_report_unref", pointer, [pointer]),
                ("aiu_report_get_verdict", ctypes.c_int, [pointer]),
                ("aiu_verdict_to_string", text, [ctypes.c_int]),
                ("aiu_report_get_error", ctypes.c_int, [pointer]),
                ("aiu_report_get_summary", text, [pointer]),
                ("aiu_report_would_succeed_with", ctypes.c_int, [pointer, ctypes.c_uint32]),
                ("aiu_tristate_to_string", text, [ctypes.c_int]),
                ("aiu_report_to_json", ctypes.c_int, [pointer, ctypes.c_uint32, ctypes.POINTER(pointer)]),
                ("aiu_report_to_text", ctypes.c_int, [pointer, ctypes.c_uint32, ctypes.POINTER(pointer)])):
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        _library = lib
    return _library


_libc = ctypes.CDLL(None)
_libc.free.argtypes = [ctypes.c_void_p]
_libc.free.restype = None


def _check(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def _string(text: Optional[bytes]) -> str:
    return (text or b"").decode("ascii")


def _rendered(function: Callable[..., int], handle: Optional[int], flags: int) -> str:
    text = ctypes.c_void_p()
    _check(function(handle, flags, ctypes.byref(text)))
    try:
        return _string(ctypes.cast(text, ctypes.c_char_p).value)
    finally:
        _libc.free(text)


class RawReport:
    """A report with the C accessors. It is freed by close(), "with", or with its last reference."""

    def __init__(self, handle: Optional[int]):
        self._handle = handle
        if not handle:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        self._handle = library().aiu_report_unref(self._handle)

    def __enter__(self) -> RawReport:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()

    def verdict(self) -> str:
        return _string(library().aiu_verdict_to_string(library().aiu_report_get_verdict(self._handle)))

    def error(self) -> int:
        return int(library().aiu_report_get_error(self._handle))

    def summary(self) -> str:
        return _string(library().aiu_report_get_summary(self._handle))

    def would_succeed_with(self, options: int) -> str:
        """With these OPTION_* set as well: "yes", "no" or "unknown"."""
        return _string(library().aiu_tristate_to_string(library().aiu_report_would_succeed_with(self._handle, options)))

    def json(self, flags: int = 0) -> str:
        return _rendered(library().aiu_report_to_json, self._handle, flags)

    def text(self, flags: int = 0) -> str:
        return _rendered(library().aiu_report_to_text, self._handle, flags)

    def report(self, flags: int = 0) -> Report:
        return Report.from_json(json.loads(self.json(flags)), self.text(flags & RENDER_CMDLINE))


# ------------------------------------------------------ queries

def _sockaddr(family: int, address: Any) -> bytes:
    """The struct sockaddr of a numeric address as socket.bind() takes it."""
    head = struct.pack("=H", family)
    if family == socket.AF_INET:
        packed = ipaddress.IPv4Address(address[0] or "0.0.0.0").packed
        return head + struct.pack("!H", address[1]) + packed + bytes(8)
    if family == socket.AF_INET6:
        host, port, flow, scope = (tuple(address) + (0, 0))[:4]
        bare, _, zone = str(host or "::").partition("%")
        if zone:
            scope = int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
        return (head + struct.pack("!HI", port, flow) + ipaddress.IPv6Address(bare).packed + struct.pack("=I", scope))
    if family == socket.AF_UNIX:
        name = os.fsencode(address) if isinstance(address, (str, os.PathLike)) else bytes(address)
        return head + name + (b"" if name[:1] == b"\0" else b"\0")
    if family == socket.AF_VSOCK:
        return head + struct.pack("=HII4x", 0, address[1] & 0xffffffff, address[0] & 0xffffffff)
    if family == socket.AF_NETLINK:
        return head + struct.pack("=HII", 0, *address)
    raise OSError(errno.EAFNOSUPPORT, "no rules are known for this address family")


def _number(error: Error) -> int:
    if isinstance(error, OSError):
        return error.errno or 0
    return error or 0


def raw_explain_bind(sock: socket.socket, address: Any, error: Error = None) -> RawReport:
    packed = _sockaddr(sock.family, address)
    return RawReport(library().aiu_explain_bind(sock.fileno(), packed, len(packed), _number(error)))


def explain_bind(sock: socket.socket, address: Any, error: Error = None) -> Report:
    """Why did sock.bind(address) fail with this error? The socket is not changed."""
    with raw_explain_bind(sock, address, error) as raw:
        return raw.report()


def explain_listen(sock: socket.socket, error: Error = None) -> Report:
    """Why did sock.listen() fail with this error?"""
    with RawReport(library().aiu_explain_listen(sock.fileno(), _number(error))) as raw:
        return raw.report()


def probe(host: Optional[str], port: int) -> Report:
    """Would a TCP server get this address? None = all addresses."""
    if not 0 <= port <= 65535:
        raise OSError(errno.EINVAL, "not a port")
    name = None if host is None else os.fsencode(host)
    if name is not None and b"\0" in name:
        raise OSError(errno.EINVAL, "not an address")
    with RawReport(library().aiu_probe(name, port)) as raw:
        return raw.report()


def survey() -> Survey:
    """All sockets of this network namespace that listen, with their holders, and hazards."""
    handle = ctypes.c_void_p()
    _check(library().aiu_survey_run(None, 0, ctypes.byref(handle)))
    try:
        return Survey.from_json(json.loads(_rendered(library().aiu_survey_to_json, handle.value, 0)),
                                _rendered(library().aiu_survey_to_text, handle.value, 0))
    finally:
        library().aiu_survey_unref(handle)


# ctypes releases the interpreter's lock during a call, so a thread of the loop's executor is enough.

async def explain_bind_async(sock: socket.socket, address: Any, error: Error = None) -> Report:
    return await asyncio.get_running_loop().run_in_executor(None, explain_bind, sock, address, error)


async def probe_async(host: Optional[str], port: int) -> Report:
    return await asyncio.get_running_loop().run_in_executor(None, probe, host, port)


async def survey_async() -> Survey:
    return await asyncio.get_running_loop().run_in_executor(None, survey)


# ------------------------------------------------------ waiting

class Wait:
    """Until sock.bind(address) would succeed, for any event loop: poll fileno() for reading until timeout(), then call
    process(). The socket is only read from, and may be closed meanwhile."""

    def __init__(self, sock: socket.socket, address: Any):
        self._handle: Optional[ctypes.c_void_p] = None
        query, wait = ctypes.c_void_p(), ctypes.c_void_p()
        packed = _sockaddr(sock.family, address)
        _check(library().aiu_query_new(None, ctypes.byref(query)))
        try:
            _check(library().aiu_query_set_fd(query, sock.fileno()))
            _check(library().aiu_query_set_address(query, packed, len(packed)))
            _check(library().aiu_wait_new(query, ctypes.byref(wait)))
        finally:
            library().aiu_query_unref(query)
        self._handle = wait

    def close(self) -> None:
        self._handle = library().aiu_wait_unref(self._handle)

    def __enter__(self) -> Wait:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle:
            self.close()

    def fileno(self) -> int:
        return int(library().aiu_wait_get_fd(self._handle))

    def timeout(self) -> Optional[float]:
        """Seconds until process() is to be called, although nothing can be read; None = no limit."""
        usec = ctypes.c_uint64()
        _check(library().aiu_wait_get_timeout_usec(self._handle, ctypes.byref(usec)))
        return None if usec.value == 2 ** 64 - 1 else max(0.0, usec.value / 1e6 - time.monotonic())

    def process(self) -> Optional[bool]:
        """True: bind() would succeed now. None: not yet. False: waiting cannot help."""
        result = int(library().aiu_wait_process(self._handle))
        if result == -errno.EDEADLK:
            return False
        return _check(result) == 1 or None

    def basis(self) -> str:
        """What it hangs on: "event", "timer", "poll", "never"; "unknown" if there was nothing to wait for."""
        return _string(library().aiu_wait_basis_to_string(library().aiu_wait_get_basis(self._handle)))

    def report(self) -> Report:
        """The last look: who is in the way."""
        with RawReport(library().aiu_wait_get_report(self._handle)) as raw:
            return raw.report()

    async def over(self) -> bool:
        """As process(), when it is over."""
        loop, wake = asyncio.get_running_loop(), asyncio.Event()
        if self.fileno() >= 0:
            loop.add_reader(self.fileno(), wake.set)
        try:
            while (result := self.process()) is None:
                try:
                    await asyncio.wait_for(wake.wait(), self.timeout())
                except asyncio.TimeoutError:
                    pass
                wake.clear()
            return result
        finally:
            if self.fileno() >= 0:
                loop.remove_reader(self.fileno())


def wait(sock: socket.socket, address: Any, timeout: Optional[float] = None) -> bool:
    """True as soon as sock.bind(address) would succeed, False if waiting cannot help. TimeoutError after so many
    seconds. Another program may be faster than the bind() that follows."""
    end = None if timeout is None else time.monotonic() + timeout
    with Wait(sock, address) as waiting:
        poll = select.poll()
        if waiting.fileno() >= 0:
            poll.register(waiting.fileno(), select.POLLIN)
        while (result := waiting.process()) is None:
            rest = [seconds for seconds in (waiting.timeout(), end and end - time.monotonic()) if seconds is not None]
            if end is not None and end <= time.monotonic():
                raise TimeoutError(f"in use for {timeout} seconds")
            # Rounded up: to look too early would be to look twice. At most a day, which poll() can count.
            poll.poll(None if not rest else 1 + 1000 * min(86400.0, max(0.0, min(rest))))
        return result


async def wait_async(sock: socket.socket, address: Any, timeout: Optional[float] = None) -> bool:
    """As wait(); asyncio.TimeoutError after so many seconds."""
    with Wait(sock, address) as waiting:
        return await asyncio.wait_for(waiting.over(), timeout)


async def _bind(sock: socket.socket, address: Any) -> None:
    while True:
        try:
            return sock.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # Another program may be faster, so this is a loop.
            with Wait(sock, address) as waiting:
                if not await waiting.over():
                    raise


async def bind_async(sock: socket.socket, address: Any, timeout: Optional[float] = None) -> None:
    """sock.bind(address), as soon as the address is free. asyncio.TimeoutError after so many seconds."""
    await asyncio.wait_for(_bind(sock, address), timeout)


def main() -> int:
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        print("usage: addrinuse.py ADDRESS PORT", file=sys.stderr)
        return 2
    found = probe(sys.argv[1], int(sys.argv[2]))
    print(found.summary)
    for action in found.actions:
        print(f"{action.sufficient}: {action.text}")
    return 0 if found.available else 1


if __name__ == "__main__":
    sys.exit(main())
