// What tuf-conformance asks of a client, case by case, in our own words. Its names are in the names of the tests.
//
// Not asked here:
// - test_faketime, test_repository_simulator: about the suite itself.
// - test_static_repository: repositories with ECDSA keys. Lists have Ed25519 alone, see test_keytype_and_scheme.
// - test_graph_traversal, test_cached_role_is_verified_against_current_delegator: teams do not delegate on, and
//   no two may speak for one path, so that there is no order and no second way to a role.
// - the cases of test_targetfile_search with two levels and with `?`: such patterns are refused.
// - test_snapshot_has_too_few_keys, test_unusual_role_name: are here, but refused one step earlier.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginTrust, readNewest } from '../../../src/lists/tuf/update.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { conformanceWorld as world } from '../../support/lists/conformance-world.ts'
import { keyCalled, type Loose, memoryStore, signedBy } from '../../support/lists/simulator.ts'

const ALL = ['root', 'targets', 'snapshot', 'timestamp'] as const
const REST = ['targets', 'snapshot', 'timestamp'] as const

test('test_basic_refresh_requests, test_implicit_refresh: each file is asked for once, in order', async () => {
  const { repo, refresh } = await world()
  await refresh()
  assert.deepEqual(repo.requests, [
    'metadata/2.root.json',
    'metadata/timestamp.json',
    'metadata/1.snapshot.json',
    'metadata/1.targets.json',
  ])
})

test('test_basic_refresh_trusted_data, test_metadata_bytes_match: what is kept is what was served', async () => {
  const { repo, store, refresh } = await world()
  const padded = Buffer.concat([repo.files.get('metadata/timestamp.json') ?? Buffer.of(), Buffer.from(' \n')])
  repo.files.set('metadata/timestamp.json', padded)
  await refresh()
  for (const role of ALL)
    assert.deepEqual(store.files.get(repo.path(role)), repo.files.get(repo.path(role)), role)
})

test('test_invalid_initial_root, test_unsigned_initial_root: nothing is begun', async () => {
  const { repo } = await world()
  const good = String(repo.files.get('metadata/1.root.json'))
  const cases: readonly (readonly [(root: Loose) => void, RegExp])[] = [
    [root => delete root.signed.version, /"version" is missing/],
    [
      root => Object.assign(root.signatures[0], { sig: '0'.repeat(128) }),
      /needs 1 signatures by its own root keys, has 0/,
    ],
  ]
  for (const [change, why] of cases) {
    const store = memoryStore()
    const root = JSON.parse(good)
    change(root)
    const bytes = Buffer.from(JSON.stringify(root))
    repo.files.set('metadata/1.root.json', bytes)
    repo.requests.length = 0
    await assert.rejects(beginTrust(store, repo.source, { sha256: toHex(sha256(bytes)) }), why)
    await assert.rejects(readNewest(store, repo.source, repo.now), /it has no first root yet/)
    assert.deepEqual(repo.requests, ['metadata/1.root.json'])
  }
})

for (const role of ALL) {
  test(`attack: test_unsigned_metadata: ${role} without its keepers' signatures`, async () => {
    const { repo, refuses } = await world()
    repo.publish(...ALL)
    repo.replace(role, metadata => {
      metadata.signatures = []
    })
    const { root } = await refuses(new RegExp(`${role} metadata: needs 1 signatures by .*, has 0`))
    assert.equal(root, role === 'root' ? 1 : 2)
  })
}

for (const role of ['root', 'snapshot', 'targets']) {
  test(`attack: test_url_and_metadata_version_mismatch: ${role} of another version than its name says`, async () => {
    const { repo, refuses } = await world()
    repo.publish(...ALL)
    const signed = { ...repo.roles[role], version: 3 }
    repo.files.set(`metadata/2.${role}.json`, signedBy(signed, [`${role} 1`]))
    await refuses(new RegExp(`${role} metadata: must be version 2.*version 3`))
  })
}

test('attack: test_timestamp_content_changes: another timestamp of the same version is refused', async () => {
  const { repo, refresh, refuses } = await world()
  await refresh()
  repo.roles['timestamp'].version = 0
  repo.roles['timestamp'].meta['snapshot.json'].version = 100
  repo.publish('timestamp')
  assert.equal((await refuses(/timestamp metadata: was signed with other contents/)).targets, 1)
  assert.equal(repo.requests.at(-1), 'metadata/timestamp.json')
})

test('test_basic_metadata_hash_support: right lengths and hashes are accepted', async () => {
  const { repo, refresh } = await world()
  repo.hashes = true
  repo.publish(...REST)
  assert.equal((await refresh()).targets.version, 2)
})

for (const [by, role] of [
  ['snapshot', 'targets'],
  ['timestamp', 'snapshot'],
] as const) {
  test(`attack: test_${role}_hash_mismatch`, async () => {
    const { repo, refresh, refuses } = await world()
    repo.hashes = true
    repo.publish(...REST)
    await refresh()
    repo.publish('targets')
    if (role === 'snapshot') repo.publish('snapshot')
    repo.roles[by].meta[`${role}.json`].hashes.sha256 = '0'.repeat(64)
    repo.publish(...(role === 'snapshot' ? ['timestamp'] : ['snapshot', 'timestamp']))
    assert.equal(
      (await refuses(new RegExp(`${role} metadata: has another SHA-256 than was named, 0+`))).targets,
      2,
    )
    repo.roles[by].meta[`${role}.json`].length++
    repo.publish(...(role === 'snapshot' ? ['timestamp'] : ['snapshot', 'timestamp']))
    await refuses(new RegExp(`${role} metadata: has another length than was named`))
  })
}

test('test_custom_fields: unknown attributes are signed and ignored, but not in keys', async () => {
  const { repo, refresh, refuses } = await world()
  repo.roles['root']['custom-field'] = 'value'
  repo.roles['root'].roles.root['another-field'] = 'value'
  repo.publish('root')
  assert.equal((await refresh()).root.version, 2)
  const [id = ''] = repo.roles['root'].roles.snapshot.keyids
  repo.roles['root'].keys[id] = { ...keyCalled('snapshot 1').json, 'extra-field': { a: 1 } }
  repo.publish('root')
  await refuses(/root metadata: unknown field "extra-field"/)
})

test('test_deprecated_keyid_hash_algorithms: such a key is refused', async () => {
  const { repo, refuses } = await world()
  const [id = ''] = repo.roles['root'].roles.snapshot.keyids
  repo.roles['root'].keys[id] = { ...keyCalled('snapshot 1').json, keyid_hash_algorithms: 'md5' }
  repo.publish('root')
  assert.equal((await refuses(/unknown field "keyid_hash_algorithms"/)).root, 1)
})

test('test_snapshot_404, test_targets_404, test_timestamp_404: what is named and not there', async () => {
  for (const role of ['targets', 'snapshot', 'timestamp']) {
    const { repo, refresh, refuses } = await world()
    await refresh()
    repo.publish(...REST)
    repo.files.delete(repo.path(role))
    assert.equal((await refuses(new RegExp(`${repo.path(role)} is absent`))).targets, 1)
  }
})

test('attack: test_incorrect_metadata_type: a snapshot in the place of a timestamp', async () => {
  const { repo, refuses } = await world()
  const signed = { ...repo.roles['snapshot'], version: 2, meta: { 'snapshot.json': { version: 1 } } }
  repo.files.set('metadata/timestamp.json', signedBy(signed, ['timestamp 1', 'snapshot 1']))
  await refuses(/timestamp metadata: must be "timestamp" \(signed\._type\)/)
})

for (const role of ALL) {
  test(`attack: test_${role}_expired`, async () => {
    const { repo, refresh, refuses } = await world()
    await refresh()
    repo.roles[role].expires = repo.in(-1)
    repo.publish(...ALL)
    const { root, targets } = await refuses(new RegExp(`${role} metadata: ended on 2026-11-30`))
    assert.deepEqual({ root, targets }, { root: 2, targets: 1 })
  })
}

test('test_expired_local_root, test_expired_local_timestamp: what is kept may have ended, if newer is there', async () => {
  const { repo, refresh } = await world()
  repo.roles['root'].expires = repo.in(7)
  repo.roles['timestamp'].expires = repo.in(7)
  repo.publish('root', 'timestamp')
  await refresh()
  repo.now += 18 * 86_400
  repo.roles['root'].expires = repo.in(3)
  repo.roles['timestamp'].expires = repo.in(3)
  repo.publish(...ALL)
  const { root, targets } = await refresh()
  assert.deepEqual([root.version, targets.version], [3, 2])
})

test('test_client_downloads_expected_file, …_in_sub_dir, test_artifact_cache: targets, fetched once', async () => {
  const { repo, refresh } = await world()
  repo.file('certificates/a/b.pgp', 'in a directory')
  repo.publish(...REST)
  for (const path of ['list.json', 'certificates/a/b.pgp', 'list.json', 'certificates/a/b.pgp']) {
    const newest = await refresh()
    assert.equal(String(await newest.target(path)), path === 'list.json' ? 'the list' : 'in a directory')
  }
  assert.equal(repo.requests.filter(path => path.startsWith('targets/')).length, 2)
})

test('attack: test_repository_substitutes_target_file, test_multiple_changes_to_target', async () => {
  const { repo, refresh } = await world()
  for (let round = 0; round < 5; round++) {
    repo.file('list.json', `contents ${round}`)
    repo.file('other.json', `other ${round}`)
    repo.publish(...REST)
    const newest = await refresh()
    assert.equal(String(await newest.target('list.json')), `contents ${round}`)
    for (const path of repo.files.keys())
      if (path.startsWith('targets/')) repo.files.set(path, Buffer.from('another'))
    assert.equal(String(await newest.target('list.json')), `contents ${round}`, 'from what was kept')
    await assert.rejects(newest.target('other.json'), /other\.json is not the file that was signed/)
  }
})

test('test_download_with_hash_algorithms, …_unknown_hash_algorithm: SHA-256 has to be among them', async () => {
  const { repo, refresh, refuses } = await world()
  const { sha256: digest } = repo.roles['targets'].targets['list.json'].hashes
  repo.roles['targets'].targets['list.json'].hashes = { sha512: '0'.repeat(128), sha256: digest }
  repo.publish(...REST)
  assert.equal(String(await (await refresh()).target('list.json')), 'the list')
  for (const name of ['sha512', 'unknown-hash']) {
    repo.roles['targets'].targets['list.json'].hashes = { [name]: '0'.repeat(128) }
    repo.publish(...REST)
    await refuses(/targets metadata: field "sha256" is missing/)
  }
})

test('attack: test_snapshot_does_not_meet_threshold', async () => {
  const { repo, refresh, refuses } = await world()
  repo.give('snapshot', ['a', 'b', 'c'], 3)
  repo.publish(...ALL)
  await refresh()
  repo.signers.set('snapshot', ['a', 'b'])
  repo.publish(...REST)
  await refuses(/snapshot metadata: needs 3 signatures by its keys, has 2/)
})

test('attack: test_snapshot_has_too_few_keys: such a root is refused', async () => {
  const { repo, refuses } = await world()
  repo.give('snapshot', ['a', 'b', 'c', 'd', 'e'], 6)
  repo.publish(...ALL)
  assert.equal((await refuses(/root metadata: 6 signatures are needed of 5 keys/)).root, 1)
})

test('attack: test_duplicate_keys: one key many times in a role', async () => {
  const { repo, refuses } = await world()
  repo.give('snapshot', ['a', 'a', 'a'], 2)
  repo.publish(...ALL)
  assert.equal((await refuses(/root metadata: names a key twice/)).root, 1)
})

test('attack: test_duplicate_sig_keyids: two signatures by one key', async () => {
  const { repo, refuses } = await world()
  repo.publish(...ALL)
  repo.replace('snapshot', metadata => metadata.signatures.push(metadata.signatures[0]))
  await refuses(/snapshot metadata: has two signatures by one key id/)
})

test('attack: test_keytype_and_scheme: Ed25519 alone', async () => {
  for (const [keytype, scheme] of [
    ['rsa', 'rsassa-pss-sha256'],
    ['ecdsa', 'ecdsa-sha2-nistp256'],
    ['ed25519', 'ed448'],
  ]) {
    const { repo, refuses } = await world()
    repo.roles['root'].keys['0'.repeat(64)] = { ...keyCalled('x').json, keytype, scheme }
    repo.publish('root')
    assert.equal(
      (await refuses(/root metadata: only (?:ed25519 keys are|the scheme ed25519 is) accepted/)).root,
      1,
    )
  }
  const { repo, refresh, refuses } = await world()
  repo.give('root', ['root 1', 'root 2'], 2)
  repo.publish('root')
  await refresh()
  repo.publish('root')
  repo.replace('root', metadata => {
    metadata.signatures[1].sig = '0'.repeat(128)
  })
  assert.equal((await refuses(/needs 2 signatures by the root keys of version 2, has 1/)).root, 2)
})

test('test_invalid_sig_in_valid_metadata: a wrong signature does no harm, one of another form is refused', async () => {
  const { repo, refresh, refuses } = await world()
  repo.give('timestamp', ['timestamp 1', 'timestamp 2'])
  repo.publish('root', 'timestamp')
  repo.replace('timestamp', metadata => {
    metadata.signatures[0].sig = '0'.repeat(128)
  })
  assert.equal((await refresh()).root.version, 2)
  repo.publish('timestamp')
  repo.replace('timestamp', metadata => {
    metadata.signatures[0].sig = ''
  })
  await refuses(/timestamp metadata: must be 128 lower-case hexadecimal digits/)
})

for (const role of ['?', '#', '/delegatedrole', '../delegatedrole', 'team-../x', 'root']) {
  test(`attack: test_unusual_role_name: ${role}`, async () => {
    const { repo, refuses } = await world()
    repo.team('gnome', ['dora'])
    repo.roles['targets'].delegations.roles[0].name = role
    repo.publish(...REST)
    await refuses(/targets metadata: must be team-NAME/)
    assert.equal(repo.requests.at(-1), 'metadata/2.targets.json')
  })
}

test('attack: test_new_timestamp_version_rollback', async () => {
  const { repo, refresh, refuses } = await world()
  repo.publish('timestamp')
  await refresh()
  repo.roles['timestamp'].version = 0
  repo.publish('timestamp')
  await refuses(/timestamp metadata: goes back: version 2 was seen before \(version 1\)/)
  assert.equal(repo.requests.at(-1), 'metadata/timestamp.json')
})

for (const hashes of [false, true]) {
  test(`attack: test_snapshot_rollback, ${hashes ? 'with' : 'without'} hashes`, async () => {
    const { repo, refresh, refuses } = await world()
    repo.hashes = hashes
    repo.publish('snapshot', 'timestamp')
    await refresh()
    repo.roles['snapshot'].version = 0
    repo.publish('snapshot', 'timestamp')
    await refuses(/snapshot metadata: goes back: version 2 was/)
    assert.equal(repo.requests.at(-1), 'metadata/timestamp.json')
  })

  test(`attack: test_targets_rollback, ${hashes ? 'with' : 'without'} hashes`, async () => {
    const { repo, refresh, refuses } = await world()
    repo.hashes = hashes
    repo.publish(...REST)
    await refresh()
    repo.roles['targets'].version = 0
    repo.publish(...REST)
    assert.equal((await refuses(/targets metadata: goes back: version 2 was/)).targets, 2)
  })
}

/** A subscriber who has seen a team, and keepers' versions as they were before. */
async function withTeam() {
  const made = await world()
  made.repo.team('gnome', ['dora'])
  made.repo.publish('team-gnome', ...REST)
  await made.refresh()
  return made
}

test('attack: test_targets_role_removal: a snapshot that leaves out a team which was seen', async () => {
  const { repo, refuses } = await withTeam()
  delete repo.roles['snapshot'].meta['team-gnome.json']
  repo.publish('snapshot', 'timestamp')
  await refuses(/snapshot metadata: no longer has team-gnome/)
})

test('test_targets_fast_forward_recovery: by another snapshot key, and another targets key', async () => {
  for (const rotated of [['snapshot'], ['snapshot', 'targets']]) {
    const { repo, refresh, refuses } = await withTeam()
    repo.roles['targets'].version = 98
    repo.publish(...REST)
    assert.equal((await refresh()).targets.version, 99)
    for (const role of rotated) repo.give(role, [`${role} 2`])
    repo.roles['targets'].version = 1
    repo.publish(...ALL)
    // The key that signed version 99 is still in force: who has the targets key is believed.
    if (rotated.length === 1) await refuses(/targets metadata: goes back: version 99 was seen before/)
    else assert.equal((await refresh()).targets.version, 2)
  }
})

test('test_new_snapshot_fast_forward_recovery: by other keys for snapshot and timestamp', async () => {
  const { repo, refresh } = await world()
  repo.roles['snapshot'].version = 98
  repo.publish('snapshot', 'timestamp')
  await refresh()
  for (const role of ['snapshot', 'timestamp']) repo.give(role, [`${role} 2`])
  repo.roles['snapshot'].version = 0
  repo.publish(...ALL)
  assert.equal((await refresh()).root.version, 2)
  assert.equal(repo.roles['snapshot'].version, 1)
})

test('test_new_timestamp_fast_forward_recovery: by another key for timestamp', async () => {
  const { repo, refresh } = await world()
  repo.roles['timestamp'].version = 98
  repo.publish('timestamp')
  await refresh()
  repo.give('timestamp', ['timestamp 2'])
  repo.roles['timestamp'].version = 0
  repo.publish('root', 'timestamp')
  assert.equal((await refresh()).root.version, 2)
})

test('test_targetfile_search: a team speaks for what its patterns match, with case and without slashes', async () => {
  const { repo, refresh } = await world()
  repo.team('gnome', ['dora'], ['teams/gnome/list.json', 'teams/gnome/*.pgp'])
  const found = ['teams/gnome/list.json', 'teams/gnome/a.pgp']
  const absent = ['teams/gnome/A.PGP', 'teams/gnome/deep/a.pgp', 'teams/gnome/a.zip', 'a.pgp']
  for (const path of [...found, ...absent]) repo.file(path, path, 'team-gnome')
  repo.publish('team-gnome', ...REST)
  const newest = await refresh()
  for (const path of found) assert.equal(String(await newest.target(path)), path)
  for (const path of absent) assert.equal(await newest.target(path), undefined, path)
})

test('attack: test_targetfile_search: patterns that mean more than one level are refused', async () => {
  for (const pattern of ['teams/gnome/foo-?.tgz', '*.doc', 'teams/kde/*', 'teams/gnome/[ab]']) {
    const { repo, refuses } = await world()
    repo.team('gnome', ['dora'], [pattern])
    repo.publish('team-gnome', ...REST)
    await refuses(/targets metadata: must be below teams\/gnome\//)
  }
})

test('test_delegation_not_in_snapshot: such a team has signed nothing yet', async () => {
  const { repo, refresh } = await world()
  repo.team('gnome', ['dora'])
  repo.publish('team-gnome', ...REST)
  delete repo.roles['snapshot'].meta['team-gnome.json']
  repo.publish('snapshot', 'timestamp')
  const { teams, lapsed } = await refresh()
  assert.deepEqual([teams.size, lapsed.get('team-gnome')], [0, 'has signed nothing yet'])
  assert.ok(!repo.requests.some(path => path.includes('team-gnome')))
})
