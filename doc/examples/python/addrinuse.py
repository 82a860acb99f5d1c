# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why is the address in use? libaddrinuse for Python: one file, no compiler, only ctypes.

    try:
        sock.bind(address)
    except OSError as error:
        print(addrinuse.explain_bind(sock, address, error).summary)
        raise

and in a coroutine, which must not block:

    except OSError as error:
        report = await addrinuse.explain_bind_async(sock, address, error)

bind_async() binds as soon as it can: it waits while the address is in use, on the kernel's own events, and does
not block either. It raises the OSError of bind() at once where waiting cannot help.

    await addrinuse.bind_async(sock, address, timeout=30)

explain_bind(), explain_listen() and probe() return a Report: dataclasses made from the library's JSON
(addrinuse-json(5)). What the library cannot see is a Gap in it. An OSError means that the arguments
were invalid. RawReport has the C accessors, for when JSON is too slow.
"""
from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import errno
import ipaddress
import json
import os
import socket
import struct
import sys
import time
from typing import Any, Optional, Tuple, Union

OPTION_REUSEADDR, OPTION_REUSEPORT, OPTION_V6ONLY, OPTION_FREEBIND = 1, 2, 4, 8
RENDER_COLOR, RENDER_CMDLINE, RENDER_VERBOSE, RENDER_PRETTY = 1, 2, 4, 8

Error = Union[int, OSError, None]


# ------------------------------------------------------ the report

def _pick(cls: type, fields: dict) -> Any:
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


@dataclasses.dataclass(frozen=True)
class Conflict:
    """One socket on the port (or name)."""
    overlap: str
    state: str
    reason: str
    blocking: str
    local: Optional[dict] = None
    peer: Optional[dict] = None
    uid: Optional[int] = None
    device: Optional[str] = None
    reuseaddr: str = "unknown"
    reuseport: str = "unknown"
    v6only: str = "unknown"
    expires_usec: int = 0
    holders: Tuple[Holder, ...] = ()

    @classmethod
    def from_json(cls, fields: dict) -> Conflict:
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
    """The answer; `raw` is the complete JSON."""
    verdict: str
    summary: str
    error: Optional[str]
    call: str
    retry: str
    conflicts: Tuple[Conflict, ...]
    neighbours: Tuple[Conflict, ...]
    actions: Tuple[Action, ...]
    gaps: Tuple[Gap, ...]
    raw: dict = dataclasses.field(repr=False)

    @classmethod
    def from_json(cls, fields: dict) -> Report:
        if fields.get("schema") != 1:
            raise ValueError(f"a report of schema {fields.get('schema')}")
        return cls(verdict=fields["verdict"], summary=fields["summary"], error=fields["error"], call=fields["call"],
                   retry=fields["retry"]["class"],
                   conflicts=tuple(map(Conflict.from_json, fields["conflicts"])),
                   neighbours=tuple(map(Conflict.from_json, fields["neighbours"])),
                   actions=tuple(_pick(Action, action) for action in fields["actions"]),
                   gaps=tuple(_pick(Gap, gap) for gap in fields["gaps"]), raw=fields)

    @property
    def available(self) -> bool:
        """Certainly free at the time of the query."""
        return self.verdict == "available"

    @property
    def retry_after(self) -> Optional[float]:
        """Seconds until waiting alone is enough, 0 if no wait is needed; None if that is not known."""
        usec = self.raw["retry"]["usec"]
        return None if usec is None else usec / 1e6


# ------------------------------------------------------ the library

_library = None


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
        return library().aiu_verdict_to_string(library().aiu_report_get_verdict(self._handle)).decode()

    def error(self) -> int:
        return library().aiu_report_get_error(self._handle)

    def summary(self) -> str:
        return library().aiu_report_get_summary(self._handle).decode()

    def would_succeed_with(self, options: int) -> str:
        """With these OPTION_* set as well: "yes", "no" or "unknown"."""
        return library().aiu_tristate_to_string(
            library().aiu_report_would_succeed_with(self._handle, options)).decode()

    def _render(self, function: Any, flags: int) -> str:
        text = ctypes.c_void_p()
        result = function(self._handle, flags, ctypes.byref(text))
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        try:
            return ctypes.cast(text, ctypes.c_char_p).value.decode("ascii")
        finally:
            _libc.free(text)

    def json(self, flags: int = 0) -> str:
        return self._render(library().aiu_report_to_json, flags)

    def text(self, flags: int = 0) -> str:
        return self._render(library().aiu_report_to_text, flags)

    def report(self, flags: int = 0) -> Report:
        return Report.from_json(json.loads(self.json(flags)))


# ------------------------------------------------------ queries

def _sockaddr(family: int, address: Any) -> bytes:
    """The struct sockaddr of a numeric address as socket.bind() takes it."""
    head = struct.pack("=H", family)
    if family == socket.AF_INET:
        host = ipaddress.IPv4Address(address[0] or "0.0.0.0")
        return head + struct.pack("!H", address[1]) + host.packed + bytes(8)
    if family == socket.AF_INET6:
        host, port, flow, scope = (tuple(address) + (0, 0))[:4]
        bare, _, zone = (host or "::").partition("%")
        if zone:
            scope = int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
        return (head + struct.pack("!HI", port, flow) + ipaddress.IPv6Address(bare).packed + struct.pack("=I", scope))
    if family == socket.AF_UNIX:
        name = os.fsencode(address) if isinstance(address, (str, os.PathLike)) else bytes(address)
        return head + name + (b"" if name[:1] == b"\0" else b"\0")
    raise OSError(97, "neither AF_INET, AF_INET6 nor AF_UNIX")


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
        raise OSError(22, "not a port")
    with RawReport(library().aiu_probe(None if host is None else host.encode(), port)) as raw:
        return raw.report()


# ctypes releases the interpreter's lock during a call, so a thread of the loop's executor is enough.

async def explain_bind_async(sock: socket.socket, address: Any, error: Error = None) -> Report:
    return await asyncio.get_running_loop().run_in_executor(None, explain_bind, sock, address, error)


async def probe_async(host: Optional[str], port: int) -> Report:
    return await asyncio.get_running_loop().run_in_executor(None, probe, host, port)


# ------------------------------------------------------ waiting

def _check(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


class Wait:
    """Until sock.bind(address) would succeed, for any event loop: poll fileno() for reading until timeout(), then call
    process(). The socket is only read from, and may be closed meanwhile."""

    def __init__(self, sock: socket.socket, address: Any):
        self._handle = None
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
        return library().aiu_wait_get_fd(self._handle)

    def timeout(self) -> Optional[float]:
        """Seconds until process() is to be called, although nothing can be read; None = no limit."""
        usec = ctypes.c_uint64()
        _check(library().aiu_wait_get_timeout_usec(self._handle, ctypes.byref(usec)))
        return None if usec.value == 2 ** 64 - 1 else max(0.0, usec.value / 1e6 - time.monotonic())

    def process(self) -> Optional[bool]:
        """True: bind() would succeed now. None: not yet. False: waiting cannot help."""
        result = library().aiu_wait_process(self._handle)
        if result == -errno.EDEADLK:
            return False
        return _check(result) == 1 or None

    def basis(self) -> str:
        """What it hangs on: "event", "timer", "poll", "never"; "unknown" if there was nothing to wait for."""
        return library().aiu_wait_basis_to_string(library().aiu_wait_get_basis(self._handle)).decode()

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


async def _bind(sock: socket.socket, address: Any) -> None:
    while True:
        try:
            return sock.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # Another program may be faster, so this is a loop.
            with Wait(sock, address) as wait:
                if not await wait.over():
                    raise


async def bind_async(sock: socket.socket, address: Any, timeout: Optional[float] = None) -> None:
    """sock.bind(address), as soon as the address is free. asyncio.TimeoutError after so many seconds."""
    await asyncio.wait_for(_bind(sock, address), timeout)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: addrinuse.py ADDRESS PORT")
    found = probe(sys.argv[1], int(sys.argv[2]))
    print(found.summary)
    for action in found.actions:
        print(f"{action.sufficient}: {action.text}")
    sys.exit(not found.available)
