import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const HERE = import.meta.dirname;

/** Where everything built, installed, logged and measured goes. */
export const HOME =
  process.env.BENCH_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ecolink-bench');

export const program = (name: 'upstream' | 'loadgen') => join(HOME, 'bin', name);
export const logOf = (name: string) => join(HOME, 'log', name);

export function build(): void {
  execFileSync('make', ['-s', '-C', HERE, `OUT=${join(HOME, 'bin')}`], { stdio: 'inherit' });
}

export interface Start {
  /** Names its log. */
  name: string;
  cpus: string;
  env?: Record<string, string>;
  folder?: string;
}

const STOP_MS = 3_000;
const POLL_MS = 50;

/** The programs of one benchmark: each in a session of its own, pinned to its cores, and all gone at the end. */
export class Programs implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];
  readonly #onExit = () => this.#signal('SIGKILL');

  constructor() {
    process.on('exit', this.#onExit);
  }

  start(command: string, { name, cpus, env = {}, folder = HERE }: Start): ChildProcess & { pid: number } {
    mkdirSync(join(HOME, 'log'), { recursive: true });
    const log = openSync(logOf(name), 'w');
    const child = spawn('taskset', ['-c', cpus, 'sh', '-c', `ulimit -n $(ulimit -Hn); exec ${command}`], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    if (child.pid === undefined) throw new Error(`${name} cannot be started; is taskset installed?`);
    this.#children.push(child);
    return Object.assign(child, { pid: child.pid });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal('SIGTERM');
    for (const end = Date.now() + STOP_MS; Date.now() < end && this.#children.some(isRunning); ) await sleep(POLL_MS);
    this.#signal('SIGKILL');
    process.removeListener('exit', this.#onExit);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const { pid } of this.#children.filter(isRunning)) {
      try {
        if (pid !== undefined) process.kill(-pid, signal);
      } catch {
        // gone this moment
      }
    }
  }
}

const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

/** What a program prints. Rejects when it fails. */
export function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(Buffer.concat(chunks).toString()) : reject(new Error(`${command} ended with ${code}`)),
    );
  });
}

export function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
