// Tracing with OpenTelemetry: the only place that knows of it. Its packages are loaded here and only when tracing starts, so that a
// process without a collector neither loads them nor spends anything on spans.
import type { Attributes, Context, SpanContext, SpanKind, Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { TRACEPARENT } from '../api/request-headers.ts';
import type { SpanStart, Spans } from '../commands/spans.ts';
import { within } from '../eventstore/within.ts';

export interface TracingOptions {
  /** Of the collector, as OTEL_EXPORTER_OTLP_ENDPOINT names it: `/v1/traces` is added. */
  readonly endpoint: string;
  /** Sent along, such as a collector's key. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly serviceName: string;
  readonly version: string;
  /** Tells processes of the service apart. */
  readonly instance: string;
  readonly logger: Logger;
}

export interface Tracing {
  readonly spans: Spans;
  /** Sends what was recorded, and waits for that a few seconds at most. */
  close(): Promise<void>;
}

const EXPORT_TIMEOUT_MS = 5_000;
const CLOSE_MS = 3_000;

/**
 * Loads OpenTelemetry's SDK and begins to record. What it is not told here it takes from the standard's variables
 * (OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_… and so on). Spans that a collector does not take in time are dropped:
 * memory stays bounded, and no request waits for it.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const [{ BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, resources, api] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/api'),
  ]);
  const { endpoint, headers, serviceName, version, instance, logger } = options;
  const tell = (message: string, ...more: unknown[]): void => logger.warn({ more }, `tracing: ${message}`);
  const quiet = (): void => undefined;
  api.diag.setLogger(
    { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
    ...(headers !== undefined && { headers: { ...headers } }),
  });
  const provider = new BasicTracerProvider({
    resource: resources
      .detectResources({ detectors: [resources.envDetector] })
      .merge(
        resources.resourceFromAttributes({ 'service.name': serviceName, 'service.version': version, 'service.instance.id': instance }),
      ),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  return {
    spans: makeSpans(provider.getTracer('ledgerfold', version), api),
    close: () =>
      within(CLOSE_MS, provider.shutdown()).catch((err: unknown) => logger.warn({ err }, 'tracing: the last spans were not sent')),
  };
}

type Api = Pick<typeof import('@opentelemetry/api'), 'SpanKind' | 'SpanStatusCode' | 'ROOT_CONTEXT' | 'trace'>;

function makeSpans(tracer: Tracer, { SpanKind: kinds, SpanStatusCode, ROOT_CONTEXT, trace }: Api): Spans {
  const kindOf: Readonly<Record<SpanStart['kind'], SpanKind>> = {
    server: kinds.SERVER,
    client: kinds.CLIENT,
    producer: kinds.PRODUCER,
    consumer: kinds.CONSUMER,
    internal: kinds.INTERNAL,
  };
  const contextOf = (traceparent: string | undefined): Context => {
    const remote = traceparent === undefined ? undefined : spanContextIn(traceparent);
    return remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
  };
  return {
    start({ name, kind, parent, attributes, startedAtMs }) {
      const startTime = startedAtMs === undefined ? {} : { startTime: startedAtMs };
      const span = tracer.startSpan(name, { kind: kindOf[kind], attributes: { ...attributes }, ...startTime }, contextOf(parent));
      return {
        traceparent: traceparentOf(span.spanContext()),
        end({ attributes: more, failure, endedAtMs } = {}) {
          if (more !== undefined) span.setAttributes(more satisfies Attributes);
          if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
          span.end(endedAtMs);
        },
      };
    },
  };
}

/** As https://www.w3.org/TR/trace-context/ writes it. */
const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

function spanContextIn(traceparent: string): SpanContext | undefined {
  if (!TRACEPARENT.test(traceparent)) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}
