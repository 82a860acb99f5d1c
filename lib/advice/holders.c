/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holders that have a manager: stop them through it. Pure. advice/end.c ends processes,
 * advice/advice.c has the other actions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "advice/list.h"
#include "advice/manager-commands.h"

/* ------------------------------------------------------ processes */

bool advice_has_unit(const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;

        return m && (m->unit || m->socket_unit) && manager_command(m, STOPS_UNITS);
}

/* A service manager that holds a socket for its units: pid 1, or a user's. It is never ended for that. */
static bool is_proxy(const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;

        return m && manager_is_systemd(m) && (m->socket_unit || !m->unit) && holder->process->comm &&
               strcmp(holder->process->comm, "systemd") == 0;
}

bool advice_is_process(const struct aiu_holder *holder)
{
        return holder->kind == AIU_HOLDER_PROCESS && holder->process && holder->process->pid > 1 && !is_proxy(holder) &&
               !advice_is_port_helper(holder);
}

/* Somebody brings a holder back: then ending it frees nothing for long. */
static tristate somebody_returns(const struct advice_input *in)
{
        tristate returns = NO;

        for (size_t i = 0; i < in->n_conflicts; i++) {
                for (size_t k = 0; k < in->conflicts[i].n_holders; k++) {
                        const struct manager *m = in->conflicts[i].holders[k].manager;

                        if (!m || m->kind == AIU_MANAGER_UNKNOWN || m->kind == AIU_MANAGER_NONE)
                                continue;
                        returns = tri_or(returns, advice_returns(in, m));
                }
        }
        return returns;
}

static uint32_t privilege_flag(const struct advice_input *in)
{
        for (size_t i = 0; i < in->n_conflicts; i++)
                for (size_t k = 0; k < in->conflicts[i].n_holders; k++)
                        if (advice_is_process(&in->conflicts[i].holders[k]) &&
                            in->conflicts[i].holders[k].uid != in->asker)
                                return AIU_ACTION_NEEDS_ROOT;
        return 0;
}

tristate advice_unless_returned(const struct advice_input *in, tristate sufficient, uint32_t *remarks)
{
        tristate returns = somebody_returns(in);

        if (returns == NO || sufficient == NO)
                return sufficient;
        *remarks |= REMARK_RETURNS;
        return returns == YES ? NO : UNKNOWN;
}

/*
 * A path stays in use for as long as there is a file, even when its server is gone.
 * Is the file removed? RemoveOnStop= of the .socket unit tells. What a daemon does
 * when it is asked to exit is unknown.
 */
tristate advice_file_goes(const struct advice_input *in, releases *who, const void *what)
{
        tristate goes = in->holders_complete ? YES : UNKNOWN;

        for (size_t i = 0; i < in->n_conflicts; i++) {
                for (size_t k = 0; k < in->conflicts[i].n_holders; k++) {
                        const struct aiu_holder *h = &in->conflicts[i].holders[k];
                        tristate known = h->manager ? h->manager->removes_file : UNKNOWN;

                        if (!who(h, what))
                                return NO;
                        goes = tri_and(goes, known);
                }
        }
        return goes;
}

bool advice_is_about_path(const struct advice_input *in)
{
        const struct address *a = &in->table->request->address;

        return a->sa.any.sa_family == AF_UNIX && !address_is_abstract(a);
}

/* ------------------------------------------------------ managers */

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

/* What would start it again first: a unit that Upholds= another, a timer, a listening socket. */
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

/* A stop reaches neither what an earlier one has left behind nor what KillMode= spares. */
static bool asked_at(const struct aiu_holder *holder, const void *what)
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

static uint32_t stop_flags(const struct advice_input *in, const struct manager *m)
{
        if ((m->kind == AIU_MANAGER_SYSTEMD_USER && m->user == in->asker) ||
            (m->kind == AIU_MANAGER_SUPERVISOR && privilege_flag(in) == 0))
                return AIU_ACTION_DISRUPTIVE;
        return AIU_ACTION_DISRUPTIVE | (in->asker != 0 ? AIU_ACTION_NEEDS_ROOT : 0);
}

/* What is known of one holder that the text has to say when its unit is stopped. */
static uint32_t unit_remarks(const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;
        uint32_t remarks = 0;

        /* A known will_return comes from something better than the cgroup's name. */
        if (manager_is_systemd(m) && !m->unit_state && m->will_return == UNKNOWN)
                remarks |= REMARK_UNASKED;
        if (m->enabled && strcmp(m->enabled, "enabled") == 0)
                remarks |= REMARK_AT_BOOT;
        if (holder->flags & AIU_HOLDER_SAME_PROGRAM)
                remarks |= REMARK_SECOND_COPY;
        return remarks;
}

/* The cgroup's name alone does not tell what starts the unit again, or whether it is dead. */
static tristate if_asked(const struct advice_input *in, releases *whose, const struct manager *m, tristate enough,
                         uint32_t *remarks)
{
        for (size_t i = 0; i < in->n_conflicts; i++)
                for (size_t k = 0; k < in->conflicts[i].n_holders; k++)
                        if (whose(&in->conflicts[i].holders[k], m))
                                *remarks |= unit_remarks(&in->conflicts[i].holders[k]);
        return enough == YES && *remarks & REMARK_UNASKED ? UNKNOWN : enough;
}

static void ask_one(struct advice_list *list, const struct manager *m, enum aiu_action_kind kind, releases *whose)
{
        uint32_t remarks = 0;
        struct aiu_action *action;
        tristate enough = advice_try(list->in, whose, m, &remarks);

        if (advice_is_about_path(list->in) && kind == AIU_ACTION_STOP_UNIT)
                enough = advice_file_goes(list->in, whose, m);
        enough = if_asked(list->in, whose, m, enough, &remarks);
        action = advice_add(list, kind, enough, stop_flags(list->in, m));
        if (!action)
                return;
        if (kind == AIU_ACTION_KILL_UNIT_LEFTOVERS)
                action->flags |= AIU_ACTION_LAST_RESORT;
        action->remarks = remarks;
        action->manager = m;
        advice_weigh_word(list->in, action);
        if (kind == AIU_ACTION_STOP_UNIT && manager_is_systemd(m))
                advice_spare_others(list, action, whose, m);
        for (size_t i = 0; i < list->in->n_conflicts; i++) {
                const struct aiu_conflict *c = &list->in->conflicts[i];

                for (size_t k = 0; k < c->n_holders && !list->error; k++)
                        if (whose(&c->holders[k], m))
                                list->error = add_units_of(action, c->holders[k].manager);
        }
}

static bool asked_already(const struct advice_list *list, const struct manager *m, enum aiu_action_kind kind)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->actions[i].kind == kind && same_manager(list->actions[i].manager, m))
                        return true;
        return false;
}

/* "foo.service" and "foo.socket", if systemd could not be asked which starts which. */
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

        if (!own || !manager_is_systemd(own))
                return;
        for (size_t i = 0; i < list->in->n_conflicts; i++)
                for (size_t k = 0; k < list->in->conflicts[i].n_holders; k++)
                        if (is_passed_to(&list->in->conflicts[i].holders[k], own)) {
                                (void)advice_add(list, AIU_ACTION_USE_ACTIVATION, YES, AIU_ACTION_CHANGES_CODE);
                                return;
                        }
}

/* One action for each manager that has a unit in the way. */
void advice_stop_units(struct advice_list *list)
{
        for (size_t i = 0; i < list->in->n_conflicts; i++) {
                for (size_t k = 0; k < list->in->conflicts[i].n_holders; k++) {
                        const struct aiu_holder *h = &list->in->conflicts[i].holders[k];
                        bool dead = h->flags & AIU_HOLDER_UNIT_LEFTOVER;
                        enum aiu_action_kind kind = dead ? AIU_ACTION_KILL_UNIT_LEFTOVERS : AIU_ACTION_STOP_UNIT;

                        if (!advice_has_unit(h) || is_session(h->manager) || asked_already(list, h->manager, kind) ||
                            (dead ? runs_again(h->manager) : !asked_at(h, h->manager)))
                                continue;
                        ask_one(list, h->manager, kind, dead ? left_over : asked_at);
                }
        }
}
