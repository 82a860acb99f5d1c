/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the command share. Installed headers only, as for any program. */
#ifndef AIU_CLI_H
#define AIU_CLI_H

#include <addrinuse.h>
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/un.h>
#include <time.h>

#define DIGITS "0123456789"

enum {
        EXIT_FREE = 0,
        EXIT_IN_USE = 1,
        EXIT_TROUBLE = 2, /* wrong usage, or the tool itself failed */
        EXIT_UNKNOWN = 3,
        EXIT_OTHER = 4 /* it fails for another reason */
};

/* How far the question that is being asked is. */
struct progress {
        struct timespec started;
        bool shown;
};

struct cli {
        bool reuseaddr, reuseaddr_set, reuseport, freebind, no_listen, v6only, v6only_set;
        const char *device;
        bool uid_set;
        uid_t uid;
        int netns; /* -1 = our own */
        int out;   /* the descriptor that the answer goes to */
        int type;  /* of a socket whose address names no protocol; 0 = the usual one */
        bool json, quiet, check, apply, wait, yes, no_self_test, first_holder;
        uint64_t wait_usec; /* UINT64_MAX = without end */
        const char *expect; /* the owner that has to listen; NULL = none is expected */
        uint64_t for_usec;  /* how long that has to last */
        bool for_set;
        bool deadline_left_out; /* --deadline stood there without a value */
        size_t width;           /* 0 = lines are not wrapped */
        size_t apply_number;    /* 0 = the first that suffices */
        uint32_t render;        /* AIU_RENDER_* */
        uint32_t survey;        /* AIU_SURVEY_*, of every survey */
        const char *of_survey;  /* the option that says so; NULL = there was none */
        struct aiu_context *context;
        struct progress *progress;
};

/*
 * A verb has a file cmd-NAME.c and a row in cli-getopt.c. Its options stand before and after the word itself; the options
 * that shape an answer (--json, -v, --deadline...) are everybody's.
 */
#define CLI_OPTION_OF_VERB 1024 /* the least value of an option of its own; each verb has a hundred more */

struct cli_verb {
        const char *name;
        const struct option *options; /* ends with a row of zeros */
        uint64_t deadline_usec;       /* of one report, without --deadline; 0 = the command's own */
        bool filters;                 /* --netns and --uid choose what it tells of */
        bool surveys;                 /* it is about all sockets: --scope says which */
        bool has_command;             /* its first operand ends the options, and stdout is the command's */
        /* Take an option of its own; < 0: it is wrong, and the error is printed already. */
        int (*take)(struct cli *cli, int option, const char *value);
        /* With the operands behind the verb; returns the exit status. */
        int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct cli_verb cmd_audit, cmd_run, cmd_watch;

/* NULL = the command line has none. */
const struct cli_verb *cli_which_verb(int argc, char **argv);
/* Leaves optind at the first operand. < 0: wrong usage, said already. 1: --help or --version was answered. */
int cli_read_options(struct cli *cli, const struct cli_verb *verb, int argc, char **argv);
int cli_read_colour(struct cli *cli, const char *text); /* "auto", "always", "never" */
size_t cli_terminal_width(int fd);                      /* 0 = it is a pipe or a file */

/* One address to ask about. */
struct request {
        char *text; /* as aiu_query_set_address_text() takes it */
        struct sockaddr_storage address;
        socklen_t bytes;
        int type, protocol;
};

#define CLI_MOST_REQUESTS 1000u

struct requests {
        struct request *items;
        size_t n;
        bool once; /* an address that is there already is not added */
};

/* "addrinuse: ..." on stderr; strings from outside go through cli_safe() first. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *format, ...);
/* The text escaped, in a buffer that the next but one call reuses. */
const char *cli_safe(const char *text);

/* Add what an operand, a word or a line, or an address names. -EINVAL: none; the error is printed already. */
int cli_add_operand(const struct cli *cli, const char *text, struct requests *list);
int cli_add(const struct cli *cli, const char *text, struct requests *list);
int cli_add_address(const struct cli *cli, const char *text, struct requests *list);
void cli_free_requests(struct requests *list);

bool cli_is_address(const struct cli *cli, const char *text);
bool cli_is_host(const char *name); /* of /etc/hosts */

/* Say why `text` is no address: `error` is the library's. */
void cli_refuse(const struct cli *cli, const char *text, int error);
/* How many letters have to change; SIZE_MAX = too many. */
size_t cli_distance(const char *a, const char *b);

/* --netns: opens what it names; the error is printed already. */
int cli_open_netns(struct cli *cli, const char *text);

/* The text of a report, in lines of at most `width` columns; 0 = as they are. */
void cli_print_wrapped(FILE *out, const struct aiu_report *report, const char *text, size_t width);

/* Does a search of /proc take longer than to load the programs of libaddrinuse-bpf? */
bool cli_search_is_long(const struct cli *cli);
/* Load them, once and where they know more about this address: true = a question has another answer now. */
bool cli_use_bpf(const struct cli *cli, const struct request *request);

int cli_ask(const struct cli *cli, const struct request *request, struct aiu_report **ret_report);
void cli_begin_progress(struct progress *progress);
void cli_erase_progress(struct progress *progress);
int cli_new_query(const struct cli *cli, const struct request *request, struct aiu_query **ret_query);
/* Does the answer hang on the kernel's version alone? Then try it out, once; true: asking again is worth it. */
bool cli_try_kernel(const struct cli *cli, const struct aiu_report *report);
int cli_exit_status(const struct aiu_report *report);
/* Ask about each operand and print the answers; returns the exit status. */
int cli_answer(const struct cli *cli, char **operands);

/* Carry out an action of the report and ask again; returns the exit status. */
int cli_apply(const struct cli *cli, const struct request *request, const struct aiu_report *report);

/* The action to carry out; NULL = none, and the reason is printed already. */
const struct aiu_action *cli_choose(const struct cli *cli, const struct aiu_report *report);
/* Why it is done only if its number is given; NULL = it may be the default. */
const char *cli_why_not(const struct aiu_action *action);
bool cli_changes_host(const struct aiu_action *action);

struct pinned_process {
        pid_t pid;
        int fd; /* a pidfd */
};

/* The things that an action is about, held on to while the second look is taken. */
struct pinned {
        struct pinned_process *processes;
        size_t n_processes;
        int directory, file;                                           /* O_PATH; -1 = it is not about a file */
        char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1]; /* of the file in its directory */
};

/* How long to wait for an address. */
struct patience {
        uint64_t until_usec; /* of cli_now_usec(); UINT64_MAX = without end */
        bool on_terminal;    /* a line there says what is waited for */
        /* --apply: when these have ended, the rest takes a moment. NULL = there are none. */
        const struct pinned *pinned;
        void (*on_wait)(void); /* called before the first sleep; may be NULL */
        bool slept;            /* it was not free at once */
        /* cli_wait()'s own. */
        uint64_t began_usec;
        bool shown, ended;
};

uint64_t cli_now_usec(void); /* CLOCK_MONOTONIC */
uint64_t cli_until_usec(uint64_t usec);
/* Until the address is free, the time is up, or waiting cannot help: a whole report in each case. */
int cli_wait(const struct cli *cli, const struct request *request, struct patience *patience,
             struct aiu_report **ret_report);
/* --wait: one report for each address, which the caller owns, also after an error. */
int cli_wait_for_all(const struct cli *cli, const struct requests *list, struct aiu_report **reports);

/* --expect: does that owner listen on each address, and for so long? Returns the exit status. */
int cli_expect(const struct cli *cli, const struct requests *list);

bool cli_is_signal(const struct aiu_action *action);
int cli_pin_processes(struct pinned *pinned, const struct aiu_action *action);
bool cli_has_ended(const struct pinned_process *process, int timeout_msec);
int cli_signal(const struct pinned *pinned, const struct aiu_action *action);

bool cli_is_removal(const struct aiu_action *action);
int cli_pin_file(struct pinned *pinned, const struct request *request);
/* -ESTALE: it is not the file that the action is about. */
int cli_remove(const struct pinned *pinned, const struct aiu_action *action);

/* Run a command without a shell; -EIO: it failed. */
int cli_spawn(const char *const *argv);

/* sd_notify(3), for a service of Type=notify. */
void cli_notify(const char *state);

/* cmd-audit.c. The table of all sockets, where no address is asked about. */
int cli_overview(struct cli *cli);
/* The text of a survey on stdout, in lines of at most `width` columns; 0 = as they are. */
void cli_print_lines(const char *text, size_t width);
/* For Prometheus: to a file, which is replaced as a whole, or to stdout. */
int cli_print_metrics(const struct aiu_survey *survey, const char *path_or_null);

#endif
