import type { Engine } from '../../engine.ts';
import { send } from '../../send.ts';
import { openBeat } from '../beat.ts';
import type { Run } from '../serve.ts';
import type { Call, Format } from './call.ts';
import type { Answer } from './step.ts';

const HEAD = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

interface Streaming {
  call: Call;
  format: Format;
}

/** Sends an answer token by token. False when it did not come to its end. */
export async function streamAnswer(engine: Engine, run: Run, { call, format }: Streaming): Promise<boolean> {
  const { response, signal } = run;
  const oneToken = run.noteOf(1);

  for await (const { choice, step } of generate(engine, run, call.answers)) {
    if (!(await open(run, format))) return false;
    if (!(await send(response, format.step(choice, step), oneToken))) return false;
  }
  if (signal.aborted || !(await open(run, format))) return false;
  response.end(format.end() + format.done());
  return true;
}

/** The head goes out with the first token. */
async function open({ response }: Run, format: Format): Promise<boolean> {
  if (response.headersSent) return true;
  response.writeHead(200, HEAD);
  return send(response, format.head());
}

/** The tokens of all choices in turn, each at its time. Ends when the client is gone. */
async function* generate({ metrics }: Engine, run: Run, answers: readonly Answer[]) {
  const beat = openBeat(metrics, run);
  const longest = Math.max(...answers.map(({ steps }) => steps.length));
  for (let at = 0; at < longest; at++) {
    if (!(await beat())) return;
    for (const [choice, { steps }] of answers.entries()) {
      const step = steps[at];
      if (step !== undefined) yield { choice, step };
    }
  }
}
