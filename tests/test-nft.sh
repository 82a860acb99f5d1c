#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-nft.sh ADDRINUSE: NAT rules of a real nftables, in a network namespace of its own, are
# told to root, for the ports that they are of, and never as the reason why bind() fails.
set -u
addrinuse=$1
skip() { echo "skipped: $*"; exit 77; }

if [ "${2:-}" != inside ]; then
        [ "$(id -u)" = 0 ] || skip "needs root"
        command -v nft >/dev/null || skip "needs nft (package nftables)"
        unshare -n true 2>/dev/null || skip "no network namespaces"
        exec unshare -n -- "$0" "$addrinuse" inside
fi

passed=0 failed=0
check() { # NAME CONDITION...
        name=$1
        shift
        if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL $name"; fi
}
ask() { "$addrinuse" "$@"; }
notes() { ask "$1" | grep -c '^note .*NAT rule'; }
tells() { ask "$1" | grep '^note ' | grep -qF "$2"; }
silent() { [ "$(notes "$1")" = 0 ]; }

ip link set lo up || skip "the loopback device cannot be set up"
check "no ruleset, no note" silent 8080
nft -f - <<'RULES' || skip "nftables cannot do NAT here"
table ip forward_ports {
        chain elsewhere {
        }
        chain pre {
                type nat hook prerouting priority -100; policy accept;
                tcp dport 8080 dnat to 10.0.0.2:80
                udp dport 53 redirect to :5353
                ip daddr 127.0.0.20 tcp dport { 1111, 2222 } dnat to 10.0.0.4
                ip daddr 127.0.0.21 dnat to tcp dport map { 1111 : 10.0.0.4 }
                ip daddr 127.0.0.22 tcp dport 1111 goto elsewhere
                ip daddr 127.0.0.23 tcp dport vmap { 1111 : jump elsewhere }
                jump deeper
        }
        chain deeper {
                ip daddr 127.0.0.9 tcp dport 7000-7009 dnat to 10.0.0.3
        }
}
table inet filter {
        chain in {
                type filter hook input priority 0; policy accept;
                tcp dport 9999 drop
        }
}
RULES
check "DNAT" tells 8080 "table ip forward_ports, chain pre) redirects traffic for port 8080 to 10.0.0.2:80"
check "REDIRECT" tells 53/udp "this host's port 5353"
check "another protocol" silent 127.0.0.8:53
check "a chain that is jumped to" tells 127.0.0.9:7005 "chain deeper) redirects traffic for port 7005 to 10.0.0.3"
check "another address" silent 127.0.0.8:7005
check "a set" tells 127.0.0.20:1111 "1 NAT rule (nftables, table ip forward_ports, chain pre) may redirect"
check "a set of another address" silent 127.0.0.19:1111
check "a map" tells 127.0.0.21:1111 "1 NAT rule (nftables, table ip forward_ports, chain pre) may redirect"
nft add rule ip forward_ports elsewhere ip daddr 127.0.0.22-127.0.0.23 dnat to 10.0.0.5
check "a chain that is gone to" tells 127.0.0.22:1111 "chain elsewhere) may redirect"
check "a chain that a map leads to" tells 127.0.0.23:1111 "chain elsewhere) may redirect"
nft flush chain ip forward_ports elsewhere
check "a firewall is none of our business" silent 127.0.0.8:9999
if iptables-legacy -t nat -A PREROUTING -p tcp --dport 6000 -j REDIRECT --to-ports 6001 2>/dev/null; then
        check "iptables-legacy" tells 6000 "iptables-legacy has NAT rules"
        iptables-legacy -t nat -F
        check "an empty table of it" silent 127.0.0.8:6000
        ip6tables-legacy -t nat -A PREROUTING -p tcp --dport 6000 -j REDIRECT 2>/dev/null &&
                check "ip6tables-legacy" tells '[::1]:6000' "ip6tables-legacy -t nat -S"
else
        echo "left out: no iptables-legacy that does NAT"
fi
{
        echo "table ip many { chain pre { type nat hook prerouting priority -99;"
        seq 20100 | sed 's/.*/ip daddr 127.0.0.30 tcp dport 1000 dnat to 10.0.0.2/'
        echo "}"
        echo "}"
} | nft -f -
misses() { ask -v "$1" | grep '^not seen ' | grep -qF "$2"; }
check "more rules than are read" misses 127.0.0.8:900 "not all NAT rules (nftables) were read"
nft delete table ip many
check "few enough again" silent 127.0.0.8:900
ask -q 8080
check "it is free all the same" [ $? = 0 ]
other=$(setpriv --reuid=1000 --clear-groups "$addrinuse" 8080 2>&1)
case $other in
*"is free"*) check "not for others than root" [ "${other#*NAT}" = "$other" ] ;;
*) echo "not asked as another user: $other" ;;
esac
echo "$passed passed, $failed failed"
[ $failed = 0 ]
