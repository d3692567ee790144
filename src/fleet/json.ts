/** Prints what the audits of a fleet say as JSON: docs/schemas/fleet-report.schema.json. */
import { jsonLine } from '../explain/verdict-json.ts'
import { inSnakeCase } from '../formats/json/snake-case.ts'
import type { Fleet } from './fleet.ts'

/** One line of printable ASCII, without its end. Fields have the names of Fleet in snake_case. */
export function fleetJson(fleet: Fleet): string {
  return jsonLine({ format: 'nixsig-fleet-1', ...(inSnakeCase(fleet) as object) })
}
