import { Command, Option } from 'commander';
import { readEnv } from '../config.ts';
import { configurationMarkdown, effectiveSettings, environmentExample } from '../config-reference.ts';

/** `ledger config`: what a process started here would use, or the reference of all settings. */
export function configCommand(): Command {
  return new Command('config')
    .description('show the configuration in effect, and where each value comes from')
    .option('--json', 'print JSON')
    .addOption(new Option('--reference <format>', 'print the reference of all settings instead').choices(['markdown', 'env']))
    .action((options: { json?: boolean; reference?: 'markdown' | 'env' }) => {
      if (options.reference !== undefined) {
        process.stdout.write(options.reference === 'env' ? environmentExample() : configurationMarkdown());
        return;
      }
      const settings = effectiveSettings(readEnv(process.env), process.env);
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ settings }, null, 2)}\n`);
        return;
      }
      const width = Math.max(...settings.map(({ variable }) => variable.length));
      for (const { variable, value, from } of settings) {
        process.stdout.write(`${variable.padEnd(width)}  ${value ?? '(not set)'}${from === 'default' ? '' : `  (${from})`}\n`);
      }
    });
}
