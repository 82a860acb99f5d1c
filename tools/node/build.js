// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiles addrinuse.c with cc against libaddrinuse, as pkg-config finds it. Node-API is stable: one file fits every
// Node.js from 18 on. CC, CFLAGS and LDFLAGS count.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

function headers() {
        const places = [path.join(path.dirname(fs.realpathSync(process.execPath)), '../include/node'),
                '/usr/include/node', '/usr/include/nodejs/src'];
        try {
                places.unshift(require('node-api-headers').include_dir);
        } catch {
                // Without the package, Node's own headers are as good.
        }
        const found = places.find((place) => fs.existsSync(path.join(place, 'node_api.h')));
        if (!found)
                throw new Error('no node_api.h: npm install node-api-headers, or apt install libnode-dev');
        return found;
}

const words = (text) => (text ?? '').split(/\s+/).filter(Boolean);

function library() {
        try {
                return words(execFileSync('pkg-config', ['--cflags', '--libs', 'libaddrinuse'],
                        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
        } catch {
                return ['-laddrinuse'];
        }
}

fs.mkdirSync(path.join(__dirname, 'build'), { recursive: true });
const [cc, ...more] = words(process.env.CC || 'cc');
execFileSync(cc, [...more, '-std=gnu11', '-shared', '-fPIC', '-O2', '-Wall', '-Wextra', ...words(process.env.CFLAGS),
        `-I${headers()}`, '-o', path.join(__dirname, 'build/addrinuse.node'), path.join(__dirname, 'addrinuse.c'),
        ...words(process.env.LDFLAGS), ...library()], { stdio: 'inherit' });
