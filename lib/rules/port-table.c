/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A verdict is asked for dozens of times, on the same facts: judgements are kept. Pure. */
#include <errno.h>
#include <stdlib.h>

#include "rules/conflict.h"
#include "rules/history.h"
#include "rules/port-table.h"

/* The kernel does not look at these sockets. */
static void overrule(struct port_table *table)
{
        for (size_t i = 0; i < table->n_sockets; i++)
                if (table->judged[i].blocking != NO)
                        table->judged[i] = (struct judgement){ .overlap = table->judged[i].overlap,
                                                               .reason = AIU_REASON_BUCKET_HISTORY,
                                                               .blocking = NO,
                                                               .admits = table->judged[i].admits };
}

int port_table_judge(struct port_table *table)
{
        struct judgement *judged;

        if (table->n_sockets == 0)
                return 0;
        judged = malloc(table->n_sockets * sizeof(*judged));
        if (!judged)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_sockets; i++)
                judged[i] = conflict_judge(table->request, &table->sockets[i], table->host);
        table->judged = judged;
        table->judged_request = table->request;
        table->judged_host = table->host;
        if (history_overrules(table))
                overrule(table);
        return 0;
}

void port_table_finish(struct port_table *table)
{
        free(table->judged);
        table->judged = NULL;
}

struct judgement port_table_judgement(const struct port_table *table, size_t i)
{
        if (table->judged && table->judged_request == table->request && table->judged_host == table->host)
                return table->judged[i];
        return conflict_judge(table->request, &table->sockets[i], table->host);
}
