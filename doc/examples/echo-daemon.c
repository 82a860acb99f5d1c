/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon that says why it cannot start: one line for the log, and whether it is
 * worth trying again. It echoes what its one client sends.
 *
 *     echo-daemon ADDRESS PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <addrinuse.h>

/* The five lines. errno is still that of bind() or listen(). */
static void complain(struct aiu_report *why, int error)
{
        fprintf(stderr, "echo-daemon: %s\n", why ? aiu_report_get_summary(why) : strerror(error));
        for (size_t i = 0; i < aiu_report_get_n_actions(why); i++)
                if (aiu_action_is_sufficient(aiu_report_get_action(why, i)) == AIU_TRISTATE_YES)
                        fprintf(stderr, "echo-daemon: %s\n", aiu_action_get_text(aiu_report_get_action(why, i)));
        aiu_report_unref(why);
}

static int open_listener(const char *ip, const char *port)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        const struct sockaddr *generic = (const struct sockaddr *)&address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, error;

        address.sin_port = htons((in_port_t)strtoul(port, NULL, 10));
        if (fd < 0 || inet_pton(AF_INET, ip, &address.sin_addr) != 1) {
                fprintf(stderr, "echo-daemon: %s is not an IPv4 address\n", ip);
                return -1;
        }
        /* As every TCP server should: TIME_WAIT of its own connections does not keep it out. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, generic, sizeof(address)) < 0) {
                error = errno;
                complain(aiu_explain_bind(fd, generic, sizeof(address), error), error);
                close(fd);
                return -1;
        }
        if (listen(fd, 16) < 0) {
                error = errno;
                complain(aiu_explain_listen(fd, error), error);
                close(fd);
                return -1;
        }
        return fd;
}

int main(int argc, char **argv)
{
        char buffer[4096];
        ssize_t n;
        int listener, client;

        if (argc != 3) {
                fprintf(stderr, "usage: echo-daemon ADDRESS PORT\n");
                return 2;
        }
        listener = open_listener(argv[1], argv[2]);
        if (listener < 0)
                return 1;
        printf("ready\n");
        fflush(stdout);
        client = accept(listener, NULL, NULL);
        while (client >= 0 && (n = read(client, buffer, sizeof(buffer))) > 0)
                if (write(client, buffer, (size_t)n) != n)
                        break;
        return 0;
}
