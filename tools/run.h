/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of `addrinuse run` share. */
#ifndef AIU_RUN_H
#define AIU_RUN_H

#include <addrinuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "sink.h"
#include "told.h"

/* A bind() or listen() of a thread that we trace. */
struct run_call {
        bool listen;
        int fd;
        uint64_t address; /* in its memory */
        uint32_t bytes;
};

/* The process that watches COMMAND. */
struct run {
        struct aiu_context *context;
        struct sink sink;
        struct told told;
        int fd; /* stderr of the process of the event; -1 = closed, or replaced by another file */
};

/* run-filter.c: no other system call is looked at. */
#define RUN_NO_FILTER (-1)
int run_install_filter(unsigned int action, unsigned int flags);
/* False: another call. */
bool run_decode(pid_t tid, uint32_t arch, uint64_t nr, const uint64_t *args, struct run_call *ret);

/* run-call.c */
bool run_read_memory(pid_t tid, uint64_t at, void *to, size_t bytes);
/* The nth number, from 0, behind a field of /proc/TID/status, "\nUid:"; -1 = not known. */
pid_t run_status(pid_t tid, const char *field, unsigned int nth);
int run_get_fd(pid_t tid, int fd);
/* A descriptor of ours for its stderr; -1 = descriptor 2 is not this file, or is closed. */
int run_get_stderr(pid_t tid, dev_t device, ino_t inode);
/* The report about a call; error 0 = it has not been made yet. -EAFNOSUPPORT...: nothing to explain. */
int run_explain(const struct run *run, pid_t pid, pid_t tid, const struct run_call *call, int error,
                struct aiu_report **ret);

/* run-guard.c: the process that watches disturbs no other. */
void run_become_guard(void);
/* Close every descriptor but that of --log and this one; -1 = none. */
void run_let_go(struct run *run, int keep);
/* Call a function that may crash; after a crash no function is called. */
void run_try(void (*function)(void *userdata), void *userdata);
/* Report a failed call. True: it was only counted. */
bool run_tell(struct run *run, const struct event *event, int fd);

/* run-trace.c. 0 or a negative errno: it may not be traced. */
int run_attach(pid_t pid);
/* Returns when the last process that is traced has ended. */
void run_trace(struct run *run);

/* run-program.c: what a command is, before it starts. */
struct run_program {
        bool dynamic;    /* ld.so starts it: it can have a library preloaded */
        bool traces;     /* calls ptrace(2): a traced program cannot trace */
        bool sanitized;  /* the runtime of a sanitizer wants to come first, and traces at the end */
        bool privileged; /* setuid, setgid or with file capabilities, and more than we have */
};

/* As execvp(3) finds it; a script is what its interpreter is. */
void run_inspect(const char *command, struct run_program *ret);

/* run-preload.c: 0, or a negative errno if there is no library, or its path cannot be passed on. */
int run_set_preload(const struct sink *sink, const char *log);
bool run_is_preloaded(void);

/* run-notify.c */
int run_listen(void);
/* `at_start` is what stderr was when COMMAND started. */
void run_supervise(struct run *run, int listener, const struct stat *at_start);

#endif
