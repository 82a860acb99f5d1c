/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring buffer of BPF: one page with the position of the consumer, one with the producer's, and the data twice. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "bpf/sys-bpf.h"
#include "bpf/watch.h"

int ring_open(int map, size_t bytes, struct ring *ret)
{
        struct ring ring = { .page = sys_page_bytes(), .bytes = bytes };

        ring.consumer = sys_map(ring.page, map, 0, true);
        ring.producer = sys_map(ring.page + 2 * bytes, map, ring.page, false);
        if (!ring.consumer || !ring.producer) {
                ring_close(&ring);
                return -ENOMEM;
        }
        *ret = ring;
        return 0;
}

void ring_close(struct ring *ring)
{
        sys_unmap(ring->consumer, ring->page);
        sys_unmap((void *)(uintptr_t)ring->producer, ring->page + 2 * ring->bytes);
        memset(ring, 0, sizeof(*ring));
}

/* Records begin with their length, and are padded to eight bytes. */
bool ring_next(struct ring *ring, struct watch_event *ret)
{
        unsigned long at = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE), end;

        end = __atomic_load_n((const unsigned long *)(const void *)ring->producer, __ATOMIC_ACQUIRE);
        while (at < end) {
                const unsigned char *record = ring->producer + ring->page + (at & (ring->bytes - 1));
                uint32_t length = __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
                uint32_t bytes = length & ~(uint32_t)(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
                bool whole = !(length & BPF_RINGBUF_DISCARD_BIT) && bytes >= sizeof(*ret);

                if (length & BPF_RINGBUF_BUSY_BIT)
                        return false;
                if (whole)
                        memcpy(ret, record + BPF_RINGBUF_HDR_SZ, sizeof(*ret));
                at += (bytes + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
                __atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
                if (whole)
                        return true;
        }
        return false;
}
