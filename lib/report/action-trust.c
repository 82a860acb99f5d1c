/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an action says, and who runs its command, where it rests on the word of a less privileged user. */
#include <string.h>

#include "advice/manager-commands.h"
#include "report/words.h"

/* libvirt registers its guests with machined as qemu-1-NAME. */
bool words_is_virtual_machine(const struct manager *m)
{
        return m->kind == AIU_MANAGER_MACHINE && m->container && strncmp(m->container, "qemu-", 5) == 0;
}

static const struct aiu_conflict *handed_over(const struct aiu_report *report)
{
        for (size_t i = 0; i < report->n_conflicts; i++)
                for (size_t k = 0; k < report->conflicts[i].n_holders; k++)
                        if (report->conflicts[i].holders[k].flags & AIU_HOLDER_HANDED_OVER)
                                return &report->conflicts[i];
        return NULL;
}

void words_who_made_it(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report)
{
        const struct aiu_conflict *c = handed_over(report);

        if (!(action->remarks & REMARK_HANDED_OVER) || !c)
                return;
        if (c->socket.uid == 0 || c->socket.uid == UID_UNKNOWN)
                strbuf_str(text, ". Another user made the socket and handed it over, perhaps unasked");
        else
                strbuf_printf(text, ". uid %u made the socket and handed it over, perhaps unasked",
                              (unsigned)c->socket.uid);
}

bool words_refuses_name(const struct aiu_action *action)
{
        return action->remarks & REMARK_USERS_WORD && !manager_acts_as_user(action->manager);
}

void words_whose_word(struct strbuf *text, const struct aiu_action *action)
{
        const struct manager *m = action->manager;

        if (!(action->remarks & REMARK_USERS_WORD))
                return;
        if (m->named_by == UID_UNKNOWN)
                strbuf_str(text, ". An unknown user may have chosen the name, so no command acts on it");
        else if (manager_acts_as_user(m) && !action->argv)
                strbuf_printf(text, ". This relies on what uid %u says", (unsigned)m->named_by);
        else if (manager_acts_as_user(m))
                strbuf_printf(text, ". This relies on what uid %u says, and the command runs as that user",
                              (unsigned)m->named_by);
        else
                strbuf_printf(text, ". This relies on what uid %u says, so no command acts on it",
                              (unsigned)m->named_by);
}
