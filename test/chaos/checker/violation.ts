// What can be wrong, each by its name.

/** Every way in which a history, the log and the tables can break a promise. */
export const VIOLATIONS = {
  'acknowledged-lost': 'what was acknowledged, or taken for good, is not in the log',
  'applied-twice': 'a command has more than one outcome in the log',
  'refused-but-applied': 'what was refused, or said never to be applied, has an effect in the log',
  'not-as-asked': 'an event is not what its command asked for',
  'answer-differs': 'an answer says something else than the event it is about',
  'strange-answer': 'an answer that no fault explains',
  'never-asked': 'the log has a command that nobody sent',
  reordered: 'commands of an account stand in another order than they were sent or acknowledged in',
  'revision-gap': 'a stream has not one event for every revision',
  'negative-balance': 'a balance is below zero after some event of the log',
  'lost-update': 'an event leaves another balance than the one before it and its own change make',
  'time-went-back': 'an event of an account happened before the one before it',
  'time-ran-ahead': 'an event lies further in the future than any process that takes commands may be ahead',
  'expired-early': 'a hold or an order expired before its time, by more than any clock may be wrong',
  'transfer-broken': 'a transfer is credited twice, to somebody else, with another amount, or was never sent',
  'transfer-unfinished': 'a transfer that neither arrived nor came back',
  'bank-sum-changed': 'money among accounts that only send it to each other came or went',
  'log-breach': 'the log breaks a rule of the ledger',
  'stale-read': 'a read shows less than it was asked to have seen, or what was never true at its position',
  'read-went-back': 'a read shows less than one before it by the same client',
  'skipped-event': 'the tables lack what the log has',
  'projected-twice': 'the tables have more often what the log has once',
  'projection-differs': 'the tables say something else than a fold of the log',
  'asset-sum-not-zero': 'the journal of an asset does not sum to zero',
  'event-untold': 'an integration event was never published',
  'event-differs': 'an integration event says something else than the log',
  'event-reordered': 'integration events were told for the first time in another order than that of the log',
  'died-by-itself': 'a ledger process ended that nobody had killed',
  'never-recovered': 'the stack did not come to rest once the faults were over',
} as const;
export type ViolationName = keyof typeof VIOLATIONS;

export interface Violation {
  readonly name: ViolationName;
  readonly detail: string;
}
export const violation = (name: ViolationName, detail: string): Violation => ({ name, detail });
