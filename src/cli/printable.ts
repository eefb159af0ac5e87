// Text of others on a terminal: it must not steer it.

/** The text without what a terminal would act on; lines stay lines. */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\n' ? '\n' : '\uFFFD'));

/** The same, on one line. */
export const oneLine = (text: string): string => printable(text).replaceAll('\n', '\uFFFD');
