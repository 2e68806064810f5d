import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ModelField } from './inference.ts';

const size = z
  .string()
  .regex(/^\d{2,4}x\d{2,4}$/, 'must be width x height, like "1024x1024"')
  .optional()
  .describe('Width x height in pixels. Default: 1024x1024.');

export const ImageInput = z.looseObject({
  model: ModelField,
  prompt: z.string(),
  n: z.int().positive().optional(),
  size,
  response_format: z.enum(['b64_json', 'url']).optional(),
  seed: z.int().optional(),
});

export const Images = z.looseObject({
  created: z.int(),
  data: z.array(
    z.looseObject({
      b64_json: z.string().nullable().optional().describe('A PNG.'),
      url: z.string().nullable().optional(),
    }),
  ),
});
export type Images = z.infer<typeof Images>;

export const createImage = endpoint({
  name: 'createImage',
  method: 'POST',
  path: '/v1/images/generations',
  summary: 'Make images from a text',
  scope: 'inference',
  input: ImageInput,
  output: Images,
  answer: 'gateway',
});

export const editImage = endpoint({
  name: 'editImage',
  method: 'POST',
  path: '/v1/images/edits',
  summary: 'Change an image by a text',
  scope: 'inference',
  input: z.looseObject({
    model: ModelField,
    prompt: z.string(),
    image: z.file(),
    mask: z.file().optional(),
    n: z.int().positive().optional(),
    size,
  }),
  output: Images,
  body: 'multipart',
  answer: 'gateway',
});
