/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The query from what people type. The text is read in rules/address-text.c; here are
 * the names in it that take a look at the system: an interface, a service. /etc/services
 * is read as a file: getservbyname(3) may load a module, or ask a server.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "query/context.h"
#include "rules/address-text.h"
#include "rules/address.h"
#include "util/macro.h"
#include "util/sys.h"

#define SERVICES_BYTES (4u << 20)

static bool line_has_name(char *rest, const char *name)
{
        for (char *word; (word = strtok_r(rest, " \t\r", &rest));)
                if (strcmp(word, name) == 0)
                        return true;
        return false;
}

/* "http 80/tcp www": the port of `name`, its first word or a later one; -1 = not in this line. */
static int line_port(char *line, const char *name, const char *protocol)
{
        char *rest = line, *official, *number, *slash;
        unsigned long port;

        line[strcspn(line, "#")] = '\0';
        official = strtok_r(rest, " \t\r", &rest);
        number = official ? strtok_r(rest, " \t\r", &rest) : NULL;
        if (!number || !(slash = strchr(number, '/')) || strcmp(slash + 1, protocol) != 0)
                return -1;
        if (strcmp(official, name) != 0 && !line_has_name(rest, name))
                return -1;
        if (!consists_of(number, (size_t)(slash - number), "0123456789"))
                return -1;
        port = strtoul(number, NULL, 10);
        return port > 0 && port <= UINT16_MAX ? (int)port : -1;
}

static int find_service(const char *services, const char *name, const char *protocol)
{
        char line[512];
        int port = -1;

        for (const char *at = services; *at && port < 0; at += strspn(at, "\n")) {
                size_t n = strcspn(at, "\n"), kept = n < sizeof(line) ? n : sizeof(line) - 1;

                memcpy(line, at, kept);
                line[kept] = '\0';
                port = line_port(line, name, protocol);
                at += n;
        }
        return port;
}

/* A service that UDP alone has is a question about UDP, unless the text or the caller chose. */
static int resolve_service(const struct aiu_query *query, struct address_text *t)
{
        int type = t->type ? t->type : query->socket_set ? query->request.type : 0, port, r;
        char *services;
        size_t bytes;

        if (!t->service[0])
                return 0;
        r = sys_read_file_alloc(AT_FDCWD, "/etc/services", SERVICES_BYTES, &services, &bytes);
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        port = find_service(services, t->service, type == SOCK_DGRAM ? "udp" : "tcp");
        if (port < 0 && type == 0) {
                port = find_service(services, t->service, "udp");
                t->type = SOCK_DGRAM;
                t->protocol = IPPROTO_UDP;
        }
        free(services);
        if (port < 0)
                return -EINVAL;
        address_set_port(&t->address, (uint16_t)port);
        return 0;
}

static void set_socket(struct request *request, const struct address_text *t, bool chosen)
{
        bool is_ip = address_is_ip(&t->address);

        if (chosen && (t->type == 0 || address_is_vsock(&t->address)))
                return;
        request->type = t->type ? t->type : SOCK_STREAM;
        request->protocol = t->type ? t->protocol : is_ip ? IPPROTO_TCP : 0;
}

AIU_EXPORT int aiu_query_set_address_text(struct aiu_query *query, const char *text)
{
        KEEP_ERRNO;
        struct address_text t;
        int r;

        if (!query)
                return -EINVAL;
        r = address_text_parse(text, &t);
        if (r >= 0)
                r = resolve_service(query, &t);
        if (r >= 0 && t.scope[0])
                r = query_parse_scope(query, t.scope, &t.address.sa.in6.sin6_scope_id);
        if (r >= 0)
                r = aiu_query_set_address(query, &t.address.sa.any, t.address.len);
        if (r < 0)
                return r;
        query->request.every_address = t.every_address;
        query_keep_family(&query->request);
        set_socket(&query->request, &t, query->socket_set);
        return 0;
}

AIU_EXPORT int aiu_query_get_address(const struct aiu_query *query, struct sockaddr *ret, socklen_t *bytes)
{
        const struct address *address;

        if (!query || !bytes || (!ret && *bytes > 0))
                return -EINVAL;
        if (!query->address_set)
                return -ENODATA;
        address = &query->request.address;
        if (*bytes > 0)
                memcpy(ret, &address->sa, *bytes < address->len ? *bytes : address->len);
        *bytes = address->len;
        return 0;
}

AIU_EXPORT int aiu_query_get_socket(const struct aiu_query *query, int *ret_type, int *ret_protocol)
{
        if (!query)
                return -EINVAL;
        if (ret_type)
                *ret_type = query->request.type;
        if (ret_protocol)
                *ret_protocol = query->request.protocol;
        return 0;
}
