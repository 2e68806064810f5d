import { join } from 'node:path';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { root } from './run-eco.ts';
import { until } from './until.ts';

const bin = join(root, 'bin/eco.js');
const COLUMNS = 80;
const ROWS = 24;

export interface PtyOptions {
  env: Record<string, string>;
  columns?: number;
  rows?: number;
}

export interface Pty extends AsyncDisposable {
  process: IPty;
  /** Lines that a person sees now, without empty ones at the end. */
  screen(): string[];
  /** Everything that was written, escape sequences and all. */
  written(): string;
  /** Resolves with the screen once it has the text. */
  until(text: string | RegExp): Promise<string>;
  press(keys: string): void;
  resize(columns: number, rows: number): void;
  exited: Promise<{ code: number; signal: number | undefined }>;
}

/** The real binary at a terminal of its own, whose screen can be read. */
export const openEcoPty = (args: string[], options: PtyOptions): Pty =>
  openPty(process.execPath, [bin, ...args], options);

/** A shell line at a terminal; `$eco` is the binary. */
export const openShellPty = (line: string, options: PtyOptions): Pty =>
  openPty('/bin/sh', ['-c', line.replaceAll('$eco', `"${process.execPath}" "${bin}"`)], options);

function openPty(program: string, args: string[], { env, columns = COLUMNS, rows = ROWS }: PtyOptions): Pty {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const child = spawn(program, args, { cols: columns, rows, name: env.TERM ?? 'xterm-256color', env });
  let written = '';
  let pending = Promise.resolve();
  child.onData((data) => {
    written += data;
    pending = new Promise((resolve) => terminal.write(data, resolve));
  });
  terminal.onData((answer) => child.write(answer)); // what a terminal says when it is asked
  const ended = new Promise<{ code: number; signal: number | undefined }>((resolve) => {
    child.onExit(({ exitCode, signal }) => resolve({ code: exitCode, signal }));
  });
  let isRunning = true;
  const exited = ended.then(async (result) => {
    isRunning = false;
    await pending;
    return result;
  });

  const screen = () => {
    const { active } = terminal.buffer;
    const lines = Array.from({ length: terminal.rows }, (_, row) =>
      active.getLine(active.viewportY + row)?.translateToString(true),
    );
    return lines.slice(0, lines.findLastIndex((line) => line) + 1).map((line) => line ?? '');
  };
  const has = (text: string | RegExp) => {
    const seen = screen().join('\n');
    return (typeof text === 'string' ? seen.includes(text) : text.test(seen)) && seen;
  };
  return {
    process: child,
    screen,
    written: () => written,
    exited,
    until: (text) =>
      until(`"${text}" on the screen`, () => has(text)).catch((error: unknown) => {
        throw new Error(`${error}\n${screen().join('\n')}`);
      }),
    press: (keys) => child.write(keys),
    resize(newColumns, newRows) {
      terminal.resize(newColumns, newRows);
      child.resize(newColumns, newRows);
    },
    async [Symbol.asyncDispose]() {
      if (isRunning) child.kill('SIGKILL');
      await exited;
      terminal.dispose();
    },
  };
}
