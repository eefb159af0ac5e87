// Spans, as the parts that do the work tell of it: what began, as part of what, and how it ended. A port: who records them, and
// whether anybody does, is decided where everything is wired. Without tracing there is no `Spans`, and nothing is told.

/** As OpenTelemetry names them: `server` and `client` of a request and its answer, `producer` and `consumer` of a message. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';
/** By the names of OpenTelemetry's semantic conventions where it has one, else beginning `ledger.`. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  /** The W3C trace context (`traceparent`) of what it is a part of. Absent: a new trace begins. */
  readonly parent?: string | undefined;
  readonly attributes?: SpanAttributes;
  /** In ms since 1970; now, where it is not given. */
  readonly startedAtMs?: number;
}

export interface SpanEnd {
  readonly attributes?: SpanAttributes;
  /** Why what it stands for failed; absent where it did not. A refusal by the rules is no failure. */
  readonly failure?: string | undefined;
  /** In ms since 1970; now, where it is not given. */
  readonly endedAtMs?: number;
}

export interface Span {
  /** Its W3C trace context, for what is done as a part of it: here, in another process, or later. */
  readonly traceparent: string;
  /** Ends it, once. */
  end(how?: SpanEnd): void;
}

export interface Spans {
  /** Begins a span. Costs little where its trace is not recorded. */
  start(span: SpanStart): Span;
}

/** The id of the trace that a W3C trace context is of. @param traceparent well-formed. */
export const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35);
/** Whether whoever wrote the trace context records the trace. */
export const isSampled = (traceparent: string): boolean => (Number.parseInt(traceparent.slice(-1), 16) & 1) === 1;
