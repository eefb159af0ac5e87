import { randomInt } from 'node:crypto';
import { freePort } from '../../src/embedded/free-port.ts';

/**
 * A port that is free now, from below those that the system gives to whoever asks for any: so nobody gets it while its server is
 * dead.
 */
export const lastingPort = (): Promise<number> => freePort(randomInt(15_000, 32_000));
