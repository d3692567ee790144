# A system of which anything is not trusted is not switched to.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:

let
  cfg = config.security.nixsig;
  inherit (import ./parts.nix { inherit config lib; }) evidence;
in
{
  # NixOS before 25.05 has no such checks.
  config = lib.optionalAttrs (options.system ? preSwitchChecks) (lib.mkIf (cfg.enable && cfg.preSwitchCheck) {
    # By the policy in force, which whoever made the other system may not have met; and by that
    # system's own, under which it would have to live.
    system.preSwitchChecks.nixsig = ''
      incoming="''${1-}"
      ${lib.optionalString (lib.elem evidence cfg.attestations.directories) ''
        # At the first time nobody has made it yet.
        ${pkgs.coreutils}/bin/mkdir -p ${evidence}
      ''}
      for policy in /etc/nixsig/policy.toml ${cfg.policyFile}; do
        if [ ! -e "$policy" ]; then
          continue
        fi
        status=0
        said=$(${cfg.package}/bin/nixsig verify --recursive --quiet --by-mode --policy "$policy" "$incoming" 2>&1) || status=$?
        count=0
        while IFS= read -r line; do
          case "$line" in refused*) count=$((count + 1)) ;; esac
          if [ -n "$line" ] && [ "$count" -le 10 ]; then echo "$line" >&2; fi
        done <<<"$said"
        if [ "$count" -gt 10 ]; then
          echo "nixsig: $count paths in all: nixsig verify --recursive --quiet --policy $policy $incoming" >&2
        fi
        if [ "$status" != 0 ]; then
          echo "nixsig: not switching to $incoming, because of the above, by $policy." >&2
          echo "nixsig: ways out: attest what is missing, or exempt it (security.nixsig.exemptions); in an emergency, nixsig warn --until 1h" >&2
          exit 1
        fi
      done
    '';
  });
}
