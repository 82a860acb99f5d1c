/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A socket belongs to the user who created it, whichever process has it open now: any user may send one to a daemon
 * that reads SCM_RIGHTS, and so have the daemon blamed for the port. Most that hold another user's socket do so by
 * design: a daemon that bound as root and dropped that uid, in a container as root of there; a service manager for
 * its units; what an engine of containers leaves to hold a port.
 */
#include "rules/handed-over.h"
#include "rules/programs.h"

bool handed_over(const struct aiu_holder *holder, uid_t uid)
{
        const struct process *p = holder->process;

        if (!p || !p->has_uids || !p->comm || uid == 0 || uid == UID_UNKNOWN || uid == p->root_uid)
                return false;
        for (size_t i = 0; i < 4; i++)
                if (p->uids[i] == uid)
                        return false;
        return p->pid != 1 && !(program_flags(p->comm) & (PROGRAM_SERVICE_MANAGER | PROGRAM_CONTAINER_HELPER));
}
