/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is a socket bound to the file at an AF_UNIX path? connect(2) from a socket that
 * is connected already, one end of a socketpair, can never make a connection. The
 * kernel looks the server up all the same, by the inode itself, before it looks at
 * the state of the client (unix_find_bsd(), unix_stream_connect()):
 *
 *  EPROTOTYPE            a socket of another type is bound to it;
 *  EISCONN, EAGAIN       a listener of this type (EAGAIN: its backlog is full);
 *  ECONNREFUSED          none, or one of this type that does not listen.
 *
 * Two types, SOCK_SEQPACKET and then SOCK_STREAM, tell the last two apart. No
 * network namespace, device or inode number is compared. The server sees nothing:
 * no wake-up, no event, no entry in its backlog. SOCK_SEQPACKET goes first: nearly
 * every server is of another type, and then not even the access time moves.
 *
 * bind(2) makes the file before it enters the socket into the table, and a server
 * may be replaced at any moment: the inode is pinned by a descriptor and compared
 * afterwards, and "none" has to be said twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "backend/procfs/unix-live.h"
#include "backend/procfs/unix-open.h"
#include "util/same-file.h"
#include "util/sys.h"

/* What is printed of a directory in which FHS promises that nothing is. */
#define NO_SUCH_NAME "/nonexistent/addrinuse"

enum { CHANGES_MAX = 4, SECOND_LOOK_MSEC = 2 };

/* The result of connect(2), always an error; *ret_asked = false: the pair could not be made. */
static int connect_pair(int type, const char *name, bool *ret_asked)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        size_t bytes = strnlen(name, sizeof(un.sun_path) + 1);
        int pair[2], r;

        *ret_asked = false;
        if (bytes > sizeof(un.sun_path))
                return -ENAMETOOLONG;
        memcpy(un.sun_path, name, bytes);
        r = sys_socketpair(type | SOCK_NONBLOCK, pair);
        if (r < 0)
                return r;
        r = sys_connect(pair[0], (const struct sockaddr *)&un, sizeof(un));
        *ret_asked = true;
        sys_close(pair[0]);
        sys_close(pair[1]);
        return r;
}

/*
 * A kernel that looks at the state of the client first would call every file alive (or stale): asked about a name
 * that does not exist, such a kernel gives itself away. The answer holds for the life of the process.
 */
static int check_kernel(void)
{
        static atomic_int verdict; /* 0 = not asked yet */
        bool backend_request;
        int r = atomic_load(&verdict);

        if (r == 0) {
                r = connect_pair(SOCK_SEQPACKET, NO_SUCH_NAME, &backend_request);
                if (!backend_request)
                        return r;
                r = r == -ENOENT ? 1 : -EOPNOTSUPP;
                atomic_store(&verdict, r);
        }
        return r < 0 ? r : 0;
}

static enum aiu_tristate live_of(int r)
{
        if (r == -EPROTOTYPE || r == -EISCONN || r == -EAGAIN)
                return AIU_TRISTATE_YES;
        return r == -ECONNREFUSED ? AIU_TRISTATE_NO : AIU_TRISTATE_UNKNOWN;
}

int unix_live_pinned(const char *name, enum aiu_tristate *ret_live)
{
        static const int types[] = { SOCK_SEQPACKET, SOCK_STREAM };
        enum aiu_tristate live = AIU_TRISTATE_NO;
        bool backend_request;
        int r;

        r = check_kernel();
        for (size_t i = 0; r >= 0 && i < 2 && live == AIU_TRISTATE_NO; i++) {
                int error = connect_pair(types[i], name, &backend_request);

                live = backend_request ? live_of(error) : AIU_TRISTATE_UNKNOWN;
                if (live == AIU_TRISTATE_UNKNOWN)
                        r = error < 0 ? error : -EIO;
        }
        if (r < 0)
                return r;
        *ret_live = live;
        return 0;
}

static int ask_pinned(int fd, const char *path, enum aiu_tristate *ret_live)
{
        char name[UNIX_OPEN_NAME];

        return unix_live_pinned(unix_open_name(fd, name) < 0 ? path : name, ret_live);
}

/* The answer was about this file: is it still the one at the path? */
static int check_place(const char *path, const struct stat *st)
{
        struct stat now;
        int r = sys_fstatat(AT_FDCWD, path, &now, AT_SYMLINK_NOFOLLOW);

        if (r < 0)
                return r;
        return same_file(st, &now) ? 0 : -ESTALE;
}

int unix_live_once(const char *path, struct stat *ret_stat, enum aiu_tristate *ret_live)
{
        enum aiu_tristate live = AIU_TRISTATE_UNKNOWN;
        struct stat st;
        int fd, r;

        fd = sys_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW);
        if (fd < 0)
                return fd;
        r = sys_fstat(fd, &st);
        if (r >= 0 && S_ISSOCK(st.st_mode)) {
                r = ask_pinned(fd, path, &live);
                if (r >= 0)
                        r = check_place(path, &st);
        }
        sys_close(fd);
        if (r < 0)
                return r;
        *ret_stat = st;
        *ret_live = live;
        return 0;
}

int unix_live(const struct aiu_request *request, const char *path, struct stat *ret_stat, enum aiu_tristate *ret_live)
{
        enum aiu_tristate live = AIU_TRISTATE_UNKNOWN;
        struct stat st, before = { 0 };
        bool stale = false;
        int r, changes = 0;

        for (;;) {
                if (aiu_request_time_left_usec(request) == 0)
                        return -ETIME;
                r = unix_live_once(path, &st, &live);
                if (r == -ESTALE && ++changes < CHANGES_MAX)
                        continue;
                if (r < 0)
                        return r;
                if (live != AIU_TRISTATE_NO || (stale && same_file(&st, &before)))
                        break;
                if (stale && ++changes >= CHANGES_MAX)
                        return -ESTALE;
                stale = true;
                before = st;
                (void)sys_poll(NULL, 0, SECOND_LOOK_MSEC);
        }
        *ret_stat = st;
        *ret_live = live;
        return 0;
}
