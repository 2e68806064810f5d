import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseEnvFile, readEnvFile } from '../cli/env-file.ts';
import { launchInputOf } from '../cli/launch-input.ts';

const directory = mkdtempSync(join(tmpdir(), 'eco-env-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

describe('files of variables', () => {
  for (const [title, text, expected] of [
    ['plain ones', 'A=1\nB = two words # and a remark\n', { A: '1', B: 'two words' }],
    ['comments, empty lines and export', '# all\n\nexport A=1\n  B=2', { A: '1', B: '2' }],
    ['quotes, in which # and = are letters', `A="x # y"\nB='a=b'\nC=\`q"q\``, { A: 'x # y', B: 'a=b', C: 'q"q' }],
    ['several lines in quotes', 'KEY="-----BEGIN\nabc=\n-----END"\nA=1', { KEY: '-----BEGIN\nabc=\n-----END', A: '1' }],
    ['nothing after the sign', 'A=\nB=""', { A: '', B: '' }],
    ['line ends of Windows', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['nothing', '', {}],
  ] as const)
    test(title, () => assert.deepEqual(parseEnvFile('app.env', text), expected));

  for (const [title, text, message] of [
    ['a line without a sign', 'A=1\nPATH\n', /^app\.env:2: a line must be NAME=value/],
    ['a line without a name', '=1', /^app\.env:1: a line must be NAME=value/],
    ['a name that is none', 'A=1\n\n9LIVES=1', /^app\.env:3: "9LIVES" is no name/],
    ['a quote that does not end', 'A=1\nKEY="-----BEGIN\nabc\n', /^app\.env:2: the value of KEY has no " at its end/],
    ['a wrong line behind a value of several', 'KEY="a\nb"\nwrong', /^app\.env:3: /],
  ] as const)
    test(`${title} is an error with its line`, () =>
      assert.throws(() => parseEnvFile('app.env', text), { code: 'usage', message }));

  test('a file that cannot be read is named with its flag', () => {
    const absent = join(directory, 'absent.env');
    assert.throws(() => readEnvFile(absent, '--secrets-file'), {
      code: 'usage',
      message: `--secrets-file ${absent}: there is no such file.`,
    });
    assert.throws(() => readEnvFile(directory), { code: 'usage', message: /it cannot be read \(EISDIR\)/ });
    assert.throws(() => readEnvFile(file('large.env', `A=${'x'.repeat(1024 * 1024)}`)), { message: /larger than/ });
  });

  test('flags go before files, later files before earlier ones', () => {
    const files = [file('a.env', 'A=a\nB=a\nC=a'), file('b.env', 'B=b\nC=b')];
    const { env } = launchInputOf('m', { replicas: 1, 'env-file': files, env: ['C=flag'] }, {});
    assert.deepEqual(env, { A: 'a', B: 'b', C: 'flag' });
  });
});
