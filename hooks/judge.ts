/**
 * All that a hook needs once the ledger does not have every answer. It is built into a file of its own, `judge.js` beside
 * the hooks, because a program's text costs start-up time whether it runs or not. tools/build.mjs sends the hooks' lazy
 * imports here and fails if one of them is missing.
 */
export * from './judge-after-build.ts'
export * from './judge-before-build.ts'
