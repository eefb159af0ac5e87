// The registered assets as this process knows them. Registrations never change, so what is known stays known; before an
// asset is called unknown, its stream is read.

import { randomUUID } from 'node:crypto';
import type { Asset } from '../domain/assets.ts';
import { codesNamedBy, INITIAL_ASSETS } from '../domain/assets.ts';
import type { Command } from '../domain/commands.ts';
import { assetsNamedIn } from '../domain/commands.ts';
import { assetStream } from '../domain/events.ts';
import type { AssetCode } from '../domain/ids.ts';
import { assetScopeOf, commandIdOf } from '../domain/ids.ts';
import type { Streams } from '../eventstore/streams.ts';
import { commandHashOf } from './idempotency.ts';

export type AssetLookup = (code: AssetCode) => Asset | undefined;

export interface AssetRegistry {
  /**
   * Makes sure that every asset the commands name is known if it exists.
   * @throws StoreUnavailable where an asset that is not known yet cannot be read.
   */
  resolve(commands: readonly Command[]): Promise<AssetLookup>;
  /** Drops what was read from that stream: an event in it has been annulled. */
  forget(stream: string): void;
  /** Drops everything that was read. */
  forgetAll(): void;
  /**
   * Writes the assets that every ledger starts with, where they are not in the log yet. Safe to run in several processes at once.
   * @returns a position from which all of them are visible.
   */
  registerInitial(nowMs: number): Promise<bigint>;
}

const INITIAL_KEY = 'sys:initial-asset';

export function makeAssetRegistry(streams: Pick<Streams, 'read' | 'append'>): AssetRegistry {
  const known = new Map<AssetCode, Asset>();
  /** The highest position of what was read. */
  let position = 0n;
  const lookup: AssetLookup = (code) => known.get(code);

  const read = async (code: AssetCode): Promise<void> => {
    for await (const { event, position: at } of streams.read(assetStream(code), 0n)) {
      if (event.type !== 'asset-registered') continue;
      if (at > position) position = at;
      known.set(code, { code: event.code, name: event.name, kind: event.kind, scale: event.scale, active: event.active });
      return;
    }
  };

  return {
    async resolve(commands) {
      const named = commands.flatMap((command) => ('symbol' in command ? codesNamedBy(command.symbol) : assetsNamedIn(command)));
      await Promise.all([...new Set(named)].filter((code) => !known.has(code)).map(read));
      return lookup;
    },
    forget(stream) {
      for (const code of known.keys()) if (assetStream(code) === stream) known.delete(code);
    },
    forgetAll: () => known.clear(),
    async registerInitial(nowMs) {
      for (const asset of INITIAL_ASSETS) {
        await read(asset.code);
        if (known.has(asset.code)) continue;
        const { active: _active, ...body } = asset;
        const commandId = commandIdOf(assetScopeOf(asset.code), INITIAL_KEY);
        const metadata = {
          key: INITIAL_KEY,
          commandId,
          commandHash: commandHashOf({ type: 'register-asset', ...body }),
          correlationId: commandId,
          causationId: commandId,
          actor: 'ledger',
          transport: 'internal' as const,
          occurredAt: new Date(nowMs).toISOString(),
        };
        const event = { type: 'asset-registered' as const, version: 1 as const, ...asset };
        // A conflict means another process was first; that is as good.
        const outcome = await streams.append(assetStream(asset.code), [{ eventId: randomUUID(), event, metadata }], { expecting: -1n });
        if (outcome.kind === 'unknown') throw outcome.error;
        if (outcome.kind === 'refused') throw new Error(`the event store refuses to register ${asset.code}: ${outcome.reason}`);
        await read(asset.code);
      }
      return position;
    },
  };
}
