/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AF_VSOCK and AF_NETLINK sockets from NETLINK_SOCK_DIAG (net/vmw_vsock/diag.c, net/netlink/diag.c). Neither table can
 * be filtered by port. Of AF_NETLINK every socket of the protocol is kept: whether the one asked about has a port id is
 * seen here alone.
 */
#include <errno.h>
#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/vm_sockets.h>
#include <linux/vm_sockets_diag.h>

#include "backend/netlink/sock-diag.h"
#include "util/sys.h"

enum { KERNEL_ESTABLISHED = 1, KERNEL_SYN_SENT = 2, KERNEL_LISTEN = 10, KERNEL_CLOSING = 11 };

/* vsock borrows TCP's states. What binds, and neither listens nor connects, is in TCP_CLOSE. */
static enum aiu_state vsock_state(uint8_t state)
{
        switch (state) {
        case KERNEL_ESTABLISHED:
                return AIU_STATE_ESTABLISHED;
        case KERNEL_SYN_SENT:
                return AIU_STATE_SYN_SENT;
        case KERNEL_LISTEN:
                return AIU_STATE_LISTEN;
        case KERNEL_CLOSING:
                return AIU_STATE_CLOSING;
        default:
                return AIU_STATE_BOUND;
        }
}

static void set_vsock(struct sockaddr_storage *to, uint32_t cid, uint32_t port)
{
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };

        memset(to, 0, sizeof(*to));
        memcpy(to, &vm, sizeof(vm));
}

int sock_diag_parse_vsock(const struct nlmsghdr *message, struct sock_diag_socket *ret)
{
        const struct vsock_diag_msg *m = nlmsg_data(message);

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
                return -EBADMSG;
        if (m->vdiag_family != AF_VSOCK || m->vdiag_src_port == VMADDR_PORT_ANY)
                return 0;
        set_vsock(&ret->local, m->vdiag_src_cid, m->vdiag_src_port);
        set_vsock(&ret->peer, m->vdiag_dst_cid, m->vdiag_dst_port);
        ret->fact = (struct aiu_socket_fact){
                .size = sizeof(ret->fact),
                .type = m->vdiag_type,
                .state = vsock_state(m->vdiag_state),
                .local = (const struct sockaddr *)&ret->local,
                .local_len = sizeof(struct sockaddr_vm),
                .inode = m->vdiag_ino,
                .cookie = sock_diag_cookie(m->vdiag_cookie),
                .uid = (uid_t)-1,
        };
        if (m->vdiag_dst_port != VMADDR_PORT_ANY) {
                ret->fact.peer = (const struct sockaddr *)&ret->peer;
                ret->fact.peer_len = sizeof(struct sockaddr_vm);
        }
        return 1;
}

int sock_diag_parse_netlink(const struct nlmsghdr *message, int protocol, struct sock_diag_socket *ret)
{
        const struct netlink_diag_msg *m = nlmsg_data(message);
        struct sockaddr_nl nl = { .nl_family = AF_NETLINK };

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
                return -EBADMSG;
        /* The kernel's own sockets have port id 0. */
        if (m->ndiag_family != AF_NETLINK || m->ndiag_protocol != protocol || m->ndiag_portid == 0)
                return 0;
        nl.nl_pid = m->ndiag_portid;
        memset(&ret->local, 0, sizeof(ret->local));
        memcpy(&ret->local, &nl, sizeof(nl));
        ret->fact = (struct aiu_socket_fact){
                .size = sizeof(ret->fact),
                .type = m->ndiag_type,
                .protocol = protocol,
                .state = AIU_STATE_BOUND,
                .local = (const struct sockaddr *)&ret->local,
                .local_len = sizeof(nl),
                .inode = m->ndiag_ino,
                .cookie = sock_diag_cookie(m->ndiag_cookie),
                .uid = (uid_t)-1,
        };
        return 1;
}

struct dump {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        uint64_t own_inode; /* of the socket that asks: NETLINK_SOCK_DIAG has it in the list */
};

/* A port that the kernel is to choose: every socket counts. */
static bool is_wanted(const struct dump *dump, const struct sock_diag_socket *socket)
{
        struct sockaddr_vm asked, own;

        if (dump->request->address->sa_family == AF_NETLINK)
                return true;
        memcpy(&asked, dump->request->address, sizeof(asked));
        memcpy(&own, &socket->local, sizeof(own));
        return asked.svm_port == VMADDR_PORT_ANY || asked.svm_port == own.svm_port;
}

static int take_socket(void *userdata, struct nlmsghdr *message)
{
        struct dump *dump = userdata;
        struct sock_diag_socket socket;
        int r;

        if (dump->request->address->sa_family == AF_VSOCK)
                r = sock_diag_parse_vsock(message, &socket);
        else
                r = sock_diag_parse_netlink(message, dump->request->protocol, &socket);
        if (r <= 0 || (socket.fact.inode != 0 && socket.fact.inode == dump->own_inode) || !is_wanted(dump, &socket))
                return r < 0 ? r : 0;
        r = aiu_snapshot_add_socket(dump->snapshot, &socket.fact);
        return r == -ENOBUFS ? 0 : r;
}

static int run_dump(struct netlink *netlink, struct dump *dump, const void *header, size_t bytes)
{
        struct nl_msg *message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
        struct stat st;
        int r;

        dump->own_inode = sys_fstat(netlink->fd, &st) < 0 ? 0 : st.st_ino;
        if (!message)
                return -ENOMEM;
        r = nlmsg_append(message, (void *)(uintptr_t)header, bytes, NLMSG_ALIGNTO);
        r = r < 0 ? -ENOMEM : netlink_request(netlink, dump->request, message, take_socket, dump);
        nlmsg_free(message);
        return r;
}

/*
 * The table of ports is one for all network namespaces, and the dump shows this one's sockets. Since Linux 7.0 a
 * namespace can have a table of its own.
 */
static int conclude_vsock(const struct dump *dump)
{
        char mode[8];

        if (dump->request->procfs >= 0 &&
            sys_read_file(dump->request->procfs, "sys/net/vsock/ns_mode", mode, sizeof(mode)) > 0 &&
            strncmp(mode, "local", 5) == 0)
                return AIU_COMPLETE;
        (void)aiu_snapshot_add_gap(dump->snapshot, AIU_GAP_NAMESPACE, 0,
                                   "AF_VSOCK sockets of other network namespaces are not listed, and all namespaces "
                                   "share the ports");
        return AIU_PARTIAL;
}

int sock_diag_dump_vsock(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct vsock_diag_req header = { .sdiag_family = AF_VSOCK, .vdiag_states = UINT32_MAX };
        struct dump dump = { .request = request, .snapshot = snapshot };
        int r = run_dump(netlink, &dump, &header, sizeof(header));

        return r < 0 ? r : conclude_vsock(&dump);
}

int sock_diag_dump_netlink(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct netlink_diag_req header = { .sdiag_family = AF_NETLINK, .sdiag_protocol = (uint8_t)request->protocol };
        struct dump dump = { .request = request, .snapshot = snapshot };
        int r = run_dump(netlink, &dump, &header, sizeof(header));

        return r < 0 ? r : AIU_COMPLETE;
}
