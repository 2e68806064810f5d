/** Every exit code of `eco`, and what it means. Printed by `eco help exit-codes`. */
export const exitCodes = {
  ok: [0, 'done'],
  failure: [1, 'anything else that went wrong, and an audit with findings'],
  usage: [2, 'wrong or missing arguments, flags or input; an unknown command'],
  not_found: [3, 'there is no such model, workload, key, account or region'],
  forbidden: [4, 'not logged in, or the key may not do this'],
  conflict: [5, 'the state of things does not allow it, like a name that is taken'],
  balance: [6, 'too little balance, or a model without a price'],
  no_capacity: [7, 'no region has the GPUs now'],
  workload_failed: [8, 'the workload that was waited for failed, or was stopped'],
  wait_timeout: [124, '--wait-timeout passed; what runs goes on'],
  interrupted: [130, 'Ctrl-C; what runs goes on'],
} as const;

export type ExitName = keyof typeof exitCodes;

const byCode: Record<string, ExitName> = {
  usage: 'usage',
  no_capacity: 'no_capacity',
  workload_failed: 'workload_failed',
  smoke_failed: 'workload_failed',
  wait_timeout: 'wait_timeout',
  aborted: 'interrupted',
};

const byStatus: Record<number, ExitName> = {
  400: 'usage',
  401: 'forbidden',
  402: 'balance',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'usage',
  422: 'conflict',
};

/** How the process ends after an error of this code and HTTP status. */
export function exitCodeOf({ code, status = 0 }: { code: string; status?: number | undefined }): number {
  return exitCodes[byCode[code] ?? byStatus[status] ?? 'failure'][0];
}
