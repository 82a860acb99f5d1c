/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One dump of nf_tables under the deadline of a request. */
#ifndef AIU_NFT_NAT_DUMP_H
#define AIU_NFT_NAT_DUMP_H

#include <addrinuse-backend.h>
#include <linux/netlink.h>

/* Called for every message; a negative errno ends the dump with it. */
typedef int nft_dump_handler(void *userdata, struct nlmsghdr *message);

/*
 * Ask for all objects of `type` (NFT_MSG_GET*): those of a table, or all if `table` is NULL.
 * Returns 0, -ETIME (deadline), -ENOMEM, or the errno of the kernel or of the handler.
 */
int nft_dump(const struct aiu_request *request, uint8_t type, int family, const char *table, nft_dump_handler *handler,
             void *userdata);

#endif
