/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random scenes of sockets on one port, and random questions about it. A scene
 * is a list of ops (live.h) made from a seed: the same seed on another port
 * gives the same scene again.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "live.h"

#define SCENARIO_MAX_HOLDERS 4u
#define SCENARIO_MAX_LATER 6u

enum mode { MODE_TCP, MODE_UDP, MODE_UDPLITE, MODE_MPTCP, MODE_UNIX, MODE_ERRORS, MODE_ADDRESSES, MODE_COUNT };
extern const char *const mode_names[MODE_COUNT];

/* Bits as in AIU_OPTION_*. */
#define OPT_REUSEADDR 1u
#define OPT_REUSEPORT 2u
#define OPT_V6ONLY 4u
#define OPT_FREEBIND 8u
#define N_OPTIONS 16u

/* Places to bind to; the first N_COMMON_PLACES are common. */
#define N_COMMON_PLACES 8u
unsigned int n_places(void);
struct live_address place_address(const struct live *live, unsigned int place, uint16_t port);
int place_family(unsigned int place);

enum holder_state {
        STATE_BOUND,
        STATE_LISTEN,
        STATE_SHUT, /* listened, shutdown(SHUT_RDWR) */
        STATE_RELISTEN,
        STATE_CLIENT_AUTO, /* connected, the kernel chose the port */
        STATE_CLIENT_BOUND,
        STATE_DISCONNECTED,
        STATE_ACCEPTED, /* with its listener */
        STATE_ACCEPTED_ALONE,
        STATE_UNACCEPTED,
        STATE_CLOSE_WAIT,
        STATE_CLOSE_WAIT_ALONE,
        STATE_FIN_WAIT, /* with a descriptor */
        STATE_ORPHAN,   /* FIN_WAIT2 without one, a full socket */
        STATE_MINISOCK, /* FIN_WAIT2 without one, a minisock */
        STATE_TIME_WAIT,
        STATE_TIME_WAIT_LISTEN, /* and the listener is there again or still */
        STATE_CLIENT_TIME_WAIT,
        STATE_SYN_SENT,
        STATE_SYN_SENT_AUTO,
        STATE_COUNT
};

struct scene_holder {
        enum holder_state state;
        enum live_who who;
        int type, protocol;
        unsigned int place;
        unsigned int via; /* which loopback address its client connects to */
        unsigned int options;
        unsigned int ifindex;
        uid_t uid; /* fsuid at socket() */
        uid_t accept_uid;
};

/* Something that happens to a holder after `after` holders are there. */
struct scene_later {
        unsigned int after, holder, slot;
        enum live_code code;
        int value;
        uid_t uid;
};

/* What is asked: the would-be socket. */
struct target {
        int type, protocol;
        unsigned int place;
        unsigned int ifindex;
        uid_t uid;
        bool listen;
};

struct scenario {
        enum mode mode;
        bool privileged_port;
        unsigned int n_holders, n_later, n_targets;
        struct scene_holder holders[SCENARIO_MAX_HOLDERS];
        struct scene_later later[SCENARIO_MAX_LATER];
        struct target targets[2];
        bool reuseport;  /* SO_REUSEPORT is set somewhere at some time */
        bool unreadable; /* the options of a socket cannot be read, at least not by the asker */
        bool uses_time_wait;
};

void scenario_generate(const struct live *live, enum mode mode, uint64_t seed, struct scenario *ret);

/* Returns the number of ops, at most LIVE_MAX_OPS. */
size_t scenario_ops(const struct live *live, const struct scenario *scenario, uint16_t port, struct live_op *ops);

/* The counterparts at LIVE_PORT_OPEN and LIVE_PORT_FULL; they live in slots that OP_CLEAR spares. */
#define SLOT_OPEN (LIVE_SLOTS - 1)
#define SLOT_FULL (LIVE_SLOTS - 2)
#define SLOT_FILL (LIVE_SLOTS - 3)
void scenario_start_counterparts(struct live *live);

#endif
