/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam for fault tests: with AIU_TESTING defined, sys.c asks sys_fault before every call whether it shall fail. A
 * library that is built for use has nothing of this, not even the pointer.
 */
#ifndef AIU_SYS_FAULT_H
#define AIU_SYS_FAULT_H

enum sys_call {
        SYS_CALL_OPENAT,
        SYS_CALL_OPEN_BY_HANDLE,
        SYS_CALL_CLOSE, /* told only: a close that fails has closed all the same */
        SYS_CALL_READ,
        SYS_CALL_GETDENTS,
        SYS_CALL_READLINKAT,
        SYS_CALL_FSTAT,
        SYS_CALL_FSTATAT,
        SYS_CALL_FSTATFS,
        SYS_CALL_STATX,
        SYS_CALL_SOCKET,
        SYS_CALL_BIND,
        SYS_CALL_SETSOCKOPT,
        SYS_CALL_GETSOCKOPT,
        SYS_CALL_GETSOCKNAME,
        SYS_CALL_SEND,
        SYS_CALL_RECVMSG,
        SYS_CALL_POLL,
        SYS_CALL_IOCTL,
        SYS_CALL_DUP,
        SYS_CALL_PIDFD_OPEN,
        SYS_CALL_PIDFD_GETFD,
        SYS_CALL_SETNS,
        SYS_CALL_UNAME,
        SYS_CALL_FACCESSAT,
        SYS_CALL_CLOCK, /* told only: the clocks cannot fail */
        SYS_CALL_LISTEN,
        SYS_CALL_CONNECT,
        SYS_CALL_ACCEPT,
        SYS_CALL_SOCKETPAIR,
        SYS_CALL_CAPGET,
        SYS_CALL_EPOLL_CREATE,
        SYS_CALL_EPOLL_CTL,
        SYS_CALL_INOTIFY_INIT,
        SYS_CALL_INOTIFY_ADD_WATCH,
        SYS_CALL_COUNT,
};

/* Instead of an errno. For calls that move no data they mean EIO. */
#define SYS_FAULT_SHORT (-1) /* do it, but for one byte at most */
#define SYS_FAULT_EOF (-2)   /* return 0 and do nothing */

#ifdef AIU_TESTING
/* NULL: nothing fails. Returns 0, a positive errno or a SYS_FAULT_* value. */
extern int (*sys_fault)(enum sys_call which);
#endif

#endif
