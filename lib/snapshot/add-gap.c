/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What backends could not see, and what they say while they look. */
#include <errno.h>
#include <string.h>

#include "snapshot/keep.h"
#include "snapshot/snapshot.h"
#include "util/macro.h"

static bool have_gap(const struct aiu_snapshot *s, enum aiu_gap_kind kind, int error, const char *text)
{
        for (size_t i = 0; i < s->n_gaps; i++) {
                const struct gap *g = &s->gaps[i];

                if (g->kind == kind && g->error == error && strcmp(g->text, text) == 0 &&
                    strcmp(g->backend ? g->backend : "", s->backend ? s->backend : "") == 0)
                        return true;
        }
        return false;
}

static int add_gap(struct aiu_snapshot *snapshot, enum aiu_gap_kind kind, int error, const char *text)
{
        struct gap gap = { .kind = kind, .error = error };
        int r;

        if (have_gap(snapshot, kind, error, text))
                return 0;
        r = SNAPSHOT_GROW(snapshot, gaps, SNAPSHOT_MAX_GAPS);
        if (r < 0)
                return r;
        if (keep_string(&gap.backend, snapshot->backend, 64) < 0 ||
            keep_string(&gap.text, text, SNAPSHOT_MAX_STRING) < 0) {
                gap_finish(&gap);
                return -ENOMEM;
        }
        snapshot->gaps[snapshot->n_gaps++] = gap;
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_gap(struct aiu_snapshot *snapshot, enum aiu_gap_kind kind, int error, const char *text)
{
        int r;

        if (!snapshot || !text)
                return -EINVAL;
        r = add_gap(snapshot, kind, error < 0 ? -error : error, text);
        if (r == -ENOMEM)
                snapshot->gap_lost = true;
        return r;
}

AIU_EXPORT void aiu_snapshot_progress(struct aiu_snapshot *snapshot, size_t done, size_t total)
{
        if (snapshot && snapshot->progress)
                snapshot->progress(snapshot->progress_userdata, done, total);
}

AIU_EXPORT void aiu_snapshot_log(struct aiu_snapshot *snapshot, enum aiu_log_level level, const char *message)
{
        if (snapshot && snapshot->log && message && level <= snapshot->log_max)
                snapshot->log(snapshot->log_userdata, level, message);
}

AIU_EXPORT void aiu_snapshot_add_unseen(struct aiu_snapshot *snapshot, size_t n_processes)
{
        if (snapshot)
                snapshot->n_unseen += n_processes;
}
