/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * silent-overlap, shared-port: two owners on one port whose addresses meet. The rules of bind(2) say which do. Pure.
 *
 * Sockets are sorted by port, wildcards first, then by address. So each is compared with the wildcards of its port and
 * with those of its own address, of which a few with different owners are kept: the time is linear.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "survey/survey.h"
#include "util/macro.h"

#define MOST_KEPT 16u
#define MOST_PAIRS 4096u

/* Sockets to compare the next ones with. */
struct kept {
        size_t list[MOST_KEPT];
        size_t n;
};

struct finder {
        const struct aiu_survey *survey;
        const struct host *host;
        struct pairs *pairs;
        struct kept wildcards; /* of this port */
        struct kept same;      /* of this address */
};

static const struct socket *socket_of(const struct finder *f, size_t i)
{
        return &f->survey->facts->conflicts[i].socket;
}

static bool same_port(const struct socket *a, const struct socket *b)
{
        return a->netns == b->netns && a->protocol == b->protocol && address_port(&a->local) == address_port(&b->local);
}

static bool same_address(const struct socket *a, const struct socket *b)
{
        struct endpoint e = address_endpoint(&a->local), f = address_endpoint(&b->local);

        return memcmp(&e.ip, &f.ip, sizeof(e.ip)) == 0;
}

/* Multicast: each of the sockets gets every datagram, which is how these protocols work. */
static bool is_multicast(const struct socket *s)
{
        static const uint16_t ports[] = { 1900 /* SSDP */, 3702 /* WS-Discovery */, 5353 /* mDNS */, 5355 /* LLMNR */ };

        if (s->protocol != IPPROTO_UDP)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(ports); i++)
                if (address_port(&s->local) == ports[i])
                        return true;
        return address_is_multicast(&s->local);
}

static bool share_process(const struct aiu_conflict *a, const struct aiu_conflict *b)
{
        for (size_t i = 0; i < a->n_holders; i++)
                for (size_t k = 0; k < b->n_holders && k < MOST_KEPT; k++)
                        if (a->holders[i].process && a->holders[i].process == b->holders[k].process)
                                return true;
        return false;
}

static bool have_other_owners(const struct aiu_survey *survey, size_t a, size_t b)
{
        const char *x = survey->owners[a], *y = survey->owners[b];

        return x && y && strcmp(x, y) != 0 &&
               !share_process(&survey->facts->conflicts[a], &survey->facts->conflicts[b]);
}

/* Workers of one server with a socket each: one pair says it. */
static bool is_told(const struct finder *f, size_t a, size_t b)
{
        for (size_t i = f->pairs->n; i > 0 && i + MOST_KEPT > f->pairs->n; i--) {
                const struct pair *p = &f->pairs->list[i - 1];

                if (strcmp(f->survey->owners[p->a], f->survey->owners[a]) == 0 &&
                    strcmp(f->survey->owners[p->b], f->survey->owners[b]) == 0 &&
                    same_port(socket_of(f, p->a), socket_of(f, a)) &&
                    same_address(socket_of(f, p->a), socket_of(f, a)) &&
                    same_address(socket_of(f, p->b), socket_of(f, b)))
                        return true;
        }
        return false;
}

static int compare(struct finder *f, size_t a, size_t b)
{
        struct pair pair = { .a = a, .b = b };
        int r;

        if (!have_other_owners(f->survey, a, b) ||
            conflict_overlap(socket_of(f, a), socket_of(f, b), f->host, &pair.overlap) != YES || is_told(f, a, b))
                return 0;
        r = snapshot_grow(&f->pairs->list, sizeof(pair), f->pairs->n, &f->pairs->room, MOST_PAIRS);
        if (r == -ENOBUFS)
                f->pairs->truncated = true;
        if (r < 0)
                return r == -ENOBUFS ? 0 : r;
        f->pairs->list[f->pairs->n++] = pair;
        return 0;
}

static int compare_all(struct finder *f, const struct kept *kept, size_t i)
{
        int r = 0;

        for (size_t k = 0; r >= 0 && k < kept->n; k++)
                r = compare(f, kept->list[k], i);
        return r;
}

/* Of one owner and address one socket is enough. */
static void keep(struct finder *f, struct kept *kept, size_t i)
{
        for (size_t k = 0; k < kept->n; k++) {
                size_t other = kept->list[k];

                if (f->survey->owners[i] && f->survey->owners[other] &&
                    strcmp(f->survey->owners[i], f->survey->owners[other]) == 0 &&
                    same_address(socket_of(f, i), socket_of(f, other)) &&
                    socket_of(f, i)->ifindex == socket_of(f, other)->ifindex)
                        return;
        }
        if (kept->n < MOST_KEPT)
                kept->list[kept->n++] = i;
        else
                f->pairs->truncated = true;
}

static int take(struct finder *f, size_t i)
{
        const struct socket *s = socket_of(f, i);
        bool wildcard = address_is_wildcard(&s->local);
        int r;

        if (is_multicast(s) || !f->survey->owners[i])
                return 0;
        r = compare_all(f, &f->wildcards, i);
        if (r >= 0 && !wildcard)
                r = compare_all(f, &f->same, i);
        keep(f, wildcard ? &f->wildcards : &f->same, i);
        return r;
}

int overlap_find(const struct aiu_survey *survey, const struct host *host, struct pairs *ret_pairs)
{
        struct finder f = { .survey = survey, .host = host, .pairs = ret_pairs };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < survey->facts->n_conflicts; i++) {
                if (!address_is_ip(&socket_of(&f, i)->local))
                        continue;
                if (i == 0 || !same_port(socket_of(&f, i - 1), socket_of(&f, i)))
                        f.wildcards.n = f.same.n = 0;
                else if (!same_address(socket_of(&f, i - 1), socket_of(&f, i)))
                        f.same.n = 0;
                r = take(&f, i);
        }
        return r;
}

/* ------------------------------------------------------ words */

/* Two listeners on one port are there by SO_REUSEPORT alone. */
static bool have_reuseport(const struct socket *a, const struct socket *b)
{
        if (a->state == AIU_STATE_LISTEN && b->state == AIU_STATE_LISTEN)
                return true;
        return a->reuseport == YES && b->reuseport == YES;
}

static bool is_shared(const struct pair *p, const struct socket *a, const struct socket *b)
{
        return have_reuseport(a, b) && same_address(a, b) && a->ifindex == b->ifindex &&
               (p->overlap == AIU_OVERLAP_EXACT || p->overlap == AIU_OVERLAP_V4_MAPPED);
}

static void say_shared(struct hazard_draft *draft, const struct aiu_survey *survey, const struct pair *p)
{
        const struct socket *a = &survey->facts->conflicts[p->a].socket;

        draft->kind = AIU_HAZARD_SHARED_PORT;
        survey_put_socket(&draft->text, survey, p->a);
        strbuf_printf(&draft->text, " is shared with %s by SO_REUSEPORT: the kernel splits %s between the two programs",
                      survey->owners[p->b], a->protocol == IPPROTO_TCP ? "connections" : "datagrams");
        strbuf_printf(&draft->fix,
                      "if only one of the two is meant to serve the port, stop the other or give it another "
                      "port");
}

static void say_overlap(struct hazard_draft *draft, const struct aiu_survey *survey, const struct pair *p)
{
        const struct socket *a = &survey->facts->conflicts[p->a].socket, *b = &survey->facts->conflicts[p->b].socket;
        const char *what = a->protocol == IPPROTO_TCP ? "connection" : "datagram";

        draft->kind = AIU_HAZARD_SILENT_OVERLAP;
        survey_put_socket(&draft->text, survey, p->a);
        strbuf_str(&draft->text, " and ");
        survey_put_socket(&draft->text, survey, p->b);
        strbuf_str(&draft->text, " overlap, and bind() allows it: ");
        if (same_address(a, b))
                strbuf_printf(&draft->text, "the kernel gives each %s to one of the two", what);
        else
                strbuf_printf(&draft->text, "%s gets each %s to its address, %s the others", survey->owners[p->b], what,
                              survey->owners[p->a]);
        strbuf_str(&draft->fix, "give one of the two another port, or an address that the other does not have");
}

int hazards_overlap(struct aiu_survey *survey, const struct pairs *pairs)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < pairs->n; i++) {
                const struct pair *p = &pairs->list[i];
                const size_t sockets[] = { p->a, p->b };
                struct hazard_draft draft = { .severity = AIU_SEVERITY_WARNING, .sockets = sockets, .n_sockets = 2 };

                if (is_shared(p, &survey->facts->conflicts[p->a].socket, &survey->facts->conflicts[p->b].socket))
                        say_shared(&draft, survey, p);
                else
                        say_overlap(&draft, survey, p);
                r = hazard_add(survey, &draft);
        }
        return r;
}
