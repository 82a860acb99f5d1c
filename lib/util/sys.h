/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only functions that call the kernel for the library itself. Each returns its
 * result (>= 0) or a negative errno, and restarts interrupted calls. errno itself has
 * no meaning afterwards. Tests build sys.c with sys-fault.h, to make each call fail.
 */
#ifndef AIU_SYS_H
#define AIU_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

struct pollfd;
struct tm;
struct utsname;

int sys_openat(int dirfd, const char *path, int flags); /* O_CLOEXEC is added */
/* openat2(2), since Linux 5.6: RESOLVE_* says how far the path may lead. O_CLOEXEC is added. */
int sys_openat2(int dirfd, const char *path, int flags, uint64_t resolve);
int sys_close(int fd); /* -1 is fine; always returns -1, for fd = sys_close(fd) */
ssize_t sys_read(int fd, void *buffer, size_t bytes);
ssize_t sys_getdents(int fd, void *buffer, size_t bytes); /* struct linux_dirent64 */
ssize_t sys_readlinkat(int dirfd, const char *path, char *buffer, size_t bytes);
int sys_fstat(int fd, struct stat *ret);
int sys_fstatat(int dirfd, const char *path, struct stat *ret, int flags);
/* access(2) as the call that follows would fare: by the effective user, not the real one. */
int sys_faccessat(int dirfd, const char *path, int mode);
int sys_fstatfs_type(int fd, long *ret_type);
/* Does the file system count its inodes, and is none left? */
int sys_fstatfs_is_full(int fd, bool *ret_full);
/* Inode number and type only. AT_STATX_DONT_SYNC: never a wait for a server far away. */
int sys_statx_inode(int dirfd, const char *path, uint64_t *ret_inode, uint32_t *ret_mode);
/* STATX_ATTR_* of what an O_PATH descriptor refers to, as far as its file system tells. */
int sys_statx_attributes(int fd, uint64_t *ret_attributes);
int sys_socket(int family, int type, int protocol); /* SOCK_CLOEXEC is added */
int sys_bind(int fd, const struct sockaddr *address, socklen_t bytes);
/* For the self-test (self-test.c), and for sockets that are connected already (backend/procfs/unix-live.c). */
int sys_connect(int fd, const struct sockaddr *address, socklen_t bytes);
int sys_socketpair(int type, int ret_fds[2]); /* AF_UNIX; SOCK_CLOEXEC is added */
/* These two are for the self-test alone. */
int sys_listen(int fd, int backlog);
int sys_accept(int fd); /* CLOEXEC */
int sys_setsockopt(int fd, int level, int option, const void *value, socklen_t bytes);
int sys_setsockopt_int(int fd, int level, int option, int value);
int sys_getsockopt(int fd, int level, int option, void *value, socklen_t *bytes);
int sys_getsockopt_int(int fd, int level, int option, int *ret_value);
int sys_getsockname(int fd, struct sockaddr *address, socklen_t *bytes);
ssize_t sys_send(int fd, const void *bytes, size_t n);
ssize_t sys_recvmsg(int fd, struct msghdr *message, int flags);
int sys_poll(struct pollfd *fds, unsigned int n, int timeout_msec);
int sys_epoll_create(void);           /* CLOEXEC */
int sys_epoll_add(int epoll, int fd); /* for EPOLLIN */
int sys_epoll_remove(int epoll, int fd);
int sys_inotify_init(void); /* CLOEXEC, non-blocking */
int sys_inotify_add_watch(int fd, const char *path, uint32_t mask);
int sys_ioctl(int fd, unsigned long request, uintptr_t argument);
int sys_dup(int fd); /* CLOEXEC */
/* O_PATH, of the cgroup of that id below the mount that `mount` is of. For CAP_DAC_READ_SEARCH. */
int sys_open_cgroup(int mount, uint64_t id);
int sys_pidfd_open(pid_t pid);
int sys_pidfd_getfd(int pidfd, int fd);
int sys_setns(int fd, int type);
int sys_uname(struct utsname *ret);
pid_t sys_getpid(void);
uid_t sys_geteuid(void);
/* The effective capabilities of the calling thread. */
int sys_capget(uint64_t *ret_effective);
uint64_t sys_now_nsec(void);  /* CLOCK_MONOTONIC */
uint64_t sys_real_usec(void); /* CLOCK_REALTIME */
/* localtime_r(3), which may read files. */
int sys_local_time(uint64_t real_usec, struct tm *ret);
uint64_t sys_boot_usec(void); /* CLOCK_REALTIME at boot */

/* Read a whole small file below dirfd: at most `bytes` - 1, then a NUL. Returns
 * the number of bytes, which is `bytes` - 1 when there was more. */
ssize_t sys_read_file(int dirfd, const char *path, char *buffer, size_t bytes);
/* The same for a file of any size up to `most`; malloc()ed, NUL-terminated. */
int sys_read_file_alloc(int dirfd, const char *path, size_t most, char **ret_text, size_t *ret_bytes);

#endif
