// Loaded before a ledger (`node --import`): plants the bug that CHAOS_BUG names in the modules as they are loaded.
import { registerHooks } from 'node:module';
import { PLANTED_BUGS } from './planted-bugs.ts';

const bug = Object.entries(PLANTED_BUGS).find(([name]) => name === process.env['CHAOS_BUG'])?.[1];
if (bug === undefined) throw new Error(`there is no bug ${process.env['CHAOS_BUG']}`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const change = bug.changes.find(({ module }) => url.endsWith(`/${module}`));
    if (change === undefined) return loaded;
    const source = String(loaded.source instanceof Uint8Array ? Buffer.from(loaded.source) : loaded.source);
    // A plant that no longer finds its place must not pass for a ledger without bugs.
    if (!source.includes(change.find)) throw new Error(`${change.module} has no "${change.find}"`);
    return { ...loaded, source: source.replace(change.find, change.put) };
  },
});
