/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An event as structured fields of systemd's journal: one datagram, lines of FIELD=value. A value that has a newline
 * has its length in front. See https://systemd.io/JOURNAL_NATIVE_PROTOCOL.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "event.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* NULL or empty means "not known": the field is left out. */
static void put(FILE *out, const char *field, const char *value)
{
        size_t bytes = value ? strlen(value) : 0;

        if (bytes == 0)
                return;
        if (!strchr(value, '\n')) {
                fprintf(out, "%s=%s\n", field, value);
                return;
        }
        fprintf(out, "%s\n", field);
        for (unsigned int i = 0; i < 8; i++)
                (void)putc((int)((uint64_t)bytes >> (8 * i) & 0xff), out);
        fprintf(out, "%s\n", value);
}

static void put_number(FILE *out, const char *field, unsigned long long number)
{
        if (number > 0)
                fprintf(out, "%s=%llu\n", field, number);
}

static void put_unix(FILE *out, const struct sockaddr_un *un, socklen_t bytes)
{
        size_t n = bytes > offsetof(struct sockaddr_un, sun_path) ? bytes - offsetof(struct sockaddr_un, sun_path) : 0;
        char name[sizeof(un->sun_path) + 1], *ascii = NULL;

        memcpy(name, un->sun_path, n);
        if (n > 0 && name[0] == '\0')
                name[0] = '@';
        else
                n = strnlen(name, n);
        if (aiu_escape(name, n, &ascii) == 0)
                put(out, "AIU_ADDRESS", ascii);
        free(ascii);
}

static void put_address(FILE *out, const struct aiu_report *report)
{
        char text[INET6_ADDRSTRLEN] = "";
        socklen_t bytes = 0;
        const struct sockaddr *address = aiu_report_get_address(report, &bytes);
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

        if (!address)
                return;
        if (address->sa_family == AF_UNIX) {
                put_unix(out, (const struct sockaddr_un *)(const void *)address, bytes);
                put(out, "AIU_PROTOCOL", "unix");
                return;
        }
        if (address->sa_family == AF_INET)
                put(out, "AIU_ADDRESS", inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)));
        else if (address->sa_family == AF_INET6)
                put(out, "AIU_ADDRESS", inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)));
        else
                return;
        put_number(out, "AIU_PORT", ntohs(address->sa_family == AF_INET ? in->sin_port : in6->sin6_port));
        put(out, "AIU_PROTOCOL",
            aiu_protocol_to_string(address->sa_family, aiu_report_get_type(report), aiu_report_get_protocol(report)));
}

/* The first holder of the first conflict: the fields that people search for. */
static void put_holder(FILE *out, const struct aiu_report *report)
{
        const struct aiu_conflict *conflict = aiu_report_get_conflict(report, 0);
        const struct aiu_holder *holder = aiu_conflict_get_holder(conflict, 0);

        if (!conflict)
                return;
        put(out, "AIU_REASON", aiu_reason_to_string(aiu_conflict_get_reason(conflict)));
        if (!holder)
                return;
        put_number(out, "AIU_PID", (unsigned long long)aiu_holder_get_pid(holder));
        put(out, "AIU_COMM", aiu_holder_get_comm(holder));
        put(out, "AIU_EXE", aiu_holder_get_exe(holder));
        put(out, "AIU_UNIT", aiu_holder_get_unit(holder));
        put(out, "AIU_CONTAINER", aiu_holder_get_container(holder));
}

static void put_escaped(FILE *out, const char *field, const char *bytes)
{
        char *ascii = NULL;

        if (*bytes && aiu_escape(bytes, strlen(bytes), &ascii) == 0)
                put(out, field, ascii);
        free(ascii);
}

/* As journald writes it, and only what a unit can be called: a cgroup may have any name. */
static void put_unit(FILE *out, const struct event *event)
{
        static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

        if (event->unit[strspn(event->unit, characters)] == '\0')
                put(out, event->of_user ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT", event->unit);
}

/*
 * The process that failed. For a sender with uid 0, journald adds what /proc says about OBJECT_PID, such as its unit. By
 * that field "journalctl -u" and "systemctl status" find the message. The process may end before journald looks, so the
 * unit is written here as well: of two equal values, an entry keeps one. If it has ended already, there is no OBJECT_PID:
 * what has that number by now did not fail.
 */
static void put_process(FILE *out, const struct event *event)
{
        unsigned long long pid = event->pid > 0 ? (unsigned long long)event->pid : 0;

        put_number(out, "AIU_FAILED_PID", pid);
        put_escaped(out, "AIU_FAILED_COMM", event->comm);
        put_escaped(out, "AIU_FAILED_UNIT", event->unit);
        put_unit(out, event);
        if (!event->gone)
                put_number(out, "OBJECT_PID", pid);
        put_number(out, "AIU_NETNS", event->netns);
}

/* A field may occur more than once: here, for each action that may be enough. */
static void put_actions(FILE *out, const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);

                if (aiu_action_is_sufficient(action) == AIU_TRISTATE_NO)
                        continue;
                put(out, "AIU_ACTION", aiu_action_kind_to_string(aiu_action_get_kind(action)));
                put(out, "AIU_ACTION_TEXT", aiu_action_get_text(action));
        }
}

/* In use, not there, not permitted: a service does not start. Other errnos are of programs that probe. */
static int priority(const struct event *event)
{
        int error = aiu_report_get_error(event->report);

        if (event->again)
                return LOG_INFO;
        if (error == EADDRINUSE || error == EADDRNOTAVAIL || error == EACCES || error == EPERM || error == 0)
                return LOG_WARNING;
        return LOG_NOTICE;
}

static void put_event(FILE *out, const struct event *event)
{
        const struct aiu_report *report = event->report;
        char *json = NULL;

        fprintf(out, "SYSLOG_IDENTIFIER=addrinuse\nPRIORITY=%d\nMESSAGE_ID=" EVENT_MESSAGE_ID "\n", priority(event));
        put(out, "MESSAGE", aiu_report_get_summary(report));
        put(out, "AIU_SUMMARY", aiu_report_get_summary(report));
        put_process(out, event);
        put(out, "AIU_VERDICT", aiu_verdict_to_string(aiu_report_get_verdict(report)));
        put(out, "AIU_CALL", aiu_call_to_string(aiu_report_get_call(report)));
        put_number(out, "AIU_ERRNO", (unsigned long long)aiu_report_get_error(report));
        fprintf(out, "AIU_REPEATS=%llu\n", (unsigned long long)event->repeats);
        put_address(out, report);
        put_holder(out, report);
        put_actions(out, report);
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
        if (sendto(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&journal, sizeof(journal)) < 0)
                r = -errno;
        (void)close(fd);
        return r;
}

/* Takes what open_memstream() made. */
static int send_stream(FILE *out, char *const *bytes, const size_t *n)
{
        int r = fclose(out) == 0 ? send_datagram(*bytes, *n) : -ENOMEM;

        free(*bytes);
        return r;
}

int event_to_journal(const struct event *event)
{
        char *bytes = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&bytes, &n);

        if (!out)
                return -ENOMEM;
        put_event(out, event);
        return send_stream(out, &bytes, &n);
}

int event_note_to_journal(const char *message_id, int priority, const char *message, const char *field,
                          const char *value)
{
        char *bytes = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&bytes, &n);

        if (!out)
                return -ENOMEM;
        fprintf(out, "SYSLOG_IDENTIFIER=addrinuse\nPRIORITY=%d\nMESSAGE_ID=%s\n", priority, message_id);
        put(out, "MESSAGE", message);
        put(out, field, value);
        return send_stream(out, &bytes, &n);
}
