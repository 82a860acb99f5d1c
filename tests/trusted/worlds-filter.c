/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seccomp filters: some that refuse, one that kills for what doc/security.md does not list. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worlds.h"

#define MOST 128

static struct sock_filter filter[MOST];
static unsigned short n;

static void add(unsigned short code, uint32_t k, uint8_t yes, uint8_t no)
{
        filter[n++] = (struct sock_filter){ .code = code, .k = k, .jt = yes, .jf = no };
}

static void begin(void)
{
        n = 0;
        add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
}

static void on_call(long nr, uint32_t what)
{
        add(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
        add(BPF_RET | BPF_K, what, 0, 0);
}

static void otherwise(uint32_t what)
{
        struct sock_fprog program = { n, filter };

        add(BPF_RET | BPF_K, what, 0, 0);
        program.len = n;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                wrong("seccomp: %s", strerror(errno));
}

/* What RestrictAddressFamilies= of systemd.exec(5) does. */
void filter_without_netlink(void)
{
#ifdef SYS_socketcall
        printf("     left out: no filter sees the arguments of socketcall(2)\n");
#else
        struct aiu_report *report;

        begin();
        add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4);
        /* The low half of an argument comes first, or last. */
        add(BPF_LD | BPF_W | BPF_ABS,
            offsetof(struct seccomp_data, args[0]) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0), 0, 0);
        add(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1);
        add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT, 0, 0);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
        otherwise(SECCOMP_RET_ALLOW);
        if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0)
                wrong("the filter does nothing");
        report = ask(HELD, 0);
        if (aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE)
                wrong("/proc/net does not tell of a listener: %s", aiu_report_get_summary(report));
        aiu_report_unref(report);
        (void)check_both(0);
#endif
}

static void refuse(int error)
{
        begin();
        on_call(SYS_pidfd_open, SECCOMP_RET_ERRNO | (uint32_t)error);
#ifdef SYS_pidfd_getfd
        on_call(SYS_pidfd_getfd, SECCOMP_RET_ERRNO | (uint32_t)error);
#endif
        otherwise(SECCOMP_RET_ALLOW);
        ask_flags = AIU_CONTEXT_ALL_SYSCALLS;
        must_know(0);
}

void filter_without_pidfd(void)
{
        refuse(ENOSYS);
}

void filter_that_forbids_pidfd(void)
{
        refuse(EPERM);
}

/* ------------------------------------------------------ what doc/security.md lists */

#define CALL(name)                                                                                                     \
        {                                                                                                              \
#name, SYS_##name                                                                                      \
        }

/* The calls by the names that the page has for them. A machine may have another one for the same end. */
static const struct {
        const char *name;
        long nr;
} calls[] = {
        CALL(socket),
        CALL(bind),
        CALL(sendto),
        CALL(recvmsg),
        CALL(setsockopt),
        CALL(getsockopt),
        CALL(getsockname),
        CALL(openat),
        CALL(read),
        CALL(close),
        CALL(getdents64),
        CALL(readlinkat),
        CALL(fstat),
        CALL(uname),
        CALL(getpid),
        CALL(geteuid),
        CALL(clock_gettime),
#ifdef SYS_poll
        CALL(poll),
#else
        { "poll", SYS_ppoll },
#endif
#ifdef SYS_newfstatat
        CALL(newfstatat),
#else
        { "newfstatat", SYS_statx },
#endif
#ifdef SYS_geteuid32
        { "geteuid", SYS_geteuid32 },
#endif
#ifdef SYS_clock_gettime64
        { "clock_gettime", SYS_clock_gettime64 },
#endif
#ifdef SYS_socketcall
        { "socket", SYS_socketcall },
#endif
};

/* "what malloc(3) needs", in a thread too, and what this program itself does. */
static const long others[] = {
        SYS_brk,   SYS_munmap, SYS_mremap,     SYS_madvise,        SYS_mprotect, SYS_futex,
#ifdef SYS_mmap
        SYS_mmap,
#endif
#ifdef SYS_mmap2
        SYS_mmap2,
#endif
        SYS_write, SYS_exit,   SYS_exit_group, SYS_rt_sigprocmask,
#ifdef AIU_COVERAGE
        SYS_fcntl, SYS_lseek,
#endif
};

static void allow(const char *name)
{
        bool known = false;

        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
                if (strcmp(calls[i].name, name) == 0) {
                        on_call(calls[i].nr, SECCOMP_RET_ALLOW);
                        known = true;
                }
        if (!known)
                wrong("doc/security.md lists %s, which this test does not know", name);
}

/* "    socket bind sendto   (sockets)", "    uname getpid, and what malloc(3) needs": the words of the block. */
static void allow_line(char *line)
{
        line[strcspn(line, "(,")] = '\0';
        for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
                allow(word);
}

/* The list is the page's own, so that the two cannot drift apart. */
static void allow_documented(void)
{
        FILE *page = fopen(AIU_SECURITY_PAGE, "re");
        char line[512];
        bool inside = false;
        int n_lines = 0;

        if (!page)
                wrong("%s: %s", AIU_SECURITY_PAGE, strerror(errno));
        while (fgets(line, sizeof(line), page)) {
                if (strncmp(line, "**", 2) == 0)
                        inside = strncmp(line, "**System calls.**", 17) == 0;
                if (!inside || strncmp(line, "    ", 4) != 0)
                        continue;
                allow_line(line);
                n_lines++;
        }
        fclose(page);
        if (n_lines == 0)
                wrong("%s has no list of system calls", AIU_SECURITY_PAGE);
}

void only_documented(void)
{
        begin();
        allow_documented();
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                on_call(others[i], SECCOMP_RET_ALLOW);
        otherwise(SECCOMP_RET_KILL_PROCESS);
}

void filter_that_kills(void)
{
        (void)check_both(0); /* what a sanitizer or the C library does once */
        only_documented();
        must_know(0);
}
