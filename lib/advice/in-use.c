/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets are in the way of an address with a port, or of an AF_UNIX name. Pure. */
#include "advice/holder.h"
#include "advice/parts.h"
#include "advice/try.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/number.h"

/* ------------------------------------------------------ the caller itself */

static void use_own_socket(struct advice_list *list)
{
        uint32_t remarks = 0;
        struct aiu_action *action;
        tristate enough;

        if (!advice_any_holder(list->in, advice_is_own, NULL))
                return;
        enough = advice_try(list->in, advice_is_own, NULL, &remarks);
        /* The file stays, but a socket that is used as it is needs no other. */
        if (enough == NO && list->in->table->request->address.sa.any.sa_family == AF_UNIX)
                enough = UNKNOWN;
        action = advice_add(list, AIU_ACTION_FIX_CALLER, enough, AIU_ACTION_CHANGES_CODE);
        if (action)
                action->remarks = remarks;
}

/* ------------------------------------------------------ what ends nothing */

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
        uint64_t usec;

        if (only_minisocks(list->in, &usec)) {
                action = advice_add(list, AIU_ACTION_WAIT, list->in->table->sockets_complete ? YES : UNKNOWN, 0);
                if (action)
                        action->wait_usec = usec;
        } else if (advice_any_holder(list->in, is_dying, NULL)) {
                (void)advice_add(list, AIU_ACTION_WAIT, UNKNOWN, 0);
        }
}

/* Is it a bit of a holder that decides? An old kernel may make it unknown as well: kernel-versions.c. */
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

        if (enough == NO || list->in->what_if[0] != NO)
                return;
        /* Not known, and no single unread option decides: too vague to recommend. */
        if (enough == UNKNOWN && (option == AIU_OPTION_REUSEPORT || !is_unread(list->in, option)))
                return;
        (void)advice_add(list, kind, enough, AIU_ACTION_CHANGES_CODE);
}

/*
 * Programs that listen to one group (mDNS, SSDP) all set it. Of other UDP sockets it would take the datagrams
 * away from their holder: udp4_lib_lookup2() prefers the newcomer.
 */
static bool is_about_groups(const struct advice_input *in)
{
        if (conflict_protocol(in->table->request) != IPPROTO_UDP)
                return false;
        for (size_t i = 0; i < in->n_conflicts; i++)
                if (!address_is_multicast(&in->conflicts[i].socket.local) &&
                    !address_is_multicast(&in->table->request->address))
                        return false;
        return true;
}

static void set_options(struct advice_list *list)
{
        const struct request *q = list->in->table->request;

        if (!address_is_ip(&q->address))
                return;
        if (!q->reuseaddr && (conflict_protocol(q) == IPPROTO_TCP || is_about_groups(list->in)))
                set_option(list, AIU_ACTION_SET_REUSEADDR, AIU_OPTION_REUSEADDR);
        if (!q->v6only && q->address.sa.any.sa_family == AF_INET6 && address_is_wildcard(&q->address))
                set_option(list, AIU_ACTION_SET_V6ONLY, AIU_OPTION_V6ONLY);
        if (!q->reuseport)
                set_option(list, AIU_ACTION_SET_REUSEPORT, AIU_OPTION_REUSEPORT);
}

/* All of 127.0.0.0/8 is local where one of it is. */
void advice_other_address(struct advice_list *list)
{
        const struct advice_input *in = list->in;
        struct request q = *in->table->request;
        struct aiu_action *action;

        if (q.address.sa.any.sa_family != AF_INET || in->table->host->address_local != YES ||
            ntohl(q.address.sa.in.sin_addr.s_addr) >> 24 != 127)
                return;
        for (uint32_t ip = INADDR_LOOPBACK + 1; ip < INADDR_LOOPBACK + 8; ip++) {
                q.address.sa.in.sin_addr.s_addr = htonl(ip);
                if (advice_what_if(in->table, &q, NULL, NULL) != YES)
                        continue;
                action = advice_add(list, AIU_ACTION_OTHER_ADDRESS, YES, AIU_ACTION_CHANGES_CODE);
                if (action)
                        action->address = q.address;
                return;
        }
}

/* ------------------------------------------------------ a client that the kernel gave the port to */

static bool in_ephemeral_range(const struct advice_input *in)
{
        int port = address_port(&in->table->request->address);

        return port > 0 && in->table->host->port_range_first > 0 && port >= in->table->host->port_range_first &&
               port <= in->table->host->port_range_last;
}

/* No listener is there that it could have come from. */
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
        if (in_ephemeral_range(list->in) && held_by_client(list->in) && list->in->table->host->reserved_ports)
                (void)advice_add(list, AIU_ACTION_RESERVE_PORT, NO, AIU_ACTION_NEEDS_ROOT | AIU_ACTION_HOST_WIDE);
}

static void other_port(struct advice_list *list)
{
        struct aiu_action *action = advice_add(list, AIU_ACTION_OTHER_PORT, UNKNOWN, AIU_ACTION_CHANGES_CODE);

        if (action)
                action->first_port = list->in->table->host->free_port;
}

/* A service manager of the asker's own hides its memory, and what it holds is known by its unit. */
static bool is_seen(const struct aiu_holder *holder, const void *what)
{
        const uid_t *asker = what;

        if (holder->manager && *asker != 0 && holder->manager->user == *asker && holder->manager->socket_unit)
                return true;
        return advice_is_process(holder) && !holder->process->led_unseen;
}

static bool is_unseen(const struct aiu_holder *holder, const void *what)
{
        return !is_seen(holder, what);
}

/* Where each socket has a holder in sight, that there may be a second one is the lesser doubt. */
static void look_closer(struct advice_list *list)
{
        const uid_t *asker = &list->in->asker;
        struct aiu_action *action;

        /* What is not listed here is not listed to root. */
        if (number_is_asked(list->in->table->request) && list->in->n_conflicts == 0)
                return;
        action = advice_look_closer(list, 0);

        if (action && advice_any_holder(list->in, is_seen, asker) && !advice_any_holder(list->in, is_unseen, asker))
                action->sufficient = NO;
}

void advice_in_use(struct advice_list *list)
{
        bool is_unix = list->in->table->request->address.sa.any.sa_family == AF_UNIX;

        use_own_socket(list);
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
        if (is_unix)
                (void)advice_add(list, AIU_ACTION_OTHER_ADDRESS, UNKNOWN, AIU_ACTION_CHANGES_CODE);
        else
                other_port(list);
        if (!list->in->holders_complete)
                look_closer(list);
}
