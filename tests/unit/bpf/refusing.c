/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See refusing.h. */
#include <check.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/sys-bpf.h"
#include "refusing.h"
#include "util/sys-fault.h"

static unsigned int n_calls, failing_call;
static int failing_errno;

static int fail_call(void)
{
        return ++n_calls == failing_call ? failing_errno : 0;
}

static int fail_sys(enum sys_call which)
{
        return which == SYS_CALL_CLOSE || which == SYS_CALL_CLOCK ? 0 : fail_call();
}

void refusing_begin(unsigned int at, int error)
{
        n_calls = 0;
        failing_call = at;
        failing_errno = error;
        sys_fault = fail_sys;
        sys_bpf_fault = fail_call;
}

bool refusing_end(void)
{
        sys_fault = NULL;
        sys_bpf_fault = NULL;
        return failing_call != 0 && n_calls >= failing_call;
}

unsigned int count_descriptors(void)
{
        unsigned int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

struct aiu_context *new_context(void)
{
        struct aiu_context *context = NULL;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        return context;
}

bool raise_loopback(void)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        bool done = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &up) == 0;

        if (fd >= 0)
                close(fd);
        return done;
}
