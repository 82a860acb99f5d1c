/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan: which owner is meant to have which address. Differences are about owners, never about processes, so that
 * a restart is none. An owner that could not be seen proves nothing. Pure.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "survey/survey.h"
#include "util/macro.h"

#define MOST_DIFFERENCES 65536u

/* A line. Its words are in the plan's text. */
struct entry {
        const char *owner;
        size_t owner_bytes;
        const char *address; /* "ADDRESS:PORT/PROTO" */
        size_t address_bytes;
        struct address parsed;
        bool any_address;
        int protocol;
        bool met;
};

struct plan {
        struct entry *entries;
        size_t n, room;
};

void difference_finish(struct difference *difference)
{
        free(difference->address);
        free(difference->planned);
        free(difference->owner);
}

/* ------------------------------------------------------ a line */

static int parse_protocol(const char *text, size_t n)
{
        if (n == 3 && memcmp(text, "tcp", 3) == 0)
                return IPPROTO_TCP;
        return n == 3 && memcmp(text, "udp", 3) == 0 ? IPPROTO_UDP : -EINVAL;
}

static bool parse_port(const char *text, size_t n, uint16_t *ret)
{
        unsigned int port = 0;

        for (size_t i = 0; i < n; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                port = port * 10 + (unsigned int)(text[i] - '0');
                if (port > 65535)
                        return false;
        }
        *ret = (uint16_t)port;
        return n > 0 && port > 0;
}

/* "[fe80::1%2]" or "127.0.0.1" or "*". */
static int parse_address(struct entry *e, const char *text, size_t n, uint16_t port)
{
        char plain[96], *scope;
        const char *ignored;
        unsigned long number = 0;
        int r;

        if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
                text++;
                n -= 2;
        }
        if (n == 0 || n >= sizeof(plain))
                return -EINVAL;
        memcpy(plain, text, n);
        plain[n] = '\0';
        e->any_address = strcmp(plain, "*") == 0;
        scope = strchr(plain, '%');
        if (scope) {
                number = strtoul(scope + 1, NULL, 10);
                *scope = '\0';
        }
        r = address_parse(plain, port, &e->parsed, &ignored);
        if (r >= 0 && number > 0 && e->parsed.sa.any.sa_family == AF_INET6)
                e->parsed.sa.in6.sin6_scope_id = (uint32_t)number;
        return r;
}

static int parse_entry(struct entry *e)
{
        const char *slash = memrchr(e->address, '/', e->address_bytes), *colon;
        uint16_t port;

        if (!slash)
                return -EINVAL;
        e->protocol = parse_protocol(slash + 1, (size_t)(e->address + e->address_bytes - slash - 1));
        colon = memrchr(e->address, ':', (size_t)(slash - e->address));
        if (e->protocol < 0 || !colon || !parse_port(colon + 1, (size_t)(slash - colon - 1), &port))
                return -EINVAL;
        return parse_address(e, e->address, (size_t)(colon - e->address), port);
}

static const char blanks[] = " \t\r";

/* 0 = nothing stands on the line. */
static int parse_line(const char *line, size_t n, struct entry *ret)
{
        const char *hash = memchr(line, '#', n), *words[2] = { 0 };
        size_t bytes[2] = { 0 }, at = 0, count = 0;

        if (hash)
                n = (size_t)(hash - line);
        while (at < n) {
                size_t length = 0;

                while (at < n && strchr(blanks, line[at]))
                        at++;
                while (at + length < n && !strchr(blanks, line[at + length]))
                        length++;
                if (length == 0)
                        break;
                if (count == 2)
                        return -EINVAL;
                words[count] = line + at;
                bytes[count++] = length;
                at += length;
        }
        if (count == 0)
                return 0;
        if (count == 1)
                return -EINVAL;
        *ret = (struct entry){
                .address = words[0], .address_bytes = bytes[0], .owner = words[1], .owner_bytes = bytes[1]
        };
        return parse_entry(ret) < 0 ? -EINVAL : 1;
}

static int parse_plan(const char *text, struct plan *plan, unsigned int *ret_line)
{
        unsigned int line = 1;

        for (; *text; line++) {
                size_t n = strcspn(text, "\n");
                struct entry entry;
                int r = parse_line(text, n, &entry);

                if (r < 0 && ret_line)
                        *ret_line = line;
                if (r < 0)
                        return r;
                if (r > 0) {
                        r = snapshot_grow(&plan->entries, sizeof(entry), plan->n, &plan->room,
                                          SIZE_MAX / sizeof(entry));
                        if (r < 0)
                                return -ENOMEM;
                        plan->entries[plan->n++] = entry;
                }
                text += n + (text[n] == '\n');
        }
        return 0;
}

/* ------------------------------------------------------ comparing */

static int compare_entries(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;
        uint16_t p = address_port(&x->parsed), q = address_port(&y->parsed);

        if (x->protocol != y->protocol)
                return x->protocol < y->protocol ? -1 : 1;
        return (p > q) - (p < q);
}

static bool is_about(const struct entry *e, const struct socket *s)
{
        return e->protocol == s->protocol && address_port(&e->parsed) == address_port(&s->local) &&
               (e->any_address || address_equal(&e->parsed, &s->local));
}

static bool is_owner(const struct entry *e, const char *owner)
{
        return strlen(owner) == e->owner_bytes && memcmp(owner, e->owner, e->owner_bytes) == 0;
}

static bool is_any_owner(const struct entry *e)
{
        return e->owner_bytes == 1 && e->owner[0] == '*';
}

static void forget_cut(struct aiu_survey *survey)
{
        if (survey->differences_cut)
                gap_finish(&survey->facts->gaps[--survey->facts->n_gaps].gap);
        survey->differences_cut = false;
}

/* Once. There is room for this gap, because a caller may hold pointers to the others. */
static int say_cut(struct aiu_survey *survey)
{
        struct aiu_report *facts = survey->facts;
        struct gap gap = { .kind = AIU_GAP_TRUNCATED, .error = ENOBUFS };

        if (survey->differences_cut)
                return 0;
        gap.text = strdup("there are so many differences from the plan that not all of them are listed");
        if (!gap.text)
                return -ENOMEM;
        facts->gaps[facts->n_gaps++].gap = gap;
        survey->differences_cut = true;
        return 0;
}

/* `socket` is SIZE_MAX where there is none. */
static int add_difference(struct aiu_survey *survey, enum aiu_difference kind, const struct entry *e, size_t socket)
{
        const char *owner = socket != SIZE_MAX ? survey->owners[socket] : NULL;
        struct difference d = { .kind = kind, .socket = socket };
        struct strbuf address = { 0 }, planned = { 0 };
        int r = SNAPSHOT_GROW(survey, differences, MOST_DIFFERENCES);

        if (socket != SIZE_MAX)
                survey_put_address(&address, &survey->facts->conflicts[socket].socket);
        else if (e)
                strbuf_ascii(&address, e->address, e->address_bytes);
        if (e)
                strbuf_ascii(&planned, e->owner, e->owner_bytes);
        d.owner = owner ? strdup(owner) : NULL;
        if (r >= 0)
                r = owner && !d.owner ? -ENOMEM : strbuf_steal(&address, &d.address);
        if (r >= 0 && e)
                r = strbuf_steal(&planned, &d.planned);
        strbuf_finish(&address);
        strbuf_finish(&planned);
        if (r >= 0)
                survey->differences[survey->n_differences++] = d;
        else
                difference_finish(&d);
        return r == -ENOBUFS ? say_cut(survey) : r;
}

/* The kernel chose the port, and will choose another one: a client of UDP. */
static bool is_client(const struct aiu_survey *survey, const struct socket *s)
{
        const struct survey_netns *ns = s->netns > 0 ? &survey->netns[s->netns] : NULL;
        int port = address_port(&s->local);

        return s->protocol == IPPROTO_UDP && port >= (ns ? ns->range_first : survey->range_first) &&
               port <= (ns ? ns->range_last : survey->range_last);
}

/* Two that are not known are the same here: one line says both. */
static bool same_owner(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_place(const struct aiu_survey *survey, size_t a, size_t b)
{
        const struct socket *x = &survey->facts->conflicts[a].socket, *y = &survey->facts->conflicts[b].socket;

        return x->netns == y->netns && x->protocol == y->protocol && address_equal(&x->local, &y->local) &&
               same_owner(survey->owners[a], survey->owners[b]);
}

/* Workers with a socket each: one line says it. */
static bool is_told(const struct aiu_survey *survey, enum aiu_difference kind, size_t i)
{
        const struct difference *last = survey->n_differences ? &survey->differences[survey->n_differences - 1] : NULL;

        return last && last->kind == kind && same_place(survey, last->socket, i);
}

/* The first entry of the port, by its place in the sorted list. */
static size_t first_of(const struct plan *plan, const struct socket *s)
{
        struct entry key = { .protocol = s->protocol, .parsed = s->local };
        size_t low = 0, high = plan->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_entries(&plan->entries[middle], &key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Several lines may have one address: any of their owners may have it. */
static int check_socket(struct aiu_survey *survey, struct plan *plan, size_t i)
{
        const struct socket *s = &survey->facts->conflicts[i].socket;
        struct entry *planned = NULL;
        const char *owner = survey->owners[i];

        for (size_t at = first_of(plan, s); at < plan->n; at++) {
                struct entry *e = &plan->entries[at];

                if (e->protocol != s->protocol || address_port(&e->parsed) != address_port(&s->local))
                        break;
                if (!is_about(e, s))
                        continue;
                planned = planned ? planned : e;
                if (is_any_owner(e) || (owner && is_owner(e, owner))) {
                        e->met = true;
                        return 0;
                }
                /* In another namespace the line may mean another server, which may be down. */
                e->met = e->met || survey->n_netns < 2 || !owner;
        }
        if (planned)
                planned->met = true; /* one fault, one line */
        if (is_told(survey, planned ? AIU_DIFFERENCE_WRONG_OWNER : AIU_DIFFERENCE_UNEXPECTED, i))
                return 0;
        if (!planned && is_client(survey, s))
                return 0;
        if (!planned)
                return add_difference(survey, AIU_DIFFERENCE_UNEXPECTED, NULL, i);
        if (owner)
                return add_difference(survey, AIU_DIFFERENCE_WRONG_OWNER, planned, i);
        survey->n_unverified++;
        return 0;
}

static int compare(struct aiu_survey *survey, struct plan *plan)
{
        int r = 0;

        if (plan->n > 1)
                qsort(plan->entries, plan->n, sizeof(*plan->entries), compare_entries);
        for (size_t i = 0; r >= 0 && i < survey->facts->n_conflicts; i++)
                if (address_is_ip(&survey->facts->conflicts[i].socket.local))
                        r = check_socket(survey, plan, i);
        for (size_t i = 0; r >= 0 && i < plan->n; i++)
                if (!plan->entries[i].met)
                        r = add_difference(survey, AIU_DIFFERENCE_MISSING, &plan->entries[i], SIZE_MAX);
        return r;
}

static void forget(struct aiu_survey *survey)
{
        while (survey->n_differences > 0)
                difference_finish(&survey->differences[--survey->n_differences]);
        survey->n_unverified = 0;
        forget_cut(survey);
}

AIU_EXPORT int aiu_survey_set_plan(struct aiu_survey *survey, const char *plan, unsigned int *ret_line)
{
        KEEP_ERRNO;
        struct plan parsed = { 0 };
        int r;

        if (ret_line && (!survey || !plan))
                *ret_line = 0;
        if (!survey || !plan)
                return -EINVAL;
        r = parse_plan(plan, &parsed, ret_line);
        if (r >= 0) {
                forget(survey);
                r = compare(survey, &parsed);
        }
        if (r == -ENOMEM)
                forget(survey);
        free(parsed.entries);
        return r;
}

/* ------------------------------------------------------ writing one */

/* A socket that has a line. */
struct line {
        const struct socket *socket;
        const char *owner; /* NULL = not known */
};

static int compare_lines(const void *a, const void *b)
{
        const struct line *x = a, *y = b;
        struct endpoint e = address_endpoint(&x->socket->local), f = address_endpoint(&y->socket->local);
        uint16_t p = address_port(&x->socket->local), q = address_port(&y->socket->local);
        int r;

        if (x->socket->protocol != y->socket->protocol)
                return x->socket->protocol < y->socket->protocol ? -1 : 1;
        if (p != q)
                return p < q ? -1 : 1;
        if (e.any != f.any)
                return e.any ? -1 : 1;
        r = memcmp(&e.ip, &f.ip, sizeof(e.ip));
        return r != 0 ? r : strcmp(x->owner ? x->owner : "", y->owner ? y->owner : "");
}

static bool same_line(const struct line *a, const struct line *b)
{
        return a->socket->protocol == b->socket->protocol && address_equal(&a->socket->local, &b->socket->local) &&
               same_owner(a->owner, b->owner);
}

/* A line names no network namespace: containers that are alike have one. */
static size_t list_lines(const struct aiu_survey *survey, struct line *lines)
{
        size_t n = 0;

        for (size_t i = 0; i < survey->facts->n_conflicts; i++) {
                const struct socket *s = &survey->facts->conflicts[i].socket;

                if (address_is_ip(&s->local) && !is_client(survey, s))
                        lines[n++] = (struct line){ .socket = s, .owner = survey->owners[i] };
        }
        if (survey->n_netns > 1 && n > 1)
                qsort(lines, n, sizeof(*lines), compare_lines);
        return n;
}

AIU_EXPORT int aiu_survey_to_plan(const struct aiu_survey *survey, char **ret_plan)
{
        KEEP_ERRNO;
        struct strbuf out = { 0 };
        struct line *lines;
        size_t n;

        if (!survey || !ret_plan)
                return -EINVAL;
        lines = calloc(survey->facts->n_conflicts + 1, sizeof(*lines));
        if (!lines)
                return -ENOMEM;
        n = list_lines(survey, lines);
        for (size_t i = 0; i < n; i++) {
                if (i > 0 && same_line(&lines[i - 1], &lines[i]))
                        continue;
                survey_put_address(&out, lines[i].socket);
                strbuf_printf(&out, " %s\n", lines[i].owner ? lines[i].owner : "*  # its owner was not visible");
        }
        free(lines);
        return strbuf_steal(&out, ret_plan);
}
