import { z } from 'zod';
import { engineNames, LaunchInput } from '../../sdk/contract/instances.ts';
import { ModelName, ModelSource, modelCategories } from '../../sdk/contract/models.ts';
import { parseGpu } from '../launch-input.ts';
import { parseDuration } from '../time.ts';
import { splitWords } from '../words.ts';

/** Until every server of the installation has heard that the name leads elsewhere. */
const DRAIN_MIN_MS = 2_000;
const DRAIN_MAX_MS = 24 * 3_600_000;

/** As a value of YAML, or as the text that a variable gives. */
const whole = (schema: z.ZodType<number, number>) =>
  z.union([z.int(), z.string().regex(/^\d+$/, 'must be a whole number').transform(Number)]).pipe(schema);

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** Reads a text by one of our own parsers, whose refusal becomes that of the field. */
const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((written, context) => {
    try {
      return parse(written);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of a variable');
const launch = LaunchInput.shape;

const Model = z.strictObject({
  name: ModelName.optional().describe('Default: the name of the deploy.'),
  category: z.enum(modelCategories).default('chat').describe('What it does.'),
  source: ModelSource.describe('Where the weights live.'),
  token_env: variable.optional().describe('Name of the variable that holds the token of a gated repository.'),
});

const Smoke = z.strictObject({
  prompt: z.string().min(1).max(4000).optional().describe('What a chat, image or video model is asked.'),
  input: z.string().min(1).max(4000).optional().describe('What an embedding, reranker or speech model is given.'),
  file: z.string().min(1).optional().describe('Audio file: the call is a transcription of it.'),
  status: z.int().min(200).max(599).default(200).describe('What the call has to answer.'),
  timeout: parsed(parseDuration).prefault('60s').describe('How long it may take.'),
});
export type Smoke = z.output<typeof Smoke>;

/** `eco.yaml`: what should run under a name. Unknown fields are errors; every default stands here. */
export const DeployFile = z.strictObject({
  name: ModelName.describe('What callers write as their model: the alias.'),
  model: Model,
  engine: z.enum(engineNames).optional().describe('What serves the model. Default: the usual one of its category.'),
  image: launch.image.describe('Container image. Default: that of the engine.'),
  command: z
    .union([parsed(splitWords), z.array(text).min(1).max(200)])
    .optional()
    .describe('What to run in place of what the image starts; no shell reads it.'),
  args: z.array(text).max(200).default([]).describe('Arguments of the engine.'),
  env: z.record(variable, text).default({}).describe('Variables of the container.'),
  secrets: z
    .array(variable)
    .max(100)
    .default([])
    .describe('Names of variables that are kept encrypted; their values come from the environment or --env-file.'),
  gpu: parsed(parseGpu).optional().describe('GPUs of each replica: a type, a count, or both, like "h100:2".'),
  regions: launch.regions,
  replicas: whole(launch.replicas.unwrap()).prefault(1).describe('In each region.'),
  port: whole(launch.port.unwrap()).optional().describe('Where the container listens.'),
  health_path: launch.health_path,
  startup_timeout: parsed(parseDuration)
    .refine((ms) => ms >= 10_000 && ms <= 3_600_000, 'must be from 10s to 1h')
    .optional()
    .describe('How long a replica may load, like "20m".'),
  smoke: z
    .union([z.literal(false), Smoke])
    .prefault({})
    .describe('The call that must succeed before the name moves; false for none.'),
  drain: parsed(parseDuration)
    .refine((ms) => ms >= DRAIN_MIN_MS && ms <= DRAIN_MAX_MS, 'must be from 2s to 24h')
    .prefault('10s')
    .describe('How long the old instance goes on after the name has moved.'),
  on_success: z
    .enum(['terminate', 'stop', 'keep'])
    .default('terminate')
    .describe('What becomes of the old instance after that.'),
});
export type DeployFile = z.output<typeof DeployFile>;

/** For editors: what a file may hold before variables are put in. */
export const deploySchema = (): object => ({
  title: 'eco.yaml',
  ...z.toJSONSchema(DeployFile, { io: 'input', target: 'draft-7' }),
});
