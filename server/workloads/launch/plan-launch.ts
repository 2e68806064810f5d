import type { z } from 'zod';
import {
  EcoError,
  type LaunchInput,
  type ModelCategory,
  type ModelSource,
  parseMoney,
} from '../../../sdk/contract/index.ts';
import type { ModelRow } from '../../db/schema.ts';
import { type FilesystemSource, findHome, type PlacedFilesystem } from '../../regions/filesystems.ts';
import type { Stock } from '../../regions/stock.ts';
import { chooseEngine, withoutImage } from '../engines/choose.ts';
import type { Engine } from '../engines/engine.ts';
import { sim } from '../engines/sim.ts';
import { startupSeconds } from '../engines/startup-seconds.ts';
import type { WorkloadSpec } from '../spec.ts';
import type { Placement, Wish } from './quote.ts';

export type LaunchRequest = z.output<typeof LaunchInput>;

interface Modelled {
  model: ModelRow;
  source: ModelSource;
  /** Those that the account may use. */
  filesystems: readonly PlacedFilesystem[];
}

const REGIONS_WANTED = 2;

/** What the launch asks of the regions. Throws for what no region could do. */
export function planWish(input: LaunchRequest, { model, source, filesystems }: Modelled): Wish {
  const { gpu, replicas, command = null } = input;
  const home = source.type === 'filesystem' ? getHome(source, { model, filesystems }) : undefined;
  if (home) refuseElsewhere(input.regions, model, home);
  const regions = home ? [home.region] : input.regions;
  const { engine, image } = chooseEngine(input, model);
  if (source.type === 'image' && input.image === undefined && command === null && engine !== sim)
    throw imageless(model);
  const filesystem = home?.name;
  return { regions, filesystem, gpu, replicas, command, spread: REGIONS_WANTED, image, engine, name: model.name };
}

function getHome(source: FilesystemSource, { model, filesystems }: Omit<Modelled, 'source'>): PlacedFilesystem {
  const home = findHome(filesystems, source);
  if (home) return home;
  throw new EcoError(
    'not_supported',
    `The weights of "${model.name}" are to be at ${source.path} of the filesystem "${source.filesystem}", and no region has that. Change the model, or see what there is.`,
    { param: 'model', hint: 'eco filesystems' },
  );
}

/** Weights on a filesystem are in its region and nowhere else. */
function refuseElsewhere(
  regions: readonly string[] | undefined,
  { name: model }: ModelRow,
  { name, region }: PlacedFilesystem,
): void {
  const other = regions?.find((each) => each !== region);
  if (other === undefined) return;
  throw new EcoError(
    'invalid_request',
    `regions: "${model}" cannot run in ${other}: its weights are on the filesystem "${name}" of ${region}. Name ${region} alone, or none.`,
    { param: 'regions', hint: 'eco filesystems' },
  );
}

const imageless = ({ name }: ModelRow) =>
  new EcoError(
    'invalid_request',
    `image: the weights of "${name}" are inside its image. Name it with --image, or a program with --command.`,
    { param: 'image' },
  );

interface Decided extends Modelled {
  placement: Placement;
  isSystem: boolean;
  stock: readonly Stock[];
}

/** The launch with all decided that it left open, at the prices of its regions. */
export function planSpec(input: LaunchRequest, decided: Decided): WorkloadSpec {
  const { model, source, placement, isSystem, stock } = decided;
  const kinds = placement.placements.map(({ region }) => stock.find((known) => known.region === region)?.kind);
  const isLocal = kinds.every((kind) => kind === 'local');
  const asked = chooseEngine(input, model);
  const { engine, image } = isLocal ? withoutImage(asked, input) : asked;
  const place = ({ region, price_per_gpu_hour }: { region: string; price_per_gpu_hour: string }) => ({
    region,
    price_nanos: isSystem ? 0n : parseMoney(price_per_gpu_hour),
  });
  return {
    placements: placement.placements.map(place),
    candidates: placement.candidates.map(place),
    left: [],
    replicas: input.replicas,
    gpu: placement.gpu,
    mounts: mountsOf(decided),
    image,
    engine: engine.name,
    command: input.command ?? null,
    args: [...engineArgs(engine, input, { model, source }), ...input.args],
    env: { ...engine.env, ...input.env },
    port: input.port ?? (kinds.includes('local') ? null : engine.port),
    health_path: input.health_path ?? engine.healthPath,
    custom_api_path: input.custom_api_path ?? null,
    startup_seconds: input.startup_seconds ?? startupSeconds(source),
  };
}

/** Engines only read weights. */
function mountsOf({ source, filesystems }: Modelled): WorkloadSpec['mounts'] {
  const home = source.type === 'filesystem' ? findHome(filesystems, source) : undefined;
  return home ? [{ filesystem: home.name, path: home.mount, read_only: true }] : [];
}

/** A command says everything itself. Where to listen only the region knows: it fills that in. */
function engineArgs(
  engine: Engine,
  { command, gpu }: LaunchRequest,
  { model, source }: Omit<Modelled, 'filesystems'>,
): string[] {
  if (command !== undefined) return [];
  const category = model.category as ModelCategory;
  return engine.args({ source, servedName: model.name, category, gpus: gpu.count, host: '$(HOST)', port: '$(PORT)' });
}
