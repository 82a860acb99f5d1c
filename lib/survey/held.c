/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* orphan, inherited, deleted-exe: what is odd about the processes that hold a socket. Pure. */
#include <stdio.h>
#include <string.h>

#include "rules/address.h"
#include "survey/survey.h"
#include "util/macro.h"

static bool is_process(const struct aiu_holder *h)
{
        return h->process && (h->kind == AIU_HOLDER_PROCESS || h->kind == AIU_HOLDER_SELF);
}

/* One holder has many sockets: the first one of the survey that it has stands for them. */
static bool was_told(const struct aiu_survey *survey, enum aiu_hazard_kind kind, const struct process *process)
{
        for (size_t i = survey->n_hazards; i-- > 0;) {
                const struct aiu_hazard *h = &survey->hazards[i];
                const struct aiu_conflict *c = h->n_sockets > 0 ? &survey->facts->conflicts[h->sockets[0]] : NULL;

                for (size_t k = 0; c && h->kind == kind && k < c->n_holders; k++)
                        if (c->holders[k].process == process)
                                return true;
        }
        return false;
}

/* All sockets of the process, at most as many as a sentence can stand for. */
#define MOST_SOCKETS 256u

static bool is_held_by(const struct aiu_conflict *c, const struct process *process)
{
        for (size_t k = 0; k < c->n_holders; k++)
                if (c->holders[k].process == process)
                        return true;
        return false;
}

static size_t sockets_of(const struct aiu_survey *survey, const struct process *process, size_t first,
                         size_t ret[MOST_SOCKETS])
{
        size_t n = 0;

        for (size_t i = first; i < survey->facts->n_conflicts && n < MOST_SOCKETS; i++) {
                const struct aiu_conflict *c = &survey->facts->conflicts[i];

                if (address_is_ip(&c->socket.local) && is_held_by(c, process))
                        ret[n++] = i;
        }
        return n;
}

/* "nginx (pid 8) holds 0.0.0.0:80/tcp and 2 other sockets" */
static void put_holds(struct strbuf *out, const struct aiu_survey *survey, const struct aiu_holder *h,
                      const size_t *sockets, size_t n)
{
        survey_put_process(out, h);
        strbuf_str(out, " holds ");
        survey_put_address(out, &survey->facts->conflicts[sockets[0]].socket);
        if (n > 1)
                strbuf_printf(out, " and %zu other socket%s", n - 1, n == 2 ? "" : "s");
}

/* ------------------------------------------------------ orphan */

/* A daemon that began a session of its own wanted to be without a parent. */
static bool is_orphan(const struct aiu_holder *h)
{
        const struct process *p = h->process;

        if (h->flags & AIU_HOLDER_UNIT_LEFTOVER)
                return true;
        return h->flags & AIU_HOLDER_ORPHAN && p->session != p->pid && !survey_service(h) &&
               !(h->manager && (h->manager->container || h->manager->supervisor));
}

/* systemctl(1) asks the system's manager, or that of its caller. A user may have chosen the name of any other unit. */
static void put_command(struct hazard_draft *draft, const char *verb, const struct manager *manager)
{
        if (manager->kind == AIU_MANAGER_SYSTEMD_USER || manager->named_by != 0)
                return;
        draft->argv[0] = "systemctl";
        draft->argv[1] = verb;
        draft->argv[2] = manager->unit;
}

static int say_orphan(struct aiu_survey *survey, const struct aiu_holder *h, size_t socket)
{
        size_t sockets[MOST_SOCKETS], n = sockets_of(survey, h->process, socket, sockets);
        struct hazard_draft draft = {
                .kind = AIU_HAZARD_ORPHAN, .severity = AIU_SEVERITY_WARNING, .sockets = sockets, .n_sockets = n
        };
        const char *service = survey_service(h);
        char pid[16];

        (void)snprintf(pid, sizeof(pid), "%d", (int)h->process->pid);
        put_holds(&draft.text, survey, h, sockets, n);
        if (h->flags & AIU_HOLDER_UNIT_LEFTOVER && service) {
                strbuf_str(&draft.text, " and is left over from ");
                strbuf_outside(&draft.text, service);
                strbuf_str(&draft.text, ", which does not run: the next start of the unit will fail");
                strbuf_str(&draft.fix, "end what is left of the unit");
                put_command(&draft, "kill", h->manager);
        } else {
                strbuf_str(&draft.text, ", but the program that started it is gone, and no service manager knows it");
                strbuf_str(&draft.fix, "if the process is not wanted, end it");
                draft.argv[0] = "kill";
                draft.argv[1] = pid;
        }
        return hazard_add(survey, &draft);
}

/* ------------------------------------------------------ deleted-exe */

/* A program that runs out of memory alone (memfd_create(2)) never had a file. */
static bool has_deleted_exe(const struct aiu_holder *h)
{
        return h->flags & AIU_HOLDER_DELETED_EXE && h->process->exe && strncmp(h->process->exe, "/memfd:", 7) != 0;
}

static int say_deleted(struct aiu_survey *survey, const struct aiu_holder *h, size_t socket)
{
        size_t sockets[MOST_SOCKETS], n = sockets_of(survey, h->process, socket, sockets);
        struct hazard_draft draft = {
                .kind = AIU_HAZARD_DELETED_EXE, .severity = AIU_SEVERITY_WARNING, .sockets = sockets, .n_sockets = n
        };

        put_holds(&draft.text, survey, h, sockets, n);
        strbuf_str(&draft.text, " and runs ");
        strbuf_outside(&draft.text, h->process->exe);
        strbuf_str(&draft.text, ", which was deleted or replaced: an upgrade takes effect at its next start");
        strbuf_str(&draft.fix, "start it again");
        if (survey_service(h))
                put_command(&draft, "restart", h->manager);
        return hazard_add(survey, &draft);
}

/* ------------------------------------------------------ inherited */

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* Programs that start others in order that these serve the socket. */
static bool passes_sockets_on(const struct process *p)
{
        static const char *const names[] = { "inetd",        "xinetd",  "tcpserver",  "master",
                                             "dovecot",      "einhorn", "circusd",    "supervisord",
                                             "s6-fdholderd", "dockerd", "containerd", "rootlesskit",
                                             "start_server", "uwsgi",   "systemd",    "systemd-socket-activate" };

        return is_one_of(base_name(p->exe), names, ELEMENTSOF(names)) || is_one_of(p->label, names, ELEMENTSOF(names));
}

static bool is_ancestor(const struct process *old, const struct process *young)
{
        for (size_t i = 0; i < young->n_ancestors; i++)
                if (young->ancestor_pids[i] == old->pid)
                        return true;
        return false;
}

/* A descriptor that was sent was meant to be. One that a child program has, may be an oversight. */
static bool is_inherited(const struct aiu_holder *from, const struct aiu_holder *by)
{
        const struct process *a = from->process, *b = by->process;

        if (!a->exe || !b->exe || strcmp(a->exe, b->exe) == 0 || passes_sockets_on(a) ||
            a->flags & AIU_HOLDER_DELETED_EXE)
                return false;
        return is_ancestor(a, b);
}

static int say_inherited(struct aiu_survey *survey, const struct aiu_holder *from, const struct aiu_holder *by,
                         size_t socket)
{
        struct hazard_draft draft = {
                .kind = AIU_HAZARD_INHERITED, .severity = AIU_SEVERITY_WARNING, .sockets = &socket, .n_sockets = 1
        };

        survey_put_process(&draft.text, by);
        strbuf_str(&draft.text, " also holds ");
        survey_put_address(&draft.text, &survey->facts->conflicts[socket].socket);
        strbuf_str(&draft.text, " of ");
        survey_put_process(&draft.text, from);
        strbuf_str(&draft.text, ", which started it: the port stays in use when the server ends");
        strbuf_str(&draft.fix, "open the socket with SOCK_CLOEXEC in ");
        survey_put_process(&draft.fix, from);
        return hazard_add(survey, &draft);
}

static int look_for_inheritor(struct aiu_survey *survey, size_t socket)
{
        const struct aiu_conflict *c = &survey->facts->conflicts[socket];
        const struct aiu_holder *from = survey_master(survey, socket);

        if (c->n_holders < 2 || !from || !is_process(from))
                return 0;
        for (size_t k = 0; k < c->n_holders; k++)
                if (is_process(&c->holders[k]) && is_inherited(from, &c->holders[k]) &&
                    !was_told(survey, AIU_HAZARD_INHERITED, c->holders[k].process))
                        return say_inherited(survey, from, &c->holders[k], socket);
        return 0;
}

/* ------------------------------------------------------ all of them */

static int look_at_holder(struct aiu_survey *survey, const struct aiu_holder *h, size_t socket)
{
        int r = 0;

        if (is_orphan(h) && !was_told(survey, AIU_HAZARD_ORPHAN, h->process))
                r = say_orphan(survey, h, socket);
        if (r >= 0 && has_deleted_exe(h) && !was_told(survey, AIU_HAZARD_DELETED_EXE, h->process))
                r = say_deleted(survey, h, socket);
        return r;
}

int hazards_held(struct aiu_survey *survey)
{
        const struct aiu_report *facts = survey->facts;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < facts->n_conflicts; i++) {
                const struct aiu_conflict *c = &facts->conflicts[i];

                if (!address_is_ip(&c->socket.local))
                        continue;
                for (size_t k = 0; r >= 0 && k < c->n_holders; k++)
                        if (is_process(&c->holders[k]) && !(c->holders[k].flags & AIU_HOLDER_WORKER))
                                r = look_at_holder(survey, &c->holders[k], i);
                if (r >= 0)
                        r = look_for_inheritor(survey, i);
        }
        return r;
}
