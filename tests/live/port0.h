/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random scenes for port 0: a narrow ip_local_port_range, most of its ports
 * taken in one way or another, and a socket that asks for any of them.
 */
#ifndef PORT0_H
#define PORT0_H

#include "live.h"

#define PORT0_MAX_PORTS 13
#define PORT0_MAX_HOLDERS 24u
#define PORT0_FIRST 40000

enum port0_mode { PORT0_TCP, PORT0_UDP, PORT0_UDPLITE, PORT0_MPTCP, PORT0_MODES };
extern const char *const port0_names[PORT0_MODES];

enum port0_state { PORT0_BOUND, PORT0_LISTEN, PORT0_CONNECTED, PORT0_TIME_WAIT };

struct port0_holder {
        enum port0_state state;
        enum live_who who;
        uint8_t slot;
        uint16_t port;
        unsigned int place, options, ifindex;
        int protocol;
        uid_t uid;
};

enum port0_how {
        PORT0_BY_QUERY,       /* bind(), asked with the setters of a query */
        PORT0_BY_FD,          /* bind(), asked with the socket */
        PORT0_NO_PORT_BIND,   /* the same, with IP_BIND_ADDRESS_NO_PORT: listen() will look for a port */
        PORT0_UNBOUND_LISTEN, /* listen() on a socket that was never bound */
        PORT0_NO_PORT_LISTEN, /* the same after a bind() that took no port */
        PORT0_HOWS
};

struct port0_scene {
        enum port0_mode mode;
        int n_ports; /* of the sysctl's range, from PORT0_FIRST */
        char reserved[64];
        int autobind_reuse;
        unsigned int n_holders;
        struct port0_holder holders[PORT0_MAX_HOLDERS];
        /* the socket that asks */
        enum port0_how how;
        unsigned int place, options, ifindex;
        int type, protocol;
        uid_t uid;
        bool listen;
        uint16_t low, high; /* IP_LOCAL_PORT_RANGE */
        bool poor;          /* asked without netlink: /proc/net tells less */
        bool hidden;        /* a holder has options that the asker cannot read */
};

/* Options of a socket, as AIU_OPTION_*. */
#define OPT_REUSEADDR 1u
#define OPT_REUSEPORT 2u
#define OPT_V6ONLY 4u
#define OPT_FREEBIND 8u

void port0_generate(const struct live *live, enum port0_mode mode, uint64_t seed, struct port0_scene *ret);
struct live_address port0_address(const struct live *live, unsigned int place, uint16_t port);

/* Make the holders; 0, or the errno of the first that could not be made. */
void port0_build(struct live *live, const struct port0_scene *scene);
void port0_clear(struct live *live, const struct port0_scene *scene);
void port0_start_counterpart(struct live *live);

/* Who may write sysctls while the test itself is an ordinary user. */
void port0_start_warden(void);
void port0_sysctl(const char *path, const char *value);
void port0_limits(const struct port0_scene *scene);

/* Print what is in the way, for a failure. */
void port0_print(const struct live *live, const struct port0_scene *scene);

#endif
