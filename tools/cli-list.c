/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operands that are several addresses: lists and ranges of ports, and lines of text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

#define MOST_PORTS 1000u
#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ------------------------------------------------------ lists and ranges */

/* Behind ":" or "tcp/" there is a port, and in front. */
static bool port_may_follow(const char *text, size_t at)
{
        return at == 0 || text[at - 1] == ':' ||
               (at == 4 && (strncasecmp(text, "tcp/", 4) == 0 || strncasecmp(text, "udp/", 4) == 0));
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
        else if (ports > (long)MOST_PORTS)
                cli_error("%s: %ld ports, and at most %u can be asked about at once", cli_safe(text), ports,
                          MOST_PORTS);
        else
                return add_ports(cli, text, at, n, list);
        return -EINVAL;
}

/* ------------------------------------------------------ lines */

/* In a whole log, only the lines that complain about an address name one. */
static bool complains(const char *line)
{
        static const char *const words[] = { "in use", "addrinuse", "bind", "listen" };

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcasestr(line, words[i]))
                        return true;
        return false;
}

/* 1 = it named an address, 0 = it is a line of no interest. */
static int add_line(const struct cli *cli, char *line, struct requests *list)
{
        size_t n = list->n;

        line += strspn(line, " \t\r\n");
        for (size_t end = strlen(line); end > 0 && strchr(" \t\r\n", line[end - 1]); end--)
                line[end - 1] = '\0';
        /* "}" ends what node prints. */
        if (strcspn(line, DIGITS LETTERS) == strlen(line))
                return 0;
        if (strpbrk(line, " \t") && (!complains(line) || !cli_is_address(cli, line)))
                return 0;
        return cli_add(cli, line, list) < 0 ? -EINVAL : list->n > n || list->once;
}

static int add_lines(const struct cli *cli, FILE *from, const char *name, struct requests *list)
{
        size_t bytes = 0, found = 0;
        bool wrong = false, once = list->once;
        char *line = NULL;

        list->once = true;
        while (getline(&line, &bytes, from) >= 0) {
                int r = add_line(cli, line, list);

                wrong = wrong || r < 0;
                found += r > 0;
        }
        free(line);
        list->once = once;
        if (found == 0 && !wrong) {
                cli_error("%s: no line of it names an address, as \"address already in use :::3000\" does", name);
                wrong = true;
        }
        return wrong ? -EINVAL : 0;
}

static int add_pasted(const struct cli *cli, const char *text, struct requests *list)
{
        FILE *lines = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
        int r = lines ? add_lines(cli, lines, "the text", list) : -ENOMEM;

        if (lines)
                fclose(lines);
        else
                cli_error("%s", strerror(ENOMEM));
        return r;
}

int cli_add(const struct cli *cli, const char *text, struct requests *list)
{
        size_t at = 0, n, end = strlen(text);

        while (end > 0 && strchr(" \t\r\n", text[end - 1]))
                end--;
        if (strcspn(text, "\n") < end)
                return add_pasted(cli, text, list);
        n = end < 400 ? find_list(text, &at) : 0;
        return n > 0 ? add_list(cli, text, at, n, list) : cli_add_address(cli, text, list);
}

int cli_add_operand(const struct cli *cli, const char *text, struct requests *list)
{
        return strcmp(text, "-") == 0 ? add_lines(cli, stdin, "standard input", list) : cli_add(cli, text, list);
}
