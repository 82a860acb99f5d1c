/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_UNIX: paths, abstract names, and names that the kernel chooses. net/unix/af_unix.c, unix_bind_bsd(). Pure. */
#include <errno.h>

#include "rules/address.h"
#include "rules/checks.h"
#include "rules/conflict.h"

static check *const abstract_checks[] = { check_mptcp, check_family, check_fresh, NULL };

static struct verdict predict_abstract(const struct port_table *table)
{
        struct tally tally = count_conflicts(table);

        if (may_be_elsewhere(table))
                return unknown(DOUBT_SOCKETS);
        if (tally.certain)
                return fails(AIU_VERDICT_IN_USE, EADDRINUSE);
        return table->sockets_complete ? available : unknown(DOUBT_SOCKETS);
}

static bool ends_in_slash(const struct address *address)
{
        const char *path;
        size_t n = address_unix_name(address, &path);

        return n > 1 && path[n - 1] == '/';
}

static enum why why_path(const struct port_table *table)
{
        const struct host *host = table->host;

        if (host->name_error == ENOSPC)
                return WHY_NO_SPACE;
        if (host->name_error != ENOENT)
                return WHY_UNKNOWN;
        return host->name_at == 0 && ends_in_slash(&table->request->address) ? WHY_SLASHES : WHY_NO_DIRECTORY;
}

static struct verdict check_path(const struct port_table *table)
{
        const struct host *host = table->host;

        if (table->request->other_rights)
                return unknown(DOUBT_NAME);
        if (host->name_exists == YES)
                return fails(AIU_VERDICT_IN_USE, EADDRINUSE);
        switch (host->name_error) {
        case 0:
                return host->name_exists == NO ? available : unknown(DOUBT_NAME);
        case EACCES:
        case EPERM:
        case EROFS:
                return fails(AIU_VERDICT_NOT_PERMITTED, host->name_error);
        default:
                return invalid(host->name_error, why_path(table));
        }
}

/* unix_bind_bsd(): the file is made before the socket is looked at. unix_bind_abstract(): the other way round. */
static check *const path_checks[] = { check_mptcp, check_family, check_path, check_fresh, NULL };

/*
 * unix_autobind(): the kernel chooses an abstract name, and a socket that has a name keeps it. ENOSPC
 * comes after 2^20 of them.
 */
static check *const autobind_checks[] = { check_mptcp, check_family, NULL };

struct verdict predict_unix(const struct port_table *table)
{
        struct verdict v;

        if (address_is_unnamed(&table->request->address))
                return first_failure(table, autobind_checks);
        if (!address_is_abstract(&table->request->address))
                return first_failure(table, path_checks);
        v = first_failure(table, abstract_checks);
        return v.verdict == AIU_VERDICT_AVAILABLE ? predict_abstract(table) : v;
}
