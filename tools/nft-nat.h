/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's own source of facts, beside those of the library. */
#ifndef AIU_NFT_NAT_H
#define AIU_NFT_NAT_H

#include <addrinuse-backend.h>

/* host: NAT rules that may redirect traffic for the port, told as notes */
extern const struct aiu_backend backend_nft_nat;

#endif
