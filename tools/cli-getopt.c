/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line: which verb it has, and the options of every answer and of that verb. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli-options.h"

/* Each is a file cmd-NAME.c. */
static const struct cli_verb *const verbs[] = { &cmd_audit, &cmd_run, &cmd_watch, NULL };
static const struct cli_verb no_verb;

#define MOST_OPTIONS 64

/* The options of every answer, and those of one verb; NULL = of all verbs. */
static const struct option *options_of(const struct cli_verb *verb)
{
        static struct option table[MOST_OPTIONS];
        size_t n = 0;

        for (const struct option *o = cli_long_options; o->name; o++)
                table[n++] = *o;
        for (const struct cli_verb *const *v = verbs; *v; v++)
                for (const struct option *o = (*v)->options; o && o->name; o++)
                        if ((!verb || verb == *v) && n < MOST_OPTIONS - 1)
                                table[n++] = *o;
        memset(&table[n], 0, sizeof(table[n]));
        return table;
}

static const struct cli_verb *find_verb(const char *word)
{
        for (const struct cli_verb *const *v = verbs; *v; v++)
                if (strcmp((*v)->name, word) == 0)
                        return *v;
        return NULL;
}

static bool is_number(const char *word)
{
        return *word && !word[strspn(word, DIGITS)];
}

/* The verb is the first word that is neither an option nor the value of one. */
const struct cli_verb *cli_which_verb(int argc, char **argv)
{
        const struct option *options = options_of(NULL);
        const struct cli_verb *verb = NULL;
        int option;

        opterr = 0;
        while ((option = getopt_long(argc, argv, "+:" CLI_SHORT_OPTIONS, options, NULL)) != -1)
                if (option == OPTION_DEADLINE && !optarg && optind < argc && is_number(argv[optind]))
                        optind++;
        if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
                verb = find_verb(argv[optind]);
        optind = 0;
        return verb;
}

/* An option about the socket, or about what to do with the answer, means nothing to a verb. */
static bool fits(const struct cli_verb *verb, int option)
{
        static const int common[] = { OPTION_JSON,  OPTION_CMDLINE, OPTION_COLOR,        OPTION_FIRST,    OPTION_TRIAL,
                                      OPTION_WIDTH, OPTION_NO_IPC,  OPTION_NO_SELF_TEST, OPTION_DEADLINE, 'q',
                                      'v' };

        for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
                if (option == common[i])
                        return true;
        if (verb->surveys && (option == OPTION_SCOPE || option == OPTION_UNIX))
                return true;
        if (verb->filters && (option == OPTION_NETNS || option == OPTION_UID))
                return true;
        return option >= CLI_OPTION_OF_VERB;
}

/* What other tools call it, or the nearest name; NULL = none comes to mind. */
static const char *near_option(const struct option *options, const char *word)
{
        static const char *const known[][2] = {
                { "-k", "--apply" },
                { "--kill", "--apply" },
                { "-p", "the port alone, as in addrinuse 8080" },
                { "--port", "the port alone, as in addrinuse 8080" },
                { "--udp", "-u" },
                { "-j", "--json" },
                { "-w", "--wait or --width=N" },
        };
        static char found[40];
        size_t n = strcspn(word, "="), least = n < 8 ? 2 : 4;

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strncmp(word, known[i][0], n) == 0 && !known[i][0][n])
                        return known[i][1];
        if (strncmp(word, "--", 2) != 0 || n >= sizeof(found))
                return NULL;
        memcpy(found, word, n);
        found[n] = '\0';
        word = NULL;
        for (const struct option *o = options; o->name; o++)
                if (cli_distance(found + 2, o->name) < least) {
                        least = cli_distance(found + 2, o->name);
                        word = o->name;
                }
        if (word)
                (void)snprintf(found, sizeof(found), "--%s", word);
        return word ? found : NULL;
}

/*
 * getopt_long(3) would print the word as it was typed, control characters and
 * all, so it is told to be silent. `at` is where it looked; optopt is 0 for a
 * long option that does not exist, or that is short for several.
 */
static int refuse(const struct option *options, char **argv, int at, int option)
{
        const char *word = argv[optind > at ? optind - 1 : at];
        const char letter[] = { '-', (char)optopt, '\0' };
        const char *guess = near_option(options, optopt ? letter : word);

        if (option == ':')
                cli_error("%s: this option takes a value", cli_safe(word));
        else if (optopt && strncmp(word, "--", 2) == 0)
                cli_error("%s: this option takes no value", cli_safe(word));
        else if (guess)
                cli_error("%s: unrecognized option; did you mean %s?", cli_safe(optopt ? letter : word), guess);
        else
                cli_error("%s: unrecognized option; see addrinuse --help", cli_safe(optopt ? letter : word));
        return -EINVAL;
}

/* What getopt_long(3) has just read. It steps over operands, and over the value of an option. */
static const char *option_word(char **argv, int at)
{
        if (*argv[at] == '-')
                return argv[at];
        return argv[optind - (optarg && optarg == argv[optind - 1] ? 2 : 1)];
}

/* The options up to the first other word if `letters` begin with "+". < 0: wrong usage. 1: --help or --version was answered. */
static int read_some(struct cli *cli, const struct cli_verb *verb, const char *letters, int argc, char **argv,
                     uint32_t *context_flags)
{
        const struct option *options = options_of(verb ? verb : &no_verb);
        int option, at, r;

        while (at = optind ? optind : 1, (option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
                if (option == '?' || option == ':')
                        return refuse(options, argv, at, option);
                if (option == 'h' || option == 'V')
                        return cli_tell(option);
                if (verb && !fits(verb, option)) {
                        cli_error("%s: %s has no such option", cli_safe(option_word(argv, at)), verb->name);
                        return -EINVAL;
                }
                if (option == OPTION_DEADLINE && !optarg &&
                    !(optarg = (char *)(uintptr_t)cli_separate_deadline(cli, argc, argv, verb != NULL)))
                        continue;
                r = verb && option >= CLI_OPTION_OF_VERB ? verb->take(cli, option, optarg)
                                                         : cli_take_option(cli, option, context_flags);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Leaves optind at the first operand; a verb's options stand before and after the verb. */
int cli_read_options(struct cli *cli, const struct cli_verb *verb, int argc, char **argv)
{
        uint32_t context_flags = 0;
        int r = read_some(cli, verb, verb ? "+:" CLI_SHORT_OPTIONS : ":" CLI_SHORT_OPTIONS, argc, argv, &context_flags);

        if (r == 0 && verb) {
                int at = optind;

                optind = 0;
                r = read_some(cli, verb, verb->has_command ? "+:" CLI_SHORT_OPTIONS : ":" CLI_SHORT_OPTIONS, argc - at,
                              argv + at, &context_flags);
                optind += at;
        }
        if (r != 0)
                return r;
        /* Where only the verdict is told, one holder is as good as all. */
        if (cli->quiet && !cli->json && !cli->apply && !cli->expect && !(verb && verb->surveys))
                context_flags |= AIU_CONTEXT_FIRST_HOLDER;
        if (!cli->no_self_test)
                context_flags |= AIU_CONTEXT_TRIAL_WILDCARD;
        cli->first_holder = (context_flags & AIU_CONTEXT_FIRST_HOLDER) != 0;
        return aiu_context_set_flags(cli->context, context_flags);
}
