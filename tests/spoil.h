/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages with one thing wrong: see spoil.c. */
#ifndef AIU_SPOIL_H
#define AIU_SPOIL_H

#include <netlink/attr.h>

/* Run `look` with each attribute of a list, and each inside of it down to `depth`, once gone, once
 * empty, once one byte long, once all zeros, once all ones. The message is as it was, afterwards. */
void spoil_attributes(struct nlattr *first, int left, int depth, void (*look)(void *), void *userdata);

#endif
