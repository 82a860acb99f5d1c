/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup-supervisor.c: supervisors among the ancestors, what they call the program, and the
 * helpers that hold a port for a container. A directory stands for /proc: what supervisord
 * 4.2, runit 2.1 and s6 2.11 put there was read off them, pm2's and the helpers' command lines
 * are from their sources.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/cgroup/cgroup-supervisor.h"
#include "backend/cgroup/cgroup-word.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CHILD 20
#define PARENT 10

static char proc[] = "/tmp/aiu-supervisor-XXXXXX";
static struct aiu_request request = { .size = sizeof(request), .procfs = -1 };
static pid_t holder; /* the ancestor that holds the socket too; 0 = none */

static void write_file(const char *path, const char *bytes, size_t n)
{
        int fd = openat(request.procfs, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
        close(fd);
}

static void setup(void)
{
        memcpy(proc + sizeof(proc) - 7, "XXXXXX", 6);
        ck_assert_ptr_nonnull(mkdtemp(proc));
        request.procfs = open(proc, O_RDONLY | O_DIRECTORY);
        ck_assert_int_eq(mkdirat(request.procfs, "10", 0700), 0);
        ck_assert_int_eq(mkdirat(request.procfs, "20", 0700), 0);
        holder = 0;
}

static void teardown(void)
{
        (void)unlinkat(request.procfs, "10/cwd", 0);
        (void)unlinkat(request.procfs, "10/exe", 0);
        (void)unlinkat(request.procfs, "10/cgroup", 0);
        (void)unlinkat(request.procfs, "10/comm", 0);
        (void)unlinkat(request.procfs, "10/status", 0);
        (void)unlinkat(request.procfs, "20/status", 0);
        (void)unlinkat(request.procfs, "20/environ", 0);
        (void)unlinkat(request.procfs, "10", AT_REMOVEDIR);
        (void)unlinkat(request.procfs, "20", AT_REMOVEDIR);
        close(request.procfs);
        ck_assert_int_eq(rmdir(proc), 0);
}

static bool is_holder(const void *userdata, pid_t pid)
{
        (void)userdata;
        return holder && pid == holder;
}

/* The process 20, child of 10, which has that name, child of 1. */
static struct supervision found_below(const char *comm)
{
        const pid_t pids[] = { PARENT, 1 };
        const char *const comms[] = { comm, "init" };
        struct aiu_process_fact process = {
                .size = sizeof(process),
                .pid = CHILD,
                .cmdline = "web",
                .cmdline_bytes = 4,
                .ancestor_pids = pids,
                .ancestor_comms = comms,
                .n_ancestors = 2,
        };
        struct supervision found;

        supervisor_find(&request, &process, is_holder, NULL, &found);
        return found;
}

static void expect(const char *comm, const char *name, const char *program)
{
        struct supervision found = found_below(comm);

        if (!name) {
                ck_assert_msg(!found.name, "%s: %s", comm, found.name);
                return;
        }
        ck_assert_msg(found.name && strcmp(found.name, name) == 0, "%s: %s", comm, found.name ? found.name : "nobody");
        ck_assert_str_eq(found.program, program);
}

/* ------------------------------------------------------ supervisors */

START_TEST(names)
{
        expect("supervise-daemo", "supervise-daemon", ""); /* cut after 15 bytes */
        expect("PM2 v5.3.0: God", "pm2", "");
        expect("monit", "monit", "");
        expect("gunicorn: maste", "gunicorn", "");
        expect("php-fpm8.2", "php-fpm", "");
        expect("bash", NULL, NULL);
        expect("supervisord2", NULL, NULL);
        expect("", NULL, NULL);
        expect(NULL, NULL, NULL);
}
END_TEST

START_TEST(by_working_directory)
{
        ck_assert_int_eq(symlinkat("/etc/service/web", request.procfs, "10/cwd"), 0);
        expect("runsv", "runit", "/etc/service/web");
        expect("s6-supervise", "s6", "/etc/service/web");
        expect("supervise", "daemontools", "/etc/service/web");
}
END_TEST

/* What the kernel says of a directory out of reach is no path: d_path(). */
START_TEST(working_directory_out_of_reach)
{
        expect("runsv", "runit", ""); /* gone */
        ck_assert_int_eq(symlinkat("(unreachable)/web", request.procfs, "10/cwd"), 0);
        expect("runsv", "runit", "");
}
END_TEST

/* Half a path is another one. */
START_TEST(working_directory_too_long)
{
        char path[SUPERVISOR_PROGRAM_BYTES + 8];

        memset(path, 'x', sizeof(path) - 1);
        path[0] = '/';
        path[SUPERVISOR_PROGRAM_BYTES - 1] = '\0';
        ck_assert_int_eq(symlinkat(path, request.procfs, "10/cwd"), 0);
        expect("runsv", "runit", "");
        ck_assert_int_eq(unlinkat(request.procfs, "10/cwd", 0), 0);
        path[SUPERVISOR_PROGRAM_BYTES - 2] = '\0';
        ck_assert_int_eq(symlinkat(path, request.procfs, "10/cwd"), 0);
        expect("runsv", "runit", path);
}
END_TEST

#define ENVIRON(text) write_file("20/environ", text, sizeof(text))

static void environ_with(const char *before, size_t n, const char *after, size_t more)
{
        char text[4096];
        size_t bytes = strlen(before);

        memcpy(text, before, bytes);
        memset(text + bytes, 'x', n);
        memcpy(text + bytes + n, after, more);
        write_file("20/environ", text, bytes + n + more);
}

/* What does not fit is no name of anything. */
START_TEST(names_too_long)
{
        environ_with("name=", SUPERVISOR_PROGRAM_BYTES, "", 1);
        expect("PM2 v5.3.0: God", "pm2", "");
        environ_with("SUPERVISOR_GROUP_NAME=", SUPERVISOR_PROGRAM_BYTES - 2, "\0SUPERVISOR_PROCESS_NAME=y",
                     sizeof("\0SUPERVISOR_PROCESS_NAME=y"));
        expect("supervisord", "supervisord", "");
        ENVIRON("SUPERVISOR_PROCESS_NAME=web");
        expect("supervisord", "supervisord", "");
        ENVIRON("SUPERVISOR_PROCESS_NAME_X=web\0name_x=1");
        expect("supervisord", "supervisord", "");
        ENVIRON("x=1");
        expect("PM2 v5.3.0: God", "pm2", "");
}
END_TEST

/* The supervisor is reported all the same. Its name for the program stays unknown. */
START_TEST(nowhere_to_look)
{
        const pid_t pids[] = { PARENT };
        const char *const comms[] = { "supervisord" };
        struct aiu_process_fact process = {
                .size = sizeof(process),
                .pid = CHILD,
                .ancestor_pids = pids,
                .ancestor_comms = comms,
                .n_ancestors = 1,
        };
        struct aiu_request blind = { .size = sizeof(blind), .procfs = -1 };
        struct supervision found;

        ENVIRON("SUPERVISOR_PROCESS_NAME=web\0SUPERVISOR_GROUP_NAME=web");
        supervisor_find(&request, &process, is_holder, NULL, &found); /* no command line */
        ck_assert_str_eq(found.name, "supervisord");
        ck_assert_str_eq(found.program, "");
        process.cmdline = "web";
        process.cmdline_bytes = 4;
        supervisor_find(&request, &process, is_holder, NULL, &found);
        ck_assert_str_eq(found.program, "web:web");
        supervisor_find(&blind, &process, is_holder, NULL, &found);
        ck_assert_str_eq(found.program, "");
        blind.procfs = request.procfs;
        blind.deadline_nsec = 1;
        supervisor_find(&blind, &process, is_holder, NULL, &found);
        ck_assert_str_eq(found.program, "");
}
END_TEST

START_TEST(supervisord)
{
        ENVIRON("PATH=/bin\0SUPERVISOR_ENABLED=1\0SUPERVISOR_PROCESS_NAME=web_0\0SUPERVISOR_GROUP_NAME=web");
        expect("supervisord", "supervisord", "web:web_0");
}
END_TEST

START_TEST(supervisord_with_odd_names)
{
        ENVIRON("SUPERVISOR_PROCESS_NAME=web 0\0SUPERVISOR_GROUP_NAME=web");
        expect("supervisord", "supervisord", "");
        ENVIRON("SUPERVISOR_PROCESS_NAME=web\0SUPERVISOR_GROUP_NAME=--all");
        expect("supervisord", "supervisord", "");
        ENVIRON("XSUPERVISOR_PROCESS_NAME=web\0SUPERVISOR_GROUP_NAME=web");
        expect("supervisord", "supervisord", "");
        ENVIRON("SUPERVISOR_PROCESS_NAME=\0SUPERVISOR_GROUP_NAME=");
        expect("supervisord", "supervisord", "");
        ENVIRON("");
        expect("supervisord", "supervisord", "");
}
END_TEST

START_TEST(pm2)
{
        ENVIRON("pm_id=3\0name=web");
        expect("PM2 v5.3.0: God", "pm2", "web");
        ENVIRON("pm_id=3\0name=my web");
        expect("PM2 v5.3.0: God", "pm2", "3");
        ENVIRON("pm_id=$(reboot)");
        expect("PM2 v5.3.0: God", "pm2", "");
}
END_TEST

/* A supervisor that holds the socket itself is ended with the others, and starts no process again. */
START_TEST(master_that_holds_it_too)
{
        holder = PARENT;
        expect("gunicorn: maste", NULL, NULL);
        holder = 1;
        expect("gunicorn: maste", "gunicorn", "");
}
END_TEST

/* "all" is every program; a number, or a file's name, something else than this one. */
START_TEST(names_of_more_than_one)
{
        ENVIRON("SUPERVISOR_PROCESS_NAME=all\0SUPERVISOR_GROUP_NAME=web");
        expect("supervisord", "supervisord", "");
        ENVIRON("SUPERVISOR_PROCESS_NAME=web\0SUPERVISOR_GROUP_NAME=all");
        expect("supervisord", "supervisord", "");
        ENVIRON("SUPERVISOR_PROCESS_NAME=*\0SUPERVISOR_GROUP_NAME=web");
        expect("supervisord", "supervisord", "");
        ENVIRON("name=all");
        expect("PM2 v5.3.0: God", "pm2", "");
        ENVIRON("name=all\0pm_id=all");
        expect("PM2 v5.3.0: God", "pm2", "");
        ENVIRON("name=7\0pm_id=3");
        expect("PM2 v5.3.0: God", "pm2", "3");
        ENVIRON("name=web.config.js\0pm_id=3");
        expect("PM2 v5.3.0: God", "pm2", "3");
}
END_TEST

/* ------------------------------------------------------ whose word it is */

static void write_status(const char *path, const char *comm, const char *ids)
{
        char text[256];

        (void)snprintf(text, sizeof(text), "Name:\t%s\nUmask:\t0022\n%s%s", comm, ids ? "Uid:\t" : "", ids ? ids : "");
        write_file(path, text, strlen(text));
}

/* All four ids of the supervisor count, and those of any user who could have changed the environment. */
START_TEST(word_of_processes)
{
        static const struct {
                const char *supervisor, *comm, *child;
                uid_t word;
        } rows[] = {
                { "0\t0\t0\t0\n", "supervisord", "0\t0\t0\t0\n", 0 },
                { "1000\t1000\t1000\t1000\n", "supervisord", "1000\t1000\t1000\t1000\n", 1000 },
                { "0\t0\t0\t0\n", "supervisord", "33\t33\t33\t33\n", 33 },
                { "1000\t0\t0\t0\n", "supervisord", "0\t0\t0\t0\n", 1000 },
                { "0\t0\t0\t1000\n", "supervisord", "0\t0\t0\t0\n", 1000 },
                { "0\t0\t0\t0\n", "supervisord", "0\t0\t33\t0\n", 33 },
                { "1000\t1000\t1000\t1000\n", "supervisord", "33\t33\t33\t33\n", WORD_UNKNOWN },
                { "0\t0\t0\t0\n", "bash", "0\t0\t0\t0\n", WORD_UNKNOWN }, /* its number is another's by now */
                { "0\t0\t0\t0\n", "supervisord2", "0\t0\t0\t0\n", WORD_UNKNOWN },
                { "0\t0\t0\n", "supervisord", "0\t0\t0\t0\n", WORD_UNKNOWN },
                { "0\t0\t0\t99999999999\n", "supervisord", "0\t0\t0\t0\n", WORD_UNKNOWN },
                { NULL, "supervisord", "0\t0\t0\t0\n", WORD_UNKNOWN },
        };

        ENVIRON("SUPERVISOR_PROCESS_NAME=web\0SUPERVISOR_GROUP_NAME=web");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct supervision found;

                write_status("10/status", rows[i].comm, rows[i].supervisor);
                write_status("20/status", "web", rows[i].child);
                found = found_below("supervisord");
                ck_assert_str_eq(found.program, "web:web");
                ck_assert_msg(found.named_by == rows[i].word, "%zu: %d", i, (int)found.named_by);
        }
        ck_assert_int_eq(unlinkat(request.procfs, "20/status", 0), 0);
        ck_assert_uint_eq(found_below("supervisord").named_by, WORD_UNKNOWN);
}
END_TEST

static char service[256], supervise[300], fifo[320], ok[320];

/* A service directory beside the processes, and runsv in it. */
static void make_service(void)
{
        (void)snprintf(service, sizeof(service), "%s/svc", proc);
        (void)snprintf(supervise, sizeof(supervise), "%s/supervise", service);
        (void)snprintf(fifo, sizeof(fifo), "%s/control", supervise);
        (void)snprintf(ok, sizeof(ok), "%s/ok", supervise);
        ck_assert_int_eq(mkdir(service, 0755), 0);
        ck_assert_int_eq(mkdir(supervise, 0700), 0);
        ck_assert_int_eq(mkfifo(fifo, 0600), 0);
        ck_assert_int_eq(mkfifo(ok, 0600), 0);
        ck_assert_int_eq(symlinkat(service, request.procfs, "10/cwd"), 0);
        write_file("10/exe", "", 0);
}

static void remove_service(void)
{
        char away[300];

        (void)snprintf(away, sizeof(away), "%s/away", proc);
        (void)unlink(fifo);
        (void)unlink(ok);
        (void)unlink(supervise);
        (void)rmdir(supervise);
        (void)snprintf(fifo, sizeof(fifo), "%s/control", away);
        (void)unlink(fifo);
        (void)rmdir(away);
        ck_assert_int_eq(rmdir(service), 0);
}

static uid_t word_of_runsv(void)
{
        struct supervision found = found_below("runsv");

        ck_assert_str_eq(found.program, service);
        return found.named_by;
}

/* As the user that runs the test: root, or one whose word is asked for by that very user. */
START_TEST(word_of_a_service_directory)
{
        char ids[128], away[300];
        uid_t me = geteuid();

        make_service();
        (void)snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u\n", (unsigned)me, (unsigned)me, (unsigned)me, (unsigned)me);
        write_status("10/status", "runsv", ids);
        ck_assert_uint_eq(word_of_runsv(), me);
        ck_assert_int_eq(unlink(ok), 0); /* s6 has none */
        ck_assert_uint_eq(word_of_runsv(), me);
        write_status("10/status", "runsv", "4242\t4242\t4242\t4242\n");
        ck_assert_uint_eq(word_of_runsv(), 4242);
        write_status("10/status", "runsv", ids);

        /* sudo, called runsv by the user who started it, and a process whose program cannot be seen. */
        ck_assert_int_eq(fchmodat(request.procfs, "10/exe", 04755, 0), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(unlinkat(request.procfs, "10/exe", 0), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        write_file("10/exe", "", 0);
        ck_assert_uint_eq(word_of_runsv(), me);

        /* Others may put something else there. */
        ck_assert_int_eq(chmod(service, 0777), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(chmod(service, 01777), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(chmod(service, 0755), 0);
        ck_assert_int_eq(chmod(supervise, 0777), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(chmod(supervise, 0700), 0);
        ck_assert_uint_eq(word_of_runsv(), me);

        /* What a command would open is something else than a FIFO, or away. */
        ck_assert_int_eq(unlink(fifo), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(symlink("/etc/shadow", fifo), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(unlink(fifo), 0);
        ck_assert_int_eq(mkfifo(fifo, 0600), 0);
        ck_assert_int_eq(symlink("/etc/shadow", ok), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(unlink(ok), 0);

        /* Distributions put supervise/ below /run. Another link there is none to follow. */
        (void)snprintf(away, sizeof(away), "%s/away", proc);
        ck_assert_int_eq(rename(supervise, away), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(symlink(away, supervise), 0);
        ck_assert_uint_eq(word_of_runsv(), me);
        ck_assert_int_eq(unlink(supervise), 0);
        ck_assert_int_eq(symlink("../away", supervise), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);

        /* A directory of that name is another one here. */
        ck_assert_int_eq(unlink(supervise), 0);
        ck_assert_int_eq(rename(away, supervise), 0);
        ck_assert_int_eq(unlinkat(request.procfs, "10/cwd", 0), 0);
        ck_assert_int_eq(symlinkat("/tmp/../tmp", request.procfs, "10/cwd"), 0);
        ck_assert_uint_eq(found_below("runsv").named_by, WORD_UNKNOWN);
        remove_service();
}
END_TEST

/* Root's view of what an ordinary user has made. */
START_TEST(word_of_a_users_directory)
{
        if (geteuid() != 0)
                return;
        make_service();
        write_status("10/status", "runsv", "0\t0\t0\t0\n");
        ck_assert_uint_eq(word_of_runsv(), 0);
        ck_assert_int_eq(chown(supervise, 1000, 1000), 0);
        ck_assert_uint_eq(word_of_runsv(), 1000);
        ck_assert_int_eq(chown(supervise, 0, 1000), 0);
        ck_assert_int_eq(chmod(supervise, 0770), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        ck_assert_int_eq(chown(supervise, 0, 0), 0);
        ck_assert_uint_eq(word_of_runsv(), 0);
        ck_assert_int_eq(chown(fifo, 1000, 0), 0);
        ck_assert_uint_eq(word_of_runsv(), 1000);
        ck_assert_int_eq(chown(ok, 1001, 0), 0);
        ck_assert_uint_eq(word_of_runsv(), WORD_UNKNOWN);
        remove_service();
}
END_TEST

/* A cgroup's name is the word of those who own the cgroups above it. */
START_TEST(word_of_a_cgroup)
{
        static const struct {
                const char *text;
                uid_t word;
        } rows[] = {
                { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n", 1000 },
                { "0::/user.slice/user-1000.slice/user@1000.service/lxc.payload.web\n", 1000 },
                { "0::/user.slice/user-1000.slice/session-1.scope/lxc.payload.web\n", 1000 },
                { "0::/user.slice/user-1000.slice/user@1000.service/user-0.slice/machine-web.scope\n", 1000 },
                { "0::/user.slice/user-1000.slice/user@1000.service/kubepods/x\n", 1000 },
                { "0::/no-such.slice/lxc.payload.web\n", WORD_UNKNOWN },
                { "0::/../lxc.payload.web\n", WORD_UNKNOWN },
                { "0::/kubepods\n", WORD_UNKNOWN },
                { "1:name=none:/no-such/lxc.payload.web\n", WORD_UNKNOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct cgroup_owner owner;

                cgroup_parse(rows[i].text, &owner);
                ck_assert_msg(word_of_cgroup(&owner) == rows[i].word, "%s", rows[i].text);
        }
}
END_TEST

START_TEST(word_of_two)
{
        ck_assert_uint_eq(word_of_both(0, 0), 0);
        ck_assert_uint_eq(word_of_both(0, 5), 5);
        ck_assert_uint_eq(word_of_both(5, 0), 5);
        ck_assert_uint_eq(word_of_both(5, 5), 5);
        ck_assert_uint_eq(word_of_both(5, 6), WORD_UNKNOWN);
        ck_assert_uint_eq(word_of_both(WORD_UNKNOWN, 5), WORD_UNKNOWN);
        ck_assert_uint_eq(word_of_both(0, WORD_UNKNOWN), WORD_UNKNOWN);
}
END_TEST

/* ------------------------------------------------------ port helpers */

#define ARGV(text) text, sizeof(text)

static const struct {
        const char *comm, *cmdline;
        size_t bytes;
        enum aiu_manager_kind kind;
        const char *container;
} helpers[] = {
        /* moby, cmd/docker-proxy */
        { "docker-proxy",
          ARGV("/usr/bin/docker-proxy\0-proto\0tcp\0-host-ip\0"
               "0.0.0.0\0-host-port\0"
               "80"),
          AIU_MANAGER_DOCKER, "" },
        /* conmon 2.1.6, measured */
        { "conmon",
          ARGV("/usr/bin/conmon\0--api-version\0"
               "1\0-c\0" ID "\0-u\0" ID),
          AIU_MANAGER_PODMAN, ID },
        { "conmon",
          ARGV("conmon\0--cid\0"
               "abc"),
          AIU_MANAGER_PODMAN, "abc" },
        { "conmon", ARGV("conmon\0-c\0../../etc"), AIU_MANAGER_PODMAN, "" },
        { "conmon", ARGV("conmon\0-c\0--all"), AIU_MANAGER_PODMAN, "" },
        { "conmon", ARGV("conmon\0-c\0"), AIU_MANAGER_PODMAN, "" },
        { "conmon", ARGV("conmon\0-c"), AIU_MANAGER_PODMAN, "" },
        { "conmon", NULL, 0, AIU_MANAGER_PODMAN, "" },
        /* podman, cmd/rootlessport; its slirp4netns and pasta get a named network namespace */
        { "rootlessport", ARGV("rootlessport"), AIU_MANAGER_PODMAN, "" },
        { "slirp4netns", ARGV("slirp4netns\0--netns-type=path\0/run/user/1000/netns/cni-1\0tap0"), AIU_MANAGER_PODMAN,
          "" },
        { "slirp4netns",
          ARGV("slirp4netns\0"
               "1234\0tap0"),
          AIU_MANAGER_UNKNOWN, "" },
        { "pasta.avx2", ARGV("pasta\0--netns\0/run/user/1000/netns/netns-1"), AIU_MANAGER_PODMAN, "" },
        { "pasta",
          ARGV("pasta\0-t\0"
               "80"),
          AIU_MANAGER_UNKNOWN, "" },
        /* rootlesskit is Docker's and nerdctl's */
        { "rootlesskit", ARGV("rootlesskit\0--port-driver=builtin\0dockerd-rootless.sh"), AIU_MANAGER_DOCKER, "" },
        { "rootlesskit", NULL, 0, AIU_MANAGER_CONTAINERD, "" },
        { "conmon", ARGV("conmon\0-c\0" ID ID ID ID), AIU_MANAGER_PODMAN, "" },
        { "rootlesskit", ARGV("rootlesskit\0containerd-rootless.sh"), AIU_MANAGER_CONTAINERD, "" },
        { "nginx", ARGV("nginx\0-c\0" ID), AIU_MANAGER_UNKNOWN, "" },
        { NULL, NULL, 0, AIU_MANAGER_UNKNOWN, "" },
};

START_TEST(port_helper)
{
        struct aiu_process_fact process = {
                .size = sizeof(process),
                .pid = CHILD,
                .comm = helpers[_i].comm,
                .cmdline = helpers[_i].cmdline,
                .cmdline_bytes = helpers[_i].bytes,
        };
        char container[CGROUP_NAME_BYTES] = "x";

        ck_assert_int_eq(supervisor_find_port_helper(&process, container), helpers[_i].kind);
        ck_assert_str_eq(container, helpers[_i].container);
}
END_TEST

/* ------------------------------------------------------ units that run containers */

static const struct {
        const char *parent, *comm, *cgroup; /* of the process' parent; and what its number is called by now */
        const char *unit;                   /* NULL = none is found */
        enum aiu_manager_kind kind;
} keepers[] = {
        { "conmon", "conmon\n", "0::/system.slice/web.service\n", "web.service", AIU_MANAGER_SYSTEMD },
        { "conmon", "conmon\n", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n",
          "web.service", AIU_MANAGER_SYSTEMD_USER },
        { "conmon", "conmon\n", "0::/machine.slice/libpod-conmon-" ID ".scope\n", NULL, 0 },
        { "conmon", "conmon\n", "0::/system.slice/podman.service\n", NULL, 0 },
        { "conmon", "conmon\n", "0::/user.slice/user-1000.slice/session-3.scope\n", NULL, 0 },
        { "conmon", "sh\n", "0::/system.slice/web.service\n", NULL, 0 }, /* the number is another's */
        { "conmon", "conmon2\n", "0::/system.slice/web.service\n", NULL, 0 },
        { "conmon", "conmOn\n", "0::/system.slice/web.service\n", NULL, 0 },
        { "conmon", "conmon\n", "0::/user@1000.service\n", NULL, 0 },
        { "sh", "sh\n", "0::/system.slice/web.service\n", NULL, 0 },
        { "conmon", NULL, "0::/system.slice/web.service\n", NULL, 0 },
        { "conmon", "conmon\n", NULL, NULL, 0 },
        { NULL, "conmon\n", "0::/system.slice/web.service\n", NULL, 0 },
};

START_TEST(unit_of_a_container)
{
        const pid_t pids[] = { 30, PARENT, 1 };
        const char *const comms[] = { "init-of-it", keepers[_i].parent, "systemd" };
        struct aiu_process_fact process = {
                .size = sizeof(process),
                .pid = CHILD,
                .ancestor_pids = pids,
                .ancestor_comms = comms,
                .n_ancestors = 3,
        };
        struct aiu_request nowhere = { .size = sizeof(nowhere), .procfs = -1 };
        struct cgroup_owner owner;
        bool found;

        if (keepers[_i].cgroup)
                write_file("10/cgroup", keepers[_i].cgroup, strlen(keepers[_i].cgroup));
        if (keepers[_i].comm)
                write_file("10/comm", keepers[_i].comm, strlen(keepers[_i].comm));
        found = supervisor_find_container_unit(&request, &process, &owner);
        ck_assert_int_eq(found, keepers[_i].unit != NULL);
        if (found) {
                ck_assert_str_eq(owner.unit, keepers[_i].unit);
                ck_assert_int_eq(owner.kind, keepers[_i].kind);
        }
        ck_assert(!supervisor_find_container_unit(&nowhere, &process, &owner));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("supervisor");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, unit_of_a_container, 0, (int)ELEMENTSOF(keepers));
        tcase_add_test(tcase, names);
        tcase_add_test(tcase, by_working_directory);
        tcase_add_test(tcase, working_directory_out_of_reach);
        tcase_add_test(tcase, working_directory_too_long);
        tcase_add_test(tcase, names_too_long);
        tcase_add_test(tcase, nowhere_to_look);
        tcase_add_test(tcase, supervisord);
        tcase_add_test(tcase, supervisord_with_odd_names);
        tcase_add_test(tcase, pm2);
        tcase_add_test(tcase, names_of_more_than_one);
        tcase_add_test(tcase, word_of_processes);
        tcase_add_test(tcase, word_of_a_service_directory);
        tcase_add_test(tcase, word_of_a_users_directory);
        tcase_add_test(tcase, word_of_a_cgroup);
        tcase_add_test(tcase, word_of_two);
        tcase_add_test(tcase, master_that_holds_it_too);
        tcase_add_loop_test(tcase, port_helper, 0, (int)ELEMENTSOF(helpers));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
