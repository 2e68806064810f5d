import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../server/cluster/kubernetes/client/api-error.ts';
import { Declined, declinedOf } from '../server/cluster/kubernetes/declined.ts';
import { masked } from '../server/cluster/kubernetes/masked.ts';
import { openMask } from '../server/cluster/mask.ts';

const refused = (status: number, message: string) => new ApiError(status, { reason: '', message });

describe('what an API server says against a declaration', () => {
  const cases: [name: string, error: unknown, reason: string | undefined, isHopeless?: boolean][] = [
    ['no right to do it', refused(403, 'deployments.apps is forbidden: cannot patch'), 'policy_violation', false],
    ['a webhook forbids it', refused(400, 'admission webhook "x" denied the request: no'), 'policy_violation', true],
    ['a policy forbids it', refused(422, "ValidatingAdmissionPolicy 'x' denied request"), 'policy_violation', true],
    ['the quota is used up', refused(403, 'exceeded quota: ecolink, requested: pods=1'), 'quota_exceeded', false],
    ['a field has no meaning', refused(422, 'Deployment.apps "x" is invalid: spec.template'), 'bad_config', true],
    ['its namespace is going', refused(403, 'because it is being terminated'), 'scheduled', false],
    ['a GPU type is gone', new Declined('no_such_gpu', 'no', { isHopeless: true }), 'no_such_gpu', true],
    ['it is overloaded', refused(429, 'too many requests'), undefined],
    ['it has a fault', refused(500, 'etcdserver: request timed out'), undefined],
    ['it does not know us', refused(401, 'Unauthorized'), undefined],
    ['it cannot be reached', new Error('connect ECONNREFUSED'), undefined],
  ];
  for (const [name, error, reason, isHopeless] of cases)
    test(name, () => {
      const declined = declinedOf(error, (text) => text);
      assert.equal(declined?.reason, reason);
      assert.equal(declined?.isHopeless, isHopeless);
    });
});

test('messages are masked wherever they stand, and nothing else is', () => {
  const pod = {
    metadata: { name: 'hunter2-pod' },
    status: { conditions: [{ status: 'True', message: 'hunter2 is wrong' }], message: 'no hunter2' },
  };
  assert.deepEqual(masked(pod, openMask({ TOKEN: 'hunter2', FLAG: 'True' })), {
    metadata: { name: 'hunter2-pod' },
    status: { conditions: [{ status: 'True', message: '******** is wrong' }], message: 'no ********' },
  });
});
