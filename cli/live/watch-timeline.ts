import type { Eco, Workload } from '../../sdk/index.ts';
import type { Watch } from '../waiting.ts';
import { coalesce } from './coalesce.ts';
import { formatElapsed } from './elapsed.ts';
import { findReplicas } from './find-replicas.ts';
import { lastWords } from './last-words.ts';
import { openScreen } from './screen.ts';
import { seeReplicas, seeWorkload, type Timeline } from './timeline.ts';
import { timelineLines } from './timeline-view.ts';
import { tryIt } from './try-it.ts';

/** Waits with a view of all replicas, drawn again with every change and every second; then says how it ended. */
export const watchTimeline: Watch = async (eco, ref, states, { timeoutMs, signal, onChange, note }) => {
  const watched = watchReplicas(eco, signal);
  try {
    const tell = (workload: Workload) => {
      onChange(workload);
      watched.see(workload);
    };
    const workload = await eco.workloads.waitUntil(ref, states, { timeoutMs, signal, onChange: tell });
    const timeline = await watched.end();
    for (const line of readyLines(timeline, eco.baseUrl)) note(line);
    return workload;
  } catch (error) {
    const timeline = await watched.end();
    if (timeline?.workload.state === 'failed') for (const line of await lastWords(eco, timeline)) note(line);
    throw error;
  }
};

/** The screen from the first sight of the workload on; its replicas are asked for with each change of it. */
function watchReplicas(eco: Eco, signal: AbortSignal) {
  let timeline: Timeline | undefined;
  let screen: ReturnType<typeof openScreen> | undefined;
  const refresh = coalesce(async () => {
    if (!timeline) return;
    const replicas = await findReplicas(eco, timeline.workload.id, signal);
    if (replicas) timeline = seeReplicas(timeline, replicas, Date.now());
    screen?.refresh();
  });
  return {
    see(workload: Workload): void {
      timeline = seeWorkload(timeline, workload, Date.now());
      const draw = (size: { rows: number }) => (timeline ? timelineLines(timeline, Date.now(), size) : []);
      screen ??= openScreen({ stream: process.stderr, draw });
      screen.refresh();
      void refresh();
    },
    /** What was seen, once the view stands still. */
    async end(): Promise<Timeline | undefined> {
      if (timeline && !signal.aborted) await refresh();
      const last = screen;
      screen = undefined; // a listing that is still under way draws no more
      await last?.[Symbol.asyncDispose]();
      return timeline;
    },
  };
}

function readyLines(timeline: Timeline | undefined, baseUrl: string): string[] {
  if (timeline?.workload.state !== 'running' || timeline.phases.length < 2) return []; // it did not get there just now
  const { workload, startedAt, phases } = timeline;
  const call = tryIt(workload, baseUrl);
  const elapsed = formatElapsed((phases.at(-1)?.at ?? startedAt) - startedAt);
  return ['', `READY in ${elapsed}: ${workload.ref}`, ...(call ? [`  ${call.url}`, `  ${call.curl}`] : []), ''];
}
