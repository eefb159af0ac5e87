// The keys that verify access tokens (RFC 7517).
import { z } from 'zod';
import { JWKS_MAX_AGE_S } from '../../identity/signing-keys.ts';
import { NoQuery } from '../auth-route.ts';
import type { ApiRoute } from '../route.ts';

const Jwks = z
  .object({
    keys: z.array(
      z.looseObject({
        kty: z.string(),
        kid: z.string().meta({ description: 'The thumbprint of the key (RFC 7638).' }),
      }),
    ),
  })
  .meta({ id: 'Jwks', description: 'A JSON Web Key Set (RFC 7517), of public keys (RFC 8037).' });

export const jwks: ApiRoute = {
  method: 'GET',
  path: '/.well-known/jwks.json',
  query: NoQuery,
  doc: {
    operationId: 'getJwks',
    tag: 'auth',
    summary: 'Get the keys that verify access tokens',
    description: `May be kept for ${JWKS_MAX_AGE_S} s: a new key is published for longer than that before it signs. Empty where another issuer’s tokens are taken.`,
    headers: [],
    bodyRequired: false,
    answers: {
      200: {
        description: 'The keys.',
        schema: Jwks,
        example: {
          keys: [
            {
              kty: 'OKP',
              crv: 'Ed25519',
              x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
              kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
              alg: 'EdDSA',
              use: 'sig',
            },
          ],
        },
        headers: [],
      },
    },
    problems: ['malformed_request', 'internal_error'],
  },
  mount: ({ auth }) => ({
    handler: async (_request, reply) =>
      reply.header('Cache-Control', `public, max-age=${JWKS_MAX_AGE_S}`).send(auth.builtIn?.keys.jwks() ?? { keys: [] }),
  }),
};
