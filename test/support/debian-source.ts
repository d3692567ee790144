export { type DebianSource, debianSource } from '../../tools/debian-source.mjs'
