/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What frees the address. An action is tried out on the facts before it is
 * recommended: each socket gets the fate that the action would give it, and
 * verdict.c is asked again. Only what makes the bind succeed for certain is
 * marked sufficient. Pure: words.c finds the words.
 *
 * The order is that of least harm: advice/order.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "advice/list.h"
#include "rules/conflict.h"

/* ------------------------------------------------------ the list */

struct aiu_action *advice_add(struct advice_list *list, enum aiu_action_kind kind, tristate sufficient, uint32_t flags)
{
        struct aiu_action *larger;

        if (list->error)
                return NULL;
        larger = realloc(list->actions, (list->n + 1) * sizeof(*larger));
        if (!larger) {
                list->error = -ENOMEM;
                return NULL;
        }
        list->actions = larger;
        /* Root is not told to become root. */
        if (list->in->asker == 0)
                flags &= ~AIU_ACTION_NEEDS_ROOT;
        larger[list->n] = (struct aiu_action){ .kind = kind, .sufficient = sufficient, .flags = flags };
        return &larger[list->n++];
}

/* ------------------------------------------- what becomes of a socket */

/*
 * When its last descriptor is closed, a listener, a bound or a connecting socket
 * is gone. A connection says good-bye first and may keep the port in TIME_WAIT
 * for a minute, or may not (reset, or the peer closed first): tcp_close().
 */
static enum after after_when_closed(const struct socket *socket)
{
        if (socket->protocol != IPPROTO_TCP)
                return AFTER_GONE;
        switch (socket->state) {
        case AIU_STATE_LISTEN:
        case AIU_STATE_BOUND:
        case AIU_STATE_SYN_SENT:
                return AFTER_GONE;
        default:
                return AFTER_LINGERS;
        }
}

static bool is_unaccepted(const struct socket *socket)
{
        return socket->protocol == IPPROTO_TCP && socket->inode == 0 && !socket->minisock &&
               (socket->state == AIU_STATE_ESTABLISHED || socket->state == AIU_STATE_CLOSE_WAIT);
}

enum after advice_after(const struct socket *socket)
{
        return is_unaccepted(socket) ? AFTER_GONE : after_when_closed(socket);
}

/* Would every holder of this conflict let go of it? */
static bool all_end(const struct aiu_conflict *conflict, releases *who, const void *what)
{
        for (size_t i = 0; i < conflict->n_holders; i++)
                if (!who(&conflict->holders[i], what))
                        return false;
        return conflict->n_holders > 0;
}

/* The verdict when all holders that `who` names have let go. */
tristate advice_try(const struct advice_input *in, releases *who, const void *what, uint32_t *remarks)
{
        struct port_table tried = *in->table;
        struct request q = *in->table->request;
        unsigned char *after;
        tristate r;

        after = calloc(in->table->n_sockets + in->table->n_entries + 1, 1);
        if (!after) {
                *in->table->no_memory = true;
                return UNKNOWN;
        }
        for (size_t i = 0; i < in->n_conflicts; i++) {
                const struct aiu_conflict *c = &in->conflicts[i];

                if (!all_end(c, who, what) || c->index == NO_SOCKET) {
                        *remarks |= REMARK_OTHERS;
                        continue;
                }
                if (in->entry_group) {
                        advice_mark_entries(in, i, after, remarks);
                        continue;
                }
                after[c->index] = (unsigned char)advice_after(&c->socket);
                if (after[c->index] == AFTER_LINGERS)
                        *remarks |= REMARK_LINGERS;
        }
        tried.after = after;
        tried.request = &q;
        q.error = 0; /* that was before */
        r = verdict_what_if(&tried, 0);
        free(after);
        if (!in->holders_complete && r == YES) {
                *remarks |= REMARK_INCOMPLETE;
                return UNKNOWN;
        }
        return r;
}

bool advice_any_holder(const struct advice_input *in, releases *test)
{
        for (size_t i = 0; i < in->n_conflicts; i++)
                for (size_t k = 0; k < in->conflicts[i].n_holders; k++)
                        if (test(&in->conflicts[i].holders[k], NULL))
                                return true;
        return false;
}

/* ------------------------------------------- what ends nothing */

static bool only_minisocks(const struct advice_input *in, uint64_t *ret_usec)
{
        uint64_t longest = 0;

        for (size_t i = 0; i < in->n_conflicts; i++) {
                const struct socket *s = &in->conflicts[i].socket;

                if (in->conflicts[i].index == NO_SOCKET || !s->minisock || s->expires_usec == 0)
                        return false;
                if (s->expires_usec > longest)
                        longest = s->expires_usec;
        }
        *ret_usec = longest;
        return in->n_conflicts > 0;
}

static bool is_dying(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        return holder->flags & AIU_HOLDER_DYING;
}

static void wait_for_it(struct advice_list *list)
{
        struct aiu_action *action;
        uint64_t usec = 0;

        if (only_minisocks(list->in, &usec)) {
                action = advice_add(list, AIU_ACTION_WAIT, list->in->table->sockets_complete ? YES : UNKNOWN, 0);
                if (action) {
                        action->wait_usec = usec;
                        action->remarks = REMARK_TIME_WAIT;
                }
        } else if (advice_any_holder(list->in, is_dying)) {
                (void)advice_add(list, AIU_ACTION_WAIT, UNKNOWN, 0);
        }
}

static bool has_time_wait(const struct advice_input *in)
{
        for (size_t i = 0; i < in->n_conflicts; i++)
                if (in->conflicts[i].socket.minisock)
                        return true;
        return false;
}

/* Is it a bit of a holder that decides? An old kernel may make it unknown as well: kernel.c. */
static bool is_unread(const struct advice_input *in, uint32_t option)
{
        for (size_t i = 0; i < in->n_conflicts; i++) {
                const struct socket *s = &in->conflicts[i].socket;

                if (option == AIU_OPTION_REUSEADDR && s->reuseaddr == UNKNOWN)
                        return true;
                /* An IPv4 socket has no such bit. */
                if (option == AIU_OPTION_V6ONLY && s->v6only == UNKNOWN && s->local.sa.any.sa_family == AF_INET6)
                        return true;
        }
        return false;
}

static void set_option(struct advice_list *list, enum aiu_action_kind kind, uint32_t option)
{
        tristate enough = list->in->what_if[option];
        struct aiu_action *action;

        /* Not known, and no single unread option decides: too vague to recommend. */
        if (enough == NO || list->in->what_if[0] != NO)
                return;
        if (enough == UNKNOWN && (option == AIU_OPTION_REUSEPORT || !is_unread(list->in, option)))
                return;
        action = advice_add(list, kind, enough, AIU_ACTION_CHANGES_CODE);
        if (!action)
                return;
        if (enough == UNKNOWN)
                action->remarks |= REMARK_HOLDER_BIT;
        if (has_time_wait(list->in))
                action->remarks |= REMARK_TIME_WAIT;
}

static void set_options(struct advice_list *list)
{
        const struct request *q = list->in->table->request;

        if (q->address.sa.any.sa_family == AF_UNIX)
                return;
        if (!q->reuseaddr && conflict_protocol(q) == IPPROTO_TCP)
                set_option(list, AIU_ACTION_SET_REUSEADDR, AIU_OPTION_REUSEADDR);
        if (!q->v6only && q->address.sa.any.sa_family == AF_INET6 && address_is_wildcard(&q->address))
                set_option(list, AIU_ACTION_SET_V6ONLY, AIU_OPTION_V6ONLY);
        if (!q->reuseport)
                set_option(list, AIU_ACTION_SET_REUSEPORT, AIU_OPTION_REUSEPORT);
}

/* All of 127.0.0.0/8 is local where one of it is: try the neighbours of the address. */
void advice_other_address(struct advice_list *list)
{
        const struct advice_input *in = list->in;
        struct request q = *in->table->request;
        struct port_table there = *in->table;
        struct aiu_action *action;

        if (q.address.sa.any.sa_family != AF_INET || in->table->host->address_local != YES ||
            ntohl(q.address.sa.in.sin_addr.s_addr) >> 24 != 127)
                return;
        there.request = &q;
        q.error = 0;
        for (uint32_t ip = INADDR_LOOPBACK + 1; ip < INADDR_LOOPBACK + 8; ip++) {
                q.address.sa.in.sin_addr.s_addr = htonl(ip);
                if (verdict_what_if(&there, 0) != YES)
                        continue;
                action = advice_add(list, AIU_ACTION_OTHER_ADDRESS, YES, AIU_ACTION_CHANGES_CODE);
                if (action)
                        action->address = q.address;
                return;
        }
}

static bool in_ephemeral_range(const struct advice_input *in)
{
        int port = address_port(&in->table->request->address);

        return port > 0 && in->table->host->port_range_first > 0 && port >= in->table->host->port_range_first &&
               port <= in->table->host->port_range_last;
}

/* A client that the kernel gave the port to: no listener there that it could have come from. */
static bool held_by_client(const struct advice_input *in)
{
        bool connection = false;

        for (size_t i = 0; i < in->n_conflicts; i++) {
                const struct socket *s = &in->conflicts[i].socket;

                if (s->state == AIU_STATE_LISTEN || s->autobound == NO)
                        return false;
                if (s->peer.len > 0 && !s->minisock)
                        connection = true;
        }
        return connection;
}

static void reserve_port(struct advice_list *list)
{
        struct aiu_action *action;

        if (!in_ephemeral_range(list->in) || !held_by_client(list->in) || !list->in->table->host->reserved_ports)
                return;
        action = advice_add(list, AIU_ACTION_RESERVE_PORT, NO, AIU_ACTION_NEEDS_ROOT | AIU_ACTION_HOST_WIDE);
        if (action)
                action->remarks = REMARK_CONNECTION;
}

/* ------------------------------------------------------ the rest */

static bool is_own(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        return holder->kind == AIU_HOLDER_SELF;
}

/* That harms nothing. Whether it is enough, only what it shows can tell. */
void advice_look_closer(struct advice_list *list)
{
        (void)advice_add(list, AIU_ACTION_LOOK_CLOSER, UNKNOWN, list->in->asker != 0 ? AIU_ACTION_NEEDS_ROOT : 0);
}

void advice_in_use(struct advice_list *list)
{
        const struct request *q = list->in->table->request;
        uint32_t remarks = 0;

        if (advice_any_holder(list->in, is_own)) {
                tristate enough = advice_try(list->in, is_own, NULL, &remarks);
                struct aiu_action *action = advice_add(list, AIU_ACTION_FIX_CALLER, enough, AIU_ACTION_CHANGES_CODE);

                /* The file stays, but a socket that is to be used as it is needs no other. */
                if (action && enough == NO && q->address.sa.any.sa_family == AF_UNIX)
                        action->sufficient = UNKNOWN;
                if (action)
                        action->remarks = remarks;
        }
        advice_use_activation(list);
        wait_for_it(list);
        advice_stop_units(list);
        advice_stop_containers(list);
        advice_end_processes(list);
        advice_end_helpers(list);
        advice_stop_kernel_users(list);
        set_options(list);
        reserve_port(list);
        advice_other_address(list);
        (void)advice_add(list,
                         q->address.sa.any.sa_family == AF_UNIX ? AIU_ACTION_OTHER_ADDRESS : AIU_ACTION_OTHER_PORT,
                         UNKNOWN, AIU_ACTION_CHANGES_CODE);
        if (!list->in->holders_complete)
                advice_look_closer(list);
}

static void add_by_verdict(struct advice_list *list)
{
        const struct request *q = list->in->table->request;

        switch (list->in->verdict->verdict) {
        case AIU_VERDICT_AVAILABLE:
                (void)advice_add(list, AIU_ACTION_NONE, YES, 0);
                break;
        case AIU_VERDICT_NOT_LOCAL:
                advice_not_local(list);
                break;
        case AIU_VERDICT_NOT_PERMITTED:
                advice_not_permitted(list);
                break;
        case AIU_VERDICT_INVALID:
                advice_invalid(list);
                break;
        case AIU_VERDICT_IN_USE:
        case AIU_VERDICT_UNKNOWN:
        default:
                if (q->address.sa.any.sa_family == AF_UNIX && !address_is_abstract(&q->address))
                        advice_for_path(list);
                else if (list->in->entry_group)
                        advice_for_range(list);
                else
                        advice_in_use(list);
                break;
        }
}

void action_finish(struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_units; i++)
                free(action->units[i]);
        for (size_t i = 0; action->argv && action->argv[i]; i++)
                free(action->argv[i]);
        free(action->units);
        free(action->argv);
        free(action->processes);
        free(action->text);
}

int advise(const struct advice_input *input, struct aiu_action **ret_actions, size_t *ret_n)
{
        struct advice_list list = { .in = input };

        add_by_verdict(&list);
        advice_mark_places(&list);
        advice_weigh_holders(&list);
        advice_mark_ancestors(&list);
        advice_sort(&list);
        if (list.error == 0 && *input->table->no_memory)
                list.error = -ENOMEM;
        if (list.error == 0) {
                *ret_actions = list.actions;
                *ret_n = list.n;
                return 0;
        }
        for (size_t i = 0; i < list.n; i++)
                action_finish(&list.actions[i]);
        free(list.actions);
        return list.error;
}
