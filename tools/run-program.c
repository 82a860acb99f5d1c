/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a command is, before it starts: from its file mode and the symbols of its ELF file. For a file
 * that cannot be read, or is not ELF, each answer is "no".
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "run.h"

#define MOST_INTERPRETERS 4

/* ------------------------------------------------------ symbols */

struct file {
        const unsigned char *bytes;
        size_t n;
};

static const void *at(const struct file *file, uint64_t offset, uint64_t bytes)
{
        return offset <= file->n && bytes <= file->n - offset ? file->bytes + offset : NULL;
}

static void take_symbol(struct run_program *program, const char *name)
{
        if (strcmp(name, "ptrace") == 0)
                program->traces = true;
        if (strncmp(name, "__asan_init", 11) == 0 || strncmp(name, "__lsan_", 7) == 0 ||
            strncmp(name, "__tsan_init", 11) == 0 || strncmp(name, "__msan_init", 11) == 0)
                program->sanitized = true;
}

/* A table of names must end with a zero byte. */
static void read_symbols(struct run_program *program, const struct file *file, const ElfW(Shdr) * symbols,
                         const ElfW(Shdr) * strings)
{
        const char *names = at(file, strings->sh_offset, strings->sh_size);
        const ElfW(Sym) *table = at(file, symbols->sh_offset, symbols->sh_size);

        if (!names || !table || strings->sh_size == 0 || names[strings->sh_size - 1] != '\0' ||
            symbols->sh_offset % _Alignof(ElfW(Sym)) != 0)
                return;
        for (size_t i = 0; i < symbols->sh_size / sizeof(*table); i++)
                if (table[i].st_name < strings->sh_size)
                        take_symbol(program, names + table[i].st_name);
}

static void read_sections(struct run_program *program, const struct file *file, const ElfW(Ehdr) * header)
{
        const ElfW(Shdr) *sections = at(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof(ElfW(Shdr)));

        if (!sections || header->e_shentsize != sizeof(ElfW(Shdr)) || header->e_shoff % _Alignof(ElfW(Shdr)) != 0)
                return;
        for (size_t i = 0; i < header->e_shnum; i++)
                if ((sections[i].sh_type == SHT_DYNSYM || sections[i].sh_type == SHT_SYMTAB) &&
                    sections[i].sh_link < header->e_shnum)
                        read_symbols(program, file, &sections[i], &sections[sections[i].sh_link]);
}

static void read_segments(struct run_program *program, const struct file *file, const ElfW(Ehdr) * header)
{
        const ElfW(Phdr) *segments = at(file, header->e_phoff, (uint64_t)header->e_phnum * sizeof(ElfW(Phdr)));

        if (!segments || header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff % _Alignof(ElfW(Phdr)) != 0)
                return;
        for (size_t i = 0; i < header->e_phnum; i++)
                program->dynamic = program->dynamic || segments[i].p_type == PT_INTERP;
}

/* Of our own word size: a program of another one has libraries of its own. */
static void read_elf(struct run_program *program, const struct file *file)
{
        const ElfW(Ehdr) *header = at(file, 0, sizeof(*header));

        if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
            header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
                return;
        read_segments(program, file, header);
        read_sections(program, file, header);
}

/* ------------------------------------------------------ the file */

/* As execvp(3) looks for it. */
static bool search(const char *command, char *path, size_t bytes)
{
        const char *folders = getenv("PATH");
        size_t n;

        if (strchr(command, '/'))
                return (size_t)snprintf(path, bytes, "%s", command) < bytes;
        for (folders = folders ? folders : "/bin:/usr/bin"; *folders; folders += n + (folders[n] == ':')) {
                n = strcspn(folders, ":");
                if ((size_t)snprintf(path, bytes, "%.*s%s%s", (int)n, folders, n > 0 ? "/" : "", command) < bytes &&
                    access(path, X_OK) == 0)
                        return true;
        }
        return false;
}

static bool is_privileged(int fd, const struct stat *st)
{
        if (geteuid() == 0)
                return false;
        return ((st->st_mode & S_ISUID) && st->st_uid != geteuid()) ||
               ((st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st->st_gid != getegid()) ||
               fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* "#!/usr/bin/env node": the interpreter, or the program that env(1) looks for. */
static bool read_interpreter(const struct file *file, char *path, size_t bytes)
{
        char line[256], *word, *rest = NULL;
        size_t n = file->n < sizeof(line) ? file->n : sizeof(line) - 1;

        if (n < 3 || memcmp(file->bytes, "#!", 2) != 0)
                return false;
        memcpy(line, file->bytes + 2, n - 2);
        line[n - 2] = '\0';
        line[strcspn(line, "\n")] = '\0';
        word = strtok_r(line, " \t", &rest);
        if (word && strcmp(word, "/usr/bin/env") == 0) {
                do
                        word = strtok_r(NULL, " \t", &rest);
                while (word && *word == '-');
        }
        return word && search(word, path, bytes);
}

/* True: it is a script, and `path` is now that of its interpreter. */
static bool look(struct run_program *program, char *path, size_t bytes)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct file file = { NULL, 0 };
        struct stat st;
        bool script = false;

        if (fd < 0)
                return false;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
                program->privileged = program->privileged || is_privileged(fd, &st);
                file.n = (size_t)st.st_size;
                file.bytes = mmap(NULL, file.n, PROT_READ, MAP_PRIVATE, fd, 0);
        }
        (void)close(fd);
        if (!file.bytes || file.bytes == MAP_FAILED)
                return false;
        read_elf(program, &file);
        script = read_interpreter(&file, path, bytes);
        (void)munmap((void *)(uintptr_t)file.bytes, file.n);
        return script;
}

void run_inspect(const char *command, struct run_program *ret)
{
        char path[4096];

        memset(ret, 0, sizeof(*ret));
        if (!search(command, path, sizeof(path)))
                return;
        for (int i = 0; i < MOST_INTERPRETERS && look(ret, path, sizeof(path)); i++)
                ;
}
