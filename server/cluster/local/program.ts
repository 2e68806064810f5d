import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../package-root.ts';

const SUPERVISOR = new URL('./supervisor.ts', import.meta.url);
const SIMULATOR = new URL('../simulator/main.ts', import.meta.url);

/** Path of a program: beside this file in the source; below `dist/` in the build, where this file is part of another. */
const pathOf = (program: URL, built: string): string =>
  fileURLToPath(import.meta.url.endsWith('.ts') ? program : new URL(built, packageRoot));

export const supervisorProgram = pathOf(SUPERVISOR, 'dist/server/cluster/local/supervisor.js');
export const simulatorProgram = pathOf(SIMULATOR, 'dist/server/cluster/simulator/main.js');
