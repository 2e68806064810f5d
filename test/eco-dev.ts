import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './run-eco.ts';

export interface Ready {
  url: string;
  api_key: string;
  admin_key: string;
  pid: number;
}

export interface EcoDev extends AsyncDisposable {
  ready: Ready;
  child: ChildProcess;
  /** Sends the signal so many times, as a terminal with npm in between does; resolves with the exit code. */
  end(signal?: NodeJS.Signals, times?: number): Promise<number | null>;
}

const bin = join(root, 'bin/eco.js');

/** A folder of one's own as home, settings and data of `eco dev`, and as the folder it runs in. */
export function makeHome(): { folder: string; environment: Record<string, string> } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'eco-dev-'));
  mkdirSync(join(folder, 'work'));
  return {
    folder,
    environment: { PATH: process.env.PATH ?? '', HOME: folder, ECO_CONFIG_DIR: join(folder, 'config') },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The real `eco dev --json`, once it has said that it is ready. */
export async function startEcoDev({ folder, environment }: ReturnType<typeof makeHome>): Promise<EcoDev> {
  const args = [bin, 'dev', '--json', '--port', '0', '--data', join(folder, 'data')];
  const child = spawn(process.execPath, args, {
    cwd: join(folder, 'work'),
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => {
    throw new Error(`eco dev ended with exit code ${code} before it was ready`);
  });
  failed.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), failed]);
  const end = async (signal: NodeJS.Signals = 'SIGINT', times = 1) => {
    for (let sent = 0; sent < times; sent++) child.kill(signal);
    const [code] = await exited;
    return code;
  };
  return { ready: JSON.parse(String(line)), child, end, [Symbol.asyncDispose]: async () => void (await end()) };
}
