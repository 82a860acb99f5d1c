/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What docker-proxy forwards, and what the engine says about its containers. Reads memory alone. */
#ifndef AIU_DOCKER_PARSE_H
#define AIU_DOCKER_PARSE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCKER_NAME_BYTES 128u

struct docker_forward {
        char protocol[8];                /* "tcp" */
        struct in6_addr from, to;        /* the host's address, the container's; IPv4 as ::ffff:a.b.c.d */
        unsigned int from_port, to_port; /* never 0 */
};

/* From the words of docker-proxy's command line. false = it is not what dockerd starts. */
bool docker_parse_forward(const char *cmdline, size_t bytes, struct docker_forward *ret);

/*
 * `answer`: of GET /containers/json, with the head of HTTP. The one container that has the port published as
 * `forward` says, and its address. false = none, several, or the answer is not understood.
 */
bool docker_find_container(const char *answer, size_t bytes, const struct docker_forward *forward,
                           char name[DOCKER_NAME_BYTES]);

#endif
