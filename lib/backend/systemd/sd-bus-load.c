/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See sd-bus-load.h. */
#include "backend/systemd/sd-bus-load.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SONAME "libsystemd.so.0"

/*
 * Tells packaging tools what ldd(1) cannot see: the ELF note of https://systemd.io/ELF_DLOPEN_METADATA/. The linker
 * takes a section of this name for a note by itself.
 */
#define NOTE_OWNER "FDO"
#define NOTE_TYPE 0x407c0c0au
#define NOTE_JSON                                                                                                      \
        "[{\"feature\":\"systemd\","                                                                                   \
        "\"description\":\"Ask systemd who starts the holder of an address again\","                                   \
        "\"priority\":\"suggested\",\"soname\":[\"" SONAME "\"]}]"

struct dlopen_note {
        uint32_t owner_bytes, json_bytes, type; /* Elf32_Nhdr, the same in ELF64 */
        char owner[sizeof(NOTE_OWNER)];
        _Alignas(uint32_t) char json[sizeof(NOTE_JSON)];
};

__attribute__((used, section(".note.dlopen"))) _Alignas(uint32_t) static const struct dlopen_note note = {
        .owner_bytes = sizeof(NOTE_OWNER),
        .json_bytes = sizeof(NOTE_JSON),
        .type = NOTE_TYPE,
        .owner = NOTE_OWNER,
        .json = NOTE_JSON,
};

/* POSIX has it that a pointer to a function fits in one to data; C does not. */
static bool find_function(void *handle, const char *name, void *to)
{
        void *symbol = dlsym(handle, name);

        memcpy(to, &symbol, sizeof(symbol));
        return symbol != NULL;
}

int sd_bus_library_load(struct sd_bus_library *ret)
{
        struct sd_bus_library library = { .handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL) };
        bool complete = true;

        if (!library.handle)
                return -ENOENT;
#define X(name) complete &= find_function(library.handle, #name, &library.name);
        SD_BUS_FUNCTIONS(X)
#undef X
        if (!complete) {
                sd_bus_library_unload(&library);
                return -ENOSYS;
        }
        *ret = library;
        return 0;
}

void sd_bus_library_unload(struct sd_bus_library *library)
{
        if (library->handle)
                (void)dlclose(library->handle);
        library->handle = NULL;
}
