/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What helps if the kernel finds no port (port 0). One free port is enough, so there is no need to stop all holders:
 * wait for the first TIME_WAIT socket, search more ports, use another address (each address has the whole range), or
 * stop the process with most ports. Each action is tried out on the port entries before it is called sufficient.
 * Pure.
 */
#include <errno.h>
#include <stdlib.h>

#include "advice/parts.h"
#include "advice/try.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/port-search.h"

/* Below it no port is given out that was not asked for, by custom; the sysctl refuses privileged ones. */
#define LOWEST_SENSIBLE 1024

/* ------------------------------------------------------ wait */

static int compare_times(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* The verdict after that time: TIME_WAIT sockets go, all others stay. */
static tristate try_after(const struct port_table *table, unsigned char *after, uint64_t usec)
{
        for (size_t i = 0; i < table->n_entries; i++) {
                const struct port_entry *c = &table->entries[i];
                bool gone = c->minisock && c->expires_usec > 0 && c->expires_usec <= usec;

                after[table->n_sockets + i] = gone ? AFTER_GONE : AFTER_STAYS;
        }
        return advice_what_if(table, NULL, NULL, after);
}

/* The earliest time at which the search succeeds, whatever else happens; 0 = there is none. */
static uint64_t when_free(const struct port_table *table, uint64_t *times, size_t n, unsigned char *after)
{
        size_t low = 0, high = n;

        if (n == 0 || try_after(table, after, times[n - 1]) != YES)
                return 0;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (try_after(table, after, times[middle]) == YES)
                        high = middle;
                else
                        low = middle + 1;
        }
        return times[low];
}

static void wait_for_port(struct advice_list *list)
{
        const struct port_table *table = list->in->table;
        uint64_t *times = calloc(table->n_entries + 1, sizeof(*times)), usec = 0;
        unsigned char *after = calloc(table->n_sockets + table->n_entries + 1, 1);
        struct aiu_action *action;
        size_t n = 0;

        if (times && after) {
                for (size_t i = 0; i < table->n_entries; i++)
                        if (table->entries[i].minisock && table->entries[i].expires_usec > 0)
                                times[n++] = table->entries[i].expires_usec;
                qsort(times, n, sizeof(*times), compare_times);
                usec = when_free(table, times, n, after);
        } else {
                list->error = -ENOMEM;
        }
        free(times);
        free(after);
        if (usec == 0)
                return;
        action = advice_add(list, AIU_ACTION_WAIT, YES, 0);
        if (!action)
                return;
        action->wait_usec = usec;
        action->remarks = REMARK_RANGE;
}

/* ------------------------------------------------------ search elsewhere */

/* The sysctl, as wide as it makes sense: [ip_unprivileged_port_start or 1024, 65535]. */
static void widen_sysctl(struct advice_list *list)
{
        const struct host *host = list->in->table->host;
        struct host more = *host;
        struct aiu_action *action;

        more.port_range_first =
                host->unprivileged_port_start > LOWEST_SENSIBLE ? host->unprivileged_port_start : LOWEST_SENSIBLE;
        if (more.port_range_first > host->port_range_first)
                more.port_range_first = host->port_range_first;
        more.port_range_last = (int)PORTS - 1;
        if (more.port_range_first == host->port_range_first && host->port_range_last == more.port_range_last)
                return;
        if (advice_what_if(list->in->table, NULL, &more, NULL) != YES)
                return;
        action = advice_add(list, AIU_ACTION_WIDEN_RANGE, YES, AIU_ACTION_NEEDS_ROOT | AIU_ACTION_HOST_WIDE);
        if (!action)
                return;
        action->first_port = more.port_range_first;
        action->last_port = more.port_range_last;
}

/* Or the socket's own limits. */
static void widen_socket(struct advice_list *list)
{
        struct request q = *list->in->table->request;

        if (q.low_port == 0 && q.high_port == 0)
                return;
        q.low_port = q.high_port = 0;
        if (advice_what_if(list->in->table, &q, NULL, NULL) == YES)
                (void)advice_add(list, AIU_ACTION_WIDEN_RANGE, YES, AIU_ACTION_CHANGES_CODE);
}

/* bind() takes no port then; a listener needs one, sooner or later. */
static void leave_to_connect(struct advice_list *list)
{
        struct request q = *list->in->table->request;

        if (q.port_later || q.listen || q.call == AIU_CALL_LISTEN)
                return;
        q.port_later = true;
        /* mptcp_setsockopt_sol_ip_set(): Linux 6.1 refuses the option to an MPTCP socket, 6.12 takes it. */
        if (advice_what_if(list->in->table, &q, NULL, NULL) == YES)
                (void)advice_add(list, AIU_ACTION_SET_NO_PORT, q.protocol == IPPROTO_MPTCP ? UNKNOWN : YES,
                                 AIU_ACTION_CHANGES_CODE);
}

static void use_other_address(struct advice_list *list)
{
        struct aiu_action *action;

        for (size_t i = 0; i < list->n; i++)
                if (list->actions[i].kind == AIU_ACTION_OTHER_ADDRESS)
                        return;
        /* Of use only if sockets are in the way; reserved ports are so for every address. */
        if (address_is_wildcard(&list->in->table->request->address) || list->in->n_conflicts == 0 ||
            list->in->conflicts[0].n_ports == 0)
                return;
        action = advice_add(list, AIU_ACTION_OTHER_ADDRESS, UNKNOWN, AIU_ACTION_CHANGES_CODE);
        if (action)
                action->remarks = REMARK_RANGE;
}

static void v6_alone(struct advice_list *list)
{
        const struct request *q = list->in->table->request;

        if (q->address.sa.any.sa_family == AF_INET6 && !q->v6only && address_is_wildcard(&q->address) &&
            list->in->what_if[AIU_OPTION_V6ONLY] == YES)
                (void)advice_add(list, AIU_ACTION_SET_V6ONLY, YES, AIU_ACTION_CHANGES_CODE);
}

/* ------------------------------------------------------ the holders */

static bool is_held_by_process(const struct aiu_conflict *c)
{
        return c->n_holders > 0 && c->holders[0].kind == AIU_HOLDER_PROCESS;
}

/* The first that can be asked or ended: it has most ports of all. */
static void stop_top_holder(struct advice_list *list)
{
        struct advice_input alone = *list->in;
        const struct advice_input *all = list->in;
        size_t before = list->n;

        for (size_t i = 0; i < all->n_conflicts && list->n == before; i++) {
                if (!is_held_by_process(&all->conflicts[i]))
                        continue;
                alone.conflicts = &all->conflicts[i];
                alone.n_conflicts = 1;
                list->in = &alone;
                advice_stop_units(list);
                advice_stop_containers(list);
                advice_end_processes(list);
                list->in = all;
        }
        for (size_t i = before; i < list->n; i++)
                list->actions[i].remarks |= REMARK_RANGE;
}

static void close_own(struct advice_list *list)
{
        struct aiu_action *action;
        uint32_t remarks = 0;
        tristate enough;

        if (!advice_any_holder(list->in, advice_is_own, NULL))
                return;
        enough = advice_try(list->in, advice_is_own, NULL, &remarks);
        action = advice_add(list, AIU_ACTION_FIX_CALLER, enough, AIU_ACTION_CHANGES_CODE);
        if (action)
                action->remarks = (remarks & ~REMARK_OTHERS) | REMARK_RANGE;
}

/* All were taken when the call failed. Not all are now. */
static void try_again(struct advice_list *list)
{
        struct aiu_action *action;

        if (list->in->table->request->error == 0 || verdict_predict(list->in->table).verdict != AIU_VERDICT_AVAILABLE)
                return;
        action = advice_add(list, AIU_ACTION_WAIT, UNKNOWN, 0);
        if (action)
                action->remarks = REMARK_RANGE;
}

void advice_for_range(struct advice_list *list)
{
        struct aiu_action *action;

        try_again(list);
        close_own(list);
        wait_for_port(list);
        widen_socket(list);
        widen_sysctl(list);
        leave_to_connect(list);
        v6_alone(list);
        stop_top_holder(list);
        advice_other_address(list);
        use_other_address(list);
        action = advice_add(list, AIU_ACTION_OTHER_PORT, UNKNOWN, AIU_ACTION_CHANGES_CODE);
        if (action)
                action->remarks = REMARK_RANGE;
        if (!list->in->holders_complete)
                advice_look_closer(list, 0);
}
