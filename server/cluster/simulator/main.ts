import { runSimulator } from './run.ts';

process.exit(await runSimulator(process.argv.slice(2)));
