/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What helps where no socket is in the way: the address is not here, a privilege is missing, the call is wrong. The
 * likely mistake comes first, then what changes one program; what changes the whole host comes last, and is left out
 * where it could not help. Pure.
 */
#include <string.h>

#include "advice/parts.h"
#include "advice/try.h"
#include "rules/address.h"
#include "rules/conflict.h"

/* Does the same call succeed for another address of that host? */
static tristate tried_there(const struct advice_list *list, const struct host *host, const struct address *address)
{
        struct request q = *list->in->table->request;

        q.address = *address;
        address_set_port(&q.address, address_port(&list->in->table->request->address));
        return advice_what_if(list->in->table, &q, host, NULL);
}

/* ------------------------------------------------ the address is not here */

/* How similar: leading bits that agree, or bytes, for one wrong digit may be anywhere. */
static unsigned int likeness(const struct address *a, const struct address *b)
{
        struct endpoint x = address_endpoint(a), y = address_endpoint(b);
        unsigned int bits = 0, bytes = 0;

        while (bits < 128 && !((x.ip.s6_addr[bits / 8] ^ y.ip.s6_addr[bits / 8]) & (0x80u >> bits % 8)))
                bits++;
        for (size_t i = 0; i < 16; i++)
                bytes += x.ip.s6_addr[i] == y.ip.s6_addr[i];
        return bits > bytes * 8 ? bits * 2 : bytes * 16 - 1;
}

static bool is_candidate(const struct request *q, const struct host_address *have)
{
        unsigned int device = conflict_device(q);

        if (address_endpoint(&have->address).v4ish != address_endpoint(&q->address).v4ish ||
            address_is_link_local(&have->address) != address_is_link_local(&q->address))
                return false;
        return device == 0 || !address_is_link_local(&q->address) || have->ifindex == device;
}

size_t advice_alike(const struct request *q, const struct host *host, const struct host_address **ret, size_t most)
{
        unsigned int scores[8];
        size_t n = 0;

        for (size_t i = 0; i < host->n_addresses; i++) {
                const struct host_address *have = &host->addresses[i];
                unsigned int score = likeness(&q->address, &have->address);
                size_t at = n;

                if (!is_candidate(q, have))
                        continue;
                while (at > 0 && scores[at - 1] < score)
                        at--;
                if (at == most || at == sizeof(scores) / sizeof(scores[0]))
                        continue;
                n += n < most && n < sizeof(scores) / sizeof(scores[0]);
                memmove(&scores[at + 1], &scores[at], (n - at - 1) * sizeof(scores[0]));
                memmove(&ret[at + 1], &ret[at], (n - at - 1) * sizeof(ret[0]));
                scores[at] = score;
                ret[at] = have;
        }
        return n;
}

/* The likely mistake: a mistyped address, or one of another host. */
static void bind_what_is_here(struct advice_list *list)
{
        const struct request *q = list->in->table->request;
        const struct host_address *nearest = NULL;
        struct host host = *list->in->table->host;
        struct aiu_action *action;
        tristate enough = UNKNOWN;

        host.address_local = YES;
        host.address_tentative = NO;
        /* On which device it is would decide as well. */
        if (advice_alike(q, &host, &nearest, 1) > 0 && conflict_device(q) == 0 && !address_is_mapped(&q->address))
                enough = tried_there(list, &host, &nearest->address);
        action = advice_add(list, AIU_ACTION_OTHER_ADDRESS, enough == YES ? YES : UNKNOWN, AIU_ACTION_CHANGES_CODE);
        if (action && enough == YES) {
                action->address = nearest->address;
                address_set_port(&action->address, address_port(&q->address));
        }
}

/* Without carrier it does not go on, and it may find a duplicate: then the address stays unusable. */
static void wait_for_detection(struct advice_list *list)
{
        struct host later = *list->in->table->host;
        struct aiu_action *action;
        tristate enough;

        later.address_local = YES;
        later.address_tentative = NO;
        enough = later.detection_usec > 0 ? advice_what_if(list->in->table, NULL, &later, NULL) : UNKNOWN;
        action = advice_add(list, AIU_ACTION_WAIT, enough, 0);
        if (action)
                action->wait_usec = later.detection_usec;
}

/* An address that floats between hosts is bound before it arrives. */
static void bind_before_it_comes(struct advice_list *list)
{
        struct host host = *list->in->table->host;
        tristate enough = list->in->what_if[AIU_OPTION_FREEBIND];

        if (address_is_multicast(&list->in->table->request->address))
                return;
        (void)advice_add(list, AIU_ACTION_SET_FREEBIND, enough, AIU_ACTION_CHANGES_CODE);
        host.nonlocal_bind = YES;
        if (list->in->table->host->nonlocal_bind != YES && !address_is_link_local(&list->in->table->request->address))
                (void)advice_add(list, AIU_ACTION_ALLOW_NONLOCAL, advice_what_if(list->in->table, NULL, &host, NULL),
                                 AIU_ACTION_HOST_WIDE | AIU_ACTION_NEEDS_ROOT);
}

/* Would the kernel take it, and is it an address that a host is given by hand? */
static bool may_be_added(const struct request *q)
{
        struct endpoint e = address_endpoint(&q->address);
        uint32_t v4 = ntohl(e.v4);

        if (e.any || address_is_multicast(&q->address) || address_is_link_local(&q->address))
                return false;
        if (e.v4ish)
                return v4 >> 24 != 0 && v4 >> 28 < 14 && v4 >> 16 != 0xa9fe;
        return !IN6_IS_ADDR_LOOPBACK(&q->address.sa.in6.sin6_addr) || conflict_device(q) == 0;
}

static void add_address(struct advice_list *list)
{
        struct host host = *list->in->table->host;

        if (!may_be_added(list->in->table->request))
                return;
        host.address_local = YES;
        (void)advice_add(list, AIU_ACTION_ADD_ADDRESS, advice_what_if(list->in->table, NULL, &host, NULL),
                         AIU_ACTION_HOST_WIDE | AIU_ACTION_NEEDS_ROOT);
}

/* ::1 comes back by itself when lo is up. Whether another address is configured is not known. */
static void enable_ipv6(struct advice_list *list)
{
        struct host host = *list->in->table->host;
        tristate enough = UNKNOWN;

        host.address_local = YES;
        if (strcmp(host.address_device, "lo") == 0 && host.device_up == YES)
                enough = advice_what_if(list->in->table, NULL, &host, NULL);
        (void)advice_add(list, AIU_ACTION_ENABLE_IPV6, enough, AIU_ACTION_HOST_WIDE | AIU_ACTION_NEEDS_ROOT);
}

void advice_not_local(struct advice_list *list)
{
        switch (list->in->verdict->why) {
        case WHY_DETECTION:
                wait_for_detection(list);
                bind_what_is_here(list);
                bind_before_it_comes(list);
                break;
        case WHY_DUPLICATE:
                bind_what_is_here(list);
                (void)advice_add(list, AIU_ACTION_ADD_ADDRESS, UNKNOWN, AIU_ACTION_HOST_WIDE | AIU_ACTION_NEEDS_ROOT);
                break;
        case WHY_NO_CID:
                (void)advice_add(list, AIU_ACTION_FIX_CALLER, UNKNOWN, AIU_ACTION_CHANGES_CODE);
                break;
        case WHY_OTHER_DEVICE:
                (void)advice_add(list, AIU_ACTION_FIX_CALLER, UNKNOWN, AIU_ACTION_CHANGES_CODE);
                bind_what_is_here(list);
                break;
        case WHY_NO_IPV6_HERE:
                bind_what_is_here(list);
                enable_ipv6(list);
                break;
        case WHY_GONE:
                (void)advice_add(list, AIU_ACTION_WAIT, UNKNOWN, 0);
                break;
        default:
                bind_what_is_here(list);
                bind_before_it_comes(list);
                add_address(list);
                break;
        }
}

/* ------------------------------------------------ not permitted */

/* Would it succeed with the privilege? EACCES hides whatever comes after it. */
static void grant_privilege(struct advice_list *list)
{
        struct request q = *list->in->table->request;
        struct host host = *list->in->table->host;
        tristate enough;

        host.privileged = YES;
        q.foreign_uid = false;
        enough = advice_what_if(list->in->table, &q, &host, NULL);
        (void)advice_add(list, AIU_ACTION_GRANT_PRIVILEGE, enough, AIU_ACTION_NEEDS_ROOT);
        (void)advice_add(list, AIU_ACTION_OTHER_PORT, UNKNOWN, AIU_ACTION_CHANGES_CODE);
        (void)advice_add(list, AIU_ACTION_GRANT_PRIVILEGE, enough, AIU_ACTION_NEEDS_ROOT | AIU_ACTION_HOST_WIDE);
}

void advice_not_permitted(struct advice_list *list)
{
        bool ip = address_is_ip(&list->in->table->request->address);

        /* EACCES hides a holder, and the holder is out of sight. */
        if (list->in->n_conflicts > 0 && !list->in->holders_complete)
                advice_look_closer(list, 0);
        if (ip && list->in->verdict->why == WHY_PRIVILEGE) {
                grant_privilege(list);
                return;
        }
        if (list->in->verdict->why == WHY_POLICY)
                (void)advice_add(list, AIU_ACTION_CHANGE_POLICY, UNKNOWN, AIU_ACTION_NEEDS_ROOT);
        else if (ip)
                (void)advice_add(list, AIU_ACTION_GRANT_PRIVILEGE, UNKNOWN, AIU_ACTION_NEEDS_ROOT);
        /* Who may write to a directory is a matter of its owner, mode and ACL. */
        (void)advice_add(list, ip ? AIU_ACTION_OTHER_PORT : AIU_ACTION_OTHER_ADDRESS, UNKNOWN, AIU_ACTION_CHANGES_CODE);
}

/* ------------------------------------------------ a wrong call */

/* mkdir(1) makes every directory that is missing, if the last one that is there may be written to. */
static void make_directory(struct advice_list *list)
{
        tristate allowed = list->in->table->host->name_makeable;

        (void)advice_add(list, AIU_ACTION_MAKE_DIRECTORY, allowed == YES ? YES : UNKNOWN,
                         allowed == NO ? AIU_ACTION_NEEDS_ROOT : 0);
}

void advice_invalid(struct advice_list *list)
{
        switch (list->in->verdict->why) {
        case WHY_NO_DIRECTORY:
                make_directory(list);
                (void)advice_add(list, AIU_ACTION_OTHER_ADDRESS, UNKNOWN, AIU_ACTION_CHANGES_CODE);
                break;
        case WHY_PASSING:
        case WHY_GONE:
                (void)advice_add(list, AIU_ACTION_WAIT, UNKNOWN, 0);
                break;
        default:
                (void)advice_add(list, AIU_ACTION_FIX_CALLER, UNKNOWN, AIU_ACTION_CHANGES_CODE);
                break;
        }
}
