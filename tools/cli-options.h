/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the words of a command line (cli-getopt.c) and what each option sets (cli-options.c). */
#ifndef AIU_CLI_OPTIONS_H
#define AIU_CLI_OPTIONS_H

#include "cli.h"

enum {
        OPTION_REUSEADDR = 256,
        OPTION_REUSEPORT,
        OPTION_V6ONLY,
        OPTION_FREEBIND,
        OPTION_DEVICE,
        OPTION_UID,
        OPTION_NO_LISTEN,
        OPTION_NETNS,
        OPTION_JSON,
        OPTION_CMDLINE,
        OPTION_COLOR,
        OPTION_FIRST,
        OPTION_TRIAL,
        OPTION_NO_IPC,
        OPTION_NO_SELF_TEST,
        OPTION_DEADLINE,
        OPTION_APPLY,
        OPTION_YES,
        OPTION_DGRAM,
        OPTION_SEQPACKET,
        OPTION_CHECK,
        OPTION_WAIT,
        OPTION_EXPECT,
        OPTION_FOR,
        OPTION_WIDTH,
        OPTION_SCOPE,
        OPTION_UNIX
};

#define CLI_SHORT_OPTIONS "qvhuV"

/* Those of every answer; ends with a row of zeros. */
extern const struct option cli_long_options[];

/* Set what `option` says, with optarg as its value; < 0: it is wrong, and the error is printed already. */
int cli_take_option(struct cli *cli, int option, uint32_t *context_flags);
/* The value of "--deadline 500"; NULL = the next word is something else. */
const char *cli_separate_deadline(struct cli *cli, int argc, char **argv, bool has_verb);
/* --help and --version: 1, or < 0. */
int cli_tell(int option);

#endif
