# policy.toml, generated from the options and checked when the system is built, so that an invalid
# policy never reaches a machine.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:

let
  cfg = config.security.nixsig;
  toml = pkgs.formats.toml { };

  lists = map (import ./trusted-list.nix { inherit lib; }) cfg.trustedLists ++ [
    {
      principals = lib.getAttrs cfg.presets (import ./presets.nix);
      groups = { };
      revocations = [ ];
    }
  ];

  # Options that are not set are not written.
  written =
    value:
    if builtins.isAttrs value && !lib.isDerivation value then
      lib.filterAttrs (_: field: field != null && field != { }) (lib.mapAttrs (_: written) value)
    else if builtins.isList value then
      map written value
    else
      value;

  inherit (import ./field-names.nix { inherit lib; }) toFields;

  # A key or address without further fields is written as a plain string.
  plain = name: set: if builtins.attrNames set == [ name ] then set.${name} else toFields set;

  fileKeys = principal: map (file: { key = import ./key-text.nix (builtins.readFile file); }) principal.keyFiles;

  principals = lib.mapAttrs (_: principal: {
    keys = map (plain "key") (written principal.keys ++ fileKeys principal);
  }) cfg.principals;
  keyless = lib.attrNames (lib.filterAttrs (_: { keys, ... }: keys == [ ]) principals);

  decisions = toFields (written cfg.decisions);

  http = toFields (
    written (
      cfg.http
      // {
        certificates = if cfg.http.certificates == null then null else "${cfg.http.certificates}";
        noProxy = if cfg.http.proxy == null || cfg.http.noProxy == [ ] then null else cfg.http.noProxy;
      }
    )
  );

  policy = {
    version = 1;
    inherit (cfg) mode;
    attestations = {
      directories = map (directory: "${directory}") cfg.attestations.directories;
      sources = map (plain "url") (written cfg.attestations.sources);
    };
    gate = toFields (
      written (
        removeAttrs cfg.gate [
          "fleet"
          "keyFile"
          "openFirewall"
          "upstreams"
        ]
      )
    )
    // {
      upstreams = map (plain "url") (written cfg.gate.upstreams);
    };
    inherit (cfg) store;
    principals = lib.foldl' (all: list: list.principals // all) principals lists;
    groups = lib.foldl' (all: list: list.groups // all) cfg.groups lists;
    inputs = map toFields (written cfg.inputs);
    rules = map toFields (written cfg.rules);
    default = toFields (written cfg.default);
    revocations = written cfg.revocations ++ lib.concatMap (list: list.revocations) lists;
    exemptions = written cfg.exemptions;
  }
  // lib.optionalAttrs (cfg.acceptTrustedUsers != [ ]) {
    nix.accept-trusted-users = cfg.acceptTrustedUsers;
  }
  // lib.optionalAttrs (cfg.lists != { }) {
    lists = lib.mapAttrs (_: toFields) (written cfg.lists);
  }
  // lib.optionalAttrs (cfg.developers != { }) {
    developers = lib.mapAttrs (_: toFields) (written cfg.developers);
  }
  // lib.optionalAttrs (decisions != { }) { inherit decisions; }
  // lib.optionalAttrs (cfg.quorums != { }) {
    quorums = lib.mapAttrs (_: { policy }: { policy = "${policy}"; }) cfg.quorums;
  }
  // lib.optionalAttrs (http != { }) { inherit http; }
  // lib.optionalAttrs (cfg.approvals.by != null) { inherit (cfg) approvals; };

  unchecked = toml.generate "policy.toml" (lib.recursiveUpdate policy cfg.settings);

  clashes =
    import ./settings-clash.nix { inherit lib options; } cfg.settings
    ++ lib.optional (cfg.settings ? version) {
      field = "version";
      option = "nixsig itself";
    };

  # Whether some source may pass, by whoever vouches for it.
  takesSources = lib.any (
    { require, ... }:
    !lib.elem (require.source or null) [
      null
      "refuse"
    ]
  ) (cfg.rules ++ [ cfg.default ]);

  asksForDevelopers = lib.any (
    { require, ... }:
    let
      inherit (require) source;
    in
    (require ? source)
    && builtins.isAttrs source
    && lib.any (who: lib.elem "its-developers" (lib.toList who)) (lib.attrValues source)
  ) (cfg.rules ++ [ cfg.default ]);

  asksForApproval =
    lib.any ({ require, ... }: lib.elem "approved" (lib.attrValues require)) (cfg.rules ++ [ cfg.default ]);

  # The names in a list of sets, each as often as it occurs.
  namesIn = lib.concatMap (set: builtins.attrNames set.principals ++ builtins.attrNames set.groups);
  names = namesIn ([ cfg ] ++ lists);
  repeated = lib.filter (name: lib.length (lib.filter (other: other == name) names) > 1) (lib.unique names);
in
{
  config = lib.mkIf cfg.enable {
    security.nixsig.policyFile = pkgs.runCommand "policy.toml" { } ''
      ${cfg.package}/bin/nixsig policy check ${unchecked}
      cp ${unchecked} $out
    '';

    environment.etc."nixsig/policy.toml".source = cfg.policyFile;

    assertions = [
      {
        assertion = repeated == [ ];
        message = ''
          security.nixsig: ${lib.concatStringsSep ", " repeated} comes from more than one place among principals, groups and trusted lists, and which one is meant is not for nixsig to guess.
          Either give yours another name, or take the list that has it out of security.nixsig.trustedLists.
        '';
      }
      {
        assertion = !asksForApproval || cfg.approvals.by != null;
        message = ''
          security.nixsig requires "approved" for something, and security.nixsig.approvals.by does not say who approves.
          Either name who (security.nixsig.approvals.by = "self" is what root approves on this machine), or require something else there.
        '';
      }
      {
        assertion =
          !asksForDevelopers
          || cfg.lists != { }
          || cfg.developers != { }
          || cfg.settings ? lists
          || cfg.settings ? developers;
        message = ''
          security.nixsig requires its developers of some sources ("its-developers"), and nothing says who they are.
          Either subscribe to a list that names them (security.nixsig.lists), or say so yourself (security.nixsig.developers).
        '';
      }
      {
        assertion = cfg.mode == "warn" || policy.principals != { } || takesSources;
        message = ''
          security.nixsig.mode is "enforce", every source is refused, and nobody is trusted: next to nothing could be built, this system included.
          Either list whom you trust in security.nixsig.principals (on a machine that builds everything itself, security.nixsig.default.require.source = "nothing"), or begin with security.nixsig.mode = "warn".
        '';
      }
      {
        assertion = clashes == [ ];
        message = ''
          security.nixsig.settings has ${
            lib.concatMapStringsSep ", " ({ field, option }: "${field}, which ${option} sets") clashes
          }: one of the two would be lost.
          Either set the option, or take the field out of security.nixsig.settings.
        '';
      }
      {
        assertion = keyless == [ ];
        message = ''
          security.nixsig.principals.${lib.concatStringsSep ", " keyless} has no key, so nobody could sign in that name.
          Either give it keys or keyFiles, or take it out of security.nixsig.principals.
        '';
      }
    ];
  };
}
