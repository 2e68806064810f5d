import module from 'node:module';

module.enableCompileCache(); // a region starts many of these
const { runSimulator } = await import('./run.ts');
process.exit(await runSimulator(process.argv.slice(2)));
