/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Four programs for one question: walk_port lists the sockets on a port of the caller's network namespace,
 * find_holders compares each descriptor of each process with their files, read_files counts references to these,
 * find_own looks at the socket that is asked about. None is attached: the module runs them.
 *
 * The tables are read without their locks, so whatever is followed is checked against the port and the namespace.
 *
 * Kernels before 6.7 verify the callback of bpf_loop() only once, with the first state of its context. A member that
 * begins as a known 0 counts as 0 in each step, and the code for other values is removed: such a walk sees no socket, and
 * nothing fails. So members begin as wire->zero, which the verifier cannot know.
 */
#include "core.h"
#include "tables.h"
#include "wire.h"

/* bpf_probe_read_kernel() is for programs under the GPL. The licence of the module's own code is not affected. */
char LICENSE[] SECTION("license") = "GPL";

struct {
        MAP_NUMBER(type, MAP_ARRAY);
        MAP_NUMBER(max_entries, 1);
        MAP_NUMBER(map_flags, MAP_MMAPABLE);
        MAP_TYPE(key, __u32);
        MAP_TYPE(value, struct wire);
} wire SECTION(".maps");

enum {
        MOST_STEPS = 1 << 20,
};

INLINE struct wire *get_wire(void)
{
        __u32 zero = 0;

        return map_lookup(&wire, &zero);
}

/* ---- walk_port */

struct walk {
        struct wire *wire;
        struct chain chain;
        __s32 l3mdev;
        __u32 udp, slot, mask;
};

/* A function of its own, so that the verifier goes through it once. It takes numbers alone. */
__attribute__((noinline)) int take_socket(__u64 sock, __s32 l3mdev, __u32 udp)
{
        struct sock_common *from = (struct sock_common *)sock;
        struct wire *w = get_wire();
        struct wire_socket *to;
        __u32 k;

        if (!w)
                return 0;
        k = w->n_sockets;
        if (k >= WIRE_SOCKETS) {
                w->status = WIRE_CUT;
                return 0;
        }
        w->n_sockets = k + 1;
        to = &w->sockets[k];
        __builtin_memset(to, 0, sizeof(*to));
        to->l3mdev = l3mdev;
        read_any(to, from, udp);
        return 0;
}

INLINE int on_owner(struct walk *walk)
{
        struct sock_common *sock = CONTAINER(walk->chain.owner, struct sock_common, skc_bind_node);
        struct hlist_node *next = READ(walk->chain.owner, next);

        if (READ(sock, skc_num) != walk->chain.port || READ(sock, skc_net.net) != walk->chain.net) {
                walk->wire->status = WIRE_ASTRAY;
                return 1;
        }
        take_socket((__u64)sock, walk->l3mdev, 0);
        walk->chain.owner = next;
        return 0;
}

/* The slot has other ports and, before 6.2, other namespaces. */
INLINE int on_udp(struct walk *walk)
{
        struct sock_common *sock = CONTAINER(walk->chain.owner, struct sock_common, skc_node);
        struct hlist_node *next = READ(walk->chain.owner, next);
        struct net *net = READ(sock, skc_net.net);
        __u32 port = READ(sock, skc_num);

        if (((port + READ(net, hash_mix)) & walk->mask) != walk->slot) {
                walk->wire->status = WIRE_ASTRAY;
                return 1;
        }
        if (port == walk->chain.port && net == walk->chain.net)
                take_socket((__u64)sock, 0, 1);
        walk->chain.owner = next;
        return 0;
}

INLINE void read_bucket(struct wire *w, struct inet_bind_bucket *from, __s32 l3mdev)
{
        __u32 k = w->n_buckets;
        struct wire_bucket *to;

        if (k >= WIRE_BUCKETS) {
                w->status = WIRE_CUT;
                return;
        }
        w->n_buckets = k + 1;
        to = &w->buckets[k];
        to->l3mdev = l3mdev;
        to->fastreuse = READ(from, fastreuse);
        to->fastreuseport = READ(from, fastreuseport);
        to->v6only = READ(from, fast_ipv6_only);
        to->uid = READ(from, fastuid.val);
        to->v4 = READ(from, fast_rcv_saddr);
        to->family = READ(from, fast_sk_family);
        READ_INTO(to->v6, from, fast_v6_rcv_saddr);
}

INLINE int on_bucket(struct walk *walk)
{
        struct inet_bind_bucket *bucket = enter_bucket(&walk->chain);

        if (!bucket)
                return 0;
        walk->l3mdev = READ(bucket, l3mdev);
        read_bucket(walk->wire, bucket, walk->l3mdev);
        return 0;
}

static long step(__u32 i, struct walk *walk)
{
        walk->wire->n_steps++;
        if (walk->chain.owner)
                return walk->udp ? on_udp(walk) : on_owner(walk);
        if (has_bucket2(&walk->chain)) {
                enter_bucket2(&walk->chain);
                return 0;
        }
        return walk->chain.bucket ? on_bucket(walk) : 1;
}

INLINE int begin(struct walk *walk)
{
        struct udp_hslot *slot;
        __u32 mask = 0;

        if (walk->wire->protocol == TCP)
                return begin_tcp(&walk->chain);
        slot = begin_udp(&walk->chain, &mask);
        if (!slot)
                return 0;
        walk->mask = mask;
        walk->slot = (walk->chain.port + READ(walk->chain.net, hash_mix)) & mask;
        walk->udp = 1;
        walk->wire->n_in_slot = (__u32)READ(slot, count);
        return 1;
}

/* Never attached. BPF_PROG_TEST_RUN runs a program of this type under rcu_read_lock(), unlike one of type "syscall". */
SECTION("raw_tp/sys_enter") int walk_port(void *unused)
{
        struct task_struct *task = (struct task_struct *)current_task();
        struct nsproxy *nsproxy = READ(task, nsproxy);
        struct wire *w = get_wire();
        struct walk walk;
        __u64 zero;
        long n;

        if (!w)
                return 0;
        zero = *(volatile __u64 *)&w->zero;
        walk = (struct walk){
                .wire = w,
                .chain = { .net = READ(nsproxy, net_ns),
                           .bucket = (void *)zero,
                           .bucket2 = (void *)zero,
                           .owner = (void *)zero,
                           .port = w->port },
                .l3mdev = (__s32)zero,
                .udp = (__u32)zero,
                .slot = (__u32)zero,
                .mask = (__u32)zero,
        };
        w->n_sockets = w->n_buckets = w->n_in_slot = 0;
        w->n_steps = 0;
        w->status = WIRE_NO_TABLE;
        if (!begin(&walk))
                return 0;
        w->status = WIRE_DONE;
        n = loop(MOST_STEPS, step, &walk, 0);
        if (n < 0 || n >= MOST_STEPS)
                w->status = WIRE_CUT;
        return 0;
}

/* ---- find_holders */

enum {
        BLOCK = 64, /* the kernel makes tables in multiples of that: alloc_fdtable() */
        MOST_BLOCKS = 1 << 17,
};

struct block {
        __u64 files[BLOCK];
};

struct {
        MAP_NUMBER(type, MAP_PERCPU_ARRAY);
        MAP_NUMBER(max_entries, 1);
        MAP_TYPE(key, __u32);
        MAP_TYPE(value, struct block);
} block SECTION(".maps");

struct table {
        struct wire *wire;
        struct files_struct *files;
        struct file **fds;
        __u64 least, span;
        __u32 n_fds, pid, thread;
};

/* Which of the wanted files, in ascending order, may this be? */
struct halving {
        struct wire *wire;
        __u64 file;
        __u32 at, half;
};

static long halve(__u32 i, struct halving *halving)
{
        __u32 middle = halving->at + halving->half;

        if (halving->wire->wanted[BOUNDED(middle, WIRE_WANTED)] <= halving->file)
                halving->at = middle;
        halving->half /= 2;
        return 0;
}

/* By bpf_loop(): the verifier would follow both branches of each step of a plain loop. */
INLINE __u64 find_wanted(struct wire *w, __u64 file)
{
        __u32 zero = (__u32) * (volatile __u64 *)&w->zero;
        struct halving halving = { .wire = w, .file = file, .at = zero, .half = zero + WIRE_WANTED / 2 };

        loop(WIRE_WANTED_BITS, halve, &halving, 0);
        return BOUNDED(halving.at, WIRE_WANTED);
}

__attribute__((noinline)) int compare(__u64 file, __u64 table, __u64 task, __u32 fd)
{
        struct wire *w = get_wire();
        struct wire_hit *hit;
        __u32 k;

        if (!w || w->wanted[find_wanted(w, file)] != file)
                return 0;
        k = w->n_hits;
        if (k >= WIRE_HITS) {
                w->status = WIRE_CUT;
                return 0;
        }
        w->n_hits = k + 1;
        hit = &w->hits[k];
        hit->file = file;
        hit->table = table;
        hit->pid = (__u32)(task >> 32);
        hit->thread = (__u32)task;
        hit->fd = fd;
        return 0;
}

static long read_block(__u32 i, struct table *table)
{
        __u32 zero = 0, first = i * BLOCK;
        struct block *b;

        if (first >= table->n_fds)
                return 1;
        b = map_lookup(&block, &zero);
        if (!b || read_kernel(b, sizeof(*b), table->fds + first)) {
                table->wire->n_unread++;
                return 1;
        }
#pragma clang loop unroll(disable)
        for (__u32 k = 0; k < BLOCK; k++) {
                __u64 file = b->files[k];

                if (file - table->least <= table->span)
                        compare(file, (__u64)table->files, (__u64)table->pid << 32 | table->thread, first + k);
        }
        return 0;
}

/* The number of a task in the pid namespace of the reader, which is in it or below. */
INLINE __u32 number_of(struct task_struct *task, __u32 level)
{
        struct pid *pid = READ(task, thread_pid);
        char *number = (char *)pid + OFFSET(struct pid, numbers) + (__u64)level * BYTES(struct upid);

        return (__u32)READ((struct upid *)number, nr);
}

/* A thread usually shares the table of its process. */
INLINE int has_own_table(struct task_struct *task, struct task_struct *leader, struct files_struct *files)
{
        return task == leader || files != READ(leader, files);
}

SECTION("iter/task") int find_holders(struct bpf_iter__task *context)
{
        struct task_struct *task = context->task, *leader, *reader = (struct task_struct *)current_task();
        struct pid *pid = READ(reader, thread_pid);
        struct wire *w = get_wire();
        struct files_struct *files;
        struct fdtable *fdt;
        struct table table;
        __u32 level = READ(pid, level);
        long n;

        if (!task || !w || w->n_wanted == 0 || w->n_wanted > WIRE_WANTED)
                return 0;
        files = READ(task, files);
        leader = READ(task, group_leader);
        if (!files || !has_own_table(task, leader, files))
                return 0;
        fdt = READ(files, fdt);
        table = (struct table){
                .wire = w,
                .files = files,
                .fds = READ(fdt, fd),
                .least = w->wanted[0],
                .span = w->wanted[(w->n_wanted - 1) & (WIRE_WANTED - 1)] - w->wanted[0],
                .n_fds = READ(fdt, max_fds),
                .pid = number_of(leader, level),
                .thread = number_of(task, level),
        };
        w->n_tables++;
        n = loop(MOST_BLOCKS, read_block, &table, 0);
        if (n < 0 || n >= MOST_BLOCKS)
                w->n_unread++;
        return 0;
}

/* ---- read_files */

static long read_file(__u32 i, struct wire **context)
{
        struct wire *w = *context;
        struct inode *inode;
        struct file *file;

        if (i >= w->n_wanted)
                return 1;
        i = BOUNDED(i, WIRE_WANTED);
        file = (struct file *)w->wanted[i];
        inode = READ(file, f_inode);
        w->inodes[i] = READ(inode, i_ino);
        w->references[i] = count_references(file);
        return 0;
}

SECTION("raw_tp/sys_enter") int read_files(void *unused)
{
        struct wire *w = get_wire();

        if (w)
                loop(WIRE_WANTED, read_file, &w, 0);
        return 0;
}

/* ---- find_own */

struct own {
        struct wire *wire;
        struct file **fds;
        __u32 n_fds;
};

/* inet_bind_conflict() and udp_lib_lport_inuse() ask for sk_reuseport_cb. A socket without a port has none but its own. */
INLINE __u32 read_group(struct sock *sock)
{
        struct sock_reuseport *group = READ(sock, sk_reuseport_cb);

        if (!group)
                return WIRE_GROUP_NONE;
        if (EXISTS(struct sock_reuseport, num_closed_socks) && READ(group, num_closed_socks) > 0)
                return WIRE_GROUP_CLOSED;
        return WIRE_GROUP_OWN;
}

/* What is no socket has another `file` there, or none. */
static long look_at(__u32 i, struct own *own)
{
        struct wire *w = own->wire;
        struct socket *socket;
        struct inode *inode;
        struct file *file = NULL;
        struct sock *sock;

        if (i >= own->n_fds)
                return 1;
        read_kernel(&file, sizeof(file), own->fds + i);
        if (!file)
                return 0;
        inode = READ(file, f_inode);
        if (READ(inode, i_ino) != w->own_inode)
                return 0;
        socket = READ(file, private_data);
        if (READ(socket, file) != file)
                return 0;
        sock = READ(socket, sk);
        if ((__u64)READ(sock, __sk_common.skc_cookie.counter) != w->own_cookie)
                return 0;
        w->group = read_group(sock);
        return 1;
}

SECTION("iter/task") int find_own(struct bpf_iter__task *context)
{
        struct task_struct *task = context->task;
        struct wire *w = get_wire();
        struct files_struct *files;
        struct fdtable *fdt;
        struct own own;

        if (!task || !w || w->group != WIRE_GROUP_UNSEEN)
                return 0;
        files = READ(task, files);
        if (!files || !has_own_table(task, READ(task, group_leader), files))
                return 0;
        fdt = READ(files, fdt);
        own = (struct own){ .wire = w, .fds = READ(fdt, fd), .n_fds = READ(fdt, max_fds) };
        loop(MOST_STEPS, look_at, &own, 0);
        return 0;
}
