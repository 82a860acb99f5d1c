/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addrinuse(1): who is in the way of a bind(2), why, and what frees the address.
 * A thin command on the public library: options in, reports out.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "docker.h"
#include "nft-nat.h"

/* A user with many descriptors can make a search take minutes: --deadline=0 waits for that. */
#define DEADLINE_USEC 10000000u

static const char usage[] = "Usage: addrinuse [OPTION]... ADDRESS...\n"
                            "       addrinuse [OPTION]... run [--] COMMAND [ARGUMENT]...\n"
                            "       addrinuse [OPTION]... watch\n"
                            "       addrinuse [audit [--plan=FILE|--write-plan|--prometheus] [--restarts]]\n"
                            "Explain \"bind: Address already in use\", and say what frees the address.\n"
                            "Without an address: a table of owners; audit: which of it will cause trouble.\n"
                            "\n"
                            "  8080  3000-3010  127.0.0.1:8080  [::1]:53/udp  localhost:http  /run/x  @name\n"
                            "  :::3000  tcp://0.0.0.0:80  'a line of a log'  - (lines on standard input)\n"
                            "  protocols: tcp (default), udp, udplite, sctp, mptcp, dccp\n"
                            "\n"
                            "The socket to bind:\n"
                            "  --reuseaddr[=yes|no]      sets SO_REUSEADDR (default: yes for TCP)\n"
                            "  --reuseport[=yes|no]  --v6only[=yes|no]  --freebind   other options\n"
                            "  --device=IF  --uid=USER   its device, its owner\n"
                            "  --no-listen               is bound but does not listen\n"
                            "  -u  --dgram  --seqpacket  UDP; AF_UNIX: instead of a stream socket\n"
                            "  --netns=PID|PATH|NAME     is in this network namespace\n"
                            "The answer:\n"
                            "  --check                   for start scripts: exit 1 only if certainly in use\n"
                            "  --wait[=SECONDS]          wait until all are free\n"
                            "  --expect=OWNER [--for=SECONDS]   does OWNER alone listen, for so long\n"
                            "  --json[=pretty]  -q, --quiet  -v, --verbose  --cmdline\n"
                            "  --color=auto|always|never  --width=N (0: do not wrap)\n"
                            "The search:\n"
                            "  --first                   stop at the first holder of each socket\n"
                            "  --no-ipc  --no-self-test  ask no daemon; do not test an old kernel\n"
                            "  --trial-bind              may bind scratch sockets\n"
                            "  --deadline=MS             answer within MS milliseconds (10000; 0: no limit)\n"
                            "Action:\n"
                            "  --apply[=K] [--yes]       run what suffices, else send SIGTERM; or the K-th\n"
                            "Running a command, and explaining each bind() of it that fails:\n"
                            "  --method=auto|ptrace|preload|notify   how it is watched\n"
                            "  --log=FILE  --journal     tell it there, not on standard error\n"
                            "Watching each bind() of this host that fails (root):\n"
                            "  --port=N  --netns=X  --uid=USER  --unit=UNIT  --cgroup=PATH   of these alone\n"
                            "  --journal                 send to the journal\n"
                            "  -V, --version  -h, --help\n"
                            "Exit status: 0 free, 1 in use, 2 trouble, 3 unknown, 4 other failure\n";

/* ------------------------------------------------------ words out */

const char *cli_safe(const char *text)
{
        static char *kept[2];
        static unsigned int next;

        next ^= 1;
        free(kept[next]);
        kept[next] = NULL;
        return aiu_escape(text, strlen(text), &kept[next]) < 0 ? "?" : kept[next];
}

void cli_error(const char *format, ...)
{
        va_list arguments;

        fputs("addrinuse: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputs("\n", stderr);
}

/* On a terminal, a scan that takes longer than a second shows how far it is. */

static void on_progress(void *userdata, size_t done, size_t total)
{
        struct progress *progress = userdata;
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        now.tv_sec -= now.tv_nsec < progress->started.tv_nsec;
        if (now.tv_sec - progress->started.tv_sec < 1)
                return;
        fprintf(stderr, "\raddrinuse: searched %zu of %zu processes", done, total);
        progress->shown = true;
}

/* ------------------------------------------------------ one question */

/* A user without the privilege also wants to know the holder: EACCES hides EADDRINUSE. */
static bool is_held(const struct aiu_report *report)
{
        return aiu_report_get_verdict(report) == AIU_VERDICT_NOT_PERMITTED &&
               aiu_conflict_is_blocking(aiu_report_get_conflict(report, 0)) == AIU_TRISTATE_YES;
}

int cli_exit_status(const struct aiu_report *report)
{
        if (is_held(report))
                return EXIT_IN_USE;
        switch (aiu_report_get_verdict(report)) {
        case AIU_VERDICT_AVAILABLE:
                return EXIT_FREE;
        case AIU_VERDICT_IN_USE:
                return EXIT_IN_USE;
        case AIU_VERDICT_UNKNOWN:
                return EXIT_UNKNOWN;
        default:
                return EXIT_OTHER;
        }
}

/* Reports are set apart by an empty line. */
static int print_text(const struct cli *cli, const struct aiu_report *report)
{
        static bool again;
        char *text;
        int r = aiu_report_to_text(report, cli->render | AIU_RENDER_LOCAL_TIME, &text);

        if (r < 0)
                return r;
        if (again)
                (void)putchar('\n');
        again = true;
        cli_print_wrapped(stdout, report, text, cli->width);
        free(text);
        return ferror(stdout) ? -EIO : 0;
}

static int print_report(const struct cli *cli, const struct aiu_report *report)
{
        char *json;
        int r;

        if (cli->quiet && !cli->json)
                return 0;
        if (!cli->json)
                return print_text(cli, report);
        r = aiu_report_to_json(report, cli->render, &json);
        if (r < 0)
                return r;
        r = puts(json) < 0 ? -EIO : 0;
        free(json);
        return r;
}

static int no_answer(int error)
{
        if (error != -ENODEV)
                cli_error("%s", strerror(-error));
        return EXIT_TROUBLE;
}

static int tell_answer(const struct cli *cli, const struct request *request, const struct aiu_report *report)
{
        int status = cli_exit_status(report);
        int r = print_report(cli, report);

        if (r >= 0 && fflush(stdout) != 0)
                r = -errno;
        if (r < 0) {
                cli_error("cannot write the answer: %s", strerror(-r));
                status = EXIT_TROUBLE;
        } else if (cli->apply) {
                status = cli_apply(cli, request, report);
        }
        return status;
}

static int answer(const struct cli *cli, const struct request *request)
{
        struct aiu_report *report = NULL;
        int r, status;

        r = cli_ask(cli, request, &report);
        if (r < 0)
                return no_answer(r);
        status = tell_answer(cli, request, report);
        aiu_report_unref(report);
        return status;
}

/* Of several answers the worst is told: trouble, in use, another failure, not known, free. */
static int worse(int a, int b)
{
        static const int order[] = { EXIT_TROUBLE, EXIT_IN_USE, EXIT_OTHER, EXIT_UNKNOWN, EXIT_FREE };

        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
                if (a == order[i] || b == order[i])
                        return order[i];
        return EXIT_TROUBLE;
}

/* A start script stops a server only where the bind certainly fails because the address is in use. */
static int check_status(const struct cli *cli, int status)
{
        return cli->check && status != EXIT_IN_USE && status != EXIT_TROUBLE ? EXIT_FREE : status;
}

static int answer_each(const struct cli *cli, const struct requests *list)
{
        int status = EXIT_FREE;

        for (size_t i = 0; i < list->n; i++)
                status = worse(status, check_status(cli, answer(cli, &list->items[i])));
        return status;
}

static int answer_when_free(const struct cli *cli, const struct requests *list)
{
        struct aiu_report **reports = calloc(list->n + 1, sizeof(*reports));
        int r = reports ? cli_wait_for_all(cli, list, reports) : -ENOMEM;
        int status = r < 0 ? no_answer(r) : EXIT_FREE;

        for (size_t i = 0; reports && i < list->n; i++) {
                if (r >= 0)
                        status = worse(status, check_status(cli, tell_answer(cli, &list->items[i], reports[i])));
                aiu_report_unref(reports[i]);
        }
        free(reports);
        return status;
}

/*
 * An action is carried out for one address, and that one was typed. What a log says may
 * come from a stranger, action K is another one in the next report, and a command line
 * of which a part is wrong may be wrong as a whole.
 */
static bool may_apply(const struct cli *cli, char *const *operands)
{
        const char *why = NULL;

        if (operands[1])
                why = "acts on one address, but several were given";
        else if (strcmp(operands[0], "-") == 0)
                why = "acts on an address that was typed, not on one found in a text";
        else if (cli->deadline_left_out)
                why = "does nothing while --deadline has no value";
        if (why)
                cli_error("--apply %s", why);
        return !why;
}

/* A path and a name may have blanks. Another operand that has some is a line out of a log. */
static bool is_typed(const char *operand, const struct request *request)
{
        const struct sockaddr_un *un = (const struct sockaddr_un *)&request->address;
        size_t length = strlen(operand);

        if (!strpbrk(operand, " \t\n"))
                return true;
        if (un->sun_family != AF_UNIX)
                return false;
        if (*operand == '@')
                return un->sun_path[0] == '\0';
        return request->bytes >= offsetof(struct sockaddr_un, sun_path) + length &&
               memcmp(un->sun_path, operand, length) == 0;
}

static int answer_all(const struct cli *cli, char **operands)
{
        const char *first = operands[0];
        struct requests list = { 0 };
        int status = EXIT_FREE;

        if (cli->apply && !may_apply(cli, operands))
                return EXIT_TROUBLE;
        for (; *operands; operands++)
                if (cli_add_operand(cli, *operands, &list) < 0)
                        status = EXIT_TROUBLE;
        if (cli->apply && list.n > 1) {
                cli_error("--apply acts on one address, but %zu were given", list.n);
                status = EXIT_TROUBLE;
        } else if (cli->apply && list.n == 1 && !is_typed(first, &list.items[0])) {
                cli_error("--apply acts on an address that was typed, not on one found in a text");
                status = EXIT_TROUBLE;
        } else if (cli->expect && status == EXIT_FREE) {
                status = cli_expect(cli, &list);
        } else if (!cli->expect) {
                status = worse(status,
                               cli->wait && !cli->apply ? answer_when_free(cli, &list) : answer_each(cli, &list));
        }
        cli_free_requests(&list);
        return status;
}

/* ------------------------------------------------------ options */

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
        OPTION_WIDTH
};

#define SHORT_OPTIONS "qvhuV"

static const struct option long_options[] = {
        { "reuseaddr", optional_argument, NULL, OPTION_REUSEADDR },
        { "reuseport", optional_argument, NULL, OPTION_REUSEPORT },
        { "v6only", optional_argument, NULL, OPTION_V6ONLY },
        { "freebind", no_argument, NULL, OPTION_FREEBIND },
        { "device", required_argument, NULL, OPTION_DEVICE },
        { "uid", required_argument, NULL, OPTION_UID },
        { "no-listen", no_argument, NULL, OPTION_NO_LISTEN },
        { "netns", required_argument, NULL, OPTION_NETNS },
        { "json", optional_argument, NULL, OPTION_JSON },
        { "quiet", no_argument, NULL, 'q' },
        { "verbose", no_argument, NULL, 'v' },
        { "cmdline", no_argument, NULL, OPTION_CMDLINE },
        { "color", required_argument, NULL, OPTION_COLOR },
        { "first", no_argument, NULL, OPTION_FIRST },
        { "trial-bind", no_argument, NULL, OPTION_TRIAL },
        { "no-ipc", no_argument, NULL, OPTION_NO_IPC },
        { "no-self-test", no_argument, NULL, OPTION_NO_SELF_TEST },
        { "deadline", optional_argument, NULL, OPTION_DEADLINE },
        { "apply", optional_argument, NULL, OPTION_APPLY },
        { "yes", no_argument, NULL, OPTION_YES },
        { "dgram", no_argument, NULL, OPTION_DGRAM },
        { "seqpacket", no_argument, NULL, OPTION_SEQPACKET },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { "check", no_argument, NULL, OPTION_CHECK },
        { "wait", optional_argument, NULL, OPTION_WAIT },
        { "expect", required_argument, NULL, OPTION_EXPECT },
        { "for", required_argument, NULL, OPTION_FOR },
        { "width", required_argument, NULL, OPTION_WIDTH },
        { NULL, 0, NULL, 0 },
};

static int wrong(const char *option, const char *value)
{
        cli_error("--%s: invalid value \"%s\"", option, cli_safe(value));
        return -EINVAL;
}

static int read_number(const char *option, const char *text, unsigned long most, unsigned long *ret)
{
        unsigned long number;
        char *end;

        errno = 0;
        number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || number > most)
                return wrong(option, text);
        *ret = number;
        return 0;
}

static int read_uid(struct cli *cli, const char *text)
{
        const struct passwd *user = *text >= '0' && *text <= '9' ? NULL : getpwnam(text);
        unsigned long number = 0;
        int r = 0;

        if (user)
                number = user->pw_uid;
        else
                r = read_number("uid", text, (unsigned long)(uid_t)-2, &number);
        cli->uid = (uid_t)number;
        cli->uid_set = true;
        return r;
}

static int read_yes_no(const char *option, const char *text, bool *ret)
{
        bool yes = !text || strcmp(text, "yes") == 0;

        if (!yes && strcmp(text, "no") != 0)
                return wrong(option, text);
        *ret = yes;
        return 0;
}

static int read_colour(struct cli *cli, const char *text)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        bool on = strcmp(text, "always") == 0;

        if (strcmp(text, "auto") == 0)
                on = isatty(cli->out) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
        else if (!on && strcmp(text, "never") != 0)
                return wrong("color", text);
        cli->render &= ~AIU_RENDER_COLOR;
        if (on)
                cli->render |= AIU_RENDER_COLOR;
        return 0;
}

static int read_json(struct cli *cli, const char *text)
{
        cli->json = true;
        if (!text)
                return 0;
        cli->render |= AIU_RENDER_PRETTY;
        return strcmp(text, "pretty") == 0 ? 0 : wrong("json", text);
}

static int read_deadline(struct cli *cli, const char *text)
{
        unsigned long msec = 0;
        int r = read_number("deadline", text, 1000UL * 3600 * 24, &msec);

        return r < 0 ? r : aiu_context_set_deadline_usec(cli->context, msec * 1000);
}

/*
 * "--deadline 500 8080" is a value and a port, and "8080 --deadline 500" as well. Where
 * no other word is an operand, the number is the port to ask about.
 */
static const char *separate_deadline(struct cli *cli, int argc, char **argv)
{
        bool number = optind < argc && *argv[optind] && !argv[optind][strspn(argv[optind], "0123456789")];

        for (int i = 1; number && i < argc; i++)
                if (i != optind && argv[i][0] != '-')
                        return argv[optind++];
        cli->deadline_left_out = true;
        cli_error("--deadline has no value and is ignored: it is written --deadline=MILLISECONDS");
        return NULL;
}

/* Seconds as sleep(1) takes them: "2" or "0.5". */
static int read_seconds(const char *option, const char *text, uint64_t *ret_usec)
{
        size_t whole = strspn(text, DIGITS), rest = text[whole] == '.' ? 1 + strspn(text + whole + 1, DIGITS) : 0;
        char *end;

        if (whole == 0 || whole > 9 || rest == 1 || text[whole + rest])
                return wrong(option, text);
        *ret_usec = (uint64_t)(strtod(text, &end) * 1e6);
        return 0;
}

static int read_wait(struct cli *cli, const char *text)
{
        cli->wait = true;
        cli->wait_usec = UINT64_MAX;
        return text ? read_seconds("wait", text, &cli->wait_usec) : 0;
}

static int read_expect(struct cli *cli, const char *text)
{
        cli->expect = text;
        return *text ? 0 : wrong("expect", text);
}

static int read_width(struct cli *cli, const char *text)
{
        unsigned long columns = 0;
        int r = read_number("width", text, 10000, &columns);

        cli->width = columns;
        return r;
}

/* A pipe has no width. */
static size_t terminal_width(int fd)
{
        struct winsize size = { 0 };

        return isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int read_apply(struct cli *cli, const char *text)
{
        unsigned long number = 0;
        int r = text ? read_number("apply", text, 1000, &number) : 0;

        if (r >= 0 && text && number == 0)
                return wrong("apply", text);
        cli->apply = true;
        cli->apply_number = number;
        return r;
}

/* What is about the socket asked about. 1 = it is no such option. */
static int take_socket_option(struct cli *cli, int option)
{
        switch (option) {
        case OPTION_REUSEADDR:
                cli->reuseaddr_set = true;
                return read_yes_no("reuseaddr", optarg, &cli->reuseaddr);
        case OPTION_REUSEPORT:
                return read_yes_no("reuseport", optarg, &cli->reuseport);
        case OPTION_V6ONLY:
                cli->v6only_set = true;
                return read_yes_no("v6only", optarg, &cli->v6only);
        case OPTION_UID:
                return read_uid(cli, optarg);
        case OPTION_NETNS:
                return cli_open_netns(cli, optarg);
        case OPTION_FREEBIND:
                cli->freebind = true;
                return 0;
        case OPTION_NO_LISTEN:
                cli->no_listen = true;
                return 0;
        case OPTION_DEVICE:
                cli->device = optarg;
                return 0;
        case 'u':
        case OPTION_DGRAM:
                cli->type = SOCK_DGRAM;
                return 0;
        case OPTION_SEQPACKET:
                cli->type = SOCK_SEQPACKET;
                return 0;
        default:
                return 1;
        }
}

static int take_option(struct cli *cli, int option, uint32_t *context_flags)
{
        switch (option) {
        case OPTION_JSON:
                return read_json(cli, optarg);
        case OPTION_COLOR:
                return read_colour(cli, optarg);
        case OPTION_DEADLINE:
                return read_deadline(cli, optarg);
        case OPTION_WIDTH:
                return read_width(cli, optarg);
        case OPTION_WAIT:
                return read_wait(cli, optarg);
        case OPTION_EXPECT:
                return read_expect(cli, optarg);
        case OPTION_FOR:
                cli->for_set = true;
                return read_seconds("for", optarg, &cli->for_usec);
        case OPTION_APPLY:
                return read_apply(cli, optarg);
        case OPTION_CHECK:
                cli->check = true;
                cli->quiet = true;
                return 0;
        case OPTION_YES:
                cli->yes = true;
                return 0;
        case 'q':
                cli->quiet = true;
                return 0;
        case 'v':
                cli->render |= AIU_RENDER_VERBOSE;
                return 0;
        case OPTION_CMDLINE:
                cli->render |= AIU_RENDER_CMDLINE;
                return 0;
        case OPTION_FIRST:
                *context_flags |= AIU_CONTEXT_FIRST_HOLDER;
                return 0;
        case OPTION_TRIAL:
                *context_flags |= AIU_CONTEXT_TRIAL_BIND;
                return 0;
        case OPTION_NO_IPC:
                *context_flags |= AIU_CONTEXT_NO_IPC;
                return 0;
        case OPTION_NO_SELF_TEST:
                cli->no_self_test = true;
                return 0;
        default:
                return -EINVAL;
        }
}

/* ------------------------------------------------------ verbs */

/* Each is a file cmd-NAME.c. */
static const struct cli_verb *const verbs[] = { &cmd_audit, &cmd_run, &cmd_watch, NULL };
static const struct cli_verb no_verb;

#define MOST_OPTIONS 64

/* The options of every answer, and those of one verb; NULL = of all verbs. */
static const struct option *options_of(const struct cli_verb *verb)
{
        static struct option table[MOST_OPTIONS];
        size_t n = 0;

        for (const struct option *o = long_options; o->name; o++)
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
static const struct cli_verb *which_verb(int argc, char **argv)
{
        const struct option *options = options_of(NULL);
        const struct cli_verb *verb = NULL;
        int option;

        opterr = 0;
        while ((option = getopt_long(argc, argv, "+:" SHORT_OPTIONS, options, NULL)) != -1)
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
        if (verb && verb->filters && (option == OPTION_NETNS || option == OPTION_UID))
                return true;
        return !verb || option >= CLI_OPTION_OF_VERB;
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

/* --help and --version. */
static int tell(int option)
{
        int r = option == 'h' ? fputs(usage, stdout) : printf("addrinuse %s\n", aiu_version());

        if (r >= 0 && fflush(stdout) == 0)
                return 1;
        cli_error("cannot write: %s", strerror(errno));
        return -EIO;
}

static int take_any(struct cli *cli, const struct cli_verb *verb, int option, uint32_t *context_flags)
{
        int r;

        if (option >= CLI_OPTION_OF_VERB)
                return verb->take(cli, option, optarg);
        r = take_socket_option(cli, option);
        return r > 0 ? take_option(cli, option, context_flags) : r;
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
                        return tell(option);
                if (!fits(verb, option)) {
                        cli_error("%s: %s has no such option", cli_safe(argv[at]), verb->name);
                        return -EINVAL;
                }
                if (option == OPTION_DEADLINE && !optarg &&
                    !(optarg = (char *)(uintptr_t)separate_deadline(cli, argc, argv)))
                        continue;
                r = take_any(cli, verb, option, context_flags);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Leaves optind at the first operand; a verb's options stand before and after the verb. */
static int read_options(struct cli *cli, const struct cli_verb *verb, int argc, char **argv)
{
        uint32_t context_flags = 0;
        int r = read_some(cli, verb, verb ? "+:" SHORT_OPTIONS : ":" SHORT_OPTIONS, argc, argv, &context_flags);

        if (r == 0 && verb) {
                int at = optind;

                optind = 0;
                r = read_some(cli, verb, verb->has_command ? "+:" SHORT_OPTIONS : ":" SHORT_OPTIONS, argc - at,
                              argv + at, &context_flags);
                optind += at;
        }
        if (r != 0)
                return r;
        /* Where only the verdict is told, one holder is as good as all. */
        if (cli->quiet && !cli->json && !cli->apply && !cli->expect)
                context_flags |= AIU_CONTEXT_FIRST_HOLDER;
        if (!cli->no_self_test)
                context_flags |= AIU_CONTEXT_TRIAL_WILDCARD;
        cli->first_holder = (context_flags & AIU_CONTEXT_FIRST_HOLDER) != 0;
        return aiu_context_set_flags(cli->context, context_flags);
}

/* From /etc/passwd alone: getpwuid(3) may load a module or ask a server, and that of glibc 2.36 crashes if memory runs out. */
static const char *user_name(void *userdata, uid_t uid)
{
        static char name[65];
        const struct passwd *user;
        FILE *file = fopen("/etc/passwd", "re");

        (void)userdata;
        if (!file)
                return NULL;
        while ((user = fgetpwent(file)) && user->pw_uid != uid)
                ;
        if (user)
                (void)snprintf(name, sizeof(name), "%s", user->pw_name);
        (void)fclose(file);
        return user ? name : NULL;
}

/* The question of --expect is another one than that of a bind(). */
static int check_expect(const struct cli *cli)
{
        const char *other = cli->wait ? "--wait" : cli->apply ? "--apply" : cli->check ? "--check" : NULL;

        if (cli->for_set && !cli->expect)
                cli_error("--for=SECONDS says how long what --expect=OWNER expects has to last");
        else if (cli->expect && other)
                cli_error("--expect cannot be combined with %s", other);
        else
                return 0;
        return -EINVAL;
}

static int run(struct cli *cli, const struct cli_verb *verb, int argc, char **argv)
{
        int r;

        r = aiu_context_new(&cli->context);
        if (r < 0) {
                cli_error("%s", strerror(-r));
                return EXIT_TROUBLE;
        }
        aiu_context_set_user_names(cli->context, user_name, NULL);
        r = aiu_context_add_backend(cli->context, &backend_nft_nat, NULL);
        if (r >= 0)
                r = aiu_context_add_backend(cli->context, &backend_docker, NULL);
        if (r >= 0)
                r = aiu_context_set_deadline_usec(cli->context,
                                                  verb && verb->deadline_usec ? verb->deadline_usec : DEADLINE_USEC);
        if (r >= 0)
                r = read_colour(cli, "auto");
        if (r >= 0)
                r = read_options(cli, verb, argc, argv);
        if (r == 0)
                r = check_expect(cli);
        if (r != 0)
                return r < 0 ? EXIT_TROUBLE : EXIT_FREE;
        if (verb)
                return verb->run(cli, argc - optind, argv + optind);
        if (isatty(STDERR_FILENO) && !cli->check)
                aiu_context_set_progress(cli->context, on_progress, cli->progress);
        if (optind >= argc && !cli->check && !cli->apply && !cli->expect && (!cli->quiet || cli->json))
                return cli_overview(cli);
        if (optind >= argc) {
                cli_error("which port? Try: addrinuse 8080, or addrinuse --help");
                return EXIT_TROUBLE;
        }
        return answer_all(cli, argv + optind);
}

int main(int argc, char **argv)
{
        struct progress progress = { 0 };
        const struct cli_verb *verb = which_verb(argc, argv);
        /* The output of a command that is run is its own. */
        int out = verb && verb->has_command ? STDERR_FILENO : STDOUT_FILENO;
        struct cli cli = { .netns = -1, .out = out, .width = terminal_width(out), .progress = &progress };
        int status = run(&cli, verb, argc, argv);

        aiu_context_unref(cli.context);
        if (cli.netns >= 0)
                close(cli.netns);
        return status;
}
