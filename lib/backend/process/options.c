/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options: SO_REUSEADDR, SO_REUSEPORT and IPV6_V6ONLY of the sockets in the way, which neither netlink nor /proc
 * tells. The caller's own sockets are asked as they are; of another process' socket a descriptor is borrowed for an
 * instant with pidfd_getfd(2). Whatever descriptor is asked, its inode is compared first: a number may mean another
 * file by now.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "addrinuse-backend.h"
#include "backend/backends.h"
#include "util/caller.h"
#include "util/missing.h"
#include "util/sys.h"

/* One socket whose options are missing. */
struct wish {
        uint64_t inode;
        bool needed;
        bool known;
};

struct inquiry {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct wish *wishes; /* sorted by inode */
        size_t n_wishes;
        pid_t self;   /* the caller, as the holders are numbered; 0 = not among them */
        bool foreign; /* they are numbered as in another pid namespace */
        bool denied;
        int stop; /* why no other process can be asked; 0 = it can */
};

static int compare_wishes(const void *a, const void *b)
{
        uint64_t x = ((const struct wish *)a)->inode, y = ((const struct wish *)b)->inode;

        return (x > y) - (x < y);
}

static struct wish *find_wish(const struct inquiry *inquiry, uint64_t inode)
{
        struct wish key = { .inode = inode };

        return bsearch(&key, inquiry->wishes, inquiry->n_wishes, sizeof(key), compare_wishes);
}

static int collect_inodes(struct inquiry *inquiry)
{
        uint64_t inode;
        size_t n = 0;

        while (aiu_snapshot_get_wanted_inode(inquiry->snapshot, n, &inode))
                n++;
        if (n == 0)
                return 0;
        inquiry->wishes = calloc(n, sizeof(*inquiry->wishes));
        if (!inquiry->wishes)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                (void)aiu_snapshot_get_wanted_inode(inquiry->snapshot, i, &inquiry->wishes[i].inode);
        inquiry->n_wishes = n;
        qsort(inquiry->wishes, n, sizeof(*inquiry->wishes), compare_wishes);
        return 0;
}

/* The options decide nothing for AF_UNIX. */
static bool lacks_options(const struct aiu_socket_fact *fact)
{
        int family = fact->local->sa_family;

        if (family != AF_INET && family != AF_INET6)
                return false;
        return fact->reuseaddr == AIU_TRISTATE_UNKNOWN || fact->reuseport == AIU_TRISTATE_UNKNOWN ||
               (family == AF_INET6 && fact->v6only == AIU_TRISTATE_UNKNOWN);
}

static void mark_needed(struct inquiry *inquiry)
{
        struct aiu_socket_fact fact = { .size = sizeof(fact) };
        struct wish *wish;

        for (size_t i = 0; aiu_snapshot_get_socket(inquiry->snapshot, i, &fact); i++)
                if (lacks_options(&fact) && (wish = find_wish(inquiry, fact.inode)))
                        wish->needed = true;
}

static void find_self(struct inquiry *inquiry)
{
        struct aiu_process_fact fact = { .size = sizeof(fact) };

        /* pidfd_open() takes the caller's numbers. */
        inquiry->foreign = caller_pids_are_foreign(inquiry->request->procfs);
        if (!inquiry->foreign)
                inquiry->self = sys_getpid();
        /* Facts call the process "self" that makes the call, whose descriptors are not the caller's. */
        for (size_t i = 0; inquiry->request->pid == 0 && aiu_snapshot_get_process(inquiry->snapshot, i, &fact); i++)
                if (fact.is_self == AIU_TRISTATE_YES)
                        inquiry->self = fact.pid;
}

static enum aiu_tristate read_flag(int fd, int level, int option)
{
        int value;

        if (sys_getsockopt_int(fd, level, option, &value) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return value ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

/* Returns false if the descriptor is no longer that socket. */
static bool read_options(int fd, uint64_t inode, struct aiu_options_fact *ret)
{
        struct aiu_options_fact fact = { .size = sizeof(fact) };
        struct stat st;
        int family, protocol = 0;

        if (sys_fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || (uint64_t)st.st_ino != inode)
                return false;
        fact.reuseaddr = read_flag(fd, SOL_SOCKET, SO_REUSEADDR);
        fact.reuseport = read_flag(fd, SOL_SOCKET, SO_REUSEPORT);
        (void)sys_getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
        /* An MPTCP socket answers for itself, not for the TCP subflow that has the port:
         * bind() to an IPv6 address makes that one v6-only behind its back. */
        if (protocol != IPPROTO_MPTCP && sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN, &family) >= 0 &&
            family == AF_INET6)
                fact.v6only = read_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
        *ret = fact;
        return fact.reuseaddr != AIU_TRISTATE_UNKNOWN;
}

static int learn(struct inquiry *inquiry, struct wish *wish, int fd)
{
        struct aiu_options_fact fact;

        if (!read_options(fd, wish->inode, &fact))
                return 0;
        wish->known = true;
        return aiu_snapshot_add_options(inquiry->snapshot, wish->inode, &fact);
}

/* EPERM concerns one process, the others may be the caller's own; the rest
 * (ESRCH, EBADF: it is gone, or the descriptor is) is answered by the next holder. */
static int note_error(struct inquiry *inquiry, int r)
{
        if (r == -ENOSYS || r == -EMFILE || r == -ENFILE)
                inquiry->stop = -r;
        if (r == -EPERM || r == -EACCES)
                inquiry->denied = true;
        return r == -ENOMEM ? r : 0;
}

/* close() does nothing to the holder: sockets have no flush(), and the file
 * lives on with the holder's own reference. */
static int borrow(struct inquiry *inquiry, struct wish *wish, pid_t pid, int fd)
{
        int pidfd = sys_pidfd_open(pid);
        int theirs, r;

        if (pidfd < 0)
                return note_error(inquiry, pidfd);
        theirs = sys_pidfd_getfd(pidfd, fd);
        sys_close(pidfd);
        if (theirs < 0)
                return note_error(inquiry, theirs);
        r = learn(inquiry, wish, theirs);
        sys_close(theirs);
        return r;
}

static bool may_borrow(const struct inquiry *inquiry)
{
        return !inquiry->request->plain_calls_only && !inquiry->foreign && inquiry->stop == 0;
}

/* Once for the caller's own sockets, which cost nothing and need no time, then for the others'. */
static int ask_holders(struct inquiry *inquiry, bool own)
{
        uint64_t inode;
        struct wish *wish;
        pid_t pid;
        int fd, r;

        for (size_t i = 0; aiu_snapshot_get_holder(inquiry->snapshot, i, &inode, &pid, &fd); i++) {
                if (fd < 0 || (pid == inquiry->self) != own || (!own && !may_borrow(inquiry)))
                        continue;
                wish = find_wish(inquiry, inode);
                if (!wish || !wish->needed || wish->known)
                        continue;
                if (!own && aiu_request_time_left_usec(inquiry->request) == 0)
                        return -ETIME;
                r = own ? learn(inquiry, wish, fd) : borrow(inquiry, wish, pid, fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Sockets that have a holder: without one there is no process to ask. */
static size_t count_unknown(const struct inquiry *inquiry)
{
        uint64_t inode;
        struct wish *wish;
        size_t n = 0;

        for (size_t i = 0; aiu_snapshot_get_holder(inquiry->snapshot, i, &inode, NULL, NULL); i++) {
                wish = find_wish(inquiry, inode);
                if (wish && wish->needed && !wish->known) {
                        wish->known = true; /* counted */
                        n++;
                }
        }
        return n;
}

static void gap(struct inquiry *inquiry, enum aiu_gap_kind kind, int error, size_t n, const char *why)
{
        char text[320];

        (void)snprintf(text, sizeof(text),
                       "SO_REUSEADDR and SO_REUSEPORT of %zu socket%s of other processes could not be read: %s", n,
                       n == 1 ? "" : "s", why);
        (void)aiu_snapshot_add_gap(inquiry->snapshot, kind, error, text);
}

static void gap_denied(struct inquiry *inquiry, size_t n)
{
        char why[192];

        (void)snprintf(why, sizeof(why),
                       "run as %s [CAP_SYS_PTRACE, or the user of the process where kernel.yama.ptrace_scope is 0]",
                       caller_who_sees_all(inquiry->request->procfs));
        gap(inquiry, AIU_GAP_PERMISSION, EPERM, n, why);
}

static void add_gaps(struct inquiry *inquiry, int r, size_t n)
{
        if (r == -ETIME)
                gap(inquiry, AIU_GAP_DEADLINE, ETIME, n, "the deadline passed, allow more time");
        else if (inquiry->request->plain_calls_only)
                gap(inquiry, AIU_GAP_BACKEND, ENOTSUP, n,
                    "the caller is under a seccomp filter, which may not permit pidfd_getfd(2) "
                    "[AIU_CONTEXT_ALL_SYSCALLS]");
        else if (inquiry->foreign)
                gap(inquiry, AIU_GAP_NAMESPACE, ESRCH, n, "/proc shows the pids of another pid namespace");
        else if (inquiry->stop == ENOSYS)
                gap(inquiry, AIU_GAP_KERNEL_TOO_OLD, ENOSYS, n,
                    "pidfd_getfd(2) takes Linux 5.6 or later, and a sandbox that permits it");
        else if (inquiry->stop != 0)
                gap(inquiry, AIU_GAP_BACKEND, inquiry->stop, n, "no file descriptor was left");
        else if (inquiry->denied)
                gap_denied(inquiry, n);
        else
                gap(inquiry, AIU_GAP_RACE, ESRCH, n, "they were closed meanwhile");
}

static int ask(struct inquiry *inquiry)
{
        int r;

        mark_needed(inquiry);
        find_self(inquiry);
        r = ask_holders(inquiry, true);
        if (r == 0)
                r = ask_holders(inquiry, false);
        return r;
}

static int options(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct inquiry inquiry = { .request = request, .snapshot = snapshot };
        size_t unknown;
        int r;

        (void)userdata;
        r = collect_inodes(&inquiry);
        if (r < 0 || inquiry.n_wishes == 0)
                return r;
        r = ask(&inquiry);
        unknown = count_unknown(&inquiry);
        if (unknown > 0)
                add_gaps(&inquiry, r, unknown);
        free(inquiry.wishes);
        if (r < 0)
                return r;
        return unknown > 0 ? AIU_PARTIAL : AIU_COMPLETE;
}

const struct aiu_backend backend_options = {
        .size = sizeof(backend_options),
        .name = "options",
        .options = options,
};
