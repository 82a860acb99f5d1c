/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the JSON that a report and a survey have in common. */
#ifndef AIU_JSON_PARTS_H
#define AIU_JSON_PARTS_H

#include "addrinuse.h"
#include "render/json-writer.h"

/* The member `name`: an object, or null. */
void json_endpoint(struct json *j, const char *name, const struct sockaddr *address, socklen_t bytes);
/* Elements of an array. */
void json_holder(struct json *j, const struct aiu_holder *holder);
void json_gap(struct json *j, const struct aiu_gap *gap);
/* The member "argv"; NULL = null. */
void json_argv(struct json *j, const char *const *argv);

#endif
