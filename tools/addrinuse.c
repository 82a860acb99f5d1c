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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "nft-nat.h"

/* A user with many descriptors can make a search take minutes: --deadline=0 waits for that. */
#define DEADLINE_USEC 10000000u

static const char usage[] = "Usage: addrinuse [OPTION]... [ADDRESS:]PORT[/PROTOCOL] | /PATH | @NAME\n"
                            "Why bind(2) fails with \"Address already in use\", and what frees the address.\n"
                            "\n"
                            "  8080  127.0.0.1:8080  [::1]:8080/udp  localhost:http  /run/x.sock  @name\n"
                            "  protocols: tcp (default), udp, udplite, sctp, mptcp, dccp\n"
                            "\n"
                            "The socket that would be bound:\n"
                            "  --reuseaddr  --reuseport  --freebind  --v6only[=yes|no]   what it sets\n"
                            "  --device=IF  --uid=USER   device it is bound to, user who owns it\n"
                            "  --no-listen               it is bound only\n"
                            "  --dgram  --seqpacket      AF_UNIX: instead of a stream socket\n"
                            "  --netns=PID|PATH|NAME     it is made in this network namespace\n"
                            "The answer:\n"
                            "  --json[=pretty]  -q, --quiet  -v, --verbose  --cmdline\n"
                            "  --color=auto|always|never\n"
                            "How it is found:\n"
                            "  --first                   stop at the first holder of each socket\n"
                            "  --no-ipc  --no-self-test  talk to no daemon; try out no old kernel in a child\n"
                            "  --trial-bind              may bind scratch sockets\n"
                            "  --deadline=MS             answer within MS milliseconds (10000; 0: no limit)\n"
                            "What is done:\n"
                            "  --apply[=K] [--yes]       do what suffices, else send SIGTERM; or the K-th\n"
                            "Exit status: 0 free, 1 in use, 2 trouble, 3 not known, 4 other failure\n";

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
        fprintf(stderr, "\raddrinuse: looked at %zu of %zu processes", done, total);
        progress->shown = true;
}

/* ------------------------------------------------------ one question */

/* Somebody without the privilege asks who is there as well: EACCES hides EADDRINUSE. */
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

static int print_report(const struct cli *cli, const struct aiu_report *report)
{
        char *json;
        int r;

        if (cli->quiet)
                return 0;
        if (!cli->json)
                return aiu_report_print(report, stdout, cli->render);
        r = aiu_report_to_json(report, cli->render, &json);
        if (r < 0)
                return r;
        r = puts(json) < 0 ? -EIO : 0;
        free(json);
        return r;
}

static int answer(const struct cli *cli, const struct request *request)
{
        struct aiu_report *report = NULL;
        int r, status;

        r = cli_ask(cli, request, &report);
        if (r < 0) {
                if (r != -ENODEV)
                        cli_error("%s", strerror(-r));
                return EXIT_TROUBLE;
        }
        status = cli_exit_status(report);
        r = print_report(cli, report);
        if (r >= 0 && fflush(stdout) != 0)
                r = -errno;
        if (r < 0) {
                cli_error("cannot write the answer: %s", strerror(-r));
                status = EXIT_TROUBLE;
        } else if (cli->apply) {
                status = cli_apply(cli, request, report);
        }
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

static int answer_all(const struct cli *cli, const char *operand)
{
        struct request requests[MOST_REQUESTS];
        size_t n = cli_parse_request(cli, operand, requests);
        int status = n == 0 ? EXIT_TROUBLE : EXIT_FREE;

        for (size_t i = 0; i < n; i++)
                status = worse(status, answer(cli, &requests[i]));
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
        OPTION_VERSION
};

static const struct option long_options[] = {
        { "reuseaddr", no_argument, NULL, OPTION_REUSEADDR },
        { "reuseport", no_argument, NULL, OPTION_REUSEPORT },
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
        { "deadline", required_argument, NULL, OPTION_DEADLINE },
        { "apply", optional_argument, NULL, OPTION_APPLY },
        { "yes", no_argument, NULL, OPTION_YES },
        { "dgram", no_argument, NULL, OPTION_DGRAM },
        { "seqpacket", no_argument, NULL, OPTION_SEQPACKET },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPTION_VERSION },
        { NULL, 0, NULL, 0 },
};

static int wrong(const char *option, const char *value)
{
        cli_error("--%s: \"%s\" is not a value for it", option, cli_safe(value));
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

static int read_yes_no(struct cli *cli, const char *text)
{
        cli->v6only_set = true;
        cli->v6only = !text || strcmp(text, "yes") == 0;
        return !text || cli->v6only || strcmp(text, "no") == 0 ? 0 : wrong("v6only", text);
}

static int read_colour(struct cli *cli, const char *text)
{
        const char *no_color = getenv("NO_COLOR");
        bool on = strcmp(text, "always") == 0;

        if (strcmp(text, "auto") == 0)
                on = isatty(STDOUT_FILENO) && !(no_color && *no_color);
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

/* What is about the socket asked about. 1 = taken, 0 = not such an option. */
static int take_socket_option(struct cli *cli, int option)
{
        switch (option) {
        case OPTION_REUSEADDR:
                cli->reuseaddr = true;
                return 1;
        case OPTION_REUSEPORT:
                cli->reuseport = true;
                return 1;
        case OPTION_FREEBIND:
                cli->freebind = true;
                return 1;
        case OPTION_NO_LISTEN:
                cli->no_listen = true;
                return 1;
        case OPTION_DEVICE:
                cli->device = optarg;
                return 1;
        case OPTION_DGRAM:
                cli->unix_type = SOCK_DGRAM;
                return 1;
        case OPTION_SEQPACKET:
                cli->unix_type = SOCK_SEQPACKET;
                return 1;
        default:
                return 0;
        }
}

static int take_option(struct cli *cli, int option, uint32_t *context_flags)
{
        switch (option) {
        case OPTION_V6ONLY:
                return read_yes_no(cli, optarg);
        case OPTION_UID:
                return read_uid(cli, optarg);
        case OPTION_NETNS:
                return cli_open_netns(cli, optarg);
        case OPTION_JSON:
                return read_json(cli, optarg);
        case OPTION_COLOR:
                return read_colour(cli, optarg);
        case OPTION_DEADLINE:
                return read_deadline(cli, optarg);
        case OPTION_APPLY:
                return read_apply(cli, optarg);
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

/*
 * getopt_long(3) would print the word as it was typed, control characters and
 * all, so it is told to be silent. `at` is where it looked; optopt is 0 for a
 * long option that does not exist, or that is short for several.
 */
static int refuse(char **argv, int at, int option)
{
        const char *word = argv[optind > at ? optind - 1 : at];
        const char letter[] = { '-', (char)optopt, '\0' };

        if (option == ':')
                cli_error("%s: this option takes a value", cli_safe(word));
        else if (optopt && strncmp(word, "--", 2) == 0)
                cli_error("%s: this option takes no value", cli_safe(word));
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

/* < 0: wrong usage. 1: --help or --version was answered. */
static int read_options(struct cli *cli, int argc, char **argv)
{
        uint32_t context_flags = 0;
        int option, at, r;

        opterr = 0;
        while (at = optind, (option = getopt_long(argc, argv, ":qvh", long_options, NULL)) != -1) {
                if (option == '?' || option == ':')
                        return refuse(argv, at, option);
                if (option == 'h' || option == OPTION_VERSION)
                        return tell(option);
                if (take_socket_option(cli, option))
                        continue;
                r = take_option(cli, option, &context_flags);
                if (r < 0)
                        return r;
        }
        /* Only the verdict is told, so one holder is as good as all. */
        if (cli->quiet && !cli->apply)
                context_flags |= AIU_CONTEXT_FIRST_HOLDER;
        return aiu_context_set_flags(cli->context, context_flags);
}

static int run(struct cli *cli, int argc, char **argv)
{
        int status = EXIT_FREE, r;

        r = aiu_context_new(&cli->context);
        if (r < 0) {
                cli_error("%s", strerror(-r));
                return EXIT_TROUBLE;
        }
        r = aiu_context_add_backend(cli->context, &backend_nft_nat, NULL);
        if (r >= 0)
                r = aiu_context_set_deadline_usec(cli->context, DEADLINE_USEC);
        if (r >= 0)
                r = read_colour(cli, "auto");
        if (r >= 0)
                r = read_options(cli, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_TROUBLE : EXIT_FREE;
        if (optind >= argc) {
                cli_error("which port? Try: addrinuse 8080, or addrinuse --help");
                return EXIT_TROUBLE;
        }
        if (isatty(STDERR_FILENO))
                aiu_context_set_progress(cli->context, on_progress, cli->progress);
        for (int i = optind; i < argc; i++)
                status = worse(status, answer_all(cli, argv[i]));
        return status;
}

int main(int argc, char **argv)
{
        struct progress progress = { 0 };
        struct cli cli = { .netns = -1, .unix_type = SOCK_STREAM, .progress = &progress };
        int status = run(&cli, argc, argv);

        aiu_context_unref(cli.context);
        if (cli.netns >= 0)
                close(cli.netns);
        return status;
}
