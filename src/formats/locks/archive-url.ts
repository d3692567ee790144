/** The archives that forges make of commits, by their URLs. */
import { canonicalUrl, forgeUrl } from './input-url.ts'
import type { GitPin, OtherPin } from './locked-input.ts'

const ENDING = String.raw`\.(?:tar\.gz|tgz|tar\.bz2|zip)`
const ID = '([0-9a-f]{40}|[0-9a-f]{64})'
const REV = String.raw`(?:\?rev=\4)?`

/** Host, owner, repository and commit; `rev` repeats the commit, where Forgejo writes it. */
const FORMS: readonly RegExp[] = [
  new RegExp(String.raw`^https://(github\.com)/([^/?#]+)/([^/?#]+)/archive/${ID}${ENDING}$`),
  new RegExp(String.raw`^https://(codeberg\.org)/([^/?#]+)/([^/?#]+)/archive/${ID}${ENDING}${REV}$`),
  new RegExp(String.raw`^https://([\w.-]+)/api/v1/repos/([^/?#]+)/([^/?#]+)/archive/${ID}${ENDING}${REV}$`),
  new RegExp(String.raw`^https://(gitlab\.com)/([^?#]+)/([^/?#]+)/-/archive/${ID}/[^/?#]+${ENDING}$`),
  new RegExp(
    String.raw`^https://(gitlab\.com)/api/v4/projects/([^/?#]+)%2[Ff]([^/?#%]+)/repository/archive${ENDING}\?sha=${ID}$`,
  ),
  new RegExp(String.raw`^https://(git\.sr\.ht)/(~[^/?#]+)/([^/?#]+)/archive/${ID}${ENDING}$`),
]

/**
 * What an archive is pinned to: a commit if its URL is one under which a forge offers archives of
 * whole commits, else what a server has there. Throws FormatError.
 */
export function archivePin(url: string, narHash: string | undefined): GitPin | OtherPin {
  const hashed = narHash === undefined ? {} : { narHash }
  // To Nix, `dir` says where the flake is in what the archive has.
  const archive = url.replace(/\?dir=[^&#]*$/, '').replace(/([?&])dir=[^&#]*&/, '$1')
  for (const form of FORMS) {
    const [, host = '', owner = '', repo = '', commit] = form.exec(archive) ?? []
    if (commit === undefined) continue
    const repository = forgeUrl(host, owner.replace(/%2f/gi, '/'), repo)
    const from = {
      url: repository,
      from: repository,
      form: 'tarball',
      submodules: false,
      lfs: false,
    } as const
    return { kind: 'git', ...from, commit, ...hashed }
  }
  return { kind: 'tarball', url: canonicalUrl(url, 'file'), ...hashed }
}
