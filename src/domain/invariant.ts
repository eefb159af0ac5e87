/** A fact that contradicts the ledger's rules: an event that can never be applied. Its stream is refused until an operator has seen to it. */
export class InvariantViolated extends Error {
  override readonly name = 'InvariantViolated';
}
