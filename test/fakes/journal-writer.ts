import { pino } from 'pino';
import { Journal } from '../../server/gateway/journal/journal.ts';

/** A server process that is in the middle of things: writes what its test hands over, says so, and waits to be killed. */
const [directory = '', serverId = '', text = '{}'] = process.argv.slice(2);
const { record, ended, progress, prices } = JSON.parse(text);
const journal = new Journal({
  directory,
  serverId,
  fsync: 'never',
  settle: () => new Promise(() => {}),
  onSettled: () => {},
  log: pino({ level: 'silent' }),
});
journal.begin({ record, prices });
journal.progress([progress]);
journal.end(ended, () => process.stdout.write('ready\n'));
setInterval(() => {}, 1000);
