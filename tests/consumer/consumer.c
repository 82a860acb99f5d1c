/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stranger's program: it knows the installed header and nothing else. It gets
 * in its own way on loopback, in an explicit C subset that is C++ as well. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <addrinuse.h>
#include <addrinuse-backend.h>

int main(void)
{
        struct sockaddr_in address;
        socklen_t bytes = sizeof(address);
        int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0);
        struct aiu_context *context = NULL;
        struct aiu_report *report;
        int good;

        memset(&address, 0, sizeof(address));
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(first, (struct sockaddr *)&address, bytes) < 0 || listen(first, 1) < 0 ||
            getsockname(first, (struct sockaddr *)&address, &bytes) < 0)
                return 77;
        if (bind(second, (struct sockaddr *)&address, bytes) == 0 || errno != EADDRINUSE)
                return 1;
        /* A busy machine may take longer than the deadline of aiu_explain_bind(). */
        if (aiu_context_new(&context) < 0 || aiu_context_set_deadline_usec(context, 0) < 0)
                return 1;
        report = aiu_context_explain_bind(context, second, (struct sockaddr *)&address, bytes, errno);
        if (!report || errno != EADDRINUSE)
                return 1;
        puts(aiu_report_get_summary(report));
        good = aiu_report_get_verdict(report) == AIU_VERDICT_IN_USE &&
               aiu_holder_get_kind(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0)) == AIU_HOLDER_SELF;
        aiu_report_unref(report);
        aiu_context_unref(context);
        return good ? 0 : 1;
}
