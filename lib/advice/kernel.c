/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets of the kernel itself, of a tunnel or a file server: take the device down, or stop the server. Pure. */
#include <string.h>

#include "advice/parts.h"
#include "advice/try.h"

static bool same_word(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* One device may have several sockets: IPv4 and IPv6. */
static bool same_user(const struct kernel_user *a, const struct kernel_user *b)
{
        return same_word(a->service, b->service) && same_word(a->name, b->name);
}

static bool is_user(const struct aiu_holder *holder, const void *what)
{
        return holder->kernel_user && same_user(holder->kernel_user, what);
}

static bool stopped_already(const struct advice_list *list, const struct kernel_user *user)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->actions[i].kind == AIU_ACTION_STOP_KERNEL_USER &&
                    same_user(list->actions[i].kernel_user, user))
                        return true;
        return false;
}

static void stop_one(struct advice_list *list, const struct kernel_user *user)
{
        uint32_t remarks = 0;
        tristate enough = advice_try(list->in, is_user, user, &remarks);
        struct aiu_action *action;

        /* The facts say that it would do if the command did what it is for. */
        if (enough == YES && (!user->command || user->command_suffices != YES))
                enough = UNKNOWN;
        action = advice_add(list, AIU_ACTION_STOP_KERNEL_USER, enough, AIU_ACTION_DISRUPTIVE | AIU_ACTION_NEEDS_ROOT);
        if (!action)
                return;
        action->remarks = remarks;
        action->kernel_user = user;
}

void advice_stop_kernel_users(struct advice_list *list)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(list->in, &at)))
                if (h->kernel_user && !stopped_already(list, h->kernel_user))
                        stop_one(list, h->kernel_user);
}
