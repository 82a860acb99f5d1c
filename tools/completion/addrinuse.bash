# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for addrinuse(1). Installed as completions/addrinuse.

# compgen -W expands its words, command substitution and all, and an interface may
# well be called $(reboot). So they are compared here, and quoted before they are offered.
_addrinuse_words() { # CURRENT WORD...
        local current=$1 word
        shift
        for word; do
                [[ $word == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
        done
}

_addrinuse_files() {
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_addrinuse() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} option=
        COMPREPLY=()

        # "=" breaks words: --json=pr arrives as three of them.
        if [[ $cur == "=" ]]; then
                option=$prev cur=
        elif [[ $prev == "=" && $COMP_CWORD -ge 2 ]]; then
                option=${COMP_WORDS[COMP_CWORD - 2]}
        elif [[ $prev == --@(device|uid|netns|color|scope|width|plan|expect|for) ]]; then
                option=$prev
        fi

        # Behind "run" stands another command line.
        local i
        for ((i = 1; i < COMP_CWORD; i++)); do
                [[ ${COMP_WORDS[i]} == run ]] || continue
                for ((i++; i < COMP_CWORD; i++)); do
                        [[ ${COMP_WORDS[i]} == -- ]] && ((i++)) && break
                        [[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i]} == "=" || ${COMP_WORDS[i - 1]} == "=" ]] || break
                done
                if [[ $i -lt $COMP_CWORD ]]; then
                        _addrinuse_files "$cur"
                        return 0
                elif [[ $cur != -* && -z $option ]]; then
                        compopt -o filenames 2>/dev/null
                        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
                        return 0
                fi
        done

        case $option in
        --method) _addrinuse_words "$cur" auto ptrace preload notify ;;
        --log) _addrinuse_files "$cur" ;;
        --json) _addrinuse_words "$cur" pretty ;;
        --color) _addrinuse_words "$cur" auto always never ;;
        --scope) _addrinuse_words "$cur" netns host ;;
        --v6only | --reuseaddr | --reuseport) _addrinuse_words "$cur" yes no ;;
        --device)
                local paths=(/sys/class/net/*)
                _addrinuse_words "$cur" "${paths[@]##*/}"
                ;;
        --uid) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
        --netns)
                if [[ $cur == */* ]]; then
                        _addrinuse_files "$cur"
                elif compgen -G '/run/netns/*' >/dev/null; then
                        local paths=(/run/netns/*)
                        _addrinuse_words "$cur" "${paths[@]##*/}"
                fi
                ;;
        --deadline | --apply | --wait | --width | --expect | --for) ;;
        --plan | --prometheus) _addrinuse_files "$cur" ;;
        *)
                case $cur in
                -*)
                        _addrinuse_words "$cur" --reuseaddr --reuseaddr= --reuseport --reuseport= --v6only --v6only= --freebind --device= \
                                --uid= --no-listen --netns= --dgram --seqpacket --json --json=pretty --quiet \
                                --verbose --cmdline --color= --width= --check --wait --wait= --expect= --for= --first --trial-bind --no-ipc --no-self-test --deadline= --apply \
                                --apply= --yes --plan= --write-plan --scope= --unix --restarts --prometheus --prometheus= --method= --log= --journal --port= --unit= --cgroup= --help --version
                        [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
                        ;;
                a*) _addrinuse_words "$cur" audit ;;
                r*) _addrinuse_words "$cur" run ;;
                w*) _addrinuse_words "$cur" watch ;;
                /* | ./* | ../*) _addrinuse_files "$cur" ;;
                [!/@]*/*)
                        local protocols=(tcp udp udplite sctp mptcp dccp)
                        _addrinuse_words "$cur" "${protocols[@]/#/${cur%/*}/}"
                        ;;
                esac
                ;;
        esac
        return 0
}

complete -F _addrinuse addrinuse
