// The tables of a saved benchmark: node bench/report.ts result.json
import { readFileSync } from 'node:fs';
import { Result } from './result.ts';
import { tables } from './tables.ts';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Say which result: node bench/report.ts result.json');
process.stdout.write(tables(Result.parse(JSON.parse(readFileSync(file, 'utf8')))));
