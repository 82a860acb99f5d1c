/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon that says why it cannot start, on stderr and in syslog: one line about
 * the cause, one for each action that may be enough, and whether to try again. If
 * systemd's journal runs, the cause goes there as structured fields instead, so that
 * one search covers many machines. The daemon echoes what its one client sends.
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
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include <addrinuse.h>

#include "journal.h"

/* Summaries and texts of actions are printable ASCII: log them as they are. */
static void complain(const struct aiu_report *why, int error)
{
        const char *cause = why ? aiu_report_get_summary(why) : strerror(error);
        uint64_t usec;

        /* With LOG_PERROR syslog() also writes to stderr; a journal entry does not. */
        if (why && journal_send_report("echo-daemon", LOG_ERR, why) >= 0)
                fprintf(stderr, "echo-daemon: %s\n", cause);
        else
                syslog(LOG_ERR, "%s", cause);
        for (size_t i = 0; i < aiu_report_get_n_actions(why); i++) {
                const struct aiu_action *action = aiu_report_get_action(why, i);

                /* Actions are ordered by harm: one that may help can come before one that certainly does. */
                if (aiu_action_is_sufficient(action) != AIU_TRISTATE_NO)
                        syslog(LOG_NOTICE, "%s", aiu_action_get_text(action));
        }
        if (aiu_report_get_retry(why, &usec) == AIU_RETRY_AFTER)
                syslog(LOG_NOTICE, "worth another try in %llu seconds", (unsigned long long)usec / 1000000 + 1);
}

/*
 * RestartPreventExitStatus=78 in the unit: systemd does not start the daemon again where another try fails
 * as well. Anything else is worth a restart.
 */
static int give_up(struct aiu_report *why, int error, int fd)
{
        enum aiu_retry retry = aiu_report_get_retry(why, NULL);

        complain(why, error);
        aiu_report_unref(why);
        close(fd);
        return retry == AIU_RETRY_NEVER ? EX_CONFIG : EXIT_FAILURE;
}

/* 0, or an exit status. */
static int open_listener(const char *ip, const char *port, int *ret_fd)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        const struct sockaddr *generic = (const struct sockaddr *)&address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, error;

        if (fd < 0) {
                syslog(LOG_ERR, "socket: %s", strerror(errno));
                return EXIT_FAILURE;
        }
        address.sin_port = htons((in_port_t)strtoul(port, NULL, 10));
        if (inet_pton(AF_INET, ip, &address.sin_addr) != 1) {
                syslog(LOG_ERR, "%s is not an IPv4 address", ip);
                close(fd);
                return EX_CONFIG;
        }
        /* Every TCP server should do this: then TIME_WAIT of its own connections does not block it. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, generic, sizeof(address)) < 0) {
                error = errno;
                return give_up(aiu_explain_bind(fd, generic, sizeof(address), error), error, fd);
        }
        if (listen(fd, 16) < 0) {
                error = errno;
                return give_up(aiu_explain_listen(fd, error), error, fd);
        }
        *ret_fd = fd;
        return 0;
}

int main(int argc, char **argv)
{
        char buffer[4096];
        ssize_t n;
        int listener = -1, client, status;

        if (argc != 3) {
                fprintf(stderr, "usage: echo-daemon ADDRESS PORT\n");
                return 2;
        }
        /* LOG_PERROR: the same line goes to stderr. */
        openlog("echo-daemon", LOG_PERROR, LOG_DAEMON);
        status = open_listener(argv[1], argv[2], &listener);
        if (status)
                return status;
        printf("ready\n");
        fflush(stdout);
        client = accept(listener, NULL, NULL);
        while (client >= 0 && (n = read(client, buffer, sizeof(buffer))) > 0)
                if (write(client, buffer, (size_t)n) != n)
                        break;
        return 0;
}
