/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What frees an AF_UNIX path. It is taken as soon as anything is there, so that only the removal of the file helps.
 * That is advised of a socket file alone, and only where it was shown that no socket is bound to it: unlink(2) would
 * cut a live server off from its clients. Pure.
 */
#include "advice/parts.h"
#include "advice/try.h"

/* Would bind() succeed with the file gone? The socket may be bound already. */
static tristate try_removal(const struct advice_input *in)
{
        struct host host = *in->table->host;

        host.name_exists = NO;
        host.name_error = 0;
        return advice_what_if(in->table, NULL, &host, NULL);
}

static void other_name(struct advice_list *list)
{
        (void)advice_add(list, AIU_ACTION_OTHER_ADDRESS, UNKNOWN, AIU_ACTION_CHANGES_CODE);
}

static void remove_file(struct advice_list *list)
{
        tristate removable = list->in->table->host->name_removable;
        struct aiu_action *action;

        action = advice_add(list, AIU_ACTION_REMOVE_FILE, tri_and(try_removal(list->in), removable),
                            removable == NO ? AIU_ACTION_NEEDS_ROOT : 0);
        if (!action)
                return;
        action->file_device = list->in->table->host->name_device;
        action->file_inode = list->in->table->host->name_inode;
        if (removable == NO)
                action->remarks = REMARK_NOT_REMOVABLE;
        if (removable != YES)
                other_name(list);
}

static bool is_held(const struct advice_input *in)
{
        for (size_t i = 0; i < in->n_conflicts; i++)
                if (in->conflicts[i].index != NO_SOCKET)
                        return true;
        return false;
}

void advice_for_path(struct advice_list *list)
{
        const struct host *host = list->in->table->host;

        if (is_held(list->in) || host->name_exists != YES) {
                advice_in_use(list);
        } else if (host->name_is_socket == YES && host->name_live == NO) {
                remove_file(list);
        } else {
                other_name(list);
                /* A server may be behind the file, and there is no holder to name. */
                if (host->name_is_socket != NO)
                        advice_look_closer(list, REMARK_FILE_UNKNOWN);
        }
}
