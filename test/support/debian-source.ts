export { type DebianSource, debianSource, fetchDebianSources } from '../../tools/debian-source.mjs'
