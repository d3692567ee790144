import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readStoreAddress } from '../../../../src/evidence/upstreams/stores/address.ts'

test('ssh-ng: the port is an option of ssh, for Nix that does not know it in an address', () => {
  const { store, legacy } = readStoreAddress('ssh-ng://nix@host:2222?compress=true', 2500)
  assert.equal(store.remote, 'ssh-ng://nix@host?compress=true')
  assert.ok(store.sshOptions.includes('-oPort=2222'))
  assert.ok(store.sshOptions.includes('-oConnectTimeout=3'))
  for (const option of ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'ForwardAgent=no'])
    assert.ok(store.sshOptions.includes(`-o${option}`))
  assert.equal(legacy, undefined)
})

test('ssh: the same host by ssh-ng, and its own protocol', () => {
  const { store, legacy } = readStoreAddress('ssh://[::1]:22?remote-program=/opt/nix-store', 1000)
  assert.equal(store.remote, 'ssh-ng://[::1]?remote-program=/opt/nix-daemon')
  assert.equal(legacy?.remote, 'ssh://[::1]?remote-program=/opt/nix-store')
})

test('a host key counts whatever the port', () => {
  const { store } = readStoreAddress('ssh-ng://host:2222?base64-ssh-public-host-key=eA==', 1000)
  assert.ok(store.sshOptions.includes('-oHostKeyAlias=host'))
})

test('local stores have a database', () => {
  const database = (address: string) => readStoreAddress(address, 1000).database
  assert.equal(database('/mnt'), '/mnt/nix/var/nix/db/db.sqlite')
  assert.equal(database('local?root=/mnt'), '/mnt/nix/var/nix/db/db.sqlite')
  assert.equal(database('local?root=/mnt&state=/s'), '/s/db/db.sqlite')
})
