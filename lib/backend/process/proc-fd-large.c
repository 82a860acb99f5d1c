/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Large descriptor tables of other users, which are looked at last. A user fills a table with dup(2) for nothing
 * (fs.file-max does not count it), and each descriptor costs the asker time. The size of /proc/PID/fd is the number
 * of descriptors since Linux 6.2 (proc_fd_getattr()); before, no table is known to be large.
 *
 * The order is fair: a table is due after as many descriptors as its user's smaller tables have, so that no user
 * waits for all tables of another. Once each wanted socket has a holder, what exceeds the allowances is left out, and
 * the report says so. A table that has the socket under the number of a known holder is never left out: the workers
 * of a server look like that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backend/process/proc-fd.h"
#include "util/sys.h"

#define LARGE_TABLE 4096u
/* Descriptors in large tables: of one user, and of all. The latter is a third of a second. */
#define USER_ALLOWANCE 32768u
#define ALLOWANCE (4 * USER_ALLOWANCE)

/* A process that cannot be dumped is root's in /proc: its status knows better. */
static uid_t uid_of(struct scan *scan, pid_t pid, const struct stat *st)
{
        struct proc_status status;
        char name[24];

        if (st->st_uid != 0)
                return st->st_uid;
        (void)snprintf(name, sizeof(name), "%d/status", (int)pid);
        if (sys_read_file(scan->procfs, name, scan->reader.text, sizeof(scan->reader.text)) <= 0 ||
            proc_parse_status(scan->reader.text, &status) < 0)
                return 0;
        return status.euid;
}

static int push(struct scan_large *large, const struct scan_table_size *table)
{
        if (large->n == large->room) {
                size_t room = large->room ? large->room * 2 : 16;
                struct scan_table_size *more = realloc(large->tables, room * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                large->tables = more;
                large->room = room;
        }
        large->tables[large->n++] = *table;
        return 0;
}

int scan_put_off(struct scan *scan, pid_t pid, int table)
{
        struct scan_table_size size = { .pid = pid };
        struct stat st;
        int r;

        if (scan->large.begun || sys_fstat(table, &st) < 0 || st.st_size <= LARGE_TABLE)
                return 0;
        size.n_fds = (uint64_t)st.st_size;
        size.uid = uid_of(scan, pid, &st);
        if (size.uid == 0 || size.uid == sys_geteuid())
                return 0;
        r = push(&scan->large, &size);
        return r < 0 ? r : 1;
}

static int by_user(const void *a, const void *b)
{
        const struct scan_table_size *x = a, *y = b;

        if (x->uid != y->uid)
                return x->uid > y->uid ? 1 : -1;
        if (x->n_fds != y->n_fds)
                return x->n_fds > y->n_fds ? 1 : -1;
        return (x->pid > y->pid) - (x->pid < y->pid);
}

static int by_due(const void *a, const void *b)
{
        const struct scan_table_size *x = a, *y = b;

        if (x->due != y->due)
                return x->due > y->due ? 1 : -1;
        return by_user(a, b);
}

static void sort(struct scan_large *large)
{
        uint64_t due = 0;

        qsort(large->tables, large->n, sizeof(*large->tables), by_user);
        for (size_t i = 0; i < large->n; i++) {
                if (i > 0 && large->tables[i].uid != large->tables[i - 1].uid)
                        due = 0;
                due += large->tables[i].n_fds;
                large->tables[i].due = due;
        }
        qsort(large->tables, large->n, sizeof(*large->tables), by_due);
}

/* Those that have the socket under the same number as a holder. The others stay in the list. */
static int scan_likely(struct scan *scan)
{
        struct scan_large *large = &scan->large;
        size_t left = 0;
        int r = 0;

        for (size_t i = 0; i < large->n; i++) {
                if (r == 0 && scan_expired(scan))
                        r = SCAN_STOP;
                if (r == 0 && scan_has_number(scan, large->tables[i].pid))
                        r = scan_process(scan, large->tables[i].pid);
                else
                        large->tables[left++] = large->tables[i];
        }
        large->n = left;
        return r;
}

static bool is_too_much(const struct scan *scan, const struct scan_table_size *table, uint64_t spent)
{
        return aiu_snapshot_all_held(scan->snapshot) &&
               (table->due > USER_ALLOWANCE || spent + table->n_fds > ALLOWANCE);
}

static void leave_out(struct scan *scan, const struct scan_table_size *table)
{
        scan->left_out.n++;
        scan->n_fds_left_out += table->n_fds;
        scan_note_uid(&scan->left_out, table->uid);
}

int scan_large(struct scan *scan)
{
        struct scan_large *large = &scan->large;
        uint64_t spent = 0;
        int r;

        if (large->n == 0)
                return 0;
        large->begun = true;
        r = scan_likely(scan);
        sort(large);
        for (size_t i = 0; i < large->n && r == 0; i++) {
                if (is_too_much(scan, &large->tables[i], spent)) {
                        leave_out(scan, &large->tables[i]);
                        continue;
                }
                spent += large->tables[i].n_fds;
                r = scan_process(scan, large->tables[i].pid);
        }
        return r;
}
