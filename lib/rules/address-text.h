/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The address in what people type and other programs print. Pure. */
#ifndef AIU_ADDRESS_TEXT_H
#define AIU_ADDRESS_TEXT_H

#include "rules/model.h"

/* What a text says. Names are the caller's to look up: that takes a system call. */
struct address_text {
        struct address address;
        bool every_address; /* a port alone: [::], dual-stack */
        int type, protocol; /* 0 = none was named */
        char scope[32];     /* the interface of an IPv6 address; "" = none */
        char service[64];   /* the port's name; "" = it is in the address */
};

/* -EINVAL: no address, several lines, a list or a range; *ret is as it was. */
int address_text_parse(const char *text, struct address_text *ret);

#endif
