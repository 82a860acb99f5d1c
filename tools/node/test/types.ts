// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled with tsc --noEmit --strict, never run.
import { explain, explainError, probe, survey, version, Report, Holder } from '..';

declare const server: { on(event: 'error', listener: (error: Error) => void): void };

export async function all(error: Error): Promise<number> {
        server.on('error', explain);
        const report: Report = await explainError(error, { emitter: server, ipv6Only: true });
        const holders: Holder[] = report.conflicts.flatMap((conflict) => conflict.holders);
        const free = await probe(null, 80, { protocol: 'udp', reusePort: true });
        const local = free.conflicts[0]?.local;
        const where: string | number | null = local?.family === 'unix' ? local.path : local?.port ?? null;
        // @ts-expect-error: not a protocol
        await probe('::1', 80, { protocol: 'sctp' });
        // @ts-expect-error: a word that no report has
        if (report.verdict === 'free') return 1;
        const first = (await survey()).hazards[0]?.sockets[0] ?? 0;
        return first + holders.length + version.length + String(where).length;
}
