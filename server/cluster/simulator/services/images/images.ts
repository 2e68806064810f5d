import type { Engine } from '../../engine.ts';
import { Refusal } from '../../refusal.ts';
import { type Fields, modelOf, readChoice, readFields, readSeed, readText, readWhole } from '../fields.ts';
import { readForm } from '../form.ts';
import { giveJson } from '../give-json.ts';
import { hashBytes } from '../hash-bytes.ts';
import { type Job, type Run, serve } from '../serve.ts';
import type { Exchange } from '../service.ts';
import { draw } from './draw.ts';
import { keepFile } from './files.ts';
import { encodePng } from './png.ts';
import { floorToMultiple, readSize, type Size } from './size.ts';

/** `POST /v1/images/generations`. */
export const imageGenerations = serve((engine, exchange) => {
  const fields = readFields(exchange.body);
  return paint(engine, exchange, { fields, size: readSize(fields), of: 0 });
});

/** `POST /v1/images/edits`: another picture for each picture and prompt, its sides multiples of 16. */
export const imageEdits = serve(async (engine, exchange) => {
  const { fields, files } = await readForm(exchange);
  const image = files.image ?? files['image[]'];
  if (!image) throw new Refusal(400, 'image: must be a file.', 'image');
  if (!isImage(image)) throw new Refusal(400, 'image: must be a PNG, a JPEG or a WebP.', 'image');
  return paint(engine, exchange, { fields, size: floorToMultiple(readSize(fields)), of: hashBytes(image) });
});

const isImage = (file: Buffer): boolean =>
  ['\x89PNG', '\xff\xd8\xff', 'RIFF'].some((start) => file.subarray(0, start.length).toString('latin1') === start);

const IMAGES_MAX = 10;

interface Order {
  fields: Fields;
  size: Size;
  /** A number for the picture that is changed. */
  of: number;
}

function paint(engine: Engine, { request }: Exchange, { fields, size, of }: Order): Job {
  const prompt = readText(fields, 'prompt');
  const count = readWhole(fields, 'n', 1, IMAGES_MAX) ?? 1;
  const format = readChoice(fields, 'response_format', ['b64_json', 'url']);
  const seed = readSeed(fields) ?? engine.options.seed;
  const answer = async (run: Run) => {
    const data: object[] = [];
    for (let index = 0; index < count && !run.signal.aborted; index++) {
      const png = await encodePng(draw(`${seed} ${index} ${prompt} ${of}`, size.width, size.height));
      const told = format === 'url' ? { url: keepFile(engine, request, png) } : { b64_json: png.toString('base64') };
      data.push({ ...told, revised_prompt: null });
    }
    const images = { created: Math.floor(Date.now() / 1000), data };
    return (await giveJson(engine, run, images)) ? 'stop' : 'abort';
  };
  return { model: modelOf(fields), promptTokens: 0, answer };
}
