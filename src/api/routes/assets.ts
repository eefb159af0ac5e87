// Assets: what balances are counted in.
import { z } from 'zod';
import type { Asset as RegisteredAsset } from '../../domain/assets.ts';
import { RegisterAssetBody } from '../../domain/commands.ts';
import { AssetCodeSchema } from '../../domain/ids.ts';
import { Asset, PageQuery, pageOf } from '../contract.ts';
import { COMMAND_ID, onePage } from '../examples.ts';
import { refusal } from '../problems.ts';
import { readRoute } from '../read-route.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

const SOLANA = { code: 'SOL', name: 'Solana', kind: 'coin', scale: 9 } as const;

export const registerAsset = writeRoute({
  method: 'POST',
  path: '/v1/assets',
  operationId: 'registerAsset',
  tag: 'assets',
  summary: 'Register an asset; its scale never changes',
  body: RegisterAssetBody,
  toCommand: ({ body }) => ({ type: 'register-asset', ...body }),
  location: ({ result }) => `/v1/assets/${result['code']}`,
  example: {
    body: SOLANA,
    answer: { commandId: COMMAND_ID, status: 'applied', revision: '0', position: '48211', result: { code: 'SOL' } },
  },
});

const assetBody = ({ code, name, kind, scale, active }: RegisteredAsset): z.output<typeof Asset> => ({ code, name, kind, scale, active });

export const listAssets = readRoute({
  path: '/v1/assets',
  operationId: 'listAssets',
  tag: 'assets',
  summary: 'List the assets, by code',
  query: PageQuery,
  answer: pageOf(Asset, 'AssetList'),
  example: onePage({ ...SOLANA, active: true }),
  answerTo: async ({ query, queries }) => pageBody(await queries.assets(query), assetBody),
});

export const getAsset = readRoute({
  path: '/v1/assets/{asset}',
  operationId: 'getAsset',
  tag: 'assets',
  summary: 'Get an asset',
  params: z.object({ asset: z.string().meta({ examples: ['SOL'] }) }),
  answer: Asset,
  problems: ['not_found'],
  example: { ...SOLANA, active: true },
  async answerTo({ params, queries }) {
    const code = AssetCodeSchema.safeParse(params.asset);
    const asset = code.success ? await queries.asset(code.data) : undefined;
    return asset ? assetBody(asset) : refusal('not_found', `No asset ${params.asset.slice(0, 64)} is registered.`, {});
  },
});
