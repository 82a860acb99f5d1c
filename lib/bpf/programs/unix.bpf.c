/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which AF_UNIX sockets of the caller's network namespace have a name? The kernel's iterator goes through its table, one
 * locked bucket after the other: a socket that has the name all the time is seen.
 *
 * What a listener accepts has the listener's name as well, and no system call shows the difference. The table does:
 * unix_bind_abstract() moves a socket into its upper half, and what was accepted stays in the lower one.
 */
#include "core.h"
#include "unix-wire.h"

/* bpf_probe_read_kernel() is for programs under the GPL. The licence of the module's own code is not affected. */
char LICENSE[] SECTION("license") = "GPL";

struct {
        MAP_NUMBER(type, MAP_ARRAY);
        MAP_NUMBER(max_entries, 1);
        MAP_NUMBER(map_flags, MAP_MMAPABLE);
        MAP_TYPE(key, __u32);
        MAP_TYPE(value, struct unix_wire);
} unix_wire SECTION(".maps");

enum { LAST_UNBOUND = 255 }; /* UNIX_HASH_MOD: a macro, so that the self-test has to prove it */

INLINE int has_name(struct unix_address *address, struct unix_wire *w)
{
        __u64 name[UNIX_WIRE_NAME / 8] = { 0 };
        __u64 *wanted = (__u64 *)w->name;
        __u64 differ = 0;
        __u32 bytes = w->name_bytes;

        if (READ(address, len) != (int)(bytes + sizeof(unsigned short)) || bytes >= UNIX_WIRE_NAME)
                return 0;
        read_kernel(name, BOUNDED(bytes, UNIX_WIRE_NAME),
                    (char *)address + OFFSET(struct unix_address, name) + OFFSET(struct sockaddr_un, sun_path));
        for (int i = 0; i < UNIX_WIRE_NAME / 8; i++)
                differ |= name[i] ^ wanted[i];
        return !differ;
}

INLINE int has_file(struct unix_sock *sock, struct unix_wire *w)
{
        struct dentry *dentry = READ(sock, path.dentry);
        struct inode *inode;

        if (!dentry)
                return 0;
        inode = READ(dentry, d_inode);
        return inode && READ(inode, i_ino) == w->file_inode;
}

INLINE void take_sock(struct unix_wire *w, struct sock *sock, __u32 uid)
{
        __u32 k = w->n_sockets;
        struct unix_wire_socket *to;
        struct socket *socket;
        struct inode *inode;

        if (k >= UNIX_WIRE_SOCKETS) {
                w->cut = 1;
                return;
        }
        w->n_sockets = k + 1;
        to = &w->sockets[k];
        to->uid = uid;
        to->type = READ(sock, sk_type);
        to->state = READ(sock, __sk_common.skc_state);
        to->cookie = (__u64)READ(sock, __sk_common.skc_cookie.counter);
        socket = READ(sock, sk_socket);
        to->file = socket ? (__u64)READ(socket, file) : 0;
        to->inode = 0;
        if (!to->file)
                return;
        inode = READ((struct file *)to->file, f_inode);
        to->inode = READ(inode, i_ino);
}

SECTION("iter/unix") int walk_unix(struct bpf_iter__unix *context)
{
        struct unix_sock *sock = context->unix_sk;
        struct unix_address *address;
        struct unix_wire *w;
        __u32 zero = 0, bound;

        w = map_lookup(&unix_wire, &zero);
        if (!sock || !w)
                return 0;
        w->n_seen++;
        address = READ(sock, addr);
        if (!address)
                return 0;
        bound = READ(sock, sk.__sk_common.skc_hash) > LAST_UNBOUND;
        if (w->name_bytes == 0) {
                if (has_file(sock, w))
                        take_sock(w, (struct sock *)sock, context->uid);
        } else if (has_name(address, w)) {
                if (bound)
                        take_sock(w, (struct sock *)sock, context->uid);
                else
                        w->n_accepted++;
        }
        return 0;
}
