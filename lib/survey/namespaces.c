/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network namespaces of a host, each once: the caller's own, those that ip-netns(8) has named, those of processes.
 * A namespace that only a thread, an open descriptor or a mount elsewhere keeps alive is not found.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "survey/survey.h"
#include "util/caller.h"
#include "util/dents.h"
#include "util/netns.h"
#include "util/sys.h"

#define NAMES "/run/netns" /* NETNS_RUN_DIR of ip-netns(8) */
#define PREFIX "net:["
#define INITIAL_PIDS "pid:[4026531836]" /* PROC_PID_INIT_INO, the same on each kernel */
#define MOST_NAMESPACES 512u
#define ENTRIES_PER_CLOCK 64u

struct walk {
        struct aiu_survey *survey;
        struct observation *o;
        size_t room;
        dev_t device;    /* of the file system of namespaces */
        bool by_process; /* a path below /proc means the same process to a command */
        bool too_many, late;
        bool saw_init;   /* pid 1 */
        size_t n_hidden; /* processes whose namespace is not shown */
        size_t n_lost;   /* namespaces that could not be opened */
        unsigned int n_looked;
};

static bool is_known(const struct aiu_survey *survey, uint64_t inode)
{
        for (size_t i = 0; i < survey->n_netns; i++)
                if (survey->netns[i].inode == inode)
                        return true;
        return false;
}

static int add(struct walk *walk, uint64_t inode, int fd, const char *path)
{
        struct aiu_survey *s = walk->survey;
        int r = snapshot_grow(&s->netns, sizeof(*s->netns), s->n_netns, &walk->room, MOST_NAMESPACES);

        walk->too_many = walk->too_many || r == -ENOBUFS;
        if (r < 0)
                return r == -ENOBUFS ? 0 : r;
        s->netns[s->n_netns] = (struct survey_netns){ .inode = inode, .fd = fd, .path = path ? strdup(path) : NULL };
        if (path && !s->netns[s->n_netns].path)
                return -ENOMEM;
        s->n_netns++;
        return 1;
}

/* What is opened counts: meanwhile another process may have the number. */
static int open_one(struct walk *walk, int directory, const char *file, const char *path)
{
        int fd = sys_openat(directory, file, O_RDONLY | O_NONBLOCK | O_NOCTTY), r = 0;
        struct stat st;

        if (fd < 0 && fd != -ENOENT && fd != -ESRCH)
                walk->n_lost++;
        if (fd < 0)
                return 0;
        if (sys_fstat(fd, &st) == 0 && st.st_dev == walk->device && !is_known(walk->survey, st.st_ino))
                r = add(walk, st.st_ino, fd, path);
        if (r <= 0)
                sys_close(fd);
        return r < 0 ? r : 0;
}

/* ------------------------------------------------------ where they are found */

/* Only what is a namespace is opened: to open a FIFO would wait. */
static int take_name(struct walk *walk, int directory, const char *name)
{
        char path[sizeof(NAMES) + NAME_MAX + 1];
        struct stat st;

        if (sys_fstatat(directory, name, &st, 0) < 0 || st.st_dev != walk->device || is_known(walk->survey, st.st_ino))
                return 0;
        (void)snprintf(path, sizeof(path), NAMES "/%s", name);
        return open_one(walk, directory, name, path);
}

static int take_process(struct walk *walk, int directory, const char *pid)
{
        char file[32], path[40], link[64];
        uint64_t inode;
        ssize_t n;

        (void)snprintf(file, sizeof(file), "%.16s/ns/net", pid);
        n = sys_readlinkat(directory, file, link, sizeof(link) - 1);
        if (n == -EACCES || n == -EPERM)
                walk->n_hidden++;
        if (n < 0)
                return 0;
        link[n] = '\0';
        if (strncmp(link, PREFIX, strlen(PREFIX)) != 0)
                return 0;
        inode = strtoull(link + strlen(PREFIX), NULL, 10);
        if (is_known(walk->survey, inode))
                return 0;
        (void)snprintf(path, sizeof(path), "/proc/%s", file);
        return open_one(walk, directory, file, walk->by_process ? path : NULL);
}

static int look_in(struct walk *walk, int fd, bool processes)
{
        _Alignas(struct dent) char buffer[4096];
        struct dents dents = DENTS(fd, buffer);
        const struct dent *dent;
        int r = 0;

        if (fd < 0)
                return 0;
        while (r == 0 && !walk->late && !walk->too_many &&
               (dent = processes ? dents_next_number(&dents) : dents_next(&dents))) {
                walk->late = ++walk->n_looked % ENTRIES_PER_CLOCK == 0 &&
                             aiu_request_time_left_usec(&walk->o->backend_request) == 0;
                walk->saw_init = walk->saw_init || (processes && strcmp(dent->name, "1") == 0);
                r = processes ? take_process(walk, fd, dent->name) : take_name(walk, fd, dent->name);
        }
        walk->n_lost += dents.error < 0;
        sys_close(fd);
        return r;
}

/* ------------------------------------------------------ what is missing */

static void tell_hidden(struct walk *walk)
{
        char text[256];

        if (walk->n_hidden == 0)
                return;
        (void)snprintf(text, sizeof(text),
                       "the network namespace of %zu process%s could not be seen: sockets that are only there are not "
                       "shown. Run as %s to see them [CAP_SYS_PTRACE]",
                       walk->n_hidden, walk->n_hidden == 1 ? "" : "es",
                       caller_who_sees_all(walk->o->backend_request.procfs));
        (void)aiu_snapshot_add_gap(&walk->o->snapshot, AIU_GAP_PERMISSION, EACCES, text);
}

/* A process that /proc does not list may be in a network namespace that no other is in. */
static void tell_unlisted(struct walk *walk)
{
        struct aiu_snapshot *s = &walk->o->snapshot;
        int procfs = walk->o->backend_request.procfs;
        char link[64], text[200];
        ssize_t n = sys_readlinkat(procfs, "self/ns/pid", link, sizeof(link) - 1);

        link[n > 0 ? n : 0] = '\0';
        if (strcmp(link, INITIAL_PIDS) != 0)
                (void)aiu_snapshot_add_gap(s, AIU_GAP_NAMESPACE, 0,
                                           "processes outside of this pid namespace cannot be seen: network namespaces "
                                           "that only such processes are in are not shown. Look from the host");
        if (walk->saw_init || walk->late || walk->too_many)
                return;
        (void)snprintf(text, sizeof(text),
                       "/proc is mounted with hidepid= and hides processes of other users: run as %s to see their "
                       "network namespaces",
                       caller_who_sees_all(procfs));
        (void)aiu_snapshot_add_gap(s, AIU_GAP_PERMISSION, EPERM, text);
}

static void tell_lost(struct walk *walk)
{
        struct aiu_snapshot *s = &walk->o->snapshot;

        if (walk->late)
                (void)aiu_snapshot_add_gap(s, AIU_GAP_DEADLINE, ETIME,
                                           "the deadline passed before all network namespaces were found");
        if (walk->too_many)
                (void)aiu_snapshot_add_gap(s, AIU_GAP_TRUNCATED, ENOBUFS,
                                           "there are more network namespaces than a survey can hold: the sockets of "
                                           "the rest are not shown");
        if (walk->n_lost > 0)
                (void)aiu_snapshot_add_gap(s, AIU_GAP_NAMESPACE, EMFILE,
                                           "not every network namespace could be opened: the sockets of the rest are "
                                           "not shown");
}

/* ------------------------------------------------------ all of them */

static int find_all(struct walk *walk)
{
        int procfs = walk->o->backend_request.procfs, r;

        r = look_in(walk, sys_openat(AT_FDCWD, NAMES, O_RDONLY | O_DIRECTORY), false);
        if (r >= 0)
                r = look_in(walk, sys_openat(procfs, ".", O_RDONLY | O_DIRECTORY), true);
        tell_hidden(walk);
        tell_unlisted(walk);
        tell_lost(walk);
        return r;
}

int namespaces_find(struct aiu_survey *survey, struct observation *o, bool all)
{
        struct walk walk = { .survey = survey, .o = o, .by_process = o->own_procfs && !o->snapshot.host.foreign_pids };
        int procfs = o->backend_request.procfs, r;
        struct stat own = { 0 };
        bool known = procfs >= 0 && sys_fstatat(procfs, "thread-self/ns/net", &own, 0) == 0;

        r = add(&walk, known ? own.st_ino : 0, -1, NULL);
        if (r < 0 || !all)
                return r < 0 ? r : 0;
        walk.device = own.st_dev;
        if (known)
                return find_all(&walk);
        return aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_NAMESPACE, ENOENT,
                                    "without /proc no other network namespace can be found");
}

static int tell_refused(struct observation *there, int error)
{
        const struct aiu_request *request = &there->backend_request;
        char text[200];

        if (request->plain_calls_only)
                return aiu_snapshot_add_gap(&there->snapshot, AIU_GAP_NAMESPACE, error,
                                            "this process has a seccomp filter and enters no other network namespace: "
                                            "their sockets are not shown");
        if (error != -EPERM)
                return aiu_snapshot_add_gap(&there->snapshot, AIU_GAP_NAMESPACE, error,
                                            "not every network namespace could be entered: the sockets of the rest are "
                                            "not shown");
        (void)snprintf(text, sizeof(text),
                       "not every network namespace could be entered: the sockets of the rest are not shown. Run as %s "
                       "to see them [CAP_SYS_ADMIN]",
                       caller_who_sees_all(request->procfs));
        return aiu_snapshot_add_gap(&there->snapshot, AIU_GAP_NAMESPACE, error, text);
}

int namespaces_visit(struct aiu_survey *survey, struct observation *there, size_t i, int (*look)(struct observation *))
{
        struct survey_netns *ns = &survey->netns[i];
        int home, r, back;

        r = there->backend_request.plain_calls_only ? -EPERM
                                                    : netns_enter(there->backend_request.procfs, ns->fd, &home);
        if (r < 0) {
                ns->fd = sys_close(ns->fd);
                ns->refused = true;
                back = tell_refused(there, r);
                return back == -ENOMEM ? back : AIU_PARTIAL;
        }
        r = look(there);
        back = netns_leave(home);
        return back < 0 ? back : r;
}

/* Descriptors and facts about hosts are needed while the survey is made. */
void namespaces_close(struct aiu_survey *survey)
{
        for (size_t i = 0; i < survey->n_netns; i++) {
                struct survey_netns *ns = &survey->netns[i];

                ns->range_first = ns->host.port_range_first;
                ns->range_last = ns->host.port_range_last;
                free(ns->host.reserved_ports);
                ns->host = (struct host){ 0 };
                ns->fd = sys_close(ns->fd);
        }
}

/* ------------------------------------------------------ words */

void survey_put_netns(struct strbuf *out, const struct aiu_survey *survey, size_t i)
{
        const char *path = survey->netns[i].path;

        if (path && strncmp(path, NAMES "/", sizeof(NAMES)) == 0)
                survey_put_name(out, path + sizeof(NAMES));
        else
                strbuf_printf(out, "%llu", (unsigned long long)survey->netns[i].inode);
}
