/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command that carries an action out: an argument vector, never a line for a
 * shell; nothing in it needs quoting, for nothing reads it but execve(2). A name
 * that a process chose never gets into one, except as the operand of a command
 * that takes it as a name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "report/words.h"

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
        struct strbuf word = { 0 };
        va_list arguments;
        size_t n = 0;

        va_start(arguments, format);
        strbuf_vprintf(&word, format, arguments);
        va_end(arguments);
        while (action->argv[n])
                n++;
        return strbuf_steal(&word, &action->argv[n]);
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

static const char *signal_option(enum signal_word word)
{
        static const char *const options[] = { "-TERM", "-QUIT", "-INT", "-WINCH", "-USR1" };

        return options[word];
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
        case AIU_MANAGER_LXC:
                return "lxc-stop";
        case AIU_MANAGER_MACHINE:
                return "machinectl";
        default:
                return NULL;
        }
}

/*
 * A rootless engine knows the containers of its own user alone, so for somebody else the
 * command runs in that user's manager, which has the environment that it needs.
 */
static int push_as_user(struct aiu_action *action, uid_t asker)
{
        const struct manager *m = action->manager;
        int r;

        if (m->user == 0 || m->user == UID_UNKNOWN || m->user == asker)
                return 0;
        r = push(action, "systemd-run");
        if (r == 0)
                r = push(action, "--user");
        if (r == 0)
                r = push(action, "-M");
        if (r == 0)
                r = pushf(action, "%u@", (unsigned)m->user);
        return r < 0 ? r : push(action, "--wait");
}

static int container_argv(struct aiu_action *action, uid_t asker)
{
        const struct manager *m = action->manager;
        const char *tool = container_tool(m->kind);
        int r = start_argv(action, 9);

        if (r == 0 &&
            (m->kind == AIU_MANAGER_PODMAN || m->kind == AIU_MANAGER_DOCKER || m->kind == AIU_MANAGER_CONTAINERD))
                r = push_as_user(action, asker);
        if (r == 0)
                r = push(action, tool);
        if (r == 0)
                r = push(action, m->kind == AIU_MANAGER_LXC ? "-n" : "stop");
        return r < 0 ? r : push(action, m->container);
}

unsigned long long words_whole_seconds(uint64_t usec)
{
        return (usec + 999999) / 1000000 + 1;
}

static int wait_argv(struct aiu_action *action)
{
        if (action->wait_usec == 0)
                return 0;
        if (start_argv(action, 2) < 0 || push(action, "sleep") < 0)
                return -ENOMEM;
        return pushf(action, "%llu", words_whole_seconds(action->wait_usec));
}

/* The sysctl is a list: what others put there stays. */
static int reserve_argv(struct aiu_action *action, const struct request *q, const struct host *host)
{
        const char *list = host->reserved_ports ? host->reserved_ports : "";
        struct strbuf text = { 0 };
        char *setting;
        int r;

        strbuf_printf(&text, "net.ipv4.ip_local_reserved_ports=%s%s%u", list, *list ? "," : "",
                      (unsigned)address_port(&q->address));
        r = strbuf_steal(&text, &setting);
        if (r < 0)
                return r;
        r = push_all(action, (const char *const[]){ "sysctl", "-w", setting, NULL });
        free(setting);
        return r;
}

static int privilege_argv(struct aiu_action *action, const struct request *q)
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

static int address_argv(struct aiu_action *action, const struct request *q)
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
            push(action, "add") < 0 || pushf(action, "%s/%d", ip, v6 ? 128 : 32) < 0 || push(action, "dev") < 0 ||
            push(action, q->device[0] ? q->device : "lo") < 0)
                return -ENOMEM;
        return v6 ? push(action, "nodad") : 0;
}

static int remove_argv(struct aiu_action *action, const struct request *q, const struct host *host)
{
        const char *name;
        char path[sizeof(q->address.sa.un.sun_path) + 1] = "";
        size_t n = address_unix_name(&q->address, &name);

        memcpy(path, name, n);
        action->file_device = host->name_device;
        action->file_inode = host->name_inode;
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

/* In a name with a dot the sysctl's other separator tells where it ends. */
static int ipv6_argv(struct aiu_action *action, const struct host *host)
{
        const char *name = host->address_device;
        int r = push_all(action, (const char *const[]){ "sysctl", "-w", NULL });

        if (r < 0)
                return r;
        return pushf(action, strchr(name, '.') ? "net/ipv6/conf/%s/disable_ipv6=0" : "net.ipv6.conf.%s.disable_ipv6=0",
                     name);
}

static int nonlocal_argv(struct aiu_action *action, const struct request *q)
{
        bool v6 = q->address.sa.any.sa_family == AF_INET6 && !address_is_mapped(&q->address);

        return push_all(action, (const char *const[]){
                                        "sysctl", "-w",
                                        v6 ? "net.ipv6.ip_nonlocal_bind=1" : "net.ipv4.ip_nonlocal_bind=1", NULL });
}

/* The directory that the socket is to be in, with what is missing on the way there. */
static int directory_argv(struct aiu_action *action, const struct request *q, const struct host *host)
{
        const char *name;
        char path[sizeof(q->address.sa.un.sun_path) + 1] = "";
        size_t n = address_unix_name(&q->address, &name);

        memcpy(path, name, n);
        while (n > 0 && path[n - 1] == '/')
                n--;
        while (n > 0 && path[n - 1] != '/')
                n--;
        path[n] = '\0';
        /* A symbolic link that leads nowhere is not mended by mkdir(1). */
        if (n == 0 || host->name_at == 0 || host->name_makeable == UNKNOWN)
                return 0;
        while (n > 1 && path[n - 1] == '/')
                path[--n] = '\0';
        return push_all(action, (const char *const[]){ "mkdir", "-p", "--", path, NULL });
}

int words_argv(struct aiu_action *action, const struct aiu_report *report, const struct host *host, uid_t asker)
{
        const struct request *q = &report->request;

        /* It would act on whatever has that number, or that name, here. */
        if (action->remarks & REMARK_FOREIGN_PIDS || words_refuses_name(action))
                return 0;
        switch (action->kind) {
        case AIU_ACTION_STOP_UNIT:
                if (action->manager->kind == AIU_MANAGER_SUPERVISOR)
                        return supervisor_argv(action);
                return systemctl_argv(action, (const char *const[]){ "stop", NULL }, asker);
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
                return systemctl_argv(action, (const char *const[]){ "kill", "-s", "KILL", NULL }, asker);
        case AIU_ACTION_STOP_CONTAINER:
                /* Which one it is, its port's helper need not tell. */
                if (!action->manager->container || !container_tool(action->manager->kind))
                        return 0;
                return container_argv(action, asker);
        case AIU_ACTION_TERMINATE:
                return kill_argv(action, signal_option(action->signal));
        case AIU_ACTION_KILL:
                return kill_argv(action, "-KILL");
        case AIU_ACTION_WAIT:
                return wait_argv(action);
        case AIU_ACTION_RESERVE_PORT:
                return reserve_argv(action, q, host);
        case AIU_ACTION_GRANT_PRIVILEGE:
                return action->flags & AIU_ACTION_HOST_WIDE ? privilege_argv(action, q) : 0;
        case AIU_ACTION_ADD_ADDRESS:
                return report->verdict.why == WHY_DUPLICATE ? 0 : address_argv(action, q);
        case AIU_ACTION_ALLOW_NONLOCAL:
                return nonlocal_argv(action, q);
        case AIU_ACTION_ENABLE_IPV6:
                return ipv6_argv(action, host);
        case AIU_ACTION_MAKE_DIRECTORY:
                return directory_argv(action, q, host);
        case AIU_ACTION_REMOVE_FILE:
                return remove_argv(action, q, host);
        case AIU_ACTION_WIDEN_RANGE:
                return range_argv(action);
        case AIU_ACTION_STOP_KERNEL_USER:
                if (!action->kernel_user->command)
                        return 0;
                return push_all(action, (const char *const *)action->kernel_user->command);
        default: /* something to change in a program or a configuration: nothing to run */
                return 0;
        }
}
