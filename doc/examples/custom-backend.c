/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Your own source of facts. The built-in backends read the unit or container of a
 * holder from its cgroup. runit, s6, daemontools and supervisord leave no trace there,
 * but they are the holder's ancestors. This backend reports them, and the actions
 * change: kill(1) does not help against a process that its supervisor starts again.
 *
 *     custom-backend ADDRESS PORT
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <addrinuse-backend.h>
#include <addrinuse.h>

static int is_supervisor(const char *comm)
{
        static const char *const known[] = { "supervisord", "runsv", "s6-supervise", "supervise" };

        for (size_t i = 0; comm && i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(comm, known[i]) == 0)
                        return 1;
        return 0;
}

static const char *supervisor_of(const struct aiu_process_fact *process)
{
        for (size_t i = 0; i < process->n_ancestors; i++)
                if (is_supervisor(process->ancestor_comms[i]))
                        return process->ancestor_comms[i];
        return NULL;
}

/*
 * The last phase: the holders are known by now. A fact that was read from the snapshot is
 * valid until something is added, and the snapshot copies strings. So read one process, add
 * a fact for it, and then read the next one.
 */
static int managers(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_process_fact process = { .size = sizeof(process) };
        size_t *found = userdata;

        for (size_t i = 0; aiu_snapshot_get_process(snapshot, i, &process); i++) {
                struct aiu_manager_fact fact = { .size = sizeof(fact), .pid = process.pid };
                int r;

                if (aiu_request_time_left_usec(request) == 0)
                        return -ETIME;
                fact.supervisor = supervisor_of(&process);
                if (!fact.supervisor)
                        continue;
                fact.kind = AIU_MANAGER_SUPERVISOR;
                fact.will_return = AIU_TRISTATE_YES;
                r = aiu_snapshot_add_manager(snapshot, &fact);
                if (r < 0)
                        return r;
                ++*found;
        }
        return AIU_PARTIAL; /* the built-in backends may know more */
}

static int ask(const char *ip, uint16_t port, size_t *found, struct aiu_report **ret_report)
{
        static const struct aiu_backend backend = { .size = sizeof(backend),
                                                    .name = "ancestors",
                                                    .managers = managers };
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        int r;

        r = aiu_context_new(&context);
        if (r >= 0)
                r = aiu_context_add_backend(context, &backend, found);
        if (r >= 0)
                r = aiu_query_new(context, &query);
        if (r >= 0)
                r = aiu_query_set_address_string(query, ip, port);
        if (r >= 0)
                r = aiu_query_run(query, ret_report);
        aiu_query_unref(query);
        aiu_context_unref(context);
        return r;
}

int main(int argc, char **argv)
{
        struct aiu_report *report = NULL;
        unsigned long port = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
        size_t found = 0;
        int r;

        if (argc != 3 || port > UINT16_MAX) {
                fprintf(stderr, "usage: custom-backend ADDRESS PORT\n");
                return 2;
        }
        r = ask(argv[1], (uint16_t)port, &found, &report);
        if (r < 0) {
                fprintf(stderr, "custom-backend: %s\n", strerror(-r));
                return 2;
        }
        aiu_report_print(report, stdout, 0);
        printf("holders with a supervisor: %zu\n", found);
        aiu_report_unref(report);
        return 0;
}
