import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EcoCommand } from '../base.ts';

/** The same file from source and from the build. */
const program = new URL(`../../server/cluster/simulator/main${extname(import.meta.url)}`, import.meta.url);

export default class Sim extends EcoCommand {
  static override summary = 'run the engine simulator: an OpenAI-compatible server without a GPU';
  static override description = 'All arguments are the simulator’s own: "eco sim -- --help" lists them.';
  static override examples = ['<%= config.bin %> <%= command.id %> --port 9000'];
  static override strict = false;

  async run(): Promise<void> {
    this.parsed = true; // by the simulator
    const child = spawn(process.execPath, [fileURLToPath(program), ...this.argv.filter((word) => word !== '--')], {
      stdio: 'inherit',
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
    const [code] = await once(child, 'exit');
    process.exitCode = code ?? 1;
  }
}
