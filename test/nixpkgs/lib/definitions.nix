# What comes of several definitions of one option: which of them count, in which order, and what they are together.
{ lib }:

let
  # What a definition comes to: conditions that do not hold drop out.
  discharge =
    value:
    let
      type = value._type or null;
    in
    if type == "merge" then
      builtins.concatMap discharge value.contents
    else if type == "if" then
      if value.condition then discharge value.content else [ ]
    else
      [ value ];

  # What mkOverride or mkOrder says of a definition, and the definition without that.
  priorityIn =
    kind: usual:
    { value, ... }:
    if value._type or null == kind then value.priority else usual;
  without =
    kind: def: if def.value._type or null == kind then def // { value = def.value.content; } else def;
  # As in nixpkgs, a definition with an order of its own keeps that beside its value.
  withoutOrder =
    def:
    if def.value._type or null == "order" then
      def
      // {
        value = def.value.content;
        inherit (def.value) priority;
      }
    else
      def;

  # Definitions of the strongest priority there is.
  strongest =
    defs:
    let
      priorityOf = priorityIn "override" 100;
      highestPrio = builtins.foldl' (least: def: lib.min least (priorityOf def)) 9999 defs;
    in
    {
      inherit highestPrio;
      values = map (without "override") (builtins.filter (def: priorityOf def == highestPrio) defs);
    };

  ordered =
    defs:
    let
      rankOf = priorityIn "order" 1000;
    in
    map withoutOrder (lib.sort (one: other: rankOf one < rankOf other) defs);
in
rec {
  # Conditions and priorities of a whole set, moved to each of its attributes.
  pushDown =
    value:
    let
      type = value._type or null;
      each = wrap: map (builtins.mapAttrs (_: wrap)) (pushDown value.content);
    in
    if type == "merge" then
      builtins.concatMap pushDown value.contents
    else if type == "if" then
      each (lib.mkIf value.condition)
    else if type == "override" then
      each (lib.mkOverride value.priority)
    else
      [ value ];

  # { isDefined, value, definitions, highestPrio } of definitions { file, value }.
  mergeDefinitions =
    loc: type: defs:
    let
      discharged = builtins.concatMap (
        def:
        map (value: {
          inherit (def) file;
          inherit value;
        }) (discharge def.value)
      ) defs;
      inherit (strongest discharged) highestPrio values;
      definitions = ordered values;
      wrong = builtins.filter (def: !type.check def.value) definitions;
      name = "`${lib.showOption loc}'";
    in
    {
      inherit highestPrio definitions;
      isDefined = discharged != [ ];
      value =
        if discharged == [ ] then
          throw "The option ${name} was accessed but has no value defined. Try setting the option."
        else if wrong != [ ] then
          throw "A definition for option ${name} is not of type `${type.description}'. Definition values:${lib.showDefs wrong}"
        else
          type.merge loc definitions;
    };
}
