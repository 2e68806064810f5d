import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { pickReplica } from '../server/gateway/balance.ts';
import { type Health, newHealth, noteFailure, noteLatency, noteSuccess } from '../server/gateway/health.ts';
import { RetryBudget } from '../server/gateway/retry-budget.ts';

const NOW = 1_000_000;
const at = (health: Partial<Health> = {}) => ({ health: { ...newHealth(), ...health } });
const pick = <T extends { health: Health }>(candidates: readonly T[], tried: readonly T[] = [], now = NOW) =>
  pickReplica(candidates, { tried: tried.map(({ health }) => health), now, random: Math.random });

describe('the choice of a replica', () => {
  const candidate = fc
    .record({
      inFlight: fc.nat(3),
      ejectedMs: fc.constantFrom(0, 1000),
      ejectedUntil: fc.constantFrom(NOW - 1, NOW + 500),
      isProven: fc.boolean(),
      isFull: fc.boolean(),
      others: fc.nat(3),
      toldUntil: fc.constantFrom(NOW, NOW + 500),
      latencyMs: fc.nat(100),
    })
    .map(at);

  test('never goes to one with more load, a full, an unproven, an ejected or a tried one while a better one is there', () => {
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 6 }), fc.array(fc.nat(5)), (candidates, triedAt) => {
        const tried = candidates.filter((_, index) => triedAt.includes(index));
        const picked = pick(candidates, tried);
        assert.ok(picked);
        const isOut = ({ health }: { health: Health }) =>
          health.ejectedMs > 0 && (health.ejectedUntil > NOW || health.inFlight > 0);
        const fresh = candidates.filter((each) => !tried.includes(each));
        if (fresh.length > 0) assert.ok(fresh.includes(picked));
        const pool = fresh.length > 0 ? fresh : candidates;
        const sound = pool.filter((each) => !isOut(each));
        if (sound.length === 0) return;
        const proven = sound.some(({ health }) => health.isProven)
          ? sound.filter(({ health }) => health.isProven)
          : sound;
        const isFull = ({ health }: { health: Health }) => health.isFull && health.toldUntil > NOW;
        const roomy = proven.every(isFull) ? proven : proven.filter((each) => !isFull(each));
        assert.ok(roomy.includes(picked));
        const load = ({ health }: { health: Health }) => health.inFlight + (health.toldUntil > NOW ? health.others : 0);
        assert.equal(load(picked), Math.min(...roomy.map(load)));
      }),
      { numRuns: 2000 },
    );
  });

  test('of equals takes each in turn', () => {
    const candidates = [at(), at(), at()];
    const picked = new Map<unknown, number>();
    for (let i = 0; i < 3000; i++) {
      const replica = pick(candidates);
      picked.set(replica, (picked.get(replica) ?? 0) + 1);
    }
    assert.equal(picked.size, 3);
    for (const count of picked.values()) assert.ok(count > 800, `${count} of 3000`);
  });

  test('of none is none', () => assert.equal(pick([]), undefined));

  test('prefers the clearly faster one until the memory of the slow one has faded', () => {
    const [slow, fast] = [at(), at()];
    noteLatency(slow.health, 900, NOW);
    noteLatency(fast.health, 90, NOW);
    for (let i = 0; i < 50; i++) assert.equal(pick([slow, fast]), fast);
    const later = NOW + 200_000;
    noteLatency(fast.health, 0, later);
    assert.ok(Array.from({ length: 50 }, () => pick([slow, fast], [], later)).includes(slow));
  });
});

describe('passive ejection', () => {
  test('comes with the third failure in ten seconds, doubles with each failed probe, and ends with a success', () => {
    const [bad, good] = [at(), at({ inFlight: 5 })];
    noteFailure(bad.health, NOW);
    noteFailure(bad.health, NOW + 1);
    assert.equal(pick([bad, good], [], NOW + 2), bad);
    noteFailure(bad.health, NOW + 2);
    assert.equal(pick([bad, good], [], NOW + 3), good);
    assert.equal(bad.health.ejectedUntil, NOW + 2 + 1000);

    const probeAt = NOW + 1003;
    assert.equal(pick([bad, good], [], probeAt), bad, 'a probe');
    bad.health.inFlight++;
    assert.equal(pick([bad, good], [], probeAt), good, 'one probe at a time');
    bad.health.inFlight--;
    noteFailure(bad.health, probeAt);
    assert.equal(bad.health.ejectedUntil, probeAt + 2000);

    noteSuccess(bad.health, probeAt + 3000);
    noteFailure(bad.health, probeAt + 3001);
    assert.equal(pick([bad, good], [], probeAt + 3002), bad);
  });

  test('does not come for failures far apart, and never lasts more than thirty seconds', () => {
    const { health } = at();
    for (let i = 0; i < 10; i++) noteFailure(health, NOW + i * 11_000);
    assert.equal(health.ejectedMs, 0);
    for (let i = 0; i < 20; i++) noteFailure(health, Math.max(health.ejectedUntil, NOW + 200_000));
    assert.equal(health.ejectedMs, 30_000);
  });

  test('of all leaves the one that is back first', () => {
    const candidates = [30, 10, 20].map((s) => at({ ejectedMs: 1000, ejectedUntil: NOW + s * 1000 }));
    assert.equal(pick(candidates), candidates[1]);
  });
});

test('retries are a burst and then a fifth of the traffic', () => {
  const budget = new RetryBudget();
  let burst = 0;
  while (budget.take()) burst++;
  let retries = 0;
  for (let i = 0; i < 1000; i++) {
    budget.noteRequest();
    if (budget.take()) retries++;
  }
  assert.ok(burst > 0 && burst <= 100);
  assert.ok(retries >= 190 && retries <= 200, `${retries} of 1000`);
});
