/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calls [CHILD ARGUMENT...]: what calls cost in processor time, in nanoseconds: a bind() that fails, a socket that is
 * bound and closed, and another system call. With CHILD, also while that program runs, and the ratio: before, during and
 * after, in turn. The child has to print a line when it is ready.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 9
#define CALLS 20000

static struct sockaddr_in address;
static int second;

static void fail(void)
{
        (void)bind(second, (struct sockaddr *)&address, sizeof(address));
}

static void succeed(void)
{
        struct sockaddr_in other = address;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        other.sin_port = htons(8078);
        if (bind(fd, (struct sockaddr *)&other, sizeof(other)) < 0)
                abort();
        close(fd);
}

static void call(void)
{
        (void)syscall(SYS_getppid);
}

static const struct {
        const char *name;
        void (*function)(void);
} measured[] = {
        { "bind() that fails", fail },
        { "socket(), bind(), close()", succeed },
        { "getppid()", call },
};
#define N (sizeof(measured) / sizeof(measured[0]))

static double now_nsec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double cost(void (*function)(void))
{
        double begin = now_nsec();

        for (int i = 0; i < CALLS; i++)
                function();
        return (now_nsec() - begin) / CALLS;
}

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values)
{
        qsort(values, ROUNDS, sizeof(*values), by_size);
        return values[ROUNDS / 2];
}

static pid_t start(char **argv)
{
        int ends[2];
        char c = 0;
        pid_t pid;

        if (pipe(ends) < 0 || (pid = fork()) < 0)
                abort();
        if (pid == 0) {
                (void)dup2(ends[1], 1);
                close(ends[0]);
                close(ends[1]);
                execvp(argv[0], argv);
                _exit(127);
        }
        close(ends[1]);
        while (c != '\n' && read(ends[0], &c, 1) == 1)
                ;
        if (c != '\n')
                exit(1);
        /* Somebody has to read what it prints. */
        if (fork() == 0) {
                char more[4096];

                while (read(ends[0], more, sizeof(more)) > 0)
                        ;
                _exit(0);
        }
        close(ends[0]);
        return pid;
}

static void measure(double to[N][ROUNDS], int round)
{
        for (size_t i = 0; i < N; i++)
                to[i][round] = cost(measured[i].function);
}

int main(int argc, char **argv)
{
        static double off[N][ROUNDS], on[N][ROUNDS];
        int first = socket(AF_INET, SOCK_STREAM, 0);

        address = (struct sockaddr_in){ .sin_family = AF_INET,
                                        .sin_port = htons(8077),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        second = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(first, (struct sockaddr *)&address, sizeof(address)) < 0)
                return 1;
        for (int round = 0; round < ROUNDS; round++) {
                pid_t child;

                measure(off, round);
                if (argc < 2)
                        continue;
                child = start(argv + 1);
                measure(on, round);
                kill(child, SIGINT);
                while (wait(NULL) > 0)
                        ;
        }
        for (size_t i = 0; i < N; i++) {
                double without = median(off[i]), with = argc < 2 ? 0 : median(on[i]);

                printf("%-28s %7.0f ns", measured[i].name, without);
                if (argc > 1)
                        printf(" %7.0f ns %+6.0f ns  %.2fx", with, with - without, with / without);
                puts("");
        }
        return 0;
}
