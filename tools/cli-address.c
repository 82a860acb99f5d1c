/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An address that addrinuse(1) is asked about. The library reads it, but for names of hosts: those of /etc/hosts are
 * put in here. No name server is asked: an answer about this machine must not wait for one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

#define MOST_ADDRESSES 16u

/* ------------------------------------------------------ one address */

static int read_request(const struct cli *cli, const char *text, struct request *request)
{
        struct aiu_query *query = NULL;
        int r = aiu_query_new(cli->context, &query);

        *request = (struct request){ .bytes = sizeof(request->address) };
        if (r >= 0 && cli->netns >= 0)
                r = aiu_query_set_netns(query, cli->netns);
        if (r >= 0 && cli->type)
                r = aiu_query_set_socket(query, cli->type, 0);
        if (r >= 0)
                r = aiu_query_set_address_text(query, text);
        if (r >= 0)
                r = aiu_query_get_address(query, (struct sockaddr *)&request->address, &request->bytes);
        if (r >= 0)
                r = aiu_query_get_socket(query, &request->type, &request->protocol);
        aiu_query_unref(query);
        return r;
}

bool cli_is_address(const struct cli *cli, const char *text)
{
        struct request request;

        return read_request(cli, text, &request) == 0;
}

static bool is_repeated(const struct requests *list, const struct request *one)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].bytes == one->bytes && list->items[i].type == one->type &&
                    list->items[i].protocol == one->protocol &&
                    memcmp(&list->items[i].address, &one->address, one->bytes) == 0)
                        return true;
        return false;
}

static int add(struct requests *list, const char *text, struct request *request)
{
        struct request *items;

        if (list->once && is_repeated(list, request))
                return 0;
        if (list->n >= CLI_MOST_REQUESTS) {
                cli_error("too many addresses: at most %u are allowed", CLI_MOST_REQUESTS);
                return -EINVAL;
        }
        request->text = strdup(text);
        items = request->text ? realloc(list->items, (list->n + 1) * sizeof(*items)) : NULL;
        if (!items) {
                free(request->text);
                return -ENOMEM;
        }
        list->items = items;
        items[list->n++] = *request;
        return 0;
}

void cli_free_requests(struct requests *list)
{
        for (size_t i = 0; i < list->n; i++)
                free(list->items[i].text);
        free(list->items);
        *list = (struct requests){ 0 };
}

/* ------------------------------------------------------ names of /etc/hosts */

static bool line_names(char *line, const char *name, char **ret_address)
{
        char *rest = line, *word;

        line[strcspn(line, "#\n")] = '\0';
        *ret_address = strtok_r(rest, " \t", &rest);
        while (*ret_address && (word = strtok_r(rest, " \t", &rest)))
                if (strcasecmp(word, name) == 0) /* hosts(5): names have no case */
                        return true;
        return false;
}

/* What is left of a line that was longer than the buffer is not a line of its own. */
static void skip_rest(FILE *file, const char *line)
{
        int c = strchr(line, '\n') ? '\n' : 0;

        while (c != '\n' && c != EOF)
                c = getc(file);
}

/* Every address that /etc/hosts has for the name, in brackets if it is IPv6. */
static size_t find_host(const char *name, char found[MOST_ADDRESSES][INET6_ADDRSTRLEN + 2])
{
        FILE *hosts = fopen("/etc/hosts", "re");
        char line[1024], *address;
        struct in6_addr ip;
        size_t n = 0;

        while (hosts && n < MOST_ADDRESSES && fgets(line, sizeof(line), hosts)) {
                skip_rest(hosts, line);
                if (!line_names(line, name, &address))
                        continue;
                if (inet_pton(AF_INET, address, &ip) == 1)
                        (void)snprintf(found[n], sizeof(found[n]), "%s", address);
                else if (inet_pton(AF_INET6, address, &ip) == 1)
                        (void)snprintf(found[n], sizeof(found[n]), "[%s]", address);
                else
                        continue;
                for (size_t i = 0; i <= n; i++)
                        if (i == n || strcmp(found[i], found[n]) == 0) {
                                n += i == n;
                                break;
                        }
        }
        if (hosts)
                fclose(hosts);
        return n;
}

bool cli_is_host(const char *name)
{
        char found[MOST_ADDRESSES][INET6_ADDRSTRLEN + 2];

        return find_host(name, found) > 0;
}

/* Where a name of a host may be: behind "tcp://", "udp:", a user's name, or in front. */
static size_t host_at(const char *text)
{
        const char *url = strstr(text, "://"), *start = url ? url + 3 : text, *end = start + strcspn(start, "/?#");
        const char *at = memchr(start, '@', (size_t)(end - start));

        if (!url && (strncasecmp(text, "tcp:", 4) == 0 || strncasecmp(text, "udp:", 4) == 0 ||
                     strncasecmp(text, "tcp/", 4) == 0 || strncasecmp(text, "udp/", 4) == 0))
                return 4;
        return (size_t)(url && at ? at + 1 - text : start - text);
}

/* A name with several addresses is several questions. 0 = no such name, 1 = all is done, < 0 = trouble. */
static int add_host(const struct cli *cli, const char *text, struct requests *list)
{
        char found[MOST_ADDRESSES][INET6_ADDRSTRLEN + 2], name[256], numeric[1024];
        size_t at = host_at(text), length = strcspn(text + at, ":/?#"), n;
        struct request request;
        int r = 0;

        if (length == 0 || length >= sizeof(name) || strchr(text, ' ') || (!text[at + length] && !strstr(text, "://")))
                return 0;
        memcpy(name, text + at, length);
        name[length] = '\0';
        n = find_host(name, found);
        for (size_t i = 0; i < n && r >= 0; i++) {
                int printed =
                        snprintf(numeric, sizeof(numeric), "%.*s%s%s", (int)at, text, found[i], text + at + length);

                r = printed < 0 || (size_t)printed >= sizeof(numeric) ? -EINVAL : read_request(cli, numeric, &request);
                if (r >= 0)
                        r = add(list, numeric, &request);
        }
        return r < 0 ? r : n > 0;
}

int cli_add_address(const struct cli *cli, const char *text, struct requests *list)
{
        struct request request;
        int r = strchr("/@.", *text) ? 0 : add_host(cli, text, list);

        if (r == 0) {
                r = read_request(cli, text, &request);
                if (r >= 0)
                        r = add(list, text, &request);
        }
        if (r == -ENOMEM)
                cli_error("%s", strerror(ENOMEM));
        else if (r < 0)
                cli_refuse(cli, text, r);
        return r < 0 ? r : 0;
}
