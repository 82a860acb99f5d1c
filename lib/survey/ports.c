/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bound-only, public-debug, ephemeral-range: what is odd about a port. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "survey/survey.h"
#include "util/macro.h"

#define PORTS 65536u

/* ------------------------------------------------------ bound-only */

/* A container engine keeps the ports of its containers like that. */
static bool reserves_ports(const struct aiu_holder *h)
{
        static const char *const names[] = { "dockerd", "conmon", "podman", "rootlessport", "containerd" };

        return h && h->process && is_one_of(h->process->comm, names, ELEMENTSOF(names));
}

static int look_for_bound(struct aiu_survey *survey, size_t i)
{
        const struct socket *s = &survey->facts->conflicts[i].socket;
        struct hazard_draft draft = {
                .kind = AIU_HAZARD_BOUND_ONLY, .severity = AIU_SEVERITY_WARNING, .sockets = &i, .n_sockets = 1
        };

        if (s->protocol != IPPROTO_TCP || s->state != AIU_STATE_BOUND || s->maybe_unbound)
                return 0;
        if (reserves_ports(survey_master(survey, i)))
                draft.severity = AIU_SEVERITY_INFO;
        survey_put_socket(&draft.text, survey, i);
        strbuf_str(&draft.text, " is bound but does not listen: no client can connect, and no other program can have "
                                "the port");
        strbuf_str(&draft.fix, "call listen() on the socket, or close it");
        return hazard_add(survey, &draft);
}

/* ------------------------------------------------------ public-debug */

/* Who reaches such a port needs no password, or runs code. The program counts: the number alone proves nothing. */
static const struct {
        uint16_t port;
        const char *program; /* the beginning of its name */
        const char *what;
} debug_ports[] = {
        { 2345, "dlv", "the debugger Delve" },
        { 2375, "dockerd", "the Docker API without TLS" },
        { 2379, "etcd", "the database etcd" },
        { 5005, "java", "the debugger of a Java program (JDWP)" },
        { 5678, "python", "the debugger debugpy" },
        { 5678, "debugpy", "the debugger debugpy" },
        { 6060, "pprof", "the profiler of a Go program" },
        { 6379, "redis-server", "the database Redis" },
        { 6379, "valkey-server", "the database Valkey" },
        { 8888, "jupyter", "Jupyter, which runs code" },
        { 9200, "java", "the database Elasticsearch" },
        { 9222, "chrom", "the debugger of Chrome" },
        { 9229, "node", "the debugger of Node.js" },
        { 11211, "memcached", "the cache memcached" },
        { 27017, "mongod", "the database MongoDB" },
};

static bool begins_with(const char *name, const char *beginning)
{
        return name && strncmp(name, beginning, strlen(beginning)) == 0;
}

static bool is_program(const struct process *p, const char *name)
{
        const char *slash = p->exe ? strrchr(p->exe, '/') : NULL;

        return begins_with(slash ? slash + 1 : NULL, name) || begins_with(p->comm, name) || begins_with(p->label, name);
}

static const char *debugger_on(const struct socket *s, const struct aiu_holder *h)
{
        for (size_t i = 0; i < ELEMENTSOF(debug_ports); i++)
                if (debug_ports[i].port == address_port(&s->local) && is_program(h->process, debug_ports[i].program))
                        return debug_ports[i].what;
        return NULL;
}

static int look_for_debugger(struct aiu_survey *survey, size_t i)
{
        const struct socket *s = &survey->facts->conflicts[i].socket;
        const struct aiu_holder *h = survey_master(survey, i);
        struct hazard_draft draft = {
                .kind = AIU_HAZARD_PUBLIC_DEBUG, .severity = AIU_SEVERITY_WARNING, .sockets = &i, .n_sockets = 1
        };
        const char *what;
        bool here = s->netns == 0;

        if (s->state != AIU_STATE_LISTEN || !address_is_wildcard(&s->local) || s->ifindex != 0 || !h || !h->process)
                return 0;
        what = debugger_on(s, h);
        if (!what)
                return 0;
        survey_put_process(&draft.text, h);
        strbuf_str(&draft.text, " listens on ");
        survey_put_address(&draft.text, s);
        strbuf_printf(&draft.text, ", the usual port of %s, and on every address of %s", what,
                      here ? "this host" : "its network namespace");
        /* Whether others reach a container is decided outside of it. At 127.0.0.1 none could. */
        if (here)
                strbuf_str(&draft.fix, "bind the port to 127.0.0.1, unless a firewall protects it");
        else
                draft.severity = AIU_SEVERITY_INFO;
        return hazard_add(survey, &draft);
}

/* ------------------------------------------------------ ephemeral-range */

struct port_set {
        unsigned char bits[PORTS / 8];
};

static bool has_port(const struct port_set *set, unsigned int port)
{
        return set->bits[port / 8] & (1u << port % 8);
}

static void add_port(struct port_set *set, unsigned int port)
{
        set->bits[port / 8] |= (unsigned char)(1u << port % 8);
}

/* "8080,9148-9150", as the kernel prints it. Returns false if it is something else. */
static bool parse_ports(const char *text, struct port_set *set)
{
        while (*text && *text != '\n') {
                unsigned long first, last;
                char *end;

                first = last = strtoul(text, &end, 10);
                if (end == text || first >= PORTS)
                        return false;
                text = end;
                if (*text == '-') {
                        last = strtoul(text + 1, &end, 10);
                        if (end == text + 1 || last >= PORTS)
                                return false;
                        text = end;
                }
                for (unsigned long port = first; port <= last; port++)
                        add_port(set, (unsigned int)port);
                if (*text == ',')
                        text++;
        }
        return true;
}

static void print_ports(struct strbuf *out, const struct port_set *set)
{
        bool any = false;

        for (unsigned int port = 0; port < PORTS; port++) {
                unsigned int last = port;

                if (!has_port(set, port))
                        continue;
                while (last + 1 < PORTS && has_port(set, last + 1))
                        last++;
                strbuf_printf(out, "%s%u", any ? "," : "", port);
                if (last > port)
                        strbuf_printf(out, "-%u", last);
                any = true;
                port = last;
        }
}

static bool has_number(const char *text, size_t n, unsigned int number)
{
        for (size_t i = 0; i < n;) {
                size_t length = 0;
                unsigned int value = 0;

                for (; i + length < n && text[i + length] >= '0' && text[i + length] <= '9'; length++)
                        if (value < PORTS)
                                value = value * 10 + (unsigned int)(text[i + length] - '0');
                if (length > 0 && value == number)
                        return true;
                i += length > 0 ? length : 1;
        }
        return false;
}

/*
 * Did the program ask for this port, or for any (port 0)? inet_csk_find_open_port() tries each second port of the range
 * first, and leaves those with the parity of the first one to connect(). All else is not known.
 */
static bool was_asked_for(const struct aiu_survey *survey, const struct host *host, size_t i)
{
        unsigned int port = address_port(&survey->facts->conflicts[i].socket.local);
        const struct aiu_holder *h = survey_master(survey, i);
        const char *owner = survey->owners[i];

        if ((port - (unsigned int)host->port_range_first) % 2 == 0)
                return true;
        if (owner && ends_with(owner, strlen(owner), ".socket"))
                return true;
        return h && h->process && h->process->cmdline &&
               has_number(h->process->cmdline, h->process->cmdline_bytes, port);
}

/* What the sockets of one network namespace are judged by. */
struct place {
        const struct host *host;
        uint32_t netns;
};

static bool is_in_range(const struct socket *s, const struct place *place)
{
        int port = address_port(&s->local);

        return s->netns == place->netns && s->protocol == IPPROTO_TCP && s->state == AIU_STATE_LISTEN &&
               port >= place->host->port_range_first && port <= place->host->port_range_last;
}

/* Of UDP a socket in the range is a client's as a rule. A TCP listener there is a server. */
static size_t list_ephemeral(const struct aiu_survey *survey, const struct place *place,
                             const struct port_set *reserved, bool asked_for, size_t *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < survey->facts->n_conflicts; i++) {
                const struct socket *s = &survey->facts->conflicts[i].socket;

                if (is_in_range(s, place) && !has_port(reserved, address_port(&s->local)) &&
                    was_asked_for(survey, place->host, i) == asked_for)
                        ret[n++] = i;
        }
        return n;
}

/* The sysctl is one of the network namespace. `enter`: the option that enters it; "" = it is the caller's own. */
static void put_command(struct hazard_draft *draft, const char *enter, const char *assignment)
{
        size_t n = 0;

        if (!enter)
                return;
        if (*enter) {
                draft->argv[n++] = "nsenter";
                draft->argv[n++] = enter;
                draft->argv[n++] = "--";
        }
        draft->argv[n++] = "sysctl";
        draft->argv[n++] = "-w";
        draft->argv[n] = assignment;
}

/* `assignment` NULL: the kernel may have chosen these ports, and will choose others the next time. */
static int say_ephemeral(struct aiu_survey *survey, const struct place *place, const size_t *sockets, size_t n,
                         const char *assignment, const char *enter)
{
        struct hazard_draft draft = { .kind = AIU_HAZARD_EPHEMERAL_RANGE,
                                      .severity = assignment ? AIU_SEVERITY_WARNING : AIU_SEVERITY_INFO,
                                      .sockets = sockets,
                                      .n_sockets = n };

        survey_put_socket(&draft.text, survey, sockets[0]);
        if (n > 1)
                strbuf_printf(&draft.text, " and %zu other listener%s are", n - 1, n == 2 ? "" : "s");
        else
                strbuf_str(&draft.text, " is");
        strbuf_printf(&draft.text,
                      " in the range of ports %d-%d that the kernel gives to clients: while the server is down, any "
                      "connection may take the port%s",
                      place->host->port_range_first, place->host->port_range_last,
                      assignment ? "" : ". If the server asked for any port, this is no hazard");
        if (assignment)
                put_command(&draft, enter, assignment);
        if (assignment)
                strbuf_printf(&draft.fix, "if the port is a fixed one, reserve it: needs root, lasts %s",
                              place->netns == 0 ? "until the next boot" : "as long as the namespace");
        else
                strbuf_str(&draft.fix, "if the port is a fixed one, add it to net.ipv4.ip_local_reserved_ports");
        return hazard_add(survey, &draft);
}

static int reserve(struct aiu_survey *survey, const struct place *place, struct port_set *set, const size_t *sockets,
                   size_t n)
{
        struct strbuf assignment = { 0 }, enter = { 0 };
        const char *path = place->netns > 0 ? survey->netns[place->netns].path : NULL;
        int r;

        for (size_t i = 0; i < n; i++)
                add_port(set, address_port(&survey->facts->conflicts[sockets[i]].socket.local));
        strbuf_str(&assignment, "net.ipv4.ip_local_reserved_ports=");
        print_ports(&assignment, set);
        if (path)
                strbuf_printf(&enter, "--net=%s", path);
        r = assignment.error || enter.error
                    ? -ENOMEM
                    : say_ephemeral(survey, place, sockets, n, assignment.text, place->netns > 0 ? enter.text : "");
        strbuf_finish(&assignment);
        strbuf_finish(&enter);
        return r;
}

/* 1 = which ports are reserved is not known, and matters. */
static int find_ephemeral(struct aiu_survey *survey, const struct place *place, struct port_set *set, size_t *sockets)
{
        size_t n;
        int r = 0;

        if (place->host->port_range_first <= 0)
                return 0;
        /* The command replaces the whole list: of a list that was not read, it would drop the rest. */
        if (!place->host->reserved_ports || !parse_ports(place->host->reserved_ports, set)) {
                for (size_t i = 0; i < survey->facts->n_conflicts; i++)
                        if (is_in_range(&survey->facts->conflicts[i].socket, place))
                                return 1;
                return 0;
        }
        n = list_ephemeral(survey, place, set, false, sockets);
        if (n > 0)
                r = say_ephemeral(survey, place, sockets, n, NULL, NULL);
        n = list_ephemeral(survey, place, set, true, sockets);
        return r < 0 || n == 0 ? r : reserve(survey, place, set, sockets, n);
}

static int hazards_ephemeral(struct aiu_survey *survey, const struct place *place)
{
        struct port_set *set = calloc(1, sizeof(*set));
        size_t *sockets = calloc(survey->facts->n_conflicts + 1, sizeof(*sockets));
        int r = set && sockets ? find_ephemeral(survey, place, set, sockets) : -ENOMEM;

        free(sockets);
        free(set);
        return r;
}

int hazards_ports(struct aiu_survey *survey, const struct host *host, uint32_t netns)
{
        const struct place place = { .host = host, .netns = netns };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < survey->facts->n_conflicts; i++) {
                if (survey->facts->conflicts[i].socket.netns != netns)
                        continue;
                r = look_for_debugger(survey, i);
                if (r >= 0)
                        r = look_for_bound(survey, i);
        }
        return r < 0 ? r : hazards_ephemeral(survey, &place);
}
