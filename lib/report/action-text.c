/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an action says. The command that carries it out is in action-command.c. */
#include <errno.h>
#include <string.h>

#include "advice/manager-commands.h"
#include "rules/address.h"
#include "util/escape.h"
#include "render/phrases.h"
#include "report/words.h"

static void describe_kernel_user(struct strbuf *text, const struct kernel_user *user)
{
        strbuf_str(text, user->command_suffices == YES ? "take down " : "stop ");
        phrase_kernel_user(text, user->service, user->name);
        if (user->command_suffices != YES)
                strbuf_str(text, " through what set it up. Whether that closes its socket was not tested");
        else
                strbuf_str(text, ", which closes its socket. What set it up may do so again");
}

static void describe_widen(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report)
{
        if (action->first_port == 0)
                strbuf_printf(text, "widen or clear IP_LOCAL_PORT_RANGE on the socket: it leaves only %d-%d",
                              report->range.first, report->range.last);
        else
                strbuf_str(text, "let the kernel choose from more ports. A port that a service needs later has to be "
                                 "in net.ipv4.ip_local_reserved_ports");
}

static void add_names(struct strbuf *text, const struct aiu_action *action)
{
        size_t n = action->n_processes, shown = n < 4 ? n : 4;

        for (size_t i = 0; i < shown; i++) {
                const struct process *p = action->processes[i];

                strbuf_str(text, i == 0 ? "" : i + 1 < n || action->n_workers > 0 ? ", " : " and ");
                strbuf_outside(text, p->comm ? p->comm : "pid");
                strbuf_printf(text, " (%d)", (int)p->pid);
        }
        if (n > shown)
                strbuf_printf(text, " and %zu more", n - shown);
        if (action->n_workers > 0)
                strbuf_printf(text, " and its %zu %s", action->n_workers, action->n_workers > 1 ? "workers" : "worker");
}

/* Behind the name of what ends. */
static void add_range(struct strbuf *text, const struct aiu_action *action)
{
        if (action->remarks & REMARK_RANGE)
                strbuf_str(text, ", which holds most ports of the range");
}

static void describe_end(struct strbuf *text, const struct aiu_action *action)
{
        strbuf_printf(text, "end ");
        add_names(text, action);
        if (signal_is_graceful(action->signal))
                strbuf_printf(text, " gracefully: it answers the requests in progress first");
        else if (action->signal == SIGNAL_INT)
                strbuf_printf(text, " fast: it does not wait for its clients and loses no data");
        add_range(text, action);
}

/* Of the first that the signal goes to. A process that adopted an orphan did not start it, but may start another. */
static void add_parent(struct strbuf *text, const struct aiu_action *action)
{
        const struct process *p = action->n_processes ? action->processes[0] : NULL;
        bool named = p && p->n_ancestors > 0 && p->ancestor_comms && p->ancestor_comms[0];
        bool many = action->n_processes > 1;

        strbuf_str(text, ". ");
        if (!named || !(p->flags & AIU_HOLDER_ORPHAN))
                strbuf_printf(text, "%s%s", many ? "The parent of the first" : "Its parent", named ? ", " : "");
        if (named) {
                strbuf_outside(text, p->ancestor_comms[0]);
                strbuf_printf(text, " (%d)%s", (int)p->ancestor_pids[0], p->flags & AIU_HOLDER_ORPHAN ? "" : ",");
        }
        strbuf_printf(text, " may start %s again", many ? "them" : "it");
}

static void add_units(struct strbuf *text, const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_units; i++) {
                strbuf_printf(text, "%s", i ? " and " : "");
                strbuf_outside(text, action->units[i]);
        }
}

static const struct aiu_holder *second_copy(const struct aiu_report *report)
{
        for (size_t i = 0; i < report->n_conflicts; i++)
                for (size_t k = 0; k < report->conflicts[i].n_holders; k++)
                        if (report->conflicts[i].holders[k].flags & AIU_HOLDER_SAME_PROGRAM)
                                return &report->conflicts[i].holders[k];
        return NULL;
}

/* Two copies of one program are mostly two units that start it. */
static void add_starters(struct strbuf *text, const struct aiu_report *report, const struct manager *own)
{
        const struct aiu_holder *copy = second_copy(report);
        const char *theirs = copy && copy->manager ? copy->manager->unit : NULL;
        const char *ours = own ? own->unit : NULL;

        strbuf_str(text, ". It runs the same program as the caller, perhaps as a second copy");
        if (!theirs)
                return;
        strbuf_printf(text, " (");
        strbuf_outside(text, theirs);
        strbuf_printf(text, " started it");
        if (ours) {
                strbuf_printf(text, ", ");
                strbuf_outside(text, ours);
                strbuf_printf(text, " the caller");
        }
        strbuf_printf(text, ")");
}

/* The order in which they are said. */
static const struct {
        uint32_t remark;
        const char *sentence;
} sentences[] = {
        { REMARK_VITAL, "A login session, this shell or the host may depend on it" },
        { REMARK_STOPPED, "It is stopped: SIGTERM acts only after kill -CONT" },
        { REMARK_IGNORES, "It ignores SIGTERM" },
        { REMARK_ANCESTOR, "Your shell or terminal runs in it and may end with it" },
        { REMARK_LINGERS, "Its connections may then stay in TIME_WAIT for up to a minute" },
        { REMARK_LAST_ACK, "A connection that its peer has closed then stays in LAST_ACK until the peer answers" },
        { REMARK_OTHERS, "Other sockets are in the way as well" },
        { REMARK_INCOMPLETE, "Not every holder could be seen: there may be more" },
        { REMARK_UNASKED, "systemd was not asked: a stop may not end it, or not for good" },
        { REMARK_FOREIGN_PIDS, "The pids are those of another pid namespace: do this there" },
        { REMARK_LIMITED_ROOT, "root of this user namespace may not signal a process of a user outside it" },
        { REMARK_AT_BOOT, "It is enabled: it starts again at boot unless you disable it, too (systemctl disable)" },
        { REMARK_NOT_REMOVABLE, "This user may not remove it: the directory, its sticky bit, the file's attributes or "
                                "a mount on the file prevent it" },
};

static void add_sentences(struct strbuf *text, uint32_t remarks)
{
        for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
                if (remarks & sentences[i].remark)
                        strbuf_printf(text, ". %s", sentences[i].sentence);
}

static void add_innocents(struct strbuf *text, uint32_t n)
{
        if (n > 0)
                strbuf_printf(text, ". This ends %u other %s of the unit, too", (unsigned)n,
                              n > 1 ? "processes" : "process");
        else
                strbuf_str(text, ". This also ends the unit's main process and everything else in the unit");
}

static void add_remarks(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                        const struct manager *own)
{
        uint32_t r = action->remarks;

        if (r & REMARK_HELPER)
                strbuf_str(text, ". Do this only if no container publishes the port: it cuts a running container off");
        words_whose_word(text, action);
        words_who_made_it(text, action, report);
        if (r & REMARK_RETURNS)
                strbuf_printf(text, ". Its manager %s it again",
                              action->sufficient == UNKNOWN ? "may start" : "starts");
        else if (r & REMARK_PARENT)
                add_parent(text, action);
        if (r & REMARK_SECOND_COPY)
                add_starters(text, report, own);
        if (r & REMARK_CATCHES)
                strbuf_printf(text, ". %s a while to exit: look again after 10 s",
                              action->n_processes > 1 ? "They may take" : "It handles SIGTERM and may take");
        if (r & REMARK_WHOLE_UNIT)
                add_innocents(text, action->n_others);
        /* describe_look() has said it. */
        add_sentences(text, action->kind == AIU_ACTION_LOOK_CLOSER ? r & ~REMARK_LIMITED_ROOT : r);
}

unsigned long long words_whole_seconds(uint64_t usec)
{
        return (usec + 999999) / 1000000 + 1;
}

static void describe_wait(struct strbuf *text, const struct aiu_action *action)
{
        if (action->wait_usec && action->remarks & REMARK_RANGE)
                strbuf_printf(
                        text,
                        "wait %llu s: by then a port that only closed connections (TIME_WAIT) hold is free. Nothing has to be stopped",
                        words_whole_seconds(action->wait_usec));
        else if (action->remarks & REMARK_RANGE)
                strbuf_str(text, "try again: a port is free by now");
        else if (action->wait_usec)
                strbuf_printf(text, "wait %llu s, until the last TIME_WAIT socket is gone. Nothing has to be stopped",
                              words_whole_seconds(action->wait_usec));
        else
                strbuf_printf(text, "wait a moment: a holder is exiting");
}

static void describe_option(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                            const char *option)
{
        strbuf_printf(text, "set %s on the socket before bind()", option);
        if (action->sufficient == UNKNOWN)
                strbuf_printf(text, ". This is enough only if the other socket has it, too, which could not be read");
        else if (action->kind == AIU_ACTION_SET_REUSEADDR)
                strbuf_printf(text, ". The other socket has it, too%s",
                              report->request.type == SOCK_STREAM ? ", and does not listen" : "");
        else if (action->kind == AIU_ACTION_SET_V6ONLY)
                strbuf_printf(text, ". [::] then serves IPv6 only, and IPv4 stays with its holder");
}

static const struct aiu_conflict *file_in_the_way(const struct aiu_report *report)
{
        const struct aiu_conflict *c = report->conflicts;

        return report->n_conflicts > 0 && c->index == NO_SOCKET && c->file_mode != 0 ? c : NULL;
}

static void describe_look(struct strbuf *text, const struct aiu_action *action)
{
        if (action->remarks & REMARK_FILE_UNKNOWN)
                strbuf_printf(
                        text,
                        "look again%s: a server may be using the socket file, and would be cut off if the file were "
                        "removed",
                        action->flags & AIU_ACTION_NEEDS_ROOT ? " as root" : "");
        else if (action->remarks & REMARK_LIMITED_ROOT)
                strbuf_printf(
                        text,
                        "look again from the host, as root: root of this user namespace cannot inspect every process");
        else if (action->flags & AIU_ACTION_NEEDS_ROOT)
                strbuf_printf(text, "look again as root: not every holder could be seen");
        else
                strbuf_printf(text, "look again: the search for holders was cut short");
}

static void describe_address(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report)
{
        const struct request *q = &report->request;
        char ip[ADDRESS_TEXT_BYTES];

        if (q->address.sa.any.sa_family == AF_UNIX) {
                strbuf_printf(text, "bind another name");
                if (file_in_the_way(report))
                        strbuf_printf(text, ": this one is %s", phrase_file(file_in_the_way(report)));
                return;
        }
        if (action->address.len == 0 && action->remarks & REMARK_RANGE) {
                strbuf_printf(
                        text,
                        "bind another address of this host: each address has its own ports, unless a socket is bound to every address");
                return;
        }
        if (action->address.len == 0) {
                strbuf_printf(text, "bind an address that this host has (ip address), or every address");
                return;
        }
        address_print_port(&action->address, ip, sizeof(ip));
        if (address_port(&action->address) == 0)
                strbuf_printf(text, "bind an address of your own: %s has free ports", ip);
        else
                strbuf_printf(text, "bind an address of your own: %s is free", ip);
}

/* docker-proxy and its like say what they forward to, but not whose it is. */
static void describe_container(struct strbuf *text, const struct aiu_action *action, const struct request *q)
{
        const struct manager *m = action->manager;

        if (m->container) {
                strbuf_printf(text, "stop the %s ",
                              m->kind != AIU_MANAGER_MACHINE ? "container"
                              : words_is_virtual_machine(m)  ? "virtual machine"
                                                             : "machine");
                strbuf_escaped(text, m->container, escape_shown(m->container));
                return;
        }
        strbuf_printf(text, "stop the container that publishes the port: %s",
                      manager_command(m, STOPS_CONTAINERS)->list);
        if (m->kind == AIU_MANAGER_DOCKER)
                strbuf_printf(text, " --filter publish=%u", (unsigned)address_port(&q->address));
        strbuf_str(text, " lists it");
        if (m->user != 0 && m->user != UID_UNKNOWN)
                strbuf_printf(text, ", run by uid %u", (unsigned)m->user);
}

/* Those that are the same in every report. */
/* NOLINTBEGIN(bugprone-suspicious-missing-comma): each text has its designator. */
static const char *const plain[] = {
        [AIU_ACTION_NONE] = "nothing has to be done",
        [AIU_ACTION_RESERVE_PORT] =
                "keep the kernel from giving the port to outgoing connections: it lies in the ephemeral "
                "range. This does not end the connection that has it now",
        [AIU_ACTION_REMOVE_FILE] = "remove the stale socket file: no socket is bound to it in any network namespace",
        [AIU_ACTION_USE_ACTIVATION] = "use the socket that systemd passes (sd_listen_fds(3)) instead of binding one",
        [AIU_ACTION_SET_NO_PORT] =
                "set IP_BIND_ADDRESS_NO_PORT on the socket before bind(): connect() then chooses the port, "
                "and sockets with different destinations may share it",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

static void describe(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                     const struct manager *own)
{
        switch (action->kind) {
        case AIU_ACTION_STOP_UNIT:
                strbuf_printf(text, "ask %s to stop ",
                              action->manager->kind == AIU_MANAGER_SUPERVISOR ? action->manager->supervisor
                                                                              : "systemd");
                add_units(text, action);
                add_range(text, action);
                break;
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
                strbuf_printf(text, "kill what is left of ");
                add_units(text, action);
                add_range(text, action);
                strbuf_printf(text, ". systemd has stopped the unit already");
                break;
        case AIU_ACTION_STOP_CONTAINER:
                describe_container(text, action, &report->request);
                add_range(text, action);
                break;
        case AIU_ACTION_TERMINATE:
                describe_end(text, action);
                break;
        case AIU_ACTION_KILL:
                strbuf_printf(text, "kill ");
                add_names(text, action);
                add_range(text, action);
                strbuf_printf(text, ". %s cannot clean up: data not written yet is lost",
                              action->n_processes > 1 ? "They" : "It");
                break;
        case AIU_ACTION_WAIT:
                describe_wait(text, action);
                break;
        case AIU_ACTION_SET_REUSEADDR:
                describe_option(text, action, report, "SO_REUSEADDR");
                break;
        case AIU_ACTION_SET_REUSEPORT:
                describe_option(text, action, report, "SO_REUSEPORT");
                break;
        case AIU_ACTION_SET_V6ONLY:
                describe_option(text, action, report, "IPV6_V6ONLY");
                break;
        case AIU_ACTION_OTHER_ADDRESS:
                describe_address(text, action, report);
                break;
        case AIU_ACTION_OTHER_PORT:
                if (address_is_netlink(&report->request.address))
                        strbuf_str(text, "let the kernel choose the port: nl_pid 0 [netlink(7)]");
                else
                        strbuf_str(text, action->remarks & REMARK_RANGE ? "bind a port of your choice outside the range"
                                                                        : "bind another port");
                if (action->first_port > 0)
                        strbuf_printf(text, ": %d is free", action->first_port);
                break;
        case AIU_ACTION_FIX_CALLER:
                if (action->remarks & REMARK_RANGE)
                        strbuf_printf(
                                text,
                                "the calling process holds ports of the range itself: close sockets that it does not need");
                else
                        strbuf_printf(text,
                                      "the calling process holds the address itself: close that descriptor or use it");
                break;
        case AIU_ACTION_LOOK_CLOSER:
                describe_look(text, action);
                break;
        case AIU_ACTION_WIDEN_RANGE:
                describe_widen(text, action, report);
                break;
        case AIU_ACTION_STOP_KERNEL_USER:
                describe_kernel_user(text, action->kernel_user);
                break;
        case AIU_ACTION_GRANT_PRIVILEGE: /* where no socket is in the way: refused.c */
        case AIU_ACTION_ADD_ADDRESS:
        case AIU_ACTION_SET_FREEBIND:
        case AIU_ACTION_ALLOW_NONLOCAL:
        case AIU_ACTION_ENABLE_IPV6:
        case AIU_ACTION_CHANGE_POLICY:
        case AIU_ACTION_MAKE_DIRECTORY:
        default:
                if (action->kind < sizeof(plain) / sizeof(plain[0]) && plain[action->kind])
                        strbuf_str(text, plain[action->kind]);
                break;
        }
        add_remarks(text, action, report, own);
}

int words_actions(struct aiu_report *report, const struct host *host, uid_t asker, const struct manager *own)
{
        for (size_t i = 0; i < report->n_actions; i++) {
                struct aiu_action *action = &report->actions[i];
                struct strbuf text = { 0 };
                int r;

                r = words_argv(action, report, host, asker);
                if (r < 0)
                        return r;
                if (!words_refused(&text, action, report, host))
                        describe(&text, action, report, own);
                if (action->flags & AIU_ACTION_ELSEWHERE)
                        strbuf_str(&text, action->argv ? ". This is done in the network namespace asked about"
                                                       : ". Do this in the network namespace asked about");
                r = strbuf_steal(&text, &action->text);
                if (r < 0)
                        return r;
        }
        return 0;
}
