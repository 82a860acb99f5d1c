/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of the advice, from the top of the tree to its leaves: advice.c asks one of the first group by verdict,
 * that asks the files below it, and none asks back.
 */
#ifndef AIU_ADVICE_PARTS_H
#define AIU_ADVICE_PARTS_H

#include "advice/list.h"

/* By verdict. In use: a path (path.c), port 0 (port-search.c), any other address (in-use.c). */
void advice_for_path(struct advice_list *list);
void advice_for_range(struct advice_list *list);
void advice_in_use(struct advice_list *list);
/* No socket is in the way (refused.c): the address is not here, a privilege is missing, the call is wrong. */
void advice_not_local(struct advice_list *list);
void advice_not_permitted(struct advice_list *list);
void advice_invalid(struct advice_list *list);

/* A neighbour of the address in 127.0.0.0/8 that is free (in-use.c). */
void advice_other_address(struct advice_list *list);

/* What makes holders release the address: unit.c, container.c, end.c, kernel.c. */
void advice_use_activation(struct advice_list *list);
void advice_stop_units(struct advice_list *list);
void advice_stop_containers(struct advice_list *list);
void advice_end_helpers(struct advice_list *list);
void advice_end_processes(struct advice_list *list);
void advice_stop_kernel_users(struct advice_list *list);
/* After a SIGTERM: the signal that a known daemon prefers, if the last action ends its master (signal.c). */
void advice_own_signal(struct advice_list *list);

/* At the end, for all actions: what makes them less certain (doubts.c), and their order (order.c). */
void advice_mark_doubts(struct advice_list *list);
void advice_sort(struct advice_list *list);

#endif
