/** The lines of a text that comes in pieces, without their ends. Only a line feed ends one: Node's own reader ends them at U+2028 too, which JSON may have in a string. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
