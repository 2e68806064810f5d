import type { EngineName, ModelCategory, ModelSource } from '../../../sdk/contract/index.ts';

/** What an engine is told of one launch. */
export interface EngineLaunch {
  source: ModelSource;
  /** What a request writes as `model`, without the id. */
  servedName: string;
  category: ModelCategory;
  /** GPUs of one replica. */
  gpus: number;
  /** Where it is to listen; `$(HOST)` and `$(PORT)` in a launch, as each region knows them for itself. */
  host: string;
  port: string;
}

/** What streams tell of usage when asked: in every event, at their end, or never. */
export type UsageAbility = 'continuous' | 'final' | 'none';

/** What must be known of an engine to start it, ask it whether it is ready, and meter it. */
export interface Engine {
  name: EngineName | 'custom';
  /** The usual image. */
  image: string;
  /** Which images are this engine. */
  pattern: RegExp;
  /** Its own program, where it is installed on a machine; null: it comes with this server, or nothing is known. */
  binary: string | null;
  /** How that is started, before the arguments. */
  program: readonly string[];
  /** In place of the image's entry point, where that does not start the server; empty: it does. */
  entry: readonly string[];
  /** Where it listens when nobody says otherwise. */
  port: number;
  healthPath: string;
  /** Prometheus metrics, and the flag that turns them on where they are off. */
  metrics: { path: string; flag: string | null } | null;
  /** Those whose endpoint it has as the gateway calls it. */
  categories: readonly ModelCategory[];
  /** `/v1/models` lists the names that it answers to, and the flag that tells it ours; null: it has no such list, or answers to any name. */
  names: { flag: string | null } | null;
  usage: UsageAbility;
  /** Most GPUs of one replica that it has a use for. */
  gpusMax: number;
  env: Readonly<Record<string, string>>;
  /** Pure: the same launch, the same arguments. Throws for a source that it cannot read. */
  args(launch: EngineLaunch): string[];
  /** What an operator should know beyond the table, in one sentence. */
  note: string | null;
}

/** Images of this name, by whoever made them, with any suffix, tag or digest. */
export const imageNamed = (name: string): RegExp => new RegExp(`(?:^|/)${name.replaceAll('.', '\\.')}(?=[-:@/]|$)`);

/** Nothing where there is one GPU. */
export const perGpu = (flag: string, gpus: number): string[] => (gpus > 1 ? [flag, String(gpus)] : []);
