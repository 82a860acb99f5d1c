/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The world changes during the question. A process holds an address; in the middle of
 * the question, before its n-th system call, for every n, the holder dies, or
 * closes, executes something else, hands its socket on; or its pid is given to
 * another process (kernel.ns_last_pid decides which one a new process gets). The
 * verdict has to be true of a moment of the question, and no process is blamed that
 * never had the socket.
 *
 *   midway [EVENT]...
 */
#include <addrinuse.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../live/live.h"
#include "util/sys-fault.h"

#define VICTIM "victim"
#define INNOCENT "innocent"
#define INNOCENT_UID 1001
#define MARK 4242

/* ------------------------------------------------------ the holder */

enum order { CLOSE = 'c', OPEN = 'o', EXECUTE = 'x', HAND_ON = 'h' };

static struct victim {
        pid_t pid;
        int orders, answers;
        pid_t heir; /* who has the socket after HAND_ON */
} victim;

static struct place {
        const char *name;
        struct live_address address;
        int type;
} places[3];

static int open_place(const struct place *place)
{
        int fd = socket(place->address.sa.any.sa_family, place->type | SOCK_CLOEXEC, 0);

        if (bind(fd, &place->address.sa.any, place->address.len) < 0 ||
            (place->type == SOCK_STREAM && listen(fd, 1) < 0))
                live_die(place->name, errno);
        return fd;
}

static void answer(int fd, pid_t pid)
{
        if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
                _exit(98);
}

static void hand_on(int answers)
{
        pid_t pid = fork();

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, 0);
                for (;;)
                        pause();
        }
        answer(answers, pid);
        _exit(0);
}

static _Noreturn void be_victim(const struct place *place, bool opens, int orders, int answers)
{
        int fd = opens ? open_place(place) : -1;
        char order;

        prctl(PR_SET_NAME, VICTIM);
        answer(answers, 0);
        while (read(orders, &order, 1) == 1) {
                switch (order) {
                case CLOSE:
                        close(fd);
                        break;
                case OPEN:
                        fd = open_place(place);
                        break;
                case HAND_ON:
                        hand_on(answers);
                        break;
                default: /* the other end sees that `answers` is closed: then it has happened */
                        fcntl(fd, F_SETFD, 0);
                        fcntl(orders, F_SETFD, 0);
                        execl("/bin/cat", "cat", (char *)NULL);
                        _exit(97);
                }
                answer(answers, 0);
        }
        _exit(0);
}

static pid_t wait_answer(void)
{
        pid_t pid = -1;

        return read(victim.answers, &pid, sizeof(pid)) == sizeof(pid) ? pid : -1;
}

static void start_victim(const struct place *place, bool opens)
{
        int to[2], from[2];

        if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
                live_die("pipe2", errno);
        victim = (struct victim){ .pid = fork(), .orders = to[1], .answers = from[0] };
        if (victim.pid < 0)
                live_die("fork", errno);
        if (victim.pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(to[1]);
                close(from[0]);
                dup2(to[0], STDIN_FILENO); /* cat(1) waits there */
                be_victim(place, opens, STDIN_FILENO, from[1]);
        }
        close(to[0]);
        close(from[1]);
        (void)wait_answer();
}

static void order(char what)
{
        if (write(victim.orders, &what, 1) != 1)
                live_die("the victim", errno);
        victim.heir = wait_answer();
}

static void reap(pid_t pid)
{
        if (pid > 0 && kill(pid, SIGKILL) == 0)
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
}

/* ------------------------------------------------------ the events */

static pid_t innocent;
static unsigned int missed; /* another process got the number */

static void die(void)
{
        reap(victim.pid);
        victim.pid = 0;
}

static void set_last_pid(pid_t pid)
{
        char text[16];
        int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
        int n = snprintf(text, sizeof(text), "%d", (int)pid);

        if (fd < 0 || write(fd, text, (size_t)n) != n)
                live_die("ns_last_pid", errno);
        close(fd);
}

static void recycle(void)
{
        pid_t number = victim.pid;
        int ready[2];
        char byte;

        die();
        if (pipe2(ready, O_CLOEXEC) < 0)
                live_die("pipe2", errno);
        set_last_pid(number - 1);
        innocent = fork();
        if (innocent == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                prctl(PR_SET_NAME, INNOCENT);
                /* Fails where not root: there is one uid only. */
                (void)!setresuid(INNOCENT_UID, INNOCENT_UID, INNOCENT_UID);
                (void)!write(ready[1], "", 1);
                for (;;)
                        pause();
        }
        (void)!read(ready[0], &byte, 1);
        close(ready[0]);
        close(ready[1]);
        missed += innocent != number;
}

static void close_it(void)
{
        order(CLOSE);
}

static void open_it(void)
{
        order(OPEN);
}

static void execute(void)
{
        order(EXECUTE);
        victim.heir = 0;
}

static void pass_it_on(void)
{
        order(HAND_ON);
        (void)waitpid(victim.pid, NULL, 0);
        victim.pid = 0;
}

static const struct event {
        const char *name;
        void (*happens)(void);
        bool free_before, free_after;
} events[] = {
        { "dies", die, false, true },
        { "dies, and its pid is given to another process", recycle, false, true },
        { "closes", close_it, false, true },
        { "opens", open_it, true, false },
        { "executes something else", execute, false, false },
        { "hands it on and ends", pass_it_on, false, false },
};

/* ------------------------------------------------------ one question */

static const struct event *due; /* NULL: it has happened */
static uint64_t due_at, calls;

static int count_down(enum sys_call which)
{
        const struct event *event = due;

        (void)which;
        if (++calls != due_at)
                return 0;
        due = NULL;
        event->happens();
        return 0;
}

static struct aiu_report *ask(const struct place *place)
{
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        int r = aiu_context_new(&context);

        if (r >= 0)
                r = aiu_context_set_deadline_usec(context, 0);
        if (r >= 0)
                r = aiu_context_set_flags(context, AIU_CONTEXT_NO_IPC);
        if (r >= 0)
                r = aiu_query_new(context, &query);
        if (r >= 0)
                r = aiu_query_set_address(query, &place->address.sa.any, place->address.len);
        if (r >= 0)
                r = aiu_query_set_socket(query, place->type, 0);
        errno = MARK;
        if (r >= 0)
                r = aiu_query_run(query, &report);
        if (r < 0)
                live_die("the query", -r);
        aiu_query_unref(query);
        aiu_context_unref(context);
        return report;
}

static const char *judge_holder(const struct aiu_holder *holder, pid_t pid)
{
        const char *comm = aiu_holder_get_comm(holder);

        if (aiu_holder_get_kind(holder) != AIU_HOLDER_PROCESS)
                return NULL;
        if (aiu_holder_get_pid(holder) != pid && aiu_holder_get_pid(holder) != victim.heir)
                return "a process is blamed that never had it";
        if (comm && strcmp(comm, INNOCENT) == 0)
                return "who got the pid is blamed";
        if (comm && aiu_holder_get_uid(holder) == INNOCENT_UID)
                return "the holder has the uid of who got its pid";
        return NULL;
}

static const char *judge(const struct aiu_report *report, const struct event *event, pid_t pid)
{
        enum aiu_verdict verdict = aiu_report_get_verdict(report);
        const char *wrong = NULL;
        size_t n = 0;

        if (verdict == AIU_VERDICT_UNKNOWN && aiu_report_get_n_gaps(report) == 0)
                return "unknown, and no gap says why";
        if (verdict == AIU_VERDICT_AVAILABLE && !event->free_before && !event->free_after)
                return "available, and it never was";
        if (verdict != AIU_VERDICT_UNKNOWN && verdict != AIU_VERDICT_AVAILABLE && verdict != AIU_VERDICT_IN_USE)
                return "another verdict";
        if (verdict == AIU_VERDICT_IN_USE && aiu_report_get_n_conflicts(report) == 0)
                return "in use by nothing";
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                const struct aiu_conflict *conflict = aiu_report_get_conflict(report, i);

                n += aiu_conflict_get_n_holders(conflict);
                for (size_t k = 0; !wrong && k < aiu_conflict_get_n_holders(conflict); k++)
                        wrong = judge_holder(aiu_conflict_get_holder(conflict, k), pid);
        }
        if (!wrong && verdict == AIU_VERDICT_IN_USE && n == 0)
                wrong = "no holder, not even a hidden one";
        return wrong;
}

static void clean_up(const struct place *place)
{
        struct live_address address = place->address;

        close(victim.orders);
        close(victim.answers);
        reap(victim.pid);
        reap(innocent);
        if (victim.heir > 0)
                (void)kill(victim.heir, SIGKILL); /* pid 1 reaps it */
        innocent = 0;
        /* Until no process has it. */
        for (int i = 0, r = -1; i < 5000 && r < 0; i++) {
                int fd = socket(address.sa.any.sa_family, place->type | SOCK_CLOEXEC, 0);

                r = bind(fd, &address.sa.any, address.len);
                close(fd);
                if (r < 0)
                        usleep(200);
        }
}

/* ------------------------------------------------------ every moment */

static uint64_t backend_request, wrongs;

/* false: the question was over before it could happen */
static bool try(const struct place *place, const struct event *event, uint64_t at)
{
        unsigned int fds;
        struct aiu_report *report;
        const char *wrong;
        char *text = NULL;
        pid_t pid;
        bool happened;

        start_victim(place, !event->free_before);
        pid = victim.pid;
        fds = live_count_fds();
        due = event;
        due_at = at;
        calls = 0;
        sys_fault = count_down;
        report = ask(place);
        sys_fault = NULL;
        happened = !due;
        wrong = judge(report, event, pid);
        if (!wrong && errno != MARK)
                wrong = "errno is not what it was";
        if (aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text) < 0)
                wrong = "it cannot be printed";
        aiu_report_unref(report);
        if (!wrong && live_count_fds() != fds)
                wrong = "a descriptor is left";
        if (wrong && ++wrongs < 20)
                printf("WRONG: %s\n  %s, the holder %s before call %llu:\n%s\n", wrong, place->name, event->name,
                       (unsigned long long)at, text);
        free(text);
        clean_up(place);
        backend_request += happened;
        return happened;
}

static bool is_chosen(const char *name, char **chosen)
{
        if (!*chosen)
                return true;
        for (; *chosen; chosen++)
                if (strstr(name, *chosen))
                        return true;
        return false;
}

static bool may_set_last_pid(const struct live *live)
{
        return live->own_pids && access("/proc/sys/kernel/ns_last_pid", W_OK) == 0;
}

int main(int argc, char **argv)
{
        struct live live;

        (void)argc;
        setvbuf(stdout, NULL, _IOLBF, 0);
        live_isolate(&live);
        places[0] = (struct place){ "tcp", live_ip("127.0.0.1", 7001, 0), SOCK_STREAM };
        places[1] = (struct place){ "udp", live_ip("127.0.0.1", 7001, 0), SOCK_DGRAM };
        places[2] = (struct place){ "unix", live_path("@midway"), SOCK_STREAM };
        for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
                if (!is_chosen(events[i].name, argv + 1))
                        continue;
                if (events[i].happens == recycle && !may_set_last_pid(&live)) {
                        printf("left out: pids cannot be chosen here\n");
                        continue;
                }
                for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
                        uint64_t at = 1;

                        while (try(&places[k], &events[i], at))
                                at++;
                        printf("%-5s the holder %s: before each of %llu calls\n", places[k].name, events[i].name,
                               (unsigned long long)at - 1);
                }
        }
        printf("%llu questions, %llu wrong; %u times the pid went to another process\n",
               (unsigned long long)backend_request, (unsigned long long)wrongs, missed);
        return wrongs || missed > backend_request / 20 ? 1 : 0;
}
