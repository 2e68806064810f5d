import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Offer } from '../sdk/contract/index.ts';
import { newMemory } from '../server/workloads/memory.ts';
import { findLeaving, findTarget, isPlaced, MOVE_AFTER_MS, moved, noteStuck } from '../server/workloads/phase/move.ts';
import type { RegionSeen, Seen } from '../server/workloads/phase/seen.ts';
import { WorkloadSpec } from '../server/workloads/spec.ts';

const NOW = 1_800_000_000_000;

const spec = (placements: string[], candidates: string[], left: string[] = []): WorkloadSpec =>
  WorkloadSpec.parse({
    placements: placements.map((region) => ({ region, price_nanos: 1n })),
    candidates: candidates.map((region) => ({ region, price_nanos: 2n })),
    left,
    replicas: 2,
    gpu: { type: 'h100', count: 2 },
    mounts: [],
    image: 'ecolink/sim',
    engine: 'sim',
    command: null,
    args: [],
    env: {},
    port: null,
    health_path: '/health',
    custom_api_path: null,
    startup_seconds: 600,
  });

const replica = (reason: string, changes: Partial<Seen> = {}): Seen => ({
  id: 'eco-1',
  state: 'pending',
  reason,
  message: '',
  restarts: 0,
  restarted_at: [],
  started_at: null,
  ended_at: null,
  ...changes,
});
const seen = (replicas: Seen[], unreachable: string | null = null): RegionSeen => ({
  region: 'a',
  replicas,
  unreachable,
});
const offer = (free: number, largest_free_block: number): Offer[] => [
  { gpu: 'h100', price_per_hour: '1.00', total: 16, free, largest_free_block, simulated: false },
];
const names = (places: { region: string }[]) => places.map(({ region }) => region);

describe('a region that cannot take its replicas', () => {
  for (const [name, region, isStuck] of [
    ['has no GPU free', seen([replica('no_capacity')]), true],
    ['has no GPU free for any of them', seen([replica('no_capacity'), replica('no_capacity')]), true],
    ['has its quota used up', seen([replica('quota_exceeded')]), true],
    ['cannot be asked, and had nothing', seen([], 'timeout'), true],
    [
      'cannot be asked, and had one that started',
      seen([replica('ready', { state: 'ready', started_at: 1 })], 'x'),
      false,
    ],
    ['has not begun', seen([]), false],
    ['fetches the image', seen([replica('starting', { state: 'pulling' })]), false],
    ['takes one of two', seen([replica('no_capacity'), replica('starting', { state: 'pulling' })]), false],
    ['has a bad image, which every region would have', seen([replica('image_not_found', { state: 'pulling' })]), false],
    [
      'had one that is gone',
      seen([replica('evicted', { state: 'gone', started_at: 1 }), replica('no_capacity')]),
      true,
    ],
  ] as [string, RegionSeen, boolean][])
    test(`${name}: ${isStuck ? 'it is stuck' : 'it is not'}`, () => {
      assert.deepEqual(noteStuck(newMemory(NOW), [region], NOW).stuck, isStuck ? { a: NOW } : {});
    });

  test('is stuck since the first look that found it so, and no more after one that did not', () => {
    const stuck = seen([replica('no_capacity')]);
    const first = noteStuck(newMemory(NOW), [stuck], NOW);
    const second = noteStuck(first, [stuck], NOW + 5_000);
    assert.deepEqual(second.stuck, { a: NOW });
    assert.deepEqual(noteStuck(second, [seen([])], NOW + 6_000).stuck, {});
  });

  for (const [name, candidates, since, expected] of [
    ['is left in time', ['b'], MOVE_AFTER_MS, 'a'],
    ['is not left before', ['b'], MOVE_AFTER_MS - 1, undefined],
    ['is not left where there is no other to go to', [], MOVE_AFTER_MS, undefined],
  ] as [string, string[], number, string | undefined][])
    test(name, () => {
      const memory = { ...newMemory(NOW), stuck: { a: NOW - since } };
      assert.equal(findLeaving(spec(['a'], candidates), memory, NOW), expected);
    });
});

describe('where it goes instead', () => {
  for (const [name, offers, expected] of [
    ['to the candidate with most room', { b: offer(4, 4), c: offer(8, 8) }, 'c'],
    ['not to one whose blocks are too small', { b: offer(4, 2), c: offer(8, 1) }, 'b'],
    ['not to one that is full', { b: offer(3, 3), c: offer(0, 0) }, undefined],
    ['not to one that does not answer', { b: [], c: offer(4, 4) }, 'c'],
    ['not to one that is no candidate', { x: offer(16, 8) }, undefined],
  ] as [string, Record<string, Offer[]>, string | undefined][])
    test(name, () => {
      assert.equal(findTarget(spec(['a'], ['b', 'c']), new Map(Object.entries(offers))), expected);
    });

  test('the region that is left is a candidate from then on, and is told to keep nothing', () => {
    const after = moved(spec(['a', 'd'], ['b']), { from: 'a', to: 'b' });
    assert.deepEqual([names(after.placements), names(after.candidates), after.left], [['b', 'd'], ['a'], ['a']]);
    const back = moved(after, { from: 'b', to: 'a' });
    assert.deepEqual([names(back.placements), names(back.candidates), back.left], [['a', 'd'], ['b'], ['b']]);
  });

  test('whatever moves, no region is lost, none is both used and left, and the number of places stays', () => {
    const regions = ['a', 'b', 'c', 'd'];
    const move = fc.record({ from: fc.constantFrom(...regions), to: fc.constantFrom(...regions) });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 20 }), (moves) => {
        const end = moves.reduce(moved, spec(['a', 'b'], ['c', 'd']));
        const [used, others] = [names(end.placements), names(end.candidates)];
        assert.equal(used.length, 2);
        assert.deepEqual([...used, ...others].toSorted(), regions);
        assert.deepEqual(
          end.left.filter((region) => used.includes(region)),
          [],
        );
        assert.equal(new Set(end.left).size, end.left.length);
        const prices = new Map(
          [...end.placements, ...end.candidates].map((place) => [place.region, place.price_nanos]),
        );
        assert.deepEqual([...prices].toSorted(), [
          ['a', 1n],
          ['b', 1n],
          ['c', 2n],
          ['d', 2n],
        ]);
      }),
    );
  });
});

describe('once it has begun it stays', () => {
  const started = seen([replica('ready', { state: 'ready', started_at: NOW })]);
  test('in every region', () => assert.ok(isPlaced(spec(['a', 'd'], ['b']), [started, started])));
  test('not while one has not', () => assert.ok(!isPlaced(spec(['a', 'd'], ['b']), [started, seen([])])));
  test('which is no news to one that names its regions', () => assert.ok(!isPlaced(spec(['a'], []), [started])));
});
