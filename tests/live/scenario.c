/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dice: which holders, with which options, in which order, and what is
 * asked about them. Small domains on purpose: what is rare in the wild (two
 * users, half of the options cleared again) must be common here.
 */
#include <string.h>

#include "scenario.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

const char *const mode_names[MODE_COUNT] = { "tcp", "udp", "udplite", "mptcp", "unix", "errors", "addr" };

enum scope { SCOPE_NONE, SCOPE_A };

static const struct place {
        const char *text;
        enum scope scope;
} places[] = {
        { "127.0.0.1", SCOPE_NONE },
        { "127.0.0.2", SCOPE_NONE },
        { "0.0.0.0", SCOPE_NONE },
        { "::1", SCOPE_NONE },
        { "::", SCOPE_NONE },
        { "::ffff:127.0.0.1", SCOPE_NONE },
        { "::ffff:0.0.0.0", SCOPE_NONE },
        { "fd00:99::1", SCOPE_NONE },
        /* rare ones: N_COMMON_PLACES end here */
        { "10.99.0.1", SCOPE_NONE },
        { "::ffff:127.0.0.2", SCOPE_NONE },
        { "fe80::1", SCOPE_A },
        { "fe80::1", SCOPE_NONE },
        { "10.77.7.7", SCOPE_NONE }, /* not local, as the next two */
        { "fd00:77::7", SCOPE_NONE },
        { "::ffff:10.77.7.7", SCOPE_NONE },
        { "224.0.0.1", SCOPE_NONE },
        { "255.255.255.255", SCOPE_NONE },
        { "ff02::1", SCOPE_A },
        { "ff02::1", SCOPE_NONE },
        { "ff05::1", SCOPE_NONE },
};

unsigned int n_places(void)
{
        return sizeof(places) / sizeof(places[0]);
}

struct live_address place_address(const struct live *live, unsigned int place, uint16_t port)
{
        const struct place *p = &places[place];

        return live_ip(p->text, port, p->scope == SCOPE_A ? live->device_a : 0);
}

int place_family(unsigned int place)
{
        return strchr(places[place].text, ':') ? AF_INET6 : AF_INET;
}

static unsigned int pick_place(struct live_random *random)
{
        if (live_chance(random, 12))
                return live_below(random, n_places());
        return live_below(random, N_COMMON_PLACES);
}

static unsigned int pick_options(struct live_random *random)
{
        unsigned int options = live_below(random, 8);

        /* SO_REUSEPORT on every second holder would leave too few scenes without it. */
        if (live_chance(random, 2))
                options &= ~OPT_REUSEPORT;
        return options;
}

static unsigned int pick_device(const struct live *live, struct live_random *random)
{
        const unsigned int all[] = { 1, live->device_a, live->device_b }; /* lo is always 1 */

        if (!live->devices || !live_chance(random, 5))
                return 0;
        return all[live_below(random, 3)];
}

static enum live_who pick_who(const struct live *live, struct live_random *random)
{
        static const enum live_who as_root[] = { WHO_ROOT, WHO_ROOT, WHO_USER, WHO_OTHER, WHO_SHY, WHO_SELF };
        static const enum live_who as_user[] = { WHO_USER, WHO_USER, WHO_USER, WHO_ROOT, WHO_OTHER, WHO_SHY, WHO_SELF };

        if (!live->root)
                return live_chance(random, 6) ? WHO_SELF : (enum live_who)live_below(random, WHO_SHY);
        if (live->uid == 0)
                return as_root[live_below(random, sizeof(as_root) / sizeof(as_root[0]))];
        return as_user[live_below(random, sizeof(as_user) / sizeof(as_user[0]))];
}

/* Only real root can make sockets of other users. */
static uid_t pick_uid(const struct live *live, enum live_who who, struct live_random *random)
{
        static const uid_t uids[] = { 0, LIVE_USER, LIVE_OTHER };
        uid_t own = live_uid_of(live, who);

        if (!live->root || own != 0 || !live_chance(random, 3))
                return own;
        return uids[live_below(random, 3)];
}

static void pick_socket(enum mode mode, struct live_random *random, int *ret_type, int *ret_protocol)
{
        *ret_type = SOCK_STREAM;
        *ret_protocol = live_chance(random, 2) ? IPPROTO_TCP : 0;
        if (mode == MODE_MPTCP && live_chance(random, 2))
                *ret_protocol = live_protocol(SOCK_STREAM, IPPROTO_MPTCP);
        if (mode != MODE_UDP && mode != MODE_UDPLITE)
                return;
        *ret_type = SOCK_DGRAM;
        *ret_protocol =
                (mode == MODE_UDPLITE) != live_chance(random, 16) ? live_protocol(SOCK_DGRAM, IPPROTO_UDPLITE) : 0;
}

static enum holder_state pick_state(enum mode mode, struct live_random *random)
{
        static const enum holder_state datagram[] = { STATE_BOUND, STATE_BOUND, STATE_CLIENT_BOUND, STATE_CLIENT_AUTO,
                                                      STATE_DISCONNECTED };
        /* What MPTCP does when a connection ends is done later, by a worker: not replayable. */
        static const enum holder_state multipath[] = { STATE_BOUND,    STATE_LISTEN,         STATE_SHUT,
                                                       STATE_ACCEPTED, STATE_ACCEPTED_ALONE, STATE_CLIENT_BOUND };

        if (mode == MODE_UDP || mode == MODE_UDPLITE)
                return datagram[live_below(random, 5)];
        if (mode == MODE_MPTCP)
                return multipath[live_below(random, 6)];
        if (live_chance(random, 3))
                return live_chance(random, 2) ? STATE_LISTEN : STATE_BOUND;
        return (enum holder_state)live_below(random, STATE_COUNT);
}

static void pick_holder(const struct live *live, enum mode mode, struct live_random *random, struct scene_holder *h)
{
        memset(h, 0, sizeof(*h));
        pick_socket(mode, random, &h->type, &h->protocol);
        h->state = pick_state(mode, random);
        h->who = pick_who(live, random);
        h->place = pick_place(random);
        h->via = live_below(random, 4);
        h->options = pick_options(random);
        h->ifindex = pick_device(live, random);
        h->uid = pick_uid(live, h->who, random);
        h->accept_uid = live_chance(random, 3) ? pick_uid(live, h->who, random) : h->uid;
}

/* Closing its socket leaves nothing. */
static bool is_still(const struct scene_holder *h)
{
        return h->state <= STATE_RELISTEN;
}

static void pick_later(const struct live *live, struct scenario *s, struct live_random *random, struct scene_later *l)
{
        static const enum live_code codes[] = { OP_REUSEADDR, OP_REUSEADDR, OP_REUSEPORT, OP_CHOWN, OP_CLOSE };
        const struct scene_holder *h;

        l->holder = live_below(random, s->n_holders);
        l->after = l->holder + 1 + live_below(random, s->n_holders - l->holder);
        l->slot = live_chance(random, 3) ? 2 : 0;
        l->code = codes[live_below(random, 5)];
        l->value = (int)live_below(random, 2);
        h = &s->holders[l->holder];
        l->uid = pick_uid(live, h->who, random);
        /* What a connection leaves behind depends on timers; STATE_ORPHAN makes one that does not. */
        if (l->code == OP_CLOSE && (l->slot || !is_still(h)))
                l->code = OP_RESET;
        /* msk and subflow are two sockets: fchown() reaches the one that holds no port. */
        if (l->code == OP_CHOWN && h->protocol == IPPROTO_MPTCP)
                l->code = OP_NONE;
}

static void pick_target(const struct live *live, const struct scenario *s, struct live_random *random, struct target *t)
{
        pick_socket(s->mode, random, &t->type, &t->protocol);
        t->place = pick_place(random);
        t->ifindex = pick_device(live, random);
        t->uid = pick_uid(live, WHO_SELF, random);
        if (live->root && live->uid == 0)
                t->uid = live_chance(random, 2) ? live->uid : pick_uid(live, WHO_SELF, random);
        else
                t->uid = live->uid;
        t->listen = t->type == SOCK_STREAM && !live_chance(random, 4);
}

/* Sockets without a descriptor, or with one that the asker may not look at. */
static bool hides_options(const struct live *live, const struct scene_holder *h)
{
        switch (h->state) {
        case STATE_UNACCEPTED:
        case STATE_ORPHAN:
        case STATE_MINISOCK:
        case STATE_TIME_WAIT:
        case STATE_TIME_WAIT_LISTEN:
        case STATE_CLIENT_TIME_WAIT:
                return true;
        default:
                /* IPV6_V6ONLY of an MPTCP descriptor is not that of the subflow that holds the port. */
                return !live_readable(live, h->who) ||
                       (h->protocol == IPPROTO_MPTCP && place_family(h->place) == AF_INET6);
        }
}

static void classify(const struct live *live, struct scenario *s)
{
        for (unsigned int i = 0; i < s->n_holders; i++) {
                s->reuseport |= (s->holders[i].options & OPT_REUSEPORT) != 0;
                s->unreadable |= hides_options(live, &s->holders[i]);
                s->uses_time_wait |= s->holders[i].state >= STATE_ORPHAN;
        }
        for (unsigned int i = 0; i < s->n_later; i++)
                s->reuseport |= s->later[i].code == OP_REUSEPORT;
}

void scenario_generate(const struct live *live, enum mode mode, uint64_t seed, struct scenario *ret)
{
        struct live_random random = { seed };
        struct scenario s = { .mode = mode };

        s.n_holders = 1 + live_below(&random, live_chance(&random, 8) ? SCENARIO_MAX_HOLDERS : 2);
        if (live_chance(&random, 3))
                s.n_holders = 1 + live_below(&random, SCENARIO_MAX_HOLDERS);
        if (live_chance(&random, 20))
                s.n_holders = 0;
        for (unsigned int i = 0; i < s.n_holders; i++)
                pick_holder(live, mode, &random, &s.holders[i]);
        s.n_later = s.n_holders && live_chance(&random, 2) ? live_below(&random, SCENARIO_MAX_LATER) : 0;
        for (unsigned int i = 0; i < s.n_later; i++)
                pick_later(live, &s, &random, &s.later[i]);
        s.n_targets = 1 + live_below(&random, 2);
        for (unsigned int i = 0; i < s.n_targets; i++)
                pick_target(live, &s, &random, &s.targets[i]);
        s.privileged_port = live_chance(&random, 32);
        classify(live, &s);
        *ret = s;
}
