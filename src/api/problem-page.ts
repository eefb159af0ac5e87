// Pages about problems: what the `type` of a problem leads to. Plain HTML that needs no script, style or network.
import { problemExample } from './problem-example.ts';
import { EXPLANATIONS } from './problem-explanations.ts';
import type { ProblemCode } from './problems.ts';
import { PROBLEM_CODES, PROBLEM_KINDS, problemType } from './problems.ts';

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char] ?? char);

/** Text in which `code` stands between backticks. */
const prose = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const page = (title: string, body: string): string =>
  `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>${escaped(title)}</title></head>
<body>
${body}
</body>
</html>
`;

/** The page of one problem. */
export function problemPage(code: ProblemCode): string {
  const { status, title, retryable } = PROBLEM_KINDS[code];
  const { meaning, whatToDo } = EXPLANATIONS[code];
  return page(
    title,
    `<h1>${escaped(title)}</h1>
<p><code>${code}</code>, HTTP status ${status}. ${retryable ? 'The same request, sent again, may succeed.' : 'The same request, sent again, will not succeed by itself.'}</p>
<h2>Meaning</h2>
<p>${prose(meaning)}</p>
<h2>Example</h2>
<pre>${escaped(JSON.stringify(problemExample(code), undefined, 2))}</pre>
<h2>What to do</h2>
<p>${prose(whatToDo)}</p>
<p><a href="/problems">All problems</a></p>`,
  );
}

/** The list of all problems. */
export const problemsPage = (): string =>
  page(
    'Problems',
    `<h1>Problems</h1>
<dl>
${PROBLEM_CODES.map((code) => `<dt><a href="${problemType(code)}">${code}</a> (${PROBLEM_KINDS[code].status})</dt><dd>${prose(EXPLANATIONS[code].meaning)}</dd>`).join('\n')}
</dl>`,
  );
