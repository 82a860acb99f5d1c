/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an action says. The command that carries it out is in action-command.c. */
#include <errno.h>
#include <string.h>

#include "advice/manager-commands.h"
#include "rules/address.h"
#include "util/escape.h"
#include "report/words.h"

static void add_names(struct strbuf *text, const struct aiu_action *action)
{
        size_t shown = action->n_processes < 4 ? action->n_processes : 4;

        for (size_t i = 0; i < shown; i++) {
                const struct process *p = action->processes[i];

                strbuf_printf(text, "%s", i ? ", " : "");
                strbuf_outside(text, p->comm ? p->comm : "pid");
                strbuf_printf(text, " (%d)", (int)p->pid);
        }
        if (action->n_processes > shown)
                strbuf_printf(text, " and %zu more", action->n_processes - shown);
        if (action->n_workers > 0)
                strbuf_printf(text, " and with it %zu %s", action->n_workers,
                              action->n_workers > 1 ? "workers" : "worker");
}

static void describe_end(struct strbuf *text, const struct aiu_action *action)
{
        bool graceful = action->signal != SIGNAL_TERM && action->signal != SIGNAL_INT;

        strbuf_printf(text, "end ");
        add_names(text, action);
        if (graceful)
                strbuf_printf(text, ", once the requests in progress are answered: its own signal for a graceful stop");
        else if (action->signal == SIGNAL_INT)
                strbuf_printf(text, " fast: it does not wait for its clients, and keeps its data");
}

/* Of the first that the signal goes to. Whatever adopted an orphan did not start it, but may start another. */
static void add_parent(struct strbuf *text, const struct aiu_action *action)
{
        const struct process *p = action->n_processes ? action->processes[0] : NULL;
        bool named = p && p->n_ancestors > 0 && p->ancestor_comms && p->ancestor_comms[0];
        bool adopted = named && p->flags & AIU_HOLDER_ORPHAN;
        bool many = action->n_processes > 1;

        strbuf_printf(text, "; ");
        if (!adopted)
                strbuf_printf(text, "%s", many ? "the parent of the first" : "its parent");
        if (named) {
                strbuf_printf(text, "%s", adopted ? "" : ", ");
                strbuf_outside(text, p->ancestor_comms[0]);
                strbuf_printf(text, " (%d)%s", (int)p->ancestor_pids[0], adopted ? "" : ",");
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

        strbuf_printf(text, "; it runs the same program as the caller: a second copy?");
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

static void add_remarks(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                        const struct manager *own)
{
        uint32_t r = action->remarks;
        bool term = action->kind == AIU_ACTION_TERMINATE;

        if (r & REMARK_RANGE && (term || action->kind == AIU_ACTION_KILL || action->kind == AIU_ACTION_STOP_UNIT ||
                                 action->kind == AIU_ACTION_STOP_CONTAINER))
                strbuf_printf(text, ", which has most ports of the range");
        if (r & REMARK_HELPER)
                strbuf_printf(
                        text,
                        ", if no container publishes the port: then it was left behind, else the container is cut off");
        words_whose_word(text, action);
        words_who_made_it(text, action, report);
        if (r & REMARK_RETURNS)
                strbuf_printf(text, "; whatever looks after it %s it again",
                              action->sufficient == UNKNOWN ? "may start" : "starts");
        if (r & REMARK_PARENT && !(r & REMARK_RETURNS))
                add_parent(text, action);
        if (r & REMARK_SECOND_COPY)
                add_starters(text, report, own);
        if (r & REMARK_VITAL)
                strbuf_printf(text, "; a login session, this shell or the host may depend on it");
        if (term && r & REMARK_CATCHES)
                strbuf_printf(text, "; %s a while: look again after 10 s",
                              action->n_processes > 1 ? "they may take" : "it handles SIGTERM and may take");
        if (!term && r & REMARK_STOPPED)
                strbuf_printf(text, "; it is stopped, so SIGTERM would wait until it is continued (kill -CONT)");
        if (!term && r & REMARK_IGNORES)
                strbuf_printf(text, "; it ignores SIGTERM");
        if (r & REMARK_ANCESTOR)
                strbuf_printf(text, "; your shell or terminal runs in it, and may end with it");
        if (r & REMARK_LINGERS)
                strbuf_printf(text, "; its connections may stay in TIME_WAIT for up to a minute after that");
        if (r & REMARK_OTHERS)
                strbuf_printf(text, "; others are in the way as well");
        if (r & REMARK_INCOMPLETE)
                strbuf_printf(text, "; not every holder could be seen, so there may be more");
        if (r & REMARK_WHOLE_UNIT && action->n_others > 0)
                strbuf_printf(text, "; that ends %u other %s of the unit, too", (unsigned)action->n_others,
                              action->n_others > 1 ? "processes" : "process");
        else if (r & REMARK_WHOLE_UNIT)
                strbuf_printf(text, "; that ends the unit's main process, too, and all else in the unit");
        if (r & REMARK_UNASKED)
                strbuf_printf(text, "; systemd was not asked, so whether that ends it, and for good, is not known");
        if (r & REMARK_FOREIGN_PIDS)
                strbuf_printf(text,
                              "; the numbers are those of another pid namespace, whose /proc this is: do that there");
        if (r & REMARK_LIMITED_ROOT && action->kind != AIU_ACTION_LOOK_CLOSER)
                strbuf_printf(text, "; root in here may not signal a process of a user outside of this user namespace");
        if (r & REMARK_AT_BOOT)
                strbuf_printf(text,
                              "; it is enabled: it starts again at boot until it is disabled too (systemctl disable)");
}

unsigned long long words_whole_seconds(uint64_t usec)
{
        return (usec + 999999) / 1000000 + 1;
}

static void describe_wait(struct strbuf *text, const struct aiu_action *action)
{
        if (action->wait_usec && action->remarks & REMARK_RANGE)
                strbuf_printf(text,
                              "wait %llu s: by then a port that only closed connections (TIME_WAIT) keep is free; "
                              "nothing has to be stopped",
                              words_whole_seconds(action->wait_usec));
        else if (action->remarks & REMARK_RANGE)
                strbuf_str(text, "try again: a port is free by now");
        else if (action->wait_usec)
                strbuf_printf(text, "wait %llu s, until the last TIME_WAIT socket is gone; nothing has to be stopped",
                              words_whole_seconds(action->wait_usec));
        else
                strbuf_printf(text, "wait a moment: a holder is exiting already");
}

static void describe_option(struct strbuf *text, const struct aiu_action *action, const char *option)
{
        strbuf_printf(text, "set %s on the socket before bind()", option);
        if (action->sufficient == UNKNOWN)
                strbuf_printf(text, ": enough only if the other socket has it too, which could not be read");
        else if (action->kind == AIU_ACTION_SET_REUSEADDR)
                strbuf_printf(text, ": the other socket has it too, and does not listen");
        else if (action->kind == AIU_ACTION_SET_V6ONLY)
                strbuf_printf(text, ": the IPv4 side stays with its holder, [::] serves IPv6 alone");
}

static void describe_file(struct strbuf *text, const struct aiu_action *action)
{
        strbuf_printf(text, "remove the stale socket file: no socket is bound to it, in any network namespace");
        if (action->remarks & REMARK_NOT_REMOVABLE)
                strbuf_printf(text,
                              "; this user may not: the directory, its sticky bit, the file's attributes or a mount "
                              "on the file forbid it");
}

static const struct aiu_conflict *file_in_the_way(const struct aiu_report *report)
{
        const struct aiu_conflict *c = report->conflicts;

        return report->n_conflicts > 0 && c->index == NO_SOCKET && c->file_mode != 0 ? c : NULL;
}

static void describe_look(struct strbuf *text, const struct aiu_action *action)
{
        if (action->remarks & REMARK_FILE_UNKNOWN)
                strbuf_printf(text,
                              "look again%s: whether a server is behind the socket file could not be seen, and "
                              "removing the file may cut a server off",
                              action->flags & AIU_ACTION_NEEDS_ROOT ? " as root" : "");
        else if (action->remarks & REMARK_LIMITED_ROOT)
                strbuf_printf(text,
                              "look again from the host, as root with CAP_SYS_PTRACE: root in here cannot look into "
                              "every process");
        else if (action->flags & AIU_ACTION_NEEDS_ROOT)
                strbuf_printf(text, "look again as root: not every holder could be seen");
        else
                strbuf_printf(text, "look again for all holders: the search was cut short");
}

static void describe_address(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report)
{
        const struct request *q = &report->request;
        char ip[ADDRESS_TEXT_BYTES];

        if (q->address.sa.any.sa_family == AF_UNIX) {
                strbuf_printf(text, "bind another name");
                if (file_in_the_way(report))
                        strbuf_printf(text, ": this one is %s", words_file(file_in_the_way(report)));
                return;
        }
        if (action->address.len == 0 && action->remarks & REMARK_RANGE) {
                strbuf_printf(text,
                              "bind another address of this host: each has the range to itself, as far as no socket "
                              "is bound to every address");
                return;
        }
        if (action->address.len == 0) {
                strbuf_printf(text, "bind an address that this host has (ip address), or every address");
                return;
        }
        address_print_port(&action->address, ip, sizeof(ip));
        if (address_port(&action->address) == 0)
                strbuf_printf(text, "bind an address of your own: for %s a port is left", ip);
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
        strbuf_printf(text, "stop the container that publishes the port; %s",
                      manager_command(m, STOPS_CONTAINERS)->list);
        if (m->kind == AIU_MANAGER_DOCKER)
                strbuf_printf(text, " --filter publish=%u", (unsigned)address_port(&q->address));
        strbuf_str(text, " names it");
        if (m->user != 0 && m->user != UID_UNKNOWN)
                strbuf_printf(text, " when uid %u runs it", (unsigned)m->user);
}

static void describe(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                     const struct manager *own)
{
        switch (action->kind) {
        case AIU_ACTION_NONE:
                strbuf_printf(text, "nothing has to be done");
                break;
        case AIU_ACTION_STOP_UNIT:
                strbuf_printf(text, "ask %s to stop ",
                              action->manager->kind == AIU_MANAGER_SUPERVISOR ? action->manager->supervisor
                                                                              : "systemd");
                add_units(text, action);
                break;
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
                strbuf_printf(text, "kill what is left of ");
                add_units(text, action);
                strbuf_printf(text, ", which systemd has stopped already");
                break;
        case AIU_ACTION_STOP_CONTAINER:
                describe_container(text, action, &report->request);
                break;
        case AIU_ACTION_TERMINATE:
                describe_end(text, action);
                break;
        case AIU_ACTION_KILL:
                strbuf_printf(text, "kill ");
                add_names(text, action);
                strbuf_printf(text, " without a chance to clean up: what it has not written yet is lost");
                break;
        case AIU_ACTION_WAIT:
                describe_wait(text, action);
                break;
        case AIU_ACTION_SET_REUSEADDR:
                describe_option(text, action, "SO_REUSEADDR");
                break;
        case AIU_ACTION_SET_REUSEPORT:
                describe_option(text, action, "SO_REUSEPORT");
                break;
        case AIU_ACTION_SET_V6ONLY:
                describe_option(text, action, "IPV6_V6ONLY");
                break;
        case AIU_ACTION_OTHER_ADDRESS:
                describe_address(text, action, report);
                break;
        case AIU_ACTION_OTHER_PORT:
                strbuf_printf(text, action->remarks & REMARK_RANGE ? "bind a port of your own choice, outside the range"
                                                                   : "bind another port");
                break;
        case AIU_ACTION_RESERVE_PORT:
                strbuf_printf(text, "keep the port from being given to outgoing connections again: it lies in the "
                                    "ephemeral range; this does not end the connection that has it now");
                break;
        case AIU_ACTION_REMOVE_FILE:
                describe_file(text, action);
                break;
        case AIU_ACTION_USE_ACTIVATION:
                strbuf_printf(text, "take the socket that systemd passes (sd_listen_fds(3)) instead of binding one");
                break;
        case AIU_ACTION_FIX_CALLER:
                if (action->remarks & REMARK_RANGE)
                        strbuf_printf(text,
                                      "the calling process has ports of the range itself: close sockets that are not "
                                      "needed");
                else
                        strbuf_printf(text, "the calling process holds the address itself: close that descriptor, or "
                                            "use it");
                break;
        case AIU_ACTION_LOOK_CLOSER:
                describe_look(text, action);
                break;
        case AIU_ACTION_WIDEN_RANGE:
                words_widen(text, action, report);
                break;
        case AIU_ACTION_SET_NO_PORT:
                strbuf_printf(text,
                              "set IP_BIND_ADDRESS_NO_PORT on the socket before bind(): it takes no port then, and "
                              "connect() chooses one, which sockets with other destinations may share");
                break;
        case AIU_ACTION_STOP_KERNEL_USER:
                words_stop_kernel_user(text, action->kernel_user);
                break;
        case AIU_ACTION_GRANT_PRIVILEGE: /* where no socket is in the way: words-refused.c */
        case AIU_ACTION_ADD_ADDRESS:
        case AIU_ACTION_SET_FREEBIND:
        case AIU_ACTION_ALLOW_NONLOCAL:
        case AIU_ACTION_ENABLE_IPV6:
        case AIU_ACTION_CHANGE_POLICY:
        case AIU_ACTION_MAKE_DIRECTORY:
        case AIU_ACTION_UNKNOWN:
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
                        strbuf_str(&text, action->argv ? "; that is done in the network namespace asked about"
                                                       : "; do that in the network namespace asked about");
                r = strbuf_steal(&text, &action->text);
                if (r < 0)
                        return r;
        }
        return 0;
}
