/** What lists, their teams and those whom they name may be called, and where a team has its part. */

/** What a list and a team may be called. */
export const LIST_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/

/** What a principal, a group and an entry of developers may be called. */
export const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/

/** The name of the role to which a team's names are delegated: `team-gnome`. */
export const TEAM_ROLE = /^team-[a-z0-9][a-z0-9-]{0,31}$/

/** The role of a team. */
export function roleOfTeam(team: string): string {
  return `team-${team}`
}

/** The team of such a role. */
export function teamOfRole(role: string): string {
  return role.slice('team-'.length)
}

/** Where a part lies from the directory of the list: `teams/gnome/`, and for the list itself nothing. */
export function partDirectory(team: string | undefined): string {
  return team === undefined ? '' : `teams/${team}/`
}

/** What a name of a list, or of a team's part of it, is for its subscriber: `debian/gnome.alice`. */
export function calledBy(list: string, team: string | undefined): (name: string) => string {
  return name => `${list}/${team === undefined ? '' : `${team}.`}${name}`
}
