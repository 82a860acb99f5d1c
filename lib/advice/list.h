/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the halves of advice.c share: the list of actions, and the question "what if they let go?". */
#ifndef AIU_ADVICE_LIST_H
#define AIU_ADVICE_LIST_H

#include "advice/advice.h"

struct advice_list {
        const struct advice_input *in;
        struct aiu_action *actions;
        size_t n;
        int error; /* -ENOMEM once memory ran out; then nothing more is added */
};

/* Appends an action without words; NULL = no memory. */
struct aiu_action *advice_add(struct advice_list *list, enum aiu_action_kind kind, tristate sufficient, uint32_t flags);

/* Does this holder let go of its socket when the action is carried out on `what`? */
typedef bool releases(const struct aiu_holder *holder, const void *what);

/* Does the bind succeed when all holders that `who` names have let go? Adds REMARK_* that qualify it. */
tristate advice_try(const struct advice_input *in, releases *who, const void *what, uint32_t *remarks);

bool advice_any_holder(const struct advice_input *in, releases *test);

/* Has it a unit, or a program of a supervisor, that can be asked to stop? (advice/holders.c) */
bool advice_has_unit(const struct aiu_holder *holder);

/* Does it hold the port for a container? Ending it leaves the container behind. (advice/container.c) */
bool advice_is_port_helper(const struct aiu_holder *holder);

/* Whose word is a manager's name? (advice/word.c) Can the asker trust it; an action that rests on it is not
 * certain otherwise; and whether it starts a holder again. */
bool advice_believes(const struct advice_input *in, const struct manager *m);
void advice_weigh_word(const struct advice_input *in, struct aiu_action *action);
tristate advice_returns(const struct advice_input *in, const struct manager *m);

/* Nothing is certain that ends who has a socket of another user's: that user may have chosen the holder. */
void advice_weigh_holders(struct advice_list *list);

/* What becomes of a socket when the last one who has it lets go. */
enum after advice_after(const struct socket *socket);

/* Port 0 (advice/port-search.c): all that helps; and the fate of the claims that a conflict stands for. */
void advice_for_range(struct advice_list *list);
void advice_mark_entries(const struct advice_input *in, size_t conflict, unsigned char *after, uint32_t *remarks);

/* No socket is in the way (advice/refused.c): the address is not here, a privilege is missing, the call is wrong. */
void advice_not_local(struct advice_list *list);
void advice_not_permitted(struct advice_list *list);
void advice_invalid(struct advice_list *list);

/* The order in which they are recommended (advice/order.c). */
void advice_sort(struct advice_list *list);

/* Holders could not all be seen: ask again with the privilege, or the time, that it takes. */
void advice_look_closer(struct advice_list *list);

/* All that helps with an address that a socket has, or an abstract name; with a path: advice/path.c. */
void advice_in_use(struct advice_list *list);
void advice_for_path(struct advice_list *list);

/* A neighbour of the address in 127.0.0.0/8 that is free. */
void advice_other_address(struct advice_list *list);

/* May the process be sent a signal? Not pid 1, a service manager, the caller, nor who serves a container. */
bool advice_is_process(const struct aiu_holder *holder);

/* Not where something starts a holder again: see REMARK_RETURNS. */
tristate advice_unless_returned(const struct advice_input *in, tristate sufficient, uint32_t *remarks);

/* A path stays in use while there is a file: do those who let go remove the file? */
bool advice_is_about_path(const struct advice_input *in);
tristate advice_file_goes(const struct advice_input *in, releases *who, const void *what);

/* Actions that make holders let go: managers are asked (advice/holders.c, advice/container.c), processes ended
 * (advice/end.c). */
void advice_use_activation(struct advice_list *list);
void advice_stop_units(struct advice_list *list);
void advice_stop_containers(struct advice_list *list);
void advice_end_processes(struct advice_list *list);
/* A stop of the unit ends more than the holder: say so, and count (advice/unit.c). */
void advice_spare_others(struct advice_list *list, struct aiu_action *action, releases *whose, const struct manager *m);
/* After SIGTERM: a known daemon's own word, if the last action ends its master (advice/signal.c). */
void advice_own_signal(struct advice_list *list);
void advice_end_helpers(struct advice_list *list);
void advice_stop_kernel_users(struct advice_list *list);

/* Of each action: does it reach, from here, what it is about? (advice/where.c) */
void advice_mark_places(struct advice_list *list);
/* Of the actions so far, those that end a process that the caller runs in (advice/ancestor.c). */
void advice_mark_ancestors(struct advice_list *list);

#endif
