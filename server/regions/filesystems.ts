import { EcoError, type ModelSource } from '../../sdk/contract/index.ts';
import { didYouMean } from '../../sdk/near.ts';
import type { ClusterDriver, OwnedFilesystem } from '../cluster/driver.ts';
import { isBelow } from '../cluster/filesystem.ts';

/** A filesystem where it is. Its name alone says which. */
export interface PlacedFilesystem extends OwnedFilesystem {
  region: string;
}

export type FilesystemSource = Extract<ModelSource, { type: 'filesystem' }>;

/** Those that the account may use, of all regions, also of silent ones. */
export const listFilesystems = (regions: ReadonlyMap<string, ClusterDriver>, account_id: string): PlacedFilesystem[] =>
  [...regions].flatMap(([region, driver]) =>
    driver
      .filesystems()
      .filter((each) => each.account_id === null || each.account_id === account_id)
      .map((each) => ({ ...each, region })),
  );

/** Where the weights are; undefined where no such filesystem is known, or the path is not of it. */
export const findHome = (
  filesystems: readonly PlacedFilesystem[],
  { filesystem, path }: FilesystemSource,
): PlacedFilesystem | undefined => filesystems.find(({ name, mount }) => name === filesystem && isBelow(mount, path));

/** Throws `invalid_request` for weights that are nowhere. Whether there are files nobody has looked. */
export function checkHome(filesystems: readonly PlacedFilesystem[], source: FilesystemSource): void {
  if (findHome(filesystems, source)) return;
  const named = filesystems.find(({ name }) => name === source.filesystem);
  throw named ? notBelow(source, named) : unknownFilesystem(source, filesystems);
}

const notBelow = ({ path }: FilesystemSource, { name, mount }: PlacedFilesystem) =>
  new EcoError(
    'invalid_request',
    `source.path: "${path}" is not below ${mount}, where replicas have the filesystem "${name}". Write it like "${mount}/models/my-ft", without "." or ".." and without "/" at its end.`,
    { param: 'source.path', hint: 'eco filesystems' },
  );

function unknownFilesystem({ filesystem }: FilesystemSource, filesystems: readonly PlacedFilesystem[]): EcoError {
  const names = filesystems.map(({ name }) => name);
  const known = names.length > 0 ? `Known: ${names.join(', ')}.` : 'No region has any.';
  return new EcoError(
    'invalid_request',
    `source.filesystem: no region has a filesystem "${filesystem}".${didYouMean(filesystem, names)} ${known}`,
    { param: 'source.filesystem', hint: 'eco filesystems' },
  );
}
