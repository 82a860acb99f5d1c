// SPDX-License-Identifier: LGPL-2.1-or-later
'use strict';

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const dgram = require('node:dgram');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const addrinuse = require('..');

async function listen(...where) {
        const server = net.createServer().listen(...where);
        await once(server, 'listening');
        return server;
}

async function failure(emitter) {
        const [error] = await once(emitter, 'error');
        return error;
}

const started = (args) => spawn(process.execPath, [path.join(__dirname, 'server.js'), ...args.map(String)]);

test('a free address', async () => {
        const report = await addrinuse.probe('127.0.0.1', 4242);
        assert.strictEqual(report.verdict, 'available');
        assert.match(report.text, /is free/);
        assert.match(addrinuse.version, /^\d+\.\d+\.\d+$/);
});

test('an error of a server', async () => {
        const first = await listen(0, '127.0.0.1');
        const { port } = first.address();
        const second = net.createServer().listen(port, '127.0.0.1');
        const report = await addrinuse.explainError(await failure(second));
        assert.deepStrictEqual([report.verdict, report.error], ['in-use', 'EADDRINUSE']);
        assert.deepStrictEqual(report.conflicts[0].local, { family: 'inet', address: '127.0.0.1', port });
        assert.strictEqual(report.conflicts[0].holders[0].pid, process.pid);
        assert.strictEqual(report.query.reuseaddr, true);
        assert.ok(report.text.startsWith(report.summary));
        assert.ok(!JSON.stringify(report).includes(JSON.stringify(report.text)));
        first.close();
});

test('every address, where net chooses', async () => {
        const first = await listen(0);
        const second = net.createServer().listen(first.address().port);
        const report = await addrinuse.explainError(await failure(second));
        assert.strictEqual(report.verdict, 'in-use');
        first.close();
});

test('the event loop goes on', async () => {
        let turns = 0;
        const timer = setInterval(() => turns++, 0);
        await Promise.all(Array.from({ length: 8 }, (_, i) => addrinuse.probe('127.0.0.1', 5000 + i)));
        clearInterval(timer);
        assert.ok(turns > 0);
});

test('UDP', async () => {
        const first = dgram.createSocket('udp4').bind(0, '127.0.0.1');
        await once(first, 'listening');
        const second = dgram.createSocket('udp4');
        second.bind(first.address().port, '127.0.0.1');
        const error = await failure(second);
        const report = await addrinuse.explainError(error, { emitter: second });
        assert.deepStrictEqual([report.verdict, report.query.protocol], ['in-use', 'udp']);
        await assert.rejects(addrinuse.explainError(error), TypeError);
        assert.strictEqual((await addrinuse.explainError(error, { protocol: 'udp' })).verdict, 'in-use');
        first.close();
        second.close();
});

test('a client with a port of its own', async () => {
        const server = await listen(0, '127.0.0.1');
        const { port } = server.address();
        const client = net.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.1', localPort: port });
        const error = await failure(client);
        const report = await addrinuse.explainError(error, { emitter: client });
        assert.strictEqual(report.query.protocol, 'tcp');
        server.close();
});

test('a path', async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'addrinuse-'));
        const name = path.join(folder, 's\u001b[31m\n');
        const first = await listen(name);
        const report = await addrinuse.explainError(await failure(net.createServer().listen(name)));
        assert.strictEqual(report.verdict, 'in-use');
        assert.match(report.text.replaceAll('\n', ''), /^[ -~]*$/);
        assert.match(report.text, /\\x1b\[31m\\x0a/);
        assert.strictEqual((await addrinuse.probe(name, 0, { protocol: 'unix' })).verdict, 'in-use');
        first.close();
        await once(first, 'close');
        fs.rmSync(folder, { recursive: true });
});

// An older libuv ends the name at its first byte, which is zero.
const older = Number(process.versions.uv.split('.')[1]) < 46 && 'this libuv has no abstract names';

test('an abstract name', { skip: older }, async () => {
        const name = `\0addrinuse-${process.pid}`;
        const first = await listen(name);
        const report = await addrinuse.explainError(await failure(net.createServer().listen(name)));
        assert.strictEqual(report.verdict, 'in-use');
        assert.strictEqual(report.conflicts[0].observed_only, undefined);
        first.close();
});

test('a server of cluster', async () => {
        const first = await listen(0, '127.0.0.1');
        const error = Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE', errno: -98, syscall: 'bind',
                address: '127.0.0.1', port: first.address().port });
        const report = await addrinuse.explainError(error, { emitter: net.createServer() });
        assert.strictEqual(report.verdict, 'in-use');
        first.close();
});

test('an address of another host', async () => {
        const error = await failure(net.createServer().listen(80, '192.0.2.1'));
        assert.strictEqual((await addrinuse.explainError(error)).verdict, 'not-local');
});

test('survey', async () => {
        const server = await listen(0, '127.0.0.1');
        const found = await addrinuse.survey();
        assert.ok(found.sockets.some((s) => s.local.port === server.address().port && s.state === 'listen'));
        server.close();
});

test('nonsense', async () => {
        await assert.rejects(addrinuse.probe('nowhere', 1), { errno: -os.constants.errno.EINVAL });
        await assert.rejects(addrinuse.probe('127.0.0.1\0', 1), { errno: -os.constants.errno.EINVAL });
        await assert.rejects(addrinuse.probe('::1', 70000), { errno: -os.constants.errno.EINVAL });
        await assert.rejects(addrinuse.probe('x'.repeat(300), 1));
        await assert.rejects(addrinuse.probe({}, 1));
        await assert.rejects(addrinuse.probe('::1', 'http'));
        await assert.rejects(addrinuse.probe('::1', 1, { protocol: 'toString' }), TypeError);
        await assert.rejects(addrinuse.probe('/'.repeat(200), 0, { protocol: 'unix' }));
        await assert.rejects(addrinuse.explainError(new Error('no')), TypeError);
        await assert.rejects(addrinuse.explainError(undefined), TypeError);
});

test('in a worker, and while one ends', async () => {
        const script = `const { parentPort } = require('node:worker_threads');
                const addrinuse = require(${JSON.stringify(path.dirname(__dirname))});
                addrinuse.probe('127.0.0.1', 4243).then((r) => parentPort.postMessage(r.verdict));`;
        const worker = new Worker(script, { eval: true });
        assert.deepStrictEqual(await once(worker, 'message'), ['available']);
        for (let i = 0; i < 5; i++) {
                const brief = new Worker(script, { eval: true });
                await once(brief, 'online');
                await brief.terminate();
        }
});

test('the one-liner', async () => {
        const holder = started(['127.0.0.1', 4250]);
        await once(holder.stdout, 'data');
        const second = spawnSync(process.execPath, [path.join(__dirname, 'server.js'), '127.0.0.1', '4250'],
                { encoding: 'utf8' });
        assert.strictEqual(second.status, 1, second.stderr);
        assert.match(second.stderr, /^127\.0\.0\.1:4250\/tcp is in use: /);
        // A busy machine may have no time to find the holder; then the text says so.
        assert.ok(second.stderr.includes(`pid ${holder.pid}`) || /deadline|not found|unknown/.test(second.stderr),
                second.stderr);
        assert.doesNotMatch(second.stderr, /^ {4}at /m);
        holder.kill();
        await once(holder, 'exit');
});

test('another listener decides, and other errors are not hidden', () => {
        const run = (code) => spawnSync(process.execPath, ['-e', code],
                { encoding: 'utf8', cwd: path.dirname(__dirname), env: { ...process.env } });
        const decides = run(`const net = require('node:net');
                const first = net.createServer().listen(4251, '127.0.0.1', () => {
                        const second = net.createServer();
                        second.on('error', require('.').explain);
                        second.on('error', () => first.close());
                        second.listen(4251, '127.0.0.1');
                });`);
        assert.strictEqual(decides.status, 0, decides.stderr);
        assert.match(decides.stderr, /4251\/tcp is in use/);
        const other = run("const e = new (require('node:events'))(); e.on('error', require('.').explain);" +
                "e.emit('error', new Error('something else'));");
        assert.strictEqual(other.status, 1);
        assert.match(other.stderr, /something else/);
});
