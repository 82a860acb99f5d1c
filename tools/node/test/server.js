// SPDX-License-Identifier: LGPL-2.1-or-later
// server.js ADDRESS PORT: a server with the one-liner.
'use strict';
const http = require('node:http');
const { explain } = require('..');

const server = http.createServer().listen(Number(process.argv[3]), process.argv[2], () => console.log('ready'));
server.on('error', explain);
