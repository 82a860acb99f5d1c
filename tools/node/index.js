// SPDX-License-Identifier: LGPL-2.1-or-later
// Why is the address in use? README.md shows how to use this, index.d.ts has the types.
'use strict';

const dgram = require('node:dgram');
const net = require('node:net');
const native = require('./build/addrinuse.node');

const TCP = 0, UDP = 1, UNIX = 2, SURVEY = 3;
const REUSEADDR = 1, REUSEPORT = 2, V6ONLY = 4;
const SUN_PATH_BYTES = 108;
const SUBJECTS = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'EPERM', 'EINVAL']);

async function ask(kind, address, port, options, error) {
        const [json, text] = await native.ask(kind, address, port, options, error);
        const answer = JSON.parse(json);
        if (answer.schema !== 1)
                throw new Error(`libaddrinuse: an answer of schema ${answer.schema}`);
        Object.defineProperty(answer, 'text', { value: text.trimEnd(), enumerable: false });
        return answer;
}

function bits(kind, options) {
        // libuv sets SO_REUSEADDR on each TCP socket that it binds, and on a UDP socket with reuseAddr.
        return (kind === TCP || (kind === UDP && options.reuseAddr) ? REUSEADDR : 0) |
                (options.reusePort ? REUSEPORT : 0) | (options.ipv6Only ? V6ONLY : 0);
}

const PROTOCOLS = Object.assign(Object.create(null), { tcp: TCP, udp: UDP, unix: UNIX });

/** Would a server get this address? */
async function probe(address, port, options = {}) {
        const kind = PROTOCOLS[options.protocol ?? 'tcp'];
        if (kind === undefined)
                throw new TypeError(`no protocol of libaddrinuse: ${options.protocol}`);
        return ask(kind, address ?? null, kind === UNIX ? 0 : port, bits(kind, options), 0);
}

/** Every socket that listens, with its holders, and hazards. */
async function survey() {
        return ask(SURVEY, null, 0, 0, 0);
}

// Which socket the error is about, or undefined: net says "listen" for both calls of a server. "bind" is the call of
// dgram, of net.connect() with a localPort, and of a server in a worker of cluster.
function protocolOf(error, emitter) {
        if (typeof error.address === 'string' && !(error.port > 0) && !net.isIP(error.address.split('%')[0]))
                return 'unix';
        if (emitter instanceof dgram.Socket)
                return 'udp';
        return error.syscall === 'listen' || emitter instanceof net.Server || emitter instanceof net.Socket ? 'tcp' :
                undefined;
}

// Some versions of libuv fill an abstract name with zero bytes, which count.
async function explainAbstract(name, error) {
        const padded = name + '\0'.repeat(Math.max(0, SUN_PATH_BYTES - Buffer.byteLength(name)));
        const reports = await Promise.all([padded, name].map((each) => ask(UNIX, each, 0, 0, error)));
        return reports.find((report) => report.conflicts.some((conflict) => !conflict.observed_only)) ?? reports[1];
}

function isSubject(error) {
        return error instanceof Error && SUBJECTS.has(error.code) &&
                (error.syscall === 'listen' || error.syscall === 'bind');
}

/** The report about an error of listen() or bind(). */
async function explainError(error, options = {}) {
        if (!isSubject(error))
                throw new TypeError('not an error of listen() or bind()');
        const protocol = options.protocol ?? protocolOf(error, options.emitter);
        if (!protocol)
                throw new TypeError('TCP or UDP? The error does not say: options.protocol does');
        const kind = PROTOCOLS[protocol];
        if (kind === undefined)
                throw new TypeError(`no protocol of libaddrinuse: ${protocol}`);
        if (kind === UNIX && error.address?.startsWith('\0'))
                return explainAbstract(error.address, -error.errno || 0);
        return ask(kind, error.address ?? null, kind === UNIX ? 0 : error.port ?? 0, bits(kind, options),
                -error.errno || 0);
}

/** server.on('error', explain): prints the explanation on stderr. */
async function explain(error) {
        if (!isSubject(error)) {
                // As if there were no listener: the error is not hidden.
                process.nextTick(() => { throw error; });
                return null;
        }
        // A program whose only answer is this line has failed; one with a listener of its own decides itself.
        if (process.exitCode === undefined && !(this?.listenerCount?.('error') > 1))
                process.exitCode = 1;
        try {
                const report = await explainError(error, { emitter: this });
                process.stderr.write(`${report.text}\n`);
                return report;
        } catch (problem) {
                process.stderr.write(`${error.message} (not explained: ${problem.message})\n`);
                return null;
        }
}

module.exports = { explain, explainError, probe, survey, version: native.version };
