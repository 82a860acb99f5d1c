/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of the holders' users, from the context's hook: the library itself reads no user database. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/build.h"

#define MOST_USERS 16u /* the hook may ask a server far away */
#define MOST_BYTES 64u

static const char *find(const struct aiu_report *report, uid_t uid)
{
        for (size_t i = 0; i < report->n_users; i++)
                if (report->users[i].uid == uid)
                        return report->users[i].name;
        return NULL;
}

static int add(struct aiu_report *report, uid_t uid, aiu_user_name_fn hook, void *userdata)
{
        const char *name;

        if (uid == UID_UNKNOWN || report->n_users == MOST_USERS || find(report, uid))
                return 0;
        name = hook(userdata, uid);
        /* A user without a name is not asked about again. */
        report->users[report->n_users].name = strndup(name ? name : "", MOST_BYTES);
        if (!report->users[report->n_users].name)
                return -ENOMEM;
        report->users[report->n_users++].uid = uid;
        return 0;
}

static int name_holders(struct aiu_report *report, struct aiu_conflict *c, aiu_user_name_fn hook, void *userdata)
{
        for (size_t i = 0; i < c->n_holders; i++) {
                int r = add(report, c->holders[i].uid, hook, userdata);
                const char *name;

                if (r < 0)
                        return r;
                name = find(report, c->holders[i].uid);
                c->holders[i].user_name = name && *name ? name : NULL;
        }
        return 0;
}

int build_users(struct aiu_report *report, aiu_user_name_fn hook, void *userdata)
{
        int r = 0;

        if (!hook || report->n_conflicts == 0)
                return 0;
        report->users = calloc(MOST_USERS, sizeof(*report->users));
        if (!report->users)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < report->n_conflicts; i++)
                r = name_holders(report, &report->conflicts[i], hook, userdata);
        return r;
}
