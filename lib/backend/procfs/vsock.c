/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "vsock": what decides about an AF_VSOCK address before any port does. /dev/vsock tells a CID of this host to
 * any user with access to it. open(2) of it loads the module, so it is opened only if the module is loaded already.
 */
#include <asm/ioctl.h> /* for IOCTL_VM_SOCKETS_GET_LOCAL_CID */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/vm_sockets.h>

#include "backend/backends.h"
#include "util/caller.h"
#include "util/sys.h"

#define LAST_RESERVED_PORT 1023u /* as in the kernel */
#define FIRST_GUEST_CID 3u       /* below: the hypervisor, this host, the host of this guest */
#define PROTOCOLS_BYTES (64u * 1024u)

/* capable(): a capability of another user namespace than the initial one does not count. */
static enum aiu_tristate is_privileged(const struct aiu_request *request)
{
        enum aiu_tristate capable = asker_has_capability(request, CAP_NET_BIND_SERVICE);
        struct stat st;
        int directory;
        const char *path = asker_file(request, "thread-self/ns/user", &directory);

        if (capable != AIU_TRISTATE_YES)
                return capable;
        if (sys_fstatat(directory, path, &st, 0) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return st.st_ino == INITIAL_USERNS_INODE ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

static bool is_loaded(const struct aiu_request *request)
{
        char *text;
        size_t bytes;
        bool loaded;

        if (sys_read_file_alloc(request->procfs, "net/protocols", PROTOCOLS_BYTES, &text, &bytes) < 0)
                return false;
        loaded = strstr(text, "\nAF_VSOCK") != NULL;
        free(text);
        return loaded;
}

/*
 * The CID is that of the transport to this guest's host or, if there is none, VMADDR_CID_HOST with one to guests
 * (vsock_dev_do_ioctl()). vsock_find_cid() takes either, and VMADDR_CID_LOCAL with a transport that is not told.
 */
static enum aiu_tristate has_cid(const struct aiu_request *request, unsigned int asked)
{
        unsigned int cid;
        int fd, r;

        if (request->plain_calls_only || !is_loaded(request))
                return AIU_TRISTATE_UNKNOWN;
        fd = sys_openat(AT_FDCWD, "/dev/vsock", O_RDONLY | O_NONBLOCK);
        if (fd < 0)
                return AIU_TRISTATE_UNKNOWN;
        r = sys_ioctl(fd, (unsigned long)IOCTL_VM_SOCKETS_GET_LOCAL_CID, (uintptr_t)&cid);
        sys_close(fd);
        if (r < 0)
                return AIU_TRISTATE_UNKNOWN;
        if (cid == asked)
                return AIU_TRISTATE_YES;
        return asked < FIRST_GUEST_CID ? AIU_TRISTATE_UNKNOWN : AIU_TRISTATE_NO;
}

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_host_fact fact = { .size = sizeof(fact) };
        struct sockaddr_vm vm;
        int r;

        (void)userdata;
        if (request->address->sa_family != AF_VSOCK || request->address_len < sizeof(vm))
                return AIU_PARTIAL;
        memcpy(&vm, request->address, sizeof(vm));
        if (vm.svm_port <= LAST_RESERVED_PORT)
                fact.privileged = is_privileged(request);
        if (vm.svm_cid != VMADDR_CID_ANY)
                fact.address_local = has_cid(request, vm.svm_cid);
        r = aiu_snapshot_add_host(snapshot, &fact);
        return r < 0 ? r : AIU_PARTIAL;
}

const struct aiu_backend backend_vsock = {
        .size = sizeof(struct aiu_backend),
        .name = "vsock",
        .host = host,
};
