// A request of the run: a valid one, then bent, all of it drawn from the seed and its number.
import type { Bend } from './bend-bodies.ts';
import { BYTE_BENDS, SAID_BENDS } from './bend-bodies.ts';
import { FRAME_BENDS } from './bend-frames.ts';
import { HEADER_BENDS, TARGET_BENDS } from './bend-heads.ts';
import type { Draft } from './draft.ts';
import type { FuzzedOperation } from './operations.ts';
import type { Random } from './random.ts';
import { makeRandom } from './random.ts';
import type { Setting } from './valid-requests.ts';
import { validRequest } from './valid-requests.ts';

/** Requests that are left as they are: they say what the bent ones are measured by. */
const LEFT_AS_IT_IS = 0.2;
const MOST_BENDS = 3;
/** What a body says is bent first, since what bends its bytes needs them; frames come last, as they are made of the rest. */
const LAYERS = [SAID_BENDS, BYTE_BENDS, HEADER_BENDS, TARGET_BENDS, FRAME_BENDS];

/** A layer of the operation: there is no body to bend where none is asked for, but now and then. */
function layerFor({ bodies }: FuzzedOperation, random: Random): number {
  const layer = random.below(LAYERS.length);
  return bodies.length > 0 || layer > 1 || random.chance(0.1) ? layer : 3;
}

export function fuzzedRequest(setting: Setting, seed: number, index: number): Draft {
  const random = makeRandom(seed, index);
  const operation = random.pick(setting.api.operations);
  const valid = validRequest(operation, setting, `fuzz-${seed}-${index}`, random);
  if (random.chance(LEFT_AS_IT_IS)) return valid;
  const layers = Array.from({ length: 1 + random.below(MOST_BENDS) }, () => layerFor(operation, random)).sort();
  return layers.reduce((draft, layer) => {
    const [name, bend] = random.pick<[string, Bend]>(Object.entries(LAYERS[layer] ?? {}));
    return { ...bend(draft, random), bends: [...draft.bends, name] };
  }, valid);
}
