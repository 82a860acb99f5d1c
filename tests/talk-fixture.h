/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the conversation with a service manager share: what the other backends saw, one
 * conversation with the manager of scripted-systemd.c, and the same one again and again, with every single
 * call into libsystemd and every allocation failing in turn.
 */
#ifndef AIU_TALK_FIXTURE_H
#define AIU_TALK_FIXTURE_H

#include "host-fixture.h"
#include "scripted-systemd.h"

#define INODE 77u

extern struct aiu_manager_fact told;    /* the last one, */
extern char all_told[65536];            /* and all of them as a text */
extern void (*scene)(void);             /* puts into the snapshot what was seen */
extern unsigned int managers_asked;     /* in the scene; 1 */
extern uint32_t flags;                  /* AIU_CONTEXT_*, of the question; 0 */
extern uint64_t deadline;               /* nanoseconds; 0 = none */

/* Checked fixture; forget_snapshot() ends it. */
void begin(void);
void socket_at(uint64_t inode, const char *ip, uint16_t port, unsigned int ifindex, uint64_t cgroup_id);
void wanted(const uint64_t *inodes, size_t n);
void holds(pid_t pid, uint64_t inode, enum aiu_manager_kind kind, const char *unit, uid_t user);
/* Scenes: a listener that pid 1 keeps; two of a service's process, one of them of somebody else's as well. */
void kept_by_pid_1(void);
void of_a_service(void);

/* One conversation about `scene`; what the backend returns. */
int ask_once(void);
/* It ends well, and does so however often it was disturbed; while it is, nothing wrong is concluded. */
void converse(const struct scripted_unit *units, void (*what)(void));

#endif
