/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The address is one of another network namespace: a command that changes a network
 * namespace has to enter that one first, or it changes the caller's. Signals, files
 * and service managers do not depend on it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/words.h"

static bool changes_netns(const struct aiu_action *action)
{
        static const char *const programs[] = { "ip", "sysctl" };

        for (size_t i = 0; action->argv && i < sizeof(programs) / sizeof(programs[0]); i++)
                if (strcmp(action->argv[0], programs[i]) == 0)
                        return true;
        return false;
}

static void drop_argv(struct aiu_action *action)
{
        for (size_t i = 0; action->argv[i]; i++)
                free(action->argv[i]);
        free(action->argv);
        action->argv = NULL;
}

/* "--net=PATH", of which nsenter(1) makes no more than a name of a file. */
static char *net_option(const char *path)
{
        struct strbuf text = { 0 };
        char *option = NULL;

        strbuf_printf(&text, "--net=%s", path);
        (void)strbuf_steal(&text, &option);
        return option;
}

static int prefix(struct aiu_action *action, const char *path)
{
        char *words[] = { strdup("nsenter"), net_option(path), strdup("--") };
        size_t n = 0;
        char **argv;

        while (action->argv[n])
                n++;
        argv = calloc(n + 4, sizeof(*argv));
        if (!argv || !words[0] || !words[1] || !words[2]) {
                for (size_t i = 0; i < 3; i++)
                        free(words[i]);
                free(argv);
                return -ENOMEM;
        }
        memcpy(argv, words, sizeof(words));
        memcpy(argv + 3, action->argv, n * sizeof(*argv));
        free(action->argv);
        action->argv = argv;
        return 0;
}

int words_enter_netns(struct aiu_action *action, const struct host *host)
{
        if (!host->other_netns || !changes_netns(action))
                return 0;
        action->flags |= AIU_ACTION_ELSEWHERE;
        if (host->netns_path)
                return prefix(action, host->netns_path);
        drop_argv(action);
        return 0;
}

void words_say_netns(struct strbuf *text, const struct aiu_action *action)
{
        if (action->flags & AIU_ACTION_ELSEWHERE)
                strbuf_str(text, action->argv ? "; that is done in the network namespace asked about"
                                              : "; do that in the network namespace asked about");
}
