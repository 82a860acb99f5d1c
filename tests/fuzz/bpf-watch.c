/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "bpf-watch": the ring buffer of aiu_watch, and each event as a query. Records have the form that the kernel
 * guarantees and any content: a process chooses the address of its failing bind(2) and its own name. Whole records come
 * out as they went in, in their order, up to the first that is not written yet. A socket of the event is reported as
 * seen in the past alone, and the socket that is asked about never.
 */
#include <addrinuse-backend.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/sys-bpf.h"
#include "bpf/watch.h"
#include "lying-kernel.h"

#define DEADLINE_USEC 50000u
#define PORT 80
#define PAGE 64u
#define RING_BYTES 8192u /* room for several events */
#define MOST_RECORDS 5u
#define ASKED_ABOUT 3u /* the inode */

static struct {
        unsigned long consumer;
        _Alignas(8) unsigned char memory[PAGE + 2 * RING_BYTES];
        unsigned long producer;
        struct watch_event expected[MOST_RECORDS];
        size_t n_expected;
} ours;

/* ------------------------------------------------------ the kernel's side */

static void put(unsigned long at, const void *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                size_t place = (at + i) & (RING_BYTES - 1);

                ours.memory[PAGE + place] = ours.memory[PAGE + RING_BYTES + place] = ((const unsigned char *)bytes)[i];
        }
}

static void make_socket(struct bytes *in, struct wire_socket *socket)
{
        static const uint8_t families[] = { AF_INET, AF_INET6, AF_UNIX, 99 };

        memset(socket, 0, sizeof(*socket));
        socket->inode = take_byte(in) % 6u;
        socket->cookie = take_byte(in) % 6u;
        socket->port = PORT;
        take_into(in, &socket->family, 8);
        socket->family = families[socket->family % 4];
        take_into(in, socket->local, 4);
        socket->peer_port = take_byte(in) & 1;
}

static void make_event(struct bytes *in, struct watch_event *event)
{
        static const uint16_t families[] = { AF_INET, AF_INET6, AF_UNIX };
        static const uint32_t lengths[] = { sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6), 110 };
        struct watch_failure *failure = &event->failure;
        uint8_t which = take_byte(in), owner;

        memset(event, 0, sizeof(*event));
        failure->netns = take_byte(in) % 3u;
        failure->protocol = which & 4 ? IPPROTO_TCP : IPPROTO_UDP;
        failure->type = which & 4 ? SOCK_STREAM : SOCK_DGRAM;
        failure->call = which & 8 ? WATCH_BIND : WATCH_LISTEN;
        failure->error = which & 16 ? EADDRINUSE : 1 + take_byte(in);
        take_into(in, failure->address, which & 32 ? 8 : sizeof(failure->address));
        failure->bytes = lengths[which % 3];
        memcpy(failure->address, &families[which % 3], 2);
        if (which & 64) /* what the process passed is no address of the socket's family */
                take_into(in, failure->address, 2);
        if (which & 128)
                failure->bytes = (uint32_t)take_number(in, 4);
        event->inode = ASKED_ABOUT;
        event->cookie = take_byte(in) % 6u;
        event->start_nsec = take_byte(in) & 1 ? UINT64_C(123450000000) : 0;
        event->pid = take_byte(in) % 8u;
        owner = take_byte(in);
        event->uid = owner & 1 ? 1000 : 0;
        event->same_root = !(owner & 2);
        event->ifindex = take_byte(in) % 3u;
        take_into(in, &event->reuseaddr, 3);
        event->n_sockets = take_byte(in) % (WATCH_SOCKETS + 1u);
        take_into(in, event->comm, sizeof(event->comm));
        for (uint32_t i = 0; i < event->n_sockets; i++)
                make_socket(in, &event->sockets[i]);
}

/* Length and flags, then the record. False: this one, and what follows, is not to be seen. */
static bool put_record(struct bytes *in, bool seen)
{
        struct watch_event event;
        uint8_t how = take_byte(in);
        uint32_t length = sizeof(event), flags = 0;

        make_event(in, &event);
        if (how < 32)
                flags = BPF_RINGBUF_BUSY_BIT;
        else if (how < 64)
                flags = BPF_RINGBUF_DISCARD_BIT;
        else if (how < 96)
                length = how; /* no event of ours */
        if (ours.producer - ours.consumer + length + 8 > RING_BYTES)
                return false;
        put(ours.producer, &(uint32_t[2]){ length | flags, 0 }, 8);
        put(ours.producer + 8, &event, length);
        ours.producer += (length + 8 + 7) / 8 * 8;
        seen = seen && flags != BPF_RINGBUF_BUSY_BIT;
        if (seen && flags == 0 && length == sizeof(event))
                ours.expected[ours.n_expected++] = event;
        return seen;
}

static void fill_ring(struct bytes *in)
{
        unsigned int n = take_byte(in) % (MOST_RECORDS + 1);
        bool seen = true;

        memset(&ours, 0, sizeof(ours));
        ours.consumer = ours.producer = take_number(in, 2) * 8;
        for (unsigned int i = 0; i < n; i++)
                seen = put_record(in, seen) && seen;
        memcpy(ours.memory, &ours.producer, sizeof(ours.producer));
}

/* ------------------------------------------------------ what comes out */

static void check_conflict(const struct aiu_conflict *conflict)
{
        require(aiu_conflict_get_inode(conflict) != ASKED_ABOUT || !aiu_conflict_is_observed_only(conflict));
}

static void check(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++)
                check_conflict(aiu_report_get_conflict(report, i));
        for (size_t i = 0; i < aiu_report_get_n_neighbours(report); i++)
                check_conflict(aiu_report_get_neighbour(report, i));
        fuzz_check_report(report, AIU_RENDER_VERBOSE, 0);
}

/* A path from the directory, or another root, of a process that is not there: any file would be the wrong one. */
static bool is_nowhere(const struct watch_event *event)
{
        sa_family_t family;

        memcpy(&family, event->failure.address, sizeof(family));
        return event->pid == 0 && family == AF_UNIX && event->failure.bytes > 2 && event->failure.address[2] != '\0' &&
               (event->failure.address[2] != '/' || !event->same_root);
}

static void explain(const struct watch_event *event, struct aiu_context *context, struct namespaces *namespaces,
                    struct seen *seen)
{
        struct aiu_report *report = NULL;
        int r;

        seen_set(seen, event);
        errno = EXDEV;
        r = event_explain(event, context, namespaces, &report);
        seen_set(seen, NULL);
        require(errno == EXDEV && (r == 0) == (report != NULL));
        require(!report || !is_nowhere(event));
        if (report)
                check(report);
        aiu_report_unref(report);
}

/* No map is there: the target makes the ring buffer. */
void *sys_map(size_t bytes, int fd, size_t offset, bool writable)
{
        (void)bytes, (void)fd, (void)offset, (void)writable;
        return NULL;
}

void sys_unmap(void *memory, size_t bytes)
{
        require(!memory && bytes > 0);
}

size_t sys_page_bytes(void)
{
        return PAGE;
}

static void read_ring(struct aiu_context *context, struct namespaces *namespaces, struct seen *seen)
{
        struct ring ring = { &ours.consumer, ours.memory, PAGE, RING_BYTES };
        struct watch_event event;
        size_t n = 0;

        for (; ring_next(&ring, &event); n++) {
                require(n < ours.n_expected && memcmp(&event, &ours.expected[n], sizeof(event)) == 0);
                require(ours.consumer <= ours.producer && ours.consumer % 8 == 0);
                explain(&event, context, namespaces, seen);
        }
        require(n == ours.n_expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        uint8_t how = take_byte(&in);
        struct aiu_context *context = NULL;
        struct namespaces namespaces;
        struct seen *seen = NULL;

        fill_ring(&in);
        lie_begin(&in, how & 1, PORT);
        require(aiu_context_new(&context) == 0);
        require(aiu_context_set_deadline_usec(context, DEADLINE_USEC) == 0);
        (void)aiu_context_disable_backend(context, "sd-bus");
        require(seen_new(context, &seen) == 0);
        namespaces_init(&namespaces);
        read_ring(context, &namespaces, seen);
        namespaces_expire(&namespaces, true);
        seen_unref(seen);
        aiu_context_unref(context);
        /* Each event may look up an interface and a namespace before its query. */
        lie_end((1 + ours.n_expected) * UINT64_C(2300000000));
        return 0;
}
