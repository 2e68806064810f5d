/** What one look found. `fix` is a command, or what to do where no command does it. */
export interface Check {
  name: string;
  state: 'ok' | 'warning' | 'failed' | 'skipped';
  message: string;
  fix?: string;
}

const MARKS = { ok: '✓', warning: '!', failed: '✗', skipped: '-' } as const;
const NAME_WIDTH = 10;

/** `✗ tcp       nothing listens …`, and below it what mends it. */
export function formatCheck({ name, state, message, fix }: Check): string {
  const line = `${MARKS[state]} ${name.padEnd(NAME_WIDTH)} ${message}`;
  return fix === undefined ? line : `${line}\n${' '.repeat(NAME_WIDTH + 3)}${fix}`;
}

export const ok = (name: string, message: string): Check => ({ name, state: 'ok', message });
export const skipped = (name: string, message: string): Check => ({ name, state: 'skipped', message });
export const warning = (name: string, message: string, fix?: string): Check => ({
  name,
  state: 'warning',
  message,
  ...(fix !== undefined && { fix }),
});
export const failed = (name: string, message: string, fix: string): Check => ({ name, state: 'failed', message, fix });

/** What an error says: its code where it has one, as those of sockets do. */
export function reasonOf(error: unknown): string {
  const { code, message } = Object(error) as { code?: string; message?: string };
  return code ?? message ?? String(error);
}
