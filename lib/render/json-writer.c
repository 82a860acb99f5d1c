/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commas, brackets and values of JSON: see render/json-writer.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "render/json-writer.h"
#include "util/errno-name.h"
#include "util/macro.h"

#define UID_UNKNOWN ((uid_t)-1)

/* ------------------------------------------------------ syntax */

static void new_line(struct json *j)
{
        if (!j->pretty)
                return;
        strbuf_str(&j->out, "\n");
        for (unsigned int i = 0; i < j->depth; i++)
                strbuf_str(&j->out, "  ");
}

void json_separate(struct json *j)
{
        if (!j->first)
                strbuf_str(&j->out, ",");
        if (j->depth > 0)
                new_line(j);
        j->first = false;
}

void json_key(struct json *j, const char *name)
{
        json_separate(j);
        strbuf_add(&j->out, "\"", 1);
        strbuf_str(&j->out, name);
        strbuf_str(&j->out, j->pretty ? "\": " : "\":");
}

void json_begin(struct json *j, const char *name, const char *bracket)
{
        if (name)
                json_key(j, name);
        else
                json_separate(j);
        json_open(j, bracket);
}

void json_open(struct json *j, const char *bracket)
{
        strbuf_str(&j->out, bracket);
        j->depth++;
        j->first = true;
}

void json_close(struct json *j, const char *bracket)
{
        bool empty = j->first;

        j->depth--;
        if (!empty)
                new_line(j);
        strbuf_str(&j->out, bracket);
        j->first = false;
}

/* ------------------------------------------------------ values */

/* Printable ASCII already: only the quote and the backslash have to be escaped. */
void json_quote(struct json *j, const char *ascii)
{
        strbuf_str(&j->out, "\"");
        for (;;) {
                size_t n = strcspn(ascii, "\"\\");

                strbuf_add(&j->out, ascii, n);
                ascii += n;
                if (!*ascii)
                        break;
                strbuf_add(&j->out, "\\", 1);
                strbuf_add(&j->out, ascii++, 1);
        }
        strbuf_str(&j->out, "\"");
}

/* Most names are like that. */
static bool is_plain(const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (bytes[i] < 0x20 || bytes[i] >= 0x7f || bytes[i] == '"' || bytes[i] == '\\')
                        return false;
        return true;
}

void json_outside(struct json *j, const char *bytes, size_t n)
{
        char *ascii;

        if (!bytes) {
                strbuf_str(&j->out, "null");
                return;
        }
        if (is_plain(bytes, n)) {
                strbuf_add(&j->out, "\"", 1);
                strbuf_add(&j->out, bytes, n);
                strbuf_add(&j->out, "\"", 1);
                return;
        }
        if (aiu_escape(bytes, n, &ascii) < 0) {
                j->out.error = -ENOMEM;
                return;
        }
        json_quote(j, ascii);
        free(ascii);
}

void json_string(struct json *j, const char *name, const char *value)
{
        json_key(j, name);
        json_outside(j, value, value ? strlen(value) : 0);
}

void json_token(struct json *j, const char *name, const char *token)
{
        json_key(j, name);
        json_quote(j, token);
}

void json_words(struct json *j, const char *name, const char *words)
{
        struct strbuf ascii = { 0 };

        json_key(j, name);
        if (!words) {
                strbuf_str(&j->out, "null");
                return;
        }
        strbuf_ascii(&ascii, words, strlen(words));
        if (ascii.error)
                j->out.error = ascii.error;
        else
                json_quote(j, ascii.text ? ascii.text : "");
        strbuf_finish(&ascii);
}

void json_null(struct json *j, const char *name)
{
        json_key(j, name);
        strbuf_str(&j->out, "null");
}

void json_number(struct json *j, const char *name, unsigned long long value)
{
        json_key(j, name);
        strbuf_printf(&j->out, "%llu", value);
}

void json_bool(struct json *j, const char *name, bool value)
{
        json_key(j, name);
        strbuf_str(&j->out, value ? "true" : "false");
}

/* 64 bits do not fit a JSON number as most readers take it; 0 = not known. */
void json_id(struct json *j, const char *name, uint64_t id)
{
        json_key(j, name);
        if (id == 0)
                strbuf_str(&j->out, "null");
        else
                strbuf_printf(&j->out, "\"%llu\"", (unsigned long long)id);
}

void json_uid(struct json *j, const char *name, uid_t uid)
{
        if (uid == UID_UNKNOWN)
                json_null(j, name);
        else
                json_number(j, name, uid);
}

void json_pid(struct json *j, const char *name, pid_t pid)
{
        if (pid <= 0)
                json_null(j, name);
        else
                json_number(j, name, (unsigned long long)pid);
}

void json_errno(struct json *j, const char *name, int error)
{
        const char *text = errno_name(error);

        json_key(j, name);
        if (error == 0)
                strbuf_str(&j->out, "null");
        else if (text)
                json_quote(j, text);
        else
                strbuf_printf(&j->out, "\"%d\"", error);
}

/* Names of the bits that are set. */
void json_flags(struct json *j, const char *name, uint32_t flags, const char *const *names, size_t n)
{
        json_key(j, name);
        json_open(j, "[");
        for (size_t i = 0; i < n; i++) {
                if (!(flags & (UINT32_C(1) << i)))
                        continue;
                json_separate(j);
                json_quote(j, names[i]);
        }
        json_close(j, "]");
}
