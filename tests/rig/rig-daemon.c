/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon of the owners' tests: holds an address in every way that a service
 * can, and does nothing else.
 *
 *   rig-daemon listen IP PORT     binds and listens itself
 *   rig-daemon activated          keeps what systemd passed (or the connection that stdin is)
 *   rig-daemon orphan IP PORT     a child listens, and outlives this process
 *   rig-daemon store IP PORT      listens, gives the socket to systemd to keep, and closes it
 *   rig-daemon try ADDRESS...     what bind() and listen() say of each: "free", or the error
 *   rig-daemon explain IP PORT FILE   binds; if that fails, the report goes into the file
 *   rig-daemon after IP PORT FILE     the report as if bind() had failed a moment ago
 *
 * It tells systemd when it is ready (Type=notify).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <addrinuse.h>

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "rig-daemon: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* sd_notify(3), with a descriptor or without (-1). */
static void notify(const char *text, int fd)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr header;
        } control = { .bytes = { 0 } };
        struct iovec text_part = { .iov_base = NULL, .iov_len = strlen(text) };
        struct msghdr message = { .msg_name = &address, .msg_iov = &text_part, .msg_iovlen = 1 };
        char copy[64];
        int socket_fd;

        if (!path || strlen(path) >= sizeof(address.sun_path))
                return;
        memcpy(address.sun_path, path, strlen(path));
        if (*path == '@')
                address.sun_path[0] = '\0';
        message.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        snprintf(copy, sizeof(copy), "%s", text);
        text_part.iov_base = copy;
        if (fd >= 0) {
                control.header = (struct cmsghdr){
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
                message.msg_control = &control;
                message.msg_controllen = CMSG_LEN(sizeof(int));
        }
        socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (socket_fd < 0 || sendmsg(socket_fd, &message, 0) < 0)
                die("NOTIFY_SOCKET");
        close(socket_fd);
}

static struct sockaddr_storage address_of(const char *ip, const char *port, socklen_t *ret_bytes)
{
        struct sockaddr_storage address = { 0 };
        struct sockaddr_in *in = (struct sockaddr_in *)&address;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;
        in_port_t number = htons((uint16_t)strtoul(port, NULL, 10));

        if (strchr(ip, ':')) {
                in6->sin6_family = AF_INET6;
                in6->sin6_port = number;
                *ret_bytes = sizeof(*in6);
                if (inet_pton(AF_INET6, ip, &in6->sin6_addr) != 1)
                        die(ip);
        } else {
                in->sin_family = AF_INET;
                in->sin_port = number;
                *ret_bytes = sizeof(*in);
                if (inet_pton(AF_INET, ip, &in->sin_addr) != 1)
                        die(ip);
        }
        return address;
}

static int bind_and_listen(const char *ip, const char *port)
{
        socklen_t bytes;
        struct sockaddr_storage address = address_of(ip, port, &bytes);
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, bytes) < 0 || listen(fd, 8) < 0)
                die("bind");
        return fd;
}

static _Noreturn void wait_for_the_end(void)
{
        notify("READY=1", -1);
        for (;;)
                pause();
}

static void make_orphan(const char *ip, const char *port)
{
        int ready[2];
        char byte;

        if (pipe(ready) < 0)
                die("pipe");
        if (fork() == 0) {
                setsid();
                bind_and_listen(ip, port);
                if (write(ready[1], "", 1) != 1)
                        die("pipe");
                for (;;)
                        pause();
        }
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
                die("the child");
}

static void store(const char *ip, const char *port)
{
        int fd = bind_and_listen(ip, port);

        notify("FDSTORE=1\nFDNAME=kept", fd);
        close(fd);
}

/* ------------------------------------------------------ those that end at once */

/* "127.0.0.1:80", "[::1]:80", "udp:..." or, for AF_UNIX, "/path", "@name", "seqpacket:@name". */
static struct sockaddr_storage parse(char *text, int *ret_type, socklen_t *ret_bytes)
{
        struct sockaddr_storage address = { 0 };
        struct sockaddr_un *un = (struct sockaddr_un *)&address;
        char *port = strrchr(text, ':');

        *ret_type = SOCK_STREAM;
        if (strncmp(text, "udp:", 4) == 0 || strncmp(text, "seqpacket:", 10) == 0) {
                *ret_type = *text == 'u' ? SOCK_DGRAM : SOCK_SEQPACKET;
                text = strchr(text, ':') + 1;
        }
        if (*text == '/' || *text == '@') {
                size_t n = strlen(text);

                if (n >= sizeof(un->sun_path))
                        die(text);
                un->sun_family = AF_UNIX;
                memcpy(un->sun_path, text, n);
                if (*text == '@')
                        un->sun_path[0] = '\0';
                *ret_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
                return address;
        }
        if (!port)
                die(text);
        *port = '\0';
        if (*text == '[') {
                text++;
                text[strcspn(text, "]")] = '\0';
        }
        return address_of(text, port + 1, ret_bytes);
}

static int try_address(const char *word)
{
        char text[128];
        int type, fd, error = 0;
        socklen_t bytes;
        struct sockaddr_storage address;

        snprintf(text, sizeof(text), "%s", word);
        address = parse(text, &type, &bytes);
        fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
        if (fd < 0)
                die("socket");
        if (bind(fd, (struct sockaddr *)&address, bytes) < 0)
                error = errno;
        else if (*word == '/')
                unlink(word);
        if (!error && type != SOCK_DGRAM && listen(fd, 8) < 0)
                error = errno;
        close(fd);
        return error;
}

static int try_all(char **words)
{
        for (; *words; words++) {
                int error = try_address(*words);
                const char *said = error == EADDRINUSE ? "EADDRINUSE" : "refused";

                printf("%s %s\n", *words, error ? said : "free");
        }
        return 0;
}

static int write_report(const struct aiu_report *report, const char *path)
{
        FILE *file = fopen(path, "we");
        char *json;

        if (!report || aiu_report_to_json(report, 0, &json) < 0)
                die("the report");
        if (!file || fputs(json, file) < 0 || fclose(file) != 0)
                die(path);
        free(json);
        return 0;
}

static int explain(const char *ip, const char *port, const char *path)
{
        socklen_t bytes;
        struct sockaddr_storage address = address_of(ip, port, &bytes);
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
        struct aiu_report *report;

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, bytes) == 0)
                die("it was to fail: bind");
        report = aiu_explain_bind(fd, (struct sockaddr *)&address, bytes, errno);
        r = write_report(report, path);
        aiu_report_unref(report);
        close(fd);
        return r;
}

static int explain_afterwards(const char *ip, const char *port, const char *path)
{
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        int r;

        if (aiu_query_new(NULL, &query) < 0 ||
            aiu_query_set_address_string(query, ip, (uint16_t)strtoul(port, NULL, 10)) < 0 ||
            aiu_query_set_error(query, EADDRINUSE) < 0 || aiu_query_run(query, &report) < 0)
                die("the query");
        r = write_report(report, path);
        aiu_report_unref(report);
        aiu_query_unref(query);
        return r;
}

int main(int argc, char **argv)
{
        const char *mode = argc > 1 ? argv[1] : "";

        if (strcmp(mode, "try") == 0)
                return try_all(argv + 2);
        if (strcmp(mode, "explain") == 0 && argc == 5)
                return explain(argv[2], argv[3], argv[4]);
        if (strcmp(mode, "after") == 0 && argc == 5)
                return explain_afterwards(argv[2], argv[3], argv[4]);
        if (strcmp(mode, "listen") == 0 && argc == 4)
                (void)bind_and_listen(argv[2], argv[3]);
        else if (strcmp(mode, "orphan") == 0 && argc == 4)
                make_orphan(argv[2], argv[3]);
        else if (strcmp(mode, "store") == 0 && argc == 4)
                store(argv[2], argv[3]);
        else if (strcmp(mode, "activated") != 0)
                return 2;
        wait_for_the_end();
}
