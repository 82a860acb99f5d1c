/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A survey from the inside: survey.c fills it in, and then only the plan changes. */
#ifndef AIU_SURVEY_H
#define AIU_SURVEY_H

#include <stdatomic.h>

#include "observe/observe.h"
#include "report/report.h"
#include "util/strbuf.h"

struct aiu_hazard {
        enum aiu_hazard_kind kind;
        enum aiu_severity severity;
        char *text;
        size_t *sockets;
        size_t n_sockets;
        char *fix_text;  /* NULL = nothing is known */
        char **fix_argv; /* NULL-terminated, or NULL */
        size_t order;    /* in which they were found */
};

struct difference {
        enum aiu_difference kind;
        char *address, *planned, *owner;
        size_t socket; /* SIZE_MAX = none: the difference is that it is missing */
};

struct survey_netns {
        uint64_t inode; /* 0 = not known */
        char *path;     /* for nsenter(1); NULL = the caller's own, or none is known */
        int range_first, range_last;
        bool refused; /* it could not be entered */
        /* While the survey is made: */
        int fd; /* -1 = it is the caller's own, or cannot be entered */
        struct host host;
};

struct aiu_survey {
        atomic_uint refs;
        struct aiu_report *facts; /* its conflicts are the sockets, its gaps the survey's */
        char **owners;            /* of each socket; NULL = not known */
        struct aiu_hazard *hazards;
        size_t n_hazards, hazards_room;
        bool hazards_cut; /* there are more */
        struct difference *differences;
        size_t n_differences, differences_room;
        bool differences_cut; /* there are more, and the last gap says so */
        size_t n_unverified;
        size_t n_unseen;
        int range_first, range_last; /* ip_local_port_range; 0 = not known */
        struct survey_netns *netns;  /* the caller's own, then others: socket::netns is an index */
        size_t n_netns;
};

/* ------------------------------------------------------ what was seen */

/* namespaces.c: fills in survey->netns, with others than the caller's own if `all`. */
int namespaces_find(struct aiu_survey *survey, struct observation *o, bool all);
/* In the i-th one, for as long as `look` takes. What cannot be entered is a gap of `there`. */
int namespaces_visit(struct aiu_survey *survey, struct observation *there, size_t i, int (*look)(struct observation *));
void namespaces_close(struct aiu_survey *survey);

/* collect.c: all sockets, sorted, and their holders and managers. AIU_COMPLETE, AIU_PARTIAL or -ENOMEM. */
int survey_collect(struct aiu_survey *survey, struct observation *o);
/* The options of these sockets, which are indexes in the snapshot. */
int survey_collect_options(struct observation *o, const size_t *sockets, size_t n);

/* owner.c: fills in the sockets, their holders and their owners. -ENOMEM. */
int survey_build(struct aiu_survey *survey, struct observation *o);

/* The holder that serves the socket: no worker, and a service manager only if it is alone. NULL = none is known. */
const struct aiu_holder *survey_master(const struct aiu_survey *survey, size_t i);
/* The service that systemd can be asked to start again; NULL = none. */
const char *survey_service(const struct aiu_holder *holder);
/* The owner, if that is a unit of the system's manager; not escaped. A program or a unit of a user's manager may be
 * called like one: NULL. */
const char *survey_system_unit(const struct aiu_survey *survey, size_t i);
/* As one word, in the way that owners are. */
void survey_put_name(struct strbuf *out, const char *name);
/* "127.0.0.1:80/tcp" */
void survey_put_address(struct strbuf *out, const struct socket *socket);
/* "127.0.0.1:80/tcp (nginx.service)" */
void survey_put_socket(struct strbuf *out, const struct aiu_survey *survey, size_t i);
/* "blue", as ip-netns(8) calls it, or "4026532207" */
void survey_put_netns(struct strbuf *out, const struct aiu_survey *survey, size_t i);
/* "node (pid 812)" */
void survey_put_process(struct strbuf *out, const struct aiu_holder *holder);

/* ------------------------------------------------------ what is wrong */

struct hazard_draft {
        enum aiu_hazard_kind kind;
        enum aiu_severity severity;
        struct strbuf text, fix;
        const char *argv[8]; /* copied; argv[0] NULL = no command */
        const size_t *sockets;
        size_t n_sockets;
};

/* Takes the draft's texts, after an error as well. -ENOMEM. */
int hazard_add(struct aiu_survey *survey, struct hazard_draft *draft);
/* The worst first. */
void hazards_sort(struct aiu_survey *survey);

/* A pair of sockets with different owners and overlapping addresses. */
struct pair {
        size_t a, b; /* a < b */
        enum aiu_overlap overlap;
};

struct pairs {
        struct pair *list;
        size_t n, room;
        bool truncated;
};

/* overlap.c: find the pairs first, for their options have to be read. */
int overlap_find(const struct aiu_survey *survey, const struct host *host, struct pairs *ret_pairs);
int hazards_overlap(struct aiu_survey *survey, const struct pairs *pairs);
/* held.c: what is odd about the processes that hold a socket. */
int hazards_held(struct aiu_survey *survey);
/* ports.c: what is odd about a port. 1 = the reserved ports are not known, and matter. */
int hazards_ports(struct aiu_survey *survey, const struct host *host, uint32_t netns);

/* units.c: what the units of systemd will do at their next start or stop. 1 = there is more of that than is told. */
int hazards_units(struct aiu_survey *survey, const struct aiu_snapshot *snapshot);

void difference_finish(struct difference *difference);
void hazard_finish(struct aiu_hazard *hazard);

#endif
