# What could make nix-daemon heed something else than nix.conf: variables, by whatever option they
# come, and arguments. Judged by the text of its unit.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.security.nixsig;
  others = import ./others.nix { inherit lib options; };
  unit = import ./unit-text.nix { inherit lib; };
  textOf = import ./etc-text.nix { inherit config; };
  inherit (import ./parts.nix { inherit config lib; }) daemonConfig isIn leave;

  # They say where Nix's configuration and its store are, or are configuration themselves.
  variables = [
    "NIX_CONFIG"
    "NIX_CONF_DIR"
    "NIX_USER_CONF_FILES"
    "NIX_CONFIG_HOME"
    "NIX_REMOTE"
    "NIX_STORE_DIR"
    "NIX_STATE_DIR"
    "XDG_CONFIG_DIRS"
    "XDG_CONFIG_HOME"
  ];

  # The unit names nix.conf, which may not come out at all where nixsig's settings were lost.
  # contradictions.nix reports that.
  ours = import ./settings.nix { inherit config lib options; };
  isWhole = lib.all (name: config.nix.settings ? ${name}) (builtins.attrNames ours);

  # The unit, and the files that add to it.
  isDropIn = lib.hasPrefix "nix-daemon.service.d/";
  texts =
    lib.mapAttrsToList (name: { text, ... }: text) (
      lib.filterAttrs (name: _: name == "nix-daemon.service" || isDropIn name) config.systemd.units
    )
    ++ map textOf (
      lib.filter (name: isDropIn (lib.removePrefix "systemd/system/" name)) (
        builtins.attrNames config.environment.etc
      )
    );
  lines = lib.concatMap (text: unit.assignments (if text == null then "" else text)) texts;
  valuesOf = key: map ({ value, ... }: value) (lib.filter (line: line.key == key) lines);

  manager = textOf "systemd/system.conf";
  defaults = map ({ value, ... }: value) (
    lib.filter (line: line.key == "DefaultEnvironment") (
      unit.assignments (if manager == null then "" else manager)
    )
  );

  own = [
    (builtins.toJSON "NIX_CONFIG=${daemonConfig}")
    "NIX_CONFIG=${daemonConfig}"
  ];
  environment = valuesOf "Environment" ++ defaults;
  foreign = if isIn "build-hook" then lib.subtractLists own environment else environment;

  set = lib.unique (
    lib.filter (name: lib.any (unit.setsVariable name) foreign) variables
    ++ lib.intersectLists variables (lib.concatMap unit.words (valuesOf "PassEnvironment"))
    ++ lib.optional (
      isIn "build-hook"
      && (
        lib.intersectLists own environment == [ ]
        || lib.elem "NIX_CONFIG" (lib.concatMap unit.words (valuesOf "UnsetEnvironment"))
      )
    ) "NIX_CONFIG"
  );

  files = lib.filter (file: file != "") (valuesOf "EnvironmentFile");
  arguments = lib.filter (word: lib.hasPrefix "--" word && word != "--daemon") (
    lib.concatMap unit.words (valuesOf "ExecStart")
  );

  # The files that define something of the service. It may come from elsewhere, such as nix.envVars.
  definedIn =
    path:
    let
      # What says the same as the unit, not what gave way to it.
      isInForce = { value, ... }: lib.any (one: lib.elem (toString one) inForce) (lib.toList value);
      inForce = map ({ value, ... }: value) lines;
      found = others.below ([ "nix-daemon" ] ++ path) (others.definitions options.systemd.services);
      exact = lib.filter isInForce found;
      files = lib.unique (
        map ({ file, ... }: toString file) (if exact == [ ] then found else exact)
      );
    in
    lib.optionalString (files != [ ]) " in ${lib.concatStringsSep ", " files}";

  said = path: value: "systemd.services.nix-daemon.${lib.concatStringsSep "." path} ${value}${definedIn path}";
in
{
  config.assertions = lib.mkIf (cfg.enable && config.nix.enable && isWhole) [
    {
      assertion = set == [ ];
      message = ''
        ${
          said [
            "environment"
            (lib.head set)
          ] "is set"
        }, which overrides nix.conf and what nixsig sets there.
        Either set the same in nix.settings, or ${leave}.
      '';
    }
    {
      assertion = files == [ ];
      message = ''
        ${
          said [
            "serviceConfig"
            "EnvironmentFile"
          ] "is ${lib.concatStringsSep ", " files}"
        }: nobody knows before the daemon starts what is in there, and NIX_CONFIG in it overrides nix.conf.
        Either set what it has in systemd.services.nix-daemon.environment (what a cache wants to see, security.nixsig.gate.upstreams can send), or ${leave}.
      '';
    }
    {
      assertion = arguments == [ ];
      message = ''
        ${
          said [
            "serviceConfig"
            "ExecStart"
          ] "has ${lib.concatStringsSep " " arguments}"
        }: arguments override nix.conf and what nixsig sets there.
        Either set the same in nix.settings, or ${leave}.
      '';
    }
  ];
}
