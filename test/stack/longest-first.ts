import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders whose files take longest, longest first: started last, one of them would run on alone while other workers have nothing to do. */
const SLOW = ['/test/scenarios/', '/test/embedded/', '/test/cli/', '/test/rabbitmq/', '/test/consumers/', '/test/commands/'];
const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = SLOW.findIndex((folder) => moduleId.includes(folder));
  return place === -1 ? SLOW.length : place;
};

/** By how long they took in the run before; where not all of them were in one, by folder, and there by size. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isKnown = sorted.every((file) => this.ctx.cache.getTestSpecificationResult(file) !== undefined);
    return isKnown ? sorted : sorted.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}
