/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The snapshot as the library itself sees it: arrays of plain structs that own
 * what they point to. Backends see only the functions of addrinuse-backend.h.
 */
#ifndef AIU_SNAPSHOT_H
#define AIU_SNAPSHOT_H

#include "addrinuse-backend.h"
#include "rules/model.h"

/* Bounds: what one probe may keep, however large the machine is. Beyond them a
 * gap of kind TRUNCATED is recorded, once, and the call returns -ENOBUFS. */
#define SNAPSHOT_MAX_SOCKETS 8192u
#define SNAPSHOT_MAX_PROCESSES 1024u
/* A survey keeps each socket without a peer: four times as many as there are ports, and their holders. */
#define SNAPSHOT_SURVEY_SOCKETS (256u * 1024u)
#define SNAPSHOT_SURVEY_PROCESSES 8192u
#define SNAPSHOT_SURVEY_REFS (512u * 1024u)
#define SNAPSHOT_MAX_REFS 8192u /* port 0: as many as there can be entries */
#define SNAPSHOT_MAX_RANGE_HOLDINGS 65536u
#define SNAPSHOT_MAX_FDS 64u /* of one process, for one socket */
#define SNAPSHOT_MAX_MANAGERS 2048u
#define SNAPSHOT_MAX_UNITS 8192u
#define SNAPSHOT_MAX_KERNEL_USERS 256u
#define SNAPSHOT_MAX_DEVICES 64u    /* that sockets are bound to */
#define SNAPSHOT_MAX_ADDRESSES 256u /* that this host has instead */
#define SNAPSHOT_MAX_COMMAND 16u    /* words of one */
#define SNAPSHOT_MAX_GAPS 64u
#define SNAPSHOT_MAX_STRING 4096u            /* bytes of any string that is kept; cmdline: 32 KiB */
#define SNAPSHOT_MAX_RESERVED (512u * 1024u) /* a list of 65536 ports is no longer */

/* Port 0: port-entries.c. */
struct port_entries {
        struct port_entry *list;
        size_t n, room;
        uint32_t *next;  /* of the same port, for each */
        uint32_t *first; /* for each port; NULL = sockets are not kept as entries */
};

struct aiu_snapshot {
        const char *backend; /* the one that runs: names gaps; NULL = the library itself */
        struct host host;
        struct host_address *addresses; /* what host.addresses points to */
        size_t n_addresses, addresses_room;
        struct socket *sockets;
        size_t n_sockets, sockets_room;
        bool sockets_without_cookie; /* some have none: they are compared by address */
        struct port_facts port;
        struct port_entries entries;
        struct process *processes;
        size_t n_processes, processes_room;
        struct holder_ref *refs;
        size_t n_refs, refs_room;
        uint32_t *ref_heads; /* by hash of the inode: its last ref + 1; snapshot_holder_ref() */
        struct manager *managers;
        size_t n_managers, managers_room;
        struct {
                unsigned int ifindex, l3mdev;
        } devices[SNAPSHOT_MAX_DEVICES];
        size_t n_devices;
        struct {
                unsigned int ifindex;
                char name[IF_NAMESIZE]; /* "" = it has none now, or it is unknown */
        } device_names[SNAPSHOT_MAX_DEVICES];
        size_t n_device_names;
        struct managed_unit *units;
        size_t n_units, units_room;
        struct kernel_user *kernel_users;
        size_t n_kernel_users, kernel_users_room;
        struct gap *gaps;
        size_t n_gaps, gaps_room;
        bool gap_lost;    /* for want of memory: there is no report then */
        uint64_t *wanted; /* sorted, no duplicates */
        size_t n_wanted;
        bool survey;     /* sockets of every port, none with a peer */
        size_t n_unseen; /* processes that could not be inspected */
        bool sockets_truncated;
        bool holders_truncated;
        void (*progress)(void *userdata, size_t done, size_t total);
        void *progress_userdata;
        void (*log)(void *userdata, enum aiu_log_level level, const char *message);
        enum aiu_log_level log_max;
        void *log_userdata;
};

void snapshot_init(struct aiu_snapshot *snapshot);
void snapshot_finish(struct aiu_snapshot *snapshot); /* frees what is left in it; fine on a zeroed one */
/* Free what is in one element, not the element itself. */
void process_finish(struct process *process);
void manager_finish(struct manager *manager);
void managed_unit_finish(struct managed_unit *unit);
void kernel_user_finish(struct kernel_user *user);
void gap_finish(struct gap *gap);
/* Forget all sockets, and the gaps after the first `n_gaps`. */
void snapshot_forget_sockets(struct aiu_snapshot *snapshot, size_t n_gaps);
/* The inodes whose holders the next phases look for; copied, sorted, made unique. */
int snapshot_want_inodes(struct aiu_snapshot *snapshot, const uint64_t *inodes, size_t n);
/* merge.c: the socket that was told before, or NULL; what one fact knows and the other does not. */
struct socket *snapshot_find_socket(struct aiu_snapshot *snapshot, const struct socket *socket);
void snapshot_merge_socket(struct socket *to, const struct socket *from);
/* Make room for one more element, of at most `most`: -ENOBUFS. On success *array may have moved. */
int snapshot_grow(void *array, size_t element, size_t n, size_t *room, size_t most);
#define SNAPSHOT_GROW(s, array, most)                                                                                  \
        snapshot_grow(&(s)->array, sizeof(*(s)->array), (s)->n_##array, &(s)->array##_room, most)
/* Says so in a gap, once; always -ENOBUFS. */
int snapshot_truncated(struct aiu_snapshot *snapshot, bool *already, const char *text);
/* The refs of one inode: with NULL the first one, then the one after `after`; NULL = no more. */
const struct holder_ref *snapshot_holder_ref(const struct aiu_snapshot *snapshot, uint64_t inode,
                                             const struct holder_ref *after);
/* The VRF of a socket, before the devices phase. */
unsigned int snapshot_l3mdev_at_first(const struct aiu_socket_fact *fact);
/* As observe/device.c has learnt it; NULL = not looked for. */
const char *snapshot_device_name(const struct aiu_snapshot *snapshot, unsigned int ifindex);
/* Has every wanted inode a user in the kernel? */
bool snapshot_all_in_kernel(const struct aiu_snapshot *snapshot);
/* All but those of this program, which may be NULL. */
void snapshot_drop_commands(struct aiu_snapshot *snapshot, const char *but);
/* Forget those of the gaps first ... last - 1 that say that a wanted socket is in no process. */
void snapshot_drop_unheld(struct aiu_snapshot *snapshot, size_t first, size_t last);
/* Look-ups work on a snapshot's arrays and, once those have moved, on a report's. */
struct snapshot_lookup {
        const struct process *processes;
        size_t n_processes;
        const struct manager *managers;
        size_t n_managers;
};
const struct process *lookup_process(const struct snapshot_lookup *lookup, pid_t pid);
/* Facts about this holder come before facts about its process, then its cgroup. */
const struct manager *lookup_manager(const struct snapshot_lookup *lookup, pid_t pid, uint64_t inode,
                                     uint64_t cgroup_id);

#endif
