# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for addrinuse(1). Installed as vendor_completions.d/addrinuse.fish.

function __addrinuse_protocols
    set -l token (commandline -ct)
    string match -qr '^[^/@-].*/' -- $token
    or return
    set -l address (string replace -r '/[^/]*$' '' -- $token)
    printf '%s\n' $address/{tcp,udp,udplite,sctp,mptcp,dccp}
end

function __addrinuse_netns
    for path in /run/netns/*
        string replace -r '.*/' '' -- $path
    end
    __fish_complete_pids
end

complete -c addrinuse -f
complete -c addrinuse -n 'string match -qr "^\.{0,2}/" -- (commandline -ct)' -F
complete -c addrinuse -a '(__addrinuse_protocols)'
complete -c addrinuse -l reuseaddr -a 'yes no' -d 'The socket sets SO_REUSEADDR, or does not'
complete -c addrinuse -l reuseport -a 'yes no' -d 'The socket sets SO_REUSEPORT, or does not'
complete -c addrinuse -l v6only -a 'yes no' -d 'The socket sets IPV6_V6ONLY, or does not'
complete -c addrinuse -l freebind -d 'The socket sets IP_FREEBIND'
complete -c addrinuse -l device -x -a '(__fish_print_interfaces)' -d 'The device of the socket'
complete -c addrinuse -l uid -x -a '(__fish_complete_users)' -d 'The owner of the socket'
complete -c addrinuse -l no-listen -d 'The socket does not listen'
complete -c addrinuse -l netns -r -F -a '(__addrinuse_netns)' -d 'The network namespace of the socket'
complete -c addrinuse -s u -d 'UDP'
complete -c addrinuse -l dgram -d 'AF_UNIX: a datagram socket'
complete -c addrinuse -l seqpacket -d 'AF_UNIX: a seqpacket socket'
complete -c addrinuse -l json -a pretty -d 'Answer in JSON, or in indented JSON'
complete -c addrinuse -s q -l quiet -d 'Exit status only'
complete -c addrinuse -s v -l verbose -d 'Also show neighbours, gaps and ids'
complete -c addrinuse -l cmdline -d 'Show command lines'
complete -c addrinuse -l color -x -a 'auto always never' -d 'Colours'
complete -c addrinuse -l width -x -d 'Wrap lines at so many columns'
complete -c addrinuse -l check -d 'Exit status 1 only if certainly in use'
complete -c addrinuse -l wait -d 'Wait until all are free, or at most =SECONDS'
complete -c addrinuse -l expect -x -d 'Does this owner alone listen'
complete -c addrinuse -l for -x -d '--expect: for so many seconds'
complete -c addrinuse -l first -d 'Stop at the first holder of each socket'
complete -c addrinuse -l trial-bind -d 'May bind scratch sockets'
complete -c addrinuse -l no-ipc -d 'Ask no daemon'
complete -c addrinuse -l no-self-test -d 'Do not test an old kernel'
complete -c addrinuse -l deadline -x -d 'Answer within so many milliseconds'
complete -c addrinuse -l apply -d 'Carry out the first action that suffices, or =K'
complete -c addrinuse -l plan -r -F -d 'audit: compare with a plan'
complete -c addrinuse -l scope -x -a 'netns host' -d 'all sockets: of this network namespace, or of the host'
complete -c addrinuse -l unix -d 'all sockets: AF_UNIX as well'
complete -c addrinuse -l restarts -d 'audit: ask about the restarts of every service'
complete -c addrinuse -l write-plan -d 'audit: print a plan'
complete -c addrinuse -l prometheus -F -d 'audit: print metrics'
complete -c addrinuse -l yes -d 'Do not ask before --apply'
complete -c addrinuse -n 'not __fish_seen_subcommand_from run' -a run -d 'Explain a command'
complete -c addrinuse -n '__fish_seen_subcommand_from run' -a '(__fish_complete_subcommand --fcs-skip=2)'
complete -c addrinuse -l method -x -a 'auto ptrace preload notify' -d 'How a command is watched'
complete -c addrinuse -l log -r -F -d 'Append to this file'
complete -c addrinuse -l journal -d 'Send to the journal'
complete -c addrinuse -n 'not __fish_seen_subcommand_from watch' -a watch -d 'Explain every bind of this host that fails'
complete -c addrinuse -l port -x -d 'Watch this port alone'
complete -c addrinuse -l unit -x -d 'Watch this unit alone'
complete -c addrinuse -l cgroup -r -F -d 'Watch this cgroup alone'
complete -c addrinuse -s h -l help -d 'Show help'
complete -c addrinuse -s V -l version -d 'Show the version'
