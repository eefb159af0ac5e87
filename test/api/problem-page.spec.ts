import { describe, expect, test } from 'vitest';
import { Problem } from '../../src/api/contract.ts';
import { problemExample } from '../../src/api/problem-example.ts';
import { problemPage, problemsPage } from '../../src/api/problem-page.ts';
import { PROBLEM_CODES, PROBLEM_KINDS, problemOf, problemType } from '../../src/api/problems.ts';
import { REJECTIONS } from '../../src/domain/rejections.ts';

test('every code of the catalogue has a problem', () => {
  expect(PROBLEM_CODES).toEqual([...Object.keys(REJECTIONS), 'internal_error']);
});

describe.each(PROBLEM_CODES)('%s', (code) => {
  const page = problemPage(code);
  test('its page says what it means, shows an example, and says what to do', () => {
    for (const heading of ['Meaning', 'Example', 'What to do']) expect(page).toContain(`<h2>${heading}</h2>`);
    expect(page).toContain(PROBLEM_KINDS[code].title);
    expect(page).toContain(`&quot;code&quot;: &quot;${code}&quot;`);
    expect(page).not.toMatch(/<script|undefined|https?:\/\//);
  });
  test('its example is a problem', () => {
    expect(Problem.parse(problemExample(code))).toMatchObject({ type: problemType(code), status: PROBLEM_KINDS[code].status });
  });
  test('it is listed', () => expect(problemsPage()).toContain(`href="${problemType(code)}"`));
});

test("a code's own fields never replace the standard members", () => {
  const problem = problemOf(
    { code: 'not_found', detail: 'nothing', fields: { status: '200', code: 'other', asset: 'USD' } },
    { instance: 'request' },
  );
  expect(problem).toMatchObject({ status: 404, code: 'not_found', asset: 'USD' });
});
