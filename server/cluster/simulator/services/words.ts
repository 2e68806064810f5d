const WORDS =
  'a at be by do go in it of on or so to up we all and any are but can day end for get has how its let may new not now off old one our out own run say see set she too two use was way who why yes you also away back both come down each even ever find from give good hand have here hold into just keep know last left less life like line long look made make many more most much must name near need next once only open over part past rain read rest same seem send side soon such sure take tell than that them then they this time turn upon very wait walk want warm well what when wind with word work year'.split(
    ' ',
  );

/** So many words, each a token: all but the first with a space before it. */
export const inventWords = (random: () => number, count: number): string[] =>
  Array.from({ length: count }, (_, at) => (at === 0 ? inventWord(random) : ` ${inventWord(random)}`));

export const inventWord = (random: () => number): string => pick(random, WORDS);

/** One of a list that is not empty. */
export function pick<T>(random: () => number, list: readonly T[]): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new RangeError('Nothing to pick from.');
  return found;
}
