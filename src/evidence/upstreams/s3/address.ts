/** Where the files of an `s3://` cache are, by Nix's own parameters (libstore, s3-binary-cache-store). */

import { storeParameters } from '../../../formats/nix/store-address.ts'

/** A bucket, and how it is reached. */
export interface S3Address {
  readonly bucket: string
  readonly region: string
  /** The name of a profile in root's AWS configuration; undefined: AWS's usual choice. */
  readonly profile: string | undefined
  /** The URL of the bucket, without a final slash; each file is below it. */
  readonly base: string
}

const REGION = 'us-east-1'

/**
 * Reads an address that the policy's language accepted. As in Nix, the bucket is part of the host
 * name at AWS, and of the path at an endpoint of one's own, or where its name has a dot, which no
 * certificate of AWS covers. Throws TypeError for what is not an address.
 */
export function readS3Address(text: string): S3Address {
  const { hostname: bucket } = new URL(text)
  const parameters = storeParameters(text)
  const region = parameters.get('region') ?? REGION
  const endpoint = parameters.get('endpoint') ?? ''
  const isUrl = /^https?:\/\//.test(endpoint)
  const [scheme, host] = isUrl
    ? (endpoint.replace(/\/$/, '').split('://') as [string, string])
    : [parameters.get('scheme') ?? 'https', endpoint === '' ? hostOf(region) : endpoint]
  const style = parameters.get('addressing-style') ?? 'auto'
  const isVirtual = style === 'virtual' || (style === 'auto' && endpoint === '' && !bucket.includes('.'))
  const url = isVirtual ? `${scheme}://${bucket}.${host}` : `${scheme}://${host}/${bucket}`
  return {
    bucket,
    region,
    profile: parameters.get('profile') ?? undefined,
    base: new URL(url).href.replace(/\/$/, ''),
  }
}

function hostOf(region: string): string {
  return `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}
