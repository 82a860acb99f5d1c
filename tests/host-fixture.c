/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See host-fixture.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-fixture.h"
#include "scarce-memory.h"
#include "sys-fault.h"

#define MAX_WORDS 24

struct aiu_snapshot snapshot;
struct aiu_question question;

static union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
} address;

/* ------------------------------------------------------ namespaces */

void write_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
        ck_assert_msg(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s", path,
                      strerror(errno));
        close(fd);
}

bool can_enter_namespaces(void)
{
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0 : 1);
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
}

void enter_namespaces(void)
{
        char map[64];
        uid_t uid = geteuid();
        gid_t gid = getegid();

        ck_assert_int_eq(unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS), 0);
        write_file("/proc/self/setgroups", "deny");
        snprintf(map, sizeof(map), "0 %u 1", (unsigned int)uid);
        write_file("/proc/self/uid_map", map);
        snprintf(map, sizeof(map), "0 %u 1", (unsigned int)gid);
        write_file("/proc/self/gid_map", map);
        question = (struct aiu_question){ .size = sizeof(question) };
        question.procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(question.procfs, 0);
        snapshot_init(&snapshot);
}

void forget_snapshot(void)
{
        snapshot_finish(&snapshot);
}

int try_ip(const char *words)
{
        char buffer[256], *argv[MAX_WORDS] = { NULL }, *rest = buffer;
        int n = 0, status;
        pid_t pid;

        snprintf(buffer, sizeof(buffer), "ip %s", words);
        while (n < MAX_WORDS - 1 && (argv[n] = strsep(&rest, " ")))
                n++;
        pid = fork();
        if (pid == 0) {
                execvp("ip", argv);
                _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                return -1;
        return WEXITSTATUS(status);
}

bool have_ip(void)
{
        return try_ip("-batch /dev/null") == 0;
}

void ip(const char *words)
{
        ck_assert_msg(try_ip(words) == 0, "ip %s", words);
}

void enter_empty_directory(void)
{
        ck_assert_int_eq(mount("none", P_tmpdir, "tmpfs", 0, NULL), 0);
        ck_assert_int_eq(chdir(P_tmpdir), 0);
}

void make_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq((int)write(fd, text, strlen(text)), (int)strlen(text));
        close(fd);
}

void set_capability(int capability, bool on)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2];
        uint32_t bit = UINT32_C(1) << (capability & 31);

        ck_assert_int_eq((int)syscall(SYS_capget, &header, data), 0);
        if (on)
                data[capability >> 5].effective |= bit;
        else
                data[capability >> 5].effective &= ~bit;
        ck_assert_int_eq((int)syscall(SYS_capset, &header, data), 0);
}

/* ------------------------------------------------------ questions */

static void set_question(socklen_t bytes, int type, int protocol, uint16_t port)
{
        question.address = &address.any;
        question.address_len = bytes;
        question.type = type;
        question.protocol = protocol;
        question.port = port;
}

void set_ip(const char *text, uint16_t port, int type)
{
        int protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
        char plain[INET6_ADDRSTRLEN];
        const char *scope = strchr(text, '%');

        memset(&address, 0, sizeof(address));
        snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(text, "%"), text);
        if (inet_pton(AF_INET, plain, &address.in.sin_addr) == 1) {
                address.in.sin_family = AF_INET;
                address.in.sin_port = htons(port);
                set_question(sizeof(address.in), type, protocol, port);
                return;
        }
        memset(&address, 0, sizeof(address));
        ck_assert_int_eq(inet_pton(AF_INET6, plain, &address.in6.sin6_addr), 1);
        address.in6.sin6_family = AF_INET6;
        address.in6.sin6_port = htons(port);
        address.in6.sin6_scope_id = scope ? if_nametoindex(scope + 1) : 0;
        set_question(sizeof(address.in6), type, protocol, port);
}

/* With a byte behind it that is no NUL: the length alone ends the path. */
void set_path(const char *path)
{
        size_t bytes = strlen(path);

        ck_assert_uint_le(bytes, sizeof(address.un.sun_path));
        memset(&address, 'X', sizeof(address));
        address.un.sun_family = AF_UNIX;
        memcpy(address.un.sun_path, path, bytes);
        set_question((socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes), SOCK_STREAM, 0,
                     0);
}

int ask(const struct aiu_backend *backend)
{
        int r;

        /* First with each allocation failing in turn: that is said, or noted, or the backend does not
         * call its answer complete. Calls that fail are enough of a test by themselves. */
        for (unsigned int at = sys_fault ? 0 : 1;; at++) {
                snapshot_finish(&snapshot);
                snapshot.backend = backend->name;
                scarce_memory_begin(at, false);
                r = backend->host(NULL, &question, &snapshot);
                if (!scarce_memory_end())
                        return r;
                ck_assert_msg(r == -ENOMEM || r == AIU_PARTIAL || snapshot.gap_lost || snapshot.n_gaps > 0,
                              "allocation %u: %d", at, r);
        }
}

static void set_device(int fd)
{
        char name[IF_NAMESIZE];

        if (question.ifindex == 0)
                return;
        ck_assert_ptr_nonnull(if_indextoname(question.ifindex, name));
        ck_assert_int_eq(
                setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1), 0);
}

int real_bind(void)
{
        int fd = socket(address.any.sa_family, question.type | SOCK_CLOEXEC, 0), error;

        ck_assert_int_ge(fd, 0);
        set_device(fd);
        error = bind(fd, question.address, question.address_len) < 0 ? errno : 0;
        close(fd);
        return error;
}

bool have_gap(enum aiu_gap_kind kind, const char *words)
{
        for (size_t i = 0; i < snapshot.n_gaps; i++)
                if (snapshot.gaps[i].kind == kind && strstr(snapshot.gaps[i].text, words))
                        return true;
        return false;
}
