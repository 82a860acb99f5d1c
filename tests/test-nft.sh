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
        chain pre {
                type nat hook prerouting priority -100; policy accept;
                tcp dport 8080 dnat to 10.0.0.2:80
                udp dport 53 redirect to :5353
                tcp dport { 1111, 2222 } dnat to 10.0.0.4
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
check "DNAT" tells 8080 "table ip forward_ports, chain pre) hands on to 10.0.0.2:80 what comes for port 8080"
check "REDIRECT" tells 53/udp "this host's port 5353"
check "another protocol" silent 53
check "a chain that is jumped to" tells 127.0.0.9:7005 "chain deeper) hands on to 10.0.0.3"
check "another address" silent 127.0.0.8:7005
check "a set is not followed" silent 1111
check "a firewall is none of our business" silent 9999
ask -q 8080
check "it is free all the same" [ $? = 0 ]
other=$(setpriv --reuid=1000 --clear-groups "$addrinuse" 8080 2>&1)
case $other in
*"is free"*) check "not for others than root" [ "${other#*NAT}" = "$other" ] ;;
*) echo "not asked as another user: $other" ;;
esac
echo "$passed passed, $failed failed"
[ $failed = 0 ]
