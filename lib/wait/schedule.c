/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When to look again, if no event comes. A known time is waited for; the kernel's timer wheel may be two seconds late, so
 * from then on it is a look every 50 ms. A second is the safety net under everything that changes without an event: an
 * option of the holder, shutdown(2) of a listener, a sysctl.
 */
#include "wait/outlook.h"

#define MSEC UINT64_C(1000000)
#define SAFETY_NET_NSEC (1000 * MSEC)
#define LATE_NSEC (50 * MSEC)
#define POLL_FIRST_NSEC (10 * MSEC)
#define POLL_MOST_NSEC (500 * MSEC)

#ifdef AIU_TESTING
bool schedule_is_stopped;
#else
#define schedule_is_stopped false
#endif

static uint64_t least(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* Until the last of the sockets is gone, or the detection of a duplicate is over; 0 = not known, or by now. */
static uint64_t known_nsec(const struct aiu_report *report)
{
        uint64_t usec = 0, most = 0;

        if (aiu_report_get_retry(report, &usec) == AIU_RETRY_AFTER)
                return usec * 1000;
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                usec = aiu_conflict_get_expires_usec(aiu_report_get_conflict(report, i));
                most = usec > most ? usec : most;
        }
        return most * 1000;
}

static uint64_t next_poll(struct schedule *schedule)
{
        uint64_t last = schedule->poll_nsec;

        schedule->poll_nsec = last == 0 ? POLL_FIRST_NSEC : least(last + last / 2, POLL_MOST_NSEC);
        return schedule->poll_nsec;
}

uint64_t schedule_pause(struct schedule *schedule, enum aiu_wait_basis basis, const struct aiu_report *report)
{
        uint64_t known;

        if (schedule_is_stopped)
                return UINT64_MAX;
        switch (basis) {
        case AIU_WAIT_EVENT:
                return SAFETY_NET_NSEC;
        case AIU_WAIT_TIMER:
                known = known_nsec(report);
                return least(known > LATE_NSEC ? known : LATE_NSEC, SAFETY_NET_NSEC);
        default:
                return next_poll(schedule);
        }
}
