/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Port 0: (request, host, sockets on all ports) → does the kernel's search find a port? Pure. */
#ifndef AIU_PORT_SEARCH_H
#define AIU_PORT_SEARCH_H

#include "rules/port-table.h"

#define PORTS 65536u

enum {
        PORT_RESERVED = 1 << 0,    /* ip_local_reserved_ports has it */
        PORT_TAKEN = 1 << 1,       /* certainly taken, in the round that decides */
        PORT_DOUBTFUL = 1 << 2,    /* may be */
        PORT_FIRST_TAKEN = 1 << 3, /* the same for TCP's first round, where there are two */
        PORT_FIRST_DOUBTFUL = 1 << 4,
};

/* 64 KiB: on the heap. */
struct range_map {
        struct range range;
        bool relaxed;               /* entries were judged by the rule of TCP's second round */
        uint32_t doubtful;          /* DOUBT_*: why there are PORT_*DOUBTFUL */
        unsigned char ports[PORTS]; /* PORT_* */
};

/* Is the kernel to choose a port, and at once? */
bool range_requested(const struct request *request);

/* What is searched: the sysctl, narrowed by IP_LOCAL_PORT_RANGE. False = not known. */
bool range_bounds(const struct request *request, const struct host *host, int *ret_first, int *ret_last);

/* Judges every entry. NULL = no memory; free(3) it. */
struct range_map *range_look(const struct port_table *table);

/* Does the search look at this port? */
bool range_is_searched(const struct range_map *map, int port);

/* How this entry matters: on a port that is taken anyway, one that only may block it does not. */
struct judgement range_judge(const struct port_table *table, const struct range_map *map,
                             const struct port_entry *entry);

/* The verdict on a bind() to port 0, or on the listen() that looks for a port. */
struct verdict range_conclude(const struct port_table *table);

/* The entry as a socket, for the rules of conflict.c. */
struct socket range_socket(const struct port_entry *entry);
uint16_t range_port(const struct port_entry *entry);

#endif
