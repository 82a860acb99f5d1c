/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said of an operand that is no address: one sentence, with what was expected
 * and, where one comes to mind, a guess. A guess is an address: it was tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"

/* "did you mean ...": the guess, if it is an address. */
static void say(const struct cli *cli, const char *text, const char *why, const char *guess)
{
        char safe[300];

        (void)snprintf(safe, sizeof(safe), "%s", cli_safe(text));
        if (guess && *guess && cli_is_address(cli, guess))
                cli_error("\"%s\": %s; did you mean %s?", safe, why, cli_safe(guess));
        else
                cli_error("\"%s\": %s", safe, why);
}

/* ------------------------------------------------------ nearly right words */

size_t cli_distance(const char *a, const char *b)
{
        size_t row[32], n = strlen(b);

        if (n >= sizeof(row) / sizeof(row[0]))
                return SIZE_MAX;
        for (size_t j = 0; j <= n; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t corner = row[0];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        size_t above = row[j], best = corner + (a[i - 1] != b[j - 1]);

                        if (above + 1 < best)
                                best = above + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        corner = above;
                        row[j] = best;
                }
        }
        return row[n];
}

static const char *near_protocol(const char *name)
{
        static const char *const protocols[] = { "tcp", "udp", "udplite", "sctp", "mptcp", "dccp" };

        for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
                if (cli_distance(name, protocols[i]) <= 2)
                        return protocols[i];
        return "tcp";
}

/* The letters that are mistaken for digits, turned back: "3o00" is 3000. */
static void digits_of(const char *text, char *to, size_t bytes)
{
        static const char letters[] = "oOlIsSB", digits[] = "0011558";
        size_t n = 0;

        for (; *text && n + 1 < bytes; text++) {
                const char *at = strchr(letters, *text);

                if (strchr(DIGITS, *text))
                        to[n++] = *text;
                else if (at)
                        to[n++] = digits[at - letters];
        }
        to[n] = '\0';
}

/* ------------------------------------------------------ what is wrong */

static void refuse_unix(const struct cli *cli, const char *text)
{
        char why[80];

        (void)snprintf(why, sizeof(why), "longer than the %zu bytes of a socket's name",
                       sizeof(((struct sockaddr_un *)NULL)->sun_path));
        say(cli, text, why, NULL);
}

static void refuse_brackets(const struct cli *cli, const char *text)
{
        char guess[300];
        size_t n = strcspn(text + 1, "]");

        (void)snprintf(guess, sizeof(guess), "[%.*s]:%s", (int)n, text + 1, text[n + 1] == ']' ? "8080" : "");
        say(cli, text, "an address in brackets is written [ADDRESS]:PORT", guess);
}

static void refuse_protocol(const struct cli *cli, const char *text)
{
        const char *slash = strrchr(text, '/');
        char guess[300];

        (void)snprintf(guess, sizeof(guess), "%.*s/%s", (int)(slash - text), text, near_protocol(slash + 1));
        say(cli, text, "no such protocol (tcp, udp, udplite, sctp, mptcp, dccp)", guess);
}

/* More than one colon, and no brackets. */
static void refuse_ipv6(const struct cli *cli, const char *text)
{
        struct in6_addr ip;
        char guess[300] = "";

        if (inet_pton(AF_INET6, text, &ip) == 1)
                (void)snprintf(guess, sizeof(guess), "[%s]:8080", text);
        say(cli, text, "an address with a port is written 127.0.0.1:PORT or [::1]:PORT", guess);
}

/* "127.0.0.1" and "localhost". */
static void refuse_address_alone(const struct cli *cli, const char *text)
{
        char guess[300];

        (void)snprintf(guess, sizeof(guess), "%s:8080", text);
        say(cli, text, "an address without a port, which is written ADDRESS:PORT", guess);
}

static void refuse_host(const struct cli *cli, const char *text)
{
        say(cli, text, "the host is not an IP address and not in /etc/hosts (name servers are not asked)", NULL);
}

static void refuse_port(const struct cli *cli, const char *text)
{
        const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
        char guess[300], digits[16];

        digits_of(port, digits, sizeof(digits));
        (void)snprintf(guess, sizeof(guess), "%.*s%s", (int)(port - text), text, digits);
        if (strspn(port, DIGITS "-+") == strlen(port))
                say(cli, text, "not a port (0 to 65535)", NULL);
        else
                say(cli, text, "not a port (0 to 65535), and no service of that name",
                    strchr(DIGITS, *port) ? guess : NULL);
}

static void refuse_word(const struct cli *cli, const char *text)
{
        char path[300];

        (void)snprintf(path, sizeof(path), "./%s", text);
        if (strstr(text, ".sock") || access(path, F_OK) == 0)
                say(cli, text, "not a port, and no service of that name", path);
        else
                refuse_port(cli, text);
}

static bool is_host(const char *text)
{
        struct in_addr ip;

        return inet_pton(AF_INET, text, &ip) == 1 || strcasecmp(text, "localhost") == 0 || cli_is_host(text);
}

static bool slash_ends_port(const struct cli *cli, const char *text)
{
        char head[300];
        size_t n = strcspn(text, "/");

        if (n == 0 || n >= sizeof(head) || text[n] != '/')
                return false;
        memcpy(head, text, n);
        head[n] = '\0';
        return cli_is_address(cli, head);
}

/* Is what stands before the port an address that is known? */
static bool host_is_good(const struct cli *cli, const char *text)
{
        const char *colon = strrchr(text, ':');
        char guess[300];

        (void)snprintf(guess, sizeof(guess), "%.*s:1", (int)(colon ? colon - text : 0), text);
        return !colon || cli_is_address(cli, guess);
}

static void refuse_host_and_port(const struct cli *cli, const char *text)
{
        const char *colon = strchr(text, ':');

        if (slash_ends_port(cli, text))
                refuse_protocol(cli, text);
        else if (is_host(text))
                refuse_address_alone(cli, text);
        else if (host_is_good(cli, text))
                (colon ? refuse_port : refuse_word)(cli, text);
        else if (colon != strrchr(text, ':'))
                refuse_ipv6(cli, text);
        else
                refuse_host(cli, text);
}

void cli_refuse(const struct cli *cli, const char *text, int error)
{
        if (error == -ENODEV)
                say(cli, text, "no such interface", NULL);
        else if (!*text)
                say(cli, text, "not a port: expected a port such as 8080, or ADDRESS:PORT", NULL);
        else if (strpbrk(text, " \t"))
                say(cli, text, "no address found: expected one such as 127.0.0.1:8080, or a line that has one", NULL);
        else if (strchr("/@.", *text) || strncasecmp(text, "unix:", 5) == 0)
                refuse_unix(cli, text);
        else if (*text == '[')
                refuse_brackets(cli, text);
        else if (strstr(text, "://"))
                refuse_host(cli, text);
        else
                refuse_host_and_port(cli, text);
}
