# What the rest of the system says of binary caches in nix.settings, as a policy: which caches, whose
# keys, and what runs after a build.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  carried = import ./carried.nix { inherit lib options; };
  inherit (import ./parts.nix { inherit config lib; }) leave;
  proxies = import ./proxies.nix { inherit config lib; };
in
{
  options.security.nixsig.carryOver = lib.mkOption {
    type = lib.types.bool;
    default = false;
    example = true;
    description = ''
      Make a policy of what `nix.settings` says of binary caches, so that it begins with what the
      machine trusted until today: `substituters` become upstreams of the gate, `trusted-public-keys`
      principals in a group `caches`, and outputs may be made by this machine or one of these
      (a group `makers`), with or without their derivations, as it was for Nix. Without it such
      settings are contradictions, unless they are those of NixOS itself. What a policy cannot say is
      an error. `nix.settings.post-build-hook` is carried over in any case.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.carryOver) {
    security.nixsig = {
      gate.upstreams = carried.upstreams;
      principals = carried.principals;
      groups = lib.mkIf (carried.principals != { }) {
        caches = {
          members = builtins.attrNames carried.principals;
          threshold = 1;
        };
        makers = {
          members = [
            "self"
            "caches"
          ];
          threshold = 1;
        };
      };
      default = lib.mkIf (carried.principals != { }) {
        require.output = lib.mkDefault "makers";
        # Caches bring outputs without their derivations; for Nix a signature was enough.
        acceptUnknownDerivation = lib.mkDefault true;
      };
    };

    assertions = map (word: {
      assertion = false;
      message = ''
        nix.settings names the cache ${word}, which security.nixsig.carryOver cannot make an upstream of: an address there has no user or password, and is one of those that security.nixsig.gate.upstreams takes.
        Either list it in security.nixsig.gate.upstreams yourself, with the password in a file (authorization) or a netrc (gate.netrcFile), and take it out of nix.settings, or ${leave}.
      '';
    }) carried.impossible;

    warnings = lib.optional (proxies.unusable != null) ''
      networking.proxy names a proxy that nixsig cannot use: it takes one that is asked over http://, without a user in its address.
      Either set security.nixsig.http.proxy (and http.proxyAuthorization), or let nixsig reach caches without it.
    '';
  };
}
