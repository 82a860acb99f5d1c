/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The facts of one process: see proc-pid.h. proc-fd.c asks for those of the holders. */
#include "backend/process/proc-pid.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/sys.h"

/* include/linux/sched.h; not in the uapi headers, yet field 9 of stat shows them. */
#define PF_EXITING 0x00000004u
#define PF_KTHREAD 0x00200000u

static const char deleted_mark[] = " (deleted)";

/* A link's text, NUL-terminated; NULL = not to be read. */
static const char *read_link(int directory, const char *name, char *buffer, size_t bytes)
{
        ssize_t n = sys_readlinkat(directory, name, buffer, bytes - 1);

        if (n <= 0)
                return NULL;
        buffer[n] = '\0';
        return buffer;
}

/* d_path() adds the mark when the file has lost its name. A file whose name
 * really ends like that is not told apart: a look at it might wait for its file
 * system. */
static bool cut_deleted_mark(char *path)
{
        size_t n = strlen(path), mark = sizeof(deleted_mark) - 1;

        if (n <= mark || memcmp(path + n - mark, deleted_mark, mark) != 0)
                return false;
        path[n - mark] = '\0';
        return true;
}

static int read_stat(struct proc_reader *reader, int directory, const char *name, struct proc_stat *ret)
{
        ssize_t n = sys_read_file(directory, name, reader->text, sizeof(reader->text));

        return n < 0 ? (int)n : proc_parse_stat(reader->text, (size_t)n, ret);
}

static int read_stat_of(struct proc_reader *reader, pid_t pid, struct proc_stat *ret)
{
        char name[32];

        (void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
        return read_stat(reader, reader->procfs, name, ret);
}

static bool is_corpse(const struct proc_stat *stat)
{
        /* A leader that ended before its threads is a corpse only by name. */
        return stat->n_threads <= 1 && (stat->state == 'Z' || stat->state == 'X');
}

bool proc_reader_holds_nothing(struct proc_reader *reader, pid_t pid)
{
        struct proc_stat stat;

        return read_stat_of(reader, pid, &stat) == 0 && ((stat.flags & PF_KTHREAD) || is_corpse(&stat));
}

/* Forked servers have their parents in common: read each once. */
const struct proc_stat *proc_reader_find_kin(struct proc_reader *reader, pid_t pid)
{
        struct proc_kin *kin = &reader->kin[(unsigned int)pid % PROC_KIN_CACHE];

        if (kin->pid == pid)
                return &kin->stat;
        kin->pid = 0;
        if (read_stat_of(reader, pid, &kin->stat) < 0)
                return NULL;
        kin->pid = pid;
        return &kin->stat;
}

/* The chain of parents. A parent that started after its child is no parent but
 * has got a dead one's number: there the chain ends. */
static size_t find_ancestors(struct proc_reader *reader, const struct proc_stat *child)
{
        uint64_t start = child->start_ticks;
        pid_t pid = child->ppid;
        size_t n = 0;

        while (pid > 0 && n < PROC_MAX_ANCESTORS) {
                const struct proc_stat *stat = proc_reader_find_kin(reader, pid);

                if (!stat || stat->start_ticks > start)
                        break;
                reader->ancestor_pids[n] = pid;
                memcpy(reader->ancestor_comm[n], stat->comm, sizeof(stat->comm));
                reader->ancestor_comms[n] = reader->ancestor_comm[n];
                n++;
                start = stat->start_ticks;
                pid = stat->ppid == pid ? 0 : stat->ppid;
        }
        return n;
}

static bool is_gone(const struct proc_reader *reader, pid_t pid)
{
        char name[16];
        struct stat st;

        /* 0: the leader is in another pid namespace; nothing is known then. */
        if (pid <= 0)
                return false;
        (void)snprintf(name, sizeof(name), "%d", (int)pid);
        return sys_fstatat(reader->procfs, name, &st, 0) == -ENOENT;
}

/*
 * Did the parent that forked it exit? A guess from three signs. Its parent now is one that adopts orphans: pid 1, or
 * a user's service manager (a subreaper, known by its name). It is in no service, because services are children of
 * such a manager. And the program that started it is gone: it is in a scope (the manager never forks the processes of
 * a scope), or the leader of its session or process group is dead.
 */
static bool is_orphan(const struct proc_reader *reader, const struct proc_stat *stat, pid_t pid, size_t n_ancestors)
{
        enum proc_unit unit = proc_parse_unit(reader->cgroup);
        bool adopted = stat->ppid == 1 || (n_ancestors > 1 && strcmp(reader->ancestor_comm[0], "systemd") == 0);

        if (!adopted || pid == 1 || unit == PROC_UNIT_SERVICE)
                return false;
        /* The user's manager itself lives in init.scope below its service. */
        if (unit == PROC_UNIT_SCOPE && !strstr(reader->cgroup, "/init.scope"))
                return true;
        return is_gone(reader, stat->session) || is_gone(reader, stat->pgrp);
}

static bool has_signal(uint64_t mask, int number)
{
        return (mask >> (number - 1)) & 1u;
}

/* On its way out: in do_exit() or past it, or asleep for a disk with SIGKILL waiting. */
static bool is_dying(const struct proc_stat *stat, const struct proc_status *status)
{
        if (is_corpse(stat) || (stat->n_threads <= 1 && (stat->flags & PF_EXITING)))
                return true;
        return stat->state == 'D' && status->has_signals && has_signal(status->pending, SIGKILL);
}

static bool same_file_as_self(const struct proc_reader *reader, int directory)
{
        struct stat st;

        return sys_fstatat(directory, "exe", &st, 0) >= 0 && (uint64_t)st.st_ino == reader->self_exe_inode &&
               (uint64_t)st.st_dev == reader->self_exe_device;
}

/* Does it run the same file as the caller? fstatat() may wait for a file system
 * far away, so the file is looked at only where it is likely the caller's. */
static bool is_same_program(const struct proc_reader *reader, int directory, const char *exe)
{
        uint64_t inode;
        uint32_t mode;
        bool likely;

        if (reader->self_exe_inode == 0)
                return false;
        if (!reader->plain_calls_only && sys_statx_inode(directory, "exe", &inode, &mode) >= 0)
                likely = inode == reader->self_exe_inode;
        else
                likely = exe && strcmp(exe, reader->self_exe) == 0;
        return likely && same_file_as_self(reader, directory);
}

static void read_self_exe(struct proc_reader *reader)
{
        int directory = reader->asker > 0 ? reader->asker_directory : reader->procfs;
        const char *path = reader->asker > 0 ? "exe" : "self/exe";
        struct stat st;

        if (!read_link(directory, path, reader->self_exe, sizeof(reader->self_exe)) ||
            sys_fstatat(directory, path, &st, 0) < 0)
                return;
        (void)cut_deleted_mark(reader->self_exe);
        reader->self_exe_inode = (uint64_t)st.st_ino;
        reader->self_exe_device = (uint64_t)st.st_dev;
}

/* Cheap: nothing that only a holder's facts need is read yet. */
void proc_reader_init(struct proc_reader *reader, int procfs, const struct aiu_request *request)
{
        long ticks = sysconf(_SC_CLK_TCK);
        char self[16];
        int pid;

        reader->procfs = procfs;
        reader->plain_calls_only = request->plain_calls_only;
        reader->ticks_per_second = ticks > 0 ? (uint64_t)ticks : 100;
        /* Not getpid(): this /proc may belong to another pid namespace. */
        if (read_link(procfs, "self", self, sizeof(self)) && proc_parse_id(self, &pid))
                reader->caller = reader->self = pid;
        if (request->pid > 0) {
                reader->asker = reader->self = request->pid;
                reader->asker_directory = request->process;
        }
}

/*
 * Elsewhere than in the first user namespace all uids without a name there are the same one
 * (/proc/sys/kernel/overflowuid), and two of them cannot be told apart.
 */
static void read_own_map(struct proc_reader *reader)
{
        char map[256];

        reader->sees_all_uids =
                sys_read_file(reader->procfs, "self/uid_map", map, sizeof(map)) > 0 && proc_parse_is_whole_map(map);
}

/* Pid 1 is the ancestor of all: to say so would tell nothing. */
static void add_own_ancestors(struct proc_reader *reader, const struct proc_stat *of)
{
        struct proc_stat stat = *of; /* the search for parents uses the cache that it may be in */
        size_t n = find_ancestors(reader, &stat);

        for (size_t i = 0; i < n && reader->ancestor_pids[i] > 1; i++)
                reader->own_ancestors[reader->n_own_ancestors++] = reader->ancestor_pids[i];
}

/* A question on behalf of another process must not end the asking process: its ancestors count as well. */
static void find_own_ancestors(struct proc_reader *reader)
{
        const struct proc_stat *own = reader->caller > 0 ? proc_reader_find_kin(reader, reader->caller) : NULL;
        struct proc_stat asker;

        if (own)
                add_own_ancestors(reader, own);
        if (reader->asker == 0)
                return;
        if (reader->caller > 0)
                reader->own_ancestors[reader->n_own_ancestors++] = reader->caller;
        if (read_stat(reader, reader->asker_directory, "stat", &asker) < 0) {
                reader->self = 0; /* it has ended, and another process may have its number */
                return;
        }
        reader->asker_start = asker.start_ticks;
        add_own_ancestors(reader, &asker);
}

/* A number is reused: the same process has the same start time. */
static bool is_self(const struct proc_reader *reader, pid_t pid, const struct proc_stat *stat)
{
        return pid == reader->self && (reader->asker == 0 || stat->start_ticks == reader->asker_start);
}

static bool is_own_ancestor(const struct proc_reader *reader, pid_t pid)
{
        for (size_t i = 0; i < reader->n_own_ancestors; i++)
                if (reader->own_ancestors[i] == pid)
                        return true;
        return false;
}

/* What the facts of every holder need, at the first of them. */
static void prepare(struct proc_reader *reader)
{
        if (reader->boot_usec != 0)
                return;
        reader->boot_usec = sys_boot_usec();
        read_own_map(reader);
        if (reader->self <= 0)
                return;
        read_self_exe(reader);
        find_own_ancestors(reader);
}

static uint64_t start_time(const struct proc_reader *reader, uint64_t ticks)
{
        uint64_t hertz = reader->ticks_per_second;

        /* In two steps: years of uptime in microseconds times 100 would not fit. */
        return reader->boot_usec + ticks / hertz * 1000000u + ticks % hertz * 1000000u / hertz;
}

static void put_stat(struct proc_reader *reader, const struct proc_stat *stat, struct aiu_process_fact *fact)
{
        fact->ppid = stat->ppid;
        fact->session = stat->session;
        fact->comm = stat->comm;
        fact->start_time_usec = start_time(reader, stat->start_ticks);
        fact->n_ancestors = find_ancestors(reader, stat);
        fact->ancestor_pids = reader->ancestor_pids;
        fact->ancestor_comms = reader->ancestor_comms;
        fact->parent_returns = proc_reader_parent_returns(reader, stat);
        if (stat->state == 'T' || stat->state == 't')
                fact->flags |= AIU_HOLDER_STOPPED;
        if (is_orphan(reader, stat, fact->pid, fact->n_ancestors))
                fact->flags |= AIU_HOLDER_ORPHAN;
        if (is_own_ancestor(reader, fact->pid))
                fact->flags |= AIU_HOLDER_ANCESTOR;
}

static void put_uids(const struct proc_reader *reader, int directory, const struct proc_status *status,
                     struct aiu_process_fact *fact)
{
        char map[512];

        if (!reader->sees_all_uids || sys_read_file(directory, "uid_map", map, sizeof(map)) <= 0 ||
            !proc_parse_root_uid(map, &fact->root_uid))
                return;
        memcpy(fact->uids, status->uids, sizeof(fact->uids));
        fact->n_uids = 4;
}

/* Process 1 of a pid namespace does not get what it neither handles nor blocks: sig_task_ignored(). */
static bool ignores_sigterm(const struct proc_status *status)
{
        return has_signal(status->ignored, SIGTERM) ||
               (status->is_init && !has_signal(status->caught | status->blocked, SIGTERM));
}

static void read_status(struct proc_reader *reader, int directory, const struct proc_stat *stat,
                        struct aiu_process_fact *fact)
{
        struct proc_status status = { .euid = (uid_t)-1 };

        /* With very many supplementary groups the signals are beyond the buffer. */
        if (sys_read_file(directory, "status", reader->text, sizeof(reader->text)) > 0)
                (void)proc_parse_status(reader->text, &status);
        fact->uid = status.euid;
        if (status.has_uids)
                put_uids(reader, directory, &status, fact);
        if (status.has_signals) {
                fact->sigterm_ignored = ignores_sigterm(&status) ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
                fact->sigterm_caught =
                        has_signal(status.caught | status.blocked, SIGTERM) ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        }
        if (is_dying(stat, &status))
                fact->flags |= AIU_HOLDER_DYING;
}

static void read_program(struct proc_reader *reader, int directory, const struct proc_stat *stat,
                         struct aiu_process_fact *fact)
{
        bool self = is_self(reader, fact->pid, stat);

        fact->exe = read_link(directory, "exe", reader->exe, sizeof(reader->exe));
        if (!fact->exe)
                reader->exe[0] = '\0';
        if (fact->exe && cut_deleted_mark(reader->exe))
                fact->flags |= AIU_HOLDER_DELETED_EXE;
        fact->cwd = read_link(directory, "cwd", reader->cwd, sizeof(reader->cwd));
        fact->is_self = self ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        if (!self && is_same_program(reader, directory, fact->exe))
                fact->flags |= AIU_HOLDER_SAME_PROGRAM;
}

/* The kernel reads the command line out of the process' memory and may wait for
 * a lock that a process in D state never gives back (access_remote_vm()). */
static void read_cmdline(struct proc_reader *reader, int directory, const struct proc_stat *stat,
                         struct aiu_process_fact *fact)
{
        ssize_t n;

        if (stat->state == 'D')
                return;
        n = sys_read_file(directory, "cmdline", reader->text, sizeof(reader->text));
        if (n > 0) {
                fact->cmdline = reader->text;
                fact->cmdline_bytes = (size_t)n;
        }
}

static const char *read_cgroup(struct proc_reader *reader, int directory)
{
        ssize_t n = sys_read_file(directory, "cgroup", reader->cgroup, sizeof(reader->cgroup));

        if (n < 0)
                reader->cgroup[0] = '\0';
        return n > 0 ? reader->cgroup : NULL;
}

static int add_one(struct proc_reader *reader, int directory, pid_t pid, struct proc_stat *ret_stat,
                   struct aiu_snapshot *snapshot)
{
        struct aiu_process_fact fact = { .size = sizeof(fact), .pid = pid };
        struct proc_stat stat = { .state = '?' };
        int r;

        prepare(reader);
        r = read_stat(reader, directory, "stat", &stat);
        if (r == -ENOENT || r == -ESRCH)
                return -ESRCH;
        *ret_stat = stat;

        fact.cgroup = read_cgroup(reader, directory);
        if (r >= 0)
                put_stat(reader, &stat, &fact);
        read_status(reader, directory, &stat, &fact);
        read_program(reader, directory, &stat, &fact);
        read_cmdline(reader, directory, &stat, &fact); /* last: it stays in reader->text */
        return aiu_snapshot_add_process(snapshot, &fact);
}

/* reader->exe: the child's. */
static bool runs_the_same(struct proc_reader *reader, pid_t pid)
{
        char name[32];

        (void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
        if (reader->exe[0] == '\0' || !read_link(reader->procfs, name, reader->cwd, sizeof(reader->cwd)))
                return false;
        (void)cut_deleted_mark(reader->cwd);
        return strcmp(reader->cwd, reader->exe) == 0;
}

/*
 * A parent that runs the same program in the same session may be the master without holding
 * the socket: the advice needs to know it. If it cannot be read, no gap is needed.
 */
static int add_master(struct proc_reader *reader, const struct proc_stat *child, struct aiu_snapshot *snapshot)
{
        const struct proc_stat *stat = child->ppid > 1 ? proc_reader_find_kin(reader, child->ppid) : NULL;
        struct proc_stat ignored;
        char name[16];
        int directory, r;

        if (!stat || child->ppid == reader->added_parent || stat->session != child->session ||
            stat->start_ticks > child->start_ticks || !runs_the_same(reader, child->ppid))
                return 0;
        reader->added_parent = child->ppid;
        (void)snprintf(name, sizeof(name), "%d", (int)child->ppid);
        directory = sys_openat(reader->procfs, name, O_PATH | O_DIRECTORY);
        if (directory < 0)
                return 0;
        r = add_one(reader, directory, child->ppid, &ignored, snapshot);
        sys_close(directory);
        return r == -ENOMEM ? r : 0;
}

int proc_reader_add(struct proc_reader *reader, int directory, pid_t pid, struct aiu_snapshot *snapshot)
{
        struct proc_stat stat = { .state = '?' };
        int r = add_one(reader, directory, pid, &stat, snapshot);

        return r < 0 ? r : add_master(reader, &stat, snapshot);
}
