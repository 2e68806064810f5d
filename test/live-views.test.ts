import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatElapsed } from '../cli/live/elapsed.ts';
import { harmless, harmlessStyled } from '../cli/live/harmless.ts';
import { type Line, paintLine } from '../cli/live/line.ts';
import { LogCursor } from '../cli/live/log-cursor.ts';
import { LogFormat, replicaName } from '../cli/live/log-format.ts';
import { asTheyCome, byTime } from '../cli/live/merge-lines.ts';
import { seeReplicas, seeWorkload, type Timeline } from '../cli/live/timeline.ts';
import { timelineLines } from '../cli/live/timeline-view.ts';
import { tryIt } from '../cli/live/try-it.ts';
import { cut, pad, widthOf } from '../cli/live/width.ts';
import { workloadChanges } from '../cli/live/workload-changes.ts';
import { workloadsLines } from '../cli/live/workloads-view.ts';
import { hasColor, isWatched } from '../cli/terminal.ts';
import type { Replica, Workload } from '../sdk/index.ts';
import * as documents from './fakes/documents.ts';

const ESC = '\u001b';
const AT = 1_760_000_000_000;
const SIZE = { columns: 100, rows: 23 };
const plain = (lines: readonly Line[], columns = SIZE.columns) =>
  lines.map((line) => paintLine(line, { columns, hasColor: false }));
const workload = (state: Workload['state'], changes: Partial<Workload> = {}) =>
  documents.workload({ state, started_at: null, message: `It is ${state}.`, ...changes });
const replica = (id: string, changes: Partial<Replica> = {}): Replica => ({
  ...documents.replica(),
  id: `142-local-a-${id}`,
  ...changes,
});

describe('who watches', () => {
  const terminal = { isTTY: true };
  test('nobody behind a pipe, in CI, or at a terminal that cannot be drawn on', () => {
    assert.ok(isWatched(terminal, { TERM: 'xterm' }));
    assert.ok(isWatched(terminal, { CI: 'false' }));
    assert.ok(!isWatched({}, { TERM: 'xterm' }));
    assert.ok(!isWatched(terminal, { CI: 'true' }));
    assert.ok(!isWatched(terminal, { TERM: 'dumb' }));
  });

  test('FORCE_COLOR goes before NO_COLOR, and both before what the stream is', () => {
    assert.ok(hasColor(terminal, {}));
    assert.ok(!hasColor({}, {}));
    assert.ok(!hasColor(terminal, { NO_COLOR: '1' }));
    assert.ok(hasColor(terminal, { NO_COLOR: '' }));
    assert.ok(hasColor({}, { FORCE_COLOR: '1', NO_COLOR: '1' }));
    assert.ok(!hasColor(terminal, { FORCE_COLOR: '0' }));
    assert.ok(!hasColor(terminal, { TERM: 'dumb' }));
  });
});

describe('widths', () => {
  test('East Asian characters and emoji take two columns, marks none', () => {
    assert.deepEqual(['abc', '模型', 'é', '👩‍🚀', '한글', '…'].map(widthOf), [3, 4, 1, 2, 4, 1]);
    assert.equal(cut('模型模型', 5), '模型…');
    assert.equal(cut('ready', 5), 'ready');
    assert.equal(pad('模', 4), '模  ');
  });

  test('whatever is cut is never wider than asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, columns) => {
        assert.ok(widthOf(cut(text, columns)) <= columns);
      }),
    );
  });

  test('elapsed times', () => {
    assert.deepEqual([-5, 14_900, 192_000, 7_500_000].map(formatElapsed), ['0s', '14s', '3m12s', '2h05m']);
  });
});

describe('texts of others', () => {
  test('cannot move the cursor, set a title or turn the line around', () => {
    const evil = `a${ESC}[2Jb${ESC}]0;title\u0007c\u202ed\u009b1A\ne`;
    assert.match(harmless(evil), /^abc d\S* e$/);
    assert.equal(harmlessStyled(`${ESC}[31mred${ESC}[0m${ESC}[5A!`), `${ESC}[31mred${ESC}[0m!${ESC}[0m`);
  });

  test('a progress bar is its last state', () => {
    assert.equal(harmlessStyled('10%\r50%\r100%\r'), '100%');
  });

  test('nothing but styles is ever left of any escape sequence', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom(ESC, `${ESC}[`, '31m', '\u009b', `${ESC}]8;;x\u0007`, '\r', '\t'),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const shown = harmlessStyled(parts.join(''));
        assert.doesNotMatch(shown.replaceAll(new RegExp(`${ESC}\\[[\\d;:]*m`, 'g'), ''), /\p{Cc}/u);
      }),
    );
  });
});

describe('the timeline', () => {
  const story = (): Timeline => {
    const launched = seeWorkload(undefined, workload('pending', { since: AT, created_at: AT }), AT);
    const loading = seeWorkload(launched, workload('loading'), AT + 2_000);
    return seeReplicas(
      loading,
      [
        replica('1', { state: 'loading', message: 'Loading shards.', started_at: AT + 3_000, ready_at: null }),
        replica('2', { state: 'restarting', reason: 'crashed', message: 'Exited\nwith code 1.', started_at: null }),
      ],
      AT + 4_000,
    );
  };

  test('shows the workload, each replica, and the phases', () => {
    assert.deepEqual(plain(timelineLines(story(), AT + 16_000, SIZE)), [
      'my-llama:142  ◐ loading  2/2 ready  16s  $9.20/h, $220.80 held',
      '  It is loading.',
      '  ◐ local-a-1  loading     13s  Loading shards.',
      '  ✗ local-a-2  restarting  12s  Exited with code 1.',
      '  pending 2s → loading 14s',
    ]);
  });

  test('a replica keeps its time while its state lasts, and begins anew with another', () => {
    const later = seeReplicas(
      story(),
      [replica('1', { state: 'ready', ready_at: AT }), replica('2', { state: 'restarting', reason: 'crashed' })],
      AT + 20_000,
    );
    assert.deepEqual(
      later.replicas.map(({ since }) => since - AT),
      [20_000, 4_000],
    );
  });

  test('stands still once it runs', () => {
    const running = seeWorkload(story(), workload('running'), AT + 16_000);
    const lines = plain(timelineLines(running, AT + 900_000, SIZE));
    assert.match(lines[0]!, /● running {2}2\/2 ready {2}16s/);
    assert.equal(lines.at(-1), '  pending 2s → loading 14s → running');
  });

  test('what failed keeps the replicas that tell why', () => {
    const failed = seeReplicas(seeWorkload(story(), workload('failed'), AT + 9_000), [], AT + 9_000);
    assert.deepEqual(
      failed.replicas.map(({ id }) => id),
      ['142-local-a-1', '142-local-a-2'],
    );
  });

  test('a change of what ran before counts from the moment it is watched', () => {
    const scaled = seeWorkload(
      undefined,
      workload('degraded', { generation: 2, started_at: AT, since: AT }),
      AT + 60_000,
    );
    assert.match(plain(timelineLines(scaled, AT + 65_000, SIZE))[0]!, /degraded {2}2\/2 ready {2}5s/);
  });

  test('many replicas are summed by region and state', () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      replica(String(at), { region: at < 15 ? 'eu-1' : 'us-2', state: at % 2 ? 'ready' : 'loading' }),
    );
    const lines = plain(timelineLines(seeReplicas(story(), many, AT + 4_000), AT + 5_000, SIZE));
    assert.equal(lines.length, 7);
    assert.match(lines.join('\n'), /◐ eu-1 {2}loading ×8[\s\S]*● us-2 {2}ready ×13/);
  });

  test('never takes more lines or columns than there are', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    const size = fc.record({ columns: fc.integer({ min: 1, max: 120 }), rows: fc.integer({ min: 1, max: 30 }) });
    fc.assert(
      fc.property(size, fc.nat(70), text, ({ columns, rows }, count, message) => {
        const replicas = Array.from({ length: count }, (_, at) => replica(String(at), { message }));
        const timeline = seeReplicas(seeWorkload(story(), workload('loading', { message }), AT), replicas, AT);
        const lines = plain(timelineLines(timeline, AT, { rows }), columns);
        assert.ok(lines.length <= rows);
        for (const line of lines) assert.ok(widthOf(line) <= columns, line);
      }),
    );
  });

  test('colours say what signs and words say, and are gone without colour', () => {
    const [line] = timelineLines(story(), AT, SIZE);
    const painted = paintLine(line!, { columns: 80, hasColor: true });
    assert.ok(painted.includes(`${ESC}[33m  ◐ loading${ESC}[39m`), painted);
    assert.ok(!paintLine(line!, { columns: 80, hasColor: false }).includes(ESC));
  });
});

describe('a call to try', () => {
  test('is of the category, or below the path of its own', () => {
    const at = (changes: Partial<Workload>) => tryIt(documents.workload(changes), 'http://eco')?.curl ?? '';
    assert.match(at({}), /^curl http:\/\/eco\/v1\/chat\/completions .*"model":"my-llama:142"/);
    assert.match(at({ category: 'embedding' }), /\/v1\/embeddings .*"input":"Hello"/);
    assert.match(
      at({ custom_api_path: '/generate' }),
      /^curl http:\/\/eco\/inference-instances\/142\/proxy\/generate /,
    );
    assert.equal(at({ kind: 'gpu_cluster' }), '');
  });
});

describe('the table of workloads', () => {
  const seen = (count: number) => ({
    workloads: Array.from({ length: count }, (_, at) => documents.workload({ id: count - at, name: `w${count - at}` })),
    at: AT,
    offset: 0,
  });

  test('leaves out the least important columns where it is narrow', () => {
    const heads = [120, 80, 40, 20].map(
      (columns) => plain(workloadsLines(seen(1), AT, { columns, rows: 23 }), columns)[0],
    );
    assert.deepEqual(heads, [
      'ID  NAME  STATE      READY  GPU     REGIONS          RATE     AGE  MESSAGE',
      'ID  NAME  STATE      READY  GPU     RATE     AGE  MESSAGE',
      'ID  NAME  STATE      READY',
      'ID  NAME  STATE',
    ]);
  });

  test('scrolls where there are more than rows, and says so', () => {
    const lines = plain(workloadsLines({ ...seen(30), offset: 99 }, AT, { columns: 80, rows: 8 }));
    assert.equal(lines.length, 8);
    assert.match(lines[1]!, /^6 {3}w6 /);
    assert.equal(lines.at(-1), '25–30 of 30, j and k scroll; q leaves');
  });

  test('says below that the server is away', () => {
    const lines = plain(workloadsLines({ ...seen(1), lost: 'No answer.' }, AT + 12_000, SIZE));
    assert.equal(lines.at(-1), '✗ No news for 12s; trying again. No answer.');
  });

  test('changes are new revisions, oldest first, and what is no longer listed', () => {
    const before = [documents.workload({ id: 3 }), documents.workload({ id: 2 }), documents.workload({ id: 1 })];
    const after = [documents.workload({ id: 4 }), before[0]!, documents.workload({ id: 1, revision: 8 })];
    const { changed, gone } = workloadChanges(before, after);
    assert.deepEqual([changed.map(({ id }) => id), gone], [[1, 4], [2]]);
  });
});

describe('log lines', () => {
  const style = { isTerminal: true, hasColor: true, timestamps: false };

  test('have no prefix while there is one replica, and aligned coloured ones with more', () => {
    const format = new LogFormat(style);
    assert.equal(format.format('a', { at: AT, text: 'one' }), 'one');
    assert.equal(format.format('long', { at: AT, text: 'two' }), '\u001b[35mlong\u001b[39m | two');
    assert.equal(format.format('a', { at: AT, text: 'three' }), '\u001b[36ma   \u001b[39m | three');
  });

  test('are left as they are for a program, with a time if asked', () => {
    const format = new LogFormat({ isTerminal: false, hasColor: false, timestamps: true });
    assert.equal(format.format('a', { at: AT, text: '\u001b[2Jx' }), '2025-10-09T08:53:20.000Z \u001b[2Jx');
  });

  test('name a replica shortly, with its workload where several are read', () => {
    assert.equal(replicaName('142-local-a-7x3k', undefined), 'local-a-7x3k');
    assert.equal(replicaName('142-local-a-7x3k', 'my-llama'), 'my-llama/local-a-7x3k');
  });

  test('of ended streams come in order of time', async () => {
    const source = async function* (...times: number[]) {
      for (const at of times) yield { at };
    };
    const merged = await Array.fromAsync(byTime([source(1, 4, 4), source(), source(2, 3, 9)]));
    assert.deepEqual(
      merged.map(({ at }) => at),
      [1, 2, 3, 4, 4, 9],
    );
  });

  test('of a silent stream do not keep back those of another; a failure ends all', async () => {
    const closed: string[] = [];
    const silent = async function* (): AsyncGenerator<number, void> {
      try {
        yield 0;
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('cut');
      } finally {
        closed.push('silent');
      }
    };
    const talking = async function* (): AsyncGenerator<number, void> {
      yield 1;
      yield 2;
    };
    const seen: number[] = [];
    const reading = (async () => {
      for await (const line of asTheyCome([silent(), talking()])) seen.push(line);
    })();
    await assert.rejects(reading, /cut/);
    assert.deepEqual([seen.toSorted(), closed], [[0, 1, 2], ['silent']]);
  });

  test('that come again after a lost connection are told apart from new ones, wherever it broke', () => {
    const lines = fc.array(fc.record({ replica: fc.constantFrom('a', 'b'), at: fc.nat(6) }), { maxLength: 40 });
    fc.assert(
      fc.property(lines, fc.array(fc.nat(40), { maxLength: 4 }), (unsorted, breaks) => {
        const written = unsorted.toSorted((a, b) => a.at - b.at).map((line, index) => ({ ...line, index }));
        const cursor = new LogCursor();
        const taken: number[] = [];
        for (const end of [...breaks.toSorted((a, b) => a - b), written.length]) {
          const { since = 0 } = cursor;
          const stream = written.slice(0, end).filter(({ at }) => at >= since);
          taken.push(...stream.filter((line) => cursor.take(line)).map(({ index }) => index));
          cursor.rewind();
        }
        assert.deepEqual(
          taken,
          written.map(({ index }) => index),
        );
      }),
    );
  });
});
