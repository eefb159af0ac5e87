// The stream of an asset: registered once, then never changed.
import type { Happened } from './account.ts';
import type { Asset } from './assets.ts';
import type { RegisterAsset } from './commands.ts';
import type { Decision } from './decision.ts';
import { accepted, rejected } from './decision.ts';
import type { AssetCode } from './ids.ts';
import { InvariantViolated } from './invariant.ts';

export interface AssetState {
  readonly kind: 'asset';
  readonly code: AssetCode;
  readonly registered?: Asset;
  /** Of the last event folded in; -1 before the first. */
  readonly revision: bigint;
  readonly lastOccurredAt?: string;
}

export const unregisteredAsset = (code: AssetCode): AssetState => ({ kind: 'asset', code, revision: -1n });

export function registerAsset(command: RegisterAsset, state: AssetState): Decision {
  if (state.registered) return rejected('already_exists', `The asset ${command.code} is registered already.`, { asset: command.code });
  const { code, name, kind, scale } = command;
  return accepted({ type: 'asset-registered', version: 1, code, name, kind, scale, active: true });
}

/**
 * The asset after an event of its stream.
 * @throws InvariantViolated where the event cannot follow, or belongs to an account.
 */
export function evolveAsset(state: AssetState, happened: Happened): AssetState {
  const { event, revision, occurredAt } = happened;
  if (revision !== state.revision + 1n)
    throw new InvariantViolated(`revision ${revision} cannot follow ${state.revision} of asset ${state.code}`);
  const moved: AssetState = { ...state, revision, ...(occurredAt === undefined ? {} : { lastOccurredAt: occurredAt }) };
  if (event.type === 'command-rejected' || event.type === 'annulled') return moved;
  if (event.type !== 'asset-registered') throw new InvariantViolated(`a ${event.type} event stands in the stream of asset ${state.code}`);
  if (state.registered || event.code !== state.code)
    throw new InvariantViolated(`asset ${event.code} cannot be registered in the stream of ${state.code}`);
  const { code, name, kind, scale, active } = event;
  return { ...moved, registered: { code, name, kind, scale, active } };
}
