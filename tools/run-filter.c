/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A seccomp filter for bind(2) and listen(2) in every form that a program of this machine has, and nothing else. */
#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"

#define NONE UINT32_MAX
#define X32_BIT 0x40000000u

/* socketcall(2) has these for its first argument. */
enum { CALL_BIND = 2, CALL_LISTEN = 4 };

/* The numbers of a system call in one ABI; syscall tables of the kernel, arch/.../syscall.tbl. */
static const struct abi {
        uint32_t arch, bind, listen, socketcall;
} abis[] = {
#if defined(__x86_64__)
        { AUDIT_ARCH_X86_64, 49, 50, NONE },
        { AUDIT_ARCH_I386, 361, 363, 102 },
#elif defined(__i386__)
        { AUDIT_ARCH_I386, 361, 363, 102 },
#elif defined(__aarch64__)
        { AUDIT_ARCH_AARCH64, 200, 201, NONE },
        { AUDIT_ARCH_ARM, 282, 284, NONE },
#elif defined(__riscv) && __riscv_xlen == 64
        { AUDIT_ARCH_RISCV64, 200, 201, NONE },
#elif defined(__s390x__)
        { AUDIT_ARCH_S390X, 361, 363, 102 },
        { AUDIT_ARCH_S390, 361, 363, 102 },
#elif defined(__powerpc64__) && __BYTE_ORDER == __LITTLE_ENDIAN
        { AUDIT_ARCH_PPC64LE, 327, 329, 102 },
#else
        { 0, NONE, NONE, NONE },
#endif
};

#define N_ABIS (sizeof(abis) / sizeof(abis[0]))
#define MOST_STEPS 64

/* ------------------------------------------------------ the program */

struct program {
        struct sock_filter steps[MOST_STEPS];
        unsigned short n;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
        p->steps[p->n++] = (struct sock_filter){ code, if_true, if_false, k };
}

static void load(struct program *p, size_t offset)
{
        add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* If the loaded word is this one, the answer is `action`. */
static void answer_if(struct program *p, uint32_t word, unsigned int action)
{
        add(p, BPF_JMP | BPF_JEQ | BPF_K, word, 0, 1);
        add(p, BPF_RET | BPF_K, action, 0, 0);
}

static void add_abi(struct program *p, const struct abi *abi, unsigned int action)
{
        size_t low = offsetof(struct seccomp_data, args[0]) + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0);
        unsigned short jump;

        load(p, offsetof(struct seccomp_data, arch));
        jump = p->n;
        add(p, BPF_JMP | BPF_JEQ | BPF_K, abi->arch, 0, 0);
        load(p, offsetof(struct seccomp_data, nr));
        answer_if(p, abi->bind, action);
        answer_if(p, abi->listen, action);
        /* A kernel without x32 answers ENOSYS to these: see the tracer. */
        if (abi->arch == AUDIT_ARCH_X86_64) {
                answer_if(p, X32_BIT | abi->bind, action);
                answer_if(p, X32_BIT | abi->listen, action);
        }
        if (abi->socketcall != NONE) {
                add(p, BPF_JMP | BPF_JEQ | BPF_K, abi->socketcall, 1, 0);
                add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
                load(p, low);
                answer_if(p, CALL_BIND, action);
                answer_if(p, CALL_LISTEN, action);
        }
        add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
        p->steps[jump].jf = (uint8_t)(p->n - jump - 1);
}

/* With CAP_SYS_ADMIN it needs no no_new_privs, and setuid programs keep their privilege. */
int run_install_filter(unsigned int action, unsigned int flags)
{
        struct program p = { .n = 0 };
        struct sock_fprog program = { 0, p.steps };
        long r;

        if (abis[0].arch == 0)
                return -ENOSYS;
        for (size_t i = 0; i < N_ABIS; i++)
                add_abi(&p, &abis[i], action);
        add(&p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
        program.len = p.n;
        r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
        if (r < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
                r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
        return r < 0 ? -errno : (int)r;
}

/* ------------------------------------------------------ the call */

static const struct abi *find_abi(uint32_t arch)
{
        for (size_t i = 0; i < N_ABIS; i++)
                if (abis[i].arch == arch)
                        return &abis[i];
        return NULL;
}

/* socketcall(2): the arguments are words in memory. Only 64-bit s390x and powerpc have long ones. */
static bool decode_socketcall(pid_t tid, uint32_t arch, const uint64_t *args, struct run_call *ret)
{
        uint64_t wide[3] = { 0 };
        uint32_t narrow[3] = { 0 };
        bool is_wide = (arch & __AUDIT_ARCH_64BIT) != 0;

        if (!run_read_memory(tid, args[1], is_wide ? (void *)wide : (void *)narrow,
                             is_wide ? sizeof(wide) : sizeof(narrow)))
                return false;
        ret->listen = (uint32_t)args[0] == CALL_LISTEN;
        ret->fd = (int)(is_wide ? wide[0] : narrow[0]);
        ret->address = is_wide ? wide[1] : narrow[1];
        ret->bytes = (uint32_t)(is_wide ? wide[2] : narrow[2]);
        return true;
}

bool run_decode(pid_t tid, uint32_t arch, uint64_t nr, const uint64_t *args, struct run_call *ret)
{
        const struct abi *abi = find_abi(arch);
        uint32_t number = (uint32_t)nr;

        if (!abi)
                return false;
        if (abi->socketcall != NONE && number == abi->socketcall)
                return decode_socketcall(tid, arch, args, ret);
        if (arch == AUDIT_ARCH_X86_64)
                number &= ~X32_BIT;
        if (number != abi->bind && number != abi->listen)
                return false;
        ret->listen = number == abi->listen;
        ret->fd = (int)args[0];
        ret->address = args[1];
        ret->bytes = (uint32_t)args[2];
        return true;
}
