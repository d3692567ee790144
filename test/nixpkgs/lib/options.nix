# What options and their definitions are made of.
{ lib }:

rec {
  mkOption = attributes: attributes // { _type = "option"; };

  isOption = value: builtins.isAttrs value && value._type or null == "option";

  mkEnableOption =
    what:
    mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${what}.";
    };

  # An option for a package that is `pkgs.<name>` by default.
  mkPackageOption =
    pkgs: name:
    { example, extraDescription }:
    mkOption {
      type = lib.types.package;
      default = pkgs.${name};
      defaultText = literalExpression "pkgs.${name}";
      example = literalExpression example;
      description = "The ${name} package to use. ${extraDescription}";
    };

  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };

  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };

  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };

  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };

  mkOptionDefault = mkOverride 1500;
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;

  mkOrder = priority: content: {
    _type = "order";
    inherit priority content;
  };

  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;

  # As people write the path of an option.
  showOption = path: builtins.concatStringsSep "." (map showPart path);

  # Those that stand for any name are left as they are.
  showPart =
    part:
    if builtins.match "[a-zA-Z_][a-zA-Z0-9_'-]*|[*]|<.*>" part != null then part else builtins.toJSON part;

  showFiles = files: builtins.concatStringsSep " and " (map (file: "`${toString file}'") files);

  # The end of a message: what was defined, and where.
  showDefs =
    defs:
    lib.concatMapStringsSep "" (
      { file, value, ... }:
      "\n- In `${toString file}'${
        let
          shown = builtins.tryEval (if builtins.isPath value then toString value else builtins.toJSON value);
        in
        if shown.success then ": ${shown.value}" else ""
      }"
    ) defs;
}
