# Which parts of nixsig are enabled, and where its files are on a machine.
{ config, lib }:

let
  cfg = config.security.nixsig;
  isIn = part: !lib.elem part cfg.without;
in
{
  inherit isIn;

  # Nix asks this machine's own gate, the fleet's gate, or none.
  hasOwnGate = isIn "gate" && cfg.gate.fleet == null;
  hasFleet = isIn "gate" && cfg.gate.fleet != null;

  # Settings of the daemon besides nix.conf.
  daemonConfig = "build-hook = ${cfg.package}/libexec/nixsig/build-hook";

  # A file that nix.conf includes: it makes Nix trust the own gate's key.
  keyConf = "/var/lib/nixsig/nix.conf";

  # The last of the ways out of a contradiction.
  leave = "disable nixsig (security.nixsig.enable = false)";

  # Where evidence is looked for by default. Nothing under /etc has to last.
  evidence = "/var/lib/nixsig/evidence";
}
