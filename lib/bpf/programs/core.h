/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every program uses: sections, helpers of the kernel by number, relocated reads. */
#ifndef AIU_BPF_CORE_H
#define AIU_BPF_CORE_H

#include "kernel.h"

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

/* enum bpf_map_type, and flags of a map, which are ABI */
enum {
        MAP_ARRAY = 2,
        MAP_PERCPU_ARRAY = 6,
        MAP_MMAPABLE = 1024,
};
#define MAP_NUMBER(member, n) int(*member)[n]
#define MAP_TYPE(member, t) t *member

/* enum bpf_func_id, which is ABI */
static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const read_kernel)(void *to, __u32 bytes, const void *from) = (void *)113;
static __u64 (*const current_task)(void) = (void *)35;
static __u64 (*const jiffies)(void) = (void *)118;
static long (*const loop)(__u32 n, void *callback, void *context, __u64 flags) = (void *)181;

/* enum bpf_field_info_kind and bpf_type_info_kind of the compiler */
enum {
        FIELD_OFFSET = 0,
        FIELD_BYTES = 1,
        FIELD_EXISTS = 2,
        FIELD_LEFT = 4,
        FIELD_RIGHT = 5,
        TYPE_BYTES = 1,
};

/* The types have the attribute that makes the compiler record each access. `pointer` is evaluated outside of it. */
#define READ(pointer, member)                                                                                          \
        ({                                                                                                             \
                __typeof__(pointer) from_ = (pointer);                                                                 \
                __typeof__(from_->member) value_;                                                                      \
                read_kernel(&value_, sizeof(value_), &from_->member);                                                  \
                value_;                                                                                                \
        })
#define READ_INTO(to, pointer, member) read_kernel(to, sizeof((pointer)->member), &(pointer)->member)
#define EXISTS(type, member) __builtin_preserve_field_info(((type *)NULL)->member, FIELD_EXISTS)
#define OFFSET(type, member) __builtin_preserve_field_info(((type *)NULL)->member, FIELD_OFFSET)
#define BYTES(type) __builtin_preserve_type_info(*(type *)NULL, TYPE_BYTES)
#define CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-OFFSET(type, member)))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIELD_AT(value, bytes) (&(value))
#else
#define FIELD_AT(value, bytes) ((char *)&(value) + sizeof(value) - (bytes))
#endif
/* An index below n, a power of two, for the verifier: the compiler must not know that the mask changes nothing. */
#define BOUNDED(index, n)                                                                                              \
        ({                                                                                                             \
                __u64 index_ = (index);                                                                                \
                __asm__ volatile("" : "+r"(index_));                                                                   \
                index_ &((n)-1);                                                                                       \
        })
/* A member that is a bit-field, or is one on some kernels. */
#define READ_BITS(pointer, member)                                                                                     \
        ({                                                                                                             \
                __u64 value_ = 0;                                                                                      \
                __u32 bytes_ = __builtin_preserve_field_info((pointer)->member, FIELD_BYTES);                          \
                read_kernel(FIELD_AT(value_, bytes_), bytes_,                                                          \
                            (char *)(pointer) + __builtin_preserve_field_info((pointer)->member, FIELD_OFFSET));       \
                value_ << __builtin_preserve_field_info((pointer)->member, FIELD_LEFT) >>                              \
                        __builtin_preserve_field_info((pointer)->member, FIELD_RIGHT);                                 \
        })

#endif
