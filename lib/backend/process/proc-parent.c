/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does the parent of a process start the process again? A service manager is asked by others. These certainly do not:
 * an interactive shell, a terminal multiplexer, an init that only reaps, and wrappers that end with their child,
 * whose own parents then count. Of other parents nothing is known: a script may be a loop, a program a watchdog.
 *
 * A process may lie about its name. That deceives only an asker who would end that very process.
 */
#include <stdio.h>
#include <string.h>

#include "util/macro.h"
#include "backend/process/proc-pid.h"
#include "util/sys.h"

/* They wait for one child, and end with it. */
static bool is_wrapper(const char *name)
{
        static const char *const names[] = { "timeout",          "sudo",   "doas",    "su",      "runuser", "strace",
                                             "ltrace",           "script", "unshare", "nsenter", "bwrap",   "flock",
                                             "dbus-run-session", "time" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

/* They start nothing a second time by themselves. */
static bool starts_once(const char *name)
{
        static const char *const names[] = { "tmux", "screen", "sshd", "sshd-session", "login", "xterm" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

/* Not the init of sysvinit or busybox: what inittab calls "respawn", it starts again. */
static bool only_reaps(const char *name)
{
        static const char *const names[] = { "systemd", "tini", "dumb-init", "docker-init", "catatonit" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

static bool is_shell(const char *name)
{
        static const char *const names[] = { "sh", "bash", "dash", "zsh", "ksh", "mksh", "fish", "ash", "tcsh" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

/* ------------------------------------------------------ shells */

/* "-c", "-lc": a command line of its own. "--rcfile" and the like have a value. */
static bool takes_commands(const char *words, size_t bytes)
{
        static const char *const valued[] = { "--rcfile", "--init-file", "-O", "+O", "-o" };
        bool value = false;

        for (size_t at = strnlen(words, bytes) + 1; at < bytes; at += strnlen(words + at, bytes - at) + 1) {
                const char *word = words + at;

                if (value)
                        value = false;
                else if (is_one_of(word, valued, ELEMENTSOF(valued)))
                        value = true;
                else if ((word[0] != '-' && word[0] != '+') || (word[1] != '-' && strchr(word, 'c')))
                        return true;
        }
        return false;
}

static bool reads_terminal(struct proc_reader *reader, pid_t pid)
{
        char name[32], target[32] = "";
        ssize_t n;

        (void)snprintf(name, sizeof(name), "%d/fd/0", (int)pid);
        n = sys_readlinkat(reader->procfs, name, target, sizeof(target) - 1);
        return n > 0 && (strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0 ||
                         strcmp(target, "/dev/console") == 0);
}

/* Somebody types: what is started there is started once. */
static bool is_interactive(struct proc_reader *reader, pid_t pid, const struct proc_stat *stat)
{
        char name[32];
        ssize_t n;

        if (stat->tty == 0 || stat->state == 'D' || !reads_terminal(reader, pid))
                return false;
        (void)snprintf(name, sizeof(name), "%d/cmdline", (int)pid);
        n = sys_read_file(reader->procfs, name, reader->text, sizeof(reader->text));
        return n > 0 && !takes_commands(reader->text, (size_t)n);
}

/* ------------------------------------------------------ the chain */

/* The program's name, from its executable if that can be read. */
static const char *name_of(struct proc_reader *reader, pid_t pid, const struct proc_stat *stat)
{
        char link[32];
        ssize_t n;
        const char *slash;

        (void)snprintf(link, sizeof(link), "%d/exe", (int)pid);
        n = sys_readlinkat(reader->procfs, link, reader->exe, sizeof(reader->exe) - 1);
        reader->exe[n > 0 ? n : 0] = '\0';
        slash = strrchr(reader->exe, '/');
        return slash ? slash + 1 : stat->comm;
}

/* YES and NO; UNKNOWN; and -1: it ends with its child, look at its own parent. */
static int judge(struct proc_reader *reader, pid_t pid, const struct proc_stat *stat)
{
        const char *name = name_of(reader, pid, stat);

        if (only_reaps(name) || starts_once(name))
                return AIU_TRISTATE_NO;
        if (is_wrapper(name))
                return -1;
        if (is_shell(name) && is_interactive(reader, pid, stat))
                return AIU_TRISTATE_NO;
        return AIU_TRISTATE_UNKNOWN;
}

static enum aiu_tristate judge_chain(struct proc_reader *reader, const struct proc_stat *child)
{
        uint64_t start = child->start_ticks;
        pid_t pid = child->ppid;

        for (unsigned int i = 0; i < PROC_MAX_ANCESTORS && pid > 0; i++) {
                const struct proc_stat *stat = proc_reader_find_kin(reader, pid);
                int verdict;

                if (!stat || stat->start_ticks > start)
                        return AIU_TRISTATE_UNKNOWN;
                verdict = judge(reader, pid, stat);
                if (verdict >= 0)
                        return (enum aiu_tristate)verdict;
                start = stat->start_ticks;
                pid = stat->ppid;
        }
        return AIU_TRISTATE_UNKNOWN;
}

enum aiu_tristate proc_reader_parent_returns(struct proc_reader *reader, const struct proc_stat *child)
{
        if (reader->judged_parent != child->ppid || child->ppid <= 0) {
                reader->judged_parent = child->ppid;
                reader->judgement = judge_chain(reader, child);
        }
        return reader->judgement;
}
