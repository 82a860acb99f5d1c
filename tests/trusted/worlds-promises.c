/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an embedding program relies on. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worlds.h"

/* ThreadSanitizer follows descriptors, and does not know pidfd_getfd(2): one that comes from
 * there looks like the one that had its number before. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
        return "race:^borrow$\n";
}

static void *ask_often(void *unused)
{
        for (int i = 0; i < 200; i++) {
                struct aiu_report *report = ask(i % 2 ? HELD : FREE, 0);

                check_report(report, i % 2 ? AIU_VERDICT_IN_USE : AIU_VERDICT_AVAILABLE);
                aiu_report_unref(report);
        }
        return unused;
}

void threads(void)
{
        pthread_t list[8];

        for (int i = 0; i < 8; i++)
                if (pthread_create(&list[i], NULL, ask_often, NULL) != 0)
                        wrong("pthread_create");
        for (int i = 0; i < 8; i++)
                pthread_join(list[i], NULL);
        must_know(0);
}

/* A context that was made before fork(2) serves both. */
void after_fork(void)
{
        struct aiu_context *context = NULL;
        int status;
        pid_t pid;

        if (aiu_context_new(&context) < 0)
                wrong("aiu_context_new");
        pid = fork();
        for (int i = 0; i < 50; i++) {
                struct aiu_query *query = NULL;
                struct aiu_report *report = NULL;

                if (aiu_query_new(context, &query) < 0 ||
                    aiu_query_set_address_string(query, "127.0.0.1", HELD) < 0 ||
                    aiu_query_run(query, &report) < 0)
                        wrong("the query");
                check_report(report, AIU_VERDICT_IN_USE);
                aiu_report_unref(report);
                aiu_query_unref(query);
        }
        aiu_context_unref(context);
        if (pid == 0)
                _exit(0);
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                wrong("the child");
}

static long resident_kib(void)
{
        long pages = 0, ignored;
        FILE *file = fopen("/proc/self/statm", "re");

        if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2)
                wrong("/proc/self/statm");
        fclose(file);
        return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

void memory_is_flat(void)
{
        int n = getenv("AIU_LONG") ? 100000 : 5000;
        long before, after;

        for (int i = 0; i < 200; i++)
                must_know(0);
        before = resident_kib();
        for (int i = 0; i < n; i++)
                must_know(0);
        after = resident_kib();
        printf("     %d probes of each port: %+ld KiB\n", n, after - before);
        if (labs(after - before) > 64)
                wrong("it grows");
}

#define STACK_BYTES (512u * 1024)
#define PAINT 0xa5

static void *probe_once(void *unused)
{
        must_know(0);
        return unused;
}

/* How much stack a probe takes: paint it, use it, look how deep the paint is gone. */
void little_stack(void)
{
        pthread_attr_t attributes;
        pthread_t thread;
        unsigned char *stack =
                mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        size_t clean = 0;

        if (stack == MAP_FAILED)
                wrong("mmap");
        memset(stack, PAINT, STACK_BYTES);
        pthread_attr_init(&attributes);
        if (pthread_attr_setstack(&attributes, stack, STACK_BYTES) != 0 ||
            pthread_create(&thread, &attributes, probe_once, NULL) != 0)
                wrong("pthread_create");
        pthread_join(thread, NULL);
        while (clean < STACK_BYTES && stack[clean] == PAINT)
                clean++;
        printf("     %zu KiB of stack, with those of the thread itself\n",
               (STACK_BYTES - clean) / 1024);
        if (STACK_BYTES - clean > 64 * 1024)
                wrong("that is a lot");
}

static unsigned int count_threads(void)
{
        unsigned int n = 0;
        FILE *file = fopen("/proc/self/status", "re");
        char line[256];

        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "Threads: %u", &n) == 1)
                        break;
        if (file)
                fclose(file);
        return n;
}

/* No thread, child, signal, output, working directory, umask or environment of its own. */
void nothing_changes(void)
{
        struct sigaction before[32], after;
        char here[4096], there[4096];
        sigset_t mask, mask_after;

        umask(0123);
        if (!getcwd(here, sizeof(here)))
                wrong("getcwd");
        for (int i = 1; i < 32; i++)
                (void)sigaction(i, NULL, &before[i]);
        sigprocmask(SIG_SETMASK, NULL, &mask);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
        must_know(0);
        for (int i = 1; i < 32; i++) {
                (void)sigaction(i, NULL, &after);
                if (after.sa_handler != before[i].sa_handler ||
                    after.sa_flags != before[i].sa_flags)
                        wrong("signal %d", i);
        }
        sigprocmask(SIG_SETMASK, NULL, &mask_after);
        if (memcmp(&mask, &mask_after, sizeof(mask)) != 0)
                wrong("the signal mask");
        if (umask(0) != 0123)
                wrong("the umask");
        if (!getcwd(there, sizeof(there)) || strcmp(here, there) != 0)
                wrong("the working directory");
        if (count_threads() != 1)
                wrong("a thread");
        if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
                wrong("a child");
}
