/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holders that a service manager or a supervisor looks after: it is asked to
 * stop them, one action for each manager. Pure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advice/holder.h"
#include "advice/manager-commands.h"
#include "advice/parts.h"
#include "advice/try.h"
#include "rules/conflict.h"

/* ------------------------------------------------------ what is stopped */

static int add_unit(struct aiu_action *action, const char *name, size_t length)
{
        char **larger;

        for (size_t i = 0; i < action->n_units; i++)
                if (strlen(action->units[i]) == length && memcmp(action->units[i], name, length) == 0)
                        return 0;
        larger = realloc(action->units, (action->n_units + 1) * sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        action->units = larger;
        larger[action->n_units] = strndup(name, length);
        if (!larger[action->n_units])
                return -ENOMEM;
        action->n_units++;
        return 0;
}

/* First what would start it again: a unit that Upholds= another, a timer, a listening socket. */
static int add_units_of(struct aiu_action *action, const struct manager *m)
{
        const char *p = m->also_stop;
        int r = 0;

        while (r == 0 && p && *p) {
                size_t n = strcspn(p, " ");

                if (n > 0 && *p != '-')
                        r = add_unit(action, p, n);
                p += n + (p[n] == ' ');
        }
        if (r == 0 && m->socket_unit)
                r = add_unit(action, m->socket_unit, strlen(m->socket_unit));
        if (r == 0 && m->unit)
                r = add_unit(action, m->unit, strlen(m->unit));
        return r;
}

/* ------------------------------------------------------ which processes a stop ends */

static bool same_manager(const struct manager *a, const struct manager *b)
{
        if (a->kind != b->kind || a->named_by != b->named_by)
                return false;
        if (a->kind == AIU_MANAGER_SUPERVISOR)
                return strcmp(a->supervisor, b->supervisor) == 0; /* known: advice_has_unit() */
        return a->kind != AIU_MANAGER_SYSTEMD_USER || a->user == b->user;
}

/* A session scope is a login: stopping it logs the user out. Its processes are ended one by one. */
static bool is_session(const struct manager *m)
{
        return m->unit && strncmp(m->unit, "session-", 8) == 0 && !m->socket_unit;
}

static bool is_of(const struct aiu_holder *holder, const struct manager *m)
{
        return advice_has_unit(holder) && same_manager(holder->manager, m) && !is_session(holder->manager);
}

/* A stop reaches neither what an earlier stop left behind nor what KillMode= spares. */
static bool stops(const struct aiu_holder *holder, const void *what)
{
        return is_of(holder, what) && !(holder->flags & (AIU_HOLDER_UNIT_LEFTOVER | AIU_HOLDER_UNIT_SPARED));
}

static bool left_over(const struct aiu_holder *holder, const void *what)
{
        return is_of(holder, what) && holder->flags & AIU_HOLDER_UNIT_LEFTOVER;
}

/* systemctl kill would end the new run of a unit together with what is left of the old one. */
static bool runs_again(const struct manager *m)
{
        return m->unit_state && strcmp(m->unit_state, "inactive") != 0 && strcmp(m->unit_state, "failed") != 0;
}

/* ------------------------------------------------------ what else a stop ends */

static bool is_main(const struct aiu_holder *holder)
{
        const struct process *p = holder->process;
        pid_t main_pid = holder->manager->main_pid;

        return p->pid == main_pid || (p->leading && p->leading->pid == main_pid);
}

/* The main process of a container's unit watches over the container: the unit has to be asked. */
static bool knows_main(const struct aiu_holder *holder, const struct manager *m)
{
        const struct manager *its = holder->manager;

        return advice_is_process(holder) && its->main_pid > 0 && !its->container && !its->socket_unit &&
               strcmp(its->unit, m->unit) == 0;
}

/* How many of the unit's processes do not hold the socket. */
static uint32_t count_others(const struct advice_input *in, const struct manager *m)
{
        uint32_t most = 0;

        for (size_t i = 0; i < in->n_conflicts; i++) {
                uint32_t n = 0;

                for (size_t k = 0; k < in->conflicts[i].n_holders; k++)
                        n += stops(&in->conflicts[i].holders[k], m);
                if (n > most)
                        most = n;
        }
        return m->n_processes > most ? m->n_processes - most : 0;
}

/* A job of a build server, a shell of a terminal's server: a stop of the unit ends much that is not in the way. */
static void count_innocents(const struct advice_input *in, struct aiu_action *action)
{
        const struct manager *m = action->manager;
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        /* Without a .socket unit it has a unit: advice_has_unit(). */
        if (m->socket_unit)
                return;
        while ((h = advice_next(in, &at)))
                if (stops(h, m) && (!knows_main(h, m) || is_main(h)))
                        return;
        action->remarks |= REMARK_WHOLE_UNIT;
        action->n_others = count_others(in, m);
}

/* ------------------------------------------------------ actions */

static bool is_another_users(const struct advice_input *in)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(in, &at)))
                if (advice_is_process(h) && h->uid != in->asker)
                        return true;
        return false;
}

static uint32_t stop_flags(const struct advice_input *in, const struct manager *m)
{
        if ((m->kind == AIU_MANAGER_SYSTEMD_USER && m->user == in->asker) ||
            (m->kind == AIU_MANAGER_SUPERVISOR && !is_another_users(in)))
                return AIU_ACTION_DISRUPTIVE;
        return AIU_ACTION_DISRUPTIVE | AIU_ACTION_NEEDS_ROOT;
}

/* What the text has to say of one holder whose unit is stopped. */
static uint32_t unit_remarks(const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;
        uint32_t remarks = 0;

        /* A backend that knows what starts it again has looked. */
        if (manager_is_systemd(m) && !m->unit_state && m->will_return == UNKNOWN)
                remarks |= REMARK_UNASKED;
        if (m->enabled && strcmp(m->enabled, "enabled") == 0)
                remarks |= REMARK_AT_BOOT;
        if (holder->flags & AIU_HOLDER_SAME_PROGRAM)
                remarks |= REMARK_SECOND_COPY;
        return remarks;
}

static void add_holders(struct advice_list *list, struct aiu_action *action, releases *who)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(list->in, &at)) && !list->error) {
                if (!who(h, action->manager))
                        continue;
                action->remarks |= unit_remarks(h);
                list->error = add_units_of(action, h->manager);
        }
}

static void ask_one(struct advice_list *list, const struct manager *m, enum aiu_action_kind kind, releases *who)
{
        uint32_t remarks = 0;
        struct aiu_action *action;
        tristate enough = advice_try(list->in, who, m, &remarks);

        if (conflict_is_about_path(list->in->table->request) && kind == AIU_ACTION_STOP_UNIT)
                enough = advice_file_goes(list->in, who, m);
        action = advice_add(list, kind, enough, stop_flags(list->in, m));
        if (!action)
                return;
        action->remarks = remarks;
        action->manager = m;
        add_holders(list, action, who);
        /* A cgroup's name alone tells neither what starts the unit again nor whether the unit is dead. */
        if (action->remarks & REMARK_UNASKED)
                advice_doubt(action, 0);
        advice_weigh_word(list->in, action);
        if (kind == AIU_ACTION_KILL_UNIT_LEFTOVERS)
                action->flags |= AIU_ACTION_LAST_RESORT;
        else if (manager_is_systemd(m))
                count_innocents(list->in, action);
}

static bool asked_already(const struct advice_list *list, const struct manager *m, enum aiu_action_kind kind)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->actions[i].kind == kind && same_manager(list->actions[i].manager, m))
                        return true;
        return false;
}

void advice_stop_units(struct advice_list *list)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(list->in, &at))) {
                bool dead = h->flags & AIU_HOLDER_UNIT_LEFTOVER;
                enum aiu_action_kind kind = dead ? AIU_ACTION_KILL_UNIT_LEFTOVERS : AIU_ACTION_STOP_UNIT;

                if (advice_has_unit(h) && !is_session(h->manager) && !asked_already(list, h->manager, kind) &&
                    (dead ? !runs_again(h->manager) : stops(h, h->manager)))
                        ask_one(list, h->manager, kind, dead ? left_over : stops);
        }
}

/* ------------------------------------------------------ socket activation */

/* "foo.service" and "foo.socket", where systemd was not asked which unit starts which. */
static bool same_stem(const char *a, const char *b)
{
        size_t n = strcspn(a, "@."), m = strcspn(b, "@.");

        return n == m && memcmp(a, b, n) == 0;
}

/* The caller is the service whose own .socket unit has the address: systemd passes the socket to it. */
static bool is_passed_to(const struct aiu_holder *holder, const void *what)
{
        const struct manager *m = holder->manager, *own = what;

        if (!m || !m->socket_unit || !own->unit || !same_manager(m, own))
                return false;
        return m->unit ? strcmp(m->unit, own->unit) == 0 : same_stem(m->socket_unit, own->unit);
}

void advice_use_activation(struct advice_list *list)
{
        const struct manager *own = list->in->own;

        if (own && manager_is_systemd(own) && advice_any_holder(list->in, is_passed_to, own))
                (void)advice_add(list, AIU_ACTION_USE_ACTIVATION, YES, AIU_ACTION_CHANGES_CODE);
}
