/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Was a descriptor handed over by another user? */
#ifndef AIU_HANDED_OVER_H
#define AIU_HANDED_OVER_H

#include "rules/model.h"

/* `uid`: the owner of the socket that the holder has. Sure of it, else false. */
bool handed_over(const struct aiu_holder *holder, uid_t uid);

#endif
