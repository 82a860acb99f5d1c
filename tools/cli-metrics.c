/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A survey in Prometheus' exposition format, for the textfile collector of node_exporter. Labels name owners and no
 * processes, so that a restart makes no new series.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* A label's value: a backslash and a quote are escaped. An owner is one word, without a newline. */
static void put_value(FILE *out, const char *text)
{
        for (; *text; text++) {
                if (*text == '\\' || *text == '"')
                        (void)fputc('\\', out);
                (void)fputc(*text, out);
        }
}

static const char *ip_of(const struct sockaddr *address, char text[INET6_ADDRSTRLEN], uint16_t *ret_port)
{
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;

        if (address->sa_family == AF_INET) {
                *ret_port = ntohs(in->sin_port);
                return inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
        }
        *ret_port = ntohs(in6->sin6_port);
        return inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
}

/* One series of a socket, in memory that the caller frees; NULL = none. */
static int make_series(const struct aiu_survey *survey, size_t i, char **ret)
{
        const struct aiu_conflict *c = aiu_survey_get_socket(survey, i);
        const struct sockaddr *local = aiu_conflict_get_local(c, NULL);
        const char *owner = aiu_survey_get_owner(survey, i), *ip;
        char text[INET6_ADDRSTRLEN];
        size_t bytes;
        uint16_t port;
        FILE *out;

        *ret = NULL;
        if (!local || (local->sa_family != AF_INET && local->sa_family != AF_INET6))
                return 0;
        out = open_memstream(ret, &bytes);
        if (!out)
                return -errno;
        ip = ip_of(local, text, &port);
        fprintf(out, "addrinuse_socket{protocol=\"%s\",address=\"%s\",port=\"%u\",owner=\"",
                aiu_conflict_get_protocol(c) == IPPROTO_UDP ? "udp" : "tcp", ip ? ip : "", (unsigned int)port);
        put_value(out, owner ? owner : "");
        (void)fputs("\"} 1\n", out);
        return fclose(out) == 0 ? 0 : -errno;
}

static int compare_series(const void *a, const void *b)
{
        const char *const *x = a, *const *y = b;

        if (!*x || !*y)
                return (*x ? 0 : 1) - (*y ? 0 : 1);
        return strcmp(*x, *y);
}

static void put_head(FILE *out, const char *name, const char *help)
{
        fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* Several sockets may make one series. */
static int put_sockets(FILE *out, const struct aiu_survey *survey)
{
        size_t n = aiu_survey_get_n_sockets(survey);
        char **series = calloc(n + 1, sizeof(*series));
        int r = 0;

        if (!series)
                return -ENOMEM;
        put_head(out, "addrinuse_socket", "A socket that listens, or is bound and not connected, and its owner.");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = make_series(survey, i, &series[i]);
        if (r >= 0 && n > 1)
                qsort(series, n, sizeof(*series), compare_series);
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (series[i] && (i == 0 || !series[i - 1] || strcmp(series[i - 1], series[i]) != 0))
                        (void)fputs(series[i], out);
        for (size_t i = 0; i < n; i++)
                free(series[i]);
        free(series);
        return r;
}

#define MOST_KINDS 32

static void put_hazards(FILE *out, const struct aiu_survey *survey)
{
        size_t counts[MOST_KINDS][4] = { 0 };

        put_head(out, "addrinuse_hazards", "Hazards that addrinuse audit found.");
        for (size_t i = 0; i < aiu_survey_get_n_hazards(survey); i++) {
                const struct aiu_hazard *hazard = aiu_survey_get_hazard(survey, i);
                unsigned int kind = aiu_hazard_get_kind(hazard), severity = aiu_hazard_get_severity(hazard);

                if (kind < MOST_KINDS && severity < 4)
                        counts[kind][severity]++;
        }
        for (unsigned int kind = 0; kind < MOST_KINDS; kind++)
                for (unsigned int severity = 0; severity < 4; severity++)
                        if (counts[kind][severity] > 0)
                                fprintf(out, "addrinuse_hazards{kind=\"%s\",severity=\"%s\"} %zu\n",
                                        aiu_hazard_kind_to_string((enum aiu_hazard_kind)kind),
                                        aiu_severity_to_string((enum aiu_severity)severity), counts[kind][severity]);
}

static int put_metrics(FILE *out, const struct aiu_survey *survey)
{
        int r = put_sockets(out, survey);

        put_hazards(out, survey);
        put_head(out, "addrinuse_unseen_processes", "Processes that could not be inspected.");
        fprintf(out, "addrinuse_unseen_processes %zu\n", aiu_survey_get_n_unseen_processes(survey));
        put_head(out, "addrinuse_last_run_timestamp_seconds", "When addrinuse audit ran.");
        fprintf(out, "addrinuse_last_run_timestamp_seconds %lld\n", (long long)time(NULL));
        if (r >= 0 && (fflush(out) != 0 || ferror(out)))
                r = errno ? -errno : -EIO;
        return r;
}

/* Readers see the old file or the new one, never a part: it gets its name when it is complete. */
static int write_file(const struct aiu_survey *survey, const char *path, const char *temporary)
{
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644), r;
        FILE *out;

        if (fd < 0)
                return -errno;
        out = fdopen(fd, "w");
        if (!out) {
                r = -errno;
                close(fd);
        } else {
                r = fchmod(fd, 0644) < 0 ? -errno : put_metrics(out, survey);
                if (fclose(out) != 0 && r >= 0)
                        r = -errno;
        }
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(temporary);
        return r;
}

int cli_print_metrics(const struct aiu_survey *survey, const char *path_or_null)
{
        char *temporary;
        int r;

        if (!path_or_null)
                return put_metrics(stdout, survey);
        if (asprintf(&temporary, "%s.%d.tmp", path_or_null, (int)getpid()) < 0)
                return -ENOMEM;
        r = write_file(survey, path_or_null, temporary);
        free(temporary);
        return r;
}
