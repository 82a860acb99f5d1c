/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespaces of the test's own: network (small hash tables, so that a dump of
 * all its sockets takes microseconds), pid and mount (a /proc with our own
 * processes alone, no bus and no daemon of the host in /run). user_namespaces(7),
 * network_namespaces(7).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live.h"

static _Noreturn void skip(const char *what, int error)
{
        printf("SKIP: %s: %s\n", what, strerror(error));
        fflush(stdout);
        _exit(LIVE_SKIP);
}

static void write_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return;
        if (write(fd, text, strlen(text)) < 0)
                skip(path, errno);
        close(fd);
}

/* An ordinary user becomes root of a user namespace: one uid, but CAP_NET_ADMIN. */
static void enter_user_namespace(void)
{
        char map[64];
        uid_t uid = geteuid();
        gid_t gid = getegid();

        if (unshare(CLONE_NEWUSER) < 0)
                skip("user namespaces", errno);
        write_file("/proc/self/setgroups", "deny");
        snprintf(map, sizeof(map), "0 %u 1", uid);
        write_file("/proc/self/uid_map", map);
        snprintf(map, sizeof(map), "0 %u 1", gid);
        write_file("/proc/self/gid_map", map);
}

/*
 * tcp_child_ehash_entries and udp_child_hash_entries are read when a namespace
 * is made (6.1 and 6.2): make one only to set them for the next.
 */
static void enter_net_namespace(void)
{
        if (unshare(CLONE_NEWNET) < 0)
                skip("network namespaces", errno);
        if (live_write_sysctl("net/ipv4/tcp_child_ehash_entries", "256") < 0)
                return;
        (void)live_write_sysctl("net/ipv4/udp_child_hash_entries", "1024");
        if (unshare(CLONE_NEWNET) < 0)
                skip("network namespaces", errno);
}

/* The status of the isolated process becomes ours; signals that end us end it too (PR_SET_PDEATHSIG). */
static _Noreturn void wait_for(pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) != pid)
                if (errno != EINTR)
                        live_die("waitpid", errno);
        if (WIFSIGNALED(status)) {
                printf("the isolated process was ended by signal %d\n", WTERMSIG(status));
                fflush(stdout);
                _exit(1);
        }
        _exit(WEXITSTATUS(status));
}

static void fork_inside(void)
{
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid < 0)
                live_die("fork", errno);
        if (pid > 0)
                wait_for(pid);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Pid 1 of the new namespace only reaps: nothing that is tested should be an "init". */
static void become_second(void)
{
        pid_t pid, one;
        int status;

        fflush(stdout);
        pid = fork();
        if (pid < 0)
                live_die("fork", errno);
        if (pid == 0)
                return;
        while ((one = waitpid(-1, &status, 0)) != pid)
                if (one < 0 && errno != EINTR)
                        live_die("waitpid", errno);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void mount_own(struct live *live)
{
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
                live->own_pids = false;
                return;
        }
        if (live->own_pids && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                live->own_pids = false;
        live->run = mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0;
        if (live->run)
                live_make_kinds();
}

static void set_up_network(struct live *live)
{
        char range[32];
        int r;

        (void)live_write_sysctl("net/ipv6/conf/default/addr_gen_mode", "1");
        (void)live_write_sysctl("net/ipv6/conf/default/accept_dad", "0");
        snprintf(range, sizeof(range), "%d %d", LIVE_RANGE_FIRST, LIVE_RANGE_LAST);
        (void)live_write_sysctl("net/ipv4/ip_local_port_range", range);
        r = live_link_up("lo");
        if (r < 0)
                skip("lo", -r);
        if (live_add_pair(LIVE_DEVICE_A, LIVE_DEVICE_B) < 0) {
                printf("# no veth and no dummy devices here: devices are left out\n");
                return;
        }
        live->device_a = if_nametoindex(LIVE_DEVICE_A);
        live->device_b = if_nametoindex(LIVE_DEVICE_B);
        live->devices = live_link_up(LIVE_DEVICE_A) == 0 && live_link_up(LIVE_DEVICE_B) == 0 &&
                        live_add_address(live->device_a, AF_INET, "10.99.0.1", 24) == 0;
        /* Without IPv6 these fail, and so does every bind to them: the kernel says what is right. */
        (void)live_add_address(live->device_a, AF_INET6, "fd00:99::1", 64);
        (void)live_add_address(live->device_a, AF_INET6, "fe80::1", 64);
}

void live_isolate(struct live *ret)
{
        struct live live = { .root = geteuid() == 0, .own_pids = true, .lifeline = { -1, -1 } };

        for (int i = 0; i < WHO_COUNT; i++)
                live.holders[i].control = -1;
        if (!live.root)
                enter_user_namespace();
        if (unshare(CLONE_NEWPID) < 0)
                live.own_pids = false;
        fork_inside();
        enter_net_namespace();
        mount_own(&live);
        if (!live.own_pids)
                printf("# no pid namespace and /proc of its own\n");
        set_up_network(&live);
        become_second();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (live.root && setgroups(0, NULL) < 0)
                live.root = false;
        *ret = live;
}
