/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --expect=OWNER: after a deployment, does exactly this owner listen on the address, and does that last? A restart
 * closes a socket or ends a process: the kernel's event says so, and the last look shows a restart without an event.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define SECOND_USEC UINT64_C(1000000)

/* One address and its sockets, as they were at first. */
struct expectation {
        const struct request *request;
        struct aiu_report *first;
        struct aiu_wait *wait; /* NULL = it tells nothing: look every second */
        int status;            /* EXIT_* */
};

/* ------------------------------------------------------ who */

/* A name as it is, or as a table and a plan show it. */
static bool is_name(const char *name, const char *owner)
{
        return name && (strcmp(name, owner) == 0 || strcmp(cli_safe(name), owner) == 0);
}

static bool is_unit(const char *owner)
{
        static const char *const suffixes[] = { ".service", ".socket", ".scope" };

        for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
                size_t n = strlen(owner), m = strlen(suffixes[i]);

                if (n > m && strcmp(owner + n - m, suffixes[i]) == 0)
                        return true;
        }
        return false;
}

/*
 * Any user can give a program the name of a unit, and can have a manager with a unit of that name. What the cgroup of
 * a container says is not always whose it is: then only a process of root is taken for one of the system's.
 */
static bool is_of_system(const struct aiu_holder *h)
{
        enum aiu_manager_kind kind = aiu_holder_get_manager(h);

        if (kind == AIU_MANAGER_SYSTEMD_USER || kind == AIU_MANAGER_SUPERVISOR)
                return false;
        return kind == AIU_MANAGER_SYSTEMD || aiu_holder_get_uid(h) == 0;
}

static bool is_owner(const struct aiu_holder *h, const char *owner)
{
        bool named = is_name(aiu_holder_get_unit(h), owner) || is_name(aiu_holder_get_socket_unit(h), owner);

        if (is_unit(owner))
                return named && is_of_system(h);
        return named || is_name(aiu_holder_get_container(h), owner) || is_name(aiu_holder_get_supervisor(h), owner) ||
               is_name(aiu_holder_get_label(h), owner) || is_name(aiu_holder_get_comm(h), owner) ||
               is_name(aiu_holder_get_kernel_user(h), owner);
}

static const struct aiu_holder *find_owner(const struct aiu_conflict *c, const char *owner)
{
        for (size_t i = 0; i < aiu_conflict_get_n_holders(c); i++)
                if (is_owner(aiu_conflict_get_holder(c, i), owner))
                        return aiu_conflict_get_holder(c, i);
        return NULL;
}

static bool is_hidden(const struct aiu_conflict *c)
{
        const struct aiu_holder *h = aiu_conflict_get_holder(c, 0);
        enum aiu_holder_kind kind = aiu_holder_get_kind(h);

        return kind == AIU_HOLDER_UNKNOWN || kind == AIU_HOLDER_HIDDEN;
}

/* ------------------------------------------------------ which sockets */

/* A connection serves its peer alone. */
static bool serves(const struct aiu_conflict *c)
{
        enum aiu_state state = aiu_conflict_get_state(c);

        if (aiu_conflict_get_overlap(c) == AIU_OVERLAP_NONE)
                return false;
        return state == AIU_STATE_LISTEN || (aiu_conflict_get_type(c) == SOCK_DGRAM && !aiu_conflict_get_peer(c, NULL));
}

/* The next socket that serves the address; NULL at the end. *at is 0 before the first. */
static const struct aiu_conflict *next_server(const struct aiu_report *report, size_t *at)
{
        size_t n = aiu_report_get_n_conflicts(report);
        const struct aiu_conflict *c;

        do {
                c = *at < n ? aiu_report_get_conflict(report, *at) : aiu_report_get_neighbour(report, *at - n);
                *at += 1;
        } while (c && !serves(c));
        return c;
}

static bool is_wildcard(const struct sockaddr *address)
{
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;

        if (address->sa_family == AF_INET)
                return in->sin_addr.s_addr == htonl(INADDR_ANY);
        return address->sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

/*
 * A bare port may be served on any address; 0.0.0.0:80 is not served by 127.0.0.1:80. [::]:80 may serve IPv4 as well,
 * 0.0.0.0:80 never serves IPv6.
 */
static bool has_address(const struct aiu_conflict *c, const struct request *request)
{
        const struct sockaddr *address = (const void *)&request->address, *local = aiu_conflict_get_local(c, NULL);
        const char *text = request->text;

        if (!strchr(text, ':') || strncmp(text, "*:", 2) == 0 || (*text == ':' && strchr(DIGITS, text[1])))
                return true;
        if (!is_wildcard(address))
                return true;
        return local && is_wildcard(local) && (address->sa_family == AF_INET || local->sa_family == AF_INET6);
}

/* ------------------------------------------------------ words */

__attribute__((format(printf, 3, 4))) static void say(const struct cli *cli, const struct request *request,
                                                      const char *format, ...)
{
        va_list arguments;
        FILE *out = cli->json ? stderr : stdout;

        if (cli->quiet)
                return;
        fprintf(out, "%s", cli_safe(request->text));
        va_start(arguments, format);
        vfprintf(out, format, arguments);
        va_end(arguments);
        fputs("\n", out);
}

/* "node (pid 812, shop.service)", in memory that the caller frees. */
static char *name_holder(const struct aiu_conflict *c)
{
        const struct aiu_holder *h = aiu_conflict_get_holder(c, 0);
        const char *managed = aiu_holder_get_unit(h), *program = aiu_holder_get_label(h);
        char *text = NULL;
        int r;

        if (!managed)
                managed = aiu_holder_get_container(h) ? aiu_holder_get_container(h) : aiu_holder_get_socket_unit(h);
        if (!program)
                program = aiu_holder_get_comm(h);
        if (aiu_holder_get_pid(h) <= 0)
                r = asprintf(&text, "%s", managed ? cli_safe(managed) : program ? cli_safe(program) : "the kernel");
        else
                r = asprintf(&text, "%s (pid %d%s%s)", program ? cli_safe(program) : "a process",
                             (int)aiu_holder_get_pid(h), managed ? ", " : "", managed ? cli_safe(managed) : "");
        return r < 0 ? NULL : text;
}

static int say_other(const struct cli *cli, const struct request *request, const struct aiu_conflict *c)
{
        char *who = name_holder(c);

        if (is_hidden(c))
                say(cli, request, " is held by a process that cannot be seen: it is not known whether that is %s",
                    cli_safe(cli->expect));
        else
                say(cli, request, " is not %s's alone: %s has it", cli_safe(cli->expect), who ? who : "a process");
        free(who);
        return is_hidden(c) ? EXIT_UNKNOWN : EXIT_IN_USE;
}

/* ------------------------------------------------------ one look */

/* Sockets of UDP on one address need SO_REUSEPORT: otherwise one of them alone gets all datagrams. */
static bool is_group(const struct aiu_conflict *a, const struct aiu_conflict *b)
{
        socklen_t n = 0, m = 0;
        const struct sockaddr *x = aiu_conflict_get_local(a, &n), *y = aiu_conflict_get_local(b, &m);

        if (aiu_conflict_get_type(a) != SOCK_DGRAM || n != m || !x || !y || memcmp(x, y, n) != 0)
                return true;
        return aiu_conflict_get_reuseport(a) != AIU_TRISTATE_NO && aiu_conflict_get_reuseport(b) != AIU_TRISTATE_NO;
}

static bool are_group(const struct aiu_report *report)
{
        const struct aiu_conflict *a, *b;

        for (size_t i = 0; (a = next_server(report, &i));)
                for (size_t k = i; (b = next_server(report, &k));)
                        if (!is_group(a, b))
                                return false;
        return true;
}

static int judge(const struct cli *cli, const struct request *request, const struct aiu_report *report)
{
        const struct aiu_conflict *c, *other = NULL, *hidden = NULL;
        bool has = false, served = false;

        for (size_t i = 0; (c = next_server(report, &i));) {
                served = true;
                if (find_owner(c, cli->expect))
                        has = has || has_address(c, request);
                else if (is_hidden(c))
                        hidden = c;
                else
                        other = c;
        }
        if (other || hidden)
                return say_other(cli, request, other ? other : hidden);
        if (!has && aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN) {
                say(cli, request, ": not all of its sockets could be seen");
                return EXIT_UNKNOWN;
        }
        if (!has) {
                say(cli, request,
                    served ? " is not served: %s listens on another address"
                           : " is not served: nothing listens, and %s should",
                    cli_safe(cli->expect));
                return EXIT_IN_USE;
        }
        if (are_group(report))
                return EXIT_FREE;
        say(cli, request, " has several sockets of %s without SO_REUSEPORT: one of them gets all datagrams",
            cli_safe(cli->expect));
        return EXIT_IN_USE;
}

/* ------------------------------------------------------ for a while */

static const struct aiu_conflict *find_again(const struct aiu_report *now, const struct aiu_conflict *c)
{
        const struct aiu_conflict *other;

        for (size_t i = 0; (other = next_server(now, &i));)
                if (aiu_conflict_get_inode(other) == aiu_conflict_get_inode(c))
                        return other;
        return NULL;
}

static bool same_sockets(const struct aiu_report *first, const struct aiu_report *now)
{
        const struct aiu_conflict *c;

        for (size_t i = 0; (c = next_server(first, &i));)
                if (!find_again(now, c))
                        return false;
        return true;
}

/* The time of a start is told from two clocks, and may differ a little from look to look. */
static bool is_same(const struct aiu_holder *a, const struct aiu_holder *b)
{
        uint64_t x = aiu_holder_get_start_time_usec(a), y = aiu_holder_get_start_time_usec(b);

        return aiu_holder_get_pid(a) == aiu_holder_get_pid(b) && (x > y ? x - y : y - x) < SECOND_USEC;
}

/* A service that gets its socket from systemd may be another process by now. */
static bool same_process(const struct aiu_conflict *a, const struct aiu_conflict *b, const char *owner)
{
        for (size_t i = 0; i < aiu_conflict_get_n_holders(a); i++) {
                const struct aiu_holder *x = aiu_conflict_get_holder(a, i);

                for (size_t k = 0; is_owner(x, owner) && k < aiu_conflict_get_n_holders(b); k++)
                        if (is_same(x, aiu_conflict_get_holder(b, k)))
                                return true;
        }
        return false;
}

static bool same_processes(const struct aiu_report *first, const struct aiu_report *now, const char *owner)
{
        const struct aiu_conflict *c, *other;

        for (size_t i = 0; (c = next_server(first, &i));) {
                other = find_again(now, c);
                if (other && !same_process(c, other, owner))
                        return false;
        }
        return true;
}

/* A whole look, and what has changed since the first. */
static int look_again(const struct cli *cli, struct expectation *e)
{
        struct aiu_report *now = NULL;
        int r = cli_ask(cli, e->request, &now);

        if (r < 0)
                return r;
        e->status = judge(cli, e->request, now);
        if (e->status == EXIT_FREE && (!same_sockets(e->first, now) || !same_processes(e->first, now, cli->expect))) {
                say(cli, e->request, " did not stay up: %s has started again", cli_safe(cli->expect));
                e->status = EXIT_IN_USE;
        }
        aiu_report_unref(e->first);
        e->first = now;
        return 0;
}

/* After an event or a second. Most events are of connections that come and go: a cheap look tells. */
static int check(const struct cli *cli, struct expectation *e)
{
        struct aiu_report *now;
        bool same;
        int r = e->wait ? aiu_wait_process(e->wait) : -EDEADLK;

        if (r < 0 && r != -EDEADLK)
                return r;
        if (r != 0)
                return look_again(cli, e);
        now = aiu_wait_get_report(e->wait);
        same = same_sockets(e->first, now);
        aiu_report_unref(now);
        return same ? 0 : look_again(cli, e);
}

/* When to look although nothing has happened. */
static uint64_t next_look(const struct expectation *e, uint64_t now)
{
        uint64_t next = UINT64_MAX;

        if (!e->wait || aiu_wait_get_basis(e->wait) == AIU_WAIT_NEVER)
                return now + SECOND_USEC;
        (void)aiu_wait_get_timeout_usec(e->wait, &next);
        return next;
}

static int sleep_until(const struct cli *cli, struct expectation *list, size_t n, uint64_t until)
{
        struct pollfd *fds = calloc(n + 1, sizeof(*fds));
        uint64_t now = cli_now_usec(), wake = until;
        int r;

        if (!fds)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                uint64_t next = next_look(&list[i], now);

                fds[i] = (struct pollfd){ .fd = list[i].wait ? aiu_wait_get_fd(list[i].wait) : -1, .events = POLLIN };
                wake = next < wake ? next : wake;
        }
        wake = wake > now ? (wake - now + 999) / 1000 : 0;
        r = poll(fds, n, wake < INT_MAX ? (int)wake : INT_MAX);
        r = r < 0 && errno != EINTR ? -errno : 0;
        free(fds);
        for (size_t i = 0; r >= 0 && i < n && list[i].status == EXIT_FREE && cli_now_usec() < until; i++)
                r = check(cli, &list[i]);
        return r;
}

static bool all_met(const struct expectation *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].status != EXIT_FREE)
                        return false;
        return true;
}

/* The events are asked for first, so that none is lost between them and the look. */
static int subscribe(const struct cli *cli, struct expectation *e)
{
        struct aiu_query *query = NULL;
        int r = cli_new_query(cli, e->request, &query);

        if (r >= 0)
                r = aiu_wait_new(query, &e->wait);
        aiu_query_unref(query);
        return r == -ENOMEM ? r : 0;
}

static int watch(const struct cli *cli, struct expectation *list, size_t n)
{
        uint64_t until = cli_until_usec(cli->for_usec);
        int r = 0;

        while (r >= 0 && all_met(list, n) && cli_now_usec() < until)
                r = sleep_until(cli, list, n, until);
        for (size_t i = 0; r >= 0 && all_met(list, n) && i < n; i++)
                r = look_again(cli, &list[i]);
        return r;
}

static int begin(const struct cli *cli, struct expectation *list, size_t n)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (cli->for_usec > 0)
                        r = subscribe(cli, &list[i]);
                if (r >= 0)
                        r = cli_ask(cli, list[i].request, &list[i].first);
                if (r >= 0)
                        list[i].status = judge(cli, list[i].request, list[i].first);
        }
        return r;
}

/* ------------------------------------------------------ all addresses */

/* `lasted`: no address failed. The first that does ends the watch of them all. */
static int tell(const struct cli *cli, const struct expectation *e, bool lasted)
{
        char *json;
        int r;

        if (e->status == EXIT_FREE && cli->for_usec > 0)
                say(cli, e->request,
                    lasted ? " is %s's alone, and stayed up for %g s" : " is %s's alone, and was not watched for %g s",
                    cli_safe(cli->expect), (double)cli->for_usec / 1e6);
        else if (e->status == EXIT_FREE)
                say(cli, e->request, " is %s's alone", cli_safe(cli->expect));
        if (!cli->json)
                return 0;
        r = aiu_report_to_json(e->first, cli->render, &json);
        if (r < 0)
                return r;
        r = puts(json) < 0 ? -EIO : 0;
        free(json);
        return r;
}

static int finish(const struct cli *cli, struct expectation *list, size_t n, int r)
{
        static const int order[] = { EXIT_FREE, EXIT_UNKNOWN, EXIT_IN_USE };
        bool lasted = all_met(list, n);
        int worst = 0;

        for (size_t i = 0; i < n; i++) {
                if (r >= 0)
                        r = tell(cli, &list[i], lasted);
                for (int k = worst; k < 3; k++)
                        worst = list[i].status == order[k] ? k : worst;
                aiu_wait_unref(list[i].wait);
                aiu_report_unref(list[i].first);
        }
        if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
                r = -EIO;
        if (r < 0 && r != -ENODEV)
                cli_error("%s", strerror(-r));
        return r < 0 ? EXIT_TROUBLE : order[worst];
}

int cli_expect(const struct cli *cli, const struct requests *requests)
{
        struct expectation *list = calloc(requests->n + 1, sizeof(*list));
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; list && i < requests->n; i++)
                list[i].request = &requests->items[i];
        if (r >= 0)
                r = begin(cli, list, requests->n);
        if (r >= 0 && cli->for_usec > 0)
                r = watch(cli, list, requests->n);
        r = finish(cli, list, list ? requests->n : 0, r);
        free(list);
        return r;
}
