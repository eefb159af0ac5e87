/** What was killed did not come back in time. */
export class NotRevived extends Error {
  override readonly name = 'NotRevived';
}
