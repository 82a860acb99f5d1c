/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsystemd, loaded when it is wanted and unloaded after: a program must not get its dependencies and their
 * constructors because it wanted a better message for a failed bind(). Only its headers are needed to compile this.
 */
#ifndef AIU_SD_BUS_LOAD_H
#define AIU_SD_BUS_LOAD_H

#include <systemd/sd-bus.h>

/* The functions that are used, each under its own name. */
#define SD_BUS_FUNCTIONS(X)                                                                                            \
        X(sd_bus_new)                                                                                                  \
        X(sd_bus_unref)                                                                                                \
        X(sd_bus_close)                                                                                                \
        X(sd_bus_set_address)                                                                                          \
        X(sd_bus_set_bus_client)                                                                                       \
        X(sd_bus_start)                                                                                                \
        X(sd_bus_process)                                                                                              \
        X(sd_bus_get_fd)                                                                                               \
        X(sd_bus_get_events)                                                                                           \
        X(sd_bus_get_timeout)                                                                                          \
        X(sd_bus_call_method_async)                                                                                    \
        X(sd_bus_message_is_method_error)                                                                              \
        X(sd_bus_message_enter_container)                                                                              \
        X(sd_bus_message_exit_container)                                                                               \
        X(sd_bus_message_read)                                                                                         \
        X(sd_bus_message_read_basic)                                                                                   \
        X(sd_bus_message_skip)

struct sd_bus_library {
        void *handle;
#define X(name) __typeof__(name) *name;
        SD_BUS_FUNCTIONS(X)
#undef X
};

/* -ENOENT: there is no libsystemd; -ENOSYS: it is one without these functions. */
int sd_bus_library_load(struct sd_bus_library *ret);
void sd_bus_library_unload(struct sd_bus_library *library);

#endif
