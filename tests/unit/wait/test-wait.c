/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wait.c and its sources, on real sockets in a network namespace. The clock is stopped in most tests: the wait ends by an
 * event, or the test hangs and fails.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <addrinuse.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/macro.h"
#include "wait/outlook.h"

#define PORT 8080
#define PATIENCE_MSEC 50000

static struct aiu_query *query;
static struct aiu_wait *wait_;

static void setup(void)
{
        enter_namespaces();
        ip("link set lo up");
        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        schedule_is_stopped = true;
}

static void teardown(void)
{
        aiu_wait_unref(wait_);
        aiu_query_unref(query);
        forget_snapshot();
}

/* ------------------------------------------------------ a holder */

struct holder {
        pid_t pid;
        int order; /* a byte here closes the socket */
};

struct name {
        struct sockaddr_storage address;
        socklen_t bytes;
        int type;
        bool listens;
};

static void hold(const struct name *name, int order, int ready)
{
        int fd = socket(name->address.ss_family, name->type, 0), one = 1, zero = 0;
        char byte = 0;

        if (name->address.ss_family == AF_INET6)
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
        if (name->type == SOCK_STREAM)
                (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (const struct sockaddr *)&name->address, name->bytes) < 0 || (name->listens && listen(fd, 1) < 0))
                _exit(1);
        if (write(ready, &byte, 1) != 1 || read(order, &byte, 1) != 1)
                _exit(1);
        close(fd);
        (void)pause();
        _exit(0);
}

static struct holder start_holder(const struct name *name)
{
        struct holder holder;
        int order[2], ready[2];
        char byte;

        ck_assert_int_eq(pipe2(order, O_CLOEXEC), 0);
        ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
        holder.pid = fork();
        if (holder.pid == 0) {
                close(order[1]);
                hold(name, order[0], ready[1]);
        }
        close(order[0]);
        close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        holder.order = order[1];
        return holder;
}

static void let_go(struct holder *holder)
{
        ck_assert_int_eq(write(holder->order, "", 1), 1);
}

static void end_holder(struct holder *holder)
{
        if (holder->pid <= 0)
                return;
        ck_assert_int_eq(kill(holder->pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(holder->pid, NULL, 0), holder->pid);
        close(holder->order);
        holder->pid = 0;
}

static struct name in4(const char *address, int type, bool listens)
{
        struct name name = { .bytes = sizeof(struct sockaddr_in), .type = type, .listens = listens };
        struct sockaddr_in *in = (struct sockaddr_in *)&name.address;

        in->sin_family = AF_INET;
        in->sin_port = htons(PORT);
        ck_assert_int_eq(inet_pton(AF_INET, address, &in->sin_addr), 1);
        return name;
}

static struct name in6_any(void)
{
        struct name name = { .bytes = sizeof(struct sockaddr_in6), .type = SOCK_STREAM, .listens = true };
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&name.address;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(PORT);
        return name;
}

/* "@x" is abstract. */
static struct name un(const char *path)
{
        struct name name = { .type = SOCK_STREAM, .listens = true };
        struct sockaddr_un *un = (struct sockaddr_un *)&name.address;
        size_t n = strlen(path);

        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, path, n);
        if (path[0] == '@')
                un->sun_path[0] = '\0';
        name.bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] != '@'));
        return name;
}

/* ------------------------------------------------------ the wait */

static void begin(enum aiu_wait_basis basis)
{
        ck_assert_int_eq(aiu_wait_new(query, &wait_), 0);
        ck_assert_int_eq(aiu_wait_process(wait_), 0);
        ck_assert_int_eq(aiu_wait_get_basis(wait_), basis);
}

static bool is_readable(int msec)
{
        struct pollfd pollfd = { .fd = aiu_wait_get_fd(wait_), .events = POLLIN };

        return poll(&pollfd, 1, msec) == 1;
}

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* As an event loop would. */
static int step(void)
{
        uint64_t until, now = now_usec();
        int msec = PATIENCE_MSEC;

        ck_assert_int_eq(aiu_wait_get_timeout_usec(wait_, &until), 0);
        if (until < now)
                msec = 0;
        else if (until - now < PATIENCE_MSEC * UINT64_C(1000))
                msec = (int)((until - now + 999) / 1000);
        (void)is_readable(msec);
        return aiu_wait_process(wait_);
}

static void comes_to(int result, enum aiu_verdict verdict)
{
        struct aiu_report *report;
        int r, fuse = 10000;

        while ((r = step()) == 0)
                ck_assert_int_gt(--fuse, 0);
        ck_assert_int_eq(r, result);
        ck_assert_int_eq(aiu_wait_process(wait_), result);
        report = aiu_wait_get_report(wait_);
        ck_assert_int_eq(aiu_report_get_verdict(report), verdict);
        aiu_report_unref(report);
}

/* The first thing that happens is an event, and then the address is free. */
static void ends_by_event(void)
{
        ck_assert(is_readable(PATIENCE_MSEC));
        comes_to(1, AIU_VERDICT_AVAILABLE);
}

static void wait_for(const struct name *name)
{
        ck_assert_int_eq(aiu_query_set_socket(query, name->type, 0), 0);
        ck_assert_int_eq(aiu_query_set_address(query, (const struct sockaddr *)&name->address, name->bytes), 0);
}

/* ------------------------------------------------------ sockets */

START_TEST(a_socket_is_closed)
{
        const struct name names[] = {
                in4("127.0.0.1", SOCK_STREAM, true),
                in4("127.0.0.1", SOCK_STREAM, false),
                in4("0.0.0.0", SOCK_DGRAM, false),
                in6_any(),
        };
        const struct name asked = in4("127.0.0.1", names[_i].type, names[_i].listens);
        struct holder holder = start_holder(&names[_i]);

        wait_for(&asked);
        begin(AIU_WAIT_EVENT);
        ck_assert(!is_readable(0));
        let_go(&holder);
        ends_by_event();
        end_holder(&holder);
}
END_TEST

START_TEST(a_holder_is_killed)
{
        const struct name name = in4("0.0.0.0", SOCK_STREAM, true);
        struct holder holder = start_holder(&name);

        ck_assert_int_eq(aiu_query_set_address_text(query, "8080"), 0);
        begin(AIU_WAIT_EVENT);
        end_holder(&holder);
        ends_by_event();
}
END_TEST

static void open_and_close(uint16_t port)
{
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
        close(fd);
}

/* The filter is in the kernel. As a control, one of the port is heard. */
START_TEST(other_ports_wake_nobody)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        struct holder holder = start_holder(&name);

        wait_for(&name);
        begin(AIU_WAIT_EVENT);
        for (int i = 0; i < 3000; i++)
                open_and_close(PORT + 1);
        ck_assert(!is_readable(500));
        ip("addr add 127.0.0.2/8 dev lo");
        ck_assert(is_readable(PATIENCE_MSEC));
        ck_assert_int_eq(aiu_wait_process(wait_), 0);
        end_holder(&holder);
        ends_by_event();
}
END_TEST

/* With port 0 every socket counts. */
START_TEST(any_port)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        struct sockaddr_in in = *(const struct sockaddr_in *)&name.address;
        struct holder holder;

        write_file("/proc/sys/net/ipv4/ip_local_port_range", "8080 8080");
        holder = start_holder(&name);
        in.sin_port = 0;
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&in, sizeof(in)), 0);
        begin(AIU_WAIT_EVENT);
        let_go(&holder);
        ends_by_event();
        end_holder(&holder);
}
END_TEST

/* TIME_WAIT has no event, but a time. */
START_TEST(time_wait_is_a_matter_of_time)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        const struct sockaddr *address = (const struct sockaddr *)&name.address;
        int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server;
        uint64_t until;

        schedule_is_stopped = false;
        ck_assert_int_eq(bind(listener, address, name.bytes), 0);
        ck_assert_int_eq(listen(listener, 1), 0);
        ck_assert_int_eq(connect(client, address, name.bytes), 0);
        server = accept(listener, NULL, NULL);
        close(listener);
        close(server);
        close(client);
        wait_for(&name);
        begin(AIU_WAIT_TIMER);
        ck_assert_int_eq(aiu_wait_get_timeout_usec(wait_, &until), 0);
        ck_assert_uint_ge(until + 1000000, now_usec());
        if (getenv("AIU_LONG"))
                comes_to(1, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* A second network namespace, by its descriptor: the events are those of that one. */
START_TEST(another_namespace)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        struct holder holder;
        int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;

        ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
        ip("link set lo up");
        holder = start_holder(&name);
        there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(setns(home, CLONE_NEWNET), 0);
        ck_assert_int_eq(aiu_query_set_netns(query, there), 0);
        close(there);
        wait_for(&name);
        begin(AIU_WAIT_EVENT);
        let_go(&holder);
        ends_by_event();
        end_holder(&holder);
        close(home);
}
END_TEST

/* Without the right to enter it nothing is heard, and nothing is known. */
START_TEST(no_way_into_the_namespace)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        int there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

        schedule_is_stopped = false;
        ck_assert_int_eq(aiu_query_set_netns(query, there), 0);
        wait_for(&name);
        set_capability(CAP_SYS_ADMIN, false);
        begin(AIU_WAIT_POLL);
        set_capability(CAP_SYS_ADMIN, true);
        comes_to(1, AIU_VERDICT_AVAILABLE);
        close(there);
}
END_TEST

/* ------------------------------------------------------ addresses */

START_TEST(an_address_is_added)
{
        const struct name name = in4("10.9.8.7", SOCK_STREAM, true);

        wait_for(&name);
        begin(AIU_WAIT_EVENT);
        /* A route that is no address of this host is not worth a question. */
        ip("route add 10.1.0.0/16 dev lo");
        ck_assert(!is_readable(0));
        ip("addr add 10.9.8.7/32 dev lo");
        ends_by_event();
}
END_TEST

START_TEST(a_prefix_becomes_local)
{
        const struct name name = in4("10.9.8.7", SOCK_STREAM, true);

        wait_for(&name);
        begin(AIU_WAIT_EVENT);
        ip("route add local 10.9.8.0/24 dev lo");
        ends_by_event();
}
END_TEST

/* Two events: the address is there, and then it may be used. */
START_TEST(detection_of_duplicates_ends)
{
        if (try_ip("link add d0 type veth peer name d1") != 0)
                return;
        ip("link set d0 up");
        ip("link set d1 up");
        ck_assert_int_eq(aiu_query_set_address_string(query, "fd00::1", PORT), 0);
        begin(AIU_WAIT_EVENT);
        ip("addr add fd00::1/64 dev d0");
        ends_by_event();
}
END_TEST

/* ------------------------------------------------------ AF_UNIX */

static void remove_it(void)
{
        ck_assert_int_eq(unlink("x.sock"), 0);
}

static void rename_it(void)
{
        ck_assert_int_eq(rename("x.sock", "y.sock"), 0);
}

START_TEST(a_file_goes_away)
{
        static void (*const ways[])(void) = { remove_it, rename_it };
        struct name name = un(_i < 2 ? "x.sock" : "./x.sock");
        struct holder holder;

        enter_empty_directory();
        holder = start_holder(&name);
        wait_for(&name);
        begin(AIU_WAIT_EVENT);
        ways[_i % 2]();
        ends_by_event();
        end_holder(&holder);
}
END_TEST

/* Other names in the directory: no look follows, so the time of the next one stays. */
START_TEST(other_files_are_not_asked_about)
{
        struct name name = un("x.sock");
        struct holder holder;
        uint64_t before, after;

        enter_empty_directory();
        holder = start_holder(&name);
        wait_for(&name);
        schedule_is_stopped = false;
        begin(AIU_WAIT_EVENT);
        schedule_is_stopped = true;
        ck_assert_int_eq(aiu_wait_get_timeout_usec(wait_, &before), 0);
        for (int i = 0; i < 500; i++) {
                char other[32];

                (void)snprintf(other, sizeof(other), "x.sock%d", i);
                make_file(other, "");
        }
        ck_assert(is_readable(PATIENCE_MSEC));
        if (now_usec() < before) {
                ck_assert_int_eq(aiu_wait_process(wait_), 0);
                ck_assert_int_eq(aiu_wait_get_timeout_usec(wait_, &after), 0);
                ck_assert(after == before || after == UINT64_MAX);
        }
        end_holder(&holder);
}
END_TEST

/* The directory itself may be gone: the next bind() fails for another reason. */
START_TEST(the_directory_goes_away)
{
        struct name name = un("d/x.sock");
        struct holder holder;

        enter_empty_directory();
        ck_assert_int_eq(mkdir("d", 0755), 0);
        holder = start_holder(&name);
        wait_for(&name);
        begin(AIU_WAIT_EVENT);
        ck_assert_int_eq(rename("d", "e"), 0);
        ck_assert(is_readable(PATIENCE_MSEC));
        comes_to(-EDEADLK, AIU_VERDICT_INVALID);
        end_holder(&holder);
}
END_TEST

START_TEST(an_abstract_name)
{
        struct name name = un("@wait");
        struct holder holder = start_holder(&name);

        wait_for(&name);
        begin(AIU_WAIT_POLL);
        end_holder(&holder);
        ends_by_event();
}
END_TEST

/* No event tells that a living process closes such a socket. */
START_TEST(an_abstract_name_by_the_clock)
{
        struct name name = un("@wait");
        struct holder holder = start_holder(&name);

        schedule_is_stopped = false;
        wait_for(&name);
        begin(AIU_WAIT_POLL);
        let_go(&holder);
        comes_to(1, AIU_VERDICT_AVAILABLE);
        end_holder(&holder);
}
END_TEST

/* ------------------------------------------------------ at once */

START_TEST(free_from_the_start)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        uint64_t until = 1;

        wait_for(&name);
        ck_assert_int_eq(aiu_query_set_error(query, EADDRINUSE), 0);
        ck_assert_int_eq(aiu_wait_new(query, &wait_), 0);
        ck_assert_int_eq(aiu_wait_get_timeout_usec(wait_, &until), 0);
        ck_assert_uint_eq(until, 0);
        ck_assert_int_eq(aiu_wait_get_basis(wait_), AIU_WAIT_UNKNOWN);
        comes_to(1, AIU_VERDICT_AVAILABLE);
}
END_TEST

START_TEST(the_caller_itself)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        struct aiu_report *report = NULL;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        ck_assert_int_eq(bind(fd, (const struct sockaddr *)&name.address, name.bytes), 0);
        wait_for(&name);
        ck_assert_int_eq(aiu_query_wait(query, UINT64_MAX, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        aiu_report_unref(report);
        ck_assert_int_eq(aiu_wait_new(query, &wait_), 0);
        ck_assert_int_eq(aiu_wait_get_basis(wait_), AIU_WAIT_NEVER);
        comes_to(-EDEADLK, AIU_VERDICT_IN_USE);
        close(fd);
}
END_TEST

START_TEST(not_permitted)
{
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", 81), 0);
        set_capability(CAP_NET_BIND_SERVICE, false);
        ck_assert_int_eq(aiu_wait_new(query, &wait_), 0);
        comes_to(-EDEADLK, AIU_VERDICT_NOT_PERMITTED);
        set_capability(CAP_NET_BIND_SERVICE, true);
}
END_TEST

/* ------------------------------------------------------ the loop, the object */

static void *let_go_later(void *holder)
{
        struct timespec t = { .tv_nsec = 200000000 };

        (void)nanosleep(&t, NULL);
        let_go(holder);
        return NULL;
}

START_TEST(the_loop)
{
        const struct name name = in4("127.0.0.1", SOCK_STREAM, true);
        struct holder holder = start_holder(&name);
        struct aiu_report *report = NULL;
        pthread_t thread;

        wait_for(&name);
        ck_assert_int_eq(aiu_query_wait(query, 0, &report), 1);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        report = aiu_report_unref(report);
        ck_assert_int_eq(aiu_query_wait(query, 30000, &report), 1);
        report = aiu_report_unref(report);
        ck_assert_int_eq(pthread_create(&thread, NULL, let_go_later, &holder), 0);
        errno = EXDEV;
        ck_assert_int_eq(aiu_query_wait(query, UINT64_MAX, &report), 0);
        ck_assert_int_eq(errno, EXDEV);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        aiu_report_unref(report);
        end_holder(&holder);
}
END_TEST

static int count_descriptors(void)
{
        int n = 0;

        for (int fd = 0; fd < 1000; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* A program that is executed would have them, too. */
static int count_inherited(void)
{
        int n = 0;

        for (int fd = 0; fd < 1000; fd++)
                n += fcntl(fd, F_GETFD) == 0;
        return n;
}

START_TEST(no_descriptor_is_left)
{
        const struct name names[] = { in4("127.0.0.1", SOCK_STREAM, true), un("@wait"), un("/run/x") };
        struct holder holder = _i < 2 ? start_holder(&names[_i]) : (struct holder){ 0 };
        int before = count_descriptors(), inherited = count_inherited();

        wait_for(&names[_i]);
        errno = EXDEV;
        ck_assert_int_eq(aiu_wait_new(query, &wait_), 0);
        ck_assert_int_eq(errno, EXDEV);
        ck_assert_int_eq(count_inherited(), inherited);
        ck_assert_int_gt(count_descriptors(), before);
        errno = EXDEV;
        ck_assert_ptr_eq(aiu_wait_ref(wait_), wait_);
        ck_assert_ptr_null(aiu_wait_unref(wait_));
        ck_assert_int_ge(aiu_wait_get_fd(wait_), 0);
        wait_ = aiu_wait_unref(wait_);
        ck_assert_int_eq(errno, EXDEV);
        ck_assert_int_eq(count_descriptors(), before);
        end_holder(&holder);
}
END_TEST

START_TEST(null_is_nothing)
{
        struct aiu_report *report = NULL;
        uint64_t usec = 7;

        ck_assert_int_eq(aiu_wait_new(NULL, &wait_), -EINVAL);
        ck_assert_int_eq(aiu_wait_new(query, NULL), -EINVAL);
        ck_assert_int_eq(aiu_wait_new(query, &wait_), -EINVAL); /* no address */
        ck_assert_ptr_null(wait_);
        ck_assert_ptr_null(aiu_wait_unref(NULL));
        ck_assert_ptr_null(aiu_wait_ref(NULL));
        ck_assert_int_eq(aiu_wait_get_fd(NULL), -EINVAL);
        ck_assert_int_eq(aiu_wait_get_timeout_usec(NULL, &usec), -EINVAL);
        ck_assert_uint_eq(usec, 7);
        ck_assert_int_eq(aiu_wait_process(NULL), -EINVAL);
        ck_assert_int_eq(aiu_wait_get_basis(NULL), AIU_WAIT_UNKNOWN);
        ck_assert_ptr_null(aiu_wait_get_report(NULL));
        ck_assert_int_eq(aiu_query_wait(NULL, 0, &report), -EINVAL);
        ck_assert_int_eq(aiu_query_wait(query, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", PORT), 0);
        ck_assert_int_eq(aiu_wait_new(query, &wait_), 0);
        ck_assert_int_eq(aiu_wait_get_timeout_usec(wait_, NULL), -EINVAL);
        ck_assert_ptr_null(report);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("wait");
        TCase *tcase = tcase_create("wait");

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: no namespaces, or no ip(8)");
                return 77;
        }
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, a_socket_is_closed, 0, 4);
        tcase_add_test(tcase, a_holder_is_killed);
        tcase_add_test(tcase, other_ports_wake_nobody);
        tcase_add_test(tcase, any_port);
        tcase_add_test(tcase, time_wait_is_a_matter_of_time);
        tcase_add_test(tcase, another_namespace);
        tcase_add_test(tcase, no_way_into_the_namespace);
        tcase_add_test(tcase, an_address_is_added);
        tcase_add_test(tcase, a_prefix_becomes_local);
        tcase_add_test(tcase, detection_of_duplicates_ends);
        tcase_add_loop_test(tcase, a_file_goes_away, 0, 4);
        tcase_add_test(tcase, other_files_are_not_asked_about);
        tcase_add_test(tcase, the_directory_goes_away);
        tcase_add_test(tcase, an_abstract_name);
        tcase_add_test(tcase, an_abstract_name_by_the_clock);
        tcase_add_test(tcase, free_from_the_start);
        tcase_add_test(tcase, the_caller_itself);
        tcase_add_test(tcase, not_permitted);
        tcase_add_test(tcase, the_loop);
        tcase_add_loop_test(tcase, no_descriptor_is_left, 0, 3);
        tcase_add_test(tcase, null_is_nothing);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
