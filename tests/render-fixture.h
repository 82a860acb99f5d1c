/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports made in memory for the tests of the renderers, in few words. */
#ifndef RENDER_FIXTURE_H
#define RENDER_FIXTURE_H

#include "report.h"
#include "scene.h"

/* What a process can choose: quotes, CSI and OSC, newlines, our own words, bidi (U+202E), broken UTF-8. */
#define HOSTILE "a\"b\\c'\033]0;x\007\n\r\t) R 1 (; held by \342\200\256\377\302\205"

#define IN_USE "127.0.0.1:80/tcp is in use: bind() fails with EADDRINUSE"

char *fixture_copy(const char *text);
struct aiu_report *fixture_report(enum aiu_verdict verdict, int error, const char *summary);
const struct process *fixture_process(struct aiu_report *r, pid_t pid, const char *comm,
                                      const char *parent);
struct aiu_conflict *fixture_conflict(struct aiu_report *r, struct socket s,
                                      enum aiu_overlap overlap, enum aiu_reason reason);
struct aiu_holder *fixture_holder(struct aiu_conflict *c, enum aiu_holder_kind kind,
                                  const struct process *process, int fd);
/* A listener on `ip`, and who holds it. */
struct aiu_holder *fixture_listening(struct aiu_report *r, const char *ip, enum aiu_overlap overlap,
                                     enum aiu_holder_kind kind, const struct process *process, int fd);
void fixture_action(struct aiu_report *r, enum aiu_action_kind kind, const char *text,
                    const char *command, const char *operand);
void fixture_gap(struct aiu_report *r, const char *text);
struct socket fixture_listener(const char *ip);
struct socket fixture_connection(uint16_t port);
struct socket fixture_unix(const char *path, enum aiu_state state);
struct aiu_report *fixture_unit_report(void);
struct aiu_report *fixture_hostile_report(void);

#endif
