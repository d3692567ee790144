# /etc, the programs that are on everybody's PATH, and what has to hold before a system is built.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  option = type: default: lib.mkOption { inherit type default; };

  file =
    { name, config, ... }:
    {
      options.text = option (lib.types.nullOr lib.types.lines) null;
      options.source = lib.mkOption { type = lib.types.path; };
      config.source = lib.mkIf (config.text != null) (
        lib.mkDefault (pkgs.writeText (lib.replaceStrings [ "/" ] [ "-" ] name) config.text)
      );
    };
in
{
  options.environment.etc = option (lib.types.attrsOf (lib.types.submodule file)) { };
  options.environment.variables = option (lib.types.attrsOf lib.types.str) { };
  options.environment.sessionVariables = option (lib.types.attrsOf lib.types.str) { };
  options.environment.systemPackages = option (lib.types.listOf lib.types.package) [ ];

  options.networking.firewall.allowedTCPPorts = option (lib.types.listOf lib.types.int) [ ];

  options.networking.proxy =
    let
      address = option (lib.types.nullOr lib.types.str);
      usual = config.networking.proxy.default;
    in
    {
      default = address null;
      httpProxy = address usual;
      httpsProxy = address usual;
      allProxy = address usual;
      noProxy = address null;
    };

  options.assertions = option (lib.types.listOf lib.types.unspecified) [ ];
  options.warnings = option (lib.types.listOf lib.types.str) [ ];
}
