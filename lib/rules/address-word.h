/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One word of a text as an address. A word that is none is -EINVAL. */
#ifndef AIU_ADDRESS_WORD_H
#define AIU_ADDRESS_WORD_H

#include "rules/address-text.h"
#include "rules/span.h"

/* What a word may be, other than an address with a number. */
enum {
        MAY_BE_PORT = 1, /* a number alone */
        MAY_BE_NAME = 2, /* a service, a relative path, "127.1" */
};

struct protocol {
        const char *name;
        int type, protocol, family;
};

/* NULL = no protocol has this name. */
const struct protocol *address_word_protocol(struct span name);
/* -EINVAL: the text names an address of another family. */
int address_word_set_protocol(struct address_text *t, const struct protocol *protocol);

/* The parts of an address: `may` says what an ambiguous one may be. */
int address_word_port(struct address_text *t, struct span text, unsigned int may);
int address_word_host(struct address_text *t, struct span text, unsigned int may);
int address_word_numeric(struct address_text *t, struct span text); /* a host that is a number */
bool address_word_is_path(struct span text);
int address_word_path(struct address_text *t, struct span path); /* a file, or "@name" */

/* A whole one. */
int address_word_parse(struct address_text *t, struct span word, unsigned int may);

#endif
