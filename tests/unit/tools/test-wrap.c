/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every kind of report as the command prints it: at 40 columns, at 78, and as wide as it is. The pages are in
 * tests/data/pages; AIU_UPDATE=1 writes them anew, for the eye to compare.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/macro.h"
#include "util/quote.h"
#include "fixture/render-fixture.h"
#include "fixture/run-suite.h"

/* Of tools/cli.h, which has a struct request of its own. */
void cli_print_wrapped(FILE *out, const struct aiu_report *report, const char *text, size_t width);

#define LABEL 10u /* columns */

static const size_t widths[] = { 40, 78, 0 };

/* ------------------------------------------------------ reports */

static struct aiu_report *in_use(const char *summary)
{
        return fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, summary);
}

static struct aiu_report *unit(void)
{
        return fixture_unit_report();
}

static struct aiu_report *hostile(void)
{
        return fixture_hostile_report();
}

static struct aiu_report *free_port(void)
{
        return fixture_report(AIU_VERDICT_AVAILABLE, 0, "8080/tcp is free");
}

static struct aiu_report *hangs_on_reuseaddr(void)
{
        return fixture_report(AIU_VERDICT_AVAILABLE, 0,
                              "8080/tcp is free for a server that sets SO_REUSEADDR, as most do; without it, in use "
                              "for 43 s more");
}

static struct aiu_report *note(void)
{
        struct aiu_report *r = free_port();

        fixture_gap(r, "5353/udp is in use by avahi-daemon (pid 300), which listens for every program of this host "
                       "that asks for a name in the domain local");
        r->gaps[0].gap.kind = AIU_GAP_NOTE;
        return r;
}

static struct aiu_report *unknown(void)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_UNKNOWN, 0,
                                              "cannot tell whether 8080/tcp is in use: the deadline passed first");

        fixture_gap(r, "the deadline passed before all processes were searched: --deadline=0 waits for them "
                       "[holders, proc-fd]");
        fixture_action(r, AIU_ACTION_LOOK_CLOSER, "look again, with as much time as it takes", "addrinuse",
                       "--deadline=0");
        return r;
}

static struct aiu_report *unseen(void)
{
        struct aiu_report *r = in_use("127.0.0.1:80/tcp is in use by a process of root that you cannot see");

        fixture_gap(r, "3 processes could not be inspected: run as root [CAP_SYS_PTRACE]");
        fixture_listening(r, "0.0.0.0", AIU_OVERLAP_HOLDER_WILDCARD, AIU_HOLDER_HIDDEN, NULL, 0);
        fixture_action(r, AIU_ACTION_LOOK_CLOSER, "look again as root: processes of other users are hidden from you",
                       "sudo", "addrinuse");
        r->actions[0].flags = AIU_ACTION_NEEDS_ROOT;
        return r;
}

static struct aiu_report *not_here(void)
{
        struct aiu_report *r =
                fixture_report(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL,
                               "192.0.2.1:80/tcp cannot be bound: this host does not have the address 192.0.2.1");

        fixture_action(r, AIU_ACTION_OTHER_ADDRESS,
                       "bind an address that this host has: 127.0.0.1 (lo), 10.0.0.5 (eth0), fd00::5 (eth0)", NULL,
                       NULL);
        fixture_action(r, AIU_ACTION_SET_FREEBIND,
                       "set IP_FREEBIND on the socket before bind(): it may then be bound to an address that comes "
                       "later",
                       NULL, NULL);
        r->actions[1].flags = AIU_ACTION_CHANGES_CODE;
        fixture_action(r, AIU_ACTION_ALLOW_NONLOCAL, "allow every program to bind any address", "sysctl",
                       "net.ipv4.ip_nonlocal_bind=1");
        r->actions[2].flags = AIU_ACTION_NEEDS_ROOT | AIU_ACTION_HOST_WIDE;
        r->actions[2].sufficient = NO;
        return r;
}

static struct aiu_report *not_permitted(void)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_NOT_PERMITTED, EACCES,
                                              "443/tcp is not permitted: ports below 1024 need CAP_NET_BIND_SERVICE");

        fixture_action(r, AIU_ACTION_GRANT_PRIVILEGE,
                       "let the program bind privileged ports, for every user who may run it", "setcap",
                       "cap_net_bind_service=+ep");
        r->actions[0].flags = AIU_ACTION_NEEDS_ROOT;
        return r;
}

static struct aiu_report *stale_file(void)
{
        struct aiu_report *r = in_use("/run/shop/app.sock is in use: a stale socket file: no socket is bound to it");

        r->request.address = fixture_unix("/run/shop/app.sock", AIU_STATE_STALE_FILE).local;
        fixture_conflict(r, fixture_unix("/run/shop/app.sock", AIU_STATE_STALE_FILE), AIU_OVERLAP_UNIX_PATH,
                         AIU_REASON_PATH_EXISTS);
        fixture_action(r, AIU_ACTION_REMOVE_FILE,
                       "remove the stale socket file: no socket is bound to it in any network namespace", "rm",
                       "/run/shop/app.sock");
        return r;
}

/* A name that no command line can hold as it is. */
static struct aiu_report *odd_file(void)
{
        struct aiu_report *r = in_use("/run/it's a \\xc3\\xa9.sock is in use: a stale socket file");

        fixture_action(r, AIU_ACTION_REMOVE_FILE, "remove the stale socket file", "rm",
                       "/run/it's a\\b \303\251\n.sock");
        fixture_action(r, AIU_ACTION_REMOVE_FILE, "remove the stale socket file", "rm",
                       "/run/a name with many blanks, so that a line could be broken inside of it/x.sock");
        fixture_action(r, AIU_ACTION_REMOVE_FILE, "remove the stale socket file", "rm", "/run/x\n");
        return r;
}

static struct aiu_report *time_wait(void)
{
        struct aiu_report *r = in_use("127.0.0.1:80/tcp is in use: a closed connection is in TIME_WAIT, from "
                                      "127.0.0.1:80 to 127.0.0.9:4711, for 43 s more");
        struct socket s = fixture_connection(4711);

        s.state = AIU_STATE_TIME_WAIT;
        s.inode = 0;
        s.expires_usec = 43000000;
        fixture_conflict(r, s, AIU_OVERLAP_EXACT, AIU_REASON_QUERY_NO_REUSE);
        fixture_action(r, AIU_ACTION_WAIT, "wait 43 s: the kernel then forgets the connection", "sleep", "43");
        fixture_action(r, AIU_ACTION_SET_REUSEADDR,
                       "set SO_REUSEADDR on the socket before bind(). The other socket has it, too, and does not "
                       "listen",
                       NULL, NULL);
        r->actions[1].flags = AIU_ACTION_CHANGES_CODE;
        return r;
}

/* A signal for so many that the command has lines of its own. */
static struct aiu_report *crowd(void)
{
        struct aiu_report *r = in_use("127.0.0.1:80/tcp is in use: php (pid 100000 and 29 more) listens on 0.0.0.0:80");
        char **argv = calloc(33, sizeof(char *));

        ck_assert_ptr_nonnull(argv);
        fixture_listening(r, "0.0.0.0", AIU_OVERLAP_HOLDER_WILDCARD, AIU_HOLDER_PROCESS,
                          fixture_process(r, 100000, "php", "bash"), 3);
        fixture_action(r, AIU_ACTION_TERMINATE,
                       "end php (100000), php (100001) and 28 more. Their parent may start "
                       "them again",
                       NULL, NULL);
        argv[0] = fixture_copy("kill");
        argv[1] = fixture_copy("-TERM");
        for (size_t i = 2; i < 32; i++) {
                argv[i] = fixture_copy("100000");
                (void)snprintf(argv[i], 7, "%zu", 99998 + i);
        }
        r->actions[0].argv = argv;
        r->actions[0].flags = AIU_ACTION_NEEDS_ROOT;
        return r;
}

static struct aiu_report *script(void)
{
        struct aiu_report *r = in_use("127.0.0.1:80/tcp is in use: node server.js (pid 812) listens on 0.0.0.0:80");
        struct process *p = (struct process *)fixture_process(r, 812, "node", "bash");

        p->label = fixture_copy("server.js");
        p->cmdline = fixture_copy("node /srv/customers/of/the/shop/that/sells/shoes/and/socks/server.js");
        p->cmdline[4] = '\0';
        p->cmdline_bytes = strlen(p->cmdline + 5) + 6;
        free(p->cwd);
        p->cwd = fixture_copy("/srv/customers/of/the/shop/that/sells/shoes/and/socks");
        fixture_listening(r, "0.0.0.0", AIU_OVERLAP_HOLDER_WILDCARD, AIU_HOLDER_PROCESS, p, 18);
        return r;
}

static struct aiu_report *container(void)
{
        struct aiu_report *r =
                in_use("127.0.0.1:80/tcp is in use: docker-proxy to 172.17.0.2:80 (pid 812) for container "
                       "shop listens on 0.0.0.0:80");
        struct process *p = (struct process *)fixture_process(r, 812, "docker-proxy", "dockerd");

        p->label = fixture_copy("172.17.0.2:80");
        r->managers[r->n_managers++] = (struct manager){ .kind = AIU_MANAGER_DOCKER,
                                                         .container = fixture_copy("shop"),
                                                         .unit = fixture_copy("docker.service") };
        fixture_listening(r, "0.0.0.0", AIU_OVERLAP_HOLDER_WILDCARD, AIU_HOLDER_PROCESS, p, 4)->manager =
                &r->managers[0];
        fixture_action(r, AIU_ACTION_STOP_CONTAINER, "stop the container shop", "docker", "shop");
        return r;
}

static const struct {
        const char *name;
        struct aiu_report *(*make)(void);
        uint32_t flags;
} kinds[] = {
        { "unit", unit, 0 },
        { "unit-in-colour", unit, AIU_RENDER_COLOR },
        { "unit-in-full", unit, AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE },
        { "hostile", hostile, 0 },
        { "hostile-in-full", hostile, AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE | AIU_RENDER_COLOR },
        { "free", free_port, 0 },
        { "free-in-full", free_port, AIU_RENDER_VERBOSE },
        { "hangs-on-reuseaddr", hangs_on_reuseaddr, 0 },
        { "note", note, 0 },
        { "unknown", unknown, 0 },
        { "unknown-in-full", unknown, AIU_RENDER_VERBOSE },
        { "unseen", unseen, 0 },
        { "not-here", not_here, 0 },
        { "not-permitted", not_permitted, 0 },
        { "stale-file", stale_file, 0 },
        { "odd-file", odd_file, 0 },
        { "time-wait", time_wait, 0 },
        { "crowd", crowd, 0 },
        { "crowd-in-colour", crowd, AIU_RENDER_COLOR },
        { "script", script, 0 },
        { "container", container, 0 },
};

/* ------------------------------------------------------ pages */

/* What the command prints, with a NUL behind it. */
static char *page_of(const struct aiu_report *r, uint32_t flags, size_t width)
{
        char *text, *page = NULL;
        size_t bytes;
        FILE *file = open_memstream(&page, &bytes);

        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(aiu_report_to_text(r, flags, &text), 0);
        cli_print_wrapped(file, r, text, width);
        ck_assert_int_eq(fclose(file), 0);
        free(text);
        return page;
}

/* Without colours; in place. */
static char *plain(char *page)
{
        char *to = page;

        for (const char *from = page; *from;) {
                if (*from == '\033')
                        from += strcspn(from, "m") + 1;
                else
                        *to++ = *from++;
        }
        *to = '\0';
        return page;
}

static char *read_file(const char *path)
{
        FILE *file = fopen(path, "re");
        char *text = calloc(1, 65536);

        ck_assert_msg(file && text, "%s", path);
        (void)!fread(text, 1, 65535, file);
        (void)fclose(file);
        return text;
}

START_TEST(golden)
{
        struct aiu_report *r = kinds[_i].make();
        struct strbuf all = { 0 };
        char path[256], *expected;
        size_t same = 0;

        for (size_t i = 0; i < ELEMENTSOF(widths); i++) {
                char *page = page_of(r, kinds[_i].flags, widths[i]);

                strbuf_printf(&all, "-------- width %zu\n", widths[i]);
                for (char *c = page; *c; c++)
                        *c = *c == '\033' ? '^' : *c;
                strbuf_str(&all, page);
                free(page);
        }
        (void)snprintf(path, sizeof(path), "%s/pages/%s", TEST_DATA, kinds[_i].name);
        if (getenv("AIU_UPDATE")) {
                FILE *file = fopen(path, "we");

                ck_assert_ptr_nonnull(file);
                (void)fputs(all.text, file);
                (void)fclose(file);
        }
        expected = read_file(path);
        while (all.text[same] && all.text[same] == expected[same])
                same++;
        ck_assert_msg(strcmp(all.text, expected) == 0, "%s, byte %zu: %.200s", kinds[_i].name, same, all.text + same);
        free(expected);
        strbuf_finish(&all);
        aiu_report_unref(r);
}
END_TEST

/* Does the text begin with the first word of the command? */
static bool begins_command(const struct aiu_action *action, const char *text)
{
        char *shell = NULL;
        bool begins;

        if (aiu_action_to_shell(action, &shell) < 0)
                return false;
        begins = strncmp(text, shell, strcspn(shell, " ") + 1) == 0;
        free(shell);
        return begins;
}

/* Is this line part of a command? It begins there, or goes on after a backslash. */
static bool is_command_line(const struct aiu_report *r, const char *line, bool goes_on)
{
        for (size_t i = 0; i < r->n_actions; i++)
                if (strlen(line) > LABEL && begins_command(&r->actions[i], line + LABEL))
                        return true;
        return goes_on;
}

/* A line is no wider than was asked, unless it is a command or one word that is. */
START_TEST(no_wider)
{
        struct aiu_report *r = kinds[_i].make();

        for (size_t i = 0; i < ELEMENTSOF(widths) && widths[i] > 0; i++) {
                char *page = plain(page_of(r, kinds[_i].flags, widths[i])), *left = page, *line;
                bool command = false;

                for (size_t n = 0; (line = strsep(&left, "\n")); n++) {
                        /* The words of the first line, and what stands beside a label or below it. */
                        size_t begin = n == 0 || strlen(line) < LABEL ? 0 : LABEL + strspn(line + LABEL, " ");
                        bool one_word = !strchr(line + (begin < strlen(line) ? begin : 0), ' ');

                        command = is_command_line(r, line, command);
                        ck_assert_msg(strlen(line) <= widths[i] || command || one_word || strstr(line, "  sudo "),
                                      "%zu: %s", widths[i], line);
                        command = command && strlen(line) > 0 && line[strlen(line) - 1] == '\\';
                }
                free(page);
        }
        aiu_report_unref(r);
}
END_TEST

/* The same words in the same order: only blanks become line ends. */
static char *words_of(char *page)
{
        char *to = page;

        for (const char *from = page; *from;) {
                size_t blanks = strspn(from, " \n");

                from += blanks;
                if (blanks > 0 && *from)
                        *to++ = ' ';
                else if (*from)
                        *to++ = *from++;
        }
        *to = '\0';
        return page;
}

START_TEST(same_words)
{
        struct aiu_report *r = kinds[_i].make();
        char *wide = words_of(page_of(r, kinds[_i].flags, 0));

        for (size_t width = 1; width < 200; width++) {
                char *page = words_of(page_of(r, kinds[_i].flags, width));

                ck_assert_msg(strcmp(page, wide) == 0, "width %zu:\n%s\n%s", width, page, wide);
                free(page);
        }
        free(wide);
        aiu_report_unref(r);
}
END_TEST

/* ------------------------------------------------------ commands, as a person would paste them */

/* From the page: behind a label, through the last line that ends in a backslash. NULL = no more. */
static const char *next_command(const struct aiu_report *r, const char **at, struct strbuf *ret)
{
        while (**at) {
                const char *line = *at;
                size_t n = strcspn(line, "\n");

                *at = line + n + (line[n] != '\0');
                for (size_t i = 0; i < r->n_actions; i++) {
                        if (n <= LABEL || !begins_command(&r->actions[i], line + LABEL))
                                continue;
                        while (line[n - 1] == '\\') {
                                n += 1 + strcspn(line + n + 1, "\n");
                                *at = line + n + (line[n] != '\0');
                        }
                        strbuf_add(ret, line + LABEL, n - LABEL);
                        return ret->text;
                }
        }
        return NULL;
}

static void expect_argv(const char *shell, const char *command, const char *const *argv)
{
        char path[] = "/tmp/test-wrap-XXXXXX", line[128], got[4096];
        int fd = mkstemp(path);
        size_t n, used = 0;
        FILE *pipe;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_gt(dprintf(fd, "env printf '%%s\\0' %s\n", command), 0);
        (void)close(fd);
        (void)snprintf(line, sizeof(line), "%s %s", shell, path);
        pipe = popen(line, "r");
        ck_assert_ptr_nonnull(pipe);
        n = fread(got, 1, sizeof(got), pipe);
        (void)pclose(pipe);
        (void)unlink(path);
        for (; *argv; argv++) {
                ck_assert_msg(used < n && strcmp(got + used, *argv) == 0, "%s: %s: %s", shell, command, *argv);
                used += strlen(*argv) + 1;
        }
        ck_assert_uint_eq(used, n);
}

START_TEST(pasted)
{
        static const char *const shells[] = { "sh", "dash", "bash", "fish --no-config" };
        struct aiu_report *r = kinds[_i].make();

        for (size_t i = 0; i < ELEMENTSOF(widths); i++) {
                char *page = plain(page_of(r, kinds[_i].flags, widths[i]));
                const char *at = page;

                for (size_t k = 0; k < r->n_actions; k++) {
                        const char *const *argv = (const char *const *)r->actions[k].argv;
                        struct strbuf command = { 0 };
                        char test[64];

                        if (!argv || !quote_is_possible(argv))
                                continue;
                        ck_assert_ptr_nonnull(next_command(r, &at, &command));
                        for (size_t s = 0; s < ELEMENTSOF(shells); s++) {
                                (void)snprintf(test, sizeof(test), "%s -c true >/dev/null 2>&1", shells[s]);
                                if (system(test) == 0)
                                        expect_argv(shells[s], command.text, argv);
                                else
                                        printf("no %s here: not asked\n", shells[s]);
                        }
                        strbuf_finish(&command);
                }
                free(page);
        }
        aiu_report_unref(r);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("wrap");
        TCase *tcase = tcase_create("pages");

        tcase_add_loop_test(tcase, golden, 0, (int)ELEMENTSOF(kinds));
        tcase_add_loop_test(tcase, no_wider, 0, (int)ELEMENTSOF(kinds));
        tcase_add_loop_test(tcase, same_words, 0, (int)ELEMENTSOF(kinds));
        tcase_add_loop_test(tcase, pasted, 0, (int)ELEMENTSOF(kinds));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
