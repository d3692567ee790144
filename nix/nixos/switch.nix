# Refuses to switch to a system with untrusted paths.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  nix-store = "${config.nix.package}/bin/nix-store";

  # An output may be trusted without its derivation, and only of a derivation is it known who
  # approved it. The policy in force was asked before the system was built; the new one may have
  # other approvers.
  ofDerivation = ''
    if [ "$policy" = ${cfg.policyFile} ]; then
      deriver=$(${nix-store} --query --deriver "$incoming")
      if ${nix-store} --check-validity "$deriver" 2>/dev/null; then
        approval=$(judge "$deriver") || status=$?
        said="$said"$'\n'"$approval"
      else
        echo "nixsig: the derivation of $incoming is not in this store, so nobody knows who approved it; next: build it here, or copy its derivation (nix copy --derivation)." >&2
        ${lib.optionalString (cfg.mode == "enforce") "status=1"}
      fi
    fi
  '';
in
{
  # NixOS before 25.05 has no such checks.
  config = lib.optionalAttrs (options.system ? preSwitchChecks) (lib.mkIf (cfg.enable && cfg.preSwitchCheck) {
    # Checked against the current policy, which the author of the other system may not have
    # satisfied, and against that system's own policy, under which it would have to work.
    system.preSwitchChecks.nixsig = ''
      incoming="''${1-}"
      # For a dry run nothing is refused; every other action, also one that is not known yet, has to
      # pass.
      case "''${2-}" in
        dry-activate) refusal=0 ;;
        *) refusal=1 ;;
      esac
      judge() {
        ${cfg.package}/bin/nixsig verify --read-only --quiet --by-mode --policy "$policy" "$@" 2>&1
      }
      for policy in /etc/nixsig/policy.toml ${cfg.policyFile}; do
        if [ ! -e "$policy" ]; then
          continue
        fi
        status=0
        said=$(judge --recursive "$incoming") || status=$?
        ${lib.optionalString cfg.expressions.enable ofDerivation}
        count=0
        while IFS= read -r line; do
          case "$line" in refused*) count=$((count + 1)) ;; esac
          if [ -n "$line" ] && [ "$count" -le 10 ]; then echo "$line" >&2; fi
        done <<<"$said"
        if [ "$count" -gt 10 ]; then
          echo "nixsig: $count paths in all: nixsig verify --recursive --quiet --policy $policy $incoming" >&2
        fi
        if [ "$status" != 0 ]; then
          if [ "$refusal" = 0 ]; then
            echo "nixsig: a switch to $incoming would be refused, because of the above, by $policy." >&2
            continue
          fi
          echo "nixsig: not switching to $incoming, because of the above, by $policy." >&2
          if [ -e /etc/nixsig/policy.toml ]; then
            echo "nixsig: ways out: attest what is missing, or exempt it (security.nixsig.exemptions); in an emergency, nixsig warn --until 1h" >&2
          else
            echo "nixsig: nothing on this machine was judged before, so nobody vouches for what it built; ways out: switch with security.nixsig.mode = \"warn\" first, exempt what is named above (security.nixsig.exemptions), or skip this check once (NIXOS_NO_CHECK=1)" >&2
          fi
          exit 1
        fi
      done
    '';
  });
}
