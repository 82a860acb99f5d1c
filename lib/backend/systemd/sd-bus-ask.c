/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See sd-bus-ask.h. Single properties are asked for, five to fifteen at once: GetAll sends all hundreds of them and
 * takes longer than these do together. The answers may be those of a user's own manager, so types are checked
 * (libsystemd does that), lists end after so many entries, and names have to be names.
 */
#include "backend/systemd/sd-bus-ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "util/sys.h"

#define DESTINATION "org.freedesktop.systemd1"
#define UNIT "org.freedesktop.systemd1.Unit"
#define SERVICE "org.freedesktop.systemd1.Service"
#define SOCKET "org.freedesktop.systemd1.Socket"
#define MOST_STRING 256u
/* dbus-daemon lets a client wait for 128 replies (max_replies_per_connection); a unit has at most 20 questions. */
#define MOST_PENDING 64u

typedef void take_answer(struct request *request, sd_bus_message *message);

struct request {
        struct request *next;
        struct manager_bus *bus;
        take_answer *take;
        size_t unit;
        size_t property;
};

/* ------------------------------------------------------ properties */

enum value { VALUE_STRING, VALUE_LIST, VALUE_BOOLEAN, VALUE_NUMBER, VALUE_TIME, VALUE_LISTEN };

static const struct property {
        uint32_t kind;
        const char *of; /* units of this suffix; "" = all */
        const char *interface, *name;
        enum value value;
        size_t offset;
} properties[] = {
#define PROPERTY(kind, of, interface, name, value, field)                                                              \
        {                                                                                                              \
                UNIT_ASK_##kind, of, interface, name, VALUE_##value, offsetof(struct unit, field)                      \
        }
        PROPERTY(STATE, "", UNIT, "ActiveState", STRING, active_state),
        PROPERTY(KIN, "", UNIT, "TriggeredBy", LIST, triggered_by),
        PROPERTY(KIN, "", UNIT, "UpheldBy", LIST, upheld_by),
        PROPERTY(KIN, ".socket", UNIT, "Triggers", LIST, triggers),
        PROPERTY(KIN, ".socket", SOCKET, "Accept", BOOLEAN, accept),
        PROPERTY(REST, "", UNIT, "UnitFileState", STRING, enabled),
        PROPERTY(REST, "", UNIT, "CanStop", BOOLEAN, can_stop),
        PROPERTY(REST, ".socket", SOCKET, "RemoveOnStop", BOOLEAN, removes_file),
        PROPERTY(REST, ".service", SERVICE, "Restart", STRING, restart),
        PROPERTY(REST, ".service", SERVICE, "NRestarts", NUMBER, n_restarts),
        PROPERTY(REST, ".service", SERVICE, "KillMode", STRING, kill_mode),
        PROPERTY(REST, ".service", SERVICE, "MainPID", NUMBER, main_pid),
        /* Before the addresses: answers come in order, and one may be the last. */
        PROPERTY(SHARING, ".socket", SOCKET, "PrivateNetwork", BOOLEAN, private_network),
        PROPERTY(SHARING, ".socket", SOCKET, "NetworkNamespacePath", STRING, network_namespace),
        PROPERTY(LISTEN, ".socket", SOCKET, "Listen", LISTEN, listen),
        PROPERTY(LISTEN, ".socket", SOCKET, "BindToDevice", STRING, device),
        PROPERTY(LISTEN, ".socket", SOCKET, "SocketProtocol", NUMBER, protocol),
        PROPERTY(SHARING, ".socket", SOCKET, "ReusePort", BOOLEAN, reuseport),
        PROPERTY(SHARING, ".socket", SOCKET, "BindIPv6Only", STRING, bind_ipv6_only),
        PROPERTY(SINCE, ".service", UNIT, "ActiveEnterTimestampMonotonic", TIME, active_since),
        PROPERTY(DOWN, "", UNIT, "LoadState", STRING, load_state),
        PROPERTY(SPARING, "", UNIT, "SubState", STRING, sub_state),
        PROPERTY(FD_STORE, ".service", SERVICE, "NFileDescriptorStore", NUMBER, n_fd_store),
        PROPERTY(FULL_STORE, ".service", SERVICE, "FileDescriptorStorePreserve", STRING, fd_store_preserve),
#undef PROPERTY
};

static void *field_of(struct unit *unit, size_t property)
{
        return (char *)unit + properties[property].offset;
}

/* Is there something? An answer that cannot be read is not the same as one that says nothing. */
static bool got(struct request *request, int r)
{
        if (r < 0)
                request->bus->error = r;
        return r > 0;
}

/* The same of a call that has nothing to find. */
static bool done(struct request *request, int r)
{
        (void)got(request, r);
        return r >= 0;
}

static void take_string(struct request *request, sd_bus_message *message)
{
        struct unit *unit = &request->bus->units.list[request->unit];
        char **to = field_of(unit, request->property), *copy;
        const char *text;

        if (!got(request, request->bus->library->sd_bus_message_read(message, "v", "s", &text)))
                return;
        copy = strndup(text, MOST_STRING);
        if (!copy) {
                request->bus->error = -ENOMEM;
                return;
        }
        free(*to);
        *to = copy;
}

static void take_list(struct request *request, sd_bus_message *message)
{
        const struct sd_bus_library *library = request->bus->library;
        char **to = field_of(&request->bus->units.list[request->unit], request->property);
        const char *name;

        if (!got(request, library->sd_bus_message_enter_container(message, 'v', "as")) ||
            !got(request, library->sd_bus_message_enter_container(message, 'a', "s")))
                return;
        while (got(request, library->sd_bus_message_read_basic(message, 's', &name))) {
                size_t n = strlen(name);

                if (unit_name_is_valid(name, n) && !done(request, unit_list_add(to, name, n)))
                        return;
        }
}

static void take_boolean(struct request *request, sd_bus_message *message)
{
        enum aiu_tristate *to = field_of(&request->bus->units.list[request->unit], request->property);
        int value;

        if (got(request, request->bus->library->sd_bus_message_read(message, "v", "b", &value)))
                *to = value ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

/* "u", but for SocketProtocol, which is "i". */
static void take_number(struct request *request, sd_bus_message *message)
{
        uint32_t *to = field_of(&request->bus->units.list[request->unit], request->property), value;
        const char *type = properties[request->property].offset == offsetof(struct unit, protocol) ? "i" : "u";

        if (got(request, request->bus->library->sd_bus_message_read(message, "v", type, &value)))
                memcpy(to, &value, sizeof(value));
}

static void take_time(struct request *request, sd_bus_message *message)
{
        uint64_t *to = field_of(&request->bus->units.list[request->unit], request->property), value;

        if (got(request, request->bus->library->sd_bus_message_read(message, "v", "t", &value)))
                memcpy(to, &value, sizeof(value));
}

/* What one unit has too many of is no reason to know nothing of the others. */
static int add_listen(struct unit *unit, const char *type, const char *text)
{
        struct listen_address address, *larger;

        if (listen_parse(type, text, &address) < 0)
                return 0;
        if (unit->n_listen >= UNIT_MOST_LISTEN) {
                unit->listens_on_more = true;
                return 0;
        }
        larger = realloc(unit->listen, (unit->n_listen + 1) * sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        unit->listen = larger;
        larger[unit->n_listen++] = address;
        return 0;
}

static void take_listen(struct request *request, sd_bus_message *message)
{
        const struct sd_bus_library *library = request->bus->library;
        struct unit *unit = &request->bus->units.list[request->unit];
        const char *type, *text;

        if (!got(request, library->sd_bus_message_enter_container(message, 'v', "a(ss)")) ||
            !got(request, library->sd_bus_message_enter_container(message, 'a', "(ss)")))
                return;
        while (got(request, library->sd_bus_message_read(message, "(ss)", &type, &text)) &&
               done(request, add_listen(unit, type, text)))
                ;
}

/* ------------------------------------------------------ asking */

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct request *request = userdata;

        (void)ret_error;
        request->bus->n_pending--;
        /* An error: this version does not know the property, or the unit. It stays unknown. */
        if (!request->bus->library->sd_bus_message_is_method_error(message, NULL))
                request->take(request, message);
        return 0;
}

static struct request *new_request(struct manager_bus *bus, take_answer *take, size_t unit, size_t property)
{
        struct request *request = malloc(sizeof(*request));

        if (!request)
                return NULL;
        *request =
                (struct request){ .next = bus->requests, .bus = bus, .take = take, .unit = unit, .property = property };
        bus->requests = request;
        return request;
}

/* `r`: of the call that sends the question. */
static int count_asked(struct manager_bus *bus, int r)
{
        if (r < 0)
                return r;
        bus->n_pending++;
        bus->n_asked++;
        return 0;
}

static int ask_property(struct manager_bus *bus, size_t unit, size_t property)
{
        static take_answer *const take[] = {
                [VALUE_STRING] = take_string, [VALUE_LIST] = take_list, [VALUE_BOOLEAN] = take_boolean,
                [VALUE_NUMBER] = take_number, [VALUE_TIME] = take_time, [VALUE_LISTEN] = take_listen,
        };
        const struct property *p = &properties[property];
        struct request *request = new_request(bus, take[p->value], unit, property);
        char path[UNIT_PATH_BYTES];
        int r;

        if (!request)
                return -ENOMEM;
        unit_object_path(bus->units.list[unit].name, path);
        r = bus->library->sd_bus_call_method_async(bus->bus, NULL, DESTINATION, path, "org.freedesktop.DBus.Properties",
                                                   "Get", on_answer, request, "ss", p->interface, p->name);
        return count_asked(bus, r);
}

static bool applies(const struct property *property, const char *name)
{
        return *property->of == '\0' || unit_is(name, property->of);
}

int manager_bus_ask_unit(struct manager_bus *bus, size_t index, uint32_t kinds)
{
        uint32_t missing = kinds & ~bus->units.list[index].backend_request;

        bus->units.list[index].backend_request |= kinds;
        for (size_t i = 0; i < ELEMENTSOF(properties) && missing; i++) {
                int r;

                if (!(properties[i].kind & missing) || !applies(&properties[i], bus->units.list[index].name))
                        continue;
                r = ask_property(bus, index, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* False: that was enough. Names that systemd itself would not take are passed over. */
static bool keep_listed(struct request *request, const char *name, const char *active)
{
        struct units *units = &request->bus->units;
        size_t index;
        int r = units_add(units, name, strlen(name), &index);

        if (r == -EINVAL)
                return true;
        if (r == 0 && !units->list[index].active_state) {
                units->list[index].active_state = strndup(active, MOST_STRING);
                r = units->list[index].active_state ? 0 : -ENOMEM;
        }
        return done(request, r);
}

/* name, description, load state, active state, sub state, following, path, job id, type and path */
static void take_units(struct request *request, sd_bus_message *message)
{
        const struct sd_bus_library *library = request->bus->library;
        const char *name, *load, *active, *sub;

        if (!got(request, library->sd_bus_message_enter_container(message, 'a', "(ssssssouso)")))
                return;
        while (got(request, library->sd_bus_message_enter_container(message, 'r', "ssssssouso"))) {
                if (!got(request, library->sd_bus_message_read(message, "s", &name)) ||
                    !done(request, library->sd_bus_message_skip(message, "s")) ||
                    !got(request, library->sd_bus_message_read(message, "sss", &load, &active, &sub)) ||
                    !done(request, library->sd_bus_message_skip(message, "souso")) ||
                    !done(request, library->sd_bus_message_exit_container(message)))
                        return;
                if (!keep_listed(request, name, active))
                        return;
        }
}

int manager_bus_ask_list(struct manager_bus *bus, const char *state, const char *pattern)
{
        struct request *request = new_request(bus, take_units, 0, 0);
        int r;

        if (!request)
                return -ENOMEM;
        if (state)
                r = bus->library->sd_bus_call_method_async(bus->bus, NULL, DESTINATION, "/org/freedesktop/systemd1",
                                                           "org.freedesktop.systemd1.Manager", "ListUnitsByPatterns",
                                                           on_answer, request, "asas", 1, state, 1, pattern);
        else
                r = bus->library->sd_bus_call_method_async(bus->bus, NULL, DESTINATION, "/org/freedesktop/systemd1",
                                                           "org.freedesktop.systemd1.Manager", "ListUnitsByPatterns",
                                                           on_answer, request, "asas", 0, 1, pattern);
        return count_asked(bus, r);
}

/* ------------------------------------------------------ connection */

/* Is the one at the other end who it has to be? */
static int check_peer(struct manager_bus *bus, uid_t peer)
{
        struct ucred credentials = { .uid = (uid_t)-1 };
        socklen_t bytes = sizeof(credentials);
        int fd = bus->library->sd_bus_get_fd(bus->bus), r;

        if (fd < 0)
                return fd;
        r = sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes);
        if (r < 0)
                return r;
        return credentials.uid == peer || credentials.uid == 0 ? 0 : -EPERM;
}

static int connect_to(struct manager_bus *bus, const char *path, bool is_bus, uid_t peer)
{
        char address[128];
        int r;

        /* Never from the environment: the caller may be more privileged than who set that. */
        (void)snprintf(address, sizeof(address), "unix:path=%s", path);
        r = bus->library->sd_bus_new(&bus->bus);
        if (r < 0)
                return r;
        r = bus->library->sd_bus_set_address(bus->bus, address);
        if (r >= 0)
                r = bus->library->sd_bus_set_bus_client(bus->bus, is_bus);
        if (r >= 0)
                r = bus->library->sd_bus_start(bus->bus);
        if (r >= 0 && !is_bus)
                r = check_peer(bus, peer);
        return r < 0 ? r : 0;
}

int manager_bus_open(struct manager_bus *bus, const struct sd_bus_library *library, const char *path, bool is_bus,
                     uid_t peer, uint64_t until_nsec)
{
        int r;

        *bus = (struct manager_bus){ .library = library, .until_nsec = until_nsec };
        r = connect_to(bus, path, is_bus, peer);
        if (r < 0)
                manager_bus_close(bus);
        return r;
}

void manager_bus_close(struct manager_bus *bus)
{
        if (bus->bus) {
                bus->library->sd_bus_close(bus->bus); /* first: what was not sent is not waited for */
                bus->library->sd_bus_unref(bus->bus);
                bus->bus = NULL;
        }
        while (bus->requests) {
                struct request *next = bus->requests->next;

                free(bus->requests);
                bus->requests = next;
        }
        bus->n_pending = 0;
}

/* Milliseconds to sleep, rounded up; 0 = the time is over. */
static int time_left(const struct manager_bus *bus)
{
        uint64_t now = sys_now_nsec();

        return now >= bus->until_nsec ? 0 : (int)((bus->until_nsec - now + 999999) / 1000000);
}

static int sleep_on(struct manager_bus *bus)
{
        struct pollfd pollfd = { .fd = bus->library->sd_bus_get_fd(bus->bus) };
        int events = bus->library->sd_bus_get_events(bus->bus), left = time_left(bus), r;
        uint64_t wakeup = 0;

        if (pollfd.fd < 0)
                return pollfd.fd;
        if (events < 0)
                return events;
        if (left == 0)
                return -ETIME;
        /* 0: there is work to do at once. Its own timeouts come later than ours. */
        if (bus->library->sd_bus_get_timeout(bus->bus, &wakeup) > 0 && wakeup == 0)
                return 0;
        pollfd.events = (short)events;
        r = sys_poll(&pollfd, 1, left);
        return r < 0 ? r : 0;
}

int manager_bus_wait(struct manager_bus *bus)
{
        while (bus->n_pending > 0) {
                int r = bus->library->sd_bus_process(bus->bus, NULL);

                if (r < 0)
                        return r;
                if (bus->error < 0)
                        return bus->error;
                if (r > 0) /* it did something: perhaps there is more */
                        r = time_left(bus) > 0 ? 0 : -ETIME;
                else
                        r = bus->n_pending > 0 ? sleep_on(bus) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_bus_wait_if_many(struct manager_bus *bus)
{
        return bus->n_pending > MOST_PENDING ? manager_bus_wait(bus) : 0;
}
