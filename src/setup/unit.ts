import type { Listen } from '../policy/gate-settings.ts'
import type { Installation } from './installation.ts'

/**
 * The gate as a systemd service: systemd.service(5). It starts before Nix asks for anything and is
 * restarted however often it ends: systemd's default limit, five times in ten seconds, would leave
 * it down for good.
 */
export function unitText({ program }: Pick<Installation, 'program'>): string {
  return `# ${HEADER}
[Unit]
Description=Trust gate for Nix
Requires=nixsig.socket
After=nixsig.socket
Before=nix-daemon.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart=${program} serve --log-format json
ExecReload=${program} reload
WatchdogSec=60
Restart=always
RestartSec=1
LimitNOFILE=16384

[Install]
WantedBy=multi-user.target
`
}

/**
 * The socket at which Nix asks the gate: systemd.socket(5). systemd holds it while the gate
 * restarts, so that Nix waits and no other program can take the address, and does not give it up
 * however often a gate ends. The address may come later than the socket, as by DHCP.
 */
export function socketText(listen: Listen): string {
  return `# ${HEADER}
[Unit]
Description=Trust gate for Nix: what Nix asks

[Socket]
ListenStream=${addressText(listen)}
FreeBind=true
TriggerLimitIntervalSec=0
FileDescriptorName=http
Service=nixsig.service

[Install]
WantedBy=sockets.target
`
}

/** For example `127.0.0.1:4649` or `[::1]:4649`. */
export function addressText({ host, port }: Listen): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The first line of each file that nixsig writes. */
export const HEADER = 'Written by "nixsig setup", taken away by "nixsig unsetup".'

/** The units' names. */
export const UNIT = 'nixsig.service'
export const SOCKET_UNIT = 'nixsig.socket'
