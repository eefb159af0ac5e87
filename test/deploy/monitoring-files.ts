// The files of deploy/ that Prometheus and Grafana read, as they read them.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
export const PROMETHEUS_FOLDER = join(root, 'deploy/prometheus');

export const scrapeJobs = z
  .object({
    rule_files: z.array(z.string()),
    scrape_configs: z.array(z.object({ job_name: z.string(), static_configs: z.array(z.object({ targets: z.array(z.string()) })) })),
  })
  .parse(parse(text('deploy/prometheus/prometheus.yml')));

const alert = z.strictObject({
  alert: z.string().regex(/^Ledger[A-Z][A-Za-z]+$/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+m$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
  annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
});
export type Alert = z.output<typeof alert>;
export const alerts: readonly Alert[] = z
  .strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(alert) })) })
  .parse(parse(text('deploy/prometheus/rules/ledger.yml')))
  .groups.flatMap(({ rules }) => rules);

const place = z.object({ x: z.int().min(0), y: z.int().min(0), w: z.int().min(1).max(24), h: z.int().min(1) });
const source = z.object({ type: z.literal('prometheus'), uid: z.string() });
const panel = z.object({
  id: z.int(),
  type: z.enum(['row', 'timeseries', 'stat', 'table']),
  title: z.string().min(1),
  gridPos: place,
  datasource: source.optional(),
  fieldConfig: z.object({ defaults: z.object({ unit: z.string() }) }).optional(),
  targets: z.array(z.object({ refId: z.string(), expr: z.string().min(1), datasource: source })).default([]),
});
const dashboard = z.object({
  uid: z.string().regex(/^[a-z-]+$/),
  title: z.string(),
  schemaVersion: z.int(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string(), definition: z.string() })) }),
  panels: z.array(panel),
});
export type Dashboard = z.output<typeof dashboard>;
export const dashboards: readonly Dashboard[] = globSync('deploy/grafana/dashboards/*.json', { cwd: root })
  .toSorted()
  .map((file) => dashboard.parse(JSON.parse(text(file))));

export const datasources = z
  .object({ datasources: z.array(z.object({ uid: z.string(), type: z.string(), url: z.url(), isDefault: z.boolean() })) })
  .parse(parse(text('deploy/grafana/provisioning/datasources/prometheus.yml'))).datasources;
export const dashboardFolders = z
  .object({ providers: z.array(z.object({ type: z.literal('file'), options: z.object({ path: z.string() }) })) })
  .parse(parse(text('deploy/grafana/provisioning/dashboards/ledger.yml')))
  .providers.map(({ options }) => options.path);

export interface Query {
  /** Where it stands: the alert, or the dashboard's panel. */
  readonly where: string;
  /** As Prometheus takes it, with Grafana's variables filled in. */
  readonly expr: string;
}

/** Every query of the dashboards. */
export const dashboardQueries: readonly Query[] = dashboards.flatMap(({ title, panels }) =>
  panels.flatMap((one) =>
    one.targets.map(({ expr }) => ({
      where: `${title} / ${one.title}`,
      expr: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'),
    })),
  ),
);
export const alertQueries: readonly Query[] = alerts.map(({ alert: where, expr }) => ({ where, expr }));

/** The metrics that a query is about: what is no function, label, text or duration. */
export function metricsIn(expr: string): readonly string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '');
  const words = [...bare.matchAll(/[a-z_:][a-z0-9_:]*(?!\s*\()\b/g)].map(([word]) => word);
  return [...new Set(words.filter((word) => /_|^up$/.test(word) && !/^\d/.test(word)))];
}
