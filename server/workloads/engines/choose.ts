import type { z } from 'zod';
import { EcoError, type LaunchInput, type ModelCategory } from '../../../sdk/contract/index.ts';
import { listAll } from '../sentence.ts';
import { custom, NO_IMAGE } from './custom.ts';
import type { Engine } from './engine.ts';
import { defaultEngine, engineByName, engineOf, engines } from './index.ts';

export interface Choice {
  engine: Engine;
  image: string;
}

type Asked = Pick<z.output<typeof LaunchInput>, 'engine' | 'image' | 'command' | 'custom_api_path' | 'gpu'>;

/** What a launch runs: the engine it names, else that of its image, else the usual one of the category. Throws for what that cannot serve. */
export function chooseEngine(asked: Asked, model: { name: string; category: string }): Choice {
  const category = model.category as ModelCategory;
  const choice = choose(asked, category);
  if (!choice) throw noUsualEngine(category, model.name);
  if (asked.command === undefined) check(choice.engine, asked, category);
  return choice;
}

function choose({ engine: name, image, command }: Asked, category: ModelCategory): Choice | undefined {
  const named = name === undefined ? undefined : engineByName(name);
  const usual = named ?? defaultEngine(category);
  if (image !== undefined) return { engine: named ?? engineOf(image), image };
  if (usual) return { engine: usual, image: usual.image };
  return command && { engine: custom, image: NO_IMAGE };
}

/** The same where only local regions take part: a command runs without an image, and is no engine unless the launch says so. */
export function withoutImage({ engine, image }: Choice, asked: Asked): Choice {
  if (asked.command === undefined || asked.image !== undefined) return { engine, image };
  return { engine: asked.engine === undefined ? custom : engine, image: NO_IMAGE };
}

function check({ name, categories, gpusMax }: Engine, { custom_api_path, gpu }: Asked, category: ModelCategory): void {
  if (!categories.includes(category) && custom_api_path === undefined)
    throw new EcoError(
      'invalid_request',
      `engine: ${name} does not serve ${category} models; ${serving(category)}. Choose another with --engine, or name an --image with --custom-api-path.`,
      { param: 'engine' },
    );
  if (gpu.count > gpusMax)
    throw new EcoError(
      'invalid_request',
      `gpu.count: ${name} has a use for ${gpusMax} GPU in each replica, not ${gpu.count}.`,
      {
        param: 'gpu.count',
      },
    );
}

function serving(category: ModelCategory): string {
  const names = engines.filter(({ categories }) => categories.includes(category)).map(({ name }) => name);
  return `${listAll(names)} ${names.length === 1 ? 'does' : 'do'}`;
}

const noUsualEngine = (category: ModelCategory, name: string) =>
  new EcoError(
    'invalid_request',
    `image: no engine is the usual one for ${category} models like "${name}"; ${serving(category)}. Choose one with --engine, or name an --image or --command that answers the ${category} endpoint.`,
    { param: 'image' },
  );
