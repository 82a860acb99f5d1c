/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report from the inside: probe.c fills it in, and then it never changes. */
#ifndef AIU_REPORT_H
#define AIU_REPORT_H

#include <stdatomic.h>

#include "rules/model.h"

struct user {
        uid_t uid;
        char *name;
};

struct aiu_report {
        atomic_uint refs;
        struct request request;
        struct verdict verdict;
        tristate succeeds_now;           /* whatever errno was seen */
        bool late;                       /* the deadline passed before all sockets and options were read */
        uint32_t what_if_doubts;         /* DOUBT_*: why one of the next is unknown */
        tristate what_if[WHAT_IF_COUNT]; /* by AIU_OPTION_* bits, added to those of the request */
        struct plain_bind plain;
        struct range range;     /* port 0: what the search met */
        size_t n_range_holders; /* how many have ports of it, as far as they can be told apart */
        char *summary;
        struct aiu_conflict *conflicts;
        size_t n_conflicts;
        struct aiu_conflict *neighbours;
        size_t n_neighbours;
        struct aiu_action *actions;
        size_t n_actions;
        struct aiu_gap *gaps;
        size_t n_gaps;
        /* What holders point into; moved here from the snapshot. */
        struct process *processes;
        size_t n_processes;
        struct manager *managers;
        size_t n_managers;
        struct kernel_user *kernel_users;
        size_t n_kernel_users;
        struct user *users; /* whose names are known */
        size_t n_users;
};

/* Frees what is in it, not the conflict itself. */
void conflict_finish(struct aiu_conflict *conflict);

/* An empty report with one reference; NULL = no memory. */
struct aiu_report *report_new(void);

#endif
