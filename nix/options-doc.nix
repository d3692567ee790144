# The options of nixsig's module as data, from which docs/options.md is made: a list of { name,
# type, default, example, description }, sorted by name. `options` is the result of lib.evalModules,
# with nix/module.nix among its modules.
{ lib, options }:

let
  # A value in Nix syntax.
  print =
    indent: value:
    let
      inner = indent + "  ";
      # Puts items on one line, or on separate lines if that is too long.
      enclose =
        opening: closing: partsAt:
        let
          short = "${opening} ${lib.concatStringsSep " " (partsAt "")} ${closing}";
        in
        if builtins.stringLength short <= 76 && builtins.match ".*\n.*" short == null then
          short
        else
          "${opening}\n${
            lib.concatMapStringsSep "" (part: "${inner}${part}\n") (partsAt inner)
          }${indent}${closing}";
      key = name: if builtins.match "[A-Za-z_][A-Za-z0-9_-]*" name != null then name else builtins.toJSON name;
    in
    if value._type or null == "literalExpression" then
      value.text
    else if builtins.isList value then
      if value == [ ] then "[ ]" else enclose "[" "]" (at: map (print at) value)
    else if builtins.isAttrs value then
      if value == { } then
        "{ }"
      else
        enclose "{" "}" (at: lib.mapAttrsToList (name: field: "${key name} = ${print at field};") value)
    else if builtins.isString value then
      builtins.toJSON value
    else if value == null then
      "null"
    else if builtins.isBool value then
      lib.boolToString value
    else
      toString value;

  describe =
    option:
    let
      name = lib.showOption option.loc;
      sub = option.type.getSubOptions option.loc;
    in
    [
      {
        inherit name;
        type = option.type.description;
        default =
          if option ? defaultText then
            print "" option.defaultText
          else if option ? default then
            print "" option.default
          else
            null;
        example = if option ? example then print "" option.example else throw "${name} has no example";
        description = option.description or (throw "${name} has no description");
      }
    ]
    ++ walk (removeAttrs sub [ "_module" ]);

  walk =
    set:
    lib.concatMap (
      name:
      let
        option = set.${name};
      in
      if option._type or null == "option" then describe option else walk option
    ) (builtins.attrNames set);
in
walk options.security.nixsig
