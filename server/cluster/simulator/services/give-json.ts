import type { Engine } from '../engine.ts';
import { note } from '../metrics.ts';
import { wholeMs } from '../pace.ts';
import { pause } from '../pause.ts';
import { send } from '../send.ts';
import type { Run } from './serve.ts';

interface Giving {
  /** Tokens it holds. */
  tokens?: number;
  /** How many of them come one after the other. */
  inRow?: number;
}

/** Sends a whole JSON answer when its time has come. False when it did not come to its end. */
export async function giveJson(engine: Engine, run: Run, body: object, giving: Giving = {}) {
  return giveText(engine, run, JSON.stringify(body), { ...giving, type: 'application/json' });
}

interface TextGiving extends Giving {
  type: string;
}

/** The same with a text of any type. */
export async function giveText(engine: Engine, run: Run, text: string, { tokens = 0, inRow = 1, type }: TextGiving) {
  const { response, signal, pace } = run;
  const start = performance.now();
  if (!(await pause(wholeMs(pace, inRow), signal))) return false;
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  if (!(await send(response, text, run.noteOf(tokens)))) return false;
  note(engine.metrics.firstToken, performance.now() - start);
  response.end();
  return true;
}
