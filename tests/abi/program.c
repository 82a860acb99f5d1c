/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of the last release: compiled against the headers in released/ (before the
 * first release: against ours), run with the library of today. It needs every function,
 * hands over structures of the size they had then, and knows the facts, so that it
 * can say what the report has to be. After a release, only a new soname changes it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse-backend.h"
#include "addrinuse.h"

#define F(name) (function *)name
#define EXPECT(what) ((what) ? (void)0 : complain(#what, __LINE__))

typedef void function(void);

/* The dynamic linker has to find every one of them before main() runs (LD_BIND_NOW). */
static function *const used[] = {
        F(aiu_action_get_argv),
        F(aiu_action_get_flags),
        F(aiu_action_get_kind),
        F(aiu_action_get_text),
        F(aiu_action_is_sufficient),
        F(aiu_action_kind_to_string),
        F(aiu_call_to_string),
        F(aiu_conflict_get_cookie),
        F(aiu_conflict_get_device),
        F(aiu_conflict_get_expires_usec),
        F(aiu_conflict_get_holder),
        F(aiu_conflict_get_inode),
        F(aiu_conflict_get_local),
        F(aiu_conflict_get_n_holders),
        F(aiu_conflict_get_overlap),
        F(aiu_conflict_get_peer),
        F(aiu_conflict_get_protocol),
        F(aiu_conflict_get_reason),
        F(aiu_conflict_get_reuseaddr),
        F(aiu_conflict_get_reuseport),
        F(aiu_conflict_get_state),
        F(aiu_conflict_get_type),
        F(aiu_conflict_get_uid),
        F(aiu_conflict_get_v6only),
        F(aiu_conflict_is_blocking),
        F(aiu_conflict_is_observed_only),
        F(aiu_context_add_backend),
        F(aiu_context_disable_backend),
        F(aiu_context_explain_bind),
        F(aiu_context_explain_listen),
        F(aiu_context_new),
        F(aiu_context_ref),
        F(aiu_context_set_deadline_usec),
        F(aiu_context_set_flags),
        F(aiu_context_set_log),
        F(aiu_context_set_procfs),
        F(aiu_context_set_progress),
        F(aiu_context_unref),
        F(aiu_escape),
        F(aiu_explain_bind),
        F(aiu_explain_listen),
        F(aiu_gap_get_backend),
        F(aiu_gap_get_error),
        F(aiu_gap_get_kind),
        F(aiu_gap_get_text),
        F(aiu_gap_kind_to_string),
        F(aiu_holder_get_ancestor_comm),
        F(aiu_holder_get_ancestor_pid),
        F(aiu_holder_get_cmdline),
        F(aiu_holder_get_comm),
        F(aiu_holder_get_container),
        F(aiu_holder_get_cwd),
        F(aiu_holder_get_exe),
        F(aiu_holder_get_fd),
        F(aiu_holder_get_flags),
        F(aiu_holder_get_kind),
        F(aiu_holder_get_manager),
        F(aiu_holder_get_n_ancestors),
        F(aiu_holder_get_n_fds),
        F(aiu_holder_get_pid),
        F(aiu_holder_get_ppid),
        F(aiu_holder_get_socket_unit),
        F(aiu_holder_get_start_time_usec),
        F(aiu_holder_get_supervisor),
        F(aiu_holder_get_uid),
        F(aiu_holder_get_unit),
        F(aiu_holder_get_unit_restart),
        F(aiu_holder_get_unit_state),
        F(aiu_holder_kind_to_string),
        F(aiu_holder_will_return),
        F(aiu_manager_kind_to_string),
        F(aiu_overlap_to_string),
        F(aiu_probe),
        F(aiu_protocol_to_string),
        F(aiu_query_new),
        F(aiu_query_ref),
        F(aiu_query_run),
        F(aiu_query_set_address),
        F(aiu_query_set_address_string),
        F(aiu_query_set_call),
        F(aiu_query_set_device),
        F(aiu_query_set_error),
        F(aiu_query_set_fd),
        F(aiu_query_set_freebind),
        F(aiu_query_set_listen),
        F(aiu_query_set_netns),
        F(aiu_query_set_pid),
        F(aiu_query_set_reuseaddr),
        F(aiu_query_set_reuseport),
        F(aiu_query_set_socket),
        F(aiu_query_set_socket_id),
        F(aiu_query_set_uid),
        F(aiu_query_set_v6only),
        F(aiu_query_unref),
        F(aiu_request_time_left_usec),
        F(aiu_reason_to_string),
        F(aiu_report_get_action),
        F(aiu_report_get_address),
        F(aiu_report_get_call),
        F(aiu_report_get_conflict),
        F(aiu_report_get_device),
        F(aiu_report_get_error),
        F(aiu_report_get_gap),
        F(aiu_report_get_listen),
        F(aiu_report_get_n_actions),
        F(aiu_report_get_n_conflicts),
        F(aiu_report_get_n_gaps),
        F(aiu_report_get_n_neighbours),
        F(aiu_report_get_neighbour),
        F(aiu_report_get_options),
        F(aiu_report_get_protocol),
        F(aiu_report_get_retry),
        F(aiu_report_get_summary),
        F(aiu_report_get_type),
        F(aiu_report_get_uid),
        F(aiu_report_get_verdict),
        F(aiu_report_print),
        F(aiu_report_ref),
        F(aiu_report_to_json),
        F(aiu_report_to_text),
        F(aiu_report_unref),
        F(aiu_report_would_succeed_with),
        F(aiu_snapshot_add_gap),
        F(aiu_snapshot_add_holder),
        F(aiu_snapshot_add_host),
        F(aiu_snapshot_add_manager),
        F(aiu_snapshot_add_options),
        F(aiu_snapshot_add_process),
        F(aiu_snapshot_add_socket),
        F(aiu_snapshot_all_held),
        F(aiu_snapshot_get_holder),
        F(aiu_snapshot_get_host),
        F(aiu_snapshot_get_manager),
        F(aiu_snapshot_get_process),
        F(aiu_snapshot_get_socket),
        F(aiu_snapshot_get_wanted_inode),
        F(aiu_snapshot_log),
        F(aiu_snapshot_progress),
        F(aiu_snapshot_wants_inode),
        F(aiu_state_to_string),
        F(aiu_retry_to_string),
        F(aiu_tristate_to_string),
        F(aiu_verdict_to_string),
        F(aiu_version),
};
static int n_wrong;

static void complain(const char *what, int line)
{
        fprintf(stderr, "line %d: not so: %s\n", line, what);
        n_wrong++;
}

/* ------------------------------------------------------ facts */

#define PORT 4242
#define INODE 100u
#define PID 4000000 /* above the kernel's highest, 2^22 would be: no such process */

static const struct sockaddr_in address = { .sin_family = AF_INET };

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_host_fact fact = { .size = sizeof(fact) };

        (void)userdata;
        EXPECT(request->size >= sizeof(*request));
        EXPECT(request->port == PORT && request->type == SOCK_STREAM && request->protocol == IPPROTO_TCP);
        EXPECT(request->context_flags == (AIU_CONTEXT_NO_IPC | AIU_CONTEXT_ALL_SYSCALLS));
        EXPECT(request->procfs == -1);
        EXPECT(aiu_request_time_left_usec(request) > 0);
        fact.address_local = AIU_TRISTATE_YES;
        fact.address_tentative = AIU_TRISTATE_NO;
        fact.privileged = AIU_TRISTATE_YES;
        fact.unprivileged_port_start = 1024;
        fact.port_range_first = 32768;
        fact.port_range_last = 60999;
        fact.kernel_major = 6;
        fact.kernel_minor = 12;
        EXPECT(aiu_snapshot_add_host(snapshot, &fact) == 0);
        return AIU_COMPLETE;
}

static int sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct sockaddr_in local = address;
        struct aiu_socket_fact fact = { .size = sizeof(fact) };

        (void)userdata;
        (void)request;
        local.sin_port = htons(PORT);
        fact.type = SOCK_STREAM;
        fact.protocol = IPPROTO_TCP;
        fact.state = AIU_STATE_LISTEN;
        fact.local = (const struct sockaddr *)&local;
        fact.local_len = sizeof(local);
        fact.inode = INODE;
        fact.cookie = 7;
        fact.uid = 12;
        EXPECT(aiu_snapshot_add_socket(snapshot, &fact) == 0);
        return AIU_COMPLETE;
}

static int holders(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        static const pid_t ancestor = 1;
        static const char *const ancestor_comm = "init";
        struct aiu_process_fact fact = { .size = sizeof(fact) };
        uint64_t inode = 0;

        (void)userdata;
        (void)request;
        EXPECT(aiu_snapshot_get_wanted_inode(snapshot, 0, &inode) == 1 && inode == INODE);
        EXPECT(aiu_snapshot_wants_inode(snapshot, INODE) == 1);
        fact.pid = PID;
        fact.ppid = 1;
        fact.uid = 12;
        fact.comm = "squatter";
        fact.is_self = AIU_TRISTATE_NO;
        fact.sigterm_ignored = AIU_TRISTATE_NO;
        fact.sigterm_caught = AIU_TRISTATE_NO;
        fact.ancestor_pids = &ancestor;
        fact.ancestor_comms = &ancestor_comm;
        fact.n_ancestors = 1;
        EXPECT(aiu_snapshot_add_process(snapshot, &fact) == 0);
        EXPECT(aiu_snapshot_add_holder(snapshot, INODE, PID, 5) == 0);
        EXPECT(aiu_snapshot_all_held(snapshot) == 1);
        return AIU_COMPLETE;
}

static int options(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_options_fact fact = { .size = sizeof(fact) };

        (void)userdata;
        (void)request;
        fact.reuseaddr = AIU_TRISTATE_YES;
        fact.reuseport = AIU_TRISTATE_NO;
        EXPECT(aiu_snapshot_add_options(snapshot, INODE, &fact) == 0);
        return AIU_COMPLETE;
}

/* Whatever is read, nothing behind the structure of 0.1 is touched. */
static void read_back(struct aiu_snapshot *snapshot)
{
        struct {
                struct aiu_host_fact fact;
                uint64_t canary;
        } h = { .canary = 1 };
        struct {
                struct aiu_socket_fact fact;
                uint64_t canary;
        } s = { .canary = 2 };
        struct {
                struct aiu_process_fact fact;
                uint64_t canary;
        } p = { .canary = 3 };
        uint64_t inode = 0;
        pid_t pid = 0;
        int fd = -1;

        h.fact.size = sizeof(h.fact);
        s.fact.size = sizeof(s.fact);
        p.fact.size = sizeof(p.fact);
        EXPECT(aiu_snapshot_get_host(snapshot, &h.fact) == 1 && h.fact.port_range_last == 60999);
        EXPECT(aiu_snapshot_get_socket(snapshot, 0, &s.fact) == 1 && s.fact.inode == INODE);
        EXPECT(aiu_snapshot_get_process(snapshot, 0, &p.fact) == 1 && p.fact.pid == PID);
        EXPECT(aiu_snapshot_get_holder(snapshot, 0, &inode, &pid, &fd) == 1);
        EXPECT(inode == INODE && pid == PID && fd == 5);
        EXPECT(h.canary == 1 && s.canary == 2 && p.canary == 3);
}

static int managers(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct {
                struct aiu_manager_fact fact;
                uint64_t canary;
        } m = { .canary = 4 };
        struct aiu_manager_fact fact = { .size = sizeof(fact) };

        (void)userdata;
        (void)request;
        read_back(snapshot);
        fact.pid = PID;
        fact.kind = AIU_MANAGER_SYSTEMD;
        fact.unit = "squatter.service";
        fact.will_return = AIU_TRISTATE_NO;
        EXPECT(aiu_snapshot_add_manager(snapshot, &fact) == 0);
        m.fact.size = sizeof(m.fact);
        EXPECT(aiu_snapshot_get_manager(snapshot, 0, &m.fact) == 1 && m.fact.pid == PID && m.canary == 4);
        EXPECT(aiu_snapshot_add_gap(snapshot, AIU_GAP_RACE, ESRCH, "something moved") == 0);
        aiu_snapshot_progress(snapshot, 1, 2);
        aiu_snapshot_log(snapshot, AIU_LOG_INFO, "said by the backend");
        return AIU_COMPLETE;
}

static void destroy(void *userdata)
{
        ++*(int *)userdata;
}

/* ------------------------------------------------------ question and answer */

static int n_progress, n_log;

static void on_progress(void *userdata, size_t done, size_t total)
{
        (void)userdata;
        n_progress += done == 1 && total == 2;
}

static void on_log(void *userdata, enum aiu_log_level level, const char *message)
{
        (void)userdata;
        n_log += level == AIU_LOG_INFO && strstr(message, "said by the backend") != NULL;
}

/* The names of the built-in backends are part of the interface. */
static void leave_out_built_in(struct aiu_context *context)
{
        static const char *const names[] = {
                "sock-diag", "proc-net", "route",   "proc-address", "proc-sys",
                "unix-path", "proc-fd",  "options", "cgroup",
        };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                EXPECT(aiu_context_disable_backend(context, names[i]) == 0);
        EXPECT(aiu_context_disable_backend(context, "no-such") == -ENOENT);
}

static struct aiu_report *ask(int *n_destroyed)
{
        static const struct aiu_backend backend = {
                .size = sizeof(backend),
                .name = "then",
                .host = host,
                .sockets = sockets,
                .holders = holders,
                .options = options,
                .managers = managers,
                .destroy = destroy,
        };
        struct sockaddr_in in = address;
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;

        in.sin_port = htons(PORT);
        EXPECT(aiu_context_new(&context) == 0);
        leave_out_built_in(context);
        EXPECT(aiu_context_add_backend(context, &backend, n_destroyed) == 0);
        EXPECT(aiu_context_set_flags(context, AIU_CONTEXT_NO_IPC | AIU_CONTEXT_ALL_SYSCALLS) == 0);
        EXPECT(aiu_context_set_procfs(context, -1) == 0);
        EXPECT(aiu_context_set_deadline_usec(context, 0) == 0);
        aiu_context_set_progress(context, on_progress, NULL);
        aiu_context_set_log(context, on_log, AIU_LOG_DEBUG, NULL);
        EXPECT(aiu_query_new(context, &query) == 0);
        EXPECT(aiu_query_set_address(query, (const struct sockaddr *)&in, sizeof(in)) == 0);
        EXPECT(aiu_query_set_socket(query, SOCK_STREAM, 0) == 0);
        EXPECT(aiu_query_set_reuseaddr(query, 1) == 0);
        EXPECT(aiu_query_set_error(query, EADDRINUSE) == 0);
        EXPECT(aiu_query_run(query, &report) == 0);
        EXPECT(aiu_context_unref(context) == NULL);
        EXPECT(aiu_query_unref(query) == NULL);
        EXPECT(*n_destroyed == 1 && n_progress == 1 && n_log == 1);
        return report;
}

static void check_holder(const struct aiu_holder *holder)
{
        EXPECT(aiu_holder_get_kind(holder) == AIU_HOLDER_PROCESS);
        EXPECT(aiu_holder_get_pid(holder) == PID && aiu_holder_get_ppid(holder) == 1);
        EXPECT(aiu_holder_get_uid(holder) == 12);
        EXPECT(aiu_holder_get_n_fds(holder) == 1 && aiu_holder_get_fd(holder, 0) == 5);
        EXPECT(strcmp(aiu_holder_get_comm(holder), "squatter") == 0);
        EXPECT(aiu_holder_get_n_ancestors(holder) == 1 && aiu_holder_get_ancestor_pid(holder, 0) == 1);
        EXPECT(strcmp(aiu_holder_get_ancestor_comm(holder, 0), "init") == 0);
        EXPECT(aiu_holder_get_manager(holder) == AIU_MANAGER_SYSTEMD);
        EXPECT(strcmp(aiu_holder_get_unit(holder), "squatter.service") == 0);
        EXPECT(aiu_holder_will_return(holder) == AIU_TRISTATE_NO);
}

static void check_conflict(const struct aiu_conflict *conflict)
{
        EXPECT(aiu_conflict_is_blocking(conflict) == AIU_TRISTATE_YES);
        EXPECT(aiu_conflict_get_state(conflict) == AIU_STATE_LISTEN);
        EXPECT(aiu_conflict_get_reason(conflict) == AIU_REASON_LISTENING);
        EXPECT(aiu_conflict_get_overlap(conflict) == AIU_OVERLAP_EXACT);
        EXPECT(aiu_conflict_get_inode(conflict) == INODE && aiu_conflict_get_cookie(conflict) == 7);
        EXPECT(aiu_conflict_get_uid(conflict) == 12);
        EXPECT(aiu_conflict_get_reuseaddr(conflict) == AIU_TRISTATE_YES);
        EXPECT(aiu_conflict_get_reuseport(conflict) == AIU_TRISTATE_NO);
        EXPECT(aiu_conflict_get_n_holders(conflict) == 1);
        check_holder(aiu_conflict_get_holder(conflict, 0));
}

static void check_report(const struct aiu_report *report)
{
        char *json = NULL, *text = NULL;

        EXPECT(aiu_report_get_verdict(report) == AIU_VERDICT_IN_USE);
        EXPECT(aiu_report_get_error(report) == EADDRINUSE);
        EXPECT(aiu_report_get_call(report) == AIU_CALL_BIND);
        EXPECT(aiu_report_get_options(report) == AIU_OPTION_REUSEADDR);
        EXPECT(aiu_report_would_succeed_with(report, 0) == AIU_TRISTATE_NO);
        EXPECT(aiu_report_get_n_conflicts(report) == 1 && aiu_report_get_n_neighbours(report) == 0);
        check_conflict(aiu_report_get_conflict(report, 0));
        EXPECT(aiu_report_get_n_actions(report) > 0);
        EXPECT(aiu_action_get_kind(aiu_report_get_action(report, 0)) == AIU_ACTION_STOP_UNIT);
        EXPECT(aiu_action_is_sufficient(aiu_report_get_action(report, 0)) == AIU_TRISTATE_YES);
        EXPECT(aiu_report_get_n_gaps(report) > 0);
        EXPECT(aiu_report_to_json(report, 0, &json) == 0 && strstr(json, "\"schema\":1") != NULL);
        EXPECT(aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text) == 0 && strstr(text, "squatter") != NULL);
        free(json);
        free(text);
}

int main(void)
{
        struct aiu_report *report;
        int n_destroyed = 0;

        for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
                EXPECT(used[i]);
        report = ask(&n_destroyed);
        check_report(report);
        if (report)
                printf("%s\n", aiu_report_get_summary(report));
        aiu_report_unref(report);
        printf("compiled with %d.%d.%d, run with %s: %zu functions, %d wrong\n", AIU_VERSION_MAJOR, AIU_VERSION_MINOR,
               AIU_VERSION_MICRO, aiu_version(), sizeof(used) / sizeof(used[0]), n_wrong);
        return n_wrong ? 1 : 0;
}
