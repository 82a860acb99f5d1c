#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-valgrind.sh ADDRINUSE: the whole way through, from netlink and /proc to text and
# JSON, under valgrind: no error, no leak, no descriptor left. The holders run outside of
# valgrind, for it handles SIGTERM and has descriptors of its own, which the report would show.
set -u
if [ -z "${AIU_INSIDE:-}" ]; then
        export AIU_INSIDE=1
        for tool in valgrind python3 ip unshare; do
                command -v $tool >/dev/null 2>&1 || { echo "skipped: no $tool"; exit 77; }
        done
        if [ "$(id -u)" = 0 ]; then own="unshare -n"; else own="unshare -rn"; fi
        $own true 2>/dev/null || { echo "skipped: may not make a network namespace"; exit 77; }
        exec $own "$0" "$@"
fi
ip link set lo up
a=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
holder=
trap '[ -z "$holder" ] || kill "$holder" 2>/dev/null; rm -rf "$work"' EXIT
passed=0
failed=0

# One process that holds addresses in every way; its child inherits them all.
mkfifo "$work/ready"
python3 - "$work" <<'PYTHON' &
import os, signal, socket, sys, time
kept = []
def tcp(ip, port, *options, listen=True, family=socket.AF_INET):
    s = socket.socket(family)
    for level, option in options:
        s.setsockopt(level, option, 1)
    s.bind((ip, port))
    if listen:
        s.listen()
    kept.append(s)
    return s
reuse = (socket.SOL_SOCKET, socket.SO_REUSEADDR)
tcp("0.0.0.0", 7001)
tcp("127.0.0.1", 7002, listen=False)
tcp("::", 7003, family=socket.AF_INET6)
server = tcp("127.0.0.1", 7004, reuse)                  # its connections end in TIME_WAIT
client = socket.create_connection(("127.0.0.1", 7004))
server.accept()[0].close()
client.close()
server.close()
server = tcp("127.0.0.1", 7005, reuse)                  # one is left in CLOSE_WAIT
client = socket.create_connection(("127.0.0.1", 7005))
kept.append(server.accept()[0])
client.close()
server.close()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 7006))
kept.append(udp)
live = socket.socket(socket.AF_UNIX)
live.bind(sys.argv[1] + "/live")
live.listen()
kept.append(live)
stale = socket.socket(socket.AF_UNIX)
stale.bind(sys.argv[1] + "/stale")
stale.close()
name = socket.socket(socket.AF_UNIX)
name.bind("\0addrinuse-valgrind")
kept.append(name)
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(0)
with open(sys.argv[1] + "/ready", "w") as ready:
    ready.write("ready\n")
signal.pause()
PYTHON
holder=$!
read -r word <"$work/ready" && [ "$word" = ready ] || { echo "the holder did not start"; exit 1; }

expect() { # STATUS ARGUMENT...
        status=$1; shift
        "$here/under-valgrind" "$a" -v --cmdline "$@" >"$work/out" 2>&1
        got=$?
        if [ $got = "$status" ]; then
                passed=$((passed + 1))
        else
                failed=$((failed + 1))
                echo "FAILED: addrinuse $*: status $got, expected $status"
                cat "$work/out"
        fi
}

expect 0 7000
expect 1 7001
expect 1 127.0.0.1:7001
expect 1 --json 7001
expect 1 --reuseaddr=no --json=pretty 127.0.0.1:7002
expect 1 --first 7003
expect 1 '[::1]:7003'
expect 1 --reuseaddr=no 7004
expect 3 --reuseaddr --no-self-test 7004
expect 1 --reuseaddr=no 127.0.0.1:7005
expect 1 127.0.0.1:7006/udp
expect 1 "$work/live"
expect 1 --json "$work/stale"
expect 1 @addrinuse-valgrind
expect 4 192.0.2.1:7000
expect 2 70000
expect 2 '[::1'
expect 2 --device=no-such-device 7000
expect 2 7000/no-such-protocol
expect 3 7000/sctp
expect 0 0
# One port is the whole range, and it is taken.
echo 7001 7001 > /proc/sys/net/ipv4/ip_local_port_range
expect 1 0
expect 1 --json 127.0.0.1:0
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
