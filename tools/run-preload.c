/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* COMMAND explains itself: ld.so loads libaddrinuse-preload.so into it. Earlier entries of LD_PRELOAD stay in front. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define PRELOAD "libaddrinuse-preload.so"

/* Where it is installed, or beside a command that was moved or is not installed yet. */
static bool find_library(char *path, size_t bytes)
{
        static const char *const places[] = { "preload/", "../lib/addrinuse/", "../lib64/addrinuse/" };
        char exe[PATH_MAX], *slash;
        ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

        (void)snprintf(path, bytes, "%s", PRELOAD_DIRECTORY "/" PRELOAD);
        if (access(path, R_OK) == 0)
                return true;
        exe[n > 0 ? n : 0] = '\0';
        slash = strrchr(exe, '/');
        if (!slash)
                return false;
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                int length = snprintf(path, bytes, "%.*s/%s%s", (int)(slash - exe), exe, places[i], PRELOAD);

                if (length > 0 && (size_t)length < bytes && access(path, R_OK) == 0)
                        return true;
        }
        return false;
}

static int set_settings(const struct sink *sink, const char *log)
{
        char *text = NULL, here[PATH_MAX] = "";
        size_t n;
        FILE *out = open_memstream(&text, &n);
        int r = 0;

        if (!out)
                return -ENOMEM;
        sink_put_settings(sink, out);
        if (log && *log != '/' && !getcwd(here, sizeof(here)))
                r = -errno;
        if (log)
                fprintf(out, "log=%s%s%s", here, *here ? "/" : "", log);
        if (fclose(out) != 0)
                r = -ENOMEM;
        if (r == 0 && setenv("ADDRINUSE_RUN", text, 1) < 0)
                r = -errno;
        free(text);
        return r;
}

/* ld.so takes blanks and colons for the end of a path. */
int run_set_preload(const struct sink *sink, const char *log)
{
        const char *before = getenv("LD_PRELOAD");
        char path[PATH_MAX], *list;
        int r;

        if (!find_library(path, sizeof(path)))
                return -ENOENT;
        if (path[strcspn(path, ": \t")])
                return -EINVAL;
        r = set_settings(sink, log);
        if (r < 0)
                return r;
        if (asprintf(&list, "%s%s%s", before ? before : "", before && *before ? ":" : "", path) < 0)
                return -ENOMEM;
        r = setenv("LD_PRELOAD", list, 1) < 0 ? -errno : 0;
        free(list);
        return r;
}

bool run_is_preloaded(void)
{
        const char *list = getenv("LD_PRELOAD");

        return list && strstr(list, "/" PRELOAD);
}
