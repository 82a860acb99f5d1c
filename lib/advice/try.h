/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "Would the bind succeed if ...?", answered on the facts. */
#ifndef AIU_ADVICE_TRY_H
#define AIU_ADVICE_TRY_H

#include "advice/advice.h"

/* Does this holder release its socket when the action is carried out on `what`? */
typedef bool releases(const struct aiu_holder *holder, const void *what);

/* Is there a holder that releases its socket? */
bool advice_any_holder(const struct advice_input *in, releases *who, const void *what);
/* The caller itself. */
bool advice_is_own(const struct aiu_holder *holder, const void *what);

/*
 * The verdict with another request, another host, or other sockets (port_table::after); NULL = as they are. An errno
 * that was seen belongs to the facts as they were: it does not count.
 */
tristate advice_what_if(const struct port_table *table, const struct request *q, const struct host *host,
                        const unsigned char *after);

/* The verdict when all holders that `who` names have released their sockets. Adds REMARK_* that qualify it. */
tristate advice_try(const struct advice_input *in, releases *who, const void *what, uint32_t *remarks);

/* A path stays in use while there is a file: does the file go with these holders? */
tristate advice_file_goes(const struct advice_input *in, releases *who, const void *what);

#endif
