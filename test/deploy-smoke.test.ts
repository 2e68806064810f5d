import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DeployFile } from '../cli/deploy/deploy-file.ts';
import { callForSmoke } from '../cli/deploy/smoke.ts';
import { type ModelCategory, modelCategories, type Workload } from '../sdk/index.ts';
import { files, spec } from './deploy-rig.ts';
import { startEco, type TestEco } from './harness.ts';

const smokeOf = (smoke: Record<string, unknown>) => {
  const file = DeployFile.parse(spec({ smoke }));
  assert.ok(file.smoke);
  return file.smoke;
};

/** The smoke call of each category, answered by the simulator through the gateway. */
describe('the smoke call of a deploy', () => {
  let server: TestEco;
  let instances: Map<ModelCategory, Workload>;
  const signal = new AbortController().signal;
  before(async () => {
    server = await startEco();
    instances = new Map(await Promise.all(modelCategories.map(launch)));
  });
  after(() => server[Symbol.asyncDispose]());

  const launch = async (category: ModelCategory) => {
    const { eco } = server;
    await eco.models.register({ name: category, category, source: { type: 'image' } });
    const { id } = await eco.instances.launch({ model: category, image: 'ecolink/sim', regions: ['local-a'] });
    return [category, await eco.instances.waitUntilRunning(id)] as const;
  };

  for (const category of modelCategories)
    test(`${category}: what is there by default succeeds, and another status is an error`, async () => {
      const { id, ref } = instances.get(category)!;
      const instance = { id, ref, category };
      await callForSmoke(server.eco, { ...instance, smoke: smokeOf({}) }, signal);
      await assert.rejects(callForSmoke(server.eco, { ...instance, smoke: smokeOf({ status: 201 }) }, signal), {
        code: 'smoke_failed',
        message: `The smoke call of ${instance.ref} answered 200, not 201.`,
        hint: `eco logs ${instance.id}`,
      });
      if (category !== 'audio') return;
      const file = join(files, 'speech.wav');
      const spoken = await server.eco.audio.speak({
        model: instance.ref,
        input: 'Hello.',
        voice: 'alloy',
        response_format: 'wav',
      });
      writeFileSync(file, Buffer.from(await spoken.arrayBuffer()));
      await callForSmoke(server.eco, { ...instance, smoke: smokeOf({ file }) }, signal);
    });
});
