/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a survey learns of systemd's units: the .socket units, loaded or waiting, and the services that have a socket
 * or, if that was asked for, all of them. And what it says where nobody could be asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "fixture/session-fixture.h"
#include "rules/address.h"
#include "util/sys.h"

#define HERE "PrivateNetwork=no\n"

static const struct scripted_unit script[] = {
        { "web.socket", "ActiveState=inactive\n" HERE "UnitFileState=enabled\nAccept=no\nTriggers=web.service\n"
                        "Listen=Stream [::]:80;Datagram 127.0.0.1:53;Stream /run/x.sock\nBindIPv6Only=default\n"
                        "ReusePort=yes\nBindToDevice=\n" },
        { "six.socket", "ActiveState=active\n" HERE "UnitFileState=enabled\nAccept=yes\nTriggers=six@1.service\n"
                        "Listen=Stream [fe80::1]:80%lo\nBindIPv6Only=ipv6-only\nReusePort=no\nBindToDevice=lo\n" },
        { "both.socket",
          "ActiveState=inactive\n" HERE "Listen=Stream [::]:81\nBindIPv6Only=both\nSocketProtocol=262\n" },
        { "sctp.socket", "ActiveState=inactive\n" HERE "Listen=Stream [::]:82\nSocketProtocol=132\n" },
        { "gone.socket", "ActiveState=inactive\n" HERE "Listen=Stream [::]:83\nBindToDevice=no-such-device\n" },
        { "private.socket", "ActiveState=inactive\nListen=Stream [::]:84\nPrivateNetwork=yes\n" },
        { "netns.socket", "ActiveState=inactive\nListen=Stream [::]:85\n" HERE "NetworkNamespacePath=/run/netns/x\n" },
        { "unknown.socket", "ActiveState=inactive\nListen=Stream [::]:86\n" },
        { "a.service", "ActiveState=active\nSubState=running\nKillMode=process\nNRestarts=2\n"
                       "ActiveEnterTimestampMonotonic=1\n" },
        { "loop.service", "ActiveState=activating\nSubState=auto-restart\nKillMode=control-group\nNRestarts=7\n" },
        { NULL, NULL },
};

static char all_units[8192];

static void tell_units(void)
{
        char *to = all_units;
        size_t room = sizeof(all_units);

        *to = '\0';
        for (size_t i = 0; i < snapshot.n_units; i++) {
                const struct managed_unit *u = &snapshot.units[i];
                char address[ADDRESS_TEXT_BYTES] = "-";
                int n;

                if (u->listen.len > 0)
                        address_print_port(&u->listen, address, sizeof(address));
                n = snprintf(to, room, "%s %s %s %s %s %s %s/%d dev %u, port %d, only %d, %u times, %s\n", u->name,
                             u->state ? u->state : "-", u->sub_state ? u->sub_state : "-",
                             u->enabled ? u->enabled : "-", u->kill_mode ? u->kill_mode : "-",
                             u->service ? u->service : "-", address, u->protocol, u->ifindex, (int)u->reuseport,
                             (int)u->v6only, u->n_restarts, u->active_usec > 0 ? "since" : "-");
                ck_assert(n > 0 && (size_t)n < room);
                to += n;
                room -= (size_t)n;
        }
}

static int procfs;

/* The process is in a network namespace of its own. Here, process 1 is in that one too. */
static void begin_with_systemd(void)
{
        char pid[16], target[32];

        begin();
        (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
        (void)snprintf(target, sizeof(target), "/proc/%s", pid);
        ck_assert_int_eq(mkdir("/run/proc", 0755), 0);
        procfs = open("/run/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(procfs, 0);
        ck_assert_int_eq(symlinkat(target, procfs, pid), 0);
        ck_assert_int_eq(symlinkat(pid, procfs, "self"), 0);
        ck_assert_int_eq(symlinkat(target, procfs, "1"), 0);
        ck_assert_int_eq(symlinkat("/proc/sys", procfs, "sys"), 0);
}

static int ask_units(uint32_t survey_flags)
{
        struct aiu_request q;
        int r;

        snapshot_finish(&snapshot);
        snapshot.backend = "sd-bus";
        of_a_service();
        q = request;
        q.context_flags = flags;
        q.procfs = procfs;
        q.survey_flags = survey_flags;
        q.deadline_nsec = deadline ? sys_now_nsec() + deadline : 0;
        r = backend_sd_bus.units(NULL, &q, &snapshot);
        ck_assert_uint_eq(scripted_connections, 0);
        tell_units();
        return r;
}

static void has(const char *line)
{
        ck_assert_msg(strstr(all_units, line), "%s: not in %s", line, all_units);
}

static void has_not(const char *line)
{
        ck_assert_msg(!strstr(all_units, line), "%s: in %s", line, all_units);
}

START_TEST(units_are_told)
{
        scripted_systemd(script);
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        has("web.socket inactive - enabled - web.service [::]:80/6 dev 0, port 2, only 1,");
        has("web.socket inactive - enabled - web.service 127.0.0.1:53/17 dev 0");
        has_not("/run/x.sock");
        has("six.socket active - enabled - - [fe80::1%1]:80/6 dev 1, port 1, only 2");
        has("both.socket inactive - - - - [::]:81/6 dev 0, port 0, only 1");
        has("sctp.socket inactive - - - - [::]:82/132 dev 0, port 0, only 0");
        has_not("gone.socket");
        has_not("private.socket");
        has_not("netns.socket");
        has_not("unknown.socket");
        has("a.service active running - process - -/0 dev 0, port 0, only 0, 2 times, since");
        has_not("loop.service");
}
END_TEST

/* The rest of one unit's addresses is not known. Those of the next one are. */
START_TEST(many_addresses)
{
        static char properties[4096];
        const struct scripted_unit units[] = {
                { "many.socket", properties },
                { "web.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\n" HERE },
                { NULL, NULL },
        };
        size_t n = (size_t)snprintf(properties, sizeof(properties), "ActiveState=inactive\n" HERE "Listen=");

        for (int port = 1001; port <= 1065; port++)
                n += (size_t)snprintf(properties + n, sizeof(properties) - n, "Stream 127.0.0.1:%d;", port);
        scripted_systemd(units);
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        has("127.0.0.1:1064/6");
        has_not("127.0.0.1:1065/6");
        has("web.socket active");
        ck_assert(have_gap(AIU_GAP_TRUNCATED, "many.socket listens on more than 64 addresses"));
        ck_assert_uint_eq(snapshot.n_gaps, 1);
}
END_TEST

START_TEST(all_services)
{
        scripted_systemd(script);
        ck_assert_int_eq(ask_units(AIU_SURVEY_RESTARTS), AIU_PARTIAL);
        has("loop.service activating auto-restart - control-group - -/0 dev 0, port 0, only 0, 7 times, -");
}
END_TEST

/* What is told is true, and what is not told is a gap or an error. */
START_TEST(disturbed)
{
        char truth[sizeof(all_units)];
        int r;

        scripted_systemd(script);
        (void)ask_units(AIU_SURVEY_RESTARTS);
        memcpy(truth, all_units, sizeof(truth));
        for (unsigned int n = 1;; n++) {
                scripted_systemd_fail(n);
                (void)ask_units(AIU_SURVEY_RESTARTS);
                if (!scripted_systemd_failed())
                        break;
                ck_assert_msg(strcmp(truth, all_units) == 0 || snapshot.n_gaps > 0, "call %u: %s", n, all_units);
        }
        scripted_systemd_fail(0);
        for (unsigned int at = 1;; at++) {
                struct aiu_request q;

                snapshot_finish(&snapshot);
                snapshot.backend = "sd-bus";
                of_a_service();
                q = request;
                q.procfs = procfs;
                q.survey_flags = AIU_SURVEY_RESTARTS;
                scarce_memory_begin(at, false);
                r = backend_sd_bus.units(NULL, &q, &snapshot);
                if (!scarce_memory_end())
                        break;
                tell_units();
                ck_assert_msg(r == -ENOMEM || snapshot.n_gaps > 0 || snapshot.gap_lost || strcmp(truth, all_units) == 0,
                              "allocation %u: %d %s", at, r, all_units);
        }
        ck_assert_str_eq(truth, (tell_units(), all_units));
}
END_TEST

START_TEST(nobody_was_asked)
{
        scripted_systemd(script);
        flags = AIU_CONTEXT_NO_IPC;
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        ck_assert(have_gap(AIU_GAP_BACKEND, "systemd was not asked"));
        flags = 0;
        scripted_no_library = true;
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        ck_assert(have_gap(AIU_GAP_BACKEND, "libsystemd.so.0 could not be loaded: what its units"));
        scripted_no_library = false;
        scripted_hangs = true;
        deadline = 40000000;
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "did not answer in time: what its units"));
        scripted_hangs = false;
        deadline = 0;
        ck_assert_int_eq(rmdir("/run/systemd/system"), 0);
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        ck_assert_uint_eq(snapshot.n_units, 0);
}
END_TEST

/* Other sockets are there than those that systemd will meet, or may be. */
START_TEST(in_another_namespace)
{
        scripted_systemd(script);
        ck_assert_int_eq(unlinkat(procfs, "1", 0), 0);
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        ck_assert(have_gap(AIU_GAP_PERMISSION, "the network namespace of process 1 could not be read"));
        ck_assert_uint_eq(snapshot.n_units, 0);
        ck_assert_int_eq(mkdirat(procfs, "1", 0755), 0);
        ck_assert_int_eq(mkdirat(procfs, "1/ns", 0755), 0);
        ck_assert_int_eq(symlinkat("/", procfs, "1/ns/net"), 0);
        ck_assert_int_eq(ask_units(0), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        ck_assert_uint_eq(snapshot.n_units, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sd-bus-audit");
        TCase *tcase = tcase_create("all");

        if (!can_enter_namespaces()) {
                (void)puts("skipped: user and network namespaces are not permitted here");
                return 77;
        }
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, begin_with_systemd, forget_snapshot);
        tcase_add_test(tcase, units_are_told);
        tcase_add_test(tcase, many_addresses);
        tcase_add_test(tcase, all_services);
        tcase_add_test(tcase, disturbed);
        tcase_add_test(tcase, nobody_was_asked);
        tcase_add_test(tcase, in_another_namespace);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
