/**
 * Repositories that python-tuf writes, right ones and attacks, as a Python program. It writes each state of each case
 * into `DIRECTORY/CASE/STATE` (argument 1: the directory), by their numbers, and prints what python-tuf's own client
 * made of them: by the case's name, the target that was asked for, and a verdict for each state.
 */
export const PYTHON_CASES = String.raw`
import copy, datetime, hashlib, json, os, sys, tempfile
from urllib.parse import urlparse, unquote
from securesystemslib._vendor.ed25519 import ed25519
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import SSlibKey, Signature, Signer
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets,
    Timestamp)
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

OUT = sys.argv[1]
TOP = ('root', 'targets', 'snapshot', 'timestamp')
REST = TOP[1:]

class Key(Signer):
    known = {}
    def __init__(self, name):
        self.seed = hashlib.sha256(name.encode()).digest()
        self.raw = ed25519.publickey_unsafe(self.seed)
        self.set_json({'keytype': 'ed25519', 'scheme': 'ed25519', 'keyval': {'public': self.raw.hex()}})
    def set_json(self, value, keyid=None):
        self.json = value
        self.id = keyid or hashlib.sha256(encode_canonical(value).encode()).hexdigest()
    @property
    def public_key(self):
        return SSlibKey.from_dict(self.id, copy.deepcopy(self.json))
    @classmethod
    def from_priv_key_uri(cls, *args):
        raise NotImplementedError
    def sign(self, payload):
        return Signature(self.id, ed25519.signature_unsafe(payload, self.seed, self.raw).hex())

def key(name):
    return Key.known.setdefault(name, Key(name))

def days(number):
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=number)

class Repo:
    def __init__(self):
        self.files = {}
        self.signers = {}
        self.hashes = False
        self.md = {
            'root': Metadata(Root(expires=days(300), consistent_snapshot=True)),
            'targets': Metadata(Targets(expires=days(300))),
            'snapshot': Metadata(Snapshot(expires=days(300))),
            'timestamp': Metadata(Timestamp(expires=days(30))),
        }
        for md in self.md.values():
            md.signed.version = 0
        for role in TOP:
            self.give(role, [key(role)])
        self.file('list.json', b'the list')
        self.publish(*TOP)
    def __getattr__(self, role):
        return self.md[role].signed
    def holder(self, role):
        return self.root if role in TOP else self.targets
    def give(self, role, keys, threshold=1):
        holder = self.holder(role)
        place = holder.roles[role] if role in TOP else holder.delegations.roles[role]
        for old in list(place.keyids):
            holder.revoke_key(old, role)
        for each in keys:
            holder.add_key(each.public_key, role)
        place.threshold = threshold
        self.signers[role] = keys
    def delegate(self, role, paths, keys):
        if self.targets.delegations is None:
            self.targets.delegations = Delegations({}, {})
        self.targets.delegations.roles[role] = DelegatedRole(role, [], 1, True, paths)
        self.md[role] = Metadata(Targets(expires=days(300)))
        self.md[role].signed.version = 0
        self.give(role, keys)
    def file(self, path, data, role='targets', hashes=('sha256',)):
        info = TargetFile.from_data(path, data, list(hashes))
        self.md[role].signed.targets[path] = info
        folder, _, name = path.rpartition('/')
        for value in info.hashes.values():
            self.files['targets/' + (folder + '/' if folder else '') + value + '.' + name] = data
    def path(self, role):
        return 'metadata/timestamp.json' if role == 'timestamp' else 'metadata/%d.%s.json' % (self.md[role].signed.version, role)
    def publish(self, *roles, also=()):
        for role in roles:
            md = self.md[role]
            md.signed.version += 1
            md.signatures.clear()
            for signer in [*also, *self.signers[role]]:
                md.sign(signer, append=True)
            data = md.to_bytes()
            self.files[self.path(role)] = data
            meta = MetaFile(md.signed.version)
            if self.hashes:
                meta = MetaFile.from_data(md.signed.version, data, ['sha256', 'sha512'])
            if role == 'snapshot':
                self.timestamp.snapshot_meta = meta
            elif role not in TOP or role == 'targets':
                self.snapshot.meta[role + '.json'] = meta
    def next_root(self, **also):
        self.publish('root', also=also.get('by', [key('root')]))
    def change(self, role, change, by=None):
        """Changes what is signed as JSON, and signs it."""
        data = json.loads(self.files[self.path(role)])
        change(data['signed'])
        text = encode_canonical(data['signed']).encode()
        if by is not None:
            data['signatures'] = [{'keyid': each.id, 'sig': each.sign(text).signature} for each in by]
        self.files[self.path(role)] = json.dumps(data).encode()
    def envelope(self, role, change):
        data = json.loads(self.files[self.path(role)])
        change(data)
        self.files[self.path(role)] = json.dumps(data).encode()

class Files(FetcherInterface):
    def __init__(self, files):
        self.files = files
    def _fetch(self, url):
        path = unquote(urlparse(url).path).lstrip('/')
        if path not in self.files:
            raise DownloadHTTPError(url, 404)
        return iter([self.files[path]])

def bump(*roles):
    return lambda repo: repo.publish(*roles)

def rollback(role):
    def attack(repo):
        repo.md[role].signed.version -= 2
        repo.publish(*REST[REST.index(role):])
    return attack

def expired(role):
    def attack(repo):
        repo.md[role].signed.expires = days(-1)
        repo.publish(*TOP)
    return attack

def old_file(role):
    def attack(repo):
        old = repo.files[repo.path(role)]
        repo.publish(*REST)
        repo.files[repo.path(role)] = old
    return attack

def rotated(repo):
    for role in TOP:
        repo.give(role, [key(role + ' 2')])
    repo.publish('root', also=[key('root')])
    repo.publish(*REST)

def forward(repo):
    repo.timestamp.version = 2 ** 40
    repo.publish('timestamp')

def recovered(repo):
    repo.give('timestamp', [key('timestamp 2')])
    repo.timestamp.version = 0
    repo.publish('root', 'timestamp')

def two_of_two(repo):
    repo.give('targets', [key('targets'), key('other')], 2)
    repo.publish(*TOP)

def one_of_two(repo):
    repo.signers['targets'] = [key('targets')]
    repo.publish(*REST)

def other_root(by, own):
    def attack(repo):
        repo.give('root', [key('root 2')])
        repo.signers['root'] = own
        repo.publish('root', also=by)
    return attack

def skipped_root(repo):
    rotated(repo)
    repo.publish('root')
    del repo.files['metadata/2.root.json']

def one_raw_key_twice(repo):
    twin = Key('targets')
    twin.set_json({**twin.json, 'note': 'x'})
    repo.give('targets', [key('targets'), twin], 2)
    repo.publish(*TOP)

def bytes_of_target(data):
    def attack(repo):
        repo.file('list.json', b'the new list')
        repo.publish(*REST)
        for path in repo.files:
            if path.startswith('targets/'):
                repo.files[path] = data
    return attack

def team(repo):
    repo.delegate('team-gnome', ['teams/gnome/*'], [key('dora')])
    repo.file('teams/gnome/list.json', b'of the team', 'team-gnome')
    repo.publish('team-gnome', *REST)

def beyond(repo):
    team(repo)
    repo.file('other.json', b'not of the team', 'team-gnome')
    repo.publish('team-gnome', 'snapshot', 'timestamp')

def unwritten(repo):
    repo.snapshot.meta.pop('team-gnome.json')
    repo.publish('snapshot', 'timestamp')

def foreign_team(name, paths):
    def attack(repo):
        repo.delegate(name, paths, [key('dora')])
        repo.publish(name, *REST)
    return attack

def silent_team(repo):
    foreign_team('team-gnome', ['teams/gnome/*'])(repo)
    unwritten(repo)

def with_key(value, keyid=None):
    def attack(repo):
        other = Key('strange')
        other.set_json({**other.json, **value}, keyid)
        root = repo.root
        root.keys[other.id] = other.public_key
        root.roles['timestamp'].keyids.append(other.id)
        repo.publish('root')
    return attack

def identity(repo):
    weak = Key('weak')
    weak.set_json({**weak.json, 'keyval': {'public': '01' + '00' * 31}})
    weak.sign = lambda payload: Signature(weak.id, '01' + '00' * 63)
    repo.give('timestamp', [weak])
    repo.publish('root', 'timestamp')

def extra_fields(repo):
    for role in TOP:
        repo.md[role].signed.unrecognized_fields['x-more'] = {'b': [1, None], 'a': 'é"\\'}
    repo.publish(*TOP)

def in_another_order(repo):
    repo.publish(*REST)
    for role in REST:
        data = json.loads(repo.files[repo.path(role)])
        turned = {name: data['signed'][name] for name in reversed(data['signed'])}
        repo.files[repo.path(role)] = json.dumps({'signed': turned, 'signatures': data['signatures']}, indent=3).encode()

def signed_as_it_is(repo):
    repo.publish('timestamp')
    def change(data):
        text = json.dumps(data['signed']).encode()
        data['signatures'] = [{'keyid': key('timestamp').id, 'sig': key('timestamp').sign(text).signature}]
    repo.envelope('timestamp', change)

def repeated(repo):
    repo.publish('timestamp')
    text = repo.files['metadata/timestamp.json'].decode()
    repo.files['metadata/timestamp.json'] = text.replace('"_type":', '"_type": "root", "_type":', 1).encode()

def not_consistent(repo):
    repo.root.consistent_snapshot = False
    repo.publish(*TOP)
    for role in ('snapshot', 'targets'):
        repo.files['metadata/%s.json' % role] = repo.files[repo.path(role)]
    repo.files['targets/list.json'] = b'the list'

def other_contents(repo):
    repo.timestamp.version -= 1
    repo.timestamp.expires = days(25)
    repo.publish('timestamp')

def twice_signed(repo):
    repo.publish('timestamp')
    repo.envelope('timestamp', lambda data: data['signatures'].append(data['signatures'][0]))

def empty_signature(repo):
    repo.publish('timestamp')
    repo.envelope('timestamp', lambda data: data['signatures'].append({'keyid': '0' * 64, 'sig': ''}))

def too_long(repo):
    repo.publish('timestamp')
    repo.files['metadata/timestamp.json'] += b' ' * 16384

def too_many_needed(repo):
    repo.give('targets', [key('targets')], 2)
    repo.publish(*TOP)

def later_spec(repo):
    repo.publish('timestamp')
    repo.change('timestamp', lambda signed: signed.update(spec_version='1.9.0'), [key('timestamp')])

def sha512(repo):
    repo.targets.targets.clear()
    repo.file('list.json', b'the list', hashes=('sha512',))
    repo.publish(*REST)

def with_hashes(repo):
    repo.hashes = True
    repo.publish(*REST)

def wrong_hash(repo):
    with_hashes(repo)
    repo.snapshot.meta['targets.json'].hashes['sha256'] = '0' * 64
    repo.publish('snapshot', 'timestamp')

nothing = lambda repo: None
# Name: the target that is asked for, and what happens after the first state.
CASES = {
    'good: nothing new': ('list.json', [nothing]),
    'good: every role anew, with hashes': ('list.json', [bump(*TOP), bump('timestamp'), with_hashes]),
    'good: every key rotated': ('list.json', [rotated, bump(*REST)]),
    'good: two of two': ('list.json', [two_of_two]),
    'good: a team': ('teams/gnome/list.json', [team, bump('team-gnome', 'snapshot', 'timestamp')]),
    'good: a team that has signed nothing': ('list.json', [silent_team]),
    'good: extra fields': ('list.json', [extra_fields]),
    'good: signed bytes that are not canonical in the file': ('list.json', [in_another_order]),
    'good: fast-forward and its recovery': ('list.json', [forward, recovered]),
    'attack: rollback of timestamp': ('list.json', [bump(*REST), rollback('timestamp')]),
    'attack: rollback of snapshot': ('list.json', [bump(*REST), rollback('snapshot')]),
    'attack: rollback of targets': ('list.json', [bump(*REST), rollback('targets')]),
    **{'attack: expired ' + role: ('list.json', [expired(role)]) for role in TOP},
    'attack: mix and match of snapshot': ('list.json', [old_file('snapshot')]),
    'attack: mix and match of targets': ('list.json', [old_file('targets')]),
    'attack: another hash than was named': ('list.json', [wrong_hash]),
    'attack: too few signatures': ('list.json', [two_of_two, one_of_two]),
    'attack: more signatures needed than keys': ('list.json', [too_many_needed]),
    'attack: one signature twice': ('list.json', [twice_signed]),
    'attack: one raw key under two key ids': ('list.json', [one_raw_key_twice]),
    'attack: a root version is missing': ('list.json', [skipped_root]),
    'attack: root not signed by the previous': ('list.json', [other_root([], [key('root 2')])]),
    'attack: root not signed by its own keys': ('list.json', [other_root([key('root')], [])]),
    'attack: arbitrary bytes of a target': ('list.json', [bytes_of_target(b'an evil one.')]),
    'attack: a target without end': ('list.json', [bytes_of_target(b'the new list' + b' ' * 100000)]),
    'attack: metadata without end': ('list.json', [too_long]),
    'attack: a team beyond its paths': ('other.json', [beyond]),
    'attack: a snapshot that forgets a team': ('list.json', [team, unwritten]),
    'attack: signed over other bytes than canonical ones': ('list.json', [signed_as_it_is]),
    'attack: a key id that is not the hash of its key': ('list.json', [with_key({}, 'a' * 64)]),
    'attack: a key of an unknown type': ('list.json', [with_key({'keytype': 'rot13', 'scheme': 'rot13'})]),
    'attack: a key with another field': ('list.json', [with_key({'x-more': 1})]),
    'attack: a key with which everybody can sign': ('list.json', [identity]),
    'attack: a repeated field': ('list.json', [repeated]),
    'attack: no consistent snapshots': ('list.json', [not_consistent]),
    'attack: two contents of one version': ('list.json', [other_contents]),
    'attack: a signature of another form': ('list.json', [empty_signature]),
    'attack: a later specification': ('list.json', [later_spec]),
    'attack: a target without SHA-256': ('list.json', [sha512]),
    'attack: a role that is not a team': ('list.json', [foreign_team('developers', ['teams/gnome/*'])]),
    'attack: a team that speaks for all': ('list.json', [foreign_team('team-gnome', ['*'])]),
}

def verdict(files, state, target):
    fetcher = Files(files)
    url = 'http://repository/'
    first = None if os.path.exists(state + '/metadata') else files['metadata/1.root.json']
    for folder in ('metadata', 'targets'):
        os.makedirs(state + '/' + folder, exist_ok=True)
    try:
        updater = Updater(state + '/metadata', url + 'metadata/', state + '/targets', url + 'targets/', fetcher=fetcher,
            bootstrap=first)
        updater.refresh()
        info = updater.get_targetinfo(target)
        if info is None:
            return 'no target'
        # Nothing is taken from a cache.
        with tempfile.TemporaryDirectory() as empty:
            updater.download_target(info, empty + '/target')
        return 'accepted'
    except Exception as error:
        return '%s: %s' % (type(error).__name__, error)

answers = {}
for number, (name, (target, steps)) in enumerate(CASES.items()):
    repo = Repo()
    state = tempfile.mkdtemp()
    verdicts = []
    for stage, step in enumerate([nothing, *steps]):
        step(repo)
        for path, data in repo.files.items():
            place = '%s/%d/%d/%s' % (OUT, number, stage, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, 'wb') as file:
                file.write(data)
        verdicts.append(verdict(repo.files, state, target if stage > 0 else 'list.json'))
    answers[name] = {'target': target, 'verdicts': verdicts}
print(json.dumps(answers))
`
