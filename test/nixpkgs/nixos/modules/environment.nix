# /etc, and the programs that are on everybody's PATH.
{ lib, pkgs, ... }:

{
  options.environment = {
    etc = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.submodule (
          { name, config, ... }:
          {
            options = {
              text = lib.mkOption {
                type = lib.types.nullOr lib.types.lines;
                default = null;
                description = "What the file says.";
              };
              source = lib.mkOption {
                type = lib.types.path;
                description = "Or the file itself.";
              };
            };
            config.source = lib.mkIf (config.text != null) (
              lib.mkDefault (pkgs.writeText (lib.replaceStrings [ "/" ] [ "-" ] name) config.text)
            );
          }
        )
      );
      default = { };
      description = "Files under /etc.";
    };

    systemPackages = lib.mkOption {
      type = lib.types.listOf lib.types.package;
      default = [ ];
      description = "Packages whose programs are in /run/current-system/sw/bin.";
    };
  };
}
