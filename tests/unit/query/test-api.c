/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The promises of the public headers that hold without any socket in the way:
 * every function takes NULL, every number is the documented one, and misuse gives
 * the documented errno and writes nothing.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <addrinuse-backend.h>
#include <addrinuse.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define is_inval(call) ck_assert_int_eq((call), -EINVAL)

static struct sockaddr_in loopback(uint16_t port)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return in;
}

static struct aiu_query *new_query(void)
{
        struct aiu_query *query = NULL;

        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        return query;
}

/* ------------------------------------------------------ NULL */

START_TEST(null_reports)
{
        socklen_t bytes = 77;

        ck_assert_ptr_null(aiu_report_ref(NULL));
        ck_assert_ptr_null(aiu_report_unref(NULL));
        ck_assert_int_eq(aiu_report_get_verdict(NULL), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(aiu_report_get_error(NULL), 0);
        ck_assert_int_eq(aiu_report_get_call(NULL), AIU_CALL_UNKNOWN);
        ck_assert_str_eq(aiu_report_get_summary(NULL), "");
        ck_assert_ptr_null(aiu_report_get_address(NULL, &bytes));
        ck_assert_uint_eq(bytes, 77);
        ck_assert_int_eq(aiu_report_get_type(NULL), 0);
        ck_assert_int_eq(aiu_report_get_protocol(NULL), 0);
        ck_assert_uint_eq(aiu_report_get_options(NULL), 0);
        ck_assert_ptr_null(aiu_report_get_device(NULL));
        ck_assert_uint_eq(aiu_report_get_uid(NULL), (uid_t)-1);
        ck_assert_int_eq(aiu_report_get_listen(NULL), 0);
        ck_assert_int_eq(aiu_report_would_succeed_with(NULL, 0), AIU_TRISTATE_UNKNOWN);
        ck_assert_int_eq(aiu_report_get_retry(NULL, NULL), AIU_RETRY_UNKNOWN);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(NULL), 0);
        ck_assert_ptr_null(aiu_report_get_conflict(NULL, 0));
        ck_assert_uint_eq(aiu_report_get_n_neighbours(NULL), 0);
        ck_assert_ptr_null(aiu_report_get_neighbour(NULL, 0));
        ck_assert_uint_eq(aiu_report_get_n_actions(NULL), 0);
        ck_assert_ptr_null(aiu_report_get_action(NULL, 0));
        ck_assert_uint_eq(aiu_report_get_n_gaps(NULL), 0);
        ck_assert_ptr_null(aiu_report_get_gap(NULL, 0));
}
END_TEST

START_TEST(null_conflicts)
{
        ck_assert_int_eq(aiu_conflict_get_overlap(NULL), AIU_OVERLAP_UNKNOWN);
        ck_assert_int_eq(aiu_conflict_get_state(NULL), AIU_STATE_UNKNOWN);
        ck_assert_int_eq(aiu_conflict_get_reason(NULL), AIU_REASON_UNKNOWN);
        ck_assert_int_eq(aiu_conflict_is_blocking(NULL), AIU_TRISTATE_UNKNOWN);
        ck_assert_ptr_null(aiu_conflict_get_local(NULL, NULL));
        ck_assert_ptr_null(aiu_conflict_get_peer(NULL, NULL));
        ck_assert_int_eq(aiu_conflict_get_type(NULL), 0);
        ck_assert_int_eq(aiu_conflict_get_protocol(NULL), 0);
        ck_assert_uint_eq(aiu_conflict_get_inode(NULL), 0);
        ck_assert_uint_eq(aiu_conflict_get_cookie(NULL), 0);
        ck_assert_uint_eq(aiu_conflict_get_uid(NULL), (uid_t)-1);
        ck_assert_ptr_null(aiu_conflict_get_device(NULL));
        ck_assert_int_eq(aiu_conflict_get_reuseaddr(NULL), AIU_TRISTATE_UNKNOWN);
        ck_assert_int_eq(aiu_conflict_get_reuseport(NULL), AIU_TRISTATE_UNKNOWN);
        ck_assert_int_eq(aiu_conflict_get_v6only(NULL), AIU_TRISTATE_UNKNOWN);
        ck_assert_uint_eq(aiu_conflict_get_expires_usec(NULL), 0);
        ck_assert_uint_eq(aiu_conflict_get_n_holders(NULL), 0);
        ck_assert_uint_eq(aiu_conflict_get_n_ports(NULL), 0);
        ck_assert_int_eq(aiu_conflict_get_references(NULL, NULL, NULL), 0);
        ck_assert_uint_eq(aiu_conflict_get_file_mode(NULL), 0);
        ck_assert_int_eq(aiu_report_get_port_range(NULL, NULL, NULL), 0);
        ck_assert_uint_eq(aiu_report_get_n_ports_taken(NULL), 0);
        ck_assert_uint_eq(aiu_report_get_n_ports_left(NULL), 0);
        ck_assert_uint_eq(aiu_report_get_n_ports_reserved(NULL), 0);
        ck_assert_ptr_null(aiu_conflict_get_holder(NULL, 0));
}
END_TEST

START_TEST(null_holders)
{
        ck_assert_int_eq(aiu_holder_get_kind(NULL), AIU_HOLDER_UNKNOWN);
        ck_assert_int_eq(aiu_holder_get_pid(NULL), 0);
        ck_assert_int_eq(aiu_holder_get_ppid(NULL), 0);
        ck_assert_uint_eq(aiu_holder_get_uid(NULL), (uid_t)-1);
        ck_assert_uint_eq(aiu_holder_get_start_time_usec(NULL), 0);
        ck_assert_uint_eq(aiu_holder_get_n_fds(NULL), 0);
        ck_assert_int_eq(aiu_holder_get_fd(NULL, 0), -1);
        ck_assert_ptr_null(aiu_holder_get_comm(NULL));
        ck_assert_ptr_null(aiu_holder_get_exe(NULL));
        ck_assert_ptr_null(aiu_holder_get_cmdline(NULL, NULL));
        ck_assert_ptr_null(aiu_holder_get_cwd(NULL));
        ck_assert_uint_eq(aiu_holder_get_n_ancestors(NULL), 0);
        ck_assert_int_eq(aiu_holder_get_ancestor_pid(NULL, 0), 0);
        ck_assert_ptr_null(aiu_holder_get_ancestor_comm(NULL, 0));
        ck_assert_uint_eq(aiu_holder_get_flags(NULL), 0);
        ck_assert_ptr_null(aiu_holder_get_label(NULL));
        ck_assert_ptr_null(aiu_holder_get_user_name(NULL));
        ck_assert_int_eq(aiu_holder_get_leader(NULL), 0);
        ck_assert_int_eq(aiu_holder_get_manager(NULL), AIU_MANAGER_UNKNOWN);
        ck_assert_ptr_null(aiu_holder_get_unit(NULL));
        ck_assert_ptr_null(aiu_holder_get_socket_unit(NULL));
        ck_assert_ptr_null(aiu_holder_get_unit_state(NULL));
        ck_assert_ptr_null(aiu_holder_get_unit_restart(NULL));
        ck_assert_int_eq(aiu_holder_will_return(NULL), AIU_TRISTATE_UNKNOWN);
        ck_assert_ptr_null(aiu_holder_get_container(NULL));
        ck_assert_ptr_null(aiu_holder_get_supervisor(NULL));
}
END_TEST

START_TEST(null_actions_and_gaps)
{
        ck_assert_int_eq(aiu_action_get_kind(NULL), AIU_ACTION_UNKNOWN);
        ck_assert_ptr_null(aiu_action_get_text(NULL));
        ck_assert_ptr_null(aiu_action_get_argv(NULL));
        ck_assert_int_eq(aiu_action_to_shell(NULL, NULL), -EINVAL);
        ck_assert_int_eq(aiu_action_is_sufficient(NULL), AIU_TRISTATE_UNKNOWN);
        ck_assert_uint_eq(aiu_action_get_flags(NULL), 0);
        ck_assert_int_eq(aiu_action_get_signal(NULL), 0);
        ck_assert_uint_eq(aiu_action_get_n_processes(NULL), 0);
        ck_assert_int_eq(aiu_action_get_process(NULL, 0, NULL), 0);
        ck_assert_int_eq(aiu_action_get_file(NULL, NULL, NULL), -EINVAL);
        ck_assert_int_eq(aiu_gap_get_kind(NULL), AIU_GAP_UNKNOWN);
        ck_assert_int_eq(aiu_gap_get_error(NULL), 0);
        ck_assert_ptr_null(aiu_gap_get_backend(NULL));
        ck_assert_ptr_null(aiu_gap_get_text(NULL));
}
END_TEST

START_TEST(null_context)
{
        struct aiu_backend backend = { .size = sizeof(backend), .name = "mine" };

        is_inval(aiu_context_new(NULL));
        ck_assert_ptr_null(aiu_context_ref(NULL));
        ck_assert_ptr_null(aiu_context_unref(NULL));
        aiu_context_set_log(NULL, NULL, AIU_LOG_DEBUG, NULL);
        aiu_context_set_progress(NULL, NULL, NULL);
        aiu_context_set_user_names(NULL, NULL, NULL);
        is_inval(aiu_context_set_deadline_usec(NULL, 1));
        is_inval(aiu_context_set_procfs(NULL, -1));
        is_inval(aiu_context_set_flags(NULL, 0));
        is_inval(aiu_context_add_backend(NULL, &backend, NULL));
        is_inval(aiu_context_disable_backend(NULL, "route"));
}
END_TEST

START_TEST(null_query)
{
        struct sockaddr_in in = loopback(1);
        struct aiu_report *report = NULL;

        is_inval(aiu_query_new(NULL, NULL));
        ck_assert_ptr_null(aiu_query_ref(NULL));
        ck_assert_ptr_null(aiu_query_unref(NULL));
        is_inval(aiu_query_set_address(NULL, (struct sockaddr *)&in, sizeof(in)));
        is_inval(aiu_query_set_address_string(NULL, "::1", 1));
        is_inval(aiu_query_set_address_text(NULL, "80"));
        is_inval(aiu_query_get_address(NULL, NULL, NULL));
        is_inval(aiu_query_get_socket(NULL, NULL, NULL));
        is_inval(aiu_query_set_socket(NULL, SOCK_STREAM, 0));
        is_inval(aiu_query_set_reuseaddr(NULL, 1));
        is_inval(aiu_query_set_reuseport(NULL, 1));
        is_inval(aiu_query_set_v6only(NULL, 1));
        is_inval(aiu_query_set_freebind(NULL, 1));
        is_inval(aiu_query_set_device(NULL, "lo"));
        is_inval(aiu_query_set_uid(NULL, 0));
        is_inval(aiu_query_set_listen(NULL, 1));
        is_inval(aiu_query_set_netns(NULL, 0));
        is_inval(aiu_query_set_fd(NULL, 0));
        is_inval(aiu_query_set_error(NULL, 0));
        is_inval(aiu_query_set_call(NULL, AIU_CALL_BIND));
        is_inval(aiu_query_set_socket_id(NULL, 1, 1));
        is_inval(aiu_query_set_pid(NULL, 1));
        is_inval(aiu_query_run(NULL, &report));
        ck_assert_ptr_null(report);
}
END_TEST

START_TEST(null_show)
{
        char *text = NULL;

        is_inval(aiu_report_to_text(NULL, 0, &text));
        is_inval(aiu_report_to_json(NULL, 0, &text));
        is_inval(aiu_report_print(NULL, stdout, 0));
        is_inval(aiu_escape(NULL, 1, &text));
        is_inval(aiu_escape("x", 1, NULL));
        ck_assert_ptr_null(text);
        ck_assert_int_eq(aiu_escape(NULL, 0, &text), 0);
        ck_assert_str_eq(text, "");
        free(text);
        ck_assert_str_eq(aiu_version(), AIU_VERSION);
}
END_TEST

/* ------------------------------------------------------ numbers and tokens */

#define TOKEN(type)                                                                                                    \
        static const char *type##_token(int value)                                                                     \
        {                                                                                                              \
                return aiu_##type##_to_string((enum aiu_##type)value);                                                 \
        }
TOKEN(verdict)
TOKEN(call)
TOKEN(retry)
TOKEN(tristate)
TOKEN(overlap)
TOKEN(state)
TOKEN(reason)
TOKEN(holder_kind)
TOKEN(manager_kind)
TOKEN(action_kind)
TOKEN(gap_kind)
TOKEN(wait_basis)
TOKEN(hazard_kind)
TOKEN(severity)
TOKEN(difference)

#include "fixture/api-tokens.h"
#include "fixture/run-suite.h"

START_TEST(numbers_and_tokens)
{
        ck_assert_int_eq(tokens[_i].value, tokens[_i].number);
        ck_assert_str_eq(tokens[_i].token(tokens[_i].value), tokens[_i].text);
}
END_TEST

static const char *(*const all_tokens[])(int) = {
        verdict_token,  call_token,       retry_token,       tristate_token,     overlap_token,
        state_token,    reason_token,     holder_kind_token, manager_kind_token, action_kind_token,
        gap_kind_token, wait_basis_token, hazard_kind_token, severity_token,     difference_token,
};

START_TEST(unknown_tokens)
{
        static const int strange[] = { 0, -1, 1000, INT32_MAX, INT32_MIN };

        for (size_t i = 0; i < N(strange); i++)
                ck_assert_str_eq(all_tokens[_i](strange[i]), "unknown");
}
END_TEST

START_TEST(flags_have_their_numbers)
{
        ck_assert_uint_eq(AIU_CONTEXT_FIRST_HOLDER | AIU_CONTEXT_TRIAL_BIND << 4 | AIU_CONTEXT_NO_IPC << 8 |
                                  AIU_CONTEXT_ALL_SYSCALLS << 12 | AIU_CONTEXT_LISTENERS_ONLY << 16 |
                                  AIU_CONTEXT_TRIAL_WILDCARD << 20,
                          0x2108421);
        ck_assert_uint_eq(AIU_OPTION_REUSEADDR | AIU_OPTION_REUSEPORT << 4 | AIU_OPTION_V6ONLY << 8 |
                                  AIU_OPTION_FREEBIND << 12,
                          0x8421);
        ck_assert_uint_eq(
                AIU_RENDER_COLOR | AIU_RENDER_CMDLINE << 4 | AIU_RENDER_VERBOSE << 8 | AIU_RENDER_PRETTY << 12, 0x8421);
        ck_assert_uint_eq(AIU_ACTION_NEEDS_ROOT | AIU_ACTION_DISRUPTIVE << 4 | AIU_ACTION_CHANGES_CODE << 8, 0x421);
        ck_assert_uint_eq(AIU_ACTION_VITAL, 0x80);
        ck_assert_uint_eq(AIU_HOLDER_SAME_PROGRAM | AIU_HOLDER_ORPHAN << 4 | AIU_HOLDER_STOPPED << 8 |
                                  AIU_HOLDER_DYING << 12,
                          0x8421);
        ck_assert_uint_eq(AIU_HOLDER_DELETED_EXE | AIU_HOLDER_UNIT_LEFTOVER << 4 | AIU_HOLDER_UNIT_SPARED << 8, 0x4210);
        ck_assert_int_eq(AIU_LOG_ERROR * 1000 + AIU_LOG_WARNING * 100 + AIU_LOG_INFO * 10 + AIU_LOG_DEBUG, 3467);
        ck_assert_int_eq(AIU_COMPLETE, 0);
        ck_assert_int_eq(AIU_PARTIAL, 1);
}
END_TEST

/* ------------------------------------------------------ misuse */

static const struct {
        const char *text;
        int error;
} strings[] = {
        { "[::1", -EINVAL },
        { "", -EINVAL },
        { "::1%", -EINVAL },
        { "localhost", -EINVAL },
        { "1.2.3", -EINVAL },
        { "127.0.0.1%lo", -EINVAL },
        { "%lo", -EINVAL },
        { "fe80::1%no-such-device", -ENODEV },
        { "fe80::1%99999999999999999999", -ENODEV },
};

START_TEST(bad_strings)
{
        struct aiu_query *query = new_query();
        struct aiu_report *report = NULL;

        ck_assert_int_eq(aiu_query_set_address_string(query, strings[_i].text, 80), strings[_i].error);
        /* Nothing was taken: there is still no address to ask about. */
        is_inval(aiu_query_run(query, &report));
        ck_assert_ptr_null(report);
        aiu_query_unref(query);
}
END_TEST

START_TEST(bad_probe)
{
        errno = 0;
        ck_assert_ptr_null(aiu_probe("[::1", 80));
        ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(bad_addresses)
{
        struct sockaddr_in in = loopback(80);
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
        struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/x" };
        struct sockaddr other = { .sa_family = AF_PACKET };
        struct sockaddr_storage numbers = { .ss_family = AF_VSOCK };
        struct aiu_query *query = new_query();

        is_inval(aiu_query_set_address(query, NULL, sizeof(in)));
        is_inval(aiu_query_set_address(query, (struct sockaddr *)&in, 1));
        is_inval(aiu_query_set_address(query, (struct sockaddr *)&in, sizeof(in) - 1));
        is_inval(aiu_query_set_address(query, (struct sockaddr *)&in6, 23));
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&in6, 24), 0);
        is_inval(aiu_query_set_port_range(NULL, 1, 2));
        is_inval(aiu_query_set_port_range(query, 2, 1));
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&un, sizeof(sa_family_t)), 0);
        in.sin_family = AF_UNSPEC;
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&in, sizeof(in)), -EAFNOSUPPORT);
        in.sin_addr.s_addr = htonl(INADDR_ANY);
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&in, sizeof(in)), 0);
        is_inval(aiu_query_set_address(query, (struct sockaddr *)&in, sizeof(in) - 1));
        is_inval(aiu_query_set_address(query, (struct sockaddr *)&un, sizeof(un) + 1));
        ck_assert_int_eq(aiu_query_set_address(query, &other, sizeof(other)), -EAFNOSUPPORT);
        is_inval(aiu_query_set_address(query, (struct sockaddr *)&numbers, 15));
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&numbers, 16), 0);
        numbers.ss_family = AF_NETLINK;
        is_inval(aiu_query_set_address(query, (struct sockaddr *)&numbers, 11));
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&numbers, 12), 0);
        aiu_query_unref(query);
}
END_TEST

/* RFC 4007, 11.2: a number is an index, whether there is such an interface or not. */
START_TEST(scopes)
{
        static const struct {
                const char *text;
                int result;
        } rows[] = {
                { "fe80::1%7", 0 },
                { "fe80::1%4294967295", 0 },
                { "fe80::1%0", -ENODEV },
                { "fe80::1%4294967296", -ENODEV },
                { "fe80::1%99999999999999999999", -ENODEV },
                { "fe80::1%7x", -ENODEV },
                { "fe80::1%/", -ENODEV },
        };
        struct aiu_query *query = new_query();

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                ck_assert_msg(aiu_query_set_address_string(query, rows[i].text, 80) == rows[i].result, "%s",
                              rows[i].text);
        ck_assert_int_eq(aiu_query_set_address_string(query, NULL, 80), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "*", 80), 0);
        ck_assert_int_eq(aiu_query_set_device(query, NULL), 0);
        ck_assert_int_eq(aiu_query_set_device(query, ""), 0);
        ck_assert_int_eq(aiu_query_set_socket(query, SOCK_DCCP, 0), 0);
        ck_assert_ptr_null(aiu_query_ref(NULL));
        ck_assert_ptr_eq(aiu_query_ref(query), query);
        ck_assert_ptr_null(aiu_query_unref(query));
        ck_assert_int_eq(aiu_query_set_address_string(query, "::1", 80), 0);
        aiu_query_unref(query);
}
END_TEST

/* What a query asks about, read back. */
static void has(const struct aiu_query *query, int family, uint16_t port, int type, int protocol)
{
        struct sockaddr_storage address;
        const struct sockaddr_in *in = (const void *)&address;
        socklen_t bytes = sizeof(address);
        int found_type, found_protocol;

        ck_assert_int_eq(aiu_query_get_address(query, (struct sockaddr *)&address, &bytes), 0);
        ck_assert_int_eq(aiu_query_get_socket(query, &found_type, &found_protocol), 0);
        ck_assert_int_eq(address.ss_family, family);
        if (family != AF_UNIX)
                ck_assert_uint_eq(ntohs(in->sin_port), port);
        ck_assert_int_eq(found_type, type);
        ck_assert_int_eq(found_protocol, protocol);
}

START_TEST(address_text)
{
        static const struct {
                const char *text;
                int family;
                uint16_t port;
                int type, protocol;
        } rows[] = {
                { "localhost:http", AF_INET, 80, SOCK_STREAM, IPPROTO_TCP },
                { "53/udp", AF_INET6, 53, SOCK_DGRAM, IPPROTO_UDP },
                { ":::3000", AF_INET6, 3000, SOCK_STREAM, IPPROTO_TCP },
                { "/run/x.sock", AF_UNIX, 0, SOCK_STREAM, 0 },
                { "tftp", AF_INET6, 69, SOCK_DGRAM, IPPROTO_UDP }, /* UDP alone has it */
                { "www", AF_INET6, 80, SOCK_STREAM, IPPROTO_TCP }, /* an alias */
                { "[fe80::1%lo]:80", AF_INET6, 80, SOCK_STREAM, IPPROTO_TCP },
        };
        struct aiu_query *query = new_query();
        socklen_t bytes = 0;

        ck_assert_int_eq(aiu_query_get_address(query, NULL, &bytes), -ENODATA);
        for (size_t i = 0; i < N(rows); i++) {
                ck_assert_msg(aiu_query_set_address_text(query, rows[i].text) == 0, "%s", rows[i].text);
                has(query, rows[i].family, rows[i].port, rows[i].type, rows[i].protocol);
        }
        is_inval(aiu_query_set_address_text(query, "no-such-service"));
        is_inval(aiu_query_set_address_text(query, "tcp/tftp"));
        is_inval(aiu_query_set_address_text(query, NULL));
        has(query, AF_INET6, 80, SOCK_STREAM, IPPROTO_TCP);
        is_inval(aiu_query_get_address(query, NULL, NULL));
        ck_assert_int_eq(aiu_query_get_socket(query, NULL, NULL), 0);
        ck_assert_int_eq(aiu_query_get_address(query, NULL, &bytes), 0);
        ck_assert_uint_eq(bytes, sizeof(struct sockaddr_in6));

        /* What the caller chose stays, where the text does not say. */
        ck_assert_int_eq(aiu_query_set_socket(query, SOCK_DGRAM, 0), 0);
        ck_assert_int_eq(aiu_query_set_address_text(query, "domain"), 0);
        has(query, AF_INET6, 53, SOCK_DGRAM, 0);
        ck_assert_int_eq(aiu_query_set_address_text(query, "tcp/8080"), 0);
        has(query, AF_INET6, 8080, SOCK_STREAM, IPPROTO_TCP);
        aiu_query_unref(query);
}
END_TEST

/* A port alone means the family of a socket that is there already, whichever was told first. */
START_TEST(address_text_of_a_socket)
{
        static const int families[] = { AF_INET, AF_INET6 };

        for (size_t i = 0; i < 2 * N(families); i++) {
                struct aiu_query *query = new_query();
                int family = families[i / 2], fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (i % 2)
                        ck_assert_int_eq(aiu_query_set_address_text(query, "8080"), 0);
                ck_assert_int_eq(aiu_query_set_fd(query, fd), 0);
                if (i % 2 == 0)
                        ck_assert_int_eq(aiu_query_set_address_text(query, "8080"), 0);
                has(query, family, 8080, SOCK_STREAM, IPPROTO_TCP);
                close(fd);
                aiu_query_unref(query);
        }
}
END_TEST

START_TEST(bad_settings)
{
        struct aiu_query *query = new_query();
        struct aiu_report *report = NULL;

        is_inval(aiu_query_set_socket(query, SOCK_RAW, 0));
        is_inval(aiu_query_set_socket(query, 12345, 0));
        is_inval(aiu_query_set_socket(query, SOCK_STREAM, -1));
        ck_assert_int_eq(aiu_query_set_socket(query, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 0);
        ck_assert_int_eq(aiu_query_set_device(query, "no-such-device"), -ENODEV);
        ck_assert_int_eq(aiu_query_set_device(query, "a-name-that-no-interface-can-have"), -ENODEV);
        ck_assert_int_eq(aiu_query_set_device(query, NULL), 0);
        is_inval(aiu_query_set_uid(query, (uid_t)-1));
        is_inval(aiu_query_set_error(query, -1));
        is_inval(aiu_query_set_pid(query, -1));
        ck_assert_int_eq(aiu_query_set_pid(query, 0x7fffffff), -ESRCH);
        is_inval(aiu_query_set_call(query, AIU_CALL_UNKNOWN));
        is_inval(aiu_query_set_call(query, (enum aiu_call)3));
        ck_assert_int_eq(aiu_query_set_netns(query, -1), -EBADF);
        ck_assert_int_eq(aiu_query_set_netns(query, 12345), -EBADF);
        is_inval(aiu_query_run(query, &report));
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", 1), 0);
        is_inval(aiu_query_run(query, NULL));
        aiu_query_unref(query);
}
END_TEST

START_TEST(bad_descriptors)
{
        struct sockaddr_in in = loopback(80);
        struct aiu_query *query = new_query();
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(null, 0);
        ck_assert_int_eq(aiu_query_set_fd(query, -1), -EBADF);
        ck_assert_int_eq(aiu_query_set_fd(query, 12345), -EBADF);
        ck_assert_int_eq(aiu_query_set_fd(query, null), -ENOTSOCK);
        if (packet >= 0)
                ck_assert_int_eq(aiu_query_set_fd(query, packet), -EAFNOSUPPORT);
        ck_assert_ptr_null(aiu_explain_bind(null, (struct sockaddr *)&in, sizeof(in), EADDRINUSE));
        ck_assert_int_eq(errno, ENOTSOCK);
        ck_assert_ptr_null(aiu_explain_bind(12345, (struct sockaddr *)&in, sizeof(in), EADDRINUSE));
        ck_assert_int_eq(errno, EBADF);
        ck_assert_ptr_null(aiu_explain_bind(fd, (struct sockaddr *)&in, 3, EADDRINUSE));
        ck_assert_int_eq(errno, EINVAL);
        ck_assert_ptr_null(aiu_explain_bind(fd, NULL, 0, EADDRINUSE));
        ck_assert_int_eq(errno, EINVAL);
        ck_assert_ptr_null(aiu_explain_bind(fd, (struct sockaddr *)&in, sizeof(in), -1));
        ck_assert_int_eq(errno, EINVAL);
        ck_assert_ptr_null(aiu_explain_listen(null, EADDRINUSE));
        ck_assert_int_eq(errno, ENOTSOCK);
        aiu_query_unref(query);
        close(null);
        close(packet);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ errno */

/* A call that succeeds, and leaves errno alone. */
#define keeps(call)                                                                                                    \
        do {                                                                                                           \
                errno = ERANGE;                                                                                        \
                ck_assert_int_eq((call), 0);                                                                           \
                ck_assert_int_eq(errno, ERANGE);                                                                       \
        } while (0)

/* And one that fails. */
#define keeps_failing(call, error)                                                                                     \
        do {                                                                                                           \
                errno = ERANGE;                                                                                        \
                ck_assert_int_eq((call), -(error));                                                                    \
                ck_assert_int_eq(errno, ERANGE);                                                                       \
        } while (0)

START_TEST(setters_keep_errno)
{
        struct sockaddr_in in = loopback(12345);
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

        keeps(aiu_context_new(&context));
        keeps(aiu_context_set_procfs(context, procfs));
        keeps_failing(aiu_context_set_procfs(context, 12345), EBADF);
        keeps(aiu_context_set_deadline_usec(context, 1));
        keeps(aiu_context_set_flags(context, 0));
        keeps(aiu_context_set_kernel(context, 0));
        keeps(aiu_context_disable_backend(context, "sd-bus"));
        keeps(aiu_query_new(context, &query));
        keeps(aiu_query_set_address(query, (struct sockaddr *)&in, sizeof(in)));
        keeps(aiu_query_set_address_string(query, "fe80::1%lo", 12345));
        keeps_failing(aiu_query_set_address_string(query, "fe80::1%no-such", 12345), ENODEV);
        keeps_failing(aiu_query_set_address_string(query, "no address", 12345), EINVAL);
        keeps(aiu_query_set_address_text(query, "localhost:http"));
        keeps_failing(aiu_query_set_address_text(query, "[fe80::1%no-such]:1"), ENODEV);
        keeps_failing(aiu_query_set_address_text(query, "no address"), EINVAL);
        keeps(aiu_query_set_socket(query, SOCK_STREAM, 0));
        keeps(aiu_query_set_reuseaddr(query, 1));
        keeps(aiu_query_set_reuseport(query, 1));
        keeps(aiu_query_set_v6only(query, 1));
        keeps(aiu_query_set_freebind(query, 1));
        keeps(aiu_query_set_port_range(query, 1, 2));
        keeps(aiu_query_set_device(query, "lo"));
        keeps_failing(aiu_query_set_device(query, "no-such"), ENODEV);
        keeps(aiu_query_set_uid(query, 1));
        keeps(aiu_query_set_listen(query, 1));
        keeps(aiu_query_set_netns(query, netns));
        keeps(aiu_query_set_netns(query, netns));
        keeps_failing(aiu_query_set_netns(query, 12345), EBADF);
        keeps(aiu_query_set_fd(query, fd));
        keeps_failing(aiu_query_set_fd(query, 12345), EBADF);
        keeps_failing(aiu_query_set_fd(query, procfs), EBADF);
        keeps_failing(aiu_query_set_pid(query, 0x7fffffff), ESRCH);
        keeps(aiu_query_set_pid(query, getppid()));
        keeps(aiu_query_set_pid(query, getpid()));
        keeps(aiu_query_set_call(query, AIU_CALL_LISTEN));
        keeps(aiu_query_set_socket_id(query, 1, 2));
        keeps(aiu_query_set_error(query, EADDRINUSE));
        errno = ERANGE;
        aiu_query_unref(query);
        aiu_context_unref(context);
        ck_assert_int_eq(errno, ERANGE);
        close(fd);
        close(netns);
        close(procfs);
}
END_TEST

START_TEST(reports_keep_errno)
{
        FILE *full = fopen("/dev/full", "w");
        char *text = NULL, *json = NULL, *escaped = NULL;
        struct aiu_report *report;

        errno = ERANGE;
        report = aiu_probe("127.0.0.1", 12345);
        ck_assert_int_eq(errno, ERANGE);
        keeps(aiu_report_to_text(report, 0, &text));
        keeps(aiu_report_to_json(report, 0, &json));
        keeps(aiu_escape("a\n", 2, &escaped));
        ck_assert_ptr_nonnull(full);
        setvbuf(full, NULL, _IONBF, 0);
        keeps_failing(aiu_report_print(report, full, 0), EIO);
        errno = ERANGE;
        aiu_report_unref(report);
        ck_assert_int_eq(errno, ERANGE);
        free(text);
        free(json);
        free(escaped);
        fclose(full);
}
END_TEST

START_TEST(bad_context)
{
        struct aiu_backend backend = { .size = sizeof(backend), .name = "mine" };
        struct aiu_context *context = NULL;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        is_inval(aiu_context_set_flags(context, UINT32_C(1) << 31));
        is_inval(aiu_context_set_flags(context, UINT32_MAX));
        is_inval(aiu_context_set_procfs(context, -2));
        ck_assert_int_eq(aiu_context_set_procfs(context, 12345), -EBADF);
        ck_assert_int_eq(aiu_context_set_procfs(context, -1), 0);
        ck_assert_int_eq(aiu_context_disable_backend(context, "no-such-backend"), -ENOENT);
        is_inval(aiu_context_disable_backend(context, NULL));
        is_inval(aiu_context_add_backend(context, NULL, NULL));
        is_inval(aiu_context_add_backend(context, &backend, NULL)); /* no phase */
        backend.size = 0;
        is_inval(aiu_context_add_backend(context, &backend, NULL));
        aiu_context_unref(context);
}
END_TEST

static int nothing(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)userdata;
        (void)request;
        (void)snapshot;
        return AIU_PARTIAL;
}

static void count_down(void *userdata)
{
        (*(int *)userdata)--;
}

/* Something to say in one phase, whichever, is enough. */
START_TEST(backend_of_one_phase)
{
        const struct aiu_backend none = { .size = sizeof(none), .name = "mine" };
        struct aiu_backend each[8] = { none, none, none, none, none, none, none, none };
        struct aiu_context *context = NULL;

        each[0].host = nothing;
        each[1].sockets = nothing;
        each[2].holders = nothing;
        each[3].options = nothing;
        each[4].managers = nothing;
        each[5].kernel_users = nothing;
        each[6].devices = nothing;
        each[7].hidden_sockets = nothing;
        ck_assert_int_eq(aiu_context_new(&context), 0);
        for (size_t i = 0; i < N(each); i++)
                ck_assert_int_eq(aiu_context_add_backend(context, &each[i], NULL), 0);
        aiu_context_unref(context);
}
END_TEST

START_TEST(many_backends)
{
        struct aiu_backend backend = {
                .size = sizeof(backend), .name = "mine", .host = nothing, .destroy = count_down
        };
        struct {
                struct aiu_backend known;
                size_t unknown;
        } future = { .known = backend, .unknown = 1 };
        struct aiu_context *context = NULL;
        int alive = 0;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        future.known.size = sizeof(future);
        ck_assert_int_eq(aiu_context_add_backend(context, &future.known, &alive), -E2BIG);
        for (; alive < 16; alive++)
                ck_assert_int_eq(aiu_context_add_backend(context, &backend, &alive), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &backend, &alive), -ENOSPC);
        ck_assert_int_eq(aiu_context_disable_backend(context, "mine"), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(alive, 0);
}
END_TEST

/* A report of a context that sees nothing: quick, and the same on every machine. */
START_TEST(blind_report)
{
        static const char *const builtin[] = { "sock-diag", "proc-net", "route", "proc-sys", "proc-fd", "options" };
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        char *text = NULL;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        for (size_t i = 0; i < N(builtin); i++)
                ck_assert_int_eq(aiu_context_disable_backend(context, builtin[i]), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", 12345), 0);
        errno = ERANGE;
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(errno, ERANGE);
        aiu_query_unref(query);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
        ck_assert_uint_gt(aiu_report_get_n_gaps(report), 0);
        ck_assert_int_eq(aiu_report_would_succeed_with(report, UINT32_MAX), AIU_TRISTATE_UNKNOWN);
        ck_assert_ptr_null(aiu_report_get_gap(report, 1000));
        is_inval(aiu_report_to_text(report, UINT32_MAX, &text));
        is_inval(aiu_report_to_json(report, UINT32_MAX, &text));
        is_inval(aiu_report_to_text(report, 0, NULL));
        is_inval(aiu_report_to_json(report, 0, NULL));
        is_inval(aiu_report_print(report, NULL, 0));
        is_inval(aiu_report_print(report, stdout, UINT32_MAX));
        ck_assert_ptr_null(text);
        ck_assert_ptr_eq(aiu_report_ref(report), report);
        ck_assert_ptr_null(aiu_report_unref(report));
        ck_assert_ptr_null(aiu_report_unref(report));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("api");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, null_reports);
        tcase_add_test(tcase, null_conflicts);
        tcase_add_test(tcase, null_holders);
        tcase_add_test(tcase, null_actions_and_gaps);
        tcase_add_test(tcase, null_context);
        tcase_add_test(tcase, null_query);
        tcase_add_test(tcase, null_show);
        tcase_add_loop_test(tcase, numbers_and_tokens, 0, N(tokens));
        tcase_add_loop_test(tcase, unknown_tokens, 0, N(all_tokens));
        tcase_add_test(tcase, flags_have_their_numbers);
        tcase_add_loop_test(tcase, bad_strings, 0, N(strings));
        tcase_add_test(tcase, bad_probe);
        tcase_add_test(tcase, bad_addresses);
        tcase_add_test(tcase, scopes);
        tcase_add_test(tcase, address_text);
        tcase_add_test(tcase, address_text_of_a_socket);
        tcase_add_test(tcase, bad_settings);
        tcase_add_test(tcase, bad_descriptors);
        tcase_add_test(tcase, setters_keep_errno);
        tcase_add_test(tcase, reports_keep_errno);
        tcase_add_test(tcase, bad_context);
        tcase_add_test(tcase, backend_of_one_phase);
        tcase_add_test(tcase, many_backends);
        tcase_add_test(tcase, blind_report);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
