# Configuration that Nix reads after nix.conf: for all, and for those who log in, root among them.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  conf = import ./conf-text.nix { inherit lib; };
  limits = import ./limits.nix { inherit config lib options; };
  textOf = import ./etc-text.nix { inherit config; };
  inherit (import ./parts.nix { inherit config lib; }) leave;

  # What a text sets past nixsig: names of settings, and files whose contents nobody sees here.
  holes =
    text:
    let
      lines = conf.read text;
      isHole =
        name:
        let
          value = conf.valueOf lines name;
        in
        value.isSet && limits.${name}.reject true value != null;
    in
    lib.filter isHole (builtins.attrNames limits) ++ conf.includesIn lines;

  session = (config.environment.variables or { }) // (config.environment.sessionVariables or { });
  inSession =
    lib.optional (session ? NIX_CONF_DIR) "NIX_CONF_DIR" ++ holes (toString (session.NIX_CONFIG or ""));

  shared = textOf "xdg/nix/nix.conf";
  inShared = if shared == null then [ "what cannot be read before the system is built" ] else holes shared;
in
{
  config.assertions = lib.mkIf cfg.enable [
    {
      assertion = inSession == [ ];
      message = ''
        environment.variables (NIX_CONFIG, NIX_CONF_DIR) sets ${lib.concatStringsSep ", " inSession}, so that root's own commands would not heed nix.conf.
        Either take it out there, or ${leave}.
      '';
    }
    {
      assertion = inShared == [ ];
      message = ''
        environment.etc."xdg/nix/nix.conf" sets ${lib.concatStringsSep ", " inShared}, and Nix reads it after nix.conf.
        Either set the same in nix.settings, or ${leave}.
      '';
    }
  ];
}
