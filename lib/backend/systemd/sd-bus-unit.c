/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See sd-bus-unit.h; systemd.unit(5), systemd.service(5) and systemd.kill(5) have the rules. */
#include "backend/systemd/sd-bus-unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"

#define MOST_UNITS 4096u

static void unit_finish(struct unit *unit)
{
        free(unit->name);
        free(unit->load_state);
        free(unit->active_state);
        free(unit->sub_state);
        free(unit->enabled);
        free(unit->triggered_by);
        free(unit->triggers);
        free(unit->upheld_by);
        free(unit->restart);
        free(unit->kill_mode);
        free(unit->fd_store_preserve);
        free(unit->device);
        free(unit->bind_ipv6_only);
        free(unit->network_namespace);
        free(unit->listen);
}

void units_finish(struct units *units)
{
        for (size_t i = 0; i < units->n; i++)
                unit_finish(&units->list[i]);
        free(units->list);
        *units = (struct units){ 0 };
}

struct unit *units_find(const struct units *units, const char *name, size_t n)
{
        for (size_t i = 0; i < units->n; i++)
                if (strlen(units->list[i].name) == n && memcmp(units->list[i].name, name, n) == 0)
                        return &units->list[i];
        return NULL;
}

static int grow(struct units *units)
{
        size_t room = units->room ? units->room * 2 : 8;
        struct unit *larger;

        if (units->n < units->room)
                return 0;
        if (units->n >= MOST_UNITS)
                return -ENOBUFS;
        larger = realloc(units->list, room * sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        units->list = larger;
        units->room = room;
        return 0;
}

int units_add(struct units *units, const char *name, size_t n, size_t *ret_index)
{
        const struct unit *known = units_find(units, name, n);
        int r;

        if (known) {
                *ret_index = (size_t)(known - units->list);
                return 0;
        }
        if (!unit_name_is_valid(name, n))
                return -EINVAL;
        r = grow(units);
        if (r < 0)
                return r;
        units->list[units->n] = (struct unit){ .name = strndup(name, n) };
        if (!units->list[units->n].name)
                return -ENOMEM;
        *ret_index = units->n++;
        return 0;
}

/* ------------------------------------------------------ names */

bool unit_name_is_valid(const char *name, size_t n)
{
        static const char chars[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\@";

        if (n >= UNIT_NAME_BYTES || !consists_of(name, n, chars) || *name == '-' || *name == '.' || *name == '@')
                return false;
        return memchr(name, '.', n) != NULL;
}

bool unit_is(const char *name, const char *suffix)
{
        size_t n = strlen(name), m = strlen(suffix);

        return n > m && memcmp(name + n - m, suffix, m) == 0;
}

/* Everything but letters and digits as _HH, and a digit in front too: bus_label_escape(). */
void unit_object_path(const char *name, char path[UNIT_PATH_BYTES])
{
        static const char prefix[] = "/org/freedesktop/systemd1/unit/", hex[] = "0123456789abcdef";
        size_t n = sizeof(prefix) - 1;

        memcpy(path, prefix, n);
        for (const char *p = name; *p && n + 4 < UNIT_PATH_BYTES; p++) {
                bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

                if (letter || (*p >= '0' && *p <= '9' && p > name)) {
                        path[n++] = *p;
                        continue;
                }
                path[n++] = '_';
                path[n++] = hex[(unsigned char)*p >> 4];
                path[n++] = hex[(unsigned char)*p & 15];
        }
        path[n] = '\0';
}

bool unit_list_next(const char **list, const char **ret_name, size_t *ret_bytes)
{
        if (!*list)
                return false;
        *list += strspn(*list, " ");
        *ret_name = *list;
        *ret_bytes = strcspn(*list, " ");
        *list += *ret_bytes;
        return *ret_bytes > 0;
}

static bool list_has(const char *list, const char *name, size_t n)
{
        const char *one;
        size_t m;

        while (unit_list_next(&list, &one, &m))
                if (m == n && memcmp(one, name, n) == 0)
                        return true;
        return false;
}

int unit_list_add(char **list, const char *name, size_t n)
{
        size_t have = *list ? strlen(*list) : 0;
        char *larger;

        if (list_has(*list, name, n))
                return 0;
        if (have + n + 2 > UNIT_LIST_BYTES)
                return -ENOBUFS;
        larger = realloc(*list, have + n + 2);
        if (!larger)
                return -ENOMEM;
        if (have > 0)
                larger[have++] = ' ';
        memcpy(larger + have, name, n);
        larger[have + n] = '\0';
        *list = larger;
        return 0;
}

/* ------------------------------------------------------ meaning */

bool unit_is_up(const struct unit *unit)
{
        static const char *const up[] = { "active", "reloading", "refreshing", "activating", "deactivating" };

        return is_one_of(unit->active_state, up, ELEMENTSOF(up));
}

bool unit_spares(const struct unit *unit)
{
        static const char *const sparing[] = { "process", "none" };

        return is_one_of(unit->kill_mode, sparing, ELEMENTSOF(sparing));
}

static bool is_down(const struct unit *unit)
{
        static const char *const down[] = { "inactive", "failed" };

        return is_one_of(unit->active_state, down, ELEMENTSOF(down));
}

static bool descends_from(const struct unit_process *process, uint32_t pid)
{
        for (size_t i = 0; i < process->n_ancestors; i++)
                if ((uint32_t)process->ancestors[i] == pid)
                        return true;
        return false;
}

/* With KillMode=process or none a stop leaves the children alone; a later start
 * finds them in its cgroup and goes on ("Found left-over process"). */
bool unit_is_leftover(const struct unit *unit, const struct unit_process *process)
{
        if (!unit_is(unit->name, ".service"))
                return false;
        if (is_down(unit))
                return true;
        if (!unit_spares(unit))
                return false;
        if (unit->sub_state && strcmp(unit->sub_state, "auto-restart") == 0)
                return true;
        return unit->main_pid != 0 && unit->main_pid != (uint32_t)process->pid &&
               !descends_from(process, unit->main_pid);
}

bool unit_spares_process(const struct unit *unit, const struct unit_process *process)
{
        /* KillMode=none sends no signal at all: only ExecStop= does something. */
        bool is_main = unit->main_pid == (uint32_t)process->pid;

        return unit_spares(unit) && !is_main && !unit_is_leftover(unit, process);
}

static bool is_active(const struct units *units, const char *name, size_t n)
{
        const struct unit *unit = units_find(units, name, n);

        return unit && unit_is_up(unit);
}

static bool has_active(const struct units *units, const char *list)
{
        const char *name;
        size_t n;

        while (unit_list_next(&list, &name, &n))
                if (is_active(units, name, n))
                        return true;
        return false;
}

/* systemd.service(5), Restart=: SIGTERM is a clean end, SIGKILL is not. A "kill"
 * may be either, so whatever revives after one of them counts. */
static enum aiu_tristate returns_by_restart(const char *restart)
{
        static const char *const yes[] = { "always", "on-success", "on-failure", "on-abnormal", "on-abort" };
        static const char *const no[] = { "no", "on-watchdog" };

        if (is_one_of(restart, yes, ELEMENTSOF(yes)))
                return AIU_TRISTATE_YES;
        return is_one_of(restart, no, ELEMENTSOF(no)) ? AIU_TRISTATE_NO : AIU_TRISTATE_UNKNOWN;
}

enum aiu_tristate unit_returns(const struct units *units, const struct unit *unit, const struct unit_process *process)
{
        bool is_main = unit->main_pid == 0 || unit->main_pid == (uint32_t)process->pid;

        if (unit_is(unit->name, ".scope") || unit_is_leftover(unit, process))
                return AIU_TRISTATE_NO;
        if (has_active(units, unit->triggered_by) || has_active(units, unit->upheld_by))
                return AIU_TRISTATE_YES;
        /* Of a child of the main process that process knows. */
        if (!is_main && !process->main_holds_too)
                return AIU_TRISTATE_UNKNOWN;
        return returns_by_restart(unit->restart);
}

static int add_active(const struct units *units, const char *from, char **list)
{
        const char *name;
        size_t n;
        int r = 0;

        while (r == 0 && unit_list_next(&from, &name, &n))
                if (is_active(units, name, n))
                        r = unit_list_add(list, name, n);
        return r;
}

int unit_add_revivers(const struct units *units, const struct unit *unit, char **list)
{
        int r = add_active(units, unit->triggered_by, list);

        return r < 0 ? r : add_active(units, unit->upheld_by, list);
}
