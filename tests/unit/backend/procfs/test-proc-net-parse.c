/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What "proc-net" makes of lines and tables that no kernel prints: cut short, too
 * long, out of range, too many. Those that one did print are in test-proc-net.c.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/procfs/proc-net-parse.h"
#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"

static void begin(void)
{
        request = (struct aiu_request){ .size = sizeof(request), .procfs = -1 };
        snapshot_init(&snapshot);
}

/* ------------------------------------------------------ lines that no kernel prints */

/* The same line with an inode that printf(3) fills in: equal lines are one socket. */
#define NTH4                                                                                                           \
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000       "                     \
        " 0 %02zu"
#define GOOD4                                                                                                          \
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000       "                     \
        " 0 42"
#define GOOD6                                                                                                          \
        "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A "                        \
        "00000000:00000000 00:00000000 00000000     0        0 43"

static int parse4(const char *line, struct proc_net_socket *ret)
{
        return proc_net_parse_inet(line, strlen(line), AF_INET, IPPROTO_TCP, 100, ret);
}

START_TEST(inet_lines)
{
        static const char *const bad[] = {
                "",
                " ",
                ":",
                "   0:",
                "  sl  local_address rem_address   st",
                "\x80\xff\n\n",
                "   0: 0100007F 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1",
                "   0: 0100007:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1",
                "   0: 0100007F0:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 "
                "1",
                "   0: 0100007G:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1",
                "   0: 0100007F:1F901 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 "
                "1",
                "   0: 0100007F:1F90 00000000:0000 0AA 00000000:00000000 00:00000000 00000000 0 0 "
                "1",
                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 -1 0 "
                "1",
                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 "
                "99999999999999999999999",
                "   0: 0100007F:0000 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1",
                GOOD6,
        };
        struct proc_net_socket s;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                ck_assert_msg(parse4(bad[i], &s) == -EBADMSG, "%s", bad[i]);
        ck_assert_int_eq(parse4(GOOD4, &s), 0);
        ck_assert_uint_eq(s.fact.inode, 42);
        ck_assert_uint_eq(s.fact.uid, 1000);
        ck_assert_int_eq(parse4(GOOD4 " whatever else", &s), 0);
        ck_assert_int_eq(proc_net_parse_inet(GOOD6, strlen(GOOD6), AF_INET6, IPPROTO_TCP, 100, &s), 0);
        ck_assert_uint_eq(s.fact.inode, 43);
}
END_TEST

/* Every beginning of a good line, in memory that ends where the line does. */
START_TEST(inet_cut_short)
{
        struct proc_net_socket s;

        for (size_t n = 0; n + 2 < strlen(GOOD4); n++) {
                char *copy = malloc(n + 1);

                memcpy(copy, GOOD4, n);
                ck_assert_int_eq(proc_net_parse_inet(copy, n, AF_INET, IPPROTO_TCP, 100, &s), -EBADMSG);
                free(copy);
        }
}
END_TEST

START_TEST(inet_states)
{
        static const char *const format =
                "0: 0100007F:1F90 00000000:%04X %02X 00000000:00000000 %02X:%s 00000000 0 0 %d";
        struct proc_net_socket s;
        char line[256];

        for (unsigned int state = 0; state < 256; state++) {
                snprintf(line, sizeof(line), format, 0u, state, 0u, "00000000", 1);
                ck_assert_int_eq(parse4(line, &s), 0);
                ck_assert_int_eq(s.fact.state, state == 7    ? AIU_STATE_BOUND
                                               : state == 12 ? AIU_STATE_SYN_RECV
                                               : state < 12  ? (enum aiu_state)state
                                                             : AIU_STATE_UNKNOWN);
                ck_assert_int_eq(s.fact.minisock, UNKNOWN);
        }
        snprintf(line, sizeof(line), format, 80u, 6u, 3u, "FFFFFFFFFFFFFFFF", 0);
        ck_assert_int_eq(parse4(line, &s), 0);
        ck_assert_int_eq(s.fact.minisock, YES);
        ck_assert_uint_eq(s.fact.expires_usec, UINT64_C(10000) * UINT32_MAX);
        ck_assert_int_eq(proc_net_parse_inet(line, strlen(line), AF_INET, IPPROTO_TCP, 0, &s), 0);
        ck_assert_uint_eq(s.fact.expires_usec, 0); /* no clock to count with */
        snprintf(line, sizeof(line), format, 80u, 6u, 0u, "00", 0);
        ck_assert_int_eq(parse4(line, &s), 0);
        ck_assert_int_eq(s.fact.minisock, YES);
        snprintf(line, sizeof(line), format, 80u, 5u, 0u, "00", 0);
        ck_assert_int_eq(parse4(line, &s), 0);
        ck_assert_int_eq(s.fact.minisock, UNKNOWN); /* an orphan, a full socket */
        snprintf(line, sizeof(line), format, 80u, 6u, 3u, "FFFFFFFFFFFFFFFF", 0);
        /* Timer 3 of a UDP socket would mean nothing. */
        ck_assert_int_eq(proc_net_parse_inet(line, strlen(line), AF_INET, IPPROTO_UDP, 100, &s), 0);
        ck_assert_int_eq(s.fact.minisock, UNKNOWN);
}
END_TEST

#define UNIX_LINE "0000000000000000: 00000002 00000000 00010000 0001 01 "

static int parse_unix(const char *line, struct proc_net_unix *ret)
{
        return proc_net_parse_unix(line, strlen(line), ret);
}

START_TEST(unix_lines)
{
        static const char *const bad[] = {
                "",
                "Num       RefCount Protocol Flags    Type St Inode Path",
                "lines",
                "0000000000000000: 00000002 00000000 00010000 0001 01",
                UNIX_LINE,
                UNIX_LINE "x",
                UNIX_LINE "12x",
                "0000000000000000: 0000002 00000000 00010000 0001 01 12",
                "0000000000000000  00000002 00000000 00010000 0001 01 12",
        };
        struct proc_net_unix s;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                ck_assert_msg(parse_unix(bad[i], &s) == -EBADMSG, "%s", bad[i]);
        ck_assert_int_eq(parse_unix(UNIX_LINE "   12", &s), 0);
        ck_assert_uint_eq(s.name_bytes, 0);
        ck_assert_uint_eq(s.inode, 12);
        ck_assert_int_eq(s.state, AIU_STATE_LISTEN);
        ck_assert_int_eq(parse_unix(UNIX_LINE "12  x ", &s), 0);
        ck_assert_uint_eq(s.name_bytes, 3);
        ck_assert(memcmp(s.name, " x ", 3) == 0);
        ck_assert_int_eq(parse_unix("0: 00000002 00000000 00000000 0002 03 1", &s), 0);
        ck_assert_int_eq(s.state, AIU_STATE_ESTABLISHED);
        ck_assert_int_eq(s.type, SOCK_DGRAM);
}
END_TEST

/* ------------------------------------------------------ tables that no kernel prints */

static char root[64];

static void make_table(const char *text, size_t bytes)
{
        char path[128];
        int fd;

        snprintf(root, sizeof(root), P_tmpdir "/proc-net-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(root));
        snprintf(path, sizeof(path), "%s/net", root);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/net/tcp", root);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ck_assert_int_eq(write(fd, text, bytes), (int)bytes);
        close(fd);
        request.procfs = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        set_ip("127.0.0.1", 8080, SOCK_STREAM);
}

static void remove_table(void)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/net/tcp", root);
        unlink(path);
        snprintf(path, sizeof(path), "%s/net", root);
        rmdir(path);
        rmdir(root);
}

static int run_table(const char *text, size_t bytes)
{
        int r;

        make_table(text, bytes);
        snapshot_finish(&snapshot);
        snapshot.backend = "proc-net";
        r = backend_proc_net.sockets(NULL, &request, &snapshot);
        close(request.procfs);
        remove_table();
        return r;
}

/* No tcp6, for IPv6 is off; no thread-self, for the kernel is old. */
START_TEST(table_alone)
{
        static const char text[] = "titles\n" GOOD4 "\n";

        ck_assert_int_eq(run_table(text, sizeof(text) - 1), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        ck_assert_uint_eq(snapshot.n_gaps, 1);
}
END_TEST

START_TEST(table_empty)
{
        ck_assert_int_eq(run_table("titles\n", 7), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        ck_assert_int_eq(run_table("titles", 6), AIU_PARTIAL);
        ck_assert_int_eq(run_table("", 0), AIU_PARTIAL);
}
END_TEST

START_TEST(table_cut_off)
{
        static const char text[] = "titles\n" GOOD4 "\n" GOOD4;

        ck_assert_int_eq(run_table(text, sizeof(text) - 1), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        ck_assert(have_gap(AIU_GAP_TRUNCATED, "too long or malformed"));
}
END_TEST

/* Lines of every length about the limit, each between two good ones. */
START_TEST(table_long_lines)
{
        char *text = calloc(1, 20000);
        size_t n;

        for (size_t filler = 300; filler < 9000; filler += filler < 600 ? 1 : 997) {
                n = (size_t)snprintf(text, 20000, "titles\n" NTH4 "\n" NTH4, (size_t)1, (size_t)2);
                memset(text + n, ' ', filler);
                n += filler;
                n += (size_t)snprintf(text + n, 20000 - n, "\n" GOOD4 "\n");
                if (strlen(GOOD4) + filler <= 512) {
                        ck_assert_int_eq(run_table(text, n), AIU_PARTIAL);
                        ck_assert_uint_eq(snapshot.n_sockets, 3);
                } else {
                        ck_assert_int_eq(run_table(text, n), AIU_PARTIAL);
                        ck_assert_uint_eq(snapshot.n_sockets, 2);
                }
        }
        free(text);
}
END_TEST

/* More than a snapshot keeps: as many as it does, and it says so. */
START_TEST(table_crowd)
{
        size_t lines = SNAPSHOT_MAX_SOCKETS + 100, n = 7;
        char *text = malloc(lines * (sizeof(NTH4) + 8) + 8);

        memcpy(text, "titles\n", 7);
        for (; lines > 0; lines--)
                n += (size_t)sprintf(text + n, NTH4 "\n", lines);
        ck_assert_int_eq(run_table(text, n), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, SNAPSHOT_MAX_SOCKETS);
        ck_assert(have_gap(AIU_GAP_TRUNCATED, "more sockets"));
        free(text);
}
END_TEST

static Suite *suite(void)
{
        const TTest *const tests[] = {
                inet_lines,  inet_cut_short, inet_states,      unix_lines,  table_alone,
                table_empty, table_cut_off,  table_long_lines, table_crowd,
        };
        Suite *s = suite_create("proc-net-parse");
        TCase *t = tcase_create("nonsense");

        tcase_add_checked_fixture(t, begin, forget_snapshot);
        tcase_set_timeout(t, 30);
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
                tcase_add_test(t, tests[i]);
        suite_add_tcase(s, t);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
