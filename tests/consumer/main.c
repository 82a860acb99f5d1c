/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stranger's daemon: it binds a port, binds it again, and explains its own
 * failure. Compiled as C and as C++, against the shared and the static library.
 */
#include <addrinuse.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
        struct sockaddr_in address;
        socklen_t bytes = sizeof(address);
        struct aiu_report *report;
        int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0), wrong;

        memset(&address, 0, sizeof(address));
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(first, (struct sockaddr *)&address, bytes) < 0 || listen(first, 1) < 0 ||
            getsockname(first, (struct sockaddr *)&address, &bytes) < 0)
                return 2;
        if (bind(second, (struct sockaddr *)&address, bytes) == 0 || errno != EADDRINUSE)
                return 3;
        report = aiu_explain_bind(second, (struct sockaddr *)&address, bytes, errno);
        if (!report)
                return 4;
        puts(aiu_report_get_summary(report));
        wrong = aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE || errno != EADDRINUSE ||
                aiu_holder_get_pid(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0)) != getpid();
        aiu_report_unref(report);
        close(first);
        close(second);
        return wrong;
}
