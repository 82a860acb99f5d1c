/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where kernels differ from the rules in conflict.c, by version or by what was seen of this one. Pure. */
#ifndef AIU_KERNEL_VERSIONS_H
#define AIU_KERNEL_VERSIONS_H

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/model.h"

#define KERNEL_ALL ((UINT32_C(1) << 10) - 1) /* all AIU_KERNEL_* */

/* The AIU_KERNEL_* behaviours that are not sure of this kernel: by its version, less what was proven. */
uint32_t kernel_doubts(const struct host *host);

/* AIU_KERNEL_BOUND_SHOWN where this kernel may hide TCP sockets that are bound and do not listen; else 0. */
uint32_t kernel_hides_bound(const struct host *host);

/* Those of them by which the two addresses may meet although the rule says no, or the other way round. */
uint32_t kernel_pair_doubts(const struct request *q, const struct endpoint *c, const struct socket *h,
                            const struct endpoint *e, uint32_t doubts);

/* What the gap says of one of them. */
const char *kernel_text(uint32_t one);

#endif
