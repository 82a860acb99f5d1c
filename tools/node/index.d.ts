// SPDX-License-Identifier: LGPL-2.1-or-later
// The fields are those of addrinuse-json(5). A newer library may add fields and words.

export type Tristate = 'yes' | 'no' | 'unknown';
export type Protocol = 'tcp' | 'udp' | 'unix';

export interface Inet { family: 'inet' | 'inet6' | 'vsock' | 'netlink'; address: string | null; port: number }
export interface Unix { family: 'unix'; path: string | null }
export type Address = Inet | Unix;

/** A process that has the socket open, or the kernel. Strings are escaped: printable ASCII. */
export interface Holder {
        kind: string;
        pid: number | null;
        ppid: number | null;
        uid: number | null;
        user: string | null;
        fds: number[];
        comm: string | null;
        label: string | null;
        exe: string | null;
        cwd: string | null;
        flags: string[];
        manager: string;
        unit: string | null;
        socket_unit: string | null;
        will_return: Tristate;
        container: string | null;
        supervisor: string | null;
        kernel_user: string | null;
}

/** One socket on the port, or name. */
export interface Conflict {
        overlap: string;
        state: string;
        reason: string;
        blocking: Tristate;
        local: Address | null;
        peer: Address | null;
        protocol: string | null;
        uid: number | null;
        device: string | null;
        reuseaddr: Tristate;
        reuseport: Tristate;
        v6only: Tristate;
        expires_usec: number;
        /** Present if no socket was seen: the caller's errno is all that is known. */
        observed_only?: true;
        holders: Holder[];
}

/** What frees the address; `sufficient` is "yes" if it alone is enough, tried out on the facts. */
export interface Action { kind: string; text: string; argv: string[] | null; sufficient: Tristate; flags: string[] }

/** What could not be seen or decided, and what that would take. */
export interface Gap { kind: string; error: string | null; backend: string | null; text: string }

export interface Report {
        schema: 1;
        version: string;
        verdict: 'unknown' | 'available' | 'in-use' | 'not-local' | 'not-permitted' | 'invalid';
        error: string | null;
        call: 'bind' | 'listen' | null;
        summary: string;
        retry: { class: 'now' | 'after' | 'event' | 'never' | 'unknown'; usec: number | null };
        conflicts: Conflict[];
        neighbours: Conflict[];
        actions: Action[];
        gaps: Gap[];
        /** What the command addrinuse would print. Not part of JSON.stringify(). */
        readonly text: string;
}

export interface SurveySocket {
        local: Address | null;
        protocol: string | null;
        state: string;
        owner: string | null;
        uid: number | null;
        holders: Holder[];
}

export interface Hazard {
        kind: string;
        severity: 'info' | 'warning' | 'error' | 'unknown';
        text: string;
        /** Indices into the sockets of the survey. */
        sockets: number[];
        fix: { text: string; argv: string[] | null } | null;
}

export interface Survey {
        schema: 1;
        version: string;
        sockets: SurveySocket[];
        hazards: Hazard[];
        gaps: Gap[];
        unseen_processes: number;
        readonly text: string;
}

/** What the would-be socket has. libuv sets SO_REUSEADDR on TCP sockets by itself. */
export interface Options {
        protocol?: Protocol;
        reuseAddr?: boolean;
        reusePort?: boolean;
        ipv6Only?: boolean;
}

/** The Error of net and dgram. */
export interface BindError extends Error {
        code?: string;
        errno?: number;
        syscall?: string;
        address?: string;
        port?: number;
}

/**
 * server.on('error', explain): prints the explanation on stderr. Sets process.exitCode to 1 if it is not set and this is
 * the only listener. An error that is not of listen() or bind() is thrown, as without a listener. Never rejects; null if
 * there is no explanation.
 */
export function explain(this: unknown, error: Error): Promise<Report | null>;

/**
 * The report about an Error of listen() or bind(). `emitter`, the server or socket, tells UDP from TCP, and so does
 * `protocol`; an error of listen() needs neither. Rejects with a TypeError where that is not known.
 */
export function explainError(error: BindError, options?: Options & { emitter?: unknown }): Promise<Report>;

/** Would a server get this address? null = every address of the host; for AF_UNIX a path, and the port does not count. */
export function probe(address: string | null, port: number, options?: Options): Promise<Report>;

/** Every socket of this network namespace that listens, with its holders, and hazards. */
export function survey(): Promise<Survey>;

/** The version of libaddrinuse. */
export const version: string;
