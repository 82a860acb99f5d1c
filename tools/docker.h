/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's own source of facts, beside those of the library. */
#ifndef AIU_DOCKER_H
#define AIU_DOCKER_H

#include <addrinuse-backend.h>

/* managers: the name of the container that docker-proxy forwards to */
extern const struct aiu_backend backend_docker;

#endif
