/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addrinuse(1): who is in the way of a bind(2), why, and what frees the address.
 * A thin command on the public library: options in, reports out.
 */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "docker.h"
#include "nft-nat.h"

/* A user with many descriptors can make a search take minutes: --deadline=0 waits for that. */
#define DEADLINE_USEC 10000000u

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
                r = cli_read_colour(cli, "auto");
        if (r >= 0)
                r = cli_read_options(cli, verb, argc, argv);
        if (r == 0)
                r = check_expect(cli);
        if (r != 0)
                return r < 0 ? EXIT_TROUBLE : EXIT_FREE;
        if (verb)
                return verb->run(cli, argc - optind, argv + optind);
        if (isatty(STDERR_FILENO) && !cli->check)
                aiu_context_set_progress(cli->context, on_progress, cli->progress);
        if (cli->of_survey && optind < argc) {
                cli_error("%s is for the table of all sockets and for audit: no address goes with it", cli->of_survey);
                return EXIT_TROUBLE;
        }
        if (optind >= argc && !cli->check && !cli->apply && !cli->expect && (!cli->quiet || cli->json))
                return cli_overview(cli);
        if (optind >= argc) {
                cli_error("which port? Try: addrinuse 8080, or addrinuse --help");
                return EXIT_TROUBLE;
        }
        return cli_answer(cli, argv + optind);
}

int main(int argc, char **argv)
{
        struct progress progress = { 0 };
        const struct cli_verb *verb = cli_which_verb(argc, argv);
        /* The output of a command that is run is its own. */
        int out = verb && verb->has_command ? STDERR_FILENO : STDOUT_FILENO;
        struct cli cli = { .netns = -1, .out = out, .width = cli_terminal_width(out), .progress = &progress };
        int status = run(&cli, verb, argc, argv);

        aiu_context_unref(cli.context);
        if (cli.netns >= 0)
                close(cli.netns);
        return status;
}
