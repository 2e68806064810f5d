import type { z } from 'zod';
import {
  EcoError,
  type LaunchInput,
  type ModelCategory,
  type ModelSource,
  parseMoney,
} from '../../sdk/contract/index.ts';
import type { ModelRow } from '../db/schema.ts';
import type { Stock } from '../regions/stock.ts';
import { defaultImages, engineOf, NO_IMAGE, startupSeconds } from './engines.ts';
import type { Placement, Wish } from './quote.ts';
import type { WorkloadSpec } from './spec.ts';

export type LaunchRequest = z.output<typeof LaunchInput>;

interface Modelled {
  model: ModelRow;
  source: ModelSource;
}

const REGIONS_WANTED = 2;

/** What the launch asks of the regions. Throws for what no region could do. */
export function planWish(input: LaunchRequest, { model, source }: Modelled): Wish {
  if (source.type === 'filesystem')
    throw new EcoError(
      'not_supported',
      `Model "${model.name}" lives in a filesystem, and no region here has filesystems. Register it from another source.`,
      {
        param: 'model',
        hint: 'eco models register --help',
      },
    );
  if (source.type === 'image' && input.image === undefined && input.command === undefined)
    throw new EcoError(
      'invalid_request',
      `image: the weights of "${model.name}" are inside its image. Name it with --image, or a program with --command.`,
      {
        param: 'image',
      },
    );
  const { regions, gpu, replicas, command = null } = input;
  return { regions, gpu, replicas, command, spread: REGIONS_WANTED, image: imageOf(input, model), name: model.name };
}

function imageOf({ image, command }: LaunchRequest, { name, category }: ModelRow): string {
  const usual = defaultImages[category as ModelCategory];
  if (image ?? usual) return image ?? usual ?? NO_IMAGE;
  if (command) return NO_IMAGE;
  throw new EcoError(
    'invalid_request',
    `image: there is no usual engine for ${category} models like "${name}". Name an image with --image.`,
    { param: 'image' },
  );
}

interface Decided extends Modelled {
  placement: Placement;
  isSystem: boolean;
  stock: readonly Stock[];
}

/** The launch with all decided that it left open, at the prices of its regions. */
export function planSpec(input: LaunchRequest, { model, source, placement, isSystem, stock }: Decided): WorkloadSpec {
  const command = input.command ?? null;
  const isLocal = placement.placements.every(
    ({ region }) => stock.find((known) => known.region === region)?.kind === 'local',
  );
  const image = isLocal && command && !input.image ? NO_IMAGE : imageOf(input, model);
  const engine = engineOf(image);
  const weights =
    source.type === 'huggingface' && command === null ? engine.args(source.repo, source.revision, model.name) : [];
  return {
    placements: placement.placements.map(({ region, price_per_gpu_hour }) => ({
      region,
      price_nanos: isSystem ? 0n : parseMoney(price_per_gpu_hour),
    })),
    replicas: input.replicas,
    gpu: placement.gpu,
    image,
    engine: engine.name,
    command,
    args: [...weights, ...input.args],
    env: input.env,
    port: input.port ?? engine.port,
    health_path: input.health_path,
    custom_api_path: input.custom_api_path ?? null,
    startup_seconds: input.startup_seconds ?? startupSeconds(source),
  };
}
