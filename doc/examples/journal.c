/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report as structured fields of systemd's journal. The native protocol is one datagram to
 * /run/systemd/journal/socket, with lines of FIELD=value. A value that contains a newline is sent
 * as FIELD, a newline, the length as 64 little-endian bits, the value, a newline. See
 * https://systemd.io/JOURNAL_NATIVE_PROTOCOL. This needs no library.
 *
 *     journalctl -o verbose MESSAGE_ID=3c8e1f7a95d24b0c8a6d57e1b2f49d60
 *     journalctl AIU_UNIT=nginx.service
 */
#include "journal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static void put_bytes(FILE *out, const char *field, const char *value, size_t bytes)
{
        if (!memchr(value, '\n', bytes)) {
                fprintf(out, "%s=", field);
        } else {
                fprintf(out, "%s\n", field);
                for (unsigned int i = 0; i < 8; i++)
                        putc((int)((uint64_t)bytes >> (8 * i) & 0xff), out);
        }
        fwrite(value, 1, bytes, out);
        putc('\n', out);
}

/* NULL means "not known": the field is omitted, and a search for it does not find this entry. */
static void put(FILE *out, const char *field, const char *value)
{
        if (value && *value)
                put_bytes(out, field, value, strlen(value));
}

static void put_number(FILE *out, const char *field, long number)
{
        if (number > 0)
                fprintf(out, "%s=%ld\n", field, number);
}

static const char *protocol_name(int protocol)
{
        switch (protocol) {
        case IPPROTO_TCP:
                return "tcp";
        case IPPROTO_UDP:
                return "udp";
        case IPPROTO_SCTP:
                return "sctp";
        default:
                return NULL;
        }
}

/* Of an IPv4 or IPv6 socket. */
static void put_address(FILE *out, const struct aiu_report *report)
{
        const struct sockaddr *address = aiu_report_get_address(report, NULL);
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        char text[INET6_ADDRSTRLEN];

        if (!address || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
                return;
        if (address->sa_family == AF_INET)
                put(out, "AIU_ADDRESS", inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)));
        else
                put(out, "AIU_ADDRESS", inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)));
        put_number(out, "AIU_PORT", ntohs(address->sa_family == AF_INET ? in->sin_port : in6->sin6_port));
        put(out, "AIU_PROTOCOL", protocol_name(aiu_report_get_protocol(report)));
}

/* The first holder of the first conflict: the fields that people search for. */
static void put_holder(FILE *out, const struct aiu_report *report)
{
        const struct aiu_conflict *conflict = aiu_report_get_conflict(report, 0);
        const struct aiu_holder *holder = aiu_conflict_get_holder(conflict, 0);

        if (!conflict)
                return;
        put(out, "AIU_REASON", aiu_reason_to_string(aiu_conflict_get_reason(conflict)));
        put(out, "AIU_STATE", aiu_state_to_string(aiu_conflict_get_state(conflict)));
        if (!holder)
                return;
        put(out, "AIU_HOLDER", aiu_holder_kind_to_string(aiu_holder_get_kind(holder)));
        put_number(out, "AIU_PID", (long)aiu_holder_get_pid(holder));
        put(out, "AIU_COMM", aiu_holder_get_comm(holder));
        put(out, "AIU_EXE", aiu_holder_get_exe(holder));
        put(out, "AIU_UNIT", aiu_holder_get_unit(holder));
        put(out, "AIU_CONTAINER", aiu_holder_get_container(holder));
}

static void put_report(FILE *out, const struct aiu_report *report)
{
        char *json = NULL;

        put(out, "MESSAGE", aiu_report_get_summary(report));
        put(out, "MESSAGE_ID", JOURNAL_ADDRESS_IN_USE);
        put(out, "AIU_SUMMARY", aiu_report_get_summary(report));
        put_number(out, "ERRNO", aiu_report_get_error(report));
        put_number(out, "AIU_ERRNO", aiu_report_get_error(report));
        fputs("AIU_REPEATS=0\n", out);
        put_address(out, report);
        put(out, "AIU_VERDICT", aiu_verdict_to_string(aiu_report_get_verdict(report)));
        put(out, "AIU_CALL", aiu_call_to_string(aiu_report_get_call(report)));
        put_holder(out, report);
        /* A field may occur more than once: here, for each action that may be enough. */
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);

                if (aiu_action_is_sufficient(action) == AIU_TRISTATE_NO)
                        continue;
                put(out, "AIU_ACTION", aiu_action_kind_to_string(aiu_action_get_kind(action)));
                put(out, "AIU_ACTION_TEXT", aiu_action_get_text(action));
        }
        if (aiu_report_to_json(report, 0, &json) == 0)
                put(out, "AIU_REPORT", json);
        free(json);
}

static int send_datagram(const char *bytes, size_t n)
{
        const struct sockaddr_un journal = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

        if (fd < 0)
                return -errno;
        /* A slow journal must not keep a daemon from exiting. */
        if (sendto(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&journal, sizeof(journal)) < 0)
                r = -errno;
        close(fd);
        return r;
}

int journal_send_report(const char *identifier, int priority, const struct aiu_report *report)
{
        char *bytes = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&bytes, &n);
        int r = -ENOMEM;

        if (!out)
                return -ENOMEM;
        put(out, "SYSLOG_IDENTIFIER", identifier);
        fprintf(out, "PRIORITY=%d\n", priority);
        put_report(out, report);
        if (fclose(out) == 0)
                r = send_datagram(bytes, n);
        free(bytes);
        return r;
}
