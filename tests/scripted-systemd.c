/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linked instead of sd-bus-load.c: a libsystemd whose manager knows the units that a test wrote down,
 * of which any single call can be made to fail. What it answers has the types that D-Bus has for
 * it; the order in which the library reads is held to.
 */
#include "scripted-systemd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sd-bus-load.h"

/* Not those of check: they allocate, and memory may be what is missing. */
#define require(condition)                                                                      \
        do {                                                                                    \
                if (!(condition)) {                                                             \
                        (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
                        abort();                                                                \
                }                                                                               \
        } while (0)

#define MOST_CALLS 4096u
#define MOST_TEXT 6144u

unsigned int scripted_connections, scripted_calls;
bool scripted_no_bus, scripted_hangs, scripted_no_library;

/* A method call, or the answer to it that is being read. */
struct message {
        sd_bus_message_handler_t handler;
        void *userdata;
        const struct scripted_unit *unit;       /* NULL = ListUnitsByPatterns */
        char property[64], state[32], pattern[32];
        char text[MOST_TEXT];                   /* the value */
        char *next;                             /* what is left of a list */
        const struct scripted_unit *row;
        unsigned int depth;
};

static struct {
        const struct scripted_unit *units;
        struct message calls[MOST_CALLS];
        size_t n, answered;
        int pair[2];
        unsigned int countdown;
        bool failed, is_bus;
} bus = { .pair = { -1, -1 } };

void scripted_systemd(const struct scripted_unit *units)
{
        bus.units = units;
        scripted_no_bus = scripted_hangs = scripted_no_library = false;
        scripted_calls = 0;
}

void scripted_systemd_fail(unsigned int at)
{
        bus.countdown = at;
        bus.failed = false;
}

bool scripted_systemd_failed(void)
{
        return bus.failed;
}

/* 0, or the error that this call is to have. */
static int count(void)
{
        scripted_calls++;
        if (bus.countdown == 0 || --bus.countdown > 0)
                return 0;
        bus.failed = true;
        return -EPERM;          /* -1: of all errors the one that is lost the easiest */
}

/* ------------------------------------------------------ the script */

/* The value of a property; it ends where the line does. NULL = there is none. */
static const char *find_value(const struct scripted_unit *unit, const char *name, size_t *ret_n)
{
        size_t n = strlen(name);

        for (const char *line = unit->properties; *line; line += *line == '\n') {
                size_t length = strcspn(line, "\n");

                if (strncmp(line, name, n) == 0 && line[n] == '=') {
                        *ret_n = length - n - 1;
                        return line + n + 1;
                }
                line += length;
        }
        return NULL;
}

static bool has_value(const struct scripted_unit *unit, const char *name, const char *value)
{
        size_t n;
        const char *found = find_value(unit, name, &n);

        return found && n == strlen(value) && memcmp(found, value, n) == 0;
}

/* Is the object that of the unit? Letters and digits stand for themselves, all else is _xx. */
static bool is_path_of(const char *path, const char *name)
{
        static const char prefix[] = "/org/freedesktop/systemd1/unit/";

        if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
                return false;
        path += sizeof(prefix) - 1;
        for (; *name; name++) {
                if (*path == '_') {
                        char hex[3] = { path[1], path[2], '\0' };

                        if ((char)strtol(hex, NULL, 16) != *name)
                                return false;
                        path += 3;
                } else if (*path++ != *name) {
                        return false;
                }
        }
        return *path == '\0';
}

static const struct scripted_unit *find_unit(const char *path)
{
        static const struct scripted_unit unknown = { "", "LoadState=not-found\nActiveState=inactive\n" };

        for (const struct scripted_unit *unit = bus.units; unit->name; unit++)
                if (is_path_of(path, unit->name))
                        return unit;
        return &unknown;
}

/* ------------------------------------------------------ connections */

static int script_new(sd_bus **ret)
{
        int r = count();

        if (r < 0)
                return r;
        *ret = (sd_bus *)(void *)&bus;
        scripted_connections++;
        return 0;
}

static int script_set_address(sd_bus *b, const char *address)
{
        (void)b;
        require(strncmp(address, "unix:path=/run/", 15) == 0);
        return count();
}

static int script_set_bus_client(sd_bus *b, int yes)
{
        (void)b;
        bus.is_bus = yes;
        return count();
}

static int script_start(sd_bus *b)
{
        int r = count();

        (void)b;
        if (r < 0)
                return r;
        if (bus.is_bus && scripted_no_bus)
                return -ENOENT;
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bus.pair) == 0);
                bus.n = bus.answered = 0;
        return 0;
}

static void script_close(sd_bus *b)
{
        (void)b;
        for (size_t i = 0; i < 2; i++) {
                if (bus.pair[i] >= 0)
                        close(bus.pair[i]);
                bus.pair[i] = -1;
        }
        bus.n = bus.answered = 0;
}

static sd_bus *script_unref(sd_bus *b)
{
        require((const void *)b == (const void *)&bus);
        scripted_connections--;
        return NULL;
}

static int script_get_fd(sd_bus *b)
{
        int r = count();

        (void)b;
        return r < 0 ? r : bus.pair[0];
}

static int script_get_events(sd_bus *b)
{
        int r = count();

        (void)b;
        return r < 0 ? r : 1;
}

/* Every other time it has more to do at once. */
static int script_get_timeout(sd_bus *b, uint64_t *ret)
{
        static unsigned int turn;

        (void)b;
        *ret = scripted_hangs ? UINT64_MAX : 0;
        return scripted_hangs ? turn++ & 1 : 1;
}

/* ------------------------------------------------------ calls */

static void keep(char *to, size_t bytes, const char *from)
{
        require(strlen(from) < bytes);
        memcpy(to, from, strlen(from) + 1);
}

static int script_call(sd_bus *b, sd_bus_slot **slot, const char *destination, const char *path, const char *interface,
                       const char *member, sd_bus_message_handler_t handler, void *userdata, const char *types, ...)
{
        struct message *call = &bus.calls[bus.n];
        int r = count();
        va_list list;

        (void)b, (void)interface;
        require(!slot && strcmp(destination, "org.freedesktop.systemd1") == 0 && bus.n < MOST_CALLS);
        if (r < 0)
                return r;
        *call = (struct message){ .handler = handler, .userdata = userdata };
        va_start(list, types);
        if (strcmp(member, "Get") == 0) {
                (void)va_arg(list, const char *);
                call->unit = find_unit(path);
                keep(call->property, sizeof(call->property), va_arg(list, const char *));
        } else {
                require(strcmp(member, "ListUnitsByPatterns") == 0);
                if (va_arg(list, int) > 0)
                        keep(call->state, sizeof(call->state), va_arg(list, const char *));
                require(va_arg(list, int) == 1);
                keep(call->pattern, sizeof(call->pattern), va_arg(list, const char *));
        }
        va_end(list);
        bus.n++;
        return 1;
}

static int script_process(sd_bus *b, sd_bus_message **ret)
{
        static unsigned int turn;
        struct message *call = &bus.calls[bus.answered];
        int r = count();

        (void)b, (void)ret;
        if (r < 0)
                return r;
        if (scripted_hangs || bus.answered == bus.n || turn++ % 4 == 0)
                return 0;
        bus.answered++;
        if (call->unit) {
                size_t n;
                const char *value = find_value(call->unit, call->property, &n);

                if (value) {
                        require(n < MOST_TEXT);
                        memcpy(call->text, value, n);
                        call->next = call->text;
                }
        }
        call->row = bus.units;
        (void)call->handler((sd_bus_message *)(void *)call, call->userdata, NULL);
        return 1;
}

/* ------------------------------------------------------ answers */

static struct message *of(sd_bus_message *message)
{
        return (struct message *)(void *)message;
}

static int script_is_error(sd_bus_message *message, const char *name)
{
        (void)name;
        return of(message)->unit && !of(message)->next;
}

/* Does the list that was asked for have the unit? */
static bool is_listed(const struct message *m, const struct scripted_unit *unit)
{
        size_t n = strlen(unit->name), suffix = strlen(m->pattern) - 1;

        return n > suffix && strcmp(unit->name + n - suffix, m->pattern + 1) == 0 &&
               (!m->state[0] || has_value(unit, "ActiveState", m->state) || has_value(unit, "SubState", m->state));
}

static int script_enter(sd_bus_message *message, char type, const char *contents)
{
        struct message *m = of(message);
        int r = count();

        (void)contents;
        if (r < 0)
                return r;
        if (type == 'r') {
                while (m->row->name && !is_listed(m, m->row))
                        m->row++;
                if (!m->row->name)
                        return 0;
        }
        m->depth++;
        return 1;
}

static int script_exit(sd_bus_message *message)
{
        struct message *m = of(message);
        int r = count();

        require(m->depth > 0);
        m->depth--;
        if (!m->unit && m->depth == 1)
                m->row++;
        return r;
}

/* The next of a list; NULL = that was all. */
static char *next_of(struct message *m, const char *separators)
{
        char *word = m->next + strspn(m->next, separators);
        size_t n = strcspn(word, separators);

        if (n == 0)
                return NULL;
        m->next = word + n + (word[n] != '\0');
        word[n] = '\0';
        return word;
}

static int script_read_basic(sd_bus_message *message, char type, void *to)
{
        int r = count();
        char *word;

        require(type == 's');
        if (r < 0)
                return r;
        word = next_of(of(message), " ");
        if (word)
                *(const char **)to = word;
        return word != NULL;
}

static int read_row(struct message *m, const char *types, va_list list)
{
        size_t n;
        const char *state;

        require(m->depth == 2);
        if (strcmp(types, "s") == 0) {
                *va_arg(list, const char **) = m->row->name;
                return 1;
        }
        require(strcmp(types, "sss") == 0);
        state = find_value(m->row, "ActiveState", &n);
        require(state && n < MOST_TEXT);
        memcpy(m->text, state, n);
        m->text[n] = '\0';
        *va_arg(list, const char **) = "loaded";
        *va_arg(list, const char **) = m->text;
        *va_arg(list, const char **) = "running";
        return 1;
}

static int read_pair(struct message *m, va_list list)
{
        char *type = next_of(m, ";"), *blank = type ? strchr(type, ' ') : NULL;

        if (!blank)
                return 0;
        *blank = '\0';
        *va_arg(list, const char **) = type;
        *va_arg(list, const char **) = blank + 1;
        return 1;
}

static int read_variant(struct message *m, const char *type, va_list list)
{
        void *to = va_arg(list, void *);

        if (*type == 's')
                *(const char **)to = m->next;
        else if (*type == 'b')
                *(int *)to = strcmp(m->next, "yes") == 0;
        else if (strcmp(type, m->property[0] == 'S' ? "i" : "u") == 0)
                *(uint32_t *)to = (uint32_t)strtoul(m->next, NULL, 10);
        else
                return -ENXIO;
        return 1;
}

static int script_read(sd_bus_message *message, const char *types, ...)
{
        struct message *m = of(message);
        int r = count();
        va_list list;

        if (r < 0)
                return r;
        va_start(list, types);
        if (!m->unit)
                r = read_row(m, types, list);
        else if (*types == '(')
                r = read_pair(m, list);
        else
                r = read_variant(m, va_arg(list, const char *), list);
        va_end(list);
        return r;
}

static int script_skip(sd_bus_message *message, const char *types)
{
        (void)message, (void)types;
        return count();
}

int sd_bus_library_load(struct sd_bus_library *ret)
{
        *ret = (struct sd_bus_library){
                .handle = &bus,
                .sd_bus_new = script_new,
                .sd_bus_unref = script_unref,
                .sd_bus_close = script_close,
                .sd_bus_set_address = script_set_address,
                .sd_bus_set_bus_client = script_set_bus_client,
                .sd_bus_start = script_start,
                .sd_bus_process = script_process,
                .sd_bus_get_fd = script_get_fd,
                .sd_bus_get_events = script_get_events,
                .sd_bus_get_timeout = script_get_timeout,
                .sd_bus_call_method_async = script_call,
                .sd_bus_message_is_method_error = script_is_error,
                .sd_bus_message_enter_container = script_enter,
                .sd_bus_message_exit_container = script_exit,
                .sd_bus_message_read = script_read,
                .sd_bus_message_read_basic = script_read_basic,
                .sd_bus_message_skip = script_skip,
        };
        return scripted_no_library ? -ENOENT : 0;
}

void sd_bus_library_unload(struct sd_bus_library *library)
{
        require((const void *)library->handle == (const void *)&bus);
}
