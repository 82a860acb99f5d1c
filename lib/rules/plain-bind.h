/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does the answer hang on SO_REUSEADDR? Pure. */
#ifndef AIU_PLAIN_BIND_H
#define AIU_PLAIN_BIND_H

#include "rules/port-table.h"

/* The same bind() without SO_REUSEADDR; all zero where it does not ask for that, or is not about TCP. */
struct plain_bind plain_bind_predict(const struct port_table *table);

#endif
