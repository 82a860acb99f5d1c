/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Phase holders: each descriptor of each process is compared with the files of the wanted sockets. The kernel counts
 * the references to a file. If as many descriptors were found, no process is missing.
 *
 * Numbers of processes are read in the pid namespace of the caller, which a /proc of another one does not have. What
 * was found is confirmed through /proc, so a process that has ended since blames no other.
 */
#include <errno.h>
#include <stdlib.h>

#include "bpf/module.h"
#include "util/caller.h"
#include "util/macro.h"

/* System calls in progress hold references for a moment. */
#define MOST_SCANS 3

struct wanted {
        uint64_t inode, file;
        uint32_t total, found; /* references */
};

struct search {
        struct wanted wanted[WIRE_WANTED];
        size_t n_wanted;
        struct wire_hit *hits;
        size_t n_hits;
        bool unknown; /* a wanted socket that no walk saw, or more than fit */
        bool cut;     /* a table could not be read as a whole */
};

static uint64_t known_file(const struct module *module, uint64_t inode)
{
        for (size_t i = 1; i <= module->n_known; i++) {
                const struct known *known = &module->known[(module->next_known + MOST_KNOWN - i) % MOST_KNOWN];

                if (known->inode == inode)
                        return known->file;
        }
        return 0;
}

static void collect_wanted(const struct module *module, const struct aiu_snapshot *snapshot, struct search *search)
{
        uint64_t inode;

        for (size_t i = 0; aiu_snapshot_get_wanted_inode(snapshot, i, &inode); i++) {
                uint64_t file = known_file(module, inode);

                if (file == 0 || search->n_wanted == WIRE_WANTED)
                        search->unknown = true;
                else
                        search->wanted[search->n_wanted++] = (struct wanted){ .inode = inode, .file = file };
        }
}

static struct wanted *find_wanted(struct search *search, uint64_t file)
{
        for (size_t i = 0; i < search->n_wanted; i++)
                if (search->wanted[i].file == file)
                        return &search->wanted[i];
        return NULL;
}

/* A file that is another socket's by now leaves the search. */
static void read_totals(struct module *module, struct search *search)
{
        const struct wire *wire = module->wire;

        for (uint32_t i = 0; i < wire->n_wanted; i++) {
                struct wanted *wanted = find_wanted(search, wire->wanted[i]);

                if (wanted && wire->inodes[i] == wanted->inode)
                        wanted->total = wire->references[i];
                else if (wanted) {
                        *wanted = search->wanted[--search->n_wanted];
                        search->unknown = true;
                }
        }
}

/* Processes may share a table, and the threads of a leader that has exited are seen one by one. */
static bool is_same_reference(const struct wire_hit *a, const struct wire_hit *b)
{
        return a->table == b->table && a->fd == b->fd && a->file == b->file;
}

static bool is_new_reference(const struct wire_hit *hits, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (is_same_reference(&hits[i], &hits[n]))
                        return false;
        return true;
}

static void count_found(const struct wire *wire, struct search *search)
{
        for (size_t i = 0; i < search->n_wanted; i++)
                search->wanted[i].found = 0;
        for (uint32_t i = 0; i < wire->n_hits; i++) {
                struct wanted *wanted = find_wanted(search, wire->hits[i].file);

                if (wanted && is_new_reference(wire->hits, i))
                        wanted->found++;
        }
}

static bool all_found(const struct search *search)
{
        for (size_t i = 0; i < search->n_wanted; i++)
                if (search->wanted[i].found != search->wanted[i].total)
                        return false;
        return true;
}

static int scan(struct module *module, struct search *search)
{
        struct wire *wire = module->wire;
        int r;

        wire->n_wanted = (uint32_t)search->n_wanted;
        for (size_t i = 0; i < search->n_wanted; i++)
                wire->wanted[i] = search->wanted[i].file;
        r = run_find_holders(module, 0);
        if (r < 0 && r != -ENOBUFS)
                return r;
        search->cut = r == -ENOBUFS;
        r = run_read_files(module);
        if (r < 0)
                return r;
        read_totals(module, search);
        count_found(wire, search);
        return 0;
}

static int keep_hits(const struct wire *wire, struct search *search)
{
        search->hits = calloc(wire->n_hits + 1u, sizeof(*search->hits));
        if (!search->hits)
                return -ENOMEM;
        search->n_hits = wire->n_hits;
        for (size_t i = 0; i < search->n_hits; i++)
                search->hits[i] = wire->hits[i];
        return 0;
}

static int run_search(struct module *module, const struct aiu_request *request, struct search *search)
{
        int r = 0;

        for (int i = 0; i < MOST_SCANS && search->n_wanted > 0; i++) {
                r = scan(module, search);
                if (r < 0 || all_found(search) || aiu_request_time_left_usec(request) == 0)
                        break;
        }
        return r < 0 || search->n_wanted == 0 ? r : keep_hits(module->wire, search);
}

/* ------------------------------------------------------ the report */

/* What several processes show of one table counts once; what is confirmed for one of them is. */
static int add_hit(struct search *search, const struct wire_hit *hit, const struct aiu_request *request,
                   struct aiu_snapshot *snapshot)
{
        struct wanted *wanted = find_wanted(search, hit->file);
        int r;

        if (!wanted)
                return 0;
        r = aiu_snapshot_fill_holder(snapshot, request, wanted->inode, (pid_t)hit->pid,
                                     hit->thread == hit->pid ? 0 : (pid_t)hit->thread, (int)hit->fd);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                search->cut = true;
        return 0;
}

static int add_references(const struct search *search, struct aiu_snapshot *snapshot)
{
        int r = 0;

        for (size_t i = 0; i < search->n_wanted && r >= 0; i++)
                r = aiu_snapshot_add_references(snapshot, search->wanted[i].inode, search->wanted[i].total,
                                                search->wanted[i].found);
        return r == -ENOMEM ? r : 0;
}

/*
 * Whole tables of all processes that /proc shows: it would show no more. Sockets that no process holds are left to the
 * backends that know why.
 */
static int report(struct search *search, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        int r = 0;

        for (size_t i = 0; i < search->n_hits && r >= 0; i++)
                r = add_hit(search, &search->hits[i], request, snapshot);
        if (r < 0)
                return r;
        if (search->cut)
                return AIU_PARTIAL;
        r = add_references(search, snapshot);
        if (r < 0)
                return r;
        return !search->unknown && aiu_snapshot_all_held(snapshot) ? AIU_COMPLETE : AIU_PARTIAL;
}

static bool is_for_us(const struct module *module, const struct aiu_request *request)
{
        return !module->broken && !request->plain_calls_only && request->procfs >= 0 &&
               !caller_pids_are_foreign(request->procfs);
}

int bpf_holders(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct module *module = userdata;
        struct search *search;
        int r;

        if (!is_for_us(module, request))
                return AIU_PARTIAL;
        search = calloc(1, sizeof(*search));
        if (!search)
                return -ENOMEM;
        module_lock(module);
        collect_wanted(module, snapshot, search);
        r = run_search(module, request, search);
        module_unlock(module);
        if (r >= 0)
                r = report(search, request, snapshot);
        free(search->hits);
        free(search);
        return r;
}
