import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Config } from '@oclif/core';
import EcoHelp from '../cli/help-class.ts';
import { clientHelp, errorHelp, reasonHelp } from '../sdk/contract/error-help.ts';
import { errorCodes, reasons } from '../sdk/index.ts';
import { eco, root } from './run-eco.ts';

/** Of a terminal as they are today; a page longer than this is read by nobody. */
const SCREEN_LINES = 54;
const SCREEN_COLUMNS = 80;
/** An example is copied, not read: it may be longer. */
const isExample = (line: string) => /^\s+(\$ |\w+=\S* ?eco|git |eval )/.test(line);

describe('help', () => {
  test('of each command fits a screen, with examples first', async () => {
    const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    Object.assign(pjson.oclif, { commands: './cli/commands', hooks: {} });
    const config = await Config.load({ root, pjson, ignoreManifest: true });
    for (const command of config.commands) {
      const help = new CapturedHelp(config, { maxWidth: SCREEN_COLUMNS, stripAnsi: true });
      await help.showCommandHelp({ ...command });
      const lines = help.text.trimEnd().split('\n');
      assert.ok(lines.length <= SCREEN_LINES, `${command.id}: ${lines.length} lines\n${help.text}`);
      const wide = lines.slice(1).filter((line) => line.length > SCREEN_COLUMNS && !isExample(line));
      assert.deepEqual(wide, [], command.id);
      assert.ok(help.text.indexOf('EXAMPLES') < help.text.indexOf('USAGE'), command.id);
      assert.match(help.text, /^EXAMPLES$/m, command.id);
    }
  });

  test('every error code and every reason has a cause and a next step', () => {
    assert.deepEqual(Object.keys(errorHelp).toSorted(), Object.keys(errorCodes).toSorted());
    assert.deepEqual(Object.keys(reasonHelp).toSorted(), reasons.toSorted());
    for (const [code, { cause, next }] of Object.entries({ ...errorHelp, ...clientHelp, ...reasonHelp })) {
      assert.match(cause, /^[A-Z].*\.$/, code);
      assert.match(next, /^[A-Z`].*[.`]$/, code);
    }
  });

  test('the commands that help names exist', async () => {
    const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    Object.assign(pjson.oclif, { commands: './cli/commands', hooks: {} });
    const config = await Config.load({ root, pjson, ignoreManifest: true });
    const named = JSON.stringify({ errorHelp, clientHelp, reasonHelp }).matchAll(/`eco ([a-z]+(?: [a-z]+)*)/g);
    for (const [, words = ''] of named) {
      const parts = words.split(' ');
      const known = parts.some((_, at) => config.findCommand(parts.slice(0, at + 1).join(':')));
      assert.ok(known, `eco ${words}`);
    }
  });

  test('eco help CODE explains an error and a reason, with exit code and HTTP status', async () => {
    const both = await eco(['help', 'no_capacity']);
    assert.match(both.stdout, /an error: HTTP 409, eco ends with 7\n[\s\S]*a reason for the state of a workload/);
    assert.equal(both.code, 0);
    const own = await eco(['help', 'wait_timeout', '--json']);
    assert.match(own.json().meanings[0].what, /eco ends with 124/);
    const unknown = await eco(['help', 'no_capasity']);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /no_capacity/);
  });

  test('ls and rm are understood and not listed', async () => {
    const help = await eco(['models', '--help']);
    assert.doesNotMatch(help.stdout, /\b(?:ls|rm)\b/);
    assert.match((await eco(['models', 'ls', '--help'])).stdout, /list registered models/);
  });
});

class CapturedHelp extends EcoHelp {
  text = '';
  protected override log(...lines: string[]) {
    this.text += `${lines.join('\n')}\n`;
  }
}
