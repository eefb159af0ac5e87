// The pages that explain problems: what the `type` of a problem leads to.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { problemPage, problemsPage } from '../problem-page.ts';
import { PROBLEM_CODES, problemType, refusal, sendProblem } from '../problems.ts';

/** They change only with the program. */
const CACHE = 'public, max-age=3600';

const sendPage = (reply: FastifyReply, html: string): FastifyReply =>
  reply.type('text/html; charset=utf-8').header('Cache-Control', CACHE).serializer(String).send(html);

export function addProblemPages(app: FastifyInstance): void {
  const codes = new Map(PROBLEM_CODES.map((code) => [problemType(code), code]));
  app.get('/problems', { schema: { hide: true } }, async (_request, reply) => sendPage(reply, problemsPage()));
  app.get<{ Params: { readonly name: string } }>('/problems/:name', { schema: { hide: true } }, async (request, reply) => {
    const code = codes.get(`/problems/${request.params.name}`);
    if (code !== undefined) return sendPage(reply, problemPage(code));
    return sendProblem(reply, refusal('not_found', 'No problem has that name; /problems lists them.'), { instance: request.id });
  });
}
