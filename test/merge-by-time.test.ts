import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { mergeByTime } from '../server/workloads/follow/merge-by-time.ts';

async function* from(times: readonly number[]) {
  for (const at of times) yield { at };
}

/** Gives its lines and then stays open until it is told to end. */
async function* openAfter(times: readonly number[], end: Promise<void>) {
  yield* from(times);
  await end;
}

describe('mergeByTime', () => {
  test('lines of all sources come once, in order of time', async () => {
    const sorted = fc.array(fc.nat(50)).map((times) => times.toSorted((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(
        fc.array(sorted, { maxLength: 4 }),
        fc.constantFrom(50, Number.POSITIVE_INFINITY),
        async (lists, patienceMs) => {
          const merged = await Array.fromAsync(mergeByTime(lists.map(from), { patienceMs }));
          assert.deepEqual(
            merged.map(({ at }) => at),
            lists.flat().toSorted((a, b) => a - b),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  test('a source that is silent holds up the others for no longer than the patience', async () => {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    const merged = mergeByTime([openAfter([], end), openAfter([1, 2], end)], { patienceMs: 20 });
    assert.deepEqual([(await merged.next()).value, (await merged.next()).value], [{ at: 1 }, { at: 2 }]);
    resolve();
    assert.equal((await merged.next()).done, true);
  });

  test('many lines wait for a silent source once, not each', async () => {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    const times = Array.from({ length: 300 }, (_, at) => at);
    const merged = mergeByTime([openAfter([], end), openAfter(times, end)], { patienceMs: 100 });
    const began = performance.now();
    for (const at of times) assert.deepEqual((await merged.next()).value, { at });
    assert.ok(performance.now() - began < 10_000, 'a third of the patience of each');
    resolve();
  });

  test('a source that throws ends all with its error', async () => {
    const broken = async function* (): AsyncGenerator<{ at: number }> {
      yield { at: 1 };
      throw new Error('cut');
    };
    await assert.rejects(Array.fromAsync(mergeByTime([broken(), from([5])], { patienceMs: 20 })), /cut/);
  });
});
