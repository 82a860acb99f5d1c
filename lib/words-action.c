/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an action says, and the command that carries it out. A command is an
 * argument vector, never a line for a shell; nothing in it needs quoting, for
 * nothing reads it but execve(2). A name that a process chose never gets into
 * one, except as the operand of a command that takes it as a name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "text.h"
#include "words.h"

/* ------------------------------------------------------ commands */

static int start_argv(struct aiu_action *action, size_t room)
{
        action->argv = calloc(room + 1, sizeof(*action->argv));
        return action->argv ? 0 : -ENOMEM;
}

static int push(struct aiu_action *action, const char *word)
{
        size_t n = 0;

        while (action->argv[n])
                n++;
        action->argv[n] = strdup(word);
        return action->argv[n] ? 0 : -ENOMEM;
}

__attribute__((format(printf, 2, 3))) static int pushf(struct aiu_action *action, const char *format, ...)
{
        char buffer[512] = "";
        struct text text = TEXT(buffer);
        va_list arguments;

        va_start(arguments, format);
        text_addv(&text, format, arguments);
        va_end(arguments);
        return push(action, buffer);
}

static int push_all(struct aiu_action *action, const char *const *words)
{
        int r = start_argv(action, 24);

        for (; r == 0 && *words; words++)
                r = push(action, *words);
        return r;
}

static int kill_argv(struct aiu_action *action, const char *signal)
{
        int r = start_argv(action, action->n_processes + 2);

        if (r == 0)
                r = push(action, "kill");
        if (r == 0)
                r = push(action, signal);
        for (size_t i = 0; r == 0 && i < action->n_processes; i++)
                r = pushf(action, "%d", (int)action->processes[i]->pid);
        return r;
}

/* As the user: --user. As root, for a user's manager: through -M. */
static int systemctl_argv(struct aiu_action *action, const char *const *verb, uid_t asker)
{
        const struct manager *m = action->manager;
        int r = start_argv(action, action->n_units + 8);

        if (r == 0)
                r = push(action, "systemctl");
        if (r == 0 && m->kind == AIU_MANAGER_SYSTEMD_USER)
                r = push(action, "--user");
        if (r == 0 && m->kind == AIU_MANAGER_SYSTEMD_USER && m->user != asker) {
                r = push(action, "-M");
                if (r == 0)
                        r = pushf(action, "%u@", (unsigned)m->user);
        }
        for (; r == 0 && *verb; verb++)
                r = push(action, *verb);
        for (size_t i = 0; r == 0 && i < action->n_units; i++)
                r = push(action, action->units[i]);
        return r;
}

/* What stops one program for good, without the supervisor starting it again. */
static int supervisor_argv(struct aiu_action *action)
{
        static const struct {
                const char *name, *words[3];
        } commands[] = {
                { "supervisord", { "supervisorctl", "stop" } },
                { "runit", { "sv", "down" } },
                { "s6", { "s6-svc", "-d" } },
                { "daemontools", { "svc", "-d" } },
                { "pm2", { "pm2", "stop" } },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
                if (strcmp(action->manager->supervisor, commands[i].name) != 0)
                        continue;
                r = start_argv(action, action->n_units + 3);
                for (const char *const *word = commands[i].words; r == 0 && *word; word++)
                        r = push(action, *word);
                for (size_t k = 0; r == 0 && k < action->n_units; k++)
                        r = push(action, action->units[k]);
        }
        return r;
}

static const char *container_tool(enum aiu_manager_kind kind)
{
        switch (kind) {
        case AIU_MANAGER_DOCKER:
                return "docker";
        case AIU_MANAGER_PODMAN:
                return "podman";
        case AIU_MANAGER_CONTAINERD:
                return "nerdctl";
        case AIU_MANAGER_KUBERNETES:
                return "crictl";
        case AIU_MANAGER_SNAP:
                return "snap";
        default:
                return NULL;
        }
}

static int container_argv(struct aiu_action *action)
{
        const struct manager *m = action->manager;
        const char *tool = container_tool(m->kind);

        if (tool)
                return push_all(action, (const char *const[]){ tool, "stop", m->container, NULL });
        if (m->kind == AIU_MANAGER_LXC)
                return push_all(action, (const char *const[]){ "lxc-stop", "-n", m->container, NULL });
        if (m->kind == AIU_MANAGER_MACHINE)
                return push_all(action, (const char *const[]){ "machinectl", "stop", m->container, NULL });
        return 0;
}

/* The kernel counts on after it said how long: a second more is never wrong. */
static unsigned long long whole_seconds(uint64_t usec)
{
        return (usec + 999999) / 1000000 + 1;
}

static int wait_argv(struct aiu_action *action)
{
        if (action->wait_usec == 0)
                return 0;
        if (start_argv(action, 2) < 0 || push(action, "sleep") < 0)
                return -ENOMEM;
        return pushf(action, "%llu", whole_seconds(action->wait_usec));
}

/* The sysctl is a list: what others put there stays. */
static int reserve_argv(struct aiu_action *action, const struct question *q, const struct host *host)
{
        const char *list = host->reserved_ports ? host->reserved_ports : "";
        size_t bytes = strlen(list) + 64;
        char *setting = malloc(bytes);
        struct text text = { .to = setting, .bytes = bytes };
        int r;

        if (!setting)
                return -ENOMEM;
        text_add(&text, "net.ipv4.ip_local_reserved_ports=%s%s%u", list, *list ? "," : "",
                 (unsigned)address_port(&q->address));
        r = push_all(action, (const char *const[]){ "sysctl", "-w", setting, NULL });
        free(setting);
        return r;
}

static int privilege_argv(struct aiu_action *action, const struct question *q)
{
        int r = start_argv(action, 3);

        if (r == 0)
                r = push(action, "sysctl");
        if (r == 0)
                r = push(action, "-w");
        if (r == 0)
                r = pushf(action, "net.ipv4.ip_unprivileged_port_start=%u", (unsigned)address_port(&q->address));
        return r;
}

static int address_argv(struct aiu_action *action, const struct question *q)
{
        char ip[ADDRESS_TEXT_BYTES];
        struct address plain = q->address;
        bool v6 = q->address.sa.any.sa_family == AF_INET6 && !address_is_mapped(&q->address);

        if (address_is_mapped(&q->address)) {
                plain = (struct address){ .len = sizeof(plain.sa.in) };
                plain.sa.in.sin_family = AF_INET;
                plain.sa.in.sin_addr.s_addr = address_endpoint(&q->address).v4;
        } else if (v6) {
                plain.sa.in6.sin6_scope_id = 0;
        }
        address_print(&plain, ip, sizeof(ip));
        if (start_argv(action, 8) < 0 || push(action, "ip") < 0 || push(action, "address") < 0 ||
            push(action, "add") < 0 || pushf(action, "%s/%d", ip, v6 ? 128 : 32) < 0 ||
            push(action, "dev") < 0 || push(action, q->device[0] ? q->device : "lo") < 0)
                return -ENOMEM;
        return v6 ? push(action, "nodad") : 0;
}

static int remove_argv(struct aiu_action *action, const struct question *q)
{
        const char *name;
        char path[sizeof(q->address.sa.un.sun_path) + 1] = "";
        size_t n = address_unix_name(&q->address, &name);

        memcpy(path, name, n);
        return push_all(action, (const char *const[]){ "rm", "--", path, NULL });
}

static int range_argv(struct aiu_action *action)
{
        int r;

        if (action->first_port == 0)
                return 0;
        r = push_all(action, (const char *const[]){ "sysctl", "-w", NULL });
        return r < 0 ? r : pushf(action, "net.ipv4.ip_local_port_range=%d %d", action->first_port, action->last_port);
}

static int make_argv(struct aiu_action *action, const struct aiu_report *report, const struct host *host,
                     uid_t asker)
{
        const struct question *q = &report->question;

        switch (action->kind) {
        case AIU_ACTION_STOP_UNIT:
                if (action->manager->kind == AIU_MANAGER_SUPERVISOR)
                        return supervisor_argv(action);
                return systemctl_argv(action, (const char *const[]){ "stop", NULL }, asker);
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
                return systemctl_argv(action, (const char *const[]){ "kill", "-s", "KILL", NULL }, asker);
        case AIU_ACTION_STOP_CONTAINER:
                return container_argv(action);
        case AIU_ACTION_TERMINATE:
                return kill_argv(action, "-TERM");
        case AIU_ACTION_KILL:
                return kill_argv(action, "-KILL");
        case AIU_ACTION_WAIT:
                return wait_argv(action);
        case AIU_ACTION_RESERVE_PORT:
                return reserve_argv(action, q, host);
        case AIU_ACTION_GRANT_PRIVILEGE:
                return privilege_argv(action, q);
        case AIU_ACTION_ADD_ADDRESS:
                return address_argv(action, q);
        case AIU_ACTION_REMOVE_FILE:
                return remove_argv(action, q);
        case AIU_ACTION_WIDEN_RANGE:
                return range_argv(action);
        case AIU_ACTION_STOP_KERNEL_USER:
                if (!action->kernel_user->command)
                        return 0;
                return push_all(action, (const char *const *)action->kernel_user->command);
        default:        /* something to change in a program or a configuration: nothing to run */
                return 0;
        }
}

/* ------------------------------------------------------ texts */

static void add_names(struct text *text, const struct aiu_action *action)
{
        size_t shown = action->n_processes < 4 ? action->n_processes : 4;

        for (size_t i = 0; i < shown; i++) {
                const struct process *p = action->processes[i];

                text_add(text, "%s", i ? ", " : "");
                text_add_escaped(text, p->comm ? p->comm : "pid", 32);
                text_add(text, " (%d)", (int)p->pid);
        }
        if (action->n_processes > shown)
                text_add(text, " and %zu more", action->n_processes - shown);
}

static void add_units(struct text *text, const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_units; i++) {
                text_add(text, "%s", i ? " and " : "");
                text_add_escaped(text, action->units[i], 128);
        }
}

static void add_remarks(struct text *text, const struct aiu_action *action)
{
        uint32_t r = action->remarks;
        bool term = action->kind == AIU_ACTION_TERMINATE;

        if (r & REMARK_RANGE && (term || action->kind == AIU_ACTION_KILL || action->kind == AIU_ACTION_STOP_UNIT ||
                                 action->kind == AIU_ACTION_STOP_CONTAINER))
                text_add(text, ", which has most ports of the range");
        if (r & REMARK_RETURNS)
                text_add(text, "; whatever looks after it %s it again",
                         action->sufficient == UNKNOWN ? "may start" : "starts");
        if (r & REMARK_SECOND_COPY)
                text_add(text, "; it runs the same program as the caller: a second copy?");
        if (term && r & REMARK_CATCHES)
                text_add(text, "; it handles SIGTERM itself, so when and whether it goes is its own affair");
        if (!term && r & REMARK_STOPPED)
                text_add(text, "; it is stopped, so SIGTERM would wait until it is continued");
        if (!term && r & REMARK_IGNORES)
                text_add(text, "; it ignores SIGTERM");
        if (r & REMARK_LINGERS)
                text_add(text, "; its connections may stay in TIME_WAIT for up to a minute after that");
        if (r & REMARK_OTHERS)
                text_add(text, "; others are in the way as well");
        if (r & REMARK_INCOMPLETE)
                text_add(text, "; not every holder could be seen, so there may be more");
}

static void describe_wait(struct text *text, const struct aiu_action *action)
{
        if (action->wait_usec && action->remarks & REMARK_RANGE)
                text_add(text, "wait %llu s: by then a port that only closed connections (TIME_WAIT) keep is free; "
                               "nothing has to be stopped", whole_seconds(action->wait_usec));
        else if (action->wait_usec)
                text_add(text, "wait %llu s, until the last TIME_WAIT socket is gone; nothing has to be stopped",
                         whole_seconds(action->wait_usec));
        else if (action->remarks & REMARK_TENTATIVE)
                text_add(text, "wait a second or two: duplicate address detection for this address is still "
                               "running");
        else
                text_add(text, "wait a moment: a holder is exiting already");
}

static void describe_option(struct text *text, const struct aiu_action *action, const char *option)
{
        text_add(text, "set %s on the socket before bind()", option);
        if (action->sufficient == UNKNOWN)
                text_add(text, ": enough only if the other socket has it too, which could not be read");
        else if (action->kind == AIU_ACTION_SET_REUSEADDR)
                text_add(text, ": the other socket has it too, and does not listen");
        else if (action->kind == AIU_ACTION_SET_V6ONLY)
                text_add(text, ": the IPv4 side stays with its holder, [::] serves IPv6 alone");
}

static void describe_address(struct text *text, const struct aiu_action *action, const struct question *q)
{
        char ip[ADDRESS_TEXT_BYTES];

        if (q->address.sa.any.sa_family == AF_UNIX) {
                text_add(text, "bind another name");
                return;
        }
        if (action->address.len == 0 && action->remarks & REMARK_RANGE) {
                text_add(text, "bind another address of this host: each has the range to itself, as far as no socket "
                               "is bound to every address");
                return;
        }
        if (action->address.len == 0) {
                text_add(text, "bind an address that this host has (ip address), or every address");
                return;
        }
        address_print_port(&action->address, ip, sizeof(ip));
        if (address_port(&action->address) == 0)
                text_add(text, "bind an address of your own: for %s a port is left", ip);
        else
                text_add(text, "bind an address of your own: %s is free", ip);
}

static void describe(struct text *text, const struct aiu_action *action, const struct aiu_report *report)
{
        switch (action->kind) {
        case AIU_ACTION_NONE:
                text_add(text, "nothing has to be done");
                break;
        case AIU_ACTION_STOP_UNIT:
                text_add(text, "ask %s to stop ", action->manager->kind == AIU_MANAGER_SUPERVISOR
                                                          ? action->manager->supervisor : "systemd");
                add_units(text, action);
                break;
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
                text_add(text, "kill what is left of ");
                add_units(text, action);
                text_add(text, ", which systemd has stopped already");
                break;
        case AIU_ACTION_STOP_CONTAINER:
                text_add(text, "stop the container ");
                text_add_escaped(text, action->manager->container, 64);
                break;
        case AIU_ACTION_TERMINATE:
                text_add(text, "end ");
                add_names(text, action);
                break;
        case AIU_ACTION_KILL:
                text_add(text, "kill ");
                add_names(text, action);
                text_add(text, " without a chance to clean up");
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
                describe_address(text, action, &report->question);
                break;
        case AIU_ACTION_OTHER_PORT:
                text_add(text, action->remarks & REMARK_RANGE ? "bind a port of your own choice, outside the range"
                                                              : "bind another port");
                break;
        case AIU_ACTION_RESERVE_PORT:
                text_add(text, "keep the port from being given to outgoing connections again: it lies in the "
                               "ephemeral range; this does not end the connection that has it now");
                break;
        case AIU_ACTION_REMOVE_FILE:
                text_add(text, "remove the stale socket file: no socket of this network namespace is behind it");
                break;
        case AIU_ACTION_USE_ACTIVATION:
                text_add(text, "take the socket that systemd passes (sd_listen_fds(3)) instead of binding one");
                break;
        case AIU_ACTION_GRANT_PRIVILEGE:
                text_add(text, "give the service CAP_NET_BIND_SERVICE (AmbientCapabilities= in its unit, or "
                               "setcap(8)); the command shown opens the port, and those above it, to every user");
                break;
        case AIU_ACTION_ADD_ADDRESS:
                text_add(text, "give the host the address (on its proper interface; lo is enough to bind), or "
                               "set IP_FREEBIND on the socket");
                break;
        case AIU_ACTION_FIX_CALLER:
                if (report->verdict.verdict == AIU_VERDICT_INVALID)
                        text_add(text, "correct the call: this bind() can never succeed");
                else if (action->remarks & REMARK_RANGE)
                        text_add(text, "the calling process has ports of the range itself: close sockets that are not "
                                       "needed");
                else
                        text_add(text, "the calling process holds the address itself: close that descriptor, or "
                                       "use it");
                break;
        case AIU_ACTION_LOOK_CLOSER:
                text_add(text, "look again as root: not every holder could be seen");
                break;
        case AIU_ACTION_WIDEN_RANGE:
                words_widen(text, action, report);
                break;
        case AIU_ACTION_SET_NO_PORT:
                text_add(text, "set IP_BIND_ADDRESS_NO_PORT on the socket before bind(): it takes no port then, and "
                               "connect() chooses one, which sockets with other destinations may share");
                break;
        case AIU_ACTION_STOP_KERNEL_USER:
                words_stop_kernel_user(text, action->kernel_user);
                break;
        case AIU_ACTION_UNKNOWN:
                break;
        }
        add_remarks(text, action);
}

int words_actions(struct aiu_report *report, const struct host *host, uid_t asker)
{
        for (size_t i = 0; i < report->n_actions; i++) {
                struct aiu_action *action = &report->actions[i];
                char buffer[1024] = "";
                struct text text = TEXT(buffer);
                int r;

                r = make_argv(action, report, host, asker);
                if (r < 0)
                        return r;
                describe(&text, action, report);
                action->text = strdup(buffer);
                if (!action->text)
                        return -ENOMEM;
        }
        return 0;
}
