# Which parts of nixsig stand before Nix, and where its files lie on a machine.
{ config, lib }:

let
  cfg = config.security.nixsig;
  isIn = part: !lib.elem part cfg.without;
in
{
  inherit isIn;

  # The gate that Nix asks is this machine's own, or one of the fleet's, or none.
  hasOwnGate = isIn "gate" && cfg.gate.fleet == null;
  hasFleet = isIn "gate" && cfg.gate.fleet != null;

  # What the daemon is told besides nix.conf.
  daemonConfig = "build-hook = ${cfg.package}/libexec/nixsig/build-hook";

  # What nix.conf includes: the line by which Nix trusts the own gate's key.
  keyConf = "/var/lib/nixsig/nix.conf";

  # Where evidence is looked for unless somebody says otherwise.
  evidence = "/etc/nixsig/attestations";
}
