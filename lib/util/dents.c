/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dents.h. */
#include "util/dents.h"

#include <errno.h>
#include <string.h>

#include "util/macro.h"
#include "util/sys.h"

#define NAME_AT offsetof(struct dent, name)

static bool refill(struct dents *dents)
{
        ssize_t n = sys_getdents(dents->fd, dents->buffer, dents->room);

        dents->at = 0;
        dents->n = n > 0 ? (size_t)n : 0;
        dents->error = n < 0 ? (int)n : 0;
        return n > 0;
}

/* Never false of a kernel, but a wrong length would be an endless loop. */
static const struct dent *take(struct dents *dents)
{
        const struct dent *dent = (const void *)(dents->buffer + dents->at);
        size_t left = dents->n - dents->at;

        if (left <= NAME_AT || dent->bytes <= NAME_AT || dent->bytes > left ||
            !memchr(dent->name, '\0', dent->bytes - NAME_AT)) {
                dents->error = -EBADMSG;
                dents->at = dents->n;
                return NULL;
        }
        dents->at += dent->bytes;
        return dent;
}

const struct dent *dents_next(struct dents *dents)
{
        const struct dent *dent;

        do {
                if (dents->error < 0 || (dents->at >= dents->n && !refill(dents)))
                        return NULL;
                dent = take(dents);
        } while (dent && dent->name[0] == '.');
        return dent;
}

const struct dent *dents_next_number(struct dents *dents)
{
        const struct dent *dent;

        do
                dent = dents_next(dents);
        while (dent && (dent->name[0] == '0' || !consists_of(dent->name, strlen(dent->name), "0123456789")));
        return dent;
}
