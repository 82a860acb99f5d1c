/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine's worth of processes, descriptors and TCP sockets, in network, pid and
 * mount namespaces of its own; then a command in their midst.
 *
 *   crowd small|medium|large [NAME=N]... -- COMMAND [ARG]...
 *
 * NAME is processes, descriptors (for each), listeners, connections, timewait,
 * datagram, or siblings (processes that inherit the listener on CROWD_PORT). The
 * listener is in the middle of the crowd and in a cgroup of its own, if cgroup2 can
 * be mounted. All of it ends with the pid namespace. Needs root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 7777
#define FIRST_LISTENER 10000
#define PORTS_OF_LISTENERS 20000 /* the rest of the ports is for connections */
#define FIRST_TIMEWAIT 9000
#define N_TIMEWAIT_PORTS 100

enum { PROCESSES, DESCRIPTORS, LISTENERS, CONNECTIONS, TIMEWAIT, DATAGRAM, SIBLINGS, N_NUMBERS };
static const char *const names[N_NUMBERS] = { "processes", "descriptors", "listeners", "connections",
                                              "timewait",  "datagram",    "siblings" };
static const struct {
        const char *name;
        int numbers[N_NUMBERS];
} scales[] = {
        { "small", { 60, 20, 20, 50, 10, 4, 3 } },
        { "medium", { 2000, 50, 500, 8000, 1500, 100, 3 } },
        { "large", { 10000, 100, 10000, 200000, 50000, 1000, 3 } },
};
static int numbers[N_NUMBERS];
static int ready;
static char cgroup[64];

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
        _exit(2);
}

static int open_socket(int type, uint32_t ip, int port)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr = htonl(ip) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || (type == SOCK_STREAM && listen(fd, 4096) < 0))
                die("a socket");
        return fd;
}

/* Both ends of a connection to our own listener. */
static void connect_to(int listener, int *ret_client, int *ret_server)
{
        struct sockaddr_in address;
        socklen_t bytes = sizeof(address);

        *ret_client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (*ret_client < 0 || getsockname(listener, (struct sockaddr *)&address, &bytes) < 0)
                die("a client");
        if (address.sin_addr.s_addr == htonl(INADDR_ANY))
                address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(*ret_client, (struct sockaddr *)&address, sizeof(address)) < 0)
                die("connect");
        *ret_server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (*ret_server < 0)
                die("accept");
}

/* What servers have open: pipes, event descriptors, local sockets, files. */
static void open_others(int n)
{
        int pair[2];

        for (int i = 0; n > 0; i++) {
                if (i % 4 == 0 && n > 1) {
                        if ((i % 8 ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) < 0)
                                die("a pair");
                        n -= 2;
                        continue;
                }
                if ((i % 4 == 1 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : eventfd(0, 0)) < 0)
                        die("a descriptor");
                n--;
        }
}

static _Noreturn void stay(void)
{
        if (write(ready, "", 1) != 1)
                _exit(3);
        close(ready);
        for (;;)
                pause();
}

/* On the wildcard; more than there are ports for, on addresses of their own. */
static int open_listener(int n)
{
        uint32_t ip = 0x7f010001u + ((uint32_t)(n / PORTS_OF_LISTENERS) << 8);

        return open_socket(SOCK_STREAM, numbers[LISTENERS] <= PORTS_OF_LISTENERS ? INADDR_ANY : ip,
                           FIRST_LISTENER + n % PORTS_OF_LISTENERS);
}

static _Noreturn void work(int i, int n_listeners, int first, int n_pairs)
{
        int used = 0, listener = -1, client, server;

        for (int k = 0; k < n_listeners; k++, used++)
                listener = open_listener(first + k);
        if (listener < 0 && n_pairs > 0) {
                listener = open_socket(SOCK_STREAM, INADDR_LOOPBACK, 0);
                used++;
        }
        for (int k = 0; k < n_pairs; k++, used += 2)
                connect_to(listener, &client, &server);
        if (i < numbers[DATAGRAM]) {
                (void)open_socket(SOCK_DGRAM, INADDR_ANY, 0);
                used++;
        }
        open_others(numbers[DESCRIPTORS] - 3 - used);
        stay();
}

static void write_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd >= 0) {
                (void)!write(fd, text, strlen(text));
                close(fd);
        }
}

static void enter_cgroup(void)
{
        char path[96];

        if (!cgroup[0])
                return;
        snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
        write_file(path, "0");
}

static _Noreturn void hold_the_port(void)
{
        int listener, client, server;

        prctl(PR_SET_NAME, "holder");
        enter_cgroup();
        open_others(numbers[DESCRIPTORS] - 8);
        listener = open_socket(SOCK_STREAM, INADDR_ANY, PORT);
        connect_to(listener, &client, &server);
        for (int i = 0; i < numbers[SIBLINGS]; i++)
                if (fork() == 0)
                        stay();
        stay();
}

static _Noreturn void make_timewaits(void)
{
        int listeners[N_TIMEWAIT_PORTS], client, server;

        for (int i = 0; i < N_TIMEWAIT_PORTS; i++)
                listeners[i] = open_socket(SOCK_STREAM, INADDR_LOOPBACK, FIRST_TIMEWAIT + i);
        for (int i = 0; i < numbers[TIMEWAIT]; i++) {
                connect_to(listeners[i % N_TIMEWAIT_PORTS], &client, &server);
                close(server);
                close(client);
        }
        stay();
}

/* Never so many under way that the backlog of the pipe or the machine suffers. */
static void wait_for(int fd, int *have, int want)
{
        char bytes[512];

        while (*have < want) {
                ssize_t n = read(fd, bytes, sizeof(bytes));

                if (n <= 0)
                        die("a child ended early");
                *have += (int)n;
        }
}

static pid_t start(int reader)
{
        pid_t pid = fork();

        if (pid < 0)
                die("fork");
        if (pid == 0)
                close(reader);
        return pid;
}

static void gather(void)
{
        int left_listeners = numbers[LISTENERS], left_pairs = numbers[CONNECTIONS] / 2;
        int first = 0, have = 0, want = 0, reports[2];

        if (pipe(reports) < 0)
                die("pipe");
        ready = reports[1];
        for (int i = 0; i < numbers[PROCESSES]; i++) {
                int left = numbers[PROCESSES] - i, n = (left_listeners + left - 1) / left;
                int pairs = (left_pairs + left - 1) / left;

                if (i == numbers[PROCESSES] / 2) {
                        if (start(reports[0]) == 0)
                                hold_the_port();
                        want += 1 + numbers[SIBLINGS];
                        wait_for(reports[0], &have, want);
                }
                if (start(reports[0]) == 0)
                        work(i, n, first, pairs);
                first += n;
                left_listeners -= n;
                left_pairs -= pairs;
                wait_for(reports[0], &have, ++want - 16);
        }
        if (start(reports[0]) == 0)
                make_timewaits();
        wait_for(reports[0], &have, want + 1);
        close(reports[0]);
        close(reports[1]);
}

static void set_up(void)
{
        struct ifreq request = { .ifr_name = "lo" };
        struct rlimit limit;
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
                die("mount");
        request.ifr_flags = IFF_UP | IFF_RUNNING;
        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                die("lo");
        close(fd);
        write_file("/proc/sys/net/ipv4/ip_local_port_range", "30000 65000");
        write_file("/proc/sys/net/ipv4/tcp_max_tw_buckets", "1000000");
        write_file("/proc/sys/net/core/somaxconn", "65535");
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
}

/* Below whatever cgroup2 there is; none is fine. */
static void make_cgroup(void)
{
        static const char *const roots[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
        struct stat st;

        for (size_t i = 0; i < 2; i++) {
                char path[64];

                snprintf(path, sizeof(path), "%s/cgroup.procs", roots[i]);
                if (stat(path, &st) < 0)
                        continue;
                snprintf(cgroup, sizeof(cgroup), "%s/aiu-crowd-%d", roots[i], (int)getpid());
                if (mkdir(cgroup, 0755) == 0)
                        return;
        }
        cgroup[0] = '\0';
        fprintf(stderr, "crowd: no cgroup for the holder: %s\n", strerror(errno));
}

static int run(char **command)
{
        int status = 0;
        pid_t pid;

        set_up();
        gather();
        pid = fork();
        if (pid == 0) {
                execvp(command[0], command);
                die(command[0]);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                die("the command");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int parse(const char *word)
{
        for (size_t i = 0; i < N_NUMBERS; i++) {
                size_t n = strlen(names[i]);

                if (strncmp(word, names[i], n) == 0 && word[n] == '=') {
                        numbers[i] = atoi(word + n + 1);
                        return 1;
                }
        }
        return 0;
}

int main(int argc, char **argv)
{
        int at = 2, status = 2;
        pid_t pid;

        for (size_t i = 0; argc > 1 && i < sizeof(scales) / sizeof(scales[0]); i++)
                if (strcmp(argv[1], scales[i].name) == 0)
                        memcpy(numbers, scales[i].numbers, sizeof(numbers));
        while (at < argc && parse(argv[at]))
                at++;
        if (numbers[PROCESSES] == 0 || at + 1 >= argc || strcmp(argv[at], "--") != 0) {
                fprintf(stderr, "crowd small|medium|large [NAME=N]... -- COMMAND [ARG]...\n");
                return 2;
        }
        make_cgroup();
        if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) < 0)
                die("unshare");
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                exit(run(argv + at + 1));
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                die("fork");
        for (int i = 0; cgroup[0] && rmdir(cgroup) < 0 && errno == EBUSY && i < 500; i++)
                usleep(20000);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
