// In the repository the sources run as they are; node does not strip types under node_modules, so what is published is the
// JavaScript that tsc makes of them. npm cannot be told two sets of entry points: `prepack` puts those of the published
// package into package.json, `postpack` puts the sources' back.
import fs from 'node:fs';

const SOURCE = { exports: './src/server.ts', bin: { 'embedded-eventstore': 'src/bin.ts' } };
const PUBLISHED = {
  exports: { types: './dist/server.d.ts', default: './dist/server.js' },
  bin: { 'embedded-eventstore': 'dist/bin.js' },
};

const file = new URL('../package.json', import.meta.url);
const which = process.argv[2];
if (which !== 'source' && which !== 'published') throw new Error('usage: manifest.ts source|published');
const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
fs.writeFileSync(file, `${JSON.stringify({ ...manifest, ...(which === 'source' ? SOURCE : PUBLISHED) }, null, 2)}\n`);
