import { Config } from '../../server/config.ts';
import { inputSchema, type JsonSchema } from '../openapi/schemas.ts';
import { descriptionOf, typeOf } from './fields.ts';
import { GENERATED, page, table } from './markdown.ts';

/** Every setting of `ecolink.yaml`, printed from its schema. */
export function configurationPage(): string {
  const { regions, gateway, ...server } = fieldsOf(inputSchema(Config));
  return page(
    GENERATED,
    '# Configuration',
    'A server reads `ecolink.yaml` of the folder that it is started in, or the file that `eco serve --config` names. Environment variables go before the file, flags before both. An unknown setting is an error that names its line. `?` marks what may be left out.',
    'While the server runs it looks at the file every two seconds. Kubernetes regions that were added, changed or removed are taken over; for everything else it says that it needs a restart. A file that is wrong is logged, with line and setting, and changes nothing.',
    '## Server',
    settings({ properties: server }),
    '## `gateway`',
    settings(shapeOf(gateway)),
    '## `regions`, of kind `local`',
    'A list. What they do: [local regions](local-regions.md).',
    settings(regionOf(regions, 'local')),
    '## `regions`, of kind `kubernetes`',
    'How to set one up: [Add a region](../how-to/add-a-region.md).',
    settings(regionOf(regions, 'kubernetes')),
  );
}

interface Shape {
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

const shapeOf = (schema: JsonSchema | undefined) => (schema ?? {}) as Shape;
const fieldsOf = (schema: JsonSchema | undefined) => shapeOf(schema).properties ?? {};

function regionOf(regions: JsonSchema | undefined, kind: string): Shape {
  const { oneOf, anyOf } = shapeOf(shapeOf(regions).items);
  return shapeOf((oneOf ?? anyOf ?? []).find((each) => fieldsOf(each).kind?.const === kind));
}

const settings = (shape: Shape) => table(['setting', 'type', 'meaning'], rowsOf(shape, ''));

/** A row for each, those inside lists and mappings behind what holds them: `gpus[].type`. */
function rowsOf({ properties = {}, required = [] }: Shape, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const { list, inner } = inside(field);
    const row = [`\`${path}\`${required.includes(name) ? '' : '?'}`, typeOf(field), descriptionOf(field)];
    return [row, ...rowsOf(inner, `${path}${list}.`)];
  });
}

function inside(field: JsonSchema): { list: string; inner: Shape } {
  const ways = [field, ...(shapeOf(field).anyOf ?? [])];
  const items = ways.map((way) => shapeOf(shapeOf(way).items)).find(({ properties }) => properties !== undefined);
  return items ? { list: '[]', inner: items } : { list: '', inner: shapeOf(field) };
}
