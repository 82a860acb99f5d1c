/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the host phase share: a network namespace of their own, a
 * question, one backend's answer to it, and the real bind(2) to compare with.
 */
#ifndef AIU_HOST_FIXTURE_H
#define AIU_HOST_FIXTURE_H

#include <check.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "backend/backends.h"
#include "snapshot.h"

/* The snapshot that ask() filled, and the question that it asked. */
extern struct aiu_snapshot snapshot;
extern struct aiu_question question;

/* unshare(2) into user and network namespaces; false = that is not permitted here. */
bool can_enter_namespaces(void);
/* Checked fixtures: they run in the process of the test. */
void enter_namespaces(void);
void forget_snapshot(void);

bool have_ip(void);
/* Run ip(8) with these words; the test fails if it does. */
void ip(const char *words);
/* The same; its exit status, or -1. */
int try_ip(const char *words);
/* A file that is there; one that is made. */
void write_file(const char *path, const char *text);
void make_file(const char *path, const char *text);
/* Go to a directory in a file system of its own: nothing is left behind. */
void enter_empty_directory(void);
/* Take CAP_* from the effective set, or give it back. */
void set_capability(int capability, bool on);

/* Point the question at an address: numeric, with "%name" for a scope. */
void set_ip(const char *text, uint16_t port, int type);
void set_path(const char *path);
/* Ask one backend about the question; its return value. */
int ask(const struct aiu_backend *backend);
/* What bind(2) itself says to the question, with SO_BINDTODEVICE if it has a device: 0 or errno. */
int real_bind(void);
bool have_gap(enum aiu_gap_kind kind, const char *words);

#endif
