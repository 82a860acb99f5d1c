/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AF_UNIX sockets from NETLINK_SOCK_DIAG. The table cannot be filtered by name, so every socket of the namespace is
 * looked at and the few that matter are kept: of an abstract name its namesakes, of a path the sockets whose file has
 * the inode that is at the path now. Names of paths prove nothing (they are what bind() was given, in another
 * directory or before a rename).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "backend/netlink/sock-diag.h"
#include "util/sys.h"

enum { KERNEL_ESTABLISHED = 1, KERNEL_CLOSE = 7, KERNEL_LISTEN = 10 };

static enum aiu_state state_of(uint8_t state)
{
        switch (state) {
        case KERNEL_LISTEN:
                return AIU_STATE_LISTEN;
        case KERNEL_ESTABLISHED:
                return AIU_STATE_ESTABLISHED;
        case KERNEL_CLOSE:
                return AIU_STATE_BOUND;
        default:
                return AIU_STATE_UNKNOWN;
        }
}

/* The kernel's own dev_t: 12 bits major, 20 bits minor. stat(2) packs it otherwise. */
static uint64_t stat_device(uint32_t kernel_device)
{
        return makedev(kernel_device >> 20, kernel_device & 0xfffff);
}

static void read_name(struct sock_diag_socket *socket, const struct nlattr *attribute)
{
        struct sockaddr_un *un = (struct sockaddr_un *)&socket->local;
        int bytes = nla_len(attribute);

        /* A path of 108 bytes is told with a NUL that the kernel has added: unix_mkname_bsd(). */
        if (bytes == (int)sizeof(un->sun_path) + 1)
                bytes--;
        if (bytes <= 0 || (size_t)bytes > sizeof(un->sun_path))
                return;
        memcpy(un->sun_path, nla_data(attribute), (size_t)bytes);
        socket->fact.local_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)bytes);
}

static void read_attribute(struct sock_diag_socket *socket, const struct nlattr *attribute)
{
        struct unix_diag_vfs vfs;

        switch (nla_type(attribute)) {
        case UNIX_DIAG_NAME:
                read_name(socket, attribute);
                break;
        case UNIX_DIAG_VFS:
                if (nla_len(attribute) < (int)sizeof(vfs))
                        break;
                memcpy(&vfs, nla_data(attribute), sizeof(vfs));
                socket->fact.vfs_inode = vfs.udiag_vfs_ino;
                socket->fact.vfs_device = stat_device(vfs.udiag_vfs_dev);
                break;
        case UNIX_DIAG_UID:
                if (nla_len(attribute) >= 4)
                        socket->fact.uid = nla_get_u32(attribute);
                break;
        default:
                break;
        }
}

int sock_diag_parse_unix(const struct nlmsghdr *message, struct sock_diag_socket *ret)
{
        const struct unix_diag_msg *m = nlmsg_data(message);
        const struct nlattr *attribute;
        int left;

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
                return -EBADMSG;
        if (m->udiag_family != AF_UNIX)
                return 0;
        memset(&ret->local, 0, sizeof(ret->local));
        ret->local.ss_family = AF_UNIX;
        ret->fact = (struct aiu_socket_fact){
                .size = sizeof(ret->fact),
                .type = m->udiag_type,
                .state = state_of(m->udiag_state),
                .local = (const struct sockaddr *)&ret->local,
                .inode = m->udiag_ino,
                .cookie = sock_diag_cookie(m->udiag_cookie),
                .uid = (uid_t)-1,
        };
        left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
        attribute = (const struct nlattr *)((const char *)m + NLMSG_ALIGN(sizeof(*m)));
        for (; nla_ok(attribute, left); attribute = nla_next(attribute, &left))
                read_attribute(ret, attribute);
        return ret->fact.local_len > 0;
}

struct dump {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct aiu_host_fact host; /* name_inode: of what is at the path; 0 = nothing, or an abstract name */
        bool all;                  /* for a survey: each that has a name */
        bool connections;          /* the second round: no socket that has the name by itself was seen */
        bool owner_seen;           /* a socket that has the name by itself */
        bool connection_seen;      /* one that has it, perhaps, from its listener */
};

static bool is_wanted(const struct dump *dump, const struct aiu_socket_fact *fact)
{
        if (dump->all)
                return true;
        if (dump->host.name_inode != 0)
                return (uint32_t)fact->vfs_inode == (uint32_t)dump->host.name_inode;
        return fact->local_len == dump->request->address_len &&
               memcmp(fact->local, dump->request->address, fact->local_len) == 0;
}

/*
 * A connection that a listener accepted carries the listener's name, but not its
 * place in the table; one that was bound before it connected has both. The two
 * look alike. Datagram sockets are never accepted: connected, they keep the name.
 */
static bool is_connection(const struct aiu_socket_fact *fact)
{
        return fact->state == AIU_STATE_ESTABLISHED && fact->type != SOCK_DGRAM;
}

/*
 * Each subvolume of btrfs counts its inodes from the start, and all have one device here: the name tells them apart,
 * where it can be looked up. Elsewhere the two numbers are exact.
 */
static void check_device(const struct dump *dump, struct sock_diag_socket *socket)
{
        const struct aiu_host_fact *host = &dump->host;
        const struct sockaddr_un *un = (const struct sockaddr_un *)&socket->local;
        char path[sizeof(un->sun_path) + 1] = "";
        struct stat st;

        if (host->name_inode == 0 || host->name_fs_device == 0 || socket->fact.vfs_device != host->name_fs_device ||
            host->name_device == host->name_fs_device)
                return;
        memcpy(path, un->sun_path, socket->fact.local_len - offsetof(struct sockaddr_un, sun_path));
        if (path[0] != '/' || sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                socket->fact.vfs_device = 0;
        else if (st.st_ino != host->name_inode || st.st_dev != host->name_device)
                socket->fact.vfs_inode = 0;
}

static int take_socket(void *userdata, struct nlmsghdr *message)
{
        struct dump *dump = userdata;
        struct sock_diag_socket socket;
        int r;

        r = sock_diag_parse_unix(message, &socket);
        if (r <= 0 || !is_wanted(dump, &socket.fact))
                return r < 0 ? r : 0;
        if (is_connection(&socket.fact) && !dump->connections) {
                dump->connection_seen = true;
                return 0;
        }
        if (dump->connections && socket.fact.inode == 0) /* not accepted yet: no process has it */
                return 0;
        check_device(dump, &socket);
        if (dump->host.name_inode != 0 && socket.fact.vfs_inode == 0)
                return 0;
        dump->owner_seen = true;
        r = aiu_snapshot_add_socket(dump->snapshot, &socket.fact);
        return r == -ENOBUFS ? 0 : r;
}

/* Only connections: their listener is gone and the name is free, or one of them owns it. */
static int no_owner(struct aiu_snapshot *snapshot)
{
        (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_UNKNOWN, 0,
                                   "only connected sockets have this name: one of them was bound to it, or a listener "
                                   "that is gone accepted them, and the kernel does not show which");
        return AIU_PARTIAL;
}

static int run_dump(struct netlink *netlink, struct dump *dump)
{
        struct unix_diag_req header = {
                .sdiag_family = AF_UNIX,
                .udiag_states = 0xffffffffu,
                .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_UID,
        };
        struct nl_msg *message;
        int r;

        message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
        if (!message)
                return -ENOMEM;
        r = nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
        if (r >= 0)
                r = netlink_request(netlink, dump->request, message, take_socket, dump);
        else
                r = -ENOMEM;
        nlmsg_free(message);
        return r;
}

/*
 * A socket is bound to the file, and none of this namespace is it by itself. One that bound before it connected is
 * among the connections, and so is what the server of another namespace has accepted from here.
 */
static int dump_connections(struct netlink *netlink, struct dump *dump)
{
        int r;

        dump->connections = true;
        r = run_dump(netlink, dump);
        return r < 0 ? r : AIU_PARTIAL;
}

int sock_diag_dump_unix(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct dump dump = { .request = request, .snapshot = snapshot, .host = { .size = sizeof(dump.host) } };
        int r;

        dump.all = request->address_len <= offsetof(struct sockaddr_un, sun_path);
        if (dump.all)
                return run_dump(netlink, &dump);
        (void)aiu_snapshot_get_host(snapshot, &dump.host);
        /* It was shown that no socket is bound to what is at the path. */
        if (dump.host.name_inode != 0 && dump.host.name_live == AIU_TRISTATE_NO)
                return AIU_COMPLETE;
        r = run_dump(netlink, &dump);
        if (r != 0 || dump.owner_seen)
                return r;
        if (dump.host.name_inode != 0 && dump.host.name_live == AIU_TRISTATE_YES)
                return dump_connections(netlink, &dump);
        return dump.connection_seen ? no_owner(snapshot) : r;
}
