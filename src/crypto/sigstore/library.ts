/**
 * What is used of Sigstore's own library. A file of its own in dist/ (tools/build.mjs): it is large, and reached by
 * `import()` alone.
 */
export { TrustedRoot } from '@sigstore/protobuf-specs'
export { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
