/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cgroup-supervisor.h. A supervisor is told by its comm, which it chose itself. What the supervised program is
 * called is in the supervisor's working directory (runit, s6, daemontools run each child's supervisor in the
 * service's directory) or in the child's environment (supervisord and pm2 put it there). All of that is the word of
 * the users whose processes and directories these are: cgroup-word.h says who they are.
 */
#include "backend/cgroup/cgroup-supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cgroup/cgroup-word.h"
#include "util/macro.h"
#include "util/sys.h"

#define ENVIRON_BYTES 65536u
#define CGROUP_TEXT_BYTES 8192u

enum naming {
        NAMING_NONE,
        NAMING_DIRECTORY,   /* working directory of the supervisor */
        NAMING_SUPERVISORD, /* SUPERVISOR_GROUP_NAME:SUPERVISOR_PROCESS_NAME */
        NAMING_PM2,         /* name, else pm_id */
};

/* The kernel cuts a comm after 15 bytes (TASK_COMM_LEN). */
static const struct {
        const char *comm;
        bool is_prefix;
        const char *name;
        enum naming naming;
} supervisors[] = {
        { "supervisord", false, "supervisord", NAMING_SUPERVISORD },
        { "runsv", false, "runit", NAMING_DIRECTORY },
        { "s6-supervise", false, "s6", NAMING_DIRECTORY },
        { "supervise", false, "daemontools", NAMING_DIRECTORY },
        { "supervise-daemo", false, "supervise-daemon", NAMING_NONE },
        { "PM2 v", true, "pm2", NAMING_PM2 },
        { "monit", false, "monit", NAMING_NONE },
        { "circusd", false, "circus", NAMING_NONE },
        { "dinit", false, "dinit", NAMING_NONE },
        { "gunicorn", true, "gunicorn", NAMING_NONE },
        { "uwsgi", true, "uwsgi", NAMING_NONE },
        { "unicorn", true, "unicorn", NAMING_NONE },
        { "php-fpm", true, "php-fpm", NAMING_NONE },
};

static size_t match(const char *comm)
{
        for (size_t i = 0; comm && i < ELEMENTSOF(supervisors); i++) {
                const char *name = supervisors[i].comm;

                if (supervisors[i].is_prefix ? strncmp(comm, name, strlen(name)) == 0 : strcmp(comm, name) == 0)
                        return i;
        }
        return ELEMENTSOF(supervisors);
}

/* A supervisor's name for a program becomes the operand of a command. */
static bool is_plain_name(const char *name)
{
        static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-:@+";

        /* supervisorctl(1) and pm2 take "all" for all of their programs. */
        return consists_of(name, strlen(name), plain) && *name != '-' && strcmp(name, "all") != 0;
}

static bool is_number(const char *name)
{
        return consists_of(name, strlen(name), "0123456789");
}

/* pm2 would read a file of that name, or take it for the number of another program. */
static bool is_pm2_name(const char *name)
{
        static const char *const suffixes[] = { ".json", ".js", ".cjs", ".mjs", ".yml", ".yaml" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (cgroup_has_suffix(name, suffixes[i]))
                        return false;
        return is_plain_name(name) && !is_number(name);
}

static void name_by_directory(const struct aiu_request *request, pid_t supervisor, char *program)
{
        char link[32];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "%d/cwd", (int)supervisor);
        n = sys_readlinkat(request->procfs, link, program, SUPERVISOR_PROGRAM_BYTES - 1);
        /* Not a path: unreachable from here. Full: cut short. */
        if (n <= 0 || program[0] != '/' || n == SUPERVISOR_PROGRAM_BYTES - 1)
                n = 0;
        program[n] = '\0';
}

/* The value of a variable among NUL-separated ones. */
static const char *variable(const char *environment, size_t bytes, const char *name)
{
        size_t n = strlen(name);

        for (size_t at = 0; at < bytes; at += strlen(environment + at) + 1)
                if (strncmp(environment + at, name, n) == 0 && environment[at + n] == '=')
                        return environment + at + n + 1;
        return NULL;
}

static void name_by_supervisord(const char *environment, size_t bytes, char *program)
{
        const char *name = variable(environment, bytes, "SUPERVISOR_PROCESS_NAME");
        const char *group = variable(environment, bytes, "SUPERVISOR_GROUP_NAME");
        size_t n_group;

        if (!name || !group || !is_plain_name(name) || !is_plain_name(group))
                return;
        n_group = strlen(group);
        if (n_group + strlen(name) + 2 > SUPERVISOR_PROGRAM_BYTES)
                return;
        memcpy(program, group, n_group);
        program[n_group] = ':';
        memcpy(program + n_group + 1, name, strlen(name) + 1);
}

static void name_by_pm2(const char *environment, size_t bytes, char *program)
{
        const char *name = variable(environment, bytes, "name");

        if (!name || !is_pm2_name(name)) {
                name = variable(environment, bytes, "pm_id");
                name = name && is_number(name) ? name : NULL;
        }
        if (name && strlen(name) < SUPERVISOR_PROGRAM_BYTES)
                memcpy(program, name, strlen(name) + 1);
}

/* Only these variables are looked at; nothing else of it is kept or told. */
static void name_by_environment(const struct aiu_request *request, const struct aiu_process_fact *process,
                                enum naming naming, char *program)
{
        char path[32], *environment;
        size_t bytes = 0;

        /* No command line: its memory may be one that is waited for (access_remote_vm()). */
        if (process->cmdline_bytes == 0)
                return;
        (void)snprintf(path, sizeof(path), "%d/environ", (int)process->pid);
        if (sys_read_file_alloc(request->procfs, path, ENVIRON_BYTES, &environment, &bytes) < 0)
                return;
        if (naming == NAMING_PM2)
                name_by_pm2(environment, bytes, program);
        else
                name_by_supervisord(environment, bytes, program);
        free(environment);
}

/* A directory of a supervisor who is not believed anyway is not looked at. */
static uid_t word_of_supervisor(const struct aiu_request *request, pid_t supervisor, const char *comm,
                                const struct supervision *supervision)
{
        uid_t word = word_of_process(request, supervisor, comm);

        if (!supervision->program[0] || (word != 0 && word != sys_geteuid()))
                return word;
        return word_of_both(word, word_of_service(request, supervisor, supervision->program));
}

/* An environment is handed down: each on the way could have changed it. */
static uid_t word_of_environment(const struct aiu_request *request, const struct aiu_process_fact *process,
                                 size_t supervisor)
{
        uid_t word = word_of_process(request, process->pid, NULL);

        for (size_t i = 0; i < supervisor; i++)
                word = word_of_both(word, word_of_process(request, process->ancestor_pids[i], NULL));
        return word_of_both(word, word_of_process(request, process->ancestor_pids[supervisor],
                                                  process->ancestor_comms[supervisor]));
}

void supervisor_find(const struct aiu_request *request, const struct aiu_process_fact *process,
                     supervisor_is_holder *is_holder, const void *userdata, struct supervision *ret)
{
        size_t found = ELEMENTSOF(supervisors), i;

        ret->name = NULL;
        ret->program[0] = '\0';
        ret->named_by = WORD_UNKNOWN;
        for (i = 0; i < process->n_ancestors; i++) {
                found = match(process->ancestor_comms[i]);
                if (found < ELEMENTSOF(supervisors) && !is_holder(userdata, process->ancestor_pids[i]))
                        break;
        }
        if (i == process->n_ancestors)
                return;
        ret->name = supervisors[found].name;
        if (request->procfs < 0 || aiu_request_time_left_usec(request) == 0)
                return;
        if (supervisors[found].naming == NAMING_SUPERVISORD || supervisors[found].naming == NAMING_PM2) {
                name_by_environment(request, process, supervisors[found].naming, ret->program);
                ret->named_by = word_of_environment(request, process, i);
                return;
        }
        if (supervisors[found].naming == NAMING_DIRECTORY)
                name_by_directory(request, process->ancestor_pids[i], ret->program);
        ret->named_by = word_of_supervisor(request, process->ancestor_pids[i], process->ancestor_comms[i], ret);
}

/* ------------------------------------------------------ port helpers */

/* The argument behind `option`. */
static const char *argument_of(const struct aiu_process_fact *process, const char *option)
{
        size_t bytes = process->cmdline ? process->cmdline_bytes : 0;

        for (size_t at = 0; at < bytes;) {
                const char *word = process->cmdline + at;
                size_t n = strnlen(word, bytes - at);

                at += n + 1;
                if (at < bytes && n == strlen(option) && memcmp(word, option, n) == 0)
                        return process->cmdline + at;
        }
        return NULL;
}

static bool mentions(const struct aiu_process_fact *process, const char *word)
{
        return process->cmdline && memmem(process->cmdline, process->cmdline_bytes, word, strlen(word));
}

/* conmon(8): -c ID. */
static void conmon_id(const struct aiu_process_fact *process, char *container)
{
        const char *id = argument_of(process, "-c");
        size_t n;

        if (!id)
                id = argument_of(process, "--cid");
        n = id ? strnlen(id, process->cmdline_bytes - (size_t)(id - process->cmdline)) : 0;
        if (n == 0 || n >= CGROUP_NAME_BYTES || strspn(id, "0123456789abcdef") < n)
                return;
        memcpy(container, id, n);
        container[n] = '\0';
}

enum aiu_manager_kind supervisor_find_port_helper(const struct aiu_process_fact *process, char *container)
{
        const char *comm = process->comm ? process->comm : "";

        container[0] = '\0';
        if (strcmp(comm, "docker-proxy") == 0)
                return AIU_MANAGER_DOCKER;
        if (strcmp(comm, "conmon") == 0) {
                conmon_id(process, container);
                return AIU_MANAGER_PODMAN;
        }
        if (strcmp(comm, "rootlessport") == 0)
                return AIU_MANAGER_PODMAN;
        /* Both serve others than podman as well; podman names the network namespace so. */
        if ((strncmp(comm, "pasta", 5) == 0 || strcmp(comm, "slirp4netns") == 0) && mentions(process, "/netns/"))
                return AIU_MANAGER_PODMAN;
        if (strcmp(comm, "rootlesskit") == 0)
                return mentions(process, "dockerd") ? AIU_MANAGER_DOCKER : AIU_MANAGER_CONTAINERD;
        return AIU_MANAGER_UNKNOWN;
}

/* ------------------------------------------------------ units that run containers */

/* Of that process, if it is called so still: its number may be another's by now. */
static bool read_cgroup(const struct aiu_request *request, pid_t pid, const char *comm, struct cgroup_owner *ret)
{
        char path[32], name[32], *text;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "%d/cgroup", (int)pid);
        if (sys_read_file_alloc(request->procfs, path, CGROUP_TEXT_BYTES, &text, NULL) < 0)
                return false;
        cgroup_parse(text, ret);
        ret->named_by = word_of_cgroup(ret);
        ret->above = NULL;
        free(text);
        (void)snprintf(path, sizeof(path), "%d/comm", (int)pid);
        n = sys_read_file(request->procfs, path, name, sizeof(name));
        return n > 0 && (size_t)n == strlen(comm) + 1 && strncmp(name, comm, strlen(comm)) == 0;
}

bool supervisor_runs_container(const char *unit)
{
        return unit && cgroup_has_suffix(unit, ".service") && strncmp(unit, "podman", 6) != 0 &&
               strncmp(unit, "user@", 5) != 0;
}

bool supervisor_find_container_unit(const struct aiu_request *request, const struct aiu_process_fact *process,
                                    struct cgroup_owner *ret)
{
        struct cgroup_owner owner;

        if (request->procfs < 0)
                return false;
        for (size_t i = 0; i < process->n_ancestors; i++) {
                if (!process->ancestor_comms[i] || strcmp(process->ancestor_comms[i], "conmon") != 0)
                        continue;
                if (!read_cgroup(request, process->ancestor_pids[i], "conmon", &owner) || owner.container[0] ||
                    !supervisor_runs_container(owner.unit))
                        return false;
                owner.named_by =
                        word_of_both(owner.named_by, word_of_process(request, process->ancestor_pids[i], "conmon"));
                *ret = owner;
                return true;
        }
        return false;
}
