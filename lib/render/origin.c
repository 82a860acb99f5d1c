/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a holder comes from: its ancestors, what started it, what manages it. Through public accessors alone. */
#include <stdbool.h>
#include <string.h>

#include "util/macro.h"
#include "render/phrases.h"

static void member(struct strbuf *out, const char *comm, pid_t pid)
{
        if (comm)
                strbuf_outside(out, comm);
        else
                strbuf_str(out, "?");
        strbuf_printf(out, " (%d)", (int)pid);
}

static void lineage(struct strbuf *out, const struct aiu_holder *h)
{
        size_t n = aiu_holder_get_n_ancestors(h), nearest = n < 6 ? n : 5;

        /* Of a long chain: where it begins, and its nearest end. */
        if (n > nearest) {
                member(out, aiu_holder_get_ancestor_comm(h, n - 1), aiu_holder_get_ancestor_pid(h, n - 1));
                strbuf_str(out, " > ... > ");
        }
        for (size_t i = nearest; i-- > 0;) {
                member(out, aiu_holder_get_ancestor_comm(h, i), aiu_holder_get_ancestor_pid(h, i));
                strbuf_str(out, " > ");
        }
        member(out, aiu_holder_get_comm(h), aiu_holder_get_pid(h));
}

/* ------------------------------------------------------ who started it */

enum starter { STARTER_NONE, STARTER_SHELL, STARTER_TERMINAL, STARTER_EDITOR, STARTER_LOGIN, STARTER_JOB };

/* A comm has 15 bytes at most (TASK_COMM_LEN): longer names are cut here as well. */
static const struct {
        const char *comm;
        enum starter starter;
        const char *words; /* NULL: made of the comm */
} starters[] = {
        { "cron", STARTER_JOB, "by cron" },
        { "crond", STARTER_JOB, "by cron" },
        { "fcron", STARTER_JOB, "by cron" },
        { "anacron", STARTER_JOB, "by anacron" },
        { "atd", STARTER_JOB, "by atd" },
        { "sshd", STARTER_LOGIN, "from a login over ssh" },
        { "sshd-session", STARTER_LOGIN, "from a login over ssh" },
        { "dropbear", STARTER_LOGIN, "from a login over ssh" },
        { "login", STARTER_LOGIN, "from a login on a console" },
        { "tmux: server", STARTER_TERMINAL, "from tmux" },
        { "screen", STARTER_TERMINAL, "from screen" },
        { "SCREEN", STARTER_TERMINAL, "from screen" },
        { "gnome-terminal-", STARTER_TERMINAL, "from a terminal, gnome-terminal" },
        { "xfce4-terminal", STARTER_TERMINAL, NULL },
        { "konsole", STARTER_TERMINAL, NULL },
        { "xterm", STARTER_TERMINAL, NULL },
        { "kitty", STARTER_TERMINAL, NULL },
        { "alacritty", STARTER_TERMINAL, NULL },
        { "wezterm-gui", STARTER_TERMINAL, NULL },
        { "foot", STARTER_TERMINAL, NULL },
        { "ptyxis-agent", STARTER_TERMINAL, NULL },
        { "code", STARTER_EDITOR, NULL },
        { "codium", STARTER_EDITOR, NULL },
        { "cursor", STARTER_EDITOR, NULL },
        { "emacs", STARTER_EDITOR, NULL },
        { "vim", STARTER_EDITOR, NULL },
        { "nvim", STARTER_EDITOR, NULL },
        { "sh", STARTER_SHELL, NULL },
        { "bash", STARTER_SHELL, NULL },
        { "dash", STARTER_SHELL, NULL },
        { "zsh", STARTER_SHELL, NULL },
        { "fish", STARTER_SHELL, NULL },
        { "ksh", STARTER_SHELL, NULL },
        { "tcsh", STARTER_SHELL, NULL },
};

static size_t starter_of(const char *comm)
{
        size_t i = 0;

        while (i < ELEMENTSOF(starters) && (!comm || strcmp(comm, starters[i].comm) != 0))
                i++;
        return i;
}

static bool is_service(const char *unit)
{
        size_t n = unit ? strlen(unit) : 0;

        return n > 8 && strcmp(unit + n - 8, ".service") == 0;
}

static bool is_managed(const struct aiu_holder *h)
{
        return aiu_holder_get_unit(h) || aiu_holder_get_socket_unit(h) || aiu_holder_get_container(h) ||
               aiu_holder_get_supervisor(h);
}

/* A service's own shell scripts say nothing; that it is a job of cron's says a lot. */
static bool counts(const struct aiu_holder *h, enum starter starter)
{
        if (aiu_holder_get_container(h) || aiu_holder_get_supervisor(h) || aiu_holder_get_socket_unit(h))
                return false;
        return starter >= STARTER_LOGIN || !is_service(aiu_holder_get_unit(h));
}

/* The nearest that is more than a shell, else the nearest shell. ELEMENTSOF(starters) = none. */
static size_t find_starter(const struct aiu_holder *h)
{
        size_t n = aiu_holder_get_n_ancestors(h), best = ELEMENTSOF(starters);

        for (size_t i = 0; i < n; i++) {
                size_t at = starter_of(aiu_holder_get_ancestor_comm(h, i));

                if (at == ELEMENTSOF(starters) || !counts(h, starters[at].starter))
                        continue;
                if (best == ELEMENTSOF(starters) || starters[at].starter > STARTER_SHELL)
                        best = at;
                if (starters[at].starter > STARTER_SHELL)
                        break;
        }
        return best;
}

static void starter(struct strbuf *out, size_t at)
{
        if (starters[at].words)
                strbuf_str(out, starters[at].words);
        else if (starters[at].starter == STARTER_SHELL)
                strbuf_str(out, "from a shell");
        else
                strbuf_printf(out, "from a terminal%s %s", starters[at].starter == STARTER_EDITOR ? " of" : ",",
                              starters[at].comm);
        strbuf_str(out, ": ");
}

bool phrase_start(struct strbuf *out, const struct aiu_holder *h, bool always)
{
        const char *cwd = aiu_holder_get_cwd(h);
        size_t at = find_starter(h);

        if (aiu_holder_get_pid(h) <= 0 || (at == ELEMENTSOF(starters) && is_managed(h) && !always))
                return false;
        if (at < ELEMENTSOF(starters))
                starter(out, at);
        lineage(out, h);
        if (cwd && strcmp(cwd, "/") != 0) {
                strbuf_str(out, ", in ");
                phrase_outside(out, cwd);
        }
        return true;
}

/* ------------------------------------------------------ what manages it */

/* "before VALUE", if there is one; *separator is what stands between it and what came before. */
static void item(struct strbuf *out, const char **separator, const char *before, const char *value)
{
        if (!value)
                return;
        strbuf_printf(out, "%s%s", *separator, before);
        strbuf_outside(out, value);
        *separator = ", ";
}

static const char *container_word(enum aiu_manager_kind kind)
{
        static const char *const words[] = {
                [AIU_MANAGER_DOCKER] = "docker container ",
                [AIU_MANAGER_PODMAN] = "podman container ",
                [AIU_MANAGER_KUBERNETES] = "kubernetes container ",
                [AIU_MANAGER_LXC] = "LXC container ",
                [AIU_MANAGER_MACHINE] = "machine ",
        };

        return kind < ELEMENTSOF(words) && words[kind] ? words[kind] : "container ";
}

static void returns(struct strbuf *out, const struct aiu_holder *h)
{
        enum aiu_manager_kind kind = aiu_holder_get_manager(h);

        if (aiu_holder_will_return(h) != AIU_TRISTATE_YES)
                return;
        strbuf_str(out, ": ");
        if (kind == AIU_MANAGER_SYSTEMD || kind == AIU_MANAGER_SYSTEMD_USER)
                strbuf_str(out, "systemd");
        else if (aiu_holder_get_supervisor(h))
                strbuf_outside(out, aiu_holder_get_supervisor(h));
        else
                strbuf_str(out, "its manager");
        strbuf_str(out, " would start it again");
}

bool phrase_manager(struct strbuf *out, const struct aiu_holder *h)
{
        const char *socket_unit = aiu_holder_get_socket_unit(h);
        const char *unit = phrase_is_scope_of_container(h) ? NULL : aiu_holder_get_unit(h);
        const char *separator = "";

        if (!is_managed(h))
                return false;
        item(out, &separator, "", socket_unit);
        if (socket_unit && unit)
                separator = " for ";
        item(out, &separator, "", unit);
        item(out, &separator, "", aiu_holder_get_unit_state(h));
        item(out, &separator, "Restart=", aiu_holder_get_unit_restart(h));
        if (aiu_holder_get_container(h)) {
                strbuf_printf(out, "%s%s", separator, container_word(aiu_holder_get_manager(h)));
                phrase_container(out, h);
                separator = ", ";
        }
        item(out, &separator, "supervised by ", aiu_holder_get_supervisor(h));
        returns(out, h);
        return true;
}
