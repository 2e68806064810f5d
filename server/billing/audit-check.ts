/** What one check compared and where it differs. */
export interface Check {
  name: string;
  /** Rows compared. */
  checked: number;
  findings: Finding[];
}

export interface Finding {
  subject: string;
  expected: string;
  found: string;
}

export type Amounts = ReadonlyMap<string, bigint>;

/** Compares amounts by name; one that is missing on a side is 0 there. */
export function compareAmounts(name: string, expected: Amounts, found: Amounts, tolerated: Amounts = new Map()): Check {
  const subjects = [...new Set([...expected.keys(), ...found.keys()])];
  const findings = subjects.flatMap((subject) => {
    const [due, is] = [expected.get(subject) ?? 0n, found.get(subject) ?? 0n];
    const difference = due > is ? due - is : is - due;
    return difference > (tolerated.get(subject) ?? 0n) ? [differing(subject, due, is)] : [];
  });
  return { name, checked: subjects.length, findings };
}

export const differing = (subject: string, expected: bigint, found: bigint): Finding => ({
  subject,
  expected: `${expected} nano-dollars`,
  found: `${found} nano-dollars`,
});
