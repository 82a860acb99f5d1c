/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What other kernels answer to NETLINK_SOCK_DIAG, through the parser and the rules.
 *
 * Provenance: none of these messages was captured; no dump of another kernel was to be
 * had. They are made here, attribute by attribute, as inet_sk_diag_fill(),
 * inet_diag_msg_attrs_fill(), inet_twsk_diag_fill() and inet_req_diag_fill() of the
 * kernel named send them to a request without extensions, by one who lacks
 * CAP_NET_ADMIN (no MARK):
 *
 *   3.10   fixed part and SHUTDOWN; no SKV6ONLY (4.1)
 *   5.4    and SKV6ONLY of IPv6 sockets that listen or are closed; no CGROUP_ID
 *   5.15   and CGROUP_ID (5.8), SOCKOPT (5.10); no socket that is bound but not listening
 *   6.1    the same
 *   6.12   and sockets bound but not listening, as state CLOSE (6.8)
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "backend/netlink/sock-diag.h"
#include "rules/kernel-versions.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"
#include "snapshot/snapshot.h"

enum { ESTABLISHED = 1, SYN_RECV = 3, TIME_WAIT = 6, CLOSE = 7, LISTEN = 10 };
enum { SKV6ONLY = 11, CGROUP_ID = 21, SOCKOPT = 22 }; /* newer than some headers */
#define CGROUP 4711u

struct sent {
        const char *ip; /* NULL = no more */
        int state;
        bool v6only;
};

static bool since(int version, int major, int minor)
{
        return version >= major * 1000 + minor;
}

static void fill_fixed(struct inet_diag_msg *m, const struct sent *sent)
{
        struct in6_addr ip6;

        *m = (struct inet_diag_msg){
                .idiag_family = AF_INET,
                .idiag_state = (uint8_t)sent->state,
                .id = { .idiag_sport = htons(80), .idiag_cookie = { 1, 2 } },
                .idiag_uid = 1000,
                .idiag_inode = 77,
        };
        if (inet_pton(AF_INET, sent->ip, &m->id.idiag_src[0]) != 1) {
                ck_assert_int_eq(inet_pton(AF_INET6, sent->ip, &ip6), 1);
                memcpy(m->id.idiag_src, &ip6, sizeof(ip6));
                m->idiag_family = AF_INET6;
        }
        if (sent->state != LISTEN && sent->state != CLOSE)
                m->id.idiag_dport = htons(4000);
        if (sent->state == TIME_WAIT) {
                m->idiag_timer = 3;
                m->idiag_expires = 30000;
        }
        if (sent->state == TIME_WAIT || sent->state == SYN_RECV)
                m->idiag_uid = m->idiag_inode = 0;
}

static struct nl_msg *message_of(int version, const struct sent *sent)
{
        struct nl_msg *message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI);
        bool full = sent->state != TIME_WAIT && sent->state != SYN_RECV;
        struct inet_diag_sockopt {
                uint8_t bytes[2];
        } sockopt = { { 0x03, 0x00 } };
        uint64_t cgroup = CGROUP;
        struct inet_diag_msg m;

        fill_fixed(&m, sent);
        ck_assert_int_ge(nlmsg_append(message, &m, sizeof(m), NLMSG_ALIGNTO), 0);
        if (full)
                nla_put_u8(message, INET_DIAG_SHUTDOWN, 0);
        if (full && since(version, 4, 1) && m.idiag_family == AF_INET6 &&
            (sent->state == LISTEN || sent->state == CLOSE))
                nla_put_u8(message, SKV6ONLY, sent->v6only);
        if (full && since(version, 5, 8))
                nla_put(message, CGROUP_ID, sizeof(cgroup), &cgroup);
        if (full && since(version, 5, 10))
                nla_put(message, SOCKOPT, sizeof(sockopt), &sockopt);
        return message;
}

static void receive(int version, const struct sent *sent, struct aiu_snapshot *snapshot)
{
        struct nl_msg *message = message_of(version, sent);
        struct sock_diag_socket socket;

        /* What this kernel does not list, it does not list. */
        if (sent->state != CLOSE || since(version, 6, 8)) {
                ck_assert_int_eq(sock_diag_parse_inet(nlmsg_hdr(message), IPPROTO_TCP, &socket), 1);
                socket.fact.cookie = 0;
                ck_assert_int_eq(aiu_snapshot_add_socket(snapshot, &socket.fact), 0);
        }
        nlmsg_free(message);
}

/* ------------------------------------------------------ the rules */

enum { FREE = AIU_VERDICT_AVAILABLE, USED = AIU_VERDICT_IN_USE, OPEN = AIU_VERDICT_UNKNOWN };

static const int versions[] = { 3010, 5004, 5015, 6001, 6012 };

static const struct {
        struct sent sent[2];
        const char *backend_request;
        bool reuseaddr;
        /* Everything that is listed was seen; before 6.8 bound sockets are not. */
        int verdicts[ELEMENTSOF(versions)];
} rows[] = {
        { { { "0.0.0.0", LISTEN, false } }, "127.0.0.1", false, { USED, USED, USED, USED, USED } },
        { { { "127.0.0.1", LISTEN, false } }, "0.0.0.0", true, { USED, USED, USED, USED, USED } },
        { { { "127.0.0.2", LISTEN, false } }, "127.0.0.1", false, { OPEN, OPEN, OPEN, OPEN, FREE } },
        /* dual stack: told since 4.1; in doubt with 6.1 */
        { { { "::", LISTEN, false } }, "127.0.0.1", false, { OPEN, USED, USED, OPEN, USED } },
        { { { "::", LISTEN, true } }, "127.0.0.1", false, { OPEN, OPEN, OPEN, OPEN, FREE } },
        { { { "::", LISTEN, true } }, "::1", false, { USED, USED, USED, USED, USED } },
        { { { "::ffff:127.0.0.1", LISTEN, false } }, "127.0.0.1", false, { OPEN, USED, USED, OPEN, USED } },
        /* a connection tells no v6only on any kernel */
        { { { "::1", ESTABLISHED, false } }, "0.0.0.0", false, { OPEN, OPEN, OPEN, OPEN, OPEN } },
        { { { "::1", ESTABLISHED, false } }, "::", false, { USED, USED, USED, USED, USED } },
        { { { "127.0.0.1", TIME_WAIT, false } }, "127.0.0.1", false, { USED, USED, USED, OPEN, USED } },
        { { { "127.0.0.1", TIME_WAIT, false } }, "0.0.0.0", false, { USED, USED, USED, USED, USED } },
        { { { "127.0.0.1", TIME_WAIT, false } }, "0.0.0.0", true, { OPEN, OPEN, OPEN, OPEN, OPEN } },
        /* a request that is not accepted is in no bind table */
        { { { "127.0.0.1", SYN_RECV, false } }, "127.0.0.1", false, { OPEN, OPEN, OPEN, OPEN, FREE } },
        { { { "127.0.0.1", CLOSE, false } }, "127.0.0.1", false, { OPEN, OPEN, OPEN, OPEN, USED } },
        { { { "0.0.0.0", LISTEN, false }, { "127.0.0.1", ESTABLISHED, false } },
          "127.0.0.1",
          true,
          { USED, USED, USED, USED, USED } },
};

static struct verdict conclude(size_t row, int version, uint32_t proven)
{
        struct request q = table_request(rows[row].backend_request);
        struct host host = table_host();
        struct aiu_snapshot snapshot;
        struct port_table table;
        struct verdict v;

        snapshot_init(&snapshot);
        for (size_t i = 0; i < 2 && rows[row].sent[i].ip; i++)
                receive(version, &rows[row].sent[i], &snapshot);
        q.reuseaddr = rows[row].reuseaddr;
        host.kernel_major = version / 1000;
        host.kernel_minor = version % 1000;
        host.kernel_proven = proven;
        table = (struct port_table){ .request = &q,
                                     .host = &host,
                                     .sockets = snapshot.sockets,
                                     .n_sockets = snapshot.n_sockets,
                                     .sockets_complete = true };
        v = verdict_conclude(&table);
        snapshot_finish(&snapshot);
        return v;
}

START_TEST(rules)
{
        for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
                struct verdict v = conclude((size_t)_i, versions[i], 0);

                ck_assert_msg((int)v.verdict == rows[_i].verdicts[i], "row %d, Linux %d: %s", _i, versions[i],
                              aiu_verdict_to_string(v.verdict));
                ck_assert(v.verdict != AIU_VERDICT_UNKNOWN || v.doubts != 0);
        }
}
END_TEST

/* With the kernel's behaviour proven, what is left open is what was not told. */
START_TEST(proven)
{
        for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
                struct verdict v = conclude((size_t)_i, versions[i], KERNEL_ALL);

                ck_assert_uint_eq(v.kernel, 0);
                if (v.verdict == AIU_VERDICT_UNKNOWN)
                        ck_assert_uint_eq(v.doubts, DOUBT_HOLDER_OPTION);
        }
}
END_TEST

/* ------------------------------------------------------ the parser */

START_TEST(attributes)
{
        const struct sent listener = { "::", LISTEN, true };

        for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
                struct nl_msg *message = message_of(versions[i], &listener);
                struct sock_diag_socket socket;

                ck_assert_int_eq(sock_diag_parse_inet(nlmsg_hdr(message), IPPROTO_TCP, &socket), 1);
                ck_assert_int_eq(socket.fact.v6only,
                                 since(versions[i], 4, 1) ? AIU_TRISTATE_YES : AIU_TRISTATE_UNKNOWN);
                ck_assert_uint_eq(socket.fact.cgroup_id, since(versions[i], 5, 8) ? CGROUP : 0);
                ck_assert_uint_eq(socket.fact.inode, 77);
                ck_assert_uint_eq(socket.fact.uid, 1000);
                nlmsg_free(message);
        }
}
END_TEST

/* Cut anywhere: malformed, or less known; never read past the end (valgrind watches). */
START_TEST(short_messages)
{
        const struct sent listener = { "::", LISTEN, true };
        struct nl_msg *message = message_of(6012, &listener);
        struct nlmsghdr *whole = nlmsg_hdr(message);

        for (uint32_t bytes = NLMSG_HDRLEN; bytes < whole->nlmsg_len; bytes++) {
                struct nlmsghdr *cut = malloc(bytes);
                struct sock_diag_socket socket;
                int r;

                ck_assert_ptr_nonnull(cut);
                memcpy(cut, whole, bytes);
                cut->nlmsg_len = bytes;
                r = sock_diag_parse_inet(cut, IPPROTO_TCP, &socket);
                ck_assert_int_eq(r, bytes < NLMSG_LENGTH(sizeof(struct inet_diag_msg)) ? -EBADMSG : 1);
                free(cut);
        }
        nlmsg_free(message);
}
END_TEST

/* An attribute of a kernel to come, and one that is shorter than it should be. */
START_TEST(strange_attributes)
{
        const struct sent listener = { "::", LISTEN, false };
        struct nl_msg *message = message_of(3010, &listener);
        struct sock_diag_socket socket;

        nla_put(message, 99, 7, "unknown");
        nla_put(message, CGROUP_ID, 4, "four");
        nla_put(message, SKV6ONLY, 0, NULL);
        ck_assert_int_eq(sock_diag_parse_inet(nlmsg_hdr(message), IPPROTO_TCP, &socket), 1);
        ck_assert_uint_eq(socket.fact.cgroup_id, 0);
        ck_assert_int_eq(socket.fact.v6only, AIU_TRISTATE_UNKNOWN);
        nlmsg_free(message);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("old-kernels");
        TCase *tcase = tcase_create("messages");

        tcase_add_loop_test(tcase, rules, 0, ELEMENTSOF(rows));
        tcase_add_loop_test(tcase, proven, 0, ELEMENTSOF(rows));
        tcase_add_test(tcase, attributes);
        tcase_add_test(tcase, short_messages);
        tcase_add_test(tcase, strange_attributes);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
