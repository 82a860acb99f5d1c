/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each socket with its holders, and one word for who has it: the unit, the container, else the program. It outlives a
 * restart, so that a plan and an alarm can be about it. No process id is part of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "render/phrases.h"
#include "report/build.h"
#include "rules/address.h"
#include "rules/leader.h"
#include "survey/survey.h"
#include "util/escape.h"
#include "util/macro.h"

/* ------------------------------------------------------ words */

void survey_put_address(struct strbuf *out, const struct socket *socket)
{
        char text[ADDRESS_TEXT_BYTES];

        address_print_port(&socket->local, text, sizeof(text));
        strbuf_str(out, text);
        if (!address_is_ip(&socket->local))
                return;
        strbuf_str(out, "/");
        strbuf_str(out, phrase_protocol(socket->type, socket->protocol));
}

void survey_put_socket(struct strbuf *out, const struct aiu_survey *survey, size_t i)
{
        survey_put_address(out, &survey->facts->conflicts[i].socket);
        strbuf_printf(out, " (%s)", survey->owners[i] ? survey->owners[i] : "owner not visible");
}

static const char *program_of(const struct process *process)
{
        return process->label ? process->label : process->comm;
}

void survey_put_process(struct strbuf *out, const struct aiu_holder *holder)
{
        if (program_of(holder->process))
                strbuf_outside(out, program_of(holder->process));
        else
                strbuf_str(out, "a process");
        strbuf_printf(out, " (pid %d)", (int)holder->process->pid);
}

/* ------------------------------------------------------ who */

const struct aiu_holder *survey_master(const struct aiu_survey *survey, size_t i)
{
        return phrase_server(&survey->facts->conflicts[i]);
}

static bool is_unit(const char *unit, const char *suffix)
{
        return unit && ends_with(unit, strlen(unit), suffix);
}

const char *survey_service(const struct aiu_holder *holder)
{
        const struct manager *m = holder ? holder->manager : NULL;

        if (!m ||
            (m->kind != AIU_MANAGER_SYSTEMD && m->kind != AIU_MANAGER_SYSTEMD_USER && m->kind != AIU_MANAGER_SNAP))
                return NULL;
        return is_unit(m->unit, ".service") ? m->unit : NULL;
}

/* A login session is no owner: it has any number of programs. */
static const char *managed_name(const struct aiu_holder *h)
{
        const struct manager *m = h->manager;

        if (!m)
                return NULL;
        if (m->socket_unit && (!h->process || phrase_is_service_manager(h)))
                return m->socket_unit;
        if (m->container)
                return m->container;
        if (m->kind == AIU_MANAGER_SUPERVISOR && m->unit)
                return m->unit;
        return survey_service(h);
}

/* One word: of a file of plans, of a line of a table. A program that calls itself * is not any owner. */
static void put_word(struct strbuf *out, const char *name, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (name[i] == ' ' || name[i] == '#' || (name[i] == '*' && n == 1))
                        strbuf_printf(out, "\\x%02x", (unsigned int)name[i]);
                else
                        strbuf_escaped(out, name + i, 1);
        }
}

void survey_put_name(struct strbuf *out, const char *name)
{
        put_word(out, name, strlen(name));
}

const char *survey_system_unit(const struct aiu_survey *survey, size_t i)
{
        const struct aiu_holder *h = survey_master(survey, i);
        const char *name = h ? managed_name(h) : NULL;

        if (!name || name == h->manager->container || h->manager->named_by != 0 ||
            (h->manager->kind != AIU_MANAGER_SYSTEMD && h->manager->kind != AIU_MANAGER_SNAP))
                return NULL;
        return name;
}

static int name_owner(const struct aiu_survey *survey, size_t i, char **ret)
{
        const struct aiu_holder *h = survey_master(survey, i);
        struct strbuf word = { 0 };
        const char *name = h ? managed_name(h) : NULL;
        size_t n = name ? strlen(name) : 0;

        if (name && h->manager->container == name)
                n = escape_shown(name);
        if (!name && h && h->process)
                name = program_of(h->process);
        else if (!name && h && h->kernel_user)
                name = "kernel";
        if (!name || !*name)
                return 0;
        put_word(&word, name, n ? n : strlen(name));
        return strbuf_steal(&word, ret);
}

static int name_owners(struct aiu_survey *survey)
{
        int r = 0;

        survey->owners = calloc(survey->facts->n_conflicts + 1, sizeof(*survey->owners));
        if (!survey->owners)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < survey->facts->n_conflicts; i++)
                r = name_owner(survey, i, &survey->owners[i]);
        return r;
}

/* ------------------------------------------------------ sockets */

/* The list of an inode's holders begins with the last one. */
static int add_processes(struct aiu_report *facts, const struct aiu_snapshot *s, struct aiu_conflict *c)
{
        const struct holder_ref *ref = NULL;
        int r = 0;

        while (r >= 0 && (ref = snapshot_holder_ref(s, c->socket.inode, ref)))
                r = build_holder(facts, c, ref);
        for (size_t i = 0; i < c->n_holders / 2; i++) {
                struct aiu_holder other = c->holders[i];

                c->holders[i] = c->holders[c->n_holders - 1 - i];
                c->holders[c->n_holders - 1 - i] = other;
        }
        return r;
}

static int add_holders(struct aiu_report *facts, const struct aiu_snapshot *s, struct aiu_conflict *c)
{
        int r = c->socket.inode != 0 ? add_processes(facts, s, c) : 0;

        if (r < 0 || c->n_holders > 0)
                return r;
        return build_kernel_users(facts, c, c->socket.inode);
}

static int add_sockets(struct aiu_report *facts, const struct aiu_snapshot *s)
{
        int r = 0;

        facts->conflicts = calloc(s->n_sockets + 1, sizeof(*facts->conflicts));
        if (!facts->conflicts)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < s->n_sockets; i++) {
                struct aiu_conflict *c = &facts->conflicts[facts->n_conflicts++];

                *c = (struct aiu_conflict){ .socket = s->sockets[i],
                                            .judgement = { .overlap = AIU_OVERLAP_NONE, .blocking = NO },
                                            .index = i };
                if (c->socket.netns == 0) /* elsewhere the number is another device, whose name is known */
                        build_device(s, &c->socket);
                r = add_holders(facts, s, c);
        }
        return r;
}

int survey_build(struct aiu_survey *survey, struct observation *o)
{
        struct aiu_report *facts = survey->facts;
        int r;

        build_take_facts(facts, &o->snapshot);
        r = add_sockets(facts, &o->snapshot);
        if (r >= 0)
                r = leader_find(facts->conflicts, facts->n_conflicts, facts->processes, facts->n_processes,
                                o->holders_complete);
        return r < 0 ? r : name_owners(survey);
}
