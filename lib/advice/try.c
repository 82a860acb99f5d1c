/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An action is tried out on the facts before it is recommended: a copy of the port table says what the action would
 * make of each socket, and verdict.c judges again. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "advice/list.h"
#include "advice/try.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/port-search.h"

tristate advice_what_if(const struct port_table *table, const struct request *q, const struct host *host,
                        const unsigned char *after)
{
        struct port_table tried = *table;

        if (q)
                tried.request = q;
        if (host)
                tried.host = host;
        if (after)
                tried.after = after;
        return verdict_without_errno(&tried);
}

/* ------------------------------------------------------ sockets */

/* By its address: the peer's socket is on this host, and answers at once. */
static bool has_peer_here(const struct socket *socket)
{
        struct endpoint local, peer;

        if (socket->peer.len == 0)
                return false;
        local = address_endpoint(&socket->local);
        peer = address_endpoint(&socket->peer);
        return memcmp(&local.ip, &peer.ip, sizeof(local.ip)) == 0 || (peer.v4ish && ntohl(peer.v4) >> 24 == 127);
}

/*
 * When its last descriptor is closed, a listener, a bound or a connecting socket is gone. So is a connection that was
 * never accepted. Where the peer has closed already (CLOSE_WAIT), LAST_ACK follows, and the peer's answer ends that.
 * Any other says good-bye first and may keep the port in FIN_WAIT2 or TIME_WAIT for a minute, or may not (reset):
 * tcp_close().
 */
static enum after after_close(const struct socket *socket)
{
        bool is_tcp = socket->protocol == IPPROTO_TCP && address_is_ip(&socket->local);

        /* A connection of AF_VSOCK says good-bye as well, and waits for its peer. */
        if (!(is_tcp || address_is_vsock(&socket->local)) || conflict_is_unaccepted(socket))
                return AFTER_GONE;
        switch (socket->state) {
        case AIU_STATE_LISTEN:
        case AIU_STATE_BOUND:
        case AIU_STATE_SYN_SENT:
                return AFTER_GONE;
        case AIU_STATE_CLOSE_WAIT:
                return has_peer_here(socket) ? AFTER_GONE : AFTER_LINGERS;
        default:
                return AFTER_LINGERS;
        }
}

/* Port 0: a conflict stands for all entries of its holders. */
static void mark_entries(const struct advice_input *in, size_t conflict, unsigned char *after)
{
        const struct port_table *table = in->table;

        for (size_t i = 0; i < table->n_entries; i++) {
                struct socket socket = range_socket(&table->entries[i]);

                if (in->entry_group[i] != in->conflicts[conflict].index + 1)
                        continue;
                /* It may stand for others as well, and whose they are was not kept. */
                after[table->n_sockets + i] =
                        (unsigned char)(table->entries[i].alike > 0 ? AFTER_LINGERS : after_close(&socket));
        }
}

static bool all_release(const struct aiu_conflict *conflict, releases *who, const void *what)
{
        for (size_t i = 0; i < conflict->n_holders; i++)
                if (!who(&conflict->holders[i], what))
                        return false;
        return conflict->n_holders > 0;
}

static bool is_last_ack(const struct port_table *table, size_t i)
{
        return i < table->n_sockets ? table->sockets[i].state == AIU_STATE_CLOSE_WAIT
                                    : table->entries[i - table->n_sockets].state == AIU_STATE_CLOSE_WAIT;
}

static uint32_t mark_sockets(const struct advice_input *in, releases *who, const void *what, unsigned char *after)
{
        uint32_t remarks = 0;

        for (size_t i = 0; i < in->n_conflicts; i++) {
                const struct aiu_conflict *c = &in->conflicts[i];

                if (!all_release(c, who, what) || c->index == NO_SOCKET)
                        remarks |= REMARK_OTHERS;
                else if (in->entry_group)
                        mark_entries(in, i, after);
                else
                        after[c->index] = (unsigned char)after_close(&c->socket);
        }
        for (size_t i = 0; i < in->table->n_sockets + in->table->n_entries; i++)
                if (after[i] == AFTER_LINGERS)
                        remarks |= is_last_ack(in->table, i) ? REMARK_LAST_ACK : REMARK_LINGERS;
        return remarks;
}

tristate advice_try(const struct advice_input *in, releases *who, const void *what, uint32_t *remarks)
{
        unsigned char *after = calloc(in->table->n_sockets + in->table->n_entries + 1, 1);
        tristate enough;

        if (!after) {
                *in->table->no_memory = true;
                return UNKNOWN;
        }
        *remarks |= mark_sockets(in, who, what, after);
        enough = advice_what_if(in->table, NULL, NULL, after);
        free(after);
        if (in->holders_complete || enough != YES)
                return enough;
        *remarks |= REMARK_INCOMPLETE;
        return UNKNOWN;
}

/* ------------------------------------------------------ holders */

bool advice_any_holder(const struct advice_input *in, releases *who, const void *what)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(in, &at)))
                if (who(h, what))
                        return true;
        return false;
}

bool advice_is_own(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        return holder->kind == AIU_HOLDER_SELF;
}

/* ------------------------------------------------------ files */

/* RemoveOnStop= of the .socket unit tells. What a daemon does when it is asked to exit is unknown. */
tristate advice_file_goes(const struct advice_input *in, releases *who, const void *what)
{
        tristate goes = in->holders_complete ? YES : UNKNOWN;
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(in, &at))) {
                if (!who(h, what))
                        return NO;
                goes = tri_and(goes, h->manager ? h->manager->removes_file : UNKNOWN);
        }
        return goes;
}
