/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The built-in backends' tables, each defined in the file of its name. */
#ifndef AIU_BACKENDS_H
#define AIU_BACKENDS_H

#include "addrinuse-backend.h"

extern const struct aiu_backend backend_proc_sys;      /* host: sysctls, capabilities, kernel version */
extern const struct aiu_backend backend_route;         /* host: is the address local, tentative */
extern const struct aiu_backend backend_proc_address;  /* host: the same, when netlink is refused */
extern const struct aiu_backend backend_unix_path;     /* host: what is at an AF_UNIX path */
extern const struct aiu_backend backend_vsock;         /* host: AF_VSOCK: CIDs, privilege */
extern const struct aiu_backend backend_sock_diag;     /* sockets: netlink */
extern const struct aiu_backend backend_proc_net;      /* sockets: /proc/net, when netlink is refused */
extern const struct aiu_backend backend_proc_net_path; /* sockets: whose an AF_UNIX file may be, by names */
extern const struct aiu_backend backend_proc_fd;       /* holders */
extern const struct aiu_backend backend_kernel_user;   /* kernel_users: devices and servers of the kernel */
extern const struct aiu_backend backend_proc_bound;    /* hidden_sockets: by descriptor, on old kernels */
extern const struct aiu_backend backend_options;       /* options */
extern const struct aiu_backend backend_cgroup;        /* managers: no IPC */
extern const struct aiu_backend backend_sd_bus;        /* managers: systemd over D-Bus */

#endif
