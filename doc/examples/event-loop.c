/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that must not block: an event loop keeps serving while a thread finds out why one of
 * its addresses is in use. The query in that thread has its own deadline. When it is done, an
 * eventfd wakes the loop, which reads the report and knows when to try again. This example only
 * counts what the loop serves meanwhile.
 *
 *     event-loop ADDRESS PORT      serves until its standard input ends
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <addrinuse.h>

#define DEADLINE_USEC 100000 /* what was not seen in time is a gap in the report */
#define TICK_MSEC 10

/* Shared by thread and loop: the loop reads it only after the eventfd became readable. */
struct request {
        struct sockaddr_in address;
        int error; /* errno of bind() or listen() */
        int done;  /* eventfd */
        struct aiu_report *report;
};

/* Only this thread uses context and query. Any thread may read the report. */
static int ask(struct request *request)
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
                r = aiu_query_set_address(query, (const struct sockaddr *)&request->address, sizeof(request->address));
        if (r >= 0)
                r = aiu_query_set_error(query, request->error);
        if (r >= 0)
                r = aiu_query_run(query, &request->report);
        aiu_query_unref(query);
        aiu_context_unref(context);
        return r;
}

static void *run_request(void *userdata)
{
        struct request *request = userdata;
        const uint64_t one = 1;

        if (ask(request) < 0)
                request->report = NULL;
        if (write(request->done, &one, sizeof(one)) != sizeof(one))
                abort();
        return NULL;
}

static int open_listener(const struct sockaddr_in *address)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 && listen(fd, 16) == 0)
                return fd;
        error = errno;
        close(fd);
        return -error;
}

/* Milliseconds until it makes sense to try again; -1 = only after somebody stops the holder, or changes something. */
static int retry_msec(const struct aiu_report *report)
{
        uint64_t usec;
        enum aiu_retry retry = aiu_report_get_retry(report, &usec);

        return retry == AIU_RETRY_NOW || retry == AIU_RETRY_AFTER ? (int)(usec / 1000 + 1) : -1;
}

static void answer(struct request *request, unsigned long ticks)
{
        uint64_t n;

        if (read(request->done, &n, sizeof(n)) != sizeof(n))
                return;
        printf("%s\n", request->report ? aiu_report_get_summary(request->report) : strerror(request->error));
        printf("ticks meanwhile: %s; another try in ms: %d\n", ticks ? "some" : "none", retry_msec(request->report));
        fflush(stdout);
        request->report = aiu_report_unref(request->report);
}

static int serve(struct request *request)
{
        unsigned long ticks = 0;
        pthread_t thread;
        int listener = open_listener(&request->address), backend_request = 0;

        if (listener < 0) {
                request->error = -listener;
                backend_request = pthread_create(&thread, NULL, run_request, request) == 0;
        }
        printf("%s\n", listener < 0 ? "no listener: looking why, and going on" : "ready");
        fflush(stdout);
        for (;;) {
                struct pollfd events[] = { { .fd = request->done, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
                char byte;

                if (poll(events, 2, TICK_MSEC) == 0)
                        ticks++;
                if (events[0].revents & POLLIN)
                        answer(request, ticks);
                if (events[1].revents && read(0, &byte, 1) <= 0)
                        break;
        }
        if (backend_request)
                pthread_join(thread, NULL);
        aiu_report_unref(request->report);
        if (listener >= 0)
                close(listener);
        return listener < 0;
}

int main(int argc, char **argv)
{
        struct request request = { .address.sin_family = AF_INET };
        int r;

        if (argc != 3 || inet_pton(AF_INET, argv[1], &request.address.sin_addr) != 1) {
                fprintf(stderr, "usage: event-loop ADDRESS PORT\n");
                return 2;
        }
        request.address.sin_port = htons((in_port_t)strtoul(argv[2], NULL, 10));
        request.done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (request.done < 0)
                return 2;
        r = serve(&request);
        close(request.done);
        return r;
}
