/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay PATH...: run a target on files, and on the files of directories. This is how
 * the corpus is tested without a fuzzer. Each file is also run cut short and with
 * single bytes turned over, at up to 32 places, fewer where there are many, so that
 * a few files are some thousands of inputs and many files not many more.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MOST_BYTES 65536u
#define MOST_PLACES 32u
#define MOST_VARIANTS 2500u /* places of all files together */

static size_t places = MOST_PLACES, n_files, n_inputs;

/* From memory of its exact size: a byte too far is seen by valgrind and AddressSanitizer. */
static void run(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size ? size : 1);

        if (!copy)
                abort();
        if (size > 0)
                memcpy(copy, data, size);
        (void)LLVMFuzzerTestOneInput(copy, size);
        free(copy);
        n_inputs++;
}

static void run_variants(uint8_t *data, size_t size)
{
        static const uint8_t flips[] = { 0x01, 0x80, 0xff };

        size_t step = size / places + 1;

        for (size_t n = 0; n < size; n += step)
                run(data, n);
        for (size_t i = 0; i < size; i += step)
                for (size_t f = 0; f < sizeof(flips); f++) {
                        data[i] ^= flips[f];
                        run(data, size);
                        data[i] ^= flips[f];
                }
}

static void run_file(const char *path)
{
        static uint8_t data[MOST_BYTES];
        FILE *file = fopen(path, "rbe");
        size_t size;

        if (!file) {
                perror(path);
                exit(2);
        }
        size = fread(data, 1, sizeof(data), file);
        (void)fclose(file);
        n_files++;
        run(data, size);
        run_variants(data, size);
}

static bool run_directory(const char *path)
{
        DIR *directory = opendir(path);
        const struct dirent *entry;
        char name[4096];
        size_t n = 1;

        if (!directory)
                return false;
        while (readdir(directory))
                n++;
        rewinddir(directory);
        if (MOST_VARIANTS / n < places)
                places = MOST_VARIANTS / n + 1;
        while ((entry = readdir(directory))) {
                if (entry->d_name[0] == '.')
                        continue;
                (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
                run_file(name);
        }
        (void)closedir(directory);
        return true;
}

int main(int argc, char *argv[])
{
        for (int i = 1; i < argc; i++)
                if (!run_directory(argv[i]))
                        run_file(argv[i]);
        (void)printf("%zu files, %zu inputs\n", n_files, n_inputs);
        return n_files > 0 ? 0 : 1;
}
