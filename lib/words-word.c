/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an action says, and who runs its command, where a less privileged user could have chosen the name. */
#include "words.h"

/* Its command runs as the user whose word it is: that user can do the same without it. */
static bool acts_as_user(const struct manager *m)
{
        if (m->named_by == 0 || m->named_by == UID_UNKNOWN || m->user != m->named_by)
                return false;
        return m->kind == AIU_MANAGER_SYSTEMD_USER || m->kind == AIU_MANAGER_DOCKER || m->kind == AIU_MANAGER_PODMAN ||
               m->kind == AIU_MANAGER_CONTAINERD;
}

bool words_refuses_name(const struct aiu_action *action)
{
        return action->remarks & REMARK_USERS_WORD && !acts_as_user(action->manager);
}

void words_whose_word(struct text *text, const struct aiu_action *action)
{
        const struct manager *m = action->manager;

        if (!(action->remarks & REMARK_USERS_WORD))
                return;
        if (m->named_by == UID_UNKNOWN)
                text_add(text, "; which user chose that name is unknown, so there is no command that acts on it");
        else if (acts_as_user(m))
                text_add(text, "; that is the word of uid %u, as whom the command runs", (unsigned)m->named_by);
        else
                text_add(text, "; that is the word of uid %u, so there is no command that acts on it",
                         (unsigned)m->named_by);
}
