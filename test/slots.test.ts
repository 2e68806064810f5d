import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Slots } from '../server/workloads/reconcile/slots.ts';

const never = new Promise<void>(() => {});

describe('passes under way', () => {
  test('there is room for eight, and again when one is done', async () => {
    let freed = 0;
    const slots = new Slots(() => freed++);
    const { promise, resolve } = Promise.withResolvers<void>();
    for (let id = 0; id < 7; id++) slots.take(id, never);
    slots.take(7, promise);
    assert.deepEqual([slots.free, slots.has(7), slots.isEmpty], [0, true, false]);
    resolve();
    await promise.finally(() => {});
    assert.deepEqual([slots.free, slots.has(7), freed], [1, false, 1]);
  });

  test('slow ones give their room away, up to a bound', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let freed = 0;
    const slots = new Slots(() => freed++);
    let id = 0;
    const fill = () => {
      while (slots.free > 0) slots.take(id++, never);
    };
    fill();
    assert.equal(id, 8);
    t.mock.timers.tick(1_000);
    assert.deepEqual([slots.free, freed], [8, 8]);
    for (let round = 0; round < 100; round++) {
      fill();
      t.mock.timers.tick(1_000);
    }
    assert.deepEqual([id, slots.free], [256, 0]);
  });
});
