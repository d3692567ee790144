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

/** The first line of each file that nixsig writes. */
export const HEADER = 'Written by "nixsig setup", taken away by "nixsig unsetup".'

/** The unit's name. */
export const UNIT = 'nixsig.service'
