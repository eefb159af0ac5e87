// Loaded before a program (`node --import`): its clock can be set from outside. On SIGWINCH the file that CHAOS_CLOCK_FILE names
// is read, the milliseconds by which the clock is to be ahead (negative: behind), and stderr says that it is.
import { readFileSync } from 'node:fs';

const file = process.env['CHAOS_CLOCK_FILE'];
if (file === undefined) throw new Error('CHAOS_CLOCK_FILE is not set');

const RealDate = Date;
let aheadMs = 0;
const now = (): number => RealDate.now() + aheadMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});

process.on('SIGWINCH', () => {
  aheadMs = Number(readFileSync(file, 'utf8'));
  process.stderr.write(`the clock is ${aheadMs} ms ahead\n`);
});
