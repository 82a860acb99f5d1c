/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A libsystemd whose answers the fuzzer makes up, linked instead of sd-bus-load.c: a
 * method call is answered by messages of any content, late, or never. Strings are
 * what D-Bus guarantees, bytes without a NUL that end.
 */
#include "lying-systemd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "backend/systemd/sd-bus-load.h"
#include "util/sys.h"

#define MOST_CALLS 512u
#define MOST_STRINGS 64u

static struct {
        struct bytes *in;
        struct {
                sd_bus_message_handler_t handler;
                void *userdata;
        } calls[MOST_CALLS];
        size_t n_calls, n_answered;
        char *strings[MOST_STRINGS]; /* of the message that is read; freed with it */
        size_t n_strings;
        int fd;
        bool open;
        bool friendly;
        unsigned int turn;
} lie;

void lie_systemd_begin(struct bytes *answers, bool friendly)
{
        memset(&lie, 0, sizeof(lie));
        lie.in = answers;
        lie.friendly = friendly;
        lie.fd = -1;
}

void lie_systemd_end(void)
{
        require(!lie.open);
}

static bool is_usual(void)
{
        return lie.friendly && lie.in->n == 0;
}

static const char *a_string(void)
{
        static const char *const usual[] = {
                "active",    "inactive",     "failed",       "activating",
                "always",    "no",           "on-failure",   "enabled",
                "disabled",  "static",       "process",      "mixed",
                "none",      "loaded",       "not-found",    "listening",
                "running",   "auto-restart", "a.service",    "a.socket",
                "b.service", "b.socket",     "a@1.service",  "a.timer",
                "a.path",    "Stream",       "Datagram",     "SequentialPacket",
                "[::]:80",   "0.0.0.0:80",   "127.0.0.1:80", "/run/x",
                "@x",        "yes",          "restart",      "eth0",
                "",
        };
        uint8_t which = is_usual() ? (uint8_t)(lie.turn++ % (sizeof(usual) / sizeof(usual[0]))) : take_byte(lie.in);
        char *text;

        if (which < sizeof(usual) / sizeof(usual[0]))
                return usual[which];
        if (lie.n_strings == MOST_STRINGS)
                return "";
        text = take_text(lie.in, 300, NULL);
        lie.strings[lie.n_strings++] = text;
        return text;
}

static int outcome(void)
{
        uint8_t byte = is_usual() ? 2 : take_byte(lie.in);

        return byte == 0 ? -ENOTCONN : byte == 1 ? -ENOMEM : 0;
}

static int lie_new(sd_bus **ret)
{
        int r = outcome();

        if (r >= 0) {
                *ret = (sd_bus *)(void *)&lie;
                require(!lie.open);
                lie.open = true;
        }
        return r;
}

static void lie_close(sd_bus *bus)
{
        require(!bus || bus == (void *)&lie);
        lie.fd = sys_close(lie.fd);
        lie.n_calls = lie.n_answered = 0;
}

static sd_bus *lie_unref(sd_bus *bus)
{
        if (bus) {
                lie_close(bus);
                require(lie.open);
                lie.open = false;
        }
        return NULL;
}

static int lie_set_address(sd_bus *bus, const char *address)
{
        (void)bus;
        require(strncmp(address, "unix:path=/", 11) == 0);
        return outcome();
}

static int lie_set_bus_client(sd_bus *bus, int yes)
{
        (void)bus, (void)yes;
        return outcome();
}

static int lie_start(sd_bus *bus)
{
        (void)bus;
        lie.fd = sys_openat(0, "/run/bus", 0);
        return lie.fd < 0 ? lie.fd : 0;
}

static int lie_get_fd(sd_bus *bus)
{
        (void)bus;
        return lie.fd;
}

static int lie_get_events(sd_bus *bus)
{
        (void)bus;
        return outcome() < 0 ? -EIO : 1;
}

static int lie_get_timeout(sd_bus *bus, uint64_t *ret)
{
        (void)bus;
        *ret = take_number(lie.in, 1);
        return take_byte(lie.in) & 1;
}

static int lie_call(sd_bus *bus, sd_bus_slot **slot, const char *destination, const char *path, const char *interface,
                    const char *member, sd_bus_message_handler_t handler, void *userdata, const char *types, ...)
{
        int r = outcome();

        (void)bus, (void)interface, (void)types;
        require(!slot && *path == '/' && strchr(destination, '.'));
        /* Nothing is called that changes anything. */
        require(strcmp(member, "Get") == 0 || strncmp(member, "List", 4) == 0 || strncmp(member, "Get", 3) == 0 ||
                strncmp(member, "Dump", 4) == 0);
        if (r < 0 || lie.n_calls == MOST_CALLS)
                return r < 0 ? r : -ENOBUFS;
        lie.calls[lie.n_calls].handler = handler;
        lie.calls[lie.n_calls++].userdata = userdata;
        return 0;
}

static void forget_strings(void)
{
        while (lie.n_strings > 0)
                free(lie.strings[--lie.n_strings]);
}

static int lie_process(sd_bus *bus, sd_bus_message **ret)
{
        uint8_t how = is_usual() ? 4 : take_byte(lie.in);

        (void)bus, (void)ret;
        if (how == 0)
                return -ECONNRESET;
        if (how < 4 || lie.n_answered == lie.n_calls)
                return how & 1;
        (void)lie.calls[lie.n_answered].handler((sd_bus_message *)(void *)&lie, lie.calls[lie.n_answered].userdata,
                                                NULL);
        lie.n_answered++;
        forget_strings();
        return 1;
}

static int lie_is_error(sd_bus_message *message, const char *name)
{
        (void)message, (void)name;
        return !is_usual() && take_byte(lie.in) < 16;
}

/* Is it of the type asked for, and is there one? */
static int there_is(void)
{
        uint8_t byte = take_byte(lie.in);

        if (lie.friendly && (lie.in->n == 0 || byte < 128))
                return ++lie.turn % 5 != 0;
        return byte < 8 ? -ENXIO : byte < 16 ? 0 : 1;
}

static int lie_enter(sd_bus_message *message, char type, const char *contents)
{
        (void)message, (void)type, (void)contents;
        return there_is();
}

static int lie_exit(sd_bus_message *message)
{
        (void)message;
        return outcome();
}

static void give(char type, void *to)
{
        uint32_t number;
        uint64_t large;

        switch (type) {
        case 's':
        case 'o':
                *(const char **)to = a_string();
                return;
        case 't':
                large = take_number(lie.in, 8);
                memcpy(to, &large, sizeof(large));
                return;
        default:
                number = (uint32_t)take_number(lie.in, 4);
                if (type == 'b')
                        number &= 1;
                memcpy(to, &number, sizeof(number));
        }
}

static int lie_read_basic(sd_bus_message *message, char type, void *to)
{
        int r = there_is();

        (void)message;
        if (r > 0)
                give(type, to);
        return r;
}

static int lie_read(sd_bus_message *message, const char *types, ...)
{
        int r = there_is();
        va_list list;

        (void)message;
        if (r <= 0)
                return r;
        va_start(list, types);
        for (const char *type = types; *type; type++) {
                if (*type == 'v')
                        type = va_arg(list, const char *);
                if (*type != '(' && *type != ')')
                        give(*type, va_arg(list, void *));
        }
        va_end(list);
        return r;
}

static int lie_skip(sd_bus_message *message, const char *types)
{
        (void)message, (void)types;
        return outcome();
}

int sd_bus_library_load(struct sd_bus_library *ret)
{
        int r = outcome();

        *ret = (struct sd_bus_library){
                .handle = &lie,
                .sd_bus_new = lie_new,
                .sd_bus_unref = lie_unref,
                .sd_bus_close = lie_close,
                .sd_bus_set_address = lie_set_address,
                .sd_bus_set_bus_client = lie_set_bus_client,
                .sd_bus_start = lie_start,
                .sd_bus_process = lie_process,
                .sd_bus_get_fd = lie_get_fd,
                .sd_bus_get_events = lie_get_events,
                .sd_bus_get_timeout = lie_get_timeout,
                .sd_bus_call_method_async = lie_call,
                .sd_bus_message_is_method_error = lie_is_error,
                .sd_bus_message_enter_container = lie_enter,
                .sd_bus_message_exit_container = lie_exit,
                .sd_bus_message_read = lie_read,
                .sd_bus_message_read_basic = lie_read_basic,
                .sd_bus_message_skip = lie_skip,
        };
        return r < 0 ? -ENOENT : 0;
}

void sd_bus_library_unload(struct sd_bus_library *library)
{
        require(library->handle == &lie);
        forget_strings();
}
