// The environment, parsed once at the edge; what can be set: settings.ts.
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { crashFaults } from './crash-points.ts';
import { productionFaults } from './production.ts';
import type { Setting } from './settings.ts';
import { configSchema, settings } from './settings.ts';

/** The configuration of a process, checked and complete. */
export type Config = z.output<typeof configSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that is wrong with an environment, one sentence each. No secret's value is in them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(['the configuration is not valid:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
    this.problems = problems;
  }
}

/** The settings in the order of the schema, each with its key in {@link Config}. */
export function allSettings(): ReadonlyArray<Setting & { readonly key: keyof Config; readonly fallback: unknown }> {
  return keysOfConfig().map((key) => {
    const schema = configSchema.shape[key];
    const setting = settings.get(schema);
    if (setting === undefined) throw new Error(`the setting ${key} is not documented`);
    return { ...setting, key, fallback: schema.parse(undefined) };
  });
}

/**
 * Reads the configuration from an environment. An empty variable counts as not set, as in a compose file.
 * A secret may be given as `NAME_FILE`, the name of a file whose content (less the last line break) is the value.
 *
 * @throws {ConfigError} naming every problem at once, among them each `LEDGER_…` variable that is not a setting.
 */
export function readEnv(environment: Environment): Config {
  const problems: string[] = [];
  const known = new Set<string>();
  const isProduction = environment['NODE_ENV'] === 'production';
  const values: Record<string, string> = {};
  const byKey = new Map<PropertyKey, Setting & { readonly given: string | undefined }>();
  for (const setting of allSettings()) {
    known.add(setting.variable);
    if (setting.secret === true) known.add(`${setting.variable}_FILE`);
    const given = givenValue(setting, environment, problems) ?? (isProduction ? setting.inProduction : undefined);
    if (given !== undefined) values[setting.key] = given;
    byKey.set(setting.key, { ...setting, given });
  }
  for (const name of Object.keys(environment)) {
    if (name.startsWith('LEDGER_') && !known.has(name)) problems.push(`${name} is not a setting`);
  }
  if (values['jwksUrl'] !== undefined) {
    for (const variable of ['JWT_ISSUER', 'JWT_AUDIENCE']) {
      if (notEmpty(environment[variable]) === undefined) problems.push(`${variable} must be set where JWKS_URL is`);
    }
  }
  const parsed = configSchema.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    const setting = byKey.get(issue.path[0] ?? '');
    const shown = setting === undefined || setting.secret === true ? '' : `, not "${setting.given ?? ''}"`;
    problems.push(`${setting?.variable ?? issue.path.join('.')} must be ${issue.message}${shown}`);
  }
  problems.push(...crashFaults(environment));
  if (isProduction && parsed.success) problems.push(...productionFaults(parsed.data, environment));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

/** Where a setting's value comes from: its variable, its file, or neither. */
export function originOf(setting: Setting, environment: Environment): 'environment' | 'file' | 'default' {
  if (notEmpty(environment[setting.variable]) !== undefined) return 'environment';
  return setting.secret === true && notEmpty(environment[`${setting.variable}_FILE`]) !== undefined ? 'file' : 'default';
}

function givenValue(setting: Setting, environment: Environment, problems: string[]): string | undefined {
  const direct = notEmpty(environment[setting.variable]);
  const file = setting.secret === true ? notEmpty(environment[`${setting.variable}_FILE`]) : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) {
    problems.push(`${setting.variable} and ${setting.variable}_FILE are both set; set one of them`);
    return undefined;
  }
  try {
    const content = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    if (content === '') problems.push(`${setting.variable}_FILE names an empty file, ${file}`);
    return notEmpty(content);
  } catch (error) {
    problems.push(`${setting.variable}_FILE names a file that cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function notEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

function keysOfConfig(): ReadonlyArray<keyof Config> {
  return configSchema.keyof().options;
}
