/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network namespaces of events, by inode. Only a process in a namespace, or a descriptor, leads from an inode to it.
 * The process that failed may be gone, so each namespace is remembered for some seconds. A namespace that is not
 * remembered is searched for among all processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bpf/watch.h"
#include "util/dents.h"
#include "util/sys.h"

#define REMEMBERED_NSEC UINT64_C(10000000000)
#define SEARCH_NSEC UINT64_C(1000000000) /* at most one search of /proc in so much time */

static int open_if_it_is(const char *path, uint64_t inode)
{
        int fd = sys_openat(AT_FDCWD, path, O_RDONLY);
        struct stat st;

        if (fd < 0)
                return fd;
        if (sys_fstat(fd, &st) == 0 && st.st_ino == inode)
                return fd;
        (void)sys_close(fd);
        return -ENOENT;
}

static int open_of(const char *pid, uint64_t inode)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
        return open_if_it_is(path, inode);
}

void namespaces_init(struct namespaces *namespaces)
{
        struct stat st;

        memset(namespaces, 0, sizeof(*namespaces));
        for (size_t i = 0; i < MOST_NAMESPACES; i++)
                namespaces->known[i].fd = -1;
        if (sys_fstatat(AT_FDCWD, "/proc/self/ns/net", &st, 0) == 0)
                namespaces->own = st.st_ino;
}

void namespaces_expire(struct namespaces *namespaces, bool all)
{
        uint64_t now = sys_now_nsec();

        for (size_t i = 0; i < MOST_NAMESPACES; i++) {
                struct known_namespace *known = &namespaces->known[i];

                if (known->fd >= 0 && (all || now - known->used_nsec > REMEMBERED_NSEC))
                        known->fd = sys_close(known->fd);
        }
}

/* Replaces the least recently used one. */
static int remember(struct namespaces *namespaces, uint64_t inode, int fd)
{
        struct known_namespace *slot = &namespaces->known[0];

        for (size_t i = 0; i < MOST_NAMESPACES; i++) {
                struct known_namespace *known = &namespaces->known[i];

                if (slot->fd >= 0 && (known->fd < 0 || known->used_nsec < slot->used_nsec))
                        slot = known;
        }
        (void)sys_close(slot->fd);
        *slot = (struct known_namespace){ .inode = inode, .used_nsec = sys_now_nsec(), .fd = fd };
        return fd;
}

static int recall(struct namespaces *namespaces, uint64_t inode)
{
        for (size_t i = 0; i < MOST_NAMESPACES; i++)
                if (namespaces->known[i].fd >= 0 && namespaces->known[i].inode == inode) {
                        namespaces->known[i].used_nsec = sys_now_nsec();
                        return namespaces->known[i].fd;
                }
        return -ENOENT;
}

static int search(struct namespaces *namespaces, uint64_t inode)
{
        uint64_t now = sys_now_nsec();
        _Alignas(struct dent) char bytes[4096];
        const struct dent *entry;
        int fd = -ENOENT, proc;

        if (namespaces->searched_nsec && now - namespaces->searched_nsec < SEARCH_NSEC)
                return -ENOENT;
        namespaces->searched_nsec = now;
        proc = sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
        if (proc < 0)
                return -ENOENT;
        struct dents dents = DENTS(proc, bytes);
        while (fd < 0 && (entry = dents_next_number(&dents)))
                fd = open_of(entry->name, inode);
        (void)sys_close(proc);
        return fd;
}

int namespaces_find(struct namespaces *namespaces, uint64_t inode, pid_t pid)
{
        char number[16];
        int fd = recall(namespaces, inode);

        if (fd >= 0)
                return fd;
        (void)snprintf(number, sizeof(number), "%d", (int)pid);
        fd = pid > 0 ? open_of(number, inode) : -ENOENT;
        if (fd < 0)
                fd = search(namespaces, inode);
        return fd < 0 ? -ENOENT : remember(namespaces, inode, fd);
}
