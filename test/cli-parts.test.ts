import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { launchInputOf, parseGpu, readSecrets } from '../cli/launch-input.ts';
import { progressLine } from '../cli/progress-line.ts';
import { formatRecord, formatTable } from '../cli/table.ts';
import { formatAge, parseDuration } from '../cli/time.ts';
import { splitWords } from '../cli/words.ts';
import { LaunchInput } from '../sdk/index.ts';
import * as documents from './fakes/documents.ts';

describe('pure parts', () => {
  test('words come apart as a shell would split them', () => {
    for (const [line, words] of [
      ['python serve.py', ['python', 'serve.py']],
      ['  a\t b ', ['a', 'b']],
      [`sh -c 'echo "$HOME" | wc'`, ['sh', '-c', 'echo "$HOME" | wc']],
      [`a"b c"'d e'f\\ g`, ['ab cd ef g']],
      [`"" ''`, ['', '']],
      [`"a\\"b"`, ['a"b']],
      ['', []],
    ] as const)
      assert.deepEqual(splitWords(line), words);
    assert.throws(() => splitWords('echo "open'), { code: 'usage' });
  });

  test('quoted words come back, whatever they hold', () => {
    const quote = (word: string) => `'${word.replaceAll("'", `'"'"'`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (words) => {
        assert.deepEqual(splitWords(words.map(quote).join(' ')), words);
      }),
    );
  });

  test('durations', () => {
    for (const [written, ms] of [
      ['90s', 90_000],
      ['10m', 600_000],
      ['1h30m', 5_400_000],
      ['30d', 2_592_000_000],
    ] as const)
      assert.equal(parseDuration(written), ms);
    for (const wrong of ['', '10', 'm', '1.5h', '-1m', '10 m'])
      assert.throws(() => parseDuration(wrong), { code: 'usage' });
  });

  test('ages', () => {
    for (const [ms, age] of [
      [0, '0s'],
      [59_999, '59s'],
      [60_000, '1m'],
      [3_600_000, '1h'],
      [172_800_000, '2d'],
      [-5, '0s'],
    ] as const)
      assert.equal(formatAge(1e12 - ms, 1e12), age);
  });

  test('GPUs', () => {
    assert.deepEqual(parseGpu('h100:2'), { type: 'h100', count: 2 });
    assert.deepEqual(parseGpu('RTX-PRO-6000'), { type: 'rtx-pro-6000' });
    assert.deepEqual(parseGpu('4'), { count: 4 });
    for (const wrong of ['', 'h100:', 'h100:0', ':2', 'h100:2:3', 'h 100'])
      assert.throws(() => parseGpu(wrong), { code: 'usage' }, wrong);
  });

  test('a launch without flags leaves everything to the server', () => {
    const input = LaunchInput.parse(launchInputOf('my-llama', { replicas: 1 }, {}));
    assert.deepEqual(JSON.parse(JSON.stringify(input)), LaunchInput.parse({ model: 'my-llama' }));
  });

  test('variables by name alone must be set here', async () => {
    const launch = (env: string[]) => launchInputOf('m', { replicas: 1, env }, { SET: 'x' }).env;
    assert.deepEqual(launch(['SET', 'EMPTY=']), { SET: 'x', EMPTY: '' });
    assert.throws(() => launch(['UNSET']), { code: 'usage', message: /UNSET is not set|UNSET: it is not set/ });
    await assert.rejects(
      readSecrets(['A=1'], {}, async () => ''),
      { code: 'usage' },
    );
  });

  test('progress counts replicas only while some are wanted', () => {
    const regions = (desired: number) => [{ region: 'local-a', desired, ready: 1 }];
    const message = 'So it is.';
    const loading = documents.workload({ state: 'loading', regions: regions(2), message });
    assert.equal(progressLine(loading), 'my-llama:142  loading  1/2 ready  So it is.');
    const stopping = documents.workload({ state: 'stopping', regions: regions(0), message });
    assert.equal(progressLine(stopping), 'my-llama:142  stopping  So it is.');
  });

  test('tables align, wrap their last column, and become blocks where they are too wide', () => {
    const rows = [
      { name: 'a', note: 'first' },
      { name: 'longer', note: null },
    ];
    const columns = { NAME: ({ name }: { name: string }) => name, NOTE: ({ note }: { note: string | null }) => note };
    assert.equal(formatTable(rows, columns), 'NAME    NOTE\na       first\nlonger  -');
    assert.equal(formatTable(rows, columns, 10), 'NAME  a\nNOTE  first\n\nNAME  longer\nNOTE  -');
    const told = [{ name: 'a', note: 'as many words as do not fit here' }];
    assert.equal(formatTable(told, columns, 32), 'NAME  NOTE\na     as many words as do not\n      fit here');
    const unbroken = [{ name: 'a', note: 'x'.repeat(30) }];
    assert.equal(formatTable(unbroken, columns, 32), `NAME  NOTE\na     ${'x'.repeat(26)}\n      xxxx`);
    assert.equal(formatRecord({ name: 'x', longer: 3, absent: null }), 'name    x\nlonger  3');
  });

  test('no cell can break out of its line', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (cells) => {
        const table = formatTable(cells, { CELL: (cell) => cell });
        assert.equal(table.split('\n').length, cells.length + 1);
        assert.doesNotMatch(table.replaceAll('\n', ''), /\p{Cc}/u);
      }),
    );
  });
});
