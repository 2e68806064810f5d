import type { Engine } from '../../engine.ts';
import { Refusal } from '../../refusal.ts';
import { send } from '../../send.ts';
import { openBeat } from '../beat.ts';
import { type Fields, modelOf, readChoice, readFields, readText } from '../fields.ts';
import { type Run, serve } from '../serve.ts';
import { type SpeechFormat, speechFormats } from './encoders.ts';
import { countSamples, speakTones } from './tones.ts';

const CHARACTERS_MAX = 4_096;

/** `POST /v1/audio/speech`: a tone for each word, each sent at its time. */
export const speech = serve((engine, { body }) => {
  const fields = readFields(body);
  const text = readText(fields, 'input');
  if (text.trim() === '' || text.length > CHARACTERS_MAX)
    throw new Refusal(400, `input: must have 1 to ${CHARACTERS_MAX} characters.`, 'input');
  const format = speechFormats[readChoice(fields, 'response_format', ['mp3', 'wav', 'pcm'])];
  const speed = readSpeed(fields);
  return {
    model: modelOf(fields),
    promptTokens: 0,
    answer: async (run) => ((await say(engine, run, { text, speed, format })) ? 'stop' : 'abort'),
  };
});

interface Saying {
  text: string;
  speed: number;
  format: SpeechFormat;
}

async function say({ metrics }: Engine, run: Run, { text, speed, format }: Saying): Promise<boolean> {
  const { response } = run;
  const encoder = await format.open();
  const beat = openBeat(metrics, run);
  for (const samples of speakTones(text, speed)) {
    if (!(await beat())) return false;
    if (!(await open(response, encoder.head(countSamples(text, speed)), format.type))) return false;
    if (!(await sendSome(response, encoder.encode(samples)))) return false;
  }
  if (!(await sendSome(response, encoder.end()))) return false;
  response.end();
  return true;
}

/** The head goes out with the first word. */
async function open(response: Run['response'], head: Uint8Array, type: string): Promise<boolean> {
  if (response.headersSent) return true;
  response.writeHead(200, { 'content-type': type });
  return sendSome(response, head);
}

const sendSome = async (response: Run['response'], bytes: Uint8Array): Promise<boolean> =>
  bytes.length === 0 || send(response, bytes);

const SPEED_MIN = 0.25;
const SPEED_MAX = 4;

function readSpeed({ speed = 1 }: Fields): number {
  if (typeof speed === 'number' && speed >= SPEED_MIN && speed <= SPEED_MAX) return speed;
  throw new Refusal(400, `speed: must be a number from ${SPEED_MIN} to ${SPEED_MAX}.`, 'speed');
}
