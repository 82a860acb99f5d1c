/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An argument vector → a command line that every shell reads back as that vector. */
#ifndef AIU_QUOTE_H
#define AIU_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/strbuf.h"

/* No shell can be told a word that ends in a newline: "$(...)" drops it. */
bool quote_is_possible(const char *const *argv);
/* The line begins in column `indent`; where it is too long, it continues four columns further in. */
void quote_argv(struct strbuf *out, const char *const *argv, size_t indent);

#endif
