#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli.sh ADDRINUSE: the command as a person and a script use it: exit
# statuses, bad input, a real conflict, --apply. In a network namespace of its own.
set -u
if [ -z "${AIU_INSIDE:-}" ]; then
        export AIU_INSIDE=1
        if [ "$(id -u)" = 0 ]; then own="unshare -n"; else own="unshare -rn"; fi
        $own true 2>/dev/null || { echo "skipped: may not make a network namespace"; exit 77; }
        exec $own "$0" "$@"
fi
ip link set lo up
a=$1
passed=0
failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

expect() { # STATUS TEXT ARGUMENT...: the status, and TEXT somewhere in what is printed
        status=$1; text=$2; shift 2
        "$a" "$@" >"$out" 2>&1
        got=$?
        if [ "$got" = "$status" ] && { [ -z "$text" ] || grep -qF -- "$text" "$out"; }; then
                passed=$((passed + 1))
        else
                failed=$((failed + 1))
                echo "addrinuse $*: status $got, expected $status, with \"$text\" in:"
                cat "$out"
        fi
}

expect 0 "is free" 8080
expect 0 "is free" 127.0.0.1:8080 '[::1]:8080' '*:8080' localhost:8080
expect 0 "is free" 8080/udp
expect 0 "is free" 127.0.0.1:http
expect 0 "is free" @addrinuse-test
expect 0 "is free" --dgram "$out.sock"
expect 0 "" -q 8080
expect 0 "Usage: addrinuse" --help
expect 0 "addrinuse 0." --version
expect 1 "a regular file, not a socket" "$out"
expect 1 "and none is offered" --apply --yes "$out"
expect 4 "not an address of this host" 192.0.2.1:8080
expect 4 "EADDRNOTAVAIL" --json 192.0.2.1:8080
expect 0 "is free" --freebind 192.0.2.1:8080
expect 4 "ENOENT" /no/such/directory/socket
expect 3 "not modelled" 8080/sctp
[ -d /proc/net/sctp ] || expect 3 "does not list sockets of this protocol" 8080/sctp
expect 4 "not an address" 8080 192.0.2.1:8080           # of several, the worse

# libnl reads these two and writes to stderr: with NLDBG when it is loaded, and no more than that.
n_lines() { NLDBG=9 NLCB=debug "$a" "$@" 2>&1 >/dev/null | wc -l; }
loaded=$(n_lines --version)
asked=$(n_lines 127.0.0.1:8080 '[::1]:8080' '[fe80::1%lo]:8080' 8080/udp @addrinuse-test)
if [ "$asked" = "$loaded" ]; then
        passed=$((passed + 1))
else
        failed=$((failed + 1))
        echo "with NLDBG and NLCB in the environment: $asked lines on stderr, $loaded before the first question"
fi

expect 2 "not a port" 70000
expect 2 "not a port" -- -1
expect 2 "not a port" 80x
expect 2 "not a port" ""
expect 2 "brackets" '[::1'
expect 2 "did you mean [::1]:8080?" '[::1]'
expect 2 "did you mean [::1]:8080?" ::1
expect 2 "did you mean 3000?" 3o00
expect 2 "did you mean ./redis.sock?" redis.sock
expect 2 "did you mean localhost:8080?" localhost
expect 2 "did you mean 3000/tcp?" 3000/tpc
expect 2 "is written" 127.0.0.1:http:80
expect 2 "no address found" "hello world"
expect 2 "not an IP address" http://no.such.host.invalid/
expect 2 "3000-3010" 3010-3000
expect 2 "3000-3010" 3000,
expect 2 "1001 ports" 30000-31000
expect 2 "no line" - </dev/null
expect 2 "no such protocol" 80/foo
expect 2 "no such interface" --device=nosuch 80
expect 2 "no such interface" '[fe80::1%nosuch]:80'
expect 2 "not in /etc/hosts" no.such.host.invalid:80
expect 2 'x\x1b[31m' "x$(printf '\033')[31m:80"         # what was typed is escaped, too
expect 2 "invalid value" --uid=nobody-of-that-name 80
expect 2 "invalid value" --deadline=soon 80
expect 2 "invalid value" --v6only=perhaps 80
expect 2 "invalid value" --json=yaml 80
expect 2 "invalid value" --apply=0 80
expect 2 "--netns" --netns=no-such-namespace 80
mkfifo "$out.fifo"
expect 2 "no namespace" --netns="$out.fifo" 80          # to open it would wait for a writer
expect 2 "no namespace" --netns=/dev/null 80
rm -f "$out.fifo"
expect 0 "is free" --deadline=0 8080
expect 0 "is free" --deadline 5000 8080
expect 0 "is free" --deadline 8080                      # a port, not a time
expect 2 "unrecognized option" --bogus 80
expect 2 "did you mean --reuseaddr?" --resueaddr 80
expect 2 "did you mean --apply?" --kill 80
expect 2 "invalid value" --reuseaddr=maybe 80
expect 2 "invalid value" --width=wide 80
expect 0 "addrinuse 0." -V

# What people paste; tests/unit/rules/test-address-text.c has all forms.
expect 0 "3000/tcp is free" :::3000
expect 0 "0.0.0.0:80/tcp" tcp://0.0.0.0:80
expect 0 "127.0.0.1:3000/tcp" http://localhost:3000/
expect 0 "udp" -u 8080
expect 0 "udp" tftp
expect 0 "./x.sock" ./x.sock
expect 0 "127.0.0.1:3000/tcp" 'Error: listen EADDRINUSE: address already in use 127.0.0.1:3000'
n_reports() { # NUMBER ARGUMENT...
        number=$1; shift
        got=$("$a" --json "$@" | wc -l)
        [ "$got" = "$number" ] && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "addrinuse $*: $got reports"; }
}
n_reports 4 3000,3002-3004
n_reports 2 127.0.0.1:3000-3001/udp
n_reports 2 "listen tcp :3001: bind: address already in use
	at node:net (/srv/x.js:3)
listen tcp :3002: bind: address already in use"
# What node prints: only the line that complains is about an address.
printf 'node:events:497\n      throw er;\n/home/u/app.js:12\nError: listen EADDRINUSE: address already in use :::3000\n    at x\n{\n  port: 3000\n}\n' |
        n_reports 1 -
printf '3000\n127.0.0.1:3001\n' | n_reports 2 -
expect 2 "no line" "Server listening on http://127.0.0.1:3000
GET /bind 127.0.0.1:3001"
expect 2 "2001:db8::1-3" 2001:db8::1-3
printf '3001\nlisten tcp :3001: bind: address already in use\nGET /a b\n' | n_reports 1 -
[ "$("$a" 3000 3001 | grep -c '^$')" = 1 ] && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "no empty line between reports"; }
expect 0 '"verdict":"available"' -q --json 8080
expect 0 '"reuseaddr":true' --json 8080
expect 0 '"reuseaddr":false' --json --reuseaddr=no 8080
expect 0 '"reuseaddr":false' --json 8080/udp
expect 0 "" --check 8080
expect 0 "is free" --wait 8080
expect 0 "is free" --wait=0.5 8080
expect 0 "127.0.0.1:8081/tcp is free" --wait=0 8080 127.0.0.1:8081
expect 0 "" --wait --check 8080
expect 4 "not an address of this host" --wait=0.2 192.0.2.1:8080
expect 2 "invalid value" --wait= 8080
expect 2 "invalid value" --wait=1.x 8080
expect 2 "invalid value" --wait=. 8080
expect 2 "invalid value" --wait=-1 8080
expect 0 "" --check 192.0.2.1:8080
expect 2 "not a port" --check 80x
expect 2 "which port" -q
expect 2 "longer than" "/$(printf 'x%.0s' $(seq 200))"

[ "$("$a" --help | wc -l)" -le 40 ] && [ "$("$a" --help | awk '{ if (length > w) w = length } END { print w + 0 }')" -le 90 ] &&
        passed=$((passed + 1)) || { failed=$((failed + 1)); echo "--help is too large"; }

"$a" --json 8080 >/dev/full 2>/dev/null
[ $? = 2 ] && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "a full disk went unnoticed"; }

if command -v python3 >/dev/null; then
        python3 -c '
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 8080)); s.listen(); time.sleep(60)' &
        server=$!
        for i in $(seq 100); do "$a" -q 127.0.0.1:8080 || break; sleep 0.2; done
        expect 1 "pid $server" 127.0.0.1:8080
        expect 1 "kill -TERM $server" 127.0.0.1:8080
        expect 1 "set IPV6_V6ONLY" '[::]:8080'
        "$a" 8080 | grep -q "set IPV6_V6ONLY" &&
                { failed=$((failed + 1)); echo "a port alone asks about IPv4 too, and IPV6_V6ONLY is advised"; }
        expect 1 "" --check 8080
        expect 1 "pid $server" --wait=0.2 8080
        expect 1 "127.0.0.1:8081/tcp is free" --wait=0.2 8080 127.0.0.1:8081
        expect 1 "" --wait=0.2 --check 8080
        [ "$("$a" --width=50 8080 | awk '{ if (length > w) w = length } END { print w + 0 }')" -le 50 ] &&
                passed=$((passed + 1)) || { failed=$((failed + 1)); echo "--width=50 is exceeded"; }
        expect 0 "[::]:8080/tcp is free" --v6only=yes 8080
        expect 0 "is free" --netns=$$ 127.0.0.1:8081
        expect 1 "pid $server" --first 127.0.0.1:8080
        expect 1 "$(printf 'do')" --color=always 127.0.0.1:8080
        # --apply acts on the one address that was typed.
        expect 2 "acts on one address" --apply --yes 127.0.0.1:8080 8081
        expect 2 "acts on one address" --apply=1 --yes 127.0.0.1:8079-8080
        expect 2 "that was typed" --apply --yes 'Error: listen EADDRINUSE: address already in use 127.0.0.1:8080'
        echo 'bind 127.0.0.1:8080: address already in use' >"$out.log"
        expect 2 "that was typed" --apply --yes - <"$out.log"
        rm -f "$out.log"
        expect 2 "has no value" --apply --yes --deadline 8080
        expect 0 "is free" 127.0.0.1:8081 --deadline 8080
        expect 2 "not a port" --apply --yes 8080x
        kill -0 $server && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "--apply ended a server whose address was not typed"; }
        [ "$("$a" -q --json 127.0.0.1:8080 | grep -c truncated)" = 0 ] && passed=$((passed + 1)) ||
                { failed=$((failed + 1)); echo "-q --json is cut short"; }
        # A command is not wrapped: it has to stay what it is.
        mkdir "$out.d"
        python3 -c 'import os, socket, sys; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind("it\x27s a long name, with blanks")' "$out.d"
        for f in "$out.d"/*; do
                [ -n "$("$a" "$f" | grep -F "rm -- ")" ] &&
                        [ "$("$a" --width=40 "$f" | grep -F "rm -- ")" = "$("$a" "$f" | grep -F "rm -- ")" ] &&
                        passed=$((passed + 1)) || { failed=$((failed + 1)); echo "--width breaks a command"; "$a" --width=40 "$f"; }
        done
        rm -rf "$out.d"
        # A user who cannot see the holder is told the command first, in one piece.
        if setpriv --reuid=65534 --clear-groups "$a" --version >/dev/null 2>&1; then
                for width in 40 58 78; do
                        setpriv --reuid=65534 --clear-groups --inh-caps=-all "$a" --width=$width 127.0.0.1:8080 >"$out.log"
                        grep -q 'sudo addrinuse 127.0.0.1:8080$' "$out.log" && passed=$((passed + 1)) ||
                                { failed=$((failed + 1)); echo "no command for a user"; cat "$out.log"; }
                done
                rm -f "$out.log"
        fi
        expect 1 "add --yes" --apply 127.0.0.1:8080 </dev/null
        expect 0 "is free" --apply --yes 127.0.0.1:8080
        kill -0 $server 2>/dev/null && { wait $server 2>/dev/null; }
        expect 0 "is free" 127.0.0.1:8080

        # A server was restarted: connections of the old one are all that is left.
        python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 8083)); c = socket.create_connection(("127.0.0.1", 8083)); s.accept()[0].close()'
        # Root may have libaddrinuse-bpf, and know.
        if "$a" -q 8083; then
                expect 0 "8083/tcp is free for a server that sets SO_REUSEADDR, as most do; without it, in use for " 8083
                expect 0 "8083/tcp is free" --wait 8083
        else
                expect 3 "8083/tcp is probably free for a server that sets SO_REUSEADDR; without it, in use for " 8083
                expect 3 "holder    a closed connection is in TIME_WAIT" 8083
                expect 3 "8083/tcp is probably free" --wait=0.2 8083
        fi
        expect 0 "" --wait --check 8083
        expect 1 "8083/tcp is in use: a closed connection" --reuseaddr=no 8083
        expect 0 "" --check 8083
        expect 1 "" --check --reuseaddr=no 8083
        python3 -c '
import socket, time
s = socket.create_server(("127.0.0.1", 8084)); c = socket.create_connection(("127.0.0.1", 8084)); a = s.accept(); s.close()
time.sleep(60)' &
        open=$!
        for i in $(seq 100); do "$a" -q --reuseaddr=no 8084 || break; sleep 0.2; done
        expect 0 "free for a server that sets SO_REUSEADDR, as most do; without it, in use until its connections end" 8084
        kill $open

        # setarch makes uname(2) say 2.6: the rules of such a kernel are in doubt, until it was tried out.
        if setarch "$(uname -m)" --uname-2.6 true 2>/dev/null; then
                python3 -c '
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 8082)); time.sleep(60)' &
                bound=$!
                for i in $(seq 100); do "$a" -q 127.0.0.1:8082 || break; sleep 0.2; done
                real=$a
                old() { setarch "$(uname -m)" --uname-2.6 "$real" "$@"; }
                a=old
                expect 3 "kernels of this version differ" --no-self-test --reuseaddr 127.0.0.1:8082
                expect 3 "this is Linux 2.6" --no-self-test --reuseaddr 127.0.0.1:8082
                case $(uname -r) in
                [7-9].* | 6.9* | 6.[1-9][0-9]*) expect 1 "is in use" --reuseaddr 127.0.0.1:8082 ;;
                esac
                a=$real
                kill $bound
        fi
else
        echo "no python3: the real conflict was not tried"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
