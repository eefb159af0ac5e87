// In the repository the sources run as they are; what is published is the JavaScript that tsc makes of them. npm cannot be
// told two sets of entry points: `prepack` puts those of the published package into package.json, `postpack` puts the
// sources' back. The build keeps the folders of the repository, because the types of the contract stand in its src.
import fs from 'node:fs';

const SOURCE = './src/ledgerfold.ts';
const BUILT = './dist/packages/client/src/ledgerfold';
const PUBLISHED = { types: `${BUILT}.d.ts`, default: `${BUILT}.js` };

const file = new URL('../package.json', import.meta.url);
const which = process.argv[2];
if (which !== 'source' && which !== 'published') throw new Error('usage: manifest.ts source|published');
const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
fs.writeFileSync(file, `${JSON.stringify({ ...manifest, exports: which === 'source' ? SOURCE : PUBLISHED }, null, 2)}\n`);
