/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A writer of JSON that cannot get the commas wrong, and that lets nothing out
 * but printable ASCII. Memory that ran out is remembered in `out`.
 */
#ifndef AIU_JSON_H
#define AIU_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/strbuf.h"

struct json {
        struct strbuf out;
        bool pretty;
        bool cmdline;
        bool first; /* nothing stands yet in the object or array that is open */
        unsigned int depth;
};

/* Before each element of an array; json_key() does it for a member. */
void json_separate(struct json *j);
void json_key(struct json *j, const char *name);
void json_open(struct json *j, const char *bracket);
/* The member `name`, or with NULL an element of an array, that is an array or an object itself. */
void json_begin(struct json *j, const char *name, const char *bracket);
void json_close(struct json *j, const char *bracket);
/* `ascii` is printable already; json_outside() takes any bytes, NULL = null. */
void json_quote(struct json *j, const char *ascii);
void json_outside(struct json *j, const char *bytes, size_t n);
void json_string(struct json *j, const char *name, const char *value);
/* Our own words, escaped where they were made: not escaped again. NULL = null. */
void json_words(struct json *j, const char *name, const char *words);
void json_token(struct json *j, const char *name, const char *token);
void json_null(struct json *j, const char *name);
void json_number(struct json *j, const char *name, unsigned long long value);
void json_bool(struct json *j, const char *name, bool value);
void json_id(struct json *j, const char *name, uint64_t id);
void json_uid(struct json *j, const char *name, uid_t uid);
void json_pid(struct json *j, const char *name, pid_t pid);
void json_errno(struct json *j, const char *name, int error);
void json_flags(struct json *j, const char *name, uint32_t flags, const char *const *names, size_t n);

#endif
