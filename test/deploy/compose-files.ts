// The compose files as Docker reads them, and the environment of their services with nothing in `.env`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
/** A file of the project. */
export const text = (path: string): string => readFileSync(join(root, path), 'utf8');

export const service = z.object({
  image: z.string().optional(),
  build: z.string().optional(),
  pull_policy: z.string().optional(),
  hostname: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  networks: z.object({ default: z.object({ aliases: z.array(z.string()) }) }).optional(),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  deploy: z.object({ replicas: z.int() }).optional(),
  healthcheck: z
    .object({ test: z.array(z.string()) })
    .loose()
    .optional(),
  stop_grace_period: z.string(),
  restart: z.string(),
});
const composeFile = z.object({
  name: z.string(),
  services: z.record(z.string(), service.loose()),
  volumes: z.record(z.string(), z.null()),
});
export type Service = z.output<typeof composeFile>['services'][string];

export const composed = (file: string): z.output<typeof composeFile> => composeFile.parse(parse(text(file), { merge: true }));

/** The environment as Docker would set it with nothing in `.env`: `${NAME:-default}` is the default. */
export const defaults = ({ environment }: Service): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')]));

/** The same of every service of a file, by the service's name. */
export const environmentOf = (file: string): Partial<Record<string, Record<string, string>>> =>
  Object.fromEntries(Object.entries(composed(file).services).map(([name, one]) => [name, defaults(one)]));
