# Other settings that would bypass nixsig: judged by the nix.conf that comes out, and by what others
# ask for and nixsig replaces. Nothing is overridden silently: the system is not built, and the
# message names the files and two ways out.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  others = import ./others.nix { inherit lib options; };
  conf = import ./conf-text.nix { inherit lib; };
  limits = import ./limits.nix { inherit config lib options; };
  ours = import ./settings.nix { inherit config lib options; };
  inherit (import ./parts.nix { inherit config lib; }) hasOwnGate isIn keyConf leave;
  inherit (import ./last-lines.nix) marker;

  # The text that comes out; null if it cannot be read before the system is built.
  text = import ./etc-text.nix { inherit config; } "nix/nix.conf";

  final = conf.read (if text == null then "" else text);
  wanted = others.confsOf (others.settingsOver (ours // { accept-flake-config = false; }));

  # Settings that were lost altogether are reported together. Without them, there may not even be a
  # text.
  missing = lib.filter (name: !(config.nix.settings ? ${name})) (builtins.attrNames ours);
  lost =
    if missing != [ ] then
      missing
    else
      lib.filter (name: !(conf.valueOf final name).isSet) (builtins.attrNames ours);

  limit =
    setting:
    {
      reject,
      why,
      verb ? "is set to",
      either ? "take nix.settings.${setting} out there",
      otherwise ? leave,
    }:
    let
      wrong =
        lib.filter (words: words != null) (
          map (lines: reject false (conf.valueOf lines setting)) wanted
          ++ lib.optional (!lib.elem setting lost) (reject true (conf.valueOf final setting))
        );
      words = lib.unique (lib.concatLists wrong);
      files = others.filesFor setting words;
    in
    {
      assertion = wrong == [ ];
      message = ''
        nix.settings.${setting} ${verb} ${
          if words == [ ] then "nothing" else lib.concatStringsSep " " words
        } in ${if files == [ ] then "nix.conf" else lib.concatStringsSep ", " files}: ${why}.
        Either ${either}, or ${otherwise}.
      '';
    };

  # What follows nixsig's last lines, except the file with its own key.
  parts = lib.splitString marker (if text == null then "" else text);
  late = lib.subtractLists [ keyConf ] (
    conf.includesIn (
      if lib.length parts == 1 then final else lib.concatMap conf.read (lib.tail parts)
    )
  );
  confFiles = lib.unique (
    map ({ file, ... }: toString file) (
      lib.filter ({ value, ... }: value == config.environment.etc."nix/nix.conf".source) (
        others.below [
          "nix/nix.conf"
          "source"
        ] (others.definitions options.environment.etc)
      )
    )
  );
  textFiles = lib.concatStringsSep ", " (others.filesOf options.nix.extraOptions);
in
{
  config.assertions = lib.mkIf (cfg.enable && config.nix.enable) (
    [
      {
        assertion = missing != [ ] || text == null || lost == [ ];
        message = ''
          environment.etc."nix/nix.conf" lacks what nixsig sets in nix.settings: ${lib.concatStringsSep ", " lost}.
          Either leave that file to nix.settings and nix.extraOptions, or ${leave}.
        '';
      }
      {
        assertion = missing == [ ];
        message = ''
          nix.settings lost what nixsig sets there: ${lib.concatStringsSep ", " missing}. Some module forces all of nix.settings (lib.mkForce): ${lib.concatStringsSep ", " (others.filesOf options.nix.settings)}.
          Either have it force single settings, or ${leave}.
        '';
      }
    ]
    ++ lib.optionals (missing == [ ]) (lib.mapAttrsToList limit limits ++ [
      {
        assertion = text != null;
        message = ''
          environment.etc."nix/nix.conf" is a file that cannot be read before the system is built (${
            lib.concatStringsSep ", " confFiles
          }), so nobody knows what is in force.
          Either leave that file to nix.settings and nix.extraOptions, or ${leave}.
        '';
      }
      {
        assertion = late == [ ];
        message = ''
          nix.extraOptions includes ${lib.concatStringsSep ", " late} after nixsig's lines (${textFiles}), and what is in there could disable nixsig.
          Either include it earlier (without lib.mkForce, and not with an order of 1000000 or more), or ${leave}.
        '';
      }
      {
        assertion = text == null || !hasOwnGate || lib.elem keyConf (conf.includesIn final);
        message = ''
          nix.extraOptions lost the line "!include ${keyConf}", with which Nix trusts what the gate lets in: it is forced in ${textFiles}.
          Either define it there without lib.mkForce, or leave the gate out (security.nixsig.without = [ "gate" ]).
        '';
      }
    ])
  );
}
