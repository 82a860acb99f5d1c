/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of every answer: their names, --help, and what each sets. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli-options.h"

static const char usage[] = "Usage: addrinuse [OPTION]... ADDRESS...\n"
                            "       addrinuse [OPTION]... run [--] COMMAND [ARGUMENT]...\n"
                            "       addrinuse [OPTION]... watch\n"
                            "       addrinuse [--scope=netns|host] [--unix] [audit [AUDIT-OPTION]...]\n"
                            "Explain \"bind: Address already in use\", and say what frees the address.\n"
                            "Without an address: a table of owners; audit: which of them will cause trouble.\n"
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
                            "  --first  --trial-bind     stop at the first holder; may bind scratch sockets\n"
                            "  --no-ipc  --no-self-test  ask no daemon; do not test an old kernel\n"
                            "  --deadline=MS             answer within MS milliseconds (10000; 0: no limit)\n"
                            "Action:\n"
                            "  --apply[=K] [--yes]       run what suffices, else end the holder; or the K-th\n"
                            "Running a command, and explaining each bind() of it that fails:\n"
                            "  --method=auto|ptrace|preload|notify   how it is watched\n"
                            "  --log=FILE  --journal     tell it there, not on standard error\n"
                            "Watching each bind() of this host that fails (root), also with --journal:\n"
                            "  --port=N  --netns=X  --uid=USER  --unit=UNIT  --cgroup=PATH   of these alone\n"
                            "Auditing all sockets:\n"
                            "  --scope=host  --restarts  every network namespace; restarts of all services\n"
                            "  --plan=FILE  --write-plan  --prometheus[=FILE]   compare, print; metrics\n"
                            "  -V, --version  -h, --help\n"
                            "Exit status: 0 free, 1 in use, 2 trouble, 3 unknown, 4 other failure\n";
const struct option cli_long_options[] = {
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
        { "scope", required_argument, NULL, OPTION_SCOPE },
        { "unix", no_argument, NULL, OPTION_UNIX },
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

int cli_read_colour(struct cli *cli, const char *text)
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
const char *cli_separate_deadline(struct cli *cli, int argc, char **argv, bool has_verb)
{
        bool number = optind < argc && *argv[optind] && !argv[optind][strspn(argv[optind], "0123456789")];

        if (number && has_verb)
                return argv[optind++];
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

static int read_scope(struct cli *cli, const char *text)
{
        bool host = strcmp(text, "host") == 0;

        if (!host && strcmp(text, "netns") != 0)
                return wrong("scope", text);
        cli->of_survey = "--scope";
        cli->survey = (cli->survey & ~AIU_SURVEY_HOST) | (host ? AIU_SURVEY_HOST : 0);
        return 0;
}

static int read_width(struct cli *cli, const char *text)
{
        unsigned long columns = 0;
        int r = read_number("width", text, 10000, &columns);

        cli->width = columns;
        return r;
}

/* A pipe has no width. */
size_t cli_terminal_width(int fd)
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

static int take_answer_option(struct cli *cli, int option, uint32_t *context_flags)
{
        switch (option) {
        case OPTION_JSON:
                return read_json(cli, optarg);
        case OPTION_COLOR:
                return cli_read_colour(cli, optarg);
        case OPTION_DEADLINE:
                return read_deadline(cli, optarg);
        case OPTION_WIDTH:
                return read_width(cli, optarg);
        case OPTION_SCOPE:
                return read_scope(cli, optarg);
        case OPTION_UNIX:
                cli->of_survey = "--unix";
                cli->survey |= AIU_SURVEY_UNIX;
                return 0;
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

int cli_take_option(struct cli *cli, int option, uint32_t *context_flags)
{
        int r = take_socket_option(cli, option);

        return r > 0 ? take_answer_option(cli, option, context_flags) : r;
}

int cli_tell(int option)
{
        int r = option == 'h' ? fputs(usage, stdout) : printf("addrinuse %s\n", aiu_version());

        if (r >= 0 && fflush(stdout) == 0)
                return 1;
        cli_error("cannot write: %s", strerror(errno));
        return -EIO;
}
