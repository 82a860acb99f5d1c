/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that must not block: an event loop keeps serving while one of its addresses is in use. It binds in a loop:
 * bind(), on EADDRINUSE wait, bind() again, because another program may have been faster. The wait is one descriptor and
 * one time among those of the loop. There is no thread. This example only counts what the loop serves meanwhile.
 *
 *     event-loop ADDRESS PORT      serves until its standard input ends
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <addrinuse.h>

#define DEADLINE_USEC 50000 /* for one look: the loop stands still as long */
#define TICK_MSEC 10

struct server {
        struct sockaddr_in address;
        int listener;          /* -1: there is none yet */
        struct aiu_wait *wait; /* NULL: the address is not waited for */
        unsigned long ticks;
};

/* Whom the wait is for, or why waiting does not help. */
static void tell(const struct aiu_wait *wait)
{
        struct aiu_report *report = aiu_wait_get_report(wait);

        printf("%s: %s\n", aiu_wait_get_basis(wait) == AIU_WAIT_NEVER ? "giving up" : "waiting",
               aiu_report_get_summary(report));
        fflush(stdout);
        aiu_report_unref(report);
}

static int start_wait(struct server *server)
{
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        int r;

        r = aiu_context_new(&context);
        if (r >= 0)
                r = aiu_context_set_deadline_usec(context, DEADLINE_USEC);
        if (r >= 0)
                r = aiu_query_new(context, &query);
        if (r >= 0)
                r = aiu_query_set_reuseaddr(query, 1);
        if (r >= 0)
                r = aiu_query_set_address(query, (const struct sockaddr *)&server->address, sizeof(server->address));
        if (r >= 0)
                r = aiu_wait_new(query, &server->wait);
        /* The wait has a reference. */
        aiu_query_unref(query);
        aiu_context_unref(context);
        if (r >= 0 && aiu_wait_process(server->wait) == 0)
                tell(server->wait);
        return r;
}

/* SO_REUSEADDR, as most servers: what a restart left in TIME_WAIT is no obstacle then. */
static int open_listener(const struct sockaddr_in *address)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, error;

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 && listen(fd, 16) == 0)
                return fd;
        error = errno;
        close(fd);
        return -error;
}

/* 0: there is a listener, or the wait for one has begun. */
static int try_bind(struct server *server)
{
        int fd = open_listener(&server->address);

        if (fd == -EADDRINUSE)
                return start_wait(server);
        if (fd < 0)
                return fd;
        server->listener = fd;
        printf("ready, ticks meanwhile: %s\n", server->ticks ? "some" : "none");
        fflush(stdout);
        return 0;
}

/* In the loop: is it over? */
static int step(struct server *server)
{
        int r = aiu_wait_process(server->wait);

        if (r == 0 || r == -ENOMEM)
                return 0;
        if (r == -EDEADLK)
                tell(server->wait);
        server->wait = aiu_wait_unref(server->wait);
        return r < 0 ? r : try_bind(server);
}

/* poll(2) wants milliseconds from now; the loop has its own timer as well. */
static int timeout_msec(const struct server *server)
{
        struct timespec now;
        uint64_t usec = UINT64_MAX, now_usec;

        (void)aiu_wait_get_timeout_usec(server->wait, &usec);
        clock_gettime(CLOCK_MONOTONIC, &now);
        now_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        if (usec <= now_usec)
                return 0;
        return usec - now_usec > TICK_MSEC * 1000 ? TICK_MSEC : (int)((usec - now_usec + 999) / 1000);
}

static int serve(struct server *server)
{
        int r = try_bind(server);

        while (r >= 0) {
                /* A negative descriptor is ignored: also that of no wait. */
                struct pollfd events[] = { { .fd = aiu_wait_get_fd(server->wait), .events = POLLIN },
                                           { .fd = 0, .events = POLLIN } };
                char byte;

                if (poll(events, 2, timeout_msec(server)) == 0)
                        server->ticks++;
                if (events[1].revents && read(0, &byte, 1) <= 0)
                        break;
                if (server->wait)
                        r = step(server);
        }
        return r;
}

int main(int argc, char **argv)
{
        struct server server = { .address.sin_family = AF_INET, .listener = -1 };
        int r;

        if (argc != 3 || inet_pton(AF_INET, argv[1], &server.address.sin_addr) != 1) {
                fprintf(stderr, "usage: event-loop ADDRESS PORT\n");
                return 2;
        }
        server.address.sin_port = htons((in_port_t)strtoul(argv[2], NULL, 10));
        r = serve(&server);
        if (r < 0 && r != -EDEADLK)
                fprintf(stderr, "event-loop: %s\n", strerror(-r));
        aiu_wait_unref(server.wait);
        if (server.listener < 0)
                return EXIT_FAILURE;
        close(server.listener);
        return EXIT_SUCCESS;
}
