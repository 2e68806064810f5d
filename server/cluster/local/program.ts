import { fileURLToPath } from 'node:url';

const SUPERVISOR = new URL('./supervisor.ts', import.meta.url);
const SIMULATOR = new URL('../simulator/main.ts', import.meta.url);

/** Path of a program that stands beside this file, in the source and in the build. */
const pathOf = (program: URL): string =>
  fileURLToPath(import.meta.url.endsWith('.ts') ? program : new URL(program.href.replace(/\.ts$/, '.js')));

export const supervisorProgram = pathOf(SUPERVISOR);
export const simulatorProgram = pathOf(SIMULATOR);
