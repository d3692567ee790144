// The replacement for import.meta.url in a CommonJS bundle.
export const __bundle_url = require('node:url').pathToFileURL(__filename).href
