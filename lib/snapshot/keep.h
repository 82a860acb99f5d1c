/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Members of a fact, copied into the snapshot. */
#ifndef AIU_KEEP_H
#define AIU_KEEP_H

#include <net/if.h>

#include "rules/model.h"

/* A string of at most `most` bytes; NULL stays NULL. */
int keep_string(char **to, const char *from, size_t most);
/* A later fact that knows more replaces an earlier one. */
int replace_long_string(char **to, const char *from, size_t most);
int replace_string(char **to, const char *from);
void replace_tristate(tristate *to, tristate from);
/* -EINVAL: it is shorter or longer than an address of its family. */
int copy_address(struct address *to, const struct sockaddr *from, socklen_t bytes);
/* An operand of a command: one that begins with "-" would be taken for an option. */
const char *as_operand(const char *name);
void copy_name(char to[IF_NAMESIZE], const char *from);

#endif
