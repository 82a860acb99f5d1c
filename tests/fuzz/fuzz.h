/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What fuzz targets share. A target is a file with one LLVMFuzzerTestOneInput(): it
 * runs one parser, or a whole question, on the bytes and asserts what has to hold of
 * the result with require(). libFuzzer and AFL++ bring a main(); replay.c has one that
 * runs files.
 */
#ifndef AIU_FUZZ_H
#define AIU_FUZZ_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aiu_report;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true of every input. */
#define require(condition)                                                                                             \
        do {                                                                                                           \
                if (!(condition))                                                                                      \
                        fuzz_fail(#condition, __FILE__, __LINE__);                                                     \
        } while (0)
__attribute__((noreturn)) void fuzz_fail(const char *condition, const char *file, int line);

/* Bytes that are used up from the front; 0 and "" once there are none. */
struct bytes {
        const uint8_t *at;
        size_t n;
};
uint8_t take_byte(struct bytes *in);
uint64_t take_number(struct bytes *in, size_t bytes);
void take_into(struct bytes *in, void *to, size_t n);
/* Up to the next 0xff (an invalid byte in any text), at most `most`. malloc()ed, with a NUL behind. */
char *take_text(struct bytes *in, size_t most, size_t *ret_n);

/* All of it, with a NUL behind; malloc()ed to its exact size, so that reading on is seen. */
char *fuzz_string(const uint8_t *data, size_t size);
/* A netlink message as the kernel frames it: the header's length is what was received. */
struct nlmsghdr *fuzz_message(const uint8_t *data, size_t size);
/* Printable ASCII, and line ends if `lines`. */
void fuzz_check_printable(const char *text, bool lines);
/* A JSON text, and nothing else (RFC 8259), in ASCII. */
void fuzz_check_json(const char *text);
/* The summary, the text and the JSON of a report, with these flags of enum aiu_render_flags. */
void fuzz_check_report(const struct aiu_report *report, uint32_t text_flags, uint32_t json_flags);
/* The string at *text, which moves behind it, decoded. malloc()ed. */
char *fuzz_json_string(const char **text);

#endif
