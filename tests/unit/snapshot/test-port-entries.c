/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port-entries.c: how the sockets of every port are kept when port 0 is asked for. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "snapshot/port-entries.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"

#define PORT 40000

static struct aiu_socket_fact claimed(const struct address *a, uint64_t cookie)
{
        return (struct aiu_socket_fact){ .size = sizeof(struct aiu_socket_fact),
                                         .type = SOCK_STREAM,
                                         .protocol = IPPROTO_TCP,
                                         .state = AIU_STATE_ESTABLISHED,
                                         .local = &a->sa.any,
                                         .local_len = a->len,
                                         .inode = cookie,
                                         .cookie = cookie,
                                         .uid = 1,
                                         .reuseaddr = AIU_TRISTATE_NO,
                                         .reuseport = AIU_TRISTATE_NO,
                                         .v6only = AIU_TRISTATE_NO };
}

/* Of those that are alike eight are kept; whatever a rule looks at makes one more. */
START_TEST(crowds)
{
        struct address a = table_address("127.0.0.1", PORT), b = table_address("fe80::1", PORT), c = b;
        struct aiu_socket_fact fact = claimed(&a, 1), got = { .size = sizeof(got) };
        struct port_entries crowd = { .first = NULL };
        uint64_t cookie = 1;
        size_t n = 8;

        ck_assert_int_eq(entries_begin(&crowd), 0);
        ck_assert_int_eq(entries_begin(&crowd), 0);
        for (; cookie <= 20; cookie++) {
                fact.cookie = fact.inode = cookie;
                fact.expires_usec = cookie == 15 ? 9 : 0;
                ck_assert_int_eq(entries_add(&crowd, &fact), 0);
        }
        ck_assert_int_eq(entries_add(&crowd, &fact), 0); /* told again */
        ck_assert_uint_eq(crowd.n, n);
#define ONE_MORE(change)                                                                                               \
        do {                                                                                                           \
                fact = claimed(&a, cookie++);                                                                          \
                change;                                                                                                \
                ck_assert_int_eq(entries_add(&crowd, &fact), 0);                                                       \
                ck_assert_uint_eq(crowd.n, ++n);                                                                       \
        } while (0)
        ONE_MORE(fact.uid = 2);
        ONE_MORE(fact.ifindex = 2);
        ONE_MORE(fact.protocol = IPPROTO_UDP);
        ONE_MORE(fact.state = AIU_STATE_CLOSE_WAIT);
        ONE_MORE(fact.minisock = AIU_TRISTATE_YES);
        ONE_MORE(fact.flags = AIU_SOCKET_MAYBE_UNBOUND);
        ONE_MORE(fact.reuseaddr = AIU_TRISTATE_YES);
        ONE_MORE(fact.reuseport = AIU_TRISTATE_YES);
        ONE_MORE(fact.v6only = AIU_TRISTATE_UNKNOWN);
        ONE_MORE(fact.inode = 0);
        ONE_MORE(fact.local = &b.sa.any; fact.local_len = b.len);
        c.sa.in6.sin6_scope_id = 3;
        ONE_MORE(fact.local = &c.sa.any; fact.local_len = c.len);
        c.sa.in6.sin6_addr.s6_addr[15] = 2;
        ONE_MORE(fact.local = &c.sa.any; fact.local_len = c.len);
#undef ONE_MORE
        /* Options that are learned are those of one socket, not of a crowd. */
        entries_set_options(&crowd, 1, &(struct aiu_options_fact){ .reuseaddr = AIU_TRISTATE_YES });
        for (size_t i = 0; entries_get(&crowd, i, &got); i++)
                if (got.inode == 1)
                        ck_assert_int_eq(got.reuseaddr, crowd.list[i].alike ? AIU_TRISTATE_NO : AIU_TRISTATE_YES);
        entries_finish(&crowd);
}
END_TEST

START_TEST(no_entries)
{
        struct address a = table_address("127.0.0.1", PORT);
        struct aiu_socket_fact fact;
        struct port_entries entries_of = { .first = NULL };

        ck_assert_int_eq(entries_begin(&entries_of), 0);
        fact = claimed(&a, 1);
        fact.local = NULL;
        ck_assert_int_eq(entries_add(&entries_of, &fact), -EINVAL);
        fact = claimed(&a, 1);
        fact.local_len = 1;
        ck_assert_int_eq(entries_add(&entries_of, &fact), -EINVAL);
        fact.local_len = a.len - 1;
        ck_assert_int_eq(entries_add(&entries_of, &fact), -EINVAL);
        a.sa.any.sa_family = AF_INET6;
        fact.local_len = sizeof(struct sockaddr_in);
        ck_assert_int_eq(entries_add(&entries_of, &fact), -EINVAL);
        a.sa.any.sa_family = AF_UNIX;
        ck_assert_int_eq(entries_add(&entries_of, &fact), -EINVAL);
        entries_finish(&entries_of);
}
END_TEST

START_TEST(crowds_are_folded)
{
        struct port_entries kept = { 0 };
        struct address a = table_address("10.0.0.1", 443);
        struct aiu_socket_fact f = { .size = sizeof(f),
                                     .type = SOCK_STREAM,
                                     .protocol = IPPROTO_TCP,
                                     .state = AIU_STATE_ESTABLISHED,
                                     .local = &a.sa.any,
                                     .local_len = a.len };
        size_t counted = 0;

        ck_assert_int_eq(entries_begin(&kept), 0);
        for (uint64_t i = 1; i <= 100000; i++) {
                f.inode = f.cookie = i;
                f.expires_usec = i;
                ck_assert_int_eq(entries_add(&kept, &f), 0);
        }
        ck_assert_uint_le(kept.n, 16);
        for (size_t i = 0; i < kept.n; i++)
                counted += 1 + kept.list[i].alike;
        ck_assert_uint_eq(counted, 100000);
        /* What a rule could tell apart is kept apart; what was told before is not told again. */
        f.uid = 7;
        ck_assert_int_eq(entries_add(&kept, &f), 0);
        f.cookie = 1;
        ck_assert_int_eq(entries_add(&kept, &f), 0);
        ck_assert_uint_le(kept.n, 17);
        entries_finish(&kept);
}
END_TEST

START_TEST(entries_are_bounded)
{
        struct port_entries kept = { 0 };
        struct address a = table_address("10.0.0.1", 1);
        struct aiu_socket_fact f = { .size = sizeof(f),
                                     .type = SOCK_STREAM,
                                     .protocol = IPPROTO_TCP,
                                     .state = AIU_STATE_BOUND,
                                     .local = &a.sa.any,
                                     .local_len = a.len };
        int r = 0;

        ck_assert_int_eq(entries_begin(&kept), 0);
        for (uint64_t i = 1; i < 200000 && r == 0; i++) {
                a.sa.in.sin_port = (in_port_t)i;
                a.sa.in.sin_addr.s_addr = (in_addr_t)(i >> 14);
                f.cookie = f.inode = i;
                r = entries_add(&kept, &f);
        }
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_uint_eq(kept.n, 65536);
        f.local_len = 1;
        ck_assert_int_eq(entries_add(&kept, &f), -EINVAL);
        entries_finish(&kept);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("claims");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, crowds);
        tcase_add_test(tcase, no_entries);
        tcase_add_test(tcase, crowds_are_folded);
        tcase_add_test(tcase, entries_are_bounded);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
