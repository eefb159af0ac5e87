// What a process says at /metrics, read as Prometheus reads it.

export interface Sample {
  /** As it stands: with `_bucket`, `_sum` or `_count` behind a histogram's. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** The metrics by name. @throws where a line is none of the format, or a sample stands apart from its metric. */
export function parseExposition(text: string): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, MetricFamily & { samples: Sample[] }>();
  let current: (MetricFamily & { samples: Sample[] }) | undefined;
  let help = '';
  for (const line of text.split('\n').filter((some) => some !== '')) {
    const [, about, of = '', said = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (about === 'HELP') help = said;
    else if (about === 'TYPE') {
      current = { name: of, type: said, help, samples: [] };
      families.set(of, current);
    } else {
      const sample = sampleIn(line);
      if (current === undefined || !sample.name.startsWith(current.name)) throw new Error(`out of place: ${line}`);
      current.samples.push(sample);
    }
  }
  return families;
}

function sampleIn(line: string): Sample {
  const [, name, labels = '', value] = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not of the format: ${line}`);
  const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => [label, text] as const);
  return { name, labels: Object.fromEntries(pairs), value: value === 'NaN' ? Number.NaN : Number(value.replace('Inf', 'Infinity')) };
}

/** The metrics of a running process. */
export async function scrape(url: string): Promise<ReadonlyMap<string, MetricFamily>> {
  const answer = await fetch(`${url}/metrics`);
  if (!answer.ok) throw new Error(`${url}/metrics answered ${answer.status}`);
  return parseExposition(await answer.text());
}
