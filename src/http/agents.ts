/** The connections of the HTTP client, which are reused. */
import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'

/**
 * The system's trusted certificates, on NixOS and Debian, and on Fedora. Otherwise Node's own are
 * used.
 */
const CERTIFICATES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt']

/** Connections to one server at the same time, and those for long requests besides. */
const CONNECTIONS = 32
const LONG_CONNECTIONS = 512

/** For requests without and with TLS. */
export interface Agents {
  readonly plain: http.Agent
  secure(): https.Agent
}

/** Connections are reused, and an idle one does not keep the program from ending. */
function openAgents(maxSockets: number): Agents {
  let agentForTls: https.Agent | undefined
  return {
    plain: new http.Agent({ keepAlive: true, maxSockets }),
    /** Sets explicitly what the environment could change otherwise. */
    secure() {
      const file = CERTIFICATES.find(existsSync)
      agentForTls ??= new https.Agent({
        keepAlive: true,
        maxSockets,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        ...(file === undefined ? {} : { ca: readFileSync(file) }),
      })
      return agentForTls
    },
  }
}

const agents = openAgents(CONNECTIONS)
const agentsForLong = openAgents(LONG_CONNECTIONS)

/** The agents for a request. A long one must not keep others from a connection. */
export function agentsFor({ isLong = false }: { readonly isLong?: boolean }): Agents {
  return isLong ? agentsForLong : agents
}
