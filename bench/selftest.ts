// Sets the generator against the engine, without a gateway, and checks what comes out: node bench/selftest.ts (30 s).
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { countOpenStreams, startEngine } from './engine.ts';
import { build, outputOf, Programs, program } from './programs.ts';
import { Load } from './result.ts';

const PORT = 9071;
const ORIGIN = `http://127.0.0.1:${PORT}`;

interface Check {
  name: string;
  body?: string | Buffer;
  args?: string;
  holds(load: Load): boolean;
}

const plain = (plan: string) => JSON.stringify({ model: plan, messages: [{ role: 'user', content: 'hello' }] });
const streamed = (plan: string) =>
  `{"messages":[{"role":"user","content":"a \\"stream\\":false b"}],"stream": true,"stream_options":{"include_usage":true},"model":"${plan}"}`;

const answerBytes = (load: Load) => (load.mb_in_s * 1e6) / load.rps;
const isClean = ({ errors }: Load) => errors.total === 0;
const near = (value: number, expected: number, tolerance: number) => Math.abs(value - expected) < tolerance;
const latency = ({ latency_us }: Load) => latency_us ?? { n: 0, p50: 0, p99: 0, p999: 0, max: 0 };

const UPLOAD = Buffer.alloc(10_000_000);

const checks: Check[] = [
  { name: 'health over GET', args: '-c 4 -u /health', holds: (r) => r.requests > 1000 && isClean(r) },
  {
    name: 'closed loop',
    body: plain('sim'),
    args: '-c 16',
    holds: (r) => r.rps > 5000 && isClean(r) && near(answerBytes(r), 1500, 10),
  },
  {
    name: 'latency in order',
    body: plain('sim'),
    args: '-c 64',
    holds: (r) => {
      const { n, p50, p99, p999, max } = latency(r);
      return n === r.requests && p50 <= p99 && p99 <= p999 && p999 <= max;
    },
  },
  {
    name: 'open loop keeps its rate',
    body: plain('sim'),
    args: '-c 32 -r 2000',
    holds: (r) => near(latency(r).n, 2000, 3) && near(r.requests, 2000, 60) && r.unfinished === 0 && isClean(r),
  },
  {
    name: 'wait before the answer',
    body: plain('sim-w20ms'),
    args: '-c 4',
    holds: (r) => latency(r).p50 > 20_000 && latency(r).p50 < 30_000 && isClean(r),
  },
  {
    name: 'open loop shows its queue',
    body: plain('sim-w20ms'),
    args: '-c 2 -r 1000',
    holds: (r) => (r.unfinished ?? 0) > 300 && latency(r).p99 > 500_000,
  },
  {
    name: '1 MB answers',
    body: plain('sim-1m'),
    args: '-c 4',
    holds: (r) => near(answerBytes(r), 1e6, 3e5) && r.requests > 50 && isClean(r),
  },
  {
    name: 'streams: tokens, timing, stamps',
    body: streamed('sim-50t-10ms'),
    args: '-c 10 -s 0.4 -d 1.6 -n 50',
    holds: (r) =>
      r.streams > 15 &&
      isClean(r) &&
      near(r.tokens_s, 1000, 60) &&
      near(r.chunk_gap_us?.p50 ?? 0, 10_000, 500) &&
      (r.chunk_delay_us?.p50 ?? 0) > 1 &&
      (r.chunk_delay_us?.p99 ?? 0) < 20_000 &&
      latency(r).p50 > 480_000,
  },
  {
    name: 'streams at full speed',
    body: streamed('sim-200t-0ms'),
    args: '-c 16 -n 200',
    holds: (r) => r.tokens_s > 20_000 && isClean(r),
  },
  {
    name: 'large events',
    body: streamed('sim-20t-0ms-20000c'),
    args: '-c 4 -n 20',
    holds: (r) => r.mb_in_s > 20 && isClean(r),
  },
  {
    name: 'a wrong count is seen',
    body: streamed('sim-20t-0ms-20000c'),
    args: '-c 4 -n 21',
    holds: (r) => r.errors.short > 0 && r.requests === 0,
  },
  {
    name: 'a missing [DONE] is seen',
    body: streamed('sim-20t-1ms-nodone'),
    args: '-c 4 -n 20',
    holds: (r) => r.errors.no_done > 0 && r.requests === 0,
  },
  {
    name: 'cut streams are seen',
    body: streamed('sim-20t-1ms-cut'),
    args: '-c 4 -n 20',
    holds: (r) => r.errors.truncated > 0 && r.requests === 0,
  },
  {
    name: 'reset streams are seen',
    body: streamed('sim-20t-1ms-rst'),
    args: '-c 4 -n 20',
    holds: (r) => r.errors.truncated + r.errors.reset > 0 && r.requests === 0,
  },
  {
    name: 'a status is seen',
    body: plain('sim-s503'),
    args: '-c 4',
    holds: (r) => (r.errors.status['503'] ?? 0) > 0 && r.requests === 0 && /503|simulated/.test(r.first_error ?? ''),
  },
  {
    name: 'cut answers are seen',
    body: plain('sim-cut'),
    args: '-c 4',
    holds: (r) => r.errors.truncated > 0 && r.requests === 0,
  },
  {
    name: 'refused connections are seen',
    body: plain('sim'),
    args: '-c 4 -p 1',
    holds: (r) => r.errors.connect > 0 && r.requests === 0,
  },
  {
    name: "the header's plan wins",
    body: plain('sim'),
    args: '-c 4 -H x-sim:sim-10k',
    holds: (r) => near(answerBytes(r), 10_000, 50) && isClean(r),
  },
  {
    name: 'silence times out',
    body: plain('sim'),
    args: '-c 2 -d 1.5 -t 1 -H x-sim:sim-w5000ms',
    holds: (r) => r.errors.timeout > 0,
  },
  {
    name: 'idle streams are held',
    body: streamed('sim-2t-600000ms'),
    args: '-i -c 500 -s 0.2 -w 5',
    holds: (r) => r.held === 500 && r.dropped === 0 && isClean(r),
  },
  {
    name: 'uploads',
    body: UPLOAD,
    args: '-c 2 -u /v1/audio/transcriptions -T application/octet-stream',
    holds: (r) => r.mb_out_s > 100 && isClean(r),
  },
];

let failed = 0;

async function selftest(): Promise<void> {
  build();
  await using programs = new Programs();
  const engine = await startEngine(programs, PORT);
  const folder = mkdtempSync(join(tmpdir(), 'ecolink-bench-'));
  try {
    for (const check of checks) await run(check, folder, engine);
    await sayWhetherStreamsEnd();
    for (const continuous of [false, true]) await sayWhetherEventsAreWhole(continuous);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run({ name, body, args = '', holds }: Check, folder: string, engine: number): Promise<void> {
  const file = join(folder, randomBytes(4).toString('hex'));
  if (body !== undefined) writeFileSync(file, body);
  const common = ['-p', String(PORT), '-w', '0.3', '-d', '1', '-U', String(engine), ...(body ? ['-b', file] : [])];
  const load = Load.parse(JSON.parse(await outputOf(program('loadgen'), [...common, ...args.split(' ')])));
  say(name, holds(load), load);
}

function say(name: string, holds: boolean, seen?: unknown): void {
  if (!holds) failed++;
  process.stdout.write(holds ? `ok      ${name}\n` : `FAILED  ${name}\n        ${JSON.stringify(seen)}\n`);
}

const STREAMS_END_MS = 2_000;

async function sayWhetherStreamsEnd(): Promise<void> {
  let open = await countOpenStreams(ORIGIN);
  for (const end = Date.now() + STREAMS_END_MS; open > 0 && Date.now() < end; open = await countOpenStreams(ORIGIN))
    await sleep(10);
  say('abandoned streams end', open === 0, open);
}

const Event = z.object({
  choices: z.array(
    z.object({ delta: z.object({ role: z.string().optional() }), finish_reason: z.string().nullable() }),
  ),
  usage: z.object({ completion_tokens: z.int() }).optional(),
});

/** Role, content, finish, usage and [DONE], to a request whose body comes in pieces. */
async function sayWhetherEventsAreWhole(continuous: boolean): Promise<void> {
  const events = (await askInPieces(continuous)).split('\n\n').filter(Boolean);
  const parsed = events.slice(0, -1).map((event) => Event.parse(JSON.parse(event.replace('data: ', ''))));
  const usage = parsed.map((event) => event.usage?.completion_tokens);
  const holds =
    events.at(-1) === 'data: [DONE]' &&
    parsed[0]?.choices[0]?.delta.role === 'assistant' &&
    parsed[4]?.choices[0]?.finish_reason === 'stop' &&
    String(usage) === (continuous ? '0,1,2,3,3,3' : ',,,,,3');
  say(`an event stream is whole${continuous ? ', with continuous usage' : ''}`, holds, events);
}

const PIECE_CHARS = 7;

async function askInPieces(continuous_usage_stats: boolean): Promise<string> {
  const stream_options = { include_usage: true, continuous_usage_stats };
  const body = JSON.stringify({ model: 'sim-3t-1ms', stream: true, stream_options });
  const request = http.request(`${ORIGIN}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'transfer-encoding': 'chunked' },
  });
  const answer = new Promise<http.IncomingMessage>((resolve, reject) =>
    request.once('response', resolve).once('error', reject),
  );
  for (let at = 0; at < body.length; at += PIECE_CHARS) request.write(body.slice(at, at + PIECE_CHARS));
  request.end();
  return Buffer.concat(await (await answer).toArray()).toString();
}

await selftest();
process.exitCode = failed > 0 ? 1 : 0;
