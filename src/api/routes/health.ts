// Health: whether the process lives, and whether it can do its work.
import type { FastifyInstance } from 'fastify';

/** One thing that the service needs: whether it is as it should be, and what there is to say about it. */
export interface HealthCheck {
  readonly ok: boolean;
  /** For whoever looks into it: where the projector is halted, which server is out of reach. */
  readonly detail?: string;
}
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, HealthCheck>>;
}

export interface HealthOptions {
  readonly readiness: () => Promise<Readiness>;
  /** True from the moment the service was asked to stop. */
  readonly isStopping: () => boolean;
}

const STOPPING: Readiness = { ready: false, checks: { process: { ok: false, detail: 'stopping' } } };

/** /health/live says 200 for as long as anything is answered; /health/ready 200 or 503, with every check by its name. */
export function addHealth(app: FastifyInstance, { readiness, isStopping }: HealthOptions): void {
  app.get('/health/live', { schema: { hide: true } }, async () => ({ status: 'live' }));
  app.get('/health/ready', { schema: { hide: true } }, async (request, reply) => {
    const { ready, checks } = isStopping()
      ? STOPPING
      : await answered(readiness, (error) => request.log.error({ err: error }, 'readiness failed'));
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', checks });
  });
}

/** A check that fails to be made is a check that failed. */
async function answered(readiness: HealthOptions['readiness'], report: (error: unknown) => void): Promise<Readiness> {
  try {
    return await readiness();
  } catch (error) {
    report(error);
    return { ready: false, checks: { readiness: { ok: false, detail: 'the checks could not be made' } } };
  }
}
