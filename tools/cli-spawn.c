/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --apply: any other command. The program comes from a fixed list of directories, not from
 * PATH: root's shell may have inherited the PATH of another user. It gets an environment
 * that says no more than where its user's service manager is.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

#define PROGRAM_BYTES 256u

static bool may_trust(const char *path, mode_t type)
{
        struct stat st;

        if (stat(path, &st) < 0 || (st.st_mode & S_IFMT) != type)
                return false;
        return geteuid() != 0 ||
               (st.st_uid == 0 && !(st.st_mode & S_IWOTH) && (st.st_gid == 0 || !(st.st_mode & S_IWGRP)));
}

/* As root, only programs that no other user can have put there. */
static bool find_program(const char *name, char path[PROGRAM_BYTES])
{
        static const char *const directories[] = { "/usr/sbin",       "/usr/bin",       "/sbin",    "/bin",
                                                   "/usr/local/sbin", "/usr/local/bin", "/snap/bin" };

        if (strchr(name, '/'))
                return false;
        for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
                int n = snprintf(path, PROGRAM_BYTES, "%s/%s", directories[i], name);

                if (n > 0 && (size_t)n < PROGRAM_BYTES && access(path, X_OK) == 0 &&
                    may_trust(directories[i], S_IFDIR) && may_trust(path, S_IFREG))
                        return true;
        }
        return false;
}

/*
 * What `systemctl --user` and rootless engines need to find their user's daemons. Root's is
 * known: a shell of su(1) may still have another user's, and that user's daemons would answer.
 */
static void clean_environment(void)
{
        static const char *const kept[] = { "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS" };
        char values[2][512] = { "/run/user/0", "" };
        const struct passwd *user = getpwuid(geteuid());

        for (size_t i = 0; i < 2 && geteuid() != 0; i++) {
                const char *value = getenv(kept[i]);

                (void)snprintf(values[i], sizeof(values[i]), "%s",
                               value && strlen(value) < sizeof(values[i]) ? value : "");
        }
        (void)clearenv();
        (void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
        (void)setenv("LC_ALL", "C", 1);
        if (user) {
                (void)setenv("HOME", user->pw_dir, 1);
                (void)setenv("USER", user->pw_name, 1);
        }
        for (size_t i = 0; i < 2; i++)
                if (values[i][0])
                        (void)setenv(kept[i], values[i], 1);
}

/*
 * Its words go to stderr: stdout is for the report, or for JSON. Some programs read a configuration
 * in the working directory (supervisorctl), or take a word for a file there (pm2): it may be another user's.
 */
static void become(const char *program, const char *const *argv)
{
        /* execv() takes the words as they are and does not write to them. */
        union {
                const char *const *in;
                char *const *out;
        } words = { .in = argv };
        int null = open("/dev/null", O_RDONLY);

        clean_environment();
        if (chdir("/") < 0)
                _exit(127);
        if (null >= 0)
                (void)dup2(null, STDIN_FILENO);
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
        execv(program, words.out);
        cli_error("%s: %s", program, strerror(errno));
        _exit(127);
}

int cli_spawn(const char *const *argv)
{
        char program[PROGRAM_BYTES];
        int status;
        pid_t pid;

        if (!find_program(argv[0], program)) {
                cli_error("%s: no such program in /usr/sbin, /usr/bin, /sbin, /bin, /usr/local or /snap",
                          cli_safe(argv[0]));
                return -ENOENT;
        }
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                become(program, argv);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}
