/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile worlds and kept promises: what the files of this test share.
 *
 *   worlds.c           the question, what may come out, the list
 *   worlds-netlink.c   a kernel that answers nonsense
 *   worlds-poor.c      too little of everything
 *   worlds-filter.c    seccomp
 *   worlds-thread.c    every kind of question, in a thread with a filter
 *   worlds-names.c     names that a terminal would obey
 *   worlds-restless.c  sockets and processes that come and go while one looks
 *   worlds-promises.c  what an embedding program relies on
 */
#ifndef WORLDS_H
#define WORLDS_H

#include <addrinuse.h>
#include <stdbool.h>
#include <stdint.h>

#include "../live/live.h"

#define HELD 7001 /* a process listens there */
#define FREE 7002

/* Says why, and ends this world. */
_Noreturn void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Flags of its context; 0 at first. */
extern uint32_t ask_flags;
struct aiu_report *ask(uint16_t port, uint64_t deadline_usec);
/* The truth, or unknown with a gap. */
void check_report(const struct aiu_report *report, enum aiu_verdict truth);
/* Both ports; false if an answer was unknown. */
bool check_both(uint64_t deadline_usec);
void must_know(uint64_t deadline_usec);
/* -1: it could not be had. SO_REUSEADDR is set. */
int listen_on(uint16_t port);

void netlink_cut(void);
void netlink_truncated(void);
void netlink_reordered(void);
void netlink_refused(void);
void netlink_other_number(void);
void netlink_interrupted(void);
void netlink_other_attributes(void);
void netlink_spoofed(void);
void netlink_empty(void);
void netlink_endless(void);
void netlink_noise(void);
void no_descriptors(void);
void no_proc(void);
void fake_proc(void);
void no_capabilities(void);
void other_pid_namespace(void);
void proc_of_another_namespace(void);
void read_only(void);
void churn(void);
void dying_holders(void);
void flapping(void);
void crowd(void);
void hidden_processes(void);
void filter_without_netlink(void);
void filter_without_pidfd(void);
void filter_that_forbids_pidfd(void);
void filter_that_kills(void);
void filter_of_a_thread(void);
/* What doc/security.md does not list kills the calling thread's process from now on. */
void only_documented(void);
void names(void);
void unix_names(void);
void device_names(void);
void unit_names(void);
void long_paths(void);
void long_command_line(void);
void threads(void);
void after_fork(void);
void memory_is_flat(void);
void little_stack(void);
void nothing_changes(void);
void signals_rain(void);
void stopped_holder(void);

#endif
