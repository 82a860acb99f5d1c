/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Constants of the kernel that older headers lack. Numbers are written as the kernel writes them: a
 * header that is included later may define them again. Enumerators of its headers, which no #ifndef
 * sees, have names of their own in the files that need them.
 */
#ifndef AIU_MISSING_H
#define AIU_MISSING_H

#include <netinet/in.h>
#include <sys/socket.h>

/* Protocols */
#ifndef IPPROTO_DCCP
#define IPPROTO_DCCP 33
#endif
#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Socket options */
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_BINDTOIFINDEX /* Linux 5.1 */
#define SO_BINDTOIFINDEX 62
#endif
#ifndef SO_NETNS_COOKIE /* Linux 5.14 */
#define SO_NETNS_COOKIE 71
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#ifndef IP_LOCAL_PORT_RANGE /* Linux 6.3 */
#define IP_LOCAL_PORT_RANGE 51
#endif
#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

/* Netlink */
#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif
#ifndef NETLINK_GET_STRICT_CHK /* Linux 4.20 */
#define NETLINK_GET_STRICT_CHK 12
#endif
#ifndef RTM_F_LOOKUP_TABLE
#define RTM_F_LOOKUP_TABLE 0x1000
#endif
#ifndef RTM_F_FIB_MATCH /* Linux 4.13 */
#define RTM_F_FIB_MATCH 0x2000
#endif

/* System calls, of the same number on every architecture (all since Linux 5.0 are) */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#endif
