/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "proc-net-path": whose socket may have made the file at an AF_UNIX path, where unix_diag was refused, or
 * knows none because the socket is of another network namespace. /proc/PID/net/unix has the names that bind(2) was
 * given, and anyone may read it, but no inode. bind(2) does not follow the last component, so that each spelling of a
 * path ends in the same one. Where the whole name leads to the file, it is a candidate; where it cannot be followed
 * (relative, or of another root), it is one if there is no better, and if such names are few. Never more than a
 * candidate: names stay when files are replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "backend/backends.h"
#include "backend/procfs/proc-net-parse.h"
#include "util/macro.h"
#include "util/dents.h"
#include "util/sys.h"

#define TABLE_MAX (16u << 20)
#define PROCESSES_MAX 1024u /* whose tables are read, where namespaces cannot be told apart */
#define NAMESPACES_MAX 256u
#define WEAK_MAX 4u /* of more namesakes none is more likely than another */

/* How sure it is that a name leads to the file. */
enum match { NONE, WEAK, STRONG };

struct candidate {
        int type;
        enum aiu_state state;
        uint64_t inode;
        struct sockaddr_un un;
        socklen_t un_len;
};

struct search {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct aiu_host_fact host;
        char base[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
        int root; /* of the process whose table it is; -1 = our own; ROOT_UNKNOWN */
        size_t n_found;
        struct candidate weak[WEAK_MAX];
        size_t n_weak;                 /* there may have been more */
        uint64_t seen[NAMESPACES_MAX]; /* namespaces whose table was read */
        size_t n_seen;
        size_t n_read;
};

#define ROOT_OWN (-1)
#define ROOT_UNKNOWN (-2)

/* ------------------------------------------------------ names */

/* What is behind the last slash, and no slashes at the end: as unix-path.c looks at it. */
static bool take_base(struct search *search)
{
        const size_t before = offsetof(struct sockaddr_un, sun_path);
        const char *path = (const char *)search->request->address + before;
        size_t bytes = strnlen(path, search->request->address_len - before), start;

        while (bytes > 1 && path[bytes - 1] == '/')
                bytes--;
        for (start = bytes; start > 0 && path[start - 1] != '/'; start--)
                ;
        memcpy(search->base, path + start, bytes - start);
        search->base[bytes - start] = '\0';
        /* The table's lines end at newlines, and so would the name. */
        return bytes > start && !strchr(search->base, '\n');
}

static bool has_base(const struct search *search, const struct proc_net_unix *socket)
{
        size_t n = strlen(search->base);
        const char *end = socket->name + socket->name_bytes;

        if (socket->name_bytes < n || memcmp(end - n, search->base, n) != 0)
                return false;
        return socket->name_bytes == n || end[-(ptrdiff_t)n - 1] == '/';
}

static enum match match_name(const struct search *search, const struct proc_net_unix *socket)
{
        char path[sizeof(search->base)];
        struct stat st;

        if (!has_base(search, socket) || socket->name_bytes >= sizeof(path))
                return NONE;
        memcpy(path, socket->name, socket->name_bytes);
        path[socket->name_bytes] = '\0';
        if (path[0] != '/' || path[1] == '\0' || search->root == ROOT_UNKNOWN)
                return WEAK;
        if (sys_fstatat(search->root == ROOT_OWN ? AT_FDCWD : search->root, search->root == ROOT_OWN ? path : path + 1,
                        &st, AT_SYMLINK_NOFOLLOW) < 0)
                return WEAK;
        return st.st_ino == search->host.name_inode && st.st_dev == search->host.name_device ? STRONG : NONE;
}

/* ------------------------------------------------------ tables */

static int add_candidate(struct search *search, const struct candidate *candidate)
{
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = candidate->type,
                .state = candidate->state,
                .inode = candidate->inode,
                .local = (const struct sockaddr *)&candidate->un,
                .local_len = candidate->un_len,
                .uid = (uid_t)-1,
                .vfs_inode = search->host.name_inode, /* and no device: a candidate */
        };
        int r = aiu_snapshot_add_socket(search->snapshot, &fact);

        search->n_found++;
        return r == -ENOBUFS ? 0 : r;
}

static void keep_weak(struct search *search, const struct candidate *candidate)
{
        for (size_t i = 0; i < search->n_weak && i < WEAK_MAX; i++)
                if (search->weak[i].inode == candidate->inode)
                        return;
        if (search->n_weak < WEAK_MAX)
                search->weak[search->n_weak] = *candidate;
        search->n_weak++;
}

static int add_weak(struct search *search)
{
        int r = 0;

        if (search->n_found > 0 || search->n_weak > WEAK_MAX)
                return 0;
        for (size_t i = 0; r >= 0 && i < search->n_weak; i++)
                r = add_candidate(search, &search->weak[i]);
        return r;
}

static int take_line(struct search *search, const char *line, size_t bytes)
{
        struct candidate candidate = { .un = { .sun_family = AF_UNIX } };
        struct proc_net_unix socket;
        enum match match;

        /* Without an inode it is a connection that the server has not accepted yet. */
        if (proc_net_parse_unix(line, bytes, &socket) < 0 || socket.inode == 0 ||
            (socket.state == AIU_STATE_ESTABLISHED && socket.type != SOCK_DGRAM))
                return 0;
        match = match_name(search, &socket);
        if (match == NONE)
                return 0;
        candidate.type = socket.type;
        candidate.state = socket.state;
        candidate.inode = socket.inode;
        memcpy(candidate.un.sun_path, socket.name, socket.name_bytes);
        candidate.un_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + socket.name_bytes);
        if (match == STRONG)
                return add_candidate(search, &candidate);
        keep_weak(search, &candidate);
        return 0;
}

static int take_table(struct search *search, const char *text, size_t bytes)
{
        const char *end = text + bytes, *newline;
        int r;

        for (; text < end; text = newline + 1) {
                newline = memchr(text, '\n', (size_t)(end - text));
                if (!newline)
                        return 0;
                r = take_line(search, text, (size_t)(newline - text));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_table(struct search *search, const char *name)
{
        size_t bytes;
        char *text;
        int r;

        r = sys_read_file_alloc(search->request->procfs, name, TABLE_MAX, &text, &bytes);
        if (r < 0)
                return r;
        r = take_table(search, text, bytes);
        free(text);
        return r;
}

static int read_own(struct search *search)
{
        static const char *const names[] = { "thread-self/net/unix", "self/net/unix", "net/unix" };
        int r = -ENOENT;

        search->root = ROOT_OWN;
        for (size_t i = 0; i < ELEMENTSOF(names) && r == -ENOENT; i++)
                r = read_table(search, names[i]);
        return r;
}

/* ------------------------------------------------------ other namespaces */

/* The namespace of a process; 0 = this user may not know it. */
static uint64_t namespace_of(const struct search *search, const char *pid)
{
        char name[64], link[64];
        const char *digits;
        ssize_t n;

        (void)snprintf(name, sizeof(name), "%s/ns/net", pid);
        n = sys_readlinkat(search->request->procfs, name, link, sizeof(link) - 1);
        if (n <= 0)
                return 0;
        link[n] = '\0';
        digits = strchr(link, '[');
        return digits ? strtoull(digits + 1, NULL, 10) : 0;
}

/* Was the table of this namespace read before? Where it cannot be told, only so many are read. */
static bool is_new(struct search *search, uint64_t id)
{
        if (id == 0)
                return search->n_read < PROCESSES_MAX;
        for (size_t i = 0; i < search->n_seen; i++)
                if (search->seen[i] == id)
                        return false;
        if (search->n_seen >= NAMESPACES_MAX)
                return false;
        search->seen[search->n_seen++] = id;
        return true;
}

static int read_of_process(struct search *search, const char *pid)
{
        char name[64];
        int r;

        if (!is_new(search, namespace_of(search, pid)))
                return 0;
        search->n_read++;
        (void)snprintf(name, sizeof(name), "%s/root", pid);
        search->root = sys_openat(search->request->procfs, name, O_PATH | O_DIRECTORY);
        if (search->root < 0)
                search->root = ROOT_UNKNOWN;
        (void)snprintf(name, sizeof(name), "%s/net/unix", pid);
        r = read_table(search, name);
        if (search->root >= 0)
                sys_close(search->root);
        search->root = ROOT_UNKNOWN;
        return r == -ENOMEM || r == -ENOBUFS ? r : 0; /* others: it has ended */
}

static int read_others(struct search *search)
{
        _Alignas(struct dent) char buffer[4096];
        struct dents dents = DENTS(-1, buffer);
        const struct dent *dent;
        int r = 0;

        (void)is_new(search, namespace_of(search, "thread-self"));
        dents.fd = sys_openat(search->request->procfs, ".", O_RDONLY | O_DIRECTORY);
        if (dents.fd < 0)
                return dents.fd;
        /* Where namespaces cannot be told apart, the next process would show the same socket again. */
        while (r == 0 && search->n_found == 0 && (dent = dents_next_number(&dents)))
                r = aiu_request_time_left_usec(search->request) == 0 ? -ETIME : read_of_process(search, dent->name);
        sys_close(dents.fd);
        return r < 0 ? r : dents.error;
}

/* ------------------------------------------------------ the backend */

/* Somebody has named a socket that made this file. */
static bool is_found(const struct search *search)
{
        struct aiu_socket_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_socket(search->snapshot, i, &fact); i++)
                if ((uint32_t)fact.vfs_inode == (uint32_t)search->host.name_inode)
                        return true;
        return false;
}

static bool is_about_path(const struct aiu_request *request)
{
        const size_t before = offsetof(struct sockaddr_un, sun_path);

        return request->address->sa_family == AF_UNIX && request->address_len > before &&
               ((const char *)request->address)[before] != '\0';
}

static int search_all(struct search *search)
{
        bool live = search->host.name_live == AIU_TRISTATE_YES, sure;
        int r;

        r = read_own(search);
        if (r >= 0 && search->n_found == 0 && live)
                r = read_others(search);
        sure = search->n_found > 0;
        if (r >= 0)
                r = add_weak(search);
        if (r < 0)
                return r;
        if (search->n_found > 0)
                (void)aiu_snapshot_add_gap(
                        search->snapshot, AIU_GAP_UNKNOWN, 0,
                        "the socket of the file was found by its name in /proc/net/unix: the file may have been "
                        "replaced since");
        else if (live)
                (void)aiu_snapshot_add_gap(
                        search->snapshot, AIU_GAP_NAMESPACE, 0,
                        "a socket is bound to the file, but is in no table that this user may read: it belongs to "
                        "another network namespace, or no process has it open");
        return sure ? AIU_COMPLETE : AIU_PARTIAL;
}

static int sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        _cleanup_free_ struct search *search = NULL;

        (void)userdata;
        if (!is_about_path(request))
                return AIU_PARTIAL;
        if (request->procfs < 0)
                return -ENOENT;
        search = calloc(1, sizeof(*search));
        if (!search)
                return -ENOMEM;
        search->request = request;
        search->snapshot = snapshot;
        search->host.size = sizeof(search->host);
        (void)aiu_snapshot_get_host(snapshot, &search->host);
        if (search->host.name_is_socket != AIU_TRISTATE_YES || search->host.name_live == AIU_TRISTATE_NO ||
            is_found(search))
                return AIU_PARTIAL;
        if (!take_base(search))
                return -EOPNOTSUPP;
        return search_all(search);
}

const struct aiu_backend backend_proc_net_path = {
        .size = sizeof(struct aiu_backend),
        .name = "proc-net-path",
        .sockets = sockets,
};
