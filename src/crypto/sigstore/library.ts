/**
 * The parts of Sigstore's own library that are used. It is large, so it becomes a separate file in
 * dist/ (tools/build.mjs); load it by `import()` only.
 */
export { TrustedRoot } from '@sigstore/protobuf-specs'
export { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
