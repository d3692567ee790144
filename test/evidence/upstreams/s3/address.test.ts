import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readS3Address } from '../../../../src/evidence/upstreams/s3/address.ts'

/** As Nix 2.34 asks for them. */
const BASES: Readonly<Record<string, string>> = {
  's3://b': 'https://b.s3.us-east-1.amazonaws.com',
  's3://b?region=eu-west-1': 'https://b.s3.eu-west-1.amazonaws.com',
  's3://b?region=cn-north-1': 'https://b.s3.cn-north-1.amazonaws.com.cn',
  's3://b?addressing-style=path': 'https://s3.us-east-1.amazonaws.com/b',
  's3://a.b': 'https://s3.us-east-1.amazonaws.com/a.b',
  's3://b?endpoint=minio.lan:9000&scheme=http': 'http://minio.lan:9000/b',
  's3://b?endpoint=http://minio.lan:9000': 'http://minio.lan:9000/b',
  's3://b?endpoint=minio.lan&addressing-style=virtual': 'https://b.minio.lan',
}
for (const [address, base] of Object.entries(BASES))
  test(`${address} is ${base}`, () => assert.equal(readS3Address(address).base, base))
