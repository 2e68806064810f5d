import { parseOptions, type SimulatorOptions } from './options.ts';
import { startSimulator } from './start.ts';
import { usage } from './usage.ts';

/** Runs a simulator as a program: from flags and environment to SIGTERM, which lets the answers under way end. Gives the exit code. */
export async function runSimulator(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const complain = (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? `ERROR ${error.message}` : error}\n`);
  };
  if (args.includes('--help')) {
    print(usage());
    return 0;
  }
  let options: SimulatorOptions;
  try {
    options = parseOptions(args, env);
  } catch (error) {
    complain(error);
    complain(usage());
    return 2;
  }
  const suffers = (kind: string) => options.fail.some((fault) => fault.kind === kind);
  const stopped = firstSignal(suffers('ignore-sigterm') ? [] : ['SIGTERM', 'SIGINT']);
  try {
    await using simulator = await startSimulator(options, print);
    await Promise.race([simulator.loaded, stopped]);
    await stopped;
    if (suffers('rude-sigterm')) process.exit(1);
    print('INFO Draining');
    await simulator.drain();
    return 0;
  } catch (error) {
    complain(error);
    return 1;
  }
}

function firstSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  if (signals.length === 0) process.on('SIGTERM', () => {});
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve());
  });
}
