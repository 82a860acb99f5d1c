/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsers for procfs: see proc-parse.h. Formats: proc_pid_stat(5), proc_pid_status(5),
 * and in the kernel do_task_stat(), proc_pid_status(), io_uring_show_fdinfo(). */
#include "backend/process/proc-parse.h"
#include "util/macro.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static int digit_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return INT_MAX;
}

bool proc_parse_number(const char **text, int base, uint64_t *ret)
{
        const char *p = *text;
        uint64_t value = 0;
        int digit;

        for (; (digit = digit_value(*p)) < base; p++) {
                if (value > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base)
                        return false;
                value = value * (uint64_t)base + (uint64_t)digit;
        }
        if (p == *text)
                return false;

        *text = p;
        *ret = value;
        return true;
}

bool proc_parse_id(const char *text, int *ret)
{
        uint64_t value;

        if (!proc_parse_number(&text, 10, &value) || *text != '\0' || value > INT_MAX)
                return false;
        *ret = (int)value;
        return true;
}

/* One blank and a number; a negative one (tty, priority) is passed over as 0. */
static bool next_field(const char **text, uint64_t *ret)
{
        const char *p = *text;
        bool negative;

        if (*p != ' ')
                return false;
        p++;
        negative = *p == '-';
        if (negative)
                p++;
        if (!proc_parse_number(&p, 10, ret))
                return false;
        if (negative)
                *ret = 0;
        *text = p;
        return true;
}

static void copy_comm(struct proc_stat *to, const char *from, const char *end)
{
        size_t bytes = (size_t)(end - from);

        if (bytes >= sizeof(to->comm))
                bytes = sizeof(to->comm) - 1;
        memcpy(to->comm, from, bytes);
        to->comm[bytes] = '\0';
}

static pid_t to_pid(uint64_t value)
{
        return value > INT_MAX ? 0 : (pid_t)value;
}

/* Fields are numbered as in proc_pid_stat(5): 4 is the first after the state. */
static void put_field(struct proc_stat *s, int number, uint64_t value)
{
        switch (number) {
        case 4:
                s->ppid = to_pid(value);
                break;
        case 5:
                s->pgrp = to_pid(value);
                break;
        case 6:
                s->session = to_pid(value);
                break;
        case 7:
                s->tty = value;
                break;
        case 9:
                s->flags = value;
                break;
        case 20:
                s->n_threads = value;
                break;
        case 22:
                s->start_ticks = value;
                break;
        default:
                break;
        }
}

/* The name may hold anything, ") R 1 (" and newlines too, but what follows it
 * holds no parenthesis: so the last one ends the name. */
int proc_parse_stat(const char *text, size_t bytes, struct proc_stat *ret)
{
        struct proc_stat s = { .comm = "" };
        const char *open = memchr(text, '(', bytes);
        const char *close = memrchr(text, ')', bytes);
        uint64_t value;

        if (!open || !close || close < open || close[1] != ' ' || close[2] == '\0')
                return -EBADMSG;

        copy_comm(&s, open + 1, close);
        s.state = close[2];
        text = close + 3;
        for (int number = 4; number <= 22; number++) {
                if (!next_field(&text, &value))
                        return -EBADMSG;
                put_field(&s, number, value);
        }
        *ret = s;
        return 0;
}

/* What stands behind "KEY:" at the start of a line, blanks left out; or NULL. */
static const char *find_key(const char *text, const char *key)
{
        size_t n = strlen(key);

        while (text) {
                if (strncmp(text, key, n) == 0 && text[n] == ':')
                        return text + n + 1 + strspn(text + n + 1, "\t ");
                text = strchr(text, '\n');
                if (text)
                        text++;
        }
        return NULL;
}

static bool find_mask(const char *text, const char *key, uint64_t *ret)
{
        const char *p = find_key(text, key);

        return p && proc_parse_number(&p, 16, ret);
}

static uid_t find_euid(const char *text)
{
        const char *p = find_key(text, "Uid");
        uint64_t real, effective;

        if (!p || !proc_parse_number(&p, 10, &real))
                return (uid_t)-1;
        p += strspn(p, "\t ");
        if (!proc_parse_number(&p, 10, &effective) || effective > UINT32_MAX)
                return (uid_t)-1;
        return (uid_t)effective;
}

static bool find_uids(const char *text, uid_t *uids)
{
        const char *p = find_key(text, "Uid");
        uint64_t uid;

        for (size_t i = 0; i < 4; i++) {
                if (!p || !proc_parse_number(&p, 10, &uid) || uid > UINT32_MAX)
                        return false;
                uids[i] = (uid_t)uid;
                p += strspn(p, "\t ");
        }
        return true;
}

/* Its numbers from the reader's pid namespace down to its own. */
static bool is_init(const char *text)
{
        const char *p = find_key(text, "NSpid");
        uint64_t number = 0;

        while (p && proc_parse_number(&p, 10, &number))
                p += strspn(p, "\t ");
        return number == 1;
}

/* Three columns: from this uid on, from that uid of the reader's on, so many. */
static bool parse_map_line(const char **text, uint64_t *columns)
{
        for (size_t i = 0; i < 3; i++) {
                *text += strspn(*text, " ");
                if (!proc_parse_number(text, 10, &columns[i]))
                        return false;
        }
        if (**text == '\n')
                (*text)++;
        return true;
}

bool proc_parse_root_uid(const char *text, uid_t *ret_uid)
{
        uint64_t columns[3];

        while (parse_map_line(&text, columns)) {
                if (columns[0] != 0 || columns[1] > UINT32_MAX)
                        continue;
                *ret_uid = (uid_t)columns[1];
                return true;
        }
        return false;
}

bool proc_parse_is_whole_map(const char *text)
{
        uint64_t columns[3];

        return parse_map_line(&text, columns) && columns[0] == 0 && columns[1] == 0 && columns[2] >= UINT32_MAX;
}

/* Newlines in the name are escaped here (proc_task_name() with escape set), so no name can pass for another line. */
int proc_parse_status(const char *text, struct proc_status *ret)
{
        struct proc_status s = { .euid = find_euid(text) };
        uint64_t thread, process;

        s.has_uids = find_uids(text, s.uids);
        s.is_init = is_init(text);
        s.has_signals = find_mask(text, "SigPnd", &thread) && find_mask(text, "ShdPnd", &process) &&
                        find_mask(text, "SigBlk", &s.blocked) && find_mask(text, "SigIgn", &s.ignored) &&
                        find_mask(text, "SigCgt", &s.caught);
        if (s.has_signals)
                s.pending = thread | process;
        if (!s.has_signals && s.euid == (uid_t)-1)
                return -EBADMSG;

        *ret = s;
        return 0;
}

bool proc_parse_socket_link(const char *text, size_t bytes, uint64_t *ret_inode)
{
        static const char prefix[] = "socket:[";
        const char *p = text + sizeof(prefix) - 1;
        uint64_t inode;

        /* The shortest is "socket:[1]". The number stops at the bracket that
         * is known to be there, so that it needs no NUL. */
        if (bytes < sizeof(prefix) + 1 || memcmp(text, prefix, sizeof(prefix) - 1) != 0 || text[bytes - 1] != ']')
                return false;
        if (!proc_parse_number(&p, 10, &inode) || p != text + bytes - 1)
                return false;

        *ret_inode = inode;
        return true;
}

/* "    0: socket:[9221]" is such a line. Blanks and newlines in paths are
 * escaped there (seq_file_path()), so no path can pass for one. */
static bool ring_line(const char *line, size_t bytes, uint64_t *ret_inode)
{
        const char *end = line + bytes;
        uint64_t slot;

        while (line < end && *line == ' ')
                line++;
        if (line == end || !proc_parse_number(&line, 10, &slot) || end - line < 2 || line[0] != ':' || line[1] != ' ')
                return false;
        line += 2;
        return proc_parse_socket_link(line, (size_t)(end - line), ret_inode);
}

bool proc_parse_ring_socket(const char **text, uint64_t *ret_inode)
{
        const char *line = *text;

        while (*line) {
                size_t bytes = strcspn(line, "\n");
                bool found = ring_line(line, bytes, ret_inode);

                line += bytes + (line[bytes] == '\n');
                if (found) {
                        *text = line;
                        return true;
                }
        }
        *text = line;
        return false;
}

/* The path in systemd's own hierarchy: "0::/..." in cgroup v2, else the v1
 * hierarchy that is named for it (the hybrid set-up has both; v1 rules then). */
static const char *systemd_path(const char *cgroup, size_t *ret_bytes)
{
        static const char v1[] = ":name=systemd:", v2[] = "0::";
        const char *p = strstr(cgroup, v1);

        if (p)
                p += sizeof(v1) - 1;
        else if (strncmp(cgroup, v2, sizeof(v2) - 1) == 0)
                p = cgroup + sizeof(v2) - 1;
        else if ((p = strstr(cgroup, "\n0::")))
                p += sizeof(v2);
        else
                return NULL;

        *ret_bytes = strcspn(p, "\n");
        return p;
}

enum proc_unit proc_parse_unit(const char *cgroup)
{
        size_t bytes = 0;
        const char *path = cgroup ? systemd_path(cgroup, &bytes) : NULL;
        const char *slash;

        /* From the innermost component outwards: a delegated unit may have cgroups of its own making below it. */
        while (path && (slash = memrchr(path, '/', bytes))) {
                size_t n = bytes - (size_t)(slash - path) - 1;

                if (ends_with(slash + 1, n, ".service"))
                        return PROC_UNIT_SERVICE;
                if (ends_with(slash + 1, n, ".scope"))
                        return PROC_UNIT_SCOPE;
                bytes = (size_t)(slash - path);
        }
        return PROC_UNIT_NONE;
}
