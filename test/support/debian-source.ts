export { type DebianSource, debianSource, fetchDebianSources, RELEASES } from '../../tools/debian-source.mjs'
