/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend "docker" of the command: the name of the container behind docker-proxy. The words of docker-proxy tell
 * the container's address alone, so the engine is asked over its socket, as docker(1) does: by root, or a user who may
 * write to the socket. A daemon does not ask another one on its error path, so the library does not look.
 *
 * The engine is believed if root or the caller has the socket, if docker-proxy is theirs as well and in the caller's
 * network namespace (a container with an engine of its own has the same addresses), and if one container alone has the
 * port published there and has the address that docker-proxy forwards to. Otherwise nothing is said.
 */
#include "docker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "docker-parse.h"

#define ENGINE "/run/docker.sock"
#define CONFIG_BYTES (16u * 1024u)
#define ANSWER_BYTES (256u * 1024u)
#define MOST_PROXIES 4u         /* one for each family, as a rule */
#define MOST_WAIT_USEC 1000000u /* and no more than a quarter of the time that is left */

static uint64_t early_deadline(const struct aiu_request *request)
{
        uint64_t left = aiu_request_time_left_usec(request) / 4;
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (left > MOST_WAIT_USEC)
                left = MOST_WAIT_USEC;
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + left * 1000;
}

/* ------------------------------------------------------ which engine docker(1) asks */

/* `docker context use` writes it. A file that is too long counts as one that names a context. */
static bool names_context(const char *directory, const char *below)
{
        char path[PATH_MAX], text[CONFIG_BYTES];
        int n = snprintf(path, sizeof(path), "%s%s/config.json", directory, below);
        FILE *file = n < (int)sizeof(path) ? fopen(path, "re") : NULL;
        size_t bytes;

        if (!file)
                return false;
        bytes = fread(text, 1, sizeof(text), file);
        (void)fclose(file);
        return bytes == sizeof(text) || memmem(text, bytes, "\"currentContext\"", 16);
}

/* The name becomes the operand of `docker stop`, and another engine may have another container of that name. */
static bool is_engine_of_docker(void)
{
        const char *config = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

        if (getenv("DOCKER_HOST") || getenv("DOCKER_CONTEXT"))
                return false;
        if (config)
                return !names_context(config, "");
        return !home || !names_context(home, "/.docker");
}

/* ------------------------------------------------------ the engine */

static bool is_trusted(uid_t uid)
{
        return uid == 0 || uid == geteuid();
}

static bool has_trusted_owner(int fd)
{
        struct ucred owner;
        socklen_t bytes = sizeof(owner);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &bytes) == 0 && is_trusted(owner.uid);
}

/* -1 = there is none, or it is none of ours to ask. */
static int connect_engine(void)
{
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = ENGINE };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -1;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && has_trusted_owner(fd))
                return fd;
        (void)close(fd);
        return -1;
}

static bool is_ready(int fd, const struct aiu_request *hurried)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        int msec = (int)(aiu_request_time_left_usec(hurried) / 1000);

        return msec > 0 && poll(&poll_fd, 1, msec) > 0;
}

/* Up to its end: HTTP/1.0 has the engine close the connection. 0 = no answer, or one that is too long. */
static size_t read_answer(int fd, const struct aiu_request *hurried, char *answer)
{
        size_t n = 0;

        while (n < ANSWER_BYTES && is_ready(fd, hurried)) {
                ssize_t got = recv(fd, answer + n, ANSWER_BYTES - n, 0);

                if (got == 0)
                        return n;
                if (got < 0 && errno != EAGAIN && errno != EINTR)
                        return 0;
                n += got > 0 ? (size_t)got : 0;
        }
        return 0;
}

/* GET /containers/json?filters={"publish":["8088/tcp"]}: those that run. */
static size_t ask_engine(const struct docker_forward *forward, const struct aiu_request *hurried, char *answer)
{
        char question[256];
        int fd = connect_engine(), length;
        size_t n = 0;

        if (fd < 0)
                return 0;
        length =
                snprintf(question, sizeof(question),
                         "GET /containers/json?filters=%%7B%%22publish%%22%%3A%%5B%%22%u%%2F%s%%22%%5D%%7D HTTP/1.0\r\n"
                         "Host: docker\r\n\r\n",
                         forward->from_port, forward->protocol);
        if (send(fd, question, (size_t)length, MSG_NOSIGNAL) == length)
                n = read_answer(fd, hurried, answer);
        (void)close(fd);
        return n;
}

/* ------------------------------------------------------ the proxies */

static bool is_here(const struct aiu_request *request, pid_t pid)
{
        struct stat here, there;
        char path[32];

        (void)snprintf(path, sizeof(path), "%d/ns/net", (int)pid);
        return fstatat(request->procfs, "thread-self/ns/net", &here, 0) == 0 &&
               fstatat(request->procfs, path, &there, 0) == 0 && here.st_dev == there.st_dev &&
               here.st_ino == there.st_ino;
}

static bool is_proxy(const struct aiu_process_fact *process)
{
        return process->comm && strcmp(process->comm, "docker-proxy") == 0 && process->cmdline &&
               is_trusted(process->uid);
}

/* Its words may be those for another port than the one that it holds. Port 0: it may hold any. */
static bool is_about(const struct docker_forward *forward, const struct aiu_request *request)
{
        return request->port == 0 || request->port == forward->from_port;
}

static int name_container(const struct aiu_request *hurried, struct aiu_snapshot *snapshot,
                          const struct aiu_process_fact *process, char *answer)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact), .pid = process->pid, .kind = AIU_MANAGER_DOCKER };
        char name[DOCKER_NAME_BYTES];
        struct docker_forward forward;
        size_t n;

        if (!docker_parse_forward(process->cmdline, process->cmdline_bytes, &forward) || !is_about(&forward, hurried) ||
            !is_here(hurried, process->pid))
                return 0;
        n = ask_engine(&forward, hurried, answer);
        if (n == 0 || !docker_find_container(answer, n, &forward, name))
                return 0;
        fact.container = name;
        return aiu_snapshot_add_manager(snapshot, &fact);
}

static int name_containers(const struct aiu_request *hurried, struct aiu_snapshot *snapshot, char *answer)
{
        struct aiu_process_fact process = { .size = sizeof(process) };
        int r = 0;

        for (size_t i = 0, n = 0; r >= 0 && n < MOST_PROXIES && aiu_snapshot_get_process(snapshot, i, &process); i++) {
                if (!is_proxy(&process))
                        continue;
                r = name_container(hurried, snapshot, &process, answer);
                n++;
        }
        return r;
}

static bool has_proxy(const struct aiu_snapshot *snapshot)
{
        struct aiu_process_fact process = { .size = sizeof(process) };

        for (size_t i = 0; aiu_snapshot_get_process(snapshot, i, &process); i++)
                if (is_proxy(&process))
                        return true;
        return false;
}

static int managers(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_request hurried = *request;
        char *answer;
        int r;

        (void)userdata;
        if (request->context_flags & AIU_CONTEXT_NO_IPC || request->plain_calls_only || request->procfs < 0 ||
            !has_proxy(snapshot) || !is_engine_of_docker())
                return AIU_PARTIAL;
        answer = malloc(ANSWER_BYTES);
        if (!answer)
                return -ENOMEM;
        hurried.deadline_nsec = early_deadline(request);
        r = name_containers(&hurried, snapshot, answer);
        free(answer);
        return r == -ENOMEM ? r : AIU_PARTIAL;
}

const struct aiu_backend backend_docker = {
        .size = sizeof(struct aiu_backend),
        .name = "docker",
        .managers = managers,
};
