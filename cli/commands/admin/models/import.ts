import { readFile } from 'node:fs/promises';
import { Args } from '@oclif/core';
import { EcoCommand } from '../../../base.ts';
import { UsageError } from '../../../usage-error.ts';

export default class AdminModelsImport extends EcoCommand {
  static override summary = 'add or change platform models from a catalogue file; prices already set stay';
  static override examples = ['<%= config.bin %> <%= command.id %> catalog.yaml'];
  static override args = { file: Args.string({ required: true, description: 'YAML or JSON with a list "models"' }) };

  async run() {
    const { args, flags } = await this.parse(AdminModelsImport);
    const models = await readCatalog(args.file);
    const eco = await this.client(flags, 'admin');
    const result = await eco.admin.importModels({ models });
    this.log(`Created ${result.created.length}, updated ${result.updated.length}.`);
    if (result.created.length > 0 && !this.jsonEnabled()) this.note('Set prices with: eco admin models price --help');
    return result;
  }
}

type Entry = import('zod').input<typeof import('../../../../sdk/index.ts').CatalogEntry>;

/** The entries are checked by the server, which names the field that is wrong. */
async function readCatalog(file: string): Promise<Entry[]> {
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const models: unknown = Array.isArray(document) ? document : Object(document).models;
  if (!Array.isArray(models)) throw new UsageError(`${file}: there is no list "models" in it.`);
  return models;
}
