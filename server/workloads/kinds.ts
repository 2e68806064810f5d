import { HOLD_HOURS, type WorkloadKind } from '../../sdk/contract/index.ts';

interface KindRules {
  noun: string;
  /** Hours that the hold of a launch or resume pays for. */
  holdHours: number;
  /** Why `extend` is refused; undefined where it is not. */
  notExtendable: string | undefined;
}

/** All that differs between kinds. */
const kinds: Partial<Record<WorkloadKind, KindRules>> = {
  inference_instance: {
    noun: 'inference instance',
    holdHours: HOLD_HOURS,
    notExtendable: `The hold of an inference instance renews by itself every ${HOLD_HOURS} hours, as long as the balance lasts. There is nothing to extend.`,
  },
};

export function rulesOf(kind: string): KindRules {
  const rules = kinds[kind as WorkloadKind];
  if (!rules) throw new Error(`there are no rules for workloads of kind ${kind}`);
  return rules;
}
