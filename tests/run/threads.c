/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* threads PORT: 16 threads bind the port three times each; ends with 5 if all 48 fail with EADDRINUSE. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_int failures;
static struct sockaddr_in address = { .sin_family = AF_INET };

static void *try(void *unused)
{
        for (int i = 0; i < 3; i++) {
                int fd = socket(AF_INET, SOCK_STREAM, 0);

                if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno == EADDRINUSE)
                        failures++;
                close(fd);
        }
        return unused;
}

int main(int argc, char **argv)
{
        pthread_t threads[16];

        if (argc < 2)
                return 2;
        address.sin_port = htons((uint16_t)atoi(argv[1]));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        for (int i = 0; i < 16; i++)
                if (pthread_create(&threads[i], NULL, try, NULL) != 0)
                        return 2;
        for (int i = 0; i < 16; i++)
                pthread_join(threads[i], NULL);
        return failures == 48 ? 5 : 1;
}
