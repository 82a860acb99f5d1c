/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operands that are several addresses: lists and ranges of ports, and lines of text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ------------------------------------------------------ lists and ranges */

/* In front, behind "tcp/", and behind the only ":" or the one after "]": an IPv6 address alone has no port. */
static bool port_may_follow(const char *text, size_t at)
{
        if (at > 0 && text[at - 1] == ':')
                return strchr(text, ':') == text + at - 1 || (at > 1 && text[at - 2] == ']');
        return at == 0 || (at == 4 && (strncasecmp(text, "tcp/", 4) == 0 || strncasecmp(text, "udp/", 4) == 0));
}

/* "3000,3002-3004" in "127.0.0.1:3000,3002-3004/udp": its length; 0 = there is none. */
static size_t find_list(const char *text, size_t *ret_at)
{
        if (strpbrk(text, " \t@") || strchr("/.", *text))
                return 0;
        for (size_t at = 0, n; text[at]; at += n ? n : 1) {
                n = strspn(text + at, DIGITS ",-");
                if (text[at] == '-' || strcspn(text + at, ",-") >= n || !port_may_follow(text, at))
                        continue;
                if (text[at + n] == '\0' || text[at + n] == '/') {
                        *ret_at = at;
                        return n;
                }
        }
        return 0;
}

static int read_port(const char **text, unsigned long *ret)
{
        char *end;

        if (**text < '0' || **text > '9')
                return -EINVAL;
        *ret = strtoul(*text, &end, 10);
        *text = end;
        return *ret > 65535 ? -EINVAL : 0;
}

/* One part of the list. 1 = there is one, 0 = it is the end. */
static int next_range(const char **text, const char *end, unsigned long *ret_first, unsigned long *ret_last)
{
        if (*text >= end)
                return 0;
        if (read_port(text, ret_first) < 0)
                return -EINVAL;
        *ret_last = *ret_first;
        if (**text == '-') {
                ++*text;
                if (read_port(text, ret_last) < 0 || *ret_last < *ret_first)
                        return -EINVAL;
        }
        if (*text < end && (**text != ',' || ++*text == end))
                return -EINVAL;
        return 1;
}

/* How many ports they are; < 0: it is no list. */
static long count_ports(const char *text, const char *end)
{
        unsigned long first, last, n = 0;
        int r;

        while ((r = next_range(&text, end, &first, &last)) > 0)
                n += last - first + 1;
        return r < 0 ? r : (long)n;
}

static int add_ports(const struct cli *cli, const char *text, size_t at, size_t n, struct requests *list)
{
        const char *p = text + at, *end = p + n;
        unsigned long first, last;
        char one[512];
        int r = 0;

        while (r >= 0 && next_range(&p, end, &first, &last) > 0)
                for (unsigned long port = first; port <= last && r >= 0; port++) {
                        (void)snprintf(one, sizeof(one), "%.*s%lu%s", (int)at, text, port, end);
                        r = cli_add_address(cli, one, list);
                }
        return r;
}

static int add_list(const struct cli *cli, const char *text, size_t at, size_t n, struct requests *list)
{
        long ports = count_ports(text + at, text + at + n);

        if (ports < 0)
                cli_error("%s: a list of ports is written 3000,3002 or 3000-3010, each from 0 to 65535",
                          cli_safe(text));
        else if (ports > (long)CLI_MOST_REQUESTS)
                cli_error("%s: %ld ports, but at most %u are allowed", cli_safe(text), ports, CLI_MOST_REQUESTS);
        else
                return add_ports(cli, text, at, n, list);
        return -EINVAL;
}

/* ------------------------------------------------------ lines */

static bool has_any(const char *line, const char *const *words)
{
        for (; *words; words++)
                if (strcasestr(line, *words))
                        return true;
        return false;
}

/* A server that says where it listens complains of nothing. */
static bool complains(const char *line)
{
        static const char *const in_use[] = { "in use", "addrinuse", NULL };
        static const char *const calls[] = { "bind", "listen", NULL };
        static const char *const failures[] = { "fail",     "error",  "cannot", "can't", "could not",
                                                "couldn't", "unable", "denied", NULL };

        return has_any(line, in_use) || (has_any(line, calls) && has_any(line, failures));
}

/* The line without the blanks around it; NULL = there is no more. */
static char *next_line(char **text)
{
        char *line, *end;

        do {
                line = strsep(text, "\n");
                if (!line)
                        return NULL;
                line += strspn(line, " \t\r");
                end = line + strlen(line);
                while (end > line && strchr(" \t\r", end[-1]))
                        *--end = '\0';
                /* "}" ends what node prints. */
        } while (strcspn(line, DIGITS LETTERS) == strlen(line));
        return line;
}

static bool names_address(const struct cli *cli, const char *line)
{
        return strpbrk(line, " \t") && complains(line) && cli_is_address(cli, line);
}

/* The lines of a log that complain about an address: every other line is of no interest. */
static size_t add_log(const struct cli *cli, char *text, struct requests *list, int *ret)
{
        size_t found = 0;
        char *line;

        while (*ret >= 0 && (line = next_line(&text)))
                if (names_address(cli, line)) {
                        *ret = cli_add_address(cli, line, list);
                        found++;
                }
        return found;
}

/* No log, but addresses, each on a line: one that cannot be read is an error, as it is on the command line. */
static int add_each(const struct cli *cli, char *text, struct requests *list, size_t *ret_found)
{
        int r = 0, error;
        char *line;

        while ((line = next_line(&text)))
                if (!strpbrk(line, " \t")) {
                        error = cli_add(cli, line, list);
                        r = r < 0 ? r : error;
                        ++*ret_found;
                }
        return r;
}

static int add_lines(const struct cli *cli, const char *text, const char *name, struct requests *list)
{
        char *log = strdup(text), *plain = strdup(text);
        bool once = list->once;
        size_t found = 0;
        int r = 0;

        if (!log || !plain) {
                cli_error("%s", strerror(ENOMEM));
                r = -ENOMEM;
        } else {
                list->once = true;
                found = add_log(cli, log, list, &r);
                if (found == 0)
                        r = add_each(cli, plain, list, &found);
                list->once = once;
                if (found == 0) {
                        cli_error("%s: no line names an address (expected one as in \"address already in use "
                                  ":::3000\")",
                                  name);
                        r = -EINVAL;
                }
        }
        free(log);
        free(plain);
        return r;
}

static int add_input(const struct cli *cli, struct requests *list)
{
        char *text = NULL;
        size_t room = 0;
        int r;

        /* No zero byte is in a log: the whole input is one "line". */
        if (getdelim(&text, &room, '\0', stdin) < 0)
                r = add_lines(cli, "", "standard input", list);
        else
                r = add_lines(cli, text, "standard input", list);
        free(text);
        return r;
}

int cli_add(const struct cli *cli, const char *text, struct requests *list)
{
        size_t at = 0, n, end = strlen(text);

        while (end > 0 && strchr(" \t\r\n", text[end - 1]))
                end--;
        if (strcspn(text, "\n") < end)
                return add_lines(cli, text, "the text", list);
        n = end < 400 ? find_list(text, &at) : 0;
        return n > 0 ? add_list(cli, text, at, n, list) : cli_add_address(cli, text, list);
}

int cli_add_operand(const struct cli *cli, const char *text, struct requests *list)
{
        return strcmp(text, "-") == 0 ? add_input(cli, list) : cli_add(cli, text, list);
}
