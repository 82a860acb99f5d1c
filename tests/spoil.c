/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What no kernel sends, for the parsers: see spoil.h. */
#include "spoil.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define GONE 0x3f00             /* a type that nobody has */

enum { NOT_THERE, EMPTY, ONE_BYTE, ZEROS, ONES, WAYS };

static void spoil(struct nlattr *a, int way)
{
        size_t n = (size_t)nla_len(a);

        switch (way) {
        case NOT_THERE:
                a->nla_type = GONE;
                break;
        case EMPTY:
                a->nla_len = sizeof(*a);
                break;
        case ONE_BYTE:
                if (n > 1)
                        a->nla_len = sizeof(*a) + 1;
                break;
        default:
                memset(nla_data(a), way == ZEROS ? 0 : 0xff, n);
        }
}

void spoil_attributes(struct nlattr *first, int left, int depth, void (*look)(void *), void *userdata)
{
        for (struct nlattr *a = first; nla_ok(a, left); a = nla_next(a, &left)) {
                size_t n = (size_t)nla_len(a);
                struct nlattr head = *a;
                unsigned char *kept = malloc(n + 1);

                ck_assert_ptr_nonnull(kept);
                memcpy(kept, nla_data(a), n);
                for (int way = 0; way < WAYS; way++) {
                        spoil(a, way);
                        look(userdata);
                        *a = head;
                        memcpy(nla_data(a), kept, n);
                }
                free(kept);
                if (depth > 0)
                        spoil_attributes(nla_data(a), nla_len(a), depth - 1, look, userdata);
        }
}
