/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc says about the calling thread, and about the process that a request is on behalf of. A filter and
 * capabilities belong to a thread, so thread-self is read for the caller: self is the main thread, whose may differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/caller.h"
#include "util/macro.h"
#include "util/sys.h"

/* The line that is being read, as far as a field can be long; the list of groups is longer. */
struct line {
        char text[96];
        size_t n;
};

static bool is_field(const struct line *line, const char *key)
{
        return line->n < sizeof(line->text) && strncmp(line->text, key, strlen(key)) == 0;
}

/* Takes in more bytes of the file; true once `line` is the field, which is its value then. */
static bool find_field(struct line *line, const char *key, const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (bytes[i] != '\n') {
                        if (line->n < sizeof(line->text))
                                line->text[line->n++] = bytes[i];
                        continue;
                }
                if (line->n < sizeof(line->text))
                        line->text[line->n] = '\0';
                if (is_field(line, key)) {
                        memmove(line->text, line->text + strlen(key), line->n - strlen(key) + 1);
                        return true;
                }
                line->n = 0;
        }
        return false;
}

/* One field of a status file; -ENODATA: the file has none of that name. */
static int read_field(int procfs, const char *path, const char *key, struct line *ret)
{
        char buffer[4096];
        ssize_t n;
        int fd, r = -EBADMSG;

        if (procfs < 0)
                return -ENOENT;
        fd = sys_openat(procfs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;
        *ret = (struct line){ .n = 0 };
        while ((n = sys_read(fd, buffer, sizeof(buffer))) > 0) {
                r = find_field(ret, key, buffer, (size_t)n) ? 0 : -ENODATA;
                if (r == 0)
                        break;
        }
        sys_close(fd);
        return n < 0 ? (int)n : r;
}

bool caller_is_filtered(int procfs)
{
        struct line line;
        int r = read_field(procfs, "thread-self/status", "Seccomp:\t", &line);

        if (r == -ENODATA)
                return false; /* a kernel without CONFIG_SECCOMP */
        return r < 0 || strcmp(line.text, "0") != 0;
}

const char *asker_file(const struct aiu_request *request, const char *path, int *ret_directory)
{
        *ret_directory = request->pid > 0 ? request->process : request->procfs;
        return request->pid > 0 ? strchr(path, '/') + 1 : path;
}

static int read_asker_field(const struct aiu_request *request, const char *key, struct line *ret)
{
        int directory;
        const char *path = asker_file(request, "thread-self/status", &directory);

        return read_field(directory, path, key, ret);
}

static enum aiu_tristate has_bit(const struct line *line, unsigned int capability)
{
        if (!consists_of(line->text, strlen(line->text), "0123456789abcdef"))
                return AIU_TRISTATE_UNKNOWN;
        return strtoull(line->text, NULL, 16) >> capability & 1 ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

enum aiu_tristate caller_has_capability(int procfs, unsigned int capability)
{
        struct line line;

        if (read_field(procfs, "thread-self/status", "CapEff:\t", &line) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return has_bit(&line, capability);
}

enum aiu_tristate asker_has_capability(const struct aiu_request *request, unsigned int capability)
{
        struct line line;
        uint64_t effective;

        if (read_asker_field(request, "CapEff:\t", &line) >= 0)
                return has_bit(&line, capability);
        if (request->pid > 0 || request->plain_calls_only || sys_capget(&effective) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return effective >> capability & 1 ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

/*
 * CAP_SYS_PTRACE looks into every process of its user namespace, unless Landlock is in between: from inside a domain the
 * parent, which made no domain, is out of reach (hook_ptrace_access_check()).
 */
static bool is_shut_out(const struct aiu_request *request)
{
        char name[32];
        struct line parent;
        struct stat st;
        int r;

        if (request->pid > 0 || !caller_sees_all(request->procfs) || read_asker_field(request, "PPid:\t", &parent) < 0)
                return false;
        (void)snprintf(name, sizeof(name), "%d/ns/net", (int)strtol(parent.text, NULL, 10));
        r = sys_fstatat(request->procfs, name, &st, 0);
        return r == -EACCES || r == -EPERM;
}

/* landlock_restrict_self() wants no_new_privs or CAP_SYS_ADMIN. */
bool asker_may_be_sandboxed(const struct aiu_request *request)
{
        struct line line;

        if (read_asker_field(request, "NoNewPrivs:\t", &line) == 0 && strcmp(line.text, "1") == 0)
                return true;
        return is_shut_out(request);
}

/* "Uid:" has four: real, effective, saved, of the file system. */
static uid_t nth_uid(int directory, int n)
{
        struct line line;
        char *word = NULL, *rest = line.text;

        if (read_field(directory, "status", "Uid:\t", &line) < 0)
                return (uid_t)-1;
        while (n-- >= 0 && (word = strtok_r(rest, "\t", &rest)))
                ;
        if (!word || !*word || !consists_of(word, strlen(word), "0123456789"))
                return (uid_t)-1;
        return (uid_t)strtoul(word, NULL, 10);
}

/* cap_capable() */
uid_t process_euid(int directory)
{
        return nth_uid(directory, 1);
}

/* sock_alloc() */
uid_t process_uid(int directory)
{
        return nth_uid(directory, 3);
}

bool asker_is_like_caller(const struct aiu_request *request)
{
        static const char *const keys[] = { "Uid:\t", "Gid:\t", "Groups:\t", "CapEff:\t" };
        struct line its, own;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (read_field(request->process, "status", keys[i], &its) < 0 ||
                    read_field(request->procfs, "thread-self/status", keys[i], &own) < 0 ||
                    strcmp(its.text, own.text) != 0)
                        return false;
        return true;
}

/*
 * Another namespace may happen to use the same number. NSpid: has one for each
 * namespace from that of /proc down to the caller's, so a second one tells.
 */
bool caller_pids_are_foreign(int procfs)
{
        char link[16], own[16];
        struct line line;
        ssize_t n;
        int r;

        if (procfs < 0)
                return false;
        n = sys_readlinkat(procfs, "self", link, sizeof(link) - 1);
        if (n <= 0)
                return true;
        link[n] = '\0';
        (void)snprintf(own, sizeof(own), "%d", (int)sys_getpid());
        if (strcmp(link, own) != 0)
                return true;
        r = read_field(procfs, "self/status", "NSpid:\t", &line);
        return r == 0 && strcmp(line.text, own) != 0;
}

bool caller_is_in_userns(int procfs)
{
        struct stat st;

        return procfs >= 0 && sys_fstatat(procfs, "thread-self/ns/user", &st, 0) == 0 &&
               st.st_ino != INITIAL_USERNS_INODE;
}

bool caller_is_limited_root(int procfs)
{
        return sys_geteuid() == 0 &&
               (caller_is_in_userns(procfs) || caller_has_capability(procfs, CAP_SYS_PTRACE) == AIU_TRISTATE_NO);
}

bool caller_sees_all(int procfs)
{
        return caller_has_capability(procfs, CAP_SYS_PTRACE) == AIU_TRISTATE_YES && !caller_is_in_userns(procfs);
}

const char *caller_who_sees_all(int procfs)
{
        return caller_is_limited_root(procfs) ? "root of the host" : "root";
}
