/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command that carries an action out: an argument vector for execve(2), never a line for a shell. A name that a
 * process chose gets into it only as the operand of a command that takes it as a name.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "advice/manager-commands.h"
#include "render/phrases.h"
#include "report/words.h"
#include "rules/address.h"

/* ------------------------------------------------------ an argv under construction */

struct argv {
        char **words; /* NULL-terminated once there is one */
        size_t n;
        int error; /* 0 or -ENOMEM; then nothing more is added */
};

/* Takes the word over; NULL = there was no memory for it. */
static void argv_take(struct argv *argv, char *word)
{
        char **larger = word && !argv->error ? realloc(argv->words, (argv->n + 2) * sizeof(*larger)) : NULL;

        if (!larger) {
                free(word);
                argv->error = -ENOMEM;
                return;
        }
        argv->words = larger;
        larger[argv->n++] = word;
        larger[argv->n] = NULL;
}

static void argv_add(struct argv *argv, const char *word)
{
        argv_take(argv, strdup(word));
}

__attribute__((format(printf, 2, 3))) static void argv_addf(struct argv *argv, const char *format, ...)
{
        struct strbuf text = { 0 };
        char *word = NULL;
        va_list arguments;

        va_start(arguments, format);
        strbuf_vprintf(&text, format, arguments);
        va_end(arguments);
        (void)strbuf_steal(&text, &word);
        argv_take(argv, word);
}

static void argv_add_all(struct argv *argv, const char *const *words)
{
        for (; *words; words++)
                argv_add(argv, *words);
}

static void argv_finish(struct argv *argv)
{
        for (size_t i = 0; i < argv->n; i++)
                free(argv->words[i]);
        free(argv->words);
        argv->words = NULL;
        argv->n = 0;
}

#define ARGV_ADD(argv, ...) argv_add_all(argv, (const char *const[]){ __VA_ARGS__, NULL })

/* ------------------------------------------------------ processes and managers */

static void send_signal(struct argv *argv, const struct aiu_action *action)
{
        static const char *const options[] = { "-TERM", "-QUIT", "-INT", "-WINCH", "-USR1" };

        ARGV_ADD(argv, "kill", action->kind == AIU_ACTION_KILL ? "-KILL" : options[action->signal]);
        for (size_t i = 0; i < action->n_processes; i++)
                argv_addf(argv, "%d", (int)action->processes[i]->pid);
}

static void stop_units(struct argv *argv, const struct aiu_action *action, uid_t asker)
{
        const struct manager *m = action->manager;
        const struct manager_command *command = manager_command(m, STOPS_UNITS);

        argv_add_all(argv, command->tool);
        if (command->per_user && m->user != asker) {
                argv_add(argv, "-M");
                argv_addf(argv, "%u@", (unsigned)m->user);
        }
        if (action->kind == AIU_ACTION_KILL_UNIT_LEFTOVERS)
                ARGV_ADD(argv, "kill", "-s", "KILL");
        else
                argv_add(argv, command->stop);
        for (size_t i = 0; i < action->n_units; i++)
                argv_add(argv, action->units[i]);
}

static void stop_container(struct argv *argv, const struct manager *m, uid_t asker)
{
        const struct manager_command *command = manager_command(m, STOPS_CONTAINERS);

        /* The helper that holds the port does not always tell which container it serves. */
        if (!m->container || !command)
                return;
        /* In the other user's manager the command has the environment that a rootless engine needs. */
        if (command->per_user && m->user != 0 && m->user != UID_UNKNOWN && m->user != asker) {
                ARGV_ADD(argv, "systemd-run", "--user", "-M");
                argv_addf(argv, "%u@", (unsigned)m->user);
                argv_add(argv, "--wait");
        }
        argv_add_all(argv, command->tool);
        ARGV_ADD(argv, command->stop, m->container);
}

/* ------------------------------------------------------ the host */

static void sleep_for(struct argv *argv, uint64_t usec)
{
        if (usec == 0)
                return;
        argv_add(argv, "sleep");
        argv_addf(argv, "%llu", words_whole_seconds(usec));
}

static void reserve_port(struct argv *argv, const struct request *q, const struct host *host)
{
        const char *list = host->reserved_ports ? host->reserved_ports : "";

        ARGV_ADD(argv, "sysctl", "-w");
        argv_addf(argv, "net.ipv4.ip_local_reserved_ports=%s%s%u", list, *list ? "," : "",
                  (unsigned)address_port(&q->address));
}

static void lower_first_port(struct argv *argv, const struct aiu_action *action, const struct request *q)
{
        if (!(action->flags & AIU_ACTION_HOST_WIDE))
                return;
        ARGV_ADD(argv, "sysctl", "-w");
        argv_addf(argv, "net.ipv4.ip_unprivileged_port_start=%u", (unsigned)address_port(&q->address));
}

static void widen_range(struct argv *argv, const struct aiu_action *action)
{
        if (action->first_port == 0)
                return;
        ARGV_ADD(argv, "sysctl", "-w");
        argv_addf(argv, "net.ipv4.ip_local_port_range=%d %d", action->first_port, action->last_port);
}

static bool is_v6(const struct request *q)
{
        return q->address.sa.any.sa_family == AF_INET6 && !address_is_mapped(&q->address);
}

static void allow_nonlocal(struct argv *argv, const struct request *q)
{
        ARGV_ADD(argv, "sysctl", "-w", is_v6(q) ? "net.ipv6.ip_nonlocal_bind=1" : "net.ipv4.ip_nonlocal_bind=1");
}

static void enable_ipv6(struct argv *argv, const char *device)
{
        ARGV_ADD(argv, "sysctl", "-w");
        /* With slashes a dot belongs to the device's name. */
        argv_addf(argv, strchr(device, '.') ? "net/ipv6/conf/%s/disable_ipv6=0" : "net.ipv6.conf.%s.disable_ipv6=0",
                  device);
}

static void add_address(struct argv *argv, const struct request *q)
{
        char ip[ADDRESS_TEXT_BYTES];
        struct address plain = q->address;

        if (address_is_mapped(&q->address)) {
                plain = (struct address){ .len = sizeof(plain.sa.in) };
                plain.sa.in.sin_family = AF_INET;
                plain.sa.in.sin_addr.s_addr = address_endpoint(&q->address).v4;
        } else if (is_v6(q)) {
                plain.sa.in6.sin6_scope_id = 0;
        }
        address_print(&plain, ip, sizeof(ip));
        ARGV_ADD(argv, "ip", "address", "add");
        argv_addf(argv, "%s/%d", ip, is_v6(q) ? 128 : 32);
        ARGV_ADD(argv, "dev", q->device[0] ? q->device : "lo");
        if (is_v6(q))
                argv_add(argv, "nodad");
}

/* ------------------------------------------------------ files */

/* The path of an AF_UNIX socket as a string. Its length. */
static size_t copy_path(const struct request *q, char path[static sizeof(q->address.sa.un.sun_path) + 1])
{
        const char *name;
        size_t n = address_unix_name(&q->address, &name);

        memcpy(path, name, n);
        path[n] = '\0';
        return n;
}

static void remove_file(struct argv *argv, const struct request *q)
{
        char path[sizeof(q->address.sa.un.sun_path) + 1];

        (void)copy_path(q, path);
        ARGV_ADD(argv, "rm", "--", path);
}

/* The directory for the socket, with the parents that are missing. */
static void make_directory(struct argv *argv, const struct request *q, const struct host *host)
{
        char path[sizeof(q->address.sa.un.sun_path) + 1];
        size_t n = copy_path(q, path);

        while (n > 0 && path[n - 1] == '/')
                n--;
        while (n > 0 && path[n - 1] != '/')
                n--;
        /* mkdir(1) does not mend a symbolic link that leads nowhere. */
        if (n == 0 || host->name_at == 0 || host->name_makeable == UNKNOWN)
                return;
        while (n > 1 && path[n - 1] == '/')
                n--;
        path[n] = '\0';
        ARGV_ADD(argv, "mkdir", "-p", "--", path);
}

/* ------------------------------------------------------ the same question */

static void name_again(struct argv *argv, const struct aiu_report *report)
{
        const struct request *q = &report->request;
        char path[sizeof(q->address.sa.un.sun_path) + 1];
        struct strbuf text = { 0 };
        char *word = NULL;

        if (q->address.sa.any.sa_family == AF_UNIX) {
                (void)copy_path(q, path);
                argv_add(argv, path);
                return;
        }
        phrase_operand(&text, report);
        (void)strbuf_steal(&text, &word);
        argv_take(argv, word);
}

/* The command's own defaults go without saying. */
static void look_as_root(struct argv *argv, const struct aiu_action *action, const struct aiu_report *report,
                         const struct host *host)
{
        const struct request *q = &report->request;
        bool is_unix = q->address.sa.any.sa_family == AF_UNIX;

        if (!(action->flags & AIU_ACTION_NEEDS_ROOT) || action->remarks & REMARK_LIMITED_ROOT || host->other_netns ||
            (is_unix && q->address.sa.un.sun_path[0] != '/') || address_is_netlink(&q->address))
                return;
        ARGV_ADD(argv, "sudo", "addrinuse");
        name_again(argv, report);
        if (address_is_ip(&q->address) && q->reuseaddr != (q->type == SOCK_STREAM))
                argv_add(argv, q->reuseaddr ? "--reuseaddr" : "--reuseaddr=no");
        if (q->reuseport)
                argv_add(argv, "--reuseport");
        /* The kernel compares the users of a SO_REUSEPORT group, and sudo changes the user. */
        if (q->reuseport && q->uid != 0 && q->uid != UID_UNKNOWN)
                argv_addf(argv, "--uid=%u", (unsigned int)q->uid);
        if (q->freebind)
                argv_add(argv, "--freebind");
        if (is_unix && q->type != SOCK_STREAM)
                argv_add(argv, q->type == SOCK_DGRAM ? "--dgram" : "--seqpacket");
        if (q->v6only)
                argv_add(argv, "--v6only");
        if (q->device[0])
                argv_addf(argv, "--device=%s", q->device);
}

/* ------------------------------------------------------ the command of an action */

static void build(struct argv *argv, const struct aiu_action *action, const struct aiu_report *report,
                  const struct host *host, uid_t asker)
{
        const struct request *q = &report->request;

        switch (action->kind) {
        case AIU_ACTION_STOP_UNIT:
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
                stop_units(argv, action, asker);
                break;
        case AIU_ACTION_STOP_CONTAINER:
                stop_container(argv, action->manager, asker);
                break;
        case AIU_ACTION_TERMINATE:
        case AIU_ACTION_KILL:
                send_signal(argv, action);
                break;
        case AIU_ACTION_WAIT:
                sleep_for(argv, action->wait_usec);
                break;
        case AIU_ACTION_RESERVE_PORT:
                reserve_port(argv, q, host);
                break;
        case AIU_ACTION_GRANT_PRIVILEGE:
                lower_first_port(argv, action, q);
                break;
        case AIU_ACTION_ADD_ADDRESS:
                if (report->verdict.why != WHY_DUPLICATE)
                        add_address(argv, q);
                break;
        case AIU_ACTION_ALLOW_NONLOCAL:
                allow_nonlocal(argv, q);
                break;
        case AIU_ACTION_ENABLE_IPV6:
                enable_ipv6(argv, host->address_device);
                break;
        case AIU_ACTION_MAKE_DIRECTORY:
                make_directory(argv, q, host);
                break;
        case AIU_ACTION_REMOVE_FILE:
                remove_file(argv, q);
                break;
        case AIU_ACTION_WIDEN_RANGE:
                widen_range(argv, action);
                break;
        case AIU_ACTION_LOOK_CLOSER:
                look_as_root(argv, action, report, host);
                break;
        case AIU_ACTION_STOP_KERNEL_USER:
                if (action->kernel_user->command)
                        argv_add_all(argv, (const char *const *)action->kernel_user->command);
                break;
        default: /* something to change in a program or a configuration: nothing to run */
                break;
        }
}

/* Signals, files and service managers do not depend on the network namespace. */
static bool changes_netns(const struct argv *argv)
{
        return argv->n > 0 && (strcmp(argv->words[0], "ip") == 0 || strcmp(argv->words[0], "sysctl") == 0);
}

/* The command acts on the network namespace asked about, or there is none. */
static void enter_netns(struct argv *argv, const char *netns_path)
{
        struct argv inner = *argv;

        *argv = (struct argv){ .error = inner.error };
        if (netns_path) {
                argv_add(argv, "nsenter");
                argv_addf(argv, "--net=%s", netns_path);
                argv_add(argv, "--");
                argv_add_all(argv, (const char *const *)inner.words);
        }
        argv_finish(&inner);
}

int words_argv(struct aiu_action *action, const struct aiu_report *report, const struct host *host, uid_t asker)
{
        struct argv argv = { 0 };

        /* It would act on another thing that has this number or name here. */
        if (action->remarks & REMARK_FOREIGN_PIDS || words_refuses_name(action))
                return 0;
        build(&argv, action, report, host, asker);
        if (host->other_netns && changes_netns(&argv)) {
                action->flags |= AIU_ACTION_ELSEWHERE;
                enter_netns(&argv, host->netns_path);
        }
        if (argv.error)
                argv_finish(&argv);
        action->argv = argv.words;
        return argv.error;
}
