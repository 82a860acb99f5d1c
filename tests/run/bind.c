/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bind PORT [late]: bind 127.0.0.1, print the errno, end with 7; with "late", prepare() comes last.
 * bind --euid: print the effective uid.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SANDBOX
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* No file is opened from here on. */
static void prepare(void)
{
        struct sock_filter steps[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { 4, steps };

        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
#elif defined(TRACES)
static void prepare(void)
{
        int status;
        pid_t child = fork();

        if (child == 0)
                _exit(ptrace(PTRACE_TRACEME, 0, 0, 0) != 0);
        if (waitpid(child, &status, 0) == child && status == 0)
                puts("traced");
}
#else
static void prepare(void)
{
}
#endif

int main(int argc, char **argv)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (argc < 2)
                return 2;
        if (strcmp(argv[1], "--euid") == 0) {
                printf("%d\n", (int)geteuid());
                return 0;
        }
        if (argc == 2)
                prepare();
        address.sin_port = htons((uint16_t)atoi(argv[1]));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                puts("bound");
        else
                printf("%d\n", errno);
        if (argc > 2)
                prepare();
        return 7;
}
