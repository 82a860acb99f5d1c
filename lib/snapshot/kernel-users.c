/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "Something in the kernel has this socket": where backends put that, and what follows for what an earlier search has
 * said. The other holders are in holders.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/fact.h"
#include "util/macro.h"
#include "snapshot/snapshot.h"

static int copy_command(char ***ret_command, const char *const *command)
{
        char **copy;
        size_t n = 0;

        if (!command)
                return 0;
        while (n < SNAPSHOT_MAX_COMMAND && command[n])
                n++;
        /* A part of a command is another command. */
        if (n == 0 || command[n])
                return -EINVAL;
        copy = calloc(n + 1, sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        *ret_command = copy;
        for (size_t i = 0; i < n; i++) {
                copy[i] = strdup(command[i]);
                if (!copy[i])
                        return -ENOMEM;
        }
        return 0;
}

static int fill(struct kernel_user *to, uint64_t inode, const struct aiu_kernel_user_fact *f)
{
        *to = (struct kernel_user){ .inode = inode, .command_suffices = f->command_suffices };
        to->service = strndup(f->service, 64);
        if (!to->service)
                return -ENOMEM;
        if (f->name) {
                to->name = strndup(f->name, SNAPSHOT_MAX_STRING);
                if (!to->name)
                        return -ENOMEM;
        }
        return copy_command(&to->command, f->command);
}

static bool same_string(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_known(const struct aiu_snapshot *s, uint64_t inode, const struct aiu_kernel_user_fact *f)
{
        for (size_t i = 0; i < s->n_kernel_users; i++)
                if (s->kernel_users[i].inode == inode && same_string(s->kernel_users[i].service, f->service) &&
                    same_string(s->kernel_users[i].name, f->name))
                        return true;
        return false;
}

AIU_EXPORT int aiu_snapshot_add_kernel_user(struct aiu_snapshot *snapshot, uint64_t inode,
                                            const struct aiu_kernel_user_fact *fact)
{
        struct aiu_kernel_user_fact f;
        struct kernel_user *user;
        int r;

        r = snapshot && inode != 0 ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        if (!f.service || !f.service[0])
                return -EINVAL;
        if (is_known(snapshot, inode, &f))
                return 0;
        r = SNAPSHOT_GROW(snapshot, kernel_users, SNAPSHOT_MAX_KERNEL_USERS);
        if (r == -ENOBUFS)
                return snapshot_truncated(snapshot, &snapshot->holders_truncated,
                                          "more devices of the kernel have these sockets than one report keeps: "
                                          "the rest are not shown");
        if (r < 0)
                return r;
        user = &snapshot->kernel_users[snapshot->n_kernel_users];
        r = fill(user, inode, &f);
        if (r < 0) {
                kernel_user_finish(user);
                return r;
        }
        snapshot->n_kernel_users++;
        return 0;
}

static bool has_user(const struct aiu_snapshot *s, uint64_t inode)
{
        for (size_t i = 0; i < s->n_kernel_users; i++)
                if (s->kernel_users[i].inode == inode)
                        return true;
        return false;
}

bool snapshot_all_in_kernel(const struct aiu_snapshot *snapshot)
{
        for (size_t i = 0; i < snapshot->n_wanted; i++)
                if (!has_user(snapshot, snapshot->wanted[i]))
                        return false;
        return snapshot->n_wanted > 0;
}

void snapshot_drop_commands(struct aiu_snapshot *snapshot, const char *but)
{
        for (size_t i = 0; i < snapshot->n_kernel_users; i++) {
                struct kernel_user *user = &snapshot->kernel_users[i];

                if (but && user->command && strcmp(user->command[0], but) == 0)
                        continue;
                for (size_t k = 0; user->command && user->command[k]; k++)
                        free(user->command[k]);
                free(user->command);
                user->command = NULL;
        }
}

/* ESRCH of a race is a process that has gone. */
static bool is_unheld(const struct gap *gap)
{
        return gap->error == ESRCH && gap->kind != AIU_GAP_RACE;
}

void snapshot_drop_unheld(struct aiu_snapshot *snapshot, size_t first, size_t last)
{
        size_t kept = first;

        for (size_t i = first; i < snapshot->n_gaps; i++)
                if (i < last && is_unheld(&snapshot->gaps[i]))
                        gap_finish(&snapshot->gaps[i]);
                else
                        snapshot->gaps[kept++] = snapshot->gaps[i];
        snapshot->n_gaps = kept;
}
